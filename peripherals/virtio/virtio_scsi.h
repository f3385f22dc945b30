/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The SCSI host device (virtio 1.2, section 5.6): disks and CD drives, each a target with one unit. */
#ifndef ARMATURE_VIRTIO_SCSI_H
#define ARMATURE_VIRTIO_SCSI_H

#include "machine/contract/device.h"
#include "peripherals/scsi/scsi_disk.h"
#include "peripherals/virtio/virtio.h"

#define VIRTIO_SCSI_TARGETS_MAX 16u
#define VIRTIO_SCSI_QUEUES_MAX  (VIRTIO_QUEUES_MAX - 2) /* of requests */

/** A request taken from a queue and not yet answered. All else of it is in guest RAM until it is. */
struct virtio_scsi_request {
    uint64_t due_ns;
    uint16_t head, queue;
};

/** Configuration space (5.6.4). */
struct virtio_scsi_config {
    uint32_t num_queues, seg_max, max_sectors, cmd_per_lun, event_info_size, sense_size, cdb_size;
    uint16_t max_channel, max_target;
    uint32_t max_lun;
};

struct virtio_scsi {
    struct virtio_device virtio; /* what virtio_mmio_create() takes */
    struct clock *clock;
    struct virtio_scsi_config config;
    struct scsi_disk *targets[VIRTIO_SCSI_TARGETS_MAX]; /* devices of their own */
    unsigned target_count;
    struct event completion; /* due when requests[first] is */
    struct virtio_scsi_request requests[VIRTQ_SIZE_MAX]; /* a ring, oldest first */
    uint32_t first, in_flight;
    uint64_t idle_at_ns;
    uint32_t subscribed;  /* a bit for each target whose change of medium the driver wants to be told */
    uint32_t changed;     /* those that it is to be told of */
    bool events_missed;
};

extern const struct device_class virtio_scsi_class;

/** Makes a host device with so many request queues. */
struct virtio_scsi *virtio_scsi_create(struct bus *bus, struct clock *clock, unsigned request_queues);

/** Adds a target, which stays the caller's; returns its number. At most VIRTIO_SCSI_TARGETS_MAX. */
unsigned virtio_scsi_add(struct virtio_scsi *scsi, struct scsi_disk *disk);

#endif
