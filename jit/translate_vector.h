/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Guest vector registers in translated code: in the state between instructions, in xmm0 to xmm5 within one.
 */
#ifndef ARMATURE_TRANSLATE_VECTOR_H
#define ARMATURE_TRANSLATE_VECTOR_H

#include "jit/state.h"
#include "jit/x64_sse.h"
#include "machine/contract/host.h"

/** The classes of translate_vector(); the access check is done. */
bool emit_simd(struct translation_state *t);
bool emit_permute(struct translation_state *t);
bool emit_simd_fp(struct translation_state *t);

/** xmm's lowest lane, of 1 << size bytes, in all lanes. Uses `temp`. */
void broadcast_lane(struct translation_state *t, unsigned size, unsigned xmm, unsigned temp);

/** All of a guest register (`whole`), or its lower half with zeroes above. Only what was written is read: a
 * load that is wider than the store before it would wait for memory. */
static inline void load_vector(struct translation_state *t, unsigned xmm, unsigned reg, bool whole)
{
    sse_rm(t->c, whole ? SSE_MOVAPS : SSE_MOVQ, xmm, HOST_CPU, vector_offset(reg));
}

/** All 16 bytes. */
static inline void store_vector(struct translation_state *t, unsigned xmm, unsigned reg)
{
    sse_rm(t->c, SSE_MOVAPS_STORE, xmm, HOST_CPU, vector_offset(reg));
}

/** 64 bits in the lower half, zeroes above. Uses rax; the host's flags stay. */
static inline void load_imm(struct translation_state *t, unsigned xmm, uint64_t value)
{
    if (value == 0) {
        sse_rr(t->c, SSE_PXOR, xmm, xmm);
        return;
    }
    x64_mov_imm(t->c, RAX, value);
    sse_rr_w(t->c, 1, SSE_MOVD, xmm, RAX);
}

/** The same 64 bits in both halves. */
static inline void load_imm_twice(struct translation_state *t, unsigned xmm, uint64_t value)
{
    load_imm(t, xmm, value);
    if (value)
        sse_rr(t->c, SSE_PUNPCKLQDQ, xmm, xmm);
}

#endif
