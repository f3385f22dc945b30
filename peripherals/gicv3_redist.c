/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Interrupt controller: the redistributors' registers (IHI 0069, 12.10 and 12.11). Each CPU's window is the
 * RD frame, then the SGI frame; the device of the register table is the CPU's part of the controller. */
#include "peripherals/gic_registers.h"
#include "peripherals/gicv3_internal.h"

#define PROPBASER_MASK 0x070fffffffffff9full /* OuterCache, address, Shareability, InnerCache, IDbits */
#define PENDBASER_MASK 0x070fffffffff0f80ull /* the same; PTZ reads as zero */

enum { CTLR_CES = 1 << 1, SLEEP = 1 << 1, CHILDREN_ASLEEP = 1 << 2 };

/* Affinity, processor number, Last; PLPIS where there are LPIs, which all come from an ITS. */
static uint64_t read_type(void *device, unsigned index)
{
    struct gic_cpu *cpu = device;
    uint64_t affinity = (cpu->affinity >> 32 << 24 | (cpu->affinity & 0xffffff));
    bool last = cpu->index + 1 == cpu->gic->cpu_count;
    return affinity << 32 | (uint64_t)cpu->index << 8 | (uint64_t)last << 4 | (cpu->gic->lpi_bus != NULL);
}

/* EnableLPIs, which may be cleared again (CES). */
static uint64_t read_control(void *device, unsigned index)
{
    struct gic_cpu *cpu = device;
    return cpu->gic->lpi_bus ? cpu->lpis_enabled | CTLR_CES : 0;
}

static void write_control(void *device, unsigned index, uint64_t value)
{
    struct gic_cpu *cpu = device;
    bool enabled = value & 1 && cpu->gic->lpi_bus;
    if (enabled == (cpu->lpis_enabled != 0))
        return;
    cpu->lpis_enabled = enabled;
    gic_find_lpi(cpu);
    gic_update(cpu);
}

/* While LPIs are enabled, where their tables are does not change. */
static void write_table(struct gic_cpu *cpu, uint64_t *table, uint64_t value, uint64_t mask)
{
    if (cpu->gic->lpi_bus && !cpu->lpis_enabled)
        *table = value & mask;
}

static void write_properties(void *device, unsigned index, uint64_t value)
{
    struct gic_cpu *cpu = device;
    write_table(cpu, &cpu->lpi_properties, value, PROPBASER_MASK);
}

static void write_pending_table(void *device, unsigned index, uint64_t value)
{
    struct gic_cpu *cpu = device;
    write_table(cpu, &cpu->lpi_pending, value, PENDBASER_MASK);
}

static uint64_t read_waker(void *device, unsigned index)
{
    struct gic_cpu *cpu = device;
    return cpu->asleep ? SLEEP | CHILDREN_ASLEEP : 0;
}

static void write_waker(void *device, unsigned index, uint64_t value)
{
    struct gic_cpu *cpu = device;
    cpu->asleep = !!(value & SLEEP);
    gic_update(cpu);
}

static struct gic_block *private_block(struct gic_cpu *cpu, unsigned number)
{
    return &cpu->private;
}

static enum gic_sgis sgis_of(unsigned number)
{
    return GIC_SGIS_EDGES;
}

GIC_REGISTER_HOOKS(private_block, sgis_of, gic_update)

/* There is no 1 of N routing; GICR_SYNCR never finds anything under
 * way; IGRPMODR0 and NSACR are RES0 with one security state. */
static const struct reg redist_registers[] = {
    {0x00000, "GICR_CTLR", 4, .field_offset = REG_NO_FIELD, .read = read_control, .write = write_control},
    {0x00004, "GICR_IIDR", 4, .field_offset = REG_NO_FIELD, .reset = GIC_IIDR},
    {0x00008, "GICR_TYPER", 8, .field_offset = REG_NO_FIELD, .read = read_type},
    {0x00014, "GICR_WAKER", 4, .field_offset = REG_NO_FIELD, .read = read_waker, .write = write_waker},
    {0x00070, "GICR_PROPBASER", 8, .field_offset = REG_FIELD(struct gic_cpu, lpi_properties),
     .write = write_properties},
    {0x00078, "GICR_PENDBASER", 8, .field_offset = REG_FIELD(struct gic_cpu, lpi_pending),
     .write = write_pending_table},
    {0x000c0, "GICR_SYNCR", 4, .field_offset = REG_NO_FIELD},
    {0x0ffd0, "GICR_PIDR4", 4, .field_offset = REG_NO_FIELD, .reset = 0x44},
    {0x0ffe0, "GICR_PIDR0", 4, .field_offset = REG_NO_FIELD, .reset = 0x93},
    {0x0ffe4, "GICR_PIDR1", 4, .field_offset = REG_NO_FIELD, .reset = 0xb4},
    {0x0ffe8, "GICR_PIDR2", 4, .field_offset = REG_NO_FIELD, .reset = 0x3b},
    {0x0fff0, "GICR_CIDR0", 4, .field_offset = REG_NO_FIELD, .reset = 0x0d},
    {0x0fff4, "GICR_CIDR1", 4, .field_offset = REG_NO_FIELD, .reset = 0xf0},
    {0x0fff8, "GICR_CIDR2", 4, .field_offset = REG_NO_FIELD, .reset = 0x05},
    {0x0fffc, "GICR_CIDR3", 4, .field_offset = REG_NO_FIELD, .reset = 0xb1},
    GIC_REGISTER_ROWS(0x10000, "GICR_", "0", 1),
    GIC_REGISTER_ROW(0x10400, "GICR_IPRIORITYR", 1, 32, priority),
    GIC_REGISTER_ROW(0x10c00, "GICR_ICFGR", 4, 2, config),
};
static const struct reg_bank redist_bank = {
    redist_registers, sizeof redist_registers / sizeof redist_registers[0], 1 | 2 | 4 | 8};

const struct reg_bank *const gicv3_redist_regs = &redist_bank;

/* Words, beside bytes for priorities and doublewords for GICR_TYPER and the bases of tables. */
static bool takes_width(uint64_t offset, unsigned size)
{
    switch (size) {
    case 1: return offset >= 0x10400 && offset < 0x10420;
    case 2: return false;
    case 8: return offset == 8 || offset == 0x70 || offset == 0x78;
    default: return true;
    }
}

/* The window holds all CPUs' frames and no more; what lies past the last CPU reads as zero. */
static bool redist_read(void *device, uint64_t offset, unsigned size, uint64_t *value)
{
    struct gicv3 *gic = device;
    uint64_t index = offset / GICV3_REDIST_WINDOW_BYTES, within = offset % GICV3_REDIST_WINDOW_BYTES;
    *value = 0;
    return index >= gic->cpu_count || !takes_width(within, size) ||
           regs_read(&redist_bank, &gic->cpu[index], within, size, value);
}

static bool redist_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct gicv3 *gic = device;
    uint64_t index = offset / GICV3_REDIST_WINDOW_BYTES, within = offset % GICV3_REDIST_WINDOW_BYTES;
    return index >= gic->cpu_count || !takes_width(within, size) ||
           regs_write(&redist_bank, &gic->cpu[index], within, size, value);
}

const struct mmio_ops gicv3_redist_mmio = {redist_read, redist_write};
