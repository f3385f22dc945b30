/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The network device (virtio 1.2, section 5.1): pairs of queues, offloads, and the control queue. */
#ifndef ARMATURE_VIRTIO_NET_H
#define ARMATURE_VIRTIO_NET_H

#include "machine/contract/device.h"
#include "peripherals/net/dump.h"
#include "peripherals/net/net.h"
#include "peripherals/virtio/virtio.h"

#define VIRTIO_NET_TABLE_MAX 32
#define VIRTIO_NET_PAIRS_MAX 4
#define VIRTIO_NET_VLANS     4096
#define VIRTIO_NET_FLOWS     256

/** What the driver asks for (5.1.6.5.1, 5.1.6.5.2), in the order of the commands. */
enum virtio_net_mode {
    VIRTIO_NET_PROMISCUOUS,
    VIRTIO_NET_ALL_MULTICAST,
    VIRTIO_NET_ALL_UNICAST,
    VIRTIO_NET_NO_MULTICAST,
    VIRTIO_NET_NO_UNICAST,
    VIRTIO_NET_NO_BROADCAST,
    VIRTIO_NET_MODES
};

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
    struct inputs *inputs;
    char source_name[24], link_name[24];
    unsigned link_source; /* one byte: the cable is in (1) or pulled out (0) */
    struct net_dump *dump; /* NULL: none */
    unsigned pairs_max;
    uint8_t burnt_in_mac[6];
    struct virtio_net_config config;
    bool modes[VIRTIO_NET_MODES];
    struct virtio_net_table unicast, multicast;
    uint8_t vlans[VIRTIO_NET_VLANS / 8]; /* a bit for each whose frames the driver wants */
    uint32_t pairs;                      /* that the driver uses */
    uint8_t flows[VIRTIO_NET_FLOWS];     /* by a number of the connection: the pair it is sent on + 1; 0: unknown */
    uint64_t offloads_off;               /* of those negotiated for receiving, what the driver turned off */
    uint64_t dropped; /* frames for the guest that found no room, or no driver */
};

extern const struct device_class virtio_net_class;

/** Makes a network device at `backend`, which it owns from now on. `name` ("net0") names its input source; it
 * and `seed` make the MAC address. */
struct virtio_net *virtio_net_create(struct bus *bus, struct inputs *inputs, struct net_backend *backend,
                                     const char *name, uint64_t seed);

/** Adds `count` pairs of queues; with the first there are at most VIRTIO_NET_PAIRS_MAX. Before a transport is made. */
void virtio_net_add_pairs(struct virtio_net *net, unsigned count);

/** Gives it another MAC address than the seed's. */
void virtio_net_set_mac(struct virtio_net *net, const uint8_t mac[6]);

/** Has every frame that passes kept in `dump`, which is the device's from now on. */
void virtio_net_set_dump(struct virtio_net *net, struct net_dump *dump);

#endif
