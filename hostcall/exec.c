/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command line of `armature exec`. */
#include "hostcall/exec.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "hostcall/start.h"
#include "hostcall/trail.h"

#define EXIT_USAGE 2

/* What is being parsed. */
struct parsing {
    struct process_options *options;
    const struct exec_engine *engines;
    const struct exec_translator *translator;
    struct error *error;
};

static bool set_root(struct parsing *parsing, char *value)
{
    parsing->options->root = value;
    return true;
}

static bool set_policy(struct parsing *parsing, char *value)
{
    parsing->options->policy = policy_read(value, parsing->error);
    return parsing->options->policy &&
           policy_check(parsing->options->policy, POLICY_LINUX, linux_row, NULL, parsing->error);
}

static bool set_statistics(struct parsing *parsing, char *value)
{
    return parsing->options->statistics = *parsing->translator->counting = true;
}

static bool set_perf_map(struct parsing *parsing, char *value)
{
    return *parsing->translator->perf_map = true;
}

static bool set_dump(struct parsing *parsing, char *value)
{
    *parsing->translator->dump = value;
    return true;
}

/* An absolute one: with a root the program begins in another directory. */
static bool set_record(struct parsing *parsing, char *value)
{
    static char path[2 * PROCESS_PATH_BYTES];
    char at[PROCESS_PATH_BYTES];
    if (*value == '/' || !getcwd(at, sizeof at))
        snprintf(path, sizeof path, "%s", value);
    else
        snprintf(path, sizeof path, "%s/%s", at, value);
    parsing->options->record = path;
    return true;
}

static bool set_replay(struct parsing *parsing, char *value)
{
    parsing->options->replay = value;
    return true;
}

static bool set_strace(struct parsing *parsing, char *value)
{
    parsing->options->strace = true;
    return true;
}

static bool set_argv0(struct parsing *parsing, char *value)
{
    parsing->options->argv0 = value;
    return true;
}

static bool set_engine(struct parsing *parsing, char *value)
{
    for (const struct exec_engine *engine = parsing->engines; engine->name; engine++)
        if (!strcmp(engine->name, value)) {
            parsing->options->engine = engine->ops;
            return true;
        }
    return error_set(parsing->error, "--engine %s: expected auto, interp or jit", value);
}

static bool set_cpu(struct parsing *parsing, char *value)
{
    static const char *const names[] = {[CPU_V8_0] = "v8.0", [CPU_V8_2] = "v8.2", [CPU_MAX] = "max"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i], value)) {
            parsing->options->cpu = (enum cpu_model)i;
            return true;
        }
    return error_set(parsing->error, "--cpu %s: expected v8.0, v8.2 or max", value);
}

static const struct exec_option {
    const char *name, *value; /* value NULL: it takes none */
    bool inherited;           /* the program's programs have it too; their root is what it is by then (execve.c) */
    bool is_path;             /* its value is one: the program's programs have another directory */
    bool (*set)(struct parsing *parsing, char *value);
    const char *help;
} exec_options[] = {
    {"--root", "DIR", false, true, set_root,
     "The program's files begin at DIR, the root of an arm64 system, as under chroot; /proc, /sys and /dev are the "
     "host's, so mount() and umount() are not permitted."},
    {"--engine", "NAME", true, false, set_engine,
     "auto: the interpreter, and what is hot translated (the default); interp; jit: all is translated."},
    {"--cpu", "MODEL", true, false, set_cpu, "The processor that the program sees: v8.0, v8.2 or max (the default)."},
    {"--strace", NULL, true, false, set_strace, "Writes each call of the kernel to standard error."},
    {"--policy", "FILE", true, true, set_policy,
     "Logs, denies or changes calls, as the file's rules say; the manual has their form."},
    {"--jit-statistics", NULL, true, false, set_statistics,
     "At the program's end, counts and times of translated code on standard error."},
    {"--perf-map", NULL, true, false, set_perf_map,
     "Names translated code for Linux perf, in /tmp/perf-PID.map, by the guest's addresses."},
    {"--jit-dump", "FILE", false, false, set_dump,
     "Writes all code that is translated there: the program's, the intermediate form, and the host's bytes of each "
     "block."},
    {"--record", "LOG", false, false, set_record,
     "Writes down what reaches the program from outside: results of calls, signals, time, and which thread runs when. "
     "Without its children; what it becomes by execve() has a log of its own, LOG.1 and so on."},
    {"--replay", "LOG", false, false, set_replay,
     "Does the run again that a log has, with no call of the host's but for memory: its output, its end. No program is "
     "given."},
    {"--argv0", "NAME", false, false, set_argv0, "What the program is told that it is called."},
    {NULL, NULL, false, false, NULL, NULL},
};

