/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The GICv3's CPU interfaces: registers, priorities, masks, preemption, groups, ends. */
#include "tests/unit/gicv3_rig.h"

static void cpu_interface_registers(void **state)
{
    static const struct {
        enum icc_reg reg;
        uint64_t reset, after_ones;
    } list[] = {
        {ICC_PMR, 0, 0xf8},       {ICC_BPR0, 2, 7},
        {ICC_BPR1, 3, 7},         {ICC_AP0R0, 0, 0xffffffff},
        {ICC_AP0R1, 0, 0},        {ICC_AP1R0, 0, 0xffffffff},
        {ICC_AP1R3, 0, 0},        {ICC_HPPIR0, 1023, 1023},
        {ICC_HPPIR1, 1023, 1023}, {ICC_IAR0, 1023, 1023},
        {ICC_IAR1, 1023, 1023},   {ICC_RPR, 0xff, 0xff},
        {ICC_SRE, 7, 7},          {ICC_IGRPEN0, 0, 1},
        {ICC_IGRPEN1, 0, 1},      {ICC_EOIR0, 0, 0},
        {ICC_EOIR1, 0, 0},        {ICC_DIR, 0, 0},
        {ICC_SGI1R, 0, 0},        {ICC_CTLR, 0x48400, 0x48443},
    };
    for (unsigned i = 0; i < sizeof list / sizeof list[0]; i++) {
        gicv3_class.reset(bench.device);
        assert_int_equal(icc(1, list[i].reg), list[i].reset);
        set_icc(1, list[i].reg, ~0ull);
        assert_int_equal(icc(1, list[i].reg), list[i].after_ones);
    }
    set_icc(1, ICC_BPR0, 0);
    set_icc(1, ICC_BPR1, 0);
    set_icc(1, ICC_CTLR, 0);
    assert_int_equal(icc(1, ICC_BPR0), 2);
    assert_int_equal(icc(1, ICC_BPR1), 3);
}

static void the_most_urgent_first(void **state)
{
    set_spi_up(32, 0xa0, false);
    set_spi_up(99, 0x40, false);
    set_spi_up(200, 0x40, false);
    set_spi_up(287, 0x60, false);
    spi_level(287, true);
    spi_level(32, true);
    spi_level(200, true);
    spi_level(99, true);
    assert_int_equal(icc(0, ICC_IAR1), 99); /* of equals the lower number */
    spi_level(99, false);
    set_icc(0, ICC_EOIR1, 99);
    assert_int_equal(icc(0, ICC_HPPIR1), 200);
    bench_write(&bench, IPRIORITYR + 32, 1, 0x38);
    assert_int_equal(icc(0, ICC_HPPIR1), 32);
}

static void the_mask_is_a_threshold(void **state)
{
    set_spi_up(33, 0x80, false);
    spi_level(33, true);
    set_icc(0, ICC_PMR, 0x80);
    assert_false(irq[0].level);
    assert_int_equal(icc(0, ICC_IAR1), SPURIOUS);
    assert_int_equal(icc(0, ICC_HPPIR1), 33); /* seen, if not taken */
    set_icc(0, ICC_PMR, 0x88);
    assert_true(irq[0].level);
    set_icc(0, ICC_PMR, 0xff);
    bench_write(&bench, IPRIORITYR + 33, 1, 0xff); /* the lowest priority is never signalled */
    assert_false(irq[0].level);
}

static void preemption_nests(void **state)
{
    set_spi_up(33, 0x80, true);
    set_spi_up(34, 0x78, true);
    set_spi_up(35, 0x80, true);
    set_dist(ISPENDR + 4, 2);
    assert_int_equal(icc(0, ICC_IAR1), 33);
    assert_int_equal(icc(0, ICC_RPR), 0x80);
    assert_int_equal(icc(0, ICC_AP1R0), 1u << 16);
    set_dist(ISPENDR + 4, 8);
    assert_false(irq[0].level); /* the same priority does not preempt */
    assert_int_equal(icc(0, ICC_IAR1), SPURIOUS);
    set_dist(ISPENDR + 4, 4);
    assert_true(irq[0].level);
    assert_int_equal(icc(0, ICC_IAR1), 34);
    assert_int_equal(icc(0, ICC_RPR), 0x78);
    assert_int_equal(icc(0, ICC_AP1R0), 3u << 15);
    set_icc(0, ICC_EOIR1, 34);
    assert_int_equal(icc(0, ICC_RPR), 0x80);
    assert_false(irq[0].level);
    set_icc(0, ICC_EOIR1, 33);
    assert_int_equal(icc(0, ICC_RPR), 0xff);
    assert_true(irq[0].level);
    assert_int_equal(icc(0, ICC_IAR1), 35);
}

