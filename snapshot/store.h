/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stored pages, and where they belong.
 *
 * The store is a row of pages, numbered from 0; equal pages are in it once (but for a small part, store_again()). An
 * index says for one space of pages (RAM, a disk's overlay) which of them are where in the store: extents are runs that
 * lie in the store as they do in the space, so that each is mapped by one call; copies are single pages that are equal
 * to another. All others are zeroes, or the base's. Short gaps within an extent are holes in the file, which read as
 * zeroes:
 *
 *     RAM pages     10  11  12  13  14         (12 is all zeroes, 14 equal to 10)
 *     the store      0   1  hole 2             extent {page 10, stored 0, count 4}, copy {page 14, stored 0}
 */
#ifndef ARMATURE_STORE_H
#define ARMATURE_STORE_H

#include "snapshot/format.h"

struct store_extent {
    uint64_t page, stored, count;
};

struct store_copy {
    uint64_t page, stored;
};

#define STORE_CHUNK_PAGES 64u /* of a compressed chunk */

/** The hash of a page. */
uint64_t store_page_hash(const void *page);
bool store_page_is_zero(const void *page);

/* --- writing --- */

struct store_writer;
struct store_writer *store_create(struct format_writer *file, bool compress);

/** Begins an index. Pages follow in ascending order; what they lie in does not change until store_settle().
 * `keep_zeroes`: pages of zeroes are told from pages that are not put (which are a base's, or a parent's). */
void store_index_begin(struct store_writer *store, bool keep_zeroes);
void store_put(struct store_writer *store, uint64_t page, const uint8_t *content);
/** Writes out what still lies where it was put from. */
void store_settle(struct store_writer *store);
/** Ends it, and appends it to `bytes`. */
void store_index_end(struct store_writer *store, struct bytes *bytes);

/** Writes out what is left, and the sections of the store. */
void store_finish(struct store_writer *store);
void store_free(struct store_writer *store);

/* --- reading --- */

struct store_reader {
    const struct format_file *file;
    struct reader hashes, chunks; /* sections */
    uint64_t chunk;               /* that `buffer` holds; UINT64_MAX: none */
    uint8_t *buffer;
};

bool store_open(struct store_reader *store, const struct format_file *file, struct error *error);
void store_close(struct store_reader *store);

static inline uint64_t store_hash(const struct store_reader *store, uint64_t stored)
{
    uint64_t hash;
    memcpy(&hash, store->hashes.at + stored * sizeof hash, sizeof hash);
    return hash;
}

/** A stored page (until the next call). NULL: it is damaged in its compressed form. */
const uint8_t *store_page(struct store_reader *store, uint64_t stored);

/** Where a stored page lies in the file, if it is not compressed. */
static inline uint64_t store_offset(uint64_t stored)
{
    return PAGE_SIZE_BYTES * (1 + stored);
}

struct store_index {
    const struct store_extent *extents; /* ascending by page, and no two overlap */
    const struct store_copy *copies;    /* ascending by page */
    const uint64_t *zeroes;             /* pages of zeroes, ascending, where they are kept apart */
    uint64_t extent_count, copy_count, zero_count;
};

/** Reads an index of a space of `pages` pages, and checks it: nothing lies outside the space or the store. */
bool store_index_read(const struct store_reader *store, struct reader *reader, uint64_t pages,
                      struct store_index *index, const char *what, struct error *error);

#define STORE_NONE UINT64_MAX
/** Which stored page a page of the space is; STORE_NONE: none. A hole of an extent is a stored page of zeroes. */
uint64_t store_lookup(const struct store_index *index, uint64_t page);

#endif
