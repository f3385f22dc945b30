/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The panic notice: a byte by which a guest's kernel says that it is lost (QEMU, docs/specs/pvpanic; Linux has a driver
 * for it, pvpanic-mmio). */
#ifndef ARMATURE_PVPANIC_H
#define ARMATURE_PVPANIC_H

#include "machine/contract/device.h"

#define PVPANIC_WINDOW_BYTES 0x1000

/** What a guest may say, as bits of the byte. */
enum pvpanic_event {
    PVPANIC_PANICKED = 1 << 0,     /* its kernel panicked */
    PVPANIC_CRASH_LOADED = 1 << 1, /* it did, and goes on in another one that sees to the rest */
};

struct pvpanic;

/** Makes one. `told` is called with each of the events that a guest says, once for a write. */
struct pvpanic *pvpanic_create(void (*told)(void *context, enum pvpanic_event event), void *context);

extern const struct device_class pvpanic_class;
extern const struct mmio_ops pvpanic_mmio;

#endif
