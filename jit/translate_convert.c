/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scalar conversions between formats of numbers, and to integers. */
#include "jit/translate_fp.h"

/* --- between formats --------------------------------------------------------------------------------- */

/* NaNs lose or gain low bits of their payload here as there. */
static void widen(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    arm_fp(t);
    const unsigned set = vector_bytes_of(t, insn->rn, 4), n = vector_use_low(t, insn->rn, 0, 4);
    const unsigned d = vector_destination(t, insn->rd, 0);
    vec_op(t->c, SSE_CVTSS2SD, d, n, n);
    vector_done(t, insn->rd, d, 8, set > 8 ? set : 8);
}

static void narrow(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    arm_fp(t);
    const unsigned n = vector_use_low(t, insn->rn, 0, 8), r = vector_apart(t, insn->rd, 1, 1u << insn->rn);
    vec_zero(t->c, r);
    vec_op(t->c, SSE_CVTSD2SS, r, r, n);
    slow_if_nan_or_least(t, SSE_SS, r);
    vector_done(t, insn->rd, r, 4, 4);
}

static void widen_half(struct translation_state *t, bool to_double)
{
    arm_fp(t);
    half_to_single(t, t->insn->rn, 0);
    if (to_double)
        vec_op(t->c, SSE_CVTSS2SD, 0, 0, 0);
    vector_done(t, t->insn->rd, 0, 16, to_double ? 8 : 4);
}

/* A double by way of an odd single. */
static void narrow_to_half(struct translation_state *t, bool from_double)
{
    const struct insn *insn = t->insn;
    arm_fp(t);
    if (!from_double) {
        single_to_half(t, insn->rd, vector_use_clear(t, insn->rn, 0, 4));
        return;
    }
    vec_unary(t->c, SSE_MOVQ, 0, vector_use_low(t, insn->rn, 0, 8));
    round_to_odd(t, 0, 1);
    vec_zero(t->c, 2);
    vec_op(t->c, SSE_CVTSD2SS, 2, 2, 0);
    slow_if_nan(t, SSE_SS, 2);
    single_to_half(t, insn->rd, 2);
}

/* --- from and to integers ---------------------------------------------------------------------------- */

/* `fraction_bits` scale exactly. */
static void from_integer(struct translation_state *t, bool is_unsigned, unsigned fraction_bits)
{
    const struct insn *insn = t->insn;
    const bool wide = fp_is_double(insn);
    arm_fp(t);
    unsigned n = general_use(t, insn->rn, RAX), w = insn->sf;
    if (is_unsigned && insn->sf) {
        x64_test(t->c, 1, n, n);
        slow_if(t, CC_S);
        t->flags = FLAGS_UNKNOWN;
    } else if (is_unsigned) {
        x64_mov(t->c, 0, RAX, n);
        n = RAX;
        w = 1;
    }
    const unsigned d = fp_apart(t, 0, 0);
    vec_zero(t->c, d);
    vec_op_general(t->c, w, wide ? SSE_CVTSI2SD : SSE_CVTSI2SS, d, d, n);
    if (fraction_bits) {
        const uint64_t scale = wide ? (1023ull - fraction_bits) << 52 : (127ull - fraction_bits) << 23;
        vec_op_at(t->c, sse_fp(SSE_MUL, fp_scalar_form(insn)), d, d, vector_constant(t, scale, 0));
    }
    fp_result(t, d, 0);
}

void round_away(struct translation_state *t, enum sse_form form, unsigned d, unsigned n)
{
    const bool wide = form == SSE_PD || form == SSE_SD, scalar = form >= SSE_SS;
    const enum sse_op rounds[] = {SSE_ROUNDPS, SSE_ROUNDPD, SSE_ROUNDSS, SSE_ROUNDSD};
    const uint64_t half = wide ? 1022ull << 52 : 126ull << 23, one = wide ? 1023ull << 52 : 127ull << 23;
    struct x64 *c = t->c;
    slow_if_from(t, form, n, wide ? 52 : 23);
    if (scalar)
        vec_op_imm(c, rounds[form], d, n, n, TO_ZERO | QUIETLY);
    else
        vec_unary_imm(c, rounds[form], d, n, TO_ZERO | QUIETLY);
    vec_op(c, sse_fp(SSE_SUB, form), 2, n, d);
    vec_op_at(c, SSE_PAND, 2, 2, magnitude_mask(t, form));
    vec_unary_at(c, SSE_MOVAPS, 3, lane_constant(t, form, half));
    vec_op_imm(c, sse_fp(SSE_CMP, form), 3, 3, 2, 2); /* less or equal */
    vec_op_at(c, SSE_PAND, 3, 3, lane_constant(t, form, one));
    vec_op_at(c, SSE_PAND, 2, n, sign_mask(t, form));
    vec_op(c, SSE_POR, 3, 3, 2);
    vec_op(c, sse_fp(SSE_ADD, form), d, d, 3);
}

