/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Integer AdvSIMD that saturates or halves. Whether something saturated is found by doing it without: where that is
 * another result, FPSR.QC is set. */
#include "jit/translate_simd.h"

void simd_note_saturation(struct translation_state *t, unsigned xmm)
{
    struct x64 *c = t->c;
    vec_unary(c, SSE_PTEST, xmm, xmm);
    uint8_t *over = x64_jcc(c, CC_E);
    x64_alu_imm_store(c, 0, ALU_OR, HOST_CPU, CPU_OFFSET(fpsr), FPSR_QC);
    x64_bind(c, over);
    t->flags = FLAGS_UNKNOWN;
}

/* The same of lanes that are ones where they did; what lies above a vector's lower half does not count. */
static void note_lanes(struct translation_state *t, unsigned xmm)
{
    if (!t->insn->q && !vector_is_scalar(t->insn))
        vec_unary(t->c, SSE_MOVQ, xmm, xmm);
    simd_note_saturation(t, xmm);
}

/* The same where a and b differ in what counts of them. Uses xmm5. */
static void note_difference(struct translation_state *t, unsigned a, unsigned b)
{
    vec_op(t->c, SSE_PXOR, 5, a, b);
    note_lanes(t, 5);
}

static unsigned operand_n(struct translation_state *t, unsigned temp)
{
    return simd_operand(t, t->insn->rn, t->insn->size, temp);
}

static unsigned operand_m(struct translation_state *t, unsigned temp)
{
    return simd_operand(t, t->insn->rm, t->insn->size, temp);
}

static unsigned operand_d(struct translation_state *t, unsigned temp)
{
    return simd_operand(t, t->insn->rd, t->insn->size, temp);
}

/* --- sums and differences ---------------------------------------------------------------------------- */

void simd_add_saturated(struct translation_state *t, unsigned size, unsigned old, bool subtract)
{
    const uint64_t greatest = simd_every_lane(size, size == 3 ? INT64_MAX : INT32_MAX);
    struct x64 *c = t->c;
    vec_op(c, (subtract ? simd_subs : simd_adds)[size], 3, old, 0);
    vec_op(c, SSE_PXOR, 4, old, 3);
    vec_op(c, SSE_PXOR, 0, subtract ? old : 3, 0);
    vec_op(c, SSE_PAND, 4, 4, 0); /* its sign says that it overflowed */
    simd_spread_signs(c, size, 0, 4, 0);
    vec_op(c, SSE_POR, 1, 1, 0);
    simd_spread_signs(c, size, 4, old, 4);
    vec_op_at(c, SSE_PXOR, 4, 4, vector_constant_twice(t, greatest));
    vec_op(c, SSE_PAND, 4, 4, 0);
    vec_op(c, SSE_PANDN, 0, 0, 3);
    vec_op(c, SSE_POR, 0, 0, 4);
}

/* xmm `a` = ones where a is more than b, both doublewords without sign. Uses `temp`; b may be it. */
static void above_doublewords(struct translation_state *t, unsigned a, unsigned b, unsigned temp)
{
    const uint64_t signs = vector_constant_twice(t, 1ull << 63);
    vec_op_at(t->c, SSE_PXOR, temp, b, signs);
    vec_op_at(t->c, SSE_PXOR, a, a, signs);
    vec_op(t->c, SSE_PCMPGTQ, a, a, temp);
}

/* Up to words. xmm2 = a + b, or a - b; b is another one, a may be it. Uses xmm5. */
static void saturate_unsigned(struct translation_state *t, bool subtract, unsigned a, unsigned b)
{
    static const enum sse_op saturating[2][2] = {{SSE_PADDUSB, SSE_PADDUSW}, {SSE_PSUBUSB, SSE_PSUBUSW}};
    struct x64 *c = t->c;
    if (t->insn->size < 2) {
        vec_op(c, saturating[subtract][t->insn->size], 2, a, b);
    } else if (subtract) {
        vec_op(c, SSE_PMAXUD, 2, a, b);
        vec_op(c, SSE_PSUBD, 2, 2, b);
    } else {
        vec_op_at(c, SSE_PXOR, 5, b, vector_constant_twice(t, UINT64_MAX));
        vec_op(c, SSE_PMINUD, 5, 5, a);
        vec_op(c, SSE_PADDD, 2, 5, b);
    }
}

