/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Places in code: symbols, addresses, lines of a source. */
#ifndef ARMATURE_DEBUGGER_LOCATION_H
#define ARMATURE_DEBUGGER_LOCATION_H

#include "debugger/session/session.h"
#include "debugger/view/frame.h"

/** The addresses that are meant by FILE:LINE (several, where the line was inlined), a line's number alone, a function,
 *  *EXPRESSION or an expression. A function with DWARF means what is behind its prologue. Returns how many there are,
 *  at most `capacity`; 0: `error` says why. */
unsigned location_addresses(struct session *session, const char *text, uint64_t *addresses, unsigned capacity,
                            struct error *error);
/** The first of them. */
bool location_address(struct session *session, const char *text, uint64_t *address, struct error *error);

/** The line of the source that the instruction at `address` was made of; false: not known. */
bool location_line(struct session *session, uint64_t address, struct source_line *line);

#endif
