/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the qcow2 backend share.
 *
 * What is written has an order that a host's power failure at any moment leaves a good image behind, with at worst some
 * clusters that nobody uses. Tables are kept in memory and written by qcow2_settle():
 *     1. reference counts that have grown, and with them the data that was written at once
 *     2. level 2 tables that point to it       3. the level 1 table that points to those
 *     4. only then are clusters given up that nothing points to any more.
 * Between two steps stands a flush of the file, left out where a step has nothing to do. */
#ifndef ARMATURE_QCOW2_INTERNAL_H
#define ARMATURE_QCOW2_INTERNAL_H

#include <endian.h>
#include <errno.h>
#include <string.h>
#include "peripherals/disk/qcow2.h"

/* Level 1 and level 2 entries. */
#define ENTRY_COPIED     (1ull << 63) /* the count of what it points to is exactly 1 */
#define ENTRY_COMPRESSED (1ull << 62)
#define ENTRY_OFFSET     0x00fffffffffffe00ull
#define ENTRY_ZERO       1ull         /* version 3, level 2: reads as zeroes */

/* Bits of the header's feature words. */
#define INCOMPATIBLE_DIRTY       (1ull << 0)
#define INCOMPATIBLE_CORRUPT     (1ull << 1)
#define INCOMPATIBLE_DATA_FILE   (1ull << 2)
#define INCOMPATIBLE_COMPRESSION (1ull << 3)
#define INCOMPATIBLE_EXTENDED_L2 (1ull << 4)
#define COMPATIBLE_LAZY          (1ull << 0)
#define AUTOCLEAR_BITMAPS        (1ull << 0)

/* Places in the header. */
enum {
    HEADER_MAGIC = 0,
    HEADER_VERSION = 4,
    HEADER_BACKING_OFFSET = 8,
    HEADER_BACKING_LENGTH = 16,
    HEADER_CLUSTER_BITS = 20,
    HEADER_SIZE = 24,
    HEADER_CRYPT = 32,
    HEADER_L1_ENTRIES = 36,
    HEADER_L1_OFFSET = 40,
    HEADER_REFTABLE_OFFSET = 48,
    HEADER_REFTABLE_CLUSTERS = 56,
    HEADER_SNAPSHOT_COUNT = 60,
    HEADER_SNAPSHOT_OFFSET = 64,
    HEADER_V2_BYTES = 72,
    HEADER_INCOMPATIBLE = 72,
    HEADER_COMPATIBLE = 80,
    HEADER_AUTOCLEAR = 88,
    HEADER_REFCOUNT_ORDER = 96,
    HEADER_LENGTH = 100,
    HEADER_COMPRESSION = 104,
    HEADER_V3_LEAST_BYTES = 104,
    HEADER_V3_BYTES = 112,
};
#define EXTENSION_END            0u
#define EXTENSION_BACKING_FORMAT 0xe2792acau
#define EXTENSION_FEATURE_NAMES  0x6803f857u
#define EXTENSION_BITMAPS        0x23852875u

/* Bounds on what a file may ask of the host's memory. */
#define L1_ENTRIES_MAX     (4u << 20)
#define REFTABLE_BYTES_MAX (8u << 20)
#define SNAPSHOTS_MAX      65536u
#define FILE_OFFSET_MAX    (1ull << 56)

/** A cluster-sized table in memory: of level 2, or a block of reference counts. */
struct qcow2_table {
    uint64_t offset; /* in the file; 0: empty */
    uint64_t used;   /* when it was last */
    bool dirty, counts;
    uint8_t *bytes;
};
#define TABLE_HINTS 64u

struct qcow2 {
    struct disk disk;
    struct disk *file, *backing;
    uint64_t file_bytes;
    char *path;
    unsigned version, cluster_bits, refcount_order;
    uint32_t cluster_bytes;
    uint64_t incompatible, compatible, autoclear;
    enum qcow2_compression compression;
    uint64_t *l1;
    uint32_t l1_entries;
    uint64_t l1_offset;
    bool l1_dirty;
    uint64_t *reftable;
    uint32_t reftable_entries;
    uint64_t reftable_offset;
    uint32_t snapshot_count;
    uint64_t snapshot_offset, snapshot_bytes;
    bool corrupt;   /* nothing is written any more */
    uint64_t bitmaps_offset, bitmaps_bytes; /* the directory of bitmaps, which is only counted */
    uint32_t bitmap_count;
    char backing_name[1024], backing_format[16];
    struct qcow2_table *tables;
    unsigned table_count;
    uint16_t hints[TABLE_HINTS]; /* where a table may be found */
    uint64_t uses;
    uint64_t *metadata; /* where tables and blocks of counts lie, ascending */
    size_t metadata_count, metadata_room;
    uint64_t *pending; /* clusters to be given up after the next settling */
    size_t pending_count, pending_room;
    bool freeing;      /* they are being given up right now */
    bool data_written;   /* since the file was flushed */
    uint64_t free_hint;  /* all clusters below are used */
    uint64_t packed_at, packed_end; /* where the next compressed cluster may go: in the last of the same */
    uint8_t *bounce;     /* a cluster */
    uint8_t *unpacked, *packed;
    uint64_t unpacked_entry; /* of which cluster `unpacked` is; 0: of none */
};

