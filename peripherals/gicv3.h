/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Generic Interrupt Controller v3 (Arm IHI 0069): distributor, one redistributor a CPU, and the CPU
 * interfaces' system registers. One security state (GICD_CTLR.DS = 1), affinity routing always on, 32
 * priorities, LPIs where it is given memory for their tables. Group 0 is signalled as FIQ, group 1 as IRQ. */
#ifndef ARMATURE_GICV3_H
#define ARMATURE_GICV3_H

#include "machine/contract/device.h"

#define GICV3_MAX_CPUS            64
#define GICV3_PPI_MAINTENANCE     9 /* of the virtual interfaces (Arm BSA) */
#define GICV3_MAX_SPIS            960 /* INTIDs 32 to 991 */
#define GICV3_DIST_WINDOW_BYTES   0x10000
#define GICV3_REDIST_WINDOW_BYTES 0x20000 /* for each CPU */

struct gicv3;

/** One CPU as the controller sees it: its affinity (as in MPIDR_EL1; other bits are ignored) and its two
 *  interrupt inputs. */
struct gicv3_cpu_config {
    uint64_t mpidr;
    struct irq_line irq, fiq;
    struct irq_line virtual_irq, virtual_fiq; /* to where it has EL2 */
};

struct gicv3_config {
    const struct gicv3_cpu_config *cpus;
    unsigned cpu_count; /* 1 to GICV3_MAX_CPUS */
    unsigned spi_count; /* a multiple of 32, up to GICV3_MAX_SPIS */
    struct bus *lpi_bus; /* where the tables of LPIs are; NULL: there are no LPIs */
    bool firmware_setup; /* a reset leaves the redistributors awake, as secure firmware does */
};

/** Makes a controller; `config` is not kept. Reset is still to be called. */
struct gicv3 *gicv3_create(const struct gicv3_config *config);

/** The wire into shared peripheral interrupt `spi` (0: INTID 32). */
struct irq_line gicv3_spi(struct gicv3 *gic, unsigned spi);

/** The wire into private peripheral interrupt `ppi` (0-15: INTIDs 16-31) of a CPU. */
struct irq_line gicv3_ppi(struct gicv3 *gic, unsigned cpu, unsigned ppi);

extern const struct device_class gicv3_class; /* `regs`: the distributor's */

#define GICV3_FIRST_LPI  8192u
#define GICV3_INTID_BITS 16u

/** Makes LPI `intid` pending or not pending at CPU number `cpu`. Where there is no such LPI or CPU, nothing happens.
 *  Returns whether it was pending. */
bool gicv3_set_lpi(struct gicv3 *gic, unsigned cpu, unsigned intid, bool pending);

/** What the tables say of LPIs has changed: a CPU looks at them again. */
void gicv3_look_at_lpis(struct gicv3 *gic, unsigned cpu);

/** All pending LPIs of one CPU become the other's. */
void gicv3_move_lpis(struct gicv3 *gic, unsigned from, unsigned to);

/** One redistributor's registers, and the device that they are to be read from for CPU number `cpu`. */
extern const struct reg_bank *const gicv3_redist_regs;
void *gicv3_redist(struct gicv3 *gic, unsigned cpu);

/** The distributor's window, and that of all redistributors, CPU after CPU; the device is the controller. */
extern const struct mmio_ops gicv3_dist_mmio, gicv3_redist_mmio;

/** The CPU interface registers; `gic` is the controller. Registers that this many priorities do without
 *  (ICC_AP0R1 to 3, ICC_AP1R1 to 3) read as zero: the CPU makes them UNDEFINED. */
extern const struct icc_ops gicv3_icc;

#endif
