/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A disk of zeroes that is never written: what lies under an overlay that has all there is. */
#include "peripherals/virtio/disk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int zero_read(struct disk *disk, uint64_t offset, const struct iovec *iov, int count)
{
    for (int i = 0; i < count; i++)
        memset(iov[i].iov_base, 0, iov[i].iov_len);
    return 0;
}

static int zero_write(struct disk *disk, uint64_t offset, const struct iovec *iov, int count)
{
    return EROFS;
}

static int zero_flush(struct disk *disk)
{
    return 0;
}

static int zero_discard(struct disk *disk, uint64_t offset, uint64_t length)
{
    return EROFS;
}

static int zero_write_zeroes(struct disk *disk, uint64_t offset, uint64_t length, bool unmap)
{
    return EROFS;
}

static bool zero_identify(struct disk *disk, struct medium_identity *identity, struct error *error)
{
    *identity = (struct medium_identity){.size_bytes = disk->size_bytes};
    return true;
}

static void zero_free(struct disk *disk)
{
    free(disk);
}

static const struct disk_ops zero_ops = {
    .read = zero_read,
    .write = zero_write,
    .flush = zero_flush,
    .discard = zero_discard,
    .write_zeroes = zero_write_zeroes,
    .identify = zero_identify,
    .free = zero_free,
};

struct disk *disk_zero_create(uint64_t size_bytes)
{
    struct disk *disk = host_alloc(1, sizeof *disk);
    *disk = (struct disk){.ops = &zero_ops, .size_bytes = size_bytes, .read_only = true};
    return disk;
}
