/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The program: its commands, and the wiring of engines into the machine. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include "debugger/debugger.h"
#include "debugger/front/scenario.h"
#include "hostcall/binfmt.h"
#include "hostcall/exec.h"
#include "interp/interp.h"
#include "jit/jit.h"
#include "jit/lockstep.h"
#include "machine/cluster.h"
#include "machine/isolation.h"
#include "machine/machine.h"
#include "machine/options_table.h"
#include "machine/sound.h"
#include "machine/window.h"
#include "manage/cluster_file.h"
#include "manage/manage.h"
#include "peripherals/disk/disk_command.h"
#include "peripherals/net/switch.h"
#include "snapshot/saver.h"
#include "snapshot/migrate.h"
#include "snapshot/snapshot.h"
#include "snapshot/record.h"
#include "snapshot/replay.h"

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
    const struct run_options *options = machine->options;
    return saver_save(machine->saving.saver, path, &(struct saver_options){options->compress, options->incremental},
                      error);
}

/* Files that the machine was given the state of while it ran: parts of them may be mapped as long as it lives. */
static struct {
    struct snapshot **of;
    unsigned count;
} restored_from;

static bool restore(struct machine *machine, const char *path, void (*begins)(void *context), void *context,
                    struct error *error)
{
    struct snapshot *snapshot = snapshot_open(path, error);
    if (!snapshot || !snapshot_fits(snapshot, machine, error)) {
        snapshot_close(snapshot);
        return false;
    }
    restored_from.of = host_realloc(restored_from.of, restored_from.count + 1, sizeof *restored_from.of);
    restored_from.of[restored_from.count++] = snapshot;
    saver_wait(machine->saving.saver, NULL); /* it may read what is replaced now */
    begins(context);
    if (!snapshot_restore_over(snapshot, machine, error))
        return false;
    saver_restored(machine->saving.saver, snapshot);
    return true;
}

static void close_restored(void)
{
    for (unsigned i = 0; i < restored_from.count; i++)
        snapshot_close(restored_from.of[i]);
    free(restored_from.of);
}

static bool finish_save(struct machine *machine, bool wait, struct error *error)
{
    return (!wait && saver_busy(machine->saving.saver)) || saver_wait(machine->saving.saver, error);
}

/* On another thread: the machine looks at what became of it. */
static void on_saved(void *context)
{
    run_loop_pause_later(&((struct machine *)context)->loop);
}

/* A new machine, or the one in a snapshot, which then stays open as long as it lives. */
static struct machine *make_machine(struct run_options *options, const struct engine_ops *engine,
                                    struct snapshot **snapshot, struct incoming **incoming, struct error *error)
{
    if (options->incoming) {
        *incoming = incoming_wait(options->incoming, error);
        if (!*incoming || !incoming_configure(*incoming, options, error)) {
            if (*incoming)
                incoming_refuse(*incoming, error);
            return NULL;
        }
    }
    if (*incoming) {
        struct machine *machine = machine_create(options, engine, error);
        if (!machine)
            incoming_refuse(*incoming, error);
        else if (!incoming_receive(*incoming, machine, error)) {
            machine_free(machine);
            return NULL;
        }
        return machine;
    }
    if (options->restore) {
        *snapshot = snapshot_open(options->restore, error);
        if (!*snapshot || !snapshot_configure(*snapshot, options, error))
            return NULL;
    }
    struct machine *machine = machine_create(options, engine, error);
    if (machine && *snapshot && !snapshot_restore(*snapshot, machine, error)) {
        machine_free(machine);
        return NULL;
    }
    return machine;
}

/* What a running machine can be asked for: to be saved, and to go elsewhere. */
static void give_services(struct machine *machine, const struct snapshot *snapshot)
{
    if (machine->options->parallel)
        return;
    machine->saving =
        (struct machine_saving){save, finish_save, saver_create(machine, snapshot, on_saved, machine), {{0}}, false};
    machine->moving = (struct machine_moving){migration_start, migration_step, migration_failed, migration_busy,
                                              migration_create(machine)};
}

