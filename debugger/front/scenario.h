/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `armature test`: scenarios, which are scripts of the debugger, each on a machine of its own, with verdicts. */
#ifndef ARMATURE_DEBUGGER_SCENARIO_H
#define ARMATURE_DEBUGGER_SCENARIO_H

#include <stdio.h>
#include "machine/contract/error.h"

/** Runs a machine as `armature debug` does with these arguments, and returns its exit status. */
typedef int scenario_run(int argc, char **argv);

/** The arguments behind `armature test`. Returns the exit status: 0 where all scenarios pass; `error` has a line where
 *  the command line makes no sense or the host could not. */
int scenario_command(int argc, char **argv, scenario_run *run, struct error *error);
void scenario_help(FILE *to);

#endif
