/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rounding to integral values, and conversions between formats, integers and fixed point. */
#include "isa/arm64/fp/value.h"

/** The magnitude of a zero or finite value times 2^scale as an integer; `*rest` receives the fraction under
 * it, jammed, as a fraction of 2^64. Magnitudes of 2^64 and above come as 2^64. */
static fp_wide integer_part(struct fp_value v, int scale, uint64_t *rest)
{
    int exponent = v.exponent + scale;

    *rest = 0;
    if (v.kind == KIND_ZERO)
        return 0;
    if (exponent > 63)
        return (fp_wide)1 << 64;
    if (exponent < -1)
        *rest = 1;
    else if (exponent < 63)
        *rest = v.mantissa << (exponent + 1);
    return exponent < 0 ? 0 : v.mantissa >> (63 - exponent);
}

/** The same, rounded; `*inexact` says whether that changed it. */
static fp_wide rounded_integer(struct fp_value v, int scale, enum fp_rounding rounding, bool *inexact)
{
    const uint64_t half = 1ull << 63;
    uint64_t rest;
    fp_wide magnitude = integer_part(v, scale, &rest);
    bool up = false;

    switch (rounding) {
    case FP_TIE_EVEN: up = rest > half || (rest == half && (magnitude & 1)); break;
    case FP_UP: up = rest && !v.sign; break;
    case FP_DOWN: up = rest && v.sign; break;
    case FP_TIE_AWAY: up = rest >= half; break;
    case FP_TO_ZERO:
    case FP_TO_ODD: break;
    }
    *inexact = rest != 0;
    return magnitude + up;
}

/** The pattern of an integral magnitude of at most 2^64, which the format holds exactly. */
static uint64_t from_integral(enum fp_size size, bool sign, uint64_t magnitude, struct fp_state *fp)
{
    if (!magnitude)
        return fp_zero(&fp_layouts[size], sign);
    unsigned zeros = (unsigned)__builtin_clzll(magnitude);
    return fp_round_to(&fp_layouts[size], sign, 63 - (int)zeros, magnitude << zeros, FP_TO_ZERO, false, fp);
}

uint64_t fp_round_int(enum fp_size size, uint64_t a, enum fp_rounding rounding, bool exact,
                      struct fp_state *fp)
{
    const struct fp_layout *f = &fp_layouts[size];
    struct fp_value v = fp_unpack(size, a, fp);
    bool inexact;

    if (fp_is_nan(v))
        return fp_process_nan(size, v.kind, a, fp);
    if (v.kind == KIND_ZERO)
        return fp_zero(f, v.sign);
    if (v.kind == KIND_INFINITY || v.exponent >= f->fraction_bits)
        return a;
    fp_wide magnitude = rounded_integer(v, 0, rounding, &inexact);
    if (exact && inexact)
        fp_raise(fp, FPSR_IXC);
    return from_integral(size, v.sign, (uint64_t)magnitude, fp);
}

uint64_t fp_round_int_n(enum fp_size size, uint64_t a, enum fp_rounding rounding, unsigned bits,
                        struct fp_state *fp)
{
    const struct fp_layout *f = &fp_layouts[size];
    struct fp_value v = fp_unpack(size, a, fp);
    fp_wide limit = (fp_wide)1 << (bits - 1), magnitude = limit + 1;
    bool inexact = false;

    if (v.kind == KIND_ZERO)
        return fp_zero(f, v.sign);
    if (v.kind == KIND_FINITE)
        magnitude = rounded_integer(v, 0, rounding, &inexact);
    if (magnitude > limit - !v.sign) {
        /* Out of range, infinite or a NaN: the most negative integer. */
        fp_raise(fp, FPSR_IOC);
        return from_integral(size, true, (uint64_t)limit, fp);
    }
    if (inexact)
        fp_raise(fp, FPSR_IXC);
    return from_integral(size, v.sign, (uint64_t)magnitude, fp);
}

/** FPConvertNaN: the sign and the upper fraction bits, made quiet. */
static uint64_t convert_nan(const struct fp_layout *to, const struct fp_layout *from, uint64_t a)
{
    uint64_t fraction = a & ((1ull << from->fraction_bits) - 1);
    int up = to->fraction_bits - from->fraction_bits;

    fraction = up >= 0 ? fraction << up : fraction >> -up;
    return fp_infinity(to, a >> (from->bits - 1) & 1) | fp_quiet_bit(to) | fraction;
}

uint64_t fp_convert(enum fp_size to, enum fp_size from, uint64_t a, enum fp_rounding rounding,
                    struct fp_state *fp)
{
    bool alternative = fp->fpcr & FPCR_AHP;
    bool to_alternative = alternative && to == FP_HALF;
    const struct fp_layout *f =
        alternative && from == FP_HALF ? &fp_layout_alternative_half : &fp_layouts[from];
    const struct fp_layout *t = to_alternative ? &fp_layout_alternative_half : &fp_layouts[to];
    /* Half precision is never flushed here, on either side (FPUnpackCV, FPRoundCV). */
    struct fp_value v = from == FP_HALF ? fp_take_apart(f, a) : fp_unpack(from, a, fp);

