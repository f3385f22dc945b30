/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Guest vector registers in translated code, and what is known of them.
 *
 * Within a unit (one block, or a region) those that are used most have a host register of their own, from xmm15 down to
 * xmm6 (without AVX xmm7); the others are in the state. xmm0 to xmm5 are free within an instruction. A translator
 * asks where its operands are, and says where the result is:
 *
 *     unsigned n = vector_use(t, insn->rn, 0), m = vector_use(t, insn->rm, 1);
 *     unsigned d = vector_destination(t, insn->rd, 0);
 *     vec_op(t->c, SSE_PADDD, d, n, m);
 *     vector_done(t, insn->rd, d, 16, 16);
 *
 * What is written comes to the state at the unit's ways out (vectors_store), and around calls of exec_ functions, out
 * of line. Of each register it is known how many of its lowest bytes may be other than zero, so that scalar results,
 * which are to have zeroes above, mostly have them without doing anything: vaddsd takes what stands above from its
 * first operand. */
#ifndef ARMATURE_TRANSLATE_VECTOR_H
#define ARMATURE_TRANSLATE_VECTOR_H

#include "jit/state.h"
#include "jit/x64_vec.h"
#include "machine/contract/host.h"

/* --- units ------------------------------------------------------------------------------------------- */

/** Gives host registers to those that the unit uses most, if that pays. Of a block by itself each is loaded where it is
 *  first used; of a region all are loaded where it is entered, and valid all through it. */
void vectors_assign(struct translation_state *t);

/** At the beginning of a block of the unit. */
void vectors_begin(struct translation_state *t);

/** Of a region: loads all that have a host register. */
void vectors_load(struct translation_state *t);

/** Stores what may have been written, at a way out of the unit or before a call. The host's flags stay. */
void vectors_store(struct translation_state *t);

/** Behind a call of an exec_ function, which may have written any. */
void vectors_lost(struct translation_state *t);

/** Stores or loads the registers of `mask`. */
void vectors_move(struct translation_state *t, uint32_t mask, bool store);

/* --- operands and results ---------------------------------------------------------------------------- */

/** The host register that holds all 128 bits of v<reg>: its own, or `temp`, loaded. Not to be changed. */
unsigned vector_use(struct translation_state *t, unsigned reg, unsigned temp);

/** The lowest `bytes` (4, 8 or 16) of v<reg>; what stands above is anything. */
unsigned vector_use_low(struct translation_state *t, unsigned reg, unsigned temp, unsigned bytes);

/** The lowest `bytes` (4, 8 or 16) of v<reg>, and zeroes above. */
unsigned vector_use_clear(struct translation_state *t, unsigned reg, unsigned temp, unsigned bytes);

/** How many of the lowest bytes of what vector_use_low() gave for v<reg> may be other than zero. */
unsigned vector_bytes_of(const struct translation_state *t, unsigned reg, unsigned bytes);

/** Where to compute v<reg>: its own register, or `temp`. Operands may be the same register. */
unsigned vector_destination(const struct translation_state *t, unsigned reg, unsigned temp);

/** The same for a result that is looked at before it counts: not where one of the `operands` (bits) is. */
unsigned vector_apart(const struct translation_state *t, unsigned reg, unsigned temp, uint32_t operands);

/** v<reg> becomes the lowest `bytes` (4, 8 or 16) of `xmm`, and zeroes above. Only the lowest `set` bytes of xmm may be
 *  other than zero. May use xmm5. */
void vector_done(struct translation_state *t, unsigned reg, unsigned xmm, unsigned bytes, unsigned set);

/** The run address of 16 bytes with these contents, near the code. */
uint64_t vector_constant(struct translation_state *t, uint64_t low, uint64_t high);

/** The same 8 bytes twice. */
static inline uint64_t vector_constant_twice(struct translation_state *t, uint64_t value)
{
    return vector_constant(t, value, value);
}

