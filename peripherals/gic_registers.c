/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Interrupt controllers: what the registers of a block's interrupts read as, and what writes do. */
#include "peripherals/gic_registers.h"

/* ICFGR has a pair of bits for each of 16 interrupts, of which the upper one says that it is edge-triggered. */
static uint32_t config_of(uint32_t edges, unsigned half)
{
    uint32_t config = 0;
    for (unsigned i = 0; i < 16; i++)
        config |= (edges >> (16 * half + i) & 1) << (2 * i + 1);
    return config;
}

static uint32_t edges_with(uint32_t edges, unsigned half, uint32_t config)
{
    edges &= ~(0xffffu << 16 * half);
    for (unsigned i = 0; i < 16; i++)
        edges |= (config >> (2 * i + 1) & 1) << (16 * half + i);
    return edges;
}

uint64_t gic_register_read(const struct gic_block *block, enum gic_register which, unsigned part)
{
    switch (which) {
    case GIC_GROUP: return block->group;
    case GIC_SET_ENABLE:
    case GIC_CLEAR_ENABLE: return block->enabled;
    case GIC_SET_PENDING:
    case GIC_CLEAR_PENDING: return gic_pending(block);
    case GIC_SET_ACTIVE:
    case GIC_CLEAR_ACTIVE: return block->active;
    case GIC_PRIORITY: return block->priority[part];
    case GIC_CONFIG: return config_of(block->edge, part);
    }
    return 0;
}

void gic_register_write(struct gic_block *block, enum gic_register which, unsigned part, uint32_t value,
                        enum gic_sgis sgis)
{
    const uint32_t kept = sgis == GIC_SGIS_APART ? GIC_SGI_MASK : 0;
    switch (which) {
    case GIC_GROUP: block->group = value; break;
    case GIC_SET_ENABLE: block->enabled |= value; break;
    case GIC_CLEAR_ENABLE: block->enabled &= ~value | kept; break;
    case GIC_SET_PENDING: block->latched |= value & ~kept; break;
    case GIC_CLEAR_PENDING: block->latched &= ~value | kept; break;
    case GIC_SET_ACTIVE: block->active |= value; break;
    case GIC_CLEAR_ACTIVE: block->active &= ~value; break;
    case GIC_PRIORITY: block->priority[part] = value & GIC_PRIORITY_MASK; break;
    case GIC_CONFIG:
        block->edge = edges_with(block->edge, part, value) | (sgis == GIC_SGIS_NONE ? 0 : GIC_SGI_MASK);
        break;
    }
}
