/* SPDX-License-Identifier: GPL-3.0-or-later */
/* gzip'd files (RFC 1952), unpacked by zlib. */
#include <stdlib.h>
#include <zlib.h>
#include "machine/kernel.h"

#define FIRST_CAPACITY_BYTES ((size_t)32 << 20)

bool gzip_matches(const uint8_t *bytes, size_t length)
{
    return length >= 3 && bytes[0] == 0x1f && bytes[1] == 0x8b && bytes[2] == 8;
}

bool gzip_unpack(const char *name, const uint8_t *bytes, size_t length, size_t limit_bytes, struct file *out,
                 struct error *error)
{
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)bytes};
    size_t fed = 0, capacity = limit_bytes < FIRST_CAPACITY_BYTES ? limit_bytes : FIRST_CAPACITY_BYTES;
    *out = (struct file){.name = name, .bytes = malloc(capacity)};
    if (!out->bytes || inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) {
        file_free(out);
        return error_set(error, "kernel %s: no memory on the host to unpack it; free some", name);
    }
    int result = Z_OK;
    while (result == Z_OK) {
        if (stream.avail_in == 0) {
            size_t more = length - fed < 1u << 30 ? length - fed : 1u << 30;
            stream.avail_in = (uInt)more;
            fed += more;
        }
        if (out->length == capacity && capacity < limit_bytes) {
            size_t larger = capacity > limit_bytes / 2 ? limit_bytes : capacity * 2;
            uint8_t *grown = realloc(out->bytes, larger);
            if (!grown) {
                result = Z_MEM_ERROR;
                break;
            }
            out->bytes = grown;
            capacity = larger;
        }
        size_t room = capacity - out->length < 1u << 30 ? capacity - out->length : 1u << 30;
        stream.next_out = out->bytes + out->length;
        stream.avail_out = (uInt)room;
        result = inflate(&stream, Z_NO_FLUSH);
        out->length += room - stream.avail_out;
        /* Z_BUF_ERROR: nothing moved, for want of room or of input. Both are told below. */
    }
    inflateEnd(&stream);
    if (result == Z_STREAM_END)
        return true;
    bool full = out->length == capacity && capacity == limit_bytes;
    file_free(out);
    if (result == Z_MEM_ERROR)
        return error_set(error, "kernel %s: no memory on the host to unpack it; free some", name);
    if (full)
        return error_set(error, "kernel %s: unpacks to more than the %zu MiB of memory; give more --memory",
                         name, limit_bytes >> 20);
    return error_set(error, "kernel %s: its gzip data is %s; fetch the file again", name,
                     result == Z_BUF_ERROR ? "truncated" : "damaged");
}
