/* SPDX-License-Identifier: GPL-3.0-or-later */
/* qcow2: the header and all that is read when an image is opened. */
#include <stdlib.h>
#include "peripherals/disk/qcow2_internal.h"

/* --- the header --- */

static bool damaged(const struct qcow2 *q, const char *what, struct error *error)
{
    return error_set(error, "%s: no sound qcow2 image: %s", q->path, what);
}

static bool cannot(const struct qcow2 *q, const char *what, struct error *error)
{
    return error_set(error, "%s: this qcow2 image has %s, which is not supported; qemu-img convert makes one without",
                     q->path, what);
}

static bool check_features(const struct qcow2 *q, const uint8_t *header, struct error *error)
{
    uint64_t known = INCOMPATIBLE_DIRTY | INCOMPATIBLE_CORRUPT | INCOMPATIBLE_COMPRESSION;
    if (get_be32(header + HEADER_CRYPT))
        return cannot(q, "encryption", error);
    if (q->incompatible & INCOMPATIBLE_DATA_FILE)
        return cannot(q, "its data in another file", error);
    if (q->incompatible & INCOMPATIBLE_EXTENDED_L2)
        return cannot(q, "subclusters", error);
    if (q->incompatible & ~known)
        return cannot(q, "a feature of a later time", error);
    return true;
}

/* Extensions stand behind the header, up to the backing file's name or the end of the first cluster. */
static bool read_extensions(struct qcow2 *q, const uint8_t *cluster, uint32_t at, uint32_t end, struct error *error)
{
    while (end - at >= 8) {
        uint32_t type = get_be32(cluster + at), length = get_be32(cluster + at + 4);
        const uint8_t *content = cluster + at + 8;
        if (type == EXTENSION_END)
            return true;
        if (length > end - at - 8)
            return damaged(q, "a header extension is longer than its room", error);
        if (type == EXTENSION_BACKING_FORMAT) {
            if (length >= sizeof q->backing_format)
                return damaged(q, "the backing file's format has a long name", error);
            memcpy(q->backing_format, content, length);
        } else if (type == EXTENSION_BITMAPS && length >= 24) {
            q->bitmap_count = get_be32(content);
            q->bitmaps_bytes = get_be64(content + 8);
            q->bitmaps_offset = get_be64(content + 16);
        }
        uint64_t next = at + 8 + ((uint64_t)length + 7) / 8 * 8;
        at = next < end ? (uint32_t)next : end;
    }
    return true;
}

static bool read_backing_name(struct qcow2 *q, const uint8_t *cluster, uint32_t *extensions_end, struct error *error)
{
    uint64_t offset = get_be64(cluster + HEADER_BACKING_OFFSET);
    uint32_t length = get_be32(cluster + HEADER_BACKING_LENGTH);
    *extensions_end = q->cluster_bytes;
    if (!offset || !length)
        return true;
    if (length >= sizeof q->backing_name || offset > q->cluster_bytes || length > q->cluster_bytes - offset)
        return damaged(q, "the backing file's name does not lie in the first cluster", error);
    memcpy(q->backing_name, cluster + offset, length);
    if (strlen(q->backing_name) != length)
        return damaged(q, "the backing file's name holds a zero byte", error);
    *extensions_end = (uint32_t)offset;
    return true;
}

static bool read_version_3(struct qcow2 *q, const uint8_t *header, uint32_t *length, struct error *error)
{
    q->incompatible = get_be64(header + HEADER_INCOMPATIBLE);
    q->compatible = get_be64(header + HEADER_COMPATIBLE);
    q->autoclear = get_be64(header + HEADER_AUTOCLEAR);
    q->refcount_order = get_be32(header + HEADER_REFCOUNT_ORDER);
    *length = get_be32(header + HEADER_LENGTH);
    if (q->refcount_order > 6)
        return damaged(q, "reference counts of more than 64 bits", error);
    if (*length < HEADER_V3_LEAST_BYTES || *length > q->cluster_bytes || *length % 8)
        return damaged(q, "the header's length", error);
    if (q->incompatible & INCOMPATIBLE_COMPRESSION) {
        if (*length <= HEADER_COMPRESSION || header[HEADER_COMPRESSION] > QCOW2_ZSTD)
            return cannot(q, "an unknown compression", error);
        q->compression = header[HEADER_COMPRESSION];
    }
    return true;
}