/* Doublewords without sign: a sum that is below, or a difference above n went over the end. */
static void saturate_doublewords(struct translation_state *t, bool subtract)
{
    struct x64 *c = t->c;
    const unsigned n = operand_n(t, 0), m = operand_m(t, 1);
    vec_op(c, (subtract ? simd_subs : simd_adds)[3], 2, n, m);
    vec_move(c, 3, subtract ? 2 : n);
    above_doublewords(t, 3, subtract ? n : 2, 4);
    vec_op(c, subtract ? SSE_PANDN : SSE_POR, 2, subtract ? 3 : 2, subtract ? 2 : 3);
    simd_note_saturation(t, 3);
    simd_finish_operand(t, 2);
}

/* Words and doublewords. */
static void saturate_signed(struct translation_state *t, bool subtract)
{
    const unsigned n = operand_n(t, 2), m = operand_m(t, 0);
    vec_move(t->c, 0, m);
    vec_zero(t->c, 1);
    simd_add_saturated(t, t->insn->size, n, subtract);
    note_lanes(t, 1);
    simd_finish_operand(t, 0);
}

static void add_or_subtract(struct translation_state *t, bool subtract, bool is_signed)
{
    static const enum sse_op saturating[2][2] = {{SSE_PADDSB, SSE_PADDSW}, {SSE_PSUBSB, SSE_PSUBSW}};
    const unsigned size = t->insn->size;
    struct x64 *c = t->c;
    if (is_signed && size >= 2) {
        saturate_signed(t, subtract);
        return;
    }
    if (size == 3) {
        saturate_doublewords(t, subtract);
        return;
    }
    const unsigned n = operand_n(t, 0), m = operand_m(t, 1);
    if (is_signed)
        vec_op(c, saturating[subtract][size], 2, n, m);
    else
        saturate_unsigned(t, subtract, n, m);
    vec_op(c, subtract ? simd_subs[size] : simd_adds[size], 3, n, m);
    note_difference(t, 2, 3);
    simd_finish_operand(t, 2);
}

/* d + n in xmm2, of which one has a sign: d, and then the sum is below d where it went over the end; or n, and then it
 * went on the wrong side of d. */
static void add_other_doublewords(struct translation_state *t, bool d_signed)
{
    struct x64 *c = t->c;
    const unsigned n = operand_n(t, 0), d = operand_d(t, 1);
    vec_op(c, SSE_PADDQ, 2, d, n);
    if (d_signed) {
        vec_op(c, SSE_PCMPGTQ, 5, d, 2);
        vec_op(c, SSE_PANDN, 2, 5, 2);
        vec_op_at(c, SSE_PAND, 3, 5, vector_constant_twice(t, INT64_MAX));
        vec_op(c, SSE_POR, 2, 2, 3);
    } else {
        vec_move(c, 5, d);
        above_doublewords(t, 5, 2, 4);
        vec_move(c, 3, 2);
        above_doublewords(t, 3, d, 4);
        simd_spread_signs(c, 3, 4, n, 4);
        vec_op(c, SSE_PANDN, 5, 4, 5); /* above the range */
        vec_op(c, SSE_PAND, 3, 3, 4);  /* below it */
        vec_op(c, SSE_POR, 2, 2, 5);
        vec_op(c, SSE_PANDN, 2, 3, 2);
        vec_op(c, SSE_POR, 5, 5, 3);
    }
    simd_note_saturation(t, 5);
    simd_finish_operand(t, 2);
}

/* To d, signed, what is unsigned: as if both were, with d's range moved. To d, unsigned, what is signed: added, or its
 * opposite taken away. */
