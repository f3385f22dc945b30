/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the disassembler says otherwise than Capstone 4.0.2, and why. */
#ifndef ARMATURE_TESTS_DISASM_EXPLAINED_H
#define ARMATURE_TESTS_DISASM_EXPLAINED_H

#include <stdbool.h>
#include <stdint.h>
#include "isa/arm64/insn.h"

/** One word of which the two say different things; "" is no instruction. */
struct difference {
    uint32_t word;
    const struct insn_info *info;
    const char *ours, *capstones;
};

/** The index of the explanation that covers it, or -1. */
int disasm_explained_by(const struct difference *difference);

/** The reason given by explanation `index`, and a word that needs it. */
const char *disasm_explanation(unsigned index, uint32_t *example);
extern const unsigned disasm_explanation_count;

#endif
