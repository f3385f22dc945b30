/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Options that make no sense with each other, or without another. */
#include "machine/options_table.h"

/* What a snapshot says of its machine, the command line cannot say again. */
static bool check_restore(const struct run_options *options, struct error *error)
{
    static const char *const fixed[] = {"--kernel", "--initrd", "--append", "--memory", "--cpus", "--cpu",
                                        "--dtb", "--dump-dtb", "--firmware", "--firmware-vars", "--bus", "--gic",
                                        "--el2", "--input"};
    for (unsigned i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (run_options_given(options, fixed[i]))
            return error_set(error, "--restore: the snapshot says what the machine is, so %s makes no sense with it",
                             fixed[i]);
    if (options->replay && !options->fresh_identity && run_options_given(options, "--seed"))
        return error_set(
            error, "--replay: the recorded run had the identity in its snapshot, so --seed makes no sense with it");
    return true;
}

/* A machine that moves here says what it is, and starts from nothing but its own memory. */
static bool check_incoming(const struct run_options *options, struct error *error)
{
    static const char *const fixed[] = {"--append",   "--memory",   "--cpus",          "--cpu",           "--seed",
                                        "--dump-dtb", "--firmware", "--firmware-vars", "--bus",           "--gic",
                                        "--restore",  "--record",   "--replay",        "--parallel",      "--el2",
                                        "--input",    "--fresh-identity"};
    for (unsigned i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (run_options_given(options, fixed[i]))
            return error_set(error, "--incoming: the machine that comes is what it is, so %s makes no sense with it",
                             fixed[i]);
    return true;
}

/* A snapshot holds what was written to overlays; an image that goes on being written could not be restored to. */
static bool check_saves(const struct run_options *options, struct error *error)
{
    for (unsigned i = 0; options->save_count && !options->restore && i < options->disk_count; i++)
        if (!options->disks[i].read_only && !options->disks[i].overlay)
            return error_set(error,
                             "--save-at and --save-on need disks whose images stay as they are: give --disk %s,overlay "
                             "or %s,ro",
                             options->disks[i].path, options->disks[i].path);
    if ((options->compress || options->incremental) && !options->save_count)
        return error_set(error, "%s is for snapshots: give --save-at or --save-on too",
                         options->compress ? "--compress" : "--incremental");
    return true;
}

/* A machine of a cluster is no more than a part of it. */
static bool check_switches(const struct run_options *options, struct error *error)
{
    static const char *const of_one[] = {"--restore",  "--incoming",  "--record",   "--replay",    "--save-at",
                                         "--save-on",  "--migrate-on", "--parallel", "--script",    "--control",
                                         "--gdb",      "--dump-dtb",  "--cluster",  "--cpu-limit"};
    for (unsigned i = 0; i < options->net_count; i++)
        if (options->nets[i].kind == NET_SWITCH && !options->net_switch)
            return error_set(error, "--net switch: joins the machines of a cluster: give --cluster too");
    for (unsigned i = 0; options->net_switch && i < sizeof of_one / sizeof *of_one; i++)
        if (run_options_given(options, of_one[i]))
            return error_set(error, "%s is for one machine, and not for a cluster", of_one[i]);
    if (options->net_switch && options->sound.kind == SOUND_SDL)
        return error_set(error, "a machine of a cluster is not heard: give --sound none, or wav:FILE");
    return !options->net_switch || options->display.kind != DISPLAY_SDL ||
           error_set(error, "a machine of a cluster has no window: give --display none");
}

/* What no option can see alone. */
bool options_check(const struct run_options *options, struct error *error)
{
    if (options->cluster && !options->net_switch)
        return true; /* each of its machines is looked at */
    if (!check_switches(options, error))
        return false;
    if (options->restore && !check_restore(options, error))
        return false;
    if (options->incoming && !check_incoming(options, error))
        return false;
    if (options->fresh_identity && !options->restore && !options->replay)
        return error_set(error, "--fresh-identity is for clones of a snapshot: give --restore too");
    if (!check_saves(options, error))
        return false;
    if (options->el2 && options->hostcall)
        return error_set(error, "--hostcall is called by HVC, which is EL2's where there is one: leave --el2 away");
    if (options->gic == GIC_VERSION_2 && options->cpus > MAX_GIC2_CPUS)
        return error_set(error, "--gic 2 serves up to %u processors: give --cpus %u, or --gic 3", MAX_GIC2_CPUS,
                         MAX_GIC2_CPUS);
    bool page = options->serial.kind == SERIAL_PAGE || options->console.kind == SERIAL_PAGE;
    if (options->display.kind == DISPLAY_ABSENT && !page && options->screenshot && !options->restore)
        return error_set(error, "--screenshot needs a screen: give --display none, or sdl");
    if (options->at_count && options->cpus > 1 && (options->record || options->replay))
        return error_set(
            error, "--at ends a turn of the processors, so with several a record could not be repeated without it");
    if (options->failure_snapshot && !options->script)
        return error_set(error, "--failure-snapshot is for commands that fail: give --script too");
    if (options->record && options->replay)
        return error_set(error, "--replay repeats what a log holds, so --record makes no sense with it");
    if (run_options_given(options, "--hostcall") && !*options->hostcall)
        return error_set(error, "--hostcall expects the name of a file");
    if (run_options_given(options, "--semihosting") && !*options->semihosting)
        return error_set(error, "--semihosting expects a directory");
    for (unsigned i = 0; i < options->share_count; i++)
        if (!*options->shares[i].path && run_options_given(options, "--share"))
            return error_set(error, "--share expects a tag and a directory, such as %s=/srv/work",
                             options->shares[i].tag);
    if (options->serial_input && options->serial.kind != SERIAL_FILE)
        return error_set(error, "--serial-input needs its output in a file: give --serial file:PATH");
    if (options->serial_log && (options->serial.kind == SERIAL_NONE || options->serial.kind == SERIAL_NULL))
        return error_set(error, "--serial-log needs a serial line that leads somewhere: give another --serial");
    if (run_options_given(options, "--vsock") && !*options->vsock.path)
        return error_set(error, "--vsock expects the path of a socket");
    if (options->parallel && (options->record || options->replay))
        return error_set(error, "no run of --parallel can be repeated, so %s makes no sense with it",
                         options->record ? "--record" : "--replay");
    if (!options->kernel && !options->firmware && !options->dump_dtb && !options->restore && !options->replay &&
        !options->incoming)
        return error_set(error, "--kernel FILE is missing: there is nothing to boot (nor is --firmware given)");
    if (options->firmware_vars && options->record)
        return error_set(error,
                         "--record needs flash that is the same when the run is repeated: leave --firmware-vars away");
    if (options->firmware_vars && !options->firmware)
        return error_set(error, "--firmware-vars is what firmware keeps: give --firmware too");
    if (options->dtb && options->dump_dtb)
        return error_set(error,
                         "--dump-dtb writes the generated device tree, so --dtb makes no sense with it");
    if (options->engine == ENGINE_CHOICE_INTERP && (options->jit_dump || options->jit_statistics || options->perf_map))
        return error_set(error, "--engine interp translates nothing, so %s makes no sense with it",
                         options->jit_dump ? "--jit-dump" : options->perf_map ? "--perf-map" : "--jit-statistics");
    if (options->parallel && options->clock_asked && options->clock == CLOCK_CHOICE_VIRTUAL)
        return error_set(error, "--parallel runs in the host's time, and no run of it can be repeated: --clock virtual "
                                "makes no sense with it");
    if (options->parallel && options->engine == ENGINE_CHOICE_LOCKSTEP)
        return error_set(error, "--engine lockstep runs one processor at a time, so --parallel makes no sense with it");
    if (options->parallel && options->cpu_limit)
        return error_set(error, "--cpu-limit needs processors that take turns, so --parallel makes no sense with it");
    if (options->parallel && options->hash_count)
        return error_set(error, "--state-hash-at tells repeatable runs apart, which those of --parallel are not");
    if (options->parallel && options->stop_after_insns)
        return error_set(error, "--stop-after needs processors that take turns, so --parallel makes no sense with it");
    if (options->parallel && options->save_count)
        return error_set(error,
                         "--save-at and --save-on need processors that take turns, so --parallel makes no sense with "
                         "them");
    if (options->parallel && (options->script || options->control || options->gdb))
        return error_set(error,
                         "the debugger needs processors that take turns, so --parallel makes no sense with --script, "
                         "--control and --gdb");
    if (options->engine == ENGINE_CHOICE_LOCKSTEP && (options->script || options->control || options->gdb))
        return error_set(
            error, "--engine lockstep cannot stand still in the middle: --script, --control and --gdb need another");
    if (options->console.kind == SERIAL_STDIO && options->serial.kind == SERIAL_STDIO)
        return error_set(error, "--console stdio needs the serial line elsewhere: add --serial none");
    return true;
}
