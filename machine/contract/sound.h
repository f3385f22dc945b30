/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between a sound card and the host's end of it. Whatever a guest plays or records, here it is frames of one kind: two
 * channels of 16 bits, 48000 a second. What is played leaves the machine when the guest's clock says that it has been
 * heard; what is recorded enters by the door (machine/contract/input.h), so that the guest sees nothing else of the
 * host's sound. */
#ifndef ARMATURE_SOUND_H
#define ARMATURE_SOUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOUND_RATE_HZ 48000u

struct inputs;

struct sound_frame {
    int16_t left, right;
};

/** The host's end. Nothing here may wait, or tell the guest anything but by the door. */
struct sound_host_ops {
    void (*play)(void *host, const struct sound_frame *frames, size_t count);
    /* The guest records from now on, or does no more. NULL: there is nothing to be recorded. */
    void (*capture)(void *host, bool on);
    /* The guest will want `count` frames in a while, in addition to what was posted. NULL: they come by themselves. */
    void (*want)(void *host, size_t count);
    void (*free)(void *host);
};

/** Where the card's cables end. */
struct sound_port {
    const struct sound_host_ops *ops; /* NULL: nobody listens, and silence is recorded */
    void *host;
    struct inputs *inputs;
    unsigned frames_source; /* whole frames that were recorded */
    unsigned jack_source;   /* what is plugged: a jack's number and 1, or 0, a byte each */
    unsigned jack_count;
    bool capturing;
};

/** Puts the host's end there, which is the port's from now on, and tells it whether it is to record. */
void sound_port_attach(struct sound_port *port, const struct sound_host_ops *ops, void *host);

/** Takes the host's end away, and frees it. */
void sound_port_detach(struct sound_port *port);

/* For the card. */

void sound_port_play(struct sound_port *port, const struct sound_frame *frames, size_t count);
void sound_port_capture(struct sound_port *port, bool on);
void sound_port_want(struct sound_port *port, size_t count);

#endif
