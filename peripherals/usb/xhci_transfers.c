/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Transfers (4.11): control transfers in their stages, and reports by an interrupt endpoint. */
#include <string.h>
#include "peripherals/usb/xhci_internal.h"

#define CONTROL_ENDPOINT 1u
#define REPORT_ENDPOINT  (2 * USB_HID_ENDPOINT + 1) /* to the host */
#define BLOCKS_MAX       256u /* at a time */

struct usb_hid *xhci_device(struct xhci *xhci, const struct xhci_slot *slot)
{
    return slot->port && slot->port <= XHCI_DEVICES ? &xhci->devices[slot->port - 1] : NULL;
}

static void post_transfer(struct xhci *xhci, unsigned slot, unsigned endpoint, uint64_t address, enum xhci_code code,
                          uint32_t left)
{
    xhci_post(xhci, address, (uint32_t)code << 24 | left, TRB_TRANSFER_EVENT << 10 | slot << 24 | endpoint << 16);
}

static void halt(struct xhci *xhci, unsigned number, unsigned endpoint, uint64_t address, enum xhci_code code,
                 uint32_t left)
{
    xhci_set_state(xhci, &xhci->slots[number], endpoint, ENDPOINT_HALTED);
    post_transfer(xhci, number, endpoint, address, code, left);
}

/* --- control --------------------------------------------------------------------------------------- */

static uint32_t wanted(const struct xhci_slot *slot)
{
    return slot->setup[6] | slot->setup[7] << 8;
}

static void begin_control(struct xhci_slot *slot, struct usb_hid *device, const struct xhci_trb *trb)
{
    memcpy(slot->setup, &trb->parameter, sizeof slot->setup);
    slot->data_bytes = slot->data_done = 0;
    slot->stalled = slot->answered = false;
    if (!(slot->setup[0] & 0x80) && wanted(slot)) /* its data comes first */
        return;
    int length = usb_hid_control_in(device, slot->setup, slot->data);
    slot->stalled = length < 0;
    slot->answered = true;
    slot->data_bytes = length < 0 ? 0 : (uint32_t)length < wanted(slot) ? (uint32_t)length : wanted(slot);
}

/* Moves the data of a stage; returns how much of the block is left. */
static uint32_t move_data(struct xhci *xhci, struct xhci_slot *slot, const struct xhci_trb *trb)
{
    uint32_t length = trb->status & 0x1ffff, now = length;
    bool to_host = slot->setup[0] & 0x80;
    uint8_t *at = slot->data + slot->data_done;
    uint32_t room = to_host ? slot->data_bytes - slot->data_done : USB_CONTROL_BYTES_MAX - slot->data_done;
    if (now > room)
        now = room;
    bool good;
    if (trb->control & TRB_IMMEDIATE && !to_host) {
        now = now < 8 ? now : 8;
        memcpy(at, &trb->parameter, now);
        good = true;
    } else if (to_host) {
        good = now == 0 || bus_dma_write(xhci->bus, trb->parameter, at, now);
    } else {
        good = now == 0 || bus_dma_read(xhci->bus, trb->parameter, at, now);
    }
    if (!good)
        xhci_host_error(xhci);
    slot->data_done += now;
    return length - now;
}

/* One block of the control endpoint's ring. False: the endpoint has halted. */
static bool do_control(struct xhci *xhci, unsigned number, struct usb_hid *device, const struct xhci_trb *trb,
                       uint64_t address)
{
    struct xhci_slot *slot = &xhci->slots[number];
    uint32_t left = 0;
    enum xhci_code code = CODE_SUCCESS;
    switch (trb_type(trb)) {
    case TRB_SETUP:
        if (!(trb->control & TRB_IMMEDIATE) || (trb->status & 0x1ffff) != 8) {
            halt(xhci, number, CONTROL_ENDPOINT, address, CODE_TRB_ERROR, 0);
            return false;
        }
        begin_control(slot, device, trb);
        break;
    case TRB_DATA:
    case TRB_NORMAL: /* the same stage going on */
        if (slot->stalled) {
            halt(xhci, number, CONTROL_ENDPOINT, address, CODE_STALL, trb->status & 0x1ffff);
            return false;
        }
        left = move_data(xhci, slot, trb);
        if (left)
            code = CODE_SHORT_PACKET;
        break;
    case TRB_STATUS:
        if (!slot->answered)
            slot->stalled = !usb_hid_control_out(device, slot->setup, slot->data, slot->data_done);
        if (slot->stalled) {
            halt(xhci, number, CONTROL_ENDPOINT, address, CODE_STALL, 0);
            return false;
        }
        break;
    case TRB_NO_OP: break;
    case TRB_EVENT_DATA:
        if (trb->control & TRB_INTERRUPT)
            xhci_post(xhci, trb->parameter, (uint32_t)CODE_SUCCESS << 24 | slot->data_done,
                      TRB_TRANSFER_EVENT << 10 | number << 24 | CONTROL_ENDPOINT << 16 | 4);
        return true;
    default: halt(xhci, number, CONTROL_ENDPOINT, address, CODE_TRB_ERROR, 0); return false;
    }
    if (trb->control & TRB_INTERRUPT || (left && trb->control & TRB_SHORT))
        post_transfer(xhci, number, CONTROL_ENDPOINT, address, code, left);
    return true;
}

