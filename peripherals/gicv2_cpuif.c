/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GICv2: the CPU interfaces' registers (IHI 0048B, 4.4), of the CPU that accesses. */
#include "peripherals/gicv2_internal.h"

enum { INTID_MASK = 0x3ff, SOURCE_SHIFT = 10, OTHER_GROUP = 1022 };

/* Which groups a register is for: that of its own name, and by AckCtl group 1 too. */
static unsigned groups_of(const struct gicv2_cpu *cpu, unsigned group)
{
    return group ? 2 : cpu->control & GICC_ACK_CTL ? 3 : 1;
}

static struct gic_block *block_of(struct gicv2_cpu *cpu, unsigned intid)
{
    if (intid < GIC_PRIVATE)
        return &cpu->private;
    return intid / 32 < cpu->gic->block_count ? &cpu->gic->block[intid / 32] : NULL;
}

/* What GICC_IAR and GICC_HPPIR, or their aliases, say of the most urgent candidate, and whether it is theirs. */
static bool candidate_of(const struct gicv2_cpu *cpu, unsigned group, unsigned *answer)
{
    unsigned intid = cpu->best.intid;
    *answer = GIC_SPURIOUS;
    if (intid == GIC_SPURIOUS)
        return false;
    if (!(groups_of(cpu, group) >> cpu->best.group & 1)) {
        *answer = group ? GIC_SPURIOUS : OTHER_GROUP;
        return false;
    }
    *answer = intid;
    if (intid < GICV2_SGIS)
        *answer |= (unsigned)__builtin_ctz(cpu->sgi_sources[intid]) << SOURCE_SHIFT;
    return true;
}

static uint64_t acknowledge(void *device, unsigned group)
{
    struct gicv2_cpu *cpu = gicv2_requester(device);
    unsigned answer, intid = cpu->best.intid;
    if (!gicv2_can_signal(cpu))
        return GIC_SPURIOUS;
    if (!candidate_of(cpu, group, &answer))
        return answer;
    struct gic_block *block = block_of(cpu, intid);
    block->active |= 1u << intid % 32;
    cpu->active_priorities[cpu->best.group] |=
        gic_active_bit(gicv2_group_priority(cpu, cpu->best.group, cpu->best.priority));
    if (intid < GICV2_SGIS) {
        gicv2_set_sgi_sources(cpu, intid, cpu->sgi_sources[intid] & (cpu->sgi_sources[intid] - 1));
    } else {
        block->latched &= ~(1u << intid % 32);
        gicv2_update_all(cpu->gic);
    }
    return answer;
}

void gicv2_deactivate(struct gicv2_cpu *cpu, unsigned intid)
{
    struct gic_block *block = block_of(cpu, intid);
    if (!block)
        return;
    block->active &= ~(1u << intid % 32);
    gicv2_update_all(cpu->gic);
}

/* Priority drop, and deactivation where EOImode does not leave that to GICC_DIR. A write that does not belong to what
 * runs is ignored. */
static void end_of_interrupt(void *device, unsigned group, unsigned intid)
{
    struct gicv2_cpu *cpu = gicv2_requester(device);
    unsigned running = gic_running_group(cpu->active_priorities);
    if (gic_is_special(intid) || running == 2 || !(groups_of(cpu, group) >> running & 1))
        return;
    cpu->active_priorities[running] &= cpu->active_priorities[running] - 1;
    if (!(cpu->control & GICC_EOI_MODE))
        gicv2_deactivate(cpu, intid);
    gicv2_drive(cpu);
}

/* --- registers ------------------------------------------------------------------------------------- */

static uint64_t read_control(void *device, unsigned index)
{
    return gicv2_requester(device)->control;
}

static void write_control(void *device, unsigned index, uint64_t value)
{
    struct gicv2_cpu *cpu = gicv2_requester(device);
    cpu->control = value & GICC_WRITABLE;
    gicv2_update(cpu);
}

static uint64_t read_mask(void *device, unsigned index)
{
    return gicv2_requester(device)->priority_mask;
}

static void write_mask(void *device, unsigned index, uint64_t value)
{
    struct gicv2_cpu *cpu = gicv2_requester(device);
    cpu->priority_mask = value & GIC_PRIORITY_MASK;
    gicv2_drive(cpu);
}

static void set_point(void *device, unsigned group, uint64_t value)
{
    struct gicv2_cpu *cpu = gicv2_requester(device);
    cpu->binary_point[group] = value & 7;
    gic_bound_binary_points(cpu->binary_point);
    gicv2_drive(cpu);
}

static uint64_t read_point(void *device, unsigned index)
{
    return gicv2_requester(device)->binary_point[0];
}

static void write_point(void *device, unsigned index, uint64_t value)
{
    set_point(device, 0, value);
}

