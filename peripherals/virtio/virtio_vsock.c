/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The socket device (virtio 1.2, section 5.10): packets both ways, and the event that connections are gone. */
#include "peripherals/virtio/virtio_vsock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- state --- */

static const struct field virtio_vsock_list[] = {
    FIELD_STRUCT(struct virtio_vsock, virtio, &virtio_device_fields),
    FIELD_HOST(struct virtio_vsock, backend),
    FIELD_HOST(struct virtio_vsock, inputs),
    FIELD_HOST(struct virtio_vsock, config),
    FIELD_HOST(struct virtio_vsock, source_name),
    FIELD_HOST(struct virtio_vsock, reset_name),
    FIELD_HOST(struct virtio_vsock, reset_source),
    FIELD(struct virtio_vsock, dropped),
    FIELDS_END,
};
static const struct fields virtio_vsock_fields = {"virtio-vsock", sizeof(struct virtio_vsock), virtio_vsock_list};

enum queue { QUEUE_RX, QUEUE_TX, QUEUE_EVENT };
enum { EVENT_TRANSPORT_RESET = 0 };

/* --- from the guest --- */

static void send_packet(struct virtio_vsock *vsock, const struct virtq_chain *chain)
{
    struct vsock_header header;
    uint8_t payload[VSOCK_PAYLOAD_MAX_BYTES];

    if (virtq_read(vsock->virtio.bus, chain, 0, &header, sizeof header) != sizeof header ||
        header.length > sizeof payload || header.length > chain->readable_bytes - sizeof header ||
        header.source_cid != vsock->config.guest_cid)
        return;
    virtq_read(vsock->virtio.bus, chain, sizeof header, payload, header.length);
    if (!inputs_past(vsock->inputs))
        vsock->backend->ops->send(vsock->backend, &header, payload);
}

static void vsock_notify(void *device, unsigned queue)
{
    struct virtio_vsock *vsock = device;
    struct virtq_chain chain;

    if (queue != QUEUE_TX)
        return; /* room to receive in is found when there is something to deliver */
    while (virtio_pop(&vsock->virtio, QUEUE_TX, &chain)) {
        send_packet(vsock, &chain);
        virtio_put(&vsock->virtio, QUEUE_TX, chain.head, 0);
    }
    virtio_signal(&vsock->virtio, QUEUE_TX);
}

/* --- to the guest --- */

static bool receives(const struct virtio_vsock *vsock, enum queue queue)
{
    return virtio_running(&vsock->virtio) && vsock->virtio.queues[queue].ready;
}

/* Packets wait for room while there is a driver; without one there is nobody whose connections they could be. */
static size_t ready(const struct virtio_vsock *vsock, enum queue queue)
{
    struct virtq_chain chain;
    const struct virtqueue *ring = &vsock->virtio.queues[queue];
    return receives(vsock, queue) && virtqueue_peek((struct virtqueue *)ring, &chain) == VIRTQ_EMPTY ? 0 : SIZE_MAX;
}

static size_t packet_ready(void *device)
{
    return ready(device, QUEUE_RX);
}

static size_t reset_ready(void *device)
{
    return ready(device, QUEUE_EVENT);
}

/* A packet longer than the driver's buffers is given as several. Where they do not suffice bytes of a stream would be
 * missing, so that its end is told in their place. */
