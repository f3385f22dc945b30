/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The decoder around the generated tables. */
#include "isa/arm64/decode.h"
#include "insn_handlers.h"

uint64_t bitmask(unsigned sf, unsigned n, unsigned imms, unsigned immr)
{
    unsigned pattern = n << 6 | (~imms & 0x3f);
    if (pattern < 2 || (!sf && n))
        return 0;
    unsigned log2_size = 31 - (unsigned)__builtin_clz(pattern);
    unsigned size = 1u << log2_size;
    unsigned ones = (imms & (size - 1)) + 1, rotate = immr & (size - 1);
    if (ones == size)
        return 0;
    uint64_t mask = (1ull << ones) - 1;
    if (rotate)
        mask = mask >> rotate | mask << (size - rotate);
    if (size < 64)
        mask &= (1ull << size) - 1;
    for (; size < 64; size *= 2)
        mask |= mask << size;
    return mask;
}

void insn_decode(uint32_t word, const struct features *features, struct insn *insn)
{
    *insn = (struct insn){.word = word, .op = (uint16_t)insn_op_of(word)};
    const struct insn_info *info = &insn_infos[insn->op];
    if (info->flags & INSN_UNIMPLEMENTED || !has_feature(features, (enum feature)info->feature) ||
        !insn_decodings[insn->op].extract(word, insn))
        *insn = (struct insn){.word = word, .op = OP_UNDEFINED};
}

unsigned insn_handler_of(const struct insn *insn)
{
    const struct insn_decoding *decoding = &insn_decodings[insn->op];
    return decoding->first_handler + (decoding->selector ? decoding->selector(insn->word) : 0);
}
