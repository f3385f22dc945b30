/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A switch that joins machines of one process, in virtual time: a frame arrives a latency after it was sent. What
 * machines send within a latency cannot reach another before it is over, so they may run by themselves for that
 * long; then, while all stand still, net_switch_exchange() leads what they sent to where it goes. So who gets what,
 * and when, is a function of what the machines do. */
#ifndef ARMATURE_SWITCH_H
#define ARMATURE_SWITCH_H

#include "machine/contract/clock.h"
#include "machine/contract/error.h"
#include "peripherals/net/net.h"

struct net_switch;

#define NET_SWITCH_PORTS_MAX 64u
#define NET_SWITCH_QUEUE_BYTES (4u << 20) /* on their way to a port; what comes beyond that is lost */

struct net_switch *net_switch_create(uint64_t latency_ns);

/** After its ports. NULL is allowed. */
void net_switch_free(struct net_switch *net_switch);

/** The next port, of a machine with that clock: frames go between ports of the same `network`. NULL: there are no
 *  more. */
struct net_backend *net_switch_port(struct net_switch *net_switch, const char *network, struct clock *clock,
                                    struct error *error);

/** Leads all that was sent to its ports. All machines stand still, none of them further than a latency from what
 *  another sent first. */
void net_switch_exchange(struct net_switch *net_switch);

#endif
