/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random programs. Left to chance nearly every instruction would fault and every loop be endless, so some
 * registers have a task: BASES point into the window or near it, INDEXES are small, COUNTERs count loops and
 * are left alone by everything else. Branches lead a few instructions forward, or back to the loop's start; larger
 * shapes are those of shapes.c. */
#include "tests/jit/generate.h"
#include <string.h>
#include "isa/arm64/decode.h"
#include "isa/arm64/fp.h"
#include "tests/jit/shapes.h"

#define TRIES   1000u

/* Some live in host registers in translated code, some do not. */
static const uint8_t bases[] = {1, 3, 6, 19, 25, 31};
static const uint8_t indexes[] = {4, 9, 14};
static uint16_t all_ops[OP_COUNT], integer_ops[OP_COUNT], memory_ops[OP_COUNT], vector_ops[OP_COUNT];
static uint16_t atomic_ops[OP_COUNT];
static unsigned all_count, integer_count, memory_count, vector_count, atomic_count;

/* What is asked for by name. */
static uint16_t preferred_ops[OP_COUNT];
static unsigned preferred_count;

static void sort_ops(void)
{
    for (unsigned op = OP_UNDEFINED + 1; op < OP_COUNT; op++) {
        const struct insn_info *info = &insn_infos[op];
        if (info->flags &
            (INSN_SYSTEM | INSN_PRIVILEGED | INSN_UNIMPLEMENTED | INSN_BRANCH))
            continue;
        all_ops[all_count++] = (uint16_t)op;
        if (strstr(info->file, "memory.tab"))
            memory_ops[memory_count++] = (uint16_t)op;
        else if (strstr(info->file, "atomics.tab"))
            atomic_ops[atomic_count++] = (uint16_t)op;
        else if (strstr(info->file, "base.tab"))
            integer_ops[integer_count++] = (uint16_t)op;
        else if (strstr(info->file, "fp") || strstr(info->file, "simd") || strstr(info->file, "crypto"))
            vector_ops[vector_count++] = (uint16_t)op;
    }
}

bool generate_preferred(const char *text)
{
    for (unsigned op = OP_UNDEFINED + 1; op < OP_COUNT; op++)
        if (strstr(insn_infos[op].name, text))
            preferred_ops[preferred_count++] = (uint16_t)op;
    return preferred_count;
}

static bool is_one_of(const uint8_t *list, unsigned count, unsigned reg)
{
    return memchr(list, (int)reg, count) != NULL;
}

static unsigned field(uint32_t word, unsigned at)
{
    return word >> at & 31;
}

static uint32_t with_field(uint32_t word, unsigned at, unsigned value)
{
    return (word & ~(31u << at)) | value << at;
}

static bool is_counter(unsigned reg)
{
    return reg <= COUNTER(0) && reg > COUNTER(MAX_LOOPS);
}

static bool names_counter(uint32_t word)
{
    return is_counter(field(word, 0)) || is_counter(field(word, 5)) || is_counter(field(word, 10)) ||
           is_counter(field(word, 16));
}

/* Whether the word may write a register that has a task: most such words are not taken. */
static bool spoils(uint32_t word)
{
    return is_one_of(bases, COUNT(bases) - 1, field(word, 0)) ||
           is_one_of(indexes, COUNT(indexes), field(word, 0));
}

static uint32_t near_literal(struct rng *rng, uint32_t word)
{
    const int distance = (int)rng_below(rng, 48) - 16;
    return (word & ~(0x7ffffu << 5)) | ((uint32_t)distance & 0x7ffff) << 5;
}

static uint32_t aim_memory(struct rng *rng, const struct insn_info *info, uint32_t word)
{
    const bool literal = strstr(info->name, "_lit") != NULL;
    if (literal)
        return near_literal(rng, word);
    if (rng_below(rng, 8))
        word = with_field(word, 5, bases[rng_below(rng, COUNT(bases))]);
    const bool indexed = strstr(info->name, "_rx") || strstr(info->name, "_rw");
    if (indexed && rng_below(rng, 8))
        word = with_field(word, 16, indexes[rng_below(rng, COUNT(indexes))]);
    /* Long unsigned offsets lead out of the window. */
    if (strstr(info->name, "_imm") && rng_below(rng, 4))
        word &= ~(0xfc0u << 10);
    return (word & ~info->mask) | info->bits;
}

