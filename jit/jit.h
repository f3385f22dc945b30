/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engines that translate to x86-64. */
#ifndef ARMATURE_JIT_H
#define ARMATURE_JIT_H

#include "machine/contract/engine.h"

/** `auto`: the interpreter, with what gets hot translated. */
extern const struct engine_ops jit_engine;

/** `jit`: every block is translated before it runs for the first time. */
extern const struct engine_ops jit_only_engine;

#endif
