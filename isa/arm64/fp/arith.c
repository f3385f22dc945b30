/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Addition, multiplication, fused multiply-add, division, square root, minimum and maximum, comparison. */
#include "isa/arm64/fp/value.h"

/** a + b for two products or terms, as wide mantissas with bit 126 their highest possible: value =
 *  mantissa * 2^(exponent - 126). An exact zero gets the sign that the rounding mode asks for. */
static uint64_t add_terms(enum fp_size size, bool sign_a, int exponent_a, fp_wide a, bool sign_b,
                          int exponent_b, fp_wide b, struct fp_state *fp)
{
    if (exponent_a < exponent_b) {
        a = fp_shift_right_jam(a, (unsigned)(exponent_b - exponent_a));
        exponent_a = exponent_b;
    } else {
        b = fp_shift_right_jam(b, (unsigned)(exponent_a - exponent_b));
    }
    bool sign = sign_a;
    fp_wide sum;
    if (sign_a == sign_b) {
        sum = a + b;
    } else if (a >= b) {
        sum = a - b;
    } else {
        sum = b - a;
        sign = sign_b;
    }
    if (!sum)
        return fp_zero(&fp_layouts[size], fp_rounding_mode(fp) == FP_DOWN);
    return fp_round_wide(size, sign, exponent_a + 1, sum, fp);
}

static fp_wide widened(uint64_t mantissa)
{
    return (fp_wide)mantissa << 63;
}

static uint64_t add_values(enum fp_size size, struct fp_value va, struct fp_value vb, struct fp_state *fp)
{
    const struct fp_layout *f = &fp_layouts[size];

    if (va.kind == KIND_INFINITY || vb.kind == KIND_INFINITY) {
        if (va.kind == vb.kind && va.sign != vb.sign)
            return fp_invalid(size, fp);
        return fp_infinity(f, va.kind == KIND_INFINITY ? va.sign : vb.sign);
    }
    if (va.kind == KIND_ZERO && vb.kind == KIND_ZERO)
        return fp_zero(f, va.sign == vb.sign ? va.sign : fp_rounding_mode(fp) == FP_DOWN);
    if (va.kind == KIND_ZERO)
        va.exponent = vb.exponent;
    if (vb.kind == KIND_ZERO)
        vb.exponent = va.exponent;
    return add_terms(size, va.sign, va.exponent, widened(va.mantissa), vb.sign, vb.exponent,
                     widened(vb.mantissa), fp);
}

uint64_t fp_add(enum fp_size size, uint64_t a, uint64_t b, struct fp_state *fp)
{
    struct fp_value va = fp_unpack(size, a, fp), vb = fp_unpack(size, b, fp);
    uint64_t result;

    if (fp_process_nans(size, va, vb, a, b, fp, &result))
        return result;
    return add_values(size, va, vb, fp);
}

uint64_t fp_sub(enum fp_size size, uint64_t a, uint64_t b, struct fp_state *fp)
{
    struct fp_value va = fp_unpack(size, a, fp), vb = fp_unpack(size, b, fp);
    uint64_t result;

    if (fp_process_nans(size, va, vb, a, b, fp, &result))
        return result;
    vb.sign = !vb.sign;
    return add_values(size, va, vb, fp);
}

static uint64_t multiply(enum fp_size size, uint64_t a, uint64_t b, bool extended, struct fp_state *fp)
{
    const struct fp_layout *f = &fp_layouts[size];
    struct fp_value va = fp_unpack(size, a, fp), vb = fp_unpack(size, b, fp);
    bool sign = va.sign != vb.sign, zero = va.kind == KIND_ZERO || vb.kind == KIND_ZERO;
    uint64_t result;

    if (fp_process_nans(size, va, vb, a, b, fp, &result))
        return result;
    if (va.kind == KIND_INFINITY || vb.kind == KIND_INFINITY) {
        if (!zero)
            return fp_infinity(f, sign);
        if (!extended)
            return fp_invalid(size, fp);
        return fp_zero(f, sign) | 1ull << (f->bits - 2); /* 2.0 */
    }
    if (zero)
        return fp_zero(f, sign);
    return fp_round_wide(size, sign, va.exponent + vb.exponent + 1, (fp_wide)va.mantissa * vb.mantissa, fp);
}

uint64_t fp_mul(enum fp_size size, uint64_t a, uint64_t b, struct fp_state *fp)
{
    return multiply(size, a, b, false, fp);
}

uint64_t fp_mulx(enum fp_size size, uint64_t a, uint64_t b, struct fp_state *fp)
{
    return multiply(size, a, b, true, fp);
}

