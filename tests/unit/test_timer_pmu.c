/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The generic timer and the performance monitors: when they fire, and what they count. */
#include "unit.h"
#include "cpu_bench.h"
#include "isa/arm64/pmu.h"
#include "isa/arm64/timer.h"

static struct cpu_bench *bench;
static struct cpu *cpu;
static bool wires[3]; /* virtual timer, physical timer, PMU */

static void set_wire(void *receiver, unsigned number, bool level)
{
    wires[number] = level;
}

static int setup(void **state)
{
    bench = bench_create(CPU_MAX);
    cpu = &bench->cpu;
    memset(wires, 0, sizeof wires);
    cpu->timer_wires.virt = (struct irq_line){set_wire, NULL, 0};
    cpu->timer_wires.phys = (struct irq_line){set_wire, NULL, 1};
    cpu->pmu_wire = (struct irq_line){set_wire, NULL, 2};
    return 0;
}

static int teardown(void **state)
{
    bench_free(bench);
    return 0;
}

static void move_clock(uint64_t ns)
{
    bench->clock.now_ns = ns;
    clock_fire_due(&bench->clock);
}

static void timers_fire_at_their_count(void **state)
{
    static const struct {
        enum sysreg control, compare, value;
    } timers[] = {{SR_CNTV_CTL_EL0, SR_CNTV_CVAL_EL0, SR_CNTV_TVAL_EL0},
                  {SR_CNTP_CTL_EL0, SR_CNTP_CVAL_EL0, SR_CNTP_TVAL_EL0}};
    for (unsigned i = 0; i < 2; i++) {
        uint64_t start = bench->clock.now_ns;
        sysreg_write(cpu, timers[i].value, 100);
        assert_int_equal(sysreg_read(cpu, timers[i].compare), start / NS_PER_COUNT + 100);
        sysreg_write(cpu, timers[i].control, 1);
        assert_int_equal(clock_next_ns(&bench->clock), start + 100 * NS_PER_COUNT);
        move_clock(start + 100 * NS_PER_COUNT - 1);
        assert_false(wires[i]);
        assert_int_equal(sysreg_read(cpu, timers[i].control), 1);
        move_clock(start + 100 * NS_PER_COUNT);
        assert_true(wires[i]);
        assert_int_equal(sysreg_read(cpu, timers[i].control), 5);
        sysreg_write(cpu, timers[i].control, 3); /* masked */
        assert_false(wires[i]);
        assert_int_equal(sysreg_read(cpu, timers[i].control), 7);
        sysreg_write(cpu, timers[i].control, 1);
        assert_true(wires[i]);
        sysreg_write(cpu, timers[i].value, 0xffffffff); /* one count ago */
        assert_true(wires[i]);
        assert_int_equal(sysreg_read(cpu, timers[i].value), 0xffffffff);
        sysreg_write(cpu, timers[i].compare, ~0ull); /* never */
        assert_false(wires[i]);
        assert_int_equal(clock_next_ns(&bench->clock), CLOCK_NEVER);
        sysreg_write(cpu, timers[i].control, 0);
    }
}

static void counters_count_virtual_time(void **state)
{
    bench->clock.now_ns = 1000 * NS_PER_COUNT + 5;
    assert_int_equal(sysreg_read(cpu, SR_CNTVCT_EL0), 1000);
    assert_int_equal(sysreg_read(cpu, SR_CNTPCT_EL0), 1000);
    assert_int_equal(sysreg_read(cpu, SR_CNTFRQ_EL0), NS_PER_S / NS_PER_COUNT);
}