static int command_snapshot(int argc, char **argv)
{
    struct error error = {""};
    if (argc == 1 && !strcmp(argv[0], "--help")) {
        snapshot_command_help(stdout);
        return finish_output();
    }
    int status = snapshot_command(argc, argv, &interp_engine, &error);
    int output = finish_output();
    return status ? complain(status, error.text) : output;
}

static int command_disk(int argc, char **argv)
{
    static const enum exit_status statuses[] = {
        [DISK_COMMAND_DONE] = EXIT_STATUS_POWER_OFF,
        [DISK_COMMAND_FAILED] = EXIT_STATUS_HOST,
        [DISK_COMMAND_USAGE] = EXIT_STATUS_USAGE,
    };
    struct error error = {""};
    if (argc == 1 && !strcmp(argv[0], "--help")) {
        disk_command_help(stdout);
        return finish_output();
    }
    enum exit_status status = statuses[disk_command(argc, argv, &error)];
    int output = finish_output();
    return status ? complain(status, error.text) : output;
}

/* The options: what a log says, if one is to be followed, and then what the command line says. */
static int parse(struct run_options *options, struct replay **replay, int argc, char **argv, struct error *error)
{
    run_options_default(options);
    if (!run_options_parse(options, argc, argv, error))
        return EXIT_STATUS_USAGE;
    if (!options->replay)
        return EXIT_STATUS_POWER_OFF;
    *replay = replay_open(options->replay, error);
    run_options_default(options);
    if (!*replay || !replay_options(*replay, options, error))
        return EXIT_STATUS_HOST;
    if (!run_options_parse(options, argc, argv, error))
        return EXIT_STATUS_USAGE;
    options->tape = replay_tape(*replay);
    return EXIT_STATUS_POWER_OFF;
}

/* Runs the machine, recorded or replayed where that was asked for. */
static int run(struct machine *machine, struct record *record, struct replay *replay, struct error *error)
{
    const char *path = machine->options->record;
    if ((replay && !replay_start(replay, machine, ARMATURE_VERSION, error)) ||
        (record && !record_start(record, machine, path, ARMATURE_VERSION, error)))
        return EXIT_STATUS_HOST;
    int status = machine_run(machine, error);
    if (replay)
        return replay_finish(replay, status, error);
    if (record && !record_finish(record, status == EXIT_STATUS_HOST ? NULL : error))
        return EXIT_STATUS_HOST;
    return status;
}

/* A clone that is to be like no other gets what no other has. A replay has got from its log what the recorded run got.
 */
static bool draw_identity(struct run_options *options, struct error *error)
{
    const bool seeded = run_options_given(options, "--seed");
    if (!options->restore || options->replay || (!options->fresh_identity && !seeded))
        return true;
    options->fresh_identity = true;
    return seeded || getrandom(&options->seed, sizeof options->seed, 0) == sizeof options->seed ||
           error_set(error, "--fresh-identity: the host has no random numbers: %s; give --seed", strerror(errno));
}

/* Others do not stand still between two instructions. */
static bool can_debug(const struct run_options *options)
{
    return !options->parallel && options->engine != ENGINE_CHOICE_LOCKSTEP && !options->dump_dtb;
}

/* There in a build with the address sanitizer, which at its end looks for leaks by tracing itself. */
extern void __lsan_do_leak_check(void) __attribute__((weak));

/* Gives up what a machine that is set up needs no more. */
static bool isolate(const struct run_options *options, bool debug, struct error *error)
{
    return __lsan_do_leak_check || isolation_enter(options, debug || options->script, error);
}

static const struct engine_ops *engine_of(const struct run_options *options)
{
    static const struct engine_ops *const engines[] = {
        [ENGINE_CHOICE_AUTO] = &jit_engine,
        [ENGINE_CHOICE_INTERP] = &interp_engine,
        [ENGINE_CHOICE_JIT] = &jit_only_engine,
        [ENGINE_CHOICE_LOCKSTEP] = &lockstep_engine,
    };
    return engines[options->engine];
}

/* What is said once for the process. */
static void use_settings(const struct run_options *options, bool debug)
{
    host_limit(options->host_features);
    jit_settings = (struct jit_settings){
        .cache_bytes = options->jit_cache_bytes,
        .perf_map = options->perf_map,
        .counting = debug || options->control || options->gdb || options->script,
        .statistics = options->jit_statistics,
        .dump = options->jit_dump,
    };
}

