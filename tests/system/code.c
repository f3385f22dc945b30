/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Code that is written while it runs: new instructions are seen after the maintenance that the architecture asks
 * for, in the same page, through an alias, and after a remap. */
#include "guest.h"

#define MOV_W0(value) (0x52800000u | (uint32_t)(value) << 5)
#define RET           0xd65f03c0u

static void sync_code(uint64_t address)
{
    asm volatile("dc cvau, %0; dsb ish; ic ivau, %0; dsb ish; isb" ::"r"(address) : "memory");
}

static uint64_t call(uint64_t address)
{
    register uint64_t x0 asm("x0");
    asm volatile("blr %1" : "=r"(x0) : "r"(address) : "x30", "memory");
    return x0;
}

void guest_main(void)
{
    uint64_t *root = identity_map();
    mmu_on(root);
    volatile uint32_t *code = (volatile uint32_t *)0x44000000;
    uint64_t address = (uint64_t)code;
    code[1] = RET;
    for (unsigned i = 0; i < 5000; i++) {
        code[0] = MOV_W0(i & 0xffff);
        sync_code(address);
        EXPECT_EQ(call(address), i & 0xffff);
    }

    /* A loop that patches its own next instruction. */
    uint64_t sum;
    asm volatile("adr x9, 1f\n"
                 "mov w10, #0x0000\n"
                 "movk w10, #0x5280, lsl #16\n" /* mov w0, #0 */
                 "mov x11, #0\n"
                 "mov x12, #100\n"
                 "0: str w10, [x9]\n"
                 "dc cvau, x9; dsb ish; ic ivau, x9; dsb ish; isb\n"
                 "1: mov w0, #0\n"
                 "add x11, x11, x0\n"
                 "add w10, w10, #0x20\n"
                 "subs x12, x12, #1\n"
                 "b.ne 0b\n"
                 "mov %0, x11\n"
                 : "=r"(sum)::"x0", "x9", "x10", "x11", "x12", "cc", "memory");
    EXPECT_EQ(sum, 99 * 100 / 2);

    /* Written through another virtual address. */
    uint64_t alias = 7ull << 30;
    *pte_of(root, alias) = address | PTE_PAGE | PTE_NORMAL | PTE_AF | PTE_SH_INNER | PTE_PXN;
    tlb_flush();
    EXPECT_EQ(call(address), 4999);
    *(volatile uint32_t *)alias = MOV_W0(4242);
    sync_code(alias);
    sync_code(address);
    EXPECT_EQ(call(address), 4242);

    /* Another page under the same address. */
    volatile uint32_t *other = (volatile uint32_t *)0x44001000;
    other[0] = MOV_W0(17);
    other[1] = RET;
    sync_code((uint64_t)other);
    *pte_of(root, alias) = address | PTE_PAGE | PTE_NORMAL | PTE_AF | PTE_SH_INNER;
    tlb_flush();
    EXPECT_EQ(call(alias), 4242);
    *pte_of(root, alias) = (uint64_t)other | PTE_PAGE | PTE_NORMAL | PTE_AF | PTE_SH_INNER;
    tlb_flush();
    EXPECT_EQ(call(alias), 17);

    /* Data beside code in one page keeps working. */
    for (unsigned i = 0; i < 1000; i++) {
        code[512] = i;
        EXPECT_EQ(call(address), 4242);
        EXPECT_EQ(code[512], i);
    }
}
