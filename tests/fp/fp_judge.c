/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Judges isa/arm64/fp against the real instructions. Built for AArch64 together with that directory and run
 * by qemu's user-mode emulator (or on real hardware): each operation is done by the instruction and by our
 * code, on special and random operands in every mode of FPCR, and results and FPSR must agree.
 *
 * usage: fp_judge [SEED [ROUNDS]] */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "isa/arm64/fp.h"
#include "tests/fp/operands.h"

/* What an instruction left behind: V0 (low half), X0, FPSR. */
struct outcome {
    uint64_t result, fpsr;
};

struct operation {
    const char *name;
    enum fp_size size; /* of the operands, for the choice of special ones */
    void (*real)(uint64_t a, uint64_t b, uint64_t c, struct outcome *out);
    uint64_t (*ours)(uint64_t a, uint64_t b, uint64_t c, struct fp_state *fp);
};

/* V0, V1, V2 and X0 hold a, b, c and a; the result is expected in V0, or in X0 for a _X operation. */
#define REAL(id, text, take)                                                                                 \
    static void real_##id(uint64_t a, uint64_t b, uint64_t c, struct outcome *out)                           \
    {                                                                                                        \
        uint64_t result, fpsr;                                                                               \
        asm volatile("fmov d0, %2\n fmov d1, %3\n fmov d2, %4\n mov x0, %2\n msr fpsr, xzr\n" text "\n" take \
                     "\n mrs %1, fpsr"                                                                       \
                     : "=&r"(result), "=&r"(fpsr)                                                            \
                     : "r"(a), "r"(b), "r"(c)                                                                \
                     : "x0", "x1", "v0", "v1", "v2", "v3", "cc");                                            \
        *out = (struct outcome){result, fpsr & 0xff};                                                        \
    }
#define OURS(id, expression)                                                                                 \
    static uint64_t ours_##id(uint64_t a, uint64_t b, uint64_t c, struct fp_state *fp)                       \
    {                                                                                                        \
        return expression;                                                                                   \
    }
#define JUDGE(id, text, expression)   REAL(id, text, "fmov %0, d0") OURS(id, expression)
#define JUDGE_X(id, text, expression) REAL(id, text, "mov %0, x0") OURS(id, expression)

#define H    FP_HALF
#define S    FP_SINGLE
#define D    FP_DOUBLE
#define MODE fp_rounding_mode(fp)

static uint64_t nzcv(enum fp_relation relation)
{
    static const uint64_t flags[] = {[FP_LESS] = 8, [FP_EQUAL] = 6, [FP_GREATER] = 2, [FP_UNORDERED] = 3};
    return flags[relation] << 28;
}

static uint64_t js(uint64_t a, struct fp_state *fp)
{
    bool exact;
    uint64_t result = fp_to_int32_js(a, &exact, fp);
    return result | (uint64_t)exact << 62;
}

/* Each line for half, single, double: P(size letter of names, register letter, size). */
#define ARITHMETIC(P)                                                                                        \
    P(h, H)                                                                                                  \
    P(s, S) P(d, D)
