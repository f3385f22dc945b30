/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One check for several accesses through one base register.
 *
 * The first access of a row (its leader) checks the whole range that the row lies in; the others only take the addend
 * that it found:
 *
 *     stp x29, x30, [sp, #-48]!     lea rax, [r14 - 48] ; .. the check, of 48 bytes .. ; mov rdx, [slot.addend] ; ..
 *     mov x29, sp
 *     stp x19, x20, [sp, #16]       mov rdx, [slot.addend] ; mov [r14 + rdx + 16], r11 ; mov [r14 + rdx + 24], r12
 *     str x21, [sp, #32]            the same
 *
 * What is between them cannot leave the unit but by other accesses. Where one of those does, or the leader's range
 * crosses pages or is not known, the slot no longer vouches for what comes: then the rest of the row is done by its
 * twin, out of line, where each access checks by itself. */
#ifndef ARMATURE_JIT_SHARING_H
#define ARMATURE_JIT_SHARING_H

#include "jit/state.h"

/** At the beginning of a block. */
void sharing_begin(struct translation_state *t);

/** The present access is one at `*offset` from its base register: returns the host's operand for an address that it
 *  lies `*offset` behind, with the check where that is wanted. It uses rdx, and may use rax; rcx is free behind it. */
unsigned share_address(struct translation_state *t, int32_t *offset, unsigned bytes, bool write);

/** An access goes by this slot, which may be of another page behind it. */
void sharing_slot_used(struct translation_state *t, unsigned base, bool write);

/** Whether an instruction that writes SP adds a multiple of 16 to it. */
bool keeps_sp_aligned(const struct insn *insn);

/** Behind the code of the present operation. */
void sharing_follow(struct translation_state *t, enum outcome outcome);

/** Emits the twins of the block's rows, out of line, and leads to them. `emit` emits an operation of the block;
 *  `begun`: all that comes before its own code has been. */
void emit_twins(struct translation_state *t, void (*emit)(struct translation_state *t, unsigned index, bool begun));

#endif
