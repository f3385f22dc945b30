/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Snapshots without parents, out of those with. */
#ifndef ARMATURE_COMPACT_H
#define ARMATURE_COMPACT_H

#include "machine/contract/error.h"

/** Writes what `from` and its parents hold to the file `to`, which may be `from` itself. It can be a parent of the same
 *  children. False: `error` says why there is no such file, and an old one is as it was. */
bool snapshot_compact(const char *from, const char *to, bool compress, struct error *error);

#endif
