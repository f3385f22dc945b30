/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Decoded basic blocks: what they are and how the engine finds them.
 *
 * A block is a run of instructions within one page of RAM, decoded once and kept under its physical address, so
 * that all address spaces share it. Its end depends on addresses and code alone: the first instruction with
 * INSN_ENDS_BLOCK, or the next multiple of BLOCK_SPAN_BYTES. Behind the last record stands one whose handler
 * just returns, for a block that runs off its end.
 *
 * Blocks are never freed one by one. One whose code was written is marked stale, so that nobody enters it again
 * (whoever is in it finishes), and its memory comes back when the arena is full and all are dropped. */
#ifndef ARMATURE_BLOCK_H
#define ARMATURE_BLOCK_H

#include <stdint.h>
#include <stdio.h>
#include "isa/arm64/cpu.h"
#include "isa/arm64/insn.h"
#include "machine/contract/engine.h"

#define BLOCK_SPAN_BYTES 256u
#define BLOCK_MAX_INSNS  (BLOCK_SPAN_BYTES / 4)

struct block {
    uint64_t physical;         /* address of the first instruction; NO_BLOCK_ADDRESS once stale */
    struct block *next_hash;   /* same bucket */
    struct block *next_page;   /* same page */
    uint32_t count;            /* instructions */
    bool stops; /* a breakpoint is at its first instruction (isa/arm64/stops.h): entered by the slow path only */
    bool jumped_to; /* translated code came here by an address in a register, at some time */
    uint32_t heat;             /* how often it was entered, until it was translated */
    void (*first)(struct cpu *cpu, const struct insn *insn); /* the handler of its first record */
    uint64_t native_entry;     /* where translated code goes on to it (struct translator_ops) */
    uint64_t native_body;      /* where its translation begins for the interpreter, which has accounted for it */
    void *translation;         /* the translator's own; NULL: none */
    struct insn insns[];       /* count, and the record that returns */
};

#define NO_BLOCK_ADDRESS UINT64_MAX

/** One CPU's memory of where virtual addresses led. A hit needs the address and the key (lookup_key). */
struct lookup {
    uint64_t pc;
    uint64_t key;
    struct block *block;
    uint64_t from; /* the translator's, of a lookup that belongs to a place: the page of the jump */
};

#define LOOKUP_ENTRIES 32768u /* a power of two */
#define LOOKUP_SITES   16384u /* a power of two: behind those, lookups that belong to places of translated code */

static inline struct lookup *lookup_slot(struct lookup *lookups, uint64_t pc)
{
    return &lookups[(pc >> 2 ^ pc >> 14) & (LOOKUP_ENTRIES - 1)];
}

/** The key of a lookup now: see cpu->code_key. */
static inline uint64_t lookup_key(const struct cpu *cpu)
{
    return cpu->code_key[cpu->pc >> 63] | cpu->pstate.btype;
}

/** The block at PC where the CPU has been there before and nothing changed since, or NULL. */
static inline struct block *block_look_up(const struct cpu *cpu)
{
    const struct lookup *slot = lookup_slot(cpu->lookups, cpu->pc);
    bool hit = slot->pc == cpu->pc && slot->key == lookup_key(cpu) &&
               slot->block->physical != NO_BLOCK_ADDRESS;
    return __builtin_expect(hit, 1) ? slot->block : NULL;
}

/** Moves the CPU to the end of the block at PC, whose records are to be run next, where all of it may run
 *  now: it is known, and ends before the limit. Else NULL, and nothing is changed. */
static inline const struct block *block_enter_next(struct cpu *cpu)
{
    const struct block *block = block_look_up(cpu);
    if (__builtin_expect(!block, 0))
        return NULL;
    uint64_t after = cpu->icount + block->count;
    if (__builtin_expect(after > cpu_limit(cpu), 0))
        return NULL;
    cpu->icount = after;
    cpu->pc += 4ull * block->count;
    cpu->pstate.btype = 0;
    return block;
}

struct block_cache;

/** Whoever makes native code of blocks that are entered often. `native_entry` of a block without is `leave()`.
 *  A translated block has a handler of the translator's in its first record. Where CPUs are parallel, translate() is
 *  called under the machine lock while others run translated code, and changes that at most by one aligned or unaligned
 *  store that lies in one cache line; drop_all() and forget() are called while none does. */