static void add_to_other_sign(struct translation_state *t, bool d_signed)
{
    const unsigned size = t->insn->size;
    struct x64 *c = t->c;
    if (size == 3) {
        add_other_doublewords(t, d_signed);
        return;
    }
    const unsigned n = operand_n(t, 0), d = operand_d(t, 1);
    if (d_signed) {
        const uint64_t signs = vector_constant_twice(t, simd_every_lane(size, 1ull << ((8u << size) - 1)));
        vec_op_at(c, SSE_PXOR, 2, d, signs);
        saturate_unsigned(t, false, 2, n);
        vec_op_at(c, SSE_PXOR, 2, 2, signs);
    } else {
        vec_zero(c, 3);
        vec_op(c, simd_signed_max[size], 3, 3, n);
        vec_op(c, simd_subs[size], 4, 3, n);
        saturate_unsigned(t, false, d, 3);
        saturate_unsigned(t, true, 2, 4);
    }
    vec_op(c, simd_adds[size], 3, d, n);
    note_difference(t, 2, 3);
    simd_finish_operand(t, 2);
}

/* |n| or -n: only the lowest number has none, which comes out as itself. */
static void change_sign(struct translation_state *t, bool always)
{
    const unsigned size = t->insn->size, n = operand_n(t, 0);
    struct x64 *c = t->c;
    const uint64_t lowest = simd_every_lane(size, 1ull << ((8u << size) - 1));
    if (always) {
        vec_zero(c, 2);
        vec_op(c, simd_subs[size], 2, 2, n);
    } else {
        simd_absolute(t, size, 2, n, 3);
    }
    vec_op_at(c, simd_equals[size], 5, n, vector_constant_twice(t, lowest));
    vec_op(c, SSE_PXOR, 2, 2, 5);
    note_lanes(t, 5);
    simd_finish_operand(t, 2);
}

/* --- halves ------------------------------------------------------------------------------------------ */

enum halving { SUM, ROUNDED_SUM, DIFFERENCE };

/* Without a carry: what both have, and half of what one has. */
static void halve(struct translation_state *t, enum halving kind, bool is_signed)
{
    const unsigned size = t->insn->size, n = simd_n(t, 0), m = simd_m(t, 1), d = simd_to(t, 2);
    struct x64 *c = t->c;
    if (kind == ROUNDED_SUM && !is_signed && size < 2) {
        vec_op(c, size ? SSE_PAVGW : SSE_PAVGB, d, n, m);
        simd_finish(t, d);
        return;
    }
    vec_op(c, SSE_PXOR, 2, n, m);
    simd_shift_right(t, size, 2, 2, 1, is_signed);
    vec_op(c, kind == SUM ? SSE_PAND : kind == ROUNDED_SUM ? SSE_POR : SSE_PANDN, 3, n, m);
    if (kind == SUM)
        vec_op(c, simd_adds[size], d, 3, 2);
    else if (kind == ROUNDED_SUM)
        vec_op(c, simd_subs[size], d, 3, 2);
    else
        vec_op(c, simd_subs[size], d, 2, 3);
    simd_finish(t, d);
}

/* --- high halves of doubled products ----------------------------------------------------------------- */

/* Only the lowest number times itself overflows, and only that comes out as the lowest number. */
static void finish_doubled(struct translation_state *t, unsigned size, unsigned xmm)
{
    struct x64 *c = t->c;
    const uint64_t lowest = simd_every_lane(size, 1ull << ((8u << size) - 1));
    vec_op_at(c, simd_equals[size], 5, xmm, vector_constant_twice(t, lowest));
    vec_op(c, SSE_PXOR, xmm, xmm, 5);
    note_lanes(t, 5);
    simd_finish_operand(t, xmm);
}

