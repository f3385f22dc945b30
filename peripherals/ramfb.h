/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A frame buffer in the guest's memory (QEMU, hw/display/ramfb.c and EDK2's QemuRamfbDxe are its users): firmware
 * writes where it lies and what it looks like into the file etc/ramfb of the firmware configuration device. */
#ifndef ARMATURE_RAMFB_H
#define ARMATURE_RAMFB_H

#include "machine/contract/device.h"
#include "machine/contract/display.h"
#include "peripherals/fw_cfg.h"

/** What the file holds, all numbers big-endian: address (8 bytes), fourcc, flags, width, height, stride (4 each). */
#define RAMFB_FILE_BYTES 28u

struct ramfb;

extern const struct device_class ramfb_class;

/** Adds etc/ramfb, and shows on `display` what lies where it says, while no device shows anything. A width of 0, or
 * what is no picture in RAM, shows nothing. */
struct ramfb *ramfb_create(struct bus *bus, struct fw_cfg *fw_cfg, struct display *display);

#endif
