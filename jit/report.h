/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the translator tells its user: a map for perf, a dump of every unit, counts. */
#ifndef ARMATURE_JIT_REPORT_H
#define ARMATURE_JIT_REPORT_H

#include <stdio.h>
#include "jit/translate.h"

struct report_counts {
    uint64_t blocks, regions; /* compiled */
    uint64_t given_up;        /* compiled in vain: too long, or no room */
    uint64_t bytes;           /* of code */
    uint64_t parts_dropped, units_dropped, all_dropped;
    uint64_t compile_ns;      /* of the thread's processor time; counted where it is printed */
};

struct report {
    FILE *perf_map, *dump; /* NULL: not wanted */
    bool counting;         /* the counts are printed at the end */
    uint64_t began_ns;
    struct report_counts counts;
};

/** Where a unit lies, by write address. */
struct unit_place {
    const uint8_t *hot, *hot_end, *cold, *cold_end;
    ptrdiff_t run_offset;
};

/** Opens what jit_settings asks for. */
bool report_open(struct report *report, struct error *error);

/** Writes what is left, the counts among it. */
void report_close(struct report *report);

/** The shared code, up to run address `end`. */
void report_stubs(struct report *report, const struct stubs *stubs, uint64_t end);

/** The compiler begins with a unit; what it is has been compiled, and lies at `place`; or it was given up. */
void report_begin(struct report *report);
void report_unit(struct report *report, struct compiler *compiler, const struct unit_place *place);
void report_given_up(struct report *report);

#endif
