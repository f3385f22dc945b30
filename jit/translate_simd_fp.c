/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Floating-point AdvSIMD on SSE, exactly: the conditions of translate_fp.c for all lanes at once. Half
 * precision is left to exec_. */
#include "jit/translate_vector.h"
#include "isa/arm64/fp/fast.h"

static bool is_double(const struct insn *insn)
{
    return insn->size == FP_DOUBLE;
}

static enum sse_form packed_form(const struct insn *insn)
{
    return is_double(insn) ? SSE_PD : SSE_PS;
}

static void load(struct translation_state *t, unsigned xmm, unsigned reg)
{
    load_vector(t, xmm, reg, t->insn->q);
}

static void load_scalar(struct translation_state *t, unsigned xmm, unsigned reg)
{
    sse_rm(t->c, is_double(t->insn) ? SSE_MOVQ : SSE_MOVD, xmm, HOST_CPU, vector_offset(reg));
}

static void finish(struct translation_state *t, unsigned xmm)
{
    if (!t->insn->q)
        sse_rr(t->c, SSE_MOVQ, xmm, xmm);
    store_vector(t, xmm, t->insn->rd);
}

/* --- checks ------------------------------------------------------------------------------------------------
 */

/* The slow path unless all sign bits of the lanes that count are set in xmm. `lanes`: of the result. */
static void slow_unless_all(struct translation_state *t, unsigned xmm, unsigned lanes)
{
    struct x64 *c = t->c;
    const int32_t all = (1 << lanes) - 1;
    sse_rr(c, is_double(t->insn) ? SSE_MOVMSKPD : SSE_MOVMSKPS, RAX, xmm);
    if (all != (is_double(t->insn) ? 3 : 15))
        x64_alu_imm(c, 0, ALU_AND, RAX, all);
    x64_alu_imm(c, 0, ALU_CMP, RAX, all);
    slow_if(t, CC_NE);
    t->flags = FLAGS_UNKNOWN;
}

static unsigned lanes_of(const struct insn *insn)
{
    return (insn->q ? 16u : 8u) >> insn->size;
}

/* Each lane of xmm within bounds, in one signed comparison of what is left of it without its sign: it is
 * moved so that the lowest good number becomes the lowest integer. Good are finite numbers, or (`ordinary`)
 * those with exponents from 2 up to that of the infinities. Uses xmm4, xmm5, rax. */
static void slow_unless_good(struct translation_state *t, unsigned xmm, bool ordinary, unsigned lanes)
{
    struct x64 *c = t->c;
    const bool wide = is_double(t->insn);
    const uint64_t lowest = !ordinary ? 0 : wide ? 2ull << 53 : 0x0200000002000000;
    const uint64_t end = wide ? 0x7ffull << 53 : 0xff000000ff000000,
                   sign = wide ? 1ull << 63 : 0x8000000080000000;
    sse_rr(c, SSE_MOVAPS, 4, xmm);
    sse_rr(c, wide ? SSE_PADDQ : SSE_PADDD, 4, 4);
    /* No borrow goes from lane to lane in these constants. */
    load_imm_twice(t, 5, sign ^ lowest);
    sse_rr(c, wide ? SSE_PSUBQ : SSE_PSUBD, 4, 5);
    load_imm_twice(t, 5, (end - lowest) ^ sign);
    sse_rr(c, wide ? SSE_PCMPGTQ : SSE_PCMPGTD, 5, 4);
    slow_unless_all(t, 5, lanes);
}

/* The slow path where a lane of a or b is a NaN. Uses xmm5. */
static void slow_if_unordered(struct translation_state *t, unsigned a, unsigned b, unsigned lanes)
{
    struct x64 *c = t->c;
    sse_rr(c, SSE_MOVAPS, 5, a);
    sse_rr_imm(c, sse_fp(SSE_CMP, packed_form(t->insn)), 5, b, 7); /* ordered */
    slow_unless_all(t, 5, lanes);
}

/* --- arithmetic --------------------------------------------------------------------------------------------
 */

