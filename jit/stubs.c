/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The way into translated code and out of it.
 *
 * Inside, rbp is the cpu (plus CPU_BIAS), r10 counts the instructions left, ten registers hold the guest registers that
 * are used most, and rax, rcx, rdx are free. rsp is in a stack of its own: a guest call leaves its return address and a
 * host's there, so that the guest's return is the host's. What is on it matters to speed only; it is
 * empty whenever translated code is entered, and a stay ends before it could be full. C functions run on C's stack.
 * MXCSR collects FP flags once a unit has armed it, up to the next C code. Neither pc nor icount is kept: a block
 * knows its place in the page, and icount is what is missing from the limit. Outside, everything is in struct cpu, as
 * its header says. */
#include "jit/jit.h"
#include "jit/state.h"

const uint8_t pinned[PIN_COUNT] = {0, 1, 2, 3, 4, 8, 19, 20, 30, REG_SP};

const int8_t pin_of[REG_COUNT] = {
    [0] = RBX, [1] = RSI,  [2] = RDI,  [3] = R8,   [4] = R9,   [5] = -1,  [6] = -1,  [7] = -1,      [8] = R15,
    [9] = -1,  [10] = -1,  [11] = -1,  [12] = -1,  [13] = -1,  [14] = -1,  [15] = -1, [16] = -1,     [17] = -1,
    [18] = -1, [19] = R11, [20] = R12, [21] = -1,  [22] = -1,  [23] = -1,  [24] = -1, [25] = -1,     [26] = -1,
    [27] = -1, [28] = -1,  [29] = -1,  [30] = R13, [31] = -1, [REG_SP] = R14, [REG_SINK] = -1,
};

static const uint8_t callee_saved[] = {RBX, RBP, R12, R13, R14, R15};
#define CALLEE_SAVED_COUNT (int)(sizeof callee_saved)

static void store_pins(struct x64 *c)
{
    for (unsigned i = 0; i < PIN_COUNT; i++)
        x64_store(c, 1, (unsigned)pin_of[pinned[i]], HOST_CPU, offset_of(pinned[i]));
}

static void load_pins(struct x64 *c)
{
    for (unsigned i = 0; i < PIN_COUNT; i++)
        x64_load(c, 1, (unsigned)pin_of[pinned[i]], HOST_CPU, offset_of(pinned[i]));
}

/* icount from what is left. Uses `temp`. */
static void store_icount(struct x64 *c, unsigned temp)
{
    x64_load(c, 1, temp, HOST_CPU, CPU_OFFSET(native.limit));
    x64_alu(c, 1, ALU_SUB, temp, HOST_LEFT);
    x64_store(c, 1, temp, HOST_CPU, CPU_OFFSET(icount));
}

/* And back, from the limit (which may be another now) or the end of the stay. Uses rax, rcx. */
static void load_left(struct x64 *c)
{
    x64_load(c, 1, RAX, HOST_CPU, CPU_OFFSET(limit));
    x64_load(c, 1, RCX, HOST_CPU, CPU_OFFSET(native.stay_end));
    x64_alu(c, 1, ALU_CMP, RAX, RCX);
    x64_cmov(c, 1, CC_A, RAX, RCX);
    x64_store(c, 1, RAX, HOST_CPU, CPU_OFFSET(native.limit));
    x64_mov(c, 1, HOST_LEFT, RAX);
    x64_alu_load(c, 1, ALU_SUB, HOST_LEFT, HOST_CPU, CPU_OFFSET(icount));
}

/* eax is what stood in flag_kind: it becomes the kind alone, and where a number stands above that rdx becomes the
 * number and rcx the first operand. */
