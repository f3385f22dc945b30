/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An assembler for the x86-64 instructions that translated code is made of.
 *
 * Operands are registers or [base + displacement]; `w` is 1 for 64-bit operations, 0 for 32-bit ones (which clear the
 * upper half). Code is written at `at` and runs at `at + run_offset`: the two are mappings of the same memory. Past
 * `end` nothing is written and `full` is set; the caller throws the attempt away. */
#ifndef ARMATURE_X64_H
#define ARMATURE_X64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum x64_reg { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };

enum x64_alu { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP };
enum x64_shift { SHIFT_ROL, SHIFT_ROR, SHIFT_SHL = 4, SHIFT_SHR = 5, SHIFT_SAR = 7 };

/* Conditions as jcc, setcc and cmovcc number them; cc ^ 1 is the opposite. */
enum x64_cc { CC_O, CC_NO, CC_B, CC_AE, CC_E, CC_NE, CC_BE, CC_A, CC_S, CC_NS, CC_P, CC_NP, CC_L, CC_GE, CC_LE, CC_G };

struct x64 {
    uint8_t *at, *end;
    ptrdiff_t run_offset;
    bool full;
    bool avx; /* the host has AVX2: vector operations take three operands (x64_vec.h) */
};

static inline void x64_byte(struct x64 *c, unsigned byte)
{
    if (c->at < c->end)
        *c->at++ = (uint8_t)byte;
    else
        c->full = true;
}

static inline void x64_imm32(struct x64 *c, int64_t value)
{
    for (int i = 0; i < 4; i++)
        x64_byte(c, (uint64_t)value >> 8 * i & 0xff);
}

/** Where the next byte will run. */
static inline uint64_t x64_here(const struct x64 *c)
{
    return (uint64_t)(c->at + c->run_offset);
}

/* Encodings. `opcode` of more than 8 bits is written highest byte first (0x0fb6); `prefix` goes before REX. */

static inline void x64_opcode(struct x64 *c, unsigned prefix, unsigned rex, unsigned opcode)
{
    if (prefix)
        x64_byte(c, prefix);
    if (rex)
        x64_byte(c, 0x40 | rex);
    if (opcode > 0xffff)
        x64_byte(c, opcode >> 16);
    if (opcode > 0xff)
        x64_byte(c, opcode >> 8 & 0xff);
    x64_byte(c, opcode & 0xff);
}

/* reg, r/m register. `byte`: r/m or reg is a byte register, where 4 to 7 want a REX prefix. */
static inline void x64_rr(struct x64 *c, unsigned prefix, unsigned w, unsigned opcode, unsigned reg, unsigned rm,
                          bool byte)
{
    unsigned rex = w << 3 | (reg >> 3) << 2 | rm >> 3;
    if (byte && !rex && (rm >= 4 || reg >= 4))
        x64_byte(c, 0x40);
    x64_opcode(c, prefix, rex, opcode);
    x64_byte(c, 0xc0 | (reg & 7) << 3 | (rm & 7));
}

/* A base may have an index: [base + (index << scale) + disp]. An index is not rsp. */
#define X64_INDEXED(base, index, scale) ((base) | 0x100u | (index) << 4 | (scale) << 12)

static inline unsigned x64_index_of(unsigned base)
{
    return base & 0x100 ? base >> 4 & 15 : 0;
}

/* The operand [base + disp] beside `reg`, behind an opcode. */
static inline void x64_memory_operand(struct x64 *c, unsigned reg, unsigned base, int32_t disp)
{
    bool small = disp == (int8_t)disp;
    const bool indexed = base & 0x100;
    x64_byte(c, (small ? 0x40 : 0x80) | (reg & 7) << 3 | (indexed ? RSP : base & 7));
    if (indexed)
        x64_byte(c, (base >> 12 & 3) << 6 | (x64_index_of(base) & 7) << 3 | (base & 7));
    else if ((base & 7) == RSP)
        x64_byte(c, 0x24);
    if (small)
        x64_byte(c, (uint8_t)disp);
    else
        x64_imm32(c, disp);
}

