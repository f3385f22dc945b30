/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The calls that the guest's programs make of its kernel, as they are made. */
#ifndef ARMATURE_DEBUGGER_KERNEL_CALLS_H
#define ARMATURE_DEBUGGER_KERNEL_CALLS_H

#include "debugger/session/session.h"

/** Whose calls are told. */
struct calls_wanted {
    uint64_t pid;  /* of this process, all its threads; 0: of any */
    char name[17]; /* of those whose command this is; "": of any */
};

/** From now on a line for each call goes to `path`, or (NULL) to where the running command writes. False: `error` says
 *  why not. */
bool calls_trace(struct session *session, const struct calls_wanted *wanted, const char *path, struct error *error);

/** No longer; calls that have not come back are told as such. False: nothing was traced, or the file is not whole. */
bool calls_untrace(struct session *session, struct error *error);

bool calls_traced(void);

#endif
