/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The generation ID: its bytes, and the pulse when a clone gets another. */
#include "tests/unit/device_bench.h"
#include "peripherals/vmgenid.h"

static struct bench bench;
static struct probe_wire wire;

static int set_up(void **state)
{
    bench_init(&bench);
    wire = (struct probe_wire){0};
    bench_place(&bench, &vmgenid_class, &vmgenid_mmio, vmgenid_create(7, probe_line(&wire)));
    return 0;
}

static int tear_down(void **state)
{
    bench_free(&bench);
    return 0;
}

static void read_id(uint64_t id[2])
{
    id[0] = bench_read(&bench, 0, 8);
    id[1] = bench_read(&bench, 8, 8);
}

static void reads_in_every_width(void **state)
{
    uint64_t id[2];
    read_id(id);
    assert_true(id[0] && id[1] && id[0] != id[1]);
    for (unsigned i = 0; i < 16; i++)
        assert_int_equal(bench_read(&bench, i, 1), id[i / 8] >> 8 * (i % 8) & 0xff);
    for (unsigned i = 0; i < 16; i += 4)
        assert_int_equal(bench_read(&bench, i, 4), id[i / 8] >> 8 * (i % 8) & 0xffffffff);
    assert_int_equal(bench_read(&bench, 16, 8), 0);
}

static void is_not_written(void **state)
{
    uint64_t before[2], after[2];
    read_id(before);
    bench_write(&bench, 0, 8, 0);
    bench_write(&bench, 12, 4, 0xffffffff);
    read_id(after);
    assert_memory_equal(before, after, sizeof before);
}

static void a_reset_keeps_it_and_a_clone_gets_another(void **state)
{
    uint64_t first[2], again[2], of_clone[2], of_second[2];
    read_id(first);
    vmgenid_class.reset(bench.device);
    read_id(again);
    assert_memory_equal(first, again, sizeof first);
    assert_int_equal(wire.changes, 0);

    vmgenid_class.reidentify(bench.device, 8);
    read_id(of_clone);
    assert_int_not_equal(first[0], of_clone[0]);
    assert_int_not_equal(first[1], of_clone[1]);
    assert_int_equal(wire.changes, 2); /* up and down again */
    assert_false(wire.level);
    vmgenid_class.reset(bench.device); /* the clone stays who it is */
    read_id(again);
    assert_memory_equal(of_clone, again, sizeof again);

    vmgenid_class.reidentify(bench.device, 9);
    read_id(of_second);
    assert_int_not_equal(of_clone[0], of_second[0]);
    vmgenid_class.reidentify(bench.device, 7);
    read_id(again);
    assert_memory_equal(first, again, sizeof first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_in_every_width, set_up, tear_down),
        cmocka_unit_test_setup_teardown(is_not_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reset_keeps_it_and_a_clone_gets_another, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
