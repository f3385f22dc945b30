/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Guest vector registers in host registers, constants beside the code, and the checks of FP results. */
#include "jit/assign.h"
#include "jit/translate_vector.h"

static int32_t vector_offset(unsigned reg)
{
    return (int32_t)(offsetof(struct cpu, v) + 16 * reg) - CPU_BIAS;
}

/* --- units ------------------------------------------------------------------------------------------- */

/* Registers behind the first one that structure accesses and table look-ups take too. */
static unsigned registers_more(const struct insn *insn, bool *of_rd)
{
    *of_rd = true;
    switch (insn->op) {
    case OP_tbl:
    case OP_tbx: *of_rd = false; return insn->amount - 1u;
#define STRUCTURE(name, more)                                                                                \
    case OP_##name:                                                                                          \
    case OP_##name##_post: return more;
        STRUCTURE(ld2_lane, 1)
        STRUCTURE(st2_lane, 1)
        STRUCTURE(ld3_lane, 2)
        STRUCTURE(st3_lane, 2)
        STRUCTURE(ld4_lane, 3)
        STRUCTURE(st4_lane, 3)
        STRUCTURE(ld2r, 1)
        STRUCTURE(ld3r, 2)
        STRUCTURE(ld4r, 3)
        STRUCTURE(ld1x2, 1)
        STRUCTURE(st1x2, 1)
        STRUCTURE(ld2, 1)
        STRUCTURE(st2, 1)
        STRUCTURE(ld1x3, 2)
        STRUCTURE(st1x3, 2)
        STRUCTURE(ld3, 2)
        STRUCTURE(st3, 2)
        STRUCTURE(ld1x4, 3)
        STRUCTURE(st1x4, 3)
        STRUCTURE(ld4, 3)
        STRUCTURE(st4, 3)
#undef STRUCTURE
    default: return 0;
    }
}

/* Adds how often each is used. Returns the ones that are written. */
static uint32_t count_uses(uint64_t uses[32], const struct ir_block *block)
{
    uint32_t written = 0;
    for (unsigned i = 0; i < block->count; i++) {
        const struct insn *insn = &block->ops[i].insn;
        const unsigned vectors = insn_infos[insn->op].vectors;
        const unsigned all = (vectors | vectors >> 4) & 15;
        if (!all)
            continue;
        const uint8_t regs[4] = {insn->rd, insn->rn, insn->rm, insn->ra};
        const uint64_t weight = block->heat + 1ull;
        for (unsigned operand = 0; operand < 4; operand++) {
            uses[regs[operand] % 32] += all >> operand & 1 ? weight : 0;
            written |= (uint32_t)(vectors >> (4 + operand) & 1) << regs[operand] % 32;
        }
        bool of_rd;
        for (unsigned more = registers_more(insn, &of_rd); more; more--) {
            const unsigned reg = ((of_rd ? insn->rd : insn->rn) + more) % 32;
            uses[reg] += weight;
            written |= (uint32_t)of_rd << reg;
        }
    }
    return written;
}

void vectors_assign(struct translation_state *t)
{
    const struct ir *ir = t->ir;
    uint64_t uses[32] = {0};
    uint32_t written = 0, left = 0;
    for (unsigned i = 0; i < ir->block_count; i++)
        written |= count_uses(uses, &ir->blocks[i]);
    /* A load and a store at each entry and way out, against one of them at each use. */
    const uint64_t worth = ir->is_region ? 2 * assign_crossings(ir) : ir->blocks[0].heat + 1ull;
    for (unsigned reg = 0; reg < 32; reg++) {
        t->vector_of[reg] = -1;
        left |= (uint32_t)(uses[reg] > worth) << reg;
    }
    const unsigned last = t->c->avx ? VEC_SCRATCH : VEC_SCRATCH + 1;
    t->vectors_to_write = 0;
    for (unsigned host = 15; left && host >= last; host--) {
        unsigned best = (unsigned)__builtin_ctz(left);
        for (unsigned reg = best; reg < 32; reg++)
            if (left >> reg & 1 && uses[reg] > uses[best])
                best = reg;
        t->vector_of[best] = (int8_t)host;
        t->vectors_to_write |= written & 1u << best;
        left &= ~(1u << best);
    }
}

