/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Floating-point AdvSIMD on SSE or AVX, exactly: as translate_fp.c has it, for all lanes at once. Operations on the
 * lower half find zeroes in the upper one, which raise nothing. */
#include "jit/translate_fp.h"

/* One element, and zeroes. */
static unsigned scalar(struct translation_state *t, unsigned reg, unsigned temp)
{
    return vector_use_clear(t, reg, temp, fp_bytes(t->insn));
}

/* The element of m that an operation by element takes, in the lowest place, with anything above. */
static unsigned element(struct translation_state *t, unsigned temp)
{
    const struct insn *insn = t->insn;
    if (!insn->amount)
        return vector_use_low(t, insn->rm, temp, fp_bytes(insn));
    const unsigned m = vector_use(t, insn->rm, temp);
    vec_unary_imm(t->c, SSE_PSHUFD, temp, m, fp_is_double(insn) ? 0xee : insn->amount * 0x55);
    return temp;
}

/* The same in every lane that counts, or (unless `each`) Rm itself. */
static unsigned second(struct translation_state *t, unsigned temp, bool each)
{
    const struct insn *insn = t->insn;
    if (!each)
        return fp_vector_use(t, insn->rm, temp);
    const unsigned m = vector_use(t, insn->rm, temp);
    const unsigned lanes = fp_is_double(insn) ? (insn->amount ? 0xee : 0x44) : insn->amount * 0x55u;
    vec_unary_imm(t->c, SSE_PSHUFD, temp, m, lanes);
    if (!insn->q)
        vec_unary(t->c, SSE_MOVQ, temp, temp);
    return temp;
}

static uint32_t bits_n_m(const struct insn *insn)
{
    return 1u << insn->rn | 1u << insn->rm;
}

/* --- arithmetic -------------------------------------------------------------------------------------- */

/* Of half vectors 0 / 0 would be left in the upper lanes: the halves are doubled. */
static unsigned doubled(struct translation_state *t, unsigned xmm, unsigned temp)
{
    if (t->insn->q)
        return xmm;
    vec_op(t->c, SSE_PUNPCKLQDQ, temp, xmm, xmm);
    return temp;
}

/* FMULX has two for zero times infinity, and raises nothing there: infinities are left to exec_. */
static void slow_if_infinite(struct translation_state *t, enum sse_form form, unsigned n, unsigned m)
{
    const unsigned power = fp_is_double(t->insn) ? 1024 : 128;
    slow_if_from(t, form, n, power);
    slow_if_from(t, form, m, power);
}

static void multiply_extended(struct translation_state *t, bool by_element)
{
    const struct insn *insn = t->insn;
    const enum sse_form form = fp_packed_form(insn);
    arm_fp(t);
    const unsigned n = fp_vector_use(t, insn->rn, 0), m = second(t, 1, by_element);
    slow_if_infinite(t, form, n, m);
    vec_op(t->c, sse_fp(SSE_MUL, form), 2, n, m);
    slow_if_nan_or_least(t, form, 2);
    vector_finish(t, 2, vector_length(insn));
}

static void arithmetic(struct translation_state *t, enum sse_op op, bool by_element)
{
    const struct insn *insn = t->insn;
    const enum sse_form form = fp_packed_form(insn);
    arm_fp(t);
    unsigned n = fp_vector_use(t, insn->rn, 0), m = second(t, 1, by_element);
    if (op == SSE_DIV) {
        n = doubled(t, n, 0);
        m = doubled(t, m, 1);
    }
    const unsigned r = vector_apart(t, insn->rd, 2, bits_n_m(insn));
    vec_op(t->c, sse_fp(op, form), r, n, m);
    if (op == SSE_ADD || op == SSE_SUB)
        slow_if_nan(t, form, r);
    else
        slow_if_nan_or_least(t, form, r);
    vector_finish(t, r, op == SSE_DIV ? 16 : vector_length(insn));
}

static bool multiply_add(struct translation_state *t, enum fma_op op, bool by_element)
{
    const struct insn *insn = t->insn;
    if (!fp_host_has_fma())
        return false;
    arm_fp(t);
    const unsigned a = fp_vector_use(t, insn->rd, 3), n = fp_vector_use(t, insn->rn, 0), m = second(t, 1, by_element);
    vec_move(t->c, 2, a);
    vec_fma(t->c, op, fp_packed_form(insn), 2, n, m);
    slow_if_nan_or_least(t, fp_packed_form(insn), 2);
    vector_finish(t, 2, vector_length(insn));
    return true;
}