    switch (v.kind) {
    case KIND_QNAN:
    case KIND_SNAN:
        if (v.kind == KIND_SNAN || to_alternative)
            fp_raise(fp, FPSR_IOC);
        if (to_alternative)
            return fp_zero(t, v.sign);
        return fp->fpcr & FPCR_DN ? fp_default_nan(t) : convert_nan(t, f, a);
    case KIND_INFINITY:
        if (!to_alternative)
            return fp_infinity(t, v.sign);
        fp_raise(fp, FPSR_IOC);
        return fp_zero(t, v.sign) | (fp_sign_bit(t) - 1);
    case KIND_ZERO: return fp_zero(t, v.sign);
    case KIND_FINITE: break;
    }
    return fp_round_to(t, v.sign, v.exponent, v.mantissa, rounding, to != FP_HALF && fp_flushes(to, fp), fp);
}

uint16_t fp_convert_bf16(uint32_t a, struct fp_state *fp)
{
    const struct fp_layout *t = &fp_layout_bf16;
    struct fp_value v = fp_unpack(FP_SINGLE, a, fp);

    if (fp_is_nan(v)) {
        if (v.kind == KIND_SNAN)
            fp_raise(fp, FPSR_IOC);
        return (uint16_t)(fp->fpcr & FPCR_DN ? fp_default_nan(t) : convert_nan(t, &fp_layouts[FP_SINGLE], a));
    }
    if (v.kind != KIND_FINITE)
        return (uint16_t)(v.kind == KIND_ZERO ? fp_zero(t, v.sign) : fp_infinity(t, v.sign));
    return (uint16_t)fp_round_to(t, v.sign, v.exponent, v.mantissa, fp_rounding_mode(fp),
                                 fp_flushes(FP_SINGLE, fp), fp);
}

uint64_t fp_to_fixed(enum fp_size size, uint64_t a, unsigned bits, unsigned fraction_bits, bool is_unsigned,
                     enum fp_rounding rounding, struct fp_state *fp)
{
    struct fp_value v = fp_unpack(size, a, fp);
    fp_wide limit =
        (fp_wide)1 << (is_unsigned ? bits : bits - 1); /* the first positive one that does not fit */
    fp_wide lowest = is_unsigned ? 0 : limit, magnitude = (fp_wide)1 << 64;
    bool inexact = false;
    uint64_t mask = ~0ull >> (64 - bits);

    if (fp_is_nan(v)) {
        fp_raise(fp, FPSR_IOC);
        return 0;
    }
    if (v.kind != KIND_INFINITY)
        magnitude = rounded_integer(v, (int)fraction_bits, rounding, &inexact);
    if (v.sign ? magnitude > lowest : magnitude >= limit) {
        fp_raise(fp, FPSR_IOC);
        return (v.sign ? -(uint64_t)lowest : (uint64_t)(limit - 1)) & mask;
    }
    if (inexact)
        fp_raise(fp, FPSR_IXC);
    return (v.sign ? -(uint64_t)magnitude : (uint64_t)magnitude) & mask;
}

uint64_t fp_from_fixed(enum fp_size size, uint64_t value, unsigned fraction_bits, bool is_unsigned,
                       enum fp_rounding rounding, struct fp_state *fp)
{
    bool sign = !is_unsigned && (int64_t)value < 0;
    uint64_t magnitude = sign ? -value : value;

    if (!magnitude)
        return 0;
    int zeros = __builtin_clzll(magnitude);
    return fp_round_to(&fp_layouts[size], sign, 63 - zeros - (int)fraction_bits, magnitude << zeros, rounding,
                       fp_flushes(size, fp), fp);
}

uint32_t fp_to_int32_js(uint64_t a, bool *exact, struct fp_state *fp)
{
    struct fp_value v = fp_unpack(FP_DOUBLE, a, fp);
    uint64_t rest;

    *exact = false;
    if (v.kind == KIND_ZERO) {
        *exact = a == 0; /* not for -0 and not for a flushed denormal */
        return 0;
    }
    if (v.kind != KIND_FINITE || v.exponent > 63 + 32) {
        fp_raise(fp, FPSR_IOC);
        return 0;
    }
    if (v.exponent > 63) {
        /* Only the low 32 bits of the integer count, and those of the mantissa stay in its upper end. */
        fp_raise(fp, FPSR_IOC);
        uint32_t low = (uint32_t)(v.mantissa << (v.exponent - 63));
        return v.sign ? -low : low;
    }
    fp_wide magnitude = integer_part(v, 0, &rest);
    if (magnitude > (v.sign ? 0x80000000u : 0x7fffffffu))
        fp_raise(fp, FPSR_IOC);
    else if (rest)
        fp_raise(fp, FPSR_IXC);
    else
        *exact = true;
    return v.sign ? -(uint32_t)magnitude : (uint32_t)magnitude;
}

uint64_t fp_expand_imm(enum fp_size size, uint32_t imm8)
{
    const struct fp_layout *f = &fp_layouts[size];
    unsigned exponent_bits = f->exponent_bits;
    /* sign : NOT(b6) : Replicate(b6) : b5 b4, then b3..b0 on top of the fraction. */
    uint64_t b6 = imm8 >> 6 & 1;
    uint64_t exponent = (b6 ^ 1) << (exponent_bits - 1) | (imm8 >> 4 & 3);

    if (b6)
        exponent |= ((1ull << (exponent_bits - 3)) - 1) << 2;
    return (uint64_t)(imm8 >> 7) << (f->bits - 1) | exponent << f->fraction_bits |
           (uint64_t)(imm8 & 15) << (f->fraction_bits - 4);
}