/* reg, [base + disp] */
static inline void x64_rm(struct x64 *c, unsigned prefix, unsigned w, unsigned opcode, unsigned reg, unsigned base,
                          int32_t disp, bool byte)
{
    unsigned rex = w << 3 | (reg >> 3) << 2 | (x64_index_of(base) >> 3) << 1 | (base >> 3 & 1);
    if (byte && !rex && reg >= 4)
        x64_byte(c, 0x40);
    x64_opcode(c, prefix, rex, opcode);
    x64_memory_operand(c, reg, base, disp);
}

/* Moves. */

static inline void x64_mov(struct x64 *c, unsigned w, unsigned to, unsigned from)
{
    x64_rr(c, 0, w, 0x8b, to, from, false);
}

/** The shortest way to a constant; leaves the flags alone. */
static inline void x64_mov_imm(struct x64 *c, unsigned to, uint64_t value)
{
    if (value <= UINT32_MAX) {
        x64_opcode(c, 0, to >> 3, 0xb8 | (to & 7));
        x64_imm32(c, (int64_t)value);
    } else if ((int64_t)value == (int32_t)value) {
        x64_rr(c, 0, 1, 0xc7, 0, to, false);
        x64_imm32(c, (int64_t)value);
    } else {
        x64_opcode(c, 0, 8 | to >> 3, 0xb8 | (to & 7));
        x64_imm32(c, (int64_t)value);
        x64_imm32(c, (int64_t)(value >> 32));
    }
}

static inline void x64_load(struct x64 *c, unsigned w, unsigned to, unsigned base, int32_t disp)
{
    x64_rm(c, 0, w, 0x8b, to, base, disp, false);
}

static inline void x64_store(struct x64 *c, unsigned w, unsigned from, unsigned base, int32_t disp)
{
    x64_rm(c, 0, w, 0x89, from, base, disp, false);
}

/** mov [base + disp], value (sign-extended to 64 bits) */
static inline void x64_store_imm(struct x64 *c, unsigned w, unsigned base, int32_t disp, int32_t value)
{
    x64_rm(c, 0, w, 0xc7, 0, base, disp, false);
    x64_imm32(c, value);
}

/** The same of 1 << size bytes of zeroes. */
static inline void x64_store_zero(struct x64 *c, unsigned size, unsigned base, int32_t disp)
{
    x64_rm(c, size == 1 ? 0x66 : 0, size == 3, size ? 0xc7 : 0xc6, 0, base, disp, false);
    if (size >= 2)
        x64_imm32(c, 0);
    else
        for (unsigned i = 0; i < 1u << size; i++)
            x64_byte(c, 0);
}

/** mov to, [base + (index << scale) + disp] */
static inline void x64_load_indexed(struct x64 *c, unsigned w, unsigned to, unsigned base, unsigned index,
                                    unsigned scale, int32_t disp)
{
    x64_opcode(c, 0, w << 3 | (to >> 3) << 2 | (index >> 3) << 1 | base >> 3, 0x8b);
    x64_byte(c, 0x84 | (to & 7) << 3);
    x64_byte(c, scale << 6 | (index & 7) << 3 | (base & 7));
    x64_imm32(c, disp);
}

/** Loads 1 << size bytes, zero-extended, or sign-extended to 64 (w) or 32 bits. */
static inline void x64_load_sized(struct x64 *c, unsigned size, bool sign, unsigned w, unsigned to, unsigned base,
                                  int32_t disp)
{
    if (size == 3 || (size == 2 && !(sign && w)))
        x64_rm(c, 0, size == 3, 0x8b, to, base, disp, false);
    else if (size == 2)
        x64_rm(c, 0, 1, 0x63, to, base, disp, false);
    else
        x64_rm(c, 0, sign && w, (sign ? 0x0fbe : 0x0fb6) | size, to, base, disp, false);
}

