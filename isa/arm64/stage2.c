/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stage 2 of the translation of EL1 and EL0 (Arm ARM D8.2.6, D8.4.6): the walk of VTTBR_EL2's tables, and what both
 * stages come to together.
 *
 * Example, 4K granule, VTCR_EL2.T0SZ = 24, SL0 = 1: 40 bits of input, and the walk starts at level 1, whose index has
 * 10 bits then: two tables beside each other. */
#include "isa/arm64/el2.h"
#include "isa/arm64/mmu.h"

#define ADDRESS_MASK ((1ull << 48) - 1)

/* VTCR_EL2. */
#define VTCR_HA (1ull << 21)
#define VTCR_HD (1ull << 22)

/* Descriptors. */
#define DESC_VALID 1ull
#define DESC_TABLE 2ull /* a page at level 3 */
#define DESC_READ  (1ull << 6)
#define DESC_WRITE (1ull << 7)
#define DESC_AF    (1ull << 10)
#define DESC_DBM   (1ull << 51)
#define DESC_XN    (1ull << 54)

#define MAY_READ    (MAY_READ_EL0 | MAY_READ_EL1)
#define MAY_WRITE   (MAY_WRITE_EL0 | MAY_WRITE_EL1)
#define MAY_EXECUTE (MAY_EXECUTE_EL0 | MAY_EXECUTE_EL1)

bool stage2_is_on(const struct cpu *cpu)
{
    return cpu_has_el2(cpu) && cpu->regime == REGIME_EL10 && cpu->sys.HCR_EL2 & (HCR_VM | HCR_DC) &&
           !(cpu->sys.HCR_EL2 & HCR_TGE && cpu->sys.HCR_EL2 & HCR_E2H && cpu->pstate.el != 2);
}

static unsigned fault(struct cpu *cpu, uint64_t ipa, unsigned status)
{
    cpu->fault_ipa = ipa;
    return status | FAULT_STAGE2;
}

static bool by_hardware(const struct cpu *cpu)
{
    return has_feature(&cpu->features, FEAT_HAFDBS);
}

static uint32_t leaf_flags(const struct cpu *cpu, uint64_t desc, unsigned level)
{
    uint64_t vtcr = cpu->sys.VTCR_EL2;
    bool dirty_managed = by_hardware(cpu) && vtcr & VTCR_HA && vtcr & VTCR_HD && desc & DESC_DBM;
    uint32_t flags = level << LEVEL_SHIFT;
    flags |= desc & DESC_READ ? MAY_READ : 0;
    flags |= desc & DESC_WRITE || dirty_managed ? MAY_WRITE : 0;
    flags |= desc & DESC_XN ? 0 : MAY_EXECUTE;
    flags |= dirty_managed && !(desc & DESC_WRITE) ? CLEAN_PAGE : 0;
    flags |= desc & DESC_AF ? 0 : NOT_ACCESSED;
    flags |= desc >> 4 & (cpu->sys.HCR_EL2 & HCR_FWB ? 1 : 3) ? 0 : IS_DEVICE; /* MemAttr[3:2]; with FWB [2] */
    return flags;
}

/* VTCR_EL2.SL0: the level at which the walk starts. Below 0: there is none such. */
static int first_level(uint64_t vtcr, unsigned granule_bits)
{
    static const int8_t levels[2][4] = {{2, 1, 0, 3}, {3, 2, 1, -1}};
    return levels[granule_bits != 12][vtcr >> 6 & 3];
}

