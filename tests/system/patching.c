/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two CPUs that change each other's code while it runs: an instruction that is patched between NOP and B, as kernels do
 * with their static branches; a loop that only a patch ends; code of both CPUs in one page. */
#include "guest.h"

#define CODE       0x44000000ull
#define TOGGLED    CODE           /* returns 2, or 1 where its NOP is a B */
#define SPINNING   (CODE + 0x40)  /* counts until its NOP is a B */
#define OWN(cpu)   (CODE + 0x80 + 0x20 * (cpu)) /* returns what that CPU wrote last */
#define SPIN_ISB   (CODE + 0x100) /* as SPINNING, with an ISB */

#define NOP           0xd503201fu
#define ISB_WORD      0xd5033fdfu
#define RET           0xd65f03c0u
#define B(words)      (0x14000000u | ((words) & 0x3ffffff))
#define MOV_W0(value) (0x52800000u | (uint32_t)(value) << 5)
#define ADD_X0_1      0x91000400u

static uint64_t *root;
static volatile uint64_t sequence; /* odd: a patch of TOGGLED is on its way; bit 1: it returns 1 */
static volatile uint64_t phase, calls, wrong, answered;

static void barrier(void)
{
    asm volatile("dmb ish" ::: "memory");
}

static void patch(uint64_t address, uint32_t word)
{
    *(volatile uint32_t *)address = word;
    asm volatile("dc cvau, %0; dsb ish; ic ivau, %0; dsb ish; isb" ::"r"(address) : "memory");
}

static uint64_t call(uint64_t address)
{
    register uint64_t x0 asm("x0") = 0;
    asm volatile("blr %1" : "+r"(x0) : "r"(address) : "x30", "memory");
    return x0;
}

static void wait_for(volatile uint64_t *what, uint64_t value)
{
    while (*what < value)
        asm volatile("yield");
}

/* Calls TOGGLED while the other CPU patches it. Where no patch was going on it must return what stands there. */
static void watch(void)
{
    while (phase == 1) {
        const uint64_t before = sequence;
        barrier();
        ISB();
        const uint64_t got = call(TOGGLED);
        barrier();
        const bool quiet = before == sequence && !(before & 1);
        if (quiet ? got != (before & 2 ? 1 : 2) : got != 1 && got != 2)
            wrong++;
        calls++;
    }
}

/* Patches this CPU's own function and calls it, with the other CPU's beside it in the page. */
static uint64_t patch_own(uint64_t cpu)
{
    uint64_t bad = 0;
    for (uint64_t i = 0; i < 3000; i++) {
        patch(OWN(cpu), MOV_W0(i));
        for (unsigned times = 0; times < 1 + i % 3; times++)
            bad += call(OWN(cpu)) != i;
    }
    return bad;
}

static void second(void)
{
    mmu_on(root);
    phase = 1;
    watch();
    for (unsigned i = 0; i < 40; i++) {
        call(i % 2 ? SPIN_ISB : SPINNING);
        answered = i + 1;
        wait_for(&phase, 3 + i);
    }
    wrong += patch_own(1);
    answered = 1000;
    for (;;)
        asm volatile("wfi");
}

static void write_code(void)
{
    static const struct {
        uint64_t at;
        uint32_t words[5];
    } functions[] = {
        {TOGGLED, {MOV_W0(1), NOP, MOV_W0(2), RET}},
        {SPINNING, {ADD_X0_1, NOP, B(-2), RET}},
        {SPIN_ISB, {ADD_X0_1, ISB_WORD, NOP, B(-3), RET}},
        {OWN(0), {MOV_W0(0), RET}},
        {OWN(1), {MOV_W0(0), RET}},
    };
    for (unsigned i = 0; i < sizeof functions / sizeof *functions; i++)
        for (unsigned w = 0; w < 5; w++)
            if (functions[i].words[w])
                patch(functions[i].at + 4 * w, functions[i].words[w]);
}

void guest_main(void)
{
    root = identity_map();
    mmu_on(root);
    write_code();
    EXPECT_EQ(cpu_start(1, second), 0);
    wait_for(&phase, 1);

    for (uint64_t i = 1; i <= 4000; i++) {
        sequence++;
        barrier();
        patch(TOGGLED + 4, i & 1 ? B(2) : NOP);
        barrier();
        sequence++;
        EXPECT_EQ(call(TOGGLED), i & 1 ? 1 : 2);
        if (i % 8 == 0)
            wait_for(&calls, calls + 20);
    }
    EXPECT(calls > 10000);
    phase = 2;

    for (unsigned i = 0; i < 40; i++) {
        const uint64_t at = i % 2 ? SPIN_ISB + 8 : SPINNING + 4;
        for (unsigned spin = 0; spin < 20; spin++)
            asm volatile("yield"); /* the other one's turn */
        EXPECT_EQ(answered, i);
        patch(at, B(2));
        wait_for(&answered, i + 1);
        patch(at, NOP);
        phase = 3 + i;
    }
    EXPECT_EQ(patch_own(0), 0);
    wait_for(&answered, 1000);
    EXPECT_EQ(wrong, 0);
}
