/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Steps: over calls, out of functions, by lines of a source, forward and back. session->stop tells what came of it. */
#ifndef ARMATURE_DEBUGGER_STEPPING_H
#define ARMATURE_DEBUGGER_STEPPING_H

#include "debugger/session/session.h"

/** Runs to `address` in the present process, with the stack not below `sp` (0: wherever it is). */
bool step_to(struct session *session, uint64_t address, uint64_t sp, struct error *error);
/** One instruction; a call and what it calls is one. */
bool step_over(struct session *session, struct error *error);
/** To where the present function returns to. */
bool step_out(struct session *session, struct error *error);
/** To the beginning of another line, where lines are known; else one instruction. `over`: calls run as one. */
bool step_line(struct session *session, bool over, struct error *error);

/** Back to the beginning of the line, or of the one before. */
bool step_line_back(struct session *session, bool over, struct error *error);
/** Back to the call of the present function. */
bool step_back_out(struct session *session, struct error *error);

#endif
