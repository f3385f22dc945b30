/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A recording that a command began: a snapshot of that moment, and a log of what reaches the machine from then on.
 * While the machine is in the past the recording waits where it was left (history.c). */
#ifndef ARMATURE_DEBUGGER_RECORDING_H
#define ARMATURE_DEBUGGER_RECORDING_H

#include "debugger/session/session.h"

/** Begins it: the log goes to `path`, the snapshot to `path`.snap. */
bool recording_begin(struct session *session, const char *path, struct error *error);

/** Ends it, where the machine has come; from the past it goes there. False: nothing is recorded, or the log is not
 *  whole. */
bool recording_end(struct session *session, struct error *error);

bool recording_under_way(void);

#endif
