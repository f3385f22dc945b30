/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The virtual CPU interface: list registers, priorities, ends, maintenance (IHI 0069, chapter 6). */
#include "tests/unit/device_bench.h"
#include "peripherals/gic_virtual.h"

#define PENDING  (1ull << 62)
#define ACTIVE   (1ull << 63)
#define HARDWARE (1ull << 61)
#define GROUP_1  (1ull << 60)
#define TELL_EOI (1ull << 41)

static struct gic_virtual interface;
static struct probe_wire fiq, irq, maintenance;
static unsigned deactivated;

static void on_deactivate(void *context, unsigned intid)
{
    deactivated = intid;
}

static uint64_t list(uint32_t intid, uint8_t priority, uint64_t bits)
{
    return intid | (uint64_t)priority << 48 | bits;
}

static void hyp(enum ich_reg reg, uint64_t value)
{
    gic_virtual_hyp_write(&interface, reg, value);
}

static uint64_t read_hyp(enum ich_reg reg)
{
    return gic_virtual_hyp_read(&interface, reg);
}

/* On, both groups enabled, nothing masked. */
static int setup(void **state)
{
    memset(&interface, 0, sizeof interface);
    memset(&fiq, 0, sizeof fiq);
    memset(&irq, 0, sizeof irq);
    memset(&maintenance, 0, sizeof maintenance);
    deactivated = 0;
    interface.wire[0] = probe_line(&fiq);
    interface.wire[1] = probe_line(&irq);
    interface.maintenance_wire = probe_line(&maintenance);
    interface.deactivate = on_deactivate;
    gic_virtual_reset(&interface);
    hyp(ICH_HCR, 1);
    hyp(ICH_VMCR, 0xffull << 24 | 3);
    return 0;
}

static void registers(void **state)
{
    gic_virtual_reset(&interface);
    assert_int_equal(read_hyp(ICH_VTR), 0x90380003);
    assert_int_equal(read_hyp(ICH_ELRSR), 15);
    assert_int_equal(read_hyp(ICH_VMCR), 2u << 21 | 3u << 18 | 1 << 3);
    hyp(ICH_HCR, ~0ull);
    assert_int_equal(read_hyp(ICH_HCR), 0xf80000ffull | 1 << 10 | 1 << 11 | 1 << 12 | 1 << 14);
    hyp(ICH_LR0, ~0ull);
    assert_int_equal(read_hyp(ICH_LR0), 0xf0ff1fffffffffffull);
    hyp(ICH_AP0R1, ~0ull);
    assert_int_equal(read_hyp(ICH_AP0R1), 0);
}

static void an_interrupt_is_taken_and_ended(void **state)
{
    hyp(ICH_LR0, list(40, 0x80, PENDING | GROUP_1 | HARDWARE | 55ull << 32));
    assert_true(irq.level && !fiq.level);
    assert_int_equal(gic_virtual_read(&interface, ICC_HPPIR1), 40);
    assert_int_equal(gic_virtual_read(&interface, ICC_IAR0), 1023);
    assert_int_equal(gic_virtual_read(&interface, ICC_IAR1), 40);
    assert_false(irq.level);
    assert_int_equal(read_hyp(ICH_LR0) >> 62, 2);
    assert_int_equal(read_hyp(ICH_AP1R0), 1 << 16);
    assert_int_equal(gic_virtual_read(&interface, ICC_RPR), 0x80);
    gic_virtual_write(&interface, ICC_EOIR1, 40);
    assert_int_equal(read_hyp(ICH_LR0) >> 62, 0);
    assert_int_equal(read_hyp(ICH_AP1R0), 0);
    assert_int_equal(deactivated, 55);
}

