/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The firmware's calls: Power State Coordination Interface 1.1 (Arm DEN 0022) and what the SMC Calling
 * Convention 1.2 (Arm DEN 0028) asks for beside it. */
#ifndef ARMATURE_PSCI_H
#define ARMATURE_PSCI_H

#include "isa/arm64/cpu.h"

/** What firmware knows of the machine. */
struct psci {
    struct cpu *const *cpus;
    unsigned cpu_count;
    const struct ram *ram; /* where CPU_ON may start a CPU */
    /* SYSTEM_OFF and SYSTEM_RESET, called by `cpu`, which the callee stops. */
    void (*system_off)(void *context, struct cpu *cpu);
    void (*system_reset)(void *context, struct cpu *cpu);
    void *context;
    /* Serves a call by HVC of the vendor's own range; NULL: there are none. */
    void (*vendor)(void *context, struct cpu *cpu);
    void *vendor_context;
};

/** Serves a call as struct cpu.smccc does; `psci` is a struct psci. Arguments are in x0 to x3, the result is
 * in x0. Always true: what is not known is answered with NOT_SUPPORTED. */
bool psci_call(void *psci, struct cpu *cpu, bool is_smc);

#endif
