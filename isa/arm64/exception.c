/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Taking exceptions and returning from them (Arm ARM D1.3, AArch64.TakeException, AArch64.ExceptionReturn).
 *
 * Where there is EL2, el2.h says what goes there; all else is taken to EL1. What depends on the target level is in
 * `levels`. */
#include "isa/arm64/exception.h"
#include <assert.h>
#include "isa/arm64/debug.h"
#include "isa/arm64/el2.h"
#include "isa/arm64/mmu.h"
#include "isa/arm64/pmu.h"
#include "isa/arm64/stops.h"

/* SPSR_ELx (C5.2.18). */
#define SPSR_SP          (1u << 0)
#define SPSR_EL          (3u << 2)
#define SPSR_AARCH32     (1u << 4)
#define SPSR_DAIF_SHIFT  6
#define SPSR_BTYPE_SHIFT 10
#define SPSR_SSBS        (1u << 12)
#define SPSR_IL          (1u << 20)
#define SPSR_SS          (1u << 21)
#define SPSR_PAN         (1u << 22)
#define SPSR_UAO         (1u << 23)
#define SPSR_DIT         (1u << 24)

#define ESR_IL      (1u << 25)
#define SCTLR_SPAN  (1ull << 23)
#define SCTLR_DSSBS (1ull << 44)

/* Vectors: sets by where the exception comes from, 0x80 for each kind within. */
enum vector_set { VECTOR_SAME_SP0 = 0x000, VECTOR_SAME_SPX = 0x200, VECTOR_LOWER = 0x400 };
enum vector_kind { VECTOR_SYNC = 0x000, VECTOR_IRQ = 0x080, VECTOR_FIQ = 0x100, VECTOR_SERROR = 0x180 };

/* The registers of each level that takes exceptions: offsets in struct sysregs. */
struct level {
    bool present;
    size_t spsr, elr, esr, far, vbar, sctlr;
};

