/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Exclusive, ordered, atomic and unprivileged accesses, and DC ZVA.
 *
 * While one host thread runs all CPUs a plain load and store are as atomic as anything; with cpu->parallel they are the
 * host's locked operations. What is not aligned, not in the TLB or not RAM is left to exec_. */
#include "jit/state.h"
#include "jit/x64_atomic.h"

#define EXCLUSIVE(member) CPU_OFFSET(exclusive.member)

/* The host address in rax of `bytes` aligned bytes at the base register plus `offset`. Uses rcx, rdx. */
static void aligned_address(struct translation_state *t, unsigned bytes, bool write, int32_t offset)
{
    address_at(t, offset);
    if (bytes > 1) {
        x64_test_imm(t->c, 0, RAX, (int32_t)bytes - 1);
        slow_if(t, CC_NE);
    }
    translate_address(t, bytes, write, true);
}

static void lock_if_parallel(struct translation_state *t)
{
    if (t->cpu->parallel)
        x64_lock(t->c);
}

/* Clears what is above the low 1 << size bytes of a host register. */
static void zero_extend(struct translation_state *t, unsigned size, unsigned host)
{
    if (size < 3)
        x64_extend(t->c, size, false, 0, host, host);
}

/* --- ordered --------------------------------------------------------------------------------------- */

/* x86 keeps loads and stores in order but for a store before a later load: that makes the store an exchange. */

enum extension { ZEROS, SIGN_64, SIGN_32 };

static void load_ordered(struct translation_state *t, int32_t offset, enum extension extension)
{
    const struct insn *insn = t->insn;
    aligned_address(t, 1u << insn->size, false, offset);
    unsigned d = general_destination(t, insn->rd, RCX);
    x64_load_sized(t->c, insn->size, extension != ZEROS, extension == SIGN_64, d, RAX, 0);
    general_done(t, insn->rd, d);
}

static void store_ordered(struct translation_state *t, int32_t offset)
{
    const struct insn *insn = t->insn;
    aligned_address(t, 1u << insn->size, true, offset);
    if (t->cpu->parallel) {
        general_copy(t, insn->rd, RCX);
        x64_xchg_store(t->c, insn->size, RCX, RAX, 0);
    } else {
        x64_store_sized(t->c, insn->size, general_use(t, insn->rd, RCX), RAX, 0);
    }
}

/* --- exclusives ------------------------------------------------------------------------------------ */

/* to = the guest physical address of the host's in rax: RAM is one mapping. */
static void physical_of_rax(struct translation_state *t, unsigned to)
{
    const struct ram *ram = &t->cpu->bus->ram;
    x64_mov_imm(t->c, to, ram->base - (uint64_t)ram->host);
    x64_alu(t->c, 1, ALU_ADD, to, RAX);
}

static void remember_exclusive(struct translation_state *t, unsigned bytes)
{
    physical_of_rax(t, RDX);
    x64_store(t->c, 1, RDX, HOST_CPU, EXCLUSIVE(address));
    x64_store_imm(t->c, 0, HOST_CPU, EXCLUSIVE(size), (int32_t)bytes);
}

static void load_exclusive(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    struct x64 *c = t->c;
    aligned_address(t, 1u << insn->size, false, 0);
    remember_exclusive(t, 1u << insn->size);
    unsigned d = general_destination(t, insn->rd, RCX);
    x64_load_sized(c, insn->size, false, 0, d, RAX, 0);
    x64_store(c, 1, d, HOST_CPU, EXCLUSIVE(value[0]));
    x64_store_imm(c, 1, HOST_CPU, EXCLUSIVE(value[1]), 0);
    general_done(t, insn->rd, d);
}

