/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The run loop under an engine that only counts: exact events, turns by quantum, skipped idle time, the rules
 * of input, the governor. */
#include "tests/unit/unit.h"
#include <stdlib.h>
#include <unistd.h>
#include "machine/run.h"

enum { CPUS = 3, TRACE = 4096 };

/* --- a machine with nothing in it ------------------------------------------------------------------ */

static struct cpu cpus[CPUS];
static struct cpu *cpu_list[CPUS] = {&cpus[0], &cpus[1], &cpus[2]};
static struct clock machine_clock;
static struct run_loop loop;
static bool wake[CPUS];
/* What the guest "does": called for each instruction, before it. */
static void (*guest)(struct cpu *cpu);
static uint64_t fake_host_ns;

/* The processor's part, which this test plays itself. */
void cpu_turn_begins(struct cpu *cpu)
{
}

bool cpu_wake_ready(const struct cpu *cpu)
{
    return wake[cpu->index];
}

static uint64_t read_fake_host(void)
{
    return fake_host_ns;
}

static enum engine_exit count_run(struct engine *engine, struct cpu *cpu)
{
    for (;;) {
        if (cpu->stop_requested)
            return ENGINE_EXIT_REQUEST;
        if (cpu->wait)
            return ENGINE_EXIT_WAIT;
        if (cpu->icount >= cpu->limit)
            return ENGINE_EXIT_LIMIT;
        machine_clock.now_ns = cpu_ns_at(cpu, cpu->icount);
        if (guest)
            guest(cpu);
        cpu->icount++;
        fake_host_ns += 2; /* this host runs half a thousand million instructions a second */
    }
}

static const struct engine_ops count_engine = {.name = "count", .run = count_run};

static void stop_loop(void *owner)
{
    run_loop_stop(&loop);
}

static void set_up_cpus(unsigned count, bool paced)
{
    memset(cpus, 0, sizeof cpus);
    memset(wake, 0, sizeof wake);
    guest = NULL;
    fake_host_ns = 1000;
    clock_init(&machine_clock);
    loop = (struct run_loop){
        .cpus = cpu_list,
        .cpu_count = count,
        .clock = &machine_clock,
        .inputs = inputs_create(NULL),
        .engine_ops = &count_engine,
    };
    for (unsigned i = 0; i < CPUS; i++)
        cpus[i].index = i;
    run_loop_init(&loop, paced);
    loop.governor.host_ns = read_fake_host;
}

static int tear_down(void **state)
{
    inputs_free(loop.inputs);
    clock_free(&machine_clock);
    return 0;
}

static int set_up_one(void **state)
{
    set_up_cpus(1, false);
    return 0;
}

static int set_up_three(void **state)
{
    set_up_cpus(CPUS, false);
    return 0;
}

static int set_up_paced(void **state)
{
    set_up_cpus(1, true);
    return 0;
}

/* --- events ---------------------------------------------------------------------------------------- */

static struct event watch_event, end_event;
static uint64_t fired_icount, fired_ns;

static void note_fired(void *owner)
{
    fired_icount = cpus[0].icount;
    fired_ns = machine_clock.now_ns;
}

static void run_until(uint64_t ns)
{
    event_init(&end_event, stop_loop, NULL);
    clock_schedule(&machine_clock, &end_event, ns);
    run_loop_run(&loop);
}

static void an_event_happens_at_its_instruction(void **state)
{
    event_init(&watch_event, note_fired, NULL);
    clock_schedule(&machine_clock, &watch_event, 12345);
    run_until(20000);
    assert_int_equal(fired_icount, 12345);
    assert_int_equal(fired_ns, 12345);
    assert_int_equal(cpus[0].icount, 20000);
}

static void schedules_at_5000(struct cpu *cpu)
{
    if (cpu->icount == 5000)
        clock_schedule(&machine_clock, &watch_event, machine_clock.now_ns + 7);
}

static void an_event_scheduled_in_a_turn_happens_at_its_instruction(void **state)
{
    event_init(&watch_event, note_fired, NULL);
    guest = schedules_at_5000;
    run_until(20000);
    assert_int_equal(fired_icount, 5007);
    assert_int_equal(cpus[0].icount, 20000);
}