void vectors_move(struct translation_state *t, uint32_t mask, bool store)
{
    for (; mask; mask &= mask - 1) {
        const unsigned reg = (unsigned)__builtin_ctz(mask);
        vec_unary_load(t->c, store ? SSE_MOVAPS_STORE : SSE_MOVAPS, (unsigned)t->vector_of[reg], HOST_CPU,
                       vector_offset(reg));
    }
}

static uint32_t all_assigned(const struct translation_state *t)
{
    uint32_t all = 0;
    for (unsigned reg = 0; reg < 32; reg++)
        all |= (uint32_t)(t->vector_of[reg] >= 0) << reg;
    return all;
}

void vectors_begin(struct translation_state *t)
{
    memset(t->vector_bytes, 16, sizeof t->vector_bytes);
    t->vector_valid = t->ir->is_region ? all_assigned(t) : 0;
    t->vector_written = 0;
}

void vectors_load(struct translation_state *t)
{
    if (!t->ir->is_region)
        return;
    vectors_move(t, all_assigned(t), false);
    memset(t->vector_bytes, 16, sizeof t->vector_bytes);
}

void vectors_store(struct translation_state *t)
{
    vectors_move(t, t->ir->is_region ? t->vectors_to_write : t->vector_written, true);
    t->vector_written = 0;
}

void vectors_lost(struct translation_state *t)
{
    memset(t->vector_bytes, 16, sizeof t->vector_bytes);
    if (!t->ir->is_region)
        t->vector_valid = 0;
}

/* --- operands and results ---------------------------------------------------------------------------- */

/* The host register of v<reg>, with its value in it; -1 where it has none. */
static int own_register(struct translation_state *t, unsigned reg)
{
    const uint32_t bit = 1u << reg;
    if (t->vector_of[reg] >= 0 && !(t->vector_valid & bit)) {
        vectors_move(t, bit, false);
        t->vector_valid |= bit;
    }
    return t->vector_of[reg];
}

static enum sse_op load_of(unsigned bytes)
{
    return bytes == 16 ? SSE_MOVAPS : bytes == 8 ? SSE_MOVQ : SSE_MOVD;
}

/* Only what was written is read: a load that is wider than the store before it would wait for memory. */
unsigned vector_use_low(struct translation_state *t, unsigned reg, unsigned temp, unsigned bytes)
{
    const int own = own_register(t, reg);
    if (own >= 0)
        return (unsigned)own;
    vec_unary_load(t->c, load_of(bytes), temp, HOST_CPU, vector_offset(reg));
    return temp;
}

unsigned vector_use(struct translation_state *t, unsigned reg, unsigned temp)
{
    return vector_use_low(t, reg, temp, 16);
}

/* to = the lowest `bytes` of from, and zeroes. */
static void clear_above(struct x64 *c, unsigned to, unsigned from, unsigned bytes)
{
    if (bytes == 8)
        vec_unary(c, SSE_MOVQ, to, from);
    else if (bytes == 4)
        vec_op_imm(c, SSE_INSERTPS, to, from, from, 0x0e);
    else
        vec_move(c, to, from);
}

unsigned vector_use_clear(struct translation_state *t, unsigned reg, unsigned temp, unsigned bytes)
{
    const unsigned xmm = vector_use_low(t, reg, temp, bytes);
    if (xmm == temp || t->vector_bytes[reg] <= bytes)
        return xmm;
    clear_above(t->c, temp, xmm, bytes);
    return temp;
}

