/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Talking to a machine that runs: its serial line on this terminal, and commands of its debugger. */
#ifndef ARMATURE_MANAGE_ATTACH_H
#define ARMATURE_MANAGE_ATTACH_H

#include <stdbool.h>
#include <stddef.h>
#include "machine/contract/error.h"

/** Connects standard input and output to the serial line at the Unix socket `path`, until Ctrl-] is typed, standard
 *  input ends, or the machine does. A terminal is raw meanwhile. False: it cannot be reached. */
bool attach_console(const char *path, struct error *error);

/** Has the debugger at the Unix socket `path` do a line, and waits for its answer, which goes into `answer`. False: it
 *  cannot be reached, or says no. */
bool attach_command(const char *path, const char *line, char *answer, size_t capacity, struct error *error);

#endif
