/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table walk of stage 1 (Arm ARM D8.2-D8.4) of the regime in use, and updates of descriptors by hardware.
 *
 * Example, 4K granule, T1SZ = 16: 48 bits of input, 9 resolved at each of levels 0 to 3, 12 of offset. The
 * walk starts at level 0, and a block descriptor at level 2 maps 2 MiB. */
#include "isa/arm64/mmu.h"
#include "isa/arm64/user.h"

#define TABLE_ADDRESS_BITS 48

/* Bits of TCR_EL1. */
#define TCR_EPD0  (1ull << 7)
#define TCR_EPD1  (1ull << 23)
#define TCR_TBI0  (1ull << 37)
#define TCR_TBI1  (1ull << 38)
#define TCR_HA    (1ull << 39)
#define TCR_HD    (1ull << 40)
#define TCR_HPD0  (1ull << 41)
#define TCR_HPD1  (1ull << 42)
#define TCR_TBID0 (1ull << 51)
#define TCR_TBID1 (1ull << 52)

/* Bits of descriptors. */
#define DESC_VALID             1ull
#define DESC_TABLE             2ull /* a page at level 3 */
#define DESC_AP_USER           (1ull << 6)
#define DESC_AP_READONLY       (1ull << 7)
#define DESC_AF                (1ull << 10)
#define DESC_NG                (1ull << 11)
#define DESC_GP                (1ull << 50)
#define DESC_DBM               (1ull << 51)
#define DESC_PXN               (1ull << 53)
#define DESC_UXN               (1ull << 54)
#define DESC_PXN_TABLE         (1ull << 59)
#define DESC_UXN_TABLE         (1ull << 60)
#define DESC_AP_TABLE_NO_USER  (1ull << 61)
#define DESC_AP_TABLE_READONLY (1ull << 62)

/* One half of the address space, as TCR_EL1 describes it. */
struct half {
    uint64_t base;         /* TTBRn_EL1 */
    unsigned size_offset;  /* TnSZ */
    unsigned granule_bits; /* 12, 14, 16 */
    bool disabled;         /* EPDn */
    bool flat_permissions; /* HPDn */
};

static struct half half_of(const struct cpu *cpu, bool upper)
{
    static const uint8_t granule0[4] = {12, 16, 14, 12}, granule1[4] = {12, 14, 12, 16};
    uint64_t tcr = cpu->sys.TCR_EL1;
    bool hpds = has_feature(&cpu->features, FEAT_HPDS);
    if (upper)
        return (struct half){cpu->sys.TTBR1_EL1, tcr >> 16 & 63, granule1[tcr >> 30 & 3], tcr & TCR_EPD1,
                             hpds && tcr & TCR_HPD1};
    return (struct half){cpu->sys.TTBR0_EL1, tcr & 63, granule0[tcr >> 14 & 3], tcr & TCR_EPD0,
                         hpds && tcr & TCR_HPD0};
}

/* Bits of output address that TCR_EL1.IPS allows; beyond PARange it counts as PARange. */
static unsigned output_bits(const struct cpu *cpu)
{
    static const uint8_t sizes[8] = {32, 36, 40, 42, 44, 48, 48, 48};
    return sizes[cpu->sys.TCR_EL1 >> 32 & 7];
}

bool mmu_top_byte_ignored(const struct cpu *cpu, uint64_t va, bool is_fetch)
{
    bool upper = va >> 55 & 1;
    uint64_t tcr = cpu->sys.TCR_EL1;
    if (!(tcr & (upper ? TCR_TBI1 : TCR_TBI0)))
        return false;
    return !(is_fetch && has_feature(&cpu->features, FEAT_PAuth) && tcr & (upper ? TCR_TBID1 : TCR_TBID0));
}

/* MMU off: what goes in comes out (D8.2.9). */
static unsigned walk_off(struct cpu *cpu, uint64_t va, bool is_fetch, struct translation *out)
{
    if (mmu_top_byte_ignored(cpu, va, is_fetch))
        va &= ~0ull >> 8;
    if (va >> TABLE_ADDRESS_BITS)
        return FAULT_ADDRESS_SIZE;
    const bool cached = cpu_has_el2(cpu) && cpu->regime == REGIME_EL10 && cpu->sys.HCR_EL2 >> 12 & 1; /* DC */
    *out = (struct translation){
        .physical = va,
        .flags = MAY_READ_EL0 | MAY_WRITE_EL0 | MAY_EXECUTE_EL0 | MAY_READ_EL1 | MAY_WRITE_EL1 | MAY_EXECUTE_EL1 |
                 (is_fetch || cached ? 0 : IS_DEVICE) | (cached ? 0xffu << ATTRIBUTES_SHIFT : 0),
        .size_bits = 12,
        .shareability = 2,
        .global = true,
    };
    return FAULT_NONE;
}

