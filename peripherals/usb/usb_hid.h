/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A keyboard or a tablet on USB (USB 2.0, chapter 9; HID 1.11), whatever controller it is at: its requests on the
 * control endpoint, its reports on an interrupt endpoint. */
#ifndef ARMATURE_USB_HID_H
#define ARMATURE_USB_HID_H

#include "machine/contract/device.h"
#include "machine/contract/input_event.h"

#define USB_HID_REPORT_BYTES  8u
#define USB_HID_REPORTS_MAX   64u
#define USB_HID_ENDPOINT      1u  /* of its reports, to the host */
#define USB_CONTROL_BYTES_MAX 256u /* of an answer */
#define USB_HID_KEYS_MAX      16u /* pressed at a time; a report has room for six */

enum usb_hid_kind { USB_HID_KEYBOARD, USB_HID_TABLET };

/** The device. */
struct usb_hid {
    enum usb_hid_kind kind;
    uint8_t configuration, protocol, idle, leds;
    bool halted; /* the interrupt endpoint */
    /* What is pressed: usages, or (`modifiers`, as the tablet's buttons) bits. */
    uint8_t keys[USB_HID_KEYS_MAX], modifiers;
    uint16_t x, y;
    int8_t wheel;
    /* Reports that were not fetched yet, oldest first: a ring. */
    uint8_t reports[USB_HID_REPORTS_MAX][USB_HID_REPORT_BYTES];
    uint32_t first, count;
    unsigned source; /* of its events */
};

extern const struct fields usb_hid_fields;

/** Back to what a reset of its port leaves. */
void usb_hid_reset(struct usb_hid *hid);

/** Distrusts what a snapshot said. */
void usb_hid_restored(struct usb_hid *hid);

/** A control request without data, or one that reads: its answer, of at most USB_CONTROL_BYTES_MAX. Returns its length;
 * -1: the device does not know it (STALL). */
int usb_hid_control_in(struct usb_hid *hid, const uint8_t setup[8], uint8_t *answer);

/** A control request with data for the device, all of it. False: STALL. */
bool usb_hid_control_out(struct usb_hid *hid, const uint8_t setup[8], const uint8_t *data, unsigned length);

/** Takes the oldest report. Returns its length; 0: there is none (NAK). */
unsigned usb_hid_take_report(struct usb_hid *hid, uint8_t report[USB_HID_REPORT_BYTES]);

/** Events of the keyboard or the tablet, as virtio_input.h has them. */
void usb_hid_events(struct usb_hid *hid, const void *bytes, size_t length);

/** Whether it has room for more of them. */
bool usb_hid_has_room(const struct usb_hid *hid);

#endif
