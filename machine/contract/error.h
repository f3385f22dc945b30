/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Errors of the host's kind: a file, memory or a socket that could not be had. They are carried up as a
 * value and end as one line to the user. A guest's mistake becomes what the architecture says; our own is
 * an assert. */
#ifndef ARMATURE_ERROR_H
#define ARMATURE_ERROR_H

#include <stdbool.h>

/** One host error, in words for the user: what it is about, what failed, and the way out. */
struct error {
    char text[512];
};

/** Writes a printf-style message to `error` (which may be NULL) and returns false, so that a failing
 *  function can say `return error_set(error, ...)`. */
bool error_set(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
