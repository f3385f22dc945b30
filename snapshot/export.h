/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Snapshots that need no other file. */
#ifndef ARMATURE_EXPORT_H
#define ARMATURE_EXPORT_H

#include "machine/machine.h"

/** Writes the snapshot `from` to `to`, compressed, with all that its disks hold in it: the images, which must be where
 * they were, are not needed to restore it. The machine is made for that, on the engine given, and not run. False:
 * `error` says why there is no such file. */
bool snapshot_export(const char *from, const char *to, const struct engine_ops *engine, struct error *error);

#endif
