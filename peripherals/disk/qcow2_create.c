/* SPDX-License-Identifier: GPL-3.0-or-later */
/* qcow2: new images, other sizes, and images made empty. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include "peripherals/disk/qcow2_internal.h"

struct qcow2_create qcow2_create_defaults(uint64_t size_bytes)
{
    return (struct qcow2_create){
        .size_bytes = size_bytes, .version = 3, .cluster_bytes = 65536, .compression = QCOW2_ZLIB};
}

/* --- a new image --- */

static uint32_t put_extension(uint8_t *header, uint32_t at, uint32_t type, const void *content, uint32_t length)
{
    put_be32(header + at, type);
    put_be32(header + at + 4, length);
    memcpy(header + at + 8, content, length);
    return at + 8 + (length + 7) / 8 * 8;
}

/* The names of the features that older readers would not know. */
static const struct {
    uint8_t kind, bit;
    char name[46];
} feature_names[] = {{0, 0, "dirty bit"}, {0, 1, "corrupt bit"}, {0, 3, "compression type"}, {1, 0, "lazy refcounts"}};
_Static_assert(sizeof feature_names == 4 * 48, "48 bytes a feature");

static bool put_header(uint8_t *header, const struct qcow2_create *wanted, uint32_t l1_entries, uint64_t l1_offset,
                       const char *path, struct error *error)
{
    bool three = wanted->version >= 3;
    uint32_t at = three ? HEADER_V3_BYTES : HEADER_V2_BYTES;
    put_be32(header + HEADER_MAGIC, QCOW2_MAGIC);
    put_be32(header + HEADER_VERSION, wanted->version);
    put_be32(header + HEADER_CLUSTER_BITS, (uint32_t)__builtin_ctz(wanted->cluster_bytes));
    put_be64(header + HEADER_SIZE, wanted->size_bytes);
    put_be32(header + HEADER_L1_ENTRIES, l1_entries);
    put_be64(header + HEADER_L1_OFFSET, l1_offset);
    put_be64(header + HEADER_REFTABLE_OFFSET, wanted->cluster_bytes);
    put_be32(header + HEADER_REFTABLE_CLUSTERS, 1);
    if (three) {
        put_be64(header + HEADER_INCOMPATIBLE, wanted->compression == QCOW2_ZSTD ? INCOMPATIBLE_COMPRESSION : 0);
        put_be64(header + HEADER_COMPATIBLE, wanted->lazy_refcounts ? COMPATIBLE_LAZY : 0);
        put_be32(header + HEADER_REFCOUNT_ORDER, 4);
        put_be32(header + HEADER_LENGTH, HEADER_V3_BYTES);
        header[HEADER_COMPRESSION] = (uint8_t)wanted->compression;
    }
    if (wanted->backing)
        at = put_extension(header, at, EXTENSION_BACKING_FORMAT, wanted->backing_format,
                           (uint32_t)strlen(wanted->backing_format));
    if (three && at + sizeof feature_names + 16 <= 512)
        at = put_extension(header, at, EXTENSION_FEATURE_NAMES, feature_names, sizeof feature_names);
    at += 8; /* the end of extensions: zeroes */
    if (!wanted->backing)
        return true;
    uint32_t length = (uint32_t)strlen(wanted->backing);
    if (length >= 1024 || length > wanted->cluster_bytes - at)
        return error_set(error, "%s: the backing file's name is too long for an image with these clusters", path);
    put_be64(header + HEADER_BACKING_OFFSET, at);
    put_be32(header + HEADER_BACKING_LENGTH, length);
    memcpy(header + at, wanted->backing, length);
    return true;
}

static bool write_whole(int fd, const uint8_t *bytes, size_t length)
{
    for (ssize_t done; length > 0; bytes += done, length -= (size_t)done) {
        done = write(fd, bytes, length);
        if (done < 0 && errno == EINTR)
            done = 0;
        else if (done <= 0)
            return false;
    }
    return true;
}

/* | header | table of counts, which names one block | that block | level 1 table |; what follows is made as it is
 * needed. */
