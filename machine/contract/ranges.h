/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finding an address among ranges that lie in an array in their order. */
#ifndef ARMATURE_RANGES_H
#define ARMATURE_RANGES_H

#include <stddef.h>
#include <stdint.h>

/** How many of `count` elements, each `stride_bytes` behind the one before, have a number up to `address`; `first` is
 * the first one's, of which there is one at least. With starts, the last of them is the only range that can hold
 * the address; with ends, the first of the others is. */
static inline unsigned ranges_up_to(const uint64_t *first, size_t stride_bytes, unsigned count, uint64_t address)
{
    unsigned low = 0, high = count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (*(const uint64_t *)((const uint8_t *)first + middle * stride_bytes) <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

#endif
