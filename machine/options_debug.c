/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The debugger. A group of the table of options. */
#include <string.h>
#include "machine/options_values.h"

static bool take_listener(const char **listener, const char *what, const char *value, struct error *error)
{
    if ((strncmp(value, "unix:", 5) && strncmp(value, "tcp:", 4)) || !strchr(value, ':')[1])
        return error_set(error, "%s expects unix:PATH or tcp:PORT (also tcp:ADDRESS:PORT), not '%s'", what, value);
    *listener = value;
    return true;
}

static bool take_control(struct run_options *options, const char *value, struct error *error)
{
    return take_listener(&options->control, "--control", value, error);
}

static bool take_gdb(struct run_options *options, const char *value, struct error *error)
{
    return take_listener(&options->gdb, "--gdb", value, error);
}

static bool take_history(struct run_options *options, const char *value, struct error *error)
{
    return option_size(value, 0, MAX_MEMORY_BYTES, &options->history_bytes) ||
           error_set(error, "--history expects a size from 0M to 64G, such as 512M or 4G (not '%s')", value);
}

const struct cli_option options_debug[] = {
    {"--script", "FILE", "", false, "Commands of the debugger, done before the guest starts. Those that run it, do.",
     CLI_FILE(script)},
    {"--failure-snapshot", "FILE", "", false, "Write a snapshot there when a command of --script fails.",
     CLI_FILE(failure_snapshot)},
    {"--control", "WHERE", "unix: tcp:", false,
     "Take commands of the debugger at unix:PATH or tcp:PORT (of the loopback; tcp:ADDRESS:PORT elsewhere). Replies "
     "are JSON.",
     take_control},
    {"--gdb", "WHERE", "unix: tcp:", false,
     "Serve gdb's remote protocol at unix:PATH or tcp:PORT. The guest runs until gdb comes.", take_gdb},
    {"--history", "SIZE", NULL, false,
     "Memory that the debugger may take to go back in time, 0M to 64G; default 512M. 0M: it cannot go back.",
     take_history},
    {"--symbols", "FILE", "", false, "Symbols for the debugger: an ELF file with or without DWARF, or a System.map.",
     CLI_FILE(symbols)},
    {0},
};
