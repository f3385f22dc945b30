/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a run ends, and what is told of it. A group of the table of options. */
#include "machine/contract/clock.h"
#include "machine/options_values.h"

static bool take_timeout(struct run_options *options, const char *value, struct error *error)
{
    return (time_parse(value, &options->timeout_ns) && options->timeout_ns) ||
           error_set(error, "--timeout expects a time with its unit (ms, s, m or h), such as 60s (not '%s')", value);
}

static bool take_stop_after(struct run_options *options, const char *value, struct error *error)
{
    if (option_whole_number(value, UINT64_MAX - 1, &options->stop_after_insns) && options->stop_after_insns > 0)
        return true;
    return error_set(error, "--stop-after expects a number of instructions, such as 1000000 (not '%s')", value);
}

static bool take_state_hash_at(struct run_options *options, const char *value, struct error *error)
{
    const char *rest = value;
    uint64_t number, last = 0;
    bool good = true;
    options->hash_count = 0;
    do {
        good = options->hash_count < MAX_HASHES && option_number(rest, UINT64_MAX - 1, &number, &rest) && number > last;
        if (good)
            last = options->hash_at[options->hash_count++] = number;
    } while (good && *rest++ == ',');
    if (good && !rest[-1])
        return true;
    return error_set(error, "--state-hash-at expects numbers of instructions, ascending, up to %u of them, such as "
                     "1000000,50000000 (not '%s')", MAX_HASHES, value);
}

const struct cli_option options_run[] = {
    {"--record", "FILE", "", false,
     "Write a log of all that reaches the guest from outside, by which --replay can do the run again.",
     CLI_FILE(record)},
    {"--replay", "FILE", "", false,
     "Do a recorded run again, exactly. The machine is the log's: files that lie elsewhere now, --engine and where "
     "output goes may be given. Nothing is taken from the host, disks are not written, and the run ends where the "
     "recording did, or with an error where it comes to differ.",
     CLI_FILE(replay)},
    {"--cluster", "FILE", "", false,
     "Run several machines in one process, in lockstep of virtual time: what they send each other (--net switch:NAME) "
     "arrives a latency later, and all runs are the same. The file has [NAME] and below it a machine's options, one a "
     "line without its dashes; latency TIME above the first of them (default 500us). Options of the command line are "
     "for all. A serial line is in NAME.serial where nothing else is said.",
     CLI_FILE(cluster)},
    {"--timeout", "TIME", NULL, false, "End after that much guest time, such as 500ms, 60s, 5m or 1h.", take_timeout},
    {"--stop-after", "N", NULL, false,
     "End when the first processor has run N instructions more: from the start, or from where a snapshot stands.",
     take_stop_after},
    {"--exit-on-panic", NULL, NULL, false,
     "End when the guest's kernel panics: by what it prints, or by the panic notice (pvpanic).",
     CLI_FLAG(exit_on_panic)},
    {"--no-reboot", NULL, NULL, false, "End when the guest asks for a reset, in place of starting again.",
     CLI_FLAG(no_reboot)},
    {"--state-hash-at", "N[,N...]", NULL, false,
     "Print a hash of the whole machine's state on standard error when the first processor has run N instructions: "
     "for comparing runs.",
     take_state_hash_at},
    {0},
};
