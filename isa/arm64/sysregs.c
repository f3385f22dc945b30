/* SPDX-License-Identifier: GPL-3.0-or-later */
/* System registers: finding one by its encoding, the checks of an access, plain reads and writes. */
#include "isa/arm64/sysregs.h"
#include "isa/arm64/el2.h"
#include "isa/arm64/exception.h"
#include "isa/arm64/pmu.h"
#include "isa/arm64/threads.h"

#define OFFSET_STORED(name)   (int32_t) offsetof(struct sysregs, name)
#define OFFSET_CONSTANT(name) (-1)
#define OFFSET_HOOKED(name)   (-1)

const struct sysreg_info sysreg_infos[SR_COUNT] = {
#define SYSREG(name, op0, op1, crn, crm, op2, access, storage, reset, mask, feature)                         \
    [SR_##name] = {                                                                                          \
        #name, SYSREG_KEY(op0, op1, crn, crm, op2), access, FEAT_##feature, OFFSET_##storage(name), reset,   \
        mask},
#include "isa/arm64/sysregs.def"
#undef SYSREG
};

static const uint16_t by_key[1 << 15] = {
#define SYSREG(name, op0, op1, crn, crm, op2, access, storage, reset, mask, feature)                         \
    [SYSREG_KEY(op0, op1, crn, crm, op2)] = SR_##name,
#include "isa/arm64/sysregs.def"
#undef SYSREG
};

enum sysreg sysreg_by_key(unsigned key)
{
    return by_key[key];
}

uint32_t sysreg_iss(const struct insn *insn)
{
    uint32_t w = insn->word;
    uint32_t op0 = w >> 19 & 3, op1 = w >> 16 & 7, crn = w >> 12 & 15, crm = w >> 8 & 15, op2 = w >> 5 & 7;
    uint32_t is_read = w >> 21 & 1, rt = w & 31;
    return op0 << 20 | op2 << 17 | op1 << 14 | crn << 10 | rt << 5 | crm << 1 | is_read;
}

void sysreg_trap(struct cpu *cpu, const struct insn *insn)
{
    cpu_raise(cpu, insn, EC_SYSTEM, sysreg_iss(insn));
}

uint64_t sysreg_read(struct cpu *cpu, enum sysreg reg)
{
    if (sysreg_hooks[reg].read)
        return sysreg_hooks[reg].read(cpu, reg);
    const struct sysreg_info *info = &sysreg_infos[reg];
    const uint64_t *banked = cpu_has_el2(cpu) ? el2_el1_member(cpu, reg) : NULL;
    if (banked)
        return *banked;
    return info->offset < 0 ? info->reset : *(uint64_t *)((char *)&cpu->sys + info->offset);
}

void sysreg_write(struct cpu *cpu, enum sysreg reg, uint64_t value)
{
    if (sysreg_hooks[reg].write) {
        sysreg_hooks[reg].write(cpu, reg, value);
        return;
    }
    const struct sysreg_info *info = &sysreg_infos[reg];
    if (info->offset < 0)
        return;
    uint64_t *member = (uint64_t *)((char *)&cpu->sys + info->offset);
    *member = (*member & ~info->mask) | (value & info->mask);
}

/* The bits of `access` of which the level needs one. */
static unsigned rights_needed(unsigned el, bool write)
{
    static const uint8_t needed[3][2] = {
        {EL0_READ, EL0_WRITE}, {EL1_READ, EL1_WRITE}, {EL1_READ | EL2_READ, EL1_WRITE | EL2_WRITE}};
    return needed[el][write];
}

/* The register that `insn` names, if it may be accessed here. */
static enum sysreg checked(struct cpu *cpu, const struct insn *insn, bool write)
{
    enum sysreg reg = by_key[sysreg_key(insn->word)];
    const struct sysreg_info *info = &sysreg_infos[reg];
    if (!(info->access & rights_needed(cpu->pstate.el, write)) || !has_feature(&cpu->features, info->feature)) {
        /* What has a place that is IMPLEMENTATION DEFINED (D19.2.48, TIDCP): CRn 11 and 15. */
        const unsigned crn = insn->word >> 12 & 15;
        if (cpu->pstate.el == 1 && (crn == 11 || crn == 15) && (insn->word >> 19 & 3) == 3)
            el2_trap_system(cpu, insn, HCR_TIDCP);
        cpu_undefined(cpu, insn);
    }
    const struct sysreg_hooks *hooks = &sysreg_hooks[reg];
    if (!cpu->pstate.el && hooks->trapped && hooks->trapped(cpu, reg, write))
        sysreg_trap(cpu, insn);
    if (hooks->outside)
        cpu_reach_outside(cpu, insn);
    if (info->access & OF_ICC && !cpu->icc)
        cpu_undefined(cpu, insn);
    if (cpu_has_el2(cpu)) {
        if (reg == SR_CNTFRQ_EL0 && write && cpu->pstate.el == 1) /* only the highest level writes it */
            cpu_undefined(cpu, insn);
        if (el2_may_trap(cpu))
            el2_trap_register(cpu, insn, reg, write);
        reg = el2_redirect(cpu, reg);
        if (reg == SR_NONE)
            cpu_undefined(cpu, insn);
        hooks = &sysreg_hooks[reg];
    }
    if (reg == SR_FPCR || reg == SR_FPSR)
        cpu_check_fp(cpu, insn);
    /* SP_EL0 is no register of its own while it is the stack pointer. */
    if (reg == SR_SP_EL0 && !cpu->pstate.spsel)
        cpu_undefined(cpu, insn);
    if (hooks->outside)
        cpu_reach_outside(cpu, insn);
    return reg;
}

static void bring_up_to_date(struct cpu *cpu, const struct insn *insn, enum sysreg_needs needs)
{
    if (needs != NEEDS_NOTHING)
        cpu_sync_clock(cpu, insn);
    if (needs == NEEDS_CLOCK_AND_PMU)
        pmu_update(cpu, insn_icount(cpu, insn));
}

uint64_t sysreg_mrs(struct cpu *cpu, const struct insn *insn)
{
    enum sysreg reg = checked(cpu, insn, false);
    if (sysreg_hooks[reg].read)
        bring_up_to_date(cpu, insn, sysreg_hooks[reg].needs);
    if (!sysreg_hooks[reg].outside)
        return sysreg_read(cpu, reg);
    cpu_lock_machine(cpu);
    uint64_t value = sysreg_read(cpu, reg);
    cpu_unlock_machine(cpu);
    return value;
}

void sysreg_msr(struct cpu *cpu, const struct insn *insn, uint64_t value)
{
    enum sysreg reg = checked(cpu, insn, true);
    if (sysreg_hooks[reg].write)
        bring_up_to_date(cpu, insn, sysreg_hooks[reg].needs);
    if (!sysreg_hooks[reg].outside) {
        sysreg_write(cpu, reg, value);
        return;
    }
    cpu_lock_machine(cpu);
    sysreg_write(cpu, reg, value);
    cpu_unlock_machine(cpu);
}
