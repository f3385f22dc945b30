/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sieve of Eratosthenes, a byte a number and a bit a number. */
#include <string.h>
#include "../kernel.h"

#define LIMIT 60000

static unsigned char bytes[LIMIT];
static uint64_t bits[LIMIT / 64 + 1];

static void prepare(void)
{
}

static uint64_t run(unsigned round)
{
    unsigned limit = LIMIT - round % 1000, count = 0;
    uint64_t sum = 0;
    memset(bytes, 1, sizeof bytes);
    for (unsigned i = 2; i < limit; i++)
        if (bytes[i]) {
            count++;
            for (unsigned j = 2 * i; j < limit; j += i)
                bytes[j] = 0;
        }
    memset(bits, 0, sizeof bits);
    for (unsigned i = 3; i < limit; i += 2)
        if (!(bits[i / 64] >> i % 64 & 1)) {
            sum += i;
            for (unsigned j = 3 * i; j < limit; j += 2 * i)
                bits[j / 64] |= 1ull << j % 64;
        }
    return mix(sum, count);
}

KERNEL("sieve", "integer", 1300)
