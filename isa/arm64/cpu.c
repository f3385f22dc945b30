/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One processor's life: creation, reset, its field list, waiting and waking. */
#include "isa/arm64/cpu.h"
#include <stdlib.h>
#include <string.h>
#include "isa/arm64/el2.h"
#include "isa/arm64/exception.h"
#include "isa/arm64/pmu.h"
#include "isa/arm64/threads.h"
#include "isa/arm64/timer.h"

#define CPUS_PER_CLUSTER 16u /* GICv3 reaches 16 CPUs of an Aff1 by one target list */
#define MPIDR_RES1       (1ull << 31)

#define SYSREG_STORAGE_STORED(name) FIELD(struct sysregs, name),
#define SYSREG_STORAGE_CONSTANT(name)
#define SYSREG_STORAGE_HOOKED(name)
#define SYSREG(name, op0, op1, crn, crm, op2, access, storage, reset, mask, feature)                         \
    SYSREG_STORAGE_##storage(name)
static const struct field sysregs_list[] = {
#include "isa/arm64/sysregs.def"
    FIELDS_END,
};
#undef SYSREG
static const struct fields sysregs_fields = {"sysregs", sizeof(struct sysregs), sysregs_list};

static const struct field pstate_list[] = {
    FIELD(struct pstate, el),   FIELD(struct pstate, spsel), FIELD(struct pstate, daif),
    FIELD(struct pstate, pan),  FIELD(struct pstate, uao),   FIELD(struct pstate, dit),
    FIELD(struct pstate, ssbs), FIELD(struct pstate, tco),   FIELD(struct pstate, btype),
    FIELD(struct pstate, ss),   FIELD(struct pstate, il),    FIELDS_END,
};
static const struct fields pstate_fields = {"pstate", sizeof(struct pstate), pstate_list};

static const struct field nzcv_list[] = {
    FIELD(struct nzcv, n), FIELD(struct nzcv, z), FIELD(struct nzcv, c), FIELD(struct nzcv, v), FIELDS_END,
};
static const struct fields nzcv_fields = {"nzcv", sizeof(struct nzcv), nzcv_list};

static const struct field exclusive_list[] = {
    FIELD(struct exclusive, address),
    FIELD_ARRAY(struct exclusive, value),
    FIELD(struct exclusive, size),
    FIELDS_END,
};
static const struct fields exclusive_fields = {"exclusive", sizeof(struct exclusive), exclusive_list};

static const struct field features_list[] = {
    FIELD(struct features, model),
    FIELD(struct features, present),
    FIELDS_END,
};
static const struct fields features_fields = {"features", sizeof(struct features), features_list};

static const struct field el1_list[] = {
    FIELD(struct el1_bank, sctlr), FIELD(struct el1_bank, tcr),  FIELD(struct el1_bank, ttbr0),
    FIELD(struct el1_bank, ttbr1), FIELD(struct el1_bank, mair), FIELD(struct el1_bank, cpacr),
    FIELDS_END,
};
static const struct fields el1_fields = {"el1_bank", sizeof(struct el1_bank), el1_list};

