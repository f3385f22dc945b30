/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers and strings in a message, little-endian, behind checked bounds: what lies beyond reads as zero and is not
 * written, and `bad` says so at the end. */
#ifndef ARMATURE_SHARE_WIRE_H
#define ARMATURE_SHARE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct wire_reader {
    const uint8_t *at, *end;
    bool bad;
};

struct wire_writer {
    uint8_t *at, *end;
    bool bad;
};

/** The next `length` bytes, or NULL where there are fewer. */
static inline const uint8_t *wire_take(struct wire_reader *reader, size_t length)
{
    if (reader->bad || length > (size_t)(reader->end - reader->at)) {
        reader->bad = true;
        return NULL;
    }
    const uint8_t *bytes = reader->at;
    reader->at += length;
    return bytes;
}

/** A number of up to 8 bytes. */
static inline uint64_t wire_get(struct wire_reader *reader, unsigned bytes)
{
    const uint8_t *from = wire_take(reader, bytes);
    uint64_t value = 0;
    if (from)
        memcpy(&value, from, bytes);
    return value;
}

/** Room for `length` bytes that the caller fills, or NULL. */
static inline uint8_t *wire_room(struct wire_writer *writer, size_t length)
{
    if (writer->bad || length > (size_t)(writer->end - writer->at)) {
        writer->bad = true;
        return NULL;
    }
    uint8_t *bytes = writer->at;
    writer->at += length;
    return bytes;
}

static inline void wire_put(struct wire_writer *writer, unsigned bytes, uint64_t value)
{
    uint8_t *to = wire_room(writer, bytes);
    if (to)
        memcpy(to, &value, bytes);
}

static inline void wire_put_bytes(struct wire_writer *writer, const void *from, size_t length)
{
    uint8_t *to = wire_room(writer, length);
    if (to && length)
        memcpy(to, from, length);
}

/** A string with its length of two bytes in front. */
static inline void wire_put_text(struct wire_writer *writer, const char *text, size_t length)
{
    if (length > UINT16_MAX) {
        writer->bad = true;
        return;
    }
    wire_put(writer, 2, length);
    wire_put_bytes(writer, text, length);
}

#endif
