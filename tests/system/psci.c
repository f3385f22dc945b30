/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PSCI, and several CPUs: power states, SGIs between CPUs, exclusives, WFE and SEV, TLBI broadcast. */
#include "gic.h"

#define NOT_SUPPORTED      ((uint64_t)-1)
#define INVALID_PARAMETERS ((uint64_t)-2)
#define ALREADY_ON         ((uint64_t)-4)

static volatile uint64_t counter, alive, phase, shared_value;
static volatile uint64_t sgi_seen[4];
static uint64_t *volatile root_of_all;

static uint64_t cpu_index(void)
{
    return MRS(mpidr_el1) & 0xff;
}

static void atomic_add(volatile uint64_t *at, uint64_t value)
{
    uint64_t old;
    uint32_t failed;
    asm volatile("1: ldaxr %0, [%2]; add %0, %0, %3; stlxr %w1, %0, [%2]; cbnz %w1, 1b"
                 : "=&r"(old), "=&r"(failed)
                 : "r"(at), "r"(value)
                 : "memory");
}

static void on_sgi(struct frame *frame, unsigned vector)
{
    uint64_t intid = MRS(ICC_IAR1);
    if (intid < 16)
        atomic_add(&sgi_seen[cpu_index()], 1 + intid);
    MSR(ICC_EOIR1, intid);
    ISB();
    (void)frame;
    (void)vector;
}

static void secondary(void)
{
    mmu_on(root_of_all);
    gic_cpu_init((unsigned)cpu_index());
    gic_enable_private((unsigned)cpu_index(), 5, 0x80);
    gic_enable_private((unsigned)cpu_index(), 9, 0x80);
    for (int i = 0; i < 1000; i++)
        atomic_add(&counter, 1);
    atomic_add(&alive, 1);
    asm volatile("sev");
    IRQ_ON();
    while (phase < 1)
        asm volatile("wfe");
    IRQ_OFF();
    EXPECT_EQ(shared_value, 0x77);
    atomic_add(&alive, 1);
    psci(PSCI_CPU_OFF, 0, 0, 0);
}

void guest_main(void)
{
    root_of_all = identity_map();
    mmu_on(root_of_all);
    gic_init();
    interrupt_handler = on_sgi;
    EXPECT(psci(PSCI_VERSION, 0, 0, 0) >= 0x10000);
    EXPECT_EQ((int32_t)psci(PSCI_FEATURES, PSCI_CPU_ON, 0, 0), 0);
    EXPECT_EQ((int32_t)psci(PSCI_FEATURES, 0x8400ff00, 0, 0), (int32_t)NOT_SUPPORTED);
    EXPECT_EQ((int32_t)psci(PSCI_AFFINITY_INFO, 0, 0, 0), 0);
    EXPECT_EQ((int32_t)psci(PSCI_AFFINITY_INFO, 1, 0, 0), 1);
    EXPECT_EQ((int32_t)psci(PSCI_CPU_ON, 0x123400, (uint64_t)secondary_start, 0), (int32_t)INVALID_PARAMETERS);
    EXPECT_EQ((int32_t)psci(PSCI_CPU_ON, 0, (uint64_t)secondary_start, 0), (int32_t)ALREADY_ON);

    for (unsigned cpu = 1; cpu < 4; cpu++)
        EXPECT_EQ(cpu_start(cpu, secondary), 0);
    for (int i = 0; i < 1000; i++)
        atomic_add(&counter, 1);
    while (alive < 3)
        asm volatile("wfe");
    EXPECT_EQ(counter, 4000);

    /* An SGI to everybody else, then one to CPU 2 alone. */
    MSR(ICC_SGI1R, 1ull << 40 | 5ull << 24);
    ISB();
    while (sgi_seen[1] != 6 || sgi_seen[2] != 6 || sgi_seen[3] != 6)
        asm volatile("yield");
    MSR(ICC_SGI1R, 9ull << 24 | 1 << 2);
    ISB();
    while (sgi_seen[2] != 16)
        asm volatile("yield");
    EXPECT_EQ(sgi_seen[0], 0);
    EXPECT_EQ(sgi_seen[1], 6);

    shared_value = 0x77;
    DSB();
    phase = 1;
    DSB();
    asm volatile("sev");
    while (alive < 6)
        asm volatile("yield");
    for (unsigned cpu = 1; cpu < 4; cpu++)
        while (psci(PSCI_AFFINITY_INFO, cpu, 0, 0) != 1)
            asm volatile("yield");
    /* On again after off. */
    alive = 0;
    phase = 0;
    EXPECT_EQ(cpu_start(2, secondary), 0);
    while (alive < 1)
        asm volatile("wfe");
    EXPECT_EQ(psci(PSCI_AFFINITY_INFO, 2, 0, 0), 0);
}
