/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The GICv3's redistributors: registers, private interrupts, SGIs. */
#include "tests/unit/gicv3_rig.h"

static void redistributor_registers(void **state)
{
    static const struct reg_expectation list[] = {
        {0x00000, 4, 0, 0},
        {0x00004, 4, 0x43b, 0x43b},
        {0x00008, 8, 0, 0},
        {0x20008, 8, 0x0000000100000100, 0x0000000100000100},
        {0x40008, 8, 0x0102031100000210, 0x0102031100000210}, /* Last */
        {0x4000c, 4, 0x01020311, 0x01020311},
        {0x00014, 4, 6, 6},
        {0x00070, 8, 0, 0}, /* there are no LPIs */
        {0x00078, 8, 0, 0},
        {0x000c0, 4, 0, 0},
        {0x0ffd0, 4, 0x44, 0x44},
        {0x0ffe0, 4, 0x93, 0x93},
        {0x0ffe4, 4, 0xb4, 0xb4},
        {0x0ffe8, 4, 0x3b, 0x3b},
        {0x0fff0, 4, 0x0d, 0x0d},
        {0x0fff4, 4, 0xf0, 0xf0},
        {0x0fff8, 4, 0x05, 0x05},
        {0x0fffc, 4, 0xb1, 0xb1},
        {0x10080, 4, 0, 0xffffffff},
        {0x30080, 4, 0, 0xffffffff},
        {0x10100, 4, 0, 0xffffffff},
        {0x10180, 4, 0, 0},
        {0x10200, 4, 0, 0xffffffff},
        {0x10280, 4, 0, 0},
        {0x10300, 4, 0, 0xffffffff},
        {0x10380, 4, 0, 0},
        {0x10400, 4, 0, 0xf8f8f8f8},
        {0x1041f, 1, 0, 0xf8},
        {0x10420, 4, 0, 0},
        {0x10c00, 4, 0xaaaaaaaa, 0xaaaaaaaa},
        {0x10c04, 4, 0, 0xaaaaaaaa},
        {0x10d00, 4, 0, 0},
        {0x10e00, 4, 0, 0},
        {0x60000, 4, 0, 0}, /* past the last CPU */
    };
    struct device_class class = gicv3_class;
    uint64_t type;
    assert_true(regs_read(gicv3_redist_regs, gicv3_redist(bench.device, 1), 8, 8, &type));
    assert_int_equal(type, 0x0000000100000100);
    class.regs = gicv3_redist_regs;
    redist.class = &class;
    bench_check_registers(&redist, list, sizeof list / sizeof list[0]);
}

static void ppis_are_each_cpus_own(void **state)
{
    for (unsigned cpu = 0; cpu < 2; cpu++)
        set_priv(cpu, SGI_FRAME + ISENABLER, 1u << 27);
    ppi_level(1, 27, true);
    assert_false(irq[0].level);
    assert_true(irq[1].level);
    assert_int_equal(priv(1, SGI_FRAME + ISPENDR), 1u << 27);
    assert_int_equal(priv(0, SGI_FRAME + ISPENDR), 0);
    assert_int_equal(icc(1, ICC_IAR1), 27);
    assert_int_equal(priv(1, SGI_FRAME + ISACTIVER), 1u << 27);
    assert_false(irq[1].level);
    set_icc(1, ICC_EOIR1, 27);
    assert_true(irq[1].level);
    set_priv(1, SGI_FRAME + ISACTIVER, 1u << 27);
    assert_false(irq[1].level);
    set_priv(1, SGI_FRAME + ICACTIVER, 1u << 27);
    assert_true(irq[1].level);
    assert_int_equal(priv(1, SGI_FRAME + ISACTIVER), 0);
    assert_int_equal(icc(1, ICC_IAR1), 27);
    ppi_level(1, 27, false);
    set_icc(1, ICC_EOIR1, 27);
    assert_int_equal(priv(1, SGI_FRAME + ISACTIVER), 0);
    set_priv(0, SGI_FRAME + ICFGR + 4, 2u << 22); /* 27 by edge */
    ppi_level(0, 27, true);
    ppi_level(0, 27, false);
    assert_true(irq[0].level);
    set_priv(0, SGI_FRAME + ICPENDR, 1u << 27);
    assert_false(irq[0].level);
}

