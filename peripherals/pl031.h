/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PrimeCell real-time clock (PL031, Arm DDI 0224): seconds of virtual time since the epoch, and an alarm. */
#ifndef ARMATURE_PL031_H
#define ARMATURE_PL031_H

#include "machine/contract/device.h"

#define PL031_WINDOW_BYTES 0x1000

struct pl031;

/** Makes a clock that shows `epoch_s` (seconds since 1970-01-01 UTC) at virtual time 0 and counts virtual
 * time from there. The alarm drives `irq`. Reset is still to be called. */
struct pl031 *pl031_create(struct clock *clock, uint32_t epoch_s, struct irq_line irq);

extern const struct device_class pl031_class;
extern const struct mmio_ops pl031_mmio;

#endif
