/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the two halves of the generator share: the program in the making, and larger shapes of code (shapes.c). */
#ifndef ARMATURE_TESTS_JIT_SHAPES_H
#define ARMATURE_TESTS_JIT_SHAPES_H

#include "tests/jit/generate.h"

#define COUNT(list) ((unsigned)(sizeof(list) / sizeof((list)[0])))

#define MAX_LOOPS     3u
#define MAX_FUNCTIONS 4u

/* Loops count in x28, those within in x27 and x26; recursion counts in x26 too. Nothing else names them. */
#define COUNTER(depth) (28u - (depth))

struct generator {
    struct rng rng;
    const struct features *features;
    struct program *program;
    uint32_t loop_starts[MAX_LOOPS]; /* index of each open loop's first word */
    unsigned loops;                  /* how many are open */
    uint32_t functions[MAX_FUNCTIONS]; /* index of each one's first word */
    unsigned function_count;
    bool recursive; /* the first function calls itself, x26 times */
    bool hot;       /* loops run long */
    uint8_t el;
    bool process; /* nothing stores to code: what is seen of that nobody says */
    bool vectors; /* a program of floating point and vectors */
};

void put(struct generator *g, uint32_t word);
uint32_t random_instruction(struct generator *g);

/** A register that has no task, one that points into the window, one that holds a small number. */
unsigned free_register(struct rng *rng);
unsigned base_register(struct rng *rng);
unsigned index_register(struct rng *rng);

/** Functions before the program proper, to be called from it. */
void put_functions(struct generator *g);

/** A call of one of them; most come back to behind it. */
void put_call(struct generator *g);

/** A loop around a switch: an indirect jump to one of four cases. */
void put_switch(struct generator *g);

/** A loop of conditional comparisons in a row, before a branch. */
void put_comparisons(struct generator *g);

/** A loop of comparisons, what spoils their operands, what reads flags, and branches that go either way. */
void put_flags(struct generator *g);

/** Computations whose results are known without running them, mostly, and copies. */
void put_known(struct generator *g);

/** Some accesses of several widths that overlap. */
void put_overlap(struct generator *g);

/** Accesses through one base register, near each other, with some other things between them. */
void put_row(struct generator *g);

/** A pair of exclusives, or an atomic operation. */
void put_atomic(struct generator *g);

/** A loop that walks through memory, most often until it faults. */
void put_walk(struct generator *g);

/** How often a loop of the program usually goes round. */
uint32_t loop_times(struct generator *g);

void open_loop(struct generator *g, uint32_t times);
void close_loop(struct generator *g);

#endif