static void element(struct translation_state *t, unsigned xmm)
{
    const struct insn *insn = t->insn;
    int32_t offset = vector_offset(insn->rm) + (insn->amount << insn->size);
    sse_rm(t->c, is_double(insn) ? SSE_MOVQ : SSE_MOVD, xmm, HOST_CPU, offset);
}

static void load_element(struct translation_state *t, unsigned xmm)
{
    element(t, xmm);
    if (is_double(t->insn))
        sse_rr(t->c, SSE_PUNPCKLQDQ, xmm, xmm);
    else
        sse_rr_imm(t->c, SSE_PSHUFD, xmm, xmm, 0);
}

static void arithmetic(struct translation_state *t, enum sse_op op, bool by_element)
{
    check_fp_mode(t, true);
    load(t, 0, t->insn->rn);
    if (by_element)
        load_element(t, 1);
    else
        load(t, 1, t->insn->rm);
    sse_rr(t->c, sse_fp(op, packed_form(t->insn)), 0, 1);
    slow_unless_good(t, 0, op != SSE_ADD && op != SSE_SUB, lanes_of(t->insn));
    finish(t, 0);
}

static bool multiply_add(struct translation_state *t, enum fma_op op, bool by_element)
{
    if (!fp_host_has_fma())
        return false;
    check_fp_mode(t, true);
    load(t, 0, t->insn->rd);
    load(t, 1, t->insn->rn);
    if (by_element)
        load_element(t, 2);
    else
        load(t, 2, t->insn->rm);
    vec_fma(t->c, op, packed_form(t->insn), 0, 1, 2);
    slow_unless_good(t, 0, true, lanes_of(t->insn));
    finish(t, 0);
    return true;
}

static void scalar_product(struct translation_state *t)
{
    check_fp_mode(t, true);
    load_scalar(t, 0, t->insn->rn);
    element(t, 1);
    sse_rr(t->c, sse_fp(SSE_MUL, is_double(t->insn) ? SSE_SD : SSE_SS), 0, 1);
    slow_unless_good(t, 0, true, 1);
    store_vector(t, 0, t->insn->rd);
}

static bool scalar_multiply_add(struct translation_state *t, enum fma_op op)
{
    if (!fp_host_has_fma())
        return false;
    check_fp_mode(t, true);
    load_scalar(t, 0, t->insn->rd);
    load_scalar(t, 1, t->insn->rn);
    element(t, 2);
    vec_fma(t->c, op, is_double(t->insn) ? SSE_SD : SSE_SS, 0, 1, 2);
    slow_unless_good(t, 0, true, 1);
    store_vector(t, 0, t->insn->rd);
    return true;
}

static void square_root(struct translation_state *t)
{
    check_fp_mode(t, true);
    load(t, 0, t->insn->rn);
    sse_rr(t->c, sse_fp(SSE_SQRT, packed_form(t->insn)), 0, 0);
    slow_unless_good(t, 0, true, lanes_of(t->insn));
    finish(t, 0);
}

/* xmm's bits without the signs, or the signs alone. */
static void sign_masks(struct translation_state *t, unsigned xmm, bool signs)
{
    unsigned size = t->insn->size;
    sse_rr(t->c, SSE_PCMPEQD, xmm, xmm);
    sse_shift(t->c, signs ? SSE_SHIFT_LEFT : SSE_SHIFT_RIGHT, size, xmm, signs ? (8u << size) - 1 : 1);
}

static void change_signs(struct translation_state *t, bool negate)
{
    load(t, 0, t->insn->rn);
    sign_masks(t, 1, negate);
    sse_rr(t->c, negate ? SSE_PXOR : SSE_PAND, 0, 1);
    finish(t, 0);
}

static void absolute_difference(struct translation_state *t)
{
    check_fp_mode(t, true);
    load(t, 0, t->insn->rn);
    load(t, 1, t->insn->rm);
    sse_rr(t->c, sse_fp(SSE_SUB, packed_form(t->insn)), 0, 1);
    slow_unless_good(t, 0, false, lanes_of(t->insn));
    sign_masks(t, 1, false);
    sse_rr(t->c, SSE_PAND, 0, 1);
    finish(t, 0);
}

