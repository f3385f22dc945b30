/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of the xHCI controller share: registers, ports and interrupts (xhci.c), rings (xhci_rings.c), commands
 * (xhci_commands.c), transfers (xhci_transfers.c). */
#ifndef ARMATURE_XHCI_INTERNAL_H
#define ARMATURE_XHCI_INTERNAL_H

#include "peripherals/usb/xhci.h"

/** A transfer request block (4.11). */
struct xhci_trb {
    uint64_t parameter;
    uint32_t status, control;
};

enum xhci_trb_type {
    TRB_NORMAL = 1,
    TRB_SETUP,
    TRB_DATA,
    TRB_STATUS,
    TRB_LINK = 6,
    TRB_EVENT_DATA,
    TRB_NO_OP,
    TRB_ENABLE_SLOT,
    TRB_DISABLE_SLOT,
    TRB_ADDRESS_DEVICE,
    TRB_CONFIGURE_ENDPOINT,
    TRB_EVALUATE_CONTEXT,
    TRB_RESET_ENDPOINT,
    TRB_STOP_ENDPOINT,
    TRB_SET_DEQUEUE,
    TRB_RESET_DEVICE,
    TRB_NO_OP_COMMAND = 23,
    TRB_TRANSFER_EVENT = 32,
    TRB_COMMAND_EVENT,
    TRB_PORT_EVENT,
};

enum xhci_trb_bits {
    TRB_CYCLE = 1,
    TRB_TOGGLE = 2, /* of a link */
    TRB_SHORT = 4,  /* an event where less is transferred */
    TRB_CHAIN = 1 << 4,
    TRB_INTERRUPT = 1 << 5, /* an event where it is done */
    TRB_IMMEDIATE = 1 << 6,
    TRB_BSR = 1 << 9,
    TRB_DECONFIGURE = 1 << 9,
    TRB_IN = 1 << 16,
};

/** Completion codes (6.4.5). */
enum xhci_code {
    CODE_SUCCESS = 1,
    CODE_TRANSACTION_ERROR = 4,
    CODE_TRB_ERROR = 5,
    CODE_STALL = 6,
    CODE_NO_SLOTS = 9,
    CODE_SLOT_NOT_ENABLED = 11,
    CODE_ENDPOINT_NOT_ENABLED = 12,
    CODE_SHORT_PACKET = 13,
    CODE_PARAMETER_ERROR = 17,
    CODE_CONTEXT_STATE = 19,
    CODE_RING_STOPPED = 24,
};

enum xhci_endpoint_state { ENDPOINT_DISABLED, ENDPOINT_RUNNING, ENDPOINT_HALTED, ENDPOINT_STOPPED, ENDPOINT_ERROR };
enum xhci_slot_state { SLOT_DISABLED, SLOT_DEFAULT, SLOT_ADDRESSED, SLOT_CONFIGURED };

#define XHCI_CONTEXT_BYTES 32u

static inline unsigned trb_type(const struct xhci_trb *trb)
{
    return trb->control >> 10 & 63;
}

/** Takes the next block of a ring, `*address` being where it is. False: there is none, or none that can be read, and
 * the ring is as it was but for links that were followed. */
bool xhci_ring_next(struct xhci *xhci, struct xhci_ring *ring, struct xhci_trb *trb, uint64_t *address);

/** Whether there is room for the events that one step may have. */
bool xhci_has_room(struct xhci *xhci);

/** Tells an event. */
void xhci_post(struct xhci *xhci, uint64_t parameter, uint32_t status, uint32_t control);

/** Runs the command ring, for which the doorbell was rung, as far as there is room for events. False: it waits for
 * that. */
bool xhci_run_commands(struct xhci *xhci);

/** The same for an endpoint. */
bool xhci_run_endpoint(struct xhci *xhci, unsigned slot, unsigned endpoint);

/** The device of a slot; NULL: there is none, or it was taken away. */
struct usb_hid *xhci_device(struct xhci *xhci, const struct xhci_slot *slot);

/** Has an endpoint's state stand in its context too. */
void xhci_set_state(struct xhci *xhci, struct xhci_slot *slot, unsigned endpoint, enum xhci_endpoint_state state);

/** What was written to guest memory or read there is not there: the controller stops (4.24.1). */
void xhci_host_error(struct xhci *xhci);

#endif
