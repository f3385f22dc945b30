/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Vectors of half precision, computed as scalars are (translate_half.c): eight of them in two parts. */
#include "jit/translate_fp.h"

static unsigned parts(const struct translation_state *t)
{
    return t->insn->q ? 2 : 1;
}

/* xmm = four halves of `from` as singles: the lower ones, or the upper ones. */
static void part_of(struct x64 *c, unsigned xmm, unsigned from, unsigned part)
{
    if (part) {
        vec_unary_imm(c, SSE_PSHUFD, xmm, from, 0xee);
        from = xmm;
    }
    vec_unary(c, SSE_CVTPH2PS, xmm, from);
}

/* The operands' registers. By element: xmm1, with it in all lanes. */
static unsigned second(struct translation_state *t, bool by_element)
{
    const struct insn *insn = t->insn;
    if (!by_element)
        return vector_use_low(t, insn->rm, 1, vector_length(insn));
    const unsigned m = vector_use(t, insn->rm, 1), first = 2u * insn->amount;
    vec_op_at(t->c, SSE_PSHUFB, 1, m, vector_constant_twice(t, EVERY_HALF(first | (first + 1) << 8)));
    return 1;
}

static unsigned first(struct translation_state *t)
{
    return vector_use_low(t, t->insn->rn, 0, vector_length(t->insn));
}

/* The slow path where a single in xmm2, or in xmm3 if there are two parts, is a NaN. */
static void slow_if_parts_nan(struct translation_state *t)
{
    vec_op_imm(t->c, sse_fp(SSE_CMP, SSE_PS), 5, 2, parts(t) == 2 ? 3 : 2, 3); /* unordered */
    slow_if_any_sign(t, SSE_PS, 5);
}

/* xmm2 = the singles of xmm2 and xmm3 as halves. */
static void join(struct translation_state *t)
{
    round_to_halves(t->c, 2, 2);
    if (parts(t) == 1)
        return;
    round_to_halves(t->c, 3, 3);
    vec_op(t->c, SSE_PUNPCKLQDQ, 2, 2, 3);
}

static void finish(struct translation_state *t)
{
    vector_done(t, t->insn->rd, 2, 16, vector_length(t->insn));
}

static void arithmetic_of(struct translation_state *t, enum sse_op op, unsigned n, unsigned m)
{
    struct x64 *c = t->c;
    for (unsigned i = 0; i < parts(t); i++) {
        part_of(c, 4, n, i);
        part_of(c, 5, m, i);
        vec_op(c, sse_fp(op, SSE_PS), 2 + i, 4, 5);
    }
    slow_if_parts_nan(t);
    join(t);
    if (op == SSE_MUL || op == SSE_DIV) /* sums that small are exact */
        slow_if_least_half(t, 2);
    finish(t);
}

static void arithmetic(struct translation_state *t, enum sse_op op, bool by_element)
{
    arm_fp(t);
    const unsigned n = first(t);
    arithmetic_of(t, op, n, second(t, by_element));
}

/* xmm `r` = the singles of xmm4 and xmm5 added, rounded to odd. Uses `temp`, xmm4, xmm5. */
static void add_to_odd(struct translation_state *t, unsigned r, unsigned temp)
{
    struct x64 *c = t->c;
    vec_unary(c, SSE_CVTPS2PD, r, 4);
    vec_unary(c, SSE_CVTPS2PD, temp, 5);
    vec_op(c, sse_fp(SSE_ADD, SSE_PD), r, r, temp);
    round_to_odd(t, r, temp);
    vec_unary(c, SSE_CVTPD2PS, r, r);
    for (unsigned xmm = 4; xmm < 6; xmm++) {
        vec_unary_imm(c, SSE_PSHUFD, xmm, xmm, 0xee);
        vec_unary(c, SSE_CVTPS2PD, xmm, xmm);
    }
    vec_op(c, sse_fp(SSE_ADD, SSE_PD), 4, 4, 5);
    round_to_odd(t, 4, 5);
    vec_unary(c, SSE_CVTPD2PS, 4, 4);
    vec_op(c, SSE_PUNPCKLQDQ, r, r, 4);
}

