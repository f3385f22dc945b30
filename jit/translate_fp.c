/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scalar floating point on SSE or AVX, exactly.
 *
 * With FPCR at 0 (round to nearest, nothing flushed, NaNs passed on) the host's operations give the guest's results and
 * raise the guest's flags, in MXCSR, from where they come to FPSR when translated code is left (arm_fp, stubs.c). Two
 * things differ, and are left to exec_ once the result shows them; what the host raised by then is never too much:
 *
 * - NaNs as results: which one is taken of several, and the sign of new ones.
 * - Underflow: Arm looks before rounding, x86 behind it. That matters where the result is the smallest normal number, to
 *   which something tiny may have been rounded up. (Sums are exact there.)
 *
 *     vmulsd xmm2, xmm12, xmm9
 *     vandps xmm5, xmm2, [magnitudes] ; vucomisd xmm5, [least normal] ; je slow      equal or unordered
 *     vmovaps xmm12, xmm2                    only where the operation has its result among its operands */
#include "jit/translate_vector.h"
#include "isa/arm64/fp/fast.h"

/* --- what the unit may assume ------------------------------------------------------------------------ */

void arm_fp(struct translation_state *t)
{
    t->needs_armed_fp = true;
    if (t->fp_armed || t->ir->is_region)
        return;
    x64_cmp_byte(t->c, HOST_CPU, CPU_OFFSET(native.fp_armed), 0);
    t->arming.jump_end = x64_jcc(t->c, CC_E);
    t->arming.resume = t->c->at;
    t->arming.exit = (struct block_exit){NULL, t->insn, t->pending, t->vector_written};
    t->fp_armed = t->fp_checked = true;
    t->flags = FLAGS_UNKNOWN;
}

void emit_arms(struct translation_state *t)
{
    if (!t->arming.jump_end)
        return;
    x64_bind(t->c, t->arming.jump_end);
    x64_call_to(t->c, t->stubs->arm_fp);
    uint8_t *armed = x64_jcc(t->c, CC_E);
    if (!t->c->full)
        x64_patch(armed, t->arming.resume);
    leave_by_exit(t, &t->arming.exit);
}

/* --- operands and results ---------------------------------------------------------------------------- */

static bool is_double(const struct insn *insn)
{
    return insn->size == FP_DOUBLE;
}

static enum sse_form scalar_form(const struct insn *insn)
{
    return is_double(insn) ? SSE_SD : SSE_SS;
}

static unsigned bytes_of(const struct insn *insn)
{
    return 1u << insn->size;
}

/* An operand of the instruction's size; `set` (unless NULL): how many of its bytes may be other than zero, as it is in
 * the host register. */
static unsigned operand(struct translation_state *t, unsigned reg, unsigned temp, unsigned *set)
{
    if (set)
        *set = vector_bytes_of(t, reg, bytes_of(t->insn));
    return vector_use_low(t, reg, temp, bytes_of(t->insn));
}

