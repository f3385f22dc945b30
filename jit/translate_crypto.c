/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The cryptographic instructions on those that the host has. Pairs that belong together (AESE and AESMC, SHA256H and
 * SHA256H2) are done as one where they follow each other. */
#include "jit/translate_simd.h"

static void finish(struct translation_state *t, unsigned xmm)
{
    vector_done(t, t->insn->rd, xmm, 16, 16);
}

/* --- AES --------------------------------------------------------------------------------------------- */

/* SubBytes(ShiftRows(d ^ n)): the host's last round with a key of zero; with MixColumns behind it, its other rounds. */
static void aes_round(struct translation_state *t, enum sse_op last, enum sse_op round, uint16_t mix_op)
{
    const struct insn *insn = t->insn, *next = vector_neighbour(t, 1);
    const bool mixes = next && next->op == mix_op && next->rd == insn->rd && next->rn == insn->rd;
    const unsigned old = vector_use(t, insn->rd, 0), n = vector_use(t, insn->rn, 1), d = simd_to(t, 0);
    vec_op(t->c, SSE_PXOR, 0, old, n);
    vec_op_at(t->c, mixes ? round : last, d, 0, vector_constant(t, 0, 0));
    finish(t, d);
    if (mixes)
        t->done_too = next;
}

/* MixColumns: the host's round does it last, behind what its inverse undoes first. */
static void aes_mix(struct translation_state *t, bool inverse)
{
    const unsigned n = vector_use(t, t->insn->rn, 0), d = simd_to(t, 0);
    const uint64_t zero = vector_constant(t, 0, 0);
    if (inverse) {
        vec_unary(t->c, SSE_AESIMC, d, n);
    } else {
        vec_op_at(t->c, SSE_AESDECLAST, 0, n, zero);
        vec_op_at(t->c, SSE_AESENC, d, 0, zero);
    }
    finish(t, d);
}

static void multiply_carryless(struct translation_state *t)
{
    const unsigned n = vector_use(t, t->insn->rn, 0), m = vector_use(t, t->insn->rm, 1), d = simd_to(t, 0);
    vec_op_imm(t->c, SSE_PCLMULQDQ, d, n, m, t->insn->q ? 0x11 : 0);
    finish(t, d);
}

/* to = products without carries of the bytes that stand in the halfwords of n and m: for each bit of m, n is moved
 * there. Uses xmm5. */
static void multiply_bytes(struct translation_state *t, unsigned to, unsigned n, unsigned m)
{
    struct x64 *c = t->c;
    for (unsigned bit = 0; bit < 8; bit++) {
        const unsigned product = bit ? 5 : to;
        vec_op_at(c, SSE_PAND, product, m, vector_constant_twice(t, simd_every_lane(1, 1u << bit)));
        vec_op(c, SSE_PMULLW, product, product, n);
        if (bit)
            vec_op(c, SSE_PXOR, to, to, 5);
    }
}

/* xmm = the lower or upper eight bytes of v<reg>, in halfwords. */
static void load_bytes(struct translation_state *t, unsigned xmm, unsigned reg, bool upper)
{
    unsigned from = vector_use_low(t, reg, xmm, upper ? 16 : 8);
    if (upper) {
        vec_unary_imm(t->c, SSE_PSHUFD, xmm, from, 0xee);
        from = xmm;
    }
    vec_unary(t->c, SSE_PMOVZXBW, xmm, from);
}

static void multiply_bytes_long(struct translation_state *t)
{
    load_bytes(t, 0, t->insn->rn, t->insn->q);
    load_bytes(t, 1, t->insn->rm, t->insn->q);
    multiply_bytes(t, 2, 0, 1);
    finish(t, 2);
}

/* The products' lower bytes. */
static void multiply_polynomials(struct translation_state *t)
{
    const uint64_t low = vector_constant_twice(t, simd_every_lane(1, UINT8_MAX));
    const unsigned parts = t->insn->q ? 2 : 1;
    for (unsigned part = 0; part < parts; part++) {
        load_bytes(t, 0, t->insn->rn, part);
        load_bytes(t, 1, t->insn->rm, part);
        multiply_bytes(t, 2 + part, 0, 1);
        vec_op_at(t->c, SSE_PAND, 2 + part, 2 + part, low);
    }
    vec_op(t->c, SSE_PACKUSWB, 2, 2, 1 + parts);
    simd_finish(t, 2);
}

/* --- SHA-3's ----------------------------------------------------------------------------------------- */

static void xor_three(struct translation_state *t, bool clear)
{
    const struct insn *insn = t->insn;
    const unsigned n = vector_use(t, insn->rn, 0), m = vector_use(t, insn->rm, 1), a = vector_use(t, insn->ra, 2),
                   d = simd_to(t, 0);
    if (clear)
        vec_op(t->c, SSE_PANDN, 2, a, m);
    else
        vec_op(t->c, SSE_PXOR, 2, a, m);
    vec_op(t->c, SSE_PXOR, d, n, 2);
    finish(t, d);
}