static void take_immediate(struct x64 *c)
{
    x64_test_imm(c, 0, RAX, FLAG_IMMEDIATE);
    uint8_t *none = x64_jcc(c, CC_E);
    x64_extend(c, 2, true, 1, RDX, RAX);
    x64_shift_imm(c, 1, SHIFT_SAR, RDX, FLAG_IMMEDIATE_SHIFT);
    x64_test_imm(c, 0, RAX, FLAG_OF_RESULT);
    uint8_t *is_first = x64_jcc(c, CC_E);
    x64_alu(c, 1, ALU_ADD, RCX, RDX);
    x64_test_imm(c, 0, RAX, FLAG_KIND_ADD);
    uint8_t *was_difference = x64_jcc(c, CC_E);
    x64_alu(c, 1, ALU_SUB, RCX, RDX); /* of a sum */
    x64_alu(c, 1, ALU_SUB, RCX, RDX);
    x64_bind(c, is_first);
    x64_bind(c, was_difference);
    x64_alu_imm(c, 0, ALU_AND, RAX, FLAG_OF_RESULT - 1);
    x64_bind(c, none);
}

/* The flags of an operation go into nzcv: flag_kind, with its operands in rcx and rdx, becomes 0. */
static void settle_flags(struct x64 *c)
{
    static const enum x64_alu ops[] = {[FLAG_KIND_SUB] = ALU_CMP, [FLAG_KIND_ADD] = ALU_ADD, [FLAG_KIND_AND] = ALU_AND};
    uint8_t *done_at[6];
    unsigned count = 0;
    x64_load(c, 0, RAX, HOST_CPU, CPU_OFFSET(native.flag_kind));
    x64_load(c, 1, RCX, HOST_CPU, CPU_OFFSET(native.flag_a));
    x64_load(c, 1, RDX, HOST_CPU, CPU_OFFSET(native.flag_b));
    take_immediate(c);
    for (unsigned kind = FLAG_KIND_SUB; kind <= FLAG_KIND_AND; kind += 2) {
        for (unsigned w = 0; w < 2; w++) {
            x64_alu_imm(c, 0, ALU_CMP, RAX, (int32_t)(kind + w));
            uint8_t *other = x64_jcc(c, CC_NE);
            x64_alu(c, w, ops[kind], RCX, RDX);
            x64_setcc_store(c, kind == FLAG_KIND_SUB ? CC_AE : CC_B, HOST_CPU, FLAG(c));
            done_at[count++] = x64_jmp(c);
            x64_bind(c, other);
        }
    }
    x64_alu_imm(c, 0, ALU_CMP, RAX, FLAG_KIND_ORDER);
    uint8_t *raw = x64_jcc(c, CC_NE);
    x64_mov(c, 0, RAX, RCX);
    x64_sahf(c);
    x64_setcc_store(c, CC_AE, HOST_CPU, FLAG(c));
    x64_setcc_store(c, CC_B, HOST_CPU, FLAG(n));
    x64_setcc_store(c, CC_E, HOST_CPU, FLAG(z));
    x64_rm(c, 0, 0, 0xc6, 0, HOST_CPU, FLAG(v), false);
    x64_byte(c, 0);
    uint8_t *ordered = x64_jmp(c);
    x64_bind(c, raw);
    x64_mov(c, 0, RAX, RCX);
    x64_alu_imm_al(c, ALU_ADD, 0x7f);
    x64_sahf(c);
    x64_setcc_store(c, CC_AE, HOST_CPU, FLAG(c));
    for (unsigned i = 0; i < count; i++)
        x64_bind(c, done_at[i]);
    x64_setcc_store(c, CC_S, HOST_CPU, FLAG(n));
    x64_setcc_store(c, CC_E, HOST_CPU, FLAG(z));
    x64_setcc_store(c, CC_O, HOST_CPU, FLAG(v));
    x64_bind(c, ordered);
    x64_store_imm(c, 0, HOST_CPU, CPU_OFFSET(native.flag_kind), 0);
    x64_ret(c);
}

/* Calls settle_flags() where there are any to settle. */
static void settle(struct x64 *c, const struct stubs *stubs)
{
    x64_alu_imm_store(c, 0, ALU_CMP, HOST_CPU, CPU_OFFSET(native.flag_kind), 0);
    uint8_t *settled = x64_jcc(c, CC_E);
    x64_call_to(c, stubs->settle_flags);
    x64_bind(c, settled);
}