static inline void x64_store_sized(struct x64 *c, unsigned size, unsigned from, unsigned base, int32_t disp)
{
    x64_rm(c, size == 1 ? 0x66 : 0, size == 3, size ? 0x89 : 0x88, from, base, disp, size == 0);
}

/** Extends the low 1 << size bytes of a register (size 0 to 2). */
static inline void x64_extend(struct x64 *c, unsigned size, bool sign, unsigned w, unsigned to, unsigned from)
{
    if (size == 2)
        x64_rr(c, 0, sign, sign ? 0x63 : 0x8b, to, from, false);
    else
        x64_rr(c, 0, w, (sign ? 0x0fbe : 0x0fb6) | size, to, from, size == 0);
}

/* Arithmetic. */

static inline void x64_alu(struct x64 *c, unsigned w, enum x64_alu op, unsigned to, unsigned from)
{
    x64_rr(c, 0, w, (unsigned)op << 3 | 3, to, from, false);
}

static inline void x64_alu_load(struct x64 *c, unsigned w, enum x64_alu op, unsigned to, unsigned base, int32_t disp)
{
    x64_rm(c, 0, w, (unsigned)op << 3 | 3, to, base, disp, false);
}

/** op to, [base + (index << scale) + disp] */
static inline void x64_alu_indexed(struct x64 *c, unsigned w, enum x64_alu op, unsigned to, unsigned base,
                                   unsigned index, unsigned scale, int32_t disp)
{
    x64_opcode(c, 0, w << 3 | (to >> 3) << 2 | (index >> 3) << 1 | base >> 3, (unsigned)op << 3 | 3);
    x64_byte(c, 0x84 | (to & 7) << 3);
    x64_byte(c, scale << 6 | (index & 7) << 3 | (base & 7));
    x64_imm32(c, disp);
}

static inline void x64_alu_imm(struct x64 *c, unsigned w, enum x64_alu op, unsigned to, int32_t value)
{
    bool small = value == (int8_t)value;
    x64_rr(c, 0, w, small ? 0x83 : 0x81, op, to, false);
    if (small)
        x64_byte(c, (uint8_t)value);
    else
        x64_imm32(c, value);
}

static inline void x64_alu_imm_store(struct x64 *c, unsigned w, enum x64_alu op, unsigned base, int32_t disp,
                                     int32_t value)
{
    bool small = value == (int8_t)value;
    x64_rm(c, 0, w, small ? 0x83 : 0x81, op, base, disp, false);
    if (small)
        x64_byte(c, (uint8_t)value);
    else
        x64_imm32(c, value);
}

/** add dword [address], 1, the address within reach of where this runs */
static inline void x64_increment_at(struct x64 *c, uint64_t address)
{
    x64_byte(c, 0x83);
    x64_byte(c, 0x05);
    x64_imm32(c, (int64_t)(address - (x64_here(c) + 5)));
    x64_byte(c, 1);
}

/** op al, value */
static inline void x64_alu_imm_al(struct x64 *c, enum x64_alu op, unsigned value)
{
    x64_opcode(c, 0, 0, (unsigned)op << 3 | 4);
    x64_byte(c, value);
}

/** cmp byte [base + disp], value */
static inline void x64_cmp_byte(struct x64 *c, unsigned base, int32_t disp, unsigned value)
{
    x64_rm(c, 0, 0, 0x80, ALU_CMP, base, disp, false);
    x64_byte(c, value);
}

static inline void x64_test(struct x64 *c, unsigned w, unsigned a, unsigned b)
{
    x64_rr(c, 0, w, 0x85, b, a, false);
}

static inline void x64_test_imm(struct x64 *c, unsigned w, unsigned a, int32_t value)
{
    x64_rr(c, 0, w, 0xf7, 0, a, false);
    x64_imm32(c, value);
}

/** test dword [base + disp], value */
static inline void x64_test_store(struct x64 *c, unsigned base, int32_t disp, int32_t value)
{
    x64_rm(c, 0, 0, 0xf7, 0, base, disp, false);
    x64_imm32(c, value);
}

