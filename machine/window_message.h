/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the machine and its window's process say to each other: messages on a socket that keeps them apart. */
#ifndef ARMATURE_WINDOW_MESSAGE_H
#define ARMATURE_WINDOW_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>
#include "machine/contract/clipboard.h"

enum window_message_kind {
    /* To the window. */
    WINDOW_MEMORY, /* the memory of the view's display comes along, as a descriptor */
    WINDOW_MODE,   /* x: width, y: height; 0: nothing is shown */
    WINDOW_DAMAGE, /* x, y, width, height */
    WINDOW_CURSOR, /* x, y: its hot spot in its picture; width: it is visible */
    WINDOW_STATE,  /* text */
    WINDOW_TEXT,   /* a struct window_text: what the guest copied; or from the window the host, nothing if too much */
    WINDOW_VIEW,   /* it is looked at now; from the window, by the user, and x: a bit for each view that is shown */
    /* From the window. */
    WINDOW_KEY,     /* x: Linux input code, y: 1 pressed, 2 again, 0 no more */
    WINDOW_POINTER, /* x, y: 0 to TABLET_MAX */
    WINDOW_BUTTON,  /* x: Linux input code, y: pressed */
    WINDOW_WHEEL,   /* x: to the right, y: up */
    WINDOW_SIZE,    /* x: width, y: height, that the user gave it */
    WINDOW_POWER,   /* the power key */
    WINDOW_SHOT,    /* a screenshot is wanted */
    WINDOW_CLOSED,  /* by the user */
};

struct window_message {
    uint32_t kind;
    uint32_t view; /* the number of the view that it is about, or that the window with the focus shows */
    int32_t x, y, width, height;
    char text[128];
};

/** Of WINDOW_TEXT: as many bytes as the message has behind its kind. */
struct window_text {
    uint32_t kind;
    char text[CLIPBOARD_MAX_BYTES];
};

/** Room for any of them. */
union window_any {
    struct window_message message;
    struct window_text text;
};

struct display_option;
/** What the annex "window" has: the windows' process, which runs until the socket is closed, and does not return. */
struct window_annex {
    void (*process)(int socket, const struct display_option *option) __attribute__((noreturn));
};
extern const struct window_annex annex;

#endif
