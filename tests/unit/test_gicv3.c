/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The GICv3's distributor: registers, levels and edges, groups, routing, active states, saved state. */
#include "tests/unit/gicv3_rig.h"

static void distributor_registers(void **state)
{
    static const struct reg_expectation list[] = {
        {0x0000, 4, 0x50, 0x53},    {0x0004, 4, 0x07490008, 0x07490008},
        {0x0008, 4, 0x43b, 0x43b},  {0x000c, 4, 0, 0},
        {0x0010, 4, 0, 0},          {0x0040, 4, 0, 0},
        {0x0048, 4, 0, 0},          {0x0080, 4, 0, 0}, /* SGIs and PPIs are the redistributors' */
        {0x0084, 4, 0, 0xffffffff}, {0x00a0, 4, 0, 0xffffffff},
        {0x00a4, 4, 0, 0}, /* past the last SPI */
        {0x0100, 4, 0, 0},          {0x0104, 4, 0, 0xffffffff},
        {0x0180, 4, 0, 0},          {0x0184, 4, 0, 0},
        {0x0200, 4, 0, 0},          {0x0204, 4, 0, 0xffffffff},
        {0x0280, 4, 0, 0},          {0x0300, 4, 0, 0},
        {0x0304, 4, 0, 0xffffffff}, {0x0380, 4, 0, 0},
        {0x0400, 4, 0, 0},          {0x0420, 1, 0, 0xf8},
        {0x051c, 4, 0, 0xf8f8f8f8}, {0x0520, 4, 0, 0},
        {0x0800, 4, 0, 0},          {0x0820, 4, 0, 0}, /* ITARGETSR: affinity routing is on */
        {0x0c00, 4, 0, 0},          {0x0c08, 4, 0, 0xaaaaaaaa},
        {0x0c44, 4, 0, 0xaaaaaaaa}, {0x0c48, 4, 0, 0},
        {0x0d04, 4, 0, 0}, /* IGRPMODR */
        {0x0e08, 4, 0, 0}, /* NSACR */
        {0x0f00, 4, 0, 0}, /* SGIR */
        {0x0f10, 4, 0, 0},          {0x6100, 8, 0, 0xff00ffffff},
        {0x6104, 4, 0, 0xff},       {0x68f8, 8, 0, 0xff00ffffff},
        {0x6900, 8, 0, 0},          {0xffd0, 4, 0x44, 0x44},
        {0xffe0, 4, 0x92, 0x92},    {0xffe4, 4, 0xb4, 0xb4},
        {0xffe8, 4, 0x3b, 0x3b},    {0xfff0, 4, 0x0d, 0x0d},
        {0xfff4, 4, 0xf0, 0xf0},    {0xfff8, 4, 0x05, 0x05},
        {0xfffc, 4, 0xb1, 0xb1},
    };
    bench_check_registers(&bench, list, sizeof list / sizeof list[0]);
}

static void odd_widths_do_nothing(void **state)
{
    set_priv(0, SGI_FRAME + IGROUPR, ~0u);
    assert_int_equal(bench_read(&redist, SGI_FRAME + IGROUPR, 1), 0);
    assert_int_equal(bench_read(&redist, SGI_FRAME + IGROUPR, 2), 0);
    assert_int_equal(bench_read(&redist, SGI_FRAME + IGROUPR, 8), 0);
    bench_write(&redist, SGI_FRAME + IPRIORITYR, 1, 0x48);
    assert_int_equal(bench_read(&redist, SGI_FRAME + IPRIORITYR, 1), 0x48);
    bench_write(&bench, ISENABLER + 4, 1, 0xff);
    bench_write(&bench, ISENABLER + 8, 8, ~0ull);
    bench_write(&bench, IGROUPR + 4, 2, 0xffff);
    bench_write(&redist, SGI_FRAME + ISENABLER, 2, 0xffff);
    assert_int_equal(dist(ISENABLER + 4), 0);
    assert_int_equal(dist(ISENABLER + 8), 0);
    assert_int_equal(dist(IGROUPR + 4), 0);
    assert_int_equal(priv(0, SGI_FRAME + ISENABLER), 0);
    assert_int_equal(bench_read(&bench, 0xffe8, 1), 0);
}

