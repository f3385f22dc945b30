/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Registers that have a bit, two or a byte for each interrupt. They are alike in the distributors of all versions (IHI
 * 0048B, 4.3; IHI 0069, 12.9) and in redistributors (IHI 0069, 12.11).
 *
 * A register table's file says GIC_REGISTER_HOOKS(), and has GIC_REGISTER_ROWS() among its rows. */
#ifndef ARMATURE_GIC_REGISTERS_H
#define ARMATURE_GIC_REGISTERS_H

#include "peripherals/gic.h"

enum gic_register {
    GIC_GROUP,
    GIC_SET_ENABLE,
    GIC_CLEAR_ENABLE,
    GIC_SET_PENDING,
    GIC_CLEAR_PENDING,
    GIC_SET_ACTIVE,
    GIC_CLEAR_ACTIVE,
    GIC_PRIORITY,
    GIC_CONFIG,
};

/** What a block's registers leave alone of the SGIs in it. */
enum gic_sgis {
    GIC_SGIS_NONE,  /* it has SPIs */
    GIC_SGIS_EDGES, /* they are edge-triggered (GICv3) */
    GIC_SGIS_APART, /* besides, always enabled, and pending by registers of their own (GICv2) */
};

/** How many registers of this kind a block has. */
static inline unsigned gic_registers_per_block(enum gic_register which)
{
    return which == GIC_PRIORITY ? 32 : which == GIC_CONFIG ? 2 : 1;
}

/** Register number `part` of a block's. */
uint64_t gic_register_read(const struct gic_block *block, enum gic_register which, unsigned part);
void gic_register_write(struct gic_block *block, enum gic_register which, unsigned part, uint32_t value,
                        enum gic_sgis sgis);

#define GIC_REGISTER_HOOK(name, which, block_of, sgis_of, changed)                                                     \
    static uint64_t read_##name(void *device, unsigned index)                                                          \
    {                                                                                                                  \
        const struct gic_block *block = block_of(device, index / gic_registers_per_block(which));                      \
        return block ? gic_register_read(block, which, index % gic_registers_per_block(which)) : 0;                    \
    }                                                                                                                  \
    static void write_##name(void *device, unsigned index, uint64_t value)                                             \
    {                                                                                                                  \
        unsigned number = index / gic_registers_per_block(which);                                                      \
        struct gic_block *block = block_of(device, number);                                                            \
        if (!block)                                                                                                    \
            return;                                                                                                    \
        gic_register_write(block, which, index % gic_registers_per_block(which), (uint32_t)value, sgis_of(number));    \
        changed(device);                                                                                               \
    }

/** Hooks for the rows. block_of(device, number) is the block of that number, NULL where its registers read as zero and
 *  ignore writes; sgis_of(number) what of it is left alone; changed(device) is called behind a write. */
#define GIC_REGISTER_HOOKS(block_of, sgis_of, changed)                                                                 \
    GIC_REGISTER_HOOK(group, GIC_GROUP, block_of, sgis_of, changed)                                                    \
    GIC_REGISTER_HOOK(set_enable, GIC_SET_ENABLE, block_of, sgis_of, changed)                                          \
    GIC_REGISTER_HOOK(clear_enable, GIC_CLEAR_ENABLE, block_of, sgis_of, changed)                                      \
    GIC_REGISTER_HOOK(set_pending, GIC_SET_PENDING, block_of, sgis_of, changed)                                        \
    GIC_REGISTER_HOOK(clear_pending, GIC_CLEAR_PENDING, block_of, sgis_of, changed)                                    \
    GIC_REGISTER_HOOK(set_active, GIC_SET_ACTIVE, block_of, sgis_of, changed)                                          \
    GIC_REGISTER_HOOK(clear_active, GIC_CLEAR_ACTIVE, block_of, sgis_of, changed)                                      \
    GIC_REGISTER_HOOK(priority, GIC_PRIORITY, block_of, sgis_of, changed)                                              \
    GIC_REGISTER_HOOK(config, GIC_CONFIG, block_of, sgis_of, changed)

#define GIC_REGISTER_ROW(offset, name, size, count, hook)                                                              \
    {offset, name, size, count, .field_offset = REG_NO_FIELD, .read = read_##hook, .write = write_##hook}

/** The rows up to the priorities, of `words` blocks from `base` on, their names between `prefix` and `suffix`. */
#define GIC_REGISTER_ROWS(base, prefix, suffix, words)                                                                 \
    GIC_REGISTER_ROW((base) + 0x080, prefix "IGROUPR" suffix, 4, words, group),                                        \
        GIC_REGISTER_ROW((base) + 0x100, prefix "ISENABLER" suffix, 4, words, set_enable),                             \
        GIC_REGISTER_ROW((base) + 0x180, prefix "ICENABLER" suffix, 4, words, clear_enable),                           \
        GIC_REGISTER_ROW((base) + 0x200, prefix "ISPENDR" suffix, 4, words, set_pending),                              \
        GIC_REGISTER_ROW((base) + 0x280, prefix "ICPENDR" suffix, 4, words, clear_pending),                            \
        GIC_REGISTER_ROW((base) + 0x300, prefix "ISACTIVER" suffix, 4, words, set_active),                             \
        GIC_REGISTER_ROW((base) + 0x380, prefix "ICACTIVER" suffix, 4, words, clear_active)

#endif
