/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The MMU: each kind of fault at each level, permissions, access flag and dirty state, AT, TLBI, ASIDs, PAN. */
#include "guest.h"

#define DFSC_TRANSLATION(level) (4 + (level))
#define DFSC_ACCESS_FLAG(level) (8 + (level))
#define DFSC_PERMISSION(level)  (12 + (level))
#define DFSC_ALIGNMENT          0x21
#define WNR                     (1u << 6)

static uint64_t *root;
static volatile uint64_t *page; /* 16 test pages */

static void touch_read(uint64_t address)
{
    trap_clear();
    asm volatile("ldr x9, [%0]" ::"r"(address) : "x9", "memory");
}

static void touch_write(uint64_t address)
{
    trap_clear();
    asm volatile("str xzr, [%0]" ::"r"(address) : "memory");
}

static void expect_fault(int line, uint64_t address, unsigned dfsc, bool write)
{
    expect_equal("mmu.c", line, "trap.count", trap.count, 1);
    expect_equal("mmu.c", line, "EC", TRAP_EC(), 0x25);
    expect_equal("mmu.c", line, "ISS", TRAP_ISS(), dfsc | (write ? WNR : 0));
    expect_equal("mmu.c", line, "FAR", trap.far, address);
}
#define EXPECT_FAULT(address, dfsc, write) expect_fault(__LINE__, address, dfsc, write)
#define EXPECT_NONE()                      EXPECT_EQ(trap.count, 0)

static void set_pte(uint64_t address, uint64_t value)
{
    *pte_of(root, address) = value;
    tlb_flush();
}

#define PAGE_RW (PTE_PAGE | PTE_NORMAL | PTE_SH_INNER | PTE_AF | PTE_UXN | PTE_PXN)

static void translation_faults(void)
{
    /* Level 1 (an empty entry of the root), beyond T0SZ (level 0), in the TTBR1 half that EPD1 turns off. */
    touch_read(0x7000000000);
    EXPECT_FAULT(0x7000000000, DFSC_TRANSLATION(1), false);
    touch_write(0x8000000000);
    EXPECT_FAULT(0x8000000000, DFSC_TRANSLATION(0), true);
    touch_read(0xffffffff00000000);
    EXPECT_FAULT(0xffffffff00000000, DFSC_TRANSLATION(0), false);

    uint64_t address = (uint64_t)page;
    pte_of(root, address);
    uint64_t *level2 = (uint64_t *)(root[address >> 30] & 0xfffffffff000);
    uint64_t saved = level2[address >> 21 & 511];
    level2[address >> 21 & 511] = 0;
    tlb_flush();
    touch_read(address + 8);
    EXPECT_FAULT(address + 8, DFSC_TRANSLATION(2), false);
    level2[address >> 21 & 511] = saved;
    set_pte(address, 0);
    touch_write(address + 16);
    EXPECT_FAULT(address + 16, DFSC_TRANSLATION(3), true);
    set_pte(address, (address & ~0xfffull) | 1); /* reserved at level 3 */
    touch_read(address);
    EXPECT_FAULT(address, DFSC_TRANSLATION(3), false);
    set_pte(address, address | PAGE_RW);
    touch_write(address);
    EXPECT_NONE();

    /* An access across the end of the mapped page: FAR is the first byte that fails. */
    set_pte(address + 4096, 0);
    page[511] = 0x1122334455667788;
    touch_write(address + 4092);
    EXPECT_FAULT(address + 4096, DFSC_TRANSLATION(3), true);
    EXPECT_EQ(page[511], 0x1122334455667788);
    set_pte(address + 4096, (address + 4096) | PAGE_RW);
    asm volatile("str %0, [%1]" ::"r"(0xaabbccddeeff0011), "r"(address + 4092) : "memory");
    EXPECT_EQ(page[511], 0xeeff001155667788);
    EXPECT_EQ((uint32_t)page[512], 0xaabbccdd);
}