static void a_level_lasts_as_long_as_the_wire(void **state)
{
    set_spi_up(33, 0x80, false);
    spi_level(33, true);
    assert_true(irq[0].level);
    assert_false(fiq[0].level);
    assert_false(irq[1].level);
    assert_int_equal(dist(ISPENDR + 4), 2);
    assert_int_equal(icc(0, ICC_HPPIR1), 33);
    assert_int_equal(icc(0, ICC_HPPIR0), SPURIOUS);
    spi_level(33, false);
    assert_false(irq[0].level);
    assert_int_equal(icc(0, ICC_IAR1), SPURIOUS);
    spi_level(33, true);
    assert_int_equal(icc(0, ICC_IAR1), 33);
    assert_false(irq[0].level);
    assert_int_equal(dist(ISACTIVER + 4), 2);
    assert_int_equal(dist(ISPENDR + 4), 2); /* active and pending */
    set_icc(0, ICC_EOIR1, 33);
    assert_true(irq[0].level); /* still asserted: again */
    assert_int_equal(icc(0, ICC_IAR1), 33);
    spi_level(33, false);
    set_icc(0, ICC_EOIR1, 33);
    assert_false(irq[0].level);
    assert_int_equal(dist(ISPENDR + 4), 0);
}

static void an_edge_lasts_until_taken(void **state)
{
    set_spi_up(40, 0x80, true);
    spi_level(40, true);
    spi_level(40, false);
    assert_true(irq[0].level);
    assert_int_equal(icc(0, ICC_IAR1), 40);
    assert_int_equal(dist(ISPENDR + 4), 0);
    spi_level(40, true); /* another edge while active */
    assert_int_equal(dist(ISPENDR + 4), 1 << 8);
    assert_false(irq[0].level);
    set_icc(0, ICC_EOIR1, 40);
    assert_true(irq[0].level);
    assert_int_equal(icc(0, ICC_IAR1), 40);
    set_icc(0, ICC_EOIR1, 40);
    assert_false(irq[0].level); /* the wire is still high, but that is no edge */
}

static void pending_by_hand(void **state)
{
    set_spi_up(33, 0x80, false);
    set_dist(ISPENDR + 4, 2);
    assert_true(irq[0].level);
    set_dist(ICPENDR + 4, 2);
    assert_false(irq[0].level);
    set_dist(ISPENDR + 4, 2);
    spi_level(33, true);
    set_dist(ICPENDR + 4, 2); /* takes the latch, not the wire */
    assert_true(irq[0].level);
    set_dist(ISPENDR + 4, 2);
    spi_level(33, false);
    assert_true(irq[0].level);
    assert_int_equal(icc(0, ICC_IAR1), 33); /* taking it clears the latch */
    assert_int_equal(dist(ISPENDR + 4), 0);
    set_icc(0, ICC_EOIR1, 33);
    assert_false(irq[0].level);
}

static void messages_stand_for_wires(void **state)
{
    set_spi_up(50, 0x80, false);
    set_spi_up(51, 0x80, true);
    set_dist(SETSPI, 50);
    assert_true(irq[0].level);
    assert_int_equal(icc(0, ICC_IAR1), 50);
    set_icc(0, ICC_EOIR1, 50);
    assert_true(irq[0].level);
    bench_write(&bench, CLRSPI, 2, 50);
    assert_false(irq[0].level);
    for (unsigned i = 0; i < 2; i++) { /* each message is an edge */
        set_dist(SETSPI, 51);
        assert_int_equal(icc(0, ICC_IAR1), 51);
        set_icc(0, ICC_EOIR1, 51);
    }
    set_dist(ISPENDR + 4, 1u << 18); /* by hand: not the message's to take back */
    set_dist(CLRSPI, 50);
    assert_int_equal(icc(0, ICC_IAR1), 50);
    set_icc(0, ICC_EOIR1, 50);
    set_dist(SETSPI, 51);
    set_dist(CLRSPI, 51);
    assert_false(irq[0].level);
    set_dist(SETSPI, 31);
    set_dist(SETSPI, 288);
    set_dist(SETSPI, 8191);
    assert_int_equal(icc(0, ICC_HPPIR1), SPURIOUS);
}

