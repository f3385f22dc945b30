/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Streams through arrays that are larger than a host's second-level cache: copy, scale, sum of two. */
#include "../kernel.h"

#define COUNT (1u << 19)

static double a[COUNT], b[COUNT], c[COUNT];

static void prepare(void)
{
    for (unsigned i = 0; i < COUNT; i++) {
        a[i] = (int32_t)random_next() * 0x1p-31;
        b[i] = a[i] * 2;
    }
}

static uint64_t run(unsigned round)
{
    double scale = 1 + round;
    for (unsigned i = 0; i < COUNT; i++)
        c[i] = a[i];
    for (unsigned i = 0; i < COUNT; i++)
        b[i] = scale * c[i];
    for (unsigned i = 0; i < COUNT; i++)
        c[i] = a[i] + b[i];
    return mix_doubles(round, c + round * 1000 % COUNT, 8);
}

KERNEL("stream", "memory", 33)