static void permissions(void)
{
    uint64_t address = (uint64_t)page;
    set_pte(address, address | PAGE_RW | PTE_RO);
    touch_read(address);
    EXPECT_NONE();
    touch_write(address);
    EXPECT_FAULT(address, DFSC_PERMISSION(3), true);

    /* A block's permission faults at its own level. */
    root[2] = 0x80000000ull | PTE_BLOCK | PTE_NORMAL | PTE_AF | PTE_RO;
    tlb_flush();
    touch_write(0x80000000);
    EXPECT_FAULT(0x80000000, DFSC_PERMISSION(1), true);
    root[2] = 0;
    tlb_flush();

    /* Execute never, from EL1: an instruction abort with the same code. */
    set_pte(address, address | PAGE_RW);
    trap_clear();
    asm volatile("adr x30, 1f; br %0; 1:" ::"r"(address) : "x30");
    EXPECT_EQ(TRAP_EC(), 0x21);
    EXPECT_EQ(TRAP_ISS(), DFSC_PERMISSION(3));
    EXPECT_EQ(trap.elr, address);
    EXPECT_EQ(trap.far, address);

    /* Hierarchical: APTable[1] in the root makes everything below read-only, PXNTable not executable. */
    set_pte(address, address | (PAGE_RW & ~PTE_PXN));
    uint64_t saved = root[address >> 30];
    EXPECT_EQ(saved & 3, PTE_TABLE);
    uint64_t *other_root = allocate(4096);
    for (int i = 0; i < 512; i++)
        other_root[i] = root[i];
    other_root[5] = saved | 2ull << 61 | 1ull << 59;
    MSR(ttbr0_el1, (uint64_t)other_root);
    ISB();
    tlb_flush();
    uint64_t alias = (address & 0x3fffffff) | 5ull << 30;
    touch_read(alias);
    EXPECT_NONE();
    touch_write(alias);
    EXPECT_FAULT(alias, DFSC_PERMISSION(3), true);
    trap_clear();
    asm volatile("adr x30, 1f; br %0; 1:" ::"r"(alias) : "x30");
    EXPECT_EQ(TRAP_EC(), 0x21);
    EXPECT_EQ(TRAP_ISS(), DFSC_PERMISSION(3));
    MSR(ttbr0_el1, (uint64_t)root);
    ISB();
    tlb_flush();

    /* WXN: writable is not executable. */
    set_pte(address, address | (PAGE_RW & ~PTE_PXN));
    page[0] = 0xd65f03c0d65f03c0; /* ret; ret */
    asm volatile("dsb ish; ic iallu; dsb ish; isb");
    trap_clear();
    asm volatile("blr %0" ::"r"(address) : "x30");
    EXPECT_NONE();
    set_pte(address, address | PAGE_RW);
}

static void access_flag_and_dirty(void)
{
    uint64_t address = (uint64_t)page, *entry = pte_of(root, address);
    set_pte(address, address | (PAGE_RW & ~PTE_AF));
    touch_read(address);
    EXPECT_FAULT(address, DFSC_ACCESS_FLAG(3), false);
    if ((MRS(id_aa64mmfr1_el1) & 15) >= 2) {
        MSR(tcr_el1, MRS(tcr_el1) | 3ull << 39); /* HA, HD */
        ISB();
        tlb_flush();
        touch_read(address);
        EXPECT_NONE();
        EXPECT(*entry & PTE_AF);
        /* Clean and writable by DBM: a read leaves it clean, a write marks it dirty. */
        set_pte(address, address | PAGE_RW | PTE_RO | PTE_DBM);
        touch_read(address);
        EXPECT(*entry & PTE_RO);
        touch_write(address);
        EXPECT_NONE();
        EXPECT(!(*entry & PTE_RO));
        MSR(tcr_el1, MRS(tcr_el1) & ~(3ull << 39));
        ISB();
    }
    set_pte(address, address | PAGE_RW);
}

USER static uint64_t user_load(uint64_t address)
{
    uint64_t value;
    asm volatile("ldr %0, [%1]" : "=r"(value) : "r"(address));
    return value;
}

USER static uint64_t user_branch(uint64_t address)
{
    asm volatile("mov x19, x30; blr %0; mov x30, x19" ::"r"(address) : "x19", "x30", "memory");
    return 0;
}

static void el0(void)
{
    uint64_t address = (uint64_t)page;
    set_pte(address, address | PAGE_RW);
    trap_clear();
    el0_call(user_load, address, 0);
    EXPECT_EQ(TRAP_EC(), 0x24); /* from a lower level */
    EXPECT_EQ(TRAP_ISS(), DFSC_PERMISSION(3));
    set_pte(address, address | PAGE_RW | PTE_EL0);
    page[0] = 77;
    trap_clear();
    EXPECT_EQ(el0_call(user_load, address, 0), 77);
    EXPECT_NONE();
    el0_call(user_branch, address, 0);
    EXPECT_EQ(TRAP_EC(), 0x20);
    EXPECT_EQ(TRAP_ISS(), DFSC_PERMISSION(3));
    EXPECT_EQ(trap.elr, address);

    /* Unprivileged accesses from EL1 see EL0's rights. */
    trap_clear();
    asm volatile("ldtr x9, [%0]" ::"r"(address) : "x9");
    EXPECT_NONE();
    set_pte(address, address | PAGE_RW);
    asm volatile("ldtr x9, [%0]" ::"r"(address) : "x9");
    EXPECT_FAULT(address, DFSC_PERMISSION(3), false);
    set_pte(address, address | PAGE_RW);
}