uint32_t random_instruction(struct generator *g)
{
    struct rng *rng = &g->rng;
    for (unsigned i = 0; i < TRIES; i++) {
        unsigned op;
        switch (rng_below(rng, 8)) {
        case 0: /* a quarter of them all, most of which are of vectors */
        case 1: op = all_ops[rng_below(rng, all_count)]; break;
        case 2:
        case 3:
            op = rng_below(rng, 4) ? memory_ops[rng_below(rng, memory_count)]
                                   : atomic_ops[rng_below(rng, atomic_count)];
            break;
        default:
            op = g->vectors ? vector_ops[rng_below(rng, vector_count)]
                            : integer_ops[rng_below(rng, integer_count)];
            break;
        }
        if (preferred_count && rng_below(rng, 2))
            op = preferred_ops[rng_below(rng, preferred_count)];
        const struct insn_info *info = &insn_infos[op];
        uint32_t word = random_word(rng, info);
        if (info->flags & INSN_MEMORY)
            word = aim_memory(rng, info, word);
        struct insn insn;
        insn_decode(word, g->features, &insn);
        /* Reserved encodings now and then: they are UNDEFINED. */
        if (insn.op != op && rng_below(rng, 64))
            continue;
        if (!names_counter(word) && (!spoils(word) || !rng_below(rng, 16)))
            return word;
    }
    return RIG_NOP;
}

void put(struct generator *g, uint32_t word)
{
    g->program->words[g->program->count++] = word;
}

unsigned free_register(struct rng *rng)
{
    for (;;) {
        const unsigned reg = rng_below(rng, 31);
        if (!is_counter(reg) && !spoils(reg))
            return reg;
    }
}

unsigned index_register(struct rng *rng)
{
    return indexes[rng_below(rng, COUNT(indexes))];
}

unsigned base_register(struct rng *rng)
{
    return bases[rng_below(rng, COUNT(bases))];
}

/* System instructions that a block may meet. */
static void put_system(struct generator *g)
{
    static const uint32_t words[] = {
        0xd4000001, /* svc #0 */
        0xd53b4202, /* mrs x2, nzcv */
        0xd51b4207, /* msr nzcv, x7 */
        0xd5033fdf, /* isb */
        0xd53be045, /* mrs x5, cntvct_el0 */
        0xd53b4422, /* mrs x2, fpsr */
        0xd51b4408, /* msr fpcr, x8 */
        0xd500419f, /* msr pan, #1 */
        0xd500409f, /* msr pan, #0 */
        0xd50b7521, /* ic ivau, x1 */
        0xd508871f, /* tlbi vmalle1 */
        0xd50b7423, /* dc zva, x3 */
        0xd53b4220, /* mrs x0, daif */
        0xd50342df, /* msr daifset, #2 */
        0xd50342ff, /* msr daifclr, #2 */
        0xd50040bf, /* msr spsel, #0 */
        0xd50041bf, /* msr spsel, #1 */
        0xd500407f, /* msr uao, #0 */
        0xd500417f, /* msr uao, #1 */
        0xd503413f, /* msr ssbs, #1 */
        0xd503415f, /* msr dit, #1 */
        0xd4200000, /* brk #0 */
        0xd538d044, /* mrs x4, mpidr_el1 or the like: traps from EL0 */
        0x00000000, /* udf #0 */
    };
    put(g, words[rng_below(&g->rng, COUNT(words))]);
}