/* The state's flags, which are not FLAG_KIND_RAW, become that. */
static void settle_raw(struct x64 *c, const struct stubs *stubs)
{
    settle(c, stubs);
    /* ah = N << 7 | Z << 6 | !C, al = V */
    x64_load_sized(c, 0, false, 0, RAX, HOST_CPU, FLAG(n));
    x64_shift_imm(c, 0, SHIFT_SHL, RAX, 1);
    x64_rm(c, 0, 0, 0x0a, RAX, HOST_CPU, FLAG(z), false); /* or al, z */
    x64_shift_imm(c, 0, SHIFT_SHL, RAX, 6);
    x64_rm(c, 0, 0, 0x0a, RAX, HOST_CPU, FLAG(c), false); /* or al, c */
    x64_alu_imm(c, 0, ALU_XOR, RAX, 1);
    x64_shift_imm(c, 0, SHIFT_SHL, RAX, 8);
    x64_rm(c, 0, 0, 0x0a, RAX, HOST_CPU, FLAG(v), false); /* or al, v */
    x64_store(c, 1, RAX, HOST_CPU, CPU_OFFSET(native.flag_a));
    x64_store_imm(c, 0, HOST_CPU, CPU_OFFSET(native.flag_kind), FLAG_KIND_RAW);
    x64_ret(c);
}

#define MXCSR_PLAIN 0x1f80u /* nothing raised, nothing trapped, round to nearest */

static void load_mxcsr(struct x64 *c)
{
    x64_store_imm(c, 0, HOST_CPU, CPU_OFFSET(native.mxcsr), MXCSR_PLAIN);
    x64_rm(c, 0, 0, 0x0fae, 2, HOST_CPU, CPU_OFFSET(native.mxcsr), false);
}

/* What the host's FP operations raised since they were armed goes to FPSR. What x86 counts as a denormal operand is
 * nothing to the guest; the others have the same names, and nearly the same order. Uses rcx, rdx. */
static void collect_fp_flags(struct x64 *c)
{
    x64_cmp_byte(c, HOST_CPU, CPU_OFFSET(native.fp_armed), 0);
    uint8_t *not_armed = x64_jcc(c, CC_E);
    x64_rm(c, 0, 0, 0x0fae, 3, HOST_CPU, CPU_OFFSET(native.mxcsr), false);
    x64_load(c, 0, RCX, HOST_CPU, CPU_OFFSET(native.mxcsr));
    x64_mov(c, 0, RDX, RCX);
    x64_alu_imm(c, 0, ALU_AND, RDX, FPSR_IOC);
    x64_shift_imm(c, 0, SHIFT_SHR, RCX, 1);
    x64_alu_imm(c, 0, ALU_AND, RCX, FPSR_DZC | FPSR_OFC | FPSR_UFC | FPSR_IXC);
    x64_alu(c, 0, ALU_OR, RCX, RDX);
    x64_rm(c, 0, 0, 0x09, RCX, HOST_CPU, CPU_OFFSET(fpsr), false);
    x64_bind(c, not_armed);
}

/* Behind C code, which raises what it likes: what was armed before is so again. */
static void rearm_fp(struct x64 *c)
{
    x64_cmp_byte(c, HOST_CPU, CPU_OFFSET(native.fp_armed), 0);
    uint8_t *not_armed = x64_jcc(c, CC_E);
    load_mxcsr(c);
    x64_bind(c, not_armed);
}

static void emit_arm_fp(struct x64 *c)
{
    x64_load(c, 0, RAX, HOST_CPU, CPU_OFFSET(sys.CPACR_EL1));
    x64_not(c, 0, RAX);
    x64_test_imm(c, 0, RAX, 3 << 20);
    uint8_t *trapped = x64_jcc(c, CC_NE);
    x64_alu_imm_store(c, 0, ALU_CMP, HOST_CPU, CPU_OFFSET(fpcr), 0);
    uint8_t *not_plain = x64_jcc(c, CC_NE);
    load_mxcsr(c);
    x64_rm(c, 0, 0, 0xc6, 0, HOST_CPU, CPU_OFFSET(native.fp_armed), false);
    x64_byte(c, 1);
    x64_bind(c, trapped);
    x64_bind(c, not_plain);
    x64_ret(c);
}

