/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A driver for tests: sets up a virtio device through its MMIO registers and drives its queues, with rings
 * and buffers in guest RAM. It can also be told to misbehave, by writing the rings directly. */
#ifndef ARMATURE_TESTS_VIRTIO_DRIVER_H
#define ARMATURE_TESTS_VIRTIO_DRIVER_H

#include "tests/unit/unit.h"
#include "peripherals/virtio/virtio_mmio.h"

#define DRIVER_RAM_BASE   0x40000000ull
#define DRIVER_RAM_BYTES  0x400000ull
#define DRIVER_SLOT       0x0a000000ull
#define DRIVER_QUEUES     6
#define DRIVER_QUEUE_SIZE 16

/* Registers (virtio 1.2, 4.2.2). */
enum {
    MMIO_MAGIC = 0x00,
    MMIO_VERSION = 0x04,
    MMIO_DEVICE_ID = 0x08,
    MMIO_DEVICE_FEATURES = 0x10,
    MMIO_DEVICE_FEATURES_SEL = 0x14,
    MMIO_DRIVER_FEATURES = 0x20,
    MMIO_DRIVER_FEATURES_SEL = 0x24,
    MMIO_QUEUE_SEL = 0x30,
    MMIO_QUEUE_NUM_MAX = 0x34,
    MMIO_QUEUE_NUM = 0x38,
    MMIO_QUEUE_READY = 0x44,
    MMIO_QUEUE_NOTIFY = 0x50,
    MMIO_INTERRUPT_STATUS = 0x60,
    MMIO_INTERRUPT_ACK = 0x64,
    MMIO_STATUS = 0x70,
    MMIO_QUEUE_DESC = 0x80,
    MMIO_QUEUE_DRIVER = 0x90,
    MMIO_QUEUE_DEVICE = 0xa0,
    MMIO_SHM_LENGTH = 0xb0,
    MMIO_CONFIG_GENERATION = 0xfc,
    MMIO_CONFIG = 0x100,
};

struct driver_descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags, next;
};
enum { D_NEXT = 1, D_WRITE = 2, D_INDIRECT = 4 };

struct driver_available {
    uint16_t flags, index, ring[DRIVER_QUEUE_SIZE], used_event;
};
struct driver_used {
    uint16_t flags, index;
    struct {
        uint32_t id, length;
    } ring[DRIVER_QUEUE_SIZE];
    uint16_t available_event;
};

/* The rings of one queue, as host pointers into guest RAM. */
struct driver_queue {
    struct driver_descriptor *descriptors;
    struct driver_available *available;
    struct driver_used *used;
    uint16_t free, seen; /* next descriptor to use (round robin), used entries already looked at */
};

struct driver {
    struct bus bus;
    struct clock clock;
    struct virtio_mmio *slot;
    bool wire; /* level of the interrupt line */
    unsigned wire_rises;
    uint64_t allocated; /* bytes of RAM given out by driver_alloc() */
    struct driver_queue queues[DRIVER_QUEUES];
};

/* A buffer of a request. */
struct driver_buffer {
    uint64_t address;
    uint32_t length;
    bool device_writes;
};

void driver_init(struct driver *driver);
void driver_attach(struct driver *driver, struct virtio_device *virtio);
void driver_free(struct driver *driver);

uint32_t driver_read(struct driver *driver, unsigned reg);
void driver_write(struct driver *driver, unsigned reg, uint32_t value);

/* Guest RAM: `length` bytes, aligned to 16; and the host's view of them. */
uint64_t driver_alloc(struct driver *driver, uint64_t length);
void *driver_ram(struct driver *driver, uint64_t address);

uint64_t driver_offered(struct driver *driver);

/* Reset, negotiation up to FEATURES_OK, `queue_count` queues; not yet DRIVER_OK. */
void driver_negotiate(struct driver *driver, uint64_t features, unsigned queue_count);
/* The same, and DRIVER_OK. */
void driver_start(struct driver *driver, uint64_t features, unsigned queue_count);

/* Puts a chain on a ring without notifying, direct or through an indirect table; returns its head. */
uint16_t driver_add(struct driver *driver, unsigned queue, const struct driver_buffer *buffers,
                    unsigned count);
uint16_t driver_add_indirect(struct driver *driver, unsigned queue, const struct driver_buffer *buffers,
                             unsigned count);
/* Makes descriptor `head` available as it stands. */
void driver_offer(struct driver *driver, unsigned queue, uint16_t head);
void driver_kick(struct driver *driver, unsigned queue);

/* The next used entry, if there is one. */
bool driver_used(struct driver *driver, unsigned queue, uint16_t *head, uint32_t *length);

/* Virtual time goes on to the next event; false when there is none. */
bool driver_advance(struct driver *driver);

bool driver_needs_reset(struct driver *driver);

#endif
