/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the user sees of sources. */
#ifndef ARMATURE_DEBUGGER_SOURCE_H
#define ARMATURE_DEBUGGER_SOURCE_H

#include "debugger/location.h"

/** Prints the line that the code at `address` is of, with its text where the file can be read; nothing where no line is
 *  known. */
void source_tell_line(struct session *session, uint64_t address);

/* Behind `info`. */
bool source_info_locals(struct session *session, const char *arguments, struct error *error);
bool source_info_args(struct session *session, const char *arguments, struct error *error);
bool source_info_frame(struct session *session, const char *arguments, struct error *error);
bool source_info_line(struct session *session, const char *arguments, struct error *error);

#endif
