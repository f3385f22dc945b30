/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The GICv2 (IHI 0048B) and its frame for messages: registers, banking, targets, SGIs with their sources, groups,
 * priorities, saved state. Three CPUs. */
#include "tests/unit/device_bench.h"
#include "peripherals/gicv2.h"
#include "tests/unit/gicv2_cpu_interface.h"
#include "peripherals/gicv2m.h"

enum {
    CPUS = 3,
    SPIS = 64,
    SPURIOUS = 1023,
    OTHER_GROUP = 1022,
    /* distributor */
    DIST_CTLR = 0x000,
    IGROUPR = 0x080,
    ISENABLER = 0x100,
    ICENABLER = 0x180,
    ISPENDR = 0x200,
    ICPENDR = 0x280,
    ISACTIVER = 0x300,
    ICACTIVER = 0x380,
    IPRIORITYR = 0x400,
    ITARGETSR = 0x800,
    ICFGR = 0xc00,
    SGIR = 0xf00,
    CPENDSGIR = 0xf10,
    SPENDSGIR = 0xf20,
    /* of the physical CPU interface alone */
    NSAPR = 0xe0,
    CBPR = 0x10,
};

static struct bus bus; /* says who accesses, and nothing else */
static struct bench bench, interface; /* the same device through its two windows */
static struct probe_wire irq[CPUS], fiq[CPUS];

static struct gicv2 *create(unsigned cpus, struct probe_wire *irq_wires, struct probe_wire *fiq_wires)
{
    struct gicv2_config config = {.bus = &bus, .cpu_count = cpus, .spi_count = SPIS};
    for (unsigned i = 0; i < cpus; i++) {
        config.irq[i] = probe_line(&irq_wires[i]);
        config.fiq[i] = probe_line(&fiq_wires[i]);
    }
    return gicv2_create(&config);
}

static int set_up_cpus(unsigned cpus)
{
    memset(irq, 0, sizeof irq);
    memset(fiq, 0, sizeof fiq);
    bus.requester = 0;
    bench_init(&bench);
    bench_place(&bench, &gicv2_class, &gicv2_dist_mmio, create(cpus, irq, fiq));
    interface = bench;
    interface.mmio = &gicv2_cpu_mmio;
    return 0;
}

static int set_up(void **state)
{
    return set_up_cpus(CPUS);
}

static int set_up_one(void **state)
{
    return set_up_cpus(1);
}

static int tear_down(void **state)
{
    bench_free(&bench);
    return 0;
}

static uint32_t dist(unsigned cpu, unsigned offset)
{
    bus.requester = cpu;
    return (uint32_t)bench_read(&bench, offset, 4);
}

static void set_dist(unsigned cpu, unsigned offset, uint32_t value)
{
    bus.requester = cpu;
    bench_write(&bench, offset, 4, value);
}

static uint32_t cpu_reg(unsigned cpu, unsigned offset)
{
    bus.requester = cpu;
    return (uint32_t)bench_read(&interface, offset, 4);
}

static void set_cpu_reg(unsigned cpu, unsigned offset, uint32_t value)
{
    bus.requester = cpu;
    bench_write(&interface, offset, 4, value);
}

static void spi_level(unsigned intid, bool level)
{
    struct irq_line line = gicv2_spi(bench.device, intid - 32);
    irq_set(&line, level);
}

static void ppi_level(unsigned cpu, unsigned intid, bool level)
{
    struct irq_line line = gicv2_ppi(bench.device, cpu, intid - 16);
    irq_set(&line, level);
}

/* Both groups on, nothing masked; everything in group 0, as after a reset. */
static int set_up_running(void **state)
{
    set_up(state);
    set_dist(0, DIST_CTLR, 3);
    for (unsigned cpu = 0; cpu < CPUS; cpu++) {
        set_cpu_reg(cpu, PMR, 0xff);
        set_cpu_reg(cpu, CTLR, 3);
    }
    return 0;
}

static void set_spi_up(unsigned intid, uint8_t priority, uint8_t targets, bool edge)
{
    unsigned config = ICFGR + 4 * (intid / 16);
    bench_write(&bench, IPRIORITYR + intid, 1, priority);
    bench_write(&bench, ITARGETSR + intid, 1, targets);
    set_dist(0, config, (dist(0, config) & ~(3u << intid % 16 * 2)) | (edge ? 2u << intid % 16 * 2 : 0));
    set_dist(0, ISENABLER + 4 * (intid / 32), 1u << intid % 32);
}

