/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Translation (Arm ARM D8): walking the tables of the regime in use, and the fetch of instructions.
 *
 * Layers, from the inside out: walk.c reads descriptors and knows no CPU state but the control registers;
 * tlb.c keeps what walks found; mmu.c checks permissions and raises faults; mem_slow.c makes accesses of it.
 */
#ifndef ARMATURE_MMU_H
#define ARMATURE_MMU_H

#include "isa/arm64/cpu.h"

/* Fault status codes, ESR.DFSC and IFSC; those of a table level have it in the low two bits. */
enum fault_status {
    FAULT_ADDRESS_SIZE = 0x00,
    FAULT_TRANSLATION = 0x04,
    FAULT_ACCESS_FLAG = 0x08,
    FAULT_PERMISSION = 0x0c,
    FAULT_EXTERNAL = 0x10,
    FAULT_EXTERNAL_WALK = 0x14,
    FAULT_ALIGNMENT = 0x21,
    FAULT_DEBUG = 0x22,
    FAULT_EXCLUSIVE = 0x35, /* unsupported exclusive or atomic access */
    FAULT_NONE = 0x100,
    /* Beside the status: it is stage 2's, whose address is in cpu->fault_ipa; of a walk of stage 1. */
    FAULT_STAGE2 = 0x200,
    FAULT_S1PTW = 0x400,
    FAULT_CODE = 0x3f, /* the status alone */
};

enum translation_flag {
    MAY_READ_EL0 = 1,
    MAY_WRITE_EL0 = 2,
    MAY_EXECUTE_EL0 = 4,
    MAY_READ_EL1 = 8,
    MAY_WRITE_EL1 = 0x10,
    MAY_EXECUTE_EL1 = 0x20,
    USER_PAGE = 0x40,      /* AP[1]: PAN applies */
    IS_DEVICE = 0x80,      /* accesses must be aligned */
    IS_GUARDED = 0x100,    /* GP */
    CLEAN_PAGE = 0x200,    /* writable once the descriptor's AP[2] is cleared (DBM) */
    NOT_ACCESSED = 0x400,  /* the descriptor's AF must be set */
    LEVEL_SHIFT = 16,      /* bits 17:16: the level of the leaf descriptor */
    ATTRIBUTES_SHIFT = 24, /* bits 31:24: the MAIR attribute */
};

/** What a walk found. */
struct translation {
    uint64_t physical;    /* of the address asked for */
    uint64_t descriptor;  /* physical address of the leaf descriptor; 0: MMU off */
    uint32_t flags;       /* enum translation_flag */
    uint8_t size_bits;    /* log2 of the page's or block's size */
    uint8_t shareability; /* SH */
    bool global;
    uint64_t ipa;               /* with stage 2: what stage 1 made of the address, */
    uint8_t ipa_bits;           /* and size_bits of that, */
    uint64_t descriptor_ipa;    /* where stage 1 has its leaf descriptor, */
    uint64_t stage2_descriptor; /* its leaf descriptor, or 0, */
    uint32_t stage2_flags;      /* and what it allows */
};

enum mmu_access {
    ACCESS_READ,
    ACCESS_WRITE,
    ACCESS_ATOMIC, /* reads and writes */
    ACCESS_FETCH,
    ACCESS_CACHE, /* DC, IC by address: a read from EL0, free from EL1 */
};

/** Walks the tables for `va`. Returns FAULT_NONE, or the fault status with its level. Changes nothing. */
unsigned mmu_walk(struct cpu *cpu, uint64_t va, bool is_fetch, struct translation *out);

/** The walk of stage 1 alone: with stage 2, what is found is an IPA. */
unsigned mmu_walk_stage1(struct cpu *cpu, uint64_t va, bool is_fetch, struct translation *out);

/** Whether stage 1 translates: SCTLR.M, which HCR_EL2.DC takes away from a virtual machine. */
static inline bool mmu_is_on(const struct cpu *cpu)
{
    return cpu->sys.SCTLR_EL1 & 1 && !(cpu_has_el2(cpu) && cpu->regime == REGIME_EL10 && cpu->sys.HCR_EL2 >> 12 & 1);
}

/** What stage 2 makes of an address of EL1's regime. */
struct stage2 {
    uint64_t physical;
    uint64_t descriptor; /* physical address of the leaf descriptor */
    uint32_t flags;      /* MAY_* of both levels, CLEAN_PAGE, NOT_ACCESSED, IS_DEVICE, and the level */
    uint8_t size_bits, shareability;
    uint8_t memory_type; /* MemAttr */
};

/** Whether translations of the regime in use go through stage 2. */
bool stage2_is_on(const struct cpu *cpu);

/** Walks stage 2 for `ipa`. Returns FAULT_NONE, or the fault with FAULT_STAGE2; sets cpu->fault_ipa then. */
unsigned stage2_walk(struct cpu *cpu, uint64_t ipa, struct stage2 *out);

