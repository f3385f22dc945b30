/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Half precision: computed in single, rounded once more, as translate_fp.h has it. A vector of eight is computed in two
 * parts.
 *
 * A fused product is exact in single, its sum is made in double. Where that is inexact, it is so far from anything that
 * rounds to a half another way that this does not matter: to be close to the middle between two halves, the product
 * must be within 12 bits of it, and its last bit is 22 below its first. On the way to single the sum's last bits become
 * one, which is set where any of them is (rounding to odd): so the last step sees on which side of a middle it is. */
#include "jit/translate_fp.h"

#define EVERY_HALF(bits) ((bits)*0x0001000100010001ull)

/* --- scalars ----------------------------------------------------------------------------------------- */

/* xmm = the half in the lowest place of v<reg>, and zeroes. */
static void load_half(struct translation_state *t, unsigned reg, unsigned xmm)
{
    const unsigned n = vector_use_low(t, reg, xmm, 4);
    vec_op_at(t->c, SSE_PAND, xmm, n, vector_constant(t, UINT16_MAX, 0));
}

void half_to_single(struct translation_state *t, unsigned reg, unsigned xmm)
{
    load_half(t, reg, xmm);
    vec_unary(t->c, SSE_CVTPH2PS, xmm, xmm);
}

/* The register that is written stands on the other side. */
static void round_to_halves(struct x64 *c, unsigned d, unsigned n)
{
    vec_unary_imm(c, SSE_CVTPS2PH, n, d, NEAREST);
}

void slow_if_least_half(struct translation_state *t, unsigned xmm)
{
    vec_op_at(t->c, SSE_PAND, 5, xmm, vector_constant_twice(t, EVERY_HALF(0x7fff)));
    vec_op_at(t->c, SSE_PCMPEQW, 5, 5, vector_constant_twice(t, EVERY_HALF(0x0400)));
    vec_unary(t->c, SSE_PTEST, 5, 5);
    slow_if(t, CC_NE);
    t->flags = FLAGS_UNKNOWN;
}

void single_to_half(struct translation_state *t, unsigned reg, unsigned xmm)
{
    round_to_halves(t->c, 3, xmm);
    slow_if_least_half(t, 3);
    vector_done(t, reg, 3, 4, 16);
}

void round_to_odd(struct translation_state *t, unsigned xmm, unsigned temp)
{
    const uint64_t rest = (1ull << 29) - 1;
    vec_op_at(t->c, SSE_PAND, temp, xmm, vector_constant_twice(t, rest));
    vec_op_at(t->c, SSE_PADDQ, temp, temp, vector_constant_twice(t, rest)); /* carries into that bit */
    vec_op(t->c, SSE_POR, xmm, xmm, temp);
    vec_op_at(t->c, SSE_PAND, xmm, xmm, vector_constant_twice(t, ~rest));
}

static void multiply_add(struct translation_state *t, bool negate_product, bool negate_addend)
{
    const struct insn *insn = t->insn;
    struct x64 *c = t->c;
    arm_fp(t);
    half_to_single(t, insn->rn, 0);
    half_to_single(t, insn->rm, 1);
    half_to_single(t, insn->ra, 2);
    vec_op(c, sse_fp(SSE_MUL, SSE_SS), 0, 0, 1);
    if (negate_product)
        vec_op_at(c, SSE_PXOR, 0, 0, sign_mask(t, SSE_SS));
    if (negate_addend)
        vec_op_at(c, SSE_PXOR, 2, 2, sign_mask(t, SSE_SS));
    vec_op(c, SSE_CVTSS2SD, 0, 0, 0);
    vec_op(c, SSE_CVTSS2SD, 2, 2, 2);
    vec_op(c, sse_fp(SSE_ADD, SSE_SD), 0, 0, 2);
    round_to_odd(t, 0, 1);
    vec_zero(c, 2);
    vec_op(c, SSE_CVTSD2SS, 2, 2, 0);
    slow_if_nan(t, SSE_SS, 2);
    single_to_half(t, insn->rd, 2);
}