/* PAN keeps EL1 from what EL0 may access; LDTR is not affected. */
static void pan(void)
{
    if (!(MRS(id_aa64mmfr1_el1) >> 20 & 15))
        return;
    uint64_t address = (uint64_t)page;
    set_pte(address, address | PAGE_RW | PTE_EL0);
    asm volatile(".arch armv8.2-a\n msr pan, #1");
    touch_read(address);
    EXPECT_FAULT(address, DFSC_PERMISSION(3), false);
    EXPECT_EQ(trap.spsr >> 22 & 1, 1);
    trap_clear();
    asm volatile("ldtr x9, [%0]" ::"r"(address) : "x9");
    EXPECT_NONE();
    asm volatile(".arch armv8.2-a\n msr pan, #0");
    touch_read(address);
    EXPECT_NONE();
    set_pte(address, address | PAGE_RW);
}

static void alignment(void)
{
    uint64_t address = (uint64_t)page;
    MSR(sctlr_el1, MRS(sctlr_el1) | 2);
    ISB();
    touch_read(address + 1);
    EXPECT_FAULT(address + 1, DFSC_ALIGNMENT, false);
    MSR(sctlr_el1, MRS(sctlr_el1) & ~2ull);
    ISB();
    touch_read(address + 1);
    EXPECT_NONE();
    trap_clear();
    asm volatile("ldxr x9, [%0]" ::"r"(address + 4) : "x9");
    EXPECT_FAULT(address + 4, DFSC_ALIGNMENT, false);
    /* Device memory always wants natural alignment. */
    set_pte(address, address | PTE_PAGE | PTE_DEVICE | PTE_AF | PTE_UXN | PTE_PXN);
    touch_write(address + 4);
    EXPECT_FAULT(address + 4, DFSC_ALIGNMENT, true);
    set_pte(address, address | PAGE_RW);
}

static void address_translation(void)
{
    uint64_t address = (uint64_t)page;
    asm volatile("at s1e1r, %0; isb" ::"r"(address + 0x123));
    EXPECT_EQ(MRS(par_el1) & 0xfffffffff001, address);
    asm volatile("at s1e0r, %0; isb" ::"r"(address));
    EXPECT_EQ(MRS(par_el1) & 0x7f, DFSC_PERMISSION(3) << 1 | 1);
    set_pte(address, address | PAGE_RW | PTE_RO);
    asm volatile("at s1e1w, %0; isb" ::"r"(address));
    EXPECT_EQ(MRS(par_el1) & 0x7f, DFSC_PERMISSION(3) << 1 | 1);
    asm volatile("at s1e1r, %0; isb" ::"r"(0x7000000000));
    EXPECT_EQ(MRS(par_el1) & 0x7f, DFSC_TRANSLATION(1) << 1 | 1);
    set_pte(address, address | PAGE_RW);
}

static void asids(void)
{
    /* One address, two non-global mappings by ASID, without any TLBI between the switches. */
    uint64_t address = 6ull << 30;
    uint64_t *roots[2], target[2];
    for (int i = 0; i < 2; i++) {
        roots[i] = allocate(4096);
        for (int entry = 0; entry < 512; entry++)
            roots[i][entry] = root[entry];
        target[i] = (uint64_t)allocate(4096);
        *(volatile uint64_t *)target[i] = 100 + i;
        *pte_of(roots[i], address) = target[i] | PAGE_RW | PTE_NG;
    }
    for (int round = 0; round < 6; round++) {
        MSR(ttbr0_el1, (uint64_t)roots[round & 1] | (uint64_t)(1 + (round & 1)) << 48);
        ISB();
        EXPECT_EQ(*(volatile uint64_t *)address, 100 + (round & 1));
    }
    /* By ASID and address: only that one is renewed. */
    *pte_of(roots[0], address) = target[1] | PAGE_RW | PTE_NG;
    asm volatile("dsb ish; tlbi vae1is, %0; dsb ish; isb" ::"r"(1ull << 48 | address >> 12));
    MSR(ttbr0_el1, (uint64_t)roots[0] | 1ull << 48);
    ISB();
    EXPECT_EQ(*(volatile uint64_t *)address, 101);
    *pte_of(roots[0], address) = target[0] | PAGE_RW | PTE_NG;
    asm volatile("dsb ish; tlbi aside1is, %0; dsb ish; isb" ::"r"(1ull << 48));
    EXPECT_EQ(*(volatile uint64_t *)address, 100);
    *pte_of(roots[0], address) = target[1] | PAGE_RW | PTE_NG;
    asm volatile("dsb ish; tlbi vaale1is, %0; dsb ish; isb" ::"r"(address >> 12));
    EXPECT_EQ(*(volatile uint64_t *)address, 101);
    MSR(ttbr0_el1, (uint64_t)root);
    ISB();
    tlb_flush();
}

