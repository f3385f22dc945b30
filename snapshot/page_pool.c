/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A stack of spare pages, which are pieces of slabs of the size of the host's large pages. */
#include "snapshot/page_pool.h"
#include <stdlib.h>
#include <sys/mman.h>
#include "machine/contract/bus.h"

#define SLAB_BYTES (2u << 20)
#define SLAB_PAGES (SLAB_BYTES / PAGE_SIZE_BYTES)

/* Aligned, so that it can be one large page. Where the host gives small ones, all come by one call. */
static uint8_t *map_slab(void)
{
    uint8_t *at = mmap(NULL, 2 * (size_t)SLAB_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return NULL;
    const size_t before = -(uintptr_t)at % SLAB_BYTES;
    if (before)
        munmap(at, before);
    munmap(at + before + SLAB_BYTES, SLAB_BYTES - before);
    madvise(at + before, SLAB_BYTES, MADV_HUGEPAGE);
    madvise(at + before, SLAB_BYTES, MADV_POPULATE_WRITE); /* an older host gives them as they are touched */
    return at + before;
}

/* There is room for all pages in the list of spare ones, so that giving one back needs no memory. */
static bool add_slab(struct page_pool *pool)
{
    if (pool->slab_count == pool->slab_capacity) {
        const size_t capacity = pool->slab_capacity ? pool->slab_capacity * 2 : 8;
        uint8_t **slabs = realloc(pool->slabs, capacity * sizeof *slabs);
        pool->slabs = slabs ? slabs : pool->slabs;
        uint8_t **spare = slabs ? realloc(pool->spare, capacity * SLAB_PAGES * sizeof *spare) : NULL;
        if (!spare)
            return false;
        pool->spare = spare;
        pool->slab_capacity = capacity;
    }
    uint8_t *slab = map_slab();
    if (!slab)
        return false;
    pool->slabs[pool->slab_count++] = slab;
    for (unsigned i = SLAB_PAGES; i-- > 0;)
        pool->spare[pool->spare_count++] = slab + i * PAGE_SIZE_BYTES;
    return true;
}

uint8_t *page_pool_take(struct page_pool *pool)
{
    return pool->spare_count || add_slab(pool) ? pool->spare[--pool->spare_count] : NULL;
}

void page_pool_give(struct page_pool *pool, uint8_t *page)
{
    pool->spare[pool->spare_count++] = page;
}

void page_pool_free(struct page_pool *pool)
{
    for (size_t i = 0; i < pool->slab_count; i++)
        munmap(pool->slabs[i], SLAB_BYTES);
    free(pool->slabs);
    free(pool->spare);
    *pool = (struct page_pool){0};
}
