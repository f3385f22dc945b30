/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Interrupt Translation Service (Arm IHI 0069, chapter 5): messages of devices become LPIs, by tables in guest memory
 * that commands write. Physical LPIs only; 16 bits of device, event and collection; targets are processor numbers. */
#ifndef ARMATURE_GICV3_ITS_H
#define ARMATURE_GICV3_ITS_H

#include "peripherals/gicv3.h"

#define GICV3_ITS_WINDOW_BYTES 0x20000u /* the control frame, then the translation frame */
#define GICV3_ITS_TRANSLATER   0x10040u /* where a message is written, from the window's beginning */

struct gicv3_its;

extern const struct device_class gicv3_its_class;
extern const struct mmio_ops gicv3_its_mmio;

/** Makes a service of `gic`, which has LPIs. */
struct gicv3_its *gicv3_its_create(struct gicv3 *gic, struct bus *bus);

/** A device's message: event `event` of device `device`. What is not mapped is dropped. */
void gicv3_its_message(struct gicv3_its *its, uint32_t device, uint32_t event);

#endif
