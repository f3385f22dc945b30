/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Integer AdvSIMD on SSE4: lane by lane, shifts, widening and narrowing. Copies and permutes stand in
 * translate_permute.c.
 *
 * These have no special cases but saturation, which is left to exec_: code is straight, operands come from
 * the state and go back there. Forms of 64 bits (q = 0, and scalars) work on the lower half and clear the
 * upper one. Where SSE has no operation of a lane's width, a few others make it up. */
#include "jit/translate_vector.h"

typedef enum sse_op by_size[4];

static const by_size adds = {SSE_PADDB, SSE_PADDW, SSE_PADDD, SSE_PADDQ};
static const by_size subs = {SSE_PSUBB, SSE_PSUBW, SSE_PSUBD, SSE_PSUBQ};
static const by_size equals = {SSE_PCMPEQB, SSE_PCMPEQW, SSE_PCMPEQD, SSE_PCMPEQQ};
static const by_size greaters = {SSE_PCMPGTB, SSE_PCMPGTW, SSE_PCMPGTD, SSE_PCMPGTQ};
static const by_size signed_max = {SSE_PMAXSB, SSE_PMAXSW, SSE_PMAXSD};
static const by_size signed_min = {SSE_PMINSB, SSE_PMINSW, SSE_PMINSD};
static const by_size unsigned_max = {SSE_PMAXUB, SSE_PMAXUW, SSE_PMAXUD};
static const by_size unsigned_min = {SSE_PMINUB, SSE_PMINUW, SSE_PMINUD};
static const by_size sign_extend = {SSE_PMOVSXBW, SSE_PMOVSXWD, SSE_PMOVSXDQ};
static const by_size zero_extend = {SSE_PMOVZXBW, SSE_PMOVZXWD, SSE_PMOVZXDQ};

static void load_n(struct translation_state *t, unsigned xmm)
{
    load_vector(t, xmm, t->insn->rn, t->insn->q);
}

static void load_m(struct translation_state *t, unsigned xmm)
{
    load_vector(t, xmm, t->insn->rm, t->insn->q);
}

static void load_d(struct translation_state *t, unsigned xmm)
{
    load_vector(t, xmm, t->insn->rd, t->insn->q);
}

static void finish(struct translation_state *t, unsigned xmm)
{
    if (!t->insn->q)
        sse_rr(t->c, SSE_MOVQ, xmm, xmm);
    store_vector(t, xmm, t->insn->rd);
}

static void invert(struct translation_state *t, unsigned xmm, unsigned temp)
{
    sse_rr(t->c, SSE_PCMPEQD, temp, temp);
    sse_rr(t->c, SSE_PXOR, xmm, temp);
}

/* --- lane by lane ------------------------------------------------------------------------------------------
 */

/* d = n op m */
static void lanes(struct translation_state *t, enum sse_op op)
{
    load_n(t, 0);
    load_m(t, 1);
    sse_rr(t->c, op, 0, 1);
    finish(t, 0);
}

/* d = m op n */
static void lanes_swapped(struct translation_state *t, enum sse_op op)
{
    load_n(t, 1);
    load_m(t, 0);
    sse_rr(t->c, op, 0, 1);
    finish(t, 0);
}

/* xmm0 > xmm1 into xmm0, unsigned. Uses xmm2, rax. */
static void above(struct translation_state *t, unsigned size)
{
    struct x64 *c = t->c;
    if (size == 3) { /* signed, with the signs turned over */
        load_imm_twice(t, 2, 1ull << 63);
        sse_rr(c, SSE_PXOR, 0, 2);
        sse_rr(c, SSE_PXOR, 1, 2);
        sse_rr(c, SSE_PCMPGTQ, 0, 1);
        return;
    }
    sse_rr(c, unsigned_max[size], 0, 1); /* the greater one is not m */
    sse_rr(c, equals[size], 0, 1);
    invert(t, 0, 2);
}