static const struct field cpu_list[] = {
    FIELD_ARRAY(struct cpu, x),
    FIELD(struct cpu, pc),
    FIELD(struct cpu, icount),
    FIELD(struct cpu, limit),
    FIELD_STRUCT(struct cpu, nzcv, &nzcv_fields),
    FIELD_STRUCT(struct cpu, pstate, &pstate_fields),
    FIELD_BYTES(struct cpu, v),
    FIELD(struct cpu, fpcr),
    FIELD(struct cpu, fpsr),
    FIELD_HOST(struct cpu, fp), /* another name of these two */
    FIELD_HOST(struct cpu, tlb),
    FIELD_HOST(struct cpu, tlb_all),
    FIELD_HOST(struct cpu, tlb_sides),
    FIELD_HOST(struct cpu, side_keys),
    FIELD_ARRAY(struct cpu, sp_banked),
    FIELD_STRUCT(struct cpu, sys, &sysregs_fields),
    FIELD_STRUCT(struct cpu, el1, &el1_fields),
    FIELD(struct cpu, regime),
    FIELD(struct cpu, virtual_irq_pending),
    FIELD(struct cpu, virtual_fiq_pending),
    FIELD_HOST(struct cpu, fault_ipa),
    FIELD_STRUCT(struct cpu, exclusive, &exclusive_fields),
    FIELD(struct cpu, event_register),
    FIELD(struct cpu, wait),
    FIELD(struct cpu, irq_pending),
    FIELD(struct cpu, fiq_pending),
    FIELD(struct cpu, serror_pending),
    FIELD_HOST(struct cpu, stop_requested),
    FIELD(struct cpu, yield_requested),
    FIELD(struct cpu, alone),
    FIELD(struct cpu, step_in_progress),
    FIELD(struct cpu, stepped_exclusive),
    FIELD(struct cpu, unretired),
    FIELD(struct cpu, event_stream_mark),
    FIELD(struct cpu, pmu_icount),
    FIELD(struct cpu, pmu_unretired),
    FIELD(struct cpu, index),
    FIELD(struct cpu, mpidr),
    FIELD_STRUCT(struct cpu, features, &features_fields),
    FIELD_ARRAY(struct cpu, rng_state),
    FIELD_HOST(struct cpu, bus),
    FIELD_HOST(struct cpu, clock),
    FIELD_HOST(struct cpu, icc),
    FIELD_HOST(struct cpu, icc_gic),
    FIELD_HOST(struct cpu, timer_wires),
    FIELD_HOST(struct cpu, pmu_wire),
    FIELD_HOST(struct cpu, virt_timer_event),
    FIELD_HOST(struct cpu, phys_timer_event),
    FIELD_HOST(struct cpu, stream_event),
    FIELD_HOST(struct cpu, pmu_event),
    FIELD_HOST(struct cpu, hyp_timer_event),
    FIELD_HOST(struct cpu, hyp_virt_timer_event),
    FIELD_HOST(struct cpu, peers),
    FIELD_HOST(struct cpu, peer_count),
    FIELD_HOST(struct cpu, self),
    FIELD_HOST(struct cpu, user),
    FIELD_HOST(struct cpu, user_exception),
    FIELD_HOST(struct cpu, parallel),
    FIELD_HOST(struct cpu, threads),
    FIELD_HOST(struct cpu, smccc),
    FIELD_HOST(struct cpu, smccc_context),
    FIELD_HOST(struct cpu, semihost),
    FIELD_HOST(struct cpu, semihost_context),
    FIELD(struct cpu, turn_ns),
    FIELD(struct cpu, turn_icount),
    FIELD(struct cpu, ns_per_insn_q8),
    FIELD_HOST(struct cpu, on_exception),
    FIELD_HOST(struct cpu, confined),
    FIELD_HOST(struct cpu, code_key),
    FIELD_HOST(struct cpu, slots),
    FIELD_HOST(struct cpu, native),
    FIELD_HOST(struct cpu, blocks),
    FIELD_HOST(struct cpu, lookups),
    FIELD_HOST(struct cpu, debug_armed),
    FIELD_HOST(struct cpu, stops),
    FIELD_HOST(struct cpu, asked_pc),
    FIELD_HOST(struct cpu, asked_icount),
    FIELDS_END,
};
const struct fields cpu_fields = {"cpu", sizeof(struct cpu), cpu_list};

static const struct field cpu_event_list[] = {
    FIELD_STRUCT(struct cpu, virt_timer_event, &event_fields),
    FIELD_STRUCT(struct cpu, phys_timer_event, &event_fields),
    FIELD_STRUCT(struct cpu, stream_event, &event_fields),
    FIELD_STRUCT(struct cpu, pmu_event, &event_fields),
    FIELD_STRUCT(struct cpu, hyp_timer_event, &event_fields),
    FIELD_STRUCT(struct cpu, hyp_virt_timer_event, &event_fields),
    FIELDS_END,
};
const struct fields cpu_event_fields = {"cpu_events", sizeof(struct cpu), cpu_event_list};

static uint64_t mpidr_of(unsigned index)
{
    return MPIDR_RES1 | index % CPUS_PER_CLUSTER | (uint64_t)(index / CPUS_PER_CLUSTER) << 8;
}

