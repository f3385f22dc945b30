/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scalar floating point on SSE, exactly.
 *
 * Guest registers stay in the state; xmm0 to xmm5 are free within an instruction. The conditions are those of
 * isa/arm64/fp/fast.h: with FPCR asking for round to nearest without flushing, and with IXC set already, the
 * host's result stands where it is ordinary, that is finite and above the smallest normal number (for sums:
 * finite). FADD:
 *
 *     movq xmm0, [n] ; addsd xmm0, xmm1           as loaded from [m]
 *     movq rax, xmm0 ; shr rax, 52 ; not eax ; test eax, 0x7ff ; jz slow       the exponent is not all ones
 *     movaps [d], xmm0                            and the upper half, which the load cleared
 *
 * What FPCR and FPSR must say is tested once a block; where they say otherwise the rest of the block is done
 * by exec_ functions (exit_if). Nothing within a block changes FPCR or clears IXC: MSR ends one. */
#include "jit/translate_vector.h"
#include "isa/arm64/fp/fast.h"

/* --- what the block may assume -------------------------------------------------------------------------- */

void check_fp_mode(struct translation_state *t, bool inexact)
{
    t->needs_fp_mode = true;
    t->needs_inexact |= inexact;
    if (t->ir->is_region)
        return;
    if (!t->fp_mode_checked) {
        x64_test_store(t->c, HOST_CPU, CPU_OFFSET(fpcr), FPCR_RMODE | FPCR_FZ);
        exit_if(t, CC_NE);
        t->fp_mode_checked = true;
    }
    if (inexact && !t->fp_inexact_checked) {
        x64_test_store(t->c, HOST_CPU, CPU_OFFSET(fpsr), FPSR_IXC);
        exit_if(t, CC_E);
        t->fp_inexact_checked = true;
    }
    t->flags = FLAGS_UNKNOWN;
}

/* --- operands and results ------------------------------------------------------------------------------- */

static bool is_double(const struct insn *insn)
{
    return insn->size == FP_DOUBLE;
}

static enum sse_form scalar_form(const struct insn *insn)
{
    return is_double(insn) ? SSE_SD : SSE_SS;
}

/* One element in the low end of xmm, zeroes above. */
static void load(struct translation_state *t, unsigned xmm, unsigned reg, unsigned size)
{
    sse_rm(t->c, size == FP_DOUBLE ? SSE_MOVQ : SSE_MOVD, xmm, HOST_CPU, vector_offset(reg));
}

/* The slow path where the scalar in `xmm` is infinite or a NaN. */
static void slow_unless_finite(struct translation_state *t, unsigned xmm, unsigned size)
{
    struct x64 *c = t->c;
    if (size == FP_DOUBLE) {
        sse_rr_w(c, 1, SSE_MOVD_TO, xmm, RAX);
        x64_shift_imm(c, 1, SHIFT_SHR, RAX, 52);
        x64_not(c, 0, RAX);
        x64_test_imm(c, 0, RAX, 0x7ff);
        slow_if(t, CC_E);
    } else {
        sse_rr(c, SSE_MOVD_TO, xmm, RAX);
        x64_alu(c, 0, ALU_ADD, RAX, RAX);
        x64_alu_imm(c, 0, ALU_CMP, RAX, (int32_t)0xff000000);
        slow_if(t, CC_AE);
    }
}

/* The slow path where it is not ordinary. The smallest normal numbers are not: they may have been rounded up
 * to. */
static void slow_unless_ordinary(struct translation_state *t, unsigned xmm, unsigned size)
{
    struct x64 *c = t->c;
    if (size == FP_DOUBLE) { /* exponents 2 to 0x7fe */
        sse_rr_w(c, 1, SSE_MOVD_TO, xmm, RAX);
        x64_shift_imm(c, 1, SHIFT_SHR, RAX, 52);
        x64_alu_imm(c, 0, ALU_SUB, RAX, 2);
        x64_alu_imm(c, 0, ALU_AND, RAX, 0x7ff);
        x64_alu_imm(c, 0, ALU_CMP, RAX, 0x7fd);
    } else { /* 2 to 0xfe */
        sse_rr(c, SSE_MOVD_TO, xmm, RAX);
        x64_alu(c, 0, ALU_ADD, RAX, RAX);
        x64_alu_imm(c, 0, ALU_SUB, RAX, 0x02000000);
        x64_alu_imm(c, 0, ALU_CMP, RAX, (int32_t)0xfd000000);
    }
    slow_if(t, CC_AE);
}

