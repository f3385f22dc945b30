/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Matrices of integers, multiplied: 32 bits a number, and 16 bits with sums of 64. */
#include "../kernel.h"

#define SIDE 48

static int32_t a[SIDE][SIDE], b[SIDE][SIDE], c[SIDE][SIDE];
static int16_t narrow_a[SIDE][SIDE], narrow_b[SIDE][SIDE];

static void prepare(void)
{
    for (unsigned i = 0; i < SIDE; i++)
        for (unsigned j = 0; j < SIDE; j++) {
            a[i][j] = (int32_t)random_next() >> 12;
            b[i][j] = (int32_t)random_next() >> 20;
            narrow_a[i][j] = (int16_t)random_next();
            narrow_b[i][j] = (int16_t)random_next();
        }
}

static uint64_t run(unsigned round)
{
    uint64_t sum = 0;
    a[round % SIDE][round / SIDE % SIDE] ^= (int32_t)round;
    for (unsigned i = 0; i < SIDE; i++)
        for (unsigned j = 0; j < SIDE; j++) {
            uint32_t all = 0;
            for (unsigned k = 0; k < SIDE; k++)
                all += (uint32_t)a[i][k] * (uint32_t)b[k][j];
            c[i][j] = (int32_t)all;
        }
    for (unsigned i = 0; i < SIDE; i++)
        for (unsigned j = 0; j < SIDE; j++) {
            int64_t all = c[i][j];
            for (unsigned k = 0; k < SIDE; k++)
                all += narrow_a[i][k] * narrow_b[k][j];
            sum = mix(sum, (uint64_t)all);
        }
    return sum;
}

KERNEL("matrix", "integer", 2400)
