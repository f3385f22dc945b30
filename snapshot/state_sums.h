/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sums over the parts of a machine's state, cheap enough to be taken while it runs: one of each CPU, one of each
 * device, one of a slice of its memory. Check number N takes slice N, and goes round. */
#ifndef ARMATURE_STATE_SUMS_H
#define ARMATURE_STATE_SUMS_H

#include "machine/machine.h"

#define STATE_SUMS_MAX   (MAX_CPUS + MACHINE_DEVICES_MAX + 1)
#define STATE_SUM_SLICES 64u

/** Takes the sums of check `number` and returns how many they are. */
unsigned state_sums(const struct machine *machine, uint64_t number, uint32_t sums[STATE_SUMS_MAX]);

/** What sum `index` of that check is about, in words. */
void state_sum_name(const struct machine *machine, uint64_t number, unsigned index, char name[80]);

/** The hash of a machine that stands where somebody halted it: how far its CPUs were meant to run is not in it. */
uint64_t state_hash_halted(struct machine *machine);

#endif