/* ucomis a, b, and the slow path where one is a NaN. */
static void compare_ordered(struct translation_state *t, unsigned a, unsigned b, unsigned size)
{
    sse_rr(t->c, sse_fp(SSE_UCOMIS, size == FP_DOUBLE ? SSE_PD : SSE_PS), a, b);
    slow_if(t, CC_P);
    t->flags = FLAGS_UNKNOWN;
}

/* The sign bit of the scalar, all others clear. */
static void sign_mask(struct translation_state *t, unsigned xmm, unsigned size)
{
    sse_rr(t->c, SSE_PCMPEQD, xmm, xmm);
    sse_shift(t->c, SSE_SHIFT_LEFT, 3, xmm, 63);
    sse_shift_bytes(t->c, xmm, 8);
    if (size == FP_SINGLE)
        sse_shift(t->c, SSE_SHIFT_RIGHT, 3, xmm, 32);
}

/* --- arithmetic --------------------------------------------------------------------------------------------
 */

static void binary(struct translation_state *t, enum sse_op op)
{
    const struct insn *insn = t->insn;
    check_fp(t);
    check_fp_mode(t, true);
    load(t, 0, insn->rn, insn->size);
    load(t, 1, insn->rm, insn->size);
    sse_rr(t->c, sse_fp(op, scalar_form(insn)), 0, 1);
    if (op == SSE_ADD || op == SSE_SUB)
        slow_unless_finite(t, 0, insn->size);
    else
        slow_unless_ordinary(t, 0, insn->size);
}

static void arithmetic(struct translation_state *t, enum sse_op op)
{
    binary(t, op);
    store_vector(t, 0, t->insn->rd);
}

static void multiply_negated(struct translation_state *t)
{
    binary(t, SSE_MUL);
    sign_mask(t, 1, t->insn->size);
    sse_rr(t->c, SSE_PXOR, 0, 1);
    store_vector(t, 0, t->insn->rd);
}

static void square_root(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    check_fp(t);
    check_fp_mode(t, true);
    load(t, 0, insn->rn, insn->size);
    sse_rr(t->c, sse_fp(SSE_SQRT, scalar_form(insn)), 0, 0);
    slow_unless_ordinary(t, 0, insn->size);
    store_vector(t, 0, insn->rd);
}

static bool multiply_add(struct translation_state *t, enum fma_op op)
{
    const struct insn *insn = t->insn;
    if (!fp_host_has_fma())
        return false;
    check_fp(t);
    check_fp_mode(t, true);
    load(t, 0, insn->ra, insn->size);
    load(t, 1, insn->rn, insn->size);
    load(t, 2, insn->rm, insn->size);
    x64_fma(t->c, op, scalar_form(insn), 0, 1, 2);
    slow_unless_ordinary(t, 0, insn->size);
    store_vector(t, 0, insn->rd);
    return true;
}

/* Of equal numbers either will do, but of zeroes the sign: AND for the greater one, OR for the lesser. */
static void extreme(struct translation_state *t, bool greatest)
{
    const struct insn *insn = t->insn;
    enum sse_op op = sse_fp(greatest ? SSE_MAX : SSE_MIN, scalar_form(insn));
    check_fp(t);
    check_fp_mode(t, false);
    load(t, 0, insn->rn, insn->size);
    load(t, 1, insn->rm, insn->size);
    compare_ordered(t, 0, 1, insn->size);
    sse_rr(t->c, SSE_MOVAPS, 2, 0);
    sse_rr(t->c, op, 0, 1);
    sse_rr(t->c, op, 1, 2);
    sse_rr(t->c, greatest ? SSE_PAND : SSE_POR, 0, 1);
    store_vector(t, 0, insn->rd);
}

/* --- moves and signs ---------------------------------------------------------------------------------------
 */

static void move(struct translation_state *t)
{
    check_fp(t);
    load(t, 0, t->insn->rn, t->insn->size);
    store_vector(t, 0, t->insn->rd);
}

static void absolute(struct translation_state *t)
{
    check_fp(t);
    load(t, 0, t->insn->rn, t->insn->size);
    sign_mask(t, 1, t->insn->size);
    sse_rr(t->c, SSE_PANDN, 1, 0);
    store_vector(t, 1, t->insn->rd);
}

static void negate(struct translation_state *t)
{
    check_fp(t);
    load(t, 0, t->insn->rn, t->insn->size);
    sign_mask(t, 1, t->insn->size);
    sse_rr(t->c, SSE_PXOR, 0, 1);
    store_vector(t, 0, t->insn->rd);
}

static void move_imm(struct translation_state *t)
{
    check_fp(t);
    load_imm(t, 0, (uint64_t)t->insn->imm);
    store_vector(t, 0, t->insn->rd);
}