static int command_cluster(const char *path, int argc, char **argv);

/* `armature run`, or with `debug` `armature debug`. */
static int command_run(int argc, char **argv, bool debug)
{
    struct run_options options;
    struct error error = {""};
    for (int i = 0; i < argc; i++)
        if (!strcmp(argv[i], "--help")) {
            help_run(stdout);
            return finish_output();
        }
    struct replay *replay = NULL;
    int status = parse(&options, &replay, argc, argv, &error);
    if (status == EXIT_STATUS_POWER_OFF && debug && options.cluster) {
        error_set(&error, "the debugger is for one machine: --cluster makes no sense with it");
        status = EXIT_STATUS_USAGE;
    }
    if (status == EXIT_STATUS_POWER_OFF && debug && (options.parallel || options.engine == ENGINE_CHOICE_LOCKSTEP)) {
        error_set(
            &error,
            "the debugger stops the machine between two instructions, which --parallel and --engine lockstep cannot "
            "do");
        status = EXIT_STATUS_USAGE;
    }
    if (status != EXIT_STATUS_POWER_OFF) {
        replay_free(replay);
        return complain(status, error.text);
    }
    if (options.cluster && !debug)
        return command_cluster(options.cluster, argc, argv);
    bool windowed = options.display.kind == DISPLAY_SDL && !options.dump_dtb;
    struct window *window = windowed ? window_create(&options, &error) : NULL;
    bool sounds = options.sound.kind == SOUND_SDL && !options.dump_dtb;
    struct sound *sound = sounds && (window || !windowed) ? sound_create(&error) : NULL;
    if ((windowed && !window) || (sounds && !sound)) {
        window_free(window);
        replay_free(replay);
        return complain(EXIT_STATUS_HOST, error.text);
    }
    if (options.record)
        options.rtc_s = run_options_rtc_s(&options); /* so that the log has what the machine gets */
    if (!draw_identity(&options, &error))
        return complain(EXIT_STATUS_HOST, error.text);
    struct record *record = options.record ? record_create() : NULL;
    if (record)
        options.tape = record_tape(record);

    use_settings(&options, debug);
    struct snapshot *snapshot = NULL;
    struct incoming *incoming = NULL;
    struct machine *machine = make_machine(&options, engine_of(&options), &snapshot, &incoming, &error);
    struct session *debugger = NULL;
    static const struct session_hooks hooks = {.save = save, .restore = restore, .version = ARMATURE_VERSION};
    if (machine)
        give_services(machine, snapshot);
    if (!machine || (window && !window_attach(window, machine, &error)) ||
        (sound && !sound_attach(sound, machine, &error)) ||
        (can_debug(&options) && !(debugger = debugger_create(machine, &hooks, debug, &error))))
        status = EXIT_STATUS_HOST;
    else if (options.dump_dtb)
        status = machine_dump_dtb(machine, &error) ? EXIT_STATUS_POWER_OFF : EXIT_STATUS_HOST;
    else {
        if (options.parallel)
            fprintf(stderr, "armature: --parallel: processors run at the same time; no two runs are the same\n");
        status = isolate(&options, debug, &error) ? run(machine, record, replay, &error) : EXIT_STATUS_HOST;
    }
    if (debugger_failed(debugger) && status != EXIT_STATUS_HOST) {
        error_set(&error, "a command of the debugger failed; its message stands above");
        status = EXIT_STATUS_HOST;
    }
    debugger_free(debugger);
    if (machine) {
        saver_free(machine->saving.saver);
        migration_free(machine->moving.migration);
    }
    machine_free(machine); /* which puts the terminal right */
    window_free(window);
    sound_free(sound);
    snapshot_close(snapshot);
    close_restored();
    incoming_free(incoming);
    record_free(record);
    replay_free(replay);
    if (status & MACHINE_EXIT_BASE)
        return status & ~MACHINE_EXIT_BASE;
    return status == EXIT_STATUS_HOST ? complain(EXIT_STATUS_HOST, error.text) : status;
}

