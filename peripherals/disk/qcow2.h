/* SPDX-License-Identifier: GPL-3.0-or-later */
/* qcow2 images, versions 2 and 3, behind the contract in peripherals/virtio/disk.h.
 *
 * The format as QEMU's docs/interop/qcow2.txt describes it. All numbers in a file are big-endian; all of a file is
 * hostile until it has been checked. */
#ifndef ARMATURE_QCOW2_H
#define ARMATURE_QCOW2_H

#include "peripherals/virtio/disk.h"

#define QCOW2_MAGIC 0x514649fbu

enum qcow2_compression { QCOW2_ZLIB, QCOW2_ZSTD };

/** What a new image is to be. */
struct qcow2_create {
    uint64_t size_bytes;          /* a multiple of DISK_SECTOR_BYTES, not 0 */
    unsigned version;             /* 2 or 3 */
    unsigned cluster_bytes;       /* a power of two, 512 to 2 MiB */
    enum qcow2_compression compression;
    bool lazy_refcounts;          /* the feature bit: refcounts may be wrong while the image is marked dirty */
    const char *backing;          /* a name as it is to stand in the image; NULL: none */
    const char *backing_format;   /* "raw" or "qcow2"; not NULL where `backing` is not */
};

/** The defaults: version 3, clusters of 64 KiB, zlib. */
struct qcow2_create qcow2_create_defaults(uint64_t size_bytes);

/** Makes the file `path`, which must not be there. A file that could not be finished is removed. */
bool qcow2_create(const char *path, const struct qcow2_create *wanted, struct error *error);

/** How an image is opened. */
struct qcow2_open {
    bool read_only;
    bool repair;          /* opens what is marked corrupt, or whose tables overlap, for `check` to put right */
    const char *snapshot; /* the name or number of a snapshot in it, read only; NULL: its present content */
};

/** Opens the image in `file` (which it owns from now on, also where it fails; `path` is its name for messages) over
 * `backing` (the same; NULL: none, or the image is only looked at: what it does not hold reads as zeroes). */
struct disk *qcow2_open(struct disk *file, const char *path, struct disk *backing, const struct qcow2_open *how,
                        struct error *error);

/** What stands in a header, without opening the image. Strings are empty where there are none. */
struct qcow2_about {
    unsigned version, cluster_bytes, refcount_bits;
    uint64_t size_bytes;
    enum qcow2_compression compression;
    bool dirty, corrupt, lazy_refcounts, bitmaps;
    char backing[1024], backing_format[16];
    unsigned snapshot_count;
};
bool qcow2_look(struct disk *file, const char *path, struct qcow2_about *about, struct error *error);

/** One of the snapshots in an image. */
struct qcow2_snapshot_about {
    char id[64], name[256];
    uint64_t seconds, size_bytes;
};
/** Tells of each snapshot of an open image, oldest first. */
bool qcow2_each_snapshot(struct disk *disk, void (*each)(void *context, const struct qcow2_snapshot_about *about),
                         void *context, struct error *error);

/** Whether the cluster at `offset` comes from this image, not from what is behind it; `*length` becomes how many bytes
 * from there are of the same kind (at most up to the disk's end). Returns 0 or an errno value. */
int qcow2_holds(struct disk *disk, uint64_t offset, uint64_t *length, bool *holds);

/** Writes whole clusters, compressed where that makes them smaller. Only into clusters that were never written. */
int qcow2_write_compressed(struct disk *disk, uint64_t offset, const uint8_t *bytes, size_t length);

/** Drops all that the image holds, so that it reads as what is behind it. Snapshots stay. */
int qcow2_make_empty(struct disk *disk);

/** Gives an image another size. What lies behind a smaller size is lost. */
bool qcow2_resize(struct disk *disk, uint64_t size_bytes, struct error *error);

/** What `check` found. Leaks are clusters counted as used that nothing uses; errors are worse: what is written may be
 * lost. */
struct qcow2_findings {
    uint64_t errors, leaks;             /* found */
    uint64_t errors_left, leaks_left;   /* after repair, or the same */
    uint64_t clusters, data_clusters, compressed_clusters;
    char first[256];                    /* the first error in words */
};

/** Compares all reference counts with the references, and looks at every table. `repair` writes what is right:
 * references to nowhere are dropped, counts made anew, marks taken off. `progress` (may be NULL) is told parts of 1000.
 */
bool qcow2_check(struct disk *disk, bool repair, struct qcow2_findings *findings,
                 void (*progress)(void *context, unsigned permille), void *context, struct error *error);

#endif
