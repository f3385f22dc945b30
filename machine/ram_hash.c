/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A hash over guest memory. */
#include "machine/ram_hash.h"
#include <string.h>
#include "machine/contract/fields.h"
#include "machine/contract/ram_look.h"

uint64_t ram_hash(const struct ram *ram, uint64_t first, uint64_t end, uint64_t hash)
{
    static const uint8_t zeroes[PAGE_SIZE_BYTES];
    struct ram_look look = ram_look_begin(ram);
    for (uint64_t piece = first; piece < end; piece += RAM_LOOK_PAGES * PAGE_SIZE_BYTES) {
        bool there[RAM_LOOK_PAGES];
        uint64_t pages = (end - piece) / PAGE_SIZE_BYTES;
        if (pages > RAM_LOOK_PAGES)
            pages = RAM_LOOK_PAGES;
        ram_look(&look, piece / PAGE_SIZE_BYTES, (unsigned)pages, there);
        for (unsigned i = 0; i < pages; i++) {
            uint64_t offset = piece + i * (uint64_t)PAGE_SIZE_BYTES;
            if (!there[i] || memcmp(ram->host + offset, zeroes, PAGE_SIZE_BYTES) == 0)
                continue;
            hash = hash_bytes(&offset, sizeof offset, hash);
            hash = hash_bytes(ram->host + offset, PAGE_SIZE_BYTES, hash);
        }
    }
    ram_look_end(&look);
    return hash;
}
