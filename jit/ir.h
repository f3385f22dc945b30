/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The intermediate form of a unit of translation: blocks of one page, and what goes on between them.
 *
 * An operation is a guest instruction, or what a pass put in its place: its operands are the guest's registers, so
 * between any two operations the guest's state is a defined one, and a fault is precise without more ado. What the form
 * adds is what one instruction cannot know: where control comes from and goes to, how often, where what is left of the
 * turn is tested, which accesses change pages.
 *
 * A region that begins with a loop has the loop's head twice: the first is entered from outside, with all there is to
 * know in the state, the other one by the region's own edges.
 *
 * The first tier's units are single blocks. The second's are regions: what is hot of a loop or a function within its
 * page, laid out so that the usual way falls through. Block 0 is where a unit is entered; a region is also entered
 * behind each of its calls. Where one of its blocks ends in BR, all blocks of the page that such jumps led to belong to
 * it, and it has a table of them.
 *
 * The form holds all that is read for making code of it; blocks and records are addresses there, for they may become
 * stale while another thread does so. */
#ifndef ARMATURE_IR_H
#define ARMATURE_IR_H

#include "interp/block.h"

#define IR_MAX_BLOCKS 64u
#define IR_MAX_OPS    768u

enum { IR_OUTSIDE = -1 };

struct ir_op {
    struct insn insn;          /* what is to be done */
    const struct insn *record; /* the guest's instruction, for its exec_ function */
    bool changes_pages;        /* an access whose base register's slot was often that of another page */
    uint32_t *misses;          /* of a region: counts, up to 0, how often its slot is that of another page; or NULL */
};

struct ir_block {
    struct block *block;
    uint64_t physical;  /* address of its first instruction */
    uint64_t counted;   /* of a region: run address of its own translation, behind what counts entries */
    struct ir_op *ops;
    uint32_t count;
    uint32_t heat;      /* how often it was entered, as far as that is known */
    int16_t taken;      /* the block that its branch leads to, or IR_OUTSIDE */
    int16_t next;       /* the block behind it, or IR_OUTSIDE */
    uint16_t preds;     /* edges that lead here, entries from outside among them */
    bool ends_in_call;  /* `next` is entered by a return */
    bool is_return;     /* that block */
    bool jumps;         /* ends in BR, which may lead to any of .. */
    bool is_target;     /* .. these; it tests what is left of the turn */
    bool taken_tests;   /* the edge to `taken` closes a loop: it tests what is left of the turn, .. */
    bool taken_reads;   /* the edge `taken` leads outside, to code that is known to begin with reading NZCV, .. */
    bool next_reads;    /* .. or `next` does */
    bool next_tests;    /* .. or that to `next`; as do entries from outside */
    bool is_loop_head;  /* such an edge leads here */
    uint32_t longest;   /* instructions on the longest way from its beginning to the next such test */
};

struct ir {
    struct ir_block blocks[IR_MAX_BLOCKS]; /* in the order of the code */
    unsigned block_count;
    struct ir_op ops[IR_MAX_OPS];
    unsigned op_count;
    bool is_region;
    bool guards; /* somebody may ask for the BTYPE that a jump by register leaves */
    unsigned head_again; /* the block that is the first a second time, or 0 */
};

/** Makes `ir` the unit of `block` alone. */
void ir_of_block(struct ir *ir, struct block *block);

/** How often a block was entered; 0: it may not be part of a region. */
typedef uint32_t ir_heat(const void *context, const struct block *block);

/** Makes `ir` the region around `head`. `guards`: its member. */
void ir_of_region(struct ir *ir, const struct block_cache *cache, struct block *head, ir_heat *heat,
                  const void *context, bool guards);

/** Asserts that the form is what the others take it for. Debug builds do so with each (JIT_VERIFIES). */
void ir_verify(const struct ir *ir);

#endif
