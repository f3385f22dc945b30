/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A thread that makes code of regions while the CPUs go on, and has the host give memory for what they compile
 * themselves.
 *
 * Whoever promotes a block (one at a time: the CPU's thread, or under the machine lock) fills in a region's form and
 * what else the compiler reads, so that the thread looks at nothing that CPUs change. It writes into room of its own
 * and lets the code lie there. The other side takes regions in the order they were submitted, at a time of its own, and
 * installs those whose blocks are still what they were: nothing in the guest tells when that happens. */
#ifndef ARMATURE_JIT_BACKGROUND_H
#define ARMATURE_JIT_BACKGROUND_H

#include "jit/code_memory.h"
#include "jit/translate.h"

/** A region on its way. */
struct region {
    struct ir ir;
    const struct cpu *cpu;
    unsigned half;         /* see struct compile_job */
    void (*adapt)(struct cpu *cpu, const struct insn *insn); /* the same */
    struct fault_table *faults; /* the same */
    struct x64 hot, cold;  /* where its code begins */
    uint8_t *hot_end, *cold_end;
    struct unit_code code;
    bool compiled;         /* false: there was no room for it */
    bool had_all;          /* it was the first of what there was given */
    uint64_t ns;           /* that it took */
};

struct background;

/** Starts the thread. NULL: the host gives none, or no memory. */
struct background *background_create(const struct stubs *stubs);

/** Ends the thread; NULL: nothing happens. */
void background_free(struct background *background);

/** A region to be filled in and submitted; or NULL: there are too many, or there is no room. */
struct region *background_next(struct background *background);
void background_submit(struct background *background);

/** Regions that were submitted are wanted soon: a few may wait until there are more. */
void background_hurry(struct background *background);

/** Whether there is one on its way that the block is part of. */
bool background_has(const struct background *background, const struct block *block);

/** The oldest region, once the thread is done with it; or NULL. It is the caller's up to background_taken(). */
struct region *background_finished(struct background *background);
void background_taken(struct background *background);

/** Whether it is time to give the thread room: none is on its way, and the last one did not fit into what was left. */
bool background_wants_room(const struct background *background);
void background_give_room(struct background *background, const struct x64 *hot, const struct x64 *cold);

/** Has the thread call code_memory_touch(). */
void background_touch(struct background *background, const struct code_memory *memory, uint8_t *from, size_t bytes);

/** Around fork(): no region is being compiled. In the child there is no thread, and `background` is gone. */
void background_fork(struct background *background, enum engine_fork when);

/** Throws all away that is on its way, and the room. Returns how many. On return the thread does nothing. */
unsigned background_cancel(struct background *background);

#endif
