/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The debugger, as main wires it to a machine. */
#ifndef ARMATURE_DEBUGGER_H
#define ARMATURE_DEBUGGER_H

#include "debugger/session/session.h"

/** Wires a debugger into a machine that was created and has not run. `prompt`: it is `armature debug`, which begins and
 *  ends at the prompt; else it is there for Ctrl-A D, sockets and scripts that the options name. NULL: `error` says
 * what could not be had. */
struct session *debugger_create(struct machine *machine, const struct session_hooks *hooks, bool prompt,
                                struct error *error);
/** After the machine has ended, and before it is freed. NULL is allowed. */
void debugger_free(struct session *session);
/** Whether a script failed: the program's exit status shall say so. */
bool debugger_failed(const struct session *session);

/** A session of a machine with all that is above it, by itself: for tests. session_free() ends it. */
struct session *debugger_session(struct machine *machine);

#endif
