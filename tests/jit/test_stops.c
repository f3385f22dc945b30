/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Breakpoints (isa/arm64/stops.h) under each engine: who comes there is seen each time, and code beside stays. */
#include "tests/unit/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include "interp/interp.h"
#include "isa/arm64/mmu.h"
#include "isa/arm64/stops.h"
#include "jit/jit.h"
#include "tests/jit/rig.h"

#define ROUNDS      20000u
#define ROUND_INSNS 9u
#define FUNCTION_A  64u /* words; each is a block, as are the loop's calls */
#define FUNCTION_B  128u
#define NEVER       200u

static const uint32_t loop[] = {
    0x94000040, /* bl FUNCTION_A */
    0x9400007f, /* bl FUNCTION_B */
    0xd1000442, /* sub x2, x2, #1 */
    0xb5ffffa2, /* cbnz x2, -12 */
    RIG_WFI,
};
static const uint32_t function_a[] = {
    0x91000400, /* add x0, x0, #1 */
    0xd65f03c0, /* ret */
};
static const uint32_t function_b[] = {
    0x91000421, /* add x1, x1, #1 */
    0x91000463, /* add x3, x3, #1 */
    0xd65f03c0, /* ret */
};

static struct program program;
static uint64_t breakpoint;
static unsigned reached;

static bool on_reached(void *context, struct cpu *cpu)
{
    assert_int_equal(cpu->x[1], cpu->x[3] + 1); /* between the two instructions of FUNCTION_B */
    reached++;
    return false;
}

static struct stops stops = {.insns = &breakpoint, .insn_count = 1, .reached = on_reached};

static struct rig *begin(const struct engine_ops *ops)
{
    jit_settings.counting = true;
    struct rig *rig = rig_create(ops, CPU_V8_2);
    memset(&program, 0, sizeof program);
    memcpy(program.words, loop, sizeof loop);
    memcpy(program.words + FUNCTION_A, function_a, sizeof function_a);
    memcpy(program.words + FUNCTION_B, function_b, sizeof function_b);
    program.count = 256;
    program.el = 1;
    program.daif = 15;
    program.state.x[2] = 1000000;
    program.turns[0].insns = program.turns[1].insns = program.turns[2].insns = ROUND_INSNS * ROUNDS;
    program.turn_count = 3;
    rig_load(rig, &program);
    reached = 0;
    assert_true(rig_turn(rig, &program, 0));
    assert_int_equal(rig->cpu.x[3], ROUNDS);
    return rig;
}

/* Sets the breakpoint at a word, or takes it away. */
static void set(struct rig *rig, unsigned word, bool on)
{
    bool guarded;
    breakpoint = mmu_fetch(&rig->cpu, rig_entry(&program) + 4ull * word, &guarded);
    rig->cpu.stops = on ? &stops : NULL;
    rig->ops->insn_asked(rig->engine, breakpoint);
}

/* A count that the engine tells. */
static unsigned count_of(const struct rig *rig, const char *name)
{
    char *text = NULL;
    size_t length = 0;
    FILE *to = open_memstream(&text, &length);
    rig->ops->describe(rig->engine, to);
    fclose(to);
    const char *line = strstr(text, name);
    assert_non_null(line);
    const unsigned count = (unsigned)strtoul(line + strlen(name), NULL, 10);
    free(text);
    return count;
}

static void seen_each_time(const struct engine_ops *ops)
{
    struct rig *rig = begin(ops);
    set(rig, FUNCTION_B + 1, true);
    assert_true(rig_turn(rig, &program, 1));
    assert_int_equal(reached, ROUNDS);
    assert_int_equal(rig->cpu.x[0], 2 * ROUNDS);
    assert_int_equal(rig->cpu.x[3], 2 * ROUNDS);
    set(rig, FUNCTION_B + 1, false);
    assert_true(rig_turn(rig, &program, 2));
    assert_int_equal(reached, ROUNDS);
    assert_int_equal(rig->cpu.x[3], 3 * ROUNDS);
    rig_free(rig);
}

static void each_time(void **state)
{
    seen_each_time(&interp_engine);
    seen_each_time(&jit_engine);
    seen_each_time(&jit_only_engine);
}

/* Only the block of the breakpoint is made anew: cut in two, of which the second is not translated, and then whole. */
static void one_block(void **state)
{
    struct rig *rig = begin(&jit_only_engine);
    const unsigned blocks = count_of(rig, "blocks compiled");
    set(rig, FUNCTION_B + 1, true);
    assert_true(rig_turn(rig, &program, 1));
    const unsigned cut = count_of(rig, "blocks compiled");
    assert_in_range(cut, blocks + 1, blocks + 2); /* behind the instruction that runs alone another begins */
    set(rig, FUNCTION_B + 1, false);
    assert_true(rig_turn(rig, &program, 2));
    assert_int_equal(count_of(rig, "blocks compiled"), cut + 1);
    rig_free(rig);
}

/* In the same page, where nothing runs: nothing is made anew. */
static void never_reached(void **state)
{
    struct rig *rig = begin(&jit_only_engine);
    const unsigned blocks = count_of(rig, "blocks compiled"), regions = count_of(rig, "regions compiled");
    assert_int_not_equal(regions, 0);
    set(rig, NEVER, true);
    assert_true(rig_turn(rig, &program, 1));
    assert_int_equal(reached, 0);
    assert_int_equal(count_of(rig, "blocks compiled"), blocks);
    assert_int_equal(count_of(rig, "regions compiled"), regions);
    rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_time),
        cmocka_unit_test(one_block),
        cmocka_unit_test(never_reached),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
