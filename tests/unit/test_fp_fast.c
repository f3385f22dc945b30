/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The short cuts of isa/arm64/fp/fast.h give the results and flags of the functions they stand in front of.
 * (Those are judged by tests/fp.) */
#include <inttypes.h>
#include "tests/unit/unit.h"
#include "isa/arm64/fp/packed.h"
#include "tests/fp/operands.h"

enum { ROUNDS = 4000 };

struct pair {
    uint64_t fast, exact;
};

typedef struct pair comparison(enum fp_size size, uint64_t a, uint64_t b, uint64_t c, struct fp_state *fast,
                               struct fp_state *exact);

#define COMPARISON(name, ...)                                                                                \
    static struct pair name(enum fp_size size, uint64_t a, uint64_t b, uint64_t c, struct fp_state *fast,    \
                            struct fp_state *exact)                                                          \
    {                                                                                                        \
        return (struct pair){__VA_ARGS__};                                                                   \
    }

COMPARISON(add, fp_fast_add(size, a, b, fast), fp_add(size, a, b, exact))
COMPARISON(sub, fp_fast_sub(size, a, b, fast), fp_sub(size, a, b, exact))
COMPARISON(mul, fp_fast_mul(size, a, b, fast), fp_mul(size, a, b, exact))
COMPARISON(divide, fp_fast_div(size, a, b, fast), fp_div(size, a, b, exact))
COMPARISON(square_root, fp_fast_sqrt(size, a, fast), fp_sqrt(size, a, exact))
COMPARISON(muladd, fp_fast_muladd(size, a, b, c, fast), fp_muladd(size, a, b, c, exact))
COMPARISON(compare, fp_fast_compare(size, a, b, c & 1, fast), fp_compare(size, a, b, c & 1, exact))
COMPARISON(max, fp_fast_select(size, a, b, true, false, fast), fp_max(size, a, b, exact))
COMPARISON(min, fp_fast_select(size, a, b, false, false, fast), fp_min(size, a, b, exact))
COMPARISON(maxnm, fp_fast_select(size, a, b, true, true, fast), fp_maxnm(size, a, b, exact))
COMPARISON(minnm, fp_fast_select(size, a, b, false, true, fast), fp_minnm(size, a, b, exact))
COMPARISON(to_int, fp_fast_to_fixed(size, a, c & 1 ? 64 : 32, 0, c >> 1 & 1, (enum fp_rounding)(b % 5), fast),
           fp_to_fixed(size, a, c & 1 ? 64 : 32, 0, c >> 1 & 1, (enum fp_rounding)(b % 5), exact))
COMPARISON(from_int,
           fp_fast_from_fixed(size, c & 2 ? b >> (a & 63) : b, 0, c & 1, fp_rounding_mode(fast), fast),
           fp_from_fixed(size, c & 2 ? b >> (a & 63) : b, 0, c & 1, fp_rounding_mode(exact), exact))
COMPARISON(round_int, fp_fast_round_int(size, a, (enum fp_rounding)(b % 5), c & 1, fast),
           fp_round_int(size, a, (enum fp_rounding)(b % 5), c & 1, exact))
COMPARISON(widen, fp_fast_convert(FP_DOUBLE, FP_SINGLE, a, fp_rounding_mode(fast), fast),
           fp_convert(FP_DOUBLE, FP_SINGLE, a, fp_rounding_mode(exact), exact))
COMPARISON(narrow, fp_fast_convert(FP_SINGLE, FP_DOUBLE, a, fp_rounding_mode(fast), fast),
           fp_convert(FP_SINGLE, FP_DOUBLE, a, fp_rounding_mode(exact), exact))

static const struct {
    const char *name;
    comparison *compare;
} comparisons[] = {
    {"add", add},           {"sub", sub},
    {"mul", mul},           {"div", divide},
    {"sqrt", square_root},  {"muladd", muladd},
    {"compare", compare},   {"max", max},
    {"min", min},           {"maxnm", maxnm},
    {"minnm", minnm},       {"to_int", to_int},
    {"from_int", from_int}, {"round_int", round_int},
    {"widen", widen},       {"narrow", narrow},
};

