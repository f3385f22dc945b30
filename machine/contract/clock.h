/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Virtual time and the events that wait for it. Time is a function of retired instructions and of idle
 * time skipped; no device ever asks the host what time it is. */
#ifndef ARMATURE_CLOCK_H
#define ARMATURE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define NS_PER_S 1000000000ull
#define CLOCK_NEVER UINT64_MAX

/** Something that happens at a point of virtual time. The owner embeds it in its own structure and
 *  initialises it once with event_init(); all other members belong to the clock. `when_ns` is state (it
 *  goes into the owner's field list); a restored owner calls clock_schedule() again. */
struct event {
    uint64_t when_ns; /* CLOCK_NEVER while not scheduled */
    uint64_t order;   /* ties fire in the order of scheduling */
    void (*fire)(void *owner);
    void *owner;
    unsigned heap_index; /* 1-based; 0 while not scheduled */
};

struct clock {
    uint64_t now_ns; /* exact whenever device code runs */
    uint64_t next_order;
    struct event **heap;
    unsigned heap_count, heap_capacity;
    /* Called when an event becomes the earliest, so that a CPU in the middle of its turn stops in time. */
    void (*on_earlier)(void *context, uint64_t when_ns);
    void *on_earlier_context;
};

void event_init(struct event *event, void (*fire)(void *owner), void *owner);

/** Makes `event` fire at `when_ns` (now or earlier: as soon as the running instruction is done), in place
 *  of any earlier appointment. */
void clock_schedule(struct clock *clock, struct event *event, uint64_t when_ns);
void clock_cancel(struct clock *clock, struct event *event);

/** The time of the earliest event, or CLOCK_NEVER. */
uint64_t clock_next_ns(const struct clock *clock);

/** Fires every event due at or before now_ns, in order of time, then of scheduling. */
void clock_fire_due(struct clock *clock);

void clock_init(struct clock *clock);
void clock_free(struct clock *clock);

/** Nanoseconds since the clock's start. Device code runs with this exact to the instruction. */
static inline uint64_t clock_now_ns(const struct clock *clock)
{
    return clock->now_ns;
}

#endif
