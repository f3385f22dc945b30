/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Advanced SIMD integer arithmetic, lane by lane. */
#include "interp/lanes.h"

/* Three registers of the same type. Sums and products of unsigned 64-bit lanes wrap through uint64_t. */

LANES(shadd, SIGNED, ((wide)a + b) >> 1)
LANES(uhadd, UNSIGNED, ((wide)a + b) >> 1)
LANES(srhadd, SIGNED, ((wide)a + b + 1) >> 1)
LANES(urhadd, UNSIGNED, ((wide)a + b + 1) >> 1)
LANES(shsub, SIGNED, ((wide)a - b) >> 1)
LANES(uhsub, UNSIGNED, ((wide)a - b) >> 1)
LANES(sqadd, SIGNED, SATURATE((wide)a + b))
LANES(uqadd, UNSIGNED, SATURATE((wide)a + b))
LANES(sqsub, SIGNED, SATURATE((wide)a - b))
LANES(uqsub, UNSIGNED, SATURATE((wide)a - b))
LANES(cmgt, SIGNED, ALL_IF(a > b))
LANES(cmhi, UNSIGNED, ALL_IF(a > b))
LANES(cmge, SIGNED, ALL_IF(a >= b))
LANES(cmhs, UNSIGNED, ALL_IF(a >= b))
LANES(cmtst, UNSIGNED, ALL_IF((a & b) != 0))
LANES(cmeq, UNSIGNED, ALL_IF(a == b))
LANES(smax, SIGNED, a > b ? a : b)
LANES(umax, UNSIGNED, a > b ? a : b)
LANES(smin, SIGNED, a < b ? a : b)
LANES(umin, UNSIGNED, a < b ? a : b)
LANES(sabd, SIGNED, a > b ? (uint64_t)a - b : (uint64_t)b - a)
LANES(uabd, UNSIGNED, a > b ? a - b : b - a)
LANES(saba, SIGNED, d + (a > b ? (uint64_t)a - b : (uint64_t)b - a))
LANES(uaba, UNSIGNED, d + (a > b ? a - b : b - a))
LANES(add, UNSIGNED, a + b)
LANES(sub, UNSIGNED, a - b)
LANES(mul, UNSIGNED, 1u * a * b)
LANES(mla, UNSIGNED, d + 1u * a * b)
LANES(mls, UNSIGNED, d - 1u * a * b)

VEC(shadd)
VEC(uhadd)
VEC(srhadd)
VEC(urhadd)
VEC(shsub)
VEC(uhsub)
VEC(sqadd)
SCALAR(sqadd)
VEC(uqadd)
SCALAR(uqadd)
VEC(sqsub)
SCALAR(sqsub)
VEC(uqsub)
SCALAR(uqsub)
VEC(cmgt)
SCALAR(cmgt)
VEC(cmhi)
SCALAR(cmhi)
VEC(cmge)
SCALAR(cmge)
VEC(cmhs)
SCALAR(cmhs)
VEC(cmtst)
SCALAR(cmtst)
VEC(cmeq)
SCALAR(cmeq)
VEC(smax)
VEC(umax)
VEC(smin)
VEC(umin)
VEC(sabd)
VEC(uabd)
VEC(saba)
VEC(uaba)
VEC(add)
SCALAR(add)
VEC(sub)
SCALAR(sub)
VEC(mul)
ELEM(mul)
VEC(mla)
ELEM(mla)
VEC(mls)
ELEM(mls)

/* Doubling multiplies that keep the high half: (2ab + rounding) >> BITS, computed with everything halved. */

#define ROUND_HALF (1ll << (BITS - 2))

