/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The entropy device (virtio 1.2, section 5.4), whose bytes depend on the machine's seed. */
#include "peripherals/virtio/virtio_rng.h"

#include <stdlib.h>

/* --- state --- */

static const struct field virtio_rng_list[] = {
    FIELD_STRUCT(struct virtio_rng, virtio, &virtio_device_fields),
    FIELD_HOST(struct virtio_rng, seed),
    FIELD_ARRAY(struct virtio_rng, random.state),
    FIELDS_END,
};
static const struct fields virtio_rng_fields = {"virtio-rng", sizeof(struct virtio_rng), virtio_rng_list};

/* --- operations --- */

static uint32_t fill(struct virtio_rng *rng, const struct virtq_chain *chain)
{
    uint64_t block[64];
    uint32_t done = 0;

    while (done < chain->writable_bytes && done < VIRTIO_RNG_REQUEST_MAX_BYTES) {
        for (unsigned i = 0; i < sizeof block / sizeof block[0]; i++)
            block[i] = random_next(&rng->random);
        done += virtq_write(rng->virtio.bus, chain, done, block, sizeof block);
    }
    return done;
}

static void rng_notify(void *device, unsigned queue)
{
    struct virtio_rng *rng = device;
    struct virtq_chain chain;

    while (virtio_pop(&rng->virtio, queue, &chain))
        virtio_put(&rng->virtio, queue, chain.head, fill(rng, &chain));
    virtio_signal(&rng->virtio, queue);
}

static const struct virtio_device_ops rng_ops = {.id = VIRTIO_ID_RNG, .notify = rng_notify};

static void rng_reset(void *device)
{
    struct virtio_rng *rng = device;
    random_start(&rng->random, rng->seed, "virtio-rng");
    virtio_device_reset(&rng->virtio);
}

static void rng_restored(void *device)
{
    virtio_device_restored(&((struct virtio_rng *)device)->virtio);
}

static void rng_reidentify(void *device, uint64_t seed)
{
    struct virtio_rng *rng = device;
    rng->seed = seed;
    random_start(&rng->random, seed, "virtio-rng");
}

const struct device_class virtio_rng_class = {
    .name = "virtio-rng",
    .state = &virtio_rng_fields,
    .reset = rng_reset,
    .reidentify = rng_reidentify,
    .restored = rng_restored,
    .free = free,
};

struct virtio_rng *virtio_rng_create(struct bus *bus, uint64_t seed)
{
    struct virtio_rng *rng = calloc(1, sizeof *rng);
    if (!rng)
        abort();
    rng->seed = seed;
    random_start(&rng->random, seed, "virtio-rng");
    virtio_device_init(&rng->virtio, &rng_ops, rng, bus, 0);
    virtio_add_queue(&rng->virtio, 64);
    return rng;
}
