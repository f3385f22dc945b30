/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Generic Interrupt Controller v2 (Arm IHI 0048B): distributor, and for each of up to eight CPUs one CPU interface and
 * one virtual one, in memory. No Security Extensions; two groups; 32 priorities. It identifies itself as a GIC-400.
 *
 * Which CPU accesses a register is the bus's to say (`requester`). */
#ifndef ARMATURE_GICV2_H
#define ARMATURE_GICV2_H

#include "machine/contract/device.h"

#define GICV2_MAX_CPUS          8u
#define GICV2_MAX_SPIS          960u /* INTIDs 32 to 991 */
#define GICV2_DIST_WINDOW_BYTES 0x1000
#define GICV2_CPU_WINDOW_BYTES  0x2000
#define GICV2_VIRTUAL_WINDOW_BYTES 0x10000 /* each of the virtual ones: a page, however large a hypervisor's are */
#define GICV2_PPI_MAINTENANCE   9 /* of the virtual interfaces (Arm BSA) */

struct gicv2;

struct gicv2_config {
    const struct bus *bus;    /* says who accesses */
    struct irq_line irq[GICV2_MAX_CPUS], fiq[GICV2_MAX_CPUS];
    struct irq_line virtual_irq[GICV2_MAX_CPUS], virtual_fiq[GICV2_MAX_CPUS];
    unsigned cpu_count; /* 1 to GICV2_MAX_CPUS */
    unsigned spi_count; /* a multiple of 32, up to GICV2_MAX_SPIS */
};

/** Makes a controller; `config` is not kept. Reset is still to be called. */
struct gicv2 *gicv2_create(const struct gicv2_config *config);

/** The wire into shared peripheral interrupt `spi` (0: INTID 32). */
struct irq_line gicv2_spi(struct gicv2 *gic, unsigned spi);

/** The wire into private peripheral interrupt `ppi` (0-15: INTIDs 16-31) of a CPU. */
struct irq_line gicv2_ppi(struct gicv2 *gic, unsigned cpu, unsigned ppi);

extern const struct device_class gicv2_class; /* `regs`: the distributor's */

/** A CPU interface's registers, which are those of the CPU that accesses; the device is the controller. */
extern const struct reg_bank *const gicv2_cpu_regs;

/** The virtual interfaces': the hypervisor's side (GICH), and the virtual machine's (GICV). */
extern const struct reg_bank *const gicv2_hyp_regs, *const gicv2_virtual_regs;

extern const struct mmio_ops gicv2_dist_mmio, gicv2_cpu_mmio, gicv2_hyp_mmio, gicv2_virtual_mmio;

#endif