static void load_exclusive_pair(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    struct x64 *c = t->c;
    aligned_address(t, 8u << insn->sf, false, 0);
    remember_exclusive(t, 8u << insn->sf);
    x64_load(c, 1, RCX, RAX, 0);
    x64_store(c, 1, RCX, HOST_CPU, EXCLUSIVE(value[0]));
    if (insn->sf) {
        x64_load(c, 1, RDX, RAX, 8);
        x64_store(c, 1, RDX, HOST_CPU, EXCLUSIVE(value[1]));
    } else {
        x64_mov(c, 1, RDX, RCX);
        x64_shift_imm(c, 1, SHIFT_SHR, RDX, 32);
        x64_mov(c, 0, RCX, RCX);
        x64_store_imm(c, 1, HOST_CPU, EXCLUSIVE(value[1]), 0);
    }
    general_done(t, insn->rd, RCX);
    general_done(t, insn->ra, RDX);
}

/* Z is set where the monitor holds `bytes` bytes at the host address in rax, and, but in parallel, memory what was
 * loaded. Uses rcx, rdx. */
static void compare_monitor(struct translation_state *t, unsigned bytes, bool values)
{
    struct x64 *c = t->c;
    physical_of_rax(t, RCX);
    x64_alu_load(c, 1, ALU_XOR, RCX, HOST_CPU, EXCLUSIVE(address));
    x64_load(c, 0, RDX, HOST_CPU, EXCLUSIVE(size));
    x64_alu_imm(c, 0, ALU_XOR, RDX, (int32_t)bytes);
    x64_alu(c, 1, ALU_OR, RCX, RDX);
    for (unsigned at = 0; values && at < bytes; at += 8) {
        x64_load_sized(c, bytes == 16 ? 3 : (unsigned)__builtin_ctz(bytes), false, 0, RDX, RAX, (int32_t)at);
        x64_alu_load(c, 1, ALU_XOR, RDX, HOST_CPU, at ? EXCLUSIVE(value[1]) : EXCLUSIVE(value[0]));
        x64_alu(c, 1, ALU_OR, RCX, RDX);
    }
    if (!values)
        x64_test(c, 1, RCX, RCX);
}

static void exclusive_stored(struct translation_state *t)
{
    x64_store_imm(t->c, 0, HOST_CPU, EXCLUSIVE(size), 0);
    unsigned d = general_destination(t, t->insn->rd, RCX);
    x64_mov_imm(t->c, d, 0);
    general_done(t, t->insn->rd, d);
}

/* A store that the monitor or memory refuses is left to exec_; in parallel memory decides as the store is made. */
static void store_exclusive(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    struct x64 *c = t->c;
    const bool parallel = t->cpu->parallel;
    aligned_address(t, 1u << insn->size, true, 0);
    compare_monitor(t, 1u << insn->size, !parallel);
    slow_if(t, CC_NE);
    if (!parallel) {
        x64_store_sized(c, insn->size, general_use(t, insn->rm, RCX), RAX, 0);
        exclusive_stored(t);
        return;
    }
    x64_mov(c, 1, RDX, RAX);
    x64_load(c, 1, RAX, HOST_CPU, EXCLUSIVE(value[0]));
    unsigned m = general_use(t, insn->rm, RCX);
    x64_lock(c);
    x64_cmpxchg(c, insn->size, m, RDX, 0);
    x64_setcc(c, CC_NE, RCX);
    x64_extend(c, 0, false, 0, RCX, RCX);
    x64_store_imm(c, 0, HOST_CPU, EXCLUSIVE(size), 0);
    general_done(t, insn->rd, RCX);
}

static void store_exclusive_pair(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    struct x64 *c = t->c;
    const unsigned size = 2 + insn->sf;
    aligned_address(t, 8u << insn->sf, true, 0);
    compare_monitor(t, 8u << insn->sf, true);
    slow_if(t, CC_NE);
    x64_store_sized(c, size, general_use(t, insn->rm, RCX), RAX, 0);
    x64_store_sized(c, size, general_use(t, insn->ra, RCX), RAX, 1 << size);
    exclusive_stored(t);
}

/* --- read, modify, write --------------------------------------------------------------------------- */

enum modification {
    MODIFY_ADD,
    MODIFY_CLEAR,
    MODIFY_XOR,
    MODIFY_SET,
    MODIFY_SMAX,
    MODIFY_SMIN,
    MODIFY_UMAX,
    MODIFY_UMIN,
    MODIFY_SWAP,
};

