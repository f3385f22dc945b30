/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Vectors of half precision, computed as scalars are (translate_half.c): eight of them in two parts. AdvSIMD's scalars
 * are vectors here whose lanes are all like the one that counts, so that others raise nothing more. */
#include "jit/translate_fp.h"

unsigned half_parts(const struct translation_state *t)
{
    return t->insn->q ? 2 : 1;
}

void half_part(struct x64 *c, unsigned xmm, unsigned from, unsigned part)
{
    if (part) {
        vec_unary_imm(c, SSE_PSHUFD, xmm, from, 0xee);
        from = xmm;
    }
    vec_unary(c, SSE_CVTPH2PS, xmm, from);
}

/* One element in all lanes of `temp`. */
static unsigned spread(struct translation_state *t, unsigned reg, unsigned index, unsigned temp)
{
    const unsigned from = index ? vector_use(t, reg, temp) : vector_use_low(t, reg, temp, 4), first = 2 * index;
    vec_op_at(t->c, SSE_PSHUFB, temp, from, vector_constant_twice(t, EVERY_HALF(first | (first + 1) << 8)));
    return temp;
}

static unsigned operand(struct translation_state *t, unsigned reg, unsigned temp)
{
    return vector_is_scalar(t->insn) ? spread(t, reg, 0, temp) : vector_use_low(t, reg, temp, vector_length(t->insn));
}

unsigned half_second(struct translation_state *t, bool by_element)
{
    const struct insn *insn = t->insn;
    return by_element ? spread(t, insn->rm, insn->amount, 1) : operand(t, insn->rm, 1);
}

unsigned half_first(struct translation_state *t)
{
    return operand(t, t->insn->rn, 0);
}

void half_slow_if_parts_nan(struct translation_state *t)
{
    vec_op_imm(t->c, sse_fp(SSE_CMP, SSE_PS), 5, 2, half_parts(t) == 2 ? 3 : 2, 3); /* unordered */
    slow_if_any_sign(t, SSE_PS, 5);
}

void half_join(struct translation_state *t)
{
    round_to_halves(t->c, 2, 2);
    if (half_parts(t) == 1)
        return;
    round_to_halves(t->c, 3, 3);
    vec_op(t->c, SSE_PUNPCKLQDQ, 2, 2, 3);
}

void half_finish(struct translation_state *t)
{
    half_finish_whole(t, vector_length(t->insn));
}

void half_finish_whole(struct translation_state *t, unsigned set)
{
    if (!vector_is_scalar(t->insn)) {
        vector_finish(t, 2, set);
        return;
    }
    vec_op_at(t->c, SSE_PAND, 2, 2, vector_constant(t, UINT16_MAX, 0));
    vector_done(t, t->insn->rd, 2, 16, 4);
}

static void arithmetic_of(struct translation_state *t, enum sse_op op, unsigned n, unsigned m)
{
    struct x64 *c = t->c;
    for (unsigned i = 0; i < half_parts(t); i++) {
        half_part(c, 4, n, i);
        half_part(c, 5, m, i);
        vec_op(c, sse_fp(op, SSE_PS), 2 + i, 4, 5);
    }
    half_slow_if_parts_nan(t);
    half_join(t);
    if (op == SSE_MUL || op == SSE_DIV) /* sums that small are exact */
        slow_if_least_half(t, 2);
    half_finish(t);
}

static void arithmetic(struct translation_state *t, enum sse_op op, bool by_element)
{
    arm_fp(t);
    const unsigned n = half_first(t);
    arithmetic_of(t, op, n, half_second(t, by_element));
}

void half_slow_if_infinite(struct translation_state *t, unsigned xmm)
{
    vec_op_at(t->c, SSE_PAND, 5, xmm, vector_constant_twice(t, EVERY_HALF(0x7fff)));
    vec_op_at(t->c, SSE_PCMPGTW, 5, 5, vector_constant_twice(t, EVERY_HALF(0x7bff)));
    vec_unary(t->c, SSE_PTEST, 5, 5);
    slow_if(t, CC_NE);
    t->flags = FLAGS_UNKNOWN;
}

/* As translate_simd_fp.c has it. */
static void multiply_extended(struct translation_state *t, bool by_element)
{
    arm_fp(t);
    const unsigned n = half_first(t), m = half_second(t, by_element);
    half_slow_if_infinite(t, n);
    half_slow_if_infinite(t, m);
    arithmetic_of(t, SSE_MUL, n, m);
}

