/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copies and fills memory 64 bytes a turn, aligned and not, forwards and backwards. */
#include <arm_neon.h>
#include "../kernel.h"

#define BYTES 32768

static uint8_t from[BYTES + 64], to[BYTES + 64];

static void prepare(void)
{
    for (unsigned i = 0; i < sizeof from; i++)
        from[i] = (uint8_t)random_next();
}

static void copy_forward(uint8_t *d, const uint8_t *s, unsigned size)
{
    for (unsigned i = 0; i < size; i += 64) {
        uint8x16_t a = vld1q_u8(s + i), b = vld1q_u8(s + i + 16);
        uint8x16_t c = vld1q_u8(s + i + 32), e = vld1q_u8(s + i + 48);
        vst1q_u8(d + i, a);
        vst1q_u8(d + i + 16, b);
        vst1q_u8(d + i + 32, c);
        vst1q_u8(d + i + 48, e);
    }
}

static void copy_backward(uint8_t *d, const uint8_t *s, unsigned size)
{
    for (unsigned i = size; i > 0; i -= 64) {
        uint8x16_t a = vld1q_u8(s + i - 64), b = vld1q_u8(s + i - 48);
        uint8x16_t c = vld1q_u8(s + i - 32), e = vld1q_u8(s + i - 16);
        vst1q_u8(d + i - 16, e);
        vst1q_u8(d + i - 32, c);
        vst1q_u8(d + i - 48, b);
        vst1q_u8(d + i - 64, a);
    }
}

static uint64_t run(unsigned round)
{
    from[round % BYTES]++;
    copy_forward(to, from, BYTES);
    copy_forward(to + 1, from + round % 61, BYTES);
    copy_backward(to + round % 64, to, BYTES);
    copy_backward(from, to + 3, BYTES);
    return mix_bytes(from + round * 64 % BYTES, 64);
}

KERNEL("memcpy", "neon", 33000)
