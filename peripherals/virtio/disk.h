/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What holds a disk's content: the contract between block devices and their backends. */
#ifndef ARMATURE_DISK_H
#define ARMATURE_DISK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>
#include "machine/contract/error.h"
#include "machine/contract/medium.h"

#define DISK_SECTOR_BYTES 512ull

struct disk;

/** Operations of a backend. Offsets and lengths are in bytes, multiples of a sector, and checked by the
 * caller to lie within the disk. Those that return int return 0, or an errno value; all of the request is
 * then void, and what was written before stays as it is. */
struct disk_ops {
    int (*read)(struct disk *disk, uint64_t offset, const struct iovec *iov, int count);
    int (*write)(struct disk *disk, uint64_t offset, const struct iovec *iov, int count);
    /* All that was written before is on stable storage when it returns. */
    int (*flush)(struct disk *disk);
    /* The content of the range is not needed any more. A backend that cannot give it up does nothing. */
    int (*discard)(struct disk *disk, uint64_t offset, uint64_t length);
    /* The range reads as zeroes. `unmap`: it may be given up too. */
    int (*write_zeroes)(struct disk *disk, uint64_t offset, uint64_t length, bool unmap);
    /* A read of the range, or a flush, will be asked for soon: work that can go on beside the machine may
     * start. Without effect on any result. May be NULL. */
    void (*expect_read)(struct disk *disk, uint64_t offset, uint64_t length);
    void (*expect_flush)(struct disk *disk);
    /* The first place at or after `offset` that may not read as zero; the disk's size where there is none. For copying
     * what is sparse. May be NULL. */
    uint64_t (*next_data)(struct disk *disk, uint64_t offset);
    /* See struct medium_ops. All but the first NULL: what is written goes to the base. */
    bool (*identify)(struct disk *disk, struct medium_identity *identity, struct error *error);
    const uint8_t *(*next_page)(struct disk *disk, uint64_t *page);
    bool (*put_page)(struct disk *disk, uint64_t page, uint8_t *content, bool owned);
    struct page_watch **(*watches)(struct disk *disk, uint64_t *page_count);
    bool (*revert_page)(struct disk *disk, uint64_t page, const uint8_t *content);
    void (*free)(struct disk *disk);
};

/** An open disk; backends embed it. */
struct disk {
    const struct disk_ops *ops;
    uint64_t size_bytes; /* a multiple of DISK_SECTOR_BYTES, not 0 */
    bool read_only;
};

/** Opens the raw image (or block device) at `path` and locks it against other running machines: exclusively,
 * or shared where `read_only`. NULL: `error` says what is wrong with it and the way out. */
struct disk *disk_raw_open(const char *path, bool read_only, struct error *error);

/** The same for a file that is a container of some format: of any length but 0, which is `size_bytes`. Offsets and
 * lengths are any, writes may reach over the end, and whoever does that counts how long the file has become. */
struct disk *disk_container_open(const char *path, bool read_only, struct error *error);

/** A disk of zeroes in host memory, gone when freed. `size_bytes` is a multiple of DISK_SECTOR_BYTES. */
struct disk *disk_memory_create(uint64_t size_bytes, bool read_only);

/** A disk that reads as zeroes and is never written, for under an overlay. */
struct disk *disk_zero_create(uint64_t size_bytes);

/** A disk that reads as `base` (which it owns from now on, and never writes) until it is written: what was written is
 * in host memory, by pages. It is as writable as it says here. */
struct disk *disk_overlay_create(struct disk *base, bool read_only);

/** Changes what an overlay holds, as a write does; what lies outside of it is left out. */
void disk_overlay_put(struct disk *overlay, uint64_t offset, const void *bytes, size_t length);

/** `base`, which becomes the new disk's, with `keep` told the content of each piece of it before that changes for the
 * first time, and once with NULL when all that a change needs was told. `number` is for `keep`. */
typedef void disk_keep(void *context, unsigned number, uint64_t offset, const void *bytes, size_t length);
struct disk *disk_keep_create(struct disk *base, unsigned number, disk_keep *keep, void *context);

/** A hash over both ends of the disk and samples of what lies between: a file system that was mounted since, and other
 * images, have another one. */
uint64_t disk_identity(struct disk *disk);

/** Unlocks and frees; what was not flushed is with the host's page cache. NULL is allowed. */
static inline void disk_free(struct disk *disk)
{
    if (disk)
        disk->ops->free(disk);
}

#endif
