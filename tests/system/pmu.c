/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The performance monitors: instructions and cycles, software increments, chained counters, overflow. */
#include "gic.h"

static volatile unsigned overflows;

static void on_overflow(struct frame *frame, unsigned vector)
{
    uint64_t intid = MRS(ICC_IAR1);
    if (intid == 23) {
        overflows++;
        MSR(pmovsclr_el0, MRS(pmovsclr_el0));
    }
    MSR(ICC_EOIR1, intid);
    ISB();
    (void)frame;
    (void)vector;
}

void guest_main(void)
{
    mmu_on(identity_map());
    gic_init();
    gic_enable_private(0, 23, 0x80);
    interrupt_handler = on_overflow;
    EXPECT((MRS(pmcr_el0) >> 11 & 31) >= 2);
    MSR(pmcr_el0, 1 | 2 | 4 | 1 << 6); /* on, counters and cycles cleared, 64-bit cycles */
    MSR(pmccfiltr_el0, 0);
    MSR(pmevtyper0_el0, 0x08); /* INST_RETIRED */
    MSR(pmevtyper1_el0, 0x00); /* SW_INCR */
    MSR(pmcntenset_el0, 1u << 31 | 3);
    ISB();

    uint64_t first = MRS(pmevcntr0_el0);
    asm volatile("mov x9, #1000; 1: subs x9, x9, #1; b.ne 1b" ::: "x9", "cc");
    uint64_t second = MRS(pmevcntr0_el0);
    EXPECT(second - first >= 2001 && second - first < 2020);
    uint64_t cycles = MRS(pmccntr_el0);
    asm volatile("mov x9, #1000; 1: subs x9, x9, #1; b.ne 1b" ::: "x9", "cc");
    EXPECT(MRS(pmccntr_el0) > cycles);

    MSR(pmswinc_el0, 2);
    MSR(pmswinc_el0, 2);
    MSR(pmswinc_el0, 1);
    ISB();
    EXPECT_EQ(MRS(pmevcntr1_el0), 2);

    /* A chained pair: the odd counter counts the even one's overflows. */
    MSR(pmcntenclr_el0, 3);
    MSR(pmevtyper0_el0, 0x00);
    MSR(pmevtyper1_el0, 0x1e);
    MSR(pmevcntr0_el0, 0xffffffff);
    MSR(pmevcntr1_el0, 5);
    MSR(pmcntenset_el0, 3);
    ISB();
    MSR(pmswinc_el0, 1);
    ISB();
    EXPECT_EQ((uint32_t)MRS(pmevcntr0_el0), 0);
    EXPECT_EQ(MRS(pmevcntr1_el0), 6);
    EXPECT_EQ(MRS(pmovsset_el0) & 1, 1);
    MSR(pmovsclr_el0, 0xffffffff);

    /* Overflow of retired instructions interrupts. */
    MSR(pmcntenclr_el0, 3);
    MSR(pmevtyper0_el0, 0x08);
    MSR(pmevcntr0_el0, 0xffffffff - 500);
    MSR(pmintenset_el1, 1);
    MSR(pmcntenset_el0, 1);
    IRQ_ON();
    asm volatile("mov x9, #2000; 1: subs x9, x9, #1; b.ne 1b" ::: "x9", "cc");
    IRQ_OFF();
    EXPECT_EQ(overflows, 1);
    EXPECT(MRS(pmevcntr0_el0) > 1000 && MRS(pmevcntr0_el0) < 5000);
}
