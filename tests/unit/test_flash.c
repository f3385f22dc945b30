/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Flash: modes and commands of both chips, what is programmed and erased, the backing, the ROM, restored nonsense. */
#include <errno.h>
#include "tests/unit/unit.h"
#include "peripherals/flash.h"

static struct bus bus;
static struct flash *flash;
static unsigned rom_changes;

static void on_rom_changed(void *context)
{
    rom_changes++;
}

static int set_up(void **state)
{
    struct error error;
    assert_true(bus_init_with_rom(&bus, 0, FLASH_BANK_BYTES, FLASH_BANK_BYTES, PAGE_SIZE_BYTES, &error));
    bus.on_rom_changed = on_rom_changed;
    flash = flash_create(&(struct flash_config){.bus = &bus, .is_rom = true}, &error);
    assert_non_null(flash);
    flash_class.reset(flash);
    rom_changes = 0;
    return 0;
}

static int tear_down(void **state)
{
    flash_class.free(flash);
    bus_free(&bus);
    return 0;
}

static uint64_t get(uint64_t offset, unsigned size)
{
    uint64_t value;
    assert_true(flash_mmio.read(flash, offset, size, &value));
    return value;
}

static void set(uint64_t offset, unsigned size, uint64_t value)
{
    assert_true(flash_mmio.write(flash, offset, size, value));
}

static void erase(uint64_t offset)
{
    set(offset, 4, 0x00200020);
    set(offset, 4, 0x00d000d0);
}

static void program(uint64_t offset, uint32_t value)
{
    set(offset, 4, 0x00400040);
    set(offset, 4, value);
}

static void fresh_is_zeroes_and_readable(void **state)
{
    assert_int_equal(get(0, 8), 0);
    assert_true(bus.ram.rom_readable);
    assert_ptr_equal(memory_at(&bus.ram, 0x1000, 8), flash_content(flash) + 0x1000);
    assert_null(ram_at(&bus.ram, 0x1000, 8));
    assert_null(memory_at(&bus.ram, FLASH_BANK_BYTES - 4, 8)); /* across its end, though RAM follows */
}

static void erase_then_program(void **state)
{
    erase(FLASH_BLOCK_BYTES + 0x100);
    assert_int_equal(get(FLASH_BLOCK_BYTES, 4), 0x00800080);
    assert_false(bus.ram.rom_readable);
    assert_int_equal(rom_changes, 1);
    program(FLASH_BLOCK_BYTES + 4, 0x12345678);
    program(FLASH_BLOCK_BYTES + 4, 0xffff00ff); /* only ever to zeroes */
    set(0, 4, 0x00ff00ff);
    assert_true(bus.ram.rom_readable);
    assert_int_equal(rom_changes, 2);
    assert_int_equal(get(FLASH_BLOCK_BYTES, 8), 0x12340078ffffffff);
    assert_int_equal(get(FLASH_BLOCK_BYTES + 6, 2), 0x1234);
    assert_int_equal(get(FLASH_BLOCK_BYTES + 7, 1), 0x12);
    assert_int_equal(get(2 * FLASH_BLOCK_BYTES - 4, 4), 0xffffffff);
    assert_int_equal(get(2 * FLASH_BLOCK_BYTES, 4), 0);
    assert_int_equal(get(FLASH_BLOCK_BYTES - 4, 4), 0);
}

static void narrow_writes(void **state)
{
    set(FLASH_BLOCK_BYTES, 2, 0x20); /* commands to both chips, as wide ones are */
    set(FLASH_BLOCK_BYTES, 2, 0xd0);
    set(0, 2, 0xff);
    assert_int_equal(get(FLASH_BLOCK_BYTES, 8), ~0ull);
    assert_int_equal(get(2 * FLASH_BLOCK_BYTES - 1, 1), 0xff);
    set(0, 2, 0x40);
    set(FLASH_BLOCK_BYTES + 2, 2, 0x1234);
    set(0, 1, 0x40);
    set(FLASH_BLOCK_BYTES + 7, 1, 0x56);
    set(0, 2, 0xff);
    assert_int_equal(get(FLASH_BLOCK_BYTES, 8), 0x56ffffff1234ffff);
    set(0, 2, 0xe8);
    set(0, 2, 1);
    set(0x10, 4, 0);
    set(0x14, 2, 0); /* fresh flash is zeroes: nothing to see, but no error either */
    set(0, 2, 0xd0);
    assert_int_equal(get(0, 2), 0x80);
}

static void buffered(void **state)
{
    erase(0);
    set(0x40, 4, 0x00e800e8);
    assert_int_equal(get(0x40, 4), 0x00800080);
    set(0x40, 4, 0x001f001f);
    for (unsigned i = 0; i < 32; i++)
        set(0x40 + 4 * i, 4, 0x01010101 * i);
    set(0x40, 4, 0x00d000d0);
    assert_int_equal(get(0, 4), 0x00800080);
    set(0, 4, 0x00ff00ff);
    for (unsigned i = 0; i < 32; i++)
        assert_int_equal(get(0x40 + 4 * i, 4), 0x01010101 * i);
    assert_int_equal(get(0x40 + 4 * 32, 4), 0xffffffff);
}

