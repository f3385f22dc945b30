/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pages as they were. */
#include "snapshot/frozen.h"
#include <stdlib.h>
#include <string.h>

static struct frozen_copy *slot_of(struct frozen_copy *copies, uint64_t capacity, uint64_t page)
{
    uint64_t at = page * 0x9e3779b97f4a7c15ull & (capacity - 1);
    while (copies[at].content && copies[at].page != page)
        at = (at + 1) & (capacity - 1);
    return &copies[at];
}

static bool make_room(struct frozen *frozen)
{
    if (frozen->count < frozen->capacity / 2)
        return true;
    uint64_t capacity = frozen->capacity ? frozen->capacity * 2 : 1024;
    struct frozen_copy *copies = calloc(capacity, sizeof *copies);
    if (!copies)
        return false;
    for (uint64_t i = 0; i < frozen->capacity; i++)
        if (frozen->copies[i].content)
            *slot_of(copies, capacity, frozen->copies[i].page) = frozen->copies[i];
    free(frozen->copies);
    frozen->copies = copies;
    frozen->capacity = capacity;
    return true;
}

/* The guest is about to change a page. */
static void keep(void *context, uint64_t page, const uint8_t *content)
{
    struct frozen *frozen = context;
    pthread_mutex_lock(&frozen->lock);
    if (page >= frozen->written && content) {
        uint8_t *copy = make_room(frozen) ? malloc(PAGE_SIZE_BYTES) : NULL;
        if (copy) {
            memcpy(copy, content, PAGE_SIZE_BYTES);
            *slot_of(frozen->copies, frozen->capacity, page) = (struct frozen_copy){page, copy};
            frozen->count++;
        } else {
            frozen->short_of_memory = true;
        }
    }
    pthread_mutex_unlock(&frozen->lock);
}

void frozen_init(struct frozen *frozen, uint64_t page_count)
{
    *frozen = (struct frozen){.written = 0};
    pthread_mutex_init(&frozen->lock, NULL);
    page_watch_init(&frozen->watch, page_count, keep, frozen);
}

void frozen_free(struct frozen *frozen)
{
    for (uint64_t i = 0; i < frozen->capacity; i++)
        free(frozen->copies[i].content);
    free(frozen->copies);
    page_watch_free(&frozen->watch);
    pthread_mutex_destroy(&frozen->lock);
}

void frozen_lock(struct frozen *frozen)
{
    pthread_mutex_lock(&frozen->lock);
}

void frozen_unlock(struct frozen *frozen, uint64_t written)
{
    frozen->written = written;
    pthread_mutex_unlock(&frozen->lock);
}

const uint8_t *frozen_page(const struct frozen *frozen, uint64_t page, const uint8_t *live)
{
    const struct frozen_copy *copy = frozen->count ? slot_of(frozen->copies, frozen->capacity, page) : NULL;
    return copy && copy->content ? copy->content : live;
}
