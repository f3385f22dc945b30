/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Snapshots: the whole machine in a file, and back. format.h says what the file is. */
#ifndef ARMATURE_SNAPSHOT_H
#define ARMATURE_SNAPSHOT_H

#include "machine/machine.h"

struct snapshot;

/** Saves a machine that stands between two instructions, and does not change it. The file takes the place of an old one
 * of that name when all of it is on the disk. False: `error` says why not, and an old file is as it was. (saver.h does
 * the same beside a running machine.) */
bool snapshot_save(struct machine *machine, const char *path, bool compress, struct error *error);

/** Opens a file. NULL: `error` says what is wrong with it. */
struct snapshot *snapshot_open(const char *path, struct error *error);
/** Not before the machine that was restored from it is freed. NULL is allowed. */
void snapshot_close(struct snapshot *snapshot);

/** Completes the options of a restored run by what the snapshot says of the machine. What `options` says of disks,
 * networks, lines and the clock goes before. */
bool snapshot_configure(struct snapshot *snapshot, struct run_options *options, struct error *error);

/** Gives a machine, which was made of those options, the state in the snapshot. False: the machine is to be freed. */
bool snapshot_restore(struct snapshot *snapshot, struct machine *machine, struct error *error);

/** Whether a machine that runs is one that the snapshot could be of: as much memory, as many processors and disks, and
 * so on. False: `error` says what is not the same. */
bool snapshot_fits(const struct snapshot *snapshot, const struct machine *machine, struct error *error);

/** The same as snapshot_restore(), in place of the state of a machine that has run and stands between two instructions.
 * Not under a recording. False: the machine is of no more use. */
bool snapshot_restore_over(struct snapshot *snapshot, struct machine *machine, struct error *error);

/** `armature snapshot ...`: the arguments behind that. Returns the exit status; `error` has a line where it is not 0.
 */
int snapshot_command(int argc, char *const argv[], const struct engine_ops *engine, struct error *error);
void snapshot_command_help(FILE *to);

#endif
