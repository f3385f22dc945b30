/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Exceptions: entry, return, interrupts, waiting; breakpoints, watchpoints, software step. */
#include "unit.h"
#include "cpu_bench.h"
#include "isa/arm64/debug.h"
#include "isa/arm64/timer.h"

#define VECTORS 0x40010000ull
#define CODE    0x40020000ull

static struct cpu_bench *bench;
static struct cpu *cpu;

static int setup(void **state)
{
    bench = bench_create(CPU_MAX);
    cpu = &bench->cpu;
    cpu->sys.VBAR_EL1 = VECTORS;
    cpu->pc = CODE;
    return 0;
}

static int teardown(void **state)
{
    bench_free(bench);
    return 0;
}

/* Executes an exception-raising helper as instruction at CODE. */
static void take_after(enum exception_class ec, uint32_t iss)
{
    struct insn insn = bench_insn(bench, 0xd4000001);
    cpu_take_after(cpu, &insn, ec, iss);
}

static void raise_at(enum exception_class ec, uint32_t iss)
{
    struct insn insn = bench_insn(bench, 0);
    assert_true(RAISES(bench, cpu_raise_far(cpu, &insn, ec, iss, 0x1234)));
}

static void vectors_depend_on_where_it_comes_from(void **state)
{
    static const struct {
        unsigned el, spsel, offset;
    } cases[] = {{1, 0, 0x000}, {1, 1, 0x200}, {0, 0, 0x400}};
    for (unsigned i = 0; i < 3; i++) {
        cpu_set_level(cpu, cases[i].el, cases[i].spsel);
        cpu->pc = CODE;
        take_after(EC_SVC, 0x55);
        assert_int_equal(cpu->pc, VECTORS + cases[i].offset);
        assert_int_equal(cpu->sys.ELR_EL1, CODE + 4);
        assert_int_equal(cpu->sys.ESR_EL1, EC_SVC << 26 | 1 << 25 | 0x55);
        cpu_set_level(cpu, cases[i].el, cases[i].spsel);
        cpu->pc = CODE;
        cpu->irq_pending = 1;
        cpu->pstate.daif = 0;
        cpu_take_interrupt(cpu);
        assert_int_equal(cpu->pc, VECTORS + cases[i].offset + 0x80);
        assert_int_equal(cpu->sys.ELR_EL1, CODE);
        cpu->irq_pending = 0;
        cpu_set_level(cpu, cases[i].el, cases[i].spsel);
        cpu->serror_pending = 1;
        cpu->pstate.daif = 0;
        cpu_take_interrupt(cpu);
        assert_int_equal(cpu->pc, VECTORS + cases[i].offset + 0x180);
        assert_int_equal(BENCH_EC(bench), EC_SERROR);
        assert_false(cpu->serror_pending);
    }
}

static void classes_change_from_a_lower_level(void **state)
{
    raise_at(EC_DATA_ABORT, 7);
    assert_int_equal(BENCH_EC(bench), EC_DATA_ABORT);
    assert_int_equal(cpu->sys.ELR_EL1, CODE);
    assert_int_equal(cpu->sys.FAR_EL1, 0x1234);
    cpu_set_level(cpu, 0, 0);
    raise_at(EC_DATA_ABORT, 7);
    assert_int_equal(BENCH_EC(bench), EC_DATA_ABORT_LOWER);
}

static void an_exception_counts_and_says_so(void **state)
{
    uint64_t icount = cpu->icount;
    raise_at(EC_DATA_ABORT, 7);
    assert_int_equal(cpu->icount, icount + 1);
    assert_int_equal(cpu->unretired, 1);
    cpu->pc = CODE;
    take_after(EC_SVC, 0);
    assert_int_equal(cpu->icount, icount + 2);
    assert_int_equal(cpu->unretired, 1);
}