bool cpu_init(struct cpu *cpu, unsigned index, enum cpu_model model, struct bus *bus, struct clock *clock,
              struct error *error)
{
    cpu->tlb_all = host_map(sizeof *cpu->tlb_all);
    if (!cpu->tlb_all)
        return error_set(error, "no memory for the TLB of CPU %u", index);
    cpu->tlb_sides[0] = cpu->tlb_all;
    cpu->index = index;
    cpu->mpidr = mpidr_of(index);
    cpu->features = features_of(model);
    cpu->bus = bus;
    cpu->clock = clock;
    cpu->self = cpu;
    cpu->peers = &cpu->self;
    cpu->peer_count = 1;
    cpu->ns_per_insn_q8 = 256;
    cpu_seed_rng(cpu, 0);
    timer_init(cpu);
    pmu_init(cpu);
    cpu_reset(cpu);
    return true;
}

bool cpu_add_el2(struct cpu *cpu, struct error *error)
{
    const uint64_t keys_apart = 1ull << 48; /* no key of one side is one of the other's */
    cpu->tlb_sides[1] = host_map(sizeof *cpu->tlb_all);
    if (!cpu->tlb_sides[1])
        return error_set(error, "no memory for the TLB of CPU %u", cpu->index);
    cpu->tlb_sides[1]->spaces.keys_given = keys_apart;
    cpu->features = features_with_el2(cpu->features.model);
    cpu_reset(cpu);
    return true;
}

void cpu_free(struct cpu *cpu)
{
    for (unsigned side = 0; side < 2; side++)
        if (cpu->tlb_sides[side])
            host_unmap(cpu->tlb_sides[side], sizeof *cpu->tlb_all);
    cpu->tlb_all = cpu->tlb_sides[0] = cpu->tlb_sides[1] = NULL;
}

void cpu_seed_rng(struct cpu *cpu, uint64_t seed)
{
    /* Steele and Vigna's splitmix64 spreads the seed, as the generator's authors advise. */
    uint64_t state = seed ^ (uint64_t)cpu->index << 32;
    for (unsigned i = 0; i < 4; i++) {
        uint64_t z = state += 0x9e3779b97f4a7c15ull;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
        z = (z ^ z >> 27) * 0x94d049bb133111ebull;
        cpu->rng_state[i] = z ^ z >> 31;
    }
}

uint64_t cpu_draw_random(struct cpu *cpu)
{
    uint64_t *s = cpu->rng_state, product = s[1] * 5;
    const uint64_t result = (product << 7 | product >> 57) * 9, shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = s[3] << 45 | s[3] >> 19;
    return result;
}

static void reset_sysregs(struct cpu *cpu)
{
#define RESET_STORED(name, value) cpu->sys.name = value;
#define RESET_CONSTANT(name, value)
#define RESET_HOOKED(name, value)
#define SYSREG(name, op0, op1, crn, crm, op2, access, storage, reset, mask, feature)                         \
    RESET_##storage(name, reset)
#include "isa/arm64/sysregs.def"
#undef SYSREG
}

/* EL1's registers are as they are reset, and go by no regime of EL2's yet. */
static void reset_el2(struct cpu *cpu)
{
    cpu->el1 = (struct el1_bank){0};
    cpu->regime = REGIME_EL10;
    cpu->fault_ipa = 0;
    if (!cpu_has_el2(cpu))
        return;
    cpu->el1.cpacr = cpu->sys.CPACR_EL1;
    cpu->sys.VPIDR_EL2 = sysreg_read(cpu, SR_MIDR_EL1);
    cpu->sys.VMPIDR_EL2 = cpu->mpidr;
}

void cpu_reset(struct cpu *cpu)
{
    memset(cpu->x, 0, sizeof cpu->x);
    memset(cpu->v, 0, sizeof cpu->v);
    memset(cpu->sp_banked, 0, sizeof cpu->sp_banked);
    cpu->pc = 0;
    cpu->fpcr = cpu->fpsr = 0;
    cpu->nzcv = (struct nzcv){0};
    cpu->pstate = (struct pstate){.el = cpu_has_el2(cpu) ? 2 : 1, .spsel = 1, .daif = 15};
    cpu->exclusive = (struct exclusive){0};
    cpu->event_register = cpu->serror_pending = cpu->yield_requested = cpu->alone = 0;
    cpu->wait = WAIT_NONE;
    cpu->step_in_progress = cpu->stepped_exclusive = 0;
    cpu->pmu_icount = cpu->icount;
    cpu->pmu_unretired = cpu->unretired;
    reset_sysregs(cpu);
    reset_el2(cpu);
    tlb_flush_all(cpu);
    timers_changed(cpu);
    clock_cancel(cpu->clock, &cpu->stream_event);
    pmu_changed(cpu);
    cpu_state_changed(cpu);
}

