/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Follows pointers through 8 MiB in random order: every step misses caches, and often the TLB. */
#include "../kernel.h"

#define COUNT (1u << 17)
#define STEPS 20000

static struct node {
    struct node *next;
    uint64_t value[7];
} nodes[COUNT];

static struct node *at;

/* One ring through all nodes (Sattolo's shuffle). */
static void prepare(void)
{
    for (unsigned i = 0; i < COUNT; i++) {
        nodes[i].next = &nodes[i];
        nodes[i].value[0] = i;
    }
    for (unsigned i = COUNT - 1; i > 0; i--) {
        unsigned other = random_next() % i;
        struct node *keep = nodes[i].next;
        nodes[i].next = nodes[other].next;
        nodes[other].next = keep;
    }
    at = nodes;
}

static uint64_t run(unsigned round)
{
    uint64_t sum = round;
    for (unsigned i = 0; i < STEPS; i++, at = at->next)
        sum += at->value[0];
    return mix(sum, at->value[0]);
}

KERNEL("chase", "memory", 310)
