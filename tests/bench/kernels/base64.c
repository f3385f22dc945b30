/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Base64, coded and decoded, 48 bytes a turn: structures of three and four, a look-up in 64 bytes, selects. */
#include <string.h>
#include <arm_neon.h>
#include "../kernel.h"

#define BYTES 12288

static uint8_t plain[BYTES], coded[BYTES / 3 * 4], decoded[BYTES];
static const char letters[65] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void prepare(void)
{
    for (unsigned i = 0; i < BYTES; i++)
        plain[i] = (uint8_t)random_next();
}

static void code(void)
{
    uint8x16x4_t table;
    for (unsigned i = 0; i < 4; i++)
        table.val[i] = vld1q_u8((const uint8_t *)letters + 16 * i);
    uint8x16_t six = vdupq_n_u8(0x3f);
    for (unsigned i = 0, o = 0; i < BYTES; i += 48, o += 64) {
        uint8x16x3_t in = vld3q_u8(plain + i);
        uint8x16x4_t out;
        out.val[0] = vshrq_n_u8(in.val[0], 2);
        out.val[1] = vandq_u8(vorrq_u8(vshlq_n_u8(in.val[0], 4), vshrq_n_u8(in.val[1], 4)), six);
        out.val[2] = vandq_u8(vorrq_u8(vshlq_n_u8(in.val[1], 2), vshrq_n_u8(in.val[2], 6)), six);
        out.val[3] = vandq_u8(in.val[2], six);
        for (unsigned k = 0; k < 4; k++)
            out.val[k] = vqtbl4q_u8(table, out.val[k]);
        vst4q_u8(coded + o, out);
    }
}

/* What each letter stands for, by ranges. */
static uint8x16_t value(uint8x16_t c)
{
    uint8x16_t result = vsubq_u8(c, vdupq_n_u8('A'));
    result = vbslq_u8(vcgeq_u8(c, vdupq_n_u8('a')), vsubq_u8(c, vdupq_n_u8('a' - 26)), result);
    result = vbslq_u8(vcgeq_u8(vdupq_n_u8('9'), c), vaddq_u8(c, vdupq_n_u8(52 - '0')), result);
    result = vbslq_u8(vceqq_u8(c, vdupq_n_u8('+')), vdupq_n_u8(62), result);
    return vbslq_u8(vceqq_u8(c, vdupq_n_u8('/')), vdupq_n_u8(63), result);
}

static void decode(void)
{
    for (unsigned i = 0, o = 0; o < BYTES; i += 64, o += 48) {
        uint8x16x4_t in = vld4q_u8(coded + i);
        uint8x16x3_t out;
        for (unsigned k = 0; k < 4; k++)
            in.val[k] = value(in.val[k]);
        out.val[0] = vorrq_u8(vshlq_n_u8(in.val[0], 2), vshrq_n_u8(in.val[1], 4));
        out.val[1] = vorrq_u8(vshlq_n_u8(in.val[1], 4), vshrq_n_u8(in.val[2], 2));
        out.val[2] = vorrq_u8(vshlq_n_u8(in.val[2], 6), in.val[3]);
        vst3q_u8(decoded + o, out);
    }
}

static uint64_t run(unsigned round)
{
    plain[round * 5 % BYTES]++;
    code();
    decode();
    must(memcmp(plain, decoded, BYTES) == 0, "base64: decoded is not what was coded");
    return mix_bytes(coded + round * 64 % sizeof coded, 64);
}

KERNEL("base64", "neon", 7400)
