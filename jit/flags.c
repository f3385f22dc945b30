/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The condition flags in translated code.
 *
 * A comparison leaves its flags in the host's, and remembers what it compared: they are `pending`. A branch behind it
 * takes them from there. What needs them later does the comparison again, as long as its operands are there. Into the
 * state they go (as the operands, which is less than the flags) only where something follows that may need them there
 * or takes the operands away; and where the next comparison comes first, never:
 *
 *     subs x1, x1, #1     sub rsi, 1                         pending: subtraction, of_result, a = x1, imm = 1
 *     ldr  x2, [x3]       (its way out of line first does    mov [flag_a], rsi ; mov [flag_kind], SUB64, of_result, 1)
 *     b.ne loop           lea rax, [rsi + 1] ; cmp rax, 1 ; the same two moves ; jne
 *
 * With a register, or a large number, for the second operand it takes a third move, to flag_b. Where the first operand
 * is counted up or down meanwhile, it is known by how much (`moved`).
 *
 * Where edges of a region meet it is the same operation that is pending, if all of them bring that one: so a loop that
 * ends in its comparison stores nothing, once it is within the region (ir.c has heads of loops a second time).
 *
 * settle_flags (stubs.c) makes nzcv of it when C code is called. */
#include <assert.h>
#include "jit/access.h"
#include "jit/operations.h"
#include "jit/passes.h"
#include "jit/state.h"

/* --- doing the operation again ---------------------------------------------------------------------- */

static enum host_flags host_kind(const struct pending_flags *p)
{
    switch (p->kind & ~1) {
    case FLAG_KIND_ADD: return FLAGS_OF_ADD;
    case FLAG_KIND_AND: return FLAGS_OF_LOGIC;
    default: return FLAGS_OF_SUB;
    }
}

/* What register a held, in it or rax. Flags stay. */
static unsigned operand_a(struct translation_state *t)
{
    const struct pending_flags *p = &t->pending;
    const unsigned a = general_use(t, p->a, RAX);
    if (!p->moved)
        return a;
    x64_lea(t->c, p->kind & 1, RAX, a, p->moved);
    return RAX;
}

/* The first operand, in its register or rax. Flags stay; uses rcx. */
static unsigned first_operand(struct translation_state *t)
{
    const struct pending_flags *p = &t->pending;
    const unsigned w = p->kind & 1;
    const bool sum = (p->kind & ~1) == FLAG_KIND_ADD;
    unsigned a = operand_a(t);
    if (!p->of_result)
        return a;
    if (p->immediate) {
        x64_lea(t->c, w, RAX, a, (int32_t)(sum ? -p->imm : p->imm));
    } else if (sum) { /* a - b = a + ~b + 1 */
        general_copy(t, p->b, RCX);
        x64_not(t->c, w, RCX);
        x64_lea_indexed(t->c, w, RAX, a, RCX, 0);
        x64_lea(t->c, w, RAX, RAX, 1);
    } else {
        x64_lea_indexed(t->c, w, RAX, a, general_use(t, p->b, RCX), 0);
    }
    return RAX;
}

static bool is_small(int64_t imm)
{
    return imm == (int32_t)imm;
}

/* Makes the host's flags show what is pending. */
static void revive(struct translation_state *t)
{
    const struct pending_flags *p = &t->pending;
    const unsigned w = p->kind & 1;
    unsigned a = first_operand(t), b = RCX;
    bool is_test = (p->kind & ~1) == FLAG_KIND_AND;
    if (p->immediate && is_small(p->imm)) {
        if (is_test)
            x64_test_imm(t->c, w, a, (int32_t)p->imm);
        else if (host_kind(p) == FLAGS_OF_SUB)
            x64_alu_imm(t->c, w, ALU_CMP, a, (int32_t)p->imm);
    } else if (p->immediate) {
        x64_mov_imm(t->c, RCX, (uint64_t)p->imm);
    } else {
        b = general_use(t, p->b, RCX);
    }
    if (host_kind(p) == FLAGS_OF_ADD) {
        if (a != RAX)
            x64_mov(t->c, w, RAX, a);
        if (p->immediate)
            x64_alu_imm(t->c, w, ALU_ADD, RAX, (int32_t)p->imm);
        else
            x64_alu(t->c, w, ALU_ADD, RAX, b);
    } else if (!p->immediate || !is_small(p->imm)) {
        if (is_test)
            x64_test(t->c, w, a, b);
        else
            x64_alu(t->c, w, ALU_CMP, a, b);
    }
    t->flags = host_kind(p);
}

