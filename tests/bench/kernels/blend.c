/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Blends two pictures with an alpha. */
#include <arm_neon.h>
#include "../kernel.h"

#define BYTES 16384

static uint8_t picture[BYTES], other[BYTES], result[BYTES];

static void prepare(void)
{
    for (unsigned i = 0; i < BYTES; i++) {
        picture[i] = (uint8_t)random_next();
        other[i] = (uint8_t)random_next();
    }
}

static uint64_t run(unsigned round)
{
    uint8x8_t alpha = vdup_n_u8((uint8_t)round), rest = vmvn_u8(alpha);
    for (unsigned i = 0; i < BYTES; i += 16) {
        uint8x16_t a = vld1q_u8(&picture[i]), b = vld1q_u8(&other[i]);
        uint16x8_t low = vmlal_u8(vmull_u8(vget_low_u8(a), alpha), vget_low_u8(b), rest);
        uint16x8_t high = vmlal_u8(vmull_u8(vget_high_u8(a), alpha), vget_high_u8(b), rest);
        uint8x16_t mixed = vcombine_u8(vrshrn_n_u16(low, 8), vrshrn_n_u16(high, 8));
        vst1q_u8(&result[i], vmaxq_u8(vrhaddq_u8(mixed, a), vabdq_u8(a, b)));
    }
    return mix_bytes(result + round % 16 * 64, 64);
}

KERNEL("blend", "neon", 17000)
