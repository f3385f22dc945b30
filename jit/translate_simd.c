/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Integer AdvSIMD on SSE4 or AVX2: lane by lane, shifts, across. What goes between widths stands in
 * translate_simd_wide.c, copies and permutes in translate_permute.c, what saturates in translate_saturate.c.
 *
 * These have no special cases: code is straight. Forms of 64 bits (q = 0, and scalars) work on whole registers and
 * clear the upper half, where it is not known to be clear. Where the host has no operation of a lane's width, a few
 * others make it up. */
#include "jit/translate_simd.h"

const by_size simd_adds = {SSE_PADDB, SSE_PADDW, SSE_PADDD, SSE_PADDQ};
const by_size simd_subs = {SSE_PSUBB, SSE_PSUBW, SSE_PSUBD, SSE_PSUBQ};
const by_size simd_equals = {SSE_PCMPEQB, SSE_PCMPEQW, SSE_PCMPEQD, SSE_PCMPEQQ};
const by_size simd_greaters = {SSE_PCMPGTB, SSE_PCMPGTW, SSE_PCMPGTD, SSE_PCMPGTQ};
const by_size simd_signed_max = {SSE_PMAXSB, SSE_PMAXSW, SSE_PMAXSD};
const by_size simd_signed_min = {SSE_PMINSB, SSE_PMINSW, SSE_PMINSD};
const by_size simd_unsigned_max = {SSE_PMAXUB, SSE_PMAXUW, SSE_PMAXUD};
const by_size simd_unsigned_min = {SSE_PMINUB, SSE_PMINUW, SSE_PMINUD};

unsigned simd_n(struct translation_state *t, unsigned temp)
{
    return vector_use_low(t, t->insn->rn, temp, vector_length(t->insn));
}

unsigned simd_m(struct translation_state *t, unsigned temp)
{
    return vector_use_low(t, t->insn->rm, temp, vector_length(t->insn));
}

unsigned simd_d(struct translation_state *t, unsigned temp)
{
    return vector_use_low(t, t->insn->rd, temp, vector_length(t->insn));
}

unsigned simd_to(struct translation_state *t, unsigned temp)
{
    return vector_destination(t, t->insn->rd, temp);
}

void simd_finish(struct translation_state *t, unsigned xmm)
{
    vector_finish(t, xmm, 16);
}

/* The result of an operation that makes zeroes of zeroes, of n and perhaps m. */
static void finish_zeroes(struct translation_state *t, unsigned xmm, unsigned set)
{
    vector_finish(t, xmm, t->insn->q ? 16 : set);
}

static unsigned set_of(const struct translation_state *t, unsigned reg)
{
    return vector_bytes_of(t, reg, vector_length(t->insn));
}