/* Everything to the state; rdx is pc's place in the page. Then the function in r12 is ready to be called with the
 * record in r13. */
static void store_all_for_plain(struct x64 *c, const struct stubs *stubs)
{
    store_pins(c);
    x64_mov(c, 1, R12, RAX);
    x64_mov(c, 1, R13, RCX);
    x64_alu_load(c, 1, ALU_ADD, RDX, HOST_CPU, CPU_OFFSET(native.page));
    x64_store(c, 1, RDX, HOST_CPU, CPU_OFFSET(pc));
    store_icount(c, RDX);
    settle(c, stubs);
    collect_fp_flags(c);
}

static void call_on_host_stack(struct x64 *c, unsigned function)
{
    x64_store(c, 1, RSP, HOST_CPU, CPU_OFFSET(native.stack_now));
    x64_load(c, 1, RSP, HOST_CPU, CPU_OFFSET(native.host_stack));
    x64_lea(c, 1, RDI, HOST_CPU, -CPU_BIAS);
    x64_call_reg(c, function);
}

static void pop_frame(struct x64 *c)
{
    x64_alu_imm(c, 1, ALU_ADD, RSP, 8);
    for (int i = CALLEE_SAVED_COUNT - 1; i >= 0; i--)
        x64_pop(c, callee_saved[i]);
    x64_ret(c);
}

static void emit_enter(struct x64 *c, const struct stubs *stubs)
{
    for (int i = 0; i < CALLEE_SAVED_COUNT; i++)
        x64_push(c, callee_saved[i]);
    x64_alu_imm(c, 1, ALU_SUB, RSP, 8);
    x64_lea(c, 1, HOST_CPU, RDI, CPU_BIAS);
    x64_store(c, 1, RSP, HOST_CPU, CPU_OFFSET(native.host_stack));
    x64_load(c, 1, RSP, HOST_CPU, CPU_OFFSET(native.stack));
    x64_mov(c, 1, RDX, RSI);
    x64_rm(c, 0, 0, 0xc6, 0, HOST_CPU, CPU_OFFSET(native.fp_armed), false);
    x64_byte(c, 0);
    x64_mov_imm(c, RAX, (uint64_t)stubs->dropped);
    x64_alu_imm_store(c, 0, ALU_CMP, RAX, 0, 0); /* parallel CPUs share it: it is not written for nothing */
    uint8_t *not_dropped = x64_jcc(c, CC_E);
    x64_store_imm(c, 0, RAX, 0, 0);
    x64_bind(c, not_dropped);
    x64_load(c, 1, RAX, HOST_CPU, CPU_OFFSET(icount));
    x64_alu_load(c, 1, ALU_ADD, RAX, HOST_CPU, CPU_OFFSET(native.stay_insns));
    x64_store(c, 1, RAX, HOST_CPU, CPU_OFFSET(native.stay_end));
    load_left(c);
    x64_load(c, 1, RAX, HOST_CPU, CPU_OFFSET(pc)); /* the block's end, which may be the page's */
    x64_alu_imm(c, 1, ALU_SUB, RAX, 4);
    x64_alu_imm(c, 1, ALU_AND, RAX, -4096);
    x64_store(c, 1, RAX, HOST_CPU, CPU_OFFSET(native.page));
    load_pins(c);
    x64_jmp_mem(c, RDX, (int32_t)offsetof(struct block, native_body) - (int32_t)offsetof(struct block, insns));
}

/* rcx = the lookup that may know rax, by its hash. Uses rdx. */
static void emit_hash_slot(struct x64 *c)
{
    _Static_assert(sizeof(struct lookup) == 32, "the index below is scaled by the entry's size");
    x64_mov(c, 1, RCX, RAX);
    x64_shift_imm(c, 1, SHIFT_SHR, RCX, 2);
    x64_mov(c, 1, RDX, RAX);
    x64_shift_imm(c, 1, SHIFT_SHR, RDX, 14);
    x64_alu(c, 0, ALU_XOR, RCX, RDX);
    x64_alu_imm(c, 0, ALU_AND, RCX, LOOKUP_ENTRIES - 1);
    x64_shift_imm(c, 0, SHIFT_SHL, RCX, 5);
    x64_alu_load(c, 1, ALU_ADD, RCX, HOST_CPU, CPU_OFFSET(lookups));
}

