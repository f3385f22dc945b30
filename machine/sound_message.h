/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the machine and the process with the host's sound say to each other. From there come frames that were recorded,
 * and nothing else. */
#ifndef ARMATURE_SOUND_MESSAGE_H
#define ARMATURE_SOUND_MESSAGE_H

#include "machine/contract/sound.h"

#define SOUND_MESSAGE_FRAMES 4096u /* at most, in one message either way */

enum sound_message_kind {
    SOUND_PLAY,    /* count: frames, which follow */
    SOUND_CAPTURE, /* count: 1 to record from now on, 0 to stop */
};

struct sound_message {
    uint32_t kind, count;
    struct sound_frame frames[SOUND_MESSAGE_FRAMES];
};

/** What the annex "sound" has: the process, which runs until the socket is closed, and does not return. */
struct sound_annex {
    void (*process)(int socket) __attribute__((noreturn));
};
extern const struct sound_annex annex;

#endif
