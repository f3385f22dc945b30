/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Touches fresh pages: every first access of one is a page fault. */
#include <sys/mman.h>
#include "../kernel.h"

#define BYTES (4u << 20)
#define PAGE  4096u

static void prepare(void)
{
}

static uint64_t run(unsigned round)
{
    unsigned char *pages = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(pages != MAP_FAILED, "touch: mmap");
    must(madvise(pages, BYTES, MADV_NOHUGEPAGE) == 0, "touch: madvise");
    uint64_t sum = round;
    for (unsigned at = 0; at < BYTES; at += PAGE)
        pages[at + round % PAGE] = (unsigned char)(at / PAGE);
    for (unsigned at = 0; at < BYTES; at += PAGE)
        sum += pages[at + round % PAGE];
    must(munmap(pages, BYTES) == 0, "touch: munmap");
    return sum;
}

KERNEL("touch", "memory", 35)
