/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The board's PCI Express host bridge. */
#include "machine/board_parts.h"
#include <libfdt.h>
#include <string.h>
#include "machine/fdt_write.h"
#include "peripherals/gicv2m.h"
#include "peripherals/gicv3.h"
#include "peripherals/gicv3_its.h"
#include "peripherals/pci.h"

/* --- PCI Express ----------------------------------------------------------------------------------- */

const struct pci_place pci_places[PCI_PLACES] = {
    {"pci-memory", 0x10000000, 0x2eff0000, &pci_memory32_mmio, 0x02000000, 0x10000000},
    {"pci-io", 0x3eff0000, 0x10000, &pci_io_mmio, 0x01000000, 0},
    {"pci-memory64", 0x8000000000, 0x8000000000, &pci_memory64_mmio, 0x03000000, 0x8000000000},
};

/* A message on PCI: to what makes interrupts of them, or a write to memory like any other. */
static void pci_message(void *context, uint32_t requester, uint64_t address, uint32_t data)
{
    struct machine *machine = context;
    if (machine->its && address == ITS_BASE + GICV3_ITS_TRANSLATER)
        gicv3_its_message(machine->its, requester, data);
    else if (!machine->its && address == GIC2_MSI_BASE + GICV2M_SETSPI)
        bus_mmio_write(&machine->bus, address, sizeof data, data);
    else
        bus_dma_write(&machine->bus, address, &data, sizeof data);
}

bool board_build_pci(struct machine *machine, const struct board_row *row, struct error *error)
{
    if (!board_has_pci(machine))
        return true;
    struct pci_host_config config = {.message = pci_message,
                                     .context = machine,
                                     .memory32_base = pci_places[0].base,
                                     .memory64_base = pci_places[2].base};
    for (unsigned pin = 0; pin < PCI_PINS; pin++)
        config.pins[pin] = board_spi(machine, row->spi + pin);
    machine->pci = pci_host_create(&config);
    board_add_device(machine, row, &pci_host_class, &pci_ecam_mmio, machine->pci);
    for (unsigned i = 0; i < PCI_PLACES; i++)
        bus_add_window(&machine->bus, pci_places[i].name, pci_places[i].base, pci_places[i].size_bytes,
                       pci_places[i].ops, machine->pci);
    return true;
}

/* Which interrupt a slot's pin leads to: four slots by four pins, then again. */
static void describe_pci_pins(const struct board_row *row, void *fdt)
{
    fdt32_t map[PCI_PINS * PCI_PINS][10] = {{0}};
    for (unsigned i = 0; i < PCI_PINS * PCI_PINS; i++) {
        unsigned slot = i / PCI_PINS, pin = i % PCI_PINS;
        map[i][0] = cpu_to_fdt32(slot << 11);
        map[i][3] = cpu_to_fdt32(pin + 1);
        map[i][4] = cpu_to_fdt32(PHANDLE_GIC); /* two cells of an address that means nothing follow */
        map[i][8] = cpu_to_fdt32(row->spi + (slot + pin) % PCI_PINS);
        map[i][9] = cpu_to_fdt32(4);
    }
    fdt_property(fdt, "interrupt-map", map, sizeof map);
    fdt_property_cells(fdt, "interrupt-map-mask", 4, (const uint32_t[]){(PCI_PINS - 1) << 11, 0, 0, 7});
}

void board_describe_pci(const struct machine *machine, const struct board_row *row, void *fdt)
{
    if (!board_has_pci(machine))
        return;
    uint32_t ranges[PCI_PLACES * 7];
    for (unsigned i = 0; i < PCI_PLACES; i++) {
        const struct pci_place *place = &pci_places[i];
        const uint64_t numbers[3] = {place->bus_base, place->base, place->size_bytes};
        ranges[7 * i] = place->space;
        for (unsigned n = 0; n < 6; n++)
            ranges[7 * i + 1 + n] = (uint32_t)(numbers[n / 2] >> (n % 2 ? 0 : 32));
    }
    fdt_node_at(fdt, "pcie", pci_places[0].base);
    fdt_property_string(fdt, "compatible", "pci-host-ecam-generic");
    fdt_property_string(fdt, "device_type", "pci");
    fdt_property_cell(fdt, "#address-cells", 3);
    fdt_property_cell(fdt, "#size-cells", 2);
    fdt_property_cell(fdt, "#interrupt-cells", 1);
    fdt_property_cell(fdt, "linux,pci-domain", 0);
    fdt_property_cells(fdt, "bus-range", 2, (const uint32_t[]){0, 255});
    fdt_property_pairs(fdt, "reg", 2, (const uint64_t[]){row->base, row->size_bytes});
    fdt_property_cells(fdt, "ranges", PCI_PLACES * 7, ranges);
    fdt_property(fdt, "dma-coherent", NULL, 0);
    fdt_property_cells(fdt, "msi-map", 4, (const uint32_t[]){0, PHANDLE_MSI, 0, 0x10000});
    describe_pci_pins(row, fdt);
    fdt_end_node(fdt);
}
