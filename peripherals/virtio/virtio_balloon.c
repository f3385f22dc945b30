/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The balloon device: two queues of page numbers, and one of free pages. What is given away reads as zeroes from then
 * on, whatever the host had there, so that runs can be repeated. */
#include "peripherals/virtio/virtio_balloon.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* --- state --- */

static const struct field virtio_balloon_list[] = {
    FIELD_STRUCT(struct virtio_balloon, virtio, &virtio_device_fields),
    FIELD(struct virtio_balloon, config.actual),
    FIELD_HOST(struct virtio_balloon, config),
    FIELD(struct virtio_balloon, inflated_bytes),
    FIELD(struct virtio_balloon, reported_bytes),
    FIELDS_END,
};
static const struct fields virtio_balloon_fields = {"virtio-balloon", sizeof(struct virtio_balloon),
                                                    virtio_balloon_list};

/* --- tables --- */

#define FEATURE_PAGE_REPORTING (1ull << 5)

/* The queues of statistics and of hints are not offered, so they have no number. */
enum queue { QUEUE_INFLATE, QUEUE_DEFLATE, QUEUE_REPORTING };

/* --- operations --- */

/* 5.5.6.1: an array of page numbers, in units of 4096 bytes whatever the guest's pages are. */
static void move_pages(struct virtio_balloon *balloon, const struct virtq_chain *chain, bool inflate)
{
    uint32_t page;
    for (uint64_t at = 0; virtq_read(balloon->virtio.bus, chain, at, &page, sizeof page) == sizeof page;
         at += sizeof page) {
        uint64_t address = (uint64_t)page << PAGE_BITS;
        if (!ram_at(&balloon->virtio.bus->ram, address, PAGE_SIZE_BYTES))
            continue; /* no page of the guest's: it cannot be given */
        if (inflate) {
            bus_give_back(balloon->virtio.bus, address, PAGE_SIZE_BYTES);
            balloon->inflated_bytes += PAGE_SIZE_BYTES;
        } else if (balloon->inflated_bytes) {
            balloon->inflated_bytes -= PAGE_SIZE_BYTES;
        }
    }
}

/* 5.5.6.7: the buffers themselves are what is free. */
static void take_report(struct virtio_balloon *balloon, const struct virtq_chain *chain)
{
    for (unsigned i = chain->readable_count; i < chain->segment_count; i++)
        balloon->reported_bytes +=
            bus_give_back(balloon->virtio.bus, chain->segments[i].address, chain->segments[i].length);
}

static void balloon_notify(void *device, unsigned queue)
{
    struct virtio_balloon *balloon = device;
    struct virtq_chain chain;
    while (virtio_pop(&balloon->virtio, queue, &chain)) {
        if (queue == QUEUE_REPORTING)
            take_report(balloon, &chain);
        else
            move_pages(balloon, &chain, queue == QUEUE_INFLATE);
        virtio_put(&balloon->virtio, queue, chain.head, 0);
    }
    virtio_signal(&balloon->virtio, queue);
}

static void balloon_config_write(void *device, unsigned offset, unsigned size, uint64_t value)
{
    struct virtio_balloon *balloon = device;
    if (offset == offsetof(struct virtio_balloon_config, actual) && size == sizeof balloon->config.actual)
        balloon->config.actual = (uint32_t)value;
}

static void balloon_reset_by_driver(void *device)
{
    struct virtio_balloon *balloon = device;
    balloon->config.actual = 0;
    balloon->inflated_bytes = balloon->reported_bytes = 0;
}

static const struct virtio_device_ops balloon_ops = {
    .id = VIRTIO_ID_BALLOON,
    .reset = balloon_reset_by_driver,
    .notify = balloon_notify,
    .config_write = balloon_config_write,
};

static void balloon_reset(void *device)
{
    virtio_device_reset(&((struct virtio_balloon *)device)->virtio);
}

static void balloon_restored(void *device)
{
    virtio_device_restored(&((struct virtio_balloon *)device)->virtio);
}

const struct device_class virtio_balloon_class = {
    .name = "virtio-balloon",
    .state = &virtio_balloon_fields,
    .reset = balloon_reset,
    .restored = balloon_restored,
    .free = free,
};

struct virtio_balloon *virtio_balloon_create(struct bus *bus)
{
    struct virtio_balloon *balloon = calloc(1, sizeof *balloon);
    if (!balloon)
        abort();
    virtio_device_init(&balloon->virtio, &balloon_ops, balloon, bus, FEATURE_PAGE_REPORTING);
    balloon->virtio.config = (const uint8_t *)&balloon->config;
    balloon->virtio.config_bytes = sizeof balloon->config;
    for (enum queue queue = QUEUE_INFLATE; queue <= QUEUE_REPORTING; queue++)
        virtio_add_queue(&balloon->virtio, 128);
    return balloon;
}
