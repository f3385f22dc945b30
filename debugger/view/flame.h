/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Counted stacks, as a flame graph and in the collapsed form ("a;b;c 12"). */
#ifndef ARMATURE_DEBUGGER_FLAME_H
#define ARMATURE_DEBUGGER_FLAME_H

#include "machine/contract/error.h"

struct flame;

struct flame *flame_create(void);
void flame_free(struct flame *flame);
/** Counts one stack: functions from the outermost on, with ';' between them. */
void flame_add(struct flame *flame, const char *stack);
/** Writes `path` as SVG, and `path`.folded. The same samples make the same files. */
bool flame_write(const struct flame *flame, const char *path, struct error *error);

#endif
