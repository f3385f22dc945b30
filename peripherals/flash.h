/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A bank of NOR flash with the Common Flash Interface and Intel's command set (JEDEC JEP137, Intel P30 data sheet):
 * two chips of 16 bits side by side, which get every command together. Everything ends at once, so that the status is
 * always "ready".
 *
 * What is programmed stays: in the bank, in snapshots, and in its backing where it has one. A fresh bank reads as
 * zeroes, like an image file that was padded with truncate. */
#ifndef ARMATURE_FLASH_H
#define ARMATURE_FLASH_H

#include "machine/contract/device.h"
#include "peripherals/virtio/disk.h"

#define FLASH_BANK_BYTES  (64ull << 20)
#define FLASH_BLOCK_BYTES (256u << 10) /* what is erased at once, of both chips */

struct flash;

/** How a bank is made. */
struct flash_config {
    struct bus *bus;
    bool is_rom;         /* it lies where the bus has its ROM (of FLASH_BANK_BYTES): CPUs run from it */
    struct disk
        *backing; /* what it holds, and where what is programmed goes too; of FLASH_BANK_BYTES; NULL: none. Owned. */
};

extern const struct device_class flash_class;
extern const struct mmio_ops flash_mmio;

/** Makes a bank, with what the backing holds. NULL: `error` says what the host could not give; the backing is freed. */
struct flash *flash_create(const struct flash_config *config, struct error *error);

/** Puts `bytes` at the bank's beginning: what it was delivered with. */
void flash_load(struct flash *flash, const void *bytes, size_t length);

/** The bank's content, FLASH_BANK_BYTES. */
const uint8_t *flash_content(const struct flash *flash);

#endif
