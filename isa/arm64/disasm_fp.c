/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The disassembler's text styles of floating point. */
#include "isa/arm64/disasm_text.h"
#include "isa/arm64/fp/fast.h"

void text_fpimm(struct text *out, unsigned imm8)
{
    text_printf(out, "#%.8f", fp_as_double(fp_expand_imm(FP_DOUBLE, imm8)));
}

void text_halves(struct text *out, unsigned reg, unsigned q)
{
    text_printf(out, "v%u.%uh", reg, q ? 4 : 2);
}