/* Of the block in rcx. Parallel CPUs share it: it is not written for nothing. */
static void mark_jumped_to(struct x64 *c)
{
    x64_cmp_byte(c, RCX, offsetof(struct block, jumped_to), 0);
    uint8_t *marked = x64_jcc(c, CC_NE);
    x64_rm(c, 0, 0, 0xc6, 0, RCX, offsetof(struct block, jumped_to), false);
    x64_byte(c, 1);
    x64_bind(c, marked);
}

/* rax is a pc that a lookup by its hash may know: as block_look_up(). */
static void emit_jump_by_hash(struct x64 *c, const struct stubs *stubs)
{
    emit_hash_slot(c);
    x64_alu_load(c, 1, ALU_CMP, RAX, RCX, offsetof(struct lookup, pc));
    x64_jcc_to(c, CC_NE, stubs->leave);
    x64_mov(c, 1, RDX, RAX);
    x64_shift_imm(c, 1, SHIFT_SHR, RDX, 63);
    x64_load_indexed(c, 1, RDX, HOST_CPU, RDX, 3, CPU_OFFSET(code_key));
    x64_alu_load(c, 1, ALU_CMP, RDX, RCX, offsetof(struct lookup, key));
    x64_jcc_to(c, CC_NE, stubs->leave);
    x64_load(c, 1, RCX, RCX, offsetof(struct lookup, block));
    mark_jumped_to(c);
}

/* To the code of the block in rcx. rax stays pc, for code that leaves at once. */
static void emit_go_on(struct x64 *c)
{
    x64_mov(c, 1, RDX, RAX);
    x64_alu_imm(c, 1, ALU_AND, RDX, -4096);
    x64_store(c, 1, RDX, HOST_CPU, CPU_OFFSET(native.page));
    x64_jmp_mem(c, RCX, offsetof(struct block, native_entry));
}

/* Runs a block's last instruction and goes on where it led to, if that is known. What wants the loop's attention has
 * made the limit 0, which the next block sees. What is in the stack of return points, and what was found out about
 * FP, holds only while what it was found under does; else it is as if translated code had been left. */
static void emit_end_plain(struct x64 *c, const struct stubs *stubs)
{
    static const uint8_t held_in[] = {RBX, R13, R14, R15};
    const int32_t held[] = {CPU_OFFSET(code_key[0]), CPU_OFFSET(code_key[1]), CPU_OFFSET(fpcr),
                            CPU_OFFSET(sys.CPACR_EL1)};
    store_all_for_plain(c, stubs);
    x64_mov(c, 1, RSI, R13);
    for (unsigned i = 0; i < sizeof held_in; i++)
        x64_load(c, 1, held_in[i], HOST_CPU, held[i]);
    call_on_host_stack(c, R12);
    x64_cmp_byte(c, HOST_CPU, CPU_OFFSET(pstate.btype), 0);
    uint8_t *checked_target = x64_jcc(c, CC_NE);
    for (unsigned i = 0; i < sizeof held_in; i++)
        x64_alu_load(c, 1, ALU_XOR, held_in[i], HOST_CPU, held[i]);
    for (unsigned i = 1; i < sizeof held_in; i++)
        x64_alu(c, 1, ALU_OR, held_in[0], held_in[i]);
    x64_load(c, 1, RSP, HOST_CPU, CPU_OFFSET(native.stack_now));
    uint8_t *holds = x64_jcc(c, CC_E);
    x64_load(c, 1, RSP, HOST_CPU, CPU_OFFSET(native.stack));
    x64_rm(c, 0, 0, 0xc6, 0, HOST_CPU, CPU_OFFSET(native.fp_armed), false);
    x64_byte(c, 0);
    x64_bind(c, holds);
    load_left(c);
    load_pins(c);
    rearm_fp(c);
    x64_load(c, 1, RAX, HOST_CPU, CPU_OFFSET(pc));
    x64_jmp_to(c, stubs->jump_by_hash);
    x64_bind(c, checked_target);
    pop_frame(c);
}