static void distributor_registers(void **state)
{
    static const struct reg_expectation list[] = {
        {0x000, 4, 0, 3},
        {0x004, 4, 0x42, 0x42},
        {0x008, 4, 0x0200143b, 0x0200143b},
        {0x080, 4, 0, 0xffffffff},
        {0x084, 4, 0, 0xffffffff},
        {0x08c, 4, 0, 0}, /* past the last SPI */
        {0x100, 4, 0xffff, 0xffffffff}, /* SGIs are always enabled */
        {0x104, 4, 0, 0xffffffff},
        {0x180, 4, 0xffff, 0xffff},
        {0x184, 4, 0, 0},
        {0x200, 4, 0, 0xffff0000}, /* SGIs have registers of their own for that */
        {0x204, 4, 0, 0xffffffff},
        {0x280, 4, 0, 0},
        {0x300, 4, 0, 0xffffffff},
        {0x380, 4, 0, 0},
        {0x400, 4, 0, 0xf8f8f8f8},
        {0x420, 1, 0, 0xf8},
        {0x45c, 4, 0, 0xf8f8f8f8},
        {0x460, 4, 0, 0},
        {0x800, 4, 0x01010101, 0x01010101}, /* private interrupts go to whoever reads */
        {0x820, 4, 0, 0x07070707},
        {0x860, 4, 0, 0},
        {0xc00, 4, 0xaaaaaaaa, 0xaaaaaaaa},
        {0xc04, 4, 0, 0xaaaaaaaa},
        {0xc08, 4, 0, 0xaaaaaaaa},
        {0xe00, 4, 0, 0}, /* NSACR */
        {0xf00, 4, 0, 0},
        {0xf10, 4, 0, 0},
        {0xf20, 4, 0, 0x07070707},
        {0xfd0, 4, 0x04, 0x04},
        {0xfe0, 4, 0x90, 0x90},
        {0xfe4, 4, 0xb4, 0xb4},
        {0xfe8, 4, 0x2b, 0x2b},
        {0xff0, 4, 0x0d, 0x0d},
        {0xff4, 4, 0xf0, 0xf0},
        {0xff8, 4, 0x05, 0x05},
        {0xffc, 4, 0xb1, 0xb1},
    };
    bench_check_registers(&bench, list, sizeof list / sizeof list[0]);
}

static void cpu_interface_registers(void **state)
{
    static const struct reg_expectation list[] = {
        {0x00, 4, 0, 0x3ff},    {0x04, 4, 0, 0xf8},         {0x08, 4, 2, 7},
        {0x0c, 4, 1023, 1023},  {0x10, 4, 0, 0},            {0x14, 4, 0xff, 0xff},
        {0x18, 4, 1023, 1023},  {0x1c, 4, 3, 7},            {0x20, 4, 1023, 1023},
        {0x24, 4, 0, 0},        {0x28, 4, 1023, 1023},      {0xd0, 4, 0, 0xffffffff},
        {0xd4, 4, 0, 0},        {0xe0, 4, 0, 0xffffffff},   {0xfc, 4, 0x0202143b, 0x0202143b},
        {0x1000, 4, 0, 0},
    };
    struct device_class class = gicv2_class;
    class.regs = gicv2_cpu_regs;
    interface.class = &class;
    bench_check_registers(&interface, list, sizeof list / sizeof list[0]);
    set_cpu_reg(0, BPR, 0);
    set_cpu_reg(0, ABPR, 0);
    assert_int_equal(cpu_reg(0, BPR), 2);
    assert_int_equal(cpu_reg(0, ABPR), 3);
}

static void odd_widths_do_nothing(void **state)
{
    bench_write(&bench, ISENABLER + 4, 1, 0xff);
    bench_write(&bench, ISENABLER + 4, 2, 0xffff);
    bench_write(&bench, ISENABLER + 8, 8, ~0ull);
    assert_int_equal(dist(0, ISENABLER + 4), 0);
    assert_int_equal(dist(0, ISENABLER + 8), 0);
    bench_write(&interface, PMR, 1, 0xf8);
    assert_int_equal(cpu_reg(0, PMR), 0);
    set_cpu_reg(0, PMR, 0xf8);
    assert_int_equal(bench_read(&interface, PMR, 1), 0);
    bench_write(&bench, IPRIORITYR + 33, 1, 0x48);
    assert_int_equal(bench_read(&bench, IPRIORITYR + 33, 1), 0x48);
    assert_int_equal(dist(0, IPRIORITYR + 32), 0x4800);
}

