/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lockstep beside engines that do one thing wrong: it must find it, shrink it, and say where. */
#include "tests/unit/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "interp/interp.h"
#include "jit/lockstep.h"
#include "tests/jit/rig.h"

/* The program counts x0 up to 200, keeps it in memory, and waits. */
static const uint32_t counting[] = {
    0xd2800000, /* mov x0, #0 */
    0x91000400, /* add x0, x0, #1 */
    0xf9000020, /* str x0, [x1] */
    0xf103201f, /* cmp x0, #200 */
    0x54ffffa1, /* b.ne -12 */
    RIG_WFI,
};

/* The wrong engine: the interpreter, and something behind the instruction that makes x0 100. */

static void (*go_wrong)(struct cpu *cpu);

static enum engine_exit run_wrong(struct engine *engine, struct cpu *cpu)
{
    for (;;) {
        const uint64_t before = cpu->x[0];
        const enum engine_exit exit = interp_step(engine, cpu);
        if (before == 99 && cpu->x[0] == 100 && go_wrong)
            go_wrong(cpu);
        if (exit != ENGINE_EXIT_LIMIT || cpu->icount >= cpu->limit)
            return exit;
    }
}

static struct engine *create(struct bus *bus, unsigned cpu_count, struct error *error)
{
    static struct engine_ops wrong;
    wrong = interp_engine;
    wrong.name = "wrong";
    wrong.run = run_wrong;
    return lockstep_create(bus, cpu_count, &wrong, error);
}

/* Runs the program beside an engine that does `what`; the report ends up in `text`. */
static enum engine_exit run_beside(void (*what)(struct cpu *cpu), char *text, size_t capacity)
{
    struct engine_ops ops = lockstep_engine;
    static struct program program;
    ops.create = create;
    go_wrong = what;
    struct rig *rig = rig_create(&ops, CPU_V8_2);
    memset(&program, 0, sizeof program);
    memcpy(program.words, counting, sizeof counting);
    program.count = sizeof counting / 4;
    program.first = 16;
    program.el = 1;
    program.daif = 15;
    program.state.x[1] = RIG_WINDOW + 16;
    program.turns[0].insns = 5000;
    program.turn_count = 1;
    rig_load(rig, &program);

    FILE *report = tmpfile();
    assert_non_null(report);
    const int saved = dup(STDERR_FILENO);
    fflush(stderr);
    dup2(fileno(report), STDERR_FILENO);
    rig_turn(rig, &program, 0);
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(report);
    text[fread(text, 1, capacity - 1, report)] = 0;
    fclose(report);
    const enum engine_exit exit = rig->exit;
    rig_free(rig);
    return exit;
}

static char text[1 << 16];

static void test_nothing_wrong(void **state)
{
    assert_int_equal(run_beside(NULL, text, sizeof text), ENGINE_EXIT_WAIT);
    assert_string_equal(text, "");
}

static void spoil_register(struct cpu *cpu)
{
    cpu->x[7] = 0x1234;
}

static void test_register(void **state)
{
    assert_int_equal(run_beside(spoil_register, text, sizeof text), ENGINE_EXIT_WRONG);
    assert_non_null(strstr(text, "x[7]                 0000000000000000  0000000000001234"));
    assert_non_null(strstr(text, "are enough"));
    /* The last of the guest's instructions that it shows is the one that went wrong. */
    const char *last = strstr(text, "guest code");
    assert_non_null(last);
    for (const char *next; (next = strstr(last + 1, "add x0, x0, #1"));)
        last = next;
    assert_null(strstr(last, "str x0"));
}

static void spoil_system_register(struct cpu *cpu)
{
    cpu->sys.TPIDR_EL1 = 1;
}

static void test_system_register(void **state)
{
    assert_int_equal(run_beside(spoil_system_register, text, sizeof text), ENGINE_EXIT_WRONG);
    assert_non_null(strstr(text, "sys.TPIDR_EL1"));
}

/* A byte elsewhere in memory, which the interpreter does not write at all. */
static void spoil_memory(struct cpu *cpu)
{
    uint8_t byte;
    bus_dma_read(cpu->bus, 0x40000000 + 8 * RIG_PAGE + 5, &byte, 1);
    byte ^= 1;
    bus_dma_write(cpu->bus, 0x40000000 + 8 * RIG_PAGE + 5, &byte, 1);
}

static void test_memory(void **state)
{
    assert_int_equal(run_beside(spoil_memory, text, sizeof text), ENGINE_EXIT_WRONG);
    assert_non_null(strstr(text, "RAM 0x40008005"));
}

/* One instruction more than there were. */
static void spoil_count(struct cpu *cpu)
{
    cpu->icount++;
}

static void test_count(void **state)
{
    assert_int_equal(run_beside(spoil_count, text, sizeof text), ENGINE_EXIT_WRONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_wrong), cmocka_unit_test(test_register),
        cmocka_unit_test(test_system_register), cmocka_unit_test(test_memory), cmocka_unit_test(test_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
