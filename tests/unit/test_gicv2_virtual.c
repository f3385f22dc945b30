/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The GICv2's virtual interfaces (IHI 0048B, chapter 5): list registers in memory, what a virtual machine sees of them,
 * SGIs with their sources, both groups, deactivation of real interrupts, maintenance, saved state. Two CPUs. */
#include "tests/unit/device_bench.h"
#include "peripherals/gicv2.h"
#include "tests/unit/gicv2_cpu_interface.h"

enum {
    CPUS = 2,
    HCR = 0x00,
    VTR = 0x04,
    VMCR = 0x08,
    MISR = 0x10,
    EISR = 0x20,
    ELRSR = 0x30,
    HYP_APR = 0xf0,
    LR = 0x100,
    IIDR = 0xfc,
};

#define PENDING    (1u << 28)
#define GROUP_1    (1u << 30)
#define HARDWARE   (1u << 31)
#define TELL_EOI   (1u << 19)
#define PRIORITY(p) ((uint32_t)(p) >> 3 << 23)

static struct bus bus;
static struct bench dist, cpu, hyp, virt; /* the same device through its four windows */
static struct probe_wire irq[CPUS], fiq[CPUS], virtual_irq[CPUS], virtual_fiq[CPUS];

static struct gicv2 *create(void)
{
    struct gicv2_config config = {.bus = &bus, .cpu_count = CPUS, .spi_count = 64};
    for (unsigned i = 0; i < CPUS; i++) {
        config.irq[i] = probe_line(&irq[i]);
        config.fiq[i] = probe_line(&fiq[i]);
        config.virtual_irq[i] = probe_line(&virtual_irq[i]);
        config.virtual_fiq[i] = probe_line(&virtual_fiq[i]);
    }
    return gicv2_create(&config);
}

static int set_up(void **state)
{
    memset(irq, 0, sizeof irq);
    memset(virtual_irq, 0, sizeof virtual_irq);
    memset(virtual_fiq, 0, sizeof virtual_fiq);
    bus.requester = 0;
    bench_init(&dist);
    bench_place(&dist, &gicv2_class, &gicv2_dist_mmio, create());
    cpu = hyp = virt = dist;
    cpu.mmio = &gicv2_cpu_mmio;
    hyp.mmio = &gicv2_hyp_mmio;
    virt.mmio = &gicv2_virtual_mmio;
    return 0;
}

static int tear_down(void **state)
{
    bench_free(&dist);
    return 0;
}

static uint32_t get(struct bench *bench, unsigned reg)
{
    return (uint32_t)bench_read(bench, reg, 4);
}

static void put(struct bench *bench, unsigned reg, uint32_t value)
{
    bench_write(bench, reg, 4, value);
}

/* On, both groups enabled, nothing masked. */
static void turn_on(uint32_t control)
{
    put(&hyp, HCR, 1);
    put(&virt, CTLR, 3 | control);
    put(&virt, PMR, 0xff);
}

