/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A guest's call that becomes one of the host's: a row says what its arguments are, and from that follow the checks of
 * what they point to, the translation of paths, constants and layouts, what a policy sees, the line of --strace, and
 * the call itself, which libffi makes. So a new call is a row, unless its meaning needs code (`handler`).
 *
 *     PLAIN(63, read, 0, FD, OUT_N(1, 3), LEN)
 *
 * says: the second argument points to what the third counts, which the call fills. Rows of linux_calls.def are calls of
 * the kernel, those of a user's list (hyper/list.h) functions of libraries. Whose memory it is, is behind struct
 * call_memory: a process's own addresses, or a machine's RAM, of which the host gets copies (call_set.copies). */
#ifndef ARMATURE_CALL_H
#define ARMATURE_CALL_H

#include "hostcall/call_args.h"

/** Does the call with `number`: the result as the guest is to see it. Unknown numbers are -ENOSYS; the first time each
 * is named on standard error, as what `who` calls. */
int64_t call_do(struct call_context *context, uint64_t number, const uint64_t *args, const char *who);

/** Does context->call, if the policy lets it: 0 and its *result, or -errno: it could not be made, or may not. */
int call_perform(struct call_context *context, uint64_t number, const uint64_t *args, int64_t *result);

/** The call in the row's plain way, for handlers that do something besides. */
int64_t call_plain(struct call_context *context, const uint64_t *args);

/** Frees what a policy has looked at of a call that did not come back. */
void call_forget_texts(struct call_context *context);

/** A line of --strace, of `number` with its result. */
void call_print(const struct call_context *context, uint64_t number, const uint64_t *args, int64_t result);

#endif
