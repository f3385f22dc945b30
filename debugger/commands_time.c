/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Commands that go back in time. */
#include "debugger/command.h"

const struct command commands_time[] = {{0}};
