/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finds a Linux kernel panic in what the guest prints. */
#include "machine/panic.h"
#include <string.h>

static const char begin_text[] = "Kernel panic - not syncing";
static const char end_text[] = "end Kernel panic - not syncing";

/* Goes on with the match of `text`; true where `byte` completes it. A mismatch may still be the text's first
 * letter; neither text has another beginning of itself inside. */
static bool match(const char *text, unsigned *matched, char byte)
{
    if (byte != text[*matched])
        *matched = 0;
    if (byte == text[*matched])
        ++*matched;
    if (text[*matched])
        return false;
    *matched = 0;
    return true;
}

bool panic_watch(struct panic_watch *watch, const void *bytes, size_t length)
{
    bool news = false;
    for (const char *at = bytes, *end = at + length; at < end; at++) {
        if (match(begin_text, &watch->begin_matched, *at) && !watch->begun)
            watch->begun = news = true;
        if (match(end_text, &watch->end_matched, *at) && !watch->ended)
            watch->ended = news = true;
    }
    return news;
}

void panic_watch_restored(struct panic_watch *watch)
{
    if (watch->begin_matched >= sizeof begin_text - 1)
        watch->begin_matched = 0;
    if (watch->end_matched >= sizeof end_text - 1)
        watch->end_matched = 0;
}
