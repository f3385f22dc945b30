/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What system registers do beyond holding a value, by name. */
#include "isa/arm64/sysregs.h"
#include "isa/arm64/debug.h"
#include "isa/arm64/el2.h"
#include "isa/arm64/exception.h"
#include "isa/arm64/mmu.h"
#include "isa/arm64/pmu.h"
#include "isa/arm64/timer.h"

#define CTR_DIC (1ull << 29)

/* Storing with the row's mask, for hooks that do more. */
static void store(struct cpu *cpu, enum sysreg reg, uint64_t value)
{
    const struct sysreg_info *info = &sysreg_infos[reg];
    uint64_t *member = (uint64_t *)((char *)&cpu->sys + info->offset);
    *member = (*member & ~info->mask) | (value & info->mask);
}

static bool control_bit(const struct cpu *cpu, unsigned bit)
{
    return cpu->sys.SCTLR_EL1 >> bit & 1;
}

/* Caches: 64-byte lines. L1 64 KiB of 4 ways, instructions and data apart; L2 1 MiB of 8 ways. */

static uint64_t read_ccsidr(struct cpu *cpu, enum sysreg reg)
{
    bool l2 = cpu->sys.CSSELR_EL1 >> 1 & 7;
    unsigned ways = l2 ? 8 : 4, sets = l2 ? 2048 : 256;
    return (sets - 1) << 13 | (ways - 1) << 3 | 2;
}

static uint64_t read_dczid(struct cpu *cpu, enum sysreg reg)
{
    enum { LOG2_WORDS = 4, PROHIBITED = 16 };
    bool allowed = cpu->pstate.el || control_bit(cpu, 14); /* SCTLR_EL1.DZE */
    return LOG2_WORDS | (allowed ? 0 : PROHIBITED);
}

uint64_t sysreg_ctr(struct cpu *cpu, enum sysreg reg)
{
    const uint64_t value = sysreg_infos[SR_CTR_EL0].reset;
    return cpu->user ? value & ~CTR_DIC : value;
}

static bool trap_ctr(struct cpu *cpu, enum sysreg reg, bool write)
{
    return !control_bit(cpu, 15); /* UCT */
}

static bool trap_scxtnum(struct cpu *cpu, enum sysreg reg, bool write)
{
    return control_bit(cpu, 20); /* TSCXT */
}

/* Translation control. */

#define SCTLR_RES1 ((1ull << 29) | (1ull << 28) | (1ull << 22) | (1ull << 11) | (1ull << 8) | (1ull << 7))
#define SCTLR_ALWAYS                                                                                         \
    (1ull | 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 9 | 1 << 12 | 1 << 14 | 1 << 15 | 1 << 16 | 1 << 18 |   \
     1 << 19 | 1 << 20 | 1 << 26)
#define SCTLR_SPAN  (1ull << 23)
#define SCTLR_PAUTH (1ull << 13 | 1ull << 27 | 1ull << 30 | 1ull << 31)
#define SCTLR_BTI   (1ull << 35 | 1ull << 36)
#define SCTLR_DSSBS (1ull << 44)
/* What translations depend on: M, WXN, and A for what runs inline. */
#define SCTLR_AFFECTS_TLB (1ull | 1 << 1 | 1 << 19)

static uint64_t sctlr_of(const struct cpu *cpu, uint64_t value)
{
    const struct features *f = &cpu->features;
    uint64_t known = SCTLR_ALWAYS | (has_feature(f, FEAT_PAN) ? SCTLR_SPAN : 0) |
                     (has_feature(f, FEAT_PAuth) ? SCTLR_PAUTH : 0) |
                     (has_feature(f, FEAT_BTI) ? SCTLR_BTI : 0) |
                     (has_feature(f, FEAT_SSBS) ? SCTLR_DSSBS : 0);
    uint64_t res1 = SCTLR_RES1 | (has_feature(f, FEAT_PAN) ? 0 : SCTLR_SPAN);
    return (value & known) | res1;
}

/* Changes it; returns whether translations by it may be in use and are not what they were. */
static bool change_el1(struct cpu *cpu, enum sysreg reg, uint64_t value)
{
    uint64_t *member = el2_el1_member(cpu, reg), old = *member, mask = sysreg_infos[reg].mask;
    *member = (old & ~mask) | (value & mask);
    return *member != old;
}

/* Of a regime that is not in use something was changed: nothing of it that was kept is true. */
static void drop_el1(struct cpu *cpu)
{
    if (cpu->regime == REGIME_EL10)
        mmu_control_changed(cpu);
    else
        tlb_flush_other_side(cpu);
}

