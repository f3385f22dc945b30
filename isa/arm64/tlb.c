/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Dropping translations from the two levels of the TLB. (mmu.c fills them.)
 *
 * What stands in the first level for pages larger than 4K also stands in the second: eviction there flushes
 * the first level. So TLBI by address knows from the second level whether more than one slot of the first is
 * concerned. */
#include "isa/arm64/tlb_fill.h"
#include <string.h>

static void drop_data(struct tlb *tlb, unsigned regime, unsigned slot)
{
    tlb->data[regime][slot] = (struct tlb_entry){TLB_NO_TAG(slot), TLB_NO_TAG(slot), 0, 0};
}

static void drop_code(struct tlb *tlb, unsigned regime, unsigned slot)
{
    tlb->code[regime][slot] = (struct tlb_code_entry){.tag = TLB_NO_CODE_TAG(slot)};
}

/* Lookups of code: their keys. */

static uint64_t new_key(struct tlb_spaces *spaces)
{
    return ++spaces->keys_given << 3;
}

/* The lower half is one that has no lookups yet. */
static void begin_space(struct cpu *cpu)
{
    struct tlb_spaces *spaces = &cpu->tlb_all->spaces;
    unsigned now = spaces->current;
    /* Of a side that is not in use, nobody knows the ASID: it is asked for when it is in use again. */
    bool in_use = (cpu->tlb_all == cpu->tlb_sides[0]) == (cpu->regime == REGIME_EL10);
    spaces->asid[now] = in_use ? tlb_current_asid(cpu) : TLB_NO_SPACE;
    spaces->key[now] = new_key(spaces);
    memset(spaces->filter[now], 0, sizeof spaces->filter[now]);
    cpu->code_key[0] = spaces->key[now] | (cpu->code_key[0] & CODE_KEY_EL0);
}

static void forget_lower_half(struct cpu *cpu)
{
    struct tlb_spaces *spaces = &cpu->tlb_all->spaces;
    for (unsigned i = 0; i < TLB_SPACES; i++)
        spaces->asid[i] = TLB_NO_SPACE;
    spaces->lower_global = false;
    begin_space(cpu);
}

static void forget_upper_half(struct cpu *cpu)
{
    struct tlb_spaces *spaces = &cpu->tlb_all->spaces;
    memset(spaces->upper_filter, 0, sizeof spaces->upper_filter);
    spaces->upper_private = false;
    cpu->code_key[1] = CODE_KEY_UPPER | new_key(spaces) | (cpu->code_key[1] & CODE_KEY_EL0);
}

static void forget_space(struct cpu *cpu, unsigned index)
{
    struct tlb_spaces *spaces = &cpu->tlb_all->spaces;
    spaces->asid[index] = TLB_NO_SPACE;
    if (index == spaces->current)
        begin_space(cpu);
}

static void forget_asid(struct cpu *cpu, uint32_t asid)
{
    struct tlb_spaces *spaces = &cpu->tlb_all->spaces;
    for (unsigned i = 0; i < TLB_SPACES; i++)
        if (spaces->asid[i] != TLB_NO_SPACE && (spaces->asid[i] & 0xffff) == asid)
            forget_space(cpu, i);
    if (spaces->upper_private)
        forget_upper_half(cpu);
}

static bool in_filter(const uint64_t *filter, uint64_t va)
{
    unsigned bit = tlb_filter_bit(va & TLB_ADDRESS_MASK);
    return filter[bit / 64] >> bit % 64 & 1;
}

/* The translation of a page changed for the ASID, and for all if it was global. */
static void forget_code_page(struct cpu *cpu, uint64_t va, uint32_t asid)
{
    struct tlb_spaces *spaces = &cpu->tlb_all->spaces;
    if (va >> 55 & 1) {
        if (in_filter(spaces->upper_filter, va))
            forget_upper_half(cpu);
        return;
    }
    bool any = asid == TLB_ANY_ASID || spaces->lower_global;
    for (unsigned i = 0; i < TLB_SPACES; i++)
        if (spaces->asid[i] != TLB_NO_SPACE && (any || (spaces->asid[i] & 0xffff) == asid) &&
            in_filter(spaces->filter[i], va))
            forget_space(cpu, i);
}