static void round_to(struct translation_state *t, bool wide, unsigned d, unsigned n, unsigned rounding)
{
    if (rounding == (TIES_AWAY | QUIETLY))
        round_away(t, wide ? SSE_SD : SSE_SS, d, n);
    else
        vec_op_imm(t->c, wide ? SSE_ROUNDSD : SSE_ROUNDSS, d, n, n, rounding == TIES_AWAY ? TO_ZERO : rounding);
}

/* Numbers from 2^63 on fit for the guest, not for the host. */
void slow_if_too_large(struct translation_state *t, bool wide, unsigned xmm)
{
    const uint64_t bound = wide ? (1023ull + 63) << 52 : (127ull + 63) << 23;
    vec_unary_at(t->c, sse_fp(SSE_UCOMIS, wide ? SSE_PD : SSE_PS), xmm, vector_constant(t, bound, 0));
    slow_if(t, CC_AE);
}

/* The number in xmm `n` (not xmm1) as an integer in rax.
 *
 * What does not fit raises nothing but "invalid": it is rounded quietly, tested, and only then rounded in order to
 * raise what there is to raise. The conversion itself gives the lowest integer for what is too large for it, which is
 * taken for slow; it does right without rounding where it is to round to zero into a signed integer of its width. */
static void number_to_rax(struct translation_state *t, bool wide, unsigned n, unsigned sf, bool is_unsigned,
                          unsigned rounding)
{
    struct x64 *c = t->c;
    const bool direct = rounding == TO_ZERO && !is_unsigned;
    if (!direct)
        round_to(t, wide, 1, n, rounding | QUIETLY);
    if (is_unsigned && sf)
        slow_if_too_large(t, wide, 1);
    vec_unary_w(c, sf || is_unsigned, wide ? SSE_CVTTSD2SI : SSE_CVTTSS2SI, RAX, direct ? n : 1);
    if (!is_unsigned) { /* only the lowest integer overflows when 1 is taken from it */
        x64_alu_imm(c, sf, ALU_CMP, RAX, 1);
        slow_if(t, CC_O);
    } else if (sf) {
        x64_test(c, 1, RAX, RAX);
        slow_if(t, CC_S);
    } else {
        x64_mov(c, 0, RCX, RAX);
        x64_alu(c, 1, ALU_CMP, RCX, RAX);
        slow_if(t, CC_NE);
    }
    if (!direct)
        round_to(t, wide, 1, n, rounding);
    t->flags = FLAGS_UNKNOWN;
}

void integer_to_rax(struct translation_state *t, unsigned sf, bool is_unsigned, unsigned rounding)
{
    arm_fp(t);
    const unsigned n = fp_operand(t, t->insn->rn, 0, NULL);
    number_to_rax(t, fp_is_double(t->insn), n, sf, is_unsigned, rounding);
}

/* In double, where a single that is scaled does not overflow. */
void fixed_to_rax(struct translation_state *t, unsigned sf, bool is_unsigned)
{
    const struct insn *insn = t->insn;
    arm_fp(t);
    const unsigned n = fp_operand(t, insn->rn, 0, NULL);
    unsigned from = n;
    if (fp_is_double(insn)) {
        slow_if_from(t, SSE_SD, n, 900);
    } else {
        vec_op(t->c, SSE_CVTSS2SD, 2, n, n);
        from = 2;
    }
    vec_op_at(t->c, sse_fp(SSE_MUL, SSE_SD), 2, from, vector_constant(t, (1023ull + insn->amount) << 52, 0));
    number_to_rax(t, true, 2, sf, is_unsigned, TO_ZERO);
}

static void to_integer(struct translation_state *t, bool is_unsigned, unsigned rounding)
{
    integer_to_rax(t, t->insn->sf, is_unsigned, rounding);
    general_done(t, t->insn->rd, RAX);
}

static void round_integral(struct translation_state *t, unsigned rounding)
{
    unsigned set;
    arm_fp(t);
    const unsigned n = fp_operand(t, t->insn->rn, 0, &set);
    const unsigned d = rounding == (TIES_AWAY | QUIETLY) ? 1 : fp_apart(t, 1, 0);
    round_to(t, fp_is_double(t->insn), d, n, rounding);
    fp_result(t, d, set);
}

/* To integers of so many bits. What does not fit raises "invalid" and nothing else, and is left to exec_, as is the
 * lowest one; so it is rounded quietly first. */
static void round_within(struct translation_state *t, unsigned rounding, unsigned bits)
{
    const bool wide = fp_is_double(t->insn);
    unsigned set;
    arm_fp(t);
    const unsigned n = fp_operand(t, t->insn->rn, 0, &set);
    round_to(t, wide, 1, n, rounding | QUIETLY);
    slow_if_from(t, fp_scalar_form(t->insn), 1, bits - 1);
    round_to(t, wide, 1, n, rounding);
    fp_result(t, 1, set);
}

static void to_fixed(struct translation_state *t, bool is_unsigned)
{
    fixed_to_rax(t, t->insn->sf, is_unsigned);
    general_done(t, t->insn->rd, RAX);
}

