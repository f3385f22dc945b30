/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two CPUs that go on computing from what is in their registers, in their vector registers, in memory, and in device
 * state, while timer interrupts come in. The sum at the end is the same however the machine got there: tests/cli/
 * version-1.snap is this guest in the middle of its rounds. */
#include "gic.h"

#define ROUNDS 320u
#define WORDS  256u  /* of a CPU's memory */
#define TICK   62500u /* a millisecond */

static volatile uint64_t ticks, second_round, second_sum;

static void on_timer(struct frame *frame, unsigned vector)
{
    uint64_t intid = MRS(ICC_IAR1);
    ticks++;
    MSR(cntv_tval_el0, TICK);
    ISB();
    MSR(ICC_EOIR1, intid);
    ISB();
    (void)frame;
    (void)vector;
}

/* Half of the sum is kept in a vector register between rounds. */
static uint64_t fold(volatile uint64_t *memory, uint64_t sum)
{
    uint64_t high;
    asm volatile("fmov %0, d9" : "=r"(high));
    for (unsigned i = 0; i < WORDS; i++) {
        sum = (sum ^ memory[i]) * 0x9e3779b97f4a7c15ull;
        high ^= sum >> 29;
        memory[i] += sum ^ high;
    }
    asm volatile("fmov d9, %0" ::"r"(high));
    return sum ^ high;
}

static void second(void)
{
    MSR(cpacr_el1, 3 << 20);
    ISB();
    volatile uint64_t *memory = (volatile uint64_t *)0x40c00000ull;
    uint64_t sum = 2;
    asm volatile("fmov d9, %0" ::"r"(22ull));
    for (unsigned i = 0; i < WORDS; i++)
        memory[i] = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        sum = fold(memory, sum);
        second_round = i + 1;
    }
    second_sum = sum;
    DSB();
    second_round = ROUNDS + 1;
    for (;;)
        asm volatile("wfi");
}

void guest_main(void)
{
    mmu_on(identity_map());
    MSR(cpacr_el1, 3 << 20);
    ISB();
    gic_init();
    gic_enable_private(0, 27, 0x80);
    interrupt_handler = on_timer;
    MSR(cntv_tval_el0, TICK);
    MSR(cntv_ctl_el0, 1);
    IRQ_ON();
    EXPECT_EQ(cpu_start(1, second), 0);

    volatile uint64_t *memory = allocate(WORDS * 8);
    uint64_t sum = 1;
    asm volatile("fmov d9, %0" ::"r"(11ull));
    for (unsigned i = 0; i < ROUNDS; i++) {
        sum = fold(memory, sum);
        uint64_t before = ticks;
        if (i % 32 == 31)
            while (ticks == before)
                asm volatile("wfi");
    }
    while (second_round <= ROUNDS)
        ;
    EXPECT(ticks >= ROUNDS / 32);
    EXPECT_EQ(sum, 0xb9c31c038a8368a1);
    EXPECT_EQ(second_sum, 0x0abab07d470f44ca);
    guest_exit();
}
