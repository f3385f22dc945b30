/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a machine may have of the host. A group of the table of options. */
#include <string.h>
#include "machine/contract/disk_option.h"
#include "machine/options_values.h"

static bool take_cpu_limit(struct run_options *options, const char *value, struct error *error)
{
    uint64_t number;
    const char *end;
    if (!option_number(value, 100 * MAX_CPUS, &number, &end) || number == 0 || strcmp(end, "%"))
        return error_set(error, "--cpu-limit expects a part of a processor, such as 50%% or 150%% (not '%s')", value);
    options->cpu_limit = (unsigned)number;
    return true;
}

/* BYTES[,iops=N] or iops=N */
static bool take_io_limit(struct run_options *options, const char *value, struct error *error)
{
    static const char iops[] = "iops=";
    char bytes[32] = "";
    const char *count = !strncmp(value, iops, strlen(iops)) ? value : strchr(value, ',');
    size_t length = count == value ? 0 : count ? (size_t)(count - value) : strlen(value);
    options->io_bytes_per_s = options->io_per_s = 0;
    bool good = length < sizeof bytes;
    if (good && length) {
        memcpy(bytes, value, length);
        good = disk_size_parse(bytes, &options->io_bytes_per_s) && options->io_bytes_per_s >= 4096;
    }
    if (good && count) {
        count += *count == ',';
        good = !strncmp(count, iops, strlen(iops)) &&
               option_whole_number(count + strlen(iops), 1000000000, &options->io_per_s) && options->io_per_s > 0;
    }
    return (good && (length || count)) ||
           error_set(error, "--io-limit expects bytes a second, requests a second, or both, such as 50M, iops=1000 or "
                     "50M,iops=1000 (not '%s')", value);
}

const struct cli_option options_limits[] = {
    {"--cpu-limit", "PERCENT%", NULL, false,
     "Take at most that part of a processor of the host, such as 50%, over all of the program's threads.",
     take_cpu_limit},
    {"--io-limit", "BYTES[,iops=N]", NULL, false,
     "At most so many bytes a second, such as 50M, and requests a second, at each disk (those that are SCSI ones have "
     "it "
     "together), in guest time. --clock paced keeps that near the host's.",
     take_io_limit},
    {"--no-isolation", NULL, NULL, false,
     "Do not filter the program's system calls, and do not keep files from it that no option names, which it does by "
     "itself once the machine is set up.",
     CLI_FLAG(no_isolation)},
    {"--verbose", NULL, NULL, false,
     "Say on standard error how the program is isolated, and what the host lacks for it.", CLI_FLAG(verbose)},
    {0},
};
