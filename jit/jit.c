/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How the interpreter comes to translated code, and the first tier.
 *
 * The interpreter counts how often a block is entered and brings the hot ones here. Afterwards the handler of the
 * block's first record is stubs.enter, and jumps from other translated blocks go to native_entry. A block's own
 * translation counts on, and what is hotter still becomes the first of a region (regions.c), which takes its place for
 * all that jump there.
 *
 * The memory is divided into parts (parts.c). To drop one needs a moment when nobody runs translated code: for a block
 * there is one, as it comes from the interpreter; a region waits for the next turn. Parallel CPUs have no such moment
 * by themselves, so for them all is dropped at once, when they have stopped. */
#include "jit/jit.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "interp/interp.h"
#include "isa/arm64/fp/fast.h"
#include "jit/translator.h"
#include "machine/contract/host.h"

#define CACHE_BYTES   (32u << 20) /* one half for what is usually run, one for the rest */
#define COUNTED_BYTES 48u         /* of the cache, for each counter */
#define LEAST_PART    (512u << 10) /* of a half */
#define GUARD_BYTES   4096u
#define STACK_BYTES   ((size_t)GUARD_BYTES + RETURN_STACK_BYTES)
#define HOT           48u   /* how often a block is entered before it is worth a translation */
#define HOTTER        1000u /* and then, before it is worth a region */
#define HOT_FORCED    1u    /* under `jit`, where all is translated */
#define HOTTER_FORCED 12u   /* and short programs get regions too */

struct jit_settings jit_settings = {.cache_bytes = CACHE_BYTES};

/* --- making and ending ------------------------------------------------------------------------------ */

static void jit_free(void *translator)
{
    struct jit *jit = translator;
    background_free(jit->background);
    jit->background = NULL;
    report_close(&jit->report);
    drop_units(jit);
    if (jit->stacks)
        munmap(jit->stacks, jit->stacks_bytes);
    free(jit->spare);
    compiler_free(jit->compiler);
    code_memory_free(&jit->memory);
    fault_table_free(&jit->faults);
    free(jit);
}

static uint64_t *stack_bottom(const struct jit *jit, unsigned cpu)
{
    return (uint64_t *)(jit->stacks + (cpu + 1) * STACK_BYTES) - 2;
}

/* Each stack's only word that counts from the beginning is its bottom (begin_stack). */
static bool create_stacks(struct jit *jit, unsigned cpu_count)
{
    jit->stacks_bytes = cpu_count * STACK_BYTES + GUARD_BYTES;
    void *at = mmap(NULL, jit->stacks_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED)
        return false;
    jit->stacks = at;
    return true;
}

/* The first time that the CPU runs. */
static void begin_stack(struct jit *jit, struct cpu *cpu)
{
    uint8_t *low = jit->stacks + cpu->index * STACK_BYTES + GUARD_BYTES;
    if (mprotect(low, RETURN_STACK_BYTES, PROT_READ | PROT_WRITE) != 0)
        abort(); /* address space was given, but no memory: there is no CPU */
    *stack_bottom(jit, cpu->index) = jit->stubs.bottom;
    cpu->native.stack = (uintptr_t)stack_bottom(jit, cpu->index);
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

static void *create_with(unsigned cpu_count, uint32_t hotter, bool background, struct error *error)
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
    if (!code_memory_create(&jit->memory, jit_settings.cache_bytes, counters, jit_settings.process, error)) {
        free(jit);
        return NULL;
    }
    jit->hotter = hotter;
    jit->stubs.dropped = &jit->dropped;
    divide_memory(jit);
    jit->compiler = compiler_create(&jit->stubs);
    if (jit_settings.process && !fault_table_create(&jit->faults)) {
        error_set(error, "the host gives no memory for translated code; run with --engine interp");
        jit_free(jit);
        return NULL;
    }
    if (!jit->compiler || !create_stacks(jit, cpu_count)) {
        error_set(error, "the host gives no memory for translated code; run with --engine interp");
        jit_free(jit);
        return NULL;
    }
    jit->wants_background = background;
    return jit;
}

/* Where all is to be tested, or shown in the same order each time, regions come at once. */
static void *jit_create(unsigned cpu_count, unsigned hot, struct error *error)
{
    if (hot == HOT_FORCED)
        return create_with(cpu_count, HOTTER_FORCED, false, error);
    return create_with(cpu_count, jit_settings.hotter ? jit_settings.hotter : HOTTER, !jit_settings.dump, error);
}

