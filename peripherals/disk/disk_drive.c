/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What block devices of every kind share. */
#include "peripherals/disk/disk_drive.h"
#include <stdio.h>
#include <string.h>
#include "machine/contract/clock.h"

void disk_drive_init(struct disk_drive *drive, struct disk *disk, const char *name)
{
    *drive = (struct disk_drive){.disk = disk};
    memcpy(drive->name, name, strnlen(name, sizeof drive->name));
}

uint64_t disk_drive_takes_ns(const struct disk_drive *drive, uint64_t bytes, uint64_t own_ns)
{
    uint64_t by_bytes_ns = 0, by_requests_ns = drive->per_s ? NS_PER_S / drive->per_s : 0;
    if (drive->bytes_per_s)
        by_bytes_ns = (uint64_t)((unsigned __int128)bytes * NS_PER_S / drive->bytes_per_s);
    uint64_t limit_ns = by_bytes_ns > by_requests_ns ? by_bytes_ns : by_requests_ns;
    return own_ns > limit_ns ? own_ns : limit_ns;
}

bool disk_drive_has(const struct disk_drive *drive, uint64_t sector, uint64_t length)
{
    uint64_t sectors = drive->disk->size_bytes / DISK_SECTOR_BYTES;
    return length % DISK_SECTOR_BYTES == 0 && sector <= sectors && length / DISK_SECTOR_BYTES <= sectors - sector;
}

bool disk_drive_did(struct disk_drive *drive, int result)
{
    if (result == drive->said_errno)
        return result == 0;
    if (result)
        fprintf(stderr, "armature: %.*s: %s; the guest sees an I/O error, and what was written before stays as it is\n",
                DISK_DRIVE_NAME_BYTES, drive->name, strerror(result));
    drive->said_errno = result;
    return result == 0;
}

/* --- what is on the disk --- */

static struct disk *disk_of(void *device)
{
    return ((struct disk_drive *)device)->disk;
}

static bool drive_identify(void *device, struct medium_identity *identity, struct error *error)
{
    return disk_of(device)->ops->identify(disk_of(device), identity, error);
}

static const uint8_t *drive_next_page(void *device, uint64_t *page)
{
    struct disk *disk = disk_of(device);
    return disk->ops->next_page ? disk->ops->next_page(disk, page) : NULL;
}

static bool drive_put_page(void *device, uint64_t page, uint8_t *content, bool owned)
{
    struct disk *disk = disk_of(device);
    return disk->ops->put_page && disk->ops->put_page(disk, page, content, owned);
}

static struct page_watch **drive_watches(void *device, uint64_t *page_count)
{
    struct disk *disk = disk_of(device);
    return disk->ops->watches ? disk->ops->watches(disk, page_count) : NULL;
}

static bool drive_revert_page(void *device, uint64_t page, const uint8_t *content)
{
    return disk_of(device)->ops->revert_page(disk_of(device), page, content);
}

static bool drive_read(void *device, uint64_t offset, void *to, uint64_t length)
{
    struct iovec piece = {to, length};
    return !disk_of(device)->ops->read(disk_of(device), offset, &piece, 1);
}

const struct medium_ops disk_drive_medium = {
    .identify = drive_identify,
    .next_page = drive_next_page,
    .put_page = drive_put_page,
    .watches = drive_watches,
    .revert_page = drive_revert_page,
    .read = drive_read,
};