/* d = n ^ m rotated to the left, or n ^ m rotated to the right (XAR). */
static void rotate_and_xor(struct translation_state *t, bool xor_first, unsigned left)
{
    struct x64 *c = t->c;
    const unsigned n = vector_use(t, t->insn->rn, 0), m = vector_use(t, t->insn->rm, 1), d = simd_to(t, 2);
    unsigned turned = m;
    if (xor_first) {
        vec_op(c, SSE_PXOR, 1, n, m);
        turned = 1;
    }
    vec_shift(c, SSE_SHIFT_LEFT, 3, 2, turned, left);
    vec_shift(c, SSE_SHIFT_RIGHT, 3, 3, turned, 64 - left);
    if (xor_first) {
        vec_op(c, SSE_POR, d, 2, 3);
    } else {
        vec_op(c, SSE_POR, 2, 2, 3);
        vec_op(c, SSE_PXOR, d, 2, n);
    }
    finish(t, d);
}

/* --- SHA-256: the host has its instructions without AVX forms alone ------------------------------------ */

/* The host's message schedule has the same shape; the words 9 to 12 are added beforehand. */
static void sha256_schedule(struct translation_state *t, bool second)
{
    const struct insn *insn = t->insn;
    struct x64 *c = t->c;
    const unsigned old = vector_use(t, insn->rd, 0), n = vector_use(t, insn->rn, 1);
    if (second) {
        const unsigned m = vector_use(t, insn->rm, 2);
        vec_op_imm(c, SSE_PALIGNR, 3, m, n, 4);
        vec_op(c, SSE_PADDD, 0, old, 3);
        sse_rr(c, SSE_SHA256MSG2, 0, m);
    } else {
        vec_move(c, 0, old);
        sse_rr(c, SSE_SHA256MSG1, 0, n);
    }
    finish(t, 0);
}

/* Four rounds. The host does two at a time and has the eight words as FEBA and HGDC, lowest first, the guest as ABCD
 * and EFGH. What two rounds take as FEBA they leave as HGDC. SHA256H gives ABCD, SHA256H2 EFGH: from the same
 * operands, but that the one's first is the other's second. */
static void sha256_rounds(struct translation_state *t, unsigned abcd_reg, unsigned efgh_reg)
{
    const struct insn *insn = t->insn, *next = vector_neighbour(t, 1);
    struct x64 *c = t->c;
    const bool first = insn->op == OP_sha256h;
    const struct insn *copy = vector_neighbour(t, -1); /* of ABCD, for the second */
    const bool copied = copy && copy->op == OP_orr_vec && copy->q && copy->rn == abcd_reg && copy->rm == abcd_reg &&
                        copy->rd != efgh_reg && copy->rd != insn->rm;
    const bool both = first && copied && next && next->op == OP_sha256h2 && next->rd == efgh_reg &&
                      next->rm == insn->rm && next->rn == copy->rd && insn->rm != abcd_reg && abcd_reg != efgh_reg;
    const unsigned abcd = vector_use(t, abcd_reg, 1), efgh = vector_use(t, efgh_reg, 2), m = vector_use(t, insn->rm, 0);
    vec_op(c, SSE_PUNPCKLQDQ, 3, efgh, abcd);
    vec_op(c, SSE_PUNPCKHQDQ, 4, efgh, abcd);
    vec_unary_imm(c, SSE_PSHUFD, 3, 3, 0xb1); /* FEBA */
    vec_unary_imm(c, SSE_PSHUFD, 4, 4, 0xb1); /* HGDC */
    vec_move(c, 0, m);
    sse_rr(c, SSE_SHA256RNDS2, 4, 3);
    vec_unary_imm(c, SSE_PSHUFD, 0, 0, 0xee);
    sse_rr(c, SSE_SHA256RNDS2, 3, 4); /* FEBA in xmm3, HGDC in xmm4 */
    if (first) {
        vec_op(c, SSE_PUNPCKHQDQ, 1, 3, 4);
        const unsigned d = vector_destination(t, abcd_reg, 1);
        vec_unary_imm(c, SSE_PSHUFD, d, 1, 0xb1);
        vector_done(t, abcd_reg, d, 16, 16);
    }
    if (!first || both) {
        vec_op(c, SSE_PUNPCKLQDQ, 2, 3, 4);
        const unsigned d = vector_destination(t, efgh_reg, 2);
        vec_unary_imm(c, SSE_PSHUFD, d, 2, 0xb1);
        vector_done(t, efgh_reg, d, 16, 16);
    }
    if (both)
        t->done_too = next;
}

/* --- SHA-1 ------------------------------------------------------------------------------------------- */

