/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Taking numbers apart, rounding them, and the rules for NaNs. */
#include "isa/arm64/fp/value.h"

const struct fp_layout fp_layouts[4] = {
    [FP_HALF] = {16, 10, 5, true},
    [FP_SINGLE] = {32, 23, 8, true},
    [FP_DOUBLE] = {64, 52, 11, true},
};
const struct fp_layout fp_layout_alternative_half = {16, 10, 5, false};
const struct fp_layout fp_layout_bf16 = {16, 7, 8, true};

static int bias(const struct fp_layout *f)
{
    return (1 << (f->exponent_bits - 1)) - 1;
}

struct fp_value fp_take_apart(const struct fp_layout *f, uint64_t a)
{
    uint64_t fraction = a & ((1ull << f->fraction_bits) - 1);
    unsigned top = (1u << f->exponent_bits) - 1, exponent = a >> f->fraction_bits & top;
    struct fp_value v = {KIND_FINITE, a >> (f->bits - 1) & 1, 0, 0};

    if (exponent == top && f->has_infinity) {
        if (fraction == 0)
            v.kind = KIND_INFINITY;
        else
            v.kind = fraction & fp_quiet_bit(f) ? KIND_QNAN : KIND_SNAN;
    } else if (exponent) {
        v.exponent = (int)exponent - bias(f);
        v.mantissa = 1ull << 63 | fraction << (63 - f->fraction_bits);
    } else if (fraction) {
        unsigned zeros = (unsigned)__builtin_clzll(fraction);
        v.exponent = 1 - bias(f) - (int)(zeros - (63 - f->fraction_bits));
        v.mantissa = fraction << zeros;
    } else {
        v.kind = KIND_ZERO;
    }
    return v;
}

struct fp_value fp_unpack(enum fp_size size, uint64_t a, struct fp_state *fp)
{
    const struct fp_layout *f = &fp_layouts[size];
    struct fp_value v = fp_take_apart(f, a);

    if (v.kind == KIND_FINITE && v.exponent < 1 - bias(f) && fp_flushes(size, fp)) {
        v.kind = KIND_ZERO;
        v.mantissa = 0;
        if (size != FP_HALF)
            fp_raise(fp, FPSR_IDC);
    }
    return v;
}

/** How much the magnitude grows by rounding: `rest` is what lies under its last bit, as a fraction of 2^64.
 */
static bool rounds_up(bool sign, bool odd, uint64_t rest, enum fp_rounding rounding)
{
    const uint64_t half = 1ull << 63;

    switch (rounding) {
    case FP_TIE_EVEN: return rest > half || (rest == half && odd);
    case FP_UP: return rest && !sign;
    case FP_DOWN: return rest && sign;
    case FP_TIE_AWAY: return rest >= half;
    case FP_TO_ZERO:
    case FP_TO_ODD: break;
    }
    return false;
}

static bool overflows_to_infinity(bool sign, enum fp_rounding rounding)
{
    return rounding == FP_TIE_EVEN || (rounding == FP_UP && !sign) || (rounding == FP_DOWN && sign);
}

uint64_t fp_round_to(const struct fp_layout *f, bool sign, int exponent, uint64_t mantissa,
                     enum fp_rounding rounding, bool flush, struct fp_state *fp)
{
    int above_denormal = exponent - (1 - bias(f));
    unsigned drop = 63u - f->fraction_bits;

    /* Tininess is detected before rounding. */
    if (above_denormal < 0) {
        if (flush) {
            fp_raise(fp, FPSR_UFC);
            return fp_zero(f, sign);
        }
        drop += (unsigned)-above_denormal;
        if (drop > 64) {
            drop = 64;
            mantissa = 1;
        }
    }
    uint64_t kept = drop == 64 ? 0 : mantissa >> drop;
    uint64_t rest = mantissa << (64 - drop);

    if (rest && above_denormal < 0)
        fp_raise(fp, FPSR_UFC);
    if (rounding == FP_TO_ODD)
        kept |= rest != 0;
    else
        kept += rounds_up(sign, kept & 1, rest, rounding);

    /* The implicit bit of `kept` adds one to the exponent field, and so does a carry out of rounding. */
    uint64_t magnitude = kept + ((uint64_t)(above_denormal < 0 ? 0 : above_denormal) << f->fraction_bits);
    if (!f->has_infinity) {
        if (magnitude >> (f->bits - 1)) {
            fp_raise(fp, FPSR_IOC);
            return fp_zero(f, sign) | (fp_sign_bit(f) - 1);
        }
    } else if (magnitude >= fp_infinity(f, false)) {
        fp_raise(fp, FPSR_OFC | FPSR_IXC);
        return overflows_to_infinity(sign, rounding) ? fp_infinity(f, sign) : fp_max_normal(f, sign);
    }
    if (rest)
        fp_raise(fp, FPSR_IXC);
    return fp_zero(f, sign) | magnitude;
}

uint64_t fp_round_wide(enum fp_size size, bool sign, int exponent, fp_wide mantissa, struct fp_state *fp)
{
    uint64_t high = (uint64_t)(mantissa >> 64);
    unsigned zeros =
        high ? (unsigned)__builtin_clzll(high) : 64u + (unsigned)__builtin_clzll((uint64_t)mantissa);

    mantissa <<= zeros;
    return fp_round_to(&fp_layouts[size], sign, exponent - (int)zeros,
                       (uint64_t)(mantissa >> 64) | ((uint64_t)mantissa != 0), fp_rounding_mode(fp),
                       fp_flushes(size, fp), fp);
}

uint64_t fp_process_nan(enum fp_size size, enum fp_kind kind, uint64_t a, struct fp_state *fp)
{
    const struct fp_layout *f = &fp_layouts[size];

    if (kind == KIND_SNAN)
        fp_raise(fp, FPSR_IOC);
    return fp->fpcr & FPCR_DN ? fp_default_nan(f) : a | fp_quiet_bit(f);
}

bool fp_process_nans(enum fp_size size, struct fp_value va, struct fp_value vb, uint64_t a, uint64_t b,
                     struct fp_state *fp, uint64_t *result)
{
    if (!fp_is_nan(va) && !fp_is_nan(vb))
        return false;
    /* A signalling one comes first, then the first operand. */
    if (va.kind == KIND_SNAN || (vb.kind != KIND_SNAN && va.kind == KIND_QNAN))
        *result = fp_process_nan(size, va.kind, a, fp);
    else
        *result = fp_process_nan(size, vb.kind, b, fp);
    return true;
}

uint64_t fp_invalid(enum fp_size size, struct fp_state *fp)
{
    fp_raise(fp, FPSR_IOC);
    return fp_default_nan(&fp_layouts[size]);
}
