/* SPDX-License-Identifier: GPL-3.0-or-later */
/* qcow2: the file, and its tables in memory. Order of writing: see qcow2_internal.h. */
#include "peripherals/disk/qcow2_internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* --- the file --- */

/* The first `length` bytes of a vector, into `out`, which has room for as many. */
static int cut_iov(const struct iovec *iov, int count, uint64_t length, struct iovec *out)
{
    int used = 0;
    for (int i = 0; i < count && length > 0; i++) {
        out[used] = iov[i];
        if (out[used].iov_len > length)
            out[used].iov_len = length;
        length -= out[used++].iov_len;
    }
    return used;
}

int qcow2_file_read(struct qcow2 *q, uint64_t offset, const struct iovec *iov, int count, uint64_t length)
{
    uint64_t there = offset >= q->file_bytes ? 0 : q->file_bytes - offset < length ? q->file_bytes - offset : length;
    if (there == length)
        return q->file->ops->read(q->file, offset, iov, count);
    struct iovec *part = calloc((size_t)count, sizeof *part);
    if (!part)
        return ENOMEM;
    int used = cut_iov(iov, count, there, part), result = there ? q->file->ops->read(q->file, offset, part, used) : 0;
    for (int i = 0; i < count; i++) {
        uint64_t good = iov[i].iov_len < there ? iov[i].iov_len : there;
        memset((uint8_t *)iov[i].iov_base + good, 0, iov[i].iov_len - good);
        there -= good;
    }
    free(part);
    return result;
}

int qcow2_file_get(struct qcow2 *q, uint64_t offset, void *bytes, size_t length)
{
    return qcow2_file_read(q, offset, &(struct iovec){bytes, length}, 1, length);
}

int qcow2_file_write(struct qcow2 *q, uint64_t offset, const struct iovec *iov, int count, uint64_t length)
{
    if (offset >= FILE_OFFSET_MAX)
        return EFBIG;
    int result = q->file->ops->write(q->file, offset, iov, count);
    q->data_written = true;
    if (!result && offset + length > q->file_bytes)
        q->file_bytes = offset + length;
    return result;
}

int qcow2_file_put(struct qcow2 *q, uint64_t offset, const void *bytes, size_t length)
{
    return qcow2_file_write(q, offset, &(struct iovec){(void *)bytes, length}, 1, length);
}

int qcow2_file_flush(struct qcow2 *q)
{
    int result = q->data_written ? q->file->ops->flush(q->file) : 0;
    if (!result)
        q->data_written = false;
    return result;
}

int qcow2_header_put32(struct qcow2 *q, unsigned place, uint32_t value)
{
    put_be32(&value, value);
    return qcow2_file_put(q, place, &value, sizeof value);
}

int qcow2_header_put64(struct qcow2 *q, unsigned place, uint64_t value)
{
    put_be64(&value, value);
    return qcow2_file_put(q, place, &value, sizeof value);
}

int qcow2_corrupt(struct qcow2 *q, const char *what, uint64_t where)
{
    if (q->corrupt)
        return EIO;
    q->corrupt = true;
    fprintf(stderr,
            "armature: %s: the qcow2 image is damaged: %s (0x%llx); nothing is written to it any more. See: armature "
            "disk check %s\n",
            q->path, what, (unsigned long long)where, q->path);
    if (!q->disk.read_only && q->version >= 3) {
        q->incompatible |= INCOMPATIBLE_CORRUPT;
        qcow2_header_put64(q, HEADER_INCOMPATIBLE, q->incompatible);
        qcow2_file_flush(q);
    }
    return EIO;
}

/* --- where metadata lies --- */

