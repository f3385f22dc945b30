/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the user sees of sources, and of where the machine stands. */
#ifndef ARMATURE_DEBUGGER_SOURCE_H
#define ARMATURE_DEBUGGER_SOURCE_H

#include "debugger/view/location.h"

/** Prints the line that the code at `address` is of, with its text where the file can be read; nothing where no line is
 *  known. */
void source_tell_line(struct session *session, uint64_t address);

/** Prints lines of a file; a mark stands before line `mark`. Returns how many there were; -1: it cannot be read. */
int source_print_lines(struct session *session, const struct source_line *of, unsigned first, unsigned count,
                       unsigned mark);

/** What `list` has shown last: the line behind it. No file: nothing, since the machine stands where it stands. */
extern struct source_line source_listed;

/** Where sources are looked for besides. False: there are too many folders. */
bool source_add_folder(const char *path);
void source_forget_folders(void);

/** Tells in a line or two where and why the machine stands. */
void source_tell_stop(struct session *session);

#endif