static inline uint64_t get_be64(const void *at)
{
    uint64_t value;
    memcpy(&value, at, 8);
    return be64toh(value);
}

static inline uint32_t get_be32(const void *at)
{
    uint32_t value;
    memcpy(&value, at, 4);
    return be32toh(value);
}

static inline uint16_t get_be16(const void *at)
{
    uint16_t value;
    memcpy(&value, at, 2);
    return be16toh(value);
}

static inline void put_be64(void *at, uint64_t value)
{
    value = htobe64(value);
    memcpy(at, &value, 8);
}

static inline void put_be32(void *at, uint32_t value)
{
    value = htobe32(value);
    memcpy(at, &value, 4);
}

static inline uint64_t clusters_of(const struct qcow2 *q, uint64_t bytes)
{
    return bytes / q->cluster_bytes + (bytes % q->cluster_bytes != 0);
}

static inline uint64_t l2_entries(const struct qcow2 *q)
{
    return q->cluster_bytes / 8;
}

static inline uint64_t counts_per_block(const struct qcow2 *q)
{
    return (uint64_t)q->cluster_bytes * 8 >> q->refcount_order;
}

/* --- qcow2_file.c: the file, and tables in memory. Those that return int return 0 or an errno value. --- */

/* What lies behind the file's end reads as zeroes. */
int qcow2_file_read(struct qcow2 *q, uint64_t offset, const struct iovec *iov, int count, uint64_t length);
int qcow2_file_get(struct qcow2 *q, uint64_t offset, void *bytes, size_t length);
int qcow2_file_write(struct qcow2 *q, uint64_t offset, const struct iovec *iov, int count, uint64_t length);
int qcow2_file_put(struct qcow2 *q, uint64_t offset, const void *bytes, size_t length);
int qcow2_file_flush(struct qcow2 *q);

/* The table at `offset` of the file, `*table` being valid until the next call. */
int qcow2_table_get(struct qcow2 *q, uint64_t offset, bool counts, struct qcow2_table **table);
/* The same for a new one of zeroes, for which there is room on the host then. */
int qcow2_table_new(struct qcow2 *q, uint64_t offset, bool counts, struct qcow2_table **table);
/* Forgets a table in memory that was given up. */
void qcow2_table_drop(struct qcow2 *q, uint64_t offset);
int qcow2_settle(struct qcow2 *q);

int qcow2_header_put32(struct qcow2 *q, unsigned place, uint32_t value);
int qcow2_header_put64(struct qcow2 *q, unsigned place, uint64_t value);

/* Says once that the image is damaged, marks it so, and stops all writing. Returns EIO. */
int qcow2_corrupt(struct qcow2 *q, const char *what, uint64_t where);

/* Where metadata lies. */
bool qcow2_is_metadata(const struct qcow2 *q, uint64_t offset);
void qcow2_metadata_add(struct qcow2 *q, uint64_t offset);
void qcow2_metadata_remove(struct qcow2 *q, uint64_t offset);

/* --- qcow2_counts.c: reference counts --- */

int qcow2_count(struct qcow2 *q, uint64_t cluster, uint64_t *count);
uint64_t qcow2_count_max(const struct qcow2 *q);
uint64_t qcow2_count_at(const struct qcow2 *q, const uint8_t *block, uint64_t index);
void qcow2_count_put(const struct qcow2 *q, uint8_t *block, uint64_t index, uint64_t count);
int qcow2_count_change(struct qcow2 *q, uint64_t cluster, int change);
/* `count` clusters in a row, each with a count of 1. */
int qcow2_allocate(struct qcow2 *q, uint64_t count, uint64_t *offset);
/* Gives up a cluster when nothing on the disk points to it any more. */
void qcow2_free_later(struct qcow2 *q, uint64_t offset);
/* Of what a level 2 entry points to. */
void qcow2_free_entry_later(struct qcow2 *q, uint64_t entry);
int qcow2_free_pending(struct qcow2 *q);

/* --- qcow2_packed.c: compressed clusters --- */

void qcow2_packed_place(const struct qcow2 *q, uint64_t entry, uint64_t *offset, uint64_t *length);
/* Unpacks a cluster into q->unpacked. */
int qcow2_unpack(struct qcow2 *q, uint64_t entry);

/* --- qcow2.c --- */

/* The level 2 entry of an offset of the guest. `make`: there is a table for it, which is the image's own, and `*at`
 * says where in which; else `*table` may become NULL and the entry 0. */
int qcow2_entry(struct qcow2 *q, uint64_t offset, bool make, struct qcow2_table **table, uint32_t *at, uint64_t *entry);
/* A level 1 table made anew, with as many entries; the old one is given up. */
int qcow2_l1_grow(struct qcow2 *q, uint32_t entries);

/* --- qcow2_open.c --- */

/* The snapshots' table of an image, `each` told of the header of one and what follows. Stops where it returns false. */
struct qcow2_snapshot {
    struct qcow2_snapshot_about about;
    uint64_t l1_offset;
    uint32_t l1_entries;
};
bool qcow2_snapshots(struct qcow2 *q, bool (*each)(void *context, const struct qcow2_snapshot *snapshot), void *context,
                     struct error *error);
extern const struct disk_ops qcow2_ops;

/* Finds again where tables lie. False: some lie at the same place. */
bool qcow2_metadata_find(struct qcow2 *q);

#endif
