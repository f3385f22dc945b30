/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random programs: many instructions of the tables in a row, with branches, loops and memory that mostly
 * works. */
#ifndef ARMATURE_TESTS_JIT_GENERATE_H
#define ARMATURE_TESTS_JIT_GENERATE_H

#include "isa/arm64/features.h"
#include "tests/conformance/random.h"
#include "tests/jit/rig.h"

/** Makes the program of `seed` for CPUs with `features`. */
void generate_program(uint64_t seed, const struct features *features, struct program *program);

/** The same for processes: at EL0, which is all there is, without stores to code that IC IVAU does not follow. */
void generate_process(uint64_t seed, const struct features *features, struct program *program);

/** From now on half of the random instructions are those whose name contains `text`. False: there are none. */
bool generate_preferred(const char *text);

#endif
