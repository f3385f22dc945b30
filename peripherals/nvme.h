/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An NVM Express controller on PCI (NVM Express 1.4) with one namespace: a disk. */
#ifndef ARMATURE_NVME_H
#define ARMATURE_NVME_H

#include "peripherals/disk/disk_drive.h"
#include "peripherals/pci.h"
#include "peripherals/pci_msix.h"

#define NVME_QUEUES         17u /* of each kind, the administrator's among them */
#define NVME_QUEUE_SIZE_MAX 1024u
#define NVME_REQUESTS_MAX   128u
#define NVME_EVENTS_MAX     4u
#define NVME_COMMAND_BYTES  64u

/** A submission queue. Size 0: there is none. */
struct nvme_submission {
    uint64_t base;
    uint32_t size, head, tail;
    uint32_t completion; /* the queue that its completions go to */
};

struct nvme_completion {
    uint64_t base;
    uint32_t size, head, tail;
    uint32_t vector;
    bool phase, interrupts;
};

/** A command that was fetched and is not done. What it transfers is in guest memory until it is. */
struct nvme_request {
    uint64_t due_ns;
    uint32_t queue;
    uint8_t command[NVME_COMMAND_BYTES];
};

struct nvme {
    struct disk_drive drive;
    struct pci_function function;
    struct pci_msix msix;
    struct bus *bus;
    struct clock *clock;
    /* Registers. */
    uint32_t masked, configuration, status, admin_sizes;
    uint64_t admin_submission, admin_completion;
    struct nvme_submission submissions[NVME_QUEUES];
    struct nvme_completion completions[NVME_QUEUES];
    struct nvme_request requests[NVME_REQUESTS_MAX]; /* oldest first */
    uint32_t request_count;
    uint64_t idle_at_ns; /* when the medium has done all of them */
    struct event due;
    uint16_t event_commands[NVME_EVENTS_MAX]; /* asynchronous event requests that wait */
    uint32_t event_command_count;
    uint32_t event_waiting; /* dword 0 of an event that nobody has asked for yet; 0: none */
    uint32_t events_masked; /* a bit for each type that was told and whose log was not read */
    uint32_t features[16];  /* by their identifiers, what may be changed of them */
    uint64_t reads, writes, blocks_read, blocks_written, errors;
    bool master;
};

extern const struct device_class nvme_class;

/** Makes a controller of `disk`, which it owns from now on. `name` ("disk0") is the serial number. The function is to
 * be put into a slot. */
struct nvme *nvme_create(struct bus *bus, struct clock *clock, struct disk *disk, const char *name);

/** Puts the EUI-64 of its namespace, of 8 bytes, where the guest finds it too. */
void nvme_put_eui64(const struct nvme *nvme, uint8_t *to);

#endif