static void registers(void **state)
{
    assert_int_equal(get(&hyp, VTR), 0x90000003);
    assert_int_equal(get(&hyp, ELRSR), 15);
    assert_int_equal(get(&hyp, VMCR), 2u << 21 | 3u << 18);
    assert_int_equal(get(&virt, IIDR), 0x0202143b);
    put(&hyp, HCR, ~0u);
    assert_int_equal(get(&hyp, HCR), 0xf80000ff);
    put(&hyp, VMCR, ~0u);
    assert_int_equal(get(&hyp, VMCR), 0x1fu << 27 | 7u << 21 | 7u << 18 | 0x21f);
    assert_int_equal(get(&virt, CTLR), 0x21f);
    assert_int_equal(get(&virt, PMR), 0xf8);
    assert_int_equal(get(&virt, BPR), 7);
    assert_int_equal(get(&virt, ABPR), 7);
    put(&virt, BPR, 0);
    put(&virt, ABPR, 4);
    put(&virt, CTLR, 2);
    put(&virt, PMR, 0x80);
    assert_int_equal(get(&hyp, VMCR), 0x80u << 24 | 2u << 21 | 4u << 18 | 2);
    put(&hyp, LR, ~0u);
    assert_int_equal(get(&hyp, LR), ~(7u << 20)); /* what is reserved */
    put(&hyp, LR + 4, HARDWARE | 77u << 10 | 40);
    assert_int_equal(get(&hyp, LR + 4), HARDWARE | 77u << 10 | 40);
    put(&hyp, LR + 8, 5u << 10 | 3 | TELL_EOI | PRIORITY(0x90) | GROUP_1 | PENDING);
    assert_int_equal(get(&hyp, LR + 8), 5u << 10 | 3 | TELL_EOI | PRIORITY(0x90) | GROUP_1 | PENDING);
    put(&hyp, LR + 16, ~0u); /* there are four */
    assert_int_equal(get(&hyp, LR + 16), 0);
    put(&hyp, HYP_APR, 0x10);
    assert_int_equal(get(&virt, APR), 0x10);
    assert_int_equal(bench_read(&hyp, VTR, 1), 0); /* words alone */
    bus.requester = 1; /* another CPU's are others */
    assert_int_equal(get(&hyp, HCR), 0);
    assert_int_equal(get(&hyp, LR + 4), 0);
}

static void an_interrupt_is_taken_and_ended(void **state)
{
    struct irq_line wire = gicv2_spi(dist.device, 23); /* INTID 55 */
    put(&dist, 0x000, 1);
    put(&dist, 0x104, 1u << 23);
    put(&dist, 0x834, 1u << 24);
    put(&cpu, CTLR, 1 | EOI_MODE);
    put(&cpu, PMR, 0xff);
    irq_set(&wire, true);
    assert_int_equal(get(&cpu, IAR), 55);
    irq_set(&wire, false);
    put(&cpu, EOIR, 55); /* its priority only: it stays active, and the virtual machine's end ends it */
    assert_int_equal(get(&dist, 0x304), 1u << 23);

    turn_on(0);
    put(&hyp, LR, HARDWARE | 55u << 10 | PENDING | PRIORITY(0x80) | 40);
    assert_true(virtual_irq[0].level && !virtual_fiq[0].level && !virtual_irq[1].level);
    assert_int_equal(get(&virt, HPPIR), 40);
    assert_int_equal(get(&virt, IAR), 40);
    assert_false(virtual_irq[0].level);
    assert_int_equal(get(&hyp, LR) >> 28 & 3, 2);
    assert_int_equal(get(&virt, RPR), 0x80);
    assert_int_equal(get(&hyp, HYP_APR), 1u << 16);
    put(&virt, EOIR, 40);
    assert_int_equal(get(&hyp, LR) >> 28 & 3, 0);
    assert_int_equal(get(&virt, RPR), 0xff);
    assert_int_equal(get(&dist, 0x304), 0);
    assert_int_equal(get(&virt, IAR), 1023);
}

static void groups(void **state)
{
    turn_on(FIQ_EN);
    put(&hyp, LR, PENDING | PRIORITY(0x80) | 40);
    assert_true(virtual_fiq[0].level && !virtual_irq[0].level);
    put(&virt, CTLR, 3);
    assert_true(virtual_irq[0].level && !virtual_fiq[0].level);
    assert_int_equal(get(&virt, AIAR), 1023);
    assert_int_equal(get(&virt, AHPPIR), 1023);
    put(&hyp, LR + 4, PENDING | GROUP_1 | PRIORITY(0x40) | 41); /* more urgent */
    assert_int_equal(get(&virt, IAR), 1022);
    assert_int_equal(get(&virt, HPPIR), 1022);
    assert_int_equal(get(&virt, AHPPIR), 41);
    put(&virt, CTLR, 3 | ACK_CTL);
    assert_int_equal(get(&virt, HPPIR), 41);
    assert_int_equal(get(&virt, IAR), 41);
    put(&virt, AEOIR, 41);
    assert_int_equal(get(&virt, RPR), 0xff);
    assert_int_equal(get(&virt, IAR), 40);
    put(&virt, EOIR, 40);
    put(&hyp, LR + 4, PENDING | GROUP_1 | PRIORITY(0x40) | 41);
    put(&virt, CTLR, 1);
    assert_false(virtual_irq[0].level); /* its group is off */
    put(&virt, CTLR, 2);
    assert_int_equal(get(&virt, AIAR), 41);
}