/* n > m; `swapped`: m > n; `inverted`: not so. */
static void compare(struct translation_state *t, bool is_unsigned, bool swapped, bool inverted)
{
    load_n(t, swapped);
    load_m(t, !swapped);
    if (is_unsigned)
        above(t, t->insn->size);
    else
        sse_rr(t->c, greaters[t->insn->size], 0, 1);
    if (inverted)
        invert(t, 0, 2);
    finish(t, 0);
}

static void compare_zero(struct translation_state *t, const by_size ops, bool swapped, bool inverted)
{
    load_n(t, swapped);
    sse_rr(t->c, SSE_PXOR, !swapped, !swapped);
    sse_rr(t->c, ops[t->insn->size], 0, 1);
    if (inverted)
        invert(t, 0, 2);
    finish(t, 0);
}

static void test_bits(struct translation_state *t)
{
    load_n(t, 0);
    load_m(t, 1);
    sse_rr(t->c, SSE_PAND, 0, 1);
    sse_rr(t->c, SSE_PXOR, 1, 1);
    sse_rr(t->c, equals[t->insn->size], 0, 1);
    invert(t, 0, 2);
    finish(t, 0);
}

/* xmm0 = xmm0 * xmm1, by lanes of bytes to words. Bytes go by words: even ones, then odd ones. Uses xmm2,
 * xmm3. */
static void multiply_lanes(struct translation_state *t, unsigned size)
{
    struct x64 *c = t->c;
    if (size) {
        sse_rr(c, size == 1 ? SSE_PMULLW : SSE_PMULLD, 0, 1);
        return;
    }
    sse_rr(c, SSE_MOVAPS, 2, 0);
    sse_rr(c, SSE_MOVAPS, 3, 1);
    sse_rr(c, SSE_PMULLW, 0, 1);
    sse_shift(c, SSE_SHIFT_LEFT, 1, 0, 8);
    sse_shift(c, SSE_SHIFT_RIGHT, 1, 0, 8);
    sse_shift(c, SSE_SHIFT_RIGHT, 1, 2, 8);
    sse_shift(c, SSE_SHIFT_RIGHT, 1, 3, 8);
    sse_rr(c, SSE_PMULLW, 2, 3);
    sse_shift(c, SSE_SHIFT_LEFT, 1, 2, 8);
    sse_rr(c, SSE_POR, 0, 2);
}

/* One element of m in every lane of xmm, for halfwords and words. */
static void load_element(struct translation_state *t, unsigned xmm)
{
    const struct insn *insn = t->insn;
    int32_t offset = vector_offset(insn->rm) + (insn->amount << insn->size);
    if (insn->size == 1) {
        x64_load_sized(t->c, 1, false, 0, RAX, HOST_CPU, offset);
        sse_rr(t->c, SSE_MOVD, xmm, RAX);
        sse_rr_imm(t->c, SSE_PSHUFLW, xmm, xmm, 0);
    } else {
        sse_rm(t->c, SSE_MOVD, xmm, HOST_CPU, offset);
    }
    sse_rr_imm(t->c, SSE_PSHUFD, xmm, xmm, 0);
}

/* d = [d +- ] n * m. `into`: NULL, adds or subs. */
static void multiply(struct translation_state *t, const by_size into, bool element)
{
    unsigned size = t->insn->size;
    load_n(t, 0);
    if (element)
        load_element(t, 1);
    else
        load_m(t, 1);
    multiply_lanes(t, size);
    if (into) {
        load_d(t, 4);
        sse_rr(t->c, into[size], 4, 0);
        finish(t, 4);
    } else {
        finish(t, 0);
    }
}

/* |n - m|, added to d where asked. */
static void difference(struct translation_state *t, const by_size max, const by_size min, bool accumulate)
{
    unsigned size = t->insn->size;
    load_n(t, 0);
    load_m(t, 1);
    sse_rr(t->c, SSE_MOVAPS, 2, 0);
    sse_rr(t->c, max[size], 0, 1);
    sse_rr(t->c, min[size], 2, 1);
    sse_rr(t->c, subs[size], 0, 2);
    if (accumulate) {
        load_d(t, 1);
        sse_rr(t->c, adds[size], 0, 1);
    }
    finish(t, 0);
}

