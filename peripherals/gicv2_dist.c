/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GICv2: the distributor's registers (IHI 0048B, 4.3). Block 0 is that of the CPU that accesses (banked). */
#include "peripherals/gic_registers.h"
#include "peripherals/gicv2_internal.h"

enum { SGI_TO_OTHERS = 1, SGI_TO_SELF = 2 };

/* The block of a number, or NULL where it reads as zero and ignores writes. */
static struct gic_block *block_at(struct gicv2 *gic, unsigned index)
{
    if (!index)
        return &gicv2_requester(gic)->private;
    return index < gic->block_count ? &gic->block[index] : NULL;
}

/* --- what it is ------------------------------------------------------------------------------------ */

static uint64_t read_control(void *device, unsigned index)
{
    struct gicv2 *gic = device;
    return gic->group_enable;
}

static void write_control(void *device, unsigned index, uint64_t value)
{
    struct gicv2 *gic = device;
    gic->group_enable = value & 3;
    gicv2_update_all(gic);
}

/* ITLinesNumber, CPUNumber; no Security Extensions. */
static uint64_t read_type(void *device, unsigned index)
{
    struct gicv2 *gic = device;
    return (gic->block_count - 1) | (gic->cpu_count - 1) << 5;
}

/* --- for each interrupt ---------------------------------------------------------------------------- */

static enum gic_sgis sgis_of(unsigned number)
{
    return number ? GIC_SGIS_NONE : GIC_SGIS_APART;
}

GIC_REGISTER_HOOKS(block_at, sgis_of, gicv2_update_all)

/* A private interrupt's target is the CPU that reads. With a single CPU there is nothing to choose, and all of it
 * reads as zero (4.3.12). */
static uint64_t read_targets(void *device, unsigned index)
{
    struct gicv2 *gic = device;
    if (gic->cpu_count == 1 || !block_at(gic, index / 32))
        return 0;
    return index < GIC_PRIVATE ? 1u << gicv2_requester(gic)->index : gic->targets[index - GIC_PRIVATE];
}

static void write_targets(void *device, unsigned index, uint64_t value)
{
    struct gicv2 *gic = device;
    if (gic->cpu_count == 1 || index < GIC_PRIVATE || !block_at(gic, index / 32))
        return;
    gicv2_direct(gic, index - GIC_PRIVATE, value & ((1u << gic->cpu_count) - 1));
    gicv2_update_all(gic);
}

/* --- SGIs ------------------------------------------------------------------------------------------ */

static void write_sgi(void *device, unsigned index, uint64_t value)
{
    struct gicv2 *gic = device;
    const struct gicv2_cpu *from = gicv2_requester(gic);
    unsigned sgi = value & 15, filter = value >> 24 & 3, targets = value >> 16 & 0xff;
    if (filter == SGI_TO_OTHERS)
        targets = ~(1u << from->index);
    else if (filter == SGI_TO_SELF)
        targets = 1u << from->index;
    else if (filter) /* reserved */
        targets = 0;
    for (unsigned i = 0; i < gic->cpu_count; i++)
        if (targets >> i & 1)
            gicv2_set_sgi_sources(&gic->cpu[i], sgi, gic->cpu[i].sgi_sources[sgi] | (uint8_t)(1u << from->index));
}

static uint64_t read_sgi_sources(void *device, unsigned sgi)
{
    return gicv2_requester(device)->sgi_sources[sgi];
}

static void write_sgi_unpend(void *device, unsigned sgi, uint64_t value)
{
    struct gicv2_cpu *cpu = gicv2_requester(device);
    gicv2_set_sgi_sources(cpu, sgi, cpu->sgi_sources[sgi] & ~(uint8_t)value);
}

static void write_sgi_pend(void *device, unsigned sgi, uint64_t value)
{
    struct gicv2_cpu *cpu = gicv2_requester(device);
    uint8_t present = (uint8_t)((1u << cpu->gic->cpu_count) - 1);
    gicv2_set_sgi_sources(cpu, sgi, cpu->sgi_sources[sgi] | ((uint8_t)value & present));
}

/* --- the table ------------------------------------------------------------------------------------- */

#define NO_FIELD .field_offset = REG_NO_FIELD

/* GICD_NSACR belongs to the Security Extensions and has no row. */
static const struct reg dist_registers[] = {
    {0x000, "GICD_CTLR", 4, NO_FIELD, .read = read_control, .write = write_control},
    {0x004, "GICD_TYPER", 4, NO_FIELD, .read = read_type},
    {0x008, "GICD_IIDR", 4, NO_FIELD, .reset = 0x0200143b},
    GIC_REGISTER_ROWS(0, "GICD_", "", 32),
    GIC_REGISTER_ROW(0x400, "GICD_IPRIORITYR", 1, 1020, priority),
    {0x800, "GICD_ITARGETSR", 1, 1020, NO_FIELD, .read = read_targets, .write = write_targets},
    GIC_REGISTER_ROW(0xc00, "GICD_ICFGR", 4, 64, config),
    {0xf00, "GICD_SGIR", 4, NO_FIELD, .write = write_sgi},
    {0xf10, "GICD_CPENDSGIR", 1, 16, NO_FIELD, .read = read_sgi_sources, .write = write_sgi_unpend},
    {0xf20, "GICD_SPENDSGIR", 1, 16, NO_FIELD, .read = read_sgi_sources, .write = write_sgi_pend},
    {0xfd0, "GICD_PIDR4", 4, NO_FIELD, .reset = 0x04},
    {0xfe0, "GICD_PIDR0", 4, NO_FIELD, .reset = 0x90},
    {0xfe4, "GICD_PIDR1", 4, NO_FIELD, .reset = 0xb4},
    {0xfe8, "GICD_PIDR2", 4, NO_FIELD, .reset = 0x2b},
    {0xff0, "GICD_CIDR0", 4, NO_FIELD, .reset = 0x0d},
    {0xff4, "GICD_CIDR1", 4, NO_FIELD, .reset = 0xf0},
    {0xff8, "GICD_CIDR2", 4, NO_FIELD, .reset = 0x05},
    {0xffc, "GICD_CIDR3", 4, NO_FIELD, .reset = 0xb1},
};
const struct reg_bank gicv2_dist_bank = {dist_registers, sizeof dist_registers / sizeof dist_registers[0], 1 | 4};

/* Words, and bytes where an interrupt has one (4.1.4). Other widths read as zero and are ignored. */
static bool takes_width(uint64_t offset, unsigned size)
{
    return size == 4 || (size == 1 && ((offset >= 0x400 && offset < 0xc00) || (offset >= 0xf10 && offset < 0xf30)));
}

static bool dist_read(void *device, uint64_t offset, unsigned size, uint64_t *value)
{
    *value = 0;
    return !takes_width(offset, size) || regs_read(&gicv2_dist_bank, device, offset, size, value);
}

static bool dist_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    return !takes_width(offset, size) || regs_write(&gicv2_dist_bank, device, offset, size, value);
}

const struct mmio_ops gicv2_dist_mmio = {dist_read, dist_write};
