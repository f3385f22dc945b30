/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an engine is: something that makes a CPU execute instructions. The run loop knows no more of it. */
#ifndef ARMATURE_ENGINE_H
#define ARMATURE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "machine/contract/error.h"

struct cpu;
struct bus;
struct engine;

/** Why engine_ops.run came back. */
enum engine_exit {
    ENGINE_EXIT_LIMIT,   /* cpu->icount reached cpu->limit: its turn is over, or something wants attention */
    ENGINE_EXIT_WAIT,    /* WFI or WFE, and nothing to wake for: the CPU sleeps */
    ENGINE_EXIT_REQUEST, /* cpu->stop_requested: the machine wants to stop (power-off, debugger) */
    ENGINE_EXIT_FULL,    /* a parallel CPU's: make_room() must be called while no CPU runs */
    ENGINE_EXIT_WRONG,   /* the engine found itself wrong, and has said so on standard error (lockstep) */
};

/** Around fork() of a process that runs as a guest (isa/arm64/user.h): before it, and behind it in either process. */
enum engine_fork { ENGINE_FORK_BEFORE, ENGINE_FORK_PARENT, ENGINE_FORK_CHILD };

/* Where CPUs are parallel (isa/arm64/threads.h), run() is called for several at once, each on a thread of its own, and
 * a CPU's limit is UINT64_MAX until something wants its attention: then it is 0, and run() comes back before the CPU's
 * next block. The other operations are called while no CPU runs. */

struct engine_ops {
    const char *name; /* as in --engine */
    struct engine *(*create)(struct bus *bus, unsigned cpu_count, struct error *error);
    void (*free)(struct engine *engine);
    /** Runs `cpu` until its icount reaches cpu->limit exactly, or one of the other exits. */
    enum engine_exit (*run)(struct engine *engine, struct cpu *cpu);
    /** The page of RAM at `page_address` is about to change: drop what was made from it. */
    void (*page_written)(struct engine *engine, uint64_t page_address);
    /** What is asked about the instruction at `physical` of RAM changed (isa/arm64/stops.h): drop what was made of it,
     *  and nothing else. Not for every engine. */
    void (*insn_asked)(struct engine *engine, uint64_t physical);
    /** Drop everything derived from memory (a restored snapshot). */
    void (*flush)(struct engine *engine);
    /** After ENGINE_EXIT_FULL. */
    void (*make_room)(struct engine *engine);
    /** Tells on `to` what it translated. NULL: it translates nothing. */
    void (*describe)(struct engine *engine, FILE *to);
    /** Not for every engine, as the next. Called while no CPU runs; only the forking thread lives on in the child. */
    void (*fork)(struct engine *engine, enum engine_fork when);
    /** In a signal handler: the code at *host_pc accessed memory of the process and the host refused. True: it is this
     *  engine's, and goes on at *host_pc, which will make a fault of the guest of it where it is one. */
    bool (*fault)(struct engine *engine, uintptr_t *host_pc);
};

#endif
