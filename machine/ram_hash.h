/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A hash over guest memory. */
#ifndef ARMATURE_RAM_HASH_H
#define ARMATURE_RAM_HASH_H

#include "machine/contract/bus.h"

/** Folds what lies from `first` to `end` (offsets of pages) into `hash`. Pages of zeroes leave it as it is; those that
 *  nobody has touched are not looked at, so that the host need not make them up. */
uint64_t ram_hash(const struct ram *ram, uint64_t first, uint64_t end, uint64_t hash);

#endif