unsigned vector_bytes_of(const struct translation_state *t, unsigned reg, unsigned bytes)
{
    const unsigned known = t->vector_bytes[reg];
    return t->vector_of[reg] >= 0 || known < bytes ? known : bytes;
}

unsigned vector_destination(const struct translation_state *t, unsigned reg, unsigned temp)
{
    return t->vector_of[reg] >= 0 ? (unsigned)t->vector_of[reg] : temp;
}

unsigned vector_apart(const struct translation_state *t, unsigned reg, unsigned temp, uint32_t operands)
{
    return operands >> reg & 1 ? temp : vector_destination(t, reg, temp);
}

const struct insn *vector_neighbour(const struct translation_state *t, int distance)
{
    const struct ir_op *op = (const struct ir_op *)((const uint8_t *)t->insn - offsetof(struct ir_op, insn)) + distance;
    return op >= t->here->ops && op < t->here->ops + t->here->count ? &op->insn : NULL;
}

void vector_done(struct translation_state *t, unsigned reg, unsigned xmm, unsigned bytes, unsigned set)
{
    const bool clears = set > bytes;
    const unsigned to = vector_destination(t, reg, clears ? 5 : xmm); /* xmm may be an operand's own register */
    clear_above(t->c, to, xmm, clears ? bytes : 16);
    t->vector_bytes[reg] = (uint8_t)(set < bytes ? set : bytes);
    if (t->vector_of[reg] >= 0) {
        t->vector_valid |= 1u << reg;
        t->vector_written |= 1u << reg;
    } else {
        vec_unary_load(t->c, SSE_MOVAPS_STORE, to, HOST_CPU, vector_offset(reg));
    }
}

/* --- constants --------------------------------------------------------------------------------------- */

uint64_t vector_constant(struct translation_state *t, uint64_t low, uint64_t high)
{
    for (unsigned i = 0; i < t->constant_count; i++)
        if (t->constants[i].low == low && t->constants[i].high == high)
            return t->constants[i].at;
    while (x64_here(t->cold) % 16 && !t->cold->full)
        x64_byte(t->cold, 0xcc);
    const uint64_t at = x64_here(t->cold);
    for (unsigned i = 0; i < 16; i++)
        x64_byte(t->cold, (i < 8 ? low >> 8 * i : high >> 8 * (i - 8)) & 0xff);
    if (t->constant_count < MAX_VECTOR_CONSTANTS)
        t->constants[t->constant_count++] = (struct vector_constant){low, high, at};
    return at;
}

void vector_load_constant(struct translation_state *t, unsigned xmm, uint64_t low, uint64_t high)
{
    if (!low && !high)
        vec_zero(t->c, xmm);
    else if (!(low + 1) && !(high + 1))
        vec_ones(t->c, xmm);
    else
        vec_unary_at(t->c, SSE_MOVAPS, xmm, vector_constant(t, low, high));
}

void vector_broadcast(struct translation_state *t, unsigned size, unsigned d, unsigned xmm, unsigned temp)
{
    static const enum sse_op broadcasts[4] = {SSE_PBROADCASTB, SSE_PBROADCASTW, SSE_PBROADCASTD, SSE_PBROADCASTQ};
    struct x64 *c = t->c;
    if (c->avx) {
        vec_unary(c, broadcasts[size], d, xmm);
        return;
    }
    switch (size) {
    case 0:
        vec_zero(c, temp);
        vec_op(c, SSE_PSHUFB, d, xmm, temp);
        break;
    case 1:
        vec_unary_imm(c, SSE_PSHUFLW, d, xmm, 0);
        vec_unary_imm(c, SSE_PSHUFD, d, d, 0);
        break;
    case 2: vec_unary_imm(c, SSE_PSHUFD, d, xmm, 0); break;
    default: vec_op(c, SSE_PUNPCKLQDQ, d, xmm, xmm); break;
    }
}

/* --- checks ------------------------------------------------------------------------------------------ */

