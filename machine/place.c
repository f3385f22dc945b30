/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finding room in RAM. */
#include "machine/place.h"

static uint64_t align_up(uint64_t value, uint64_t align)
{
    return (value + align - 1) / align * align;
}

/* The first of `taken` that a range at `start` overlaps, or NULL. */
static const struct range *overlapped(const struct range *taken, unsigned taken_count, uint64_t start,
                                      uint64_t bytes)
{
    for (unsigned i = 0; i < taken_count; i++)
        if (start < taken[i].end && taken[i].start < start + bytes)
            return &taken[i];
    return NULL;
}

static bool find_from(const struct ram *ram, const struct range *taken, unsigned taken_count, uint64_t bytes,
                      uint64_t align, uint64_t from, uint64_t *start)
{
    const struct range *in_the_way;
    *start = align_up(from, align);
    while (ram_at(ram, *start, bytes)) {
        if (!(in_the_way = overlapped(taken, taken_count, *start, bytes)))
            return true;
        *start = align_up(in_the_way->end, align);
    }
    return false;
}

bool place_find(const struct ram *ram, const struct range *taken, unsigned taken_count, uint64_t bytes,
                uint64_t align, uint64_t *start)
{
    return (taken_count && find_from(ram, taken, taken_count, bytes, align, taken[0].end, start)) ||
           find_from(ram, taken, taken_count, bytes, align, ram->base, start);
}
