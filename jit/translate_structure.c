/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Structure loads and stores: whole registers, structures of up to four elements, single lanes, replicated ones.
 *
 * Structures of two and four are sorted within 16 bytes first, so that what belongs to one register is together (of
 * bytes: 0 4 8 12 1 5 ..), and then transposed by words or halves. Those of three are picked out of all three loads. */
#include "jit/translate_vector.h"

/* The base register past `bytes` bytes, or by a register. */
static void post_index(struct translation_state *t, bool post, unsigned bytes)
{
    const struct insn *insn = t->insn;
    if (!post)
        return;
    unsigned n = general_use(t, insn->rn, RAX);
    if (insn->rm == 31)
        x64_lea(t->c, 1, n, n, (int32_t)bytes);
    else
        x64_lea_indexed(t->c, 1, n, n, general_use(t, insn->rm, RCX), 0);
    general_done(t, insn->rn, n);
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

static void load_part(struct translation_state *t, unsigned xmm, unsigned at, unsigned bytes)
{
    vec_unary_load(t->c, bytes == 16 ? SSE_MOVUPS : SSE_MOVQ, xmm, RAX, (int32_t)at);
}

static void store_part(struct translation_state *t, unsigned xmm, unsigned at, unsigned bytes)
{
    vec_unary_load(t->c, bytes == 16 ? SSE_MOVUPS_STORE : SSE_MOVQ_STORE, xmm, RAX, (int32_t)at);
}

static unsigned register_of(const struct insn *insn, unsigned index)
{
    return (insn->rd + index) % 32;
}

static void loaded(struct translation_state *t, unsigned index, enum sse_op op, unsigned a, unsigned b)
{
    const unsigned reg = register_of(t->insn, index), d = vector_destination(t, reg, 4);
    vec_op(t->c, op, d, a, b);
    vector_done(t, reg, d, 16, vector_length(t->insn));
}

/* Sorts the 16 bytes of xmm, of structures of `count` (2 or 4), by register; or (`back`) from there. */
static void sort(struct translation_state *t, unsigned xmm, unsigned count, bool back)
{
    const unsigned size = t->insn->size, structures = (16u >> size) / count;
    uint8_t places[16];
    uint64_t halves[2];
    if (structures < 2)
        return;
    for (unsigned place = 0; place < 16; place++) { /* in order of registers */
        const unsigned element = place >> size, reg = element / structures, which = element % structures;
        const unsigned in_memory = ((which * count + reg) << size) + place % (1u << size);
        places[back ? in_memory : place] = (uint8_t)(back ? place : in_memory);
    }
    memcpy(halves, places, sizeof halves);
    vec_op_at(t->c, SSE_PSHUFB, xmm, xmm, vector_constant(t, halves[0], halves[1]));
}

static void load_twos(struct translation_state *t)
{
    const bool q = t->insn->q;
    load_part(t, 0, 0, 16);
    sort(t, 0, 2, false);
    if (q) {
        load_part(t, 1, 16, 16);
        sort(t, 1, 2, false);
    } else {
        vec_zero(t->c, 1);
    }
    loaded(t, 0, SSE_PUNPCKLQDQ, 0, 1);
    loaded(t, 1, SSE_PUNPCKHQDQ, 0, 1);
}

static void store_twos(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    const unsigned a = vector_use(t, insn->rd, 0), b = vector_use(t, register_of(insn, 1), 1);
    for (unsigned i = 0; i < (insn->q ? 2 : 1); i++) {
        vec_op(t->c, i ? SSE_PUNPCKHQDQ : SSE_PUNPCKLQDQ, 2, a, b);
        sort(t, 2, 2, true);
        store_part(t, 2, 16 * i, 16);
    }
}

/* Of four registers by words, from xmm0 to xmm3: what to take halves of for the results, in pairs of them. */
static void transpose_words(struct x64 *c, const unsigned from[4], unsigned pairs[4])
{
    vec_op(c, SSE_PUNPCKLDQ, 4, from[0], from[1]);
    vec_op(c, SSE_PUNPCKHDQ, 0, from[0], from[1]);
    vec_op(c, SSE_PUNPCKLDQ, 5, from[2], from[3]);
    vec_op(c, SSE_PUNPCKHDQ, 2, from[2], from[3]);
    pairs[0] = 4;
    pairs[1] = 5;
    pairs[2] = 0;
    pairs[3] = 2;
}

static void load_fours(struct translation_state *t)
{
    static const unsigned loads[4] = {0, 1, 2, 3};
    const struct insn *insn = t->insn;
    unsigned pairs[4];
    for (unsigned i = 0; i < 4; i++) {
        if (i < 2 || insn->q) {
            load_part(t, i, 16 * i, 16);
            sort(t, i, 4, false);
        } else {
            vec_zero(t->c, i);
        }
    }
    if (insn->size == 3) {
        loaded(t, 0, SSE_PUNPCKLQDQ, 0, 2);
        loaded(t, 1, SSE_PUNPCKHQDQ, 0, 2);
        loaded(t, 2, SSE_PUNPCKLQDQ, 1, 3);
        loaded(t, 3, SSE_PUNPCKHQDQ, 1, 3);
        return;
    }
    transpose_words(t->c, loads, pairs);
    vec_move(t->c, 1, 4); /* xmm4 is loaded()'s */
    loaded(t, 0, SSE_PUNPCKLQDQ, 1, pairs[1]);
    loaded(t, 1, SSE_PUNPCKHQDQ, 1, pairs[1]);
    loaded(t, 2, SSE_PUNPCKLQDQ, pairs[2], pairs[3]);
    loaded(t, 3, SSE_PUNPCKHQDQ, pairs[2], pairs[3]);
}

static void store_fours(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    unsigned from[4], pairs[4];
    for (unsigned i = 0; i < 4; i++)
        from[i] = vector_use(t, register_of(insn, i), i);
    if (insn->size == 3) {
        for (unsigned i = 0; i < 4; i++) {
            vec_op(t->c, i < 2 ? SSE_PUNPCKLQDQ : SSE_PUNPCKHQDQ, 4, from[i % 2 * 2], from[i % 2 * 2 + 1]);
            store_part(t, 4, 16 * i, 16);
        }
        return;
    }
    transpose_words(t->c, from, pairs);
    for (unsigned i = 0; i < (insn->q ? 4 : 2); i++) {
        vec_op(t->c, i % 2 ? SSE_PUNPCKHQDQ : SSE_PUNPCKLQDQ, 1, pairs[i / 2 * 2], pairs[i / 2 * 2 + 1]);
        sort(t, 1, 4, true);
        store_part(t, 1, 16 * i, 16);
    }
}

/* Which bytes of part `from` belong into part `to`, where parts are registers and 16 bytes of memory: places of a
 * shuffle. */
static uint64_t places_of_threes(struct translation_state *t, bool write, unsigned from, unsigned to)
{
    const unsigned size = t->insn->size, length = vector_length(t->insn), within = (1u << size) - 1;
    uint8_t places[16];
    uint64_t halves[2];
    memset(places, 0x80, sizeof places);
    for (unsigned reg = 0; reg < 3; reg++) {
        for (unsigned byte = 0; byte < length; byte++) {
            const unsigned in_memory = (((byte >> size) * 3 + reg) << size) + (byte & within);
            if (write && reg == from && in_memory / 16 == to)
                places[in_memory % 16] = (uint8_t)byte;
            if (!write && reg == to && in_memory / 16 == from)
                places[byte] = (uint8_t)(in_memory % 16);
        }
    }
    memcpy(halves, places, sizeof halves);
    return vector_constant(t, halves[0], halves[1]);
}

static void pick(struct translation_state *t, bool write, const unsigned from[3], unsigned parts, unsigned to)
{
    for (unsigned i = 0; i < parts; i++) {
        vec_op_at(t->c, SSE_PSHUFB, i ? 4 : 3, from[i], places_of_threes(t, write, i, to));
        if (i)
            vec_op(t->c, SSE_POR, 3, 3, 4);
    }
}

static void load_threes(struct translation_state *t)
{
    static const unsigned from[3] = {0, 1, 2};
    const struct insn *insn = t->insn;
    const unsigned parts = insn->q ? 3 : 2;
    for (unsigned i = 0; i < parts; i++)
        load_part(t, i, 16 * i, i == 1 && !insn->q ? 8 : 16);
    for (unsigned i = 0; i < 3; i++) {
        pick(t, false, from, parts, i);
        vector_done(t, register_of(insn, i), 3, 16, vector_length(insn));
    }
}

static void store_threes(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    unsigned from[3];
    for (unsigned i = 0; i < 3; i++)
        from[i] = vector_use(t, register_of(insn, i), i);
    for (unsigned i = 0; i < (insn->q ? 3 : 2); i++) {
        pick(t, true, from, 3, i);
        store_part(t, 3, 16 * i, i == 1 && !insn->q ? 8 : 16);
    }
}

static void structures(struct translation_state *t, bool write, unsigned count, bool post)
{
    static void (*const loads[])(struct translation_state *) = {[2] = load_twos, [3] = load_threes, [4] = load_fours};
    static void (*const stores[])(struct translation_state *) = {
        [2] = store_twos, [3] = store_threes, [4] = store_fours};
    const unsigned bytes = count * vector_length(t->insn);
    check_fp(t);
    address_at(t, 0);
    translate_address(t, bytes, write, true);
    (write ? stores : loads)[count](t);
    post_index(t, post, bytes);
}

static void store_lane(struct translation_state *t, unsigned reg, int32_t at)
{
    const unsigned size = t->insn->size, xmm = vector_use(t, reg, 0);
    if (size == 1)
        vec_unary(t->c, SSE_PEXTRW, RCX, xmm);
    else
        vec_unary_w(t->c, size == 3, size ? SSE_PEXTRD : SSE_PEXTRB, xmm, RCX);
    x64_byte(t->c, t->insn->amount);
    x64_store_sized(t->c, size, RCX, RAX, at);
}

static void load_lane(struct translation_state *t, unsigned reg, int32_t at)
{
    static const enum sse_op inserts[4] = {SSE_PINSRB, SSE_PINSRW, SSE_PINSRD, SSE_PINSRD};
    const unsigned size = t->insn->size, old = vector_use(t, reg, 0), d = vector_destination(t, reg, 0);
    x64_load_sized(t->c, size, false, 0, RCX, RAX, at);
    vec_op_general(t->c, size == 3, inserts[size], d, old, RCX);
    x64_byte(t->c, t->insn->amount);
    vector_done(t, reg, d, 16, 16);
}

/* One structure, in the same lane of each register. */
static void one_lane(struct translation_state *t, bool write, unsigned count, bool post)
{
    const struct insn *insn = t->insn;
    check_fp(t);
    address_at(t, 0);
    translate_address(t, count << insn->size, write, true);
    for (unsigned i = 0; i < count; i++)
        (write ? store_lane : load_lane)(t, register_of(insn, i), (int32_t)(i << insn->size));
    post_index(t, post, count << insn->size);
}

/* One structure, in all lanes. */
static void replicate(struct translation_state *t, unsigned count, bool post)
{
    const struct insn *insn = t->insn;
    check_fp(t);
    address_at(t, 0);
    translate_address(t, count << insn->size, false, true);
    for (unsigned i = 0; i < count; i++) {
        const unsigned reg = register_of(insn, i), d = vector_destination(t, reg, 2);
        const int32_t at = (int32_t)(i << insn->size);
        if (insn->size >= 2) {
            vec_unary_load(t->c, insn->size == 3 ? SSE_MOVQ : SSE_MOVD, 0, RAX, at);
        } else {
            x64_load_sized(t->c, insn->size, false, 0, RCX, RAX, at);
            vec_unary(t->c, SSE_MOVD, 0, RCX);
        }
        vector_broadcast(t, insn->size, d, 0, 1);
        vector_done(t, reg, d, vector_length(insn), 16);
    }
    post_index(t, post, count << insn->size);
}

bool translate_structure(struct translation_state *t)
{
    switch (t->insn->op) {
#define REPLICATE(count)                                                                                     \
    case OP_ld##count##r: replicate(t, count, false); return true;                                           \
    case OP_ld##count##r_post: replicate(t, count, true); return true;
        REPLICATE(1)
        REPLICATE(2)
        REPLICATE(3)
        REPLICATE(4)
#undef REPLICATE
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
#define STRUCTURES(count)                                                                                    \
    case OP_ld##count: structures(t, false, count, false); return true;                                      \
    case OP_ld##count##_post: structures(t, false, count, true); return true;                                \
    case OP_st##count: structures(t, true, count, false); return true;                                       \
    case OP_st##count##_post: structures(t, true, count, true); return true;
        STRUCTURES(2)
        STRUCTURES(3)
        STRUCTURES(4)
#undef STRUCTURES
#define LANE(count)                                                                                          \
    case OP_ld##count##_lane: one_lane(t, false, count, false); return true;                                 \
    case OP_ld##count##_lane_post: one_lane(t, false, count, true); return true;                             \
    case OP_st##count##_lane: one_lane(t, true, count, false); return true;                                  \
    case OP_st##count##_lane_post: one_lane(t, true, count, true); return true;
        LANE(1)
        LANE(2)
        LANE(3)
        LANE(4)
#undef LANE
    default: return false;
    }
}
