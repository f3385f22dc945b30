/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The run loop of parallel CPUs. run_parallel.h says who does what. */
#include "machine/run_parallel.h"
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include "isa/arm64/pmu.h"
#include "isa/arm64/threads.h"

#define PAGES_WRITTEN_MAX 64u  /* more at once, and the engine forgets everything */
#define TIMER_SLACK_NS    1000 /* by how much the host may be late to wake the machine's thread */

/* Events that come again and again with less between them are taken to go on. */
#define PERIOD_MAX_NS 20000000ull

/* A script's line waits for this much quiet: idle time is the user's here. */
#define QUIET_NS 300000000ull

/* WFE and YIELD wait for another CPU to do something soon: first by spinning, then by giving the host's processor
 * away. A CPU that does nothing but WFE for long sleeps a little each time. */
#define SPIN_PAUSES   32u
#define SPINS_A_YIELD 16u
#define SPINS_MAX     1000u
#define SPIN_INSNS    64u /* more since the last one: it has done something else */
#define NAP_NS        100000u

/* A CPU's thread. */
struct lane {
    struct run_loop *loop;
    struct cpu *cpu;
    pthread_t thread;
    bool asleep; /* under the machine lock */
    uint64_t insns; /* its count when its engine last came back, for others */
    unsigned spins;
    uint64_t spin_icount;
} __attribute__((aligned(64)));

struct run_parallel {
    struct threads *threads;
    bool stop;
    bool pages_wait; /* of `pages` */
    bool all_pages;
    bool rom_changed; /* TLBs hold what is not so any more */
    unsigned page_count;
    uint64_t pages[PAGES_WRITTEN_MAX]; /* written, and not settled yet */
    uint64_t sleeps_until_ns;          /* the machine's thread; 0: it is awake */
    uint64_t fired_ns;                 /* when the last event was due */
    struct lane lanes[];
};

static bool stopping(const struct run_parallel *parallel)
{
    return __atomic_load_n(&parallel->stop, __ATOMIC_SEQ_CST);
}

static uint64_t host_time(void *governor)
{
    return governor_target_ns(governor);
}

/* --- pages ----------------------------------------------------------------------------------------- */

void run_parallel_page_written(struct run_loop *loop, uint64_t page_address)
{
    struct run_parallel *parallel = loop->parallel;
    if (parallel->page_count && parallel->pages[parallel->page_count - 1] == page_address)
        return; /* its CPU will settle it before long */
    if (parallel->page_count < PAGES_WRITTEN_MAX)
        parallel->pages[parallel->page_count++] = page_address;
    else
        parallel->all_pages = true;
    __atomic_store_n(&parallel->pages_wait, true, __ATOMIC_SEQ_CST);
    threads_poke_all(parallel->threads);
}

void run_parallel_rom_changed(struct run_loop *loop)
{
    struct run_parallel *parallel = loop->parallel;
    parallel->all_pages = parallel->rom_changed = true;
    __atomic_store_n(&parallel->pages_wait, true, __ATOMIC_SEQ_CST);
    threads_poke_all(parallel->threads);
}

static void settle_pages(struct run_loop *loop)
{
    struct run_parallel *parallel = loop->parallel;
    if (!__atomic_load_n(&parallel->pages_wait, __ATOMIC_SEQ_CST))
        return;
    threads_quiet_begin(parallel->threads);
    for (unsigned i = 0; parallel->rom_changed && i < loop->cpu_count; i++)
        tlb_flush_inline(loop->cpus[i]);
    parallel->rom_changed = false;
    if (parallel->all_pages)
        loop->engine_ops->flush(loop->engine);
    else
        for (unsigned i = 0; i < parallel->page_count; i++)
            loop->engine_ops->page_written(loop->engine, parallel->pages[i]);
    parallel->page_count = 0;
    parallel->all_pages = false;
    __atomic_store_n(&parallel->pages_wait, false, __ATOMIC_SEQ_CST);
    threads_quiet_end(parallel->threads);
}

/* --- a CPU's thread -------------------------------------------------------------------------------- */

static void spin(struct lane *lane)
{
    if (lane->cpu->icount - lane->spin_icount > SPIN_INSNS)
        lane->spins = 0;
    lane->spin_icount = lane->cpu->icount;
    lane->spins++;
    for (unsigned i = 0; i < SPIN_PAUSES; i++)
        __builtin_ia32_pause();
    if (lane->spins % SPINS_A_YIELD == 0)
        sched_yield();
}

