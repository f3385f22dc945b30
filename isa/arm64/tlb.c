/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Dropping translations from the two levels of the TLB. (mmu.c fills them.)
 *
 * Pages larger than 4K that came into the first level are in a filter until all is dropped. So TLBI by address knows
 * whether more than one slot of the first level is concerned, whatever the second still holds. */
#include "isa/arm64/tlb_fill.h"
#include <string.h>

static void drop_code(struct tlb *tlb, unsigned regime, unsigned slot)
{
    tlb->code[regime][slot] = (struct tlb_code_entry){.tag = TLB_NO_CODE_TAG(slot)};
}

static void list_slot(struct tlb_listed *listed, unsigned slot)
{
    if (listed->listed[slot / 64] >> slot % 64 & 1)
        return;
    listed->listed[slot / 64] |= 1ull << slot % 64;
    listed->slots[listed->count++] = (uint16_t)slot;
}

static void empty_list(struct tlb_listed *listed)
{
    listed->count = 0;
    memset(listed->listed, 0, sizeof listed->listed);
}

/* --- tables of data ------------------------------------------------------------------------------------- */

static void drop_data(struct tlb *tlb, unsigned table, unsigned slot)
{
    const uint64_t no_tag = TLB_NO_TAG(slot % TLB_ENTRIES);
    tlb->tables[table][slot] = (struct tlb_entry){no_tag, no_tag, 0, 0};
}

static void empty_table(struct tlb *tlb, unsigned table)
{
    struct tlb_table *use = &tlb->uses[table];
    for (unsigned i = 0; i < use->filled.count; i++)
        drop_data(tlb, table, use->filled.slots[i]);
    empty_list(&use->filled);
    memset(use->private, 0, sizeof use->private);
}

static void make_ready(struct tlb *tlb, unsigned table)
{
    for (unsigned slot = 0; !tlb->uses[table].ready && slot < TLB_SLOTS; slot++)
        drop_data(tlb, table, slot);
    tlb->uses[table].ready = true;
}

static void release_table(struct tlb *tlb, unsigned table)
{
    empty_table(tlb, table);
    tlb->uses[table].used = false;
    for (unsigned regime = 0; regime < TLB_REGIMES; regime++) {
        if (tlb->table_before[regime] == table)
            tlb->table_before[regime] = TLB_NO_TABLE;
        if (tlb->table_of[regime] == table)
            tlb->table_of[regime] = TLB_NO_TABLE;
    }
}

/* The table that plain accesses go by is one of the side in use. */
static void use_table(struct cpu *cpu)
{
    struct tlb_entry *table = tlb_table(cpu->tlb_all, mmu_regime(cpu, cpu->pstate.el));
    if (table == cpu->tlb)
        return;
    tlb_empty_slots(cpu);
    cpu->tlb = table;
}

/* Of the ASID that has become current. */
static void select_tables(struct cpu *cpu, uint32_t asid)
{
    struct tlb *tlb = cpu->tlb_all;
    tlb->selections++;
    for (unsigned regime = 0; regime < TLB_REGIMES; regime++) {
        if (tlb->table_of[regime] != TLB_NO_TABLE)
            tlb->table_before[regime] = tlb->table_of[regime];
        tlb->table_of[regime] = TLB_NO_TABLE;
    }
    for (unsigned i = 1; i < TLB_TABLES; i++) {
        struct tlb_table *use = &tlb->uses[i];
        if (!use->used || use->asid != asid)
            continue;
        use->selected = tlb->selections;
        tlb->table_of[use->regime] = (uint8_t)i;
    }
    use_table(cpu);
}

static bool is_private(const struct tlb_table *use, unsigned slot)
{
    return use->private[slot / 64] >> slot % 64 & 1;
}

/* What another ASID's table knows that is not its own goes into a new one. */
static void copy_global(struct tlb *tlb, unsigned to, unsigned from)
{
    const struct tlb_table *use = &tlb->uses[from];
    for (unsigned i = 0; i < use->filled.count; i++) {
        const unsigned slot = use->filled.slots[i];
        if (is_private(use, slot))
            continue;
        tlb->tables[to][slot] = tlb->tables[from][slot];
        list_slot(&tlb->uses[to].filled, slot);
    }
}