static void schedules_for_now(struct cpu *cpu)
{
    if (cpu->icount == 5000)
        clock_schedule(&machine_clock, &watch_event, machine_clock.now_ns);
}

static void an_event_that_is_due_happens_after_the_instruction(void **state)
{
    event_init(&watch_event, note_fired, NULL);
    guest = schedules_for_now;
    run_until(20000);
    assert_int_equal(fired_icount, 5001);
}

static void another_rate_keeps_events_exact(void **state)
{
    cpus[0].ns_per_insn_q8 = 256 * 5 / 2; /* 2.5 ns */
    event_init(&watch_event, note_fired, NULL);
    clock_schedule(&machine_clock, &watch_event, 1001);
    run_until(10000);
    assert_int_equal(fired_icount, 401); /* the first instruction that starts at or after 1001 ns */
    assert_int_equal(cpus[0].icount, 4000);
}

/* --- turns ----------------------------------------------------------------------------------------- */

static struct {
    unsigned cpu;
    uint64_t from;
} trace[TRACE];
static unsigned trace_count;

static void trace_turns(struct cpu *cpu)
{
    if (trace_count && trace[trace_count - 1].cpu == cpu->index)
        return;
    assert_true(trace_count < TRACE);
    trace[trace_count].cpu = cpu->index;
    trace[trace_count++].from = cpu->icount;
}

static void cpus_take_turns_of_one_quantum_in_order(void **state)
{
    trace_count = 0;
    guest = trace_turns;
    run_until(4 * RUN_QUANTUM_NS);
    assert_int_equal(trace_count, 12);
    for (unsigned i = 0; i < trace_count; i++) {
        assert_int_equal(trace[i].cpu, i % CPUS);
        assert_int_equal(trace[i].from, i / CPUS * RUN_QUANTUM_NS);
    }
    for (unsigned i = 0; i < CPUS; i++)
        assert_int_equal(cpus[i].icount, 4 * RUN_QUANTUM_NS); /* as much work on each as time passed */
}

static void second_cpu_schedules(struct cpu *cpu)
{
    if (cpu->index == 1 && cpu->icount == 100)
        clock_schedule(&machine_clock, &watch_event, 150);
    trace_turns(cpu);
}

static uint64_t fired_counts[CPUS];

static void note_counts(void *owner)
{
    fired_ns = machine_clock.now_ns;
    for (unsigned i = 0; i < CPUS; i++)
        fired_counts[i] = cpus[i].icount;
}

static void an_event_ends_the_round_for_the_later_cpus(void **state)
{
    event_init(&watch_event, note_counts, NULL);
    trace_count = 0;
    guest = second_cpu_schedules;
    run_until(2 * RUN_QUANTUM_NS);
    assert_int_equal(fired_ns, 150);
    assert_int_equal(fired_counts[0], RUN_QUANTUM_NS); /* had its turn already */
    assert_int_equal(fired_counts[1], 150);
    assert_int_equal(fired_counts[2], 150);
    for (unsigned i = 0; i < CPUS; i++)
        assert_int_equal(cpus[i].icount, 2 * RUN_QUANTUM_NS);
}

static void second_cpu_yields(struct cpu *cpu)
{
    if (cpu->index == 1 && cpu->icount % 10 == 9) {
        cpu->yield_requested = true;
        cpu_attention(cpu);
    }
}

static void a_yield_gives_up_the_rest_of_the_turn(void **state)
{
    guest = second_cpu_yields;
    run_until(5 * RUN_QUANTUM_NS);
    assert_int_equal(cpus[0].icount, 5 * RUN_QUANTUM_NS);
    assert_int_equal(cpus[1].icount, 50);
}

static void attention_every_64(struct cpu *cpu)
{
    if (cpu->icount % 64 == 0)
        cpu_attention(cpu);
}

static void attention_loses_no_time(void **state)
{
    guest = attention_every_64;
    run_until(100000);
    assert_int_equal(cpus[0].icount, 100000);
}

/* --- sleep ----------------------------------------------------------------------------------------- */

