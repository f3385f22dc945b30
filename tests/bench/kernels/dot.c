/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Dot products: of floats with two sums at a time, and of 16-bit integers in 32 bits. */
#include <arm_neon.h>
#include "../kernel.h"

#define COUNT 4096

static float a[COUNT], b[COUNT];
static int16_t narrow_a[COUNT], narrow_b[COUNT];

static void prepare(void)
{
    for (unsigned i = 0; i < COUNT; i++) {
        a[i] = (float)(random_next() % 1000) * 0.01f;
        b[i] = (float)(random_next() % 1000) * 0.02f - 10.0f;
        narrow_a[i] = (int16_t)random_next() >> 4;
        narrow_b[i] = (int16_t)random_next() >> 4;
    }
}

static float dot_floats(void)
{
    float32x4_t even = vdupq_n_f32(0), odd = even;
    for (unsigned i = 0; i < COUNT; i += 8) {
        even = vfmaq_f32(even, vld1q_f32(&a[i]), vld1q_f32(&b[i]));
        odd = vfmaq_f32(odd, vld1q_f32(&a[i + 4]), vld1q_f32(&b[i + 4]));
    }
    return vaddvq_f32(vaddq_f32(even, odd));
}

static int32_t dot_integers(void)
{
    int32x4_t low = vdupq_n_s32(0), high = low;
    for (unsigned i = 0; i < COUNT; i += 8) {
        int16x8_t x = vld1q_s16(&narrow_a[i]), y = vld1q_s16(&narrow_b[i]);
        low = vmlal_s16(low, vget_low_s16(x), vget_low_s16(y));
        high = vmlal_s16(high, vget_high_s16(x), vget_high_s16(y));
    }
    return vaddvq_s32(vaddq_s32(low, high));
}

static uint64_t run(unsigned round)
{
    a[round % COUNT] += 1.5f;
    narrow_a[round % COUNT] ^= (int16_t)(round & 255);
    return mix((uint64_t)(int64_t)(dot_floats() * 1000.0f), (uint32_t)dot_integers());
}

KERNEL("dot", "neon", 41000)
