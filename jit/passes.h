/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Passes over the intermediate form: what is known already need not be computed. */
#ifndef ARMATURE_JIT_PASSES_H
#define ARMATURE_JIT_PASSES_H

#include "isa/arm64/cpu.h"
#include "jit/ir.h"

/** Whether an instruction only computes rd of general registers and its immediate. */
bool insn_is_pure(unsigned op);

/** Within each block: results that are known become constants or places in the page (MOVZ, ADR), copies of registers
 *  are read where they were copied from, and what nobody can see is left out (NOP). `scratch` is a cpu that is no
 *  machine's, for exec_ functions to compute in. */
void ir_simplify(struct ir *ir, struct cpu *scratch);

#endif
