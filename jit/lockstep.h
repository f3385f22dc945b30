/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engine that does everything twice. */
#ifndef ARMATURE_LOCKSTEP_H
#define ARMATURE_LOCKSTEP_H

#include "machine/contract/engine.h"

/** `lockstep`: each chunk of instructions runs under `jit`, is taken back, and runs in the interpreter, whose outcome
 *  counts. Where the two differ it prints what they did to standard error, and exits with ENGINE_EXIT_WRONG. */
extern const struct engine_ops lockstep_engine;

/** The same with another engine to be tested in the place of `jit`. */
struct engine *lockstep_create(struct bus *bus, unsigned cpu_count, const struct engine_ops *tested,
                               struct error *error);

#endif
