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

/* Lookups of code: their keys. */

static uint64_t new_key(struct tlb_spaces *spaces)
{
    return ++spaces->keys_given << 3;
}

static void use_lower_key(struct cpu *cpu, uint64_t key)
{
    cpu->code_key[0] = key | (cpu->code_key[0] & CODE_KEY_EL0);
}

static void use_upper_key(struct cpu *cpu, uint64_t key)
{
    cpu->code_key[1] = CODE_KEY_UPPER | key | (cpu->code_key[1] & CODE_KEY_EL0);
}

/* The lower half of a space is one that has no lookups yet. */
static void forget_lower_of(struct cpu *cpu, unsigned index)
{
    struct tlb_spaces *spaces = &cpu->tlb_all->spaces;
    spaces->key[index] = new_key(spaces);
    memset(spaces->filter[index], 0, sizeof spaces->filter[index]);
    if (index == spaces->current)
        use_lower_key(cpu, spaces->key[index]);
}

static void begin_space(struct cpu *cpu)
{
    struct tlb_spaces *spaces = &cpu->tlb_all->spaces;
    unsigned now = spaces->current;
    /* Of a side that is not in use, nobody knows the ASID: it is asked for when it is in use again. */
    bool in_use = (cpu->tlb_all == cpu->tlb_sides[0]) == (cpu->regime == REGIME_EL10);
    spaces->asid[now] = in_use ? tlb_current_asid(cpu) : TLB_NO_SPACE;
    spaces->view_key[now] = 0;
    forget_lower_of(cpu, now);
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
    for (unsigned i = 0; i < TLB_VIEWS; i++)
        spaces->views[i].key = 0;
    use_upper_key(cpu, new_key(spaces));
}

/* Views of the upper half. CPUs with EL2 have none: there its key goes with the ASID. */

static struct tlb_view *view_of(struct tlb_spaces *spaces, unsigned space)
{
    struct tlb_view *view = &spaces->views[spaces->view[space]];
    return spaces->view_key[space] && view->key == spaces->view_key[space] ? view : NULL;
}

/* The number of the page in the view plus 1, or 0; in its place of `by_hash`, which is returned. */
static uint16_t *find_in_view(struct tlb_view *view, uint64_t address)
{
    unsigned at = (unsigned)(address * 0x9e3779b97f4a7c15ull >> 40) & (TLB_VIEW_PAGES - 1);
    while (view->by_hash[at] && view->pages[view->by_hash[at] - 1].address != address)
        at = (at + 1) & (TLB_VIEW_PAGES - 1);
    return &view->by_hash[at];
}

static bool agrees(struct cpu *cpu, const struct tlb_view_page *page)
{
    const uint64_t address = (uint64_t)((int64_t)(page->address << 8) >> 8) & ~(PAGE_SIZE_BYTES - 1);
    struct translation found;
    return mmu_would_fetch(cpu, address, page->address & 1, &found) && found.physical == page->physical &&
           ((found.flags & IS_GUARDED) != 0) == page->guarded;
}

/* The current space has the view's key if its translations of what is in it are the same. */
static bool join_view(struct cpu *cpu, unsigned index, unsigned seen)
{
    struct tlb_spaces *spaces = &cpu->tlb_all->spaces;
    const struct tlb_view *view = &spaces->views[index];
    const unsigned now = spaces->current;
    for (unsigned i = seen; i < view->count; i++)
        if (!agrees(cpu, &view->pages[i]))
            return false;
    spaces->view[now] = index;
    spaces->view_key[now] = view->key;
    spaces->view_seen[now] = view->count;
    use_upper_key(cpu, view->key);
    return true;
}

static uint64_t upper_table(const struct cpu *cpu)
{
    return cpu->sys.TTBR1_EL1 & ((1ull << 48) - 1);
}

/* The current space gets a view: its own of before, one that others have, or a new one. */
static void find_view(struct cpu *cpu)
{
    struct tlb_spaces *spaces = &cpu->tlb_all->spaces;
    const unsigned now = spaces->current;
    if (view_of(spaces, now) && join_view(cpu, spaces->view[now], spaces->view_seen[now]))
        return;
    for (unsigned i = 0; i < TLB_VIEWS; i++)
        if (spaces->views[i].key && spaces->views[i].table == upper_table(cpu) && join_view(cpu, i, 0))
            return;
    const unsigned index = spaces->view_victim++ % TLB_VIEWS;
    struct tlb_view *view = &spaces->views[index];
    view->key = new_key(spaces);
    view->table = upper_table(cpu);
    view->count = 0;
    memset(view->by_hash, 0, sizeof view->by_hash);
    join_view(cpu, index, 0);
}

