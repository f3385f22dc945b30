/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzz target: logs of recorded runs. The first byte says how the rest is dressed up, so that random bytes get past the
 * checksums: as a file, as a header, as chunks, as the compressed stream's content. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <stdio.h>
#include <unistd.h>
#include <zlib.h>
#include "snapshot/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum dress { PLAIN, HEADER, CHUNK, STREAM, DRESSES };

static uint8_t bytes[1 << 18];
static size_t used;

static void put(const void *from, size_t length)
{
    memcpy(bytes + used, from, length);
    used += length;
}

static void put_le32(uint32_t value)
{
    put((const uint8_t[]){value & 0xff, value >> 8 & 0xff, value >> 16 & 0xff, value >> 24}, 4);
}

static void put_header(const uint8_t *header, size_t length)
{
    put(LOG_MAGIC, 8);
    put_le32(LOG_VERSION);
    put_le32((uint32_t)length);
    put_le32((uint32_t)crc32(crc32(0, bytes, 16), header, (uInt)length));
    put(header, length);
}

static void put_chunk(const uint8_t *content, size_t length)
{
    size_t head = used;
    put_le32((uint32_t)length);
    put_le32((uint32_t)crc32(0, content, (uInt)length));
    put_le32((uint32_t)crc32(0, bytes + head, 8));
    put(content, length);
}

static void dress_up(enum dress dress, const uint8_t *data, size_t size)
{
    static uint8_t packed[1 << 17];
    static const uint8_t no_header[] = {0, 0, 0, 0}; /* a program without a name, and nothing else */
    uLongf length = sizeof packed;
    used = 0;
    if (dress == PLAIN) {
        put(data, size);
        return;
    }
    if (dress == HEADER) {
        put_header(data, size);
        return;
    }
    put_header(no_header, sizeof no_header);
    if (dress == STREAM && compress(packed, &length, data, size) == Z_OK) {
        put_chunk(packed, length);
        return;
    }
    put_chunk(data, size / 2);
    put_chunk(data + size / 2, size - size / 2);
}

static void read_all(const char *path)
{
    struct error error = {""};
    struct log_entry entry;
    struct log_reader *reader = log_open(path, &error);
    if (!reader) {
        if (!error.text[0] || strchr(error.text, '\n'))
            abort(); /* a refusal has its reason, of one line */
        return;
    }
    unsigned counts[2] = {0, 0};
    for (unsigned round = 0; round < 2; round++) {
        enum log_result result;
        while ((result = log_next(reader, &entry, &error)) == LOG_ENTRY) {
            if (entry.length > LOG_ENTRY_BYTES_MAX)
                abort();
            for (size_t i = 0; i < entry.length; i++) /* all of it is there */
                counts[round] += entry.bytes[i];
            counts[round]++;
        }
        if (result == LOG_DAMAGED && !error.text[0])
            abort();
        log_rewind(reader);
    }
    if (counts[0] != counts[1])
        abort(); /* read again it is the same */
    log_reader_free(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    if (size == 0)
        return 0;
    dress_up(data[0] % DRESSES, data + 1, size - 1);
    int fd = memfd_create("log", MFD_CLOEXEC);
    if (fd < 0 || write(fd, bytes, used) != (ssize_t)used)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    read_all(path);
    close(fd);
    return 0;
}
