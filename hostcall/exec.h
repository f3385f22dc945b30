/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `armature exec`: its command line. */
#ifndef ARMATURE_EXEC_H
#define ARMATURE_EXEC_H

#include <stdio.h>
#include "machine/contract/engine.h"

/** Engines by the name that --engine takes, the default first. */
struct exec_engine {
    const char *name;
    const struct engine_ops *ops;
};

/** What of the translator's settings the user may choose: set before an engine is created. */
struct exec_translator {
    bool *perf_map, *counting;
    const char **dump;
};

/** Runs the command: the `count` arguments behind `exec`; `self` is what this program is called. Comes back only
 * where nothing ran: with an exit status, and an error unless that is 0. */
int exec_command(int count, char **arguments, const char *self, const struct exec_engine *engines,
                 const struct exec_translator *translator, struct error *error);

void exec_help(FILE *to);

#endif
