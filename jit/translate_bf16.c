/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BFloat16: a single's upper half. Dot products have arithmetic of their own (isa/arm64/fp/bf16.c) and are left to
 * exec_. */
#include "jit/translate_fp.h"

/* xmm2 = the singles of n as BFloat16, each in a word: rounded to nearest in integers. What is no normal number, or
 * may overflow, is left to exec_. Uses xmm3 to xmm5, rax. */
static void round_to_bf16(struct translation_state *t, unsigned n)
{
    const uint64_t least_normal = lane_constant(t, SSE_PS, 1u << 23), greatest = lane_constant(t, SSE_PS, 0x7f7f7fff);
    struct x64 *c = t->c;
    vec_op_at(c, SSE_PAND, 3, n, magnitude_mask(t, SSE_PS));
    vec_op_at(c, SSE_PCMPGTD, 5, 3, greatest);
    vec_unary_at(c, SSE_MOVAPS, 4, least_normal);
    vec_op(c, SSE_PCMPGTD, 4, 4, 3);
    vec_zero(c, 2);
    vec_op(c, SSE_PCMPEQD, 2, 2, 3); /* zero is no normal number either, but stays */
    vec_op(c, SSE_PANDN, 2, 2, 4);
    vec_op(c, SSE_POR, 5, 5, 2);
    slow_if_any_sign(t, SSE_PS, 5);
    vec_op_at(c, SSE_PAND, 3, n, lane_constant(t, SSE_PS, UINT16_MAX));
    vec_unary(c, SSE_PTEST, 3, 3);
    uint8_t *exact = x64_jcc(c, CC_E);
    x64_alu_imm_store(c, 0, ALU_OR, HOST_CPU, CPU_OFFSET(fpsr), FPSR_IXC);
    x64_bind(c, exact);
    vec_shift(c, SSE_SHIFT_RIGHT, 2, 2, n, 16);
    vec_op_at(c, SSE_PAND, 2, 2, lane_constant(t, SSE_PS, 1));
    vec_op(c, SSE_PADDD, 2, 2, n);
    vec_op_at(c, SSE_PADDD, 2, 2, lane_constant(t, SSE_PS, 0x7fff));
    vec_shift(c, SSE_SHIFT_RIGHT, 2, 2, 2, 16);
    t->flags = FLAGS_UNKNOWN;
}

static void convert(struct translation_state *t)
{
    arm_fp(t);
    round_to_bf16(t, vector_use_clear(t, t->insn->rn, 0, 4));
    vector_done(t, t->insn->rd, 2, 16, 4);
}

/* Into half q of d. */
static void narrow(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    struct x64 *c = t->c;
    arm_fp(t);
    round_to_bf16(t, vector_use(t, insn->rn, 0));
    vec_op(c, SSE_PACKUSDW, 2, 2, 2);
    if (!insn->q) {
        vector_done(t, insn->rd, 2, 8, 16);
        return;
    }
    const unsigned old = vector_use_low(t, insn->rd, 1, 8), d = vector_destination(t, insn->rd, 1);
    vec_op(c, SSE_PUNPCKLQDQ, d, old, 2);
    vector_done(t, insn->rd, d, 16, 16);
}

/* xmm = every second BFloat16 of n as a single: the odd ones (q), or the even ones. */
static void widen(struct translation_state *t, unsigned xmm, unsigned n)
{
    if (t->insn->q)
        vec_op_at(t->c, SSE_PAND, xmm, n, lane_constant(t, SSE_PS, 0xffff0000));
    else
        vec_shift(t->c, SSE_SHIFT_LEFT, 2, xmm, n, 16);
}

static bool multiply_add_long(struct translation_state *t, bool by_element)
{
    const struct insn *insn = t->insn;
    struct x64 *c = t->c;
    if (!fp_host_has_fma())
        return false;
    arm_fp(t);
    widen(t, 3, vector_use(t, insn->rn, 0));
    const unsigned m = vector_use(t, insn->rm, 1);
    if (by_element) {
        const uint64_t place = 0x8080u | 2ull * insn->amount << 16 | (2ull * insn->amount + 1) << 24;
        vec_op_at(c, SSE_PSHUFB, 1, m, lane_constant(t, SSE_PS, place));
    } else {
        widen(t, 1, m);
    }
    vec_move(c, 2, vector_use(t, insn->rd, 2));
    vec_fma(c, FMA_ADD, SSE_PS, 2, 3, 1);
    slow_if_nan_or_least(t, SSE_PS, 2);
    vector_done(t, insn->rd, 2, 16, 16);
    return true;
}

bool emit_bf16(struct translation_state *t)
{
    switch (t->insn->op) {
    case OP_bfcvt: convert(t); return true;
    case OP_bfcvtn_v: narrow(t); return true;
    case OP_bfmlal_v: return multiply_add_long(t, false);
    case OP_bfmlal_ve: return multiply_add_long(t, true);
    default: return false;
    }
}