/* Reading or writing a system register; changing DAIF. */
static void put_sysreg(struct generator *g)
{
    static const uint16_t registers[] = {
        SR_SP_EL0, SR_CurrentEL, SR_NZCV, SR_DAIF, SR_FPCR, SR_FPSR, SR_DCZID_EL0, SR_CTR_EL0, SR_CNTVCT_EL0,
        SR_CNTKCTL_EL1, SR_TPIDR_EL0, SR_TPIDR_EL1, SR_ELR_EL1, SR_SPSR_EL1, SR_ESR_EL1, SR_FAR_EL1, SR_PAR_EL1,
        SR_CONTEXTIDR_EL1, SR_CSSELR_EL1, SR_MPIDR_EL1, SR_MIDR_EL1, SR_CPACR_EL1, SR_PMCR_EL0, SR_PMCNTENSET_EL0,
        SR_PMSELR_EL0, SR_MDSCR_EL1, SR_PAN, SR_UAO, SR_APIAKeyLo_EL1, SR_ID_AA64ISAR0_EL1, SR_OSECCR_EL1};
    struct rng *rng = &g->rng;
    const uint32_t at = (uint32_t)sysreg_infos[registers[rng_below(rng, COUNT(registers))]].key << 5;
    if (!rng_below(rng, 4))
        put(g, 0xd50340df | rng_below(rng, 16) << 8 | rng_below(rng, 2) << 5); /* msr daifset or daifclr */
    else if (rng_below(rng, 4))
        put(g, 0xd5300000 | at | rng_below(rng, COUNTER(MAX_LOOPS) + 1)); /* mrs */
    else
        put(g, 0xd5100000 | at | rng_below(rng, 32)); /* msr */
}

/* An exclusive load, now and then something in between, and the store that belongs to it or not. */
static void put_exclusive(struct generator *g)
{
    struct rng *rng = &g->rng;
    const uint32_t base = bases[rng_below(rng, COUNT(bases))] << 5, pair = rng_below(rng, 3) ? 0 : 1u << 21;
    const uint32_t size = pair ? 2 + rng_below(rng, 2) : rng_below(rng, 4);
    put(g, (pair ? 0x085f0000 | pair | 5u << 10 : 0x085f7c00) | size << 30 | rng_below(rng, 2) << 15 | base | 7);
    if (!rng_below(rng, 4))
        put(g, random_instruction(g));
    if (!rng_below(rng, 4))
        put(g, 0xf9000000 | base | 8); /* str x8 there */
    const uint32_t now = rng_below(rng, 16) ? size : size ^ 1;
    put(g, (pair ? 0x08000000 | pair | 7u << 10 : 0x08007c00) | now << 30 | rng_below(rng, 2) << 15 | 10u << 16 | base |
               (rng_below(rng, 4) ? 2 : 31));
}

/* Codes into pointers, out of them, and checked. */
static void put_pauth(struct generator *g)
{
    static const uint32_t hints[] = {0xd503211f, 0xd503215f, 0xd503219f, 0xd50321df, 0xd503231f, 0xd503235f, 0xd503239f,
                                     0xd50323df, 0xd503233f, 0xd503237f, 0xd50323bf, 0xd50323ff, 0xd50320ff};
    struct rng *rng = &g->rng;
    const uint32_t d = free_register(rng), n = rng_below(rng, 32), key = rng_below(rng, 4) << 10;
    switch (rng_below(rng, 5)) {
    case 0: put(g, hints[rng_below(rng, COUNT(hints))]); break;
    case 3: put(g, 0x9ac03000 | rng_below(rng, 32) << 16 | n << 5 | d); break; /* pacga */
    case 1: put(g, 0xdac143e0 | key % 0x800 | d); break; /* xpac */
    case 2: put(g, 0xdac10000 | key | n << 5 | d); break; /* pac, aut behind it or not */
    default: put(g, 0xdac11000 | key | n << 5 | d); break;
    }
    if (!rng_below(rng, 3))
        put(g, 0xdac11000 | key | n << 5 | d);
}

