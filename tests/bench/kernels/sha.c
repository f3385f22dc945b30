/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SHA-256 in plain C. */
#include <string.h>
#include "../kernel.h"
#include "sha256.h"

#define BYTES 16384

static unsigned char text[BYTES];

static void prepare(void)
{
    text_make((char *)text, BYTES);
}

static uint32_t turn(uint32_t value, unsigned by)
{
    return value >> by | value << (32 - by);
}

static void block(uint32_t *state, const unsigned char *from)
{
    uint32_t w[64], s[8];
    for (unsigned i = 0; i < 16; i++)
        w[i] = (uint32_t)from[4 * i] << 24 | (uint32_t)from[4 * i + 1] << 16 | (uint32_t)from[4 * i + 2] << 8 |
               from[4 * i + 3];
    for (unsigned i = 16; i < 64; i++)
        w[i] = w[i - 16] + w[i - 7] + (turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ w[i - 15] >> 3) +
               (turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ w[i - 2] >> 10);
    memcpy(s, state, sizeof s);
    for (unsigned i = 0; i < 64; i++) {
        uint32_t t = s[7] + (turn(s[4], 6) ^ turn(s[4], 11) ^ turn(s[4], 25)) + ((s[4] & s[5]) ^ (~s[4] & s[6])) +
                     sha256_constants[i] + w[i];
        uint32_t u = (turn(s[0], 2) ^ turn(s[0], 13) ^ turn(s[0], 22)) +
                     ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
        memmove(s + 1, s, 7 * sizeof *s);
        s[4] += t;
        s[0] = t + u;
    }
    for (unsigned i = 0; i < 8; i++)
        state[i] += s[i];
}

static uint64_t run(unsigned round)
{
    uint32_t state[8];
    text[round % BYTES]++;
    memcpy(state, sha256_start, sizeof state);
    for (unsigned at = 0; at < BYTES; at += 64)
        block(state, text + at);
    return (uint64_t)state[0] << 32 | state[7];
}

KERNEL("sha", "integer", 1700)
