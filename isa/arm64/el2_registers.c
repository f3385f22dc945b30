/* SPDX-License-Identifier: GPL-3.0-or-later */
/* EL2: what the names of registers mean with E2H, and which accesses of a virtual machine are trapped. */
#include "isa/arm64/el2.h"

/* --- names (D19.1.4) ------------------------------------------------------------------------------- */

static const struct {
    enum sysreg el1, el2, el12;
} names[] = {
#define SAME(name) {SR_##name##_EL1, SR_##name##_EL2, SR_##name##_EL12}
    SAME(SCTLR), SAME(TTBR0), SAME(TTBR1), SAME(TCR),   SAME(SPSR), SAME(ELR),        SAME(AFSR0), SAME(AFSR1),
    SAME(ESR),   SAME(FAR),   SAME(MAIR),  SAME(AMAIR), SAME(VBAR), SAME(CONTEXTIDR),
#undef SAME
    {SR_CPACR_EL1, SR_CPTR_EL2, SR_CPACR_EL12},
    {SR_CNTKCTL_EL1, SR_CNTHCTL_EL2, SR_CNTKCTL_EL12},
    {SR_CNTP_TVAL_EL0, SR_CNTHP_TVAL_EL2, SR_CNTP_TVAL_EL02},
    {SR_CNTP_CTL_EL0, SR_CNTHP_CTL_EL2, SR_CNTP_CTL_EL02},
    {SR_CNTP_CVAL_EL0, SR_CNTHP_CVAL_EL2, SR_CNTP_CVAL_EL02},
    {SR_CNTV_TVAL_EL0, SR_CNTHV_TVAL_EL2, SR_CNTV_TVAL_EL02},
    {SR_CNTV_CTL_EL0, SR_CNTHV_CTL_EL2, SR_CNTV_CTL_EL02},
    {SR_CNTV_CVAL_EL0, SR_CNTHV_CVAL_EL2, SR_CNTV_CVAL_EL02},
};

enum sysreg el2_redirect(const struct cpu *cpu, enum sysreg reg)
{
    bool e2h = cpu->sys.HCR_EL2 & HCR_E2H, host_el0 = cpu->pstate.el == 0 && el2_is_host(cpu);
    if (cpu->pstate.el != 2 && !host_el0)
        return reg;
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (reg == names[i].el1)
            return e2h ? names[i].el2 : reg;
        if (reg == names[i].el12)
            return e2h ? names[i].el1 : SR_NONE;
    }
    return reg;
}

uint64_t *el2_el1_member(struct cpu *cpu, enum sysreg reg)
{
    bool in_use = cpu->regime == REGIME_EL10;
    switch (reg) {
    case SR_SCTLR_EL1: return in_use ? &cpu->sys.SCTLR_EL1 : &cpu->el1.sctlr;
    case SR_TCR_EL1: return in_use ? &cpu->sys.TCR_EL1 : &cpu->el1.tcr;
    case SR_TTBR0_EL1: return in_use ? &cpu->sys.TTBR0_EL1 : &cpu->el1.ttbr0;
    case SR_TTBR1_EL1: return in_use ? &cpu->sys.TTBR1_EL1 : &cpu->el1.ttbr1;
    case SR_MAIR_EL1: return in_use ? &cpu->sys.MAIR_EL1 : &cpu->el1.mair;
    case SR_CPACR_EL1: return cpu_has_el2(cpu) ? &cpu->el1.cpacr : &cpu->sys.CPACR_EL1;
    default: return NULL;
    }
}

/* --- traps ----------------------------------------------------------------------------------------- */

enum trap_by { BY_HCR, BY_MDCR, BY_CPTR };
enum trap_of { READS = 1, WRITES = 2, BOTH = 3 };

