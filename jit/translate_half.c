/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scalars of half precision: computed in single, rounded once more, as translate_fp.h has it.
 *
 * A fused product is exact in single, its sum is made in double. Where that is inexact, it is so far from anything that
 * rounds to a half another way that this does not matter: to be close to the middle between two halves, the product
 * must be within 12 bits of it, and its last bit is 22 below its first. On the way to single the sum's last bits become
 * one, which is set where any of them is (rounding to odd): so the last step sees on which side of a middle it is. */
#include "jit/translate_fp.h"

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

void round_to_halves(struct x64 *c, unsigned d, unsigned n)
{
    vec_unary_imm(c, SSE_CVTPS2PH, n, d, NEAREST); /* the register that is written stands on the other side */
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
    x64_extend(t->c, 1, false, 0, RAX, general_use(t, t->insn->rn, RAX));
    vec_unary(t->c, SSE_MOVD, 0, RAX);
    finish_half(t, 0);
}

static void move_to_general(struct translation_state *t)
{
    check_fp(t);
    const unsigned n = vector_use_low(t, t->insn->rn, 0, 4), d = general_destination(t, t->insn->rd, RAX);
    vec_unary(t->c, SSE_MOVD_TO, n, d);
    x64_extend(t->c, 1, false, 0, d, d);
    general_done(t, t->insn->rd, d);
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
