/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The 9P transport device: takes requests off its queue, and puts answers, which are inputs, where they belong. */
#include "peripherals/virtio/virtio_9p.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- state --- */

static const struct field virtio_9p_list[] = {
    FIELD_STRUCT(struct virtio_9p, virtio, &virtio_device_fields),
    FIELD_HOST(struct virtio_9p, server),
    FIELD_HOST(struct virtio_9p, inputs),
    FIELD_HOST(struct virtio_9p, request),
    FIELD_HOST(struct virtio_9p, source_name),
    FIELD_HOST(struct virtio_9p, config),
    FIELD_ARRAY(struct virtio_9p, heads),
    FIELD(struct virtio_9p, first),
    FIELD(struct virtio_9p, in_flight),
    FIELD(struct virtio_9p, stale),
    FIELD_HOST(struct virtio_9p, waited),
    FIELD_BUFFER(struct virtio_9p, journal, journal_bytes),
    FIELD_HOST(struct virtio_9p, journal_bytes),
    FIELD_HOST(struct virtio_9p, journal_room),
    FIELD(struct virtio_9p, compact_at_bytes),
    FIELDS_END,
};
static const struct fields virtio_9p_fields = {"virtio-9p", sizeof(struct virtio_9p), virtio_9p_list};

/* --- tables --- */

#define FEATURE_MOUNT_TAG 1ull

#define MESSAGE_HEAD_BYTES 7u          /* size[4] type[1] tag[2]: the least there is of any message */
#define COMPACT_LEAST_BYTES (64u << 10) /* a journal of less is left alone */

/* --- the journal --- */

static void journal_add(struct virtio_9p *share, const uint8_t *records, size_t length)
{
    if (length == 0)
        return;
    if (share->journal_bytes + length > share->journal_room) {
        share->journal_room = 2 * (share->journal_bytes + length);
        share->journal = realloc(share->journal, share->journal_room);
        if (!share->journal)
            abort();
    }
    memcpy(share->journal + share->journal_bytes, records, length);
    share->journal_bytes += length;
    if (share->journal_bytes < share->compact_at_bytes)
        return;
    uint8_t *compact = share->server->compact(share->journal, share->journal_bytes, &share->journal_bytes);
    free(share->journal);
    share->journal = compact;
    share->journal_room = share->journal_bytes;
    share->compact_at_bytes = 2 * share->journal_bytes + COMPACT_LEAST_BYTES;
}

static void journal_clear(struct virtio_9p *share)
{
    free(share->journal);
    share->journal = NULL;
    share->journal_bytes = share->journal_room = 0;
    share->compact_at_bytes = COMPACT_LEAST_BYTES;
}

/* --- requests --- */

/* Gives one request to the server. False: it is none, nor is there room for an answer. */
static bool give(struct virtio_9p *share, const struct virtq_chain *chain)
{
    if (chain->readable_bytes < MESSAGE_HEAD_BYTES || chain->writable_bytes < MESSAGE_HEAD_BYTES)
        return false;
    size_t length = virtq_read(share->virtio.bus, chain, 0, share->request, SHARE_MESSAGE_MAX);
    share->heads[(share->first + share->in_flight++) % VIRTIO_9P_IN_FLIGHT_MAX] = chain->head;
    if (!inputs_past(share->inputs))
        share->server->ops->serve(share->server, share->request, length, chain->writable_bytes);
    return true;
}

static void take_requests(struct virtio_9p *share)
{
    struct virtq_chain chain;
    while (share->in_flight + share->stale < VIRTIO_9P_IN_FLIGHT_MAX && virtio_pop(&share->virtio, 0, &chain))
        if (!give(share, &chain)) {
            virtio_break(&share->virtio);
            return;
        }
}

static void share_notify(void *device, unsigned queue)
{
    take_requests(device);
}

/* --- answers --- */

/* The two parts of an answer. False: it is none. */
static bool split(const void *bytes, size_t length, size_t *records, size_t *reply)
{
    uint32_t records_bytes;
    if (length < sizeof records_bytes)
        return false;
    memcpy(&records_bytes, bytes, sizeof records_bytes);
    if (records_bytes > SHARE_RECORDS_MAX || records_bytes > length - sizeof records_bytes)
        return false;
    *records = records_bytes;
    *reply = length - sizeof records_bytes - records_bytes;
    return *reply >= MESSAGE_HEAD_BYTES && *reply <= SHARE_MESSAGE_MAX;
}

static bool share_valid(void *device, const void *bytes, size_t length)
{
    const struct virtio_9p *share = device;
    size_t records, reply;
    return share->in_flight + share->stale > 0 && split(bytes, length, &records, &reply) &&
           share->server->valid((const uint8_t *)bytes + sizeof(uint32_t), records);
}

