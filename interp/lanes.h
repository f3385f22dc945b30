/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How integer vector instructions are defined: an expression for one lane, and the forms it comes in.
 *
 * LANES(shadd, SIGNED, ((wide)a + b) >> 1)    what one lane of the result is, of the lanes a (Rn), b (Rm), d
 * (old Rd) VEC(shadd)                                  defines exec_shadd_vec: all lanes of 64 or 128 bits
 * SCALAR(x), ELEM(x), ELEM_SCALAR(x)          the lowest lane alone; b the same for all lanes; both
 *
 * In an expression `lane` is the result's lane type, `wide` a signed type with room for one operation more,
 * BITS the lane's width, SATURATE(x) clips and notes it for FPSR.QC. Lanes outside the instruction's form are
 * computed from zeros, for which nothing saturates, and dropped: every loop has 128 bits, and the compiler
 * vectorises it. */
#ifndef ARMATURE_LANES_H
#define ARMATURE_LANES_H

#include "interp/exec.h"

/* The bound checks of unsigned lanes are empty on one side. */
#pragma GCC diagnostic ignored "-Wtype-limits"

#define LANES_INLINE static inline __attribute__((always_inline))
#define LANES_QC     (1u << 27) /* FPSR.QC */

#define LANE_SIGNED ((lane)-1 < (lane)1)
#define BITS        (8 * (int)sizeof(lane))
#define LANE_MAX    ((lane)(~0ull >> (64 - BITS + LANE_SIGNED)))
#define LANE_MIN    ((lane)(LANE_SIGNED ? 1ull << (BITS - 1) : 0))
#define ALL_IF(x)   ((lane) - (lane)(x))
#define SATURATE(x)                                                                                          \
    ({                                                                                                       \
        const wide exact = (wide)(x);                                                                        \
        const wide kept = exact > (wide)LANE_MAX   ? (wide)LANE_MAX                                          \
                          : exact < (wide)LANE_MIN ? (wide)LANE_MIN                                          \
                                                   : exact;                                                  \
        saturated |= kept != exact;                                                                          \
        (lane) kept;                                                                                         \
    })

/* The lowest `bytes` of a vector, the rest zero. */
LANES_INLINE union vreg lanes_low(union vreg v, unsigned bytes)
{
    if (bytes < 8)
        v.d[0] &= (1ull << bytes * 8) - 1;
    if (bytes < 16)
        v.d[1] = 0;
    return v;
}

/* One lane of a vector in all lanes. */
LANES_INLINE union vreg lanes_broadcast(union vreg v, unsigned size, unsigned index)
{
    static const uint64_t ones[4] = {0x0101010101010101, 0x0001000100010001, 0x0000000100000001, 1};
    uint64_t lane = size == 0 ? v.b[index] : size == 1 ? v.h[index] : size == 2 ? v.s[index] : v.d[index];
    uint64_t all = lane * ones[size & 3];
    return (union vreg){.d = {all, all}};
}

LANES_INLINE unsigned vector_bytes(const struct insn *insn)
{
    return insn->q ? 16 : 8;
}

LANES_INLINE unsigned scalar_bytes(const struct insn *insn)
{
    return 1u << insn->size;
}

LANES_INLINE void lanes_finish(struct cpu *cpu, const struct insn *insn, union vreg r, unsigned bytes,
                               bool saturated)
{
    if (saturated)
        cpu->fpsr |= LANES_QC;
    cpu->v[insn->rd] = lanes_low(r, bytes);
}

/* Lane by lane. */

#define LANE_LOOP(lane_type, wide_type, lanes, ...)                                                          \
    {                                                                                                        \
        typedef lane_type lane __attribute__((unused));                                                      \
        typedef wide_type wide __attribute__((unused));                                                      \
        for (unsigned i = 0; i < 16 / sizeof(lane); i++) {                                                   \
            const lane a __attribute__((unused)) = n.lanes[i];                                               \
            const lane b __attribute__((unused)) = m.lanes[i];                                               \
            const lane d __attribute__((unused)) = o.lanes[i];                                               \
            r.lanes[i] = (lane)(__VA_ARGS__);                                                                \
        }                                                                                                    \
    }

#define LANES_UNSIGNED(...)                                                                                  \
    switch (insn->size) {                                                                                    \
    case 0: LANE_LOOP(uint8_t, int32_t, b, __VA_ARGS__) break;                                               \
    case 1: LANE_LOOP(uint16_t, int32_t, h, __VA_ARGS__) break;                                              \
    case 2: LANE_LOOP(uint32_t, int64_t, s, __VA_ARGS__) break;                                              \
    default: LANE_LOOP(uint64_t, __int128, d, __VA_ARGS__) break;                                            \
    }
