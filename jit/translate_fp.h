/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the translators of floating point share. Scalars of half precision are computed in single and rounded once more:
 * single has twice the bits and two, so that sums, products, quotients and roots come out as if rounded once. */
#ifndef ARMATURE_TRANSLATE_FP_H
#define ARMATURE_TRANSLATE_FP_H

#include "isa/arm64/fp/fast.h"
#include "jit/translate_vector.h"

static inline bool fp_is_double(const struct insn *insn)
{
    return insn->size == FP_DOUBLE;
}

/** The form that the instruction's scalars are computed in. */
static inline enum sse_form fp_scalar_form(const struct insn *insn)
{
    return fp_is_double(insn) ? SSE_SD : SSE_SS;
}

/** And its vectors. */
static inline enum sse_form fp_packed_form(const struct insn *insn)
{
    return fp_is_double(insn) ? SSE_PD : SSE_PS;
}

static inline unsigned fp_bytes(const struct insn *insn)
{
    return 1u << insn->size;
}

/** A whole vector operand; with q = 0 its lower half and zeroes. */
static inline unsigned fp_vector_use(struct translation_state *t, unsigned reg, unsigned temp)
{
    return t->insn->q ? vector_use(t, reg, temp) : vector_use_clear(t, reg, temp, 8);
}

/** An operand of the instruction's size, of half precision as a single in `temp`; `set` (unless NULL): how many of its
 *  bytes may be other than zero, as it is in the host register. */
unsigned fp_operand(struct translation_state *t, unsigned reg, unsigned temp, unsigned *set);

/** The result is in `xmm`, of half precision as a single, for which there may still be a slow path: then no operand was
 *  written over. Only the lowest `set` bytes may be other than zero. Uses xmm3, xmm5. */
void fp_result(struct translation_state *t, unsigned xmm, unsigned set);

/** vector_apart() of rd, for fp_result(). */
static inline unsigned fp_apart(const struct translation_state *t, unsigned temp, uint32_t operands)
{
    return t->insn->size == FP_HALF ? temp : vector_apart(t, t->insn->rd, temp, operands);
}

/** Conversions, rounding to integers: a part of translate_fp(). */
bool translate_conversion(struct translation_state *t);

/** Conversions and rounding of vectors: a part of emit_simd_fp(). */
bool emit_simd_convert(struct translation_state *t);

/** d (another one than n) = n's lanes, of the form of its vectors, rounded to integers. Where that is TIES_AWAY with
 *  QUIETLY, it uses what round_away() does. */
void fp_round_vector(struct translation_state *t, unsigned d, unsigned n, unsigned rounding);

/** Estimates and their steps: a part of emit_simd_fp(). */
bool emit_estimate(struct translation_state *t);

/** xmm2 = the estimates of the reciprocals of xmm `n`'s four singles (n is not 2 to 5), or of their square `root`s. The
 *  slow path where one, without its sign, is below 2^least, or 2^most and more; for roots where it has a sign. Uses
 *  xmm3 to xmm5, rax, rcx. */
void estimate_singles(struct translation_state *t, bool root, unsigned n, int least, int most);

/** Complex arithmetic: a part of emit_simd_fp(). */
bool emit_complex(struct translation_state *t);

/* --- half precision (translate_half.c, translate_simd_half.c) ---------------------------------------- */

#define EVERY_HALF(bits) ((bits)*0x0001000100010001ull)

/** Whether the host converts it. */
static inline bool half_is_native(const struct translation_state *t)
{
    return host_has.f16c && t->c->avx;
}

/** xmm = the half in the lowest place of v<reg> as a single, and zeroes. */
void half_to_single(struct translation_state *t, unsigned reg, unsigned xmm);

/** v<reg> = the single in the lowest place of xmm, above which are zeroes, as a half. Uses xmm3, xmm5. */
void single_to_half(struct translation_state *t, unsigned reg, unsigned xmm);

/** d = the singles of n as halves. */
void round_to_halves(struct x64 *c, unsigned d, unsigned n);

/** The doubles in xmm are cut to what a single holds; its last bit says whether anything was. Uses `temp`. */
void round_to_odd(struct translation_state *t, unsigned xmm, unsigned temp);

/** The slow path where a half of `xmm` may have been rounded up to the smallest normal number. Uses xmm5. */
void slow_if_least_half(struct translation_state *t, unsigned xmm);

/** Instructions of half precision alone: parts of translate_fp() and emit_simd_fp(). */
bool translate_half(struct translation_state *t);
bool emit_simd_half(struct translation_state *t);

/** Conversions and estimates of such vectors: a part of emit_simd_half(). */
bool emit_simd_half_convert(struct translation_state *t);

/** BFloat16: parts of translate_fp() and emit_simd_fp(). */
bool emit_bf16(struct translation_state *t);

/* --- vectors of half precision, four lanes at a time (translate_simd_half.c) -------------------------- */

/** How many times four. */
unsigned half_parts(const struct translation_state *t);

/** xmm = four halves of `from` as singles: the lower ones, or (`part` 1) the upper ones. */
void half_part(struct x64 *c, unsigned xmm, unsigned from, unsigned part);

/** The operands' registers. By element: xmm1, with it in all lanes. */
unsigned half_first(struct translation_state *t);
unsigned half_second(struct translation_state *t, bool by_element);

/** The slow path where a single in xmm2, or in xmm3 if there are two parts, is a NaN. Uses xmm5, rax. */
void half_slow_if_parts_nan(struct translation_state *t);

/** The slow path where a half of xmm is infinite or a NaN. Uses xmm5. */
void half_slow_if_infinite(struct translation_state *t, unsigned xmm);

/** xmm2 = the singles of xmm2 and xmm3 as halves; that is the result. */
void half_join(struct translation_state *t);
void half_finish(struct translation_state *t);

/** The same with anything in all but the lowest `set` bytes, and for scalars (half_first) in all but the first lane. */
void half_finish_whole(struct translation_state *t, unsigned set);

/** xmm `r` = the singles of xmm4 and xmm5 added, rounded to odd. Uses `temp`, xmm4, xmm5. */
void half_add_to_odd(struct translation_state *t, unsigned r, unsigned temp);

#endif
