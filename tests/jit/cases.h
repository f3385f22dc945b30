/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Kept programs of the differential test. */
#ifndef ARMATURE_TESTS_JIT_CASES_H
#define ARMATURE_TESTS_JIT_CASES_H

#include "tests/jit/rig.h"

#define KEPT_WORDS 16u

/** What runs at EL1, or as a process, for 20000 instructions, behind a turn of `turn_before` unless that is 0. x1
 *  points into the window, SP behind its first page; other general registers are 0. FPCR is 0, IXC is set. */
struct kept_case {
    const char *what; /* NULL: the list's end */
    uint32_t words[KEPT_WORDS];
    uint64_t v[32][2];
    uint32_t turn_before;
    bool guards;    /* behind that turn the code is guarded */
    uint32_t first; /* the word of its page where it begins; 0: 64, where a block may */
};

extern const struct kept_case kept_cases[];

/** Makes the program of a case. */
void kept_program(const struct kept_case *kept, struct program *program);

#endif
