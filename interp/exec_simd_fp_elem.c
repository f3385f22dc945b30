/* SPDX-License-Identifier: GPL-3.0-or-later */
/* AdvSIMD floating point by element, widening products, complex numbers, BFloat16, fixed point, immediates:
 * tables/simd_fp_elem.tab. */
#include "interp/fp_lanes.h"
#include "isa/arm64/fp/packed.h"

/* insn->sf is the table's sz, insn->amount the index of the element or the number of fraction bits. */

INLINE unsigned lanes_of(const struct insn *insn, enum fp_size size)
{
    return (insn->q ? 16u : 8u) >> size;
}

INLINE void element_binary(struct cpu *cpu, const struct insn *insn, enum fp_size size,
                           fp_operation_2 *operation)
{
    cpu_check_fp(cpu, insn);
    const union vreg *n = &cpu->v[insn->rn];
    uint64_t element = get_lane(&cpu->v[insn->rm], size, insn->amount);
    union vreg result = {0};

    for (unsigned i = 0; i < lanes_of(insn, size); i++)
        set_lane(&result, size, i, operation(size, get_lane(n, size, i), element, &cpu->fp));
    cpu->v[insn->rd] = result;
}

INLINE void element_muladd(struct cpu *cpu, const struct insn *insn, enum fp_size size, bool negate)
{
    cpu_check_fp(cpu, insn);
    const union vreg *n = &cpu->v[insn->rn], *d = &cpu->v[insn->rd];
    uint64_t element = get_lane(&cpu->v[insn->rm], size, insn->amount);
    __m128i factor = fp_packed_load(n);
    union vreg result = {0};

    if (fp_packed(PACKED_MULADD, size, insn->q, negate ? fp_packed_negate(size, factor) : factor,
                  fp_packed_splat(size, element), fp_packed_load(d), &cpu->v[insn->rd], &cpu->fp))
        return;
    for (unsigned i = 0; i < lanes_of(insn, size); i++) {
        uint64_t a = get_lane(n, size, i);
        a = negate ? fp_negate(size, a) : a;
        set_lane(&result, size, i, fp_fast_muladd(size, get_lane(d, size, i), a, element, &cpu->fp));
    }
    cpu->v[insn->rd] = result;
}

INLINE void scalar_element_binary(struct cpu *cpu, const struct insn *insn, enum fp_size size,
                                  fp_operation_2 *operation)
{
    cpu_check_fp(cpu, insn);
    uint64_t element = get_lane(&cpu->v[insn->rm], size, insn->amount);
    set_scalar(cpu, insn->rd, operation(size, get_lane(&cpu->v[insn->rn], size, 0), element, &cpu->fp));
}

INLINE void scalar_element_muladd(struct cpu *cpu, const struct insn *insn, enum fp_size size, bool negate)
{
    cpu_check_fp(cpu, insn);
    uint64_t element = get_lane(&cpu->v[insn->rm], size, insn->amount);
    uint64_t a = get_lane(&cpu->v[insn->rn], size, 0), addend = get_lane(&cpu->v[insn->rd], size, 0);

    a = negate ? fp_negate(size, a) : a;
    set_scalar(cpu, insn->rd, fp_fast_muladd(size, addend, a, element, &cpu->fp));
}