static void doubled_product(struct translation_state *t, bool rounded, bool element)
{
    const unsigned size = t->insn->size;
    struct x64 *c = t->c;
    const unsigned n = operand_n(t, 0), m = element ? simd_element(t, 1) : operand_m(t, 1);
    if (size == 1 && rounded) {
        vec_op(c, SSE_PMULHRSW, 2, n, m);
    } else if (size == 1) {
        vec_op(c, SSE_PMULHW, 2, n, m);
        vec_op(c, SSE_PMULLW, 3, n, m);
        vec_op(c, SSE_PADDW, 2, 2, 2);
        vec_shift(c, SSE_SHIFT_RIGHT, 1, 3, 3, 15);
        vec_op(c, SSE_POR, 2, 2, 3);
    } else { /* the even words' products in xmm2, the odd ones' in xmm3 */
        vec_unary_imm(c, SSE_PSHUFD, 3, n, 0xf5);
        vec_unary_imm(c, SSE_PSHUFD, 4, m, 0xf5);
        vec_op(c, SSE_PMULDQ, 2, n, m);
        vec_op(c, SSE_PMULDQ, 3, 3, 4);
        for (unsigned xmm = 2; xmm < 4; xmm++) {
            vec_op(c, SSE_PADDQ, xmm, xmm, xmm);
            if (rounded)
                vec_op_at(c, SSE_PADDQ, xmm, xmm, vector_constant_twice(t, 1ull << 31));
        }
        vec_shift(c, SSE_SHIFT_RIGHT, 3, 2, 2, 32);
        vec_op_imm(c, SSE_PBLENDW, 2, 2, 3, 0xcc);
    }
    finish_doubled(t, size, 2);
}

/* xmm `to` = four of d's halfwords plus or less doubled products' high halves, as words, which may not fit. `part`: the
 * lower four or the upper ones of d, and of the products, whose low halves are in xmm2, the high ones in xmm3. All is
 * done with half of it, which fits into a word. Uses xmm4, xmm5. */
static void accumulate_halfwords(struct translation_state *t, bool subtract, unsigned to, unsigned d, unsigned part)
{
    const enum sse_op unpack = part ? SSE_PUNPCKHWD : SSE_PUNPCKLWD;
    struct x64 *c = t->c;
    vec_op(c, unpack, 4, 2, 3);
    vec_zero(c, 5);
    vec_op(c, unpack, 5, 5, d);
    vec_shift(c, SSE_SHIFT_RIGHT_SIGNED, 2, 5, 5, 1);
    vec_op(c, subtract ? SSE_PSUBD : SSE_PADDD, 5, 5, 4);
    vec_op_at(c, SSE_PADDD, 5, 5, vector_constant_twice(t, simd_every_lane(2, 1u << 14)));
    vec_shift(c, SSE_SHIFT_RIGHT_SIGNED, 2, to, 5, 15);
}

static void accumulate_doubled_halfwords(struct translation_state *t, bool subtract, unsigned n, unsigned m)
{
    const unsigned parts = t->insn->q ? 2 : 1;
    struct x64 *c = t->c;
    vec_op(c, SSE_PMULLW, 2, n, m);
    vec_op(c, SSE_PMULHW, 3, n, m);
    const unsigned d = operand_d(t, 1);
    for (unsigned part = 0; part < parts; part++)
        accumulate_halfwords(t, subtract, part, d, part);
    vec_op(c, SSE_PACKSSDW, 4, 0, parts - 1);
    vec_zero(c, 5);
    for (unsigned part = 0; part < parts; part++) {
        vec_op(c, part ? SSE_PUNPCKHWD : SSE_PUNPCKLWD, 2, 4, 4);
        vec_shift(c, SSE_SHIFT_RIGHT_SIGNED, 2, 2, 2, 16);
        vec_op(c, SSE_PXOR, 2, 2, part);
        vec_op(c, SSE_POR, 5, 5, 2);
    }
    simd_note_saturation(t, 5);
    if (parts == 1) /* they stand there twice */
        vec_unary(c, SSE_MOVQ, 4, 4);
    simd_finish_operand(t, 4);
}

