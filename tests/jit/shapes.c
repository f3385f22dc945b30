/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Larger shapes of code: loops within loops, switches, functions and recursion, returns to elsewhere, accesses that
 * overlap, atomic operations, walks through memory into what cannot be accessed. */
#include "tests/jit/shapes.h"

#define LINK       30u
#define SP         31u
#define RET_WORD   0xd65f03c0u
#define PUSH_LINK  0xf81f0ffeu /* str x30, [sp, #-16]! */
#define POP_LINK   0xf84107feu /* ldr x30, [sp], #16 */

static uint32_t branch_to(const struct generator *g, uint32_t target)
{
    return (target - g->program->count) & 0x3ffffff;
}

/* --- loops ----------------------------------------------------------------------------------------- */

uint32_t loop_times(struct generator *g)
{
    struct rng *rng = &g->rng;
    if (g->hot)
        return g->loops ? 2 + rng_below(rng, 40) : 100 + rng_below(rng, 3000);
    return rng_below(rng, 6) ? 1 + rng_below(rng, 6) : 30 + rng_below(rng, 40);
}

void open_loop(struct generator *g, uint32_t times)
{
    put(g, 0xd2800000 | times << 5 | COUNTER(g->loops)); /* movz */
    g->loop_starts[g->loops++] = g->program->count;
}

void close_loop(struct generator *g)
{
    const uint32_t counter = COUNTER(--g->loops);
    const uint32_t back = (g->loop_starts[g->loops] - g->program->count - 1) & 0x7ffff;
    if (rng_below(&g->rng, 2)) {
        put(g, 0xf1000400 | counter << 5 | counter); /* subs */
        put(g, 0x54000001 | back << 5);              /* b.ne */
    } else {
        put(g, 0xd1000400 | counter << 5 | counter); /* sub */
        put(g, 0xb5000000 | back << 5 | counter);    /* cbnz */
    }
}

/* The case is what the counter says; x16 and x17 are anybody's. */
void put_switch(struct generator *g)
{
    enum { CASES = 4, CASE_WORDS = 4 };
    if (g->loops == MAX_LOOPS)
        return;
    static const uint32_t pads[] = {0xd503249f, 0xd50324df, 0xd503245f, 0xd503241f, 0xd503233f}; /* bti j, jc, .. */
    struct rng *rng = &g->rng;
    open_loop(g, loop_times(g));
    const uint32_t counter = COUNTER(g->loops - 1), to = rng_below(rng, 2) ? 16 : 10;
    const bool padded = rng_below(rng, 2), all = rng_below(rng, 2);
    put(g, 0x92400400 | counter << 5 | 17);                 /* and x17, counter, #3 */
    put(g, 0x10000000 | 3 << 5 | to);                       /* adr x16, the cases */
    put(g, 0x8b000000 | 17 << 16 | 4 << 10 | to << 5 | to); /* add x16, x16, x17, lsl #4 */
    put(g, 0xd61f0000 | to << 5);                           /* br x16 */
    for (uint32_t at = 0; at < CASES; at++) {
        if (padded)
            put(g, pads[rng_below(rng, all ? 2 : COUNT(pads))]);
        for (unsigned i = padded ? 2 : 1; i < CASE_WORDS; i++)
            put(g, random_instruction(g));
        put(g, 0x14000000 | ((CASES - at - 1) * CASE_WORDS + 1)); /* b, behind them */
    }
    close_loop(g);
}

