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

/** Estimates and their steps: a part of emit_simd_fp(). */
bool emit_estimate(struct translation_state *t);

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

#endif
