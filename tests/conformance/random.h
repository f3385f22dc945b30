/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random encodings of a table line and random states that suit it, from a seed. */
#ifndef ARMATURE_CONFORMANCE_RANDOM_H
#define ARMATURE_CONFORMANCE_RANDOM_H

#include <stdbool.h>
#include "isa/arm64/insn.h"
#include "wire.h"

struct rng {
    uint64_t state;
};

/** A generator that depends on the seed and the line's name only, so that a line's cases stay as they are
 * when other lines come and go. */
struct rng rng_for(uint64_t seed, const char *name);
uint64_t rng_next(struct rng *rng);
/** 0 to n - 1. */
unsigned rng_below(struct rng *rng, unsigned n);

/** A word of the line, reserved or not. */
uint32_t random_word(struct rng *rng, const struct insn_info *info);

/** A case for `word`. What it does must be seen: registers it may use as addresses lead into the window
 * often. */
void random_case(struct rng *rng, const struct insn_info *info, uint32_t word, struct wire_case *c);

/** Whether the manual leaves to the processor what `word` does (CONSTRAINED UNPREDICTABLE). */
bool word_is_unpredictable(const struct insn_info *info, uint32_t word);

#endif