#define LANES_SIGNED(...)                                                                                    \
    switch (insn->size) {                                                                                    \
    case 0: LANE_LOOP(int8_t, int32_t, sb, __VA_ARGS__) break;                                               \
    case 1: LANE_LOOP(int16_t, int32_t, sh, __VA_ARGS__) break;                                              \
    case 2: LANE_LOOP(int32_t, int64_t, ss, __VA_ARGS__) break;                                              \
    default: LANE_LOOP(int64_t, __int128, sd, __VA_ARGS__) break;                                            \
    }
/* 16- and 32-bit lanes only. */
#define LANES_SIGNED_HS(...)                                                                                 \
    if (insn->size == 1)                                                                                     \
        LANE_LOOP(int16_t, int32_t, sh, __VA_ARGS__)                                                         \
    else                                                                                                     \
        LANE_LOOP(int32_t, int64_t, ss, __VA_ARGS__)
#define LANES_BYTES(...)   LANE_LOOP(uint8_t, int32_t, b, __VA_ARGS__)
#define LANES_DOUBLES(...) LANE_LOOP(uint64_t, __int128, d, __VA_ARGS__)

#define LANES(name, kind, ...)                                                                               \
    LANES_INLINE void lanes_##name(struct cpu *cpu, const struct insn *insn, union vreg m, unsigned bytes)   \
    {                                                                                                        \
        cpu_check_fp(cpu, insn);                                                                             \
        const union vreg n = lanes_low(cpu->v[insn->rn], bytes);                                             \
        const union vreg o __attribute__((unused)) = lanes_low(cpu->v[insn->rd], bytes);                     \
        union vreg r;                                                                                        \
        bool saturated = false;                                                                              \
        m = lanes_low(m, bytes);                                                                             \
        LANES_##kind(__VA_ARGS__);                                                                           \
        lanes_finish(cpu, insn, r, bytes, saturated);                                                        \
    }

