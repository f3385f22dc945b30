/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Branches, and how a block goes on to the next. */
#include "jit/state.h"

/* A place's own lookup, as an offset from cpu->lookups. Places may share one: it says itself what it knows. */
static uint32_t lookup_of(const struct translation_state *t)
{
    uint64_t place = t->block->physical + 4ull * t->block->count - 4ull * t->insn->left;
    unsigned index = LOOKUP_ENTRIES + ((place >> 2 ^ place >> 13) & (LOOKUP_SITES - 1));
    return (uint32_t)(index * sizeof(struct lookup));
}

/* BTYPE lives from the jump to the beginning of the next instruction. Native code has no such state: it jumps only
 * where that instruction does begin. */
void emit_begin_check(struct x64 *c, uint8_t *refused[2])
{
    x64_alu_imm_store(c, 1, ALU_CMP, RCX, offsetof(struct block, physical), -1);
    refused[0] = x64_jcc(c, CC_E);
    x64_load(c, 0, RDX, RCX, offsetof(struct block, count));
    x64_alu(c, 1, ALU_CMP, HOST_LEFT, RDX);
    refused[1] = x64_jcc(c, CC_L);
}

/* rax is a pc: on to its block, if this place's lookup knows it. */
static void jump_by_lookup(struct translation_state *t, struct far_jump *far)
{
    struct x64 *c = t->c;
    const int32_t lookup = (int32_t)far->lookup;
    x64_load(c, 1, RCX, HOST_CPU, CPU_OFFSET(lookups));
    x64_alu_load(c, 1, ALU_CMP, RAX, RCX, lookup + (int32_t)offsetof(struct lookup, pc));
    far->missed[0] = x64_jcc(c, CC_NE);
    x64_load(c, 1, RDX, HOST_CPU, CPU_OFFSET(code_key) + 8 * (int32_t)t->half);
    if (far->btype)
        x64_alu_imm(c, 1, ALU_OR, RDX, far->btype);
    x64_alu_load(c, 1, ALU_CMP, RDX, RCX, lookup + (int32_t)offsetof(struct lookup, key));
    far->missed[1] = x64_jcc(c, CC_NE);
    if (far->btype == BTYPE_OF_PAGE) {
        x64_load(c, 1, RDX, HOST_CPU, CPU_OFFSET(native.page));
        x64_alu_load(c, 1, ALU_CMP, RDX, RCX, lookup + (int32_t)offsetof(struct lookup, from));
        far->missed[2] = x64_jcc(c, CC_NE);
    }
    x64_load(c, 1, RCX, RCX, lookup + (int32_t)offsetof(struct lookup, block));
    if (far->btype)
        emit_begin_check(c, far->refused);
    x64_mov(c, 1, RDX, RAX);
    x64_alu_imm(c, 1, ALU_AND, RDX, -4096);
    x64_store(c, 1, RDX, HOST_CPU, CPU_OFFSET(native.page));
    x64_jmp_mem(c, RCX, offsetof(struct block, native_entry));
}

/* On to pc in rax (`indirect`), or at `offset` from the page. */
static void jump_far(struct translation_state *t, bool indirect, int64_t offset)
{
    struct far_jump *far = &t->far[t->far_count++];
    *far = (struct far_jump){.indirect = indirect, .offset = offset, .lookup = lookup_of(t)};
    if (!indirect)
        load_page_address(t, RAX, offset);
    jump_by_lookup(t, far);
}

void emit_far_jumps(struct translation_state *t)
{
    struct x64 *c = t->c;
    for (unsigned i = 0; i < t->far_count; i++) {
        struct far_jump *far = &t->far[i];
        if (far->call_end) {
            x64_bind(c, far->call_end);
            if (!far->indirect)
                load_page_address(t, RAX, far->offset);
            jump_by_lookup(t, far);
        }
        const uint64_t refused = x64_here(c);
        if (far->btype) {
            x64_bind(c, far->refused[0]);
            x64_bind(c, far->refused[1]);
            load_plain(t, far->insn);
            x64_jmp_to(c, t->stubs->end_plain);
        }
        for (unsigned m = 0; m < 3; m++)
            if (far->missed[m])
                x64_bind(c, far->missed[m]);
        x64_mov_imm(c, RDX, far->lookup | far->btype);
        if (far->btype)
            x64_mov_imm(c, RCX, refused);
        x64_jmp_to(c, far->btype ? t->stubs->fill_guarded : t->stubs->fill_site);
    }
    if (t->return_missed) {
        x64_bind(c, t->return_missed);
        x64_mov(c, 1, RAX, (unsigned)pin_of[30]);
        x64_jmp_to(c, t->stubs->jump_by_hash);
    }
}

static uint64_t block_end(const struct translation_state *t)
{
    return t->block->physical + 4ull * t->block->count;
}

