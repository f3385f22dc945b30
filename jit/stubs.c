/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The way into translated code and out of it.
 *
 * Inside, rbp is the cpu, r15 its TLB table, r10 counts the instructions left, nine registers hold the guest registers that
 * are used most, and rax, rcx, rdx are free. The stack is aligned for calls. Neither pc nor icount is kept: a
 * block knows its place in the page, and icount is what is missing from the limit. Outside, everything is in
 * struct cpu, as its header says. */
#include "jit/state.h"

const uint8_t pinned[PIN_COUNT] = {0, 1, 2, 3, 4, 19, 20, 30, REG_SP};

const int8_t pin_of[REG_COUNT] = {
    [0] = RBX, [1] = RSI,  [2] = RDI,  [3] = R8,   [4] = R9,   [5] = -1,  [6] = -1,  [7] = -1,      [8] = -1,
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

/* And back, from a limit that may be another. Uses rax. */
static void load_left(struct x64 *c)
{
    x64_load(c, 1, RAX, HOST_CPU, CPU_OFFSET(limit));
    x64_store(c, 1, RAX, HOST_CPU, CPU_OFFSET(native.limit));
    x64_mov(c, 1, HOST_LEFT, RAX);
    x64_alu_load(c, 1, ALU_SUB, HOST_LEFT, HOST_CPU, CPU_OFFSET(icount));
}

#define MXCSR_PLAIN 0x1f80u /* nothing raised, nothing trapped, round to nearest */

static void load_mxcsr(struct x64 *c)
{
    x64_rm(c, 0, 0, 0xc7, 0, HOST_CPU, CPU_OFFSET(native.mxcsr), false);
    x64_imm32(c, MXCSR_PLAIN);
    x64_rm(c, 0, 0, 0x0fae, 2, HOST_CPU, CPU_OFFSET(native.mxcsr), false);
    x64_rm(c, 0, 0, 0xc6, 0, HOST_CPU, CPU_OFFSET(native.fp_armed), false);
    x64_byte(c, 1);
}

/* What the host's FP operations raised since arm_fp goes to FPSR. What x86 counts as a denormal operand is nothing to
 * the guest; the others have the same names, and nearly the same order. Uses rcx, rdx. */
static void collect_fp_flags(struct x64 *c)
{
    x64_cmp_byte(c, HOST_CPU, CPU_OFFSET(native.fp_armed), 0);
    uint8_t *not_armed = x64_jcc(c, CC_E);
    x64_rm(c, 0, 0, 0x0fae, 3, HOST_CPU, CPU_OFFSET(native.mxcsr), false);
    x64_rm(c, 0, 0, 0xc6, 0, HOST_CPU, CPU_OFFSET(native.fp_armed), false);
    x64_byte(c, 0);
    x64_load(c, 0, RCX, HOST_CPU, CPU_OFFSET(native.mxcsr));
    x64_mov(c, 0, RDX, RCX);
    x64_alu_imm(c, 0, ALU_AND, RDX, FPSR_IOC);
    x64_shift_imm(c, 0, SHIFT_SHR, RCX, 1);
    x64_alu_imm(c, 0, ALU_AND, RCX, FPSR_DZC | FPSR_OFC | FPSR_UFC | FPSR_IXC);
    x64_alu(c, 0, ALU_OR, RCX, RDX);
    x64_rm(c, 0, 0, 0x09, RCX, HOST_CPU, CPU_OFFSET(fpsr), false);
    x64_bind(c, not_armed);
}

static void emit_arm_fp(struct x64 *c)
{
    x64_load(c, 0, RAX, HOST_CPU, CPU_OFFSET(sys.CPACR_EL1));
    x64_not(c, 0, RAX);
    x64_test_imm(c, 0, RAX, 3 << 20);
    uint8_t *trapped = x64_jcc(c, CC_NE);
    x64_rm(c, 0, 0, 0x83, ALU_CMP, HOST_CPU, CPU_OFFSET(fpcr), false);
    x64_byte(c, 0);
    uint8_t *not_plain = x64_jcc(c, CC_NE);
    load_mxcsr(c);
    x64_bind(c, trapped);
    x64_bind(c, not_plain);
    x64_ret(c);
}

/* Everything to the state; rdx is pc's place in the page. Then the function in rax is ready to be called. */
static void store_all_for_plain(struct x64 *c)
{
    store_pins(c);
    x64_mov(c, 1, RDI, HOST_CPU);
    x64_mov(c, 1, RSI, RCX);
    x64_alu_load(c, 1, ALU_ADD, RDX, HOST_CPU, CPU_OFFSET(native.page));
    x64_store(c, 1, RDX, HOST_CPU, CPU_OFFSET(pc));
    store_icount(c, RDX);
    collect_fp_flags(c);
}

static void emit_call_plain(struct x64 *c)
{
    store_all_for_plain(c);
    x64_alu_imm(c, 1, ALU_SUB, RSP, 8);
    x64_call_reg(c, RAX);
    x64_alu_imm(c, 1, ALU_ADD, RSP, 8);
    load_left(c);
    load_pins(c);
}

static void pop_frame(struct x64 *c)
{
    x64_alu_imm(c, 1, ALU_ADD, RSP, 8);
    for (int i = CALLEE_SAVED_COUNT - 1; i >= 0; i--)
        x64_pop(c, callee_saved[i]);
    x64_ret(c);
}

void stubs_emit(struct x64 *c, struct stubs *stubs)
{
    stubs->enter = x64_here(c);
    for (int i = 0; i < CALLEE_SAVED_COUNT; i++)
        x64_push(c, callee_saved[i]);
    x64_alu_imm(c, 1, ALU_SUB, RSP, 8);
    x64_mov(c, 1, HOST_CPU, RDI);
    x64_mov(c, 1, RCX, RSI);
    x64_load(c, 1, HOST_TLB, HOST_CPU, CPU_OFFSET(tlb));
    load_left(c);
    x64_load(c, 1, RAX, HOST_CPU, CPU_OFFSET(pc)); /* the block's end, which may be the page's */
    x64_alu_imm(c, 1, ALU_SUB, RAX, 4);
    x64_alu_imm(c, 1, ALU_AND, RAX, -4096);
    x64_store(c, 1, RAX, HOST_CPU, CPU_OFFSET(native.page));
    load_pins(c);
    x64_jmp_mem(c, RCX, (int32_t)offsetof(struct block, native_body) - (int32_t)offsetof(struct block, insns));

    stubs->leave_at = x64_here(c);
    x64_mov(c, 1, RAX, RDX);
    x64_alu_load(c, 1, ALU_ADD, RAX, HOST_CPU, CPU_OFFSET(native.page));
    stubs->leave = x64_here(c);
    x64_store(c, 1, RAX, HOST_CPU, CPU_OFFSET(pc));
    store_icount(c, RAX);
    store_pins(c);
    collect_fp_flags(c);
    pop_frame(c);

    stubs->call_plain = x64_here(c);
    emit_call_plain(c);
    x64_ret(c);

    stubs->call_plain_armed = x64_here(c);
    emit_call_plain(c);
    load_mxcsr(c);
    x64_ret(c);

    stubs->arm_fp = x64_here(c);
    emit_arm_fp(c);

    stubs->end_plain = x64_here(c);
    store_all_for_plain(c);
    x64_call_reg(c, RAX);
    pop_frame(c);
}
