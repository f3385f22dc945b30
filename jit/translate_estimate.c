/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Estimates of reciprocals and of reciprocals of square roots, and the steps that refine them. Single and double
 * precision; of vectors and of scalars, which here are vectors of which one lane counts. */
#include "jit/translate_fp.h"

/* What becomes of the highest eight bits of the fraction, as a single's fraction; for a root the exponent's lowest bit
 * stands above them. */
static uint32_t reciprocals[256], roots[512];

/* What becomes of integers, by their highest nine bits. */
static uint32_t unsigned_reciprocals[512], unsigned_roots[512];

static __attribute__((constructor)) void make_tables(void)
{
    enum { FRACTION = 0x7fffff, ONE_HALF = 0x3f000000 };
    struct fp_state fp = {0, 0};
    for (uint32_t i = 0; i < 256; i++)
        reciprocals[i] = (uint32_t)fp_recpe(FP_SINGLE, ONE_HALF | i << 15, &fp) & FRACTION;
    for (uint32_t i = 0; i < 512; i++)
        roots[i] = (uint32_t)fp_rsqrte(FP_SINGLE, ONE_HALF + (i << 15), &fp) & FRACTION;
    for (uint32_t i = 0; i < 512; i++) {
        unsigned_reciprocals[i] = fp_unsigned_recpe(i << 23);
        unsigned_roots[i] = fp_unsigned_rsqrte(i << 23);
    }
}

static unsigned lanes(const struct translation_state *t, bool scalar)
{
    return scalar ? 1 : vector_length(t->insn) / fp_bytes(t->insn);
}

/* An operand, of which what does not count is like what does. */
static unsigned filled(struct translation_state *t, unsigned reg, unsigned temp, bool scalar)
{
    const struct insn *insn = t->insn;
    const unsigned xmm = vector_use_low(t, reg, temp, scalar ? fp_bytes(insn) : vector_length(insn));
    if (!scalar && insn->q)
        return xmm;
    if (scalar && !fp_is_double(insn))
        vec_unary_imm(t->c, SSE_PSHUFD, temp, xmm, 0);
    else
        vec_op(t->c, SSE_PUNPCKLQDQ, temp, xmm, xmm);
    return temp;
}

static void finish(struct translation_state *t, unsigned xmm, bool scalar)
{
    vector_done(t, t->insn->rd, xmm, scalar ? fp_bytes(t->insn) : vector_length(t->insn), 16);
}

/* --- steps ------------------------------------------------------------------------------------------- */

/* 2 - n * m, or half of 3 - n * m, which is rounded once: before it is halved. Infinities are left to exec_: times zero
 * they are nothing here; and what would be infinite unless halved. */
static bool step(struct translation_state *t, bool root, bool scalar)
{
    const struct insn *insn = t->insn;
    const bool wide = fp_is_double(insn);
    const enum sse_form form = fp_packed_form(insn);
    const unsigned infinite = wide ? 1024 : 128, too_large = root ? infinite / 2 - 1 : infinite;
    const uint64_t two = wide ? 0x4000000000000000 : 0x40000000, three = wide ? 0x4008000000000000 : 0x40400000,
                   half = wide ? 0x3fe0000000000000 : 0x3f000000;
    if (!fp_host_has_fma())
        return false;
    arm_fp(t);
    const unsigned n = filled(t, insn->rn, 0, scalar), m = filled(t, insn->rm, 1, scalar);
    slow_if_from(t, form, n, too_large);
    slow_if_from(t, form, m, too_large);
    vec_unary_at(t->c, SSE_MOVAPS, 2, lane_constant(t, form, root ? three : two));
    vec_fma(t->c, FMA_NEGATED_ADD, form, 2, n, m);
    if (root)
        vec_op_at(t->c, sse_fp(SSE_MUL, form), 2, 2, lane_constant(t, form, half));
    finish(t, 2, scalar);
    return true;
}

/* --- estimates --------------------------------------------------------------------------------------- */

/* The slow path where a lane of xmm (as a signed integer) is below `least`, or `most` and more. Uses xmm4, xmm5. */
static void slow_unless_within(struct translation_state *t, enum sse_form form, unsigned xmm, uint64_t least,
                               uint64_t most)
{
    const enum sse_op greater = form == SSE_PD ? SSE_PCMPGTQ : SSE_PCMPGTD;
    vec_unary_at(t->c, SSE_MOVAPS, 5, lane_constant(t, form, least));
    vec_op(t->c, greater, 5, 5, xmm);
    vec_op_at(t->c, greater, 4, xmm, lane_constant(t, form, most - 1));
    vec_op(t->c, SSE_POR, 5, 5, 4);
    slow_if_any_sign(t, form, 5);
}

/* xmm3 = for each of n's first `count` lanes what the table has. Uses xmm4, rax, rcx. */
static void look_up(struct translation_state *t, const uint32_t *table, uint64_t mask, bool wide, unsigned n,
                    unsigned count)
{
    struct x64 *c = t->c;
    vec_shift(c, SSE_SHIFT_RIGHT, wide ? 3 : 2, 4, n, wide ? 44 : 15);
    vec_op_at(c, SSE_PAND, 4, 4, lane_constant(t, wide ? SSE_PD : SSE_PS, mask));
    x64_mov_imm(c, RCX, (uint64_t)table);
    for (unsigned i = 0; i < count; i++) {
        vec_unary(c, SSE_PEXTRW, RAX, 4);
        x64_byte(c, i * (wide ? 4 : 2));
        x64_load_indexed(c, 0, RAX, RCX, RAX, 2, 0);
        vec_op_general(c, wide, SSE_PINSRD, 3, 3, RAX);
        x64_byte(c, i);
    }
    if (wide)
        vec_shift(c, SSE_SHIFT_LEFT, 3, 3, 3, 29);
}

