/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a machine is made of, said in the words of the command line, and taken by its table. */
#include <stdio.h>
#include <string.h>
#include "snapshot/config.h"
#include "snapshot/parts.h"

#define WHOLE_DISK_MAX_BYTES (64ull << 40)

/* --- to the file ----------------------------------------------------------------------------------- */

/* Where the machine came from is no part of it. */
static void put_pair(void *bytes, const char *name, const char *value)
{
    if (!strcmp(name, "--restore") || !strcmp(name, "--fresh-identity"))
        return;
    bytes_put(bytes, name, strlen(name) + 1);
    bytes_put(bytes, value, strlen(value) + 1);
}

void config_put(struct bytes *bytes, const struct run_options *options)
{
    run_options_describe(options, put_pair, bytes);
}

/* --- from the file --------------------------------------------------------------------------------- */

static const char *next_string(struct reader *reader)
{
    const uint8_t *end = reader->left ? memchr(reader->at, 0, reader->left) : NULL;
    if (!end)
        reader->failed = true;
    return end ? (const char *)reader_take(reader, (size_t)(end - reader->at) + 1) : NULL;
}

bool config_next(struct reader *reader, const char **name, const char **value)
{
    if (!reader->left)
        return false;
    *name = next_string(reader);
    *value = *name ? next_string(reader) : NULL;
    return *value != NULL;
}

bool config_get(struct reader *reader, struct run_options *options, struct error *error)
{
    const char *name, *value;
    while (config_next(reader, &name, &value)) {
        if (!run_options_take(options, name, value, error))
            return false;
    }
    return !reader->failed || error_set(error, "its options are damaged");
}

/* --- with what the command line says --------------------------------------------------------------- */

static bool merge_disks(const struct run_options *recorded, const char *path, struct run_options *options,
                        struct error *error)
{
    if (options->disk_count > recorded->disk_count)
        return error_set(error, "--disk is given %u times, but the machine in %s has %u disks", options->disk_count,
                         path, recorded->disk_count);
    for (unsigned i = 0; i < recorded->disk_count; i++) {
        if (i >= options->disk_count)
            options->disks[i] = recorded->disks[i];
        options->disks[i].read_only = recorded->disks[i].read_only;
        options->disks[i].attachment = recorded->disks[i].attachment;
        options->disks[i].overlay = !recorded->disks[i].read_only;
    }
    options->disk_count = recorded->disk_count;
    return true;
}

static bool merge_nets(const struct run_options *recorded, const char *path, struct run_options *options,
                        struct error *error)
{
    if (options->net_count > recorded->net_count)
        return error_set(error, "--net is given %u times, but the machine in %s has %u network cards",
                         options->net_count, path, recorded->net_count);
    for (unsigned i = options->net_count; i < recorded->net_count; i++)
        options->nets[i] = recorded->nets[i];
    options->net_count = recorded->net_count;
    return true;
}

/* Where a shared folder lies is said anew, by its tag. One of which nothing is said is there, and empty-handed. */
static bool merge_shares(const struct run_options *recorded, const char *path, struct run_options *options,
                        struct error *error)
{
    struct share_option given[MAX_SHARES];
    unsigned given_count = options->share_count, found = 0;
    memcpy(given, options->shares, given_count * sizeof *given);
    for (unsigned i = 0; i < recorded->share_count; i++) {
        options->shares[i] = recorded->shares[i];
        for (unsigned n = 0; n < given_count; n++) {
            if (strcmp(given[n].tag, recorded->shares[i].tag))
                continue;
            memcpy(options->shares[i].path, given[n].path, sizeof given[n].path);
            options->shares[i].read_only |= given[n].read_only;
            found++;
        }
    }
    options->share_count = recorded->share_count;
    return found == given_count || error_set(error,
                                             "--share: the machine in %s has no folder of that tag; armature snapshot "
                                             "info tells which it has",
                                             path);
}

static bool merge_lines(const struct run_options *recorded, const char *path, struct run_options *options,
                        struct error *error)
{
    bool has = recorded->console.kind != SERIAL_NONE;
    if (!run_options_given(options, "--serial"))
        options->serial = recorded->serial;
    if (!run_options_given(options, "--console"))
        options->console = recorded->console;
    else if (has != (options->console.kind != SERIAL_NONE))
        return error_set(error, "--console: the machine in %s has %s", path,
                         has ? "a console, which must lead somewhere" : "no console");
    if (options->serial.kind == SERIAL_STDIO && options->console.kind == SERIAL_STDIO)
        return error_set(error, "--console stdio needs the serial line elsewhere: add --serial none");
    return true;
}

/* Whether there is a window is said anew. */
static bool merge_display(const struct run_options *recorded, const char *path, struct run_options *options,
                          struct error *error)
{
    enum display_kind kind = options->display.kind;
    if (kind != DISPLAY_ABSENT && recorded->display.kind == DISPLAY_ABSENT)
        return error_set(error, "--display: the machine in %s has no screen", path);
    bool full_screen = options->display.full_screen, windows = options->display.windows;
    options->display = recorded->display;
    if (kind != DISPLAY_ABSENT)
        options->display.kind = kind;
    options->display.full_screen = full_screen;
    options->display.windows = windows;
    return true;
}