/* Comparisons in a row and a branch, both of whose ways set the flags anew, or (`looks`) one looks at them first. */
void put_comparisons(struct generator *g)
{
    static const uint32_t setters[] = {0x6b00001f, 0x2b00001f, 0x6a00001f}; /* cmp, cmn, tst */
    static const uint32_t conditionals[] = {0x7a400000, 0x3a400000, 0x7a400800, 0x3a400800}; /* ccmp, ccmn; immediate */
    struct rng *rng = &g->rng;
    if (g->loops == MAX_LOOPS)
        return;
    open_loop(g, loop_times(g));
    const uint32_t wide = rng_below(rng, 2) << 31, a = free_register(rng), b = free_register(rng);
    const bool looks = !rng_below(rng, 4);
    put(g, 0x91000400 | a << 5 | a); /* add a, a, #1 */
    put(g, setters[rng_below(rng, COUNT(setters))] | wide | b << 16 | a << 5);
    for (unsigned i = 1 + rng_below(rng, 4); i; i--)
        put(g, conditionals[rng_below(rng, COUNT(conditionals))] | wide | rng_below(rng, 32) << 16 |
                   rng_below(rng, 16) << 12 | (rng_below(rng, 2) ? a : b) << 5 | rng_below(rng, 16));
    put(g, 0x54000000 | 4 << 5 | rng_below(rng, 14)); /* b.cond, to the last but one */
    put(g, looks ? 0x9a9f17e0u | b : 0xb1000400 | b << 5 | b); /* cset b; or adds b, b, #1 */
    put(g, random_instruction(g));
    put(g, 0x14000000 | 2);                        /* b, behind the next */
    put(g, 0xf1000c00 | b << 5 | b);               /* subs b, b, #3 */
    put(g, 0x8b000000 | b << 16 | a << 5 | a);     /* add a, a, b */
    close_loop(g);
}

/* Nothing but one of its instructions looks at the flags, unless an access faults. The first of `some` are written, the
 * last is a base. */
static void put_flag_step(struct generator *g, const uint32_t some[3], uint32_t counter)
{
    static const uint32_t setters[] = {0x2b000000, 0x6b000000, 0x6a000000, 0x71000400, 0x31000400, 0x72000000};
    static const uint32_t movers[] = {0x8b000000, 0xaa000000, 0xca000000, 0x91000400, 0xd1000400, 0xaa0003e0};
    static const uint32_t readers[] = {0x1a800000, 0x1a800400, 0x5a800000, 0x5a800400, 0x1a000000, 0x5a000000};
    static const uint32_t accesses[] = {0xf8400000, 0xf8000000, 0x38400000, 0x78000000};
    struct rng *rng = &g->rng;
    const uint32_t d = some[rng_below(rng, 2)], n = some[rng_below(rng, 2)] << 5, m = some[rng_below(rng, 2)] << 16;
    const uint32_t wide = rng_below(rng, 2) << 31, way = (2 + rng_below(rng, 3)) << 5;
    const unsigned kind = rng_below(rng, 16);
    if (kind < 4) {
        const uint32_t setter = setters[rng_below(rng, COUNT(setters))];
        put(g, setter | wide | (setter >> 28 & 1 ? 0 : m) | n | (rng_below(rng, 2) ? d : 31));
    } else if (kind < 8) {
        const uint32_t mover = movers[rng_below(rng, COUNT(movers))];
        put(g, mover | (mover >> 28 & 1 ? 0 : m) | (mover == 0xaa0003e0 ? 0 : n) | d);
    } else if (kind < 11) {
        const uint32_t reader = readers[rng_below(rng, COUNT(readers))];
        put(g, reader | wide | m | (reader >> 23 & 1 ? rng_below(rng, 14) << 12 : 0) | n | d);
    } else if (kind < 13) {
        put(g, 0x54000000 | way | rng_below(rng, 14)); /* b.cond */
    } else if (kind < 15) {
        put(g, 0x36000000 | rng_below(rng, 2) << 24 | rng_below(rng, 2) << 19 | way | counter); /* tbz, tbnz */
    } else {
        put(g, accesses[rng_below(rng, COUNT(accesses))] | rng_below(rng, 64) << 12 | some[2] << 5 | d);
    }
}

void put_flags(struct generator *g)
{
    struct rng *rng = &g->rng;
    if (g->loops == MAX_LOOPS)
        return;
    const uint32_t some[3] = {free_register(rng), free_register(rng), base_register(rng)};
    open_loop(g, g->hot ? loop_times(g) : 40 + rng_below(rng, 40));
    for (unsigned i = 8 + rng_below(rng, 32); i; i--)
        put_flag_step(g, some, COUNTER(g->loops - 1));
    for (unsigned i = 0; i < 3; i++)
        put(g, 0x91000400 | some[0] << 5 | some[0]); /* add, where branches may lead to */
    put(g, 0xeb00001f | some[1] << 16 | some[0] << 5); /* cmp */
    close_loop(g);
}

