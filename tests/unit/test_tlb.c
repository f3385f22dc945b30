/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The first level of the TLB: what is found again under an ASID, the second way, and who shares lookups of code. */
#include <string.h>
#include "isa/arm64/tlb_fill.h"
#include "mmu_tables.h"

/* --- the first level by ASID ------------------------------------------------------------------------- */

static bool inline_read(uint64_t va)
{
    return (va ^ cpu->tlb[tlb_index(va)].read_tag) < PAGE_SIZE_BYTES;
}

static bool inline_write(uint64_t va)
{
    return (va ^ cpu->tlb[tlb_index(va)].write_tag) < PAGE_SIZE_BYTES;
}

static void write_to(uint64_t va)
{
    struct insn insn = {.left = 0};
    mem_write64(cpu, &insn, va, 1);
}

/* Who comes back finds what may run inline, less what was dropped meanwhile. */
static void first_level_waits_for_its_asid(void **state)
{
    map(0, 16, 0x1000, 3, PAGE | page_leaf(3) | NG);
    set_asid(3);
    write_to(0x1000);
    assert_true(inline_write(0x1000));
    set_asid(4);
    assert_false(inline_read(0x1000) || inline_write(0x1000));
    set_asid(3);
    assert_true(inline_write(0x1000));

    set_asid(4);
    tlb_invalidate_va(cpu, 0x1000, 3);
    set_asid(3);
    assert_false(inline_read(0x1000));
    write_to(0x1000);
    set_asid(4);
    write_to(0x1000);
    tlb_invalidate_asid(cpu, 3);
    assert_true(inline_write(0x1000));
    set_asid(3);
    assert_false(inline_read(0x1000));
    write_to(0x1000);
    set_asid(4);
    tlb_drop_write_tags(cpu, PAGE);
    assert_false(inline_write(0x1000));
    set_asid(3);
    assert_true(inline_read(0x1000) && !inline_write(0x1000));
    write_to(0x1000);
    set_asid(4);
    tlb_drop_all_write_tags(cpu);
    set_asid(3);
    assert_true(inline_read(0x1000) && !inline_write(0x1000));
}

static void more_asids_than_tables(void **state)
{
    map(0, 16, 0x1000, 3, PAGE | page_leaf(3) | NG);
    for (unsigned asid = 1; asid < 3 * TLB_TABLES; asid++) {
        set_asid(asid);
        assert_false(inline_read(0x1000));
        assert_true(reads(0x1000) && inline_read(0x1000));
    }
}

/* A page that is global is known to the next ASID at once. */
static void global_pages_go_along(void **state)
{
    map(0, 16, 0x1000, 3, PAGE | page_leaf(3));
    bench_poke(bench, descriptor_address(12, 3, 0x2000), (PAGE + 0x1000) | page_leaf(3) | NG);
    set_asid(3);
    assert_true(reads(0x1000) && reads(0x2000));
    bench_poke(bench, descriptor_address(12, 3, 0x3000), (PAGE + 0x2000) | page_leaf(3) | NG);
    set_asid(4);
    assert_true(reads(0x3000));
    assert_true(inline_read(0x1000) && !inline_read(0x2000));
    tlb_invalidate_va(cpu, 0x1000, 4);
    assert_false(inline_read(0x1000));
    set_asid(3);
    assert_false(inline_read(0x1000));
}

/* --- the second way ---------------------------------------------------------------------------------- */

#define ALIAS (1ull << 33) /* so far apart pages have one place; in the test, one table too */

static void map_with_aliases(void)
{
    map(0, 16, 0x1000, 3, PAGE | page_leaf(3));
    for (unsigned i = 1; i < 3; i++)
        bench_poke(bench, descriptor_address(12, 1, 0x1000 + i * ALIAS), TABLE(2) | TABLE_OR_PAGE);
    assert_int_equal(tlb_index(0x1000), tlb_index(0x1000 + ALIAS));
}

static bool slot_holds(unsigned base)
{
    return cpu->slots.limit[0][base];
}

