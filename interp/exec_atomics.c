/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Exclusive, ordered and atomic accesses: the instructions of tables/atomics.tab.
 *
 * The monitor is a memory of what was loaded: a store exclusive succeeds where the same address still holds
 * the same value, by one compare-and-swap of the host's. So it needs no watch on other CPUs, and other CPUs
 * may well run on other host threads. All atomics use the host's, sequentially consistent, which is the
 * strongest that the acquire and release forms ask for. FEAT_LSE2 is not there: what is not aligned faults.
 */
#include "interp/access.h"

#define BASE cpu->x[insn->rn]

/* Ordered. x86 keeps loads and stores in order but for a store before a later load, which STLR and LDAR
 * together do not allow: the store is the host's exchange. */

ALWAYS_INLINE bool is_aligned(uint64_t address, unsigned size)
{
    return __builtin_expect(!(address & ((1u << size) - 1)), 1);
}

ALWAYS_INLINE bool load_ordered(struct cpu *cpu, const struct insn *insn, uint64_t offset, enum reach reach,
                                uint64_t *value)
{
    const uint64_t base = BASE, address = base + offset;
    const unsigned size = insn->size;
    if (!base_aligned(cpu, insn, base, reach))
        return false;
    uint8_t *host;
    if (is_aligned(address, size) && readable_inline(cpu, address, 1u << size, &host)) {
        *value = host_load(host, size);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        return true;
    }
    if (reach == INLINE_ONLY)
        return false;
    uint64_t buffer = 0;
    mem_slow_read(cpu, insn, address, 1u << size, &buffer, MEM_ALIGNED | MEM_ACQUIRE_RELEASE);
    *value = buffer;
    return true;
}

