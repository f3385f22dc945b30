/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What tests of the MMU share: a CPU with translation tables of its own. */
#ifndef ARMATURE_TESTS_MMU_TABLES_H
#define ARMATURE_TESTS_MMU_TABLES_H

#include "unit.h"
#include "cpu_bench.h"

#define MMU_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#define TABLES   (BENCH_RAM + 0x100000) /* where the tables of all levels are, 64 KiB apart */
#define TABLE(n) (TABLES + (uint64_t)(n)*0x10000)
#define PAGE     (BENCH_RAM + 0x1000000) /* what is mapped: 64 KiB aligned */

#define AF            (1ull << 10)
#define NG            (1ull << 11)
#define DBM           (1ull << 51)
#define PXN           (1ull << 53)
#define UXN           (1ull << 54)
#define VALID         1ull
#define TABLE_OR_PAGE 3ull

#define TCR_IPS_48 (5ull << 32)
#define TCR_AS     (1ull << 36)
#define TCR_EPD0   (1ull << 7)
#define TCR_TBI0   (1ull << 37)
#define TCR_HA     (1ull << 39)
#define TCR_HD     (1ull << 40)
#define TCR_HPD0   (1ull << 41)

static const struct granule {
    unsigned bits, tg0;
} granules[] = {{12, 0}, {14, 2}, {16, 1}};
#define GRANULES (sizeof granules / sizeof granules[0])

static struct cpu_bench *bench;
static struct cpu *cpu;

static inline int setup(void **state)
{
    bench = bench_create(CPU_MAX);
    cpu = &bench->cpu;
    return 0;
}

static inline int teardown(void **state)
{
    bench_free(bench);
    return 0;
}

static inline unsigned first_level(unsigned granule_bits, unsigned input_bits)
{
    unsigned level = 3, resolved = granule_bits;
    while (resolved + (granule_bits - 3) < input_bits) {
        resolved += granule_bits - 3;
        level--;
    }
    return level;
}

/* The lowest address bit that `level` resolves. */
static inline unsigned low_bit(unsigned granule_bits, unsigned level)
{
    return granule_bits + (3 - level) * (granule_bits - 3);
}

static inline uint64_t descriptor_address(unsigned granule_bits, unsigned level, uint64_t va)
{
    unsigned low = low_bit(granule_bits, level);
    return TABLE(level) + (va >> low & ((1ull << (granule_bits - 3)) - 1)) * 8;
}

/* Maps `va` by tables down to `leaf_level`, where `leaf` stands; the MMU is on for the lower half. */
static inline void map(unsigned granule, unsigned size_offset, uint64_t va, unsigned leaf_level, uint64_t leaf)
{
    unsigned bits = granules[granule].bits, level = first_level(bits, 64 - size_offset);
    cpu->sys.TTBR0_EL1 = TABLE(level);
    cpu->sys.TCR_EL1 = size_offset | granules[granule].tg0 << 14 | TCR_IPS_48 | TCR_AS;
    cpu->sys.MAIR_EL1 = 0xff;
    cpu->sys.SCTLR_EL1 |= 1;
    mmu_control_changed(cpu);
    for (; level < leaf_level; level++)
        bench_poke(bench, descriptor_address(bits, level, va), TABLE(level + 1) | TABLE_OR_PAGE);
    bench_poke(bench, descriptor_address(bits, leaf_level, va), leaf);
}

static inline uint64_t page_leaf(unsigned level)
{
    return (level == 3 ? TABLE_OR_PAGE : VALID) | AF;
}

static inline void set_asid(unsigned asid)
{
    cpu->sys.TTBR0_EL1 = (cpu->sys.TTBR0_EL1 & ~(0xffffull << 48)) | (uint64_t)asid << 48;
    tlb_asid_changed(cpu);
}

static inline bool reads(uint64_t va)
{
    struct insn insn = {.left = 0};
    return !RAISES(bench, mem_read32(cpu, &insn, va));
}

#endif