static void scalar_product(struct translation_state *t, bool extended)
{
    const struct insn *insn = t->insn;
    const enum sse_form form = fp_scalar_form(insn);
    arm_fp(t);
    const unsigned n = scalar(t, insn->rn, 0), m = element(t, 1), r = vector_apart(t, insn->rd, 2, bits_n_m(insn));
    if (extended)
        slow_if_infinite(t, form, n, m);
    vec_op(t->c, sse_fp(SSE_MUL, form), r, n, m);
    slow_if_nan_or_least(t, form, r);
    vector_done(t, insn->rd, r, 16, fp_bytes(insn));
}

static bool scalar_multiply_add(struct translation_state *t, enum fma_op op)
{
    const struct insn *insn = t->insn;
    const enum sse_form form = fp_scalar_form(insn);
    if (!fp_host_has_fma())
        return false;
    arm_fp(t);
    const unsigned a = scalar(t, insn->rd, 3), n = vector_use_low(t, insn->rn, 0, fp_bytes(insn)),
                   m = element(t, 1);
    vec_move(t->c, 2, a);
    vec_fma(t->c, op, form, 2, n, m);
    slow_if_nan_or_least(t, form, 2);
    vector_done(t, insn->rd, 2, 16, fp_bytes(insn));
    return true;
}

/* A root is never tiny. */
static void square_root(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    const enum sse_form form = fp_packed_form(insn);
    arm_fp(t);
    const unsigned n = fp_vector_use(t, insn->rn, 0), r = vector_apart(t, insn->rd, 2, 1u << insn->rn);
    vec_unary(t->c, sse_fp(SSE_SQRT, form), r, n);
    slow_if_nan(t, form, r);
    vector_finish(t, r, vector_length(insn));
}

static void change_signs(struct translation_state *t, bool negate)
{
    const struct insn *insn = t->insn;
    const enum sse_form form = fp_packed_form(insn);
    const unsigned n = vector_use(t, insn->rn, 0), d = vector_destination(t, insn->rd, 0);
    if (negate)
        vec_op_at(t->c, SSE_PXOR, d, n, sign_mask(t, form));
    else
        vec_op_at(t->c, SSE_PAND, d, n, magnitude_mask(t, form));
    vector_finish(t, d, 16);
}

static void absolute_difference(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    const enum sse_form form = fp_packed_form(insn);
    arm_fp(t);
    const unsigned n = fp_vector_use(t, insn->rn, 0), m = fp_vector_use(t, insn->rm, 1);
    vec_op(t->c, sse_fp(SSE_SUB, form), 2, n, m);
    slow_if_nan(t, form, 2);
    const unsigned d = vector_destination(t, insn->rd, 2);
    vec_op_at(t->c, SSE_PAND, d, 2, magnitude_mask(t, form));
    vector_finish(t, d, vector_length(insn));
}

static void scalar_difference(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    const enum sse_form form = fp_scalar_form(insn);
    arm_fp(t);
    const unsigned n = scalar(t, insn->rn, 0), m = vector_use_low(t, insn->rm, 1, fp_bytes(insn));
    vec_op(t->c, sse_fp(SSE_SUB, form), 2, n, m);
    slow_if_nan(t, form, 2);
    const unsigned d = vector_destination(t, insn->rd, 2);
    vec_op_at(t->c, SSE_PAND, d, 2, magnitude_mask(t, form));
    vector_done(t, insn->rd, d, 16, fp_bytes(insn));
}

/* --- the greatest and the least ---------------------------------------------------------------------- */

/* d = the greater (lesser) lanes of xmm0 and xmm1; see extreme() of translate_fp.c. Uses xmm2, xmm5, rax. */
static void extreme_of(struct translation_state *t, bool greatest, unsigned n, unsigned m)
{
    const enum sse_form form = fp_packed_form(t->insn);
    const enum sse_op op = sse_fp(greatest ? SSE_MAX : SSE_MIN, form);
    vec_op_imm(t->c, sse_fp(SSE_CMP, form), 5, n, m, 3); /* unordered */
    slow_if_any_sign(t, form, 5);
    vec_op(t->c, op, 2, n, m);
    vec_op(t->c, op, 5, m, n);
    vec_op(t->c, greatest ? SSE_PAND : SSE_POR, 2, 2, 5);
}

