/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The runtime of the bare-metal test guests (guest.h). */
#include "guest.h"

#define UART 0x09000000ull

volatile struct trap trap;
void (*volatile interrupt_handler)(struct frame *frame, unsigned vector);
bool (*volatile sync_handler)(struct frame *frame, unsigned vector);
static unsigned failures;

void el0_return(void);

void print(const char *text)
{
    for (; *text; text++)
        mmio_write32(UART, (uint8_t)*text);
}

void print_hex(uint64_t value)
{
    print("0x");
    for (int shift = 60; shift >= 0; shift -= 4)
        mmio_write32(UART, (uint8_t)"0123456789abcdef"[value >> shift & 15]);
}

static void print_decimal(unsigned value)
{
    if (value >= 10)
        print_decimal(value / 10);
    mmio_write32(UART, '0' + value % 10);
}

void expect_equal(const char *file, int line, const char *what, uint64_t got, uint64_t expected)
{
    if (got == expected)
        return;
    failures++;
    print(file);
    print(":");
    print_decimal((unsigned)line);
    print(": ");
    print(what);
    print(" is ");
    print_hex(got);
    print(", expected ");
    print_hex(expected);
    print("\n");
}

unsigned guest_failures(void)
{
    return failures;
}

_Noreturn void guest_exit(void)
{
    print(failures ? "FAIL\n" : "PASS\n");
    psci(PSCI_SYSTEM_OFF, 0, 0, 0);
    for (;;)
        asm volatile("wfi");
}

void trap_clear(void)
{
    trap = (struct trap){0};
}

void trap_handler(struct frame *frame, unsigned vector)
{
    bool is_sync = vector % 4 == 0;
    uint64_t esr = MRS(esr_el1);
    if (is_sync && esr >> 26 == 0x15 && (esr & 0xffff) == 0x1ff) { /* el0_exit */
        frame->elr = (uint64_t)el0_return;
        frame->spsr = 0x3c5;
        return;
    }
    if (is_sync && sync_handler && sync_handler(frame, vector))
        return;
    trap.count++;
    trap.vector = vector;
    trap.elr = frame->elr;
    trap.spsr = frame->spsr;
    if (!is_sync) {
        if (interrupt_handler)
            interrupt_handler(frame, vector);
        else
            frame->spsr |= 0x1c0; /* masked from here on, or it would come again */
        return;
    }
    trap.esr = esr;
    trap.far = MRS(far_el1);
    switch (esr >> 26) {
    case 0x11: case 0x15: case 0x16: case 0x17: /* SVC and its like return behind themselves */
        break;
    case 0x20: case 0x21: case 0x22:
        frame->elr = frame->x[30];
        break;
    case 0x0e: /* illegal state: clear IL and go on */
        frame->spsr &= ~(1ull << 20);
        break;
    default:
        frame->elr += 4;
        break;
    }
}

uint64_t psci(uint64_t function, uint64_t a, uint64_t b, uint64_t c)
{
    register uint64_t x0 asm("x0") = function;
    register uint64_t x1 asm("x1") = a;
    register uint64_t x2 asm("x2") = b;
    register uint64_t x3 asm("x3") = c;
    asm volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::"memory");
    return x0;
}

uint64_t cpu_start(unsigned index, void (*function)(void))
{
    return psci(PSCI_CPU_ON, index, (uint64_t)secondary_start, (uint64_t)function);
}

void *allocate(size_t bytes)
{
    extern uint8_t free_memory[];
    static uint64_t next;
    if (!next)
        next = (uint64_t)free_memory;
    next = (next + bytes - 1) & ~(bytes - 1);
    uint64_t *at = (uint64_t *)next;
    next += bytes;
    for (size_t i = 0; i < bytes / 8; i++)
        ((volatile uint64_t *)at)[i] = 0;
    return at;
}

/* Page tables. */

static uint64_t *table_under(uint64_t *entry, unsigned level)
{
    if ((*entry & 3) == PTE_TABLE && *entry & PTE_VALID)
        return (uint64_t *)(*entry & 0xfffffffff000);
    uint64_t block = *entry;
    uint64_t *table = allocate(4096);
    uint64_t step = level == 1 ? 1ull << 21 : 1ull << 12;
    if (block & PTE_VALID)
        for (unsigned i = 0; i < 512; i++)
            table[i] = (block + i * step) | (level == 2 ? PTE_PAGE : PTE_BLOCK);
    *entry = (uint64_t)table | PTE_TABLE;
    return table;
}

uint64_t *pte_of(uint64_t *root, uint64_t address)
{
    uint64_t *level2 = table_under(&root[address >> 30 & 511], 1);
    uint64_t *level3 = table_under(&level2[address >> 21 & 511], 2);
    return &level3[address >> 12 & 511];
}

uint64_t *identity_map(void)
{
    extern uint8_t user_start[], user_end[];
    uint64_t *root = allocate(4096);
    root[0] = 0ull | PTE_BLOCK | PTE_DEVICE | PTE_AF | PTE_PXN | PTE_UXN;
    root[1] = 0x40000000ull | PTE_BLOCK | PTE_NORMAL | PTE_SH_INNER | PTE_AF | PTE_UXN;
    for (uint64_t page = (uint64_t)user_start; page < (uint64_t)user_end; page += 4096)
        *pte_of(root, page) = page | PTE_PAGE | PTE_NORMAL | PTE_SH_INNER | PTE_AF | PTE_EL0 | PTE_PXN;
    return root;
}

void mmu_on(uint64_t *root)
{
    MSR(mair_el1, 0x00ff); /* 0: normal write-back, 1: device nGnRnE */
    MSR(tcr_el1, 25 | 1ull << 8 | 1ull << 10 | 3ull << 12 | 1ull << 23 | 2ull << 32);
    MSR(ttbr0_el1, (uint64_t)root);
    DSB();
    ISB();
    tlb_flush();
    MSR(sctlr_el1, (MRS(sctlr_el1) | 1 | 1 << 2 | 1 << 12) & ~(2ull | 1ull << 19));
    ISB();
}

void tlb_flush(void)
{
    asm volatile("dsb ishst; tlbi vmalle1; dsb ish; isb" ::: "memory");
}