/* Two of the same number are told apart by who sent them. */
static void sgis_have_sources(void **state)
{
    turn_on(0);
    put(&hyp, LR, PENDING | PRIORITY(0x80) | 1u << 10 | 3);
    put(&hyp, LR + 4, PENDING | PRIORITY(0x80) | 2u << 10 | 3);
    assert_int_equal(get(&virt, HPPIR), 1u << 10 | 3);
    assert_int_equal(get(&virt, IAR), 1u << 10 | 3);
    put(&virt, EOIR, 2u << 10 | 3); /* not that one: counted for the hypervisor */
    assert_int_equal(get(&hyp, HCR) >> 27, 1);
    assert_int_equal(get(&hyp, LR) >> 28 & 3, 2);
    assert_int_equal(get(&virt, IAR), 2u << 10 | 3);
    put(&virt, EOIR, 2u << 10 | 3);
    assert_int_equal(get(&hyp, LR + 4) >> 28 & 3, 0);
    put(&virt, CTLR, 3 | EOI_MODE);
    put(&virt, DIR, 1u << 10 | 3);
    assert_int_equal(get(&hyp, LR) >> 28 & 3, 0);
    put(&virt, EOIR, 1023);
    put(&virt, DIR, 1022);
    assert_int_equal(get(&hyp, HCR) >> 27, 1);
}

/* PPI 9, INTID 25, of the CPU whose interface it is. */
static void the_hypervisor_is_told(void **state)
{
    put(&dist, 0x000, 1);
    bus.requester = 1;
    put(&dist, 0x100, 1u << 25);
    put(&cpu, CTLR, 1);
    put(&cpu, PMR, 0xff);
    turn_on(0);
    put(&hyp, LR, PENDING | TELL_EOI | PRIORITY(0x80) | 40);
    assert_false(irq[1].level);
    get(&virt, IAR);
    put(&virt, EOIR, 40);
    assert_int_equal(get(&hyp, MISR), 1);
    assert_int_equal(get(&hyp, EISR), 1);
    assert_int_equal(get(&hyp, ELRSR), 14);
    assert_true(irq[1].level && !irq[0].level);
    assert_int_equal(get(&cpu, IAR), 25);
    put(&hyp, LR, 0);
    put(&cpu, EOIR, 25);
    assert_false(irq[1].level);
    put(&hyp, HCR, 1 | 2); /* underflow */
    assert_int_equal(get(&hyp, MISR), 2);
    assert_true(irq[1].level);
}

static void state_can_be_copied(void **state)
{
    turn_on(0);
    put(&hyp, LR, PENDING | PRIORITY(0x80) | 40);
    struct gicv2 *other = create();
    gicv2_class.reset(other);
    memset(virtual_irq, 0, sizeof virtual_irq);
    bench_transplant(gicv2_class.state, dist.device, other);
    gicv2_class.restored(other);
    assert_true(virtual_irq[0].level);
    struct bench again = virt;
    again.device = other;
    assert_int_equal(get(&again, IAR), 40);
    gicv2_class.free(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(registers),         TEST(an_interrupt_is_taken_and_ended),
        TEST(groups),            TEST(sgis_have_sources),
        TEST(the_hypervisor_is_told), TEST(state_can_be_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
