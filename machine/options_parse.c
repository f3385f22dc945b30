/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command line of a run, by the table of options. */
#include <assert.h>
#include <string.h>
#include <unistd.h>
#include "machine/options_values.h"

void run_options_default(struct run_options *options)
{
    memset(options, 0, offsetof(struct run_options, disks));
    options->append = "";
    options->memory_bytes = 1ull << 30;
    options->cpus = 1;
    options->serial.kind = SERIAL_STDIO;
    options->cpu = CPU_V8_2;
    options->host_features = HOST_LEVEL_NATIVE;
    options->jit_cache_bytes = 32ull << 20;
    options->history_bytes = 512ull << 20;
    options->clock = isatty(STDIN_FILENO) ? CLOCK_CHOICE_PACED : CLOCK_CHOICE_VIRTUAL;
}

const struct cli_option *cli_option_at(unsigned index)
{
    for (const struct cli_group *group = cli_groups; group->title; group++)
        for (const struct cli_option *option = group->options; option->name; option++)
            if (index-- == 0)
                return option;
    return NULL;
}

const struct cli_option *cli_find(const char *name)
{
    const struct cli_option *option;
    for (unsigned i = 0; (option = cli_option_at(i)) && strcmp(option->name, name);)
        i++;
    return option;
}

/* The word of `given` that has the option's bit, and the bit. */
static uint64_t *given_word(uint64_t given[2], const struct cli_option *option, uint64_t *bit)
{
    unsigned index = 0;
    while (cli_option_at(index) != option)
        index++;
    assert(index < 2 * 64);
    *bit = 1ull << (index % 64);
    return &given[index / 64];
}

bool run_options_given(const struct run_options *options, const char *name)
{
    const struct cli_option *option = cli_find(name);
    assert(option);
    uint64_t bit, given[2] = {options->given[0], options->given[1]};
    return *given_word(given, option, &bit) & bit;
}

bool cli_take(const struct cli_option *option, struct run_options *options, const char *value, struct error *error)
{
    void *member = (char *)options + option->member;
    switch (option->kind) {
    case CLI_KIND_FLAG:
        return *(bool *)member = true;
    case CLI_KIND_FILE:
        return option_path(member, option->name, value, error);
    case CLI_KIND_WORD:
        return option_word(member, option->name, option->complete, value, error);
    case CLI_KIND_OWN:
        break;
    }
    return option->take(options, value, error);
}

/* What is given now replaces a list that stood there before. CDs and other disks are one list. */
static void forget_list(struct run_options *options, const struct cli_option *option)
{
    if (!strcmp(option->name, "--disk") && !run_options_given(options, "--cdrom"))
        options->disk_count = 0;
    else if (!strcmp(option->name, "--net"))
        options->net_count = 0;
    else if (!strcmp(option->name, "--share"))
        options->share_count = 0;
}

/* Takes the values behind argv[*at], where the option's name stands; `*at` moves to the last of them. */
static bool take_values(struct run_options *options, const struct cli_option *option, int argc, char *const argv[],
                        int *at, struct error *error)
{
    int values = option->take_pair ? 2 : option->value ? 1 : 0;
    if (argc - *at <= values)
        return error_set(error, "%s expects %s behind it", option->name, option->value);
    const char *const *value = (const char *const *)argv + *at + 1;
    *at += values;
    if (option->take_pair)
        return option->take_pair(options, value[0], value[1], error);
    return cli_take(option, options, values ? value[0] : NULL, error);
}

bool run_options_parse(struct run_options *options, int argc, char *const argv[], struct error *error)
{
    for (int i = 0; i < argc; i++) {
        const struct cli_option *option = cli_find(argv[i]);
        if (!option)
            return error_set(error,
                             argv[i][0] == '-' ? "unknown option '%s'; armature run --help lists them"
                                               : "'%s' is no option; armature run --help lists them",
                             argv[i]);
        uint64_t bit, *given = given_word(options->given, option, &bit);
        if (*given & bit && !option->repeatable)
            return error_set(error, "%s is given twice", option->name);
        if (!(*given & bit))
            forget_list(options, option);
        *given |= bit;
        if (!take_values(options, option, argc, argv, &i, error))
            return false;
    }
    return options_check(options, error);
}
