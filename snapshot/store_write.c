/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pages into the store. What is to be stored raw is written from where it lies, in runs as long as they lie together.
 */
#include <zlib.h>
#include "machine/contract/fields.h"
#include "snapshot/store.h"

#define GAP_MAX       63u /* pages between two of an extent */
#define RUN_MAX_BYTES (8u << 20)
#define AGAIN_PAGES   4096u /* so many stored pages may be equal to others */
#define AGAIN_PART    8u    /* and that part of them */

/* A page that was stored, by its hash. */
struct known {
    uint64_t hash, number; /* of the stored page, and one more; 0: the slot is free */
};

struct store_writer {
    struct format_writer *file;
    bool compress;
    uint64_t stored;       /* pages so far */
    struct bytes hashes;   /* of each */
    struct known *known;   /* a hash table of `capacity` slots, a power of two */
    uint64_t known_count, capacity;
    uint64_t again;        /* pages that were stored again */
    /* Raw: pages that lie together and wait to be written. */
    const uint8_t *run;
    uint64_t run_stored;
    size_t run_bytes;
    /* Compressed: the chunk that is being filled. */
    uint8_t *chunk, *packed;
    struct bytes chunk_ends; /* where each chunk ends in the file */
    uint8_t *unpacked;       /* a chunk that was read back; `unpacked_chunk` is its number, and one more */
    uint64_t unpacked_chunk;
    uint64_t end;
    /* The index that is being made. */
    bool keep_zeroes;
    struct store_extent extent;
    struct bytes extents, copies, zeroes;
};

/* --- what a page is like --------------------------------------------------------------------------- */

/* Four sums side by side, each as hash_bytes() makes one, so that none waits for another. */
uint64_t store_page_hash(const void *page)
{
    const uint64_t *at = page;
    uint64_t sums[4] = {FIELDS_HASH_SEED, ~FIELDS_HASH_SEED, FIELDS_HASH_SEED << 1, FIELDS_HASH_SEED >> 1};
    for (unsigned i = 0; i < PAGE_SIZE_BYTES / 8; i += 4)
        for (unsigned lane = 0; lane < 4; lane++) {
            uint64_t sum = (sums[lane] ^ at[i + lane]) * 0x9e3779b97f4a7c15ull;
            sums[lane] = sum ^ sum >> 32;
        }
    return hash_bytes(sums, sizeof sums, FIELDS_HASH_SEED);
}

bool store_page_is_zero(const void *page)
{
    static const uint8_t zeroes[PAGE_SIZE_BYTES];
    return !memcmp(page, zeroes, 64) && !memcmp(page, zeroes, PAGE_SIZE_BYTES);
}

/* --- equal pages: what was stored is read back, so that equal hashes are not taken for equal pages ------------ */

static const uint8_t *read_raw(struct store_writer *store, uint64_t stored, uint8_t *to)
{
    if (store->run_bytes && stored >= store->run_stored &&
        stored - store->run_stored < store->run_bytes / PAGE_SIZE_BYTES)
        return store->run + (stored - store->run_stored) * PAGE_SIZE_BYTES;
    return format_read_back(store->file, store_offset(stored), to, PAGE_SIZE_BYTES) ? to : NULL;
}

static uint64_t end_of_chunk(const struct store_writer *store, uint64_t chunk)
{
    uint64_t end;
    memcpy(&end, store->chunk_ends.at + chunk * sizeof end, sizeof end);
    return end;
}

static const uint8_t *read_packed(struct store_writer *store, uint64_t stored)
{
    const uint64_t chunk = stored / STORE_CHUNK_PAGES, at = stored % STORE_CHUNK_PAGES * PAGE_SIZE_BYTES;
    if (chunk == store->stored / STORE_CHUNK_PAGES)
        return store->chunk + at;
    if (store->unpacked_chunk == chunk + 1)
        return store->unpacked + at;
    uint64_t begin = chunk ? end_of_chunk(store, chunk - 1) : 0, packed = end_of_chunk(store, chunk) - begin;
    uLongf length = STORE_CHUNK_PAGES * PAGE_SIZE_BYTES;
    store->unpacked_chunk = 0;
    if (!format_read_back(store->file, PAGE_SIZE_BYTES + begin, store->packed, packed) ||
        uncompress(store->unpacked, &length, store->packed, packed) != Z_OK ||
        length != STORE_CHUNK_PAGES * PAGE_SIZE_BYTES)
        return NULL;
    store->unpacked_chunk = chunk + 1;
    return store->unpacked + at;
}

