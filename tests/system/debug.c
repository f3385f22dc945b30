/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The debug architecture that a guest's own debugger uses: breakpoints, watchpoints, software step. */
#include "guest.h"

static volatile uint64_t watched[4] __attribute__((aligned(64)));
static volatile uint64_t hits, last_pc, last_far;
static volatile uint64_t steps_left;

static bool on_debug(struct frame *frame, unsigned vector)
{
    uint64_t ec = MRS(esr_el1) >> 26;
    (void)vector;
    if (ec == 0x31 || ec == 0x30) { /* breakpoint: off, and on */
        hits++;
        last_pc = frame->elr;
        MSR(dbgbcr0_el1, 0);
        return true;
    }
    if (ec == 0x35 || ec == 0x34) {
        hits++;
        last_far = MRS(far_el1);
        MSR(dbgwcr0_el1, 0);
        return true;
    }
    if (ec == 0x33 || ec == 0x32) {
        hits++;
        last_pc = frame->elr;
        if (steps_left && --steps_left) {
            frame->spsr |= 1 << 21;
        } else {
            frame->spsr &= ~(1ull << 21);
            MSR(mdscr_el1, MRS(mdscr_el1) & ~1ull);
        }
        return true;
    }
    return false;
}

USER static uint64_t user_steps(uint64_t value)
{
    asm volatile("add %0, %0, #1; add %0, %0, #1; add %0, %0, #1; add %0, %0, #1" : "+r"(value));
    return value;
}

__attribute__((noinline)) static uint64_t target(uint64_t value)
{
    asm volatile("" : "+r"(value));
    return value + 1;
}

void guest_main(void)
{
    mmu_on(identity_map());
    sync_handler = on_debug;
    MSR(oslar_el1, 0);
    MSR(mdscr_el1, 1 << 15 | 1 << 13); /* MDE, KDE */
    asm volatile("msr daifclr, #8");
    ISB();

    /* A breakpoint at EL1: before the instruction, once. */
    MSR(dbgbvr0_el1, (uint64_t)target);
    MSR(dbgbcr0_el1, 0xf << 5 | 1 << 1 | 1); /* all bytes, EL1, on */
    ISB();
    EXPECT_EQ(target(1), 2);
    EXPECT_EQ(hits, 1);
    EXPECT_EQ(last_pc, (uint64_t)target);

    /* A watchpoint for stores of one doubleword: loads pass, the neighbour passes. */
    hits = 0;
    MSR(dbgwvr0_el1, (uint64_t)&watched[1]);
    MSR(dbgwcr0_el1, 0xff << 5 | 2 << 3 | 1 << 1 | 1);
    ISB();
    (void)watched[1];
    watched[0] = 1;
    watched[2] = 2;
    EXPECT_EQ(hits, 0);
    watched[1] = 3;
    EXPECT_EQ(hits, 1);
    EXPECT_EQ(last_far, (uint64_t)&watched[1]);
    EXPECT_EQ(watched[1], 3); /* done after the handler turned it off */

    /* One byte of it, by a load. */
    hits = 0;
    MSR(dbgwvr0_el1, (uint64_t)&watched[2]);
    MSR(dbgwcr0_el1, 0x10 << 5 | 1 << 3 | 1 << 1 | 1);
    ISB();
    (void)*(volatile uint8_t *)((uint64_t)&watched[2] + 3);
    EXPECT_EQ(hits, 0);
    (void)*(volatile uint8_t *)((uint64_t)&watched[2] + 4);
    EXPECT_EQ(hits, 1);

    /* Software step through EL0: SPSR.SS runs one instruction, then the exception. */
    hits = 0;
    steps_left = 4;
    MSR(mdscr_el1, 1 << 15 | 1 << 13 | 1);
    ISB();
    EXPECT_EQ(el0_call(user_steps, 10, 1 << 21), 14);
    EXPECT_EQ(hits, 4);
    EXPECT_EQ(MRS(mdscr_el1) & 1, 0);
}
