/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Structure loads and stores of vector registers.
 *
 * All of a load's data is read before a register changes, and a store's range is known to be writable before
 * its first byte is written; the base is written back last. So a fault leaves everything as it was. */
#include <string.h>
#include "interp/exec.h"

/* What one instruction moves: at most four registers. */
union structures {
    uint8_t b[64];
    uint16_t h[32];
    uint32_t s[16];
    uint64_t d[8];
} __attribute__((may_alias));

static inline uint64_t base_of(struct cpu *cpu, const struct insn *insn)
{
    cpu_check_fp(cpu, insn);
    const uint64_t base = cpu->x[insn->rn];
    cpu_check_sp(cpu, insn, base);
    return base;
}

/* Rm of 31 is the immediate form: the number of bytes moved. */
static inline void write_back(struct cpu *cpu, const struct insn *insn, uint64_t base, unsigned bytes)
{
    cpu->x[insn->rn] = base + (insn->rm == 31 ? bytes : cpu->x[insn->rm]);
}

static inline void read_block(struct cpu *cpu, const struct insn *insn, uint64_t base, unsigned bytes,
                              unsigned size, union structures *block)
{
    const struct tlb_entry *e = &cpu->tlb[tlb_index(base)];
    if (__builtin_expect((base ^ e->read_tag) <= PAGE_SIZE_BYTES - bytes, 1)) {
        memcpy(block, (const void *)(e->addend + base), bytes);
        return;
    }
    for (unsigned i = 0; i < bytes >> size; i++)
        switch (size) {
        case 0: block->b[i] = mem_read8(cpu, insn, base + i); break;
        case 1: block->h[i] = mem_read16(cpu, insn, base + 2 * i); break;
        case 2: block->s[i] = mem_read32(cpu, insn, base + 4 * i); break;
        default: block->d[i] = mem_read64(cpu, insn, base + 8 * i); break;
        }
}

static inline void write_block(struct cpu *cpu, const struct insn *insn, uint64_t base, unsigned bytes,
                               unsigned size, const union structures *block)
{
    const struct tlb_entry *e = &cpu->tlb[tlb_index(base)];
    if (__builtin_expect((base ^ e->write_tag) <= PAGE_SIZE_BYTES - bytes, 1)) {
        memcpy((void *)(e->addend + base), block, bytes);
        return;
    }
    mem_probe_write(cpu, insn, base, bytes);
    for (unsigned i = 0; i < bytes >> size; i++)
        switch (size) {
        case 0: mem_write8(cpu, insn, base + i, block->b[i]); break;
        case 1: mem_write16(cpu, insn, base + 2 * i, block->h[i]); break;
        case 2: mem_write32(cpu, insn, base + 4 * i, block->s[i]); break;
        default: mem_write64(cpu, insn, base + 8 * i, block->d[i]); break;
        }
}

/* Multiple structures: element e of register r lies at place e * count + r. */

#define DEINTERLEAVE(lanes)                                                                                  \
    for (unsigned e = 0; e < bytes / sizeof(block.lanes[0]); e++)                                            \
        for (unsigned r = 0; r < count; r++)                                                                 \
            registers[r].lanes[e] = block.lanes[e * count + r];
#define INTERLEAVE(lanes)                                                                                    \
    for (unsigned e = 0; e < bytes / sizeof(block.lanes[0]); e++)                                            \
        for (unsigned r = 0; r < count; r++)                                                                 \
            block.lanes[e * count + r] = cpu->v[(insn->rd + r) % 32].lanes[e];

static inline __attribute__((always_inline)) void load_multiple(struct cpu *cpu, const struct insn *insn,
                                                                unsigned count, bool interleaved, bool post)
{
    const unsigned bytes = insn->q ? 16 : 8;
    const uint64_t base = base_of(cpu, insn);
    union structures block;
    union vreg registers[4] = {{.d = {0, 0}}, {.d = {0, 0}}, {.d = {0, 0}}, {.d = {0, 0}}};
    read_block(cpu, insn, base, count * bytes, insn->size, &block);
    if (!interleaved) {
        for (unsigned r = 0; r < count; r++)
            memcpy(&registers[r], block.b + r * bytes, bytes);
    } else {
        switch (insn->size) {
        case 0: DEINTERLEAVE(b) break;
        case 1: DEINTERLEAVE(h) break;
        case 2: DEINTERLEAVE(s) break;
        default: DEINTERLEAVE(d) break;
        }
    }
    for (unsigned r = 0; r < count; r++)
        cpu->v[(insn->rd + r) % 32] = registers[r];
    if (post)
        write_back(cpu, insn, base, count * bytes);
}

