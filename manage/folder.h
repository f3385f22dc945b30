/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The folder of a machine that stays: its configuration, which people read and edit, its disks and flash, its logs, and
 * a lock, so that it never runs twice.
 *
 *     config        an option of `armature run` a line, without its dashes: "memory 2G". # begins a remark.
 *                   Relative names of files are in this folder.
 *     lock          held while the machine runs; the number of its process
 *     console.log   what the guest printed on its serial line, at all its starts
 *     log           what armature said
 *     console.sock, control.sock   while it runs: the serial line, and the debugger's commands */
#ifndef ARMATURE_MANAGE_FOLDER_H
#define ARMATURE_MANAGE_FOLDER_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "machine/contract/error.h"

#define CONFIG_WORDS_MAX 256

/** A configuration as the words of a command line. */
struct config {
    char *words[CONFIG_WORDS_MAX + 1];
    int count;
};

/** The folder of all machines ($ARMATURE_HOME, else armature below $XDG_DATA_HOME or ~/.local/share), or a file in it
 *  (`name` not ""). False: it cannot be found out. */
bool folder_home(char path[PATH_MAX], const char *name, struct error *error);

/** The folder of a machine. False: that is no name for one (letters, digits, '.', '-', '_'; at most 63). */
bool folder_path(char path[PATH_MAX], const char *machine, struct error *error);

/** The same; also false where there is no such machine. */
bool folder_find(char path[PATH_MAX], const char *machine, struct error *error);

/** Takes the lock of a machine's folder: a descriptor that holds it; -1: the machine runs, or the host could not. */
int folder_lock(const char *path, struct error *error);

/** The process that runs the machine; 0: it does not run. */
pid_t folder_runner(const char *path);

/** Reads the configuration. False: it cannot be read, or a line of it makes no sense, which is named. */
bool config_read(struct config *config, const char *path, struct error *error);

/** Takes a line apart - an option's name without its dashes, and behind blanks its value - and adds it; comments and
 * empty lines are nothing. False: it makes no sense, which is said of line `number` of `path`. */
bool config_line(struct config *config, char *line, const char *path, unsigned number, struct error *error);

/** Adds a word, a copy of which is kept. False: there are too many. */
bool config_add(struct config *config, const char *word, struct error *error);

/** The value of the first option `name` behind `from` (an index, -1 at first), which becomes its place; NULL: none. */
const char *config_find(const struct config *config, const char *name, int *from);

void config_free(struct config *config);

#endif
