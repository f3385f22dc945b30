/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Going back within a process. A point has what the pages held that changed between it and the next one, so going back
 * to one gives back those of all points from the newest to it, in that order:
 *
 *     page 7:   "a"   point 0   "b"   point 1   "c"  (now)         point 1 keeps "b", point 0 keeps "a"
 *     to point 0: "b" comes back by point 1, then "a" by point 0 */
#include "snapshot/checkpoints.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "snapshot/page_pool.h"
#include "snapshot/state.h"
#include "snapshot/store.h"
#include "snapshot/watched.h"

/* What a page of zeroes has for its content. */
static uint8_t zeroes[PAGE_SIZE_BYTES];

struct kept_page {
    uint64_t page;
    uint8_t *content; /* of the pool, or `zeroes`; NULL: a medium's page that had no content of its own */
};

/* Those of one space. */
struct kept {
    struct kept_page *pages;
    size_t count, capacity;
};

/* RAM, or a device's medium. */
struct space_watch {
    struct watched_space of;
    struct page_watch watch;
    struct checkpoints *points;
    bool out_of_memory;
    uint64_t *seen; /* a bit a page, for checkpoints_join(); all 0 but within it */
};

struct checkpoint {
    struct state_image state;
    struct kept kept[WATCHED_MAX];
    uint64_t kept_bytes;
};

struct checkpoints {
    struct machine *machine;
    struct checkpoint *of;
    unsigned count, capacity;
    struct space_watch spaces[WATCHED_MAX];
    unsigned space_count; /* 0: no point was ever set */
    bool going;           /* back */
    struct page_pool pool;
};

/* --- keeping --------------------------------------------------------------------------------------- */

static bool has_room(struct kept *kept, size_t more)
{
    if (kept->count + more <= kept->capacity)
        return true;
    size_t capacity = kept->capacity ? kept->capacity * 2 : 64;
    while (capacity < kept->count + more)
        capacity *= 2;
    struct kept_page *pages = realloc(kept->pages, capacity * sizeof *pages);
    if (!pages)
        return false;
    kept->pages = pages;
    kept->capacity = capacity;
    return true;
}

static uint64_t bytes_of(const struct kept_page *kept)
{
    return sizeof *kept + (kept->content && kept->content != zeroes ? PAGE_SIZE_BYTES : 0);
}

static void keep(void *context, uint64_t page, const uint8_t *content)
{
    struct space_watch *space = context;
    struct checkpoints *points = space->points;
    if (points->going)
        return; /* what is given back is nothing to be kept */
    struct checkpoint *point = &points->of[points->count - 1];
    struct kept *kept = &point->kept[space - points->spaces];
    uint8_t *copy = NULL;
    if (content)
        copy = store_page_is_zero(content) ? zeroes : page_pool_take(&points->pool);
    if ((content && !copy) || !has_room(kept, 1)) {
        space->out_of_memory = true;
        return;
    }
    if (content && copy != zeroes)
        memcpy(copy, content, PAGE_SIZE_BYTES);
    kept->pages[kept->count] = (struct kept_page){page, copy};
    point->kept_bytes += bytes_of(&kept->pages[kept->count++]);
}

static void free_kept(struct checkpoints *points, struct kept *kept)
{
    for (size_t i = 0; i < kept->count; i++)
        if (kept->pages[i].content && kept->pages[i].content != zeroes)
            page_pool_give(&points->pool, kept->pages[i].content);
    free(kept->pages);
    *kept = (struct kept){0};
}

static void free_point(struct checkpoints *points, struct checkpoint *point)
{
    for (unsigned i = 0; i < points->space_count; i++)
        free_kept(points, &point->kept[i]);
    state_free(&point->state);
}

/* --- watching -------------------------------------------------------------------------------------- */

static void watch_all(struct checkpoints *points)
{
    struct watched_space all[WATCHED_MAX];
    const unsigned count = watched_spaces(points->machine, all);
    for (unsigned i = 0; i < count; i++) {
        struct space_watch *space = &points->spaces[points->space_count];
        if (!all[i].list)
            continue;
        *space = (struct space_watch){.of = all[i], .points = points};
        space->seen = host_alloc(all[i].page_count / 64 + 1, sizeof *space->seen);
        watched_begin(points->machine, &space->of, &space->watch, keep, space);
        points->space_count++;
    }
}

static void watch_again(struct checkpoints *points)
{
    for (unsigned i = 0; i < points->space_count; i++)
        watched_again(points->machine, &points->spaces[i].of, &points->spaces[i].watch);
}

/* --- giving back ----------------------------------------------------------------------------------- */

static bool give_page(const struct space_watch *space, const struct kept_page *kept)
{
    struct bus *bus = &space->points->machine->bus;
    if (space->of.device)
        return space->of.device->class->medium->revert_page(space->of.device->instance, kept->page, kept->content);
    return bus_dma_write(bus, bus->ram.base + kept->page * PAGE_SIZE_BYTES, kept->content, PAGE_SIZE_BYTES);
}

static struct kept *kept_of(struct space_watch *space, struct checkpoint *point)
{
    return &point->kept[space - space->points->spaces];
}

