/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scalar floating point: tables/fp.tab. */
#include "interp/conditions.h"
#include "interp/fp_lanes.h"

/* insn->sf is the table's sz, except for conversions to and from integers, where insn->q is. */

INLINE void unary(struct cpu *cpu, const struct insn *insn, enum fp_size size, fp_operation_1 *operation)
{
    cpu_check_fp(cpu, insn);
    set_scalar(cpu, insn->rd, operation(size, get_lane(&cpu->v[insn->rn], size, 0), &cpu->fp));
}

INLINE void binary(struct cpu *cpu, const struct insn *insn, enum fp_size size, fp_operation_2 *operation)
{
    cpu_check_fp(cpu, insn);
    uint64_t a = get_lane(&cpu->v[insn->rn], size, 0), b = get_lane(&cpu->v[insn->rm], size, 0);
    set_scalar(cpu, insn->rd, operation(size, a, b, &cpu->fp));
}

#define UNARY(name, operation)                                                                               \
    EXEC(name##_fp)                                                                                          \
    {                                                                                                        \
        unary(cpu, insn, FP_SINGLE + insn->sf, operation);                                                   \
    }
#define UNARY_H(name, operation)                                                                             \
    EXEC(name##_fp_h)                                                                                        \
    {                                                                                                        \
        unary(cpu, insn, FP_HALF, operation);                                                                \
    }
#define BINARY(name, operation)                                                                              \
    EXEC(name##_fp)                                                                                          \
    {                                                                                                        \
        binary(cpu, insn, FP_SINGLE + insn->sf, operation);                                                  \
    }                                                                                                        \
    EXEC(name##_fp_h)                                                                                        \
    {                                                                                                        \
        binary(cpu, insn, FP_HALF, operation);                                                               \
    }

UNARY(fmov, op_move)
UNARY_H(fmov, op_move)
UNARY(fabs, op_abs)
UNARY_H(fabs, op_abs)
UNARY(fneg, op_neg)
UNARY_H(fneg, op_neg)
UNARY(fsqrt, fp_fast_sqrt)
UNARY_H(fsqrt, fp_sqrt)
UNARY(frintn, op_rintn)
UNARY_H(frintn, op_rintn)
UNARY(frintp, op_rintp)
UNARY_H(frintp, op_rintp)
UNARY(frintm, op_rintm)
UNARY_H(frintm, op_rintm)
UNARY(frintz, op_rintz)
UNARY_H(frintz, op_rintz)
UNARY(frinta, op_rinta)
UNARY_H(frinta, op_rinta)
UNARY(frintx, op_rintx)
UNARY_H(frintx, op_rintx)
UNARY(frinti, op_rinti)
UNARY_H(frinti, op_rinti)
UNARY(frint32z, op_rint32z)
UNARY(frint32x, op_rint32x)
UNARY(frint64z, op_rint64z)
UNARY(frint64x, op_rint64x)

#define CONVERT(name, to, from)                                                                              \
    EXEC(name)                                                                                               \
    {                                                                                                        \
        cpu_check_fp(cpu, insn);                                                                             \
        uint64_t a = get_lane(&cpu->v[insn->rn], from, 0);                                                   \
        set_scalar(cpu, insn->rd, fp_fast_convert(to, from, a, fp_rounding_mode(&cpu->fp), &cpu->fp));       \
    }

CONVERT(fcvt_ds, FP_DOUBLE, FP_SINGLE)
CONVERT(fcvt_hs, FP_HALF, FP_SINGLE)
CONVERT(fcvt_sd, FP_SINGLE, FP_DOUBLE)
CONVERT(fcvt_hd, FP_HALF, FP_DOUBLE)
CONVERT(fcvt_sh, FP_SINGLE, FP_HALF)
CONVERT(fcvt_dh, FP_DOUBLE, FP_HALF)

EXEC(bfcvt)
{
    cpu_check_fp(cpu, insn);
    set_scalar(cpu, insn->rd, fp_convert_bf16(cpu->v[insn->rn].s[0], &cpu->fp));
}

BINARY(fmul, fp_fast_mul)
BINARY(fdiv, fp_fast_div)
BINARY(fadd, fp_fast_add)
BINARY(fsub, fp_fast_sub)
BINARY(fmax, op_max)
BINARY(fmin, op_min)
BINARY(fmaxnm, op_maxnm)
BINARY(fminnm, op_minnm)
BINARY(fnmul, op_nmul)

/** Ra + Rn * Rm, with the addend's and the product's sign changed where asked. */
INLINE void muladd(struct cpu *cpu, const struct insn *insn, enum fp_size size, bool negate_addend,
                   bool negate_product)
{
    cpu_check_fp(cpu, insn);
    uint64_t a = get_lane(&cpu->v[insn->rn], size, 0), b = get_lane(&cpu->v[insn->rm], size, 0);
    uint64_t addend = get_lane(&cpu->v[insn->ra], size, 0);

    addend = negate_addend ? fp_negate(size, addend) : addend;
    a = negate_product ? fp_negate(size, a) : a;
    set_scalar(cpu, insn->rd, fp_fast_muladd(size, addend, a, b, &cpu->fp));
}

#define MULADD(name, negate_addend, negate_product)                                                          \
    EXEC(name##_fp)                                                                                          \
    {                                                                                                        \
        muladd(cpu, insn, FP_SINGLE + insn->sf, negate_addend, negate_product);                              \
    }                                                                                                        \
    EXEC(name##_fp_h)                                                                                        \
    {                                                                                                        \
        muladd(cpu, insn, FP_HALF, negate_addend, negate_product);                                           \
    }

MULADD(fmadd, false, false)
MULADD(fmsub, false, true)
MULADD(fnmadd, true, true)
MULADD(fnmsub, true, false)

static const struct nzcv flags_of_relation[] = {
    [FP_LESS] = {1, 0, 0, 0},
    [FP_EQUAL] = {0, 1, 1, 0},
    [FP_GREATER] = {0, 0, 1, 0},
    [FP_UNORDERED] = {0, 0, 1, 1},
};

INLINE void compare(struct cpu *cpu, const struct insn *insn, enum fp_size size, uint64_t b,
                    bool signal_quiet)
{
    cpu->nzcv = flags_of_relation[fp_fast_compare(size, get_lane(&cpu->v[insn->rn], size, 0), b, signal_quiet,
                                                  &cpu->fp)];
}

INLINE void conditional_compare(struct cpu *cpu, const struct insn *insn, enum fp_size size,
                                bool signal_quiet)
{
    if (cond_holds(cpu, insn->opt))
        compare(cpu, insn, size, get_lane(&cpu->v[insn->rm], size, 0), signal_quiet);
    else
        cpu->nzcv = nzcv_unpack((uint32_t)insn->imm << 28);
}

#define COMPARE(name, suffix, size, signal_quiet)                                                            \
    EXEC(name##suffix)                                                                                       \
    {                                                                                                        \
        cpu_check_fp(cpu, insn);                                                                             \
        compare(cpu, insn, size, get_lane(&cpu->v[insn->rm], size, 0), signal_quiet);                        \
    }                                                                                                        \
    EXEC(name##_zero##suffix)                                                                                \
    {                                                                                                        \
        cpu_check_fp(cpu, insn);                                                                             \
        compare(cpu, insn, size, 0, signal_quiet);                                                           \
    }
#define CONDITIONAL_COMPARE(name, size, signal_quiet)                                                        \
    EXEC(name)                                                                                               \
    {                                                                                                        \
        cpu_check_fp(cpu, insn);                                                                             \
        conditional_compare(cpu, insn, size, signal_quiet);                                                  \
    }

COMPARE(fcmp, , FP_SINGLE + insn->sf, false)
COMPARE(fcmp, _h, FP_HALF, false)
COMPARE(fcmpe, , FP_SINGLE + insn->sf, true)
COMPARE(fcmpe, _h, FP_HALF, true)
CONDITIONAL_COMPARE(fccmp, FP_SINGLE + insn->sf, false)
CONDITIONAL_COMPARE(fccmp_h, FP_HALF, false)
CONDITIONAL_COMPARE(fccmpe, FP_SINGLE + insn->sf, true)
CONDITIONAL_COMPARE(fccmpe_h, FP_HALF, true)

INLINE void conditional_select(struct cpu *cpu, const struct insn *insn, enum fp_size size)
{
    cpu_check_fp(cpu, insn);
    unsigned source = cond_holds(cpu, insn->opt) ? insn->rn : insn->rm;
    set_scalar(cpu, insn->rd, get_lane(&cpu->v[source], size, 0));
}

EXEC(fcsel)
{
    conditional_select(cpu, insn, FP_SINGLE + insn->sf);
}

EXEC(fcsel_h)
{
    conditional_select(cpu, insn, FP_HALF);
}

EXEC(fmov_imm)
{
    cpu_check_fp(cpu, insn);
    set_scalar(cpu, insn->rd, (uint64_t)insn->imm);
}

EXEC(fmov_imm_h)
{
    exec_fmov_imm(cpu, insn);
}

EXEC(fmov_s_to)
{
    cpu_check_fp(cpu, insn);
    cpu->x[insn->rd] = cpu->v[insn->rn].s[0];
}

EXEC(fmov_s_from)
{
    cpu_check_fp(cpu, insn);
    set_scalar(cpu, insn->rd, (uint32_t)cpu->x[insn->rn]);
}

EXEC(fmov_d_to)
{
    cpu_check_fp(cpu, insn);
    cpu->x[insn->rd] = cpu->v[insn->rn].d[0];
}

EXEC(fmov_d_from)
{
    cpu_check_fp(cpu, insn);
    set_scalar(cpu, insn->rd, cpu->x[insn->rn]);
}

EXEC(fmov_wh_to)
{
    cpu_check_fp(cpu, insn);
    cpu->x[insn->rd] = cpu->v[insn->rn].h[0];
}

EXEC(fmov_wh_from)
{
    cpu_check_fp(cpu, insn);
    set_scalar(cpu, insn->rd, (uint16_t)cpu->x[insn->rn]);
}

EXEC(fmov_xh_to)
{
    exec_fmov_wh_to(cpu, insn);
}

EXEC(fmov_xh_from)
{
    exec_fmov_wh_from(cpu, insn);
}

EXEC(fmov_top_to)
{
    cpu_check_fp(cpu, insn);
    cpu->x[insn->rd] = cpu->v[insn->rn].d[1];
}

EXEC(fmov_top_from)
{
    cpu_check_fp(cpu, insn);
    cpu->v[insn->rd].d[1] = cpu->x[insn->rn];
}

INLINE void to_integer(struct cpu *cpu, const struct insn *insn, enum fp_size size, unsigned fraction_bits,
                       bool is_unsigned, enum fp_rounding rounding)
{
    cpu_check_fp(cpu, insn);
    cpu->x[insn->rd] = fp_fast_to_fixed(size, get_lane(&cpu->v[insn->rn], size, 0), insn->sf ? 64 : 32,
                                        fraction_bits, is_unsigned, rounding, &cpu->fp);
}

INLINE void from_integer(struct cpu *cpu, const struct insn *insn, enum fp_size size, unsigned fraction_bits,
                         bool is_unsigned)
{
    cpu_check_fp(cpu, insn);
    uint64_t value = cpu->x[insn->rn];

    if (!insn->sf)
        value = is_unsigned ? (uint32_t)value : (uint64_t)(int32_t)value;
    set_scalar(
        cpu, insn->rd,
        fp_fast_from_fixed(size, value, fraction_bits, is_unsigned, fp_rounding_mode(&cpu->fp), &cpu->fp));
}

#define TO_INTEGER(name, is_unsigned, rounding)                                                              \
    EXEC(name##_int)                                                                                         \
    {                                                                                                        \
        to_integer(cpu, insn, FP_SINGLE + insn->q, 0, is_unsigned, rounding);                                \
    }                                                                                                        \
    EXEC(name##_int_h)                                                                                       \
    {                                                                                                        \
        to_integer(cpu, insn, FP_HALF, 0, is_unsigned, rounding);                                            \
    }
#define FROM_INTEGER(name, is_unsigned)                                                                      \
    EXEC(name##_int)                                                                                         \
    {                                                                                                        \
        from_integer(cpu, insn, FP_SINGLE + insn->q, 0, is_unsigned);                                        \
    }                                                                                                        \
    EXEC(name##_int_h)                                                                                       \
    {                                                                                                        \
        from_integer(cpu, insn, FP_HALF, 0, is_unsigned);                                                    \
    }
#define TO_FIXED(name, is_unsigned)                                                                          \
    EXEC(name##_fixed)                                                                                       \
    {                                                                                                        \
        to_integer(cpu, insn, FP_SINGLE + insn->q, insn->amount, is_unsigned, FP_TO_ZERO);                   \
    }                                                                                                        \
    EXEC(name##_fixed_h)                                                                                     \
    {                                                                                                        \
        to_integer(cpu, insn, FP_HALF, insn->amount, is_unsigned, FP_TO_ZERO);                               \
    }
#define FROM_FIXED(name, is_unsigned)                                                                        \
    EXEC(name##_fixed)                                                                                       \
    {                                                                                                        \
        from_integer(cpu, insn, FP_SINGLE + insn->q, insn->amount, is_unsigned);                             \
    }                                                                                                        \
    EXEC(name##_fixed_h)                                                                                     \
    {                                                                                                        \
        from_integer(cpu, insn, FP_HALF, insn->amount, is_unsigned);                                         \
    }

TO_INTEGER(fcvtns, false, FP_TIE_EVEN)
TO_INTEGER(fcvtnu, true, FP_TIE_EVEN)
TO_INTEGER(fcvtas, false, FP_TIE_AWAY)
TO_INTEGER(fcvtau, true, FP_TIE_AWAY)
TO_INTEGER(fcvtps, false, FP_UP)
TO_INTEGER(fcvtpu, true, FP_UP)
TO_INTEGER(fcvtms, false, FP_DOWN)
TO_INTEGER(fcvtmu, true, FP_DOWN)
TO_INTEGER(fcvtzs, false, FP_TO_ZERO)
TO_INTEGER(fcvtzu, true, FP_TO_ZERO)
FROM_INTEGER(scvtf, false)
FROM_INTEGER(ucvtf, true)

EXEC(fjcvtzs)
{
    cpu_check_fp(cpu, insn);
    bool exact;

    cpu->x[insn->rd] = fp_to_int32_js(cpu->v[insn->rn].d[0], &exact, &cpu->fp);
    cpu->nzcv = (struct nzcv){0, exact, 0, 0};
}

TO_FIXED(fcvtzs, false)
TO_FIXED(fcvtzu, true)
FROM_FIXED(scvtf, false)
FROM_FIXED(ucvtf, true)

HANDLERS(fp)