static void what_is_driven_out_comes_back(void **state)
{
    map_with_aliases();
    assert_true(reads(0x1000));
    cpu->slots.tag[0][5] = 0x1000;
    cpu->slots.limit[0][5] = TLB_SLOT_LIMIT;
    assert_true(reads(0x1000 + ALIAS));
    assert_true(inline_read(0x1000 + ALIAS) && !inline_read(0x1000) && slot_holds(5));
    assert_int_equal(tlb_entry_of(cpu, 0x1008)->read_tag, 0x1000);
    assert_true(inline_read(0x1000));
    assert_int_equal(tlb_entry_of(cpu, 0x1008 + ALIAS)->read_tag, 0x1000 + ALIAS);

    assert_true(reads(0x1000 + 2 * ALIAS)); /* the third drives out the first */
    assert_int_equal(tlb_entry_of(cpu, 0x1000 + ALIAS)->read_tag, 0x1000 + ALIAS);
    assert_int_not_equal(tlb_entry_of(cpu, 0x1000)->read_tag, 0x1000);
    assert_false(slot_holds(5));
}

static void second_way_is_dropped_too(void **state)
{
    map_with_aliases();
    write_to(0x1000);
    write_to(0x1000 + ALIAS);
    tlb_invalidate_va(cpu, 0x1000, TLB_ANY_ASID);
    assert_int_not_equal(tlb_entry_of(cpu, 0x1000)->read_tag, 0x1000);
    assert_true(inline_write(0x1000 + ALIAS));
    write_to(0x1000);
    tlb_drop_write_tags(cpu, PAGE);
    assert_int_not_equal(tlb_entry_of(cpu, 0x1000 + ALIAS)->write_tag, 0x1000 + ALIAS);
    assert_int_not_equal(tlb_entry_of(cpu, 0x1000)->write_tag, 0x1000);
    write_to(0x1000);
    write_to(0x1000 + ALIAS);
    tlb_flush_all(cpu);
    assert_int_not_equal(tlb_entry_of(cpu, 0x1000)->read_tag, 0x1000);
}

/* An unprivileged access lets the TLB learn of a page that is in the second way behind an empty place. */
static void a_page_is_in_one_way(void **state)
{
    const struct translation found = {.physical = PAGE, .size_bits = 12, .global = true};
    map_with_aliases();
    assert_true(reads(0x1000) && reads(0x1000 + ALIAS));
    tlb_invalidate_va(cpu, 0x1000 + ALIAS, TLB_ANY_ASID);
    tlb_fill_data(cpu, mmu_regime(cpu, 1), 0x1000, &found, true, false);
    const struct tlb_entry *entry = &cpu->tlb[tlb_index(0x1000)];
    assert_true(entry->read_tag == 0x1000 && entry->write_tag != 0x1000);
    assert_true(entry[TLB_ENTRIES].read_tag != 0x1000 && entry[TLB_ENTRIES].write_tag != 0x1000);
}

/* TLBI of any of its addresses drops all of a large page, though the second level has forgotten how large it is. */
static void large_pages_are_remembered(void **state)
{
    const uint64_t block = 0x200000;
    map(0, 16, block, 2, BENCH_RAM | page_leaf(2));
    assert_true(reads(block) && reads(block + 0x5000));
    memset(cpu->tlb_all->pages, 0, sizeof cpu->tlb_all->pages);
    tlb_invalidate_va(cpu, 0x7ff000, TLB_ANY_ASID);
    assert_true(inline_read(block) && inline_read(block + 0x5000));
    tlb_invalidate_va(cpu, block + 0x1ff000, TLB_ANY_ASID);
    assert_false(inline_read(block) || inline_read(block + 0x5000));
}

/* --- views of the upper half -------------------------------------------------------------------------- */

#define UPPER (0xffffull << 48)

static void map_upper(uint64_t attributes)
{
    map(0, 16, 0x1000, 3, PAGE | page_leaf(3) | attributes);
    bench_poke(bench, descriptor_address(12, 3, 0x2000), (PAGE + 0x1000) | page_leaf(3) | attributes);
    cpu->sys.TTBR1_EL1 = cpu->sys.TTBR0_EL1;
    cpu->sys.TCR_EL1 |= 16ull << 16 | 2ull << 30;
    mmu_control_changed(cpu);
}

static uint64_t upper_key_of(unsigned asid)
{
    set_asid(asid);
    return cpu->code_key[1];
}

