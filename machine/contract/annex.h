/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Annexes: parts of the program that few runs use and that bring large libraries of the host with them. Each is a file
 * of its own, armature-NAME.so, opened when it is first needed, so that a start costs nothing for what it does not use.
 * The file has one symbol for the program, `annex`: a structure of functions, whose type is in the room's header. */
#ifndef ARMATURE_ANNEX_H
#define ARMATURE_ANNEX_H

#include "machine/contract/error.h"

/** Opens the annex of that name, the second time at no cost, and returns its `annex`. It stays open. NULL: `error` says
 * why it cannot be opened: its file is missing, or a library that it needs is. */
const void *annex_open(const char *name, struct error *error);

#endif
