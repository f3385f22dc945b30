/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The input device (virtio 1.2, section 5.8): a keyboard or a tablet. */
#ifndef ARMATURE_VIRTIO_INPUT_H
#define ARMATURE_VIRTIO_INPUT_H

#include "machine/contract/device.h"
#include "machine/contract/input_event.h"
#include "peripherals/virtio/virtio.h"

#define VIRTIO_INPUT_WAITING_MAX 256u

enum virtio_input_kind { VIRTIO_INPUT_KEYBOARD, VIRTIO_INPUT_TABLET };

/** Configuration space (5.8.4). */
struct virtio_input_config {
    uint8_t select, subsel, size, unused[5];
    uint8_t content[128];
};

struct virtio_input {
    struct virtio_device virtio; /* what virtio_mmio_create() takes */
    enum virtio_input_kind kind;
    struct virtio_input_config config;
    /* Events for which the driver has given no room yet, oldest first: a ring. */
    struct input_event_record waiting[VIRTIO_INPUT_WAITING_MAX];
    uint32_t first, count;
    uint32_t leds; /* a bit each that the guest has lit */
    unsigned source;
};

extern const struct device_class virtio_input_class;

/** Makes a device whose events come by the input source `name`: each input is whole struct input_event_record. `name`
 * lives as long. Events that the guest does not listen to are lost, as a real keyboard's are. */
struct virtio_input *virtio_input_create(struct bus *bus, struct inputs *inputs, enum virtio_input_kind kind,
                                         const char *name);

#endif
