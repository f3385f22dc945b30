/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shifts of each lane by its own amount, and counts of leading bits. An amount is the low byte of m's lane: to the
 * left, or to the right where it is negative. The host's variable shifts (of AVX2 alone) have words and doublewords,
 * and give zero or the sign for amounts that are too large, negative ones too. */
#include "jit/translate_simd.h"

/* Words and doublewords, unless signed. To the right and not at all, both would be n: OR gives it. */
static void shift_whole(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    struct x64 *c = t->c;
    const unsigned size = insn->size, wide = size == 3;
    const unsigned n = simd_n(t, 0), m = simd_m(t, 1), d = simd_to(t, 2);
    const uint64_t low = vector_constant_twice(t, simd_every_lane(size, 0xff));
    vec_op_at(c, SSE_PAND, 3, m, low);
    vex_rr(c, wide, SSE_PSLLVD, 4, n, 3);
    vec_zero(c, 5);
    vec_op(c, simd_subs[size], 3, 5, m);
    vec_op_at(c, SSE_PAND, 3, 3, low); /* 128 and more where it is to go to the left, but for 0: nothing then */
    vex_rr(c, wide, SSE_PSRLVD, 5, n, 3);
    vec_op(c, SSE_POR, d, 4, 5);
    simd_finish(t, d);
}

/* xmm = four lanes of n or m as words, the group'th four. */
static void load_group(struct translation_state *t, unsigned xmm, bool of_m, bool is_signed, unsigned group)
{
    static const enum sse_op extend[2][2] = {{SSE_PMOVZXBD, SSE_PMOVZXWD}, {SSE_PMOVSXBD, SSE_PMOVSXWD}};
    const unsigned size = t->insn->size;
    unsigned from = simd_operand(t, of_m ? t->insn->rm : t->insn->rn, size, xmm);
    if (group) {
        vec_unary_imm(t->c, SSE_PSHUFD, xmm, from, size ? 0xee : group * 0x55);
        from = xmm;
    }
    if (size < 2)
        vec_unary(t->c, extend[is_signed][size], xmm, from);
    else
        vec_move(t->c, xmm, from);
}

/* The slow path where a bit of the lanes in xmm3 gets lost as they are shifted to the left by xmm4, within their own
 * width. Uses `temp`, xmm5. */
static void slow_if_lost(struct translation_state *t, unsigned temp, bool is_signed)
{
    const unsigned bits = 8u << t->insn->size;
    struct x64 *c = t->c;
    if (bits < 32)
        vec_shift(c, SSE_SHIFT_LEFT, 2, temp, 3, 32 - bits);
    else
        vec_move(c, temp, 3);
    vex_rr(c, 0, SSE_PSLLVD, 5, temp, 4);
    vex_rr(c, 0, is_signed ? SSE_PSRAVD : SSE_PSRLVD, 5, 5, 4);
    vec_op(c, SSE_PXOR, 5, 5, temp);
    vec_shift(c, SSE_SHIFT_RIGHT_SIGNED, 2, temp, 4, 31);
    vec_op(c, SSE_PANDN, 5, temp, 5); /* not those that go to the right */
    vec_unary(c, SSE_PTEST, 5, 5);
    slow_if(t, CC_NE);
    t->flags = FLAGS_UNKNOWN;
}

enum { ROUNDED = 1, SATURATED = 2 };

/* xmm3 = the signs of from's doublewords, to = these turned over where negative: to be shifted to the right without
 * sign. Returns where they are. */
static unsigned turn_over(struct x64 *c, bool is_signed, unsigned to, unsigned from)
{
    if (!is_signed)
        return from;
    simd_spread_signs(c, 3, 3, from, 3);
    vec_op(c, SSE_PXOR, to, from, 3);
    return to;
}

/* d = `turned` to the right, each by its own amount, and turned over again. */
static void right_doublewords(struct x64 *c, bool is_signed, unsigned d, unsigned turned, unsigned amounts)
{
    vex_rr(c, 1, SSE_PSRLVD, d, turned, amounts);
    if (is_signed)
        vec_op(c, SSE_PXOR, d, d, 3);
}

