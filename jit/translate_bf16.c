/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BFloat16: a single's upper half. Dot products have arithmetic of their own (isa/arm64/fp/bf16.c): sums are rounded
 * to odd, and nothing is raised. Here they are made in double, rounded to zero, where products are exact; a sum that is
 * not the sum of its operands gets a last bit, and then is cut to what a single holds. Numbers of moderate size have
 * neither denormals nor infinities on the way; others are left to exec_. */
#include "jit/translate_fp.h"

#define MXCSR_TO_ZERO 0x7f80u /* nothing raised, nothing trapped */

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

/* --- dot products ------------------------------------------------------------------------------------ */

/* Lanes of halfwords or words (`size`) that are zero, or from `least` up to `most` without their sign: of those others
 * xmm5 gets ones. Uses xmm2 to xmm4. */
static void note_immoderate(struct translation_state *t, unsigned size, unsigned xmm, uint64_t least, uint64_t most)
{
    const enum sse_op greater = size == 1 ? SSE_PCMPGTW : SSE_PCMPGTD, equal = size == 1 ? SSE_PCMPEQW : SSE_PCMPEQD;
    const uint64_t ones = size == 1 ? EVERY_HALF(1) : 0x0000000100000001;
    struct x64 *c = t->c;
    vec_op_at(c, SSE_PAND, 2, xmm, vector_constant_twice(t, ones * (size == 1 ? INT16_MAX : INT32_MAX)));
    vec_op_at(c, greater, 3, 2, vector_constant_twice(t, ones * most));
    vec_unary_at(c, SSE_MOVAPS, 4, vector_constant_twice(t, ones * least));
    vec_op(c, greater, 4, 4, 2);
    vec_op(c, SSE_POR, 3, 3, 4);
    vec_zero(c, 4);
    vec_op(c, equal, 2, 2, 4);
    vec_op(c, SSE_PANDN, 2, 2, 3);
    vec_op(c, SSE_POR, 5, 5, 2);
}

static void slow_if_immoderate(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    const unsigned bytes = insn->op == OP_bfmmla ? 16 : vector_length(insn);
    vec_zero(t->c, 5);
    note_immoderate(t, 1, vector_use_clear(t, insn->rn, 0, bytes), (127 - 50) << 7, (127 + 50) << 7);
    note_immoderate(t, 1, vector_use(t, insn->rm, 0), (127 - 50) << 7, (127 + 50) << 7);
    note_immoderate(t, 2, vector_use_clear(t, insn->rd, 0, bytes), (127 - 100) << 23, (127 + 110) << 23);
    vec_unary(t->c, SSE_PTEST, 5, 5);
    slow_if(t, CC_NE);
    t->flags = FLAGS_UNKNOWN;
}

/* xmm = the odd (`high`) or even BFloat16s of two words of v<reg>, which the low half of `lanes` names, as doubles. */
static void load_doubles(struct translation_state *t, unsigned xmm, unsigned reg, unsigned lanes, bool high)
{
    struct x64 *c = t->c;
    vec_unary_imm(c, SSE_PSHUFD, xmm, vector_use(t, reg, xmm), lanes & 15);
    if (high)
        vec_op_at(c, SSE_PAND, xmm, xmm, lane_constant(t, SSE_PS, 0xffff0000));
    else
        vec_shift(c, SSE_SHIFT_LEFT, 2, xmm, xmm, 16);
    vec_unary(c, SSE_CVTPS2PD, xmm, xmm);
}