/* (mask & a) | (~mask & b): each an index of n, m, d in xmm0 to xmm2. */
static void select_bits(struct translation_state *t, unsigned mask, unsigned a, unsigned b)
{
    load_n(t, 0);
    load_m(t, 1);
    load_d(t, 2);
    sse_rr(t->c, SSE_PXOR, a, b);
    sse_rr(t->c, SSE_PAND, a, mask);
    sse_rr(t->c, SSE_PXOR, a, b);
    finish(t, a);
}

static void or_not(struct translation_state *t)
{
    load_n(t, 0);
    load_m(t, 1);
    invert(t, 1, 2);
    sse_rr(t->c, SSE_POR, 0, 1);
    finish(t, 0);
}

static void invert_bits(struct translation_state *t)
{
    load_n(t, 0);
    invert(t, 0, 1);
    finish(t, 0);
}

static void negate(struct translation_state *t)
{
    load_n(t, 1);
    sse_rr(t->c, SSE_PXOR, 0, 0);
    sse_rr(t->c, subs[t->insn->size], 0, 1);
    finish(t, 0);
}

/* |xmm|, wrapping. Uses `temp`. */
static void absolute_lanes(struct translation_state *t, unsigned size, unsigned xmm, unsigned temp)
{
    static const by_size absolutes = {SSE_PABSB, SSE_PABSW, SSE_PABSD};
    if (size < 3) {
        sse_rr(t->c, absolutes[size], xmm, xmm);
        return;
    }
    sse_rr(t->c, SSE_PXOR, temp, temp);
    sse_rr(t->c, SSE_PCMPGTQ, temp, xmm);
    sse_rr(t->c, SSE_PXOR, xmm, temp);
    sse_rr(t->c, SSE_PSUBQ, xmm, temp);
}

static void absolute(struct translation_state *t)
{
    load_n(t, 0);
    absolute_lanes(t, t->insn->size, 0, 1);
    finish(t, 0);
}

/* Bits in each byte, by nibbles: a table in a register. */
static void count_bits(struct translation_state *t)
{
    struct x64 *c = t->c;
    load_n(t, 0);
    load_imm_twice(t, 1, 0x0f0f0f0f0f0f0f0f);
    x64_mov_imm(c, RAX, 0x0302020102010100);
    sse_rr_w(c, 1, SSE_MOVD, 2, RAX);
    x64_mov_imm(c, RAX, 0x0403030203020201);
    sse_rr_w(c, 1, SSE_MOVD, 3, RAX);
    sse_rr(c, SSE_PUNPCKLQDQ, 2, 3);
    sse_rr(c, SSE_MOVAPS, 3, 2);
    sse_rr(c, SSE_MOVAPS, 4, 0);
    sse_shift(c, SSE_SHIFT_RIGHT, 1, 4, 4);
    sse_rr(c, SSE_PAND, 0, 1);
    sse_rr(c, SSE_PAND, 4, 1);
    sse_rr(c, SSE_PSHUFB, 2, 0);
    sse_rr(c, SSE_PSHUFB, 3, 4);
    sse_rr(c, SSE_PADDB, 2, 3);
    finish(t, 2);
}

/* --- shifts by an immediate ------------------------------------------------------------------------------
 */

static uint64_t in_every_lane(unsigned size, uint64_t value)
{
    static const uint64_t ones[] = {0x0101010101010101, 0x0001000100010001, 0x0000000100000001, 1};
    return value * ones[size];
}