/* Doublewords: those that go to the left in xmm2, to the right in xmm4. */
static void shift_doublewords(struct translation_state *t, bool is_signed, unsigned how)
{
    const uint64_t low = vector_constant_twice(t, 0xff), ones = vector_constant_twice(t, UINT64_MAX);
    struct x64 *c = t->c;
    unsigned n = simd_operand(t, t->insn->rn, 3, 0);
    const unsigned m = simd_operand(t, t->insn->rm, 3, 1);
    vec_op_at(c, SSE_PAND, 5, m, low);
    vex_rr(c, 1, SSE_PSLLVD, 2, n, 5); /* zero where it is to go to the right: by 128 and more */
    vec_shift(c, SSE_SHIFT_LEFT, 3, 1, m, 56);
    if (how & SATURATED) { /* what gets lost, unless it is to go to the right, is left to exec_ */
        const unsigned there = turn_over(c, is_signed, 4, 2);
        right_doublewords(c, is_signed, 4, there, 5);
        vec_op(c, SSE_PCMPEQQ, 4, 4, n);
        vec_zero(c, 5);
        vec_op(c, SSE_PCMPGTQ, 5, 5, 1);
        vec_op(c, SSE_POR, 4, 4, 5);
        vec_op_at(c, SSE_PXOR, 4, 4, ones);
        slow_if_any_sign(t, SSE_PD, 4);
    }
    n = turn_over(c, is_signed, 0, n);
    vec_zero(c, 5);
    vec_shift(c, SSE_SHIFT_RIGHT, 3, 4, 1, 56);
    vec_op(c, SSE_PSUBQ, 4, 5, 4);
    vec_op_at(c, SSE_PAND, 4, 4, low); /* how far to the right */
    vec_op(c, SSE_PCMPGTQ, 1, 5, 1);   /* ones where it goes there */
    if (how & ROUNDED) {
        vec_op_at(c, SSE_PADDQ, 5, 4, ones); /* by one less */
        right_doublewords(c, is_signed, 5, n, 5);
        vec_op_at(c, SSE_PAND, 5, 5, vector_constant_twice(t, 1));
    }
    right_doublewords(c, is_signed, 4, n, 4);
    if (how & ROUNDED)
        vec_op(c, SSE_PADDQ, 4, 4, 5);
    vec_op(c, SSE_PAND, 4, 4, 1);
    vec_op(c, SSE_POR, 2, 2, 4);
    simd_finish_operand(t, 2);
}

/* to = four lanes shifted, as words. What is rounded gets the last bit that is shifted out. Uses xmm3 to xmm5. */
static void shift_group(struct translation_state *t, unsigned to, unsigned group, bool is_signed, unsigned how)
{
    const enum sse_op right = is_signed ? SSE_PSRAVD : SSE_PSRLVD;
    struct x64 *c = t->c;
    load_group(t, 3, false, is_signed, group);
    load_group(t, 4, true, false, group);
    vec_shift(c, SSE_SHIFT_LEFT, 2, 4, 4, 24);
    vec_shift(c, SSE_SHIFT_RIGHT_SIGNED, 2, 4, 4, 24);
    if (how & SATURATED)
        slow_if_lost(t, to, is_signed);
    vex_rr(c, 0, SSE_PSLLVD, to, 3, 4);
    vec_zero(c, 5);
    vec_op(c, SSE_PSUBD, 5, 5, 4);
    vex_rr(c, 0, right, 5, 3, 5);
    if (how & ROUNDED) {
        vec_op_at(c, SSE_PXOR, 4, 4, vector_constant_twice(t, UINT64_MAX)); /* by one less */
        vex_rr(c, 0, right, 3, 3, 4);
        vec_op_at(c, SSE_PAND, 3, 3, vector_constant_twice(t, simd_every_lane(2, 1)));
        vec_op(c, SSE_PADDD, 5, 5, 3);
        vec_shift(c, SSE_SHIFT_RIGHT_SIGNED, 2, 4, 4, 31);
        vec_op(c, SSE_PANDN, 5, 4, 5);
    } else {
        vec_shift(c, SSE_SHIFT_RIGHT_SIGNED, 2, 4, 4, 31);
        vec_op(c, SSE_PAND, 5, 5, 4);
    }
    vec_op(c, SSE_POR, to, to, 5);
}

/* to = two groups, `first` and the next, as halfwords. Uses xmm2 to xmm5. */
static void shift_two_groups(struct translation_state *t, unsigned to, unsigned first, bool is_signed, unsigned how)
{
    const uint64_t low = vector_constant_twice(t, simd_every_lane(2, UINT16_MAX));
    shift_group(t, to, first, is_signed, how);
    shift_group(t, 2, first + 1, is_signed, how);
    vec_op_at(t->c, SSE_PAND, to, to, low);
    vec_op_at(t->c, SSE_PAND, 2, 2, low);
    vec_op(t->c, SSE_PACKUSDW, to, to, 2);
}