static void wrong_sequences(void **state)
{
    set(0, 4, 0x00e800e8);
    set(0, 4, 0x00200020); /* more than the buffer has */
    assert_int_equal(get(0, 4), 0x00b000b0);
    set(0, 4, 0x00500050);
    assert_int_equal(get(0, 4) & 0x00100010, 0);
    set(0, 4, 0x00e800e8);
    set(0, 4, 0);
    set(FLASH_BLOCK_BYTES, 4, 0); /* of another block */
    assert_int_equal(get(0, 4), 0x00b000b0);
    set(0, 4, 0x00500050);
    set(0, 4, 0x00200020);
    set(0, 4, 0x00ff00ff); /* no confirmation */
    assert_int_equal(get(0, 4), 0x00b000b0);
}

static void query_and_identity(void **state)
{
    set(0x55 * 4, 4, 0x00980098);
    assert_int_equal(get(0x10 * 4, 4), 0x00510051);
    assert_int_equal(get(0x11 * 4, 8), 0x0059005900520052);
    assert_int_equal(get(0x27 * 4, 4), 0x00190019);          /* 2^25 bytes each */
    assert_int_equal(get(0x2d * 4, 4), 0x00ff00ff);          /* 256 blocks */
    assert_int_equal(get(0x31 * 4, 4), 0x00500050);
    assert_int_equal(get(0xff * 4, 4), 0);
    set(0, 4, 0x00900090);
    assert_int_equal(get(0, 8), 0x0018001800890089);
    set(0, 4, 0x00f000f0);
    assert_int_equal(get(0, 8), 0);
}

/* --- its backing ----------------------------------------------------------------------------------- */

static int refuse(struct disk *disk, uint64_t offset, const struct iovec *iov, int count)
{
    return ENOSPC;
}

static void backing(void **state)
{
    struct error error;
    struct disk *disk = disk_memory_create(FLASH_BANK_BYTES, false);
    struct disk_ops ops = *disk->ops;
    flash_class.free(flash);
    flash = flash_create(&(struct flash_config){.bus = &bus, .backing = disk}, &error);
    assert_non_null(flash);
    erase(0);
    program(0x204, 0xaabbccdd);
    uint8_t sector[512];
    struct iovec piece = {sector, sizeof sector};
    assert_int_equal(ops.read(disk, 512, &piece, 1), 0);
    assert_memory_equal(sector, "\xff\xff\xff\xff\xdd\xcc\xbb\xaa\xff", 9);

    ops.write = refuse; /* a full host disk: the guest is told, and what it had stays */
    disk->ops = &ops;
    struct complaint complaint;
    char said[300];
    complaint_begin(&complaint);
    program(0x204, 0);
    assert_int_equal(get(0, 4), 0x00900090);
    erase(0);
    complaint_end(&complaint, said, sizeof said); /* once */
    assert_string_equal(said, "armature: --firmware-vars: No space left on device; the guest sees that its flash "
                              "failed, which has what it had before\n");
    assert_int_equal(get(0, 4), 0x00b000b0);
    set(0, 4, 0x00ff00ff);
    assert_int_equal(get(0x204, 4), 0xaabbccdd);
}

/* --- snapshots ------------------------------------------------------------------------------------- */

static void medium(void **state)
{
    erase(3 * FLASH_BLOCK_BYTES);
    program(3 * FLASH_BLOCK_BYTES, 0x11223344);
    uint64_t page = 0;
    const struct medium_ops *ops = flash_class.medium;
    const uint8_t *content = ops->next_page(flash, &page);
    assert_int_equal(page, 3 * FLASH_BLOCK_BYTES / PAGE_SIZE_BYTES);
    uint8_t copy[PAGE_SIZE_BYTES];
    memcpy(copy, content, sizeof copy);
    assert_false(ops->put_page(flash, page, copy, false)); /* it came before */
    page += FLASH_BLOCK_BYTES / PAGE_SIZE_BYTES;
    assert_null(ops->next_page(flash, &page));
    assert_false(ops->put_page(flash, FLASH_BANK_BYTES / PAGE_SIZE_BYTES, copy, false));
    assert_true(ops->put_page(flash, 7, copy, false));
    set(0, 4, 0x00ff00ff);
    assert_int_equal(get(7 * PAGE_SIZE_BYTES, 4), 0x11223344);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(fresh_is_zeroes_and_readable, set_up, tear_down),
        cmocka_unit_test_setup_teardown(erase_then_program, set_up, tear_down),
        cmocka_unit_test_setup_teardown(narrow_writes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(buffered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_sequences, set_up, tear_down),
        cmocka_unit_test_setup_teardown(query_and_identity, set_up, tear_down),
        cmocka_unit_test_setup_teardown(backing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(medium, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
