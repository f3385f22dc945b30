/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Puts kernel, initial RAM disk and device tree into RAM as the arm64 boot protocol wants them. */
#ifndef ARMATURE_BOOT_H
#define ARMATURE_BOOT_H

#include "machine/machine.h"

/** Where the first CPU starts, and what it gets in x0. */
struct boot_start {
    uint64_t entry, dtb;
};

/** A range of guest physical addresses, [start, end). */
struct range {
    uint64_t start, end;
};

/** Finds the first place for `bytes` in `ram` at a multiple of `align` that overlaps none of `taken`, looking
 * upwards from the end of taken[0], then from the start of RAM. False: there is none. */
bool boot_place(const struct ram *ram, const struct range *taken, unsigned taken_count, uint64_t bytes,
                uint64_t align, uint64_t *start);

/** Loads what the options name. */
bool boot_load(struct machine *machine, struct boot_start *start, struct error *error);

#endif