/* What saturates is left to exec_. */
static bool shift_by_lanes(struct translation_state *t, bool is_signed, unsigned how)
{
    const struct insn *insn = t->insn;
    struct x64 *c = t->c;
    const unsigned size = insn->size;
    if (!c->avx)
        return false;
    if (size >= 2 && !is_signed && !how) {
        shift_whole(t);
        return true;
    }
    if (size == 3) {
        shift_doublewords(t, is_signed, how);
        return true;
    }
    if (size == 2 || vector_is_scalar(insn))
        shift_group(t, 0, 0, is_signed, how);
    else
        shift_two_groups(t, 0, 0, is_signed, how);
    if (vector_is_scalar(insn)) {
        if (size < 2)
            vec_op_at(c, SSE_PAND, 0, 0, vector_constant(t, size ? UINT16_MAX : UINT8_MAX, 0));
        simd_finish_operand(t, 0);
        return true;
    }
    if (size == 0) {
        const uint64_t low = vector_constant_twice(t, simd_every_lane(1, UINT8_MAX));
        if (insn->q)
            shift_two_groups(t, 1, 2, is_signed, how);
        vec_op_at(c, SSE_PAND, 0, 0, low);
        vec_op_at(c, SSE_PAND, 1, insn->q ? 1 : 0, low);
        vec_op(c, SSE_PACKUSWB, 0, 0, 1);
    }
    simd_finish(t, 0);
    return true;
}

/* --- counts ------------------------------------------------------------------------------------------ */

/* xmm0 = leading zeroes of n's lanes: of half a lane, and of the other half where the first is zero. Uses xmm1 to
 * xmm3. */
static void leading_zeroes(struct translation_state *t, unsigned n)
{
    const uint64_t nibbles = vector_constant_twice(t, simd_every_lane(0, 15));
    const uint64_t zeroes_of_nibble = vector_constant(t, 0x0101010102020304, 0);
    struct x64 *c = t->c;
    vec_op_at(c, SSE_PAND, 2, n, nibbles);
    vec_shift(c, SSE_SHIFT_RIGHT, 1, 1, n, 4);
    vec_op_at(c, SSE_PAND, 1, 1, nibbles);
    vec_unary_at(c, SSE_MOVAPS, 0, zeroes_of_nibble);
    vec_op(c, SSE_PSHUFB, 2, 0, 2);
    vec_op(c, SSE_PSHUFB, 0, 0, 1);
    for (unsigned size = 0;; size++) {
        const unsigned half = 4u << size;
        vec_op_at(c, simd_equals[size], 3, 0, vector_constant_twice(t, simd_every_lane(size, half)));
        vec_op(c, SSE_PAND, 2, 2, 3);
        vec_op(c, simd_adds[size], 0, 0, 2);
        if (size == t->insn->size)
            return;
        vec_op_at(c, SSE_PAND, 2, 0, vector_constant_twice(t, simd_every_lane(size + 1, (1ull << 2 * half) - 1)));
        vec_shift(c, SSE_SHIFT_RIGHT, size + 1, 0, 0, 2 * half);
    }
}

static void count_zeroes(struct translation_state *t)
{
    leading_zeroes(t, simd_n(t, 0));
    simd_finish(t, 0);
}

/* Bits that are like their left neighbours are zeroes of what both differ in. */
static void count_signs(struct translation_state *t)
{
    const unsigned size = t->insn->size, n = simd_n(t, 4);
    simd_shift_right(t, size, 0, n, 1, true);
    vec_op(t->c, SSE_PXOR, 4, n, 0);
    leading_zeroes(t, 4);
    vec_op_at(t->c, simd_subs[size], 0, 0, vector_constant_twice(t, simd_every_lane(size, 1)));
    simd_finish(t, 0);
}

bool emit_simd_shift(struct translation_state *t)
{
    switch (t->insn->op) {
    case OP_ushl_vec:
    case OP_ushl_scalar: return shift_by_lanes(t, false, 0);
    case OP_sshl_vec:
    case OP_sshl_scalar: return shift_by_lanes(t, true, 0);
    case OP_urshl_vec:
    case OP_urshl_scalar: return shift_by_lanes(t, false, ROUNDED);
    case OP_srshl_vec:
    case OP_srshl_scalar: return shift_by_lanes(t, true, ROUNDED);
    case OP_uqshl_reg_vec:
    case OP_uqshl_reg_scalar: return shift_by_lanes(t, false, SATURATED);
    case OP_sqshl_reg_vec:
    case OP_sqshl_reg_scalar: return shift_by_lanes(t, true, SATURATED);
    case OP_uqrshl_vec:
    case OP_uqrshl_scalar: return shift_by_lanes(t, false, ROUNDED | SATURATED);
    case OP_sqrshl_vec:
    case OP_sqrshl_scalar: return shift_by_lanes(t, true, ROUNDED | SATURATED);
    case OP_clz_vec: count_zeroes(t); return true;
    case OP_cls_vec: count_signs(t); return true;
    default: return false;
    }
}
