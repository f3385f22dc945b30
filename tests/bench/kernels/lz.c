/* SPDX-License-Identifier: GPL-3.0-or-later */
/* LZ compression and decompression: matches found by a hash table of four-byte strings, tokens of bytes. */
#include <string.h>
#include "../kernel.h"

#define BYTES      32768
#define HASH_BITS  12
#define MIN_LENGTH 4

static unsigned char text[BYTES], packed[BYTES + BYTES / 64 + 64], unpacked[BYTES + 64];
static uint16_t table[1 << HASH_BITS];

static void prepare(void)
{
    text_make((char *)text, BYTES);
}

static uint32_t word_at(const unsigned char *at)
{
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* A count: 7 bits a byte, the low ones first. */
static unsigned char *put(unsigned char *to, unsigned count)
{
    for (; count > 127; count >>= 7)
        *to++ = (unsigned char)(count | 128);
    *to++ = (unsigned char)count;
    return to;
}

static const unsigned char *get(const unsigned char *from, unsigned *count)
{
    unsigned shift = 0, value = 0;
    for (; *from & 128; shift += 7)
        value |= (*from++ & 127u) << shift;
    *count = value | (unsigned)*from++ << shift;
    return from;
}

/* Repeats: bytes as they are, their count before them; then length and distance of a match (0: the end). */
static size_t pack(void)
{
    unsigned char *to = packed;
    size_t plain = 0, at = 0;
    memset(table, 0, sizeof table);
    while (at + MIN_LENGTH <= BYTES) {
        uint32_t word = word_at(text + at);
        uint16_t *entry = &table[word * 2654435761u >> (32 - HASH_BITS)];
        size_t before = *entry;
        *entry = (uint16_t)at;
        if (before >= at || word_at(text + before) != word) {
            at++;
            continue;
        }
        size_t length = MIN_LENGTH;
        while (at + length < BYTES && text[before + length] == text[at + length])
            length++;
        to = put(to, (unsigned)(at - plain));
        memcpy(to, text + plain, at - plain);
        to = put(to + (at - plain), (unsigned)length);
        to = put(to, (unsigned)(at - before));
        plain = at += length;
    }
    to = put(to, (unsigned)(BYTES - plain));
    memcpy(to, text + plain, BYTES - plain);
    to = put(to + (BYTES - plain), 0);
    return (size_t)(to - packed);
}

static size_t unpack(void)
{
    const unsigned char *from = packed;
    unsigned char *to = unpacked;
    for (;;) {
        unsigned count, distance;
        from = get(from, &count);
        for (; count; count--)
            *to++ = *from++;
        from = get(from, &count);
        if (!count)
            return (size_t)(to - unpacked);
        from = get(from, &distance);
        for (const unsigned char *source = to - distance; count; count--)
            *to++ = *source++;
    }
}

static uint64_t run(unsigned round)
{
    text[round * 97 % BYTES] = (unsigned char)round;
    size_t size = pack();
    uint64_t sum = mix(size, unpack());
    must(memcmp(text, unpacked, BYTES) == 0, "lz: unpacked is not what was packed");
    for (size_t i = 0; i < size; i += 61)
        sum = mix(sum, packed[i]);
    return sum;
}

KERNEL("lz", "integer", 1700)
