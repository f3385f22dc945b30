/* SPDX-License-Identifier: GPL-3.0-or-later */
/* --firmware: the file that is run from flash, the flash's own files on the host, and what firmware is told. */
#ifndef ARMATURE_FIRMWARE_H
#define ARMATURE_FIRMWARE_H

#include "machine/file.h"
#include "machine/options.h"

struct fw_cfg;

/** Reads the firmware that `options` name, nothing larger than `limit_bytes`. */
bool firmware_read(const struct run_options *options, size_t limit_bytes, struct file *file, struct error *error);

/** Has a file of `size_bytes` at `path`: made of zeroes where there is none; one that is shorter grows. */
bool firmware_make_vars(const char *path, uint64_t size_bytes, struct error *error);

/** Puts into `fw_cfg` what firmware wants to know of the options: processors, and the kernel that it is to start. */
bool firmware_describe(const struct run_options *options, struct fw_cfg *fw_cfg, struct error *error);

#endif