/** bt a, bit: carry is the bit. */
static inline void x64_bit_test(struct x64 *c, unsigned a, unsigned bit)
{
    x64_rr(c, 0, bit > 31, 0x0fba, 4, a, false);
    x64_byte(c, bit & 63);
}

/** btr a, bit: the bit becomes 0. */
static inline void x64_bit_reset(struct x64 *c, unsigned a, unsigned bit)
{
    x64_rr(c, 0, bit > 31, 0x0fba, 6, a, false);
    x64_byte(c, bit & 63);
}

static inline void x64_not(struct x64 *c, unsigned w, unsigned reg)
{
    x64_rr(c, 0, w, 0xf7, 2, reg, false);
}

static inline void x64_neg(struct x64 *c, unsigned w, unsigned reg)
{
    x64_rr(c, 0, w, 0xf7, 3, reg, false);
}

static inline void x64_imul(struct x64 *c, unsigned w, unsigned to, unsigned from)
{
    x64_rr(c, 0, w, 0x0faf, to, from, false);
}

/** to = from * value */
static inline void x64_imul_imm(struct x64 *c, unsigned w, unsigned to, unsigned from, int32_t value)
{
    x64_rr(c, 0, w, 0x69, to, from, false);
    x64_imm32(c, value);
}

/** rdx:rax = rax * from. */
static inline void x64_mul_wide(struct x64 *c, bool sign, unsigned from)
{
    x64_rr(c, 0, 1, 0xf7, sign ? 5 : 4, from, false);
}

/** high:low = rdx * from, unsigned, and the flags stay (BMI2). */
static inline void x64_mulx(struct x64 *c, unsigned high, unsigned low, unsigned from)
{
    x64_byte(c, 0xc4);
    x64_byte(c, (high < 8) << 7 | 1 << 6 | (from < 8) << 5 | 2);
    x64_byte(c, 1 << 7 | (~low & 15) << 3 | 3);
    x64_byte(c, 0xf6);
    x64_byte(c, 0xc0 | (high & 7) << 3 | (from & 7));
}

/** to = from shifted by the lowest bits of `count`, not rotated, and the flags stay (BMI2). */
static inline void x64_shift_by(struct x64 *c, unsigned w, enum x64_shift op, unsigned to, unsigned from,
                                unsigned count)
{
    const unsigned prefix = op == SHIFT_SHL ? 1 : op == SHIFT_SAR ? 2 : 3;
    x64_byte(c, 0xc4);
    x64_byte(c, (to < 8) << 7 | 1 << 6 | (from < 8) << 5 | 2);
    x64_byte(c, w << 7 | (~count & 15) << 3 | prefix);
    x64_byte(c, 0xf7);
    x64_byte(c, 0xc0 | (to & 7) << 3 | (from & 7));
}

/** to = `from` rotated right, and the flags stay (BMI2). */
static inline void x64_rorx(struct x64 *c, unsigned w, unsigned to, unsigned from, unsigned amount)
{
    x64_byte(c, 0xc4);
    x64_byte(c, (to < 8) << 7 | 1 << 6 | (from < 8) << 5 | 3);
    x64_byte(c, w << 7 | 15 << 3 | 3);
    x64_byte(c, 0xf0);
    x64_byte(c, 0xc0 | (to & 7) << 3 | (from & 7));
    x64_byte(c, amount);
}

/** to = ~inverted & from; the flags are those of AND (BMI1). */
static inline void x64_andn(struct x64 *c, unsigned w, unsigned to, unsigned inverted, unsigned from)
{
    x64_byte(c, 0xc4);
    x64_byte(c, (to < 8) << 7 | 1 << 6 | (from < 8) << 5 | 2);
    x64_byte(c, w << 7 | (~inverted & 15) << 3);
    x64_byte(c, 0xf2);
    x64_byte(c, 0xc0 | (to & 7) << 3 | (from & 7));
}

/** rax, rdx = rdx:rax divided by `by`. */
static inline void x64_div(struct x64 *c, unsigned w, bool sign, unsigned by)
{
    x64_rr(c, 0, w, 0xf7, sign ? 7 : 6, by, false);
}

