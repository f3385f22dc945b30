/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BR within a region.
 *
 * Where BTYPE may be asked for, it is of no matter if all that the table has are instructions that take any BTYPE. If
 * none of them is one, the page is not guarded, or BR does not get there: the lookup that belongs to the place knows
 * for which page, under which code_key, that was found out. */
#include "jit/state.h"

/* BTI for jumps, or for jumps and calls. */
static bool is_pad(const struct ir_block *block)
{
    const struct insn *first = &block->ops[0].insn;
    return first->op == OP_bti && first->word >> 7 & 1;
}

static bool in_table(const struct translation_state *t, unsigned index)
{
    const struct ir_block *block = &t->ir->blocks[index];
    return block->is_target && (!t->table.of_pads || is_pad(block));
}

void begin_jump_table(struct translation_state *t)
{
    struct jump_table *table = &t->table;
    const struct ir *ir = t->ir;
    uint32_t last = 0;
    *table = (struct jump_table){.first = UINT32_MAX};
    for (unsigned i = 0; i < ir->block_count; i++)
        table->of_pads |= ir->guards && ir->blocks[i].is_target && is_pad(&ir->blocks[i]);
    for (unsigned i = 0; i < ir->block_count; i++) {
        const struct ir_block *block = &ir->blocks[i];
        const uint32_t place = block->physical % PAGE_SIZE_BYTES / 4;
        table->jumps += block->jumps;
        if (!in_table(t, i))
            continue;
        table->first = place < table->first ? place : table->first;
        last = place > last ? place : last;
        table->longest = block->longest > table->longest ? block->longest : table->longest;
        table->wants_flags |= t->flags_needed[i];
    }
    table->places = table->first == UINT32_MAX ? 0 : last - table->first + 1;
}

/* rcx = the target's place in the table. What is no place of an instruction's is far outside. */
static void load_place(struct translation_state *t)
{
    struct x64 *c = t->c;
    const uint64_t first = 4ull * t->table.first, start = (t->here->physical & ~(PAGE_SIZE_BYTES - 1)) + first;
    if (t->cpu->user && start <= INT32_MAX) { /* the page's address is known */
        x64_lea(c, 1, RCX, RAX, -(int32_t)start);
    } else {
        x64_mov(c, 1, RCX, RAX);
        x64_alu_load(c, 1, ALU_SUB, RCX, HOST_CPU, CPU_OFFSET(native.page));
        if (first)
            x64_alu_imm(c, 1, ALU_SUB, RCX, (int32_t)first);
    }
    x64_shift_imm(c, 1, SHIFT_ROR, RCX, 2);
}

/* The page was found not to be guarded (emit_learn_unguarded() of stubs.c). */
static void check_unguarded(struct translation_state *t, struct far_jump *far)
{
    struct x64 *c = t->c;
    const int32_t lookup = (int32_t)far->lookup;
    x64_load(c, 1, RCX, HOST_CPU, CPU_OFFSET(lookups));
    x64_load(c, 1, RDX, HOST_CPU, CPU_OFFSET(native.page));
    x64_alu_load(c, 1, ALU_CMP, RDX, RCX, lookup + (int32_t)offsetof(struct lookup, pc));
    far->missed[0] = x64_jcc(c, CC_NE);
    x64_load(c, 1, RDX, HOST_CPU, CPU_OFFSET(code_key) + 8 * (int32_t)t->half);
    x64_not(c, 1, RDX);
    x64_alu_load(c, 1, ALU_CMP, RDX, RCX, lookup + (int32_t)offsetof(struct lookup, key));
    far->missed[1] = x64_jcc(c, CC_NE);
}

uint8_t btype_of(const struct insn *insn)
{
    return insn->rn == 16 || insn->rn == 17 ? 1 : BTYPE_OF_PAGE;
}

/* The target in rax, its place in rcx, and rdx at the table. `off` are the jumps from where the place is none of the
 * table's, or what it leads to may be longer than what is left of the turn. */
static void look_into_table(struct translation_state *t, uint8_t *off[2])
{
    struct x64 *c = t->c;
    struct jump_table *table = &t->table;
    general_copy(t, t->insn->rn, RAX);
    load_place(t);
    x64_alu_imm(c, 1, ALU_CMP, RCX, (int32_t)table->places);
    off[0] = x64_jcc(c, CC_AE);
    x64_alu_imm(c, 1, ALU_CMP, HOST_LEFT, (int32_t)table->longest);
    off[1] = x64_jcc(c, CC_L);
    table->loads[table->load_count++] = x64_lea_rip(c, RDX);
}

