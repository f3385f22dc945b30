/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pointer authentication: isa/arm64/pauth.c in host code, called with a pointer in rax and a modifier in rdx. Where the
 * processor has none, what stands among the hints costs nothing. */
#include "isa/arm64/el2.h"
#include "isa/arm64/pauth.h"
#include "jit/state.h"
#include "jit/x64_atomic.h"

/* --- shared code ----------------------------------------------------------------------------------- */

#define PAUTH_GA 4u /* the generic key, behind those of pointers */

static int32_t key_half(unsigned key, bool high)
{
    static const int32_t offsets[5][2] = {
        [PAUTH_IA] = {CPU_OFFSET(sys.APIAKeyLo_EL1), CPU_OFFSET(sys.APIAKeyHi_EL1)},
        [PAUTH_IB] = {CPU_OFFSET(sys.APIBKeyLo_EL1), CPU_OFFSET(sys.APIBKeyHi_EL1)},
        [PAUTH_DA] = {CPU_OFFSET(sys.APDAKeyLo_EL1), CPU_OFFSET(sys.APDAKeyHi_EL1)},
        [PAUTH_DB] = {CPU_OFFSET(sys.APDBKeyLo_EL1), CPU_OFFSET(sys.APDBKeyHi_EL1)},
        [PAUTH_GA] = {CPU_OFFSET(sys.APGAKeyLo_EL1), CPU_OFFSET(sys.APGAKeyHi_EL1)},
    };
    return offsets[key][high];
}

/* rbx = the extension bits of the pointer in rax, bit 55 among them; rsi = the pointer with these all equal to its
 * half. Bit 55 tells the half, or for a new code, where no top byte is ignored, bit 63. Uses rcx, rdi. */
static void emit_extend(struct x64 *c, bool is_fetch, bool adds)
{
    enum { TBI0 = 37, TBID0 = 51, LEAST_SIZE = 16, MOST_SIZE = 39 };
    x64_load(c, 1, RCX, HOST_CPU, CPU_OFFSET(sys.TCR_EL1));
    x64_mov(c, 1, RDI, RCX);
    if (is_fetch) {
        x64_shift_imm(c, 1, SHIFT_SHR, RDI, TBID0 - TBI0);
        x64_not(c, 1, RDI);
        x64_alu(c, 1, ALU_AND, RDI, RCX);
    }
    x64_shift_imm(c, 1, SHIFT_SHR, RDI, TBI0); /* bits 0 and 1: the top byte is ignored below, above */
    x64_mov(c, 1, RSI, RAX);
    if (adds) {
        x64_test_imm(c, 0, RDI, 3);
        uint8_t *any = x64_jcc(c, CC_NE);
        x64_shift_imm(c, 1, SHIFT_SHR, RSI, 63 - 55);
        x64_bind(c, any);
    }
    x64_bit_test(c, RSI, 55);
    x64_alu(c, 1, ALU_SBB, RSI, RSI);
    uint8_t *lower = x64_jcc(c, CC_E);
    x64_shift_imm(c, 1, SHIFT_SHR, RCX, 16);
    x64_shift_imm(c, 1, SHIFT_SHR, RDI, 1);
    x64_bind(c, lower);
    x64_alu_imm(c, 0, ALU_AND, RCX, 63);
    x64_mov_imm(c, RBX, LEAST_SIZE);
    x64_alu(c, 0, ALU_CMP, RCX, RBX);
    x64_cmov(c, 0, CC_B, RCX, RBX);
    x64_mov_imm(c, RBX, MOST_SIZE);
    x64_alu(c, 0, ALU_CMP, RCX, RBX);
    x64_cmov(c, 0, CC_A, RCX, RBX);
    x64_neg(c, 0, RCX);
    x64_mov_imm(c, RBX, UINT64_MAX);
    x64_shift_cl(c, 1, SHIFT_SHL, RBX);
    x64_bit_test(c, RDI, 0);
    uint8_t *top_byte_counts = x64_jcc(c, CC_AE);
    x64_shift_imm(c, 1, SHIFT_SHL, RBX, 8);
    x64_shift_imm(c, 1, SHIFT_SHR, RBX, 8);
    x64_bind(c, top_byte_counts);
    x64_alu(c, 1, ALU_XOR, RSI, RAX);
    x64_alu(c, 1, ALU_AND, RSI, RBX);
    x64_alu(c, 1, ALU_XOR, RSI, RAX);
}

