/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The board: which devices there are, at which addresses, on which interrupts. Address map and device tree
 * are compatible with the widely known "virt" board. */
#ifndef ARMATURE_BOARD_H
#define ARMATURE_BOARD_H

#include "machine/machine.h"

#define BOARD_FLASH_BASE   0x00000000ull /* where the first CPU starts with --firmware */
#define BOARD_FLASH_BANK_BYTES (64ull << 20)
#define BOARD_RAM_BASE     0x40000000ull
#define BOARD_VIRTIO_SLOTS 32u
#define BOARD_SPI_COUNT    256u

/* Private peripheral interrupts (Arm BSA; INTID less 16). */
enum board_ppi {
    BOARD_PPI_PMU = 7,
    BOARD_PPI_TIMER_HYP = 10,
    BOARD_PPI_TIMER_VIRT = 11,
    BOARD_PPI_TIMER_SECURE = 13,
    BOARD_PPI_TIMER_PHYS = 14,
};

/** Makes the devices, their windows and wires, CPUs and RAM being there. */
bool board_build(struct machine *machine, struct error *error);

/** Appends the nodes of the board's devices to the device tree that is being written at `fdt` (libfdt's
 * sequential interface, inside the root node). Returns a libfdt error or 0. */
int board_describe(const struct machine *machine, void *fdt);

/* Handles of the device tree's nodes. */
enum board_phandle { PHANDLE_GIC = 1, PHANDLE_CLOCK, PHANDLE_GPIO, PHANDLE_MSI };

#endif
