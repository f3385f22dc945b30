/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Decoded basic blocks: the arena they stand in, the hash by physical address, the list by page. */
#include "interp/block.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "isa/arm64/decode.h"
#include "isa/arm64/stops.h"
#include "isa/arm64/threads.h"

#define HASH_BITS    17
#define HASH_ENTRIES (1u << HASH_BITS)
/* The arena's beginning is no large page: a run that ends soon would pay for the zeroes of all of it. */
#define SMALL_PAGES_BYTES (2u << 20)

struct block_cache {
    struct bus *bus;
    uint8_t *arena;
    size_t arena_bytes, used_bytes;
    struct block *hash[HASH_ENTRIES];
    /* First block of each page of RAM and ROM, by ram_page(); host memory is taken as pages hold code. */
    struct block **pages, **all_pages;
    size_t pages_bytes;
    const struct translator_ops *translator_ops;
    void *translator;
    unsigned hot; /* how often a block is entered until it is translated */
    uint64_t leave;
    uint64_t pages_written; /* how often blocks were made stale */
    bool full, translations_full; /* parallel CPUs wait for room */
};

static unsigned hash_of(uint64_t physical)
{
    return (unsigned)((physical >> 2) * 0x9e3779b97f4a7c15ull >> (64 - HASH_BITS));
}

static size_t block_bytes(unsigned count)
{
    return sizeof(struct block) + (count + 1) * sizeof(struct insn);
}

static int64_t page_index(const struct block_cache *cache, uint64_t physical)
{
    return ram_page(&cache->bus->ram, physical);
}

