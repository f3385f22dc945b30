/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Machines that run together in virtual time. Each has a thread of its own and runs by itself, up to a gate: a moment
 * before which nothing that another does can reach it. There it waits for the others, and what they sent each other is
 * led where it goes while all stand still. The next gate is a latency behind the first moment at which any of them does
 * anything; so machines that sleep are not slowed down, and threads run at the same time with the same outcome always.
 *
 *     latency 500 us, gate at 2000 us; A computes, B sleeps until 9000 us:      next gate 2000 + 500
 *     both sleep, A until 7000 us, B until 9000 us:                             next gate 7000 + 500 */
#ifndef ARMATURE_CLUSTER_H
#define ARMATURE_CLUSTER_H

#include "machine/machine.h"

#define CLUSTER_MACHINES_MAX 16u

struct cluster;

/** `exchange` leads what machines sent to the others, with all of them standing still. */
struct cluster *cluster_create(uint64_t latency_ns, void (*exchange)(void *context), void *context);
void cluster_free(struct cluster *cluster);

/** Adds a machine that is made and does not run yet; it stays the caller's. */
void cluster_add(struct cluster *cluster, struct machine *machine);

/** Runs all to their ends. statuses[i] and errors[i] are what machine_run() gave of each, in the order in which they
 * were added. When a machine whose serial line is a terminal has ended, so do the others. False: the host has no
 * threads for them. */
bool cluster_run(struct cluster *cluster, int statuses[], struct error errors[], struct error *error);

#endif
