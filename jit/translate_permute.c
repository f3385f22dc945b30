/* SPDX-License-Identifier: GPL-3.0-or-later */
/* AdvSIMD copies, immediates, permutes and table look-ups on SSE4 or AVX2. */
#include "jit/translate_simd.h"

static unsigned set_of(const struct translation_state *t, unsigned reg)
{
    return vector_bytes_of(t, reg, vector_length(t->insn));
}

/* The result of a permutation of n and m, or n alone. */
static void finish_permuted(struct translation_state *t, unsigned xmm, unsigned set)
{
    vector_finish(t, xmm, t->insn->q ? 16 : set);
}

/* --- copies ------------------------------------------------------------------------------------------ */

/* Element `index` of v<reg> in the lowest place of the register that is returned, anything above. */
static unsigned element(struct translation_state *t, unsigned reg, unsigned size, unsigned index, unsigned temp)
{
    if (index == 0)
        return vector_use_low(t, reg, temp, size == 3 ? 8 : 4);
    const unsigned n = vector_use(t, reg, temp), at = index << size;
    if (at == 8)
        vec_unary_imm(t->c, SSE_PSHUFD, temp, n, 0xee);
    else if (at % 4 == 0)
        vec_unary_imm(t->c, SSE_PSHUFD, temp, n, at / 4 * 0x55u);
    else
        vec_shift(t->c, SSE_SHIFT_BYTES_RIGHT, 3, temp, n, at);
    return temp;
}

static void duplicate_element(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    const unsigned n = element(t, insn->rn, insn->size, insn->amount, 0), d = simd_to(t, 2);
    vector_broadcast(t, insn->size, d, n, 1);
    simd_finish(t, d);
}

/* DUP to a scalar: nothing but the element. */
static void copy_element(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    const unsigned bytes = 1u << insn->size, n = element(t, insn->rn, insn->size, insn->amount, 0);
    if (bytes >= 4) {
        vector_done(t, insn->rd, n, bytes, 16);
        return;
    }
    const unsigned d = simd_to(t, 0);
    vec_op_at(t->c, SSE_PAND, d, n, vector_constant(t, bytes == 1 ? UINT8_MAX : UINT16_MAX, 0));
    vector_done(t, insn->rd, d, 16, 4);
}

static void duplicate_general(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    const unsigned d = simd_to(t, 2), n = general_use(t, insn->rn, RAX);
    vec_unary_w(t->c, insn->size == 3, SSE_MOVD, 0, n);
    vector_broadcast(t, insn->size, d, 0, 1);
    simd_finish(t, d);
}

/* Host register `from` into one lane of d. */
static void insert(struct translation_state *t, unsigned from)
{
    static const by_size inserts = {SSE_PINSRB, SSE_PINSRW, SSE_PINSRD, SSE_PINSRD};
    const struct insn *insn = t->insn;
    const unsigned old = vector_use(t, insn->rd, 0), d = simd_to(t, 0);
    vec_op_general(t->c, insn->size == 3, inserts[insn->size], d, old, from);
    x64_byte(t->c, insn->amount);
    vector_done(t, insn->rd, d, 16, 16);
}

/* Element `index` of v<reg>, extended, in a general register. */
static void element_to_general(struct translation_state *t, unsigned to, unsigned reg, unsigned size, unsigned index)
{
    struct x64 *c = t->c;
    if (index == 0 && size >= 2) {
        vec_unary_w(c, size == 3, SSE_MOVD_TO, vector_use_low(t, reg, 0, 1u << size), to);
        return;
    }
    const unsigned n = vector_use(t, reg, 0);
    if (size == 1)
        vec_unary(c, SSE_PEXTRW, to, n);
    else
        vec_unary_w(c, size == 3, size == 0 ? SSE_PEXTRB : SSE_PEXTRD, n, to);
    x64_byte(c, index);
}

