/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A space of pages (RAM, a disk's overlay) as it was at one moment, for a thread that writes it out while the guest
 * runs on. The guest's first store to a page that is still to be written leaves a copy of what was there.
 *
 *     pages      0    1    2    3    4          the thread is at page 2: 0 and 1 are written, and may change
 *     guest      w         w         w          copies are kept of 2 and 4; 3 is read where it lies */
#ifndef ARMATURE_FROZEN_H
#define ARMATURE_FROZEN_H

#include <pthread.h>
#include "machine/contract/bus.h"

struct frozen_copy {
    uint64_t page;
    uint8_t *content; /* NULL: the slot is free */
};

struct frozen {
    struct page_watch watch;
    pthread_mutex_t lock; /* over all of it, and over the pages themselves as long as they are to be written */
    uint64_t written;     /* pages below it need no copy */
    bool short_of_memory; /* the host had none for a copy: what is written is not that moment */
    struct frozen_copy *copies; /* a hash table of `capacity` slots, a power of two */
    uint64_t count, capacity;
};

/** Makes the watch, which the caller adds to the space's list at the moment itself. */
void frozen_init(struct frozen *frozen, uint64_t page_count);
/** After the watch was taken from its list. */
void frozen_free(struct frozen *frozen);

/** Between these two, called by the thread, pages do not change that are not written yet. */
void frozen_lock(struct frozen *frozen);
/** `written`: pages below it are done with. */
void frozen_unlock(struct frozen *frozen, uint64_t written);

/** What a page held at that moment: the copy, or `live`, where the space has it now. Between lock and unlock. */
const uint8_t *frozen_page(const struct frozen *frozen, uint64_t page, const uint8_t *live);

#endif
