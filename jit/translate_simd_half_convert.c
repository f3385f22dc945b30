/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Vectors of half precision: rounding, conversions from and to integers, estimates and their steps, in single. */
#include "jit/translate_fp.h"

/* --- rounding and integers --------------------------------------------------------------------------- */

static void round_integral(struct translation_state *t, unsigned rounding)
{
    struct x64 *c = t->c;
    arm_fp(t);
    const unsigned n = half_first(t);
    for (unsigned i = 0; i < half_parts(t); i++) { /* round_away() uses xmm2 and xmm3 */
        half_part(c, 4, n, i);
        fp_round_vector(t, 1 - i, 4, rounding);
    }
    vec_move(c, 2, 1);
    if (half_parts(t) == 2)
        vec_move(c, 3, 0);
    half_join(t);
    half_finish(t);
}

static uint64_t power_of_two(struct translation_state *t, int power)
{
    return lane_constant(t, SSE_PS, (uint64_t)(127 + power) << 23);
}

static void from_integer(struct translation_state *t, bool is_unsigned, unsigned fraction_bits)
{
    struct x64 *c = t->c;
    arm_fp(t);
    unsigned n = half_first(t);
    for (unsigned i = 0; i < half_parts(t); i++) {
        if (i) {
            vec_unary_imm(c, SSE_PSHUFD, 0, n, 0xee);
            n = 0;
        }
        vec_unary(c, is_unsigned ? SSE_PMOVZXWD : SSE_PMOVSXWD, 4, n);
        vec_unary(c, SSE_CVTDQ2PS, 2 + i, 4);
        if (fraction_bits)
            vec_op_at(c, sse_fp(SSE_MUL, SSE_PS), 2 + i, 2 + i, power_of_two(t, -(int)fraction_bits));
    }
    half_join(t);
    half_finish(t);
}

/* What does not fit raises nothing but "invalid", and is left to exec_: so all are rounded quietly first, and once they
 * fit again, to raise "inexact". */
static void to_integer(struct translation_state *t, bool is_unsigned, unsigned rounding, unsigned fraction_bits)
{
    struct x64 *c = t->c;
    arm_fp(t);
    const unsigned n = half_first(t);
    for (unsigned i = 0; i < half_parts(t); i++) {
        const unsigned r = 1 - i;
        half_part(c, 4, n, i);
        if (fraction_bits)
            vec_op_at(c, sse_fp(SSE_MUL, SSE_PS), 4, 4, power_of_two(t, (int)fraction_bits));
        fp_round_vector(t, r, 4, rounding | QUIETLY);
        slow_if_from(t, SSE_PS, r, is_unsigned ? 16 : 15);
        vec_unary(c, SSE_CVTTPS2DQ, r, r);
        if (is_unsigned)
            slow_if_any_sign(t, SSE_PS, r);
        fp_round_vector(t, 2, 4, rounding);
    }
    vec_op(c, is_unsigned ? SSE_PACKUSDW : SSE_PACKSSDW, 2, 1, half_parts(t) == 2 ? 0 : 1);
    half_finish_whole(t, 16);
}

/* --- estimates --------------------------------------------------------------------------------------- */

/* What the table has for the same number as a single is exact as a half, for numbers that are not too small. */
static void estimate(struct translation_state *t, bool root)
{
    struct x64 *c = t->c;
    arm_fp(t);
    const unsigned n = half_first(t);
    half_part(c, 1, n, 0);
    estimate_singles(t, root, 1, root ? -24 : -16, 16);
    round_to_halves(c, 1, 2);
    if (half_parts(t) == 2) {
        half_part(c, 0, n, 1);
        estimate_singles(t, root, 0, root ? -24 : -16, 16);
        round_to_halves(c, 2, 2);
        vec_op(c, SSE_PUNPCKLQDQ, 2, 1, 2);
    } else {
        vec_move(c, 2, 1);
    }
    half_finish(t);
}