static void a_single_cpu_has_no_targets(void **state)
{
    bench_write(&bench, ITARGETSR + 40, 1, 1);
    assert_int_equal(bench_read(&bench, ITARGETSR + 40, 1), 0);
    assert_int_equal(dist(0, ITARGETSR), 0);
    set_dist(0, DIST_CTLR, 1);
    set_cpu_reg(0, PMR, 0xff);
    set_cpu_reg(0, CTLR, 1);
    set_dist(0, ISENABLER + 4, 1 << 8);
    spi_level(40, true);
    assert_true(irq[0].level);
}

/* Registers of block 0, and the CPU interface's, are each CPU's own. */
static void private_registers_are_banked(void **state)
{
    set_dist(0, ISENABLER, 1 << 27);
    set_dist(1, IGROUPR, 0x55);
    bus.requester = 2;
    bench_write(&bench, IPRIORITYR + 27, 1, 0x40);
    assert_int_equal(dist(0, ISENABLER), 1 << 27 | 0xffff);
    assert_int_equal(dist(1, ISENABLER), 0xffff);
    assert_int_equal(dist(0, IGROUPR), 0);
    assert_int_equal(dist(1, IGROUPR), 0x55);
    assert_int_equal(dist(1, IPRIORITYR + 24), 0);
    assert_int_equal(dist(2, IPRIORITYR + 24), 0x40u << 24);
    assert_int_equal(dist(2, ITARGETSR + 16), 0x04040404);
    set_cpu_reg(1, PMR, 0x80);
    assert_int_equal(cpu_reg(0, PMR), 0);
    assert_int_equal(cpu_reg(1, PMR), 0x80);
    set_dist(0, IGROUPR + 4, 0xff);
    assert_int_equal(dist(2, IGROUPR + 4), 0xff);
}

static void a_private_interrupt_is_its_cpus(void **state)
{
    set_dist(1, ISENABLER, 1 << 27);
    ppi_level(0, 27, true);
    ppi_level(1, 27, true);
    assert_false(irq[0].level);
    assert_true(irq[1].level);
    assert_int_equal(cpu_reg(1, IAR), 27);
    assert_false(irq[1].level);
    assert_int_equal(dist(1, ISACTIVER), 1 << 27);
    assert_int_equal(dist(0, ISACTIVER), 0);
    set_cpu_reg(1, EOIR, 27);
    assert_true(irq[1].level); /* the wire is still up */
    ppi_level(1, 27, false);
    assert_false(irq[1].level);
}

/* The first of several targets takes it (the 1-N model). */
static void one_of_several_targets_takes_it(void **state)
{
    set_spi_up(40, 0x80, 6, false);
    spi_level(40, true);
    assert_false(irq[0].level);
    assert_true(irq[1].level && irq[2].level);
    assert_int_equal(cpu_reg(2, IAR), 40);
    assert_false(irq[1].level || irq[2].level);
    assert_int_equal(cpu_reg(1, IAR), SPURIOUS);
    set_cpu_reg(2, EOIR, 40);
    assert_true(irq[1].level && irq[2].level);
    bench_write(&bench, ITARGETSR + 40, 1, 1);
    assert_true(irq[0].level);
    assert_false(irq[1].level || irq[2].level);
    spi_level(40, false);
    assert_false(irq[0].level);
}

static void an_edge_lasts_until_taken(void **state)
{
    set_spi_up(41, 0x80, 1, true);
    spi_level(41, true);
    spi_level(41, false);
    assert_int_equal(dist(0, ISPENDR + 4), 1 << 9);
    assert_int_equal(cpu_reg(0, IAR), 41);
    spi_level(41, true); /* another edge while it is active */
    assert_false(irq[0].level);
    set_cpu_reg(0, EOIR, 41);
    assert_true(irq[0].level);
    set_dist(0, ICPENDR + 4, 1 << 9);
    assert_false(irq[0].level);
    set_dist(0, ISPENDR + 4, 1 << 9);
    assert_true(irq[0].level);
    set_dist(0, ICENABLER + 4, 1 << 9);
    assert_false(irq[0].level);
}

