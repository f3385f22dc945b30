/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Programs that engines once ran differently, shrunk: the differential test runs them before the random ones. */
#include "tests/jit/cases.h"
#include <string.h>
#include "isa/arm64/fp.h"

const struct kept_case kept_cases[] = {
    {"a region that is entered with nothing pending, and branches at once to what reads the flags in their usual form",
     {
         0xd2800024, /* mov x4, #1 */
         0xd503201f, /* nop */
         0xb87d4077, /* ldsmaxl w29, w23, [x3], which faults */
         0x34000064, /* cbz w4, to the subs */
         0xd503201f, /* nop */
         0x54000106, /* b.vs, out */
         0xf100079c, /* subs x28, x28, #1 */
         0x54ffff41, /* b.ne, to the first nop */
     },
     {{0}},
     0},
    {"a table of jumps in a region, whose page becomes guarded: nothing there is for jumps",
     {
         0x91000442, /* add x2, x2, #1 */
         0x92400051, /* and x17, x2, #1 */
         0x10000070, /* adr x16, the cases */
         0x8b111210, /* add x16, x16, x17, lsl #4 */
         0xd61f0200, /* br x16 */
         0x91000463, /* add x3, x3, #1 */
         0xd50324df, /* bti jc, where what faulted goes on */
         0x17fffff9, /* b, to the first */
         0xd503201f, /* nop */
         0x91000884, /* add x4, x4, #2 */
         0xd50324df, /* bti jc */
         0x17fffff5, /* b, to the first */
     },
     {{0}},
     20000,
     true},
    {"a table of jumps in a guarded page, one of them not by x16 to what is for calls",
     {
         0x91000442, /* add x2, x2, #1 */
         0x92400051, /* and x17, x2, #1 */
         0x100000f0, /* adr x16, the cases */
         0x8b110e10, /* add x16, x16, x17, lsl #3 */
         0xf240145f, /* tst x2, #0x3f */
         0x54000040, /* b.eq, to the mov */
         0xd61f0200, /* br x16 */
         0xaa1003ea, /* mov x10, x16 */
         0xd61f0140, /* br x10 */
         0xd503245f, /* bti c */
         0x17fffff6, /* b, to the first */
         0xd503249f, /* bti j */
         0x17fffff4, /* b, to the first */
     },
     {{0}},
     1,
     true},
    {"a dot product of BFloat16s where FP is not enabled",
     {
         0xd518105f, /* msr cpacr_el1, xzr */
         0xd5033fdf, /* isb */
         0x0f61fa16, /* bfdot v22.2s, v16.4h, v1.2h[3] */
         0x17fffffd, /* b, to the first */
     },
     {{0}},
     0},
    {"a conversion that is rounded to odd and nothing else that is inexact",
     {
         0xd51b443f, /* msr fpsr, xzr */
         0x7e616801, /* fcvtxn s1, d0 */
         0x17fffffe, /* b, to the first */
     },
     {[0] = {0x3ff0000000000001, 0}},
     0},
    {"comparisons whose first operand is counted up or down before they are done again, or stored",
     {
         0xf100145f, /* cmp x2, #5 */
         0x91000442, /* add x2, x2, #1 */
         0xca0500c6, /* eor x6, x6, x5 */
         0x9a8534a5, /* csinc x5, x5, x5, lo */
         0xeb07005f, /* cmp x2, x7 */
         0xd1000442, /* sub x2, x2, #1 */
         0xca0500c6, /* eor x6, x6, x5 */
         0x9a8514a5, /* csinc x5, x5, x5, ne */
         0xf100245f, /* cmp x2, #9 */
         0x91000842, /* add x2, x2, #2 */
         0x14000001, /* b, to the next */
         0x9a8534a5, /* csinc x5, x5, x5, lo */
         0xd1000442, /* sub x2, x2, #1 */
         0x17fffff3, /* b, to the first */
     },
     {{0}},
     0},
    {"edges of a region that meet with other comparisons pending",
     {
         0x91000442, /* add x2, x2, #1 */
         0xf240005f, /* tst x2, #1 */
         0x54000081, /* b.ne, to the csinc */
         0xf100145f, /* cmp x2, #5 */
         0x54000048, /* b.hi, to the csinc */
         0xb1001c5f, /* cmn x2, #7 */
         0x9a8534a5, /* csinc x5, x5, x5, lo */
         0x17fffff9, /* b, to the first */
     },
     {{0}},
     0},
    {"a comparison, an FP instruction that goes out of line, a branch in the next block of a region",
     {
         0x7108011f, /* cmp w8, #0x200 */
         0x1e301812, /* fdiv s18, s0, s16 */
         0x14000001, /* b, to the next */
         0x54ffffa1, /* b.ne, to the first */
     },
     {[0] = {0xff33eb18cabdab22, 0xe9796dfde8630fa2}, [16] = {0xfff8000000000001, 0x40407f100101ff10}},
     0},
    {"a recursion, a region by now, whose stack grows into its code: the first such store is its block's own "
     "translation's",
     {
         0x91401422, /* add x2, x1, #0x5000 */
         0x913c0042, /* add x2, x2, #0xf00 */
         0xf800845e, /* str x30, [x2], #8 */
         0x97ffffff, /* bl, to the store */
     },
     {{0}},
     2 + 2 * 0x100 / 8},
    {"a signalling NaN of half precision that is not compared",
     {
         0x1ee26420, /* fccmp h1, h2, #0, vs */
         0x17ffffff, /* b, to the first */
     },
     {[1] = {0x7c01, 0}},
     0},
    {"a product of half precision that is rounded up to the smallest normal number: underflow",
     {
         0x1ee20820, /* fmul h0, h1, h2 */
         0x17ffffff, /* b, to the first */
     },
     {[1] = {0x2001, 0}, [2] = {0x1ffe, 0}},
     0},
    {"the same among eight",
     {
         0x6e421c20, /* fmul v0.8h, v1.8h, v2.8h */
         0x17ffffff, /* b, to the first */
     },
     {[1] = {0x3c00, 0x20013c003c00}, [2] = {0x3c00, 0x1ffe3c003c00}},
     0},
    {"fused products of half precision that two roundings to nearest would get wrong, and a vector of such",
     {
         0x1fc20c20, /* fmadd h0, h1, h2, h3 */
         0x4e460ca7, /* fmla v7.8h, v5.8h, v6.8h */
         0x17fffffe, /* b, to the first */
     },
     {[1] = {0x4c40, 0},
      [2] = {0x64d8, 0},
      [3] = {0x8611, 0},
      [5] = {0x6820f9006c994c40, 0x3200c8306820f900},
      [6] = {0xcef0acf2c60064d8, 0x776e6fa0cef0acf2},
      [7] = {0x0d6d072b0f8c8611, 0x0064057f0d6d072b}},
     0},
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
     {{0}},
     0},
    {"a copy, as the first of a pair of registers",
     {
         0xf9400022, /* ldr x2, [x1] */
         0xf9400427, /* ldr x7, [x1, #8] */
         0xaa0203e6, /* mov x6, x2 */
         0x91000448, /* add x8, x2, #1 */
         0xaa0803e9, /* mov x9, x8 */
         0x48267c28, /* casp x6, x7, x8, x9, [x1] */
         0x17fffffa, /* b, to the first */
     },
     {{0}},
     0},
    {"flags that exec_ functions find as a result and a number: of a sum, a difference, a test of a negative number",
     {
         0x315ffc42, /* adds w2, w2, #0x7ff000 */
         0xd503203f, /* yield */
         0xd53b4204, /* mrs x4, nzcv */
         0xcac51c85, /* eor x5, x4, x5, ror #7 */
         0x715ffc63, /* subs w3, w3, #0x7ff000 */
         0xd503203f, /* yield */
         0xd53b4204, /* mrs x4, nzcv */
         0xcac51c85, /* eor x5, x4, x5, ror #7 */
         0xf27cecbf, /* tst x5, #0xfffffffffffffff0 */
         0xd503203f, /* yield */
         0xd53b4204, /* mrs x4, nzcv */
         0xcac51c85, /* eor x5, x4, x5, ror #7 */
         0x17fffff4, /* b, to the first */
     },
     {{0}},
     0},
    {"an access that is refused while the host's flags are those of a sum, before they go to the state otherwise",
     {
         0xab2581d1, /* adds x17, x14, w5, sxtb */
         0x78153637, /* strh w23, [x17], #-0xad, which faults */
         0x9a9f37e2, /* cset x2, cs */
         0x17fffffd, /* b, to the first */
     },
     {{0}},
     0},
    {"a store exclusive by an SP that is not aligned, with the monitor open, and what relies on SP behind it",
     {
         0x910027ff, /* add sp, sp, #9 */
         0x080a7fe2, /* stxrb w10, w2, [sp] */
         0x780093e0, /* sturh w0, [sp, #9] */
         0xd10027ff, /* sub sp, sp, #9 */
         0x17fffffc, /* b, to the first */
     },
     {{0}},
     0},
    {"the last instruction of a block reads flags whose operands are gone, and that are set anew behind it",
     {
         0x92400060, /* and x0, x3, #1 */
         0xf100001f, /* cmp x0, #0 */
         0xaa020000, /* orr x0, x0, x2 */
         0x9a9f07e1, /* cset x1, ne */
         0xb5000080, /* cbnz x0, to the second tst */
         0xf27f005f, /* tst x2, #2 */
         0x54000081, /* b.ne, to the cbz */
         0x14000005, /* b, to the second cmp */
         0xf27e005f, /* tst x2, #4 */
         0x54000061, /* b.ne, to the second cmp */
         0xb4000041, /* cbz x1, to the second cmp */
         0x91000484, /* add x4, x4, #1 */
         0xf100005f, /* cmp x2, #0 */
         0x91000463, /* add x3, x3, #1 */
         0x927f0062, /* and x2, x3, #2 */
         0x17fffff1, /* b, to the first */
     },
     {{0}},
     0,
     .first = 124},
    {NULL, {0}, {{0}}, 0},
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
    program->first = kept->first ? kept->first : 64;
    program->el = 1;
    if (kept->turn_before)
        program->turns[program->turn_count++].insns = kept->turn_before;
    program->turns[program->turn_count].guard = kept->guards ? 4 : 0;
    program->turns[program->turn_count++].insns = 20000;
}
