/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of the interrupt controller share: its state, and the choice of what to signal.
 *
 * For each CPU the most urgent candidate is kept. Whoever changes what may make a candidate calls
 * gic_update() for the CPUs concerned. Worked example: SPI 1 (INTID 33) rises, level-sensitive, enabled,
 * group 1, routed to CPU 2: block[1].level gets bit 1, gic_update(cpu 2) finds it, sees its priority below
 * PMR and above what runs, and raises CPU 2's IRQ. The CPU reads IAR1: bit 1 of block[1].active is set and
 * bit (priority >> 3) of AP1R0; the IRQ falls, as nothing else is a candidate. EOIR1 clears both. */
#ifndef ARMATURE_GICV3_INTERNAL_H
#define ARMATURE_GICV3_INTERNAL_H

#include "peripherals/gic.h"
#include "peripherals/gicv3.h"

enum {
    GIC_BLOCKS = 1 + GICV3_MAX_SPIS / 32,
    GIC_IIDR = 0x43b,
};

struct gic_cpu {
    struct gic_block private;
    uint32_t asleep; /* GICR_WAKER.ProcessorSleep, and ChildrenAsleep with it */
    /* The CPU interface. Index 0 and 1: the group. */
    uint32_t priority_mask, control;
    uint32_t binary_point[2], group_enable[2], active_priorities[2];
    /* LPIs: the registers, and the most urgent one that is enabled and pending, as the tables said it when they were
     * looked at last; 0: none. */
    uint32_t lpis_enabled;
    uint64_t lpi_properties, lpi_pending;
    uint32_t best_lpi;
    uint8_t best_lpi_priority;

    /* Derived. */
    uint32_t targeted[GIC_BLOCKS]; /* SPIs that are routed here */
    struct gic_choice best;        /* the most urgent candidate */
    bool signalled[2]; /* what the wires carry now: FIQ, IRQ */

    /* Wiring. */
    struct irq_line wire[2]; /* by group: FIQ, IRQ */
    uint64_t affinity;
    unsigned index;
    struct gicv3 *gic;
};

struct gicv3 {
    uint32_t group_enable; /* GICD_CTLR bits 0 and 1 */
    struct gic_block block[GIC_BLOCKS];
    uint64_t router[GICV3_MAX_SPIS];
    struct gic_cpu cpu[GICV3_MAX_CPUS];
    unsigned cpu_count, block_count;
    bool firmware_setup;
    struct bus *lpi_bus;
    uint8_t target[GICV3_MAX_SPIS]; /* derived from router: CPU index, or GIC_NO_TARGET */
};

enum { GIC_NO_TARGET = 0xff };

extern const struct reg_bank gic_dist_bank;

/** The block of an INTID (0-1019) as `cpu` sees it, or NULL where there is none. */
struct gic_block *gic_block_of(struct gic_cpu *cpu, unsigned intid);

/** Looks again for a CPU's most urgent candidate, and drives its wires. */
void gic_update(struct gic_cpu *cpu);
void gic_update_all(struct gicv3 *gic);

/** Drives a CPU's wires after its mask or its active priorities changed; the candidate stays. */
void gic_drive(struct gic_cpu *cpu);

/** Whether the most urgent candidate may interrupt the CPU now: above the mask, and preempting. */
bool gic_can_signal(const struct gic_cpu *cpu);

/** The priority with the bits that do not count for preemption cleared (IHI 0069, 4.8.6). */
uint8_t gic_group_priority(const struct gic_cpu *cpu, unsigned group, uint8_t priority);

/** The group priority of what the CPU runs, or GIC_IDLE. */
uint8_t gic_running_priority(const struct gic_cpu *cpu);

/** Ends an interrupt's active state. */
void gic_deactivate(struct gic_cpu *cpu, unsigned intid);

/** Looks for the most urgent LPI of a CPU in its tables. */
void gic_find_lpi(struct gic_cpu *cpu);

/** The LPI that was most urgent is acknowledged. */
void gic_take_lpi(struct gic_cpu *cpu);

/** Routes an SPI (0-based) as its IROUTER says. */
void gic_route(struct gicv3 *gic, unsigned spi);

#endif