static void sleeps_at_1000(struct cpu *cpu)
{
    if (cpu->icount == 999) {
        cpu->wait = WAIT_WFI;
        cpu_attention(cpu);
    }
}

static void wake_first(void *owner)
{
    wake[0] = true;
    note_fired(owner);
}

static void idle_time_is_skipped(void **state)
{
    const uint64_t hour_ns = 3600 * NS_PER_S;
    event_init(&watch_event, wake_first, NULL);
    clock_schedule(&machine_clock, &watch_event, hour_ns);
    guest = sleeps_at_1000;
    uint64_t before_host_ns = fake_host_ns;
    run_until(hour_ns + 500);
    assert_int_equal(fired_icount, 1000);
    assert_int_equal(fired_ns, hour_ns);
    assert_int_equal(cpus[0].icount, 1500);
    assert_true(fake_host_ns - before_host_ns < 10000);
}

static void all_but_the_last_sleep(struct cpu *cpu)
{
    if (cpu->index < CPUS - 1) {
        cpu->wait = cpu->index ? WAIT_POWERED_OFF : WAIT_WFI;
        cpu_attention(cpu);
    }
}

static void sleeping_cpus_keep_up_with_time(void **state)
{
    guest = all_but_the_last_sleep;
    event_init(&watch_event, wake_first, NULL);
    clock_schedule(&machine_clock, &watch_event, 3 * RUN_QUANTUM_NS);
    run_until(4 * RUN_QUANTUM_NS);
    assert_int_equal(cpus[2].icount, 4 * RUN_QUANTUM_NS);
    assert_int_equal(cpus[1].wait, WAIT_POWERED_OFF);
    assert_int_equal(cpu_ns_at(&cpus[1], cpus[1].icount), 4 * RUN_QUANTUM_NS);
    assert_int_equal(fired_icount, 1); /* it had slept since its first instruction */
}

static void first_in_wfe(struct cpu *cpu)
{
    if (cpu->index == 0) {
        cpu->wait = WAIT_WFE;
        cpu_attention(cpu);
    }
    if (cpu->index == 2) {
        cpu->wait = WAIT_WFI;
        cpu_attention(cpu);
    }
}

static void wfe_ends_while_others_work(void **state)
{
    guest = first_in_wfe;
    run_until(10 * RUN_QUANTUM_NS);
    assert_in_range(cpus[0].icount, 9, 10); /* looked around once a round */
    assert_int_equal(cpus[2].icount, 1);
}

static void sleeps_in_wfe(struct cpu *cpu)
{
    cpu->wait = WAIT_WFE;
    cpu_attention(cpu);
}

static void cpus_in_wfe_do_not_keep_each_other_awake(void **state)
{
    guest = sleeps_in_wfe;
    run_until(10 * NS_PER_S);
    for (unsigned i = 0; i < CPUS; i++)
        assert_in_range(cpus[i].icount, 1, 2);
}

/* --- inputs ---------------------------------------------------------------------------------------- */

static char got[64];
static size_t got_length, room;
static uint64_t got_icount;
static bool listens;
static unsigned source;

static void deliver(void *device, const void *bytes, size_t length)
{
    assert_true(got_length + length < sizeof got);
    memcpy(got + got_length, bytes, length);
    got_length += length;
    got[got_length] = 0;
    got_icount = cpus[0].icount;
    wake[0] = true;
}

static size_t ready(void *device)
{
    return room > got_length ? room - got_length : 0;
}

static bool listening(void *device)
{
    return listens;
}

static void add_source(void)
{
    got_length = 0;
    got[0] = 0;
    room = sizeof got - 1;
    listens = true;
    source = input_register(
        loop.inputs,
        &(struct input_source){
            .name = "test", .deliver = deliver, .ready = ready, .listening = listening, .divisible = true});
}

static void posts_at_5000(struct cpu *cpu)
{
    if (cpu->icount == 5000)
        assert_true(input_post(loop.inputs, source, "now", 3));
}

static void an_immediate_answer_arrives_after_the_instruction(void **state)
{
    add_source();
    guest = posts_at_5000;
    run_until(20000);
    assert_string_equal(got, "now");
    assert_int_equal(got_icount, 5001);
    assert_int_equal(cpus[0].icount, 20000);
}

