/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What firmware runs from and asks: flash, fw_cfg, and what that tells of the board. */
#include "machine/board_parts.h"
#include <assert.h>
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "machine/acpi.h"
#include "machine/fdt_write.h"
#include "machine/firmware.h"
#include "machine/smbios.h"
#include "peripherals/disk/disk_open.h"
#include "peripherals/flash.h"
#include "peripherals/fw_cfg.h"
#include "peripherals/gicv3.h"
#include "peripherals/pci.h"
#include "peripherals/pl061.h"

/* --- firmware -------------------------------------------------------------------------------------- */

void board_describe_nothing(const struct machine *machine, const struct board_row *row, void *fdt)
{
}

/* What the banks of such a machine hold comes with it. */
static bool comes_from_elsewhere(const struct machine *machine)
{
    return machine->options->restore || machine->options->incoming;
}

bool board_build_flash(struct machine *machine, const struct board_row *row, struct error *error)
{
    static_assert(FLASH_BANK_BYTES == BOARD_FLASH_BANK_BYTES, "the bus has room for a bank");
    struct flash *flash = flash_create(&(struct flash_config){.bus = &machine->bus, .is_rom = true}, error);
    if (!flash)
        return false;
    board_add_device(machine, row, &flash_class, &flash_mmio, flash);
    if (!machine->options->firmware || comes_from_elsewhere(machine))
        return true;
    struct file file;
    if (!firmware_read(machine->options, FLASH_BANK_BYTES, &file, error))
        return false;
    flash_load(flash, file.bytes, file.length);
    file_free(&file);
    return true;
}

bool board_build_flash_vars(struct machine *machine, const struct board_row *row, struct error *error)
{
    const char *path = comes_from_elsewhere(machine) ? NULL : machine->options->firmware_vars;
    struct disk *backing = NULL;
    if (path && (!firmware_make_vars(path, FLASH_BANK_BYTES, error) || !(backing = disk_raw_open(path, false, error))))
        return false;
    struct flash *flash = flash_create(&(struct flash_config){.bus = &machine->bus, .backing = backing}, error);
    if (!flash)
        return false;
    board_add_device(machine, row, &flash_class, &flash_mmio, flash);
    return true;
}

/* Both banks. */
void board_describe_flash(const struct machine *machine, const struct board_row *row, void *fdt)
{
    fdt_node_at(fdt, "flash", row->base);
    fdt_property_string(fdt, "compatible", "cfi-flash");
    fdt_property_pairs(fdt, "reg", 4,
                       (const uint64_t[]){row->base, row->size_bytes, row->base + row->size_bytes, row->size_bytes});
    fdt_property_cell(fdt, "bank-width", 4);
    fdt_end_node(fdt);
}

bool board_build_fw_cfg(struct machine *machine, const struct board_row *row, struct error *error)
{
    machine->fw_cfg = fw_cfg_create(&machine->bus);
    board_add_device(machine, row, &fw_cfg_class, &fw_cfg_mmio, machine->fw_cfg);
    return firmware_describe(machine->options, machine->fw_cfg, error);
}

void board_describe_fw_cfg(const struct machine *machine, const struct board_row *row, void *fdt)
{
    fdt_node_at(fdt, "fw-cfg", row->base);
    fdt_property_string(fdt, "compatible", "qemu,fw-cfg-mmio");
    fdt_property_pairs(fdt, "reg", 2, (const uint64_t[]){row->base, row->size_bytes});
    fdt_property(fdt, "dma-coherent", NULL, 0);
    fdt_end_node(fdt);
}

/* --- what firmware is told of the board ------------------------------------------------------------ */

/* An INTID from the numbers that the device tree has. */
static unsigned spi_gsi(unsigned spi)
{
    return 32 + spi;
}

static unsigned ppi_gsi(enum board_ppi ppi)
{
    return 16 + ppi;
}