/** The address at which a walk of stage 1 finds the descriptor at `ipa`, for a read or an update of it. */
unsigned stage2_of_table(struct cpu *cpu, uint64_t ipa, bool write, uint64_t *physical);

/** Adds what stage 2 makes of it to what stage 1 found: address, size, attributes. What it allows is
 *  found->stage2_flags: stage 1's permissions are checked first (D8.4.8). */
unsigned stage2_combine(struct cpu *cpu, struct translation *found);

/** Whether stage 2 allows an access that needs these of MAY_*; does what hardware does to its descriptor. */
unsigned stage2_check(struct cpu *cpu, struct translation *found, uint32_t needed, bool writes);

/** A mask for found->flags that takes away what stage 2 does not allow; a clean page may be written once it was. */
uint32_t stage2_rights_left(const struct translation *found, bool written);

/** Sets AF, or clears AP[2] of a DBM descriptor (`dirty`), in the leaf descriptor of `found`, unless the
 *  descriptor has changed since; then it returns false, and the walk must be done again. */
bool mmu_update_descriptor(struct cpu *cpu, const struct translation *found, bool dirty);

/** A data access as the MMU sees it. */
struct mmu_request {
    enum mmu_access access;
    unsigned el;    /* 0 or 1: whose permissions count */
    bool pan;       /* PSTATE.PAN applies */
    bool unaligned; /* a fault where the memory is Device */
};

/** Translates `va`, from the TLB or by a walk, with permission checks and updates of the descriptor by
 * hardware. Returns FAULT_NONE or the fault status. */
unsigned mmu_translate(struct cpu *cpu, uint64_t va, const struct mmu_request *request,
                       struct translation *out);

/** Takes the data abort of an access with `status` of mmu_translate(). `is_write`: WnR. */
_Noreturn void mmu_data_abort(struct cpu *cpu, const struct insn *insn, uint64_t va, unsigned status,
                              bool is_write, bool is_cache);

/** Whether LDTR and its like are different from others here: at EL1, and for the host of VHE. */
static inline bool mmu_has_unprivileged(const struct cpu *cpu)
{
    return cpu->pstate.el == 1 || (cpu->pstate.el == 2 && cpu->regime == REGIME_EL20 && cpu->sys.HCR_EL2 >> 27 & 1);
}

/** The level whose permissions a data access of the running instruction has: its own, or EL0 for LDTR and
 * STTR. */
static inline unsigned mmu_access_el(const struct cpu *cpu, bool unprivileged)
{
    return unprivileged && !cpu->pstate.uao && mmu_has_unprivileged(cpu) ? 0 : cpu->pstate.el;
}

/** The table that holds data translations for accesses at `el`. */
enum tlb_regime mmu_regime(const struct cpu *cpu, unsigned el);

/** Whether a fetch from `va` at EL1 or EL0 would be translated now, and to what, without changing anything. Of a CPU
 *  without EL2. */
bool mmu_would_fetch(struct cpu *cpu, uint64_t va, unsigned el, struct translation *out);

/** Where in RAM the instruction at `pc` lies, for the current level; *guarded: in a guarded page (BTI).
 * cpu->pc and icount must be exact: a fault (also of PC alignment, or a page that is no RAM) is taken from
 * there and does not return. A `pc` of cpu->pc with an address tag makes cpu->pc lose its tag. */
uint64_t mmu_fetch(struct cpu *cpu, uint64_t pc, bool *guarded);

/** TCR_EL1.TBI for the half of the address space of `va`; TBID counts for fetches. */
bool mmu_top_byte_ignored(const struct cpu *cpu, uint64_t va, bool is_fetch);

/** Settles the page flags of the page of RAM at `page_address` before a CPU writes to it. */
void ram_settle_write(struct cpu *cpu, uint64_t page_address);

/** SCTLR, TCR or MAIR changed in a way that translations depend on. */
void mmu_control_changed(struct cpu *cpu);

/** AT S1E<el>{R,W}{P}: the outcome for PAR_EL1, or the fault status in *external where the walk met an
 * external abort, which is an exception. */
uint64_t mmu_address_translate(struct cpu *cpu, uint64_t va, unsigned el, bool write, bool pan,
                               unsigned *external);

/** The same of both stages (AT S12E...): stage 2's faults are in the outcome. Of stage 1 alone, where its tables are
 *  not to be had through stage 2, *external has FAULT_STAGE2: to a virtual machine that is an exception. */
uint64_t mmu_address_translate_both(struct cpu *cpu, uint64_t va, unsigned el, bool write, unsigned *external);

/** DC and IC by address (not ZVA): the checks on the address; faults do not return. */
void mmu_cache_access(struct cpu *cpu, const struct insn *insn, uint64_t va);

#endif
