/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GICv2m (Arm DEN 0029, Server Base System Architecture, appendix E): a frame of registers into which messages are
 * written, each of which makes an SPI of the interrupt controller pending. */
#ifndef ARMATURE_GICV2M_H
#define ARMATURE_GICV2M_H

#include "machine/contract/device.h"

#define GICV2M_WINDOW_BYTES 0x1000
#define GICV2M_SETSPI       0x40u /* where a message is written, in the window */
#define GICV2M_MAX_SPIS     128u

struct gicv2m_config {
    struct irq_line spi[GICV2M_MAX_SPIS];
    unsigned first_intid, count; /* of these */
};

struct gicv2m;

/** Makes a frame; `config` is not kept. */
struct gicv2m *gicv2m_create(const struct gicv2m_config *config);

extern const struct device_class gicv2m_class;
extern const struct mmio_ops gicv2m_mmio;

#endif
