/* SPDX-License-Identifier: GPL-3.0-or-later */
/* LPIs and the translation service: every command, tables flat and in two levels, queues outside of RAM, saved state.
 */
#include "tests/unit/device_bench.h"
#include "peripherals/gicv3_its.h"

#define RAM        0x40000000ull
#define RAM_BYTES  0x400000ull
#define PROPERTIES (RAM + 0x010000)
#define PENDING(n) (RAM + 0x020000 + 0x10000 * (n))
#define DEVICES    (RAM + 0x100000)
#define COLLECTIONS (RAM + 0x110000)
#define QUEUE      (RAM + 0x120000)
#define ITT        (RAM + 0x130000)
#define SECOND     (RAM + 0x140000)
#define VALID      (1ull << 63)
#define LPI(n)     (8192u + (n))

enum { CPUS = 2, SPURIOUS = 1023, BASER0 = 0x100, BASER1 = 0x108, CBASER = 0x80, CWRITER = 0x88, CREADR = 0x90 };

static struct bus bus;
static struct bench gic, redist, its;
static struct probe_wire irq[CPUS], fiq[CPUS];
static uint64_t written; /* into the queue */

static void set64(struct bench *bench, uint64_t offset, uint64_t value)
{
    bench_write(bench, offset, 8, value);
}

static uint64_t icc(unsigned cpu, enum icc_reg reg)
{
    return gicv3_icc.read(gic.device, cpu, reg);
}

static void set_icc(unsigned cpu, enum icc_reg reg, uint64_t value)
{
    gicv3_icc.write(gic.device, cpu, reg, value);
}

static void set_property(unsigned lpi, uint8_t value)
{
    bus.ram.host[PROPERTIES - RAM + lpi - 8192] = value;
}

/* Appends a command and has it run. */
static void command(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    const uint64_t words[4] = {a, b, c, d};
    memcpy(bus.ram.host + (QUEUE - RAM) + written, words, sizeof words);
    written = (written + sizeof words) % 0x1000;
    set64(&its, CWRITER, written);
    assert_int_equal(bench_read(&its, CREADR, 8), written);
}

static void map_device(uint32_t device, uint64_t itt, unsigned bits)
{
    command(0x08 | (uint64_t)device << 32, bits - 1, VALID | itt, 0);
}

static void map_collection(unsigned collection, unsigned processor)
{
    command(0x09, 0, VALID | (uint64_t)processor << 16 | collection, 0);
}

static void map_event(uint32_t device, uint32_t event, uint32_t lpi, unsigned collection)
{
    command(0x0a | (uint64_t)device << 32, event | (uint64_t)lpi << 32, collection, 0);
}

static void about_event(unsigned code, uint32_t device, uint32_t event, unsigned collection)
{
    command(code | (uint64_t)device << 32, event, collection, 0);
}

static int set_up(void **state)
{
    struct gicv3_cpu_config cpus[CPUS];
    memset(irq, 0, sizeof irq);
    assert_true(bus_init(&bus, RAM, RAM_BYTES, NULL));
    for (unsigned i = 0; i < CPUS; i++)
        cpus[i] = (struct gicv3_cpu_config){i, probe_line(&irq[i]), probe_line(&fiq[i])};
    const struct gicv3_config config = {cpus, CPUS, 32, &bus, true};
    bench_init(&gic);
    bench_place(&gic, &gicv3_class, &gicv3_dist_mmio, gicv3_create(&config));
    redist = gic;
    redist.mmio = &gicv3_redist_mmio;
    bench_init(&its);
    bench_place(&its, &gicv3_its_class, &gicv3_its_mmio, gicv3_its_create(gic.device, &bus));

    bench_write(&gic, 0, 4, 3);
    for (unsigned i = 0; i < CPUS; i++) {
        set64(&redist, 0x20000 * i + 0x70, PROPERTIES | 15);
        set64(&redist, 0x20000 * i + 0x78, PENDING(i));
        bench_write(&redist, 0x20000 * i, 4, 1);
        set_icc(i, ICC_PMR, 0xff);
        set_icc(i, ICC_IGRPEN1, 1);
    }
    written = 0;
    set64(&its, BASER0, VALID | DEVICES);
    set64(&its, BASER1, VALID | COLLECTIONS);
    set64(&its, CBASER, VALID | QUEUE);
    bench_write(&its, 0, 4, 1);
    set_property(LPI(1), 0xa1);
    set_property(LPI(2), 0x81);
    set_property(LPI(3), 0xa0); /* not enabled */
    map_device(8, ITT, 5);
    map_collection(0, 0);
    map_collection(1, 1);
    map_event(8, 0, LPI(1), 0);
    map_event(8, 1, LPI(2), 0);
    map_event(8, 2, LPI(3), 1);
    return 0;
}

