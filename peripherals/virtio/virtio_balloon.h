/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The balloon device (virtio 1.2, section 5.5): memory that the guest does not use goes back to the host, as the guest
 * reports it (free page reporting). The host asks for none: the balloon itself stays as large as the guest makes it. */
#ifndef ARMATURE_VIRTIO_BALLOON_H
#define ARMATURE_VIRTIO_BALLOON_H

#include "machine/contract/device.h"
#include "peripherals/virtio/virtio.h"

/** Configuration space (5.5.4), as far as it is offered. */
struct virtio_balloon_config {
    uint32_t num_pages, actual;
};

struct virtio_balloon {
    struct virtio_device virtio; /* what virtio_mmio_create() takes */
    struct virtio_balloon_config config;
    uint64_t inflated_bytes; /* in the balloon, as the guest said */
    uint64_t reported_bytes; /* that it reported as free, ever */
};

extern const struct device_class virtio_balloon_class;

/** Makes a balloon. */
struct virtio_balloon *virtio_balloon_create(struct bus *bus);

#endif