static void enables_gate_at_every_stage(void **state)
{
    set_spi_up(33, 0x80, false);
    spi_level(33, true);
    set_dist(ICENABLER + 4, 2);
    assert_false(irq[0].level);
    assert_int_equal(dist(ISPENDR + 4), 2); /* pending all the same */
    set_dist(ISENABLER + 4, 2);
    assert_true(irq[0].level);
    set_dist(CTLR, 1);
    assert_false(irq[0].level);
    set_dist(CTLR, 2);
    assert_true(irq[0].level);
    set_icc(0, ICC_IGRPEN1, 0);
    assert_false(irq[0].level);
    assert_int_equal(icc(0, ICC_HPPIR1), SPURIOUS);
    set_icc(0, ICC_IGRPEN1, 1);
    set_priv(0, WAKER, 2);
    assert_int_equal(priv(0, WAKER), 6);
    assert_false(irq[0].level);
    set_priv(0, WAKER, 0);
    assert_true(irq[0].level);
}

static void configuration_by_halves(void **state)
{
    set_dist(ICFGR + 8, 0xaaaaaaaa);
    set_dist(ICFGR + 12, 0x00000008);
    assert_int_equal(dist(ICFGR + 8), 0xaaaaaaaa);
    assert_int_equal(dist(ICFGR + 12), 0x00000008);
    set_dist(ICFGR + 12, 0x00000020);
    assert_int_equal(dist(ICFGR + 12), 0x00000020);
    set_dist(ICFGR + 12, 0x00000008);
    set_dist(ICFGR + 8, 0x20000002);
    assert_int_equal(dist(ICFGR + 8), 0x20000002);
    assert_int_equal(dist(ICFGR + 12), 0x00000008);
    set_spi_up(33, 0x80, false);
    spi_level(33, true);
    assert_true(irq[0].level);
    set_dist(ICFGR + 8, 8); /* an edge that was not seen as one */
    assert_false(irq[0].level);
    set_dist(ICFGR + 8, 0);
    assert_true(irq[0].level);
}

static void active_by_hand(void **state)
{
    set_spi_up(33, 0x80, false);
    set_dist(ISACTIVER + 4, 2);
    spi_level(33, true);
    assert_false(irq[0].level);
    set_dist(ICACTIVER + 4, 2);
    assert_true(irq[0].level);
    set_icc(0, ICC_AP1R0, 1u << 4); /* a restored context runs at 0x20 */
    assert_false(irq[0].level);
    assert_int_equal(icc(0, ICC_RPR), 0x20);
    set_icc(0, ICC_AP1R0, 0);
    assert_true(irq[0].level);
}

static void the_group_register_acts_at_once(void **state)
{
    set_spi_up(33, 0x80, false);
    spi_level(33, true);
    set_dist(IGROUPR + 4, ~2u);
    assert_true(fiq[0].level && !irq[0].level);
    set_dist(IGROUPR + 4, ~0u);
    assert_true(irq[0].level && !fiq[0].level);
    set_icc(0, ICC_BPR0, 7);
    set_icc(0, ICC_AP1R0, 1u << 15); /* runs at 0x78 */
    assert_false(irq[0].level);
    bench_write(&bench, IPRIORITYR + 33, 1, 0x78);
    assert_false(irq[0].level);
    set_icc(0, ICC_CTLR, 1); /* one binary point: 0x78 counts as 0 */
    assert_true(irq[0].level);
    set_icc(0, ICC_CTLR, 0);
    assert_false(irq[0].level);
}

static void spis_go_where_they_are_routed(void **state)
{
    set_spi_up(33, 0x80, false);
    spi_level(33, true);
    assert_true(irq[0].level);
    bench_write(&bench, IROUTER + 33 * 8, 8, 0x100020311);
    assert_false(irq[0].level);
    assert_true(irq[2].level);
    bench_write(&bench, IROUTER + 33 * 8 + 4, 4, 0); /* by halves: nobody is 0.2.3.17 */
    assert_false(irq[0].level || irq[1].level || irq[2].level);
    bench_write(&bench, IROUTER + 33 * 8, 4, 1);
    assert_true(irq[1].level);
    assert_int_equal(icc(1, ICC_IAR1), 33);
    bench_write(&bench, IROUTER + 33 * 8, 4, 0); /* moved while active */
    set_icc(1, ICC_EOIR1, 33);
    assert_true(irq[0].level && !irq[1].level);
}

