/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A disk in front of another, which tells the content of each block before it changes for the first time; and what a
 * disk is recognised by. */
#include "peripherals/virtio/disk.h"

#include <stdlib.h>
#include "machine/contract/fields.h"

#define BLOCK_BYTES 4096ull
#define END_BYTES   65536ull
#define SAMPLES     64u

struct disk_keeper {
    struct disk disk;
    struct disk *base;
    uint64_t *kept; /* a bit a block */
    disk_keep *keep;
    void *context;
    unsigned number;
};

static int read_base(struct disk *base, uint64_t offset, void *to, size_t length)
{
    struct iovec iov = {to, length};
    return base->ops->read(base, offset, &iov, 1);
}

/* Before the range changes. */
static int keep_range(struct disk_keeper *keeper, uint64_t offset, uint64_t length)
{
    uint64_t size = keeper->disk.size_bytes;
    bool any = false;
    for (uint64_t block = offset / BLOCK_BYTES; block * BLOCK_BYTES < offset + length; block++) {
        uint64_t *word = &keeper->kept[block / 64], bit = 1ull << block % 64, at = block * BLOCK_BYTES;
        if (*word & bit)
            continue;
        uint8_t bytes[BLOCK_BYTES];
        size_t now = size - at < BLOCK_BYTES ? size - at : BLOCK_BYTES;
        int result = read_base(keeper->base, at, bytes, now);
        if (result)
            return result;
        keeper->keep(keeper->context, keeper->number, at, bytes, now);
        *word |= bit;
        any = true;
    }
    if (any)
        keeper->keep(keeper->context, keeper->number, 0, NULL, 0);
    return 0;
}

static int keep_read(struct disk *disk, uint64_t offset, const struct iovec *iov, int count)
{
    struct disk *base = ((struct disk_keeper *)disk)->base;
    return base->ops->read(base, offset, iov, count);
}

static int keep_write(struct disk *disk, uint64_t offset, const struct iovec *iov, int count)
{
    struct disk_keeper *keeper = (struct disk_keeper *)disk;
    uint64_t length = 0;
    for (int i = 0; i < count; i++)
        length += iov[i].iov_len;
    int result = keep_range(keeper, offset, length);
    return result ? result : keeper->base->ops->write(keeper->base, offset, iov, count);
}

static int keep_flush(struct disk *disk)
{
    struct disk *base = ((struct disk_keeper *)disk)->base;
    return base->ops->flush(base);
}

static int keep_discard(struct disk *disk, uint64_t offset, uint64_t length)
{
    struct disk_keeper *keeper = (struct disk_keeper *)disk;
    int result = keep_range(keeper, offset, length);
    return result ? result : keeper->base->ops->discard(keeper->base, offset, length);
}

static int keep_write_zeroes(struct disk *disk, uint64_t offset, uint64_t length, bool unmap)
{
    struct disk_keeper *keeper = (struct disk_keeper *)disk;
    int result = keep_range(keeper, offset, length);
    return result ? result : keeper->base->ops->write_zeroes(keeper->base, offset, length, unmap);
}

static void keep_expect_read(struct disk *disk, uint64_t offset, uint64_t length)
{
    struct disk *base = ((struct disk_keeper *)disk)->base;
    if (base->ops->expect_read)
        base->ops->expect_read(base, offset, length);
}

static void keep_expect_flush(struct disk *disk)
{
    struct disk *base = ((struct disk_keeper *)disk)->base;
    if (base->ops->expect_flush)
        base->ops->expect_flush(base);
}

static void keep_free(struct disk *disk)
{
    struct disk_keeper *keeper = (struct disk_keeper *)disk;
    disk_free(keeper->base);
    free(keeper->kept);
    free(keeper);
}

static const struct disk_ops keep_ops = {
    .read = keep_read,
    .write = keep_write,
    .flush = keep_flush,
    .discard = keep_discard,
    .write_zeroes = keep_write_zeroes,
    .expect_read = keep_expect_read,
    .expect_flush = keep_expect_flush,
    .free = keep_free,
};

struct disk *disk_keep_create(struct disk *base, unsigned number, disk_keep *keep, void *context)
{
    struct disk_keeper *keeper = host_alloc(1, sizeof *keeper);
    keeper->disk = (struct disk){.ops = &keep_ops, .size_bytes = base->size_bytes, .read_only = base->read_only};
    keeper->base = base;
    keeper->kept = host_alloc(base->size_bytes / BLOCK_BYTES / 64 + 1, sizeof *keeper->kept);
    keeper->keep = keep;
    keeper->context = context;
    keeper->number = number;
    return &keeper->disk;
}

/* --- identity -------------------------------------------------------------------------------------- */

static uint64_t hash_range(struct disk *disk, uint64_t offset, uint64_t length, uint64_t hash)
{
    uint8_t bytes[BLOCK_BYTES];
    for (uint64_t at = offset; at < offset + length && at < disk->size_bytes; at += sizeof bytes) {
        uint64_t left = disk->size_bytes - at;
        size_t now = left < sizeof bytes ? left : sizeof bytes;
        if (read_base(disk, at, bytes, now) == 0)
            hash = hash_bytes(bytes, now, hash);
    }
    return hash;
}

uint64_t disk_identity(struct disk *disk)
{
    uint64_t blocks = disk->size_bytes / BLOCK_BYTES;
    uint64_t hash = hash_range(disk, 0, END_BYTES, FIELDS_HASH_SEED);
    for (unsigned i = 1; i < SAMPLES; i++)
        hash = hash_range(disk, blocks * i / SAMPLES * BLOCK_BYTES, BLOCK_BYTES, hash);
    return hash_range(disk, disk->size_bytes < END_BYTES ? 0 : disk->size_bytes - END_BYTES, END_BYTES, hash);
}
