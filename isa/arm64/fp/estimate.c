/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reciprocal and reciprocal square root: the table-defined estimates and the fused steps that refine them. */
#include "isa/arm64/fp/value.h"

/** RecipEstimate: 256..511 (0.5 to 1.0) to 256..511 (1.0 to 2.0). */
static unsigned recip_estimate(unsigned a)
{
    a = a * 2 + 1;
    return ((1u << 19) / a + 1) / 2;
}

/** RecipSqrtEstimate: 128..511 (0.25 to 1.0) to 256..511 (1.0 to 2.0). */
static unsigned recip_sqrt_estimate(unsigned a)
{
    unsigned b = 512;

    if (a < 256)
        a = a * 2 + 1;
    else
        a = ((a & ~1u) + 1) * 2;
    while (a * (b + 1) * (b + 1) < 1u << 28)
        b++;
    return (b + 1) / 2;
}

uint64_t fp_recpe(enum fp_size size, uint64_t a, struct fp_state *fp)
{
    const struct fp_layout *f = &fp_layouts[size];
    struct fp_value v = fp_unpack(size, a, fp);
    int bias = (1 << (f->exponent_bits - 1)) - 1;
    enum fp_rounding rounding = fp_rounding_mode(fp);

    if (fp_is_nan(v))
        return fp_process_nan(size, v.kind, a, fp);
    if (v.kind == KIND_INFINITY)
        return fp_zero(f, v.sign);
    if (v.kind == KIND_ZERO) {
        fp_raise(fp, FPSR_DZC);
        return fp_infinity(f, v.sign);
    }
    if (v.exponent < -bias - 1) {
        fp_raise(fp, FPSR_OFC | FPSR_IXC);
        bool infinite = rounding == FP_TIE_EVEN || rounding == (v.sign ? FP_DOWN : FP_UP);
        return infinite ? fp_infinity(f, v.sign) : fp_max_normal(f, v.sign);
    }
    if (fp_flushes(size, fp) && v.exponent >= bias - 1) {
        fp_raise(fp, FPSR_UFC);
        return fp_zero(f, v.sign);
    }
    /* 1 / (1.x * 2^e) lies in (2^(-e-1), 2^-e]; the estimate has one bit before and eight after the point. */
    uint64_t estimate = recip_estimate((unsigned)(v.mantissa >> 55));
    int biased = bias - v.exponent - 1;
    uint64_t fraction = (estimate & 255) << (f->fraction_bits - 8);
    if (biased <= 0) {
        /* A denormal result; nothing of the estimate is rounded away in these formats but in half precision,
         * where the manual cuts it as well. */
        fraction = (fraction >> 1 | 1ull << (f->fraction_bits - 1)) >> -biased;
        biased = 0;
    }
    return fp_zero(f, v.sign) | (uint64_t)biased << f->fraction_bits | fraction;
}

uint64_t fp_rsqrte(enum fp_size size, uint64_t a, struct fp_state *fp)
{
    const struct fp_layout *f = &fp_layouts[size];
    struct fp_value v = fp_unpack(size, a, fp);
    int bias = (1 << (f->exponent_bits - 1)) - 1;

    if (fp_is_nan(v))
        return fp_process_nan(size, v.kind, a, fp);
    if (v.kind == KIND_ZERO) {
        fp_raise(fp, FPSR_DZC);
        return fp_infinity(f, v.sign);
    }
    if (v.sign)
        return fp_invalid(size, fp);
    if (v.kind == KIND_INFINITY)
        return fp_zero(f, false);
    /* 0.25 to 1.0 times an even power of two. */
    bool odd = v.exponent & 1;
    uint64_t estimate = recip_sqrt_estimate((unsigned)(v.mantissa >> (odd ? 55 : 56)));
    int biased = bias - (v.exponent + 1 + !odd) / 2;
    return (uint64_t)biased << f->fraction_bits | (estimate & 255) << (f->fraction_bits - 8);
}

uint64_t fp_recpx(enum fp_size size, uint64_t a, struct fp_state *fp)
{
    const struct fp_layout *f = &fp_layouts[size];
    struct fp_value v = fp_unpack(size, a, fp);
    uint64_t top = (1ull << f->exponent_bits) - 1, exponent = a >> f->fraction_bits & top;

    if (fp_is_nan(v))
        return fp_process_nan(size, v.kind, a, fp);
    return fp_zero(f, v.sign) | (exponent ? exponent ^ top : top - 1) << f->fraction_bits;
}

/** constant - a * b, halved where `halve`; constant is 2.0 or 3.0, given with its mantissa. */
static uint64_t step(enum fp_size size, uint64_t a, uint64_t b, uint64_t constant, bool halve,
                     struct fp_state *fp)
{
    const struct fp_layout *f = &fp_layouts[size];
    a ^= fp_sign_bit(f);
    struct fp_value va = fp_unpack(size, a, fp), vb = fp_unpack(size, b, fp);
    bool sign = va.sign != vb.sign;
    uint64_t result;

    if (fp_process_nans(size, va, vb, a, b, fp, &result))
        return result;
    /* The constant's top bit is 1, worth 2; a zero product leaves it alone, whole or halved. */
    if (va.kind == KIND_ZERO || vb.kind == KIND_ZERO)
        return fp_round_wide(size, false, 1 - halve, (fp_wide)constant << 64, fp);
    if (va.kind == KIND_INFINITY || vb.kind == KIND_INFINITY)
        return fp_infinity(f, sign);

    int exponent = va.exponent + vb.exponent + 1, constant_exponent = 1;
    fp_wide product = (fp_wide)va.mantissa * vb.mantissa >> 1, term = (fp_wide)constant << 63;
    if (exponent < constant_exponent) {
        product = fp_shift_right_jam(product, (unsigned)(constant_exponent - exponent));
        exponent = constant_exponent;
    } else {
        term = fp_shift_right_jam(term, (unsigned)(exponent - constant_exponent));
    }
    fp_wide sum = !sign ? term + product : term > product ? term - product : product - term;
    if (!sum)
        return fp_zero(f, fp_rounding_mode(fp) == FP_DOWN);
    return fp_round_wide(size, sign && product > term, exponent + 1 - halve, sum, fp);
}

uint64_t fp_recps(enum fp_size size, uint64_t a, uint64_t b, struct fp_state *fp)
{
    return step(size, a, b, 1ull << 63, false, fp);
}

uint64_t fp_rsqrts(enum fp_size size, uint64_t a, uint64_t b, struct fp_state *fp)
{
    return step(size, a, b, 3ull << 62, true, fp);
}

uint32_t fp_unsigned_recpe(uint32_t a)
{
    return a >> 31 ? recip_estimate(a >> 23) << 23 : UINT32_MAX;
}

uint32_t fp_unsigned_rsqrte(uint32_t a)
{
    return a >> 30 ? recip_sqrt_estimate(a >> 23) << 23 : UINT32_MAX;
}