static enum x64_alu alu_of(enum modification kind)
{
    static const uint8_t operations[] = {ALU_ADD, ALU_AND, ALU_XOR, ALU_OR};
    return operations[kind];
}

static bool is_signed(enum modification kind)
{
    return kind == MODIFY_SMAX || kind == MODIFY_SMIN;
}

/* `to` = the operand, ready to be combined with a value in memory. */
static void load_operand(struct translation_state *t, enum modification kind, unsigned to)
{
    const struct insn *insn = t->insn;
    general_copy(t, insn->rm, to);
    if (kind == MODIFY_CLEAR)
        x64_not(t->c, 1, to);
    else if (kind >= MODIFY_SMAX && kind <= MODIFY_UMIN && insn->size < 3)
        x64_extend(t->c, insn->size, is_signed(kind), is_signed(kind), to, to);
}

/* `operand` = what becomes of `old`, both ready (extended where they are compared). */
static void combine(struct translation_state *t, enum modification kind, unsigned operand, unsigned old)
{
    static const uint8_t better[] = {
        [MODIFY_SMAX] = CC_G, [MODIFY_SMIN] = CC_L, [MODIFY_UMAX] = CC_A, [MODIFY_UMIN] = CC_B};
    if (kind == MODIFY_SWAP)
        return;
    if (kind < MODIFY_SMAX) {
        x64_alu(t->c, 1, alu_of(kind), operand, old);
        return;
    }
    x64_alu(t->c, 1, ALU_CMP, old, operand);
    x64_cmov(t->c, 1, (enum x64_cc)better[kind], operand, old);
}

static void modify_plain(struct translation_state *t, enum modification kind)
{
    const struct insn *insn = t->insn;
    const unsigned size = insn->size;
    load_operand(t, kind, RDX);
    x64_load_sized(t->c, size, is_signed(kind), is_signed(kind), RCX, RAX, 0);
    combine(t, kind, RDX, RCX);
    x64_store_sized(t->c, size, RDX, RAX, 0);
    if (is_signed(kind))
        zero_extend(t, size, RCX);
    general_done(t, insn->rd, RCX);
}

/* By compare and swap, until nobody came in between. */
static void modify_by_loop(struct translation_state *t, enum modification kind)
{
    const struct insn *insn = t->insn;
    struct x64 *c = t->c;
    const unsigned size = insn->size;
    x64_mov(c, 1, RDX, RAX);
    x64_load_sized(c, size, false, 0, RAX, RDX, 0);
    const uint8_t *again = c->at;
    if (is_signed(kind) && size < 3)
        x64_extend(c, size, true, 1, RAX, RAX);
    load_operand(t, kind, RCX);
    combine(t, kind, RCX, RAX);
    x64_lock(c);
    x64_cmpxchg(c, size, RCX, RDX, 0);
    uint8_t *failed = x64_jcc(c, CC_NE);
    if (!c->full)
        x64_patch(failed, again);
    zero_extend(t, size, RAX);
    general_done(t, insn->rd, RAX);
}

static void modify(struct translation_state *t, enum modification kind)
{
    const struct insn *insn = t->insn;
    struct x64 *c = t->c;
    const unsigned size = insn->size;
    aligned_address(t, 1u << size, true, 0);
    if (insn->rd == REG_SINK && kind < MODIFY_SMAX) { /* STADD and the like */
        load_operand(t, kind, RCX);
        lock_if_parallel(t);
        x64_alu_store(c, size, alu_of(kind), RCX, RAX, 0);
    } else if (!t->cpu->parallel) {
        modify_plain(t, kind);
    } else if (kind == MODIFY_ADD || kind == MODIFY_SWAP) {
        general_copy(t, insn->rm, RCX);
        if (kind == MODIFY_ADD) {
            x64_lock(c);
            x64_xadd(c, size, RCX, RAX, 0);
        } else {
            x64_xchg_store(c, size, RCX, RAX, 0);
        }
        zero_extend(t, size, RCX);
        general_done(t, insn->rd, RCX);
    } else {
        modify_by_loop(t, kind);
    }
}

