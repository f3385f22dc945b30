/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SHA-512, for which hosts have nothing: the rounds in general registers, two at a time as the guest has them, since
 * the second needs the first; the message schedule in vectors. */
#include "jit/translate_simd.h"

/* to = from rotated to the right by each of three amounts, which ascend, xored. */
static void sum_of_rotations(struct x64 *c, unsigned to, unsigned from, const uint8_t amounts[3])
{
    x64_mov(c, 1, to, from);
    x64_shift_imm(c, 1, SHIFT_ROR, to, amounts[2] - amounts[1]);
    x64_alu(c, 1, ALU_XOR, to, from);
    x64_shift_imm(c, 1, SHIFT_ROR, to, amounts[1] - amounts[0]);
    x64_alu(c, 1, ALU_XOR, to, from);
    x64_shift_imm(c, 1, SHIFT_ROR, to, amounts[0]);
}

static const uint8_t sum0[3] = {28, 34, 39}, sum1[3] = {14, 18, 41};

static void add_low(struct x64 *c, unsigned to, unsigned xmm, unsigned temp)
{
    vec_unary_w(c, 1, SSE_MOVD_TO, xmm, temp);
    x64_alu(c, 1, ALU_ADD, to, temp);
}

static void finish(struct translation_state *t, unsigned low, unsigned high)
{
    const unsigned d = vector_destination(t, t->insn->rd, 0);
    vec_unary_w(t->c, 1, SSE_MOVD, 0, low);
    vec_unary_w(t->c, 1, SSE_MOVD, 1, high);
    vec_op(t->c, SSE_PUNPCKLQDQ, d, 0, 1);
    vector_done(t, t->insn->rd, d, 16, 16);
    t->flags = FLAGS_UNKNOWN;
}

/* r1 = choose(m1, n0, n1) + sum1(m1) + d1, u = r1 + m0, r0 = choose(u, m1, n0) + sum1(u) + d0, where a bit of the first
 * operand chooses between those of the others. */
static void first_half(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    struct x64 *c = t->c;
    const unsigned n = vector_use(t, insn->rn, 0), m = vector_use(t, insn->rm, 1), old = vector_use(t, insn->rd, 2);
    vec_unary_imm(c, SSE_PSHUFD, 3, n, 0xee);
    vec_unary_imm(c, SSE_PSHUFD, 4, m, 0xee);
    vec_op(c, SSE_PXOR, 5, n, 3);
    vec_op(c, SSE_PAND, 5, 5, 4);
    vec_op(c, SSE_PXOR, 5, 5, 3);
    vec_unary_imm(c, SSE_PSHUFD, 3, old, 0xee);
    vec_op(c, SSE_PADDQ, 5, 5, 3);
    vec_unary_w(c, 1, SSE_MOVD_TO, 4, RAX);
    sum_of_rotations(c, RCX, RAX, sum1);
    add_low(c, RCX, 5, RDX);
    vec_unary_w(c, 1, SSE_MOVD, 3, RCX); /* r1 */
    vec_unary_w(c, 1, SSE_MOVD_TO, m, RDX);
    x64_alu(c, 1, ALU_ADD, RDX, RCX);
    vec_unary_w(c, 1, SSE_MOVD_TO, n, RCX);
    x64_alu(c, 1, ALU_XOR, RAX, RCX);
    x64_alu(c, 1, ALU_AND, RAX, RDX);
    x64_alu(c, 1, ALU_XOR, RAX, RCX);
    sum_of_rotations(c, RCX, RDX, sum1);
    x64_alu(c, 1, ALU_ADD, RAX, RCX);
    add_low(c, RAX, old, RCX);
    vec_unary_w(c, 1, SSE_MOVD_TO, 3, RCX);
    finish(t, RAX, RCX);
}

/* r1 = majority(n0, m0, m1) + sum0(m0) + d1, r0 = majority(r1, m0, m1) + sum0(r1) + d0. */
static void second_half(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    struct x64 *c = t->c;
    const unsigned n = vector_use(t, insn->rn, 0), m = vector_use(t, insn->rm, 1), old = vector_use(t, insn->rd, 2);
    vec_unary_imm(c, SSE_PSHUFD, 3, m, 0x4e);
    vec_op(c, SSE_PXOR, 4, m, 3);
    vec_op(c, SSE_PAND, 3, m, 3);
    vec_op(c, SSE_PAND, 5, n, 4);
    vec_op(c, SSE_PXOR, 5, 5, 3);
    vec_unary_imm(c, SSE_PSHUFD, 0, old, 0xee);
    vec_op(c, SSE_PADDQ, 5, 5, 0);
    vec_unary_w(c, 1, SSE_MOVD_TO, m, RAX);
    sum_of_rotations(c, RDX, RAX, sum0);
    add_low(c, RDX, 5, RCX);
    vec_unary_w(c, 1, SSE_MOVD_TO, 4, RAX);
    x64_alu(c, 1, ALU_AND, RAX, RDX);
    vec_unary_w(c, 1, SSE_MOVD_TO, 3, RCX);
    x64_alu(c, 1, ALU_XOR, RAX, RCX);
    sum_of_rotations(c, RCX, RDX, sum0);
    x64_alu(c, 1, ALU_ADD, RAX, RCX);
    add_low(c, RAX, old, RCX);
    finish(t, RAX, RDX);
}

/* xmm3 = from's lanes rotated to the right by a, by b, and shifted to the right, xored. Uses xmm4. */
static void mix(struct x64 *c, unsigned from, unsigned a, unsigned b, unsigned shift)
{
    const unsigned rotations[2] = {a, b};
    vec_shift(c, SSE_SHIFT_RIGHT, 3, 3, from, shift);
    for (unsigned i = 0; i < 2; i++) {
        vec_shift(c, SSE_SHIFT_RIGHT, 3, 4, from, rotations[i]);
        vec_op(c, SSE_PXOR, 3, 3, 4);
        vec_shift(c, SSE_SHIFT_LEFT, 3, 4, from, 64 - rotations[i]);
        vec_op(c, SSE_PXOR, 3, 3, 4);
    }
}

static void schedule_first(struct translation_state *t)
{
    const unsigned old = vector_use(t, t->insn->rd, 0), n = vector_use(t, t->insn->rn, 1), d = simd_to(t, 0);
    vec_op_imm(t->c, SSE_SHUFPD, 2, old, n, 1);
    mix(t->c, 2, 1, 8, 7);
    vec_op(t->c, SSE_PADDQ, d, old, 3);
    vector_done(t, t->insn->rd, d, 16, 16);
}

static void schedule_second(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    const unsigned old = vector_use(t, insn->rd, 0), n = vector_use(t, insn->rn, 1), m = vector_use(t, insn->rm, 2),
                   d = simd_to(t, 0);
    mix(t->c, n, 19, 61, 6);
    vec_op(t->c, SSE_PADDQ, 3, 3, m);
    vec_op(t->c, SSE_PADDQ, d, old, 3);
    vector_done(t, insn->rd, d, 16, 16);
}

bool emit_sha512(struct translation_state *t)
{
    switch (t->insn->op) {
    case OP_sha512h: first_half(t); return true;
    case OP_sha512h2: second_half(t); return true;
    case OP_sha512su0: schedule_first(t); return true;
    case OP_sha512su1: schedule_second(t); return true;
    default: return false;
    }
}
