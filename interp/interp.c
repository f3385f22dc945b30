/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The interpreter's loop: find the block at PC, run it, see to whatever asked for attention.
 *
 * From a branch threaded code goes on to the target's block by itself while that is known and ends before the limit:
 * whoever wants the loop's attention (an interrupt, WFI, a stop) sets limit to 0. Exceptions come back by a jump to
 * the top of interp_run(). */
#include "interp/interp.h"
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "interp/block.h"
#include "interp/crypto.h"
#include "interp/exec.h"
#include "isa/arm64/debug.h"
#include "isa/arm64/mmu.h"
#include "isa/arm64/stops.h"
#include "isa/arm64/threads.h"

#define ARENA_BYTES   (40u << 20)
#define LOOKUPS_BYTES ((LOOKUP_ENTRIES + LOOKUP_SITES) * sizeof(struct lookup))

struct engine {
    struct bus *bus;
    struct block_cache *blocks;
    unsigned cpu_count;
    /* While a debugger is told of pieces (stops.h): lookups that lead nowhere, so that threaded code comes back to the
     * loop behind each block, and those by which the loop goes on. NULL until then. */
    struct lookup *no_lookups, *piece_lookups;
    bool in_piece;
    uint64_t piece_icount; /* where it began */
    struct lookup *lookups[]; /* of each CPU that has run: no key is 0 */
};

/* The tables of handlers, from the instruction tables. */

#define DECLARE_HANDLER(id, name, assume) void run_##id(struct cpu *cpu, const struct insn *insn);
#define DECLARE_PLAIN(name)               void plain_##name(struct cpu *cpu, const struct insn *insn);
INSN_HANDLERS_ALL(DECLARE_HANDLER, DECLARE_HANDLER, DECLARE_HANDLER)
INSN_NAMES_ALL(DECLARE_PLAIN)

static void plain_undefined(struct cpu *cpu, const struct insn *insn)
{
    cpu_undefined(cpu, insn);
}

#define HANDLER_ROW(id, name, assume) [HANDLER_##id] = run_##id,
static void (*const handlers[HANDLER_COUNT])(struct cpu *cpu, const struct insn *insn) = {
    [HANDLER_UNDEFINED] = plain_undefined,
    INSN_HANDLERS_ALL(HANDLER_ROW, HANDLER_ROW, HANDLER_ROW)
};

#define PLAIN_ROW(name) [OP_##name] = plain_##name,
static void (*const plain_functions[OP_COUNT])(struct cpu *cpu, const struct insn *insn) = {
    INSN_NAMES_ALL(PLAIN_ROW)
};

void (*interp_handler(unsigned handler))(struct cpu *cpu, const struct insn *insn)
{
    return handlers[handler];
}

void (*interp_plain_of(const struct insn *insn))(struct cpu *cpu, const struct insn *insn)
{
    return plain_functions[insn->op] ? plain_functions[insn->op] : plain_undefined;
}

static void run_plain(struct cpu *cpu, const struct insn *insn)
{
    interp_plain_of(insn)(cpu, insn);
}

void run_block_end(struct cpu *cpu, const struct insn *insn)
{
}

/* Finding blocks. */

static void forget_lookups(struct engine *engine)
{
    for (unsigned i = 0; i < engine->cpu_count; i++)
        if (engine->lookups[i])
            memset(engine->lookups[i], 0, LOOKUPS_BYTES);
    if (engine->piece_lookups)
        memset(engine->piece_lookups, 0, LOOKUPS_BYTES);
}