/* Loops do this each time around: two stores instead of three. */
static bool fits_beside_kind(int64_t imm)
{
    return imm >= -(1 << (31 - FLAG_IMMEDIATE_SHIFT)) && imm < 1 << (31 - FLAG_IMMEDIATE_SHIFT);
}

static void settle_raw(struct translation_state *t);

/* --- into the state --------------------------------------------------------------------------------- */

void flags_to_subtraction(struct translation_state *t)
{
    struct x64 *c = t->c;
    if (t->flags == FLAGS_OF_ORDER) {
        x64_mov_imm(c, RAX, 0); /* the flags stay */
        x64_setcc(c, CC_A, RAX);
        x64_alu_imm(c, 0, ALU_SBB, RAX, 0);
    } else if (t->flags != FLAGS_OF_SUB) {
        x64_cmc(c);
    }
    t->flags = FLAGS_OF_SUB;
}

static void commit_host(struct translation_state *t, bool raw)
{
    struct x64 *c = t->c;
    unsigned kind = t->flags == FLAGS_OF_ORDER && !raw ? FLAG_KIND_ORDER : FLAG_KIND_RAW;
    if (kind == FLAG_KIND_RAW)
        flags_to_subtraction(t);
    x64_lahf(c);
    if (kind == FLAG_KIND_RAW)
        x64_setcc(c, CC_O, RAX);
    x64_store(c, 1, RAX, HOST_CPU, CPU_OFFSET(native.flag_a)); /* as wide as it will be read */
    x64_store_imm(c, 0, HOST_CPU, CPU_OFFSET(native.flag_kind), (int32_t)kind);
    t->flags_raw = kind == FLAG_KIND_RAW;
}

void commit_flags(struct translation_state *t)
{
    struct x64 *c = t->c;
    const struct pending_flags *p = &t->pending;
    if (!p->kind)
        return;
    t->flags_raw = false;
    if (p->host_only) {
        commit_host(t, false);
    } else if (p->immediate && fits_beside_kind(p->imm)) {
        const int32_t kind = p->kind | FLAG_IMMEDIATE | (p->of_result ? FLAG_OF_RESULT : 0);
        x64_store(c, 1, operand_a(t), HOST_CPU, CPU_OFFSET(native.flag_a));
        x64_store_imm(c, 0, HOST_CPU, CPU_OFFSET(native.flag_kind),
                      (int32_t)p->imm * (1 << FLAG_IMMEDIATE_SHIFT) + kind);
    } else {
        x64_store(c, 1, first_operand(t), HOST_CPU, CPU_OFFSET(native.flag_a));
        if (!p->immediate) {
            x64_store(c, 1, general_use(t, p->b, RCX), HOST_CPU, CPU_OFFSET(native.flag_b));
        } else if (is_small(p->imm)) {
            x64_store_imm(c, 1, HOST_CPU, CPU_OFFSET(native.flag_b), (int32_t)p->imm);
        } else {
            x64_mov_imm(c, RCX, (uint64_t)p->imm);
            x64_store(c, 1, RCX, HOST_CPU, CPU_OFFSET(native.flag_b));
        }
        x64_store_imm(c, 0, HOST_CPU, CPU_OFFSET(native.flag_kind), p->kind);
    }
    t->pending.kind = FLAG_KIND_NONE;
}

