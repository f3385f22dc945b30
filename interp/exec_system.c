/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Exceptions, hints, barriers, system registers, system instructions (tables/system.tab). */
#include "interp/exec.h"
#include "isa/arm64/el2.h"
#include "isa/arm64/mmu.h"
#include "isa/arm64/threads.h"
#include "isa/arm64/user.h"
#include "isa/arm64/timer.h"

/* Bits of SCTLR_EL1 that let EL0 do things. */
enum { SCTLR_UMA = 9, SCTLR_DZE = 14, SCTLR_NTWI = 16, SCTLR_NTWE = 18, SCTLR_UCI = 26 };

static void check_privileged(struct cpu *cpu, const struct insn *insn)
{
    if (!cpu->pstate.el)
        cpu_undefined(cpu, insn);
}

/* From EL0, an instruction that a bit of SCTLR_EL1 has not enabled goes to EL1. */
static void check_enabled(struct cpu *cpu, const struct insn *insn, unsigned bit)
{
    if (!cpu->pstate.el && !(cpu->sys.SCTLR_EL1 >> bit & 1))
        sysreg_trap(cpu, insn);
}

/* Exceptions. */

EXEC(svc)
{
    cpu_take_after(cpu, insn, EC_SVC, (uint32_t)insn->imm);
}

/* There is no EL3; the machine itself stands in for the firmware, where it knows the call. */
static void call_firmware(struct cpu *cpu, const struct insn *insn, bool is_smc)
{
    check_privileged(cpu, insn);
    cpu_reach_outside(cpu, insn);
    cpu_sync_clock(cpu, insn);
    cpu_lock_machine(cpu);
    bool known = cpu->smccc && cpu->smccc(cpu->smccc_context, cpu, is_smc);
    cpu_unlock_machine(cpu);
    if (!known)
        cpu_undefined(cpu, insn);
    cpu_attention(cpu);
}

EXEC(hvc)
{
    check_privileged(cpu, insn);
    if (!cpu_has_el2(cpu)) {
        call_firmware(cpu, insn, false);
        return;
    }
    if (cpu->sys.HCR_EL2 & HCR_HCD)
        cpu_undefined(cpu, insn);
    cpu_take_after_to_el2(cpu, insn, EC_HVC, (uint32_t)insn->imm);
}

EXEC(smc)
{
    check_privileged(cpu, insn);
    if (el2_may_trap(cpu) && cpu->sys.HCR_EL2 & HCR_TSC)
        cpu_raise_el2(cpu, insn, EC_SMC, (uint32_t)insn->imm);
    call_firmware(cpu, insn, true);
}

EXEC(brk)
{
    cpu_raise(cpu, insn, EC_BRK, (uint32_t)insn->imm);
}

/* UNDEFINED while no external debugger allows halting, but for the one that is a call of semihosting (Arm's semihosting
 * specification 2.0, 3.2). */
EXEC(hlt)
{
    if (insn->imm != 0xf000)
        cpu_undefined(cpu, insn);
    cpu_reach_outside(cpu, insn);
    if (!cpu->semihost)
        cpu_undefined(cpu, insn);
    cpu_sync_clock(cpu, insn);
    cpu_lock_machine(cpu);
    cpu->semihost(cpu->semihost_context, cpu);
    cpu_unlock_machine(cpu);
    cpu_attention(cpu);
}

EXEC(eret)
{
    check_privileged(cpu, insn);
    exception_return(cpu, insn);
}

/* Hints. */

EXEC(hint)
{
}

EXEC(nop)
{
}

/* Another CPU may hold what this one spins for. */
EXEC(yield)
{
    if (cpu->peer_count < 2)
        return;
    cpu->yield_requested = 1;
    cpu_attention(cpu);
}

static void check_wait_trap(struct cpu *cpu, const struct insn *insn, unsigned enable_bit, uint32_t is_wfe)
{
    enum { ISS_CONDITION_ALWAYS = 0x1e << 20 };
    if (!cpu->pstate.el && !(cpu->sys.SCTLR_EL1 >> enable_bit & 1))
        cpu_raise(cpu, insn, EC_WFX, ISS_CONDITION_ALWAYS | is_wfe);
    if (el2_may_trap(cpu) && cpu->sys.HCR_EL2 & (is_wfe ? HCR_TWE : HCR_TWI))
        cpu_raise_el2(cpu, insn, EC_WFX, ISS_CONDITION_ALWAYS | is_wfe);
}