static void answer(struct virtio_9p *share, uint16_t head, const uint8_t *reply, size_t length)
{
    struct virtq_chain chain;
    if (!virtio_running(&share->virtio) || !share->virtio.queues[0].ready)
        return;
    /* The driver owns the descriptors and may have changed them; what they say now is what counts. */
    if (!virtqueue_walk(&share->virtio.queues[0], head, &chain) || chain.writable_bytes < length) {
        virtio_break(&share->virtio);
        return;
    }
    virtio_put(&share->virtio, 0, head, virtq_write(share->virtio.bus, &chain, 0, reply, length));
    virtio_signal(&share->virtio, 0);
}

static void share_deliver(void *device, const void *bytes, size_t length)
{
    struct virtio_9p *share = device;
    const uint8_t *records = (const uint8_t *)bytes + sizeof(uint32_t);
    size_t records_bytes, reply_bytes;
    if (!split(bytes, length, &records_bytes, &reply_bytes))
        return;
    bool waited = share->waited > 0 && !inputs_past(share->inputs);
    share->waited -= waited;
    if (share->stale) {
        share->stale--;
    } else if (share->in_flight) {
        uint16_t head = share->heads[share->first];
        share->first = (share->first + 1) % VIRTIO_9P_IN_FLIGHT_MAX;
        share->in_flight--;
        journal_add(share, records, records_bytes);
        if (waited)
            share->server->ops->more(share->server, records, records_bytes);
        answer(share, head, records + records_bytes, reply_bytes);
    }
    if (virtio_running(&share->virtio) && share->virtio.queues[0].ready)
        take_requests(share);
}

/* --- operations --- */

static void share_reset_by_driver(void *device)
{
    struct virtio_9p *share = device;
    share->stale += share->in_flight;
    share->first = share->in_flight = 0;
    memset(share->heads, 0, sizeof share->heads);
    journal_clear(share);
    if (!inputs_past(share->inputs))
        share->server->ops->reset(share->server);
}

static const struct virtio_device_ops share_ops = {
    .id = VIRTIO_ID_9P,
    .reset = share_reset_by_driver,
    .notify = share_notify,
};

static void share_reset(void *device)
{
    virtio_device_reset(&((struct virtio_9p *)device)->virtio);
}

static void share_restored(void *device)
{
    struct virtio_9p *share = device;
    virtio_device_restored(&share->virtio);
    share->first %= VIRTIO_9P_IN_FLIGHT_MAX;
    if (share->in_flight > VIRTIO_9P_IN_FLIGHT_MAX)
        share->in_flight = 0;
    if (share->stale > VIRTIO_9P_IN_FLIGHT_MAX)
        share->stale = 0;
    share->journal_room = share->journal_bytes;
    if (!share->server->valid(share->journal, share->journal_bytes))
        journal_clear(share);
    if (inputs_past(share->inputs))
        return;
    share->waited = share->in_flight + share->stale;
    share->server->ops->restored(share->server, share->journal, share->journal_bytes);
}

static void share_free(void *device)
{
    struct virtio_9p *share = device;
    share_server_free(share->server);
    free(share->journal);
    free(share->request);
    free(share);
}

const struct device_class virtio_9p_class = {
    .name = "virtio-9p",
    .state = &virtio_9p_fields,
    .reset = share_reset,
    .restored = share_restored,
    .free = share_free,
};

struct virtio_9p *virtio_9p_create(struct bus *bus, struct inputs *inputs, struct share_server *server,
                                   const char *name, const char *tag)
{
    struct virtio_9p *share = calloc(1, sizeof *share);
    if (!share || !(share->request = malloc(SHARE_MESSAGE_MAX)))
        abort();
    share->server = server;
    share->inputs = inputs;
    share->config.tag_length = (uint16_t)strnlen(tag, SHARE_TAG_MAX);
    memcpy(share->config.tag, tag, share->config.tag_length);
    share->compact_at_bytes = COMPACT_LEAST_BYTES;
    snprintf(share->source_name, sizeof share->source_name, "%s.answers", name);
    virtio_device_init(&share->virtio, &share_ops, share, bus, FEATURE_MOUNT_TAG);
    share->virtio.config = (const uint8_t *)&share->config;
    share->virtio.config_bytes = sizeof share->config.tag_length + share->config.tag_length;
    virtio_add_queue(&share->virtio, 128);
    server->ops->attach(server, inputs,
                        input_register(inputs, &(struct input_source){
                                                   .name = share->source_name,
                                                   .deliver = share_deliver,
                                                   .valid = share_valid,
                                                   .device = share,
                                               }));
    return share;
}