LANES(sqdmulh, SIGNED_HS, SATURATE((int64_t)a *b >> (BITS - 1)))
LANES(sqrdmulh, SIGNED_HS, SATURATE(((int64_t)a * b + ROUND_HALF) >> (BITS - 1)))
LANES(sqrdmlah, SIGNED_HS, SATURATE((d * (1ll << (BITS - 1)) + (int64_t)a * b + ROUND_HALF) >> (BITS - 1)))
LANES(sqrdmlsh, SIGNED_HS, SATURATE((d * (1ll << (BITS - 1)) - (int64_t)a * b + ROUND_HALF) >> (BITS - 1)))

VEC(sqdmulh)
SCALAR(sqdmulh)
ELEM(sqdmulh)
ELEM_SCALAR(sqdmulh)
VEC(sqrdmulh)
SCALAR(sqrdmulh)
ELEM(sqrdmulh)
ELEM_SCALAR(sqrdmulh)
VEC(sqrdmlah)
SCALAR(sqrdmlah)
ELEM(sqrdmlah)
ELEM_SCALAR(sqrdmlah)
VEC(sqrdmlsh)
SCALAR(sqrdmlsh)
ELEM(sqrdmlsh)
ELEM_SCALAR(sqrdmlsh)

/* Carry-less product of bytes, low half. */
LANES_INLINE uint8_t multiply_carryless(uint8_t a, uint8_t b)
{
    uint8_t product = 0;
    for (unsigned i = 0; i < 8; i++)
        product ^= (uint8_t)(a << i) & (uint8_t) - (b >> i & 1);
    return product;
}

LANES(pmul, BYTES, multiply_carryless(a, b))
VEC(pmul)

/* Shifts by a register: the low byte of b, negative to the right (Arm ARM, SSHL). */

#define SHIFT (int)(int8_t)b

/* a shifted, exactly, for left shifts below the lane's width. */
LANES_INLINE __int128 shift_by(__int128 a, int shift, bool round)
{
    if (shift >= 0)
        return shift < 64 ? a * ((__int128)1 << shift) : 0;
    if (shift < -64)
        return round ? 0 : a < 0 ? -1 : 0;
    if (round)
        a += (__int128)1 << (-shift - 1);
    return a >> -shift;
}

/* Shifted by the lane's width or more, any value but zero lies outside the lane's range. */
LANES_INLINE __int128 shift_to_clip(__int128 a, int shift, bool round, int bits)
{
    if (shift < bits)
        return shift_by(a, shift, round);
    return (__int128)((a > 0) - (a < 0)) * ((__int128)1 << 64);
}

#define CLIP(round)                                                                                          \
    ({                                                                                                       \
        const __int128 shifted = shift_to_clip(a, SHIFT, round, BITS);                                       \
        const lane clipped = shifted > (__int128)LANE_MAX   ? LANE_MAX                                       \
                             : shifted < (__int128)LANE_MIN ? LANE_MIN                                       \
                                                            : (lane)shifted;                                 \
        saturated |= clipped != shifted;                                                                     \
        clipped;                                                                                             \
    })

LANES(sshl, SIGNED, shift_by(a, SHIFT, false))
LANES(ushl, UNSIGNED, shift_by(a, SHIFT, false))
LANES(srshl, SIGNED, shift_by(a, SHIFT, true))
LANES(urshl, UNSIGNED, shift_by(a, SHIFT, true))
LANES(sqshl_reg, SIGNED, CLIP(false))
LANES(uqshl_reg, UNSIGNED, CLIP(false))
LANES(sqrshl, SIGNED, CLIP(true))
LANES(uqrshl, UNSIGNED, CLIP(true))

VEC(sshl)
SCALAR(sshl)
VEC(ushl)
SCALAR(ushl)
VEC(srshl)
SCALAR(srshl)
VEC(urshl)
SCALAR(urshl)
VEC(sqshl_reg)
SCALAR(sqshl_reg)
VEC(uqshl_reg)
SCALAR(uqshl_reg)
VEC(sqrshl)
SCALAR(sqrshl)
VEC(uqrshl)
SCALAR(uqrshl)

/* Neighbours. */

