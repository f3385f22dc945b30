/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An xHCI controller on PCI (eXtensible Host Controller Interface 1.1), with a keyboard and a tablet at its ports. */
#ifndef ARMATURE_XHCI_H
#define ARMATURE_XHCI_H

#include "peripherals/pci.h"
#include "peripherals/pci_msix.h"
#include "peripherals/usb/usb_hid.h"

#define XHCI_SLOTS     8u
#define XHCI_ENDPOINTS 32u /* of a slot, by their context's index; 0 is the slot itself */
#define XHCI_PORTS     8u  /* four of USB 2, then four of USB 3 */
#define XHCI_DEVICES   2u  /* at the first ports */

/** Where a ring of the driver's goes on. */
struct xhci_ring {
    uint64_t at;
    bool cycle; /* of what belongs to the controller */
};

struct xhci_endpoint {
    uint8_t state; /* as in its context */
    uint8_t type;
    struct xhci_ring ring;
};

/** A device slot. */
struct xhci_slot {
    bool enabled;
    uint8_t state;  /* as in its context */
    uint32_t port;  /* 1 and on; 0: no device */
    uint64_t context; /* the device context in guest memory */
    struct xhci_endpoint endpoints[XHCI_ENDPOINTS];
    /* The control transfer under way: what the host said, and the data for it or from it. */
    uint8_t setup[8], data[USB_CONTROL_BYTES_MAX];
    uint32_t data_bytes, data_done;
    bool stalled, answered;
};

struct xhci {
    struct pci_function function;
    struct pci_msix msix;
    struct bus *bus;
    struct usb_hid devices[XHCI_DEVICES];
    uint32_t command, status, notifications, configuration;
    uint64_t command_pointer, contexts; /* CRCR as written, DCBAAP */
    struct xhci_ring command_ring;
    bool command_running;
    uint32_t ports[XHCI_PORTS], told[XHCI_PORTS]; /* PORTSC; the changes that an event told */
    uint32_t link_states[XHCI_PORTS];             /* the ports' other registers that are kept */
    /* The interrupter. */
    uint32_t management, moderation, segments;
    uint64_t segment_table, dequeue;
    uint32_t event_segment, event_index;
    bool event_cycle;
    struct xhci_slot slots[XHCI_SLOTS + 1]; /* by number, from 1 on */
    uint32_t rung[XHCI_SLOTS + 1]; /* doorbells that wait, a bit for each endpoint; of 0 the command ring's */
    bool master;
};

extern const struct device_class xhci_class;

/** Makes the controller. Events of the keyboard and of the tablet come by the input sources "usb-keyboard0.events" and
 * "usb-tablet0.events": `devices[].source`. The function is to be put into a slot. */
struct xhci *xhci_create(struct bus *bus, struct inputs *inputs);

#endif
