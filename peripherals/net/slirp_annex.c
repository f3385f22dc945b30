/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opens the annex that has libslirp. */
#include "machine/contract/annex.h"
#include "peripherals/net/slirp.h"

static const struct net_slirp_annex *network;

struct net_backend *net_slirp_open(const struct clock *clock, bool restricted, struct error *error)
{
    network = annex_open("network", error);
    return network ? network->open(clock, restricted, error) : NULL;
}

bool net_slirp_forward(struct net_backend *backend, bool udp, uint32_t host_address, uint16_t host_port,
                       uint16_t guest_port, struct error *error)
{
    return network->forward(backend, udp, host_address, host_port, guest_port, error);
}

bool net_slirp_guest_forward(struct net_backend *backend, uint32_t address, uint16_t port, const char *path,
                             struct error *error)
{
    return network->guest_forward(backend, address, port, path, error);
}
