/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A space of pages (RAM, a disk's overlay) as a snapshot and its parents have it: the first in that order that says
 * something about a page counts. */
#ifndef ARMATURE_SPACE_H
#define ARMATURE_SPACE_H

#include "snapshot/family.h"
#include "snapshot/parts.h"

struct space_level {
    struct snapshot *snapshot;
    struct store_index index;
};

struct space {
    struct space_level levels[FAMILY_DEPTH_MAX + 1]; /* the child first */
    unsigned count;
    uint64_t pages;
};

/** Reads the indexes of a section, for a space of `pages` pages at most; `space->pages` becomes one more than the last
 * that is named. False: one of them contradicts itself. */
bool space_open(struct space *space, struct snapshot *snapshot, const char *section, uint64_t pages,
                struct error *error);

/** Who has the page, and as which stored one (STORE_NONE: it is said to be zeroes). NULL: nobody says anything. */
const struct space_level *space_find(const struct space *space, uint64_t page, uint64_t *stored);

/** Whether it is one of several equal pages there. */
bool space_is_copy(const struct space_level *level, uint64_t page);

/** Its content, which lasts until the next call. NULL: a compressed part of the file is damaged. */
const uint8_t *space_content(const struct space_level *level, uint64_t stored);

/** The first page at or after `page` that any level names; `space->pages` where there is none. */
uint64_t space_next(const struct space *space, uint64_t page);

#endif