/* RBIT and CLZ, with one another's registers or not. */
static void put_trailing_zeros(struct generator *g)
{
    struct rng *rng = &g->rng;
    const uint32_t sf = rng_below(rng, 2) << 31, d = free_register(rng), n = free_register(rng);
    put(g, 0x5ac00000 | sf | n << 5 | d);
    put(g, 0x5ac01000 | sf | d << 5 | (rng_below(rng, 4) ? d : n));
}

/* A code into `target`, mostly with the key and modifier that the branch behind it takes. */
static void put_authenticated_branch(struct generator *g, uint32_t target)
{
    struct rng *rng = &g->rng;
    const uint32_t b = rng_below(rng, 2) << 10, wrong = rng_below(rng, 8) ? 0 : 1u << 10;
    if (target == 30 && rng_below(rng, 2)) {
        put(g, (0xdac10000 | 31u << 5 | 30 | b) ^ wrong); /* pacia or pacib x30, sp */
        put(g, 0xd65f0bff | b);                           /* retaa, retab */
    } else if (rng_below(rng, 2)) {
        const uint32_t modifier = rng_below(rng, 32);
        put(g, (0xdac10000 | modifier << 5 | target | b) ^ wrong);                          /* pacia */
        put(g, 0xd71f0800 | rng_below(rng, 2) << 21 | b | target << 5 | modifier); /* braa, blraa */
    } else {
        put(g, (0xdac123e0 | target | b) ^ wrong);                            /* paciza */
        put(g, 0xd61f081f | rng_below(rng, 2) << 21 | b | target << 5); /* braaz, blraaz */
    }
}

/* A branch over up to 8 instructions, now and then back to the loop's start. */
static void put_branch(struct generator *g)
{
    struct rng *rng = &g->rng;
    const struct program *p = g->program;
    int distance = 1 + (int)rng_below(rng, 8);
    if (g->loops && !rng_below(rng, 16))
        distance = (int)g->loop_starts[g->loops - 1] - (int)g->program->count;
    const uint32_t reg = rng_below(rng, 31), imm19 = ((uint32_t)distance & 0x7ffff) << 5,
                   sf = rng_below(rng, 2) << 31;
    switch (rng_below(rng, 8)) {
    case 0:
    case 1:
    case 2: put(g, 0x54000000 | imm19 | rng_below(rng, 16)); break; /* b.cond */
    case 3: put(g, 0x34000000 | sf | imm19 | reg); break;           /* cbz */
    case 4: put(g, 0x35000000 | sf | imm19 | reg); break;           /* cbnz */
    case 5:                                                         /* tbz, tbnz */
        put(g, 0x36000000 | sf | rng_below(rng, 2) << 24 | rng_below(rng, 32) << 19 |
                   ((uint32_t)distance & 0x3fff) << 5 | reg);
        break;
    case 6:
        put(g, rng_below(rng, 2) << 31 | 0x14000000 | ((uint32_t)distance & 0x3ffffff));
        break; /* b, bl */
    default: {
        static const uint32_t kinds[] = {0xd61f0000, 0xd63f0000, 0xd65f0000}; /* br, blr, ret */
        static const uint8_t targets[] = {30, 16, 9};
        static const uint32_t pads[] = {0xd503241f, 0xd503245f, 0xd503249f, 0xd50324df, 0xd503233f}; /* bti, paciasp */
        const bool authenticated = has_feature(g->features, FEAT_PAuth) && rng_below(rng, 2);
        const uint32_t target = targets[rng_below(rng, COUNT(targets))], down = (uint32_t)distance + 1 + authenticated;
        put(g, 0x10000000 | (down & 0x7ffff) << 5 | target); /* adr */
        if (authenticated)
            put_authenticated_branch(g, target);
        else
            put(g, kinds[rng_below(rng, 3)] | target << 5);
        if (p->guarded && rng_below(rng, 4)) {
            for (int i = 1; i < distance; i++)
                put(g, random_instruction(g));
            put(g, pads[rng_below(rng, COUNT(pads))]);
        }
        break;
    }
    }
}

