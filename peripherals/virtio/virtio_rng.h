/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The entropy device (virtio 1.2, section 5.4), whose bytes depend on the machine's seed. */
#ifndef ARMATURE_VIRTIO_RNG_H
#define ARMATURE_VIRTIO_RNG_H

#include "peripherals/virtio/random.h"
#include "peripherals/virtio/virtio.h"

/** The most that one request gets; the driver sees how much it was. */
#define VIRTIO_RNG_REQUEST_MAX_BYTES 65536u

struct virtio_rng {
    struct virtio_device virtio; /* what virtio_mmio_create() takes */
    uint64_t seed;
    struct random random;
};

extern const struct device_class virtio_rng_class;

struct virtio_rng *virtio_rng_create(struct bus *bus, uint64_t seed);

#endif