/* xmm's lanes to the right by 1 to their width. Uses xmm5, rax. */
static void shift_right(struct translation_state *t, unsigned size, unsigned xmm, unsigned amount,
                        bool is_signed)
{
    struct x64 *c = t->c;
    unsigned bits = 8u << size;
    if (is_signed && (size == 1 || size == 2)) {
        sse_shift(c, SSE_SHIFT_RIGHT_SIGNED, size, xmm, amount);
        return;
    }
    if (is_signed && size == 3) { /* turned over where negative, there and back */
        sse_rr(c, SSE_PXOR, 5, 5);
        sse_rr(c, SSE_PCMPGTQ, 5, xmm);
        sse_rr(c, SSE_PXOR, xmm, 5);
        sse_shift(c, SSE_SHIFT_RIGHT, 3, xmm, amount);
        sse_rr(c, SSE_PXOR, xmm, 5);
        return;
    }
    if (size) {
        sse_shift(c, SSE_SHIFT_RIGHT, size, xmm, amount);
        return;
    }
    if (is_signed && amount == bits)
        amount--;
    sse_shift(c, SSE_SHIFT_RIGHT, 1, xmm, amount);
    load_imm_twice(t, 5, in_every_lane(0, 0xffu >> amount));
    sse_rr(c, SSE_PAND, xmm, 5);
    if (is_signed) { /* the sign's place counts negative */
        load_imm_twice(t, 5, in_every_lane(0, 0x80u >> amount));
        sse_rr(c, SSE_PXOR, xmm, 5);
        sse_rr(c, SSE_PSUBB, xmm, 5);
    }
}

/* By 0 to the width less 1. Uses xmm5, rax. */
static void shift_left(struct translation_state *t, unsigned size, unsigned xmm, unsigned amount)
{
    sse_shift(t->c, SSE_SHIFT_LEFT, size ? size : 1, xmm, amount);
    if (size == 0) {
        load_imm_twice(t, 5, in_every_lane(0, 0xffu << amount & 0xff));
        sse_rr(t->c, SSE_PAND, xmm, 5);
    }
}

static void accumulate_and_finish(struct translation_state *t, bool accumulate)
{
    if (accumulate) {
        load_d(t, 1);
        sse_rr(t->c, adds[t->insn->size], 0, 1);
    }
    finish(t, 0);
}

static void right(struct translation_state *t, bool is_signed, bool accumulate)
{
    load_n(t, 0);
    shift_right(t, t->insn->size, 0, t->insn->amount, is_signed);
    accumulate_and_finish(t, accumulate);
}

/* Rounded: the last bit that goes out is added. */
static void right_rounded(struct translation_state *t, bool is_signed, bool accumulate)
{
    unsigned size = t->insn->size, amount = t->insn->amount;
    load_n(t, 0);
    sse_rr(t->c, SSE_MOVAPS, 1, 0);
    if (amount > 1)
        shift_right(t, size, 1, amount - 1, false);
    load_imm_twice(t, 5, in_every_lane(size, 1));
    sse_rr(t->c, SSE_PAND, 1, 5);
    shift_right(t, size, 0, amount, is_signed);
    sse_rr(t->c, adds[size], 0, 1);
    accumulate_and_finish(t, accumulate);
}

static void left(struct translation_state *t)
{
    load_n(t, 0);
    shift_left(t, t->insn->size, 0, t->insn->amount);
    finish(t, 0);
}

/* SLI, SRI: the shifted bits into d, whose others stay. */
static void insert(struct translation_state *t, bool to_left)
{
    unsigned size = t->insn->size, amount = t->insn->amount, bits = 8u << size;
    uint64_t ones = ~0ull >> (64 - bits);
    uint64_t kept = to_left ? ~(ones << amount) & ones : amount == bits ? ones : ~(ones >> amount) & ones;
    load_n(t, 0);
    if (to_left)
        shift_left(t, size, 0, amount);
    else
        shift_right(t, size, 0, amount, false);
    load_d(t, 1);
    load_imm_twice(t, 2, in_every_lane(size, kept));
    sse_rr(t->c, SSE_PAND, 1, 2);
    sse_rr(t->c, SSE_POR, 0, 1);
    finish(t, 0);
}

