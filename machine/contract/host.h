/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the host's processor has, found once at start. Whoever uses an instruction that not every x86-64 has
 * asks here, so that one switch (--host-features) makes the whole program do without. What the guest sees is never a
 * matter of it. */
#ifndef ARMATURE_HOST_H
#define ARMATURE_HOST_H

#include <stdbool.h>

/** The levels of the x86-64 psABI, and what the processor really has. */
enum host_level { HOST_LEVEL_V2, HOST_LEVEL_V3, HOST_LEVEL_V4, HOST_LEVEL_NATIVE };

/** Their names, in this order. */
#define HOST_LEVELS "x86-64-v2 x86-64-v3 x86-64-v4 native"

/** A member for each line of host_features.def. True: the processor has it, the host's system keeps its registers, and
 *  the level allows it. */
struct host_features {
#define HOST_FEATURE(name, level, leaf, reg, bit, state) bool name;
#include "machine/contract/host_features.def"
#undef HOST_FEATURE
};

/** Set before main. */
extern struct host_features host_has;

/** From now on host_has shows at most what `level` includes. To be called before an engine is made. */
void host_limit(enum host_level level);

/** The level called `name`. False: none is. */
bool host_find_level(const char *name, enum host_level *level);

/** Whether all of x86-64-v2 is there, which translated code takes for granted. */
bool host_is_v2(void);

#endif
