/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Floating-point AdvSIMD: rounding to integers, conversions from and to integers and between formats, exactly, as
 * translate_simd_fp.c has the arithmetic. */
#include "jit/translate_fp.h"

/* d = n * 2^power, in as many lanes as `form` has. */
static void scale(struct translation_state *t, unsigned d, unsigned n, enum sse_form form, int power)
{
    const uint64_t factor = fp_is_double(t->insn) ? (uint64_t)(1023 + power) << 52 : (uint64_t)(127 + power) << 23;
    if (power)
        vec_op_at(t->c, sse_fp(SSE_MUL, form), d, n, lane_constant(t, form, factor));
}

void fp_round_vector(struct translation_state *t, unsigned d, unsigned n, unsigned rounding)
{
    if (rounding == (TIES_AWAY | QUIETLY))
        round_away(t, fp_packed_form(t->insn), d, n);
    else
        vec_unary_imm(t->c, fp_is_double(t->insn) ? SSE_ROUNDPD : SSE_ROUNDPS, d, n,
                      rounding == TIES_AWAY ? TO_ZERO : rounding);
}

static void round_integral(struct translation_state *t, unsigned rounding)
{
    const struct insn *insn = t->insn;
    arm_fp(t);
    const unsigned n = fp_vector_use(t, insn->rn, 0);
    const unsigned d = rounding == (TIES_AWAY | QUIETLY) ? 1 : vector_destination(t, insn->rd, 0);
    fp_round_vector(t, d, n, rounding);
    vector_finish(t, d, vector_length(insn));
}

/* As translate_convert.c has it for scalars. */
static void round_within(struct translation_state *t, unsigned rounding, unsigned bits)
{
    arm_fp(t);
    const unsigned n = fp_vector_use(t, t->insn->rn, 0);
    fp_round_vector(t, 1, n, rounding | QUIETLY);
    slow_if_from(t, fp_packed_form(t->insn), 1, bits - 1);
    fp_round_vector(t, 1, n, rounding);
    vector_finish(t, 1, vector_length(t->insn));
}

/* Lane by lane; what does not fit becomes the lowest integer, which is taken for slow, as are unsigned ones from
 * 2^63. */
static void doubles_to_integers(struct translation_state *t, bool is_unsigned, unsigned n)
{
    struct x64 *c = t->c;
    for (unsigned lane = 0; lane < 2; lane++) {
        if (lane) {
            vec_unary_imm(c, SSE_PSHUFD, 3, n, 0xee);
            n = 3;
        }
        if (is_unsigned)
            slow_if_too_large(t, true, n);
        vec_unary_w(c, 1, SSE_CVTTSD2SI, lane ? RCX : RAX, n);
        if (is_unsigned)
            x64_test(c, 1, lane ? RCX : RAX, lane ? RCX : RAX);
        else
            x64_alu_imm(c, 1, ALU_CMP, lane ? RCX : RAX, 1);
        slow_if(t, is_unsigned ? CC_S : CC_O);
    }
    t->flags = FLAGS_UNKNOWN;
    vec_unary_w(c, 1, SSE_MOVD, 2, RAX);
    vec_op_general(c, 1, SSE_PINSRD, 2, 2, RCX);
    x64_byte(c, 1);
}

