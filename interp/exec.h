/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What every interp/exec_*.c includes: the state, memory, exceptions, and how handlers are made.
 *
 * exec_NAME(cpu, insn) is the one definition of instruction NAME. In threaded code each record's `run` is a handler
 * that does exec_NAME and goes on to the next record by a tail call; HANDLERS(table) at the end of an exec file
 * makes them, and the plain functions that others call, from the generated list. */
#ifndef ARMATURE_EXEC_H
#define ARMATURE_EXEC_H

#include "interp/block.h"
#include "isa/arm64/cpu.h"
#include "isa/arm64/exception.h"
#include "isa/arm64/insn.h"
#include "isa/arm64/mem.h"

/* Defines one instruction. */
#define EXEC(name)                                                                                           \
    static inline __attribute__((always_inline)) void exec_##name(struct cpu *cpu, const struct insn *insn)

/* What a specialised handler may take for granted of its records. Each fact is an `if` of its own: of a
 * conjunction the compiler makes one comparison and then learns nothing from it. */
#define FACT(member, value)                                                                                  \
    if (insn->member != (value))                                                                             \
        __builtin_unreachable();

/* A handler of an instruction in the middle of a block goes on to the next record; a branch goes on to its target's
 * block; what else ends a block returns to the engine's loop. */
#define HANDLER_NEXT(id, name, facts)                                                                        \
    void run_##id(struct cpu *cpu, const struct insn *insn);                                                 \
    void run_##id(struct cpu *cpu, const struct insn *insn)                                                  \
    {                                                                                                        \
        facts exec_##name(cpu, insn);                                                                        \
        return insn[1].run(cpu, insn + 1);                                                                   \
    }
#define HANDLER_JUMP(id, name, facts)                                                                        \
    void run_##id(struct cpu *cpu, const struct insn *insn);                                                 \
    void run_##id(struct cpu *cpu, const struct insn *insn)                                                  \
    {                                                                                                        \
        facts exec_##name(cpu, insn);                                                                        \
        if (INTERP_TAIL_CALLS) {                                                                             \
            const struct block *block = block_enter_next(cpu);                                               \
            if (__builtin_expect(block != NULL, 1))                                                          \
                return block->insns[0].run(cpu, block->insns);                                               \
        }                                                                                                    \
    }
#define HANDLER_END(id, name, facts)                                                                         \
    void run_##id(struct cpu *cpu, const struct insn *insn);                                                 \
    void run_##id(struct cpu *cpu, const struct insn *insn)                                                  \
    {                                                                                                        \
        facts exec_##name(cpu, insn);                                                                        \
    }
#define PLAIN(name)                                                                                          \
    void plain_##name(struct cpu *cpu, const struct insn *insn);                                             \
    void plain_##name(struct cpu *cpu, const struct insn *insn)                                              \
    {                                                                                                        \
        exec_##name(cpu, insn);                                                                              \
    }

/* Expands every handler and plain function of a table: HANDLERS(base). */
#define HANDLERS(table)                                                                                      \
    INSN_HANDLERS_##table(HANDLER_NEXT, HANDLER_JUMP, HANDLER_END) INSN_NAMES_##table(PLAIN)

#include "insn_handlers.h" /* generated: INSN_HANDLERS_<table>, INSN_NAMES_<table>, enum insn_handler */

#endif
