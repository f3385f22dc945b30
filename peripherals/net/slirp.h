/* SPDX-License-Identifier: GPL-3.0-or-later */
/* User-mode networking by libslirp: the guest sees a network 10.0.2.0/24 with a router and DHCP server
 * at 10.0.2.2, a name server at 10.0.2.3 and itself at 10.0.2.15; over IPv6 fec0::/64, with a router at fec0::2 and a
 * name server at fec0::3. Its connections become the host process's own.
 *
 * For the board:
 *
 *     struct net_backend *backend = net_slirp_open(clock, false, &error);
 *     net_slirp_forward(backend, false, INADDR_LOOPBACK, 2222, 22, &error);
 *     struct virtio_net *net = virtio_net_create(bus, inputs, backend, "net0", seed);
 *
 * The option --net is taken apart by the command line. */
#ifndef ARMATURE_NET_SLIRP_H
#define ARMATURE_NET_SLIRP_H

#include "machine/contract/clock.h"
#include "machine/contract/error.h"
#include "peripherals/net/net.h"

/** Starts a network, whose clock is the machine's. `restricted`: nothing leaves it but by the forwards that are added.
 *  NULL: the host could not. */
struct net_backend *net_slirp_open(const struct clock *clock, bool restricted, struct error *error);

/** Leads a port of the host into the guest. `host_address` in host byte order, 0 for all addresses of the
 * host. */
bool net_slirp_forward(struct net_backend *backend, bool udp, uint32_t host_address, uint16_t host_port,
                       uint16_t guest_port, struct error *error);

/** Leads connections of the guest to a TCP port of an address (in host byte order) of its network to the Unix socket
 *  `path` of the host, each to one of its own. */
bool net_slirp_guest_forward(struct net_backend *backend, uint32_t address, uint16_t port, const char *path,
                             struct error *error);

/** What the annex "network" has: the three above. */
struct net_slirp_annex {
    struct net_backend *(*open)(const struct clock *clock, bool restricted, struct error *error);
    bool (*forward)(struct net_backend *backend, bool udp, uint32_t host_address, uint16_t host_port,
                    uint16_t guest_port, struct error *error);
    bool (*guest_forward)(struct net_backend *backend, uint32_t address, uint16_t port, const char *path,
                          struct error *error);
};
extern const struct net_slirp_annex annex;

#endif