struct translator_ops {
    void *(*create)(unsigned cpu_count, unsigned hot, struct error *error); /* `hot` of block_cache_create() */
    void (*free)(void *translator);
    void (*prepare)(void *translator, struct cpu *cpu); /* before native code runs on it, once a turn */
    /* `block` gets its native_entry last but for the handler of its first record. */
    void (*translate)(void *translator, struct block_cache *cache, struct cpu *cpu, struct block *block);
    bool (*has_room)(void *translator);  /* for one more block; unless CPUs are parallel, it may drop others for it */
    void (*drop_all)(void *translator);  /* no native code runs then */
    uint64_t (*leave)(void *translator); /* code that goes back to the interpreter */
    void (*describe)(void *translator, FILE *to); /* counts of what was translated */
    /* The block is stale: native code that jumps to its translation shall get back to the interpreter. Its address
     * still stands in it: by that jumps are known. */
    void (*forget)(void *translator, struct block *block);
    /* Whether native code that begins with the block, which is translated, may hold the instruction at `physical` of
     * the same page, which is of another block. */
    bool (*holds)(const void *translator, const struct block *block, uint64_t physical);
    void (*fork)(void *translator, enum engine_fork when);   /* engine_ops.fork */
    bool (*fault)(void *translator, uintptr_t *host_pc);     /* engine_ops.fault */
};

/** See translator_ops.prepare. */
void block_cache_prepare(struct block_cache *cache, struct cpu *cpu);

/** A cache of at most `arena_bytes` of blocks of the RAM of `bus`, for CPUs up to `cpu_count`. `translator` may be
 *  NULL; it gets a block when that is entered for the `hot`th time. */
struct block_cache *block_cache_create(struct bus *bus, size_t arena_bytes, unsigned cpu_count,
                                       const struct translator_ops *translator, unsigned hot, struct error *error);
void block_cache_free(struct block_cache *cache);

/** The block at guest physical `physical` (RAM, aligned to 4), decoded for `cpu` where it is not there yet.
 *  May drop all other blocks to make room: then *dropped is set, and every lookup must be forgotten. For a parallel CPU
 *  nothing is dropped: where there is no room it gets NULL, and the cache is full until block_cache_make_room(). */
struct block *block_get(struct block_cache *cache, struct cpu *cpu, uint64_t physical, bool *dropped);

/** The translator that was created for the cache. */
void *block_cache_translator(const struct block_cache *cache);

/** See translator_ops.describe; of a cache that has a translator. */
void block_cache_describe(const struct block_cache *cache, FILE *to);

/** The block at `physical`, or NULL. */
struct block *block_find(const struct block_cache *cache, uint64_t physical);

/** One of the blocks of the page of RAM that `physical` is in, or NULL; `next_page` leads to the others. */
const struct block *block_of_page(const struct block_cache *cache, uint64_t physical);

/** Whether blocks or translations want to be dropped for room, which is done only while no CPU runs. */
bool block_cache_full(const struct block_cache *cache);

/** Drops what has to be; returns whether blocks were dropped, and every lookup must be forgotten. */
bool block_cache_make_room(struct block_cache *cache);

/** For the translator: engine_ops.fork and fault. */
void block_cache_fork(struct block_cache *cache, enum engine_fork when);
bool block_cache_fault(struct block_cache *cache, uintptr_t *host_pc);

/** Makes the blocks of a page stale. */
void block_page_written(struct block_cache *cache, uint64_t page_address);

/** Makes those blocks stale that hold the instruction at `physical`, that end before it because it was asked about, or
 *  whose native code holds it. The page's others stay. */
void block_insn_asked(struct block_cache *cache, uint64_t physical);

/** Whether there is a block, or was since all were dropped last. */
bool block_any(const struct block_cache *cache);

/** Drops every block. Only while none runs; every lookup must be forgotten. */
void block_drop_all(struct block_cache *cache);

/** The plain function of an instruction: what single steps and translated code call. */
void (*interp_plain_of(const struct insn *insn))(struct cpu *cpu, const struct insn *insn);

/* The handler of the record behind a block's last (interp.c). */
void run_block_end(struct cpu *cpu, const struct insn *insn);

/* The first record's handler in a block that may become hot: counts, has it translated, goes on (block.c). */
void run_warming(struct cpu *cpu, const struct insn *insn);

/** The threaded handler with number `handler` (enum insn_handler). */
void (*interp_handler(unsigned handler))(struct cpu *cpu, const struct insn *insn);

#endif
