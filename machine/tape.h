/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What stands beside a machine that is recorded or replayed: the run loop and the board tell it, and ask it.
 *
 * A replay feeds each input at its stamp. That says where in the run it was: after so many instructions, at that time,
 * after so many rounds of events. Between two moments with equal stamps nothing happens in the machine, so it is the
 * same there which of the loop's steps an input comes from. */
#ifndef ARMATURE_TAPE_H
#define ARMATURE_TAPE_H

#include "machine/inputs.h"

struct run_loop;

struct tape {
    void *context;
    bool replays; /* inputs come from the tape, and none from the host */

    /* At the top of the loop, between two rounds: a recording may note the state; a replay does all that the log has
     * for this moment. Returns whether an input was handed over. */
    bool (*at_top)(void *context);

    /* A recording only: it may take up to `wait_ns` until the loop comes by again; what must be on disk should be. */
    void (*before_wait)(void *context, uint64_t wait_ns);
    /* The content of a piece of a disk, told before it is changed for the first time. */
    void (*keep_block)(void *context, unsigned disk, uint64_t offset, const void *bytes, size_t length);
    void (*blocks_kept)(void *context); /* it changes now */

    /* A replay only. Where the next thing of the log happens; false: nothing more does. */
    bool (*next)(void *context, struct input_stamp *at);
    /* Hands over the inputs that the log has for this moment. Returns whether there were any. */
    bool (*feed)(void *context, struct input_stamp now);
    /* All processors sleep, and nothing will ever wake them. */
    void (*stuck)(void *context);
    /* Tells each piece of a disk that the recorded run changed, with its content before. */
    void (*each_kept_block)(void *context, unsigned disk,
                            void (*put)(void *to, uint64_t offset, const void *bytes, size_t length), void *to);
};

static inline bool tape_replays(const struct tape *tape)
{
    return tape && tape->replays;
}

#endif
