/* SPDX-License-Identifier: GPL-3.0-or-later */
/* qcow2: counts all references and compares them with the counts that the image holds. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include "peripherals/disk/qcow2_internal.h"

struct check {
    struct qcow2 *q;
    struct qcow2_findings *findings;
    bool repair;
    uint64_t clusters; /* of the file */
    uint32_t *counts;  /* references found to each */
    uint8_t *table;    /* a cluster */
    int result;
    void (*progress)(void *context, unsigned permille);
    void *context;
};

/* --- what is found --- */

static void found_error(struct check *check, bool repaired, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void found_error(struct check *check, bool repaired, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (!check->findings->first[0])
        vsnprintf(check->findings->first, sizeof check->findings->first, format, arguments);
    va_end(arguments);
    check->findings->errors++;
    if (!repaired)
        check->findings->errors_left++;
}

/* --- references --- */

static void count_range(struct check *check, uint64_t offset, uint64_t length, const char *what)
{
    uint64_t first = offset / check->q->cluster_bytes,
             clusters = clusters_of(check->q, offset % check->q->cluster_bytes + length);
    if (length == 0)
        return;
    if (first >= check->clusters || clusters > check->clusters - first) {
        found_error(check, false, "%s at 0x%llx reaches over the end of the file", what, (unsigned long long)offset);
        clusters = first < check->clusters ? check->clusters - first : 0;
    }
    for (uint64_t i = 0; i < clusters; i++)
        if (check->counts[first + i] != UINT32_MAX)
            check->counts[first + i]++;
}

static bool may_lie_at(const struct check *check, uint64_t offset)
{
    return offset % check->q->cluster_bytes == 0 && offset / check->q->cluster_bytes < check->clusters;
}

/* Counts one entry of level 2; false: it names nothing that can be, and is to be dropped. */
static bool count_entry(struct check *check, uint64_t entry, bool active)
{
    struct qcow2 *q = check->q;
    uint64_t offset = entry & ENTRY_OFFSET, length;
    if (entry & ENTRY_COMPRESSED) {
        qcow2_packed_place(q, entry, &offset, &length);
        if (offset >= q->file_bytes) {
            found_error(check, check->repair, "compressed data at 0x%llx, behind the end of the file",
                        (unsigned long long)offset);
            return false;
        }
        if (length > q->file_bytes - offset)
            length = q->file_bytes - offset;
        count_range(check, offset, length, "compressed data");
        check->findings->compressed_clusters += active;
        check->findings->data_clusters += active;
        return true;
    }
    if (!offset)
        return true;
    if (!may_lie_at(check, offset)) {
        found_error(check, check->repair, "data at 0x%llx, where none can be", (unsigned long long)offset);
        return false;
    }
    count_range(check, offset, q->cluster_bytes, "data");
    check->findings->data_clusters += active;
    return true;
}

static void count_l2(struct check *check, uint64_t offset, bool active)
{
    struct qcow2 *q = check->q;
    bool changed = false;
    check->result = qcow2_file_get(q, offset, check->table, q->cluster_bytes);
    for (uint64_t i = 0; i < l2_entries(q) && !check->result; i++) {
        uint8_t *at = check->table + i * 8;
        uint64_t entry = get_be64(at);
        if (entry && !count_entry(check, entry, active)) {
            put_be64(at, 0);
            changed = true;
        }
    }
    if (changed && check->repair && !check->result)
        check->result = qcow2_file_put(q, offset, check->table, q->cluster_bytes);
}

static void count_l1(struct check *check, uint64_t offset, uint32_t entries, bool active)
{
    struct qcow2 *q = check->q;
    bool changed = false;
    if (offset % q->cluster_bytes || offset >= q->file_bytes || entries * 8ull > q->file_bytes - offset ||
        entries > L1_ENTRIES_MAX) {
        found_error(check, false, "a level 1 table at 0x%llx, which is not all in the file",
                    (unsigned long long)offset);
        return;
    }
    uint8_t *l1 = host_alloc(entries + 1, 8);
    count_range(check, offset, entries * 8ull, "a level 1 table");
    check->result = qcow2_file_get(q, offset, l1, entries * 8ull);
    for (uint32_t i = 0; i < entries && !check->result; i++) {
        uint64_t table = get_be64(l1 + i * 8ull) & ENTRY_OFFSET;
        if (check->progress && active && i % 16 == 0)
            check->progress(check->context, (unsigned)(i * 1000ull / entries));
        if (!table)
            continue;
        if (!may_lie_at(check, table)) {
            found_error(check, check->repair, "a level 2 table at 0x%llx, where none can be",
                        (unsigned long long)table);
            put_be64(l1 + i * 8ull, 0);
            changed = true;
            continue;
        }
        count_range(check, table, q->cluster_bytes, "a level 2 table");
        count_l2(check, table, active);
    }
    if (changed && check->repair && !check->result)
        check->result = qcow2_file_put(q, offset, l1, entries * 8ull);
    free(l1);
}

static bool count_snapshot(void *context, const struct qcow2_snapshot *snapshot)
{
    struct check *check = context;
    count_l1(check, snapshot->l1_offset, snapshot->l1_entries, false);
    return !check->result;
}

/* Bitmaps: a directory of entries, each with a table of clusters. What they mean is another program's. */
static void count_bitmaps(struct check *check)
{
    struct qcow2 *q = check->q;
    uint64_t at = q->bitmaps_offset, end = at + q->bitmaps_bytes;
    if (q->bitmap_count == 0)
        return;
    count_range(check, at, q->bitmaps_bytes, "the directory of bitmaps");
    for (uint32_t i = 0; i < q->bitmap_count && at + 24 <= end && end <= q->file_bytes && !check->result; i++) {
        uint8_t entry[24], pointer[8];
        check->result = qcow2_file_get(q, at, entry, sizeof entry);
        uint64_t table = get_be64(entry), entries = get_be32(entry + 8);
        count_range(check, table, entries * 8, "a bitmap's table");
        for (uint64_t e = 0; e < entries && table + e * 8 < q->file_bytes && !check->result; e++) {
            check->result = qcow2_file_get(q, table + e * 8, pointer, sizeof pointer);
            uint64_t cluster = get_be64(pointer) & ENTRY_OFFSET;
            if (cluster)
                count_range(check, cluster, q->cluster_bytes, "a bitmap");
        }
        at += (24ull + get_be16(entry + 18) + get_be32(entry + 20) + 7) / 8 * 8;
    }
}

static void count_blocks(struct check *check)
{
    struct qcow2 *q = check->q;
    count_range(check, q->reftable_offset, q->reftable_entries * 8ull, "the table of counts");
    for (uint32_t i = 0; i < q->reftable_entries; i++) {
        uint64_t offset = q->reftable[i];
        if (!offset)
            continue;
        if (may_lie_at(check, offset)) {
            count_range(check, offset, q->cluster_bytes, "a block of counts");
            continue;
        }
        found_error(check, check->repair, "a block of counts at 0x%llx, where none can be", (unsigned long long)offset);
        q->reftable[i] = 0; /* in memory: what it counts is taken for 0 */
    }
    for (uint32_t i = 0; i < q->reftable_entries; i++)
        if (q->reftable[i] && check->counts[q->reftable[i] >> q->cluster_bits] > 1)
            found_error(check, check->repair, "the block of counts at 0x%llx is used for something else too",
                        (unsigned long long)q->reftable[i]);
}

static void count_all(struct check *check, struct error *error)
{
    struct qcow2 *q = check->q;
    count_range(check, 0, 1, "the header");
    count_l1(check, q->l1_offset, q->l1_entries, true);
    if (!check->result && !qcow2_snapshots(q, count_snapshot, check, error))
        found_error(check, false, "the table of its snapshots cannot be read");
    count_range(check, q->snapshot_offset, q->snapshot_count ? q->snapshot_bytes : 0, "the table of snapshots");
    if (!check->result)
        count_bitmaps(check);
    if (!check->result)
        count_blocks(check);
}

/* --- comparing --- */

static void compare_counts(struct check *check, bool *differ)
{
    struct qcow2 *q = check->q;
    for (uint64_t cluster = 0; cluster < check->clusters && !check->result; cluster++) {
        uint64_t stored;
        check->result = qcow2_count(q, cluster, &stored);
        if (check->result || stored == check->counts[cluster])
            continue;
        *differ = true;
        if (stored > check->counts[cluster]) {
            check->findings->leaks++;
            check->findings->leaks_left += !check->repair;
        } else {
            found_error(check, check->repair, "cluster 0x%llx is used %u times, and counted as %llu",
                        (unsigned long long)(cluster << q->cluster_bits), check->counts[cluster],
                        (unsigned long long)stored);
        }
    }
}

/* Whether an entry says rightly that nobody shares what it points to. */
static bool flag_is_right(const struct check *check, uint64_t entry, bool strict)
{
    uint64_t offset = entry & ENTRY_OFFSET;
    if (entry & ENTRY_COMPRESSED)
        return !(entry & ENTRY_COPIED);
    if (!offset || !may_lie_at(check, offset))
        return true;
    bool alone = check->counts[offset >> check->q->cluster_bits] == 1;
    return strict ? alone == !!(entry & ENTRY_COPIED) : alone || !(entry & ENTRY_COPIED);
}

static uint64_t right_flag(const struct check *check, uint64_t entry)
{
    return flag_is_right(check, entry, true) ? entry : entry ^ ENTRY_COPIED;
}

static void compare_flags(struct check *check)
{
    struct qcow2 *q = check->q;
    for (uint32_t i = 0; i < q->l1_entries && !check->result; i++) {
        uint64_t offset = q->l1[i] & ENTRY_OFFSET;
        bool changed = false;
        if (!offset || !may_lie_at(check, offset))
            continue;
        if (!flag_is_right(check, q->l1[i], false))
            found_error(check, check->repair, "the level 2 table at 0x%llx is shared, and marked as not",
                        (unsigned long long)offset);
        q->l1[i] = right_flag(check, q->l1[i]);
        check->result = qcow2_file_get(q, offset, check->table, q->cluster_bytes);
        for (uint64_t e = 0; e < l2_entries(q) && !check->result; e++) {
            uint64_t entry = get_be64(check->table + e * 8);
            if (!flag_is_right(check, entry, false))
                found_error(check, check->repair, "data at 0x%llx is shared, and marked as not",
                            (unsigned long long)(entry & ENTRY_OFFSET));
            changed = changed || !flag_is_right(check, entry, true);
            put_be64(check->table + e * 8, right_flag(check, entry));
        }
        if (changed && check->repair && !check->result)
            check->result = qcow2_file_put(q, offset, check->table, q->cluster_bytes);
    }
}

/* --- putting right --- */

/* New blocks and a new table behind all else; what held the old ones is free then. */
static void rebuild_counts(struct check *check)
{
    struct qcow2 *q = check->q;
    uint64_t per_block = counts_per_block(q), blocks = 1, table_clusters = 1, total;
    for (;;) {
        total = check->clusters + blocks + table_clusters;
        uint64_t blocks_needed = (total + per_block - 1) / per_block, table_needed = clusters_of(q, blocks_needed * 8);
        if (blocks_needed <= blocks && table_needed <= table_clusters)
            break;
        blocks = blocks_needed;
        table_clusters = table_needed;
    }
    uint64_t start = check->clusters << q->cluster_bits, table_at = start + (blocks << q->cluster_bits);
    if (table_clusters * q->cluster_bytes > REFTABLE_BYTES_MAX) {
        check->result = EFBIG;
        return;
    }
    for (uint32_t i = 0; i < q->reftable_entries; i++)
        if (q->reftable[i])
            check->counts[q->reftable[i] >> q->cluster_bits]--;
    for (uint64_t c = 0; c < clusters_of(q, q->reftable_entries * 8ull); c++)
        if ((q->reftable_offset >> q->cluster_bits) + c < check->clusters)
            check->counts[(q->reftable_offset >> q->cluster_bits) + c]--;
    for (uint64_t b = 0; b < blocks && !check->result; b++) {
        memset(check->table, 0, q->cluster_bytes);
        for (uint64_t i = 0; i < per_block && b * per_block + i < total; i++) {
            uint64_t cluster = b * per_block + i, count = cluster < check->clusters ? check->counts[cluster] : 1;
            qcow2_count_put(q, check->table, i, count < qcow2_count_max(q) ? count : qcow2_count_max(q));
        }
        check->result = qcow2_file_put(q, start + (b << q->cluster_bits), check->table, q->cluster_bytes);
    }
    q->reftable_entries = (uint32_t)(table_clusters * l2_entries(q));
    q->reftable = host_realloc(q->reftable, q->reftable_entries, 8);
    for (uint64_t i = 0; i < q->reftable_entries; i++)
        q->reftable[i] = i < blocks ? start + (i << q->cluster_bits) : 0;
    for (uint64_t c = 0; c < table_clusters && !check->result; c++) {
        for (uint64_t i = 0; i < l2_entries(q); i++)
            put_be64(check->table + i * 8, q->reftable[c * l2_entries(q) + i]);
        check->result = qcow2_file_put(q, table_at + c * q->cluster_bytes, check->table, q->cluster_bytes);
    }
    uint8_t header[12];
    put_be64(header, table_at);
    put_be32(header + 8, (uint32_t)table_clusters);
    q->reftable_offset = table_at;
    if (!check->result)
        check->result = qcow2_file_flush(q);
    if (!check->result)
        check->result = qcow2_file_put(q, HEADER_REFTABLE_OFFSET, header, sizeof header);
}

/* All of level 1 as it is in the file now. */
static void take_l1_again(struct check *check)
{
    struct qcow2 *q = check->q;
    check->result = qcow2_file_get(q, q->l1_offset, q->l1, q->l1_entries * 8ull);
    for (uint32_t i = 0; i < q->l1_entries; i++)
        q->l1[i] = be64toh(q->l1[i]);
}

static void drop_tables(struct qcow2 *q)
{
    for (unsigned i = 0; i < q->table_count; i++)
        if (q->tables[i].offset)
            qcow2_table_drop(q, q->tables[i].offset);
    q->free_hint = 0;
}

static void put_right(struct check *check, bool counts_differ, struct error *error)
{
    struct qcow2 *q = check->q;
    if (counts_differ || check->findings->errors)
        rebuild_counts(check);
    drop_tables(q);
    q->l1_dirty = true;
    if (!check->result)
        check->result = qcow2_settle(q);
    if (!check->result && q->version >= 3 && q->incompatible & (INCOMPATIBLE_DIRTY | INCOMPATIBLE_CORRUPT)) {
        check->result = qcow2_file_flush(q);
        if (check->findings->errors_left == 0)
            q->incompatible &= ~(INCOMPATIBLE_DIRTY | INCOMPATIBLE_CORRUPT);
        if (!check->result)
            check->result = qcow2_header_put64(q, HEADER_INCOMPATIBLE, q->incompatible);
    }
    if (!check->result)
        check->result = qcow2_file_flush(q);
    if (!check->result && !qcow2_metadata_find(q))
        found_error(check, false, "tables lie over each other");
}

static void compare_all(struct check *check, struct error *error)
{
    bool differ = false;
    count_all(check, error);
    if (!check->result)
        take_l1_again(check);
    if (!check->result)
        compare_counts(check, &differ);
    if (!check->result)
        compare_flags(check);
    if (!check->result && check->repair)
        put_right(check, differ, error);
}

bool qcow2_check(struct disk *disk, bool repair, struct qcow2_findings *findings,
                 void (*progress)(void *context, unsigned permille), void *context, struct error *error)
{
    struct qcow2 *q = (struct qcow2 *)disk;
    struct check check = {.q = q, .findings = findings, .repair = repair, .progress = progress, .context = context,
                          .clusters = clusters_of(q, q->file_bytes), .table = host_alloc(1, q->cluster_bytes)};
    *findings = (struct qcow2_findings){.clusters = clusters_of(q, disk->size_bytes)};
    uint64_t bytes = (check.clusters + 1) * sizeof *check.counts;
    drop_tables(q);
    /* As much as the file's length says, but only what is touched is taken from the host. */
    check.counts = check.clusters < UINT32_MAX ? mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                                                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) : MAP_FAILED;
    if (check.counts == MAP_FAILED) {
        free(check.table);
        return error_set(error, "%s: too large to be checked", q->path);
    }
    compare_all(&check, error);
    munmap(check.counts, bytes);
    free(check.table);
    if (check.result)
        return error_set(error, "%s: cannot be checked: %s", q->path, strerror(check.result));
    return true;
}