/* The pages of a space that a point keeps. Within a point a page stands once. */
static bool give_kept(struct space_watch *space, struct checkpoint *point)
{
    const struct kept *kept = kept_of(space, point);
    bool good = true;
    for (size_t i = 0; i < kept->count && good; i++)
        good = give_page(space, &kept->pages[i]);
    return good;
}

/* The pages are as they were when the point was set: their next changes are new ones. */
static void forget_kept(struct space_watch *space, struct checkpoint *point)
{
    struct kept *kept = kept_of(space, point);
    struct ram *ram = &space->points->machine->bus.ram;
    for (size_t i = 0; i < kept->count; i++) {
        page_watch_forget(&space->watch, kept->pages[i].page);
        if (!space->of.device)
            ram->page_flags[kept->pages[i].page] |= PAGE_CLEAN;
    }
    free_kept(space->points, kept);
}

/* --- joining --------------------------------------------------------------------------------------- */

/* What both keep is kept as the earlier one has it. There is room. */
static void join_kept(struct space_watch *space, struct checkpoint *point, struct checkpoint *next)
{
    struct kept *kept = kept_of(space, point), *later = kept_of(space, next);
    const size_t own = kept->count;
    for (size_t i = 0; i < own; i++)
        space->seen[kept->pages[i].page / 64] |= 1ull << kept->pages[i].page % 64;
    for (size_t i = 0; i < later->count; i++) {
        struct kept_page *page = &later->pages[i];
        if (space->seen[page->page / 64] >> page->page % 64 & 1)
            continue;
        kept->pages[kept->count++] = *page;
        point->kept_bytes += bytes_of(page);
        page->content = NULL; /* it has another owner */
    }
    for (size_t i = 0; i < own; i++)
        space->seen[kept->pages[i].page / 64] = 0;
}

/* --- entry points ---------------------------------------------------------------------------------- */

struct checkpoints *checkpoints_create(struct machine *machine)
{
    struct checkpoints *points = host_alloc(1, sizeof *points);
    points->machine = machine;
    return points;
}

void checkpoints_free(struct checkpoints *points)
{
    if (!points)
        return;
    for (unsigned i = 0; i < points->count; i++)
        free_point(points, &points->of[i]);
    for (unsigned i = 0; i < points->space_count; i++) {
        watched_end(&points->spaces[i].of, &points->spaces[i].watch);
        free(points->spaces[i].seen);
    }
    page_pool_free(&points->pool);
    free(points->of);
    free(points);
}

unsigned checkpoints_set(struct checkpoints *points)
{
    if (points->count == points->capacity) {
        points->capacity = points->capacity ? points->capacity * 2 : 16;
        points->of = host_realloc(points->of, points->capacity, sizeof *points->of);
    }
    struct checkpoint *point = &points->of[points->count++];
    *point = (struct checkpoint){{0}};
    state_take(&point->state, points->machine, false);
    if (points->space_count)
        watch_again(points);
    else
        watch_all(points);
    return points->count - 1;
}

unsigned checkpoints_count(const struct checkpoints *points)
{
    return points->count;
}

bool checkpoints_go(struct checkpoints *points, unsigned number, struct error *error)
{
    bool good = true;
    for (unsigned i = 0; i < points->space_count; i++)
        if (points->spaces[i].out_of_memory)
            return error_set(error,
                             "no memory on the host was left to remember what changed since the point; free some");
    points->going = true;
    for (unsigned m = points->count; m-- > number && good;)
        for (unsigned i = 0; i < points->space_count && good; i++)
            good = give_kept(&points->spaces[i], &points->of[m]);
    points->going = false;
    if (!good)
        return error_set(error, "the host could not give back what changed since the point");
    for (unsigned m = points->count; m-- > number;)
        for (unsigned i = 0; i < points->space_count; i++)
            forget_kept(&points->spaces[i], &points->of[m]);
    while (points->count > number + 1)
        free_point(points, &points->of[--points->count]);
    points->of[number].kept_bytes = 0;
    state_give_back(&points->of[number].state, points->machine);
    points->machine->stop = MACHINE_RUNNING;
    return true;
}

void checkpoints_drop_oldest(struct checkpoints *points, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        free_point(points, &points->of[i]);
    points->count -= count;
    memmove(points->of, points->of + count, points->count * sizeof *points->of);
}

bool checkpoints_join(struct checkpoints *points, unsigned number)
{
    assert(number && number + 1 < points->count);
    struct checkpoint *next = &points->of[number], *point = next - 1;
    for (unsigned i = 0; i < points->space_count; i++)
        if (!has_room(&point->kept[i], next->kept[i].count))
            return false;
    for (unsigned i = 0; i < points->space_count; i++)
        join_kept(&points->spaces[i], point, next);
    free_point(points, next);
    points->count--;
    memmove(next, next + 1, (points->count - number) * sizeof *next);
    return true;
}

uint64_t checkpoints_pages(const struct checkpoints *points, unsigned number)
{
    uint64_t pages = 0;
    for (unsigned i = 0; i < points->space_count; i++)
        pages += points->of[number].kept[i].count;
    return pages;
}

uint64_t checkpoints_bytes(const struct checkpoints *points, unsigned number)
{
    const struct checkpoint *point = &points->of[number];
    return point->kept_bytes + point->state.bytes.capacity + point->state.pieces.capacity;
}