static void entry_saves_and_sets_pstate(void **state)
{
    cpu_set_level(cpu, 0, 0);
    cpu->nzcv = (struct nzcv){1, 0, 1, 0};
    cpu->pstate.daif = 0;
    cpu->pstate.ssbs = cpu->pstate.dit = 1;
    cpu->pstate.btype = 2;
    cpu->sys.SCTLR_EL1 &= ~(1ull << 23); /* SPAN = 0: PAN is set */
    cpu->x[REG_SP] = 0x5000;
    cpu->sp_banked[1] = 0x6000;
    bool guarded;
    cpu->pc = CODE + 2;
    assert_true(RAISES(bench, mmu_fetch(cpu, cpu->pc, &guarded)));
    assert_int_equal(cpu->sys.SPSR_EL1, 0xa0000000 | 1 << 24 | 1 << 12 | 2 << 10);
    assert_int_equal(cpu->pstate.el, 1);
    assert_int_equal(cpu->pstate.spsel, 1);
    assert_int_equal(cpu->pstate.daif, 15);
    assert_int_equal(cpu->pstate.pan, 1);
    assert_int_equal(cpu->pstate.ssbs, 0);
    assert_int_equal(cpu->pstate.dit, 1);
    assert_int_equal(cpu->pstate.btype, 0);
    assert_int_equal(cpu->x[REG_SP], 0x6000);
    assert_int_equal(cpu->sp_banked[0], 0x5000);
}

static void eret(uint64_t spsr)
{
    cpu->sys.SPSR_EL1 = spsr;
    cpu->sys.ELR_EL1 = CODE + 0x40;
    struct insn insn = bench_insn(bench, 0xd69f03e0);
    assert_false(RAISES(bench, exception_return(cpu, &insn)));
    assert_int_equal(cpu->pc, CODE + 0x40);
}

static void return_restores_what_entry_saved(void **state)
{
    const uint64_t spsr = 0x90000000 | 1 << 24 | 1 << 23 | 1 << 22 | 1 << 12 | 3 << 10 | 5 << 6;
    cpu->x[REG_SP] = 0x6000;
    cpu->sp_banked[0] = 0x5000;
    cpu->exclusive.size = 8;
    cpu->event_register = 0;
    eret(spsr);
    assert_int_equal(cpu->pstate.el, 0);
    assert_int_equal(pstate_to_spsr(cpu), spsr);
    assert_int_equal(cpu->x[REG_SP], 0x5000);
    assert_int_equal(cpu->exclusive.size, 0);
    assert_int_equal(cpu->event_register, 1);
    assert_ptr_equal(cpu->tlb, tlb_table(cpu->tlb_all, TLB_EL0));
}

static void illegal_returns_set_il(void **state)
{
    static const unsigned modes[] = {0x10, 0x1, 0x2, 0x6, 0x8, 0x9, 0xd};
    for (unsigned i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        cpu->pstate.il = 0;
        eret(0x40000000 | modes[i]);
        assert_int_equal(cpu->pstate.el, 1);
        assert_int_equal(cpu->pstate.spsel, 1);
        assert_int_equal(cpu->pstate.il, 1);
        assert_int_equal(cpu->nzcv.z, 1); /* flags come back all the same */
        assert_int_equal(cpu->debug_armed, DEBUG_ILLEGAL_STATE);
        assert_true(RAISES(bench, debug_before_insn(cpu)));
        assert_int_equal(BENCH_EC(bench), EC_ILLEGAL_STATE);
        assert_int_equal(cpu->sys.ELR_EL1, CODE + 0x40);
        assert_int_equal(cpu->sys.SPSR_EL1 >> 20 & 1, 1);
        assert_int_equal(cpu->debug_armed, 0);
    }
}

static void masks_hold_interrupts_back(void **state)
{
    cpu->pstate.daif = 2;
    cpu->limit = 1000;
    cpu_set_interrupt(cpu, CPU_IRQ, true);
    assert_false(cpu_interrupt_ready(cpu));
    assert_int_equal(cpu->limit, 1000);
    cpu->pstate.daif = 0;
    cpu_state_changed(cpu);
    assert_true(cpu_interrupt_ready(cpu));
    assert_int_equal(cpu->limit, 0);
    cpu->pstate.daif = 3;
    cpu_set_interrupt(cpu, CPU_FIQ, true);
    assert_false(cpu_interrupt_ready(cpu));
    cpu->pstate.daif = 2;
    cpu_take_interrupt(cpu); /* FIQ, the only one not masked */
    assert_int_equal(cpu->pc & 0x780, 0x300);
}

static void waits_end_by_what_wakes_them(void **state)
{
    cpu->pstate.daif = 15;
    cpu->wait = WAIT_WFI;
    cpu_send_event(cpu);
    assert_int_equal(cpu->wait, WAIT_WFI);
    cpu_set_interrupt(cpu, CPU_IRQ, true); /* masked, and wakes WFI */
    assert_int_equal(cpu->wait, WAIT_NONE);
    cpu_set_interrupt(cpu, CPU_IRQ, false);
    cpu->event_register = 0;
    cpu->wait = WAIT_WFE;
    cpu_set_interrupt(cpu, CPU_IRQ, true); /* masked: does not wake WFE */
    assert_int_equal(cpu->wait, WAIT_WFE);
    cpu_send_event(cpu);
    assert_int_equal(cpu->wait, WAIT_NONE);
    assert_int_equal(cpu->event_register, 0);
}

