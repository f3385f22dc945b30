/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Binary trees: nodes from malloc() are put in, found, walked over, taken out, and freed. */
#include <stdlib.h>
#include "../kernel.h"

#define COUNT 2000

struct node {
    struct node *low, *high;
    uint32_t key;
};

static uint32_t keys[COUNT];

static void prepare(void)
{
    for (unsigned i = 0; i < COUNT; i++)
        keys[i] = random_next();
}

static struct node **find(struct node **at, uint32_t key)
{
    while (*at && (*at)->key != key)
        at = key < (*at)->key ? &(*at)->low : &(*at)->high;
    return at;
}

static void take_out(struct node **at)
{
    struct node *node = *at;
    if (node->low && node->high) {
        struct node **next = &node->high;
        while ((*next)->low)
            next = &(*next)->low;
        node->key = (*next)->key;
        take_out(next);
        return;
    }
    *at = node->low ? node->low : node->high;
    free(node);
}

static uint64_t walk(const struct node *node, uint64_t sum)
{
    if (!node)
        return sum;
    return walk(node->high, mix(walk(node->low, sum), node->key));
}

static void release(struct node *node)
{
    if (node) {
        release(node->low);
        release(node->high);
        free(node);
    }
}

static uint64_t run(unsigned round)
{
    struct node *root = NULL;
    uint32_t turn = round * 0x01000193u;
    for (unsigned i = 0; i < COUNT; i++) {
        struct node **at = find(&root, keys[i] ^ turn);
        if (!*at) {
            *at = calloc(1, sizeof **at);
            must(*at != NULL, "tree: malloc");
            (*at)->key = keys[i] ^ turn;
        }
    }
    for (unsigned i = 0; i < COUNT; i += 2)
        take_out(find(&root, keys[i] ^ turn));
    uint64_t sum = walk(root, 0);
    for (unsigned i = 0; i < COUNT; i++)
        sum += *find(&root, keys[i] ^ turn) != NULL;
    release(root);
    return sum;
}

KERNEL("tree", "integer", 790)
