/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How the vector instructions pack sizes, amounts, indices and immediates into their words. */
#ifndef ARMATURE_DECODE_VECTOR_H
#define ARMATURE_DECODE_VECTOR_H

#include <stdbool.h>
#include <stdint.h>

/** Shifts by immediate: the lane size (log2 of bytes) is the highest set bit of a non-zero `immh`. */
static inline unsigned immh_size(unsigned immh)
{
    return 31 - (unsigned)__builtin_clz(immh);
}

static inline unsigned shift_right(unsigned immh, unsigned immb)
{
    return (16u << immh_size(immh)) - (immh << 3 | immb);
}

static inline unsigned shift_left(unsigned immh, unsigned immb)
{
    return (immh << 3 | immb) - (8u << immh_size(immh));
}

/** Copies: the lane size is the lowest set bit of a non-zero `imm5`. */
static inline unsigned imm5_size(unsigned imm5)
{
    return (unsigned)__builtin_ctz(imm5);
}

/** By element, 16- and 32-bit lanes: the register and the index in it. */
static inline unsigned elem_reg(unsigned size, unsigned m, unsigned rm)
{
    return size == 1 ? rm : m << 4 | rm;
}

static inline unsigned elem_index(unsigned size, unsigned h, unsigned l, unsigned m)
{
    return size == 1 ? h << 2 | l << 1 | m : h << 1 | l;
}

/** Loads and stores of one lane: `scale` is 0 to 2; a scale of 2 with size<0> set means 64 bits. */
static inline unsigned lane_size(unsigned scale, unsigned size)
{
    return scale == 2 && (size & 1) ? 3 : scale;
}

static inline unsigned lane_index(unsigned scale, unsigned q, unsigned s, unsigned size)
{
    return (q << 3 | s << 2 | size) >> lane_size(scale, size);
}

static inline bool lane_valid(unsigned scale, unsigned s, unsigned size)
{
    return scale == 0 || (scale == 1 && !(size & 1)) || (scale == 2 && (size == 0 || (size == 1 && !s)));
}

/** AdvSIMDExpandImm: the byte, and the form in which each of its bits becomes a byte. */
static inline unsigned modified_imm8(unsigned abc, unsigned defgh)
{
    return abc << 5 | defgh;
}

static inline uint64_t modified_imm_bytes(unsigned imm8)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < 8; i++)
        value |= imm8 >> i & 1 ? 0xffull << 8 * i : 0;
    return value;
}

#endif
