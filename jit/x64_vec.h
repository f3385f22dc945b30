/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Vector operations with three operands: AVX where the host has it (struct x64), else a move and the SSE form.
 *
 * d = a op b is vpaddd d, a, b; without AVX it is movaps d, a ; paddd d, b, by way of VEC_SCRATCH where d is b. Scalar
 * operations take what stands above their element from a. The AVX forms clear the host's upper 128 bits, which is what
 * keeps mixing them with SSE (SHA has no other) free of charge. */
#ifndef ARMATURE_X64_VEC_H
#define ARMATURE_X64_VEC_H

#include "jit/x64_sse.h"

#define VEC_SCRATCH 6u /* without AVX nobody else uses it */

/* --- encodings --------------------------------------------------------------------------------------- */

/* VEX and the opcode. `over` is the register in vvvv, 0 where there is none; `rm` the operand's or base's number. */
static inline void vex_opcode_x(struct x64 *c, unsigned w, unsigned op, unsigned reg, unsigned over, unsigned rm,
                                unsigned index)
{
    const unsigned prefix = op >> 24, escape = op >> 8 & 0xffff;
    const unsigned pp = prefix == 0x66 ? 1 : prefix == 0xf3 ? 2 : prefix == 0xf2 ? 3 : 0;
    const unsigned map = escape == 0x0f38 ? 2 : escape == 0x0f3a ? 3 : 1;
    const unsigned no_r = reg < 8, no_b = rm < 8, no_x = index < 8,
                   last = (~over & 15) << 3 | pp; /* they stand inverted */
    if (map == 1 && !w && no_b && no_x) {
        x64_byte(c, 0xc5);
        x64_byte(c, no_r << 7 | last);
    } else {
        x64_byte(c, 0xc4);
        x64_byte(c, no_r << 7 | no_x << 6 | no_b << 5 | map);
        x64_byte(c, w << 7 | last);
    }
    x64_byte(c, op & 0xff);
}

static inline void vex_opcode(struct x64 *c, unsigned w, unsigned op, unsigned reg, unsigned over, unsigned rm)
{
    vex_opcode_x(c, w, op, reg, over, rm, 0);
}

static inline void vex_rr(struct x64 *c, unsigned w, unsigned op, unsigned reg, unsigned over, unsigned rm)
{
    vex_opcode(c, w, op, reg, over, rm);
    x64_byte(c, 0xc0 | (reg & 7) << 3 | (rm & 7));
}

static inline void vex_rm(struct x64 *c, unsigned op, unsigned reg, unsigned over, unsigned base, int32_t disp)
{
    vex_opcode_x(c, 0, op, reg, over, base & 15, x64_index_of(base));
    x64_memory_operand(c, reg, base, disp);
}

/* The operand at run address `at`, by its distance; `behind` bytes of immediate follow. */
static inline void vec_near_operand(struct x64 *c, unsigned reg, uint64_t at, unsigned behind)
{
    x64_byte(c, (reg & 7) << 3 | 5);
    x64_imm32(c, (int64_t)(at - (x64_here(c) + 4 + behind)));
}

static inline void vec_near(struct x64 *c, unsigned op, unsigned reg, unsigned over, uint64_t at, unsigned behind)
{
    if (c->avx)
        vex_opcode(c, 0, op, reg, over, 0);
    else
        x64_opcode(c, op >> 24, reg >> 3 << 2, op & 0xffffff);
    vec_near_operand(c, reg, at, behind);
}

/* --- one operand ------------------------------------------------------------------------------------- */

/** d = op b, of general or vector registers, each where the operation has it; `w`: its general one has 64 bits. */
static inline void vec_unary_w(struct x64 *c, unsigned w, enum sse_op op, unsigned d, unsigned b)
{
    if (c->avx)
        vex_rr(c, w, op, d, 0, b);
    else
        sse_rr_w(c, w, op, d, b);
}

static inline void vec_unary(struct x64 *c, enum sse_op op, unsigned d, unsigned b)
{
    vec_unary_w(c, 0, op, d, b);
}

static inline void vec_unary_imm(struct x64 *c, enum sse_op op, unsigned d, unsigned b, unsigned imm)
{
    vec_unary(c, op, d, b);
    x64_byte(c, imm);
}

/** d = op [base + disp], or the store of d. Aligned without AVX, as sse_rm() has it. */
static inline void vec_unary_load(struct x64 *c, enum sse_op op, unsigned d, unsigned base, int32_t disp)
{
    if (c->avx)
        vex_rm(c, op, d, 0, base, disp);
    else
        sse_rm(c, op, d, base, disp);
}

