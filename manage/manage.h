/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Machines that stay: `armature create`, `start`, `stop`, `list`, `shell`, `ssh`, `logs`, `rename`, `delete`, `unit`,
 * `get`. Each machine is a folder (manage/folder.h). */
#ifndef ARMATURE_MANAGE_H
#define ARMATURE_MANAGE_H

#include <stdbool.h>
#include <stdio.h>
#include "machine/contract/error.h"

/** How a machine is run: as `armature run` with these words; returns the exit status. */
struct manage_hooks {
    int (*run)(int argc, char **argv);
};

/** Whether `word` is one of these commands. */
bool manage_is_command(const char *word);

/** Does one; argv[0] is its name. Returns the exit status; where that is not 0 and `error` has a text, it says why. */
int manage_command(int argc, char **argv, const struct manage_hooks *hooks, struct error *error);

/** The lines of `armature --help`, and the help of these commands. */
void manage_help(FILE *to);

/** The names of the commands, each behind a blank, for completion. */
void manage_words(FILE *to);

#endif
