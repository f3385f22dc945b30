/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SHA-1 by the instructions for it. */
#include "crypto.h"
#include "../kernel.h"

#define BYTES 16384

static uint8_t text[BYTES];

static void prepare(void)
{
    text_make((char *)text, BYTES);
}

static uint64_t run(unsigned round)
{
    uint32_t state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    text[round % BYTES]++;
    sha1_blocks(state, text, BYTES / 64);
    return (uint64_t)state[0] << 32 | state[4];
}

KERNEL("sha1", "crypto", 12000)
