/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GICv2: its state as a whole, what is signalled to whom, the wires into it, creation and reset. */
#include "peripherals/gicv2_internal.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const struct field cpu_field_list[] = {
    FIELD_STRUCT(struct gicv2_cpu, private, &gic_block_fields),
    FIELD_ARRAY(struct gicv2_cpu, sgi_sources),
    FIELD(struct gicv2_cpu, control),
    FIELD(struct gicv2_cpu, priority_mask),
    FIELD_ARRAY(struct gicv2_cpu, binary_point),
    FIELD_ARRAY(struct gicv2_cpu, active_priorities),
    FIELD_STRUCT(struct gicv2_cpu, virtual_, &gic_virtual_fields),
    FIELD_HOST(struct gicv2_cpu, targeted),
    FIELD_HOST(struct gicv2_cpu, best),
    FIELD_HOST(struct gicv2_cpu, signalled),
    FIELD_HOST(struct gicv2_cpu, wire),
    FIELD_HOST(struct gicv2_cpu, index),
    FIELD_HOST(struct gicv2_cpu, gic),
    FIELDS_END,
};
static const struct fields cpu_fields_of_gicv2 = {"gicv2_cpu", sizeof(struct gicv2_cpu), cpu_field_list};

static const struct field gicv2_field_list[] = {
    FIELD(struct gicv2, group_enable),   FIELD_STRUCT_ARRAY(struct gicv2, block, &gic_block_fields),
    FIELD_ARRAY(struct gicv2, targets),  FIELD_STRUCT_ARRAY(struct gicv2, cpu, &cpu_fields_of_gicv2),
    FIELD_HOST(struct gicv2, cpu_count), FIELD_HOST(struct gicv2, block_count),
    FIELD_HOST(struct gicv2, bus),       FIELDS_END,
};
static const struct fields gicv2_fields = {"gicv2", sizeof(struct gicv2), gicv2_field_list};

/* --- what is signalled ----------------------------------------------------------------------------- */

uint8_t gicv2_group_priority(const struct gicv2_cpu *cpu, unsigned group, uint8_t priority)
{
    /* A GICC_ABPR of n splits where a GICC_BPR of n - 1 does. */
    bool common = cpu->control & GICC_CBPR;
    return gic_preemption(group && !common ? cpu->binary_point[1] - 1 : cpu->binary_point[0], priority);
}

bool gicv2_can_signal(const struct gicv2_cpu *cpu)
{
    return cpu->best.intid != GIC_SPURIOUS && cpu->best.priority < cpu->priority_mask &&
           gicv2_group_priority(cpu, cpu->best.group, cpu->best.priority) < gic_running(cpu->active_priorities);
}

void gicv2_drive(struct gicv2_cpu *cpu)
{
    bool fiq = cpu->best.group == 0 && cpu->control & GICC_FIQ_ENABLE;
    gic_signal(cpu->signalled, cpu->wire, !gicv2_can_signal(cpu) ? 2 : fiq ? 0 : 1);
}

void gicv2_update(struct gicv2_cpu *cpu)
{
    const struct gicv2 *gic = cpu->gic;
    uint32_t group_mask[2] = {0};
    for (unsigned group = 0; group < 2; group++)
        if (gic->group_enable & cpu->control & 1u << group)
            group_mask[group] = ~0u;
    gic_choose_among(&cpu->best, &cpu->private, gic->block, cpu->targeted, gic->block_count, group_mask);
    gicv2_drive(cpu);
}

void gicv2_update_all(struct gicv2 *gic)
{
    for (unsigned i = 0; i < gic->cpu_count; i++)
        gicv2_update(&gic->cpu[i]);
}

void gicv2_set_sgi_sources(struct gicv2_cpu *cpu, unsigned sgi, uint8_t sources)
{
    cpu->sgi_sources[sgi] = sources;
    cpu->private.latched = (cpu->private.latched & ~(1u << sgi)) | (uint32_t)(sources != 0) << sgi;
    gicv2_update(cpu);
}

void gicv2_direct(struct gicv2 *gic, unsigned spi, uint8_t cpus)
{
    unsigned word = 1 + spi / 32;
    uint32_t bit = 1u << spi % 32;
    gic->targets[spi] = cpus;
    for (unsigned i = 0; i < gic->cpu_count; i++) {
        uint32_t *targeted = &gic->cpu[i].targeted[word];
        *targeted = cpus >> i & 1 ? *targeted | bit : *targeted & ~bit;
    }
}

/* --- wires ----------------------------------------------------------------------------------------- */

static void set_spi(void *receiver, unsigned number, bool level)
{
    struct gicv2 *gic = receiver;
    if (gic_block_set_level(&gic->block[1 + number / 32], 1u << number % 32, level))
        for (unsigned i = 0; i < gic->cpu_count; i++)
            if (gic->targets[number] >> i & 1)
                gicv2_update(&gic->cpu[i]);
}