static size_t metadata_place(const struct qcow2 *q, uint64_t offset)
{
    size_t low = 0, high = q->metadata_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (q->metadata[middle] < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool within(uint64_t offset, uint64_t start, uint64_t length)
{
    return offset >= start && offset - start < length;
}

bool qcow2_is_metadata(const struct qcow2 *q, uint64_t offset)
{
    size_t place = metadata_place(q, offset);
    return offset < q->cluster_bytes || (place < q->metadata_count && q->metadata[place] == offset) ||
           within(offset, q->l1_offset, clusters_of(q, q->l1_entries * 8ull) * q->cluster_bytes) ||
           within(offset, q->reftable_offset, clusters_of(q, q->reftable_entries * 8ull) * q->cluster_bytes) ||
           within(offset, q->snapshot_offset, clusters_of(q, q->snapshot_bytes) * q->cluster_bytes);
}

void qcow2_metadata_add(struct qcow2 *q, uint64_t offset)
{
    if (q->metadata_count == q->metadata_room) {
        q->metadata_room = q->metadata_room * 2 + 64;
        q->metadata = host_realloc(q->metadata, q->metadata_room, sizeof *q->metadata);
    }
    size_t place = metadata_place(q, offset);
    memmove(q->metadata + place + 1, q->metadata + place, (q->metadata_count - place) * sizeof *q->metadata);
    q->metadata[place] = offset;
    q->metadata_count++;
}

void qcow2_metadata_remove(struct qcow2 *q, uint64_t offset)
{
    size_t place = metadata_place(q, offset);
    if (place < q->metadata_count && q->metadata[place] == offset) {
        q->metadata_count--;
        memmove(q->metadata + place, q->metadata + place + 1, (q->metadata_count - place) * sizeof *q->metadata);
    }
}

/* --- tables --- */

static uint16_t *hint_of(struct qcow2 *q, uint64_t offset)
{
    return &q->hints[(offset >> q->cluster_bits) % TABLE_HINTS];
}

static struct qcow2_table *find_table(struct qcow2 *q, uint64_t offset)
{
    struct qcow2_table *table = &q->tables[*hint_of(q, offset)];
    if (table->offset == offset)
        return table;
    for (unsigned i = 0; i < q->table_count; i++)
        if (q->tables[i].offset == offset) {
            *hint_of(q, offset) = (uint16_t)i;
            return &q->tables[i];
        }
    return NULL;
}

/* A place in memory for another table: the one that was not used for longest. */
static int make_place(struct qcow2 *q, struct qcow2_table **place)
{
    struct qcow2_table *oldest = &q->tables[0];
    for (unsigned i = 1; i < q->table_count; i++)
        if (q->tables[i].used < oldest->used)
            oldest = &q->tables[i];
    if (oldest->dirty) {
        int result = qcow2_settle(q);
        if (result)
            return result;
    }
    oldest->offset = 0;
    if (!oldest->bytes)
        oldest->bytes = malloc(q->cluster_bytes);
    *place = oldest;
    return oldest->bytes ? 0 : ENOMEM;
}

static int take_table(struct qcow2 *q, uint64_t offset, bool counts, bool fresh, struct qcow2_table **out)
{
    struct qcow2_table *table = find_table(q, offset);
    assert(offset != 0);
    if (!table) {
        int result = make_place(q, &table);
        if (!result && !fresh)
            result = qcow2_file_get(q, offset, table->bytes, q->cluster_bytes);
        if (result)
            return result;
        *table = (struct qcow2_table){.offset = offset, .counts = counts, .bytes = table->bytes};
        *hint_of(q, offset) = (uint16_t)(table - q->tables);
    }
    table->used = ++q->uses;
    *out = table;
    return 0;
}

int qcow2_table_get(struct qcow2 *q, uint64_t offset, bool counts, struct qcow2_table **table)
{
    int result = take_table(q, offset, counts, false, table);
    if (!result && (*table)->counts != counts)
        return qcow2_corrupt(q, "a table of references and one of counts are the same", offset);
    return result;
}

int qcow2_table_new(struct qcow2 *q, uint64_t offset, bool counts, struct qcow2_table **table)
{
    int result = take_table(q, offset, counts, true, table);
    if (result)
        return result;
    (*table)->counts = counts;
    memset((*table)->bytes, 0, q->cluster_bytes);
    result = qcow2_file_put(q, offset, (*table)->bytes, q->cluster_bytes);
    if (result)
        qcow2_table_drop(q, offset);
    return result;
}

void qcow2_table_drop(struct qcow2 *q, uint64_t offset)
{
    struct qcow2_table *table = find_table(q, offset);
    if (table) {
        table->offset = table->used = 0;
        table->dirty = false;
    }
}

/* --- writing them --- */

static int write_tables(struct qcow2 *q, bool counts, bool *wrote)
{
    for (unsigned i = 0; i < q->table_count; i++) {
        struct qcow2_table *table = &q->tables[i];
        if (!table->dirty || table->counts != counts)
            continue;
        int result = qcow2_file_put(q, table->offset, table->bytes, q->cluster_bytes);
        if (result)
            return result;
        table->dirty = false;
        *wrote = true;
    }
    return 0;
}

static bool any_dirty(const struct qcow2 *q)
{
    for (unsigned i = 0; i < q->table_count; i++)
        if (q->tables[i].dirty && !q->tables[i].counts)
            return true;
    return q->l1_dirty;
}

static int write_l1(struct qcow2 *q)
{
    size_t length = q->l1_entries * 8ull;
    uint8_t *bytes = malloc(length);
    if (!bytes)
        return ENOMEM;
    for (uint32_t i = 0; i < q->l1_entries; i++)
        put_be64(bytes + i * 8ull, q->l1[i]);
    int result = qcow2_file_put(q, q->l1_offset, bytes, length);
    free(bytes);
    if (!result)
        q->l1_dirty = false;
    return result;
}

int qcow2_settle(struct qcow2 *q)
{
    bool wrote = false;
    if (q->corrupt)
        return EIO;
    int result = write_tables(q, true, &wrote);
    if (!result && (any_dirty(q) || (q->pending_count && !q->freeing)))
        result = qcow2_file_flush(q);
    if (!result)
        result = write_tables(q, false, &wrote);
    if (!result && q->l1_dirty) {
        result = qcow2_file_flush(q);
        if (!result)
            result = write_l1(q);
    }
    if (!result && q->pending_count && !q->freeing) {
        result = qcow2_file_flush(q);
        if (!result)
            result = qcow2_free_pending(q);
    }
    return result;
}
