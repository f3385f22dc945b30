/* SPDX-License-Identifier: GPL-3.0-or-later */
/* qcow2: what the guest reads and writes.
 *
 * An offset of the guest has an entry in a table of level 2, which a table of level 1 points to. The entry names a
 * cluster of the file. Example, clusters of 64 KiB: offset 0x2001_2345 is in table 1 (each covers 512 MiB), entry 1,
 * byte 0x2345. A cluster is written in place where nobody shares it; else a new one is written in whole, and then the
 * entry. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include "peripherals/disk/qcow2_internal.h"

/* --- entries --- */

static unsigned l2_bits(const struct qcow2 *q)
{
    return q->cluster_bits - 3;
}

/* A table of the image's own for a level 1 entry that names none, or one that snapshots share. */
static int make_l2(struct qcow2 *q, uint32_t index)
{
    uint64_t old = q->l1[index] & ENTRY_OFFSET, offset;
    struct qcow2_table *table;
    uint8_t *copy = NULL;
    int result = 0;
    if (old) {
        copy = malloc(q->cluster_bytes);
        result = copy ? qcow2_table_get(q, old, false, &table) : ENOMEM;
        if (!result)
            memcpy(copy, table->bytes, q->cluster_bytes);
    }
    if (!result)
        result = qcow2_allocate(q, 1, &offset);
    if (!result) {
        result = qcow2_table_new(q, offset, false, &table);
        if (result)
            qcow2_count_change(q, offset >> q->cluster_bits, -1);
    }
    if (!result) {
        if (old) {
            memcpy(table->bytes, copy, q->cluster_bytes);
            qcow2_free_later(q, old);
        }
        table->dirty = true;
        qcow2_metadata_add(q, offset);
        q->l1[index] = offset | ENTRY_COPIED;
        q->l1_dirty = true;
    }
    free(copy);
    return result;
}

int qcow2_entry(struct qcow2 *q, uint64_t offset, bool make, struct qcow2_table **table, uint32_t *at, uint64_t *entry)
{
    uint64_t index = offset >> (q->cluster_bits + l2_bits(q));
    *table = NULL;
    *entry = 0;
    *at = offset >> q->cluster_bits & (l2_entries(q) - 1);
    assert(index < q->l1_entries);
    uint64_t place = q->l1[index] & ENTRY_OFFSET;
    if (place % q->cluster_bytes)
        return qcow2_corrupt(q, "no table can lie there", place);
    if (make && (!place || !(q->l1[index] & ENTRY_COPIED))) {
        int result = make_l2(q, (uint32_t)index);
        if (result)
            return result;
        place = q->l1[index] & ENTRY_OFFSET;
    }
    if (!place)
        return 0;
    int result = qcow2_table_get(q, place, false, table);
    if (result)
        return result;
    *entry = get_be64((*table)->bytes + *at * 8ull);
    if (!(*entry & ENTRY_COMPRESSED) && (*entry & ENTRY_OFFSET) % q->cluster_bytes)
        return qcow2_corrupt(q, "no data can lie there", *entry & ENTRY_OFFSET);
    return 0;
}

static int put_entry(struct qcow2 *q, uint64_t offset, uint64_t entry)
{
    struct qcow2_table *table;
    uint64_t old;
    uint32_t at;
    int result = qcow2_entry(q, offset, true, &table, &at, &old);
    if (result)
        return result;
    put_be64(table->bytes + at * 8ull, entry);
    table->dirty = true;
    return 0;
}

int qcow2_l1_grow(struct qcow2 *q, uint32_t entries)
{
    uint64_t offset, old = q->l1_offset, old_clusters = clusters_of(q, q->l1_entries * 8ull);
    uint64_t clusters = clusters_of(q, entries * 8ull);
    int result = qcow2_settle(q);
    if (!result)
        result = qcow2_allocate(q, clusters, &offset);
    if (result)
        return result;
    uint64_t *l1 = host_alloc(clusters * l2_entries(q), 8), *before = q->l1;
    uint32_t before_entries = q->l1_entries;
    uint8_t header[12];
    for (uint32_t i = 0; i < q->l1_entries && i < entries; i++)
        l1[i] = q->l1[i];
    uint8_t *bytes = host_alloc(clusters, q->cluster_bytes);
    for (uint32_t i = 0; i < entries; i++)
        put_be64(bytes + i * 8ull, l1[i]);
    put_be32(header, entries);
    put_be64(header + 4, offset);
    result = qcow2_file_put(q, offset, bytes, clusters * q->cluster_bytes);
    free(bytes);
    if (!result)
        result = qcow2_settle(q);
    if (!result)
        result = qcow2_file_flush(q);
    if (!result)
        result = qcow2_file_put(q, HEADER_L1_ENTRIES, header, sizeof header);
    if (!result)
        result = qcow2_file_flush(q);
    if (result) {
        free(l1);
        return result;
    }
    q->l1 = l1;
    q->l1_entries = entries;
    q->l1_offset = offset;
    free(before);
    for (uint64_t c = 0; c < old_clusters && before_entries; c++)
        qcow2_free_later(q, old + c * q->cluster_bytes);
    return 0;
}