ALWAYS_INLINE bool store_ordered(struct cpu *cpu, const struct insn *insn, uint64_t offset, enum reach reach)
{
    const uint64_t base = BASE, address = base + offset, value = cpu->x[insn->rd];
    const unsigned size = insn->size;
    if (!base_aligned(cpu, insn, base, reach))
        return false;
    uint8_t *host;
    if (is_aligned(address, size) && writable_inline(cpu, address, 1u << size, &host)) {
        switch (size) {
        case 0: __atomic_store_n(host, (uint8_t)value, __ATOMIC_SEQ_CST); break;
        case 1: __atomic_store_n((uint16_t *)(void *)host, (uint16_t)value, __ATOMIC_SEQ_CST); break;
        case 2: __atomic_store_n((uint32_t *)(void *)host, (uint32_t)value, __ATOMIC_SEQ_CST); break;
        default: __atomic_store_n((uint64_t *)(void *)host, value, __ATOMIC_SEQ_CST); break;
        }
        return true;
    }
    if (reach == INLINE_ONLY)
        return false;
    mem_slow_write(cpu, insn, address, 1u << size, &value, MEM_ALIGNED | MEM_ACQUIRE_RELEASE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return true;
}

#define ORDERED_STORE(name, offset)                                                                          \
    EXEC_MEMORY(name)                                                                                        \
    {                                                                                                        \
        return store_ordered(cpu, insn, offset, reach);                                                      \
    }
#define ORDERED_LOAD(name, offset, result)                                                                   \
    EXEC_MEMORY(name)                                                                                        \
    {                                                                                                        \
        uint64_t value;                                                                                      \
        if (!load_ordered(cpu, insn, offset, reach, &value))                                                 \
            return false;                                                                                    \
        cpu->x[insn->rd] = result;                                                                           \
        return true;                                                                                         \
    }

ORDERED_STORE(stlr, 0)
ORDERED_STORE(stllr, 0)
ORDERED_LOAD(ldar, 0, value)
ORDERED_LOAD(ldlar, 0, value)
ORDERED_LOAD(ldapr, 0, value)
ORDERED_STORE(stlur, (uint64_t)insn->imm)
ORDERED_LOAD(ldapur, (uint64_t)insn->imm, value)
ORDERED_LOAD(ldapurs64, (uint64_t)insn->imm, with_sign(value, insn->size, 1))
ORDERED_LOAD(ldapurs32, (uint64_t)insn->imm, with_sign(value, insn->size, 0))

/* Exclusives and atomics: through the host address of the datum, or NULL where that is not had without a
 * call. */

ALWAYS_INLINE void *datum(struct cpu *cpu, const struct insn *insn, unsigned bytes, bool write,
                          enum reach reach, uint64_t *physical)
{
    const uint64_t address = BASE;
    if (!base_aligned(cpu, insn, address, reach))
        return NULL;
    const struct tlb_entry *e = &cpu->tlb[tlb_index(address)];
    if (__builtin_expect(!(address & (bytes - 1)) && (address ^ e->read_tag) < PAGE_SIZE_BYTES &&
                             (!write || (address ^ e->write_tag) < PAGE_SIZE_BYTES),
                         1)) {
        *physical = e->physical | (address & (PAGE_SIZE_BYTES - 1));
        return (void *)(e->addend + address);
    }
    return reach == INLINE_ONLY ? NULL : mem_exclusive(cpu, insn, address, bytes, write, physical);
}

/* Compares and swaps 1 << size bytes; returns what was there. */
static inline uint64_t host_cas(void *host, unsigned size, uint64_t expected, uint64_t value)
{
    union {
        uint8_t b;
        uint16_t h;
        uint32_t s;
        uint64_t d;
    } was = {.d = expected};
    switch (size) {
    case 0:
        __atomic_compare_exchange_n((uint8_t *)host, &was.b, (uint8_t)value, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST);
        return was.b;
    case 1:
        __atomic_compare_exchange_n((uint16_t *)host, &was.h, (uint16_t)value, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST);
        return was.h;
    case 2:
        __atomic_compare_exchange_n((uint32_t *)host, &was.s, (uint32_t)value, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST);
        return was.s;
    default:
        __atomic_compare_exchange_n((uint64_t *)host, &was.d, value, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST);
        return was.d;
    }
}

/* The same of two words of 8 bytes; `low` and `high` are what is expected, and become what was there. */
static inline void host_cas_pair(void *host, uint64_t *low, uint64_t *high, uint64_t new_low,
                                 uint64_t new_high)
{
    __asm__ volatile("lock cmpxchg16b %[memory]"
                     : [memory] "+m"(*(unsigned __int128 *)host), "+a"(*low), "+d"(*high)
                     : "b"(new_low), "c"(new_high)
                     : "cc", "memory");
}

EXEC_MEMORY(ldxr)
{
    uint64_t physical;
    const void *host = datum(cpu, insn, 1u << insn->size, false, reach, &physical);
    if (!host)
        return false;
    uint64_t value = host_load(host, insn->size);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    cpu->exclusive = (struct exclusive){.address = physical, .value = {value}, .size = 1u << insn->size};
    cpu->x[insn->rd] = value;
    return true;
}

/* The halves of a pair need not be read at once: what the store exclusive compares is both. */
EXEC_MEMORY(ldxp)
{
    uint64_t physical;
    const uint8_t *host = datum(cpu, insn, 8u << insn->sf, false, reach, &physical);
    if (!host)
        return false;
    uint64_t low = host_load(host, 3);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if (insn->sf) {
        uint64_t high = host_load(host + 8, 3);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        cpu->exclusive = (struct exclusive){.address = physical, .value = {low, high}, .size = 16};
        cpu->x[insn->rd] = low;
        cpu->x[insn->ra] = high;
    } else {
        cpu->exclusive = (struct exclusive){.address = physical, .value = {low}, .size = 8};
        cpu->x[insn->rd] = (uint32_t)low;
        cpu->x[insn->ra] = low >> 32;
    }
    return true;
}

/* Whether a store exclusive of `bytes` passes the monitor; the store then decides. */
ALWAYS_INLINE bool monitor_matches(const struct cpu *cpu, uint64_t physical, unsigned bytes)
{
    return cpu->exclusive.size == bytes && cpu->exclusive.address == physical;
}

/* With the monitor open nothing is accessed, and nothing faults but SP's alignment (Arm ARM, STXR: before the
 * monitor is asked). */
EXEC_MEMORY(stxr)
{
    bool stored = false;
    if (!base_aligned(cpu, insn, BASE, reach))
        return false;
    if (cpu->exclusive.size) {
        uint64_t physical;
        void *host = datum(cpu, insn, 1u << insn->size, true, reach, &physical);
        if (!host)
            return false;
        uint64_t expected = cpu->exclusive.value[0];
        stored = monitor_matches(cpu, physical, 1u << insn->size) &&
                 host_cas(host, insn->size, expected, cpu->x[insn->rm]) == expected;
        cpu->exclusive.size = 0;
    }
    cpu->x[insn->rd] = !stored;
    return true;
}

EXEC_MEMORY(stxp)
{
    bool stored = false;
    if (!base_aligned(cpu, insn, BASE, reach))
        return false;
    if (cpu->exclusive.size) {
        const unsigned bytes = 8u << insn->sf;
        const uint64_t first = cpu->x[insn->rm], second = cpu->x[insn->ra];
        uint64_t physical;
        void *host = datum(cpu, insn, bytes, true, reach, &physical);
        if (!host)
            return false;
        uint64_t low = cpu->exclusive.value[0], high = cpu->exclusive.value[1];
        if (!monitor_matches(cpu, physical, bytes)) {
            stored = false;
        } else if (insn->sf) {
            host_cas_pair(host, &low, &high, first, second);
            stored = low == cpu->exclusive.value[0] && high == cpu->exclusive.value[1];
        } else {
            stored = host_cas(host, 3, low, (uint32_t)first | second << 32) == low;
        }
        cpu->exclusive.size = 0;
    }
    cpu->x[insn->rd] = !stored;
    return true;
}

EXEC_MEMORY(cas)
{
    uint64_t physical;
    void *host = datum(cpu, insn, 1u << insn->size, true, reach, &physical);
    if (!host)
        return false;
    cpu->x[insn->rd] = host_cas(host, insn->size, cpu->x[insn->rm], cpu->x[insn->ra]);
    return true;
}

/* Of X30 and X31: the second register is the zero register, read and written. */
EXEC_MEMORY(casp)
{
    uint64_t physical;
    void *host = datum(cpu, insn, 8u << insn->sf, true, reach, &physical);
    if (!host)
        return false;
    uint64_t low = cpu->x[insn->rm], high = cpu->x[insn->rm + 1];
    const uint64_t new_low = cpu->x[insn->ra], new_high = cpu->x[insn->ra + 1];
    if (insn->sf) {
        host_cas_pair(host, &low, &high, new_low, new_high);
    } else {
        uint64_t was = host_cas(host, 3, (uint32_t)low | high << 32, (uint32_t)new_low | new_high << 32);
        low = (uint32_t)was;
        high = was >> 32;
    }
    cpu->x[insn->rd] = low;
    cpu->x[insn->rd == 30 ? REG_SINK : insn->rd + 1] = high;
    return true;
}

/* Read, modify, write. `a` is what memory holds, `b` the operand, each of the type of the access. */
#define MODIFY(type, stype, result)                                                                          \
    do {                                                                                                     \
        type *const place = host;                                                                            \
        const type b = (type)operand;                                                                        \
        typedef stype word_signed __attribute__((unused));                                                   \
        type a = __atomic_load_n(place, __ATOMIC_RELAXED);                                                   \
        while (!__atomic_compare_exchange_n(place, &a, (type)(result), true, __ATOMIC_SEQ_CST,               \
                                            __ATOMIC_RELAXED))                                               \
            ;                                                                                                \
        was = a;                                                                                             \
    } while (0)
#define ATOMIC(name, result)                                                                                 \
    EXEC_MEMORY(name)                                                                                        \
    {                                                                                                        \
        uint64_t physical, was;                                                                              \
        const uint64_t operand = cpu->x[insn->rm];                                                           \
        void *host = datum(cpu, insn, 1u << insn->size, true, reach, &physical);                             \
        if (!host)                                                                                           \
            return false;                                                                                    \
        switch (insn->size) {                                                                                \
        case 0: MODIFY(uint8_t, int8_t, result); break;                                                      \
        case 1: MODIFY(uint16_t, int16_t, result); break;                                                    \
        case 2: MODIFY(uint32_t, int32_t, result); break;                                                    \
        default: MODIFY(uint64_t, int64_t, result); break;                                                   \
        }                                                                                                    \
        cpu->x[insn->rd] = was;                                                                              \
        return true;                                                                                         \
    }

ATOMIC(ldadd, a + b)
ATOMIC(ldclr, a & ~b)
ATOMIC(ldeor, a ^ b)
ATOMIC(ldset, a | b)
ATOMIC(ldsmax, (word_signed)a > (word_signed)b ? a : b)
ATOMIC(ldsmin, (word_signed)a < (word_signed)b ? a : b)
ATOMIC(ldumax, a > b ? a : b)
ATOMIC(ldumin, a < b ? a : b)
ATOMIC(swp, b)

MEMORY_HANDLERS(atomics)
