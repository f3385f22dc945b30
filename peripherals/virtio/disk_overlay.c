/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A disk whose writes stay in host memory: a table of pieces of 1 MiB, each a table of blocks, NULL where the base's
 * content stands. */
#include "peripherals/virtio/disk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES  4096ull
#define PIECE_BLOCKS 256ull

struct piece {
    uint8_t *blocks[PIECE_BLOCKS];
};

struct disk_overlay {
    struct disk disk;
    struct disk *base;
    struct piece **pieces;
    uint64_t piece_count;
};

/* --- blocks ---------------------------------------------------------------------------------------- */

static uint8_t *find_block(const struct disk_overlay *overlay, uint64_t block)
{
    const struct piece *piece = overlay->pieces[block / PIECE_BLOCKS];
    return piece ? piece->blocks[block % PIECE_BLOCKS] : NULL;
}

static int base_read(struct disk_overlay *overlay, uint64_t offset, void *to, size_t length)
{
    struct iovec iov = {to, length};
    return overlay->base->ops->read(overlay->base, offset, &iov, 1);
}

/* The block, made with the base's content where it is not there yet. NULL: `*result` says why. */
static uint8_t *make_block(struct disk_overlay *overlay, uint64_t block, int *result)
{
    uint8_t *bytes = find_block(overlay, block);
    if (bytes)
        return bytes;
    struct piece **piece = &overlay->pieces[block / PIECE_BLOCKS];
    if (!*piece)
        *piece = calloc(1, sizeof **piece);
    bytes = *piece ? calloc(1, BLOCK_BYTES) : NULL;
    if (!bytes) {
        *result = ENOMEM;
        return NULL;
    }
    uint64_t offset = block * BLOCK_BYTES, left = overlay->disk.size_bytes - offset;
    *result = base_read(overlay, offset, bytes, left < BLOCK_BYTES ? left : BLOCK_BYTES);
    if (*result) {
        free(bytes);
        return NULL;
    }
    return (*piece)->blocks[block % PIECE_BLOCKS] = bytes;
}

/* How much of `length` bytes at `offset` lies in the first block of it. */
static size_t in_block(uint64_t offset, uint64_t length)
{
    uint64_t left = BLOCK_BYTES - offset % BLOCK_BYTES;
    return length < left ? length : left;
}

/* Writes bytes, or zeroes where `from` is NULL. */
static int change(struct disk_overlay *overlay, uint64_t offset, const uint8_t *from, uint64_t length)
{
    int result = 0;
    while (length) {
        size_t now = in_block(offset, length);
        uint8_t *block = make_block(overlay, offset / BLOCK_BYTES, &result);
        if (!block)
            return result;
        if (from)
            memcpy(block + offset % BLOCK_BYTES, from, now);
        else
            memset(block + offset % BLOCK_BYTES, 0, now);
        from = from ? from + now : NULL;
        offset += now;
        length -= now;
    }
    return 0;
}

/* --- operations ------------------------------------------------------------------------------------ */

static int overlay_read(struct disk *disk, uint64_t offset, const struct iovec *iov, int count)
{
    struct disk_overlay *overlay = (struct disk_overlay *)disk;
    for (int i = 0; i < count; i++) {
        uint8_t *to = iov[i].iov_base;
        for (size_t left = iov[i].iov_len, now; left; left -= now, to += now, offset += now) {
            now = in_block(offset, left);
            const uint8_t *block = find_block(overlay, offset / BLOCK_BYTES);
            if (block)
                memcpy(to, block + offset % BLOCK_BYTES, now);
            int result = block ? 0 : base_read(overlay, offset, to, now);
            if (result)
                return result;
        }
    }
    return 0;
}

static int overlay_write(struct disk *disk, uint64_t offset, const struct iovec *iov, int count)
{
    int result = 0;
    for (int i = 0; i < count && !result; offset += iov[i++].iov_len)
        result = change((struct disk_overlay *)disk, offset, iov[i].iov_base, iov[i].iov_len);
    return result;
}

static int overlay_flush(struct disk *disk)
{
    return 0;
}

static int overlay_discard(struct disk *disk, uint64_t offset, uint64_t length)
{
    return change((struct disk_overlay *)disk, offset, NULL, length);
}

static int overlay_write_zeroes(struct disk *disk, uint64_t offset, uint64_t length, bool unmap)
{
    return change((struct disk_overlay *)disk, offset, NULL, length);
}

static void overlay_free(struct disk *disk)
{
    struct disk_overlay *overlay = (struct disk_overlay *)disk;
    for (uint64_t i = 0; i < overlay->piece_count; i++) {
        for (unsigned b = 0; overlay->pieces[i] && b < PIECE_BLOCKS; b++)
            free(overlay->pieces[i]->blocks[b]);
        free(overlay->pieces[i]);
    }
    free(overlay->pieces);
    disk_free(overlay->base);
    free(overlay);
}

static const struct disk_ops overlay_ops = {
    .read = overlay_read,
    .write = overlay_write,
    .flush = overlay_flush,
    .discard = overlay_discard,
    .write_zeroes = overlay_write_zeroes,
    .free = overlay_free,
};

void disk_overlay_put(struct disk *disk, uint64_t offset, const void *bytes, size_t length)
{
    if (offset <= disk->size_bytes && length <= disk->size_bytes - offset)
        change((struct disk_overlay *)disk, offset, bytes, length);
}

struct disk *disk_overlay_create(struct disk *base, bool read_only)
{
    struct disk_overlay *overlay = host_alloc(1, sizeof *overlay);
    uint64_t piece_bytes = BLOCK_BYTES * PIECE_BLOCKS;
    overlay->piece_count = (base->size_bytes + piece_bytes - 1) / piece_bytes;
    overlay->pieces = host_alloc(overlay->piece_count, sizeof *overlay->pieces);
    overlay->disk = (struct disk){.ops = &overlay_ops, .size_bytes = base->size_bytes, .read_only = read_only};
    overlay->base = base;
    return &overlay->disk;
}
