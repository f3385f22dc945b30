/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The NEON intrinsics that the kernels use, for x86-64: the same algorithms can so be measured on the host. */
#ifndef BENCH_ARM_NEON_H
#define BENCH_ARM_NEON_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t uint8x8_t __attribute__((vector_size(8)));
typedef uint8_t uint8x16_t __attribute__((vector_size(16)));
typedef uint16_t uint16x8_t __attribute__((vector_size(16)));
typedef uint32_t uint32x4_t __attribute__((vector_size(16)));
typedef uint64_t uint64x2_t __attribute__((vector_size(16)));
typedef int16_t int16x4_t __attribute__((vector_size(8)));
typedef int16_t int16x8_t __attribute__((vector_size(16)));
typedef int32_t int32x4_t __attribute__((vector_size(16)));
typedef float float32x4_t __attribute__((vector_size(16)));
typedef struct {
    uint8x16_t val[3];
} uint8x16x3_t;
typedef struct {
    uint8x16_t val[4];
} uint8x16x4_t;

/* --- loads and stores -------------------------------------------------------------------------- */

#define LOAD_STORE(suffix, type, vector)                                                                     \
    static inline vector vld1##suffix(const type *from)                                                      \
    {                                                                                                        \
        vector value;                                                                                        \
        memcpy(&value, from, sizeof value);                                                                  \
        return value;                                                                                        \
    }                                                                                                        \
    static inline void vst1##suffix(type *to, vector value)                                                  \
    {                                                                                                        \
        memcpy(to, &value, sizeof value);                                                                    \
    }

LOAD_STORE(_u8, uint8_t, uint8x8_t)
LOAD_STORE(q_u8, uint8_t, uint8x16_t)
LOAD_STORE(q_s16, int16_t, int16x8_t)
LOAD_STORE(q_f32, float, float32x4_t)

/* Byte i of result `part`, of n that are interleaved, is byte n * i + part of the 16 n bytes. `bytes` shuffles those
 * that lie in the vector `source`, and gives 0 for the others. */
static inline uint8x16_t gather(const uint8x16_t *sources, int n, int part)
{
    __m128i all = _mm_setzero_si128();
    for (int source = 0; source < n; source++) {
        uint8x16_t bytes;
        for (int i = 0; i < 16; i++)
            bytes[i] = (n * i + part) / 16 == source ? (uint8_t)((n * i + part) % 16) : 0x80;
        all = _mm_or_si128(all, _mm_shuffle_epi8((__m128i)sources[source], (__m128i)bytes));
    }
    return (uint8x16_t)all;
}

/* Byte i of vector `part`, of n, is byte (16 part + i) / n of the source (16 part + i) % n. */
static inline uint8x16_t scatter(const uint8x16_t *sources, int n, int part)
{
    __m128i all = _mm_setzero_si128();
    for (int source = 0; source < n; source++) {
        uint8x16_t bytes;
        for (int i = 0; i < 16; i++)
            bytes[i] = (16 * part + i) % n == source ? (uint8_t)((16 * part + i) / n) : 0x80;
        all = _mm_or_si128(all, _mm_shuffle_epi8((__m128i)sources[source], (__m128i)bytes));
    }
    return (uint8x16_t)all;
}

static inline uint8x16x3_t vld3q_u8(const uint8_t *from)
{
    uint8x16_t in[3] = {vld1q_u8(from), vld1q_u8(from + 16), vld1q_u8(from + 32)};
    return (uint8x16x3_t){{gather(in, 3, 0), gather(in, 3, 1), gather(in, 3, 2)}};
}

static inline uint8x16x4_t vld4q_u8(const uint8_t *from)
{
    uint8x16_t in[4] = {vld1q_u8(from), vld1q_u8(from + 16), vld1q_u8(from + 32), vld1q_u8(from + 48)};
    return (uint8x16x4_t){{gather(in, 4, 0), gather(in, 4, 1), gather(in, 4, 2), gather(in, 4, 3)}};
}

static inline void vst3q_u8(uint8_t *to, uint8x16x3_t value)
{
    vst1q_u8(to, scatter(value.val, 3, 0));
    vst1q_u8(to + 16, scatter(value.val, 3, 1));
    vst1q_u8(to + 32, scatter(value.val, 3, 2));
}

