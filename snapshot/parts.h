/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of this room share: an open snapshot, and the names of its sections. */
#ifndef ARMATURE_PARTS_H
#define ARMATURE_PARTS_H

#include "snapshot/codec.h"
#include "snapshot/snapshot.h"
#include "snapshot/store.h"

struct snapshot {
    struct format_file file;
    struct store_reader store;
    struct run_options recorded; /* what the machine was made of */
};

/* Sections. A CPU's are "cpu0", "cpu0.events", ...; a device's "device.NAME", and where it has a medium "base.NAME" and
 * "medium.NAME". */
#define SECTION_OPTIONS "options"
#define SECTION_CLOCK   "clock"
#define SECTION_LOOP    "loop"
#define SECTION_MACHINE "machine"
#define SECTION_INPUTS  "inputs"
#define SECTION_RAM     "ram"

/** Sections that a snapshot may lack because it is older than the device: it is then as after a reset. The last is NULL. */
extern const char *const section_history[];

/** What `options` say of the machine, as options of the command line: pairs of strings, each with its zero byte. */
void config_put(struct bytes *bytes, const struct run_options *options);

/** The next pair; false at the end, or where the bytes are no pairs (then `reader->failed`). */
bool config_next(struct reader *reader, const char **name, const char **value);

/** Reads them into `options`, which hold defaults. Strings stay in the section. */
bool config_get(struct reader *reader, struct run_options *options, struct error *error);

/** More than any medium has. */
#define MEDIUM_PAGES_MAX (UINT64_MAX / PAGE_SIZE_BYTES)

/** How many pages the medium has whose base is this. */
static inline uint64_t medium_pages(const struct medium_identity *identity)
{
    return identity->size_bytes / PAGE_SIZE_BYTES + (identity->size_bytes % PAGE_SIZE_BYTES != 0);
}

#endif
