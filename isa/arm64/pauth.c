/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pointer authentication codes. The code fills the bits of a pointer that do not take part in translation:
 * from the size of its half of the address space up to bit 54, and bits 63:56 where the top byte is not
 * ignored; bit 55 stays, since it says which half. */
#include "isa/arm64/pauth.h"
#include "isa/arm64/el2.h"
#include "isa/arm64/exception.h"
#include "isa/arm64/mmu.h"

struct key {
    uint64_t low, high;
};

static struct key key_of(const struct cpu *cpu, enum pauth_key key)
{
    const struct sysregs *sys = &cpu->sys;
    switch (key) {
    case PAUTH_IA: return (struct key){sys->APIAKeyLo_EL1, sys->APIAKeyHi_EL1};
    case PAUTH_IB: return (struct key){sys->APIBKeyLo_EL1, sys->APIBKeyHi_EL1};
    case PAUTH_DA: return (struct key){sys->APDAKeyLo_EL1, sys->APDAKeyHi_EL1};
    default: return (struct key){sys->APDBKeyLo_EL1, sys->APDBKeyHi_EL1};
    }
}

static bool key_enabled(const struct cpu *cpu, enum pauth_key key)
{
    static const uint8_t bits[] = {[PAUTH_IA] = 31, [PAUTH_IB] = 30, [PAUTH_DA] = 27, [PAUTH_DB] = 13};
    return cpu->sys.SCTLR_EL1 >> bits[key] & 1;
}

/* ComputePAC(): three rounds of multiply and fold. */
static uint64_t compute(uint64_t value, uint64_t modifier, struct key key)
{
    uint64_t h = (value ^ key.low) * 0x9e3779b97f4a7c15ull;
    h = ((h ^ h >> 32) + modifier) * 0xbf58476d1ce4e5b9ull;
    h = ((h ^ h >> 29) + key.high) * 0x94d049bb133111ebull;
    return h ^ h >> 31;
}

/* The bits that the code takes in a pointer of the half that bit `upper` names. */
static uint64_t code_mask(const struct cpu *cpu, bool upper, bool top_byte_ignored)
{
    unsigned size_offset = cpu->sys.TCR_EL1 >> (upper ? 16 : 0) & 63;
    if (size_offset < 16)
        size_offset = 16;
    if (size_offset > 39)
        size_offset = 39;
    uint64_t mask = (1ull << 55) - (1ull << (64 - size_offset));
    return top_byte_ignored ? mask : mask | 0xffull << 56;
}

/* `pointer` with its extension bits all equal to its half. */
static uint64_t extend(uint64_t pointer, uint64_t mask, bool upper)
{
    mask |= 1ull << 55;
    return upper ? pointer | mask : pointer & ~mask;
}

void pauth_check_use(struct cpu *cpu, const struct insn *insn, enum pauth_key key)
{
    bool is_virtual = cpu_has_el2(cpu) && (cpu->pstate.el == 1 || (cpu->pstate.el == 0 && !el2_is_host(cpu)));
    if (is_virtual && !(cpu->sys.HCR_EL2 & HCR_API) && (key == PAUTH_GA || key_enabled(cpu, key)))
        cpu_raise_el2(cpu, insn, EC_PAC, 0);
}

uint64_t pauth_add(const struct cpu *cpu, uint64_t pointer, uint64_t modifier, enum pauth_key key)
{
    if (!key_enabled(cpu, key))
        return pointer;
    bool is_fetch = key <= PAUTH_IB;
    /* Bit 55 tells the half where either half ignores the top byte, else bit 63. */
    bool any_tbi = mmu_top_byte_ignored(cpu, 0, is_fetch) || mmu_top_byte_ignored(cpu, ~0ull, is_fetch);
    bool upper = pointer >> (any_tbi ? 55 : 63) & 1;
    bool tbi = mmu_top_byte_ignored(cpu, pointer, is_fetch);
    uint64_t mask = code_mask(cpu, upper, tbi);
    uint64_t code = compute(extend(pointer, mask, upper), modifier, key_of(cpu, key));
    uint64_t extension = mask | 1ull << 55;
    if ((pointer & extension) && (pointer & extension) != extension)
        code ^= 1ull << (tbi ? 54 : 62);
    return (extend(pointer, 0, upper) & ~mask) | (code & mask);
}

uint64_t pauth_check(const struct cpu *cpu, uint64_t pointer, uint64_t modifier, enum pauth_key key)
{
    if (!key_enabled(cpu, key))
        return pointer;
    bool upper = pointer >> 55 & 1, tbi = mmu_top_byte_ignored(cpu, pointer, key <= PAUTH_IB);
    uint64_t mask = code_mask(cpu, upper, tbi), plain = extend(pointer, mask, upper);
    uint64_t code = compute(plain, modifier, key_of(cpu, key));
    if (!((pointer ^ code) & mask))
        return plain;
    unsigned is_b = key & 1, shift = tbi ? 53 : 61;
    uint64_t error = is_b ? 2 : 1;
    return (plain & ~(3ull << shift)) | error << shift;
}

uint64_t pauth_strip(const struct cpu *cpu, uint64_t pointer, bool is_data)
{
    bool upper = pointer >> 55 & 1;
    return extend(pointer, code_mask(cpu, upper, mmu_top_byte_ignored(cpu, pointer, !is_data)), upper);
}

uint64_t pauth_generic(const struct cpu *cpu, uint64_t value, uint64_t modifier)
{
    struct key key = {cpu->sys.APGAKeyLo_EL1, cpu->sys.APGAKeyHi_EL1};
    return compute(value, modifier, key) & 0xffffffff00000000ull;
}