/* Four rounds. The host has the words in reverse order, adds the constant itself, and takes E with the first of m. */
static void sha1_rounds(struct translation_state *t, unsigned function, uint32_t constant)
{
    const struct insn *insn = t->insn;
    struct x64 *c = t->c;
    const unsigned abcd = vector_use(t, insn->rd, 0), e = vector_use_low(t, insn->rn, 1, 4),
                   m = vector_use(t, insn->rm, 2), d = simd_to(t, 0);
    vec_op_at(c, SSE_PSUBD, 2, m, vector_constant_twice(t, simd_every_lane(2, constant)));
    vec_unary_imm(c, SSE_PSHUFD, 2, 2, 0x1b);
    vec_shift(c, SSE_SHIFT_BYTES_LEFT, 3, 1, e, 12);
    vec_op(c, SSE_PADDD, 2, 2, 1);
    vec_unary_imm(c, SSE_PSHUFD, 0, abcd, 0x1b);
    sse_rr_imm(c, SSE_SHA1RNDS4, 0, 2, function);
    vec_unary_imm(c, SSE_PSHUFD, d, 0, 0x1b);
    finish(t, d);
}

/* to = from's words rotated to the left. Uses `temp`. */
static void rotate_words(struct x64 *c, unsigned to, unsigned from, unsigned left, unsigned temp)
{
    vec_shift(c, SSE_SHIFT_RIGHT, 2, temp, from, 32 - left);
    vec_shift(c, SSE_SHIFT_LEFT, 2, to, from, left);
    vec_op(c, SSE_POR, to, to, temp);
}

static void sha1_e(struct translation_state *t)
{
    const unsigned n = vector_use_clear(t, t->insn->rn, 0, 4), d = simd_to(t, 0);
    rotate_words(t->c, d, n, 30, 1);
    vector_done(t, t->insn->rd, d, 16, 4);
}

/* n's low half above d's high one, and both others. */
static void sha1_schedule_first(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    struct x64 *c = t->c;
    const unsigned old = vector_use(t, insn->rd, 0), n = vector_use(t, insn->rn, 1), m = vector_use(t, insn->rm, 2),
                   d = simd_to(t, 0);
    vec_op_imm(c, SSE_SHUFPD, 3, old, n, 1);
    vec_op(c, SSE_PXOR, 2, old, m);
    vec_op(c, SSE_PXOR, d, 2, 3);
    finish(t, d);
}

/* The last word needs the first new one, turned once more. */
static void sha1_schedule_second(struct translation_state *t)
{
    struct x64 *c = t->c;
    const unsigned old = vector_use(t, t->insn->rd, 0), n = vector_use(t, t->insn->rn, 1), d = simd_to(t, 0);
    vec_shift(c, SSE_SHIFT_BYTES_RIGHT, 3, 1, n, 4);
    vec_op(c, SSE_PXOR, 0, old, 1);
    rotate_words(c, 2, 0, 1, 3);
    vec_shift(c, SSE_SHIFT_BYTES_LEFT, 3, 0, 2, 12);
    rotate_words(c, 1, 0, 1, 3);
    vec_op(c, SSE_PXOR, d, 2, 1);
    finish(t, d);
}

static bool emit_aes(struct translation_state *t)
{
    if (!host_has.aes)
        return false;
    switch (t->insn->op) {
    case OP_aese: aes_round(t, SSE_AESENCLAST, SSE_AESENC, OP_aesmc); return true;
    case OP_aesd: aes_round(t, SSE_AESDECLAST, SSE_AESDEC, OP_aesimc); return true;
    case OP_aesmc: aes_mix(t, false); return true;
    case OP_aesimc: aes_mix(t, true); return true;
    default: return false;
    }
}

static bool emit_sha(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    if (!host_has.sha)
        return false;
    switch (insn->op) {
    case OP_sha1c: sha1_rounds(t, 0, 0x5a827999); return true;
    case OP_sha1p: sha1_rounds(t, 1, 0x6ed9eba1); return true;
    case OP_sha1m: sha1_rounds(t, 2, 0x8f1bbcdc); return true;
    case OP_sha256h: sha256_rounds(t, insn->rd, insn->rn); return true;
    case OP_sha256h2: sha256_rounds(t, insn->rn, insn->rd); return true;
    case OP_sha256su0: sha256_schedule(t, false); return true;
    case OP_sha256su1: sha256_schedule(t, true); return true;
    default: return false;
    }
}

bool emit_crypto(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    switch (insn->op) {
    case OP_pmull_64_vec:
        if (!host_has.pclmul)
            return false;
        multiply_carryless(t);
        return true;
    case OP_pmull_8_vec: multiply_bytes_long(t); return true;
    case OP_pmul_vec: multiply_polynomials(t); return true;
    case OP_sha1h: sha1_e(t); return true;
    case OP_sha1su0: sha1_schedule_first(t); return true;
    case OP_sha1su1: sha1_schedule_second(t); return true;
    case OP_eor3: xor_three(t, false); return true;
    case OP_bcax: xor_three(t, true); return true;
    case OP_rax1: rotate_and_xor(t, false, 1); return true;
    case OP_xar: rotate_and_xor(t, true, 64 - insn->amount); return true;
    default: return emit_aes(t) || emit_sha(t) || emit_sha512(t);
    }
}
