/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The run loop: gives CPUs their turns, moves virtual time, fires events, takes inputs in.
 *
 * Virtual time is cut into rounds. In a round each CPU that does not sleep runs, in the order of the CPUs,
 * from its own time to the round's end; the round ends after a quantum or at the next event, whichever comes
 * first. When a CPU schedules an event within the round, the round ends there for it and for those after it.
 * One CPU by itself stops at events only (and now and then to look at the host, which the guest cannot
 * notice).
 *
 *     quantum 20 us, 2 CPUs, event at 105 us:   CPU 0: 100-105   CPU 1: 100-105   event   CPU 0: 105-125 ...
 *
 * When all CPUs sleep, time moves to the next event at once, or (--clock paced, or while something is awaited
 * from the host) as fast as the host's. */
#ifndef ARMATURE_RUN_H
#define ARMATURE_RUN_H

#include "isa/arm64/cpu.h"
#include "machine/contract/engine.h"
#include "machine/governor.h"
#include "machine/inputs.h"
#include "machine/tape.h"

#define RUN_QUANTUM_NS   20000ull   /* of a CPU among several */
#define RUN_ALONE_NS     1000000ull /* of one CPU by itself: how often it looks at the host */
#define RUN_LIMIT_SLACK_NS 2000000ull /* so much more than its part the program may have for a moment */
#define RUN_LIMIT_WINDOW_NS NS_PER_S   /* parts that were not used are given up after that */
#define RUN_HOST_POLL_NS 1000000ull /* host time between looks at the host's descriptors */

/* A guest waits for input, as far as a script is concerned, when it has been quiet for a while: its CPUs
 * slept but for a few instructions. Then it gets a line. A guest that is never quiet gets one now and then
 * all the same. A system that starts up waits for its devices and services, and its login throws away what
 * came before the prompt, so the while is a long one; idle time costs the host nothing. */
#define RUN_QUIET_NS     1000000000ull
#define RUN_QUIET_INSNS  500000ull
#define RUN_SCREEN_INSNS 1500000ull /* the same with a screen: a cursor that blinks there takes 700,000 */
#define RUN_UNQUIET_NS   60000000000ull

/** A round that is under way, looked at between two runs of the engine. With it a machine that stands still in the
 *  middle of a round goes on as if it had not. */
struct run_round {
    bool under_way;
    bool in_turn;          /* the turn of CPU number `cpu` has begun, and its engine has run */
    bool stirred;          /* what happened before the round may matter to a CPU in WFE */
    uint32_t cpu;          /* whose turn it is, or is next */
    uint64_t before_insns; /* its instruction count when its turn began */
};

struct run_loop {
    struct cpu *const *cpus;
    unsigned cpu_count;
    struct clock *clock;
    struct inputs *inputs;
    const struct engine_ops *engine_ops;
    struct engine *engine;
    struct governor governor;
    const struct tape *tape; /* what records or replays the run; NULL: nothing. Set by the caller before */

    uint64_t now_ns;     /* the machine's time: where the next round begins */
    uint64_t end_ns;     /* where the present round ends; events may bring it forward */
    struct run_round round;
    struct cpu *current; /* whose turn it is; NULL between turns */
    uint64_t fires;      /* how often events fired */
    bool stirred;        /* something happened since the last round that may matter to a CPU in WFE */
    /* When CPU 0 has run this many instructions it stops there, and on_mark() is called (which sets the next mark). */
    uint64_t mark_insns; /* UINT64_MAX: never */
    void (*on_mark)(void *context);
    void *on_mark_context;
    /* Called once when run_loop_pause() was, between two instructions; the machine is whole then. */
    bool pause;
    void (*on_pause)(void *context);
    /* The debugger's: run_loop_run() returns between two instructions, and the next call goes on as if it had not. */
    volatile bool halt;     /* run_loop_halt() was called */
    bool halted;            /* run_loop_run() returned for that */
    uint64_t halt_at_insns; /* it does when all CPUs together have run that many; UINT64_MAX: never */
    uint64_t halt_at_ns;    /* and at that time, or soon behind it; CLOCK_NEVER: never */
    struct cpu *halt_cpu;   /* and when this one has run halt_cpu_insns; NULL: none */
    uint64_t halt_cpu_insns;
    bool stop;           /* run_loop_stop() was called */
    bool wrong;          /* ENGINE_EXIT_WRONG: it stopped for that */
    uint64_t last_poll_host_ns;
    struct run_limit {
        unsigned percent;          /* of a processor of the host, for all threads of the program; 0: no limit */
        uint64_t host_ns, used_ns; /* when its parts began to be counted, and what had been used */
    } limit;
    uint64_t quiet_ns, quiet_insns; /* since when the guest has been quiet, and its instructions then */
    uint64_t line_ns;               /* when it got the last line of a script */
    uint64_t script_quiet_ns;       /* how long a script waits for quiet, */
    uint64_t script_quiet_insns;    /* in which so many instructions are none; RUN_QUIET_INSNS unless set */
    /* Another way to run and to stop (run_parallel.h), and what it keeps; NULL: CPUs take turns. */
    struct run_parallel *parallel;
    void (*run_parallel)(struct run_loop *loop);
    void (*stop_parallel)(struct run_loop *loop);
};

extern const struct fields run_loop_fields; /* of struct run_loop */

/** After run_loop_fields were replaced: puts right what no run could have left. */
void run_loop_restored(struct run_loop *loop);
/** The present moment, as inputs that come in now are stamped. */
struct input_stamp run_loop_stamp(const struct run_loop *loop);

/** Wires the loop to the clock and the inputs, and registers the input source "clock". The members up to
 * `engine`, and the tape, are set by the caller before. */
void run_loop_init(struct run_loop *loop, bool paced);

/** Runs the machine until run_loop_stop() or run_loop_halt(). May be called again. */
void run_loop_run(struct run_loop *loop);

/** Hands out a line of a script if the guest waits for one, and returns whether it did. `*due_ns` receives
 * when to ask again; CLOCK_NEVER: the guest waits, and there is no line yet. For the loop itself. */
bool run_scripts(struct run_loop *loop, struct input_stamp now, uint64_t *due_ns);

/** Has on_pause() called (with on_mark_context) behind the instruction that is running. On the machine's thread only.
 */
void run_loop_pause(struct run_loop *loop);

/** Makes run_loop_run() return between two instructions, behind the one that is running or (from a hook of
 *  isa/arm64/stops.h) before it, with a round that may be under way: the machine is whole, and goes on by another
 *  run_loop_run(). On the machine's thread or in a signal handler. Not for parallel CPUs. */
void run_loop_halt(struct run_loop *loop);

/** Instructions retired by all CPUs. */
uint64_t run_loop_insns(const struct run_loop *loop);
/** From any thread: the same, the next time that the loop comes by. */
void run_loop_pause_later(struct run_loop *loop);

/** Makes run_loop_run() return after the instruction that is running. On the machine's thread only, or with the machine
 *  lock taken. */
void run_loop_stop(struct run_loop *loop);

#endif
