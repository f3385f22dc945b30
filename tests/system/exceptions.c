/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Synchronous exceptions: class, syndrome, return address, saved PSTATE, from EL1 and from EL0. (QEMU 7.2 has no SP
 * alignment checks, and fails those two expectations.) */
#include "guest.h"

USER static uint64_t user_svc(uint64_t argument)
{
    asm volatile("svc #0x1234");
    return argument + 1;
}

USER static uint64_t user_undefined(uint64_t argument)
{
    asm volatile("udf #7");
    return argument;
}

USER static uint64_t user_privileged(uint64_t argument)
{
    asm volatile("mrs x1, sctlr_el1" ::: "x1");
    return argument;
}

USER static uint64_t user_daif(uint64_t argument)
{
    asm volatile("msr daifset, #2");
    return argument;
}

USER static uint64_t user_sp_alignment(uint64_t argument)
{
    asm volatile("mov x9, sp; add sp, sp, #8; ldr x1, [sp]; mov sp, x9" ::: "x1", "x9");
    return argument;
}

USER static uint64_t user_fp(uint64_t argument)
{
    asm volatile(".arch_extension fp\n fmov d0, xzr");
    return argument;
}

USER static uint64_t user_wfi(uint64_t argument)
{
    asm volatile("wfi");
    return argument;
}

USER static uint64_t user_ctr(uint64_t argument)
{
    asm volatile("mrs x1, ctr_el0" ::: "x1");
    return argument;
}

static void from_el1(void)
{
    trap_clear();
    asm volatile("svc #0x55aa");
    EXPECT_EQ(trap.count, 1);
    EXPECT_EQ(trap.vector, 4);
    EXPECT_EQ(trap.esr, 0x15ull << 26 | 1 << 25 | 0x55aa);
    EXPECT_EQ(trap.spsr & 0xf, 5);

    trap_clear();
    asm volatile("brk #0x77");
    EXPECT_EQ(trap.esr, 0x3cull << 26 | 1 << 25 | 0x77);

    uint64_t here;
    trap_clear();
    asm volatile("adr %0, 1f\n1: udf #0" : "=r"(here));
    EXPECT_EQ(trap.esr, 1u << 25);
    EXPECT_EQ(trap.elr, here);

    /* A register that does not exist. */
    trap_clear();
    asm volatile("mrs x1, s3_0_c0_c15_7" ::: "x1");
    trap_clear();
    asm volatile("mrs x1, s3_0_c11_c0_0" ::: "x1");
    EXPECT_EQ(trap.esr, 1u << 25);

    /* A branch to an address that is no multiple of 4 returns through x30. */
    trap_clear();
    asm volatile("adr x1, 2f; adr x30, 2f; add x1, x1, #2; br x1; 2:" ::: "x1", "x30");
    EXPECT_EQ(TRAP_EC(), 0x22);
    EXPECT_EQ(trap.far, trap.elr);
    EXPECT_EQ(trap.elr & 3, 2);

    /* The stack pointer must be a multiple of 16 for an access through it. */
    MSR(sctlr_el1, MRS(sctlr_el1) | 1 << 3);
    ISB();
    uint64_t probe[4] __attribute__((aligned(16)));
    trap_clear();
    asm volatile("msr spsel, #0; add x9, %0, #8; mov sp, x9; ldr x1, [sp]; msr spsel, #1" ::"r"(probe)
                 : "x1", "x9", "memory");
    EXPECT_EQ(TRAP_EC(), 0x26);
    EXPECT_EQ(trap.vector, 0); /* from SP_EL0 */

    /* FP access trapped by CPACR_EL1. */
    MSR(cpacr_el1, 0);
    ISB();
    trap_clear();
    asm volatile(".arch_extension fp\n fmov d0, xzr");
    EXPECT_EQ(trap.esr, 0x07ull << 26 | 1 << 25 | 1 << 24 | 0xe << 20);
    MSR(cpacr_el1, 3 << 20);
    ISB();
}