void commit_flags_raw(struct translation_state *t)
{
    if (t->pending.kind && t->flags == FLAGS_UNKNOWN)
        revive(t);
    if (t->pending.kind || (t->flags != FLAGS_UNKNOWN && !t->flags_raw)) {
        commit_host(t, true);
        t->pending.kind = FLAG_KIND_NONE;
    } else if (!t->flags_raw) {
        settle_raw(t);
    }
}

/* Whether the host's flags pass through it, or it sees to them itself. */
static bool keeps_host_flags(const struct translation_state *t, const struct insn *insn)
{
    switch (insn->op) {
    case OP_nop:
    case OP_add_imm:
    case OP_sub_imm:
    case OP_mov_reg:
    case OP_movz:
    case OP_movn:
    case OP_adr:
    case OP_adrp:
    case OP_adcs:
    case OP_sbcs:
    case OP_b_cond: return true;
    default:
        return is_conditional_select(insn->op) || is_conditional_comparison(insn->op) || multiplies_quietly(t, insn);
    }
}

/* Whether an access of a process looks at no flags: what it comes to where the host refuses it nobody sees. */
static bool accesses_quietly(const struct translation_state *t, const struct insn *insn)
{
    const struct access_form *form = &access_forms[insn->op];
    return t->cpu->user && t->ir->is_region && form->count && insn->rn != REG_SP;
}

static bool needs_flags(const struct translation_state *t, int to)
{
    return to == IR_OUTSIDE || t->flags_needed[to];
}

/* Whether the block goes on, from its last operation on, to where the flags are set anew; of a process nobody looks at
 * them on the way. */
static bool flags_die_behind(const struct translation_state *t, unsigned last)
{
    const struct ir_block *here = t->here;
    if (!t->cpu->user || !t->ir->is_region || here->ends_in_call)
        return false;
    return passes_flags(last) ? !needs_flags(t, here->taken) && (last == OP_b || !needs_flags(t, here->next))
                              : !(insn_infos[last].flags & INSN_ENDS_BLOCK) && !needs_flags(t, here->next);
}

static bool does_without(const struct translation_state *t, int to)
{
    return to == IR_OUTSIDE || !t->flags_needed[to];
}

bool comparison_only_branches(const struct translation_state *t)
{
    const struct ir_block *here = t->here;
    const unsigned last = here->count - 1;
    if (!t->ir->is_region || t->in_twin || last - t->index > MAX_KNOWN_WAYS)
        return false;
    /* Where an edge tests what is left of the turn, that may end, and the flags be looked at: not of a process. */
    if (!t->cpu->user && (here->taken_tests || here->next_tests))
        return false;
    for (unsigned i = t->index + 1; i < last; i++)
        if (!is_conditional_comparison(here->ops[i].insn.op))
            return false;
    const struct insn *branch = &here->ops[last].insn;
    return branch->op == OP_b_cond && branch->opt < 14 && does_without(t, here->taken) && does_without(t, here->next);
}

bool condition_of(unsigned cond, unsigned nzcv)
{
    const bool n = nzcv >> 3 & 1, z = nzcv >> 2 & 1, c = nzcv >> 1 & 1, v = nzcv & 1;
    const bool holds[7] = {z, c, n, v, c && !z, n == v, n == v && !z};
    return holds[cond >> 1] != (cond & 1);
}

/* Whether the flags are set anew, from the present instruction on, before anything may look at them. */
static bool flags_die(const struct translation_state *t)
{
    const unsigned last = t->here->count - 1;
    for (unsigned i = t->index; i <= last; i++) {
        const struct insn *insn = &t->here->ops[i].insn;
        if (only_sets_flags(insn->op))
            return true;
        if (!insn_is_pure(insn->op) && !accesses_quietly(t, insn))
            return i == last && passes_flags(insn->op) && flags_die_behind(t, insn->op);
    }
    return flags_die_behind(t, t->here->ops[last].insn.op);
}