static void binary_points_coarsen_preemption(void **state)
{
    set_spi_up(33, 0x78, true);
    set_spi_up(34, 0x48, true);
    set_spi_up(35, 0x38, true);
    set_icc(0, ICC_BPR1, 6); /* bits 7 and 6 count */
    set_dist(ISPENDR + 4, 2);
    assert_int_equal(icc(0, ICC_IAR1), 33);
    assert_int_equal(icc(0, ICC_RPR), 0x40);
    set_dist(ISPENDR + 4, 4);
    assert_false(irq[0].level);
    set_icc(0, ICC_BPR1, 3);
    assert_false(irq[0].level); /* 0x48 is not above what runs, which is 0x40 */
    set_icc(0, ICC_BPR1, 6);
    set_dist(ISPENDR + 4, 8);
    assert_int_equal(icc(0, ICC_IAR1), 35);
    assert_int_equal(icc(0, ICC_RPR), 0x00);
    set_icc(0, ICC_EOIR1, 35);
    set_icc(0, ICC_EOIR1, 33);
    /* One binary point for both groups: a BPR0 of n splits where a BPR1 of n + 1 does. */
    set_icc(0, ICC_CTLR, 1);
    set_icc(0, ICC_BPR0, 4);
    assert_int_equal(icc(0, ICC_BPR1), 5);
    set_icc(0, ICC_BPR1, 7);
    assert_int_equal(icc(0, ICC_BPR0), 4);
    assert_int_equal(icc(0, ICC_IAR1), 34);
    assert_int_equal(icc(0, ICC_RPR), 0x40);
    set_icc(0, ICC_BPR0, 7);
    assert_int_equal(icc(0, ICC_BPR1), 7);
    set_icc(0, ICC_CTLR, 0);
    assert_int_equal(icc(0, ICC_BPR1), 6);
}

static void a_coarser_binary_point_lets_in_at_once(void **state)
{
    set_spi_up(33, 0x48, true);
    set_spi_up(34, 0x50, true);
    set_dist(ISPENDR + 4, 2);
    assert_int_equal(icc(0, ICC_IAR1), 33);
    set_dist(ISPENDR + 4, 4);
    assert_false(irq[0].level);
    set_icc(0, ICC_BPR1, 6); /* now 0x50 counts as 0x40, above the 0x48 that runs */
    assert_true(irq[0].level);
}

static void group_0_is_fiq(void **state)
{
    set_spi_up(33, 0x80, true);
    set_spi_up(34, 0x40, true);
    set_dist(IGROUPR + 4, ~4u); /* 34 is in group 0 */
    set_dist(ISPENDR + 4, 2);
    assert_true(irq[0].level);
    set_dist(ISPENDR + 4, 4);
    assert_false(irq[0].level);
    assert_true(fiq[0].level);
    assert_int_equal(icc(0, ICC_IAR1), SPURIOUS); /* the most urgent is not of this group */
    assert_int_equal(icc(0, ICC_HPPIR1), SPURIOUS);
    assert_int_equal(icc(0, ICC_HPPIR0), 34);
    assert_int_equal(icc(0, ICC_IAR0), 34);
    assert_int_equal(icc(0, ICC_AP0R0), 1u << 8);
    assert_int_equal(icc(0, ICC_AP1R0), 0);
    set_icc(0, ICC_EOIR1, 34); /* the wrong group's register: nothing */
    assert_int_equal(icc(0, ICC_RPR), 0x40);
    set_icc(0, ICC_EOIR0, 34);
    assert_int_equal(icc(0, ICC_RPR), 0xff);
    assert_int_equal(dist(ISACTIVER + 4), 0);
    assert_true(irq[0].level);
    set_dist(ISPENDR + 4, 4);
    set_icc(0, ICC_IGRPEN0, 0); /* with its group off it stands in nobody's way */
    assert_int_equal(icc(0, ICC_IAR1), 33);
    set_icc(0, ICC_IGRPEN0, 1);
    set_dist(CTLR, 2);
    assert_false(fiq[0].level);
    set_dist(CTLR, 3);
    assert_true(fiq[0].level);
}