/* A value at an end of its range: what overflows, what divides badly, what is equal to another one. */
static void put_extreme(struct generator *g)
{
    static const uint32_t words[] = {
        0xd2800000, /* mov x, #0 */
        0xd2800020, /* mov x, #1 */
        0x92800000, /* mov x, #-1 */
        0x12800000, /* mov w, #-1 */
        0xd2f00000, /* mov x, #0x8000000000000000 */
        0x92f00000, /* mov x, #0x7fffffffffffffff */
        0x52b00000, /* mov w, #0x80000000 */
        0x12b00000, /* mov w, #0x7fffffff */
    };
    static const uint32_t users[] = {
        0x1ac00800, /* udiv */
        0x1ac00c00, /* sdiv */
        0x1ac02000, /* lslv */
        0x1ac02400, /* lsrv */
        0x1ac02800, /* asrv */
        0x1ac02c00, /* rorv */
        0x9b407c00, /* smulh */
        0x9bc07c00, /* umulh */
        0x9b207c00, /* smull */
        0x1b007c00, /* mul */
    };
    struct rng *rng = &g->rng;
    const uint32_t n = free_register(rng), m = free_register(rng);
    put(g, words[rng_below(rng, COUNT(words))] | n);
    if (rng_below(rng, 2))
        put(g, words[rng_below(rng, COUNT(words))] | m);
    put(g, users[rng_below(rng, COUNT(users))] | rng_below(rng, 2) << 31 | m << 16 | n << 5 |
               free_register(rng));
}

/* The flags as bits: moved, or some of them changed. */
static void put_flag_bits(struct generator *g)
{
    static const uint32_t words[] = {
        0xd51b4200, /* msr nzcv, x */
        0xd53b4200, /* mrs x, nzcv */
        0xd500401f, /* cfinv */
        0x3a00080d, /* setf8 */
        0x3a00480d, /* setf16 */
        0xba000400, /* rmif */
        0xd500403f, /* xaflag */
        0xd500405f, /* axflag */
    };
    struct rng *rng = &g->rng;
    const unsigned count = has_feature(g->features, FEAT_FlagM2) ? 8 : has_feature(g->features, FEAT_FlagM) ? 6 : 2;
    const unsigned which = rng_below(rng, count);
    switch (which) {
    case 0:
    case 1: put(g, words[which] | free_register(rng)); break;
    case 3:
    case 4: put(g, words[which] | free_register(rng) << 5); break;
    case 5: put(g, words[which] | rng_below(rng, 64) << 15 | free_register(rng) << 5 | rng_below(rng, 16)); break;
    default: put(g, words[which]); break;
    }
}

/* Something that sets the flags, some instructions, something that asks for them. */
static void put_comparison(struct generator *g)
{
    struct rng *rng = &g->rng;
    static const uint32_t setters[] = {
        0x2b000000, /* adds */
        0x6b000000, /* subs */
        0x6a000000, /* ands */
        0x6a200000, /* bics */
        0x3a000000, /* adcs */
        0x7a000000, /* sbcs */
        0x6b20c000, /* subs extended */
        0x7a400000, /* ccmp */
        0x3a400000, /* ccmn */
        0x7a400800, /* ccmp, immediate */
        0x71000000, /* subs, immediate */
        0x31000000, /* adds, immediate */
    };
    static const uint32_t askers[] = {
        0x1a800000, /* csel */
        0x1a800400, /* csinc */
        0x5a800000, /* csinv */
        0x5a800400, /* csneg */
        0x7a400000, /* ccmp */
        0x3a400800, /* ccmn, immediate */
    };
    const uint32_t setter = setters[rng_below(rng, COUNT(setters))];
    const bool conditional = (setter & 0x3fe00000) == 0x3a400000;
    const uint32_t n = free_register(rng), m = rng_below(rng, 2) ? n : free_register(rng);
    const uint32_t d = conditional ? rng_below(rng, 16) : rng_below(rng, 2) ? 31 : free_register(rng);
    const uint32_t third = conditional ? rng_below(rng, 16) << 12 : 0;
    put(g, setter | rng_below(rng, 2) << 31 | m << 16 | third | n << 5 | d);
    for (unsigned i = rng_below(rng, 3); i; i--)
        put(g, random_instruction(g));
    while (!rng_below(rng, 4))
        put_flag_bits(g);
    for (unsigned i = 1 + rng_below(rng, 2); i; i--) {
        if (rng_below(rng, 2)) {
            put(g, 0x54000000 | (2 + rng_below(rng, 4)) << 5 | rng_below(rng, 16)); /* b.cond */
        } else {
            const uint32_t asker = askers[rng_below(rng, COUNT(askers))] | rng_below(rng, 2) << 31;
            const uint32_t to = asker & 1u << 29 ? rng_below(rng, 16) : free_register(rng);
            put(g,
                asker | free_register(rng) << 16 | rng_below(rng, 16) << 12 | free_register(rng) << 5 | to);
        }
    }
}

