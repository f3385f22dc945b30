/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Kinds of instructions that several parts of the translator ask for, by what they do with NZCV. */
#ifndef ARMATURE_JIT_OPERATIONS_H
#define ARMATURE_JIT_OPERATIONS_H

#include <stdbool.h>
#include "isa/arm64/insn.h"

static inline bool is_conditional_comparison(unsigned op)
{
    return op == OP_ccmp_imm || op == OP_ccmp_reg || op == OP_ccmn_imm || op == OP_ccmn_reg;
}

static inline bool is_conditional_select(unsigned op)
{
    return op == OP_csel || op == OP_csinc || op == OP_csinv || op == OP_csneg;
}

/** Whether the instruction replaces all flags, reads none and cannot leave. */
static inline bool only_sets_flags(unsigned op)
{
    switch (op) {
    case OP_adds_imm:
    case OP_subs_imm:
    case OP_ands_imm:
    case OP_adds_reg:
    case OP_subs_reg:
    case OP_ands_reg:
    case OP_adds_shift:
    case OP_subs_shift:
    case OP_ands_shift:
    case OP_bics_shift:
    case OP_adds_ext:
    case OP_subs_ext: return true;
    default: return false;
    }
}

#endif