/* xmm = of every second word of d, plus or less the high half of the doubled product in xmm, the low half of its place;
 * what saturates is left to exec_. Uses xmm4, xmm5. */
static void accumulate_words(struct translation_state *t, bool subtract, unsigned xmm, unsigned d)
{
    const uint64_t quarter = vector_constant_twice(t, 1ull << 30);
    struct x64 *c = t->c;
    vec_op_at(c, SSE_PMULDQ, 4, d, quarter);
    vec_op(c, SSE_PADDQ, 4, 4, 4);
    vec_op(c, subtract ? SSE_PSUBQ : SSE_PADDQ, 4, 4, xmm);
    vec_op_at(c, SSE_PADDQ, 4, 4, quarter);
    vec_op(c, SSE_PADDQ, 5, 4, 4);
    vec_op(c, SSE_PXOR, 5, 5, 4);
    slow_if_any_sign(t, SSE_PD, 5);
    vec_shift(c, SSE_SHIFT_RIGHT, 3, xmm, 4, 31);
}

/* d plus or less the high half of a doubled product, rounded once. */
static void accumulate_doubled(struct translation_state *t, bool subtract, bool element)
{
    struct x64 *c = t->c;
    const unsigned n = operand_n(t, 0), m = element ? simd_element(t, 1) : operand_m(t, 1);
    if (t->insn->size == 1) {
        accumulate_doubled_halfwords(t, subtract, n, m);
        return;
    }
    vec_unary_imm(c, SSE_PSHUFD, 3, n, 0xf5);
    vec_unary_imm(c, SSE_PSHUFD, 4, m, 0xf5);
    vec_op(c, SSE_PMULDQ, 2, n, m);
    vec_op(c, SSE_PMULDQ, 3, 3, 4);
    const unsigned d = operand_d(t, 0);
    accumulate_words(t, subtract, 2, d);
    vec_unary_imm(c, SSE_PSHUFD, 1, d, 0xf5);
    accumulate_words(t, subtract, 3, 1);
    vec_shift(c, SSE_SHIFT_LEFT, 3, 3, 3, 32);
    vec_op_imm(c, SSE_PBLENDW, 2, 2, 3, 0xcc);
    simd_finish_operand(t, 2);
}

/* --- to the left ------------------------------------------------------------------------------------- */

enum narrowing { SIGNED, SIGNED_TO_UNSIGNED, UNSIGNED };

/* What does not come back when it is shifted back did not fit. */
static void shift_left(struct translation_state *t, enum narrowing kind)
{
    const unsigned size = t->insn->size, amount = t->insn->amount, bits = 8u << size, n = operand_n(t, 0);
    const uint64_t greatest = simd_every_lane(size, UINT64_MAX >> (65 - bits));
    struct x64 *c = t->c;
    vec_move(c, 2, n);
    vec_move(c, 3, n);
    if (amount) {
        simd_shift_left(t, size, 2, n, amount);
        simd_shift_right(t, size, 3, 2, amount, kind == SIGNED);
    }
    vec_op(c, simd_equals[size], 3, 3, n);
    if (kind == UNSIGNED) {
        vec_ones(c, 4);
    } else {
        simd_shift_right(t, size, 4, n, bits - 1, true);
        if (kind == SIGNED_TO_UNSIGNED)
            vec_op(c, SSE_PANDN, 3, 4, 3); /* negative ones never fit */
        vec_op_at(c, SSE_PXOR, 4, 4, vector_constant_twice(t, kind == SIGNED ? greatest : UINT64_MAX));
    }
    vec_op(c, SSE_PAND, 2, 2, 3);
    vec_op(c, SSE_PANDN, 4, 3, 4);
    vec_op(c, SSE_POR, 2, 2, 4);
    vec_ones(c, 4);
    note_difference(t, 3, 4);
    simd_finish_operand(t, 2);
}

/* --- narrower ---------------------------------------------------------------------------------------- */