/* The lookup at offset rdx from cpu->lookups learns that rax leads to the block in rcx, with the low bits of the
 * offset in the key. */
static void emit_learn(struct x64 *c)
{
    x64_push(c, RDX);
    x64_alu_imm(c, 1, ALU_AND, RDX, -(int32_t)sizeof(struct lookup));
    x64_alu_load(c, 1, ALU_ADD, RDX, HOST_CPU, CPU_OFFSET(lookups));
    x64_store(c, 1, RAX, RDX, offsetof(struct lookup, pc));
    x64_store(c, 1, RCX, RDX, offsetof(struct lookup, block));
    x64_load(c, 1, RCX, HOST_CPU, CPU_OFFSET(native.page));
    x64_store(c, 1, RCX, RDX, offsetof(struct lookup, from));
    x64_pop(c, RCX);
    x64_alu_imm(c, 0, ALU_AND, RCX, 3);
    x64_store(c, 1, RCX, RDX, offsetof(struct lookup, key));
    x64_mov(c, 1, RCX, RAX);
    x64_shift_imm(c, 1, SHIFT_SHR, RCX, 63);
    x64_load_indexed(c, 1, RCX, HOST_CPU, RCX, 3, CPU_OFFSET(code_key));
    x64_alu_load(c, 1, ALU_OR, RCX, RDX, offsetof(struct lookup, key));
    x64_store(c, 1, RCX, RDX, offsetof(struct lookup, key));
    x64_load(c, 1, RCX, RDX, offsetof(struct lookup, block));
}

/* edx = BTYPE of a jump from native.page: 1, or 3 where the page is guarded. Returns the jump of not knowing. */
static uint8_t *emit_btype_of_page(struct x64 *c)
{
    const int32_t entry_bytes = (int32_t)sizeof(struct tlb_code_entry);
    const int32_t level_bytes = entry_bytes * (int32_t)TLB_CODE_ENTRIES, table = (int32_t)offsetof(struct tlb, code);
    x64_load(c, 1, RDX, HOST_CPU, CPU_OFFSET(native.page));
    x64_mov(c, 1, RCX, RDX);
    x64_shift_imm(c, 1, SHIFT_SHR, RCX, PAGE_BITS);
    x64_alu_imm(c, 0, ALU_AND, RCX, TLB_CODE_ENTRIES - 1);
    x64_imul_imm(c, 0, RCX, RCX, entry_bytes);
    x64_alu_load(c, 1, ALU_ADD, RCX, HOST_CPU, CPU_OFFSET(tlb_all));
    x64_cmp_byte(c, HOST_CPU, CPU_OFFSET(pstate.el), 0);
    uint8_t *el0 = x64_jcc(c, CC_E);
    x64_alu_imm(c, 1, ALU_ADD, RCX, level_bytes);
    x64_bind(c, el0);
    x64_alu_load(c, 1, ALU_CMP, RDX, RCX, table + (int32_t)offsetof(struct tlb_code_entry, tag));
    uint8_t *unknown = x64_jcc(c, CC_NE);
    x64_load_sized(c, 1, false, 0, RDX, RCX, table + (int32_t)offsetof(struct tlb_code_entry, guarded));
    x64_lea_indexed(c, 0, RDX, RDX, RDX, 0);
    x64_alu_imm(c, 0, ALU_ADD, RDX, 1);
    return unknown;
}

/* edx is what emit_btype_of_page() says. Where the page is not guarded, the lookup learns that, whose offset is on the
 * stack: the page, with the opposite of code_key, which no other lookup has. Where it is, edx becomes the BTYPE beside
 * the offset. */
