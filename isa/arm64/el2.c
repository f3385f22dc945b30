/* SPDX-License-Identifier: GPL-3.0-or-later */
/* EL2: regimes and their registers, the two sides of the TLB, interrupts and where they go. */
#include "isa/arm64/el2.h"
#include "isa/arm64/mmu.h"
#include "isa/arm64/tlb_fill.h"

/* CPTR_EL2 without E2H; with it, it is as CPACR_EL1. */
#define CPTR_TFP  (1ull << 10)
#define FPEN      (3ull << 20)
#define FPEN_EL1  (1ull << 20)

/* --- regimes --------------------------------------------------------------------------------------- */

enum cpu_regime el2_own_regime(const struct cpu *cpu)
{
    return cpu->sys.HCR_EL2 & HCR_E2H ? REGIME_EL20 : REGIME_EL2;
}

enum cpu_regime el2_regime_of_state(const struct cpu *cpu)
{
    if (cpu->pstate.el == 2)
        return el2_own_regime(cpu);
    return cpu->pstate.el == 0 && el2_is_host(cpu) ? REGIME_EL20 : REGIME_EL10;
}

/* TCR_EL2 without E2H (D19.2.140) as one of EL1 that has no upper half. */
static uint64_t tcr_of_el2(uint64_t tcr)
{
    const uint64_t epd1 = 1ull << 23;
    return (tcr & 0xff3f) | epd1 | (tcr >> 16 & 7) << 32 | (tcr >> 20 & 1) << 37 | (tcr >> 21 & 1) << 39 |
           (tcr >> 22 & 1) << 40 | (tcr >> 24 & 1) << 41 | (tcr >> 29 & 1) << 51;
}

static void keep_el1(struct cpu *cpu, struct el1_bank *bank)
{
    bank->sctlr = cpu->sys.SCTLR_EL1;
    bank->tcr = cpu->sys.TCR_EL1;
    bank->ttbr0 = cpu->sys.TTBR0_EL1;
    bank->ttbr1 = cpu->sys.TTBR1_EL1;
    bank->mair = cpu->sys.MAIR_EL1;
}

static void put_back(struct cpu *cpu, const struct el1_bank *bank)
{
    cpu->sys.SCTLR_EL1 = bank->sctlr;
    cpu->sys.TCR_EL1 = bank->tcr;
    cpu->sys.TTBR0_EL1 = bank->ttbr0;
    cpu->sys.TTBR1_EL1 = bank->ttbr1;
    cpu->sys.MAIR_EL1 = bank->mair;
}

/* What stands in `sys` while a regime of EL2's is in use. */
static void load_el2(struct cpu *cpu, enum cpu_regime regime)
{
    struct sysregs *sys = &cpu->sys;
    bool alone = regime == REGIME_EL2;
    sys->SCTLR_EL1 = sys->SCTLR_EL2;
    sys->TCR_EL1 = alone ? tcr_of_el2(sys->TCR_EL2) : sys->TCR_EL2;
    sys->TTBR0_EL1 = sys->TTBR0_EL2;
    sys->TTBR1_EL1 = alone ? 0 : sys->TTBR1_EL2;
    sys->MAIR_EL1 = sys->MAIR_EL2;
}

void el2_borrow_regime(struct cpu *cpu, enum cpu_regime regime, struct el1_bank *kept)
{
    enum cpu_regime now = (enum cpu_regime)cpu->regime;
    kept->cpacr = now;
    keep_el1(cpu, kept);
    if (regime == now)
        return;
    if (regime == REGIME_EL10)
        put_back(cpu, &cpu->el1);
    else
        load_el2(cpu, regime);
    cpu->regime = (uint8_t)regime;
}

void el2_return_regime(struct cpu *cpu, const struct el1_bank *kept)
{
    put_back(cpu, kept);
    cpu->regime = (uint8_t)kept->cpacr;
}

void el2_update_fp_access(struct cpu *cpu)
{
    uint64_t cptr = cpu->sys.CPTR_EL2;
    bool e2h = cpu->sys.HCR_EL2 & HCR_E2H;
    if (cpu->regime != REGIME_EL10) {
        cpu->sys.CPACR_EL1 = e2h ? cptr & FPEN : cptr & CPTR_TFP ? 0 : FPEN;
        return;
    }
    cpu->sys.CPACR_EL1 = el2_traps_fp(cpu) ? cpu->el1.cpacr & ~FPEN : cpu->el1.cpacr;
}

/* CPTR_EL2 of a virtual machine: with E2H, FPEN 0 and 2 trap all, and 1 what is at EL0 of a host. */
bool el2_traps_fp(const struct cpu *cpu)
{
    if (cpu->sys.HCR_EL2 & HCR_E2H)
        return !(cpu->sys.CPTR_EL2 & FPEN_EL1);
    return cpu->sys.CPTR_EL2 & CPTR_TFP;
}