static void deliver_packet(void *device, const void *bytes, size_t length)
{
    struct virtio_vsock *vsock = device;
    struct vsock_header header;
    struct virtq_chain chain;
    const uint8_t *payload = (const uint8_t *)bytes + sizeof header;

    if (!receives(vsock, QUEUE_RX) || length < sizeof header) {
        vsock->dropped++;
        return;
    }
    memcpy(&header, bytes, sizeof header);
    size_t left = length - sizeof header;
    do {
        if (!virtio_pop(&vsock->virtio, QUEUE_RX, &chain)) {
            vsock->dropped++;
            break;
        }
        if (chain.writable_bytes < sizeof header) {
            virtio_break(&vsock->virtio);
            return;
        }
        size_t room = chain.writable_bytes - sizeof header, now = left < room ? left : room;
        if (now < left && virtqueue_peek(&vsock->virtio.queues[QUEUE_RX], &(struct virtq_chain){0}) != VIRTQ_CHAIN) {
            header.operation = VSOCK_RESET;
            left = now = 0;
        }
        header.length = (uint32_t)now;
        virtq_write(vsock->virtio.bus, &chain, 0, &header, sizeof header);
        virtq_write(vsock->virtio.bus, &chain, sizeof header, payload, now);
        virtio_put(&vsock->virtio, QUEUE_RX, chain.head, (uint32_t)(sizeof header + now));
        payload += now;
        left -= now;
    } while (left);
    virtio_signal(&vsock->virtio, QUEUE_RX);
}

/* What a packet from a log is at least. */
static bool valid_packet(void *device, const void *bytes, size_t length)
{
    return length >= sizeof(struct vsock_header) && length <= VSOCK_PACKET_MAX_BYTES;
}

static void deliver_reset(void *device, const void *bytes, size_t length)
{
    struct virtio_vsock *vsock = device;
    const uint32_t event = EVENT_TRANSPORT_RESET;
    struct virtq_chain chain;

    if (!receives(vsock, QUEUE_EVENT) || !virtio_pop(&vsock->virtio, QUEUE_EVENT, &chain))
        return;
    size_t written = virtq_write(vsock->virtio.bus, &chain, 0, &event, sizeof event);
    virtio_put(&vsock->virtio, QUEUE_EVENT, chain.head, (uint32_t)written);
    virtio_signal(&vsock->virtio, QUEUE_EVENT);
}

/* --- life --- */

static const struct virtio_device_ops vsock_ops = {.id = VIRTIO_ID_VSOCK, .notify = vsock_notify};

static void vsock_reset(void *device)
{
    struct virtio_vsock *vsock = device;
    vsock->dropped = 0;
    virtio_device_reset(&vsock->virtio);
}

static void vsock_restored(void *device)
{
    virtio_device_restored(&((struct virtio_vsock *)device)->virtio);
}

static void vsock_free(void *device)
{
    struct virtio_vsock *vsock = device;
    vsock->backend->ops->free(vsock->backend);
    free(vsock);
}

const struct device_class virtio_vsock_class = {
    .name = "virtio-vsock",
    .state = &virtio_vsock_fields,
    .reset = vsock_reset,
    .restored = vsock_restored,
    .free = vsock_free,
};

struct virtio_vsock *virtio_vsock_create(struct bus *bus, struct inputs *inputs, struct vsock_backend *backend,
                                         const char *name, uint32_t guest_cid)
{
    struct virtio_vsock *vsock = host_alloc(1, sizeof *vsock);
    vsock->backend = backend;
    vsock->inputs = inputs;
    vsock->config.guest_cid = guest_cid;
    snprintf(vsock->source_name, sizeof vsock->source_name, "%s.rx", name);
    snprintf(vsock->reset_name, sizeof vsock->reset_name, "%s.reset", name);
    virtio_device_init(&vsock->virtio, &vsock_ops, vsock, bus, 0);
    vsock->virtio.config = (const uint8_t *)&vsock->config;
    vsock->virtio.config_bytes = sizeof vsock->config;
    for (enum queue queue = QUEUE_RX; queue <= QUEUE_EVENT; queue++)
        virtio_add_queue(&vsock->virtio, VIRTQ_SIZE_MAX);
    backend->ops->attach(backend, inputs,
                         input_register(inputs, &(struct input_source){
                                                    .name = vsock->source_name,
                                                    .deliver = deliver_packet,
                                                    .ready = packet_ready,
                                                    .valid = valid_packet,
                                                    .device = vsock,
                                                }));
    vsock->reset_source = input_register(
        inputs,
        &(struct input_source){
            .name = vsock->reset_name, .deliver = deliver_reset, .ready = reset_ready, .device = vsock});
    return vsock;
}
