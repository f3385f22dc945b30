/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PrimeCell GPIO (PL061, Arm DDI 0190): eight pins with edge and level interrupts, and the machine's power
 * key on one of them. */
#ifndef ARMATURE_PL061_H
#define ARMATURE_PL061_H

#include "machine/contract/device.h"

#define PL061_WINDOW_BYTES  0x1000
#define PL061_POWER_KEY_PIN 3

struct pl061;

/** Makes a GPIO block with all its pins low; `irq` is its combined interrupt. Reset is still to be called. */
struct pl061 *pl061_create(struct clock *clock, struct irq_line irq);

/** Drives an input pin (0-7) from outside; has the form of an irq_line's receiver. */
void pl061_set_input(void *gpio, unsigned pin, bool level);

/** The levels of the pins that the guest drives; pins that are inputs read as 0. */
uint8_t pl061_outputs(const struct pl061 *gpio);

/** The power key as an input of the machine: each delivery, whatever its bytes, presses the key for 100 ms of
 *  virtual time (long enough for a driver that debounces). `name` as in struct input_source. */
struct input_source pl061_power_key(struct pl061 *gpio, const char *name);

extern const struct device_class pl061_class;
extern const struct mmio_ops pl061_mmio;

#endif
