/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Verdicts of scenarios in the XML that continuous integration reads (JUnit's, as Ant and Jenkins have it). */
#ifndef ARMATURE_DEBUGGER_JUNIT_H
#define ARMATURE_DEBUGGER_JUNIT_H

#include "machine/contract/error.h"

struct junit_case {
    const char *name;
    bool passed;
    const char *message; /* of one that failed */
    const char *output;  /* a file with what was printed */
    double seconds;      /* of the host's time */
};

/** Writes the file. False: `error` says why it could not be. */
bool junit_write(const char *path, const struct junit_case *cases, unsigned count, struct error *error);

#endif
