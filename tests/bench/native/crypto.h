/* SPDX-License-Identifier: GPL-3.0-or-later */
/* guest/crypto.h for x86-64: AES-NI, PCLMULQDQ and the SHA extensions. */
#ifndef BENCH_CRYPTO_H
#define BENCH_CRYPTO_H

#include <immintrin.h>
#include <arm_neon.h>

static inline uint8x16_t aes_round(uint8x16_t state, uint8x16_t key)
{
    return (uint8x16_t)_mm_aesenc_si128((__m128i)(state ^ key), _mm_setzero_si128());
}

static inline uint8x16_t aes_last_round(uint8x16_t state, uint8x16_t key)
{
    return (uint8x16_t)_mm_aesenclast_si128((__m128i)(state ^ key), _mm_setzero_si128());
}

static inline uint64x2_t multiply_low_low(uint64x2_t a, uint64x2_t b)
{
    return (uint64x2_t)_mm_clmulepi64_si128((__m128i)a, (__m128i)b, 0x00);
}

static inline uint64x2_t multiply_high_high(uint64x2_t a, uint64x2_t b)
{
    return (uint64x2_t)_mm_clmulepi64_si128((__m128i)a, (__m128i)b, 0x11);
}

/* Four words of the message, the first in the highest lane or in the lowest. */
static inline __m128i words_down(const uint8_t *from)
{
    return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)from),
                            _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

static inline __m128i words_up(const uint8_t *from)
{
    return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)from),
                            _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3));
}

#define SHA1_ROUNDS(i)                                                                                       \
    {                                                                                                        \
        __m128i keep = abcd;                                                                                 \
        e = i == 0 ? _mm_add_epi32(e, w[0]) : _mm_sha1nexte_epu32(e, w[i % 4]);                              \
        abcd = _mm_sha1rnds4_epu32(abcd, e, i / 5);                                                          \
        e = keep;                                                                                            \
        __m128i part = _mm_xor_si128(_mm_sha1msg1_epu32(w[i % 4], w[(i + 1) % 4]), w[(i + 2) % 4]);          \
        w[i % 4] = _mm_sha1msg2_epu32(part, w[(i + 3) % 4]);                                                 \
    }

static inline void sha1_blocks(uint32_t *state, const uint8_t *from, unsigned count)
{
    __m128i abcd = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0x1b);
    __m128i e = _mm_set_epi32((int)state[4], 0, 0, 0);
    for (; count; count--, from += 64) {
        __m128i w[4], abcd_before = abcd, e_before = e;
        for (unsigned i = 0; i < 4; i++)
            w[i] = words_down(from + 16 * i);
        SHA1_ROUNDS(0) SHA1_ROUNDS(1) SHA1_ROUNDS(2) SHA1_ROUNDS(3) SHA1_ROUNDS(4)
        SHA1_ROUNDS(5) SHA1_ROUNDS(6) SHA1_ROUNDS(7) SHA1_ROUNDS(8) SHA1_ROUNDS(9)
        SHA1_ROUNDS(10) SHA1_ROUNDS(11) SHA1_ROUNDS(12) SHA1_ROUNDS(13) SHA1_ROUNDS(14)
        SHA1_ROUNDS(15) SHA1_ROUNDS(16) SHA1_ROUNDS(17) SHA1_ROUNDS(18) SHA1_ROUNDS(19)
        e = _mm_sha1nexte_epu32(e, e_before);
        abcd = _mm_add_epi32(abcd, abcd_before);
    }
    _mm_storeu_si128((__m128i *)state, _mm_shuffle_epi32(abcd, 0x1b));
    state[4] = (uint32_t)_mm_extract_epi32(e, 3);
}

static inline void sha256_blocks(uint32_t *state, const uint8_t *from, unsigned count, const uint32_t *constants)
{
    __m128i abef = _mm_set_epi32((int)state[0], (int)state[1], (int)state[4], (int)state[5]);
    __m128i cdgh = _mm_set_epi32((int)state[2], (int)state[3], (int)state[6], (int)state[7]);
    for (; count; count--, from += 64) {
        __m128i w[4], abef_before = abef, cdgh_before = cdgh;
        for (unsigned i = 0; i < 4; i++)
            w[i] = words_up(from + 16 * i);
#pragma GCC unroll 16
        for (unsigned i = 0; i < 16; i++) {
            __m128i input = _mm_add_epi32(w[i % 4], _mm_loadu_si128((const __m128i *)(constants + 4 * i)));
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, input);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(input, 0x0e));
            __m128i part = _mm_add_epi32(_mm_sha256msg1_epu32(w[i % 4], w[(i + 1) % 4]),
                                         _mm_alignr_epi8(w[(i + 3) % 4], w[(i + 2) % 4], 4));
            w[i % 4] = _mm_sha256msg2_epu32(part, w[(i + 3) % 4]);
        }
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
    }
    uint32_t parts[8];
    _mm_storeu_si128((__m128i *)parts, abef);
    _mm_storeu_si128((__m128i *)(parts + 4), cdgh);
    for (unsigned i = 0; i < 2; i++) {
        state[i] = parts[3 - i];
        state[2 + i] = parts[7 - i];
        state[4 + i] = parts[1 - i];
        state[6 + i] = parts[5 - i];
    }
}

#endif