/* --- vectors in pieces --- */

struct cursor {
    const struct iovec *iov;
    size_t skip; /* of the first */
};

static size_t iov_room(int count)
{
    return (size_t)count * sizeof(struct iovec);
}

/* The next `length` bytes into `out`; returns how many pieces they are. */
static int take(struct cursor *cursor, uint64_t length, struct iovec *out)
{
    int used = 0;
    while (length > 0) {
        size_t left = cursor->iov->iov_len - cursor->skip, piece = left < length ? left : length;
        if (piece)
            out[used++] = (struct iovec){(uint8_t *)cursor->iov->iov_base + cursor->skip, piece};
        length -= piece;
        cursor->skip += piece;
        if (cursor->skip == cursor->iov->iov_len) {
            cursor->iov++;
            cursor->skip = 0;
        }
    }
    return used;
}

static uint64_t total(const struct iovec *iov, int count)
{
    uint64_t length = 0;
    for (int i = 0; i < count; i++)
        length += iov[i].iov_len;
    return length;
}

static void fill_zeroes(const struct iovec *iov, int count)
{
    for (int i = 0; i < count; i++)
        memset(iov[i].iov_base, 0, iov[i].iov_len);
}

static void copy_out(const uint8_t *from, const struct iovec *iov, int count)
{
    for (int i = 0; i < count; from += iov[i++].iov_len)
        memcpy(iov[i].iov_base, from, iov[i].iov_len);
}

static void copy_in(uint8_t *to, const struct iovec *iov, int count)
{
    for (int i = 0; i < count; to += iov[i++].iov_len)
        memcpy(to, iov[i].iov_base, iov[i].iov_len);
}

/* --- reading --- */

enum kind { KIND_NONE, KIND_ZERO, KIND_DATA, KIND_PACKED };

static enum kind kind_of(const struct qcow2 *q, uint64_t entry)
{
    if (entry & ENTRY_COMPRESSED)
        return KIND_PACKED;
    if (q->version >= 3 && entry & ENTRY_ZERO)
        return KIND_ZERO;
    return entry & ENTRY_OFFSET ? KIND_DATA : KIND_NONE;
}

/* Whether what stands behind `before` may be written with it in one go. */
static bool follows(const struct qcow2 *q, uint64_t before, uint64_t entry, uint64_t distance)
{
    enum kind kind = kind_of(q, before);
    if (kind != kind_of(q, entry) || kind == KIND_PACKED)
        return false;
    return kind != KIND_DATA || ((entry & ENTRY_OFFSET) == (before & ENTRY_OFFSET) + distance &&
                                 !((entry ^ before) & ENTRY_COPIED));
}

/* The entry at `offset`, and how many of `length` bytes from there lie in a row and are of its kind. */
static int find_run(struct qcow2 *q, uint64_t offset, uint64_t length, uint64_t *entry, uint64_t *run)
{
    struct qcow2_table *table;
    uint32_t at;
    uint64_t in_cluster = offset % q->cluster_bytes;
    int result = qcow2_entry(q, offset, false, &table, &at, entry);
    if (result)
        return result;
    *run = q->cluster_bytes - in_cluster;
    for (uint32_t next = at + 1; *run < length && next < l2_entries(q); next++) {
        uint64_t other = table ? get_be64(table->bytes + next * 8ull) : 0;
        if (!follows(q, *entry, other, (next - at) * (uint64_t)q->cluster_bytes))
            break;
        *run += q->cluster_bytes;
    }
    if (*run > length)
        *run = length;
    return 0;
}