/* A store into this code: of a word taken from elsewhere in it, with what an honest program adds behind it or
 * not. */
static void put_patch(struct generator *g)
{
    struct rng *rng = &g->rng;
    const int from = (int)rng_below(rng, 24) - 12, to = (int)rng_below(rng, 24) - 12;
    put(g, 0x10000000 | ((uint32_t)from & 0x7ffff) << 5 | 16);     /* adr x16 */
    put(g, 0x10000000 | ((uint32_t)(to - 1) & 0x7ffff) << 5 | 17); /* adr x17 */
    put(g, 0xb9400210);                                            /* ldr w16, [x16] */
    put(g, 0xb9000230);                                            /* str w16, [x17] */
    g->program->patches = true;
    if (rng_below(rng, 2)) {
        put(g, 0xd50b7531); /* ic ivau, x17 */
        put(g, 0xd5033fdf); /* isb */
    }
}

/* Two pages of the window change places, and TLBI says so; behind it all goes on with other memory. */
static void put_remap(struct generator *g)
{
    struct rng *rng = &g->rng;
    const uint64_t entries = RIG_TABLE + (RIG_WINDOW >> 12 & 511) * 8;
    const uint32_t a = rng_below(rng, 8), b = rng_below(rng, 8);
    if (!g->el)
        return;
    put(g, 0xd2800010 | (uint32_t)(entries & 0xffff) << 5); /* movz x16 */
    put(g, 0xf2a00010 | (uint32_t)(entries >> 16) << 5);    /* movk x16, lsl 16 */
    put(g, 0xf9400211 | a << 10);                           /* ldr x17, [x16, a] */
    put(g, 0xf9400212 | b << 10);                           /* ldr x18, [x16, b] */
    put(g, 0xf9000212 | a << 10);                           /* str x18, [x16, a] */
    put(g, 0xf9000211 | b << 10);                           /* str x17, [x16, b] */
    put(g, 0xd5033b9f);                                     /* dsb ish */
    if (rng_below(rng, 2)) {
        put(g, 0xd508871f); /* tlbi vmalle1 */
    } else {
        const uint32_t page = (uint32_t)(RIG_WINDOW >> 12);
        for (unsigned i = 0; i < 2; i++) {
            const uint32_t which = page + (i ? a : b);
            put(g, 0xd2800010 | (which & 0xffff) << 5);          /* movz x16 */
            put(g, 0xf2a00010 | which >> 16 << 5);               /* movk x16, lsl 16 */
            put(g, rng_below(rng, 2) ? 0xd5088770 : 0xd50883b0); /* tlbi vaae1 or vaale1is, x16 */
        }
    }
    put(g, 0xd5033fdf); /* isb */
}

