/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The event queue: order, ties, cancelling, events that schedule, restoring. */
#include "tests/unit/unit.h"
#include "machine/contract/clock.h"

enum { EVENTS = 200 };

struct item {
    struct event event;
    unsigned id;
};

static struct clock clock_under_test;
static struct item items[EVENTS];
static unsigned fired[4 * EVENTS], fired_count;
static uint64_t earliest_told;

static void note_fired(void *owner)
{
    struct item *item = owner;
    fired[fired_count++] = item->id;
}

static void note_earlier(void *context, uint64_t when_ns)
{
    earliest_told = when_ns;
}

static int set_up(void **state)
{
    clock_init(&clock_under_test);
    clock_under_test.on_earlier = note_earlier;
    for (unsigned i = 0; i < EVENTS; i++) {
        event_init(&items[i].event, note_fired, &items[i]);
        items[i].id = i;
    }
    fired_count = 0;
    earliest_told = 0;
    return 0;
}

static int tear_down(void **state)
{
    clock_free(&clock_under_test);
    return 0;
}

static void run_to(uint64_t now_ns)
{
    clock_under_test.now_ns = now_ns;
    clock_fire_due(&clock_under_test);
}

static void fires_in_order_of_time(void **state)
{
    uint64_t last = 0;
    for (unsigned i = 0; i < EVENTS; i++)
        clock_schedule(&clock_under_test, &items[i].event, 1 + i * 7919 % 1009);
    run_to(2000);
    assert_int_equal(fired_count, EVENTS);
    for (unsigned i = 0; i < EVENTS; i++) {
        uint64_t when = 1 + fired[i] * 7919 % 1009;
        assert_true(when >= last);
        last = when;
    }
    assert_int_equal(clock_next_ns(&clock_under_test), CLOCK_NEVER);
}

static void ties_fire_in_order_of_scheduling(void **state)
{
    for (unsigned i = 0; i < EVENTS; i++)
        clock_schedule(&clock_under_test, &items[EVENTS - 1 - i].event, 10);
    clock_schedule(&clock_under_test, &items[EVENTS - 1].event, 10); /* again: now the last */
    run_to(10);
    for (unsigned i = 0; i < EVENTS - 1; i++)
        assert_int_equal(fired[i], EVENTS - 2 - i);
    assert_int_equal(fired[EVENTS - 1], EVENTS - 1);
}

static void only_what_is_due_fires(void **state)
{
    clock_schedule(&clock_under_test, &items[0].event, 100);
    clock_schedule(&clock_under_test, &items[1].event, 101);
    run_to(99);
    assert_int_equal(fired_count, 0);
    run_to(100);
    assert_int_equal(fired_count, 1);
    assert_int_equal(items[0].event.when_ns, CLOCK_NEVER);
    assert_int_equal(clock_next_ns(&clock_under_test), 101);
}

static void cancelled_events_stay_silent(void **state)
{
    for (unsigned i = 0; i < EVENTS; i++)
        clock_schedule(&clock_under_test, &items[i].event, 1 + i * 31 % 97);
    for (unsigned i = 0; i < EVENTS; i += 2)
        clock_cancel(&clock_under_test, &items[i].event);
    clock_cancel(&clock_under_test, &items[0].event); /* twice does no harm */
    run_to(1000);
    assert_int_equal(fired_count, EVENTS / 2);
    for (unsigned i = 0; i < fired_count; i++)
        assert_int_equal(fired[i] % 2, 1);
}

static void fire_and_go_again(void *owner)
{
    struct item *item = owner;
    note_fired(item);
    if (fired_count < 5)
        clock_schedule(&clock_under_test, &item->event, 10 * (fired_count + 1));
}

static void an_event_may_schedule_itself(void **state)
{
    event_init(&items[7].event, fire_and_go_again, &items[7]);
    clock_schedule(&clock_under_test, &items[7].event, 10);
    run_to(35);
    assert_int_equal(fired_count, 3);
    run_to(1000);
    assert_int_equal(fired_count, 5);
}

static void tells_of_a_new_earliest_only(void **state)
{
    clock_schedule(&clock_under_test, &items[0].event, 50);
    assert_int_equal(earliest_told, 50);
    clock_schedule(&clock_under_test, &items[1].event, 60);
    assert_int_equal(earliest_told, 50);
    clock_schedule(&clock_under_test, &items[2].event, 40);
    assert_int_equal(earliest_told, 40);
}

/* A restore replaces the saved fields of all events while the heap still holds the old appointments. */
static void restored_events_keep_time_and_order(void **state)
{
    uint64_t saved_next_order;
    struct item saved[3];
    clock_schedule(&clock_under_test, &items[2].event, 20);
    clock_schedule(&clock_under_test, &items[1].event, 20);
    saved_next_order = clock_under_test.next_order;
    memcpy(saved, items, sizeof saved);
    clock_schedule(&clock_under_test, &items[0].event, 5);
    clock_schedule(&clock_under_test, &items[1].event, 3);
    clock_schedule(&clock_under_test, &items[2].event, 90);
    for (unsigned i = 0; i < 3; i++) {
        items[i].event.when_ns = saved[i].event.when_ns;
        items[i].event.order = saved[i].event.order;
    }
    clock_under_test.next_order = saved_next_order;
    for (unsigned i = 0; i < 3; i++)
        clock_restore(&clock_under_test, &items[i].event);
    run_to(100);
    assert_int_equal(fired_count, 2);
    assert_int_equal(fired[0], 2);
    assert_int_equal(fired[1], 1);
}

static void times_have_units(void **state)
{
    static const struct {
        const char *text;
        uint64_t ns;
    } times[] = {{"500ms", 500000000}, {"1.5s", 1500000000}, {"0s", 0},       {"7us", 7000},
                 {"2m", 120000000000}, {"1h", 3600000000000}, {".25s", UINT64_MAX}, {"123456789s", 123456789000000000}};
    static const char *const none[] = {
        "",     "1",    "s",      "1 s", " 1s", "-1s",          "+1s",                  "1e3s", "0x1s",
        "infs", "nans", "1.2.3s", "1sx", ".s",  "99999999999h", "9999999999999999999s", "1ns",
    };
    uint64_t ns;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        assert_int_equal(time_parse(times[i].text, &ns), times[i].ns != UINT64_MAX);
        if (times[i].ns != UINT64_MAX)
            assert_int_equal(ns, times[i].ns);
    }
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_false(time_parse(none[i], &ns));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(fires_in_order_of_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ties_fire_in_order_of_scheduling, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_what_is_due_fires, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cancelled_events_stay_silent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_event_may_schedule_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tells_of_a_new_earliest_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(restored_events_keep_time_and_order, set_up, tear_down),
        cmocka_unit_test(times_have_units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
