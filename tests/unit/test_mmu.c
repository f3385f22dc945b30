/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Walks: fault kinds by level and granule, permissions against the manual's tables, hardware updates, the
 * TLB. */
#include "mmu_tables.h"
#include "isa/arm64/stops.h"

static unsigned translate(uint64_t va, enum mmu_access access, unsigned el, uint64_t *physical)
{
    struct translation found = {0};
    const struct mmu_request request = {.access = access, .el = el};
    unsigned status = mmu_translate(cpu, va, &request, &found);
    if (physical)
        *physical = found.physical;
    return status;
}

static void pages_translate_in_every_granule_and_size(void **state)
{
    for (unsigned g = 0; g < GRANULES; g++) {
        for (unsigned size_offset = 16; size_offset <= 39; size_offset++) {
            unsigned bits = granules[g].bits;
            uint64_t va = (1ull << (64 - size_offset)) - (1ull << bits), physical;
            map(g, size_offset, va, 3, PAGE | page_leaf(3));
            assert_int_equal(translate(va + 0x123, ACCESS_READ, 1, &physical), FAULT_NONE);
            assert_int_equal(physical, PAGE + 0x123);
            assert_int_equal(translate(va + (1ull << bits), ACCESS_READ, 1, NULL), FAULT_TRANSLATION);
        }
    }
}

static void blocks_stand_where_the_granule_has_them(void **state)
{
    static const struct {
        unsigned granule, level;
        bool allowed;
    } cases[] = {{0, 1, true}, {0, 2, true}, {1, 1, false}, {1, 2, true}, {2, 1, false}, {2, 2, true}};
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned g = cases[i].granule, level = cases[i].level, low = low_bit(granules[g].bits, level);
        uint64_t va = 1ull << low | 0x4567, physical, base = 1ull << low;
        map(g, 16, va, level, base | page_leaf(level));
        unsigned status = translate(va, ACCESS_READ, 1, &physical);
        assert_int_equal(status, cases[i].allowed ? FAULT_NONE : FAULT_TRANSLATION + level);
        if (cases[i].allowed)
            assert_int_equal(physical, base | 0x4567);
    }
}

static void faults_name_their_level(void **state)
{
    for (unsigned g = 0; g < GRANULES; g++) {
        unsigned bits = granules[g].bits;
        uint64_t va = 0x5000ull << 12;
        for (unsigned level = first_level(bits, 48); level <= 3; level++) {
            uint64_t at = descriptor_address(bits, level, va);
            map(g, 16, va, 3, PAGE | page_leaf(3));
            bench_poke(bench, at, 0);
            assert_int_equal(translate(va, ACCESS_READ, 1, NULL), FAULT_TRANSLATION + level);

            map(g, 16, va, 3, PAGE | page_leaf(3));
            cpu->sys.TCR_EL1 &= ~(7ull << 32); /* 32 bits of physical address */
            bench_poke(bench, at, bench_peek(bench, at) | 1ull << 40);
            assert_int_equal(translate(va, ACCESS_READ, 1, NULL), FAULT_ADDRESS_SIZE + level);

            if (level < 3) {
                map(g, 16, va, 3, PAGE | page_leaf(3));
                bench_poke(bench, at, 0x10000000 | TABLE_OR_PAGE); /* a table outside RAM */
                assert_int_equal(translate(va, ACCESS_READ, 1, NULL), FAULT_EXTERNAL_WALK + level + 1);
            }
        }
        map(g, 16, va, 3, PAGE | VALID | AF); /* bit 1 clear: reserved at level 3 */
        assert_int_equal(translate(va, ACCESS_READ, 1, NULL), FAULT_TRANSLATION + 3);
        for (unsigned level = 2; level <= 3; level++) {
            map(g, 16, 0, level, page_leaf(level) & ~AF);
            assert_int_equal(translate(0, ACCESS_READ, 1, NULL), FAULT_ACCESS_FLAG + level);
            map(g, 16, 0, level, page_leaf(level) | 1 << 7);
            assert_int_equal(translate(0, ACCESS_WRITE, 1, NULL), FAULT_PERMISSION + level);
        }
    }
}