static void from_el0(void)
{
    trap_clear();
    EXPECT_EQ(el0_call(user_svc, 41, 0), 42);
    EXPECT_EQ(trap.count, 1);
    EXPECT_EQ(trap.vector, 8);
    EXPECT_EQ(trap.esr, 0x15ull << 26 | 1 << 25 | 0x1234);

    /* The flags are in SPSR. */
    trap_clear();
    el0_call(user_svc, 0, 0xa0000000);
    EXPECT_EQ(trap.spsr & 0xf0000000, 0xa0000000);

    trap_clear();
    el0_call(user_undefined, 0, 0);
    EXPECT_EQ(trap.esr, 1u << 25);
    trap_clear();
    el0_call(user_privileged, 0, 0);
    EXPECT_EQ(TRAP_EC(), 0);

    /* DAIF from EL0: UMA decides. */
    MSR(sctlr_el1, MRS(sctlr_el1) & ~(1ull << 9));
    trap_clear();
    el0_call(user_daif, 0, 0);
    EXPECT_EQ(trap.count, 1);
    EXPECT_EQ(TRAP_EC(), 0x18);
    MSR(sctlr_el1, MRS(sctlr_el1) | 1 << 9);
    trap_clear();
    el0_call(user_daif, 0, 0);
    EXPECT_EQ(trap.count, 0);

    MSR(sctlr_el1, MRS(sctlr_el1) | 1 << 4);
    trap_clear();
    el0_call(user_sp_alignment, 0, 0);
    EXPECT_EQ(TRAP_EC(), 0x26);

    MSR(cpacr_el1, 1 << 20); /* EL1 may, EL0 may not */
    ISB();
    trap_clear();
    el0_call(user_fp, 0, 0);
    EXPECT_EQ(TRAP_EC(), 0x07);
    EXPECT_EQ(trap.vector, 8);
    trap_clear();
    asm volatile(".arch_extension fp\n fmov d0, xzr");
    EXPECT_EQ(trap.count, 0);
    MSR(cpacr_el1, 3 << 20);
    ISB();

    /* WFI from EL0 is trapped without nTWI; an interrupt need not be pending. */
    MSR(sctlr_el1, MRS(sctlr_el1) & ~(1ull << 16));
    trap_clear();
    el0_call(user_wfi, 0, 0);
    EXPECT_EQ(TRAP_EC(), 1);
    EXPECT_EQ(TRAP_ISS() & 3, 0);

    MSR(sctlr_el1, MRS(sctlr_el1) & ~(1ull << 15)); /* UCT */
    trap_clear();
    el0_call(user_ctr, 0, 0);
    EXPECT_EQ(TRAP_EC(), 0x18);
    /* op0 3, op2 1, op1 3, CRn 0, Rt 1, CRm 0, read */
    EXPECT_EQ(TRAP_ISS(), 3 << 20 | 1 << 17 | 3 << 14 | 0 << 10 | 1 << 5 | 0 << 1 | 1);
    MSR(sctlr_el1, MRS(sctlr_el1) | 1 << 15);
    trap_clear();
    el0_call(user_ctr, 0, 0);
    EXPECT_EQ(trap.count, 0);
}

static void illegal_return(void)
{
    /* ERET to EL2 from EL1: PSTATE.IL is set and the next instruction is an illegal-state exception. */
    trap_clear();
    asm volatile("adr x1, 1f; msr elr_el1, x1; mov x1, #0x3c9; msr spsr_el1, x1; eret; 1:" ::: "x1");
    EXPECT_EQ(trap.count, 1);
    EXPECT_EQ(TRAP_EC(), 0x0e);
    EXPECT_EQ(trap.spsr >> 20 & 1, 1);
}

void guest_main(void)
{
    mmu_on(identity_map());
    from_el1();
    from_el0();
    illegal_return();
}
