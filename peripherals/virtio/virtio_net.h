/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The network device (virtio 1.2, section 5.1): one pair of queues and the control queue. */
#ifndef ARMATURE_VIRTIO_NET_H
#define ARMATURE_VIRTIO_NET_H

#include "machine/contract/device.h"
#include "peripherals/virtio/net.h"
#include "peripherals/virtio/virtio.h"

#define VIRTIO_NET_TABLE_MAX 32
#define VIRTIO_NET_MODES     6

/** Configuration space (5.1.4). */
struct virtio_net_config {
    uint8_t mac[6];
    uint16_t status, max_virtqueue_pairs, mtu;
} __attribute__((packed));

/** A list of addresses whose frames the driver wants (5.1.6.5.2). */
struct virtio_net_table {
    uint32_t count;
    bool overflow; /* there were more than fit: all are wanted */
    uint8_t addresses[VIRTIO_NET_TABLE_MAX][6];
};

struct virtio_net {
    struct virtio_device virtio; /* what virtio_mmio_create() takes */
    struct net_backend *backend;
    char source_name[24];
    uint8_t burnt_in_mac[6];
    struct virtio_net_config config;
    bool modes[VIRTIO_NET_MODES]; /* promisc, allmulti, alluni, nomulti, nouni, nobcast (5.1.6.5.1) */
    struct virtio_net_table unicast, multicast;
    uint64_t dropped; /* frames for the guest that found no room, or no driver */
};

extern const struct device_class virtio_net_class;

/** Makes a network device at `backend`, which it owns from now on. `name` ("net0") names its input source; it
 * and `seed` make the MAC address. */
struct virtio_net *virtio_net_create(struct bus *bus, struct inputs *inputs, struct net_backend *backend,
                                     const char *name, uint64_t seed);

#endif
