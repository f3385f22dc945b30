/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the bare-metal test guests share: output, expectations, trapped exceptions, system registers, page tables.
 *
 * A guest is a C file with guest_main(); it prints a line for each failed expectation and, from guest_exit(),
 * "PASS" or "FAIL", and powers off. It must pass on an independent implementation of the virt board too. */
#ifndef GUEST_H
#define GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STRINGIFY_(x) #x
#define STRINGIFY(x)  STRINGIFY_(x)
#define MRS(reg)                                                                                             \
    ({                                                                                                       \
        uint64_t value_;                                                                                     \
        asm volatile("mrs %0, " STRINGIFY(reg) : "=r"(value_)::"memory");                                    \
        value_;                                                                                              \
    })
#define MSR(reg, value) asm volatile("msr " STRINGIFY(reg) ", %x0" ::"rZ"((uint64_t)(value)) : "memory")
#define ISB()           asm volatile("isb" ::: "memory")
#define DSB()           asm volatile("dsb sy" ::: "memory")
#define USER            __attribute__((section(".user"), noinline, aligned(16)))

static inline uint32_t mmio_read32(uint64_t address)
{
    uint32_t value;
    asm volatile("ldr %w0, [%1]" : "=r"(value) : "r"(address) : "memory");
    return value;
}

static inline void mmio_write32(uint64_t address, uint32_t value)
{
    asm volatile("str %w0, [%1]" ::"r"(value), "r"(address) : "memory");
}

/* Output. */
void print(const char *text);
void print_hex(uint64_t value);

/* Expectations: each failure prints the place and both values, and makes the guest's verdict FAIL. */
void expect_equal(const char *file, int line, const char *what, uint64_t got, uint64_t expected);
#define EXPECT_EQ(got, expected)                                                                             \
    expect_equal(__FILE_NAME__, __LINE__, #got, (uint64_t)(got), (uint64_t)(expected))
#define EXPECT(condition) expect_equal(__FILE_NAME__, __LINE__, #condition, !!(condition), 1)
unsigned guest_failures(void); /* so far */
_Noreturn void guest_exit(void);

/* Exceptions. Each one is recorded here. Afterwards execution goes on behind the instruction that took it (at
 * x30 for instruction aborts and PC alignment faults), so that the code under test can look. */
struct trap {
    uint64_t count;  /* since trap_clear() */
    uint64_t vector; /* 0-15: vector offset / 0x80 */
    uint64_t esr, elr, far, spsr;
};
extern volatile struct trap trap;
void trap_clear(void);
#define TRAP_EC()  (trap.esr >> 26 & 0x3f)
#define TRAP_ISS() (trap.esr & 0x1ffffff)

struct frame {
    uint64_t x[31], elr, spsr, sp_el0;
};
/* Where set, interrupts (and FIQs) go here instead of being only recorded. */
extern void (*volatile interrupt_handler)(struct frame *frame, unsigned vector);
/* Where set, synchronous exceptions go here first; true: dealt with, return to frame->elr. */
extern bool (*volatile sync_handler)(struct frame *frame, unsigned vector);

/** Runs function(argument) at EL0 (its code in USER functions) with `spsr` as PSTATE; returns its result. */
uint64_t el0_call(uint64_t (*function)(uint64_t), uint64_t argument, uint64_t spsr);

/* CPUs. */
uint64_t psci(uint64_t function, uint64_t a, uint64_t b, uint64_t c);
void secondary_start(void);
#define PSCI_VERSION       0x84000000
#define PSCI_CPU_SUSPEND   0xc4000001
#define PSCI_CPU_OFF       0x84000002
#define PSCI_CPU_ON        0xc4000003
#define PSCI_AFFINITY_INFO 0xc4000004
#define PSCI_SYSTEM_OFF    0x84000008
#define PSCI_SYSTEM_RESET  0x84000009
#define PSCI_FEATURES      0x8400000a
/** Starts CPU `index` (affinity 0) at function(). */
uint64_t cpu_start(unsigned index, void (*function)(void));

/* Memory: pages of RAM handed out in order, zeroed, aligned to their size (64 KiB at most). */
void *allocate(size_t bytes);

/* Page tables with the 4 KiB granule, 39-bit addresses (levels 1 to 3), in TTBR0. */
#define PTE_VALID     1ull
#define PTE_TABLE     3ull
#define PTE_PAGE      3ull
#define PTE_BLOCK     1ull
#define PTE_ATTR(n)   ((uint64_t)(n) << 2)
#define PTE_EL0       (1ull << 6)
#define PTE_RO        (1ull << 7)
#define PTE_SH_INNER  (3ull << 8)
#define PTE_AF        (1ull << 10)
#define PTE_NG        (1ull << 11)
#define PTE_GP        (1ull << 50)
#define PTE_DBM       (1ull << 51)
#define PTE_PXN       (1ull << 53)
#define PTE_UXN       (1ull << 54)
#define PTE_NORMAL    PTE_ATTR(0)
#define PTE_DEVICE    PTE_ATTR(1)
/** An identity map of the devices and of RAM in 2 MiB blocks (user section also in EL0 pages); returns the root. */
uint64_t *identity_map(void);
/** The level-3 entry of `address` under `root`, tables made as needed (a block is split). */
uint64_t *pte_of(uint64_t *root, uint64_t address);
/** Turns the MMU on with `root` in TTBR0, caches on. */
void mmu_on(uint64_t *root);
void tlb_flush(void);

#endif