static void write_sctlr(struct cpu *cpu, enum sysreg reg, uint64_t value)
{
    uint64_t *member = el2_el1_member(cpu, reg), old = *member, new = sctlr_of(cpu, value);
    *member = new;
    if ((old ^ new) & SCTLR_AFFECTS_TLB)
        drop_el1(cpu);
}

static void write_translation_control(struct cpu *cpu, enum sysreg reg, uint64_t value)
{
    if (change_el1(cpu, reg, value))
        drop_el1(cpu);
}

static void write_ttbr(struct cpu *cpu, enum sysreg reg, uint64_t value)
{
    if (change_el1(cpu, reg, value) && cpu->regime == REGIME_EL10)
        tlb_asid_changed(cpu);
}

static void write_cpacr(struct cpu *cpu, enum sysreg reg, uint64_t value)
{
    change_el1(cpu, reg, value);
    if (cpu_has_el2(cpu))
        el2_update_fp_access(cpu);
}

/* Registers of EL2. */

static void write_sctlr_el2(struct cpu *cpu, enum sysreg reg, uint64_t value)
{
    uint64_t old = cpu->sys.SCTLR_EL2, new = sctlr_of(cpu, value);
    cpu->sys.SCTLR_EL2 = new;
    if ((old ^ new) & SCTLR_AFFECTS_TLB && cpu->regime == REGIME_EL10)
        tlb_flush_other_side(cpu);
    el2_regime_registers_changed(cpu, !((old ^ new) & SCTLR_AFFECTS_TLB));
}

static void write_translation_of_el2(struct cpu *cpu, enum sysreg reg, uint64_t value)
{
    uint64_t old = sysreg_read(cpu, reg);
    store(cpu, reg, value);
    bool ttbr = reg == SR_TTBR0_EL2 || reg == SR_TTBR1_EL2;
    if (sysreg_read(cpu, reg) == old)
        return;
    if (cpu->regime == REGIME_EL10 && !ttbr)
        tlb_flush_other_side(cpu);
    el2_regime_registers_changed(cpu, ttbr);
}

/* All bits but those of what is not there: AArch32, nested virtualisation, and newer things. */
static void write_hcr(struct cpu *cpu, enum sysreg reg, uint64_t value)
{
    uint64_t known = 0x1fffffffffull | 3ull << 37;
    if (has_feature(&cpu->features, FEAT_PAuth))
        known |= HCR_APK | HCR_API;
    if (has_feature(&cpu->features, FEAT_S2FWB))
        known |= HCR_FWB;
    if (!has_feature(&cpu->features, FEAT_VHE))
        known &= ~HCR_E2H;
    uint64_t old = cpu->sys.HCR_EL2;
    cpu->sys.HCR_EL2 = (value & known) | HCR_RW | 2;
    if ((old ^ cpu->sys.HCR_EL2) & HCR_E2H && cpu->pstate.el == 2)
        tlb_flush_all(cpu);
    cpu_state_changed(cpu);
}

static void write_cptr(struct cpu *cpu, enum sysreg reg, uint64_t value)
{
    bool e2h = cpu->sys.HCR_EL2 & HCR_E2H;
    cpu->sys.CPTR_EL2 = e2h ? value & 0xf3300000 : (value & 0x80000400) | 0x33ff;
    el2_update_fp_access(cpu);
}

/* Stage 2: what was kept of EL1's regime is not true any more, or belongs to another machine. */
static void write_stage_2(struct cpu *cpu, enum sysreg reg, uint64_t value)
{
    uint64_t old = sysreg_read(cpu, reg);
    store(cpu, reg, value);
    if (reg == SR_VTCR_EL2 && sysreg_read(cpu, reg) != old) {
        if (cpu->regime == REGIME_EL10)
            mmu_control_changed(cpu);
        else
            tlb_flush_other_side(cpu);
    }
    cpu_state_changed(cpu);
}

static uint64_t read_sp_el1(struct cpu *cpu, enum sysreg reg)
{
    return cpu->pstate.el == 1 && cpu->pstate.spsel ? cpu->x[REG_SP] : cpu->sp_banked[1];
}

static void write_sp_el1(struct cpu *cpu, enum sysreg reg, uint64_t value)
{
    *(cpu->pstate.el == 1 && cpu->pstate.spsel ? &cpu->x[REG_SP] : &cpu->sp_banked[1]) = value;
}

static void write_mdcr(struct cpu *cpu, enum sysreg reg, uint64_t value)
{
    store(cpu, reg, value);
    cpu_state_changed(cpu);
}

/* PSTATE as registers. */