static void set_ppi(void *receiver, unsigned number, bool level)
{
    struct gicv2_cpu *cpu = receiver;
    if (gic_block_set_level(&cpu->private, 1u << number, level))
        gicv2_update(cpu);
}

struct irq_line gicv2_spi(struct gicv2 *gic, unsigned spi)
{
    assert(spi / 32 + 1 < gic->block_count);
    return (struct irq_line){set_spi, gic, spi};
}

struct irq_line gicv2_ppi(struct gicv2 *gic, unsigned cpu, unsigned ppi)
{
    assert(cpu < gic->cpu_count && ppi < 16);
    return (struct irq_line){set_ppi, &gic->cpu[cpu], 16 + ppi};
}

/* --- its life -------------------------------------------------------------------------------------- */

/* A single CPU is where all interrupts go: there are no targets to choose (4.3.12). */
static uint8_t present_cpus(const struct gicv2 *gic)
{
    return (uint8_t)((1u << gic->cpu_count) - 1);
}

/* Derived state from the saved, and the wires driven to it whatever they carried. What the registers could not hold
 * must not get in from a file either. */
static void gicv2_restored(void *device)
{
    struct gicv2 *gic = device;
    for (unsigned spi = 0; spi < 32 * (gic->block_count - 1); spi++)
        gicv2_direct(gic, spi, gic->cpu_count == 1 ? 1 : gic->targets[spi] & present_cpus(gic));
    for (unsigned i = 0; i < gic->cpu_count; i++) {
        struct gicv2_cpu *cpu = &gic->cpu[i];
        gic_bound_binary_points(cpu->binary_point);
        cpu->control &= GICC_WRITABLE;
        gic_virtual_bound(&cpu->virtual_);
        cpu->private.enabled |= GIC_SGI_MASK;
        cpu->private.edge |= GIC_SGI_MASK;
        for (unsigned sgi = 0; sgi < GICV2_SGIS; sgi++)
            gicv2_set_sgi_sources(cpu, sgi, cpu->sgi_sources[sgi] & present_cpus(gic));
    }
    gicv2_update_all(gic);
    for (unsigned i = 0; i < gic->cpu_count; i++) {
        gic_virtual_update(&gic->cpu[i].virtual_, true);
        for (unsigned wire = 0; wire < 2; wire++)
            irq_set(&gic->cpu[i].wire[wire], gic->cpu[i].signalled[wire]);
    }
}

static void gicv2_reset(void *device)
{
    struct gicv2 *gic = device;
    gic->group_enable = 0;
    for (unsigned i = 0; i < GICV2_BLOCKS; i++)
        gic_block_reset(&gic->block[i], 0);
    memset(gic->targets, 0, sizeof gic->targets);
    for (unsigned i = 0; i < gic->cpu_count; i++) {
        struct gicv2_cpu *cpu = &gic->cpu[i];
        gic_block_reset(&cpu->private, GIC_SGI_MASK);
        memset(cpu->sgi_sources, 0, sizeof cpu->sgi_sources);
        cpu->control = cpu->priority_mask = 0;
        cpu->binary_point[0] = GIC_LEAST_POINT;
        cpu->binary_point[1] = GIC_LEAST_POINT + 1;
        memset(cpu->active_priorities, 0, sizeof cpu->active_priorities);
        gic_virtual_reset(&cpu->virtual_);
    }
    gicv2_restored(gic);
}

const struct device_class gicv2_class = {
    .name = "gicv2",
    .state = &gicv2_fields,
    .regs = &gicv2_dist_bank,
    .reset = gicv2_reset,
    .restored = gicv2_restored,
    .free = free,
};

static void virtual_ended(void *context, unsigned intid)
{
    gicv2_deactivate(context, intid);
}

struct gicv2 *gicv2_create(const struct gicv2_config *config)
{
    assert(config->cpu_count >= 1 && config->cpu_count <= GICV2_MAX_CPUS);
    assert(config->spi_count % 32 == 0 && config->spi_count <= GICV2_MAX_SPIS);
    struct gicv2 *gic = host_alloc(1, sizeof *gic);
    gic->cpu_count = config->cpu_count;
    gic->block_count = 1 + config->spi_count / 32;
    gic->bus = config->bus;
    for (unsigned i = 0; i < gic->cpu_count; i++) {
        struct gicv2_cpu *cpu = &gic->cpu[i];
        cpu->wire[0] = config->fiq[i];
        cpu->wire[1] = config->irq[i];
        cpu->index = i;
        cpu->gic = gic;
        cpu->best.intid = GIC_SPURIOUS;
        cpu->virtual_.version_2 = true;
        cpu->virtual_.wire[0] = config->virtual_fiq[i];
        cpu->virtual_.wire[1] = config->virtual_irq[i];
        cpu->virtual_.maintenance_wire = (struct irq_line){set_ppi, cpu, 16 + GICV2_PPI_MAINTENANCE};
        cpu->virtual_.deactivate = virtual_ended;
        cpu->virtual_.context = cpu;
    }
    return gic;
}
