/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The second tier: from a block that is entered often to the region that begins with it.
 *
 * The region's form is made where the block is found; its code by the thread of background.c, or at once where there
 * is none. Until the code is there the block goes on by itself, and comes to promote() now and then, so that a loop
 * gets its region although nothing else happens. So do the region's other blocks: what they are entered for may be over
 * then. */
#include <stdlib.h>
#include <string.h>
#include "isa/arm64/mmu.h"
#include "isa/arm64/threads.h"
#include "isa/arm64/user.h"
#include "jit/translator.h"

#define MISSES_FRACTION 8u /* an access whose slot misses more often than once in so many does without */
#define AGAIN_FRACTION  4u /* a block that waits for its region is entered so many times less before it asks */
#define RARELY_INSNS    32768u /* a block that is entered less often than once in so many instructions is entered rarely */
#define MISSES_LOOK     8192u /* so many, and a region's access is looked at again */
#define MISSES_MANY     0x40000000u
#define ROOM_BYTES      (128u << 10) /* that the thread gets at once, of either half: regions are far shorter */

/* --- forming ---------------------------------------------------------------------------------------- */

static uint32_t heat_of(const void *context, const struct block *block)
{
    const struct jit *jit = context;
    const struct unit *unit = unit_of(block);
    if (!unit || block->physical == NO_BLOCK_ADDRESS)
        return 0;
    return unit->counter ? *unit->counter + jit->hotter : 1;
}

/* Each access has the counter of its block's own translation, which counts on in regions. */
static void attach_counters(struct ir_block *block)
{
    uint32_t *misses = unit_of(block->block)->misses;
    for (unsigned k = 0; misses && k < block->count; k++)
        if (insn_infos[block->ops[k].insn.op].flags & INSN_MEMORY)
            block->ops[k].misses = misses++;
}

/* What the block's own translation has learnt of its accesses, or a region; from now on they count up to 0. (Parallel
 * CPUs do not count on: they would take the counters from each other.) */
static void note_misses(const struct jit *jit, struct ir_block *block, bool parallel)
{
    const uint32_t many = heat_of(jit, block->block) / MISSES_FRACTION + 1;
    attach_counters(block);
    for (unsigned k = 0; k < block->count; k++) {
        struct ir_op *op = &block->ops[k];
        if (!op->misses)
            continue;
        op->changes_pages = (int32_t)*op->misses > (int32_t)many;
        if (op->changes_pages)
            *op->misses = MISSES_MANY;
        else if (*op->misses < MISSES_MANY)
            *op->misses = -MISSES_LOOK;
        op->misses = parallel ? NULL : op->misses;
    }
}

/* Whether a jump by register within the page of `head` leaves a BTYPE that somebody may ask for. Of a process the
 * rights of a page stand as long as what is translated of it; other pages may be guarded in one address space and not
 * in the next. */
static bool may_guard(const struct cpu *cpu, const struct block *head)
{
    return has_feature(&cpu->features, FEAT_BTI) &&
           !(cpu->user && !(cpu->user->page(cpu->user->context, head->physical) & IS_GUARDED));
}

static void form_region(struct jit *jit, struct cpu *cpu, struct block *head, struct region *region)
{
    ir_of_region(&region->ir, cpu->blocks, head, heat_of, jit, may_guard(cpu, head));
    for (unsigned i = 0; i < region->ir.block_count; i++) {
        struct ir_block *block = &region->ir.blocks[i];
        block->counted = unit_of(block->block)->counted;
        note_misses(jit, block, cpu->parallel);
    }
    region->adapt = adapt;
    region->faults = &jit->faults;
    region->cpu = cpu;
    region->half = cpu->pc >> 63;
}

/* --- installing ------------------------------------------------------------------------------------- */

/* Whether the region's blocks and their own translations, which its code leads to, are what they were. Blocks stand
 * where they are until all regions on their way are cancelled. */
static bool is_current(const struct ir *ir)
{
    for (unsigned i = 0; i < ir->block_count; i++) {
        const struct ir_block *block = &ir->blocks[i];
        const struct unit *unit = unit_of(block->block);
        if (block->block->physical != block->physical || !unit || unit->counted != block->counted)
            return false;
    }
    return true;
}

/* The parts that the region's code leads into: its own, and those of its blocks' own translations. */
static uint32_t parts_of(const struct ir *ir, unsigned part)
{
    uint32_t parts = 1u << part;
    for (unsigned i = 0; i < ir->block_count; i++)
        parts |= 1u << unit_of(ir->blocks[i].block)->part;
    return parts;
}

/* Of a page, a bit for so many bytes. */
static unsigned piece_of(uint64_t physical)
{
    return (unsigned)(physical % PAGE_SIZE_BYTES / (PAGE_SIZE_BYTES / 64));
}

static uint64_t pieces_of(const struct ir *ir)
{
    uint64_t pieces = 0;
    for (unsigned i = 0; i < ir->block_count; i++) {
        const struct block *block = ir->blocks[i].block;
        const unsigned last = piece_of(block->physical + 4ull * (block->count - 1));
        for (unsigned piece = piece_of(block->physical); piece <= last; piece++)
            pieces |= 1ull << piece;
    }
    return pieces;
}

