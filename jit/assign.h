/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which guest registers a unit holds in host registers. */
#ifndef ARMATURE_JIT_ASSIGN_H
#define ARMATURE_JIT_ASSIGN_H

#include "jit/ir.h"

/** The host register of each guest register in the region, or -1: those that are used most, as `uses` has it. Which is
 *  that of everywhere (pin_of) where the difference would not pay for the moves at entries and exits. `lends_rdx`: rdx
 *  may be one of them. */
void assign_registers(const struct ir *ir, const uint64_t uses[REG_COUNT], int8_t host_of[REG_COUNT], bool lends_rdx);

/** How often control comes into the region or goes out of it, as far as that is known. */
uint64_t assign_crossings(const struct ir *ir);

#endif