static void move_from_general(struct translation_state *t, unsigned w)
{
    check_fp(t);
    sse_rr_w(t->c, w, SSE_MOVD, 0, use(t, t->insn->rn, RAX));
    store_vector(t, 0, t->insn->rd);
}

static void move_to_general(struct translation_state *t, unsigned w, unsigned element)
{
    check_fp(t);
    unsigned d = destination(t, t->insn->rd, RAX);
    x64_load(t->c, w, d, HOST_CPU, vector_offset(t->insn->rn) + (int32_t)(8 * element));
    done(t, t->insn->rd, d);
}

static void move_top_from_general(struct translation_state *t)
{
    check_fp(t);
    load_vector(t, 0, t->insn->rd, false);
    sse_rr_w(t->c, 1, SSE_MOVD, 1, use(t, t->insn->rn, RAX));
    sse_rr(t->c, SSE_PUNPCKLQDQ, 0, 1);
    store_vector(t, 0, t->insn->rd);
}

static void conditional_select(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    unsigned w = is_double(insn);
    check_fp(t);
    enum x64_cc cc = insn->opt < 14 ? condition(t, insn->opt) : CC_O;
    x64_load(t->c, w, RAX, HOST_CPU, vector_offset(insn->rn));
    if (insn->opt < 14) {
        x64_load(t->c, w, RCX, HOST_CPU, vector_offset(insn->rm));
        x64_cmov(t->c, w, cc ^ 1, RAX, RCX);
    }
    sse_rr_w(t->c, 1, SSE_MOVD, 0, RAX);
    store_vector(t, 0, insn->rd);
}

/* --- comparisons -------------------------------------------------------------------------------------------
 */

/* The host's flags of the comparison. A NaN leaves the rest of the block to exec_ functions. */
static void compare_numbers(struct translation_state *t, bool zero)
{
    const struct insn *insn = t->insn;
    load(t, 0, insn->rn, insn->size);
    if (zero)
        sse_rr(t->c, SSE_PXOR, 1, 1);
    else
        load(t, 1, insn->rm, insn->size);
    sse_rr(t->c, sse_fp(SSE_UCOMIS, insn->size == FP_DOUBLE ? SSE_PD : SSE_PS), 0, 1);
    exit_if(t, CC_P);
}

static void compare(struct translation_state *t, bool zero)
{
    check_fp(t);
    check_fp_mode(t, false);
    compare_numbers(t, zero);
    set_flags(t, FLAGS_OF_ORDER);
}

/* The flags of that comparison in the form of a subtraction's: 0, 1 or 2 (less, equal, greater) compared with 1. */
static void subtraction_of_order(struct translation_state *t)
{
    struct x64 *c = t->c;
    x64_setcc(c, CC_A, RAX);
    x64_setcc(c, CC_AE, RCX);
    x64_extend(c, 0, false, 0, RAX, RAX);
    x64_extend(c, 0, false, 0, RCX, RCX);
    x64_alu(c, 0, ALU_ADD, RAX, RCX);
    x64_alu_imm(c, 0, ALU_CMP, RAX, 1);
}

static void conditional_compare(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    struct x64 *c = t->c;
    check_fp(t);
    check_fp_mode(t, false);
    if (insn->opt >= 14) {
        compare(t, false);
        return;
    }
    enum x64_cc cc = condition(t, insn->opt);
    commit_flags(t);
    uint8_t *otherwise = x64_jcc(c, cc ^ 1);
    compare_numbers(t, false);
    subtraction_of_order(t);
    uint8_t *over = x64_jmp(c);
    x64_bind(c, otherwise);
    set_flags_constant(t, (unsigned)insn->imm & 15);
    x64_bind(c, over);
    set_flags(t, FLAGS_OF_SUB);
}

/* --- conversions -------------------------------------------------------------------------------------------
 */

static void widen(struct translation_state *t)
{
    check_fp(t);
    check_fp_mode(t, false);
    load(t, 0, t->insn->rn, FP_SINGLE);
    compare_ordered(t, 0, 0, FP_SINGLE);
    sse_rr(t->c, SSE_CVTSS2SD, 0, 0);
    store_vector(t, 0, t->insn->rd);
}

static void narrow(struct translation_state *t)
{
    check_fp(t);
    check_fp_mode(t, true);
    load(t, 0, t->insn->rn, FP_DOUBLE);
    sse_rr(t->c, SSE_PXOR, 1, 1);
    sse_rr(t->c, SSE_CVTSD2SS, 1, 0);
    slow_unless_ordinary(t, 1, FP_SINGLE);
    store_vector(t, 1, t->insn->rd);
}