/** addend + a * b where none of them is a NaN. */
static uint64_t muladd_values(enum fp_size size, struct fp_value vc, struct fp_value va, struct fp_value vb,
                              struct fp_state *fp)
{
    const struct fp_layout *f = &fp_layouts[size];
    bool sign = va.sign != vb.sign;
    bool infinite = va.kind == KIND_INFINITY || vb.kind == KIND_INFINITY;
    bool zero = va.kind == KIND_ZERO || vb.kind == KIND_ZERO;

    if ((infinite && zero) || (infinite && vc.kind == KIND_INFINITY && vc.sign != sign))
        return fp_invalid(size, fp);
    if (infinite)
        return fp_infinity(f, sign);
    if (vc.kind == KIND_INFINITY)
        return fp_infinity(f, vc.sign);
    if (zero) {
        struct fp_value product = {KIND_ZERO, sign, 0, 0};
        return add_values(size, vc, product, fp);
    }
    int exponent = va.exponent + vb.exponent + 1;
    fp_wide product = (fp_wide)va.mantissa * vb.mantissa;
    if (vc.kind == KIND_ZERO)
        return fp_round_wide(size, sign, exponent, product, fp);
    /* Neither loses a bit by half: mantissas have no more than 53 bits at their upper ends. */
    return add_terms(size, vc.sign, vc.exponent, widened(vc.mantissa), sign, exponent, product >> 1, fp);
}

uint64_t fp_muladd(enum fp_size size, uint64_t addend, uint64_t a, uint64_t b, struct fp_state *fp)
{
    struct fp_value vc = fp_unpack(size, addend, fp), va = fp_unpack(size, a, fp),
                    vb = fp_unpack(size, b, fp);
    bool undefined_product = (va.kind == KIND_INFINITY && vb.kind == KIND_ZERO) ||
                             (va.kind == KIND_ZERO && vb.kind == KIND_INFINITY);
    uint64_t result;

    if (vc.kind == KIND_QNAN && undefined_product)
        return fp_invalid(size, fp);
    if (vc.kind == KIND_SNAN)
        return fp_process_nan(size, vc.kind, addend, fp);
    if (vc.kind == KIND_QNAN && va.kind != KIND_SNAN && vb.kind != KIND_SNAN)
        return fp_process_nan(size, vc.kind, addend, fp);
    if (fp_process_nans(size, va, vb, a, b, fp, &result))
        return result;
    return muladd_values(size, vc, va, vb, fp);
}

/** FPConvertNaN from half to single, made quiet, or the default. */
static uint64_t half_nan_to_single(enum fp_kind kind, uint64_t a, struct fp_state *fp)
{
    uint64_t nan = fp_process_nan(FP_HALF, kind, a, fp);
    return (nan & 0x8000) << 16 | 0x7f800000 | (nan & 0x3ff) << 13;
}

uint64_t fp_muladd_half(uint64_t addend, uint64_t a, uint64_t b, struct fp_state *fp)
{
    struct fp_value vc = fp_unpack(FP_SINGLE, addend, fp);
    struct fp_value va = fp_unpack(FP_HALF, a, fp), vb = fp_unpack(FP_HALF, b, fp);
    bool undefined_product = (va.kind == KIND_INFINITY && vb.kind == KIND_ZERO) ||
                             (va.kind == KIND_ZERO && vb.kind == KIND_INFINITY);

    if (vc.kind == KIND_QNAN && undefined_product)
        return fp_invalid(FP_SINGLE, fp);
    for (enum fp_kind kind = KIND_SNAN; kind >= KIND_QNAN; kind--) {
        if (vc.kind == kind)
            return fp_process_nan(FP_SINGLE, kind, addend, fp);
        if (va.kind == kind)
            return half_nan_to_single(kind, a, fp);
        if (vb.kind == kind)
            return half_nan_to_single(kind, b, fp);
    }
    return muladd_values(FP_SINGLE, vc, va, vb, fp);
}

uint64_t fp_div(enum fp_size size, uint64_t a, uint64_t b, struct fp_state *fp)
{
    const struct fp_layout *f = &fp_layouts[size];
    struct fp_value va = fp_unpack(size, a, fp), vb = fp_unpack(size, b, fp);
    bool sign = va.sign != vb.sign;
    uint64_t result;

    if (fp_process_nans(size, va, vb, a, b, fp, &result))
        return result;
    if (va.kind == vb.kind && va.kind != KIND_FINITE)
        return fp_invalid(size, fp);
    if (va.kind == KIND_INFINITY || vb.kind == KIND_ZERO) {
        if (va.kind != KIND_INFINITY)
            fp_raise(fp, FPSR_DZC);
        return fp_infinity(f, sign);
    }
    if (va.kind == KIND_ZERO || vb.kind == KIND_INFINITY)
        return fp_zero(f, sign);
    /* 63 or 64 bits of quotient, and whether anything is left. */
    fp_wide dividend = widened(va.mantissa), quotient = dividend / vb.mantissa;
    quotient = quotient << 64 | (quotient * vb.mantissa != dividend);
    return fp_round_wide(size, sign, va.exponent - vb.exponent, quotient, fp);
}

