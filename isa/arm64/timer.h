/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The generic timer of one CPU (Arm ARM D11): the virtual and the physical timer of EL1, and the event
 * stream. CNTVCT_EL0 and CNTPCT_EL0 count virtual time at COUNTER_HZ. */
#ifndef ARMATURE_TIMER_H
#define ARMATURE_TIMER_H

#include "isa/arm64/cpu.h"

/** The last two are EL2's. */
enum timer_kind { TIMER_VIRT, TIMER_PHYS, TIMER_HYP, TIMER_HYP_VIRT, TIMER_KINDS };

void timer_init(struct cpu *cpu);

/** After CNTx_CTL or CNTx_CVAL changed: drives the wire, schedules the next change. The clock must be exact.
 */
void timer_changed(struct cpu *cpu, enum timer_kind kind);

/** The same for all timers. */
void timers_changed(struct cpu *cpu);

/** CNTx_CVAL, and the counter that it is compared with. */
uint64_t *timer_compare(struct cpu *cpu, enum timer_kind kind);
uint64_t timer_counter(const struct cpu *cpu, enum timer_kind kind);

/** CNTx_CTL_EL0 with ISTATUS. */
uint64_t timer_control(const struct cpu *cpu, enum timer_kind kind);

/** Whether the event stream (CNTKCTL_EL1.EVNTEN) had an event since this was last asked. */
bool timer_stream_event(struct cpu *cpu);

/** Schedules the next event of the event stream, for a CPU that waits in WFE. */
void timer_stream_schedule(struct cpu *cpu);

#endif
