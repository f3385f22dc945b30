/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The GICv3 of the board as the test guests use it. */
#ifndef GIC_H
#define GIC_H

#include "guest.h"

#define GICD 0x08000000ull
#define GICR 0x080a0000ull
#define SGI_FRAME(cpu) (GICR + 0x20000ull * (cpu) + 0x10000)

#define ICC_PMR     s3_0_c4_c6_0
#define ICC_IAR0    s3_0_c12_c8_0
#define ICC_EOIR0   s3_0_c12_c8_1
#define ICC_BPR0    s3_0_c12_c8_3
#define ICC_AP0R0   s3_0_c12_c8_4
#define ICC_AP1R0   s3_0_c12_c9_0
#define ICC_DIR     s3_0_c12_c11_1
#define ICC_RPR     s3_0_c12_c11_3
#define ICC_SGI1R   s3_0_c12_c11_5
#define ICC_IAR1    s3_0_c12_c12_0
#define ICC_EOIR1   s3_0_c12_c12_1
#define ICC_HPPIR1  s3_0_c12_c12_2
#define ICC_BPR1    s3_0_c12_c12_3
#define ICC_CTLR    s3_0_c12_c12_4
#define ICC_SRE     s3_0_c12_c12_5
#define ICC_IGRPEN0 s3_0_c12_c12_6
#define ICC_IGRPEN1 s3_0_c12_c12_7

/** Wakes this CPU's redistributor and opens its CPU interface for all priorities; groups 0 and 1 enabled. */
static inline void gic_cpu_init(unsigned cpu)
{
    uint64_t waker = GICR + 0x20000ull * cpu + 0x14;
    mmio_write32(waker, mmio_read32(waker) & ~2u);
    while (mmio_read32(waker) & 4)
        ;
    mmio_write32(SGI_FRAME(cpu) + 0x80, 0xffffffff); /* IGROUPR0: all group 1 */
    MSR(ICC_SRE, 7);
    ISB();
    MSR(ICC_PMR, 0xff);
    MSR(ICC_BPR1, 0);
    MSR(ICC_CTLR, 0);
    MSR(ICC_IGRPEN0, 1);
    MSR(ICC_IGRPEN1, 1);
    ISB();
}

static inline void gic_init(void)
{
    mmio_write32(GICD, 1 << 4 | 3); /* affinity routing, both groups */
    for (unsigned i = 1; i < 9; i++)
        mmio_write32(GICD + 0x80 + 4 * i, 0xffffffff);
    gic_cpu_init(0);
}

static inline void gic_enable_private(unsigned cpu, unsigned intid, unsigned priority)
{
    uint64_t byte = SGI_FRAME(cpu) + 0x400 + intid;
    asm volatile("strb %w0, [%1]" ::"r"(priority), "r"(byte) : "memory");
    mmio_write32(SGI_FRAME(cpu) + 0x100, 1u << intid);
}

static inline void gic_enable_shared(unsigned intid, unsigned priority)
{
    uint64_t byte = GICD + 0x400 + intid;
    asm volatile("strb %w0, [%1]" ::"r"(priority), "r"(byte) : "memory");
    mmio_write32(GICD + 0x100 + 4 * (intid / 32), 1u << intid % 32);
}

#define IRQ_ON()  asm volatile("msr daifclr, #3; isb" ::: "memory")
#define IRQ_OFF() asm volatile("msr daifset, #3; isb" ::: "memory")

#endif
