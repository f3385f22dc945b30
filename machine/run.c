/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The run loop. run.h says how time is dealt out. */
#include "machine/run.h"
#include <assert.h>
#include <string.h>
#include <time.h>

/* A CPU that retired fewer in a round only looked around: it does not wake others from WFE. */
#define STIR_INSNS 64u

static const struct field round_list[] = {
    FIELD(struct run_round, under_way), FIELD(struct run_round, in_turn),      FIELD(struct run_round, stirred),
    FIELD(struct run_round, cpu),       FIELD(struct run_round, before_insns), FIELDS_END,
};
static const struct fields round_fields = {"run_round", sizeof(struct run_round), round_list};

static const struct field run_loop_list[] = {
    FIELD_HOST(struct run_loop, cpus),
    FIELD_HOST(struct run_loop, cpu_count),
    FIELD_HOST(struct run_loop, clock),
    FIELD_HOST(struct run_loop, inputs),
    FIELD_HOST(struct run_loop, engine_ops),
    FIELD_HOST(struct run_loop, engine),
    FIELD(struct run_loop, governor.rate_q8),
    FIELD_HOST(struct run_loop, governor),
    FIELD(struct run_loop, now_ns),
    FIELD(struct run_loop, end_ns),
    FIELD_STRUCT(struct run_loop, round, &round_fields),
    FIELD_HOST(struct run_loop, tape),
    FIELD_HOST(struct run_loop, current),
    FIELD(struct run_loop, fires),
    FIELD(struct run_loop, stirred),
    FIELD_HOST(struct run_loop, mark_insns),
    FIELD_HOST(struct run_loop, on_mark),
    FIELD_HOST(struct run_loop, on_mark_context),
    FIELD_HOST(struct run_loop, pause),
    FIELD_HOST(struct run_loop, on_pause),
    FIELD_HOST(struct run_loop, halt),
    FIELD_HOST(struct run_loop, halted),
    FIELD_HOST(struct run_loop, halt_at_insns),
    FIELD_HOST(struct run_loop, halt_at_ns),
    FIELD_HOST(struct run_loop, halt_cpu),
    FIELD_HOST(struct run_loop, halt_cpu_insns),
    FIELD_HOST(struct run_loop, stop),
    FIELD_HOST(struct run_loop, wrong),
    FIELD_HOST(struct run_loop, last_poll_host_ns),
    FIELD_HOST(struct run_loop, limit),
    FIELD(struct run_loop, quiet_ns),
    FIELD(struct run_loop, quiet_insns),
    FIELD(struct run_loop, line_ns),
    FIELD_HOST(struct run_loop, script_quiet_ns),
    FIELD_HOST(struct run_loop, script_quiet_insns),
    FIELD_HOST(struct run_loop, parallel),
    FIELD_HOST(struct run_loop, run_parallel),
    FIELD_HOST(struct run_loop, stop_parallel),
    FIELDS_END,
};
const struct fields run_loop_fields = {"run_loop", sizeof(struct run_loop), run_loop_list};

/* --- the time of a CPU ----------------------------------------------------------------------------- */

static uint64_t cpu_time_ns(const struct cpu *cpu)
{
    return cpu_ns_at(cpu, cpu->icount);
}

/* Makes the CPU's time `ns` without an instruction being run. */
static void cpu_move_to(struct cpu *cpu, uint64_t ns)
{
    cpu->turn_ns = ns;
    cpu->turn_icount = cpu->icount;
}

/* The CPU's instruction count at the first instruction that starts at or after `ns`. */
static uint64_t cpu_icount_at(const struct cpu *cpu, uint64_t ns)
{
    if (ns <= cpu->turn_ns)
        return cpu->turn_icount;
    unsigned __int128 q8 = (unsigned __int128)(ns - cpu->turn_ns) << 8;
    return cpu->turn_icount + (uint64_t)((q8 + cpu->ns_per_insn_q8 - 1) / cpu->ns_per_insn_q8);
}

