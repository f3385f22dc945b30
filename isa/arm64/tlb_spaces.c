/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The keys by which lookups of code are known to hold, for each address space. */
#include <string.h>
#include "isa/arm64/tlb_fill.h"

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

void tlb_space_forget(struct cpu *cpu, uint32_t asid)
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

static bool upper_page_looked_up(struct cpu *cpu, uint64_t va)
{
    struct tlb_spaces *spaces = &cpu->tlb_all->spaces;
    if (!tlb_in_filter(spaces->upper_filter, va))
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

void tlb_spaces_forget_page(struct cpu *cpu, uint64_t va, uint32_t asid)
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
            tlb_in_filter(spaces->filter[i], va))
            forget_lower_of(cpu, i);
}

void tlb_space_select(struct cpu *cpu, uint32_t asid)
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

void tlb_spaces_forget(struct cpu *cpu)
{
    forget_lower_half(cpu);
    forget_upper_half(cpu);
}