/** d = op of the 16 bytes at run address `at`. */
static inline void vec_unary_at(struct x64 *c, enum sse_op op, unsigned d, uint64_t at)
{
    vec_near(c, op, d, 0, at, 0);
}

static inline void vec_move(struct x64 *c, unsigned d, unsigned b)
{
    if (d != b)
        vec_unary(c, SSE_MOVAPS, d, b);
}

/* --- two operands ------------------------------------------------------------------------------------ */

/* Without AVX: d becomes a, so that d op= b does it; returns b's register. */
static inline unsigned vec_prepare(struct x64 *c, unsigned d, unsigned a, unsigned b)
{
    if (d == b && d != a) {
        vec_move(c, VEC_SCRATCH, b);
        b = VEC_SCRATCH;
    }
    vec_move(c, d, a);
    return b;
}

/** d = a op b. `w`: b is a general register of 64 bits (SSE_CVTSI2SD, SSE_PINSRD); 0 for 32 bits and all else. */
static inline void vec_op_w(struct x64 *c, unsigned w, enum sse_op op, unsigned d, unsigned a, unsigned b)
{
    if (c->avx)
        vex_rr(c, w, op, d, a, b);
    else
        sse_rr_w(c, w, op, d, vec_prepare(c, d, a, b));
}

static inline void vec_op(struct x64 *c, enum sse_op op, unsigned d, unsigned a, unsigned b)
{
    vec_op_w(c, 0, op, d, a, b);
}

static inline void vec_op_imm(struct x64 *c, enum sse_op op, unsigned d, unsigned a, unsigned b, unsigned imm)
{
    vec_op(c, op, d, a, b);
    x64_byte(c, imm);
}

/** d = a op general register b: conversions, insertions (then x64_byte() of the place). */
static inline void vec_op_general(struct x64 *c, unsigned w, enum sse_op op, unsigned d, unsigned a, unsigned b)
{
    if (!c->avx) {
        vec_move(c, d, a);
        sse_rr_w(c, w, op, d, b);
    } else {
        vex_rr(c, w, op, d, a, b);
    }
}

/** d = a op [base + disp]. Aligned without AVX. */
static inline void vec_op_load(struct x64 *c, enum sse_op op, unsigned d, unsigned a, unsigned base, int32_t disp)
{
    if (c->avx) {
        vex_rm(c, op, d, a, base, disp);
    } else {
        vec_move(c, d, a);
        sse_rm(c, op, d, base, disp);
    }
}

/** d = a op the 16 bytes at run address `at`. */
static inline void vec_op_at(struct x64 *c, enum sse_op op, unsigned d, unsigned a, uint64_t at)
{
    if (!c->avx)
        vec_move(c, d, a);
    vec_near(c, op, d, a, at, 0);
}

static inline void vec_op_imm_at(struct x64 *c, enum sse_op op, unsigned d, unsigned a, uint64_t at, unsigned imm)
{
    if (!c->avx)
        vec_move(c, d, a);
    vec_near(c, op, d, a, at, 1);
    x64_byte(c, imm);
}

/** d = a's lanes of 1 << size bytes (1 to 3) shifted by `amount`; no signed right shift of 64-bit lanes. */
static inline void vec_shift(struct x64 *c, enum sse_shift shift, unsigned size, unsigned d, unsigned a,
                             unsigned amount)
{
    if (c->avx) {
        vex_rr(c, 0, 0x66000f70 + size, shift, d, a);
    } else {
        vec_move(c, d, a);
        x64_rr(c, 0x66, 0, 0x0f70 + size, shift, d, false);
    }
    x64_byte(c, amount);
}

/** All zeroes, or all ones. */
static inline void vec_zero(struct x64 *c, unsigned d)
{
    vec_op(c, SSE_PXOR, d, d, d);
}

static inline void vec_ones(struct x64 *c, unsigned d)
{
    vec_op(c, SSE_PCMPEQD, d, d, d);
}

/* --- fused ------------------------------------------------------------------------------------------- */

/** c = +-(a * b) +- c, rounded once; needs FMA. */
enum fma_op { FMA_ADD = 0x660f38b8, FMA_SUB = 0x660f38ba, FMA_NEGATED_ADD = 0x660f38bc, FMA_NEGATED_SUB = 0x660f38be };

static inline void vec_fma(struct x64 *c, enum fma_op op, enum sse_form form, unsigned addend, unsigned a, unsigned b)
{
    const bool scalar = form >= SSE_SS, wide = form == SSE_PD || form == SSE_SD;
    vex_rr(c, wide, (unsigned)op | scalar, addend, a, b);
}

#endif
