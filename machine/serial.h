/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The host's end of a serial line: standard input and output, a file, a Unix socket or a pseudo-terminal. */
#ifndef ARMATURE_SERIAL_H
#define ARMATURE_SERIAL_H

#include <stddef.h>
#include "machine/contract/error.h"
#include "machine/contract/input.h"
#include "machine/options.h"
#include "machine/terminal.h"

struct page;
struct serial;

/** The text page on which a line ends; NULL: it ends elsewhere. NULL is allowed. */
struct page *serial_page(const struct serial *serial);

/** Opens the host's side (the terminal is not touched yet). `name` is for messages ("serial", "console").
 *  NULL: `error` says what could not be had. */
struct serial *serial_open(const char *name, const struct serial_option *option, struct error *error);

/** Also adds all output to the end of a file. False: it cannot be opened, and `error` says why. */
bool serial_log_to(struct serial *serial, const char *path, struct error *error);

/** Types what is in a file on the line, whose output goes to another, as if it were piped in. False: it cannot be
 *  opened, and `error` says why. */
bool serial_input_from(struct serial *serial, const char *path, struct error *error);

/** Starts taking input: from now on what arrives is posted to `source` of `inputs`, and a terminal is raw.
 *  A standard input that is no terminal is a script with `scripted` (--clock virtual; input_script()), and its end is
 *  told; without, the guest gets it once it listens (input_await_listener()). `actions` are copied; NULL: there are
 *  none. False: `error` says why not. */
bool serial_attach(struct serial *serial, struct inputs *inputs, unsigned source, bool scripted,
                   const struct terminal_actions *actions, struct error *error);

/** As serial_attach(), but for output alone: nothing that arrives is taken, and a terminal stays as it is. */
void serial_attach_output(struct serial *serial, struct inputs *inputs);

/** The guest sends bytes: the transmit hook of a device, `serial` being its context. Nothing is lost to a
 * slow reader: the call waits when more than SERIAL_BUFFER_BYTES are unread. */
void serial_transmit(void *serial, const void *bytes, size_t length);
#define SERIAL_BUFFER_BYTES 65536

/** Hands the terminal to somebody else for a while (what is buffered is written, it is no longer raw, and what is typed
 *  is left to others), and takes it back. Lines that lead elsewhere go on. NULL is allowed. */
void serial_suspend(struct serial *serial);
void serial_resume(struct serial *serial);

/** Writes out what is buffered. NULL is allowed. */
void serial_flush(struct serial *serial);

/** Writes out what is buffered, puts the terminal right and frees. NULL is allowed. */
void serial_close(struct serial *serial);

/** Takes what a script has ready on the host, its end too, so that a machine that is saved now has it. NULL is
 *  allowed. */
void serial_collect(struct serial *serial);

#endif