unsigned stage2_walk(struct cpu *cpu, uint64_t ipa, struct stage2 *out)
{
    static const uint8_t granules[4] = {12, 16, 14, 12}, output[8] = {32, 36, 40, 42, 44, 48, 48, 48};
    uint64_t vtcr = cpu->sys.VTCR_EL2, beyond = ADDRESS_MASK & ~0ull << output[vtcr >> 16 & 7];
    unsigned granule = granules[vtcr >> 14 & 3], stride = granule - 3, input_bits = 64 - (vtcr & 63);
    int first = first_level(vtcr, granule);
    unsigned level = (unsigned)first, low_bit = granule + (3 - level) * stride;
    /* The first table may be up to sixteen beside each other, and resolves at least one bit (D8.2.9). */
    if (first < 0 || (vtcr & 63) < 16 || input_bits <= low_bit || input_bits > low_bit + stride + 4)
        return fault(cpu, ipa, FAULT_TRANSLATION);
    if (ipa >> input_bits)
        return fault(cpu, ipa, FAULT_TRANSLATION);
    unsigned index_bits = input_bits - low_bit;
    uint64_t table = cpu->sys.VTTBR_EL2 & ADDRESS_MASK & ~1ull;
    if (table & beyond)
        return fault(cpu, ipa, FAULT_ADDRESS_SIZE);
    table &= ~0ull << (index_bits + 3);
    for (;; level++) {
        uint64_t at = table + (ipa >> low_bit & ((1ull << index_bits) - 1)) * 8;
        const uint8_t *host = memory_at(&cpu->bus->ram, at, 8);
        if (!host)
            return fault(cpu, ipa, FAULT_EXTERNAL_WALK + level);
        uint64_t desc = __atomic_load_n((const uint64_t *)(const void *)host, __ATOMIC_RELAXED);
        bool is_leaf = level == 3 || !(desc & DESC_TABLE);
        bool may_be_leaf = level == 3 ? desc & DESC_TABLE : level == 2 || (level == 1 && granule == 12);
        if (!(desc & DESC_VALID) || (is_leaf && !may_be_leaf))
            return fault(cpu, ipa, FAULT_TRANSLATION + level);
        if (is_leaf) {
            uint64_t base = desc & ADDRESS_MASK & ~0ull << low_bit;
            if (base & beyond)
                return fault(cpu, ipa, FAULT_ADDRESS_SIZE + level);
            *out = (struct stage2){
                .physical = base | (ipa & ((1ull << low_bit) - 1)),
                .descriptor = at,
                .flags = leaf_flags(cpu, desc, level),
                .size_bits = (uint8_t)low_bit,
                .shareability = desc >> 8 & 3,
                .memory_type = desc >> 2 & 15,
            };
            if (out->flags & NOT_ACCESSED && !(by_hardware(cpu) && vtcr & VTCR_HA))
                return fault(cpu, ipa, FAULT_ACCESS_FLAG + level);
            return FAULT_NONE;
        }
        table = desc & ADDRESS_MASK & ~0ull << granule;
        if (table & beyond)
            return fault(cpu, ipa, FAULT_ADDRESS_SIZE + level);
        low_bit -= stride;
        index_bits = stride;
    }
}

/* Sets the access flag of a leaf descriptor, and makes a page writable that is managed by hardware. */
static void update(struct cpu *cpu, uint64_t descriptor, bool dirty)
{
    uint8_t *host = ram_at(&cpu->bus->ram, descriptor, 8);
    if (!host)
        return;
    ram_settle_write(cpu, descriptor & ~(PAGE_SIZE_BYTES - 1));
    __atomic_fetch_or((uint64_t *)(void *)host, DESC_AF | (dirty ? DESC_WRITE : 0), __ATOMIC_SEQ_CST);
}

static unsigned level_of(uint32_t flags)
{
    return flags >> LEVEL_SHIFT & 3;
}

unsigned stage2_of_table(struct cpu *cpu, uint64_t ipa, bool write, uint64_t *physical)
{
    struct stage2 found;
    unsigned status = stage2_walk(cpu, ipa, &found);
    if (status != FAULT_NONE)
        return status | FAULT_S1PTW;
    uint32_t needed = MAY_READ_EL1 | (write ? MAY_WRITE_EL1 : 0);
    /* Device memory is no place for tables where EL2 says so (HCR_EL2.PTW). */
    bool protected_walk = cpu->sys.HCR_EL2 & HCR_PTW && found.flags & IS_DEVICE;
    if ((found.flags & needed) != needed || protected_walk)
        return fault(cpu, ipa, FAULT_PERMISSION + level_of(found.flags)) | FAULT_S1PTW;
    if (found.flags & NOT_ACCESSED || (write && found.flags & CLEAN_PAGE))
        update(cpu, found.descriptor, write && found.flags & CLEAN_PAGE);
    *physical = found.physical;
    return FAULT_NONE;
}