bool region_holds(const void *translator, const struct block *block, uint64_t physical)
{
    return unit_of(block)->region_holds >> piece_of(physical) & 1;
}

static bool has_region(const struct block *block)
{
    return block->native_entry != unit_of(block)->entry;
}

/* The region's code lies in `part`. */
static void install(struct jit *jit, struct cpu *cpu, const struct region *region, unsigned part)
{
    struct block *block = region->ir.blocks[0].block;
    struct unit *unit = unit_of(block);
    const struct unit_code *code = &region->code;
    /* Behind those of an earlier one, which may still be returned to. */
    const unsigned count = unit->return_count + code->return_count;
    uint8_t **returns = realloc(unit->returns, count * sizeof *returns + 1);
    if (!returns)
        return;
    memcpy(returns + unit->return_count, code->returns, code->return_count * sizeof *returns);
    unit->returns = returns;
    unit->return_count = count;
    unit->region_parts |= parts_of(&region->ir, part);
    unit->region_holds |= pieces_of(&region->ir);
    unit->adapted_at = cpu->icount;
    add_links(jit, cpu->blocks, code);
    __atomic_thread_fence(__ATOMIC_RELEASE); /* parallel CPUs may come from here on */
    block->native_entry = code->entry;
    if (!cpu->parallel) { /* one may be in the very instruction; links and lookups lead to the region all the same */
        if (!unit->redirected)
            memcpy(unit->counts, (uint8_t *)unit->entry - jit->hot.run_offset, sizeof unit->counts);
        unit->redirected = true;
        redirect(jit, unit, block->native_entry);
    }
    links_point(&jit->links, block->physical, block->native_entry);
}

/* `compiler`: with which it was compiled last, or NULL. */
static void report(struct jit *jit, const struct region *region, const struct compiler *compiler)
{
    const struct unit_place place = {region->hot.at, region->hot_end, region->cold.at, region->cold_end,
                                     region->hot.run_offset};
    report_unit(&jit->report, &region->ir, compiler, &place);
}

static void take_finished(struct jit *jit, struct cpu *cpu, const struct region *region)
{
    jit->report.counts.background_ns += region->ns;
    report_begin(&jit->report);
    if (!is_current(&region->ir)) {
        jit->report.counts.stale++;
    } else if (region->compiled) {
        install(jit, cpu, region, jit->background_part);
        report(jit, region, NULL);
        return;
    } else if (region->had_all) {
        *unit_of(region->ir.blocks[0].block)->counter = 1; /* it does not ask again */
        report_given_up(&jit->report);
        return;
    }
    report_end(&jit->report);
}

void install_finished(struct jit *jit, struct cpu *cpu)
{
    const struct region *region;
    while (jit->background && (region = background_finished(jit->background))) {
        take_finished(jit, cpu, region);
        background_taken(jit->background);
    }
}

/* --- compiling -------------------------------------------------------------------------------------- */

/* The unit's region is tried again when there may be room. */
static void want_part(struct jit *jit, struct unit *unit)
{
    jit->wants_part = true;
    *unit->counter = -(jit->hotter / 2);
}

static bool have_bytes(struct jit *jit, size_t bytes)
{
    return has_bytes(jit, bytes) || take_free_part(jit);
}

static void wait(const struct jit *jit, const struct cpu *cpu, struct unit *unit)
{
    const uint32_t entries = -(jit->hotter / AGAIN_FRACTION);
    if ((int32_t)*unit->counter >= 0 || *unit->counter > entries)
        *unit->counter = entries;
    unit->waits = true;
    unit->waits_from = cpu->icount;
}

/* Blocks of one loop are about equally hot: without this each would become the head of the same region. What runs as
 * several copies in turn takes room, also where the host remembers which way branches went. */
static void let_others_wait(const struct jit *jit, const struct cpu *cpu, const struct ir *ir)
{
    for (unsigned i = 1; i < ir->block_count; i++) {
        struct unit *unit = unit_of(ir->blocks[i].block);
        if (unit->counter && (int32_t)*unit->counter < 0 && !has_region(ir->blocks[i].block))
            wait(jit, cpu, unit);
    }
}

/* Whether the block, which has waited, was entered by itself only now and then: where a turn ended, most likely. */
static bool is_rare(const struct jit *jit, const struct cpu *cpu, const struct unit *unit)
{
    return unit->waits && cpu->icount - unit->waits_from > (uint64_t)jit->hotter / AGAIN_FRACTION * RARELY_INSNS;
}

static void compile_here(struct jit *jit, struct cpu *cpu, struct block *block)
{
    struct region *region = &jit->region;
    struct x64 hot = jit->hot, cold = jit->cold;
    report_begin(&jit->report);
    form_region(jit, cpu, block, region);
    const struct compile_job job = {
        .ir = &region->ir, .hot = &hot, .cold = &cold, .cpu = region->cpu, .half = region->half, .adapt = adapt,
        .faults = &jit->faults};
    region->hot = hot;
    region->cold = cold;
    if (!compile(jit->compiler, &job, &region->code)) {
        report_given_up(&jit->report);
        if (!has_bytes(jit, LARGEST_BYTES))
            want_part(jit, unit_of(block));
        return;
    }
    jit->hot.at = region->hot_end = hot.at;
    jit->cold.at = region->cold_end = cold.at;
    install(jit, cpu, region, jit->part);
    let_others_wait(jit, cpu, &region->ir);
    report(jit, region, jit->compiler);
}

