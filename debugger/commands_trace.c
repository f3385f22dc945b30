/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tracing and profiling. */
#include "debugger/command.h"

const struct command commands_trace[] = {{0}};