/** Each operation, both sizes, all rounding modes, FZ and DN, IXC clear and set. */
static void test_fast_equals_exact(void **state)
{
    for (unsigned i = 0; i < sizeof comparisons / sizeof *comparisons; i++) {
        for (unsigned round = 0; round < ROUNDS * 32; round++) {
            enum fp_size size = round & 1 ? FP_DOUBLE : FP_SINGLE;
            /* Half of the rounds under the plain mode, which the short cuts are for. */
            unsigned modes = round & 2 ? 0 : (unsigned)random_bits() & 15;
            uint64_t fpcr =
                (uint64_t)(modes & 3) << 22 | (modes & 4 ? FPCR_FZ : 0) | (modes & 8 ? FPCR_DN : 0);
            struct fp_state fast = {fpcr, round & 4 ? FPSR_IXC : 0}, exact = fast;
            uint64_t a = pick_operand(size, 0), b = pick_operand(size, a), c = pick_operand(size, b);
            struct pair result = comparisons[i].compare(size, a, b, c, &fast, &exact);
            if (result.fast != result.exact || fast.fpsr != exact.fpsr)
                fail_msg("%s size %u fpcr %08" PRIx64 " a %" PRIx64 " b %" PRIx64 " c %" PRIx64 ": %" PRIx64
                         " fpsr %" PRIx64 ", expected %" PRIx64 " fpsr %" PRIx64,
                         comparisons[i].name, size, fpcr, a, b, c, result.fast, fast.fpsr, result.exact,
                         exact.fpsr);
        }
    }
}

static uint64_t packed_lane(enum fp_packed_operation operation, enum fp_size size, uint64_t a, uint64_t b,
                            uint64_t addend, struct fp_state *fp)
{
    switch (operation) {
    case PACKED_ADD: return fp_add(size, a, b, fp);
    case PACKED_SUB: return fp_sub(size, a, b, fp);
    case PACKED_MUL: return fp_mul(size, a, b, fp);
    case PACKED_DIV: return fp_div(size, a, b, fp);
    case PACKED_MULADD: break;
    }
    return fp_muladd(size, addend, a, b, fp);
}

static void fill(uint8_t vector[16], enum fp_size size, bool tame)
{
    for (unsigned i = 0; i < 16; i += 1u << size) {
        uint64_t lane = pick_operand(size, 0);
        if (tame) /* exponents around the bias; a zero now and then */
            lane = lane % 8 == 0 ? 0
                                 : (lane & (size == FP_DOUBLE ? 0x801fffffffffffff : 0x80ffffff)) +
                                       (size == FP_DOUBLE ? 0x3fe0000000000000 : 0x3f000000);
        memcpy(vector + i, &lane, 1u << size);
    }
}

/** What the packed operation takes on itself equals the exact functions, lane by lane, and raises nothing
 * new; and it does take something on. */
static void test_packed_equals_exact(void **state)
{
    for (enum fp_packed_operation operation = PACKED_ADD; operation <= PACKED_MULADD; operation++) {
        unsigned taken = 0, rounds = ROUNDS * 16;
        for (unsigned round = 0; round < rounds; round++) {
            enum fp_size size = round & 1 ? FP_DOUBLE : FP_SINGLE;
            bool whole = size == FP_DOUBLE || round & 2;
            struct fp_state fp = {round & 4 && round & 8 ? random_bits() & (FPCR_RMODE | FPCR_FZ) : 0,
                                  FPSR_IXC};
            uint8_t a[16], b[16], addend[16], result[16], expected[16] = {0};
            fill(a, size, round & 8);
            fill(b, size, round & 16);
            fill(addend, size, round & 32);
            if (!fp_packed(operation, size, whole, fp_packed_load(a), fp_packed_load(b),
                           fp_packed_load(addend), result, &fp))
                continue;
            taken++;
            for (unsigned i = 0; i < (whole ? 16 : 8); i += 1u << size) {
                uint64_t x = 0, y = 0, c = 0;
                memcpy(&x, a + i, 1u << size);
                memcpy(&y, b + i, 1u << size);
                memcpy(&c, addend + i, 1u << size);
                uint64_t lane = packed_lane(operation, size, x, y, c, &fp);
                memcpy(expected + i, &lane, 1u << size);
            }
            assert_memory_equal(result, expected, 16);
            assert_int_equal(fp.fpsr, FPSR_IXC);
        }
        if (operation != PACKED_MULADD || fp_host_has_fma())
            assert_true(taken > rounds / 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fast_equals_exact),
        cmocka_unit_test(test_packed_equals_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