static void *reserve(size_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

struct block_cache *block_cache_create(struct bus *bus, size_t arena_bytes, unsigned cpu_count,
                                       const struct translator_ops *translator, unsigned hot, struct error *error)
{
    struct block_cache *cache = calloc(1, sizeof *cache);
    if (!cache) {
        error_set(error, "no memory for the interpreter's block cache");
        return NULL;
    }
    cache->bus = bus;
    cache->arena_bytes = arena_bytes;
    int64_t below = bus->ram.rom_bytes ? -ram_page(&bus->ram, bus->ram.rom_base) : 0;
    cache->pages_bytes = ((bus->ram.size_bytes >> PAGE_BITS) + (uint64_t)below) * sizeof *cache->pages;
    cache->arena = reserve(arena_bytes);
    if (cache->arena && arena_bytes > SMALL_PAGES_BYTES)
        madvise(cache->arena + SMALL_PAGES_BYTES, arena_bytes - SMALL_PAGES_BYTES,
                MADV_HUGEPAGE); /* filled from its beginning; without, where there are none */
    cache->all_pages = reserve(cache->pages_bytes);
    if (!cache->arena || !cache->all_pages) {
        error_set(error, "the host gives no memory for the interpreter's block cache (%zu bytes)", arena_bytes);
        block_cache_free(cache);
        return NULL;
    }
    cache->pages = cache->all_pages + below;
    if (translator) {
        cache->translator = translator->create(cpu_count, hot, error);
        if (!cache->translator) {
            block_cache_free(cache);
            return NULL;
        }
        cache->translator_ops = translator;
        cache->hot = hot;
        cache->leave = translator->leave(cache->translator);
    }
    return cache;
}

void block_cache_free(struct block_cache *cache)
{
    if (!cache)
        return;
    if (cache->translator)
        cache->translator_ops->free(cache->translator);
    if (cache->arena)
        munmap(cache->arena, cache->arena_bytes);
    if (cache->all_pages)
        munmap(cache->all_pages, cache->pages_bytes);
    free(cache);
}

void block_cache_prepare(struct block_cache *cache, struct cpu *cpu)
{
    if (cache->translator)
        cache->translator_ops->prepare(cache->translator, cpu);
}

/* Decodes instructions from `physical` to the block's end into `block`. */
static void decode_block(struct cpu *cpu, struct block *block, const uint8_t *code, uint64_t physical)
{
    unsigned room = (unsigned)(BLOCK_SPAN_BYTES - physical % BLOCK_SPAN_BYTES) / 4;
    unsigned count = 0;
    bool ends = false;
    block->stops = false;
    if (cpu->stops && cpu->stops->insn_count) {
        block->stops = stops_first(cpu->stops, physical, physical + 4) != STOPS_NONE;
        uint64_t next = stops_first(cpu->stops, physical + 4, physical + 4ull * room);
        if (next != STOPS_NONE)
            room = (unsigned)(next - physical) / 4;
    }
    while (count < room && !ends) {
        struct insn *insn = &block->insns[count];
        uint32_t word;
        memcpy(&word, code + 4 * count, sizeof word);
        insn_decode(word, &cpu->features, insn);
        insn->run = interp_handler(insn_handler_of(insn));
        ends = insn_infos[insn->op].flags & INSN_ENDS_BLOCK;
        count++;
    }
    for (unsigned i = 0; i < count; i++)
        block->insns[i].left = (uint8_t)(count - i);
    block->insns[count] = (struct insn){.run = run_block_end};
    block->count = count;
}

void *block_cache_translator(const struct block_cache *cache)
{
    return cache->translator;
}

void block_cache_describe(const struct block_cache *cache, FILE *to)
{
    cache->translator_ops->describe(cache->translator, to);
}

/* Blocks that wait to get hot. */

static struct block *next_in_arena(const struct block_cache *cache, struct block *block)
{
    uint8_t *next = block ? (uint8_t *)block + block_bytes(block->count) : cache->arena;
    return next < cache->arena + cache->used_bytes ? (struct block *)next : NULL;
}

static void drop_translations(struct block_cache *cache)
{
    cache->translator_ops->drop_all(cache->translator);
    for (struct block *block = next_in_arena(cache, NULL); block; block = next_in_arena(cache, block)) {
        block->native_entry = cache->leave;
        block->translation = NULL;
        block->heat = 0;
        block->insns[0].run = run_warming;
    }
}

/* Another CPU may have had it translated by now. Without room this CPU asks for some, and interprets. */
static void translate_parallel(struct block_cache *cache, struct cpu *cpu, struct block *block)
{
    threads_lock(cpu->threads);
    if (block->insns[0].run != run_warming) {
        ;
    } else if (cache->translator_ops->has_room(cache->translator)) {
        cache->translator_ops->translate(cache->translator, cache, cpu, block);
    } else {
        cache->translations_full = true;
        cpu_attention(cpu);
    }
    threads_unlock(cpu->threads);
}

void run_warming(struct cpu *cpu, const struct insn *insn)
{
    struct block *block = (struct block *)((uint8_t *)insn - offsetof(struct block, insns));
    struct block_cache *cache = cpu->blocks;
    if (++block->heat < cache->hot || block->physical == NO_BLOCK_ADDRESS)
        return block->first(cpu, insn);
    if (cpu->parallel) {
        translate_parallel(cache, cpu, block);
        return block->insns[0].run == run_warming ? block->first(cpu, insn) : block->insns[0].run(cpu, insn);
    }
    if (!cache->translator_ops->has_room(cache->translator))
        drop_translations(cache);
    block->insns[0].run = block->first;
    cache->translator_ops->translate(cache->translator, cache, cpu, block);
    return block->insns[0].run(cpu, insn);
}

/* Also while another CPU adds one. Blocks leave the hash only while none runs. */
struct block *block_find(const struct block_cache *cache, uint64_t physical)
{
    struct block *const *bucket = &cache->hash[hash_of(physical)];
    for (struct block *block = __atomic_load_n(bucket, __ATOMIC_ACQUIRE); block; block = block->next_hash)
        if (block->physical == physical)
            return block;
    return NULL;
}

const struct block *block_of_page(const struct block_cache *cache, uint64_t physical)
{
    return cache->pages[page_index(cache, physical)];
}

static bool has_room(const struct block_cache *cache)
{
    return cache->used_bytes + block_bytes(BLOCK_MAX_INSNS) <= cache->arena_bytes;
}

/* Decodes the block at `physical`, for which there is room, and lets it be found. */
static struct block *add_block(struct block_cache *cache, struct cpu *cpu, uint64_t physical)
{
    struct block *block = (struct block *)(cache->arena + cache->used_bytes);
    decode_block(cpu, block, memory_at(&cache->bus->ram, physical, 4), physical);
    cache->used_bytes += block_bytes(block->count);

    block->first = block->insns[0].run;
    block->heat = 0;
    block->native_entry = cache->leave;
    block->translation = NULL;
    block->jumped_to = false;
    if (cache->translator)
        block->insns[0].run = run_warming;

    struct block **bucket = &cache->hash[hash_of(physical)];
    struct block **first_of_page = &cache->pages[page_index(cache, physical)];
    block->physical = physical;
    block->next_hash = *bucket;
    block->next_page = *first_of_page;
    *first_of_page = block;
    __atomic_store_n(bucket, block, __ATOMIC_RELEASE);
    return block;
}

/* No store to the page shall run inline from now on. Returns whether parallel CPUs had to be asked: then it is so once
 * they have answered. */
static bool mark_code(struct block_cache *cache, struct cpu *cpu, uint64_t physical)
{
    uint8_t *flags = &cache->bus->ram.page_flags[page_index(cache, physical)];
    const struct cpu_request request = {REQUEST_DROP_WRITE_TAGS, 0, physical & ~(PAGE_SIZE_BYTES - 1)};
    bool asked = false;
    __atomic_store_n(flags, *flags | PAGE_HAS_CODE, __ATOMIC_RELEASE);
    if (cache->bus->process)
        return false;
    if (cpu->parallel)
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < cpu->peer_count; i++) {
        struct cpu *peer = cpu->peers[i];
        if (!cpu->parallel || peer == cpu) {
            tlb_serve(peer, &request);
        } else if (tlb_may_write(peer, request.address)) {
            threads_ask(cpu, peer, &request);
            asked = true;
        }
    }
    return asked;
}

/* What a store changes while it is decoded must be noticed: nothing is decoded before all CPUs have given up storing
 * inline, for which the lock is given up; so everything is looked at again then. */
