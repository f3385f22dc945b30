/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Integer AdvSIMD: shifts of all lanes by an immediate. Where the host has no shift of a lane's width, a wider one and
 * a mask make it up. */
#include "jit/translate_simd.h"

/* d = n's lanes to the right by 1 to their width. Uses xmm5. */
void simd_shift_right(struct translation_state *t, unsigned size, unsigned d, unsigned n, unsigned amount,
                      bool is_signed)
{
    struct x64 *c = t->c;
    const unsigned bits = 8u << size;
    if (is_signed && (size == 1 || size == 2)) {
        vec_shift(c, SSE_SHIFT_RIGHT_SIGNED, size, d, n, amount);
        return;
    }
    if (is_signed && size == 3) { /* turned over where negative, there and back */
        vec_zero(c, 5);
        vec_op(c, SSE_PCMPGTQ, 5, 5, n);
        if (amount == bits) {
            vec_move(c, d, 5);
            return;
        }
        vec_op(c, SSE_PXOR, d, n, 5);
        vec_shift(c, SSE_SHIFT_RIGHT, 3, d, d, amount);
        vec_op(c, SSE_PXOR, d, d, 5);
        return;
    }
    if (size) {
        vec_shift(c, SSE_SHIFT_RIGHT, size, d, n, amount);
        return;
    }
    if (is_signed && amount == bits)
        amount--;
    vec_shift(c, SSE_SHIFT_RIGHT, 1, d, n, amount);
    vec_op_at(c, SSE_PAND, d, d, vector_constant_twice(t, simd_every_lane(0, 0xffu >> amount)));
    if (is_signed) { /* the sign's place counts negative */
        const uint64_t signs = vector_constant_twice(t, simd_every_lane(0, 0x80u >> amount));
        vec_op_at(c, SSE_PXOR, d, d, signs);
        vec_op_at(c, SSE_PSUBB, d, d, signs);
    }
}

/* By 0 to the width less 1. */
void simd_shift_left(struct translation_state *t, unsigned size, unsigned d, unsigned n, unsigned amount)
{
    vec_shift(t->c, SSE_SHIFT_LEFT, size ? size : 1, d, n, amount);
    if (size == 0)
        vec_op_at(t->c, SSE_PAND, d, d, vector_constant_twice(t, simd_every_lane(0, 0xffu << amount & 0xff)));
}

/* xmm2, or d and xmm2, is the result. */
static void accumulate_and_finish(struct translation_state *t, bool accumulate)
{
    unsigned r = 2;
    if (accumulate) {
        const unsigned old = simd_d(t, 1);
        r = simd_to(t, 2);
        vec_op(t->c, simd_adds[t->insn->size], r, old, 2);
    }
    simd_finish(t, r);
}

static void right(struct translation_state *t, bool is_signed, bool accumulate)
{
    const struct insn *insn = t->insn;
    const unsigned n = simd_n(t, 0);
    if (accumulate) {
        simd_shift_right(t, insn->size, 2, n, insn->amount, is_signed);
        accumulate_and_finish(t, true);
        return;
    }
    const unsigned d = simd_to(t, 0);
    simd_shift_right(t, insn->size, d, n, insn->amount, is_signed);
    simd_finish_zeroes(t, d, simd_set_of(t, insn->rn));
}

/* Rounded: the last bit that goes out is added. Uses xmm1, xmm5. */
void simd_shift_right_rounded(struct translation_state *t, unsigned size, unsigned d, unsigned n, unsigned amount,
                              bool is_signed)
{
    const uint64_t ones = vector_constant_twice(t, simd_every_lane(size, 1));
    if (amount > 1) {
        simd_shift_right(t, size, 1, n, amount - 1, false);
        vec_op_at(t->c, SSE_PAND, 1, 1, ones);
    } else {
        vec_op_at(t->c, SSE_PAND, 1, n, ones);
    }
    simd_shift_right(t, size, d, n, amount, is_signed);
    vec_op(t->c, simd_adds[size], d, d, 1);
}

static void right_rounded(struct translation_state *t, bool is_signed, bool accumulate)
{
    const unsigned n = simd_n(t, 0);
    simd_shift_right_rounded(t, t->insn->size, 2, n, t->insn->amount, is_signed);
    accumulate_and_finish(t, accumulate);
}

static void left(struct translation_state *t)
{
    const unsigned n = simd_n(t, 0), d = simd_to(t, 0);
    simd_shift_left(t, t->insn->size, d, n, t->insn->amount);
    simd_finish_zeroes(t, d, simd_set_of(t, t->insn->rn));
}

/* SLI, SRI: the shifted bits into d, whose others stay. */
static void insert(struct translation_state *t, bool to_left)
{
    unsigned size = t->insn->size, amount = t->insn->amount, bits = 8u << size;
    uint64_t ones = ~0ull >> (64 - bits);
    uint64_t kept = to_left ? ~(ones << amount) & ones : amount == bits ? ones : ~(ones >> amount) & ones;
    const unsigned n = simd_n(t, 0), old = simd_d(t, 1), d = simd_to(t, 0);
    if (to_left)
        simd_shift_left(t, size, 2, n, amount);
    else
        simd_shift_right(t, size, 2, n, amount, false);
    vec_op_at(t->c, SSE_PAND, 3, old, vector_constant_twice(t, simd_every_lane(size, kept)));
    vec_op(t->c, SSE_POR, d, 2, 3);
    simd_finish(t, d);
}

bool emit_simd_immediate(struct translation_state *t)
{
    switch (t->insn->op) {
    case OP_sshr_vec:
    case OP_sshr_scalar: right(t, true, false); return true;
    case OP_ushr_vec:
    case OP_ushr_scalar: right(t, false, false); return true;
    case OP_ssra_vec:
    case OP_ssra_scalar: right(t, true, true); return true;
    case OP_usra_vec:
    case OP_usra_scalar: right(t, false, true); return true;
    case OP_srshr_vec:
    case OP_srshr_scalar: right_rounded(t, true, false); return true;
    case OP_urshr_vec:
    case OP_urshr_scalar: right_rounded(t, false, false); return true;
    case OP_srsra_vec:
    case OP_srsra_scalar: right_rounded(t, true, true); return true;
    case OP_ursra_vec:
    case OP_ursra_scalar: right_rounded(t, false, true); return true;
    case OP_shl_vec:
    case OP_shl_scalar: left(t); return true;
    case OP_sli_vec:
    case OP_sli_scalar: insert(t, true); return true;
    case OP_sri_vec:
    case OP_sri_scalar: insert(t, false); return true;
    default: return false;
    }
}