static uint64_t read_sp_el0(struct cpu *cpu, enum sysreg reg)
{
    return cpu->pstate.spsel ? cpu->sp_banked[0] : cpu->x[REG_SP];
}

static void write_sp_el0(struct cpu *cpu, enum sysreg reg, uint64_t value)
{
    *(cpu->pstate.spsel ? &cpu->sp_banked[0] : &cpu->x[REG_SP]) = value;
}

static uint64_t read_spsel(struct cpu *cpu, enum sysreg reg)
{
    return cpu->pstate.spsel;
}

static void write_spsel(struct cpu *cpu, enum sysreg reg, uint64_t value)
{
    cpu_set_level(cpu, cpu->pstate.el, value & 1);
}

static uint64_t read_current_el(struct cpu *cpu, enum sysreg reg)
{
    return (uint64_t)cpu->pstate.el << 2;
}

static uint64_t read_nzcv(struct cpu *cpu, enum sysreg reg)
{
    return nzcv_pack(cpu->nzcv);
}

static void write_nzcv(struct cpu *cpu, enum sysreg reg, uint64_t value)
{
    cpu->nzcv = nzcv_unpack((uint32_t)value);
}

static uint64_t read_daif(struct cpu *cpu, enum sysreg reg)
{
    return (uint64_t)cpu->pstate.daif << 6;
}

static void write_daif(struct cpu *cpu, enum sysreg reg, uint64_t value)
{
    cpu->pstate.daif = value >> 6 & 15;
    cpu_state_changed(cpu);
}

static bool trap_daif(struct cpu *cpu, enum sysreg reg, bool write)
{
    return !control_bit(cpu, 9); /* UMA */
}

/* PAN, UAO, DIT, SSBS: one bit each, at its place in SPSR. */
struct pstate_bit {
    uint8_t *member;
    unsigned bit;
};

static struct pstate_bit pstate_bit_of(struct cpu *cpu, enum sysreg reg)
{
    switch (reg) {
    case SR_PAN: return (struct pstate_bit){&cpu->pstate.pan, 22};
    case SR_UAO: return (struct pstate_bit){&cpu->pstate.uao, 23};
    case SR_DIT: return (struct pstate_bit){&cpu->pstate.dit, 24};
    default: return (struct pstate_bit){&cpu->pstate.ssbs, 12};
    }
}

static uint64_t read_pstate_bit(struct cpu *cpu, enum sysreg reg)
{
    struct pstate_bit bit = pstate_bit_of(cpu, reg);
    return (uint64_t)*bit.member << bit.bit;
}

static void write_pstate_bit(struct cpu *cpu, enum sysreg reg, uint64_t value)
{
    struct pstate_bit bit = pstate_bit_of(cpu, reg);
    *bit.member = value >> bit.bit & 1;
    cpu_state_changed(cpu);
}

static uint64_t read_fpcr(struct cpu *cpu, enum sysreg reg)
{
    return cpu->fpcr;
}

static void write_fpcr(struct cpu *cpu, enum sysreg reg, uint64_t value)
{
    uint64_t fz16 = has_feature(&cpu->features, FEAT_FP16) ? FPCR_FZ16 : 0;
    cpu->fpcr = value & (FPCR_RMODE | FPCR_FZ | FPCR_DN | FPCR_AHP | fz16);
}

static uint64_t read_fpsr(struct cpu *cpu, enum sysreg reg)
{
    return cpu->fpsr;
}

static void write_fpsr(struct cpu *cpu, enum sysreg reg, uint64_t value)
{
    cpu->fpsr = value & (FPSR_IOC | FPSR_DZC | FPSR_OFC | FPSR_UFC | FPSR_IXC | FPSR_IDC | FPSR_QC);
}

static uint64_t read_isr(struct cpu *cpu, enum sysreg reg)
{
    if (cpu_has_el2(cpu))
        return el2_isr(cpu);
    return (uint64_t)cpu->serror_pending << 8 | (uint64_t)cpu_flag(&cpu->irq_pending) << 7 |
           (uint64_t)cpu_flag(&cpu->fiq_pending) << 6;
}

/* RNDR and RNDRRS: the seeded generator. It never runs dry: flags are clear. */
static uint64_t read_rndr(struct cpu *cpu, enum sysreg reg)
{
    cpu->nzcv = (struct nzcv){0};
    return cpu_draw_random(cpu);
}

/* The generic timer. */

