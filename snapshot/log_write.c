/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writes a log. When the host takes no more the machine runs on; the log ends there, and says so at the end. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>
#include "snapshot/log.h"
#include "snapshot/log_bytes.h"

#define CONTENT_BYTES 65536u /* of a chunk that is written because it is full */

struct log_writer {
    int fd;
    char *path;
    int failed; /* an errno value: the log ends here */
    bool pending;
    z_stream stream;
    struct input_stamp last;
    struct log_bytes entry;
    size_t used;
    uint8_t content[CONTENT_BYTES];
};

static void set_le32(uint8_t *to, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> 8 * i);
}

static void write_all(struct log_writer *writer, const uint8_t *from, size_t length)
{
    while (length && !writer->failed) {
        ssize_t put = write(writer->fd, from, length);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            writer->failed = put < 0 ? errno : ENOSPC;
            fprintf(stderr, "armature: log %s: cannot be written: %s; the recording ends here\n", writer->path,
                    strerror(writer->failed));
            return;
        }
        from += put;
        length -= (size_t)put;
    }
}

static void write_chunk(struct log_writer *writer)
{
    uint8_t head[12];
    if (!writer->used)
        return;
    set_le32(head, (uint32_t)writer->used);
    set_le32(head + 4, (uint32_t)crc32(0, writer->content, (uInt)writer->used));
    set_le32(head + 8, (uint32_t)crc32(0, head, 8));
    write_all(writer, head, sizeof head);
    write_all(writer, writer->content, writer->used);
    writer->used = 0;
}

/* Compresses bytes, and with Z_SYNC_FLUSH all that zlib holds back. */
static void compress_bytes(struct log_writer *writer, const uint8_t *from, size_t length, int flush)
{
    z_stream *stream = &writer->stream;
    stream->next_in = (Bytef *)(uintptr_t)from;
    stream->avail_in = (uInt)length;
    do {
        stream->next_out = writer->content + writer->used;
        stream->avail_out = (uInt)(CONTENT_BYTES - writer->used);
        deflate(stream, flush);
        writer->used = CONTENT_BYTES - stream->avail_out;
        if (writer->used == CONTENT_BYTES)
            write_chunk(writer);
    } while (stream->avail_out == 0);
}

void log_put(struct log_writer *writer, const struct log_entry *entry)
{
    struct log_bytes *bytes = &writer->entry;
    int64_t ns = (int64_t)(entry->at.ns - writer->last.ns);
    if (writer->failed || entry->length > LOG_ENTRY_BYTES_MAX)
        return;
    bytes->used = 0;
    log_bytes_put_number(bytes, entry->kind);
    log_bytes_put_number(bytes, entry->at.insns - writer->last.insns);
    log_bytes_put_number(bytes, (uint64_t)ns << 1 ^ (uint64_t)(ns >> 63));
    log_bytes_put_number(bytes, entry->at.fires - writer->last.fires);
    log_bytes_put_number(bytes, entry->number);
    log_bytes_put_number(bytes, entry->value);
    log_bytes_put_number(bytes, entry->length);
    log_bytes_put(bytes, entry->bytes, entry->length);
    writer->last = entry->at;
    writer->pending = true;
    compress_bytes(writer, bytes->at, bytes->used, Z_NO_FLUSH);
}

void log_flush(struct log_writer *writer)
{
    if (!writer->pending || writer->failed)
        return;
    compress_bytes(writer, NULL, 0, Z_SYNC_FLUSH);
    write_chunk(writer);
    writer->pending = false;
}

bool log_pending(const struct log_writer *writer)
{
    return writer->pending && !writer->failed;
}

static void write_header(struct log_writer *writer, const struct log_header *header)
{
    size_t length;
    uint8_t *bytes = log_header_encode(header, &length);
    uint8_t head[8 + 3 * 4] = LOG_MAGIC;
    set_le32(head + 8, LOG_VERSION);
    set_le32(head + 12, (uint32_t)length);
    set_le32(head + 16, (uint32_t)crc32(crc32(0, head, 16), bytes, (uInt)length));
    write_all(writer, head, sizeof head);
    write_all(writer, bytes, length);
    free(bytes);
}

struct log_writer *log_create(const char *path, const struct log_header *header, struct error *error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        error_set(error, "log %s: cannot be made: %s; give --record another name", path, strerror(errno));
        return NULL;
    }
    struct log_writer *writer = host_alloc(1, sizeof *writer);
    writer->fd = fd;
    writer->path = strdup(path);
    if (!writer->path || deflateInit(&writer->stream, 6) != Z_OK)
        abort(); /* out of memory at start */
    write_header(writer, header);
    return writer;
}

int log_move(struct log_writer *writer, int (*move)(int fd))
{
    return writer->fd = move(writer->fd);
}

bool log_close(struct log_writer *writer, struct error *error)
{
    log_flush(writer);
    if (close(writer->fd) < 0 && !writer->failed)
        writer->failed = errno;
    bool whole = !writer->failed;
    if (!whole)
        error_set(error, "log %s: not all could be written: %s; it replays up to there", writer->path,
                  strerror(writer->failed));
    deflateEnd(&writer->stream);
    free(writer->entry.at);
    free(writer->path);
    free(writer);
    return whole;
}
