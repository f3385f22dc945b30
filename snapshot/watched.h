/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What of a machine is pages: RAM, and what was written over the image of each disk. Who wants to know of the changes
 * of all of it has a watch for each. */
#ifndef ARMATURE_WATCHED_H
#define ARMATURE_WATCHED_H

#include "machine/machine.h"

#define WATCHED_MAX (1 + MACHINE_DEVICES_MAX)

struct watched_space {
    const struct device *device; /* whose medium; NULL: RAM */
    struct page_watch **list;    /* NULL: it does not change */
    uint64_t page_count;
};

/** The spaces of a machine, RAM first. Returns how many. */
unsigned watched_spaces(struct machine *machine, struct watched_space spaces[WATCHED_MAX]);

/** Watches a space that changes, from now on. The watch is made here. */
void watched_begin(struct machine *machine, const struct watched_space *space, struct page_watch *watch,
                   void (*changes)(void *context, uint64_t page, const uint8_t *content), void *context);
/** Arms the watch anew: nothing has changed since now. */
void watched_again(struct machine *machine, const struct watched_space *space, struct page_watch *watch);
/** Ends it. */
void watched_end(const struct watched_space *space, struct page_watch *watch);

#endif
