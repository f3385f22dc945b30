/* SPDX-License-Identifier: GPL-3.0-or-later */
/* AdvSIMD copies, immediates, permutes and table look-ups on SSE4, and the cryptographic instructions that
 * the host has. */
#include "jit/translate_vector.h"

typedef enum sse_op by_size[4];

static void load_n(struct translation_state *t, unsigned xmm)
{
    load_vector(t, xmm, t->insn->rn, t->insn->q);
}

static void load_m(struct translation_state *t, unsigned xmm)
{
    load_vector(t, xmm, t->insn->rm, t->insn->q);
}

static void finish(struct translation_state *t, unsigned xmm)
{
    if (!t->insn->q)
        sse_rr(t->c, SSE_MOVQ, xmm, xmm);
    store_vector(t, xmm, t->insn->rd);
}

/* --- copies ------------------------------------------------------------------------------------------------
 */

static int32_t element_offset(unsigned reg, unsigned size, unsigned index)
{
    return vector_offset(reg) + (int32_t)(index << size);
}

void broadcast_lane(struct translation_state *t, unsigned size, unsigned xmm, unsigned temp)
{
    struct x64 *c = t->c;
    switch (size) {
    case 0:
        sse_rr(c, SSE_PXOR, temp, temp);
        sse_rr(c, SSE_PSHUFB, xmm, temp);
        break;
    case 1:
        sse_rr_imm(c, SSE_PSHUFLW, xmm, xmm, 0);
        sse_rr_imm(c, SSE_PSHUFD, xmm, xmm, 0);
        break;
    case 2: sse_rr_imm(c, SSE_PSHUFD, xmm, xmm, 0); break;
    default: sse_rr(c, SSE_PUNPCKLQDQ, xmm, xmm); break;
    }
}

static void load_element(struct translation_state *t, unsigned reg, unsigned size, unsigned index)
{
    x64_load_sized(t->c, size, false, 0, RAX, HOST_CPU, element_offset(reg, size, index));
}

static void duplicate_element(struct translation_state *t, bool scalar)
{
    const struct insn *insn = t->insn;
    load_element(t, insn->rn, insn->size, insn->amount);
    sse_rr_w(t->c, 1, SSE_MOVD, 0, RAX);
    if (scalar) {
        store_vector(t, 0, insn->rd);
        return;
    }
    broadcast_lane(t, insn->size, 0, 1);
    finish(t, 0);
}

static void duplicate_general(struct translation_state *t)
{
    sse_rr_w(t->c, 1, SSE_MOVD, 0, use(t, t->insn->rn, RAX));
    broadcast_lane(t, t->insn->size, 0, 1);
    finish(t, 0);
}

/* Host register `from` into one lane of d. */
static void insert(struct translation_state *t, unsigned from)
{
    static const by_size inserts = {SSE_PINSRB, SSE_PINSRW, SSE_PINSRD, SSE_PINSRD};
    const struct insn *insn = t->insn;
    load_vector(t, 0, insn->rd, true);
    sse_rr_w(t->c, insn->size == 3, inserts[insn->size], 0, from);
    x64_byte(t->c, insn->amount);
    store_vector(t, 0, insn->rd);
}

static void insert_element(struct translation_state *t)
{
    load_element(t, t->insn->rn, t->insn->size, t->insn->opt);
    insert(t, RAX);
}

static void to_general(struct translation_state *t, bool sign)
{
    const struct insn *insn = t->insn;
    unsigned d = destination(t, insn->rd, RAX);
    x64_load_sized(t->c, insn->size, sign, sign && insn->sf, d, HOST_CPU,
                   element_offset(insn->rn, insn->size, insn->amount));
    done(t, insn->rd, d);
}

static void move_imm(struct translation_state *t, uint64_t value)
{
    if (t->insn->q)
        load_imm_twice(t, 0, value);
    else
        load_imm(t, 0, value);
    store_vector(t, 0, t->insn->rd);
}

static void logic_imm(struct translation_state *t, enum sse_op op, uint64_t value)
{
    load_vector(t, 0, t->insn->rd, t->insn->q);
    load_imm_twice(t, 1, value);
    sse_rr(t->c, op, 0, 1);
    finish(t, 0);
}

