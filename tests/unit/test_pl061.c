/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GPIO: masked data, directions, every kind of edge and level, the power key. */
#include "tests/unit/device_bench.h"
#include "peripherals/pl061.h"

enum {
    DATA = 0x3fc,
    DIR = 0x400,
    IS = 0x404,
    IBE = 0x408,
    IEV = 0x40c,
    IE = 0x410,
    RIS = 0x414,
    MIS = 0x418,
    IC = 0x41c,
    AFSEL = 0x420
};

static struct bench bench;
static struct probe_wire wire;

static int set_up(void **state)
{
    bench_init(&bench);
    wire = (struct probe_wire){0};
    bench_place(&bench, &pl061_class, &pl061_mmio, pl061_create(&bench.clock, probe_line(&wire)));
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
        {0x000, 4, 0, 0},       {DIR, 4, 0, 0xff},      {IS, 4, 0, 0xff},       {IBE, 4, 0, 0xff},
        {IEV, 4, 0, 0xff},      {IE, 4, 0, 0xff},       {RIS, 4, 0, 0},         {MIS, 4, 0, 0},
        {IC, 4, 0, 0},          {AFSEL, 4, 0, 0xff},    {0xfe0, 4, 0x61, 0x61}, {0xfe4, 4, 0x10, 0x10},
        {0xfe8, 4, 0x04, 0x04}, {0xfec, 4, 0, 0},       {0xff0, 4, 0x0d, 0x0d}, {0xff4, 4, 0xf0, 0xf0},
        {0xff8, 4, 0x05, 0x05}, {0xffc, 4, 0xb1, 0xb1},
    };
    bench_check_registers(&bench, list, sizeof list / sizeof list[0]);
}

static void the_address_masks_data(void **state)
{
    set(DIR, 0x0f);
    set(0xff << 2, 0xff);
    assert_int_equal(pl061_outputs(bench.device), 0x0f);
    set(DIR, 0x03);
    assert_int_equal(pl061_outputs(bench.device), 0x03);
    set(DIR, 0x0f);
    set(0x05 << 2, 0x00); /* pins 0 and 2 only */
    assert_int_equal(get(DATA), 0x0a);
    assert_int_equal(get(0x02 << 2), 0x02);
    assert_int_equal(get(0x01 << 2), 0x00);
    assert_int_equal(get(0x000), 0x00);
    pl061_set_input(bench.device, 7, true);
    pl061_set_input(bench.device, 0, true); /* an output: the outside does not count */
    assert_int_equal(get(DATA), 0x8a);
    set(DIR, 0x00);
    assert_int_equal(get(DATA), 0x81);
}

static void edges_by_kind(void **state)
{
    set(IE, 0xff);
    set(IEV, 0x01); /* pin 0 rising, pin 1 falling, pin 2 both */
    set(IBE, 0x04);
    for (unsigned pin = 0; pin < 3; pin++)
        pl061_set_input(bench.device, pin, true);
    assert_int_equal(get(RIS), 0x05);
    assert_true(wire.level);
    set(IC, 0x05);
    assert_int_equal(get(RIS), 0);
    assert_false(wire.level);
    for (unsigned pin = 0; pin < 3; pin++)
        pl061_set_input(bench.device, pin, false);
    assert_int_equal(get(RIS), 0x06);
    pl061_set_input(bench.device, 1, false); /* no edge */
    set(IC, 0x02);
    assert_int_equal(get(RIS), 0x04);
    set(IE, 0x03);
    assert_int_equal(get(MIS), 0);
    assert_false(wire.level);
    set(IE, 0x04);
    assert_true(wire.level);
    set(IEV, 0x05);
    set(IS, 0x04); /* by level now: the edge is forgotten, the pin is low */
    assert_int_equal(get(RIS), 0);
    assert_false(wire.level);
}

static void levels_follow_the_pin(void **state)
{
    set(IS, 0x03);
    set(IEV, 0x01); /* pin 0 high, pin 1 low */
    set(IE, 0x01);
    assert_int_equal(get(RIS), 0x02);
    assert_int_equal(get(MIS), 0);
    pl061_set_input(bench.device, 0, true);
    assert_true(wire.level);
    set(IC, 0xff); /* does not move a level */
    assert_true(wire.level);
    pl061_set_input(bench.device, 0, false);
    assert_false(wire.level);
    assert_int_equal(get(RIS), 0x02);
    set(IE, 0x03);
    assert_true(wire.level);
    set(DIR, 0x02); /* outputs do not interrupt */
    assert_int_equal(get(RIS), 0);
    assert_false(wire.level);
    set(DIR, 0x00);
    assert_true(wire.level);
    set(IEV, 0x03);
    assert_false(wire.level);
}

static void the_power_key_is_held_for_a_while(void **state)
{
    struct input_source key = pl061_power_key(bench.device, "key");
    set(IBE, 0x08);
    set(IE, 0x08);
    key.deliver(key.device, "", 0);
    assert_true(wire.level);
    assert_int_equal(get(DATA), 0x08);
    set(IC, 0x08);
    bench_run_to(&bench, NS_PER_S / 10 - 1);
    assert_int_equal(get(DATA), 0x08);
    assert_false(wire.level);
    bench_run_to(&bench, NS_PER_S / 10);
    assert_int_equal(get(DATA), 0);
    assert_true(wire.level);
}

static void a_reset_lets_go_of_the_key(void **state)
{
    struct input_source key = pl061_power_key(bench.device, "key");
    set(IE, 0x08);
    set(IEV, 0x08);
    key.deliver(key.device, "", 0);
    assert_true(wire.level);
    pl061_class.reset(bench.device);
    assert_false(wire.level);
    assert_int_equal(get(DATA), 0);
    assert_int_equal(get(IE), 0);
    bench_run_to(&bench, NS_PER_S / 20);
    key.deliver(key.device, "", 0);
    bench_run_to(&bench, NS_PER_S / 8);
    assert_int_equal(get(DATA), 0x08); /* held for its own time, not the first press's */
    key.deliver(key.device, "", 0);    /* and is freed while it is held */
}

static void saved_state_carries_pins_and_key(void **state)
{
    struct probe_wire other_wire = {0};
    struct pl061 *other = pl061_create(&bench.clock, probe_line(&other_wire));
    struct input_source key = pl061_power_key(bench.device, "key");
    set(IE, 0x08);
    set(IEV, 0x08);
    key.deliver(key.device, "", 0);
    bench_transplant(pl061_class.state, bench.device, other);
    pl061_class.restored(other);
    assert_true(other_wire.level);
    bench_run_to(&bench, NS_PER_S);
    assert_true(fields_hash(pl061_class.state, other, 0) == fields_hash(pl061_class.state, bench.device, 0));
    pl061_class.free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(registers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_address_masks_data, set_up, tear_down),
        cmocka_unit_test_setup_teardown(edges_by_kind, set_up, tear_down),
        cmocka_unit_test_setup_teardown(levels_follow_the_pin, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_power_key_is_held_for_a_while, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reset_lets_go_of_the_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(saved_state_carries_pins_and_key, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