/* 2 - n * m, or half of 3 - n * m, as translate_estimate.c has it. */
static void step(struct translation_state *t, bool root)
{
    const uint64_t two = 0x40000000, three = 0x40400000, half = 0x3f000000;
    struct x64 *c = t->c;
    arm_fp(t);
    const unsigned n = half_first(t), m = half_second(t, false);
    half_slow_if_infinite(t, n);
    half_slow_if_infinite(t, m);
    for (unsigned i = 0; i < half_parts(t); i++) {
        const bool last = i + 1 == half_parts(t); /* then nobody needs xmm0 */
        half_part(c, 4, n, i);
        half_part(c, 5, m, i);
        vec_op(c, sse_fp(SSE_MUL, SSE_PS), 4, 4, 5);
        vec_op_at(c, SSE_PXOR, 4, 4, sign_mask(t, SSE_PS));
        vec_unary_at(c, SSE_MOVAPS, 5, lane_constant(t, SSE_PS, root ? three : two));
        half_add_to_odd(t, 2 + i, last ? 0 : 3);
        if (root)
            vec_op_at(c, sse_fp(SSE_MUL, SSE_PS), 2 + i, 2 + i, lane_constant(t, SSE_PS, half));
    }
    half_join(t);
    slow_if_least_half(t, 2);
    half_finish(t);
}

bool emit_simd_half_convert(struct translation_state *t)
{
    switch (t->insn->op) {
    case OP_frintn_v_h:
    case OP_frinti_v_h: round_integral(t, NEAREST | QUIETLY); return true;
    case OP_frintp_v_h: round_integral(t, UP | QUIETLY); return true;
    case OP_frintm_v_h: round_integral(t, DOWN | QUIETLY); return true;
    case OP_frintz_v_h: round_integral(t, TO_ZERO | QUIETLY); return true;
    case OP_frintx_v_h: round_integral(t, NEAREST); return true;
    case OP_frinta_v_h: round_integral(t, TIES_AWAY | QUIETLY); return true;
    case OP_scvtf_v_h:
    case OP_scvtf_s_h: from_integer(t, false, 0); return true;
    case OP_ucvtf_v_h:
    case OP_ucvtf_s_h: from_integer(t, true, 0); return true;
    case OP_scvtf_vfix_h:
    case OP_scvtf_sfix_h: from_integer(t, false, t->insn->amount); return true;
    case OP_ucvtf_vfix_h:
    case OP_ucvtf_sfix_h: from_integer(t, true, t->insn->amount); return true;
#define TO_INTEGER(sign, is_unsigned)                                                                        \
    case OP_fcvtn##sign##_v_h:                                                                           \
    case OP_fcvtn##sign##_s_h: to_integer(t, is_unsigned, NEAREST, 0); return true;                      \
    case OP_fcvtm##sign##_v_h:                                                                           \
    case OP_fcvtm##sign##_s_h: to_integer(t, is_unsigned, DOWN, 0); return true;                         \
    case OP_fcvtp##sign##_v_h:                                                                           \
    case OP_fcvtp##sign##_s_h: to_integer(t, is_unsigned, UP, 0); return true;                           \
    case OP_fcvta##sign##_v_h:                                                                           \
    case OP_fcvta##sign##_s_h: to_integer(t, is_unsigned, TIES_AWAY, 0); return true;                    \
    case OP_fcvtz##sign##_v_h:                                                                           \
    case OP_fcvtz##sign##_s_h: to_integer(t, is_unsigned, TO_ZERO, 0); return true;                      \
    case OP_fcvtz##sign##_vfix_h:                                                                        \
    case OP_fcvtz##sign##_sfix_h: to_integer(t, is_unsigned, TO_ZERO, t->insn->amount); return true;
        TO_INTEGER(s, false)
        TO_INTEGER(u, true)
#undef TO_INTEGER
    case OP_frecpe_v_h:
    case OP_frecpe_s_h: estimate(t, false); return true;
    case OP_frsqrte_v_h:
    case OP_frsqrte_s_h: estimate(t, true); return true;
    case OP_frecps_v_h:
    case OP_frecps_s_h: step(t, false); return true;
    case OP_frsqrts_v_h:
    case OP_frsqrts_s_h: step(t, true); return true;
    default: return false;
    }
}