/* From `first` to `last`, in the order of sysregs.def. */
static const struct trap {
    enum sysreg first, last;
    uint8_t by, of;
    uint64_t bits;
} traps[] = {
    {SR_SCTLR_EL1, SR_SCTLR_EL1, BY_HCR, WRITES, HCR_TVM},
    {SR_SCTLR_EL1, SR_SCTLR_EL1, BY_HCR, READS, HCR_TRVM},
    {SR_TTBR0_EL1, SR_TCR_EL1, BY_HCR, WRITES, HCR_TVM},
    {SR_TTBR0_EL1, SR_TCR_EL1, BY_HCR, READS, HCR_TRVM},
    {SR_MAIR_EL1, SR_AMAIR_EL1, BY_HCR, WRITES, HCR_TVM},
    {SR_MAIR_EL1, SR_AMAIR_EL1, BY_HCR, READS, HCR_TRVM},
    {SR_CONTEXTIDR_EL1, SR_CONTEXTIDR_EL1, BY_HCR, WRITES, HCR_TVM},
    {SR_CONTEXTIDR_EL1, SR_CONTEXTIDR_EL1, BY_HCR, READS, HCR_TRVM},
    {SR_ESR_EL1, SR_ESR_EL1, BY_HCR, WRITES, HCR_TVM},
    {SR_ESR_EL1, SR_ESR_EL1, BY_HCR, READS, HCR_TRVM},
    {SR_FAR_EL1, SR_FAR_EL1, BY_HCR, WRITES, HCR_TVM},
    {SR_FAR_EL1, SR_FAR_EL1, BY_HCR, READS, HCR_TRVM},
    {SR_AFSR0_EL1, SR_AFSR1_EL1, BY_HCR, WRITES, HCR_TVM},
    {SR_AFSR0_EL1, SR_AFSR1_EL1, BY_HCR, READS, HCR_TRVM},
    {SR_REVIDR_EL1, SR_REVIDR_EL1, BY_HCR, READS, HCR_TID1},
    {SR_AIDR_EL1, SR_AIDR_EL1, BY_HCR, READS, HCR_TID1},
    {SR_CCSIDR_EL1, SR_CLIDR_EL1, BY_HCR, READS, HCR_TID2},
    {SR_CSSELR_EL1, SR_CSSELR_EL1, BY_HCR, BOTH, HCR_TID2},
    {SR_CTR_EL0, SR_CTR_EL0, BY_HCR, READS, HCR_TID2},
    {SR_ID_PFR0_EL1, SR_S3_0_C0_C7_7, BY_HCR, READS, HCR_TID3},
    {SR_ACTLR_EL1, SR_ACTLR_EL1, BY_HCR, BOTH, HCR_TACR},
    {SR_CPACR_EL1, SR_CPACR_EL1, BY_CPTR, BOTH, 1ull << 31}, /* TCPAC */
    {SR_PMCR_EL0, SR_PMCR_EL0, BY_MDCR, BOTH, 1 << 5},       /* TPMCR */
    {SR_PMINTENSET_EL1, SR_PMCCFILTR_EL0, BY_MDCR, BOTH, 1 << 6}, /* TPM */
    {SR_DBGBVR0_EL1, SR_MDSCR_EL1, BY_MDCR, BOTH, 1 << 9 | MDCR_TDE}, /* TDA */
    {SR_OSDTRTX_EL1, SR_DBGDTRRX_EL0, BY_MDCR, BOTH, 1 << 9 | MDCR_TDE},
    {SR_DBGCLAIMSET_EL1, SR_DBGAUTHSTATUS_EL1, BY_MDCR, BOTH, 1 << 9 | MDCR_TDE},
    {SR_MDRAR_EL1, SR_MDRAR_EL1, BY_MDCR, BOTH, 1 << 11 | MDCR_TDE},                  /* TDRA */
    {SR_OSLAR_EL1, SR_DBGPRCR_EL1, BY_MDCR, BOTH, 1 << 10 | MDCR_TDE}, /* TDOSA */
};

/* CNTHCTL_EL2 (D19.12.2): physical counter and timer, of EL1 and of EL0 beneath it. Its bits enable. */
static bool timer_trapped(const struct cpu *cpu, enum sysreg reg)
{
    unsigned counter = cpu->sys.HCR_EL2 & HCR_E2H ? 10 : 0;
    if (reg == SR_CNTPCT_EL0)
        return !(cpu->sys.CNTHCTL_EL2 >> counter & 1);
    if (reg >= SR_CNTP_TVAL_EL0 && reg <= SR_CNTP_CVAL_EL0)
        return !(cpu->sys.CNTHCTL_EL2 >> (counter + 1) & 1);
    return false;
}

/* Keys of pointer authentication: APK enables. */
static bool key_trapped(const struct cpu *cpu, enum sysreg reg)
{
    return reg >= SR_APIAKeyLo_EL1 && reg <= SR_APGAKeyHi_EL1 && !(cpu->sys.HCR_EL2 & HCR_APK);
}

/* SGIs, which a virtual machine cannot send by itself, where EL2 takes the interrupts. */
static bool sgi_trapped(const struct cpu *cpu, enum sysreg reg)
{
    return reg >= SR_ICC_SGI1R_EL1 && reg <= SR_ICC_SGI0R_EL1 && cpu->sys.HCR_EL2 & (HCR_IMO | HCR_FMO);
}

/* ICH_HCR_EL2 (IHI 0069, 12.4.4): TC, TALL0, TALL1, TDIR. */
static bool interface_trapped(const struct cpu *cpu, enum sysreg reg)
{
    if (reg < SR_ICC_PMR_EL1 || reg > SR_ICC_IGRPEN1_EL1)
        return false;
    uint64_t control = sysreg_read((struct cpu *)cpu, SR_ICH_HCR_EL2);
    switch (reg) {
    case SR_ICC_DIR_EL1: return control & (1 << 14 | 1 << 10);
    case SR_ICC_PMR_EL1:
    case SR_ICC_RPR_EL1:
    case SR_ICC_CTLR_EL1: return control & 1 << 10;
    case SR_ICC_SRE_EL1: return false;
    case SR_ICC_IAR0_EL1:
    case SR_ICC_EOIR0_EL1:
    case SR_ICC_HPPIR0_EL1:
    case SR_ICC_BPR0_EL1:
    case SR_ICC_AP0R0_EL1:
    case SR_ICC_AP0R1_EL1:
    case SR_ICC_AP0R2_EL1:
    case SR_ICC_AP0R3_EL1:
    case SR_ICC_IGRPEN0_EL1: return control & 1 << 11;
    default: return control & 1 << 12;
    }
}

void el2_trap_register(struct cpu *cpu, const struct insn *insn, enum sysreg reg, bool write)
{
    const uint64_t by[] = {
        [BY_HCR] = cpu->sys.HCR_EL2, [BY_MDCR] = cpu->sys.MDCR_EL2, [BY_CPTR] = cpu->sys.CPTR_EL2};
    bool trapped = timer_trapped(cpu, reg) || key_trapped(cpu, reg) || sgi_trapped(cpu, reg) ||
                   (cpu->icc && interface_trapped(cpu, reg));
    for (unsigned i = 0; i < sizeof traps / sizeof traps[0] && !trapped; i++)
        trapped = reg >= traps[i].first && reg <= traps[i].last && traps[i].of & (write ? WRITES : READS) &&
                  by[traps[i].by] & traps[i].bits;
    if (trapped)
        cpu_raise_el2(cpu, insn, EC_SYSTEM, sysreg_iss(insn));
}
