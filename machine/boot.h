/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Puts kernel, initial RAM disk and device tree into RAM as the arm64 boot protocol wants them. */
#ifndef ARMATURE_BOOT_H
#define ARMATURE_BOOT_H

#include "machine/machine.h"
#include "machine/place.h"

/** Where the first CPU starts, and what it gets in x0. */
struct boot_start {
    uint64_t entry, dtb;
};

/** Loads what the options name. */
bool boot_load(struct machine *machine, struct boot_start *start, struct error *error);

#endif
