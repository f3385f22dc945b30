/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `armature disk`: images made, looked at, checked, copied. */
#ifndef ARMATURE_DISK_COMMAND_H
#define ARMATURE_DISK_COMMAND_H

#include <stdio.h>
#include "machine/contract/error.h"

/** Whether the words made sense, and whether what they asked for was done. */
enum disk_command_end { DISK_COMMAND_DONE, DISK_COMMAND_FAILED, DISK_COMMAND_USAGE };

void disk_command_help(FILE *to);
/** Carries out the words behind `armature disk`. Unless it is done, `error` says why not. */
enum disk_command_end disk_command(int argc, char *const argv[], struct error *error);

#endif