static void multiply_add_vector(struct translation_state *t, bool negate, bool by_element)
{
    struct x64 *c = t->c;
    arm_fp(t);
    const unsigned n = first(t), m = second(t, by_element);
    for (unsigned i = 0; i < parts(t); i++) {
        const bool last = i + 1 == parts(t); /* then nobody needs xmm0 */
        part_of(c, 4, n, i);
        part_of(c, 5, m, i);
        vec_op(c, sse_fp(SSE_MUL, SSE_PS), 4, 4, 5);
        if (negate)
            vec_op_at(c, SSE_PXOR, 4, 4, sign_mask(t, SSE_PS));
        part_of(c, 5, vector_use_low(t, t->insn->rd, 5, vector_length(t->insn)), i);
        add_to_odd(t, 2 + i, last ? 0 : 3);
    }
    slow_if_parts_nan(t);
    join(t);
    slow_if_least_half(t, 2);
    finish(t);
}

/* Rd's singles plus products of halves, of n's and m's lower half of what counts, or the upper one: exact in single.
 * What does not count is like what does. */
static bool multiply_add_long(struct translation_state *t, bool negate, bool upper, bool by_element)
{
    const struct insn *insn = t->insn;
    const unsigned places = insn->q ? (upper ? 0xee : 0x44) : upper ? 0x55 : 0x00;
    struct x64 *c = t->c;
    if (!fp_host_has_fma())
        return false;
    arm_fp(t);
    vec_unary_imm(c, SSE_PSHUFD, 4, first(t), places);
    unsigned m = second(t, by_element);
    if (!by_element) {
        vec_unary_imm(c, SSE_PSHUFD, 1, m, places);
        m = 1;
    }
    vec_unary(c, SSE_CVTPH2PS, 4, 4);
    vec_unary(c, SSE_CVTPH2PS, 5, m);
    const unsigned old = vector_use_low(t, insn->rd, 2, vector_length(insn));
    if (insn->q)
        vec_move(c, 2, old);
    else
        vec_op(c, SSE_PUNPCKLQDQ, 2, old, old);
    vec_fma(c, negate ? FMA_NEGATED_ADD : FMA_ADD, SSE_PS, 2, 4, 5);
    slow_if_nan_or_least(t, SSE_PS, 2);
    vector_finish(t, 2, 16);
    return true;
}

static void absolute_difference(struct translation_state *t)
{
    arm_fp(t);
    const unsigned n = first(t), m = second(t, false);
    for (unsigned i = 0; i < parts(t); i++) {
        part_of(t->c, 4, n, i);
        part_of(t->c, 5, m, i);
        vec_op(t->c, sse_fp(SSE_SUB, SSE_PS), 2 + i, 4, 5);
    }
    slow_if_parts_nan(t);
    join(t);
    vec_op_at(t->c, SSE_PAND, 2, 2, vector_constant_twice(t, EVERY_HALF(0x7fff)));
    finish(t);
}

static void square_root(struct translation_state *t)
{
    arm_fp(t);
    const unsigned n = first(t);
    for (unsigned i = 0; i < parts(t); i++) {
        part_of(t->c, 4, n, i);
        vec_unary(t->c, sse_fp(SSE_SQRT, SSE_PS), 2 + i, 4);
    }
    slow_if_parts_nan(t);
    join(t);
    finish(t);
}

/* As extreme() of translate_fp.c. */
static void extreme_of(struct translation_state *t, bool greatest, unsigned n, unsigned m)
{
    const enum sse_op op = sse_fp(greatest ? SSE_MAX : SSE_MIN, SSE_PS);
    struct x64 *c = t->c;
    for (unsigned i = 0; i < parts(t); i++) {
        part_of(c, 4, n, i);
        part_of(c, 5, m, i);
        vec_op_imm(c, sse_fp(SSE_CMP, SSE_PS), 2 + i, 4, 5, 3); /* unordered */
        slow_if_any_sign(t, SSE_PS, 2 + i);
        vec_op(c, op, 2 + i, 4, 5);
        vec_op(c, op, 4, 5, 4);
        vec_op(c, greatest ? SSE_PAND : SSE_POR, 2 + i, 2 + i, 4);
    }
    join(t);
    finish(t);
}