#define DEFINE(r, Z)                                                                                         \
    JUDGE(fadd_##r, "fadd " #r "0, " #r "0, " #r "1", fp_add(Z, a, b, fp))                                   \
    JUDGE(fsub_##r, "fsub " #r "0, " #r "0, " #r "1", fp_sub(Z, a, b, fp))                                   \
    JUDGE(fmul_##r, "fmul " #r "0, " #r "0, " #r "1", fp_mul(Z, a, b, fp))                                   \
    JUDGE(fmulx_##r, "fmulx " #r "0, " #r "0, " #r "1", fp_mulx(Z, a, b, fp))                                \
    JUDGE(fdiv_##r, "fdiv " #r "0, " #r "0, " #r "1", fp_div(Z, a, b, fp))                                   \
    JUDGE(fsqrt_##r, "fsqrt " #r "0, " #r "0", fp_sqrt(Z, a, fp))                                            \
    JUDGE(fmadd_##r, "fmadd " #r "0, " #r "0, " #r "1, " #r "2", fp_muladd(Z, c, a, b, fp))                  \
    JUDGE(fmax_##r, "fmax " #r "0, " #r "0, " #r "1", fp_max(Z, a, b, fp))                                   \
    JUDGE(fmin_##r, "fmin " #r "0, " #r "0, " #r "1", fp_min(Z, a, b, fp))                                   \
    JUDGE(fmaxnm_##r, "fmaxnm " #r "0, " #r "0, " #r "1", fp_maxnm(Z, a, b, fp))                             \
    JUDGE(fminnm_##r, "fminnm " #r "0, " #r "0, " #r "1", fp_minnm(Z, a, b, fp))                             \
    JUDGE_X(fcmp_##r, "fcmp " #r "0, " #r "1\n mrs x0, nzcv", nzcv(fp_compare(Z, a, b, false, fp)))          \
    JUDGE_X(fcmpe_##r, "fcmpe " #r "0, " #r "1\n mrs x0, nzcv", nzcv(fp_compare(Z, a, b, true, fp)))         \
    JUDGE(frintn_##r, "frintn " #r "0, " #r "0", fp_round_int(Z, a, FP_TIE_EVEN, false, fp))                 \
    JUDGE(frintp_##r, "frintp " #r "0, " #r "0", fp_round_int(Z, a, FP_UP, false, fp))                       \
    JUDGE(frintm_##r, "frintm " #r "0, " #r "0", fp_round_int(Z, a, FP_DOWN, false, fp))                     \
    JUDGE(frintz_##r, "frintz " #r "0, " #r "0", fp_round_int(Z, a, FP_TO_ZERO, false, fp))                     \
    JUDGE(frinta_##r, "frinta " #r "0, " #r "0", fp_round_int(Z, a, FP_TIE_AWAY, false, fp))                 \
    JUDGE(frintx_##r, "frintx " #r "0, " #r "0", fp_round_int(Z, a, MODE, true, fp))                         \
    JUDGE(frinti_##r, "frinti " #r "0, " #r "0", fp_round_int(Z, a, MODE, false, fp))                        \
    JUDGE(frecpe_##r, "frecpe " #r "0, " #r "0", fp_recpe(Z, a, fp))                                         \
    JUDGE(frsqrte_##r, "frsqrte " #r "0, " #r "0", fp_rsqrte(Z, a, fp))                                      \
    JUDGE(frecpx_##r, "frecpx " #r "0, " #r "0", fp_recpx(Z, a, fp))                                         \
    JUDGE(frecps_##r, "frecps " #r "0, " #r "0, " #r "1", fp_recps(Z, a, b, fp))                             \
    JUDGE(frsqrts_##r, "frsqrts " #r "0, " #r "0, " #r "1", fp_rsqrts(Z, a, b, fp))                          \
    JUDGE_X(fcvtns_w##r, "fcvtns w0, " #r "0", fp_to_fixed(Z, a, 32, 0, false, FP_TIE_EVEN, fp))             \
    JUDGE_X(fcvtas_x##r, "fcvtas x0, " #r "0", fp_to_fixed(Z, a, 64, 0, false, FP_TIE_AWAY, fp))             \
    JUDGE_X(fcvtau_w##r, "fcvtau w0, " #r "0", fp_to_fixed(Z, a, 32, 0, true, FP_TIE_AWAY, fp))              \
    JUDGE_X(fcvtpu_x##r, "fcvtpu x0, " #r "0", fp_to_fixed(Z, a, 64, 0, true, FP_UP, fp))                    \
    JUDGE_X(fcvtms_x##r, "fcvtms x0, " #r "0", fp_to_fixed(Z, a, 64, 0, false, FP_DOWN, fp))                 \
    JUDGE_X(fcvtzs_w##r, "fcvtzs w0, " #r "0, #7", fp_to_fixed(Z, a, 32, 7, false, FP_TO_ZERO, fp))             \
    JUDGE_X(fcvtzu_x##r, "fcvtzu x0, " #r "0, #33", fp_to_fixed(Z, a, 64, 33, true, FP_TO_ZERO, fp))            \
    JUDGE(scvtf_w##r, "scvtf " #r "0, w0", fp_from_fixed(Z, (uint64_t)(int32_t)a, 0, false, MODE, fp))       \
    JUDGE(scvtf_x##r, "scvtf " #r "0, x0, #21", fp_from_fixed(Z, a, 21, false, MODE, fp))                    \
    JUDGE(ucvtf_x##r, "ucvtf " #r "0, x0, #64", fp_from_fixed(Z, a, 64, true, MODE, fp))                     \
    JUDGE(ucvtf_w##r, "ucvtf " #r "0, w0", fp_from_fixed(Z, (uint32_t)a, 0, true, MODE, fp))
ARITHMETIC(DEFINE)

#define DEFINE_ROUND_N(r, Z)                                                                                 \
    JUDGE(frint32z_##r, "frint32z " #r "0, " #r "0", fp_round_int_n(Z, a, FP_TO_ZERO, 32, fp))                  \
    JUDGE(frint32x_##r, "frint32x " #r "0, " #r "0", fp_round_int_n(Z, a, MODE, 32, fp))                     \
    JUDGE(frint64z_##r, "frint64z " #r "0, " #r "0", fp_round_int_n(Z, a, FP_TO_ZERO, 64, fp))                  \
    JUDGE(frint64x_##r, "frint64x " #r "0, " #r "0", fp_round_int_n(Z, a, MODE, 64, fp))
DEFINE_ROUND_N(s, S)
DEFINE_ROUND_N(d, D)

JUDGE(fcvt_hs, "fcvt h0, s0", fp_convert(H, S, a, MODE, fp))
JUDGE(fcvt_hd, "fcvt h0, d0", fp_convert(H, D, a, MODE, fp))
JUDGE(fcvt_sh, "fcvt s0, h0", fp_convert(S, H, a, MODE, fp))
JUDGE(fcvt_sd, "fcvt s0, d0", fp_convert(S, D, a, MODE, fp))
JUDGE(fcvt_dh, "fcvt d0, h0", fp_convert(D, H, a, MODE, fp))
JUDGE(fcvt_ds, "fcvt d0, s0", fp_convert(D, S, a, MODE, fp))
JUDGE(fcvtxn, "fcvtxn s0, d0", fp_convert(S, D, a, FP_TO_ODD, fp))
JUDGE(bfcvt, "bfcvt h0, s0", fp_convert_bf16((uint32_t)a, fp))
JUDGE_X(fjcvtzs, "fjcvtzs w0, d0\n mrs x1, nzcv\n orr x0, x0, x1, lsl #32", js(a, fp))
JUDGE(fmlal, "fmov s3, s0\n fmov s0, s2\n fmlal v0.2s, v3.2h, v1.2h\n fmov s0, s0",
      fp_muladd_half((uint32_t)c, a & 0xffff, b & 0xffff, fp))
JUDGE(bfdot, "fmov s3, s0\n fmov s0, s2\n bfdot v0.2s, v3.4h, v1.4h\n fmov s0, s0",
      fp_bfdot((uint32_t)c, (uint32_t)a, (uint32_t)b))
JUDGE(urecpe, "urecpe v0.2s, v0.2s\n fmov s0, s0", fp_unsigned_recpe((uint32_t)a))
JUDGE(ursqrte, "ursqrte v0.2s, v0.2s\n fmov s0, s0", fp_unsigned_rsqrte((uint32_t)a))

#define ROW(id, Z) {#id, Z, real_##id, ours_##id},
#define ROWS(r, Z)                                                                                           \
    ROW(fadd_##r, Z)                                                                                         \
    ROW(fsub_##r, Z)                                                                                         \
    ROW(fmul_##r, Z) ROW(fmulx_##r, Z) ROW(fdiv_##r, Z) ROW(fsqrt_##r, Z) ROW(fmadd_##r, Z) ROW(fmax_##r, Z) \
        ROW(fmin_##r, Z) ROW(fmaxnm_##r, Z) ROW(fminnm_##r, Z) ROW(fcmp_##r, Z) ROW(fcmpe_##r, Z)            \
            ROW(frintn_##r, Z) ROW(frintp_##r, Z) ROW(frintm_##r, Z) ROW(frintz_##r, Z) ROW(frinta_##r, Z)   \
                ROW(frintx_##r, Z) ROW(frinti_##r, Z) ROW(frecpe_##r, Z) ROW(frsqrte_##r, Z)                 \
                    ROW(frecpx_##r, Z) ROW(frecps_##r, Z) ROW(frsqrts_##r, Z) ROW(fcvtns_w##r, Z)            \
                        ROW(fcvtas_x##r, Z) ROW(fcvtau_w##r, Z) ROW(fcvtpu_x##r, Z) ROW(fcvtms_x##r, Z)      \
                            ROW(fcvtzs_w##r, Z) ROW(fcvtzu_x##r, Z) ROW(scvtf_w##r, D) ROW(scvtf_x##r, D)    \
                                ROW(ucvtf_x##r, D) ROW(ucvtf_w##r, D)
static const struct operation operations[] = {
    ARITHMETIC(ROWS) ROW(frint32z_s, S) ROW(frint32x_s, S) ROW(frint64z_s, S) ROW(frint64x_s, S)
        ROW(frint32z_d, D) ROW(frint32x_d, D) ROW(frint64z_d, D) ROW(frint64x_d, D) ROW(fcvt_hs, S)
            ROW(fcvt_hd, D) ROW(fcvt_sh, H) ROW(fcvt_sd, D) ROW(fcvt_dh, H) ROW(fcvt_ds, S) ROW(fcvtxn, D)
                ROW(bfcvt, S) ROW(fjcvtzs, D) ROW(fmlal, H) ROW(bfdot, S) ROW(urecpe, S) ROW(ursqrte, S)};

/* Where the judge itself is wrong. A flushed positive denormal is not what FJCVTZS got, and clears Z: the
 * last condition of FPToFixedJS. QEMU 7.2 sets Z. */
static bool is_excused(const struct operation *op, uint64_t fpcr, uint64_t a)
{
    return op->ours == ours_fjcvtzs && fpcr & FPCR_FZ && a - 1 < 0x000fffffffffffff;
}

static unsigned judge(const struct operation *op, uint64_t fpcr, unsigned rounds)
{
    unsigned failures = 0;

    asm volatile("msr fpcr, %0" : : "r"(fpcr));
    for (unsigned i = 0; i < rounds; i++) {
        uint64_t a = pick_operand(op->size, 0), b = pick_operand(op->size, a),
                 c = pick_operand(op->size, i & 1 ? a : b);
        struct outcome real;
        struct fp_state fp = {fpcr, 0};
        op->real(a, b, c, &real);
        uint64_t ours = op->ours(a, b, c, &fp);
        if ((real.result == ours && real.fpsr == fp.fpsr) || is_excused(op, fpcr, a))
            continue;
        if (failures++ < 3) {
            asm volatile("msr fpcr, xzr");
            printf("%s fpcr=%08" PRIx64 " a=%" PRIx64 " b=%" PRIx64 " c=%" PRIx64 ": expected %" PRIx64
                   " fpsr=%02" PRIx64 ", got %" PRIx64 " fpsr=%02" PRIx64 "\n",
                   op->name, fpcr, a, b, c, real.result, real.fpsr, ours, fp.fpsr);
            asm volatile("msr fpcr, %0" : : "r"(fpcr));
        }
    }
    asm volatile("msr fpcr, xzr");
    return failures;
}

int main(int argc, char **argv)
{
    operand_seed = argc > 1 ? strtoull(argv[1], NULL, 0) | 1 : 1;
    unsigned rounds = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : 1000, failures = 0;

    for (unsigned i = 0; i < sizeof operations / sizeof *operations; i++) {
        for (unsigned modes = 0; modes < 64; modes++) {
            uint64_t fpcr = (uint64_t)(modes & 3) << 22 | (modes & 4 ? FPCR_FZ : 0) |
                            (modes & 8 ? FPCR_DN : 0) | (modes & 16 ? FPCR_AHP : 0) |
                            (modes & 32 ? FPCR_FZ16 : 0);
            failures += judge(&operations[i], fpcr, rounds);
        }
    }
    printf("%u failures\n", failures);
    return failures != 0;
}
