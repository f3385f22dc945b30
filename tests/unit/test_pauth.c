/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pointer authentication: where the code goes, who may make it, and what a wrong one becomes. The hash itself
 * is IMPLEMENTATION DEFINED, so that only its properties are judged. */
#include "unit.h"
#include "cpu_bench.h"
#include "isa/arm64/pauth.h"

#define ENABLE_IA (1ull << 31)
#define ENABLE_IB (1ull << 30)
#define ENABLE_DA (1ull << 27)
#define ENABLE_DB (1ull << 13)
#define TBI0      (1ull << 37)
#define TBI1      (1ull << 38)
#define TBID0     (1ull << 51)
#define LOW       0x0000007412345678ull /* with T0SZ = T1SZ = 25: addresses of 39 bits */
#define HIGH      0xffffffb412345678ull
#define CODE_39   0x007fff8000000000ull /* bits 54:39 */
#define TOP       0xff00000000000000ull

static struct cpu_bench *bench;
static struct cpu *cpu;

static int setup(void **state)
{
    bench = bench_create(CPU_MAX);
    cpu = &bench->cpu;
    cpu->sys.SCTLR_EL1 |= ENABLE_IA | ENABLE_IB | ENABLE_DA | ENABLE_DB;
    cpu->sys.TCR_EL1 = 25 | 25 << 16;
    cpu->sys.APIAKeyLo_EL1 = 1, cpu->sys.APIAKeyHi_EL1 = 2;
    cpu->sys.APIBKeyLo_EL1 = 3, cpu->sys.APIBKeyHi_EL1 = 4;
    cpu->sys.APDAKeyLo_EL1 = 5, cpu->sys.APDAKeyHi_EL1 = 6;
    cpu->sys.APDBKeyLo_EL1 = 7, cpu->sys.APDBKeyHi_EL1 = 8;
    return 0;
}

static int teardown(void **state)
{
    bench_free(bench);
    return 0;
}

/* Signs, and checks what must hold for every good pointer: only bits of `code` change, and with the right key
 * and modifier the pointer comes back. */
static uint64_t sign(uint64_t pointer, uint64_t modifier, enum pauth_key key, uint64_t code)
{
    uint64_t signed_pointer = pauth_add(cpu, pointer, modifier, key);
    assert_int_equal((signed_pointer ^ pointer) & ~code, 0);
    assert_int_equal(pauth_check(cpu, signed_pointer, modifier, key), pointer);
    assert_int_equal(pauth_strip(cpu, signed_pointer, key >= PAUTH_DA), pointer);
    return signed_pointer;
}

static void the_code_fills_the_bits_that_translation_leaves(void **state)
{
    uint64_t changed_low = 0, changed_high = 0;
    for (uint64_t modifier = 0; modifier < 64; modifier++)
        for (enum pauth_key key = PAUTH_IA; key <= PAUTH_DB; key++) {
            changed_low |= sign(LOW, modifier, key, CODE_39 | TOP) ^ LOW;
            changed_high |= sign(HIGH, modifier, key, CODE_39 | TOP) ^ HIGH;
        }
    assert_int_equal(changed_low, CODE_39 | TOP);
    assert_int_equal(changed_high, CODE_39 | TOP);
}

static void an_ignored_top_byte_stays(void **state)
{
    cpu->sys.TCR_EL1 |= TBI0;
    uint64_t changed = 0;
    for (uint64_t modifier = 0; modifier < 64; modifier++) {
        changed |= sign(LOW | 0xa5ull << 56, modifier, PAUTH_DA, CODE_39) ^ (LOW | 0xa5ull << 56);
        sign(HIGH, modifier, PAUTH_DA, CODE_39 | TOP); /* TBI1 is off */
    }
    assert_int_equal(changed, CODE_39);
    /* The top byte is part of what is signed. */
    uint64_t one = pauth_add(cpu, LOW | 1ull << 56, 0, PAUTH_DA) & CODE_39;
    uint64_t two = pauth_add(cpu, LOW | 2ull << 56, 0, PAUTH_DA) & CODE_39;
    assert_int_not_equal(one, two);
    /* With TBID0 that holds for data only. */
    cpu->sys.TCR_EL1 |= TBID0;
    sign(LOW, 1, PAUTH_IA, CODE_39 | TOP);
    assert_int_equal(pauth_strip(cpu, LOW | 0xa5ull << 56, false), LOW);
    assert_int_equal(pauth_strip(cpu, LOW | 0xa5ull << 56, true), LOW | 0xa5ull << 56);
}

/* With a tagged half, bit 55 says which half a pointer belongs to, else bit 63 (AddPAC()). */
static void the_half_is_told_by_the_right_bit(void **state)
{
    uint64_t mixed = 1ull << 63 | LOW;
    assert_int_equal(pauth_add(cpu, mixed, 0, PAUTH_IA) >> 55 & 1, 1);
    cpu->sys.TCR_EL1 |= TBI1;
    assert_int_equal(pauth_add(cpu, mixed, 0, PAUTH_IA) >> 55 & 1, 0);
}

static void a_smaller_space_leaves_more_bits(void **state)
{
    cpu->sys.TCR_EL1 = 16 | 34 << 16;
    uint64_t low = 0, high = 0;
    for (uint64_t modifier = 0; modifier < 64; modifier++) {
        low |= sign(LOW, modifier, PAUTH_IA, 0xff7f000000000000) ^ LOW;
        high |=
            sign(~0x3fffffffull | 0x1234, modifier, PAUTH_IA, 0xff7fffffc0000000) ^ (~0x3fffffffull | 0x1234);
    }
    assert_int_equal(low, 0xff7f000000000000);
    assert_int_equal(high, 0xff7fffffc0000000);
}