/* Moves the machine's time without a CPU running. */
static void skip_to(struct run_loop *loop, uint64_t ns)
{
    loop->now_ns = loop->clock->now_ns = ns;
    for (unsigned i = 0; i < loop->cpu_count; i++)
        if (cpu_time_ns(loop->cpus[i]) < ns)
            cpu_move_to(loop->cpus[i], ns);
}

uint64_t run_loop_insns(const struct run_loop *loop)
{
    uint64_t insns = 0;
    for (unsigned i = 0; i < loop->cpu_count; i++)
        insns += loop->cpus[i]->icount;
    return insns;
}

/* An event became the earliest. Also called between turns, where the end is computed anew anyway. */
static void on_earlier(void *context, uint64_t when_ns)
{
    struct run_loop *loop = context;
    if (when_ns >= loop->end_ns)
        return;
    loop->end_ns = when_ns;
    if (loop->current) {
        uint64_t limit = cpu_icount_at(loop->current, when_ns);
        if (limit < loop->current->limit)
            loop->current->limit = limit;
    }
}

/* --- inputs ---------------------------------------------------------------------------------------- */

struct input_stamp run_loop_stamp(const struct run_loop *loop)
{
    return (struct input_stamp){.ns = loop->clock->now_ns, .insns = run_loop_insns(loop), .fires = loop->fires};
}

static void take_inputs(struct run_loop *loop)
{
    if (tape_replays(loop->tape)) {
        if (loop->tape->feed(loop->tape->context, run_loop_stamp(loop)))
            loop->stirred = true;
    } else if (inputs_queued(loop->inputs) && inputs_deliver(loop->inputs, run_loop_stamp(loop))) {
        loop->stirred = true;
    }
}

/* Where the log has its next input. False: this is no replay, or there is none. */
static bool next_on_tape(const struct run_loop *loop, struct input_stamp *at)
{
    return tape_replays(loop->tape) && loop->tape->next(loop->tape->context, at);
}

/* Whether bytes of a log are a decision that the governor could have made now. */
static bool valid_decision(void *device, const void *bytes, size_t length)
{
    const struct run_loop *loop = device;
    struct governor_decision decision;
    if (length != sizeof decision)
        return false;
    memcpy(&decision, bytes, sizeof decision);
    bool advances = decision.advance_to_ns >= loop->now_ns && decision.advance_to_ns <= INT64_MAX &&
                    decision.advance_to_ns <= clock_next_ns(loop->clock);
    bool paces = decision.rate_q8 >= GOVERNOR_RATE_MIN_Q8 && decision.rate_q8 <= GOVERNOR_RATE_MAX_Q8;
    return (!decision.advance_to_ns || advances) && (!decision.rate_q8 || paces);
}

/* The source "clock": a decision of the governor takes effect. */
static void deliver_decision(void *device, const void *bytes, size_t length)
{
    struct run_loop *loop = device;
    struct governor_decision decision;
    assert(length == sizeof decision);
    memcpy(&decision, bytes, sizeof decision);
    if (decision.advance_to_ns)
        skip_to(loop, decision.advance_to_ns);
    for (unsigned i = 0; decision.rate_q8 && i < loop->cpu_count; i++) {
        cpu_move_to(loop->cpus[i], cpu_time_ns(loop->cpus[i]));
        loop->cpus[i]->ns_per_insn_q8 = (uint32_t)decision.rate_q8;
    }
}

static void decide(struct run_loop *loop, struct governor_decision decision)
{
    input_post(loop->inputs, loop->governor.source, &decision, sizeof decision);
    take_inputs(loop);
}

/* --- turns ----------------------------------------------------------------------------------------- */

/* Whether the CPU does not sleep, or ends its sleep now. */
static bool cpu_runnable(struct cpu *cpu, bool stirred)
{
    if (cpu->wait == WAIT_NONE)
        return true;
    if (cpu->wait == WAIT_POWERED_OFF)
        return false;
    /* WFE may end for no reason (Arm ARM D1.6.1). It does whenever something happened on another CPU or in a
     * device, because that may be what it waits for: not every write to watched memory is seen. */
    if (!cpu_wake_ready(cpu) && !(cpu->wait == WAIT_WFE && stirred))
        return false;
    if (cpu->wait == WAIT_WFE)
        cpu->event_register = 0;
    cpu->wait = WAIT_NONE;
    return true;
}

