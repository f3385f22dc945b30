/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The board's interrupt controller, wired to the CPUs, and what makes interrupts of messages on PCI. */
#include "machine/board_parts.h"
#include <libfdt.h>
#include <string.h>
#include "machine/fdt_write.h"
#include "machine/firmware.h"
#include "peripherals/gicv2.h"
#include "peripherals/gicv2m.h"
#include "peripherals/gicv3.h"
#include "peripherals/gicv3_its.h"

/* --- interrupts ------------------------------------------------------------------------------------ */

bool board_has_pci(const struct machine *machine)
{
    const struct run_options *options = machine->options;
    bool needed = options->bus == BUS_CHOICE_PCI || options->input == INPUT_CHOICE_USB;
    for (unsigned i = 0; i < options->disk_count; i++)
        needed = needed || options->disks[i].attachment == DISK_ATTACH_NVME;
    return needed;
}

bool board_has_gic2(const struct machine *machine)
{
    return machine->options->gic == GIC_VERSION_2;
}

struct irq_line board_spi(const struct machine *machine, unsigned spi)
{
    void *gic = machine->devices[0].instance;
    return board_has_gic2(machine) ? gicv2_spi(gic, spi) : gicv3_spi(gic, spi);
}

static void cpu_input(void *cpu, unsigned number, bool level)
{
    cpu_set_interrupt(cpu, (enum cpu_interrupt)number, level);
}

/* The CPUs' own interrupts. */
static void wire_ppis(struct machine *machine, struct irq_line (*ppi)(const struct machine *, unsigned, unsigned))
{
    for (unsigned i = 0; i < machine->cpu_count; i++) {
        struct cpu *cpu = machine->cpus[i];
        cpu->timer_wires.virt = ppi(machine, i, BOARD_PPI_TIMER_VIRT);
        cpu->timer_wires.phys = ppi(machine, i, BOARD_PPI_TIMER_PHYS);
        cpu->timer_wires.hyp = ppi(machine, i, BOARD_PPI_TIMER_HYP);
        cpu->timer_wires.hyp_virt = ppi(machine, i, BOARD_PPI_TIMER_HYP_VIRT);
        cpu->pmu_wire = ppi(machine, i, BOARD_PPI_PMU);
    }
}

static struct irq_line ppi_of_gic3(const struct machine *machine, unsigned cpu, unsigned ppi)
{
    return gicv3_ppi(machine->devices[0].instance, cpu, ppi);
}

static struct irq_line ppi_of_gic2(const struct machine *machine, unsigned cpu, unsigned ppi)
{
    return gicv2_ppi(machine->devices[0].instance, cpu, ppi);
}

static void build_gic3(struct machine *machine, const struct board_row *row)
{
    struct gicv3_cpu_config cpus[MAX_CPUS];
    for (unsigned i = 0; i < machine->cpu_count; i++)
        cpus[i] = (struct gicv3_cpu_config){
            .mpidr = machine->cpus[i]->mpidr,
            .irq = {cpu_input, machine->cpus[i], CPU_IRQ},
            .fiq = {cpu_input, machine->cpus[i], CPU_FIQ},
            .virtual_irq = {cpu_input, machine->cpus[i], CPU_VIRTUAL_IRQ},
            .virtual_fiq = {cpu_input, machine->cpus[i], CPU_VIRTUAL_FIQ},
        };
    struct gicv3 *gic = gicv3_create(
        &(struct gicv3_config){.cpus = cpus,
                               .cpu_count = machine->cpu_count,
                               .spi_count = BOARD_SPI_COUNT,
                               .lpi_bus = board_has_pci(machine) ? &machine->bus : NULL,
                               .firmware_setup = true});
    machine_add_device(machine, &gicv3_class, row->name, gic);
    bus_add_window(&machine->bus, "gic-distributor", row->base, GICV3_DIST_WINDOW_BYTES, &gicv3_dist_mmio, gic);
    bus_add_window(&machine->bus, "gic-redistributors", GIC_REDIST_BASE,
                   machine->cpu_count * (uint64_t)GICV3_REDIST_WINDOW_BYTES, &gicv3_redist_mmio, gic);
    for (unsigned i = 0; i < machine->cpu_count; i++) {
        machine->cpus[i]->icc = &gicv3_icc;
        machine->cpus[i]->icc_gic = gic;
    }
    wire_ppis(machine, ppi_of_gic3);
}

static void build_gic2(struct machine *machine, const struct board_row *row)
{
    struct gicv2_config config = {
        .bus = &machine->bus, .cpu_count = machine->cpu_count, .spi_count = BOARD_SPI_COUNT};
    for (unsigned i = 0; i < machine->cpu_count; i++) {
        config.irq[i] = (struct irq_line){cpu_input, machine->cpus[i], CPU_IRQ};
        config.fiq[i] = (struct irq_line){cpu_input, machine->cpus[i], CPU_FIQ};
        config.virtual_irq[i] = (struct irq_line){cpu_input, machine->cpus[i], CPU_VIRTUAL_IRQ};
        config.virtual_fiq[i] = (struct irq_line){cpu_input, machine->cpus[i], CPU_VIRTUAL_FIQ};
    }
    struct gicv2 *gic = gicv2_create(&config);
    machine_add_device(machine, &gicv2_class, row->name, gic);
    bus_add_window(&machine->bus, "gic-distributor", row->base, GICV2_DIST_WINDOW_BYTES, &gicv2_dist_mmio, gic);
    bus_add_window(&machine->bus, "gic-cpu-interface", GIC2_CPU_BASE, GICV2_CPU_WINDOW_BYTES, &gicv2_cpu_mmio, gic);
    if (machine->options->el2) {
        bus_add_window(&machine->bus, "gic-hypervisor", GIC2_HYP_BASE, GICV2_VIRTUAL_WINDOW_BYTES,
                       &gicv2_hyp_mmio, gic);
        bus_add_window(&machine->bus, "gic-virtual", GIC2_VIRTUAL_BASE, GICV2_VIRTUAL_WINDOW_BYTES,
                       &gicv2_virtual_mmio, gic);
    }
    wire_ppis(machine, ppi_of_gic2);
}

