/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A keyboard or a tablet on USB. */
#include "peripherals/usb/usb_hid.h"
#include <string.h>

static const struct field usb_hid_list[] = {
    FIELD_HOST(struct usb_hid, kind),     FIELD(struct usb_hid, configuration), FIELD(struct usb_hid, protocol),
    FIELD(struct usb_hid, idle),          FIELD(struct usb_hid, leds),          FIELD(struct usb_hid, halted),
    FIELD_ARRAY(struct usb_hid, keys),    FIELD(struct usb_hid, modifiers),     FIELD(struct usb_hid, x),
    FIELD(struct usb_hid, y),             FIELD(struct usb_hid, wheel),         FIELD_BYTES(struct usb_hid, reports),
    FIELD(struct usb_hid, first),         FIELD(struct usb_hid, count),         FIELD_HOST(struct usb_hid, source),
    FIELDS_END,
};
const struct fields usb_hid_fields = {"usb_hid", sizeof(struct usb_hid), usb_hid_list};

/* --- descriptors ----------------------------------------------------------------------------------- */

enum descriptor { DESCRIPTOR_DEVICE = 1, DESCRIPTOR_CONFIGURATION, DESCRIPTOR_STRING, DESCRIPTOR_HID = 0x21,
                  DESCRIPTOR_REPORT };

/* HID 1.11, appendix B.1: what a boot keyboard sends and takes. */
static const uint8_t keyboard_report[] = {
    0x05, 0x01, 0x09, 0x06, 0xa1, 0x01,                         /* a keyboard */
    0x05, 0x07, 0x19, 0xe0, 0x29, 0xe7, 0x15, 0x00, 0x25, 0x01, /* the modifiers, a bit each */
    0x75, 0x01, 0x95, 0x08, 0x81, 0x02, 0x95, 0x01, 0x75, 0x08, 0x81, 0x01,
    0x95, 0x05, 0x75, 0x01, 0x05, 0x08, 0x19, 0x01, 0x29, 0x05, 0x91, 0x02, /* LEDs */
    0x95, 0x01, 0x75, 0x03, 0x91, 0x01,
    0x95, 0x06, 0x75, 0x08, 0x15, 0x00, 0x26, 0xff, 0x00, 0x05, 0x07, 0x19, 0x00, 0x2a, 0xff, 0x00, /* keys */
    0x81, 0x00,
    0xc0,
};

static const uint8_t tablet_report[] = {
    0x05, 0x01, 0x09, 0x02, 0xa1, 0x01, 0x09, 0x01, 0xa1, 0x00, /* a pointer */
    0x05, 0x09, 0x19, 0x01, 0x29, 0x05, 0x15, 0x00, 0x25, 0x01, 0x95, 0x05, 0x75, 0x01, 0x81, 0x02, /* five buttons */
    0x95, 0x01, 0x75, 0x03, 0x81, 0x01,
    0x05, 0x01, 0x09, 0x30, 0x09, 0x31, 0x15, 0x00, 0x26, 0xff, 0x7f, 0x35, 0x00, 0x46, 0xff, 0x7f, /* X and Y */
    0x75, 0x10, 0x95, 0x02, 0x81, 0x02,
    0x09, 0x38, 0x15, 0x81, 0x25, 0x7f, 0x35, 0x00, 0x45, 0x00, 0x75, 0x08, 0x95, 0x01, 0x81, 0x06, /* the wheel */
    0xc0, 0xc0,
};
#define TABLET_BYTES 6u

static const uint8_t *report_descriptor(const struct usb_hid *hid, unsigned *length)
{
    *length = hid->kind == USB_HID_KEYBOARD ? sizeof keyboard_report : sizeof tablet_report;
    return hid->kind == USB_HID_KEYBOARD ? keyboard_report : tablet_report;
}

