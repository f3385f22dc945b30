/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pages out of the store. */
#include <zlib.h>
#include "snapshot/store.h"

static bool wrong(const struct store_reader *store, const char *what, struct error *error)
{
    return error_set(error, "snapshot %s: %s", store->file->path, what);
}

bool store_open(struct store_reader *store, const struct format_file *file, struct error *error)
{
    *store = (struct store_reader){.file = file, .chunk = UINT64_MAX};
    const bool compressed = file->header.flags & FORMAT_COMPRESSED;
    uint64_t pages = file->header.stored_pages,
             chunks = compressed ? (pages + STORE_CHUNK_PAGES - 1) / STORE_CHUNK_PAGES : 0;
    /* The hashes are checked by who looks at them: to read them all would take a restore some milliseconds. */
    if (!format_locate(file, "hashes", &store->hashes, error) || !format_find(file, "chunks", &store->chunks, error))
        return false;
    if (store->hashes.left != pages * sizeof(uint64_t) || store->chunks.left != chunks * sizeof(uint64_t))
        return wrong(store, "the number of its pages contradicts itself", error);
    uint64_t last = 0;
    for (uint64_t i = 0; i < chunks; i++) {
        uint64_t end;
        memcpy(&end, store->chunks.at + i * sizeof end, sizeof end);
        if (end < last || end > file->header.stored_bytes)
            return wrong(store, "a compressed part lies outside of it", error);
        last = end;
    }
    if (compressed)
        store->buffer = host_alloc(STORE_CHUNK_PAGES, PAGE_SIZE_BYTES);
    return true;
}

void store_close(struct store_reader *store)
{
    free(store->buffer);
    store->buffer = NULL;
}

static bool unpack(struct store_reader *store, uint64_t chunk)
{
    uint64_t ends[2] = {0, 0};
    memcpy(&ends[chunk ? 0 : 1], store->chunks.at + (chunk ? chunk - 1 : 0) * sizeof ends[0],
           sizeof ends[0] * (chunk ? 2 : 1));
    uint64_t left = store->file->header.stored_pages - chunk * STORE_CHUNK_PAGES;
    uLongf wanted = (left < STORE_CHUNK_PAGES ? left : STORE_CHUNK_PAGES) * PAGE_SIZE_BYTES, length = wanted;
    store->chunk = UINT64_MAX;
    if (uncompress(store->buffer, &length, store->file->mapping + PAGE_SIZE_BYTES + ends[0], ends[1] - ends[0]) !=
            Z_OK ||
        length != wanted)
        return false;
    store->chunk = chunk;
    return true;
}

const uint8_t *store_page(struct store_reader *store, uint64_t stored)
{
    if (!store->buffer)
        return store->file->mapping + store_offset(stored);
    if (store->chunk != stored / STORE_CHUNK_PAGES && !unpack(store, stored / STORE_CHUNK_PAGES))
        return NULL;
    return store->buffer + stored % STORE_CHUNK_PAGES * PAGE_SIZE_BYTES;
}

/* --- indexes --------------------------------------------------------------------------------------- */

static bool check_index(const struct store_reader *store, const struct store_index *index, uint64_t pages)
{
    const uint64_t stored = store->file->header.stored_pages;
    uint64_t next = 0, total = 0;
    for (uint64_t i = 0; i < index->extent_count; i++) {
        const struct store_extent *extent = &index->extents[i];
        if (extent->page < next || extent->page > pages || !extent->count || extent->count > pages - extent->page ||
            extent->stored > stored || extent->count > stored - extent->stored)
            return false;
        next = extent->page + extent->count;
        total += extent->count;
        if (total > stored)
            return false; /* each stored page lies in one extent: what walks them all comes to an end */
    }
    next = 0;
    for (uint64_t i = 0; i < index->copy_count; i++) {
        const struct store_copy *copy = &index->copies[i];
        if (copy->page < next || copy->page >= pages || copy->stored >= stored)
            return false;
        next = copy->page + 1;
    }
    next = 0;
    for (uint64_t i = 0; i < index->zero_count; i++) {
        if (index->zeroes[i] < next || index->zeroes[i] >= pages)
            return false;
        next = index->zeroes[i] + 1;
    }
    return true;
}

/* `count` rows of `size` bytes, as they lie. */
static const void *take_rows(struct reader *reader, uint64_t count, size_t size)
{
    if (count > reader->left / size)
        reader->failed = true;
    return reader_take(reader, count * size);
}

bool store_index_read(const struct store_reader *store, struct reader *reader, uint64_t pages,
                      struct store_index *index, const char *what, struct error *error)
{
    index->extent_count = reader_number(reader, 8);
    index->copy_count = reader_number(reader, 8);
    index->zero_count = reader_number(reader, 8);
    index->extents = take_rows(reader, index->extent_count, sizeof *index->extents);
    index->copies = take_rows(reader, index->copy_count, sizeof *index->copies);
    index->zeroes = take_rows(reader, index->zero_count, sizeof *index->zeroes);
    if (!reader->failed && check_index(store, index, pages))
        return true;
    return error_set(error, "snapshot %s: the index of %s contradicts itself", store->file->path, what);
}

uint64_t store_lookup(const struct store_index *index, uint64_t page)
{
    uint64_t low = 0, high = index->copy_count;
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        if (index->copies[middle].page < page)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < index->copy_count && index->copies[low].page == page)
        return index->copies[low].stored;
    for (low = 0, high = index->extent_count; low < high;) {
        uint64_t middle = (low + high) / 2;
        if (index->extents[middle].page <= page)
            low = middle + 1;
        else
            high = middle;
    }
    const struct store_extent *extent = low ? &index->extents[low - 1] : NULL;
    return extent && page - extent->page < extent->count ? extent->stored + (page - extent->page) : STORE_NONE;
}