/* Doublewords to words: xmm4 has the word in the lower half of each, xmm5 ones where n did not fit. Uses xmm3. */
static void fit_doublewords(struct translation_state *t, enum narrowing kind, unsigned n)
{
    struct x64 *c = t->c;
    vec_unary_imm(c, SSE_PSHUFD, 3, n, 0xf5); /* the upper word */
    if (kind == SIGNED) {
        vec_unary_imm(c, SSE_PSHUFD, 5, n, 0xa0);
        vec_shift(c, SSE_SHIFT_RIGHT_SIGNED, 2, 5, 5, 31);
    } else {
        vec_zero(c, 5);
    }
    vec_op(c, SSE_PCMPEQD, 5, 5, 3); /* it fits */
    vec_op(c, SSE_PAND, 4, n, 5);
    if (kind == UNSIGNED) {
        vec_op_at(c, SSE_PXOR, 5, 5, vector_constant_twice(t, UINT64_MAX));
        vec_op(c, SSE_POR, 4, 4, 5);
        return;
    }
    vec_shift(c, SSE_SHIFT_RIGHT_SIGNED, 2, 3, 3, 31);
    vec_op_at(c, SSE_PXOR, 3, 3,
              vector_constant_twice(t, kind == SIGNED ? simd_every_lane(2, INT32_MAX) : UINT64_MAX));
    vec_op(c, SSE_PANDN, 3, 5, 3);
    vec_op(c, SSE_POR, 4, 4, 3);
    vec_op_at(c, SSE_PXOR, 5, 5, vector_constant_twice(t, UINT64_MAX));
}

/* Halfwords and words, to bytes and halfwords: brought into the narrow lane's range. xmm5 is not zero where n did not
 * fit. */
static void fit(struct translation_state *t, enum narrowing kind, unsigned n)
{
    static const enum sse_op min[2][2] = {{SSE_PMINSW, SSE_PMINSD}, {SSE_PMINUW, SSE_PMINUD}},
                             max[2] = {SSE_PMAXSW, SSE_PMAXSD};
    const unsigned size = t->insn->size, wide = size + 1u, bits = 8u << size;
    struct x64 *c = t->c;
    const uint64_t greatest = kind == SIGNED ? (1ull << (bits - 1)) - 1 : (1ull << bits) - 1;
    const uint64_t wide_lane = (1ull << 2 * bits) - 1;
    vec_op_at(c, min[kind == UNSIGNED][size], 4, n, vector_constant_twice(t, simd_every_lane(wide, greatest)));
    if (kind != UNSIGNED) {
        const uint64_t least = kind == SIGNED ? ~greatest & wide_lane : 0;
        vec_op_at(c, max[size], 4, 4, vector_constant_twice(t, simd_every_lane(wide, least)));
    }
    vec_op(c, SSE_PXOR, 5, n, 4);
}

/* n's wide lanes shifted to the right, and what fits of them: within a wide lane, then cut. */
static void narrow(struct translation_state *t, enum narrowing kind, unsigned amount, bool rounded)
{
    const struct insn *insn = t->insn;
    const unsigned wide = insn->size + 1u;
    unsigned n = vector_is_scalar(insn) ? simd_operand(t, insn->rn, wide, 0) : vector_use(t, insn->rn, 0);
    if (rounded) {
        simd_shift_right_rounded(t, wide, 2, n, amount, kind != UNSIGNED);
        n = 2;
    } else if (amount) {
        simd_shift_right(t, wide, 2, n, amount, kind != UNSIGNED);
        n = 2;
    }
    if (insn->size == 2)
        fit_doublewords(t, kind, n);
    else
        fit(t, kind, n);
    simd_note_saturation(t, 5);
    simd_narrow(t, 4, 0);
}

