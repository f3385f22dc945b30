/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A convolution of bytes with a 3 by 3 kernel, and an FIR filter of floats. */
#include <arm_neon.h>
#include "../kernel.h"

#define WIDTH  256
#define HEIGHT 64
#define TAPS   16
#define LENGTH 1024

static uint8_t picture[HEIGHT * WIDTH], result[HEIGHT * WIDTH];
static float samples[LENGTH + TAPS], taps[TAPS], filtered[LENGTH];

static void prepare(void)
{
    for (unsigned i = 0; i < sizeof picture; i++)
        picture[i] = (uint8_t)random_next();
    for (unsigned i = 0; i < LENGTH + TAPS; i++)
        samples[i] = (float)picture[i] * 0.01f - 1.2f;
    for (unsigned i = 0; i < TAPS; i++)
        taps[i] = 1.0f / (float)(3 + i);
}

static void convolve(void)
{
    uint8x8_t one = vdup_n_u8(1), two = vdup_n_u8(2), four = vdup_n_u8(4);
    for (unsigned y = 1; y < HEIGHT - 1; y++)
        for (unsigned x = 0; x + 16 <= WIDTH; x += 8) {
            uint16x8_t sum = vdupq_n_u16(8);
            for (unsigned k = 0; k < 3; k++) {
                uint8x16_t row = vld1q_u8(&picture[(y + k - 1) * WIDTH + x]);
                sum = vmlal_u8(sum, vget_low_u8(row), k == 1 ? two : one);
                sum = vmlal_u8(sum, vget_low_u8(vextq_u8(row, row, 1)), k == 1 ? four : two);
                sum = vmlal_u8(sum, vget_low_u8(vextq_u8(row, row, 2)), k == 1 ? two : one);
            }
            vst1_u8(&result[y * WIDTH + x], vshrn_n_u16(sum, 4));
        }
}

static void filter(void)
{
    for (unsigned i = 0; i < LENGTH; i += 4) {
        float32x4_t sum = vdupq_n_f32(0.125f);
        for (unsigned k = 0; k < TAPS; k++)
            sum = vfmaq_f32(sum, vld1q_f32(&samples[i + k]), vdupq_n_f32(taps[k]));
        vst1q_f32(&filtered[i], sum);
    }
}

static uint64_t run(unsigned round)
{
    picture[round * 7 % sizeof picture] ^= (uint8_t)round;
    convolve();
    filter();
    samples[round % LENGTH] = filtered[(round + 5) % LENGTH] * 0.01f;
    return mix(mix_bytes(result + round % 16 * WIDTH, 64), (uint64_t)(int64_t)(filtered[round % LENGTH] * 1e6f));
}

KERNEL("convolution", "neon", 4000)
