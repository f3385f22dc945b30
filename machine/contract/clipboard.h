/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A clipboard that a guest shares with whoever looks at it: text alone. What the host copied enters the machine by the
 * door, and waits there until the guest asks for it; what the guest copied is kept here. */
#ifndef ARMATURE_CLIPBOARD_H
#define ARMATURE_CLIPBOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLIPBOARD_MAX_BYTES 65536u /* longer texts are not passed on, and the user is told */

struct inputs;

struct clipboard {
    struct inputs *inputs;
    unsigned source;           /* takes what the host copied: UTF-8; nothing: it has nothing any more */
    const uint8_t *guest_text; /* what the guest copied last, UTF-8, not ended by anything */
    size_t guest_bytes;        /* 0: nothing yet */
    void (*copied)(void *context); /* the guest has copied something; NULL: nobody asks */
    void *context;
};

#endif
