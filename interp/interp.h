/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The interpreter as an engine. */
#ifndef ARMATURE_INTERP_H
#define ARMATURE_INTERP_H

#include "machine/contract/engine.h"

/** Runs decoded blocks by threaded handlers (see interp/block.h and interp/exec.h). */
extern const struct engine_ops interp_engine;

#endif
