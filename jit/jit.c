/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where translated code is kept, and how the interpreter comes to it.
 *
 * The interpreter counts how often a block is entered and brings the hot ones here. Afterwards the handler of the
 * block's first record is stubs.enter, and jumps from other translated blocks go to native_entry. A block's own
 * translation counts on, and what is hotter still becomes the first of a region, which takes its place for all that
 * jump there.
 *
 * The memory is divided into parts, which are filled one after the other. Before one is filled anew, what lies in it
 * is dropped, and comes again where it is still hot. That needs a moment when nobody runs translated code: for a block
 * there is one, as it comes from the interpreter; a region waits for the next turn. Parallel CPUs have no such moment
 * by themselves, so for them all is dropped at once, when they have stopped. */
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
#include "jit/report.h"
#include "jit/translate.h"
#include "jit/unit.h"
#include "machine/contract/host.h"

#define CACHE_BYTES   (32u << 20) /* one half for what is usually run, one for the rest */
#define COUNTED_BYTES 48u          /* of the cache, for each counter */
#define LARGEST_BYTES (256u << 10) /* more than any unit's translation needs */
#define SOME_BYTES    (64u << 10)  /* more than nearly every unit's needs: without so much none is begun */
#define MAX_PARTS     8u
#define LEAST_PART    (512u << 10) /* of a half */
#define GUARD_BYTES   4096u
#define STACK_BYTES   ((size_t)GUARD_BYTES + RETURN_STACK_BYTES)
#define MISSES_FRACTION 8u /* an access whose slot misses more often than once in so many does without */
#define HOT           32u   /* how often a block is entered before it is worth a translation */
#define HOTTER        1000u /* and then, before it is worth a region */
#define HOTTER_FORCED 12u   /* the same under `jit`, where all is translated: short programs get regions too */

struct jit_settings jit_settings = {.cache_bytes = CACHE_BYTES};

/* What is filled in one go, of both halves. */
struct part {
    uint8_t *hot, *hot_end, *cold, *cold_end;
    uint32_t *counters;
    bool used; /* units may lie in it */
};