/* xmm `r` = a + b, rounded to odd as a single; both are used up. It is exact where taking one away leaves the other. */
static void add_to_odd(struct translation_state *t, unsigned r, unsigned a, unsigned b, unsigned temp)
{
    const enum { NOT_EQUAL = 4 } predicate = NOT_EQUAL;
    const enum sse_op subtract = sse_fp(SSE_SUB, SSE_PD), compare = sse_fp(SSE_CMP, SSE_PD);
    struct x64 *c = t->c;
    vec_op(c, sse_fp(SSE_ADD, SSE_PD), r, a, b);
    vec_op(c, subtract, temp, r, a);
    vec_op_imm(c, compare, temp, temp, b, predicate);
    vec_op(c, subtract, b, r, b);
    vec_op_imm(c, compare, b, b, a, predicate);
    vec_op(c, SSE_POR, temp, temp, b);
    vec_op_at(c, SSE_PAND, temp, temp, vector_constant_twice(t, 1));
    vec_op(c, SSE_POR, r, r, temp);
    round_to_odd(t, r, temp);
}

static void load_mxcsr_at(struct x64 *c, uint64_t at)
{
    x64_opcode(c, 0, 0, 0x0fae);
    vec_near_operand(c, 2, at, 0);
}

/* xmm0 = the singles of `addend` (0 or a register of its own) plus products of pairs of BFloat16s: of the words of Rn
 * and Rm that stand in `n_lanes` and `m_lanes`, as in a shuffle. Uses xmm1 to xmm5. */
static void dot_product(struct translation_state *t, unsigned addend, unsigned n_lanes, unsigned m_lanes,
                        unsigned parts)
{
    const struct insn *insn = t->insn;
    struct x64 *c = t->c;
    for (unsigned part = 0; part < parts; part++) {
        for (unsigned high = 0; high < 2; high++) {
            load_doubles(t, 2 + high, insn->rn, n_lanes >> 4 * part, high);
            load_doubles(t, 4, insn->rm, m_lanes >> 4 * part, high);
            vec_op(c, sse_fp(SSE_MUL, SSE_PD), 2 + high, 2 + high, 4);
        }
        add_to_odd(t, 4, 2, 3, 5);
        vec_unary_imm(c, SSE_PSHUFD, 2, addend, part ? 0xee : 0x44);
        vec_unary(c, SSE_CVTPS2PD, 2, 2);
        add_to_odd(t, 3, 2, 4, 5);
        vec_unary(c, SSE_CVTPD2PS, part ? 3 : 1, 3);
    }
    if (parts == 2)
        vec_op(c, SSE_PUNPCKLQDQ, 0, 1, 3);
    else
        vec_move(c, 0, 1);
}

/* The host's FP flags are what they were. */
static void dot_products(struct translation_state *t, bool by_element)
{
    const struct insn *insn = t->insn;
    const bool matrix = insn->op == OP_bfmmla;
    struct x64 *c = t->c;
    check_fp(t);
    slow_if_immoderate(t);
    x64_rm(c, 0, 0, 0x0fae, 3, HOST_CPU, CPU_OFFSET(native.mxcsr), false);
    load_mxcsr_at(c, vector_constant(t, MXCSR_TO_ZERO, 0));
    const unsigned old = vector_use(t, insn->rd, 0);
    if (matrix) { /* rows of four against rows of four, two at a time */
        dot_product(t, old, 0xa0, 0x88, 2);
        dot_product(t, 0, 0xf5, 0xdd, 2);
    } else {
        dot_product(t, old, 0xe4, by_element ? insn->amount * 0x55u : 0xe4, insn->q ? 2 : 1);
    }
    x64_rm(c, 0, 0, 0x0fae, 2, HOST_CPU, CPU_OFFSET(native.mxcsr), false);
    vector_done(t, insn->rd, 0, 16, matrix || insn->q ? 16 : 8);
}

bool emit_bf16(struct translation_state *t)
{
    switch (t->insn->op) {
    case OP_bfcvt: convert(t); return true;
    case OP_bfcvtn_v: narrow(t); return true;
    case OP_bfmlal_v: return multiply_add_long(t, false);
    case OP_bfmlal_ve: return multiply_add_long(t, true);
    case OP_bfdot_v:
    case OP_bfmmla: dot_products(t, false); return true;
    case OP_bfdot_ve: dot_products(t, true); return true;
    default: return false;
    }
}
