/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What fuzz targets share: an input that is taken apart by numbers, and what must be true. */
#ifndef ARMATURE_FUZZ_FEED_H
#define ARMATURE_FUZZ_FEED_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/** What is left of an input. */
struct feed {
    const uint8_t *at, *end;
};

/** The next number of so many bytes, little-endian; zeroes stand behind the end. */
static inline uint64_t take(struct feed *feed, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes && feed->at < feed->end; i++)
        value |= (uint64_t)*feed->at++ << 8 * i;
    return value;
}

/** Ends the target with a line that names it, where that is not true. */
static inline void check(bool truth, const char *what)
{
    if (truth)
        return;
    fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
    abort();
}

#endif
