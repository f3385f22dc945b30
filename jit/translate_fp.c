/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scalar floating point on SSE or AVX, exactly.
 *
 * With FPCR at 0 (round to nearest, nothing flushed, NaNs passed on) the host's operations give the guest's results and
 * raise the guest's flags, in MXCSR, from where they come to FPSR when translated code is left (arm_fp, stubs.c). Two
 * things differ, and are left to exec_ once the result shows them; what the host raised by then is never too much:
 *
 * - NaNs as results: which one is taken of several, and the sign of new ones.
 * - Underflow: Arm looks before rounding, x86 behind it. That matters where the result is the smallest normal number,
 * to
 *   which something tiny may have been rounded up. (Sums are exact there.)
 *
 *     vmulsd xmm2, xmm12, xmm9
 *     vandps xmm5, xmm2, [magnitudes] ; vucomisd xmm5, [least normal] ; je slow      equal or unordered
 *     vmovaps xmm12, xmm2                    only where the operation has its result among its operands */
#include "jit/translate_fp.h"

/* --- what the unit may assume ------------------------------------------------------------------------ */

void arm_fp(struct translation_state *t)
{
    t->needs_armed_fp = true;
    if (t->fp_armed || t->ir->is_region)
        return;
    x64_cmp_byte(t->c, HOST_CPU, CPU_OFFSET(native.fp_armed), 0);
    t->arming.jump_end = x64_jcc(t->c, CC_E);
    t->arming.resume = t->c->at;
    t->arming.exit = (struct block_exit){
        .insn = t->insn, .flags = t->pending, .host_flags = t->flags, .vectors_written = t->vector_written};
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

unsigned fp_operand(struct translation_state *t, unsigned reg, unsigned temp, unsigned *set)
{
    const struct insn *insn = t->insn;
    if (insn->size == FP_HALF) {
        if (set)
            *set = 16;
        half_to_single(t, reg, temp);
        return temp;
    }
    if (set)
        *set = vector_bytes_of(t, reg, fp_bytes(insn));
    return vector_use_low(t, reg, temp, fp_bytes(insn));
}

static unsigned larger(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

void fp_result(struct translation_state *t, unsigned xmm, unsigned set)
{
    const struct insn *insn = t->insn;
    if (insn->size == FP_HALF)
        single_to_half(t, insn->rd, xmm);
    else
        vector_done(t, insn->rd, xmm, fp_bytes(insn), larger(set, fp_bytes(insn)));
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
    const enum sse_form form = fp_scalar_form(insn);
    arm_fp(t);
    const unsigned n = fp_operand(t, insn->rn, 0, set), m = fp_operand(t, insn->rm, 1, NULL);
    const unsigned r = fp_apart(t, 2, bits_n_m(insn));
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
    fp_result(t, r, set);
}

static void multiply_negated(struct translation_state *t)
{
    unsigned set;
    const unsigned r = binary(t, SSE_MUL, &set);
    vec_op_at(t->c, SSE_PXOR, r, r, sign_mask(t, fp_scalar_form(t->insn)));
    fp_result(t, r, set);
}

/* A root is never tiny. */
static void square_root(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    const enum sse_form form = fp_scalar_form(insn);
    unsigned set;
    arm_fp(t);
    const unsigned n = fp_operand(t, insn->rn, 0, &set), r = fp_apart(t, 2, 1u << insn->rn);
    vec_op(t->c, sse_fp(SSE_SQRT, form), r, n, n);
    slow_if_nan(t, form, r);
    fp_result(t, r, set);
}

static bool multiply_add(struct translation_state *t, enum fma_op op)
{
    const struct insn *insn = t->insn;
    const enum sse_form form = fp_scalar_form(insn);
    unsigned set;
    if (!fp_host_has_fma())
        return false;
    arm_fp(t);
    const unsigned a = fp_operand(t, insn->ra, 0, &set), n = fp_operand(t, insn->rn, 1, NULL),
                   m = fp_operand(t, insn->rm, 2, NULL);
    const unsigned r = vector_apart(t, insn->rd, 3, bits_n_m(insn) | 1u << insn->ra);
    vec_move(t->c, r, a);
    vec_fma(t->c, op, form, r, n, m);
    slow_if_nan_or_least(t, form, r);
    fp_result(t, r, set);
    return true;
}

/* Of equal numbers either will do, but of zeroes the sign: AND for the greater one, OR for the lesser. The host's
 * operations raise more for NaNs, which therefore are looked for before. */
static void extreme(struct translation_state *t, bool greatest)
{
    const struct insn *insn = t->insn;
    enum sse_op op = sse_fp(greatest ? SSE_MAX : SSE_MIN, fp_scalar_form(insn));
    unsigned set_n, set_m;
    arm_fp(t);
    const unsigned n = fp_operand(t, insn->rn, 0, &set_n), m = fp_operand(t, insn->rm, 1, &set_m);
    vec_unary(t->c, sse_fp(SSE_UCOMIS, fp_is_double(insn) ? SSE_PD : SSE_PS), n, m);
    slow_if(t, CC_P);
    t->flags = FLAGS_UNKNOWN;
    vec_op(t->c, op, 2, n, m);
    vec_op(t->c, op, 3, m, n);
    const unsigned d = fp_apart(t, 2, 0);
    vec_op(t->c, greatest ? SSE_PAND : SSE_POR, d, 2, 3);
    fp_result(t, d, larger(set_n, set_m));
}

/* --- moves and signs --------------------------------------------------------------------------------- */

static void move(struct translation_state *t)
{
    unsigned set;
    check_fp(t);
    const unsigned n = fp_operand(t, t->insn->rn, 0, &set);
    fp_result(t, n, set);
}

static void absolute(struct translation_state *t)
{
    check_fp(t);
    const unsigned n = fp_operand(t, t->insn->rn, 0, NULL), d = vector_destination(t, t->insn->rd, 0);
    vec_op_at(t->c, SSE_PAND, d, n, magnitude_mask(t, fp_scalar_form(t->insn)));
    fp_result(t, d, 0);
}

static void negate(struct translation_state *t)
{
    unsigned set;
    check_fp(t);
    const unsigned n = fp_operand(t, t->insn->rn, 0, &set), d = vector_destination(t, t->insn->rd, 0);
    vec_op_at(t->c, SSE_PXOR, d, n, sign_mask(t, fp_scalar_form(t->insn)));
    fp_result(t, d, set);
}

static void move_imm(struct translation_state *t)
{
    check_fp(t);
    const unsigned d = vector_destination(t, t->insn->rd, 0);
    vector_load_constant(t, d, (uint64_t)t->insn->imm, 0);
    fp_result(t, d, 0);
}

static void move_from_general(struct translation_state *t, unsigned w)
{
    check_fp(t);
    const unsigned d = vector_destination(t, t->insn->rd, 0);
    vec_unary_w(t->c, w, SSE_MOVD, d, general_use(t, t->insn->rn, RAX));
    vector_done(t, t->insn->rd, d, 4u << w, 4u << w);
}

static void move_to_general(struct translation_state *t, unsigned w, unsigned element)
{
    check_fp(t);
    const unsigned n = vector_use_low(t, t->insn->rn, 0, element ? 16 : 4u << w);
    const unsigned d = general_destination(t, t->insn->rd, RAX);
    if (element) {
        vec_unary_w(t->c, 1, SSE_PEXTRD, n, d);
        x64_byte(t->c, 1);
    } else {
        vec_unary_w(t->c, w, SSE_MOVD_TO, n, d);
    }
    general_done(t, t->insn->rd, d);
}

static void move_top_from_general(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    check_fp(t);
    const unsigned old = vector_use(t, insn->rd, 0), d = vector_destination(t, insn->rd, 0);
    vec_op_general(t->c, 1, SSE_PINSRD, d, old, general_use(t, insn->rn, RAX));
    x64_byte(t->c, 1);
    vector_done(t, insn->rd, d, 16, 16);
}

static void conditional_select(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    const unsigned w = fp_is_double(insn);
    check_fp(t);
    const unsigned n = fp_operand(t, insn->rn, 0, NULL);
    if (insn->opt >= 14) {
        vector_done(t, insn->rd, n, fp_bytes(insn), 16);
        return;
    }
    const unsigned m = fp_operand(t, insn->rm, 1, NULL);
    const enum x64_cc cc = condition(t, insn->opt);
    vec_unary_w(t->c, w, SSE_MOVD_TO, n, RAX);
    vec_unary_w(t->c, w, SSE_MOVD_TO, m, RCX);
    x64_cmov(t->c, w, cc ^ 1, RAX, RCX);
    const unsigned d = vector_destination(t, insn->rd, 0);
    vec_unary_w(t->c, w, SSE_MOVD, d, RAX);
    fp_result(t, d, 0);
}

/* --- comparisons ------------------------------------------------------------------------------------- */

/* The host's flags of n compared with m, or zero. Where there is no order, the rest of the block is left to exec_
 * functions. FCMPE raises for quiet NaNs too. */
static void compare_numbers(struct translation_state *t, bool signal_quiet, unsigned n, unsigned m)
{
    const enum sse_form form = fp_is_double(t->insn) ? SSE_PD : SSE_PS;
    vec_unary(t->c, sse_fp(signal_quiet ? SSE_COMIS : SSE_UCOMIS, form), n, m);
    exit_if(t, CC_P);
}

static void compare(struct translation_state *t, bool zero, bool signal_quiet)
{
    unsigned m = 1;
    arm_fp(t);
    const unsigned n = fp_operand(t, t->insn->rn, 0, NULL);
    if (zero)
        vec_zero(t->c, 1);
    else
        m = fp_operand(t, t->insn->rm, 1, NULL);
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
    unsigned n = vector_use_low(t, insn->rn, 0, fp_bytes(insn)), m = vector_use_low(t, insn->rm, 1, fp_bytes(insn));
    enum x64_cc cc = condition(t, insn->opt);
    commit_flags(t);
    uint8_t *otherwise = x64_jcc(c, cc ^ 1);
    if (insn->size == FP_HALF) { /* which may raise: not unless they are compared */
        n = fp_operand(t, insn->rn, 0, NULL);
        m = fp_operand(t, insn->rm, 1, NULL);
    }
    compare_numbers(t, signal_quiet, n, m);
    t->flags = FLAGS_OF_ORDER;
    flags_to_subtraction(t);
    uint8_t *over = x64_jmp(c);
    x64_bind(c, otherwise);
    set_flags_constant(t, (unsigned)insn->imm & 15);
    x64_bind(c, over);
    set_flags(t, FLAGS_OF_SUB);
}

bool translate_fp(struct translation_state *t)
{
    if (t->insn->size == FP_HALF && !half_is_native(t))
        return translate_half(t);
    switch (t->insn->op) {
    case OP_fadd_fp:
    case OP_fadd_fp_h: arithmetic(t, SSE_ADD); return true;
    case OP_fsub_fp:
    case OP_fsub_fp_h: arithmetic(t, SSE_SUB); return true;
    case OP_fmul_fp:
    case OP_fmul_fp_h: arithmetic(t, SSE_MUL); return true;
    case OP_fdiv_fp:
    case OP_fdiv_fp_h: arithmetic(t, SSE_DIV); return true;
    case OP_fnmul_fp:
    case OP_fnmul_fp_h: multiply_negated(t); return true;
    case OP_fsqrt_fp:
    case OP_fsqrt_fp_h: square_root(t); return true;
    case OP_fmadd_fp: return multiply_add(t, FMA_ADD);
    case OP_fmsub_fp: return multiply_add(t, FMA_NEGATED_ADD);
    case OP_fnmadd_fp: return multiply_add(t, FMA_NEGATED_SUB);
    case OP_fnmsub_fp: return multiply_add(t, FMA_SUB);
    case OP_fmax_fp:
    case OP_fmax_fp_h:
    case OP_fmaxnm_fp:
    case OP_fmaxnm_fp_h: extreme(t, true); return true;
    case OP_fmin_fp:
    case OP_fmin_fp_h:
    case OP_fminnm_fp:
    case OP_fminnm_fp_h: extreme(t, false); return true;
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
    case OP_fcmp:
    case OP_fcmp_h: compare(t, false, false); return true;
    case OP_fcmpe:
    case OP_fcmpe_h: compare(t, false, true); return true;
    case OP_fcmp_zero:
    case OP_fcmp_zero_h: compare(t, true, false); return true;
    case OP_fcmpe_zero:
    case OP_fcmpe_zero_h: compare(t, true, true); return true;
    case OP_fccmp:
    case OP_fccmp_h: conditional_compare(t, false); return true;
    case OP_fccmpe:
    case OP_fccmpe_h: conditional_compare(t, true); return true;
    default: return translate_conversion(t) || translate_half(t) || emit_bf16(t);
    }
}
