/* SPDX-License-Identifier: GPL-3.0-or-later */
/* String search: each of several words in a text, by Horspool's skips and by comparing at each place. */
#include <string.h>
#include "../kernel.h"

#define BYTES 32768

static char text[BYTES + 1];
static const char *const words[] = {"interrupt", "exception level", "when the timer", "memory page is",
                                    "writes of a guest"};

static void prepare(void)
{
    text_make(text, BYTES);
}

static unsigned skipping(const char *word)
{
    unsigned char skips[256];
    size_t length = strlen(word);
    unsigned found = 0;
    memset(skips, (int)length, sizeof skips);
    for (size_t i = 0; i + 1 < length; i++)
        skips[(unsigned char)word[i]] = (unsigned char)(length - 1 - i);
    for (size_t at = 0; at + length <= BYTES; at += skips[(unsigned char)text[at + length - 1]]) {
        size_t i = length;
        while (i > 0 && text[at + i - 1] == word[i - 1])
            i--;
        found += i == 0;
    }
    return found;
}

static unsigned plain(const char *word)
{
    unsigned found = 0;
    for (const char *at = text; *at; at++) {
        const char *a = at, *b = word;
        while (*b && *a == *b)
            a++, b++;
        found += !*b;
    }
    return found;
}

static uint64_t run(unsigned round)
{
    uint64_t sum = 0;
    text[round * 31 % BYTES] = (char)('a' + round % 26);
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
        sum = mix(sum, skipping(words[i]) * 1000 + plain(words[i]));
    return sum;
}

KERNEL("search", "integer", 1300)