static uint64_t read_counter(struct cpu *cpu, enum sysreg reg)
{
    bool own = cpu->pstate.el == 2 ? (cpu->sys.HCR_EL2 & HCR_E2H) != 0 : cpu->pstate.el == 0 && el2_is_host(cpu);
    return cpu_counter(cpu) - (reg == SR_CNTVCT_EL0 && !own ? cpu->sys.CNTVOFF_EL2 : 0);
}

static enum timer_kind timer_kind_of(enum sysreg reg)
{
    if (reg >= SR_CNTHV_TVAL_EL2)
        return TIMER_HYP_VIRT;
    if (reg >= SR_CNTHP_TVAL_EL2)
        return TIMER_HYP;
    return reg >= SR_CNTV_TVAL_EL0 ? TIMER_VIRT : TIMER_PHYS;
}

static uint64_t read_timer_value(struct cpu *cpu, enum sysreg reg)
{
    return (uint32_t)(*timer_compare(cpu, timer_kind_of(reg)) - timer_counter(cpu, timer_kind_of(reg)));
}

static void write_timer_value(struct cpu *cpu, enum sysreg reg, uint64_t value)
{
    enum timer_kind kind = timer_kind_of(reg);
    *timer_compare(cpu, kind) = timer_counter(cpu, kind) + (uint64_t)(int32_t)value;
    timer_changed(cpu, kind);
}

static uint64_t read_timer_control(struct cpu *cpu, enum sysreg reg)
{
    return timer_control(cpu, timer_kind_of(reg));
}

static void write_timer(struct cpu *cpu, enum sysreg reg, uint64_t value)
{
    store(cpu, reg, value);
    timer_changed(cpu, timer_kind_of(reg));
}

static void write_counter_offset(struct cpu *cpu, enum sysreg reg, uint64_t value)
{
    store(cpu, reg, value);
    timer_changed(cpu, TIMER_VIRT);
}

/* CNTKCTL_EL1, and CNTHCTL_EL2 for the EL0 of a host: EL0PCTEN 0, EL0VCTEN 1, EL0VTEN 8, EL0PTEN 9. */
static bool trap_timer(struct cpu *cpu, enum sysreg reg, bool write)
{
    uint64_t enable = el2_is_host(cpu) ? cpu->sys.CNTHCTL_EL2 : cpu->sys.CNTKCTL_EL1;
    switch (reg) {
    case SR_CNTFRQ_EL0: return !(enable & 3);
    case SR_CNTPCT_EL0: return !(enable & 1);
    case SR_CNTVCT_EL0: return !(enable & 2);
    default: return !(enable >> (timer_kind_of(reg) == TIMER_VIRT ? 8 : 9) & 1);
    }
}

static void write_cntkctl(struct cpu *cpu, enum sysreg reg, uint64_t value)
{
    store(cpu, reg, value);
    cpu->event_stream_mark = cpu_counter(cpu);
}

/* The performance monitors. The instruction's accessor has brought the counters up to date. */

#define PMU_ALL_COUNTERS ((1ull << PMU_CYCLE_COUNTER) | ((1ull << PMU_COUNTERS) - 1))

static uint64_t read_pmcr(struct cpu *cpu, enum sysreg reg)
{
    return cpu->sys.PMCR_EL0 | PMU_COUNTERS << 11;
}

static void write_pmcr(struct cpu *cpu, enum sysreg reg, uint64_t value)
{
    enum { RESET_EVENTS = 2, RESET_CYCLES = 4 };
    store(cpu, reg, value);
    if (value & RESET_EVENTS)
        for (unsigned n = 0; n < PMU_COUNTERS; n++)
            (&cpu->sys.PMEVCNTR0_EL0)[n] = 0;
    if (value & RESET_CYCLES)
        cpu->sys.PMCCNTR_EL0 = 0;
    pmu_changed(cpu);
}

static uint64_t *pmu_set_of(struct cpu *cpu, enum sysreg reg)
{
    switch (reg) {
    case SR_PMCNTENSET_EL0:
    case SR_PMCNTENCLR_EL0: return &cpu->sys.PMCNTENSET_EL0;
    case SR_PMINTENSET_EL1:
    case SR_PMINTENCLR_EL1: return &cpu->sys.PMINTENSET_EL1;
    default: return &cpu->sys.PMOVSSET_EL0;
    }
}

static uint64_t read_pmu_set(struct cpu *cpu, enum sysreg reg)
{
    return *pmu_set_of(cpu, reg);
}

static void write_pmu_set(struct cpu *cpu, enum sysreg reg, uint64_t value)
{
    *pmu_set_of(cpu, reg) |= value & PMU_ALL_COUNTERS;
    pmu_changed(cpu);
}

