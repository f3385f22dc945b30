/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Integer AdvSIMD: what goes across lanes: sums of neighbours, sums and extremes of all, dot products. */
#include "jit/translate_simd.h"

/* --- neighbours -------------------------------------------------------------------------------------- */

/* Sums of neighbours in lanes twice as wide, in xmm2. Uses xmm1, xmm5. Where there is a multiplication that adds, it
 * does it: of bytes with ones, of halfwords with ones. */
static void sum_neighbours(struct translation_state *t, bool is_signed, unsigned n)
{
    const unsigned size = t->insn->size, wide = size + 1u, bits = 8u << size;
    struct x64 *c = t->c;
    if (size == 0) {
        const uint64_t ones = vector_constant_twice(t, simd_every_lane(0, 1));
        if (is_signed) { /* unsigned ones times signed bytes */
            vec_unary_at(c, SSE_MOVAPS, 1, ones);
            vec_op(c, SSE_PMADDUBSW, 2, 1, n);
        } else {
            vec_op_at(c, SSE_PMADDUBSW, 2, n, ones);
        }
        return;
    }
    if (size == 1 && is_signed) {
        vec_op_at(c, SSE_PMADDWD, 2, n, vector_constant_twice(t, simd_every_lane(1, 1)));
        return;
    }
    vec_shift(c, SSE_SHIFT_LEFT, wide, 2, n, bits);
    simd_shift_right(t, wide, 2, 2, bits, is_signed);
    simd_shift_right(t, wide, 1, n, bits, is_signed);
    vec_op(c, simd_adds[wide], 2, 2, 1);
}

static void pair_sums(struct translation_state *t, bool is_signed, bool accumulate)
{
    const unsigned n = simd_n(t, 0);
    sum_neighbours(t, is_signed, n);
    unsigned r = 2;
    if (accumulate) {
        const unsigned old = simd_d(t, 1);
        r = simd_to(t, 2);
        vec_op(t->c, simd_adds[t->insn->size + 1], r, old, 2);
    }
    simd_finish(t, r);
}

/* --- across ------------------------------------------------------------------------------------------ */

/* Folds the lanes of `n` into xmm0's lowest. With q = 0 only the lower half is there, and what comes in from above
 * goes to other lanes than those looked at. Uses xmm1. */
static void fold(struct translation_state *t, enum sse_op op, unsigned size, unsigned n)
{
    for (unsigned bytes = t->insn->q ? 8 : 4; bytes >= 1u << size; bytes /= 2) {
        vec_shift(t->c, SSE_SHIFT_BYTES_RIGHT, 3, 1, n, bytes);
        vec_op(t->c, op, 0, n, 1);
        n = 0;
    }
}

/* The lowest lane of xmm0 and nothing else into d. */
static void finish_lane(struct translation_state *t, unsigned size)
{
    if (size >= 2) {
        vector_done(t, t->insn->rd, 0, 1u << size, 16);
        return;
    }
    const unsigned d = simd_to(t, 0);
    vec_op_at(t->c, SSE_PAND, d, 0, vector_constant(t, size ? UINT16_MAX : UINT8_MAX, 0));
    vector_done(t, t->insn->rd, d, 16, 4);
}

static void across(struct translation_state *t, const by_size op)
{
    fold(t, op[t->insn->size], t->insn->size, simd_n(t, 0));
    finish_lane(t, t->insn->size);
}

/* Bytes are summed by the host's sum of differences from zero. */
static bool sum_bytes(struct translation_state *t, unsigned size)
{
    if (t->insn->size || size > 1)
        return false;
    const unsigned n = vector_use_clear(t, t->insn->rn, 0, vector_length(t->insn));
    vec_zero(t->c, 1);
    vec_op(t->c, SSE_PSADBW, 0, n, 1);
    if (t->insn->q) {
        vec_unary_imm(t->c, SSE_PSHUFD, 1, 0, 0xee);
        vec_op(t->c, SSE_PADDD, 0, 0, 1);
    }
    finish_lane(t, size);
    return true;
}