static void finish_half(struct translation_state *t, unsigned xmm)
{
    vector_done(t, t->insn->rd, xmm, 16, 4);
}

static void move(struct translation_state *t)
{
    check_fp(t);
    load_half(t, t->insn->rn, 0);
    finish_half(t, 0);
}

static void change_sign(struct translation_state *t, bool negate)
{
    check_fp(t);
    load_half(t, t->insn->rn, 0);
    vec_op_at(t->c, negate ? SSE_PXOR : SSE_PAND, 0, 0, vector_constant(t, negate ? 0x8000 : 0x7fff, 0));
    finish_half(t, 0);
}

static void move_imm(struct translation_state *t)
{
    check_fp(t);
    const unsigned d = vector_destination(t, t->insn->rd, 0);
    vector_load_constant(t, d, (uint64_t)t->insn->imm, 0);
    finish_half(t, d);
}

static void move_from_general(struct translation_state *t)
{
    check_fp(t);
    x64_extend(t->c, 1, false, 0, RAX, use(t, t->insn->rn, RAX));
    vec_unary(t->c, SSE_MOVD, 0, RAX);
    finish_half(t, 0);
}

static void move_to_general(struct translation_state *t)
{
    check_fp(t);
    const unsigned n = vector_use_low(t, t->insn->rn, 0, 4), d = destination(t, t->insn->rd, RAX);
    vec_unary(t->c, SSE_MOVD_TO, n, d);
    x64_extend(t->c, 1, false, 0, d, d);
    done(t, t->insn->rd, d);
}

static void conditional_select(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    check_fp(t);
    if (insn->opt >= 14) {
        move(t);
        return;
    }
    const unsigned n = vector_use_low(t, insn->rn, 0, 4), m = vector_use_low(t, insn->rm, 1, 4);
    const enum x64_cc cc = condition(t, insn->opt);
    vec_unary(t->c, SSE_MOVD_TO, n, RAX);
    vec_unary(t->c, SSE_MOVD_TO, m, RCX);
    x64_cmov(t->c, 0, cc ^ 1, RAX, RCX);
    x64_extend(t->c, 1, false, 0, RAX, RAX);
    vec_unary(t->c, SSE_MOVD, 0, RAX);
    finish_half(t, 0);
}

bool translate_half(struct translation_state *t)
{
    switch (t->insn->op) {
    case OP_fmov_fp_h: move(t); return true;
    case OP_fabs_fp_h: change_sign(t, false); return true;
    case OP_fneg_fp_h: change_sign(t, true); return true;
    case OP_fmov_imm_h: move_imm(t); return true;
    case OP_fmov_wh_from:
    case OP_fmov_xh_from: move_from_general(t); return true;
    case OP_fmov_wh_to:
    case OP_fmov_xh_to: move_to_general(t); return true;
    case OP_fcsel_h: conditional_select(t); return true;
    default: break;
    }
    if (!half_is_native(t))
        return false;
    switch (t->insn->op) {
    case OP_fmadd_fp_h: multiply_add(t, false, false); return true;
    case OP_fmsub_fp_h: multiply_add(t, true, false); return true;
    case OP_fnmadd_fp_h: multiply_add(t, true, true); return true;
    case OP_fnmsub_fp_h: multiply_add(t, false, true); return true;
    default: return false;
    }
}

/* --- vectors ----------------------------------------------------------------------------------------- */

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

static void arithmetic(struct translation_state *t, enum sse_op op, bool by_element)
{
    struct x64 *c = t->c;
    arm_fp(t);
    const unsigned n = first(t), m = second(t, by_element);
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
static void extreme(struct translation_state *t, bool greatest)
{
    const enum sse_op op = sse_fp(greatest ? SSE_MAX : SSE_MIN, SSE_PS);
    struct x64 *c = t->c;
    arm_fp(t);
    const unsigned n = first(t), m = second(t, false);
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
