/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Advanced SIMD copies, immediates, permutations and table look-ups. */
#include "interp/lanes.h"

/* Copies. */

LANES_INLINE uint64_t lane_get(union vreg v, unsigned size, unsigned index)
{
    switch (size) {
    case 0: return v.b[index];
    case 1: return v.h[index];
    case 2: return v.s[index];
    default: return v.d[index];
    }
}

LANES_INLINE void lane_set(union vreg *v, unsigned size, unsigned index, uint64_t value)
{
    switch (size) {
    case 0: v->b[index] = (uint8_t)value; break;
    case 1: v->h[index] = (uint16_t)value; break;
    case 2: v->s[index] = (uint32_t)value; break;
    default: v->d[index] = value; break;
    }
}

EXEC(dup_elem)
{
    cpu_check_fp(cpu, insn);
    cpu->v[insn->rd] =
        lanes_low(lanes_broadcast(cpu->v[insn->rn], insn->size, insn->amount), vector_bytes(insn));
}

EXEC(dup_elem_scalar)
{
    cpu_check_fp(cpu, insn);
    cpu->v[insn->rd] = (union vreg){.d = {lane_get(cpu->v[insn->rn], insn->size, insn->amount), 0}};
}

EXEC(dup_general)
{
    cpu_check_fp(cpu, insn);
    const union vreg value = {.d = {cpu->x[insn->rn], 0}};
    cpu->v[insn->rd] = lanes_low(lanes_broadcast(value, insn->size, 0), vector_bytes(insn));
}

EXEC(ins_general)
{
    cpu_check_fp(cpu, insn);
    lane_set(&cpu->v[insn->rd], insn->size, insn->amount, cpu->x[insn->rn]);
}

EXEC(ins_elem)
{
    cpu_check_fp(cpu, insn);
    lane_set(&cpu->v[insn->rd], insn->size, insn->amount, lane_get(cpu->v[insn->rn], insn->size, insn->opt));
}

EXEC(smov)
{
    cpu_check_fp(cpu, insn);
    const unsigned unused_bits = 64 - (8u << insn->size);
    int64_t value =
        (int64_t)(lane_get(cpu->v[insn->rn], insn->size, insn->amount) << unused_bits) >> unused_bits;
    cpu->x[insn->rd] = insn->sf ? (uint64_t)value : (uint32_t)value;
}

EXEC(umov)
{
    cpu_check_fp(cpu, insn);
    cpu->x[insn->rd] = lane_get(cpu->v[insn->rn], insn->size, insn->amount);
}

/* Modified immediates: insn->imm is 64 bits of the vector. */

LANES_INLINE void set_imm(struct cpu *cpu, const struct insn *insn, uint64_t keep, uint64_t flip)
{
    cpu_check_fp(cpu, insn);
    const union vreg o = cpu->v[insn->rd];
    const union vreg r = {.d = {(o.d[0] & keep) ^ flip, (o.d[1] & keep) ^ flip}};
    cpu->v[insn->rd] = lanes_low(r, vector_bytes(insn));
}

