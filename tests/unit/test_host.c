/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the host has, and what a level leaves of it. */
#include "unit.h"
#include "machine/contract/host.h"

/* The compiler's library asks CPUID by itself. */
static void test_found(void **state)
{
    __builtin_cpu_init();
    assert_int_equal(host_has.sse4_2, !!__builtin_cpu_supports("sse4.2"));
    assert_int_equal(host_has.popcnt, !!__builtin_cpu_supports("popcnt"));
    assert_int_equal(host_has.avx, !!__builtin_cpu_supports("avx"));
    assert_int_equal(host_has.avx2, !!__builtin_cpu_supports("avx2"));
    assert_int_equal(host_has.bmi2, !!__builtin_cpu_supports("bmi2"));
    assert_int_equal(host_has.fma, !!__builtin_cpu_supports("fma"));
    assert_int_equal(host_has.lzcnt, !!__builtin_cpu_supports("lzcnt"));
    assert_int_equal(host_has.avx512f, !!__builtin_cpu_supports("avx512f"));
    assert_int_equal(host_has.avx512vl, !!__builtin_cpu_supports("avx512vl"));
    assert_int_equal(host_has.avx512vbmi2, !!__builtin_cpu_supports("avx512vbmi2"));
    assert_int_equal(host_has.aes, !!__builtin_cpu_supports("aes"));
    assert_int_equal(host_has.pclmul, !!__builtin_cpu_supports("pclmul"));
    assert_int_equal(host_has.vpclmul, !!__builtin_cpu_supports("vpclmulqdq"));
}

static void test_levels(void **state)
{
    static const struct host_features nothing;
    const struct host_features all = host_has;
    enum host_level level;
    assert_true(host_is_v2()); /* as every host of this project */

    assert_true(host_find_level("x86-64-v2", &level));
    host_limit(level);
    assert_true(host_is_v2());
    assert_false(host_has.avx || host_has.fma || host_has.bmi2 || host_has.avx512f || host_has.aes || host_has.sha);

    assert_true(host_find_level("x86-64-v3", &level));
    host_limit(level);
    assert_int_equal(host_has.avx2, all.avx2);
    assert_int_equal(host_has.bmi2, all.bmi2);
    assert_false(host_has.avx512f || host_has.aes || host_has.vaes);

    assert_true(host_find_level("x86-64-v4", &level));
    host_limit(level);
    assert_int_equal(host_has.avx512vl, all.avx512vl);
    assert_false(host_has.avx512vbmi || host_has.aes || host_has.sha);

    assert_true(host_find_level("native", &level));
    host_limit(level);
    assert_memory_equal(&host_has, &all, sizeof all);
    assert_memory_not_equal(&host_has, &nothing, sizeof nothing);
    assert_false(host_find_level("x86-64", &level) || host_find_level("", &level));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found),
        cmocka_unit_test(test_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