/* What comes between two runs of the engine. Returns whether the CPU gives up the rest of its turn. */
static bool between_runs(struct run_loop *loop, struct cpu *cpu)
{
    take_inputs(loop); /* what a device got as an immediate answer */
    bool yields = cpu->yield_requested;
    cpu->yield_requested = false;
    return yields && loop->cpu_count > 1;
}

static void pause_if_asked(struct run_loop *loop)
{
    if (!__atomic_load_n(&loop->pause, __ATOMIC_RELAXED))
        return;
    __atomic_store_n(&loop->pause, false, __ATOMIC_RELAXED);
    loop->on_pause(loop->on_mark_context);
}

/* `limit`, or before it what the CPU may still run until the loop is to halt. */
static uint64_t limit_of_halt(const struct run_loop *loop, const struct cpu *cpu, uint64_t limit)
{
    if (loop->halt_at_insns != UINT64_MAX) {
        uint64_t left = loop->halt_at_insns - run_loop_insns(loop);
        limit = left < limit - cpu->icount ? cpu->icount + left : limit;
    }
    return cpu == loop->halt_cpu && loop->halt_cpu_insns < limit ? loop->halt_cpu_insns : limit;
}

/* Runs the engine until `limit` or the mark, and looks who waits for that. */
static void run_engine(struct run_loop *loop, struct cpu *cpu, uint64_t limit)
{
    limit = limit_of_halt(loop, cpu, limit);
    const bool marked = cpu == loop->cpus[0] && loop->mark_insns <= limit;
    cpu->limit = marked ? loop->mark_insns : limit;
    loop->current = cpu;
    if (loop->halt)
        cpu_attention(cpu); /* it came before there was a current one */
    if (loop->engine_ops->run(loop->engine, cpu) == ENGINE_EXIT_WRONG)
        loop->wrong = loop->stop = true;
    loop->current = NULL;
    loop->clock->now_ns = cpu_time_ns(cpu);
    loop->round.in_turn = true;
    if (marked && cpu->icount == loop->mark_insns)
        loop->on_mark(loop->on_mark_context);
    pause_if_asked(loop);
    if ((loop->halt_at_insns != UINT64_MAX && run_loop_insns(loop) >= loop->halt_at_insns) ||
        (cpu == loop->halt_cpu && cpu->icount >= loop->halt_cpu_insns))
        loop->halt = true;
}

/* Where the engine stops: at `limit`, or where the log has its next entry. */
static uint64_t turn_limit(const struct run_loop *loop, const struct cpu *cpu, uint64_t limit)
{
    struct input_stamp next;
    uint64_t insns = run_loop_insns(loop);
    if (next_on_tape(loop, &next) && next.insns > insns && next.insns - insns < limit - cpu->icount)
        return cpu->icount + (next.insns - insns);
    return limit;
}

/* Runs a CPU to the round's end, or until it sleeps or gives up the rest. */
static void run_turn(struct run_loop *loop, struct cpu *cpu)
{
    bool stirred = loop->round.stirred && !loop->round.in_turn; /* WFE ends once for that */
    bool yields = loop->round.in_turn && between_runs(loop, cpu);
    while (!yields && !loop->stop && cpu_runnable(cpu, stirred)) {
        if (loop->halt)
            return;
        stirred = false;
        loop->clock->now_ns = cpu_time_ns(cpu);
        cpu_turn_begins(cpu);
        uint64_t limit = cpu_icount_at(cpu, loop->end_ns);
        if (cpu->icount >= limit)
            return;
        run_engine(loop, cpu, turn_limit(loop, cpu, limit));
        if (loop->halt)
            return;
        yields = between_runs(loop, cpu);
    }
    /* A CPU by itself stays where it is: how time goes on when it sleeps is for run_idle() to say. */
    if (loop->cpu_count > 1 && !loop->stop && cpu_time_ns(cpu) < loop->end_ns)
        cpu_move_to(cpu, loop->end_ns);
}

