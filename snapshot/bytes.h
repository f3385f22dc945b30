/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A growing row of bytes to write, and a bounded one to read: what sections are made of. Numbers are little-endian. */
#ifndef ARMATURE_BYTES_H
#define ARMATURE_BYTES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "machine/contract/error.h"

struct bytes {
    uint8_t *at;
    size_t length, capacity;
};

/** Room for `length` more bytes at the end, not initialised. */
static inline void *bytes_grow(struct bytes *bytes, size_t length)
{
    if (bytes->capacity - bytes->length < length) {
        bytes->capacity = (bytes->length + length) * 2;
        bytes->at = host_realloc(bytes->at, bytes->capacity, 1);
    }
    bytes->length += length;
    return bytes->at + bytes->length - length;
}

static inline void bytes_put(struct bytes *bytes, const void *from, size_t length)
{
    if (length)
        memcpy(bytes_grow(bytes, length), from, length);
}

static inline void bytes_put_u8(struct bytes *bytes, uint8_t value)
{
    bytes_put(bytes, &value, sizeof value);
}

static inline void bytes_put_u32(struct bytes *bytes, uint32_t value)
{
    bytes_put(bytes, &value, sizeof value);
}

static inline void bytes_put_u64(struct bytes *bytes, uint64_t value)
{
    bytes_put(bytes, &value, sizeof value);
}

/** A name: its length in a byte, and its letters. */
static inline void bytes_put_name(struct bytes *bytes, const char *name)
{
    size_t length = strlen(name);
    bytes_put_u8(bytes, length < 255 ? (uint8_t)length : 255);
    bytes_put(bytes, name, length < 255 ? length : 255);
}

static inline void bytes_free(struct bytes *bytes)
{
    free(bytes->at);
    *bytes = (struct bytes){0};
}

/** What is left to read of bytes that are not trusted. Whoever reads over the end gets zeroes, and `failed` is set. */
struct reader {
    const uint8_t *at;
    size_t left;
    bool failed;
};

/** The next `length` bytes; NULL where there are fewer. */
static inline const uint8_t *reader_take(struct reader *reader, size_t length)
{
    if (reader->failed || length > reader->left) {
        reader->failed = true;
        return NULL;
    }
    reader->at += length;
    reader->left -= length;
    return reader->at - length;
}

static inline uint64_t reader_number(struct reader *reader, size_t size)
{
    uint64_t value = 0;
    const uint8_t *from = reader_take(reader, size);
    if (from)
        memcpy(&value, from, size);
    return value;
}

#define READER_NAME_BYTES 256

/** A name into `name` (READER_NAME_BYTES of room). */
static inline void reader_name(struct reader *reader, char *name)
{
    size_t length = (size_t)reader_number(reader, 1);
    const uint8_t *from = reader_take(reader, length);
    if (from)
        memcpy(name, from, length);
    name[from ? length : 0] = 0;
}

#endif