static void extreme(struct translation_state *t, bool greatest)
{
    arm_fp(t);
    const unsigned n = first(t);
    extreme_of(t, greatest, n, second(t, false));
}

/* The elements of Rm:Rn with even numbers in xmm0, those with odd ones in xmm1. */
static void split_pairs(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    const uint64_t sorted = vector_constant(t, 0x0d0c090805040100, 0x0f0e0b0a07060302);
    struct x64 *c = t->c;
    const unsigned n = first(t), m = second(t, false);
    if (!insn->q) {
        vec_op(c, SSE_PUNPCKLQDQ, 0, n, m);
        vec_op_at(c, SSE_PSHUFB, 0, 0, sorted);
        vec_unary_imm(c, SSE_PSHUFD, 1, 0, 0xee);
        return;
    }
    vec_op_at(c, SSE_PSHUFB, 2, n, sorted);
    vec_op_at(c, SSE_PSHUFB, 3, m, sorted);
    vec_op(c, SSE_PUNPCKLQDQ, 0, 2, 3);
    vec_op(c, SSE_PUNPCKHQDQ, 1, 2, 3);
}

static void add_pairs(struct translation_state *t)
{
    arm_fp(t);
    split_pairs(t);
    arithmetic_of(t, SSE_ADD, 0, 1);
}

static void extreme_pairs(struct translation_state *t, bool greatest)
{
    arm_fp(t);
    split_pairs(t);
    extreme_of(t, greatest, 0, 1);
}

enum relation { EQUAL, LESS, LESS_OR_EQUAL };

/* As compare() of translate_simd_fp.c. */
static void compare(struct translation_state *t, enum relation relation, bool zero, bool swapped, bool magnitudes)
{
    struct x64 *c = t->c;
    arm_fp(t);
    const unsigned n = first(t), m = zero ? 1 : second(t, false);
    for (unsigned i = 0; i < parts(t); i++) {
        part_of(c, 4, n, i);
        if (zero)
            vec_zero(c, 5);
        else
            part_of(c, 5, m, i);
        if (magnitudes) {
            vec_op_at(c, SSE_PAND, 4, 4, magnitude_mask(t, SSE_PS));
            vec_op_at(c, SSE_PAND, 5, 5, magnitude_mask(t, SSE_PS));
        }
        vec_op_imm(c, sse_fp(SSE_CMP, SSE_PS), 2 + i, swapped ? 4 : 5, swapped ? 5 : 4, relation);
    }
    vec_op(c, SSE_PACKSSDW, 2, 2, parts(t) == 2 ? 3 : 2);
    vector_finish(t, 2, 16);
}

static void change_signs(struct translation_state *t, bool negate)
{
    const unsigned n = vector_use(t, t->insn->rn, 0), d = vector_destination(t, t->insn->rd, 0);
    const uint64_t bits = negate ? EVERY_HALF(0x8000) : EVERY_HALF(0x7fff);
    vec_op_at(t->c, negate ? SSE_PXOR : SSE_PAND, d, n, vector_constant_twice(t, bits));
    vector_finish(t, d, 16);
}

static void round_integral(struct translation_state *t, unsigned rounding)
{
    arm_fp(t);
    const unsigned n = first(t);
    for (unsigned i = 0; i < parts(t); i++) {
        part_of(t->c, 4, n, i);
        vec_unary_imm(t->c, SSE_ROUNDPS, 2 + i, 4, rounding);
    }
    join(t);
    finish(t);
}

static void from_integer(struct translation_state *t, bool is_unsigned)
{
    struct x64 *c = t->c;
    arm_fp(t);
    unsigned n = first(t);
    for (unsigned i = 0; i < parts(t); i++) {
        if (i) {
            vec_unary_imm(c, SSE_PSHUFD, 0, n, 0xee);
            n = 0;
        }
        vec_unary(c, is_unsigned ? SSE_PMOVZXWD : SSE_PMOVSXWD, 4, n);
        vec_unary(c, SSE_CVTDQ2PS, 2 + i, 4);
    }
    join(t);
    finish(t);
}

