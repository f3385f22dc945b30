/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The interrupt controller: registers, levels and edges, priorities and preemption, groups, active states,
 * SGIs, routing, and saved state. Three CPUs: 0.0.0.0, 0.0.0.1 and 1.2.3.17. */
#include "tests/unit/device_bench.h"
#include "peripherals/gicv3.h"

enum {
    CPUS = 3,
    SPIS = 256,
    SPURIOUS = 1023,
    /* distributor */
    CTLR = 0x0000,
    TYPER = 0x0004,
    SETSPI = 0x0040,
    CLRSPI = 0x0048,
    IGROUPR = 0x0080,
    ISENABLER = 0x0100,
    ICENABLER = 0x0180,
    ISPENDR = 0x0200,
    ICPENDR = 0x0280,
    ISACTIVER = 0x0300,
    ICACTIVER = 0x0380,
    IPRIORITYR = 0x0400,
    ICFGR = 0x0c00,
    IROUTER = 0x6000,
    /* redistributor */
    WAKER = 0x0014,
    SGI_FRAME = 0x10000,
};

static struct bench bench;
static struct bench redist; /* the same device through its other window */
static struct probe_wire irq[CPUS], fiq[CPUS];
static const uint64_t mpidr[CPUS] = {0x80000000, 0x80000001, 0x0180020311};

static struct gicv3 *create(struct probe_wire *irq_wires, struct probe_wire *fiq_wires)
{
    struct gicv3_cpu_config cpus[CPUS];
    for (unsigned i = 0; i < CPUS; i++)
        cpus[i] = (struct gicv3_cpu_config){mpidr[i], probe_line(&irq_wires[i]), probe_line(&fiq_wires[i])};
    const struct gicv3_config config = {cpus, CPUS, SPIS};
    return gicv3_create(&config);
}

static int set_up(void **state)
{
    memset(irq, 0, sizeof irq);
    memset(fiq, 0, sizeof fiq);
    bench_init(&bench);
    bench_place(&bench, &gicv3_class, &gicv3_dist_mmio, create(irq, fiq));
    redist = bench;
    redist.mmio = &gicv3_redist_mmio;
    return 0;
}

static int tear_down(void **state)
{
    bench_free(&bench);
    return 0;
}

static uint32_t dist(unsigned offset)
{
    return (uint32_t)bench_read(&bench, offset, 4);
}

static void set_dist(unsigned offset, uint32_t value)
{
    bench_write(&bench, offset, 4, value);
}

static uint32_t priv(unsigned cpu, unsigned offset)
{
    return (uint32_t)bench_read(&redist, cpu * 0x20000 + offset, 4);
}

static void set_priv(unsigned cpu, unsigned offset, uint32_t value)
{
    bench_write(&redist, cpu * 0x20000 + offset, 4, value);
}

static uint64_t icc(unsigned cpu, enum icc_reg reg)
{
    return gicv3_icc.read(bench.device, cpu, reg);
}

static void set_icc(unsigned cpu, enum icc_reg reg, uint64_t value)
{
    gicv3_icc.write(bench.device, cpu, reg, value);
}

static void spi_level(unsigned intid, bool level)
{
    struct irq_line line = gicv3_spi(bench.device, intid - 32);
    irq_set(&line, level);
}

static void ppi_level(unsigned cpu, unsigned intid, bool level)
{
    struct irq_line line = gicv3_ppi(bench.device, cpu, intid - 16);
    irq_set(&line, level);
}

/* Everything on, all interrupts in group 1 and masked by nothing; edges where the test says so. */
static int set_up_running(void **state)
{
    set_up(state);
    set_dist(CTLR, 3);
    for (unsigned i = 1; i <= SPIS / 32; i++)
        set_dist(IGROUPR + 4 * i, ~0u);
    for (unsigned cpu = 0; cpu < CPUS; cpu++) {
        set_priv(cpu, WAKER, 0);
        set_priv(cpu, SGI_FRAME + IGROUPR, ~0u);
        set_icc(cpu, ICC_PMR, 0xff);
        set_icc(cpu, ICC_IGRPEN0, 1);
        set_icc(cpu, ICC_IGRPEN1, 1);
    }
    return 0;
}

static void set_spi_up(unsigned intid, uint8_t priority, bool edge)
{
    uint32_t bit = 1u << intid % 32;
    unsigned config = ICFGR + 4 * (intid / 16);
    bench_write(&bench, IPRIORITYR + intid, 1, priority);
    set_dist(config, (dist(config) & ~(3u << intid % 16 * 2)) | (edge ? 2u << intid % 16 * 2 : 0));
    set_dist(ISENABLER + 4 * (intid / 32), bit);
}

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
        IDLE(redistributor_registers),
        IDLE(odd_widths_do_nothing),
        IDLE(cpu_interface_registers),
        RUNNING(a_level_lasts_as_long_as_the_wire),
        RUNNING(an_edge_lasts_until_taken),
        RUNNING(pending_by_hand),
        RUNNING(messages_stand_for_wires),
        RUNNING(enables_gate_at_every_stage),
        RUNNING(the_most_urgent_first),
        RUNNING(the_mask_is_a_threshold),
        RUNNING(preemption_nests),
        RUNNING(binary_points_coarsen_preemption),
        RUNNING(a_coarser_binary_point_lets_in_at_once),
        RUNNING(configuration_by_halves),
        RUNNING(group_0_is_fiq),
        RUNNING(drop_and_deactivate_apart),
        RUNNING(active_by_hand),
        RUNNING(special_intids_end_nothing),
        RUNNING(ppis_are_each_cpus_own),
        RUNNING(private_changes_act_at_once),
        RUNNING(groups_nest),
        RUNNING(the_group_register_acts_at_once),
        RUNNING(sgis_reach_the_list),
        RUNNING(sgis_reach_all_others),
        RUNNING(sgis_by_group),
        RUNNING(spis_go_where_they_are_routed),
        RUNNING(saved_state_carries_everything),
        RUNNING(random_changes_keep_the_candidate_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
