/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The software TLB in front of the MMU. An entry lets loads and stores of one page of one regime run
 * inline; what it does not allow goes through mem_slow_read() and its like, which walk, check, fault, fill.
 *
 * Entries are derived state. They stand under the virtual page as the program gave it (top byte included),
 * so that the inline check is one compare; TLBI compares without the top byte.
 *
 * A kernel that unmaps itself at EL0 changes the ASID with each system call. So what was known under an ASID is found
 * again when it comes back: a first-level table belongs to one ASID and regime, and lookups of code to a key. */
#ifndef ARMATURE_TLB_H
#define ARMATURE_TLB_H

#include <stdbool.h>
#include <stdint.h>
#include "isa/arm64/tlb_spaces.h"

#define TLB_ENTRIES  2048u /* a power of two */
#define TLB_FOLD_BIT 21u   /* address bits from here on are mixed into the index: arrays are often so far apart */

/** One page. A tag is the page's address where that kind of access may run inline, or TLB_NO_TAG.
 *  A hit is `(address ^ tag) <= PAGE_SIZE_BYTES - size`: page and crossing in one compare. */
struct tlb_entry {
    uint64_t read_tag, write_tag;
    uintptr_t addend;  /* host address = addend + guest virtual address */
    uint64_t physical; /* physical address of the page */
};

/* Behind a table's entries stands a second way: what another page has driven out. An inline check does not look there,
 * what comes behind it does. */
#define TLB_SLOTS (2 * TLB_ENTRIES)

/* A page that belongs into another slot: no address that leads to `slot` is in it. */
#define TLB_NO_TAG(slot)      (((uint64_t)(slot) ^ (uint64_t)(slot) >> (TLB_FOLD_BIT - 12) ^ 1) << 12)
#define TLB_NO_CODE_TAG(slot) (((uint64_t)(slot) ^ 1) << 12)

/* The regimes whose data translations are kept apart. Code has two, EL0 and EL1: PAN does not change it. */
enum tlb_regime { TLB_EL0, TLB_EL1, TLB_EL1_PAN, TLB_REGIMES };
#define TLB_CODE_REGIMES 2

struct tlb_code_entry {
    uint64_t tag;      /* virtual page, executable in this regime, or TLB_NO_CODE_TAG */
    uint64_t physical; /* page of RAM it maps to */
    uint16_t guarded;  /* GP: BTI applies */
    uint16_t private;  /* of the current ASID only */
};

#define TLB_CODE_ENTRIES 1024u /* a power of two */

/** One translation of the second level, as the walk found it: a page or block of 1 << size_bits bytes. */
struct tlb_page {
    uint64_t tag;      /* virtual address without the top byte, size_bits in the low 6 bits; 0: none */
    uint64_t physical; /* address of the page or block */
    uint32_t asid;     /* TLB_GLOBAL: any */
    uint32_t flags;    /* enum translation_flag (mmu.h) */
};

#define TLB_GLOBAL      0x10000u
#define TLB_CONTEXT_SHIFT 17 /* of ASIDs that say more than the ASID (tlb_current_asid) */
#define TLB_PAGE_SETS   1024u /* a power of two */
#define TLB_PAGE_WAYS   4u

/** Slots of a first-level table. */
struct tlb_listed {
    uint16_t count;
    uint16_t slots[TLB_SLOTS];
    uint64_t listed[TLB_SLOTS / 64]; /* a bit for each slot that is in `slots` */
};

#define TLB_TABLES   24u
#define TLB_NO_TABLE 0u /* that table stays empty */

/** What one of the first-level tables of data is for. */
struct tlb_table {
    bool used;         /* for accesses of this ASID and regime; else it is empty, or was never made ready */
    bool ready;        /* its empty entries have their tags */
    uint8_t regime;
    uint32_t asid;
    uint64_t selected; /* when it was chosen last, in changes of the ASID and tables taken */
    struct tlb_listed filled;                  /* slots that may hold a translation */
    uint64_t private[TLB_SLOTS / 64];          /* of these, translations of the ASID alone */
};

struct tlb {
    struct tlb_entry tables[TLB_TABLES][TLB_SLOTS]; /* of data; what for is said by `uses` */
    uint8_t table_of[TLB_REGIMES];                    /* of the current ASID, or TLB_NO_TABLE */
    uint8_t table_before[TLB_REGIMES];                /* of an ASID that was current before, or TLB_NO_TABLE */
    uint64_t selections;
    struct tlb_table uses[TLB_TABLES];
    struct tlb_code_entry code[TLB_CODE_REGIMES][TLB_CODE_ENTRIES];
    struct tlb_listed code_private[TLB_CODE_REGIMES]; /* translations of the current ASID alone */
    struct tlb_page pages[TLB_PAGE_SETS][TLB_PAGE_WAYS];
    uint8_t victim[TLB_PAGE_SETS];
    uint64_t sizes; /* a bit for each size_bits that pages may hold */
    /* Of both halves: larger pages that may stand in the first level, by hash. */
    uint64_t large_filter[2][TLB_FILTER_BITS / 64];
    uint64_t write_filter[TLB_FILTER_BITS / 64]; /* physical pages that may have a write tag, by hash */
    struct tlb_spaces spaces;
    uint64_t drops; /* how often translations were dropped, for whoever keeps a copy */
    uint32_t context; /* EL2: what tells the translations in use from others of the same ASID (el2.c); 0 without */
};

