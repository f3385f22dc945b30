/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the board_ files share: rows of its table, and what builds and describes them. */
#ifndef ARMATURE_BOARD_PARTS_H
#define ARMATURE_BOARD_PARTS_H

#include "machine/board.h"
#include "machine/contract/bus.h"

#define GIC_REDIST_BASE 0x080a0000ull
#define ITS_BASE        0x08080000ull
#define GIC2_CPU_BASE     0x08010000ull /* with --gic 2 */
#define GIC2_MSI_BASE     0x08020000ull
#define GIC2_HYP_BASE     0x08030000ull /* the virtual interfaces, with --el2 */
#define GIC2_VIRTUAL_BASE 0x08040000ull
#define GIC2_MSI_SPI    48u /* the first of those that are for messages */
#define GIC2_MSI_SPIS   64u

/** A row of the table. */
struct board_row {
    const char *name;
    uint64_t base, size_bytes; /* size of one window */
    unsigned spi;
    bool (*build)(struct machine *machine, const struct board_row *row, struct error *error);
    void (*describe)(const struct machine *machine, const struct board_row *row, void *fdt);
};

/* The windows of the bridge beside its configuration space. */
struct pci_place {
    const char *name;
    uint64_t base, size_bytes;
    const struct mmio_ops *ops;
    uint32_t space;    /* of the device tree's binding: I/O, memory of 32 bits, memory of 64 */
    uint64_t bus_base; /* the address on PCI */
};
#define PCI_PLACES 3u
extern const struct pci_place pci_places[PCI_PLACES];

/** Whether the board has PCI Express, and whether its interrupt controller is a GICv2. */
bool board_has_pci(const struct machine *machine);
bool board_has_gic2(const struct machine *machine);

/** Whether the virtio devices are on it. */
bool board_virtio_on_pci(const struct machine *machine);

/** The line of a shared peripheral interrupt. */
struct irq_line board_spi(const struct machine *machine, unsigned spi);

/** Adds a device whose window is the row's. */
void board_add_device(struct machine *machine, const struct board_row *row, const struct device_class *class,
                      const struct mmio_ops *mmio, void *instance);

/** The row of that name, which there is. */
const struct board_row *board_find_row(const char *name);

/** With --firmware: puts the tables that describe the board where firmware looks for them. */
void board_tell_firmware(struct machine *machine);

/* Functions of the table. */
bool board_build_gic(struct machine *machine, const struct board_row *row, struct error *error);
bool board_build_uart(struct machine *machine, const struct board_row *row, struct error *error);
bool board_build_rtc(struct machine *machine, const struct board_row *row, struct error *error);
bool board_build_gpio(struct machine *machine, const struct board_row *row, struct error *error);
bool board_build_vmgenid(struct machine *machine, const struct board_row *row, struct error *error);
bool board_build_pvpanic(struct machine *machine, const struct board_row *row, struct error *error);
bool board_build_virtio(struct machine *machine, const struct board_row *row, struct error *error);
bool board_build_policy(struct machine *machine, const struct board_row *row, struct error *error);
bool board_build_calls(struct machine *machine, const struct board_row *row, struct error *error);
bool board_build_flash(struct machine *machine, const struct board_row *row, struct error *error);
bool board_build_flash_vars(struct machine *machine, const struct board_row *row, struct error *error);
bool board_build_fw_cfg(struct machine *machine, const struct board_row *row, struct error *error);
bool board_build_its(struct machine *machine, const struct board_row *row, struct error *error);
bool board_build_pci(struct machine *machine, const struct board_row *row, struct error *error);
void board_describe_pci(const struct machine *machine, const struct board_row *row, void *fdt);
void board_describe_flash(const struct machine *machine, const struct board_row *row, void *fdt);
void board_describe_nothing(const struct machine *machine, const struct board_row *row, void *fdt);
void board_describe_fw_cfg(const struct machine *machine, const struct board_row *row, void *fdt);
void board_describe_gic(const struct machine *machine, const struct board_row *row, void *fdt);
void board_describe_uart(const struct machine *machine, const struct board_row *row, void *fdt);
void board_describe_rtc(const struct machine *machine, const struct board_row *row, void *fdt);
void board_describe_gpio(const struct machine *machine, const struct board_row *row, void *fdt);
void board_describe_vmgenid(const struct machine *machine, const struct board_row *row, void *fdt);
void board_describe_pvpanic(const struct machine *machine, const struct board_row *row, void *fdt);
void board_describe_virtio(const struct machine *machine, const struct board_row *row, void *fdt);

#endif