static void the_event_stream_wakes_wfe(void **state)
{
    enum { EVNTEN = 1 << 2, EVNTDIR = 1 << 3 };
    for (unsigned direction = 0; direction < 2; direction++) {
        bench->clock.now_ns = 1 << 20;
        sysreg_write(cpu, SR_CNTKCTL_EL1, EVNTEN | (direction ? EVNTDIR : 0) | 4 << 4); /* each 32 counts */
        uint64_t start = cpu_counter(cpu);                                              /* a multiple of 32 */
        assert_false(timer_stream_event(cpu));
        cpu->wait = WAIT_WFE;
        timer_stream_schedule(cpu);
        uint64_t due = start + (direction ? 32 : 16);
        assert_int_equal(clock_next_ns(&bench->clock), due * NS_PER_COUNT);
        move_clock(due * NS_PER_COUNT);
        assert_int_equal(cpu->wait, WAIT_NONE);
        assert_int_equal(cpu->event_register, 0);
        assert_false(timer_stream_event(cpu));
        bench->clock.now_ns = (due + 32) * NS_PER_COUNT;
        assert_true(timer_stream_event(cpu));
        sysreg_write(cpu, SR_CNTKCTL_EL1, 0);
        bench->clock.now_ns = (due + 128) * NS_PER_COUNT;
        assert_false(timer_stream_event(cpu));
    }
}

/* The performance monitors. */

static void run(uint64_t insns)
{
    cpu->icount += insns;
    pmu_update(cpu, cpu->icount);
    bench->clock.now_ns = cpu_ns_at(cpu, cpu->icount);
}

static void start_counters(uint64_t mask)
{
    sysreg_write(cpu, SR_PMCNTENSET_EL0, mask);
    sysreg_write(cpu, SR_PMCR_EL0, 1);
}

static void events_are_counted_by_type_and_level(void **state)
{
    enum { INST_RETIRED = 8, CPU_CYCLES = 0x11 };
    const uint64_t not_el1 = 1ull << 31, not_el0 = 1ull << 30;
    sysreg_write(cpu, SR_PMEVTYPER0_EL0, INST_RETIRED);
    sysreg_write(cpu, SR_PMEVTYPER1_EL0, CPU_CYCLES);
    sysreg_write(cpu, SR_PMEVTYPER2_EL0, INST_RETIRED | not_el1);
    sysreg_write(cpu, SR_PMEVTYPER3_EL0, INST_RETIRED | not_el0);
    sysreg_write(cpu, SR_PMEVTYPER4_EL0, 0); /* SW_INCR */
    start_counters(0x8000001f);
    cpu->unretired += 3; /* of the ten, three ended in exceptions */
    run(10);
    sysreg_write(cpu, SR_PMSWINC_EL0, 0x1f);
    assert_int_equal(cpu->sys.PMEVCNTR0_EL0, 7);
    assert_int_equal(cpu->sys.PMEVCNTR1_EL0, 10);
    assert_int_equal(cpu->sys.PMEVCNTR2_EL0, 0);
    assert_int_equal(cpu->sys.PMEVCNTR3_EL0, 7);
    assert_int_equal(cpu->sys.PMEVCNTR4_EL0, 1);
    assert_int_equal(cpu->sys.PMCCNTR_EL0, 10);
    cpu_set_level(cpu, 0, 0);
    run(5);
    assert_int_equal(cpu->sys.PMEVCNTR2_EL0, 5);
    assert_int_equal(cpu->sys.PMEVCNTR3_EL0, 7);
    sysreg_write(cpu, SR_PMCNTENCLR_EL0, 1);
    run(5);
    assert_int_equal(cpu->sys.PMEVCNTR0_EL0, 12);
    assert_int_equal(cpu->sys.PMEVCNTR2_EL0, 10);
    sysreg_write(cpu, SR_PMCR_EL0, 7); /* reset both kinds */
    assert_int_equal(cpu->sys.PMEVCNTR2_EL0, 0);
    assert_int_equal(cpu->sys.PMCCNTR_EL0, 0);
}

static void overflow_interrupts_at_its_instruction(void **state)
{
    sysreg_write(cpu, SR_PMEVTYPER0_EL0, 8);
    sysreg_write(cpu, SR_PMEVCNTR0_EL0, 0xffffff00);
    sysreg_write(cpu, SR_PMINTENSET_EL1, 1);
    start_counters(1);
    assert_int_equal(clock_next_ns(&bench->clock), cpu_ns_at(cpu, cpu->icount + 0x100));
    cpu->icount += 0xff;
    move_clock(cpu_ns_at(cpu, cpu->icount));
    assert_false(wires[2]);
    cpu->icount += 1;
    move_clock(cpu_ns_at(cpu, cpu->icount));
    assert_true(wires[2]);
    assert_int_equal(cpu->sys.PMOVSSET_EL0, 1);
    assert_int_equal(cpu->sys.PMEVCNTR0_EL0, 0);
    sysreg_write(cpu, SR_PMOVSCLR_EL0, 1);
    assert_false(wires[2]);
}

