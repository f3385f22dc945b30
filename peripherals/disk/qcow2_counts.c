/* SPDX-License-Identifier: GPL-3.0-or-later */
/* qcow2: reference counts, and with them which clusters are free. A block holds the counts of a range of clusters, and
 * the table says where the blocks lie; where it names none, the range is free. */
#include <assert.h>
#include <stdlib.h>
#include "peripherals/disk/qcow2_internal.h"

/* --- one count --- */

uint64_t qcow2_count_max(const struct qcow2 *q)
{
    return q->refcount_order == 6 ? INT64_MAX : (1ull << (1u << q->refcount_order)) - 1;
}

uint64_t qcow2_count_at(const struct qcow2 *q, const uint8_t *block, uint64_t index)
{
    unsigned bits = 1u << q->refcount_order;
    switch (bits) {
    case 64: return get_be64(block + index * 8);
    case 32: return get_be32(block + index * 4);
    case 16: return get_be16(block + index * 2);
    case 8: return block[index];
    default: return block[index * bits / 8] >> index * bits % 8 & ((1u << bits) - 1);
    }
}

void qcow2_count_put(const struct qcow2 *q, uint8_t *block, uint64_t index, uint64_t count)
{
    unsigned bits = 1u << q->refcount_order;
    switch (bits) {
    case 64: put_be64(block + index * 8, count); break;
    case 32: put_be32(block + index * 4, (uint32_t)count); break;
    case 16:
        block[index * 2] = (uint8_t)(count >> 8);
        block[index * 2 + 1] = (uint8_t)count;
        break;
    case 8: block[index] = (uint8_t)count; break;
    default: {
        unsigned shift = index * bits % 8, mask = ((1u << bits) - 1) << shift;
        block[index * bits / 8] = (uint8_t)((block[index * bits / 8] & ~mask) | count << shift);
    }
    }
}

/* --- blocks --- */

static bool block_is_sound(const struct qcow2 *q, uint64_t offset)
{
    return offset % q->cluster_bytes == 0 && offset < FILE_OFFSET_MAX;
}

static int put_reftable_entry(struct qcow2 *q, uint64_t index)
{
    uint64_t value;
    put_be64(&value, q->reftable[index]);
    return qcow2_file_put(q, q->reftable_offset + index * 8, &value, sizeof value);
}

/* A larger table behind all clusters that the old one can count, with the blocks that count those of both:
 *   | block of counts ... | table ... |    all of it on the disk before the header names it. */
static int grow_reftable(struct qcow2 *q, uint64_t index)
{
    uint64_t per_block = counts_per_block(q), first = q->reftable_entries * per_block;
    uint64_t entries = index + 1 > q->reftable_entries * 3ull / 2 ? index + 1 : q->reftable_entries * 3ull / 2;
    uint64_t blocks = 1, table_clusters;
    for (;;) {
        uint64_t needed = q->reftable_entries + blocks;
        table_clusters = clusters_of(q, (needed > entries ? needed : entries) * 8);
        if (blocks * per_block >= blocks + table_clusters)
            break;
        blocks++;
    }
    entries = table_clusters * l2_entries(q);
    if (entries * 8 > REFTABLE_BYTES_MAX || (first + blocks + table_clusters) << q->cluster_bits >= FILE_OFFSET_MAX)
        return EFBIG;
    uint64_t *table = calloc(entries, 8), start = first << q->cluster_bits;
    uint8_t *bytes = calloc(table_clusters, q->cluster_bytes), *block = malloc(q->cluster_bytes);
    int result = table && bytes && block ? 0 : ENOMEM;
    for (uint64_t b = 0; b < blocks && !result; b++) {
        memset(block, 0, q->cluster_bytes);
        for (uint64_t i = 0; i < per_block && b * per_block + i < blocks + table_clusters; i++)
            qcow2_count_put(q, block, i, 1);
        result = qcow2_file_put(q, start + b * q->cluster_bytes, block, q->cluster_bytes);
    }
    for (uint64_t i = 0; i < entries && !result; i++) {
        table[i] = i < q->reftable_entries ? q->reftable[i]
                   : i < q->reftable_entries + blocks ? start + (i - q->reftable_entries) * q->cluster_bytes : 0;
        put_be64(bytes + i * 8, table[i]);
    }
    uint64_t offset = start + blocks * q->cluster_bytes;
    uint8_t header[12];
    put_be64(header, offset);
    put_be32(header + 8, (uint32_t)table_clusters);
    if (!result)
        result = qcow2_file_put(q, offset, bytes, table_clusters * q->cluster_bytes);
    if (!result)
        result = qcow2_file_flush(q);
    if (!result)
        result = qcow2_file_put(q, HEADER_REFTABLE_OFFSET, header, sizeof header);
    if (!result)
        result = qcow2_file_flush(q);
    free(bytes);
    free(block);
    if (result) {
        free(table);
        return result;
    }
    for (uint64_t b = 0; b < blocks; b++)
        qcow2_metadata_add(q, start + b * q->cluster_bytes);
    for (uint64_t c = 0; c < clusters_of(q, q->reftable_entries * 8ull); c++)
        qcow2_free_later(q, q->reftable_offset + c * q->cluster_bytes);
    free(q->reftable);
    q->reftable = table;
    q->reftable_entries = (uint32_t)entries;
    q->reftable_offset = offset;
    return 0;
}

