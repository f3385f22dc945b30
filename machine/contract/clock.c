/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The queue of events: a binary heap ordered by time, then by order of scheduling. */
#include "machine/contract/clock.h"
#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "machine/contract/error.h"

static const struct field event_field_list[] = {
    FIELD(struct event, when_ns),    FIELD(struct event, order),           FIELD_HOST(struct event, fire),
    FIELD_HOST(struct event, owner), FIELD_HOST(struct event, heap_index), FIELDS_END,
};
const struct fields event_fields = {"event", sizeof(struct event), event_field_list};

static const struct field clock_field_list[] = {
    FIELD(struct clock, now_ns),
    FIELD(struct clock, next_order),
    FIELD_HOST(struct clock, heap),
    FIELD_HOST(struct clock, heap_count),
    FIELD_HOST(struct clock, heap_capacity),
    FIELD_HOST(struct clock, on_earlier),
    FIELD_HOST(struct clock, on_earlier_context),
    FIELD_HOST(struct clock, live_ns),
    FIELD_HOST(struct clock, live_context),
    FIELDS_END,
};
const struct fields clock_fields = {"clock", sizeof(struct clock), clock_field_list};

static bool entry_before(const struct clock_entry *a, const struct clock_entry *b)
{
    return a->when_ns != b->when_ns ? a->when_ns < b->when_ns : a->order < b->order;
}

static void heap_put(struct clock *clock, unsigned index, struct clock_entry entry)
{
    clock->heap[index] = entry;
    entry.event->heap_index = index;
}

/* Moves `entry` from the hole at `index` to where it belongs. */
static void heap_settle(struct clock *clock, unsigned index, struct clock_entry entry)
{
    while (index > 1 && entry_before(&entry, &clock->heap[index / 2])) {
        heap_put(clock, index, clock->heap[index / 2]);
        index /= 2;
    }
    for (;;) {
        unsigned child = index * 2;
        if (child > clock->heap_count)
            break;
        if (child < clock->heap_count && entry_before(&clock->heap[child + 1], &clock->heap[child]))
            child++;
        if (!entry_before(&clock->heap[child], &entry))
            break;
        heap_put(clock, index, clock->heap[child]);
        index = child;
    }
    heap_put(clock, index, entry);
}

static void heap_remove(struct clock *clock, struct event *event)
{
    unsigned hole = event->heap_index;
    if (!hole)
        return;
    assert(clock->heap[hole].event == event);
    event->heap_index = 0;
    struct clock_entry last = clock->heap[clock->heap_count--];
    if (last.event != event)
        heap_settle(clock, hole, last);
}

static void heap_insert(struct clock *clock, struct event *event)
{
    if (clock->heap_count + 2 > clock->heap_capacity) {
        clock->heap_capacity = clock->heap_capacity ? clock->heap_capacity * 2 : 32;
        clock->heap = host_realloc(clock->heap, clock->heap_capacity, sizeof clock->heap[0]);
    }
    struct clock_entry entry = {event->when_ns, event->order, event};
    heap_settle(clock, ++clock->heap_count, entry);
    if (event->heap_index == 1 && clock->on_earlier)
        clock->on_earlier(clock->on_earlier_context, event->when_ns);
}

void event_init(struct event *event, void (*fire)(void *owner), void *owner)
{
    *event = (struct event){.when_ns = CLOCK_NEVER, .fire = fire, .owner = owner};
}

void clock_schedule(struct clock *clock, struct event *event, uint64_t when_ns)
{
    heap_remove(clock, event);
    event->when_ns = when_ns;
    if (when_ns == CLOCK_NEVER)
        return;
    event->order = clock->next_order++;
    heap_insert(clock, event);
}

void clock_cancel(struct clock *clock, struct event *event)
{
    clock_schedule(clock, event, CLOCK_NEVER);
}

void clock_restore(struct clock *clock, struct event *event)
{
    heap_remove(clock, event);
    if (event->when_ns != CLOCK_NEVER)
        heap_insert(clock, event);
}

uint64_t clock_next_ns(const struct clock *clock)
{
    return clock->heap_count ? clock->heap[1].when_ns : CLOCK_NEVER;
}

void clock_fire_due(struct clock *clock)
{
    while (clock->heap_count && clock->heap[1].when_ns <= clock->now_ns) {
        struct event *event = clock->heap[1].event;
        clock_cancel(clock, event);
        event->fire(event->owner);
    }
}

void clock_init(struct clock *clock)
{
    *clock = (struct clock){0};
}

void clock_free(struct clock *clock)
{
    free(clock->heap);
    clock_init(clock);
}

bool time_parse(const char *text, uint64_t *ns)
{
    static const struct {
        const char *unit;
        uint64_t ns;
    } units[] = {{"us", 1000}, {"ms", 1000000}, {"s", NS_PER_S}, {"m", 60 * NS_PER_S}, {"h", 3600 * NS_PER_S}};
    char *unit;
    const size_t length = strspn(text, "0123456789.");
    const long double number = isdigit((unsigned char)*text) ? strtold(text, &unit) : 0;
    /* What else strtold() knows is no time: signs, spaces, words, exponents, hexadecimal. */
    if (!isdigit((unsigned char)*text) || unit != text + length)
        return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (!strcmp(unit, units[i].unit) && number * units[i].ns < 0x1p63L) {
            *ns = (uint64_t)(number * units[i].ns);
            return true;
        }
    return false;
}
