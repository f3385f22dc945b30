/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The generic timer: compare values become clock events at the first nanosecond of their count. */
#include "isa/arm64/timer.h"

#define CTL_ENABLE  1u
#define CTL_IMASK   2u
#define CTL_ISTATUS 4u

#define CNTKCTL_EVNTEN  (1u << 2)
#define CNTKCTL_EVNTDIR (1u << 3)

struct timer {
    uint64_t *control, *compare;
    struct event *event;
    const struct irq_line *wire;
};

static struct timer timer_of(struct cpu *cpu, enum timer_kind kind)
{
    struct sysregs *sys = &cpu->sys;
    struct timer_wires *wires = &cpu->timer_wires;
    switch (kind) {
    case TIMER_VIRT:
        return (struct timer){&sys->CNTV_CTL_EL0, &sys->CNTV_CVAL_EL0, &cpu->virt_timer_event, &wires->virt};
    case TIMER_PHYS:
        return (struct timer){&sys->CNTP_CTL_EL0, &sys->CNTP_CVAL_EL0, &cpu->phys_timer_event, &wires->phys};
    case TIMER_HYP:
        return (struct timer){&sys->CNTHP_CTL_EL2, &sys->CNTHP_CVAL_EL2, &cpu->hyp_timer_event, &wires->hyp};
    default:
        return (struct timer){&sys->CNTHV_CTL_EL2, &sys->CNTHV_CVAL_EL2, &cpu->hyp_virt_timer_event, &wires->hyp_virt};
    }
}

uint64_t *timer_compare(struct cpu *cpu, enum timer_kind kind)
{
    return timer_of(cpu, kind).compare;
}

/* By how much the timer's counter is behind the system's. */
static uint64_t timer_offset(const struct cpu *cpu, enum timer_kind kind)
{
    return kind == TIMER_VIRT ? cpu->sys.CNTVOFF_EL2 : 0;
}

uint64_t timer_counter(const struct cpu *cpu, enum timer_kind kind)
{
    return cpu_counter(cpu) - timer_offset(cpu, kind);
}

/* When the counter reaches `count`. */
static uint64_t count_to_ns(uint64_t count)
{
    return count > CLOCK_NEVER / NS_PER_COUNT ? CLOCK_NEVER : count * NS_PER_COUNT;
}

void timer_changed(struct cpu *cpu, enum timer_kind kind)
{
    struct timer timer = timer_of(cpu, kind);
    bool enabled = *timer.control & CTL_ENABLE, reached = timer_counter(cpu, kind) >= *timer.compare;
    uint64_t offset = timer_offset(cpu, kind), due = *timer.compare + offset;
    uint64_t due_ns = due < offset ? CLOCK_NEVER : count_to_ns(due);
    irq_set(timer.wire, enabled && reached && !(*timer.control & CTL_IMASK));
    if (enabled && !reached && due_ns != CLOCK_NEVER)
        clock_schedule(cpu->clock, timer.event, due_ns);
    else
        clock_cancel(cpu->clock, timer.event);
}

void timers_changed(struct cpu *cpu)
{
    for (unsigned kind = 0; kind < (cpu_has_el2(cpu) ? TIMER_KINDS : TIMER_HYP); kind++)
        timer_changed(cpu, (enum timer_kind)kind);
}

uint64_t timer_control(const struct cpu *cpu, enum timer_kind kind)
{
    const struct timer timer = timer_of((struct cpu *)cpu, kind);
    bool reached = *timer.control & CTL_ENABLE && timer_counter(cpu, kind) >= *timer.compare;
    return *timer.control | (reached ? CTL_ISTATUS : 0);
}

static void virt_due(void *owner)
{
    timer_changed(owner, TIMER_VIRT);
}

static void phys_due(void *owner)
{
    timer_changed(owner, TIMER_PHYS);
}

static void hyp_due(void *owner)
{
    timer_changed(owner, TIMER_HYP);
}

static void hyp_virt_due(void *owner)
{
    timer_changed(owner, TIMER_HYP_VIRT);
}

/* The event stream: bit EVNTI of the counter going up, or down (EVNTDIR). The events between two looks are
 * found by arithmetic; only a CPU that waits for one has the clock wake it. */

/* Who asks for it: EL1's register, or EL2's, whose bits for that are the same. */
static uint64_t stream_control(const struct cpu *cpu)
{
    bool hyp = cpu_has_el2(cpu) && cpu->sys.CNTHCTL_EL2 & CNTKCTL_EVNTEN;
    return hyp ? cpu->sys.CNTHCTL_EL2 : cpu->sys.CNTKCTL_EL1;
}

/* How many of the stream's events the counter has seen when it stands at `count`. */
static uint64_t stream_events_at(const struct cpu *cpu, uint64_t count)
{
    unsigned bit = stream_control(cpu) >> 4 & 15;
    uint64_t half = 1ull << bit, period = half * 2;
    return stream_control(cpu) & CNTKCTL_EVNTDIR ? count / period : (count + half) / period;
}

bool timer_stream_event(struct cpu *cpu)
{
    uint64_t now = cpu_counter(cpu), before = cpu->event_stream_mark;
    cpu->event_stream_mark = now;
    return stream_control(cpu) & CNTKCTL_EVNTEN &&
           stream_events_at(cpu, now) != stream_events_at(cpu, before);
}

void timer_stream_schedule(struct cpu *cpu)
{
    if (!(stream_control(cpu) & CNTKCTL_EVNTEN))
        return;
    unsigned bit = stream_control(cpu) >> 4 & 15;
    uint64_t half = 1ull << bit, period = half * 2;
    uint64_t phase = stream_control(cpu) & CNTKCTL_EVNTDIR ? 0 : half;
    uint64_t now = cpu_counter(cpu), next = (now - phase + period) / period * period + phase;
    if (now < phase)
        next = phase;
    clock_schedule(cpu->clock, &cpu->stream_event, count_to_ns(next));
}

static void stream_due(void *owner)
{
    struct cpu *cpu = owner;
    cpu->event_stream_mark = cpu_counter(cpu);
    cpu_send_event(cpu);
}

void timer_init(struct cpu *cpu)
{
    event_init(&cpu->virt_timer_event, virt_due, cpu);
    event_init(&cpu->phys_timer_event, phys_due, cpu);
    event_init(&cpu->stream_event, stream_due, cpu);
    event_init(&cpu->hyp_timer_event, hyp_due, cpu);
    event_init(&cpu->hyp_virt_timer_event, hyp_virt_due, cpu);
}