static void input_waits_until_the_device_is_ready(void **state)
{
    add_source();
    room = 2;
    input_post(loop.inputs, source, "abcde", 5);
    run_until(1000);
    assert_string_equal(got, "ab");
    room = 4;
    run_until(2000);
    assert_string_equal(got, "abcd");
    room = 60;
    run_until(3000);
    assert_string_equal(got, "abcde");
}

static void piped_input_waits_until_the_guest_listens(void **state)
{
    add_source();
    listens = false;
    input_await_listener(loop.inputs, source);
    input_post(loop.inputs, source, "abcde", 5);
    run_until(1000);
    assert_string_equal(got, "");
    listens = true;
    run_until(2000);
    assert_string_equal(got, "abcde");
    assert_int_equal(got_icount, 1000);
}

static void sleeps_after_each_wake(struct cpu *cpu)
{
    if (cpu->icount % 1000 == 999) {
        wake[0] = false;
        cpu->wait = WAIT_WFI;
        cpu_attention(cpu);
    }
}

static void a_script_arrives_by_lines_when_the_machine_is_idle(void **state)
{
    static const char script[] = "one\ntwo\nend";
    add_source();
    input_script(loop.inputs, source);
    guest = sleeps_after_each_wake;
    /* In pieces that are no lines, and before the guest runs at all. */
    for (size_t i = 0; i < sizeof script - 1; i += 3)
        input_post(loop.inputs, source, script + i, sizeof script - 1 - i < 3 ? sizeof script - 1 - i : 3);
    run_until(RUN_QUIET_NS - 1); /* idle, but not for long enough */
    assert_string_equal(got, "");
    run_until(RUN_QUIET_NS + 500);
    assert_string_equal(got, "one\n");
    assert_int_equal(got_icount, 1000);
    run_until(2 * RUN_QUIET_NS + 500);
    assert_string_equal(got, "one\ntwo\n");
    assert_int_equal(got_icount, 2000);
    input_script_end(loop.inputs, source);
    run_until(100 * NS_PER_S);
    assert_string_equal(got, "one\ntwo\nend");
    assert_int_equal(got_icount, 3000);
}

static void wake_often(void *owner)
{
    wake[0] = true;
    clock_schedule(&machine_clock, &watch_event, machine_clock.now_ns + RUN_QUIET_NS / 10);
}

/* Ten such pieces are more than a quiet guest runs. */
static void sleeps_now_and_then(struct cpu *cpu)
{
    if (cpu->icount % (RUN_QUIET_INSNS / 8) == 0) {
        wake[0] = false;
        cpu->wait = WAIT_WFI;
        cpu_attention(cpu);
    }
}

static void a_guest_that_is_never_quiet_gets_its_script_now_and_then(void **state)
{
    add_source();
    input_script(loop.inputs, source);
    input_post(loop.inputs, source, "one\ntwo\n", 8);
    input_script_end(loop.inputs, source);
    guest = sleeps_now_and_then;
    event_init(&watch_event, wake_often, NULL);
    clock_schedule(&machine_clock, &watch_event, 1);
    run_until(RUN_UNQUIET_NS - 1);
    assert_string_equal(got, "");
    run_until(RUN_UNQUIET_NS + RUN_QUIET_NS);
    assert_string_equal(got, "one\n");
}

static void a_script_is_held_back_from_a_guest_that_does_not_listen(void **state)
{
    add_source();
    listens = false;
    input_script(loop.inputs, source);
    input_post(loop.inputs, source, "line\n", 5);
    input_script_end(loop.inputs, source);
    guest = sleeps_after_each_wake;
    run_until(NS_PER_S);
    assert_string_equal(got, "");
    assert_int_equal(cpus[0].icount, 1000);
}

struct pipe_end {
    struct host_watch watch;
    unsigned reads;
};

static void read_pipe(void *backend, short revents)
{
    struct pipe_end *end = backend;
    char bytes[16];
    ssize_t length = read(end->watch.fd, bytes, sizeof bytes);
    assert_true(length > 0);
    end->reads++;
    fake_host_ns += 777; /* the time that it took */
    input_post(loop.inputs, source, bytes, (size_t)length);
}

