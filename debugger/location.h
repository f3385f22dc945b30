/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Places in code: symbols, addresses, lines of a source. */
#ifndef ARMATURE_DEBUGGER_LOCATION_H
#define ARMATURE_DEBUGGER_LOCATION_H

#include "debugger/session.h"

struct source_line {
    const char *file;
    unsigned line;
};

/** The address that is meant by a symbol, *EXPRESSION, an expression or FILE:LINE. */
bool location_address(struct session *session, const char *text, uint64_t *address, struct error *error);

/** The line of the source that the instruction at `address` was made of; false: not known. */
bool location_line(struct session *session, uint64_t address, struct source_line *line);

#endif
