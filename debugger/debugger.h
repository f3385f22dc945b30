/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The debugger, as main wires it to a machine. */
#ifndef ARMATURE_DEBUGGER_H
#define ARMATURE_DEBUGGER_H

#include "machine/machine.h"

struct session;

/** What only the program as a whole can do. */
struct debugger_hooks {
    bool (*save)(struct machine *machine, const char *path, struct error *error);
    /* Gives the machine the state in a file. `begins(context)` is called when the file was found to be one of such a
     * machine, and before the machine changes. False: if it was called, the machine is of no more use. */
    bool (*restore)(struct machine *machine, const char *path, void (*begins)(void *context), void *context,
                    struct error *error);
    const char *version; /* the program's, for logs */
};

/** Wires a debugger into a machine that was created and has not run. `prompt`: it is `armature debug`, which begins and
 *  ends at the prompt; else it is there for Ctrl-A D, sockets and scripts that the options name. NULL: `error` says
 * what could not be had. */
struct session *debugger_create(struct machine *machine, const struct debugger_hooks *hooks, bool prompt,
                                struct error *error);
/** After the machine has ended, and before it is freed. NULL is allowed. */
void debugger_free(struct session *session);
/** Whether a script failed: the program's exit status shall say so. */
bool debugger_failed(const struct session *session);

/* For the debugger's own files. */
struct session *session_create(struct machine *machine);
void session_free(struct session *session);
/** The terminal is the guest's, or ours. */
void debugger_terminal(struct session *session, bool guest);

#endif