static unsigned larger(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

static void result(struct translation_state *t, unsigned xmm, unsigned set)
{
    vector_done(t, t->insn->rd, xmm, bytes_of(t->insn), larger(set, bytes_of(t->insn)));
}

static uint32_t bits_n_m(const struct insn *insn)
{
    return 1u << insn->rn | 1u << insn->rm;
}

/* --- arithmetic -------------------------------------------------------------------------------------- */

/* n op m, looked at. */
static unsigned binary(struct translation_state *t, enum sse_op op, unsigned *set)
{
    const struct insn *insn = t->insn;
    const enum sse_form form = scalar_form(insn);
    arm_fp(t);
    const unsigned n = operand(t, insn->rn, 0, set), m = operand(t, insn->rm, 1, NULL);
    const unsigned r = vector_apart(t, insn->rd, 2, bits_n_m(insn));
    vec_op(t->c, sse_fp(op, form), r, n, m);
    if (op == SSE_ADD || op == SSE_SUB)
        slow_if_nan(t, form, r);
    else
        slow_if_nan_or_least(t, form, r);
    return r;
}

static void arithmetic(struct translation_state *t, enum sse_op op)
{
    unsigned set;
    const unsigned r = binary(t, op, &set);
    result(t, r, set);
}

static void multiply_negated(struct translation_state *t)
{
    unsigned set;
    const unsigned r = binary(t, SSE_MUL, &set);
    vec_op_at(t->c, SSE_PXOR, r, r, sign_mask(t, scalar_form(t->insn)));
    result(t, r, set);
}

/* A root is never tiny. */
static void square_root(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    const enum sse_form form = scalar_form(insn);
    unsigned set;
    arm_fp(t);
    const unsigned n = operand(t, insn->rn, 0, &set), r = vector_apart(t, insn->rd, 2, 1u << insn->rn);
    vec_op(t->c, sse_fp(SSE_SQRT, form), r, n, n);
    slow_if_nan(t, form, r);
    result(t, r, set);
}

static bool multiply_add(struct translation_state *t, enum fma_op op)
{
    const struct insn *insn = t->insn;
    const enum sse_form form = scalar_form(insn);
    unsigned set;
    if (!fp_host_has_fma())
        return false;
    arm_fp(t);
    const unsigned a = operand(t, insn->ra, 0, &set), n = operand(t, insn->rn, 1, NULL), m = operand(t, insn->rm, 2, NULL);
    const unsigned r = vector_apart(t, insn->rd, 3, bits_n_m(insn) | 1u << insn->ra);
    vec_move(t->c, r, a);
    vec_fma(t->c, op, form, r, n, m);
    slow_if_nan_or_least(t, form, r);
    result(t, r, set);
    return true;
}

/* Of equal numbers either will do, but of zeroes the sign: AND for the greater one, OR for the lesser. The host's
 * operations raise more for NaNs, which therefore are looked for before. */
static void extreme(struct translation_state *t, bool greatest)
{
    const struct insn *insn = t->insn;
    enum sse_op op = sse_fp(greatest ? SSE_MAX : SSE_MIN, scalar_form(insn));
    unsigned set_n, set_m;
    arm_fp(t);
    const unsigned n = operand(t, insn->rn, 0, &set_n), m = operand(t, insn->rm, 1, &set_m);
    vec_unary(t->c, sse_fp(SSE_UCOMIS, is_double(insn) ? SSE_PD : SSE_PS), n, m);
    slow_if(t, CC_P);
    t->flags = FLAGS_UNKNOWN;
    vec_op(t->c, op, 2, n, m);
    vec_op(t->c, op, 3, m, n);
    const unsigned d = vector_destination(t, insn->rd, 2);
    vec_op(t->c, greatest ? SSE_PAND : SSE_POR, d, 2, 3);
    result(t, d, larger(set_n, set_m));
}

/* --- moves and signs --------------------------------------------------------------------------------- */

static void move(struct translation_state *t)
{
    unsigned set;
    check_fp(t);
    const unsigned n = operand(t, t->insn->rn, 0, &set);
    result(t, n, set);
}

static void absolute(struct translation_state *t)
{
    check_fp(t);
    const unsigned n = operand(t, t->insn->rn, 0, NULL), d = vector_destination(t, t->insn->rd, 0);
    vec_op_at(t->c, SSE_PAND, d, n, magnitude_mask(t, scalar_form(t->insn)));
    result(t, d, 0);
}

static void negate(struct translation_state *t)
{
    unsigned set;
    check_fp(t);
    const unsigned n = operand(t, t->insn->rn, 0, &set), d = vector_destination(t, t->insn->rd, 0);
    vec_op_at(t->c, SSE_PXOR, d, n, sign_mask(t, scalar_form(t->insn)));
    result(t, d, set);
}

static void move_imm(struct translation_state *t)
{
    check_fp(t);
    const unsigned d = vector_destination(t, t->insn->rd, 0);
    vector_load_constant(t, d, (uint64_t)t->insn->imm, 0);
    result(t, d, 0);
}

static void move_from_general(struct translation_state *t, unsigned w)
{
    check_fp(t);
    const unsigned d = vector_destination(t, t->insn->rd, 0);
    vec_unary_w(t->c, w, SSE_MOVD, d, use(t, t->insn->rn, RAX));
    vector_done(t, t->insn->rd, d, 4u << w, 4u << w);
}

static void move_to_general(struct translation_state *t, unsigned w, unsigned element)
{
    check_fp(t);
    const unsigned n = vector_use_low(t, t->insn->rn, 0, element ? 16 : 4u << w), d = destination(t, t->insn->rd, RAX);
    if (element) {
        vec_unary_w(t->c, 1, SSE_PEXTRD, n, d);
        x64_byte(t->c, 1);
    } else {
        vec_unary_w(t->c, w, SSE_MOVD_TO, n, d);
    }
    done(t, t->insn->rd, d);
}

static void move_top_from_general(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    check_fp(t);
    const unsigned old = vector_use(t, insn->rd, 0), d = vector_destination(t, insn->rd, 0);
    vec_op_general(t->c, 1, SSE_PINSRD, d, old, use(t, insn->rn, RAX));
    x64_byte(t->c, 1);
    vector_done(t, insn->rd, d, 16, 16);
}

static void conditional_select(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    const unsigned w = is_double(insn);
    check_fp(t);
    const unsigned n = operand(t, insn->rn, 0, NULL);
    if (insn->opt >= 14) {
        vector_done(t, insn->rd, n, bytes_of(insn), 16);
        return;
    }
    const unsigned m = operand(t, insn->rm, 1, NULL);
    const enum x64_cc cc = condition(t, insn->opt);
    vec_unary_w(t->c, w, SSE_MOVD_TO, n, RAX);
    vec_unary_w(t->c, w, SSE_MOVD_TO, m, RCX);
    x64_cmov(t->c, w, cc ^ 1, RAX, RCX);
    const unsigned d = vector_destination(t, insn->rd, 0);
    vec_unary_w(t->c, w, SSE_MOVD, d, RAX);
    result(t, d, 0);
}

/* --- comparisons ------------------------------------------------------------------------------------- */

/* The host's flags of n compared with m, or zero. Where there is no order, the rest of the block is left to exec_
 * functions. FCMPE raises for quiet NaNs too. */
static void compare_numbers(struct translation_state *t, bool signal_quiet, unsigned n, unsigned m)
{
    const enum sse_form form = is_double(t->insn) ? SSE_PD : SSE_PS;
    vec_unary(t->c, sse_fp(signal_quiet ? SSE_COMIS : SSE_UCOMIS, form), n, m);
    exit_if(t, CC_P);
}

static void compare(struct translation_state *t, bool zero, bool signal_quiet)
{
    unsigned m = 1;
    arm_fp(t);
    const unsigned n = operand(t, t->insn->rn, 0, NULL);
    if (zero)
        vec_zero(t->c, 1);
    else
        m = operand(t, t->insn->rm, 1, NULL);
    compare_numbers(t, signal_quiet, n, m);
    set_flags(t, FLAGS_OF_ORDER);
}

static void conditional_compare(struct translation_state *t, bool signal_quiet)
{
    const struct insn *insn = t->insn;
    struct x64 *c = t->c;
    if (insn->opt >= 14) {
        compare(t, false, signal_quiet);
        return;
    }
    arm_fp(t);
    const unsigned n = operand(t, insn->rn, 0, NULL), m = operand(t, insn->rm, 1, NULL);
    enum x64_cc cc = condition(t, insn->opt);
    commit_flags(t);
    uint8_t *otherwise = x64_jcc(c, cc ^ 1);
    compare_numbers(t, signal_quiet, n, m);
    t->flags = FLAGS_OF_ORDER;
    flags_to_subtraction(t);
    uint8_t *over = x64_jmp(c);
    x64_bind(c, otherwise);
    set_flags_constant(t, (unsigned)insn->imm & 15);
    x64_bind(c, over);
    set_flags(t, FLAGS_OF_SUB);
}

/* --- conversions ------------------------------------------------------------------------------------- */

/* NaNs lose or gain low bits of their payload here as there. */
static void widen(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    arm_fp(t);
    const unsigned set = vector_bytes_of(t, insn->rn, 4), n = vector_use_low(t, insn->rn, 0, 4);
    const unsigned d = vector_destination(t, insn->rd, 0);
    vec_op(t->c, SSE_CVTSS2SD, d, n, n);
    vector_done(t, insn->rd, d, 8, larger(set, 8));
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

static bool widen_half(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    if (!host_has.f16c)
        return false;
    arm_fp(t);
    const unsigned n = vector_use_low(t, insn->rn, 0, 4), d = vector_destination(t, insn->rd, 0);
    vec_op_at(t->c, SSE_PAND, 0, n, vector_constant(t, UINT16_MAX, 0));
    vec_unary(t->c, SSE_CVTPH2PS, d, 0);
    vector_done(t, insn->rd, d, 4, 16);
    return true;
}

/* `fraction_bits` scale exactly. */
static void from_integer(struct translation_state *t, bool is_unsigned, unsigned fraction_bits)
{
    const struct insn *insn = t->insn;
    const bool wide = is_double(insn);
    arm_fp(t);
    unsigned n = use(t, insn->rn, RAX), w = insn->sf;
    if (is_unsigned && insn->sf) {
        x64_test(t->c, 1, n, n);
        slow_if(t, CC_S);
        t->flags = FLAGS_UNKNOWN;
    } else if (is_unsigned) {
        x64_mov(t->c, 0, RAX, n);
        n = RAX;
        w = 1;
    }
    const unsigned d = vector_destination(t, insn->rd, 0);
    vec_zero(t->c, d);
    vec_op_general(t->c, w, wide ? SSE_CVTSI2SD : SSE_CVTSI2SS, d, d, n);
    if (fraction_bits) {
        const uint64_t scale = wide ? (1023ull - fraction_bits) << 52 : (127ull - fraction_bits) << 23;
        vec_op_at(t->c, sse_fp(SSE_MUL, scalar_form(insn)), d, d, vector_constant(t, scale, 0));
    }
    result(t, d, 0);
}

static void round_to(struct translation_state *t, unsigned d, unsigned n, unsigned rounding)
{
    vec_op_imm(t->c, is_double(t->insn) ? SSE_ROUNDSD : SSE_ROUNDSS, d, n, n, rounding);
}

/* Numbers from 2^63 on fit for the guest, not for the host. */
void slow_if_too_large(struct translation_state *t, bool wide, unsigned xmm)
{
    const uint64_t bound = wide ? (1023ull + 63) << 52 : (127ull + 63) << 23;
    vec_unary_at(t->c, sse_fp(SSE_UCOMIS, wide ? SSE_PD : SSE_PS), xmm, vector_constant(t, bound, 0));
    slow_if(t, CC_AE);
}

/* What does not fit raises nothing but "invalid": it is rounded quietly, tested, and only then rounded in order to raise
 * what there is to raise. The conversion itself gives the lowest integer for what is too large for it, which is taken for
 * slow; it does right without rounding where it is to round to zero into a signed integer of its width. */
void integer_to_rax(struct translation_state *t, unsigned sf, bool is_unsigned, unsigned rounding)
{
    const struct insn *insn = t->insn;
    struct x64 *c = t->c;
    const bool direct = rounding == TO_ZERO && !is_unsigned;
    arm_fp(t);
    const unsigned n = operand(t, insn->rn, 0, NULL);
    if (!direct)
        round_to(t, 1, n, rounding | QUIETLY);
    if (is_unsigned && sf)
        slow_if_too_large(t, is_double(insn), 1);
    vec_unary_w(c, sf || is_unsigned, is_double(insn) ? SSE_CVTTSD2SI : SSE_CVTTSS2SI, RAX, direct ? n : 1);
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
        round_to(t, 1, n, rounding);
    t->flags = FLAGS_UNKNOWN;
}

static void to_integer(struct translation_state *t, bool is_unsigned, unsigned rounding)
{
    integer_to_rax(t, t->insn->sf, is_unsigned, rounding);
    done(t, t->insn->rd, RAX);
}

static void round_integral(struct translation_state *t, unsigned rounding)
{
    unsigned set;
    arm_fp(t);
    const unsigned n = operand(t, t->insn->rn, 0, &set), d = vector_destination(t, t->insn->rd, 0);
    round_to(t, d, n, rounding);
    result(t, d, set);
}

bool translate_fp(struct translation_state *t)
{
    switch (t->insn->op) {
    case OP_fadd_fp: arithmetic(t, SSE_ADD); return true;
    case OP_fsub_fp: arithmetic(t, SSE_SUB); return true;
    case OP_fmul_fp: arithmetic(t, SSE_MUL); return true;
    case OP_fdiv_fp: arithmetic(t, SSE_DIV); return true;
    case OP_fnmul_fp: multiply_negated(t); return true;
    case OP_fsqrt_fp: square_root(t); return true;
    case OP_fmadd_fp: return multiply_add(t, FMA_ADD);
    case OP_fmsub_fp: return multiply_add(t, FMA_NEGATED_ADD);
    case OP_fnmadd_fp: return multiply_add(t, FMA_NEGATED_SUB);
    case OP_fnmsub_fp: return multiply_add(t, FMA_SUB);
    case OP_fmax_fp:
    case OP_fmaxnm_fp: extreme(t, true); return true;
    case OP_fmin_fp:
    case OP_fminnm_fp: extreme(t, false); return true;
    case OP_fmov_fp: move(t); return true;
    case OP_fabs_fp: absolute(t); return true;
    case OP_fneg_fp: negate(t); return true;
    case OP_fmov_imm: move_imm(t); return true;
    case OP_fmov_s_from: move_from_general(t, 0); return true;
    case OP_fmov_d_from: move_from_general(t, 1); return true;
    case OP_fmov_s_to: move_to_general(t, 0, 0); return true;
    case OP_fmov_d_to: move_to_general(t, 1, 0); return true;
    case OP_fmov_top_to: move_to_general(t, 1, 1); return true;
    case OP_fmov_top_from: move_top_from_general(t); return true;
    case OP_fcsel: conditional_select(t); return true;
    case OP_fcmp: compare(t, false, false); return true;
    case OP_fcmpe: compare(t, false, true); return true;
    case OP_fcmp_zero: compare(t, true, false); return true;
    case OP_fcmpe_zero: compare(t, true, true); return true;
    case OP_fccmp: conditional_compare(t, false); return true;
    case OP_fccmpe: conditional_compare(t, true); return true;
    case OP_fcvt_ds: widen(t); return true;
    case OP_fcvt_sd: narrow(t); return true;
    case OP_fcvt_sh: return widen_half(t);
    case OP_scvtf_int: from_integer(t, false, 0); return true;
    case OP_ucvtf_int: from_integer(t, true, 0); return true;
    case OP_scvtf_fixed: from_integer(t, false, t->insn->amount); return true;
    case OP_ucvtf_fixed: from_integer(t, true, t->insn->amount); return true;
    case OP_fcvtzs_int: to_integer(t, false, TO_ZERO); return true;
    case OP_fcvtzu_int: to_integer(t, true, TO_ZERO); return true;
    case OP_fcvtns_int: to_integer(t, false, NEAREST); return true;
    case OP_fcvtnu_int: to_integer(t, true, NEAREST); return true;
    case OP_fcvtms_int: to_integer(t, false, DOWN); return true;
    case OP_fcvtmu_int: to_integer(t, true, DOWN); return true;
    case OP_fcvtps_int: to_integer(t, false, UP); return true;
    case OP_fcvtpu_int: to_integer(t, true, UP); return true;
    case OP_frintn_fp:
    case OP_frinti_fp: round_integral(t, NEAREST | QUIETLY); return true;
    case OP_frintp_fp: round_integral(t, UP | QUIETLY); return true;
    case OP_frintm_fp: round_integral(t, DOWN | QUIETLY); return true;
    case OP_frintz_fp: round_integral(t, TO_ZERO | QUIETLY); return true;
    case OP_frintx_fp: round_integral(t, NEAREST); return true;
    default: return false;
    }
}