/* A block for a range that had none lies in the first cluster of the range, and counts itself. */
static int make_block(struct qcow2 *q, uint64_t index, struct qcow2_table **block)
{
    uint64_t offset = index * counts_per_block(q) << q->cluster_bits;
    int result;
    if (qcow2_is_metadata(q, offset))
        return qcow2_corrupt(q, "a table lies where nothing is counted", offset);
    result = qcow2_table_new(q, offset, true, block);
    if (result)
        return result;
    qcow2_count_put(q, (*block)->bytes, 0, 1);
    result = qcow2_file_put(q, offset, (*block)->bytes, q->cluster_bytes);
    if (!result)
        result = qcow2_file_flush(q);
    q->reftable[index] = offset;
    if (!result)
        result = put_reftable_entry(q, index);
    if (result) {
        q->reftable[index] = 0;
        qcow2_table_drop(q, offset);
        return result;
    }
    qcow2_metadata_add(q, offset);
    return 0;
}

/* The block that counts a cluster; NULL: there is none, and none was to be made. */
static int find_block(struct qcow2 *q, uint64_t cluster, bool make, struct qcow2_table **block)
{
    uint64_t index = cluster / counts_per_block(q);
    *block = NULL;
    if (index >= q->reftable_entries) {
        int result = make ? grow_reftable(q, index) : 0;
        if (result || !make)
            return result;
    }
    uint64_t offset = q->reftable[index];
    if (!offset)
        return make ? make_block(q, index, block) : 0;
    if (!block_is_sound(q, offset))
        return qcow2_corrupt(q, "no block of counts can lie there", offset);
    return qcow2_table_get(q, offset, true, block);
}

int qcow2_count(struct qcow2 *q, uint64_t cluster, uint64_t *count)
{
    struct qcow2_table *block;
    int result = find_block(q, cluster, false, &block);
    *count = !result && block ? qcow2_count_at(q, block->bytes, cluster % counts_per_block(q)) : 0;
    return result;
}

int qcow2_count_change(struct qcow2 *q, uint64_t cluster, int change)
{
    struct qcow2_table *block;
    int result = find_block(q, cluster, change > 0, &block);
    if (result)
        return result;
    uint64_t index = cluster % counts_per_block(q), count = block ? qcow2_count_at(q, block->bytes, index) : 0;
    if (change < 0 ? count == 0 : count >= qcow2_count_max(q))
        return change < 0 ? qcow2_corrupt(q, "a cluster in use has no references", cluster << q->cluster_bits) : ERANGE;
    qcow2_count_put(q, block->bytes, index, count + (uint64_t)(int64_t)change);
    block->dirty = true;
    if (change < 0 && count == 1) {
        qcow2_table_drop(q, cluster << q->cluster_bits);
        qcow2_metadata_remove(q, cluster << q->cluster_bits);
        if (cluster < q->free_hint)
            q->free_hint = cluster;
    }
    return 0;
}

/* --- taking and giving up --- */

int qcow2_allocate(struct qcow2 *q, uint64_t wanted, uint64_t *offset)
{
    uint64_t run = 0, start = q->free_hint, cluster = start;
    if (q->corrupt)
        return EIO;
    for (; run < wanted; cluster++) {
        struct qcow2_table *block;
        if (cluster >= FILE_OFFSET_MAX >> q->cluster_bits)
            return EFBIG;
        int result = find_block(q, cluster, true, &block);
        if (result)
            return result;
        run = qcow2_count_at(q, block->bytes, cluster % counts_per_block(q)) ? 0 : run + 1;
    }
    uint64_t first = cluster - wanted;
    for (uint64_t i = 0; i < wanted; i++) {
        if (qcow2_is_metadata(q, (first + i) << q->cluster_bits))
            return qcow2_corrupt(q, "a table has no references", (first + i) << q->cluster_bits);
        int result = qcow2_count_change(q, first + i, 1);
        if (result)
            return result;
    }
    if (q->free_hint == start && (wanted == 1 || first == start))
        q->free_hint = first + wanted;
    *offset = first << q->cluster_bits;
    return 0;
}

void qcow2_free_later(struct qcow2 *q, uint64_t offset)
{
    if (q->pending_count == q->pending_room) {
        q->pending_room = q->pending_room * 2 + 256;
        q->pending = host_realloc(q->pending, q->pending_room, sizeof *q->pending);
    }
    q->pending[q->pending_count++] = offset >> q->cluster_bits;
}

void qcow2_free_entry_later(struct qcow2 *q, uint64_t entry)
{
    uint64_t offset, length;
    if (entry & ENTRY_COMPRESSED) {
        qcow2_packed_place(q, entry, &offset, &length);
        for (uint64_t at = offset & ~(uint64_t)(q->cluster_bytes - 1); at < offset + length; at += q->cluster_bytes)
            qcow2_free_later(q, at);
    } else if (entry & ENTRY_OFFSET) {
        qcow2_free_later(q, entry & ENTRY_OFFSET);
    }
}

int qcow2_free_pending(struct qcow2 *q)
{
    int result = 0;
    size_t done = 0;
    q->freeing = true;
    while (done < q->pending_count && !result)
        result = qcow2_count_change(q, q->pending[done++], -1);
    q->freeing = false;
    q->pending_count -= done;
    memmove(q->pending, q->pending + done, q->pending_count * sizeof *q->pending);
    return result;
}