/* WFE, which may end for no reason (Arm ARM D1.6.1). */
static void wait_for_event(struct lane *lane)
{
    struct cpu *cpu = lane->cpu;
    spin(lane);
    if (lane->spins > SPINS_MAX) {
        threads_lock(cpu->threads);
        lane->asleep = true;
        if (!cpu_wake_ready(cpu) && !stopping(lane->loop->parallel))
            threads_sleep(cpu, NAP_NS);
        lane->asleep = false;
        threads_unlock(cpu->threads);
    }
    cpu_set_flag(&cpu->event_register, 0);
    cpu_set_flag(&cpu->wait, WAIT_NONE);
}

static void sleep_until_woken(struct lane *lane)
{
    struct cpu *cpu = lane->cpu;
    threads_lock(cpu->threads);
    lane->asleep = true;
    while (!stopping(lane->loop->parallel) && !cpu_wake_ready(cpu))
        threads_sleep(cpu, CLOCK_NEVER);
    lane->asleep = false;
    cpu_set_flag(&cpu->wait, cpu_wake_ready(cpu) ? WAIT_NONE : cpu->wait);
    threads_unlock(cpu->threads);
}

static void rest(struct lane *lane)
{
    struct cpu *cpu = lane->cpu;
    if (cpu->yield_requested) {
        cpu->yield_requested = false;
        spin(lane);
    }
    switch (cpu_flag(&cpu->wait)) {
    case WAIT_NONE: break;
    case WAIT_WFE: wait_for_event(lane); break;
    default: sleep_until_woken(lane); break;
    }
}

static void run_turn(struct lane *lane)
{
    struct run_loop *loop = lane->loop;
    struct cpu *cpu = lane->cpu;
    if (pmu_runs(cpu))
        cpu_turn_begins(cpu);
    threads_enter(cpu);
    enum engine_exit exit = loop->engine_ops->run(loop->engine, cpu);
    threads_leave(cpu);
    __atomic_store_n(&lane->insns, cpu->icount, __ATOMIC_RELAXED);
    if (exit == ENGINE_EXIT_FULL) {
        threads_quiet_begin(cpu->threads);
        loop->engine_ops->make_room(loop->engine);
        threads_quiet_end(cpu->threads);
    }
}

static void *cpu_main(void *argument)
{
    struct lane *lane = argument;
    for (;;) {
        /* Whoever wants attention says for what before, so it is seen here or ends the turn. */
        __atomic_store_n(&lane->cpu->limit, UINT64_MAX, __ATOMIC_SEQ_CST);
        if (stopping(lane->loop->parallel))
            return NULL;
        rest(lane);
        settle_pages(lane->loop);
        if (cpu_flag(&lane->cpu->wait) == WAIT_NONE)
            run_turn(lane);
    }
}

/* --- the machine's thread -------------------------------------------------------------------------- */

/* An event became the earliest. */
static void on_earlier(void *context, uint64_t when_ns)
{
    struct run_loop *loop = context;
    struct run_parallel *parallel = loop->parallel;
    if (when_ns >= parallel->sleeps_until_ns)
        return;
    parallel->sleeps_until_ns = when_ns;
    inputs_wake(loop->inputs);
}

static struct input_stamp stamp_now(const struct run_loop *loop, bool *all_sleep)
{
    struct input_stamp stamp = {.ns = loop->clock->now_ns};
    *all_sleep = true;
    for (unsigned i = 0; i < loop->cpu_count; i++) {
        stamp.insns += __atomic_load_n(&loop->parallel->lanes[i].insns, __ATOMIC_RELAXED);
        *all_sleep = *all_sleep && loop->parallel->lanes[i].asleep;
    }
    return stamp;
}

static void deliver(struct run_loop *loop)
{
    bool all_sleep;
    if (inputs_queued(loop->inputs))
        inputs_deliver(loop->inputs, stamp_now(loop, &all_sleep));
}

/* A device may be ready for more now. */
static void on_device_access(void *context)
{
    deliver(context);
}

/* Returns when to look again whether the guest waits for a line of a script. */
static uint64_t deliver_scripts(struct run_loop *loop)
{
    bool all_sleep;
    uint64_t due_ns;
    struct input_stamp now = stamp_now(loop, &all_sleep);
    if (!inputs_scripted(loop->inputs))
        return CLOCK_NEVER;
    if (!all_sleep)
        loop->quiet_ns = now.ns;
    return run_scripts(loop, now, &due_ns) ? now.ns : due_ns;
}

static void before_wait(void *context)
{
    struct run_loop *loop = context;
    threads_unlock(loop->parallel->threads);
}

static void after_wait(void *context)
{
    struct run_loop *loop = context;
    threads_lock(loop->parallel->threads);
    loop->parallel->sleeps_until_ns = 0;
}

