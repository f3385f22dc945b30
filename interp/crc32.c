/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CRC by table: eight bytes a step, each byte by a table of its own distance from the end. */
#include "interp/crc32.h"

/* tables[kind][k][b]: the CRC of byte b followed by k zero bytes. */
static uint32_t tables[2][8][256];

/* The polynomials 0x04c11db7 and 0x1edc6f41 with their bits reversed. */
static const uint32_t polynomials[2] = {[CRC32_IEEE] = 0xedb88320u, [CRC32_CASTAGNOLI] = 0x82f63b78u};

static __attribute__((constructor)) void make_tables(void)
{
    for (unsigned kind = 0; kind < 2; kind++) {
        for (uint32_t byte = 0; byte < 256; byte++) {
            uint32_t crc = byte;
            for (unsigned bit = 0; bit < 8; bit++)
                crc = crc >> 1 ^ (polynomials[kind] & -(crc & 1));
            tables[kind][0][byte] = crc;
        }
        for (unsigned k = 1; k < 8; k++) {
            for (unsigned byte = 0; byte < 256; byte++) {
                uint32_t crc = tables[kind][k - 1][byte];
                tables[kind][k][byte] = crc >> 8 ^ tables[kind][0][crc & 0xff];
            }
        }
    }
}

const uint32_t *crc32_of_bytes(enum crc32_kind kind)
{
    return tables[kind][0];
}

uint32_t crc32_update(enum crc32_kind kind, uint32_t accumulator, uint64_t value, unsigned bytes)
{
    uint64_t rest = accumulator ^ value;
    uint32_t crc = bytes < 4 ? accumulator >> 8 * bytes : 0;
    if (bytes < 8)
        rest &= (1ull << 8 * bytes) - 1;
    for (unsigned i = 0; i < bytes; i++)
        crc ^= tables[kind][bytes - 1 - i][rest >> 8 * i & 0xff];
    return crc;
}
