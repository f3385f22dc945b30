/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the translators of integer AdvSIMD share (translate_simd.c): operands by lane width, and shifts. */
#ifndef ARMATURE_TRANSLATE_SIMD_H
#define ARMATURE_TRANSLATE_SIMD_H

#include "jit/translate_vector.h"

/* The operation for lanes of 1, 2, 4 and 8 bytes. */
typedef enum sse_op by_size[4];

extern const by_size simd_adds, simd_subs, simd_equals, simd_greaters, simd_signed_max, simd_signed_min,
    simd_unsigned_max, simd_unsigned_min;

/** The operands: of q = 0 the lower half, with anything above. */
unsigned simd_n(struct translation_state *t, unsigned temp);
unsigned simd_m(struct translation_state *t, unsigned temp);
unsigned simd_d(struct translation_state *t, unsigned temp);

/** Lanes of v<reg>, of 1 << size bytes: all of the instruction's length, as above; or of a scalar the lowest one, and
 *  zeroes. */
unsigned simd_operand(struct translation_state *t, unsigned reg, unsigned size, unsigned temp);

/** The result of such operands, in which zeroes stay zeroes. */
void simd_finish_operand(struct translation_state *t, unsigned xmm);

/** Where to compute the result, and that it is there: whole, or of q = 0 the lower half. */
unsigned simd_to(struct translation_state *t, unsigned temp);
void simd_finish(struct translation_state *t, unsigned xmm);

/** The same of an operation that makes zeroes of zeroes: only the lowest `set` bytes may be other than zero. */
static inline void simd_finish_zeroes(struct translation_state *t, unsigned xmm, unsigned set)
{
    vector_finish(t, xmm, t->insn->q ? 16 : set);
}

/** How many of an operand's lowest bytes may be other than zero. */
static inline unsigned simd_set_of(const struct translation_state *t, unsigned reg)
{
    return vector_bytes_of(t, reg, vector_length(t->insn));
}

/** One element of Rm, a halfword or a word, in every lane of xmm, which it returns. */
unsigned simd_element(struct translation_state *t, unsigned xmm);

/** A lane's value in all lanes of 8 bytes. */
uint64_t simd_every_lane(unsigned size, uint64_t value);

/** d = |n|, wrapping. Uses `temp`. */
void simd_absolute(struct translation_state *t, unsigned size, unsigned d, unsigned n, unsigned temp);

/** d = n's lanes shifted to the right by 1 to their width, or to the left by less than it. Uses xmm5; rounded xmm1
 *  too. */
void simd_shift_right(struct translation_state *t, unsigned size, unsigned d, unsigned n, unsigned amount,
                      bool is_signed);
void simd_shift_right_rounded(struct translation_state *t, unsigned size, unsigned d, unsigned n, unsigned amount,
                              bool is_signed);
void simd_shift_left(struct translation_state *t, unsigned size, unsigned d, unsigned n, unsigned amount);

/** Of n's lanes, of twice the instruction's size, the half that starts at byte `from`, into half q of d. Uses xmm2,
 *  xmm3 (translate_simd_wide.c). */
void simd_narrow(struct translation_state *t, unsigned n, unsigned from);

/** d = the sign of n's lanes, of words or doublewords, in all of their bits. Uses `temp`, which may be d, but not n. */
void simd_spread_signs(struct x64 *c, unsigned size, unsigned d, unsigned n, unsigned temp);

/** xmm0 = `old`'s lanes, of words or doublewords, and those of xmm0 added or subtracted; where that overflows, the end
 *  of the range on old's side, and ones are set in xmm1. Uses xmm3, xmm4 (translate_saturate.c). */
void simd_add_saturated(struct translation_state *t, unsigned size, unsigned old, bool subtract);

/** FPSR.QC is set where any bit of xmm is (translate_saturate.c). */
void simd_note_saturation(struct translation_state *t, unsigned xmm);

/** The other parts of emit_simd(). */
bool emit_simd_immediate(struct translation_state *t);
bool emit_simd_across(struct translation_state *t);
bool emit_simd_wide(struct translation_state *t);
bool emit_saturate(struct translation_state *t);
bool emit_simd_shift(struct translation_state *t);

/** A part of emit_crypto(). */
bool emit_sha512(struct translation_state *t);

#endif
