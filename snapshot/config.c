/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a machine is made of, said in the words of the command line, and taken by its table. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include "snapshot/parts.h"

/* --- to the file ----------------------------------------------------------------------------------- */

static void put_pair(struct bytes *bytes, const char *name, const char *value)
{
    bytes_put(bytes, name, strlen(name) + 1);
    bytes_put(bytes, value, strlen(value) + 1);
}

/* A path that holds wherever the snapshot is restored from. */
static void put_path(struct bytes *bytes, const char *name, const char *path, const char *suffix)
{
    char absolute[PATH_MAX], value[PATH_MAX + 16];
    if (!path)
        return;
    snprintf(value, sizeof value, "%s%s", realpath(path, absolute) ? absolute : path, suffix);
    put_pair(bytes, name, value);
}

/* Its images, each by a path that holds from everywhere. */
static void put_disk(struct bytes *bytes, const struct disk_option *disk)
{
    static const char *const layouts[] = {"", "stripe:", "mirror:"};
    char words[4608], absolute[PATH_MAX], *copy = strdup(disk->path), *rest = copy, *part, *text = NULL;
    size_t length = 0;
    FILE *value = open_memstream(&text, &length);
    if (!copy || !value)
        abort();
    fputs(layouts[disk->layout], value);
    while ((part = disk->layout == DISK_LAYOUT_PLAIN ? rest : strsep(&rest, "+"))) {
        fputs(realpath(part, absolute) ? absolute : part, value);
        fputs(disk->layout != DISK_LAYOUT_PLAIN && rest ? "+" : "", value);
        if (disk->layout == DISK_LAYOUT_PLAIN)
            break;
    }
    disk_option_words(disk, words, sizeof words);
    fprintf(value, "%s%s", words, disk->read_only ? ",ro" : ",overlay");
    fclose(value);
    put_pair(bytes, "--disk", text);
    free(text);
    free(copy);
}

static void put_net(struct bytes *bytes, const struct net_option *net)
{
    char value[1024] = "user";
    for (unsigned i = 0; i < net->forward_count; i++) {
        const struct forward_option *forward = &net->forwards[i];
        struct in_addr address = {htonl(forward->host_address)};
        size_t length = strlen(value);
        char text[INET_ADDRSTRLEN];
        snprintf(value + length, sizeof value - length, ",hostfwd=%s:%s:%u:%u", forward->udp ? "udp" : "tcp",
                 inet_ntop(AF_INET, &address, text, sizeof text), forward->host_port, forward->guest_port);
    }
    put_pair(bytes, "--net", value);
}

static void put_serial(struct bytes *bytes, const char *name, const struct serial_option *serial)
{
    static const char *const words[] = {
        [SERIAL_NONE] = "none", [SERIAL_STDIO] = "stdio", [SERIAL_FILE] = "file:", [SERIAL_UNIX] = "unix:",
        [SERIAL_PTY] = "pty"};
    char value[PATH_MAX + 16];
    snprintf(value, sizeof value, "%s%s", words[serial->kind], serial->path ? serial->path : "");
    put_pair(bytes, name, value);
}

void config_put(struct bytes *bytes, const struct run_options *options)
{
    static const char *const models[] = {[CPU_V8_0] = "v8.0", [CPU_V8_2] = "v8.2", [CPU_MAX] = "max"};
    char number[32];
    snprintf(number, sizeof number, "%" PRIu64 "M", options->memory_bytes >> 20);
    put_pair(bytes, "--memory", number);
    snprintf(number, sizeof number, "%u", options->cpus);
    put_pair(bytes, "--cpus", number);
    put_pair(bytes, "--cpu", models[options->cpu]);
    snprintf(number, sizeof number, "%" PRIu64, options->seed);
    put_pair(bytes, "--seed", number);
    put_path(bytes, "--kernel", options->kernel, "");
    put_path(bytes, "--initrd", options->initrd, "");
    put_path(bytes, "--dtb", options->dtb, "");
    put_pair(bytes, "--append", options->append ? options->append : "");
    for (unsigned i = 0; i < options->disk_count; i++)
        put_disk(bytes, &options->disks[i]);
    for (unsigned i = 0; i < options->net_count; i++)
        put_net(bytes, &options->nets[i]);
    put_serial(bytes, "--serial", &options->serial);
    put_serial(bytes, "--console", &options->console);
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
    static const char *const known[] = {"--memory", "--cpus", "--cpu", "--seed", "--kernel", "--initrd",
                                        "--dtb", "--append", "--disk", "--net", "--serial", "--console"};
    const char *name, *value;
    while (config_next(reader, &name, &value)) {
        bool good = false;
        for (unsigned i = 0; i < sizeof known / sizeof *known; i++)
            good |= !strcmp(known[i], name);
        if (!good)
            return error_set(error, "'%.40s' is nothing that a machine is made of", name);
        if (!run_options_take(options, name, value, error))
            return false;
    }
    return !reader->failed || error_set(error, "its options are damaged");
}

/* --- with what the command line says --------------------------------------------------------------- */

static bool merge_disks(struct snapshot *snapshot, struct run_options *options, struct error *error)
{
    const struct run_options *recorded = &snapshot->recorded;
    if (options->disk_count > recorded->disk_count)
        return error_set(error, "--disk is given %u times, but the machine in %s has %u disks", options->disk_count,
                         snapshot->file.path, recorded->disk_count);
    for (unsigned i = 0; i < recorded->disk_count; i++) {
        if (i >= options->disk_count)
            options->disks[i] = recorded->disks[i];
        options->disks[i].read_only = recorded->disks[i].read_only;
        options->disks[i].overlay = !recorded->disks[i].read_only;
    }
    options->disk_count = recorded->disk_count;
    return true;
}

static bool merge_nets(struct snapshot *snapshot, struct run_options *options, struct error *error)
{
    const struct run_options *recorded = &snapshot->recorded;
    if (options->net_count > recorded->net_count)
        return error_set(error, "--net is given %u times, but the machine in %s has %u network cards", options->net_count,
                         snapshot->file.path, recorded->net_count);
    for (unsigned i = options->net_count; i < recorded->net_count; i++)
        options->nets[i] = recorded->nets[i];
    options->net_count = recorded->net_count;
    return true;
}

static bool merge_lines(struct snapshot *snapshot, struct run_options *options, struct error *error)
{
    const struct run_options *recorded = &snapshot->recorded;
    bool has = recorded->console.kind != SERIAL_NONE;
    if (!run_options_given(options, "--serial"))
        options->serial = recorded->serial;
    if (!run_options_given(options, "--console"))
        options->console = recorded->console;
    else if (has != (options->console.kind != SERIAL_NONE))
        return error_set(error, "--console: the machine in %s has %s", snapshot->file.path,
                         has ? "a console, which must lead somewhere" : "no console");
    if (options->serial.kind == SERIAL_STDIO && options->console.kind == SERIAL_STDIO)
        return error_set(error, "--console stdio needs the serial line elsewhere: add --serial none");
    return true;
}

bool snapshot_configure(struct snapshot *snapshot, struct run_options *options, struct error *error)
{
    const struct run_options *recorded = &snapshot->recorded;
    options->kernel = recorded->kernel;
    options->initrd = recorded->initrd;
    options->append = recorded->append;
    options->dtb = recorded->dtb;
    options->memory_bytes = recorded->memory_bytes;
    options->cpus = recorded->cpus;
    options->cpu = recorded->cpu;
    options->seed = recorded->seed;
    return merge_disks(snapshot, options, error) && merge_nets(snapshot, options, error) &&
           merge_lines(snapshot, options, error);
}