static struct block *get_parallel(struct block_cache *cache, struct cpu *cpu, uint64_t physical)
{
    struct block *block;
    bool marked = false;
    uint64_t pages_written = 0;
    threads_lock(cpu->threads);
    while (!(block = block_find(cache, physical))) {
        if (!has_room(cache)) {
            cache->full = true;
            cpu_attention(cpu);
            break;
        }
        if (cache->pages[page_index(cache, physical)] || (marked && pages_written == cache->pages_written)) {
            block = add_block(cache, cpu, physical);
            break;
        }
        pages_written = cache->pages_written;
        marked = true;
        if (mark_code(cache, cpu, physical)) {
            threads_unlock(cpu->threads);
            threads_await(cpu);
            threads_lock(cpu->threads);
        }
    }
    threads_unlock(cpu->threads);
    return block;
}

struct block *block_get(struct block_cache *cache, struct cpu *cpu, uint64_t physical, bool *dropped)
{
    struct block *known = block_find(cache, physical);
    if (known)
        return known;
    if (cpu->parallel)
        return get_parallel(cache, cpu, physical);
    if (!has_room(cache)) {
        block_drop_all(cache);
        *dropped = true;
    }
    if (!(cache->bus->ram.page_flags[page_index(cache, physical)] & PAGE_HAS_CODE))
        mark_code(cache, cpu, physical);
    return add_block(cache, cpu, physical);
}

bool block_cache_full(const struct block_cache *cache)
{
    return __atomic_load_n(&cache->full, __ATOMIC_RELAXED) ||
           __atomic_load_n(&cache->translations_full, __ATOMIC_RELAXED);
}

bool block_cache_make_room(struct block_cache *cache)
{
    bool all = cache->full;
    if (all)
        block_drop_all(cache);
    else if (cache->translations_full)
        drop_translations(cache);
    cache->full = cache->translations_full = false;
    return all;
}

void block_cache_fork(struct block_cache *cache, enum engine_fork when)
{
    if (cache->translator)
        cache->translator_ops->fork(cache->translator, when);
}

bool block_cache_fault(struct block_cache *cache, uintptr_t *host_pc)
{
    return cache->translator && cache->translator_ops->fault(cache->translator, host_pc);
}

static void unlink_from_hash(struct block_cache *cache, struct block *block)
{
    struct block **link = &cache->hash[hash_of(block->physical)];
    while (*link != block)
        link = &(*link)->next_hash;
    *link = block->next_hash;
}

static void make_stale(struct block_cache *cache, struct block *block)
{
    unlink_from_hash(cache, block);
    if (block->translation)
        cache->translator_ops->forget(cache->translator, block);
    block->physical = NO_BLOCK_ADDRESS;
    block->native_entry = cache->leave;
}

void block_page_written(struct block_cache *cache, uint64_t page_address)
{
    int64_t page = page_index(cache, page_address);
    if (!cache->pages[page] && !(cache->bus->ram.page_flags[page] & PAGE_HAS_CODE))
        return; /* the flag may be gone by another engine's doing (lockstep) */
    for (struct block *block = cache->pages[page]; block; block = block->next_page)
        make_stale(cache, block);
    cache->pages[page] = NULL;
    cache->pages_written++;
    cache->bus->ram.page_flags[page] &= (uint8_t)~PAGE_HAS_CODE;
}

/* A block that was cut before the instruction is one that goes on without a branch. */
static bool concerns(const struct block_cache *cache, const struct block *block, uint64_t physical)
{
    const uint64_t from_start = physical - block->physical, bytes = 4ull * block->count;
    if (from_start < bytes ||
        (from_start == bytes && !(insn_infos[block->insns[block->count - 1].op].flags & INSN_ENDS_BLOCK)))
        return true;
    return block->translation && cache->translator_ops->holds(cache->translator, block, physical);
}

void block_insn_asked(struct block_cache *cache, uint64_t physical)
{
    struct block **link = &cache->pages[page_index(cache, physical)];
    while (*link) {
        struct block *block = *link;
        if (!concerns(cache, block, physical)) {
            link = &block->next_page;
            continue;
        }
        *link = block->next_page;
        make_stale(cache, block);
    }
    cache->pages_written++;
}

bool block_any(const struct block_cache *cache)
{
    return cache->used_bytes;
}

void block_drop_all(struct block_cache *cache)
{
    /* Page lists are cleared by walking the arena: most pages of RAM hold no code. */
    for (struct block *block = next_in_arena(cache, NULL); block; block = next_in_arena(cache, block)) {
        if (block->physical != NO_BLOCK_ADDRESS) {
            int64_t page = page_index(cache, block->physical);
            cache->pages[page] = NULL;
            cache->bus->ram.page_flags[page] &= (uint8_t)~PAGE_HAS_CODE;
        }
    }
    cache->used_bytes = 0;
    cache->pages_written++;
    if (cache->translator)
        cache->translator_ops->drop_all(cache->translator);
    memset(cache->hash, 0, sizeof cache->hash);
}
