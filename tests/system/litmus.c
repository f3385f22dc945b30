/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Four CPUs at the same time: the order of accesses, atomics, locks, TLBI broadcast, code that another CPU writes. */
#include "guest.h"

#define CPUS  4u
#define LINES 16 /* of 8 bytes: two cache lines, so that what is told apart lies apart */

static uint64_t *volatile root_of_all;
static volatile uint64_t arrived[LINES], released[LINES], done[LINES];

static unsigned cpu_index(void)
{
    return MRS(mpidr_el1) & 0xff;
}

static uint64_t load_acquire(volatile uint64_t *at)
{
    uint64_t value;
    asm volatile("ldar %0, [%1]" : "=r"(value) : "r"(at) : "memory");
    return value;
}

static void store_release(volatile uint64_t *at, uint64_t value)
{
    asm volatile("stlr %0, [%1]" ::"r"(value), "r"(at) : "memory");
}

static uint64_t add_exclusive(volatile uint64_t *at, uint64_t value)
{
    uint64_t new;
    uint32_t failed;
    asm volatile("1: ldaxr %0, [%2]; add %0, %0, %3; stlxr %w1, %0, [%2]; cbnz %w1, 1b"
                 : "=&r"(new), "=&r"(failed)
                 : "r"(at), "r"(value)
                 : "memory");
    return new;
}

/* All CPUs come together: arrivals are counted for ever, and the last one of each round releases the others. */
static void meet(void)
{
    uint64_t number = add_exclusive(arrived, 1), round = (number + CPUS - 1) / CPUS;
    if (number % CPUS == 0)
        store_release(released, round);
    while (load_acquire(released) < round)
        asm volatile("yield");
}

/* What takes rounds that wait for all others ends early where these get no host's processor. */
static bool in_time(uint64_t since)
{
    return MRS(cntvct_el0) - since < 62500000 / 2;
}

/* --- message passing: who sees the flag sees what was written before it ----------------------------- */

static volatile uint64_t data[LINES], flag[LINES];

static void message_passing(unsigned cpu)
{
    for (uint64_t i = 1; i <= 3000; i++) {
        uint64_t seen, value;
        if (cpu == 0 && i % 2) {
            asm volatile("str %0, [%1]; dmb ishst; str %0, [%2]" ::"r"(i), "r"(data), "r"(flag) : "memory");
        } else if (cpu == 0) {
            asm volatile("str %0, [%1]; stlr %0, [%2]" ::"r"(i), "r"(data), "r"(flag) : "memory");
        } else if (i % 2) {
            asm volatile("ldr %0, [%2]; dmb ishld; ldr %1, [%3]"
                         : "=&r"(seen), "=&r"(value)
                         : "r"(flag), "r"(data)
                         : "memory");
            EXPECT(value >= seen);
        } else {
            asm volatile("ldar %0, [%2]; ldr %1, [%3]"
                         : "=&r"(seen), "=&r"(value)
                         : "r"(flag), "r"(data)
                         : "memory");
            EXPECT(value >= seen);
        }
    }
}

/* --- store buffering: with a barrier, one of two CPUs sees the other's store ------------------------ */

static volatile uint64_t mine[2][LINES], result[2][LINES], ready[2][LINES];

/* Both do a round at a time, without more between them than two flags. */
static void together(unsigned cpu, uint64_t round)
{
    store_release(ready[cpu], round);
    while (load_acquire(ready[cpu ^ 1]) < round)
        ;
}

static void store_buffering(unsigned cpu)
{
    if (cpu > 1)
        return;
    uint64_t round = 0;
    for (uint64_t i = 1; i <= 1500; i++) {
        uint64_t seen;
        together(cpu, ++round);
        if (i % 2)
            asm volatile("str %1, [%2]; dmb ish; ldr %0, [%3]"
                         : "=&r"(seen)
                         : "r"(i), "r"(mine[cpu]), "r"(mine[cpu ^ 1])
                         : "memory");
        else
            asm volatile("stlr %1, [%2]; ldar %0, [%3]"
                         : "=&r"(seen)
                         : "r"(i), "r"(mine[cpu]), "r"(mine[cpu ^ 1])
                         : "memory");
        result[cpu][0] = seen;
        together(cpu, ++round);
        if (cpu == 0)
            EXPECT(result[0][0] == i || result[1][0] == i);
    }
}