static unsigned put_device(const struct usb_hid *hid, uint8_t *to)
{
    const uint8_t bytes[18] = {18, DESCRIPTOR_DEVICE, 0x00, 0x02, 0, 0, 0, 64, 0x27, 0x06,
                               (uint8_t)(1 + hid->kind), 0x00, 0x00, 0x01, 1, 2, 3, 1};
    memcpy(to, bytes, sizeof bytes);
    return sizeof bytes;
}

static unsigned put_hid(const struct usb_hid *hid, uint8_t *to)
{
    unsigned length;
    report_descriptor(hid, &length);
    const uint8_t bytes[9] = {9, DESCRIPTOR_HID, 0x11, 0x01, 0, 1, DESCRIPTOR_REPORT, (uint8_t)length, 0};
    memcpy(to, bytes, sizeof bytes);
    return sizeof bytes;
}

static unsigned put_configuration(const struct usb_hid *hid, uint8_t *to)
{
    const bool keyboard = hid->kind == USB_HID_KEYBOARD;
    /* At high speed an interval of 7 is 8 ms. */
    const uint8_t head[18] = {9, DESCRIPTOR_CONFIGURATION, 34, 0, 1, 1, 0, 0xa0, 50,
                              9, 4, 0, 0, 1, 3, keyboard, keyboard, 0},
                  endpoint[7] = {7, 5, 0x80 | USB_HID_ENDPOINT, 3, USB_HID_REPORT_BYTES, 0, 7};
    memcpy(to, head, sizeof head);
    put_hid(hid, to + 18);
    memcpy(to + 27, endpoint, sizeof endpoint);
    return 34;
}

static unsigned put_string(const struct usb_hid *hid, unsigned index, uint8_t *to)
{
    const char *const texts[] = {NULL, "Armature", hid->kind == USB_HID_KEYBOARD ? "USB Keyboard" : "USB Tablet", "1"};
    unsigned length = 2;
    if (index >= sizeof texts / sizeof *texts)
        return 0;
    if (index == 0) { /* American English */
        to[2] = 0x09;
        to[3] = 0x04;
        length = 4;
    } else {
        for (const char *text = texts[index]; *text; text++, length += 2) {
            to[length] = (uint8_t)*text;
            to[length + 1] = 0;
        }
    }
    to[0] = (uint8_t)length;
    to[1] = DESCRIPTOR_STRING;
    return length;
}

/* 0: there is none of that kind. */
static unsigned put_descriptor(const struct usb_hid *hid, unsigned kind, unsigned index, uint8_t *to)
{
    unsigned length = 0;
    switch (kind) {
    case DESCRIPTOR_DEVICE: return put_device(hid, to);
    case DESCRIPTOR_CONFIGURATION: return index ? 0 : put_configuration(hid, to);
    case DESCRIPTOR_STRING: return put_string(hid, index, to);
    case DESCRIPTOR_HID: return put_hid(hid, to);
    case DESCRIPTOR_REPORT: break;
    default: return 0;
    }
    const uint8_t *bytes = report_descriptor(hid, &length);
    memcpy(to, bytes, length);
    return length;
}

/* --- reports --------------------------------------------------------------------------------------- */

static unsigned put_report(const struct usb_hid *hid, uint8_t *to)
{
    memset(to, 0, USB_HID_REPORT_BYTES);
    to[0] = hid->modifiers;
    if (hid->kind == USB_HID_TABLET) {
        to[1] = (uint8_t)hid->x;
        to[2] = (uint8_t)(hid->x >> 8);
        to[3] = (uint8_t)hid->y;
        to[4] = (uint8_t)(hid->y >> 8);
        to[5] = (uint8_t)hid->wheel;
        return TABLET_BYTES;
    }
    unsigned count = 0;
    for (unsigned i = 0; i < USB_HID_KEYS_MAX; i++)
        if (hid->keys[i]) {
            if (count < 6)
                to[2 + count] = hid->keys[i];
            count++;
        }
    if (count > 6) /* more than it can say */
        memset(to + 2, 1, 6);
    return USB_HID_REPORT_BYTES;
}

