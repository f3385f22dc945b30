/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The panic notice: what it knows, and whom it tells. */
#include "tests/unit/device_bench.h"
#include "peripherals/pvpanic.h"

static struct bench bench;
static unsigned told[8], told_count;

static void on_event(void *context, enum pvpanic_event event)
{
    assert_ptr_equal(context, &bench);
    assert_true(told_count < 8);
    told[told_count++] = event;
}

static int set_up(void **state)
{
    told_count = 0;
    bench_init(&bench);
    bench_place(&bench, &pvpanic_class, &pvpanic_mmio, pvpanic_create(on_event, &bench));
    return 0;
}

static int tear_down(void **state)
{
    bench_free(&bench);
    return 0;
}

static void says_what_it_knows(void **state)
{
    assert_int_equal(bench_read(&bench, 0, 1), PVPANIC_PANICKED | PVPANIC_CRASH_LOADED);
    assert_int_equal(bench_read(&bench, 1, 1), 0);
    assert_int_equal(told_count, 0);
}

static void tells_each_event(void **state)
{
    bench_write(&bench, 0, 1, PVPANIC_PANICKED);
    bench_write(&bench, 0, 1, PVPANIC_CRASH_LOADED);
    bench_write(&bench, 0, 1, PVPANIC_PANICKED | PVPANIC_CRASH_LOADED);
    const unsigned expected[] = {PVPANIC_PANICKED, PVPANIC_CRASH_LOADED, PVPANIC_PANICKED, PVPANIC_CRASH_LOADED};
    assert_int_equal(told_count, 4);
    assert_memory_equal(told, expected, sizeof expected);
}

static void tells_nothing_else(void **state)
{
    bench_write(&bench, 0, 1, 0);
    bench_write(&bench, 0, 1, 0xfc);
    bench_write(&bench, 1, 1, 0xff);
    assert_int_equal(told_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(says_what_it_knows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tells_each_event, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tells_nothing_else, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