/* --- permutes ----------------------------------------------------------------------------------------------
 */

/* Rn and Rm as xmm0 and xmm1; with q = 0 both hold the two halves Rm:Rn. */
static void load_pair(struct translation_state *t)
{
    load_n(t, 0);
    load_m(t, 1);
    if (!t->insn->q) {
        sse_rr(t->c, SSE_PUNPCKLQDQ, 0, 1);
        sse_rr(t->c, SSE_MOVAPS, 1, 0);
    }
}

/* xmm1:xmm0's lanes with even (odd) number into xmm0. */
static void unzip(struct translation_state *t, unsigned size, bool odd)
{
    struct x64 *c = t->c;
    if (size == 3) {
        sse_rr(c, odd ? SSE_PUNPCKHQDQ : SSE_PUNPCKLQDQ, 0, 1);
        return;
    }
    if (size == 2) {
        sse_rr_imm(c, SSE_SHUFPS, 0, 1, odd ? 0xdd : 0x88);
        return;
    }
    for (unsigned xmm = 0; xmm < 2; xmm++) {
        if (!odd)
            sse_shift(c, SSE_SHIFT_LEFT, size + 1, xmm, 8u << size);
        sse_shift(c, SSE_SHIFT_RIGHT, size + 1, xmm, 8u << size);
    }
    sse_rr(c, size ? SSE_PACKUSDW : SSE_PACKUSWB, 0, 1);
}

static void unzip_pair(struct translation_state *t, bool odd)
{
    load_pair(t);
    unzip(t, t->insn->size, odd);
    finish(t, 0);
}

/* An operation on neighbours: on the even lanes and the odd ones. */
static void pairwise(struct translation_state *t, enum sse_op op)
{
    struct x64 *c = t->c;
    load_pair(t);
    sse_rr(c, SSE_MOVAPS, 2, 0);
    sse_rr(c, SSE_MOVAPS, 3, 1);
    unzip(t, t->insn->size, false);
    sse_rr(c, SSE_MOVAPS, 4, 0);
    sse_rr(c, SSE_MOVAPS, 0, 2);
    sse_rr(c, SSE_MOVAPS, 1, 3);
    unzip(t, t->insn->size, true);
    sse_rr(c, op, 4, 0);
    finish(t, 4);
}

static void add_pair_scalar(struct translation_state *t)
{
    load_vector(t, 0, t->insn->rn, true);
    sse_rr_imm(t->c, SSE_PSHUFD, 1, 0, 0xee);
    sse_rr(t->c, SSE_PADDQ, 0, 1);
    sse_rr(t->c, SSE_MOVQ, 0, 0);
    store_vector(t, 0, t->insn->rd);
}

/* With q = 0 the low interleaving has both halves of the result. */
static void zip(struct translation_state *t, bool high)
{
    static const by_size lows = {SSE_PUNPCKLBW, SSE_PUNPCKLWD, SSE_PUNPCKLDQ, SSE_PUNPCKLQDQ};
    static const by_size highs = {SSE_PUNPCKHBW, SSE_PUNPCKHWD, SSE_PUNPCKHDQ, SSE_PUNPCKHQDQ};
    const struct insn *insn = t->insn;
    load_n(t, 0);
    load_m(t, 1);
    sse_rr(t->c, high && insn->q ? highs[insn->size] : lows[insn->size], 0, 1);
    if (high && !insn->q)
        sse_shift_bytes(t->c, 0, 8);
    finish(t, 0);
}

static void transpose(struct translation_state *t, bool odd)
{
    struct x64 *c = t->c;
    unsigned size = t->insn->size, wide = size + 1, bits = 8u << size;
    load_n(t, 0);
    load_m(t, 1);
    if (size == 3) {
        sse_rr(c, odd ? SSE_PUNPCKHQDQ : SSE_PUNPCKLQDQ, 0, 1);
    } else {
        unsigned moved = odd ? 0 : 1, kept = !moved;
        sse_shift(c, odd ? SSE_SHIFT_RIGHT : SSE_SHIFT_LEFT, wide, moved, bits);
        sse_shift(c, odd ? SSE_SHIFT_RIGHT : SSE_SHIFT_LEFT, wide, kept, bits);
        sse_shift(c, odd ? SSE_SHIFT_LEFT : SSE_SHIFT_RIGHT, wide, kept, bits);
        sse_rr(c, SSE_POR, 0, 1);
    }
    finish(t, 0);
}

