/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Branches, and how a block goes on to the next. */
#include "jit/state.h"

/* pc is in rax: on to its block where the lookups know it. */
static void jump_by_lookup(struct translation_state *t)
{
    struct x64 *c = t->c;
    _Static_assert(sizeof(struct lookup) == 32, "the index below is scaled by the entry's size");
    x64_mov(c, 1, RCX, RAX);
    x64_shift_imm(c, 1, SHIFT_SHR, RCX, 2);
    x64_mov(c, 1, RDX, RAX);
    x64_shift_imm(c, 1, SHIFT_SHR, RDX, 14);
    x64_alu(c, 0, ALU_XOR, RCX, RDX);
    x64_alu_imm(c, 0, ALU_AND, RCX, LOOKUP_ENTRIES - 1);
    x64_shift_imm(c, 0, SHIFT_SHL, RCX, 5);
    x64_alu_load(c, 1, ALU_ADD, RCX, HOST_CPU, CPU_OFFSET(lookups));
    x64_alu_load(c, 1, ALU_CMP, RAX, RCX, offsetof(struct lookup, pc));
    x64_jcc_to(c, CC_NE, t->stubs->leave);
    x64_load(c, 1, RDX, RCX, offsetof(struct lookup, key));
    x64_shift_imm(c, 1, SHIFT_SHR, RAX, 63);
    x64_alu_indexed(c, 1, ALU_CMP, RDX, HOST_CPU, RAX, 3, CPU_OFFSET(code_key));
    x64_load(c, 1, RAX, RCX, offsetof(struct lookup, pc));
    x64_jcc_to(c, CC_NE, t->stubs->leave);
    x64_load(c, 1, RCX, RCX, offsetof(struct lookup, block));
    x64_mov(c, 1, RDX, RAX);
    x64_alu_imm(c, 1, ALU_AND, RDX, -4096);
    x64_store(c, 1, RDX, HOST_CPU, CPU_OFFSET(native.page));
    x64_jmp_mem(c, RCX, offsetof(struct block, native_entry));
}

static uint64_t block_end(const struct translation_state *t)
{
    return t->block->physical + 4ull * t->block->count;
}

static bool within_page(const struct translation_state *t, uint64_t target)
{
    return (target ^ t->block->physical) < PAGE_SIZE_BYTES;
}

/* The target of the jump that comes, with an opcode of `opcode_bytes`, may be changed while parallel CPUs run: by a store
 * within one cache line, which they see all or nothing of. */
static void make_patchable(struct translation_state *t, unsigned opcode_bytes)
{
    enum { LINE_BYTES = 64, TARGET_BYTES = 4 };
    if (t->cpu->parallel)
        while ((x64_here(t->c) + opcode_bytes) % LINE_BYTES > LINE_BYTES - TARGET_BYTES)
            x64_byte(t->c, 0x90);
}

static void add_link(struct translation_state *t, uint8_t *jump_end, uint64_t target)
{
    struct translation_result *result = t->result;
    result->links[result->link_count++] = (struct link){jump_end, target};
}

/* On to the block at `distance` bytes from this block's end. Within the page it is one and the same whenever this
 * code runs, so the jump can be direct. */
void jump_direct(struct translation_state *t, int64_t distance)
{
    uint64_t target = block_end(t) + (uint64_t)distance;
    if (within_page(t, target)) {
        make_patchable(t, 1);
        add_link(t, x64_jmp(t->c), target);
        return;
    }
    load_page_address(t, RAX, (int64_t)t->end_offset + distance);
    jump_by_lookup(t);
}

/* The branch is taken where `cc` holds: to a target within the page by the conditional jump itself. */
static void branch_both(struct translation_state *t, enum x64_cc cc)
{
    int64_t distance = t->insn->imm - 4;
    uint64_t target = block_end(t) + (uint64_t)distance;
    if (within_page(t, target)) {
        make_patchable(t, 2);
        add_link(t, x64_jcc(t->c, cc), target);
    } else {
        uint8_t *not_taken = x64_jcc(t->c, cc ^ 1);
        jump_direct(t, distance);
        x64_bind(t->c, not_taken);
    }
    jump_direct(t, 0);
}

static void branch_indirect(struct translation_state *t, bool link)
{
    copy(t, t->insn->rn, RAX);
    if (link) {
        unsigned d = destination(30, RCX);
        load_page_address(t, d, t->end_offset);
        done(t, 30, d);
    }
    jump_by_lookup(t);
}

enum outcome translate_branch(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    bool bti = has_feature(&t->cpu->features, FEAT_BTI);
    switch (insn->op) {
    case OP_b: jump_direct(t, insn->imm - 4); return ENDED;
    case OP_bl: {
        unsigned d = destination(30, RAX);
        load_page_address(t, d, t->end_offset);
        done(t, 30, d);
        jump_direct(t, insn->imm - 4);
        return ENDED;
    }
    case OP_b_cond:
        if (insn->opt >= 14)
            jump_direct(t, insn->imm - 4);
        else
            branch_both(t, condition(t, insn->opt));
        return ENDED;
    case OP_cbz:
    case OP_cbnz: {
        unsigned n = use(t, insn->rn, RAX);
        x64_test(t->c, insn->sf, n, n);
        branch_both(t, insn->op == OP_cbz ? CC_E : CC_NE);
        return ENDED;
    }
    case OP_tbz:
    case OP_tbnz:
        x64_bit_test(t->c, use(t, insn->rn, RAX), insn->amount);
        branch_both(t, insn->op == OP_tbz ? CC_AE : CC_B);
        return ENDED;
    case OP_ret: branch_indirect(t, false); return ENDED;
    case OP_br:
    case OP_blr:
        if (bti)
            return LEFT_TO_EXEC; /* they set BTYPE */
        branch_indirect(t, insn->op == OP_blr);
        return ENDED;
    default: return LEFT_TO_EXEC;
    }
}