static void begin_round(struct run_loop *loop)
{
    uint64_t next_ns = clock_next_ns(loop->clock);
    /* The grid is fixed, so that where a CPU by itself stops depends on the guest alone. */
    loop->end_ns = loop->cpu_count > 1 ? loop->now_ns + RUN_QUANTUM_NS
                                       : (loop->now_ns / RUN_ALONE_NS + 1) * RUN_ALONE_NS;
    if (next_ns < loop->end_ns)
        loop->end_ns = next_ns;
    loop->round = (struct run_round){.under_way = true, .stirred = loop->stirred};
    loop->stirred = false;
}

/* Runs a round, or the rest of one that was under way when the machine was saved. */
static void run_round(struct run_loop *loop)
{
    struct run_round *round = &loop->round;
    if (!round->under_way)
        begin_round(loop);
    for (; round->cpu < loop->cpu_count && !loop->stop; round->cpu++) {
        struct cpu *cpu = loop->cpus[round->cpu];
        if (!round->in_turn)
            round->before_insns = cpu->icount;
        run_turn(loop, cpu);
        if (loop->halt && !loop->stop)
            return;
        round->in_turn = false;
        if (loop->cpu_count > 1 && cpu->icount - round->before_insns >= STIR_INSNS)
            loop->stirred = true;
    }
    round->under_way = false;
    loop->now_ns = loop->cpu_count > 1 ? loop->end_ns : cpu_time_ns(loop->cpus[0]);
}

/* --- idle ------------------------------------------------------------------------------------------ */

static bool all_sleep(const struct run_loop *loop)
{
    for (unsigned i = 0; i < loop->cpu_count; i++)
        if (cpu_runnable(loop->cpus[i], loop->stirred))
            return false;
    return true;
}

/* Lets idle time pass with the host's, up to the next event or until something comes in. `target_ns` is what
 * the host's clock shows now as virtual time. */
static void wait_for_host(struct run_loop *loop, uint64_t target_ns, uint64_t next_ns)
{
    bool script = !loop->governor.paced && inputs_script_awaited(loop->inputs);
    uint64_t before_host_ns = loop->governor.host_ns();
    uint64_t wait_ns = next_ns == CLOCK_NEVER ? UINT64_MAX : next_ns - target_ns;
    if (loop->tape)
        loop->tape->before_wait(loop->tape->context, wait_ns);
    bool posted = inputs_poll(loop->inputs, wait_ns);
    loop->last_poll_host_ns = loop->governor.host_ns();
    if (script && (posted || !inputs_script_awaited(loop->inputs)))
        return; /* how long the host took to read it is no time for the guest */
    uint64_t reached_ns = target_ns + (loop->last_poll_host_ns - before_host_ns);
    if (reached_ns >= next_ns)
        skip_to(loop, next_ns);
    else if (reached_ns > loop->now_ns)
        decide(loop, (struct governor_decision){.advance_to_ns = reached_ns});
}

bool run_scripts(struct run_loop *loop, struct input_stamp now, uint64_t *due_ns)
{
    if (now.insns - loop->quiet_insns > loop->script_quiet_insns) {
        loop->quiet_insns = now.insns;
        loop->quiet_ns = now.ns;
    }
    uint64_t quiet_at_ns = loop->quiet_ns + loop->script_quiet_ns, unquiet_at_ns = loop->line_ns + RUN_UNQUIET_NS;
    *due_ns = quiet_at_ns < unquiet_at_ns ? quiet_at_ns : unquiet_at_ns;
    if (now.ns < *due_ns)
        return false;
    *due_ns = CLOCK_NEVER;
    if (!inputs_deliver_line(loop->inputs, now))
        return false;
    loop->stirred = true;
    loop->quiet_ns = loop->line_ns = now.ns;
    return true;
}

/* Lets idle time pass as the log says: to its next input, or to the next event. */
static void replay_idle(struct run_loop *loop, uint64_t next_ns)
{
    struct input_stamp next;
    if (next_on_tape(loop, &next) && next.insns == run_loop_insns(loop) && next.ns > loop->now_ns && next.ns < next_ns)
        next_ns = next.ns;
    if (next_ns == CLOCK_NEVER)
        loop->tape->stuck(loop->tape->context);
    else
        skip_to(loop, next_ns);
}