void exec_help(FILE *to)
{
    fputs("usage: armature exec [OPTIONS] PROGRAM [ARGUMENTS]\n\n"
          "Runs a Linux program for AArch64, static or dynamic, as a process of this host. It may do all that the user "
          "may:\n"
          "it is not confined.\n\n",
          to);
    for (const struct exec_option *option = exec_options; option->name; option++)
        fprintf(to, "  %s%s%s\n      %s\n", option->name, option->value ? " " : "", option->value ? option->value : "",
                option->help);
    fputs("\nThe exit status is the program's; 126 where it cannot be run, 127 where it is not there.\n", to);
}

static const struct exec_option *find_option(const char *name)
{
    for (const struct exec_option *option = exec_options; option->name; option++)
        if (!strcmp(option->name, name))
            return option;
    return NULL;
}

int exec_command(int count, char **arguments, const char *self, const struct exec_engine *engines,
                 const struct exec_translator *translator, struct error *error)
{
    static struct process_options options;
    struct parsing parsing = {&options, engines, translator, error};
    int at = 0, status;
    options = (struct process_options){.engine = engines[0].ops, .cpu = CPU_MAX};
    options.own_options = calloc((size_t)count + 3, sizeof *options.own_options);
    if (!options.own_options) {
        error_set(error, "no memory on the host");
        return HOST_FAILURE_STATUS;
    }
    options.own_options[options.own_option_count++] = (char *)self;
    options.own_options[options.own_option_count++] = (char *)"exec";
    for (; at < count && arguments[at][0] == '-'; at++) {
        if (!strcmp(arguments[at], "--")) {
            at++;
            break;
        }
        const struct exec_option *option = find_option(arguments[at]);
        char *value = option && option->value && at + 1 < count ? arguments[at + 1] : NULL;
        if (!option || (option->value && !value)) {
            error_set(error, option ? "%s wants a value" : "exec: unknown option %s; armature exec --help lists them",
                      arguments[at]);
            return EXIT_USAGE;
        }
        if (!option->set(&parsing, value))
            return EXIT_USAGE;
        if (option->inherited) {
            options.own_options[options.own_option_count++] = arguments[at];
            if (value) {
                char *absolute = option->is_path ? realpath(value, NULL) : NULL; /* for as long as this program runs */
                options.own_options[options.own_option_count++] = absolute ? absolute : value;
            }
        }
        at += value != NULL;
    }
    if (options.replay ? at < count || options.root || options.record : at == count) {
        error_set(error, options.replay ? "exec: --replay has the program and its files from the log, so nothing else "
                                          "makes sense with it"
                                        : "exec: which program? armature exec --help tells");
        return EXIT_USAGE;
    }
    if (options.policy && (options.record || options.replay)) {
        error_set(error, "exec: a recorded run has its results from the host or the log, so --policy makes no sense "
                         "with --record and --replay");
        return EXIT_USAGE;
    }
    if (options.replay) {
        if (!trail_open(options.replay, &options, error))
            return HOST_FAILURE_STATUS;
        options.arguments = arguments + count;
    } else {
        options.program = arguments[at];
        options.arguments = arguments + at + 1;
    }
    process_exec(&options, &status, error);
    return status;
}