/** cqo or cdq: rdx becomes the sign of rax. */
static inline void x64_sign_of_rax(struct x64 *c, unsigned w)
{
    x64_opcode(c, 0, w << 3, 0x99);
}

static inline void x64_shift_imm(struct x64 *c, unsigned w, enum x64_shift op, unsigned reg, unsigned amount)
{
    x64_rr(c, 0, w, 0xc1, op, reg, false);
    x64_byte(c, amount);
}

/** By cl, modulo the width. */
static inline void x64_shift_cl(struct x64 *c, unsigned w, enum x64_shift op, unsigned reg)
{
    x64_rr(c, 0, w, 0xd3, op, reg, false);
}

/** shrd to, from, amount */
static inline void x64_shrd(struct x64 *c, unsigned w, unsigned to, unsigned from, unsigned amount)
{
    x64_rr(c, 0, w, 0x0fac, from, to, false);
    x64_byte(c, amount);
}

static inline void x64_bswap(struct x64 *c, unsigned w, unsigned reg)
{
    x64_opcode(c, 0, w << 3 | reg >> 3, 0x0fc8 | (reg & 7));
}

/** bsr: the index of the highest one; zero flag and no result where there is none. */
static inline void x64_bsr(struct x64 *c, unsigned w, unsigned to, unsigned from)
{
    x64_rr(c, 0, w, 0x0fbd, to, from, false);
}

/** Zeroes from the top down to the highest one, or all bits (LZCNT). */
static inline void x64_lzcnt(struct x64 *c, unsigned w, unsigned to, unsigned from)
{
    x64_rr(c, 0xf3, w, 0x0fbd, to, from, false);
}

/** Zeroes from the bottom up to the lowest one, or all bits (BMI1). */
static inline void x64_tzcnt(struct x64 *c, unsigned w, unsigned to, unsigned from)
{
    x64_rr(c, 0xf3, w, 0x0fbc, to, from, false);
}

static inline void x64_lea(struct x64 *c, unsigned w, unsigned to, unsigned base, int32_t disp)
{
    x64_rm(c, 0, w, 0x8d, to, base, disp, false);
}

/** lea to, [base + index << scale] */
static inline void x64_lea_indexed(struct x64 *c, unsigned w, unsigned to, unsigned base, unsigned index,
                                   unsigned scale)
{
    x64_opcode(c, 0, w << 3 | (to >> 3) << 2 | (index >> 3) << 1 | base >> 3, 0x8d);
    x64_byte(c, 0x44 | (to & 7) << 3);
    x64_byte(c, scale << 6 | (index & 7) << 3 | (base & 7));
    x64_byte(c, 0);
}

/* The flags as a whole. */

/** ah = sign, zero and carry flags (bits 7, 6, 0), and others. */
static inline void x64_lahf(struct x64 *c)
{
    x64_byte(c, 0x9f);
}

/** And back. The overflow flag stays. */
static inline void x64_sahf(struct x64 *c)
{
    x64_byte(c, 0x9e);
}

/** Turns the carry flag over. */
static inline void x64_cmc(struct x64 *c)
{
    x64_byte(c, 0xf5);
}

static inline void x64_stc(struct x64 *c)
{
    x64_byte(c, 0xf9);
}

/* Conditions and jumps. */

static inline void x64_setcc_store(struct x64 *c, enum x64_cc cc, unsigned base, int32_t disp)
{
    x64_rm(c, 0, 0, 0x0f90 | cc, 0, base, disp, false);
}

/** The byte of a register (rax to rdx). */
static inline void x64_setcc(struct x64 *c, enum x64_cc cc, unsigned reg)
{
    x64_rr(c, 0, 0, 0x0f90 | cc, 0, reg, true);
}

static inline void x64_cmov(struct x64 *c, unsigned w, enum x64_cc cc, unsigned to, unsigned from)
{
    x64_rr(c, 0, w, 0x0f40 | cc, to, from, false);
}