static void insert_element(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    const unsigned from = insn->opt, at = insn->amount;
    struct x64 *c = t->c;
    if (insn->size < 2) {
        element_to_general(t, RAX, insn->rn, insn->size, from);
        insert(t, RAX);
        return;
    }
    const unsigned n = vector_use(t, insn->rn, 0), old = vector_use(t, insn->rd, 1), d = simd_to(t, 1);
    if (insn->size == 2)
        vec_op_imm(c, SSE_INSERTPS, d, old, n, from << 6 | at << 4);
    else if (at) /* the low half of d, and the one of n */
        vec_op_imm(c, SSE_SHUFPD, d, old, n, from << 1);
    else
        vec_op_imm(c, SSE_SHUFPD, d, n, old, from | 2);
    vector_done(t, insn->rd, d, 16, 16);
}

static void to_general(struct translation_state *t, bool sign)
{
    const struct insn *insn = t->insn;
    const unsigned d = general_destination(t, insn->rd, RAX);
    element_to_general(t, d, insn->rn, insn->size, insn->amount);
    if (sign)
        x64_extend(t->c, insn->size, true, insn->sf, d, d);
    general_done(t, insn->rd, d);
}

static void move_imm(struct translation_state *t, uint64_t value)
{
    const struct insn *insn = t->insn;
    const unsigned d = simd_to(t, 0);
    vector_load_constant(t, d, value, insn->q ? value : 0);
    vector_done(t, insn->rd, d, 16, value ? vector_length(insn) : 4);
}

static void logic_imm(struct translation_state *t, enum sse_op op, uint64_t value)
{
    const unsigned old = simd_d(t, 0), d = simd_to(t, 0), set = set_of(t, t->insn->rd);
    vec_op_at(t->c, op, d, old, vector_constant(t, value, t->insn->q ? value : 0));
    finish_permuted(t, d, set > 8 ? 16 : 8);
}

/* --- permutes ---------------------------------------------------------------------------------------- */

/* The lanes of Rm:Rn with even (odd) number into d. With q = 0 n is both halves, and m is n. Uses xmm2, xmm3. */
static void unzip(struct translation_state *t, unsigned size, bool odd, unsigned d, unsigned n, unsigned m)
{
    struct x64 *c = t->c;
    if (size == 3) {
        vec_op(c, odd ? SSE_PUNPCKHQDQ : SSE_PUNPCKLQDQ, d, n, m);
        return;
    }
    if (size == 2) {
        vec_op_imm(c, SSE_SHUFPS, d, n, m, odd ? 0xdd : 0x88);
        return;
    }
    const uint64_t low = vector_constant_twice(t, size ? 0x0000ffff0000ffff : 0x00ff00ff00ff00ff);
    const unsigned from[2] = {n, m};
    for (unsigned i = 0; i < 2; i++) {
        if (odd)
            vec_shift(c, SSE_SHIFT_RIGHT, size + 1, 2 + i, from[i], 8u << size);
        else
            vec_op_at(c, SSE_PAND, 2 + i, from[i], low);
    }
    vec_op(c, size ? SSE_PACKUSDW : SSE_PACKUSWB, d, 2, 3);
}

/* Rn and Rm; with q = 0 both are their two halves, in xmm0. */
static void load_pair(struct translation_state *t, unsigned *n, unsigned *m)
{
    *n = simd_n(t, 0);
    *m = simd_m(t, 1);
    if (!t->insn->q) {
        vec_op(t->c, SSE_PUNPCKLQDQ, 0, *n, *m);
        *n = *m = 0;
    }
}

static void unzip_pair(struct translation_state *t, bool odd)
{
    unsigned n, m;
    load_pair(t, &n, &m);
    const unsigned d = simd_to(t, 2);
    unzip(t, t->insn->size, odd, d, n, m);
    simd_finish(t, d);
}

/* An operation on neighbours: on the even lanes and the odd ones. */
static void pairwise(struct translation_state *t, enum sse_op op)
{
    unsigned n, m;
    load_pair(t, &n, &m);
    const unsigned d = simd_to(t, 4);
    unzip(t, t->insn->size, false, 4, n, m);
    unzip(t, t->insn->size, true, 2, n, m);
    vec_op(t->c, op, d, 4, 2);
    simd_finish(t, d);
}

static void add_pair_scalar(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    const unsigned n = vector_use(t, insn->rn, 0), d = simd_to(t, 0);
    vec_unary_imm(t->c, SSE_PSHUFD, 1, n, 0xee);
    vec_op(t->c, SSE_PADDQ, d, n, 1);
    vector_done(t, insn->rd, d, 8, 16);
}