static inline void vst4q_u8(uint8_t *to, uint8x16x4_t value)
{
    vst1q_u8(to, scatter(value.val, 4, 0));
    vst1q_u8(to + 16, scatter(value.val, 4, 1));
    vst1q_u8(to + 32, scatter(value.val, 4, 2));
    vst1q_u8(to + 48, scatter(value.val, 4, 3));
}

/* --- bytes ------------------------------------------------------------------------------------- */

#define vdup_n_u8(x)        ((uint8x8_t){0} + (uint8_t)(x))
#define vdupq_n_u8(x)       ((uint8x16_t){0} + (uint8_t)(x))
#define vdupq_n_u16(x)      ((uint16x8_t){0} + (uint16_t)(x))
#define vdupq_n_s32(x)      ((int32x4_t){0} + (int32_t)(x))
#define vdupq_n_f32(x)      ((float32x4_t)_mm_set1_ps(x))
#define vmvn_u8(a)          (~(a))
#define vandq_u8(a, b)      ((a) & (b))
#define vorrq_u8(a, b)      ((a) | (b))
#define vaddq_u8(a, b)      ((a) + (b))
#define vsubq_u8(a, b)      ((a) - (b))
#define vaddq_s32(a, b)     ((a) + (b))
#define vaddq_f32(a, b)     ((a) + (b))
#define vshlq_n_u8(a, n)    ((a) << (n))
#define vshrq_n_u8(a, n)    ((a) >> (n))
#define vcgeq_u8(a, b)      ((uint8x16_t)((a) >= (b)))
#define vceqq_u8(a, b)      ((uint8x16_t)((a) == (b)))
#define vbslq_u8(m, a, b)   ((uint8x16_t)_mm_blendv_epi8((__m128i)(b), (__m128i)(a), (__m128i)(m)))
#define vmaxq_u8(a, b)      ((uint8x16_t)_mm_max_epu8((__m128i)(a), (__m128i)(b)))
#define vminq_u8(a, b)      ((uint8x16_t)_mm_min_epu8((__m128i)(a), (__m128i)(b)))
#define vrhaddq_u8(a, b)    ((uint8x16_t)_mm_avg_epu8((__m128i)(a), (__m128i)(b)))
#define vabdq_u8(a, b)      (vmaxq_u8(a, b) - vminq_u8(a, b))
#define vextq_u8(a, b, n)   ((uint8x16_t)_mm_alignr_epi8((__m128i)(b), (__m128i)(a), n))
#define vget_low_u8(a)      ((uint8x8_t)((uint64x2_t)(a))[0])
#define vget_high_u8(a)     ((uint8x8_t)((uint64x2_t)(a))[1])
#define vcombine_u8(a, b)   ((uint8x16_t)(uint64x2_t){(uint64_t)(a), (uint64_t)(b)})

static inline uint8x16_t vqtbl4q_u8(uint8x16x4_t table, uint8x16_t index)
{
    uint8x16_t all = {0};
    for (int i = 0; i < 4; i++) {
        __m128i here = _mm_shuffle_epi8((__m128i)table.val[i], (__m128i)(index & 0x0f));
        all |= (uint8x16_t)here & (uint8x16_t)(index >> 4 == (uint8_t)i);
    }
    return all;
}

/* --- widening and narrowing, sums -------------------------------------------------------------- */

#define vmull_u8(a, b)      (__builtin_convertvector(a, uint16x8_t) * __builtin_convertvector(b, uint16x8_t))
#define vmlal_u8(s, a, b)   ((s) + vmull_u8(a, b))
#define vshrn_n_u16(a, n)   __builtin_convertvector((a) >> (n), uint8x8_t)
#define vrshrn_n_u16(a, n)  vshrn_n_u16((a) + (uint16_t)(1 << ((n) - 1)), n)
#define vget_low_s16(a)     ((int16x4_t)((uint64x2_t)(a))[0])
#define vget_high_s16(a)    ((int16x4_t)((uint64x2_t)(a))[1])
#define vmlal_s16(s, a, b)  ((s) + __builtin_convertvector(a, int32x4_t) * __builtin_convertvector(b, int32x4_t))
#define vaddvq_s32(a)       ((a)[0] + (a)[1] + (a)[2] + (a)[3])
#define vaddvq_f32(a)       (((a)[0] + (a)[1]) + ((a)[2] + (a)[3]))
#define vfmaq_f32(s, a, b)  ((float32x4_t)_mm_fmadd_ps(a, b, s))

#endif
