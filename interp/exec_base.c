/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Data processing and branches of the general registers: the instructions of tables/base.tab.
 *
 * Nearly every instruction a guest runs passes through here or exec_memory.c. So the bodies take what the
 * decoder has worked out (masks, extension widths, whole constants) and test as little as they can: register
 * 31 is a matter of indices (insn.h), and a 32-bit result is cleared above by its type. */
#include "interp/conditions.h"
#include "interp/crc32.h"
#include "interp/exec.h"
#include "isa/arm64/debug.h"

/* Arithmetic with flags. x86 has just computed them, so they are stored from there: one instruction a flag,
 * where the compiler would work each out again from the operands. Single bytes, since conditions read single
 * bytes. */

#define STORE_FLAGS(set_carry) "\n\tsets %[n]\n\tsetz %[z]\n\t" set_carry " %[c]\n\tseto %[v]"
#define FLAG_OPERANDS(cpu)                                                                                   \
    [n] "=m"((cpu)->nzcv.n), [z] "=m"((cpu)->nzcv.z), [c] "=m"((cpu)->nzcv.c), [v] "=m"((cpu)->nzcv.v)
#define CARRIED_FLAG_OPERANDS(cpu)                                                                           \
    [n] "=m"((cpu)->nzcv.n), [z] "=m"((cpu)->nzcv.z), [c] "+m"((cpu)->nzcv.c), [v] "=m"((cpu)->nzcv.v)

#define FLAGGED(suffix, type)                                                                                \
    static inline type add_flags##suffix(struct cpu *cpu, type a, type b)                                    \
    {                                                                                                        \
        __asm__("add %[b], %[a]" STORE_FLAGS("setc") : [a] "+r"(a), FLAG_OPERANDS(cpu) : [b] "r"(b) : "cc"); \
        return a;                                                                                            \
    }                                                                                                        \
    static inline type sub_flags##suffix(struct cpu *cpu, type a, type b)                                    \
    {                                                                                                        \
        __asm__("sub %[b], %[a]" STORE_FLAGS("setnc")                                                        \
                : [a] "+r"(a), FLAG_OPERANDS(cpu)                                                            \
                : [b] "r"(b)                                                                                 \
                : "cc");                                                                                     \
        return a;                                                                                            \
    }                                                                                                        \
    /* A + B + C, and A + NOT(B) + C, which is A - B - 1 + C. */                                             \
    static inline type adc_flags##suffix(struct cpu *cpu, type a, type b)                                    \
    {                                                                                                        \
        __asm__("btw $0, %[c]\n\tadc %[b], %[a]" STORE_FLAGS("setc")                                         \
                : [a] "+&r"(a), CARRIED_FLAG_OPERANDS(cpu)                                                   \
                : [b] "r"(b)                                                                                 \
                : "cc");                                                                                     \
        return a;                                                                                            \
    }                                                                                                        \
    static inline type sbc_flags##suffix(struct cpu *cpu, type a, type b)                                    \
    {                                                                                                        \
        __asm__("cmpb $1, %[c]\n\tsbb %[b], %[a]" STORE_FLAGS("setnc")                                       \
                : [a] "+&r"(a), CARRIED_FLAG_OPERANDS(cpu)                                                   \
                : [b] "r"(b)                                                                                 \
                : "cc");                                                                                     \
        return a;                                                                                            \
    }                                                                                                        \
    static inline type and_flags##suffix(struct cpu *cpu, type a, type b)                                    \
    {                                                                                                        \
        __asm__("and %[b], %[a]" STORE_FLAGS("setc")                                                         \
                : [a] "+r"(a), FLAG_OPERANDS(cpu)                                                            \
                : [b] "r"(b)                                                                                 \
                : "cc"); /* which clears the host's carry and overflow, as ANDS does the guest's */          \
        return a;                                                                                            \
    }

FLAGGED(64, uint64_t)
FLAGGED(32, uint32_t)

