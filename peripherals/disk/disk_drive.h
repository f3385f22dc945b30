/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What block devices of every kind share: the disk behind them, what a request takes in virtual time, what snapshots
 * hold of the content. */
#ifndef ARMATURE_DISK_DRIVE_H
#define ARMATURE_DISK_DRIVE_H

#include "peripherals/virtio/disk.h"

#define DISK_DRIVE_NAME_BYTES 20

/** What each kind of request takes in virtual time: waiting in line, then a fixed time and one for each byte. */
#define DISK_LATENCY_NS        20000ull
#define DISK_FLUSH_NS          100000ull
#define DISK_BYTES_PER_1000_NS 2000ull

/** The first member of a block device. */
struct disk_drive {
    struct disk *disk; /* the drive's own */
    int said_errno;    /* the host's reason for the last failure that the user was told of */
    uint64_t bytes_per_s, per_s; /* what it does at most, of bytes and of requests; 0: no limit */
    char name[DISK_DRIVE_NAME_BYTES]; /* "disk0"; the guest sees it as a serial number */
};

/** Makes a drive of `disk`, which it owns from now on. */
void disk_drive_init(struct disk_drive *drive, struct disk *disk, const char *name);

/** How long a request keeps the drive, which takes `own_ns` by itself and moves `bytes`: limits may make it longer. */
uint64_t disk_drive_takes_ns(const struct disk_drive *drive, uint64_t bytes, uint64_t own_ns);

/** Whether `length` bytes at sector `sector` are whole sectors of the disk. */
bool disk_drive_has(const struct disk_drive *drive, uint64_t sector, uint64_t length);

/** Whether the host could do what it was asked for, an operation of the disk having returned `result`. The first
 * failure of a kind is told. */
bool disk_drive_did(struct disk_drive *drive, int result);

/** For a device class whose devices begin with a struct disk_drive. */
extern const struct medium_ops disk_drive_medium;

#endif