#define VEC(name)                                                                                            \
    EXEC(name##_vec)                                                                                         \
    {                                                                                                        \
        lanes_##name(cpu, insn, cpu->v[insn->rm], vector_bytes(insn));                                       \
    }
#define SCALAR(name)                                                                                         \
    EXEC(name##_scalar)                                                                                      \
    {                                                                                                        \
        lanes_##name(cpu, insn, cpu->v[insn->rm], scalar_bytes(insn));                                       \
    }
#define ELEM(name)                                                                                           \
    EXEC(name##_elem)                                                                                        \
    {                                                                                                        \
        lanes_##name(cpu, insn, lanes_broadcast(cpu->v[insn->rm], insn->size, insn->amount),                 \
                     vector_bytes(insn));                                                                    \
    }
#define ELEM_SCALAR(name)                                                                                    \
    EXEC(name##_elem_scalar)                                                                                 \
    {                                                                                                        \
        lanes_##name(cpu, insn, lanes_broadcast(cpu->v[insn->rm], insn->size, insn->amount),                 \
                     scalar_bytes(insn));                                                                    \
    }

/* Neighbours: a and b are lanes 2i and 2i+1 of Rm:Rn. */

union vreg_pair {
    uint8_t b[32];
    uint16_t h[16];
    uint32_t s[8];
    uint64_t d[4];
    int8_t sb[32];
    int16_t sh[16];
    int32_t ss[8];
    int64_t sd[4];
} __attribute__((may_alias));

#define PAIR_LOOP(lane_type, lanes, ...)                                                                     \
    {                                                                                                        \
        typedef lane_type lane;                                                                              \
        for (unsigned i = 0; i < 16 / sizeof(lane); i++) {                                                   \
            const lane a = c.lanes[2 * i], b = c.lanes[2 * i + 1];                                           \
            r.lanes[i] = (lane)(__VA_ARGS__);                                                                \
        }                                                                                                    \
    }
#define PAIRS_UNSIGNED(...)                                                                                  \
    switch (insn->size) {                                                                                    \
    case 0: PAIR_LOOP(uint8_t, b, __VA_ARGS__) break;                                                        \
    case 1: PAIR_LOOP(uint16_t, h, __VA_ARGS__) break;                                                       \
    case 2: PAIR_LOOP(uint32_t, s, __VA_ARGS__) break;                                                       \
    default: PAIR_LOOP(uint64_t, d, __VA_ARGS__) break;                                                      \
    }
#define PAIRS_SIGNED(...)                                                                                    \
    switch (insn->size) {                                                                                    \
    case 0: PAIR_LOOP(int8_t, sb, __VA_ARGS__) break;                                                        \
    case 1: PAIR_LOOP(int16_t, sh, __VA_ARGS__) break;                                                       \
    default: PAIR_LOOP(int32_t, ss, __VA_ARGS__) break;                                                      \
    }
#define PAIRS(name, kind, ...)                                                                               \
    EXEC(name##_vec)                                                                                         \
    {                                                                                                        \
        cpu_check_fp(cpu, insn);                                                                             \
        const union vreg n = cpu->v[insn->rn], m = cpu->v[insn->rm];                                         \
        union vreg_pair c = {.d = {n.d[0], insn->q ? n.d[1] : m.d[0], m.d[0], m.d[1]}};                      \
        union vreg r;                                                                                        \
        PAIRS_##kind(__VA_ARGS__);                                                                           \
        lanes_finish(cpu, insn, r, vector_bytes(insn), false);                                               \
    }

/* Long: a and b are narrow lanes (of the upper half where Q), d and the result lanes twice as wide. */

#define LONG_LOOP(narrow_type, lane_type, wide_type, narrows, lanes, ...)                                    \
    {                                                                                                        \
        typedef narrow_type narrow __attribute__((unused));                                                  \
        typedef lane_type lane __attribute__((unused));                                                      \
        typedef wide_type wide __attribute__((unused));                                                      \
        for (unsigned i = 0; i < 16 / sizeof(lane); i++) {                                                   \
            const lane a __attribute__((unused)) = n.narrows[i];                                             \
            const lane b __attribute__((unused)) = m.narrows[i];                                             \
            const lane d __attribute__((unused)) = o.lanes[i];                                               \
            const lane w __attribute__((unused)) = full.lanes[i];                                            \
            r.lanes[i] = (lane)(__VA_ARGS__);                                                                \
        }                                                                                                    \
    }
#define LONGS_UNSIGNED(...)                                                                                  \
    switch (insn->size) {                                                                                    \
    case 0: LONG_LOOP(uint8_t, uint16_t, int32_t, b, h, __VA_ARGS__) break;                                  \
    case 1: LONG_LOOP(uint16_t, uint32_t, int64_t, h, s, __VA_ARGS__) break;                                 \
    default: LONG_LOOP(uint32_t, uint64_t, __int128, s, d, __VA_ARGS__) break;                               \
    }
#define LONGS_SIGNED(...)                                                                                    \
    switch (insn->size) {                                                                                    \
    case 0: LONG_LOOP(int8_t, int16_t, int32_t, sb, sh, __VA_ARGS__) break;                                  \
    case 1: LONG_LOOP(int16_t, int32_t, int64_t, sh, ss, __VA_ARGS__) break;                                 \
    default: LONG_LOOP(int32_t, int64_t, __int128, ss, sd, __VA_ARGS__) break;                               \
    }
#define LONGS_SIGNED_HS(...)                                                                                 \
    if (insn->size == 1)                                                                                     \
        LONG_LOOP(int16_t, int32_t, int64_t, sh, ss, __VA_ARGS__)                                            \
    else                                                                                                     \
        LONG_LOOP(int32_t, int64_t, __int128, ss, sd, __VA_ARGS__)

/* `bytes` is the result's. In the expression `w` is a wide lane of Rn. */
#define LONGS(name, kind, ...)                                                                               \
    LANES_INLINE void longs_##name(struct cpu *cpu, const struct insn *insn, union vreg m, unsigned bytes)   \
    {                                                                                                        \
        cpu_check_fp(cpu, insn);                                                                             \
        const union vreg full = cpu->v[insn->rn];                                                            \
        const union vreg o __attribute__((unused)) = lanes_low(cpu->v[insn->rd], bytes);                     \
        const unsigned half = insn->q;                                                                       \
        union vreg n = {.d = {full.d[half], 0}}, r;                                                          \
        bool saturated = false;                                                                              \
        m.d[0] = m.d[half];                                                                                  \
        n = lanes_low(n, bytes / 2);                                                                         \
        m = lanes_low(m, bytes / 2);                                                                         \
        LONGS_##kind(__VA_ARGS__);                                                                           \
        lanes_finish(cpu, insn, r, bytes, saturated);                                                        \
    }
#define LONG_VEC(name)                                                                                       \
    EXEC(name##_vec)                                                                                         \
    {                                                                                                        \
        longs_##name(cpu, insn, cpu->v[insn->rm], 16);                                                       \
    }
#define LONG_SCALAR(name)                                                                                    \
    EXEC(name##_scalar)                                                                                      \
    {                                                                                                        \
        longs_##name(cpu, insn, cpu->v[insn->rm], 2 * scalar_bytes(insn));                                   \
    }
#define LONG_ELEM(name)                                                                                      \
    EXEC(name##_elem)                                                                                        \
    {                                                                                                        \
        longs_##name(cpu, insn, lanes_broadcast(cpu->v[insn->rm], insn->size, insn->amount), 16);            \
    }
#define LONG_ELEM_SCALAR(name)                                                                               \
    EXEC(name##_elem_scalar)                                                                                 \
    {                                                                                                        \
        longs_##name(cpu, insn, lanes_broadcast(cpu->v[insn->rm], insn->size, insn->amount),                 \
                     2 * scalar_bytes(insn));                                                                \
    }

/* Narrow: a and b are wide lanes, the result narrow lanes in the lower half, or in the upper half where Q
 * (the lower one stays). `wide` is the type of a and b. */

#define NARROW_LOOP(lane_type, wide_type, lanes, wides, ...)                                                 \
    {                                                                                                        \
        typedef lane_type lane;                                                                              \
        typedef wide_type wide;                                                                              \
        for (unsigned i = 0; i < 8 / sizeof(lane); i++) {                                                    \
            const wide a = n.wides[i], b __attribute__((unused)) = m.wides[i];                               \
            r.lanes[i] = (lane)(__VA_ARGS__);                                                                \
        }                                                                                                    \
    }
#define NARROWS_UNSIGNED(...)                                                                                \
    switch (insn->size) {                                                                                    \
    case 0: NARROW_LOOP(uint8_t, uint16_t, b, h, __VA_ARGS__) break;                                         \
    case 1: NARROW_LOOP(uint16_t, uint32_t, h, s, __VA_ARGS__) break;                                        \
    default: NARROW_LOOP(uint32_t, uint64_t, s, d, __VA_ARGS__) break;                                       \
    }
#define NARROWS_SIGNED(...)                                                                                  \
    switch (insn->size) {                                                                                    \
    case 0: NARROW_LOOP(int8_t, int16_t, sb, sh, __VA_ARGS__) break;                                         \
    case 1: NARROW_LOOP(int16_t, int32_t, sh, ss, __VA_ARGS__) break;                                        \
    default: NARROW_LOOP(int32_t, int64_t, ss, sd, __VA_ARGS__) break;                                       \
    }
#define NARROWS_TO_UNSIGNED(...)                                                                             \
    switch (insn->size) {                                                                                    \
    case 0: NARROW_LOOP(uint8_t, int16_t, b, sh, __VA_ARGS__) break;                                         \
    case 1: NARROW_LOOP(uint16_t, int32_t, h, ss, __VA_ARGS__) break;                                        \
    default: NARROW_LOOP(uint32_t, int64_t, s, sd, __VA_ARGS__) break;                                       \
    }
#define NARROWS(name, kind, ...)                                                                             \
    LANES_INLINE void narrows_##name(struct cpu *cpu, const struct insn *insn, unsigned bytes)               \
    {                                                                                                        \
        cpu_check_fp(cpu, insn);                                                                             \
        const union vreg n = lanes_low(cpu->v[insn->rn], bytes);                                             \
        const union vreg m __attribute__((unused)) = cpu->v[insn->rm];                                       \
        union vreg r = {.d = {0, 0}};                                                                        \
        bool saturated = false;                                                                              \
        NARROWS_##kind(__VA_ARGS__);                                                                         \
        if (insn->q)                                                                                         \
            r = (union vreg){.d = {cpu->v[insn->rd].d[0], r.d[0]}};                                          \
        lanes_finish(cpu, insn, r, 16, saturated);                                                           \
    }
#define NARROW_VEC(name)                                                                                     \
    EXEC(name##_vec)                                                                                         \
    {                                                                                                        \
        narrows_##name(cpu, insn, 16);                                                                       \
    }
#define NARROW_SCALAR(name)                                                                                  \
    EXEC(name##_scalar)                                                                                      \
    {                                                                                                        \
        narrows_##name(cpu, insn, 2 * scalar_bytes(insn));                                                   \
    }

#endif
