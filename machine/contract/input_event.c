/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys by their numbers in Linux and on USB (HID Usage Tables 1.12, page 7). */
#include "machine/contract/input_event.h"

#define FIRST_KEY      4u
#define FIRST_MODIFIER 224u

/* Linux input codes by USB HID usages, from FIRST_KEY on. */
static const uint8_t codes[] = {
    30, 48, 46, 32, 18, 33, 34, 35, 23, 36, 37, 38, 50, 49, 24, 25, 16, 19, 31, 20, 22, 47, 17, 45, 21, 44, /* a to z */
    2, 3, 4, 5, 6, 7, 8, 9, 10, 11,                                                                         /* 1 to 0 */
    28, 1, 14, 15, 57, 12, 13, 26, 27, 43, 43, 39, 40, 41, 51, 52, 53, 58, /* enter to caps lock */
    59, 60, 61, 62, 63, 64, 65, 66, 67, 68, 87, 88,                        /* F1 to F12 */
    99, 70, 119, 110, 102, 104, 111, 107, 109, 106, 105, 108, 103,         /* print to up */
    69, 98, 55, 74, 78, 96, 79, 80, 81, 75, 76, 77, 71, 72, 73, 82, 83,    /* the keypad */
    86, 127, 116, 117,
};
static const uint8_t modifier_codes[] = {29, 42, 56, 125, 97, 54, 100, 126}; /* from FIRST_MODIFIER on */

unsigned input_code_of_usage(unsigned usage)
{
    if (usage >= FIRST_KEY && usage < FIRST_KEY + sizeof codes)
        return codes[usage - FIRST_KEY];
    return usage >= FIRST_MODIFIER && usage < FIRST_MODIFIER + sizeof modifier_codes
               ? modifier_codes[usage - FIRST_MODIFIER]
               : 0;
}

unsigned input_usage_of_code(unsigned code)
{
    for (unsigned i = 0; code && i < sizeof modifier_codes; i++)
        if (modifier_codes[i] == code)
            return FIRST_MODIFIER + i;
    for (unsigned i = 0; code && i < sizeof codes; i++)
        if (codes[i] == code)
            return FIRST_KEY + i;
    return 0;
}