bool board_build_gic(struct machine *machine, const struct board_row *row, struct error *error)
{
    if (board_has_gic2(machine))
        build_gic2(machine, row);
    else
        build_gic3(machine, row);
    return true;
}

/* --- messages on PCI ------------------------------------------------------------------------------- */

/* What makes LPIs of messages, or SPIs where the controller has none. */
static void build_frame(struct machine *machine)
{
    struct gicv2m_config config = {.first_intid = 32 + GIC2_MSI_SPI, .count = GIC2_MSI_SPIS};
    for (unsigned i = 0; i < config.count; i++)
        config.spi[i] = board_spi(machine, GIC2_MSI_SPI + i);
    struct gicv2m *frame = gicv2m_create(&config);
    machine_add_device(machine, &gicv2m_class, "msi-frame", frame);
    bus_add_window(&machine->bus, "msi-frame", GIC2_MSI_BASE, GICV2M_WINDOW_BYTES, &gicv2m_mmio, frame);
}

bool board_build_its(struct machine *machine, const struct board_row *row, struct error *error)
{
    if (!board_has_pci(machine))
        return true;
    if (board_has_gic2(machine)) {
        build_frame(machine);
        return true;
    }
    machine->its = gicv3_its_create(machine->devices[0].instance, &machine->bus);
    machine_add_device(machine, &gicv3_its_class, row->name, machine->its);
    bus_add_window(&machine->bus, row->name, row->base, row->size_bytes, &gicv3_its_mmio, machine->its);
    return true;
}

/* --- the device tree ------------------------------------------------------------------------------- */

/* The child that PCI's msi-map leads to. */
static void describe_msi(const struct machine *machine, void *fdt)
{
    bool frame = board_has_gic2(machine);
    fdt_property_cell(fdt, "#address-cells", 2);
    fdt_property_cell(fdt, "#size-cells", 2);
    fdt_property(fdt, "ranges", NULL, 0);
    fdt_node_at(fdt, frame ? "v2m" : "its", frame ? GIC2_MSI_BASE : ITS_BASE);
    fdt_property_string(fdt, "compatible", frame ? "arm,gic-v2m-frame" : "arm,gic-v3-its");
    fdt_property(fdt, "msi-controller", NULL, 0);
    fdt_property_cell(fdt, "#msi-cells", 1);
    if (frame)
        fdt_property_pairs(fdt, "reg", 2, (const uint64_t[]){GIC2_MSI_BASE, GICV2M_WINDOW_BYTES});
    else
        fdt_property_pairs(fdt, "reg", 2, (const uint64_t[]){ITS_BASE, GICV3_ITS_WINDOW_BYTES});
    fdt_property_cell(fdt, "phandle", PHANDLE_MSI);
    fdt_end_node(fdt);
}

static void describe_gic3(const struct machine *machine, const struct board_row *row, void *fdt)
{
    fdt_property_string(fdt, "compatible", "arm,gic-v3");
    fdt_property_cell(fdt, "#redistributor-regions", 1);
    fdt_property_pairs(fdt, "reg", 4,
                       (const uint64_t[]){row->base, GICV3_DIST_WINDOW_BYTES, GIC_REDIST_BASE,
                                          machine->cpu_count * (uint64_t)GICV3_REDIST_WINDOW_BYTES});
}

static void describe_gic2(const struct machine *machine, const struct board_row *row, void *fdt)
{
    static const char compatible[] = "arm,gic-400\0arm,cortex-a15-gic"; /* EDK2 knows the second one alone */
    fdt_property(fdt, "compatible", compatible, sizeof compatible);
    fdt_property_pairs(fdt, "reg", machine->options->el2 ? 8 : 4,
                       (const uint64_t[]){row->base, GICV2_DIST_WINDOW_BYTES, GIC2_CPU_BASE, GICV2_CPU_WINDOW_BYTES,
                                          GIC2_HYP_BASE, GICV2_VIRTUAL_WINDOW_BYTES, GIC2_VIRTUAL_BASE,
                                          GICV2_VIRTUAL_WINDOW_BYTES});
}

void board_describe_gic(const struct machine *machine, const struct board_row *row, void *fdt)
{
    fdt_node_at(fdt, "intc", row->base);
    if (board_has_gic2(machine))
        describe_gic2(machine, row, fdt);
    else
        describe_gic3(machine, row, fdt);
    if (machine->options->el2)
        fdt_property_cells(fdt, "interrupts", 3, (const uint32_t[]){1, GICV3_PPI_MAINTENANCE, 4});
    if (!board_has_pci(machine))
        fdt_property_cell(fdt, "#address-cells", 0);
    fdt_property_cell(fdt, "#interrupt-cells", 3);
    fdt_property(fdt, "interrupt-controller", NULL, 0);
    fdt_property_cell(fdt, "phandle", PHANDLE_GIC);
    if (board_has_pci(machine))
        describe_msi(machine, fdt);
    fdt_end_node(fdt);
}
