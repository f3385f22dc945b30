/* SPDX-License-Identifier: GPL-3.0-or-later */
/* qcow2: compressed clusters. A level 2 entry of one holds the byte where it begins and the number of 512-byte sectors
 * of the file that it touches beyond the first; where in the last it ends, the stream itself says. */
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>
#include "peripherals/disk/qcow2_internal.h"

/* The window of deflate that every reader can take. */
#define DEFLATE_WINDOW_BITS (-12)

void qcow2_packed_place(const struct qcow2 *q, uint64_t entry, uint64_t *offset, uint64_t *length)
{
    unsigned offset_bits = 62 - (q->cluster_bits - 8);
    uint64_t sectors = (entry & (ENTRY_COMPRESSED - 1)) >> offset_bits;
    *offset = entry & ((1ull << offset_bits) - 1);
    *length = (sectors + 1) * 512 - *offset % 512;
}

/* --- reading --- */

static bool inflate_cluster(const uint8_t *from, size_t length, uint8_t *to, size_t room)
{
    z_stream stream = {.next_in = (uint8_t *)from, .avail_in = (uInt)length, .next_out = to, .avail_out = (uInt)room};
    if (inflateInit2(&stream, -15) != Z_OK)
        return false;
    int result = inflate(&stream, Z_FINISH);
    inflateEnd(&stream);
    /* What follows the stream in its last sector is not its own. */
    return (result == Z_STREAM_END || result == Z_BUF_ERROR) && stream.avail_out == 0;
}

static bool unpack_zstd(const uint8_t *from, size_t length, uint8_t *to, size_t room)
{
    ZSTD_DStream *stream = ZSTD_createDStream();
    ZSTD_inBuffer in = {from, length, 0};
    ZSTD_outBuffer out = {to, room, 0};
    bool good = stream != NULL;
    while (good && out.pos < room) {
        size_t before = in.pos + out.pos, result = ZSTD_decompressStream(stream, &out, &in);
        good = !ZSTD_isError(result) && in.pos + out.pos > before;
    }
    ZSTD_freeDStream(stream);
    return good;
}

int qcow2_unpack(struct qcow2 *q, uint64_t entry)
{
    uint64_t offset, length;
    if (q->unpacked_entry == entry)
        return 0;
    if (!q->unpacked)
        q->unpacked = malloc(q->cluster_bytes);
    if (!q->packed)
        q->packed = malloc(2ull * q->cluster_bytes + 512);
    if (!q->unpacked || !q->packed)
        return ENOMEM;
    qcow2_packed_place(q, entry, &offset, &length);
    if (offset >= q->file_bytes)
        return qcow2_corrupt(q, "compressed data behind the end of the file", offset);
    if (length > q->file_bytes - offset)
        length = q->file_bytes - offset;
    q->unpacked_entry = 0;
    int result = qcow2_file_get(q, offset, q->packed, length);
    if (result)
        return result;
    bool good = q->compression == QCOW2_ZSTD ? unpack_zstd(q->packed, length, q->unpacked, q->cluster_bytes)
                                             : inflate_cluster(q->packed, length, q->unpacked, q->cluster_bytes);
    if (!good)
        return qcow2_corrupt(q, "a compressed cluster cannot be unpacked", offset);
    q->unpacked_entry = entry;
    return 0;
}

/* --- writing --- */

/* The compressed length; 0: it would not be smaller. */
static size_t pack(struct qcow2 *q, const uint8_t *from, uint8_t *to)
{
    size_t room = q->cluster_bytes - 1;
    if (q->compression == QCOW2_ZSTD) {
        size_t length = ZSTD_compress(to, room, from, q->cluster_bytes, 3);
        return ZSTD_isError(length) ? 0 : length;
    }
    z_stream stream = {
        .next_in = (uint8_t *)from, .avail_in = q->cluster_bytes, .next_out = to, .avail_out = (uInt)room};
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, DEFLATE_WINDOW_BITS, 9, Z_DEFAULT_STRATEGY) != Z_OK)
        return 0;
    int result = deflate(&stream, Z_FINISH);
    deflateEnd(&stream);
    return result == Z_STREAM_END ? stream.total_out : 0;
}

/* A place for `length` bytes: behind the last compressed cluster where that shares a cluster of the file, else a new
 * one. Each cluster of the file is counted once for every compressed cluster in it. */
static int place_for(struct qcow2 *q, size_t length, uint64_t *offset)
{
    int result;
    if (!q->packed_at || q->packed_end - q->packed_at < length) {
        uint64_t fresh;
        result = qcow2_allocate(q, 1, &fresh);
        if (result)
            return result;
        if (q->packed_at && fresh == q->packed_end && q->packed_end > q->packed_at) {
            /* It goes on into the next cluster, which has its count already. */
            result = qcow2_count_change(q, q->packed_at >> q->cluster_bits, 1);
            if (result)
                qcow2_count_change(q, fresh >> q->cluster_bits, -1);
        } else {
            q->packed_at = fresh;
        }
        if (result)
            return result;
        q->packed_end = fresh + q->cluster_bytes;
    } else {
        result = qcow2_count_change(q, q->packed_at >> q->cluster_bits, 1);
        if (result)
            return result;
    }
    *offset = q->packed_at;
    q->packed_at += length;
    return 0;
}

static int write_packed(struct qcow2 *q, uint64_t offset, size_t length)
{
    struct qcow2_table *table;
    uint64_t entry, place;
    uint32_t at;
    unsigned offset_bits = 62 - (q->cluster_bits - 8);
    int result = place_for(q, length, &place);
    if (!result)
        result = qcow2_file_put(q, place, q->packed, length);
    if (!result)
        result = qcow2_entry(q, offset, true, &table, &at, &entry);
    if (result)
        return result;
    uint64_t sectors = (place + length - 1) / 512 - place / 512;
    put_be64(table->bytes + at * 8, ENTRY_COMPRESSED | sectors << offset_bits | place);
    table->dirty = true;
    return 0;
}

int qcow2_write_compressed(struct disk *disk, uint64_t offset, const uint8_t *bytes, size_t length)
{
    struct qcow2 *q = (struct qcow2 *)disk;
    if (!q->packed)
        q->packed = malloc(2ull * q->cluster_bytes + 512);
    if (!q->packed)
        return ENOMEM;
    while (length > 0) {
        size_t piece = length < q->cluster_bytes ? length : q->cluster_bytes;
        memset(q->bounce, 0, q->cluster_bytes);
        memcpy(q->bounce, bytes, piece);
        size_t packed = pack(q, q->bounce, q->packed);
        int result = packed ? write_packed(q, offset, packed)
                            : disk->ops->write(disk, offset, &(struct iovec){(void *)bytes, piece}, 1);
        if (result)
            return result;
        offset += piece;
        bytes += piece;
        length -= piece;
    }
    return 0;
}