static int read_backing(struct qcow2 *q, uint64_t offset, const struct iovec *iov, int count, uint64_t length)
{
    uint64_t size = q->backing ? q->backing->size_bytes : 0;
    if (offset + length <= size)
        return q->backing->ops->read(q->backing, offset, iov, count);
    uint64_t there = offset < size ? size - offset : 0;
    struct cursor cursor = {iov, 0};
    struct iovec *part = malloc(iov_room(count));
    if (!part)
        return ENOMEM;
    int used = take(&cursor, there, part), result = there ? q->backing->ops->read(q->backing, offset, part, used) : 0;
    used = take(&cursor, length - there, part);
    fill_zeroes(part, used);
    free(part);
    return result;
}

/* A run as find_run() tells of it. */
static int read_run(struct qcow2 *q, uint64_t offset, uint64_t entry, const struct iovec *iov, int count,
                    uint64_t length)
{
    uint64_t in_cluster = offset % q->cluster_bytes;
    int result = 0;
    switch (kind_of(q, entry)) {
    case KIND_NONE: return read_backing(q, offset, iov, count, length);
    case KIND_ZERO: fill_zeroes(iov, count); return 0;
    case KIND_DATA: return qcow2_file_read(q, (entry & ENTRY_OFFSET) + in_cluster, iov, count, length);
    case KIND_PACKED:
        result = qcow2_unpack(q, entry);
        if (!result)
            copy_out(q->unpacked + in_cluster, iov, count);
    }
    return result;
}

static int read_all(struct qcow2 *q, uint64_t offset, const struct iovec *iov, int count)
{
    uint64_t length = total(iov, count);
    struct cursor cursor = {iov, 0};
    struct iovec *part = malloc(iov_room(count));
    int result = part ? 0 : ENOMEM;
    while (length > 0 && !result) {
        uint64_t entry, run;
        result = find_run(q, offset, length, &entry, &run);
        if (result)
            break;
        int used = take(&cursor, run, part);
        result = read_run(q, offset, entry, part, used, run);
        offset += run;
        length -= run;
    }
    free(part);
    return result;
}

static int qcow2_read(struct disk *disk, uint64_t offset, const struct iovec *iov, int count)
{
    return read_all((struct qcow2 *)disk, offset, iov, count);
}

/* --- writing --- */

static bool in_place(const struct qcow2 *q, uint64_t entry)
{
    return kind_of(q, entry) == KIND_DATA && entry & ENTRY_COPIED;
}

static int write_in_place(struct qcow2 *q, uint64_t offset, uint64_t entry, const struct iovec *iov, int count,
                          uint64_t length)
{
    uint64_t place = entry & ENTRY_OFFSET, in_cluster = offset % q->cluster_bytes;
    for (uint64_t at = place; at < place + in_cluster + length; at += q->cluster_bytes)
        if (qcow2_is_metadata(q, at))
            return qcow2_corrupt(q, "the guest's data lies where a table does", at);
    return qcow2_file_write(q, place + in_cluster, iov, count, length);
}

/* Writes into a cluster of which the image has no copy of its own: all of it goes to a new place, and the entry there.
 */
static int write_elsewhere(struct qcow2 *q, uint64_t offset, uint64_t entry, const struct iovec *iov, int count,
                           uint64_t length)
{
    uint64_t in_cluster = offset % q->cluster_bytes, start = offset - in_cluster, place;
    uint64_t there = q->disk.size_bytes - start < q->cluster_bytes ? q->disk.size_bytes - start : q->cluster_bytes;
    bool whole = in_cluster == 0 && length == q->cluster_bytes;
    bool keeps = kind_of(q, entry) == KIND_ZERO && entry & ENTRY_OFFSET && entry & ENTRY_COPIED;
    int result = 0;
    if (!whole) {
        memset(q->bounce, 0, q->cluster_bytes);
        result = read_run(q, start, entry, &(struct iovec){q->bounce, there}, 1, there);
        copy_in(q->bounce + in_cluster, iov, count);
    }
    if (!result && !keeps)
        result = qcow2_allocate(q, 1, &place);
    if (result)
        return result;
    if (keeps)
        place = entry & ENTRY_OFFSET;
    if (keeps && qcow2_is_metadata(q, place))
        return qcow2_corrupt(q, "the guest's data lies where a table does", place);
    result =
        whole ? qcow2_file_write(q, place, iov, count, length) : qcow2_file_put(q, place, q->bounce, q->cluster_bytes);
    if (!result)
        result = put_entry(q, offset, place | ENTRY_COPIED);
    if (result && !keeps)
        qcow2_count_change(q, place >> q->cluster_bits, -1);
    if (!result && !keeps)
        qcow2_free_entry_later(q, entry);
    return result;
}