static void top_byte_ignored(void)
{
    uint64_t address = (uint64_t)page;
    page[1] = 0x5a5a;
    MSR(tcr_el1, MRS(tcr_el1) | 1ull << 37);
    ISB();
    tlb_flush();
    EXPECT_EQ(*(volatile uint64_t *)((address + 8) | 0xa7ull << 56), 0x5a5a);
    *(volatile uint64_t *)((address + 8) | 0x11ull << 56) = 0x1111;
    EXPECT_EQ(page[1], 0x1111);
    MSR(tcr_el1, MRS(tcr_el1) & ~(1ull << 37));
    ISB();
    tlb_flush();
    touch_read((address + 8) | 0xa7ull << 56);
    EXPECT_FAULT((address + 8) | 0xa7ull << 56, DFSC_TRANSLATION(0), false);
}

/* The same page by the 64 KiB granule, 36-bit addresses: levels 2 and 3. */
static void granule_64k(void)
{
    if ((MRS(id_aa64mmfr0_el1) >> 24 & 15) == 15)
        return;
    uint64_t *table = allocate(65536), *level3 = allocate(65536);
    table[0] = 0ull | PTE_BLOCK | PTE_DEVICE | PTE_AF;
    table[2] = 0x40000000ull | PTE_BLOCK | PTE_NORMAL | PTE_AF | PTE_SH_INNER;
    table[8] = (uint64_t)level3 | PTE_TABLE;
    uint64_t address = 8ull << 29, region = (uint64_t)page & ~0xffffull;
    level3[3] = region | PTE_PAGE | PTE_NORMAL | PTE_AF;
    uint64_t tcr = MRS(tcr_el1);
    MSR(sctlr_el1, MRS(sctlr_el1) & ~1ull);
    ISB();
    MSR(tcr_el1, 28 | 1 << 14 | 1 << 23 | 2ull << 32);
    MSR(ttbr0_el1, (uint64_t)table);
    ISB();
    tlb_flush();
    MSR(sctlr_el1, MRS(sctlr_el1) | 1);
    ISB();
    *(volatile uint64_t *)(address + 3 * 65536 + 0xfff8) = 0x64640000;
    EXPECT_EQ(*(volatile uint64_t *)(region + 0xfff8), 0x64640000);
    touch_read(address);
    EXPECT_FAULT(address, DFSC_TRANSLATION(3), false);
    touch_read(address + (1ull << 29));
    EXPECT_FAULT(address + (1ull << 29), DFSC_TRANSLATION(2), false);
    MSR(sctlr_el1, MRS(sctlr_el1) & ~1ull);
    ISB();
    MSR(tcr_el1, tcr);
    MSR(ttbr0_el1, (uint64_t)root);
    ISB();
    tlb_flush();
    MSR(sctlr_el1, MRS(sctlr_el1) | 1);
    ISB();
}

static void external_aborts(void)
{
    /* Nothing is at the top of the device block: a synchronous external abort. */
    touch_read(0x3f000000);
    EXPECT_FAULT(0x3f000000, 0x10, false);
    touch_write(0x3f000000);
    EXPECT_FAULT(0x3f000000, 0x10, true);
}

void guest_main(void)
{
    page = (volatile uint64_t *)0x44000000; /* a 2 MiB region with nothing else in it */
    root = identity_map();
    mmu_on(root);
    for (int i = 0; i < 16; i++)
        set_pte((uint64_t)page + 4096 * i, ((uint64_t)page + 4096 * i) | PAGE_RW);
    translation_faults();
    permissions();
    access_flag_and_dirty();
    el0();
    pan();
    alignment();
    address_translation();
    asids();
    top_byte_ignored();
    granule_64k();
    external_aborts();
}