static void the_most_urgent_comes_first(void **state)
{
    hyp(ICH_LR0, list(40, 0x80, PENDING | GROUP_1));
    hyp(ICH_LR2, list(41, 0x40, PENDING));
    assert_true(fiq.level && !irq.level);
    assert_int_equal(gic_virtual_read(&interface, ICC_IAR0), 41);
    assert_false(irq.level); /* what runs is more urgent */
    gic_virtual_write(&interface, ICC_EOIR0, 41);
    assert_true(irq.level);
    gic_virtual_write(&interface, ICC_PMR, 0x80);
    assert_false(irq.level);
    gic_virtual_write(&interface, ICC_PMR, 0xf8);
    gic_virtual_write(&interface, ICC_IGRPEN1, 0);
    assert_false(irq.level);
    gic_virtual_write(&interface, ICC_IGRPEN1, 1);
    hyp(ICH_HCR, 0);
    assert_false(irq.level);
}

static void deactivation_may_be_apart(void **state)
{
    gic_virtual_write(&interface, ICC_CTLR, 2);
    assert_int_equal(gic_virtual_read(&interface, ICC_CTLR), 2 | 4 << 8 | 1 << 15);
    hyp(ICH_LR0, list(40, 0x80, PENDING | GROUP_1));
    gic_virtual_read(&interface, ICC_IAR1);
    gic_virtual_write(&interface, ICC_EOIR1, 40);
    assert_int_equal(read_hyp(ICH_LR0) >> 62, 2);
    gic_virtual_write(&interface, ICC_DIR, 40);
    assert_int_equal(read_hyp(ICH_LR0) >> 62, 0);
}

/* An LPI is never active. */
static void lpis_end_at_once(void **state)
{
    hyp(ICH_LR0, list(8192, 0x80, PENDING | GROUP_1));
    assert_int_equal(gic_virtual_read(&interface, ICC_IAR1), 8192);
    assert_int_equal(read_hyp(ICH_LR0) >> 62, 0);
    gic_virtual_write(&interface, ICC_EOIR1, 8192);
    assert_int_equal(read_hyp(ICH_AP1R0), 0);
    assert_int_equal(read_hyp(ICH_HCR) >> 27, 0);
}

static void the_hypervisor_is_told(void **state)
{
    hyp(ICH_HCR, 1 | 2); /* UIE: none or one left */
    assert_true(maintenance.level);
    assert_int_equal(read_hyp(ICH_MISR), 2);
    hyp(ICH_LR0, list(40, 0x80, PENDING | GROUP_1 | TELL_EOI));
    hyp(ICH_LR1, list(41, 0x80, PENDING | GROUP_1));
    assert_false(maintenance.level);
    gic_virtual_read(&interface, ICC_IAR1);
    gic_virtual_write(&interface, ICC_EOIR1, 40);
    assert_int_equal(read_hyp(ICH_EISR), 1);
    assert_int_equal(read_hyp(ICH_MISR), 3);
    assert_int_equal(read_hyp(ICH_ELRSR), 12);
    assert_true(maintenance.level);
    hyp(ICH_LR0, 0);
    hyp(ICH_HCR, 1 | 4); /* LRENPIE: an end that no list register had */
    assert_false(maintenance.level);
    hyp(ICH_AP1R0, 1 << 16);
    gic_virtual_write(&interface, ICC_EOIR1, 99);
    assert_int_equal(read_hyp(ICH_HCR) >> 27, 1);
    assert_int_equal(read_hyp(ICH_MISR), 4);
    hyp(ICH_HCR, 1 | 0x40); /* VGrp1EIE */
    assert_int_equal(read_hyp(ICH_MISR), 0x40);
    gic_virtual_write(&interface, ICC_IGRPEN1, 0);
    assert_false(maintenance.level);
    hyp(ICH_LR1, 0);
    hyp(ICH_HCR, 1 | 8); /* NPIE: none pending */
    assert_true(maintenance.level);
    hyp(ICH_HCR, 8);
    assert_false(maintenance.level);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(registers),
        TEST(an_interrupt_is_taken_and_ended),
        TEST(the_most_urgent_comes_first),
        TEST(deactivation_may_be_apart),
        TEST(lpis_end_at_once),
        TEST(the_hypervisor_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