static void the_whole_half_can_be_off(void **state)
{
    map(0, 16, 0, 3, PAGE | page_leaf(3));
    cpu->sys.TCR_EL1 |= TCR_EPD0;
    assert_int_equal(translate(0, ACCESS_READ, 1, NULL), FAULT_TRANSLATION);
    map(0, 15, 0, 3, PAGE | page_leaf(3));
    assert_int_equal(translate(0, ACCESS_READ, 1, NULL), FAULT_TRANSLATION);
    map(0, 16, 0, 3, PAGE | page_leaf(3));
    cpu->sys.TCR_EL1 = (cpu->sys.TCR_EL1 & ~(7ull << 32));
    cpu->sys.TTBR0_EL1 = 1ull << 40;
    assert_int_equal(translate(0, ACCESS_READ, 1, NULL), FAULT_ADDRESS_SIZE);
}

/* What the manual's table of data access permissions gives (D8.4.1), written out: AP[2:1], then EL1, EL0. */
static bool may_access(unsigned ap, unsigned el, bool write)
{
    static const char *const table[4][2] = {{"rw", ""}, {"rw", "rw"}, {"r", ""}, {"r", "r"}};
    return strchr(table[ap][el ? 0 : 1], write ? 'w' : 'r') != NULL;
}

/* APTable as the manual puts it (D8.4.2): 1 takes EL0's access away, 2 takes writing from both. */
static unsigned effective_ap(unsigned ap, unsigned ap_table)
{
    if (ap_table & 1)
        ap &= 2;
    return ap_table & 2 ? ap | 2 : ap;
}

static void permissions_follow_the_tables(void **state)
{
    for (unsigned n = 0; n < 1024; n++) {
        unsigned ap = n & 3, ap_table = n >> 2 & 3, uxn = n >> 4 & 1, pxn = n >> 5 & 1;
        unsigned uxn_table = n >> 6 & 1, pxn_table = n >> 7 & 1, wxn = n >> 8 & 1, hpd = n >> 9 & 1;
        map(0, 16, 0, 3, PAGE | page_leaf(3) | ap << 6 | (uxn ? UXN : 0) | (pxn ? PXN : 0));
        uint64_t at = descriptor_address(12, 1, 0);
        bench_poke(bench, at,
                   bench_peek(bench, at) | (uint64_t)ap_table << 61 | (uint64_t)uxn_table << 60 |
                       (uint64_t)pxn_table << 59);
        cpu->sys.SCTLR_EL1 = (cpu->sys.SCTLR_EL1 & ~(1ull << 19)) | (uint64_t)wxn << 19;
        cpu->sys.TCR_EL1 |= hpd ? TCR_HPD0 : 0;
        mmu_control_changed(cpu);
        unsigned effective = hpd ? ap : effective_ap(ap, ap_table);
        bool no_user_code = uxn || (!hpd && uxn_table), no_kernel_code = pxn || (!hpd && pxn_table);
        bool user_writes = may_access(effective, 0, true), kernel_writes = may_access(effective, 1, true);
        bool expected[2][3] = {
            {may_access(effective, 0, false), user_writes, !no_user_code && !(wxn && user_writes)},
            {true, kernel_writes, !no_kernel_code && !(wxn && kernel_writes) && !user_writes},
        };
        static const enum mmu_access accesses[3] = {ACCESS_READ, ACCESS_WRITE, ACCESS_FETCH};
        for (unsigned el = 0; el < 2; el++)
            for (unsigned i = 0; i < 3; i++)
                assert_int_equal(translate(0x10, accesses[i], el, NULL),
                                 expected[el][i] ? FAULT_NONE : FAULT_PERMISSION + 3);
    }
}

