/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The options that say what machine it is, in one spelling: for snapshots and for the header of a recorded run, and
 * back. */
#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "machine/options_values.h"

#define VALUE_BYTES 16384 /* a disk's paths, and what stands behind them */

static uint32_t host_time_s(void)
{
    return (uint32_t)time(NULL);
}

uint32_t run_options_rtc_s(const struct run_options *options)
{
    if (options->rtc_s)
        return options->rtc_s;
    return options->clock == CLOCK_CHOICE_PACED ? host_time_s() : RTC_VIRTUAL_S;
}

/* --- an option's value number `index`; NULL: there is none (any more) -------------------------------- */

typedef const char *describe(const struct run_options *options, unsigned index, char value[VALUE_BYTES]);

static const char *number(char *value, uint64_t number)
{
    snprintf(value, VALUE_BYTES, "%" PRIu64, number);
    return value;
}

/* A path that holds wherever it is used. NULL: there is none. */
static const char *path(char *value, const char *path)
{
    char absolute[PATH_MAX];
    snprintf(value, VALUE_BYTES, "%s", path && realpath(path, absolute) ? absolute : path ? path : "");
    return path ? value : NULL;
}

/* The word that stands for what a member holds. */
static const char *word(const struct run_options *options, const char *name, char *value)
{
    const struct cli_option *option = cli_find(name);
    option_word_at(option->complete, *(const unsigned *)((const char *)options + option->member), value, VALUE_BYTES);
    return value;
}

/* What its row says all of. A word is told where it is not the first. */
static const char *describe_member(const struct run_options *options, const struct cli_option *option, char *value)
{
    const void *member = (const char *)options + option->member;
    switch (option->kind) {
    case CLI_KIND_FLAG:
        return *(const bool *)member ? "" : NULL;
    case CLI_KIND_FILE:
        return path(value, *(const char *const *)member);
    case CLI_KIND_WORD:
        return *(const unsigned *)member ? word(options, option->name, value) : NULL;
    case CLI_KIND_OWN:
        break;
    }
    assert(false);
    return NULL;
}

static const char *describe_firmware(const struct run_options *options, unsigned index, char *value)
{
    return index ? NULL : path(value, options->firmware);
}

static const char *describe_append(const struct run_options *options, unsigned index, char *value)
{
    return index ? NULL : options->append;
}

static const char *describe_memory(const struct run_options *options, unsigned index, char *value)
{
    snprintf(value, VALUE_BYTES, "%" PRIu64 "M", options->memory_bytes >> 20);
    return index ? NULL : value;
}

static const char *describe_cpus(const struct run_options *options, unsigned index, char *value)
{
    return index ? NULL : number(value, options->cpus);
}

static const char *describe_cpu(const struct run_options *options, unsigned index, char *value)
{
    return index ? NULL : word(options, "--cpu", value);
}

static const char *describe_disk(const struct run_options *options, unsigned index, char *value)
{
    static const char *const layouts[] = {"", "stripe:", "mirror:"};
    char absolute[PATH_MAX];
    if (index >= options->disk_count)
        return NULL;
    const struct disk_option *disk = &options->disks[index];
    size_t length = (size_t)snprintf(value, VALUE_BYTES, "%s", layouts[disk->layout]);
    char names[sizeof disk->path], *rest = names, *part, words[4608];
    strcpy(names, disk->path);
    if (disk->layout == DISK_LAYOUT_PLAIN)
        length = strlen(path(value, disk->path));
    else
        while ((part = strsep(&rest, "+")) && length < VALUE_BYTES)
            length += (size_t)snprintf(value + length, VALUE_BYTES - length, "%s%s",
                                       realpath(part, absolute) ? absolute : part, rest ? "+" : "");
    disk_option_words(disk, words, sizeof words);
    if (length < VALUE_BYTES)
        snprintf(value + length, VALUE_BYTES - length, "%s%s", words,
                 disk->read_only ? ",ro"
                 : disk->overlay ? ",overlay"
                                 : "");
    return value;
}

