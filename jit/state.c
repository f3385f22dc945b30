/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the translators of the instruction classes share: registers, the way to exec_ and back, flags, addresses. */
#include "jit/state.h"

/* --- registers ------------------------------------------------------------------------------------- */

/* The host register that holds guest register `reg`: its own, or `temp`, loaded. Flags stay. */
unsigned use(struct translation_state *t, unsigned reg, unsigned temp)
{
    if (pin_of[reg] >= 0)
        return (unsigned)pin_of[reg];
    if (reg == REG_ZERO)
        x64_mov_imm(t->c, temp, 0);
    else
        x64_load(t->c, 1, temp, HOST_CPU, offset_of(reg));
    return temp;
}

/* A copy of guest register `reg` in `temp`, to be changed there. */
void copy(struct translation_state *t, unsigned reg, unsigned temp)
{
    unsigned host = use(t, reg, temp);
    if (host != temp)
        x64_mov(t->c, 1, temp, host);
}

/* The host register to compute guest register `reg` in; done() takes it from there. */
unsigned destination(unsigned reg, unsigned temp)
{
    return pin_of[reg] >= 0 ? (unsigned)pin_of[reg] : temp;
}

void done(struct translation_state *t, unsigned reg, unsigned host)
{
    if (pin_of[reg] >= 0) {
        if (host != (unsigned)pin_of[reg])
            x64_mov(t->c, 1, (unsigned)pin_of[reg], host);
    } else if (reg != REG_SINK) {
        x64_store(t->c, 1, host, HOST_CPU, offset_of(reg));
    }
}

/* --- leaving to exec_ ------------------------------------------------------------------------------ */

void load_plain(struct translation_state *t, const struct insn *insn)
{
    x64_mov_imm(t->c, RAX, (uint64_t)interp_plain_of(insn));
    x64_mov_imm(t->c, RCX, (uint64_t)insn);
    x64_mov_imm(t->c, RDX, t->end_offset);
}

bool call_exec(struct translation_state *t, const struct insn *insn)
{
    commit_flags(t);
    t->flags_settled = false;
    load_plain(t, insn);
    if (insn_infos[insn->op].flags & INSN_ENDS_BLOCK) {
        x64_jmp_to(t->c, t->stubs->end_plain);
        return true;
    }
    x64_call_to(t->c, t->stubs->call_plain);
    t->flags = FLAGS_UNKNOWN;
    return false;
}

/* Where `cc` holds, the present instruction is done by its exec_ function instead. */
void slow_if(struct translation_state *t, enum x64_cc cc)
{
    t->slow[t->slow_count++] = (struct slow_path){x64_jcc(t->c, cc), NULL, t->insn, t->pending};
}

void exit_if(struct translation_state *t, enum x64_cc cc)
{
    t->exits[t->exit_count++] = (struct block_exit){x64_jcc(t->c, cc), t->insn, t->pending};
}

void emit_exits(struct translation_state *t)
{
    for (unsigned i = 0; i < t->exit_count; i++) {
        const struct block_exit *way = &t->exits[i];
        x64_bind(t->c, way->jump_end);
        while (i + 1 < t->exit_count && t->exits[i + 1].insn == way->insn)
            x64_bind(t->c, t->exits[++i].jump_end);
        t->pending = way->flags;
        commit_flags(t);
        x64_mov_imm(t->c, RCX, (uint64_t)way->insn);
        x64_mov_imm(t->c, RDX, t->end_offset);
        x64_jmp_to(t->c, t->stubs->rest_plain);
    }
}

void emit_slow_paths(struct translation_state *t)
{
    for (unsigned i = 0; i < t->slow_count; i++) {
        const struct slow_path *slow = &t->slow[i];
        x64_bind(t->c, slow->jump_end);
        /* Several ways out of one instruction share the code. */
        while (i + 1 < t->slow_count && t->slow[i + 1].insn == slow->insn)
            x64_bind(t->c, t->slow[++i].jump_end);
        t->pending = slow->flags;
        commit_flags(t);
        load_plain(t, slow->insn);
        if (insn_infos[slow->insn->op].flags & INSN_ENDS_BLOCK) {
            x64_jmp_to(t->c, t->stubs->end_plain);
            continue;
        }
        x64_call_to(t->c, t->stubs->call_plain);
        uint8_t *back = x64_jmp(t->c);
        if (!t->c->full)
            x64_patch(back, t->slow[i].resume);
    }
}

/* FP access is checked once a block: what it depends on changes only at the end of one. */
void check_fp(struct translation_state *t)
{
    if (t->fp_checked)
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
    x64_load(t->c, 1, to, HOST_CPU, CPU_OFFSET(native.page));
    if (offset == (int32_t)offset) {
        x64_lea(t->c, 1, to, to, (int32_t)offset);
        return;
    }
    x64_mov_imm(t->c, RCX, (uint64_t)offset);
    x64_lea_indexed(t->c, 1, to, to, RCX, 0);
}
