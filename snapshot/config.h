/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a machine is made of, in a snapshot. */
#ifndef ARMATURE_CONFIG_H
#define ARMATURE_CONFIG_H

#include "machine/options.h"
#include "snapshot/bytes.h"

/** What `options` say of the machine, as options of the command line: pairs of strings, each with its zero byte. */
void config_put(struct bytes *bytes, const struct run_options *options);

/** The next pair; false at the end, or where the bytes are no pairs (then `reader->failed`). */
bool config_next(struct reader *reader, const char **name, const char **value);

/** Reads them into `options`, which hold defaults. Strings stay in the section. */
bool config_get(struct reader *reader, struct run_options *options, struct error *error);

/** Completes the options of a run by what a snapshot, or a machine that comes here, says of itself; see
 *  snapshot_configure(). `path` is where that stands, for errors. */
bool config_apply(const struct run_options *recorded, const char *path, struct run_options *options,
                  struct error *error);

#endif
