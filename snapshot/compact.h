/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Snapshots without parents, out of those with. */
#ifndef ARMATURE_COMPACT_H
#define ARMATURE_COMPACT_H

#include "machine/contract/error.h"
#include "machine/contract/medium.h"
#include "snapshot/store.h"

struct snapshot;

/** Who has more of a disk than the snapshot has: all of it. */
struct compact_media {
    /* Puts all pages of a device's disk, `*base` becoming what they lie over, and sets `*whole`; or sets it false, and
     * the snapshot's are taken. */
    bool (*store)(void *context, const char *device, struct store_writer *store, struct medium_identity *base,
                  bool *whole, struct error *error);
    void *context;
};

/** Writes an open snapshot and its parents to a file. `media` NULL: as it is, with its identity. */
bool snapshot_rewrite(struct snapshot *snapshot, const char *to, bool compress, const struct compact_media *media,
                      struct error *error);

/** Writes what `from` and its parents hold to the file `to`, which may be `from` itself. It can be a parent of the same
 *  children. False: `error` says why there is no such file, and an old one is as it was. */
bool snapshot_compact(const char *from, const char *to, bool compress, struct error *error);

#endif
