/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The real-time clock: counting, setting, the alarm and its interrupt, and state carried over. */
#include "tests/unit/device_bench.h"
#include "peripherals/pl031.h"

enum { DR = 0x00, MR = 0x04, LR = 0x08, CR = 0x0c, IMSC = 0x10, RIS = 0x14, MIS = 0x18, ICR = 0x1c };
enum { EPOCH = 1700000000 };

static struct bench bench;
static struct probe_wire wire;

static int set_up(void **state)
{
    bench_init(&bench);
    wire = (struct probe_wire){0};
    bench_place(&bench, &pl031_class, &pl031_mmio, pl031_create(&bench.clock, EPOCH, probe_line(&wire)));
    return 0;
}

static int tear_down(void **state)
{
    bench_free(&bench);
    return 0;
}

static uint32_t get(unsigned offset)
{
    return (uint32_t)bench_read(&bench, offset, 4);
}

static void set(unsigned offset, uint32_t value)
{
    bench_write(&bench, offset, 4, value);
}

static void registers(void **state)
{
    static const struct reg_expectation list[] = {
        {DR, 4, EPOCH, EPOCH},  {MR, 4, 0, 0xffffffff}, {LR, 4, 0, 0xffffffff}, {CR, 4, 1, 1},
        {IMSC, 4, 0, 1},        {RIS, 4, 0, 0},         {MIS, 4, 0, 0},         {ICR, 4, 0, 0},
        {0xfe0, 4, 0x31, 0x31}, {0xfe4, 4, 0x10, 0x10}, {0xfe8, 4, 0x04, 0x04}, {0xfec, 4, 0, 0},
        {0xff0, 4, 0x0d, 0x0d}, {0xff4, 4, 0xf0, 0xf0}, {0xff8, 4, 0x05, 0x05}, {0xffc, 4, 0xb1, 0xb1},
    };
    bench_check_registers(&bench, list, sizeof list / sizeof list[0]);
}

static void counts_seconds_of_virtual_time(void **state)
{
    bench_run_to(&bench, NS_PER_S - 1);
    assert_int_equal(get(DR), EPOCH);
    bench_run_to(&bench, 61 * NS_PER_S);
    assert_int_equal(get(DR), EPOCH + 61);
}

static void a_load_sets_the_time(void **state)
{
    bench_run_to(&bench, 10 * NS_PER_S);
    set(LR, 0xffffffff);
    assert_int_equal(get(DR), 0xffffffff);
    assert_int_equal(get(LR), 0xffffffff);
    bench_run_to(&bench, 12 * NS_PER_S);
    assert_int_equal(get(DR), 1);
}

static void the_alarm_interrupts_at_the_match(void **state)
{
    set(IMSC, 1);
    set(MR, EPOCH + 5);
    bench_run_to(&bench, 5 * NS_PER_S - 1);
    assert_false(wire.level);
    assert_int_equal(get(RIS), 0);
    bench_run_to(&bench, 5 * NS_PER_S);
    assert_true(wire.level);
    assert_int_equal(get(RIS), 1);
    assert_int_equal(get(MIS), 1);
    set(ICR, 1);
    assert_false(wire.level);
    assert_int_equal(get(RIS), 0);
    bench_run_to(&bench, 100 * NS_PER_S);
    assert_false(wire.level);
}

static void the_mask_hides_the_alarm(void **state)
{
    set(MR, EPOCH + 1);
    bench_run_to(&bench, NS_PER_S);
    assert_int_equal(get(RIS), 1);
    assert_int_equal(get(MIS), 0);
    assert_false(wire.level);
    set(IMSC, 1);
    assert_int_equal(get(MIS), 1);
    assert_true(wire.level);
    set(ICR, 0); /* clears nothing */
    assert_true(wire.level);
}

static void a_match_with_now_is_now(void **state)
{
    set(IMSC, 1);
    bench_run_to(&bench, NS_PER_S / 2);
    set(MR, EPOCH);
    bench_run_to(&bench, NS_PER_S / 2);
    assert_true(wire.level);
}

static void setting_the_time_moves_the_alarm(void **state)
{
    set(IMSC, 1);
    set(MR, EPOCH + 1000);
    set(LR, EPOCH + 990);
    bench_run_to(&bench, 9 * NS_PER_S);
    assert_false(wire.level);
    bench_run_to(&bench, 10 * NS_PER_S);
    assert_true(wire.level);
}

static void a_reset_silences_it_and_keeps_time(void **state)
{
    set(IMSC, 1);
    set(MR, EPOCH + 1);
    set(LR, EPOCH);
    bench_run_to(&bench, NS_PER_S);
    assert_true(wire.level);
    set(MR, EPOCH + 2);
    pl031_class.reset(bench.device);
    assert_false(wire.level);
    set(IMSC, 1);
    bench_run_to(&bench, 5 * NS_PER_S);
    assert_false(wire.level);
    assert_int_equal(get(DR), EPOCH + 5);
    assert_int_equal(get(LR), 0);
}

static void narrow_reads_show_a_part(void **state)
{
    assert_int_equal(bench_read(&bench, DR, 1), EPOCH & 0xff);
    assert_int_equal(bench_read(&bench, DR + 2, 2), EPOCH >> 16);
}

static void saved_state_carries_the_alarm(void **state)
{
    struct probe_wire other_wire = {0};
    struct pl031 *other = pl031_create(&bench.clock, 0, probe_line(&other_wire));
    set(IMSC, 1);
    set(LR, 100);
    set(MR, 103);
    bench_transplant(pl031_class.state, bench.device, other);
    pl031_class.restored(other);
    assert_true(fields_hash(pl031_class.state, other, 0) == fields_hash(pl031_class.state, bench.device, 0));
    bench_run_to(&bench, 2 * NS_PER_S);
    assert_false(other_wire.level);
    bench_run_to(&bench, 3 * NS_PER_S);
    assert_true(other_wire.level);
    pl031_class.free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(registers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(counts_seconds_of_virtual_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_load_sets_the_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_alarm_interrupts_at_the_match, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_mask_hides_the_alarm, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_match_with_now_is_now, set_up, tear_down),
        cmocka_unit_test_setup_teardown(setting_the_time_moves_the_alarm, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reset_silences_it_and_keeps_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(narrow_reads_show_a_part, set_up, tear_down),
        cmocka_unit_test_setup_teardown(saved_state_carries_the_alarm, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