/* --- between widths --------------------------------------------------------------------------------------
 */

/* Half q of a register, its lanes extended. */
static void load_half(struct translation_state *t, const by_size extend, unsigned xmm, unsigned reg)
{
    sse_rm(t->c, extend[t->insn->size], xmm, HOST_CPU, vector_offset(reg) + 8 * t->insn->q);
}

static void widen_shifted(struct translation_state *t, const by_size extend, unsigned amount)
{
    load_half(t, extend, 0, t->insn->rn);
    if (amount)
        sse_shift(t->c, SSE_SHIFT_LEFT, t->insn->size + 1, 0, amount);
    store_vector(t, 0, t->insn->rd);
}

static void widen_sum(struct translation_state *t, const by_size extend, const by_size op, bool wide_n)
{
    if (wide_n)
        load_vector(t, 0, t->insn->rn, true);
    else
        load_half(t, extend, 0, t->insn->rn);
    load_half(t, extend, 1, t->insn->rm);
    sse_rr(t->c, op[t->insn->size + 1], 0, 1);
    store_vector(t, 0, t->insn->rd);
}

static void widen_product(struct translation_state *t, bool is_signed, const by_size into, bool element)
{
    unsigned size = t->insn->size;
    const enum sse_op *extend = is_signed ? sign_extend : zero_extend;
    load_half(t, extend, 0, t->insn->rn);
    if (element) {
        load_element(t, 1);
        sse_rr(t->c, extend[size], 1, 1);
    } else {
        load_half(t, extend, 1, t->insn->rm);
    }
    sse_rr(t->c,
           size == 0   ? SSE_PMULLW
           : size == 1 ? SSE_PMULLD
           : is_signed ? SSE_PMULDQ
                       : SSE_PMULUDQ,
           0, 1);
    if (into) {
        load_vector(t, 1, t->insn->rd, true);
        sse_rr(t->c, into[size + 1], 1, 0);
        store_vector(t, 1, t->insn->rd);
    } else {
        store_vector(t, 0, t->insn->rd);
    }
}

static void widen_difference(struct translation_state *t, const by_size extend, bool accumulate)
{
    unsigned wide = t->insn->size + 1u;
    load_half(t, extend, 0, t->insn->rn);
    load_half(t, extend, 1, t->insn->rm);
    sse_rr(t->c, subs[wide], 0, 1);
    absolute_lanes(t, wide, 0, 1);
    if (accumulate) {
        load_vector(t, 1, t->insn->rd, true);
        sse_rr(t->c, adds[wide], 0, 1);
    }
    store_vector(t, 0, t->insn->rd);
}

/* The low halves of xmm0's lanes (of twice insn->size), into half q of d. Uses xmm1, rax. */
static void narrow_and_store(struct translation_state *t)
{
    struct x64 *c = t->c;
    switch (t->insn->size) {
    case 0:
        sse_shift(c, SSE_SHIFT_LEFT, 1, 0, 8);
        sse_shift(c, SSE_SHIFT_RIGHT, 1, 0, 8);
        sse_rr(c, SSE_PACKUSWB, 0, 0);
        break;
    case 1:
        sse_shift(c, SSE_SHIFT_LEFT, 2, 0, 16);
        sse_shift(c, SSE_SHIFT_RIGHT, 2, 0, 16);
        sse_rr(c, SSE_PACKUSDW, 0, 0);
        break;
    default: sse_rr_imm(c, SSE_PSHUFD, 0, 0, 0x08); break;
    }
    if (t->insn->q) {
        load_vector(t, 1, t->insn->rd, false);
        sse_rr(c, SSE_PUNPCKLQDQ, 1, 0);
        store_vector(t, 1, t->insn->rd);
    } else {
        sse_rr(c, SSE_MOVQ, 0, 0);
        store_vector(t, 0, t->insn->rd);
    }
}