static bool holds(struct store_writer *store, uint64_t stored, const uint8_t *content)
{
    uint8_t page[PAGE_SIZE_BYTES];
    const uint8_t *there = store->compress ? read_packed(store, stored) : read_raw(store, stored, page);
    return there && !memcmp(there, content, PAGE_SIZE_BYTES);
}

/* The slot of a stored page that is equal to `content`, or the free one where it goes. `content` NULL: of that hash:
 * the free one. */
static struct known *slot_for(struct store_writer *store, uint64_t hash, const uint8_t *content)
{
    uint64_t at = hash & (store->capacity - 1);
    for (;; at = (at + 1) & (store->capacity - 1)) {
        struct known *slot = &store->known[at];
        if (!slot->number || (content && slot->hash == hash && holds(store, slot->number - 1, content)))
            return slot;
    }
}

static void make_room(struct store_writer *store)
{
    struct known *old = store->known;
    uint64_t count = store->capacity;
    if (store->known_count < count / 2)
        return;
    store->capacity = count ? count * 2 : 65536;
    store->known = host_alloc(store->capacity, sizeof *store->known);
    for (uint64_t i = 0; i < count; i++)
        if (old[i].number)
            *slot_for(store, old[i].hash, NULL) = old[i];
    free(old);
}

/* --- to the file ----------------------------------------------------------------------------------- */

static void write_run(struct store_writer *store)
{
    if (store->run_bytes)
        format_write_at(store->file, store_offset(store->run_stored), store->run, store->run_bytes);
    store->run_bytes = 0;
}

static void write_chunk(struct store_writer *store, size_t bytes)
{
    uLongf length = compressBound(STORE_CHUNK_PAGES * PAGE_SIZE_BYTES);
    if (!bytes || compress2(store->packed, &length, store->chunk, bytes, 1) != Z_OK)
        return;
    format_write_at(store->file, PAGE_SIZE_BYTES + store->end, store->packed, length);
    store->end += length;
    bytes_put_u64(&store->chunk_ends, store->end);
}

/* The next stored page; NULL: a hole. */
static void store_next(struct store_writer *store, const uint8_t *content, uint64_t hash)
{
    uint64_t number = store->stored++, in_chunk = number % STORE_CHUNK_PAGES;
    bytes_put_u64(&store->hashes, hash);
    if (store->compress) {
        uint8_t *to = store->chunk + in_chunk * PAGE_SIZE_BYTES;
        if (content)
            memcpy(to, content, PAGE_SIZE_BYTES);
        else
            memset(to, 0, PAGE_SIZE_BYTES);
        if (in_chunk == STORE_CHUNK_PAGES - 1)
            write_chunk(store, STORE_CHUNK_PAGES * PAGE_SIZE_BYTES);
        return;
    }
    if (!content)
        return;
    bool joins = store->run_bytes && store->run_bytes < RUN_MAX_BYTES && content == store->run + store->run_bytes &&
                 store_offset(number) == store_offset(store->run_stored) + store->run_bytes;
    if (!joins) {
        write_run(store);
        store->run = content;
        store->run_stored = number;
    }
    store->run_bytes += PAGE_SIZE_BYTES;
}

/* --- indexes --------------------------------------------------------------------------------------- */

void store_index_begin(struct store_writer *store, bool keep_zeroes)
{
    store->keep_zeroes = keep_zeroes;
    store->extent = (struct store_extent){0};
    store->extents.length = store->copies.length = store->zeroes.length = 0;
}

static void end_extent(struct store_writer *store)
{
    if (store->extent.count)
        bytes_put(&store->extents, &store->extent, sizeof store->extent);
    store->extent.count = 0;
}

