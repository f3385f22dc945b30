/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between call.c and call_args.c: the arguments of a call under way, in the host's form. */
#ifndef ARMATURE_CALL_ARGS_H
#define ARMATURE_CALL_ARGS_H

#include "hostcall/call.h"

struct call_prepared {
    uint64_t args[CALL_MAX_ARGS];
    char paths[2][CALL_PATH_BYTES];
    uint8_t structures[2][CALL_MAX_HOST_BYTES];
    unsigned path_count, structure_count;
    void *copies[CALL_MAX_ARGS]; /* malloc'd, where the host gets copies */
    uint64_t lengths[CALL_MAX_ARGS];
};

/** Makes what the host is to see. 0, or -errno: -EFAULT, -E2BIG of what is to be copied, -ENOMEM, of paths theirs.
 * call_unprepare() in any case. */
int call_prepare(struct call_context *context, const uint64_t *args, struct call_prepared *prepared);

/** Gives the guest what the host wrote: 0 or -EFAULT. */
int call_give(const struct call_context *context, const uint64_t *args, const struct call_prepared *prepared);

void call_unprepare(struct call_prepared *prepared);

/** A number as the call sees it, whatever else the guest's register has. */
uint64_t call_number(enum call_kind kind, uint64_t value);

#endif
