/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The VM generation ID: 16 bytes that are others in each clone, and an interrupt when they change (Microsoft, "Virtual
 * Machine Generation ID"; Linux, Documentation/devicetree/bindings/rng/microsoft,vmgenid.yaml). */
#ifndef ARMATURE_VMGENID_H
#define ARMATURE_VMGENID_H

#include "machine/contract/device.h"

#define VMGENID_WINDOW_BYTES 0x1000
#define VMGENID_BYTES        16u

struct vmgenid;

/** Makes one whose ID depends on `seed`. The wire is an edge: it pulses when the ID has become another. */
struct vmgenid *vmgenid_create(uint64_t seed, struct irq_line irq);

extern const struct device_class vmgenid_class;
extern const struct mmio_ops vmgenid_mmio;

#endif