/* The weaker of both memory types (D8.6.6): Device is weaker than Normal, Non-cacheable than write-through, that than
 * write-back. */
static uint32_t weaker_half(uint32_t one, uint32_t two)
{
    if (one == 4 || two == 4)
        return 4;
    bool write_through = !(one & 4) || !(two & 4);
    return write_through ? 0xb : one;
}

static uint32_t combined_attributes(uint32_t one, uint32_t two)
{
    bool device_one = !(one & 0xf0), device_two = !(two & 0xf0);
    if (device_one && device_two)
        return one < two ? one : two;
    if (device_one || device_two)
        return device_one ? one : two;
    return weaker_half(one >> 4, two >> 4) << 4 | weaker_half(one & 15, two & 15);
}

/* Inner attributes are MemAttr[1:0], outer ones MemAttr[3:2]: 1 is Non-cacheable, 2 write-through, 3 write-back. */
static uint32_t attributes_of(unsigned type)
{
    static const uint8_t normal[4] = {0, 4, 0xb, 0xf};
    unsigned outer = type >> 2, inner = type & 3;
    return outer ? (uint32_t)normal[outer] << 4 | normal[inner] : inner << 2;
}

/* HCR_EL2.FWB (S2ApplyFWBMemAttrs()): stage 2 says Device, takes what stage 1 says, makes it write-back whatever that
 * is, or Non-cacheable where it is no device. */
static uint32_t forced_attributes(uint32_t first, unsigned type)
{
    bool write_back = (first & 0xf0) && first != 0x44;
    switch (type & 7) {
    case 7: return first;
    case 6: return write_back ? (first | 0xcc) : 0xff;
    case 5:
    case 4: return first & 0xf0 ? 0x44 : first;
    default: return (type & 3) << 2;
    }
}

unsigned stage2_combine(struct cpu *cpu, struct translation *found)
{
    struct stage2 second;
    unsigned status = stage2_walk(cpu, found->physical, &second);
    if (status != FAULT_NONE)
        return status;
    found->ipa = found->physical;
    found->ipa_bits = found->size_bits;
    found->physical = second.physical;
    found->stage2_descriptor = second.descriptor;
    found->stage2_flags = second.flags;
    uint32_t first = found->flags >> ATTRIBUTES_SHIFT & 0xff;
    uint32_t attributes = cpu->sys.HCR_EL2 & HCR_FWB ? forced_attributes(first, second.memory_type)
                                                     : combined_attributes(first, attributes_of(second.memory_type));
    found->flags &= ~(0xffu << ATTRIBUTES_SHIFT | IS_DEVICE);
    found->flags |= attributes << ATTRIBUTES_SHIFT | (attributes & 0xf0 ? 0 : IS_DEVICE);
    if (second.size_bits < found->size_bits)
        found->size_bits = second.size_bits;
    if (second.shareability > found->shareability)
        found->shareability = second.shareability;
    return FAULT_NONE;
}

unsigned stage2_check(struct cpu *cpu, struct translation *found, uint32_t needed, bool writes)
{
    uint32_t flags = found->stage2_flags;
    if (!found->stage2_descriptor)
        return FAULT_NONE;
    if ((flags & needed) != needed)
        return fault(cpu, found->ipa, FAULT_PERMISSION + level_of(flags));
    bool dirties = writes && flags & CLEAN_PAGE;
    if (flags & NOT_ACCESSED || dirties)
        update(cpu, found->stage2_descriptor, dirties);
    return FAULT_NONE;
}

uint32_t stage2_rights_left(const struct translation *found, bool written)
{
    uint32_t flags = found->stage2_flags;
    if (!found->stage2_descriptor)
        return ~0u;
    uint32_t left = flags & (MAY_READ | MAY_EXECUTE | MAY_WRITE);
    if (flags & CLEAN_PAGE && !written)
        left &= ~(uint32_t)MAY_WRITE;
    return left | ~(uint32_t)(MAY_READ | MAY_WRITE | MAY_EXECUTE);
}