/* 32-bit integers are exact in double precision; others may raise IXC. */
static void from_integer(struct translation_state *t, bool is_unsigned)
{
    const struct insn *insn = t->insn;
    bool wide = is_double(insn);
    unsigned n;
    check_fp(t);
    check_fp_mode(t, !wide || insn->sf);
    if (insn->sf) {
        n = use(t, insn->rn, RAX);
        if (is_unsigned) {
            x64_test(t->c, 1, n, n);
            slow_if(t, CC_S);
        }
    } else {
        x64_extend(t->c, 2, !is_unsigned, 1, RAX, use(t, insn->rn, RAX));
        n = RAX;
    }
    sse_rr(t->c, SSE_PXOR, 0, 0);
    sse_rr_w(t->c, 1, wide ? SSE_CVTSI2SD : SSE_CVTSI2SS, 0, n);
    t->flags = FLAGS_UNKNOWN;
    store_vector(t, 0, insn->rd);
}

/* `rounding` as roundsd has it. Too large numbers and NaNs become the 64-bit integer that is taken for slow.
 */
static void to_integer(struct translation_state *t, bool is_unsigned, unsigned rounding)
{
    const struct insn *insn = t->insn;
    bool wide = is_double(insn);
    struct x64 *c = t->c;
    check_fp(t);
    check_fp_mode(t, true);
    load(t, 0, insn->rn, insn->size);
    if (rounding != 3)
        sse_rr_imm(c, wide ? SSE_ROUNDSD : SSE_ROUNDSS, 0, 0, rounding);
    sse_rr_w(c, 1, wide ? SSE_CVTTSD2SI : SSE_CVTTSS2SI, RAX, 0);
    if (is_unsigned && insn->sf) {
        x64_test(c, 1, RAX, RAX);
        slow_if(t, CC_S);
    } else if (insn->sf) { /* only the lowest integer overflows when 1 is taken from it */
        x64_alu_imm(c, 1, ALU_CMP, RAX, 1);
        slow_if(t, CC_O);
    } else {
        x64_extend(c, 2, !is_unsigned, 1, RCX, RAX);
        x64_alu(c, 1, ALU_CMP, RCX, RAX);
        slow_if(t, CC_NE);
        x64_mov(c, 0, RAX, RAX);
    }
    t->flags = FLAGS_UNKNOWN;
    done(t, insn->rd, RAX);
}

static void round_integral(struct translation_state *t, unsigned rounding, bool exact)
{
    const struct insn *insn = t->insn;
    check_fp(t);
    check_fp_mode(t, exact);
    load(t, 0, insn->rn, insn->size);
    compare_ordered(t, 0, 0, insn->size);
    sse_rr_imm(t->c, is_double(insn) ? SSE_ROUNDSD : SSE_ROUNDSS, 0, 0, rounding);
    store_vector(t, 0, insn->rd);
}

bool translate_fp(struct translation_state *t)
{
    enum { NEAREST, DOWN, UP, TO_ZERO };
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
    case OP_fcmp:
    case OP_fcmpe: compare(t, false); return true;
    case OP_fcmp_zero:
    case OP_fcmpe_zero: compare(t, true); return true;
    case OP_fccmp:
    case OP_fccmpe: conditional_compare(t); return true;
    case OP_fcvt_ds: widen(t); return true;
    case OP_fcvt_sd: narrow(t); return true;
    case OP_scvtf_int: from_integer(t, false); return true;
    case OP_ucvtf_int: from_integer(t, true); return true;
    case OP_fcvtzs_int: to_integer(t, false, TO_ZERO); return true;
    case OP_fcvtzu_int: to_integer(t, true, TO_ZERO); return true;
    case OP_fcvtns_int: to_integer(t, false, NEAREST); return true;
    case OP_fcvtnu_int: to_integer(t, true, NEAREST); return true;
    case OP_fcvtms_int: to_integer(t, false, DOWN); return true;
    case OP_fcvtmu_int: to_integer(t, true, DOWN); return true;
    case OP_fcvtps_int: to_integer(t, false, UP); return true;
    case OP_fcvtpu_int: to_integer(t, true, UP); return true;
    case OP_frintn_fp: round_integral(t, NEAREST, false); return true;
    case OP_frintp_fp: round_integral(t, UP, false); return true;
    case OP_frintm_fp: round_integral(t, DOWN, false); return true;
    case OP_frintz_fp: round_integral(t, TO_ZERO, false); return true;
    case OP_frinti_fp: round_integral(t, NEAREST, false); return true;
    case OP_frintx_fp: round_integral(t, NEAREST, true); return true;
    default: return false;
    }
}