/* The sum in a lane twice as wide: of neighbours, and those folded. */
static void across_long(struct translation_state *t, bool is_signed)
{
    const unsigned wide = t->insn->size + 1u;
    if (!is_signed && sum_bytes(t, wide))
        return;
    const unsigned n = simd_n(t, 0);
    sum_neighbours(t, is_signed, n);
    fold(t, simd_adds[wide], wide, 2);
    finish_lane(t, wide);
}

/* --- dot products ------------------------------------------------------------------------------------ */

/* Products of four bytes each added to words: by halfwords, the even ones and the odd ones, which multiply and add to
 * words by themselves. One operand is extended with zeroes where it is unsigned. Uses xmm0 to xmm5. */
static void dot_product(struct translation_state *t, bool n_signed, bool m_signed, bool element)
{
    const struct insn *insn = t->insn;
    struct x64 *c = t->c;
    const unsigned n = simd_n(t, 0);
    unsigned m;
    if (element) {
        const unsigned whole = vector_use(t, insn->rm, 1);
        vec_unary_imm(c, SSE_PSHUFD, 1, whole, insn->amount * 0x55u);
        m = 1;
    } else {
        m = simd_m(t, 1);
    }
    for (unsigned odd = 0; odd < 2; odd++) { /* n's in xmm2, m's in xmm3; the first sum in xmm4 */
        const unsigned from[2] = {n, m};
        const bool is_signed[2] = {n_signed, m_signed};
        for (unsigned i = 0; i < 2; i++) {
            const unsigned to = 2 + i;
            if (odd) {
                vec_shift(c, is_signed[i] ? SSE_SHIFT_RIGHT_SIGNED : SSE_SHIFT_RIGHT, 1, to, from[i], 8);
            } else if (is_signed[i]) {
                vec_shift(c, SSE_SHIFT_LEFT, 1, to, from[i], 8);
                vec_shift(c, SSE_SHIFT_RIGHT_SIGNED, 1, to, to, 8);
            } else {
                vec_op_at(c, SSE_PAND, to, from[i], vector_constant_twice(t, 0x00ff00ff00ff00ff));
            }
        }
        vec_op(c, SSE_PMADDWD, odd ? 2 : 4, 2, 3);
    }
    vec_op(c, SSE_PADDD, 4, 4, 2);
    const unsigned old = simd_d(t, 0), d = simd_to(t, 0);
    vec_op(c, SSE_PADDD, d, old, 4);
    simd_finish(t, d);
}

bool emit_simd_across(struct translation_state *t)
{
    switch (t->insn->op) {
    case OP_saddlp_vec: pair_sums(t, true, false); return true;
    case OP_uaddlp_vec: pair_sums(t, false, false); return true;
    case OP_sadalp_vec: pair_sums(t, true, true); return true;
    case OP_uadalp_vec: pair_sums(t, false, true); return true;
    case OP_addv_vec:
        if (!sum_bytes(t, 0))
            across(t, simd_adds);
        return true;
    case OP_smaxv_vec: across(t, simd_signed_max); return true;
    case OP_sminv_vec: across(t, simd_signed_min); return true;
    case OP_umaxv_vec: across(t, simd_unsigned_max); return true;
    case OP_uminv_vec: across(t, simd_unsigned_min); return true;
    case OP_saddlv_vec: across_long(t, true); return true;
    case OP_uaddlv_vec: across_long(t, false); return true;
    case OP_sdot_vec: dot_product(t, true, true, false); return true;
    case OP_udot_vec: dot_product(t, false, false, false); return true;
    case OP_usdot_vec: dot_product(t, false, true, false); return true;
    case OP_sdot_elem: dot_product(t, true, true, true); return true;
    case OP_udot_elem: dot_product(t, false, false, true); return true;
    case OP_sudot_elem: dot_product(t, true, false, true); return true;
    case OP_usdot_elem: dot_product(t, false, true, true); return true;
    default: return false;
    }
}