/* A guest that waits for a line by asking for it again and again gets it where a round ends; time stands still until
 * the host has it. */
static void serve_polling(struct run_loop *loop)
{
    if (loop->governor.paced || !inputs_script_polled(loop->inputs))
        return;
    while (!loop->stop && !inputs_deliver_line(loop->inputs, run_loop_stamp(loop)) &&
           inputs_script_awaited(loop->inputs))
        inputs_poll(loop->inputs, UINT64_MAX);
    loop->quiet_ns = loop->line_ns = loop->now_ns;
}

static void run_idle(struct run_loop *loop)
{
    uint64_t next_ns = clock_next_ns(loop->clock);
    if (next_ns <= loop->now_ns)
        return; /* an event that is due; the caller fires it */
    if (tape_replays(loop->tape)) {
        replay_idle(loop, next_ns);
        return;
    }
    uint64_t script_ns = CLOCK_NEVER;
    if (inputs_scripted(loop->inputs) && run_scripts(loop, run_loop_stamp(loop), &script_ns))
        return;
    if (script_ns < next_ns)
        next_ns = script_ns;
    bool awaited = script_ns == CLOCK_NEVER && inputs_script_awaited(loop->inputs);
    if (loop->governor.paced) {
        uint64_t target_ns = governor_target_ns(&loop->governor);
        if (target_ns < next_ns)
            wait_for_host(loop, target_ns, next_ns);
        else
            skip_to(loop, next_ns); /* the CPUs were slower than the host's time; sleeping makes it good */
    } else if (next_ns == CLOCK_NEVER || awaited || inputs_busy(loop->inputs)) {
        wait_for_host(loop, loop->now_ns, next_ns);
    } else {
        skip_to(loop, next_ns);
    }
}

/* --- the loop -------------------------------------------------------------------------------------- */

static uint64_t used_ns(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * NS_PER_S + (uint64_t)used.tv_nsec;
}

/* Sleeps where the program had more than its part of a processor. Too much is remembered, too little is not. */
static void keep_limit(struct run_loop *loop)
{
    struct run_limit *limit = &loop->limit;
    uint64_t host_ns = loop->governor.host_ns(), now_used_ns = used_ns();
    uint64_t allowed_ns = (host_ns - limit->host_ns) * limit->percent / 100, had_ns = now_used_ns - limit->used_ns;
    if (had_ns > allowed_ns + RUN_LIMIT_SLACK_NS)
        inputs_poll(loop->inputs, (had_ns - allowed_ns) * 100 / limit->percent);
    if (host_ns - limit->host_ns > RUN_LIMIT_WINDOW_NS)
        *limit = (struct run_limit){limit->percent, host_ns,
                                    now_used_ns - (had_ns > allowed_ns ? had_ns - allowed_ns : 0)};
}

/* Looks at the host now and then, and sleeps where the CPUs got ahead of it. */
static void look_at_host(struct run_loop *loop, uint64_t host_ns)
{
    if (host_ns - loop->last_poll_host_ns < RUN_HOST_POLL_NS)
        return;
    loop->last_poll_host_ns = host_ns;
    inputs_poll(loop->inputs, governor_ahead_ns(&loop->governor, loop->now_ns));
    if (loop->limit.percent)
        keep_limit(loop);
}

static void run_busy(struct run_loop *loop)
{
    uint64_t from_ns = loop->now_ns, from_host_ns = loop->governor.host_ns();
    run_round(loop);
    if (loop->halt)
        return; /* the round goes on later, and the clock stands where it does */
    uint64_t to_host_ns = loop->governor.host_ns();
    uint32_t rate_q8 = governor_ran(&loop->governor, from_ns, loop->now_ns, to_host_ns - from_host_ns);
    loop->clock->now_ns = loop->now_ns;
    if (rate_q8)
        decide(loop, (struct governor_decision){.rate_q8 = rate_q8});
    else if (tape_replays(loop->tape))
        take_inputs(loop); /* such a decision, before events that are due fire */
}

