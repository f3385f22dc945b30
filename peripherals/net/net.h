/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is at the other end of a network device's cable: the contract between network devices and their
 * backends. */
#ifndef ARMATURE_NET_H
#define ARMATURE_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "machine/contract/input.h"
#include "peripherals/net/packet.h"

#define NET_MTU_BYTES       1500
#define NET_FRAME_MIN_BYTES 14   /* an Ethernet header */

struct net_backend;

struct net_backend_ops {
    /* The guest sends a frame of NET_FRAME_MIN_BYTES to NET_FRAME_MAX_BYTES (with its checksums complete), or where the
     * backend takes such a big packet (packet.h). It goes out at once. */
    void (*send)(struct net_backend *backend, const void *frame, size_t length);
    /* From now on what is for the guest goes to input_post(inputs, source, ...), one frame a call; net_post does it. */
    void (*attach)(struct net_backend *backend, struct inputs *inputs, unsigned source);
    void (*free)(struct net_backend *backend);
};

/** The host's end of the cable; backends embed it. */
struct net_backend {
    const struct net_backend_ops *ops;
    /* Every frame that comes from it has right checksums, so that the guest need not verify them. */
    bool checksums_valid;
    bool takes_big; /* need not have big packets cut up */
};

/** What reaches a network device as an input: a frame of up to NET_FRAME_MAX_BYTES; or, longer, a big packet, and
 *  behind it the size of its segments, 2 bytes, the low one first. */
struct net_post {
    struct inputs *inputs; /* NULL: nobody takes frames yet */
    unsigned source;
    struct net_join join;
};

/** Readies it, with nothing held. */
void net_post_init(struct net_post *post, struct inputs *inputs, unsigned source);

/** Posts a frame, or holds it so that those which follow may be joined to it; net_post_flush() posts what is held. A
 *  frame for which the queue has no room is lost, as on any cable. */
void net_post_frame(struct net_post *post, const void *frame, size_t length);
void net_post_flush(struct net_post *post);

/** Whether the queue has room for what a backend may have to post in one go. */
bool net_post_room(const struct net_post *post);

/** A cable that leads nowhere: what is sent is lost, and nothing comes. */
struct net_backend *net_none_create(bool checksums_valid);

/** Frees a backend. NULL is allowed. */
static inline void net_backend_free(struct net_backend *backend)
{
    if (backend)
        backend->ops->free(backend);
}

#endif
