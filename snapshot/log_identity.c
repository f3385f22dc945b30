/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a machine is, as a log's header says it. */
#include "snapshot/log_identity.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "machine/file.h"
#include "snapshot/format.h"

/* --- describing ------------------------------------------------------------------------------------ */

static char *copied(const char *text)
{
    char *copy = strdup(text);
    if (!copy)
        abort(); /* out of memory at start */
    return copy;
}

static void add_option(void *context, const char *name, const char *value)
{
    struct log_header *header = context;
    header->options = host_realloc(header->options, header->option_count + 1, sizeof *header->options);
    header->options[header->option_count++] = (struct log_option){name, copied(value)};
}

static void add_file(struct log_header *header, const char *what, uint64_t size_bytes, uint64_t hash)
{
    header->files = host_realloc(header->files, header->file_count + 1, sizeof *header->files);
    header->files[header->file_count++] = (struct log_file){copied(what), size_bytes, hash};
}

static bool add_host_file(struct log_header *header, const char *what, const char *path, struct error *error)
{
    uint64_t size_bytes, hash;
    if (!path)
        return true;
    if (!file_hash(what, path, &size_bytes, &hash, error))
        return false;
    add_file(header, what, size_bytes, hash);
    return true;
}

/* What a run is made of that begins with a kernel, or with a snapshot. */
static bool add_beginning(struct log_header *header, const struct run_options *options, struct error *error)
{
    struct format_file snapshot;
    if (!options->restore)
        return add_host_file(header, "kernel", options->kernel, error) &&
               add_host_file(header, "firmware", options->firmware, error) &&
               add_host_file(header, "initrd", options->initrd, error) &&
               add_host_file(header, "device tree", options->dtb, error);
    if (!format_open(&snapshot, options->restore, error))
        return false;
    add_file(header, "snapshot", snapshot.header.file_bytes, snapshot.header.table_checksum);
    format_close(&snapshot);
    return true;
}

bool log_describe(struct log_header *header, const struct machine *machine, const char *program, struct error *error)
{
    const struct run_options *options = machine->options;
    *header = (struct log_header){.program = program};
    run_options_describe(options, add_option, header);
    if (!add_beginning(header, options, error)) {
        log_describe_free(header);
        return false;
    }
    for (unsigned i = 0; i < options->disk_count; i++) {
        char what[16];
        snprintf(what, sizeof what, "disk %u", i);
        add_file(header, what, machine->disks[i].size_bytes, machine->disks[i].identity);
    }
    header->source_count = inputs_source_count(machine->inputs);
    header->sources = host_alloc(header->source_count, sizeof *header->sources);
    for (unsigned i = 0; i < header->source_count; i++)
        header->sources[i] = inputs_source(machine->inputs, i)->name;
    return true;
}

void log_describe_free(struct log_header *header)
{
    for (unsigned i = 0; i < header->option_count; i++)
        free((void *)(uintptr_t)header->options[i].value);
    for (unsigned i = 0; i < header->file_count; i++)
        free((void *)(uintptr_t)header->files[i].what);
    log_header_free(header);
}

/* --- comparing ------------------------------------------------------------------------------------- */

/* How often an option is given. */
static unsigned count_options(const struct log_header *header, const char *name)
{
    unsigned count = 0;
    for (unsigned i = 0; i < header->option_count; i++)
        count += !strcmp(header->options[i].name, name);
    return count;
}

static bool same_options(const struct log_header *log, const struct log_header *machine, struct error *error)
{
    for (unsigned i = 0; i < machine->option_count; i++) {
        const struct log_option *here = &machine->options[i], *there = &log->options[i];
        unsigned now = count_options(machine, here->name), then = count_options(log, here->name);
        if (now != then)
            return error_set(error, "the log is of a machine with %s given %u times, not %u times; leave it out",
                             here->name, then, now);
        bool of_host;
        if (i >= log->option_count || strcmp(here->name, there->name))
            continue; /* found out below */
        if (run_options_describes(here->name, &of_host) && !of_host && strcmp(here->value, there->value))
            return error_set(error, "the log is of a machine with %s %s, not %s; leave the option out", here->name,
                             there->value, here->value);
    }
    for (unsigned i = 0; i < log->option_count; i++)
        if (!count_options(machine, log->options[i].name))
            return error_set(error, "the log is of a machine with %s %s, which this one has not",
                             log->options[i].name, log->options[i].value);
    return true;
}

static bool same_files(const struct log_header *log, const struct log_header *machine, struct error *error)
{
    if (log->file_count != machine->file_count)
        return error_set(error, "the log is of a machine made of %u files and disks, not %u", log->file_count,
                         machine->file_count);
    for (unsigned i = 0; i < log->file_count; i++) {
        const struct log_file *here = &machine->files[i], *there = &log->files[i];
        if (strcmp(here->what, there->what))
            return error_set(error, "the log is of a machine with %s where this one has %s", there->what, here->what);
        if (here->size_bytes != there->size_bytes)
            return error_set(error, "the %s is another than the recorded one: %" PRIu64 " bytes, not %" PRIu64
                             "; give that one", here->what, here->size_bytes, there->size_bytes);
        if (here->hash != there->hash)
            return error_set(error, "the %s is another than the recorded one: its content differs; give that one as "
                             "it was", here->what);
    }
    return true;
}

bool log_matches(const struct log_header *log, const struct log_header *machine, struct error *error)
{
    if (!same_options(log, machine, error) || !same_files(log, machine, error))
        return false;
    bool same = log->source_count == machine->source_count;
    for (unsigned i = 0; same && i < log->source_count; i++)
        same = !strcmp(log->sources[i], machine->sources[i]);
    return same || error_set(error, "the log is of a machine with other input sources; replay it with armature %s",
                             log->program);
}
