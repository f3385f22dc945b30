/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The balloon device: what is given away is the host's and reads as zeroes, nothing else changes, wrong pages are
 * nobody's. */
#include <stdio.h>
#include <sys/mman.h>
#include "tests/unit/virtio_driver.h"
#include "peripherals/virtio/virtio_balloon.h"

enum { INFLATE, DEFLATE, REPORTING };

static struct driver driver;
static struct virtio_balloon *balloon;

static int set_up(void **state)
{
    driver_init(&driver);
    balloon = virtio_balloon_create(&driver.bus);
    driver_attach(&driver, &balloon->virtio);
    driver_start(&driver, 1ull << 5, 3);
    return 0;
}

static int take_down(void **state)
{
    virtio_balloon_class.free(balloon);
    driver_free(&driver);
    return 0;
}

static bool resident(uint64_t address)
{
    unsigned char page = 0;
    assert_int_equal(mincore(driver_ram(&driver, address), PAGE_SIZE_BYTES, &page), 0);
    return page & 1;
}

static bool all(uint64_t address, uint64_t length, uint8_t byte)
{
    const uint8_t *at = driver_ram(&driver, address);
    for (uint64_t i = 0; i < length; i++)
        if (at[i] != byte)
            return false;
    return true;
}

static void send(unsigned queue, uint64_t address, uint32_t length, bool device_writes)
{
    uint16_t head;
    uint32_t used;
    driver_add(&driver, queue, &(struct driver_buffer){address, length, device_writes}, 1);
    driver_kick(&driver, queue);
    assert_true(driver_used(&driver, queue, &head, &used));
    assert_int_equal(used, 0);
}

static void test_reporting(void **state)
{
    uint64_t from = DRIVER_RAM_BASE + 0x100000;
    madvise(driver_ram(&driver, from), 0x200000, MADV_NOHUGEPAGE);
    memset(driver_ram(&driver, from), 0x55, 0x8000);
    assert_true(resident(from + 0x2000));
    send(REPORTING, from + 0x1000, 0x4000, true);
    assert_int_equal(balloon->reported_bytes, 0x4000);
    assert_false(resident(from + 0x2000));
    assert_true(all(from, 0x1000, 0x55) && all(from + 0x1000, 0x4000, 0) && all(from + 0x5000, 0x3000, 0x55));
    /* Of what begins and ends within pages, the whole pages. */
    send(REPORTING, from + 0x5800, 0x1900, true);
    assert_int_equal(balloon->reported_bytes, 0x5000);
    assert_true(all(from + 0x5000, 0x1000, 0x55) && all(from + 0x6000, 0x1000, 0) && all(from + 0x7000, 0x1000, 0x55));
    /* A buffer to read says nothing. */
    send(REPORTING, from + 0x7000, 0x1000, false);
    assert_true(all(from + 0x7000, 0x1000, 0x55));
}

static void test_inflate(void **state)
{
    uint64_t from = DRIVER_RAM_BASE + 0x100000, list = driver_alloc(&driver, 64);
    const uint32_t pages[4] = {(uint32_t)(from >> 12), (uint32_t)((from + 0x2000) >> 12), 0, UINT32_MAX};
    memset(driver_ram(&driver, from), 0x55, 0x4000);
    memcpy(driver_ram(&driver, list), pages, sizeof pages);
    send(INFLATE, list, sizeof pages + 3, false); /* and a piece of a number */
    assert_int_equal(balloon->inflated_bytes, 0x2000);
    assert_true(all(from, 0x1000, 0) && all(from + 0x1000, 0x1000, 0x55) && all(from + 0x2000, 0x1000, 0));
    send(DEFLATE, list, sizeof pages, false);
    assert_int_equal(balloon->inflated_bytes, 0);
    send(DEFLATE, list, sizeof pages, false);
    assert_int_equal(balloon->inflated_bytes, 0);
}

/* A page that came from a file does not come again from there. */
static void test_of_file(void **state)
{
    uint64_t offset = 0x100000;
    FILE *file = tmpfile();
    for (unsigned i = 0; i < 0x2000; i++)
        fputc(0x77, file);
    fflush(file);
    assert_true(ram_map_file(&driver.bus.ram, offset, 0x2000, fileno(file), 0));
    assert_true(all(DRIVER_RAM_BASE + offset, 0x2000, 0x77));
    send(REPORTING, DRIVER_RAM_BASE + offset, 0x1000, true);
    assert_true(all(DRIVER_RAM_BASE + offset, 0x1000, 0) && all(DRIVER_RAM_BASE + offset + 0x1000, 0x1000, 0x77));
    fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reporting, set_up, take_down),
        cmocka_unit_test_setup_teardown(test_inflate, set_up, take_down),
        cmocka_unit_test_setup_teardown(test_of_file, set_up, take_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
