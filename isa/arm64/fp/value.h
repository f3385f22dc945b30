/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of this directory share: a number taken apart, and rounding it back together.
 *
 * A finite non-zero value is mantissa * 2^(exponent - 63) with bit 63 of the mantissa set. Bits that fell off
 * below are kept as a sticky bit 0 ("jamming"): every format leaves at least ten bits under its last one, so
 * rounding a jammed mantissa gives the same result and the same flags as rounding the true value. */
#ifndef ARMATURE_FP_VALUE_H
#define ARMATURE_FP_VALUE_H

#include "isa/arm64/fp.h"

typedef unsigned __int128 fp_wide;

/** Where a format has its fields. */
struct fp_layout {
    uint8_t bits, fraction_bits, exponent_bits;
    bool has_infinity; /* false: the alternative half precision, whose largest exponent is an ordinary one */
};

extern const struct fp_layout fp_layouts[4]; /* by enum fp_size */
extern const struct fp_layout fp_layout_alternative_half, fp_layout_bf16;

enum fp_kind { KIND_ZERO, KIND_FINITE, KIND_INFINITY, KIND_QNAN, KIND_SNAN };

struct fp_value {
    enum fp_kind kind;
    bool sign;
    int exponent;
    uint64_t mantissa;
};

static inline void fp_raise(struct fp_state *fp, uint32_t flags)
{
    fp->fpsr |= flags;
}

static inline bool fp_is_nan(struct fp_value v)
{
    return v.kind >= KIND_QNAN;
}

static inline uint64_t fp_sign_bit(const struct fp_layout *f)
{
    return 1ull << (f->bits - 1);
}

static inline uint64_t fp_zero(const struct fp_layout *f, bool sign)
{
    return (uint64_t)sign << (f->bits - 1);
}

static inline uint64_t fp_infinity(const struct fp_layout *f, bool sign)
{
    return fp_zero(f, sign) | ((1ull << f->exponent_bits) - 1) << f->fraction_bits;
}

static inline uint64_t fp_max_normal(const struct fp_layout *f, bool sign)
{
    return fp_infinity(f, sign) - 1;
}

static inline uint64_t fp_quiet_bit(const struct fp_layout *f)
{
    return 1ull << (f->fraction_bits - 1);
}

static inline uint64_t fp_default_nan(const struct fp_layout *f)
{
    return fp_infinity(f, false) | fp_quiet_bit(f);
}

/** Whether denormals of this size are flushed. */
static inline bool fp_flushes(enum fp_size size, const struct fp_state *fp)
{
    return fp->fpcr & (size == FP_HALF ? FPCR_FZ16 : FPCR_FZ);
}

/** Takes `a` apart without flushing or flags. */
struct fp_value fp_take_apart(const struct fp_layout *f, uint64_t a);

/** FPUnpack: flushes denormals to zero where FPCR asks for it. */
struct fp_value fp_unpack(enum fp_size size, uint64_t a, struct fp_state *fp);

/** FPRoundBase: the nearest representation of a finite non-zero value. `flush`: what is tiny becomes zero. */
uint64_t fp_round_to(const struct fp_layout *f, bool sign, int exponent, uint64_t mantissa,
                     enum fp_rounding rounding, bool flush, struct fp_state *fp);

/** FPRound by FPCR, from a wide mantissa: value = mantissa * 2^(exponent - 127); any mantissa but 0. */
uint64_t fp_round_wide(enum fp_size size, bool sign, int exponent, fp_wide mantissa, struct fp_state *fp);

/** FPProcessNaN. */
uint64_t fp_process_nan(enum fp_size size, enum fp_kind kind, uint64_t a, struct fp_state *fp);

/** FPProcessNaNs: whether one of them is a NaN, and then `*result`. */
bool fp_process_nans(enum fp_size size, struct fp_value va, struct fp_value vb, uint64_t a, uint64_t b,
                     struct fp_state *fp, uint64_t *result);

/** The default NaN, with IOC. */
uint64_t fp_invalid(enum fp_size size, struct fp_state *fp);

/** A wide mantissa shifted right, what falls off jammed into bit 0. */
static inline fp_wide fp_shift_right_jam(fp_wide m, unsigned by)
{
    if (by == 0)
        return m;
    if (by > 127)
        return m != 0;
    return m >> by | ((m & (((fp_wide)1 << by) - 1)) != 0);
}

#endif
