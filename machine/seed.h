/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers made from --seed. */
#ifndef ARMATURE_SEED_H
#define ARMATURE_SEED_H

#include <stdint.h>

#define SEED_STEP 0x9e3779b97f4a7c15ull

/** The next number of the stream (SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number
 * generators", 2014). Streams with different starts are independent. */
static inline uint64_t seed_next(uint64_t *stream)
{
    uint64_t z = *stream += SEED_STEP;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

#endif
