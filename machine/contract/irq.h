/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Interrupt wires: from a device to the interrupt controller, and from the controller to a CPU. */
#ifndef ARMATURE_IRQ_H
#define ARMATURE_IRQ_H

#include <stdbool.h>
#include <stdint.h>

/** One wire. Whoever drives it calls irq_set() with its level; `set` is the receiver's side. A wire that
 *  ends nowhere has set == NULL. */
struct irq_line {
    void (*set)(void *receiver, unsigned number, bool level);
    void *receiver;
    unsigned number;
};

static inline void irq_set(const struct irq_line *line, bool level)
{
    if (line->set)
        line->set(line->receiver, line->number, level);
}

/** The inputs of an Arm CPU that an interrupt controller drives: its own, and those of the virtual machine that it
 *  runs. */
enum cpu_interrupt { CPU_IRQ, CPU_FIQ, CPU_VIRTUAL_IRQ, CPU_VIRTUAL_FIQ };

/** The CPU interface's system registers (ICC_*_EL1), which the controller implements and the CPU's
 *  system-register table calls. `reg` is one of icc_reg; `cpu` the index of the accessing CPU. */
enum icc_reg {
    ICC_PMR,
    ICC_IAR0,
    ICC_EOIR0,
    ICC_HPPIR0,
    ICC_BPR0,
    ICC_AP0R0,
    ICC_AP0R1,
    ICC_AP0R2,
    ICC_AP0R3,
    ICC_AP1R0,
    ICC_AP1R1,
    ICC_AP1R2,
    ICC_AP1R3,
    ICC_DIR,
    ICC_RPR,
    ICC_SGI1R,
    ICC_ASGI1R,
    ICC_SGI0R,
    ICC_IAR1,
    ICC_EOIR1,
    ICC_HPPIR1,
    ICC_BPR1,
    ICC_CTLR,
    ICC_SRE,
    ICC_IGRPEN0,
    ICC_IGRPEN1,
    ICC_REG_COUNT
};

/** The control of the virtual CPU interface (ICH_*_EL2). */
enum ich_reg {
    ICH_AP0R0,
    ICH_AP0R1,
    ICH_AP0R2,
    ICH_AP0R3,
    ICH_AP1R0,
    ICH_AP1R1,
    ICH_AP1R2,
    ICH_AP1R3,
    ICH_HCR,
    ICH_VTR,
    ICH_MISR,
    ICH_EISR,
    ICH_ELRSR,
    ICH_VMCR,
    ICH_LR0,
    ICH_LR1,
    ICH_LR2,
    ICH_LR3,
    ICH_REG_COUNT
};

/** `virtual_`: the same registers (ICV_*_EL1) as the virtual machine that the CPU runs sees them. */
struct icc_ops {
    uint64_t (*read)(void *gic, unsigned cpu, enum icc_reg reg);
    void (*write)(void *gic, unsigned cpu, enum icc_reg reg, uint64_t value);
    uint64_t (*virtual_read)(void *gic, unsigned cpu, enum icc_reg reg);
    void (*virtual_write)(void *gic, unsigned cpu, enum icc_reg reg, uint64_t value);
    uint64_t (*hyp_read)(void *gic, unsigned cpu, enum ich_reg reg);
    void (*hyp_write)(void *gic, unsigned cpu, enum ich_reg reg, uint64_t value);
};

#endif
