/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Interrupt controller: the distributor's registers (IHI 0069, 12.9). Those of block 0 belong to the
 * redistributors while affinity routing is on, which here is always: they read as zero. */
#include "peripherals/gic_registers.h"
#include "peripherals/gicv3_internal.h"

enum { AFFINITY_ROUTING = 1 << 4, DISABLE_SECURITY = 1 << 6 };

#define ROUTER_MASK 0xff00ffffffull

/* The block of a number, or NULL where it reads as zero and ignores writes. */
static struct gic_block *spi_block(struct gicv3 *gic, unsigned index)
{
    return index && index < gic->block_count ? &gic->block[index] : NULL;
}

static uint64_t read_control(void *device, unsigned index)
{
    struct gicv3 *gic = device;
    return gic->group_enable | AFFINITY_ROUTING | DISABLE_SECURITY;
}

static void write_control(void *device, unsigned index, uint64_t value)
{
    struct gicv3 *gic = device;
    gic->group_enable = value & 3;
    gic_update_all(gic);
}

/* RSS, No1N (no 1 of N routing), A3V; 10 bits of INTID, 16 with LPIs; LPIS; MBIS (message-based SPIs). */
static uint64_t read_type(void *device, unsigned index)
{
    struct gicv3 *gic = device;
    uint32_t bits = gic->lpi_bus ? GICV3_INTID_BITS - 1 : 9;
    return 1u << 26 | 1u << 25 | 1u << 24 | bits << 19 | (uint32_t)(gic->lpi_bus != NULL) << 17 | 1u << 16 |
           (gic->block_count - 1);
}

/* SETSPI_NSR and CLRSPI_NSR: messages that stand for the wire going up and down. */
static void write_set_spi(void *device, unsigned index, uint64_t value)
{
    struct gicv3 *gic = device;
    unsigned intid = value & 0x1fff;
    struct gic_block *block = spi_block(gic, intid / 32);
    if (!block)
        return;
    uint32_t bit = 1u << intid % 32;
    block->level |= bit;
    block->latched |= bit & block->edge;
    gic_update_all(gic);
}

static void write_clear_spi(void *device, unsigned index, uint64_t value)
{
    struct gicv3 *gic = device;
    unsigned intid = value & 0x1fff;
    struct gic_block *block = spi_block(gic, intid / 32);
    if (!block)
        return;
    uint32_t bit = 1u << intid % 32;
    block->level &= ~bit;
    block->latched &= ~(bit & block->edge);
    gic_update_all(gic);
}

static enum gic_sgis sgis_of(unsigned number)
{
    return GIC_SGIS_NONE;
}

GIC_REGISTER_HOOKS(spi_block, sgis_of, gic_update_all)

static void write_router(void *device, unsigned index, uint64_t value)
{
    struct gicv3 *gic = device;
    if (!spi_block(gic, 1 + index / 32))
        return;
    gic->router[index] = value & ROUTER_MASK;
    gic_route(gic, index);
    gic_update_all(gic);
}

/* GICD_STATUSR, IGRPMODR, NSACR, ITARGETSR, SGIR, the SGI pending registers and the _SR messages are RES0 in
 * a controller like this one, and so have no row. */
static const struct reg dist_registers[] = {
    {0x0000, "GICD_CTLR", 4, .field_offset = REG_NO_FIELD, .read = read_control, .write = write_control},
    {0x0004, "GICD_TYPER", 4, .field_offset = REG_NO_FIELD, .read = read_type},
    {0x0008, "GICD_IIDR", 4, .field_offset = REG_NO_FIELD, .reset = GIC_IIDR},
    {0x0040, "GICD_SETSPI_NSR", 4, .field_offset = REG_NO_FIELD, .write = write_set_spi},
    {0x0048, "GICD_CLRSPI_NSR", 4, .field_offset = REG_NO_FIELD, .write = write_clear_spi},
    GIC_REGISTER_ROWS(0, "GICD_", "", 32),
    GIC_REGISTER_ROW(0x0400, "GICD_IPRIORITYR", 1, 1020, priority),
    GIC_REGISTER_ROW(0x0c00, "GICD_ICFGR", 4, 64, config),
    {0x6100, "GICD_IROUTER", 8, GICV3_MAX_SPIS, .field_offset = REG_FIELD(struct gicv3, router),
     .write = write_router},
    {0xffd0, "GICD_PIDR4", 4, .field_offset = REG_NO_FIELD, .reset = 0x44},
    {0xffe0, "GICD_PIDR0", 4, .field_offset = REG_NO_FIELD, .reset = 0x92},
    {0xffe4, "GICD_PIDR1", 4, .field_offset = REG_NO_FIELD, .reset = 0xb4},
    {0xffe8, "GICD_PIDR2", 4, .field_offset = REG_NO_FIELD, .reset = 0x3b},
    {0xfff0, "GICD_CIDR0", 4, .field_offset = REG_NO_FIELD, .reset = 0x0d},
    {0xfff4, "GICD_CIDR1", 4, .field_offset = REG_NO_FIELD, .reset = 0xf0},
    {0xfff8, "GICD_CIDR2", 4, .field_offset = REG_NO_FIELD, .reset = 0x05},
    {0xfffc, "GICD_CIDR3", 4, .field_offset = REG_NO_FIELD, .reset = 0xb1},
};
const struct reg_bank gic_dist_bank = {dist_registers, sizeof dist_registers / sizeof dist_registers[0],
                                       1 | 2 | 4 | 8};

/* Which widths a register takes (IHI 0069, 12.1.3): words, beside bytes for priorities, halfwords for the
 * message registers and doublewords for the routes. Others read as zero and are ignored. */
static bool takes_width(uint64_t offset, unsigned size)
{
    switch (size) {
    case 1: return offset >= 0x400 && offset < 0x800;
    case 2: return offset == 0x40 || offset == 0x48;
    case 8: return offset >= 0x6100 && offset < 0x8000;
    default: return true;
    }
}

static bool dist_read(void *device, uint64_t offset, unsigned size, uint64_t *value)
{
    *value = 0;
    return !takes_width(offset, size) || regs_read(&gic_dist_bank, device, offset, size, value);
}

static bool dist_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    return !takes_width(offset, size) || regs_write(&gic_dist_bank, device, offset, size, value);
}

const struct mmio_ops gicv3_dist_mmio = {dist_read, dist_write};