static int tear_down(void **state)
{
    bench_free(&its);
    bench_free(&gic);
    bus_free(&bus);
    return 0;
}

static void message(uint32_t device, uint32_t event)
{
    gicv3_its_message(its.device, device, event);
}

static void registers_say_it(void **state)
{
    assert_int_equal(bench_read(&gic, 4, 4) >> 17 & 1, 1);
    assert_int_equal(bench_read(&gic, 4, 4) >> 19 & 31, 15);
    assert_int_equal(bench_read(&redist, 8, 8) & 1, 1);
    assert_int_equal(bench_read(&redist, 0, 4), 3);
    assert_int_equal(bench_read(&its, 8, 8), 0x1f0001ef71ull);
    assert_int_equal(bench_read(&its, BASER0, 8) >> 48, 0x8107);
    assert_int_equal(bench_read(&its, BASER0 + 0x10, 8), 0);
    set64(&its, BASER1, 0); /* not while it is enabled */
    assert_int_equal(bench_read(&its, BASER1, 8) >> 48, 0x8407);
    set64(&redist, 0x70, 0);
    assert_int_equal(bench_read(&redist, 0x70, 8), PROPERTIES | 15);
}

static void a_message_becomes_an_interrupt(void **state)
{
    message(8, 0);
    assert_true(irq[0].level);
    assert_int_equal(icc(0, ICC_HPPIR1), LPI(1));
    message(8, 1); /* more urgent */
    assert_int_equal(icc(0, ICC_IAR1), LPI(2));
    assert_int_equal(icc(0, ICC_RPR), 0x80);
    assert_false(irq[0].level); /* the other does not preempt */
    message(8, 1);              /* an LPI is never active: it may be pending again */
    set_icc(0, ICC_EOIR1, LPI(2));
    assert_int_equal(icc(0, ICC_IAR1), LPI(2));
    set_icc(0, ICC_EOIR1, LPI(2));
    assert_int_equal(icc(0, ICC_IAR1), LPI(1));
    set_icc(0, ICC_EOIR1, LPI(1));
    assert_int_equal(icc(0, ICC_IAR1), SPURIOUS);
    assert_int_equal(icc(0, ICC_RPR), 0xff);
}

static void what_is_not_mapped_is_dropped(void **state)
{
    message(9, 0);
    message(8, 3);
    message(8, 32); /* more events than the device has */
    message(0xffffffff, 0xffffffff);
    map_event(8, 3, 8191, 0); /* no LPI */
    message(8, 3);
    map_event(8, 4, LPI(2), 7); /* a collection that is not mapped */
    message(8, 4);
    assert_int_equal(icc(0, ICC_HPPIR1), SPURIOUS);
    assert_int_equal(icc(1, ICC_HPPIR1), SPURIOUS);
}

static void enabled_by_inv(void **state)
{
    message(8, 2);
    assert_int_equal(icc(1, ICC_HPPIR1), SPURIOUS);
    set_property(LPI(3), 0xa1);
    about_event(0x0c, 8, 2, 0); /* INV */
    assert_int_equal(icc(1, ICC_HPPIR1), LPI(3));
    set_property(LPI(3), 0xa0);
    command(0x0d, 0, 1, 0); /* INVALL */
    assert_int_equal(icc(1, ICC_HPPIR1), SPURIOUS);
}

static void int_clear_discard(void **state)
{
    about_event(0x03, 8, 1, 0);
    assert_int_equal(icc(0, ICC_HPPIR1), LPI(2));
    about_event(0x04, 8, 1, 0);
    assert_int_equal(icc(0, ICC_HPPIR1), SPURIOUS);
    about_event(0x03, 8, 1, 0);
    about_event(0x0f, 8, 1, 0);
    assert_int_equal(icc(0, ICC_HPPIR1), SPURIOUS);
    message(8, 1);
    assert_int_equal(icc(0, ICC_HPPIR1), SPURIOUS);
    about_event(0x0b, 8, 1, 0); /* MAPI: an event that is no LPI's number */
    message(8, 1);
    assert_int_equal(icc(0, ICC_HPPIR1), SPURIOUS);
}

