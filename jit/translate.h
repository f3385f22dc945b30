/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a decoded block to x86-64 code. */
#ifndef ARMATURE_TRANSLATE_H
#define ARMATURE_TRANSLATE_H

#include "interp/block.h"
#include "jit/x64.h"

/** Code that all translations share, by run address (stubs.c). */
struct stubs {
    uint64_t enter;       /* a handler: enters the native code of the block of its record */
    uint64_t leave;       /* rax = pc: everything to the state, back to the interpreter's loop */
    uint64_t leave_at;    /* the same with rdx = pc's place in the page */
    uint64_t call_plain;  /* called: rax = function, rcx = record, rdx = the block's end in the page: runs it with
                             everything in the state */
    uint64_t call_plain_armed; /* the same from where the host's FP flags are the guest's, before and after */
    uint64_t end_plain;   /* jumped to: the same, and back to the loop */
    uint64_t arm_fp;      /* called: makes the host's FP flags the guest's where FP access is free and FPCR is 0; the
                             zero flag says whether. Uses rax. */
};

/** Writes the shared code. */
void stubs_emit(struct x64 *c, struct stubs *stubs);

/** A jump to a block of the same page, to be patched when that one is translated. */
struct link {
    uint8_t *jump_end; /* write address */
    uint64_t target;   /* guest physical address */
};

/** What became of a block. */
struct translation_result {
    uint64_t entry; /* run address for jumps from translated code: accounts for the block first */
    uint64_t body;  /* run address for the interpreter, which has accounted for it */
    struct link links[2];
    unsigned link_count;
};

/** Translates `block`: what is usually run at hot->at, the rest at cold->at. False where there is no room. Jumps of
 *  `links` leave until they are patched; the one that ends at hot->at, if any, goes on behind the block. */
bool translate_block(struct x64 *hot, struct x64 *cold, const struct stubs *stubs, const struct cpu *cpu,
                     const struct block *block, struct translation_result *result);

/* Where guest registers live in translated code (the others stay in the state, at rbp). */
#define HOST_CPU RBP
#define HOST_TLB R15
#define HOST_LEFT R10 /* instructions left before the limit, this block's taken off */
/** The host register of a guest register (record index), or -1. */
extern const int8_t pin_of[REG_COUNT];
/** All pinned guest registers. */
#define PIN_COUNT 9
extern const uint8_t pinned[PIN_COUNT];

#endif
