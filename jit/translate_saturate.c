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

/* The same where a and b differ in what counts of them. Uses xmm5. */
static void note_difference(struct translation_state *t, unsigned a, unsigned b)
{
    vec_op(t->c, SSE_PXOR, 5, a, b);
    if (!t->insn->q)
        vec_unary(t->c, SSE_MOVQ, 5, 5);
    simd_note_saturation(t, 5);
}

/* --- sums and differences ---------------------------------------------------------------------------- */

/* Words, signed: where the signs say that it overflowed, the end of the range on n's side. xmm2, from n and m. */
static void saturate_words(struct translation_state *t, bool subtract, unsigned n, unsigned m)
{
    struct x64 *c = t->c;
    vec_op(c, subtract ? SSE_PSUBD : SSE_PADDD, 3, n, m);
    vec_op(c, SSE_PXOR, 2, n, 3);
    vec_op(c, SSE_PXOR, 4, subtract ? n : 3, m);
    vec_op(c, SSE_PAND, 4, 4, 2);
    vec_shift(c, SSE_SHIFT_RIGHT_SIGNED, 2, 4, 4, 31); /* all ones where it overflowed */
    vec_shift(c, SSE_SHIFT_RIGHT_SIGNED, 2, 2, n, 31);
    vec_op_at(c, SSE_PXOR, 2, 2, vector_constant_twice(t, simd_every_lane(2, INT32_MAX)));
    vec_op(c, SSE_PAND, 2, 2, 4);
    vec_op(c, SSE_PANDN, 4, 4, 3);
    vec_op(c, SSE_POR, 2, 2, 4);
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

static bool add_or_subtract(struct translation_state *t, bool subtract, bool is_signed)
{
    static const enum sse_op saturating[2][2] = {{SSE_PADDSB, SSE_PADDSW}, {SSE_PSUBSB, SSE_PSUBSW}};
    const unsigned size = t->insn->size;
    struct x64 *c = t->c;
    if (size > 2)
        return false;
    const unsigned n = simd_n(t, 0), m = simd_m(t, 1);
    if (is_signed && size < 2) {
        vec_op(c, saturating[subtract][size], 2, n, m);
    } else if (is_signed) {
        saturate_words(t, subtract, n, m);
    } else {
        saturate_unsigned(t, subtract, n, m);
    }
    vec_op(c, subtract ? simd_subs[size] : simd_adds[size], 3, n, m);
    note_difference(t, 2, 3);
    simd_finish(t, 2);
    return true;
}

/* To d, signed, what is unsigned: as if both were, with d's range moved. To d, unsigned, what is signed: added, or its
 * opposite taken away. */
static bool add_to_other_sign(struct translation_state *t, bool d_signed)
{
    const unsigned size = t->insn->size;
    struct x64 *c = t->c;
    if (size > 2)
        return false;
    const unsigned n = simd_n(t, 0), d = simd_d(t, 1);
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
    simd_finish(t, 2);
    return true;
}

/* |n| or -n: only the lowest number has none, which comes out as itself. */
static void change_sign(struct translation_state *t, bool always)
{
    const unsigned size = t->insn->size, n = simd_n(t, 0);
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
    if (!t->insn->q)
        vec_unary(c, SSE_MOVQ, 5, 5);
    simd_note_saturation(t, 5);
    simd_finish(t, 2);
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
    if (!t->insn->q)
        vec_unary(c, SSE_MOVQ, 5, 5);
    simd_note_saturation(t, 5);
    simd_finish(t, xmm);
}

static void doubled_product(struct translation_state *t, bool rounded, bool element)
{
    const unsigned size = t->insn->size;
    struct x64 *c = t->c;
    const unsigned n = simd_n(t, 0), m = element ? simd_element(t, 1) : simd_m(t, 1);
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
    const unsigned d = simd_d(t, 1);
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
    simd_finish(t, 4);
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
    const unsigned n = simd_n(t, 0), m = element ? simd_element(t, 1) : simd_m(t, 1);
    if (t->insn->size == 1) {
        accumulate_doubled_halfwords(t, subtract, n, m);
        return;
    }
    vec_unary_imm(c, SSE_PSHUFD, 3, n, 0xf5);
    vec_unary_imm(c, SSE_PSHUFD, 4, m, 0xf5);
    vec_op(c, SSE_PMULDQ, 2, n, m);
    vec_op(c, SSE_PMULDQ, 3, 3, 4);
    const unsigned d = simd_d(t, 0);
    accumulate_words(t, subtract, 2, d);
    vec_unary_imm(c, SSE_PSHUFD, 1, d, 0xf5);
    accumulate_words(t, subtract, 3, 1);
    vec_shift(c, SSE_SHIFT_LEFT, 3, 3, 3, 32);
    vec_op_imm(c, SSE_PBLENDW, 2, 2, 3, 0xcc);
    simd_finish(t, 2);
}

/* --- to the left ------------------------------------------------------------------------------------- */

enum narrowing { SIGNED, SIGNED_TO_UNSIGNED, UNSIGNED };

/* What does not come back when it is shifted back did not fit. */
static void shift_left(struct translation_state *t, enum narrowing kind)
{
    const unsigned size = t->insn->size, amount = t->insn->amount, bits = 8u << size, n = simd_n(t, 0);
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
    simd_finish(t, 2);
}

/* --- narrower ---------------------------------------------------------------------------------------- */

/* n's wide lanes shifted to the right, and what fits of them. Within a wide lane: brought into the narrow one's range,
 * then cut. */
static bool narrow(struct translation_state *t, enum narrowing kind, unsigned amount, bool rounded)
{
    static const enum sse_op min[2][2] = {{SSE_PMINSW, SSE_PMINSD}, {SSE_PMINUW, SSE_PMINUD}},
                             max[2] = {SSE_PMAXSW, SSE_PMAXSD};
    const unsigned size = t->insn->size, wide = size + 1u, bits = 8u << size;
    struct x64 *c = t->c;
    if (size > 1)
        return false;
    unsigned n = vector_use(t, t->insn->rn, 0);
    if (rounded) {
        simd_shift_right_rounded(t, wide, 2, n, amount, kind != UNSIGNED);
        n = 2;
    } else if (amount) {
        simd_shift_right(t, wide, 2, n, amount, kind != UNSIGNED);
        n = 2;
    }
    const uint64_t greatest = kind == SIGNED ? (1ull << (bits - 1)) - 1 : (1ull << bits) - 1;
    const uint64_t wide_lane = (1ull << 2 * bits) - 1;
    vec_op_at(c, min[kind == UNSIGNED][size], 4, n, vector_constant_twice(t, simd_every_lane(wide, greatest)));
    if (kind != UNSIGNED) {
        const uint64_t least = kind == SIGNED ? ~greatest & wide_lane : 0;
        vec_op_at(c, max[size], 4, 4, vector_constant_twice(t, simd_every_lane(wide, least)));
    }
    vec_op(c, SSE_PXOR, 5, n, 4);
    simd_note_saturation(t, 5);
    simd_narrow(t, 4, 0);
    return true;
}

bool emit_saturate(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    switch (insn->op) {
    case OP_sqadd_vec: return add_or_subtract(t, false, true);
    case OP_uqadd_vec: return add_or_subtract(t, false, false);
    case OP_sqsub_vec: return add_or_subtract(t, true, true);
    case OP_uqsub_vec: return add_or_subtract(t, true, false);
    case OP_suqadd_vec: return add_to_other_sign(t, true);
    case OP_usqadd_vec: return add_to_other_sign(t, false);
    case OP_sqrdmlah_vec: accumulate_doubled(t, false, false); return true;
    case OP_sqrdmlsh_vec: accumulate_doubled(t, true, false); return true;
    case OP_sqrdmlah_elem: accumulate_doubled(t, false, true); return true;
    case OP_sqrdmlsh_elem: accumulate_doubled(t, true, true); return true;
    case OP_sqabs_vec: change_sign(t, false); return true;
    case OP_sqneg_vec: change_sign(t, true); return true;
    case OP_sqshl_imm_vec: shift_left(t, SIGNED); return true;
    case OP_uqshl_imm_vec: shift_left(t, UNSIGNED); return true;
    case OP_sqshlu_vec: shift_left(t, SIGNED_TO_UNSIGNED); return true;
    case OP_shadd_vec: halve(t, SUM, true); return true;
    case OP_uhadd_vec: halve(t, SUM, false); return true;
    case OP_srhadd_vec: halve(t, ROUNDED_SUM, true); return true;
    case OP_urhadd_vec: halve(t, ROUNDED_SUM, false); return true;
    case OP_shsub_vec: halve(t, DIFFERENCE, true); return true;
    case OP_uhsub_vec: halve(t, DIFFERENCE, false); return true;
    case OP_sqdmulh_vec: doubled_product(t, false, false); return true;
    case OP_sqrdmulh_vec: doubled_product(t, true, false); return true;
    case OP_sqdmulh_elem: doubled_product(t, false, true); return true;
    case OP_sqrdmulh_elem: doubled_product(t, true, true); return true;
    case OP_sqxtn_vec: return narrow(t, SIGNED, 0, false);
    case OP_sqxtun_vec: return narrow(t, SIGNED_TO_UNSIGNED, 0, false);
    case OP_uqxtn_vec: return narrow(t, UNSIGNED, 0, false);
    case OP_sqshrn_vec: return narrow(t, SIGNED, insn->amount, false);
    case OP_sqrshrn_vec: return narrow(t, SIGNED, insn->amount, true);
    case OP_sqshrun_vec: return narrow(t, SIGNED_TO_UNSIGNED, insn->amount, false);
    case OP_sqrshrun_vec: return narrow(t, SIGNED_TO_UNSIGNED, insn->amount, true);
    case OP_uqshrn_vec: return narrow(t, UNSIGNED, insn->amount, false);
    case OP_uqrshrn_vec: return narrow(t, UNSIGNED, insn->amount, true);
    default: return false;
    }
}