struct jit {
    uint32_t hotter; /* how often a translated block is entered before it becomes a region */
    struct code_memory memory;
    struct part parts[MAX_PARTS];
    unsigned part_count, part; /* part: the one that is being filled */
    bool wants_part;           /* for something that did not fit into this one */
    bool parallel;             /* other CPUs run translated code at any time */
    struct x64 hot, cold;      /* what is left of the part */
    struct stubs stubs;
    uint8_t *stacks; /* of return points, one a CPU, each behind a page that nobody may touch */
    size_t stacks_bytes;
    struct compiler *compiler;
    struct unit *units;
    struct unit *spare; /* for the block that another falls into; or NULL */
    unsigned counters_used, part_counters; /* of the part; of each */
    uint32_t dropped; /* code was dropped since translated code was entered */
    struct links links;
    struct report report;
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
    report_close(&jit->report);
    drop_units(jit);
    if (jit->stacks)
        munmap(jit->stacks, jit->stacks_bytes);
    free(jit->spare);
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

static void begin_part(struct jit *jit, unsigned index)
{
    struct part *part = &jit->parts[index];
    jit->part = index;
    jit->hot.at = part->hot;
    jit->hot.end = part->hot_end;
    jit->cold.at = part->cold;
    jit->cold.end = part->cold_end;
    jit->counters_used = 0;
    jit->wants_part = false;
    part->used = true;
}

static void divide_memory(struct jit *jit)
{
    const struct code_memory *memory = &jit->memory;
    const size_t half = memory->bytes / 2;
    jit->part_count = half / LEAST_PART < MAX_PARTS ? (unsigned)(half / LEAST_PART) : MAX_PARTS;
    jit->part_counters = memory->counter_count / jit->part_count;
    const size_t bytes = half / jit->part_count;
    for (unsigned i = 0; i < jit->part_count; i++) {
        uint8_t *hot = memory->write + i * bytes, *cold = hot + half;
        jit->parts[i] = (struct part){hot, hot + bytes, cold, cold + bytes, memory->counters + i * jit->part_counters};
    }
    const struct x64 code = {.run_offset = memory->run - memory->write, .avx = host_has.avx2};
    jit->hot = jit->cold = code;
    jit->links.run_offset = code.run_offset;
    begin_part(jit, 0);
    stubs_emit(&jit->hot, &jit->stubs);
    jit->parts[0].hot = jit->hot.at;
    report_stubs(&jit->report, &jit->stubs, x64_here(&jit->hot));
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
    if (!report_open(&jit->report, error)) {
        free(jit);
        return NULL;
    }
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

/* --- room ------------------------------------------------------------------------------------------- */

/* Makes who comes to a block's own translation go on at `run_address`: the first instruction there, which counts,
 * becomes a jump. */
static void redirect(struct jit *jit, struct unit *unit, uint64_t run_address)
{
    struct x64 c = {.at = (uint8_t *)unit->entry - jit->hot.run_offset, .run_offset = jit->hot.run_offset};
    c.end = c.at + X64_JMP_BYTES;
    if (unit->counter)
        x64_jmp_to(&c, run_address);
}

static bool has_bytes(const struct jit *jit, size_t bytes)
{
    return (size_t)(jit->hot.end - jit->hot.at) >= bytes && (size_t)(jit->cold.end - jit->cold.at) >= bytes;
}

/* The block's own translation, which stays, is all there is of it again. */
static void drop_region(struct jit *jit, struct unit *unit)
{
    struct block *block = unit->block;
    free(unit->returns);
    unit->returns = NULL;
    unit->return_count = unit->region_parts = 0;
    if (block->physical == NO_BLOCK_ADDRESS)
        return; /* jit_forget() has seen to it */
    if (unit->redirected)
        memcpy((uint8_t *)unit->entry - jit->hot.run_offset, unit->counts, sizeof unit->counts);
    unit->redirected = false;
    *unit->counter = -(jit->hotter / 2);
    block->native_entry = unit->entry;
    links_point(&jit->links, block->physical, unit->entry);
}

static void drop_unit(struct jit *jit, struct unit *unit)
{
    struct block *block = unit->block;
    jit->report.counts.units_dropped++;
    block->native_entry = jit->stubs.leave;
    block->translation = NULL;
    block->heat = 0;
    block->insns[0].run = run_warming;
    if (block->physical != NO_BLOCK_ADDRESS)
        links_point(&jit->links, block->physical, 0);
    free(unit->returns);
    free(unit);
}

/* Nobody may run translated code. What lies in other parts goes too where it leads into this one: a region, which goes
 * back to its blocks' own translations. (Those fall into each other only within a part.) */
static void empty_part(struct jit *jit, unsigned index)
{
    const struct part *part = &jit->parts[index];
    jit->report.counts.parts_dropped++;
    links_drop(&jit->links, part->hot, part->hot_end);
    links_drop(&jit->links, part->cold, part->cold_end);
    struct unit **at = &jit->units;
    while (*at) {
        struct unit *unit = *at;
        if (unit->part == index) {
            *at = unit->next;
            drop_unit(jit, unit);
            continue;
        }
        if (unit->region_parts & 1u << index)
            drop_region(jit, unit);
        at = &unit->next;
    }
    jit->dropped = 1;
}

/* Goes on to a part where nothing lies. */
static bool take_free_part(struct jit *jit)
{
    unsigned next = (jit->part + 1) % jit->part_count;
    if (jit->parts[next].used)
        return false;
    begin_part(jit, next);
    return true;
}

/* Nobody runs translated code. */
static void take_next_part(struct jit *jit)
{
    unsigned next = (jit->part + 1) % jit->part_count;
    if (jit->parts[next].used)
        empty_part(jit, next);
    begin_part(jit, next);
}

/* A turn begins. */
static void jit_prepare(void *translator, struct cpu *cpu)
{
    struct jit *jit = translator;
    cpu->native.stack = (uintptr_t)stack_bottom(jit, cpu->index);
    cpu->native.stay_insns = cpu->parallel ? PARALLEL_STAY_INSNS : MAX_STAY_INSNS;
    __atomic_store_n(&jit->parallel, cpu->parallel, __ATOMIC_RELAXED);
    if (!cpu->parallel && jit->wants_part)
        take_next_part(jit);
}

static void jit_drop_all(void *translator)
{
    struct jit *jit = translator;
    jit->report.counts.all_dropped++;
    drop_units(jit);
    jit->dropped = 1;
    for (unsigned i = 0; i < jit->part_count; i++)
        jit->parts[i].used = false;
    begin_part(jit, 0);
}

/* The interpreter asks: nobody runs translated code unless CPUs are parallel. */
static bool jit_has_room(void *translator)
{
    struct jit *jit = translator;
    if (has_bytes(jit, SOME_BYTES) && !jit->wants_part)
        return true;
    if (take_free_part(jit))
        return true;
    if (__atomic_load_n(&jit->parallel, __ATOMIC_RELAXED))
        return false;
    take_next_part(jit);
    return true;
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

/* What the blocks' own translations have learnt of their accesses. */
static void note_misses(const struct jit *jit, struct ir *ir)
{
    for (unsigned i = 0; i < ir->block_count; i++) {
        const struct ir_block *block = &ir->blocks[i];
        const uint32_t *misses = unit_of(block->block)->misses;
        const uint32_t many = heat_of(jit, block->block) / MISSES_FRACTION + 1;
        for (unsigned k = 0; misses && k < block->count; k++)
            if (insn_infos[block->ops[k].insn.op].flags & INSN_MEMORY)
                block->ops[k].changes_pages = *misses++ > many;
    }
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

/* The parts that the region's code leads into: its own, and those of its blocks' own translations. */
static uint32_t parts_of(const struct jit *jit, const struct ir *ir)
{
    uint32_t parts = 1u << jit->part;
    for (unsigned i = 0; i < ir->block_count; i++)
        parts |= 1u << unit_of(ir->blocks[i].block)->part;
    return parts;
}

/* Tells of the unit that was just compiled; its code begins at these addresses. */
static void report(struct jit *jit, const uint8_t *hot, const uint8_t *cold)
{
    const struct unit_place place = {hot, jit->hot.at, cold, jit->cold.at, jit->hot.run_offset};
    report_unit(&jit->report, jit->compiler, &place);
}

/* The unit's region is tried again when there may be room. */
static void want_part(struct jit *jit, struct unit *unit)
{
    jit->wants_part = true;
    *unit->counter = -(jit->hotter / 2);
}

static void compile_region_at(struct jit *jit, struct cpu *cpu, struct block *block)
{
    struct unit *unit = unit_of(block);
    struct x64 hot = jit->hot, cold = jit->cold;
    struct unit_code code;
    struct compile_job job = {.hot = &hot, .cold = &cold, .cpu = cpu};
    const uint8_t *const hot_begin = hot.at, *const cold_begin = cold.at;
    report_begin(&jit->report);
    ir_of_region(compiler_ir(jit->compiler), cpu->blocks, block, heat_of, jit);
    note_misses(jit, compiler_ir(jit->compiler));
    if (!compile(jit->compiler, &job, &code)) {
        report_given_up(&jit->report);
        if (!has_bytes(jit, LARGEST_BYTES))
            want_part(jit, unit);
        return;
    }
    unit->returns = malloc(code.return_count * sizeof *unit->returns + 1);
    if (!unit->returns)
        return;
    memcpy(unit->returns, code.returns, code.return_count * sizeof *unit->returns);
    unit->return_count = code.return_count;
    unit->region_parts = parts_of(jit, compiler_ir(jit->compiler));
    jit->hot.at = hot.at;
    jit->cold.at = cold.at;
    report(jit, hot_begin, cold_begin);
    add_links(jit, cpu->blocks, &code);
    __atomic_thread_fence(__ATOMIC_RELEASE); /* parallel CPUs may come from here on */
    block->native_entry = code.entry;
    if (!cpu->parallel) { /* one may be in the very instruction; links and lookups lead to the region all the same */
        memcpy(unit->counts, (uint8_t *)unit->entry - jit->hot.run_offset, sizeof unit->counts);
        unit->redirected = true;
        redirect(jit, unit, block->native_entry);
    }
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
    if (block->physical != NO_BLOCK_ADDRESS && unit && !has_region) {
        if (has_bytes(jit, SOME_BYTES) || take_free_part(jit))
            compile_region_at(jit, cpu, block);
        else
            want_part(jit, unit);
    }
    cpu_unlock_machine(cpu);
}

/* --- blocks by themselves --------------------------------------------------------------------------- */

static uint32_t *new_counter(struct jit *jit)
{
    if (jit->counters_used == jit->part_counters)
        return NULL;
    uint32_t *counter = &jit->parts[jit->part].counters[jit->counters_used++];
    *counter = -jit->hotter;
    return counter;
}

/* A counter for each access of the block. */
static uint32_t *new_miss_counters(struct jit *jit, const struct block *block)
{
    unsigned count = 0;
    for (unsigned i = 0; i < block->count; i++)
        count += (insn_infos[block->insns[i].op].flags & INSN_MEMORY) != 0;
    if (!count || jit->part_counters - jit->counters_used < count)
        return NULL;
    uint32_t *counters = &jit->parts[jit->part].counters[jit->counters_used];
    jit->counters_used += count;
    memset(counters, 0, count * sizeof *counters);
    return counters;
}

/* Makes sure that there is a unit for the next block. */
static bool have_spare(struct jit *jit)
{
    if (!jit->spare)
        jit->spare = calloc(1, sizeof *jit->spare);
    return jit->spare;
}

static struct unit *take_spare(struct jit *jit)
{
    struct unit *unit = have_spare(jit) ? jit->spare : NULL;
    jit->spare = NULL;
    return unit;
}

/* Translates one block. Returns the one that its code is to fall into, which must come next; or NULL. */
static struct block *translate_one(struct jit *jit, struct block_cache *cache, struct cpu *cpu, struct block *block)
{
    struct unit *unit = take_spare(jit);
    if (!unit)
        return NULL; /* it stays with the interpreter */
    struct unit_code code;
    struct x64 hot = jit->hot, cold = jit->cold;
    struct compile_job job = {&hot, &cold, cpu, new_counter(jit), new_miss_counters(jit, block), promote};
    const uint8_t *const hot_begin = hot.at, *const cold_begin = cold.at;
    report_begin(&jit->report);
    ir_of_block(compiler_ir(jit->compiler), block);
    if (!compile(jit->compiler, &job, &code)) {
        report_given_up(&jit->report);
        assert(!has_bytes(jit, LARGEST_BYTES));
        jit->wants_part = true;
        free(unit);
        return NULL;
    }
    jit->hot.at = hot.at;
    jit->cold.at = cold.at;
    *unit = (struct unit){.block = block, .entry = code.entry, .counted = code.counted, .counter = job.counter,
                          .misses = job.misses, .part = (uint8_t)jit->part, .next = jit->units};
    jit->units = unit;
    block->translation = unit;
    block->native_body = code.body;
    __atomic_thread_fence(__ATOMIC_RELEASE); /* parallel CPUs may come from here on */
    block->native_entry = code.entry;
    block->insns[0].run = (void (*)(struct cpu *, const struct insn *))jit->stubs.enter;
    struct block *next = NULL;
    if (code.link_count && code.links[code.link_count - 1].jump_end == jit->hot.at) {
        next = block_find(cache, code.links[code.link_count - 1].target);
        if (!next || next->translation || !next->heat || !has_bytes(jit, LARGEST_BYTES) || !have_spare(jit)) {
            next = NULL;
        } else if (!cpu->parallel) { /* one may have gone on already, by the jump */
            jit->hot.at -= X64_JMP_BYTES;
            code.link_count--;
        }
    }
    report(jit, hot_begin, cold_begin);
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
