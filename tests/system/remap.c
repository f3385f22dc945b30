/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Executable pages that are mapped elsewhere under the code that runs in them: between calls, within a call, by another
 * CPU, the second page of a function, by a switch of address spaces, and to what may not be executed. */
#include "guest.h"

#define HERE   (7ull << 30)        /* where code runs: two pages */
#define PAGE_A 0x44000000ull       /* what stands there */
#define PAGE_B 0x44001000ull
#define PAGE_C 0x44002000ull       /* the second page */
#define PAGE_D 0x44003000ull

#define FIXED  0u     /* offsets of functions in a page: returns its number */
#define LOOP   0x40u  /* adds its number x1 times */
#define CALLER 0x80u  /* calls the function in x1, and adds its number to what that returns */
#define SPIN   0xc0u  /* A: for ever, B: returns */
#define LAST   0xff8u /* the page's number times 16, plus that of the next page */

#define MOV_X0(value) (0xd2800000u | (uint32_t)(value) << 5)
#define ADD_X0(value) (0x91000000u | (uint32_t)(value) << 10)
#define NOP           0xd503201fu
#define RET           0xd65f03c0u

#define CODE_PAGE (PTE_PAGE | PTE_NORMAL | PTE_AF | PTE_SH_INNER)

static uint64_t *root;
static volatile uint64_t spinning, left;

static void write_word(uint64_t address, uint32_t word)
{
    *(volatile uint32_t *)address = word;
    asm volatile("dc cvau, %0; dsb ish; ic ivau, %0; dsb ish; isb" ::"r"(address) : "memory");
}

static void write_page(uint64_t page, unsigned number)
{
    const uint32_t fixed[] = {MOV_X0(number), RET};
    const uint32_t loop[] = {
        MOV_X0(0), ADD_X0(number), 0xf1000421 /* subs x1, x1, #1 */, 0x54ffffc1 /* b.ne -8 */, RET,
    };
    const uint32_t caller[] = {
        0xf81f0ffe /* str x30, [sp, #-16]! */, 0xd63f0020 /* blr x1 */, ADD_X0(number),
        0xf84107fe /* ldr x30, [sp], #16 */,   RET,
    };
    for (unsigned i = 0; i < sizeof fixed / 4; i++)
        write_word(page + FIXED + 4 * i, fixed[i]);
    for (unsigned i = 0; i < sizeof loop / 4; i++)
        write_word(page + LOOP + 4 * i, loop[i]);
    for (unsigned i = 0; i < sizeof caller / 4; i++)
        write_word(page + CALLER + 4 * i, caller[i]);
    write_word(page + SPIN, page == PAGE_A ? 0x14000000 /* b . */ : RET);
    write_word(page + LAST, MOV_X0(number * 16));
    write_word(page + LAST + 4, NOP);
}

/* Break before make, with TLBI by address or of everything, on all CPUs. */
static void map(unsigned page, uint64_t physical, uint64_t flags, bool all)
{
    const uint64_t va = HERE + page * 4096ull;
    *pte_of(root, va) = 0;
    DSB();
    if (all)
        asm volatile("tlbi vmalle1is" ::: "memory");
    else
        asm volatile("tlbi vaae1is, %0" ::"r"(va >> 12) : "memory");
    DSB();
    *pte_of(root, va) = physical | flags;
    DSB();
    ISB();
}

static uint64_t call(uint64_t address, uint64_t argument)
{
    register uint64_t x0 asm("x0") = 0;
    register uint64_t x1 asm("x1") = argument;
    asm volatile("blr %2" : "+r"(x0), "+r"(x1) : "r"(address) : "x30", "cc", "memory");
    return x0;
}

static void between_calls(void)
{
    for (unsigned i = 0; i < 300; i++) {
        map(0, i % 2 ? PAGE_B : PAGE_A, CODE_PAGE, i % 3 == 0);
        EXPECT_EQ(call(HERE + FIXED, 0), i % 2 ? 2 : 1);
        EXPECT_EQ(call(HERE + LOOP, 50), i % 2 ? 100 : 50);
    }
}

