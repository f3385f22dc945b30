/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a decoded block to x86-64 code, one instruction after the other.
 *
 * Any instruction can be left to its exec_ function, which finds pc and icount as the interpreter's bargain has them
 * (isa/arm64/cpu.h; the stubs see to that), and so does a fault; what is translated here only has to do the same
 * faster. A load at x1 becomes
 *
 *     lea rax, [rsi + 8]                 the address (x1 is in rsi)
 *     mov ecx, eax ; shr ecx, 7 ; and ecx, 0x7fe0 ; add rcx, r15          its TLB entry
 *     mov rdx, [rcx] ; xor rdx, rax ; cmp rdx, 4096 - 8 ; ja slow         page and crossing in one compare
 *     add rax, [rcx + 16]
 *     mov rbx, [rax]
 *   slow (out of line): call_plain the exec_ function, then on behind the load.
 *
 * A comparison leaves its flags in the state and, until the next instruction that changes them, in the host. */
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

static void load_plain(struct translation_state *t, const struct insn *insn)
{
    x64_mov_imm(t->c, RAX, (uint64_t)interp_plain_of(insn));
    x64_mov_imm(t->c, RCX, (uint64_t)insn);
    x64_mov_imm(t->c, RDX, t->end_offset);
}

static void call_stub(struct translation_state *t, uint64_t stub)
{
    x64_byte(t->c, 0xe8);
    x64_imm32(t->c, (int64_t)(stub - (x64_here(t->c) + 4)));
}

bool call_exec(struct translation_state *t, const struct insn *insn)
{
    load_plain(t, insn);
    if (insn_infos[insn->op].flags & INSN_ENDS_BLOCK) {
        x64_jmp_to(t->c, t->stubs->end_plain);
        return true;
    }
    call_stub(t, t->stubs->call_plain);
    t->flags = FLAGS_UNKNOWN;
    return false;
}

/* Where `cc` holds, the present instruction is done by its exec_ function instead. */
void slow_if(struct translation_state *t, enum x64_cc cc)
{
    t->slow[t->slow_count++] = (struct slow_path){x64_jcc(t->c, cc), NULL, t->insn};
}

static void emit_slow_paths(struct translation_state *t)
{
    for (unsigned i = 0; i < t->slow_count; i++) {
        const struct slow_path *slow = &t->slow[i];
        x64_bind(t->c, slow->jump_end);
        /* Several ways out of one instruction share the code. */
        while (i + 1 < t->slow_count && t->slow[i + 1].insn == slow->insn)
            x64_bind(t->c, t->slow[++i].jump_end);
        load_plain(t, slow->insn);
        call_stub(t, t->stubs->call_plain);
        uint8_t *back = x64_jmp(t->c);
        if (!t->c->full)
            x64_patch(back, t->slow[i].resume);
    }
}

/* --- flags and conditions -------------------------------------------------------------------------- */

/* The host's flags, just set by an operation of this kind, are the guest's. */
void set_flags(struct translation_state *t, enum host_flags kind)
{
    x64_setcc_store(t->c, CC_S, HOST_CPU, FLAG(n));
    x64_setcc_store(t->c, CC_E, HOST_CPU, FLAG(z));
    x64_setcc_store(t->c, kind == FLAGS_OF_SUB ? CC_AE : CC_B, HOST_CPU, FLAG(c));
    x64_setcc_store(t->c, CC_O, HOST_CPU, FLAG(v));
    t->flags = kind;
}

/* The host condition for a guest condition while the host's flags are the guest's, or -1. */
static int live_condition(enum host_flags flags, unsigned cond)
{
    static const int8_t of_sub[14] = {CC_E, CC_NE, CC_AE, CC_B, CC_S,  CC_NS, CC_O,
                                      CC_NO, CC_A, CC_BE, CC_GE, CC_L, CC_G,  CC_LE};
    static const int8_t of_add[14] = {CC_E, CC_NE, CC_B, CC_AE, CC_S,  CC_NS, CC_O,
                                      CC_NO, -1,   -1,   CC_GE, CC_L, CC_G,  CC_LE};
    if (flags == FLAGS_UNKNOWN)
        return -1;
    return flags == FLAGS_OF_SUB ? of_sub[cond] : of_add[cond];
}

