/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The generic timer: counting, compare values, the interrupt's level, masks, WFI, access from EL0. */
#include "gic.h"

static volatile unsigned fired[32];

static void on_timer(struct frame *frame, unsigned vector)
{
    uint64_t intid = MRS(ICC_IAR1);
    fired[intid & 31]++;
    if (intid == 27)
        MSR(cntv_ctl_el0, 2 | 1);
    else
        MSR(cntp_ctl_el0, 2 | 1);
    ISB();
    MSR(ICC_EOIR1, intid);
    ISB();
    (void)frame;
    (void)vector;
}

USER static uint64_t user_read_cntvct(uint64_t unused)
{
    uint64_t value;
    asm volatile("mrs %0, cntvct_el0" : "=r"(value));
    return value + unused;
}

void guest_main(void)
{
    mmu_on(identity_map());
    gic_init();
    gic_enable_private(0, 27, 0x80);
    gic_enable_private(0, 30, 0x80);
    interrupt_handler = on_timer;
    uint64_t frequency = MRS(cntfrq_el0);
    EXPECT_EQ(frequency, 62500000);

    uint64_t first = MRS(cntvct_el0);
    for (int i = 0; i < 10000; i++)
        asm volatile("nop");
    EXPECT(MRS(cntvct_el0) > first);

    /* Due in 1 ms; ISTATUS follows the compare; TVAL counts down below zero. */
    MSR(cntv_tval_el0, frequency / 1000);
    MSR(cntv_ctl_el0, 1 | 2);
    ISB();
    EXPECT_EQ(MRS(cntv_ctl_el0), 3);
    EXPECT((int32_t)MRS(cntv_tval_el0) > 0);
    uint64_t due = MRS(cntv_cval_el0);
    while (MRS(cntvct_el0) < due)
        ;
    ISB();
    EXPECT_EQ(MRS(cntv_ctl_el0), 7);
    EXPECT((int32_t)MRS(cntv_tval_el0) <= 0);
    IRQ_ON();
    EXPECT_EQ(fired[27], 0); /* IMASK */
    MSR(cntv_ctl_el0, 1);
    ISB();
    for (int i = 0; i < 100; i++)
        asm volatile("nop");
    EXPECT_EQ(fired[27], 1);

    /* WFI sleeps until the compare value, neither less nor much more. */
    for (int i = 1; i <= 5; i++) {
        uint64_t start = MRS(cntvct_el0);
        MSR(cntv_cval_el0, start + frequency / 100);
        MSR(cntv_ctl_el0, 1);
        ISB();
        while (fired[27] < 1u + i)
            asm volatile("wfi");
        uint64_t took = MRS(cntvct_el0) - start;
        EXPECT(took >= frequency / 100);
        EXPECT(took < frequency / 2);
    }
    MSR(cntp_tval_el0, 100);
    MSR(cntp_ctl_el0, 1);
    ISB();
    while (!fired[30])
        asm volatile("wfi");
    EXPECT_EQ(fired[30], 1);

    /* WFI ends for a pending interrupt that is masked. */
    IRQ_OFF();
    MSR(cntv_tval_el0, 1000);
    MSR(cntv_ctl_el0, 1);
    ISB();
    asm volatile("wfi");
    EXPECT_EQ(MRS(cntv_ctl_el0), 5);
    EXPECT_EQ(MRS(isr_el1) >> 7 & 1, 1);
    MSR(cntv_ctl_el0, 0);
    ISB();
    EXPECT_EQ(MRS(isr_el1) >> 7 & 1, 0);

    /* From EL0 by CNTKCTL_EL1. */
    MSR(cntkctl_el1, 0);
    ISB();
    trap_clear();
    el0_call(user_read_cntvct, 0, 0x3c0);
    EXPECT_EQ(TRAP_EC(), 0x18);
    MSR(cntkctl_el1, 2);
    ISB();
    trap_clear();
    EXPECT(el0_call(user_read_cntvct, 0, 0x3c0) >= first);
    EXPECT_EQ(trap.count, 0);
}