static void change_space(struct cpu *cpu, uint32_t asid)
{
    struct tlb_spaces *spaces = &cpu->tlb_all->spaces;
    if (spaces->upper_private)
        forget_upper_half(cpu);
    for (unsigned i = 0; i < TLB_SPACES; i++) {
        if (spaces->asid[i] == asid) {
            spaces->current = i;
            cpu->code_key[0] = spaces->key[i] | (cpu->code_key[0] & CODE_KEY_EL0);
            return;
        }
    }
    spaces->current = spaces->victim++ % TLB_SPACES;
    begin_space(cpu);
}

/* Data, and both. */

struct filter {
    uint64_t words[TLB_FILTER_BITS / 64];
};

/* Other CPUs may look at it meanwhile: no bit that stays is ever gone. */
static void set_write_filter(struct tlb *tlb, const struct filter *filter)
{
    for (unsigned i = 0; i < TLB_FILTER_BITS / 64; i++)
        __atomic_store_n(&tlb->write_filter[i], filter->words[i], __ATOMIC_RELEASE);
}

void tlb_empty_slots(struct cpu *cpu)
{
    memset(cpu->slots.limit, 0, sizeof cpu->slots.limit);
    cpu->slots.watched[0].limit = cpu->slots.watched[1].limit = 0;
}

void tlb_flush_side(struct cpu *cpu)
{
    struct tlb *tlb = cpu->tlb_all;
    tlb->drops++;
    tlb_empty_slots(cpu);
    for (unsigned regime = 0; regime < TLB_REGIMES; regime++)
        for (unsigned i = 0; i < TLB_ENTRIES; i++)
            drop_data(tlb, regime, i);
    for (unsigned regime = 0; regime < TLB_CODE_REGIMES; regime++)
        for (unsigned i = 0; i < TLB_CODE_ENTRIES; i++)
            drop_code(tlb, regime, i);
    memset(tlb->data_private, 0, sizeof tlb->data_private);
    memset(tlb->code_private, 0, sizeof tlb->code_private);
    set_write_filter(tlb, &(struct filter){0}); /* behind the tags */
    forget_lower_half(cpu);
    forget_upper_half(cpu);
}

unsigned tlb_use_side(struct cpu *cpu, unsigned side)
{
    unsigned old = cpu->tlb_all != cpu->tlb_sides[0];
    if (side == old || !cpu->tlb_sides[side])
        return old;
    for (unsigned half = 0; half < 2; half++) {
        cpu->side_keys[old][half] = cpu->code_key[half];
        cpu->code_key[half] = cpu->side_keys[side][half] | (cpu->code_key[half] & CODE_KEY_EL0);
    }
    cpu->tlb_all = cpu->tlb_sides[side];
    return old;
}

void tlb_flush_inline(struct cpu *cpu)
{
    unsigned old = tlb_use_side(cpu, 0);
    tlb_flush_side(cpu);
    if (cpu->tlb_sides[1]) {
        tlb_use_side(cpu, 1);
        tlb_flush_side(cpu);
    }
    tlb_use_side(cpu, old);
}

void tlb_flush_all_of_side(struct cpu *cpu)
{
    struct tlb *tlb = cpu->tlb_all;
    for (unsigned set = 0; set < TLB_PAGE_SETS; set++)
        for (unsigned way = 0; way < TLB_PAGE_WAYS; way++)
            tlb->pages[set][way].tag = 0;
    tlb->sizes = 0;
    tlb_flush_side(cpu);
}

void tlb_flush_other_side(struct cpu *cpu)
{
    unsigned now = cpu->tlb_all != cpu->tlb_sides[0];
    tlb_use_side(cpu, !now);
    tlb_flush_all_of_side(cpu);
    tlb_use_side(cpu, now);
}

