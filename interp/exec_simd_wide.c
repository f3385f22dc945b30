/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Advanced SIMD integer arithmetic between lanes of different widths. */
#include "interp/lanes.h"
#include "interp/crypto.h"

/* Long and wide. Results wrap: products fit, sums go through the unsigned type. */

LONGS(saddl, SIGNED, a + b)
LONGS(uaddl, UNSIGNED, a + b)
LONGS(saddw, SIGNED, (uint64_t)w + b)
LONGS(uaddw, UNSIGNED, w + b)
LONGS(ssubl, SIGNED, a - b)
LONGS(usubl, UNSIGNED, a - b)
LONGS(ssubw, SIGNED, (uint64_t)w - b)
LONGS(usubw, UNSIGNED, w - b)
LONGS(sabal, SIGNED, (uint64_t)d + (a > b ? a - b : b - a))
LONGS(uabal, UNSIGNED, d + (a > b ? a - b : b - a))
LONGS(sabdl, SIGNED, a > b ? a - b : b - a)
LONGS(uabdl, UNSIGNED, a > b ? a - b : b - a)
LONGS(smlal, SIGNED, (uint64_t)d + a * b)
LONGS(umlal, UNSIGNED, d + a * b)
LONGS(smlsl, SIGNED, (uint64_t)d - a * b)
LONGS(umlsl, UNSIGNED, d - a * b)
LONGS(smull, SIGNED, a *b)
LONGS(umull, UNSIGNED, a *b)

LONG_VEC(saddl)
LONG_VEC(uaddl)
LONG_VEC(saddw)
LONG_VEC(uaddw)
LONG_VEC(ssubl)
LONG_VEC(usubl)
LONG_VEC(ssubw)
LONG_VEC(usubw)
LONG_VEC(sabal)
LONG_VEC(uabal)
LONG_VEC(sabdl)
LONG_VEC(uabdl)
LONG_VEC(smlal)
LONG_ELEM(smlal)
LONG_VEC(umlal)
LONG_ELEM(umlal)
LONG_VEC(smlsl)
LONG_ELEM(smlsl)
LONG_VEC(umlsl)
LONG_ELEM(umlsl)
LONG_VEC(smull)
LONG_ELEM(smull)
LONG_VEC(umull)
LONG_ELEM(umull)

/* Saturating doubling: the product saturates, then the sum. */

LONGS(sqdmull, SIGNED_HS, SATURATE((wide)a *b * 2))
LONGS(sqdmlal, SIGNED_HS, ({
          const wide product = SATURATE((wide)a * b * 2);
          SATURATE(d + product);
      }))
LONGS(sqdmlsl, SIGNED_HS, ({
          const wide product = SATURATE((wide)a * b * 2);
          SATURATE(d - product);
      }))

LONG_VEC(sqdmull)
LONG_SCALAR(sqdmull)
LONG_ELEM(sqdmull)
LONG_ELEM_SCALAR(sqdmull)
LONG_VEC(sqdmlal)
LONG_SCALAR(sqdmlal)
LONG_ELEM(sqdmlal)
LONG_ELEM_SCALAR(sqdmlal)
LONG_VEC(sqdmlsl)
LONG_SCALAR(sqdmlsl)
LONG_ELEM(sqdmlsl)
LONG_ELEM_SCALAR(sqdmlsl)

/* Carry-less products. */

EXEC(pmull_8_vec)
{
    cpu_check_fp(cpu, insn);
    const union vreg n = cpu->v[insn->rn], m = cpu->v[insn->rm];
    union vreg r = {.d = {0, 0}};
    for (unsigned bit = 0; bit < 8; bit++)
        for (unsigned i = 0; i < 8; i++)
            r.h[i] ^= (uint16_t)(m.b[8 * insn->q + i] >> bit & 1 ? n.b[8 * insn->q + i] << bit : 0);
    cpu->v[insn->rd] = r;
}

EXEC(pmull_64_vec)
{
    cpu_check_fp(cpu, insn);
    cpu->v[insn->rd] = crypto_best.multiply(cpu->v[insn->rn].d[insn->q], cpu->v[insn->rm].d[insn->q]);
}

/* Narrowing. The high half of a wide sum; `round` adds half of what is cut off. */

#define CUT(sum)         ((wide)(sum) >> BITS)
#define CUT_ROUNDED(sum) ((wide)((wide)(sum) + ((wide)1 << (BITS - 1))) >> BITS)

NARROWS(addhn, UNSIGNED, CUT(a + b))
NARROWS(raddhn, UNSIGNED, CUT_ROUNDED(a + b))
NARROWS(subhn, UNSIGNED, CUT(a - b))
NARROWS(rsubhn, UNSIGNED, CUT_ROUNDED(a - b))
NARROWS(xtn, UNSIGNED, a)
NARROWS(sqxtun, TO_UNSIGNED, SATURATE(a))
NARROWS(sqxtn, SIGNED, SATURATE(a))
NARROWS(uqxtn, UNSIGNED, SATURATE(a))

NARROW_VEC(addhn)
NARROW_VEC(raddhn)
NARROW_VEC(subhn)
NARROW_VEC(rsubhn)
NARROW_VEC(xtn)
NARROW_VEC(sqxtun)
NARROW_SCALAR(sqxtun)
NARROW_VEC(sqxtn)
NARROW_SCALAR(sqxtn)
NARROW_VEC(uqxtn)
NARROW_SCALAR(uqxtn)

LONGS(shll, UNSIGNED, a << 8 * sizeof(narrow))
LONG_VEC(shll)

HANDLERS(simd_wide)
