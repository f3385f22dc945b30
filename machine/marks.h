/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Points in a run at which something is to be done: hashes of the state (--state-hash-at), and saving (--save-at,
 * --save-on). */
#ifndef ARMATURE_MARKS_H
#define ARMATURE_MARKS_H

#include "machine/machine.h"

/** Wires the marks into the loop. */
void marks_init(struct machine *machine);

/** The machine is about to run: sets the first mark, and does what is due where a restored machine stands. */
void marks_begin(struct machine *machine);

/** The run ended with `status`. Returns that, or EXIT_STATUS_HOST where a snapshot was asked for that there is not now;
 *  `error` says which. */
int marks_end(struct machine *machine, int status, struct error *error);

/** The guest prints: --save-on looks for its text. */
void save_watch_output(struct machine *machine, const void *bytes, size_t length);

/** How much of `text` stands at the end of what was printed, `matched` of it having stood there before `byte`. */
unsigned marks_match(const char *text, unsigned matched, char byte);

#endif
