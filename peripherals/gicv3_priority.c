/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Interrupt controller: which interrupt is the most urgent for a CPU, and whether it is signalled. */
#include "peripherals/gicv3_internal.h"

uint8_t gic_group_priority(const struct gic_cpu *cpu, unsigned group, uint8_t priority)
{
    bool common = cpu->control & 1; /* ICC_CTLR_EL1.CBPR */
    /* A Non-secure ICC_BPR1 of n splits where an ICC_BPR0 of n - 1 does. */
    unsigned point = group && !common ? cpu->binary_point[1] - 1 : cpu->binary_point[0];
    return gic_preemption(point, priority);
}

uint8_t gic_running_priority(const struct gic_cpu *cpu)
{
    return gic_running(cpu->active_priorities);
}

bool gic_can_signal(const struct gic_cpu *cpu)
{
    return cpu->best.intid != GIC_SPURIOUS && cpu->best.priority < cpu->priority_mask &&
           gic_group_priority(cpu, cpu->best.group, cpu->best.priority) < gic_running_priority(cpu);
}

void gic_drive(struct gic_cpu *cpu)
{
    gic_signal(cpu->signalled, cpu->wire, gic_can_signal(cpu) ? cpu->best.group : 2);
}

void gic_update(struct gic_cpu *cpu)
{
    const struct gicv3 *gic = cpu->gic;
    uint32_t group_mask[2] = {0};
    for (unsigned group = 0; group < 2; group++) {
        if (!cpu->asleep && cpu->group_enable[group] && gic->group_enable >> group & 1)
            group_mask[group] = ~0u;
    }
    gic_choose_among(&cpu->best, &cpu->private, gic->block, cpu->targeted, gic->block_count, group_mask);
    if (cpu->best_lpi && group_mask[1] &&
        (cpu->best.intid == GIC_SPURIOUS || cpu->best_lpi_priority < cpu->best.priority))
        cpu->best = (struct gic_choice){cpu->best_lpi, cpu->best_lpi_priority, 1};
    gic_drive(cpu);
}

void gic_update_all(struct gicv3 *gic)
{
    for (unsigned i = 0; i < gic->cpu_count; i++)
        gic_update(&gic->cpu[i]);
}

struct gic_block *gic_block_of(struct gic_cpu *cpu, unsigned intid)
{
    if (intid < GIC_PRIVATE)
        return &cpu->private;
    return intid / 32 < cpu->gic->block_count ? &cpu->gic->block[intid / 32] : NULL;
}

void gic_deactivate(struct gic_cpu *cpu, unsigned intid)
{
    struct gic_block *block = gic_block_of(cpu, intid);
    if (!block)
        return;
    block->active &= ~(1u << intid % 32);
    if (intid < GIC_PRIVATE)
        gic_update(cpu);
    else if (cpu->gic->target[intid - GIC_PRIVATE] != GIC_NO_TARGET)
        gic_update(&cpu->gic->cpu[cpu->gic->target[intid - GIC_PRIVATE]]);
}

void gic_route(struct gicv3 *gic, unsigned spi)
{
    unsigned word = 1 + spi / 32;
    uint32_t bit = 1u << spi % 32;
    if (gic->target[spi] != GIC_NO_TARGET)
        gic->cpu[gic->target[spi]].targeted[word] &= ~bit;
    gic->target[spi] = GIC_NO_TARGET;
    for (unsigned i = 0; i < gic->cpu_count; i++) {
        if (gic->cpu[i].affinity == gic->router[spi]) {
            gic->target[spi] = (uint8_t)i;
            gic->cpu[i].targeted[word] |= bit;
        }
    }
}