/* --- functions ------------------------------------------------------------------------------------- */

static void put_body(struct generator *g)
{
    for (unsigned i = rng_below(&g->rng, 6); i; i--)
        put(g, random_instruction(g));
}

/* f(x26): calls itself with one less, and returns. */
static void put_recursion(struct generator *g)
{
    const uint32_t self = g->program->count, counter = COUNTER(2);
    put(g, 0xb4000000 | 6 << 5 | counter);       /* cbz x26, out */
    put(g, 0xd1000400 | counter << 5 | counter); /* sub */
    put(g, PUSH_LINK);
    put(g, random_instruction(g));
    put(g, 0x94000000 | branch_to(g, self));
    put(g, POP_LINK);
    put(g, RET_WORD);
}

/* One that returns, or goes elsewhere: past its caller's next instruction, by another register, by a jump. */
static void put_function(struct generator *g)
{
    struct rng *rng = &g->rng;
    const bool calls = g->function_count && rng_below(rng, 2);
    put_body(g);
    if (calls) {
        put(g, PUSH_LINK);
        put(g, 0x94000000 | branch_to(g, g->functions[rng_below(rng, g->function_count)]));
        put(g, POP_LINK);
        put_body(g);
    }
    switch (rng_below(rng, 8)) {
    case 0: put(g, 0x91001000 | LINK << 5 | LINK); put(g, RET_WORD); break;  /* add x30, x30, #4 */
    case 1: put(g, 0x91000000 | LINK << 5 | 16); put(g, 0xd65f0200); break;  /* mov x16, x30; ret x16 */
    case 2: put(g, 0xd61f0000 | LINK << 5); break;                          /* br x30 */
    default: put(g, RET_WORD); break;
    }
}

void put_functions(struct generator *g)
{
    struct rng *rng = &g->rng;
    const unsigned count = 1 + rng_below(rng, MAX_FUNCTIONS);
    const uint32_t over = g->program->count;
    put(g, 0);
    g->recursive = !rng_below(rng, 3);
    for (unsigned i = 0; i < count; i++) {
        const uint32_t start = g->program->count;
        if (!i && g->recursive)
            put_recursion(g);
        else
            put_function(g);
        g->functions[g->function_count++] = start;
    }
    g->program->words[over] = 0x14000000 | (g->program->count - over);
}

void put_call(struct generator *g)
{
    struct rng *rng = &g->rng;
    if (!g->function_count)
        return;
    const unsigned which = rng_below(rng, g->function_count);
    if (!which && g->recursive) {
        if (g->loops == MAX_LOOPS)
            return;
        const uint32_t depth = rng_below(rng, 4) ? rng_below(rng, 12) : rng_below(rng, 400);
        put(g, 0xd2800000 | depth << 5 | COUNTER(2));
    }
    const uint32_t target = g->functions[which];
    switch (rng_below(rng, 8)) {
    case 0: /* by a register */
        put(g, 0x10000000 | ((target - g->program->count) & 0x7ffff) << 5 | 16); /* adr */
        put(g, 0xd63f0200);                                                      /* blr x16 */
        break;
    case 1: /* returns to somewhere else than behind the call */
        put(g, 0x10000000 | (3 + rng_below(rng, 4)) << 5 | LINK); /* adr x30 */
        put(g, 0x14000000 | branch_to(g, target));
        break;
    case 2: /* a call whose return never comes */
        put(g, 0x94000001); /* bl to the next */
        break;
    default: put(g, 0x94000000 | branch_to(g, target)); break;
    }
}

/* --- what is known without running ------------------------------------------------------------------ */

