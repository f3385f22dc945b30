/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The beginning of a process. */
#ifndef ARMATURE_START_H
#define ARMATURE_START_H

#include "hostcall/process.h"

/** Runs the program. Does not return if it ran; else -1 and the error, of status 127 or 126 as shells have them. */
int process_exec(const struct process_options *options, int *status, struct error *error);

#endif
