/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What every virtio device shares (virtio 1.2, section 2): status, feature negotiation, configuration space,
 * queues. */
#include "peripherals/virtio/virtio.h"

#include <assert.h>
#include <string.h>

/* --- state --- */

static const struct field virtio_device_list[] = {
    FIELD_HOST(struct virtio_device, ops),
    FIELD_HOST(struct virtio_device, device),
    FIELD_HOST(struct virtio_device, bus),
    FIELD_HOST(struct virtio_device, transport_ops),
    FIELD_HOST(struct virtio_device, transport),
    FIELD_HOST(struct virtio_device, config),
    FIELD_HOST(struct virtio_device, config_bytes),
    FIELD_HOST(struct virtio_device, offered),
    FIELD(struct virtio_device, features),
    FIELD(struct virtio_device, status),
    FIELD(struct virtio_device, config_generation),
    FIELD_HOST(struct virtio_device, queue_count),
    FIELD_STRUCT_ARRAY(struct virtio_device, queues, &virtqueue_fields),
    FIELDS_END,
};

const struct fields virtio_device_fields = {"virtio_device", sizeof(struct virtio_device),
                                            virtio_device_list};

/* --- set-up and reset --- */

void virtio_device_init(struct virtio_device *virtio, const struct virtio_device_ops *ops, void *device,
                        struct bus *bus, uint64_t offered)
{
    *virtio = (struct virtio_device){
        .ops = ops,
        .device = device,
        .bus = bus,
        .offered = offered | VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX,
    };
    for (unsigned i = 0; i < VIRTIO_QUEUES_MAX; i++)
        virtqueue_init(&virtio->queues[i], bus, 0);
}

void virtio_add_queue(struct virtio_device *virtio, uint16_t size_max)
{
    assert(virtio->queue_count < VIRTIO_QUEUES_MAX);
    virtqueue_init(&virtio->queues[virtio->queue_count++], virtio->bus, size_max);
}

void virtio_device_reset(struct virtio_device *virtio)
{
    virtio->features = 0;
    virtio->status = 0;
    virtio->config_generation = 0;
    for (unsigned i = 0; i < VIRTIO_QUEUES_MAX; i++)
        virtqueue_reset(&virtio->queues[i]);
    if (virtio->ops->reset)
        virtio->ops->reset(virtio->device);
}

void virtio_device_restored(struct virtio_device *virtio)
{
    if (virtio->status & VIRTIO_STATUS_FEATURES_OK)
        virtio->features &= virtio->offered;
    for (unsigned i = 0; i < VIRTIO_QUEUES_MAX; i++) {
        struct virtqueue *queue = &virtio->queues[i];
        if (queue->ready && !virtqueue_enable(queue))
            virtio_break(virtio);
    }
}

/* --- for devices --- */

bool virtio_running(const struct virtio_device *virtio)
{
    return (virtio->status & (VIRTIO_STATUS_DRIVER_OK | VIRTIO_STATUS_NEEDS_RESET)) ==
           VIRTIO_STATUS_DRIVER_OK;
}

static void interrupt(struct virtio_device *virtio, enum virtio_interrupt cause, unsigned queue)
{
    if (virtio->transport_ops)
        virtio->transport_ops->interrupt(virtio->transport, cause, queue);
}

void virtio_break(struct virtio_device *virtio)
{
    if (virtio->status & VIRTIO_STATUS_NEEDS_RESET)
        return;
    virtio->status |= VIRTIO_STATUS_NEEDS_RESET;
    /* 2.1.2: the notification is sent only to a driver that is set up. */
    if (virtio->status & VIRTIO_STATUS_DRIVER_OK)
        virtio_config_changed(virtio);
}

void virtio_config_changed(struct virtio_device *virtio)
{
    virtio->config_generation++;
    if (virtio->status & VIRTIO_STATUS_DRIVER_OK)
        interrupt(virtio, VIRTIO_INTERRUPT_CONFIG, 0);
}

