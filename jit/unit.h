/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What there is of translated code: of each block its own translation, and perhaps the region that begins with it. */
#ifndef ARMATURE_JIT_UNIT_H
#define ARMATURE_JIT_UNIT_H

#include <stdint.h>
#include "interp/block.h"
#include "jit/x64.h"

/** A jump between units, in the list of those with the same target whether it has one or not. */
struct link {
    uint8_t *jump_end; /* write address */
    uint8_t *stub;     /* where it goes while its target is not translated (write address) */
    uint64_t target;   /* guest physical address */
    struct link *next;
};

struct unit {
    struct block *block;
    uint64_t entry;       /* run address of its own translation */
    uint64_t counted;     /* run address of its own translation, behind what counts entries */
    uint32_t *counter;    /* entries up to 0; NULL: not counted */
    uint32_t *misses;     /* slots that missed, for each access; NULL: not counted */
    struct unit *next;    /* of all */
    uint8_t **returns;    /* of the region: the jumps of return points that were missed */
    unsigned return_count;
    uint8_t part;          /* of the memory (jit.c) where its own translation lies */
    bool redirected;       /* the first instruction of that is a jump to the region; it was `counts` */
    uint8_t counts[X64_JMP_BYTES];
    bool waits;            /* it is part of a region, and is to do without its own while it is entered rarely, .. */
    uint64_t waits_from;   /* .. since a CPU had counted so much */
    uint64_t adapted_at;   /* what the CPU had counted when the region was last looked at (regions.c) */
    uint32_t region_parts; /* a bit for each part that the region needs; 0: there is none */
    uint64_t region_holds; /* a bit for each 64 bytes of the page that the region has instructions of */
};

/** The unit of a block that is translated. */
static inline struct unit *unit_of(const struct block *block)
{
    return block->translation;
}

#define LINKS_A_SLAB 1024u
struct link_slab {
    struct link_slab *next;
    struct link links[LINKS_A_SLAB];
};

/** All jumps between units, by target. */
#define LINK_BITS    16
#define LINK_BUCKETS (1u << LINK_BITS)
struct links {
    struct link *by_target[LINK_BUCKETS];
    struct link *spare;
    struct link_slab *slabs;
    ptrdiff_t run_offset; /* from a write address to the run address */
};

/** Adds a link, which goes to its stub. False: the host has no memory; the jump goes to its stub for ever. */
bool links_add(struct links *links, uint8_t *jump_end, uint8_t *stub, uint64_t target, uint64_t run_address);

/** Makes all links to `target` go to `run_address`; 0: to their stubs. */
void links_point(struct links *links, uint64_t target, uint64_t run_address);

/** Forgets the links whose jumps lie in the code from `from` to `to`. */
void links_drop(struct links *links, const uint8_t *from, const uint8_t *to);

void links_clear(struct links *links);

#endif
