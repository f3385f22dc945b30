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
            load_vector(t, 0, reg, insn->q);
            if (insn->q)
                x64_movdqu_store(t->c, 0, RAX, (int32_t)(i * each));
            else
                sse_rm(t->c, SSE_MOVQ_STORE, 0, RAX, (int32_t)(i * each));
        } else {
            if (insn->q)
                x64_movdqu_load(t->c, 0, RAX, (int32_t)(i * each));
            else
                sse_rm(t->c, SSE_MOVQ, 0, RAX, (int32_t)(i * each));
            store_vector(t, 0, reg);
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
    x64_load_sized(t->c, insn->size, false, 0, RCX, RAX, 0);
    sse_rr_w(t->c, 1, SSE_MOVD, 0, RCX);
    broadcast_lane(t, insn->size, 0, 1);
    if (!insn->q)
        sse_rr(t->c, SSE_MOVQ, 0, 0);
    store_vector(t, 0, insn->rd);
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