/* With q = 0 the low interleaving has both halves of the result. */
static void zip(struct translation_state *t, bool high)
{
    static const by_size lows = {SSE_PUNPCKLBW, SSE_PUNPCKLWD, SSE_PUNPCKLDQ, SSE_PUNPCKLQDQ};
    static const by_size highs = {SSE_PUNPCKHBW, SSE_PUNPCKHWD, SSE_PUNPCKHDQ, SSE_PUNPCKHQDQ};
    const struct insn *insn = t->insn;
    const unsigned n = simd_n(t, 0), m = simd_m(t, 1), d = simd_to(t, 0);
    vec_op(t->c, high && insn->q ? highs[insn->size] : lows[insn->size], d, n, m);
    if (high && !insn->q)
        vec_shift(t->c, SSE_SHIFT_BYTES_RIGHT, 3, d, d, 8);
    finish_permuted(t, d, high ? 8 : 16);
}

static void transpose(struct translation_state *t, bool odd)
{
    struct x64 *c = t->c;
    const unsigned size = t->insn->size, bits = 8u << size;
    const unsigned n = simd_n(t, 0), m = simd_m(t, 1), d = simd_to(t, 2);
    if (size == 3) {
        vec_op(c, odd ? SSE_PUNPCKHQDQ : SSE_PUNPCKLQDQ, d, n, m);
    } else if (size > 0) { /* one operand moved by a lane, and the other's lanes beside */
        vec_shift(c, odd ? SSE_SHIFT_RIGHT : SSE_SHIFT_LEFT, size + 1, 2, odd ? n : m, bits);
        const unsigned upper = size == 1 ? 0xaa : 0xcc;
        vec_op_imm(c, SSE_PBLENDW, d, odd ? 2 : n, odd ? m : 2, upper);
    } else {
        const uint64_t mask = vector_constant_twice(t, odd ? 0xff00ff00ff00ff00 : 0x00ff00ff00ff00ff);
        vec_shift(c, odd ? SSE_SHIFT_RIGHT : SSE_SHIFT_LEFT, 1, 2, odd ? n : m, 8);
        vec_op_at(c, SSE_PAND, 3, odd ? m : n, mask);
        vec_op(c, SSE_POR, d, 2, 3);
    }
    simd_finish(t, d);
}

static void extract(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    const unsigned n = simd_n(t, 0), m = simd_m(t, 1), d = simd_to(t, 2);
    if (insn->q) {
        vec_op_imm(t->c, SSE_PALIGNR, d, m, n, insn->amount);
        simd_finish(t, d);
    } else {
        vec_op(t->c, SSE_PUNPCKLQDQ, 2, n, m);
        vec_shift(t->c, SSE_SHIFT_BYTES_RIGHT, 3, d, 2, insn->amount);
        simd_finish(t, d);
    }
}

/* pshufb gives zero where an index has bit 7: 0x70 is added to those from 16 on, saturating. Later registers
 * of the table take the index less 16, and so on, where smaller ones wrap to large ones. */
static void look_up(struct translation_state *t, bool keep)
{
    const struct insn *insn = t->insn;
    struct x64 *c = t->c;
    const uint64_t past = vector_constant_twice(t, 0x7070707070707070);
    const unsigned m = simd_m(t, 4);
    unsigned index = m;
    for (unsigned i = 0; i < insn->amount; i++) {
        if (i) {
            vec_op_at(c, SSE_PSUBB, 5, index, vector_constant_twice(t, 0x1010101010101010));
            index = 5;
        }
        const unsigned table = vector_use(t, (insn->rn + i) % 32, 1), to = i ? 2 : 0;
        vec_op_at(c, SSE_PADDUSB, 2, index, past);
        vec_op(c, SSE_PSHUFB, to, table, 2);
        if (i)
            vec_op(c, SSE_POR, 0, 0, 2);
    }
    const unsigned d = simd_to(t, 0);
    if (keep) { /* d where the index is not below the table's length */
        const uint64_t last = vector_constant_twice(t, 0x0101010101010101 * (16u * insn->amount - 1));
        vec_op_at(c, SSE_PMINUB, 3, m, last);
        vec_op(c, SSE_PCMPEQB, 3, 3, m);
        const unsigned old = simd_d(t, 1);
        vec_op(c, SSE_PANDN, 3, 3, old);
        vec_op(c, SSE_POR, d, 0, 3);
    } else {
        vec_move(c, d, 0);
    }
    simd_finish(t, d);
}

