/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which instructions ran, and how often, in the form of lcov's tracefiles (geninfo's manual page, FILES). */
#ifndef ARMATURE_DEBUGGER_COVERAGE_H
#define ARMATURE_DEBUGGER_COVERAGE_H

#include "debugger/session/session.h"

/** Whose code is counted. */
struct coverage_of {
    bool user;      /* a process's, at EL0; else what runs at EL1 */
    uint64_t table; /* the process's page table, as TTBR0_EL1 has it */
};

/** Counts from now on, from 0. False: it does so already. */
bool coverage_begin(struct session *session, const struct coverage_of *of, struct error *error);

/** No longer; what was counted is forgotten. False: nothing was counted. */
bool coverage_end(struct session *session, struct error *error);

/** Writes what was counted, and goes on counting: of each function that ran, every instruction's count. Code whose
 *  lines of source are known is told by those lines, and so are the functions of the same unit that did not run, with
 *  0; other code by the lines of a listing, which goes to `path`.asm. */
bool coverage_write(struct session *session, const char *path, struct error *error);

#endif