/* FJCVTZS: Z says whether the integer is the number, which -0 is not. */
static void to_integer_javascript(struct translation_state *t)
{
    struct x64 *c = t->c;
    arm_fp(t);
    const unsigned n = vector_use_low(t, t->insn->rn, 0, 8);
    vec_unary_w(c, 0, SSE_CVTTSD2SI, RAX, n);
    x64_alu_imm(c, 0, ALU_CMP, RAX, 1);
    exit_if(t, CC_O); /* it would come back with other flags pending */
    vec_zero(c, 1);
    vec_op_general(c, 0, SSE_CVTSI2SD, 1, 1, RAX);
    vec_unary_w(c, 1, SSE_MOVD_TO, n, RCX);
    vec_unary_w(c, 1, SSE_MOVD_TO, 1, RDX);
    x64_alu(c, 1, ALU_CMP, RCX, RDX);
    general_done(t, t->insn->rd, RAX);
    x64_mov_imm(c, RAX, 0); /* the host's flags stay */
    x64_setcc(c, CC_E, RAX);
    x64_shift_imm(c, 0, SHIFT_SHL, RAX, 14);
    x64_alu_imm(c, 0, ALU_OR, RAX, 0x100); /* as FLAG_KIND_RAW has them: C is 0 */
    flags_from_rax(t);
}

bool translate_conversion(struct translation_state *t)
{
    switch (t->insn->op) {
    case OP_fcvt_ds: widen(t); return true;
    case OP_fcvt_sd: narrow(t); return true;
    case OP_fcvt_sh: widen_half(t, false); return true;
    case OP_fcvt_dh: widen_half(t, true); return true;
    case OP_fcvt_hs:
    case OP_fcvt_hd:
        if (!half_is_native(t))
            return false;
        narrow_to_half(t, fp_is_double(t->insn));
        return true;
    case OP_scvtf_int:
    case OP_scvtf_int_h: from_integer(t, false, 0); return true;
    case OP_ucvtf_int:
    case OP_ucvtf_int_h: from_integer(t, true, 0); return true;
    case OP_scvtf_fixed: from_integer(t, false, t->insn->amount); return true;
    case OP_ucvtf_fixed: from_integer(t, true, t->insn->amount); return true;
    case OP_fcvtzs_int:
    case OP_fcvtzs_int_h: to_integer(t, false, TO_ZERO); return true;
    case OP_fcvtzu_int:
    case OP_fcvtzu_int_h: to_integer(t, true, TO_ZERO); return true;
    case OP_fcvtns_int:
    case OP_fcvtns_int_h: to_integer(t, false, NEAREST); return true;
    case OP_fcvtnu_int:
    case OP_fcvtnu_int_h: to_integer(t, true, NEAREST); return true;
    case OP_fcvtms_int:
    case OP_fcvtms_int_h: to_integer(t, false, DOWN); return true;
    case OP_fcvtmu_int:
    case OP_fcvtmu_int_h: to_integer(t, true, DOWN); return true;
    case OP_fcvtps_int:
    case OP_fcvtps_int_h: to_integer(t, false, UP); return true;
    case OP_fcvtpu_int:
    case OP_fcvtpu_int_h: to_integer(t, true, UP); return true;
    case OP_frintn_fp:
    case OP_frintn_fp_h:
    case OP_frinti_fp:
    case OP_frinti_fp_h: round_integral(t, NEAREST | QUIETLY); return true;
    case OP_frintp_fp:
    case OP_frintp_fp_h: round_integral(t, UP | QUIETLY); return true;
    case OP_frintm_fp:
    case OP_frintm_fp_h: round_integral(t, DOWN | QUIETLY); return true;
    case OP_frintz_fp:
    case OP_frintz_fp_h: round_integral(t, TO_ZERO | QUIETLY); return true;
    case OP_frintx_fp:
    case OP_frintx_fp_h: round_integral(t, NEAREST); return true;
    case OP_frint32z_fp: round_within(t, TO_ZERO, 32); return true;
    case OP_frint32x_fp: round_within(t, NEAREST, 32); return true;
    case OP_frint64z_fp: round_within(t, TO_ZERO, 64); return true;
    case OP_frint64x_fp: round_within(t, NEAREST, 64); return true;
    case OP_fcvtas_int:
    case OP_fcvtas_int_h: to_integer(t, false, TIES_AWAY); return true;
    case OP_fcvtau_int:
    case OP_fcvtau_int_h: to_integer(t, true, TIES_AWAY); return true;
    case OP_frinta_fp:
    case OP_frinta_fp_h: round_integral(t, TIES_AWAY | QUIETLY); return true;
    case OP_fcvtzs_fixed:
    case OP_fcvtzs_fixed_h: to_fixed(t, false); return true;
    case OP_fcvtzu_fixed:
    case OP_fcvtzu_fixed_h: to_fixed(t, true); return true;
    case OP_fjcvtzs: to_integer_javascript(t); return true;
    default: return false;
    }
}
