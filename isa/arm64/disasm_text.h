/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The text styles that assembly templates of the instruction tables call: `{xsp Rn}` is text_xsp(out, Rn). */
#ifndef ARMATURE_DISASM_TEXT_H
#define ARMATURE_DISASM_TEXT_H

#include <stdbool.h>
#include <stdint.h>

/** Where the text goes: never beyond `capacity`, always terminated. */
struct text {
    char *at;
    unsigned length, capacity;
    bool undefined; /* a template found the encoding reserved */
};

void text_printf(struct text *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_literal(struct text *out, const char *literal);

/* General registers: 31 is the zero register, or the stack pointer in the _sp styles. */
void text_x(struct text *out, unsigned reg);
void text_w(struct text *out, unsigned reg);
void text_xsp(struct text *out, unsigned reg);
void text_wsp(struct text *out, unsigned reg);
void text_r(struct text *out, unsigned sf, unsigned reg); /* x if sf, else w */
void text_rsp(struct text *out, unsigned sf, unsigned reg);

/* Immediates: "#0x10" above 9, "#9" below, "#-0x10" where negative. */
void text_imm(struct text *out, int64_t value);
void text_uimm(struct text *out, uint64_t value);
void text_dec(struct text *out, int64_t value);        /* plain decimal, no '#' */
void text_address(struct text *out, uint64_t address); /* a branch target: "#0x..." */
void text_cond(struct text *out, unsigned cond);
void text_shift(struct text *out, unsigned type, unsigned amount); /* ", lsl #3"; nothing for lsl #0 */

/* Vector registers. `size` is log2 of the element's bytes (4: q), `q` 1 for 128 bits. */
void text_vec(struct text *out, unsigned reg, unsigned size, unsigned q);            /* v1.4s */
void text_v2(struct text *out, unsigned size, unsigned q, unsigned rd, unsigned rn); /* v0.4s, v1.4s */
void text_v3(struct text *out, unsigned size, unsigned q, unsigned rd, unsigned rn, unsigned rm);
void text_scalar(struct text *out, unsigned reg, unsigned size);         /* s1 */
void text_s2(struct text *out, unsigned size, unsigned rd, unsigned rn); /* s0, s1 */
void text_s3(struct text *out, unsigned size, unsigned rd, unsigned rn, unsigned rm);
void text_elem(struct text *out, unsigned reg, unsigned size, unsigned index); /* v1.s[2] */
void text_index(struct text *out, unsigned index);                             /* [2] */
void text_hex(struct text *out, uint64_t value);                               /* #0x2: decimal for 0 alone */
void text_imm64(struct text *out, uint64_t value);                             /* 16 characters at least */
/* A list of `count` registers, modulo 32: {v31.4s, v0.4s}; of lanes: {v31.s, v0.s}[2]. */
void text_vlist(struct text *out, unsigned reg, unsigned count, unsigned size, unsigned q);
void text_vlist_lane(struct text *out, unsigned reg, unsigned count, unsigned size, unsigned index);
/* The index of a post-indexed structure access: a register, or the immediate that Rm = 31 stands for. */
void text_post(struct text *out, unsigned rm, unsigned bytes);

void text_target(struct text *out, uint64_t address); /* an address of ADR and the like */
void text_bitmask(struct text *out, unsigned sf, unsigned n, unsigned imms, unsigned immr);
/* The operand of an add or subtract (extended): "w2, sxtw #2"; plain or ", lsl" where rd or rn (31) is the
 * SP. */
void text_extended(struct text *out, unsigned sf, unsigned rd, unsigned rn, unsigned rm, unsigned sext,
                   unsigned width, unsigned amount);

/* Size suffixes of mnemonics: "b", "h" and nothing for words; "b", "h", "w", "x". */
void text_bh(struct text *out, unsigned size);
void text_bhwx(struct text *out, unsigned size);

/* Addresses: ", #0x10", nothing for 0; the index of a register offset "w2, uxtw #3"; a prefetch operation. */
void text_offset(struct text *out, int64_t offset);
void text_indexed_by(struct text *out, unsigned sext, unsigned is_x, unsigned scaled, unsigned size,
                     unsigned reg);
void text_prefetch(struct text *out, unsigned operation);

/* Floating point. */
void text_fpimm(struct text *out, unsigned imm8);             /* #1.00000000 */
void text_halves(struct text *out, unsigned reg, unsigned q); /* v1.4h, v1.2h: the sources of FMLAL */

/* System: a barrier's option; a system register; the key of a pointer authentication, and with modifier zero.
 */
void text_barrier(struct text *out, unsigned crm);
void text_sysreg(struct text *out, unsigned o0, unsigned op1, unsigned crn, unsigned crm, unsigned op2);
void text_pac_key(struct text *out, unsigned key);
void text_pac_zero_key(struct text *out, unsigned key);

#endif
