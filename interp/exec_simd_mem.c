/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Structure loads and stores of vector registers.
 *
 * All of a load's data is read before a register changes, and a store's range is known to be writable before
 * its first byte is written; the base is written back last. So a fault leaves everything as it was. */
#include <string.h>
#include "interp/access.h"

/* What one instruction moves: at most four registers. */
union structures {
    uint8_t b[64];
    uint16_t h[32];
    uint32_t s[16];
    uint64_t d[8];
} __attribute__((may_alias));

/* Rm of 31 is the immediate form: the number of bytes moved. */
ALWAYS_INLINE void write_back(struct cpu *cpu, const struct insn *insn, uint64_t base, unsigned bytes)
{
    cpu->x[insn->rn] = base + (insn->rm == 31 ? bytes : cpu->x[insn->rm]);
}

/* Reads `bytes` bytes at `base` element by element where they cannot be had inline. */
ALWAYS_INLINE bool read_structures(struct cpu *cpu, const struct insn *insn, uint64_t base, unsigned bytes,
                                   enum reach reach, union structures *to)
{
    uint8_t *host;
    if (readable_inline(cpu, base, bytes, &host)) {
        memcpy(to, host, bytes);
        return true;
    }
    if (reach == INLINE_ONLY)
        return false;
    for (unsigned at = 0; at < bytes; at += 1u << insn->size)
        mem_slow_read(cpu, insn, base + at, 1u << insn->size, to->b + at, MEM_PLAIN);
    return true;
}

ALWAYS_INLINE bool write_structures(struct cpu *cpu, const struct insn *insn, uint64_t base, unsigned bytes,
                                    enum reach reach, const union structures *from)
{
    uint8_t *host;
    if (writable_inline(cpu, base, bytes, &host)) {
        memcpy(host, from, bytes);
        return true;
    }
    if (reach == INLINE_ONLY)
        return false;
    mem_probe_write(cpu, insn, base, bytes);
    for (unsigned at = 0; at < bytes; at += 1u << insn->size)
        mem_slow_write(cpu, insn, base + at, 1u << insn->size, from->b + at, MEM_PLAIN);
    return true;
}

/* Multiple structures: element e of register r lies at place e * count + r. */

#define DEINTERLEAVE(lanes)                                                                                  \
    for (unsigned e = 0; e < bytes / sizeof(data.lanes[0]); e++)                                             \
        for (unsigned r = 0; r < count; r++)                                                                 \
            registers[r].lanes[e] = data.lanes[e * count + r];
#define INTERLEAVE(lanes)                                                                                    \
    for (unsigned e = 0; e < bytes / sizeof(data.lanes[0]); e++)                                             \
        for (unsigned r = 0; r < count; r++)                                                                 \
            data.lanes[e * count + r] = cpu->v[(insn->rd + r) % 32].lanes[e];

