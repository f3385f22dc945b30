/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A decoded A64 instruction: what the decoder makes of a word, and what exec_ functions take.
 *
 * The instructions stand in isa/arm64/tables/ *.tab, one line each (the format is explained in
 * tables/README.md). At build time tables/generate.py makes of them the enum below, the decoder, the
 * operand extraction, and the lists that the engines, the disassembler and the tests expand. */
#ifndef ARMATURE_INSN_H
#define ARMATURE_INSN_H

#include <stdbool.h>
#include <stdint.h>
#include "insn_ops.h" /* generated: enum insn_op { OP_UNDEFINED, OP_adc, ... OP_COUNT } */

struct cpu;

/* Register indices in a record are already those of cpu.x: 31 reads as zero, REG_SP is the current stack
 * pointer, and a write to XZR goes to REG_SINK, so no exec_ function tests for register 31. */
enum { REG_ZERO = 31, REG_SP = 32, REG_SINK = 33, REG_COUNT = 34 };

/** One decoded instruction. Which operand sits in which member is said by the format of its table line. */
struct insn {
    void (*run)(struct cpu *cpu, const struct insn *insn); /* the interpreter's threaded handler */
    int64_t imm;   /* immediate, offset, or decoded bit mask, sign-extended or shifted as the format says */
    uint32_t word; /* the encoding */
    uint16_t op;   /* enum insn_op */
    uint8_t left;  /* see cpu.h: how many instructions before the end of its block this one starts */
    uint8_t rd, rn, rm, ra; /* register indices: destination, first, second, third source (vectors: 0-31) */
    uint8_t sf;    /* 1: 64-bit operation */
    uint8_t size;  /* log2 of the element or access size in bytes */
    uint8_t opt;   /* shift type, extend option, condition, or another small selector */
    uint8_t amount; /* shift or rotate amount, or another small number */
    uint8_t q;     /* 1: 128-bit vector */
};

enum insn_flag {
    INSN_ENDS_BLOCK = 1,  /* may change PC, the translation regime, or what runs next */
    INSN_BRANCH = 2,      /* sets PC */
    INSN_MEMORY = 4,      /* accesses memory */
    INSN_SYSTEM = 8,      /* its effect depends on system state: not for the random generators */
    INSN_UNIMPLEMENTED = 16, /* known, and UNDEFINED here: the line says why */
    INSN_PRIVILEGED = 32, /* UNDEFINED at EL0 */
};

/** What the tables say of one instruction. */
struct insn_info {
    const char *name;    /* the line's name */
    uint32_t mask, bits; /* word & mask == bits for every encoding of the line */
    uint32_t flags;      /* enum insn_flag */
    uint16_t feature;    /* enum feature that must be present */
    const char *file;    /* the table it stands in */
    unsigned line;
    uint8_t vectors;     /* which of rd, rn, rm, ra are vector registers: read (bits 0 to 3), written (4 to 7) */
    uint8_t generals;    /* the same for general registers; one that is written may be read too (MOVK, BFM) */
};

extern const struct insn_info insn_infos[OP_COUNT];

/** Whether the instruction may write general register `reg` (record index). What changes system state may write any. */
static inline bool insn_may_write(const struct insn *insn, unsigned reg)
{
    const struct insn_info *info = &insn_infos[insn->op];
    if (info->flags & INSN_BRANCH)
        return reg == 30;
    if (info->flags & (INSN_SYSTEM | INSN_ENDS_BLOCK))
        return true;
    return (info->generals & 0x10 && insn->rd == reg) || (info->generals & 0x20 && insn->rn == reg) ||
           (info->generals & 0x40 && insn->rm == reg) || (info->generals & 0x80 && insn->ra == reg) ||
           (insn->op == OP_casp && insn->rd + 1u == reg);
}

struct features;

/** Decodes `word` for a CPU with `features`. Fills every member of `insn` but `run` and `left`. What is no
 *  instruction, not implemented, or of an absent feature becomes OP_UNDEFINED. */
void insn_decode(uint32_t word, const struct features *features, struct insn *insn);

/** Writes the assembler text of `word` at address `pc` into `text` as the manual's preferred disassembly
 *  ("add x0, x1, #0x10"); OP_UNDEFINED gives ".inst 0x........". Returns its length. */
unsigned insn_disassemble(uint32_t word, uint64_t pc, char *text, unsigned capacity);

#endif
