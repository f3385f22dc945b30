/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Interrupt controllers: blocks of interrupts, the choice of the most urgent one, and preemption. */
#include "peripherals/gic.h"

static const struct field block_field_list[] = {
    FIELD(struct gic_block, group),          FIELD(struct gic_block, enabled),
    FIELD(struct gic_block, latched),        FIELD(struct gic_block, active),
    FIELD(struct gic_block, edge),           FIELD(struct gic_block, level),
    FIELD_ARRAY(struct gic_block, priority), FIELDS_END,
};
const struct fields gic_block_fields = {"gic_block", sizeof(struct gic_block), block_field_list};

/* --- blocks ---------------------------------------------------------------------------------------- */

void gic_block_reset(struct gic_block *block, uint32_t always_edge)
{
    *block = (struct gic_block){.level = block->level, .edge = always_edge};
}

bool gic_block_set_level(struct gic_block *block, uint32_t bit, bool level)
{
    if (level == !!(block->level & bit))
        return false;
    block->level ^= bit;
    if (!(block->edge & bit))
        return true;
    if (level)
        block->latched |= bit;
    return level;
}

/* --- the choice ------------------------------------------------------------------------------------ */

uint32_t gic_candidates(const struct gic_block *block, const uint32_t group_mask[2])
{
    uint32_t ready = block->enabled & gic_pending(block) & ~block->active;
    return ready & ((block->group & group_mask[1]) | (~block->group & group_mask[0]));
}

void gic_choose(struct gic_choice *best, const struct gic_block *block, unsigned first_intid, uint32_t ready)
{
    for (; ready; ready &= ready - 1) {
        unsigned bit = (unsigned)__builtin_ctz(ready);
        if (best->intid != GIC_SPURIOUS && block->priority[bit] >= best->priority)
            continue;
        *best = (struct gic_choice){first_intid + bit, block->priority[bit], block->group >> bit & 1};
    }
}

void gic_choose_among(struct gic_choice *best, const struct gic_block *own, const struct gic_block *blocks,
                      const uint32_t *targeted, unsigned block_count, const uint32_t group_mask[2])
{
    best->intid = GIC_SPURIOUS;
    gic_choose(best, own, 0, gic_candidates(own, group_mask));
    for (unsigned i = 1; i < block_count; i++) {
        uint32_t ready = gic_candidates(&blocks[i], group_mask) & targeted[i];
        if (ready)
            gic_choose(best, &blocks[i], 32 * i, ready);
    }
}

void gic_signal(bool carries[2], const struct irq_line wires[2], unsigned which)
{
    for (unsigned wire = 0; wire < 2; wire++) {
        bool level = which == wire;
        if (level == carries[wire])
            continue;
        carries[wire] = level;
        irq_set(&wires[wire], level);
    }
}

/* --- preemption ------------------------------------------------------------------------------------ */

uint8_t gic_running(const uint32_t active_priorities[2])
{
    uint32_t active = active_priorities[0] | active_priorities[1];
    return active ? (uint8_t)(__builtin_ctz(active) << GIC_PRIORITY_SHIFT) : GIC_IDLE;
}

unsigned gic_running_group(const uint32_t active_priorities[2])
{
    uint32_t active = active_priorities[0] | active_priorities[1];
    if (!active)
        return 2;
    return active_priorities[0] & active & -active ? 0 : 1;
}

void gic_bound_binary_points(uint32_t binary_point[2])
{
    for (unsigned group = 0; group < 2; group++) {
        binary_point[group] &= 7;
        if (binary_point[group] < GIC_LEAST_POINT + group)
            binary_point[group] = GIC_LEAST_POINT + group;
    }
}
