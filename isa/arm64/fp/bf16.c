/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BFloat16 dot products (Arm ARM BFMulH, BFAdd, BFRound): single-precision arithmetic of its own kind, which
 * rounds to odd, flushes denormals on both sides, overflows to infinity, has one NaN, and raises nothing. It
 * does not look at FPCR. */
#include "isa/arm64/fp/value.h"

#define SINGLE (&fp_layouts[FP_SINGLE])

/** BFUnpack. */
static struct fp_value unpack(uint32_t a)
{
    struct fp_value v = fp_take_apart(SINGLE, a);

    if (v.kind == KIND_FINITE && v.exponent < -126) {
        v.kind = KIND_ZERO;
        v.mantissa = 0;
    }
    return v;
}

/** BFRound: value = mantissa * 2^(exponent - 127), mantissa not 0. */
static uint32_t round_odd(bool sign, int exponent, fp_wide mantissa)
{
    struct fp_state unseen = {0};

    while (!(mantissa >> 127)) {
        mantissa <<= 1;
        exponent--;
    }
    if (exponent > 127)
        return (uint32_t)fp_infinity(SINGLE, sign);
    uint64_t jammed = (uint64_t)(mantissa >> 64) | ((uint64_t)mantissa != 0);
    return (uint32_t)fp_round_to(SINGLE, sign, exponent, jammed, FP_TO_ODD, true, &unseen);
}

static uint32_t multiply(uint32_t a, uint32_t b)
{
    struct fp_value va = unpack(a), vb = unpack(b);
    bool sign = va.sign != vb.sign, zero = va.kind == KIND_ZERO || vb.kind == KIND_ZERO;

    if (fp_is_nan(va) || fp_is_nan(vb))
        return (uint32_t)fp_default_nan(SINGLE);
    if (va.kind == KIND_INFINITY || vb.kind == KIND_INFINITY)
        return (uint32_t)(zero ? fp_default_nan(SINGLE) : fp_infinity(SINGLE, sign));
    if (zero)
        return (uint32_t)fp_zero(SINGLE, sign);
    return round_odd(sign, va.exponent + vb.exponent + 1, (fp_wide)va.mantissa * vb.mantissa);
}

static uint32_t add(uint32_t a, uint32_t b)
{
    struct fp_value va = unpack(a), vb = unpack(b);

    if (fp_is_nan(va) || fp_is_nan(vb))
        return (uint32_t)fp_default_nan(SINGLE);
    if (va.kind == KIND_INFINITY || vb.kind == KIND_INFINITY) {
        if (va.kind == vb.kind && va.sign != vb.sign)
            return (uint32_t)fp_default_nan(SINGLE);
        return (uint32_t)fp_infinity(SINGLE, va.kind == KIND_INFINITY ? va.sign : vb.sign);
    }
    if (va.kind == KIND_ZERO && vb.kind == KIND_ZERO)
        return (uint32_t)fp_zero(SINGLE, va.sign && vb.sign);
    if (vb.kind == KIND_FINITE && (va.kind == KIND_ZERO || va.exponent < vb.exponent)) {
        struct fp_value larger = vb;
        vb = va;
        va = larger;
    }
    fp_wide x = (fp_wide)va.mantissa << 63, y = (fp_wide)vb.mantissa << 63;
    if (vb.kind == KIND_FINITE)
        y = fp_shift_right_jam(y, (unsigned)(va.exponent - vb.exponent));
    fp_wide sum = va.sign == vb.sign ? x + y : x > y ? x - y : y - x;
    if (!sum)
        return 0;
    return round_odd(x >= y ? va.sign : vb.sign, va.exponent + 1, sum);
}

uint32_t fp_bfdot(uint32_t addend, uint32_t a, uint32_t b)
{
    uint32_t low = multiply(a << 16, b << 16), high = multiply(a & 0xffff0000u, b & 0xffff0000u);

    return add(addend, add(low, high));
}
