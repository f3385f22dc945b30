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
    uint64_t stale;           /* regions that were thrown away: their blocks had changed, or went */
    uint64_t compile_ns, background_ns; /* that it took on the CPUs' threads; on the one that makes regions */
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

/** Prints the counts so far; they are kept if the settings ask for it. */
void report_counts(const struct report *report, FILE *to);

/** The shared code, up to run address `end`. */
void report_stubs(struct report *report, const struct stubs *stubs, uint64_t end);

/** Work on a unit begins; it has been compiled (for the dump: by `compiler`, just now), and lies at `place`; or it was
 *  given up. */
void report_begin(struct report *report);
void report_unit(struct report *report, const struct ir *ir, const struct compiler *compiler,
                 const struct unit_place *place);
void report_given_up(struct report *report);

/** The time since report_begin() counts as that of a CPU's thread. */
void report_end(struct report *report);

uint64_t report_now_ns(void);

#endif
