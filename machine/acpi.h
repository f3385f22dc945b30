/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The board as ACPI tables (ACPI 6.3), which firmware takes through fw_cfg: the tables, and commands that say where
 * addresses and checksums go once it has put them somewhere. */
#ifndef ARMATURE_ACPI_H
#define ARMATURE_ACPI_H

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>

/** What the tables tell of the board. Interrupts are GSIs: INTIDs. */
struct acpi_board {
    unsigned cpu_count;
    const uint64_t *mpidrs; /* of each CPU: its affinity */
    unsigned timer_gsi[4];  /* secure EL1, EL1, virtual, EL2 */
    unsigned pmu_gsi;
    unsigned maintenance_gsi; /* of the virtual interfaces; 0: there is no EL2, and PSCI is called by HVC */
    uint64_t gic_dist, gic_redist, gic_redist_bytes, gic_its; /* gic_its 0: there is none */
    uint64_t gic2_cpu, gic2_msi; /* of a GICv2, in place of redistributors: its CPU interface, its frame for messages */
    uint64_t gic2_hyp, gic2_virtual; /* its virtual interfaces; 0: there are none */
    unsigned gic2_msi_gsi, gic2_msi_count;
    uint64_t uart, rtc, gpio, fw_cfg, pvpanic, flash, flash_bytes; /* flash: of one of two banks */
    unsigned uart_gsi, rtc_gsi, gpio_gsi, power_key_pin;
    uint64_t virtio, virtio_bytes; /* slots */
    unsigned virtio_count, virtio_gsi;
    uint64_t ecam; /* 0: there is no PCI Express */
    uint64_t pci_memory, pci_memory_bytes, pci_io, pci_io_bytes, pci_memory64, pci_memory64_bytes;
    unsigned pci_gsi; /* of pin A of slot 0 */
};

/** Bytes that belong to whoever asked for them; free() them. */
struct acpi_blob {
    uint8_t *bytes;
    size_t length;
};

/** What goes into the files etc/acpi/tables, etc/acpi/rsdp and etc/table-loader. */
struct acpi_files {
    struct acpi_blob tables, rsdp, loader;
};

void acpi_make(const struct acpi_board *board, struct acpi_files *files);
void acpi_free(struct acpi_files *files);

#endif
