/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Linux tells by /proc/self/pagemap which pages of a mapping there are: 64 bits a page, bit 63 where it is in memory,
 * bit 62 where it is swapped out (Documentation/admin-guide/mm/pagemap.rst). Memory that was mapped from a file may
 * have content that is in neither place. */
#include "machine/contract/ram_look.h"
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define PAGE_THERE (3ull << 62)

struct ram_look ram_look_begin(const struct ram *ram)
{
    bool tells = !ram->of_file && sysconf(_SC_PAGESIZE) == PAGE_SIZE_BYTES;
    return (struct ram_look){ram, tells ? open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC) : -1};
}

void ram_look_end(struct ram_look *look)
{
    if (look->pagemap >= 0)
        close(look->pagemap);
    look->pagemap = -1;
}

void ram_look(const struct ram_look *look, uint64_t page, unsigned count, bool there[RAM_LOOK_PAGES])
{
    uint64_t words[RAM_LOOK_PAGES];
    const ssize_t wanted = (ssize_t)(count * sizeof words[0]);
    const off_t at = (off_t)(((uintptr_t)look->ram->host / PAGE_SIZE_BYTES + page) * sizeof words[0]);
    if (look->pagemap < 0 || pread(look->pagemap, words, (size_t)wanted, at) != wanted) {
        memset(there, true, count);
        return;
    }
    for (unsigned i = 0; i < count; i++)
        there[i] = words[i] & PAGE_THERE;
}
