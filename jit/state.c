/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the translators of the instruction classes share: registers, the way to exec_ and back, flags, addresses. */
#include <assert.h>
#include "jit/translate_vector.h"

/* --- registers ------------------------------------------------------------------------------------- */

static void count_use(struct translation_state *t, unsigned reg)
{
    if (!t->in_twin)
        t->uses[reg] += t->here->heat + 1;
}

/* Whether the state's value of `reg` is what is in a host register, as the last thing done was to store it. */
static bool was_just_stored(const struct translation_state *t, unsigned reg)
{
    return t->stored_end == t->c->at && t->stored == reg;
}

bool general_in_state(struct translation_state *t, unsigned reg, int32_t *at)
{
    if (t->host_of[reg] >= 0 || reg == REG_ZERO || was_just_stored(t, reg))
        return false;
    count_use(t, reg);
    *at = offset_of(reg);
    return true;
}

unsigned general_use(struct translation_state *t, unsigned reg, unsigned temp)
{
    count_use(t, reg);
    if (t->host_of[reg] >= 0)
        return (unsigned)t->host_of[reg];
    if (reg == REG_ZERO)
        x64_mov_imm(t->c, temp, 0);
    else if (was_just_stored(t, reg) && temp == t->stored_from)
        return temp;
    else if (was_just_stored(t, reg))
        x64_mov(t->c, 1, temp, t->stored_from);
    else
        x64_load(t->c, 1, temp, HOST_CPU, offset_of(reg));
    return temp;
}

void general_copy(struct translation_state *t, unsigned reg, unsigned temp)
{
    unsigned host = general_use(t, reg, temp);
    if (host != temp)
        x64_mov(t->c, 1, temp, host);
}

unsigned general_destination(const struct translation_state *t, unsigned reg, unsigned temp)
{
    return t->host_of[reg] >= 0 ? (unsigned)t->host_of[reg] : temp;
}

void general_done(struct translation_state *t, unsigned reg, unsigned host)
{
    count_use(t, reg);
    t->written |= 1ull << reg;
    if (t->host_of[reg] >= 0) {
        if (host != (unsigned)t->host_of[reg])
            x64_mov(t->c, 1, (unsigned)t->host_of[reg], host);
    } else if (reg != REG_SINK) {
        x64_store(t->c, 1, host, HOST_CPU, offset_of(reg));
        t->stored_end = t->c->at;
        t->stored = reg;
        t->stored_from = host;
    }
}

/* --- the unit's own registers ---------------------------------------------------------------------- */

/* Moves between the registers as they are everywhere and as this unit has them. `changed`: a bit for each register
 * whose value in the state may be old. */
static void exchange(struct translation_state *t, const int8_t *from, const int8_t *to, uint64_t changed)
{
    if (from == to)
        return;
    for (unsigned reg = 0; reg < REG_COUNT; reg++)
        if (from[reg] >= 0 && to[reg] != from[reg] && changed >> reg & 1)
            x64_store(t->c, 1, (unsigned)from[reg], HOST_CPU, offset_of(reg));
    for (unsigned reg = 0; reg < REG_COUNT; reg++)
        if (to[reg] >= 0 && to[reg] != from[reg])
            x64_load(t->c, 1, (unsigned)to[reg], HOST_CPU, offset_of(reg));
}

void take_registers(struct translation_state *t)
{
    exchange(t, pin_of, t->host_of, UINT64_MAX);
    vectors_load(t);
}

void give_registers(struct translation_state *t)
{
    /* A region is compiled twice: what it writes is known when it has registers of its own. */
    exchange(t, t->host_of, pin_of, t->written);
    vectors_store(t);
}

static int register_in_rdx(const struct translation_state *t)
{
    for (unsigned reg = 0; t->lends_rdx && reg < REG_COUNT; reg++)
        if (t->host_of[reg] == RDX)
            return (int)reg;
    return -1;
}

void give_registers_but_rdx(struct translation_state *t)
{
    const int lent = register_in_rdx(t);
    exchange(t, t->host_of, pin_of, t->written & ~(lent >= 0 ? 1ull << lent : 0));
    vectors_store(t);
}

void keep_rdx(struct translation_state *t)
{
    const int lent = register_in_rdx(t);
    if (lent >= 0)
        x64_store(t->c, 1, RDX, HOST_CPU, offset_of((unsigned)lent));
}

/* --- leaving to exec_ ------------------------------------------------------------------------------ */

/* The guest's instruction behind an operation. */
static const struct insn *record_of(const struct insn *insn)
{
    return ((const struct ir_op *)((const uint8_t *)insn - offsetof(struct ir_op, insn)))->record;
}

void load_plain(struct translation_state *t, const struct insn *insn)
{
    const struct insn *record = record_of(insn);
    x64_mov_imm(t->c, RAX, (uint64_t)interp_plain_of(record));
    x64_mov_imm(t->c, RCX, (uint64_t)record);
    x64_mov_imm(t->c, RDX, t->end_offset);
}

/* Calls a function that is ready to be called, and comes back with the unit's registers. If it wrote over this code,
 * the rest of the block is for exec_ functions. */
static void call_plain(struct translation_state *t)
{
    if (t->ir->is_region)
        t->plain_calls[t->plain_call_count++] = x64_call(t->c);
    else
        x64_call_to(t->c, t->stubs->call_plain);
}

