/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Register tables: fields, masks, hooks, rows, strides, and accesses narrower and wider than a register. */
#include "tests/unit/unit.h"
#include "machine/contract/device.h"

struct gadget {
    uint32_t control;
    uint8_t bytes[8];
    uint64_t wide[2];
    uint32_t low[2], high[2];
    uint64_t hook_value;
    unsigned hook_index, hook_calls;
};

static uint64_t hook_read(void *device, unsigned index)
{
    struct gadget *gadget = device;
    gadget->hook_calls++;
    return 0xa0b0c0d0u + index;
}

static void hook_write(void *device, unsigned index, uint64_t value)
{
    struct gadget *gadget = device;
    gadget->hook_calls++;
    gadget->hook_index = index;
    gadget->hook_value = value;
}

static void wide_write(void *device, unsigned index, uint64_t value)
{
    struct gadget *gadget = device;
    gadget->wide[index] = value & 0xffffffffffull;
}

static const struct reg registers[] = {
    {0x00, "CONTROL", 4, .field_offset = REG_FIELD(struct gadget, control), .reset = 0x5, .write_mask = 0xff},
    {0x04, "ID", 4, .field_offset = REG_NO_FIELD, .reset = 0x12345678},
    {0x08, "BYTES", 1, 8, .field_offset = REG_FIELD(struct gadget, bytes), .reset = 0x11, .write_mask = 0xf8},
    {0x10, "HOOKED", 4, 3, .field_offset = REG_NO_FIELD, .read = hook_read, .write = hook_write},
    {0x20, "WIDE", 8, 2, .field_offset = REG_FIELD(struct gadget, wide), .write = wide_write},
    {0x40, "LOW", 4, 2, 8, .field_offset = REG_FIELD(struct gadget, low), .write_mask = ~0u},
    {0x44, "HIGH", 4, 2, 8, .field_offset = REG_FIELD(struct gadget, high), .write_mask = ~0u},
};
static const struct reg_bank bank = {registers, sizeof registers / sizeof registers[0], 1 | 2 | 4 | 8};

static struct gadget gadget;

static int set_up(void **state)
{
    gadget = (struct gadget){0};
    regs_reset(&bank, &gadget);
    return 0;
}

static uint64_t reg_get(uint64_t offset, unsigned size)
{
    uint64_t value;
    assert_true(regs_read(&bank, &gadget, offset, size, &value));
    return value;
}

static void reg_put(uint64_t offset, unsigned size, uint64_t value)
{
    assert_true(regs_write(&bank, &gadget, offset, size, value));
}

static void reset_values(void **state)
{
    assert_int_equal(reg_get(0x00, 4), 5);
    assert_int_equal(reg_get(0x04, 4), 0x12345678);
    assert_int_equal(reg_get(0x08, 8), 0x1111111111111111ull);
    assert_int_equal(reg_get(0x100, 8), 0);
}

static void masks_bound_what_a_write_changes(void **state)
{
    reg_put(0x00, 4, 0xffffffaa);
    assert_int_equal(reg_get(0x00, 4), 0xaa);
    reg_put(0x04, 4, 0);
    assert_int_equal(reg_get(0x04, 4), 0x12345678);
    reg_put(0x0a, 1, 0xff);
    assert_int_equal(reg_get(0x08, 4), 0x11f91111);
}

static void narrow_accesses_touch_a_part(void **state)
{
    assert_int_equal(reg_get(0x05, 1), 0x56);
    assert_int_equal(reg_get(0x06, 2), 0x1234);
    reg_put(0x20, 8, 0x1122334455ull);
    reg_put(0x24, 4, 0x99);
    assert_int_equal(reg_get(0x20, 8), 0x9922334455ull);
    assert_int_equal(reg_get(0x24, 4), 0x99);
    reg_put(0x11, 1, 0xee);
    assert_int_equal(gadget.hook_value, 0xee00);
}

static void wide_accesses_cover_neighbours(void **state)
{
    reg_put(0x08, 4, 0x80402018);
    assert_int_equal(reg_get(0x08, 4), 0x81412119);
    assert_int_equal(reg_get(0x00, 8), 0x1234567800000005ull);
    reg_put(0x40, 8, 0x1111111122222222ull);
    assert_int_equal(gadget.low[0], 0x22222222);
    assert_int_equal(gadget.high[0], 0x11111111);
    reg_put(0x48, 8, 0x3333333344444444ull);
    assert_int_equal(gadget.low[1], 0x44444444);
    assert_int_equal(gadget.high[1], 0x33333333);
    assert_int_equal(reg_get(0x48, 8), 0x3333333344444444ull);
}

static void hooks_get_the_index_once(void **state)
{
    assert_int_equal(reg_get(0x18, 4), 0xa0b0c0d2);
    assert_int_equal(gadget.hook_calls, 1);
    reg_put(0x14, 4, 0xdeadbeef);
    assert_int_equal(gadget.hook_calls, 2);
    assert_int_equal(gadget.hook_index, 1);
    assert_int_equal(gadget.hook_value, 0xdeadbeef);
}

static void widths_outside_the_bank_are_refused(void **state)
{
    const struct reg_bank words = {registers, bank.count, 4};
    uint64_t value = 1;
    assert_false(regs_read(&words, &gadget, 0, 1, &value));
    assert_int_equal(value, 0);
    assert_false(regs_write(&words, &gadget, 0, 8, 0));
    assert_true(regs_read(&words, &gadget, 0, 4, &value));
    assert_int_equal(value, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(reset_values, set_up),
        cmocka_unit_test_setup(masks_bound_what_a_write_changes, set_up),
        cmocka_unit_test_setup(narrow_accesses_touch_a_part, set_up),
        cmocka_unit_test_setup(wide_accesses_cover_neighbours, set_up),
        cmocka_unit_test_setup(hooks_get_the_index_once, set_up),
        cmocka_unit_test_setup(widths_outside_the_bank_are_refused, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