static void branch_by_guarded_table(struct translation_state *t)
{
    struct x64 *c = t->c;
    struct jump_table *table = &t->table;
    struct far_jump *far = new_far_jump(t);
    if (table->wants_flags || t->pending.host_only || table->jumps > 1)
        commit_flags(t);
    *far = (struct far_jump){.indirect = true, .lookup = lookup_of(t), .btype = btype_of(t->insn), .insn = t->insn,
                             .of_table = true, .pending = t->pending};
    if (!table->of_pads)
        check_unguarded(t, far);
    look_into_table(t, far->missed + 2);
    x64_load_indexed(c, 1, RCX, RDX, RCX, 3, 0);
    x64_test(c, 1, RCX, RCX);
    far->missed[4] = x64_jcc(c, CC_E);
    x64_jmp_reg(c, RCX);
}

static void branch_by_plain_table(struct translation_state *t)
{
    struct jump_table *table = &t->table;
    if (table->wants_flags || t->pending.host_only || table->jumps > 1)
        commit_flags(t);
    table->flags = (struct flags_state){t->flags, t->pending, t->flags_raw, {0}};
    table->rn = t->insn->rn;
    table->lookup = lookup_of(t);
    struct far_jump *far = new_far_jump(t);
    *far = (struct far_jump){.indirect = true, .lookup = table->lookup, .insn = t->insn, .pending = t->pending,
                             .btype = has_feature(&t->cpu->features, FEAT_BTI)};
    look_into_table(t, far->off_table);
    x64_jmp_indexed(t->c, RDX, RCX, 3);
}

/* Where places of the table lead that are no target in the region: on to rax as from any other place. BTYPE is 1, for
 * the page is not guarded (may_guard() of regions.c). */
static void emit_jump_misses(struct translation_state *t)
{
    struct x64 *c = t->c;
    const struct jump_table *table = &t->table;
    if (table->jumps == 1) {
        t->flags = table->flags.flags;
        t->pending = table->flags.pending;
        t->flags_raw = table->flags.raw;
        commit_flags(t);
        general_copy(t, table->rn, RAX);
    }
    give_registers(t);
    if (!has_feature(&t->cpu->features, FEAT_BTI)) {
        x64_jmp_to(c, t->stubs->jump_by_hash);
        return;
    }
    x64_mov_imm(c, RDX, table->lookup | 1);
    uint8_t *refused = x64_lea_rip(c, RCX);
    x64_jmp_to(c, t->stubs->fill_guarded);
    x64_bind(c, refused);
    x64_rm(c, 0, 0, 0xc6, 0, HOST_CPU, CPU_OFFSET(pstate.btype), false);
    x64_byte(c, 1);
    x64_jmp_to(c, t->stubs->leave);
}

void emit_jump_table(struct translation_state *t)
{
    struct x64 *c = t->c;
    const struct jump_table *table = &t->table;
    if (!table->load_count)
        return;
    const uint64_t missed = t->ir->guards ? 0 : x64_here(c);
    if (!t->ir->guards)
        emit_jump_misses(t);
    while ((uintptr_t)c->at % 8 && !c->full)
        x64_byte(c, 0x90);
    for (unsigned i = 0; i < table->load_count; i++)
        x64_bind(c, table->loads[i]);
    uint64_t to[PAGE_SIZE_BYTES / 4];
    for (uint32_t place = 0; place < table->places; place++)
        to[place] = missed;
    for (unsigned i = 0; i < t->ir->block_count; i++)
        if (in_table(t, i))
            to[t->ir->blocks[i].physical % PAGE_SIZE_BYTES / 4 - table->first] =
                (uint64_t)t->label[i] + (uint64_t)c->run_offset;
    for (uint32_t place = 0; place < table->places; place++) {
        x64_imm32(c, (int64_t)(to[place] & UINT32_MAX));
        x64_imm32(c, (int64_t)(to[place] >> 32));
    }
}

void branch_by_table(struct translation_state *t)
{
    if (t->ir->guards)
        branch_by_guarded_table(t);
    else
        branch_by_plain_table(t);
}
