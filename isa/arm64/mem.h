/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Guest memory as instructions see it. Each function does what the architecture says for a data access of
 * `insn` at virtual `address`: a hit in the TLB runs inline, everything else (walk, fault, MMIO, page
 * crossing, watchpoint, page flags) is behind mem_slow_*. A fault does not return. */
#ifndef ARMATURE_MEM_H
#define ARMATURE_MEM_H

#include <string.h>
#include "isa/arm64/cpu.h"

/** The slow side of an access of 1, 2, 4, 8 or 16 bytes. `attributes`: enum mem_attribute. */
void mem_slow_read(struct cpu *cpu, const struct insn *insn, uint64_t address, unsigned size, void *to,
                   unsigned attributes);
void mem_slow_write(struct cpu *cpu, const struct insn *insn, uint64_t address, unsigned size, const void *from,
                    unsigned attributes);

enum mem_attribute {
    MEM_PLAIN = 0,
    MEM_UNPRIVILEGED = 1, /* LDTR, STTR: as if from EL0 */
    MEM_ALIGNED = 2,      /* must be naturally aligned whatever SCTLR says (exclusives, acquire, release) */
    MEM_ACQUIRE_RELEASE = 4, /* for the syndrome (AR) */
};

/** Where an access faults or touches two pages, nothing of it has been written. */
#define MEM_ACCESSORS(bits, type)                                                                            \
    static inline type mem_read##bits(struct cpu *cpu, const struct insn *insn, uint64_t address)            \
    {                                                                                                        \
        const struct tlb_entry *e = &cpu->tlb[tlb_index(address)];                                           \
        type value;                                                                                          \
        if (__builtin_expect((address ^ e->read_tag) <= PAGE_SIZE_BYTES - sizeof(type), 1))                  \
            memcpy(&value, (const void *)(e->addend + address), sizeof value);                               \
        else                                                                                                 \
            mem_slow_read(cpu, insn, address, sizeof value, &value, MEM_PLAIN);                              \
        return value;                                                                                        \
    }                                                                                                        \
    static inline void mem_write##bits(struct cpu *cpu, const struct insn *insn, uint64_t address,           \
                                       type value)                                                           \
    {                                                                                                        \
        const struct tlb_entry *e = &cpu->tlb[tlb_index(address)];                                           \
        if (__builtin_expect((address ^ e->write_tag) <= PAGE_SIZE_BYTES - sizeof(type), 1))                 \
            memcpy((void *)(e->addend + address), &value, sizeof value);                                     \
        else                                                                                                 \
            mem_slow_write(cpu, insn, address, sizeof value, &value, MEM_PLAIN);                             \
    }

MEM_ACCESSORS(8, uint8_t)
MEM_ACCESSORS(16, uint16_t)
MEM_ACCESSORS(32, uint32_t)
MEM_ACCESSORS(64, uint64_t)
MEM_ACCESSORS(128, unsigned __int128)

/** Checks that `size` bytes at `address` can be written, and faults where not, before an instruction of
 *  several accesses (STP, ST4) does the first of them. */
void mem_probe_write(struct cpu *cpu, const struct insn *insn, uint64_t address, unsigned size);

/** The host address of an aligned datum of `size` bytes that an atomic or exclusive instruction reads and
 *  writes, page flags settled; `physical` (may be NULL) receives its guest physical address. Faults where the
 *  guest may not do both, and (as the architecture allows) where it is not RAM. `write` false: for a load
 *  exclusive, which only reads. */
void *mem_exclusive(struct cpu *cpu, const struct insn *insn, uint64_t address, unsigned size, bool write,
                    uint64_t *physical);

/** DC ZVA: zeroes the naturally aligned block that holds `address`. */
void mem_zero_block(struct cpu *cpu, const struct insn *insn, uint64_t address);
#define ZERO_BLOCK_BYTES 64u

#endif
