/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which snapshot a running machine comes from, and what changed since: what the next one need hold, as its child. */
#ifndef ARMATURE_LINEAGE_H
#define ARMATURE_LINEAGE_H

#include <limits.h>
#include "snapshot/bytes.h"
#include "snapshot/watched.h"

/** Of one space of pages: what changed since the parent; while a snapshot is being written, what had changed until then
 * is kept, as it may not come about. */
struct lineage_space {
    struct watched_space of;
    struct page_watch watch;
    uint64_t *before; /* until the snapshot that is being written */
};

struct lineage {
    struct machine *machine;
    bool kept;               /* the user wants --incremental; else nothing of this is looked at, or costs anything */
    bool known;              /* there is a parent */
    char path[PATH_MAX];     /* of the parent, absolute */
    uint64_t identity;       /* its table's checksum */
    struct lineage_space spaces[WATCHED_MAX]; /* RAM first; none before there is a parent */
    unsigned space_count;
    /* The snapshot that is being written, which will be the parent. */
    char next_path[PATH_MAX];
    uint64_t next_identity;
    bool written;
};

void lineage_init(struct lineage *lineage, struct machine *machine);
void lineage_free(struct lineage *lineage);

/** The machine is as that snapshot has it. */
void lineage_restored(struct lineage *lineage, const char *path, uint64_t identity);

/** What the file `child` is to say of its parent goes to `parent`, and which pages of RAM changed since to
 * `*ram_changed`, which is filled by lineage_begin(). False: there is none. */
bool lineage_parent(const struct lineage *lineage, const char *child, struct bytes *parent,
                    const uint64_t **ram_changed);

/** The changes of a device's medium. NULL: there is no parent, or the medium is none that changes. */
const struct page_watch *lineage_changes(const struct lineage *lineage, const struct device *device);

/** The state of this moment is being written as `path`. What the two before gave stays as it was until
 * lineage_settle(). */
void lineage_begin(struct lineage *lineage, const char *path);

/** It was written, or not. By the thread that did. */
void lineage_written(struct lineage *lineage, bool good, uint64_t identity);

/** Takes that into account. */
void lineage_settle(struct lineage *lineage);

#endif