/* A process may end before it has touched much of them. */
static struct lookup *map_lookups(const struct engine *engine)
{
    if (!engine->bus->process)
        return host_map(LOOKUPS_BYTES);
    void *at = mmap(NULL, LOOKUPS_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

static struct lookup *mapped(struct lookup **lookups, const struct engine *engine)
{
    if (!*lookups && !(*lookups = map_lookups(engine)))
        abort(); /* the host has no memory: there is no CPU */
    return *lookups;
}

/* A debugger is asked about the instruction at PC, once. True: the CPU does not run it now. */
static bool ask(struct cpu *cpu, bool (*hook)(void *context, struct cpu *cpu))
{
    if (cpu->asked_pc == cpu->pc && cpu->asked_icount == cpu->icount)
        return false;
    cpu->asked_pc = cpu->pc;
    cpu->asked_icount = cpu->icount;
    return hook(cpu->stops->context, cpu);
}

/* There is a breakpoint at PC. True: go back to the loop, to stop there or to run just this instruction. */
static bool at_breakpoint(struct cpu *cpu)
{
    if (ask(cpu, cpu->stops->reached))
        return true;
    bool was_alone = cpu->alone;
    cpu->alone = 1;
    return !was_alone;
}

/* Translates PC and finds or decodes its block. Faults of the fetch do not return. NULL: go back to the loop first, to
 * stop at a breakpoint, or as a parallel CPU for room. */
static __attribute__((noinline)) struct block *find_block(struct engine *engine, struct cpu *cpu)
{
    bool guarded;
    uint64_t physical = mmu_fetch(cpu, cpu->pc, &guarded);
    if (cpu->stops && cpu->stops->fetched)
        cpu->stops->fetched(cpu->stops->context, cpu, physical);
    struct lookup *slot = lookup_slot(cpu->lookups, cpu->pc);
    struct block *block;
    if (slot->pc == cpu->pc && slot->key && slot->block->physical == physical) {
        block = slot->block; /* it is as it was under another key */
    } else {
        bool dropped = false;
        block = block_get(engine->blocks, cpu, physical, &dropped);
        if (dropped)
            forget_lookups(engine);
        if (!block)
            return NULL;
    }
    if (block->stops && cpu->stops && at_breakpoint(cpu))
        return NULL;
    if (guarded && cpu->pstate.btype)
        debug_check_branch_target(cpu, &block->insns[0]);
    if (block->stops)
        return block;
    *slot = (struct lookup){.pc = cpu->pc, .key = lookup_key(cpu), .block = block};
    return block;
}

/* Running them. */

/* The first `count` instructions of a block, fewer than all. */
static void run_part(struct cpu *cpu, const struct block *block, unsigned count)
{
    cpu->pc += 4ull * block->count;
    cpu->icount += block->count;
    cpu->pstate.btype = 0;
    for (unsigned i = 0; i < count; i++)
        run_plain(cpu, &block->insns[i]);
    cpu->pc -= 4ull * (block->count - count);
    cpu->icount -= block->count - count;
}

static void begin_piece(struct engine *engine, struct cpu *cpu)
{
    if (!cpu->stops || !cpu->stops->piece_begins)
        return;
    cpu->stops->piece_begins(cpu->stops->context, cpu);
    engine->piece_icount = cpu->icount;
    engine->in_piece = true;
}

/* However it ended. */
static void end_piece(struct engine *engine, struct cpu *cpu)
{
    engine->in_piece = false;
    cpu->stops->piece_ran(cpu->stops->context, cpu->icount - engine->piece_icount);
}

/* A block, or what of it lies before the limit. */
static void run_piece(struct engine *engine, struct cpu *cpu)
{
    cpu->lookups = mapped(&engine->piece_lookups, engine);
    const struct block *block = block_look_up(cpu);
    if (!block && !(block = find_block(engine, cpu)))
        return;
    const uint64_t left = cpu_limit(cpu) - cpu->icount;
    cpu->lookups = mapped(&engine->no_lookups, engine);
    begin_piece(engine, cpu);
    if (block->count > left) {
        run_part(cpu, block, (unsigned)left);
        return;
    }
    cpu->pc += 4ull * block->count;
    cpu->icount += block->count;
    cpu->pstate.btype = 0;
    block->first(cpu, block->insns);
}

/* One instruction by itself, with the checks of the debug architecture where they are armed. */
static void run_one(struct engine *engine, struct cpu *cpu)
{
    if (cpu->debug_armed & DEBUG_OBSERVED && ask(cpu, cpu->stops->each_insn))
        return;
    if (cpu->debug_armed)
        debug_before_insn(cpu);
    const struct block *block = block_look_up(cpu);
    if (!block && !(block = find_block(engine, cpu)))
        return;
    begin_piece(engine, cpu);
    struct insn alone = block->insns[0];
    alone.left = 1;
    cpu->pc += 4;
    cpu->icount++;
    cpu->pstate.btype = 0;
    run_plain(cpu, &alone);
    cpu->alone = false;
    if (cpu->debug_armed)
        debug_after_insn(cpu);
}

/* `once`: one instruction is enough. */
static enum engine_exit run_until_exit(struct engine *engine, struct cpu *cpu, bool once)
{
    const uint64_t from = cpu->icount;
    jmp_buf on_exception;
    cpu->on_exception = &on_exception;
    cpu->lookups = mapped(&engine->lookups[cpu->index], engine);
    cpu->blocks = engine->blocks;
    block_cache_prepare(engine->blocks, cpu);
    _setjmp(on_exception);
    for (;;) {
        if (engine->in_piece)
            end_piece(engine, cpu);
        if (cpu_flag(&cpu->stop_requested))
            return ENGINE_EXIT_REQUEST;
        if (cpu_flag(&cpu->wait))
            return ENGINE_EXIT_WAIT;
        if (cpu->parallel && block_cache_full(engine->blocks))
            return ENGINE_EXIT_FULL;
        if (cpu->icount >= cpu_limit(cpu) || (once && cpu->icount != from))
            return ENGINE_EXIT_LIMIT;
        if (cpu_interrupt_ready(cpu))
            cpu_take_interrupt(cpu);
        if (cpu->alone || cpu->debug_armed & ~(unsigned)DEBUG_PIECES || once) {
            run_one(engine, cpu);
            continue;
        }
        if (cpu->debug_armed) {
            run_piece(engine, cpu);
            continue;
        }
        const struct block *block = block_look_up(cpu);
        if (!block && !(block = find_block(engine, cpu)))
            continue;
        uint64_t limit = cpu_limit(cpu);
        if (cpu->icount + block->count > limit) {
            if (cpu->icount < limit) /* a parallel CPU's may have become 0 by now */
                run_part(cpu, block, (unsigned)(limit - cpu->icount));
            continue;
        }
        while ((block = block_enter_next(cpu)))
            block->insns[0].run(cpu, block->insns);
    }
}

/* The engine. */

enum engine_exit interp_run(struct engine *engine, struct cpu *cpu)
{
    enum engine_exit exit = run_until_exit(engine, cpu, false);
    cpu->x[REG_SINK] = 0; /* what translated code does not write: the state is the same under every engine */
    return exit;
}

enum engine_exit interp_step(struct engine *engine, struct cpu *cpu)
{
    enum engine_exit exit = run_until_exit(engine, cpu, true);
    cpu->x[REG_SINK] = 0;
    return exit;
}

void interp_free(struct engine *engine)
{
    if (!engine)
        return;
    block_cache_free(engine->blocks);
    for (unsigned i = 0; i < engine->cpu_count; i++)
        host_unmap(engine->lookups[i], LOOKUPS_BYTES);
    host_unmap(engine->no_lookups, LOOKUPS_BYTES);
    host_unmap(engine->piece_lookups, LOOKUPS_BYTES);
    free(engine);
}

struct engine *interp_create_translating(struct bus *bus, unsigned cpu_count, const struct translator_ops *translator,
                                         unsigned hot, struct error *error)
{
    crypto_choose();
    struct engine *engine = calloc(1, sizeof *engine + cpu_count * sizeof engine->lookups[0]);
    if (!engine) {
        error_set(error, "no memory for the interpreter");
        return NULL;
    }
    engine->bus = bus;
    engine->cpu_count = cpu_count;
    engine->blocks = block_cache_create(bus, ARENA_BYTES, cpu_count, translator, hot, error);
    if (!engine->blocks) {
        interp_free(engine);
        return NULL;
    }
    return engine;
}

void interp_describe(struct engine *engine, FILE *to)
{
    block_cache_describe(engine->blocks, to);
}

static struct engine *interp_create(struct bus *bus, unsigned cpu_count, struct error *error)
{
    return interp_create_translating(bus, cpu_count, NULL, 0, error);
}

void interp_page_written(struct engine *engine, uint64_t page_address)
{
    block_page_written(engine->blocks, page_address);
}

void interp_insn_asked(struct engine *engine, uint64_t physical)
{
    block_insn_asked(engine->blocks, physical);
}

void interp_fork(struct engine *engine, enum engine_fork when)
{
    block_cache_fork(engine->blocks, when);
}

bool interp_fault(struct engine *engine, uintptr_t *host_pc)
{
    return block_cache_fault(engine->blocks, host_pc);
}

void interp_flush(struct engine *engine)
{
    if (!block_any(engine->blocks))
        return; /* and no lookup leads to any */
    block_drop_all(engine->blocks);
    forget_lookups(engine);
}

void interp_make_room(struct engine *engine)
{
    if (block_cache_make_room(engine->blocks))
        forget_lookups(engine);
}

const struct engine_ops interp_engine = {
    .name = "interp",
    .create = interp_create,
    .free = interp_free,
    .run = interp_run,
    .page_written = interp_page_written,
    .insn_asked = interp_insn_asked,
    .flush = interp_flush,
    .make_room = interp_make_room,
    .fork = interp_fork,
    .fault = interp_fault,
};