/* False: what the view says of the page is something else, or it has no room for it. */
static bool add_to_view(struct tlb_spaces *spaces, uint64_t address, const struct tlb_code_entry *found)
{
    struct tlb_view *view = view_of(spaces, spaces->current);
    uint16_t *place = find_in_view(view, address);
    if (*place) {
        const struct tlb_view_page *page = &view->pages[*place - 1];
        return page->physical == found->physical && page->guarded == found->guarded;
    }
    if (view->count == TLB_VIEW_PAGES / 2)
        return false;
    view->pages[view->count] = (struct tlb_view_page){address, found->physical, found->guarded};
    *place = (uint16_t)++view->count;
    spaces->view_seen[spaces->current] = view->count;
    return true;
}

void tlb_code_looked_up(struct cpu *cpu, uint64_t va, const struct tlb_code_entry *found)
{
    struct tlb_spaces *spaces = &cpu->tlb_all->spaces;
    if (!(va >> 55 & 1)) {
        tlb_filter_add(spaces->filter[spaces->current], va & TLB_ADDRESS_MASK);
        spaces->lower_global |= !found->private;
        return;
    }
    if (cpu_has_el2(cpu)) {
        spaces->upper_private |= found->private;
    } else if (spaces->upper_private || found->private) {
        const uint64_t address = (va & TLB_ADDRESS_MASK & ~(PAGE_SIZE_BYTES - 1)) | (cpu->pstate.el != 0);
        if (!spaces->upper_private || !view_of(spaces, spaces->current) || !add_to_view(spaces, address, found)) {
            forget_upper_half(cpu);
            spaces->upper_private = true;
            find_view(cpu);
            add_to_view(spaces, address, found);
        }
    }
    tlb_filter_add(spaces->upper_filter, va & TLB_ADDRESS_MASK);
}

/* What was translated for the ASID is void. */
static void forget_asid(struct cpu *cpu, uint32_t asid)
{
    struct tlb_spaces *spaces = &cpu->tlb_all->spaces;
    for (unsigned i = 0; i < TLB_SPACES; i++) {
        if (spaces->asid[i] == TLB_NO_SPACE || (spaces->asid[i] & 0xffff) != asid)
            continue;
        spaces->view_key[i] = 0;
        forget_lower_of(cpu, i);
        if (i == spaces->current && spaces->upper_private && !cpu_has_el2(cpu))
            find_view(cpu);
    }
    if (spaces->upper_private && cpu_has_el2(cpu))
        forget_upper_half(cpu);
}

static bool in_filter(const uint64_t *filter, uint64_t va)
{
    unsigned bit = tlb_filter_bit(va & TLB_ADDRESS_MASK);
    return filter[bit / 64] >> bit % 64 & 1;
}

static bool upper_page_looked_up(struct cpu *cpu, uint64_t va)
{
    struct tlb_spaces *spaces = &cpu->tlb_all->spaces;
    if (!in_filter(spaces->upper_filter, va))
        return false;
    if (!spaces->upper_private || cpu_has_el2(cpu))
        return true;
    const uint64_t address = va & TLB_ADDRESS_MASK & ~(PAGE_SIZE_BYTES - 1);
    for (unsigned i = 0; i < TLB_VIEWS; i++)
        if (spaces->views[i].key &&
            (*find_in_view(&spaces->views[i], address) || *find_in_view(&spaces->views[i], address | 1)))
            return true;
    return false;
}

/* The translation of a page changed for the ASID, and for all if it was global. */
static void forget_code_page(struct cpu *cpu, uint64_t va, uint32_t asid)
{
    struct tlb_spaces *spaces = &cpu->tlb_all->spaces;
    if (va >> 55 & 1) {
        if (upper_page_looked_up(cpu, va))
            forget_upper_half(cpu);
        return;
    }
    bool any = asid == TLB_ANY_ASID || spaces->lower_global;
    for (unsigned i = 0; i < TLB_SPACES; i++)
        if (spaces->asid[i] != TLB_NO_SPACE && (any || (spaces->asid[i] & 0xffff) == asid) &&
            in_filter(spaces->filter[i], va))
            forget_lower_of(cpu, i);
}

static void change_space(struct cpu *cpu, uint32_t asid)
{
    struct tlb_spaces *spaces = &cpu->tlb_all->spaces;
    unsigned i = 0;
    while (i < TLB_SPACES && spaces->asid[i] != asid)
        i++;
    spaces->current = i < TLB_SPACES ? i : spaces->victim++ % TLB_SPACES;
    if (i < TLB_SPACES)
        use_lower_key(cpu, spaces->key[i]);
    else
        begin_space(cpu);
    if (!spaces->upper_private)
        return;
    if (cpu_has_el2(cpu))
        forget_upper_half(cpu);
    else
        find_view(cpu);
}

/* Tables of data. */

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
        forget_lower_half(to);
        forget_upper_half(to);
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
        drop_private_code(cpu);
    for (unsigned i = 1; i < TLB_TABLES; i++) {
        if (!tlb->uses[i].used || (tlb->uses[i].asid & 0xffff) != asid)
            continue;
        if (in_use_now(cpu, i))
            tlb_empty_slots(cpu);
        empty_table(tlb, i);
    }
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
    return in_filter(large_filter_of(tlb, tag), tag);
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
        forget_code_page(cpu, first + page * PAGE_SIZE_BYTES, asid);
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