/* Where the present instruction counts register a up or down: it is known by how much. */
static bool follow_operand(struct translation_state *t)
{
    enum { FAR = 1 << 24 };
    struct pending_flags *p = &t->pending;
    const struct insn *insn = t->insn;
    const bool counts = (insn->op == OP_add_imm || insn->op == OP_sub_imm) && insn->rd == p->a && insn->rn == p->a;
    if (p->host_only || !counts || (!p->immediate && p->b == p->a) || (p->kind & 1 && !insn->sf))
        return false;
    const int64_t moved = p->moved - (insn->op == OP_add_imm ? insn->imm : -insn->imm);
    if (moved <= -FAR || moved >= FAR)
        return false;
    p->moved = (int32_t)moved;
    return true;
}

void flags_before_insn(struct translation_state *t)
{
    const struct pending_flags *p = &t->pending;
    if (!p->kind || only_sets_flags(t->insn->op))
        return;
    if (!(p->host_only ? !keeps_host_flags(t, t->insn) && !access_keeps_flags(t)
                       : insn_may_write(t->insn, p->a) || (!p->immediate && insn_may_write(t->insn, p->b))))
        return;
    if (flags_die(t))
        t->pending.kind = FLAG_KIND_NONE;
    else if (!follow_operand(t))
        commit_flags(t);
}

/* --- where edges meet ------------------------------------------------------------------------------- */

static bool same_pending(const struct pending_flags *a, const struct pending_flags *b)
{
    return a->kind == b->kind && a->host_only == b->host_only && a->of_result == b->of_result &&
           a->immediate == b->immediate && a->a == b->a && a->moved == b->moved &&
           (a->immediate ? a->imm == b->imm : a->b == b->b);
}

void flags_note_edge(struct translation_state *t, int to)
{
    if (to == IR_OUTSIDE)
        return;
    struct met_flags *met = &t->met[to];
    if (met->known && !same_pending(&met->pending, &t->pending))
        t->c->full = true; /* the two passes differ, which they never do */
    assert(!met->known || same_pending(&met->pending, &t->pending));
    if (met->known)
        return;
    met->differ |= met->seen && !same_pending(&met->pending, &t->pending);
    met->seen = true;
    met->pending = t->pending;
}

void flags_meet(struct translation_state *t)
{
    for (unsigned i = 0; i < t->ir->block_count; i++) {
        struct met_flags *met = &t->met[i];
        const struct ir_block *block = &t->ir->blocks[i];
        met->known = i && met->seen && !met->differ && met->pending.kind && !met->pending.host_only &&
                     block->preds > 1 && !block->is_return && !block->is_target && t->flags_needed[i];
    }
}

/* --- setting ---------------------------------------------------------------------------------------- */

void set_flags(struct translation_state *t, enum host_flags kind)
{
    t->flags_set = true;
    t->pending = (struct pending_flags){.kind = FLAG_KIND_RAW, .host_only = true};
    t->flags = kind;
}

void set_flags_of(struct translation_state *t, struct pending_flags operation)
{
    operation.kind |= t->insn->sf;
    t->flags_set = true;
    t->pending = operation;
    t->flags = host_kind(&operation);
}

void set_flags_constant(struct translation_state *t, unsigned nzcv)
{
    const unsigned sign = nzcv >> 3 & 1, zero = nzcv >> 2 & 1, carry = nzcv >> 1 & 1, overflow = nzcv & 1;
    x64_mov_imm(t->c, RAX, (sign << 7 | zero << 6 | !carry) << 8 | overflow);
    x64_alu_imm_al(t->c, ALU_ADD, 0x7f);
    x64_sahf(t->c);
    t->flags = FLAGS_OF_SUB;
}

/* --- reading ---------------------------------------------------------------------------------------- */