static void extreme(struct translation_state *t, bool greatest)
{
    arm_fp(t);
    const unsigned n = fp_vector_use(t, t->insn->rn, 0), m = fp_vector_use(t, t->insn->rm, 1);
    extreme_of(t, greatest, n, m);
    vector_finish(t, 2, vector_length(t->insn));
}

/* The elements of Rm:Rn with even numbers in xmm3, those with odd ones in xmm4. With q = 0 both have them twice. */
static void split_pairs(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    struct x64 *c = t->c;
    unsigned n = vector_use(t, insn->rn, 0), m = vector_use(t, insn->rm, 1);
    if (!insn->q) {
        vec_op(c, SSE_PUNPCKLQDQ, 0, n, m);
        n = m = 0;
    }
    if (fp_is_double(insn)) {
        vec_op(c, SSE_PUNPCKLQDQ, 3, n, m);
        vec_op(c, SSE_PUNPCKHQDQ, 4, n, m);
    } else {
        vec_op_imm(c, SSE_SHUFPS, 3, n, m, 0x88);
        vec_op_imm(c, SSE_SHUFPS, 4, n, m, 0xdd);
    }
}

static void add_pairs(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    const enum sse_form form = fp_packed_form(insn);
    arm_fp(t);
    split_pairs(t);
    vec_op(t->c, sse_fp(SSE_ADD, form), 2, 3, 4);
    slow_if_nan(t, form, 2);
    vector_finish(t, 2, 16);
}

static void extreme_pairs(struct translation_state *t, bool greatest)
{
    arm_fp(t);
    split_pairs(t);
    extreme_of(t, greatest, 3, 4);
    vector_finish(t, 2, 16);
}

/* The second element of n in the first place. */
static unsigned second_of_n(struct translation_state *t, unsigned n, unsigned temp)
{
    vec_unary_imm(t->c, SSE_PSHUFD, temp, n, fp_is_double(t->insn) ? 0xee : 0x55);
    return temp;
}

static void add_pair_scalar(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    const enum sse_form form = fp_scalar_form(insn);
    arm_fp(t);
    const unsigned n = vector_use(t, insn->rn, 0), r = vector_apart(t, insn->rd, 2, 1u << insn->rn);
    const unsigned odd = second_of_n(t, n, 1);
    vec_op(t->c, sse_fp(SSE_ADD, form), r, n, odd);
    slow_if_nan(t, form, r);
    vector_done(t, insn->rd, r, fp_bytes(insn), 16);
}

/* Of two elements, or four folded twice. What lies in lanes that do not count is doubled from ones that do. */
static void extreme_across(struct translation_state *t, bool greatest, bool four)
{
    const struct insn *insn = t->insn;
    arm_fp(t);
    unsigned n = vector_use(t, insn->rn, 0);
    if (!four && !fp_is_double(insn)) {
        vec_op(t->c, SSE_PUNPCKLQDQ, 0, n, n);
        n = 0;
    }
    if (four) {
        vec_unary_imm(t->c, SSE_PSHUFD, 1, n, 0x4e);
        extreme_of(t, greatest, n, 1);
        vec_move(t->c, 3, 2);
        n = 3;
    }
    vec_unary_imm(t->c, SSE_PSHUFD, 1, n, fp_is_double(insn) ? 0x4e : 0xb1);
    extreme_of(t, greatest, n, 1);
    vector_done(t, insn->rd, 2, fp_bytes(insn), 16);
}

/* --- comparisons ------------------------------------------------------------------------------------- */

enum relation { EQUAL, LESS, LESS_OR_EQUAL };

/* b `relation` a, which is how SSE has "greater"; it raises what the guest does. `zero`: against zero; `swapped`: the
 * other way round; `magnitudes`: without signs. */
