/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The hypervisor's level (Arm ARM D1, D8, D24.2): which regime translates, where exceptions go, what EL2 traps.
 *
 * Whatever depends on SCTLR, TCR, TTBR0, TTBR1, MAIR and CPACR of the regime in use reads them in cpu->sys under the
 * names of EL1, where they stand in EL1's format; so neither the walk nor translated code knows of regimes. While
 * another regime than EL1's is in use, what EL1 has in these registers is in cpu->el1:
 *
 *     EL2 writes SCTLR_EL2 = A, SCTLR_EL1 = B    sys.SCTLR_EL2 = A, sys.SCTLR_EL1 = A, el1.sctlr = B
 *     ERET to EL1                                sys.SCTLR_EL2 = A, sys.SCTLR_EL1 = B
 *
 * CPUs without EL2 come here in no case. */
#ifndef ARMATURE_EL2_H
#define ARMATURE_EL2_H

#include "isa/arm64/exception.h"

/** HCR_EL2 (D19.2.48). */
#define HCR_VM   (1ull << 0)
#define HCR_PTW  (1ull << 2)
#define HCR_FMO  (1ull << 3)
#define HCR_IMO  (1ull << 4)
#define HCR_AMO  (1ull << 5)
#define HCR_VF   (1ull << 6)
#define HCR_VI   (1ull << 7)
#define HCR_VSE  (1ull << 8)
#define HCR_FB   (1ull << 9)
#define HCR_DC   (1ull << 12)
#define HCR_TWI  (1ull << 13)
#define HCR_TWE  (1ull << 14)
#define HCR_TID1 (1ull << 16)
#define HCR_TID2 (1ull << 17)
#define HCR_TID3 (1ull << 18)
#define HCR_TSC  (1ull << 19)
#define HCR_TIDCP (1ull << 20)
#define HCR_TACR (1ull << 21)
#define HCR_TSW  (1ull << 22)
#define HCR_TPCP (1ull << 23)
#define HCR_TPU  (1ull << 24)
#define HCR_TTLB (1ull << 25)
#define HCR_TVM  (1ull << 26)
#define HCR_TGE  (1ull << 27)
#define HCR_TDZ  (1ull << 28)
#define HCR_HCD  (1ull << 29)
#define HCR_TRVM (1ull << 30)
#define HCR_RW   (1ull << 31)
#define HCR_E2H  (1ull << 34)
#define HCR_TEA  (1ull << 37)
#define HCR_APK  (1ull << 40)
#define HCR_API  (1ull << 41)
#define HCR_FWB  (1ull << 46)

#define MDCR_TDE (1ull << 8)

/** Whether the host of VHE runs: EL2 and EL0 share a regime, and there is no EL1 (E2H and TGE). */
static inline bool el2_is_host(const struct cpu *cpu)
{
    const uint64_t both = HCR_E2H | HCR_TGE;
    return cpu_has_el2(cpu) && (cpu->sys.HCR_EL2 & both) == both;
}

/** Whether what happens at the present level may be trapped to EL2: it is that of a virtual machine. */
static inline bool el2_may_trap(const struct cpu *cpu)
{
    return cpu_has_el2(cpu) && (cpu->pstate.el == 1 || (cpu->pstate.el == 0 && !(cpu->sys.HCR_EL2 & HCR_TGE)));
}

/** Traps an instruction to EL2 if any of these bits of HCR_EL2 is set. */
static inline void el2_trap_system(struct cpu *cpu, const struct insn *insn, uint64_t hcr_bits)
{
    if (el2_may_trap(cpu) && cpu->sys.HCR_EL2 & hcr_bits)
        cpu_raise_el2(cpu, insn, EC_SYSTEM, sysreg_iss(insn));
}

/** Where a synchronous exception goes that nobody traps. */
static inline unsigned el2_default_target(const struct cpu *cpu)
{
    return cpu->pstate.el == 2 || (cpu->pstate.el == 0 && cpu_has_el2(cpu) && cpu->sys.HCR_EL2 & HCR_TGE) ? 2 : 1;
}

/** After a snapshot's state took the place of the CPU's: the TLB's side is that of its regime. */
void el2_restored(struct cpu *cpu);

/** The regime that PSTATE and HCR_EL2 say is in use. */
enum cpu_regime el2_regime_of_state(const struct cpu *cpu);

/** To be called by cpu_state_changed(): the regime in use follows from level and HCR_EL2. */
void el2_state_changed(struct cpu *cpu);

/** A register of EL2 that the regime in use goes by was written: brings `sys` up to date, and drops what depended on
 *  it. `asid_only`: it may have changed the ASID alone. */
void el2_regime_registers_changed(struct cpu *cpu, bool asid_only);

/** Puts the registers of another regime in use, for a walk of it, and back. TLBs are not concerned. */
void el2_borrow_regime(struct cpu *cpu, enum cpu_regime regime, struct el1_bank *kept);
void el2_return_regime(struct cpu *cpu, const struct el1_bank *kept);

/** The regime of EL2 as HCR_EL2.E2H says. */
enum cpu_regime el2_own_regime(const struct cpu *cpu);

/** CPACR_EL1 as CPTR_EL2 leaves it, into `sys`. */
void el2_update_fp_access(struct cpu *cpu);

/** FP was accessed where it is not enabled: whether that is EL2's affair. */
bool el2_traps_fp(const struct cpu *cpu);

/** The interrupt that would be taken now, and to which level. */
enum el2_interrupt { EL2_NONE, EL2_SERROR, EL2_FIQ, EL2_IRQ, EL2_VIRTUAL_SERROR, EL2_VIRTUAL_FIQ, EL2_VIRTUAL_IRQ };
enum el2_interrupt el2_interrupt_due(const struct cpu *cpu, unsigned *target);

/** Whether an interrupt pends for WFI, masked or not. */
bool el2_interrupt_pends(const struct cpu *cpu);

/** ISR_EL1, of the interrupts that the present level sees. */
uint64_t el2_isr(const struct cpu *cpu);

/** The register that an MSR or MRS means here: with E2H names of EL1 mean EL2's, and names in 12 and 02 EL1's. SR_NONE:
 *  none. */
enum sysreg el2_redirect(const struct cpu *cpu, enum sysreg reg);

/** Where a register of EL1's regime, SCTLR_EL1 to MAIR_EL1, or CPACR_EL1 has its value, which need not be the one in
 *  use. NULL: it is none of these. */
uint64_t *el2_el1_member(struct cpu *cpu, enum sysreg reg);

/** Takes the trap of an access to a register by a virtual machine, if EL2 has asked for it. */
void el2_trap_register(struct cpu *cpu, const struct insn *insn, enum sysreg reg, bool write);

#endif
