/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The firmware's calls, in a table by function number: PSCI 1.1 and the SMC Calling Convention's own. */
#include "machine/psci.h"
#include <stddef.h>
#include "isa/arm64/threads.h"

/* PSCI return codes (DEN 0022, 5.2.2). */
enum {
    PSCI_SUCCESS = 0,
    PSCI_NOT_SUPPORTED = -1,
    PSCI_INVALID_PARAMETERS = -2,
    PSCI_ALREADY_ON = -4,
    PSCI_INVALID_ADDRESS = -9,
};

/* A function identifier (DEN 0028, 2.5): bit 30 says that the arguments are of 64 bits. */
#define SMC64             0x40000000u
#define PSCI_BASE         0x84000000u
#define VENDOR_BASE       0x86000000u /* vendor specific hypervisor services, fast calls (DEN 0028, 6.1) */
#define VENDOR_MASK       (0xff000000u & ~SMC64)
#define SMCCC_VERSION_1_2 0x10002
#define PSCI_VERSION_1_1  0x10001

#define MPIDR_AFFINITY  0xff00ffffffull
#define AFFINITY_ON     0
#define AFFINITY_OFF    1
#define TOS_NOT_PRESENT 2 /* MIGRATE_INFO_TYPE: no trusted OS that would need migration */

struct call {
    uint32_t function; /* without SMC64 */
    bool has_smc64;    /* exists in a 64-bit form as well */
    int64_t (*serve)(struct psci *psci, struct cpu *cpu, const uint64_t *arguments);
};

static const struct call *find_call(uint32_t function);

static struct cpu *cpu_of(const struct psci *psci, uint64_t mpidr)
{
    for (unsigned i = 0; i < psci->cpu_count; i++)
        if ((psci->cpus[i]->mpidr & MPIDR_AFFINITY) == mpidr)
            return psci->cpus[i];
    return NULL;
}

static int64_t psci_version(struct psci *psci, struct cpu *cpu, const uint64_t *arguments)
{
    return PSCI_VERSION_1_1;
}

/* Standby and power-down states alike wait as WFI does: a power-down request may be served by any shallower
 * state (5.4.2), and then returns to the caller. */
static int64_t cpu_suspend(struct psci *psci, struct cpu *cpu, const uint64_t *arguments)
{
    const uint64_t state_type = 1u << 16, state_bits = 0xffff | state_type | 3u << 24;
    if (arguments[0] & ~state_bits)
        return PSCI_INVALID_PARAMETERS;
    if ((arguments[0] & state_type) && !ram_at(psci->ram, arguments[1], 4))
        return PSCI_INVALID_ADDRESS;
    if (!cpu_wake_ready(cpu)) {
        cpu_set_flag(&cpu->wait, WAIT_WFI);
        cpu_attention(cpu);
    }
    return PSCI_SUCCESS;
}

static int64_t cpu_off(struct psci *psci, struct cpu *cpu, const uint64_t *arguments)
{
    cpu_set_flag(&cpu->wait, WAIT_POWERED_OFF);
    cpu_attention(cpu);
    return PSCI_SUCCESS; /* seen by nobody */
}

static int64_t cpu_on(struct psci *psci, struct cpu *cpu, const uint64_t *arguments)
{
    struct cpu *target = cpu_of(psci, arguments[0]);
    if (!target)
        return PSCI_INVALID_PARAMETERS;
    if (cpu_flag(&target->wait) != WAIT_POWERED_OFF)
        return PSCI_ALREADY_ON;
    if (arguments[1] % 4 || !ram_at(psci->ram, arguments[1], 4))
        return PSCI_INVALID_ADDRESS;
    if (target->parallel)
        threads_await_left(target); /* it is on its way out after CPU_OFF */
    cpu_reset(target);
    target->pc = arguments[1];
    target->x[0] = arguments[2];
    cpu_wake(target);
    return PSCI_SUCCESS;
}

static int64_t affinity_info(struct psci *psci, struct cpu *cpu, const uint64_t *arguments)
{
    /* By lowest affinity level: the fields of MPIDR that name the group. */
    static const uint64_t group[] = {0xff00ffffffull, 0xff00ffff00ull, 0xff00ff0000ull, 0xff00000000ull};
    bool found = false, on = false;
    if (arguments[1] >= sizeof group / sizeof group[0])
        return PSCI_INVALID_PARAMETERS;
    for (unsigned i = 0; i < psci->cpu_count; i++) {
        const struct cpu *other = psci->cpus[i];
        if ((other->mpidr & group[arguments[1]]) == (arguments[0] & group[arguments[1]]) &&
            !(arguments[0] & ~MPIDR_AFFINITY)) {
            found = true;
            on = on || cpu_flag(&other->wait) != WAIT_POWERED_OFF;
        }
    }
    return !found ? PSCI_INVALID_PARAMETERS : on ? AFFINITY_ON : AFFINITY_OFF;
}

