/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The intermediate form as text. Addresses of the guest are physical ones: that is what code is known by. */
#include "jit/ir_print.h"
#include <inttypes.h>
#include <string.h>

static const char *const host_names[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                         "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};

static void print_registers(FILE *to, const int8_t *host_of)
{
    fprintf(to, "  registers:");
    for (unsigned reg = 0; reg < REG_COUNT; reg++) {
        if (host_of[reg] < 0)
            continue;
        if (reg == REG_SP)
            fprintf(to, " sp=%s", host_names[host_of[reg]]);
        else
            fprintf(to, " x%u=%s", reg, host_names[host_of[reg]]);
    }
    fprintf(to, "\n");
}

static void print_edge(FILE *to, const char *name, int block)
{
    if (block == IR_OUTSIDE)
        fprintf(to, ", %s: outside", name);
    else
        fprintf(to, ", %s: %d", name, block);
}

/* What a pass put in the instruction's place, if it did: its name, and the operands by member. */
static void print_op(FILE *to, const struct ir_op *op, uint64_t physical)
{
    char text[128];
    const struct insn *now = &op->insn, *was = op->record;
    insn_disassemble(was->word, physical, text, sizeof text);
    fprintf(to, "    %#" PRIx64 "  %08" PRIx32 "  %s\n", physical, was->word, text);
    bool same = now->op == was->op && now->imm == was->imm && now->rd == was->rd && now->rn == was->rn &&
                now->rm == was->rm && now->ra == was->ra && now->sf == was->sf && now->opt == was->opt &&
                now->amount == was->amount;
    if (!same)
        fprintf(to, "        as %s rd=%u rn=%u rm=%u ra=%u imm=%#" PRIx64 " sf=%u opt=%u amount=%u\n",
                insn_infos[now->op].name, now->rd, now->rn, now->rm, now->ra, (uint64_t)now->imm, now->sf, now->opt,
                now->amount);
}

static void print_block(FILE *to, const struct ir *ir, unsigned index)
{
    const struct ir_block *block = &ir->blocks[index];
    fprintf(to, "  block %u: %u instructions", index, block->count);
    if (ir->is_region) {
        fprintf(to, ", heat %" PRIu32 ", entered from %u", block->heat, block->preds);
        print_edge(to, "taken", block->taken);
        print_edge(to, "next", block->next);
        fprintf(to, "%s%s%s%s%s, longest %" PRIu32, block->is_loop_head ? ", loop head" : "",
                block->jumps ? ", jumps by the table" : "", block->is_target ? ", in the table" : "",
                block->ends_in_call ? ", ends in a call" : "", block->is_return ? ", entered by a return" : "",
                block->longest);
    }
    fprintf(to, "\n");
    for (unsigned i = 0; i < block->count; i++)
        print_op(to, &block->ops[i], block->block->physical + 4ull * i);
}

void ir_print(FILE *to, const struct ir *ir, const int8_t *host_of,
              void (*behind)(FILE *to, const void *context, unsigned block), const void *context)
{
    fprintf(to, "%s %#" PRIx64 ": blocks %u, operations %u\n", ir->is_region ? "region" : "arm64",
            ir->blocks[0].block->physical, ir->block_count, ir->op_count);
    print_registers(to, host_of);
    for (unsigned i = 0; i < ir->block_count; i++) {
        print_block(to, ir, i);
        if (behind)
            behind(to, context, i);
    }
}