/** A jump whose target is not known yet; returns what x64_bind() wants. */
static inline uint8_t *x64_jcc(struct x64 *c, enum x64_cc cc)
{
    x64_opcode(c, 0, 0, 0x0f80 | cc);
    x64_imm32(c, 0);
    return c->at;
}

#define X64_JMP_BYTES 5
static inline uint8_t *x64_jmp(struct x64 *c)
{
    x64_byte(c, 0xe9);
    x64_imm32(c, 0);
    return c->at;
}

/** Makes the jump that ends at `jump_end` (write address) go to `target` (write address). */
static inline void x64_patch(uint8_t *jump_end, const uint8_t *target)
{
    int32_t distance = (int32_t)(target - jump_end);
    memcpy(jump_end - 4, &distance, sizeof distance);
}

/** Makes a jump go to the next byte. */
static inline void x64_bind(struct x64 *c, uint8_t *jump_end)
{
    if (!c->full)
        x64_patch(jump_end, c->at);
}

/** jmp to a run address within reach. */
static inline void x64_jmp_to(struct x64 *c, uint64_t run_address)
{
    x64_byte(c, 0xe9);
    x64_imm32(c, (int64_t)(run_address - (x64_here(c) + 4)));
}

static inline void x64_call_to(struct x64 *c, uint64_t run_address)
{
    x64_byte(c, 0xe8);
    x64_imm32(c, (int64_t)(run_address - (x64_here(c) + 4)));
}

/** A call whose target is not known yet; returns what x64_bind() wants. */
static inline uint8_t *x64_call(struct x64 *c)
{
    x64_byte(c, 0xe8);
    x64_imm32(c, 0);
    return c->at;
}

static inline void x64_jcc_to(struct x64 *c, enum x64_cc cc, uint64_t run_address)
{
    x64_opcode(c, 0, 0, 0x0f80 | cc);
    x64_imm32(c, (int64_t)(run_address - (x64_here(c) + 4)));
}

static inline void x64_jmp_mem(struct x64 *c, unsigned base, int32_t disp)
{
    x64_rm(c, 0, 0, 0xff, 4, base, disp, false);
}

/** jmp [base + index << scale] */
static inline void x64_jmp_indexed(struct x64 *c, unsigned base, unsigned index, unsigned scale)
{
    x64_jmp_mem(c, X64_INDEXED(base, index, scale), 0);
}

/** lea to, [an address that is not known yet]; returns what x64_bind() wants. */
static inline uint8_t *x64_lea_rip(struct x64 *c, unsigned to)
{
    x64_opcode(c, 0, 8 | (to >> 3) << 2, 0x8d);
    x64_byte(c, 0x05 | (to & 7) << 3);
    x64_imm32(c, 0);
    return c->at;
}

static inline void x64_jmp_reg(struct x64 *c, unsigned reg)
{
    x64_rr(c, 0, 0, 0xff, 4, reg, false);
}

static inline void x64_call_reg(struct x64 *c, unsigned reg)
{
    x64_rr(c, 0, 0, 0xff, 2, reg, false);
}

static inline void x64_push(struct x64 *c, unsigned reg)
{
    x64_opcode(c, 0, reg >> 3, 0x50 | (reg & 7));
}

static inline void x64_pop(struct x64 *c, unsigned reg)
{
    x64_opcode(c, 0, reg >> 3, 0x58 | (reg & 7));
}

static inline void x64_ret(struct x64 *c)
{
    x64_byte(c, 0xc3);
}

/* 128-bit moves (SSE2), xmm numbers. */

static inline void x64_movdqu_load(struct x64 *c, unsigned xmm, unsigned base, int32_t disp)
{
    x64_rm(c, 0xf3, 0, 0x0f6f, xmm, base, disp, false);
}

static inline void x64_movdqu_store(struct x64 *c, unsigned xmm, unsigned base, int32_t disp)
{
    x64_rm(c, 0xf3, 0, 0x0f7f, xmm, base, disp, false);
}

#endif