static void moves(void **state)
{
    message(8, 0);
    about_event(0x01, 8, 0, 1); /* MOVI, with that it is pending */
    assert_false(irq[0].level);
    assert_int_equal(icc(1, ICC_HPPIR1), LPI(1));
    message(8, 1);
    command(0x0e, 0, 0, 1 << 16); /* MOVALL 0 to 1 */
    assert_int_equal(icc(0, ICC_HPPIR1), SPURIOUS);
    assert_int_equal(icc(1, ICC_IAR1), LPI(2));
    set_icc(1, ICC_EOIR1, LPI(2));
    assert_int_equal(icc(1, ICC_IAR1), LPI(1));
    command(0x0e, 0, 0, 99 << 16); /* to a processor that there is not */
}

static void two_levels(void **state)
{
    bench_write(&its, 0, 4, 0);
    set64(&its, BASER0, VALID | 1ull << 62 | DEVICES);
    uint64_t entry = VALID | SECOND;
    memcpy(bus.ram.host + (DEVICES - RAM) + 8 * (600 / 512), &entry, sizeof entry);
    bench_write(&its, 0, 4, 1);
    map_device(600, ITT + 0x1000, 1);
    map_event(600, 1, LPI(1), 1);
    map_device(5, ITT + 0x2000, 1); /* its page is not valid */
    message(600, 1);
    message(5, 0);
    assert_int_equal(icc(1, ICC_HPPIR1), LPI(1));
    assert_true(bus.ram.host[SECOND - RAM + 8 * (600 % 512) + 7] & 0x80);
}

static void a_queue_outside_of_ram_stalls(void **state)
{
    bench_write(&its, 0, 4, 0);
    set64(&its, CBASER, VALID | (RAM + RAM_BYTES - 0x1000) | 1);
    bench_write(&its, 0, 4, 1);
    set64(&its, CWRITER, 0x1040); /* zeroes until the end of RAM */
    assert_int_equal(bench_read(&its, CREADR, 8), 0x1001);
    set64(&its, CWRITER, 0x1040 | 1); /* retry */
    assert_int_equal(bench_read(&its, CREADR, 8), 0x1001);
    set64(&its, CWRITER, 0xfffe0); /* beyond the queue: nothing happens */
    assert_int_equal(bench_read(&its, CREADR, 8), 0x1001);
}

static void tables_outside_of_ram(void **state)
{
    bench_write(&redist, 0, 4, 0);
    assert_int_equal(bench_read(&redist, 0, 4), 2);
    set64(&redist, 0x70, 0xfffffffff000 | 31);
    set64(&redist, 0x78, RAM + RAM_BYTES);
    bench_write(&redist, 0, 4, 1);
    message(8, 0);
    assert_int_equal(icc(0, ICC_HPPIR1), SPURIOUS);
    set64(&its, CWRITER, written);
}

static void off_means_off(void **state)
{
    message(8, 0);
    bench_write(&redist, 0, 4, 0);
    assert_false(irq[0].level);
    bench_write(&redist, 0, 4, 1); /* the table still says so */
    assert_int_equal(icc(0, ICC_HPPIR1), LPI(1));
    bench_write(&its, 0, 4, 0);
    message(8, 1);
    assert_int_equal(icc(0, ICC_HPPIR1), LPI(1));
}

static void saved_state(void **state)
{
    message(8, 0);
    uint64_t before = fields_hash(gicv3_class.state, gic.device, FIELDS_HASH_SEED);
    gicv3_class.restored(gic.device);
    assert_int_equal(before, fields_hash(gicv3_class.state, gic.device, FIELDS_HASH_SEED));
    assert_int_equal(icc(0, ICC_HPPIR1), LPI(1));
    gicv3_class.reset(gic.device);
    assert_int_equal(icc(0, ICC_HPPIR1), SPURIOUS);
    gicv3_its_class.reset(its.device);
    assert_int_equal(bench_read(&its, CBASER, 8), 0);
    assert_int_equal(bench_read(&its, BASER0, 8) >> 48, 0x0107);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(registers_say_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_message_becomes_an_interrupt, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_mapped_is_dropped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(enabled_by_inv, set_up, tear_down),
        cmocka_unit_test_setup_teardown(int_clear_discard, set_up, tear_down),
        cmocka_unit_test_setup_teardown(moves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_levels, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_queue_outside_of_ram_stalls, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tables_outside_of_ram, set_up, tear_down),
        cmocka_unit_test_setup_teardown(off_means_off, set_up, tear_down),
        cmocka_unit_test_setup_teardown(saved_state, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