/* A table line and its half-precision companion: shape(..., argument). */
#define BOTH(name, shape, argument)                                                                          \
    EXEC(name)                                                                                               \
    {                                                                                                        \
        shape(cpu, insn, FP_SINGLE + insn->sf, argument);                                                    \
    }                                                                                                        \
    EXEC(name##_h)                                                                                           \
    {                                                                                                        \
        shape(cpu, insn, FP_HALF, argument);                                                                 \
    }

BOTH(fmla_ve, element_muladd, false)
BOTH(fmla_se, scalar_element_muladd, false)
BOTH(fmls_ve, element_muladd, true)
BOTH(fmls_se, scalar_element_muladd, true)
EXEC(fmul_ve)
{
    cpu_check_fp(cpu, insn);
    enum fp_size size = FP_SINGLE + insn->sf;
    __m128i elements = fp_packed_splat(size, get_lane(&cpu->v[insn->rm], size, insn->amount));

    if (!fp_packed(PACKED_MUL, size, insn->q, fp_packed_load(&cpu->v[insn->rn]), elements,
                   _mm_setzero_si128(), &cpu->v[insn->rd], &cpu->fp))
        element_binary(cpu, insn, size, fp_fast_mul);
}

EXEC(fmul_ve_h)
{
    element_binary(cpu, insn, FP_HALF, fp_fast_mul);
}

BOTH(fmul_se, scalar_element_binary, fp_fast_mul)
BOTH(fmulx_ve, element_binary, fp_mulx)
BOTH(fmulx_se, scalar_element_binary, fp_mulx)

/* FEAT_FHM. The second source is a vector, or one element where `by_element`. */

INLINE void widening_muladd(struct cpu *cpu, const struct insn *insn, bool negate, bool upper,
                            bool by_element)
{
    cpu_check_fp(cpu, insn);
    const union vreg *n = &cpu->v[insn->rn], *m = &cpu->v[insn->rm], *d = &cpu->v[insn->rd];
    unsigned lanes = lanes_of(insn, FP_SINGLE), first = upper ? lanes : 0;
    union vreg result = {0};

    for (unsigned i = 0; i < lanes; i++) {
        uint64_t a = n->h[first + i], b = m->h[by_element ? insn->amount : first + i];
        a = negate ? fp_negate(FP_HALF, a) : a;
        result.s[i] = (uint32_t)fp_muladd_half(d->s[i], a, b, &cpu->fp);
    }
    cpu->v[insn->rd] = result;
}

#define WIDENING_MULADD(name, negate, upper)                                                                 \
    EXEC(name##_v)                                                                                           \
    {                                                                                                        \
        widening_muladd(cpu, insn, negate, upper, false);                                                    \
    }                                                                                                        \
    EXEC(name##_ve)                                                                                          \
    {                                                                                                        \
        widening_muladd(cpu, insn, negate, upper, true);                                                     \
    }

WIDENING_MULADD(fmlal, false, false)
WIDENING_MULADD(fmlsl, true, false)
WIDENING_MULADD(fmlal2, false, true)
WIDENING_MULADD(fmlsl2, true, true)

/* FEAT_FCMA: pairs of lanes are real and imaginary parts; insn->opt quarter turns. */

/** Rd + the part of Rn * Rm that a rotation contributes; `m_pair` of Rm for every pair, or its own where -1.
 */
INLINE void complex_muladd(struct cpu *cpu, const struct insn *insn, enum fp_size size, int m_pair)
{
    cpu_check_fp(cpu, insn);
    const union vreg *n = &cpu->v[insn->rn], *m = &cpu->v[insn->rm], *d = &cpu->v[insn->rd];
    bool swap = insn->opt & 1; /* the imaginary part of Rn multiplies */
    bool negate_real = insn->opt == 1 || insn->opt == 2, negate_imaginary = insn->opt >= 2;
    union vreg result = {0};

    for (unsigned pair = 0; pair < lanes_of(insn, size) / 2; pair++) {
        unsigned of_m = m_pair < 0 ? 2 * pair : 2 * (unsigned)m_pair;
        uint64_t a = get_lane(n, size, 2 * pair + swap);
        uint64_t real = get_lane(m, size, of_m + swap), imaginary = get_lane(m, size, of_m + !swap);
        real = negate_real ? fp_negate(size, real) : real;
        imaginary = negate_imaginary ? fp_negate(size, imaginary) : imaginary;
        set_lane(&result, size, 2 * pair,
                 fp_fast_muladd(size, get_lane(d, size, 2 * pair), a, real, &cpu->fp));
        set_lane(&result, size, 2 * pair + 1,
                 fp_fast_muladd(size, get_lane(d, size, 2 * pair + 1), a, imaginary, &cpu->fp));
    }
    cpu->v[insn->rd] = result;
}

EXEC(fcmla_v)
{
    complex_muladd(cpu, insn, insn->size, -1);
}

EXEC(fcadd_v)
{
    cpu_check_fp(cpu, insn);
    const union vreg *n = &cpu->v[insn->rn], *m = &cpu->v[insn->rm];
    enum fp_size size = insn->size;
    union vreg result = {0};

    for (unsigned i = 0; i < lanes_of(insn, size); i += 2) {
        /* Rm times i (90 degrees) or -i (270). */
        uint64_t real = get_lane(m, size, i + 1), imaginary = get_lane(m, size, i);
        if (insn->opt == 1)
            real = fp_negate(size, real);
        else
            imaginary = fp_negate(size, imaginary);
        set_lane(&result, size, i, fp_fast_add(size, get_lane(n, size, i), real, &cpu->fp));
        set_lane(&result, size, i + 1, fp_fast_add(size, get_lane(n, size, i + 1), imaginary, &cpu->fp));
    }
    cpu->v[insn->rd] = result;
}

EXEC(fcmla_ve_h)
{
    complex_muladd(cpu, insn, FP_HALF, insn->amount);
}

EXEC(fcmla_ve_s)
{
    complex_muladd(cpu, insn, FP_SINGLE, insn->amount);
}

/* FEAT_BF16. */

EXEC(bfdot_v)
{
    cpu_check_fp(cpu, insn);
    const union vreg *n = &cpu->v[insn->rn], *m = &cpu->v[insn->rm], *d = &cpu->v[insn->rd];
    union vreg result = {0};

    for (unsigned i = 0; i < lanes_of(insn, FP_SINGLE); i++)
        result.s[i] = fp_bfdot(d->s[i], n->s[i], m->s[i]);
    cpu->v[insn->rd] = result;
}

EXEC(bfdot_ve)
{
    cpu_check_fp(cpu, insn);
    const union vreg *n = &cpu->v[insn->rn], *d = &cpu->v[insn->rd];
    uint32_t element = cpu->v[insn->rm].s[insn->amount];
    union vreg result = {0};

    for (unsigned i = 0; i < lanes_of(insn, FP_SINGLE); i++)
        result.s[i] = fp_bfdot(d->s[i], n->s[i], element);
    cpu->v[insn->rd] = result;
}

/** 2x2 matrices: Rd + Rn (rows of four) * Rm transposed. */
EXEC(bfmmla)
{
    cpu_check_fp(cpu, insn);
    const union vreg *n = &cpu->v[insn->rn], *m = &cpu->v[insn->rm], *d = &cpu->v[insn->rd];
    union vreg result;

    for (unsigned i = 0; i < 2; i++) {
        for (unsigned j = 0; j < 2; j++) {
            uint32_t sum = fp_bfdot(d->s[2 * i + j], n->s[2 * i], m->s[2 * j]);
            result.s[2 * i + j] = fp_bfdot(sum, n->s[2 * i + 1], m->s[2 * j + 1]);
        }
    }
    cpu->v[insn->rd] = result;
}

/** The odd (insn->q: BFMLALT) or even BFloat16 lanes of Rn, widened, times those of Rm or one element. */
INLINE void bf16_muladd(struct cpu *cpu, const struct insn *insn, bool by_element)
{
    cpu_check_fp(cpu, insn);
    const union vreg *n = &cpu->v[insn->rn], *m = &cpu->v[insn->rm], *d = &cpu->v[insn->rd];
    union vreg result;

    for (unsigned i = 0; i < 4; i++) {
        unsigned lane = 2 * i + insn->q;
        uint32_t a = (uint32_t)n->h[lane] << 16, b = (uint32_t)m->h[by_element ? insn->amount : lane] << 16;
        result.s[i] = (uint32_t)fp_fast_muladd(FP_SINGLE, d->s[i], a, b, &cpu->fp);
    }
    cpu->v[insn->rd] = result;
}

EXEC(bfmlal_v)
{
    bf16_muladd(cpu, insn, false);
}

EXEC(bfmlal_ve)
{
    bf16_muladd(cpu, insn, true);
}

/* Fixed point. */

INLINE void from_fixed(struct cpu *cpu, const struct insn *insn, enum fp_size size, bool is_unsigned,
                       unsigned lanes)
{
    cpu_check_fp(cpu, insn);
    const union vreg *n = &cpu->v[insn->rn];
    union vreg result = {0};

    for (unsigned i = 0; i < lanes; i++) {
        uint64_t value = get_lane(n, size, i);
        if (!is_unsigned)
            value = (uint64_t)((int64_t)(value << (64 - (8u << size))) >> (64 - (8u << size)));
        set_lane(
            &result, size, i,
            fp_fast_from_fixed(size, value, insn->amount, is_unsigned, fp_rounding_mode(&cpu->fp), &cpu->fp));
    }
    cpu->v[insn->rd] = result;
}

INLINE void to_fixed(struct cpu *cpu, const struct insn *insn, enum fp_size size, bool is_unsigned,
                     unsigned lanes)
{
    cpu_check_fp(cpu, insn);
    const union vreg *n = &cpu->v[insn->rn];
    union vreg result = {0};

    for (unsigned i = 0; i < lanes; i++)
        set_lane(&result, size, i,
                 fp_fast_to_fixed(size, get_lane(n, size, i), 8u << size, insn->amount, is_unsigned,
                                  FP_TO_ZERO, &cpu->fp));
    cpu->v[insn->rd] = result;
}

#define FIXED(name, shape, is_unsigned, suffix, size)                                                        \
    EXEC(name##_vfix_##suffix)                                                                               \
    {                                                                                                        \
        shape(cpu, insn, size, is_unsigned, lanes_of(insn, size));                                           \
    }                                                                                                        \
    EXEC(name##_sfix_##suffix)                                                                               \
    {                                                                                                        \
        shape(cpu, insn, size, is_unsigned, 1);                                                              \
    }

FIXED(scvtf, from_fixed, false, h, FP_HALF)
FIXED(scvtf, from_fixed, false, s, FP_SINGLE)
FIXED(scvtf, from_fixed, false, d, FP_DOUBLE)
FIXED(ucvtf, from_fixed, true, h, FP_HALF)
FIXED(ucvtf, from_fixed, true, s, FP_SINGLE)
FIXED(ucvtf, from_fixed, true, d, FP_DOUBLE)
FIXED(fcvtzs, to_fixed, false, h, FP_HALF)
FIXED(fcvtzs, to_fixed, false, s, FP_SINGLE)
FIXED(fcvtzs, to_fixed, false, d, FP_DOUBLE)
FIXED(fcvtzu, to_fixed, true, h, FP_HALF)
FIXED(fcvtzu, to_fixed, true, s, FP_SINGLE)
FIXED(fcvtzu, to_fixed, true, d, FP_DOUBLE)

EXEC(fmov_vimm_s)
{
    cpu_check_fp(cpu, insn);
    union vreg result = {.d = {(uint64_t)insn->imm, insn->q ? (uint64_t)insn->imm : 0}};
    cpu->v[insn->rd] = result;
}

EXEC(fmov_vimm_h)
{
    exec_fmov_vimm_s(cpu, insn);
}

EXEC(fmov_vimm_d)
{
    exec_fmov_vimm_s(cpu, insn);
}

HANDLERS(simd_fp_elem)
