/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An interpreter of bytecode for a machine with registers; its program counts the steps of Collatz's rule. */
#include "../kernel.h"

enum code { CONSTANT, MOVE, ADD, ADD_TO, MULTIPLY, SHIFT, AND, LESS, JUMP, IF_ZERO, IF_NOT, LOAD, STORE, END };

struct instruction {
    uint8_t code, a, b;
    int16_t c;
};

static const struct instruction program[] = {
    /* 0: for each number from r0 on, below r1 */
    {MOVE, 3, 0, 0},
    {CONSTANT, 4, 0, 1},
    /* 2: while it is not 1 */
    {LESS, 5, 4, 3},
    {IF_ZERO, 5, 0, 12},
    {AND, 5, 3, 1},
    {IF_ZERO, 5, 0, 9},
    {MULTIPLY, 3, 0, 3},
    {ADD_TO, 3, 0, 1},
    {JUMP, 0, 0, 10},
    /* 9: even */
    {SHIFT, 3, 0, 1},
    /* 10 */
    {ADD_TO, 2, 0, 1},
    {JUMP, 0, 0, 2},
    /* 12: some use of memory */
    {STORE, 0, 2, 0},
    {LOAD, 6, 2, 0},
    {ADD, 7, 6, 0},
    {ADD_TO, 0, 0, 1},
    {LESS, 5, 0, 1},
    {IF_NOT, 5, 0, 0},
    {END, 0, 0, 0},
};

static uint64_t memory[256];

static void prepare(void)
{
}

static uint64_t interpret(const struct instruction *code, uint64_t *r)
{
    uint64_t steps = 0;
    for (const struct instruction *at = code;; at++, steps++) {
        switch ((enum code)at->code) {
        case CONSTANT: r[at->a] = (uint64_t)at->c; break;
        case MOVE: r[at->a] = r[at->b]; break;
        case ADD: r[at->a] += r[at->b]; break;
        case ADD_TO: r[at->a] += (uint64_t)at->c; break;
        case MULTIPLY: r[at->a] *= (uint64_t)at->c; break;
        case SHIFT: r[at->a] >>= at->c; break;
        case AND: r[at->a] = r[at->b] & (uint64_t)at->c; break;
        case LESS: r[at->a] = r[at->b] < r[at->c]; break;
        case JUMP: at = code + at->c - 1; break;
        case IF_ZERO:
            if (!r[at->a])
                at = code + at->c - 1;
            break;
        case IF_NOT:
            if (r[at->a])
                at = code + at->c - 1;
            break;
        case LOAD: r[at->a] = memory[r[at->b] % 256]; break;
        case STORE: memory[r[at->a] % 256] ^= r[at->b]; break;
        case END: return steps;
        }
    }
}

static uint64_t run(unsigned round)
{
    uint64_t registers[8] = {round * 500 + 1, round * 500 + 501};
    uint64_t steps = interpret(program, registers);
    return mix(steps, registers[2] + registers[7]);
}

KERNEL("bytecode", "integer", 210)
