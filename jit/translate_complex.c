/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Complex arithmetic of single and double precision: pairs of lanes are real and imaginary parts, insn->opt says how
 * many quarter turns. */
#include "jit/translate_fp.h"

/* Which lanes of a pair: shuffles of singles and of doubles. */
enum { REAL_TWICE, IMAGINARY_TWICE, EXCHANGED, AS_IT_IS };

static unsigned shuffled(struct translation_state *t, unsigned from, unsigned temp, unsigned how)
{
    static const uint8_t shuffles[2][3] = {{0xa0, 0xf5, 0xb1}, {0x44, 0xee, 0x4e}};
    if (how == AS_IT_IS)
        return from;
    vec_unary_imm(t->c, SSE_PSHUFD, temp, from, shuffles[fp_is_double(t->insn)][how]);
    return temp;
}

static unsigned operand(struct translation_state *t, unsigned reg, unsigned temp)
{
    return t->insn->q ? vector_use(t, reg, temp) : vector_use_clear(t, reg, temp, 8);
}

static enum sse_form form_of(const struct insn *insn)
{
    return fp_is_double(insn) ? SSE_PD : SSE_PS;
}

/* xmm = `from` with the signs of real or imaginary parts turned over, or both. */
static unsigned negated(struct translation_state *t, unsigned from, unsigned xmm, bool real, bool imaginary)
{
    if (!real && !imaginary)
        return from;
    const bool wide = fp_is_double(t->insn);
    const uint64_t single = (real ? 1ull << 31 : 0) | (imaginary ? 1ull << 63 : 0);
    const uint64_t low = wide ? (uint64_t)real << 63 : single, high = wide ? (uint64_t)imaginary << 63 : single;
    vec_op_at(t->c, SSE_PXOR, xmm, from, vector_constant(t, low, high));
    return xmm;
}

/* Rd + what a rotation contributes of Rn * Rm. */
static bool multiply_add(struct translation_state *t, bool by_element)
{
    const struct insn *insn = t->insn;
    const bool odd = insn->opt & 1, negate_real = insn->opt == 1 || insn->opt == 2, negate_imaginary = insn->opt >= 2;
    const enum sse_form form = form_of(insn);
    if (!fp_host_has_fma())
        return false;
    arm_fp(t);
    unsigned m = operand(t, insn->rm, 1);
    if (by_element) {
        vec_unary_imm(t->c, SSE_PSHUFD, 1, m, insn->amount ? 0xee : 0x44);
        m = 1;
    }
    const unsigned a = shuffled(t, operand(t, insn->rn, 0), 0, odd ? IMAGINARY_TWICE : REAL_TWICE);
    const unsigned b = negated(t, shuffled(t, m, 1, odd ? EXCHANGED : AS_IT_IS), 1, negate_real, negate_imaginary);
    vec_move(t->c, 2, operand(t, insn->rd, 2));
    vec_fma(t->c, FMA_ADD, form, 2, a, b);
    slow_if_nan_or_least(t, form, 2);
    vector_finish(t, 2, vector_length(insn));
    return true;
}

/* Rn + Rm turned by 90 or 270 degrees. */
static void add_turned(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    const enum sse_form form = form_of(insn);
    arm_fp(t);
    const unsigned n = operand(t, insn->rn, 0), m = shuffled(t, operand(t, insn->rm, 1), 1, EXCHANGED);
    negated(t, m, 1, insn->opt == 1, insn->opt != 1);
    vec_op(t->c, sse_fp(SSE_ADD, form), 2, n, 1);
    slow_if_nan(t, form, 2);
    vector_finish(t, 2, vector_length(insn));
}

bool emit_complex(struct translation_state *t)
{
    switch (t->insn->op) {
    case OP_fcmla_v: return multiply_add(t, false);
    case OP_fcmla_ve_s: return multiply_add(t, true);
    case OP_fcadd_v: add_turned(t); return true;
    default: return false;
    }
}
