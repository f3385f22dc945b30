/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Points in a run of one process that the machine can go back to: the state of that moment, and the pages that changed
 * since, as they were. Checkpoints form a stack: to go back to one drops those after it.
 *
 * What the host did stays done: what was printed is printed, connections of the network are where they are. Inputs that
 * came in since are gone; those that waited wait again. */
#ifndef ARMATURE_CHECKPOINTS_H
#define ARMATURE_CHECKPOINTS_H

#include "machine/machine.h"

struct checkpoints;

/** No points yet. */
struct checkpoints *checkpoints_create(struct machine *machine);
/** Drops all of them, leaving the machine as it is. NULL is allowed. */
void checkpoints_free(struct checkpoints *points);

/** Checkpoints this moment, between two instructions. Returns the point's number: 0, 1, ... */
unsigned checkpoints_set(struct checkpoints *points);
unsigned checkpoints_count(const struct checkpoints *points);

/** Makes the machine, which stands between two instructions, what it was at that point, which stays set. False: the
 * host failed (memory, or a disk's image cannot be read), and the machine is of no more use; `error` says why. */
bool checkpoints_go(struct checkpoints *points, unsigned number, struct error *error);

/** Forgets the oldest `count` points; the numbers of the others become smaller by that. */
void checkpoints_drop_oldest(struct checkpoints *points, unsigned count);

/** Forgets point `number`, neither the first nor the newest, so that what is kept of a time long past takes less room:
 *  a page that changed both behind it and behind the one before it is then kept once. What is before and behind it
 *  can be gone to as ever. Where the host has no memory for that, the point stays: false. */
bool checkpoints_join(struct checkpoints *points, unsigned number);

/** How many pages changed behind point `number`, before the next one. */
uint64_t checkpoints_pages(const struct checkpoints *points, unsigned number);

/** What point `number` keeps of the host's memory, in bytes. */
uint64_t checkpoints_bytes(const struct checkpoints *points, unsigned number);

#endif