void tlb_flush_all(struct cpu *cpu)
{
    tlb_flush_all_of_side(cpu);
    if (cpu->tlb_sides[1])
        tlb_flush_other_side(cpu);
}

void tlb_copy(struct cpu *to, const struct cpu *from)
{
    for (unsigned side = 0; side < 2 && to->tlb_sides[side]; side++) {
        unsigned old = tlb_use_side(to, side);
        uint64_t given = to->tlb_all->spaces.keys_given;
        *to->tlb_all = *from->tlb_sides[side];
        if (to->tlb_all->spaces.keys_given < given)
            to->tlb_all->spaces.keys_given = given; /* none of its own is given twice */
        forget_lower_half(to);
        forget_upper_half(to);
        tlb_use_side(to, old);
    }
    tlb_empty_slots(to);
}

static void drop_private_data(struct cpu *cpu, unsigned regime)
{
    struct tlb *tlb = cpu->tlb_all;
    struct tlb_private *private = &tlb->data_private[regime];
    if (!private->count)
        return;
    tlb_empty_slots(cpu);
    for (unsigned i = 0; i < private->count; i++)
        drop_data(tlb, regime, private->slots[i]);
    private->count = 0;
    memset(private->listed, 0, sizeof private->listed);
}

static void drop_private_code(struct cpu *cpu, unsigned regime)
{
    struct tlb *tlb = cpu->tlb_all;
    struct tlb_private *private = &tlb->code_private[regime];
    if (!private->count)
        return;
    for (unsigned i = 0; i < private->count; i++)
        drop_code(tlb, regime, private->slots[i]);
    private->count = 0;
    memset(private->listed, 0, sizeof private->listed);
}

/* Drops the translations of the current ASID alone from the first level. */
static void drop_private(struct cpu *cpu)
{
    for (unsigned regime = 0; regime < TLB_REGIMES; regime++)
        drop_private_data(cpu, regime);
    for (unsigned regime = 0; regime < TLB_CODE_REGIMES; regime++)
        drop_private_code(cpu, regime);
}

void tlb_asid_changed(struct cpu *cpu)
{
    const struct tlb_spaces *spaces = &cpu->tlb_all->spaces;
    uint32_t asid = tlb_current_asid(cpu);
    if (asid == spaces->asid[spaces->current])
        return;
    cpu->tlb_all->drops++;
    drop_private(cpu);
    change_space(cpu, asid);
}

void tlb_invalidate_asid(struct cpu *cpu, uint32_t asid)
{
    struct tlb *tlb = cpu->tlb_all;
    tlb->drops++;
    for (unsigned set = 0; set < TLB_PAGE_SETS; set++)
        for (unsigned way = 0; way < TLB_PAGE_WAYS; way++)
            if ((tlb->pages[set][way].asid & (TLB_GLOBAL | 0xffff)) == asid)
                tlb->pages[set][way].tag = 0;
    if (asid == (tlb_current_asid(cpu) & 0xffff) || asid == (tlb->spaces.asid[tlb->spaces.current] & 0xffff))
        drop_private(cpu);
    forget_asid(cpu, asid);
}

/* Drops one 4K page from the first level, under any top byte. */
static void drop_inline_page(struct cpu *cpu, uint64_t va)
{
    struct tlb *tlb = cpu->tlb_all;
    const uint64_t compared = TLB_ADDRESS_MASK & ~(PAGE_SIZE_BYTES - 1);
    for (unsigned write = 0; write < 2; write++)
        if (!((cpu->slots.watched[write].tag ^ va) & compared))
            cpu->slots.watched[write].limit = 0;
    for (unsigned regime = 0; regime < TLB_REGIMES; regime++) {
        struct tlb_entry *e = &tlb->data[regime][tlb_index(va)];
        if (!((e->read_tag ^ va) & compared) || !((e->write_tag ^ va) & compared)) {
            tlb_empty_slots(cpu);
            drop_data(tlb, regime, tlb_index(va));
        }
    }
    for (unsigned regime = 0; regime < TLB_CODE_REGIMES; regime++) {
        struct tlb_code_entry *e = &tlb->code[regime][tlb_code_index(va)];
        if (!((e->tag ^ va) & compared))
            drop_code(tlb, regime, tlb_code_index(va));
    }
}

