/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A disk over another that is never written. Pages that were written are found by a table of tables, a slot for each
 * page of the disk; an empty slot is the base's page. What was discarded or zeroed is a page of zeroes that all share.
 *
 * Example, slots of pages 0 to 3:  {NULL, own copy, zeroes, NULL}: reading all four takes page 0 from the base, 1 and 2
 * from memory, 3 from the base. A write to half of page 0 first copies it from the base. */
#include "peripherals/virtio/disk.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "machine/contract/bus.h"

#define SLOTS_OF_TABLE 1024u

struct slot {
    uint8_t *content; /* NULL: the base's */
    bool owned;       /* to be freed */
};

struct disk_overlay {
    struct disk disk;
    struct disk *base;
    uint64_t page_count;
    struct page_watch *watches;
    struct slot **tables; /* page_count / SLOTS_OF_TABLE of them, rounded up; NULL: all of it is the base's */
};

static uint8_t zeroes[PAGE_SIZE_BYTES]; /* what is never written */

/* --- slots --- */

static const struct slot *slot_at(const struct disk_overlay *overlay, uint64_t page)
{
    static const struct slot empty;
    const struct slot *table = overlay->tables[page / SLOTS_OF_TABLE];
    return table ? &table[page % SLOTS_OF_TABLE] : &empty;
}

/* NULL: the host has no memory. */
static struct slot *slot_to_change(struct disk_overlay *overlay, uint64_t page)
{
    struct slot **table = &overlay->tables[page / SLOTS_OF_TABLE];
    if (!*table)
        *table = calloc(SLOTS_OF_TABLE, sizeof **table);
    return *table ? &(*table)[page % SLOTS_OF_TABLE] : NULL;
}

static void set_slot(struct slot *slot, uint8_t *content, bool owned)
{
    if (slot->owned)
        free(slot->content);
    *slot = (struct slot){content, owned};
}

/* How much of the range that begins at `offset` lies in its first page. */
static size_t within_page(uint64_t offset, uint64_t length)
{
    uint64_t room = PAGE_SIZE_BYTES - offset % PAGE_SIZE_BYTES;
    return length < room ? length : room;
}

static int read_base(struct disk_overlay *overlay, uint64_t offset, void *to, size_t length)
{
    struct iovec piece = {to, length};
    return overlay->base->ops->read(overlay->base, offset, &piece, 1);
}

/* The page's own copy, made where it has none; NULL: `*failure` says why. */
static uint8_t *own_page(struct disk_overlay *overlay, uint64_t page, int *failure)
{
    struct slot *slot = slot_to_change(overlay, page);
    uint64_t at = page * PAGE_SIZE_BYTES, left = overlay->disk.size_bytes - at;
    if (slot)
        page_watch_tell(overlay->watches, page, slot->content);
    if (slot && slot->content && slot->content != zeroes)
        return slot->content;
    uint8_t *copy = slot ? calloc(1, PAGE_SIZE_BYTES) : NULL;
    *failure = ENOMEM;
    if (!copy)
        return NULL;
    *failure = slot->content ? 0 : read_base(overlay, at, copy, left < PAGE_SIZE_BYTES ? left : PAGE_SIZE_BYTES);
    if (*failure) {
        free(copy);
        return NULL;
    }
    set_slot(slot, copy, true);
    return copy;
}

/* --- operations --- */

/* Reads a range that lies in one buffer: as much as possible from the base at a time. */
static int read_range(struct disk_overlay *overlay, uint64_t offset, uint8_t *to, size_t length)
{
    int failure = 0;
    while (length > 0 && !failure) {
        const uint8_t *content = slot_at(overlay, offset / PAGE_SIZE_BYTES)->content;
        size_t piece = within_page(offset, length);
        if (content) {
            memcpy(to, content + offset % PAGE_SIZE_BYTES, piece);
        } else {
            while (piece < length && !slot_at(overlay, (offset + piece) / PAGE_SIZE_BYTES)->content)
                piece += within_page(offset + piece, length - piece);
            failure = read_base(overlay, offset, to, piece);
        }
        offset += piece;
        to += piece;
        length -= piece;
    }
    return failure;
}

static int overlay_read(struct disk *disk, uint64_t offset, const struct iovec *iov, int count)
{
    int failure = 0;
    for (int i = 0; i < count && !failure; offset += iov[i++].iov_len)
        failure = read_range((struct disk_overlay *)disk, offset, iov[i].iov_base, iov[i].iov_len);
    return failure;
}

static int overlay_write(struct disk *disk, uint64_t offset, const struct iovec *iov, int count)
{
    struct disk_overlay *overlay = (struct disk_overlay *)disk;
    for (int i = 0; i < count; i++)
        for (size_t done = 0, piece; done < iov[i].iov_len; done += piece, offset += piece) {
            int failure;
            uint8_t *page = own_page(overlay, offset / PAGE_SIZE_BYTES, &failure);
            if (!page)
                return failure;
            piece = within_page(offset, iov[i].iov_len - done);
            memcpy(page + offset % PAGE_SIZE_BYTES, (const uint8_t *)iov[i].iov_base + done, piece);
        }
    return 0;
}

