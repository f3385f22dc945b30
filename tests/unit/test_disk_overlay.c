/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Disks in front of disks, against a plain array: what an overlay holds, and what a keeper tells. */
#include "tests/unit/unit.h"
#include <stdlib.h>
#include "peripherals/virtio/disk.h"

enum { SECTORS = 8 * 300 + 3, BYTES = SECTORS * 512, ROUNDS = 3000 };

static uint8_t model[BYTES], kept[BYTES], before[BYTES], buffer[BYTES];
static uint64_t random_state;

static uint64_t random_below(uint64_t limit)
{
    random_state ^= random_state << 13, random_state ^= random_state >> 7, random_state ^= random_state << 17;
    return random_state % limit;
}

static void write_disk(struct disk *disk, uint64_t offset, const uint8_t *bytes, size_t length)
{
    struct iovec iov[2] = {{(void *)bytes, length / 2}, {(void *)(bytes + length / 2), length - length / 2}};
    assert_int_equal(disk->ops->write(disk, offset, iov, 2), 0);
}

static void expect_content(struct disk *disk, const uint8_t *wanted)
{
    struct iovec iov = {buffer, BYTES};
    assert_int_equal(disk->ops->read(disk, 0, &iov, 1), 0);
    assert_memory_equal(buffer, wanted, BYTES);
}

static struct disk *make_base(void)
{
    struct disk *base = disk_memory_create(BYTES, false);
    random_state = 88172645463325252ull;
    for (unsigned i = 0; i < BYTES; i++)
        before[i] = model[i] = (uint8_t)random_below(256);
    write_disk(base, 0, model, BYTES);
    return base;
}

/* Writes, zeroes and discards at random, on the disk and on the model. */
static void change(struct disk *disk)
{
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t first = random_below(SECTORS), count = random_below(20), offset = first * 512;
        size_t length = (first + count < SECTORS ? count : SECTORS - first) * 512;
        unsigned what = (unsigned)random_below(4);
        memset(model + offset, what < 2 ? (int)(round | 1) & 0xff : 0, length);
        if (what < 2)
            write_disk(disk, offset, model + offset, length);
        else if (what == 2)
            assert_int_equal(disk->ops->write_zeroes(disk, offset, length, true), 0);
        else
            assert_int_equal(disk->ops->discard(disk, offset, length), 0);
    }
    assert_int_equal(disk->ops->flush(disk), 0);
}

static void an_overlay_leaves_its_base_alone(void **state)
{
    struct disk *base = make_base(), *overlay = disk_overlay_create(base, false);
    expect_content(overlay, before);
    change(overlay);
    expect_content(overlay, model);
    expect_content(base, before);
    disk_overlay_put(overlay, BYTES - 512, model, 1024); /* beyond its end */
    disk_overlay_put(overlay, UINT64_MAX, model, 512);
    expect_content(overlay, model);
    disk_free(overlay);
}

static unsigned told;

static void keep(void *context, unsigned number, uint64_t offset, const void *bytes, size_t length)
{
    assert_ptr_equal(context, kept);
    assert_int_equal(number, 3);
    if (!bytes)
        return;
    assert_true(offset + length <= BYTES);
    memcpy(kept + offset, bytes, length);
    told++;
}

static void a_keeper_tells_what_was_there_once(void **state)
{
    struct disk *disk = disk_keep_create(make_base(), 3, keep, kept);
    memcpy(kept, model, BYTES);
    change(disk);
    expect_content(disk, model);
    assert_memory_equal(kept, before, BYTES); /* what was told is what was there */
    assert_in_range(told, 200, SECTORS / 8 + 1);
    memset(kept, 0, BYTES);
    told = 0;
    write_disk(disk, 0, model, BYTES);
    change(disk);
    assert_in_range(told, 0, 100);
    disk_free(disk);
}

static void an_identity_is_of_the_content(void **state)
{
    struct disk *base = make_base(), *overlay = disk_overlay_create(base, false);
    uint64_t identity = disk_identity(base);
    assert_int_equal(disk_identity(overlay), identity);
    write_disk(overlay, 1024, model, 512);
    assert_int_not_equal(disk_identity(overlay), identity);
    write_disk(overlay, 1024, before + 1024, 512);
    assert_int_equal(disk_identity(overlay), identity);
    disk_free(overlay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_overlay_leaves_its_base_alone),
        cmocka_unit_test(a_keeper_tells_what_was_there_once),
        cmocka_unit_test(an_identity_is_of_the_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
