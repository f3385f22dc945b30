/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Instructions that look at NZCV as bits: moves of it, and changes of some. All of them work on FLAG_KIND_RAW in rax: N
 * in bit 15, Z in 14, the opposite of C in 8, V in 0. */
#include "jit/state.h"

enum { RAW_N = 0x8000, RAW_Z = 0x4000, RAW_NOT_C = 0x100, RAW_V = 1 };

/* edx = the flags of bits 3 to 0 of ecx. Uses rcx. */
static void raw_of_bits(struct x64 *c)
{
    x64_lea_indexed(c, 0, RDX, RCX, RCX, 0);
    x64_alu_imm(c, 0, ALU_AND, RDX, 4);
    x64_shift_imm(c, 0, SHIFT_SHL, RDX, 6); /* C */
    x64_alu_imm(c, 0, ALU_XOR, RDX, RAW_NOT_C);
    x64_alu_imm(c, 0, ALU_AND, RCX, 13);
    x64_imul_imm(c, 0, RCX, RCX, 0x1001); /* N, Z above; V stays */
    x64_alu_imm(c, 0, ALU_AND, RCX, RAW_N | RAW_Z | RAW_V);
    x64_alu(c, 0, ALU_OR, RDX, RCX);
}

void read_nzcv(struct translation_state *t)
{
    struct x64 *c = t->c;
    flags_to_rax(t);
    x64_mov(c, 0, RCX, RAX);
    x64_mov(c, 0, RDX, RAX);
    x64_alu_imm(c, 0, ALU_AND, RCX, RAW_N | RAW_Z);
    x64_alu_imm(c, 0, ALU_AND, RDX, RAW_NOT_C);
    x64_alu_imm(c, 0, ALU_AND, RAX, RAW_V);
    x64_alu_imm(c, 0, ALU_XOR, RDX, RAW_NOT_C);
    x64_shift_imm(c, 0, SHIFT_SHL, RCX, 16);
    x64_shift_imm(c, 0, SHIFT_SHL, RDX, 21);
    x64_shift_imm(c, 0, SHIFT_SHL, RAX, 28);
    x64_alu(c, 0, ALU_OR, RAX, RCX);
    x64_alu(c, 0, ALU_OR, RAX, RDX);
    t->flags = FLAGS_UNKNOWN;
    general_done(t, t->insn->rd, RAX);
}

void write_nzcv(struct translation_state *t)
{
    general_copy(t, t->insn->rn, RCX);
    x64_shift_imm(t->c, 0, SHIFT_SHR, RCX, 28);
    raw_of_bits(t->c);
    x64_mov(t->c, 0, RAX, RDX);
    flags_from_rax(t);
}

static void invert_carry(struct translation_state *t)
{
    flags_to_rax(t);
    x64_alu_imm(t->c, 0, ALU_XOR, RAX, RAW_NOT_C);
    flags_from_rax(t);
}

/* Some flags from a register that is turned. */
static void rotate_into_flags(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    const unsigned bits = insn->opt;
    const int32_t mask =
        (bits & 8 ? RAW_N : 0) | (bits & 4 ? RAW_Z : 0) | (bits & 2 ? RAW_NOT_C : 0) | (bits & 1 ? RAW_V : 0);
    struct x64 *c = t->c;
    if (bits != 15)
        flags_to_rax(t);
    general_copy(t, insn->rn, RCX);
    if (insn->amount)
        x64_shift_imm(c, 1, SHIFT_ROR, RCX, insn->amount);
    raw_of_bits(c);
    if (bits == 15) {
        x64_mov(c, 0, RAX, RDX);
    } else {
        x64_alu_imm(c, 0, ALU_AND, RAX, ~mask);
        x64_alu_imm(c, 0, ALU_AND, RDX, mask);
        x64_alu(c, 0, ALU_OR, RAX, RDX);
    }
    flags_from_rax(t);
}

/* N, Z and V of a byte or a halfword; V where the bit above it differs from its sign. */
static void flags_of_small(struct translation_state *t)
{
    const unsigned bits = 8u << t->insn->size;
    struct x64 *c = t->c;
    flags_to_rax(t);
    x64_alu_imm(c, 0, ALU_AND, RAX, RAW_NOT_C);
    general_copy(t, t->insn->rn, RCX);
    x64_lea_indexed(c, 0, RDX, RCX, RCX, 0);
    x64_alu(c, 0, ALU_XOR, RDX, RCX);
    x64_shift_imm(c, 0, SHIFT_SHR, RDX, bits);
    x64_alu_imm(c, 0, ALU_AND, RDX, RAW_V);
    x64_alu(c, 0, ALU_OR, RAX, RDX);
    x64_shift_imm(c, 0, SHIFT_SHL, RCX, 32 - bits);
    x64_mov_imm(c, RDX, 0); /* the host's flags stay */
    x64_setcc(c, CC_E, RDX);
    x64_shift_imm(c, 0, SHIFT_SHL, RDX, 14);
    x64_alu(c, 0, ALU_OR, RAX, RDX);
    x64_shift_imm(c, 0, SHIFT_SHR, RCX, 16);
    x64_alu_imm(c, 0, ALU_AND, RCX, RAW_N);
    x64_alu(c, 0, ALU_OR, RAX, RCX);
    flags_from_rax(t);
}

/* Z = Z | V, C = C & !V, N = V = 0. */
static void flags_to_external(struct translation_state *t)
{
    struct x64 *c = t->c;
    flags_to_rax(t);
    x64_mov(c, 0, RCX, RAX);
    x64_alu_imm(c, 0, ALU_AND, RAX, RAW_Z | RAW_NOT_C);
    x64_alu_imm(c, 0, ALU_AND, RCX, RAW_V);
    x64_imul_imm(c, 0, RCX, RCX, RAW_Z | RAW_NOT_C);
    x64_alu(c, 0, ALU_OR, RAX, RCX);
    flags_from_rax(t);
}

/* N = !C & !Z, Z = Z & C, C = C | Z, V = !C & Z. */
static void flags_from_external(struct translation_state *t)
{
    struct x64 *c = t->c;
    flags_to_rax(t);
    x64_mov(c, 0, RCX, RAX);
    x64_shift_imm(c, 0, SHIFT_SHR, RCX, 14);
    x64_alu_imm(c, 0, ALU_AND, RCX, 1); /* Z */
    x64_mov(c, 0, RDX, RAX);
    x64_shift_imm(c, 0, SHIFT_SHR, RDX, 8);
    x64_alu_imm(c, 0, ALU_AND, RDX, 1); /* !C */
    x64_mov(c, 0, RAX, RCX);
    x64_alu(c, 0, ALU_AND, RAX, RDX);
    x64_alu(c, 0, ALU_XOR, RCX, RAX);
    x64_alu(c, 0, ALU_XOR, RDX, RAX);
    x64_shift_imm(c, 0, SHIFT_SHL, RCX, 14);
    x64_imul_imm(c, 0, RDX, RDX, RAW_N | RAW_NOT_C);
    x64_alu(c, 0, ALU_OR, RAX, RCX);
    x64_alu(c, 0, ALU_OR, RAX, RDX);
    flags_from_rax(t);
}

bool translate_flags(struct translation_state *t)
{
    switch (t->insn->op) {
    case OP_cfinv: invert_carry(t); return true;
    case OP_rmif: rotate_into_flags(t); return true;
    case OP_setf: flags_of_small(t); return true;
    case OP_axflag: flags_to_external(t); return true;
    case OP_xaflag: flags_from_external(t); return true;
    default: return false;
    }
}
