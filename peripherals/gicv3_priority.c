/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Interrupt controller: which interrupt is the most urgent for a CPU, and whether it is signalled. */
#include "peripherals/gicv3_internal.h"

/* Interrupts of a block that could be signalled, were they urgent enough. */
static uint32_t candidates(const struct gic_block *block, uint32_t group_mask[2])
{
    uint32_t ready = block->enabled & gic_pending(block) & ~block->active;
    return ready & ((block->group & group_mask[1]) | (~block->group & group_mask[0]));
}

/* Takes the most urgent of `ready` where it beats what was found; of equals, the lowest INTID wins. */
static void consider(struct gic_cpu *cpu, const struct gic_block *block, unsigned first_intid, uint32_t ready)
{
    for (; ready; ready &= ready - 1) {
        unsigned bit = (unsigned)__builtin_ctz(ready);
        if (cpu->best != GIC_SPURIOUS && block->priority[bit] >= cpu->best_priority)
            continue;
        cpu->best = first_intid + bit;
        cpu->best_priority = block->priority[bit];
        cpu->best_group = block->group >> bit & 1;
    }
}

uint8_t gic_group_priority(const struct gic_cpu *cpu, unsigned group, uint8_t priority)
{
    bool common = cpu->control & 1; /* ICC_CTLR_EL1.CBPR */
    /* A Non-secure ICC_BPR1 of n splits where an ICC_BPR0 of n - 1 does. */
    unsigned point = group && !common ? cpu->binary_point[1] - 1 : cpu->binary_point[0];
    return (uint8_t)(priority & 0xfe << point);
}

uint8_t gic_running_priority(const struct gic_cpu *cpu)
{
    uint32_t active = cpu->active_priorities[0] | cpu->active_priorities[1];
    return active ? (uint8_t)(__builtin_ctz(active) << GIC_PRIORITY_SHIFT) : GIC_IDLE;
}

bool gic_can_signal(const struct gic_cpu *cpu)
{
    return cpu->best != GIC_SPURIOUS && cpu->best_priority < cpu->priority_mask &&
           gic_group_priority(cpu, cpu->best_group, cpu->best_priority) < gic_running_priority(cpu);
}

void gic_drive(struct gic_cpu *cpu)
{
    bool signal = gic_can_signal(cpu);
    for (unsigned group = 0; group < 2; group++) {
        bool level = signal && cpu->best_group == group;
        if (level == cpu->signalled[group])
            continue;
        cpu->signalled[group] = level;
        irq_set(&cpu->wire[group], level);
    }
}

void gic_update(struct gic_cpu *cpu)
{
    const struct gicv3 *gic = cpu->gic;
    uint32_t group_mask[2] = {0};
    for (unsigned group = 0; group < 2; group++) {
        if (!cpu->asleep && cpu->group_enable[group] && gic->group_enable >> group & 1)
            group_mask[group] = ~0u;
    }
    cpu->best = GIC_SPURIOUS;
    consider(cpu, &cpu->private, 0, candidates(&cpu->private, group_mask));
    for (unsigned i = 1; i < gic->block_count; i++) {
        uint32_t ready = candidates(&gic->block[i], group_mask) & cpu->targeted[i];
        if (ready)
            consider(cpu, &gic->block[i], 32 * i, ready);
    }
    if (cpu->best_lpi && group_mask[1] && (cpu->best == GIC_SPURIOUS || cpu->best_lpi_priority < cpu->best_priority)) {
        cpu->best = cpu->best_lpi;
        cpu->best_priority = cpu->best_lpi_priority;
        cpu->best_group = 1;
    }
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
