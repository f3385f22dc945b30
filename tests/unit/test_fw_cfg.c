/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fw_cfg: items by register and by DMA, the directory, files that the guest writes, DMA outside of RAM. */
#include "tests/unit/unit.h"
#include "machine/contract/endian.h"
#include "peripherals/fw_cfg.h"

#define RAM_BASE 0x40000000ull

static struct bus bus;
static struct fw_cfg *fw_cfg;
static uint8_t seen[8];
static unsigned writes;

static void written(void *context, const uint8_t *bytes)
{
    memcpy(seen, bytes, sizeof seen);
    writes++;
}

static int set_up(void **state)
{
    assert_true(bus_init(&bus, RAM_BASE, 2 * PAGE_SIZE_BYTES, NULL));
    fw_cfg = fw_cfg_create(&bus);
    fw_cfg_add_file(fw_cfg, "etc/b", "bytes of b", 10);
    fw_cfg_add_file(fw_cfg, "etc/c", NULL, 0);
    fw_cfg_add_writable_file(fw_cfg, "etc/a", 8, written, NULL);
    fw_cfg_class.reset(fw_cfg);
    writes = 0;
    return 0;
}

static int tear_down(void **state)
{
    fw_cfg_class.free(fw_cfg);
    bus_free(&bus);
    return 0;
}

static void choose(uint16_t key)
{
    assert_true(fw_cfg_mmio.write(fw_cfg, 8, 2, __builtin_bswap16(key)));
}

static uint64_t get(uint64_t offset, unsigned size)
{
    uint64_t value;
    assert_true(fw_cfg_mmio.read(fw_cfg, offset, size, &value));
    return value;
}

/* Runs a DMA descriptor at the start of RAM; returns its control word. */
static uint32_t dma(uint32_t control, uint32_t length, uint64_t address)
{
    uint8_t *descriptor = bus.ram.host;
    put_be32(descriptor, control);
    put_be32(descriptor + 4, length);
    put_be32(descriptor + 8, (uint32_t)(address >> 32));
    put_be32(descriptor + 12, (uint32_t)address);
    fw_cfg_mmio.write(fw_cfg, 16, 4, __builtin_bswap32((uint32_t)(RAM_BASE >> 32)));
    fw_cfg_mmio.write(fw_cfg, 20, 4, __builtin_bswap32((uint32_t)RAM_BASE));
    return get_be32(descriptor);
}

static void by_registers(void **state)
{
    choose(FW_CFG_SIGNATURE);
    assert_int_equal(get(0, 1), 'Q');
    assert_int_equal(get(0, 2), 'E' | 'M' << 8);
    assert_int_equal(get(0, 4), 'U'); /* and zeroes behind the end */
    choose(FW_CFG_ID);
    assert_int_equal(get(0, 8), 3);
    choose(0x7777);
    assert_int_equal(get(0, 8), 0);
    assert_int_equal(get(16, 8), 0x47464320554d4551); /* "QEMU CFG" */
    assert_int_equal(get(20, 4), 0x47464320);
}

static void directory_is_sorted(void **state)
{
    uint8_t directory[4 + 3 * 64];
    choose(FW_CFG_DIRECTORY);
    for (unsigned i = 0; i < sizeof directory; i++)
        directory[i] = (uint8_t)get(0, 1);
    assert_int_equal(get_be32(directory), 3);
    for (unsigned i = 0; i < 3; i++) {
        const uint8_t *entry = directory + 4 + 64 * i;
        const char name[] = {'e', 't', 'c', '/', (char)('a' + i), 0};
        assert_string_equal(entry + 8, name);
        assert_int_equal(get_be32(entry), i == 0 ? 8 : i == 1 ? 10 : 0);
        assert_int_equal(entry[5], FW_CFG_FILES + i);
    }
}

static void by_dma(void **state)
{
    assert_int_equal(dma((FW_CFG_FILES + 1) << 16 | 8, 0, 0), 0);
    assert_int_equal(dma(4, 6, 0), 0); /* skip */
    assert_int_equal(dma(2, 8, RAM_BASE + 0x1000), 0);
    assert_memory_equal(bus.ram.host + 0x1000, "of b\0\0\0\0", 8);
    assert_int_equal(dma((FW_CFG_FILES + 1) << 16 | 10, 5, RAM_BASE + 0x1100), 0);
    assert_memory_equal(bus.ram.host + 0x1100, "bytes", 5);
}

static void outside_of_ram(void **state)
{
    assert_int_equal(dma((FW_CFG_FILES + 1) << 16 | 10, 5, RAM_BASE + 0x1ffe), 1);
    assert_int_equal(dma((FW_CFG_FILES + 1) << 16 | 10, 5, 0), 1);
    assert_int_equal(dma((FW_CFG_FILES + 1) << 16 | 10, UINT32_MAX, RAM_BASE), 1);
    assert_int_equal(dma((FW_CFG_FILES + 1) << 16 | 10, 5, UINT64_MAX - 2), 1);
    fw_cfg_mmio.write(fw_cfg, 16, 8, __builtin_bswap64(RAM_BASE + 0x1ff8)); /* the descriptor itself: nothing happens */
    assert_int_equal(get(16, 4), 0x554d4551);
}

static void the_guest_writes(void **state)
{
    memcpy(bus.ram.host + 0x1000, "12345678", 8);
    assert_int_equal(dma(FW_CFG_FILES << 16 | 8 | 16, 8, RAM_BASE + 0x1000), 0);
    assert_memory_equal(seen, "12345678", 8);
    assert_int_equal(writes, 1);
    assert_int_equal(dma(FW_CFG_FILES << 16 | 8 | 16, 9, RAM_BASE + 0x1000), 1); /* longer than the file */
    assert_int_equal(dma((FW_CFG_FILES + 1) << 16 | 8 | 16, 1, RAM_BASE + 0x1000), 1); /* not to be written */
    assert_int_equal(writes, 1);
    size_t length;
    assert_memory_equal(fw_cfg_file(fw_cfg, "etc/a", &length), "12345678", 8);
    fw_cfg_class.restored(fw_cfg);
    assert_int_equal(writes, 2);
    fw_cfg_class.reset(fw_cfg);
    assert_int_equal(seen[0], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(by_registers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(directory_is_sorted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(by_dma, set_up, tear_down),
        cmocka_unit_test_setup_teardown(outside_of_ram, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_guest_writes, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
