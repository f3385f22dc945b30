/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Programs that engines once ran differently, shrunk: the differential test runs them before the random ones. */
#include "tests/jit/cases.h"
#include <string.h>
#include "isa/arm64/fp.h"

const struct kept_case kept_cases[] = {
    {"a comparison, an FP instruction that goes out of line, a branch in the next block of a region",
     {
         0x7108011f, /* cmp w8, #0x200 */
         0x1e301812, /* fdiv s18, s0, s16 */
         0x14000001, /* b, to the next */
         0x54ffffa1, /* b.ne, to the first */
     },
     {[0] = {0xff33eb18cabdab22, 0xe9796dfde8630fa2}, [16] = {0xfff8000000000001, 0x40407f100101ff10}}},
    {"rows of accesses that run through each other; the second one's check, across pages, never holds",
     {
         0xf8420020, /* ldur x0, [x1, #0x20] */
         0xba5f0263, /* ccmn x19, xzr, #3, eq */
         0xf84003e3, /* ldur x3, [sp] */
         0x38412020, /* ldurb w0, [x1, #0x12] */
         0xf81e03e4, /* stur x4, [sp, #-0x20] */
         0x9a8674c6, /* cinc x6, x6, vs */
         0x17fffffa, /* b, to the first */
     },
     {{0}}},
    {NULL, {0}, {{0}}},
};

void kept_program(const struct kept_case *kept, struct program *program)
{
    memset(program, 0, sizeof *program);
    memcpy(program->words, kept->words, sizeof kept->words);
    for (unsigned i = 0; i < KEPT_WORDS; i++)
        if (program->words[i])
            program->count = i + 1;
    memcpy(program->state.v, kept->v, sizeof kept->v);
    program->state.x[1] = RIG_WINDOW;
    program->state.fpsr = FPSR_IXC;
    program->state.sp = RIG_WINDOW + RIG_PAGE;
    program->first = 64;
    program->el = 1;
    program->turns[0].insns = 20000;
    program->turn_count = 1;
}
