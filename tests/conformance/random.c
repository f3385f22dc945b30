/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random encodings and states. Plain random bits hardly ever meet a carry, a saturation or a NaN, so most
 * values come from short lists. */
#include "random.h"
#include <string.h>

static const uint64_t half_specials[] = {0x0000, 0x8000, 0x0001, 0x83ff, 0x0400, 0x3c00, 0xbc00,
                                         0x7bff, 0xfbff, 0x7c00, 0xfc00, 0x7c01, 0xfd55, 0x7e00,
                                         0xfe01, 0x3555, 0x4248, 0x7fff, 0xffff, 0x00ff};
static const uint64_t single_specials[] = {
    0x00000000, 0x80000000, 0x00000001, 0x807fffff, 0x00800000, 0x3f800000, 0xbf800000,
    0x7f7fffff, 0xff7fffff, 0x7f800000, 0xff800000, 0x7f800001, 0xffbfffff, 0x7fc00000,
    0xffc00001, 0x3eaaaaab, 0x4f000000, 0xcf000000, 0x4effffff, 0x5f000000, 0x477fe000,
    0x33000000, 0x7fffffff, 0xffffffff, 0x0000ffff, 0x4b000001, 0x3f000000};
static const uint64_t double_specials[] = {
    0x0000000000000000, 0x8000000000000000, 0x0000000000000001, 0x800fffffffffffff, 0x0010000000000000,
    0x3ff0000000000000, 0xbff0000000000000, 0x7fefffffffffffff, 0xffefffffffffffff, 0x7ff0000000000000,
    0xfff0000000000000, 0x7ff0000000000001, 0xfff7ffffffffffff, 0x7ff8000000000000, 0xfff8000000000001,
    0x3fd5555555555555, 0x41dfffffffc00000, 0xc1e0000000000000, 0x43e0000000000000, 0xc3e0000000000000,
    0x47efffffe0000000, 0x36a0000000000000, 0x7fffffffffffffff, 0xffffffffffffffff, 0x00000000ffffffff,
    0x4330000000000001, 0x3fe0000000000000};
static const uint64_t byte_specials[] = {0x00, 0x01, 0x7f, 0x80, 0xff, 0xfe, 0x81, 0x08, 0x40, 0x10};

#define FPCR_FZ (1u << 24)

#define COUNT(list) ((unsigned)(sizeof(list) / sizeof((list)[0])))

struct rng rng_for(uint64_t seed, const char *name)
{
    uint64_t state = seed * 0x9e3779b97f4a7c15 + 0x2545f4914f6cdd1d;
    for (; *name; name++)
        state = (state ^ (uint8_t)*name) * 0x100000001b3;
    return (struct rng){state};
}

