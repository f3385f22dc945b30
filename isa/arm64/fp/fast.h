/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Short cuts through the host's own arithmetic, in front of the functions of fp.h, with their results and
 * flags.
 *
 * All rest on one idea: do it on the host in round to nearest, and look at the result. With FPCR asking for
 * round to nearest and no flushing, an ordinary result (finite, and above the smallest normal number, so that
 * it was not tiny before rounding) means that no operand was a NaN or infinite in a way that matters, and
 * that nothing can have been raised but IXC. Sums need less: a sum that comes out tiny is exact. IXC is
 * either set already or found out by computing the rounding error, which is a number of the same format:
 *
 *     1.0 + 2^-60:  s = 1.0, and 2^-60 - (s - 1.0) = 2^-60 is left over: inexact
 *
 * Everything else (NaNs, infinities, overflow, denormals, half precision, other modes) goes to fp.h. */
#ifndef ARMATURE_FP_FAST_H
#define ARMATURE_FP_FAST_H

#include <string.h>
#include "isa/arm64/fp.h"
#include "machine/contract/host.h"

static inline double fp_as_double(uint64_t a)
{
    double d;
    memcpy(&d, &a, sizeof d);
    return d;
}

static inline uint64_t fp_of_double(double d)
{
    uint64_t a;
    memcpy(&a, &d, sizeof a);
    return a;
}

static inline float fp_as_single(uint64_t a)
{
    uint32_t low = (uint32_t)a;
    float f;
    memcpy(&f, &low, sizeof f);
    return f;
}

static inline uint64_t fp_of_single(float f)
{
    uint32_t a;
    memcpy(&a, &f, sizeof a);
    return a;
}

/** Round to nearest, nothing flushed. */
static inline bool fp_is_plain(const struct fp_state *fp)
{
    return __builtin_expect((fp->fpcr & (FPCR_RMODE | FPCR_FZ)) == 0, 1);
}

static inline bool fp_wants_inexact(const struct fp_state *fp)
{
    return __builtin_expect(!(fp->fpsr & FPSR_IXC), 0);
}

static inline void fp_note_inexact(struct fp_state *fp, bool inexact)
{
    fp->fpsr |= inexact ? FPSR_IXC : 0;
}

/* Finite and above the smallest normal number; below infinity. Comparisons with a NaN are false. */
static inline bool fp_is_ordinary(double d)
{
    return __builtin_expect(__builtin_fabs(d) > 0x1p-1022 && __builtin_fabs(d) < __builtin_huge_val(), 1);
}

static inline bool fp_is_ordinary_single(float f)
{
    return __builtin_expect(__builtin_fabsf(f) > 0x1p-126f && __builtin_fabsf(f) < __builtin_huge_valf(), 1);
}

/* Where the rounding error of a product, quotient or root is surely a number: far above the denormals. */
static inline bool fp_has_room(double d)
{
    return __builtin_fabs(d) > 0x1p-900;
}

static inline bool fp_host_has_fma(void)
{
    return host_has.fma;
}

/** a * b + c, rounded once. The host must have FMA. */
static inline double fp_host_fma(double a, double b, double c)
{
    __asm__("vfmadd231sd %2, %1, %0" : "+x"(c) : "x"(a), "x"(b));
    return c;
}

static inline float fp_host_fma_single(float a, float b, float c)
{
    __asm__("vfmadd231ss %2, %1, %0" : "+x"(c) : "x"(a), "x"(b));
    return c;
}