void put_known(struct generator *g)
{
    /* Of registers at bits 0 (written), 5, 16: MOVZ, MOVN, MOVK, ADR, ADRP, ADD, SUB, ORR, AND of immediates; MOV; ADD,
     * SUB, EOR, LSL, CSEL, ADDS, MADD, BFM of registers. */
    static const uint32_t of_immediates[] = {0xd2800000, 0x52800000, 0x92800000, 0xf2800000, 0x72a00000, 0xf2c00000,
                                             0x10000000, 0x90000000, 0x91000000, 0xd1000000, 0x11000000, 0xb2400000};
    static const uint32_t of_registers[] = {0xaa0003e0, 0xaa0003e0, 0x2a0003e0, 0x8b000000, 0xcb000000, 0xca000000,
                                            0x9ac02000, 0x9a800000, 0xab000000, 0x9b000000, 0x33000c00};
    struct rng *rng = &g->rng;
    const bool loop = g->loops < MAX_LOOPS && rng_below(rng, 2);
    const uint32_t some[3] = {free_register(rng), free_register(rng), rng_below(rng, 8) ? free_register(rng) : SP};
    if (loop)
        open_loop(g, 20 + rng_below(rng, 20));
    for (unsigned i = 3 + rng_below(rng, 10); i; i--) {
        const uint32_t d = some[rng_below(rng, 3)], n = some[rng_below(rng, 3)], m = some[rng_below(rng, 3)];
        if (rng_below(rng, 2))
            put(g, of_immediates[rng_below(rng, COUNT(of_immediates))] | rng_below(rng, 64) << 10 | n << 5 | d);
        else
            put(g, of_registers[rng_below(rng, COUNT(of_registers))] | m << 16 | n << 5 | d);
        if (!rng_below(rng, 8))
            put(g, random_instruction(g));
    }
    if (loop)
        close_loop(g);
}

/* --- memory ---------------------------------------------------------------------------------------- */

void put_overlap(struct generator *g)
{
    /* STUR and LDUR of all widths and signs: the immediate is added at bit 12. */
    static const uint32_t stores[] = {0x38000000, 0x78000000, 0xb8000000, 0xf8000000, 0x3c000000,
                                      0x7c000000, 0xbc000000, 0xfc000000, 0x3c800000};
    static const uint32_t loads[] = {0x38400000, 0x38800000, 0x38c00000, 0x78400000, 0x78800000,
                                     0x78c00000, 0xb8400000, 0xb8800000, 0xf8400000, 0x3c400000,
                                     0x7c400000, 0xbc400000, 0xfc400000, 0x3cc00000};
    struct rng *rng = &g->rng;
    const uint32_t base = base_register(rng) << 5;
    const unsigned from = rng_below(rng, 128);
    for (unsigned i = 2 + rng_below(rng, 5); i; i--) {
        const bool store = rng_below(rng, 2);
        const uint32_t word = store ? stores[rng_below(rng, COUNT(stores))] : loads[rng_below(rng, COUNT(loads))];
        put(g, word | (from + rng_below(rng, 16)) << 12 | base | free_register(rng));
    }
}

/* An access through `base` near where it points, which may move the base, or a step of the base alone. */
static void put_neighbour(struct generator *g, uint32_t base)
{
    /* STUR, LDUR and their indexed forms (immediate at bit 12); pairs (bit 15, by their size). */
    static const uint32_t singles[] = {0x38000000, 0x38400000, 0x78000000, 0x78800000, 0xb8000000, 0xb8400000,
                                       0xf8000000, 0xf8400000, 0x3cc00000, 0x3c800000, 0xfc400000, 0xbc000000};
    static const uint32_t pairs[] = {0xa9000000, 0xa9400000, 0x29000000, 0x69400000,
                                     0xad000000, 0xad400000, 0x6d400000};
    static const uint32_t single_modes[] = {0, 0, 0, 0x400, 0xc00};
    static const uint32_t pair_modes[] = {0, 0, 0, 0x00800000 - 0x01000000, 0x00800000}; /* post, pre */
    struct rng *rng = &g->rng;
    const uint32_t step = rng_below(rng, 2) ? 16 : 1 + rng_below(rng, 40);
    const uint32_t data = free_register(rng), more = free_register(rng);
    switch (rng_below(rng, 9)) {
    case 0: put(g, 0x91000000 | step << 10 | base << 5 | base); break; /* add */
    case 1: put(g, 0xd1000000 | step << 10 | base << 5 | base); break; /* sub */
    case 2: put(g, (rng_below(rng, 2) ? 0xf8606800 : 0xf8206800) | index_register(rng) << 16 | base << 5 | data); break;
    case 3:
    case 4:
    case 5:
        put(g, (pairs[rng_below(rng, COUNT(pairs))] + pair_modes[rng_below(rng, COUNT(pair_modes))]) |
                   ((rng_below(rng, 8) - 4) & 0x7f) << 15 | more << 10 | base << 5 | data);
        break;
    default:
        put(g, singles[rng_below(rng, COUNT(singles))] | single_modes[rng_below(rng, COUNT(single_modes))] |
                   ((rng_below(rng, 80) - 40) & 0x1ff) << 12 | base << 5 | data);
        break;
    }
}

