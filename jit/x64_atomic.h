/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The assembler's instructions that read, change and write memory, plain or locked, and what else only the translators
 * of atomic, system and bit instructions need. `size` is log2 of the operand's bytes, 0 to 3. */
#ifndef ARMATURE_X64_ATOMIC_H
#define ARMATURE_X64_ATOMIC_H

#include "jit/x64.h"

/** Makes the next instruction, one that changes memory, happen at once for all processors. */
static inline void x64_lock(struct x64 *c)
{
    x64_byte(c, 0xf0);
}

/* An operation of one byte's opcode for bytes, the next for the other sizes, on [base + disp] and `reg`. */
static inline void x64_sized(struct x64 *c, unsigned size, unsigned opcode, unsigned reg, unsigned base, int32_t disp)
{
    x64_rm(c, size == 1 ? 0x66 : 0, size == 3, opcode | (size != 0), reg, base, disp, size == 0);
}

/** op [base + disp], reg */
static inline void x64_alu_store(struct x64 *c, unsigned size, enum x64_alu op, unsigned reg, unsigned base,
                                 int32_t disp)
{
    x64_sized(c, size, (unsigned)op << 3, reg, base, disp);
}

/** Where [base + disp] is rax, it becomes reg, and Z is set; else rax becomes what it is. */
static inline void x64_cmpxchg(struct x64 *c, unsigned size, unsigned reg, unsigned base, int32_t disp)
{
    x64_sized(c, size, 0x0fb0, reg, base, disp);
}

/** reg is added to [base + disp], and becomes what that was. */
static inline void x64_xadd(struct x64 *c, unsigned size, unsigned reg, unsigned base, int32_t disp)
{
    x64_sized(c, size, 0x0fc0, reg, base, disp);
}

/** reg and [base + disp] change places; always locked. */
static inline void x64_xchg_store(struct x64 *c, unsigned size, unsigned reg, unsigned base, int32_t disp)
{
    x64_sized(c, size, 0x86, reg, base, disp);
}

static inline void x64_mfence(struct x64 *c)
{
    x64_opcode(c, 0, 0, 0x0faef0);
}

/** op byte [base + disp], value */
static inline void x64_alu_byte(struct x64 *c, enum x64_alu op, unsigned base, int32_t disp, unsigned value)
{
    x64_rm(c, 0, 0, 0x80, op, base, disp, false);
    x64_byte(c, value);
}

/** mov byte [base + disp], value */
static inline void x64_store_byte(struct x64 *c, unsigned base, int32_t disp, unsigned value)
{
    x64_rm(c, 0, 0, 0xc6, 0, base, disp, false);
    x64_byte(c, value);
}

/** imul to, [base + disp] */
static inline void x64_imul_load(struct x64 *c, unsigned w, unsigned to, unsigned base, int32_t disp)
{
    x64_rm(c, 0, w, 0x0faf, to, base, disp, false);
}

/** crc32 to, from: CRC-32C of 1 << size more bytes (SSE4.2). */
static inline void x64_crc32c(struct x64 *c, unsigned size, unsigned to, unsigned from)
{
    unsigned rex = (size == 3) << 3 | (to >> 3) << 2 | from >> 3;
    if (size == 1)
        x64_byte(c, 0x66);
    x64_byte(c, 0xf2);
    if (rex || size == 0)
        x64_byte(c, 0x40 | rex);
    x64_opcode(c, 0, 0, size ? 0x0f38f1 : 0x0f38f0);
    x64_byte(c, 0xc0 | (to & 7) << 3 | (from & 7));
}

/** bsf: the index of the lowest one; zero flag and no result where there is none. */
static inline void x64_bsf(struct x64 *c, unsigned w, unsigned to, unsigned from)
{
    x64_rr(c, 0, w, 0x0fbc, to, from, false);
}

#endif
