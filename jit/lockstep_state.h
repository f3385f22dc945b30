/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What lockstep.c, its journal of memory and its report share. */
#ifndef ARMATURE_LOCKSTEP_STATE_H
#define ARMATURE_LOCKSTEP_STATE_H

#include "isa/arm64/cpu.h"
#include "machine/contract/engine.h"

/** A page of RAM that was written in a chunk. */
struct journal_page {
    uint64_t page; /* its index */
    uint8_t before[PAGE_SIZE_BYTES]; /* at the chunk's beginning */
    uint8_t after[PAGE_SIZE_BYTES];  /* as the tested engine left it */
};

struct journal {
    struct ram *ram;
    struct journal_page *pages;
    unsigned count, capacity;
    uint32_t *entry_of; /* of each page of RAM: 1 + index in `pages`, or 0 */
};

/** A CPU as the tested engine sees it: its own state, derived state and clock, which reach nothing outside. */
struct shadow {
    struct cpu cpu;
    struct clock clock;
    uint64_t drops; /* of the real CPU's TLB, when a chunk had run last */
};

/** How one side ended a chunk. */
struct chunk_end {
    enum engine_exit exit;
    bool attention; /* it lowered its limit */
};

/** Some instructions, run by both. */
struct chunk {
    uint64_t from, target; /* icount */
    bool outside;          /* it ended before an instruction that reaches outside */
    bool cut;              /* it ended early because many pages were written */
    struct chunk_end tested, judged;
};

struct engine {
    struct bus *bus;
    unsigned cpu_count;
    const struct engine_ops *tested_ops;
    struct engine *judge, *tested; /* the interpreter, and the other */
    struct shadow **shadows;
    struct cpu **shadow_cpus;  /* each other's peers */
    struct cpu *start;         /* the CPU at the chunk's beginning (its fields alone) */
    struct journal journal;
    struct cpu *running;       /* who runs a chunk now */
    uint64_t random;           /* for the chunks' lengths */
};

bool journal_create(struct journal *journal, struct ram *ram);
void journal_free(struct journal *journal);

/** The page at `page_address` is about to be written: keeps what it holds, and lets stores through from now on. */
void journal_note(struct journal *journal, uint64_t page_address);

/** The tested engine is done: keeps what it wrote, and takes it back. */
void journal_undo(struct journal *journal);

/** The interpreter is done: whether it wrote the same. Stores are noticed again. */
bool journal_equal(struct journal *journal);

/** What stands in RAM becomes what stood there before. */
void journal_restore(struct journal *journal);

/** Forgets all pages. */
void journal_clear(struct journal *journal);

/** The last instructions of a chunk. */
#define TRACE_INSNS 64u
struct trace {
    struct traced {
        uint64_t pc, physical;
        uint32_t word;
    } insns[TRACE_INSNS];
    uint64_t count; /* of all, the last TRACE_INSNS of which are kept at their number modulo that */
};

/** Prints how the two sides ended `chunk` differently. */
void report_difference(const struct engine *engine, const struct cpu *cpu, const struct chunk *chunk);

/** Prints the state that `chunk` began with, its last instructions, and the host code made of them. */
void report_code(const struct engine *engine, const struct cpu *cpu, const struct trace *trace);

#endif