static void extract(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    load_n(t, 0);
    load_m(t, 1);
    if (insn->q) {
        sse_rr_imm(t->c, SSE_PALIGNR, 1, 0, insn->amount);
        store_vector(t, 1, insn->rd);
    } else {
        sse_rr(t->c, SSE_PUNPCKLQDQ, 0, 1);
        sse_shift_bytes(t->c, 0, insn->amount);
        finish(t, 0);
    }
}

/* pshufb gives zero where an index has bit 7: 0x70 is added to those from 16 on, saturating. Later registers
 * of the table take the index less 16, and so on, where smaller ones wrap to large ones. */
static void look_up(struct translation_state *t, bool keep)
{
    const struct insn *insn = t->insn;
    struct x64 *c = t->c;
    load_imm_twice(t, 4, 0x7070707070707070);
    load_m(t, 5);
    for (unsigned i = 0; i < insn->amount; i++) {
        if (i) {
            load_imm_twice(t, 3, 0x1010101010101010);
            sse_rr(c, SSE_PSUBB, 5, 3);
        }
        load_vector(t, 1, (insn->rn + i) % 32, true);
        sse_rr(c, SSE_MOVAPS, 2, 5);
        sse_rr(c, SSE_PADDUSB, 2, 4);
        sse_rr(c, SSE_PSHUFB, 1, 2);
        if (i)
            sse_rr(c, SSE_POR, 0, 1);
        else
            sse_rr(c, SSE_MOVAPS, 0, 1);
    }
    if (keep) { /* d where the index is not below the table's length */
        load_m(t, 5);
        load_imm_twice(t, 3, 0x0101010101010101 * (16u * insn->amount - 1));
        sse_rr(c, SSE_PMINUB, 3, 5);
        sse_rr(c, SSE_PCMPEQB, 3, 5);
        load_vector(t, 1, insn->rd, true);
        sse_rr(c, SSE_PANDN, 3, 1);
        sse_rr(c, SSE_POR, 0, 3);
    }
    finish(t, 0);
}

/* Lanes in reverse order within containers: by a table of their bytes' places. */
static void reverse(struct translation_state *t, unsigned container)
{
    struct x64 *c = t->c;
    const uint64_t flip = (1u << container) - (1u << t->insn->size);
    const uint64_t ones = 0x0101010101010101;
    load_n(t, 0);
    x64_mov_imm(c, RAX, 0x0706050403020100 ^ flip * ones);
    sse_rr_w(c, 1, SSE_MOVD, 1, RAX);
    x64_mov_imm(c, RAX, 0x0f0e0d0c0b0a0908 ^ flip * ones);
    sse_rr_w(c, 1, SSE_MOVD, 2, RAX);
    sse_rr(c, SSE_PUNPCKLQDQ, 1, 2);
    sse_rr(c, SSE_PSHUFB, 0, 1);
    finish(t, 0);
}

/* --- cryptography ------------------------------------------------------------------------------------------
 */

/* SubBytes(ShiftRows(d ^ n)): the host's last round with a key of zero. */
static void aes_round(struct translation_state *t, enum sse_op op)
{
    load_vector(t, 0, t->insn->rd, true);
    load_vector(t, 1, t->insn->rn, true);
    sse_rr(t->c, SSE_PXOR, 0, 1);
    sse_rr(t->c, SSE_PXOR, 1, 1);
    sse_rr(t->c, op, 0, 1);
    store_vector(t, 0, t->insn->rd);
}

/* MixColumns: the host's round does it last, behind what its inverse undoes first. */
static void aes_mix(struct translation_state *t, bool inverse)
{
    load_vector(t, 0, t->insn->rn, true);
    if (inverse) {
        sse_rr(t->c, SSE_AESIMC, 0, 0);
    } else {
        sse_rr(t->c, SSE_PXOR, 1, 1);
        sse_rr(t->c, SSE_AESDECLAST, 0, 1);
        sse_rr(t->c, SSE_AESENC, 0, 1);
    }
    store_vector(t, 0, t->insn->rd);
}