/* --- clusters -------------------------------------------------------------------------------------- */

static void exchange(void *context)
{
    net_switch_exchange(context);
}

/* The options of a machine of a cluster; `line` is room for where its serial line is. */
static bool cluster_options(struct run_options *options, const struct cluster_section *section, unsigned index,
                            struct net_switch *net_switch, char line[80], struct error *error)
{
    struct error why;
    run_options_default(options);
    options->net_switch = net_switch;
    snprintf(line, 80, "%s.serial", section->name);
    options->serial = (struct serial_option){SERIAL_FILE, line};
    options->clock = CLOCK_CHOICE_VIRTUAL;
    if (!run_options_parse(options, section->all.count, section->all.words, &why))
        return error_set(error, "%s: %s", section->name, why.text);
    if (!cluster_says(section, "--seed")) /* so that no two have the same addresses and keys */
        options->seed += index;
    if (!options->clock_asked && options->serial.kind == SERIAL_STDIO && isatty(STDIN_FILENO))
        options->clock = CLOCK_CHOICE_PACED;
    return true;
}

struct cluster_run {
    struct run_options options[CLUSTER_MACHINES_MAX];
    const struct run_options *all[CLUSTER_MACHINES_MAX];
    struct machine *machines[CLUSTER_MACHINES_MAX];
    char lines[CLUSTER_MACHINES_MAX][80];
    int statuses[CLUSTER_MACHINES_MAX];
    struct error errors[CLUSTER_MACHINES_MAX];
};

/* Makes the machines and runs them to their ends. */
static bool run_cluster(struct cluster_run *run, const struct cluster_file *file, struct net_switch *net_switch,
                        struct cluster *cluster, struct error *error)
{
    unsigned terminals = 0;
    for (unsigned i = 0; i < file->count; i++) {
        struct error why;
        struct run_options *options = &run->options[i];
        if (!cluster_options(options, &file->sections[i], i, net_switch, run->lines[i], error))
            return false;
        terminals += options->serial.kind == SERIAL_STDIO || options->console.kind == SERIAL_STDIO;
        if (terminals > 1)
            return error_set(error, "%s: one machine of a cluster can have stdio, and another has it",
                             file->sections[i].name);
        if (i == 0)
            use_settings(options, false);
        run->all[i] = options;
        run->machines[i] = machine_create(options, engine_of(options), &why);
        if (!run->machines[i])
            return error_set(error, "%s: %s", file->sections[i].name, why.text);
        cluster_add(cluster, run->machines[i]);
    }
    return (__lsan_do_leak_check || isolation_enter_all(run->all, file->count, false, error)) &&
           cluster_run(cluster, run->statuses, run->errors, error);
}

/* `armature run --cluster`. */
static int command_cluster(const char *path, int argc, char **argv)
{
    struct error error = {""};
    int status = EXIT_STATUS_HOST;
    struct cluster_file *file = cluster_file_read(path, argc, argv, &error);
    struct cluster_run *run = host_alloc(1, sizeof *run);
    struct net_switch *net_switch = net_switch_create(file ? file->latency_ns : CLUSTER_LATENCY_NS);
    struct cluster *cluster = cluster_create(file ? file->latency_ns : CLUSTER_LATENCY_NS, exchange, net_switch);
    if (file && run_cluster(run, file, net_switch, cluster, &error)) {
        status = EXIT_STATUS_POWER_OFF;
        for (unsigned i = 0; i < file->count; i++) {
            if (run->statuses[i] == EXIT_STATUS_HOST)
                fprintf(stderr, "armature: %s: %s\n", file->sections[i].name, run->errors[i].text);
            if (!status)
                status = run->statuses[i];
        }
    } else {
        complain(EXIT_STATUS_HOST, error.text);
    }
    for (unsigned i = 0; i < CLUSTER_MACHINES_MAX; i++)
        machine_free(run->machines[i]);
    cluster_free(cluster);
    net_switch_free(net_switch);
    free(run);
    cluster_file_free(file);
    return status & ~MACHINE_EXIT_BASE;
}

