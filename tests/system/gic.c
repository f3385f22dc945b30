/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The interrupt controller: SGIs, priorities and preemption, masks, active states, EOI modes, software-pended
 * SPIs, groups, and the level of a real device. */
#include "gic.h"

static volatile unsigned order[16], taken;
static volatile uint64_t nested_sgi; /* sent from inside the handler */
static volatile bool split_eoi;

static void send_sgi(unsigned intid)
{
    MSR(ICC_SGI1R, (uint64_t)intid << 24 | 1);
    ISB();
}

static void on_interrupt(struct frame *frame, unsigned vector)
{
    (void)frame;
    (void)vector;
    uint64_t elr = MRS(elr_el1), spsr = MRS(spsr_el1);
    uint64_t intid = MRS(ICC_IAR1);
    if (intid >= 1020)
        return;
    order[taken++ & 15] = (unsigned)intid;
    if (nested_sgi) {
        unsigned sgi = (unsigned)nested_sgi - 1;
        nested_sgi = 0;
        IRQ_ON();
        send_sgi(sgi);
        IRQ_OFF();
        order[taken++ & 15] = 1000 + (unsigned)intid; /* the outer handler goes on */
    }
    MSR(ICC_EOIR1, intid);
    if (split_eoi)
        MSR(ICC_DIR, intid);
    ISB();
    MSR(elr_el1, elr);
    MSR(spsr_el1, spsr);
}

static void start(void)
{
    taken = 0;
    for (int i = 0; i < 16; i++)
        order[i] = 0xffff;
}

static void priorities(void)
{
    for (unsigned i = 0; i < 16; i++)
        gic_enable_private(0, i, 0xa0 - 8 * i); /* SGI 15 is the most urgent */
    start();
    send_sgi(3);
    send_sgi(9);
    send_sgi(6);
    EXPECT_EQ(MRS(ICC_HPPIR1), 9);
    EXPECT_EQ(MRS(isr_el1) >> 7 & 1, 1);
    IRQ_ON();
    IRQ_OFF();
    EXPECT_EQ(taken, 3);
    EXPECT_EQ(order[0], 9);
    EXPECT_EQ(order[1], 6);
    EXPECT_EQ(order[2], 3);
    EXPECT_EQ(MRS(ICC_RPR), 0xff);
    EXPECT_EQ(MRS(ICC_HPPIR1), 1023);
    EXPECT_EQ(MRS(ICC_IAR1), 1023);

    /* The mask lets only what is more urgent through. */
    start();
    MSR(ICC_PMR, 0xa0 - 8 * 5);
    send_sgi(5);
    IRQ_ON();
    EXPECT_EQ(taken, 0);
    send_sgi(6);
    EXPECT_EQ(taken, 1);
    MSR(ICC_PMR, 0xff);
    ISB();
    IRQ_OFF();
    EXPECT_EQ(taken, 2);
    EXPECT_EQ(order[1], 5);

    /* Preemption: a more urgent one inside a handler nests, a less urgent one waits. */
    start();
    nested_sgi = 1 + 12;
    IRQ_ON();
    send_sgi(2);
    EXPECT_EQ(order[0], 2);
    EXPECT_EQ(order[1], 12);
    EXPECT_EQ(order[2], 1002);
    start();
    nested_sgi = 1 + 2;
    send_sgi(12);
    EXPECT_EQ(order[0], 12);
    EXPECT_EQ(order[1], 1012);
    EXPECT_EQ(order[2], 2);
    /* With a binary point that leaves one bit of group priority the two no longer preempt. */
    start();
    MSR(ICC_BPR1, 7); /* 0x70 and 0x40 are alike in bit 7 */
    nested_sgi = 1 + 12;
    send_sgi(6);
    EXPECT_EQ(order[1], 1006);
    EXPECT_EQ(order[2], 12);
    MSR(ICC_BPR1, 0);
    IRQ_OFF();
}

