/* SPDX-License-Identifier: GPL-3.0-or-later */
/* AdvSIMD floating point, vector and scalar: tables/simd_fp.tab. */
#include "interp/fp_lanes.h"
#include "isa/arm64/fp/packed.h"

/* insn->sf is the table's sz. */

INLINE unsigned lanes_of(const struct insn *insn, enum fp_size size)
{
    return (insn->q ? 16u : 8u) >> size;
}

/* Three registers of the same size. Comparisons give masks. */

INLINE uint64_t op_abs_difference(enum fp_size size, uint64_t a, uint64_t b, struct fp_state *fp)
{
    return fp_magnitude(size, fp_fast_sub(size, a, b, fp));
}

INLINE uint64_t op_equal(enum fp_size size, uint64_t a, uint64_t b, struct fp_state *fp)
{
    return fp_all_ones(size, fp_fast_compare(size, a, b, false, fp) == FP_EQUAL);
}

INLINE uint64_t op_greater(enum fp_size size, uint64_t a, uint64_t b, struct fp_state *fp)
{
    return fp_all_ones(size, fp_fast_compare(size, a, b, true, fp) == FP_GREATER);
}

INLINE uint64_t op_greater_equal(enum fp_size size, uint64_t a, uint64_t b, struct fp_state *fp)
{
    enum fp_relation relation = fp_fast_compare(size, a, b, true, fp);
    return fp_all_ones(size, relation == FP_GREATER || relation == FP_EQUAL);
}

INLINE uint64_t op_abs_greater(enum fp_size size, uint64_t a, uint64_t b, struct fp_state *fp)
{
    return op_greater(size, fp_magnitude(size, a), fp_magnitude(size, b), fp);
}

INLINE uint64_t op_abs_greater_equal(enum fp_size size, uint64_t a, uint64_t b, struct fp_state *fp)
{
    return op_greater_equal(size, fp_magnitude(size, a), fp_magnitude(size, b), fp);
}

INLINE void vector_binary(struct cpu *cpu, const struct insn *insn, enum fp_size size,
                          fp_operation_2 *operation)
{
    cpu_check_fp(cpu, insn);
    const union vreg *n = &cpu->v[insn->rn], *m = &cpu->v[insn->rm];
    union vreg result = {0};

    for (unsigned i = 0; i < lanes_of(insn, size); i++)
        set_lane(&result, size, i, operation(size, get_lane(n, size, i), get_lane(m, size, i), &cpu->fp));
    cpu->v[insn->rd] = result;
}

/** Rd = operation of neighbours in Rm:Rn. */
INLINE void vector_pairwise(struct cpu *cpu, const struct insn *insn, enum fp_size size,
                            fp_operation_2 *operation)
{
    cpu_check_fp(cpu, insn);
    unsigned lanes = lanes_of(insn, size);
    union vreg result = {0};

    for (unsigned i = 0; i < lanes; i++) {
        const union vreg *source = &cpu->v[2 * i < lanes ? insn->rn : insn->rm];
        unsigned first = 2 * i % lanes;
        set_lane(&result, size, i,
                 operation(size, get_lane(source, size, first), get_lane(source, size, first + 1), &cpu->fp));
    }
    cpu->v[insn->rd] = result;
}

/** The same for the operations that the host can do on all lanes at once. */
INLINE void vector_arithmetic(struct cpu *cpu, const struct insn *insn, enum fp_size size,
                              enum fp_packed_operation packed, fp_operation_2 *operation)
{
    cpu_check_fp(cpu, insn);
    const union vreg *n = &cpu->v[insn->rn], *m = &cpu->v[insn->rm];

    if (!fp_packed(packed, size, insn->q, fp_packed_load(n), fp_packed_load(m), _mm_setzero_si128(),
                   &cpu->v[insn->rd], &cpu->fp))
        vector_binary(cpu, insn, size, operation);
}

