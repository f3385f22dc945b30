/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Time, and what executes the guest. A group of the table of options. */
#include "machine/options_values.h"

#define CLOCKS "paced virtual"

static bool take_host_features(struct run_options *options, const char *value, struct error *error)
{
    return host_find_level(value, &options->host_features) ||
           error_set(error, "--host-features expects one of: %s (not '%s')", HOST_LEVELS, value);
}

static bool take_jit_cache(struct run_options *options, const char *value, struct error *error)
{
    return option_size(value, MIN_JIT_CACHE_BYTES, MAX_JIT_CACHE_BYTES, &options->jit_cache_bytes) ||
           error_set(error, "--jit-cache expects a size from 2M to 1G, such as 8M or 64M (not '%s')", value);
}

static bool take_clock(struct run_options *options, const char *value, struct error *error)
{
    return options->clock_asked = option_word(&options->clock, "--clock", CLOCKS, value, error);
}

static bool take_seed(struct run_options *options, const char *value, struct error *error)
{
    if (!option_whole_number(value, UINT64_MAX, &options->seed))
        return error_set(error, "--seed expects a number of up to 64 bits (not '%s')", value);
    return true;
}

static bool take_rtc(struct run_options *options, const char *value, struct error *error)
{
    uint64_t number;
    if (!option_whole_number(value, UINT32_MAX, &number) || number == 0)
        return error_set(error, "--rtc expects seconds since 1970, from 1 to 4294967295 (not '%s')", value);
    options->rtc_s = (uint32_t)number;
    return true;
}

const struct cli_option options_engine[] = {
    {"--clock", "paced|virtual", CLOCKS, false,
     "paced keeps guest time near the host's (the default on a terminal); virtual skips idle time, and makes runs "
     "repeatable (the default otherwise).",
     take_clock},
    {"--parallel", NULL, NULL, false,
     "Run each processor on a host thread of its own, in the host's time. It is faster with several processors on "
     "several cores, and gives up that runs are repeatable.",
     CLI_FLAG(parallel)},
    {"--seed", "N", NULL, false, "What all randomness in the machine is made from; default 0.", take_seed},
    {"--rtc", "SECONDS", NULL, false,
     "What the real-time clock shows at power-on, in seconds since 1970; default the host's time with --clock "
     "paced, and the beginning of 2026 with --clock virtual.",
     take_rtc},
    {"--engine", "auto|interp|jit|lockstep", "auto interp jit lockstep", false,
     "What executes the guest: interp interprets, jit translates all of it, auto (the default) translates what runs "
     "often. lockstep does all twice, by jit and by interp, and ends with a report where they differ.",
     CLI_WORD(engine)},
    {"--host-features", "LEVEL", HOST_LEVELS, false,
     "Use at most what x86-64-v2, x86-64-v3 or x86-64-v4 includes of the host's processor; native (the default) "
     "uses all it has. The guest sees no difference.",
     take_host_features},
    {"--jit-cache", "SIZE", NULL, false,
     "Memory for translated code, from 2M to 1G; default 32M. Where it is full, what was translated first is "
     "dropped, and translated again if it is still run.",
     take_jit_cache},
    {"--jit-dump", "FILE", "", false,
     "Write all code that is translated there: the guest's, the intermediate form, and the host's bytes of each block.",
     CLI_FILE(jit_dump)},
    {"--jit-statistics", NULL, NULL, false,
     "Print on standard error at the end how much was translated and dropped, and the time that took.",
     CLI_FLAG(jit_statistics)},
    {"--perf-map", NULL, NULL, false,
     "Write /tmp/perf-PID.map, by which Linux perf names translated code: the physical address of a block or a region.",
     CLI_FLAG(perf_map)},
    {0},
};