PAIRS(smaxp, SIGNED, a > b ? a : b)
PAIRS(umaxp, UNSIGNED, a > b ? a : b)
PAIRS(sminp, SIGNED, a < b ? a : b)
PAIRS(uminp, UNSIGNED, a < b ? a : b)
PAIRS(addp, UNSIGNED, a + b)

EXEC(addp_scalar)
{
    cpu_check_fp(cpu, insn);
    const union vreg n = cpu->v[insn->rn];
    cpu->v[insn->rd] = (union vreg){.d = {n.d[0] + n.d[1], 0}};
}

/* Logical. */

LANES(and, DOUBLES, a &b)
LANES(bic, DOUBLES, a & ~b)
LANES(orr, DOUBLES, a | b)
LANES(orn, DOUBLES, a | ~b)
LANES(eor, DOUBLES, a ^ b)
LANES(bsl, DOUBLES, (d & a) | (~d & b))
LANES(bit, DOUBLES, (d & ~b) | (a & b))
LANES(bif, DOUBLES, (d & b) | (a & ~b))

VEC(and)
VEC(bic)
VEC(orr)
VEC(orn)
VEC(eor)
VEC(bsl)
VEC(bit)
VEC(bif)

/* Dot products: four bytes of a word each. */

#define DOT(name, n_bytes, m_bytes)                                                                          \
    LANES_INLINE void dot_##name(struct cpu *cpu, const struct insn *insn, union vreg m)                     \
    {                                                                                                        \
        cpu_check_fp(cpu, insn);                                                                             \
        const union vreg n = cpu->v[insn->rn];                                                               \
        union vreg r = cpu->v[insn->rd];                                                                     \
        for (unsigned i = 0; i < 16; i++)                                                                    \
            r.s[i / 4] += (uint32_t)(n.n_bytes[i] * m.m_bytes[i]);                                           \
        lanes_finish(cpu, insn, r, vector_bytes(insn), false);                                               \
    }
