/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The board's interrupt controller and its translation service, wired to the CPUs. */
#include "machine/board_parts.h"
#include <libfdt.h>
#include <string.h>
#include "machine/fdt_write.h"
#include "machine/firmware.h"
#include "peripherals/gicv3.h"
#include "peripherals/gicv3_its.h"

/* --- interrupts ------------------------------------------------------------------------------------ */

bool board_has_pci(const struct machine *machine)
{
    const struct run_options *options = machine->options;
    bool needed = options->bus == BUS_CHOICE_PCI;
    for (unsigned i = 0; i < options->disk_count; i++)
        needed = needed || options->disks[i].attachment == DISK_ATTACH_NVME;
    return needed;
}

struct irq_line board_spi(const struct machine *machine, unsigned spi)
{
    return gicv3_spi(machine->devices[0].instance, spi);
}

static void cpu_input(void *cpu, unsigned number, bool level)
{
    cpu_set_interrupt(cpu, (enum cpu_interrupt)number, level);
}

bool board_build_gic(struct machine *machine, const struct board_row *row, struct error *error)
{
    struct gicv3_cpu_config cpus[MAX_CPUS];
    for (unsigned i = 0; i < machine->cpu_count; i++)
        cpus[i] = (struct gicv3_cpu_config){
            .mpidr = machine->cpus[i]->mpidr,
            .irq = {cpu_input, machine->cpus[i], CPU_IRQ},
            .fiq = {cpu_input, machine->cpus[i], CPU_FIQ},
        };
    struct gicv3 *gic = gicv3_create(
        &(struct gicv3_config){.cpus = cpus,
                               .cpu_count = machine->cpu_count,
                               .spi_count = BOARD_SPI_COUNT,
                               .lpi_bus = board_has_pci(machine) ? &machine->bus : NULL,
                               .firmware_setup = true});
    machine_add_device(machine, &gicv3_class, row->name, gic);
    bus_add_window(&machine->bus, "gic-distributor", row->base, row->size_bytes, &gicv3_dist_mmio, gic);
    bus_add_window(&machine->bus, "gic-redistributors", GIC_REDIST_BASE,
                   machine->cpu_count * (uint64_t)GICV3_REDIST_WINDOW_BYTES, &gicv3_redist_mmio, gic);
    for (unsigned i = 0; i < machine->cpu_count; i++) {
        struct cpu *cpu = machine->cpus[i];
        cpu->icc = &gicv3_icc;
        cpu->icc_gic = gic;
        cpu->timer_wires.virt = gicv3_ppi(gic, i, BOARD_PPI_TIMER_VIRT);
        cpu->timer_wires.phys = gicv3_ppi(gic, i, BOARD_PPI_TIMER_PHYS);
        cpu->pmu_wire = gicv3_ppi(gic, i, BOARD_PPI_PMU);
    }
    return true;
}

/* What makes LPIs of the messages on PCI. */
bool board_build_its(struct machine *machine, const struct board_row *row, struct error *error)
{
    if (!board_has_pci(machine))
        return true;
    machine->its = gicv3_its_create(machine->devices[0].instance, &machine->bus);
    machine_add_device(machine, &gicv3_its_class, row->name, machine->its);
    bus_add_window(&machine->bus, row->name, row->base, row->size_bytes, &gicv3_its_mmio, machine->its);
    return true;
}

static void describe_its(void *fdt)
{
    fdt_property_cell(fdt, "#address-cells", 2);
    fdt_property_cell(fdt, "#size-cells", 2);
    fdt_property(fdt, "ranges", NULL, 0);
    fdt_node_at(fdt, "its", ITS_BASE);
    fdt_property_string(fdt, "compatible", "arm,gic-v3-its");
    fdt_property(fdt, "msi-controller", NULL, 0);
    fdt_property_cell(fdt, "#msi-cells", 1);
    fdt_property_pairs(fdt, "reg", 2, (const uint64_t[]){ITS_BASE, GICV3_ITS_WINDOW_BYTES});
    fdt_property_cell(fdt, "phandle", PHANDLE_ITS);
    fdt_end_node(fdt);
}

void board_describe_gic(const struct machine *machine, const struct board_row *row, void *fdt)
{
    fdt_node_at(fdt, "intc", row->base);
    fdt_property_string(fdt, "compatible", "arm,gic-v3");
    if (!board_has_pci(machine))
        fdt_property_cell(fdt, "#address-cells", 0);
    fdt_property_cell(fdt, "#interrupt-cells", 3);
    fdt_property(fdt, "interrupt-controller", NULL, 0);
    fdt_property_cell(fdt, "#redistributor-regions", 1);
    fdt_property_pairs(fdt, "reg", 4,
                       (const uint64_t[]){row->base, row->size_bytes, GIC_REDIST_BASE,
                                          machine->cpu_count * (uint64_t)GICV3_REDIST_WINDOW_BYTES});
    fdt_property_cell(fdt, "phandle", PHANDLE_GIC);
    if (board_has_pci(machine))
        describe_its(fdt);
    fdt_end_node(fdt);
}
