/* SPDX-License-Identifier: GPL-3.0-or-later */
/* AArch64 programs started by Linux itself: `armature install-binfmt`. */
#ifndef ARMATURE_BINFMT_H
#define ARMATURE_BINFMT_H

#include <stdbool.h>
#include <stdio.h>
#include "machine/contract/error.h"

enum binfmt_end { BINFMT_DONE, BINFMT_FAILED, BINFMT_USAGE };

/** Runs the command: the arguments behind `install-binfmt`. An error unless it is done. */
int binfmt_command(int count, char **arguments, struct error *error);

/** Whether Linux has started this program by the entry: argv is then this program's name, the guest's program, what
 * that is called, and its arguments. */
bool binfmt_started(int argc);

void binfmt_help(FILE *to);

#endif
