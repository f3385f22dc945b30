/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The user's terminal: raw while the guest has it, put right however the program ends, and the Ctrl-A keys.
 */
#ifndef ARMATURE_TERMINAL_H
#define ARMATURE_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include "machine/contract/error.h"

/** Makes the terminal `fd` raw. It is restored by terminal_restore(), at exit(), by signals that end the
 * program, and while the program is stopped. False: `error` says why it cannot be. */
bool terminal_raw(int fd, struct error *error);

/** After terminal_restore(): raw once more, where it was. */
void terminal_raw_again(void);

/** Puts the terminal right. Safe in a signal handler, and where it was never made raw. */
void terminal_restore(void);

/** What the user can ask for with the Ctrl-A keys; called on the machine's thread. NULL: there is
 *  no such key. */
struct terminal_actions {
    void (*quit)(void *context);       /* Ctrl-A X: end the run */
    void (*send_break)(void *context); /* Ctrl-A B: a break condition on the line */
    void (*press_power)(void *context); /* Ctrl-A P: the power key, which a guest takes as the wish to shut down */
    void *context;
    void (*debug)(void *context);      /* Ctrl-A D: to the debugger */
    void *debug_context;
    bool prompt; /* the debugger has a prompt there: Ctrl-C leads to it too, and standard input that is
                  * no terminal is the debugger's alone */
};

/** Where the Ctrl-A keys stand between two reads. */
struct terminal_keys {
    struct terminal_actions actions;
    bool escaped; /* the last byte was Ctrl-A */
};

/** Takes the Ctrl-A keys out of `length` typed bytes, in place, and does what they ask for. Returns how many
 *  bytes are left for the guest. */
size_t terminal_keys_filter(struct terminal_keys *state, unsigned char *bytes, size_t length);

#endif
