/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where translated code is kept, and how the interpreter comes to it.
 *
 * The interpreter counts how often a block is entered and brings the hot ones here. Afterwards the handler of the
 * block's first record is stubs.enter, and jumps from other translated blocks go to native_entry. A block's own
 * translation counts on, and what is hotter still becomes the first of a region, which takes its place for all that
 * jump there. When the memory is full all translations are dropped, and what is still hot comes again. */
#include "jit/jit.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "interp/block.h"
#include "interp/interp.h"
#include "isa/arm64/fp/fast.h"
#include "isa/arm64/threads.h"
#include "jit/code_memory.h"
#include "jit/translate.h"
#include "jit/unit.h"
#include "machine/contract/host.h"

#define CACHE_BYTES   (32u << 20) /* one half for what is usually run, one for the rest */
#define COUNTED_BYTES 128u        /* of the cache, for each block whose entries can be counted */
#define LARGEST_BYTES (256u << 10) /* more than any unit's translation needs */
#define GUARD_BYTES   4096u
#define STACK_BYTES   ((size_t)GUARD_BYTES + RETURN_STACK_BYTES)
#define HOT           32u   /* how often a block is entered before it is worth a translation */
#define HOTTER        1000u /* and then, before it is worth a region */
#define HOTTER_FORCED 12u   /* the same under `jit`, where all is translated: short programs get regions too */

struct jit_settings jit_settings = {.cache_bytes = CACHE_BYTES};

struct jit {
    uint32_t hotter; /* how often a translated block is entered before it becomes a region */
    struct code_memory memory;
    struct x64 hot, cold;
    struct stubs stubs;
    uint8_t *first;  /* of the hot half, behind the stubs */
    uint8_t *stacks; /* of return points, one a CPU, each behind a page that nobody may touch */
    size_t stacks_bytes;
    struct compiler *compiler;
    struct unit *units;
    unsigned counters_used;
    uint32_t dropped; /* code was dropped since translated code was entered */
    struct links links;
};

/* --- making and ending ------------------------------------------------------------------------------ */

static void drop_units(struct jit *jit)
{
    while (jit->units) {
        struct unit *unit = jit->units;
        jit->units = unit->next;
        free(unit->returns);
        free(unit);
    }
    links_clear(&jit->links);
}

static void jit_free(void *translator)
{
    struct jit *jit = translator;
    drop_units(jit);
    if (jit->stacks)
        munmap(jit->stacks, jit->stacks_bytes);
    compiler_free(jit->compiler);
    code_memory_free(&jit->memory);
    free(jit);
}

static uint64_t *stack_bottom(const struct jit *jit, unsigned cpu)
{
    return (uint64_t *)(jit->stacks + (cpu + 1) * STACK_BYTES) - 2;
}

/* Each stack's only word that counts from the beginning is its bottom. */
static bool create_stacks(struct jit *jit, unsigned cpu_count)
{
    jit->stacks_bytes = cpu_count * STACK_BYTES + GUARD_BYTES;
    void *at = mmap(NULL, jit->stacks_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED)
        return false;
    jit->stacks = at;
    for (unsigned i = 0; i < cpu_count; i++) {
        uint8_t *low = jit->stacks + i * STACK_BYTES + GUARD_BYTES;
        if (mprotect(low, RETURN_STACK_BYTES, PROT_READ | PROT_WRITE) != 0)
            return false;
        *stack_bottom(jit, i) = jit->stubs.bottom;
    }
    return true;
}

static void divide_memory(struct jit *jit)
{
    const struct code_memory *memory = &jit->memory;
    uint8_t *middle = memory->write + memory->bytes / 2;
    ptrdiff_t run_offset = memory->run - memory->write;
    const bool avx = host_has.avx2;
    jit->hot = (struct x64){.at = memory->write, .end = middle, .run_offset = run_offset, .avx = avx};
    jit->cold = (struct x64){.at = middle, .end = memory->write + memory->bytes, .run_offset = run_offset, .avx = avx};
    jit->links.run_offset = run_offset;
    stubs_emit(&jit->hot, &jit->stubs);
    jit->first = jit->hot.at;
}

static void *create_with(unsigned cpu_count, uint32_t hotter, struct error *error)
{
    if (!host_is_v2()) {
        error_set(error, "translated code needs a host processor of level x86-64-v2; run with --engine interp");
        return NULL;
    }
    struct jit *jit = calloc(1, sizeof *jit);
    if (!jit) {
        error_set(error, "no memory for the translator");
        return NULL;
    }
    assert(jit_settings.cache_bytes >= JIT_MIN_CACHE_BYTES);
    unsigned counters = (unsigned)(jit_settings.cache_bytes / COUNTED_BYTES);
    if (!code_memory_create(&jit->memory, jit_settings.cache_bytes, counters, error)) {
        free(jit);
        return NULL;
    }
    jit->hotter = hotter;
    jit->stubs.dropped = &jit->dropped;
    divide_memory(jit);
    jit->compiler = compiler_create(&jit->stubs);
    if (!jit->compiler || !create_stacks(jit, cpu_count)) {
        error_set(error, "the host gives no memory for translated code; run with --engine interp");
        jit_free(jit);
        return NULL;
    }
    return jit;
}