#define DOT_VEC(name)                                                                                        \
    EXEC(name##_vec)                                                                                         \
    {                                                                                                        \
        dot_##name(cpu, insn, cpu->v[insn->rm]);                                                             \
    }
#define DOT_ELEM(name)                                                                                       \
    EXEC(name##_elem)                                                                                        \
    {                                                                                                        \
        dot_##name(cpu, insn, lanes_broadcast(cpu->v[insn->rm], 2, insn->amount));                           \
    }

DOT(sdot, sb, sb)
DOT(udot, b, b)
DOT(usdot, b, sb)
DOT(sudot, sb, b)
DOT_VEC(sdot)
DOT_VEC(udot)
DOT_VEC(usdot)
DOT_ELEM(sdot)
DOT_ELEM(udot)
DOT_ELEM(usdot)
DOT_ELEM(sudot)

/* A 2x8 matrix times the transpose of another, added to a 2x2 one. */
#define MATRIX(name, n_bytes, m_bytes)                                                                       \
    EXEC(name##_vec)                                                                                         \
    {                                                                                                        \
        cpu_check_fp(cpu, insn);                                                                             \
        const union vreg n = cpu->v[insn->rn], m = cpu->v[insn->rm];                                         \
        union vreg r = cpu->v[insn->rd];                                                                     \
        for (unsigned i = 0; i < 4; i++)                                                                     \
            for (unsigned k = 0; k < 8; k++)                                                                 \
                r.s[i] += (uint32_t)(n.n_bytes[i / 2 * 8 + k] * m.m_bytes[i % 2 * 8 + k]);                   \
        cpu->v[insn->rd] = r;                                                                                \
    }

MATRIX(smmla, sb, sb)
MATRIX(ummla, b, b)
MATRIX(usmmla, b, sb)

/* Two registers, miscellaneous. */

LANES_INLINE uint8_t reverse_bits(uint8_t a)
{
    a = (uint8_t)(a >> 4 | a << 4);
    a = (uint8_t)((a >> 2 & 0x33) | (a & 0x33) << 2);
    return (uint8_t)((a >> 1 & 0x55) | (a & 0x55) << 1);
}

/* How many bits are set in each byte. */
LANES_INLINE uint64_t count_bits_of_bytes(uint64_t a)
{
    a -= a >> 1 & 0x5555555555555555;
    a = (a & 0x3333333333333333) + (a >> 2 & 0x3333333333333333);
    return (a + (a >> 4)) & 0x0f0f0f0f0f0f0f0f;
}

LANES_INLINE int leading_zeros(uint64_t a, int bits)
{
    return a ? __builtin_clzll(a) - (64 - bits) : bits;
}

LANES(cls, SIGNED, leading_zeros((uint64_t)(a < 0 ? ~a : a), BITS) - 1)
LANES(clz, UNSIGNED, leading_zeros(a, BITS))
LANES(cnt, DOUBLES, count_bits_of_bytes(a))
LANES(not, DOUBLES, ~a)
LANES(rbit, BYTES, reverse_bits(a))
LANES(suqadd, SIGNED, SATURATE((wide)d + (wide)(a < 0 ? a + ((wide)1 << BITS) : a)))
LANES(usqadd, UNSIGNED, SATURATE((wide)d + (a > LANE_MAX / 2 ? (wide)a - ((wide)1 << BITS) : (wide)a)))
LANES(sqabs, SIGNED, SATURATE(a < 0 ? -(wide)a : (wide)a))
LANES(sqneg, SIGNED, SATURATE(-(wide)a))
LANES(abs, SIGNED, a < 0 ? -(uint64_t)a : (uint64_t)a)
LANES(neg, UNSIGNED, -a)
LANES(cmgt_zero, SIGNED, ALL_IF(a > 0))
LANES(cmge_zero, SIGNED, ALL_IF(a >= 0))
LANES(cmeq_zero, SIGNED, ALL_IF(a == 0))
LANES(cmle_zero, SIGNED, ALL_IF(a <= 0))
LANES(cmlt_zero, SIGNED, ALL_IF(a < 0))

VEC(cls)
VEC(clz)
VEC(cnt)
VEC(not )
VEC(rbit)
VEC(suqadd)
SCALAR(suqadd)
VEC(usqadd)
SCALAR(usqadd)
VEC(sqabs)
SCALAR(sqabs)
VEC(sqneg)
SCALAR(sqneg)
VEC(abs)
SCALAR(abs)
VEC(neg)
SCALAR(neg)
VEC(cmgt_zero)
SCALAR(cmgt_zero)
VEC(cmge_zero)
SCALAR(cmge_zero)
VEC(cmeq_zero)
SCALAR(cmeq_zero)
VEC(cmle_zero)
SCALAR(cmle_zero)
VEC(cmlt_zero)
SCALAR(cmlt_zero)

/* Lanes of 1 << size bytes in reverse order within containers of 1 << container bytes: neighbours change
 * places at each size from the lane's up. */
LANES_INLINE uint64_t reverse_within(uint64_t a, unsigned size, unsigned container)
{
    if (size == 0)
        a = (a >> 8 & 0x00ff00ff00ff00ff) | (a & 0x00ff00ff00ff00ff) << 8;
    if (size <= 1 && container >= 2)
        a = (a >> 16 & 0x0000ffff0000ffff) | (a & 0x0000ffff0000ffff) << 16;
    return container == 3 ? a >> 32 | a << 32 : a;
}

LANES_INLINE void reverse_lanes(struct cpu *cpu, const struct insn *insn, unsigned container)
{
    cpu_check_fp(cpu, insn);
    const union vreg n = cpu->v[insn->rn];
    const union vreg r = {
        .d = {reverse_within(n.d[0], insn->size, container), reverse_within(n.d[1], insn->size, container)}};
    lanes_finish(cpu, insn, r, vector_bytes(insn), false);
}

EXEC(rev64_vec)
{
    reverse_lanes(cpu, insn, 3);
}

EXEC(rev32_vec)
{
    reverse_lanes(cpu, insn, 2);
}

EXEC(rev16_vec)
{
    reverse_lanes(cpu, insn, 1);
}

/* Sums of neighbours into lanes twice as wide, and across the whole vector. */

#define PAIR_SUM_LOOP(narrows, lanes, keep)                                                                  \
    for (unsigned i = 0; i < 8u >> insn->size; i++)                                                          \
        r.lanes[i] = (typeof(r.lanes[0]))((keep ? (uint64_t)o.lanes[i] : 0) + (uint64_t)n.narrows[2 * i] +   \
                                          (uint64_t)n.narrows[2 * i + 1]);
#define PAIR_SUM(name, keep, b_, h_, s_, d_)                                                                 \
    EXEC(name##_vec)                                                                                         \
    {                                                                                                        \
        cpu_check_fp(cpu, insn);                                                                             \
        const union vreg n = cpu->v[insn->rn], o = cpu->v[insn->rd];                                         \
        union vreg r;                                                                                        \
        if (insn->size == 0)                                                                                 \
            PAIR_SUM_LOOP(b_, h_, keep)                                                                      \
        else if (insn->size == 1)                                                                            \
            PAIR_SUM_LOOP(h_, s_, keep)                                                                      \
        else                                                                                                 \
            PAIR_SUM_LOOP(s_, d_, keep)                                                                      \
        lanes_finish(cpu, insn, r, vector_bytes(insn), false);                                               \
    }

PAIR_SUM(saddlp, 0, sb, sh, ss, d)
PAIR_SUM(uaddlp, 0, b, h, s, d)
PAIR_SUM(sadalp, 1, sb, sh, ss, d)
PAIR_SUM(uadalp, 1, b, h, s, d)

/* Folds the lanes of Rn: `start` is lane 0, `e` the others. The result is 1 << (size + growth) bytes. */
#define ACROSS_LOOP(lane_type, lanes, ...)                                                                   \
    {                                                                                                        \
        int64_t all = (int64_t)n.lanes[0];                                                                   \
        for (unsigned i = 1; i < vector_bytes(insn) / sizeof(lane_type); i++) {                              \
            const int64_t e = (int64_t)n.lanes[i];                                                           \
            all = (__VA_ARGS__);                                                                             \
        }                                                                                                    \
        r.d[0] = (uint64_t)all;                                                                              \
    }
#define ACROSS(name, growth, b_, h_, s_, ...)                                                                \
    EXEC(name##_vec)                                                                                         \
    {                                                                                                        \
        cpu_check_fp(cpu, insn);                                                                             \
        const union vreg n = cpu->v[insn->rn];                                                               \
        union vreg r = {.d = {0, 0}};                                                                        \
        if (insn->size == 0)                                                                                 \
            ACROSS_LOOP(uint8_t, b_, __VA_ARGS__)                                                            \
        else if (insn->size == 1)                                                                            \
            ACROSS_LOOP(uint16_t, h_, __VA_ARGS__)                                                           \
        else                                                                                                 \
            ACROSS_LOOP(uint32_t, s_, __VA_ARGS__)                                                           \
        lanes_finish(cpu, insn, r, 1u << (insn->size + growth), false);                                      \
    }

ACROSS(saddlv, 1, sb, sh, ss, all + e)
ACROSS(uaddlv, 1, b, h, s, all + e)
ACROSS(addv, 0, b, h, s, all + e)
ACROSS(smaxv, 0, sb, sh, ss, all > e ? all : e)
ACROSS(umaxv, 0, b, h, s, all > e ? all : e)
ACROSS(sminv, 0, sb, sh, ss, all < e ? all : e)
ACROSS(uminv, 0, b, h, s, all < e ? all : e)

HANDLERS(simd_arith)