void tlb_invalidate_va(struct cpu *cpu, uint64_t va, uint32_t asid)
{
    struct tlb *tlb = cpu->tlb_all;
    tlb->drops++;
    unsigned largest = 12;
    for (uint64_t sizes = tlb->sizes; sizes; sizes &= sizes - 1) {
        unsigned size_bits = (unsigned)__builtin_ctzll(sizes);
        uint64_t tag = tlb_page_tag(va, size_bits);
        struct tlb_page *set = tlb->pages[tlb_page_set(tag)];
        for (unsigned way = 0; way < TLB_PAGE_WAYS; way++) {
            if (set[way].tag != tag)
                continue;
            if (asid != TLB_ANY_ASID && (set[way].asid & 0xffff) != asid && !(set[way].asid & TLB_GLOBAL))
                continue;
            set[way].tag = 0;
            largest = size_bits > largest ? size_bits : largest;
        }
    }
    if (largest > 16) {
        tlb_flush_side(cpu);
        return;
    }
    uint64_t first = va & ~0ull << largest;
    for (uint64_t page = 0; page < 1ull << (largest - 12); page++) {
        drop_inline_page(cpu, first + page * PAGE_SIZE_BYTES);
        forget_code_page(cpu, first + page * PAGE_SIZE_BYTES, asid);
    }
}

static void drop_write_tags(struct tlb *tlb, uint64_t physical_page)
{
    /* The filter is made anew on the way: tags dropped by other causes have left their bits in it. */
    struct filter filter = {0};
    for (unsigned regime = 0; regime < TLB_REGIMES; regime++) {
        for (unsigned i = 0; i < TLB_ENTRIES; i++) {
            struct tlb_entry *e = &tlb->data[regime][i];
            if (e->write_tag == TLB_NO_TAG(i))
                continue;
            if (e->physical == physical_page)
                e->write_tag = TLB_NO_TAG(i);
            else
                tlb_filter_add(filter.words, e->physical);
        }
    }
    set_write_filter(tlb, &filter);
}

void tlb_drop_write_tags(struct cpu *cpu, uint64_t physical_page)
{
    if (!tlb_may_write(cpu, physical_page))
        return;
    tlb_empty_slots(cpu);
    for (unsigned side = 0; side < 2 && cpu->tlb_sides[side]; side++)
        drop_write_tags(cpu->tlb_sides[side], physical_page);
}

