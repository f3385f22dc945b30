/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A hash over guest memory. Linux tells by /proc/self/pagemap which pages of a mapping there are: 64 bits a page, bit
 * 63 where it is in memory, bit 62 where it is swapped out (Documentation/admin-guide/mm/pagemap.rst). Memory that was
 * mapped from a file may have content that is in neither place. */
#include "machine/ram_hash.h"
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "machine/contract/fields.h"

#define PIECE_PAGES  512u
#define PAGE_THERE   (3ull << 62)

/* Which of `count` pages at `host` there are. Where the host does not tell, all may be. */
static void pages_there(int pagemap, const uint8_t *host, unsigned count, uint64_t there[PIECE_PAGES])
{
    off_t at = (off_t)((uintptr_t)host / PAGE_SIZE_BYTES * sizeof there[0]);
    ssize_t wanted = (ssize_t)(count * sizeof there[0]);
    if (pagemap < 0 || sysconf(_SC_PAGESIZE) != PAGE_SIZE_BYTES || pread(pagemap, there, (size_t)wanted, at) != wanted)
        memset(there, 0xff, (size_t)wanted);
}

uint64_t ram_hash(const struct ram *ram, uint64_t first, uint64_t end, uint64_t hash)
{
    static const uint8_t zeroes[PAGE_SIZE_BYTES];
    int pagemap = ram->of_file ? -1 : open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    for (uint64_t piece = first; piece < end; piece += PIECE_PAGES * PAGE_SIZE_BYTES) {
        uint64_t there[PIECE_PAGES], pages = (end - piece) / PAGE_SIZE_BYTES;
        if (pages > PIECE_PAGES)
            pages = PIECE_PAGES;
        pages_there(pagemap, ram->host + piece, (unsigned)pages, there);
        for (unsigned i = 0; i < pages; i++) {
            uint64_t offset = piece + i * (uint64_t)PAGE_SIZE_BYTES;
            if (!(there[i] & PAGE_THERE) || memcmp(ram->host + offset, zeroes, PAGE_SIZE_BYTES) == 0)
                continue;
            hash = hash_bytes(&offset, sizeof offset, hash);
            hash = hash_bytes(ram->host + offset, PAGE_SIZE_BYTES, hash);
        }
    }
    if (pagemap >= 0)
        close(pagemap);
    return hash;
}
