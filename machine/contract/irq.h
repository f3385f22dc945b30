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

/** The two inputs of an Arm CPU that an interrupt controller drives. */
enum cpu_interrupt { CPU_IRQ, CPU_FIQ };

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

struct icc_ops {
    uint64_t (*read)(void *gic, unsigned cpu, enum icc_reg reg);
    void (*write)(void *gic, unsigned cpu, enum icc_reg reg, uint64_t value);
};

#endif