/* A kernel whose pages are not global has one key for all ASIDs under which they are the same. */
static void asids_that_agree_share_lookups_of_the_upper_half(void **state)
{
    bool guarded;
    map_upper(NG);
    set_asid(3);
    mmu_fetch(cpu, UPPER + 0x1000, &guarded);
    const uint64_t key = cpu->code_key[1];
    assert_int_equal(upper_key_of(4), key);
    mmu_fetch(cpu, UPPER + 0x2000, &guarded); /* which nobody has looked at under 3 */
    assert_int_equal(cpu->code_key[1], key);

    /* Under 3 it is something else: found out before its lookups can be taken. */
    bench_poke(bench, descriptor_address(12, 3, 0x2000), (PAGE + 0x3000) | page_leaf(3) | NG);
    const uint64_t other = upper_key_of(3);
    assert_int_not_equal(other, key);
    assert_int_equal(upper_key_of(4), key); /* no TLBI: it may still see the old one */
    assert_int_equal(upper_key_of(3), other);
    assert_int_not_equal(upper_key_of(5), key);

    tlb_invalidate_asid(cpu, 4);
    assert_int_not_equal(upper_key_of(4), key);
    assert_int_equal(upper_key_of(3), other);
    mmu_fetch(cpu, UPPER + 0x1000, &guarded);
    tlb_invalidate_va(cpu, UPPER + 0x1000, TLB_ANY_ASID);
    assert_int_not_equal(cpu->code_key[1], other);
}

static void invalidation_of_the_asid_in_use_looks_again(void **state)
{
    bool guarded;
    map_upper(NG);
    set_asid(3);
    mmu_fetch(cpu, UPPER + 0x1000, &guarded);
    const uint64_t key = cpu->code_key[1];
    tlb_invalidate_asid(cpu, 3);
    assert_int_equal(cpu->code_key[1], key); /* nothing has changed */
    bench_poke(bench, descriptor_address(12, 3, 0x1000), (PAGE + 0x3000) | page_leaf(3) | NG);
    tlb_invalidate_asid(cpu, 3);
    assert_int_not_equal(cpu->code_key[1], key);
    bench_poke(bench, descriptor_address(12, 3, 0x1000), PAGE | page_leaf(3) | NG | PXN);
    assert_int_not_equal(upper_key_of(7), key); /* not to be executed */
}

static void another_table_is_another_view(void **state)
{
    bool guarded;
    map_upper(NG);
    set_asid(3);
    mmu_fetch(cpu, UPPER + 0x1000, &guarded);
    const uint64_t key = cpu->code_key[1];
    cpu->sys.TTBR1_EL1 = TABLE(9);
    assert_int_not_equal(upper_key_of(4), key);
    cpu->sys.TTBR1_EL1 = cpu->sys.TTBR0_EL1 & ~(0xffffull << 48);
    assert_int_equal(upper_key_of(3), key);
}

static void a_view_has_an_end(void **state)
{
    bool guarded;
    map_upper(NG);
    set_asid(3);
    for (unsigned i = 0; i < 512; i++)
        bench_poke(bench, descriptor_address(12, 3, 0x1000ull * i), (PAGE + 0x1000 * i) | page_leaf(3) | NG);
    for (unsigned i = 0; i < 512; i++)
        mmu_fetch(cpu, UPPER + 0x1000ull * i, &guarded);
    const uint64_t key = cpu->code_key[1];
    mmu_fetch(cpu, UPPER + 0x1000ull, &guarded);
    assert_int_equal(cpu->code_key[1], key);
    bench_poke(bench, descriptor_address(12, 2, 0x200000), TABLE(3) | TABLE_OR_PAGE);
    mmu_fetch(cpu, UPPER + 0x200000, &guarded);
    assert_int_not_equal(cpu->code_key[1], key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MMU_TEST(first_level_waits_for_its_asid),
        MMU_TEST(more_asids_than_tables),
        MMU_TEST(global_pages_go_along),
        MMU_TEST(what_is_driven_out_comes_back),
        MMU_TEST(second_way_is_dropped_too),
        MMU_TEST(a_page_is_in_one_way),
        MMU_TEST(large_pages_are_remembered),
        MMU_TEST(asids_that_agree_share_lookups_of_the_upper_half),
        MMU_TEST(invalidation_of_the_asid_in_use_looks_again),
        MMU_TEST(another_table_is_another_view),
        MMU_TEST(a_view_has_an_end),
    };
    return cmocka_run_group_tests_name("tlb", tests, NULL, NULL);
}
