/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Checkpoints within a process: whatever order they are set, joined, dropped and gone to in, memory is what it was at
 * the point. */
#include "tests/unit/unit.h"
#include <stdlib.h>
#include <string.h>
#include "machine/machine.h"
#include "snapshot/checkpoints.h"
#include "tests/unit/still_engine.h"

#define PAGES      150u /* of which the test writes some */
#define POINTS_MAX 12u
#define TURNS      3000u

static struct run_options options;
static struct error error;
static struct machine *machine;
static struct checkpoints *points;
static uint8_t *was[POINTS_MAX]; /* what the pages held at each point */
static unsigned count;
static uint64_t state = 0x9e3779b97f4a7c15ull;

static uint64_t random_below(uint64_t bound)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (state >> 11) % bound;
}

static int set_up(void **unused)
{
    run_options_default(&options);
    options.serial.kind = SERIAL_NONE;
    options.console = (struct serial_option){SERIAL_FILE, "/dev/null"};
    options.memory_bytes = 16ull << 20;
    options.clock = CLOCK_CHOICE_VIRTUAL;
    machine = machine_create(&options, &still_engine, &error);
    if (!machine)
        fail_msg("%s", error.text);
    machine_reset(machine);
    points = checkpoints_create(machine);
    count = 0;
    return 0;
}

static int tear_down(void **unused)
{
    while (count)
        free(was[--count]);
    checkpoints_free(points);
    machine_free(machine);
    return 0;
}

/* --- operations, and what must come of them -------------------------------------------------------- */

static void write_page(uint64_t page, uint8_t value)
{
    uint8_t content[PAGE_SIZE_BYTES];
    memset(content, value, sizeof content);
    assert_true(bus_dma_write(&machine->bus, machine->bus.ram.base + page * PAGE_SIZE_BYTES, content, sizeof content));
}

static void set_point(void)
{
    assert_int_equal(checkpoints_set(points), count);
    was[count] = malloc(PAGES * PAGE_SIZE_BYTES);
    memcpy(was[count++], machine->bus.ram.host, PAGES * PAGE_SIZE_BYTES);
}

static void remove_model(unsigned number)
{
    free(was[number]);
    memmove(was + number, was + number + 1, (--count - number) * sizeof *was);
}

static void join_point(unsigned number)
{
    assert_true(checkpoints_join(points, number));
    remove_model(number);
}

static void go(unsigned number)
{
    if (!checkpoints_go(points, number, &error))
        fail_msg("%s", error.text);
    while (count > number + 1)
        free(was[--count]);
    assert_int_equal(checkpoints_count(points), count);
    assert_memory_equal(machine->bus.ram.host, was[number], PAGES * PAGE_SIZE_BYTES);
}

static void any_order_is_right(void **unused)
{
    set_point();
    for (unsigned turn = 0; turn < TURNS; turn++) {
        switch (random_below(8)) {
        default: /* zeroes too, which are kept without room */
            for (unsigned i = 0; i < 10; i++)
                write_page(random_below(PAGES), random_below(4) ? (uint8_t)random_below(256) : 0);
            break;
        case 0:
        case 1:
        case 2:
            if (count < POINTS_MAX)
                set_point();
            break;
        case 3:
            if (count > 2)
                join_point(1 + (unsigned)random_below(count - 2));
            break;
        case 4:
            if (!random_below(3))
                go((unsigned)random_below(count));
            break;
        case 5:
            if (count > 6) {
                checkpoints_drop_oldest(points, 2);
                remove_model(0);
                remove_model(0);
            }
            break;
        }
    }
    go(0);
}

/* A page that changed behind both is kept once, one that changed behind either is kept still. */
static void joining_makes_room(void **unused)
{
    for (unsigned round = 0; round < 4; round++) {
        for (uint64_t page = 0; page < 100; page++)
            write_page(page, (uint8_t)(round + 1));
        if (round < 3)
            set_point();
    }
    write_page(120, 7);
    const uint64_t one = checkpoints_bytes(points, 0), two = checkpoints_bytes(points, 1);
    assert_int_equal(checkpoints_pages(points, 0), 100);
    join_point(1);
    assert_int_equal(checkpoints_pages(points, 0), 100);
    assert_int_equal(checkpoints_bytes(points, 0), one);
    assert_true(two > 100 * PAGE_SIZE_BYTES);
    set_point();
    write_page(130, 9);
    join_point(1);
    assert_int_equal(checkpoints_pages(points, 0), 101); /* 120 was zeroes */
    assert_true(checkpoints_bytes(points, 0) < one + PAGE_SIZE_BYTES);
    go(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(any_order_is_right, set_up, tear_down),
        cmocka_unit_test_setup_teardown(joining_makes_room, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
