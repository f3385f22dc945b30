/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finding room in RAM. */
#ifndef ARMATURE_PLACE_H
#define ARMATURE_PLACE_H

#include "machine/contract/bus.h"

/** A range of guest physical addresses, [start, end). */
struct range {
    uint64_t start, end;
};

/** Finds a place for `bytes` in `ram` at a multiple of `align` that overlaps none of `taken`: the first one
 * upwards from the end of taken[0], or else from the start of RAM. False: there is none. */
bool place_find(const struct ram *ram, const struct range *taken, unsigned taken_count, uint64_t bytes,
                uint64_t align, uint64_t *start);

#endif