static void write_pmu_clear(struct cpu *cpu, enum sysreg reg, uint64_t value)
{
    *pmu_set_of(cpu, reg) &= ~value;
    pmu_changed(cpu);
}

static void write_pmswinc(struct cpu *cpu, enum sysreg reg, uint64_t value)
{
    pmu_software_increment(cpu, value);
    pmu_changed(cpu);
}

static void write_pmu(struct cpu *cpu, enum sysreg reg, uint64_t value)
{
    store(cpu, reg, value);
    pmu_changed(cpu);
}

static uint64_t read_pmceid(struct cpu *cpu, enum sysreg reg)
{
    return pmu_common_events(reg == SR_PMCEID1_EL0);
}

/* The register that PMXEVTYPER or PMXEVCNTR stands for, or SR_NONE. */
static enum sysreg selected_register(const struct cpu *cpu, enum sysreg reg)
{
    unsigned n = cpu->sys.PMSELR_EL0 & 31;
    if (n == PMU_CYCLE_COUNTER && reg == SR_PMXEVTYPER_EL0)
        return SR_PMCCFILTR_EL0;
    if (n >= PMU_COUNTERS)
        return SR_NONE;
    return (reg == SR_PMXEVTYPER_EL0 ? SR_PMEVTYPER0_EL0 : SR_PMEVCNTR0_EL0) + n;
}

static uint64_t read_pmu_selected(struct cpu *cpu, enum sysreg reg)
{
    enum sysreg selected = selected_register(cpu, reg);
    return selected == SR_NONE ? 0 : sysreg_read(cpu, selected);
}

static void write_pmu_selected(struct cpu *cpu, enum sysreg reg, uint64_t value)
{
    enum sysreg selected = selected_register(cpu, reg);
    if (selected != SR_NONE)
        write_pmu(cpu, selected, value);
}

/* A counter is read as it stands now, which the accessor saw to. */
static uint64_t read_stored(struct cpu *cpu, enum sysreg reg)
{
    return *(uint64_t *)((char *)&cpu->sys + sysreg_infos[reg].offset);
}

/* PMUSERENR_EL0: EN 0, SW 1, CR 2, ER 3. */
static bool trap_pmu(struct cpu *cpu, enum sysreg reg, bool write)
{
    uint64_t enable = cpu->sys.PMUSERENR_EL0, also = 1;
    if (reg == SR_PMSWINC_EL0)
        also |= 2;
    if (reg == SR_PMCCNTR_EL0 && !write)
        also |= 4;
    bool event_counter = reg == SR_PMXEVCNTR_EL0 || (reg >= SR_PMEVCNTR0_EL0 && reg <= SR_PMEVCNTR5_EL0);
    if ((event_counter && !write) || reg == SR_PMSELR_EL0)
        also |= 8;
    return !(enable & also);
}

/* Debug. */

static void write_mdscr(struct cpu *cpu, enum sysreg reg, uint64_t value)
{
    enum { MDE = 1 << 15 };
    uint64_t old = cpu->sys.MDSCR_EL1;
    store(cpu, reg, value);
    if ((old ^ cpu->sys.MDSCR_EL1) & MDE)
        debug_watchpoints_changed(cpu);
    cpu_state_changed(cpu);
}

static void write_breakpoint(struct cpu *cpu, enum sysreg reg, uint64_t value)
{
    store(cpu, reg, value);
    cpu_state_changed(cpu);
}

static void write_watchpoint(struct cpu *cpu, enum sysreg reg, uint64_t value)
{
    store(cpu, reg, value);
    debug_watchpoints_changed(cpu);
}

static void write_oslar(struct cpu *cpu, enum sysreg reg, uint64_t value)
{
    enum { OSLK = 2 };
    cpu->sys.OSLSR_EL1 = (cpu->sys.OSLSR_EL1 & ~(uint64_t)OSLK) | (value & 1 ? OSLK : 0);
    cpu_state_changed(cpu);
}

static uint64_t read_claim_set(struct cpu *cpu, enum sysreg reg)
{
    return 0xff;
}

static void write_claim_set(struct cpu *cpu, enum sysreg reg, uint64_t value)
{
    cpu->sys.DBGCLAIMCLR_EL1 |= value & 0xff;
}

static void write_claim_clear(struct cpu *cpu, enum sysreg reg, uint64_t value)
{
    cpu->sys.DBGCLAIMCLR_EL1 &= ~value;
}

static bool trap_dcc(struct cpu *cpu, enum sysreg reg, bool write)
{
    enum { TDCC = 1 << 12 };
    return cpu->sys.MDSCR_EL1 & TDCC;
}