/* An SGI is pending from each CPU apart, and says from which. */
static void sgis_say_who_sent_them(void **state)
{
    set_dist(0, SGIR, 2u << 16 | 5); /* to CPU 1 */
    set_dist(2, SGIR, 2u << 16 | 5);
    set_dist(2, SGIR, 2u << 16 | 5); /* again, which changes nothing */
    bus.requester = 1;
    assert_int_equal(bench_read(&bench, CPENDSGIR + 5, 1), 5);
    assert_true(irq[1].level);
    assert_false(irq[0].level || irq[2].level);
    assert_int_equal(cpu_reg(1, HPPIR), 5);
    assert_int_equal(cpu_reg(1, IAR), 5); /* from CPU 0 */
    assert_int_equal(dist(1, ISPENDR), 1 << 5); /* active and pending */
    assert_false(irq[1].level);
    set_cpu_reg(1, EOIR, 5);
    assert_true(irq[1].level);
    assert_int_equal(cpu_reg(1, IAR), 2 << 10 | 5);
    assert_int_equal(dist(1, ISPENDR), 0);
    set_cpu_reg(1, EOIR, 2 << 10 | 5);
    assert_false(irq[1].level);
}

static void sgis_go_where_the_filter_says(void **state)
{
    set_dist(1, SGIR, 1u << 24 | 7u << 16 | 3); /* all others */
    assert_true(irq[0].level && irq[2].level);
    assert_false(irq[1].level);
    assert_int_equal(cpu_reg(0, IAR), 1 << 10 | 3);
    set_dist(2, SGIR, 2u << 24 | 1); /* itself; 1 is the more urgent of equals */
    assert_int_equal(cpu_reg(2, IAR), 2 << 10 | 1);
    set_dist(1, SGIR, 3u << 24 | 7u << 16 | 4); /* reserved */
    assert_false(irq[1].level);
}

static void sgis_are_pended_by_hand(void **state)
{
    bus.requester = 1;
    bench_write(&bench, SPENDSGIR + 7, 1, 0xff);
    assert_int_equal(bench_read(&bench, SPENDSGIR + 7, 1), 7); /* of CPUs that there are */
    bench_write(&bench, CPENDSGIR + 7, 1, 2);
    assert_int_equal(bench_read(&bench, CPENDSGIR + 7, 1), 5);
    assert_true(irq[1].level);
    set_dist(1, ICPENDR, ~0u); /* not by this register */
    assert_true(irq[1].level);
    bench_write(&bench, CPENDSGIR + 7, 1, 5);
    assert_false(irq[1].level);
}

static void group_0_is_fiq_where_asked(void **state)
{
    set_spi_up(40, 0x80, 1, false);
    spi_level(40, true);
    assert_true(irq[0].level && !fiq[0].level);
    set_cpu_reg(0, CTLR, 3 | FIQ_EN);
    assert_true(!irq[0].level && fiq[0].level);
    set_dist(0, IGROUPR + 4, 1 << 8);
    assert_true(irq[0].level && !fiq[0].level);
}

/* Group 1 is for the aliases, and by AckCtl for the others too. */
static void groups_have_registers_of_their_own(void **state)
{
    set_dist(0, IGROUPR + 4, 1 << 8);
    set_spi_up(40, 0x80, 1, false);
    spi_level(40, true);
    assert_int_equal(cpu_reg(0, HPPIR), OTHER_GROUP);
    assert_int_equal(cpu_reg(0, IAR), OTHER_GROUP);
    assert_int_equal(cpu_reg(0, AHPPIR), 40);
    assert_int_equal(cpu_reg(0, AIAR), 40);
    assert_int_equal(cpu_reg(0, APR), 0);
    assert_int_equal(cpu_reg(0, NSAPR), 1 << 16);
    set_cpu_reg(0, EOIR, 40); /* not its own */
    assert_int_equal(cpu_reg(0, RPR), 0x80);
    set_cpu_reg(0, AEOIR, 40);
    assert_int_equal(cpu_reg(0, RPR), 0xff);
    set_cpu_reg(0, CTLR, 3 | ACK_CTL);
    assert_int_equal(cpu_reg(0, HPPIR), 40);
    assert_int_equal(cpu_reg(0, IAR), 40);
    set_cpu_reg(0, EOIR, 40);
    assert_int_equal(cpu_reg(0, RPR), 0xff);
    set_dist(0, IGROUPR + 4, 0);
    assert_int_equal(cpu_reg(0, AIAR), SPURIOUS); /* of group 0 */
    assert_int_equal(cpu_reg(0, AHPPIR), SPURIOUS);
}