#define MOVI(name)                                                                                           \
    EXEC(movi_##name)                                                                                        \
    {                                                                                                        \
        set_imm(cpu, insn, 0, (uint64_t)insn->imm);                                                          \
    }
#define MVNI(name)                                                                                           \
    EXEC(mvni_##name)                                                                                        \
    {                                                                                                        \
        set_imm(cpu, insn, 0, ~(uint64_t)insn->imm);                                                         \
    }
#define ORR_BIC(name)                                                                                        \
    EXEC(orr_##name)                                                                                         \
    {                                                                                                        \
        set_imm(cpu, insn, ~(uint64_t)insn->imm, (uint64_t)insn->imm);                                       \
    }                                                                                                        \
    EXEC(bic_##name)                                                                                         \
    {                                                                                                        \
        set_imm(cpu, insn, ~(uint64_t)insn->imm, 0);                                                         \
    }
#define SHIFTED_IMM(name) MOVI(name) MVNI(name) ORR_BIC(name)

SHIFTED_IMM(imm32_0)
SHIFTED_IMM(imm32_1)
SHIFTED_IMM(imm32_2)
SHIFTED_IMM(imm32_3)
SHIFTED_IMM(imm16_0)
SHIFTED_IMM(imm16_1)
MOVI(msl1)
MVNI(msl1)
MOVI(msl2)
MVNI(msl2)
MOVI(imm8)
MOVI(imm64)

/* Permutations: lane i of `count` comes from lane k of Rm:Rn. Each is a shuffle by constants. */

#define UZP1(i, count) (2 * (i))
#define UZP2(i, count) (2 * (i) + 1)
#define TRN1(i, count) ((i) % 2 ? (count) + (i)-1 : (i))
#define TRN2(i, count) ((i) % 2 ? (count) + (i) : (i) + 1)
#define ZIP1(i, count) ((i) / 2 + ((i) % 2 ? (count) : 0))
#define ZIP2(i, count) ((i) / 2 + (count) / 2 + ((i) % 2 ? (count) : 0))

/* Where the shuffle finds lane k: 64-bit vectors stand in the lower halves of `full` lanes. */
#define SOURCE(k, count, full) ((k) < (count) ? (k) : ((k) - (count)) % (count) + (full))

#define AT(from, i, count, full)    SOURCE(from(i, count), count, full)
#define AT_2(from, i, count, full)  AT(from, i, count, full), AT(from, i + 1, count, full)
#define AT_4(from, i, count, full)  AT_2(from, i, count, full), AT_2(from, i + 2, count, full)
#define AT_8(from, i, count, full)  AT_4(from, i, count, full), AT_4(from, i + 4, count, full)
#define AT_16(from, i, count, full) AT_8(from, i, count, full), AT_8(from, i + 8, count, full)

#define SHUFFLE(type, lanes, full, from)                                                                     \
    {                                                                                                        \
        typedef type vector __attribute__((vector_size(16)));                                                \
        const vector a = *(const vector *)n.lanes, b = *(const vector *)m.lanes;                             \
        *(vector *)r.lanes = insn->q ? __builtin_shufflevector(a, b, AT_##full(from, 0, full, full))         \
                                     : __builtin_shufflevector(a, b, AT_##full(from, 0, full / 2, full));    \
    }
#define PERMUTE(name, from)                                                                                  \
    EXEC(name)                                                                                               \
    {                                                                                                        \
        cpu_check_fp(cpu, insn);                                                                             \
        const union vreg n = cpu->v[insn->rn], m = cpu->v[insn->rm];                                         \
        union vreg r;                                                                                        \
        switch (insn->size) {                                                                                \
        case 0: SHUFFLE(uint8_t, b, 16, from) break;                                                         \
        case 1: SHUFFLE(uint16_t, h, 8, from) break;                                                         \
        case 2: SHUFFLE(uint32_t, s, 4, from) break;                                                         \
        default: SHUFFLE(uint64_t, d, 2, from) break;                                                        \
        }                                                                                                    \
        lanes_finish(cpu, insn, r, vector_bytes(insn), false);                                               \
    }

PERMUTE(uzp1, UZP1)
PERMUTE(uzp2, UZP2)
PERMUTE(trn1, TRN1)
PERMUTE(trn2, TRN2)
PERMUTE(zip1, ZIP1)
PERMUTE(zip2, ZIP2)

EXEC(ext)
{
    cpu_check_fp(cpu, insn);
    const union vreg n = cpu->v[insn->rn], m = cpu->v[insn->rm];
    const unsigned shift = 8u * insn->amount;
    union vreg r = n;
    if (shift && insn->q)
        r.q = n.q >> shift | m.q << (128 - shift);
    else if (shift)
        r.d[0] = n.d[0] >> shift | m.d[0] << (64 - shift);
    lanes_finish(cpu, insn, r, vector_bytes(insn), false);
}

/* insn->amount registers from Rn on, modulo 32, are the table. */
LANES_INLINE void look_up(struct cpu *cpu, const struct insn *insn, union vreg r)
{
    cpu_check_fp(cpu, insn);
    const union vreg m = cpu->v[insn->rm];
    union vreg table[4];
    for (unsigned i = 0; i < insn->amount; i++)
        table[i] = cpu->v[(insn->rn + i) % 32];
    for (unsigned i = 0; i < 16; i++)
        if (m.b[i] < 16 * insn->amount)
            r.b[i] = table[m.b[i] / 16].b[m.b[i] % 16];
    lanes_finish(cpu, insn, r, vector_bytes(insn), false);
}

EXEC(tbl)
{
    look_up(cpu, insn, (union vreg){.d = {0, 0}});
}

EXEC(tbx)
{
    look_up(cpu, insn, cpu->v[insn->rd]);
}

HANDLERS(simd_permute)