static inline unsigned tlb_index(uint64_t address)
{
    return (address >> 12 ^ address >> TLB_FOLD_BIT) & (TLB_ENTRIES - 1);
}

static inline unsigned tlb_code_index(uint64_t address)
{
    return address >> 12 & (TLB_CODE_ENTRIES - 1);
}

/** A page in which the debugger watches bytes, and which is accessed beside them all the same: what the first level
 *  would have of it if nobody watched. It is emptied with the slots. */
struct tlb_watched_page {
    uint64_t tag, limit; /* `(address ^ tag) < limit`: it is in the page; 0: there is none */
    uintptr_t addend;
    uint64_t physical;
    const uint8_t *flags;      /* the page's: any but those of watching make this void */
    uint32_t from, to;         /* what is watched lies between these places in the page */
    uint32_t near, near_bytes; /* accesses that share a check may reach it from there */
};

#define TLB_ROW_BYTES 192u /* that such accesses have at most, if they go by a slot */

/** The last page that was accessed through each base register (record index), for translated code: a copy of an entry
 *  of the table in use, at an address known early. An access of up to TLB_SLOT_BYTES hits if `(address ^ tag) < limit`.
 *  Whatever takes a right away from the table or changes the table in use empties all slots: limit 0 never hits. */
struct tlb_slots {
    uint64_t limit[2][34]; /* of loads, of stores */
    uint64_t tag[2][34];
    uintptr_t addend[2][34];
    struct tlb_watched_page watched[2];
};

#define TLB_SLOT_BYTES 16u
#define TLB_SLOT_LIMIT (4096u - TLB_SLOT_BYTES + 1)

struct cpu;

/** The first-level table of data of a regime, of the current ASID. */
static inline struct tlb_entry *tlb_table(struct tlb *tlb, enum tlb_regime regime)
{
    return tlb->tables[tlb->table_of[regime]];
}

/** The entry for the page of `address` in the table that plain accesses go by: it comes back from the second way if it
 *  is there. Its tags still say what of it may run inline. */
struct tlb_entry *tlb_entry_of(struct cpu *cpu, uint64_t address);

/** Empties the slots. */
void tlb_empty_slots(struct cpu *cpu);

/** Drops everything, first and second level. */
void tlb_flush_all(struct cpu *cpu);

/** Of a CPU with EL2: drops the first level of the side in use, whose translations are for another context now;
 *  drops all of the side that is not in use. */
void tlb_flush_side(struct cpu *cpu);
void tlb_flush_other_side(struct cpu *cpu);

/** Drops all of the side in use. */
void tlb_flush_all_of_side(struct cpu *cpu);

/** Of a CPU with EL2: what is done to the TLB in between is done to that side (0: of EL1's regime). Returns the side
 *  that was in use, for the way back. */
unsigned tlb_use_side(struct cpu *cpu, unsigned side);

/** Drops the first level only: for changes of what may run inline (watchpoints), not of translations. */
void tlb_flush_inline(struct cpu *cpu);

/** Makes the translations of `to` those of `from`, which has the same state. */
void tlb_copy(struct cpu *to, const struct cpu *from);

/** TTBRn_EL1 changed, and with it maybe the ASID in use: then the first level becomes that ASID's. */
void tlb_asid_changed(struct cpu *cpu);

/** TLBI on this CPU alone, of the address `va` (any top byte). `asid`: that ASID's and global translations;
 *  TLB_ANY_ASID: of every ASID. */
#define TLB_ANY_ASID UINT32_MAX
void tlb_invalidate_va(struct cpu *cpu, uint64_t va, uint32_t asid);
void tlb_invalidate_asid(struct cpu *cpu, uint32_t asid);

/** An engine made translations of the page of RAM at `physical_page`: stores to it must not run inline on
 * `cpu`. */
void tlb_drop_write_tags(struct cpu *cpu, uint64_t physical_page);

/** The same for all pages: the next store to each is to be noticed. */
void tlb_drop_all_write_tags(struct cpu *cpu);

/** Of parallel CPUs: `cpu` is about to look at the flags of the page of RAM, and where there are none to write to it
 *  or to let stores to it run inline. Whoever sets a flag and then finds that no CPU may write knows that none that
 *  overlooked it does: of the two orders, announce, look and set, ask, one is first. */
void tlb_announce_write(struct cpu *cpu, uint64_t physical_page);
bool tlb_may_write(const struct cpu *cpu, uint64_t physical_page);

#endif