/* There is none for the current ASID and this regime: one that nobody uses, or the one that was chosen longest ago. */
static void take_table(struct cpu *cpu, enum tlb_regime regime)
{
    struct tlb *tlb = cpu->tlb_all;
    unsigned table = 1;
    for (unsigned i = 1; i < TLB_TABLES && tlb->uses[table].used; i++)
        if (!tlb->uses[i].used || tlb->uses[i].selected < tlb->uses[table].selected)
            table = i;
    struct tlb_table *use = &tlb->uses[table];
    release_table(tlb, table);
    make_ready(tlb, table);
    use->used = true;
    use->regime = (uint8_t)regime;
    use->asid = tlb_current_asid(cpu);
    use->selected = ++tlb->selections;
    tlb->table_of[regime] = (uint8_t)table;
    if (tlb->table_before[regime] != TLB_NO_TABLE)
        copy_global(tlb, table, tlb->table_before[regime]);
    use_table(cpu);
}

static bool in_use_now(const struct cpu *cpu, unsigned table)
{
    return cpu->tlb == cpu->tlb_all->tables[table];
}

/* --- dropping --------------------------------------------------------------------------------------- */

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

/* A slot must not outlive the entry that it is a copy of. */
static void empty_slots_of(struct cpu *cpu, const struct tlb_entry *entry)
{
    for (unsigned i = 0; i < sizeof cpu->slots.tag[0] / sizeof cpu->slots.tag[0][0]; i++) {
        if (cpu->slots.tag[0][i] == entry->read_tag)
            cpu->slots.limit[0][i] = 0;
        if (cpu->slots.tag[1][i] == entry->write_tag)
            cpu->slots.limit[1][i] = 0;
    }
    cpu->slots.watched[0].limit = cpu->slots.watched[1].limit = 0;
}

