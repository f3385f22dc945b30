/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The guest as the debugger reads and writes it, while it stands still: memory through any address space, without
 * faults, TLB entries or access flags being touched; and registers by name. */
#ifndef ARMATURE_DEBUGGER_TARGET_H
#define ARMATURE_DEBUGGER_TARGET_H

#include "machine/machine.h"

/** Values that lie nowhere in the guest's memory, as they are in several registers or known to the compiler alone: they
 *  are put together here, and have addresses that no guest's memory has (bit 55 chooses the upper half, which those
 *  above it and below it deny). What was made is written over when there is much more of it. */
#define MADE_BASE  0x0080000000000000ull
#define MADE_BYTES (64u << 10)
#define MADE_MAX   (MADE_BYTES / 4) /* a value has no more */

struct made_memory {
    uint8_t bytes[MADE_BYTES];
    bool known[MADE_BYTES]; /* the others were optimized out */
    size_t used;
};

/** Where the bytes are now; `length` is at most MADE_MAX. */
uint64_t made_put(struct made_memory *made, const uint8_t *bytes, const bool *known, size_t length);

static inline bool made_is(uint64_t va)
{
    return va - MADE_BASE < MADE_BYTES;
}

/** An address space: a CPU's, with the tables of the lower half maybe being another's. */
struct space {
    struct cpu *cpu;
    bool other_user;   /* the lower half is that of `user_table`, not the CPU's */
    uint64_t user_table; /* TTBR0_EL1 */
    /* TTBR1_EL1 of the kernel's own table, where the CPU is at EL0 and may have a smaller one (KPTI); 0: not known. */
    uint64_t kernel_table;
    const struct made_memory *made; /* or NULL */
};

/** Where `va` lies in physical memory; false: nowhere. */
bool space_translate(const struct space *space, uint64_t va, uint64_t *physical);

/** Memory of the address space, up to all that is there: returns how many bytes were read. */
size_t space_read(const struct space *space, uint64_t va, void *to, size_t length);
/** All or nothing. Code that changes is decoded anew. */
bool space_write(const struct space *space, uint64_t va, const void *from, size_t length);

bool space_read_u64(const struct space *space, uint64_t va, uint64_t *value);
bool space_read_u32(const struct space *space, uint64_t va, uint32_t *value);
/** A string of at most `capacity` - 1 bytes; false: not even its first byte is there. */
bool space_read_string(const struct space *space, uint64_t va, char *to, size_t capacity);

/** A register by its name in any case: x0-x30, w0-w30, fp, lr, sp, pc, v0-v31 (as q, d, s, h, b too), nzcv, cpsr, el,
 *  fpcr, fpsr, icount, and each system register. `bytes` receives up to 16. */
bool register_read(struct cpu *cpu, const char *name, void *bytes, unsigned *size);
/** false: there is no such register, or it may not be written. */
bool register_write(struct cpu *cpu, const char *name, const void *bytes, unsigned size);
/** Each name; for completion and listings. `group`: "general", "vector", "system", or NULL for all. */
void register_each(const char *group, void (*each)(void *context, const char *name), void *context);

/** PSTATE as SPSR has it. */
uint32_t register_cpsr(const struct cpu *cpu);

#endif