/* rcx ^= rcx >> shift, then + `addend` (a register, or a member of the state), then * factor. Uses rdi. */
static void emit_round(struct x64 *c, unsigned shift, unsigned addend, int32_t member, uint64_t factor)
{
    x64_mov(c, 1, RDI, RCX);
    x64_shift_imm(c, 1, SHIFT_SHR, RDI, shift);
    x64_alu(c, 1, ALU_XOR, RCX, RDI);
    if (addend == HOST_CPU)
        x64_alu_load(c, 1, ALU_ADD, RCX, HOST_CPU, member);
    else
        x64_alu(c, 1, ALU_ADD, RCX, addend);
    x64_mov_imm(c, RDI, factor);
    x64_imul(c, 1, RCX, RDI);
}

/* rcx = the code of the value in rsi and the modifier in rdx. Uses rdi. */
static void emit_compute(struct x64 *c, unsigned key)
{
    x64_mov(c, 1, RCX, RSI);
    x64_alu_load(c, 1, ALU_XOR, RCX, HOST_CPU, key_half(key, false));
    x64_mov_imm(c, RDI, 0x9e3779b97f4a7c15ull);
    x64_imul(c, 1, RCX, RDI);
    emit_round(c, 32, RDX, 0, 0xbf58476d1ce4e5b9ull);
    emit_round(c, 29, HOST_CPU, key_half(key, true), 0x94d049bb133111ebull);
    x64_mov(c, 1, RDI, RCX);
    x64_shift_imm(c, 1, SHIFT_SHR, RDI, 31);
    x64_alu(c, 1, ALU_XOR, RCX, RDI);
}

/* Carry is set where the top byte counts; then a bit near the top is 8 higher. */
static void shift_unless_top_byte(struct x64 *c, unsigned count, const unsigned *registers)
{
    x64_bit_test(c, RBX, 63);
    uint8_t *counts = x64_jcc(c, CC_B);
    for (unsigned i = 0; i < count; i++)
        x64_shift_imm(c, 1, SHIFT_SHR, registers[i], 8);
    x64_bind(c, counts);
}

/* rax: the pointer with its code. */
static void emit_add(struct x64 *c, enum pauth_key key)
{
    emit_extend(c, key <= PAUTH_IB, true);
    emit_compute(c, key);
    x64_mov(c, 1, RDX, RAX);
    x64_alu(c, 1, ALU_AND, RDX, RBX);
    uint8_t *zeros = x64_jcc(c, CC_E);
    x64_alu(c, 1, ALU_CMP, RDX, RBX);
    uint8_t *ones = x64_jcc(c, CC_E);
    x64_mov_imm(c, RDI, 1ull << 62); /* it was no pointer: so will it not be accepted */
    shift_unless_top_byte(c, 1, (const unsigned[]){RDI});
    x64_alu(c, 1, ALU_XOR, RCX, RDI);
    x64_bind(c, zeros);
    x64_bind(c, ones);
    x64_bit_reset(c, RBX, 55);
    x64_mov(c, 1, RAX, RSI);
    x64_alu(c, 1, ALU_XOR, RAX, RCX);
    x64_alu(c, 1, ALU_AND, RAX, RBX);
    x64_alu(c, 1, ALU_XOR, RAX, RSI);
}

/* rax: the plain pointer, or one that faults. */
static void emit_check(struct x64 *c, enum pauth_key key)
{
    emit_extend(c, key <= PAUTH_IB, false);
    emit_compute(c, key);
    x64_bit_reset(c, RBX, 55);
    x64_alu(c, 1, ALU_XOR, RCX, RAX);
    x64_mov(c, 1, RAX, RSI);
    x64_alu(c, 1, ALU_AND, RCX, RBX);
    uint8_t *right = x64_jcc(c, CC_E);
    x64_mov_imm(c, RDI, (key & 1 ? 2ull : 1ull) << 61);
    x64_mov_imm(c, RCX, 3ull << 61);
    shift_unless_top_byte(c, 2, (const unsigned[]){RDI, RCX});
    x64_not(c, 1, RCX);
    x64_alu(c, 1, ALU_AND, RAX, RCX);
    x64_alu(c, 1, ALU_OR, RAX, RDI);
    x64_bind(c, right);
}

static uint64_t begin(struct x64 *c)
{
    uint64_t here = x64_here(c);
    x64_push(c, RBX);
    x64_push(c, RSI);
    x64_push(c, RDI);
    return here;
}

static void end(struct x64 *c)
{
    x64_pop(c, RDI);
    x64_pop(c, RSI);
    x64_pop(c, RBX);
    x64_ret(c);
}