void tlb_flush_side(struct cpu *cpu)
{
    struct tlb *tlb = cpu->tlb_all;
    tlb->drops++;
    tlb_empty_slots(cpu);
    bool was_in_use = false; /* of the other side, none is */
    make_ready(tlb, TLB_NO_TABLE);
    for (unsigned i = 1; i < TLB_TABLES; i++) {
        was_in_use |= in_use_now(cpu, i);
        release_table(tlb, i);
    }
    if (was_in_use)
        cpu->tlb = tlb->tables[TLB_NO_TABLE];
    for (unsigned regime = 0; regime < TLB_CODE_REGIMES; regime++) {
        for (unsigned i = 0; i < TLB_CODE_ENTRIES; i++)
            drop_code(tlb, regime, i);
        empty_list(&tlb->code_private[regime]);
    }
    set_write_filter(tlb, &(struct filter){0}); /* behind the tags */
    memset(tlb->large_filter, 0, sizeof tlb->large_filter);
    tlb_spaces_forget(cpu);
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

/* Only what is filled is of any matter. */
static void copy_tables(struct tlb *to, const struct tlb *from)
{
    for (unsigned i = 0; i < TLB_TABLES; i++) {
        const struct tlb_table *use = &from->uses[i];
        if (!to->uses[i].ready && !use->ready)
            continue;
        empty_table(to, i);
        make_ready(to, i);
        for (unsigned k = 0; k < use->filled.count; k++)
            to->tables[i][use->filled.slots[k]] = from->tables[i][use->filled.slots[k]];
        to->uses[i] = *use;
        to->uses[i].ready = true;
    }
}

void tlb_copy(struct cpu *to, const struct cpu *from)
{
    const size_t rest = offsetof(struct tlb, table_of), uses = offsetof(struct tlb, uses),
                 behind = offsetof(struct tlb, code);
    for (unsigned side = 0; side < 2 && to->tlb_sides[side]; side++) {
        unsigned old = tlb_use_side(to, side);
        const struct tlb *source = from->tlb_sides[side];
        struct tlb *tlb = to->tlb_all;
        uint64_t given = tlb->spaces.keys_given;
        copy_tables(tlb, source);
        memcpy((uint8_t *)tlb + rest, (const uint8_t *)source + rest, uses - rest);
        memcpy((uint8_t *)tlb + behind, (const uint8_t *)source + behind, sizeof *tlb - behind);
        if (tlb->spaces.keys_given < given)
            tlb->spaces.keys_given = given; /* none of its own is given twice */
        tlb_spaces_forget(to);
        tlb_use_side(to, old);
    }
    use_table(to);
    tlb_empty_slots(to);
}

static void drop_private_code(struct cpu *cpu)
{
    struct tlb *tlb = cpu->tlb_all;
    for (unsigned regime = 0; regime < TLB_CODE_REGIMES; regime++) {
        struct tlb_listed *private = &tlb->code_private[regime];
        for (unsigned i = 0; i < private->count; i++)
            drop_code(tlb, regime, private->slots[i]);
        if (private->count)
            empty_list(private);
    }
}

void tlb_asid_changed(struct cpu *cpu)
{
    const struct tlb_spaces *spaces = &cpu->tlb_all->spaces;
    uint32_t asid = tlb_current_asid(cpu);
    if (asid == spaces->asid[spaces->current])
        return;
    cpu->tlb_all->drops++;
    drop_private_code(cpu);
    select_tables(cpu, asid);
    tlb_space_select(cpu, asid);
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
        drop_private_code(cpu);
    for (unsigned i = 1; i < TLB_TABLES; i++) {
        if (!tlb->uses[i].used || (tlb->uses[i].asid & 0xffff) != asid)
            continue;
        if (in_use_now(cpu, i))
            tlb_empty_slots(cpu);
        empty_table(tlb, i);
    }
    tlb_space_forget(cpu, asid);
}

/* Drops one 4K page from the first level, under any top byte. */
static void drop_inline_page(struct cpu *cpu, uint64_t va)
{
    struct tlb *tlb = cpu->tlb_all;
    const uint64_t compared = TLB_ADDRESS_MASK & ~(PAGE_SIZE_BYTES - 1);
    for (unsigned write = 0; write < 2; write++)
        if (!((cpu->slots.watched[write].tag ^ va) & compared))
            cpu->slots.watched[write].limit = 0;
    for (unsigned i = 1; i < TLB_TABLES; i++) {
        for (unsigned slot = tlb_index(va); tlb->uses[i].used && slot < TLB_SLOTS; slot += TLB_ENTRIES) {
            const struct tlb_entry *e = &tlb->tables[i][slot];
            if ((e->read_tag ^ va) & compared && (e->write_tag ^ va) & compared)
                continue;
            if (in_use_now(cpu, i))
                empty_slots_of(cpu, e);
            drop_data(tlb, i, slot);
        }
    }
    for (unsigned regime = 0; regime < TLB_CODE_REGIMES; regime++) {
        struct tlb_code_entry *e = &tlb->code[regime][tlb_code_index(va)];
        if (!((e->tag ^ va) & compared))
            drop_code(tlb, regime, tlb_code_index(va));
    }
}

static uint64_t *large_filter_of(struct tlb *tlb, uint64_t tag)
{
    return tlb->large_filter[tag >> 55 & 1];
}

static bool in_large_filter(struct tlb *tlb, uint64_t tag)
{
    return tlb_in_filter(large_filter_of(tlb, tag), tag);
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
        }
        if (size_bits > largest && in_large_filter(tlb, tag))
            largest = size_bits;
    }
    if (largest > 16) {
        tlb_flush_side(cpu);
        return;
    }
    uint64_t first = va & ~0ull << largest;
    for (uint64_t page = 0; page < 1ull << (largest - 12); page++) {
        drop_inline_page(cpu, first + page * PAGE_SIZE_BYTES);
        tlb_spaces_forget_page(cpu, first + page * PAGE_SIZE_BYTES, asid);
    }
}