static unsigned larger(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

static void invert(struct translation_state *t, unsigned d, unsigned xmm)
{
    vec_op_at(t->c, SSE_PXOR, d, xmm, vector_constant_twice(t, UINT64_MAX));
}

uint64_t simd_every_lane(unsigned size, uint64_t value)
{
    static const uint64_t ones[] = {0x0101010101010101, 0x0001000100010001, 0x0000000100000001, 1};
    return value * ones[size];
}

/* --- lane by lane ------------------------------------------------------------------------------------ */

/* d = a op b. `zeroes`: as above. */
static void lanes_of(struct translation_state *t, enum sse_op op, bool swapped, bool zeroes)
{
    const unsigned set = zeroes ? larger(set_of(t, t->insn->rn), set_of(t, t->insn->rm)) : 16;
    const unsigned n = simd_n(t, 0), m = simd_m(t, 1), d = simd_to(t, 0);
    vec_op(t->c, op, d, swapped ? m : n, swapped ? n : m);
    finish_zeroes(t, d, set);
}

static void lanes(struct translation_state *t, enum sse_op op)
{
    lanes_of(t, op, false, true);
}

/* xmm0 = n > m, unsigned. Uses xmm1, xmm2. */
static void above(struct translation_state *t, unsigned n, unsigned m)
{
    const unsigned size = t->insn->size;
    if (size == 3) { /* signed, with the signs turned over */
        const uint64_t signs = vector_constant_twice(t, 1ull << 63);
        vec_op_at(t->c, SSE_PXOR, 2, n, signs);
        vec_op_at(t->c, SSE_PXOR, 1, m, signs);
        vec_op(t->c, SSE_PCMPGTQ, 0, 2, 1);
        return;
    }
    vec_op(t->c, simd_unsigned_max[size], 2, n, m); /* the greater one is not m */
    vec_op(t->c, simd_equals[size], 0, 2, m);
    invert(t, 0, 0);
}

/* n > m; `swapped`: m > n; `inverted`: not so. Unsigned lanes that are not greater are those whose least is n. */
static void compare(struct translation_state *t, bool is_unsigned, bool swapped, bool inverted)
{
    const unsigned size = t->insn->size, n = simd_n(t, 0), m = simd_m(t, 1), d = simd_to(t, 0);
    const unsigned a = swapped ? m : n, b = swapped ? n : m;
    if (is_unsigned && inverted && size < 3) {
        vec_op(t->c, simd_unsigned_min[size], 2, a, b);
        vec_op(t->c, simd_equals[size], d, 2, a);
        simd_finish(t, d);
        return;
    }
    unsigned r = inverted ? 0 : d;
    if (is_unsigned) {
        above(t, a, b);
        r = 0;
    } else {
        vec_op(t->c, simd_greaters[size], r, a, b);
    }
    if (inverted)
        invert(t, d, r);
    else
        vec_move(t->c, d, r);
    simd_finish(t, d);
}

static void compare_zero(struct translation_state *t, const by_size ops, bool swapped, bool inverted)
{
    const unsigned n = simd_n(t, 0), d = simd_to(t, 0);
    vec_zero(t->c, 1);
    const unsigned r = inverted ? 2 : d;
    vec_op(t->c, ops[t->insn->size], r, swapped ? 1 : n, swapped ? n : 1);
    if (inverted)
        invert(t, d, r);
    simd_finish(t, d);
}

static void test_bits(struct translation_state *t)
{
    const unsigned n = simd_n(t, 0), m = simd_m(t, 1), d = simd_to(t, 0);
    vec_op(t->c, SSE_PAND, 0, n, m);
    vec_zero(t->c, 1);
    vec_op(t->c, simd_equals[t->insn->size], 0, 0, 1);
    invert(t, d, 0);
    simd_finish(t, d);
}

/* to = n * m, by lanes of bytes to words. Bytes go by halfwords: odd ones, then even ones. Uses xmm2, xmm3. */
static void multiply_lanes(struct translation_state *t, unsigned size, unsigned to, unsigned n, unsigned m)
{
    struct x64 *c = t->c;
    if (size) {
        vec_op(c, size == 1 ? SSE_PMULLW : SSE_PMULLD, to, n, m);
        return;
    }
    vec_shift(c, SSE_SHIFT_RIGHT, 1, 2, n, 8);
    vec_shift(c, SSE_SHIFT_RIGHT, 1, 3, m, 8);
    vec_op(c, SSE_PMULLW, 2, 2, 3);
    vec_shift(c, SSE_SHIFT_LEFT, 1, 2, 2, 8);
    vec_op(c, SSE_PMULLW, 3, n, m);
    vec_op_at(c, SSE_PAND, 3, 3, vector_constant_twice(t, 0x00ff00ff00ff00ff));
    vec_op(c, SSE_POR, to, 2, 3);
}

/* One element of m, a halfword or a word, in every lane of xmm. */
unsigned simd_element(struct translation_state *t, unsigned xmm)
{
    const struct insn *insn = t->insn;
    struct x64 *c = t->c;
    const unsigned m = vector_use(t, insn->rm, xmm);
    if (insn->size == 1) {
        const unsigned high = insn->amount >> 2;
        vec_unary_imm(c, high ? SSE_PSHUFHW : SSE_PSHUFLW, xmm, m, (insn->amount & 3) * 0x55u);
        vec_unary_imm(c, SSE_PSHUFD, xmm, xmm, high ? 0xaa : 0);
    } else {
        vec_unary_imm(c, SSE_PSHUFD, xmm, m, insn->amount * 0x55u);
    }
    return xmm;
}

/* d = [d +- ] n * m. `into`: NULL, simd_adds or simd_subs. */
static void multiply(struct translation_state *t, const enum sse_op *into, bool element)
{
    const unsigned size = t->insn->size;
    const unsigned n = simd_n(t, 0), m = element ? simd_element(t, 1) : simd_m(t, 1), d = simd_to(t, 4);
    if (into) {
        const unsigned old = simd_d(t, 4);
        multiply_lanes(t, size, 2, n, m);
        vec_op(t->c, into[size], d, old, 2);
    } else {
        multiply_lanes(t, size, d, n, m);
    }
    simd_finish(t, d);
}

/* |n - m|, added to d where asked. */
static void difference(struct translation_state *t, const by_size max, const by_size min, bool accumulate)
{
    const unsigned size = t->insn->size, n = simd_n(t, 0), m = simd_m(t, 1), d = simd_to(t, 4);
    const unsigned set = larger(larger(set_of(t, t->insn->rn), set_of(t, t->insn->rm)),
                                accumulate ? set_of(t, t->insn->rd) : 0);
    vec_op(t->c, max[size], 2, n, m);
    vec_op(t->c, min[size], 3, n, m);
    if (accumulate) {
        const unsigned old = simd_d(t, 4);
        vec_op(t->c, simd_subs[size], 2, 2, 3);
        vec_op(t->c, simd_adds[size], d, old, 2);
    } else {
        vec_op(t->c, simd_subs[size], d, 2, 3);
    }
    finish_zeroes(t, d, set);
}

/* (mask & a) | (~mask & b). */
static void select_bits(struct translation_state *t, unsigned mask_reg, unsigned a_reg, unsigned b_reg)
{
    const unsigned bytes = vector_length(t->insn);
    const unsigned set = larger(set_of(t, a_reg), set_of(t, b_reg));
    const unsigned mask = vector_use_low(t, mask_reg, 0, bytes), a = vector_use_low(t, a_reg, 1, bytes),
                   b = vector_use_low(t, b_reg, 2, bytes), d = simd_to(t, 3);
    vec_op(t->c, SSE_PXOR, 3, a, b);
    vec_op(t->c, SSE_PAND, 3, 3, mask);
    vec_op(t->c, SSE_PXOR, d, 3, b);
    finish_zeroes(t, d, set);
}

static void or_not(struct translation_state *t)
{
    const unsigned n = simd_n(t, 0), m = simd_m(t, 1), d = simd_to(t, 0);
    invert(t, 1, m);
    vec_op(t->c, SSE_POR, d, n, 1);
    simd_finish(t, d);
}

/* ORR of a register with itself is how vectors are moved. */
static void or_or_move(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    if (insn->rn == insn->rm) {
        const unsigned n = simd_n(t, 0);
        vector_finish(t, n, set_of(t, insn->rn));
    } else {
        lanes(t, SSE_POR);
    }
}

/* EOR of a register with itself clears one. */
static void exclusive_or(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    if (insn->rn != insn->rm) {
        lanes(t, SSE_PXOR);
        return;
    }
    const unsigned d = simd_to(t, 0);
    vec_zero(t->c, d);
    vector_done(t, insn->rd, d, 16, 4);
}

static void invert_bits(struct translation_state *t)
{
    const unsigned n = simd_n(t, 0), d = simd_to(t, 0);
    invert(t, d, n);
    simd_finish(t, d);
}

static void negate(struct translation_state *t)
{
    const unsigned n = simd_n(t, 0), d = simd_to(t, 1);
    vec_zero(t->c, 1);
    vec_op(t->c, simd_subs[t->insn->size], d, 1, n);
    finish_zeroes(t, d, set_of(t, t->insn->rn));
}

void simd_absolute(struct translation_state *t, unsigned size, unsigned d, unsigned n, unsigned temp)
{
    static const by_size absolutes = {SSE_PABSB, SSE_PABSW, SSE_PABSD};
    if (size < 3) {
        vec_unary(t->c, absolutes[size], d, n);
        return;
    }
    vec_zero(t->c, temp);
    vec_op(t->c, SSE_PCMPGTQ, temp, temp, n);
    vec_op(t->c, SSE_PXOR, d, n, temp);
    vec_op(t->c, SSE_PSUBQ, d, d, temp);
}

static void absolute(struct translation_state *t)
{
    const unsigned n = simd_n(t, 0), d = simd_to(t, 0);
    simd_absolute(t, t->insn->size, d, n, 1);
    finish_zeroes(t, d, set_of(t, t->insn->rn));
}

/* By nibbles: a table in a register for the lower ones and one for the upper ones. */
static void by_nibbles(struct translation_state *t, unsigned d, unsigned n, uint64_t low_table, uint64_t high_table,
                       enum sse_op join)
{
    struct x64 *c = t->c;
    const uint64_t nibbles = vector_constant_twice(t, 0x0f0f0f0f0f0f0f0f);
    vec_op_at(c, SSE_PAND, 1, n, nibbles);
    vec_shift(c, SSE_SHIFT_RIGHT, 1, 2, n, 4);
    vec_op_at(c, SSE_PAND, 2, 2, nibbles);
    vec_unary_at(c, SSE_MOVAPS, 3, low_table);
    vec_op(c, SSE_PSHUFB, 3, 3, 1);
    vec_unary_at(c, SSE_MOVAPS, 4, high_table);
    vec_op(c, SSE_PSHUFB, 4, 4, 2);
    vec_op(c, join, d, 3, 4);
}

static void count_bits(struct translation_state *t)
{
    const unsigned n = simd_n(t, 0), d = simd_to(t, 0);
    const uint64_t table = vector_constant(t, 0x0302020102010100, 0x0403030203020201);
    by_nibbles(t, d, n, table, table, SSE_PADDB);
    finish_zeroes(t, d, set_of(t, t->insn->rn));
}

static void reverse_bits(struct translation_state *t)
{
    const unsigned n = simd_n(t, 0), d = simd_to(t, 0);
    by_nibbles(t, d, n, vector_constant(t, 0xe060a020c0408000, 0xf070b030d0509010),
               vector_constant(t, 0x0e060a020c040800, 0x0f070b030d050901), SSE_POR);
    finish_zeroes(t, d, set_of(t, t->insn->rn));
}

/* --- shifts by an immediate -------------------------------------------------------------------------- */

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
    finish_zeroes(t, d, set_of(t, insn->rn));
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
    finish_zeroes(t, d, set_of(t, t->insn->rn));
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

bool emit_simd(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    const unsigned size = insn->size;
    if (size > 3)
        return false;
    switch (insn->op) {
    case OP_add_vec:
    case OP_add_scalar: lanes(t, simd_adds[size]); return true;
    case OP_sub_vec:
    case OP_sub_scalar: lanes(t, simd_subs[size]); return true;
    case OP_cmeq_vec:
    case OP_cmeq_scalar: lanes_of(t, simd_equals[size], false, false); return true;
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
    case OP_cmeq_zero_scalar: compare_zero(t, simd_equals, false, false); return true;
    case OP_cmgt_zero_vec:
    case OP_cmgt_zero_scalar: compare_zero(t, simd_greaters, false, false); return true;
    case OP_cmle_zero_vec:
    case OP_cmle_zero_scalar: compare_zero(t, simd_greaters, false, true); return true;
    case OP_cmlt_zero_vec:
    case OP_cmlt_zero_scalar: compare_zero(t, simd_greaters, true, false); return true;
    case OP_cmge_zero_vec:
    case OP_cmge_zero_scalar: compare_zero(t, simd_greaters, true, true); return true;
    case OP_smax_vec: lanes(t, simd_signed_max[size]); return true;
    case OP_smin_vec: lanes(t, simd_signed_min[size]); return true;
    case OP_umax_vec: lanes(t, simd_unsigned_max[size]); return true;
    case OP_umin_vec: lanes(t, simd_unsigned_min[size]); return true;
    case OP_sabd_vec: difference(t, simd_signed_max, simd_signed_min, false); return true;
    case OP_uabd_vec: difference(t, simd_unsigned_max, simd_unsigned_min, false); return true;
    case OP_saba_vec: difference(t, simd_signed_max, simd_signed_min, true); return true;
    case OP_uaba_vec: difference(t, simd_unsigned_max, simd_unsigned_min, true); return true;
    case OP_mul_vec: multiply(t, NULL, false); return true;
    case OP_mla_vec: multiply(t, simd_adds, false); return true;
    case OP_mls_vec: multiply(t, simd_subs, false); return true;
    case OP_mul_elem: multiply(t, NULL, true); return true;
    case OP_mla_elem: multiply(t, simd_adds, true); return true;
    case OP_mls_elem: multiply(t, simd_subs, true); return true;
    case OP_and_vec: lanes(t, SSE_PAND); return true;
    case OP_orr_vec: or_or_move(t); return true;
    case OP_eor_vec: exclusive_or(t); return true;
    case OP_bic_vec: lanes_of(t, SSE_PANDN, true, true); return true;
    case OP_orn_vec: or_not(t); return true;
    case OP_bsl_vec: select_bits(t, insn->rd, insn->rn, insn->rm); return true;
    case OP_bit_vec: select_bits(t, insn->rm, insn->rn, insn->rd); return true;
    case OP_bif_vec: select_bits(t, insn->rm, insn->rd, insn->rn); return true;
    case OP_not_vec: invert_bits(t); return true;
    case OP_neg_vec:
    case OP_neg_scalar: negate(t); return true;
    case OP_abs_vec:
    case OP_abs_scalar: absolute(t); return true;
    case OP_cnt_vec: count_bits(t); return true;
    case OP_rbit_vec: reverse_bits(t); return true;
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
    default: return emit_simd_wide(t) || emit_saturate(t) || emit_simd_shift(t);
    }
}

/* Takes the access check back where nobody knows the instruction. */
bool translate_vector(struct translation_state *t)
{
    if (t->insn == t->done_too)
        return true;
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
