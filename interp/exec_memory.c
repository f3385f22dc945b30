/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Loads and stores of single registers and pairs: the instructions of tables/memory.tab.
 *
 * Each addressing form is an expression for the address and what becomes of the base afterwards; a family of
 * instructions is expanded for each. The base is written back last, so that a fault leaves it alone, and
 * (where the architecture leaves it open what a load with write-back into its own base gives) wins over the
 * value loaded. */
#include "interp/access.h"
#include "isa/arm64/mmu.h"

#define BASE    cpu->x[insn->rn]
#define OFFSET  (uint64_t) insn->imm
#define INDEX_X (cpu->x[insn->rm] << insn->amount)
#define INDEX_W                                                                                              \
    ((insn->opt ? (uint64_t)(int32_t)cpu->x[insn->rm] : (uint32_t)cpu->x[insn->rm]) << insn->amount)

#define NO_WRITE_BACK ((void)0)
#define WRITE_BACK    (cpu->x[insn->rn] = base + OFFSET)

/* The four forms of a general register. `address` is in terms of `base`. */
#define GENERAL(form, address, after)                                                                        \
    EXEC_MEMORY(str##form)                                                                                   \
    {                                                                                                        \
        const uint64_t base = BASE;                                                                          \
        if (!base_aligned(cpu, insn, base, reach) ||                                                         \
            !store(cpu, insn, address, insn->size, reach, cpu->x[insn->rd]))                                 \
            return false;                                                                                    \
        after;                                                                                               \
        return true;                                                                                         \
    }                                                                                                        \
    EXEC_MEMORY(ldr##form)                                                                                   \
    {                                                                                                        \
        const uint64_t base = BASE;                                                                          \
        uint64_t value;                                                                                      \
        if (!base_aligned(cpu, insn, base, reach) || !load(cpu, insn, address, insn->size, reach, &value))   \
            return false;                                                                                    \
        cpu->x[insn->rd] = value;                                                                            \
        after;                                                                                               \
        return true;                                                                                         \
    }                                                                                                        \
    EXEC_MEMORY(ldrs64##form)                                                                                \
    {                                                                                                        \
        const uint64_t base = BASE;                                                                          \
        uint64_t value;                                                                                      \
        if (!base_aligned(cpu, insn, base, reach) || !load(cpu, insn, address, insn->size, reach, &value))   \
            return false;                                                                                    \
        cpu->x[insn->rd] = with_sign(value, insn->size, 1);                                                  \
        after;                                                                                               \
        return true;                                                                                         \
    }                                                                                                        \
    EXEC_MEMORY(ldrs32##form)                                                                                \
    {                                                                                                        \
        const uint64_t base = BASE;                                                                          \
        uint64_t value;                                                                                      \
        if (!base_aligned(cpu, insn, base, reach) || !load(cpu, insn, address, insn->size, reach, &value))   \
            return false;                                                                                    \
        cpu->x[insn->rd] = with_sign(value, insn->size, 0);                                                  \
        after;                                                                                               \
        return true;                                                                                         \
    }

/* Vector registers: of 1 << size bytes, 16 at most; a load clears what is above. */

ALWAYS_INLINE bool load_vector(struct cpu *cpu, const struct insn *insn, uint64_t address, unsigned size,
                               enum reach reach, union vreg *value)
{
    if (size < 4) {
        value->d[1] = 0;
        return load(cpu, insn, address, size, reach, &value->d[0]);
    }
    uint8_t *host;
    if (readable_inline(cpu, address, 16, &host))
        memcpy(value, host, 16);
    else if (reach == INLINE_ONLY)
        return false;
    else
        mem_slow_read(cpu, insn, address, 16, value, MEM_PLAIN);
    return true;
}

ALWAYS_INLINE bool store_vector(struct cpu *cpu, const struct insn *insn, uint64_t address, unsigned size,
                                enum reach reach, const union vreg *value)
{
    if (size < 4)
        return store(cpu, insn, address, size, reach, value->d[0]);
    uint8_t *host;
    if (writable_inline(cpu, address, 16, &host))
        memcpy(host, value, 16);
    else if (reach == INLINE_ONLY)
        return false;
    else
        mem_slow_write(cpu, insn, address, 16, value, MEM_PLAIN);
    return true;
}

#define VECTOR_OF(kind, form, size, address, after)                                                          \
    EXEC_MEMORY(str##kind##form)                                                                             \
    {                                                                                                        \
        if (!fp_enabled(cpu, insn, reach))                                                                   \
            return false;                                                                                    \
        const uint64_t base = BASE;                                                                          \
        if (!base_aligned(cpu, insn, base, reach) ||                                                         \
            !store_vector(cpu, insn, address, size, reach, &cpu->v[insn->rd]))                               \
            return false;                                                                                    \
        after;                                                                                               \
        return true;                                                                                         \
    }                                                                                                        \
    EXEC_MEMORY(ldr##kind##form)                                                                             \
    {                                                                                                        \
        if (!fp_enabled(cpu, insn, reach))                                                                   \
            return false;                                                                                    \
        const uint64_t base = BASE;                                                                          \
        union vreg value;                                                                                    \
        if (!base_aligned(cpu, insn, base, reach) || !load_vector(cpu, insn, address, size, reach, &value))  \
            return false;                                                                                    \
        cpu->v[insn->rd] = value;                                                                            \
        after;                                                                                               \
        return true;                                                                                         \
    }
#define VECTOR(form, address, after)                                                                         \
    VECTOR_OF(v, form, insn->size, address, after)                                                           \
    VECTOR_OF(q, form, 4, address, after)

#define ADDRESSED(form, address, after)                                                                      \
    GENERAL(form, address, after)                                                                            \
    VECTOR(form, address, after)

ADDRESSED(_imm, base + OFFSET, NO_WRITE_BACK)
ADDRESSED(_un, base + OFFSET, NO_WRITE_BACK)
ADDRESSED(_post, base, WRITE_BACK)
ADDRESSED(_pre, base + OFFSET, WRITE_BACK)
ADDRESSED(_rx, base + INDEX_X, NO_WRITE_BACK)
ADDRESSED(_rw, base + INDEX_W, NO_WRITE_BACK)

/* PC-relative */

EXEC_MEMORY(ldr_lit)
{
    uint64_t value;
    if (!load(cpu, insn, insn_pc(cpu, insn) + OFFSET, insn->sf ? 3 : 2, reach, &value))
        return false;
    cpu->x[insn->rd] = value;
    return true;
}

EXEC_MEMORY(ldrsw_lit)
{
    uint64_t value;
    if (!load(cpu, insn, insn_pc(cpu, insn) + OFFSET, 2, reach, &value))
        return false;
    cpu->x[insn->rd] = with_sign(value, 2, 1);
    return true;
}

EXEC_MEMORY(ldrv_lit)
{
    union vreg value;
    if (!fp_enabled(cpu, insn, reach) ||
        !load_vector(cpu, insn, insn_pc(cpu, insn) + OFFSET, 2 + insn->opt, reach, &value))
        return false;
    cpu->v[insn->rd] = value;
    return true;
}

/* Unprivileged: as from EL0, unless PSTATE.UAO makes them plain ones (Arm ARM D8.4.7) */

ALWAYS_INLINE bool is_unprivileged(const struct cpu *cpu)
{
    return mmu_has_unprivileged(cpu) && !cpu->pstate.uao;
}

ALWAYS_INLINE const struct tlb_entry *unprivileged_entry(const struct cpu *cpu, uint64_t address)
{
    const struct tlb_entry *table = is_unprivileged(cpu) ? tlb_table(cpu->tlb_all, TLB_EL0) : cpu->tlb;
    return &table[tlb_index(address)];
}

static unsigned unprivileged_attributes(const struct cpu *cpu)
{
    return is_unprivileged(cpu) ? MEM_UNPRIVILEGED : MEM_PLAIN;
}

ALWAYS_INLINE bool load_unprivileged(struct cpu *cpu, const struct insn *insn, enum reach reach,
                                     uint64_t *value)
{
    const uint64_t base = BASE, address = base + OFFSET;
    if (!base_aligned(cpu, insn, base, reach))
        return false;
    const struct tlb_entry *e = unprivileged_entry(cpu, address);
    uint8_t *host;
    if (inline_hit(e, e->read_tag, address, 1u << insn->size, &host)) {
        *value = host_load(host, insn->size);
        return true;
    }
    if (reach == INLINE_ONLY)
        return false;
    *value = 0;
    mem_slow_read(cpu, insn, address, 1u << insn->size, value, unprivileged_attributes(cpu));
    return true;
}

EXEC_MEMORY(str_tr)
{
    const uint64_t base = BASE, address = base + OFFSET, value = cpu->x[insn->rd];
    if (!base_aligned(cpu, insn, base, reach))
        return false;
    const struct tlb_entry *e = unprivileged_entry(cpu, address);
    uint8_t *host;
    if (inline_hit(e, e->write_tag, address, 1u << insn->size, &host))
        host_store(host, insn->size, value);
    else if (reach == INLINE_ONLY)
        return false;
    else
        mem_slow_write(cpu, insn, address, 1u << insn->size, &value, unprivileged_attributes(cpu));
    return true;
}

EXEC_MEMORY(ldr_tr)
{
    uint64_t value;
    if (!load_unprivileged(cpu, insn, reach, &value))
        return false;
    cpu->x[insn->rd] = value;
    return true;
}

EXEC_MEMORY(ldrs64_tr)
{
    uint64_t value;
    if (!load_unprivileged(cpu, insn, reach, &value))
        return false;
    cpu->x[insn->rd] = with_sign(value, insn->size, 1);
    return true;
}

EXEC_MEMORY(ldrs32_tr)
{
    uint64_t value;
    if (!load_unprivileged(cpu, insn, reach, &value))
        return false;
    cpu->x[insn->rd] = with_sign(value, insn->size, 0);
    return true;
}

/* Pairs. Where both halves lie in one page, one check serves both. */

ALWAYS_INLINE bool store_pair(struct cpu *cpu, const struct insn *insn, uint64_t address, unsigned size,
                              enum reach reach, const void *first, const void *second)
{
    const unsigned bytes = 1u << size;
    uint8_t *host;
    if (writable_inline(cpu, address, 2 * bytes, &host)) {
        memcpy(host, first, bytes);
        memcpy(host + bytes, second, bytes);
        return true;
    }
    if (reach == INLINE_ONLY)
        return false;
    if ((address ^ (address + 2 * bytes - 1)) >= PAGE_SIZE_BYTES)
        mem_probe_write(cpu, insn, address, 2 * bytes);
    mem_slow_write(cpu, insn, address, bytes, first, MEM_PLAIN);
    mem_slow_write(cpu, insn, address + bytes, bytes, second, MEM_PLAIN);
    return true;
}

ALWAYS_INLINE bool load_pair(struct cpu *cpu, const struct insn *insn, uint64_t address, unsigned size,
                             enum reach reach, uint64_t *first, uint64_t *second)
{
    uint8_t *host;
    if (readable_inline(cpu, address, 2u << size, &host)) {
        *first = host_load(host, size);
        *second = host_load(host + (1u << size), size);
        return true;
    }
    if (reach == INLINE_ONLY)
        return false;
    return load(cpu, insn, address, size, reach, first) &&
           load(cpu, insn, address + (1u << size), size, reach, second);
}

ALWAYS_INLINE bool load_vector_pair(struct cpu *cpu, const struct insn *insn, uint64_t address, unsigned size,
                                    enum reach reach, union vreg *first, union vreg *second)
{
    if (size < 4) {
        first->d[1] = second->d[1] = 0;
        return load_pair(cpu, insn, address, size, reach, &first->d[0], &second->d[0]);
    }
    uint8_t *host;
    if (readable_inline(cpu, address, 32, &host)) {
        memcpy(first, host, 16);
        memcpy(second, host + 16, 16);
        return true;
    }
    if (reach == INLINE_ONLY)
        return false;
    return load_vector(cpu, insn, address, size, reach, first) &&
           load_vector(cpu, insn, address + 16, size, reach, second);
}

/* The first register is written last, and wins where both are the same one. */
#define PAIR(suffix, form, address, after)                                                                   \
    EXEC_MEMORY(st##suffix##form)                                                                            \
    {                                                                                                        \
        const uint64_t base = BASE;                                                                          \
        if (!base_aligned(cpu, insn, base, reach) ||                                                         \
            !store_pair(cpu, insn, address, insn->sf ? 3 : 2, reach, &cpu->x[insn->rd], &cpu->x[insn->ra]))  \
            return false;                                                                                    \
        after;                                                                                               \
        return true;                                                                                         \
    }                                                                                                        \
    EXEC_MEMORY(ld##suffix##form)                                                                            \
    {                                                                                                        \
        const uint64_t base = BASE;                                                                          \
        uint64_t first, second;                                                                              \
        if (!base_aligned(cpu, insn, base, reach) ||                                                         \
            !load_pair(cpu, insn, address, insn->sf ? 3 : 2, reach, &first, &second))                        \
            return false;                                                                                    \
        cpu->x[insn->ra] = second;                                                                           \
        cpu->x[insn->rd] = first;                                                                            \
        after;                                                                                               \
        return true;                                                                                         \
    }                                                                                                        \
    EXEC_MEMORY(st##suffix##v##form)                                                                         \
    {                                                                                                        \
        const uint64_t base = BASE;                                                                          \
        if (!fp_enabled(cpu, insn, reach) || !base_aligned(cpu, insn, base, reach) ||                        \
            !store_pair(cpu, insn, address, 2 + insn->opt, reach, &cpu->v[insn->rd], &cpu->v[insn->ra]))     \
            return false;                                                                                    \
        after;                                                                                               \
        return true;                                                                                         \
    }                                                                                                        \
    EXEC_MEMORY(ld##suffix##v##form)                                                                         \
    {                                                                                                        \
        const uint64_t base = BASE;                                                                          \
        union vreg first, second;                                                                            \
        if (!fp_enabled(cpu, insn, reach) || !base_aligned(cpu, insn, base, reach) ||                        \
            !load_vector_pair(cpu, insn, address, 2 + insn->opt, reach, &first, &second))                    \
            return false;                                                                                    \
        cpu->v[insn->ra] = second;                                                                           \
        cpu->v[insn->rd] = first;                                                                            \
        after;                                                                                               \
        return true;                                                                                         \
    }
#define PAIR_OF_WORDS(form, address, after)                                                                  \
    EXEC_MEMORY(ldpsw##form)                                                                                 \
    {                                                                                                        \
        const uint64_t base = BASE;                                                                          \
        uint64_t first, second;                                                                              \
        if (!base_aligned(cpu, insn, base, reach) ||                                                         \
            !load_pair(cpu, insn, address, 2, reach, &first, &second))                                       \
            return false;                                                                                    \
        cpu->x[insn->ra] = with_sign(second, 2, 1);                                                          \
        cpu->x[insn->rd] = with_sign(first, 2, 1);                                                           \
        after;                                                                                               \
        return true;                                                                                         \
    }

PAIR(np, , base + OFFSET, NO_WRITE_BACK)
PAIR(p, _off, base + OFFSET, NO_WRITE_BACK)
PAIR(p, _post, base, WRITE_BACK)
PAIR(p, _pre, base + OFFSET, WRITE_BACK)
PAIR_OF_WORDS(_off, base + OFFSET, NO_WRITE_BACK)
PAIR_OF_WORDS(_post, base, WRITE_BACK)
PAIR_OF_WORDS(_pre, base + OFFSET, WRITE_BACK)

/* Prefetches are hints, and nothing is gained by taking them. */

#define PREFETCH(form)                                                                                       \
    EXEC_MEMORY(prfm##form)                                                                                  \
    {                                                                                                        \
        return true;                                                                                         \
    }

PREFETCH(_imm)
PREFETCH(_un)
PREFETCH(_rx)
PREFETCH(_rw)
PREFETCH(_lit)

MEMORY_HANDLERS(memory)