/* The card; where its cable leads is this host's affair, but for whether the checksums of what comes are right. */
static const char *describe_net(const struct run_options *options, unsigned index, char *value)
{
    if (index >= options->net_count)
        return NULL;
    const struct net_option *net = &options->nets[index];
    const uint8_t *mac = net->mac;
    int length = snprintf(value, VALUE_BYTES, "%s", net->kind == NET_USER ? "user" : "none");
    if (net->queues)
        length += snprintf(value + length, 32, ",queues=%u", net->queues);
    if (net->mac_given)
        snprintf(value + length, 32, ",mac=%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
                 mac[5]);
    return value;
}

/* Where it leads is not told. */
static const char *describe_vsock(const struct run_options *options, unsigned index, char *value)
{
    snprintf(value, VALUE_BYTES, ",cid=%u", options->vsock.cid);
    return index || !options->vsock.cid ? NULL : value;
}

/* Where it lies is not told: a stranger's snapshot is not to name directories that a guest may then have. */
static const char *describe_share(const struct run_options *options, unsigned index, char *value)
{
    if (index >= options->share_count)
        return NULL;
    const struct share_option *share = &options->shares[index];
    snprintf(value, VALUE_BYTES, "%s%s%s", share->tag, share->read_only ? ",ro" : "", share->mapped ? ",mapped" : "");
    return value;
}

/* That they are there, and not where. */
static const char *describe_hostcall(const struct run_options *options, unsigned index, char *value)
{
    return index || !options->hostcall ? NULL : "";
}

static const char *describe_semihosting(const struct run_options *options, unsigned index, char *value)
{
    return index || !options->semihosting ? NULL : "";
}

/* A path or a socket is this host's affair: where the run goes on or is done again, the line leads nowhere,
 * so that neither a log nor a snapshot names what is then written or opened. Ports that led in are told no more, for
 * that. */
static const char *line_kind(enum serial_kind kind)
{
    return kind == SERIAL_NONE ? "none" : kind == SERIAL_STDIO ? "stdio" : "null";
}

static const char *describe_serial(const struct run_options *options, unsigned index, char *value)
{
    return index ? NULL : line_kind(options->serial.kind);
}

static const char *describe_console(const struct run_options *options, unsigned index, char *value)
{
    return index || options->console.kind == SERIAL_NONE ? NULL : line_kind(options->console.kind);
}

/* A window is this host's affair. */
static const char *describe_display(const struct run_options *options, unsigned index, char *value)
{
    snprintf(value, VALUE_BYTES, "none,size=%ux%u", options->display.width, options->display.height);
    return index || options->display.kind == DISPLAY_ABSENT ? NULL : value;
}

/* So are loudspeakers and files. */
static const char *describe_sound(const struct run_options *options, unsigned index, char *value)
{
    return index || options->sound.kind == SOUND_ABSENT ? NULL : "none";
}

static const char *describe_io_limit(const struct run_options *options, unsigned index, char *value)
{
    if (index || (!options->io_bytes_per_s && !options->io_per_s))
        return NULL;
    int length = options->io_bytes_per_s ? snprintf(value, 32, "%" PRIu64, options->io_bytes_per_s) : 0;
    if (options->io_per_s)
        snprintf(value + length, 32, "%siops=%" PRIu64, length ? "," : "", options->io_per_s);
    return value;
}

static const char *describe_clock(const struct run_options *options, unsigned index, char *value)
{
    return index ? NULL : options->clock == CLOCK_CHOICE_PACED ? "paced" : "virtual";
}

static const char *describe_rtc(const struct run_options *options, unsigned index, char *value)
{
    return index ? NULL : number(value, run_options_rtc_s(options));
}

static const char *describe_seed(const struct run_options *options, unsigned index, char *value)
{
    return index ? NULL : number(value, options->seed);
}

static const char *describe_timeout(const struct run_options *options, unsigned index, char *value)
{
    if (index || !options->timeout_ns)
        return NULL;
    snprintf(value, VALUE_BYTES, "%" PRIu64 "ms", options->timeout_ns / 1000000);
    return value;
}