static uint32_t permissions(const struct cpu *cpu, uint64_t desc, uint64_t tables)
{
    bool user = desc & DESC_AP_USER && !(tables & DESC_AP_TABLE_NO_USER);
    bool table_read_only = tables & DESC_AP_TABLE_READONLY;
    bool by_hardware =
        cpu->sys.TCR_EL1 & TCR_HD && cpu->sys.TCR_EL1 & TCR_HA && has_feature(&cpu->features, FEAT_HAFDBS);
    bool dirty_managed = by_hardware && desc & DESC_DBM;
    bool writable = !table_read_only && (!(desc & DESC_AP_READONLY) || dirty_managed);
    bool uxn = desc & DESC_UXN || tables & DESC_UXN_TABLE;
    bool pxn = desc & DESC_PXN || tables & DESC_PXN_TABLE;
    bool wxn = cpu->sys.SCTLR_EL1 >> 19 & 1;

    uint32_t flags = MAY_READ_EL1;
    if (cpu->regime == REGIME_EL2) { /* one level: AP[1] is none, and what UXN is elsewhere is XN */
        flags |= (writable ? MAY_WRITE_EL1 : 0) | (uxn || (wxn && writable) ? 0 : MAY_EXECUTE_EL1);
        return flags | (writable && desc & DESC_AP_READONLY ? CLEAN_PAGE : 0);
    }
    if (writable)
        flags |= MAY_WRITE_EL1;
    if (user)
        flags |= USER_PAGE | MAY_READ_EL0 | (writable ? MAY_WRITE_EL0 : 0);
    if (!uxn && !(wxn && flags & MAY_WRITE_EL0))
        flags |= MAY_EXECUTE_EL0;
    if (!pxn && !(wxn && writable) && !(flags & MAY_WRITE_EL0))
        flags |= MAY_EXECUTE_EL1;
    if (writable && desc & DESC_AP_READONLY)
        flags |= CLEAN_PAGE;
    return flags;
}

static uint32_t leaf_flags(const struct cpu *cpu, uint64_t desc, uint64_t tables, unsigned level)
{
    uint64_t attributes = cpu->sys.MAIR_EL1 >> 8 * (desc >> 2 & 7) & 0xff;
    uint32_t flags =
        permissions(cpu, desc, tables) | level << LEVEL_SHIFT | (uint32_t)attributes << ATTRIBUTES_SHIFT;
    if (!(attributes & 0xf0))
        flags |= IS_DEVICE;
    if (desc & DESC_GP && has_feature(&cpu->features, FEAT_BTI))
        flags |= IS_GUARDED;
    if (!(desc & DESC_AF))
        flags |= NOT_ACCESSED;
    return flags;
}

static bool leaf_allowed(unsigned level, unsigned granule_bits)
{
    return level == 3 || level == 2 || (level == 1 && granule_bits == 12);
}