static void add_report(struct usb_hid *hid)
{
    if (hid->count == USB_HID_REPORTS_MAX)
        return;
    put_report(hid, hid->reports[(hid->first + hid->count++) % USB_HID_REPORTS_MAX]);
    hid->wheel = 0;
}

unsigned usb_hid_take_report(struct usb_hid *hid, uint8_t report[USB_HID_REPORT_BYTES])
{
    if (!hid->count)
        return 0;
    memcpy(report, hid->reports[hid->first], USB_HID_REPORT_BYTES);
    hid->first = (hid->first + 1) % USB_HID_REPORTS_MAX;
    hid->count--;
    return hid->kind == USB_HID_KEYBOARD ? USB_HID_REPORT_BYTES : TABLET_BYTES;
}

static void take_key(struct usb_hid *hid, unsigned code, bool pressed)
{
    unsigned usage = input_usage_of_code(code), free_slot = USB_HID_KEYS_MAX;
    if (usage >= 224) {
        uint8_t bit = (uint8_t)(1u << (usage - 224));
        hid->modifiers = pressed ? hid->modifiers | bit : hid->modifiers & (uint8_t)~bit;
        return;
    }
    for (unsigned i = 0; i < USB_HID_KEYS_MAX; i++) {
        if (hid->keys[i] == usage)
            hid->keys[i] = 0;
        if (!hid->keys[i] && free_slot == USB_HID_KEYS_MAX)
            free_slot = i;
    }
    if (pressed && usage && free_slot < USB_HID_KEYS_MAX)
        hid->keys[free_slot] = (uint8_t)usage;
}

static void take_event(struct usb_hid *hid, const struct input_event_record *event)
{
    if (hid->kind == USB_HID_KEYBOARD) {
        if (event->type == EVENT_KEY)
            take_key(hid, event->code, event->value);
    } else if (event->type == EVENT_KEY && event->code >= BUTTON_LEFT && event->code <= BUTTON_EXTRA) {
        uint8_t bit = (uint8_t)(1u << (event->code - BUTTON_LEFT));
        hid->modifiers = event->value ? hid->modifiers | bit : hid->modifiers & (uint8_t)~bit;
    } else if (event->type == EVENT_ABSOLUTE && event->code <= ABSOLUTE_Y) {
        *(event->code == ABSOLUTE_X ? &hid->x : &hid->y) = (uint16_t)(event->value & TABLET_MAX);
    } else if (event->type == EVENT_RELATIVE && event->code == RELATIVE_WHEEL) {
        int32_t turned = (int32_t)event->value;
        hid->wheel = (int8_t)(turned > 127 ? 127 : turned < -127 ? -127 : turned);
    }
    if (event->type == EVENT_SYN)
        add_report(hid);
}

void usb_hid_events(struct usb_hid *hid, const void *bytes, size_t length)
{
    for (size_t at = 0; hid->configuration && at + sizeof(struct input_event_record) <= length;
         at += sizeof(struct input_event_record)) {
        struct input_event_record event;
        memcpy(&event, (const uint8_t *)bytes + at, sizeof event);
        take_event(hid, &event);
    }
}

bool usb_hid_has_room(const struct usb_hid *hid)
{
    return hid->count <= USB_HID_REPORTS_MAX / 2;
}

/* --- requests -------------------------------------------------------------------------------------- */