static void pan_keeps_el1_from_user_pages(void **state)
{
    static const struct mmu_request with_pan = {.access = ACCESS_READ, .el = 1, .pan = true};
    struct translation found;
    map(0, 16, 0, 3, PAGE | page_leaf(3) | 1 << 6);
    assert_int_equal(mmu_translate(cpu, 0, &with_pan, &found), FAULT_PERMISSION + 3);
    assert_int_equal(translate(0, ACCESS_READ, 1, NULL), FAULT_NONE);
    map(0, 16, 0, 3, PAGE | page_leaf(3));
    assert_int_equal(mmu_translate(cpu, 0, &with_pan, &found), FAULT_NONE);
}

static void hardware_updates_descriptors(void **state)
{
    uint64_t at = descriptor_address(12, 3, 0), leaf = PAGE | TABLE_OR_PAGE | DBM | 1 << 7;
    map(0, 16, 0, 3, leaf);
    cpu->sys.TCR_EL1 |= TCR_HA;
    assert_int_equal(translate(0, ACCESS_READ, 1, NULL), FAULT_NONE);
    assert_int_equal(bench_peek(bench, at), leaf | AF);
    assert_int_equal(translate(0, ACCESS_WRITE, 1, NULL), FAULT_PERMISSION + 3); /* HD is off */

    map(0, 16, 0, 3, leaf);
    cpu->sys.TCR_EL1 |= TCR_HA | TCR_HD;
    assert_int_equal(translate(0, ACCESS_READ, 1, NULL), FAULT_NONE);
    assert_int_equal(bench_peek(bench, at), leaf | AF);
    assert_int_equal(translate(0, ACCESS_WRITE, 0, NULL),
                     FAULT_PERMISSION + 3); /* no EL0 access: stays clean */
    assert_int_equal(bench_peek(bench, at), leaf | AF);
    assert_int_equal(translate(0, ACCESS_WRITE, 1, NULL), FAULT_NONE);
    assert_int_equal(bench_peek(bench, at), (leaf | AF) & ~(1ull << 7));

    /* Writing through the TLB dirties a page that was read first. */
    map(0, 16, 0, 3, leaf);
    cpu->sys.TCR_EL1 |= TCR_HA | TCR_HD;
    struct insn insn = bench_insn(bench, 0xf9000000);
    mem_read64(cpu, &insn, 0);
    mem_write64(cpu, &insn, 0, 5);
    assert_int_equal(bench_peek(bench, at), (leaf | AF) & ~(1ull << 7));
    assert_int_equal(bench_peek(bench, PAGE), 5);
}

static void top_byte(void **state)
{
    uint64_t tagged = 0xab00000000000010ull, physical;
    map(0, 16, 0, 3, PAGE | page_leaf(3));
    assert_int_equal(translate(0x10, ACCESS_READ, 1, NULL), FAULT_NONE); /* now in the TLB, untagged */
    assert_int_equal(translate(tagged, ACCESS_READ, 1, NULL), FAULT_TRANSLATION);
    cpu->sys.TCR_EL1 |= TCR_TBI0;
    assert_int_equal(translate(tagged, ACCESS_READ, 1, &physical), FAULT_NONE);
    assert_int_equal(physical, PAGE + 0x10);
    assert_int_equal(translate(tagged, ACCESS_FETCH, 1, NULL), FAULT_NONE);
    cpu->sys.TCR_EL1 |= 1ull << 51; /* TBID0 */
    assert_int_equal(translate(tagged, ACCESS_FETCH, 1, NULL), FAULT_TRANSLATION);
    assert_int_equal(translate(tagged, ACCESS_READ, 1, NULL), FAULT_NONE);
}

/* The TLB: what stays after the table changed, and what each invalidation takes away. */

static void unmap(uint64_t va)
{
    bench_poke(bench, descriptor_address(12, 3, va), 0);
}

