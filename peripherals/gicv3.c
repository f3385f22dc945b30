/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Interrupt controller: its state as a whole, the wires into it, creation and reset. */
#include "peripherals/gicv3_internal.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define AFFINITY_MASK 0xff00ffffffull

static const struct field cpu_field_list[] = {
    FIELD_STRUCT(struct gic_cpu, private, &gic_block_fields),
    FIELD(struct gic_cpu, asleep),
    FIELD(struct gic_cpu, priority_mask),
    FIELD(struct gic_cpu, control),
    FIELD_ARRAY(struct gic_cpu, binary_point),
    FIELD_ARRAY(struct gic_cpu, group_enable),
    FIELD_ARRAY(struct gic_cpu, active_priorities),
    FIELD(struct gic_cpu, lpis_enabled),
    FIELD(struct gic_cpu, lpi_properties),
    FIELD(struct gic_cpu, lpi_pending),
    FIELD(struct gic_cpu, best_lpi),
    FIELD(struct gic_cpu, best_lpi_priority),
    FIELD_HOST(struct gic_cpu, targeted),
    FIELD_HOST(struct gic_cpu, best),
    FIELD_HOST(struct gic_cpu, signalled),
    FIELD_HOST(struct gic_cpu, wire),
    FIELD_HOST(struct gic_cpu, affinity),
    FIELD_HOST(struct gic_cpu, index),
    FIELD_HOST(struct gic_cpu, gic),
    FIELDS_END,
};
static const struct fields cpu_fields_of_gic = {"gic_cpu", sizeof(struct gic_cpu), cpu_field_list};

static const struct field gic_field_list[] = {
    FIELD(struct gicv3, group_enable),   FIELD_STRUCT_ARRAY(struct gicv3, block, &gic_block_fields),
    FIELD_ARRAY(struct gicv3, router),   FIELD_STRUCT_ARRAY(struct gicv3, cpu, &cpu_fields_of_gic),
    FIELD_HOST(struct gicv3, cpu_count), FIELD_HOST(struct gicv3, block_count),
    FIELD_HOST(struct gicv3, firmware_setup),
    FIELD_HOST(struct gicv3, lpi_bus),
    FIELD_HOST(struct gicv3, target),    FIELDS_END,
};
static const struct fields gic_fields = {"gicv3", sizeof(struct gicv3), gic_field_list};

static void set_spi(void *receiver, unsigned number, bool level)
{
    struct gicv3 *gic = receiver;
    if (gic_block_set_level(&gic->block[1 + number / 32], 1u << number % 32, level) &&
        gic->target[number] != GIC_NO_TARGET)
        gic_update(&gic->cpu[gic->target[number]]);
}

static void set_ppi(void *receiver, unsigned number, bool level)
{
    struct gic_cpu *cpu = receiver;
    if (gic_block_set_level(&cpu->private, 1u << number, level))
        gic_update(cpu);
}

struct irq_line gicv3_spi(struct gicv3 *gic, unsigned spi)
{
    assert(spi / 32 + 1 < gic->block_count);
    return (struct irq_line){set_spi, gic, spi};
}

struct irq_line gicv3_ppi(struct gicv3 *gic, unsigned cpu, unsigned ppi)
{
    assert(cpu < gic->cpu_count && ppi < 16);
    return (struct irq_line){set_ppi, &gic->cpu[cpu], 16 + ppi};
}

void *gicv3_redist(struct gicv3 *gic, unsigned cpu)
{
    assert(cpu < gic->cpu_count);
    return &gic->cpu[cpu];
}

/* Saved state comes from a file: what the registers could not hold must not get in that way either. */
static void bound_lpis(struct gic_cpu *cpu)
{
    cpu->lpis_enabled = cpu->lpis_enabled && cpu->gic->lpi_bus;
    if (!cpu->lpis_enabled || cpu->best_lpi < GICV3_FIRST_LPI || cpu->best_lpi >> GICV3_INTID_BITS)
        cpu->best_lpi = 0;
    cpu->best_lpi_priority = cpu->best_lpi ? cpu->best_lpi_priority & GIC_PRIORITY_MASK : 0;
}

/* Derived state from the saved, and the wires driven to it whatever they carried. */
static void gic_restored(void *device)
{
    struct gicv3 *gic = device;
    for (unsigned i = 0; i < gic->cpu_count; i++) {
        memset(gic->cpu[i].targeted, 0, sizeof gic->cpu[i].targeted);
        gic_bound_binary_points(gic->cpu[i].binary_point);
        bound_lpis(&gic->cpu[i]);
    }
    memset(gic->target, GIC_NO_TARGET, sizeof gic->target);
    for (unsigned spi = 0; spi < 32 * (gic->block_count - 1); spi++)
        gic_route(gic, spi);
    gic_update_all(gic);
    for (unsigned i = 0; i < gic->cpu_count; i++) {
        for (unsigned group = 0; group < 2; group++)
            irq_set(&gic->cpu[i].wire[group], gic->cpu[i].signalled[group]);
    }
}

/* The wires' levels are not the controller's to reset: they belong to those who drive them. */
static void gic_reset(void *device)
{
    struct gicv3 *gic = device;
    gic->group_enable = 0;
    for (unsigned i = 0; i < GIC_BLOCKS; i++)
        gic_block_reset(&gic->block[i], 0);
    memset(gic->router, 0, sizeof gic->router);
    for (unsigned i = 0; i < gic->cpu_count; i++) {
        struct gic_cpu *cpu = &gic->cpu[i];
        gic_block_reset(&cpu->private, GIC_SGI_MASK);
        cpu->asleep = !gic->firmware_setup;
        cpu->priority_mask = 0;
        cpu->control = 0;
        cpu->binary_point[0] = GIC_LEAST_POINT;
        cpu->binary_point[1] = GIC_LEAST_POINT + 1;
        cpu->lpis_enabled = cpu->best_lpi = cpu->best_lpi_priority = 0;
        cpu->lpi_properties = cpu->lpi_pending = 0;
        memset(cpu->group_enable, 0, sizeof cpu->group_enable);
        memset(cpu->active_priorities, 0, sizeof cpu->active_priorities);
    }
    gic_restored(gic);
}

const struct device_class gicv3_class = {
    .name = "gicv3",
    .state = &gic_fields,
    .regs = &gic_dist_bank,
    .reset = gic_reset,
    .restored = gic_restored,
    .free = free,
};

struct gicv3 *gicv3_create(const struct gicv3_config *config)
{
    assert(config->cpu_count >= 1 && config->cpu_count <= GICV3_MAX_CPUS);
    assert(config->spi_count % 32 == 0 && config->spi_count <= GICV3_MAX_SPIS);
    struct gicv3 *gic = host_alloc(1, sizeof *gic);
    gic->cpu_count = config->cpu_count;
    gic->block_count = 1 + config->spi_count / 32;
    gic->firmware_setup = config->firmware_setup;
    gic->lpi_bus = config->lpi_bus;
    for (unsigned i = 0; i < gic->cpu_count; i++) {
        struct gic_cpu *cpu = &gic->cpu[i];
        cpu->wire[0] = config->cpus[i].fiq;
        cpu->wire[1] = config->cpus[i].irq;
        cpu->affinity = config->cpus[i].mpidr & AFFINITY_MASK;
        cpu->index = i;
        cpu->gic = gic;
        cpu->best.intid = GIC_SPURIOUS;
    }
    return gic;
}
