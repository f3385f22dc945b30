/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Integer AdvSIMD between widths: what takes half a register to a whole one and back. */
#include "jit/translate_simd.h"

static const by_size sign_extend = {SSE_PMOVSXBW, SSE_PMOVSXWD, SSE_PMOVSXDQ};
static const by_size zero_extend = {SSE_PMOVZXBW, SSE_PMOVZXWD, SSE_PMOVZXDQ};

/* Half q of a register, its lanes extended, in xmm. Of a scalar its only lane. */
static void load_half(struct translation_state *t, const by_size extend, unsigned xmm, unsigned reg)
{
    unsigned from = simd_operand(t, reg, t->insn->size, xmm);
    if (t->insn->q) {
        vec_unary_imm(t->c, SSE_PSHUFD, xmm, from, 0xee);
        from = xmm;
    }
    vec_unary(t->c, extend[t->insn->size], xmm, from);
}

static void finish_whole(struct translation_state *t, unsigned xmm)
{
    vector_done(t, t->insn->rd, xmm, 16, 16);
}

/* --- longer ------------------------------------------------------------------------------------------ */

static void widen_shifted(struct translation_state *t, const by_size extend, unsigned amount)
{
    const unsigned d = simd_to(t, 0);
    load_half(t, extend, 0, t->insn->rn);
    if (amount)
        vec_shift(t->c, SSE_SHIFT_LEFT, t->insn->size + 1u, d, 0, amount);
    else
        vec_move(t->c, d, 0);
    finish_whole(t, d);
}

static void widen_sum(struct translation_state *t, const by_size extend, const by_size op, bool wide_n)
{
    const unsigned d = simd_to(t, 0);
    unsigned n = 0;
    if (wide_n)
        n = vector_use(t, t->insn->rn, 0);
    else
        load_half(t, extend, 0, t->insn->rn);
    load_half(t, extend, 1, t->insn->rm);
    vec_op(t->c, op[t->insn->size + 1], d, n, 1);
    finish_whole(t, d);
}

/* One element, in the places that load_half() would leave those of half a register in. */
static void load_element(struct translation_state *t, const by_size extend, unsigned xmm)
{
    simd_element(t, xmm);
    vec_unary(t->c, extend[t->insn->size], xmm, xmm);
}

static void widen_product(struct translation_state *t, bool is_signed, const enum sse_op *into, bool element)
{
    const unsigned size = t->insn->size;
    const enum sse_op *extend = is_signed ? sign_extend : zero_extend;
    const enum sse_op multiply = size == 0   ? SSE_PMULLW
                                 : size == 1 ? SSE_PMULLD
                                 : is_signed ? SSE_PMULDQ
                                             : SSE_PMULUDQ;
    const unsigned d = simd_to(t, 0);
    load_half(t, extend, 0, t->insn->rn);
    if (element)
        load_element(t, extend, 1);
    else
        load_half(t, extend, 1, t->insn->rm);
    if (into) {
        const unsigned old = vector_use(t, t->insn->rd, 2);
        vec_op(t->c, multiply, 1, 0, 1);
        vec_op(t->c, into[size + 1], d, old, 1);
    } else {
        vec_op(t->c, multiply, d, 0, 1);
    }
    finish_whole(t, d);
}

/* Doubled products of signed lanes. Only the lowest number times itself overflows, to the lowest one. */
static void widen_doubled_product(struct translation_state *t, const by_size into, bool element)
{
    const unsigned wide = t->insn->size + 1u;
    const bool scalar = vector_is_scalar(t->insn);
    const uint64_t lowest = wide == 3 ? 1ull << 63 : simd_every_lane(2, 1u << 31);
    struct x64 *c = t->c;
    load_half(t, sign_extend, 0, t->insn->rn);
    if (element)
        load_element(t, sign_extend, 1);
    else
        load_half(t, sign_extend, 1, t->insn->rm);
    vec_op(c, wide == 3 ? SSE_PMULDQ : SSE_PMULLD, 0, 0, 1);
    vec_op(c, simd_adds[wide], 0, 0, 0);
    vec_op_at(c, simd_equals[wide], 1, 0, vector_constant_twice(t, lowest));
    vec_op(c, SSE_PXOR, 0, 0, 1);
    if (into)
        simd_add_saturated(t, wide, scalar ? simd_operand(t, t->insn->rd, wide, 2) : vector_use(t, t->insn->rd, 2),
                           into == simd_subs);
    simd_note_saturation(t, 1);
    vector_done(t, t->insn->rd, 0, 16, scalar ? 1u << wide : 16);
}

