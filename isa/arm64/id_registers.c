/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ID registers: a fixed part for what every CPU here is, and the fields of features.def. */
#include "isa/arm64/sysregs.h"
#include "isa/arm64/cpu.h"
#include "isa/arm64/debug.h"

/* What each --cpu model says it is: a Cortex-A72 r1p0, and parts of our own under the implementer code that is left to
 * software. A Neoverse N1 with DIC would make Linux work around erratum 1542419, trapping cache maintenance. */
static const uint32_t midr[] = {[CPU_V8_0] = 0x411fd080, [CPU_V8_2] = 0x000f0a50, [CPU_MAX] = 0x000f0a60};

/* DebugVer by model: Armv8.0; Armv8.2. */
static const uint8_t debug_version[] = {[CPU_V8_0] = 6, [CPU_V8_2] = 8, [CPU_MAX] = 8};

static uint64_t fixed_part(const struct cpu *cpu, enum sysreg reg)
{
    switch (reg) {
    case SR_ID_AA64PFR0_EL1:
        /* EL0 and EL1 in AArch64 only; GICv3 system registers, where there is such a controller. Nothing is executed
         * speculatively: CSV2 and CSV3. */
        return 0x11 | (uint64_t)(cpu->icc != NULL) << 24 | 3ull << 56 | 1ull << 60;
    case SR_ID_AA64DFR0_EL1:
        return debug_version[cpu->features.model] | (DEBUG_BREAKPOINTS - 1ull) << 12 |
               (DEBUG_WATCHPOINTS - 1ull) << 20 | (DEBUG_CONTEXT_BREAKPOINTS - 1ull) << 28;
    case SR_ID_AA64MMFR0_EL1:
        /* 48-bit physical addresses, 16-bit ASIDs, all granules (TGran16 counts from 1). */
        return 5 | 2 << 4 | 1 << 20;
    default: return 0;
    }
}

struct id_field {
    enum sysreg reg;
    uint8_t feature, lowest_bit, value;
};

static const struct id_field fields[] = {
#define NONE                                         MIDR_EL1 /* stands for: in no register */
#define FEATURE(name, id_register, bit, value, from) FEATURE_ROW(name, id_register, bit, value)
#define FEATURE_ROW(name, id_register, bit, value)   {SR_##id_register, FEAT_##name, bit, value},
#include "isa/arm64/features.def"
#undef FEATURE
#undef NONE
};

uint64_t id_register_read(struct cpu *cpu, enum sysreg reg)
{
    if (reg == SR_MIDR_EL1)
        return midr[cpu->features.model];
    if (reg == SR_MPIDR_EL1)
        return cpu->mpidr;
    uint64_t value = fixed_part(cpu, reg);
    for (unsigned i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        const struct id_field *field = &fields[i];
        if (field->reg != reg || !has_feature(&cpu->features, field->feature))
            continue;
        uint64_t mask = 15ull << field->lowest_bit, new = (uint64_t)field->value << field->lowest_bit;
        if ((value & mask) < new)
            value = (value & ~mask) | new;
    }
    /* FEAT_FP16 covers AdvSIMD as well. */
    if (reg == SR_ID_AA64PFR0_EL1 && has_feature(&cpu->features, FEAT_FP16))
        value |= 1ull << 20;
    /* FEAT_PAuth: the generic code (GPI) as well as address codes (API). */
    if (reg == SR_ID_AA64ISAR1_EL1 && has_feature(&cpu->features, FEAT_PAuth))
        value |= 1ull << 28;
    return value;
}