static const char *describe_stop_after(const struct run_options *options, unsigned index, char *value)
{
    return index || !options->stop_after_insns ? NULL : number(value, options->stop_after_insns);
}

/* What is told, in this order. */
static const struct {
    const char *name;
    bool of_host;
    describe *describe; /* NULL: its row of the table of options says all */
} described[] = {
    {"--restore", true},
    {"--kernel", true},
    {"--firmware", true, describe_firmware},
    {"--initrd", true},
    {"--dtb", true},
    {"--append", false, describe_append},
    {"--memory", false, describe_memory},
    {"--cpus", false, describe_cpus},
    {"--cpu", false, describe_cpu},
    {"--bus", false},
    {"--input", false},
    {"--gic", false},
    {"--el2", false},
    {"--disk", true, describe_disk},
    {"--net", false, describe_net},
    {"--vsock", false, describe_vsock},
    {"--share", false, describe_share},
    {"--balloon", false},
    {"--hostcall", false, describe_hostcall},
    {"--semihosting", false, describe_semihosting},
    {"--serial", true, describe_serial},
    {"--console", true, describe_console},
    {"--display", false, describe_display},
    {"--sound", false, describe_sound},
    {"--clipboard", false},
    {"--io-limit", false, describe_io_limit},
    {"--clock", false, describe_clock},
    {"--rtc", false, describe_rtc},
    {"--seed", false, describe_seed},
    {"--fresh-identity", false},
    {"--timeout", false, describe_timeout},
    {"--stop-after", false, describe_stop_after},
    {"--exit-on-panic", false},
    {"--no-reboot", false},
};
#define DESCRIBED_COUNT (sizeof described / sizeof described[0])

static const char *described_value(unsigned row, const struct run_options *options, unsigned index, char *value)
{
    if (described[row].describe)
        return described[row].describe(options, index, value);
    return index ? NULL : describe_member(options, cli_find(described[row].name), value);
}

void run_options_describe(const struct run_options *options,
                          void (*each)(void *context, const char *name, const char *value), void *context)
{
    char value[VALUE_BYTES];
    for (unsigned i = 0; i < DESCRIBED_COUNT; i++) {
        const char *name = described[i].name, *text;
        for (unsigned index = 0; (text = described_value(i, options, index, value)); index++)
            each(context, name, text);
    }
}

bool run_options_describes(const char *name, bool *of_host)
{
    for (unsigned i = 0; i < DESCRIBED_COUNT; i++)
        if (!strcmp(described[i].name, name)) {
            *of_host = described[i].of_host;
            return true;
        }
    return false;
}

bool run_options_take(struct run_options *options, const char *name, const char *value, struct error *error)
{
    bool of_host;
    if (!run_options_describes(name, &of_host))
        return error_set(error, "'%s' says nothing about a machine", name);
    const struct cli_option *option = cli_find(name);
    /* Output goes nowhere, or to the standard one: a stranger's file is not to name files that are then written. */
    if ((!strcmp(name, "--serial") || !strcmp(name, "--console")) && strcmp(value, "none") && strcmp(value, "null") &&
        strcmp(value, "stdio"))
        return error_set(error, "%s %s is not where its output can go", name, value);
    if (!strcmp(name, "--share") && strchr(value, '='))
        return error_set(error, "--share %s names a directory", value);
    if ((!strcmp(name, "--semihosting") || !strcmp(name, "--hostcall")) && *value)
        return error_set(error, "%s %s names what the host would open", name, value);
    if (!strcmp(name, "--sound") && strcmp(value, "none"))
        return error_set(error, "--sound %s names what the host would open", value);
    if (!strcmp(name, "--vsock") && *value != ',')
        return error_set(error, "--vsock %s names what the host would open", value);
    if (!cli_take(option, options, option->value ? value : NULL, error))
        return false;
    if (strcmp(name, "--net"))
        return true;
    const struct net_option *net = &options->nets[options->net_count - 1];
    if (net->kind <= NET_NONE && !net->forward_count && !net->guest_forward_count && !net->restricted && !*net->dump)
        return true;
    options->net_count--;
    return error_set(error, "--net %s is no network it can have", value);
}
