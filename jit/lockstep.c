/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Translated code beside the interpreter, chunk by chunk.
 *
 * A chunk runs first in a shadow of the CPU under the tested engine, on the machine's own RAM. What it wrote there is
 * kept and taken back. Then the interpreter runs the same chunk in the CPU itself:
 *
 *     CPU, RAM  -- copied -->  shadow  -- tested engine -->  shadow', RAM'
 *         |                                                       : compared
 *         +--------------- interpreter --------------------->  CPU', RAM''
 *
 * So what the guest sees is the interpreter's work, and a difference shows where it begins. Each side has its own
 * derived state (TLB, blocks), which may differ. An instruction that reaches outside (a device, a wire, another CPU)
 * ends the chunk before it, and is run once (cpu->confined). Single steps and counting go by the interpreter alone:
 * there the tested engine has nothing of its own to do. */
#include "jit/lockstep.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "interp/interp.h"
#include "isa/arm64/exception.h"
#include "isa/arm64/mmu.h"
#include "isa/arm64/pmu.h"
#include "jit/jit.h"
#include "jit/lockstep_state.h"

#define LONGEST_CHUNK 16384u
#define MANY_PAGES    128u
#define FIRST_RANDOM  0x9e3779b97f4a7c15

/* --- chunks ---------------------------------------------------------------------------------------- */

static uint64_t next_random(struct engine *engine)
{
    engine->random ^= engine->random << 13;
    engine->random ^= engine->random >> 7;
    engine->random ^= engine->random << 17;
    return engine->random >> 11;
}

/* Mostly long, since each chunk costs something; some so short that they end anywhere in a block. */
static uint64_t random_length(struct engine *engine)
{
    switch (next_random(engine) % 8) {
    case 0: return 1 + next_random(engine) % 16;
    case 1: return 1 + next_random(engine) % 300;
    default: return 1 + next_random(engine) % LONGEST_CHUNK;
    }
}

static bool many_pages(const struct engine *engine)
{
    return engine->journal.count >= MANY_PAGES;
}

/* Makes the shadow what the CPU is. */
static void prepare(struct shadow *shadow, const struct cpu *cpu)
{
    struct cpu *copy = &shadow->cpu;
    fields_copy(&cpu_fields, copy, cpu);
    copy->icc = cpu->icc; /* whether there is one shows; confined as it is it never gets there */
    copy->icc_gic = cpu->icc_gic;
    shadow->clock.now_ns = cpu->clock->now_ns;
    if (cpu->tlb_all->drops != shadow->drops)
        tlb_copy(copy, cpu); /* by a reset, or the like; TLBI in a chunk reached both sides */
    cpu_state_changed(copy);
}

static struct chunk_end run_side(struct engine *engine, const struct engine_ops *ops, struct engine *side,
                                 struct cpu *cpu, uint64_t limit)
{
    cpu->limit = limit;
    engine->running = cpu;
    const enum engine_exit exit = ops->run(side, cpu);
    engine->running = NULL;
    if (engine->journal.count)
        tlb_drop_all_write_tags(cpu);
    return (struct chunk_end){exit, cpu->limit != limit};
}

/* Runs the chunk from chunk->from to chunk->target on both sides. False: they differ. */
static bool run_chunk(struct engine *engine, struct cpu *cpu, struct chunk *chunk)
{
    struct cpu *copy = &engine->shadows[cpu->index]->cpu;
    journal_clear(&engine->journal);
    fields_copy(&cpu_fields, engine->start, cpu);
    prepare(engine->shadows[cpu->index], cpu);
    chunk->tested = run_side(engine, engine->tested_ops, engine->tested, copy, chunk->target);
    chunk->outside = copy->alone;
    chunk->cut = many_pages(engine);
    journal_undo(&engine->journal);
    if (chunk->outside && copy->icount == chunk->from)
        return true; /* nothing but perhaps an interrupt, which the instruction's own turn takes again */

    const bool early = chunk->outside || chunk->cut;
    chunk->judged = run_side(engine, &interp_engine, engine->judge, cpu, early ? copy->icount : chunk->target);
    for (unsigned i = 0; i < engine->cpu_count; i++)
        engine->shadows[i]->drops = cpu->peers[i]->tlb_all->drops;

    /* Stopping on purpose left its marks; BTYPE is void once an instruction was begun. */
    const uint64_t limit = copy->limit;
    copy->limit = cpu->limit;
    if (chunk->outside) {
        copy->alone = 0;
        copy->pstate.btype = cpu->pstate.btype;
    }
    const bool memory = journal_equal(&engine->journal), state = fields_equal(&cpu_fields, copy, cpu);
    copy->limit = limit;
    return memory && state && chunk->tested.exit == chunk->judged.exit &&
           (early || chunk->tested.attention == chunk->judged.attention);
}

