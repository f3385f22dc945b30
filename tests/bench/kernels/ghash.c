/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A hash like GCM's: products of polynomials with 128 bits, by the instructions for it, and their rest by
 * x^128 + x^7 + x^2 + x + 1. */
#include "crypto.h"
#include "../kernel.h"

#define BYTES 16384

static uint8_t text[BYTES];

static void prepare(void)
{
    for (unsigned i = 0; i < BYTES; i++)
        text[i] = (uint8_t)random_next();
}

static uint64x2_t product(uint64x2_t a, uint64x2_t b)
{
    const uint64x2_t poly = {0x87, 0x87};
    uint64x2_t low = multiply_low_low(a, b), high = multiply_high_high(a, b);
    uint64x2_t swapped = __builtin_shuffle(b, (uint64x2_t){1, 0});
    uint64x2_t middle = multiply_low_low(a, swapped) ^ multiply_high_high(a, swapped);
    low ^= __builtin_shuffle(middle, (uint64x2_t){0, 0}, (uint64x2_t){2, 0});
    high ^= __builtin_shuffle(middle, (uint64x2_t){0, 0}, (uint64x2_t){1, 2});
    /* high x^128 is high 0x87: its upper half first, which reaches into the lower. */
    uint64x2_t fold = multiply_high_high(high, poly);
    low ^= __builtin_shuffle(fold, (uint64x2_t){0, 0}, (uint64x2_t){2, 0});
    high ^= __builtin_shuffle(fold, (uint64x2_t){0, 0}, (uint64x2_t){1, 2});
    return low ^ multiply_low_low(high, poly);
}

static uint64_t run(unsigned round)
{
    uint64x2_t hash = {round, 0}, key = {0x123456789abcdef1u + round, 0xfedcba9876543211u};
    text[round % BYTES]++;
    for (unsigned at = 0; at < BYTES; at += 16)
        hash = product(hash ^ (uint64x2_t)vld1q_u8(text + at), key);
    return mix(hash[0], hash[1]);
}

KERNEL("ghash", "crypto", 2000)