static void tell_acpi(struct machine *machine)
{
    uint64_t mpidrs[MAX_CPUS];
    for (unsigned i = 0; i < machine->cpu_count; i++)
        mpidrs[i] = machine->cpus[i]->mpidr & 0xff00ffffff;
    const struct board_row *virtio = board_find_row("virtio"), *pci = board_find_row("pci0");
    struct acpi_board told = {
        .cpu_count = machine->cpu_count,
        .mpidrs = mpidrs,
        .timer_gsi = {ppi_gsi(BOARD_PPI_TIMER_SECURE), ppi_gsi(BOARD_PPI_TIMER_PHYS), ppi_gsi(BOARD_PPI_TIMER_VIRT),
                      ppi_gsi(BOARD_PPI_TIMER_HYP)},
        .maintenance_gsi = machine->options->el2 ? ppi_gsi(GICV3_PPI_MAINTENANCE) : 0,
        .pmu_gsi = ppi_gsi(BOARD_PPI_PMU),
        .gic_dist = board_find_row("gic")->base,
        .uart = board_find_row("uart0")->base,
        .uart_gsi = spi_gsi(board_find_row("uart0")->spi),
        .gpio = board_find_row("gpio0")->base,
        .gpio_gsi = spi_gsi(board_find_row("gpio0")->spi),
        .power_key_pin = PL061_POWER_KEY_PIN,
        .fw_cfg = board_find_row("fw-cfg")->base,
        .pvpanic = board_find_row("pvpanic")->base,
        .flash = BOARD_FLASH_BASE,
        .flash_bytes = FLASH_BANK_BYTES,
        .virtio = virtio->base,
        .virtio_bytes = virtio->size_bytes,
        .virtio_count = board_virtio_on_pci(machine) ? 0 : BOARD_VIRTIO_SLOTS,
        .virtio_gsi = spi_gsi(virtio->spi),
    };
    if (board_has_gic2(machine)) {
        told.gic2_cpu = GIC2_CPU_BASE;
        told.gic2_hyp = machine->options->el2 ? GIC2_HYP_BASE : 0;
        told.gic2_virtual = machine->options->el2 ? GIC2_VIRTUAL_BASE : 0;
    } else {
        told.gic_redist = GIC_REDIST_BASE;
        told.gic_redist_bytes = machine->cpu_count * (uint64_t)GICV3_REDIST_WINDOW_BYTES;
    }
    if (machine->pci && board_has_gic2(machine)) {
        told.gic2_msi = GIC2_MSI_BASE;
        told.gic2_msi_gsi = spi_gsi(GIC2_MSI_SPI);
        told.gic2_msi_count = GIC2_MSI_SPIS;
    } else if (machine->pci) {
        told.gic_its = ITS_BASE;
    }
    if (machine->pci) {
        told.ecam = pci->base;
        told.pci_gsi = spi_gsi(pci->spi);
        told.pci_memory = pci_places[0].base;
        told.pci_memory_bytes = pci_places[0].size_bytes;
        told.pci_io = pci_places[1].base;
        told.pci_io_bytes = pci_places[1].size_bytes;
        told.pci_memory64 = pci_places[2].base;
        told.pci_memory64_bytes = pci_places[2].size_bytes;
    }
    struct acpi_files files;
    acpi_make(&told, &files);
    fw_cfg_add_file(machine->fw_cfg, "etc/acpi/tables", files.tables.bytes, files.tables.length);
    fw_cfg_add_file(machine->fw_cfg, "etc/acpi/rsdp", files.rsdp.bytes, files.rsdp.length);
    fw_cfg_add_file(machine->fw_cfg, "etc/table-loader", files.loader.bytes, files.loader.length);
    acpi_free(&files);
}

static void tell_smbios(struct machine *machine)
{
    struct smbios_files files;
    smbios_make(machine->cpu_count, BOARD_RAM_BASE, machine->bus.ram.size_bytes, &files);
    fw_cfg_add_file(machine->fw_cfg, "etc/smbios/smbios-tables", files.tables, files.tables_bytes);
    fw_cfg_add_file(machine->fw_cfg, "etc/smbios/smbios-anchor", files.anchor, sizeof files.anchor);
}

/* Disks are booted from in their order (as Open Firmware would name them). Where there are none firmware has its own.
 */
static void tell_boot_order(struct machine *machine)
{
    char order[MAX_DISKS * sizeof machine->boot_paths[0]];
    size_t length = 0;
    for (unsigned i = 0; i < machine->options->disk_count; i++)
        length += (size_t)snprintf(order + length, sizeof order - length, "%s\n", machine->boot_paths[i]);
    if (length)
        fw_cfg_add_file(machine->fw_cfg, "bootorder", order, length + 1);
}

void board_tell_firmware(struct machine *machine)
{
    tell_acpi(machine);
    tell_smbios(machine);
    tell_boot_order(machine);
}
