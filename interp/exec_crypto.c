/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The cryptographic extension. Words of a message or state stand in order of element. */
#include "interp/crypto.h"
#include "interp/exec.h"

static inline uint32_t rotate_left32(uint32_t a, unsigned n)
{
    return a << n | a >> (32 - n);
}

static inline uint64_t rotate_right64(uint64_t a, unsigned n)
{
    return a >> n | a << (-n & 63);
}

/* Defines an instruction whose result `r` BODY makes of n, m and the old destination o. */
#define CRYPTO(name, ...)                                                                                    \
    EXEC(name)                                                                                               \
    {                                                                                                        \
        cpu_check_fp(cpu, insn);                                                                             \
        const union vreg n = cpu->v[insn->rn];                                                               \
        const union vreg m __attribute__((unused)) = cpu->v[insn->rm];                                       \
        const union vreg o __attribute__((unused)) = cpu->v[insn->rd];                                       \
        union vreg r;                                                                                        \
        __VA_ARGS__                                                                                          \
        cpu->v[insn->rd] = r;                                                                                \
    }

/* AES (FIPS 197). */

CRYPTO(aese, r = crypto_best.aes_encrypt((union vreg){.q = n.q ^ o.q});)
CRYPTO(aesd, r = crypto_best.aes_decrypt((union vreg){.q = n.q ^ o.q});)
CRYPTO(aesmc, r = crypto_best.aes_mix(n);)
CRYPTO(aesimc, r = crypto_best.aes_unmix(n);)

/* SHA-1 (FIPS 180-4): four rounds of a hash abcd (Rd), e (Rn) with W + K (Rm). */

static inline uint32_t choose(uint32_t x, uint32_t y, uint32_t z)
{
    return ((y ^ z) & x) ^ z;
}

static inline uint32_t parity(uint32_t x, uint32_t y, uint32_t z)
{
    return x ^ y ^ z;
}

static inline uint32_t majority(uint32_t x, uint32_t y, uint32_t z)
{
    return (x & y) | ((x | y) & z);
}

#define SHA1_ROUNDS(function)                                                                                \
    r = o;                                                                                                   \
    uint32_t e = n.s[0];                                                                                     \
    for (unsigned i = 0; i < 4; i++) {                                                                       \
        e += rotate_left32(r.s[0], 5) + function(r.s[1], r.s[2], r.s[3]) + m.s[i];                           \
        const uint32_t next_e = r.s[3];                                                                      \
        r = (union vreg){.s = {e, r.s[0], rotate_left32(r.s[1], 30), r.s[2]}};                               \
        e = next_e;                                                                                          \
    }

CRYPTO(sha1c, SHA1_ROUNDS(choose))
CRYPTO(sha1p, SHA1_ROUNDS(parity))
CRYPTO(sha1m, SHA1_ROUNDS(majority))
CRYPTO(sha1su0, r = (union vreg){.d = {o.d[1] ^ o.d[0] ^ m.d[0], n.d[0] ^ o.d[1] ^ m.d[1]}};)
CRYPTO(sha256h, r = crypto_best.sha256(o, n, m, false);)
CRYPTO(sha256h2, r = crypto_best.sha256(n, o, m, true);)

static inline uint32_t sha256_sigma0(uint32_t x)
{
    return rotate_left32(x, 25) ^ rotate_left32(x, 14) ^ x >> 3;
}

static inline uint32_t sha256_sigma1(uint32_t x)
{
    return rotate_left32(x, 15) ^ rotate_left32(x, 13) ^ x >> 10;
}

/* Message words 9 to 12 of sixteen stand in n[1..3] and m[0]. The last two new words need the first two. */
CRYPTO(sha256su1, {
    for (unsigned i = 0; i < 4; i++)
        r.s[i] = o.s[i] + (i < 3 ? n.s[i + 1] : m.s[0]) + sha256_sigma1(i < 2 ? m.s[i + 2] : r.s[i - 2]);
})

CRYPTO(sha1h, r = (union vreg){.s = {rotate_left32(n.s[0], 30), 0, 0, 0}};)

CRYPTO(sha1su1, {
    for (unsigned i = 0; i < 3; i++)
        r.s[i] = rotate_left32(o.s[i] ^ n.s[i + 1], 1);
    r.s[3] = rotate_left32(o.s[3], 1) ^ rotate_left32(r.s[0], 1);
})

CRYPTO(sha256su0, {
    for (unsigned i = 0; i < 4; i++)
        r.s[i] = o.s[i] + sha256_sigma0(i < 3 ? o.s[i + 1] : n.s[0]);
})

/* SHA-512. */

static inline uint64_t sha512_sum0(uint64_t x)
{
    return rotate_right64(x, 28) ^ rotate_right64(x, 34) ^ rotate_right64(x, 39);
}

static inline uint64_t sha512_sum1(uint64_t x)
{
    return rotate_right64(x, 14) ^ rotate_right64(x, 18) ^ rotate_right64(x, 41);
}

CRYPTO(sha512h, {
    r.d[1] = ((m.d[1] & n.d[0]) ^ (~m.d[1] & n.d[1])) + sha512_sum1(m.d[1]) + o.d[1];
    const uint64_t t = r.d[1] + m.d[0];
    r.d[0] = ((t & m.d[1]) ^ (~t & n.d[0])) + sha512_sum1(t) + o.d[0];
})

CRYPTO(sha512h2, {
    r.d[1] = ((n.d[0] & m.d[1]) ^ (n.d[0] & m.d[0]) ^ (m.d[1] & m.d[0])) + sha512_sum0(m.d[0]) + o.d[1];
    r.d[0] = ((r.d[1] & m.d[0]) ^ (r.d[1] & m.d[1]) ^ (m.d[1] & m.d[0])) + sha512_sum0(r.d[1]) + o.d[0];
})

CRYPTO(sha512su1, {
    for (unsigned i = 0; i < 2; i++)
        r.d[i] = o.d[i] + m.d[i] + (rotate_right64(n.d[i], 19) ^ rotate_right64(n.d[i], 61) ^ n.d[i] >> 6);
})

CRYPTO(sha512su0, {
    const uint64_t next[2] = {o.d[1], n.d[0]};
    for (unsigned i = 0; i < 2; i++)
        r.d[i] = o.d[i] + (rotate_right64(next[i], 1) ^ rotate_right64(next[i], 8) ^ next[i] >> 7);
})

/* SHA-3. */

CRYPTO(rax1, {
    for (unsigned i = 0; i < 2; i++)
        r.d[i] = n.d[i] ^ rotate_right64(m.d[i], 63);
})
CRYPTO(eor3, r.q = n.q ^ m.q ^ cpu->v[insn->ra].q;)
CRYPTO(bcax, r.q = n.q ^ (m.q & ~cpu->v[insn->ra].q);)
CRYPTO(xar, {
    for (unsigned i = 0; i < 2; i++)
        r.d[i] = rotate_right64(n.d[i] ^ m.d[i], insn->amount);
})

HANDLERS(crypto)