/* So is where sound comes and goes. */
static bool merge_sound(const struct run_options *recorded, const char *path, struct run_options *options,
                        struct error *error)
{
    if (options->sound.kind != SOUND_ABSENT && recorded->sound.kind == SOUND_ABSENT)
        return error_set(error, "--sound: the machine in %s has no sound card", path);
    if (options->sound.kind == SOUND_ABSENT)
        options->sound = recorded->sound;
    return true;
}

bool config_apply(const struct run_options *recorded, const char *path, struct run_options *options,
                  struct error *error)
{
    options->kernel = recorded->kernel;
    options->firmware = recorded->firmware;
    options->bus = recorded->bus;
    options->input = recorded->input;
    options->gic = recorded->gic;
    options->el2 = recorded->el2;
    options->initrd = recorded->initrd;
    options->append = recorded->append;
    options->dtb = recorded->dtb;
    options->memory_bytes = recorded->memory_bytes;
    options->cpus = recorded->cpus;
    options->cpu = recorded->cpu;
    if (!options->fresh_identity)
        options->seed = recorded->seed;
    options->balloon = recorded->balloon;
    options->clipboard = recorded->clipboard;
    if (!run_options_given(options, "--hostcall"))
        options->hostcall = recorded->hostcall;
    else if (!recorded->hostcall)
        return error_set(error, "--hostcall: the machine in %s has none", path);
    if (!run_options_given(options, "--semihosting"))
        options->semihosting = recorded->semihosting;
    else if (!recorded->semihosting)
        return error_set(error, "--semihosting: the machine in %s has none", path);
    return merge_disks(recorded, path, options, error) && merge_nets(recorded, path, options, error) &&
           merge_shares(recorded, path, options, error) && merge_lines(recorded, path, options, error) &&
           merge_display(recorded, path, options, error) && merge_sound(recorded, path, options, error);
}

/* A disk whose base is nothing but a size has all it holds in the snapshot. */
static bool find_whole_disk(struct snapshot *snapshot, unsigned number, struct disk_option *disk, struct error *error)
{
    struct medium_identity base = {0};
    struct reader reader;
    char name[FORMAT_NAME_BYTES], what[300];
    snprintf(name, sizeof name, "base.disk%u", number);
    snprintf(what, sizeof what, "snapshot %.200s: section '%s'", snapshot->file.path, name);
    if (!format_has(&snapshot->file, name))
        return true; /* which the restore will complain of */
    if (!format_find(&snapshot->file, name, &reader, error) ||
        !codec_get(&reader, &medium_identity_fields, &base, what, error))
        return false;
    if (base.head_hash || base.modified_ns)
        return true;
    if (!base.size_bytes || base.size_bytes % 512 || base.size_bytes > WHOLE_DISK_MAX_BYTES)
        return error_set(error, "%s: says a size that no disk has", what);
    disk->zero_bytes = base.size_bytes;
    return true;
}

bool snapshot_configure(struct snapshot *snapshot, struct run_options *options, struct error *error)
{
    const unsigned given = options->disk_count;
    bool good = config_apply(&snapshot->recorded, snapshot->file.path, options, error);
    for (unsigned i = given; good && i < options->disk_count; i++)
        good = find_whole_disk(snapshot, i, &options->disks[i], error);
    return good;
}

/* --- with a machine that runs ---------------------------------------------------------------------- */

struct described {
    const char *name;
    unsigned count;
    char first[64]; /* the value of the first */
};

static void look_for(void *context, const char *name, const char *value)
{
    struct described *wanted = context;
    if (strcmp(name, wanted->name))
        return;
    if (!wanted->count++)
        snprintf(wanted->first, sizeof wanted->first, "%s", value);
}

bool snapshot_fits(const struct snapshot *snapshot, const struct machine *machine, struct error *error)
{
    /* Of some it only matters how many there are. */
    static const struct {
        const char *name;
        bool by_value;
    } rows[] = {{"--memory", true}, {"--cpus", true},   {"--cpu", true},   {"--bus", true},   {"--balloon", true},
                {"--clipboard", true},
                {"--disk", false},  {"--net", false},   {"--share", false}, {"--console", false}, {"--display", false},
                {"--sound", false}};
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct described there = {.name = rows[i].name}, here = there;
        run_options_describe(&snapshot->recorded, look_for, &there);
        run_options_describe(machine->options, look_for, &here);
        if (there.count != here.count)
            return error_set(error, "snapshot %.200s: its machine has %u of %s, this one has %u", snapshot->file.path,
                             there.count, rows[i].name, here.count);
        if (rows[i].by_value && strcmp(there.first, here.first))
            return error_set(error, "snapshot %.200s: its machine has %s %s, this one has %s", snapshot->file.path,
                             rows[i].name, there.first, here.first);
    }
    return true;
}
