/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The board: one table builds the memory map, the wiring and the device tree. It and the board_ files beside it are the
 * only ones that name devices. */
#include "machine/board_parts.h"
#include <libfdt.h>
#include <string.h>
#include "machine/fdt_write.h"
#include "peripherals/flash.h"
#include "peripherals/fw_cfg.h"
#include "peripherals/gicv3.h"
#include "peripherals/gicv3_its.h"
#include "peripherals/pci.h"
#include "peripherals/pl011.h"
#include "peripherals/pl031.h"
#include "peripherals/pl061.h"
#include "peripherals/pvpanic.h"
#include "peripherals/virtio/virtio_mmio.h"
#include "peripherals/vmgenid.h"

/* The interrupt controller stands first: the others are wired to it. */
static const struct board_row board[] = {
    {"gic", 0x08000000, 0, 0, board_build_gic, board_describe_gic},
    {"its0", ITS_BASE, GICV3_ITS_WINDOW_BYTES, 0, board_build_its, board_describe_nothing},
    {"uart0", 0x09000000, PL011_WINDOW_BYTES, 1, board_build_uart, board_describe_uart},
    {"rtc0", 0x09010000, PL031_WINDOW_BYTES, 2, board_build_rtc, board_describe_rtc},
    {"fw-cfg", 0x09020000, FW_CFG_WINDOW_BYTES, 0, board_build_fw_cfg, board_describe_fw_cfg},
    {"gpio0", 0x09030000, PL061_WINDOW_BYTES, 7, board_build_gpio, board_describe_gpio},
    {"vmgenid", 0x090c0000, VMGENID_WINDOW_BYTES, 9, board_build_vmgenid, board_describe_vmgenid},
    {"pvpanic", 0x090d0000, PVPANIC_WINDOW_BYTES, 0, board_build_pvpanic, board_describe_pvpanic},
    {"flash0", BOARD_FLASH_BASE, FLASH_BANK_BYTES, 0, board_build_flash, board_describe_flash},
    {"flash1", BOARD_FLASH_BASE + FLASH_BANK_BYTES, FLASH_BANK_BYTES, 0, board_build_flash_vars,
     board_describe_nothing},
    {"pci0", 0x4010000000, 256 * PCI_ECAM_BUS_BYTES, 3, board_build_pci, board_describe_pci},
    {"policy", 0, 0, 0, board_build_policy, board_describe_nothing},
    {"hostcalls", 0, 0, 0, board_build_calls, board_describe_nothing},
    {"virtio", 0x0a000000, VIRTIO_MMIO_SLOT_BYTES, 16, board_build_virtio, board_describe_virtio},
};

/* --- the board ------------------------------------------------------------------------------------- */

const struct board_row *board_find_row(const char *name)
{
    size_t i = 0;
    while (strcmp(board[i].name, name))
        i++;
    return &board[i];
}

bool board_build(struct machine *machine, struct error *error)
{
    for (size_t i = 0; i < sizeof board / sizeof board[0]; i++)
        if (!board[i].build(machine, &board[i], error))
            return false;
    if (machine->options->firmware)
        board_tell_firmware(machine);
    return true;
}

int board_describe(const struct machine *machine, void *fdt)
{
    for (size_t i = 0; i < sizeof board / sizeof board[0]; i++)
        board[i].describe(machine, &board[i], fdt);

    fdt_begin_node(fdt, "apb-pclk");
    fdt_property_string(fdt, "compatible", "fixed-clock");
    fdt_property_cell(fdt, "#clock-cells", 0);
    fdt_property_cell(fdt, "clock-frequency", PL011_CLOCK_HZ);
    fdt_property_string(fdt, "clock-output-names", "clk24mhz");
    fdt_property_cell(fdt, "phandle", PHANDLE_CLOCK);
    return fdt_end_node(fdt);
}
