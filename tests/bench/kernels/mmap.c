/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Maps and unmaps memory in several sizes, and changes its protection. */
#include <sys/mman.h>
#include "../kernel.h"

static void prepare(void)
{
}

static uint64_t run(unsigned round)
{
    uint64_t sum = round;
    for (unsigned i = 0; i < 64; i++) {
        size_t size = (size_t)4096 << i % 6;
        unsigned char *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        must(pages != MAP_FAILED, "mmap: mmap");
        pages[size - 1] = (unsigned char)i;
        must(mprotect(pages, size, PROT_READ) == 0, "mmap: mprotect");
        sum = mix(sum, pages[size - 1]);
        must(munmap(pages, size) == 0, "mmap: munmap");
    }
    return sum;
}

KERNEL("mmap", "kernel", 42)
