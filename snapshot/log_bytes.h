/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers and strings in a log: written to a buffer that grows, read from bytes that may be anything. */
#ifndef ARMATURE_LOG_BYTES_H
#define ARMATURE_LOG_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "machine/contract/error.h"

#define VARINT_BYTES_MAX 10

struct log_bytes {
    uint8_t *at;
    size_t used, room;
};

static inline void log_bytes_put(struct log_bytes *bytes, const void *from, size_t length)
{
    if (bytes->room - bytes->used < length) {
        bytes->room = (bytes->used + length) * 2 + 64;
        bytes->at = host_realloc(bytes->at, bytes->room, 1);
    }
    if (length)
        memcpy(bytes->at + bytes->used, from, length);
    bytes->used += length;
}

static inline void log_bytes_put_number(struct log_bytes *bytes, uint64_t number)
{
    uint8_t digits[VARINT_BYTES_MAX];
    size_t count = 0;
    for (; number >= 0x80; number >>= 7)
        digits[count++] = (uint8_t)(number | 0x80);
    digits[count++] = (uint8_t)number;
    log_bytes_put(bytes, digits, count);
}

static inline void log_bytes_put_string(struct log_bytes *bytes, const char *text)
{
    log_bytes_put_number(bytes, strlen(text));
    log_bytes_put(bytes, text, strlen(text));
}

/** What is left of some bytes; `bad` once something was not there. */
struct log_cursor {
    const uint8_t *at, *end;
    bool bad;
};

static inline uint64_t log_take_number(struct log_cursor *from)
{
    uint64_t number = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (from->at == from->end)
            break;
        uint8_t digit = *from->at++;
        number |= (uint64_t)(digit & 0x7f) << shift;
        if (!(digit & 0x80))
            return number;
    }
    from->bad = true;
    return 0;
}

#endif
