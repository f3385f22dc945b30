/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The debug architecture (Arm ARM D2): breakpoints, watchpoints, software step, the OS lock; and Branch
 * Target Identification's check, and illegal state, which are seen to at the same place: before an
 * instruction. */
#ifndef ARMATURE_DEBUG_H
#define ARMATURE_DEBUG_H

#include "isa/arm64/cpu.h"

#define DEBUG_BREAKPOINTS         6u
#define DEBUG_CONTEXT_BREAKPOINTS 2u /* the last two can match CONTEXTIDR */
#define DEBUG_WATCHPOINTS         4u

/* Reasons in cpu->debug_armed. */
enum debug_reason {
    DEBUG_STEPPING = 1,      /* software step is active */
    DEBUG_BREAKPOINT = 2,    /* a hardware breakpoint is enabled at this level */
    DEBUG_ILLEGAL_STATE = 4, /* PSTATE.IL */
    DEBUG_OBSERVED = 8,      /* a debugger is told of each instruction (stops.h) */
    DEBUG_PIECES = 16,       /* a debugger is told of each piece of straight code; no reason for single instructions */
};

/** Recomputes cpu->debug_armed from PSTATE and the debug registers. */
void debug_state_changed(struct cpu *cpu);

/** While cpu->debug_armed: called with pc and icount exact before each single instruction. Takes a pending
 * step, illegal state or breakpoint exception (then it does not return). */
void debug_before_insn(struct cpu *cpu);

/** While cpu->debug_armed: called after the instruction retired. */
void debug_after_insn(struct cpu *cpu);

/** BTI: `insn` is the first of a block in a guarded page and PSTATE.BTYPE is not 0; pc and icount exact.
 * Takes the Branch Target exception where the instruction is no target for that branch. */
void debug_check_branch_target(struct cpu *cpu, const struct insn *insn);

/** BTypeNext of a jump (BR, BRAA; Arm ARM C6.2.37) by register insn->rn: 1 from an unguarded page or by X16
 * or X17, else 3. Leaves cpu->pc at the jump itself: the caller sets it to the target afterwards. */
uint8_t debug_btype_of_jump(struct cpu *cpu, const struct insn *insn);

/** Whether any watchpoint's range touches the page of `va` while watchpoints are enabled. */
bool debug_page_watched(const struct cpu *cpu, uint64_t va);

/** Takes the watchpoint exception if an access of `size` bytes hits one. `kinds`: WATCH_LOAD, WATCH_STORE or
 * both; `el`: the level it is made as. */
enum watch_kind { WATCH_LOAD = 1, WATCH_STORE = 2 };
void debug_check_watchpoints(struct cpu *cpu, const struct insn *insn, uint64_t va, uint64_t size,
                             unsigned kinds, unsigned el);

/** DebugExceptionReturnSS(): whether SPSR.SS is restored by a return from the current level with `spsr`. */
bool debug_return_steps(const struct cpu *cpu, uint64_t spsr, bool illegal);

/** DBGWCR, DBGWVR or MDSCR was written: pages may have become watched or not. */
void debug_watchpoints_changed(struct cpu *cpu);

#endif
