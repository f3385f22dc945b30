/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The firmware's calls: each function, each error code. */
#include "tests/unit/unit.h"
#include "isa/arm64/threads.h"
#include "machine/psci.h"

enum { CPUS = 18 };

static struct cpu cpus[CPUS];
static struct cpu *cpu_list[CPUS];
static struct ram ram = {.base = 0x40000000, .size_bytes = 0x100000, .host = (uint8_t *)0x10000};
static struct psci psci;
static unsigned offs, resets;
static bool wake_ready;

/* The processor's part, which this test plays itself. */
bool cpu_wake_ready(const struct cpu *cpu)
{
    return wake_ready;
}

void cpu_reset(struct cpu *cpu)
{
    memset(cpu->x, 0, sizeof cpu->x);
    cpu->pc = 0;
    cpu->wait = WAIT_NONE;
}

void cpu_wake(struct cpu *cpu)
{
    cpu->wait = WAIT_NONE;
}

void threads_await_left(const struct cpu *cpu)
{
}

static void note_off(void *context, struct cpu *cpu)
{
    offs++;
}

static void note_reset(void *context, struct cpu *cpu)
{
    resets++;
}

static int set_up(void **state)
{
    memset(cpus, 0, sizeof cpus);
    for (unsigned i = 0; i < CPUS; i++) {
        cpus[i].index = i;
        cpus[i].mpidr = 0x80000000 | i / 16 << 8 | i % 16;
        cpus[i].wait = i ? WAIT_POWERED_OFF : WAIT_NONE;
        cpu_list[i] = &cpus[i];
    }
    psci = (struct psci){cpu_list, CPUS, &ram, note_off, note_reset, NULL};
    offs = resets = 0;
    wake_ready = false;
    return 0;
}

static int64_t call(uint32_t function, uint64_t a, uint64_t b, uint64_t c)
{
    cpus[0].x[0] = function;
    cpus[0].x[1] = a;
    cpus[0].x[2] = b;
    cpus[0].x[3] = c;
    cpus[0].limit = 1000;
    assert_true(psci_call(&psci, &cpus[0], false));
    return (int64_t)cpus[0].x[0];
}

static void versions(void **state)
{
    assert_int_equal(call(0x84000000, 0, 0, 0), 0x10001);
    assert_int_equal(call(0x80000000, 0, 0, 0), 0x10002);
    assert_int_equal(call(0x84000006, 0, 0, 0), 2);
}

static void cpu_on(void **state)
{
    assert_int_equal(call(0xc4000003, 0x5, 0x40001000, 0x123456789), 0);
    assert_int_equal(cpus[5].wait, WAIT_NONE);
    assert_int_equal(cpus[5].pc, 0x40001000);
    assert_int_equal(cpus[5].x[0], 0x123456789);
    assert_int_equal(call(0xc4000003, 0x101, 0x40001000, 0), 0);
    assert_int_equal(cpus[17].wait, WAIT_NONE);
    assert_int_equal(call(0xc4000003, 0x5, 0x40001000, 0), -4);
    assert_int_equal(call(0xc4000003, 0x0, 0x40001000, 0), -4);
    assert_int_equal(call(0xc4000003, 0x102, 0x40001000, 0), -2);
    assert_int_equal(call(0xc4000003, 0x80000006, 0x40001000, 0), -2);
    assert_int_equal(call(0xc4000003, 6, 0x1000, 0), -9);
    assert_int_equal(call(0xc4000003, 6, 0x40100000, 0), -9);
    assert_int_equal(call(0xc4000003, 6, 0x40000002, 0), -9);
    assert_int_equal(cpus[6].wait, WAIT_POWERED_OFF);
    /* The 32-bit call takes the lower halves only. */
    assert_int_equal(call(0x84000003, 0xffffffff00000006, 0xffffffff40000004, 0xffffffff00000007), 0);
    assert_int_equal(cpus[6].pc, 0x40000004);
    assert_int_equal(cpus[6].x[0], 7);
}

static void cpu_off(void **state)
{
    call(0x84000002, 0, 0, 0);
    assert_int_equal(cpus[0].wait, WAIT_POWERED_OFF);
    assert_int_equal(cpus[0].limit, 0); /* and its turn is over */
    cpus[0].wait = WAIT_NONE;
    assert_int_equal(call(0xc4000002, 0, 0, 0), -1);
    assert_int_equal(cpus[0].wait, WAIT_NONE);
}