/* The page comes to lie in the store, in the extent that is open if it is near. */
static void put_new(struct store_writer *store, uint64_t page, const uint8_t *content, uint64_t hash)
{
    static const uint8_t zeroes[PAGE_SIZE_BYTES];
    struct store_extent *extent = &store->extent;
    uint64_t gap = page - (extent->page + extent->count);
    if (extent->count && gap <= GAP_MAX && !(store->keep_zeroes && gap)) {
        const uint64_t of_zeroes = gap ? store_page_hash(zeroes) : 0;
        for (; gap > 0; gap--, extent->count++)
            store_next(store, NULL, of_zeroes);
    } else {
        end_extent(store);
        *extent = (struct store_extent){page, store->stored, 0};
    }
    store_next(store, content, hash);
    extent->count++;
}

/* A page that is equal to another would be a hole in the midst of an extent, and cost a mapping of its own at each
 * restore, which takes the host some microseconds. Where that is cheap in room it is stored again. */
static bool store_again(struct store_writer *store, uint64_t page)
{
    const struct store_extent *extent = &store->extent;
    if (store->compress || !extent->count ||
        page - (extent->page + extent->count) > (store->keep_zeroes ? 0 : GAP_MAX) ||
        store->again >= AGAIN_PAGES + store->stored / AGAIN_PART)
        return false;
    store->again++;
    return true;
}

void store_put(struct store_writer *store, uint64_t page, const uint8_t *content)
{
    if (store_page_is_zero(content)) {
        if (store->keep_zeroes)
            bytes_put_u64(&store->zeroes, page);
        return;
    }
    make_room(store);
    uint64_t hash = store_page_hash(content);
    struct known *known = slot_for(store, hash, content);
    if (known->number && store_again(store, page)) {
        put_new(store, page, content, hash);
        return;
    }
    if (known->number) {
        bytes_put(&store->copies, &(struct store_copy){page, known->number - 1}, sizeof(struct store_copy));
        return;
    }
    put_new(store, page, content, hash);
    *known = (struct known){hash, store->stored};
    store->known_count++;
}

void store_settle(struct store_writer *store)
{
    write_run(store);
}

void store_index_end(struct store_writer *store, struct bytes *bytes)
{
    end_extent(store);
    bytes_put_u64(bytes, store->extents.length / sizeof(struct store_extent));
    bytes_put_u64(bytes, store->copies.length / sizeof(struct store_copy));
    bytes_put_u64(bytes, store->zeroes.length / sizeof(uint64_t));
    bytes_put(bytes, store->extents.at, store->extents.length);
    bytes_put(bytes, store->copies.at, store->copies.length);
    bytes_put(bytes, store->zeroes.at, store->zeroes.length);
}

/* --- life ------------------------------------------------------------------------------------------ */

struct store_writer *store_create(struct format_writer *file, bool compress)
{
    struct store_writer *store = host_alloc(1, sizeof *store);
    store->file = file;
    store->compress = compress;
    if (compress) {
        store->chunk = host_alloc(STORE_CHUNK_PAGES, PAGE_SIZE_BYTES);
        store->packed = host_alloc(compressBound(STORE_CHUNK_PAGES * PAGE_SIZE_BYTES), 1);
        store->unpacked = host_alloc(STORE_CHUNK_PAGES, PAGE_SIZE_BYTES);
    }
    return store;
}

void store_finish(struct store_writer *store)
{
    write_run(store);
    if (store->compress)
        write_chunk(store, store->stored % STORE_CHUNK_PAGES * PAGE_SIZE_BYTES);
    format_stored(store->file, store->stored, store->compress ? store->end : store->stored * PAGE_SIZE_BYTES,
                  store->compress);
    format_section(store->file, "hashes", &store->hashes);
    format_section(store->file, "chunks", &store->chunk_ends);
}

void store_free(struct store_writer *store)
{
    bytes_free(&store->hashes);
    bytes_free(&store->chunk_ends);
    bytes_free(&store->extents);
    bytes_free(&store->copies);
    bytes_free(&store->zeroes);
    free(store->known);
    free(store->chunk);
    free(store->packed);
    free(store->unpacked);
    free(store);
}