/* --- atomics --------------------------------------------------------------------------------------- */

static volatile uint64_t counters[LINES] __attribute__((aligned(128)));
static volatile uint32_t counter32;
static volatile uint8_t counter8[8];

static void count(unsigned cpu)
{
    const bool lse = (MRS(id_aa64isar0_el1) >> 20 & 15) >= 2;
    for (unsigned i = 0; i < 2000; i++) {
        add_exclusive(&counters[0], 3);
        uint64_t low, high;
        uint32_t failed;
        asm volatile("1: ldxp %0, %1, [%3]; add %0, %0, #1; add %1, %1, #2; stxp %w2, %0, %1, [%3]; cbnz %w2, 1b"
                     : "=&r"(low), "=&r"(high), "=&r"(failed)
                     : "r"(&counters[2])
                     : "memory");
        EXPECT_EQ(high, 2 * low);
        if (!lse) {
            add_exclusive(&counters[4], 1);
            continue;
        }
        asm volatile(".arch_extension lse\n"
                     "stadd %0, [%1]\n"
                     "ldaddal %w0, w9, [%2]\n"
                     "ldeorb %w0, w9, [%3]\n" ::"r"(1ull), "r"(&counters[4]), "r"(&counter32), "r"(&counter8[1])
                     : "x9", "memory");
        uint64_t old = counters[6], got;
        do {
            got = old;
            asm volatile(".arch_extension lse\n"
                         "casal %0, %1, [%2]" : "+r"(got) : "r"(old + 1), "r"(&counters[6]) : "memory");
            if (got == old)
                break;
            old = got;
        } while (true);
    }
    meet();
    if (cpu == 0) {
        EXPECT_EQ(counters[0], CPUS * 2000 * 3);
        EXPECT_EQ(counters[2], CPUS * 2000);
        EXPECT_EQ(counters[4], CPUS * 2000);
        if (lse) {
            EXPECT_EQ(counters[6], CPUS * 2000);
            EXPECT_EQ(counter32, CPUS * 2000);
            EXPECT_EQ(counter8[1], 0);
        }
    }
}

/* --- a ticket lock, whose waiters use WFE ----------------------------------------------------------- */

static volatile uint64_t next_ticket[LINES], now_serving[LINES], guarded[LINES];

static void ticket_lock(unsigned cpu)
{
    for (unsigned i = 0; i < 500; i++) {
        uint64_t ticket = add_exclusive(next_ticket, 1) - 1;
        while (load_acquire(now_serving) != ticket)
            asm volatile("wfe");
        guarded[0]++;
        guarded[8] = guarded[8] * 3 + 1;
        store_release(now_serving, ticket + 1);
        asm volatile("dsb ish; sev" ::: "memory");
    }
    meet();
    if (cpu == 0)
        EXPECT_EQ(guarded[0], CPUS * 500);
}

/* --- TLBI: behind DSB no CPU uses the old translation, neither for loads nor for stores -------------- */

#define ALIAS  (7ull << 30)
#define POISON 0xdeadull

static bool skip_fault(struct frame *frame, unsigned vector)
{
    if ((MRS(esr_el1) >> 26 & 0x3f) != 0x25)
        return false;
    frame->elr += 4;
    (void)vector;
    return true;
}

static void set_alias(uint64_t entry)
{
    *pte_of(root_of_all, ALIAS) = entry;
    asm volatile("dsb ishst; tlbi vaae1is, %0; dsb ish; isb" ::"r"(ALIAS >> 12) : "memory");
}

