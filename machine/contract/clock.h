/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Virtual time and the events that wait for it. Time is a function of retired instructions and of idle
 * time skipped; no device ever asks the host what time it is. */
#ifndef ARMATURE_CLOCK_H
#define ARMATURE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include "machine/contract/fields.h"

#define NS_PER_S 1000000000ull
#define CLOCK_NEVER UINT64_MAX

/** Something that happens at a point of virtual time. The owner embeds it in its own structure and
 *  initialises it once with event_init(); all other members belong to the clock. `when_ns` and `order` are
 *  state: the owner's field list has FIELD_STRUCT(..., event_fields), and the restored owner calls
 *  clock_restore(). */
struct event {
    uint64_t when_ns; /* CLOCK_NEVER while not scheduled */
    uint64_t order;   /* ties fire in the order of scheduling */
    void (*fire)(void *owner);
    void *owner;
    unsigned heap_index; /* 1-based; 0 while not scheduled */
};

/* The clock's copy of when and in what order, so that restoring an event cannot disturb the heap. */
struct clock_entry {
    uint64_t when_ns, order;
    struct event *event;
};

struct clock {
    uint64_t now_ns; /* exact whenever device code runs */
    uint64_t next_order;
    struct clock_entry *heap; /* a binary heap: entry 1 is the earliest, entry 0 is not used */
    unsigned heap_count, heap_capacity;
    /* Called when an event becomes the earliest, so that a CPU in the middle of its turn stops in time. */
    void (*on_earlier)(void *context, uint64_t when_ns);
    void *on_earlier_context;
    /* Where time is the host's (--parallel): what it is now, from any thread. now_ns then follows it under the machine
     * lock. NULL: now_ns is the time. */
    uint64_t (*live_ns)(void *context);
    void *live_context;
};

extern const struct fields event_fields; /* of struct event */
extern const struct fields clock_fields; /* of struct clock: now_ns and next_order */

/** Readies an event: not scheduled; `fire(owner)` is what it does. */
void event_init(struct event *event, void (*fire)(void *owner), void *owner);

/** Makes `event` fire at `when_ns` (now or earlier: as soon as the running instruction is done), in place
 *  of any earlier appointment. CLOCK_NEVER cancels. */
void clock_schedule(struct clock *clock, struct event *event, uint64_t when_ns);
void clock_cancel(struct clock *clock, struct event *event);

/** Takes up an event whose saved fields were replaced from outside: schedules it as when_ns and order say. */
void clock_restore(struct clock *clock, struct event *event);

/** The time of the earliest event, or CLOCK_NEVER. */
uint64_t clock_next_ns(const struct clock *clock);

/** Fires every event due at or before now_ns, in order of time, then of scheduling. */
void clock_fire_due(struct clock *clock);

/** What a user says of time: a number, which may have a fraction, and its unit (us, ms, s, m or h) at once behind it:
 * "500ms", "1.5s". False: it is none, or more than 292 years. */
bool time_parse(const char *text, uint64_t *ns);

void clock_init(struct clock *clock);
void clock_free(struct clock *clock);

/** The time now, for code that runs without the machine lock. */
static inline uint64_t clock_live_ns(const struct clock *clock)
{
    return clock->live_ns ? clock->live_ns(clock->live_context) : clock->now_ns;
}

/** Nanoseconds since the clock's start. Device code runs with this exact to the instruction. */
static inline uint64_t clock_now_ns(const struct clock *clock)
{
    return clock->now_ns;
}

#endif