/* The wide lanes of n, shifted to the right. A carry out of a wide lane's rounding is cut off anyway. */
static void narrow_shifted(struct translation_state *t, unsigned amount, bool rounded)
{
    unsigned wide = t->insn->size + 1u;
    load_vector(t, 0, t->insn->rn, true);
    if (rounded) {
        load_imm_twice(t, 1, in_every_lane(wide, 1ull << (amount - 1)));
        sse_rr(t->c, adds[wide], 0, 1);
    }
    if (amount)
        sse_shift(t->c, SSE_SHIFT_RIGHT, wide, 0, amount);
    narrow_and_store(t);
}

static void narrow_sum(struct translation_state *t, const by_size op, bool rounded)
{
    unsigned wide = t->insn->size + 1u, bits = 8u << t->insn->size;
    load_vector(t, 0, t->insn->rn, true);
    load_vector(t, 1, t->insn->rm, true);
    sse_rr(t->c, op[wide], 0, 1);
    if (rounded) {
        load_imm_twice(t, 1, in_every_lane(wide, 1ull << (bits - 1)));
        sse_rr(t->c, adds[wide], 0, 1);
    }
    sse_shift(t->c, SSE_SHIFT_RIGHT, wide, 0, bits);
    narrow_and_store(t);
}

/* Sums of neighbours in lanes twice as wide. */
static void pair_sums(struct translation_state *t, bool is_signed, bool accumulate)
{
    unsigned wide = t->insn->size + 1u, bits = 8u << t->insn->size;
    struct x64 *c = t->c;
    load_n(t, 0);
    sse_rr(c, SSE_MOVAPS, 1, 0);
    sse_shift(c, SSE_SHIFT_LEFT, wide, 0, bits);
    shift_right(t, wide, 0, bits, is_signed);
    shift_right(t, wide, 1, bits, is_signed);
    sse_rr(c, adds[wide], 0, 1);
    if (accumulate) {
        load_d(t, 1);
        sse_rr(c, adds[wide], 0, 1);
    }
    finish(t, 0);
}

/* --- across ------------------------------------------------------------------------------------------------
 */

/* Folds xmm0's lanes into its lowest. With q = 0 only the lower half is there, and what comes in from above
 * goes to other lanes than those looked at. Uses xmm1. */
static void fold(struct translation_state *t, enum sse_op op, unsigned size)
{
    for (unsigned bytes = t->insn->q ? 8 : 4; bytes >= 1u << size; bytes /= 2) {
        sse_rr(t->c, SSE_MOVAPS, 1, 0);
        sse_shift_bytes(t->c, 1, bytes);
        sse_rr(t->c, op, 0, 1);
    }
}

/* The lowest lane of xmm0 and nothing else into d. */
static void finish_lane(struct translation_state *t, unsigned size)
{
    struct x64 *c = t->c;
    if (size == 3) {
        sse_rr(c, SSE_MOVQ, 0, 0);
    } else {
        sse_rr(c, SSE_MOVD_TO, 0, RAX);
        if (size < 2)
            x64_extend(c, size, false, 0, RAX, RAX);
        sse_rr(c, SSE_MOVD, 0, RAX);
    }
    store_vector(t, 0, t->insn->rd);
}

static void across(struct translation_state *t, const by_size op)
{
    load_n(t, 0);
    fold(t, op[t->insn->size], t->insn->size);
    finish_lane(t, t->insn->size);
}

/* The sum in a lane twice as wide: of neighbours, and those folded. */
static void across_long(struct translation_state *t, bool is_signed)
{
    unsigned wide = t->insn->size + 1u, bits = 8u << t->insn->size;
    load_n(t, 0);
    sse_rr(t->c, SSE_MOVAPS, 1, 0);
    sse_shift(t->c, SSE_SHIFT_LEFT, wide, 0, bits);
    shift_right(t, wide, 0, bits, is_signed);
    shift_right(t, wide, 1, bits, is_signed);
    sse_rr(t->c, adds[wide], 0, 1);
    fold(t, adds[wide], wide);
    finish_lane(t, wide);
}