static bool within_page(const struct translation_state *t, uint64_t target)
{
    return (target ^ t->block->physical) < PAGE_SIZE_BYTES;
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
        add_link(t, x64_jmp(t->c), target);
        return;
    }
    jump_far(t, false, (int64_t)t->end_offset + distance);
}

/* The branch is taken where `cc` holds: to a target within the page by the conditional jump itself. */
static void branch_both(struct translation_state *t, enum x64_cc cc)
{
    int64_t distance = t->insn->imm - 4;
    uint64_t target = block_end(t) + (uint64_t)distance;
    if (within_page(t, target)) {
        add_link(t, x64_jcc(t->c, cc), target);
    } else {
        uint8_t *not_taken = x64_jcc(t->c, cc ^ 1);
        jump_direct(t, distance);
        x64_bind(t->c, not_taken);
    }
    jump_direct(t, 0);
}

/* --- calls and returns --------------------------------------------------------------------------------
 *
 * A call leaves the page and a host return address on the stack of return points (stubs.c). Whatever returns there
 * first looks whether it is where the guest wanted to return to; translations do not change within a stay, so an
 * address that was this place's at the call still is. */

static void begin_call(struct translation_state *t)
{
    struct x64 *c = t->c;
    x64_load(c, 1, RCX, HOST_CPU, CPU_OFFSET(native.page));
    x64_lea(c, 1, (unsigned)pin_of[30], RCX, (int32_t)t->end_offset);
    x64_push(c, RCX);
}

static void end_call(struct translation_state *t)
{
    struct x64 *c = t->c;
    x64_pop(c, RAX);
    x64_store(c, 1, RAX, HOST_CPU, CPU_OFFSET(native.page));
    x64_lea(c, 1, RAX, RAX, (int32_t)t->end_offset);
    x64_alu(c, 1, ALU_CMP, RAX, (unsigned)pin_of[30]);
    t->return_missed = x64_jcc(c, CC_NE);
    jump_direct(t, 0);
}

static struct far_jump *call_out_of_line(struct translation_state *t, bool indirect, int64_t offset)
{
    struct far_jump *far = &t->far[t->far_count++];
    *far = (struct far_jump){
        .call_end = x64_call(t->c), .indirect = indirect, .offset = offset, .lookup = lookup_of(t), .insn = t->insn};
    return far;
}

static void call_direct(struct translation_state *t)
{
    int64_t distance = t->insn->imm - 4;
    uint64_t target = block_end(t) + (uint64_t)distance;
    begin_call(t);
    if (within_page(t, target))
        add_link(t, x64_call(t->c), target);
    else
        call_out_of_line(t, false, (int64_t)t->end_offset + distance);
    end_call(t);
}

static void call_indirect(struct translation_state *t, unsigned btype)
{
    copy(t, t->insn->rn, RAX);
    begin_call(t);
    call_out_of_line(t, true, 0)->btype = (uint8_t)btype;
    end_call(t);
}

static void branch_indirect(struct translation_state *t)
{
    copy(t, t->insn->rn, RAX);
    x64_jmp_to(t->c, t->stubs->jump_by_hash);
}

/* BR and BLR where there is Branch Target Identification: the target's block must be known for the BTYPE that they leave.
 * Else exec_ does it: from the start, so BLR must not have lost its target. */
static bool branch_guarded(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    if (insn->op == OP_blr) {
        if (insn->rn == 30)
            return false;
        call_indirect(t, 2);
        return true;
    }
    struct far_jump *far = &t->far[t->far_count++];
    const bool veneer = insn->rn == 16 || insn->rn == 17;
    *far = (struct far_jump){
        .indirect = true, .lookup = lookup_of(t), .btype = veneer ? 1 : BTYPE_OF_PAGE, .insn = insn};
    copy(t, insn->rn, RAX);
    jump_by_lookup(t, far);
    return true;
}

static void branch_if(struct translation_state *t, unsigned cond)
{
    if (t->pending.host_only)
        commit_flags(t); /* which may turn the carry over */
    enum x64_cc cc = condition(t, cond);
    commit_flags(t);
    branch_both(t, cc);
}

enum outcome translate_branch(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    bool bti = has_feature(&t->cpu->features, FEAT_BTI);
    if (insn->op != OP_b_cond || insn->opt >= 14)
        commit_flags(t);
    switch (insn->op) {
    case OP_b: jump_direct(t, insn->imm - 4); return ENDED;
    case OP_bl: call_direct(t); return ENDED;
    case OP_b_cond:
        if (insn->opt >= 14)
            jump_direct(t, insn->imm - 4);
        else
            branch_if(t, insn->opt);
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
    case OP_ret:
        if (insn->rn == 30)
            x64_ret(t->c);
        else
            branch_indirect(t);
        return ENDED;
    case OP_br:
    case OP_blr:
        if (bti)
            return branch_guarded(t) ? ENDED : LEFT_TO_EXEC;
        if (insn->op == OP_br)
            branch_indirect(t);
        else
            call_indirect(t, 0);
        return ENDED;
    default: return LEFT_TO_EXEC;
    }
}