/* Takes the header in, looks at everything that can be judged without reading further. `cluster` is the first one. */
static bool parse_header(struct qcow2 *q, const uint8_t *cluster, struct error *error)
{
    uint32_t length = HEADER_V2_BYTES, end;
    q->disk.size_bytes = get_be64(cluster + HEADER_SIZE);
    q->l1_entries = get_be32(cluster + HEADER_L1_ENTRIES);
    q->l1_offset = get_be64(cluster + HEADER_L1_OFFSET);
    q->reftable_offset = get_be64(cluster + HEADER_REFTABLE_OFFSET);
    q->snapshot_count = get_be32(cluster + HEADER_SNAPSHOT_COUNT);
    q->snapshot_offset = get_be64(cluster + HEADER_SNAPSHOT_OFFSET);
    uint64_t reftable_bytes = (uint64_t)get_be32(cluster + HEADER_REFTABLE_CLUSTERS) << q->cluster_bits;
    q->refcount_order = 4;
    if (q->version >= 3 && !read_version_3(q, cluster, &length, error))
        return false;
    if (!check_features(q, cluster, error) || !read_backing_name(q, cluster, &end, error) ||
        (end > length && !read_extensions(q, cluster, length, end, error)))
        return false;
    if (q->disk.size_bytes == 0 || q->disk.size_bytes % DISK_SECTOR_BYTES || q->disk.size_bytes >= FILE_OFFSET_MAX)
        return damaged(q, "its size is no whole number of 512-byte sectors, or none", error);
    if (q->l1_entries > L1_ENTRIES_MAX || reftable_bytes > REFTABLE_BYTES_MAX || q->snapshot_count > SNAPSHOTS_MAX)
        return damaged(q, "a table is larger than any sensible one", error);
    if (q->l1_entries < clusters_of(q, clusters_of(q, q->disk.size_bytes) * 8))
        return damaged(q, "its level 1 table is too small for its size", error);
    if (q->l1_offset % q->cluster_bytes || q->reftable_offset % q->cluster_bytes ||
        (q->snapshot_count && q->snapshot_offset % q->cluster_bytes) || q->l1_offset >= FILE_OFFSET_MAX ||
        q->reftable_offset >= FILE_OFFSET_MAX || q->snapshot_offset >= FILE_OFFSET_MAX || !q->l1_offset)
        return damaged(q, "a table lies where none can", error);
    q->reftable_entries = (uint32_t)(reftable_bytes / 8);
    return true;
}

static bool read_header(struct qcow2 *q, struct error *error)
{
    uint8_t start[HEADER_V2_BYTES];
    int result = qcow2_file_get(q, 0, start, sizeof start);
    if (result)
        return error_set(error, "%s: cannot be read: %s", q->path, strerror(result));
    if (get_be32(start + HEADER_MAGIC) != QCOW2_MAGIC)
        return error_set(error, "%s: no qcow2 image; if it is a raw one, say so with ,format=raw", q->path);
    q->version = get_be32(start + HEADER_VERSION);
    q->cluster_bits = get_be32(start + HEADER_CLUSTER_BITS);
    if (q->version < 2 || q->version > 3)
        return cannot(q, "another version than 2 and 3", error);
    if (q->cluster_bits < 9 || q->cluster_bits > 21)
        return damaged(q, "clusters of less than 512 bytes or more than 2 MiB", error);
    q->cluster_bytes = 1u << q->cluster_bits;
    uint8_t *cluster = host_alloc(1, q->cluster_bytes);
    result = qcow2_file_get(q, 0, cluster, q->cluster_bytes);
    bool good = !result ? parse_header(q, cluster, error)
                        : error_set(error, "%s: cannot be read: %s", q->path, strerror(result));
    free(cluster);
    return good;
}

bool qcow2_look(struct disk *file, const char *path, struct qcow2_about *about, struct error *error)
{
    struct qcow2 *q = host_alloc(1, sizeof *q);
    q->file = file;
    q->file_bytes = file->size_bytes;
    q->path = (char *)path;
    bool good = read_header(q, error);
    *about = (struct qcow2_about){
        .version = q->version,
        .cluster_bytes = q->cluster_bytes,
        .refcount_bits = good ? 1u << q->refcount_order : 0,
        .size_bytes = q->disk.size_bytes,
        .compression = q->compression,
        .dirty = q->incompatible & INCOMPATIBLE_DIRTY,
        .corrupt = q->incompatible & INCOMPATIBLE_CORRUPT,
        .lazy_refcounts = q->compatible & COMPATIBLE_LAZY,
        .bitmaps = q->bitmap_count,
        .snapshot_count = q->snapshot_count,
    };
    strcpy(about->backing, q->backing_name);
    strcpy(about->backing_format, q->backing_format);
    free(q);
    return good;
}

/* --- tables that stay in memory --- */

static int read_table(struct qcow2 *q, uint64_t offset, uint32_t entries, uint64_t **table)
{
    *table = malloc(entries ? entries * 8ull : 1);
    int result = *table ? qcow2_file_get(q, offset, *table, entries * 8ull) : ENOMEM;
    for (uint32_t i = 0; i < entries && !result; i++)
        (*table)[i] = be64toh((*table)[i]);
    return result;
}