/* Each register of the SGI frame acts at once, not at the next event. */
static void private_changes_act_at_once(void **state)
{
    ppi_level(0, 27, true);
    set_priv(0, SGI_FRAME + ISENABLER, 1u << 27);
    assert_true(irq[0].level);
    set_priv(0, SGI_FRAME + ICENABLER, 1u << 26);
    assert_int_equal(priv(0, SGI_FRAME + ISENABLER), 1u << 27);
    set_priv(0, SGI_FRAME + ICENABLER, 1u << 27);
    assert_false(irq[0].level);
    assert_int_equal(priv(0, SGI_FRAME + ICENABLER), 0);
    set_priv(0, SGI_FRAME + ISENABLER, 1u << 27 | 1u << 25);
    set_priv(0, SGI_FRAME + IGROUPR, 0);
    assert_true(fiq[0].level && !irq[0].level);
    set_priv(0, SGI_FRAME + IGROUPR, ~0u);
    assert_true(irq[0].level && !fiq[0].level);
    bench_write(&redist, SGI_FRAME + IPRIORITYR + 27, 1, 0xf8);
    assert_false(irq[0].level);
    bench_write(&redist, SGI_FRAME + IPRIORITYR + 27, 1, 0x80);
    assert_true(irq[0].level);
    set_priv(0, SGI_FRAME + ICFGR + 4, 2u << 22);
    assert_false(irq[0].level);
    set_priv(0, SGI_FRAME + ISPENDR, 1u << 25);
    assert_true(irq[0].level);
    set_priv(0, SGI_FRAME + ICPENDR, 1u << 25);
    assert_false(irq[0].level);
}

static void enable_sgis(void)
{
    for (unsigned cpu = 0; cpu < CPUS; cpu++)
        set_priv(cpu, SGI_FRAME + ISENABLER, 0xffff);
}

static void sgis_reach_the_list(void **state)
{
    enable_sgis();
    set_icc(0, ICC_SGI1R, 4u << 24 | 2); /* Aff0 1 */
    assert_true(!irq[0].level && irq[1].level && !irq[2].level);
    assert_int_equal(icc(1, ICC_IAR1), 4);
    set_icc(1, ICC_EOIR1, 4);
    set_icc(0, ICC_SGI1R, 5u << 24 | 3); /* Aff0 0 and 1 */
    assert_true(irq[0].level && irq[1].level && !irq[2].level);
    assert_int_equal(icc(1, ICC_IAR1), 5);
    set_icc(1, ICC_EOIR1, 5);
    assert_false(irq[1].level);
    assert_true(irq[0].level);
    /* CPU 2 is 1.2.3.17: range 1, list bit 1. */
    set_icc(0, ICC_SGI1R, 1ull << 48 | 1ull << 44 | 2ull << 32 | 3u << 24 | 3u << 16 | 2);
    assert_int_equal(icc(2, ICC_IAR1), 3);
    set_icc(2, ICC_EOIR1, 3);
    set_icc(0, ICC_SGI1R, 1ull << 48 | 2ull << 32 | 3u << 24 | 3u << 16 | 2);   /* range 0: Aff0 1 */
    set_icc(0, ICC_SGI1R, 1ull << 48 | 1ull << 44 | 2ull << 32 | 3u << 24 | 2); /* another Aff1 */
    assert_false(irq[2].level);
}

static void sgis_reach_all_others(void **state)
{
    enable_sgis();
    set_icc(1, ICC_SGI1R, 1ull << 40 | 7u << 24 | 0xffff);
    assert_true(irq[0].level && !irq[1].level && irq[2].level);
    assert_int_equal(icc(2, ICC_HPPIR1), 7);
}

static void sgis_by_group(void **state)
{
    enable_sgis();
    set_priv(1, SGI_FRAME + IGROUPR, ~1u); /* SGI 0 is in group 0 */
    set_icc(0, ICC_SGI0R, 0u << 24 | 2);
    assert_true(fiq[1].level);
    assert_int_equal(icc(1, ICC_IAR0), 0);
    set_icc(1, ICC_EOIR0, 0);
    set_icc(0, ICC_SGI0R, 1u << 24 | 2); /* SGI 1 is in group 1: not by this register */
    set_icc(0, ICC_ASGI1R, 1u << 24 | 2);
    assert_false(fiq[1].level || irq[1].level);
    set_icc(0, ICC_ASGI1R, 0u << 24 | 2);
    assert_true(fiq[1].level);
    set_priv(1, SGI_FRAME + ICPENDR, 1);
    set_icc(0, ICC_SGI1R, 0u << 24 | 2);
    assert_true(fiq[1].level);
}

#define IDLE(test)    cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define RUNNING(test) cmocka_unit_test_setup_teardown(test, set_up_running, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IDLE(redistributor_registers),
        RUNNING(ppis_are_each_cpus_own),
        RUNNING(private_changes_act_at_once),
        RUNNING(sgis_reach_the_list),
        RUNNING(sgis_reach_all_others),
        RUNNING(sgis_by_group),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