/* One instruction in both widths: `a` and `b` are the operands, of type `word`. */
#define BOTH_WIDTHS(name, first, second, result64, result32)                                                 \
    EXEC(name)                                                                                               \
    {                                                                                                        \
        if (insn->sf) {                                                                                      \
            typedef uint64_t word;                                                                           \
            const word a = (word)(first), b = (word)(second);                                                \
            cpu->x[insn->rd] = result64;                                                                     \
        } else {                                                                                             \
            typedef uint32_t word;                                                                           \
            const word a = (word)(first), b = (word)(second);                                                \
            cpu->x[insn->rd] = (uint32_t)(result32);                                                         \
        }                                                                                                    \
    }
#define BOTH(name, first, second, result) BOTH_WIDTHS(name, first, second, result, result)
#define WITH_FLAGS(name, first, second, operation)                                                           \
    BOTH_WIDTHS(name, first, second, operation##64(cpu, a, b), operation##32(cpu, a, b))

#define RN  cpu->x[insn->rn]
#define RM  cpu->x[insn->rm]
#define IMM insn->imm

/* The second operand of the shifted-register forms, in 64 bits or (the low half of the result) 32. */
static inline __attribute__((always_inline)) uint64_t shifted(const struct cpu *cpu, const struct insn *insn)
{
    uint64_t value = RM;
    unsigned amount = insn->amount;
    if (insn->sf) {
        switch (insn->opt) {
        case 0: return value << amount;
        case 1: return value >> amount;
        case 2: return (uint64_t)((int64_t)value >> amount);
        default: return value >> (amount & 63) | value << (-amount & 63);
        }
    }
    uint32_t word = (uint32_t)value;
    switch (insn->opt) {
    case 0: return word << (amount & 31);
    case 1: return word >> (amount & 31);
    case 2: return (uint32_t)((int32_t)word >> (amount & 31));
    default: return word >> (amount & 31) | word << (-amount & 31);
    }
}

/* The second operand of the extended-register forms: imm is how far up its top bit goes to be extended from.
 */
static inline __attribute__((always_inline)) uint64_t extended(const struct cpu *cpu, const struct insn *insn)
{
    uint64_t value = RM << insn->imm;
    value = insn->opt ? (uint64_t)((int64_t)value >> insn->imm) : value >> insn->imm;
    return value << insn->amount;
}

/* PC-relative addresses */

EXEC(adr)
{
    cpu->x[insn->rd] = insn_pc(cpu, insn) + (uint64_t)insn->imm;
}

EXEC(adrp)
{
    cpu->x[insn->rd] = (insn_pc(cpu, insn) & ~0xfffull) + (uint64_t)insn->imm;
}

/* Immediate */

BOTH(add_imm, RN, IMM, a + b)
WITH_FLAGS(adds_imm, RN, IMM, add_flags)
BOTH(sub_imm, RN, IMM, a - b)
WITH_FLAGS(subs_imm, RN, IMM, sub_flags)

BOTH(and_imm, RN, IMM, a &b)
BOTH(orr_imm, RN, IMM, a | b)
BOTH(eor_imm, RN, IMM, a ^ b)
WITH_FLAGS(ands_imm, RN, IMM, and_flags)

EXEC(movn)
{
    cpu->x[insn->rd] = (uint64_t)insn->imm;
}

EXEC(movz)
{
    cpu->x[insn->rd] = (uint64_t)insn->imm;
}

EXEC(movk)
{
    uint64_t value = (cpu->x[insn->rd] & ~(0xffffull << insn->amount)) | (uint64_t)insn->imm;
    cpu->x[insn->rd] = insn->sf ? value : (uint32_t)value;
}

/* SBFM and UBFM move the field's top bit to bit 63 and the field down to where it goes: UBFX of bits 4 to 9
 * is left 54, right 58; UBFIZ of 6 bits to bit 4 is left 58, right 54. So no mask is needed, nor a case for
 * 32 bits. */
EXEC(sbfm)
{
    uint64_t value = (uint64_t)((int64_t)(RN << insn->amount) >> insn->opt);
    cpu->x[insn->rd] = insn->sf ? value : (uint32_t)value;
}

EXEC(bfm)
{
    uint64_t mask = (uint64_t)insn->imm;
    unsigned amount = insn->amount;
    if (insn->sf) {
        uint64_t value = RN >> amount | RN << (-amount & 63);
        cpu->x[insn->rd] = (cpu->x[insn->rd] & ~mask) | (value & mask);
    } else {
        uint32_t value = (uint32_t)RN >> amount | (uint32_t)RN << (-amount & 31);
        cpu->x[insn->rd] = (uint32_t)((cpu->x[insn->rd] & ~mask) | (value & mask));
    }
}

EXEC(ubfm)
{
    cpu->x[insn->rd] = RN << insn->amount >> insn->opt;
}

EXEC(extr)
{
    unsigned amount = insn->amount;
    if (insn->sf)
        cpu->x[insn->rd] = (uint64_t)(((unsigned __int128)RN << 64 | RM) >> amount);
    else
        cpu->x[insn->rd] = (uint32_t)((RN << 32 | (uint32_t)RM) >> amount);
}

/* Register */

BOTH(and_reg, RN, RM, a &b)
BOTH(and_shift, RN, shifted(cpu, insn), a &b)
BOTH(bic_shift, RN, shifted(cpu, insn), a & ~b)

EXEC(mov_reg)
{
    cpu->x[insn->rd] = insn->sf ? RM : (uint32_t)RM;
}

BOTH(orr_reg, RN, RM, a | b)
BOTH(orr_shift, RN, shifted(cpu, insn), a | b)
BOTH(orn_shift, RN, shifted(cpu, insn), a | ~b)
BOTH(eor_reg, RN, RM, a ^ b)
BOTH(eor_shift, RN, shifted(cpu, insn), a ^ b)
BOTH(eon_shift, RN, shifted(cpu, insn), a ^ ~b)
WITH_FLAGS(ands_reg, RN, RM, and_flags)
WITH_FLAGS(ands_shift, RN, shifted(cpu, insn), and_flags)
WITH_FLAGS(bics_shift, RN, ~shifted(cpu, insn), and_flags)

BOTH(add_reg, RN, RM, a + b)
BOTH(add_shift, RN, shifted(cpu, insn), a + b)
WITH_FLAGS(adds_reg, RN, RM, add_flags)
WITH_FLAGS(adds_shift, RN, shifted(cpu, insn), add_flags)
BOTH(sub_reg, RN, RM, a - b)
BOTH(sub_shift, RN, shifted(cpu, insn), a - b)
WITH_FLAGS(subs_reg, RN, RM, sub_flags)
WITH_FLAGS(subs_shift, RN, shifted(cpu, insn), sub_flags)

BOTH(add_ext, RN, extended(cpu, insn), a + b)
WITH_FLAGS(adds_ext, RN, extended(cpu, insn), add_flags)
BOTH(sub_ext, RN, extended(cpu, insn), a - b)
WITH_FLAGS(subs_ext, RN, extended(cpu, insn), sub_flags)

BOTH(adc, RN, RM, a + b + cpu->nzcv.c)
WITH_FLAGS(adcs, RN, RM, adc_flags)
BOTH(sbc, RN, RM, a - b - !cpu->nzcv.c)
WITH_FLAGS(sbcs, RN, RM, sbc_flags)

/* Flags */

EXEC(rmif)
{
    uint64_t value = RN >> insn->amount | RN << (-insn->amount & 63);
    uint32_t old = nzcv_pack(cpu->nzcv) >> 28;
    uint32_t mask = insn->opt;
    cpu->nzcv = nzcv_unpack(((old & ~mask) | ((uint32_t)value & mask)) << 28);
}

EXEC(setf)
{
    unsigned bits = 8u << insn->size;
    uint32_t value = (uint32_t)RN;
    cpu->nzcv.n = value >> (bits - 1) & 1;
    cpu->nzcv.z = value << (32 - bits) == 0;
    cpu->nzcv.v = (value >> bits ^ value >> (bits - 1)) & 1;
}

static const struct nzcv nzcv_of[16] = {
    {0, 0, 0, 0}, {0, 0, 0, 1}, {0, 0, 1, 0}, {0, 0, 1, 1}, {0, 1, 0, 0}, {0, 1, 0, 1},
    {0, 1, 1, 0}, {0, 1, 1, 1}, {1, 0, 0, 0}, {1, 0, 0, 1}, {1, 0, 1, 0}, {1, 0, 1, 1},
    {1, 1, 0, 0}, {1, 1, 0, 1}, {1, 1, 1, 0}, {1, 1, 1, 1},
};

#define CONDITIONAL_COMPARE(name, second, operation)                                                         \
    EXEC(name)                                                                                               \
    {                                                                                                        \
        if (!cond_holds(cpu, insn->opt))                                                                     \
            cpu->nzcv = nzcv_of[insn->amount];                                                               \
        else if (insn->sf)                                                                                   \
            operation##64(cpu, RN, (uint64_t)(second));                                                      \
        else                                                                                                 \
            operation##32(cpu, (uint32_t)RN, (uint32_t)(second));                                            \
    }

CONDITIONAL_COMPARE(ccmn_reg, RM, add_flags)
CONDITIONAL_COMPARE(ccmp_reg, RM, sub_flags)
CONDITIONAL_COMPARE(ccmn_imm, IMM, add_flags)
CONDITIONAL_COMPARE(ccmp_imm, IMM, sub_flags)

/* Conditional select */

BOTH(csel, RN, RM, cond_holds(cpu, insn->opt) ? a : b)
BOTH(csinc, RN, RM, cond_holds(cpu, insn->opt) ? a : b + 1)
BOTH(csinv, RN, RM, cond_holds(cpu, insn->opt) ? a : ~b)
BOTH(csneg, RN, RM, cond_holds(cpu, insn->opt) ? a : -b)

/* Two sources */

BOTH(udiv, RN, RM, b ? a / b : 0)
BOTH_WIDTHS(sdiv, RN, RM,
            !b              ? 0
            : b == ~(word)0 ? -a
                            : (word)((int64_t)a / (int64_t)b),
            !b              ? 0
            : b == ~(word)0 ? -a
                            : (word)((int32_t)a / (int32_t)b))
#define WIDTH_MASK (8 * sizeof(word) - 1)
BOTH(lslv, RN, RM, a << (b & WIDTH_MASK))
BOTH(lsrv, RN, RM, a >> (b & WIDTH_MASK))
BOTH_WIDTHS(asrv, RN, RM, (word)((int64_t)a >> (b & WIDTH_MASK)), (word)((int32_t)a >> (b & WIDTH_MASK)))
BOTH(rorv, RN, RM, a >> (b & WIDTH_MASK) | a << (-b & WIDTH_MASK))

EXEC(crc32)
{
    cpu->x[insn->rd] = crc32_update(CRC32_IEEE, (uint32_t)RN, RM, 1u << insn->size);
}

EXEC(crc32c)
{
    cpu->x[insn->rd] = crc32_update(CRC32_CASTAGNOLI, (uint32_t)RN, RM, 1u << insn->size);
}

/* One source */

/* Swaps neighbouring bits, pairs and nibbles; the order of bytes is then right but for itself. */
static inline uint64_t reverse_bits_of_bytes(uint64_t value)
{
    value = (value >> 1 & 0x5555555555555555ull) | (value & 0x5555555555555555ull) << 1;
    value = (value >> 2 & 0x3333333333333333ull) | (value & 0x3333333333333333ull) << 2;
    return (value >> 4 & 0x0f0f0f0f0f0f0f0full) | (value & 0x0f0f0f0f0f0f0f0full) << 4;
}

EXEC(rbit)
{
    uint64_t value = __builtin_bswap64(reverse_bits_of_bytes(RN));
    cpu->x[insn->rd] = insn->sf ? value : value >> 32;
}

EXEC(rev16)
{
    uint64_t value = (RN >> 8 & 0x00ff00ff00ff00ffull) | (RN & 0x00ff00ff00ff00ffull) << 8;
    cpu->x[insn->rd] = insn->sf ? value : (uint32_t)value;
}

EXEC(rev_w)
{
    cpu->x[insn->rd] = __builtin_bswap32((uint32_t)RN);
}

EXEC(rev32)
{
    uint64_t value = __builtin_bswap64(RN);
    cpu->x[insn->rd] = value >> 32 | value << 32;
}

EXEC(rev_x)
{
    cpu->x[insn->rd] = __builtin_bswap64(RN);
}

static inline unsigned leading_zeros(uint64_t value)
{
    return value ? (unsigned)__builtin_clzll(value) : 64;
}

EXEC(clz)
{
    cpu->x[insn->rd] = insn->sf ? leading_zeros(RN) : leading_zeros((uint32_t)RN) - 32;
}

EXEC(cls)
{
    cpu->x[insn->rd] = insn->sf ? leading_zeros((uint64_t)((int64_t)RN >> 63) ^ RN) - 1
                                : leading_zeros((uint32_t)((int32_t)RN >> 31) ^ (uint32_t)RN) - 33;
}

/* Three sources */

BOTH(madd, RN, RM, (word)cpu->x[insn->ra] + a * b)
BOTH(msub, RN, RM, (word)cpu->x[insn->ra] - a * b)

#define SIGNED_PRODUCT   ((uint64_t)((int64_t)(int32_t)RN * (int32_t)RM))
#define UNSIGNED_PRODUCT ((uint64_t)(uint32_t)RN * (uint32_t)RM)

EXEC(smaddl)
{
    cpu->x[insn->rd] = cpu->x[insn->ra] + SIGNED_PRODUCT;
}

EXEC(smsubl)
{
    cpu->x[insn->rd] = cpu->x[insn->ra] - SIGNED_PRODUCT;
}

EXEC(smulh)
{
    cpu->x[insn->rd] = (uint64_t)((__int128)(int64_t)RN * (int64_t)RM >> 64);
}

EXEC(umaddl)
{
    cpu->x[insn->rd] = cpu->x[insn->ra] + UNSIGNED_PRODUCT;
}

EXEC(umsubl)
{
    cpu->x[insn->rd] = cpu->x[insn->ra] - UNSIGNED_PRODUCT;
}

EXEC(umulh)
{
    cpu->x[insn->rd] = (uint64_t)((unsigned __int128)RN * RM >> 64);
}

/* Branches. They end their block, so cpu->pc is the address after them; not taken, there is nothing to do.
 * The condition becomes arithmetic: the guess about where to go on is made once, by the loop's jump to the
 * next block. */

static inline void branch_if(struct cpu *cpu, const struct insn *insn, bool taken)
{
    cpu->pc += (uint64_t)(insn->imm - 4) & -(uint64_t)taken;
}

EXEC(b)
{
    cpu->pc += (uint64_t)(insn->imm - 4);
}

EXEC(bl)
{
    cpu->x[30] = cpu->pc;
    cpu->pc += (uint64_t)(insn->imm - 4);
}

EXEC(b_cond)
{
    branch_if(cpu, insn, cond_holds(cpu, insn->opt));
}

EXEC(cbz)
{
    branch_if(cpu, insn, insn->sf ? !RN : !(uint32_t)RN);
}

EXEC(cbnz)
{
    branch_if(cpu, insn, insn->sf ? RN : (uint32_t)RN);
}

EXEC(tbz)
{
    branch_if(cpu, insn, ~RN >> insn->amount & 1);
}

EXEC(tbnz)
{
    branch_if(cpu, insn, RN >> insn->amount & 1);
}

EXEC(br)
{
    if (has_feature(&cpu->features, FEAT_BTI))
        cpu->pstate.btype = debug_btype_of_jump(cpu, insn);
    cpu->pc = RN;
}

EXEC(blr)
{
    uint64_t target = RN;
    cpu->x[30] = cpu->pc;
    cpu->pc = target;
    if (has_feature(&cpu->features, FEAT_BTI))
        cpu->pstate.btype = 2;
}

EXEC(ret)
{
    cpu->pc = RN;
}

HANDLERS(base)
