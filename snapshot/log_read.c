/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads a log. The file is hostile: lengths are bounded before they are believed, memory grows with what is really
 * there, and every chunk has its checksum. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>
#include "snapshot/log.h"
#include "snapshot/log_bytes.h"

#define WINDOW_BYTES 65536u

struct log_reader {
    FILE *file;
    char *path;
    struct log_header header;
    long first_chunk;      /* where the chunks begin */
    unsigned long long at; /* where the present chunk begins */
    z_stream stream;
    bool over, damaged;
    struct input_stamp last;
    struct log_bytes entry; /* the bytes of the entry that was read */
    uint8_t chunk[LOG_CHUNK_MAX];
    uint8_t window[WINDOW_BYTES]; /* what was decompressed, and not taken yet */
    size_t first, used;
};

static uint32_t get_le32(const uint8_t *from)
{
    return from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

/* --- the stream ------------------------------------------------------------------------------------ */

static void set_over(struct log_reader *reader, bool damaged)
{
    reader->over = true;
    reader->damaged |= damaged;
}

/* Reads the next chunk into the stream's input. One that the file does not hold to its end was never finished. */
static void next_chunk(struct log_reader *reader)
{
    uint8_t head[12];
    reader->at = (unsigned long long)ftell(reader->file);
    if (fread(head, 1, sizeof head, reader->file) != sizeof head) {
        set_over(reader, ferror(reader->file) != 0);
        return;
    }
    uint32_t length = get_le32(head);
    if (get_le32(head + 8) != crc32(0, head, 8) || length == 0 || length > LOG_CHUNK_MAX) {
        set_over(reader, true);
        return;
    }
    if (fread(reader->chunk, 1, length, reader->file) != length) {
        set_over(reader, ferror(reader->file) != 0);
        return;
    }
    if (crc32(0, reader->chunk, length) != get_le32(head + 4)) {
        set_over(reader, true);
        return;
    }
    reader->stream.next_in = reader->chunk;
    reader->stream.avail_in = length;
}

/* Decompresses more, until there is some or the log is over. */
static void fill_window(struct log_reader *reader)
{
    z_stream *stream = &reader->stream;
    reader->first = reader->used = 0;
    while (!reader->over && reader->used == 0) {
        stream->next_out = reader->window;
        stream->avail_out = WINDOW_BYTES;
        int result = inflate(stream, Z_SYNC_FLUSH);
        reader->used = WINDOW_BYTES - stream->avail_out;
        if (result == Z_BUF_ERROR || (result == Z_OK && reader->used == 0))
            next_chunk(reader);
        else if (result != Z_OK)
            set_over(reader, true);
    }
}

/* Takes `length` bytes. False: the log is over before. */
static bool take_bytes(struct log_reader *reader, uint8_t *to, size_t length)
{
    while (length) {
        if (reader->first == reader->used)
            fill_window(reader);
        size_t now = reader->used - reader->first;
        if (now == 0)
            return false;
        if (now > length)
            now = length;
        memcpy(to, reader->window + reader->first, now);
        reader->first += now;
        to += now;
        length -= now;
    }
    return true;
}

/* --- entries --------------------------------------------------------------------------------------- */

static bool take_number(struct log_reader *reader, uint64_t *number)
{
    uint8_t digits[VARINT_BYTES_MAX];
    unsigned count = 0;
    do {
        if (!take_bytes(reader, &digits[count], 1))
            return false;
    } while (digits[count++] & 0x80 && count < VARINT_BYTES_MAX);
    struct log_cursor cursor = {digits, digits + count, false};
    *number = log_take_number(&cursor);
    if (cursor.bad)
        set_over(reader, true);
    return !cursor.bad;
}

static bool take_entry(struct log_reader *reader, struct log_entry *entry)
{
    uint64_t kind, insns, ns, fires, length;
    if (!take_number(reader, &kind) || !take_number(reader, &insns) || !take_number(reader, &ns) ||
        !take_number(reader, &fires) || !take_number(reader, &entry->number) ||
        !take_number(reader, &entry->value) || !take_number(reader, &length))
        return false;
    struct input_stamp *last = &reader->last;
    if (kind == 0 || kind >= LOG_KINDS || length > LOG_ENTRY_BYTES_MAX || insns > INT64_MAX - last->insns ||
        fires > INT64_MAX - last->fires) {
        set_over(reader, true);
        return false;
    }
    last->insns += insns;
    last->fires += fires;
    last->ns += ns >> 1 ^ -(ns & 1);
    if (last->ns > INT64_MAX) {
        set_over(reader, true);
        return false;
    }
    reader->entry.used = 0;
    for (size_t now; length; length -= now) {
        uint8_t piece[4096];
        now = length < sizeof piece ? length : sizeof piece;
        if (!take_bytes(reader, piece, now))
            return false;
        log_bytes_put(&reader->entry, piece, now);
    }
    entry->kind = (enum log_kind)kind;
    entry->at = *last;
    entry->bytes = reader->entry.at;
    entry->length = reader->entry.used;
    return true;
}

enum log_result log_next(struct log_reader *reader, struct log_entry *entry, struct error *error)
{
    if (!(reader->over && reader->first == reader->used) && take_entry(reader, entry))
        return LOG_ENTRY;
    set_over(reader, false);
    if (!reader->damaged)
        return LOG_OVER;
    error_set(error, "log %s: damaged at byte %llu; replay a copy that is whole", reader->path, reader->at);
    return LOG_DAMAGED;
}

void log_rewind(struct log_reader *reader)
{
    fseek(reader->file, reader->first_chunk, SEEK_SET);
    inflateReset(&reader->stream);
    reader->stream.avail_in = 0;
    reader->over = reader->damaged = false;
    reader->last = (struct input_stamp){0};
    reader->first = reader->used = 0;
}

/* --- opening --------------------------------------------------------------------------------------- */

static bool read_header(struct log_reader *reader, struct error *error)
{
    uint8_t head[20];
    size_t got = fread(head, 1, sizeof head, reader->file);
    const char *path = reader->path;
    if (ferror(reader->file))
        return error_set(error, "log %s: cannot be read: %s", path, strerror(errno));
    if (got < 8 || memcmp(head, LOG_MAGIC, 8))
        return error_set(error, "log %s: this is no log of a recorded run; give one that --record wrote", path);
    if (got < sizeof head)
        return error_set(error, "log %s: cut short within its header; nothing of it can be replayed", path);
    uint32_t version = get_le32(head + 8), length = get_le32(head + 12);
    if (version != LOG_VERSION)
        return error_set(error, "log %s: its format has version %u, and this program reads version %u; replay it with "
                         "the program that wrote it", path, version, LOG_VERSION);
    if (length > LOG_HEADER_MAX)
        return error_set(error, "log %s: damaged within its header; replay a copy that is whole", path);
    uint8_t *bytes = host_alloc(length + 1, 1);
    bool there = fread(bytes, 1, length, reader->file) == length;
    bool good = there && crc32(crc32(0, head, 16), bytes, length) == get_le32(head + 16) &&
                log_header_decode(&reader->header, bytes, length);
    free(bytes);
    if (good)
        return true;
    return error_set(error, there ? "log %s: damaged within its header; replay a copy that is whole"
                                  : "log %s: cut short within its header; nothing of it can be replayed", path);
}

struct log_reader *log_open(const char *path, struct error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "rb");
    if (!file) {
        error_set(error, "log %s: %s; give --replay a file that --record wrote", path, strerror(errno));
        return NULL;
    }
    struct log_reader *reader = host_alloc(1, sizeof *reader);
    reader->file = file;
    reader->path = strdup(path);
    if (!reader->path || inflateInit(&reader->stream) != Z_OK)
        abort(); /* out of memory at start */
    if (!read_header(reader, error)) {
        log_reader_free(reader);
        return NULL;
    }
    reader->first_chunk = ftell(file);
    return reader;
}

const struct log_header *log_reader_header(const struct log_reader *reader)
{
    return &reader->header;
}

void log_reader_free(struct log_reader *reader)
{
    if (!reader)
        return;
    inflateEnd(&reader->stream);
    log_header_free(&reader->header);
    fclose(reader->file);
    free(reader->entry.at);
    free(reader->path);
    free(reader);
}
