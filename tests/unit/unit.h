/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What cmocka.h wants included before it, in the order it wants. */
#ifndef ARMATURE_TESTS_UNIT_H
#define ARMATURE_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>

/** What is said on standard error from `complaint_begin` to `complaint_end`, which puts it into `text`. */
struct complaint {
    FILE *file;
    int before;
};

static inline void complaint_begin(struct complaint *complaint)
{
    complaint->file = tmpfile();
    assert_non_null(complaint->file);
    fflush(stderr);
    complaint->before = dup(STDERR_FILENO);
    dup2(fileno(complaint->file), STDERR_FILENO);
}

static inline void complaint_end(struct complaint *complaint, char *text, size_t capacity)
{
    fflush(stderr);
    dup2(complaint->before, STDERR_FILENO);
    close(complaint->before);
    rewind(complaint->file);
    text[fread(text, 1, capacity - 1, complaint->file)] = 0;
    fclose(complaint->file);
}

#endif