static void reading_a_script_takes_no_guest_time(void **state)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct pipe_end end = {.watch = {.fd = fds[0], .events = 1 /* POLLIN */, .ready = read_pipe}};
    end.watch.backend = &end;
    add_source();
    input_script(loop.inputs, source);
    host_watch_add(loop.inputs, &end.watch);
    assert_int_equal(write(fds[1], "line\n", 5), 5);
    guest = sleeps_after_each_wake;
    loop.last_poll_host_ns = fake_host_ns; /* the machine is idle before it looks at the host by itself */
    run_until(RUN_QUIET_NS + 500);
    assert_int_equal(end.reads, 1);
    assert_string_equal(got, "line\n");
    assert_int_equal(cpus[0].icount,
                     1500); /* the line came exactly when the guest had been quiet for long enough */
    close(fds[0]);
    close(fds[1]);
}

static struct input_stamp observed;
static char observed_bytes[16];

static void observe(void *context, unsigned from, struct input_stamp stamp, const void *bytes, size_t length)
{
    assert_int_equal(from, source);
    observed = stamp;
    memcpy(observed_bytes, bytes, length);
}

static void every_input_is_observed_with_its_stamp(void **state)
{
    add_source();
    inputs_observe(loop.inputs, observe, NULL);
    guest = posts_at_5000;
    run_until(20000);
    assert_int_equal(observed.ns, 5001);
    assert_int_equal(observed.insns, 5001);
    assert_memory_equal(observed_bytes, "now", 3);
}

/* --- the governor ---------------------------------------------------------------------------------- */

static void paced_time_follows_the_host(void **state)
{
    /* 2 ns of host time an instruction: at 1 ns an instruction the guest would fall behind by half. */
    run_until(NS_PER_S / 4);
    double host_ns = (double)(fake_host_ns - 1000);
    assert_true(host_ns > 0.9 * NS_PER_S / 4 && host_ns < 1.1 * NS_PER_S / 4);
    assert_in_range(cpus[0].ns_per_insn_q8, 400, 640);
}

static void an_unpaced_rate_never_changes(void **state)
{
    run_until(NS_PER_S / 20);
    assert_int_equal(cpus[0].ns_per_insn_q8, GOVERNOR_RATE_DEFAULT_Q8);
    assert_int_equal(cpus[0].icount, NS_PER_S / 20);
}

int main(void)
{
#define TEST(name, set_up) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_event_happens_at_its_instruction, set_up_one),
        TEST(an_event_scheduled_in_a_turn_happens_at_its_instruction, set_up_one),
        TEST(an_event_that_is_due_happens_after_the_instruction, set_up_one),
        TEST(another_rate_keeps_events_exact, set_up_one),
        TEST(cpus_take_turns_of_one_quantum_in_order, set_up_three),
        TEST(an_event_ends_the_round_for_the_later_cpus, set_up_three),
        TEST(a_yield_gives_up_the_rest_of_the_turn, set_up_three),
        TEST(attention_loses_no_time, set_up_one),
        TEST(idle_time_is_skipped, set_up_one),
        TEST(sleeping_cpus_keep_up_with_time, set_up_three),
        TEST(wfe_ends_while_others_work, set_up_three),
        TEST(cpus_in_wfe_do_not_keep_each_other_awake, set_up_three),
        TEST(an_immediate_answer_arrives_after_the_instruction, set_up_one),
        TEST(input_waits_until_the_device_is_ready, set_up_one),
        TEST(piped_input_waits_until_the_guest_listens, set_up_one),
        TEST(a_script_arrives_by_lines_when_the_machine_is_idle, set_up_one),
        TEST(a_guest_that_is_never_quiet_gets_its_script_now_and_then, set_up_one),
        TEST(a_script_is_held_back_from_a_guest_that_does_not_listen, set_up_one),
        TEST(reading_a_script_takes_no_guest_time, set_up_one),
        TEST(every_input_is_observed_with_its_stamp, set_up_one),
        TEST(paced_time_follows_the_host, set_up_paced),
        TEST(an_unpaced_rate_never_changes, set_up_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
