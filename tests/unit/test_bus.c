/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bus: dispatch to windows, widths and edges, DMA and the page flags. */
#include "tests/unit/unit.h"
#include "machine/contract/bus.h"

#define RAM_BASE 0x40000000ull
#define RAM_SIZE 0x10000ull

struct probe {
    unsigned id;
    uint64_t offset, value;
    unsigned size, accesses;
    bool refuse;
};

static struct bus bus;
static struct probe probes[3];
static uint64_t flagged_pages[16];
static unsigned flagged_count;

static bool probe_read(void *device, uint64_t offset, unsigned size, uint64_t *value)
{
    struct probe *probe = device;
    probe->offset = offset;
    probe->size = size;
    probe->accesses++;
    *value = 0x100 + probe->id;
    return !probe->refuse;
}

static bool probe_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct probe *probe = device;
    probe->value = value;
    return probe_read(device, offset, size, &value);
}

static const struct mmio_ops probe_ops = {probe_read, probe_write};

static void note_flagged(void *context, uint64_t page_address)
{
    flagged_pages[flagged_count++] = page_address;
    bus.ram.page_flags[(page_address - RAM_BASE) >> PAGE_BITS] = 0;
}

static int set_up(void **state)
{
    struct error error;
    assert_true(bus_init(&bus, RAM_BASE, RAM_SIZE, &error));
    for (unsigned i = 0; i < 3; i++)
        probes[i] = (struct probe){.id = i};
    bus_add_window(&bus, "last", 0x9000, 0x1000, &probe_ops, &probes[2]);
    bus_add_window(&bus, "first", 0x1000, 0x200, &probe_ops, &probes[0]);
    bus_add_window(&bus, "middle", 0x1200, 0x14, &probe_ops, &probes[1]);
    bus.on_flagged_write = note_flagged;
    flagged_count = 0;
    return 0;
}

static int tear_down(void **state)
{
    bus_free(&bus);
    return 0;
}

static void accesses_reach_their_window(void **state)
{
    uint64_t value;
    assert_true(bus_mmio_read(&bus, 0x11f8, 8, &value));
    assert_int_equal(value, 0x100);
    assert_int_equal(probes[0].offset, 0x1f8);
    assert_int_equal(probes[0].size, 8);
    assert_true(bus_mmio_write(&bus, 0x1201, 1, 0x5a));
    assert_int_equal(probes[1].value, 0x5a);
    assert_int_equal(probes[1].offset, 1);
    assert_true(bus_mmio_read(&bus, 0x9ffc, 4, &value));
    assert_int_equal(value, 0x102);
}

static void nothing_answers_outside_windows(void **state)
{
    uint64_t value = 1;
    const uint64_t outside[] = {0, 0xfff, 0x1214, 0x8fff, 0xa000, RAM_BASE, UINT64_MAX};
    for (unsigned i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        assert_false(bus_mmio_read(&bus, outside[i], 1, &value));
        assert_int_equal(value, 0);
        assert_false(bus_mmio_write(&bus, outside[i], 1, 0));
    }
    assert_int_equal(probes[0].accesses + probes[1].accesses + probes[2].accesses, 0);
}

static void odd_widths_and_alignments_are_refused(void **state)
{
    uint64_t value;
    assert_false(bus_mmio_read(&bus, 0x1001, 2, &value));
    assert_false(bus_mmio_read(&bus, 0x1004, 8, &value));
    assert_false(bus_mmio_read(&bus, 0x1000, 0, &value));
    assert_false(bus_mmio_read(&bus, 0x1000, 3, &value));
    assert_false(bus_mmio_read(&bus, 0x1000, 16, &value));
    assert_false(bus_mmio_read(&bus, 0x1210, 8, &value)); /* runs over the window's end */
    assert_int_equal(probes[0].accesses + probes[1].accesses, 0);
}

static void a_device_may_refuse(void **state)
{
    uint64_t value;
    probes[2].refuse = true;
    assert_false(bus_mmio_read(&bus, 0x9000, 4, &value));
    assert_false(bus_mmio_write(&bus, 0x9000, 4, 1));
    assert_int_equal(probes[2].accesses, 2);
}

static void dma_moves_bytes_within_ram_only(void **state)
{
    char text[] = "some bytes", back[sizeof text] = "";
    assert_true(bus_dma_write(&bus, RAM_BASE + RAM_SIZE - sizeof text, text, sizeof text));
    assert_true(bus_dma_read(&bus, RAM_BASE + RAM_SIZE - sizeof text, back, sizeof text));
    assert_string_equal(back, text);
    assert_false(bus_dma_write(&bus, RAM_BASE + RAM_SIZE - sizeof text + 1, text, sizeof text));
    assert_false(bus_dma_read(&bus, RAM_BASE - 1, back, 2));
    assert_false(bus_dma_read(&bus, RAM_BASE + 1, back, UINT64_MAX));
    assert_null(bus_dma_writable(&bus, RAM_BASE + RAM_SIZE, 1));
    assert_non_null(bus_dma_writable(&bus, RAM_BASE, RAM_SIZE));
}

static void dma_writes_settle_page_flags(void **state)
{
    uint8_t bytes[0x1002] = {0};
    for (unsigned page = 0; page < 16; page++)
        bus.ram.page_flags[page] = page == 2 ? 0 : PAGE_HAS_CODE;
    assert_true(bus_dma_write(&bus, RAM_BASE + 0x1fff, bytes, sizeof bytes)); /* pages 1, 2, 3 */
    assert_int_equal(flagged_count, 2);
    assert_int_equal(flagged_pages[0], RAM_BASE + 0x1000);
    assert_int_equal(flagged_pages[1], RAM_BASE + 0x3000);
    assert_true(bus_dma_read(&bus, RAM_BASE, bytes, 16));
    assert_true(bus_dma_write(&bus, RAM_BASE + 0x5000, bytes, 0));
    assert_int_equal(flagged_count, 2);
}

static void impossible_ram_is_an_error(void **state)
{
    struct bus other;
    struct error error;
    assert_false(bus_init(&other, 0, 1ull << 62, &error));
    assert_non_null(strstr(error.text, "--memory"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(accesses_reach_their_window, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_answers_outside_windows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(odd_widths_and_alignments_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_device_may_refuse, set_up, tear_down),
        cmocka_unit_test_setup_teardown(dma_moves_bytes_within_ram_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(dma_writes_settle_page_flags, set_up, tear_down),
        cmocka_unit_test(impossible_ram_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