static int overlay_write_zeroes(struct disk *disk, uint64_t offset, uint64_t length, bool unmap)
{
    struct disk_overlay *overlay = (struct disk_overlay *)disk;
    for (size_t piece; length > 0; offset += piece, length -= piece) {
        int failure = ENOMEM;
        uint64_t page = offset / PAGE_SIZE_BYTES;
        piece = within_page(offset, length);
        if (piece == PAGE_SIZE_BYTES) {
            struct slot *slot = slot_to_change(overlay, page);
            if (!slot)
                return failure;
            page_watch_tell(overlay->watches, page, slot->content);
            set_slot(slot, zeroes, false);
            continue;
        }
        uint8_t *own = own_page(overlay, page, &failure);
        if (!own)
            return failure;
        memset(own + offset % PAGE_SIZE_BYTES, 0, piece);
    }
    return 0;
}

static int overlay_discard(struct disk *disk, uint64_t offset, uint64_t length)
{
    return overlay_write_zeroes(disk, offset, length, true);
}

static int overlay_flush(struct disk *disk)
{
    return 0; /* memory is as stable as it gets */
}

static void overlay_expect_read(struct disk *disk, uint64_t offset, uint64_t length)
{
    struct disk *base = ((struct disk_overlay *)disk)->base;
    if (base->ops->expect_read)
        base->ops->expect_read(base, offset, length);
}

/* --- what a snapshot holds --- */

static bool overlay_identify(struct disk *disk, struct medium_identity *identity, struct error *error)
{
    struct disk *base = ((struct disk_overlay *)disk)->base;
    return base->ops->identify(base, identity, error);
}

static const uint8_t *overlay_next_page(struct disk *disk, uint64_t *page)
{
    struct disk_overlay *overlay = (struct disk_overlay *)disk;
    while (*page < overlay->page_count) {
        if (!overlay->tables[*page / SLOTS_OF_TABLE]) {
            *page = (*page / SLOTS_OF_TABLE + 1) * SLOTS_OF_TABLE;
            continue;
        }
        const uint8_t *content = slot_at(overlay, *page)->content;
        if (content)
            return content;
        ++*page;
    }
    return NULL;
}

static bool overlay_put_page(struct disk *disk, uint64_t page, uint8_t *content, bool owned)
{
    struct disk_overlay *overlay = (struct disk_overlay *)disk;
    struct slot *slot = page < overlay->page_count ? slot_to_change(overlay, page) : NULL;
    if (!slot || slot->content)
        return false;
    set_slot(slot, content ? content : zeroes, content && owned);
    return true;
}

static struct page_watch **overlay_watches(struct disk *disk, uint64_t *page_count)
{
    struct disk_overlay *overlay = (struct disk_overlay *)disk;
    *page_count = overlay->page_count;
    return &overlay->watches;
}

static bool overlay_revert_page(struct disk *disk, uint64_t page, const uint8_t *content)
{
    struct disk_overlay *overlay = (struct disk_overlay *)disk;
    uint64_t at = page * PAGE_SIZE_BYTES, left = disk->size_bytes - at;
    int failure;
    uint8_t *own = own_page(overlay, page, &failure);
    if (!own)
        return false;
    if (content)
        memcpy(own, content, PAGE_SIZE_BYTES);
    return content || !read_base(overlay, at, own, left < PAGE_SIZE_BYTES ? left : PAGE_SIZE_BYTES);
}

/* --- the disk --- */

static void overlay_free(struct disk *disk)
{
    struct disk_overlay *overlay = (struct disk_overlay *)disk;
    for (uint64_t i = 0; i <= overlay->page_count / SLOTS_OF_TABLE; i++) {
        for (unsigned s = 0; overlay->tables[i] && s < SLOTS_OF_TABLE; s++)
            set_slot(&overlay->tables[i][s], NULL, false);
        free(overlay->tables[i]);
    }
    free(overlay->tables);
    disk_free(overlay->base);
    free(overlay);
}

static const struct disk_ops overlay_ops = {
    .read = overlay_read,
    .write = overlay_write,
    .flush = overlay_flush,
    .discard = overlay_discard,
    .write_zeroes = overlay_write_zeroes,
    .expect_read = overlay_expect_read,
    .identify = overlay_identify,
    .next_page = overlay_next_page,
    .put_page = overlay_put_page,
    .watches = overlay_watches,
    .revert_page = overlay_revert_page,
    .free = overlay_free,
};

void disk_overlay_put(struct disk *disk, uint64_t offset, const void *bytes, size_t length)
{
    struct iovec iov = {(void *)(uintptr_t)bytes, length};
    if (offset <= disk->size_bytes && length <= disk->size_bytes - offset)
        overlay_write(disk, offset, &iov, 1);
}

struct disk *disk_overlay_create(struct disk *base, bool read_only)
{
    struct disk_overlay *overlay = host_alloc(1, sizeof *overlay);
    overlay->disk = (struct disk){.ops = &overlay_ops, .size_bytes = base->size_bytes, .read_only = read_only};
    overlay->base = base;
    overlay->page_count = (base->size_bytes + PAGE_SIZE_BYTES - 1) / PAGE_SIZE_BYTES;
    overlay->tables = host_alloc(overlay->page_count / SLOTS_OF_TABLE + 1, sizeof *overlay->tables);
    return &overlay->disk;
}