static void wait_for(struct cpu *cpu, enum wait_kind kind)
{
    cpu_set_flag(&cpu->wait, (uint8_t)kind);
    cpu_attention(cpu);
}

EXEC(wfe)
{
    cpu_sync_clock(cpu, insn);
    if (cpu_flag(&cpu->event_register) || timer_stream_event(cpu)) {
        cpu_set_flag(&cpu->event_register, 0);
        return;
    }
    if (cpu_interrupt_ready(cpu))
        return;
    check_wait_trap(cpu, insn, SCTLR_NTWE, 1);
    wait_for(cpu, WAIT_WFE);
    if (!cpu->parallel) /* a parallel CPU never waits for long */
        timer_stream_schedule(cpu);
}

EXEC(wfi)
{
    if (cpu_interrupt_pends(cpu))
        return;
    check_wait_trap(cpu, insn, SCTLR_NTWI, 0);
    wait_for(cpu, WAIT_WFI);
}

EXEC(sev)
{
    cpu_reach_outside(cpu, insn);
    cpu_sync_clock(cpu, insn);
    cpu_lock_machine(cpu);
    for (unsigned i = 0; i < cpu->peer_count; i++)
        cpu_send_event(cpu->peers[i]);
    cpu_unlock_machine(cpu);
}

EXEC(sevl)
{
    cpu_set_flag(&cpu->event_register, 1);
}

EXEC(dgh)
{
}

EXEC(esb)
{
}

EXEC(psb)
{
}

EXEC(tsb)
{
}

EXEC(csdb)
{
}

/* The check is made where the block is entered (debug_check_branch_target). */
EXEC(bti)
{
}

/* Barriers. */

EXEC(clrex)
{
    cpu->exclusive.size = 0;
}

/* Whether the barrier `word` orders stores before loads: CRm names loads (1), stores (2) or all (3, 0) in its low bits,
 * and what there is between loads or between stores the host does by itself. */
static bool orders_all(uint32_t word)
{
    unsigned types = word >> 8 & 3;
    return types == 0 || types == 3;
}

EXEC(dsb)
{
    if (!cpu->parallel)
        return;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    threads_await(cpu);
}

EXEC(ssbb)
{
}

EXEC(pssbb)
{
}

