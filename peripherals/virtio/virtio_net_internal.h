/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the two files of the network device share. */
#ifndef ARMATURE_VIRTIO_NET_INTERNAL_H
#define ARMATURE_VIRTIO_NET_INTERNAL_H

#include "peripherals/virtio/virtio_net.h"

/* 5.1.3 */
#define FEATURE_CSUM                (1ull << 0)
#define FEATURE_GUEST_CSUM          (1ull << 1)
#define FEATURE_CTRL_GUEST_OFFLOADS (1ull << 2)
#define FEATURE_MTU                 (1ull << 3)
#define FEATURE_MAC                 (1ull << 5)
#define FEATURE_GUEST_TSO4          (1ull << 7)
#define FEATURE_GUEST_TSO6          (1ull << 8)
#define FEATURE_GUEST_ECN           (1ull << 9)
#define FEATURE_HOST_TSO4           (1ull << 11)
#define FEATURE_HOST_TSO6           (1ull << 12)
#define FEATURE_HOST_ECN            (1ull << 13)
#define FEATURE_MRG_RXBUF           (1ull << 15)
#define FEATURE_STATUS              (1ull << 16)
#define FEATURE_CTRL_VQ             (1ull << 17)
#define FEATURE_CTRL_RX             (1ull << 18)
#define FEATURE_CTRL_VLAN           (1ull << 19)
#define FEATURE_CTRL_RX_EXTRA       (1ull << 20)
#define FEATURE_GUEST_ANNOUNCE      (1ull << 21)
#define FEATURE_MQ                  (1ull << 22)
#define FEATURE_CTRL_MAC_ADDR       (1ull << 23)

#define GUEST_OFFLOADS (FEATURE_GUEST_CSUM | FEATURE_GUEST_TSO4 | FEATURE_GUEST_TSO6 | FEATURE_GUEST_ECN)

/* 5.1.4 */
#define STATUS_LINK_UP  1u
#define STATUS_ANNOUNCE 2u

/** Whether something is done for the driver when it receives: it was negotiated, and is not turned off. */
static inline bool virtio_net_offloaded(const struct virtio_net *net, uint64_t offload)
{
    return virtio_has(&net->virtio, offload) && !(net->offloads_off & offload);
}

/** The number of the control queue, which depends on whether there are several pairs (5.1.2). */
unsigned virtio_net_control_queue(const struct virtio_net *net);

/** Does what the driver asks for by the control queue. */
void virtio_net_take_control(struct virtio_net *net);

#endif
