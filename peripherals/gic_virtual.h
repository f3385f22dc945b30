/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The interface of a virtual machine to the interrupt controller (IHI 0069, chapter 6; of a GICv2, whose registers
 * gicv2_virtual.c has, IHI 0048, chapter 5): list registers, which the
 * hypervisor fills with virtual interrupts, and the state of a CPU interface that works on them. */
#ifndef ARMATURE_GIC_VIRTUAL_H
#define ARMATURE_GIC_VIRTUAL_H

#include "peripherals/gic.h"

#define GIC_LIST_REGISTERS 4u

struct gic_virtual {
    uint64_t list[GIC_LIST_REGISTERS]; /* as ICH_LR<n>_EL2 */
    uint32_t control;                  /* ICH_HCR_EL2 */
    uint32_t machine;                  /* ICH_VMCR_EL2 */
    uint32_t active_priorities[2];

    /* Derived: what the wires carry. */
    bool signalled[2], maintenance;

    /* Wiring. */
    /* Of a GICv2: group 0 may signal as IRQ, and the active priorities are one register for both groups. */
    bool version_2;
    struct irq_line wire[2]; /* virtual FIQ, virtual IRQ */
    struct irq_line maintenance_wire;
    void (*deactivate)(void *context, unsigned intid); /* a physical interrupt whose virtual one has ended */
    void *context;
};

extern const struct fields gic_virtual_fields;

void gic_virtual_reset(struct gic_virtual *interface);

/** Makes registers from a file such as they can be. */
void gic_virtual_bound(struct gic_virtual *interface);

/** Drives the wires to what the registers say; also where those of a snapshot took their place (`anew`: whatever the
 *  wires carry). */
void gic_virtual_update(struct gic_virtual *interface, bool anew);

/** ICH_*_EL2, and ICV_*_EL1. */
uint64_t gic_virtual_hyp_read(struct gic_virtual *interface, enum ich_reg reg);
void gic_virtual_hyp_write(struct gic_virtual *interface, enum ich_reg reg, uint64_t value);
uint64_t gic_virtual_read(struct gic_virtual *interface, enum icc_reg reg);
void gic_virtual_write(struct gic_virtual *interface, enum icc_reg reg, uint64_t value);

#endif