/* See extreme() of translate_fp.c. */
static void extreme(struct translation_state *t, bool greatest)
{
    enum sse_op op = sse_fp(greatest ? SSE_MAX : SSE_MIN, packed_form(t->insn));
    check_fp_mode(t, false);
    load(t, 0, t->insn->rn);
    load(t, 1, t->insn->rm);
    slow_if_unordered(t, 0, 1, lanes_of(t->insn));
    sse_rr(t->c, SSE_MOVAPS, 2, 0);
    sse_rr(t->c, op, 0, 1);
    sse_rr(t->c, op, 1, 2);
    sse_rr(t->c, greatest ? SSE_PAND : SSE_POR, 0, 1);
    finish(t, 0);
}

/* FADDP: the sums of neighbours in Rm:Rn. */
static void add_pairs(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    struct x64 *c = t->c;
    check_fp_mode(t, true);
    load(t, 0, insn->rn);
    load(t, 1, insn->rm);
    if (!insn->q) {
        sse_rr(c, SSE_PUNPCKLQDQ, 0, 1);
        sse_rr(c, SSE_MOVAPS, 1, 0);
    }
    sse_rr(c, SSE_MOVAPS, 2, 0);
    if (is_double(insn)) {
        sse_rr(c, SSE_PUNPCKLQDQ, 0, 1);
        sse_rr(c, SSE_PUNPCKHQDQ, 2, 1);
    } else {
        sse_rr_imm(c, SSE_SHUFPS, 0, 1, 0x88);
        sse_rr_imm(c, SSE_SHUFPS, 2, 1, 0xdd);
    }
    sse_rr(c, sse_fp(SSE_ADD, packed_form(insn)), 0, 2);
    slow_unless_good(t, 0, false, lanes_of(insn));
    finish(t, 0);
}

static void add_pair_scalar(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    check_fp_mode(t, true);
    load_scalar(t, 0, insn->rn);
    sse_rm(t->c, is_double(insn) ? SSE_MOVQ : SSE_MOVD, 1, HOST_CPU,
           vector_offset(insn->rn) + (1 << insn->size));
    sse_rr(t->c, sse_fp(SSE_ADD, is_double(insn) ? SSE_SD : SSE_SS), 0, 1);
    slow_unless_good(t, 0, false, 1);
    store_vector(t, 0, insn->rd);
}

/* --- comparisons and conversions ---------------------------------------------------------------------------
 */

enum relation { EQUAL, LESS, LESS_OR_EQUAL };

/* b `relation` a, which is how SSE has "greater". `zero`: against zero; `swapped`: the other way round;
 * `magnitudes`: without signs. */
static void compare(struct translation_state *t, enum relation relation, bool zero, bool swapped,
                    bool magnitudes)
{
    const unsigned a = swapped, b = !swapped;
    check_fp_mode(t, false);
    load(t, a, t->insn->rn);
    if (zero)
        sse_rr(t->c, SSE_PXOR, b, b);
    else
        load(t, b, t->insn->rm);
    slow_if_unordered(t, 0, 1, lanes_of(t->insn));
    if (magnitudes) {
        sign_masks(t, 2, false);
        sse_rr(t->c, SSE_PAND, 0, 2);
        sse_rr(t->c, SSE_PAND, 1, 2);
    }
    sse_rr_imm(t->c, sse_fp(SSE_CMP, packed_form(t->insn)), 1, 0, relation);
    finish(t, 1);
}

static void round_integral(struct translation_state *t, unsigned rounding, bool exact)
{
    check_fp_mode(t, exact);
    load(t, 0, t->insn->rn);
    slow_if_unordered(t, 0, 0, lanes_of(t->insn));
    sse_rr_imm(t->c, is_double(t->insn) ? SSE_ROUNDPD : SSE_ROUNDPS, 0, 0, rounding);
    finish(t, 0);
}