static void put_code(struct generator *g)
{
    struct rng *rng = &g->rng;
    if (!rng_below(rng, 3))
        put_functions(g);
    const unsigned length = g->program->count + 4 + rng_below(rng, rng_below(rng, 2) ? 120 : 24);
    while (g->program->count < length) {
        switch (rng_below(rng, 36)) {
        case 0: put_system(g); break;
        case 1:
        case 2:
        case 3: put_branch(g); break;
        case 4:
            if (g->process)
                put_flags(g);
            else if (!rng_below(rng, 6))
                put_patch(g);
            else if (!rng_below(rng, 3))
                put_remap(g);
            break;
        case 5:
        case 6:
            if (g->loops && (g->loops == MAX_LOOPS || rng_below(rng, 2)))
                close_loop(g);
            else if (!g->loops || !rng_below(rng, 3))
                open_loop(g, loop_times(g));
            break;
        case 7:
        case 8:
        case 9: put_comparison(g); break;
        case 10:
        case 11: put_extreme(g); break;
        case 12:
            if (rng_below(rng, 2))
                put_overlap(g);
            else
                put_row(g);
            break;
        case 13:
            if (rng_below(rng, 4))
                put_call(g);
            else
                put_known(g);
            break;
        case 14:
            if (rng_below(rng, 2))
                put_atomic(g);
            else if (!rng_below(rng, 4))
                put_walk(g);
            else if (rng_below(rng, 2))
                put_switch(g);
            else
                put_comparisons(g);
            break;
        case 15:
            if (g->process && rng_below(rng, 4))
                put_flags(g);
            else
                put_sysreg(g);
            break;
        case 16:
            if (rng_below(rng, 2))
                put_exclusive(g);
            else if (rng_below(rng, 2))
                put_trailing_zeros(g);
            else
                put_pauth(g);
            break;
        default: put(g, random_instruction(g)); break;
        }
    }
    while (g->loops)
        close_loop(g);
}

static uint64_t random_base(struct rng *rng)
{
    const uint64_t page = RIG_WINDOW + rng_below(rng, 2) * RIG_PAGE;
    switch (rng_below(rng, 16)) {
    case 0: return RIG_WINDOW - RIG_PAGE + rng_below(rng, RIG_PAGE);        /* the device */
    case 1: return RIG_WINDOW + (uint64_t)rng_below(rng, 8 * RIG_PAGE);     /* anything */
    case 2: return RIG_WINDOW + 3 * RIG_PAGE - rng_below(rng, 32);          /* up to nothing */
    case 3: return RIG_WINDOW + 2 * RIG_PAGE - rng_below(rng, 32);          /* up to what is read-only */
    case 4: return page + RIG_PAGE - rng_below(rng, 64);                    /* across pages */
    case 5: return RIG_WINDOW + 6 * RIG_PAGE + rng_below(rng, 1024);        /* the code */
    case 6: return (page + rng_below(rng, RIG_PAGE)) | rng_next(rng) << 56; /* tagged */
    case 7: return page + rng_below(rng, RIG_PAGE);
    default: return page + 16ull * rng_below(rng, RIG_PAGE / 16);
    }
}

/* Numbers of moderate size: doubles, singles, or BFloat16s; the rounding is rarely exact, but sometimes. */
static void set_numbers(struct rng *rng, uint64_t v[2])
{
    const unsigned kind = rng_below(rng, 5);
    for (unsigned i = 0; i < 2; i++) {
        const uint64_t bits = rng_next(rng) & (rng_below(rng, 2) ? ~0ull : 0xfff80000fff80000);
        if (kind < 2)
            v[i] = (bits & 0x807fffffffffffff) | 0x3f80000000000000 | (bits & 0x7f) << 56 >> 4;
        else if (kind < 4)
            v[i] = (bits & 0x83ffffff83ffffff) | 0x3c0000003c000000;
        else
            v[i] = (bits & 0x9fff9fff9fff9fff) | 0x2000200020002000;
    }
}