static bool write_image(int fd, const char *path, const struct qcow2_create *wanted, struct error *error)
{
    struct qcow2 q = {.cluster_bytes = wanted->cluster_bytes, .refcount_order = 4};
    uint64_t cluster = wanted->cluster_bytes, l1_entries = clusters_of(&q, clusters_of(&q, wanted->size_bytes) * 8);
    uint64_t l1_clusters = clusters_of(&q, l1_entries * 8), head = 3 * cluster;
    if (l1_entries > L1_ENTRIES_MAX || 3 + l1_clusters > counts_per_block(&q))
        return error_set(error, "%s: a disk of that size needs larger clusters; give --cluster-size 64K, or more",
                         path);
    uint8_t *bytes = host_alloc(3 + l1_clusters, cluster);
    bool good = put_header(bytes, wanted, (uint32_t)l1_entries, head, path, error);
    put_be64(bytes + cluster, 2 * cluster);
    for (uint64_t i = 0; i < 3 + l1_clusters; i++)
        qcow2_count_put(&q, bytes + 2 * cluster, i, 1);
    if (good && (!write_whole(fd, bytes, (3 + l1_clusters) * cluster) || fsync(fd) != 0))
        good = error_set(error, "%s: cannot be written: %s", path, strerror(errno));
    free(bytes);
    return good;
}

bool qcow2_create(const char *path, const struct qcow2_create *wanted, struct error *error)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return error_set(error, errno == EEXIST ? "%s: there is such a file already; it is left as it is"
                                                : "%s: cannot be made: %s", path, strerror(errno));
    bool good = write_image(fd, path, wanted, error);
    if (close(fd) != 0 && good)
        good = error_set(error, "%s: cannot be written: %s", path, strerror(errno));
    if (!good)
        unlink(path);
    return good;
}

/* --- dropping what an image holds --- */

/* Takes the table of level 2 out of the level 1 table, with all that it points to. */
static int drop_l2(struct qcow2 *q, uint32_t index)
{
    uint64_t offset = q->l1[index] & ENTRY_OFFSET;
    struct qcow2_table *table;
    int result = offset % q->cluster_bytes ? qcow2_corrupt(q, "no table can lie there", offset)
                                           : qcow2_table_get(q, offset, false, &table);
    for (uint64_t i = 0; i < l2_entries(q) && !result; i++)
        qcow2_free_entry_later(q, get_be64(table->bytes + i * 8));
    if (result)
        return result;
    qcow2_free_later(q, offset);
    q->l1[index] = 0;
    q->l1_dirty = true;
    return q->pending_count > 100000 ? qcow2_settle(q) : 0;
}

static int drop_from(struct qcow2 *q, uint64_t offset)
{
    uint64_t covered = l2_entries(q) * q->cluster_bytes;
    uint32_t first = (uint32_t)(offset / covered + (offset % covered != 0));
    int result = 0;
    for (uint32_t i = first; i < q->l1_entries && !result; i++)
        if (q->l1[i] & ENTRY_OFFSET)
            result = drop_l2(q, i);
    uint64_t end = first * covered < q->disk.size_bytes ? first * covered : q->disk.size_bytes;
    if (!result && offset < end)
        result = q->disk.ops->write_zeroes(&q->disk, offset, end - offset, true);
    return result ? result : q->disk.ops->flush(&q->disk);
}

int qcow2_make_empty(struct disk *disk)
{
    return drop_from((struct qcow2 *)disk, 0);
}

/* --- another size --- */

static int set_size(struct qcow2 *q, uint64_t size_bytes)
{
    int result = q->disk.ops->flush(&q->disk);
    if (!result)
        result = qcow2_header_put64(q, HEADER_SIZE, size_bytes);
    if (!result)
        result = qcow2_file_flush(q);
    if (!result)
        q->disk.size_bytes = size_bytes;
    return result;
}

/* What is behind the image must not come to light in the new part. */
static int hide_backing(struct qcow2 *q, uint64_t from)
{
    uint64_t end =
        q->backing && q->backing->size_bytes < q->disk.size_bytes ? q->backing->size_bytes : q->disk.size_bytes;
    return q->backing && from < end ? q->disk.ops->write_zeroes(&q->disk, from, end - from, true) : 0;
}

bool qcow2_resize(struct disk *disk, uint64_t size_bytes, struct error *error)
{
    struct qcow2 *q = (struct qcow2 *)disk;
    uint64_t before = disk->size_bytes, entries = clusters_of(q, clusters_of(q, size_bytes) * 8);
    int result = 0;
    if (q->version < 3 && q->snapshot_count)
        return error_set(error, "%s: a version 2 image with snapshots cannot have another size", q->path);
    if (entries > L1_ENTRIES_MAX || size_bytes >= FILE_OFFSET_MAX)
        return error_set(error, "%s: too large for an image with clusters of %u bytes", q->path, q->cluster_bytes);
    if (size_bytes < before)
        result = drop_from(q, size_bytes);
    else if (entries > q->l1_entries)
        result = qcow2_l1_grow(q, (uint32_t)entries);
    if (!result)
        result = set_size(q, size_bytes);
    if (!result && size_bytes > before)
        result = hide_backing(q, before);
    if (!result)
        result = disk->ops->flush(disk);
    return !result || error_set(error, "%s: cannot be written: %s", q->path, strerror(result));
}