static int qcow2_write(struct disk *disk, uint64_t offset, const struct iovec *iov, int count)
{
    struct qcow2 *q = (struct qcow2 *)disk;
    uint64_t length = total(iov, count);
    struct cursor cursor = {iov, 0};
    struct iovec *part = malloc(iov_room(count));
    int result = part ? 0 : ENOMEM;
    if (q->corrupt)
        result = EIO;
    while (length > 0 && !result) {
        uint64_t entry, run, in_cluster = offset % q->cluster_bytes;
        struct qcow2_table *table;
        uint32_t at;
        /* The table is the image's own first: only then do its entries say whether a cluster is. */
        result = qcow2_entry(q, offset, true, &table, &at, &entry);
        if (!result)
            result = find_run(q, offset, length, &entry, &run);
        if (result)
            break;
        if (!in_place(q, entry) && run > q->cluster_bytes - in_cluster)
            run = q->cluster_bytes - in_cluster;
        int used = take(&cursor, run, part);
        result = in_place(q, entry) ? write_in_place(q, offset, entry, part, used, run)
                                    : write_elsewhere(q, offset, entry, part, used, run);
        offset += run;
        length -= run;
    }
    free(part);
    return result;
}

/* --- zeroing and giving up --- */

/* What an entry becomes whose cluster is to read as zeroes; false: only writing them helps. */
static bool zero_entry(const struct qcow2 *q, uint64_t entry, bool unmap, uint64_t *becomes)
{
    bool own = in_place(q, entry) || (kind_of(q, entry) == KIND_ZERO && entry & ENTRY_COPIED && entry & ENTRY_OFFSET);
    *becomes = 0;
    if (q->version >= 3)
        *becomes = own && !unmap ? (entry & (ENTRY_OFFSET | ENTRY_COPIED)) | ENTRY_ZERO
                   : q->backing || !unmap ? ENTRY_ZERO : 0;
    return q->version >= 3 || !q->backing;
}

static int write_zero_bytes(struct qcow2 *q, uint64_t offset, uint64_t length)
{
    uint8_t *zeroes = calloc(1, length);
    int result = zeroes ? qcow2_write(&q->disk, offset, &(struct iovec){zeroes, length}, 1) : ENOMEM;
    free(zeroes);
    return result;
}

static int zero_cluster(struct qcow2 *q, uint64_t offset, bool unmap, bool may_skip)
{
    struct qcow2_table *table;
    uint64_t entry, becomes;
    uint32_t at;
    int result = qcow2_entry(q, offset, false, &table, &at, &entry);
    if (result)
        return result;
    if (!zero_entry(q, entry, unmap, &becomes)) {
        uint64_t left = q->disk.size_bytes - offset;
        return may_skip ? 0 : write_zero_bytes(q, offset, left < q->cluster_bytes ? left : q->cluster_bytes);
    }
    if (becomes == entry || (!table && becomes == 0) || (kind_of(q, entry) == KIND_NONE && !q->backing))
        return 0;
    result = qcow2_entry(q, offset, true, &table, &at, &entry);
    if (!result)
        result = zero_entry(q, entry, unmap, &becomes) ? put_entry(q, offset, becomes) : EIO;
    if (!result && !(becomes & ENTRY_OFFSET))
        qcow2_free_entry_later(q, entry);
    return result;
}

/* Where a part of a cluster is zeroed, and all of it reads as zeroes anyway, nothing is to be done. */
static int zero_part(struct qcow2 *q, uint64_t offset, uint64_t length)
{
    uint64_t entry, run;
    int result = find_run(q, offset, length, &entry, &run);
    enum kind kind = kind_of(q, entry);
    if (!result && run == length && (kind == KIND_ZERO || (kind == KIND_NONE && !q->backing)))
        return 0;
    return result ? result : write_zero_bytes(q, offset, length);
}

static int zero_range(struct qcow2 *q, uint64_t offset, uint64_t length, bool unmap, bool may_skip)
{
    int result = q->corrupt ? EIO : 0;
    while (length > 0 && !result) {
        uint64_t in_cluster = offset % q->cluster_bytes, piece = q->cluster_bytes - in_cluster;
        if (piece > length)
            piece = length;
        if (in_cluster == 0 && (piece == q->cluster_bytes || offset + piece == q->disk.size_bytes))
            result = zero_cluster(q, offset, unmap, may_skip);
        else if (!may_skip)
            result = zero_part(q, offset, piece);
        offset += piece;
        length -= piece;
    }
    return result;
}

