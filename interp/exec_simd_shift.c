/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Advanced SIMD shifts by an immediate. insn->amount is 1 to BITS for right shifts, 0 to BITS - 1 for left
 * ones. */
#include "interp/lanes.h"

#define AMOUNT insn->amount
/* A whole lane's width is a legal amount to the right and not one of C's. */
#define RIGHT(a)                                                                                             \
    (LANE_SIGNED ? (a) >> (AMOUNT == BITS ? BITS - 1 : AMOUNT) : AMOUNT == BITS ? 0 : (a) >> AMOUNT)
#define RIGHT_ROUNDED(a) (lane)(RIGHT(a) + ((a) >> (AMOUNT - 1) & 1))
#define LEFT_MASK        ((lane)(~0ull << AMOUNT))
#define RIGHT_MASK       (AMOUNT == BITS ? (lane)0 : (lane)((lane)~0ull >> AMOUNT))

LANES(sshr, SIGNED, RIGHT(a))
LANES(ushr, UNSIGNED, RIGHT(a))
LANES(ssra, SIGNED, (uint64_t)d + RIGHT(a))
LANES(usra, UNSIGNED, d + RIGHT(a))
LANES(srshr, SIGNED, RIGHT_ROUNDED(a))
LANES(urshr, UNSIGNED, RIGHT_ROUNDED(a))
LANES(srsra, SIGNED, (uint64_t)d + RIGHT_ROUNDED(a))
LANES(ursra, UNSIGNED, d + RIGHT_ROUNDED(a))
LANES(sri, UNSIGNED, (RIGHT(a) & RIGHT_MASK) | (d & ~RIGHT_MASK))
LANES(shl, UNSIGNED, a << AMOUNT)
LANES(sli, UNSIGNED, (lane)(a << AMOUNT) | (d & ~LEFT_MASK))

VEC(sshr)
SCALAR(sshr)
VEC(ushr)
SCALAR(ushr)
VEC(ssra)
SCALAR(ssra)
VEC(usra)
SCALAR(usra)
VEC(srshr)
SCALAR(srshr)
VEC(urshr)
SCALAR(urshr)
VEC(srsra)
SCALAR(srsra)
VEC(ursra)
SCALAR(ursra)
VEC(sri)
SCALAR(sri)
VEC(shl)
SCALAR(shl)
VEC(sli)
SCALAR(sli)

/* Saturating to the left: the exact product by a power of two, clipped. */

#define CLIP_LEFT(a)                                                                                         \
    ({                                                                                                       \
        const __int128 shifted = (__int128)(a) * ((__int128)1 << AMOUNT);                                    \
        const lane clipped = shifted > (__int128)LANE_MAX   ? LANE_MAX                                       \
                             : shifted < (__int128)LANE_MIN ? LANE_MIN                                       \
                                                            : (lane)shifted;                                 \
        saturated |= clipped != shifted;                                                                     \
        clipped;                                                                                             \
    })

/* The lane as a signed number, for SQSHLU whose result is unsigned. */
#define AS_SIGNED(a) (a > LANE_MAX / 2 ? (__int128)a - ((__int128)1 << BITS) : (__int128)a)

LANES(sqshlu, UNSIGNED, CLIP_LEFT(AS_SIGNED(a)))
LANES(sqshl_imm, SIGNED, CLIP_LEFT(a))
LANES(uqshl_imm, UNSIGNED, CLIP_LEFT(a))

VEC(sqshlu)
SCALAR(sqshlu)
VEC(sqshl_imm)
SCALAR(sqshl_imm)
VEC(uqshl_imm)
SCALAR(uqshl_imm)

/* Narrowing: amounts are 1 to the narrow lane's width. */

#define NARROW_SHIFT         (a >> AMOUNT)
#define NARROW_SHIFT_ROUNDED ((wide)((a >> AMOUNT) + (a >> (AMOUNT - 1) & 1)))

NARROWS(shrn, UNSIGNED, NARROW_SHIFT)
NARROWS(rshrn, UNSIGNED, NARROW_SHIFT_ROUNDED)
NARROWS(sqshrun, TO_UNSIGNED, SATURATE(NARROW_SHIFT))
NARROWS(sqrshrun, TO_UNSIGNED, SATURATE(NARROW_SHIFT_ROUNDED))
NARROWS(sqshrn, SIGNED, SATURATE(NARROW_SHIFT))
NARROWS(uqshrn, UNSIGNED, SATURATE(NARROW_SHIFT))
NARROWS(sqrshrn, SIGNED, SATURATE(NARROW_SHIFT_ROUNDED))
NARROWS(uqrshrn, UNSIGNED, SATURATE(NARROW_SHIFT_ROUNDED))

NARROW_VEC(shrn)
NARROW_VEC(rshrn)
NARROW_VEC(sqshrun)
NARROW_SCALAR(sqshrun)
NARROW_VEC(sqrshrun)
NARROW_SCALAR(sqrshrun)
NARROW_VEC(sqshrn)
NARROW_SCALAR(sqshrn)
NARROW_VEC(uqshrn)
NARROW_SCALAR(uqshrn)
NARROW_VEC(sqrshrn)
NARROW_SCALAR(sqrshrn)
NARROW_VEC(uqrshrn)
NARROW_SCALAR(uqrshrn)

LONGS(sshll, SIGNED, (uint64_t)a << AMOUNT)
LONGS(ushll, UNSIGNED, a << AMOUNT)
LONG_VEC(sshll)
LONG_VEC(ushll)

HANDLERS(simd_shift)