void tlb_announce_write(struct cpu *cpu, uint64_t physical_page)
{
    tlb_filter_add(cpu->tlb_all->write_filter, physical_page);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

bool tlb_may_write(const struct cpu *cpu, uint64_t physical_page)
{
    unsigned bit = tlb_filter_bit(physical_page);
    for (unsigned side = 0; side < 2 && cpu->tlb_sides[side]; side++)
        if (__atomic_load_n(&cpu->tlb_sides[side]->write_filter[bit / 64], __ATOMIC_ACQUIRE) >> bit % 64 & 1)
            return true;
    return false;
}

void tlb_drop_all_write_tags(struct cpu *cpu)
{
    tlb_empty_slots(cpu);
    for (unsigned side = 0; side < 2 && cpu->tlb_sides[side]; side++) {
        struct tlb *tlb = cpu->tlb_sides[side];
        memset(tlb->write_filter, 0, sizeof tlb->write_filter);
        for (unsigned regime = 0; regime < TLB_REGIMES; regime++)
            for (unsigned i = 0; i < TLB_ENTRIES; i++)
                tlb->data[regime][i].write_tag = TLB_NO_TAG(i);
    }
}

static void list_private(struct tlb_private *private, unsigned slot)
{
    if (private->listed[slot / 64] >> slot % 64 & 1)
        return;
    private->listed[slot / 64] |= 1ull << slot % 64;
    private->slots[private->count++] = (uint16_t)slot;
}

const struct tlb_page *tlb_find_page(const struct cpu *cpu, uint64_t va)
{
    const struct tlb *tlb = cpu->tlb_all;
    uint32_t asid = tlb_current_asid(cpu), global = TLB_GLOBAL | tlb->context;
    for (uint64_t sizes = tlb->sizes; sizes; sizes &= sizes - 1) {
        uint64_t tag = tlb_page_tag(va, (unsigned)__builtin_ctzll(sizes));
        const struct tlb_page *set = tlb->pages[tlb_page_set(tag)];
        for (unsigned way = 0; way < TLB_PAGE_WAYS; way++)
            if (set[way].tag == tag && (set[way].asid == asid || set[way].asid == global))
                return &set[way];
    }
    return NULL;
}

void tlb_add_page(struct cpu *cpu, uint64_t va, const struct translation *found)
{
    struct tlb *tlb = cpu->tlb_all;
    uint64_t tag = tlb_page_tag(va, found->size_bits);
    uint32_t asid = found->global ? TLB_GLOBAL | tlb->context : tlb_current_asid(cpu);
    unsigned set_index = tlb_page_set(tag);
    struct tlb_page *set = tlb->pages[set_index], *slot = NULL;
    for (unsigned way = 0; way < TLB_PAGE_WAYS; way++)
        if (!set[way].tag || (set[way].tag == tag && set[way].asid == asid))
            slot = &set[way];
    if (!slot) {
        slot = &set[tlb->victim[set_index]++ % TLB_PAGE_WAYS];
        if ((slot->tag & 63) > 12)
            tlb_flush_side(cpu);
    }
    *slot = (struct tlb_page){
        .tag = tag,
        .physical = found->physical & ~0ull << found->size_bits,
        .asid = asid,
        .flags = found->flags,
    };
    tlb->sizes |= 1ull << found->size_bits;
}

void tlb_fill_data(struct cpu *cpu, enum tlb_regime regime, uint64_t va, const struct translation *found,
                   bool readable, bool writable)
{
    struct tlb *tlb = cpu->tlb_all;
    unsigned slot = tlb_index(va);
    uint64_t page = va & ~(PAGE_SIZE_BYTES - 1), physical = found->physical & ~(PAGE_SIZE_BYTES - 1);
    uintptr_t host = (uintptr_t)cpu->bus->ram.host + (physical - cpu->bus->ram.base);
    /* Another page's entry, or a right to this one, goes: a slot must not outlive it, or what a change of the tables
     * that has not been followed by TLBI yet looks like would depend on the engine. */
    const struct tlb_entry *old = &tlb->data[regime][slot];
    if ((old->read_tag != TLB_NO_TAG(slot) && (old->read_tag != page || !readable)) ||
        (old->write_tag != TLB_NO_TAG(slot) && (old->write_tag != page || !writable)))
        tlb_empty_slots(cpu);
    tlb->data[regime][slot] = (struct tlb_entry){
        .read_tag = readable ? page : TLB_NO_TAG(slot),
        .write_tag = writable ? page : TLB_NO_TAG(slot),
        .addend = host - page,
        .physical = physical,
    };
    if (writable)
        tlb_filter_add(tlb->write_filter, physical);
    if (!found->global)
        list_private(&tlb->data_private[regime], slot);
}

void tlb_fill_code(struct cpu *cpu, bool el1, uint64_t va, const struct translation *found)
{
    struct tlb *tlb = cpu->tlb_all;
    unsigned slot = tlb_code_index(va);
    tlb->code[el1][slot] = (struct tlb_code_entry){
        .tag = va & ~(PAGE_SIZE_BYTES - 1),
        .physical = found->physical & ~(PAGE_SIZE_BYTES - 1),
        .guarded = (found->flags & IS_GUARDED) != 0,
        .private = !found->global,
    };
    if (!found->global)
        list_private(&tlb->code_private[el1], slot);
}
