/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Floating-point operands in vector registers, by size (enum fp_size), for exec_fp.c and exec_simd_fp.c. */
#ifndef ARMATURE_FP_LANES_H
#define ARMATURE_FP_LANES_H

#include "interp/exec.h"
#include "isa/arm64/fp/fast.h"

/* What takes an operation as a parameter is inlined, so that the operation is. */
#define INLINE static inline __attribute__((always_inline))

typedef uint64_t fp_operation_1(enum fp_size size, uint64_t a, struct fp_state *fp);
typedef uint64_t fp_operation_2(enum fp_size size, uint64_t a, uint64_t b, struct fp_state *fp);

INLINE uint64_t get_lane(const union vreg *v, enum fp_size size, unsigned index)
{
    return size == FP_HALF ? v->h[index] : size == FP_SINGLE ? v->s[index] : v->d[index];
}

INLINE void set_lane(union vreg *v, enum fp_size size, unsigned index, uint64_t value)
{
    if (size == FP_HALF)
        v->h[index] = (uint16_t)value;
    else if (size == FP_SINGLE)
        v->s[index] = (uint32_t)value;
    else
        v->d[index] = value;
}

/** Writes a scalar result, which clears the rest of the register. */
INLINE void set_scalar(struct cpu *cpu, unsigned rd, uint64_t value)
{
    cpu->v[rd].q = value;
}

INLINE uint64_t fp_negate(enum fp_size size, uint64_t a)
{
    return a ^ 1ull << ((8u << size) - 1);
}

INLINE uint64_t fp_magnitude(enum fp_size size, uint64_t a)
{
    return a & ~(1ull << ((8u << size) - 1));
}

/** All ones in one lane, or zero: the result of a comparison. */
INLINE uint64_t fp_all_ones(enum fp_size size, bool yes)
{
    return yes ? ~0ull >> (64 - (8u << size)) : 0;
}

/* The operations of the tables, in the shape of the two types above. */

INLINE uint64_t op_move(enum fp_size size, uint64_t a, struct fp_state *fp)
{
    return a;
}

INLINE uint64_t op_abs(enum fp_size size, uint64_t a, struct fp_state *fp)
{
    return fp_magnitude(size, a);
}

INLINE uint64_t op_neg(enum fp_size size, uint64_t a, struct fp_state *fp)
{
    return fp_negate(size, a);
}

INLINE uint64_t op_rintn(enum fp_size size, uint64_t a, struct fp_state *fp)
{
    return fp_fast_round_int(size, a, FP_TIE_EVEN, false, fp);
}

INLINE uint64_t op_rintp(enum fp_size size, uint64_t a, struct fp_state *fp)
{
    return fp_fast_round_int(size, a, FP_UP, false, fp);
}

INLINE uint64_t op_rintm(enum fp_size size, uint64_t a, struct fp_state *fp)
{
    return fp_fast_round_int(size, a, FP_DOWN, false, fp);
}

INLINE uint64_t op_rintz(enum fp_size size, uint64_t a, struct fp_state *fp)
{
    return fp_fast_round_int(size, a, FP_TO_ZERO, false, fp);
}

INLINE uint64_t op_rinta(enum fp_size size, uint64_t a, struct fp_state *fp)
{
    return fp_fast_round_int(size, a, FP_TIE_AWAY, false, fp);
}

INLINE uint64_t op_rintx(enum fp_size size, uint64_t a, struct fp_state *fp)
{
    return fp_fast_round_int(size, a, fp_rounding_mode(fp), true, fp);
}

INLINE uint64_t op_rinti(enum fp_size size, uint64_t a, struct fp_state *fp)
{
    return fp_fast_round_int(size, a, fp_rounding_mode(fp), false, fp);
}

INLINE uint64_t op_rint32z(enum fp_size size, uint64_t a, struct fp_state *fp)
{
    return fp_round_int_n(size, a, FP_TO_ZERO, 32, fp);
}

INLINE uint64_t op_rint32x(enum fp_size size, uint64_t a, struct fp_state *fp)
{
    return fp_round_int_n(size, a, fp_rounding_mode(fp), 32, fp);
}

INLINE uint64_t op_rint64z(enum fp_size size, uint64_t a, struct fp_state *fp)
{
    return fp_round_int_n(size, a, FP_TO_ZERO, 64, fp);
}

INLINE uint64_t op_rint64x(enum fp_size size, uint64_t a, struct fp_state *fp)
{
    return fp_round_int_n(size, a, fp_rounding_mode(fp), 64, fp);
}

INLINE uint64_t op_max(enum fp_size size, uint64_t a, uint64_t b, struct fp_state *fp)
{
    return fp_fast_select(size, a, b, true, false, fp);
}

INLINE uint64_t op_min(enum fp_size size, uint64_t a, uint64_t b, struct fp_state *fp)
{
    return fp_fast_select(size, a, b, false, false, fp);
}

INLINE uint64_t op_maxnm(enum fp_size size, uint64_t a, uint64_t b, struct fp_state *fp)
{
    return fp_fast_select(size, a, b, true, true, fp);
}

INLINE uint64_t op_minnm(enum fp_size size, uint64_t a, uint64_t b, struct fp_state *fp)
{
    return fp_fast_select(size, a, b, false, true, fp);
}

/** The product, and then its sign, even that of a NaN. */
INLINE uint64_t op_nmul(enum fp_size size, uint64_t a, uint64_t b, struct fp_state *fp)
{
    return fp_negate(size, fp_fast_mul(size, a, b, fp));
}

#endif
