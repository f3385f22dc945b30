/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The assembler's vector half: SSE up to 4.2, AES, SHA, carry-less multiplication, FMA.
 *
 * An operation's number is its mandatory prefix in the top byte and its opcode below, so that one emitter
 * serves all of them: pshufb, 66 0F 38 00, is 0x660f3800. */
#ifndef ARMATURE_X64_SSE_H
#define ARMATURE_X64_SSE_H

#include "jit/x64.h"

enum sse_op {
    /* Moves. What loads 4 or 8 bytes clears the rest. */
    SSE_MOVAPS = 0x00000f28,
    SSE_MOVAPS_STORE = 0x00000f29,
    SSE_MOVUPS = 0x00000f10,
    SSE_MOVUPS_STORE = 0x00000f11,
    SSE_MOVD = 0x66000f6e, /* from a general register or memory */
    SSE_MOVD_TO = 0x66000f7e,
    SSE_MOVQ = 0xf3000f7e,
    SSE_MOVQ_STORE = 0x66000fd6,
    SSE_MOVSS = 0xf3000f10, /* between registers: the low element into the first operand */
    SSE_MOVSS_STORE = 0xf3000f11,
    SSE_MOVSD = 0xf2000f10,
    SSE_MOVLPS = 0x00000f12, /* from memory; the upper half stays */
    SSE_MOVHPS = 0x00000f16,
    SSE_MOVLPS_STORE = 0x00000f13,
    SSE_MOVHPS_STORE = 0x00000f17,
    SSE_MOVLHPS = 0x00000f16, /* between registers */
    SSE_MOVHLPS = 0x00000f12,
    SSE_MOVMSKPS = 0x00000f50,
    SSE_MOVMSKPD = 0x66000f50,
    SSE_PMOVMSKB = 0x66000fd7,
    SSE_PINSRB = 0x660f3a20,
    SSE_PINSRW = 0x66000fc4,
    SSE_PINSRD = 0x660f3a22,
    SSE_PEXTRW = 0x66000fc5, /* the register stands on the other side in all but this one */
    SSE_PEXTRB = 0x660f3a14,
    SSE_PEXTRD = 0x660f3a16,
    SSE_PTEST = 0x660f3817,
    SSE_TESTPS = 0x660f380e, /* AVX alone: zero flag where no sign bit of the lanes' AND is set */
    SSE_TESTPD = 0x660f380f,
    /* Floating point: the packed single form; see sse_fp(). */
    SSE_SQRT = 0x0f51,
    SSE_ADD = 0x0f58,
    SSE_MUL = 0x0f59,
    SSE_SUB = 0x0f5c,
    SSE_MIN = 0x0f5d,
    SSE_DIV = 0x0f5e,
    SSE_MAX = 0x0f5f,
    SSE_CMP = 0x0fc2, /* imm8: 0 equal, 1 less, 2 less or equal, 3 unordered */
    SSE_UCOMIS = 0x0f2e,
    SSE_COMIS = 0x0f2f,
    SSE_CVTSS2SD = 0xf3000f5a,
    SSE_CVTSD2SS = 0xf2000f5a,
    SSE_CVTPS2PD = 0x00000f5a,
    SSE_CVTPD2PS = 0x66000f5a,
    SSE_CVTDQ2PS = 0x00000f5b,
    SSE_CVTTPS2DQ = 0xf3000f5b,
    SSE_CVTDQ2PD = 0xf3000fe6,
    SSE_CVTPH2PS = 0x660f3813, /* F16C, AVX alone */
    SSE_CVTPS2PH = 0x660f3a1d,
    SSE_CVTSI2SS = 0xf3000f2a,
    SSE_CVTSI2SD = 0xf2000f2a,
    SSE_CVTTSS2SI = 0xf3000f2c,
    SSE_CVTTSD2SI = 0xf2000f2c,
    SSE_ROUNDPS = 0x660f3a08, /* imm8: 0 nearest, 1 down, 2 up, 3 to zero */
    SSE_ROUNDPD = 0x660f3a09,
    SSE_ROUNDSS = 0x660f3a0a,
    SSE_ROUNDSD = 0x660f3a0b,
    SSE_SHUFPS = 0x00000fc6,
    SSE_SHUFPD = 0x66000fc6,
    SSE_INSERTPS = 0x660f3a21,
    SSE_BLENDPS = 0x660f3a0c, /* imm8: a bit set takes the lane of the second operand */
    SSE_ANDPS = 0x00000f54,
    SSE_ANDPD = 0x66000f54,
    SSE_XORPS = 0x00000f57,
    SSE_XORPD = 0x66000f57,
    /* Logic. */
    SSE_PAND = 0x66000fdb,
    SSE_PANDN = 0x66000fdf,
    SSE_POR = 0x66000feb,
    SSE_PXOR = 0x66000fef,
    /* Integers, by width. */
    SSE_PADDB = 0x66000ffc,
    SSE_PADDW = 0x66000ffd,
    SSE_PADDD = 0x66000ffe,
    SSE_PADDQ = 0x66000fd4,
    SSE_PSUBB = 0x66000ff8,
    SSE_PSUBW = 0x66000ff9,
    SSE_PSUBD = 0x66000ffa,
    SSE_PSUBQ = 0x66000ffb,
    SSE_PADDSB = 0x66000fec,
    SSE_PADDSW = 0x66000fed,
    SSE_PADDUSB = 0x66000fdc,
    SSE_PADDUSW = 0x66000fdd,
    SSE_PSUBSB = 0x66000fe8,
    SSE_PSUBSW = 0x66000fe9,
    SSE_PSUBUSB = 0x66000fd8,
    SSE_PSUBUSW = 0x66000fd9,
    SSE_PCMPEQB = 0x66000f74,
    SSE_PCMPEQW = 0x66000f75,
    SSE_PCMPEQD = 0x66000f76,
    SSE_PCMPEQQ = 0x660f3829,
    SSE_PCMPGTB = 0x66000f64,
    SSE_PCMPGTW = 0x66000f65,
    SSE_PCMPGTD = 0x66000f66,
    SSE_PCMPGTQ = 0x660f3837,
    SSE_PMAXSB = 0x660f383c,
    SSE_PMAXSW = 0x66000fee,
    SSE_PMAXSD = 0x660f383d,
    SSE_PMAXUB = 0x66000fde,
    SSE_PMAXUW = 0x660f383e,
    SSE_PMAXUD = 0x660f383f,
    SSE_PMINSB = 0x660f3838,
    SSE_PMINSW = 0x66000fea,
    SSE_PMINSD = 0x660f3839,
    SSE_PMINUB = 0x66000fda,
    SSE_PMINUW = 0x660f383a,
    SSE_PMINUD = 0x660f383b,
    SSE_PABSB = 0x660f381c,
    SSE_PABSW = 0x660f381d,
    SSE_PABSD = 0x660f381e,
    SSE_PAVGB = 0x66000fe0,
    SSE_PAVGW = 0x66000fe3,
    SSE_PSADBW = 0x66000ff6,
    SSE_PMULLW = 0x66000fd5,
    SSE_PMULHW = 0x66000fe5,
    SSE_PMULHUW = 0x66000fe4,
    SSE_PMULHRSW = 0x660f380b,
    SSE_PMULLD = 0x660f3840,
    SSE_PMULUDQ = 0x66000ff4,
    SSE_PMULDQ = 0x660f3828,
    SSE_PMADDWD = 0x66000ff5,
    SSE_PSLLW = 0x66000ff1, /* all lanes by the low 64 bits of the second operand */
    SSE_PSRLVD = 0x660f3845, /* lane by lane, AVX2 alone; with W: 64 bits */
    SSE_PSRAVD = 0x660f3846,
    SSE_PSLLVD = 0x660f3847,
    SSE_PMADDUBSW = 0x660f3804,
    /* Permutes and widths. */
    SSE_PSHUFB = 0x660f3800,
    SSE_PSHUFD = 0x66000f70,
    SSE_PSHUFLW = 0xf2000f70,
    SSE_PSHUFHW = 0xf3000f70,
    SSE_PBLENDW = 0x660f3a0e,
    SSE_PBROADCASTB = 0x660f3878, /* AVX2 alone */
    SSE_PBROADCASTW = 0x660f3879,
    SSE_PBROADCASTD = 0x660f3858,
    SSE_PBROADCASTQ = 0x660f3859,
    SSE_PHADDW = 0x660f3801,
    SSE_PHADDD = 0x660f3802,
    SSE_PALIGNR = 0x660f3a0f,
    SSE_PUNPCKLBW = 0x66000f60,
    SSE_PUNPCKLWD = 0x66000f61,
    SSE_PUNPCKLDQ = 0x66000f62,
    SSE_PUNPCKLQDQ = 0x66000f6c,
    SSE_PUNPCKHBW = 0x66000f68,
    SSE_PUNPCKHWD = 0x66000f69,
    SSE_PUNPCKHDQ = 0x66000f6a,
    SSE_PUNPCKHQDQ = 0x66000f6d,
    SSE_PACKUSWB = 0x66000f67,
    SSE_PACKUSDW = 0x660f382b,
    SSE_PACKSSWB = 0x66000f63,
    SSE_PACKSSDW = 0x66000f6b,
    SSE_PMOVSXBW = 0x660f3820,
    SSE_PMOVSXBD = 0x660f3821,
    SSE_PMOVSXWD = 0x660f3823,
    SSE_PMOVSXDQ = 0x660f3825,
    SSE_PMOVZXBW = 0x660f3830,
    SSE_PMOVZXBD = 0x660f3831,
    SSE_PMOVZXWD = 0x660f3833,
    SSE_PMOVZXDQ = 0x660f3835,
    /* Cryptography. */
    SSE_AESIMC = 0x660f38db,
    SSE_AESENC = 0x660f38dc,
    SSE_AESDEC = 0x660f38de,
    SSE_AESENCLAST = 0x660f38dd,
    SSE_AESDECLAST = 0x660f38df,
    SSE_PCLMULQDQ = 0x660f3a44,
    SSE_SHA1RNDS4 = 0x000f3acc,
    SSE_SHA1NEXTE = 0x000f38c8,
    SSE_SHA1MSG1 = 0x000f38c9,
    SSE_SHA1MSG2 = 0x000f38ca,
    SSE_SHA256RNDS2 = 0x000f38cb, /* with xmm0 */
    SSE_SHA256MSG1 = 0x000f38cc,
    SSE_SHA256MSG2 = 0x000f38cd,
};