/* What tells apart translations of the side in use, beside the ASID. */
static uint32_t context_of(const struct cpu *cpu)
{
    uint64_t hcr = cpu->sys.HCR_EL2;
    if (cpu->regime != REGIME_EL10)
        return cpu->regime == REGIME_EL20 ? 1u << TLB_CONTEXT_SHIFT : 0;
    uint32_t vmid = cpu->sys.VTTBR_EL2 >> 48 & 0xff;
    return ((uint32_t)((hcr & HCR_VM) != 0) | (uint32_t)((hcr & HCR_DC) != 0) << 1 | vmid << 2) << TLB_CONTEXT_SHIFT;
}

static void change_side(struct cpu *cpu, unsigned side)
{
    if (tlb_use_side(cpu, side) == side)
        return;
    cpu->tlb_all->drops++;
    tlb_empty_slots(cpu);
}

void el2_restored(struct cpu *cpu)
{
    if (cpu_has_el2(cpu))
        change_side(cpu, cpu->regime != REGIME_EL10);
}

void el2_state_changed(struct cpu *cpu)
{
    enum cpu_regime regime = el2_regime_of_state(cpu);
    if (regime != cpu->regime) {
        if (cpu->regime == REGIME_EL10)
            keep_el1(cpu, &cpu->el1);
        cpu->regime = (uint8_t)regime;
        if (regime == REGIME_EL10)
            put_back(cpu, &cpu->el1);
        else
            load_el2(cpu, regime);
    }
    change_side(cpu, regime != REGIME_EL10);
    el2_update_fp_access(cpu);
    uint32_t context = context_of(cpu);
    if (context != cpu->tlb_all->context) {
        cpu->tlb_all->context = context;
        tlb_flush_side(cpu);
    } else {
        tlb_asid_changed(cpu);
    }
}

void el2_regime_registers_changed(struct cpu *cpu, bool asid_only)
{
    if (cpu->regime == REGIME_EL10)
        return;
    load_el2(cpu, (enum cpu_regime)cpu->regime);
    if (asid_only)
        tlb_asid_changed(cpu);
    else
        mmu_control_changed(cpu);
}

/* --- interrupts (D1.3.6, table D1-13) -------------------------------------------------------------- */

struct interrupt_kind {
    uint64_t routed; /* the bit of HCR_EL2 by which EL2 has the physical one, and EL1 a virtual one */
    uint64_t virtual_bit;
    unsigned mask; /* of PSTATE.DAIF */
    enum el2_interrupt physical, virtual_;
};

static const struct interrupt_kind kinds[] = {
    {HCR_AMO, HCR_VSE, 4, EL2_SERROR, EL2_VIRTUAL_SERROR},
    {HCR_FMO, HCR_VF, 1, EL2_FIQ, EL2_VIRTUAL_FIQ},
    {HCR_IMO, HCR_VI, 2, EL2_IRQ, EL2_VIRTUAL_IRQ},
};

static bool physical_pends(const struct cpu *cpu, const struct interrupt_kind *kind)
{
    switch (kind->physical) {
    case EL2_SERROR: return cpu->serror_pending;
    case EL2_FIQ: return cpu_flag(&cpu->fiq_pending);
    default: return cpu_flag(&cpu->irq_pending);
    }
}

static bool virtual_pends(const struct cpu *cpu, const struct interrupt_kind *kind)
{
    uint64_t hcr = cpu->sys.HCR_EL2;
    if (hcr & HCR_TGE || !(hcr & kind->routed))
        return false;
    if (hcr & kind->virtual_bit)
        return true;
    return (kind->virtual_ == EL2_VIRTUAL_IRQ && cpu_flag(&cpu->virtual_irq_pending)) ||
           (kind->virtual_ == EL2_VIRTUAL_FIQ && cpu_flag(&cpu->virtual_fiq_pending));
}

enum el2_interrupt el2_interrupt_due(const struct cpu *cpu, unsigned *target)
{
    unsigned el = cpu->pstate.el;
    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const struct interrupt_kind *kind = &kinds[i];
        bool to_el2 = cpu->sys.HCR_EL2 & (kind->routed | HCR_TGE), masked = cpu->pstate.daif & kind->mask;
        *target = to_el2 ? 2 : 1;
        bool taken = to_el2 ? el < 2 || !masked : el < 2 && !masked;
        if (physical_pends(cpu, kind) && taken)
            return kind->physical;
    }
    *target = 1;
    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (el < 2 && !(cpu->pstate.daif & kinds[i].mask) && virtual_pends(cpu, &kinds[i]))
            return kinds[i].virtual_;
    return EL2_NONE;
}

bool el2_interrupt_pends(const struct cpu *cpu)
{
    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (physical_pends(cpu, &kinds[i]) || (cpu->pstate.el < 2 && virtual_pends(cpu, &kinds[i])))
            return true;
    return false;
}

uint64_t el2_isr(const struct cpu *cpu)
{
    static const uint8_t bits[] = {8, 6, 7}; /* A, F, I in the order of `kinds` */
    uint64_t isr = 0;
    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        bool is_virtual = cpu->pstate.el == 1 && cpu->sys.HCR_EL2 & kinds[i].routed;
        if (is_virtual ? virtual_pends(cpu, &kinds[i]) : physical_pends(cpu, &kinds[i]))
            isr |= 1ull << bits[i];
    }
    return isr;
}
