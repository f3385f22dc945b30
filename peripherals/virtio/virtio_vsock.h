/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The socket device (virtio 1.2, section 5.10). It carries packets; connections are the guest's and the backend's. */
#ifndef ARMATURE_VIRTIO_VSOCK_H
#define ARMATURE_VIRTIO_VSOCK_H

#include "machine/contract/device.h"
#include "peripherals/virtio/virtio.h"
#include "peripherals/virtio/vsock.h"

struct virtio_vsock {
    struct virtio_device virtio;
    struct vsock_backend *backend;
    struct inputs *inputs;
    struct {
        uint64_t guest_cid;
    } config;
    char source_name[24], reset_name[24];
    unsigned reset_source; /* an input tells the driver that all connections are gone (5.10.6.7) */
    uint64_t dropped;      /* packets for the guest that found no driver, or too little room */
};

extern const struct device_class virtio_vsock_class;

/** Makes a socket device at `backend`, which it owns from now on. `name` names its sources, `guest_cid` the guest. */
struct virtio_vsock *virtio_vsock_create(struct bus *bus, struct inputs *inputs, struct vsock_backend *backend,
                                         const char *name, uint32_t guest_cid);

#endif