/* Singles to 32-bit integers: what does not fit becomes the lowest integer, which is taken for slow. */
static bool to_integer(struct translation_state *t, unsigned rounding)
{
    struct x64 *c = t->c;
    if (is_double(t->insn))
        return false;
    check_fp_mode(t, true);
    load(t, 0, t->insn->rn);
    if (rounding != 3)
        sse_rr_imm(c, SSE_ROUNDPS, 0, 0, rounding);
    sse_rr(c, SSE_CVTTPS2DQ, 0, 0);
    sse_rr(c, SSE_PCMPEQD, 1, 1);
    sse_rr(c, SSE_MOVAPS, 2, 1);
    sse_shift(c, SSE_SHIFT_LEFT, 2, 1, 31);
    sse_rr(c, SSE_PCMPEQD, 1, 0);
    sse_rr(c, SSE_PXOR, 1, 2);
    slow_unless_all(t, 1, lanes_of(t->insn));
    finish(t, 0);
    return true;
}

/* The integer lane `index` of n as a number in xmm. Unsigned ones of 64 bits: as long as they are signed ones
 * too. */
static void lane_from_integer(struct translation_state *t, unsigned xmm, unsigned index, bool is_unsigned)
{
    const struct insn *insn = t->insn;
    const bool wide = is_double(insn);
    struct x64 *c = t->c;
    x64_load_sized(c, insn->size, !is_unsigned, 1, RAX, HOST_CPU,
                   vector_offset(insn->rn) + (int32_t)(index << insn->size));
    if (wide && is_unsigned) {
        x64_test(c, 1, RAX, RAX);
        slow_if(t, CC_S);
        t->flags = FLAGS_UNKNOWN;
    }
    sse_rr(c, SSE_PXOR, xmm, xmm);
    sse_rr_w(c, 1, wide ? SSE_CVTSI2SD : SSE_CVTSI2SS, xmm, RAX);
}

static void scalar_from_integer(struct translation_state *t, bool is_unsigned)
{
    check_fp_mode(t, true);
    lane_from_integer(t, 0, 0, is_unsigned);
    store_vector(t, 0, t->insn->rd);
}

static void doubles_from_integers(struct translation_state *t, bool is_unsigned)
{
    check_fp_mode(t, true);
    lane_from_integer(t, 0, 0, is_unsigned);
    lane_from_integer(t, 1, 1, is_unsigned);
    sse_rr(t->c, SSE_PUNPCKLQDQ, 0, 1);
    store_vector(t, 0, t->insn->rd);
}

/* 32-bit integers to singles; unsigned ones where they are small enough to be signed ones too. */
static void from_integer(struct translation_state *t, bool is_unsigned)
{
    if (is_double(t->insn)) {
        doubles_from_integers(t, is_unsigned);
        return;
    }
    check_fp_mode(t, true);
    load(t, 0, t->insn->rn);
    if (is_unsigned) {
        sse_rr(t->c, SSE_PCMPEQD, 1, 1);
        sse_rr(t->c, SSE_PXOR, 1, 0);
        slow_unless_all(t, 1, lanes_of(t->insn));
    }
    sse_rr(t->c, SSE_CVTDQ2PS, 0, 0);
    finish(t, 0);
}

/* Half q of n, singles to doubles. */
static void widen(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    check_fp_mode(t, false);
    sse_rm(t->c, SSE_MOVQ, 0, HOST_CPU, vector_offset(insn->rn) + 8 * insn->q);
    slow_if_unordered(t, 0, 0, 2);
    sse_rr(t->c, SSE_CVTPS2PD, 0, 0);
    store_vector(t, 0, insn->rd);
}

/* Doubles to singles, into half q of d. */
static void narrow(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    check_fp_mode(t, true);
    load_vector(t, 0, insn->rn, true);
    sse_rr(t->c, SSE_CVTPD2PS, 0, 0);
    slow_unless_good(t, 0, true, 2);
    if (insn->q) {
        load_vector(t, 1, insn->rd, false);
        sse_rr(t->c, SSE_PUNPCKLQDQ, 1, 0);
        store_vector(t, 1, insn->rd);
    } else {
        store_vector(t, 0, insn->rd);
    }
}