static inline uint64_t fp_fast_add(enum fp_size size, uint64_t a, uint64_t b, struct fp_state *fp)
{
    if (size == FP_DOUBLE && fp_is_plain(fp)) {
        double x = fp_as_double(a), y = fp_as_double(b), sum = x + y;
        if (__builtin_expect(__builtin_fabs(sum) < __builtin_huge_val(), 1)) {
            double of_y = sum - x;
            if (fp_wants_inexact(fp))
                fp_note_inexact(fp, (x - (sum - of_y)) + (y - of_y) != 0);
            return fp_of_double(sum);
        }
    }
    if (size == FP_SINGLE && fp_is_plain(fp)) {
        float x = fp_as_single(a), y = fp_as_single(b), sum = x + y;
        if (__builtin_expect(__builtin_fabsf(sum) < __builtin_huge_valf(), 1)) {
            float of_y = sum - x;
            if (fp_wants_inexact(fp))
                fp_note_inexact(fp, (x - (sum - of_y)) + (y - of_y) != 0);
            return fp_of_single(sum);
        }
    }
    return fp_add(size, a, b, fp);
}

static inline uint64_t fp_fast_sub(enum fp_size size, uint64_t a, uint64_t b, struct fp_state *fp)
{
    if (size == FP_DOUBLE && fp_is_plain(fp)) {
        double x = fp_as_double(a), y = fp_as_double(b), difference = x - y;
        if (__builtin_expect(__builtin_fabs(difference) < __builtin_huge_val(), 1)) {
            double of_y = difference - x;
            if (fp_wants_inexact(fp))
                fp_note_inexact(fp, (x - (difference - of_y)) - (y + of_y) != 0);
            return fp_of_double(difference);
        }
    }
    if (size == FP_SINGLE && fp_is_plain(fp)) {
        float x = fp_as_single(a), y = fp_as_single(b), difference = x - y;
        if (__builtin_expect(__builtin_fabsf(difference) < __builtin_huge_valf(), 1)) {
            float of_y = difference - x;
            if (fp_wants_inexact(fp))
                fp_note_inexact(fp, (x - (difference - of_y)) - (y + of_y) != 0);
            return fp_of_single(difference);
        }
    }
    return fp_sub(size, a, b, fp);
}

static inline uint64_t fp_fast_mul(enum fp_size size, uint64_t a, uint64_t b, struct fp_state *fp)
{
    if (size == FP_DOUBLE && fp_is_plain(fp)) {
        double x = fp_as_double(a), y = fp_as_double(b), product = x * y;
        if (fp_is_ordinary(product)) {
            if (!fp_wants_inexact(fp))
                return fp_of_double(product);
            if (fp_has_room(product) && fp_host_has_fma()) {
                fp_note_inexact(fp, fp_host_fma(x, y, -product) != 0);
                return fp_of_double(product);
            }
        } else if (product == 0 && (x == 0 || y == 0)) {
            return fp_of_double(product);
        }
    }
    if (size == FP_SINGLE && fp_is_plain(fp)) {
        float x = fp_as_single(a), y = fp_as_single(b), product = x * y;
        if (fp_is_ordinary_single(product)) {
            if (fp_wants_inexact(fp))
                fp_note_inexact(fp, (double)x * (double)y != (double)product);
            return fp_of_single(product);
        }
        if (product == 0 && (x == 0 || y == 0))
            return fp_of_single(product);
    }
    return fp_mul(size, a, b, fp);
}

static inline uint64_t fp_fast_div(enum fp_size size, uint64_t a, uint64_t b, struct fp_state *fp)
{
    if (size == FP_DOUBLE && fp_is_plain(fp)) {
        double x = fp_as_double(a), y = fp_as_double(b), quotient = x / y;
        if (fp_is_ordinary(quotient)) {
            if (!fp_wants_inexact(fp))
                return fp_of_double(quotient);
            if (fp_has_room(x) && fp_host_has_fma()) {
                fp_note_inexact(fp, fp_host_fma(quotient, y, -x) != 0);
                return fp_of_double(quotient);
            }
        }
    }
    if (size == FP_SINGLE && fp_is_plain(fp)) {
        float x = fp_as_single(a), y = fp_as_single(b), quotient = x / y;
        if (fp_is_ordinary_single(quotient)) {
            if (fp_wants_inexact(fp))
                fp_note_inexact(fp, (double)quotient * (double)y != (double)x);
            return fp_of_single(quotient);
        }
    }
    return fp_div(size, a, b, fp);
}