bool virtio_pop(struct virtio_device *virtio, unsigned queue, struct virtq_chain *chain)
{
    if (!virtio_running(virtio) || !virtio->queues[queue].ready)
        return false;
    switch (virtqueue_pop(&virtio->queues[queue], chain)) {
    case VIRTQ_CHAIN: return true;
    case VIRTQ_EMPTY: return false;
    case VIRTQ_BROKEN: break;
    }
    virtio_break(virtio);
    return false;
}

void virtio_put(struct virtio_device *virtio, unsigned queue, uint16_t head, uint32_t written)
{
    if (!virtqueue_put(&virtio->queues[queue], head, written))
        virtio_break(virtio);
}

void virtio_signal(struct virtio_device *virtio, unsigned queue)
{
    struct virtqueue *q = &virtio->queues[queue];
    if (!virtio_running(virtio) || !q->ready)
        return;
    if (!virtqueue_publish(q))
        virtio_break(virtio);
    else if (virtqueue_wants_interrupt(q))
        interrupt(virtio, VIRTIO_INTERRUPT_QUEUE, queue);
}

/* --- for transports --- */

void virtio_write_status(struct virtio_device *virtio, uint8_t value)
{
    uint8_t set = value & ~virtio->status;

    if (value == 0) {
        virtio_device_reset(virtio);
        return;
    }
    /* 2.2.2: FEATURES_OK does not stick where the device cannot go with the driver's choice. */
    if (set & VIRTIO_STATUS_FEATURES_OK) {
        if ((virtio->features & ~virtio->offered) || !virtio_has(virtio, VIRTIO_F_VERSION_1)) {
            set &= ~VIRTIO_STATUS_FEATURES_OK;
        } else {
            for (unsigned i = 0; i < virtio->queue_count; i++) {
                virtio->queues[i].indirect = virtio_has(virtio, VIRTIO_F_INDIRECT_DESC);
                virtio->queues[i].event_index = virtio_has(virtio, VIRTIO_F_EVENT_IDX);
            }
        }
    }
    /* NEEDS_RESET is the device's own, and bits are cleared by a reset only. */
    set &= ~VIRTIO_STATUS_NEEDS_RESET;
    if ((set & VIRTIO_STATUS_DRIVER_OK) && !((virtio->status | set) & VIRTIO_STATUS_FEATURES_OK))
        set &= ~VIRTIO_STATUS_DRIVER_OK;
    virtio->status |= set;
    if (set & VIRTIO_STATUS_DRIVER_OK)
        for (unsigned i = 0; i < virtio->queue_count; i++)
            virtio_notify(virtio, i);
}

void virtio_write_features(struct virtio_device *virtio, unsigned word, uint32_t value)
{
    if (word > 1 || (virtio->status & VIRTIO_STATUS_FEATURES_OK))
        return;
    virtio->features &= ~(0xffffffffull << (32 * word));
    virtio->features |= (uint64_t)value << (32 * word);
}

void virtio_enable_queue(struct virtio_device *virtio, unsigned queue)
{
    if (!virtqueue_enable(&virtio->queues[queue]))
        virtio_break(virtio);
}

void virtio_notify(struct virtio_device *virtio, uint32_t queue)
{
    if (queue < virtio->queue_count && virtio->queues[queue].ready && virtio_running(virtio))
        virtio->ops->notify(virtio->device, queue);
}

uint64_t virtio_config_read(const struct virtio_device *virtio, uint64_t offset, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        if (offset + i < virtio->config_bytes)
            value |= (uint64_t)virtio->config[offset + i] << (8 * i);
    return value;
}

void virtio_config_write(struct virtio_device *virtio, uint64_t offset, unsigned size, uint64_t value)
{
    if (virtio->ops->config_write && offset + size <= virtio->config_bytes)
        virtio->ops->config_write(virtio->device, offset, size, value);
}