/* xmm2 = the estimates of n's first `count` lanes, which, without their sign, are at least 2^least, and below 2^most.
 * Uses xmm3 to xmm5, rax, rcx.
 *
 * The exponent of 1 / n, whose fraction comes from the table, is the opposite of n's less one. */
static void reciprocals_of(struct translation_state *t, bool wide, unsigned n, unsigned count, int least, int most)
{
    const enum sse_form form = wide ? SSE_PD : SSE_PS;
    const unsigned fraction_bits = wide ? 52 : 23, bias = wide ? 1023 : 127;
    struct x64 *c = t->c;
    vec_op_at(c, SSE_PAND, 3, n, magnitude_mask(t, form));
    slow_unless_within(t, form, 3, (uint64_t)((int)bias + least) << fraction_bits,
                       (uint64_t)((int)bias + most) << fraction_bits);
    look_up(t, reciprocals, 255, wide, n, count);
    vec_shift(c, SSE_SHIFT_RIGHT, wide ? 3 : 2, 2, n, fraction_bits); /* with the sign, which a difference keeps */
    vec_shift(c, SSE_SHIFT_LEFT, wide ? 3 : 2, 2, 2, fraction_bits);
    vec_unary_at(c, SSE_MOVAPS, 4, lane_constant(t, form, (2ull * bias - 1) << fraction_bits));
    vec_op(c, wide ? SSE_PSUBQ : SSE_PSUBD, 2, 4, 2);
    vec_op(c, SSE_POR, 2, 2, 3);
}

/* The same of square roots, where the numbers are positive: half the opposite of n's exponent. */
static void roots_of(struct translation_state *t, bool wide, unsigned n, unsigned count, int least, int most)
{
    const enum sse_form form = wide ? SSE_PD : SSE_PS;
    const unsigned fraction_bits = wide ? 52 : 23, bias = wide ? 1023 : 127;
    const uint64_t all = wide ? 0x7ff : 0xff;
    struct x64 *c = t->c;
    slow_unless_within(t, form, n, (uint64_t)((int)bias + least) << fraction_bits,
                       (uint64_t)((int)bias + most) << fraction_bits);
    look_up(t, roots, 511, wide, n, count);
    vec_op_at(c, SSE_PAND, 2, n, lane_constant(t, form, all << fraction_bits));
    vec_unary_at(c, SSE_MOVAPS, 4, lane_constant(t, form, (3ull * bias - 1) << fraction_bits));
    vec_op(c, wide ? SSE_PSUBQ : SSE_PSUBD, 2, 4, 2);
    vec_shift(c, SSE_SHIFT_RIGHT, wide ? 3 : 2, 2, 2, 1);
    vec_op_at(c, SSE_PAND, 2, 2, lane_constant(t, form, all << fraction_bits));
    vec_op(c, SSE_POR, 2, 2, 3);
}

void estimate_singles(struct translation_state *t, bool root, unsigned n, int least, int most)
{
    (root ? roots_of : reciprocals_of)(t, false, n, 4, least, most);
}

/* Where the result would be no normal number, it is left to exec_. */
static void estimate(struct translation_state *t, bool root, bool scalar)
{
    const bool wide = fp_is_double(t->insn);
    const int bias = wide ? 1023 : 127;
    arm_fp(t);
    const unsigned n = filled(t, t->insn->rn, 0, scalar);
    if (root)
        roots_of(t, wide, n, lanes(t, scalar), 1 - bias, bias + 1);
    else
        reciprocals_of(t, wide, n, lanes(t, scalar), 1 - bias, bias - 1);
    finish(t, 2, scalar);
}

static void estimate_unsigned(struct translation_state *t, const uint32_t *table)
{
    struct x64 *c = t->c;
    const unsigned n = vector_use_low(t, t->insn->rn, 0, vector_length(t->insn));
    vec_shift(c, SSE_SHIFT_RIGHT, 2, 4, n, 32 - 9);
    x64_mov_imm(c, RCX, (uint64_t)table);
    vec_zero(c, 2);
    for (unsigned i = 0; i < lanes(t, false); i++) {
        vec_unary(c, SSE_PEXTRW, RAX, 4);
        x64_byte(c, 2 * i);
        x64_load_indexed(c, 0, RAX, RCX, RAX, 2, 0);
        vec_op_general(c, 0, SSE_PINSRD, 2, 2, RAX);
        x64_byte(c, i);
    }
    vector_finish(t, 2, vector_length(t->insn));
}

bool emit_estimate(struct translation_state *t)
{
    switch (t->insn->op) {
    case OP_urecpe_v: estimate_unsigned(t, unsigned_reciprocals); return true;
    case OP_ursqrte_v: estimate_unsigned(t, unsigned_roots); return true;
    case OP_frecps_v: return step(t, false, false);
    case OP_frecps_s: return step(t, false, true);
    case OP_frsqrts_v: return step(t, true, false);
    case OP_frsqrts_s: return step(t, true, true);
    case OP_frecpe_v: estimate(t, false, false); return true;
    case OP_frecpe_s: estimate(t, false, true); return true;
    case OP_frsqrte_v: estimate(t, true, false); return true;
    case OP_frsqrte_s: estimate(t, true, true); return true;
    default: return false;
    }
}