uint64_t rng_next(struct rng *rng)
{
    uint64_t z = rng->state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

unsigned rng_below(struct rng *rng, unsigned n)
{
    return (unsigned)((rng_next(rng) >> 32) * n >> 32);
}

/* 64 bits of lanes of one size, most of them special. */
static uint64_t random_lanes(struct rng *rng)
{
    static const struct {
        const uint64_t *list;
        unsigned count, bits;
    } kinds[4] = {{byte_specials, COUNT(byte_specials), 8},
                  {half_specials, COUNT(half_specials), 16},
                  {single_specials, COUNT(single_specials), 32},
                  {double_specials, COUNT(double_specials), 64}};
    if (rng_below(rng, 4) == 0)
        return rng_next(rng);
    const unsigned kind = rng_below(rng, 4);
    uint64_t value = 0;
    for (unsigned at = 0; at < 64; at += kinds[kind].bits) {
        uint64_t lane = rng_below(rng, 4) ? kinds[kind].list[rng_below(rng, kinds[kind].count)]
                                          : rng_next(rng) >> (64 - kinds[kind].bits);
        value |= lane << at;
    }
    return value;
}

/* An integer: a power of two or nearby, a sign-extended small one, or anything. */
static uint64_t random_integer(struct rng *rng)
{
    const uint64_t bits = rng_next(rng);
    switch (rng_below(rng, 5)) {
    case 0: return (1ull << (bits & 63)) + (bits >> 62) - 1;
    case 1: return (uint64_t)((int64_t)bits >> (40 + (bits & 23)));
    case 2: return (uint32_t)bits;
    case 3: return random_lanes(rng);
    default: return bits;
    }
}

static uint64_t random_address(struct rng *rng)
{
    const uint64_t offset = rng_below(rng, WINDOW_BYTES);
    return WINDOW_BASE + (rng_below(rng, 2) ? offset & ~15ull : offset);
}

/* A base register (most often in the window) or an index. */
static uint64_t random_memory_operand(struct rng *rng)
{
    switch (rng_below(rng, 8)) {
    case 0: return (uint64_t)(int64_t)((int)rng_below(rng, 512) - 256);
    case 1: return rng_below(rng, 256) * 8ull;
    case 2: return (uint32_t)-rng_below(rng, 128) | (uint64_t)rng_below(rng, 4) << 32;
    case 3: return random_integer(rng);
    case 4: return random_address(rng) - rng_below(rng, 1 << 16);
    default: return random_address(rng);
    }
}

/* Somewhere among the BRKs, and not where the tested instruction stands. */
static uint64_t random_branch_target(struct rng *rng)
{
    return CODE_BASE + rng_below(rng, CODE_BYTES / 8) * 4ull;
}

/* Register fields are the same, or 31, more often than chance has it. */
static uint32_t relate_registers(struct rng *rng, uint32_t word)
{
    static const unsigned at[4] = {0, 5, 10, 16};
    const unsigned from = at[rng_below(rng, 4)], to = at[rng_below(rng, 4)];
    const uint32_t value = rng_below(rng, 3) ? word >> from & 31 : 31;
    return (word & ~(31u << to)) | value << to;
}

uint32_t random_word(struct rng *rng, const struct insn_info *info)
{
    uint32_t word = (uint32_t)rng_next(rng);
    if (rng_below(rng, 3) == 0)
        word = relate_registers(rng, word);
    return (word & ~info->mask) | info->bits;
}

/* A store-exclusive succeeds only behind its load. */
static bool is_store_exclusive(const struct insn_info *info, uint32_t word)
{
    return (word & 0x3fc00000) == 0x08000000 && !strncmp(info->name, "st", 2);
}

static uint32_t load_exclusive_before(uint32_t word)
{
    const uint32_t base = word >> 5 & 31;
    return (word & 0xffe083e0) | 1u << 22 | 31u << 16 | (base + 2) % 29 << 10 | (base + 1) % 29;
}

void random_case(struct rng *rng, const struct insn_info *info, uint32_t word, struct wire_case *c)
{
    const bool memory = info->flags & INSN_MEMORY, branch = info->flags & INSN_BRANCH;
    *c = (struct wire_case){.words = {word}, .count = 1, .uses_memory = memory};
    if (is_store_exclusive(info, word) && rng_below(rng, 2)) {
        c->words[0] = load_exclusive_before(word);
        if (!(word >> 21 & 1))
            c->words[0] |= 31u << 10;
        c->words[1] = word;
        c->count = 2;
    }
    const bool by_register = branch && (info->bits & info->mask) >> 25 == 0x6b;
    for (unsigned i = 0; i < 31; i++)
        c->state.x[i] = memory                         ? random_memory_operand(rng)
                        : by_register                  ? random_branch_target(rng)
                        : branch && !rng_below(rng, 4) ? 0
                                                       : random_integer(rng);
    c->state.sp = memory ? random_address(rng) : random_integer(rng);

    uint64_t *base = (word >> 5 & 31) == 31 ? &c->state.sp : &c->state.x[word >> 5 & 31];
    if (is_store_exclusive(info, word) && *base == UINT64_MAX)
        *base = WINDOW_BASE; /* the judge's address of an open monitor */
    if (!strcmp(info->name, "ldapr"))
        *base &= ~7ull; /* the judge does not check its alignment */

    for (unsigned i = 0; i < 32; i++)
        for (unsigned half = 0; half < 2; half++)
            c->state.v[i][half] = random_lanes(rng);
    c->state.nzcv = (uint32_t)rng_next(rng) & 0xf0000000;
    if (rng_below(rng, 2))
        c->state.fpcr = (uint32_t)rng_next(rng) & 0x07c80000; /* AHP, DN, FZ, RMode, FZ16 */
    if (!strcmp(info->name, "fjcvtzs"))
        c->state.fpcr &= ~FPCR_FZ; /* the judge takes a flushed denormal for exact; FPToFixedJS clears Z */
    if (rng_below(rng, 4) == 0)
        c->state.fpsr = (uint32_t)rng_next(rng) & 0x0800009f;
}

bool word_is_unpredictable(const struct insn_info *info, uint32_t word)
{
    const uint32_t rt = word & 31, rn = word >> 5 & 31, rt2 = word >> 10 & 31, rs = word >> 16 & 31;
    if (!strcmp(info->name, "sb") || !strcmp(info->name, "cfinv") || strstr(info->name, "axflag") ||
        strstr(info->name, "xaflag"))
        return word >> 8 & 15; /* CRm should be zero */
    if (!(info->flags & INSN_MEMORY))
        return false;
    if (!strcmp(info->name, "ldapr"))
        return rs != 31; /* should be ones */
    const bool is_pair = (word & 0x3a000000) == 0x28000000, is_load = word >> 22 & 1;
    if (strstr(info->name, "_pre") || strstr(info->name, "_post"))
        if ((rt == rn || (is_pair && rt2 == rn)) && rn != 31)
            return true;
    if (is_pair && is_load && rt == rt2)
        return true;
    if ((word & 0x3f000000) != 0x08000000)
        return false;
    /* Exclusives: the status register, and the two of a pair, must differ from the others. */
    const bool exclusive = !(word >> 23 & 1);
    if (exclusive && is_load)
        return word >> 21 & 1 && rt == rt2;
    return exclusive && (rs == rt || (rs == rn && rn != 31) || (word >> 21 & 1 && rs == rt2));
}
