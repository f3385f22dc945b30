/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The graphics device (virtio 1.2, section 5.7): two dimensions, one screen. */
#ifndef ARMATURE_VIRTIO_GPU_H
#define ARMATURE_VIRTIO_GPU_H

#include "machine/contract/device.h"
#include "machine/contract/display.h"
#include "peripherals/virtio/virtio.h"

#define VIRTIO_GPU_RESOURCES   128u
#define VIRTIO_GPU_STORE_BYTES (256ull << 20) /* pixels and lists of all resources */

/** A picture of the guest. Its pixels, and the list of where the guest keeps its own copy, lie in the device's store.
 */
struct virtio_gpu_resource {
    uint32_t id; /* 0: there is none here */
    uint32_t format, width, height;
    uint64_t pixels_at;
    uint64_t backing_at;
    uint32_t backing_count; /* 0: the guest keeps none */
};

struct virtio_gpu_rect {
    uint32_t x, y, width, height;
};

/** Configuration space (5.7.4). */
struct virtio_gpu_config {
    uint32_t events_read, events_clear, num_scanouts, num_capsets;
};

struct virtio_gpu {
    struct virtio_device virtio; /* what virtio_mmio_create() takes */
    struct display *display;
    struct virtio_gpu_config config;
    uint8_t *store; /* VIRTIO_GPU_STORE_BYTES, taken from the host as they are touched */
    struct page_watch *watches; /* of the store */
    struct virtio_gpu_resource resources[VIRTIO_GPU_RESOURCES];
    uint32_t shown; /* the resource on the screen; 0: none */
    struct virtio_gpu_rect shown_rect;
    bool lit; /* something of it was not black */
    uint32_t cursor; /* the resource that is the cursor's picture; 0: it is hidden */
    uint32_t cursor_x, cursor_y, cursor_hot_x, cursor_hot_y;
    uint32_t width, height; /* that the screen would like */
    unsigned size_source;
};

extern const struct device_class virtio_gpu_class;

/** A device that shows on `display` (the caller's), whose window is `width` by `height` at first. Another size comes by
 * the input source "gpu0.size": 8 bytes, width and height, little-endian. */
struct virtio_gpu *virtio_gpu_create(struct bus *bus, struct inputs *inputs, struct display *display, uint32_t width,
                                     uint32_t height);

/** EDID of a screen that prefers a size: 128 bytes (VESA E-EDID 1.4, one detailed timing at about 60 Hz). */
void virtio_gpu_edid(uint32_t width, uint32_t height, uint8_t edid[128]);

#endif