static void set_registers(struct generator *g)
{
    struct rng *rng = &g->rng;
    struct program *p = g->program;
    struct wire_case data, memory;
    random_case(rng, &insn_infos[OP_adr], insn_infos[OP_adr].bits, &data);
    random_case(rng, &insn_infos[OP_ldr_imm], insn_infos[OP_ldr_imm].bits, &memory);
    p->state = data.state;
    for (unsigned i = 0; i < 31; i++)
        if (!rng_below(rng, 4))
            p->state.x[i] = memory.state.x[i];
    for (unsigned i = 0; i < COUNT(bases) - 1; i++)
        p->state.x[bases[i]] = random_base(rng);
    for (unsigned i = 0; i < COUNT(indexes); i++)
        p->state.x[indexes[i]] = rng_below(rng, 8) ? rng_below(rng, 256) : memory.state.x[indexes[i]];
    /* The modes that translated code expects, and ordinary numbers. */
    if (g->vectors && rng_below(rng, 8)) {
        p->state.fpcr = 0;
        p->state.fpsr |= rng_below(rng, 8) ? FPSR_IXC : 0;
        for (unsigned i = 0; i < 32; i++)
            if (rng_below(rng, 4))
                set_numbers(rng, p->state.v[i]);
    }
    p->state.sp = random_base(rng);
    if (rng_below(rng, 8))
        p->state.sp &= ~15ull;
    p->el = g->el;
    p->daif = rng_below(rng, 2) ? 0 : 15;
    p->sp_checked = (uint8_t)rng_below(rng, 2);
    p->fp_disabled = !rng_below(rng, 32);
    p->aligned = !rng_below(rng, 32);
    p->sctlr = rng_next(rng) & (has_feature(g->features, FEAT_PAuth) ? 0xc8002000ull : 0);
    p->tcr = rng_below(rng, 2) ? 0 : rng_next(rng) & (3ull << 37 | 3ull << 51 | 0x3full << 16);
}

/* One long turn and some short ones, which end anywhere in a block. */
static void set_turns(struct generator *g)
{
    struct rng *rng = &g->rng;
    struct program *p = g->program;
    p->turn_count = 1 + rng_below(rng, RIG_MAX_TURNS);
    for (unsigned i = 0; i < p->turn_count; i++) {
        p->turns[i].insns = 1 + rng_below(rng, rng_below(rng, 2) ? 24 : 600);
        p->turns[i].irq = i && !rng_below(rng, 3);
        p->turns[i].remap = (uint8_t)(i && !rng_below(rng, 4) ? rng_below(rng, 64) : 0);
        p->turns[i].guard = (uint8_t)(i && p->guarded && !rng_below(rng, 3) ? 1 + rng_below(rng, 4) : 0);
        p->turns[i].patch = (uint8_t)(i && !rng_below(rng, 8) ? rng_below(rng, p->count) : 0);
    }
    p->turns[p->turn_count - 1].insns = g->hot ? 40000 : 2000;
}

static void generate(struct generator *g)
{
    struct program *program = g->program;
    if (!all_count)
        sort_ops();
    memset(program, 0, sizeof *program);
    g->vectors = !rng_below(&g->rng, 3);
    g->hot = !rng_below(&g->rng, 24);
    g->el = (uint8_t)(g->process ? 0 : rng_below(&g->rng, 2));
    program->guarded = rng_below(&g->rng, 4) ? 0 : 3 - (uint8_t)rng_below(&g->rng, 3);
    put_code(g);
    /* Most often somewhere in the first page, now and then across its end. */
    program->first = rng_below(&g->rng, 4) ? rng_below(&g->rng, 512) + 64 : RIG_PAGE / 4 - program->count / 2;
    set_registers(g);
    set_turns(g);
}

void generate_program(uint64_t seed, const struct features *features, struct program *program)
{
    struct generator g = {.rng = rng_for(seed, "jit"), .features = features, .program = program};
    generate(&g);
}

void generate_process(uint64_t seed, const struct features *features, struct program *program)
{
    struct generator g = {.rng = rng_for(seed, "process"), .features = features, .program = program, .process = true};
    generate(&g);
    /* What is the kernel's to say; cpu_make_user() has. */
    program->daif = program->fp_disabled = program->aligned = 0;
    program->sp_checked = 1;
    program->sctlr = program->tcr = 0;
    for (unsigned i = 0; i < program->turn_count; i++)
        program->turns[i].irq = 0;
}