/* Debug. */

static void enable_debug(uint64_t mdscr)
{
    sysreg_write(cpu, SR_OSLAR_EL1, 0);
    sysreg_write(cpu, SR_MDSCR_EL1, mdscr);
    cpu->pstate.daif = 0;
    cpu_state_changed(cpu);
}

static void breakpoints_match_address_level_and_context(void **state)
{
    enum { MDE = 1 << 15, KDE = 1 << 13 };
    sysreg_write(cpu, SR_DBGBVR0_EL1, CODE);
    sysreg_write(cpu, SR_DBGBCR0_EL1, 0x1e1 | 3 << 1);
    enable_debug(MDE);
    assert_int_equal(cpu->debug_armed, 0); /* EL1 without KDE */
    enable_debug(MDE | KDE);
    assert_int_equal(cpu->debug_armed, DEBUG_BREAKPOINT);
    cpu->pc = CODE + 4;
    assert_false(RAISES(bench, debug_before_insn(cpu)));
    cpu->pc = CODE;
    assert_true(RAISES(bench, debug_before_insn(cpu)));
    assert_int_equal(BENCH_EC(bench), EC_BREAKPOINT);
    assert_int_equal(BENCH_ISS(bench), FAULT_DEBUG);
    assert_int_equal(cpu->debug_armed, 0); /* PSTATE.D masks them in the handler */

    cpu->pstate.daif = 0;
    cpu->pc = CODE;
    sysreg_write(cpu, SR_DBGBCR0_EL1, 0x1e1 | 3 << 1 | 1 << 20 | 5 << 16); /* linked to 5 */
    sysreg_write(cpu, SR_DBGBCR5_EL1, 0x1e1 | 3 << 1 | 3 << 20);
    sysreg_write(cpu, SR_DBGBVR5_EL1, 0x77);
    assert_false(RAISES(bench, debug_before_insn(cpu)));
    sysreg_write(cpu, SR_CONTEXTIDR_EL1, 0x77);
    assert_true(RAISES(bench, debug_before_insn(cpu)));
    sysreg_write(cpu, SR_OSLAR_EL1, 1);
    cpu->pstate.daif = 0;
    cpu_state_changed(cpu);
    assert_int_equal(cpu->debug_armed, 0);
}

static void watchpoints_see_the_bytes_they_watch(void **state)
{
    enum { MDE = 1 << 15, KDE = 1 << 13, STORES = 2 << 3, LOADS = 1 << 3 };
    struct insn insn = {.left = 0};
    sysreg_write(cpu, SR_SCTLR_EL1, 0);
    uint64_t data = BENCH_RAM + 0x5000;
    mem_write64(cpu, &insn, data, 7); /* in the TLB before the watchpoint is */
    sysreg_write(cpu, SR_DBGWVR1_EL1, data);
    sysreg_write(cpu, SR_DBGWCR1_EL1, 1 | 3 << 1 | STORES | 0x0c << 5); /* bytes 2 and 3 */
    enable_debug(MDE | KDE);
    assert_false(RAISES(bench, mem_write16(cpu, &insn, data, 1)));
    assert_false(RAISES(bench, mem_read64(cpu, &insn, data)));
    assert_false(RAISES(bench, mem_write32(cpu, &insn, data + 4, 1)));
    assert_true(RAISES(bench, mem_write64(cpu, &insn, data, 9)));
    assert_int_equal(BENCH_EC(bench), EC_WATCHPOINT);
    assert_int_equal(BENCH_ISS(bench), 1 << 6 | FAULT_DEBUG);
    assert_int_equal(cpu->sys.FAR_EL1, data + 2);
    assert_int_not_equal(bench_peek(bench, data), 9);
    cpu->pstate.daif = 0;
    sysreg_write(cpu, SR_DBGWCR1_EL1, 1 | 3 << 1 | LOADS | 0xff << 5 | 4 << 24); /* 16 bytes */
    assert_true(RAISES(bench, mem_read8(cpu, &insn, data + 15)));
    assert_int_equal(BENCH_ISS(bench), FAULT_DEBUG);
    cpu->pstate.daif = 0;
    assert_false(RAISES(bench, mem_read8(cpu, &insn, data + 16)));
    sysreg_write(cpu, SR_MDSCR_EL1, 0);
    assert_false(RAISES(bench, mem_read8(cpu, &insn, data + 15)));
}