static void compare_and_swap(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    aligned_address(t, 1u << insn->size, true, 0);
    x64_mov(t->c, 1, RDX, RAX);
    general_copy(t, insn->rm, RAX);
    unsigned a = general_use(t, insn->ra, RCX);
    lock_if_parallel(t);
    x64_cmpxchg(t->c, insn->size, a, RDX, 0);
    zero_extend(t, insn->size, RAX);
    general_done(t, insn->rd, RAX);
}

static void compare_guest(struct translation_state *t, unsigned host, unsigned reg)
{
    if (t->host_of[reg] >= 0)
        x64_alu(t->c, 1, ALU_CMP, host, general_use(t, reg, host));
    else
        x64_alu_load(t->c, 1, ALU_CMP, host, HOST_CPU, offset_of(reg));
}

/* Of two registers each. Where they are swapped, what was expected is what was there: no register changes. */
static void compare_and_swap_pair(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    struct x64 *c = t->c;
    commit_flags(t); /* their operands may be in the second register, which the record does not name */
    aligned_address(t, 16, true, 0);
    x64_load(c, 1, RCX, RAX, 0);
    x64_load(c, 1, RDX, RAX, 8);
    compare_guest(t, RCX, insn->rm);
    uint8_t *differs[2] = {x64_jcc(c, CC_NE), NULL};
    compare_guest(t, RDX, insn->rm + 1u);
    differs[1] = x64_jcc(c, CC_NE);
    x64_store(c, 1, general_use(t, insn->ra, RCX), RAX, 0);
    x64_store(c, 1, general_use(t, insn->ra + 1u, RCX), RAX, 8);
    uint8_t *end = x64_jmp(c);
    x64_bind(c, differs[0]);
    x64_bind(c, differs[1]);
    general_done(t, insn->rd, RCX);
    general_done(t, insn->rd == 30 ? REG_SINK : insn->rd + 1u, RDX);
    x64_bind(c, end);
}

/* --- unprivileged ---------------------------------------------------------------------------------- */

/* rax is a guest address that EL1 accesses as EL0 would: makes it the host's. What is at EL0 itself, or with UAO, is
 * left to exec_. Uses rcx, rdx. */
static void unprivileged_address(struct translation_state *t, unsigned bytes, bool write)
{
    struct x64 *c = t->c;
    t->flags = FLAGS_UNKNOWN;
    /* At EL2 it is as at EL0 for the host of VHE alone: by its regime and TGE. */
    if (has_feature(&t->cpu->features, FEAT_EL2)) {
        x64_cmp_byte(c, HOST_CPU, CPU_OFFSET(pstate.el), 1);
        uint8_t *at_el1 = x64_jcc(c, CC_E);
        x64_cmp_byte(c, HOST_CPU, CPU_OFFSET(regime), REGIME_EL20);
        slow_if(t, CC_NE);
        x64_test_store(c, HOST_CPU, CPU_OFFSET(sys.HCR_EL2), 1 << 27);
        slow_if(t, CC_E);
        x64_bind(c, at_el1);
    }
    x64_load_sized(c, 0, false, 0, RCX, HOST_CPU, CPU_OFFSET(pstate.uao));
    x64_rm(c, 0, 0, 0x3a, RCX, HOST_CPU, CPU_OFFSET(pstate.el), false);
    slow_if(t, CC_AE);
    load_tlb_place(c, RAX);
    x64_push(c, RAX);
    load_tlb_table(c, RDX, RAX, TLB_EL0);
    x64_pop(c, RAX);
    x64_alu(c, 1, ALU_ADD, RCX, RDX);
    x64_load(c, 1, RDX, RCX, write ? offsetof(struct tlb_entry, write_tag) : offsetof(struct tlb_entry, read_tag));
    x64_alu(c, 1, ALU_XOR, RDX, RAX);
    x64_alu_imm(c, 1, ALU_CMP, RDX, (int32_t)(PAGE_SIZE_BYTES - bytes));
    slow_if(t, CC_A);
    x64_alu_load(c, 1, ALU_ADD, RAX, RCX, offsetof(struct tlb_entry, addend));
}