/* What comes in, and what is recorded or replayed, between two rounds. */
static void between_rounds(struct run_loop *loop)
{
    take_inputs(loop);
    if (!loop->stop && loop->tape && loop->tape->at_top(loop->tape->context))
        loop->stirred = true;
}

void run_loop_run(struct run_loop *loop)
{
    loop->halted = false;
    if (loop->parallel) {
        loop->run_parallel(loop);
        return;
    }
    loop->stop = false;
    governor_start(&loop->governor, loop->now_ns);
    while (!loop->stop) {
        pause_if_asked(loop);
        look_at_host(loop, loop->governor.host_ns());
        loop->halt |= !loop->round.under_way && loop->now_ns >= loop->halt_at_ns;
        if (loop->halt)
            break;
        if (!loop->round.under_way)
            between_rounds(loop);
        if (loop->stop)
            break;
        if (!loop->round.under_way && all_sleep(loop))
            run_idle(loop);
        else
            run_busy(loop);
        if (!loop->stop && !loop->round.under_way && inputs_scripted(loop->inputs))
            serve_polling(loop);
        if (!loop->stop && !loop->halt && clock_next_ns(loop->clock) <= loop->now_ns) {
            loop->clock->now_ns = loop->now_ns;
            clock_fire_due(loop->clock);
            loop->fires++;
            loop->stirred = true;
        }
    }
    for (unsigned i = 0; i < loop->cpu_count; i++) {
        loop->cpus[i]->stop_requested = false;
        if (loop->halt) /* the same state, whatever it was halted for; a turn that goes on sets it anew */
            loop->cpus[i]->limit = loop->cpus[i]->icount;
    }
    loop->halted = loop->halt;
    loop->halt = false;
}

void run_loop_stop(struct run_loop *loop)
{
    if (loop->parallel) {
        loop->stop_parallel(loop);
        return;
    }
    loop->stop = true;
    if (loop->current) {
        loop->current->stop_requested = true;
        cpu_attention(loop->current);
    }
}

void run_loop_halt(struct run_loop *loop)
{
    loop->halt = true;
    struct cpu *current = loop->current;
    if (current)
        cpu_attention(current);
    inputs_wake(loop->inputs);
}

void run_loop_pause(struct run_loop *loop)
{
    loop->pause = true;
    if (loop->current)
        cpu_attention(loop->current);
}

void run_loop_pause_later(struct run_loop *loop)
{
    __atomic_store_n(&loop->pause, true, __ATOMIC_RELAXED);
}

void run_loop_restored(struct run_loop *loop)
{
    if (loop->round.cpu >= loop->cpu_count)
        loop->round = (struct run_round){.under_way = false};
    if (loop->governor.rate_q8 < GOVERNOR_RATE_MIN_Q8 || loop->governor.rate_q8 > GOVERNOR_RATE_MAX_Q8)
        loop->governor.rate_q8 = GOVERNOR_RATE_DEFAULT_Q8;
}

static void on_posted(void *context)
{
    struct run_loop *loop = context;
    if (loop->current)
        cpu_attention(loop->current);
}

void run_loop_init(struct run_loop *loop, bool paced)
{
    loop->script_quiet_ns = RUN_QUIET_NS;
    loop->script_quiet_insns = RUN_QUIET_INSNS;
    loop->mark_insns = loop->halt_at_insns = UINT64_MAX;
    loop->halt_at_ns = CLOCK_NEVER;
    loop->clock->on_earlier = on_earlier;
    loop->clock->on_earlier_context = loop;
    inputs_on_posted(loop->inputs, on_posted, loop);
    governor_init(&loop->governor, paced && !tape_replays(loop->tape), NULL);
    loop->governor.source = input_register(
        loop->inputs, &(struct input_source){
                          .name = "clock", .deliver = deliver_decision, .valid = valid_decision, .device = loop});
    for (unsigned i = 0; i < loop->cpu_count; i++)
        loop->cpus[i]->ns_per_insn_q8 = GOVERNOR_RATE_DEFAULT_Q8;
}
