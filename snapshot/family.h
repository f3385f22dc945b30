/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Snapshots and their parents. */
#ifndef ARMATURE_FAMILY_H
#define ARMATURE_FAMILY_H

#include <stdio.h>
#include "machine/contract/error.h"

struct snapshot;

#define FAMILY_DEPTH_MAX 64u

/** Opens the parent of an open snapshot, and its parent, and so on. True where it has none. */
bool family_open(struct snapshot *snapshot, unsigned depth, struct error *error);

/** Whether a child of `parent` may be written as `path`: it may not take the place of one that it needs. */
bool family_may_write(const char *path, const char *parent, struct error *error);

/** Prints how the snapshots of the folder that `path` lies in, or is, come from each other. */
bool family_print(FILE *to, const char *path, struct error *error);

/** Whether no snapshot of the folder that `path` lies in needs that one. */
bool family_unneeded(const char *path, struct error *error);

#endif
