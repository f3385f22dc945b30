/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Operands for tests of floating point: pseudo-random, with a taste for the edges. */
#ifndef ARMATURE_TESTS_FP_OPERANDS_H
#define ARMATURE_TESTS_FP_OPERANDS_H

#include "isa/arm64/fp.h"

static uint64_t operand_seed = 1;

static uint64_t random_bits(void)
{
    operand_seed ^= operand_seed << 13;
    operand_seed ^= operand_seed >> 7;
    operand_seed ^= operand_seed << 17;
    return operand_seed * 0x2545f4914f6cdd1dull;
}

/* A pattern that is likely to matter: exponents near the ends, near the bias, near the format's precision and
 * near the other operand's; fractions of few ones or few zeros. */
static uint64_t pick_operand(enum fp_size size, uint64_t neighbour)
{
    static const unsigned fraction_bits[] = {[FP_HALF] = 10, [FP_SINGLE] = 23, [FP_DOUBLE] = 52},
                          bits[] = {[FP_HALF] = 16, [FP_SINGLE] = 32, [FP_DOUBLE] = 64};
    unsigned fractions = fraction_bits[size], width = bits[size] - 1 - fractions;
    uint64_t top = (1ull << width) - 1, bias = top >> 1, r = random_bits(), exponent,
             fraction = random_bits();
    int64_t near = (int64_t)(r >> 8 & 7) - 3;

    switch (r & 15) {
    case 0: exponent = 0; break;
    case 1: exponent = top; break;
    case 2: exponent = (uint64_t)near & top; break;
    case 3: exponent = (top - 4 + (uint64_t)near) & top; break;
    case 4:
    case 5: exponent = bias + (uint64_t)near; break;
    case 6: exponent = (bias + fractions + (uint64_t)near) & top; break;
    case 7: exponent = (bias - fractions + (uint64_t)near) & top; break;
    case 8: exponent = (bias + 31 + (uint64_t)near) & top; break;
    case 9: exponent = (bias + 63 + (uint64_t)near) & top; break;
    case 10:
    case 11: exponent = ((neighbour >> fractions) + (uint64_t)near) & top; break;
    case 12: exponent = (bias + bias / 2 + (uint64_t)near) & top; break;
    case 13: exponent = (bias - bias / 2 + (uint64_t)near) & top; break;
    default: exponent = r >> 20 & top; break;
    }
    switch (r >> 12 & 7) {
    case 0: fraction = 0; break;
    case 1: fraction = ~0ull; break;
    case 2: fraction = 1ull << (fraction % fractions); break;
    case 3: fraction = ~(1ull << (fraction % fractions)); break;
    case 4: fraction = -1ull << (fraction % fractions); break;
    case 5: fraction = (1ull << (fraction % fractions)) - 1; break;
    case 6: fraction = neighbour; break;
    default: break;
    }
    return (r >> 16 & 1) << (bits[size] - 1) | exponent << fractions | (fraction & ((1ull << fractions) - 1));
}

#endif