static void active_states(void)
{
    uint64_t isactiver = SGI_FRAME(0) + 0x300, ispendr = SGI_FRAME(0) + 0x200;
    send_sgi(4);
    EXPECT_EQ(mmio_read32(ispendr) >> 4 & 1, 1);
    EXPECT_EQ(MRS(ICC_IAR1), 4);
    EXPECT_EQ(mmio_read32(ispendr) >> 4 & 1, 0);
    EXPECT_EQ(mmio_read32(isactiver) >> 4 & 1, 1);
    EXPECT_EQ(MRS(ICC_RPR), 0xa0 - 8 * 4);
    send_sgi(4); /* active and pending: not signalled again */
    EXPECT_EQ(MRS(ICC_HPPIR1), 1023);
    MSR(ICC_EOIR1, 4);
    ISB();
    EXPECT_EQ(mmio_read32(isactiver) >> 4 & 1, 0);
    EXPECT_EQ(MRS(ICC_HPPIR1), 4);
    EXPECT_EQ(MRS(ICC_IAR1), 4);
    MSR(ICC_EOIR1, 4);
    /* Split: priority drop first, deactivation by DIR. */
    MSR(ICC_CTLR, 2);
    ISB();
    send_sgi(4);
    EXPECT_EQ(MRS(ICC_IAR1), 4);
    MSR(ICC_EOIR1, 4);
    ISB();
    EXPECT_EQ(MRS(ICC_RPR), 0xff);
    EXPECT_EQ(mmio_read32(isactiver) >> 4 & 1, 1);
    MSR(ICC_DIR, 4);
    ISB();
    EXPECT_EQ(mmio_read32(isactiver) >> 4 & 1, 0);
    MSR(ICC_CTLR, 0);
    ISB();
}

static void shared(void)
{
    gic_enable_shared(100, 0x80);
    mmio_write32(GICD + 0xc00 + 4 * (100 / 16), 2u << 2 * (100 % 16)); /* edge */
    start();
    IRQ_ON();
    mmio_write32(GICD + 0x200 + 4 * 3, 1u << 4);
    EXPECT_EQ(taken, 1);
    EXPECT_EQ(order[0], 100);
    /* Disabled: it stays pending until it is enabled. */
    mmio_write32(GICD + 0x180 + 4 * 3, 1u << 4);
    mmio_write32(GICD + 0x200 + 4 * 3, 1u << 4);
    EXPECT_EQ(taken, 1);
    mmio_write32(GICD + 0x280 + 4 * 3, 1u << 4);
    mmio_write32(GICD + 0x100 + 4 * 3, 1u << 4);
    EXPECT_EQ(taken, 1);
    IRQ_OFF();
}

static void on_uart(struct frame *frame, unsigned vector)
{
    uint64_t intid = MRS(ICC_IAR1);
    order[taken++ & 15] = (unsigned)intid;
    mmio_write32(0x09000044, 0x7ff); /* UARTICR */
    MSR(ICC_EOIR1, intid);
    ISB();
    (void)frame;
    (void)vector;
}

static void device_level(void)
{
    /* The UART's transmit interrupt, through SPI 1 (INTID 33). */
    gic_enable_shared(33, 0x80);
    start();
    interrupt_handler = on_uart;
    mmio_write32(0x09000030, 0x301); /* UARTCR: on */
    mmio_write32(0x09000038, 1 << 5);
    IRQ_ON();
    mmio_write32(0x09000000, '\n');
    for (int i = 0; i < 100 && !taken; i++)
        asm volatile("nop");
    IRQ_OFF();
    EXPECT(taken >= 1);
    EXPECT_EQ(order[0], 33);
    mmio_write32(0x09000038, 0);
}

static volatile uint64_t fiq_vector;

static void on_fiq(struct frame *frame, unsigned vector)
{
    fiq_vector = vector;
    order[taken++ & 15] = (unsigned)MRS(ICC_IAR0);
    MSR(ICC_EOIR0, order[(taken - 1) & 15]);
    ISB();
    (void)frame;
}

static void group_0(void)
{
    mmio_write32(SGI_FRAME(0) + 0x80, 0xffffffff & ~(1u << 7));
    interrupt_handler = on_fiq;
    start();
    IRQ_ON();
    MSR(s3_0_c12_c11_7, 7ull << 24 | 1); /* ICC_SGI0R */
    ISB();
    IRQ_OFF();
    EXPECT_EQ(taken, 1);
    EXPECT_EQ(order[0], 7);
    EXPECT_EQ(fiq_vector, 6);
    mmio_write32(SGI_FRAME(0) + 0x80, 0xffffffff);
}

void guest_main(void)
{
    mmu_on(identity_map());
    gic_init();
    EXPECT_EQ(mmio_read32(GICD + 0xffe8) >> 4 & 15, 3); /* PIDR2.ArchRev */
    interrupt_handler = on_interrupt;
    priorities();
    active_states();
    shared();
    device_level();
    group_0();
}