static void emit_learn_unguarded(struct x64 *c)
{
    x64_alu_imm(c, 0, ALU_CMP, RDX, 1);
    uint8_t *guarded = x64_jcc(c, CC_NE);
    x64_load(c, 1, RCX, RSP, 0);
    x64_alu_imm(c, 1, ALU_AND, RCX, -(int32_t)sizeof(struct lookup));
    x64_alu_load(c, 1, ALU_ADD, RCX, HOST_CPU, CPU_OFFSET(lookups));
    x64_load(c, 1, RDX, HOST_CPU, CPU_OFFSET(native.page));
    x64_store(c, 1, RDX, RCX, offsetof(struct lookup, pc));
    x64_shift_imm(c, 1, SHIFT_SHR, RDX, 63);
    x64_load_indexed(c, 1, RDX, HOST_CPU, RDX, 3, CPU_OFFSET(code_key));
    x64_not(c, 1, RDX);
    x64_store(c, 1, RDX, RCX, offsetof(struct lookup, key));
    x64_mov_imm(c, RDX, 1);
    uint8_t *learnt = x64_jmp(c);
    x64_bind(c, guarded);
    x64_load(c, 0, RDX, RSP, 0);
    x64_alu_imm(c, 0, ALU_AND, RDX, 3);
    x64_bind(c, learnt);
}

static void emit_fill_guarded(struct x64 *c, bool of_table)
{
    uint8_t *known = NULL;
    x64_push(c, RCX);
    x64_push(c, RDX);
    if (!of_table) {
        x64_alu_imm(c, 0, ALU_AND, RDX, 3);
        x64_alu_imm(c, 0, ALU_CMP, RDX, BTYPE_OF_PAGE);
        known = x64_jcc(c, CC_NE);
    }
    uint8_t *unknown = emit_btype_of_page(c);
    if (of_table)
        emit_learn_unguarded(c);
    else
        x64_bind(c, known);
    x64_push(c, RDX);
    x64_mov(c, 1, RDX, RAX);
    x64_shift_imm(c, 1, SHIFT_SHR, RDX, 63);
    x64_load_indexed(c, 1, RDX, HOST_CPU, RDX, 3, CPU_OFFSET(code_key));
    x64_pop(c, RCX);
    x64_alu(c, 1, ALU_OR, RDX, RCX);
    x64_push(c, RDX);
    emit_hash_slot(c);
    x64_pop(c, RDX);
    x64_alu_load(c, 1, ALU_CMP, RAX, RCX, offsetof(struct lookup, pc));
    uint8_t *missed = x64_jcc(c, CC_NE);
    x64_alu_load(c, 1, ALU_CMP, RDX, RCX, offsetof(struct lookup, key));
    uint8_t *other_key = x64_jcc(c, CC_NE), *refused[2];
    x64_load(c, 1, RCX, RCX, offsetof(struct lookup, block));
    emit_begin_check(c, refused);
    mark_jumped_to(c);
    x64_pop(c, RDX);
    if (!of_table)
        emit_learn(c);
    x64_alu_imm(c, 1, ALU_ADD, RSP, 8);
    emit_go_on(c);

    x64_bind(c, unknown);
    x64_bind(c, missed);
    x64_bind(c, other_key);
    x64_bind(c, refused[0]);
    x64_bind(c, refused[1]);
    x64_pop(c, RDX);
    x64_pop(c, RCX);
    x64_jmp_reg(c, RCX);
}

/* Whoever wants the CPU's attention has made the limit 0. What comes here although much is left is code that must not
 * go on (jit_forget). */
