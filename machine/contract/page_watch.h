/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who wants to know of each page of a space (RAM, a disk's overlay) before it changes for the first time: what saves
 * beside a running guest, what goes back to a mark, what knows which pages changed since a parent. One mechanism, as
 * many watches as there are at a time. */
#ifndef ARMATURE_PAGE_WATCH_H
#define ARMATURE_PAGE_WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct page_watch {
    /* The page is about to change for the first time since the watch was armed. `content` is what it holds until then;
     * NULL: it has no content of its own (a disk's page that is its image's). May be NULL, where `changed` is all that
     * is wanted. */
    void (*changes)(void *context, uint64_t page, const uint8_t *content);
    void *context;
    uint64_t page_count;
    uint64_t *changed; /* a bit a page: it was told of */
    struct page_watch *next;
};

/** Makes a watch of a space of so many pages. */
void page_watch_init(struct page_watch *watch, uint64_t page_count,
                     void (*changes)(void *context, uint64_t page, const uint8_t *content), void *context);
/** Not while it is in a list. */
void page_watch_free(struct page_watch *watch);

/** No page has changed since now. */
void page_watch_arm(struct page_watch *watch);

static inline bool page_watch_changed(const struct page_watch *watch, uint64_t page)
{
    return watch->changed[page / 64] >> page % 64 & 1;
}

/** The page is as it was when the watch was armed: its next change will be told again. */
static inline void page_watch_forget(struct page_watch *watch, uint64_t page)
{
    watch->changed[page / 64] &= ~(1ull << page % 64);
}

/** The first page at or after `page` that changed; `page_count` where there is none. */
uint64_t page_watch_next(const struct page_watch *watch, uint64_t page);

void page_watch_add(struct page_watch **list, struct page_watch *watch);
void page_watch_remove(struct page_watch **list, struct page_watch *watch);

/** Tells all watches of a list, which may be empty, that the page changes. */
void page_watch_tell(struct page_watch *list, uint64_t page, const uint8_t *content);

#endif