static inline uint64_t fp_fast_sqrt(enum fp_size size, uint64_t a, struct fp_state *fp)
{
    if (size == FP_DOUBLE && fp_is_plain(fp)) {
        double x = fp_as_double(a), root;
        __asm__("sqrtsd %1, %0" : "=x"(root) : "x"(x));
        if (fp_is_ordinary(root)) {
            if (!fp_wants_inexact(fp))
                return fp_of_double(root);
            if (fp_has_room(x) && fp_host_has_fma()) {
                fp_note_inexact(fp, fp_host_fma(root, root, -x) != 0);
                return fp_of_double(root);
            }
        }
    }
    if (size == FP_SINGLE && fp_is_plain(fp)) {
        float x = fp_as_single(a), root;
        __asm__("sqrtss %1, %0" : "=x"(root) : "x"(x));
        if (fp_is_ordinary_single(root)) {
            if (fp_wants_inexact(fp))
                fp_note_inexact(fp, (double)root * (double)root != (double)x);
            return fp_of_single(root);
        }
    }
    return fp_sqrt(size, a, fp);
}

static inline uint64_t fp_fast_muladd(enum fp_size size, uint64_t addend, uint64_t a, uint64_t b,
                                      struct fp_state *fp)
{
    if (size == FP_DOUBLE && fp_is_plain(fp) && !fp_wants_inexact(fp) && fp_host_has_fma()) {
        double x = fp_as_double(a), y = fp_as_double(b), result = fp_host_fma(x, y, fp_as_double(addend));
        if (fp_is_ordinary(result) || ((x == 0 || y == 0) && result == 0))
            return fp_of_double(result);
    }
    if (size == FP_SINGLE && fp_is_plain(fp) && !fp_wants_inexact(fp) && fp_host_has_fma()) {
        float x = fp_as_single(a), y = fp_as_single(b),
              result = fp_host_fma_single(x, y, fp_as_single(addend));
        if (fp_is_ordinary_single(result) || ((x == 0 || y == 0) && result == 0))
            return fp_of_single(result);
    }
    return fp_muladd(size, addend, a, b, fp);
}

static inline enum fp_relation fp_fast_compare(enum fp_size size, uint64_t a, uint64_t b, bool signal_quiet,
                                               struct fp_state *fp)
{
    if (size != FP_HALF && !(fp->fpcr & FPCR_FZ)) {
        double x = size == FP_DOUBLE ? fp_as_double(a) : (double)fp_as_single(a);
        double y = size == FP_DOUBLE ? fp_as_double(b) : (double)fp_as_single(b);
        if (x < y)
            return FP_LESS;
        if (x > y)
            return FP_GREATER;
        if (x == y)
            return FP_EQUAL;
    }
    return fp_compare(size, a, b, signal_quiet, fp);
}

/** FPMax, FPMin; and FPMaxNum, FPMinNum, which differ for NaNs only. */
static inline uint64_t fp_fast_select(enum fp_size size, uint64_t a, uint64_t b, bool greatest, bool number,
                                      struct fp_state *fp)
{
    if (size == FP_DOUBLE && !(fp->fpcr & FPCR_FZ)) {
        double x = fp_as_double(a), y = fp_as_double(b);
        if (x < y)
            return greatest ? b : a;
        if (x > y)
            return greatest ? a : b;
    }
    if (size == FP_SINGLE && !(fp->fpcr & FPCR_FZ)) {
        float x = fp_as_single(a), y = fp_as_single(b);
        if (x < y)
            return greatest ? b : a;
        if (x > y)
            return greatest ? a : b;
    }
    if (number)
        return greatest ? fp_maxnm(size, a, b, fp) : fp_minnm(size, a, b, fp);
    return greatest ? fp_max(size, a, b, fp) : fp_min(size, a, b, fp);
}