static void tlbi(unsigned cpu)
{
    static volatile uint64_t *pages[2];
    volatile uint64_t *alias = (volatile uint64_t *)ALIAS;
    if (cpu == 0) {
        pages[0] = allocate(4096);
        pages[1] = allocate(4096);
        done[0] = 0;
        sync_handler = skip_fault;
    }
    meet();
    if (cpu == 0) {
        const uint64_t begun = MRS(cntvct_el0);
        for (unsigned i = 0; i < 400 && in_time(begun); i++) {
            volatile uint64_t *page = pages[i % 2];
            page[0] = 1;
            set_alias((uint64_t)page | PTE_PAGE | PTE_NORMAL | PTE_AF | PTE_SH_INNER | PTE_UXN | PTE_PXN);
            for (volatile unsigned wait = 0; wait < 100 + i; wait++)
                ;
            set_alias(0);
            page[0] = POISON;
            uint64_t stored[CPUS];
            for (unsigned n = 1; n < CPUS; n++)
                stored[n] = page[n * 8];
            for (volatile unsigned wait = 0; wait < 100; wait++)
                ;
            for (unsigned n = 1; n < CPUS; n++)
                EXPECT_EQ(page[n * 8], stored[n]);
        }
        store_release(done, 1);
    } else {
        for (uint64_t i = 0; !load_acquire(done); i++) {
            uint64_t value = 1;
            asm volatile("ldr %0, [%1]" : "+r"(value) : "r"(alias) : "memory");
            EXPECT_EQ(value, 1);
            asm volatile("str %0, [%1]" ::"r"(i), "r"(alias + cpu * 8) : "memory");
        }
    }
    meet();
    if (cpu == 0)
        sync_handler = NULL;
}

/* --- code that another CPU writes -------------------------------------------------------------------- */

#define MOV_W0(value) (0x52800000u | (uint32_t)(value) << 5)
#define RET           0xd65f03c0u
#define B(distance)   (0x14000000u | ((uint32_t)(distance) / 4 & 0x3ffffff))

static volatile uint64_t generation[LINES];

static void write_code(volatile uint32_t *at, uint32_t word)
{
    *at = word;
    asm volatile("dc cvau, %0; dsb ish; ic ivau, %0; dsb ish; isb" ::"r"(at) : "memory");
}

static uint64_t call(volatile uint32_t *code)
{
    register uint64_t x0 asm("x0");
    asm volatile("blr %1" : "=r"(x0) : "r"(code) : "x30", "memory");
    return x0;
}

/* A branch leads to one of two functions; the other one is written anew, then the branch is turned. */
static void patched_branch(unsigned cpu)
{
    static volatile uint32_t *code;
    if (cpu == 0) {
        code = allocate(4096);
        for (unsigned i = 0; i < 2; i++) {
            write_code(&code[64 + 64 * i], MOV_W0(0));
            write_code(&code[65 + 64 * i], RET);
        }
        write_code(code, B(256));
        generation[0] = 0;
        done[0] = 0;
    }
    meet();
    if (cpu == 0) {
        const uint64_t begun = MRS(cntvct_el0);
        for (unsigned i = 1; i <= 600 && in_time(begun); i++) {
            write_code(&code[64 + 64 * (i % 2)], MOV_W0(i));
            write_code(code, B(256 + 256 * (i % 2)));
            store_release(generation, i);
            EXPECT_EQ(call(code), i);
        }
        store_release(done, 1);
    } else {
        while (!load_acquire(done)) {
            uint64_t least = load_acquire(generation);
            ISB();
            EXPECT(call(code) >= least);
        }
    }
    meet();
}

/* Each CPU writes and runs functions of its own, all in one page, beside data that it stores to. */
static void shared_page(unsigned cpu)
{
    static volatile uint32_t *page;
    if (cpu == 0)
        page = allocate(4096);
    meet();
    volatile uint32_t *code = page + 128 * cpu;
    for (unsigned i = 0; i < 300; i++) {
        volatile uint32_t *function = code + i % 16 * 4;
        function[1] = RET;
        write_code(function, MOV_W0(i));
        code[100] = i;
        EXPECT_EQ(call(function), i);
        EXPECT_EQ(code[100], i);
    }
    meet();
}

static void run_all(void)
{
    unsigned cpu = cpu_index();
    void (*const tests[])(unsigned cpu) = {message_passing, store_buffering, count,      ticket_lock,
                                           tlbi,            patched_branch,  shared_page};
    for (unsigned i = 0; i < sizeof tests / sizeof *tests; i++) {
        meet();
        tests[i](cpu);
    }
    meet();
}

static void secondary(void)
{
    mmu_on(root_of_all);
    run_all();
    psci(PSCI_CPU_OFF, 0, 0, 0);
}

void guest_main(void)
{
    root_of_all = identity_map();
    pte_of(root_of_all, ALIAS);
    mmu_on(root_of_all);
    for (unsigned cpu = 1; cpu < CPUS; cpu++)
        EXPECT_EQ(cpu_start(cpu, secondary), 0);
    run_all();
}
