/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PrimeCell UART (PL011, Arm DDI 0183, r1p4: FIFOs of 16). */
#ifndef ARMATURE_PL011_H
#define ARMATURE_PL011_H

#include "machine/contract/device.h"

#define PL011_WINDOW_BYTES 0x1000
#define PL011_CLOCK_HZ     24000000 /* UARTCLK, from which the baud rate is divided */

/** The modem lines into the UART. All but RI are asserted from the start: the host's end is ready. */
enum pl011_modem_line { PL011_CTS, PL011_DSR, PL011_DCD, PL011_RI };

struct pl011_config {
    struct clock *clock;
    struct irq_line irq; /* the combined interrupt, UARTINTR */
    /* Takes the bytes that the guest sends, at once and all. NULL: they go nowhere. */
    void (*transmit)(void *context, const void *bytes, size_t length);
    void *transmit_context;
    /* Comes out of reset as firmware leaves it for a kernel (115200 baud, 8 bits, FIFOs and UART on), so that
     * early consoles, which set nothing up, can write. Otherwise as the hardware does: off. */
    bool firmware_setup;
};

struct pl011;

/** Makes a UART; reset is still to be called. */
struct pl011 *pl011_create(const struct pl011_config *config);

/** The receive line as an input of the machine (a byte stream), and the line held in break: each delivery
 *  there, whatever its bytes, is one break. `name` as in struct input_source. */
struct input_source pl011_receive_line(struct pl011 *uart, const char *name);
struct input_source pl011_break_line(struct pl011 *uart, const char *name);

/** Drives a modem line (true: asserted); has the form of an irq_line's receiver. */
void pl011_set_modem(void *uart, unsigned line, bool asserted);

extern const struct device_class pl011_class;
extern const struct mmio_ops pl011_mmio;

#endif
