/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stage 1 translation of the EL1&0 regime (Arm ARM D8): walking the tables, and the fetch of instructions.
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

/** The level whose permissions a data access of the running instruction has: its own, or EL0 for LDTR and
 * STTR. */
static inline unsigned mmu_access_el(const struct cpu *cpu, bool unprivileged)
{
    return unprivileged && !cpu->pstate.uao ? 0 : cpu->pstate.el;
}

/** The table that holds data translations for accesses at `el`. */
enum tlb_regime mmu_regime(const struct cpu *cpu, unsigned el);

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

/** DC and IC by address (not ZVA): the checks on the address; faults do not return. */
void mmu_cache_access(struct cpu *cpu, const struct insn *insn, uint64_t va);

#endif
