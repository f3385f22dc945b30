/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The block device (virtio 1.2, section 5.2). */
#ifndef ARMATURE_VIRTIO_BLK_H
#define ARMATURE_VIRTIO_BLK_H

#include "machine/contract/device.h"
#include "peripherals/disk/disk_drive.h"
#include "peripherals/virtio/virtio.h"

#define VIRTIO_BLK_ID_BYTES DISK_DRIVE_NAME_BYTES

/** A request taken from the queue and not yet answered. All else of it is in guest RAM until it is. */
struct virtio_blk_request {
    uint64_t due_ns;
    uint16_t head, queue;
};

/** Configuration space (5.2.4). */
struct virtio_blk_config {
    uint64_t capacity; /* sectors of 512 bytes */
    uint32_t size_max, seg_max;
    struct {
        uint16_t cylinders;
        uint8_t heads, sectors;
    } geometry;
    uint32_t blk_size;
    struct {
        uint8_t physical_block_exp, alignment_offset;
        uint16_t min_io_size;
        uint32_t opt_io_size;
    } topology;
    uint8_t writeback, unused0;
    uint16_t num_queues;
    uint32_t max_discard_sectors, max_discard_seg, discard_sector_alignment;
    uint32_t max_write_zeroes_sectors, max_write_zeroes_seg;
    uint8_t write_zeroes_may_unmap, unused1[3];
} __attribute__((packed));

struct virtio_blk {
    struct disk_drive drive;
    struct virtio_device virtio; /* what virtio_mmio_create() takes */
    struct clock *clock;
    struct event completion; /* due when requests[first] is */
    struct virtio_blk_config config;
    /* Requests in flight, oldest first: a ring. They end in the order in which they came. */
    struct virtio_blk_request requests[VIRTQ_SIZE_MAX];
    uint32_t first, in_flight;
    uint64_t idle_at_ns; /* when the medium has done all of them */
};

extern const struct device_class virtio_blk_class;

/** Makes a block device of `disk`, which it owns from now on. `id` is what get-id says (its first 20 bytes):
 * the guest's /dev/disk/by-id/virtio-ID. */
struct virtio_blk *virtio_blk_create(struct bus *bus, struct clock *clock, struct disk *disk, const char *id);

/** Gives the device `count` request queues (at most VIRTIO_QUEUES_MAX) in place of one. Before a transport is attached.
 */
void virtio_blk_add_queues(struct virtio_blk *blk, unsigned count);

#endif