static void saved_state_carries_everything(void **state)
{
    struct probe_wire other_irq[CPUS] = {0}, other_fiq[CPUS] = {0};
    struct gicv3 *other = create(other_irq, other_fiq);
    gicv3_class.reset(other);
    set_spi_up(33, 0x80, false);
    set_spi_up(34, 0x40, true);
    bench_write(&bench, IROUTER + 34 * 8, 8, 1);
    set_dist(ISPENDR + 4, 4);
    spi_level(33, true);
    assert_int_equal(icc(0, ICC_IAR1), 33);
    bench_transplant(gicv3_class.state, bench.device, other);
    gicv3_class.restored(other);
    assert_true(fields_hash(gicv3_class.state, other, 0) == fields_hash(gicv3_class.state, bench.device, 0));
    assert_true(other_irq[1].level && !other_irq[0].level);
    other_irq[1].level = false; /* whatever the wires carry, a restore drives them */
    gicv3_class.restored(other);
    assert_true(other_irq[1].level);
    assert_int_equal(gicv3_icc.read(other, 0, ICC_RPR), 0x80);
    gicv3_icc.write(other, 0, ICC_EOIR1, 33);
    assert_true(other_irq[0].level);
    gicv3_class.reset(other);
    assert_false(other_irq[0].level || other_irq[1].level);
    assert_int_equal(gicv3_icc.read(other, 0, ICC_IGRPEN1), 0);
    gicv3_class.free(other);
}

/* Against a model that looks at every interrupt anew: the kept candidate is always the right one. */
static void random_changes_keep_the_candidate_right(void **state)
{
    uint64_t seed = 1;
    for (unsigned step = 0; step < 20000; step++) {
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        unsigned random = (unsigned)(seed >> 33), intid = 32 + random % 64;
        switch (random >> 8 & 7) {
        case 0: set_spi_up(intid, random >> 16, random >> 12 & 1); break;
        case 1:
        case 2: spi_level(intid, random >> 12 & 1); break;
        case 3: set_dist(random >> 12 & 1 ? ISPENDR + 4 : ICPENDR + 4, 1u << intid % 32); break;
        case 4: bench_write(&bench, IROUTER + intid * 8, 8, random >> 12 & 1); break;
        case 5: set_dist(ICENABLER + 4, 1u << intid % 32); break;
        case 6: set_dist(random >> 12 & 1 ? ISACTIVER + 4 : ICACTIVER + 4, 1u << intid % 32); break;
        case 7: set_icc(0, ICC_PMR, random >> 12); break;
        }
        unsigned best = SPURIOUS, best_priority = 0x100;
        for (unsigned i = 32; i < 96; i++) {
            unsigned word = i / 32 * 4;
            bool ready =
                (dist(ISENABLER + word) & dist(ISPENDR + word) & ~dist(ISACTIVER + word)) >> i % 32 & 1;
            unsigned priority = (unsigned)bench_read(&bench, IPRIORITYR + i, 1);
            if (ready && bench_read(&bench, IROUTER + i * 8, 8) == 0 && priority < best_priority) {
                best = i;
                best_priority = priority;
            }
        }
        assert_int_equal(icc(0, ICC_HPPIR1), best);
        assert_int_equal(irq[0].level, best != SPURIOUS && best_priority < icc(0, ICC_PMR));
    }
}

#define IDLE(test)    cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define RUNNING(test) cmocka_unit_test_setup_teardown(test, set_up_running, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IDLE(distributor_registers),
        IDLE(odd_widths_do_nothing),
        RUNNING(a_level_lasts_as_long_as_the_wire),
        RUNNING(an_edge_lasts_until_taken),
        RUNNING(pending_by_hand),
        RUNNING(messages_stand_for_wires),
        RUNNING(enables_gate_at_every_stage),
        RUNNING(configuration_by_halves),
        RUNNING(active_by_hand),
        RUNNING(the_group_register_acts_at_once),
        RUNNING(spis_go_where_they_are_routed),
        RUNNING(saved_state_carries_everything),
        RUNNING(random_changes_keep_the_candidate_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
