/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engine `auto`: the interpreter, with what gets hot translated to x86-64. */
#ifndef ARMATURE_JIT_H
#define ARMATURE_JIT_H

#include "machine/contract/engine.h"

extern const struct engine_ops jit_engine;

#endif