/* Makes the host's flags show guest condition `cond` (0 to 13); returns the host condition. Uses rax. */
enum x64_cc condition(struct translation_state *t, unsigned cond)
{
    int live = live_condition(t->flags, cond);
    if (live >= 0)
        return (enum x64_cc)live;
    struct x64 *c = t->c;
    enum x64_cc cc = CC_NE;
    t->flags = FLAGS_UNKNOWN;
    switch (cond >> 1) {
    case 0: x64_cmp_byte(c, HOST_CPU, FLAG(z), 0); break;
    case 1: x64_cmp_byte(c, HOST_CPU, FLAG(c), 0); break;
    case 2: x64_cmp_byte(c, HOST_CPU, FLAG(n), 0); break;
    case 3: x64_cmp_byte(c, HOST_CPU, FLAG(v), 0); break;
    case 4: /* C && !Z: C > Z */
        x64_load_sized(c, 0, false, 0, RAX, HOST_CPU, FLAG(c));
        x64_rm(c, 0, 0, 0x3a, RAX, HOST_CPU, FLAG(z), false);
        cc = CC_A;
        break;
    case 5: /* N == V */
        x64_load_sized(c, 0, false, 0, RAX, HOST_CPU, FLAG(n));
        x64_rm(c, 0, 0, 0x3a, RAX, HOST_CPU, FLAG(v), false);
        cc = CC_E;
        break;
    default: /* !Z && N == V */
        x64_load_sized(c, 0, false, 0, RAX, HOST_CPU, FLAG(n));
        x64_rm(c, 0, 0, 0x32, RAX, HOST_CPU, FLAG(v), false);
        x64_rm(c, 0, 0, 0x0a, RAX, HOST_CPU, FLAG(z), false);
        cc = CC_E;
        break;
    }
    return cond & 1 ? cc ^ 1 : cc;
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

/* --- blocks -------------------------------------------------------------------------------------------- */

static enum outcome translate_insn(struct translation_state *t)
{
    uint32_t flags = insn_infos[t->insn->op].flags;
    if (flags & INSN_BRANCH)
        return translate_branch(t);
    if (flags & INSN_MEMORY)
        return translate_memory(t);
    return translate_data(t) || translate_fp(t) || translate_vector(t) ? TRANSLATED : LEFT_TO_EXEC;
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

bool translate_block(struct x64 *c, const struct stubs *stubs, const struct cpu *cpu, const struct block *block,
                     struct translation_result *result)
{
    struct translation_state t = {
        .c = c, .stubs = stubs, .cpu = cpu, .block = block, .flags = FLAGS_UNKNOWN, .result = result};
    t.end_offset = (uint32_t)(block->physical % PAGE_SIZE_BYTES) + 4 * block->count;
    result->link_count = 0;
    result->entry = x64_here(c);
    x64_alu_imm(c, 1, ALU_SUB, HOST_LEFT, (int32_t)block->count);
    uint8_t *too_little = x64_jcc(c, CC_L);
    result->body = x64_here(c);
    enum outcome outcome = TRANSLATED;
    for (unsigned i = 0; i < block->count && outcome != ENDED; i++) {
        t.insn = &block->insns[i];
        t.slow_first = t.slow_count;
        outcome = translate_insn(&t);
        if (outcome == LEFT_TO_EXEC && call_exec(&t, t.insn))
            outcome = ENDED;
        for (unsigned s = t.slow_first; s < t.slow_count; s++)
            t.slow[s].resume = c->at;
    }
    if (outcome != ENDED)
        jump_direct(&t, 0);
    emit_slot_misses(&t);
    emit_slow_paths(&t);
    emit_ways_out(&t, too_little);
    emit_fp_exits(&t);
    return !c->full;
}