uint64_t fp_sqrt(enum fp_size size, uint64_t a, struct fp_state *fp)
{
    const struct fp_layout *f = &fp_layouts[size];
    struct fp_value v = fp_unpack(size, a, fp);

    if (fp_is_nan(v))
        return fp_process_nan(size, v.kind, a, fp);
    if (v.kind == KIND_ZERO)
        return fp_zero(f, v.sign);
    if (v.sign)
        return fp_invalid(size, fp);
    if (v.kind == KIND_INFINITY)
        return fp_infinity(f, false);
    /* The integer square root of a number with an even exponent, digit by digit from the top: its highest bit
     * is 63. */
    bool odd = v.exponent & 1;
    fp_wide remainder = (fp_wide)v.mantissa << (odd ? 64 : 63), root = 0;
    for (fp_wide bit = (fp_wide)1 << 126; bit; bit >>= 2) {
        fp_wide trial = root + bit;
        root >>= 1;
        if (remainder >= trial) {
            remainder -= trial;
            root += bit;
        }
    }
    return fp_round_wide(size, false, (v.exponent - odd) / 2, root << 64 | (remainder != 0), fp);
}

enum fp_relation fp_compare(enum fp_size size, uint64_t a, uint64_t b, bool signal_quiet, struct fp_state *fp)
{
    struct fp_value va = fp_unpack(size, a, fp), vb = fp_unpack(size, b, fp);

    if (fp_is_nan(va) || fp_is_nan(vb)) {
        if (va.kind == KIND_SNAN || vb.kind == KIND_SNAN || signal_quiet)
            fp_raise(fp, FPSR_IOC);
        return FP_UNORDERED;
    }
    if (va.kind == KIND_ZERO && vb.kind == KIND_ZERO)
        return FP_EQUAL;
    /* A flushed denormal counts as zero; otherwise the patterns are ordered as sign and magnitude. */
    uint64_t magnitude = fp_sign_bit(&fp_layouts[size]) - 1;
    int64_t x = va.kind == KIND_ZERO ? 0 : (int64_t)(a & magnitude);
    int64_t y = vb.kind == KIND_ZERO ? 0 : (int64_t)(b & magnitude);
    x = va.sign ? -x : x;
    y = vb.sign ? -y : y;
    return x < y ? FP_LESS : x > y ? FP_GREATER : FP_EQUAL;
}

/** FPMax and FPMin of two numbers: `greatest` for the maximum. Equal zeros: +0 is the greater one. */
static uint64_t select_one(enum fp_size size, uint64_t a, uint64_t b, bool greatest, struct fp_state *fp)
{
    const struct fp_layout *f = &fp_layouts[size];
    struct fp_value va = fp_unpack(size, a, fp), vb = fp_unpack(size, b, fp);
    uint64_t result;

    if (fp_process_nans(size, va, vb, a, b, fp, &result))
        return result;
    if (va.kind == KIND_ZERO && vb.kind == KIND_ZERO)
        return fp_zero(f, greatest ? va.sign && vb.sign : va.sign || vb.sign);
    struct fp_state quiet = *fp;
    enum fp_relation relation = fp_compare(size, a, b, false, &quiet);
    bool first = relation == (greatest ? FP_GREATER : FP_LESS);
    struct fp_value v = first ? va : vb;
    return v.kind == KIND_ZERO ? fp_zero(f, v.sign) : first ? a : b;
}

uint64_t fp_max(enum fp_size size, uint64_t a, uint64_t b, struct fp_state *fp)
{
    return select_one(size, a, b, true, fp);
}

uint64_t fp_min(enum fp_size size, uint64_t a, uint64_t b, struct fp_state *fp)
{
    return select_one(size, a, b, false, fp);
}

/** A lone quiet NaN gives way to the number: it becomes the infinity that never wins. */
static uint64_t select_number(enum fp_size size, uint64_t a, uint64_t b, bool greatest, struct fp_state *fp)
{
    const struct fp_layout *f = &fp_layouts[size];
    enum fp_kind ka = fp_take_apart(f, a).kind, kb = fp_take_apart(f, b).kind;

    if (ka == KIND_QNAN && kb != KIND_QNAN)
        a = fp_infinity(f, greatest);
    else if (kb == KIND_QNAN && ka != KIND_QNAN)
        b = fp_infinity(f, greatest);
    return select_one(size, a, b, greatest, fp);
}

uint64_t fp_maxnm(enum fp_size size, uint64_t a, uint64_t b, struct fp_state *fp)
{
    return select_number(size, a, b, true, fp);
}

uint64_t fp_minnm(enum fp_size size, uint64_t a, uint64_t b, struct fp_state *fp)
{
    return select_number(size, a, b, false, fp);
}