static int qcow2_discard(struct disk *disk, uint64_t offset, uint64_t length)
{
    return zero_range((struct qcow2 *)disk, offset, length, true, true);
}

static int qcow2_write_zeroes(struct disk *disk, uint64_t offset, uint64_t length, bool unmap)
{
    return zero_range((struct qcow2 *)disk, offset, length, unmap, false);
}

/* --- the rest --- */

static int qcow2_flush(struct disk *disk)
{
    struct qcow2 *q = (struct qcow2 *)disk;
    int result = q->disk.read_only ? 0 : qcow2_settle(q);
    return result ? result : qcow2_file_flush(q);
}

static void qcow2_expect_flush(struct disk *disk)
{
    struct qcow2 *q = (struct qcow2 *)disk;
    if (q->data_written && q->file->ops->expect_flush)
        q->file->ops->expect_flush(q->file);
}

static void qcow2_expect_read(struct disk *disk, uint64_t offset, uint64_t length)
{
    struct qcow2 *q = (struct qcow2 *)disk;
    uint64_t entry, run;
    if (length == 0 || find_run(q, offset, length, &entry, &run) != 0)
        return;
    if (kind_of(q, entry) == KIND_DATA && q->file->ops->expect_read)
        q->file->ops->expect_read(q->file, (entry & ENTRY_OFFSET) + offset % q->cluster_bytes, run);
    if (kind_of(q, entry) == KIND_NONE && q->backing && q->backing->ops->expect_read &&
        offset + run <= q->backing->size_bytes)
        q->backing->ops->expect_read(q->backing, offset, run);
}

int qcow2_holds(struct disk *disk, uint64_t offset, uint64_t *length, bool *holds)
{
    struct qcow2 *q = (struct qcow2 *)disk;
    uint64_t entry;
    int result = find_run(q, offset, disk->size_bytes - offset, &entry, length);
    *holds = kind_of(q, entry) != KIND_NONE;
    return result;
}

static uint64_t qcow2_next_data(struct disk *disk, uint64_t offset)
{
    struct qcow2 *q = (struct qcow2 *)disk;
    while (offset < disk->size_bytes) {
        uint64_t entry, run;
        if (find_run(q, offset, disk->size_bytes - offset, &entry, &run))
            return offset;
        enum kind kind = kind_of(q, entry);
        uint64_t next = offset;
        if (kind == KIND_ZERO || (kind == KIND_NONE && (!q->backing || offset >= q->backing->size_bytes)))
            next = offset + run;
        else if (kind == KIND_NONE && q->backing->ops->next_data)
            next = q->backing->ops->next_data(q->backing, offset);
        if (next == offset)
            return offset;
        offset = next < offset + run ? next : offset + run;
    }
    return disk->size_bytes;
}

static bool qcow2_identify(struct disk *disk, struct medium_identity *identity, struct error *error)
{
    struct qcow2 *q = (struct qcow2 *)disk;
    if (!disk->read_only && qcow2_flush(disk) != 0)
        return error_set(error, "%s: cannot be written", q->path);
    if (!q->file->ops->identify(q->file, identity, error))
        return false;
    identity->size_bytes = disk->size_bytes;
    return true;
}

static void qcow2_free(struct disk *disk)
{
    struct qcow2 *q = (struct qcow2 *)disk;
    if (!disk->read_only && !q->corrupt) {
        /* Twice: what is given up in the first changes counts. */
        int result = qcow2_settle(q);
        if (!result)
            result = qcow2_settle(q);
        if (result)
            fprintf(stderr, "armature: %s: what was written since the last flush could not be kept: %s\n", q->path,
                    strerror(result));
    }
    for (unsigned i = 0; i < q->table_count; i++)
        free(q->tables[i].bytes);
    free(q->tables);
    free(q->l1);
    free(q->reftable);
    free(q->metadata);
    free(q->pending);
    free(q->bounce);
    free(q->unpacked);
    free(q->packed);
    free(q->path);
    disk_free(q->file);
    disk_free(q->backing);
    free(q);
}

const struct disk_ops qcow2_ops = {
    .read = qcow2_read,
    .write = qcow2_write,
    .flush = qcow2_flush,
    .discard = qcow2_discard,
    .write_zeroes = qcow2_write_zeroes,
    .expect_read = qcow2_expect_read,
    .expect_flush = qcow2_expect_flush,
    .next_data = qcow2_next_data,
    .identify = qcow2_identify,
    .free = qcow2_free,
};