/* --- turns and room --------------------------------------------------------------------------------- */

/* A turn begins. */
static void jit_prepare(void *translator, struct cpu *cpu)
{
    struct jit *jit = translator;
    if (cpu->native.stack != (uintptr_t)stack_bottom(jit, cpu->index))
        begin_stack(jit, cpu);
    cpu->native.stay_insns = jit_settings.stay_insns ? jit_settings.stay_insns
                             : cpu->parallel         ? PARALLEL_STAY_INSNS
                                                     : MAX_STAY_INSNS;
    __atomic_store_n(&jit->parallel, cpu->parallel, __ATOMIC_RELAXED);
    if (cpu->parallel)
        return;
    install_finished(jit, cpu);
    if (jit->wants_part)
        take_next_part(jit);
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
    const struct compile_job job = {.ir = &jit->block_ir, .hot = &hot, .cold = &cold, .cpu = cpu, .half = cpu->pc >> 63,
                                    .counter = new_counter(jit),
                                    .misses = cpu->user ? NULL : new_miss_counters(jit, block), .promote = promote,
                                    .faults = &jit->faults};
    const uint8_t *const hot_begin = hot.at, *const cold_begin = cold.at;
    report_begin(&jit->report);
    touch_ahead(jit);
    ir_of_block(&jit->block_ir, block);
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
    add_links(jit, cache, &code);
    links_point(&jit->links, block->physical, block->native_entry);
    report_unit(&jit->report, &jit->block_ir, jit->compiler,
                &(struct unit_place){hot_begin, jit->hot.at, cold_begin, jit->cold.at, jit->hot.run_offset});
    return next;
}

/* Blocks that were entered and follow each other come in a row, without jumps between them. */
static void jit_translate(void *translator, struct block_cache *cache, struct cpu *cpu, struct block *block)
{
    install_finished(translator, cpu);
    while (block)
        block = translate_one(translator, cache, cpu, block);
}

/* --- forgetting ------------------------------------------------------------------------------------- */

static void jit_drop_all(void *translator)
{
    struct jit *jit = translator;
    jit->report.counts.all_dropped++;
    drop_units(jit);
    jit->dropped = 1;
    for (unsigned i = 0; i < jit->part_count; i++)
        jit->parts[i].used = false;
    begin_part(jit, 0);
    fault_table_clear(&jit->faults);
}

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

static void jit_describe(void *translator, FILE *to)
{
    report_counts(&((struct jit *)translator)->report, to);
}

/* The thread is none of the child's. */
static void jit_fork(void *translator, enum engine_fork when)
{
    struct jit *jit = translator;
    if (jit->background)
        background_fork(jit->background, when);
    if (jit->background && when == ENGINE_FORK_CHILD)
        jit->background = NULL;
}

static bool jit_fault(void *translator, uintptr_t *host_pc)
{
    const struct jit *jit = translator;
    const uintptr_t offset = *host_pc - (uintptr_t)jit->memory.run;
    const uintptr_t slow = offset < jit->memory.bytes ? fault_table_find(&jit->faults, *host_pc) : 0;
    *host_pc = slow ? slow : *host_pc;
    return slow;
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
    .holds = region_holds,
    .describe = jit_describe,
    .fork = jit_fork,
    .fault = jit_fault,
};

static struct engine *create_auto(struct bus *bus, unsigned cpu_count, struct error *error)
{
    return interp_create_translating(bus, cpu_count, &jit_translator, HOT, error);
}

static struct engine *create_jit(struct bus *bus, unsigned cpu_count, struct error *error)
{
    return interp_create_translating(bus, cpu_count, &jit_translator, HOT_FORCED, error);
}

#define TRANSLATING_ENGINE(its_name, its_create)                                                                       \
    {                                                                                                                  \
        .name = its_name, .create = its_create, .free = interp_free, .run = interp_run,                                \
        .page_written = interp_page_written, .insn_asked = interp_insn_asked, .flush = interp_flush,                   \
        .make_room = interp_make_room,                                                                                 \
        .describe = interp_describe, .fork = interp_fork, .fault = interp_fault,                                       \
    }

const struct engine_ops jit_engine = TRANSLATING_ENGINE("auto", create_auto);
const struct engine_ops jit_only_engine = TRANSLATING_ENGINE("jit", create_jit);