static void widen_difference(struct translation_state *t, const by_size extend, bool accumulate)
{
    const unsigned wide = t->insn->size + 1u, d = simd_to(t, 0);
    load_half(t, extend, 0, t->insn->rn);
    load_half(t, extend, 1, t->insn->rm);
    vec_op(t->c, simd_subs[wide], 0, 0, 1);
    if (accumulate) {
        const unsigned old = vector_use(t, t->insn->rd, 2);
        simd_absolute(t, wide, 0, 0, 1);
        vec_op(t->c, simd_adds[wide], d, old, 0);
    } else {
        simd_absolute(t, wide, d, 0, 1);
    }
    finish_whole(t, d);
}

/* Rows of eight bytes of n times those of m: four sums of eight products, added to words. */
static void matrix_product(struct translation_state *t, bool n_signed, bool m_signed)
{
    const struct insn *insn = t->insn;
    struct x64 *c = t->c;
    const unsigned regs[2] = {insn->rn, insn->rm};
    const bool is_signed[2] = {n_signed, m_signed};
    for (unsigned i = 0; i < 2; i++) { /* n's rows in xmm0 and xmm1, m's in xmm2 and xmm3 */
        const enum sse_op extend = is_signed[i] ? SSE_PMOVSXBW : SSE_PMOVZXBW;
        const unsigned rows = vector_use(t, regs[i], 2 * i);
        vec_unary_imm(c, SSE_PSHUFD, 2 * i + 1, rows, 0xee);
        vec_unary(c, extend, 2 * i, rows);
        vec_unary(c, extend, 2 * i + 1, 2 * i + 1);
    }
    vec_op(c, SSE_PMADDWD, 4, 0, 2);
    vec_op(c, SSE_PMADDWD, 0, 0, 3);
    vec_op(c, SSE_PHADDD, 4, 4, 0);
    vec_op(c, SSE_PMADDWD, 2, 1, 2);
    vec_op(c, SSE_PMADDWD, 1, 1, 3);
    vec_op(c, SSE_PHADDD, 2, 2, 1);
    vec_op(c, SSE_PHADDD, 4, 4, 2);
    const unsigned old = vector_use(t, insn->rd, 0), d = simd_to(t, 0);
    vec_op(c, SSE_PADDD, d, old, 4);
    finish_whole(t, d);
}

/* --- narrower ---------------------------------------------------------------------------------------- */

/* Of n's lanes (of twice insn->size) the half that starts at byte `from`, into half q of d. Uses xmm2, xmm3. */
void simd_narrow(struct translation_state *t, unsigned n, unsigned from)
{
    const struct insn *insn = t->insn;
    const unsigned size = insn->size, each = 1u << size;
    uint64_t places = 0;
    for (unsigned i = 0; i < 8; i++)
        places |= (uint64_t)(i / each * 2 * each + i % each + from) << 8 * i;
    const uint64_t shuffle = vector_constant(t, places, 0x8080808080808080);
    const unsigned d = simd_to(t, 2);
    if (insn->q) {
        vec_op_at(t->c, SSE_PSHUFB, 2, n, shuffle);
        const unsigned old = vector_use_low(t, insn->rd, 3, 8);
        vec_op(t->c, SSE_PUNPCKLQDQ, d, old, 2);
        vector_done(t, insn->rd, d, 16, 16);
    } else {
        vec_op_at(t->c, SSE_PSHUFB, d, n, shuffle);
        vector_done(t, insn->rd, d, 16, 8);
    }
}

/* xmm0 (of n's wide lanes) shifted to the right, narrow. What a carry out of a wide lane's rounding would be is cut
 * off. */
static void narrow_shifted(struct translation_state *t, unsigned n, unsigned amount, bool rounded)
{
    const unsigned wide = t->insn->size + 1u, each = 1u << t->insn->size;
    if (rounded) {
        vec_op_at(t->c, simd_adds[wide], 0, n, vector_constant_twice(t, simd_every_lane(wide, 1ull << (amount - 1))));
        n = 0;
    }
    if (amount % 8 == 0 && amount / 8 <= each) {
        simd_narrow(t, n, amount / 8);
        return;
    }
    vec_shift(t->c, SSE_SHIFT_RIGHT, wide, 0, n, amount);
    simd_narrow(t, 0, 0);
}

static void narrow(struct translation_state *t, unsigned amount, bool rounded)
{
    narrow_shifted(t, vector_use(t, t->insn->rn, 0), amount, rounded);
}