/* --- when they differ ------------------------------------------------------------------------------ */

/* Back to the beginning of the chunk that ran last, with nothing derived left. */
static void restore(struct engine *engine, struct cpu *cpu)
{
    fields_copy(&cpu_fields, cpu, engine->start);
    journal_restore(&engine->journal);
    journal_clear(&engine->journal);
    interp_engine.flush(engine->judge);
    engine->tested_ops->flush(engine->tested);
    tlb_flush_all(cpu);
    tlb_flush_all(&engine->shadows[cpu->index]->cpu);
    cpu_state_changed(cpu);
}

static bool still_differs(struct engine *engine, struct cpu *cpu, struct chunk *chunk, uint64_t insns)
{
    restore(engine, cpu);
    *chunk = (struct chunk){.from = cpu->icount, .target = cpu->icount + insns};
    return !run_chunk(engine, cpu, chunk);
}

/* Lets the interpreter run the chunk that ran last again, one instruction after the other, and restores. */
static void take_trace(struct engine *engine, struct cpu *cpu, uint64_t insns, struct trace *trace)
{
    restore(engine, cpu);
    const uint64_t end = cpu->icount + insns;
    trace->count = 0;
    engine->running = cpu;
    while (cpu->icount < end && cpu->wait == WAIT_NONE) {
        struct traced *insn = &trace->insns[trace->count++ % TRACE_INSNS];
        const struct mmu_request request = {.access = ACCESS_FETCH, .el = cpu->pstate.el};
        struct translation found;
        *insn = (struct traced){.pc = cpu->pc};
        const uint8_t *code = NULL;
        if (mmu_translate(cpu, cpu->pc, &request, &found) == FAULT_NONE)
            code = memory_at(&engine->bus->ram, found.physical, 4);
        if (code) {
            insn->physical = found.physical;
            memcpy(&insn->word, code, sizeof insn->word);
        }
        cpu->limit = end;
        interp_step(engine->judge, cpu);
    }
    engine->running = NULL;
    restore(engine, cpu);
}

/* Says what differs, and after how few instructions. */
static enum engine_exit complain(struct engine *engine, struct cpu *cpu, struct chunk *chunk)
{
    fprintf(stderr, "lockstep: CPU %u, instructions %llu to %llu\n", cpu->index, (unsigned long long)chunk->from,
            (unsigned long long)chunk->target);
    report_difference(engine, cpu, chunk);
    uint64_t same = 0, differ = chunk->target - chunk->from;
    if (!still_differs(engine, cpu, chunk, differ)) {
        fprintf(stderr, "lockstep: from the same state with empty TLBs and code caches they do not differ\n");
        return ENGINE_EXIT_WRONG;
    }
    while (differ - same > 1) {
        const uint64_t middle = same + (differ - same) / 2;
        *(still_differs(engine, cpu, chunk, middle) ? &differ : &same) = middle;
    }
    static struct trace trace;
    take_trace(engine, cpu, differ, &trace);
    still_differs(engine, cpu, chunk, differ);
    fprintf(stderr, "lockstep: the first %llu of them are enough\n", (unsigned long long)differ);
    report_difference(engine, cpu, chunk);
    report_code(engine, cpu, &trace);
    return ENGINE_EXIT_WRONG;
}

/* --- the engine ------------------------------------------------------------------------------------ */

static enum engine_exit lockstep_run(struct engine *engine, struct cpu *cpu)
{
    for (;;) {
        if (cpu->stop_requested)
            return ENGINE_EXIT_REQUEST;
        if (cpu->wait)
            return ENGINE_EXIT_WAIT;
        if (cpu->icount >= cpu->limit)
            return ENGINE_EXIT_LIMIT;
        bool by_itself = cpu->alone || cpu->debug_armed || pmu_runs(cpu);
        if (!by_itself) {
            const uint64_t outer = cpu->limit, insns = random_length(engine), left = outer - cpu->icount;
            struct chunk chunk = {.from = cpu->icount, .target = cpu->icount + (insns < left ? insns : left)};
            if (!run_chunk(engine, cpu, &chunk))
                return complain(engine, cpu, &chunk);
            by_itself = chunk.outside && cpu->icount == engine->shadows[cpu->index]->cpu.icount;
            if (!chunk.judged.attention)
                cpu->limit = outer;
        }
        /* Whoever lowers the limit meanwhile is heard: it is the real one. */
        if (by_itself && cpu->icount < cpu->limit)
            interp_step(engine->judge, cpu);
    }
}