static void asids_keep_their_translations(void **state)
{
    map(0, 16, 0x1000, 3, PAGE | page_leaf(3) | NG);
    set_asid(1);
    assert_true(reads(0x1000));
    unmap(0x1000);
    assert_true(reads(0x1000));
    set_asid(2);
    assert_false(reads(0x1000));
    set_asid(1);
    assert_true(reads(0x1000)); /* from the second level */
    tlb_invalidate_asid(cpu, 2);
    assert_true(reads(0x1000));
    tlb_invalidate_asid(cpu, 1);
    assert_false(reads(0x1000));
}

static void global_pages_belong_to_all(void **state)
{
    map(0, 16, 0x1000, 3, PAGE | page_leaf(3));
    set_asid(1);
    assert_true(reads(0x1000));
    unmap(0x1000);
    set_asid(2);
    assert_true(reads(0x1000));
    tlb_invalidate_asid(cpu, 2);
    assert_true(reads(0x1000));
    tlb_invalidate_va(cpu, 0x1000, 2);
    assert_false(reads(0x1000));
}

static void invalidation_by_address(void **state)
{
    map(0, 16, 0x1000, 3, PAGE | page_leaf(3) | NG);
    set_asid(1);
    assert_true(reads(0x1000));
    unmap(0x1000);
    tlb_invalidate_va(cpu, 0x2000, 1);
    assert_true(reads(0x1000));
    tlb_invalidate_va(cpu, 0x1000, 2); /* another ASID: the second level keeps it */
    assert_true(reads(0x1000));
    tlb_invalidate_va(cpu, 0x1000, 1);
    assert_false(reads(0x1000));

    map(0, 16, 0x1000, 3, PAGE | page_leaf(3) | NG);
    set_asid(1);
    assert_true(reads(0x1000));
    unmap(0x1000);
    set_asid(2);
    tlb_invalidate_va(cpu, 0x1000, TLB_ANY_ASID);
    set_asid(1);
    assert_false(reads(0x1000));
}

static void a_block_goes_by_any_of_its_addresses(void **state)
{
    uint64_t block = 2ull << 20;
    map(0, 16, block, 2, (BENCH_RAM + (2ull << 20)) | page_leaf(2));
    assert_true(reads(block) && reads(block + 0x5000));
    bench_poke(bench, descriptor_address(12, 2, block), 0);
    assert_true(reads(block + 0x5000));
    tlb_invalidate_va(cpu, block + 0x1ff000, TLB_ANY_ASID);
    assert_false(reads(block) || reads(block + 0x5000));

    /* And a 64K page by any 4K of it. */
    map(2, 16, 0x10000, 3, PAGE | page_leaf(3));
    assert_true(reads(0x10000) && reads(0x1f000));
    bench_poke(bench, descriptor_address(16, 3, 0x10000), 0);
    tlb_invalidate_va(cpu, 0x18000, TLB_ANY_ASID);
    assert_false(reads(0x10000) || reads(0x1f000));
}

static void code_lookups_become_stale_only_when_concerned(void **state)
{
    bool guarded;
    map(0, 16, 0x1000, 3, PAGE | page_leaf(3) | NG);
    assert_int_equal(mmu_fetch(cpu, 0x1000, &guarded), PAGE);
    uint64_t generation = cpu->code_key[0];
    tlb_invalidate_va(cpu, 0x7000, TLB_ANY_ASID);
    assert_int_equal(cpu->code_key[0], generation);
    tlb_invalidate_va(cpu, 0x1000, TLB_ANY_ASID);
    assert_int_not_equal(cpu->code_key[0], generation);
    mmu_fetch(cpu, 0x1000, &guarded);
    generation = cpu->code_key[0];
    set_asid(3);
    assert_int_not_equal(cpu->code_key[0], generation);
}