/* The interrupt controller's CPU interface. To a CPU without one these are UNDEFINED; the debugger reads zeros. */


/* Whether a register is the virtual machine's own: IMO and FMO, by the register's group. */
static bool is_virtual(const struct cpu *cpu, enum sysreg reg)
{
    if (!cpu_has_el2(cpu) || cpu->pstate.el != 1)
        return false;
    uint64_t any = HCR_IMO | HCR_FMO, wanted;
    switch (reg) {
    case SR_ICC_IAR0_EL1:
    case SR_ICC_EOIR0_EL1:
    case SR_ICC_HPPIR0_EL1:
    case SR_ICC_BPR0_EL1:
    case SR_ICC_AP0R0_EL1:
    case SR_ICC_IGRPEN0_EL1: wanted = HCR_FMO; break;
    case SR_ICC_IAR1_EL1:
    case SR_ICC_EOIR1_EL1:
    case SR_ICC_HPPIR1_EL1:
    case SR_ICC_BPR1_EL1:
    case SR_ICC_AP1R0_EL1:
    case SR_ICC_IGRPEN1_EL1: wanted = HCR_IMO; break;
    case SR_ICC_SRE_EL1: return false;
    default: wanted = any;
    }
    return cpu->sys.HCR_EL2 & wanted;
}

static uint64_t read_icc(struct cpu *cpu, enum sysreg reg)
{
    const enum icc_reg icc = (enum icc_reg)(reg - SR_ICC_PMR_EL1);
    if (!cpu->icc)
        return 0;
    if (is_virtual(cpu, reg))
        return cpu->icc->virtual_read(cpu->icc_gic, cpu->index, icc);
    return cpu->icc->read(cpu->icc_gic, cpu->index, icc);
}

static void write_icc(struct cpu *cpu, enum sysreg reg, uint64_t value)
{
    const enum icc_reg icc = (enum icc_reg)(reg - SR_ICC_PMR_EL1);
    if (!cpu->icc)
        return;
    if (is_virtual(cpu, reg))
        cpu->icc->virtual_write(cpu->icc_gic, cpu->index, icc, value);
    else
        cpu->icc->write(cpu->icc_gic, cpu->index, icc, value);
}

static uint64_t read_ich(struct cpu *cpu, enum sysreg reg)
{
    return cpu->icc && cpu->icc->hyp_read
               ? cpu->icc->hyp_read(cpu->icc_gic, cpu->index, (enum ich_reg)(reg - SR_ICH_AP0R0_EL2))
               : 0;
}

static void write_ich(struct cpu *cpu, enum sysreg reg, uint64_t value)
{
    if (cpu->icc && cpu->icc->hyp_write)
        cpu->icc->hyp_write(cpu->icc_gic, cpu->index, (enum ich_reg)(reg - SR_ICH_AP0R0_EL2), value);
}