static bool run_control(struct xhci *xhci, unsigned number, struct usb_hid *device)
{
    struct xhci_endpoint *endpoint = &xhci->slots[number].endpoints[CONTROL_ENDPOINT];
    struct xhci_trb trb;
    uint64_t address;
    for (unsigned i = 0; i < BLOCKS_MAX; i++) {
        if (!xhci_has_room(xhci))
            return false;
        if (!xhci_ring_next(xhci, &endpoint->ring, &trb, &address) ||
            !do_control(xhci, number, device, &trb, address))
            return true;
    }
    return true;
}

/* --- reports --------------------------------------------------------------------------------------- */

/* A transfer of one report, which may lie in several blocks. What is left of it behind the report's end is not
 * transferred. */
static void do_report(struct xhci *xhci, unsigned number, struct usb_hid *device, struct xhci_trb trb, uint64_t address)
{
    struct xhci_endpoint *endpoint = &xhci->slots[number].endpoints[REPORT_ENDPOINT];
    uint8_t report[USB_HID_REPORT_BYTES];
    uint32_t bytes = usb_hid_take_report(device, report), done = 0;
    bool told = false;
    for (unsigned i = 0; i < BLOCKS_MAX; i++) {
        uint32_t length = trb.status & 0x1ffff, now = length < bytes - done ? length : bytes - done;
        bool is_data = trb_type(&trb) == TRB_NORMAL;
        if (is_data && now && !bus_dma_write(xhci->bus, trb.parameter, report + done, now))
            xhci_host_error(xhci);
        done += is_data ? now : 0;
        uint32_t left = is_data ? length - now : 0;
        told = told || (i && !xhci_has_room(xhci)); /* more blocks with events than any driver makes */
        if (!told && trb_type(&trb) == TRB_EVENT_DATA && trb.control & TRB_INTERRUPT)
            xhci_post(xhci, trb.parameter, (uint32_t)CODE_SUCCESS << 24 | done,
                      TRB_TRANSFER_EVENT << 10 | number << 24 | REPORT_ENDPOINT << 16 | 4);
        else if (!told && (trb.control & TRB_INTERRUPT || (left && trb.control & TRB_SHORT))) {
            post_transfer(xhci, number, REPORT_ENDPOINT, address, left ? CODE_SHORT_PACKET : CODE_SUCCESS, left);
            told = left != 0;
        }
        if (!(trb.control & TRB_CHAIN) || !xhci_ring_next(xhci, &endpoint->ring, &trb, &address))
            break;
    }
}

static bool run_reports(struct xhci *xhci, unsigned number, struct usb_hid *device)
{
    struct xhci_endpoint *endpoint = &xhci->slots[number].endpoints[REPORT_ENDPOINT];
    struct xhci_trb trb;
    uint64_t address;
    for (unsigned i = 0; i < BLOCKS_MAX; i++) {
        if (!xhci_has_room(xhci))
            return false;
        if (device->halted || !device->count)
            return false; /* the transfer waits for a report: the doorbell stays rung */
        if (!xhci_ring_next(xhci, &endpoint->ring, &trb, &address))
            return true;
        if (trb_type(&trb) == TRB_NORMAL) {
            do_report(xhci, number, device, trb, address);
        } else if (trb_type(&trb) == TRB_NO_OP) {
            if (trb.control & TRB_INTERRUPT)
                post_transfer(xhci, number, REPORT_ENDPOINT, address, CODE_SUCCESS, 0);
        } else {
            halt(xhci, number, REPORT_ENDPOINT, address, CODE_TRB_ERROR, 0);
            return true;
        }
    }
    return true;
}

bool xhci_run_endpoint(struct xhci *xhci, unsigned number, unsigned endpoint)
{
    struct xhci_slot *slot = &xhci->slots[number];
    struct usb_hid *device = xhci_device(xhci, slot);
    uint8_t state = slot->endpoints[endpoint].state;
    if (!slot->enabled || !device || (state != ENDPOINT_RUNNING && state != ENDPOINT_STOPPED))
        return true;
    if (state == ENDPOINT_STOPPED) /* 4.8.3: the doorbell has it run again */
        xhci_set_state(xhci, slot, endpoint, ENDPOINT_RUNNING);
    if (endpoint == CONTROL_ENDPOINT)
        return run_control(xhci, number, device);
    if (endpoint == REPORT_ENDPOINT)
        return run_reports(xhci, number, device);
    return true; /* the device has no such endpoint, and never answers */
}