static void drop_write_tags(struct tlb *tlb, uint64_t physical_page)
{
    /* The filter is made anew on the way: tags dropped by other causes have left their bits in it. */
    struct filter filter = {0};
    for (unsigned table = 1; table < TLB_TABLES; table++) {
        const struct tlb_listed *filled = &tlb->uses[table].filled;
        for (unsigned i = 0; i < filled->count; i++) {
            struct tlb_entry *e = &tlb->tables[table][filled->slots[i]];
            const uint64_t no_tag = TLB_NO_TAG(filled->slots[i] % TLB_ENTRIES);
            if (e->write_tag == no_tag)
                continue;
            if (e->physical == physical_page)
                e->write_tag = no_tag;
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
        for (unsigned table = 1; table < TLB_TABLES; table++) {
            const struct tlb_listed *filled = &tlb->uses[table].filled;
            for (unsigned i = 0; i < filled->count; i++)
                tlb->tables[table][filled->slots[i]].write_tag = TLB_NO_TAG(filled->slots[i] % TLB_ENTRIES);
        }
    }
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
    if (!slot)
        slot = &set[tlb->victim[set_index]++ % TLB_PAGE_WAYS];
    if (found->size_bits > 12)
        tlb_filter_add(large_filter_of(tlb, tag), tag);
    *slot = (struct tlb_page){
        .tag = tag,
        .physical = found->physical & ~0ull << found->size_bits,
        .asid = asid,
        .flags = found->flags,
    };
    tlb->sizes |= 1ull << found->size_bits;
}

static bool holds_any(const struct tlb_entry *entry, unsigned index)
{
    return entry->read_tag != TLB_NO_TAG(index) || entry->write_tag != TLB_NO_TAG(index);
}

static bool holds_page(const struct tlb_entry *entry, uint64_t page)
{
    return entry->read_tag == page || entry->write_tag == page;
}

static void set_private(struct tlb_table *use, unsigned slot, bool private)
{
    const uint64_t bit = 1ull << slot % 64;
    use->private[slot / 64] = (use->private[slot / 64] & ~bit) | (private ? bit : 0);
}

/* The first way's entry and the second's change places. No slot minds. */
static void exchange_ways(struct tlb *tlb, unsigned table, unsigned index)
{
    struct tlb_table *use = &tlb->uses[table];
    struct tlb_entry *first = &tlb->tables[table][index], *second = first + TLB_ENTRIES, entry = *first;
    const bool private = is_private(use, index);
    *first = *second;
    *second = entry;
    set_private(use, index, is_private(use, index + TLB_ENTRIES));
    set_private(use, index + TLB_ENTRIES, private);
    list_slot(&use->filled, index);
    list_slot(&use->filled, index + TLB_ENTRIES);
}

struct tlb_entry *tlb_entry_of(struct cpu *cpu, uint64_t address)
{
    const uint64_t page = address & ~(PAGE_SIZE_BYTES - 1);
    struct tlb_entry *entry = &cpu->tlb[tlb_index(address)];
    if (!holds_page(entry, page) && holds_page(entry + TLB_ENTRIES, page))
        exchange_ways(cpu->tlb_all, (unsigned)(cpu->tlb - cpu->tlb_all->tables[0]) / TLB_SLOTS, tlb_index(address));
    return entry;
}

void tlb_fill_data(struct cpu *cpu, enum tlb_regime regime, uint64_t va, const struct translation *found,
                   bool readable, bool writable)
{
    struct tlb *tlb = cpu->tlb_all;
    if (tlb->table_of[regime] == TLB_NO_TABLE)
        take_table(cpu, regime);
    const unsigned table = tlb->table_of[regime], index = tlb_index(va);
    struct tlb_table *use = &tlb->uses[table];
    struct tlb_entry *entry = &tlb->tables[table][index];
    uint64_t page = va & ~(PAGE_SIZE_BYTES - 1), physical = found->physical & ~(PAGE_SIZE_BYTES - 1);
    uintptr_t host = (uintptr_t)cpu->bus->ram.host + (physical - cpu->bus->ram.base);
    if (!holds_page(entry, page) && (holds_any(entry, index) || holds_page(entry + TLB_ENTRIES, page)))
        exchange_ways(tlb, table, index);
    /* Another page's entry, or a right to this one, goes: a slot must not outlive it, or what a change of the tables
     * that has not been followed by TLBI yet looks like would depend on the engine. */
    if (in_use_now(cpu, table) && holds_any(entry, index))
        empty_slots_of(cpu, entry);
    *entry = (struct tlb_entry){
        .read_tag = readable ? page : TLB_NO_TAG(index),
        .write_tag = writable ? page : TLB_NO_TAG(index),
        .addend = host - page,
        .physical = physical,
    };
    if (writable)
        tlb_filter_add(tlb->write_filter, physical);
    list_slot(&use->filled, index);
    set_private(use, index, !found->global);
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
        list_slot(&tlb->code_private[el1], slot);
}
