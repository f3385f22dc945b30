/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The MMIO transport (virtio 1.2, section 4.2), version 2: one slot of 0x200 bytes of registers and one wire.
 *
 * For the board:
 *
 *     struct virtio_blk *blk = virtio_blk_create(bus, clock, disk, "disk0");
 *     struct virtio_mmio *slot = virtio_mmio_create(&blk->virtio, irq);
 *     bus_add_window(bus, "virtio-mmio0", 0x0a000000, VIRTIO_MMIO_SLOT_BYTES, &virtio_mmio_ops, slot);
 *
 * Both the slot (virtio_mmio_class) and the device (virtio_blk_class) are devices of the board: two entries
 * in its list, so that both are reset, saved and freed. */
#ifndef ARMATURE_VIRTIO_MMIO_H
#define ARMATURE_VIRTIO_MMIO_H

#include "machine/contract/device.h"
#include "peripherals/virtio/virtio.h"

#define VIRTIO_MMIO_SLOT_BYTES 0x200ull

/** One slot. */
struct virtio_mmio {
    struct virtio_device *virtio; /* NULL: an unused slot, which reads device ID 0 (4.2.2) */
    struct irq_line irq;
    uint32_t device_features_select, driver_features_select, queue_select, shared_memory_select;
    uint32_t interrupt_status; /* virtio_interrupt bits; the wire is high while any is set */
};

extern const struct mmio_ops virtio_mmio_ops;
extern const struct device_class virtio_mmio_class;

/** Makes a slot around `virtio` (NULL: unused). The caller frees it by virtio_mmio_class.free; the device in
 * it is not owned. */
struct virtio_mmio *virtio_mmio_create(struct virtio_device *virtio, struct irq_line irq);

#endif
