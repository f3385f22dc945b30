/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Watches of pages that change. */
#include "machine/contract/page_watch.h"
#include <stdlib.h>
#include <string.h>
#include "machine/contract/error.h"

static uint64_t words_of(const struct page_watch *watch)
{
    return (watch->page_count + 63) / 64;
}

void page_watch_init(struct page_watch *watch, uint64_t page_count,
                     void (*changes)(void *context, uint64_t page, const uint8_t *content), void *context)
{
    *watch = (struct page_watch){.changes = changes, .context = context, .page_count = page_count};
    watch->changed = host_alloc(words_of(watch) + 1, sizeof *watch->changed);
}

void page_watch_free(struct page_watch *watch)
{
    free(watch->changed);
    *watch = (struct page_watch){0};
}

void page_watch_arm(struct page_watch *watch)
{
    memset(watch->changed, 0, words_of(watch) * sizeof *watch->changed);
}

uint64_t page_watch_next(const struct page_watch *watch, uint64_t page)
{
    if (page >= watch->page_count)
        return watch->page_count;
    uint64_t at = page / 64, word = watch->changed[at] & ~0ull << page % 64;
    while (!word && ++at < words_of(watch))
        word = watch->changed[at];
    return word ? at * 64 + (unsigned)__builtin_ctzll(word) : watch->page_count;
}

void page_watch_add(struct page_watch **list, struct page_watch *watch)
{
    watch->next = *list;
    *list = watch;
}

void page_watch_remove(struct page_watch **list, struct page_watch *watch)
{
    while (*list != watch)
        list = &(*list)->next;
    *list = watch->next;
}

void page_watch_tell(struct page_watch *list, uint64_t page, const uint8_t *content)
{
    for (struct page_watch *watch = list; watch; watch = watch->next) {
        if (page_watch_changed(watch, page))
            continue;
        watch->changed[page / 64] |= 1ull << page % 64;
        if (watch->changes)
            watch->changes(watch->context, page, content);
    }
}