/* The thread's room is what comes next of the part that is being filled. */
static void give_room(struct jit *jit)
{
    struct x64 hot = jit->hot, cold = jit->cold;
    hot.end = jit->hot.at += ROOM_BYTES;
    cold.end = jit->cold.at += ROOM_BYTES;
    jit->background_part = jit->part;
    background_give_room(jit->background, &hot, &cold);
}

/* Gives it to the thread, if that can be done now. */
static void submit(struct jit *jit, struct cpu *cpu, struct block *block)
{
    struct unit *unit = unit_of(block);
    if (background_wants_room(jit->background)) {
        if (!have_bytes(jit, ROOM_BYTES)) {
            want_part(jit, unit);
            return;
        }
        give_room(jit);
    }
    struct region *region = background_next(jit->background);
    if (!region) {
        background_hurry(jit->background);
        return;
    }
    report_begin(&jit->report);
    form_region(jit, cpu, block, region);
    let_others_wait(jit, cpu, &region->ir);
    background_submit(jit->background);
    report_end(&jit->report);
}

void begin_background(struct jit *jit)
{
    if (jit->wants_background && !jit->background)
        jit->background = background_create(&jit->stubs);
}

/* The region that begins with the block, now or before long. */
static void make_region(struct jit *jit, struct cpu *cpu, struct block *block)
{
    begin_background(jit);
    if (jit->background && background_has(jit->background, block))
        background_hurry(jit->background);
    else if (jit->background)
        submit(jit, cpu, block);
    else if (have_bytes(jit, SOME_BYTES))
        compile_here(jit, cpu, block);
    else
        want_part(jit, unit_of(block));
}

void promote(struct cpu *cpu, const struct insn *insn)
{
    struct jit *jit = block_cache_translator(cpu->blocks);
    struct block *block = (struct block *)((uint8_t *)insn - offsetof(struct block, insns));
    cpu_lock_machine(cpu);
    install_finished(jit, cpu);
    struct unit *unit = unit_of(block);
    if (block->physical != NO_BLOCK_ADDRESS && unit && !has_region(block)) { /* another CPU may have been first */
        if (is_rare(jit, cpu, unit)) {
            wait(jit, cpu, unit);
        } else {
            make_region(jit, cpu, block);
            if (jit->background)
                *unit->counter = -(jit->hotter / AGAIN_FRACTION);
        }
    }
    cpu_unlock_machine(cpu);
}

/* --- adapting --------------------------------------------------------------------------------------- */

/* How many instructions the region runs for each time that this block is entered, as far as is known. */
static uint64_t insns_an_entry(const struct ir *ir, const struct ir_block *block)
{
    uint64_t insns = 0;
    for (unsigned i = 0; i < ir->block_count; i++)
        insns += (uint64_t)ir->blocks[i].heat * ir->blocks[i].count;
    return insns / (block->heat + 1ull) + 1;
}

/* Marks the accesses whose slots missed too often in the last `insns` instructions, in their counters. The block was
 * entered once in insns_an_entry() at most: there may have been other things to do. */
static bool mark_misses(const struct ir *ir, const struct ir_block *block, uint64_t insns)
{
    const uint64_t entries = insns / insns_an_entry(ir, block);
    bool marked = false;
    for (unsigned k = 0; k < block->count; k++) {
        uint32_t *const misses = block->ops[k].misses;
        if (!misses || (int32_t)*misses >= (int32_t)MISSES_MANY)
            continue;
        const bool many = (uint64_t)(*misses + MISSES_LOOK) * MISSES_FRACTION > entries;
        *misses = many ? MISSES_MANY : -MISSES_LOOK;
        marked |= many;
    }
    return marked;
}

void adapt(struct cpu *cpu, const struct insn *insn)
{
    struct jit *jit = block_cache_translator(cpu->blocks);
    struct block *block = (struct block *)((uint8_t *)insn - offsetof(struct block, insns));
    cpu_lock_machine(cpu);
    install_finished(jit, cpu);
    struct unit *unit = unit_of(block);
    if (block->physical != NO_BLOCK_ADDRESS && unit && has_region(block)) {
        struct ir *ir = &jit->region.ir;
        bool marked = false;
        ir_of_region(ir, cpu->blocks, block, heat_of, jit, may_guard(cpu, block));
        for (unsigned i = 0; i < ir->block_count; i++) {
            attach_counters(&ir->blocks[i]);
            marked |= mark_misses(ir, &ir->blocks[i], cpu->icount - unit->adapted_at);
        }
        unit->adapted_at = cpu->icount;
        if (marked)
            make_region(jit, cpu, block);
    }
    cpu_unlock_machine(cpu);
}