static void groups_are_enabled_apart(void **state)
{
    set_dist(0, IGROUPR + 4, 1 << 8);
    set_spi_up(40, 0x80, 1, false);
    set_spi_up(41, 0x90, 1, false);
    spi_level(40, true);
    spi_level(41, true);
    set_cpu_reg(0, CTLR, 1);
    assert_int_equal(cpu_reg(0, HPPIR), 41);
    set_cpu_reg(0, CTLR, 3);
    set_dist(0, DIST_CTLR, 2);
    assert_int_equal(cpu_reg(0, AHPPIR), 40);
    set_dist(0, DIST_CTLR, 0);
    assert_false(irq[0].level);
}

static void the_more_urgent_preempts(void **state)
{
    set_spi_up(40, 0x80, 1, false);
    set_spi_up(41, 0x40, 1, false);
    set_cpu_reg(0, PMR, 0x80);
    spi_level(40, true);
    assert_false(irq[0].level); /* masked: it takes more than the mask */
    set_cpu_reg(0, PMR, 0x88);
    set_cpu_reg(0, BPR, 7); /* all of the priority counts for nothing: no preemption */
    assert_int_equal(cpu_reg(0, IAR), 40);
    spi_level(41, true);
    assert_false(irq[0].level);
    spi_level(41, false);
    set_cpu_reg(0, EOIR, 40);
    set_cpu_reg(0, BPR, 5); /* 0x40 and 0x80 are different in bits 7:6 */
    assert_int_equal(cpu_reg(0, IAR), 40);
    spi_level(41, true);
    assert_true(irq[0].level);
    assert_int_equal(cpu_reg(0, IAR), 41);
    assert_int_equal(cpu_reg(0, RPR), 0x40);
    set_cpu_reg(0, EOIR, 41);
    assert_int_equal(cpu_reg(0, RPR), 0x80);
    set_cpu_reg(0, EOIR, 40);
    assert_int_equal(cpu_reg(0, RPR), 0xff);
}

/* Group 1's binary point is one more, and with CBPR group 0's is for both. */
static void group_1_splits_by_its_own_point(void **state)
{
    set_dist(0, IGROUPR + 4, 3 << 8);
    set_cpu_reg(0, CTLR, 3 | ACK_CTL);
    set_spi_up(40, 0x88, 1, false);
    set_spi_up(41, 0x80, 1, false);
    set_cpu_reg(0, ABPR, 4); /* bits 7:4 */
    spi_level(40, true);
    assert_int_equal(cpu_reg(0, IAR), 40);
    assert_int_equal(cpu_reg(0, RPR), 0x80);
    spi_level(41, true);
    assert_false(irq[0].level);
    set_cpu_reg(0, EOIR, 40);
    spi_level(40, false);
    spi_level(41, false);
    set_cpu_reg(0, CTLR, 3 | ACK_CTL | CBPR); /* BPR is 2: bits 7:3 */
    spi_level(40, true);
    assert_int_equal(cpu_reg(0, IAR), 40);
    spi_level(41, true);
    assert_true(irq[0].level);
}

static void deactivation_may_be_apart(void **state)
{
    set_cpu_reg(0, CTLR, 1 | EOI_MODE);
    set_spi_up(40, 0x80, 1, false);
    spi_level(40, true);
    assert_int_equal(cpu_reg(0, IAR), 40);
    set_cpu_reg(0, EOIR, 40);
    assert_int_equal(cpu_reg(0, RPR), 0xff);
    assert_false(irq[0].level); /* active still */
    set_cpu_reg(0, DIR, 40);
    assert_true(irq[0].level);
    assert_int_equal(cpu_reg(0, IAR), 40);
    set_cpu_reg(0, CTLR, 1);
    set_cpu_reg(0, DIR, 40); /* without EOImode it is not for that */
    assert_int_equal(dist(0, ISACTIVER + 4), 1 << 8);
    set_dist(0, ICACTIVER + 4, 1 << 8);
    assert_int_equal(dist(0, ISACTIVER + 4), 0);
}

static void writes_that_belong_to_nothing_do_nothing(void **state)
{
    set_spi_up(40, 0x80, 1, false);
    set_cpu_reg(0, EOIR, 40);
    spi_level(40, true);
    assert_int_equal(cpu_reg(0, IAR), 40);
    set_cpu_reg(0, EOIR, SPURIOUS);
    set_cpu_reg(0, EOIR, OTHER_GROUP);
    assert_int_equal(cpu_reg(0, RPR), 0x80);
    set_cpu_reg(0, EOIR, 991); /* there is no such interrupt: the priority drops alone */
    assert_int_equal(cpu_reg(0, RPR), 0xff);
    assert_int_equal(dist(0, ISACTIVER + 4), 1 << 8);
}