static void lockstep_free(struct engine *engine)
{
    if (!engine)
        return;
    for (unsigned i = 0; i < engine->cpu_count && engine->shadows; i++)
        if (engine->shadows[i]) {
            cpu_free(&engine->shadows[i]->cpu);
            clock_free(&engine->shadows[i]->clock);
            free(engine->shadows[i]);
        }
    if (engine->judge)
        interp_engine.free(engine->judge);
    if (engine->tested)
        engine->tested_ops->free(engine->tested);
    journal_free(&engine->journal);
    free(engine->shadows);
    free(engine->shadow_cpus);
    free(engine->start);
    free(engine);
}

/* Aligned as a CPU's vectors want it, and zero. */
static void *zeroed(size_t bytes)
{
    void *at = aligned_alloc(64, (bytes + 63) / 64 * 64);
    return at ? memset(at, 0, bytes) : NULL;
}

static bool make_shadows(struct engine *engine, struct error *error)
{
    engine->start = zeroed(sizeof *engine->start);
    engine->shadows = calloc(engine->cpu_count, sizeof *engine->shadows);
    engine->shadow_cpus = calloc(engine->cpu_count, sizeof *engine->shadow_cpus);
    bool complete = engine->start && engine->shadows && engine->shadow_cpus;
    for (unsigned i = 0; i < engine->cpu_count && complete; i++) {
        struct shadow *shadow = engine->shadows[i] = zeroed(sizeof *shadow);
        complete = shadow;
        if (!complete)
            break;
        clock_init(&shadow->clock);
        if (!cpu_init(&shadow->cpu, i, CPU_V8_0, engine->bus, &shadow->clock, error)) /* the model is copied later */
            return false;
        shadow->cpu.confined = true;
        shadow->cpu.peers = engine->shadow_cpus;
        shadow->cpu.peer_count = engine->cpu_count;
        engine->shadow_cpus[i] = &shadow->cpu;
    }
    return complete || error_set(error, "no memory for lockstep");
}

struct engine *lockstep_create(struct bus *bus, unsigned cpu_count, const struct engine_ops *tested,
                               struct error *error)
{
    struct engine *engine = calloc(1, sizeof *engine);
    if (!engine) {
        error_set(error, "no memory for lockstep");
        return NULL;
    }
    engine->bus = bus;
    engine->cpu_count = cpu_count;
    engine->tested_ops = tested;
    engine->random = FIRST_RANDOM;
    bool complete = make_shadows(engine, error);
    if (complete && !journal_create(&engine->journal, &bus->ram))
        complete = error_set(error, "no memory for lockstep");
    complete = complete && (engine->judge = interp_engine.create(bus, cpu_count, error)) &&
               (engine->tested = tested->create(bus, cpu_count, error));
    if (complete)
        return engine;
    lockstep_free(engine);
    return NULL;
}

static struct engine *create_with_jit(struct bus *bus, unsigned cpu_count, struct error *error)
{
    return lockstep_create(bus, cpu_count, &jit_only_engine, error);
}

static void lockstep_page_written(struct engine *engine, uint64_t page_address)
{
    struct ram *ram = &engine->bus->ram;
    if (ram->page_flags[ram_page(ram, page_address)] & PAGE_HAS_CODE) {
        interp_engine.page_written(engine->judge, page_address);
        engine->tested_ops->page_written(engine->tested, page_address);
    }
    if (!engine
             ->running) { /* a device, or an instruction by itself: the next chunk's store is to come by all the same */
        ram->page_flags[ram_page(ram, page_address)] |= PAGE_CLEAN;
        return;
    }
    journal_note(&engine->journal, page_address);
    if (engine->running->confined && many_pages(engine))
        cpu_attention(engine->running);
}

static void lockstep_flush(struct engine *engine)
{
    engine->random = FIRST_RANDOM; /* what begins anew begins with the same chunks */
    interp_engine.flush(engine->judge);
    engine->tested_ops->flush(engine->tested);
}

const struct engine_ops lockstep_engine = {
    .name = "lockstep",
    .create = create_with_jit,
    .free = lockstep_free,
    .run = lockstep_run,
    .page_written = lockstep_page_written,
    .flush = lockstep_flush,
};