/* The host condition for a guest condition while the host's flags are the guest's. */
static enum x64_cc live_condition(struct translation_state *t, unsigned cond)
{
    static const uint8_t of_sub[14] = {CC_E, CC_NE, CC_AE, CC_B, CC_S,  CC_NS, CC_O,
                                       CC_NO, CC_A, CC_BE, CC_GE, CC_L, CC_G,  CC_LE};
    static const uint8_t of_add[14] = {CC_E, CC_NE, CC_B, CC_AE, CC_S, CC_NS, CC_O,
                                       CC_NO, 0,    0,    CC_GE, CC_L, CC_G, CC_LE};
    static const uint8_t of_order[14] = {CC_E, CC_NE, CC_AE, CC_B, CC_B,  CC_AE, CC_P,
                                         CC_NP, CC_A, CC_BE, CC_AE, CC_B, CC_A,  CC_BE};
    if (t->flags == FLAGS_OF_ORDER)
        return of_order[cond];
    if (t->flags != FLAGS_OF_SUB && cond >> 1 == 4) { /* HI, LS: no host condition has carry set and not zero */
        x64_cmc(t->c);
        t->flags = FLAGS_OF_SUB;
    }
    return (t->flags == FLAGS_OF_SUB ? of_sub : of_add)[cond];
}

/* The state holds the flags as FLAG_KIND_RAW, behind this. */
static void settle_raw(struct translation_state *t)
{
    if (t->flags_raw)
        return;
    x64_alu_imm_store(t->c, 0, ALU_CMP, HOST_CPU, CPU_OFFSET(native.flag_kind), FLAG_KIND_RAW);
    uint8_t *unsettled = x64_jcc(t->c, CC_NE);
    t->settles[t->settle_count++] = (struct detour){unsettled, t->c->at};
    t->flags_raw = true;
}

void emit_settles(struct translation_state *t)
{
    for (unsigned i = 0; i < t->settle_count; i++) {
        x64_bind(t->c, t->settles[i].jump_end);
        if (t->lends_rdx)
            x64_push(t->c, RDX);
        x64_call_to(t->c, t->stubs->settle_raw);
        if (t->lends_rdx)
            x64_pop(t->c, RDX);
        uint8_t *back = x64_jmp(t->c);
        if (!t->c->full)
            x64_patch(back, t->settles[i].resume);
    }
}

/* Makes the host's flags the guest's, wherever those are. */
static void bring(struct translation_state *t)
{
    t->flags_read = true;
    if (t->flags != FLAGS_UNKNOWN)
        return;
    if (t->pending.kind) {
        revive(t);
        return;
    }
    settle_raw(t);
    x64_load(t->c, 1, RAX, HOST_CPU, CPU_OFFSET(native.flag_a));
    x64_alu_imm_al(t->c, ALU_ADD, 0x7f);
    x64_sahf(t->c);
    t->flags = FLAGS_OF_SUB;
}

void flags_to_rax(struct translation_state *t)
{
    t->flags_read = true;
    if (t->flags == FLAGS_UNKNOWN && t->pending.kind)
        revive(t);
    if (t->flags == FLAGS_UNKNOWN) {
        settle_raw(t);
        x64_load(t->c, 0, RAX, HOST_CPU, CPU_OFFSET(native.flag_a));
        return;
    }
    flags_to_subtraction(t);
    x64_lahf(t->c);
    x64_setcc(t->c, CC_O, RAX);
}

void flags_from_rax(struct translation_state *t)
{
    x64_store(t->c, 1, RAX, HOST_CPU, CPU_OFFSET(native.flag_a));
    x64_store_imm(t->c, 0, HOST_CPU, CPU_OFFSET(native.flag_kind), FLAG_KIND_RAW);
    t->flags = FLAGS_UNKNOWN;
    t->pending.kind = FLAG_KIND_NONE;
    t->flags_raw = t->flags_set = true;
}

enum x64_cc condition(struct translation_state *t, unsigned cond)
{
    bring(t);
    return live_condition(t, cond);
}

void carry_to_host(struct translation_state *t, bool inverted)
{
    bring(t);
    bool opposite = t->flags == FLAGS_OF_SUB || t->flags == FLAGS_OF_ORDER;
    if (opposite != inverted)
        x64_cmc(t->c);
    t->flags = FLAGS_UNKNOWN;
}
