/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The run loop of --parallel: each CPU on a host thread of its own, the machine on the thread that calls.
 *
 * A CPU's thread runs its engine, and between two stays in it rests where the CPU waits. All else happens under the
 * machine lock (isa/arm64/threads.h): device accesses on the thread of the CPU that makes them, events and inputs on
 * the machine's thread, which sleeps in between. Virtual time is the host's, so nothing here is repeatable.
 *
 *     machine   sleeps ---- timer due: lock, GIC raises CPU 1's wire, unlock ---- sleeps ----
 *     CPU 0     native code -------------------- store to a disk's register: lock, unlock ----
 *     CPU 1     WFI, sleeps ------------------------ woken, its engine runs, interrupt --------
 */
#ifndef ARMATURE_RUN_PARALLEL_H
#define ARMATURE_RUN_PARALLEL_H

#include "machine/run.h"

struct run_parallel;

/** Makes `loop`, which run_loop_init() has wired, one of parallel CPUs. False: the host gives no memory. */
bool run_parallel_init(struct run_loop *loop, struct error *error);
void run_parallel_free(struct run_loop *loop);

/** A page of RAM with flags is about to be written, with the machine lock taken: the engine forgets what it made of it
 *  before a CPU goes on to another block after it has seen that. */
void run_parallel_page_written(struct run_loop *loop, uint64_t page_address);

/** What can be read of the ROM has changed, with the machine lock taken: all that is known of it is forgotten. */
void run_parallel_rom_changed(struct run_loop *loop);

#endif
