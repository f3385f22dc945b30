/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The software TLB in front of the MMU. An entry lets loads and stores of one page of one regime run
 * inline; what it does not allow goes through mmu_access(), which walks, checks, faults, fills.
 *
 * Entries are derived state. They stand under the virtual page as the program gave it (top byte included),
 * so that the inline check is one compare; TLBI compares without the top byte. */
#ifndef ARMATURE_TLB_H
#define ARMATURE_TLB_H

#include <stdbool.h>
#include <stdint.h>

#define TLB_ENTRIES 1024u /* a power of two */

/** One page. A tag is the page's address where that kind of access may run inline, or TLB_NO_TAG.
 *  A hit is `(address ^ tag) <= PAGE_SIZE_BYTES - size`: page and crossing in one compare. */
struct tlb_entry {
    uint64_t read_tag, write_tag;
    uintptr_t addend; /* host address = addend + guest virtual address */
    uint64_t physical; /* physical address of the page */
};

/* A tag with low bits set never passes the compare for any address. */
#define TLB_NO_TAG 0x1800ull

/* The regimes whose translations are kept apart. */
enum tlb_regime { TLB_EL0, TLB_EL1, TLB_EL1_PAN, TLB_REGIMES };

struct tlb_code_entry {
    uint64_t tag;      /* virtual page, executable in this regime, or TLB_NO_TAG */
    uint64_t physical; /* page of RAM it maps to */
    uint32_t guarded;  /* GP: BTI applies */
};

#define TLB_CODE_ENTRIES 256u

struct tlb {
    struct tlb_entry data[TLB_REGIMES][TLB_ENTRIES];
    struct tlb_code_entry code[TLB_REGIMES][TLB_CODE_ENTRIES];
};

static inline unsigned tlb_index(uint64_t address)
{
    return address >> 12 & (TLB_ENTRIES - 1);
}

#endif