void cpu_restored(struct cpu *cpu)
{
    el2_restored(cpu);
    tlb_flush_all(cpu);
    cpu_state_changed(cpu);
}

void cpu_events_restored(struct cpu *cpu)
{
    clock_restore(cpu->clock, &cpu->virt_timer_event);
    clock_restore(cpu->clock, &cpu->phys_timer_event);
    clock_restore(cpu->clock, &cpu->stream_event);
    clock_restore(cpu->clock, &cpu->pmu_event);
    clock_restore(cpu->clock, &cpu->hyp_timer_event);
    clock_restore(cpu->clock, &cpu->hyp_virt_timer_event);
}

bool cpu_state_sane(struct cpu *cpu, unsigned index, const struct features *features)
{
    const unsigned levels = has_feature(features, FEAT_EL2) ? 2 : 1;
    const struct pstate *p = &cpu->pstate;
    const struct nzcv *f = &cpu->nzcv;
    return cpu->index == index && cpu->mpidr == mpidr_of(index) && cpu->features.model == features->model &&
           cpu->features.present == features->present && (f->n | f->z | f->c | f->v) <= 1 && p->el <= levels &&
           cpu->regime == (levels == 2 ? el2_regime_of_state(cpu) : REGIME_EL10) &&
           (cpu->virtual_irq_pending | cpu->virtual_fiq_pending) <= 1 &&
           p->spsel <= 1 && p->daif <= 15 && (p->pan | p->uao | p->dit | p->ssbs | p->tco | p->ss | p->il) <= 1 &&
           p->btype <= 3 && cpu->exclusive.size <= 16 && !(cpu->exclusive.size & (cpu->exclusive.size - 1)) &&
           cpu->wait <= WAIT_HOST &&
           (cpu->event_register | cpu->irq_pending | cpu->fiq_pending | cpu->serror_pending | cpu->yield_requested) <=
               1 &&
           cpu->x[REG_ZERO] == 0 && cpu->ns_per_insn_q8 && cpu->turn_icount <= cpu->icount;
}

void cpu_turn_begins(struct cpu *cpu)
{
    if (pmu_runs(cpu)) {
        pmu_update(cpu, cpu->icount);
        pmu_changed(cpu);
    }
}

/* Waiting. */

bool cpu_wake_ready(const struct cpu *cpu)
{
    switch (cpu_flag(&cpu->wait)) {
    case WAIT_NONE: return true;
    case WAIT_WFI: return cpu_interrupt_pends(cpu);
    case WAIT_WFE: return cpu_flag(&cpu->event_register) || cpu_interrupt_ready(cpu);
    default: return false;
    }
}

void cpu_wake(struct cpu *cpu)
{
    cpu_set_flag(&cpu->wait, WAIT_NONE);
    if (cpu->parallel)
        threads_wake(cpu);
}

/* Ends the wait if it is time. A WFE that ends consumes the event. */
static void wake_if_ready(struct cpu *cpu)
{
    unsigned wait = cpu_flag(&cpu->wait);
    /* What a parallel CPU in WFE masks is its own; WFE may end for no reason. */
    bool ready = (cpu->parallel && wait == WAIT_WFE) || cpu_wake_ready(cpu);
    if (wait == WAIT_NONE || !ready)
        return;
    if (wait == WAIT_WFE) {
        clock_cancel(cpu->clock, &cpu->stream_event);
        cpu_set_flag(&cpu->event_register, 0);
    }
    cpu_wake(cpu);
}

void cpu_set_interrupt(struct cpu *cpu, enum cpu_interrupt which, bool level)
{
    uint8_t *const inputs[] = {
        [CPU_IRQ] = &cpu->irq_pending,
        [CPU_FIQ] = &cpu->fiq_pending,
        [CPU_VIRTUAL_IRQ] = &cpu->virtual_irq_pending,
        [CPU_VIRTUAL_FIQ] = &cpu->virtual_fiq_pending,
    };
    cpu_set_flag(inputs[which], level);
    if (!level)
        return;
    wake_if_ready(cpu);
    /* What a parallel CPU masks at this moment is for itself to say. */
    if (cpu->parallel || cpu_interrupt_ready(cpu))
        cpu_attention(cpu);
}

void cpu_send_event(struct cpu *cpu)
{
    cpu_set_flag(&cpu->event_register, 1);
    wake_if_ready(cpu);
}