/* A key is an address space's own: it is found again, unless the space's translations changed meanwhile. */
static void address_spaces_find_their_code_lookups_again(void **state)
{
    bool guarded;
    map(0, 16, 0x1000, 3, PAGE | page_leaf(3) | NG);
    set_asid(3);
    mmu_fetch(cpu, 0x1000, &guarded);
    uint64_t of_three = cpu->code_key[0], upper = cpu->code_key[1];
    set_asid(4);
    mmu_fetch(cpu, 0x1000, &guarded);
    uint64_t of_four = cpu->code_key[0];
    tlb_invalidate_va(cpu, 0x7000, 3);
    tlb_invalidate_va(cpu, 0x1000, 5);
    set_asid(3);
    assert_int_equal(cpu->code_key[0], of_three);

    tlb_invalidate_va(cpu, 0x1000, 4);
    assert_int_equal(cpu->code_key[0], of_three);
    set_asid(4);
    assert_int_not_equal(cpu->code_key[0], of_four);
    tlb_invalidate_asid(cpu, 3);
    set_asid(3);
    assert_int_not_equal(cpu->code_key[0], of_three);
    mmu_fetch(cpu, 0x1000, &guarded);
    of_three = cpu->code_key[0];
    set_asid(4);
    tlb_invalidate_va(cpu, 0x1000, TLB_ANY_ASID);
    set_asid(3);
    assert_int_not_equal(cpu->code_key[0], of_three);
    assert_int_equal(cpu->code_key[1], upper);
}

static void global_code_belongs_to_all_address_spaces(void **state)
{
    bool guarded;
    map(0, 16, 0x1000, 3, PAGE | page_leaf(3));
    set_asid(3);
    mmu_fetch(cpu, 0x1000, &guarded);
    uint64_t of_three = cpu->code_key[0];
    set_asid(4);
    tlb_invalidate_va(cpu, 0x1000, 4);
    set_asid(3);
    assert_int_not_equal(cpu->code_key[0], of_three);
}

static void many_address_spaces_have_keys_of_their_own(void **state)
{
    uint64_t keys[3 * TLB_SPACES];
    map(0, 16, 0x1000, 3, PAGE | page_leaf(3) | NG);
    for (unsigned i = 0; i < 3 * TLB_SPACES; i++) {
        set_asid(i % (TLB_SPACES + 1));
        keys[i] = cpu->code_key[0];
        for (unsigned j = 0; j < i; j++)
            assert_int_not_equal(keys[i], keys[j]);
    }
}

/* Accesses. */

static unsigned flagged_writes;

static void count_flagged_write(void *context, uint64_t page_address)
{
    struct bus *bus = context;
    flagged_writes++;
    bus->ram.page_flags[(page_address - bus->ram.base) >> PAGE_BITS] &= PAGE_WATCHED | PAGE_READ_WATCHED;
}

static void stores_to_flagged_pages_are_told(void **state)
{
    struct insn insn = {.left = 0};
    map(0, 16, 0x1000, 3, PAGE | page_leaf(3));
    bench->bus.on_flagged_write = count_flagged_write;
    bench->bus.on_flagged_write_context = &bench->bus;
    uint8_t *flags = &bench->bus.ram.page_flags[(PAGE - BENCH_RAM) >> PAGE_BITS];
    flagged_writes = 0;
    mem_write64(cpu, &insn, 0x1000, 1);
    assert_int_equal(flagged_writes, 0);
    *flags = PAGE_HAS_CODE;
    tlb_drop_write_tags(cpu, PAGE);
    mem_write64(cpu, &insn, 0x1000, 2);
    assert_int_equal(flagged_writes, 1);
    mem_write64(cpu, &insn, 0x1000, 3); /* inline again */
    assert_int_equal(flagged_writes, 1);
    *flags = PAGE_HAS_CODE;
    tlb_drop_write_tags(cpu, PAGE);
    uint64_t physical;
    mem_exclusive(cpu, &insn, 0x1000, 8, true, &physical);
    assert_int_equal(flagged_writes, 2);
    assert_int_equal(physical, PAGE);
}

static unsigned watched_asked;

static bool nothing_watched(void *context, uint64_t physical, unsigned size, unsigned kinds)
{
    watched_asked++;
    return false;
}