/* As integer_to_rax() has it. */
static void to_integer(struct translation_state *t, bool is_unsigned, unsigned rounding, unsigned fraction_bits)
{
    const struct insn *insn = t->insn;
    const bool direct = rounding == TO_ZERO && !is_unsigned;
    struct x64 *c = t->c;
    arm_fp(t);
    unsigned n = fp_vector_use(t, insn->rn, 0);
    if (fraction_bits) { /* too large numbers would overflow */
        slow_if_from(t, fp_packed_form(insn), n, fp_is_double(insn) ? 900 : 90);
        scale(t, 4, n, fp_packed_form(insn), (int)fraction_bits);
        n = 4;
    }
    if (!direct)
        fp_round_vector(t, 1, n, rounding | QUIETLY);
    if (fp_is_double(insn)) {
        doubles_to_integers(t, is_unsigned, direct ? n : 1);
    } else {
        if (is_unsigned) { /* numbers from 2^31 on fit for the guest, not for the host; as bits they are ordered too */
            vec_op_at(c, SSE_PCMPGTD, 5, 1, vector_constant_twice(t, 0x4effffff4effffff));
            slow_if_any_sign(t, SSE_PS, 5);
        }
        vec_unary(c, SSE_CVTTPS2DQ, 2, direct ? n : 1);
        if (is_unsigned)
            vec_move(c, 5, 2);
        else
            vec_op_at(c, SSE_PCMPEQD, 5, 2, sign_mask(t, SSE_PS));
        slow_if_any_sign(t, SSE_PS, 5);
    }
    if (!direct)
        fp_round_vector(t, 1, n, rounding);
    vector_finish(t, 2, vector_length(insn));
}

static void scalar_to_integer(struct translation_state *t, bool is_unsigned, unsigned rounding, unsigned fraction_bits)
{
    const struct insn *insn = t->insn;
    if (fraction_bits)
        fixed_to_rax(t, fp_is_double(insn), is_unsigned);
    else
        integer_to_rax(t, fp_is_double(insn), is_unsigned, rounding);
    const unsigned d = vector_destination(t, insn->rd, 0);
    vec_unary_w(t->c, fp_is_double(insn), SSE_MOVD, d, RAX);
    vector_done(t, insn->rd, d, 16, fp_bytes(insn));
}

/* The integer in the lowest lane of `n` as a number in xmm, with zeroes above. Unsigned ones of 64 bits: as long as
 * they are signed ones too. */
static void lane_from_integer(struct translation_state *t, unsigned xmm, unsigned n, bool is_unsigned)
{
    const bool wide = fp_is_double(t->insn);
    struct x64 *c = t->c;
    vec_unary_w(c, wide, SSE_MOVD_TO, n, RAX);
    if (wide && is_unsigned) {
        x64_test(c, 1, RAX, RAX);
        slow_if(t, CC_S);
        t->flags = FLAGS_UNKNOWN;
    }
    vec_zero(c, xmm);
    vec_op_general(c, wide || is_unsigned, wide ? SSE_CVTSI2SD : SSE_CVTSI2SS, xmm, xmm, RAX);
}

static void scalar_from_integer(struct translation_state *t, bool is_unsigned, unsigned fraction_bits)
{
    const struct insn *insn = t->insn;
    arm_fp(t);
    lane_from_integer(t, 1, vector_use_low(t, insn->rn, 0, fp_bytes(insn)), is_unsigned);
    scale(t, 1, 1, fp_scalar_form(insn), -(int)fraction_bits);
    vector_done(t, insn->rd, 1, 16, fp_bytes(insn));
}

/* Singles: unsigned ones where they are small enough to be signed ones too. */
static void from_integer(struct translation_state *t, bool is_unsigned, unsigned fraction_bits)
{
    const struct insn *insn = t->insn;
    struct x64 *c = t->c;
    arm_fp(t);
    const unsigned n = fp_vector_use(t, insn->rn, 0);
    if (fp_is_double(insn)) {
        lane_from_integer(t, 1, n, is_unsigned);
        vec_unary_imm(c, SSE_PSHUFD, 3, n, 0xee);
        lane_from_integer(t, 2, 3, is_unsigned);
        vec_op(c, SSE_PUNPCKLQDQ, 1, 1, 2);
    } else {
        if (is_unsigned)
            slow_if_any_sign(t, SSE_PS, n);
        vec_unary(c, SSE_CVTDQ2PS, 1, n);
    }
    scale(t, 1, 1, fp_packed_form(insn), -(int)fraction_bits);
    vector_finish(t, 1, vector_length(insn));
}

