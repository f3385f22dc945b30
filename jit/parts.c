/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The memory for translated code: divided into parts, which are filled one after the other. Before one is filled anew,
 * what lies in it is dropped, and comes again where it is still hot. */
#include <stdlib.h>
#include <string.h>
#include "jit/translator.h"

#define HOST_PAGE_BYTES 4096u
#define TOUCH_BYTES     (256u << 10) /* that the host is asked for at once */
#define AHEAD_BYTES     (64u << 10)  /* and when: so much is left */

/* --- what lies there -------------------------------------------------------------------------------- */

void add_links(struct jit *jit, const struct block_cache *cache, const struct unit_code *code)
{
    for (unsigned i = 0; i < code->link_count; i++) {
        const struct unit_link *link = &code->links[i];
        const struct block *target = block_find(cache, link->target);
        uint64_t entry = target && target->translation ? target->native_entry : 0;
        links_add(&jit->links, link->jump_end, link->stub, link->target, entry);
    }
}

void redirect(struct jit *jit, struct unit *unit, uint64_t run_address)
{
    struct x64 c = {.at = (uint8_t *)unit->entry - jit->hot.run_offset, .run_offset = jit->hot.run_offset};
    c.end = c.at + X64_JMP_BYTES;
    if (unit->counter)
        x64_jmp_to(&c, run_address);
}

/* What the thread makes code of may be about to go, or where it writes. */
static void cancel_regions(struct jit *jit)
{
    if (jit->background)
        jit->report.counts.stale += background_cancel(jit->background);
}

/* The block's own translation, which stays, is all there is of it again. */
static void drop_region(struct jit *jit, struct unit *unit)
{
    struct block *block = unit->block;
    free(unit->returns);
    unit->returns = NULL;
    unit->return_count = unit->region_parts = 0;
    unit->region_holds = 0;
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

void drop_units(struct jit *jit)
{
    cancel_regions(jit);
    while (jit->units) {
        struct unit *unit = jit->units;
        jit->units = unit->next;
        free(unit->returns);
        free(unit);
    }
    links_clear(&jit->links);
}

/* Nobody may run translated code. What lies in other parts goes too where it leads into this one: a region, which goes
 * back to its blocks' own translations. (Those fall into each other only within a part.) */
static void empty_part(struct jit *jit, unsigned index)
{
    const struct part *part = &jit->parts[index];
    jit->report.counts.parts_dropped++;
    cancel_regions(jit);
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

/* --- filling them ----------------------------------------------------------------------------------- */

bool has_bytes(const struct jit *jit, size_t bytes)
{
    return (size_t)(jit->hot.end - jit->hot.at) >= bytes && (size_t)(jit->cold.end - jit->cold.at) >= bytes;
}

static uint8_t *page_of(uint8_t *at)
{
    return (uint8_t *)((uintptr_t)at & ~(uintptr_t)(HOST_PAGE_BYTES - 1));
}

/* Of memory that is filled up to `at` and ends at `end`. */
static void touch(const struct jit *jit, uint8_t *at, uint8_t *end, uint8_t **touched)
{
    if (*touched > at + AHEAD_BYTES || *touched >= end)
        return;
    uint8_t *from = *touched > at ? *touched : page_of(at);
    const size_t left = (size_t)(end - from);
    *touched = from + (left < TOUCH_BYTES ? left : TOUCH_BYTES);
    if (jit->background)
        background_touch(jit->background, &jit->memory, from, (size_t)(*touched - from));
    else
        code_memory_touch(&jit->memory, from, (size_t)(*touched - from));
}

void touch_ahead(struct jit *jit)
{
    uint32_t *counters = jit->parts[jit->part].counters;
    touch(jit, jit->hot.at, jit->hot.end, &jit->touched.hot);
    touch(jit, jit->cold.at, jit->cold.end, &jit->touched.cold);
    touch(jit, (uint8_t *)(counters + jit->counters_used), (uint8_t *)(counters + jit->part_counters),
          &jit->touched.counters);
}

void begin_part(struct jit *jit, unsigned index)
{
    struct part *part = &jit->parts[index];
    jit->part = index;
    jit->hot.at = part->hot;
    jit->hot.end = part->hot_end;
    jit->cold.at = part->cold;
    jit->cold.end = part->cold_end;
    jit->counters_used = 0;
    jit->touched.hot = page_of(part->hot);
    jit->touched.cold = page_of(part->cold);
    jit->touched.counters = page_of((uint8_t *)part->counters);
    jit->wants_part = false;
    part->used = true;
}

bool take_free_part(struct jit *jit)
{
    unsigned next = (jit->part + 1) % jit->part_count;
    if (jit->parts[next].used)
        return false;
    begin_part(jit, next);
    return true;
}

void take_next_part(struct jit *jit)
{
    unsigned next = (jit->part + 1) % jit->part_count;
    if (jit->parts[next].used)
        empty_part(jit, next);
    begin_part(jit, next);
}