static bool is_scalar(enum sse_form form)
{
    return form >= SSE_SS;
}

static bool is_wide(enum sse_form form)
{
    return form == SSE_PD || form == SSE_SD;
}

uint64_t lane_constant(struct translation_state *t, enum sse_form form, uint64_t value)
{
    if (!is_wide(form) && !is_scalar(form))
        value |= value << 32;
    return vector_constant(t, value, is_scalar(form) ? 0 : value);
}

uint64_t magnitude_mask(struct translation_state *t, enum sse_form form)
{
    return lane_constant(t, form, is_wide(form) ? INT64_MAX : INT32_MAX);
}

uint64_t sign_mask(struct translation_state *t, enum sse_form form)
{
    return lane_constant(t, form, is_wide(form) ? 1ull << 63 : 1u << 31);
}

void slow_if_any_sign(struct translation_state *t, enum sse_form form, unsigned xmm)
{
    struct x64 *c = t->c;
    if (c->avx) {
        vec_unary(c, is_wide(form) ? SSE_TESTPD : SSE_TESTPS, xmm, xmm);
    } else {
        vec_unary(c, is_wide(form) ? SSE_MOVMSKPD : SSE_MOVMSKPS, RAX, xmm);
        x64_test(c, 0, RAX, RAX);
    }
    slow_if(t, CC_NE);
    t->flags = FLAGS_UNKNOWN;
}

void slow_if_from(struct translation_state *t, enum sse_form form, unsigned xmm, unsigned power)
{
    const uint64_t below = (is_wide(form) ? (1023ull + power) << 52 : (127ull + power) << 23) - 1;
    vec_op_at(t->c, SSE_PAND, 5, xmm, magnitude_mask(t, form));
    vec_op_at(t->c, is_wide(form) ? SSE_PCMPGTQ : SSE_PCMPGTD, 5, 5, lane_constant(t, form, below));
    slow_if_any_sign(t, is_wide(form) ? SSE_PD : SSE_PS, 5);
}

void slow_if_nan(struct translation_state *t, enum sse_form form, unsigned xmm)
{
    if (is_scalar(form)) {
        vec_unary(t->c, sse_fp(SSE_UCOMIS, is_wide(form) ? SSE_PD : SSE_PS), xmm, xmm);
        slow_if(t, CC_P);
        t->flags = FLAGS_UNKNOWN;
    } else {
        vec_op_imm(t->c, sse_fp(SSE_CMP, form), 5, xmm, xmm, 3); /* unordered */
        slow_if_any_sign(t, form, 5);
    }
}

/* Comparisons that are quiet, and for a scalar true of NaNs too. */
void slow_if_nan_or_least(struct translation_state *t, enum sse_form form, unsigned xmm)
{
    struct x64 *c = t->c;
    const uint64_t least = lane_constant(t, form, is_wide(form) ? 1ull << 52 : 1u << 23);
    const uint64_t mask = magnitude_mask(t, form);
    const enum { EQUAL_OR_UNORDERED = 8 } predicate = EQUAL_OR_UNORDERED;
    vec_op_at(c, SSE_ANDPS, 5, xmm, mask);
    if (is_scalar(form)) {
        vec_unary_at(c, sse_fp(SSE_UCOMIS, is_wide(form) ? SSE_PD : SSE_PS), 5, least);
        slow_if(t, CC_E);
        t->flags = FLAGS_UNKNOWN;
        return;
    }
    if (c->avx) {
        vec_op_imm_at(c, sse_fp(SSE_CMP, form), 5, 5, least, predicate);
    } else {
        vec_move(c, 4, 5);
        vec_op_imm_at(c, sse_fp(SSE_CMP, form), 5, 5, least, 0);
        vec_op_imm(c, sse_fp(SSE_CMP, form), 4, 4, 4, 3);
        vec_op(c, SSE_POR, 5, 5, 4);
    }
    slow_if_any_sign(t, form, 5);
}
