/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of the GICv2 share: its state, and the choice of what to signal.
 *
 * An SPI may be directed at several CPUs: it is a candidate for each of them until the first one acknowledges it, when
 * it is active and nobody's candidate (the 1-N model, IHI 0048B, 3.2.3). An SGI is pending for each CPU that sent it
 * (`sgi_sources`); its bit in the block's `latched` stands as long as any of them does. */
#ifndef ARMATURE_GICV2_INTERNAL_H
#define ARMATURE_GICV2_INTERNAL_H

#include "peripherals/gic_virtual.h"
#include "peripherals/gicv2.h"

enum { GICV2_BLOCKS = 1 + GICV2_MAX_SPIS / 32, GICV2_SGIS = 16 };

/** Bits of GICC_CTLR (4.4.1, without Security Extensions). There is nothing to bypass to: those bits are kept. */
enum gicc_control {
    GICC_ENABLE_GROUP_0 = 1 << 0,
    GICC_ENABLE_GROUP_1 = 1 << 1,
    GICC_ACK_CTL = 1 << 2, /* IAR and EOIR are for group 1 too */
    GICC_FIQ_ENABLE = 1 << 3, /* group 0 is signalled as FIQ */
    GICC_CBPR = 1 << 4,
    GICC_BYPASS = 15 << 5,
    GICC_EOI_MODE = 1 << 9,
    GICC_WRITABLE = 0x3ff,
};

struct gicv2_cpu {
    struct gic_block private;
    uint8_t sgi_sources[GICV2_SGIS]; /* a bit for each CPU that sent it */
    uint32_t control, priority_mask, binary_point[2], active_priorities[2]; /* by group */

    struct gic_virtual virtual_; /* what its hypervisor lends to a virtual machine */

    /* Derived. */
    uint32_t targeted[GICV2_BLOCKS]; /* SPIs that are directed here */
    struct gic_choice best;
    bool signalled[2]; /* what the wires carry now: FIQ, IRQ */

    /* Wiring. */
    struct irq_line wire[2]; /* FIQ, IRQ */
    unsigned index;
    struct gicv2 *gic;
};

struct gicv2 {
    uint32_t group_enable; /* GICD_CTLR */
    struct gic_block block[GICV2_BLOCKS];
    uint8_t targets[GICV2_MAX_SPIS]; /* GICD_ITARGETSR: a bit for each CPU */
    struct gicv2_cpu cpu[GICV2_MAX_CPUS];
    unsigned cpu_count, block_count;
    const struct bus *bus;
};

extern const struct reg_bank gicv2_dist_bank;

/** The CPU whose access is under way. */
static inline struct gicv2_cpu *gicv2_requester(struct gicv2 *gic)
{
    return &gic->cpu[gic->bus->requester];
}

/** Looks again for a CPU's most urgent candidate, and drives its wires. */
void gicv2_update(struct gicv2_cpu *cpu);
void gicv2_update_all(struct gicv2 *gic);

/** Drives a CPU's wires after its mask or its active priorities changed; the candidate stays. */
void gicv2_drive(struct gicv2_cpu *cpu);

/** Whether the most urgent candidate may interrupt the CPU now. */
bool gicv2_can_signal(const struct gicv2_cpu *cpu);

/** The priority with the bits that do not count for preemption cleared. */
uint8_t gicv2_group_priority(const struct gicv2_cpu *cpu, unsigned group, uint8_t priority);

/** An interrupt is no longer active on a CPU. */
void gicv2_deactivate(struct gicv2_cpu *cpu, unsigned intid);

/** An SGI is pending from these CPUs, and from no others. */
void gicv2_set_sgi_sources(struct gicv2_cpu *cpu, unsigned sgi, uint8_t sources);

/** Directs an SPI (0-based) at CPUs. */
void gicv2_direct(struct gicv2 *gic, unsigned spi, uint8_t cpus);

#endif