static void saved_state_is_all_of_it(void **state)
{
    struct probe_wire other_irq[CPUS] = {0}, other_fiq[CPUS] = {0};
    struct gicv2 *other = create(CPUS, other_irq, other_fiq);
    set_spi_up(40, 0x80, 2, false);
    spi_level(40, true);
    set_dist(0, SGIR, 4u << 16 | 9);
    set_dist(2, IGROUPR, 1 << 9);
    set_cpu_reg(1, ABPR, 5);
    bench_transplant(gicv2_class.state, bench.device, other);
    gicv2_class.restored(other);
    assert_int_equal(fields_hash(gicv2_class.state, other, 1), fields_hash(gicv2_class.state, bench.device, 1));
    assert_false(other_irq[0].level);
    assert_true(other_irq[1].level && other_irq[2].level);
    gicv2_class.free(other);
}

static void a_reset_forgets_all_but_the_wires(void **state)
{
    set_spi_up(40, 0x80, 1, false);
    spi_level(40, true);
    set_dist(0, SGIR, 1u << 16 | 9);
    gicv2_class.reset(bench.device);
    assert_false(irq[0].level);
    assert_int_equal(dist(0, SPENDSGIR + 8), 0);
    set_dist(0, DIST_CTLR, 1);
    set_cpu_reg(0, PMR, 0xff);
    set_cpu_reg(0, CTLR, 1);
    set_spi_up(40, 0x80, 1, false);
    assert_true(irq[0].level);
}

static void messages_are_pulses(void **state)
{
    struct gicv2m_config config = {.first_intid = 80, .count = 8};
    for (unsigned i = 0; i < config.count; i++)
        config.spi[i] = gicv2_spi(bench.device, 48 + i);
    struct gicv2m *frame = gicv2m_create(&config);
    uint64_t value;
    assert_true(gicv2m_mmio.read(frame, 8, 4, &value));
    assert_int_equal(value, 80 << 16 | 8);
    assert_true(gicv2m_mmio.read(frame, 0xfcc, 4, &value));
    assert_int_equal(value, 0x43b);
    assert_true(gicv2m_mmio.read(frame, GICV2M_SETSPI, 4, &value));
    assert_int_equal(value, 0);
    set_spi_up(81, 0x80, 1, true);
    set_spi_up(82, 0x80, 1, false);
    gicv2m_mmio.write(frame, GICV2M_SETSPI, 4, 79);
    gicv2m_mmio.write(frame, GICV2M_SETSPI, 4, 88);
    gicv2m_mmio.write(frame, GICV2M_SETSPI, 4, 82); /* a pulse leaves nothing on a level */
    gicv2m_mmio.write(frame, GICV2M_SETSPI, 8, 81);
    gicv2m_mmio.write(frame, 8, 4, 81);
    assert_false(irq[0].level);
    gicv2m_mmio.write(frame, GICV2M_SETSPI, 2, 81);
    assert_true(irq[0].level);
    assert_int_equal(cpu_reg(0, IAR), 81);
    gicv2m_class.free(frame);
}

#define TEST(name)    cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define RUNNING(name) cmocka_unit_test_setup_teardown(name, set_up_running, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(distributor_registers),
        TEST(cpu_interface_registers),
        TEST(odd_widths_do_nothing),
        cmocka_unit_test_setup_teardown(a_single_cpu_has_no_targets, set_up_one, tear_down),
        TEST(private_registers_are_banked),
        RUNNING(a_private_interrupt_is_its_cpus),
        RUNNING(one_of_several_targets_takes_it),
        RUNNING(an_edge_lasts_until_taken),
        RUNNING(sgis_say_who_sent_them),
        RUNNING(sgis_go_where_the_filter_says),
        RUNNING(sgis_are_pended_by_hand),
        RUNNING(group_0_is_fiq_where_asked),
        RUNNING(groups_have_registers_of_their_own),
        RUNNING(groups_are_enabled_apart),
        RUNNING(the_more_urgent_preempts),
        RUNNING(group_1_splits_by_its_own_point),
        RUNNING(deactivation_may_be_apart),
        RUNNING(writes_that_belong_to_nothing_do_nothing),
        RUNNING(saved_state_is_all_of_it),
        RUNNING(a_reset_forgets_all_but_the_wires),
        RUNNING(messages_are_pulses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
