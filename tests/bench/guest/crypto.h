/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the cryptography kernels are made of, by the instructions of ARMv8. native/crypto.h has the same for x86-64. */
#ifndef BENCH_CRYPTO_H
#define BENCH_CRYPTO_H

#include <arm_neon.h>

static inline uint8x16_t aes_round(uint8x16_t state, uint8x16_t key)
{
    return vaesmcq_u8(vaeseq_u8(state, key));
}

static inline uint8x16_t aes_last_round(uint8x16_t state, uint8x16_t key)
{
    return vaeseq_u8(state, key);
}

static inline uint64x2_t multiply_low_low(uint64x2_t a, uint64x2_t b)
{
    return (uint64x2_t)vmull_p64((poly64_t)a[0], (poly64_t)b[0]);
}

static inline uint64x2_t multiply_high_high(uint64x2_t a, uint64x2_t b)
{
    return (uint64x2_t)vmull_high_p64((poly64x2_t)a, (poly64x2_t)b);
}

static inline void sha1_blocks(uint32_t *state, const uint8_t *from, unsigned count)
{
    uint32x4_t abcd = vld1q_u32(state);
    uint32_t e = state[4];
    for (; count; count--, from += 64) {
        uint32x4_t w[4], before = abcd;
        uint32_t e_before = e;
        for (unsigned i = 0; i < 4; i++)
            w[i] = (uint32x4_t)vrev32q_u8(vld1q_u8(from + 16 * i));
#pragma GCC unroll 20
        for (unsigned i = 0; i < 20; i++) {
            static const uint32_t constants[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
            uint32x4_t input = vaddq_u32(w[i % 4], vdupq_n_u32(constants[i / 5]));
            uint32_t next = vsha1h_u32(abcd[0]);
            abcd = i / 5 == 0   ? vsha1cq_u32(abcd, e, input)
                   : i / 5 == 2 ? vsha1mq_u32(abcd, e, input)
                                : vsha1pq_u32(abcd, e, input);
            e = next;
            w[i % 4] = vsha1su1q_u32(vsha1su0q_u32(w[i % 4], w[(i + 1) % 4], w[(i + 2) % 4]), w[(i + 3) % 4]);
        }
        abcd = vaddq_u32(abcd, before);
        e += e_before;
    }
    vst1q_u32(state, abcd);
    state[4] = e;
}

static inline void sha256_blocks(uint32_t *state, const uint8_t *from, unsigned count, const uint32_t *constants)
{
    uint32x4_t abcd = vld1q_u32(state), efgh = vld1q_u32(state + 4);
    for (; count; count--, from += 64) {
        uint32x4_t w[4], abcd_before = abcd, efgh_before = efgh;
        for (unsigned i = 0; i < 4; i++)
            w[i] = (uint32x4_t)vrev32q_u8(vld1q_u8(from + 16 * i));
#pragma GCC unroll 16
        for (unsigned i = 0; i < 16; i++) {
            uint32x4_t input = vaddq_u32(w[i % 4], vld1q_u32(constants + 4 * i)), keep = abcd;
            abcd = vsha256hq_u32(abcd, efgh, input);
            efgh = vsha256h2q_u32(efgh, keep, input);
            w[i % 4] = vsha256su1q_u32(vsha256su0q_u32(w[i % 4], w[(i + 1) % 4]), w[(i + 2) % 4], w[(i + 3) % 4]);
        }
        abcd = vaddq_u32(abcd, abcd_before);
        efgh = vaddq_u32(efgh, efgh_before);
    }
    vst1q_u32(state, abcd);
    vst1q_u32(state + 4, efgh);
}

#endif
