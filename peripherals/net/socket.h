/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two machines joined by a stream socket: each frame is sent behind its length, 4 bytes, the high one first (as QEMU's
 * `-netdev stream` does). One side listens and takes one peer at a time; the other connects, and again where it was cut
 * off. While nobody is there what is sent is lost. */
#ifndef ARMATURE_NET_SOCKET_H
#define ARMATURE_NET_SOCKET_H

#include "machine/contract/error.h"
#include "peripherals/net/net.h"

/** Listens at, or connects to `place`: unix:PATH, tcp:HOST:PORT. NULL: the host could not, or nobody listens there. */
struct net_backend *net_socket_open(const char *place, bool listens, struct error *error);

#endif
