/* SPDX-License-Identifier: GPL-3.0-or-later */
/* LD1 and ST1 of whole registers, and LD1R. What spreads lanes over registers is left to exec_. */
#include "jit/translate_vector.h"

/* The base register past `bytes` bytes, or by a register. */
static void post_index(struct translation_state *t, bool post, unsigned bytes)
{
    const struct insn *insn = t->insn;
    if (!post)
        return;
    unsigned n = use(t, insn->rn, RAX);
    if (insn->rm == 31)
        x64_lea(t->c, 1, n, n, (int32_t)bytes);
    else
        x64_lea_indexed(t->c, 1, n, n, use(t, insn->rm, RCX), 0);
    done(t, insn->rn, n);
}

/* `count` registers from rd on, modulo 32, one behind the other. */
static void multiple(struct translation_state *t, bool write, unsigned count, bool post)
{
    const struct insn *insn = t->insn;
    const unsigned each = insn->q ? 16 : 8;
    check_fp(t);
    address_at(t, 0);
    translate_address(t, count * each, write, true);
    for (unsigned i = 0; i < count; i++) {
        const unsigned reg = (insn->rd + i) % 32;
        if (write) {
            const unsigned xmm = vector_use_low(t, reg, 0, each);
            vec_unary_load(t->c, insn->q ? SSE_MOVUPS_STORE : SSE_MOVQ_STORE, xmm, RAX, (int32_t)(i * each));
        } else {
            const unsigned xmm = vector_destination(t, reg, 0);
            vec_unary_load(t->c, insn->q ? SSE_MOVUPS : SSE_MOVQ, xmm, RAX, (int32_t)(i * each));
            vector_done(t, reg, xmm, 16, each);
        }
    }
    post_index(t, post, count * each);
}

static void replicate(struct translation_state *t, bool post)
{
    const struct insn *insn = t->insn;
    check_fp(t);
    address_at(t, 0);
    translate_address(t, 1u << insn->size, false, true);
    const unsigned d = vector_destination(t, insn->rd, 2);
    if (insn->size >= 2) {
        vec_unary_load(t->c, insn->size == 3 ? SSE_MOVQ : SSE_MOVD, 0, RAX, 0);
    } else {
        x64_load_sized(t->c, insn->size, false, 0, RCX, RAX, 0);
        vec_unary(t->c, SSE_MOVD, 0, RCX);
    }
    vector_broadcast(t, insn->size, d, 0, 1);
    vector_finish(t, d, 16);
    post_index(t, post, 1u << insn->size);
}

bool translate_structure(struct translation_state *t)
{
    switch (t->insn->op) {
    case OP_ld1r: replicate(t, false); return true;
    case OP_ld1r_post: replicate(t, true); return true;
#define MULTIPLE(count)                                                                                      \
    case OP_ld1x##count: multiple(t, false, count, false); return true;                                      \
    case OP_ld1x##count##_post: multiple(t, false, count, true); return true;                                \
    case OP_st1x##count: multiple(t, true, count, false); return true;                                       \
    case OP_st1x##count##_post: multiple(t, true, count, true); return true;
        MULTIPLE(1)
        MULTIPLE(2)
        MULTIPLE(3)
        MULTIPLE(4)
#undef MULTIPLE
    default: return false;
    }
}
