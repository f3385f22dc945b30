/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which instructions the translator leaves to their exec_ functions: those of left_to_exec.def, and no others. Of each
 * line of the tables random words are translated, each as a block by itself.
 *
 * jit_translated LEVEL [--list]
 *
 * --list: prints what is left, in place of judging it. Status 77: this host has not all of the level. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "isa/arm64/sysregs.h"
#include "jit/code_memory.h"
#include "jit/translate.h"
#include "machine/contract/bus.h"
#include "machine/contract/host.h"
#include "tests/conformance/random.h"

#define RAM_BASE    0x40000000ull
#define RAM_BYTES   0x10000u
#define CACHE_BYTES (2u << 20)
#define WORDS       400u

enum left { NONE, SOME, ALL };
static const char *const left_names[] = {"nothing", "some", "all"};

/* On hosts of `level` and less. */
static const struct expected {
    uint16_t op;
    enum left left;
    enum host_level level;
} expected[] = {
#define LEFT(name, left, level, reason) {OP_##name, left, HOST_LEVEL_##level},
#include "tests/jit/left_to_exec.def"
#undef LEFT
};

static struct stubs stubs;
static struct compiler *compiler;
static struct cpu cpu;
static struct x64 hot, cold;
static uint32_t dropped;
static uint32_t example;

static void nothing(struct cpu *at, const struct insn *insn)
{
}

static bool is_left(const struct insn *insn)
{
    static struct ir ir;
    static struct unit_code code;
    static union {
        struct block block;
        uint8_t bytes[sizeof(struct block) + 2 * sizeof(struct insn)];
    } room;
    struct x64 hot_now = hot, cold_now = cold;
    room.block.physical = RAM_BASE;
    room.block.count = 1;
    room.block.insns[0] = *insn;
    room.block.insns[0].left = 1;
    ir_of_block(&ir, &room.block);
    const struct compile_job job = {.ir = &ir, .hot = &hot_now, .cold = &cold_now, .cpu = &cpu, .promote = nothing};
    if (!compile(compiler, &job, &code)) {
        fprintf(stderr, "no room for %08x\n", insn->word);
        exit(2);
    }
    return code.left_to_exec;
}

/* Of MRS and MSR nearly no random word names a register. */
static uint32_t word_of(struct rng *rng, const struct insn_info *info, unsigned op)
{
    const uint32_t word = random_word(rng, info);
    if (op != OP_mrs && op != OP_msr)
        return word;
    return (word & ~(0x7fffu << 5)) | (uint32_t)sysreg_infos[1 + rng_below(rng, SR_COUNT - 1)].key << 5;
}

static enum left left_of(unsigned op)
{
    const struct insn_info *info = &insn_infos[op];
    struct rng rng = rng_for(1, info->name);
    unsigned left = 0, all = 0;
    for (unsigned i = 0; i < WORDS; i++) {
        struct insn insn;
        insn_decode(word_of(&rng, info, op), &cpu.features, &insn);
        if (insn.op != op)
            continue;
        all++;
        if (is_left(&insn)) {
            left++;
            example = insn.word;
        }
    }
    return !left ? NONE : left == all ? ALL : SOME;
}

static enum left expected_of(unsigned op, enum host_level level)
{
    for (unsigned i = 0; i < sizeof expected / sizeof expected[0]; i++)
        if (expected[i].op == op && level <= expected[i].level)
            return expected[i].left;
    return NONE;
}

static void prepare(void)
{
    static struct bus bus;
    static struct clock clock;
    static struct code_memory memory;
    struct error error = {""};
    clock_init(&clock);
    if (!bus_init(&bus, RAM_BASE, RAM_BYTES, &error) || !cpu_init(&cpu, 0, CPU_MAX, &bus, &clock, &error) ||
        !code_memory_create(&memory, CACHE_BYTES, 16, false, &error)) {
        fprintf(stderr, "%s\n", error.text);
        exit(2);
    }
    hot = (struct x64){.at = memory.write, .end = memory.write + CACHE_BYTES, .run_offset = memory.run - memory.write,
                       .avx = host_has.avx2};
    stubs.dropped = &dropped;
    stubs_emit(&hot, &stubs);
    cold = hot;
    hot.end = cold.at = hot.at + (hot.end - hot.at) / 2;
    compiler = compiler_create(&stubs);
    if (!compiler)
        exit(2);
}

int main(int argc, char **argv)
{
    enum host_level level;
    const bool lists = argc == 3 && !strcmp(argv[2], "--list");
    if (argc < 2 || argc > 2 + lists || !host_find_level(argv[1], &level)) {
        fprintf(stderr, "usage: jit_translated LEVEL [--list]\n");
        return 2;
    }
    host_limit(level);
    if ((level >= HOST_LEVEL_V3 && !(host_has.avx2 && host_has.fma && host_has.f16c)) ||
        (level == HOST_LEVEL_NATIVE && !(host_has.aes && host_has.sha && host_has.pclmul)))
        return 77;
    prepare();
    unsigned wrong = 0, lines = 0;
    for (unsigned op = OP_UNDEFINED + 1; op < OP_COUNT; op++) {
        const enum left left = left_of(op), should = expected_of(op, level);
        char text[160] = "";
        lines++;
        if (left != NONE)
            insn_disassemble(example, 0, text, sizeof text);
        if (lists && left != NONE)
            printf("%s\t%s\t%s\n", insn_infos[op].name, left_names[left], text);
        if (lists || left == should)
            continue;
        printf("%s: %s is left to exec_ (%s); left_to_exec.def says: %s\n", insn_infos[op].name, left_names[left], text,
               left_names[should]);
        wrong++;
    }
    if (!lists)
        printf("%u lines, %u are not as they should be\n", lines, wrong);
    compiler_free(compiler);
    return wrong != 0;
}