/* The run loop may begin a turn at the very time of the overflow, before it fires what is due. */
static void an_overflow_due_at_a_turns_begin_is_not_lost(void **state)
{
    sysreg_write(cpu, SR_PMEVTYPER0_EL0, 8);
    sysreg_write(cpu, SR_PMEVCNTR0_EL0, 0xffffff00);
    sysreg_write(cpu, SR_PMINTENSET_EL1, 1);
    start_counters(1);
    cpu->icount += 0x100;
    bench->clock.now_ns = cpu_ns_at(cpu, cpu->icount);
    cpu_turn_begins(cpu);
    clock_fire_due(&bench->clock);
    assert_true(wires[2]);
    assert_int_equal(cpu->sys.PMOVSSET_EL0, 1);
}

static void faults_on_the_way_put_an_overflow_off(void **state)
{
    sysreg_write(cpu, SR_PMEVTYPER0_EL0, 8);
    sysreg_write(cpu, SR_PMEVCNTR0_EL0, 0xfffffff0);
    sysreg_write(cpu, SR_PMINTENSET_EL1, 1);
    start_counters(1);
    cpu->icount += 16;
    cpu->unretired += 2;
    move_clock(cpu_ns_at(cpu, cpu->icount));
    assert_false(wires[2]);
    assert_int_equal(clock_next_ns(&bench->clock), cpu_ns_at(cpu, cpu->icount + 2));
}

static void chained_counters_carry(void **state)
{
    sysreg_write(cpu, SR_PMEVTYPER0_EL0, 8);
    sysreg_write(cpu, SR_PMEVTYPER1_EL0, 0x1e);
    sysreg_write(cpu, SR_PMEVCNTR0_EL0, 0xfffffffe);
    sysreg_write(cpu, SR_PMEVCNTR1_EL0, 0xffffffff);
    sysreg_write(cpu, SR_PMINTENSET_EL1, 2);
    start_counters(3);
    assert_int_equal(clock_next_ns(&bench->clock), cpu_ns_at(cpu, cpu->icount + 2));
    cpu->icount += 2;
    move_clock(cpu_ns_at(cpu, cpu->icount));
    assert_int_equal(cpu->sys.PMEVCNTR0_EL0, 0);
    assert_int_equal(cpu->sys.PMEVCNTR1_EL0, 0);
    assert_int_equal(cpu->sys.PMOVSSET_EL0, 3);
    assert_true(wires[2]);
}

static void the_cycle_counter_has_64_bits(void **state)
{
    sysreg_write(cpu, SR_PMCCNTR_EL0, 0xffffffff);
    start_counters(1ull << PMU_CYCLE_COUNTER);
    run(1);
    assert_int_equal(cpu->sys.PMCCNTR_EL0, 1ull << 32);
    assert_int_equal(cpu->sys.PMOVSSET_EL0, 0);
    sysreg_write(cpu, SR_PMCCNTR_EL0, ~0ull);
    run(1);
    assert_int_equal(cpu->sys.PMOVSSET_EL0, 1ull << PMU_CYCLE_COUNTER);
}

int main(void)
{
#define TIMER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TIMER_TEST(timers_fire_at_their_count),
        TIMER_TEST(counters_count_virtual_time),
        TIMER_TEST(the_event_stream_wakes_wfe),
        TIMER_TEST(events_are_counted_by_type_and_level),
        TIMER_TEST(overflow_interrupts_at_its_instruction),
        TIMER_TEST(an_overflow_due_at_a_turns_begin_is_not_lost),
        TIMER_TEST(faults_on_the_way_put_an_overflow_off),
        TIMER_TEST(chained_counters_carry),
        TIMER_TEST(the_cycle_counter_has_64_bits),
    };
    return cmocka_run_group_tests_name("timer_pmu", tests, NULL, NULL);
}