/* Half q of n, to elements twice as wide. */
static bool widen(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    if (insn->size == FP_HALF && !half_is_native(t))
        return false;
    arm_fp(t);
    unsigned n = vector_use_low(t, insn->rn, 0, vector_length(insn));
    const unsigned d = vector_destination(t, insn->rd, 1);
    if (insn->q) {
        vec_unary_imm(t->c, SSE_PSHUFD, 1, n, 0xee);
        n = 1;
    }
    vec_unary(t->c, insn->size == FP_HALF ? SSE_CVTPH2PS : SSE_CVTPS2PD, d, n);
    vector_done(t, insn->rd, d, 16, 16);
    return true;
}

/* To elements half as wide, into half q of d. */
static bool narrow(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    struct x64 *c = t->c;
    if (insn->size == FP_HALF && !half_is_native(t))
        return false;
    arm_fp(t);
    const unsigned n = vector_use(t, insn->rn, 0);
    if (insn->size == FP_HALF) { /* the register that is written stands on the other side */
        vec_unary_imm(c, SSE_CVTPS2PH, n, 2, 0);
        slow_if_least_half(t, 2);
    } else {
        vec_unary(c, SSE_CVTPD2PS, 2, n);
        slow_if_nan_or_least(t, SSE_PS, 2);
    }
    if (insn->q) {
        const unsigned old = vector_use_low(t, insn->rd, 1, 8), d = vector_destination(t, insn->rd, 1);
        vec_op(c, SSE_PUNPCKLQDQ, d, old, 2);
        vector_done(t, insn->rd, d, 16, 16);
    } else {
        vector_done(t, insn->rd, 2, 16, 8);
    }
    return true;
}

/* FCVTXN, rounded to odd: which the conversion then finds exact, so that "inexact" is noted here. What is no normal
 * single is left to exec_, but for zero. */
static void narrow_to_odd(struct translation_state *t, bool scalar)
{
    const struct insn *insn = t->insn;
    const uint64_t least = lane_constant(t, SSE_PD, (1023ull - 126) << 52),
                   last = lane_constant(t, SSE_PD, ((1023ull + 128) << 52) - 1);
    struct x64 *c = t->c;
    arm_fp(t);
    const unsigned n = scalar ? vector_use_clear(t, insn->rn, 0, 8) : vector_use(t, insn->rn, 0);
    vec_op_at(c, SSE_PAND, 2, n, magnitude_mask(t, SSE_PD));
    vec_unary_at(c, SSE_MOVAPS, 3, least);
    vec_op(c, SSE_PCMPGTQ, 3, 3, 2);
    vec_op_at(c, SSE_PCMPGTQ, 4, 2, last);
    vec_zero(c, 5);
    vec_op(c, SSE_PCMPEQQ, 5, 5, 2);
    vec_op(c, SSE_PANDN, 5, 5, 3);
    vec_op(c, SSE_POR, 5, 5, 4);
    slow_if_any_sign(t, SSE_PD, 5);
    vec_op_at(c, SSE_PAND, 3, n, lane_constant(t, SSE_PD, (1ull << 29) - 1));
    vec_unary(c, SSE_PTEST, 3, 3);
    uint8_t *exact = x64_jcc(c, CC_E);
    x64_alu_imm_store(c, 0, ALU_OR, HOST_CPU, CPU_OFFSET(fpsr), FPSR_IXC);
    x64_bind(c, exact);
    t->flags = FLAGS_UNKNOWN;
    vec_move(c, 2, n);
    round_to_odd(t, 2, 3);
    vec_unary(c, SSE_CVTPD2PS, 2, 2);
    if (scalar || !insn->q) {
        vector_done(t, insn->rd, 2, 16, scalar ? 4 : 8);
    } else {
        const unsigned old = vector_use_low(t, insn->rd, 1, 8), d = vector_destination(t, insn->rd, 1);
        vec_op(c, SSE_PUNPCKLQDQ, d, old, 2);
        vector_done(t, insn->rd, d, 16, 16);
    }
}

