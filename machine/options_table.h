/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table behind the command line: parsing, help, manual page and bash completion are all made from it. */
#ifndef ARMATURE_OPTIONS_TABLE_H
#define ARMATURE_OPTIONS_TABLE_H

#include <stddef.h>
#include <stdio.h>
#include "machine/options.h"

/** What an option's value does. */
enum cli_kind {
    CLI_KIND_OWN,  /* its `take` or `take_pair` says */
    CLI_KIND_FLAG, /* none follows: sets a bool */
    CLI_KIND_FILE, /* a file's name, not empty, for a string */
    CLI_KIND_WORD, /* one of the words of `complete`, in the order of an enum */
};

/* The end of a row whose value goes into a member of struct run_options, of the type that the kind says. */
#define CLI_MEMBER(cli_kind, type, name)                                                                               \
    .kind = cli_kind, .member = offsetof(struct run_options, name) +                                                   \
                                0 * sizeof(char[_Generic(((struct run_options *)0)->name, type: 1)])
#define CLI_FLAG(name) CLI_MEMBER(CLI_KIND_FLAG, bool, name)
#define CLI_FILE(name) CLI_MEMBER(CLI_KIND_FILE, const char *, name)
#define CLI_WORD(name) CLI_MEMBER(CLI_KIND_WORD, unsigned, name)

/** One option of `armature run`. */
struct cli_option {
    const char *name;     /* "--memory": its one spelling */
    const char *value;    /* what follows it, as the help shows it; NULL: a flag */
    const char *complete; /* the words that may follow, separated by blanks; "" for a file, NULL for neither */
    bool repeatable;
    const char *help; /* one or two sentences */
    /* Takes the value (NULL for a flag). False: `error` says what was expected. */
    bool (*take)(struct run_options *options, const char *value, struct error *error);
    /* In its place where two values follow. */
    bool (*take_pair)(struct run_options *options, const char *first, const char *second, struct error *error);
    enum cli_kind kind;
    size_t member; /* of struct run_options, for all kinds but OWN */
};

/** Options that belong together; each group has a file of its own, options_GROUP.c. The last row has no name. */
extern const struct cli_option options_start[], options_board[], options_disk[], options_net[], options_lines[],
    options_engine[], options_run[], options_snapshot[], options_debug[], options_limits[];

/** All groups, in the order of the help; the last has no title. */
extern const struct cli_group {
    const char *title;
    const struct cli_option *options;
} cli_groups[];

/** Does what the option says with its value (NULL for a flag); not for a pair. False: `error` says what was expected.
 */
bool cli_take(const struct cli_option *option, struct run_options *options, const char *value, struct error *error);

/** The option number `index` of all, in the order of the help; NULL: there are no more. */
const struct cli_option *cli_option_at(unsigned index);

/** Whether the options make sense together. False: `error` says which do not. */
bool options_check(const struct run_options *options, struct error *error);

/** The option with that name, or NULL. */
const struct cli_option *cli_find(const char *name);

/** One exit status, for the help and the manual. */
struct cli_status {
    enum exit_status status;
    const char *meaning;
};

/** All of them; the last has no meaning. */
extern const struct cli_status cli_statuses[];

/** The help of `armature` and of `armature run`. */
void help_program(FILE *to);
void help_run(FILE *to);

/** The options and exit statuses as a manual page's sections, and the completion for bash. Made at build
 * time. */
void help_manual(FILE *to);
void help_completion(FILE *to);

#endif