bool emit_simd_fp(struct translation_state *t)
{
    enum { NEAREST, DOWN, UP, TO_ZERO };
    if (t->insn->size < FP_SINGLE)
        return false;
    switch (t->insn->op) {
    case OP_fadd_v: arithmetic(t, SSE_ADD, false); return true;
    case OP_fsub_v: arithmetic(t, SSE_SUB, false); return true;
    case OP_fmul_v: arithmetic(t, SSE_MUL, false); return true;
    case OP_fdiv_v: arithmetic(t, SSE_DIV, false); return true;
    case OP_fmul_ve: arithmetic(t, SSE_MUL, true); return true;
    case OP_fmul_se: scalar_product(t); return true;
    case OP_fmla_v: return multiply_add(t, FMA_ADD, false);
    case OP_fmls_v: return multiply_add(t, FMA_NEGATED_ADD, false);
    case OP_fmla_ve: return multiply_add(t, FMA_ADD, true);
    case OP_fmls_ve: return multiply_add(t, FMA_NEGATED_ADD, true);
    case OP_fmla_se: return scalar_multiply_add(t, FMA_ADD);
    case OP_fmls_se: return scalar_multiply_add(t, FMA_NEGATED_ADD);
    case OP_fsqrt_v: square_root(t); return true;
    case OP_fabs_v: change_signs(t, false); return true;
    case OP_fneg_v: change_signs(t, true); return true;
    case OP_fabd_v: absolute_difference(t); return true;
    case OP_fmax_v:
    case OP_fmaxnm_v: extreme(t, true); return true;
    case OP_fmin_v:
    case OP_fminnm_v: extreme(t, false); return true;
    case OP_faddp_v: add_pairs(t); return true;
    case OP_faddp_s: add_pair_scalar(t); return true;
    case OP_fcmeq_v: compare(t, EQUAL, false, false, false); return true;
    case OP_fcmgt_v: compare(t, LESS, false, false, false); return true;
    case OP_fcmge_v: compare(t, LESS_OR_EQUAL, false, false, false); return true;
    case OP_facgt_v: compare(t, LESS, false, false, true); return true;
    case OP_facge_v: compare(t, LESS_OR_EQUAL, false, false, true); return true;
    case OP_fcmeq0_v: compare(t, EQUAL, true, false, false); return true;
    case OP_fcmgt0_v: compare(t, LESS, true, false, false); return true;
    case OP_fcmge0_v: compare(t, LESS_OR_EQUAL, true, false, false); return true;
    case OP_fcmlt0_v: compare(t, LESS, true, true, false); return true;
    case OP_fcmle0_v: compare(t, LESS_OR_EQUAL, true, true, false); return true;
    case OP_frintn_v:
    case OP_frinti_v: round_integral(t, NEAREST, false); return true;
    case OP_frintp_v: round_integral(t, UP, false); return true;
    case OP_frintm_v: round_integral(t, DOWN, false); return true;
    case OP_frintz_v: round_integral(t, TO_ZERO, false); return true;
    case OP_frintx_v: round_integral(t, NEAREST, true); return true;
    case OP_fcvtzs_v: return to_integer(t, TO_ZERO);
    case OP_fcvtns_v: return to_integer(t, NEAREST);
    case OP_fcvtms_v: return to_integer(t, DOWN);
    case OP_fcvtps_v: return to_integer(t, UP);
    case OP_scvtf_v: from_integer(t, false); return true;
    case OP_ucvtf_v: from_integer(t, true); return true;
    case OP_scvtf_s: scalar_from_integer(t, false); return true;
    case OP_ucvtf_s: scalar_from_integer(t, true); return true;
    case OP_fcvtl_v:
        if (t->insn->size == FP_SINGLE)
            widen(t);
        return t->insn->size == FP_SINGLE;
    case OP_fcvtn_v:
        if (t->insn->size == FP_SINGLE)
            narrow(t);
        return t->insn->size == FP_SINGLE;
    default: return false;
    }
}
