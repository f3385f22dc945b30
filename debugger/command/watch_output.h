/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Waiting for what the guest prints. */
#ifndef ARMATURE_DEBUGGER_WATCH_OUTPUT_H
#define ARMATURE_DEBUGGER_WATCH_OUTPUT_H

#include "debugger/session/session.h"

/** Runs the guest until it has printed `text`, at most `ns` of its time. False: it has not, or something else stopped
 * it. */
bool watch_output_for(struct session *session, const char *text, uint64_t ns, struct error *error);

#endif