static void watched_8_to_16(void *context, uint64_t physical_page, uint32_t *from, uint32_t *to)
{
    *from = 8;
    *to = 16;
}

static void accesses_beside_watched_bytes_are_short(void **state)
{
    struct insn insn = {.left = 0};
    struct stops stops = {.watched = nothing_watched, .watched_within = watched_8_to_16};
    map(0, 16, 0x1000, 3, PAGE | page_leaf(3));
    bench->bus.on_flagged_write = count_flagged_write;
    bench->bus.on_flagged_write_context = &bench->bus;
    uint8_t *flags = &bench->bus.ram.page_flags[(PAGE - BENCH_RAM) >> PAGE_BITS];
    cpu->stops = &stops;
    *flags = PAGE_WATCHED | PAGE_READ_WATCHED;
    flagged_writes = watched_asked = 0;
    mem_write64(cpu, &insn, 0x1100, 1);
    assert_int_equal(watched_asked, 1);
    assert_int_equal(flagged_writes, 1);
    mem_write64(cpu, &insn, 0x1108, 2);
    mem_write64(cpu, &insn, 0x1010, 3);
    assert_int_equal(watched_asked, 1);
    assert_int_equal(bench_peek(bench, PAGE + 0x108), 2);
    assert_int_equal(bench_peek(bench, PAGE + 0x10), 3);
    assert_int_equal(mem_read64(cpu, &insn, 0x1100), 1);
    assert_int_equal(watched_asked, 2);
    assert_int_equal(mem_read64(cpu, &insn, 0x1108), 2);
    assert_int_equal(watched_asked, 2);
    mem_write64(cpu, &insn, 0x1004, 4); /* touches them */
    assert_true(watched_asked > 2);
    flagged_writes = 1;
    /* Another flag makes it void. */
    *flags |= PAGE_HAS_CODE;
    mem_write64(cpu, &insn, 0x1108, 5);
    assert_int_equal(flagged_writes, 2);
    /* So does an invalidation: the page is another one now. */
    mem_write64(cpu, &insn, 0x1108, 6);
    assert_int_equal(flagged_writes, 2);
    assert_true(cpu->slots.watched[1].limit);
    bench_poke(bench, descriptor_address(12, 3, 0x1000), (PAGE + 0x5000) | page_leaf(3));
    tlb_invalidate_va(cpu, 0x1000, TLB_ANY_ASID);
    mem_write64(cpu, &insn, 0x1108, 7);
    assert_int_equal(bench_peek(bench, PAGE + 0x5108), 7);
    assert_int_equal(bench_peek(bench, PAGE + 0x108), 6);
}

static void an_access_over_two_pages_is_all_or_nothing(void **state)
{
    struct insn insn = {.left = 0};
    map(0, 16, 0x1000, 3, PAGE | page_leaf(3));
    bench_poke(bench, descriptor_address(12, 3, 0x2000), (PAGE + 0x5000) | page_leaf(3));
    mem_write64(cpu, &insn, 0x1ffc, 0x1122334455667788);
    assert_int_equal(bench_peek(bench, PAGE + 0xff8) >> 32, 0x55667788);
    assert_int_equal(bench_peek(bench, PAGE + 0x5000) & 0xffffffff, 0x11223344);
    assert_int_equal(mem_read64(cpu, &insn, 0x1ffc), 0x1122334455667788);

    unmap(0x2000);
    tlb_flush_all(cpu);
    assert_true(RAISES(bench, mem_write64(cpu, &insn, 0x1ffc, 0)));
    assert_int_equal(BENCH_EC(bench), EC_DATA_ABORT);
    assert_int_equal(BENCH_ISS(bench), 1 << 6 | (FAULT_TRANSLATION + 3));
    assert_int_equal(cpu->sys.FAR_EL1, 0x2000);
    assert_int_equal(bench_peek(bench, PAGE + 0xff8) >> 32, 0x55667788);
}

