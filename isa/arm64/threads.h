/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CPUs that run at the same time, each on a host thread of its own: what they must agree on.
 *
 * What a CPU's own thread alone touches needs nothing: its registers, its TLB, its lookups. For the rest there are
 * three means, from the light one to the heavy one:
 *
 * Requests. A CPU asks others to drop entries of their TLBs; each does it between two blocks, at the latest when its
 * engine comes back, which attention (limit = 0) makes soon. TLBI asks, and DSB awaits:
 *
 *     CPU 0: tlbi vae1is   asks 1, 2, 3; their limits become 0     CPU 1 (native code): leaves at the next block,
 *            dsb ish       waits for 1, serving what 1 asks of it           serves, goes on
 *                                                                  CPU 2 sleeps: will serve before it runs
 *
 * The machine lock. Devices, the interrupt controller, timers, events, the engine's shared tables. Whoever takes it
 * finds the clock at the present time.
 *
 * Quiet. No CPU executes anything: each is outside of its engine. What running code relies on (decoded blocks, native
 * code) is thrown away only then. Never asked for while the machine lock is held: CPUs may need it to get out. */
#ifndef ARMATURE_THREADS_H
#define ARMATURE_THREADS_H

#include "isa/arm64/cpu.h"

/** What a CPU is asked to do to its TLB. */
enum cpu_request_kind { REQUEST_FLUSH_ALL, REQUEST_FLUSH_ASID, REQUEST_FLUSH_VA, REQUEST_DROP_WRITE_TAGS };

struct cpu_request {
    enum cpu_request_kind kind;
    uint32_t asid;
    uint64_t address; /* virtual, or of a page of RAM */
    bool of_el2;      /* translations of EL2's regime, not of EL1's */
};

struct threads;

/** Makes the CPUs parallel, and leaves room for `capacity` of them. NULL: the host gives no memory. */
struct threads *threads_create(struct cpu *const *cpus, unsigned cpu_count, unsigned capacity, struct clock *clock,
                               struct error *error);

/** One more, which does not run yet; its index is the next. One thread at a time. */
void threads_add(struct threads *threads, struct cpu *cpu);

/** In the child of fork(), which was called within a quiet: that is over, and no other thread is there. */
void threads_forked(struct threads *threads);

void threads_free(struct threads *threads);

/** Told, under the machine lock, whenever a CPU has accessed a device. NULL: nobody is. */
void threads_on_device_access(struct threads *threads, void (*accessed)(void *context), void *context);

/** The machine lock, which a thread may take several times. */
void threads_lock(struct threads *threads);
void threads_unlock(struct threads *threads);

/** The same for an instruction's function; nothing where CPUs take turns. No fault is raised in between. */
static inline void cpu_lock_machine(struct cpu *cpu)
{
    if (__builtin_expect(cpu->parallel, 0))
        threads_lock(cpu->threads);
}

static inline void cpu_unlock_machine(struct cpu *cpu)
{
    if (__builtin_expect(cpu->parallel, 0))
        threads_unlock(cpu->threads);
}

/** The same behind a device access. */
void threads_unlock_device(struct threads *threads);

/** Does to this CPU's TLB what is asked. On its own thread, or while it cannot run. */
void tlb_serve(struct cpu *cpu, const struct cpu_request *request);

/** A request to one other CPU, or to all. */
void threads_ask(struct cpu *cpu, struct cpu *peer, const struct cpu_request *request);
void threads_ask_peers(struct cpu *cpu, const struct cpu_request *request);

/** Waits until all that this CPU asked for has been done. Without the machine lock. */
void threads_await(struct cpu *cpu);

/** A CPU is about to run its engine (waits for the end of a quiet, serves requests); it has come back from it. */
void threads_enter(struct cpu *cpu);
void threads_leave(struct cpu *cpu);

/** Waits until `cpu`, which will not enter again, has left its engine. */
void threads_await_left(const struct cpu *cpu);

/** Makes every CPU's engine come back. */
void threads_poke_all(struct threads *threads);

/** Begins a quiet, with the machine lock taken in it; ends it. Called outside of the engine and without the lock. */
void threads_quiet_begin(struct threads *threads);
void threads_quiet_end(struct threads *threads);

/** Sleeps until threads_wake() or, if not CLOCK_NEVER, for `ns` of the host's. With the machine lock taken once. */
void threads_sleep(struct cpu *cpu, uint64_t ns);
void threads_wake(struct cpu *cpu);

#endif
