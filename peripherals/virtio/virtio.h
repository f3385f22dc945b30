/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What every virtio device shares (virtio 1.2, section 2): status, feature negotiation, configuration space,
 * queues.
 *
 * A device (virtio_blk.c) embeds a struct virtio_device and gives a virtio_device_ops; a transport
 * (virtio_mmio.c) makes registers of it. Neither knows the other. */
#ifndef ARMATURE_VIRTIO_H
#define ARMATURE_VIRTIO_H

#include "machine/contract/device.h"
#include "peripherals/virtio/virtqueue.h"

#define VIRTIO_QUEUES_MAX 12

/** Bits of the device status field (2.1). */
enum virtio_status {
    VIRTIO_STATUS_ACKNOWLEDGE = 1,
    VIRTIO_STATUS_DRIVER = 2,
    VIRTIO_STATUS_DRIVER_OK = 4,
    VIRTIO_STATUS_FEATURES_OK = 8,
    VIRTIO_STATUS_NEEDS_RESET = 64,
    VIRTIO_STATUS_FAILED = 128,
};

/** Device-independent feature bits (6). */
#define VIRTIO_F_INDIRECT_DESC (1ull << 28)
#define VIRTIO_F_EVENT_IDX     (1ull << 29)
#define VIRTIO_F_VERSION_1     (1ull << 32)

/** Why a device interrupts; the bits of the MMIO transport's InterruptStatus. */
enum virtio_interrupt { VIRTIO_INTERRUPT_QUEUE = 1, VIRTIO_INTERRUPT_CONFIG = 2 };

/** Device IDs (5). */
enum virtio_id {
    VIRTIO_ID_NET = 1,
    VIRTIO_ID_BLOCK = 2,
    VIRTIO_ID_CONSOLE = 3,
    VIRTIO_ID_RNG = 4,
    VIRTIO_ID_BALLOON = 5,
    VIRTIO_ID_SCSI = 8,
    VIRTIO_ID_9P = 9,
    VIRTIO_ID_GPU = 16,
    VIRTIO_ID_INPUT = 18,
    VIRTIO_ID_VSOCK = 19,
    VIRTIO_ID_SOUND = 25,
};

/** What a device does. `device` is the owner given to virtio_device_init(). NULL: nothing to do. */
struct virtio_device_ops {
    enum virtio_id id;
    /* The driver reset the device: requests in flight are dropped, nothing more goes to the queues. */
    void (*reset)(void *device);
    /* The driver notified queue `queue`, or became ready. Called with DRIVER_OK set and the queue enabled. */
    void (*notify)(void *device, unsigned queue);
    /* The driver writes configuration space; `offset + size` is within it. NULL: all of it is read-only. */
    void (*config_write)(void *device, unsigned offset, unsigned size, uint64_t value);
};

/** How a device reaches its transport. */
struct virtio_transport_ops {
    void (*interrupt)(void *transport, enum virtio_interrupt cause, unsigned queue);
};

/** The common part of a device. */
struct virtio_device {
    const struct virtio_device_ops *ops;
    void *device;
    struct bus *bus;
    const struct virtio_transport_ops *transport_ops; /* NULL while no transport is attached */
    void *transport;
    const uint8_t *config; /* configuration space as the driver reads it */
    unsigned config_bytes;
    uint64_t offered;  /* feature bits */
    uint64_t features; /* what the driver accepted; final once FEATURES_OK is set */
    uint8_t status;    /* virtio_status bits */
    uint32_t config_generation;
    unsigned queue_count;
    struct virtqueue queues[VIRTIO_QUEUES_MAX];
};

extern const struct fields virtio_device_fields;

/* For devices. */

/** Makes the common part of `device`. The ring features and VIRTIO_F_VERSION_1 are offered beside `offered`.
 */
void virtio_device_init(struct virtio_device *virtio, const struct virtio_device_ops *ops, void *device,
                        struct bus *bus, uint64_t offered);

/** Adds the next queue, of up to `size_max` entries. */
void virtio_add_queue(struct virtio_device *virtio, uint16_t size_max);

/** Whether the driver is ready and the device need not be reset. */
bool virtio_running(const struct virtio_device *virtio);

/** Whether the driver accepted a feature (one or more bits, all of them). */
static inline bool virtio_has(const struct virtio_device *virtio, uint64_t feature)
{
    return (virtio->features & feature) == feature;
}

/** Takes the next chain of a queue; false when there is none. A broken queue stops the device. */
bool virtio_pop(struct virtio_device *virtio, unsigned queue, struct virtq_chain *chain);

/** Hands a chain back (see virtqueue_put). */
void virtio_put(struct virtio_device *virtio, unsigned queue, uint16_t head, uint32_t written);

/** Publishes what was handed back and interrupts where the driver wants it. */
void virtio_signal(struct virtio_device *virtio, unsigned queue);

/** The driver broke a rule: the device stops, with DEVICE_NEEDS_RESET (2.1.2). */
void virtio_break(struct virtio_device *virtio);

/** Configuration space changed: a new generation, and an interrupt. */
void virtio_config_changed(struct virtio_device *virtio);

/** Resets to what virtio_device_init() and virtio_add_queue() made; calls ops->reset. */
void virtio_device_reset(struct virtio_device *virtio);

/** To be called by the device's `restored`: distrusts what a snapshot said of the queues. */
void virtio_device_restored(struct virtio_device *virtio);

/* For transports. */

/** The driver writes the status field; 0 resets. */
void virtio_write_status(struct virtio_device *virtio, uint8_t value);

/** The driver accepts features: bits 0-31 (word 0) or 32-63 (word 1). */
void virtio_write_features(struct virtio_device *virtio, unsigned word, uint32_t value);

/** The driver enables queue `queue`, which exists. A queue that cannot be enabled stops the device. */
void virtio_enable_queue(struct virtio_device *virtio, unsigned queue);

/** The driver notifies; any number is accepted. */
void virtio_notify(struct virtio_device *virtio, uint32_t queue);

/** Configuration space, `size` bytes at `offset`; beyond its end it reads as zero and ignores writes. */
uint64_t virtio_config_read(const struct virtio_device *virtio, uint64_t offset, unsigned size);
void virtio_config_write(struct virtio_device *virtio, uint64_t offset, unsigned size, uint64_t value);

#endif
