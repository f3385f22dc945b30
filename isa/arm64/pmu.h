/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The performance monitors (PMUv3, Arm ARM D13): a cycle counter and six event counters. A cycle is an
 * instruction. */
#ifndef ARMATURE_PMU_H
#define ARMATURE_PMU_H

#include "isa/arm64/cpu.h"

#define PMU_COUNTERS      6u
#define PMU_CYCLE_COUNTER 31u

void pmu_init(struct cpu *cpu);

/** Whether any counter runs: then pmu_update must be called before the level changes. */
static inline bool pmu_runs(const struct cpu *cpu)
{
    return cpu->sys.PMCR_EL0 & 1 && cpu->sys.PMCNTENSET_EL0;
}

void pmu_bring_up_to_date(struct cpu *cpu, uint64_t icount);

/** Counts what retired since the last call, up to `icount`, at the level in PSTATE. Called before whatever
 * the counters depend on changes (level, registers), and before they are read. */
static inline void pmu_update(struct cpu *cpu, uint64_t icount)
{
    if (__builtin_expect(pmu_runs(cpu), 0)) {
        pmu_bring_up_to_date(cpu, icount);
        return;
    }
    cpu->pmu_icount = icount;
    cpu->pmu_unretired = cpu->unretired;
}

/** After a change of the PMU's registers or of the level: drives the interrupt, schedules the next overflow.
 */
void pmu_changed(struct cpu *cpu);

/** Software increment of the counters in `mask`. */
void pmu_software_increment(struct cpu *cpu, uint64_t mask);

/** PMCEID0_EL0, PMCEID1_EL0: the events implemented. */
uint64_t pmu_common_events(unsigned half);

#endif