#define LEVEL(n)                                                                                             \
    {                                                                                                        \
        true, offsetof(struct sysregs, SPSR_EL##n), offsetof(struct sysregs, ELR_EL##n),                     \
            offsetof(struct sysregs, ESR_EL##n), offsetof(struct sysregs, FAR_EL##n),                        \
            offsetof(struct sysregs, VBAR_EL##n), offsetof(struct sysregs, SCTLR_EL##n)                      \
    }
static const struct level levels[4] = {[1] = LEVEL(1), [2] = LEVEL(2)};

static uint64_t *level_register(struct cpu *cpu, size_t offset)
{
    return (uint64_t *)((char *)&cpu->sys + offset);
}

uint32_t pstate_to_spsr(const struct cpu *cpu)
{
    const struct pstate *p = &cpu->pstate;
    return nzcv_pack(cpu->nzcv) | (p->dit ? SPSR_DIT : 0) | (p->uao ? SPSR_UAO : 0) |
           (p->pan ? SPSR_PAN : 0) | (p->ss ? SPSR_SS : 0) | (p->il ? SPSR_IL : 0) |
           (p->ssbs ? SPSR_SSBS : 0) | (uint32_t)p->btype << SPSR_BTYPE_SHIFT |
           (uint32_t)p->daif << SPSR_DAIF_SHIFT | (uint32_t)p->el << 2 | p->spsel;
}

/* The stack pointers: x[REG_SP] is the selected one, sp_banked the others. */

static unsigned sp_bank(const struct cpu *cpu)
{
    return cpu->pstate.spsel ? cpu->pstate.el : 0;
}

void cpu_set_level(struct cpu *cpu, unsigned el, unsigned spsel)
{
    unsigned old = sp_bank(cpu);
    cpu->pstate.el = (uint8_t)el;
    cpu->pstate.spsel = (uint8_t)spsel;
    unsigned new = sp_bank(cpu);
    if (new != old) {
        cpu->sp_banked[old] = cpu->x[REG_SP];
        cpu->x[REG_SP] = cpu->sp_banked[new];
    }
}

/* There is nobody at EL1 (user.h): the engine's caller sees to it. */
static void leave_user(struct cpu *cpu, uint64_t return_address, uint32_t esr, uint64_t far)
{
    cpu->user_exception = (struct user_exception){true, esr, far};
    cpu->pc = return_address;
    cpu->exclusive.size = 0;
    cpu->alone = 0;
    cpu_set_flag(&cpu->stop_requested, true);
    cpu_attention(cpu);
}

/* Enters the exception at the target level: banks, SPSR, ELR, ESR, vector. */
static void enter(struct cpu *cpu, unsigned target_el, unsigned vector_offset, uint64_t return_address,
                  bool has_syndrome, uint32_t esr, bool has_far, uint64_t far)
{
    const struct level *level = &levels[target_el];
    assert(level->present);
    if (cpu->user) {
        leave_user(cpu, return_address, esr, far);
        return;
    }
    struct pstate *p = &cpu->pstate;
    pmu_update(cpu, cpu->icount);
    unsigned set = p->el < target_el ? VECTOR_LOWER : p->spsel ? VECTOR_SAME_SPX : VECTOR_SAME_SP0;
    *level_register(cpu, level->spsr) = pstate_to_spsr(cpu);
    *level_register(cpu, level->elr) = return_address;
    if (has_syndrome)
        *level_register(cpu, level->esr) = esr;
    if (has_far)
        *level_register(cpu, level->far) = far;

    /* SCTLR_EL1 may be in use for another regime (el2.h). */
    bool banked = target_el == 1 && cpu->regime != REGIME_EL10;
    uint64_t sctlr = banked ? cpu->el1.sctlr : *level_register(cpu, level->sctlr);
    cpu_set_level(cpu, target_el, 1);
    p->daif = 15;
    p->ss = p->il = p->btype = p->uao = 0;
    if (has_feature(&cpu->features, FEAT_PAN) && !(sctlr & SCTLR_SPAN) && (target_el == 1 || el2_is_host(cpu)))
        p->pan = 1;
    if (has_feature(&cpu->features, FEAT_SSBS))
        p->ssbs = (sctlr & SCTLR_DSSBS) != 0;
    cpu->step_in_progress = 0;
    cpu->alone = 0;
    cpu->pc = (*level_register(cpu, level->vbar) & ~0x7ffull) + set + vector_offset;
    cpu_state_changed(cpu);
    if (cpu->stops && cpu->stops->excepted)
        cpu->stops->excepted(cpu->stops->context, cpu, vector_offset);
}

/* Synchronous exceptions. */

/* Classes that have another number when they come from a lower level. */
static uint32_t class_from(const struct cpu *cpu, enum exception_class ec, unsigned target_el)
{
    if (cpu->pstate.el >= target_el)
        return ec;
    switch (ec) {
    case EC_INSN_ABORT: return EC_INSN_ABORT_LOWER;
    case EC_DATA_ABORT: return EC_DATA_ABORT_LOWER;
    case EC_BREAKPOINT: return EC_BREAKPOINT_LOWER;
    case EC_STEP: return EC_STEP_LOWER;
    case EC_WATCHPOINT: return EC_WATCHPOINT_LOWER;
    default: return ec;
    }
}

static bool is_debug_exception(enum exception_class ec)
{
    return ec == EC_BREAKPOINT || ec == EC_STEP || ec == EC_WATCHPOINT || ec == EC_BRK;
}

/* To where nobody has asked for another level. */
static unsigned target_of(const struct cpu *cpu, enum exception_class ec)
{
    if (is_debug_exception(ec) && cpu_has_el2(cpu) && cpu->sys.MDCR_EL2 & MDCR_TDE)
        return 2;
    return el2_default_target(cpu);
}

static void take_sync(struct cpu *cpu, unsigned target_el, enum exception_class ec, uint32_t iss, bool has_far,
                      uint64_t far)
{
    uint32_t esr = class_from(cpu, ec, target_el) << 26 | ESR_IL | iss;
    enter(cpu, target_el, VECTOR_SYNC, cpu->pc, true, esr, has_far, far);
}

static _Noreturn void raise_sync(struct cpu *cpu, unsigned target_el, enum exception_class ec, uint32_t iss,
                                 bool has_far, uint64_t far)
{
    take_sync(cpu, target_el, ec, iss, has_far, far);
    _longjmp(*cpu->on_exception, 1);
}

/* `insn` ends in an exception: it does not retire, but its time has passed. */
static void abandon(struct cpu *cpu, const struct insn *insn)
{
    cpu->pc = insn_pc(cpu, insn);
    cpu->icount = insn_icount(cpu, insn) + 1;
    cpu->unretired++;
}

void cpu_raise(struct cpu *cpu, const struct insn *insn, enum exception_class ec, uint32_t iss)
{
    abandon(cpu, insn);
    raise_sync(cpu, target_of(cpu, ec), ec, iss, false, 0);
}

void cpu_raise_el2(struct cpu *cpu, const struct insn *insn, enum exception_class ec, uint32_t iss)
{
    abandon(cpu, insn);
    raise_sync(cpu, 2, ec, iss, false, 0);
}

void cpu_raise_el2_far(struct cpu *cpu, const struct insn *insn, enum exception_class ec, uint32_t iss, uint64_t far)
{
    abandon(cpu, insn);
    raise_sync(cpu, 2, ec, iss, true, far);
}

void cpu_raise_far(struct cpu *cpu, const struct insn *insn, enum exception_class ec, uint32_t iss,
                   uint64_t far)
{
    abandon(cpu, insn);
    raise_sync(cpu, target_of(cpu, ec), ec, iss, true, far);
}

static void take_after(struct cpu *cpu, const struct insn *insn, unsigned target_el, enum exception_class ec,
                       uint32_t iss)
{
    cpu->pc = insn_pc(cpu, insn) + 4;
    cpu->icount = insn_icount(cpu, insn) + 1;
    if (cpu->step_in_progress)
        cpu->pstate.ss = 0;
    take_sync(cpu, target_el, ec, iss, false, 0);
}

void cpu_take_after(struct cpu *cpu, const struct insn *insn, enum exception_class ec, uint32_t iss)
{
    take_after(cpu, insn, target_of(cpu, ec), ec, iss);
}

void cpu_take_after_to_el2(struct cpu *cpu, const struct insn *insn, enum exception_class ec, uint32_t iss)
{
    take_after(cpu, insn, 2, ec, iss);
}

void cpu_raise_here(struct cpu *cpu, enum exception_class ec, uint32_t iss, bool has_far, uint64_t far)
{
    cpu->icount++;
    cpu->unretired++;
    raise_sync(cpu, target_of(cpu, ec), ec, iss, has_far, far);
}

void cpu_raise_here_to_el2(struct cpu *cpu, enum exception_class ec, uint32_t iss, uint64_t far)
{
    cpu->icount++;
    cpu->unretired++;
    raise_sync(cpu, 2, ec, iss, true, far);
}

void cpu_restart_alone(struct cpu *cpu, const struct insn *insn)
{
    cpu->pc = insn_pc(cpu, insn);
    cpu->icount = insn_icount(cpu, insn);
    cpu->alone = 1;
    if (cpu->confined)
        cpu_attention(cpu);
    _longjmp(*cpu->on_exception, 1);
}

void cpu_undefined(struct cpu *cpu, const struct insn *insn)
{
    cpu_raise(cpu, insn, EC_UNKNOWN, 0);
}

void cpu_fp_trap(struct cpu *cpu, const struct insn *insn)
{
    const uint32_t always = 1u << 24 | 0xeu << 20; /* ISS: COND, as A64 has it */
    unsigned fpen = cpu->el1.cpacr >> 20 & 3;
    bool el1_allows = fpen == 3 || (fpen == 1 && cpu->pstate.el);
    if (cpu_has_el2(cpu) && cpu->regime == REGIME_EL10 && el1_allows && el2_traps_fp(cpu))
        cpu_raise_el2(cpu, insn, EC_FP_ACCESS, always);
    cpu_raise(cpu, insn, EC_FP_ACCESS, always);
}

void cpu_sp_fault(struct cpu *cpu, const struct insn *insn)
{
    unsigned enable = cpu->pstate.el ? 3 : 4; /* SCTLR_EL1.SA, SA0 */
    if (cpu->sys.SCTLR_EL1 >> enable & 1)
        cpu_raise(cpu, insn, EC_SP_ALIGNMENT, 0);
}

/* Interrupts. */

bool cpu_interrupt_ready(const struct cpu *cpu)
{
    unsigned daif = cpu->pstate.daif, target;
    if (cpu_has_el2(cpu))
        return el2_interrupt_due(cpu, &target) != EL2_NONE;
    return (cpu_flag(&cpu->irq_pending) && !(daif & 2)) || (cpu_flag(&cpu->fiq_pending) && !(daif & 1)) ||
           (cpu->serror_pending && !(daif & 4));
}

bool cpu_interrupt_pends(const struct cpu *cpu)
{
    if (cpu_has_el2(cpu))
        return el2_interrupt_pends(cpu);
    return cpu_flag(&cpu->irq_pending) || cpu_flag(&cpu->fiq_pending) || cpu->serror_pending;
}

static void take_interrupt_of_el2(struct cpu *cpu)
{
    unsigned target;
    enum el2_interrupt due = el2_interrupt_due(cpu, &target);
    switch (due) {
    case EL2_NONE: return;
    case EL2_SERROR:
    case EL2_VIRTUAL_SERROR:
        if (due == EL2_SERROR)
            cpu->serror_pending = 0;
        else
            cpu->sys.HCR_EL2 &= ~HCR_VSE;
        enter(cpu, target, VECTOR_SERROR, cpu->pc, true, (uint32_t)EC_SERROR << 26 | ESR_IL, false, 0);
        return;
    case EL2_FIQ:
    case EL2_VIRTUAL_FIQ: enter(cpu, target, VECTOR_FIQ, cpu->pc, false, 0, false, 0); return;
    default: enter(cpu, target, VECTOR_IRQ, cpu->pc, false, 0, false, 0);
    }
}

void cpu_take_interrupt(struct cpu *cpu)
{
    unsigned daif = cpu->pstate.daif;
    if (cpu_has_el2(cpu)) {
        take_interrupt_of_el2(cpu);
        return;
    }
    if (cpu->serror_pending && !(daif & 4)) {
        cpu->serror_pending = 0;
        enter(cpu, 1, VECTOR_SERROR, cpu->pc, true, (uint32_t)EC_SERROR << 26 | ESR_IL, false, 0);
    } else if (cpu_flag(&cpu->fiq_pending) && !(daif & 1)) {
        enter(cpu, 1, VECTOR_FIQ, cpu->pc, false, 0, false, 0);
    } else {
        enter(cpu, 1, VECTOR_IRQ, cpu->pc, false, 0, false, 0);
    }
}

/* Returning. */

static bool illegal_return(const struct cpu *cpu, uint64_t spsr)
{
    unsigned el = spsr >> 2 & 3;
    bool no_el1 = el == 1 && cpu->pstate.el == 2 && cpu->sys.HCR_EL2 & HCR_TGE;
    return spsr & SPSR_AARCH32 || spsr & 2 || el > cpu->pstate.el || (el && !levels[el].present) ||
           (!el && spsr & SPSR_SP) || no_el1;
}

void exception_return(struct cpu *cpu, const struct insn *insn)
{
    const struct level *level = &levels[cpu->pstate.el];
    exception_return_to(cpu, insn, *level_register(cpu, level->elr));
}

void exception_return_to(struct cpu *cpu, const struct insn *insn, uint64_t address)
{
    struct pstate *p = &cpu->pstate;
    uint64_t spsr = *level_register(cpu, levels[p->el].spsr);
    const struct features *features = &cpu->features;
    bool illegal = illegal_return(cpu, spsr);
    pmu_update(cpu, cpu->icount);

    p->ss = spsr & SPSR_SS && debug_return_steps(cpu, spsr, illegal);
    if (illegal) {
        p->il = 1;
    } else {
        p->il = (spsr & SPSR_IL) != 0;
        cpu_set_level(cpu, spsr >> 2 & 3, spsr & SPSR_SP);
        p->ssbs = has_feature(features, FEAT_SSBS) && spsr & SPSR_SSBS;
        p->btype = has_feature(features, FEAT_BTI) ? spsr >> SPSR_BTYPE_SHIFT & 3 : 0;
        p->uao = has_feature(features, FEAT_UAO) && spsr & SPSR_UAO;
        p->dit = has_feature(features, FEAT_DIT) && spsr & SPSR_DIT;
    }
    cpu->nzcv = nzcv_unpack((uint32_t)spsr);
    p->pan = has_feature(features, FEAT_PAN) && spsr & SPSR_PAN;
    p->daif = spsr >> SPSR_DAIF_SHIFT & 15;
    cpu->step_in_progress = 0;
    cpu->exclusive.size = 0;
    cpu_set_flag(&cpu->event_register, 1);
    cpu->pc = address;
    cpu_state_changed(cpu);
    if (cpu->stops && cpu->stops->returned)
        cpu->stops->returned(cpu->stops->context, cpu);
}

void cpu_state_changed(struct cpu *cpu)
{
    if (cpu_has_el2(cpu))
        el2_state_changed(cpu);
    struct tlb_entry *table = tlb_table(cpu->tlb_all, mmu_regime(cpu, cpu->pstate.el));
    if (table != cpu->tlb)
        tlb_empty_slots(cpu);
    cpu->tlb = table;
    for (unsigned half = 0; half < 2; half++)
        cpu->code_key[half] = (cpu->code_key[half] & ~CODE_KEY_EL0) | (cpu->pstate.el ? 0 : CODE_KEY_EL0);
    debug_state_changed(cpu);
    if (pmu_runs(cpu))
        pmu_changed(cpu);
    if (cpu_interrupt_ready(cpu) || cpu->debug_armed)
        cpu_attention(cpu);
}