static void compare(struct translation_state *t, enum relation relation, bool zero, bool swapped, bool magnitudes,
                    bool one)
{
    const struct insn *insn = t->insn;
    const enum sse_form form = one ? fp_scalar_form(insn) : fp_packed_form(insn);
    arm_fp(t);
    unsigned n = one ? scalar(t, insn->rn, 0) : fp_vector_use(t, insn->rn, 0), m = 1;
    if (zero)
        vec_zero(t->c, 1);
    else
        m = one ? scalar(t, insn->rm, 1) : fp_vector_use(t, insn->rm, 1);
    if (magnitudes) {
        const uint64_t mask = magnitude_mask(t, form);
        vec_op_at(t->c, SSE_PAND, 0, n, mask);
        vec_op_at(t->c, SSE_PAND, 1, m, mask);
        n = 0;
        m = 1;
    }
    const unsigned a = swapped ? m : n, b = swapped ? n : m, d = vector_destination(t, insn->rd, 2);
    vec_op_imm(t->c, sse_fp(SSE_CMP, form), d, b, a, relation);
    if (one)
        vector_done(t, insn->rd, d, 16, fp_bytes(insn));
    else
        vector_finish(t, d, 16);
}

bool emit_simd_fp(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    if (insn->op == OP_fcvtl_v || insn->op == OP_fcvtn_v || insn->op == OP_fcvtxn_s) /* whose size is another */
        return emit_simd_convert(t);
    if (insn->size < FP_SINGLE)
        return emit_bf16(t) || emit_simd_half(t);
    switch (insn->op) {
    case OP_fadd_v: arithmetic(t, SSE_ADD, false); return true;
    case OP_fsub_v: arithmetic(t, SSE_SUB, false); return true;
    case OP_fmul_v: arithmetic(t, SSE_MUL, false); return true;
    case OP_fdiv_v: arithmetic(t, SSE_DIV, false); return true;
    case OP_fmul_ve: arithmetic(t, SSE_MUL, true); return true;
    case OP_fmulx_v: multiply_extended(t, false); return true;
    case OP_fmulx_ve: multiply_extended(t, true); return true;
    case OP_fmul_se: scalar_product(t, false); return true;
    case OP_fmulx_s:
    case OP_fmulx_se: scalar_product(t, true); return true;
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
    case OP_fabd_s: scalar_difference(t); return true;
    case OP_fmax_v:
    case OP_fmaxnm_v: extreme(t, true); return true;
    case OP_fmin_v:
    case OP_fminnm_v: extreme(t, false); return true;
    case OP_fmaxp_v:
    case OP_fmaxnmp_v: extreme_pairs(t, true); return true;
    case OP_fminp_v:
    case OP_fminnmp_v: extreme_pairs(t, false); return true;
    case OP_fmaxp_s:
    case OP_fmaxnmp_s: extreme_across(t, true, false); return true;
    case OP_fminp_s:
    case OP_fminnmp_s: extreme_across(t, false, false); return true;
    case OP_fmaxv:
    case OP_fmaxnmv: extreme_across(t, true, true); return true;
    case OP_fminv:
    case OP_fminnmv: extreme_across(t, false, true); return true;
    case OP_faddp_v: add_pairs(t); return true;
    case OP_faddp_s: add_pair_scalar(t); return true;
#define COMPARE(name, relation, zero, swapped, magnitudes)                                                   \
    case OP_##name##_v: compare(t, relation, zero, swapped, magnitudes, false); return true;                 \
    case OP_##name##_s: compare(t, relation, zero, swapped, magnitudes, true); return true;
        COMPARE(fcmeq, EQUAL, false, false, false)
        COMPARE(fcmgt, LESS, false, false, false)
        COMPARE(fcmge, LESS_OR_EQUAL, false, false, false)
        COMPARE(facgt, LESS, false, false, true)
        COMPARE(facge, LESS_OR_EQUAL, false, false, true)
        COMPARE(fcmeq0, EQUAL, true, false, false)
        COMPARE(fcmgt0, LESS, true, false, false)
        COMPARE(fcmge0, LESS_OR_EQUAL, true, false, false)
        COMPARE(fcmlt0, LESS, true, true, false)
        COMPARE(fcmle0, LESS_OR_EQUAL, true, true, false)
#undef COMPARE
    default: return emit_simd_convert(t) || emit_estimate(t) || emit_complex(t);
    }
}