#define NUMBERED_4(name, suffix, ...)                                                                        \
    [SR_##name##0##suffix] = __VA_ARGS__, [SR_##name##1##suffix] = __VA_ARGS__,                              \
    [SR_##name##2##suffix] = __VA_ARGS__, [SR_##name##3##suffix] = __VA_ARGS__
#define NUMBERED_6(name, suffix, ...)                                                                        \
    NUMBERED_4(name, suffix, __VA_ARGS__), [SR_##name##4##suffix] = __VA_ARGS__,                             \
                                           [SR_##name##5##suffix] = __VA_ARGS__
#define ID(name)  [SR_##name] = {id_register_read, NULL, NULL, false, NEEDS_NOTHING}
#define ICH(name) [SR_ICH_##name##_EL2] = {read_ich, write_ich, NULL, true}
#define ICC(name) [SR_ICC_##name##_EL1] = {read_icc, write_icc, NULL, true}

const struct sysreg_hooks sysreg_hooks[SR_COUNT] = {
    ID(MIDR_EL1),
    ID(MPIDR_EL1),
    ID(ID_AA64PFR0_EL1),
    ID(ID_AA64PFR1_EL1),
    ID(ID_AA64DFR0_EL1),
    ID(ID_AA64ISAR0_EL1),
    ID(ID_AA64ISAR1_EL1),
    ID(ID_AA64MMFR0_EL1),
    ID(ID_AA64MMFR1_EL1),
    ID(ID_AA64MMFR2_EL1),
    [SR_CCSIDR_EL1] = {read_ccsidr, NULL, NULL, false, NEEDS_NOTHING},
    [SR_CTR_EL0] = {sysreg_ctr, NULL, trap_ctr, false, NEEDS_NOTHING},
    [SR_DCZID_EL0] = {read_dczid, NULL, NULL, false, NEEDS_NOTHING},

    [SR_SCTLR_EL1] = {NULL, write_sctlr, NULL},
    [SR_TTBR0_EL1] = {NULL, write_ttbr, NULL},
    [SR_TTBR1_EL1] = {NULL, write_ttbr, NULL},
    [SR_TCR_EL1] = {NULL, write_translation_control, NULL},
    [SR_MAIR_EL1] = {NULL, write_translation_control, NULL},
    [SR_CPACR_EL1] = {NULL, write_cpacr, NULL},

    [SR_SCTLR_EL2] = {NULL, write_sctlr_el2, NULL},
    [SR_TTBR0_EL2] = {NULL, write_translation_of_el2, NULL},
    [SR_TTBR1_EL2] = {NULL, write_translation_of_el2, NULL},
    [SR_TCR_EL2] = {NULL, write_translation_of_el2, NULL},
    [SR_MAIR_EL2] = {NULL, write_translation_of_el2, NULL},
    [SR_HCR_EL2] = {NULL, write_hcr, NULL},
    [SR_CPTR_EL2] = {NULL, write_cptr, NULL},
    [SR_VTTBR_EL2] = {NULL, write_stage_2, NULL},
    [SR_VTCR_EL2] = {NULL, write_stage_2, NULL},
    [SR_MDCR_EL2] = {NULL, write_mdcr, NULL},
    [SR_SP_EL1] = {read_sp_el1, write_sp_el1, NULL, false, NEEDS_NOTHING},
    [SR_CNTVOFF_EL2] = {NULL, write_counter_offset, NULL, true},
    [SR_CNTHP_TVAL_EL2] = {read_timer_value, write_timer_value, NULL, true},
    [SR_CNTHP_CTL_EL2] = {read_timer_control, write_timer, NULL, true},
    [SR_CNTHP_CVAL_EL2] = {NULL, write_timer, NULL, true},
    [SR_CNTHV_TVAL_EL2] = {read_timer_value, write_timer_value, NULL, true},
    [SR_CNTHV_CTL_EL2] = {read_timer_control, write_timer, NULL, true},
    [SR_CNTHV_CVAL_EL2] = {NULL, write_timer, NULL, true},
    [SR_CNTHCTL_EL2] = {NULL, write_cntkctl, NULL},
    [SR_SCXTNUM_EL0] = {NULL, NULL, trap_scxtnum},
    [SR_ISR_EL1] = {read_isr, NULL, NULL, false, NEEDS_NOTHING},
    [SR_RNDR] = {read_rndr, NULL, NULL, false, NEEDS_NOTHING},
    [SR_RNDRRS] = {read_rndr, NULL, NULL, false, NEEDS_NOTHING},

    [SR_SP_EL0] = {read_sp_el0, write_sp_el0, NULL, false, NEEDS_NOTHING},
    [SR_SPSel] = {read_spsel, write_spsel, NULL, false, NEEDS_NOTHING},
    [SR_CurrentEL] = {read_current_el, NULL, NULL, false, NEEDS_NOTHING},
    [SR_NZCV] = {read_nzcv, write_nzcv, NULL, false, NEEDS_NOTHING},
    [SR_DAIF] = {read_daif, write_daif, trap_daif, false, NEEDS_NOTHING},
    [SR_PAN] = {read_pstate_bit, write_pstate_bit, NULL},
    [SR_UAO] = {read_pstate_bit, write_pstate_bit, NULL},
    [SR_DIT] = {read_pstate_bit, write_pstate_bit, NULL},
    [SR_SSBS] = {read_pstate_bit, write_pstate_bit, NULL},
    [SR_FPCR] = {read_fpcr, write_fpcr, NULL, false, NEEDS_NOTHING},
    [SR_FPSR] = {read_fpsr, write_fpsr, NULL, false, NEEDS_NOTHING},

    [SR_CNTKCTL_EL1] = {NULL, write_cntkctl, NULL},
    [SR_CNTFRQ_EL0] = {NULL, NULL, trap_timer},
    [SR_CNTPCT_EL0] = {read_counter, NULL, trap_timer, false, NEEDS_CLOCK},
    [SR_CNTVCT_EL0] = {read_counter, NULL, trap_timer, false, NEEDS_CLOCK},
    [SR_CNTP_TVAL_EL0] = {read_timer_value, write_timer_value, trap_timer, true},
    [SR_CNTP_CTL_EL0] = {read_timer_control, write_timer, trap_timer, true},
    [SR_CNTP_CVAL_EL0] = {NULL, write_timer, trap_timer, true},
    [SR_CNTV_TVAL_EL0] = {read_timer_value, write_timer_value, trap_timer, true},
    [SR_CNTV_CTL_EL0] = {read_timer_control, write_timer, trap_timer, true},
    [SR_CNTV_CVAL_EL0] = {NULL, write_timer, trap_timer, true},

    [SR_PMINTENSET_EL1] = {NULL, write_pmu_set, NULL, true},
    [SR_PMINTENCLR_EL1] = {read_pmu_set, write_pmu_clear, NULL, true},
    [SR_PMCR_EL0] = {read_pmcr, write_pmcr, trap_pmu, true},
    [SR_PMCNTENSET_EL0] = {NULL, write_pmu_set, trap_pmu, true},
    [SR_PMCNTENCLR_EL0] = {read_pmu_set, write_pmu_clear, trap_pmu, true},
    [SR_PMOVSCLR_EL0] = {read_pmu_set, write_pmu_clear, trap_pmu, true},
    [SR_PMOVSSET_EL0] = {read_pmu_set, write_pmu_set, trap_pmu, true},
    [SR_PMSWINC_EL0] = {NULL, write_pmswinc, trap_pmu, true},
    [SR_PMSELR_EL0] = {NULL, NULL, trap_pmu},
    [SR_PMCEID0_EL0] = {read_pmceid, NULL, trap_pmu},
    [SR_PMCEID1_EL0] = {read_pmceid, NULL, trap_pmu},
    [SR_PMCCNTR_EL0] = {read_stored, write_pmu, trap_pmu, true},
    [SR_PMXEVTYPER_EL0] = {read_pmu_selected, write_pmu_selected, trap_pmu, true},
    [SR_PMXEVCNTR_EL0] = {read_pmu_selected, write_pmu_selected, trap_pmu, true},
    NUMBERED_6(PMEVCNTR, _EL0, {read_stored, write_pmu, trap_pmu, true}),
    NUMBERED_6(PMEVTYPER, _EL0, {NULL, write_pmu, trap_pmu, true}),
    [SR_PMCCFILTR_EL0] = {NULL, write_pmu, trap_pmu, true},

    NUMBERED_6(DBGBVR, _EL1, {NULL, write_breakpoint, NULL}),
    NUMBERED_6(DBGBCR, _EL1, {NULL, write_breakpoint, NULL}),
    NUMBERED_4(DBGWVR, _EL1, {NULL, write_watchpoint, NULL}),
    NUMBERED_4(DBGWCR, _EL1, {NULL, write_watchpoint, NULL}),
    [SR_MDSCR_EL1] = {NULL, write_mdscr, NULL},
    [SR_OSLAR_EL1] = {NULL, write_oslar, NULL},
    [SR_OSDLR_EL1] = {NULL, write_breakpoint, NULL},
    [SR_DBGCLAIMSET_EL1] = {read_claim_set, write_claim_set, NULL},
    [SR_DBGCLAIMCLR_EL1] = {NULL, write_claim_clear, NULL},
    [SR_MDCCSR_EL0] = {NULL, NULL, trap_dcc},
    [SR_DBGDTR_EL0] = {NULL, NULL, trap_dcc},
    [SR_DBGDTRRX_EL0] = {NULL, NULL, trap_dcc},

    ICC(PMR),
    ICC(IAR0),
    ICC(EOIR0),
    ICC(HPPIR0),
    ICC(BPR0),
    ICC(AP0R0),
    ICC(AP0R1),
    ICC(AP0R2),
    ICC(AP0R3),
    ICC(AP1R0),
    ICC(AP1R1),
    ICC(AP1R2),
    ICC(AP1R3),
    ICC(DIR),
    ICC(RPR),
    ICC(SGI1R),
    ICC(ASGI1R),
    ICC(SGI0R),
    ICC(IAR1),
    ICC(EOIR1),
    ICC(HPPIR1),
    ICC(BPR1),
    ICC(CTLR),
    ICC(SRE),
    ICC(IGRPEN0),
    ICC(IGRPEN1),

    ICH(AP0R0),
    ICH(AP0R1),
    ICH(AP0R2),
    ICH(AP0R3),
    ICH(AP1R0),
    ICH(AP1R1),
    ICH(AP1R2),
    ICH(AP1R3),
    ICH(HCR),
    ICH(VTR),
    ICH(MISR),
    ICH(EISR),
    ICH(ELRSR),
    ICH(VMCR),
    ICH(LR0),
    ICH(LR1),
    ICH(LR2),
    ICH(LR3),
};