bool call_exec(struct translation_state *t, const struct insn *insn)
{
    commit_flags(t);
    t->flags_raw = false;
    if (insn_infos[insn->op].flags & INSN_ENDS_BLOCK) {
        give_registers(t);
        load_plain(t, insn);
        x64_jmp_to(t->c, t->stubs->end_plain);
        return true;
    }
    if (!t->ir->is_region)
        vectors_store(t);
    keep_rdx(t);
    load_plain(t, insn);
    call_plain(t);
    vectors_lost(t);
    t->flags = FLAGS_UNKNOWN;
    return false;
}

/* Where `cc` holds, the present instruction is done by its exec_ function instead. */
void slow_if(struct translation_state *t, enum x64_cc cc)
{
    assert(t->slow_count < MAX_SLOW_PATHS);
    t->slow[t->slow_count++] = (struct slow_path){.jump_end = x64_jcc(t->c, cc), .insn = t->insn, .flags = t->pending};
}

void may_fault(struct translation_state *t)
{
    t->faults_here++;
    t->exits[t->exit_count++] = (struct block_exit){
        .faults_from = t->c->at, .insn = t->insn, .flags = t->pending, .host_flags = t->flags,
        .vectors_written = t->vector_written};
}

/* The way out leads to the code that comes next. */
static void bind_exit(struct translation_state *t, const struct block_exit *way)
{
    struct x64 *c = t->c;
    if (way->jump_end)
        x64_bind(c, way->jump_end);
    else if (t->faults && !c->full && way->faults_to != way->faults_from &&
             !fault_table_add(t->faults, (uint64_t)(way->faults_from + c->run_offset),
                              (uint64_t)(way->faults_to + c->run_offset), x64_here(c)))
        c->full = true;
}

void exit_if(struct translation_state *t, enum x64_cc cc)
{
    t->exits[t->exit_count++] = (struct block_exit){
        .jump_end = x64_jcc(t->c, cc), .insn = t->insn, .flags = t->pending, .host_flags = t->flags,
        .vectors_written = t->vector_written};
}

void leave_by_exit(struct translation_state *t, const struct block_exit *way)
{
    t->pending = way->flags;
    t->flags = way->host_flags;
    t->vector_written = way->vectors_written;
    commit_flags(t);
    give_registers(t);
    x64_mov_imm(t->c, RCX, (uint64_t)record_of(way->insn));
    x64_mov_imm(t->c, RDX, t->end_offset);
    x64_jmp_to(t->c, t->stubs->rest_plain);
}

void emit_exits(struct translation_state *t)
{
    for (unsigned i = 0; i < t->exit_count; i++) {
        const struct block_exit *way = &t->exits[i];
        bind_exit(t, way);
        while (i + 1 < t->exit_count && t->exits[i + 1].insn == way->insn)
            bind_exit(t, &t->exits[++i]);
        leave_by_exit(t, way);
    }
}

void emit_slow_paths(struct translation_state *t)
{
    for (unsigned i = 0; i < t->slow_count; i++) {
        const struct slow_path *slow = &t->slow[i];
        if (slow->twin) {
            if (!t->c->full)
                x64_patch(slow->jump_end, slow->twin);
            continue;
        }
        x64_bind(t->c, slow->jump_end);
        /* Several ways out of one operation share the code. */
        while (i + 1 < t->slow_count && t->slow[i + 1].resume == slow->resume)
            x64_bind(t->c, t->slow[++i].jump_end);
        t->pending = slow->flags;
        commit_flags(t);
        const bool ends = insn_infos[slow->insn->op].flags & INSN_ENDS_BLOCK;
        t->vector_written = slow->vectors_written;
        if (ends)
            give_registers(t);
        else if (!t->ir->is_region)
            vectors_store(t);
        if (!ends)
            keep_rdx(t);
        load_plain(t, slow->insn);
        if (ends) {
            x64_jmp_to(t->c, t->stubs->end_plain);
            continue;
        }
        call_plain(t);
        if (!t->ir->is_region)
            vectors_move(t, slow->vectors_valid, false);
        uint8_t *back = x64_jmp(t->c);
        if (!t->c->full)
            x64_patch(back, t->slow[i].resume);
    }
}

/* Within a region what FP depends on is tested at its entries (compile.c). */

/* FP access is checked once a block: what it depends on changes only at the end of one. */
void check_fp(struct translation_state *t)
{
    t->needs_fp = true;
    if (t->fp_checked || t->ir->is_region)
        return;
    x64_load(t->c, 0, RAX, HOST_CPU, CPU_OFFSET(sys.CPACR_EL1));
    x64_not(t->c, 0, RAX);
    x64_test_imm(t->c, 0, RAX, 3 << 20);
    slow_if(t, CC_NE);
    t->flags = FLAGS_UNKNOWN;
    t->fp_checked = true;
}

void load_page_address(struct translation_state *t, unsigned to, int64_t offset)
{
    if (t->cpu->user) { /* the page's address is known */
        x64_mov_imm(t->c, to, (t->here->physical & ~(PAGE_SIZE_BYTES - 1)) + (uint64_t)offset);
        return;
    }
    x64_load(t->c, 1, to, HOST_CPU, CPU_OFFSET(native.page));
    if (offset == (int32_t)offset) {
        x64_lea(t->c, 1, to, to, (int32_t)offset);
        return;
    }
    x64_mov_imm(t->c, RCX, (uint64_t)offset);
    x64_lea_indexed(t->c, 1, to, to, RCX, 0);
}