INLINE void vector_muladd(struct cpu *cpu, const struct insn *insn, enum fp_size size, bool negate)
{
    cpu_check_fp(cpu, insn);
    const union vreg *n = &cpu->v[insn->rn], *m = &cpu->v[insn->rm], *d = &cpu->v[insn->rd];
    __m128i factor = fp_packed_load(n);
    union vreg result = {0};

    if (fp_packed(PACKED_MULADD, size, insn->q, negate ? fp_packed_negate(size, factor) : factor,
                  fp_packed_load(m), fp_packed_load(d), &cpu->v[insn->rd], &cpu->fp))
        return;
    for (unsigned i = 0; i < lanes_of(insn, size); i++) {
        uint64_t a = get_lane(n, size, i);
        a = negate ? fp_negate(size, a) : a;
        set_lane(&result, size, i,
                 fp_fast_muladd(size, get_lane(d, size, i), a, get_lane(m, size, i), &cpu->fp));
    }
    cpu->v[insn->rd] = result;
}

INLINE void scalar_binary(struct cpu *cpu, const struct insn *insn, enum fp_size size,
                          fp_operation_2 *operation)
{
    cpu_check_fp(cpu, insn);
    uint64_t a = get_lane(&cpu->v[insn->rn], size, 0), b = get_lane(&cpu->v[insn->rm], size, 0);
    set_scalar(cpu, insn->rd, operation(size, a, b, &cpu->fp));
}

