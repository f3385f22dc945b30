/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bits of general registers in other orders, their counts, CRC-32. */
#include "interp/crc32.h"
#include "jit/translate_vector.h"
#include "jit/x64_atomic.h"

static void finish(struct translation_state *t, unsigned host)
{
    t->flags = FLAGS_UNKNOWN;
    general_done(t, t->insn->rd, host);
}

/* rax = what rax has under `mask` from `shift` above, and the other way round. Uses rcx, rdx. */
static void swap_bits(struct translation_state *t, unsigned w, uint64_t mask, unsigned shift)
{
    struct x64 *c = t->c;
    x64_mov_imm(c, RCX, w ? mask : (uint32_t)mask);
    x64_mov(c, w, RDX, RAX);
    x64_shift_imm(c, w, SHIFT_SHR, RDX, shift);
    x64_alu(c, w, ALU_AND, RAX, RCX);
    x64_alu(c, w, ALU_AND, RDX, RCX);
    x64_shift_imm(c, w, SHIFT_SHL, RAX, shift);
    x64_alu(c, w, ALU_OR, RAX, RDX);
}

/* RBIT and CLZ of its result into the same register: compilers count trailing zeros so. */
bool counts_trailing(const struct insn *reverse, const struct insn *count)
{
    return reverse->op == OP_rbit && count->op == OP_clz && reverse->rd == count->rn && count->rd == count->rn &&
           reverse->sf == count->sf;
}

/* The instruction `step` from the present one in its block, or NULL. */
static const struct insn *neighbour(const struct translation_state *t, int step)
{
    const struct ir_op *op = (const struct ir_op *)((const uint8_t *)t->insn - offsetof(struct ir_op, insn)) + step;
    return op >= t->here->ops && op < t->here->ops + t->here->count ? &op->insn : NULL;
}

static void count_trailing_zeros(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    if (host_has.bmi1) {
        const unsigned n = general_use(t, insn->rn, RCX), d = general_destination(t, insn->rd, RAX);
        x64_tzcnt(t->c, insn->sf, d, n);
        finish(t, d);
        return;
    }
    x64_bsf(t->c, insn->sf, RAX, general_use(t, insn->rn, RCX));
    x64_mov_imm(t->c, RDX, insn->sf ? 64 : 32);
    x64_cmov(t->c, 1, CC_E, RAX, RDX);
    finish(t, RAX);
}

static void reverse_bits(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    const struct insn *next = neighbour(t, 1);
    if (next && counts_trailing(insn, next)) {
        count_trailing_zeros(t);
        return;
    }
    general_copy(t, insn->rn, RAX);
    x64_bswap(t->c, insn->sf, RAX);
    swap_bits(t, insn->sf, 0x0f0f0f0f0f0f0f0full, 4);
    swap_bits(t, insn->sf, 0x3333333333333333ull, 2);
    swap_bits(t, insn->sf, 0x5555555555555555ull, 1);
    finish(t, RAX);
}

static void reverse_halfwords(struct translation_state *t)
{
    general_copy(t, t->insn->rn, RAX);
    if (t->insn->sf) {
        swap_bits(t, 1, 0x00ff00ff00ff00ffull, 8);
    } else {
        x64_bswap(t->c, 0, RAX);
        x64_shift_imm(t->c, 0, SHIFT_ROL, RAX, 16);
    }
    finish(t, RAX);
}

/* Bits equal to their right neighbour become zeros: how many from the top are, but at most all below the sign. */
static void count_leading_signs(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    struct x64 *c = t->c;
    general_copy(t, insn->rn, RAX);
    x64_mov(c, insn->sf, RCX, RAX);
    x64_alu(c, insn->sf, ALU_ADD, RCX, RCX);
    x64_alu(c, insn->sf, ALU_XOR, RAX, RCX);
    x64_alu_imm(c, insn->sf, ALU_OR, RAX, 1);
    x64_bsr(c, insn->sf, RAX, RAX);
    x64_alu_imm(c, 0, ALU_XOR, RAX, insn->sf ? 63 : 31);
    finish(t, RAX);
}

static void crc32c(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    unsigned m = general_use(t, insn->rm, RCX), n = general_use(t, insn->rn, RAX);
    x64_mov(t->c, 0, RAX, n);
    x64_crc32c(t->c, insn->size, RAX, m);
    general_done(t, insn->rd, RAX);
}

/* The host has no CRC32 of the polynomial P of IEEE 802.3. Bytes and halfwords go by table. For more, with bits in the
 * order of these registers, lowest first, let V be the data, of n bits, with the old value added. Some q makes the
 * low n bits of V + q * P zero: V / P modulo x^n. What is left above them is the new value. V stands at the top of its
 * register, so that the products of 64 bits do the modulo, and the high half of the second one is what is left. */
static void crc32_by_products(struct translation_state *t)
{
    enum { LOWS = 0x00, LOW_WITH_HIGH = 0x10 };
    const uint64_t polynomial = 0x1db710641, inverse = 0xb4e5b025f7011641; /* modulo x^64 */
    const struct insn *insn = t->insn;
    const uint64_t constants = vector_constant(t, inverse, polynomial);
    struct x64 *c = t->c;
    const unsigned m = general_use(t, insn->rm, RCX), n = general_use(t, insn->rn, RDX);
    x64_mov(c, 0, RAX, n);
    x64_alu(c, 1, ALU_XOR, RAX, m);
    if (insn->size == 2)
        x64_shift_imm(c, 1, SHIFT_SHL, RAX, 32);
    vec_unary_w(c, 1, SSE_MOVD, 0, RAX);
    vec_op_imm_at(c, SSE_PCLMULQDQ, 0, 0, constants, LOWS);
    vec_op_imm_at(c, SSE_PCLMULQDQ, 0, 0, constants, LOW_WITH_HIGH);
    vec_unary_w(c, 0, SSE_PEXTRD, 0, RAX);
    x64_byte(c, 2);
    finish(t, RAX);
}

static void crc32_by_table(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    struct x64 *c = t->c;
    const unsigned m = general_use(t, insn->rm, RCX), n = general_use(t, insn->rn, RAX);
    x64_extend(c, insn->size, false, 0, RCX, m);
    x64_mov(c, 0, RAX, n);
    x64_alu(c, 0, ALU_XOR, RAX, RCX);
    x64_mov_imm(c, RDX, (uint64_t)crc32_of_bytes(CRC32_IEEE));
    for (unsigned i = 0; i < 1u << insn->size; i++) {
        x64_extend(c, 0, false, 0, RCX, RAX);
        x64_shift_imm(c, 0, SHIFT_SHR, RAX, 8);
        x64_alu_indexed(c, 0, ALU_XOR, RAX, RDX, RCX, 2, 0);
    }
    finish(t, RAX);
}

static bool crc32(struct translation_state *t)
{
    if (t->insn->size < 2)
        crc32_by_table(t);
    else if (host_has.pclmul)
        crc32_by_products(t);
    else
        return false;
    return true;
}

bool translate_bits(struct translation_state *t)
{
    switch (t->insn->op) {
    case OP_rbit: reverse_bits(t); return true;
    case OP_clz: /* done by the RBIT before it, if that saw it */
        return neighbour(t, -1) && counts_trailing(neighbour(t, -1), t->insn);
    case OP_rev16: reverse_halfwords(t); return true;
    case OP_cls: count_leading_signs(t); return true;
    case OP_crc32: return crc32(t);
    case OP_crc32c: crc32c(t); return true;
    default: return false;
    }
}