ALWAYS_INLINE bool load_multiple(struct cpu *cpu, const struct insn *insn, unsigned count, bool interleaved,
                                 bool post, enum reach reach)
{
    const unsigned bytes = insn->q ? 16 : 8;
    const uint64_t base = cpu->x[insn->rn];
    union structures data;
    if (!fp_enabled(cpu, insn, reach) || !base_aligned(cpu, insn, base, reach) ||
        !read_structures(cpu, insn, base, count * bytes, reach, &data))
        return false;
    union vreg registers[4] = {{.d = {0, 0}}, {.d = {0, 0}}, {.d = {0, 0}}, {.d = {0, 0}}};
    if (!interleaved) {
        for (unsigned r = 0; r < count; r++)
            memcpy(&registers[r], data.b + r * bytes, bytes);
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
    return true;
}

ALWAYS_INLINE bool store_multiple(struct cpu *cpu, const struct insn *insn, unsigned count, bool interleaved,
                                  bool post, enum reach reach)
{
    const unsigned bytes = insn->q ? 16 : 8;
    const uint64_t base = cpu->x[insn->rn];
    union structures data;
    if (!fp_enabled(cpu, insn, reach) || !base_aligned(cpu, insn, base, reach))
        return false;
    if (!interleaved) {
        for (unsigned r = 0; r < count; r++)
            memcpy(data.b + r * bytes, &cpu->v[(insn->rd + r) % 32], bytes);
    } else {
        switch (insn->size) {
        case 0: INTERLEAVE(b) break;
        case 1: INTERLEAVE(h) break;
        case 2: INTERLEAVE(s) break;
        default: INTERLEAVE(d) break;
        }
    }
    if (!write_structures(cpu, insn, base, count * bytes, reach, &data))
        return false;
    if (post)
        write_back(cpu, insn, base, count * bytes);
    return true;
}

#define MULTIPLE(name, how, count, interleaved)                                                              \
    EXEC_MEMORY(name)                                                                                        \
    {                                                                                                        \
        return how##_multiple(cpu, insn, count, interleaved, false, reach);                                  \
    }                                                                                                        \
    EXEC_MEMORY(name##_post)                                                                                 \
    {                                                                                                        \
        return how##_multiple(cpu, insn, count, interleaved, true, reach);                                   \
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

ALWAYS_INLINE bool load_lane(struct cpu *cpu, const struct insn *insn, unsigned count, bool post,
                             enum reach reach)
{
    const unsigned bytes = 1u << insn->size;
    const uint64_t base = cpu->x[insn->rn];
    union structures data;
    if (!fp_enabled(cpu, insn, reach) || !base_aligned(cpu, insn, base, reach) ||
        !read_structures(cpu, insn, base, count * bytes, reach, &data))
        return false;
    for (unsigned r = 0; r < count; r++)
        memcpy(&cpu->v[(insn->rd + r) % 32].b[insn->amount * bytes], data.b + r * bytes, bytes);
    if (post)
        write_back(cpu, insn, base, count * bytes);
    return true;
}

ALWAYS_INLINE bool store_lane(struct cpu *cpu, const struct insn *insn, unsigned count, bool post,
                              enum reach reach)
{
    const unsigned bytes = 1u << insn->size;
    const uint64_t base = cpu->x[insn->rn];
    union structures data;
    if (!fp_enabled(cpu, insn, reach) || !base_aligned(cpu, insn, base, reach))
        return false;
    for (unsigned r = 0; r < count; r++)
        memcpy(data.b + r * bytes, &cpu->v[(insn->rd + r) % 32].b[insn->amount * bytes], bytes);
    if (!write_structures(cpu, insn, base, count * bytes, reach, &data))
        return false;
    if (post)
        write_back(cpu, insn, base, count * bytes);
    return true;
}

ALWAYS_INLINE bool load_replicated(struct cpu *cpu, const struct insn *insn, unsigned count, bool post,
                                   enum reach reach)
{
    const unsigned bytes = 1u << insn->size;
    const uint64_t base = cpu->x[insn->rn];
    union structures data;
    if (!fp_enabled(cpu, insn, reach) || !base_aligned(cpu, insn, base, reach) ||
        !read_structures(cpu, insn, base, count * bytes, reach, &data))
        return false;
    for (unsigned r = 0; r < count; r++) {
        union vreg v = {.d = {0, 0}};
        for (unsigned at = 0; at < (insn->q ? 16u : 8u); at += bytes)
            memcpy(v.b + at, data.b + r * bytes, bytes);
        cpu->v[(insn->rd + r) % 32] = v;
    }
    if (post)
        write_back(cpu, insn, base, count * bytes);
    return true;
}

#define SINGLE(name, how, count)                                                                             \
    EXEC_MEMORY(name)                                                                                        \
    {                                                                                                        \
        return how(cpu, insn, count, false, reach);                                                          \
    }                                                                                                        \
    EXEC_MEMORY(name##_post)                                                                                 \
    {                                                                                                        \
        return how(cpu, insn, count, true, reach);                                                           \
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

MEMORY_HANDLERS(simd_mem)
