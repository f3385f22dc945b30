/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Going back within a process. A point has what the pages held that changed between it and the next one, so going back
 * to one gives back those of all points from the newest to it, in that order:
 *
 *     page 7:   "a"   point 0   "b"   point 1   "c"  (now)         point 1 keeps "b", point 0 keeps "a"
 *     to point 0: "b" comes back by point 1, then "a" by point 0 */
#include "snapshot/checkpoints.h"
#include <stdlib.h>
#include <string.h>
#include "snapshot/state.h"
#include "snapshot/watched.h"

#define BATCH_PAGES 64u

struct kept_page {
    uint64_t page;
    bool own; /* a medium's page that had content of its own */
    uint8_t content[PAGE_SIZE_BYTES];
};

struct batch {
    struct batch *next; /* an older one */
    unsigned count;
    struct kept_page pages[BATCH_PAGES];
};

/* RAM, or a device's medium. */
struct space_watch {
    struct watched_space of;
    struct page_watch watch;
    struct checkpoints *points;
    bool out_of_memory;
};

struct checkpoint {
    struct state_image state;
    struct batch *kept[WATCHED_MAX]; /* of each space, the newest batch first */
    uint64_t kept_bytes;
};

struct checkpoints {
    struct machine *machine;
    struct checkpoint *of;
    unsigned count, capacity;
    struct space_watch spaces[WATCHED_MAX];
    unsigned space_count; /* 0: no point was ever set */
    bool going;           /* back */
};

/* --- keeping --------------------------------------------------------------------------------------- */

static void keep(void *context, uint64_t page, const uint8_t *content)
{
    struct space_watch *space = context;
    if (space->points->going)
        return; /* what is given back is nothing to be kept */
    struct checkpoint *point = &space->points->of[space->points->count - 1];
    struct batch **kept = &point->kept[space - space->points->spaces];
    if (!*kept || (*kept)->count == BATCH_PAGES) {
        struct batch *batch = malloc(sizeof *batch);
        if (!batch) {
            space->out_of_memory = true;
            return;
        }
        batch->next = *kept;
        batch->count = 0;
        *kept = batch;
        point->kept_bytes += sizeof *batch;
    }
    struct kept_page *to = &(*kept)->pages[(*kept)->count++];
    to->page = page;
    to->own = content != NULL;
    if (content)
        memcpy(to->content, content, PAGE_SIZE_BYTES);
}

static void free_kept(struct checkpoint *point, unsigned space)
{
    while (point->kept[space]) {
        struct batch *next = point->kept[space]->next;
        free(point->kept[space]);
        point->kept[space] = next;
    }
}

static void free_point(struct checkpoints *points, struct checkpoint *point)
{
    for (unsigned i = 0; i < points->space_count; i++)
        free_kept(point, i);
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
        return space->of.device->class->medium->revert_page(space->of.device->instance, kept->page,
                                                         kept->own ? kept->content : NULL);
    return bus_dma_write(bus, bus->ram.base + kept->page * PAGE_SIZE_BYTES, kept->content, PAGE_SIZE_BYTES);
}

/* The pages of a space that a point keeps. Within a point a page stands once. */
static bool give_kept(struct space_watch *space, struct checkpoint *point)
{
    const unsigned number = (unsigned)(space - space->points->spaces);
    bool good = true;
    for (const struct batch *batch = point->kept[number]; batch; batch = batch->next)
        for (unsigned i = 0; i < batch->count && good; i++)
            good = give_page(space, &batch->pages[i]);
    return good;
}

/* The pages are as they were when the point was set: their next changes are new ones. */
static void forget_kept(struct space_watch *space, struct checkpoint *point)
{
    const unsigned number = (unsigned)(space - space->points->spaces);
    struct ram *ram = &space->points->machine->bus.ram;
    for (const struct batch *batch = point->kept[number]; batch; batch = batch->next)
        for (unsigned i = 0; i < batch->count; i++) {
            page_watch_forget(&space->watch, batch->pages[i].page);
            if (!space->of.device)
                ram->page_flags[batch->pages[i].page] |= PAGE_CLEAN;
        }
    free_kept(point, number);
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
    }
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

uint64_t checkpoints_bytes(const struct checkpoints *points, unsigned number)
{
    const struct checkpoint *point = &points->of[number];
    return point->kept_bytes + point->state.bytes.capacity + point->state.pieces.capacity;
}
