/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Loads and stores in threaded code: how their handlers stay free of a stack frame.
 *
 * A handler that may call anything and then goes on saves registers on every path, also where it calls
 * nothing. So the body of a load or store is compiled twice. With INLINE_ONLY it does what runs without a
 * call, and returns false where that is not enough, having changed nothing; the handler then jumps to the
 * same body compiled whole:
 *
 *     EXEC_MEMORY(ldr_imm)                              run_ldr_imm:    TLB hit: load, go on to the next record
 *     {                                                                 else: jump to again_ldr_imm
 *         uint64_t value;                               again_ldr_imm:  the whole of it, with calls and a
 *         if (!load(..., reach, &value))                                frame (cold), then on to the next
 *             return false;                             plain_ldr_imm:  the whole of it, and return
 *         cpu->x[insn->rd] = value;
 *         return true;
 *     }
 */
#ifndef ARMATURE_ACCESS_H
#define ARMATURE_ACCESS_H

#include "interp/exec.h"

enum reach { INLINE_ONLY, WHOLE };

#define ALWAYS_INLINE static inline __attribute__((always_inline))

#define EXEC_MEMORY(name)                                                                                    \
    ALWAYS_INLINE bool exec_##name(struct cpu *cpu, const struct insn *insn, const enum reach reach)

#define MEMORY_HANDLER(id, name, facts)                                                                      \
    void run_##id(struct cpu *cpu, const struct insn *insn);                                                 \
    void run_##id(struct cpu *cpu, const struct insn *insn)                                                  \
    {                                                                                                        \
        facts if (__builtin_expect(exec_##name(cpu, insn, INLINE_ONLY), 1)) return insn[1].run(cpu,          \
                                                                                               insn + 1);    \
        return again_##name(cpu, insn);                                                                      \
    }
#define MEMORY_WHOLE(name)                                                                                   \
    void plain_##name(struct cpu *cpu, const struct insn *insn);                                             \
    void plain_##name(struct cpu *cpu, const struct insn *insn)                                              \
    {                                                                                                        \
        exec_##name(cpu, insn, WHOLE);                                                                       \
    }                                                                                                        \
    static __attribute__((noinline, cold)) void again_##name(struct cpu *cpu, const struct insn *insn)       \
    {                                                                                                        \
        plain_##name(cpu, insn);                                                                             \
        return insn[1].run(cpu, insn + 1);                                                                   \
    }

/* HANDLERS() for tables of EXEC_MEMORY instructions, none of which ends a block. */
#define MEMORY_HANDLERS(table)                                                                               \
    INSN_NAMES_##table(MEMORY_WHOLE) INSN_HANDLERS_##table(MEMORY_HANDLER, MEMORY_HANDLER, MEMORY_HANDLER)

/* The SP alignment check of a base register. */
ALWAYS_INLINE bool base_aligned(struct cpu *cpu, const struct insn *insn, uint64_t base, enum reach reach)
{
    if (__builtin_expect(insn->rn == REG_SP && (base & 15), 0)) {
        if (reach == INLINE_ONLY)
            return false;
        cpu_check_sp(cpu, insn, base);
    }
    return true;
}

/* The FP access check. */
ALWAYS_INLINE bool fp_enabled(struct cpu *cpu, const struct insn *insn, enum reach reach)
{
    if (reach == INLINE_ONLY)
        return __builtin_expect((cpu->sys.CPACR_EL1 >> 20 & 3) == 3, 1);
    cpu_check_fp(cpu, insn);
    return true;
}

/* Whether `bytes` bytes at `address` lie in one page that may be read (written) inline by the entry `e`, and
 * their host address then. */
ALWAYS_INLINE bool inline_hit(const struct tlb_entry *e, uint64_t tag, uint64_t address, unsigned bytes,
                              uint8_t **host)
{
    *host = (uint8_t *)(e->addend + address);
    return __builtin_expect((address ^ tag) <= PAGE_SIZE_BYTES - bytes, 1);
}

ALWAYS_INLINE bool readable_inline(const struct cpu *cpu, uint64_t address, unsigned bytes, uint8_t **host)
{
    const struct tlb_entry *e = &cpu->tlb[tlb_index(address)];
    return inline_hit(e, e->read_tag, address, bytes, host);
}

ALWAYS_INLINE bool writable_inline(const struct cpu *cpu, uint64_t address, unsigned bytes, uint8_t **host)
{
    const struct tlb_entry *e = &cpu->tlb[tlb_index(address)];
    return inline_hit(e, e->write_tag, address, bytes, host);
}

/* 1 << size bytes at a host address, 8 at most. */
ALWAYS_INLINE uint64_t host_load(const void *host, unsigned size)
{
    union {
        uint8_t b;
        uint16_t h;
        uint32_t s;
        uint64_t d;
    } value;
    switch (size) {
    case 0: memcpy(&value.b, host, 1); return value.b;
    case 1: memcpy(&value.h, host, 2); return value.h;
    case 2: memcpy(&value.s, host, 4); return value.s;
    default: memcpy(&value.d, host, 8); return value.d;
    }
}

ALWAYS_INLINE void host_store(void *host, unsigned size, uint64_t value)
{
    memcpy(host, &value, 1u << size); /* the host is little-endian, as the guest is */
}

/* Loads and stores of 1 << size bytes, 8 at most. */
ALWAYS_INLINE bool load(struct cpu *cpu, const struct insn *insn, uint64_t address, unsigned size,
                        enum reach reach, uint64_t *value)
{
    uint8_t *host;
    if (readable_inline(cpu, address, 1u << size, &host)) {
        *value = host_load(host, size);
        return true;
    }
    if (reach == INLINE_ONLY)
        return false;
    uint64_t buffer = 0;
    mem_slow_read(cpu, insn, address, 1u << size, &buffer, MEM_PLAIN);
    *value = buffer;
    return true;
}

ALWAYS_INLINE bool store(struct cpu *cpu, const struct insn *insn, uint64_t address, unsigned size,
                         enum reach reach, uint64_t value)
{
    uint8_t *host;
    if (writable_inline(cpu, address, 1u << size, &host)) {
        host_store(host, size, value);
        return true;
    }
    if (reach == INLINE_ONLY)
        return false;
    mem_slow_write(cpu, insn, address, 1u << size, &value, MEM_PLAIN);
    return true;
}

/* A loaded value of 1 << size bytes with its sign, in 64 bits or 32. */
ALWAYS_INLINE uint64_t with_sign(uint64_t value, unsigned size, unsigned sf)
{
    unsigned shift = 64 - (8u << size);
    uint64_t extended = (uint64_t)((int64_t)(value << shift) >> shift);
    return sf ? extended : (uint32_t)extended;
}

#endif