static int ascending(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

static bool overlap(const struct qcow2 *q, uint64_t a, uint64_t a_bytes, uint64_t b, uint64_t b_bytes)
{
    a_bytes = clusters_of(q, a_bytes) * q->cluster_bytes;
    b_bytes = clusters_of(q, b_bytes) * q->cluster_bytes;
    return a_bytes && b_bytes && a < b + b_bytes && b < a + a_bytes;
}

static bool large_tables_apart(const struct qcow2 *q)
{
    uint64_t l1 = q->l1_entries * 8ull, counts = q->reftable_entries * 8ull;
    return q->l1_offset && q->reftable_offset && !overlap(q, q->l1_offset, l1, q->reftable_offset, counts) &&
           !overlap(q, q->l1_offset, l1, q->snapshot_offset, q->snapshot_bytes) &&
           !overlap(q, q->reftable_offset, counts, q->snapshot_offset, q->snapshot_bytes);
}

bool qcow2_metadata_find(struct qcow2 *q)
{
    bool apart = large_tables_apart(q);
    size_t count = 0;
    q->metadata_room = (size_t)q->l1_entries + q->reftable_entries + 64;
    q->metadata = host_realloc(q->metadata, q->metadata_room, sizeof *q->metadata);
    for (uint32_t i = 0; i < q->l1_entries; i++)
        if (q->l1[i] & ENTRY_OFFSET)
            q->metadata[count++] = q->l1[i] & ENTRY_OFFSET;
    for (uint32_t i = 0; i < q->reftable_entries; i++)
        if (q->reftable[i])
            q->metadata[count++] = q->reftable[i];
    qsort(q->metadata, count, sizeof *q->metadata, ascending);
    q->metadata_count = 0; /* none of them lies in the large tables or the header, nor two at one place */
    for (size_t i = 0; i < count; i++)
        apart = apart && !qcow2_is_metadata(q, q->metadata[i]) && (i == 0 || q->metadata[i] != q->metadata[i - 1]);
    q->metadata_count = count;
    return apart;
}

/* --- snapshots --- */

/* Takes in the entry at `at` of the snapshots' table; `*length` becomes how long it is. */
static bool parse_snapshot(struct qcow2 *q, uint64_t at, struct qcow2_snapshot *snapshot, uint64_t *length)
{
    uint8_t entry[40], extra[16] = {0};
    if (qcow2_file_get(q, at, entry, sizeof entry))
        return false;
    uint16_t id = get_be16(entry + 12), name = get_be16(entry + 14);
    uint32_t extras = get_be32(entry + 36);
    *length = (40 + (uint64_t)extras + id + name + 7) / 8 * 8;
    /* What fills the last entry up need not be there. */
    if (extras > 1024 || at + 40 + extras + id + name > q->file_bytes ||
        qcow2_file_get(q, at + 40, extra, extras < sizeof extra ? extras : sizeof extra))
        return false;
    *snapshot = (struct qcow2_snapshot){
        .about = {.seconds = get_be32(entry + 16),
                  .size_bytes = extras >= 16 ? get_be64(extra + 8) : q->disk.size_bytes},
        .l1_offset = get_be64(entry),
        .l1_entries = get_be32(entry + 8),
    };
    size_t id_kept = id < sizeof snapshot->about.id ? id : sizeof snapshot->about.id - 1;
    size_t name_kept = name < sizeof snapshot->about.name ? name : sizeof snapshot->about.name - 1;
    return !qcow2_file_get(q, at + 40 + extras, snapshot->about.id, id_kept) &&
           !qcow2_file_get(q, at + 40 + extras + id, snapshot->about.name, name_kept);
}

bool qcow2_snapshots(struct qcow2 *q, bool (*each)(void *context, const struct qcow2_snapshot *snapshot), void *context,
                     struct error *error)
{
    uint64_t at = q->snapshot_offset, length;
    for (uint32_t i = 0; i < q->snapshot_count; i++, at += length) {
        struct qcow2_snapshot snapshot;
        if (!parse_snapshot(q, at, &snapshot, &length))
            return damaged(q, "the table of its snapshots cannot be read", error);
        if (each && !each(context, &snapshot))
            break;
    }
    q->snapshot_bytes = at - q->snapshot_offset;
    return true;
}

struct wanted {
    const char *name;
    struct qcow2_snapshot found;
    bool there;
};

static bool is_wanted(void *context, const struct qcow2_snapshot *snapshot)
{
    struct wanted *wanted = context;
    if (strcmp(snapshot->about.name, wanted->name) && strcmp(snapshot->about.id, wanted->name))
        return true;
    wanted->found = *snapshot;
    wanted->there = true;
    return false;
}

static bool go_to_snapshot(struct qcow2 *q, const char *name, struct error *error)
{
    struct wanted wanted = {.name = name};
    if (!qcow2_snapshots(q, is_wanted, &wanted, error))
        return false;
    if (!wanted.there)
        return error_set(error, "%s: no snapshot '%s' in it; armature disk info %s lists them", q->path, name, q->path);
    uint64_t size = wanted.found.about.size_bytes;
    if (size == 0 || size % DISK_SECTOR_BYTES || wanted.found.l1_entries > L1_ENTRIES_MAX ||
        wanted.found.l1_offset % q->cluster_bytes || wanted.found.l1_offset >= FILE_OFFSET_MAX ||
        size >= FILE_OFFSET_MAX || wanted.found.l1_entries < clusters_of(q, clusters_of(q, size) * 8))
        return damaged(q, "that snapshot's sizes", error);
    q->l1_offset = wanted.found.l1_offset;
    q->l1_entries = wanted.found.l1_entries;
    q->disk.size_bytes = size;
    return true;
}

struct teller {
    void (*each)(void *context, const struct qcow2_snapshot_about *about);
    void *context;
};

static bool tell(void *context, const struct qcow2_snapshot *snapshot)
{
    struct teller *teller = context;
    teller->each(teller->context, &snapshot->about);
    return true;
}

bool qcow2_each_snapshot(struct disk *disk, void (*each)(void *context, const struct qcow2_snapshot_about *about),
                         void *context, struct error *error)
{
    struct teller teller = {each, context};
    return qcow2_snapshots((struct qcow2 *)disk, tell, &teller, error);
}

/* --- opening --- */

/* What a writer owes an image before it writes: marks of what it does not keep are taken off, and counts that a writer
 * before it left wrong are made right. */
static bool begin_writing(struct qcow2 *q, struct error *error)
{
    struct qcow2_findings findings;
    if (q->autoclear) {
        int result = qcow2_header_put64(q, HEADER_AUTOCLEAR, q->autoclear = 0);
        if (result)
            return error_set(error, "%s: cannot be written: %s", q->path, strerror(result));
    }
    if (!(q->incompatible & INCOMPATIBLE_DIRTY))
        return true;
    if (!qcow2_check(&q->disk, true, &findings, NULL, NULL, error))
        return false;
    return !findings.errors_left || error_set(error, "%s: the qcow2 image was not closed, and is damaged: %s", q->path,
                                              findings.first);
}

static bool load(struct qcow2 *q, const struct qcow2_open *how, struct error *error)
{
    if (!read_header(q, error) || (how->snapshot && !go_to_snapshot(q, how->snapshot, error)))
        return false;
    if (!how->read_only && !how->repair && q->incompatible & INCOMPATIBLE_CORRUPT)
        return error_set(
            error,
            "%s: the qcow2 image is marked as damaged; repair it with: armature disk check --repair %s, or "
            "attach it with ,ro",
            q->path, q->path);
    uint32_t tables = (8u << 20) / q->cluster_bytes;
    q->table_count = tables < 4 ? 4 : tables > 256 ? 256 : tables;
    q->tables = host_alloc(q->table_count, sizeof *q->tables);
    q->bounce = host_alloc(1, q->cluster_bytes);
    int result = read_table(q, q->l1_offset, q->l1_entries, &q->l1);
    if (!result)
        result = read_table(q, q->reftable_offset, q->reftable_entries, &q->reftable);
    if (result)
        return error_set(error, "%s: cannot be read: %s", q->path, strerror(result));
    if (how->read_only)
        return true;
    if (!qcow2_snapshots(q, NULL, NULL, error))
        return false;
    if (!qcow2_metadata_find(q) && !how->repair)
        return error_set(error,
                         "%s: the qcow2 image is damaged, tables lie over each other; repair it with: armature disk "
                         "check --repair %s, or attach it with ,ro",
                         q->path, q->path);
    return how->repair || begin_writing(q, error);
}

struct disk *qcow2_open(struct disk *file, const char *path, struct disk *backing, const struct qcow2_open *how,
                        struct error *error)
{
    struct qcow2 *q = host_alloc(1, sizeof *q);
    q->disk.ops = &qcow2_ops;
    q->file = file;
    q->backing = backing;
    q->file_bytes = file->size_bytes;
    q->path = strdup(path);
    bool good = q->path && load(q, how, error);
    q->disk.read_only = how->read_only;
    if (good)
        return &q->disk;
    q->disk.read_only = true; /* nothing to be written when it is freed */
    q->disk.ops->free(&q->disk);
    return NULL;
}
