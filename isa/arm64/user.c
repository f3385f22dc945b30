/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A CPU without a kernel in the guest: user.h says what that means. */
#include "isa/arm64/user.h"
#include "isa/arm64/exception.h"
#include "isa/arm64/mmu.h"

#define LEAF_LEVEL 3u

/* SCTLR_EL1: M, SA0, DZE, UCT, nTWI, nTWE, UCI, and the bits that are 1 anyway; alignment is not checked. */
#define SCTLR_USER (1ull | 1ull << 4 | 1ull << 14 | 1ull << 15 | 1ull << 16 | 1ull << 18 | 1ull << 26)
#define SCTLR_KEYS (1ull << 31 | 1ull << 30 | 1ull << 27 | 1ull << 13) /* EnIA, EnIB, EnDA, EnDB */
#define SCTLR_BT0  (1ull << 35)

#define TCR_USER      (16ull | 16ull << 16 | 1ull << 37) /* 48 bits; TBI0: the top byte is the program's own */
#define CPACR_FPEN    (3ull << 20)
#define CNTKCTL_EL0   3ull /* both counters */

void cpu_make_user(struct cpu *cpu, const struct user_space *user)
{
    cpu->user = user;
    cpu->sys.SCTLR_EL1 |= SCTLR_USER;
    if (has_feature(&cpu->features, FEAT_PAuth))
        cpu->sys.SCTLR_EL1 |= SCTLR_KEYS;
    cpu->sys.TCR_EL1 = TCR_USER;
    cpu->sys.CPACR_EL1 |= CPACR_FPEN;
    cpu->sys.CNTKCTL_EL1 |= CNTKCTL_EL0;
    cpu_set_level(cpu, 0, 0);
    cpu->pstate.daif = 0;
    mmu_control_changed(cpu);
    cpu_state_changed(cpu);
}

unsigned user_walk(struct cpu *cpu, uint64_t va, struct translation *out)
{
    va &= ~0ull >> 8;
    const uint32_t flags = va < USER_SPACE_BYTES ? cpu->user->page(cpu->user->context, va) : USER_PAGE_NONE;
    if (flags == USER_PAGE_NONE)
        return FAULT_TRANSLATION + LEAF_LEVEL;
    if (flags == USER_PAGE_BUS)
        return FAULT_EXTERNAL;
    *out = (struct translation){
        .physical = va,
        .descriptor = va,
        .flags = flags | LEAF_LEVEL << LEVEL_SHIFT,
        .size_bits = PAGE_BITS,
        .shareability = 3,
        .global = true,
    };
    return FAULT_NONE;
}
