/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The program: its commands, and the wiring of engines into the machine. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include "hostcall/exec.h"
#include "interp/interp.h"
#include "jit/jit.h"
#include "jit/lockstep.h"
#include "machine/machine.h"
#include "machine/options_table.h"
#include "snapshot/snapshot.h"

/* One line on standard error. */
static int complain(enum exit_status status, const char *text)
{
    fprintf(stderr, "armature: %s\n", text);
    return status;
}

/* Output that the user asked for must have arrived. */
static int finish_output(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return EXIT_STATUS_POWER_OFF;
    return complain(EXIT_STATUS_HOST, "standard output cannot be written");
}

static bool save(struct machine *machine, const char *path, struct error *error)
{
    return snapshot_save(machine, path, &(struct snapshot_options){.compress = machine->options->compress}, error);
}

/* A new machine, or the one in a snapshot, which then stays open as long as it lives. */
static struct machine *make_machine(struct run_options *options, const struct engine_ops *engine,
                                    struct snapshot **snapshot, struct error *error)
{
    if (options->restore) {
        *snapshot = snapshot_open(options->restore, error);
        if (!*snapshot || !snapshot_configure(*snapshot, options, error))
            return NULL;
    }
    struct machine *machine = machine_create(options, engine, error);
    if (machine)
        machine->saving.save = save;
    if (machine && *snapshot && !snapshot_restore(*snapshot, machine, error)) {
        machine_free(machine);
        return NULL;
    }
    return machine;
}

static int command_snapshot(int argc, char **argv)
{
    struct error error = {""};
    if (argc == 1 && !strcmp(argv[0], "--help")) {
        snapshot_command_help(stdout);
        return finish_output();
    }
    int status = snapshot_command(argc, argv, &error);
    int output = finish_output();
    return status ? complain(status, error.text) : output;
}

static int command_run(int argc, char **argv)
{
    struct run_options options;
    struct error error = {""};
    for (int i = 0; i < argc; i++)
        if (!strcmp(argv[i], "--help")) {
            help_run(stdout);
            return finish_output();
        }
    run_options_default(&options);
    if (!run_options_parse(&options, argc, argv, &error))
        return complain(EXIT_STATUS_USAGE, error.text);

    static const struct engine_ops *const engines[] = {
        [ENGINE_CHOICE_AUTO] = &jit_engine,
        [ENGINE_CHOICE_INTERP] = &interp_engine,
        [ENGINE_CHOICE_JIT] = &jit_only_engine,
        [ENGINE_CHOICE_LOCKSTEP] = &lockstep_engine,
    };
    host_limit(options.host_features);
    jit_settings = (struct jit_settings){
        .cache_bytes = options.jit_cache_bytes,
        .perf_map = options.perf_map,
        .statistics = options.jit_statistics,
        .dump = options.jit_dump,
    };
    struct snapshot *snapshot = NULL;
    struct machine *machine = make_machine(&options, engines[options.engine], &snapshot, &error);
    if (!machine) {
        snapshot_close(snapshot);
        return complain(EXIT_STATUS_HOST, error.text);
    }
    int status;
    if (options.dump_dtb)
        status = machine_dump_dtb(machine, &error) ? EXIT_STATUS_POWER_OFF : EXIT_STATUS_HOST;
    else {
        if (options.parallel)
            fprintf(stderr, "armature: --parallel: processors run at the same time; no two runs are the same\n");
        status = machine_run(machine, &error);
    }
    machine_free(machine); /* which puts the terminal right */
    snapshot_close(snapshot);
    return status == EXIT_STATUS_HOST ? complain(EXIT_STATUS_HOST, error.text) : status;
}

/* Comes back only where the program could not be run. */
static int command_exec(int argc, char **argv)
{
    static const struct exec_engine engines[] = {
        {"auto", &jit_engine}, {"interp", &interp_engine}, {"jit", &jit_only_engine}, {NULL, NULL}};
    struct error error = {""};
    if (argc >= 1 && !strcmp(argv[0], "--help")) {
        exec_help(stdout);
        return finish_output();
    }
    jit_settings.process = true;
    return complain((enum exit_status)exec_command(argc, argv, "armature", engines, &error), error.text);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *word;
        void (*print)(FILE *to);
    } texts[] = {
        {"--help", help_program},
        {"--manual-sections", help_manual}, /* for the build */
        {"--bash-completion", help_completion},
    };

    if (argc >= 2 && !strcmp(argv[1], "exec"))
        return command_exec(argc - 2, argv + 2); /* whose signals are the program's */
    /* A peer that hangs up, and a file that may not grow further, are errors of the write. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    if (argc < 2)
        return complain(EXIT_STATUS_USAGE, "what is to be done? armature --help tells");
    if (!strcmp(argv[1], "run"))
        return command_run(argc - 2, argv + 2);
    if (!strcmp(argv[1], "snapshot"))
        return command_snapshot(argc - 2, argv + 2);
    if (argc > 2)
        return complain(EXIT_STATUS_USAGE, "expected run, exec or snapshot and what follows them, --help or --version");
    if (!strcmp(argv[1], "--version")) {
        puts("armature " ARMATURE_VERSION);
        return finish_output();
    }
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!strcmp(argv[1], texts[i].word)) {
            texts[i].print(stdout);
            return finish_output();
        }
    fprintf(stderr, "armature: unknown command '%s'; expected run, exec, snapshot, --help or --version\n", argv[1]);
    return EXIT_STATUS_USAGE;
}