static void emit_renew_stay(struct x64 *c)
{
    _Static_assert(JIT_MIN_STAY > IR_MAX_OPS && JIT_MIN_STAY > BLOCK_MAX_INSNS, "what is left is enough for any unit");
    x64_alu_imm(c, 1, ALU_CMP, HOST_LEFT, JIT_MIN_STAY - 1);
    uint8_t *much_left = x64_jcc(c, CC_G);
    x64_load(c, 1, RCX, HOST_CPU, CPU_OFFSET(native.stay_insns));
    x64_mov(c, 1, RAX, RCX);
    x64_shift_imm(c, 1, SHIFT_SHL, RAX, RETURN_POINT_BITS);
    x64_alu_load(c, 1, ALU_ADD, RAX, HOST_CPU, CPU_OFFSET(native.stack));
    x64_alu(c, 1, ALU_SUB, RAX, RSP);
    x64_alu_imm(c, 1, ALU_CMP, RAX, (MAX_STAY_INSNS << RETURN_POINT_BITS) + 8); /* this call's */
    uint8_t *stack_full = x64_jcc(c, CC_A);
    x64_alu_load(c, 1, ALU_ADD, RCX, HOST_CPU, CPU_OFFSET(native.stay_end));
    x64_alu_load(c, 1, ALU_CMP, RCX, HOST_CPU, CPU_OFFSET(limit));
    uint8_t *turn_ends = x64_jcc(c, CC_A);
    store_icount(c, RAX);
    x64_store(c, 1, RCX, HOST_CPU, CPU_OFFSET(native.stay_end));
    load_left(c);
    x64_stc(c);
    x64_ret(c);
    x64_bind(c, much_left);
    x64_bind(c, turn_ends);
    x64_bind(c, stack_full);
    x64_alu(c, 0, ALU_XOR, RAX, RAX); /* no carry */
    x64_ret(c);
}

/* The record and those behind it in its block. */
static void run_rest(struct cpu *cpu, const struct insn *insn)
{
    for (unsigned left = insn->left; left; left--, insn++)
        interp_plain_of(insn)(cpu, insn);
}

void stubs_emit(struct x64 *c, struct stubs *stubs)
{
    stubs->enter = x64_here(c);
    emit_enter(c, stubs);

    stubs->settle_flags = x64_here(c);
    settle_flags(c);

    stubs->settle_raw = x64_here(c);
    settle_raw(c, stubs);

    stubs->leave_at = x64_here(c);
    x64_mov(c, 1, RAX, RDX);
    x64_alu_load(c, 1, ALU_ADD, RAX, HOST_CPU, CPU_OFFSET(native.page));
    stubs->leave = x64_here(c);
    x64_store(c, 1, RAX, HOST_CPU, CPU_OFFSET(pc));
    store_icount(c, RAX);
    store_pins(c);
    settle(c, stubs);
    collect_fp_flags(c);
    x64_load(c, 1, RSP, HOST_CPU, CPU_OFFSET(native.host_stack));
    pop_frame(c);

    stubs->renew_stay = x64_here(c);
    emit_renew_stay(c);

    stubs->call_plain = x64_here(c);
    store_all_for_plain(c, stubs);
    x64_mov(c, 1, RSI, R13);
    call_on_host_stack(c, R12);
    x64_load(c, 1, RSP, HOST_CPU, CPU_OFFSET(native.stack_now));
    load_left(c);
    load_pins(c);
    rearm_fp(c);
    x64_ret(c);

    stubs->arm_fp = x64_here(c);
    emit_arm_fp(c);

    stubs->collect_fp = x64_here(c);
    collect_fp_flags(c);
    x64_ret(c);

    stubs->rearm_fp = x64_here(c);
    rearm_fp(c);
    x64_ret(c);

    stubs->rest_plain = x64_here(c);
    store_all_for_plain(c, stubs);
    x64_mov_imm(c, RAX, (uint64_t)run_rest);
    x64_mov(c, 1, RSI, R13);
    call_on_host_stack(c, RAX);
    pop_frame(c);

    /* The stack of return points is empty: what a return finds there comes here, and stays. */
    stubs->bottom = x64_here(c);
    x64_load(c, 1, RSP, HOST_CPU, CPU_OFFSET(native.stack));
    stubs->jump_by_hash = x64_here(c);
    emit_jump_by_hash(c, stubs);
    emit_go_on(c);

    stubs->end_plain = x64_here(c);
    emit_end_plain(c, stubs);

    stubs->fill_site = x64_here(c);
    x64_push(c, RDX);
    emit_jump_by_hash(c, stubs);
    x64_pop(c, RDX);
    emit_learn(c);
    emit_go_on(c);

    stubs->fill_guarded = x64_here(c);
    emit_fill_guarded(c, false);

    stubs->fill_unguarded = x64_here(c);
    emit_fill_guarded(c, true);

    pauth_stubs_emit(c, stubs);
    memory_stubs_emit(c, stubs);
}