static void load_unprivileged(struct translation_state *t, enum extension extension)
{
    const struct insn *insn = t->insn;
    address_at(t, (int32_t)insn->imm);
    unprivileged_address(t, 1u << insn->size, false);
    unsigned d = general_destination(t, insn->rd, RCX);
    x64_load_sized(t->c, insn->size, extension != ZEROS, extension == SIGN_64, d, RAX, 0);
    general_done(t, insn->rd, d);
}

static void store_unprivileged(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    address_at(t, (int32_t)insn->imm);
    unprivileged_address(t, 1u << insn->size, true);
    x64_store_sized(t->c, insn->size, general_use(t, insn->rd, RCX), RAX, 0);
}

/* --- DC ZVA ---------------------------------------------------------------------------------------- */

static void zero_block(struct translation_state *t)
{
    enum { SCTLR_DZE = 1 << 14, BLOCK_BYTES = 64 };
    struct x64 *c = t->c;
    x64_test_store(c, HOST_CPU, CPU_OFFSET(sys.SCTLR_EL1), SCTLR_DZE); /* where EL0 may, everybody may */
    slow_if(t, CC_E);
    if (has_feature(&t->cpu->features, FEAT_EL2)) {
        x64_test_store(c, HOST_CPU, CPU_OFFSET(sys.HCR_EL2), 1 << 28); /* TDZ */
        slow_if(t, CC_NE);
    }
    general_copy(t, t->insn->rn, RAX);
    x64_alu_imm(c, 1, ALU_AND, RAX, -BLOCK_BYTES);
    translate_address(t, BLOCK_BYTES, true, false);
    for (int32_t at = 0; at < BLOCK_BYTES; at += 8)
        x64_store_imm(c, 1, RAX, at, 0);
}

bool translate_atomic(struct translation_state *t)
{
    const int32_t offset = (int32_t)t->insn->imm;
    switch (t->insn->op) {
    case OP_stlr:
    case OP_stllr: store_ordered(t, 0); return true;
    case OP_stlur: store_ordered(t, offset); return true;
    case OP_ldar:
    case OP_ldlar:
    case OP_ldapr: load_ordered(t, 0, ZEROS); return true;
    case OP_ldapur: load_ordered(t, offset, ZEROS); return true;
    case OP_ldapurs64: load_ordered(t, offset, SIGN_64); return true;
    case OP_ldapurs32: load_ordered(t, offset, SIGN_32); return true;
    case OP_ldxr: load_exclusive(t); return true;
    case OP_ldxp: load_exclusive_pair(t); return true;
    case OP_stxr: store_exclusive(t); return true;
    case OP_stxp:
        if (t->cpu->parallel)
            return false;
        store_exclusive_pair(t);
        return true;
    case OP_ldadd: modify(t, MODIFY_ADD); return true;
    case OP_ldclr: modify(t, MODIFY_CLEAR); return true;
    case OP_ldeor: modify(t, MODIFY_XOR); return true;
    case OP_ldset: modify(t, MODIFY_SET); return true;
    case OP_ldsmax: modify(t, MODIFY_SMAX); return true;
    case OP_ldsmin: modify(t, MODIFY_SMIN); return true;
    case OP_ldumax: modify(t, MODIFY_UMAX); return true;
    case OP_ldumin: modify(t, MODIFY_UMIN); return true;
    case OP_swp: modify(t, MODIFY_SWAP); return true;
    case OP_cas: compare_and_swap(t); return true;
    case OP_casp:
        if (t->cpu->parallel || !t->insn->sf)
            return false;
        compare_and_swap_pair(t);
        return true;
    case OP_ldr_tr: load_unprivileged(t, ZEROS); return true;
    case OP_ldrs64_tr: load_unprivileged(t, SIGN_64); return true;
    case OP_ldrs32_tr: load_unprivileged(t, SIGN_32); return true;
    case OP_str_tr: store_unprivileged(t); return true;
    case OP_dc_zva: zero_block(t); return true;
    default: return false;
    }
}