bool emit_simd(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    const unsigned size = insn->size;
    if (size > 3)
        return false;
    switch (insn->op) {
    case OP_add_vec:
    case OP_add_scalar: lanes(t, adds[size]); return true;
    case OP_sub_vec:
    case OP_sub_scalar: lanes(t, subs[size]); return true;
    case OP_cmeq_vec:
    case OP_cmeq_scalar: lanes(t, equals[size]); return true;
    case OP_cmgt_vec:
    case OP_cmgt_scalar: compare(t, false, false, false); return true;
    case OP_cmge_vec:
    case OP_cmge_scalar: compare(t, false, true, true); return true;
    case OP_cmhi_vec:
    case OP_cmhi_scalar: compare(t, true, false, false); return true;
    case OP_cmhs_vec:
    case OP_cmhs_scalar: compare(t, true, true, true); return true;
    case OP_cmtst_vec:
    case OP_cmtst_scalar: test_bits(t); return true;
    case OP_cmeq_zero_vec:
    case OP_cmeq_zero_scalar: compare_zero(t, equals, false, false); return true;
    case OP_cmgt_zero_vec:
    case OP_cmgt_zero_scalar: compare_zero(t, greaters, false, false); return true;
    case OP_cmle_zero_vec:
    case OP_cmle_zero_scalar: compare_zero(t, greaters, false, true); return true;
    case OP_cmlt_zero_vec:
    case OP_cmlt_zero_scalar: compare_zero(t, greaters, true, false); return true;
    case OP_cmge_zero_vec:
    case OP_cmge_zero_scalar: compare_zero(t, greaters, true, true); return true;
    case OP_smax_vec: lanes(t, signed_max[size]); return true;
    case OP_smin_vec: lanes(t, signed_min[size]); return true;
    case OP_umax_vec: lanes(t, unsigned_max[size]); return true;
    case OP_umin_vec: lanes(t, unsigned_min[size]); return true;
    case OP_sabd_vec: difference(t, signed_max, signed_min, false); return true;
    case OP_uabd_vec: difference(t, unsigned_max, unsigned_min, false); return true;
    case OP_saba_vec: difference(t, signed_max, signed_min, true); return true;
    case OP_uaba_vec: difference(t, unsigned_max, unsigned_min, true); return true;
    case OP_urhadd_vec:
        if (size == 2)
            return false;
        lanes(t, size ? SSE_PAVGW : SSE_PAVGB);
        return true;
    case OP_mul_vec: multiply(t, NULL, false); return true;
    case OP_mla_vec: multiply(t, adds, false); return true;
    case OP_mls_vec: multiply(t, subs, false); return true;
    case OP_mul_elem: multiply(t, NULL, true); return true;
    case OP_mla_elem: multiply(t, adds, true); return true;
    case OP_mls_elem: multiply(t, subs, true); return true;
    case OP_and_vec: lanes(t, SSE_PAND); return true;
    case OP_orr_vec: lanes(t, SSE_POR); return true;
    case OP_eor_vec: lanes(t, SSE_PXOR); return true;
    case OP_bic_vec: lanes_swapped(t, SSE_PANDN); return true;
    case OP_orn_vec: or_not(t); return true;
    case OP_bsl_vec: select_bits(t, 2, 0, 1); return true;
    case OP_bit_vec: select_bits(t, 1, 0, 2); return true;
    case OP_bif_vec: select_bits(t, 1, 2, 0); return true;
    case OP_not_vec: invert_bits(t); return true;
    case OP_neg_vec:
    case OP_neg_scalar: negate(t); return true;
    case OP_abs_vec:
    case OP_abs_scalar: absolute(t); return true;
    case OP_cnt_vec: count_bits(t); return true;
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
    case OP_sshll_vec: widen_shifted(t, sign_extend, insn->amount); return true;
    case OP_ushll_vec: widen_shifted(t, zero_extend, insn->amount); return true;
    case OP_shll_vec: widen_shifted(t, zero_extend, 8u << size); return true;
    case OP_saddl_vec: widen_sum(t, sign_extend, adds, false); return true;
    case OP_uaddl_vec: widen_sum(t, zero_extend, adds, false); return true;
    case OP_saddw_vec: widen_sum(t, sign_extend, adds, true); return true;
    case OP_uaddw_vec: widen_sum(t, zero_extend, adds, true); return true;
    case OP_ssubl_vec: widen_sum(t, sign_extend, subs, false); return true;
    case OP_usubl_vec: widen_sum(t, zero_extend, subs, false); return true;
    case OP_ssubw_vec: widen_sum(t, sign_extend, subs, true); return true;
    case OP_usubw_vec: widen_sum(t, zero_extend, subs, true); return true;
    case OP_smull_vec: widen_product(t, true, NULL, false); return true;
    case OP_umull_vec: widen_product(t, false, NULL, false); return true;
    case OP_smlal_vec: widen_product(t, true, adds, false); return true;
    case OP_umlal_vec: widen_product(t, false, adds, false); return true;
    case OP_smlsl_vec: widen_product(t, true, subs, false); return true;
    case OP_umlsl_vec: widen_product(t, false, subs, false); return true;
    case OP_smull_elem: widen_product(t, true, NULL, true); return true;
    case OP_umull_elem: widen_product(t, false, NULL, true); return true;
    case OP_smlal_elem: widen_product(t, true, adds, true); return true;
    case OP_umlal_elem: widen_product(t, false, adds, true); return true;
    case OP_smlsl_elem: widen_product(t, true, subs, true); return true;
    case OP_umlsl_elem: widen_product(t, false, subs, true); return true;
    case OP_sabdl_vec: widen_difference(t, sign_extend, false); return true;
    case OP_uabdl_vec: widen_difference(t, zero_extend, false); return true;
    case OP_sabal_vec: widen_difference(t, sign_extend, true); return true;
    case OP_uabal_vec: widen_difference(t, zero_extend, true); return true;
    case OP_xtn_vec: narrow_shifted(t, 0, false); return true;
    case OP_shrn_vec: narrow_shifted(t, insn->amount, false); return true;
    case OP_rshrn_vec: narrow_shifted(t, insn->amount, true); return true;
    case OP_addhn_vec: narrow_sum(t, adds, false); return true;
    case OP_raddhn_vec: narrow_sum(t, adds, true); return true;
    case OP_subhn_vec: narrow_sum(t, subs, false); return true;
    case OP_rsubhn_vec: narrow_sum(t, subs, true); return true;
    case OP_saddlp_vec: pair_sums(t, true, false); return true;
    case OP_uaddlp_vec: pair_sums(t, false, false); return true;
    case OP_sadalp_vec: pair_sums(t, true, true); return true;
    case OP_uadalp_vec: pair_sums(t, false, true); return true;
    case OP_addv_vec: across(t, adds); return true;
    case OP_smaxv_vec: across(t, signed_max); return true;
    case OP_sminv_vec: across(t, signed_min); return true;
    case OP_umaxv_vec: across(t, unsigned_max); return true;
    case OP_uminv_vec: across(t, unsigned_min); return true;
    case OP_saddlv_vec: across_long(t, true); return true;
    case OP_uaddlv_vec: across_long(t, false); return true;
    default: return false;
    }
}

/* Takes the access check back where nobody knows the instruction. */
bool translate_vector(struct translation_state *t)
{
    const struct x64 code = *t->c;
    const unsigned slow_count = t->slow_count;
    const enum host_flags flags = t->flags;
    const bool checked = t->fp_checked;
    check_fp(t);
    if (emit_simd(t) || emit_permute(t) || emit_simd_fp(t))
        return true;
    *t->c = code;
    t->slow_count = slow_count;
    t->flags = flags;
    t->fp_checked = checked;
    return false;
}