static void software_step_runs_one_instruction(void **state)
{
    enum { SS = 1, SPSR_SS = 1 << 21 };
    enable_debug(SS); /* EL1 without KDE: inactive here, active at EL0 */
    eret(SPSR_SS);
    assert_int_equal(cpu->pstate.ss, 1);
    assert_int_equal(cpu->debug_armed, DEBUG_STEPPING);
    bench_poke(bench, cpu->pc, 0xd503201fd503201f);
    assert_false(RAISES(bench, debug_before_insn(cpu)));
    cpu->pc += 4;
    debug_after_insn(cpu);
    assert_int_equal(cpu->pstate.ss, 0);
    assert_true(RAISES(bench, debug_before_insn(cpu)));
    assert_int_equal(BENCH_EC(bench), EC_STEP_LOWER);
    assert_int_equal(BENCH_ISS(bench), 1 << 24 | FAULT_DEBUG);
    assert_int_equal(cpu->sys.ELR_EL1, CODE + 0x44);
    assert_int_equal(cpu->debug_armed, 0);

    /* A fault leaves the step to be done again; SVC completes it. */
    eret(SPSR_SS);
    assert_false(RAISES(bench, debug_before_insn(cpu)));
    raise_at(EC_DATA_ABORT, 7);
    assert_int_equal(cpu->sys.SPSR_EL1 & SPSR_SS, SPSR_SS);
    eret(SPSR_SS);
    assert_false(RAISES(bench, debug_before_insn(cpu)));
    take_after(EC_SVC, 0);
    assert_int_equal(cpu->sys.SPSR_EL1 & SPSR_SS, 0);

    /* A load exclusive is told (ESR.EX). */
    bench_poke(bench, CODE + 0x40, 0xc85f7c00);
    eret(SPSR_SS);
    assert_false(RAISES(bench, debug_before_insn(cpu)));
    debug_after_insn(cpu);
    assert_true(RAISES(bench, debug_before_insn(cpu)));
    assert_int_equal(BENCH_ISS(bench), 1 << 24 | 1 << 6 | FAULT_DEBUG);
}

static bool target_raises(uint32_t word, unsigned btype)
{
    struct insn insn = {.word = word};
    cpu->pstate.btype = (uint8_t)btype;
    cpu->pc = CODE;
    return RAISES(bench, debug_check_branch_target(cpu, &insn));
}

static void branch_targets(void **state)
{
    static const struct {
        uint32_t word;
        unsigned allowed; /* bit n: for BTYPE n */
    } cases[] = {
        {0xd503241f, 0},  {0xd503245f, 6}, {0xd503249f, 10}, {0xd50324df, 14},
        {0xd503233f, 14}, {0xd503201f, 0}, {0xd4200000, 14}, {0xd4400000, 14},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (unsigned btype = 1; btype <= 3; btype++) {
            bool raises = target_raises(cases[i].word, btype);
            assert_int_equal(raises, !(cases[i].allowed >> btype & 1));
            if (raises) {
                assert_int_equal(BENCH_EC(bench), EC_BTI);
                assert_int_equal(BENCH_ISS(bench), btype);
                assert_int_equal(cpu->sys.SPSR_EL1 >> 10 & 3, btype);
            }
        }
    }
    cpu->sys.SCTLR_EL1 |= 1ull << 36; /* BT1 */
    assert_true(target_raises(0xd503233f, 3));
    assert_false(target_raises(0xd503233f, 2));
}

int main(void)
{
#define EXCEPTION_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        EXCEPTION_TEST(vectors_depend_on_where_it_comes_from),
        EXCEPTION_TEST(classes_change_from_a_lower_level),
        EXCEPTION_TEST(an_exception_counts_and_says_so),
        EXCEPTION_TEST(entry_saves_and_sets_pstate),
        EXCEPTION_TEST(return_restores_what_entry_saved),
        EXCEPTION_TEST(illegal_returns_set_il),
        EXCEPTION_TEST(masks_hold_interrupts_back),
        EXCEPTION_TEST(waits_end_by_what_wakes_them),
        EXCEPTION_TEST(breakpoints_match_address_level_and_context),
        EXCEPTION_TEST(watchpoints_see_the_bytes_they_watch),
        EXCEPTION_TEST(software_step_runs_one_instruction),
        EXCEPTION_TEST(branch_targets),
    };
    return cmocka_run_group_tests_name("exception", tests, NULL, NULL);
}
