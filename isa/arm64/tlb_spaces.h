/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which lookups of code (struct lookup) hold in the address space that runs: those with its key in cpu->code_key, one
 * for each half of the addresses. A space that comes back finds its key again, and with it its lookups. */
#ifndef ARMATURE_TLB_SPACES_H
#define ARMATURE_TLB_SPACES_H

#include <stdbool.h>
#include <stdint.h>

#define TLB_FILTER_BITS 8192u /* a power of two */
#define TLB_SPACES   32u
#define TLB_NO_SPACE UINT32_MAX
#define TLB_VIEWS      8u
#define TLB_VIEW_PAGES 1024u /* a power of two */

/** A view of the upper half: what its code pages were found to be translated to. Lookups of all address spaces that
 *  agree on each of them have its key. */
struct tlb_view {
    uint64_t key;   /* 0: it is none */
    uint64_t table; /* TTBR1_EL1 without the ASID, where it was begun */
    unsigned count;
    struct tlb_view_page {
        uint64_t address; /* of the virtual page, as tlb_code_looked_up() has it, and in bit 0: looked up at EL1 */
        uint64_t physical;
        bool guarded;
    } pages[TLB_VIEW_PAGES / 2];
    uint16_t by_hash[TLB_VIEW_PAGES]; /* number of a page plus 1; 0: none */
};

/** The address spaces that ran last, each with the key of its lookups of code in the lower half (cpu->code_key):
 *  whoever comes back finds them again. Spaces are told apart by ASID. The upper half has one key for all as long as
 *  all of its code is global; else a space has that of a view, if what is in it was looked at under its ASID. */
struct tlb_spaces {
    unsigned current, victim, view_victim;
    uint64_t keys_given;       /* none is given twice */
    uint32_t asid[TLB_SPACES]; /* or TLB_NO_SPACE */
    uint64_t key[TLB_SPACES];
    uint64_t view_key[TLB_SPACES]; /* of the view that it has seen .. */
    unsigned view[TLB_SPACES], view_seen[TLB_SPACES]; /* .. so many pages of */
    struct tlb_view views[TLB_VIEWS];
    /* What code pages were looked up under the key, by hash of the virtual page. */
    uint64_t filter[TLB_SPACES][TLB_FILTER_BITS / 64], upper_filter[TLB_FILTER_BITS / 64];
    bool lower_global, upper_private; /* some page in the lower half was global, in the upper half was not */
};

struct cpu;

/** The ASID is the one in use from now on. */
void tlb_space_select(struct cpu *cpu, uint32_t asid);

/** What was translated for the ASID is void. */
void tlb_space_forget(struct cpu *cpu, uint32_t asid);

/** The translation of a page changed for the ASID, and for all if it was global; TLB_ANY_ASID: for every ASID. */
void tlb_spaces_forget_page(struct cpu *cpu, uint64_t va, uint32_t asid);

/** All lookups are void. */
void tlb_spaces_forget(struct cpu *cpu);

#endif