/** Shifts by an immediate: the /digit within the group of the width. */
enum sse_shift {
    SSE_SHIFT_RIGHT = 2,
    SSE_SHIFT_RIGHT_SIGNED = 4,
    SSE_SHIFT_LEFT = 6,
    SSE_SHIFT_BYTES_RIGHT = 3, /* the whole register; with a size of 3 */
    SSE_SHIFT_BYTES_LEFT = 7,
};

/** How a floating-point operation takes its operands. */
enum sse_form { SSE_PS, SSE_PD, SSE_SS, SSE_SD };

/** The operation `op` (SSE_SQRT to SSE_CMP) in one of its four forms; SSE_UCOMIS has PS (single) and PD
 * (double). */
static inline enum sse_op sse_fp(enum sse_op op, enum sse_form form)
{
    static const uint8_t prefixes[] = {[SSE_PS] = 0, [SSE_PD] = 0x66, [SSE_SS] = 0xf3, [SSE_SD] = 0xf2};
    return (enum sse_op)((unsigned)op | (unsigned)prefixes[form] << 24);
}

/** `to`, `from`: vector registers, or a general one on the side where the operation has it. */
static inline void sse_rr_w(struct x64 *c, unsigned w, enum sse_op op, unsigned to, unsigned from)
{
    x64_rr(c, (unsigned)op >> 24, w, (unsigned)op & 0xffffff, to, from, false);
}

