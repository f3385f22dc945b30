/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A program's run in a log (snapshot/log.h): what its calls gave and wrote, the signals that reached it, each at its
 * instruction, and what was random at its start. A replay makes no call of the host's but for memory: it has the
 * results, the signals and the host's time from the log, so it needs neither files, but for the program and its
 * interpreter, nor the network, nor other processes.
 *
 * An entry is a log's input, with one of these sources for its number. What a call writes comes before its result, the
 * calls of a child of vfork() before that of its parent. What its program becomes by execve() has a log of its own, by
 * the next name.
 *
 * Threads take turns (trail_turns.c): one of them runs, or makes a call, and gives the turn away where it has had its
 * number of instructions, yields, or makes a call that may wait; whose turn comes then is in the log. So they never
 * touch memory at the same time, and a replay lets each go on where it did. Stamps count the instructions of all.
 *
 *     thread 0: runs to 5000, futex(WAIT) .................... RESULT, runs on
 *     thread 1:               TURN 1 at 5000, runs to 9000, exit
 *     thread 0:                                              TURN 0 at 9000
 *
 * Where the program has memory that other processes write, the log ends, with a reason. */
#ifndef ARMATURE_TRAIL_H
#define ARMATURE_TRAIL_H

#include "hostcall/process.h"

enum trail_source {
    TRAIL_START,  /* value: stack pointer; bytes: struct trail_start */
    TRAIL_MEMORY, /* value: address; bytes: what the host wrote there */
    TRAIL_RESULT, /* value: the result; bytes: the call's number, 4 bytes */
    TRAIL_SIGNAL, /* value: whether it came while a call was made; bytes: siginfo_t */
    TRAIL_TIME,   /* value: nothing; the stamp has the host's time */
    TRAIL_SHOWN,  /* value: 1 or 2: the call that comes writes to this standard output */
    TRAIL_BECOME, /* value: 1: another program of the guest's, 0: one of the host's; if execve() does not fail */
    TRAIL_STOP,   /* bytes: why no more is recorded */
    TRAIL_END,    /* value: the exit status, or 256 + the signal that ended it */
    TRAIL_TURN,   /* value: the index of the CPU of the thread whose turn begins; its stamp: where the last one ended */
    TRAIL_SOURCES
};

/** What is not the same in each start. */
struct trail_start {
    uint64_t stack_lowest, mask, ignored; /* ignored: bits of signals */
    uint64_t seeds[PROCESS_SEEDS];
};

struct trail;

/** Begins a log of the program that was loaded and has not run. */
bool trail_create(const char *path, const struct trail_start *start, struct error *error);

/** Opens a log, and says in `options` what is to be run. */
bool trail_open(const char *path, struct process_options *options, struct error *error);

/** Of a replay: what it starts with; fills the stack, which is mapped. */
const struct trail_start *trail_start(void);
uint64_t trail_fill_stack(void);

/** Notes a file that the program is made of; in a replay, whether it is what it was. */
bool trail_file(const char *what, const char *path, struct error *error);

static inline bool trail_records(void)
{
    return process.trail && !process.replays;
}

static inline bool trail_replays(void)
{
    return process.trail && process.replays;
}

/** A call, in place of call_do(). */
int64_t trail_call(struct thread *thread, uint64_t number, const uint64_t *args);

/** Around a run of the engine: waits until it is the thread's turn; says how far it may go; does what is due before it,
 * and where it ended. */
void trail_await_turn(struct thread *thread);
uint64_t trail_limit(const struct thread *thread);
void trail_before_run(struct thread *thread);
void trail_after_run(struct thread *thread);

/** Whether a signal is to be delivered now, which is noted; `in_call`: behind a call, else before the engine runs. */
bool trail_signal(struct thread *thread, bool in_call);

/** Around a call of the host's that may wait. */
void trail_let_others(struct thread *thread);
void trail_back_from_others(struct thread *thread);

/** Locks with inherited priority, while it is recorded: whether futex() with `operation` is about such; the call;
 * whether another one of futex() must not be made, as somebody waits for such a lock at its address. */
bool trail_lock_is(uint64_t operation);
int64_t trail_lock_call(struct thread *thread, const uint64_t *args);
bool trail_lock_refuses(const uint64_t *args);

/** Those that a thread owns which has come to its end go to who waits for them. */
void trail_locks_left(const struct thread *thread);

/** Who waits goes on with the host's kernel: nothing is recorded any more. */
void trail_locks_over(void);

/** A thread was made, and has not run. */
void trail_thread_begins(struct thread *thread, struct thread *child);

/** One has ended, in its turn, by its CPU's index. `status`: of its exit(). */
void trail_thread_ended(unsigned index, bool is_main, int status);

/** A handler has written to the guest. */
void trail_wrote(uint64_t address, const void *bytes, size_t count);

/** The program is about to become another; in a replay, whether it did. */
void trail_become(bool guest);
bool trail_became(struct thread *thread);

/** The next log's name. */
bool trail_next_name(char *name, size_t room);

/** No more is recorded, for a reason that is a sentence's end: "it has memory that others may write". */
void trail_stop(const char *why);

/** In a child: it is not recorded. */
void trail_forget(void);

/** Behind the child of a vfork(), whose calls were recorded within its parent's: the turn is the parent's again. */
void trail_leave_child(struct thread *thread);

/** The end. */
void trail_end(uint64_t status);

/** The log's descriptor, which the guest cannot close; -1: there is none. */
int trail_descriptor(void);

#endif
