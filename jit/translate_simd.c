/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Integer AdvSIMD on SSE4 or AVX2: lane by lane. Shifts stand in translate_simd_immediate.c and translate_simd_shift.c,
 * what goes across lanes in translate_simd_across.c, between widths in translate_simd_wide.c, copies and permutes in
 * translate_permute.c, what saturates in translate_saturate.c.
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

unsigned simd_operand(struct translation_state *t, unsigned reg, unsigned size, unsigned temp)
{
    if (!vector_is_scalar(t->insn))
        return vector_use_low(t, reg, temp, vector_length(t->insn));
    if (size >= 2)
        return vector_use_clear(t, reg, temp, 1u << size);
    const unsigned n = vector_use_low(t, reg, temp, 4);
    vec_op_at(t->c, SSE_PAND, temp, n, vector_constant(t, size ? UINT16_MAX : UINT8_MAX, 0));
    return temp;
}

void simd_finish_operand(struct translation_state *t, unsigned xmm)
{
    if (vector_is_scalar(t->insn))
        vector_done(t, t->insn->rd, xmm, 16, t->insn->size == 3 ? 8 : 4);
    else
        simd_finish(t, xmm);
}

unsigned simd_to(struct translation_state *t, unsigned temp)
{
    return vector_destination(t, t->insn->rd, temp);
}

void simd_finish(struct translation_state *t, unsigned xmm)
{
    vector_finish(t, xmm, 16);
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
    const unsigned set = zeroes ? larger(simd_set_of(t, t->insn->rn), simd_set_of(t, t->insn->rm)) : 16;
    const unsigned n = simd_n(t, 0), m = simd_m(t, 1), d = simd_to(t, 0);
    vec_op(t->c, op, d, swapped ? m : n, swapped ? n : m);
    simd_finish_zeroes(t, d, set);
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
    const unsigned set = larger(larger(simd_set_of(t, t->insn->rn), simd_set_of(t, t->insn->rm)),
                                accumulate ? simd_set_of(t, t->insn->rd) : 0);
    vec_op(t->c, max[size], 2, n, m);
    vec_op(t->c, min[size], 3, n, m);
    if (accumulate) {
        const unsigned old = simd_d(t, 4);
        vec_op(t->c, simd_subs[size], 2, 2, 3);
        vec_op(t->c, simd_adds[size], d, old, 2);
    } else {
        vec_op(t->c, simd_subs[size], d, 2, 3);
    }
    simd_finish_zeroes(t, d, set);
}

/* (mask & a) | (~mask & b). */
static void select_bits(struct translation_state *t, unsigned mask_reg, unsigned a_reg, unsigned b_reg)
{
    const unsigned bytes = vector_length(t->insn);
    const unsigned set = larger(simd_set_of(t, a_reg), simd_set_of(t, b_reg));
    const unsigned mask = vector_use_low(t, mask_reg, 0, bytes), a = vector_use_low(t, a_reg, 1, bytes),
                   b = vector_use_low(t, b_reg, 2, bytes), d = simd_to(t, 3);
    vec_op(t->c, SSE_PXOR, 3, a, b);
    vec_op(t->c, SSE_PAND, 3, 3, mask);
    vec_op(t->c, SSE_PXOR, d, 3, b);
    simd_finish_zeroes(t, d, set);
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
        vector_finish(t, n, simd_set_of(t, insn->rn));
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
    simd_finish_zeroes(t, d, simd_set_of(t, t->insn->rn));
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

void simd_spread_signs(struct x64 *c, unsigned size, unsigned d, unsigned n, unsigned temp)
{
    if (size == 2) {
        vec_shift(c, SSE_SHIFT_RIGHT_SIGNED, 2, d, n, 31);
    } else {
        vec_zero(c, temp);
        vec_op(c, SSE_PCMPGTQ, d, temp, n);
    }
}

static void absolute(struct translation_state *t)
{
    const unsigned n = simd_n(t, 0), d = simd_to(t, 0);
    simd_absolute(t, t->insn->size, d, n, 1);
    simd_finish_zeroes(t, d, simd_set_of(t, t->insn->rn));
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
    simd_finish_zeroes(t, d, simd_set_of(t, t->insn->rn));
}

static void reverse_bits(struct translation_state *t)
{
    const unsigned n = simd_n(t, 0), d = simd_to(t, 0);
    by_nibbles(t, d, n, vector_constant(t, 0xe060a020c0408000, 0xf070b030d0509010),
               vector_constant(t, 0x0e060a020c040800, 0x0f070b030d050901), SSE_POR);
    simd_finish_zeroes(t, d, simd_set_of(t, t->insn->rn));
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
    default:
        return emit_simd_immediate(t) || emit_simd_across(t) || emit_simd_wide(t) || emit_saturate(t) ||
               emit_simd_shift(t);
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