static uint64_t read_alias_point(void *device, unsigned index)
{
    return gicv2_requester(device)->binary_point[1];
}

static void write_alias_point(void *device, unsigned index, uint64_t value)
{
    set_point(device, 1, value);
}

static uint64_t read_acknowledge(void *device, unsigned index)
{
    return acknowledge(device, 0);
}

static uint64_t read_alias_acknowledge(void *device, unsigned index)
{
    return acknowledge(device, 1);
}

static void write_end(void *device, unsigned index, uint64_t value)
{
    end_of_interrupt(device, 0, value & INTID_MASK);
}

static void write_alias_end(void *device, unsigned index, uint64_t value)
{
    end_of_interrupt(device, 1, value & INTID_MASK);
}

static uint64_t read_running(void *device, unsigned index)
{
    return gic_running(gicv2_requester(device)->active_priorities);
}

static uint64_t read_highest(void *device, unsigned index)
{
    unsigned answer;
    candidate_of(gicv2_requester(device), 0, &answer);
    return answer;
}

static uint64_t read_alias_highest(void *device, unsigned index)
{
    unsigned answer;
    candidate_of(gicv2_requester(device), 1, &answer);
    return answer;
}

static void set_active(void *device, unsigned group, uint64_t value)
{
    struct gicv2_cpu *cpu = gicv2_requester(device);
    cpu->active_priorities[group] = (uint32_t)value;
    gicv2_drive(cpu);
}

static uint64_t read_active(void *device, unsigned index)
{
    return gicv2_requester(device)->active_priorities[0];
}

static void write_active(void *device, unsigned index, uint64_t value)
{
    set_active(device, 0, value);
}

static uint64_t read_active_1(void *device, unsigned index)
{
    return gicv2_requester(device)->active_priorities[1];
}

static void write_active_1(void *device, unsigned index, uint64_t value)
{
    set_active(device, 1, value);
}

static void write_deactivate(void *device, unsigned index, uint64_t value)
{
    struct gicv2_cpu *cpu = gicv2_requester(device);
    if (!gic_is_special(value & INTID_MASK) && cpu->control & GICC_EOI_MODE)
        gicv2_deactivate(cpu, value & INTID_MASK);
}

#define NO_FIELD .field_offset = REG_NO_FIELD

/* 32 priorities need no more than the first of GICC_APR and of GICC_NSAPR, which are group 0's and group 1's. */
static const struct reg cpu_registers[] = {
    {0x0000, "GICC_CTLR", 4, NO_FIELD, .read = read_control, .write = write_control},
    {0x0004, "GICC_PMR", 4, NO_FIELD, .read = read_mask, .write = write_mask},
    {0x0008, "GICC_BPR", 4, NO_FIELD, .read = read_point, .write = write_point},
    {0x000c, "GICC_IAR", 4, NO_FIELD, .read = read_acknowledge, .read_acts = true},
    {0x0010, "GICC_EOIR", 4, NO_FIELD, .write = write_end},
    {0x0014, "GICC_RPR", 4, NO_FIELD, .read = read_running},
    {0x0018, "GICC_HPPIR", 4, NO_FIELD, .read = read_highest},
    {0x001c, "GICC_ABPR", 4, NO_FIELD, .read = read_alias_point, .write = write_alias_point},
    {0x0020, "GICC_AIAR", 4, NO_FIELD, .read = read_alias_acknowledge, .read_acts = true},
    {0x0024, "GICC_AEOIR", 4, NO_FIELD, .write = write_alias_end},
    {0x0028, "GICC_AHPPIR", 4, NO_FIELD, .read = read_alias_highest},
    {0x00d0, "GICC_APR0", 4, NO_FIELD, .read = read_active, .write = write_active},
    {0x00e0, "GICC_NSAPR0", 4, NO_FIELD, .read = read_active_1, .write = write_active_1},
    {0x00fc, "GICC_IIDR", 4, NO_FIELD, .reset = 0x0202143b},
    {0x1000, "GICC_DIR", 4, NO_FIELD, .write = write_deactivate},
};
static const struct reg_bank cpu_bank = {cpu_registers, sizeof cpu_registers / sizeof cpu_registers[0], 4};

const struct reg_bank *const gicv2_cpu_regs = &cpu_bank;

/* Words alone; other widths read as zero and are ignored. */
static bool cpu_read(void *device, uint64_t offset, unsigned size, uint64_t *value)
{
    *value = 0;
    return size != 4 || regs_read(&cpu_bank, device, offset, size, value);
}

static bool cpu_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    return size != 4 || regs_write(&cpu_bank, device, offset, size, value);
}

const struct mmio_ops gicv2_cpu_mmio = {cpu_read, cpu_write};
