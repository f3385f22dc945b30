/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of commands, which serves the prompt, scripts, the control socket, gdb's `monitor`, completion and help. */
#ifndef ARMATURE_DEBUGGER_COMMAND_H
#define ARMATURE_DEBUGGER_COMMAND_H

#include "debugger/session/session.h"
#include "debugger/session/words.h"

/** What the words behind a command are, for completion. */
enum completes {
    COMPLETES_NOTHING,
    COMPLETES_EXPRESSION,
    COMPLETES_PLACE, /* that can be set: the same, or a device's field */
    COMPLETES_FILE,
    COMPLETES_COMMAND,
    COMPLETES_INFO,
    COMPLETES_DEVICE
};

struct command {
    const char *name;
    const char *arguments; /* as the help shows them; "" none */
    enum completes completes;
    /* Does it. `arguments` has no blanks at its ends. False: `error` says why not. */
    bool (*run)(struct session *session, const char *arguments, struct error *error);
    const char *help;
    const char *aliases; /* shorter names, separated by blanks; NULL: none */
    bool runs;           /* the guest runs by it */
};

/** The commands of each kind, each table ending with a row without a name; the order of the help. */
extern const struct command commands_run[], commands_points[], commands_see[], commands_source[], commands_kernel[],
    commands_control[], commands_time[], commands_trace[], commands_test[], commands_files[];
extern const struct command commands_info[]; /* behind `info` */

/** Every table but that of info, with a title; the last has no title. */
struct command_group {
    const char *title;
    const struct command *commands;
};
extern const struct command_group command_groups[];

/** The command that `word` (of `length` bytes) means: its name, an alias, or the only name that begins so. NULL:
 * `error` says why there is none. */
const struct command *command_find(const char *word, size_t length, struct error *error);
const struct command *command_find_info(const char *word, size_t length, struct error *error);

/** Does one line. Output goes to session->out. False: `error` says what is wrong with it, or could not be done. */
bool command_line(struct session *session, const char *line, struct error *error);

/** The same for a peer: what the command says goes to `*output`, of `*length` bytes and a 0, which the caller frees;
 * NULL where the host has no memory. Nothing is painted. */
bool command_capture(struct session *session, const char *line, bool json, char **output, size_t *length,
                     struct error *error);

/** Does the lines of a file, until one fails (unless it begins with '-'). */
bool command_script(struct session *session, const char *path, struct error *error);

/** Loads a file with symbols, as the command `symbols` does. */
bool command_symbols(struct session *session, const char *path, struct error *error);

/** Does what --at can do too (machine/actions.h): the action `word` with these arguments. */
bool command_act(struct session *session, const char *word, const char *arguments, struct error *error);

/** Cuts " user PID" or " user NAME" off the end of a line, and puts the process into `point`. False: there is none. */
bool command_cut_user(struct session *session, char *line, struct point *point, struct error *error);

/** Writes the names that complete the last word of `line`, each by `each`. */
void command_complete(struct session *session, const char *line, void (*each)(void *context, const char *whole),
                      void *context);

#endif