void half_add_to_odd(struct translation_state *t, unsigned r, unsigned temp)
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
    const unsigned n = half_first(t), m = half_second(t, by_element);
    for (unsigned i = 0; i < half_parts(t); i++) {
        const bool last = i + 1 == half_parts(t); /* then nobody needs xmm0 */
        half_part(c, 4, n, i);
        half_part(c, 5, m, i);
        vec_op(c, sse_fp(SSE_MUL, SSE_PS), 4, 4, 5);
        if (negate)
            vec_op_at(c, SSE_PXOR, 4, 4, sign_mask(t, SSE_PS));
        half_part(c, 5, operand(t, t->insn->rd, 5), i);
        half_add_to_odd(t, 2 + i, last ? 0 : 3);
    }
    half_slow_if_parts_nan(t);
    half_join(t);
    slow_if_least_half(t, 2);
    half_finish(t);
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
    vec_unary_imm(c, SSE_PSHUFD, 4, half_first(t), places);
    unsigned m = half_second(t, by_element);
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
    const unsigned n = half_first(t), m = half_second(t, false);
    for (unsigned i = 0; i < half_parts(t); i++) {
        half_part(t->c, 4, n, i);
        half_part(t->c, 5, m, i);
        vec_op(t->c, sse_fp(SSE_SUB, SSE_PS), 2 + i, 4, 5);
    }
    half_slow_if_parts_nan(t);
    half_join(t);
    vec_op_at(t->c, SSE_PAND, 2, 2, vector_constant_twice(t, EVERY_HALF(0x7fff)));
    half_finish(t);
}

static void square_root(struct translation_state *t)
{
    arm_fp(t);
    const unsigned n = half_first(t);
    for (unsigned i = 0; i < half_parts(t); i++) {
        half_part(t->c, 4, n, i);
        vec_unary(t->c, sse_fp(SSE_SQRT, SSE_PS), 2 + i, 4);
    }
    half_slow_if_parts_nan(t);
    half_join(t);
    half_finish(t);
}

/* As extreme() of translate_fp.c. */
static void extreme_of(struct translation_state *t, bool greatest, unsigned n, unsigned m)
{
    const enum sse_op op = sse_fp(greatest ? SSE_MAX : SSE_MIN, SSE_PS);
    struct x64 *c = t->c;
    for (unsigned i = 0; i < half_parts(t); i++) {
        half_part(c, 4, n, i);
        half_part(c, 5, m, i);
        vec_op_imm(c, sse_fp(SSE_CMP, SSE_PS), 2 + i, 4, 5, 3); /* unordered */
        slow_if_any_sign(t, SSE_PS, 2 + i);
        vec_op(c, op, 2 + i, 4, 5);
        vec_op(c, op, 4, 5, 4);
        vec_op(c, greatest ? SSE_PAND : SSE_POR, 2 + i, 2 + i, 4);
    }
    half_join(t);
    half_finish(t);
}

static void extreme(struct translation_state *t, bool greatest)
{
    arm_fp(t);
    const unsigned n = half_first(t);
    extreme_of(t, greatest, n, half_second(t, false));
}

