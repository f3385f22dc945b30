/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The jumps between units. */
#include <stdlib.h>
#include <string.h>
#include "jit/unit.h"
#include "jit/x64.h"

static struct link **bucket_of(struct links *links, uint64_t target)
{
    return &links->by_target[(target >> 2) * 0x9e3779b97f4a7c15ull >> (64 - LINK_BITS)];
}

static void point(const struct links *links, const struct link *link, uint64_t run_address)
{
    x64_patch(link->jump_end, run_address ? (const uint8_t *)run_address - links->run_offset : link->stub);
}

/* Links come by the slab, and go back to `spare`. */
static struct link *take(struct links *links)
{
    if (!links->spare) {
        struct link_slab *slab = malloc(sizeof *slab);
        if (!slab)
            return NULL;
        slab->next = links->slabs;
        links->slabs = slab;
        for (unsigned i = 0; i < LINKS_A_SLAB; i++) {
            slab->links[i].next = links->spare;
            links->spare = &slab->links[i];
        }
    }
    struct link *link = links->spare;
    links->spare = link->next;
    return link;
}

bool links_add(struct links *links, uint8_t *jump_end, uint8_t *stub, uint64_t target, uint64_t run_address)
{
    struct link *link = take(links);
    if (!link)
        return false;
    struct link **bucket = bucket_of(links, target);
    *link = (struct link){jump_end, stub, target, *bucket};
    *bucket = link;
    if (run_address)
        point(links, link, run_address);
    return true;
}

void links_point(struct links *links, uint64_t target, uint64_t run_address)
{
    for (struct link *link = *bucket_of(links, target); link; link = link->next)
        if (link->target == target)
            point(links, link, run_address);
}

void links_drop(struct links *links, const uint8_t *from, const uint8_t *to)
{
    for (unsigned i = 0; i < LINK_BUCKETS; i++) {
        struct link **at = &links->by_target[i];
        while (*at) {
            struct link *link = *at;
            if (link->jump_end > from && link->jump_end <= to) {
                *at = link->next;
                link->next = links->spare;
                links->spare = link;
            } else {
                at = &link->next;
            }
        }
    }
}

void links_clear(struct links *links)
{
    if (!links->slabs)
        return; /* no target has any */
    while (links->slabs) {
        struct link_slab *slab = links->slabs;
        links->slabs = slab->next;
        free(slab);
    }
    links->spare = NULL;
    memset(links->by_target, 0, sizeof links->by_target);
}