/** xmm becomes a constant, the shortest way. The host's flags stay. */
void vector_load_constant(struct translation_state *t, unsigned xmm, uint64_t low, uint64_t high);

/** The instruction at a distance from the present one in the block, or NULL. */
const struct insn *vector_neighbour(const struct translation_state *t, int distance);

/** 16 for a whole vector operation, 8 for one of the lower half. */
static inline unsigned vector_length(const struct insn *insn)
{
    return insn->q ? 16 : 8;
}

/** Whether an AdvSIMD instruction is one of scalars, where only the lowest lane counts (Arm ARM C4.1.96). */
static inline bool vector_is_scalar(const struct insn *insn)
{
    return insn->word >> 28 & 1;
}

/** The result of an operation of the instruction's length is in `xmm`; `set` as above. */
static inline void vector_finish(struct translation_state *t, unsigned xmm, unsigned set)
{
    vector_done(t, t->insn->rd, xmm, vector_length(t->insn), set);
}

/** d = the lowest lane of `xmm`, of 1 << size bytes, in all lanes. Uses `temp` (another one than xmm). */
void vector_broadcast(struct translation_state *t, unsigned size, unsigned d, unsigned xmm, unsigned temp);

/* --- what FP results must be looked at for ----------------------------------------------------------- */

/** Rounding as roundsd has it (which has no TIES_AWAY); without raising "inexact". */
enum { NEAREST, DOWN, UP, TO_ZERO, QUIETLY = 8, TIES_AWAY = 16 };

/** xmm `d` (another one than n) = the lanes of `n` rounded to the nearest integers, ties away from zero. Raises
 *  nothing. Uses xmm2, xmm3, xmm5, rax (translate_convert.c). */
void round_away(struct translation_state *t, enum sse_form form, unsigned d, unsigned n);

/** The number in v<rn> as an integer in rax, of 64 (sf) or 32 bits (translate_convert.c). Uses rcx, xmm0 to xmm3,
 *  xmm5. */
void integer_to_rax(struct translation_state *t, unsigned sf, bool is_unsigned, unsigned rounding);

/** The same of the number times 2^insn->amount, rounded to zero. Uses xmm2 too. */
void fixed_to_rax(struct translation_state *t, unsigned sf, bool is_unsigned);

/** The slow path where the number in xmm is 2^63 or more (translate_convert.c). */
void slow_if_too_large(struct translation_state *t, bool wide, unsigned xmm);

/** The slow path where a lane of `xmm` has its sign bit set; `form` is packed. Uses rax. */
void slow_if_any_sign(struct translation_state *t, enum sse_form form, unsigned xmm);

/** The slow path where a lane of `xmm` is a NaN. `form` says how many lanes there are. Uses xmm5, rax. */
void slow_if_nan(struct translation_state *t, enum sse_form form, unsigned xmm);

/** The slow path where a lane is a NaN, or may have been rounded up to the smallest normal number. Uses xmm5, rax. */
void slow_if_nan_or_least(struct translation_state *t, enum sse_form form, unsigned xmm);

/** The slow path where a lane is 2^power or more without its sign, infinite or a NaN. Uses xmm5, rax. */
void slow_if_from(struct translation_state *t, enum sse_form form, unsigned xmm, unsigned power);

/** A lane of `value`, where form is a scalar's only the lowest, else all. */
uint64_t lane_constant(struct translation_state *t, enum sse_form form, uint64_t value);

/** Without the sign; the sign alone: for each lane of `form`, of a scalar the only one. */
uint64_t magnitude_mask(struct translation_state *t, enum sse_form form);
uint64_t sign_mask(struct translation_state *t, enum sse_form form);

/** The classes of translate_vector(); the access check is done. */
bool emit_simd(struct translation_state *t);
bool emit_permute(struct translation_state *t);
bool emit_crypto(struct translation_state *t);
bool emit_simd_fp(struct translation_state *t);

#endif
