/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A hash table of strings: words are counted, looked up, and taken out again. */
#include <string.h>
#include "../kernel.h"

#define SLOTS 4096
#define BYTES 16384

static char text[BYTES + 1];
static struct slot {
    const char *word;
    unsigned length, count;
} slots[SLOTS];

static void prepare(void)
{
    text_make(text, BYTES);
}

static struct slot *find(const char *word, unsigned length)
{
    uint32_t hash = 2166136261u;
    for (unsigned i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)word[i]) * 16777619u;
    struct slot *slot = &slots[(hash ^ hash >> 15) % SLOTS];
    while (slot->word && (slot->length != length || memcmp(slot->word, word, length) != 0))
        slot = slot == &slots[SLOTS - 1] ? slots : slot + 1;
    return slot;
}

static uint64_t run(unsigned round)
{
    uint64_t sum = round;
    memset(slots, 0, sizeof slots);
    for (const char *at = text + round % 64, *end; *at; at = *end ? end + 1 : end) {
        for (end = at; *end && *end != ' ' && *end != '\n'; end++)
            ;
        struct slot *slot = find(at, (unsigned)(end - at));
        slot->word = at;
        slot->length = (unsigned)(end - at);
        slot->count++;
    }
    for (unsigned i = 0; i < SLOTS; i++)
        if (slots[i].word)
            sum = mix(sum, slots[i].count + find(slots[i].word, slots[i].length)->length * 1000);
    return sum;
}

KERNEL("hash", "integer", 4000)