static void narrow_sum(struct translation_state *t, const by_size op, bool rounded)
{
    const struct insn *insn = t->insn;
    const unsigned n = vector_use(t, insn->rn, 0), m = vector_use(t, insn->rm, 1);
    vec_op(t->c, op[insn->size + 1], 0, n, m);
    narrow_shifted(t, 0, 8u << insn->size, rounded);
}

bool emit_simd_wide(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    switch (insn->op) {
    case OP_sshll_vec: widen_shifted(t, sign_extend, insn->amount); return true;
    case OP_ushll_vec: widen_shifted(t, zero_extend, insn->amount); return true;
    case OP_shll_vec: widen_shifted(t, zero_extend, 8u << insn->size); return true;
    case OP_saddl_vec: widen_sum(t, sign_extend, simd_adds, false); return true;
    case OP_uaddl_vec: widen_sum(t, zero_extend, simd_adds, false); return true;
    case OP_saddw_vec: widen_sum(t, sign_extend, simd_adds, true); return true;
    case OP_uaddw_vec: widen_sum(t, zero_extend, simd_adds, true); return true;
    case OP_ssubl_vec: widen_sum(t, sign_extend, simd_subs, false); return true;
    case OP_usubl_vec: widen_sum(t, zero_extend, simd_subs, false); return true;
    case OP_ssubw_vec: widen_sum(t, sign_extend, simd_subs, true); return true;
    case OP_usubw_vec: widen_sum(t, zero_extend, simd_subs, true); return true;
    case OP_smull_vec: widen_product(t, true, NULL, false); return true;
    case OP_umull_vec: widen_product(t, false, NULL, false); return true;
    case OP_smlal_vec: widen_product(t, true, simd_adds, false); return true;
    case OP_umlal_vec: widen_product(t, false, simd_adds, false); return true;
    case OP_smlsl_vec: widen_product(t, true, simd_subs, false); return true;
    case OP_umlsl_vec: widen_product(t, false, simd_subs, false); return true;
    case OP_smull_elem: widen_product(t, true, NULL, true); return true;
    case OP_umull_elem: widen_product(t, false, NULL, true); return true;
    case OP_smlal_elem: widen_product(t, true, simd_adds, true); return true;
    case OP_umlal_elem: widen_product(t, false, simd_adds, true); return true;
    case OP_smlsl_elem: widen_product(t, true, simd_subs, true); return true;
    case OP_umlsl_elem: widen_product(t, false, simd_subs, true); return true;
    case OP_sqdmull_vec:
    case OP_sqdmull_scalar: widen_doubled_product(t, NULL, false); return true;
    case OP_sqdmlal_vec:
    case OP_sqdmlal_scalar: widen_doubled_product(t, simd_adds, false); return true;
    case OP_sqdmlsl_vec:
    case OP_sqdmlsl_scalar: widen_doubled_product(t, simd_subs, false); return true;
    case OP_sqdmull_elem:
    case OP_sqdmull_elem_scalar: widen_doubled_product(t, NULL, true); return true;
    case OP_sqdmlal_elem:
    case OP_sqdmlal_elem_scalar: widen_doubled_product(t, simd_adds, true); return true;
    case OP_sqdmlsl_elem:
    case OP_sqdmlsl_elem_scalar: widen_doubled_product(t, simd_subs, true); return true;
    case OP_sabdl_vec: widen_difference(t, sign_extend, false); return true;
    case OP_uabdl_vec: widen_difference(t, zero_extend, false); return true;
    case OP_sabal_vec: widen_difference(t, sign_extend, true); return true;
    case OP_uabal_vec: widen_difference(t, zero_extend, true); return true;
    case OP_smmla_vec: matrix_product(t, true, true); return true;
    case OP_ummla_vec: matrix_product(t, false, false); return true;
    case OP_usmmla_vec: matrix_product(t, false, true); return true;
    case OP_xtn_vec: narrow(t, 0, false); return true;
    case OP_shrn_vec: narrow(t, insn->amount, false); return true;
    case OP_rshrn_vec: narrow(t, insn->amount, true); return true;
    case OP_addhn_vec: narrow_sum(t, simd_adds, false); return true;
    case OP_raddhn_vec: narrow_sum(t, simd_adds, true); return true;
    case OP_subhn_vec: narrow_sum(t, simd_subs, false); return true;
    case OP_rsubhn_vec: narrow_sum(t, simd_subs, true); return true;
    default: return false;
    }
}