/* The kind of request and who it is to, then its number: USB 2.0, table 9-3; HID 1.11, 7.2. */
enum request {
    DEVICE_GET_STATUS = 0x8000,
    INTERFACE_GET_STATUS = 0x8100,
    ENDPOINT_GET_STATUS = 0x8200,
    DEVICE_CLEAR_FEATURE = 0x0001,
    ENDPOINT_CLEAR_FEATURE = 0x0201,
    DEVICE_SET_FEATURE = 0x0003,
    ENDPOINT_SET_FEATURE = 0x0203,
    DEVICE_SET_ADDRESS = 0x0005,
    DEVICE_GET_DESCRIPTOR = 0x8006,
    INTERFACE_GET_DESCRIPTOR = 0x8106,
    DEVICE_GET_CONFIGURATION = 0x8008,
    DEVICE_SET_CONFIGURATION = 0x0009,
    INTERFACE_GET_ALTERNATE = 0x810a,
    INTERFACE_SET_ALTERNATE = 0x010b,
    HID_GET_REPORT = 0xa101,
    HID_GET_IDLE = 0xa102,
    HID_GET_PROTOCOL = 0xa103,
    HID_SET_REPORT = 0x2109,
    HID_SET_IDLE = 0x210a,
    HID_SET_PROTOCOL = 0x210b,
};

static unsigned value_of(const uint8_t setup[8])
{
    return setup[2] | setup[3] << 8;
}

static int set_configuration(struct usb_hid *hid, unsigned value)
{
    if (value > 1)
        return -1;
    usb_hid_reset(hid);
    hid->configuration = (uint8_t)value;
    return 0;
}

int usb_hid_control_in(struct usb_hid *hid, const uint8_t setup[8], uint8_t *answer)
{
    unsigned value = value_of(setup), length;
    answer[0] = answer[1] = 0;
    switch (setup[0] << 8 | setup[1]) {
    case DEVICE_GET_STATUS:
    case INTERFACE_GET_STATUS: return 2;
    case ENDPOINT_GET_STATUS: answer[0] = hid->halted && setup[4] == (0x80 | USB_HID_ENDPOINT); return 2;
    case ENDPOINT_CLEAR_FEATURE:
    case ENDPOINT_SET_FEATURE:
        if (value != 0 || setup[4] != (0x80 | USB_HID_ENDPOINT))
            return value == 0 && (setup[4] & 15) == 0 ? 0 : -1;
        hid->halted = setup[1] == 3;
        return 0;
    case DEVICE_CLEAR_FEATURE:
    case DEVICE_SET_FEATURE: return value == 1 ? 0 : -1; /* to wake the host, which does not sleep */
    case DEVICE_SET_ADDRESS: return 0;
    case DEVICE_GET_DESCRIPTOR:
    case INTERFACE_GET_DESCRIPTOR:
        length = put_descriptor(hid, value >> 8, value & 255, answer);
        return length ? (int)length : -1;
    case DEVICE_GET_CONFIGURATION: answer[0] = hid->configuration; return 1;
    case DEVICE_SET_CONFIGURATION: return set_configuration(hid, value);
    case INTERFACE_GET_ALTERNATE: return 1;
    case INTERFACE_SET_ALTERNATE: return value ? -1 : 0;
    case HID_GET_REPORT: return (int)put_report(hid, answer);
    case HID_GET_IDLE: answer[0] = hid->idle; return 1;
    case HID_GET_PROTOCOL: answer[0] = hid->protocol; return 1;
    case HID_SET_IDLE: hid->idle = (uint8_t)(value >> 8); return 0;
    case HID_SET_PROTOCOL: hid->protocol = value & 1; return 0;
    default: return -1;
    }
}

bool usb_hid_control_out(struct usb_hid *hid, const uint8_t setup[8], const uint8_t *data, unsigned length)
{
    if ((setup[0] << 8 | setup[1]) != HID_SET_REPORT || hid->kind != USB_HID_KEYBOARD || length < 1)
        return false;
    hid->leds = data[0] & 0x1f;
    return true;
}

/* --- the whole ------------------------------------------------------------------------------------- */

void usb_hid_reset(struct usb_hid *hid)
{
    *hid = (struct usb_hid){.kind = hid->kind, .source = hid->source, .protocol = 1};
}

void usb_hid_restored(struct usb_hid *hid)
{
    hid->first %= USB_HID_REPORTS_MAX;
    if (hid->count > USB_HID_REPORTS_MAX)
        hid->count = 0;
}