static inline __attribute__((always_inline)) void store_multiple(struct cpu *cpu, const struct insn *insn,
                                                                 unsigned count, bool interleaved, bool post)
{
    const unsigned bytes = insn->q ? 16 : 8;
    const uint64_t base = base_of(cpu, insn);
    union structures block;
    if (!interleaved) {
        for (unsigned r = 0; r < count; r++)
            memcpy(block.b + r * bytes, &cpu->v[(insn->rd + r) % 32], bytes);
    } else {
        switch (insn->size) {
        case 0: INTERLEAVE(b) break;
        case 1: INTERLEAVE(h) break;
        case 2: INTERLEAVE(s) break;
        default: INTERLEAVE(d) break;
        }
    }
    write_block(cpu, insn, base, count * bytes, insn->size, &block);
    if (post)
        write_back(cpu, insn, base, count * bytes);
}

#define MULTIPLE(name, how, count, interleaved)                                                              \
    EXEC(name)                                                                                               \
    {                                                                                                        \
        how##_multiple(cpu, insn, count, interleaved, false);                                                \
    }                                                                                                        \
    EXEC(name##_post)                                                                                        \
    {                                                                                                        \
        how##_multiple(cpu, insn, count, interleaved, true);                                                 \
    }

MULTIPLE(ld1x1, load, 1, false)
MULTIPLE(ld1x2, load, 2, false)
MULTIPLE(ld1x3, load, 3, false)
MULTIPLE(ld1x4, load, 4, false)
MULTIPLE(ld2, load, 2, true)
MULTIPLE(ld3, load, 3, true)
MULTIPLE(ld4, load, 4, true)
MULTIPLE(st1x1, store, 1, false)
MULTIPLE(st1x2, store, 2, false)
MULTIPLE(st1x3, store, 3, false)
MULTIPLE(st1x4, store, 4, false)
MULTIPLE(st2, store, 2, true)
MULTIPLE(st3, store, 3, true)
MULTIPLE(st4, store, 4, true)

/* One structure, to or from lane insn->amount of each register. */

static inline void load_lane(struct cpu *cpu, const struct insn *insn, unsigned count, bool post)
{
    const unsigned bytes = 1u << insn->size;
    const uint64_t base = base_of(cpu, insn);
    union structures block;
    read_block(cpu, insn, base, count * bytes, insn->size, &block);
    for (unsigned r = 0; r < count; r++)
        memcpy(&cpu->v[(insn->rd + r) % 32].b[insn->amount * bytes], block.b + r * bytes, bytes);
    if (post)
        write_back(cpu, insn, base, count * bytes);
}

static inline void store_lane(struct cpu *cpu, const struct insn *insn, unsigned count, bool post)
{
    const unsigned bytes = 1u << insn->size;
    const uint64_t base = base_of(cpu, insn);
    union structures block;
    for (unsigned r = 0; r < count; r++)
        memcpy(block.b + r * bytes, &cpu->v[(insn->rd + r) % 32].b[insn->amount * bytes], bytes);
    write_block(cpu, insn, base, count * bytes, insn->size, &block);
    if (post)
        write_back(cpu, insn, base, count * bytes);
}

static inline void load_replicated(struct cpu *cpu, const struct insn *insn, unsigned count, bool post)
{
    const unsigned bytes = 1u << insn->size;
    const uint64_t base = base_of(cpu, insn);
    union structures block;
    read_block(cpu, insn, base, count * bytes, insn->size, &block);
    for (unsigned r = 0; r < count; r++) {
        union vreg v = {.d = {0, 0}};
        for (unsigned at = 0; at < (insn->q ? 16u : 8u); at += bytes)
            memcpy(v.b + at, block.b + r * bytes, bytes);
        cpu->v[(insn->rd + r) % 32] = v;
    }
    if (post)
        write_back(cpu, insn, base, count * bytes);
}

#define SINGLE(name, how, count)                                                                             \
    EXEC(name)                                                                                               \
    {                                                                                                        \
        how(cpu, insn, count, false);                                                                        \
    }                                                                                                        \
    EXEC(name##_post)                                                                                        \
    {                                                                                                        \
        how(cpu, insn, count, true);                                                                         \
    }

SINGLE(ld1_lane, load_lane, 1)
SINGLE(ld2_lane, load_lane, 2)
SINGLE(ld3_lane, load_lane, 3)
SINGLE(ld4_lane, load_lane, 4)
SINGLE(st1_lane, store_lane, 1)
SINGLE(st2_lane, store_lane, 2)
SINGLE(st3_lane, store_lane, 3)
SINGLE(st4_lane, store_lane, 4)
SINGLE(ld1r, load_replicated, 1)
SINGLE(ld2r, load_replicated, 2)
SINGLE(ld3r, load_replicated, 3)
SINGLE(ld4r, load_replicated, 4)

HANDLERS(simd_mem)
