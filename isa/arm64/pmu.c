/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The performance monitors. Counters are brought up to date when somebody looks or when what they count
 * changes (level, enable, event); an event of the clock stands at the next overflow that would raise the
 * interrupt. */
#include "isa/arm64/pmu.h"
#include "isa/arm64/threads.h"

/* Events (D13.12). */
enum pmu_event {
    EVENT_SW_INCR = 0x00,
    EVENT_INST_RETIRED = 0x08,
    EVENT_CPU_CYCLES = 0x11,
    EVENT_CHAIN = 0x1e
};

#define PMCR_E (1u << 0)

#define FILTER_EL1 (1u << 31) /* P: do not count at EL1 */
#define FILTER_EL0 (1u << 30) /* U: do not count at EL0 */

static uint64_t *counter_of(struct cpu *cpu, unsigned n)
{
    return n == PMU_CYCLE_COUNTER ? &cpu->sys.PMCCNTR_EL0 : &cpu->sys.PMEVCNTR0_EL0 + n;
}

static uint64_t type_of(const struct cpu *cpu, unsigned n)
{
    return n == PMU_CYCLE_COUNTER ? cpu->sys.PMCCFILTR_EL0 : (&cpu->sys.PMEVTYPER0_EL0)[n];
}

uint64_t pmu_common_events(unsigned half)
{
    if (half)
        return 0;
    return 1ull << EVENT_SW_INCR | 1ull << EVENT_INST_RETIRED | 1ull << EVENT_CPU_CYCLES |
           1ull << EVENT_CHAIN;
}

static bool counts_here(const struct cpu *cpu, unsigned n)
{
    if (!(cpu->sys.PMCR_EL0 & PMCR_E) || !(cpu->sys.PMCNTENSET_EL0 >> n & 1))
        return false;
    return !(type_of(cpu, n) & (cpu->pstate.el ? FILTER_EL1 : FILTER_EL0));
}

static void add_to(struct cpu *cpu, unsigned n, uint64_t amount);

/* Counter `n` went over its top `times`. An odd counter with CHAIN counts overflows of the one below. */
static void overflowed(struct cpu *cpu, unsigned n, uint64_t times)
{
    cpu->sys.PMOVSSET_EL0 |= 1ull << n;
    if (n == PMU_CYCLE_COUNTER || n & 1 || n + 1 >= PMU_COUNTERS)
        return;
    if ((type_of(cpu, n + 1) & 0xffff) == EVENT_CHAIN && counts_here(cpu, n + 1))
        add_to(cpu, n + 1, times);
}

static void add_to(struct cpu *cpu, unsigned n, uint64_t amount)
{
    uint64_t *counter = counter_of(cpu, n), before = *counter;
    if (n == PMU_CYCLE_COUNTER) {
        /* PMCR.LC is one: there is no AArch32, so all 64 bits count. */
        *counter = before + amount;
        if (*counter < before)
            overflowed(cpu, n, 1);
        return;
    }
    uint64_t sum = before + amount;
    *counter = sum & 0xffffffff;
    if (sum >> 32)
        overflowed(cpu, n, sum >> 32);
}

static uint64_t amount_of(const struct cpu *cpu, unsigned n, uint64_t insns, uint64_t retired)
{
    switch (type_of(cpu, n) & 0xffff) {
    case EVENT_INST_RETIRED: return retired;
    case EVENT_CPU_CYCLES: return insns;
    default: return 0;
    }
}

void pmu_bring_up_to_date(struct cpu *cpu, uint64_t icount)
{
    uint64_t insns = icount - cpu->pmu_icount, unretired = cpu->unretired - cpu->pmu_unretired;
    cpu->pmu_icount = icount;
    cpu->pmu_unretired = cpu->unretired;
    for (unsigned n = 0; n < PMU_COUNTERS; n++)
        if (counts_here(cpu, n))
            add_to(cpu, n, amount_of(cpu, n, insns, insns - unretired));
    if (counts_here(cpu, PMU_CYCLE_COUNTER))
        add_to(cpu, PMU_CYCLE_COUNTER, insns);
}

void pmu_software_increment(struct cpu *cpu, uint64_t mask)
{
    for (unsigned n = 0; n < PMU_COUNTERS; n++)
        if (mask >> n & 1 && counts_here(cpu, n) && (type_of(cpu, n) & 0xffff) == EVENT_SW_INCR)
            add_to(cpu, n, 1);
}

/* Instructions until the first overflow of a running counter whose interrupt is enabled, at this level.
 * Faults on the way can only make it later; then the event finds nothing and is set again. */
static uint64_t insns_to_overflow(struct cpu *cpu)
{
    uint64_t nearest = UINT64_MAX;
    for (unsigned n = 0; n <= PMU_CYCLE_COUNTER; n = n + 1 == PMU_COUNTERS ? PMU_CYCLE_COUNTER : n + 1) {
        bool wanted = cpu->sys.PMINTENSET_EL1 >> n & 1;
        bool chained = n < PMU_COUNTERS && !(n & 1) && (type_of(cpu, n + 1) & 0xffff) == EVENT_CHAIN;
        if (!counts_here(cpu, n) || !(wanted || chained))
            continue;
        if (n < PMU_COUNTERS && !amount_of(cpu, n, 1, 1))
            continue;
        uint64_t count = *counter_of(cpu, n);
        uint64_t left = n == PMU_CYCLE_COUNTER ? -count : (1ull << 32) - count;
        if (left && left < nearest)
            nearest = left;
    }
    return nearest;
}

static void drive(struct cpu *cpu)
{
    bool enabled = cpu->sys.PMCR_EL0 & PMCR_E;
    irq_set(&cpu->pmu_wire, enabled && cpu->sys.PMOVSSET_EL0 & cpu->sys.PMINTENSET_EL1);
    bool counting = pmu_runs(cpu) && cpu->wait == WAIT_NONE;
    uint64_t left = counting ? insns_to_overflow(cpu) : UINT64_MAX;
    if (left > 1ull << 48) {
        clock_cancel(cpu->clock, &cpu->pmu_event);
        return;
    }
    /* The time at which that many more will have run in this turn. It is past when other CPUs' turns or
     * waiting came in between: then cpu_turn_begins() sets it again. It is now when several instructions
     * share a nanosecond. */
    uint64_t due_ns = cpu_ns_at(cpu, cpu->pmu_icount + left), now_ns = clock_now_ns(cpu->clock);
    if (cpu->parallel)
        due_ns = now_ns + (left * cpu->ns_per_insn_q8 >> 8); /* about then: what has run by then is looked at */
    if (due_ns == now_ns && cpu_ns_at(cpu, cpu->pmu_icount) == now_ns)
        due_ns++;
    if (due_ns > now_ns)
        clock_schedule(cpu->clock, &cpu->pmu_event, due_ns);
    else
        clock_cancel(cpu->clock, &cpu->pmu_event);
}

void pmu_changed(struct cpu *cpu)
{
    cpu_lock_machine(cpu);
    drive(cpu);
    cpu_unlock_machine(cpu);
}

static void overflow_due(void *owner)
{
    struct cpu *cpu = owner;
    if (cpu->parallel) {
        cpu_attention(cpu); /* its counters are its own thread's, which looks when its turn begins */
        return;
    }
    pmu_update(cpu, cpu->icount);
    pmu_changed(cpu);
}

void pmu_init(struct cpu *cpu)
{
    event_init(&cpu->pmu_event, overflow_due, cpu);
}