static void a_wrong_code_makes_a_pointer_that_faults(void **state)
{
    static const uint64_t pointers[] = {LOW, HIGH};
    for (unsigned i = 0; i < 2; i++) {
        uint64_t pointer = pointers[i];
        for (enum pauth_key key = PAUTH_IA; key <= PAUTH_DB; key++) {
            uint64_t error = key & 1 ? 2 : 1; /* key number : its inverse */
            cpu->sys.TCR_EL1 &= ~(TBI0 | TBI1);
            uint64_t signed_pointer = sign(pointer, 9, key, CODE_39 | TOP);
            uint64_t expected = (pointer & ~(3ull << 61)) | error << 61;
            assert_int_equal(pauth_check(cpu, signed_pointer, 8, key), expected);
            assert_int_equal(pauth_check(cpu, signed_pointer ^ 1ull << 40, 9, key), expected);
            assert_int_equal(pauth_check(cpu, signed_pointer ^ 1ull << 63, 9, key), expected);
            assert_int_not_equal(pauth_check(cpu, signed_pointer, 9, key ^ 1), pointer);
            assert_int_not_equal(pauth_check(cpu, signed_pointer, 9, key ^ 2), pointer);

            cpu->sys.TCR_EL1 |= TBI0 | TBI1;
            signed_pointer = sign(pointer, 9, key, CODE_39);
            expected = (pointer & ~(3ull << 53)) | error << 53;
            assert_int_equal(pauth_check(cpu, signed_pointer, 8, key), expected);
            assert_int_equal(pauth_check(cpu, signed_pointer ^ 1ull << 40, 9, key), expected);
        }
    }
}

/* Signing a pointer that is none already must not make one that passes. */
static void a_bad_pointer_is_not_made_good(void **state)
{
    for (unsigned tagged = 0; tagged < 2; tagged++) {
        cpu->sys.TCR_EL1 |= tagged ? TBI0 | TBI1 : 0;
        uint64_t signed_pointer = pauth_add(cpu, LOW | 1ull << 45, 3, PAUTH_IA);
        assert_int_not_equal(pauth_check(cpu, signed_pointer, 3, PAUTH_IA), LOW);
        /* Its code is the good one but for one bit: the topmost below the half's bit or the sign. */
        uint64_t good = pauth_add(cpu, LOW, 3, PAUTH_IA);
        assert_int_equal(signed_pointer ^ good, 1ull << (tagged ? 54 : 62));
    }
}

static void each_key_has_its_own_enable(void **state)
{
    static const uint64_t enables[] = {ENABLE_IA, ENABLE_IB, ENABLE_DA, ENABLE_DB};
    for (enum pauth_key key = PAUTH_IA; key <= PAUTH_DB; key++)
        for (enum pauth_key other = PAUTH_IA; other <= PAUTH_DB; other++) {
            cpu->sys.SCTLR_EL1 &= ~(ENABLE_IA | ENABLE_IB | ENABLE_DA | ENABLE_DB);
            cpu->sys.SCTLR_EL1 |= enables[other];
            uint64_t signed_pointer = pauth_add(cpu, LOW, 77, key);
            if (key == other) {
                assert_int_not_equal(signed_pointer, LOW);
            } else {
                assert_int_equal(signed_pointer, LOW);
                assert_int_equal(pauth_check(cpu, LOW | 1ull << 40, 77, key), LOW | 1ull << 40);
            }
        }
    assert_int_equal(pauth_strip(cpu, LOW | 1ull << 40, true), LOW); /* stripping needs no key */
}

static void every_part_of_a_key_matters(void **state)
{
    uint64_t before = pauth_add(cpu, LOW, 0, PAUTH_IA), generic = pauth_generic(cpu, 5, 6);
    cpu->sys.APIAKeyLo_EL1 ^= 1ull << 63;
    assert_int_not_equal(pauth_add(cpu, LOW, 0, PAUTH_IA), before);
    cpu->sys.APIAKeyLo_EL1 ^= 1ull << 63;
    cpu->sys.APIAKeyHi_EL1 ^= 1;
    assert_int_not_equal(pauth_add(cpu, LOW, 0, PAUTH_IA), before);

    assert_int_equal((uint32_t)generic, 0);
    assert_int_not_equal(pauth_generic(cpu, 4, 6), generic);
    assert_int_not_equal(pauth_generic(cpu, 5, 7), generic);
    cpu->sys.APGAKeyLo_EL1 = 1;
    assert_int_not_equal(pauth_generic(cpu, 5, 6), generic);
    cpu->sys.APGAKeyLo_EL1 = 0;
    cpu->sys.APGAKeyHi_EL1 = 1;
    assert_int_not_equal(pauth_generic(cpu, 5, 6), generic);
}

int main(void)
{
#define PAUTH_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        PAUTH_TEST(the_code_fills_the_bits_that_translation_leaves),
        PAUTH_TEST(an_ignored_top_byte_stays),
        PAUTH_TEST(the_half_is_told_by_the_right_bit),
        PAUTH_TEST(a_smaller_space_leaves_more_bits),
        PAUTH_TEST(a_wrong_code_makes_a_pointer_that_faults),
        PAUTH_TEST(a_bad_pointer_is_not_made_good),
        PAUTH_TEST(each_key_has_its_own_enable),
        PAUTH_TEST(every_part_of_a_key_matters),
    };
    return cmocka_run_group_tests_name("pauth", tests, NULL, NULL);
}