/* Fires what is due. Returns when to look again although nothing may be scheduled for then: a CPU's timer that has just
 * fired will be set anew, most likely for then, and its thread need not wake this one for it. */
static uint64_t fire_due(struct run_loop *loop)
{
    struct run_parallel *parallel = loop->parallel;
    const uint64_t due_ns = clock_next_ns(loop->clock), period_ns = due_ns - parallel->fired_ns;
    if (due_ns > loop->clock->now_ns)
        return CLOCK_NEVER;
    clock_fire_due(loop->clock);
    parallel->fired_ns = due_ns;
    const bool soon = clock_next_ns(loop->clock) <= due_ns + PERIOD_MAX_NS;
    return period_ns && period_ns <= PERIOD_MAX_NS && !soon ? due_ns + period_ns : CLOCK_NEVER;
}

static void run_machine(struct run_loop *loop)
{
    uint64_t again_ns = fire_due(loop);
    deliver(loop);
    uint64_t script_ns = deliver_scripts(loop), next_ns = clock_next_ns(loop->clock);
    if (again_ns < next_ns)
        next_ns = again_ns;
    if (script_ns < next_ns)
        next_ns = script_ns;
    if (stopping(loop->parallel))
        return;
    uint64_t now_ns = clock_live_ns(loop->clock);
    loop->parallel->sleeps_until_ns = next_ns;
    inputs_poll(loop->inputs, next_ns == CLOCK_NEVER ? UINT64_MAX : next_ns > now_ns ? next_ns - now_ns : 0);
}

static bool start_lanes(struct run_loop *loop)
{
    for (unsigned i = 0; i < loop->cpu_count; i++) {
        struct lane *lane = &loop->parallel->lanes[i];
        lane->asleep = false;
        if (pthread_create(&lane->thread, NULL, cpu_main, lane) != 0)
            return false;
    }
    return true;
}

static void run(struct run_loop *loop)
{
    struct run_parallel *parallel = loop->parallel;
    governor_start(&loop->governor, loop->clock->now_ns);
    prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS);
    threads_lock(parallel->threads);
    parallel->stop = false;
    if (!start_lanes(loop))
        abort(); /* the host gives no threads: there is no machine */
    while (!stopping(parallel))
        run_machine(loop);
    threads_unlock(parallel->threads);
    for (unsigned i = 0; i < loop->cpu_count; i++)
        pthread_join(parallel->lanes[i].thread, NULL);
    for (unsigned i = 0; i < loop->cpu_count; i++)
        cpu_set_flag(&loop->cpus[i]->stop_requested, false);
    loop->now_ns = loop->clock->now_ns;
}

static void stop(struct run_loop *loop)
{
    struct run_parallel *parallel = loop->parallel;
    __atomic_store_n(&parallel->stop, true, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < loop->cpu_count; i++) {
        cpu_set_flag(&loop->cpus[i]->stop_requested, true);
        threads_wake(loop->cpus[i]);
    }
    threads_poke_all(parallel->threads);
    inputs_wake(loop->inputs);
}

/* --- life ------------------------------------------------------------------------------------------ */

bool run_parallel_init(struct run_loop *loop, struct error *error)
{
    size_t bytes = (sizeof(struct run_parallel) + loop->cpu_count * sizeof(struct lane) + 63) & ~63ul;
    struct run_parallel *parallel = aligned_alloc(64, bytes);
    if (!parallel)
        return error_set(error, "no memory on the host for %u parallel CPUs; free some or give fewer --cpus",
                         loop->cpu_count);
    memset(parallel, 0, bytes);
    parallel->threads = threads_create(loop->cpus, loop->cpu_count, loop->cpu_count, loop->clock, error);
    if (!parallel->threads) {
        free(parallel);
        return false;
    }
    for (unsigned i = 0; i < loop->cpu_count; i++) {
        parallel->lanes[i].loop = loop;
        parallel->lanes[i].cpu = loop->cpus[i];
    }
    loop->parallel = parallel;
    loop->run_parallel = run;
    loop->stop_parallel = stop;
    loop->script_quiet_ns = QUIET_NS;
    loop->clock->on_earlier = on_earlier;
    loop->clock->live_ns = host_time;
    loop->clock->live_context = &loop->governor;
    threads_on_device_access(parallel->threads, on_device_access, loop);
    inputs_around_wait(loop->inputs, before_wait, after_wait, loop);
    governor_start(&loop->governor, loop->clock->now_ns);
    return true;
}

void run_parallel_free(struct run_loop *loop)
{
    if (!loop->parallel)
        return;
    threads_free(loop->parallel->threads);
    free(loop->parallel);
    loop->parallel = NULL;
}