bool emit_saturate(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    switch (insn->op) {
    case OP_sqadd_vec:
    case OP_sqadd_scalar: add_or_subtract(t, false, true); return true;
    case OP_uqadd_vec:
    case OP_uqadd_scalar: add_or_subtract(t, false, false); return true;
    case OP_sqsub_vec:
    case OP_sqsub_scalar: add_or_subtract(t, true, true); return true;
    case OP_uqsub_vec:
    case OP_uqsub_scalar: add_or_subtract(t, true, false); return true;
    case OP_suqadd_vec:
    case OP_suqadd_scalar: add_to_other_sign(t, true); return true;
    case OP_usqadd_vec:
    case OP_usqadd_scalar: add_to_other_sign(t, false); return true;
    case OP_sqrdmlah_vec:
    case OP_sqrdmlah_scalar: accumulate_doubled(t, false, false); return true;
    case OP_sqrdmlsh_vec:
    case OP_sqrdmlsh_scalar: accumulate_doubled(t, true, false); return true;
    case OP_sqrdmlah_elem:
    case OP_sqrdmlah_elem_scalar: accumulate_doubled(t, false, true); return true;
    case OP_sqrdmlsh_elem:
    case OP_sqrdmlsh_elem_scalar: accumulate_doubled(t, true, true); return true;
    case OP_sqabs_vec:
    case OP_sqabs_scalar: change_sign(t, false); return true;
    case OP_sqneg_vec:
    case OP_sqneg_scalar: change_sign(t, true); return true;
    case OP_sqshl_imm_vec:
    case OP_sqshl_imm_scalar: shift_left(t, SIGNED); return true;
    case OP_uqshl_imm_vec:
    case OP_uqshl_imm_scalar: shift_left(t, UNSIGNED); return true;
    case OP_sqshlu_vec:
    case OP_sqshlu_scalar: shift_left(t, SIGNED_TO_UNSIGNED); return true;
    case OP_shadd_vec: halve(t, SUM, true); return true;
    case OP_uhadd_vec: halve(t, SUM, false); return true;
    case OP_srhadd_vec: halve(t, ROUNDED_SUM, true); return true;
    case OP_urhadd_vec: halve(t, ROUNDED_SUM, false); return true;
    case OP_shsub_vec: halve(t, DIFFERENCE, true); return true;
    case OP_uhsub_vec: halve(t, DIFFERENCE, false); return true;
    case OP_sqdmulh_vec:
    case OP_sqdmulh_scalar: doubled_product(t, false, false); return true;
    case OP_sqrdmulh_vec:
    case OP_sqrdmulh_scalar: doubled_product(t, true, false); return true;
    case OP_sqdmulh_elem:
    case OP_sqdmulh_elem_scalar: doubled_product(t, false, true); return true;
    case OP_sqrdmulh_elem:
    case OP_sqrdmulh_elem_scalar: doubled_product(t, true, true); return true;
    case OP_sqxtn_vec:
    case OP_sqxtn_scalar: narrow(t, SIGNED, 0, false); return true;
    case OP_sqxtun_vec:
    case OP_sqxtun_scalar: narrow(t, SIGNED_TO_UNSIGNED, 0, false); return true;
    case OP_uqxtn_vec:
    case OP_uqxtn_scalar: narrow(t, UNSIGNED, 0, false); return true;
    case OP_sqshrn_vec:
    case OP_sqshrn_scalar: narrow(t, SIGNED, insn->amount, false); return true;
    case OP_sqrshrn_vec:
    case OP_sqrshrn_scalar: narrow(t, SIGNED, insn->amount, true); return true;
    case OP_sqshrun_vec:
    case OP_sqshrun_scalar: narrow(t, SIGNED_TO_UNSIGNED, insn->amount, false); return true;
    case OP_sqrshrun_vec:
    case OP_sqrshrun_scalar: narrow(t, SIGNED_TO_UNSIGNED, insn->amount, true); return true;
    case OP_uqshrn_vec:
    case OP_uqshrn_scalar: narrow(t, UNSIGNED, insn->amount, false); return true;
    case OP_uqrshrn_vec:
    case OP_uqrshrn_scalar: narrow(t, UNSIGNED, insn->amount, true); return true;
    default: return false;
    }
}