/* The elements of Rm:Rn with even numbers in xmm0, those with odd ones in xmm1. */
static void split_pairs(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    const uint64_t sorted = vector_constant(t, 0x0d0c090805040100, 0x0f0e0b0a07060302);
    struct x64 *c = t->c;
    if (vector_is_scalar(insn)) { /* the first two of n */
        const unsigned pair = vector_use_low(t, insn->rn, 1, 4);
        vec_unary_imm(c, SSE_PSHUFLW, 0, pair, 0);
        vec_unary_imm(c, SSE_PSHUFLW, 1, pair, 0x55);
        return;
    }
    const unsigned n = half_first(t), m = half_second(t, false);
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

/* xmm2 = the greater (lesser) lanes of the singles in xmm2 and xmm3, which are no NaNs. Uses xmm4. */
static void extreme_of_numbers(struct translation_state *t, bool greatest)
{
    const enum sse_op op = sse_fp(greatest ? SSE_MAX : SSE_MIN, SSE_PS);
    vec_op(t->c, op, 4, 2, 3);
    vec_op(t->c, op, 3, 3, 2);
    vec_op(t->c, greatest ? SSE_PAND : SSE_POR, 2, 3, 4);
}

/* Halves against halves, until one is left. */
static void extreme_across(struct translation_state *t, bool greatest)
{
    struct x64 *c = t->c;
    arm_fp(t);
    const unsigned n = half_first(t);
    for (unsigned i = 0; i < half_parts(t); i++)
        half_part(c, 2 + i, n, i);
    half_slow_if_parts_nan(t);
    if (half_parts(t) == 2)
        extreme_of_numbers(t, greatest);
    vec_unary_imm(c, SSE_PSHUFD, 3, 2, 0x4e);
    extreme_of_numbers(t, greatest);
    vec_unary_imm(c, SSE_PSHUFD, 3, 2, 0xb1);
    extreme_of_numbers(t, greatest);
    round_to_halves(c, 2, 2);
    vec_op_at(c, SSE_PAND, 2, 2, vector_constant(t, UINT16_MAX, 0));
    vector_done(t, t->insn->rd, 2, 16, 4);
}

enum relation { EQUAL, LESS, LESS_OR_EQUAL };

/* As compare() of translate_simd_fp.c. */
static void compare(struct translation_state *t, enum relation relation, bool zero, bool swapped, bool magnitudes)
{
    struct x64 *c = t->c;
    arm_fp(t);
    const unsigned n = half_first(t), m = zero ? 1 : half_second(t, false);
    for (unsigned i = 0; i < half_parts(t); i++) {
        half_part(c, 4, n, i);
        if (zero)
            vec_zero(c, 5);
        else
            half_part(c, 5, m, i);
        if (magnitudes) {
            vec_op_at(c, SSE_PAND, 4, 4, magnitude_mask(t, SSE_PS));
            vec_op_at(c, SSE_PAND, 5, 5, magnitude_mask(t, SSE_PS));
        }
        vec_op_imm(c, sse_fp(SSE_CMP, SSE_PS), 2 + i, swapped ? 4 : 5, swapped ? 5 : 4, relation);
    }
    vec_op(c, SSE_PACKSSDW, 2, 2, half_parts(t) == 2 ? 3 : 2);
    half_finish_whole(t, 16);
}

static void change_signs(struct translation_state *t, bool negate)
{
    const unsigned n = vector_use(t, t->insn->rn, 0), d = vector_destination(t, t->insn->rd, 0);
    const uint64_t bits = negate ? EVERY_HALF(0x8000) : EVERY_HALF(0x7fff);
    vec_op_at(t->c, negate ? SSE_PXOR : SSE_PAND, d, n, vector_constant_twice(t, bits));
    vector_finish(t, d, 16);
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
    case OP_fmul_ve_h:
    case OP_fmul_se_h: arithmetic(t, SSE_MUL, true); return true;
    case OP_fmulx_v_h:
    case OP_fmulx_s_h: multiply_extended(t, false); return true;
    case OP_fmulx_ve_h:
    case OP_fmulx_se_h: multiply_extended(t, true); return true;
    case OP_fmla_v_h: multiply_add_vector(t, false, false); return true;
    case OP_fmls_v_h: multiply_add_vector(t, true, false); return true;
    case OP_fmla_ve_h:
    case OP_fmla_se_h: multiply_add_vector(t, false, true); return true;
    case OP_fmls_ve_h:
    case OP_fmls_se_h: multiply_add_vector(t, true, true); return true;
    case OP_fmlal_v: return multiply_add_long(t, false, false, false);
    case OP_fmlal2_v: return multiply_add_long(t, false, true, false);
    case OP_fmlsl_v: return multiply_add_long(t, true, false, false);
    case OP_fmlsl2_v: return multiply_add_long(t, true, true, false);
    case OP_fmlal_ve: return multiply_add_long(t, false, false, true);
    case OP_fmlal2_ve: return multiply_add_long(t, false, true, true);
    case OP_fmlsl_ve: return multiply_add_long(t, true, false, true);
    case OP_fmlsl2_ve: return multiply_add_long(t, true, true, true);
    case OP_faddp_v_h:
    case OP_faddp_s_h: add_pairs(t); return true;
    case OP_fmaxp_v_h:
    case OP_fmaxp_s_h:
    case OP_fmaxnmp_v_h:
    case OP_fmaxnmp_s_h: extreme_pairs(t, true); return true;
    case OP_fminp_v_h:
    case OP_fminp_s_h:
    case OP_fminnmp_v_h:
    case OP_fminnmp_s_h: extreme_pairs(t, false); return true;
    case OP_fmaxv_h:
    case OP_fmaxnmv_h: extreme_across(t, true); return true;
    case OP_fminv_h:
    case OP_fminnmv_h: extreme_across(t, false); return true;
    case OP_fabd_v_h:
    case OP_fabd_s_h: absolute_difference(t); return true;
    case OP_fsqrt_v_h: square_root(t); return true;
    case OP_fmax_v_h:
    case OP_fmaxnm_v_h: extreme(t, true); return true;
    case OP_fmin_v_h:
    case OP_fminnm_v_h: extreme(t, false); return true;
    case OP_fcmeq_v_h:
    case OP_fcmeq_s_h: compare(t, EQUAL, false, false, false); return true;
    case OP_fcmgt_v_h:
    case OP_fcmgt_s_h: compare(t, LESS, false, false, false); return true;
    case OP_fcmge_v_h:
    case OP_fcmge_s_h: compare(t, LESS_OR_EQUAL, false, false, false); return true;
    case OP_facgt_v_h:
    case OP_facgt_s_h: compare(t, LESS, false, false, true); return true;
    case OP_facge_v_h:
    case OP_facge_s_h: compare(t, LESS_OR_EQUAL, false, false, true); return true;
    case OP_fcmeq0_v_h:
    case OP_fcmeq0_s_h: compare(t, EQUAL, true, false, false); return true;
    case OP_fcmgt0_v_h:
    case OP_fcmgt0_s_h: compare(t, LESS, true, false, false); return true;
    case OP_fcmge0_v_h:
    case OP_fcmge0_s_h: compare(t, LESS_OR_EQUAL, true, false, false); return true;
    case OP_fcmlt0_v_h:
    case OP_fcmlt0_s_h: compare(t, LESS, true, true, false); return true;
    case OP_fcmle0_v_h:
    case OP_fcmle0_s_h: compare(t, LESS_OR_EQUAL, true, true, false); return true;
    default: return emit_simd_half_convert(t);
    }
}
