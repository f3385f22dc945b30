/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A disk in host memory, for scratch space and tests. */
#include "peripherals/virtio/disk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct disk_memory {
    struct disk disk;
    uint8_t *content;
};

static int memory_read(struct disk *disk, uint64_t offset, const struct iovec *iov, int count)
{
    const uint8_t *from = ((struct disk_memory *)disk)->content + offset;
    for (int i = 0; i < count; from += iov[i++].iov_len)
        memcpy(iov[i].iov_base, from, iov[i].iov_len);
    return 0;
}

static int memory_write(struct disk *disk, uint64_t offset, const struct iovec *iov, int count)
{
    uint8_t *to = ((struct disk_memory *)disk)->content + offset;
    for (int i = 0; i < count; to += iov[i++].iov_len)
        memcpy(to, iov[i].iov_base, iov[i].iov_len);
    return 0;
}

static int memory_flush(struct disk *disk)
{
    return 0;
}

static int memory_write_zeroes(struct disk *disk, uint64_t offset, uint64_t length, bool unmap)
{
    memset(((struct disk_memory *)disk)->content + offset, 0, length);
    return 0;
}

static int memory_discard(struct disk *disk, uint64_t offset, uint64_t length)
{
    return memory_write_zeroes(disk, offset, length, true);
}

static bool memory_identify(struct disk *disk, struct medium_identity *identity, struct error *error)
{
    *identity = (struct medium_identity){.size_bytes = disk->size_bytes};
    return true;
}

static void memory_free(struct disk *disk)
{
    free(((struct disk_memory *)disk)->content);
    free(disk);
}

static const struct disk_ops memory_ops = {
    .read = memory_read,
    .write = memory_write,
    .flush = memory_flush,
    .discard = memory_discard,
    .write_zeroes = memory_write_zeroes,
    .identify = memory_identify,
    .free = memory_free,
};

struct disk *disk_memory_create(uint64_t size_bytes, bool read_only)
{
    struct disk_memory *memory = calloc(1, sizeof *memory);
    assert(size_bytes > 0 && size_bytes % DISK_SECTOR_BYTES == 0);
    if (!memory || !(memory->content = calloc(1, size_bytes)))
        abort();
    memory->disk = (struct disk){.ops = &memory_ops, .size_bytes = size_bytes, .read_only = read_only};
    return &memory->disk;
}
