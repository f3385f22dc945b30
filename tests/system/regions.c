/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Loops that run just long enough to be compiled as regions, and are written over, mapped elsewhere and left for
 * another address space while that is under way; more of them than a small cache holds; on two CPUs. */
#include "guest.h"

#define PAGES_BASE 0x44000000ull
#define PAGES      24u /* of each CPU */
#define STEPS      40u /* blocks of a loop */
#define HERE       (7ull << 30) /* where pages run by another address; of the second CPU: a gigabyte on */
#define ENOUGH     1000u /* iterations until a loop is promoted, once it is translated */

#define MOV_X0_0      0xd2800000u
#define ADD_X0(value) (0x91000000u | (uint32_t)(value) << 10)
#define B_NEXT        0x14000001u
#define SUBS_X1       0xf1000421u
#define B_NE(words)   (0x54000001u | ((uint32_t)(words) & 0x7ffff) << 5)
#define RET           0xd65f03c0u

#define CODE_PAGE (PTE_PAGE | PTE_NORMAL | PTE_AF | PTE_SH_INNER)

static uint64_t *root;
static volatile uint64_t second_failed, second_done;

static void sync_code(uint64_t from, uint64_t to)
{
    for (uint64_t at = from; at < to; at += 4)
        asm volatile("dc cvau, %0" ::"r"(at) : "memory");
    DSB();
    for (uint64_t at = from; at < to; at += 4)
        asm volatile("ic ivau, %0" ::"r"(at) : "memory");
    DSB();
    ISB();
}

static uint64_t page_at(uint64_t cpu, uint64_t index)
{
    return PAGES_BASE + (cpu * PAGES + index) * 4096;
}

/* Its loop adds `number` STEPS times. */
static void write_page(uint64_t page, unsigned number)
{
    volatile uint32_t *to = (volatile uint32_t *)page;
    *to++ = MOV_X0_0;
    for (unsigned i = 0; i < STEPS; i++) {
        *to++ = ADD_X0(number);
        *to++ = B_NEXT;
    }
    *to++ = SUBS_X1;
    *to++ = B_NE(-(int)(2 * STEPS + 1));
    *to++ = RET;
    sync_code(page, (uint64_t)to);
}

/* From now on the loop adds one more. */
static void patch_page(uint64_t page, unsigned step, unsigned number)
{
    const uint64_t at = page + 4 + 8 * step;
    *(volatile uint32_t *)at = ADD_X0(number + 1);
    sync_code(at, at + 4);
}

static uint64_t run(uint64_t address, uint64_t times)
{
    register uint64_t x0 asm("x0") = 0;
    register uint64_t x1 asm("x1") = times;
    asm volatile("blr %2" : "+r"(x0), "+r"(x1) : "r"(address) : "x30", "cc", "memory");
    return x0;
}

/* The number of wrong sums. */
static uint64_t write_under_way(uint64_t cpu, unsigned round)
{
    uint64_t wrong = 0;
    for (unsigned i = 0; i < PAGES; i++) {
        const uint64_t page = page_at(cpu, i);
        const unsigned number = 1 + i + round;
        const uint64_t times = ENOUGH + 32 + 8 * round + i;
        write_page(page, number);
        wrong += run(page, times) != times * STEPS * number;
        patch_page(page, i % STEPS, number);
        wrong += run(page, 100) != 100 * (STEPS * number + 1);
        wrong += run(page, times) != times * (STEPS * number + 1);
    }
    return wrong;
}

static void map(uint64_t *table, uint64_t va, uint64_t page, uint64_t flags)
{
    *pte_of(table, va) = 0;
    DSB();
    asm volatile("tlbi vaae1is, %0" ::"r"(va >> 12) : "memory");
    DSB();
    *pte_of(table, va) = page | CODE_PAGE | flags;
    DSB();
    ISB();
}

/* The pages stand as write_under_way() left them: the loop of page i adds sum_of() an iteration. */
static uint64_t sum_of(unsigned i, unsigned round)
{
    return STEPS * (1 + i + round) + 1;
}

static uint64_t map_under_way(uint64_t cpu, unsigned round)
{
    const uint64_t here = HERE + (cpu << 30);
    uint64_t wrong = 0;
    for (unsigned i = 0; i < PAGES; i++) {
        const uint64_t times = 100 + 50 * (i % 3);
        map(root, here, page_at(cpu, i), 0);
        wrong += run(here, times) != times * sum_of(i, round);
        wrong += run(here, times) != times * sum_of(i, round);
    }
    return wrong;
}

/* Two address spaces that only the ASID tells apart. */
static uint64_t switch_under_way(uint64_t cpu, unsigned round, uint64_t *other)
{
    const uint64_t here = HERE + (cpu << 30);
    uint64_t wrong = 0;
    for (unsigned i = 0; i + 1 < PAGES; i++) {
        map(root, here, page_at(cpu, i), PTE_NG);
        map(other, here, page_at(cpu, i + 1), PTE_NG);
        for (unsigned k = 0; k < 20; k++) {
            const bool second = k % 2;
            MSR(ttbr0_el1, second ? (uint64_t)other | 2ull << 48 : (uint64_t)root | 1ull << 48);
            ISB();
            wrong += run(here, 60) != 60 * sum_of(i + second, round);
        }
        MSR(ttbr0_el1, (uint64_t)root);
        ISB();
    }
    map(root, here, page_at(cpu, 0), 0);
    return wrong;
}

static uint64_t run_all(uint64_t cpu, uint64_t *other)
{
    uint64_t wrong = 0;
    for (unsigned round = 0; round < 3; round++) {
        wrong += write_under_way(cpu, round);
        wrong += map_under_way(cpu, round);
        wrong += switch_under_way(cpu, round, other);
    }
    return wrong;
}

static uint64_t *others[2];

static void second(void)
{
    mmu_on(root);
    second_failed = run_all(1, others[1]);
    second_done = 1;
    for (;;)
        asm volatile("wfi");
}

void guest_main(void)
{
    root = identity_map();
    for (unsigned cpu = 0; cpu < 2; cpu++) {
        others[cpu] = allocate(4096);
        *pte_of(root, HERE + ((uint64_t)cpu << 30)) = 0;
        for (unsigned i = 0; i < 512; i++)
            others[cpu][i] = i == (HERE >> 30) + cpu ? 0 : root[i];
        *pte_of(others[cpu], HERE + ((uint64_t)cpu << 30)) = 0;
    }
    mmu_on(root);
    EXPECT_EQ(cpu_start(1, second), 0);
    EXPECT_EQ(run_all(0, others[0]), 0);
    while (!second_done)
        asm volatile("yield");
    EXPECT_EQ(second_failed, 0);
}
