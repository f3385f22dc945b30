/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The TLB from the side of the MMU: looking up and adding translations. Only mmu.c, mem_slow.c, tlb.c, tlb_spaces.c
 * and their tests use it. */
#ifndef ARMATURE_TLB_FILL_H
#define ARMATURE_TLB_FILL_H

#include "isa/arm64/mmu.h"

/* Translations are kept without the address's top byte: bit 55 tells the halves apart, and where the top byte
 * counts, it repeats that bit or the walk faults. */
#define TLB_ADDRESS_MASK (~0ull >> 8)

static inline uint64_t tlb_page_tag(uint64_t va, unsigned size_bits)
{
    return (va & TLB_ADDRESS_MASK & ~0ull << size_bits) | size_bits;
}

static inline unsigned tlb_page_set(uint64_t tag)
{
    return (unsigned)((tag * 0x9e3779b97f4a7c15ull) >> 40) & (TLB_PAGE_SETS - 1);
}

static inline unsigned tlb_filter_bit(uint64_t page_address)
{
    return (unsigned)(((page_address >> 12) * 0x9e3779b97f4a7c15ull) >> 40) & (TLB_FILTER_BITS - 1);
}

static inline void tlb_filter_add(uint64_t *filter, uint64_t page_address)
{
    unsigned bit = tlb_filter_bit(page_address);
    uint64_t *word = &filter[bit / 64];
    __atomic_store_n(word, *word | 1ull << bit % 64, __ATOMIC_RELEASE);
}

static inline bool tlb_in_filter(const uint64_t *filter, uint64_t va)
{
    unsigned bit = tlb_filter_bit(va & TLB_ADDRESS_MASK);
    return filter[bit / 64] >> bit % 64 & 1;
}

/** Whoever asked for the translation of `va` at the present level may remember it while code_key stands: what changes
 *  it must know. */
void tlb_code_looked_up(struct cpu *cpu, uint64_t va, const struct tlb_code_entry *found);

/** The ASID in use: 16 bits, or 8 where TCR_EL1.AS says so; above it the context, 0 without EL2. */
static inline uint32_t tlb_current_asid(const struct cpu *cpu)
{
    uint64_t tcr = cpu->sys.TCR_EL1;
    uint64_t ttbr = tcr >> 22 & 1 ? cpu->sys.TTBR1_EL1 : cpu->sys.TTBR0_EL1;
    return ((uint32_t)(ttbr >> 48) & (tcr >> 36 & 1 ? 0xffff : 0xff)) | cpu->tlb_all->context;
}

/** The second level's translation of `va` for the current ASID, or NULL. */
const struct tlb_page *tlb_find_page(const struct cpu *cpu, uint64_t va);

/** Adds to the second level. `found` has its access flag set. */
void tlb_add_page(struct cpu *cpu, uint64_t va, const struct translation *found);

/** Lets accesses of the page of RAM run inline: `va` as the program gave it. */
void tlb_fill_data(struct cpu *cpu, enum tlb_regime regime, uint64_t va, const struct translation *found,
                   bool readable, bool writable);
void tlb_fill_code(struct cpu *cpu, bool el1, uint64_t va, const struct translation *found);

#endif
