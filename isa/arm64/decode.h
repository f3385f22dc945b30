/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the generated decoder is made of: the helpers that table formats use, and its tables. */
#ifndef ARMATURE_DECODE_H
#define ARMATURE_DECODE_H

#include <stddef.h>
#include "isa/arm64/decode_vector.h"
#include "isa/arm64/features.h"
#include "isa/arm64/fp.h"
#include "isa/arm64/insn.h"

/* Register operands in formats. Function-like macros, so that the manual's one-letter field names (S, V)
 * can stand beside them. */
#define X(f)   (f)                          /* general, read: 31 is zero */
#define W(f)   ((f) == 31 ? REG_SINK : (f)) /* general, written: 31 goes nowhere */
#define S(f)   ((f) == 31 ? REG_SP : (f))   /* general, 31 is the stack pointer */
#define V(f)   (f)                          /* vector, read */
#define VW(f)  (f)                          /* vector, written */
#define VRW(f) (f)                          /* vector, read and written */

/** The low `bits` bits of `value`, sign-extended. */
static inline int64_t sx(uint64_t value, unsigned bits)
{
    return (int64_t)(value << (64 - bits)) >> (64 - bits);
}

/** DecodeBitMasks() of the Arm ARM for a logical immediate: the mask, replicated to 64 bits (the caller's
 *  32-bit form uses the low half), or 0 where the encoding is reserved (no valid mask is 0). */
uint64_t bitmask(unsigned sf, unsigned n, unsigned imms, unsigned immr);

/** How an instruction's operands get out of its word. */
struct insn_decoding {
    bool (*extract)(uint32_t word, struct insn *insn); /* false: a reserved encoding */
    unsigned (*selector)(uint32_t word);               /* which specialised handler; NULL: the only one */
    uint16_t first_handler;
};

extern const struct insn_decoding insn_decodings[OP_COUNT];

/** The table line that `word` matches, whatever its feature. */
enum insn_op insn_op_of(uint32_t word);

/** The interpreter's handler for a decoded instruction (enum insn_handler). */
unsigned insn_handler_of(const struct insn *insn);

#endif
