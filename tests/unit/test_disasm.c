/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The disassembler against Capstone: random words of every table line, then words random in every bit, in
 * both directions: the text must be the same, and where one of the two knows no instruction, neither must the
 * other.
 *
 * What may differ stands in `explained`, with its reason; an explanation that explains nothing fails as well.
 */
#include <capstone/capstone.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "isa/arm64/decode.h"
#include "tests/unit/disasm_explained.h"
#include "tests/unit/unit.h"

#define WORDS_OF_A_LINE 4000u
#define RANDOM_WORDS    1000000u
#define ADDRESS         0x40080000ull
#define SHOWN_OF_A_LINE 3u

struct tally {
    unsigned same, explained, different;
};

static struct tally tallies[OP_COUNT];
static csh capstone;
static cs_insn *theirs;

/* Deterministic: splitmix64. */
static uint64_t random_state;

static uint64_t next_random(void)
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

/* A word of uniform bits, but often with a field of ones or zeros: special registers and values are few. */
static uint32_t random_word(void)
{
    uint64_t bits = next_random();
    uint32_t word = (uint32_t)bits;
    unsigned low = bits >> 32 & 31, length = 1 + (bits >> 37 & 7);
    uint32_t field = ((1u << length) - 1) << low;
    switch (bits >> 61) {
    case 0: return word | field;
    case 1: return word & ~field;
    case 2: return word | 31u;
    case 3: return word | 31u << 5;
    default: return word;
    }
}

/* Runs of blanks become one. */
static void normalise(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++)
        if (!isspace((unsigned char)*from) || (to > text && to[-1] != ' '))
            *to++ = isspace((unsigned char)*from) ? ' ' : *from;
    while (to > text && to[-1] == ' ')
        to--;
    *to = 0;
}

/* Capstone's text of `word`, or "" where it knows none. */
static void capstone_text(uint32_t word, char *text, size_t capacity)
{
    const uint8_t *code = (const uint8_t *)&word;
    size_t size = sizeof word;
    uint64_t address = ADDRESS;
    if (cs_disasm_iter(capstone, &code, &size, &address, theirs))
        snprintf(text, capacity, "%s %s", theirs->mnemonic, theirs->op_str);
    else
        text[0] = 0;
    normalise(text);
}

/* Ours, or "" for a word that is no instruction or not implemented. */
static void our_text(uint32_t word, char *text, unsigned capacity)
{
    insn_disassemble(word, ADDRESS, text, capacity);
    if (strncmp(text, ".inst", 5) == 0)
        text[0] = 0;
    normalise(text);
}

/* Whether the texts of `word` differ, and how. The strings last until the next call. */
static bool differs(uint32_t word, struct difference *difference)
{
    static char ours[160], capstones[200];
    our_text(word, ours, sizeof ours);
    capstone_text(word, capstones, sizeof capstones);
    *difference = (struct difference){word, &insn_infos[insn_op_of(word)], ours, capstones};
    return strcmp(ours, capstones) != 0;
}

static void compare(uint32_t word)
{
    struct difference d;
    bool different = differs(word, &d);
    struct tally *tally = &tallies[d.info - insn_infos];
    if (!different)
        tally->same++;
    else if (disasm_explained_by(&d) >= 0)
        tally->explained++;
    else if (tally->different++ < SHOWN_OF_A_LINE)
        printf("%08" PRIx32 " %-18s ours: %-40s Capstone: %s\n", word, d.info->name, d.ours, d.capstones);
}

static unsigned report(const char *what)
{
    unsigned different = 0, lines = 0;
    struct tally sum = {0};
    for (unsigned op = 0; op < OP_COUNT; op++) {
        const struct tally *tally = &tallies[op];
        if (tally->same + tally->explained + tally->different == 0)
            continue;
        lines++;
        sum.same += tally->same;
        sum.explained += tally->explained;
        different += tally->different;
        if (getenv("DISASM_COUNTS") || tally->different)
            printf("%-14s %-20s same %6u  explained %6u  different %6u\n", insn_infos[op].file,
                   insn_infos[op].name, tally->same, tally->explained, tally->different);
    }
    printf("%s: %u lines, %u words the same, %u explained, %u different\n", what, lines, sum.same,
           sum.explained, different);
    return different;
}

static void test_each_line(void **state)
{
    memset(tallies, 0, sizeof tallies);
    random_state = 1;
    for (unsigned op = OP_UNDEFINED + 1; op < OP_COUNT; op++) {
        const struct insn_info *info = &insn_infos[op];
        for (unsigned i = 0; i < WORDS_OF_A_LINE; i++)
            compare((random_word() & ~info->mask) | info->bits);
    }
    assert_int_equal(report("each line"), 0);
}

static void test_random_words(void **state)
{
    memset(tallies, 0, sizeof tallies);
    random_state = 2;
    for (unsigned i = 0; i < RANDOM_WORDS; i++)
        compare(random_word());
    assert_int_equal(report("random words"), 0);
}

static void test_explanations_are_needed(void **state)
{
    for (unsigned i = 0; i < disasm_explanation_count; i++) {
        uint32_t example;
        const char *reason = disasm_explanation(i, &example);
        struct difference d;
        if (!differs(example, &d) || disasm_explained_by(&d) != (int)i)
            fail_msg("%08" PRIx32 " is no example of: %s", example, reason);
    }
}

/* A word decodes to the line it was made from, or to one that refines that line; every live line is reached.
 */
static void test_refinement(void **state)
{
    random_state = 3;
    for (unsigned op = OP_UNDEFINED + 1; op < OP_COUNT; op++) {
        const struct insn_info *info = &insn_infos[op];
        unsigned itself = 0;
        for (unsigned i = 0; i < 1000; i++) {
            uint32_t word = (random_word() & ~info->mask) | info->bits;
            const struct insn_info *found = &insn_infos[insn_op_of(word)];
            assert_int_equal(word & found->mask, found->bits);
            assert_int_equal(info->mask & ~found->mask, 0);
            itself += found == info;
        }
        if (!itself)
            fail_msg("%s is never decoded", info->name);
    }
}

/* What insn_op_of() finds is what a search of the whole table finds: the line of the widest mask that
 * matches. */
static void test_decision_tree(void **state)
{
    random_state = 4;
    for (unsigned i = 0; i < 200000; i++) {
        uint32_t word = random_word();
        unsigned best = OP_UNDEFINED;
        int best_bits = -1;
        for (unsigned op = OP_UNDEFINED + 1; op < OP_COUNT; op++) {
            const struct insn_info *info = &insn_infos[op];
            int bits = __builtin_popcount(info->mask);
            if ((word & info->mask) == info->bits && bits > best_bits) {
                best = op;
                best_bits = bits;
            }
        }
        if (best != insn_op_of(word))
            fail_msg("%08" PRIx32 ": %s by search, %s by the tree", word, insn_infos[best].name,
                     insn_infos[insn_op_of(word)].name);
    }
}

static int set_up(void **state)
{
    if (cs_open(CS_ARCH_ARM64, CS_MODE_ARM, &capstone) != CS_ERR_OK)
        return -1;
    theirs = cs_malloc(capstone);
    return 0;
}

static int tear_down(void **state)
{
    cs_free(theirs, 1);
    return cs_close(&capstone) == CS_ERR_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refinement),
        cmocka_unit_test(test_decision_tree),
        cmocka_unit_test(test_each_line),
        cmocka_unit_test(test_random_words),
        cmocka_unit_test(test_explanations_are_needed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
