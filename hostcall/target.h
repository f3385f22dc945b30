/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which program is run for a name: along PATH, and through the first lines of scripts. */
#ifndef ARMATURE_TARGET_H
#define ARMATURE_TARGET_H

#include "hostcall/call.h"
#include "hostcall/program.h"

#define SCRIPT_BYTES 256u
#define SCRIPT_DEPTH 4u

/** How many strings there are before the NULL. */
unsigned strings_count(char **strings);

/** What is run for a path: guest and host path of the program itself, and the arguments of scripts before the others.
 */
struct target {
    char guest[CALL_PATH_BYTES], host[CALL_PATH_BYTES];
    enum program_kind kind;
    char *before[2 * SCRIPT_DEPTH + 1]; /* replace argv[0]; NULL: none */
    unsigned before_count;
    uint8_t heads[SCRIPT_DEPTH][SCRIPT_BYTES + 1];
    char scripts[SCRIPT_DEPTH][CALL_PATH_BYTES];
};

/** The program by name: as a path, or along PATH. 0 or -errno. */
int target_by_name(const char *name, char guest[CALL_PATH_BYTES], char host[CALL_PATH_BYTES]);

/** What is run for the target's paths, which become those of a script's interpreter. 0 or -errno. */
int target_find(struct target *target);

/** argv as the target wants it: its own arguments[0], or the script's words. NULL: no memory. */
char **target_arguments(const struct target *target, char **arguments);

#endif