static unsigned walk(struct cpu *cpu, uint64_t va, bool is_fetch, struct translation *out)
{
    if (!mmu_is_on(cpu))
        return walk_off(cpu, va, is_fetch, out);

    bool upper = va >> 55 & 1;
    struct half half = half_of(cpu, upper);
    if (half.size_offset < 16 || half.size_offset > 39 || half.disabled)
        return FAULT_TRANSLATION;
    unsigned input_bits = 64 - half.size_offset, granule = half.granule_bits, stride = granule - 3;
    uint64_t above = ~0ull << input_bits;
    if (mmu_top_byte_ignored(cpu, va, is_fetch))
        above &= ~0ull >> 8;
    if ((va & above) != (upper ? above : 0))
        return FAULT_TRANSLATION;

    unsigned out_bits = output_bits(cpu);
    uint64_t address_mask = (1ull << TABLE_ADDRESS_BITS) - 1, beyond = address_mask & ~0ull << out_bits;
    unsigned level = 4 - (input_bits - granule + stride - 1) / stride;
    unsigned low_bit = granule + (3 - level) * stride; /* lowest input bit that this level resolves */
    unsigned index_bits = input_bits - low_bit;
    uint64_t table = half.base & address_mask & ~1ull;
    if (table & beyond)
        return FAULT_ADDRESS_SIZE;
    table &= ~0ull << (index_bits + 3);

    const bool through_stage2 = stage2_is_on(cpu);
    uint64_t tables = 0;
    for (;; level++) {
        uint64_t index = va >> low_bit & ((1ull << index_bits) - 1);
        uint64_t at = table + index * 8, at_ipa = at, desc;
        if (through_stage2) {
            unsigned status = stage2_of_table(cpu, at, false, &at);
            if (status != FAULT_NONE)
                return status;
        }
        const uint8_t *host = memory_at(&cpu->bus->ram, at, 8);
        if (!host)
            return FAULT_EXTERNAL_WALK + level;
        desc = __atomic_load_n((const uint64_t *)(const void *)host, __ATOMIC_RELAXED);
        if (!(desc & DESC_VALID))
            return FAULT_TRANSLATION + level;

        if (level == 3 || !(desc & DESC_TABLE)) {
            if (!leaf_allowed(level, granule) || (level == 3 && !(desc & DESC_TABLE)))
                return FAULT_TRANSLATION + level;
            uint64_t base = desc & address_mask & ~0ull << low_bit;
            if (base & beyond)
                return FAULT_ADDRESS_SIZE + level;
            *out = (struct translation){
                .physical = base | (va & ((1ull << low_bit) - 1)),
                .descriptor = at,
                .descriptor_ipa = at_ipa,
                .flags = leaf_flags(cpu, desc, tables, level),
                .size_bits = (uint8_t)low_bit,
                .shareability = desc >> 8 & 3,
                .global = cpu->regime == REGIME_EL2 || !(desc & DESC_NG),
            };
            if (out->flags & NOT_ACCESSED &&
                !(has_feature(&cpu->features, FEAT_HAFDBS) && cpu->sys.TCR_EL1 & TCR_HA))
                return FAULT_ACCESS_FLAG + level;
            return FAULT_NONE;
        }

        table = desc & address_mask & ~0ull << granule;
        if (table & beyond)
            return FAULT_ADDRESS_SIZE + level;
        if (!half.flat_permissions)
            tables |= desc;
        low_bit -= stride;
        index_bits = stride;
    }
}

unsigned mmu_walk_stage1(struct cpu *cpu, uint64_t va, bool is_fetch, struct translation *out)
{
    return walk(cpu, va, is_fetch, out);
}

unsigned mmu_walk(struct cpu *cpu, uint64_t va, bool is_fetch, struct translation *out)
{
    if (cpu->user)
        return user_walk(cpu, va, out);
    unsigned status = walk(cpu, va, is_fetch, out);
    return status == FAULT_NONE && stage2_is_on(cpu) ? stage2_combine(cpu, out) : status;
}

bool mmu_update_descriptor(struct cpu *cpu, const struct translation *found, bool dirty)
{
    uint8_t *host = ram_at(&cpu->bus->ram, found->descriptor, 8);
    if (!host)
        return true; /* tables in ROM are not updated */
    uint64_t old = __atomic_load_n((uint64_t *)host, __ATOMIC_RELAXED);
    unsigned level = found->flags >> LEVEL_SHIFT & 3;
    bool is_leaf = old & DESC_VALID && (level == 3) == (old >> 1 & 1);
    uint64_t low = (1ull << found->size_bits) - 1, address_mask = (1ull << TABLE_ADDRESS_BITS) - 1;
    uint64_t address = found->stage2_flags ? found->ipa : found->physical;
    if (found->stage2_flags)
        low = (1ull << found->ipa_bits) - 1;
    if (!is_leaf || (old & address_mask & ~low) != (address & ~low) || (dirty && !(old & DESC_DBM)))
        return false;
    uint64_t updated = (old | DESC_AF) & ~(dirty ? DESC_AP_READONLY : 0);
    if (updated == old)
        return true;
    ram_settle_write(cpu, found->descriptor & ~(PAGE_SIZE_BYTES - 1));
    return __atomic_compare_exchange_n((uint64_t *)host, &old, updated, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_RELAXED);
}