static void *jit_create(unsigned cpu_count, struct error *error)
{
    return create_with(cpu_count, HOTTER, error);
}

static void *jit_create_forced(unsigned cpu_count, struct error *error)
{
    return create_with(cpu_count, HOTTER_FORCED, error);
}

static void jit_prepare(void *translator, struct cpu *cpu)
{
    cpu->native.stack = (uintptr_t)stack_bottom(translator, cpu->index);
    cpu->native.stay_insns = cpu->parallel ? PARALLEL_STAY_INSNS : MAX_STAY_INSNS;
}

static void jit_drop_all(void *translator)
{
    struct jit *jit = translator;
    drop_units(jit);
    jit->dropped = 1;
    jit->hot.at = jit->first;
    jit->cold.at = jit->hot.end;
    jit->counters_used = 0;
}

static bool jit_has_room(void *translator)
{
    const struct jit *jit = translator;
    return jit->hot.end - jit->hot.at >= LARGEST_BYTES && jit->cold.end - jit->cold.at >= LARGEST_BYTES;
}

/* --- regions ---------------------------------------------------------------------------------------- */

static uint32_t heat_of(const void *context, const struct block *block)
{
    const struct jit *jit = context;
    const struct unit *unit = unit_of(block);
    if (!unit || block->physical == NO_BLOCK_ADDRESS)
        return 0;
    return unit->counter ? *unit->counter + jit->hotter : 1;
}

static void add_links(struct jit *jit, struct block_cache *cache, const struct unit_code *code)
{
    for (unsigned i = 0; i < code->link_count; i++) {
        const struct unit_link *link = &code->links[i];
        const struct block *target = block_find(cache, link->target);
        uint64_t entry = target && target->translation ? target->native_entry : 0;
        links_add(&jit->links, link->jump_end, link->stub, link->target, entry);
    }
}

/* Makes who comes to a block's own translation go on at `run_address`: the first instruction there, which counts,
 * becomes a jump. */
static void redirect(struct jit *jit, const struct unit *unit, uint64_t run_address)
{
    struct x64 c = {.at = (uint8_t *)unit->entry - jit->hot.run_offset, .run_offset = jit->hot.run_offset};
    c.end = c.at + X64_JMP_BYTES;
    if (unit->counter)
        x64_jmp_to(&c, run_address);
}

static void compile_region_at(struct jit *jit, struct cpu *cpu, struct block *block)
{
    struct unit *unit = unit_of(block);
    struct x64 hot = jit->hot, cold = jit->cold;
    struct unit_code code;
    struct compile_job job = {.hot = &hot, .cold = &cold, .cpu = cpu};
    ir_of_region(compiler_ir(jit->compiler), cpu->blocks, block, heat_of, jit);
    if (!compile(jit->compiler, &job, &code))
        return;
    unit->returns = malloc(code.return_count * sizeof *unit->returns + 1);
    if (!unit->returns)
        return;
    memcpy(unit->returns, code.returns, code.return_count * sizeof *unit->returns);
    unit->return_count = code.return_count;
    jit->hot.at = hot.at;
    jit->cold.at = cold.at;
    add_links(jit, cpu->blocks, &code);
    __atomic_thread_fence(__ATOMIC_RELEASE); /* parallel CPUs may come from here on */
    block->native_entry = code.entry;
    if (!cpu->parallel) /* one may be in the very instruction; links and lookups lead to the region all the same */
        redirect(jit, unit, block->native_entry);
    links_point(&jit->links, block->physical, block->native_entry);
}

/* Called by a block's own translation, as if it were its first instruction, when it has been entered often enough. */
static void promote(struct cpu *cpu, const struct insn *insn)
{
    struct jit *jit = block_cache_translator(cpu->blocks);
    struct block *block = (struct block *)((uint8_t *)insn - offsetof(struct block, insns));
    cpu_lock_machine(cpu);
    struct unit *unit = unit_of(block);
    bool has_region = unit && block->native_entry != unit->entry; /* another CPU was first */
    if (block->physical != NO_BLOCK_ADDRESS && unit && !has_region && jit_has_room(jit))
        compile_region_at(jit, cpu, block);
    cpu_unlock_machine(cpu);
}

/* --- blocks by themselves --------------------------------------------------------------------------- */