static int64_t migrate_info_type(struct psci *psci, struct cpu *cpu, const uint64_t *arguments)
{
    return TOS_NOT_PRESENT;
}

static int64_t system_off(struct psci *psci, struct cpu *cpu, const uint64_t *arguments)
{
    psci->system_off(psci->context, cpu);
    return PSCI_SUCCESS;
}

static int64_t system_reset(struct psci *psci, struct cpu *cpu, const uint64_t *arguments)
{
    psci->system_reset(psci->context, cpu);
    return PSCI_SUCCESS;
}

/* Only the architectural warm reset (type 0, cookie ignored) exists; it may be served by a cold one (5.15).
 */
static int64_t system_reset2(struct psci *psci, struct cpu *cpu, const uint64_t *arguments)
{
    if ((uint32_t)arguments[0] != 0)
        return PSCI_INVALID_PARAMETERS;
    psci->system_reset(psci->context, cpu);
    return PSCI_SUCCESS;
}

/* CPU_SUSPEND's flags say: original format of the power state, no OS-initiated mode. */
static int64_t psci_features(struct psci *psci, struct cpu *cpu, const uint64_t *arguments)
{
    const struct call *call = find_call((uint32_t)arguments[0]);
    return call ? PSCI_SUCCESS : PSCI_NOT_SUPPORTED;
}

static int64_t set_suspend_mode(struct psci *psci, struct cpu *cpu, const uint64_t *arguments)
{
    switch (arguments[0]) {
    case 0: return PSCI_SUCCESS; /* platform-coordinated, as it is */
    case 1: return PSCI_NOT_SUPPORTED;
    default: return PSCI_INVALID_PARAMETERS;
    }
}

static int64_t smccc_version(struct psci *psci, struct cpu *cpu, const uint64_t *arguments)
{
    return SMCCC_VERSION_1_2;
}

/* For a workaround call 1 means: this processor does not need it (DEN 0028, 7.5 on). */
static int64_t smccc_arch_features(struct psci *psci, struct cpu *cpu, const uint64_t *arguments)
{
    switch ((uint32_t)arguments[0]) {
    case 0x80000000:           /* SMCCC_VERSION */
    case 0x80000001: return 0; /* SMCCC_ARCH_FEATURES */
    case 0x80003fff:           /* SMCCC_ARCH_WORKAROUND_3 */
    case 0x80007fff:           /* SMCCC_ARCH_WORKAROUND_2 */
    case 0x80008000: return 1; /* SMCCC_ARCH_WORKAROUND_1 */
    default: return PSCI_NOT_SUPPORTED;
    }
}

static int64_t smccc_workaround(struct psci *psci, struct cpu *cpu, const uint64_t *arguments)
{
    return 0;
}

static const struct call calls[] = {
    {0x80000000, false, smccc_version},
    {0x80000001, false, smccc_arch_features},
    {0x80003fff, false, smccc_workaround},
    {0x80007fff, false, smccc_workaround},
    {0x80008000, false, smccc_workaround},
    {PSCI_BASE + 0x00, false, psci_version},
    {PSCI_BASE + 0x01, true, cpu_suspend},
    {PSCI_BASE + 0x02, false, cpu_off},
    {PSCI_BASE + 0x03, true, cpu_on},
    {PSCI_BASE + 0x04, true, affinity_info},
    {PSCI_BASE + 0x06, false, migrate_info_type},
    {PSCI_BASE + 0x08, false, system_off},
    {PSCI_BASE + 0x09, false, system_reset},
    {PSCI_BASE + 0x0a, false, psci_features},
    {PSCI_BASE + 0x0f, false, set_suspend_mode},
    {PSCI_BASE + 0x12, true, system_reset2},
};

static const struct call *find_call(uint32_t function)
{
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        if (calls[i].function == (function & ~SMC64) && (!(function & SMC64) || calls[i].has_smc64))
            return &calls[i];
    return NULL;
}

bool psci_call(void *psci, struct cpu *cpu, bool is_smc)
{
    uint32_t function = (uint32_t)cpu->x[0];
    const struct psci *firmware = psci;
    if (firmware->vendor && !is_smc && (function & VENDOR_MASK) == VENDOR_BASE) {
        firmware->vendor(firmware->vendor_context, cpu);
        return true;
    }
    const struct call *call = find_call(function);
    uint64_t arguments[3];
    for (unsigned i = 0; i < 3; i++)
        arguments[i] = function & SMC64 ? cpu->x[1 + i] : (uint32_t)cpu->x[1 + i];
    int64_t result = call ? call->serve(psci, cpu, arguments) : PSCI_NOT_SUPPORTED;
    cpu->x[0] = (uint64_t)result;
    return true;
}