static void cpu_suspend(void **state)
{
    assert_int_equal(call(0xc4000001, 0, 0, 0), 0);
    assert_int_equal(cpus[0].wait, WAIT_WFI);
    assert_int_equal(cpus[0].limit, 0);
    cpus[0].wait = WAIT_NONE;
    wake_ready = true;
    assert_int_equal(call(0x84000001, 0, 0, 0), 0);
    assert_int_equal(cpus[0].wait, WAIT_NONE);
    assert_int_equal(call(0xc4000001, 1 << 17, 0, 0), -2);
    assert_int_equal(call(0xc4000001, 1 << 16, 0x1000, 0), -9);
    assert_int_equal(call(0xc4000001, 1 << 16, 0x40001000, 0), 0);
}

static void affinity_info(void **state)
{
    assert_int_equal(call(0xc4000004, 0, 0, 0), 0);
    assert_int_equal(call(0xc4000004, 1, 0, 0), 1);
    assert_int_equal(call(0x84000004, 0x101, 0, 0), 1);
    assert_int_equal(call(0xc4000004, 0x102, 0, 0), -2);
    assert_int_equal(call(0xc4000004, 0x0, 1, 0), 0); /* a cluster is on if one of its CPUs is */
    assert_int_equal(call(0xc4000004, 0x100, 1, 0), 1);
    assert_int_equal(call(0xc4000004, 0x100, 2, 0), 0);
    assert_int_equal(call(0xc4000004, 0x200, 1, 0), -2);
    assert_int_equal(call(0xc4000004, 0, 4, 0), -2);
    assert_int_equal(call(0xc4000004, 1ull << 40, 3, 0), -2);
}

static void system_calls(void **state)
{
    call(0x84000008, 0, 0, 0);
    assert_int_equal(offs, 1);
    call(0x84000009, 0, 0, 0);
    assert_int_equal(resets, 1);
    call(0x84000012, 0, 0, 0);
    call(0xc4000012, 0, 5, 0);
    assert_int_equal(resets, 3);
    assert_int_equal(call(0xc4000012, 1, 0, 0), -2);
    assert_int_equal(call(0xc4000012, 0x80000000, 0, 0), -2);
    assert_int_equal(resets, 3);
}

static void features(void **state)
{
    static const uint32_t known[] = {0x84000000, 0x84000001, 0xc4000001, 0x84000002, 0x84000003, 0xc4000003,
                                     0x84000004, 0xc4000004, 0x84000006, 0x84000008, 0x84000009, 0x8400000a,
                                     0x8400000f, 0x84000012, 0xc4000012, 0x80000000};
    static const uint32_t unknown[] = {0x84000005, 0x84000007, 0x8400000b, 0x8400000c, 0x8400000d,
                                       0x8400000e, 0x84000010, 0x84000013, 0xc4000002, 0xc4000008,
                                       0x84000100, 0,          0xffffffff};
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++)
        assert_int_equal(call(0x8400000a, known[i], 0, 0), 0);
    for (unsigned i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        assert_int_equal(call(0x8400000a, unknown[i], 0, 0), -1);
        assert_int_equal(call(unknown[i], 0, 0, 0), -1);
    }
    assert_int_equal(call(0x8400000f, 0, 0, 0), 0);
    assert_int_equal(call(0x8400000f, 1, 0, 0), -1);
    assert_int_equal(call(0x8400000f, 2, 0, 0), -2);
}

static void workarounds_are_not_needed(void **state)
{
    assert_int_equal(call(0x80000001, 0x80008000, 0, 0), 1);
    assert_int_equal(call(0x80000001, 0x80007fff, 0, 0), 1);
    assert_int_equal(call(0x80000001, 0x80003fff, 0, 0), 1);
    assert_int_equal(call(0x80000001, 0x80000000, 0, 0), 0);
    assert_int_equal(call(0x80000001, 0x80000002, 0, 0), -1);
    assert_int_equal(call(0x80008000, 0, 0, 0), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        TEST(versions),      TEST(cpu_on),       TEST(cpu_off),  TEST(cpu_suspend),
        TEST(affinity_info), TEST(system_calls), TEST(features), TEST(workarounds_are_not_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