static uint32_t *new_counter(struct jit *jit)
{
    if (jit->counters_used == jit->memory.counter_count)
        return NULL;
    uint32_t *counter = &jit->memory.counters[jit->counters_used++];
    *counter = -jit->hotter;
    return counter;
}

/* Translates one block. Returns the one that its code is to fall into, which must come next; or NULL. */
static struct block *translate_one(struct jit *jit, struct block_cache *cache, struct cpu *cpu, struct block *block)
{
    struct unit *unit = calloc(1, sizeof *unit);
    if (!unit)
        return NULL; /* it stays with the interpreter */
    struct unit_code code;
    struct compile_job job = {&jit->hot, &jit->cold, cpu, new_counter(jit), promote};
    ir_of_block(compiler_ir(jit->compiler), block);
    bool complete = compile(jit->compiler, &job, &code);
    assert(complete); /* there was room for the largest */
    *unit = (struct unit){.block = block, .entry = code.entry, .counted = code.counted, .counter = job.counter, .next = jit->units};
    jit->units = unit;
    block->translation = unit;
    block->native_body = code.body;
    __atomic_thread_fence(__ATOMIC_RELEASE); /* parallel CPUs may come from here on */
    block->native_entry = code.entry;
    block->insns[0].run = (void (*)(struct cpu *, const struct insn *))jit->stubs.enter;
    struct block *next = NULL;
    if (code.link_count && code.links[code.link_count - 1].jump_end == jit->hot.at) {
        next = block_find(cache, code.links[code.link_count - 1].target);
        if (!next || next->translation || !next->heat || !jit_has_room(jit)) {
            next = NULL;
        } else if (!cpu->parallel) { /* one may have gone on already, by the jump */
            jit->hot.at -= X64_JMP_BYTES;
            code.link_count--;
        }
    }
    add_links(jit, cache, &code);
    links_point(&jit->links, block->physical, block->native_entry);
    return next;
}

/* Blocks that were entered and follow each other come in a row, without jumps between them. */
static void jit_translate(void *translator, struct block_cache *cache, struct cpu *cpu, struct block *block)
{
    while (block)
        block = translate_one(translator, cache, cpu, block);
}

/* --- forgetting ------------------------------------------------------------------------------------- */

/* The six bytes of the long conditional jump that ends at `end`: it becomes one that is always taken. */
static void always_jump(uint8_t *end)
{
    static const uint8_t nop_jmp[2] = {0x90, 0xe9};
    memcpy(end - 6, nop_jmp, sizeof nop_jmp);
}

/* Whoever falls into the block's own translation leaves where too little would be left; whoever returns into its
 * region has missed. Who is inside is not disturbed: an own translation ends soon, a region looks at `dropped`. */
static void jit_forget(void *translator, struct block *block)
{
    struct jit *jit = translator;
    struct unit *unit = unit_of(block);
    redirect(jit, unit, unit->counted);
    always_jump((uint8_t *)block->native_body - jit->hot.run_offset);
    for (unsigned i = 0; i < unit->return_count; i++)
        always_jump(unit->returns[i]);
    unit->return_count = 0;
    links_point(&jit->links, block->physical, 0);
    jit->dropped = 1;
}

static uint64_t jit_leave(void *translator)
{
    return ((struct jit *)translator)->stubs.leave;
}

static const struct translator_ops jit_translator = {
    .create = jit_create,
    .free = jit_free,
    .prepare = jit_prepare,
    .translate = jit_translate,
    .has_room = jit_has_room,
    .drop_all = jit_drop_all,
    .leave = jit_leave,
    .forget = jit_forget,
};

static const struct translator_ops forced_translator = {
    .create = jit_create_forced,
    .free = jit_free,
    .prepare = jit_prepare,
    .translate = jit_translate,
    .has_room = jit_has_room,
    .drop_all = jit_drop_all,
    .leave = jit_leave,
    .forget = jit_forget,
};

static struct engine *create_auto(struct bus *bus, unsigned cpu_count, struct error *error)
{
    return interp_create_translating(bus, cpu_count, &jit_translator, HOT, error);
}

static struct engine *create_jit(struct bus *bus, unsigned cpu_count, struct error *error)
{
    return interp_create_translating(bus, cpu_count, &forced_translator, 1, error);
}

const struct engine_ops jit_engine = {
    .name = "auto",
    .create = create_auto,
    .free = interp_free,
    .run = interp_run,
    .page_written = interp_page_written,
    .flush = interp_flush,
    .make_room = interp_make_room,
};

const struct engine_ops jit_only_engine = {
    .name = "jit",
    .create = create_jit,
    .free = interp_free,
    .run = interp_run,
    .page_written = interp_page_written,
    .flush = interp_flush,
    .make_room = interp_make_room,
};
