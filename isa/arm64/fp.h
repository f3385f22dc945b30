/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Arm floating point, exactly: results, NaNs and cumulative flags as the pseudocode library has them (Arm ARM
 * J1.1.3, "Floating-point"), for a processor without FEAT_AFP and without trapped exceptions.
 *
 * A value is its bit pattern in the low bits of a uint64_t. `size` is log2 of its bytes (enum fp_size), as in
 * insn->size. Each operation reads the modes from fp->fpcr and ORs the flags it raises into fp->fpsr.
 * These functions are correct for every input and mode; fp/fast.h has the inline short cuts in front of them.
 */
#ifndef ARMATURE_FP_H
#define ARMATURE_FP_H

#include <stdbool.h>
#include <stdint.h>

/** The two registers. struct cpu embeds them as cpu.fp, with the members also known as cpu.fpcr and cpu.fpsr.
 */
struct fp_state {
    uint64_t fpcr, fpsr;
};

enum fp_size { FP_HALF = 1, FP_SINGLE = 2, FP_DOUBLE = 3 };

/* FPCR (Arm ARM C5.2.8). The trap enables are RAZ/WI here. */
#define FPCR_FZ16  (1u << 19)
#define FPCR_RMODE (3u << 22)
#define FPCR_FZ    (1u << 24)
#define FPCR_DN    (1u << 25)
#define FPCR_AHP   (1u << 26)

/* FPSR (C5.2.10): the cumulative flags. */
#define FPSR_IOC (1u << 0)  /* invalid operation */
#define FPSR_DZC (1u << 1)  /* division by zero */
#define FPSR_OFC (1u << 2)  /* overflow */
#define FPSR_UFC (1u << 3)  /* underflow */
#define FPSR_IXC (1u << 4)  /* inexact */
#define FPSR_IDC (1u << 7)  /* denormal input flushed */
#define FPSR_QC  (1u << 27) /* integer saturation */

/** Rounding modes; the first four are FPCR.RMode. */
enum fp_rounding { FP_TIE_EVEN, FP_UP, FP_DOWN, FP_TO_ZERO, FP_TIE_AWAY, FP_TO_ODD };

static inline enum fp_rounding fp_rounding_mode(const struct fp_state *fp)
{
    return fp->fpcr >> 22 & 3;
}

/** FPAdd, FPSub, FPMul, FPMulX, FPDiv, FPSqrt. */
uint64_t fp_add(enum fp_size size, uint64_t a, uint64_t b, struct fp_state *fp);
uint64_t fp_sub(enum fp_size size, uint64_t a, uint64_t b, struct fp_state *fp);
uint64_t fp_mul(enum fp_size size, uint64_t a, uint64_t b, struct fp_state *fp);
uint64_t fp_mulx(enum fp_size size, uint64_t a, uint64_t b, struct fp_state *fp);
uint64_t fp_div(enum fp_size size, uint64_t a, uint64_t b, struct fp_state *fp);
uint64_t fp_sqrt(enum fp_size size, uint64_t a, struct fp_state *fp);

/** FPMulAdd: addend + a * b, rounded once. */
uint64_t fp_muladd(enum fp_size size, uint64_t addend, uint64_t a, uint64_t b, struct fp_state *fp);

/** FPMulAddH: a single-precision addend, half-precision a and b. */
uint64_t fp_muladd_half(uint64_t addend, uint64_t a, uint64_t b, struct fp_state *fp);

/** FPMax, FPMin, FPMaxNum, FPMinNum. */
uint64_t fp_max(enum fp_size size, uint64_t a, uint64_t b, struct fp_state *fp);
uint64_t fp_min(enum fp_size size, uint64_t a, uint64_t b, struct fp_state *fp);
uint64_t fp_maxnm(enum fp_size size, uint64_t a, uint64_t b, struct fp_state *fp);
uint64_t fp_minnm(enum fp_size size, uint64_t a, uint64_t b, struct fp_state *fp);

/** How a stands to b. */
enum fp_relation { FP_LESS, FP_EQUAL, FP_GREATER, FP_UNORDERED };

/** FPCompare. `signal_quiet`: a quiet NaN raises IOC too (FCMPE, FCMGE, FCMGT). */
enum fp_relation fp_compare(enum fp_size size, uint64_t a, uint64_t b, bool signal_quiet,
                            struct fp_state *fp);

/** FPRoundInt: to an integral value in the same format. `exact`: raises IXC where the value changes (FRINTX).
 */
uint64_t fp_round_int(enum fp_size size, uint64_t a, enum fp_rounding rounding, bool exact,
                      struct fp_state *fp);

/** FPRoundIntN: the same for values that fit a signed integer of `bits` (32 or 64); size is single or double.
 */
uint64_t fp_round_int_n(enum fp_size size, uint64_t a, enum fp_rounding rounding, unsigned bits,
                        struct fp_state *fp);

/** FPConvert between half, single and double, with the alternative half format where FPCR.AHP is set. */
uint64_t fp_convert(enum fp_size to, enum fp_size from, uint64_t a, enum fp_rounding rounding,
                    struct fp_state *fp);

/** FPToFixed: a * 2^fraction_bits as an integer of `bits` (16, 32 or 64), saturated; zero-extended. */
uint64_t fp_to_fixed(enum fp_size size, uint64_t a, unsigned bits, unsigned fraction_bits, bool is_unsigned,
                     enum fp_rounding rounding, struct fp_state *fp);

/** FixedToFP: value / 2^fraction_bits; `value` is already sign- or zero-extended to 64 bits. */
uint64_t fp_from_fixed(enum fp_size size, uint64_t value, unsigned fraction_bits, bool is_unsigned,
                       enum fp_rounding rounding, struct fp_state *fp);

/** FPToFixedJS: FJCVTZS. `*exact` receives what goes to the Z flag. */
uint32_t fp_to_int32_js(uint64_t a, bool *exact, struct fp_state *fp);

/** FPRecipEstimate, FPRSqrtEstimate, FPRecpX, FPRecipStepFused, FPRSqrtStepFused. */
uint64_t fp_recpe(enum fp_size size, uint64_t a, struct fp_state *fp);
uint64_t fp_rsqrte(enum fp_size size, uint64_t a, struct fp_state *fp);
uint64_t fp_recpx(enum fp_size size, uint64_t a, struct fp_state *fp);
uint64_t fp_recps(enum fp_size size, uint64_t a, uint64_t b, struct fp_state *fp);
uint64_t fp_rsqrts(enum fp_size size, uint64_t a, uint64_t b, struct fp_state *fp);

/** UnsignedRecipEstimate, UnsignedRSqrtEstimate: URECPE, URSQRTE. They raise nothing. */
uint32_t fp_unsigned_recpe(uint32_t a);
uint32_t fp_unsigned_rsqrte(uint32_t a);

/** FPConvertBF: single to BFloat16, rounded by FPCR. */
uint16_t fp_convert_bf16(uint32_t a, struct fp_state *fp);

/** BFDotAdd: addend + (a0 * b0 + a1 * b1); a and b hold two BFloat16 each. Round to odd, no flags, denormals
 *  are zero, the default NaN. */
uint32_t fp_bfdot(uint32_t addend, uint32_t a, uint32_t b);

/** VFPExpandImm: the value of an 8-bit immediate. */
uint64_t fp_expand_imm(enum fp_size size, uint32_t imm8);

#endif
