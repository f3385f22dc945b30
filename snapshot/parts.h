/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of this room share: an open snapshot, and the names of its sections. */
#ifndef ARMATURE_PARTS_H
#define ARMATURE_PARTS_H

#include "snapshot/codec.h"
#include "machine/options.h"
#include "snapshot/snapshot.h"
#include "snapshot/state.h"
#include "snapshot/store.h"

struct snapshot {
    struct format_file file;
    struct store_reader store;
    struct run_options recorded; /* what the machine was made of */
    struct snapshot *parent;     /* which has the pages that this one lacks; NULL: it is whole */
    char *path;                  /* a parent's, which is its own */
};

/** By what a child knows it again, also after it was compacted. */
uint64_t snapshot_identity(const struct snapshot *snapshot);

/* Sections, beside those of the state: where a device has a medium "base.NAME" and "medium.NAME". */
#define SECTION_RAM      "ram"
#define SECTION_PARENT   "parent"   /* its identity, its name with a zero byte */
#define SECTION_IDENTITY "identity" /* of one that was written anew; else it is the checksum of the table */

/** As snapshot_open(), without its parents. */
struct snapshot *snapshot_open_alone(const char *path, struct error *error);
/** As snapshot_open(), of one that is so many children away. */
struct snapshot *snapshot_open_at(const char *path, unsigned depth, struct error *error);

/** Whether a device's medium has the base that it had, as `path` (a snapshot, or where a machine comes from) says. */
bool snapshot_check_base(const char *path, const struct device *device, const struct medium_identity *saved,
                         struct error *error);

/** More than any medium has. */
#define MEDIUM_PAGES_MAX (UINT64_MAX / PAGE_SIZE_BYTES)

/** How many pages the medium has whose base is this. */
static inline uint64_t medium_pages(const struct medium_identity *identity)
{
    return identity->size_bytes / PAGE_SIZE_BYTES + (identity->size_bytes % PAGE_SIZE_BYTES != 0);
}

#endif