void put_row(struct generator *g)
{
    struct rng *rng = &g->rng;
    const bool loop = g->loops < MAX_LOOPS && rng_below(rng, 4);
    const uint32_t base = rng_below(rng, 4) ? base_register(rng) : SP, other = base_register(rng);
    if (loop)
        open_loop(g, 20 + rng_below(rng, 60));
    for (unsigned i = 2 + rng_below(rng, 7); i; i--) {
        put_neighbour(g, base);
        if (!rng_below(rng, 4))
            put_neighbour(g, other);
        if (!rng_below(rng, 3))
            put(g, random_instruction(g));
    }
    if (loop)
        close_loop(g);
}

void put_atomic(struct generator *g)
{
    /* With Rs at bit 16, size at bit 30, acquire and release at bits 23 and 22. */
    static const uint32_t operations[] = {0x38200000, 0x38201000, 0x38202000, 0x38203000, 0x38204000,
                                          0x38205000, 0x38206000, 0x38207000, 0x38208000};
    struct rng *rng = &g->rng;
    const uint32_t base = base_register(rng) << 5, size = rng_below(rng, 4) << 30, data = free_register(rng);
    const uint32_t status = free_register(rng), ordered = rng_below(rng, 2) << 15;
    switch (rng_below(rng, 6)) {
    case 0: /* LSE */
    case 1:
        put(g, operations[rng_below(rng, COUNT(operations))] | size | rng_below(rng, 4) << 22 | status << 16 | base |
                   data);
        break;
    case 2: /* compare and swap */
        put(g, 0x08a07c00 | size | rng_below(rng, 2) << 22 | ordered | status << 16 | base | data);
        break;
    case 3: /* pairs of registers */
        put(g, 0xc87f0000 | ordered | free_register(rng) << 10 | base | data);
        put(g, 0xc8200000 | ordered | status << 16 | free_register(rng) << 10 | base | data);
        break;
    default:
        put(g, 0x085f7c00 | size | ordered | base | data); /* ldxr */
        for (unsigned i = rng_below(rng, 3); i; i--)
            put(g, random_instruction(g));
        if (!rng_below(rng, 8))
            put(g, 0xd5033f5f); /* clrex */
        put(g, 0x08007c00 | size | ordered | status << 16 | base | data); /* stxr */
        if (!rng_below(rng, 4))
            put(g, 0x35000000 | ((uint32_t)-2 & 0x7ffff) << 5 | status); /* cbnz, back */
        break;
    }
}

void put_walk(struct generator *g)
{
    /* Post-indexed by 4 to 64 bytes: loads, stores, pairs, vectors. */
    static const uint32_t steps[] = {0xf8408400, 0xf8008400, 0xb8404400, 0x38401400, 0x78002400, 0x3cc10400, 0x3c810400,
                                     0xa8c10000, 0xa8810000, 0xacc20000, 0xac820000, 0x69410000 | 1u << 23};
    struct rng *rng = &g->rng;
    if (g->loops == MAX_LOOPS)
        return;
    const uint32_t step = steps[rng_below(rng, COUNT(steps))], base = base_register(rng) << 5;
    const uint32_t counter = COUNTER(g->loops), times = 1 + rng_below(rng, rng_below(rng, 2) ? 2000 : 20);
    const bool pair = step >> 27 & 1 && !(step >> 28 & 1);
    put(g, 0xd2800000 | times << 5 | counter);
    const uint32_t start = g->program->count;
    put(g, step | base | free_register(rng) | (pair ? free_register(rng) << 10 : 0));
    for (unsigned i = rng_below(rng, 3); i; i--)
        put(g, random_instruction(g));
    put(g, 0xf1000400 | counter << 5 | counter);
    put(g, 0x54000001 | ((start - g->program->count) & 0x7ffff) << 5); /* b.ne */
}
