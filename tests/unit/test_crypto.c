/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The cryptographic primitives: portable against the host's instructions, and published vectors. */
#include "unit.h"
#include "interp/crypto.h"
#include "machine/contract/host.h"

static uint64_t seed = 1;

static uint64_t next_random(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return seed ^ seed >> 31;
}

static union vreg random_vector(void)
{
    return (union vreg){.d = {next_random(), next_random()}};
}

static void assert_same(union vreg a, union vreg b)
{
    assert_memory_equal(&a, &b, sizeof a);
}

/* Where the host lacks an instruction the two are one and the same; then the vectors below still judge it. */
static void test_host_is_portable(void **state)
{
    for (unsigned i = 0; i < 20000; i++) {
        const union vreg a = random_vector(), b = random_vector(), c = random_vector();
        assert_same(crypto_best.aes_encrypt(a), crypto_portable.aes_encrypt(a));
        assert_same(crypto_best.aes_decrypt(a), crypto_portable.aes_decrypt(a));
        assert_same(crypto_best.aes_mix(a), crypto_portable.aes_mix(a));
        assert_same(crypto_best.aes_unmix(a), crypto_portable.aes_unmix(a));
        assert_same(crypto_best.multiply(a.d[0], b.d[1]), crypto_portable.multiply(a.d[0], b.d[1]));
        assert_same(crypto_best.sha256(a, b, c, false), crypto_portable.sha256(a, b, c, false));
        assert_same(crypto_best.sha256(a, b, c, true), crypto_portable.sha256(a, b, c, true));
    }
}

/* FIPS 197, appendix B: round 1. */
static void test_aes_round(void **state)
{
    const union vreg start = {.b = {0x19, 0x3d, 0xe3, 0xbe, 0xa0, 0xf4, 0xe2, 0x2b, 0x9a, 0xc6, 0x8d, 0x2a,
                                    0xe9, 0xf8, 0x48, 0x08}};
    const union vreg shifted = {.b = {0xd4, 0xbf, 0x5d, 0x30, 0xe0, 0xb4, 0x52, 0xae, 0xb8, 0x41, 0x11, 0xf1,
                                      0x1e, 0x27, 0x98, 0xe5}};
    const union vreg mixed = {.b = {0x04, 0x66, 0x81, 0xe5, 0xe0, 0xcb, 0x19, 0x9a, 0x48, 0xf8, 0xd3, 0x7a,
                                    0x28, 0x06, 0x26, 0x4c}};
    const struct crypto_ops *both[] = {&crypto_portable, &crypto_best};
    for (unsigned i = 0; i < 2; i++) {
        assert_same(both[i]->aes_encrypt(start), shifted);
        assert_same(both[i]->aes_decrypt(shifted), start);
        assert_same(both[i]->aes_mix(shifted), mixed);
        assert_same(both[i]->aes_unmix(mixed), shifted);
    }
}

/* FIPS 180-4's example "abc": the state after rounds 0 to 3. */
static void test_sha256_rounds(void **state)
{
    const union vreg abcd = {.s = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a}};
    const union vreg efgh = {.s = {0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
    const union vreg wk = {.s = {0x61626380u + 0x428a2f98u, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5}};
    const union vreg abcd_after = {.s = {0xd550f666, 0xc8c347a7, 0x5a6ad9ad, 0x5d6aebcd}};
    const union vreg efgh_after = {.s = {0x24e00850, 0xf92939eb, 0x78ce7989, 0xfa2a4622}};
    const struct crypto_ops *both[] = {&crypto_portable, &crypto_best};
    for (unsigned i = 0; i < 2; i++) {
        assert_same(both[i]->sha256(abcd, efgh, wk, false), abcd_after);
        assert_same(both[i]->sha256(abcd, efgh, wk, true), efgh_after);
    }
}

/* --host-features x86-64-v2 stands for a processor without any of them. */
static void test_limited_host(void **state)
{
    host_limit(HOST_LEVEL_V2);
    crypto_choose();
    assert_memory_equal(&crypto_best, &crypto_portable, sizeof crypto_best);
    host_limit(HOST_LEVEL_NATIVE);
    crypto_choose();
}

static void test_carryless_product(void **state)
{
    /* (x + 1)(x^63 + 1) = x^64 + x^63 + x + 1, and all ones squared: every second bit. */
    assert_same(crypto_portable.multiply(3, 0x8000000000000001), (union vreg){.d = {0x8000000000000003, 1}});
    assert_same(crypto_portable.multiply(~0ull, ~0ull),
                (union vreg){.d = {0x5555555555555555, 0x5555555555555555}});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host_is_portable),
        cmocka_unit_test(test_aes_round),
        cmocka_unit_test(test_sha256_rounds),
        cmocka_unit_test(test_limited_host),
        cmocka_unit_test(test_carryless_product),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
