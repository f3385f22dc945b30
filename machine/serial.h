/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The host's end of a serial line: standard input and output, a file, a Unix socket or a pseudo-terminal. */
#ifndef ARMATURE_SERIAL_H
#define ARMATURE_SERIAL_H

#include <stddef.h>
#include "machine/contract/error.h"
#include "machine/contract/input.h"
#include "machine/options.h"

struct serial;

/** Opens the host's side (the terminal is not touched yet). `name` is for messages ("serial", "console").
 *  NULL: `error` says what could not be had. */
struct serial *serial_open(const char *name, const struct serial_option *option, struct error *error);

/** What the user can ask for with the Ctrl-A keys; called on the machine's thread. NULL: there is no such
 * key. */
struct serial_keys {
    void (*quit)(void *context);       /* Ctrl-A X: end the run */
    void (*send_break)(void *context); /* Ctrl-A B: a break condition on the line */
    void (*press_power)(void *context); /* Ctrl-A P: the power key, which a guest takes as the wish to shut down */
    void *context;
};

/** Starts taking input: from now on what arrives is posted to `source` of `inputs`, and a terminal is raw.
 *  With `scripted` (--clock virtual) and a standard input that is no terminal, the source is declared a
 * script (input_script()), and its end is told. `keys` is copied; it may be NULL. False: `error` says why
 * not. */
bool serial_attach(struct serial *serial, struct inputs *inputs, unsigned source, bool scripted,
                   const struct serial_keys *keys, struct error *error);

/** As serial_attach(), but for output alone: nothing that arrives is taken, and a terminal stays as it is. */
void serial_attach_output(struct serial *serial, struct inputs *inputs);

/** The guest sends bytes: the transmit hook of a device, `serial` being its context. Nothing is lost to a
 * slow reader: the call waits when more than SERIAL_BUFFER_BYTES are unread. */
void serial_transmit(void *serial, const void *bytes, size_t length);
#define SERIAL_BUFFER_BYTES 65536

/** Writes out what is buffered, puts the terminal right and frees. NULL is allowed. */
void serial_close(struct serial *serial);

#endif
