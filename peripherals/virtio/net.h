/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is at the other end of a network device's cable: the contract between network devices and their
 * backends. */
#ifndef ARMATURE_NET_H
#define ARMATURE_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "machine/contract/input.h"

#define NET_MTU_BYTES       1500
#define NET_FRAME_MIN_BYTES 14   /* an Ethernet header */
#define NET_FRAME_MAX_BYTES 1514 /* Ethernet header and MTU; no checksum at the end, no VLAN tag */

struct net_backend;

struct net_backend_ops {
    /* The guest sends a frame of NET_FRAME_MIN_BYTES to NET_FRAME_MAX_BYTES (with its checksums complete). It
     * goes out at once. */
    void (*send)(struct net_backend *backend, const void *frame, size_t length);
    /* From now on frames for the guest go to input_post(inputs, source, ...), one a call. */
    void (*attach)(struct net_backend *backend, struct inputs *inputs, unsigned source);
    void (*free)(struct net_backend *backend);
};

/** The host's end of the cable; backends embed it. */
struct net_backend {
    const struct net_backend_ops *ops;
    /* Every frame that comes from it has right checksums, so that the guest need not verify them. */
    bool checksums_valid;
};

/** A cable that leads nowhere: what is sent is lost, and nothing comes. */
struct net_backend *net_none_create(bool checksums_valid);

/** Frees a backend. NULL is allowed. */
static inline void net_backend_free(struct net_backend *backend)
{
    if (backend)
        backend->ops->free(backend);
}

#endif