bool emit_simd_half(struct translation_state *t)
{
    switch (t->insn->op) {
    case OP_fabs_v_h: change_signs(t, false); return true;
    case OP_fneg_v_h: change_signs(t, true); return true;
    default: break;
    }
    if (!half_is_native(t))
        return false;
    switch (t->insn->op) {
    case OP_fadd_v_h: arithmetic(t, SSE_ADD, false); return true;
    case OP_fsub_v_h: arithmetic(t, SSE_SUB, false); return true;
    case OP_fmul_v_h: arithmetic(t, SSE_MUL, false); return true;
    case OP_fdiv_v_h: arithmetic(t, SSE_DIV, false); return true;
    case OP_fmul_ve_h: arithmetic(t, SSE_MUL, true); return true;
    case OP_fmla_v_h: multiply_add_vector(t, false, false); return true;
    case OP_fmls_v_h: multiply_add_vector(t, true, false); return true;
    case OP_fmla_ve_h: multiply_add_vector(t, false, true); return true;
    case OP_fmls_ve_h: multiply_add_vector(t, true, true); return true;
    case OP_fmlal_v: return multiply_add_long(t, false, false, false);
    case OP_fmlal2_v: return multiply_add_long(t, false, true, false);
    case OP_fmlsl_v: return multiply_add_long(t, true, false, false);
    case OP_fmlsl2_v: return multiply_add_long(t, true, true, false);
    case OP_fmlal_ve: return multiply_add_long(t, false, false, true);
    case OP_fmlal2_ve: return multiply_add_long(t, false, true, true);
    case OP_fmlsl_ve: return multiply_add_long(t, true, false, true);
    case OP_fmlsl2_ve: return multiply_add_long(t, true, true, true);
    case OP_faddp_v_h: add_pairs(t); return true;
    case OP_fmaxp_v_h:
    case OP_fmaxnmp_v_h: extreme_pairs(t, true); return true;
    case OP_fminp_v_h:
    case OP_fminnmp_v_h: extreme_pairs(t, false); return true;
    case OP_fabd_v_h: absolute_difference(t); return true;
    case OP_fsqrt_v_h: square_root(t); return true;
    case OP_fmax_v_h:
    case OP_fmaxnm_v_h: extreme(t, true); return true;
    case OP_fmin_v_h:
    case OP_fminnm_v_h: extreme(t, false); return true;
    case OP_fcmeq_v_h: compare(t, EQUAL, false, false, false); return true;
    case OP_fcmgt_v_h: compare(t, LESS, false, false, false); return true;
    case OP_fcmge_v_h: compare(t, LESS_OR_EQUAL, false, false, false); return true;
    case OP_facgt_v_h: compare(t, LESS, false, false, true); return true;
    case OP_facge_v_h: compare(t, LESS_OR_EQUAL, false, false, true); return true;
    case OP_fcmeq0_v_h: compare(t, EQUAL, true, false, false); return true;
    case OP_fcmgt0_v_h: compare(t, LESS, true, false, false); return true;
    case OP_fcmge0_v_h: compare(t, LESS_OR_EQUAL, true, false, false); return true;
    case OP_fcmlt0_v_h: compare(t, LESS, true, true, false); return true;
    case OP_fcmle0_v_h: compare(t, LESS_OR_EQUAL, true, true, false); return true;
    case OP_frintn_v_h:
    case OP_frinti_v_h: round_integral(t, NEAREST | QUIETLY); return true;
    case OP_frintp_v_h: round_integral(t, UP | QUIETLY); return true;
    case OP_frintm_v_h: round_integral(t, DOWN | QUIETLY); return true;
    case OP_frintz_v_h: round_integral(t, TO_ZERO | QUIETLY); return true;
    case OP_frintx_v_h: round_integral(t, NEAREST); return true;
    case OP_scvtf_v_h: from_integer(t, false); return true;
    case OP_ucvtf_v_h: from_integer(t, true); return true;
    default: return false;
    }
}
