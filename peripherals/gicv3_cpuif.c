/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Interrupt controller: the CPU interface's system registers (IHI 0069, 12.2), as one security state sees
 * them: Group 1 registers are the Non-secure ones. */
#include "peripherals/gicv3_internal.h"
#include <assert.h>

enum {
    CTLR_CBPR = 1 << 0,
    CTLR_EOIMODE = 1 << 1,
    CTLR_PMHE = 1 << 6,
    CTLR_WRITABLE = CTLR_CBPR | CTLR_EOIMODE | CTLR_PMHE,
    /* PRIbits 4 (five bits), IDbits 0 (sixteen), A3V, RSS. */
    CTLR_FIXED = 4 << 8 | 1 << 15 | 1 << 18,
    SRE_FIXED = 7, /* system registers only, no bypass */
    INTID_MASK = 0xffffff,
};

static unsigned pending_intid(const struct gic_cpu *cpu, unsigned group)
{
    return cpu->best.intid != GIC_SPURIOUS && cpu->best.group == group ? cpu->best.intid : GIC_SPURIOUS;
}

static unsigned acknowledge(struct gic_cpu *cpu, unsigned group)
{
    unsigned intid = pending_intid(cpu, group);
    if (intid == GIC_SPURIOUS || !gic_can_signal(cpu))
        return GIC_SPURIOUS;
    if (intid >= GICV3_FIRST_LPI) { /* which is never active */
        gic_take_lpi(cpu);
    } else {
        struct gic_block *block = gic_block_of(cpu, intid);
        block->active |= 1u << intid % 32;
        block->latched &= ~(1u << intid % 32);
    }
    cpu->active_priorities[group] |=
        gic_active_bit(gic_group_priority(cpu, group, cpu->best.priority));
    gic_update(cpu);
    return intid;
}

/* Priority drop, and deactivation where EOImode does not leave that to ICC_DIR. A write that does not belong
 * to what runs is ignored. */
static void end_of_interrupt(struct gic_cpu *cpu, unsigned group, unsigned intid)
{
    if (gic_is_special(intid) || gic_running_group(cpu->active_priorities) != group)
        return;
    cpu->active_priorities[group] &= cpu->active_priorities[group] - 1;
    if (!(cpu->control & CTLR_EOIMODE))
        gic_deactivate(cpu, intid);
    gic_drive(cpu);
}

static void deactivate(struct gic_cpu *cpu, unsigned intid)
{
    if (!gic_is_special(intid) && cpu->control & CTLR_EOIMODE)
        gic_deactivate(cpu, intid);
}

static void pend_sgi(struct gic_cpu *cpu, unsigned intid, bool either_group)
{
    uint32_t bit = 1u << intid;
    if (!either_group && cpu->private.group & bit)
        return;
    cpu->private.latched |= bit;
    gic_update(cpu);
}

/* ICC_SGI1R makes SGIs of either group here; ICC_SGI0R, and ICC_ASGI1R which without a second security state
 * is the same, make those that are in group 0. */
static void send_sgi(struct gic_cpu *from, uint64_t value, bool either_group)
{
    struct gicv3 *gic = from->gic;
    unsigned intid = value >> 24 & 15;
    bool all_others = value >> 40 & 1;
    uint64_t first = value >> 44 & 15; /* the range: which sixteen of Aff0 the list is about */
    uint64_t cluster = (value >> 48 & 0xff) << 32 | (value >> 32 & 0xff) << 16 | (value >> 16 & 0xff) << 8;
    for (unsigned i = 0; i < gic->cpu_count; i++) {
        struct gic_cpu *cpu = &gic->cpu[i];
        uint64_t aff0 = cpu->affinity & 0xff;
        bool listed = (cpu->affinity & ~0xffull) == cluster && aff0 >> 4 == first && value >> (aff0 & 15) & 1;
        if (all_others ? cpu != from : listed)
            pend_sgi(cpu, intid, either_group);
    }
}

static uint64_t read_binary_point_1(const struct gic_cpu *cpu)
{
    if (!(cpu->control & CTLR_CBPR))
        return cpu->binary_point[1];
    return cpu->binary_point[0] < 7 ? cpu->binary_point[0] + 1 : 7;
}

static void write_binary_point(struct gic_cpu *cpu, unsigned group, unsigned point, unsigned least)
{
    cpu->binary_point[group] = point < least ? least : point;
    gic_drive(cpu);
}

static uint64_t icc_read(void *device, unsigned index, enum icc_reg reg)
{
    struct gicv3 *gic = device;
    assert(index < gic->cpu_count);
    struct gic_cpu *cpu = &gic->cpu[index];
    switch (reg) {
    case ICC_PMR: return cpu->priority_mask;
    case ICC_IAR0: return acknowledge(cpu, 0);
    case ICC_IAR1: return acknowledge(cpu, 1);
    case ICC_HPPIR0: return pending_intid(cpu, 0);
    case ICC_HPPIR1: return pending_intid(cpu, 1);
    case ICC_BPR0: return cpu->binary_point[0];
    case ICC_BPR1: return read_binary_point_1(cpu);
    case ICC_AP0R0: return cpu->active_priorities[0];
    case ICC_AP1R0: return cpu->active_priorities[1];
    case ICC_RPR: return gic_running_priority(cpu);
    case ICC_CTLR: return cpu->control | CTLR_FIXED;
    case ICC_SRE: return SRE_FIXED;
    case ICC_IGRPEN0: return cpu->group_enable[0];
    case ICC_IGRPEN1: return cpu->group_enable[1];
    default: return 0;
    }
}

static void icc_write(void *device, unsigned index, enum icc_reg reg, uint64_t value)
{
    struct gicv3 *gic = device;
    assert(index < gic->cpu_count);
    struct gic_cpu *cpu = &gic->cpu[index];
    switch (reg) {
    case ICC_PMR:
        cpu->priority_mask = value & GIC_PRIORITY_MASK;
        gic_drive(cpu);
        break;
    case ICC_EOIR0: end_of_interrupt(cpu, 0, value & INTID_MASK); break;
    case ICC_EOIR1: end_of_interrupt(cpu, 1, value & INTID_MASK); break;
    case ICC_DIR: deactivate(cpu, value & INTID_MASK); break;
    case ICC_BPR0: write_binary_point(cpu, 0, value & 7, GIC_LEAST_POINT); break;
    case ICC_BPR1:
        if (!(cpu->control & CTLR_CBPR))
            write_binary_point(cpu, 1, value & 7, GIC_LEAST_POINT + 1);
        break;
    case ICC_AP0R0:
    case ICC_AP1R0:
        cpu->active_priorities[reg == ICC_AP1R0] = (uint32_t)value;
        gic_drive(cpu);
        break;
    case ICC_SGI1R: send_sgi(cpu, value, true); break;
    case ICC_ASGI1R:
    case ICC_SGI0R: send_sgi(cpu, value, false); break;
    case ICC_CTLR:
        cpu->control = value & CTLR_WRITABLE;
        gic_drive(cpu);
        break;
    case ICC_IGRPEN0:
    case ICC_IGRPEN1:
        cpu->group_enable[reg == ICC_IGRPEN1] = value & 1;
        gic_update(cpu);
        break;
    default: break;
    }
}

const struct icc_ops gicv3_icc = {icc_read, icc_write};
