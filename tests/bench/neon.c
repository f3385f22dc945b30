/* SPDX-License-Identifier: GPL-3.0-or-later */
/* NEON intrinsics as video and signal code uses them, as a bare-metal guest: a 3x3 convolution of bytes,
 * blending with an alpha, a dot product and an FIR filter in single precision, a table look-up, AES rounds.
 * Prints the ticks of each part and a checksum. */
#include <arm_neon.h>
#include "guest.h"

#define WIDTH  512
#define HEIGHT 128
#define ROUNDS 1200
#define TAPS   16
#define LENGTH 4096

static uint8_t image[HEIGHT * WIDTH], other[HEIGHT * WIDTH], result[HEIGHT * WIDTH];
static float signal[LENGTH + TAPS], taps[TAPS], filtered[LENGTH];
static uint64_t checksum;

static void mix(const void *data, unsigned bytes)
{
    const uint8_t *at = data;
    for (unsigned i = 0; i < bytes; i++)
        checksum = (checksum << 5 | checksum >> 59) ^ at[i];
}

static void convolution(void)
{
    for (unsigned round = 0; round < ROUNDS; round++)
        for (unsigned y = 1; y < HEIGHT - 1; y++)
            for (unsigned x = 0; x + 16 < WIDTH; x += 8) {
                uint16x8_t sum = vdupq_n_u16(8);
                for (unsigned k = 0; k < 3; k++) {
                    uint8x16_t row = vld1q_u8(&image[(y + k - 1) * WIDTH + x]);
                    uint8x8_t a = vget_low_u8(row), b = vget_low_u8(vextq_u8(row, row, 1)),
                              c = vget_low_u8(vextq_u8(row, row, 2));
                    sum = vmlal_u8(sum, a, vdup_n_u8(k == 1 ? 2 : 1));
                    sum = vmlal_u8(sum, b, vdup_n_u8(k == 1 ? 4 : 2));
                    sum = vmlal_u8(sum, c, vdup_n_u8(k == 1 ? 2 : 1));
                }
                vst1_u8(&result[y * WIDTH + x], vshrn_n_u16(sum, 4));
            }
    mix(result, sizeof result);
}

static void blending(void)
{
    for (unsigned round = 0; round < ROUNDS; round++)
        for (unsigned i = 0; i < WIDTH * HEIGHT; i += 16) {
            uint8x16_t a = vld1q_u8(&image[i]), b = vld1q_u8(&other[i]);
            uint8x8_t alpha = vdup_n_u8((uint8_t)(round)), rest = vmvn_u8(alpha);
            uint16x8_t low = vmlal_u8(vmull_u8(vget_low_u8(a), alpha), vget_low_u8(b), rest);
            uint16x8_t high = vmlal_u8(vmull_u8(vget_high_u8(a), alpha), vget_high_u8(b), rest);
            uint8x16_t mixed = vcombine_u8(vrshrn_n_u16(low, 8), vrshrn_n_u16(high, 8));
            vst1q_u8(&result[i], vmaxq_u8(vrhaddq_u8(mixed, a), vabdq_u8(a, b)));
        }
    mix(result, sizeof result);
}

static void filter(void)
{
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < LENGTH; i += 4) {
            float32x4_t sum = vdupq_n_f32(0.125f);
            for (unsigned k = 0; k < TAPS; k++)
                sum = vfmaq_n_f32(sum, vld1q_f32(&signal[i + k]), taps[k]);
            vst1q_f32(&filtered[i], sum);
        }
        float32x4_t dot = vdupq_n_f32(0);
        for (unsigned i = 0; i < LENGTH; i += 4)
            dot = vfmaq_f32(dot, vld1q_f32(&filtered[i]), vld1q_f32(&signal[i]));
        signal[round % LENGTH] = vaddvq_f32(dot) * 1e-4f;
    }
    mix(filtered, sizeof filtered);
}

static void tables(void)
{
    uint8x16_t table = vld1q_u8(&image[35]), all = vdupq_n_u8(0);
    for (unsigned round = 0; round < ROUNDS; round++)
        for (unsigned i = 0; i < WIDTH * HEIGHT; i += 16) {
            uint8x16_t a = vld1q_u8(&image[i]);
            uint8x16_t low = vqtbl1q_u8(table, vandq_u8(a, vdupq_n_u8(15))), high = vshrq_n_u8(a, 4);
            all = veorq_u8(all, vbslq_u8(vcgtq_u8(a, low), vzip1q_u8(low, high), vtrn2q_u8(high, low)));
            all = vaddq_u8(all, vrev64q_u8(all));
        }
    mix(&all, sizeof all);
}

static void aes(void)
{
    uint8x16_t state = vld1q_u8(&image[101]), key = vld1q_u8(&image[202]);
    for (unsigned i = 0; i < 4000000; i++)
        state = vaesmcq_u8(vaeseq_u8(state, key));
    mix(&state, sizeof state);
}

static uint64_t part(const char *name, void (*work)(void))
{
    uint64_t start = MRS(cntvct_el0);
    work();
    uint64_t ticks = MRS(cntvct_el0) - start;
    print(name);
    print(" ");
    print_hex(ticks);
    print("\n");
    return ticks;
}

void guest_main(void)
{
    mmu_on(identity_map());
    uint32_t random = 1;
    for (unsigned i = 0; i < WIDTH * HEIGHT; i++) {
        random = random * 1103515245 + 12345;
        image[i] = (uint8_t)(random >> 16);
        other[i] = (uint8_t)(random >> 24);
    }
    for (unsigned i = 0; i < LENGTH + TAPS; i++)
        signal[i] = (float)image[i] * 0.01f - 1.2f;
    for (unsigned i = 0; i < TAPS; i++)
        taps[i] = 1.0f / (float)(3 + i);
    uint64_t ticks = part("convolution", convolution) + part("blending", blending) + part("filter", filter) +
                     part("tables", tables) + part("aes", aes);
    print("checksum ");
    print_hex(checksum);
    print(" ticks ");
    print_hex(ticks);
    print("\n");
}