static inline void sse_rr(struct x64 *c, enum sse_op op, unsigned to, unsigned from)
{
    sse_rr_w(c, 0, op, to, from);
}

/** Memory operands of 16 bytes must be aligned, but for SSE_MOVQ, SSE_MOVD, and pmovzx's kind. */
static inline void sse_rm(struct x64 *c, enum sse_op op, unsigned reg, unsigned base, int32_t disp)
{
    x64_rm(c, (unsigned)op >> 24, 0, (unsigned)op & 0xffffff, reg, base, disp, false);
}

static inline void sse_rr_imm(struct x64 *c, enum sse_op op, unsigned to, unsigned from, unsigned imm)
{
    sse_rr(c, op, to, from);
    x64_byte(c, imm);
}

/** Lanes of 1 << size bytes (1 to 3) by `amount`; no signed right shift of 64-bit lanes. */
static inline void sse_shift(struct x64 *c, enum sse_shift shift, unsigned size, unsigned reg,
                             unsigned amount)
{
    x64_rr(c, 0x66, 0, 0x0f70 + size, shift, reg, false);
    x64_byte(c, amount);
}

/** The whole register to the right by bytes. */
static inline void sse_shift_bytes(struct x64 *c, unsigned reg, unsigned bytes)
{
    x64_rr(c, 0x66, 0, 0x0f73, SSE_SHIFT_BYTES_RIGHT, reg, false);
    x64_byte(c, bytes);
}

#endif