/* Called from the page, which is another when it returns. */
static uint64_t swap_under_caller(void)
{
    static unsigned times;
    map(0, times % 2 ? PAGE_A : PAGE_B, CODE_PAGE, times % 3 == 0);
    times++;
    return 100;
}

static void within_a_call(void)
{
    map(0, PAGE_A, CODE_PAGE, true);
    for (unsigned i = 0; i < 300; i++)
        EXPECT_EQ(call(HERE + CALLER, (uint64_t)swap_under_caller), i % 2 ? 101 : 102);
}

static void across_pages(void)
{
    map(0, PAGE_A, CODE_PAGE, false);
    for (unsigned i = 0; i < 300; i++) {
        map(1, i % 2 ? PAGE_D : PAGE_C, CODE_PAGE, i % 3 == 0);
        EXPECT_EQ(call(HERE + LAST, 0), i % 2 ? 16 + 4 : 16 + 3);
    }
}

static void not_executable(void)
{
    for (unsigned i = 0; i < 100; i++) {
        map(0, PAGE_A, CODE_PAGE, false);
        EXPECT_EQ(call(HERE + FIXED, 0), 1);
        map(0, PAGE_A, CODE_PAGE | PTE_PXN, false);
        trap_clear();
        call(HERE + FIXED, 0);
        EXPECT_EQ(trap.count, 1);
        EXPECT_EQ(TRAP_EC(), 0x21);
        EXPECT_EQ(trap.far, HERE + FIXED);
        map(0, 0, 0, false);
        trap_clear();
        call(HERE + LOOP, 1);
        EXPECT_EQ(trap.count, 1);
        EXPECT_EQ(trap.far, HERE + LOOP);
    }
}

/* The same address in two address spaces; nothing but the ASID tells them apart. */
static void address_spaces(void)
{
    uint64_t *other = allocate(4096);
    for (unsigned i = 0; i < 512; i++)
        other[i] = i == HERE >> 30 ? 0 : root[i];
    *pte_of(other, HERE) = PAGE_B | CODE_PAGE | PTE_NG;
    map(0, PAGE_A, CODE_PAGE | PTE_NG, true);
    for (unsigned i = 0; i < 600; i++) {
        const bool second = i % 3 == 1;
        MSR(ttbr0_el1, second ? (uint64_t)other | 2ull << 48 : (uint64_t)root | 1ull << 48);
        ISB();
        EXPECT_EQ(call(HERE + FIXED, 0), second ? 2 : 1);
        EXPECT_EQ(call(HERE + LOOP, 40), second ? 80 : 40);
    }
    MSR(ttbr0_el1, (uint64_t)root);
    ISB();
    tlb_flush();
}

static void second_cpu(void)
{
    mmu_on(root);
    for (unsigned i = 0; i < 30; i++) {
        spinning = i + 1;
        call(HERE + SPIN, 0);
        left = i + 1;
        while (spinning == i + 1)
            asm volatile("yield");
    }
    for (;;)
        asm volatile("wfi");
}

/* The other CPU is in a loop that has no end but by another mapping of its page. */
static void under_another_cpu(void)
{
    map(0, PAGE_A, CODE_PAGE, true);
    EXPECT_EQ(cpu_start(1, second_cpu), 0);
    for (unsigned i = 0; i < 30; i++) {
        while (spinning != i + 1)
            asm volatile("yield");
        for (unsigned turn = 0; turn < 10; turn++)
            asm volatile("yield");
        EXPECT_EQ(left, i);
        map(0, PAGE_B, CODE_PAGE, i % 2);
        while (left != i + 1)
            asm volatile("yield");
        map(0, PAGE_A, CODE_PAGE, i % 2);
        spinning = 0;
    }
}

void guest_main(void)
{
    root = identity_map();
    mmu_on(root);
    write_page(PAGE_A, 1);
    write_page(PAGE_B, 2);
    write_page(PAGE_C, 3);
    write_page(PAGE_D, 4);
    write_word(PAGE_C, ADD_X0(3)); /* where LAST goes on */
    write_word(PAGE_D, ADD_X0(4));
    between_calls();
    within_a_call();
    across_pages();
    not_executable();
    address_spaces();
    under_another_cpu();
}