/* Lanes in reverse order within containers: by a table of their bytes' places. */
static void reverse(struct translation_state *t, unsigned container)
{
    const uint64_t flip = (1u << container) - (1u << t->insn->size), ones = 0x0101010101010101;
    const unsigned n = simd_n(t, 0), d = simd_to(t, 0), set = set_of(t, t->insn->rn);
    vec_op_at(t->c, SSE_PSHUFB, d, n,
              vector_constant(t, 0x0706050403020100 ^ flip * ones, 0x0f0e0d0c0b0a0908 ^ flip * ones));
    finish_permuted(t, d, set > 8 ? 16 : 8);
}

bool emit_permute(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    const uint64_t imm = (uint64_t)insn->imm;
    switch (insn->op) {
    case OP_dup_elem: duplicate_element(t); return true;
    case OP_dup_elem_scalar: copy_element(t); return true;
    case OP_dup_general: duplicate_general(t); return true;
    case OP_ins_general: insert(t, general_use(t, insn->rn, RAX)); return true;
    case OP_ins_elem: insert_element(t); return true;
    case OP_umov: to_general(t, false); return true;
    case OP_smov: to_general(t, true); return true;
    case OP_movi_imm32_0:
    case OP_movi_imm32_1:
    case OP_movi_imm32_2:
    case OP_movi_imm32_3:
    case OP_movi_imm16_0:
    case OP_movi_imm16_1:
    case OP_movi_msl1:
    case OP_movi_msl2:
    case OP_movi_imm8:
    case OP_movi_imm64:
    case OP_fmov_vimm_h:
    case OP_fmov_vimm_s:
    case OP_fmov_vimm_d: move_imm(t, imm); return true;
    case OP_mvni_imm32_0:
    case OP_mvni_imm32_1:
    case OP_mvni_imm32_2:
    case OP_mvni_imm32_3:
    case OP_mvni_imm16_0:
    case OP_mvni_imm16_1:
    case OP_mvni_msl1:
    case OP_mvni_msl2: move_imm(t, ~imm); return true;
    case OP_orr_imm32_0:
    case OP_orr_imm32_1:
    case OP_orr_imm32_2:
    case OP_orr_imm32_3:
    case OP_orr_imm16_0:
    case OP_orr_imm16_1: logic_imm(t, SSE_POR, imm); return true;
    case OP_bic_imm32_0:
    case OP_bic_imm32_1:
    case OP_bic_imm32_2:
    case OP_bic_imm32_3:
    case OP_bic_imm16_0:
    case OP_bic_imm16_1: logic_imm(t, SSE_PAND, ~imm); return true;
    case OP_uzp1: unzip_pair(t, false); return true;
    case OP_uzp2: unzip_pair(t, true); return true;
    case OP_zip1: zip(t, false); return true;
    case OP_zip2: zip(t, true); return true;
    case OP_trn1: transpose(t, false); return true;
    case OP_trn2: transpose(t, true); return true;
    case OP_ext: extract(t); return true;
    case OP_tbl: look_up(t, false); return true;
    case OP_tbx: look_up(t, true); return true;
    case OP_rev64_vec: reverse(t, 3); return true;
    case OP_rev32_vec: reverse(t, 2); return true;
    case OP_rev16_vec: reverse(t, 1); return true;
    case OP_addp_vec: pairwise(t, simd_adds[insn->size]); return true;
    case OP_addp_scalar: add_pair_scalar(t); return true;
    case OP_smaxp_vec: pairwise(t, simd_signed_max[insn->size]); return true;
    case OP_sminp_vec: pairwise(t, simd_signed_min[insn->size]); return true;
    case OP_umaxp_vec: pairwise(t, simd_unsigned_max[insn->size]); return true;
    case OP_uminp_vec: pairwise(t, simd_unsigned_min[insn->size]); return true;
    default: return emit_crypto(t);
    }
}