static void drop_and_deactivate_apart(void **state)
{
    set_spi_up(33, 0x80, false);
    set_icc(0, ICC_CTLR, 2);
    spi_level(33, true);
    assert_int_equal(icc(0, ICC_IAR1), 33);
    set_icc(0, ICC_EOIR1, 33);
    assert_int_equal(icc(0, ICC_RPR), 0xff);
    assert_int_equal(dist(ISACTIVER + 4), 2);
    assert_false(irq[0].level); /* pending, but active */
    set_icc(1, ICC_CTLR, 2);
    set_icc(1, ICC_DIR, 33); /* any CPU may deactivate an SPI */
    assert_int_equal(dist(ISACTIVER + 4), 0);
    assert_true(irq[0].level);
    assert_int_equal(icc(0, ICC_IAR1), 33);
    set_icc(0, ICC_CTLR, 0);
    set_icc(0, ICC_DIR, 33); /* without EOImode there is no DIR */
    assert_int_equal(dist(ISACTIVER + 4), 2);
    spi_level(33, false);
    set_icc(0, ICC_EOIR1, 33);
    assert_int_equal(dist(ISACTIVER + 4), 0);
}

static void special_intids_end_nothing(void **state)
{
    set_spi_up(33, 0x80, true);
    set_dist(ISPENDR + 4, 2);
    assert_int_equal(icc(0, ICC_IAR1), 33);
    for (unsigned intid = 1020; intid < 1024; intid++)
        set_icc(0, ICC_EOIR1, intid);
    assert_int_equal(icc(0, ICC_RPR), 0x80);
    set_icc(0, ICC_EOIR1, 600); /* an interrupt that is not there: the priority drops */
    assert_int_equal(icc(0, ICC_RPR), 0xff);
    assert_int_equal(dist(ISACTIVER + 4), 2);
}

/* Both groups run: each EOI register drops only what runs now. */
static void groups_nest(void **state)
{
    set_spi_up(33, 0x80, true);
    set_spi_up(34, 0x40, true);
    set_dist(IGROUPR + 4, ~2u); /* 33 is in group 0 */
    set_icc(0, ICC_BPR0, 6);    /* bit 7 alone counts in group 0 */
    set_dist(ISPENDR + 4, 2);
    assert_int_equal(icc(0, ICC_IAR0), 33);
    assert_int_equal(icc(0, ICC_RPR), 0x80);
    set_dist(ISPENDR + 4, 4);
    assert_int_equal(icc(0, ICC_IAR1), 34);
    assert_int_equal(icc(0, ICC_RPR), 0x40);
    set_icc(0, ICC_EOIR0, 33);
    assert_int_equal(icc(0, ICC_RPR), 0x40);
    set_icc(0, ICC_EOIR1, 34);
    assert_int_equal(icc(0, ICC_RPR), 0x80);
    set_icc(0, ICC_EOIR1, 33);
    assert_int_equal(icc(0, ICC_RPR), 0x80);
    set_icc(0, ICC_EOIR0, 33);
    assert_int_equal(icc(0, ICC_RPR), 0xff);
    assert_int_equal(dist(ISACTIVER + 4), 0);
    bench_write(&bench, IPRIORITYR + 33, 1, 0x78);
    set_dist(ISPENDR + 4, 2);
    assert_int_equal(icc(0, ICC_IAR0), 33);
    assert_int_equal(icc(0, ICC_RPR), 0x00);
}

#define IDLE(test)    cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define RUNNING(test) cmocka_unit_test_setup_teardown(test, set_up_running, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IDLE(cpu_interface_registers),
        RUNNING(the_most_urgent_first),
        RUNNING(the_mask_is_a_threshold),
        RUNNING(preemption_nests),
        RUNNING(binary_points_coarsen_preemption),
        RUNNING(a_coarser_binary_point_lets_in_at_once),
        RUNNING(group_0_is_fiq),
        RUNNING(drop_and_deactivate_apart),
        RUNNING(special_intids_end_nothing),
        RUNNING(groups_nest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
