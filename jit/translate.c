/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a decoded block to x86-64 code, one instruction after the other.
 *
 * Any instruction can be left to its exec_ function, which finds pc and icount as the interpreter's bargain has them
 * (isa/arm64/cpu.h; the stubs see to that), and so does a fault; what is translated here only has to do the same
 * faster. A load at x1 becomes
 *
 *     lea rax, [rsi + 8]                                                  the address (x1 is in rsi)
 *     mov rdx, [slot.tag] ; xor rdx, rax ; cmp rdx, [slot.limit] ; jae miss    x1's slot: page and crossing in one compare
 *     add rax, [slot.addend]
 *     mov rbx, [rax]
 *   miss (out of line): the indexed TLB entry fills the slot; where that does not fit either, call_plain the exec_
 *   function; then on behind the load.
 *
 * A comparison leaves its flags in the state and, until the next instruction that changes them, in the host. */
#include "jit/state.h"

static enum outcome translate_insn(struct translation_state *t)
{
    uint32_t flags = insn_infos[t->insn->op].flags;
    if (flags & INSN_BRANCH)
        return translate_branch(t);
    if (flags & INSN_MEMORY)
        return translate_memory(t);
    return translate_data(t) || translate_fp(t) || translate_vector(t) ? TRANSLATED : LEFT_TO_EXEC;
}

static void emit_leave_at(struct translation_state *t, uint64_t page_offset)
{
    x64_mov_imm(t->c, RDX, page_offset);
    x64_jmp_to(t->c, t->stubs->leave_at);
}

/* What is out of line at the end: the entry that finds too little left, and jumps to blocks that do not exist yet. */
static void emit_ways_out(struct translation_state *t, uint8_t *too_little)
{
    x64_bind(t->c, too_little);
    x64_alu_imm(t->c, 1, ALU_ADD, HOST_LEFT, (int32_t)t->block->count);
    emit_leave_at(t, t->block->physical % PAGE_SIZE_BYTES);
    for (unsigned i = 0; i < t->result->link_count; i++) {
        x64_bind(t->c, t->result->links[i].jump_end);
        emit_leave_at(t, t->result->links[i].target % PAGE_SIZE_BYTES);
    }
}

bool translate_block(struct x64 *hot, struct x64 *cold, const struct stubs *stubs, const struct cpu *cpu,
                     const struct block *block, struct translation_result *result)
{
    struct translation_state t = {
        .c = hot, .stubs = stubs, .cpu = cpu, .block = block, .flags = FLAGS_UNKNOWN, .result = result};
    t.end_offset = (uint32_t)(block->physical % PAGE_SIZE_BYTES) + 4 * block->count;
    result->link_count = 0;
    result->entry = x64_here(hot);
    x64_alu_imm(hot, 1, ALU_SUB, HOST_LEFT, (int32_t)block->count);
    if (cpu->parallel) /* its limit is none, or 0 for attention, which others want any time */
        x64_alu_imm_store(hot, 1, ALU_CMP, HOST_CPU, CPU_OFFSET(limit), 0);
    uint8_t *too_little = x64_jcc(hot, cpu->parallel ? CC_E : CC_L);
    result->body = x64_here(hot);
    enum outcome outcome = TRANSLATED;
    for (unsigned i = 0; i < block->count && outcome != ENDED; i++) {
        t.insn = &block->insns[i];
        t.slow_first = t.slow_count;
        outcome = translate_insn(&t);
        if (outcome == LEFT_TO_EXEC && call_exec(&t, t.insn))
            outcome = ENDED;
        for (unsigned s = t.slow_first; s < t.slow_count; s++)
            t.slow[s].resume = hot->at;
    }
    if (outcome != ENDED)
        jump_direct(&t, 0);
    t.c = cold;
    emit_slot_misses(&t);
    emit_slow_paths(&t);
    emit_ways_out(&t, too_little);
    emit_fp_exits(&t);
    return !hot->full && !cold->full;
}