static void alignment(void **state)
{
    struct insn insn = {.left = 0};
    uint32_t value;
    map(0, 16, 0x1000, 3, PAGE | page_leaf(3));
    assert_false(RAISES(bench, mem_read32(cpu, &insn, 0x1001)));
    assert_true(RAISES(bench, mem_slow_read(cpu, &insn, 0x1001, 4, &value, MEM_ALIGNED)));
    assert_int_equal(BENCH_ISS(bench), FAULT_ALIGNMENT);
    assert_int_equal(cpu->sys.FAR_EL1, 0x1001);
    sysreg_write(cpu, SR_SCTLR_EL1, cpu->sys.SCTLR_EL1 | 2);
    assert_true(RAISES(bench, mem_read32(cpu, &insn, 0x1001)));
    assert_false(RAISES(bench, mem_read32(cpu, &insn, 0x1004)));
    sysreg_write(cpu, SR_SCTLR_EL1, cpu->sys.SCTLR_EL1 & ~2ull);
    cpu->sys.MAIR_EL1 = 0x04; /* Device-nGnRE */
    mmu_control_changed(cpu);
    assert_true(RAISES(bench, mem_write32(cpu, &insn, 0x1001, 0)));
    assert_int_equal(BENCH_ISS(bench), 1 << 6 | FAULT_ALIGNMENT);
    assert_true(RAISES(bench, mem_zero_block(cpu, &insn, 0x1000)));
}

static void unprivileged_accesses(void **state)
{
    struct insn insn = {.left = 0};
    uint64_t value = 0;
    map(0, 16, 0x1000, 3, PAGE | page_leaf(3)); /* EL1 only */
    assert_false(RAISES(bench, mem_slow_read(cpu, &insn, 0x1000, 8, &value, MEM_PLAIN)));
    assert_true(RAISES(bench, mem_slow_read(cpu, &insn, 0x1000, 8, &value, MEM_UNPRIVILEGED)));
    assert_int_equal(BENCH_EC(bench), EC_DATA_ABORT); /* taken from EL1 all the same */
    cpu->pstate.uao = 1;
    assert_false(RAISES(bench, mem_slow_read(cpu, &insn, 0x1000, 8, &value, MEM_UNPRIVILEGED)));

    /* PAN stops plain accesses to user pages, not these. */
    map(0, 16, 0x1000, 3, PAGE | page_leaf(3) | 1 << 6);
    cpu->pstate.uao = 0;
    cpu->pstate.pan = 1;
    cpu_state_changed(cpu);
    assert_false(RAISES(bench, mem_slow_read(cpu, &insn, 0x1000, 8, &value, MEM_UNPRIVILEGED)));
    assert_true(RAISES(bench, mem_read64(cpu, &insn, 0x1000)));
}

static void atomics_say_read_where_a_read_would_fault(void **state)
{
    const uint32_t ldadd = 0xf8200000, stxr = 0xc8007c00;
    map(0, 16, 0x1000, 3, 0);
    struct insn insn = {.left = 0, .word = ldadd};
    assert_true(RAISES(bench, mem_exclusive(cpu, &insn, 0x1000, 8, true, NULL)));
    assert_int_equal(BENCH_ISS(bench), FAULT_TRANSLATION + 3);
    map(0, 16, 0x1000, 3, PAGE | page_leaf(3) | 1 << 7);
    assert_true(RAISES(bench, mem_exclusive(cpu, &insn, 0x1000, 8, true, NULL)));
    assert_int_equal(BENCH_ISS(bench), 1 << 6 | (FAULT_PERMISSION + 3));
    map(0, 16, 0x1000, 3, 0);
    insn.word = stxr;
    assert_true(RAISES(bench, mem_exclusive(cpu, &insn, 0x1000, 8, true, NULL)));
    assert_int_equal(BENCH_ISS(bench), 1 << 6 | (FAULT_TRANSLATION + 3));
}

