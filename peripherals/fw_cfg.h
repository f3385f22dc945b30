/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The firmware configuration device of QEMU's boards (QEMU, docs/specs/fw_cfg.rst), by MMIO and with DMA: numbered
 * items that firmware reads, some of them files with names. */
#ifndef ARMATURE_FW_CFG_H
#define ARMATURE_FW_CFG_H

#include "machine/contract/device.h"

#define FW_CFG_WINDOW_BYTES 0x18u

/** Keys of items that are no files. */
enum fw_cfg_key {
    FW_CFG_SIGNATURE = 0x00,
    FW_CFG_ID = 0x01,
    FW_CFG_CPU_COUNT = 0x05,
    FW_CFG_KERNEL_SIZE = 0x08,
    FW_CFG_INITRD_SIZE = 0x0b,
    FW_CFG_BOOT_MENU = 0x0e,
    FW_CFG_CPU_MAX = 0x0f,
    FW_CFG_KERNEL_DATA = 0x11,
    FW_CFG_INITRD_DATA = 0x12,
    FW_CFG_COMMAND_LINE_SIZE = 0x14,
    FW_CFG_COMMAND_LINE_DATA = 0x15,
    FW_CFG_DIRECTORY = 0x19,
    FW_CFG_FILES = 0x20, /* the first file's */
};

#define FW_CFG_FILES_MAX      32u
#define FW_CFG_FILE_NAME_BYTES 56u

struct fw_cfg;

extern const struct device_class fw_cfg_class;
extern const struct mmio_ops fw_cfg_mmio;

/** Makes the device: its signature and its directory. */
struct fw_cfg *fw_cfg_create(struct bus *bus);

/** Adds an item, or replaces it. The bytes are copied. `key` is below FW_CFG_FILES, and not the directory's. */
void fw_cfg_add(struct fw_cfg *fw_cfg, enum fw_cfg_key key, const void *bytes, size_t length);
void fw_cfg_add_u16(struct fw_cfg *fw_cfg, enum fw_cfg_key key, uint16_t value);
void fw_cfg_add_u32(struct fw_cfg *fw_cfg, enum fw_cfg_key key, uint32_t value);

/** Adds the file `name`, or replaces it. The bytes are copied. The directory is sorted by name. */
void fw_cfg_add_file(struct fw_cfg *fw_cfg, const char *name, const void *bytes, size_t length);

/** Adds a file of `length` bytes (at most 64), zeroes at first, that the guest may write by DMA. `written(context,
 * bytes)` is told after it wrote, on a reset and on a restore: what was written is state of this device. At most 4 of
 * them. */
void fw_cfg_add_writable_file(struct fw_cfg *fw_cfg, const char *name, size_t length,
                              void (*written)(void *context, const uint8_t *bytes), void *context);

/** A file's content; NULL: there is none of that name. */
const uint8_t *fw_cfg_file(const struct fw_cfg *fw_cfg, const char *name, size_t *length);

#endif
