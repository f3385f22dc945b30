/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command line of `armature run`: the groups of its options, in the order of the help, and its exit statuses. */
#include "machine/options_table.h"

const struct cli_group cli_groups[] = {
    {"What starts", options_start},
    {"The machine", options_board},
    {"Disks", options_disk},
    {"Networks", options_net},
    {"Lines, screen and keys", options_lines},
    {"Time and engines", options_engine},
    {"The run", options_run},
    {"Isolation and limits", options_limits},
    {"Snapshots", options_snapshot},
    {"The debugger", options_debug},
    {0},
};

const struct cli_status cli_statuses[] = {
    {EXIT_STATUS_POWER_OFF, "The guest powered off, or the user left with Ctrl-A X."},
    {EXIT_STATUS_HOST, "A file, memory, a socket or the like could not be had from the host."},
    {EXIT_STATUS_USAGE, "The command line makes no sense."},
    {EXIT_STATUS_PANIC, "The guest's kernel panicked (--exit-on-panic)."},
    {EXIT_STATUS_TIMEOUT, "The time of --timeout, or the instructions of --stop-after, are over."},
    {EXIT_STATUS_RESET, "The guest asked for a reset (--no-reboot)."},
    {0},
};
