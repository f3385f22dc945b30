/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Room for contents of pages that are kept for a while and dropped again, thousands of them in a row while the guest
 * waits: the host is asked for it in large pages, and what is dropped is what is taken next. */
#ifndef ARMATURE_PAGE_POOL_H
#define ARMATURE_PAGE_POOL_H

#include <stddef.h>
#include <stdint.h>

struct page_pool {
    uint8_t **slabs;
    size_t slab_count, slab_capacity;
    uint8_t **spare; /* pages that nobody has */
    size_t spare_count;
};

/** A page with any content; NULL: the host has no memory. */
uint8_t *page_pool_take(struct page_pool *pool);
/** Gives a page back that was taken. */
void page_pool_give(struct page_pool *pool, uint8_t *page);
/** Gives all memory back to the host, also of pages that somebody has. */
void page_pool_free(struct page_pool *pool);

#endif
