/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What lockstep prints when the two sides differ. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "interp/block.h"
#include "isa/arm64/exception.h"
#include "jit/lockstep_state.h"

#define BYTES_SHOWN 32u

static void print_memory(const struct engine *engine)
{
    const struct journal *journal = &engine->journal;
    unsigned shown = 0;
    for (unsigned i = 0; i < journal->count; i++) {
        const struct journal_page *entry = &journal->pages[i];
        const uint8_t *judged = journal->ram->host + entry->page * PAGE_SIZE_BYTES;
        for (unsigned at = 0; at < PAGE_SIZE_BYTES; at++)
            if (judged[at] != entry->after[at] && shown++ < BYTES_SHOWN)
                fprintf(stderr, "    RAM %#-16" PRIx64 " %02x  %02x  (before: %02x)\n",
                        (uint64_t)(journal->ram->base + entry->page * PAGE_SIZE_BYTES + at), judged[at],
                        entry->after[at], entry->before[at]);
    }
    if (shown > BYTES_SHOWN)
        fprintf(stderr, "    and %u bytes more\n", shown - BYTES_SHOWN);
}

void report_difference(const struct engine *engine, const struct cpu *cpu, const struct chunk *chunk)
{
    static const char *const exits[] = {"limit", "wait", "request", "wrong"};
    fprintf(stderr, "  differs:                 interp  %s\n", engine->tested_ops->name);
    if (chunk->judged.exit != chunk->tested.exit)
        fprintf(stderr, "    exit                 %s  %s\n", exits[chunk->judged.exit], exits[chunk->tested.exit]);
    if (chunk->judged.attention != chunk->tested.attention)
        fprintf(stderr, "    lowered its limit    %d  %d\n", chunk->judged.attention, chunk->tested.attention);
    fields_print_difference(stderr, "    ", &cpu_fields, cpu, &engine->shadows[cpu->index]->cpu);
    print_memory(engine);
}

static void print_state(const struct cpu *cpu)
{
    for (unsigned i = 0; i < 31; i++)
        fprintf(stderr, "    x%-3u %016" PRIx64 "%s", i, cpu->x[i], i % 4 == 3 ? "\n" : "");
    fprintf(stderr, "    sp   %016" PRIx64 "\n    pc   %016" PRIx64, cpu->x[REG_SP], cpu->pc);
    fprintf(stderr, "    pstate %08" PRIx32 "    fpcr %08" PRIx64 "    fpsr %08" PRIx64 "\n", pstate_to_spsr(cpu),
            cpu->fpcr, cpu->fpsr);
    for (unsigned i = 0; i < 32; i++)
        fprintf(stderr, "    v%-3u %016" PRIx64 "%016" PRIx64 "%s", i, cpu->v[i].d[1], cpu->v[i].d[0],
                i % 2 ? "\n" : "");
}

/* The bytes at the translation of the block at `physical`, where there is one. */
static void print_host_code(const struct engine *engine, const struct cpu *copy, uint64_t physical)
{
    enum { BYTES = 512, LINE = 32 };
    const struct block *block = copy->blocks ? block_find(copy->blocks, physical) : NULL;
    if (!block || block->insns[0].run == run_warming || block->insns[0].run == block->first)
        return;
    fprintf(stderr, "  host code of the block at physical %#" PRIx64 " (%u instructions), from %#" PRIx64 ":\n",
            physical, block->count, block->native_entry);
    const uint8_t *code = (const uint8_t *)block->native_entry;
    for (unsigned i = 0; i < BYTES; i++)
        fprintf(stderr, "%s%02x%s", i % LINE ? "" : "    ", code[i], i % LINE == LINE - 1 ? "\n" : "");
}

void report_code(const struct engine *engine, const struct cpu *cpu, const struct trace *trace)
{
    fprintf(stderr, "  state before:\n");
    print_state(engine->start);
    const uint64_t kept = trace->count < TRACE_INSNS ? trace->count : TRACE_INSNS;
    fprintf(stderr, "  guest code, the last %" PRIu64 " of %" PRIu64 " instructions:\n", kept, trace->count);
    for (uint64_t i = trace->count - kept; i < trace->count; i++) {
        const struct traced *insn = &trace->insns[i % TRACE_INSNS];
        char text[160] = "cannot be fetched";
        if (insn->physical)
            insn_disassemble(insn->word, insn->pc, text, sizeof text);
        fprintf(stderr, "    %016" PRIx64 "  %08" PRIx32 "  %s\n", insn->pc, insn->word, text);
    }
    for (uint64_t i = trace->count - kept; i < trace->count; i++)
        print_host_code(engine, &engine->shadows[cpu->index]->cpu, trace->insns[i % TRACE_INSNS].physical);
}
