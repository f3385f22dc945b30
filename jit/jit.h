/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engines that translate to x86-64. */
#ifndef ARMATURE_JIT_H
#define ARMATURE_JIT_H

#include <stddef.h>
#include "machine/contract/engine.h"

/** What the user may choose. Set before an engine is created; no result in the guest depends on it. */
struct jit_settings {
    size_t cache_bytes; /* of code: JIT_MIN_CACHE_BYTES or more */
    unsigned hotter;    /* for tests: how often a translated block is entered before its region is made; 0: as usual */
    unsigned stay_insns; /* for tests: instructions of a stay in translated code, JIT_MIN_STAY or more; 0: as usual */
    bool perf_map;      /* names for Linux perf, in /tmp/perf-PID.map */
    bool counting;      /* counts are kept, for engine_ops.describe */
    bool statistics;    /* counts on standard error at the end */
    bool process;       /* for a process (isa/arm64/user.h): one mapping of code, which fork() copies */
    const char *dump;   /* a file for every unit: guest code, intermediate form, host code; NULL: none */
};

#define JIT_MIN_CACHE_BYTES (2u << 20)
#define JIT_MIN_STAY        1024u /* longer than any unit */

extern struct jit_settings jit_settings;

/** `auto`: the interpreter, with what gets hot translated. */
extern const struct engine_ops jit_engine;

/** `jit`: every block is translated before it runs for the first time. */
extern const struct engine_ops jit_only_engine;

#endif
