/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Interrupt controller: LPIs (IHI 0069, 5.1). What they are like stands in two tables in guest memory: a byte of
 * properties for each (priority, enabled), one table for all CPUs as a rule, and for each CPU a bit for each that is
 * pending. The tables are the truth; of them the most urgent one is kept, found anew whenever software must say that
 * they changed. */
#include <string.h>
#include "peripherals/gicv3_internal.h"

enum { PROPERTY_ENABLED = 1, PROPERTY_PRIORITY = 0xfc };

#define PROPERTIES_ADDRESS 0x000ffffffffff000ull
#define PENDING_ADDRESS    0x000fffffffff0000ull

/* One more than the last INTID whose properties there are (PROPBASER.IDbits). */
static unsigned intid_end(const struct gic_cpu *cpu)
{
    unsigned bits = (cpu->lpi_properties & 31) + 1;
    return 1u << (bits < GICV3_INTID_BITS ? bits : GICV3_INTID_BITS);
}

/* Whether the LPI is enabled, and its priority. Properties that are not in RAM enable nothing. */
static bool enabled_at(const struct gic_cpu *cpu, unsigned intid, uint8_t *priority)
{
    uint64_t at = (cpu->lpi_properties & PROPERTIES_ADDRESS) + (intid - GICV3_FIRST_LPI);
    const uint8_t *property = ram_at(&cpu->gic->lpi_bus->ram, at, 1);
    if (!property || !(*property & PROPERTY_ENABLED))
        return false;
    *priority = *property & PROPERTY_PRIORITY & GIC_PRIORITY_MASK;
    return true;
}

static void consider(struct gic_cpu *cpu, unsigned intid)
{
    uint8_t priority;
    if (intid >= intid_end(cpu) || !enabled_at(cpu, intid, &priority))
        return;
    if (cpu->best_lpi && (priority > cpu->best_lpi_priority ||
                          (priority == cpu->best_lpi_priority && intid >= cpu->best_lpi)))
        return;
    cpu->best_lpi = intid;
    cpu->best_lpi_priority = priority;
}

void gic_find_lpi(struct gic_cpu *cpu)
{
    cpu->best_lpi = cpu->best_lpi_priority = 0;
    if (!cpu->lpis_enabled)
        return;
    unsigned first = GICV3_FIRST_LPI / 8, end = intid_end(cpu) / 8;
    const uint8_t *table =
        end > first ? ram_at(&cpu->gic->lpi_bus->ram, (cpu->lpi_pending & PENDING_ADDRESS) + first, end - first) : NULL;
    for (unsigned at = 0; table && at < end - first; at += 8) {
        uint64_t bits;
        memcpy(&bits, table + at, sizeof bits);
        for (; bits; bits &= bits - 1)
            consider(cpu, 8 * (first + at) + (unsigned)__builtin_ctzll(bits));
    }
}

/* Sets an LPI's bit in the pending table; returns what it was. */
static bool set_pending(struct gic_cpu *cpu, unsigned intid, bool pending)
{
    uint64_t at = (cpu->lpi_pending & PENDING_ADDRESS) + intid / 8;
    uint8_t *byte = bus_dma_writable(cpu->gic->lpi_bus, at, 1), bit = (uint8_t)(1u << intid % 8);
    if (!byte)
        return false;
    bool was = *byte & bit;
    *byte = pending ? *byte | bit : *byte & ~bit;
    return was;
}

void gic_take_lpi(struct gic_cpu *cpu)
{
    set_pending(cpu, cpu->best_lpi, false);
    gic_find_lpi(cpu);
}

bool gicv3_set_lpi(struct gicv3 *gic, unsigned index, unsigned intid, bool pending)
{
    struct gic_cpu *cpu = index < gic->cpu_count ? &gic->cpu[index] : NULL;
    if (!cpu || !cpu->lpis_enabled || intid < GICV3_FIRST_LPI || intid >= intid_end(cpu))
        return false;
    bool was = set_pending(cpu, intid, pending);
    if (pending)
        consider(cpu, intid);
    else if (cpu->best_lpi == intid)
        gic_find_lpi(cpu);
    gic_update(cpu);
    return was;
}

void gicv3_look_at_lpis(struct gicv3 *gic, unsigned index)
{
    if (index >= gic->cpu_count)
        return;
    gic_find_lpi(&gic->cpu[index]);
    gic_update(&gic->cpu[index]);
}

void gicv3_move_lpis(struct gicv3 *gic, unsigned from, unsigned to)
{
    if (from >= gic->cpu_count || to >= gic->cpu_count || from == to || !gic->cpu[from].lpis_enabled ||
        !gic->cpu[to].lpis_enabled)
        return;
    for (unsigned intid = GICV3_FIRST_LPI; intid < intid_end(&gic->cpu[from]); intid++)
        if (set_pending(&gic->cpu[from], intid, false))
            set_pending(&gic->cpu[to], intid, true);
    gicv3_look_at_lpis(gic, from);
    gicv3_look_at_lpis(gic, to);
}
