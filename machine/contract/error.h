/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Errors of the host's kind: a file, memory or a socket that could not be had. They are carried up as a
 * value and end as one line to the user. A guest's mistake becomes what the architecture says; our own is
 * an assert. */
#ifndef ARMATURE_ERROR_H
#define ARMATURE_ERROR_H

#include <stdbool.h>
#include <stddef.h>

/** One host error, in words for the user: what it is about, what failed, and the way out. */
struct error {
    char text[512];
};

/** Writes a printf-style message to `error` (which may be NULL) and returns false, so that a failing
 *  function can say `return error_set(error, ...)`. */
bool error_set(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** The program's exit status when the host could not give it what it needs. */
#define HOST_FAILURE_STATUS 1

/** Zeroed memory for `count` things of `size_bytes` each, for the program's own small tables and structures.
 *  Where the host has none left the program ends with one line and HOST_FAILURE_STATUS. Sizes that a guest
 *  or a file chooses do not belong here. Freed with free(). */
void *host_alloc(size_t count, size_t size_bytes);

/** As host_alloc(), keeping what `memory` held; what is new is not zeroed. */
void *host_realloc(void *memory, size_t count, size_t size_bytes);

/** Zeroed memory for tables that are going to be used all over: the host makes its pages at once, which takes a tenth
 * of the time of a page fault for each. NULL: it has none left. */
void *host_map(size_t bytes);
/** Gives it back; NULL is allowed. */
void host_unmap(void *memory, size_t bytes);

#endif
