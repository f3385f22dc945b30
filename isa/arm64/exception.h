/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Exceptions: how an instruction or an interrupt enters the guest's vectors, and how ERET leaves them. */
#ifndef ARMATURE_EXCEPTION_H
#define ARMATURE_EXCEPTION_H

#include "isa/arm64/cpu.h"

/* Exception classes, ESR_ELx.EC (Arm ARM D17.2.37). */
enum exception_class {
    EC_UNKNOWN = 0x00,
    EC_WFX = 0x01,
    EC_FP_ACCESS = 0x07,
    EC_PAC = 0x09,
    EC_BTI = 0x0d,
    EC_ILLEGAL_STATE = 0x0e,
    EC_SVC = 0x15,
    EC_HVC = 0x16,
    EC_SMC = 0x17,
    EC_SYSTEM = 0x18,
    EC_INSN_ABORT_LOWER = 0x20,
    EC_INSN_ABORT = 0x21,
    EC_PC_ALIGNMENT = 0x22,
    EC_DATA_ABORT_LOWER = 0x24,
    EC_DATA_ABORT = 0x25,
    EC_SP_ALIGNMENT = 0x26,
    EC_FP_EXCEPTION = 0x2c,
    EC_SERROR = 0x2f,
    EC_BREAKPOINT_LOWER = 0x30,
    EC_BREAKPOINT = 0x31,
    EC_STEP_LOWER = 0x32,
    EC_STEP = 0x33,
    EC_WATCHPOINT_LOWER = 0x34,
    EC_WATCHPOINT = 0x35,
    EC_BRK = 0x3c,
};

/** Takes a synchronous exception for `insn`, which does not retire: ELR is its address. `iss` is ESR.ISS;
 *  `ec` is given as for the same level, and becomes the "from a lower level" class by itself. Does not
 *  return: it unwinds to the engine's loop. */
_Noreturn void cpu_raise(struct cpu *cpu, const struct insn *insn, enum exception_class ec, uint32_t iss);

/** The same, with FAR. */
_Noreturn void cpu_raise_far(struct cpu *cpu, const struct insn *insn, enum exception_class ec, uint32_t iss,
                             uint64_t far);

/** The same to EL2, from a level below it or from EL2 itself. */
_Noreturn void cpu_raise_el2(struct cpu *cpu, const struct insn *insn, enum exception_class ec, uint32_t iss);
_Noreturn void cpu_raise_el2_far(struct cpu *cpu, const struct insn *insn, enum exception_class ec, uint32_t iss,
                                 uint64_t far);

/** Takes the exception of an instruction that retires and returns to its successor (SVC), which ends its block: the
 *  exception is taken when this returns. */
void cpu_take_after(struct cpu *cpu, const struct insn *insn, enum exception_class ec, uint32_t iss);
void cpu_take_after_to_el2(struct cpu *cpu, const struct insn *insn, enum exception_class ec, uint32_t iss);

/** Goes back to before `insn` (nothing of which may have happened yet), to run it by itself. A device access
 * calls this unless cpu->alone is already set, so that whatever it causes (an interrupt, a stop, a nearer
 * event) takes effect right behind it, whichever engine runs and however it cut the code into blocks. */
_Noreturn void cpu_restart_alone(struct cpu *cpu, const struct insn *insn);

/** `insn` is about to touch what is neither this CPU's state nor RAM: another CPU, a wire, an event. Matters to an
 *  engine that runs instructions more than once (cpu->confined). */
static inline void cpu_reach_outside(struct cpu *cpu, const struct insn *insn)
{
    if (__builtin_expect(cpu->confined, 0))
        cpu_restart_alone(cpu, insn);
}

/** The same between instructions, where pc and icount are exact: for the instruction at pc, which could not
 * be fetched or must not begin. */
_Noreturn void cpu_raise_here(struct cpu *cpu, enum exception_class ec, uint32_t iss, bool has_far,
                              uint64_t far);
_Noreturn void cpu_raise_here_to_el2(struct cpu *cpu, enum exception_class ec, uint32_t iss, uint64_t far);

/** The instruction is UNDEFINED. */
_Noreturn void cpu_undefined(struct cpu *cpu, const struct insn *insn);

/** FP and AdvSIMD access trap by CPACR_EL1.FPEN; called first by every FP and AdvSIMD exec_ function. */
_Noreturn void cpu_fp_trap(struct cpu *cpu, const struct insn *insn);
static inline void cpu_check_fp(struct cpu *cpu, const struct insn *insn)
{
    unsigned fpen = cpu->sys.CPACR_EL1 >> 20 & 3;
    if (__builtin_expect(fpen != 3, 0) && (cpu->pstate.el == 0 || fpen != 1))
        cpu_fp_trap(cpu, insn);
}

/** SP alignment check for a base register of SP (SCTLR_EL1.SA, SA0): `address` is the base. */
void cpu_sp_fault(struct cpu *cpu, const struct insn *insn);
static inline void cpu_check_sp(struct cpu *cpu, const struct insn *insn, uint64_t base)
{
    if (__builtin_expect(insn->rn == REG_SP && (base & 15), 0))
        cpu_sp_fault(cpu, insn);
}

/** ERET (with the checks for an illegal return), to ELR or, for ERETAA and ERETAB, to `address`. */
void exception_return(struct cpu *cpu, const struct insn *insn);
void exception_return_to(struct cpu *cpu, const struct insn *insn, uint64_t address);

/** PSTATE in the format of SPSR_ELx. */
uint32_t pstate_to_spsr(const struct cpu *cpu);

/** Changes PSTATE.EL and PSTATE.SP, and the selected stack pointer with them. */
void cpu_set_level(struct cpu *cpu, unsigned el, unsigned spsel);

/** Recomputes what hangs on PSTATE and the control registers: the current TLB regime, the SP bank, pending
 *  interrupts. Called after every change to them. */
void cpu_state_changed(struct cpu *cpu);

#endif
