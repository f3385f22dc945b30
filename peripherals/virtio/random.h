/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random numbers that depend on the machine's seed alone: xoshiro256** (Blackman and Vigna), started by
 * SplitMix64. */
#ifndef ARMATURE_RANDOM_H
#define ARMATURE_RANDOM_H

#include <stdint.h>
#include "machine/contract/fields.h"

struct random {
    uint64_t state[4];
};

/** Starts a sequence of its own for each `name` and seed. */
static inline void random_start(struct random *random, uint64_t seed, const char *name)
{
    while (*name)
        seed = (seed ^ (uint8_t)*name++) * 0x100000001b3ull;
    for (unsigned i = 0; i < 4; i++) {
        uint64_t z = seed += 0x9e3779b97f4a7c15ull;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
        random->state[i] = z ^ (z >> 31);
    }
}

static inline uint64_t random_next(struct random *random)
{
    uint64_t *s = random->state;
    uint64_t product = s[1] * 5, result = ((product << 7) | (product >> 57)) * 9, shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = (s[3] << 45) | (s[3] >> 19);
    return result;
}

#endif