static void multiply_carryless(struct translation_state *t)
{
    load_vector(t, 0, t->insn->rn, true);
    load_vector(t, 1, t->insn->rm, true);
    sse_rr_imm(t->c, SSE_PCLMULQDQ, 0, 1, t->insn->q ? 0x11 : 0);
    store_vector(t, 0, t->insn->rd);
}

static void xor_three(struct translation_state *t, bool clear)
{
    load_vector(t, 0, t->insn->rn, true);
    load_vector(t, 1, t->insn->rm, true);
    load_vector(t, 2, t->insn->ra, true);
    sse_rr(t->c, clear ? SSE_PANDN : SSE_PXOR, 2, 1);
    sse_rr(t->c, SSE_PXOR, 0, 2);
    store_vector(t, 0, t->insn->rd);
}

/* The host's message schedule has the same shape; the words 9 to 12 are added beforehand. */
static void sha256_schedule(struct translation_state *t, bool second)
{
    const struct insn *insn = t->insn;
    struct x64 *c = t->c;
    load_vector(t, 0, insn->rd, true);
    load_vector(t, 1, insn->rn, true);
    if (second) {
        load_vector(t, 2, insn->rm, true);
        sse_rr(c, SSE_MOVAPS, 3, 2);
        sse_rr_imm(c, SSE_PALIGNR, 3, 1, 4);
        sse_rr(c, SSE_PADDD, 0, 3);
        sse_rr(c, SSE_SHA256MSG2, 0, 2);
    } else {
        sse_rr(c, SSE_SHA256MSG1, 0, 1);
    }
    store_vector(t, 0, insn->rd);
}

static bool emit_crypto(struct translation_state *t)
{
    const bool aes = host_has.aes, sha = host_has.sha;
    switch (t->insn->op) {
    case OP_aese:
        if (aes)
            aes_round(t, SSE_AESENCLAST);
        return aes;
    case OP_aesd:
        if (aes)
            aes_round(t, SSE_AESDECLAST);
        return aes;
    case OP_aesmc:
    case OP_aesimc:
        if (aes)
            aes_mix(t, t->insn->op == OP_aesimc);
        return aes;
    case OP_sha256su0:
    case OP_sha256su1:
        if (sha)
            sha256_schedule(t, t->insn->op == OP_sha256su1);
        return sha;
    case OP_pmull_64_vec:
        if (!host_has.pclmul)
            return false;
        multiply_carryless(t);
        return true;
    case OP_eor3: xor_three(t, false); return true;
    case OP_bcax: xor_three(t, true); return true;
    default: return false;
    }
}

bool emit_permute(struct translation_state *t)
{
    static const by_size adds = {SSE_PADDB, SSE_PADDW, SSE_PADDD, SSE_PADDQ};
    static const by_size signed_max = {SSE_PMAXSB, SSE_PMAXSW, SSE_PMAXSD};
    static const by_size signed_min = {SSE_PMINSB, SSE_PMINSW, SSE_PMINSD};
    static const by_size unsigned_max = {SSE_PMAXUB, SSE_PMAXUW, SSE_PMAXUD};
    static const by_size unsigned_min = {SSE_PMINUB, SSE_PMINUW, SSE_PMINUD};
    const struct insn *insn = t->insn;
    const uint64_t imm = (uint64_t)insn->imm;
    switch (insn->op) {
    case OP_dup_elem: duplicate_element(t, false); return true;
    case OP_dup_elem_scalar: duplicate_element(t, true); return true;
    case OP_dup_general: duplicate_general(t); return true;
    case OP_ins_general: insert(t, use(t, insn->rn, RAX)); return true;
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
    case OP_addp_vec: pairwise(t, adds[insn->size]); return true;
    case OP_addp_scalar: add_pair_scalar(t); return true;
    case OP_smaxp_vec: pairwise(t, signed_max[insn->size]); return true;
    case OP_sminp_vec: pairwise(t, signed_min[insn->size]); return true;
    case OP_umaxp_vec: pairwise(t, unsigned_max[insn->size]); return true;
    case OP_uminp_vec: pairwise(t, unsigned_min[insn->size]); return true;
    default: return emit_crypto(t);
    }
}
