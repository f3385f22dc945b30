/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys, buttons and pointers: what the host's end of a keyboard or a tablet sends through the door, and what the guest
 * gets. The numbers are those of Linux input events (linux/input-event-codes.h), as virtio-input uses them. */
#ifndef ARMATURE_INPUT_EVENT_H
#define ARMATURE_INPUT_EVENT_H

#include <stdint.h>

/** One event, little-endian. What belongs together is posted as one input, and ends with EV_SYN. */
struct input_event_record {
    uint16_t type, code;
    uint32_t value;
};

enum { EVENT_SYN = 0, EVENT_KEY = 1, EVENT_RELATIVE = 2, EVENT_ABSOLUTE = 3, EVENT_LED = 17, EVENT_REPEAT = 20 };
enum { RELATIVE_WHEEL_SIDE = 6, RELATIVE_WHEEL = 8, ABSOLUTE_X = 0, ABSOLUTE_Y = 1 };
enum { BUTTON_LEFT = 0x110, BUTTON_RIGHT, BUTTON_MIDDLE, BUTTON_SIDE, BUTTON_EXTRA };

/** Places on a tablet go from 0 to this, whatever the screen's size. */
#define TABLET_MAX 32767u

/** The Linux code of a key by its usage on USB (of the keyboard's page), and the other way round. 0: there is none. */
unsigned input_code_of_usage(unsigned usage);
unsigned input_usage_of_code(unsigned code);

#endif
