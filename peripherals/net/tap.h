/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A TAP interface of the host, which its own network tools lead further (a bridge, a route). */
#ifndef ARMATURE_NET_TAP_H
#define ARMATURE_NET_TAP_H

#include "machine/contract/error.h"
#include "peripherals/net/net.h"

/** Opens the interface `name`, or makes it where the user may. NULL: the host could not. */
struct net_backend *net_tap_open(const char *name, struct error *error);

/** The same for a descriptor that carries one frame a read() and write(); it is the backend's from now on. */
struct net_backend *net_tap_on(int fd);

#endif
