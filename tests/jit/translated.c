/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which instructions the translator leaves to their exec_ functions, line by line of the tables. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "jit/code_memory.h"
#include "jit/translate.h"
#include "machine/contract/bus.h"
#include "machine/contract/host.h"
#include "tests/conformance/random.h"

#define RAM_BASE   0x40000000ull
#define RAM_BYTES  0x10000u
#define CACHE_BYTES (2u << 20)
#define WORDS      400u

static struct code_memory memory;
static struct stubs stubs;
static struct compiler *compiler;
static struct bus bus;
static struct clock clock;
static struct cpu cpu;
static struct x64 begun;
static uint32_t dropped;

static void nothing(struct cpu *at, const struct insn *insn)
{
}

static bool is_left(const struct insn *insn)
{
    static struct ir ir;
    static struct unit_code code;
    struct block *block = calloc(1, sizeof *block + 2 * sizeof *insn);
    struct x64 hot = begun, cold = begun;
    hot.end = cold.at = begun.at + (begun.end - begun.at) / 2;
    block->physical = RAM_BASE;
    block->count = 1;
    block->insns[0] = *insn;
    block->insns[0].left = 1;
    ir_of_block(&ir, block);
    const struct compile_job job = {.ir = &ir, .hot = &hot, .cold = &cold, .cpu = &cpu, .promote = nothing};
    if (!compile(compiler, &job, &code))
        exit(3);
    free(block);
    return code.left_to_exec;
}

int main(int argc, char **argv)
{
    struct error error;
    enum host_level level;
    if (argc > 1 && host_find_level(argv[1], &level))
        host_limit(level);
    if (!bus_init(&bus, RAM_BASE, RAM_BYTES, &error))
        return 2;
    clock_init(&clock);
    if (!cpu_init(&cpu, 0, CPU_MAX, &bus, &clock, &error) || !code_memory_create(&memory, CACHE_BYTES, 16, false, &error))
        return 2;
    begun = (struct x64){.at = memory.write, .end = memory.write + CACHE_BYTES, .run_offset = memory.run - memory.write,
                         .avx = host_has.avx2};
    stubs.dropped = &dropped;
    stubs_emit(&begun, &stubs);
    compiler = compiler_create(&stubs);
    struct rng rng = {1};
    for (unsigned op = OP_UNDEFINED + 1; op < OP_COUNT; op++) {
        const struct insn_info *info = &insn_infos[op];
        unsigned left = 0, all = 0;
        uint32_t example = 0, kinds_left = 0, kinds = 0;
        for (unsigned i = 0; i < WORDS; i++) {
            struct insn insn;
            const uint32_t word = random_word(&rng, info);
            insn_decode(word, &cpu.features, &insn);
            if (insn.op != op)
                continue;
            all++;
            kinds |= 1u << (insn.size * 2 + insn.q) % 32;
            if (is_left(&insn)) {
                left++;
                example = word;
                kinds_left |= 1u << (insn.size * 2 + insn.q) % 32;
            }
        }
        if (left) {
            char text[160];
            insn_disassemble(example, 0, text, sizeof text);
            printf("%-20s %3u of %3u  kinds %x of %x  %s  %s\n", info->name, left, all, kinds_left, kinds, text, info->file);
        }
    }
    return 0;
}