EXEC(dmb)
{
    if (cpu->parallel && orders_all(insn->word))
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* It ends its block, so what follows is fetched anew. */
EXEC(isb)
{
}

EXEC(sb)
{
}

/* PSTATE. */

EXEC(cfinv)
{
    cpu->nzcv.c ^= 1;
}

EXEC(xaflag)
{
    struct nzcv f = cpu->nzcv;
    cpu->nzcv = (struct nzcv){!f.c && !f.z, f.z && f.c, f.c || f.z, !f.c && f.z};
}

EXEC(axflag)
{
    struct nzcv f = cpu->nzcv;
    cpu->nzcv = (struct nzcv){0, f.z || f.v, f.c && !f.v, 0};
}

EXEC(msr_uao)
{
    check_privileged(cpu, insn);
    cpu->pstate.uao = insn->imm & 1;
}

EXEC(msr_pan)
{
    check_privileged(cpu, insn);
    cpu->pstate.pan = insn->imm & 1;
    cpu_state_changed(cpu);
}

EXEC(msr_spsel)
{
    check_privileged(cpu, insn);
    cpu_set_level(cpu, cpu->pstate.el, insn->imm & 1);
}

EXEC(msr_ssbs)
{
    cpu->pstate.ssbs = insn->imm & 1;
}

EXEC(msr_dit)
{
    cpu->pstate.dit = insn->imm & 1;
}

EXEC(msr_daifset)
{
    check_enabled(cpu, insn, SCTLR_UMA);
    cpu->pstate.daif |= insn->imm;
    cpu_state_changed(cpu);
}

EXEC(msr_daifclr)
{
    check_enabled(cpu, insn, SCTLR_UMA);
    cpu->pstate.daif &= (uint8_t)~insn->imm;
    cpu_state_changed(cpu);
}

/* System registers. */

EXEC(mrs)
{
    cpu->x[insn->rd] = sysreg_mrs(cpu, insn);
}

EXEC(msr)
{
    sysreg_msr(cpu, insn, cpu->x[insn->rn]);
}

/* Caches. There are none: a store reaches translated code by itself, and devices see memory at once. What is
 * left of these instructions are their traps and faults; IC ends its block. */

EXEC(ic_all)
{
    check_privileged(cpu, insn);
    el2_trap_system(cpu, insn, HCR_TPU);
}

/* `trap`: of HCR_EL2, TPU for what is about instructions and the point of unification, else TPCP. */
static void maintain_address(struct cpu *cpu, const struct insn *insn, uint64_t trap)
{
    check_enabled(cpu, insn, SCTLR_UCI);
    el2_trap_system(cpu, insn, trap);
    mmu_cache_access(cpu, insn, cpu->x[insn->rn]);
}

EXEC(ic_ivau)
{
    maintain_address(cpu, insn, HCR_TPU);
    if (cpu->user)
        cpu->user->code_changed(cpu->user->context, cpu, cpu->x[insn->rn]);
}

EXEC(dc_ivac)
{
    check_privileged(cpu, insn);
    el2_trap_system(cpu, insn, HCR_TPCP);
    mmu_cache_access(cpu, insn, cpu->x[insn->rn]);
}

EXEC(dc_isw)
{
    check_privileged(cpu, insn);
    el2_trap_system(cpu, insn, HCR_TSW);
}

EXEC(dc_csw)
{
    check_privileged(cpu, insn);
    el2_trap_system(cpu, insn, HCR_TSW);
}

EXEC(dc_cisw)
{
    check_privileged(cpu, insn);
    el2_trap_system(cpu, insn, HCR_TSW);
}

EXEC(dc_zva)
{
    check_enabled(cpu, insn, SCTLR_DZE);
    el2_trap_system(cpu, insn, HCR_TDZ);
    mem_zero_block(cpu, insn, cpu->x[insn->rn]);
}

EXEC(dc_cvac)
{
    maintain_address(cpu, insn, HCR_TPCP);
}

EXEC(dc_cvau)
{
    maintain_address(cpu, insn, HCR_TPU);
}

EXEC(dc_cvap)
{
    maintain_address(cpu, insn, HCR_TPCP);
}

EXEC(dc_cvadp)
{
    maintain_address(cpu, insn, HCR_TPCP);
}

EXEC(dc_civac)
{
    maintain_address(cpu, insn, HCR_TPCP);
}

/* Address translation. */

/* What is translated is the regime of EL1, for EL2 too unless it is the host of VHE. */
static enum cpu_regime regime_of_at(const struct cpu *cpu)
{
    return cpu->pstate.el == 2 && !el2_is_host(cpu) ? REGIME_EL10 : (enum cpu_regime)cpu->regime;
}

static void translate_in(struct cpu *cpu, const struct insn *insn, enum cpu_regime regime, unsigned el, bool pan,
                         bool both)
{
    uint64_t va = cpu->x[insn->rn], par;
    unsigned external;
    struct el1_bank kept;
    bool borrowed = regime != cpu->regime;
    if (borrowed)
        el2_borrow_regime(cpu, regime, &kept);
    par = both ? mmu_address_translate_both(cpu, va, el, insn->opt, &external)
               : mmu_address_translate(cpu, va, el, insn->opt, pan, &external);
    if (borrowed)
        el2_return_regime(cpu, &kept);
    /* Stage 2's faults on the way are for EL2, which has them as an outcome where it asked itself. */
    if (external != FAULT_NONE && !(external & FAULT_STAGE2 && cpu->pstate.el == 2))
        mmu_data_abort(cpu, insn, va, external, false, true);
    cpu->sys.PAR_EL1 = par;
}

static void translate(struct cpu *cpu, const struct insn *insn, unsigned el, bool pan)
{
    check_privileged(cpu, insn);
    translate_in(cpu, insn, regime_of_at(cpu), el, pan, false);
}

static void check_el2(struct cpu *cpu, const struct insn *insn)
{
    if (cpu->pstate.el != 2)
        cpu_undefined(cpu, insn);
}

EXEC(at_s1e2)
{
    check_el2(cpu, insn);
    translate_in(cpu, insn, el2_own_regime(cpu), 2, false, false);
}

EXEC(at_s12e1)
{
    check_el2(cpu, insn);
    translate_in(cpu, insn, regime_of_at(cpu), 1, false, true);
}

EXEC(at_s12e0)
{
    check_el2(cpu, insn);
    translate_in(cpu, insn, regime_of_at(cpu), 0, false, true);
}

EXEC(at_s1e1)
{
    translate(cpu, insn, 1, false);
}

EXEC(at_s1e0)
{
    translate(cpu, insn, 0, false);
}

EXEC(at_s1e1p)
{
    translate(cpu, insn, 1, cpu->pstate.pan);
}

/* TLB maintenance: `opt` says on this CPU alone. The operand is ASID in bits 63:48, address bits 55:12 in
 * 43:0. */

static uint64_t tlbi_address(uint64_t operand)
{
    return operand << 12 & (~0ull >> 8);
}

static uint32_t tlbi_asid(const struct cpu *cpu, uint64_t operand)
{
    bool wide = cpu->sys.TCR_EL1 >> 36 & 1;
    return (uint32_t)(operand >> 48) & (wide ? 0xffff : 0xff);
}

static void tlbi(struct cpu *cpu, const struct insn *insn, struct cpu_request request)
{
    tlb_serve(cpu, &request);
    bool forced = el2_may_trap(cpu) && cpu->sys.HCR_EL2 & HCR_FB;
    if (insn->opt && !forced)
        return;
    if (cpu->parallel) {
        threads_ask_peers(cpu, &request);
        return;
    }
    for (unsigned i = 0; i < cpu->peer_count; i++)
        if (cpu->peers[i] != cpu)
            tlb_serve(cpu->peers[i], &request);
}

static void tlbi_addresses(struct cpu *cpu, const struct insn *insn, uint32_t asid)
{
    tlbi(cpu, insn, (struct cpu_request){REQUEST_FLUSH_VA, asid, tlbi_address(cpu->x[insn->rn]), el2_is_host(cpu)});
}

/* Those of EL1's regime, which is EL2's to the host of VHE. More may go than is asked for: those of other VMIDs. */
static void check_tlbi(struct cpu *cpu, const struct insn *insn)
{
    check_privileged(cpu, insn);
    el2_trap_system(cpu, insn, HCR_TTLB);
}

EXEC(tlbi_all)
{
    check_tlbi(cpu, insn);
    tlbi(cpu, insn, (struct cpu_request){REQUEST_FLUSH_ALL, 0, 0, el2_is_host(cpu)});
}

EXEC(tlbi_asid)
{
    check_tlbi(cpu, insn);
    tlbi(cpu, insn, (struct cpu_request){REQUEST_FLUSH_ASID, tlbi_asid(cpu, cpu->x[insn->rn]), 0, el2_is_host(cpu)});
}

EXEC(tlbi_va)
{
    check_tlbi(cpu, insn);
    tlbi_addresses(cpu, insn, tlbi_asid(cpu, cpu->x[insn->rn]));
}

EXEC(tlbi_vaa)
{
    check_tlbi(cpu, insn);
    tlbi_addresses(cpu, insn, TLB_ANY_ASID);
}

EXEC(tlbi_alle2)
{
    check_el2(cpu, insn);
    tlbi(cpu, insn, (struct cpu_request){REQUEST_FLUSH_ALL, 0, 0, true});
}

EXEC(tlbi_vae2)
{
    check_el2(cpu, insn);
    uint32_t asid = cpu->sys.HCR_EL2 & HCR_E2H ? tlbi_asid(cpu, cpu->x[insn->rn]) : TLB_ANY_ASID;
    tlbi(cpu, insn, (struct cpu_request){REQUEST_FLUSH_VA, asid, tlbi_address(cpu->x[insn->rn]), true});
}

EXEC(tlbi_alle1)
{
    check_el2(cpu, insn);
    tlbi(cpu, insn, (struct cpu_request){REQUEST_FLUSH_ALL, 0, 0, false});
}

EXEC(tlbi_vmalls12e1)
{
    check_el2(cpu, insn);
    tlbi(cpu, insn, (struct cpu_request){REQUEST_FLUSH_ALL, 0, 0, false});
}

/* What both stages come to is kept together, under the address that stage 1 began with: all of it goes. */
EXEC(tlbi_ipas2)
{
    check_el2(cpu, insn);
    tlbi(cpu, insn, (struct cpu_request){REQUEST_FLUSH_ALL, 0, 0, false});
}

HANDLERS(system)