static void fetches(void **state)
{
    bool guarded;
    cpu->pc = 0x1002;
    map(0, 16, 0x1000, 3, PAGE | page_leaf(3) | 1ull << 50);
    assert_true(RAISES(bench, mmu_fetch(cpu, cpu->pc, &guarded)));
    assert_int_equal(BENCH_EC(bench), EC_PC_ALIGNMENT);
    assert_int_equal(cpu->sys.FAR_EL1, 0x1002);
    assert_int_equal(cpu->sys.ELR_EL1, 0x1002);
    assert_int_equal(mmu_fetch(cpu, 0x1004, &guarded), PAGE + 4);
    assert_true(guarded);
    cpu->pc = 0x5000;
    assert_true(RAISES(bench, mmu_fetch(cpu, cpu->pc, &guarded)));
    assert_int_equal(BENCH_EC(bench), EC_INSN_ABORT);
    assert_int_equal(BENCH_ISS(bench), FAULT_TRANSLATION + 3);
    map(0, 16, 0x1000, 3, 0x10000000 | page_leaf(3)); /* no RAM there */
    cpu->pc = 0x1000;
    assert_true(RAISES(bench, mmu_fetch(cpu, cpu->pc, &guarded)));
    assert_int_equal(BENCH_ISS(bench), FAULT_EXTERNAL);
    cpu->sys.TCR_EL1 |= TCR_TBI0;
    map(0, 16, 0x1000, 3, PAGE | page_leaf(3));
    cpu->sys.TCR_EL1 |= TCR_TBI0;
    cpu->pc = 0xff00000000001000ull & ~(1ull << 55);
    assert_int_equal(mmu_fetch(cpu, cpu->pc, &guarded), PAGE);
    assert_int_equal(cpu->pc, 0x1000);
}

static void address_translation(void **state)
{
    unsigned external;
    map(0, 16, 0x1000, 3, PAGE | page_leaf(3) | 3 << 8);
    assert_int_equal(mmu_address_translate(cpu, 0x1234, 1, true, false, &external),
                     0xff00000000000000ull | PAGE | 1 << 11 | 3 << 7);
    assert_int_equal(mmu_address_translate(cpu, 0x1234, 0, false, false, &external),
                     1 << 11 | (FAULT_PERMISSION + 3) << 1 | 1);
    assert_int_equal(mmu_address_translate(cpu, 0x5000, 1, false, false, &external),
                     1 << 11 | (FAULT_TRANSLATION + 3) << 1 | 1);
    assert_int_equal(external, FAULT_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MMU_TEST(pages_translate_in_every_granule_and_size),
        MMU_TEST(blocks_stand_where_the_granule_has_them),
        MMU_TEST(faults_name_their_level),
        MMU_TEST(the_whole_half_can_be_off),
        MMU_TEST(permissions_follow_the_tables),
        MMU_TEST(pan_keeps_el1_from_user_pages),
        MMU_TEST(hardware_updates_descriptors),
        MMU_TEST(top_byte),
        MMU_TEST(asids_keep_their_translations),
        MMU_TEST(global_pages_belong_to_all),
        MMU_TEST(invalidation_by_address),
        MMU_TEST(a_block_goes_by_any_of_its_addresses),
        MMU_TEST(code_lookups_become_stale_only_when_concerned),
        MMU_TEST(address_spaces_find_their_code_lookups_again),
        MMU_TEST(global_code_belongs_to_all_address_spaces),
        MMU_TEST(many_address_spaces_have_keys_of_their_own),
        MMU_TEST(stores_to_flagged_pages_are_told),
        MMU_TEST(accesses_beside_watched_bytes_are_short),
        MMU_TEST(an_access_over_two_pages_is_all_or_nothing),
        MMU_TEST(alignment),
        MMU_TEST(unprivileged_accesses),
        MMU_TEST(atomics_say_read_where_a_read_would_fault),
        MMU_TEST(fetches),
        MMU_TEST(address_translation),
    };
    return cmocka_run_group_tests_name("mmu", tests, NULL, NULL);
}