bool emit_simd_convert(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    switch (insn->op) {
    case OP_fcvtxn_v: narrow_to_odd(t, false); return true;
    case OP_fcvtxn_s: narrow_to_odd(t, true); return true;
    case OP_fcvtl_v: return widen(t);
    case OP_fcvtn_v: return narrow(t);
    case OP_frintn_v:
    case OP_frinti_v: round_integral(t, NEAREST | QUIETLY); return true;
    case OP_frintp_v: round_integral(t, UP | QUIETLY); return true;
    case OP_frintm_v: round_integral(t, DOWN | QUIETLY); return true;
    case OP_frintz_v: round_integral(t, TO_ZERO | QUIETLY); return true;
    case OP_frintx_v: round_integral(t, NEAREST); return true;
    case OP_frinta_v: round_integral(t, TIES_AWAY | QUIETLY); return true;
    case OP_frint32z_v: round_within(t, TO_ZERO, 32); return true;
    case OP_frint32x_v: round_within(t, NEAREST, 32); return true;
    case OP_frint64z_v: round_within(t, TO_ZERO, 64); return true;
    case OP_frint64x_v: round_within(t, NEAREST, 64); return true;
#define TO_INTEGER(sign, is_unsigned)                                                                        \
    case OP_fcvtz##sign##_v: to_integer(t, is_unsigned, TO_ZERO, 0); return true;                               \
    case OP_fcvtn##sign##_v: to_integer(t, is_unsigned, NEAREST, 0); return true;                               \
    case OP_fcvtm##sign##_v: to_integer(t, is_unsigned, DOWN, 0); return true;                                  \
    case OP_fcvtp##sign##_v: to_integer(t, is_unsigned, UP, 0); return true;                                    \
    case OP_fcvtz##sign##_s: scalar_to_integer(t, is_unsigned, TO_ZERO, 0); return true;                        \
    case OP_fcvtn##sign##_s: scalar_to_integer(t, is_unsigned, NEAREST, 0); return true;                        \
    case OP_fcvtm##sign##_s: scalar_to_integer(t, is_unsigned, DOWN, 0); return true;                           \
    case OP_fcvtp##sign##_s: scalar_to_integer(t, is_unsigned, UP, 0); return true;                          \
    case OP_fcvta##sign##_v: to_integer(t, is_unsigned, TIES_AWAY, 0); return true;                          \
    case OP_fcvta##sign##_s: scalar_to_integer(t, is_unsigned, TIES_AWAY, 0); return true;                   \
    case OP_fcvtz##sign##_vfix_s:                                                                            \
    case OP_fcvtz##sign##_vfix_d: to_integer(t, is_unsigned, TO_ZERO, insn->amount); return true;            \
    case OP_fcvtz##sign##_sfix_s:                                                                            \
    case OP_fcvtz##sign##_sfix_d: scalar_to_integer(t, is_unsigned, TO_ZERO, insn->amount); return true;
        TO_INTEGER(s, false)
        TO_INTEGER(u, true)
#undef TO_INTEGER
    case OP_scvtf_v: from_integer(t, false, 0); return true;
    case OP_ucvtf_v: from_integer(t, true, 0); return true;
    case OP_scvtf_s: scalar_from_integer(t, false, 0); return true;
    case OP_ucvtf_s: scalar_from_integer(t, true, 0); return true;
    case OP_scvtf_vfix_s:
    case OP_scvtf_vfix_d: from_integer(t, false, insn->amount); return true;
    case OP_ucvtf_vfix_s:
    case OP_ucvtf_vfix_d: from_integer(t, true, insn->amount); return true;
    case OP_scvtf_sfix_s:
    case OP_scvtf_sfix_d: scalar_from_integer(t, false, insn->amount); return true;
    case OP_ucvtf_sfix_s:
    case OP_ucvtf_sfix_d: scalar_from_integer(t, true, insn->amount); return true;
    default: return false;
    }
}