/* --- other commands -------------------------------------------------------------------------------- */

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
    const struct exec_translator translator = {&jit_settings.perf_map, &jit_settings.counting,
                                               &jit_settings.dump};
    jit_settings.process = true;
    return complain((enum exit_status)exec_command(argc, argv, "armature", engines, &translator, &error),
                    error.text);
}

/* Started by the kernel for a program: its path, what it is called, and its arguments. */
static int exec_binfmt(int argc, char **argv)
{
    static char name_option[] = "--argv0", end_option[] = "--";
    char **all = calloc((size_t)argc + 3, sizeof *all);
    if (!all)
        return complain(EXIT_STATUS_HOST, "no memory on the host");
    char *const head[] = {name_option, argv[1], end_option, argv[0]};
    memcpy(all, head, sizeof head);
    memcpy(all + 4, argv + 2, (size_t)(argc - 2) * sizeof *all);
    return command_exec(argc + 2, all);
}

static int command_install_binfmt(int argc, char **argv)
{
    static const enum exit_status statuses[] = {
        [BINFMT_DONE] = EXIT_STATUS_POWER_OFF,
        [BINFMT_FAILED] = EXIT_STATUS_HOST,
        [BINFMT_USAGE] = EXIT_STATUS_USAGE,
    };
    struct error error = {""};
    if (argc == 1 && !strcmp(argv[0], "--help")) {
        binfmt_help(stdout);
        return finish_output();
    }
    const enum exit_status status = statuses[binfmt_command(argc, argv, &error)];
    const int output = finish_output();
    return status ? complain(status, error.text) : output;
}

static int run_scenario(int argc, char **argv)
{
    return command_run(argc, argv, true);
}

static int command_test(int argc, char **argv)
{
    struct error error = {""};
    if (argc == 1 && !strcmp(argv[0], "--help")) {
        scenario_help(stdout);
        return finish_output();
    }
    int status = scenario_command(argc, argv, run_scenario, &error);
    int output = finish_output();
    return status ? complain(status, error.text) : output;
}

static int run_managed(int argc, char **argv)
{
    return command_run(argc, argv, false);
}

/* `armature create`, `start` and their like. */
static int command_manage(int argc, char **argv)
{
    static const struct manage_hooks hooks = {run_managed};
    struct error error = {""};
    int status = manage_command(argc, argv, &hooks, &error);
    int output = finish_output();
    return status && *error.text ? complain(status, error.text) : status ? status : output;
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

    if (binfmt_started(argc))
        return exec_binfmt(argc - 1, argv + 1);
    if (argc >= 2 && !strcmp(argv[1], "exec"))
        return command_exec(argc - 2, argv + 2); /* whose signals are the program's */
    /* A peer that hangs up, and a file that may not grow further, are errors of the write. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    if (argc < 2)
        return complain(EXIT_STATUS_USAGE, "what is to be done? armature --help tells");
    if (!strcmp(argv[1], "run"))
        return command_run(argc - 2, argv + 2, false);
    if (!strcmp(argv[1], "debug"))
        return command_run(argc - 2, argv + 2, true);
    if (!strcmp(argv[1], "test"))
        return command_test(argc - 2, argv + 2);
    if (!strcmp(argv[1], "snapshot"))
        return command_snapshot(argc - 2, argv + 2);
    if (!strcmp(argv[1], "disk"))
        return command_disk(argc - 2, argv + 2);
    if (!strcmp(argv[1], "install-binfmt"))
        return command_install_binfmt(argc - 2, argv + 2);
    if (manage_is_command(argv[1]))
        return command_manage(argc - 1, argv + 1);
    if (argc > 2)
        return complain(EXIT_STATUS_USAGE,
                        "expected run, debug, test, exec, snapshot, disk or install-binfmt and what follows them, "
                        "--help or --version");
    if (!strcmp(argv[1], "--version")) {
        puts("armature " ARMATURE_VERSION);
        return finish_output();
    }
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!strcmp(argv[1], texts[i].word)) {
            texts[i].print(stdout);
            return finish_output();
        }
    fprintf(stderr,
            "armature: unknown command '%s'; expected run, debug, test, exec, snapshot, disk, install-binfmt, "
            "--help or --version\n",
            argv[1]);
    return EXIT_STATUS_USAGE;
}