static inline uint64_t fp_fast_convert(enum fp_size to, enum fp_size from, uint64_t a,
                                       enum fp_rounding rounding, struct fp_state *fp)
{
    if (to == FP_DOUBLE && from == FP_SINGLE && !(fp->fpcr & FPCR_FZ)) {
        double wide = (double)fp_as_single(a);
        if (wide == wide)
            return fp_of_double(wide);
    }
    if (to == FP_SINGLE && from == FP_DOUBLE && rounding == FP_TIE_EVEN && !(fp->fpcr & FPCR_FZ)) {
        double wide = fp_as_double(a);
        float narrow = (float)wide;
        if (fp_is_ordinary_single(narrow) || wide == 0) {
            fp_note_inexact(fp, (double)narrow != wide);
            return fp_of_single(narrow);
        }
    }
    return fp_convert(to, from, a, rounding, fp);
}

/** `x` as an integral number; |x| < 2^51. Its sign is lost where that number is zero. */
static inline double fp_fast_integral(double x, enum fp_rounding rounding)
{
    double whole = (double)(int64_t)x;

    switch (rounding) {
    case FP_TIE_EVEN: return (x + 0x1.8p52) - 0x1.8p52; /* 52 bits end at the units */
    case FP_DOWN: return whole - (whole > x);
    case FP_UP: return whole + (whole < x);
    case FP_TIE_AWAY: return __builtin_fabs(x - whole) >= 0.5 ? whole + __builtin_copysign(1, x) : whole;
    default: return whole;
    }
}

static inline uint64_t fp_fast_to_fixed(enum fp_size size, uint64_t a, unsigned bits, unsigned fraction_bits,
                                        bool is_unsigned, enum fp_rounding rounding, struct fp_state *fp)
{
    if (size != FP_HALF && fraction_bits == 0 && bits >= 32 && !(fp->fpcr & FPCR_FZ)) {
        double x = size == FP_DOUBLE ? fp_as_double(a) : (double)fp_as_single(a);
        if (__builtin_fabs(x) < 0x1p51) {
            double integral = fp_fast_integral(x, rounding);
            int64_t integer = (int64_t)integral;
            bool fits = is_unsigned ? integer >= 0 && (bits == 64 || integer >> 32 == 0)
                                    : bits == 64 || integer == (int32_t)integer;
            if (fits) {
                fp_note_inexact(fp, integral != x);
                return bits == 64 ? (uint64_t)integer : (uint32_t)integer;
            }
        }
    }
    return fp_to_fixed(size, a, bits, fraction_bits, is_unsigned, rounding, fp);
}

static inline uint64_t fp_fast_from_fixed(enum fp_size size, uint64_t value, unsigned fraction_bits,
                                          bool is_unsigned, enum fp_rounding rounding, struct fp_state *fp)
{
    int64_t integer = (int64_t)value;

    if (size != FP_HALF && fraction_bits == 0 && !(is_unsigned && integer < 0)) {
        int64_t exact = size == FP_DOUBLE ? 1ll << 53 : 1 << 24;
        if ((integer <= exact && integer >= -exact) || (rounding == FP_TIE_EVEN && !fp_wants_inexact(fp)))
            return size == FP_DOUBLE ? fp_of_double((double)integer) : fp_of_single((float)integer);
    }
    return fp_from_fixed(size, value, fraction_bits, is_unsigned, rounding, fp);
}

static inline uint64_t fp_fast_round_int(enum fp_size size, uint64_t a, enum fp_rounding rounding, bool exact,
                                         struct fp_state *fp)
{
    if (size != FP_HALF && !(fp->fpcr & FPCR_FZ)) {
        double x = size == FP_DOUBLE ? fp_as_double(a) : (double)fp_as_single(a);
        if (__builtin_fabs(x) < 0x1p51) {
            double integral = __builtin_copysign(fp_fast_integral(x, rounding), x);
            if (exact)
                fp_note_inexact(fp, integral != x);
            return size == FP_DOUBLE ? fp_of_double(integral) : fp_of_single((float)integral);
        }
    }
    return fp_round_int(size, a, rounding, exact, fp);
}

#endif