/* Each table line and its half-precision companion: shape(..., argument). */
#define BOTH(name, shape, argument)                                                                          \
    EXEC(name)                                                                                               \
    {                                                                                                        \
        shape(cpu, insn, FP_SINGLE + insn->sf, argument);                                                    \
    }                                                                                                        \
    EXEC(name##_h)                                                                                           \
    {                                                                                                        \
        shape(cpu, insn, FP_HALF, argument);                                                                 \
    }

#define ARITHMETIC(name, packed, operation)                                                                  \
    EXEC(name)                                                                                               \
    {                                                                                                        \
        vector_arithmetic(cpu, insn, FP_SINGLE + insn->sf, packed, operation);                               \
    }                                                                                                        \
    EXEC(name##_h)                                                                                           \
    {                                                                                                        \
        vector_binary(cpu, insn, FP_HALF, operation);                                                        \
    }

BOTH(fmaxnm_v, vector_binary, op_maxnm)
BOTH(fminnm_v, vector_binary, op_minnm)
BOTH(fmaxnmp_v, vector_pairwise, op_maxnm)
BOTH(fminnmp_v, vector_pairwise, op_minnm)
BOTH(fmla_v, vector_muladd, false)
BOTH(fmls_v, vector_muladd, true)
ARITHMETIC(fadd_v, PACKED_ADD, fp_fast_add)
ARITHMETIC(fsub_v, PACKED_SUB, fp_fast_sub)
BOTH(faddp_v, vector_pairwise, fp_fast_add)
BOTH(fabd_v, vector_binary, op_abs_difference)
BOTH(fmulx_v, vector_binary, fp_mulx)
ARITHMETIC(fmul_v, PACKED_MUL, fp_fast_mul)
BOTH(fcmeq_v, vector_binary, op_equal)
BOTH(fcmge_v, vector_binary, op_greater_equal)
BOTH(fcmgt_v, vector_binary, op_greater)
BOTH(facge_v, vector_binary, op_abs_greater_equal)
BOTH(facgt_v, vector_binary, op_abs_greater)
BOTH(fmax_v, vector_binary, op_max)
BOTH(fmin_v, vector_binary, op_min)
BOTH(fmaxp_v, vector_pairwise, op_max)
BOTH(fminp_v, vector_pairwise, op_min)
BOTH(frecps_v, vector_binary, fp_recps)
BOTH(frsqrts_v, vector_binary, fp_rsqrts)
ARITHMETIC(fdiv_v, PACKED_DIV, fp_fast_div)

BOTH(fabd_s, scalar_binary, op_abs_difference)
BOTH(fmulx_s, scalar_binary, fp_mulx)
BOTH(fcmeq_s, scalar_binary, op_equal)
BOTH(fcmge_s, scalar_binary, op_greater_equal)
BOTH(fcmgt_s, scalar_binary, op_greater)
BOTH(facge_s, scalar_binary, op_abs_greater_equal)
BOTH(facgt_s, scalar_binary, op_abs_greater)
BOTH(frecps_s, scalar_binary, fp_recps)
BOTH(frsqrts_s, scalar_binary, fp_rsqrts)

/* Two registers of the same size. Integers are of the element's width. */

#define TO_INTEGER(name, is_unsigned, rounding)                                                              \
    INLINE uint64_t op_##name(enum fp_size size, uint64_t a, struct fp_state *fp)                            \
    {                                                                                                        \
        return fp_fast_to_fixed(size, a, 8u << size, 0, is_unsigned, rounding, fp);                          \
    }

TO_INTEGER(cvtns, false, FP_TIE_EVEN)
TO_INTEGER(cvtnu, true, FP_TIE_EVEN)
TO_INTEGER(cvtps, false, FP_UP)
TO_INTEGER(cvtpu, true, FP_UP)
TO_INTEGER(cvtms, false, FP_DOWN)
TO_INTEGER(cvtmu, true, FP_DOWN)
TO_INTEGER(cvtzs, false, FP_TO_ZERO)
TO_INTEGER(cvtzu, true, FP_TO_ZERO)
TO_INTEGER(cvtas, false, FP_TIE_AWAY)
TO_INTEGER(cvtau, true, FP_TIE_AWAY)

/** An integer lane, widened as its sign asks. */
INLINE uint64_t integer_lane(enum fp_size size, uint64_t a, bool is_unsigned)
{
    if (is_unsigned)
        return a;
    return size == FP_HALF ? (uint64_t)(int16_t)a : size == FP_SINGLE ? (uint64_t)(int32_t)a : a;
}

INLINE uint64_t op_scvtf(enum fp_size size, uint64_t a, struct fp_state *fp)
{
    return fp_fast_from_fixed(size, integer_lane(size, a, false), 0, false, fp_rounding_mode(fp), fp);
}

INLINE uint64_t op_ucvtf(enum fp_size size, uint64_t a, struct fp_state *fp)
{
    return fp_fast_from_fixed(size, a, 0, true, fp_rounding_mode(fp), fp);
}

INLINE uint64_t op_above_zero(enum fp_size size, uint64_t a, struct fp_state *fp)
{
    return op_greater(size, a, 0, fp);
}

INLINE uint64_t op_not_below_zero(enum fp_size size, uint64_t a, struct fp_state *fp)
{
    return op_greater_equal(size, a, 0, fp);
}

INLINE uint64_t op_is_zero(enum fp_size size, uint64_t a, struct fp_state *fp)
{
    return op_equal(size, a, 0, fp);
}

INLINE uint64_t op_not_above_zero(enum fp_size size, uint64_t a, struct fp_state *fp)
{
    return op_greater_equal(size, 0, a, fp);
}

INLINE uint64_t op_below_zero(enum fp_size size, uint64_t a, struct fp_state *fp)
{
    return op_greater(size, 0, a, fp);
}

INLINE void vector_unary(struct cpu *cpu, const struct insn *insn, enum fp_size size,
                         fp_operation_1 *operation)
{
    cpu_check_fp(cpu, insn);
    const union vreg *n = &cpu->v[insn->rn];
    union vreg result = {0};

    for (unsigned i = 0; i < lanes_of(insn, size); i++)
        set_lane(&result, size, i, operation(size, get_lane(n, size, i), &cpu->fp));
    cpu->v[insn->rd] = result;
}

INLINE void scalar_unary(struct cpu *cpu, const struct insn *insn, enum fp_size size,
                         fp_operation_1 *operation)
{
    cpu_check_fp(cpu, insn);
    set_scalar(cpu, insn->rd, operation(size, get_lane(&cpu->v[insn->rn], size, 0), &cpu->fp));
}

#define SINGLE_DOUBLE(name, shape, argument)                                                                 \
    EXEC(name)                                                                                               \
    {                                                                                                        \
        shape(cpu, insn, FP_SINGLE + insn->sf, argument);                                                    \
    }

BOTH(frintn_v, vector_unary, op_rintn)
BOTH(frintp_v, vector_unary, op_rintp)
BOTH(frinta_v, vector_unary, op_rinta)
BOTH(frintm_v, vector_unary, op_rintm)
BOTH(frintz_v, vector_unary, op_rintz)
BOTH(frintx_v, vector_unary, op_rintx)
BOTH(frinti_v, vector_unary, op_rinti)
BOTH(fsqrt_v, vector_unary, fp_fast_sqrt)
BOTH(fabs_v, vector_unary, op_abs)
BOTH(fneg_v, vector_unary, op_neg)
BOTH(fcvtns_v, vector_unary, op_cvtns)
BOTH(fcvtnu_v, vector_unary, op_cvtnu)
BOTH(fcvtps_v, vector_unary, op_cvtps)
BOTH(fcvtpu_v, vector_unary, op_cvtpu)
BOTH(fcvtms_v, vector_unary, op_cvtms)
BOTH(fcvtmu_v, vector_unary, op_cvtmu)
BOTH(fcvtzs_v, vector_unary, op_cvtzs)
BOTH(fcvtzu_v, vector_unary, op_cvtzu)
BOTH(fcvtas_v, vector_unary, op_cvtas)
BOTH(fcvtau_v, vector_unary, op_cvtau)
BOTH(scvtf_v, vector_unary, op_scvtf)
BOTH(ucvtf_v, vector_unary, op_ucvtf)
BOTH(frecpe_v, vector_unary, fp_recpe)
BOTH(frsqrte_v, vector_unary, fp_rsqrte)
BOTH(fcmgt0_v, vector_unary, op_above_zero)
BOTH(fcmge0_v, vector_unary, op_not_below_zero)
BOTH(fcmeq0_v, vector_unary, op_is_zero)
BOTH(fcmle0_v, vector_unary, op_not_above_zero)
BOTH(fcmlt0_v, vector_unary, op_below_zero)
SINGLE_DOUBLE(frint32z_v, vector_unary, op_rint32z)
SINGLE_DOUBLE(frint32x_v, vector_unary, op_rint32x)
SINGLE_DOUBLE(frint64z_v, vector_unary, op_rint64z)
SINGLE_DOUBLE(frint64x_v, vector_unary, op_rint64x)

INLINE uint64_t op_unsigned_recpe(enum fp_size size, uint64_t a, struct fp_state *fp)
{
    return fp_unsigned_recpe((uint32_t)a);
}

INLINE uint64_t op_unsigned_rsqrte(enum fp_size size, uint64_t a, struct fp_state *fp)
{
    return fp_unsigned_rsqrte((uint32_t)a);
}

EXEC(urecpe_v)
{
    vector_unary(cpu, insn, FP_SINGLE, op_unsigned_recpe);
}

EXEC(ursqrte_v)
{
    vector_unary(cpu, insn, FP_SINGLE, op_unsigned_rsqrte);
}

BOTH(fcvtns_s, scalar_unary, op_cvtns)
BOTH(fcvtnu_s, scalar_unary, op_cvtnu)
BOTH(fcvtps_s, scalar_unary, op_cvtps)
BOTH(fcvtpu_s, scalar_unary, op_cvtpu)
BOTH(fcvtms_s, scalar_unary, op_cvtms)
BOTH(fcvtmu_s, scalar_unary, op_cvtmu)
BOTH(fcvtzs_s, scalar_unary, op_cvtzs)
BOTH(fcvtzu_s, scalar_unary, op_cvtzu)
BOTH(fcvtas_s, scalar_unary, op_cvtas)
BOTH(fcvtau_s, scalar_unary, op_cvtau)
BOTH(scvtf_s, scalar_unary, op_scvtf)
BOTH(ucvtf_s, scalar_unary, op_ucvtf)
BOTH(frecpe_s, scalar_unary, fp_recpe)
BOTH(frsqrte_s, scalar_unary, fp_rsqrte)
BOTH(frecpx_s, scalar_unary, fp_recpx)
BOTH(fcmgt0_s, scalar_unary, op_above_zero)
BOTH(fcmge0_s, scalar_unary, op_not_below_zero)
BOTH(fcmeq0_s, scalar_unary, op_is_zero)
BOTH(fcmle0_s, scalar_unary, op_not_above_zero)
BOTH(fcmlt0_s, scalar_unary, op_below_zero)

/* Narrowing fills the lower half of Rd and clears the upper one, or fills the upper one (the "2" forms). */

INLINE void set_half_of(struct cpu *cpu, const struct insn *insn, uint64_t value)
{
    if (insn->q)
        cpu->v[insn->rd].d[1] = value;
    else
        set_scalar(cpu, insn->rd, value);
}

EXEC(fcvtn_v)
{
    cpu_check_fp(cpu, insn);
    enum fp_size narrow = insn->size == FP_HALF ? FP_HALF : FP_SINGLE, wide = narrow + 1;
    union vreg result = {0};

    for (unsigned i = 0; i < 8u >> narrow; i++)
        set_lane(&result, narrow, i,
                 fp_fast_convert(narrow, wide, get_lane(&cpu->v[insn->rn], wide, i),
                                 fp_rounding_mode(&cpu->fp), &cpu->fp));
    set_half_of(cpu, insn, result.d[0]);
}

EXEC(fcvtxn_v)
{
    cpu_check_fp(cpu, insn);
    const union vreg *n = &cpu->v[insn->rn];
    uint64_t low = fp_convert(FP_SINGLE, FP_DOUBLE, n->d[0], FP_TO_ODD, &cpu->fp);
    uint64_t high = fp_convert(FP_SINGLE, FP_DOUBLE, n->d[1], FP_TO_ODD, &cpu->fp);

    set_half_of(cpu, insn, high << 32 | low);
}

EXEC(bfcvtn_v)
{
    cpu_check_fp(cpu, insn);
    union vreg result = {0};

    for (unsigned i = 0; i < 4; i++)
        result.h[i] = fp_convert_bf16(cpu->v[insn->rn].s[i], &cpu->fp);
    set_half_of(cpu, insn, result.d[0]);
}

EXEC(fcvtl_v)
{
    cpu_check_fp(cpu, insn);
    enum fp_size narrow = insn->size == FP_HALF ? FP_HALF : FP_SINGLE, wide = narrow + 1;
    unsigned lanes = 8u >> narrow, first = insn->q ? lanes : 0;
    union vreg result = {0};

    for (unsigned i = 0; i < lanes; i++)
        set_lane(&result, wide, i,
                 fp_fast_convert(wide, narrow, get_lane(&cpu->v[insn->rn], narrow, first + i),
                                 fp_rounding_mode(&cpu->fp), &cpu->fp));
    cpu->v[insn->rd] = result;
}

EXEC(fcvtxn_s)
{
    cpu_check_fp(cpu, insn);
    set_scalar(cpu, insn->rd, fp_convert(FP_SINGLE, FP_DOUBLE, cpu->v[insn->rn].d[0], FP_TO_ODD, &cpu->fp));
}

/* Pairs and whole vectors to a scalar. The order of evaluation is that of Reduce(): halves, each reduced
 * first. */

INLINE void scalar_pairwise(struct cpu *cpu, const struct insn *insn, enum fp_size size,
                            fp_operation_2 *operation)
{
    cpu_check_fp(cpu, insn);
    const union vreg *n = &cpu->v[insn->rn];
    set_scalar(cpu, insn->rd, operation(size, get_lane(n, size, 0), get_lane(n, size, 1), &cpu->fp));
}

INLINE void across(struct cpu *cpu, const struct insn *insn, enum fp_size size, fp_operation_2 *operation)
{
    cpu_check_fp(cpu, insn);
    union vreg v = cpu->v[insn->rn];

    for (unsigned lanes = lanes_of(insn, size); lanes > 1; lanes /= 2)
        for (unsigned i = 0; i < lanes / 2; i++)
            set_lane(&v, size, i,
                     operation(size, get_lane(&v, size, 2 * i), get_lane(&v, size, 2 * i + 1), &cpu->fp));
    set_scalar(cpu, insn->rd, get_lane(&v, size, 0));
}

BOTH(fmaxnmp_s, scalar_pairwise, op_maxnm)
BOTH(faddp_s, scalar_pairwise, fp_fast_add)
BOTH(fmaxp_s, scalar_pairwise, op_max)
BOTH(fminnmp_s, scalar_pairwise, op_minnm)
BOTH(fminp_s, scalar_pairwise, op_min)
BOTH(fmaxnmv, across, op_maxnm)
BOTH(fmaxv, across, op_max)
BOTH(fminnmv, across, op_minnm)
BOTH(fminv, across, op_min)

HANDLERS(simd_fp)