void pauth_stubs_emit(struct x64 *c, struct stubs *stubs)
{
    for (unsigned key = PAUTH_IA; key <= PAUTH_DB; key++) {
        stubs->pauth_add[key] = begin(c);
        emit_add(c, (enum pauth_key)key);
        end(c);
        stubs->pauth_check[key] = begin(c);
        emit_check(c, (enum pauth_key)key);
        end(c);
    }
    stubs->pauth_generic = begin(c);
    x64_mov(c, 1, RSI, RAX);
    emit_compute(c, PAUTH_GA);
    x64_shift_imm(c, 1, SHIFT_SHR, RCX, 32);
    x64_mov(c, 1, RAX, RCX);
    x64_shift_imm(c, 1, SHIFT_SHL, RAX, 32);
    end(c);
    for (unsigned is_data = 0; is_data < 2; is_data++) {
        stubs->pauth_strip[is_data] = begin(c);
        emit_extend(c, !is_data, false);
        x64_mov(c, 1, RAX, RSI);
        end(c);
    }
}

/* --- instructions ---------------------------------------------------------------------------------- */

static void strip(struct translation_state *t, unsigned reg, bool is_data)
{
    if (reg == REG_SINK)
        return;
    commit_flags(t); /* the register may be one that the record does not name */
    general_copy(t, reg, RAX);
    x64_call_to(t->c, t->stubs->pauth_strip[is_data]);
    general_done(t, reg, RAX);
    t->flags = FLAGS_UNKNOWN;
}

/* rax = what the key makes of a pointer. `by_key`: the shared code for each, which is not called where SCTLR_EL1 does
 * not enable the key. */
static void authenticate_to_rax(struct translation_state *t, const uint64_t *by_key, unsigned reg, unsigned modifier)
{
    static const uint8_t enables[] = {[PAUTH_IA] = 31, [PAUTH_IB] = 30, [PAUTH_DA] = 27, [PAUTH_DB] = 13};
    const unsigned key = t->insn->opt;
    general_copy(t, reg, RAX);
    general_copy(t, modifier, RDX);
    x64_test_store(t->c, HOST_CPU, CPU_OFFSET(sys.SCTLR_EL1), (int32_t)(1u << enables[key]));
    uint8_t *disabled = x64_jcc(t->c, CC_E);
    x64_call_to(t->c, by_key[key]);
    x64_bind(t->c, disabled);
    t->flags = FLAGS_UNKNOWN;
}

void pauth_check_to_rax(struct translation_state *t, unsigned reg, unsigned modifier)
{
    authenticate_to_rax(t, t->stubs->pauth_check, reg, modifier);
}

static void authenticate(struct translation_state *t, const uint64_t *by_key, unsigned reg, unsigned modifier)
{
    if (reg == REG_SINK)
        return;
    commit_flags(t);
    authenticate_to_rax(t, by_key, reg, modifier);
    general_done(t, reg, RAX);
}

static void generic_code(struct translation_state *t)
{
    general_copy(t, t->insn->rn, RAX);
    general_copy(t, t->insn->rm, RDX);
    x64_call_to(t->c, t->stubs->pauth_generic);
    general_done(t, t->insn->rd, RAX);
    t->flags = FLAGS_UNKNOWN;
}

static bool is_hint(unsigned op)
{
    return op == OP_pac_1716 || op == OP_aut_1716 || op == OP_pac_lr || op == OP_aut_lr || op == OP_xpac_lri;
}

bool translate_pauth(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    const uint64_t *add = t->stubs->pauth_add, *check = t->stubs->pauth_check;
    if (!has_feature(&t->cpu->features, FEAT_PAuth))
        return is_hint(insn->op);
    if (cpu_has_el2(t->cpu) && insn->op != OP_xpac && insn->op != OP_xpac_lri)
        return false; /* HCR_EL2.API may trap it */
    switch (insn->op) {
    case OP_pac_1716: authenticate(t, add, 17, 16); return true;
    case OP_aut_1716: authenticate(t, check, 17, 16); return true;
    case OP_pac_lr: authenticate(t, add, 30, insn->amount ? REG_SP : REG_ZERO); return true;
    case OP_aut_lr: authenticate(t, check, 30, insn->amount ? REG_SP : REG_ZERO); return true;
    case OP_xpac_lri: strip(t, 30, false); return true;
    case OP_pac: authenticate(t, add, insn->rd, insn->rn); return true;
    case OP_aut: authenticate(t, check, insn->rd, insn->rn); return true;
    case OP_pac_zero: authenticate(t, add, insn->rd, REG_ZERO); return true;
    case OP_aut_zero: authenticate(t, check, insn->rd, REG_ZERO); return true;
    case OP_pacga:
        commit_flags(t);
        generic_code(t);
        return true;
    case OP_xpac: strip(t, insn->rd, insn->opt); return true;
    default: return false;
    }
}
