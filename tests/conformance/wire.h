/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What passes between the comparing program on the host and the runner under qemu-aarch64: little-endian
 * structures without padding, in batches. */
#ifndef ARMATURE_CONFORMANCE_WIRE_H
#define ARMATURE_CONFORMANCE_WIRE_H

#include <stdint.h>

/* Where the tested instruction stands, in the middle of a region that holds nothing but BRK, and the memory
 * it works on, with nothing mapped around it. All within reach of a literal load. */
#define CODE_BASE    0x41000000ull
#define CODE_BYTES   0x40000ull
#define CODE_SLOT    (CODE_BASE + CODE_BYTES / 2)
#define WINDOW_BASE  0x41080000ull
#define WINDOW_BYTES 0x2000u

#define MAX_BATCH   256u
#define MAX_WORDS   2u
#define DIRTY_SHOWN 128u

struct wire_state {
    uint64_t x[31];
    uint64_t sp;
    uint64_t pc;
    uint64_t v[32][2];
    uint32_t nzcv; /* bits 31:28 */
    uint32_t fpcr;
    uint32_t fpsr;
    uint32_t zero;
};

struct wire_case {
    uint32_t words[MAX_WORDS]; /* the last one is the one under test; those before it must not fault */
    uint32_t count;
    uint32_t uses_memory;
    struct wire_state state;
};

enum outcome { OUTCOME_DONE, OUTCOME_UNDEFINED, OUTCOME_MEMORY_FAULT, OUTCOME_OTHER };

struct wire_result {
    uint32_t outcome;              /* enum outcome */
    uint32_t dirty_from, dirty_to; /* the part of the window that changed; equal: none */
    uint32_t zero;
    uint8_t dirty[DIRTY_SHOWN]; /* what stands from dirty_from on */
    struct wire_state state;    /* pc is where the next instruction would run, or the faulting one */
};

/* The window's content before each case: all kinds of bytes, few zeros, numbers and NaNs of all sizes. */
static inline void wire_fill_window(uint8_t *window)
{
    static const uint64_t specials[8] = {0x7ff00000000000ff, 0x7fc000007f800001, 0x3c00c0007e017c00,
                                         0x8000000000000000, 0x00010000ffff7fff, 0x3ff0000000000000,
                                         0xfff8000000000001, 0x0000000100000001};
    uint64_t seed = 0x9e3779b97f4a7c15;
    for (unsigned i = 0; i < WINDOW_BYTES / 8; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        uint64_t value = i % 5 == 4 ? specials[seed >> 61] : seed ^ seed >> 29;
        for (unsigned k = 0; k < 8; k++)
            window[8 * i + k] = (uint8_t)(value >> 8 * k);
    }
}

/* Finds what changed in the window, and puts it back. */
static inline void wire_settle_window(struct wire_result *result, uint8_t *window, const uint8_t *pristine)
{
    uint32_t from = 0, to = WINDOW_BYTES;
    if (!__builtin_memcmp(window, pristine, WINDOW_BYTES))
        return;
    while (window[from] == pristine[from])
        from++;
    while (window[to - 1] == pristine[to - 1])
        to--;
    result->dirty_from = from;
    result->dirty_to = to;
    for (uint32_t i = from; i < to; i++) {
        if (i - from < DIRTY_SHOWN)
            result->dirty[i - from] = window[i];
        window[i] = pristine[i];
    }
}

#endif
