/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pages of a snapshot and its parents. */
#include "snapshot/space.h"

static uint64_t max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t end_of(const struct store_index *index)
{
    uint64_t end = 0;
    if (index->extent_count)
        end = index->extents[index->extent_count - 1].page + index->extents[index->extent_count - 1].count;
    if (index->copy_count)
        end = max(end, index->copies[index->copy_count - 1].page + 1);
    if (index->zero_count)
        end = max(end, index->zeroes[index->zero_count - 1] + 1);
    return end;
}

bool space_open(struct space *space, struct snapshot *snapshot, const char *section, uint64_t pages,
                struct error *error)
{
    space->count = 0;
    space->pages = 0;
    for (; snapshot; snapshot = snapshot->parent) {
        struct space_level *level = &space->levels[space->count++];
        struct reader reader;
        level->snapshot = snapshot;
        level->index = (struct store_index){0};
        if (space->count > 1 && !format_has(&snapshot->file, section))
            continue; /* a parent of a version that had no such device */
        if (!format_find(&snapshot->file, section, &reader, error) ||
            !store_index_read(&snapshot->store, &reader, pages, &level->index, section, error))
            return false;
        space->pages = max(space->pages, end_of(&level->index));
    }
    return true;
}

/* The place of the first number of `count`, `stride` apart, that is not below `page`. */
static uint64_t first_from(const uint64_t *numbers, uint64_t count, unsigned stride, uint64_t page)
{
    uint64_t low = 0, high = count;
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        if (numbers[middle * stride] < page)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

#define STRIDE_OF(row) (sizeof(row) / sizeof(uint64_t))

static bool says_zero(const struct store_index *index, uint64_t page)
{
    uint64_t at = first_from(index->zeroes, index->zero_count, 1, page);
    return at < index->zero_count && index->zeroes[at] == page;
}

const struct space_level *space_find(const struct space *space, uint64_t page, uint64_t *stored)
{
    for (unsigned i = 0; i < space->count; i++) {
        const struct space_level *level = &space->levels[i];
        *stored = store_lookup(&level->index, page);
        if (*stored != STORE_NONE || says_zero(&level->index, page))
            return level;
    }
    return NULL;
}

bool space_is_copy(const struct space_level *level, uint64_t page)
{
    const struct store_index *index = &level->index;
    uint64_t at = first_from(&index->copies->page, index->copy_count, STRIDE_OF(struct store_copy), page);
    return at < index->copy_count && index->copies[at].page == page;
}

const uint8_t *space_content(const struct space_level *level, uint64_t stored)
{
    static const uint8_t zeroes[PAGE_SIZE_BYTES];
    return stored == STORE_NONE ? zeroes : store_page(&level->snapshot->store, stored);
}

static uint64_t next_in(const struct store_index *index, uint64_t page, uint64_t next)
{
    uint64_t at = first_from(&index->extents->page, index->extent_count, STRIDE_OF(struct store_extent), page + 1);
    if (at && page - index->extents[at - 1].page < index->extents[at - 1].count)
        return page;
    if (at < index->extent_count && index->extents[at].page < next)
        next = index->extents[at].page;
    at = first_from(&index->copies->page, index->copy_count, STRIDE_OF(struct store_copy), page);
    if (at < index->copy_count && index->copies[at].page < next)
        next = index->copies[at].page;
    at = first_from(index->zeroes, index->zero_count, 1, page);
    return at < index->zero_count && index->zeroes[at] < next ? index->zeroes[at] : next;
}

uint64_t space_next(const struct space *space, uint64_t page)
{
    uint64_t next = space->pages;
    for (unsigned i = 0; i < space->count; i++)
        next = next_in(&space->levels[i].index, page, next);
    return next;
}
