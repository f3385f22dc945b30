/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The block device: every kind of request, its errors, its time, and requests in flight. */
#include <errno.h>
#include <stdlib.h>
#include "tests/unit/virtio_driver.h"
#include "peripherals/virtio/virtio_blk.h"

#define QUEUE   0
#define SECTORS 64ull

#define FEATURE_READ_ONLY    (1ull << 5)
#define FEATURE_FLUSH        (1ull << 9)
#define FEATURE_CONFIG_WCE   (1ull << 11)
#define FEATURE_DISCARD      (1ull << 13)
#define FEATURE_WRITE_ZEROES (1ull << 14)
#define FEATURES             (FEATURE_FLUSH | FEATURE_CONFIG_WCE | FEATURE_DISCARD | FEATURE_WRITE_ZEROES)

enum { READ = 0, WRITE = 1, FLUSH = 4, GET_ID = 8, DISCARD = 11, WRITE_ZEROES = 13 };
enum { OK = 0, IO_ERROR = 1, UNSUPPORTED = 2, UNTOUCHED = 0xee };

/* A memory disk that can be told to fail, and counts. */
struct flaky_disk {
    struct disk disk;
    struct disk *inner;
    int fail; /* errno of every operation */
    unsigned flushes, discards, expected_flushes;
    uint64_t expected_offset, expected_length; /* of the last read announced */
    bool last_unmap, *freed;
};

static int flaky_read(struct disk *disk, uint64_t offset, const struct iovec *iov, int count)
{
    struct flaky_disk *flaky = (struct flaky_disk *)disk;
    return flaky->fail ? flaky->fail : flaky->inner->ops->read(flaky->inner, offset, iov, count);
}

static int flaky_write(struct disk *disk, uint64_t offset, const struct iovec *iov, int count)
{
    struct flaky_disk *flaky = (struct flaky_disk *)disk;
    return flaky->fail ? flaky->fail : flaky->inner->ops->write(flaky->inner, offset, iov, count);
}

static int flaky_flush(struct disk *disk)
{
    struct flaky_disk *flaky = (struct flaky_disk *)disk;
    flaky->flushes++;
    return flaky->fail;
}

static int flaky_discard(struct disk *disk, uint64_t offset, uint64_t length)
{
    struct flaky_disk *flaky = (struct flaky_disk *)disk;
    flaky->discards++;
    return flaky->fail ? flaky->fail : flaky->inner->ops->discard(flaky->inner, offset, length);
}

static int flaky_write_zeroes(struct disk *disk, uint64_t offset, uint64_t length, bool unmap)
{
    struct flaky_disk *flaky = (struct flaky_disk *)disk;
    flaky->last_unmap = unmap;
    return flaky->fail ? flaky->fail : flaky->inner->ops->write_zeroes(flaky->inner, offset, length, unmap);
}

static void flaky_expect_read(struct disk *disk, uint64_t offset, uint64_t length)
{
    struct flaky_disk *flaky = (struct flaky_disk *)disk;
    flaky->expected_offset = offset;
    flaky->expected_length = length;
}

static void flaky_expect_flush(struct disk *disk)
{
    ((struct flaky_disk *)disk)->expected_flushes++;
}

static void flaky_free(struct disk *disk)
{
    struct flaky_disk *flaky = (struct flaky_disk *)disk;
    disk_free(flaky->inner);
    *flaky->freed = true;
}

static const struct disk_ops flaky_ops = {
    .read = flaky_read,
    .write = flaky_write,
    .flush = flaky_flush,
    .discard = flaky_discard,
    .write_zeroes = flaky_write_zeroes,
    .expect_read = flaky_expect_read,
    .expect_flush = flaky_expect_flush,
    .free = flaky_free,
};

struct bench {
    struct driver driver;
    struct flaky_disk disk;
    struct virtio_blk *blk;
    uint64_t status; /* address of the status byte of the last request */
    bool freed;
};

static struct bench *make(bool read_only, unsigned queues)
{
    static struct bench bench;
    memset(&bench, 0, sizeof bench);
    driver_init(&bench.driver);
    bench.disk.disk = (struct disk){&flaky_ops, SECTORS * DISK_SECTOR_BYTES, read_only};
    bench.disk.inner = disk_memory_create(SECTORS * DISK_SECTOR_BYTES, false);
    bench.disk.freed = &bench.freed;
    bench.blk = virtio_blk_create(&bench.driver.bus, &bench.driver.clock, &bench.disk.disk,
                                  "disk-of-a-name-longer-than");
    virtio_blk_add_queues(bench.blk, queues);
    driver_attach(&bench.driver, &bench.blk->virtio);
    virtio_blk_class.reset(bench.blk);
    return &bench;
}

static int set_up(void **state)
{
    *state = make(false, 1);
    return 0;
}

static int set_up_read_only(void **state)
{
    *state = make(true, 1);
    return 0;
}

static int set_up_several_queues(void **state)
{
    *state = make(false, 3);
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    driver_free(&bench->driver);
    return 0;
}

static void free_device(struct bench *bench)
{
    virtio_blk_class.free(bench->blk);
    assert_true(bench->freed);
    assert_true(clock_next_ns(&bench->driver.clock) == CLOCK_NEVER);
}

/* Puts a request on the ring and notifies. `data` is read by the device or written by it, as its kind asks.
 */
static uint16_t submit_to(struct bench *bench, unsigned queue, uint32_t type, uint64_t sector, uint64_t data,
                          uint32_t length)
{
    struct driver *driver = &bench->driver;
    uint64_t header = driver_alloc(driver, 16);
    struct driver_buffer buffers[4] = {{header, 16, false}};
    unsigned count = 1;

    bench->status = driver_alloc(driver, 1);
    memcpy(driver_ram(driver, header), &(struct {
               uint32_t type, reserved;
               uint64_t sector;
           }){type, 0, sector},
           16);
    *(uint8_t *)driver_ram(driver, bench->status) = UNTOUCHED;
    if (length)
        buffers[count++] = (struct driver_buffer){data, length, type == READ || type == GET_ID};
    buffers[count++] = (struct driver_buffer){bench->status, 1, true};
    uint16_t head = driver_add(driver, queue, buffers, count);
    driver_kick(driver, queue);
    return head;
}

static uint16_t submit(struct bench *bench, uint32_t type, uint64_t sector, uint64_t data, uint32_t length)
{
    return submit_to(bench, QUEUE, type, sector, data, length);
}

static uint8_t status_at(struct bench *bench, uint64_t address)
{
    return *(uint8_t *)driver_ram(&bench->driver, address);
}

/* Does a request and waits for it; `*used` becomes the length in the used ring. */
static uint8_t request_used(struct bench *bench, uint32_t type, uint64_t sector, uint64_t data,
                            uint32_t length, uint32_t *used)
{
    uint16_t head = submit(bench, type, sector, data, length), used_head;
    assert_false(driver_used(&bench->driver, QUEUE, &used_head, used));
    assert_true(driver_advance(&bench->driver));
    assert_true(driver_used(&bench->driver, QUEUE, &used_head, used));
    assert_int_equal(used_head, head);
    return status_at(bench, bench->status);
}

static uint8_t request(struct bench *bench, uint32_t type, uint64_t sector, uint64_t data, uint32_t length)
{
    uint32_t used;
    return request_used(bench, type, sector, data, length, &used);
}

static uint64_t pattern(struct bench *bench, uint8_t byte, uint32_t length)
{
    uint64_t address = driver_alloc(&bench->driver, length);
    memset(driver_ram(&bench->driver, address), byte, length);
    return address;
}

static uint8_t disk_byte(struct bench *bench, uint64_t offset)
{
    uint8_t sector[DISK_SECTOR_BYTES];
    struct iovec iov = {sector, sizeof sector};
    bench->disk.inner->ops->read(bench->disk.inner, offset & ~511ull, &iov, 1);
    return sector[offset & 511];
}

struct range {
    uint64_t sector;
    uint32_t sectors, flags;
};

static uint64_t ranges_at(struct bench *bench, const struct range *ranges, unsigned count)
{
    uint64_t address = driver_alloc(&bench->driver, count * sizeof *ranges);
    memcpy(driver_ram(&bench->driver, address), ranges, count * sizeof *ranges);
    return address;
}

/* --- configuration --- */

static void test_config(void **state)
{
    struct bench *bench = *state;
    struct driver *driver = &bench->driver;

    assert_int_equal(driver_read(driver, MMIO_DEVICE_ID), 2);
    assert_int_equal(driver_read(driver, MMIO_CONFIG), SECTORS);
    assert_int_equal(driver_read(driver, MMIO_CONFIG + 12), 254);         /* seg_max */
    assert_int_equal(driver_read(driver, MMIO_CONFIG + 20), 512);         /* blk_size */
    assert_int_equal(driver_read(driver, MMIO_CONFIG + 32), 1 | 1 << 16); /* writeback, num_queues */
    assert_int_not_equal(driver_read(driver, MMIO_CONFIG + 36), 0);       /* max_discard_sectors */
    assert_int_equal(driver_read(driver, MMIO_CONFIG + 56), 1);           /* write_zeroes_may_unmap */
    assert_true((driver_offered(driver) & FEATURES) == FEATURES);
    assert_false(driver_offered(driver) & FEATURE_READ_ONLY);
    free_device(bench);
}

/* --- requests --- */

static void test_write_and_read(void **state)
{
    struct bench *bench = *state;
    uint32_t used;

    driver_start(&bench->driver, FEATURES, 1);
    uint64_t out = pattern(bench, 0x5a, 1024), in = pattern(bench, 0, 2048);
    assert_int_equal(request_used(bench, WRITE, 3, out, 1024, &used), OK);
    assert_int_equal(used, 1);
    assert_int_equal(request_used(bench, READ, 2, in, 2048, &used), OK);
    assert_int_equal(used, 2049);
    for (unsigned i = 0; i < 2048; i++)
        assert_int_equal(((uint8_t *)driver_ram(&bench->driver, in))[i], i >= 512 && i < 1536 ? 0x5a : 0);
    assert_true(bench->driver.wire);
    assert_int_equal(bench->disk.flushes, 0);
    free_device(bench);
}

static void test_scattered(void **state)
{
    struct bench *bench = *state;
    struct driver *driver = &bench->driver;
    uint16_t head;
    uint32_t used;

    /* The header in three pieces, the data in pieces that are no sectors, the status behind data in one
     * buffer. */
    driver_start(driver, FEATURES | VIRTIO_F_INDIRECT_DESC, 1);
    uint64_t header = pattern(bench, 0, 16), in = pattern(bench, 0xaa, 1025);
    *(uint64_t *)driver_ram(driver, header + 8) = 1;
    assert_int_equal(request(bench, WRITE, 1, pattern(bench, 0x77, 1024), 1024), OK);
    struct driver_buffer buffers[] = {
        {header, 3, false}, {header + 3, 9, false}, {header + 12, 4, false},
        {in, 1, true},      {in + 1, 700, true},    {in + 701, 324, true},
    };
    driver_add_indirect(driver, QUEUE, buffers, 6);
    driver_kick(driver, QUEUE);
    assert_true(driver_advance(driver));
    assert_true(driver_used(driver, QUEUE, &head, &used));
    assert_int_equal(used, 1025);
    for (unsigned i = 0; i < 1024; i++)
        assert_int_equal(((uint8_t *)driver_ram(driver, in))[i], 0x77);
    assert_int_equal(status_at(bench, in + 1024), OK);
    free_device(bench);
}

static void test_bounds(void **state)
{
    struct bench *bench = *state;
    static const struct {
        uint64_t sector;
        uint32_t length;
        uint8_t status;
    } cases[] = {
        {0, 512, OK},
        {SECTORS - 1, 512, OK},
        {SECTORS - 1, 1024, IO_ERROR},
        {SECTORS, 512, IO_ERROR},
        {UINT64_MAX, 512, IO_ERROR},
        {UINT64_MAX / 512, 512, IO_ERROR},
        {1ull << 55, 512, IO_ERROR},
        {0, 511, IO_ERROR},
        {0, 513, IO_ERROR},
        {0, SECTORS * 512 + 512, IO_ERROR},
    };

    driver_start(&bench->driver, FEATURES, 1);
    uint64_t data = pattern(bench, 0, SECTORS * 512 + 512);
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(request(bench, READ, cases[i].sector, data, cases[i].length), cases[i].status);
        assert_int_equal(request(bench, WRITE, cases[i].sector, data, cases[i].length), cases[i].status);
    }
    assert_false(driver_needs_reset(&bench->driver));
    free_device(bench);
}

static void test_get_id(void **state)
{
    struct bench *bench = *state;
    uint32_t used;

    driver_start(&bench->driver, FEATURES, 1);
    uint64_t in = pattern(bench, 0xcc, 32);
    assert_int_equal(request_used(bench, GET_ID, 0, in, 20, &used), OK);
    assert_int_equal(used, 21);
    assert_memory_equal(driver_ram(&bench->driver, in), "disk-of-a-name-longe\xcc", 21);
    assert_int_equal(request_used(bench, GET_ID, 0, in, 32, &used), OK);
    assert_int_equal(used, 20); /* and the status, after a gap */
    assert_int_equal(request_used(bench, GET_ID, 0, in, 8, &used), OK);
    assert_int_equal(used, 9);
    free_device(bench);
}

static void test_flush_and_write_through(void **state)
{
    struct bench *bench = *state;
    struct bus *bus = &bench->driver.bus;
    uint64_t data;

    driver_start(&bench->driver, FEATURES, 1);
    data = pattern(bench, 1, 512);
    assert_int_equal(request(bench, FLUSH, 0, 0, 0), OK);
    assert_int_equal(bench->disk.flushes, 1);
    /* Writeback switched off by the driver: each write is flushed. */
    assert_true(bus_mmio_write(bus, DRIVER_SLOT + MMIO_CONFIG + 32, 1, 0));
    assert_int_equal(request(bench, WRITE, 0, data, 512), OK);
    assert_int_equal(bench->disk.flushes, 2);
    assert_true(bus_mmio_write(bus, DRIVER_SLOT + MMIO_CONFIG + 32, 1, 1));
    assert_int_equal(request(bench, WRITE, 0, data, 512), OK);
    assert_int_equal(bench->disk.flushes, 2);
    /* A driver that cannot flush gets the same, and no flush. */
    driver_start(&bench->driver, FEATURE_WRITE_ZEROES, 1);
    data = pattern(bench, 1, 512);
    assert_int_equal(request(bench, WRITE, 0, data, 512), OK);
    assert_int_equal(bench->disk.flushes, 3);
    assert_int_equal(request(bench, WRITE_ZEROES, 0, ranges_at(bench, &(struct range){0, 1, 0}, 1), 16), OK);
    assert_int_equal(bench->disk.flushes, 4);
    /* Writing it without the feature changes nothing, and a reset switches it on again. */
    assert_true(bus_mmio_write(bus, DRIVER_SLOT + MMIO_CONFIG + 32, 1, 0));
    assert_int_equal(driver_read(&bench->driver, MMIO_CONFIG + 32) & 0xff, 1);
    driver_start(&bench->driver, FEATURES, 1);
    assert_true(bus_mmio_write(bus, DRIVER_SLOT + MMIO_CONFIG + 33, 1, 0));
    assert_true(bus_mmio_write(bus, DRIVER_SLOT + MMIO_CONFIG, 4, 0));
    assert_int_equal(driver_read(&bench->driver, MMIO_CONFIG), SECTORS);
    assert_true(bus_mmio_write(bus, DRIVER_SLOT + MMIO_CONFIG + 32, 1, 0));
    driver_start(&bench->driver, 0, 1);
    assert_int_equal(driver_read(&bench->driver, MMIO_CONFIG + 32) & 0xff, 1);
    assert_int_equal(request(bench, FLUSH, 0, 0, 0), UNSUPPORTED);
    free_device(bench);
}

static void test_discard_and_write_zeroes(void **state)
{
    struct bench *bench = *state;
    struct range two[] = {{1, 2, 0}, {10, 1, 0}};

    driver_start(&bench->driver, FEATURES, 1);
    assert_int_equal(request(bench, WRITE, 0, pattern(bench, 9, 64 * 512), 64 * 512), OK);
    assert_int_equal(request(bench, WRITE_ZEROES, 0, ranges_at(bench, two, 2), sizeof two), OK);
    for (unsigned sector = 0; sector < SECTORS; sector++) {
        bool zero = sector == 1 || sector == 2 || sector == 10;
        assert_int_equal(disk_byte(bench, sector * 512), zero ? 0 : 9);
        assert_int_equal(disk_byte(bench, sector * 512 + 511), zero ? 0 : 9);
    }
    assert_false(bench->disk.last_unmap);
    two[0].flags = two[1].flags = 1;
    assert_int_equal(request(bench, WRITE_ZEROES, 0, ranges_at(bench, two, 2), sizeof two), OK);
    assert_true(bench->disk.last_unmap);
    assert_int_equal(request(bench, DISCARD, 0, ranges_at(bench, &(struct range){20, 3, 0}, 1), 16), OK);
    assert_int_equal(bench->disk.discards, 1);
    free_device(bench);
}

static void test_bad_ranges(void **state)
{
    struct bench *bench = *state;
    struct range second_bad[] = {{0, 1, 0}, {SECTORS, 1, 0}};

    driver_start(&bench->driver, FEATURES, 1);
    assert_int_equal(request(bench, WRITE, 0, pattern(bench, 9, 512), 512), OK);
    assert_int_equal(request(bench, DISCARD, 0, ranges_at(bench, &(struct range){0, 1, 1}, 1), 16),
                     UNSUPPORTED);
    assert_int_equal(request(bench, WRITE_ZEROES, 0, ranges_at(bench, &(struct range){0, 1, 2}, 1), 16),
                     UNSUPPORTED);
    assert_int_equal(request(bench, DISCARD, 0, ranges_at(bench, &(struct range){SECTORS - 1, 2, 0}, 1), 16),
                     IO_ERROR);
    assert_int_equal(request(bench, DISCARD, 0, ranges_at(bench, &(struct range){0, UINT32_MAX, 0}, 1), 16),
                     IO_ERROR);
    assert_int_equal(request(bench, DISCARD, 0, ranges_at(bench, &(struct range){0, 1, 0}, 1), 15), IO_ERROR);
    assert_int_equal(request(bench, DISCARD, 0, 0, 0), IO_ERROR);
    struct range many[257] = {{0, 0, 0}};
    assert_int_equal(request(bench, DISCARD, 0, ranges_at(bench, many, 256), 256 * 16), OK);
    assert_int_equal(request(bench, DISCARD, 0, ranges_at(bench, many, 257), 257 * 16), IO_ERROR);
    /* Nothing is done of a request of which a part is wrong. */
    assert_int_equal(request(bench, WRITE_ZEROES, 0, ranges_at(bench, second_bad, 2), sizeof second_bad),
                     IO_ERROR);
    assert_int_equal(disk_byte(bench, 0), 9);
    assert_int_equal(bench->disk.discards, 0);
    driver_start(&bench->driver, FEATURE_FLUSH, 1);
    assert_int_equal(request(bench, DISCARD, 0, ranges_at(bench, &(struct range){0, 1, 0}, 1), 16),
                     UNSUPPORTED);
    assert_int_equal(request(bench, WRITE_ZEROES, 0, ranges_at(bench, &(struct range){0, 1, 0}, 1), 16),
                     UNSUPPORTED);
    free_device(bench);
}

static void test_unknown_request(void **state)
{
    struct bench *bench = *state;
    driver_start(&bench->driver, FEATURES, 1);
    assert_int_equal(request(bench, 0x55, 0, 0, 0), UNSUPPORTED);
    assert_int_equal(request(bench, 0xffffffff, 0, 0, 0), UNSUPPORTED);
    free_device(bench);
}

static void test_read_only(void **state)
{
    struct bench *bench = *state;
    struct range range = {0, 1, 0};

    assert_true(driver_offered(&bench->driver) & FEATURE_READ_ONLY);
    assert_false(driver_offered(&bench->driver) & (FEATURE_DISCARD | FEATURE_WRITE_ZEROES));
    driver_start(&bench->driver, FEATURE_READ_ONLY | FEATURE_FLUSH, 1);
    uint64_t data = pattern(bench, 9, 512);
    assert_int_equal(request(bench, WRITE, 0, data, 512), IO_ERROR);
    assert_int_equal(disk_byte(bench, 0), 0);
    assert_int_equal(request(bench, DISCARD, 0, ranges_at(bench, &range, 1), 16), UNSUPPORTED);
    assert_int_equal(request(bench, READ, 0, data, 512), OK);
    assert_int_equal(*(uint8_t *)driver_ram(&bench->driver, data), 0);
    free_device(bench);
}

static void test_host_errors(void **state)
{
    struct bench *bench = *state;
    struct range range = {0, 1, 0};
    uint32_t used;

    driver_start(&bench->driver, FEATURES, 1);
    uint64_t data = pattern(bench, 7, 512);
    assert_int_equal(request(bench, WRITE, 5, data, 512), OK);
    bench->disk.fail = ENOSPC;
    assert_int_equal(request_used(bench, READ, 5, data, 512, &used), IO_ERROR);
    assert_int_equal(used, 0);
    assert_int_equal(request(bench, WRITE, 5, pattern(bench, 8, 512), 512), IO_ERROR);
    assert_int_equal(request(bench, FLUSH, 0, 0, 0), IO_ERROR);
    assert_int_equal(request(bench, DISCARD, 0, ranges_at(bench, &range, 1), 16), IO_ERROR);
    assert_int_equal(request(bench, WRITE_ZEROES, 0, ranges_at(bench, &range, 1), 16), IO_ERROR);
    bench->disk.fail = 0;
    assert_int_equal(request(bench, READ, 5, data, 512), OK);
    assert_int_equal(*(uint8_t *)driver_ram(&bench->driver, data), 7); /* nothing written before is lost */
    assert_false(driver_needs_reset(&bench->driver));
    free_device(bench);
}

/* --- time and flight --- */

static void test_announcements(void **state)
{
    struct bench *bench = *state;

    driver_start(&bench->driver, FEATURES, 1);
    uint64_t data = pattern(bench, 0, 1024);
    submit(bench, READ, 3, data, 1024);
    assert_int_equal(bench->disk.expected_offset, 3 * 512);
    assert_int_equal(bench->disk.expected_length, 1024);
    submit(bench, READ, SECTORS - 1, data, 1024); /* not to be announced */
    submit(bench, WRITE, 0, data, 512);
    assert_int_equal(bench->disk.expected_offset, 3 * 512);
    assert_int_equal(bench->disk.expected_flushes, 0);
    submit(bench, FLUSH, 0, 0, 0);
    assert_int_equal(bench->disk.expected_flushes, 1);
    assert_int_equal(bench->disk.flushes, 0);
    free_device(bench); /* in flight */
}

static void test_time(void **state)
{
    struct bench *bench = *state;
    struct clock *clock = &bench->driver.clock;

    driver_start(&bench->driver, FEATURES, 1);
    uint64_t data = pattern(bench, 0, 8192);
    submit(bench, READ, 0, data, 512);
    uint64_t short_ns = clock_next_ns(clock);
    driver_advance(&bench->driver);
    uint64_t start = clock_now_ns(clock);
    submit(bench, READ, 0, data, 8192);
    uint64_t long_ns = clock_next_ns(clock) - start;
    assert_true(long_ns > short_ns && short_ns >= DISK_LATENCY_NS);
    assert_true(long_ns - short_ns == (8192 - 512) * 1000 / DISK_BYTES_PER_1000_NS);

    /* Limits: of bytes, and of requests, whichever is longer; one request after the other. */
    driver_advance(&bench->driver);
    bench->blk->drive.bytes_per_s = 1 << 20;
    start = clock_now_ns(clock);
    submit(bench, READ, 0, data, 8192);
    assert_int_equal(clock_next_ns(clock) - start, 7812500 + DISK_LATENCY_NS); /* 1/128 of a second */
    submit(bench, READ, 0, data, 4096);
    driver_advance(&bench->driver);
    assert_int_equal(clock_next_ns(clock) - start, 7812500 + 3906250 + DISK_LATENCY_NS);
    driver_advance(&bench->driver);
    bench->blk->drive.per_s = 100;
    start = clock_now_ns(clock);
    submit(bench, READ, 0, data, 512);
    assert_int_equal(clock_next_ns(clock) - start, 10000000 + DISK_LATENCY_NS);
    free_device(bench);
}

static void test_several_in_flight(void **state)
{
    struct bench *bench = *state;
    struct driver *driver = &bench->driver;
    uint64_t status[4];
    uint16_t heads[4], head;
    uint32_t used;
    unsigned done = 0;

    driver_start(driver, FEATURES, 1);
    uint64_t data = pattern(bench, 0x11, 4 * 512), in = pattern(bench, 0, 512);
    for (unsigned i = 0; i < 3; i++) {
        heads[i] = submit(bench, WRITE, i, data, 512 * (i + 1));
        status[i] = bench->status;
    }
    heads[3] = submit(bench, READ, 2, in, 512);
    status[3] = bench->status;
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(status_at(bench, status[i]), UNTOUCHED);
    assert_int_equal(disk_byte(bench, 0), 0); /* no effect before its time */
    while (driver_advance(driver))
        while (driver_used(driver, QUEUE, &head, &used)) {
            assert_int_equal(head, heads[done]);
            assert_int_equal(status_at(bench, status[done]), OK);
            done++;
        }
    assert_int_equal(done, 4);
    assert_int_equal(*(uint8_t *)driver_ram(driver, in), 0x11); /* it saw the writes before it */
    free_device(bench);
}

static void test_reset_in_flight(void **state)
{
    struct bench *bench = *state;
    uint16_t head;
    uint32_t used;

    driver_start(&bench->driver, FEATURES, 1);
    submit(bench, WRITE, 0, pattern(bench, 5, 512), 512);
    driver_write(&bench->driver, MMIO_STATUS, 0);
    assert_false(driver_advance(&bench->driver));
    assert_false(driver_used(&bench->driver, QUEUE, &head, &used));
    assert_int_equal(disk_byte(bench, 0), 0);
    assert_int_equal(status_at(bench, bench->status), UNTOUCHED);
    /* The next request waits for none of those that were. */
    for (unsigned i = 0; i < 2; i++) {
        driver_start(&bench->driver, FEATURES, 1);
        submit(bench, FLUSH, 0, 0, 0);
        assert_true(clock_next_ns(&bench->driver.clock) == DISK_FLUSH_NS + DISK_LATENCY_NS);
    }
    free_device(bench);
}

static void test_queue_disabled_in_flight(void **state)
{
    struct bench *bench = *state;

    driver_start(&bench->driver, FEATURES, 1);
    submit(bench, WRITE, 0, pattern(bench, 5, 512), 512);
    driver_write(&bench->driver, MMIO_QUEUE_SEL, QUEUE);
    driver_write(&bench->driver, MMIO_QUEUE_READY, 0);
    assert_true(driver_advance(&bench->driver));
    assert_int_equal(disk_byte(bench, 0), 0);
    assert_int_equal(bench->driver.queues[QUEUE].used->index, 0);
    assert_false(driver_needs_reset(&bench->driver));
    free_device(bench);
}

static void test_restored_is_distrusted(void **state)
{
    struct bench *bench = *state;

    driver_start(&bench->driver, FEATURES, 1);
    bench->blk->first = 0xffffffff;
    bench->blk->in_flight = 0xffffffff;
    bench->blk->virtio.queues[0].driver_area = 0x1000;
    virtio_blk_class.restored(bench->blk);
    assert_int_equal(bench->blk->first, VIRTQ_SIZE_MAX - 1);
    assert_int_equal(bench->blk->in_flight, VIRTQ_SIZE_MAX);
    assert_true(driver_needs_reset(&bench->driver));
    while (driver_advance(&bench->driver))
        ;
    assert_int_equal(bench->blk->in_flight, 0);
    free_device(bench);
}

static void test_restored_in_flight(void **state)
{
    struct bench *bench = *state;
    struct virtio_blk saved;
    uint64_t hash, due;

    driver_start(&bench->driver, FEATURES, 1);
    submit(bench, WRITE, 0, pattern(bench, 5, 512), 512);
    due = clock_next_ns(&bench->driver.clock);
    saved = *bench->blk;
    hash = fields_hash(virtio_blk_class.state, bench->blk, FIELDS_HASH_SEED);
    virtio_blk_class.reset(bench->blk);
    assert_true(hash != fields_hash(virtio_blk_class.state, bench->blk, FIELDS_HASH_SEED));
    assert_true(clock_next_ns(&bench->driver.clock) == CLOCK_NEVER);
    /* What a snapshot holds comes back, the event with it. */
    bench->blk->completion.when_ns = saved.completion.when_ns;
    bench->blk->completion.order = saved.completion.order;
    bench->blk->virtio = saved.virtio;
    memcpy(bench->blk->requests, saved.requests, sizeof saved.requests);
    bench->blk->first = saved.first;
    bench->blk->in_flight = saved.in_flight;
    bench->blk->idle_at_ns = saved.idle_at_ns;
    virtio_blk_class.restored(bench->blk);
    assert_true(hash == fields_hash(virtio_blk_class.state, bench->blk, FIELDS_HASH_SEED));
    assert_true(clock_next_ns(&bench->driver.clock) == due);
    assert_true(driver_advance(&bench->driver));
    assert_int_equal(disk_byte(bench, 0), 5);
    assert_int_equal(status_at(bench, bench->status), OK);
    free_device(bench);
}

/* --- hostile drivers --- */

static void test_malformed_requests(void **state)
{
    struct bench *bench = *state;
    struct driver *driver = &bench->driver;
    struct driver_buffer only_readable = {DRIVER_RAM_BASE, 16, false};
    struct driver_buffer only_writable = {DRIVER_RAM_BASE, 16, true};
    struct driver_buffer short_header[] = {{DRIVER_RAM_BASE, 15, false}, {DRIVER_RAM_BASE, 1, true}};

    driver_start(driver, FEATURES, 1);
    driver_add(driver, QUEUE, &only_readable, 1);
    driver_kick(driver, QUEUE);
    assert_true(driver_needs_reset(driver));
    driver_start(driver, FEATURES, 1);
    driver_add(driver, QUEUE, &only_writable, 1);
    driver_kick(driver, QUEUE);
    assert_true(driver_needs_reset(driver));
    driver_start(driver, FEATURES, 1);
    driver_add(driver, QUEUE, short_header, 2);
    driver_kick(driver, QUEUE);
    assert_true(driver_needs_reset(driver));
    free_device(bench);
}

static void test_changed_in_flight(void **state)
{
    struct bench *bench = *state;
    struct driver *driver = &bench->driver;
    uint16_t head;

    /* A descriptor that pointed into RAM when it was looked at first. */
    driver_start(driver, FEATURES, 1);
    head = submit(bench, READ, 0, pattern(bench, 0, 512), 512);
    driver->queues[QUEUE].descriptors[head + 1].address = 0x1000;
    assert_true(driver_advance(driver));
    assert_true(driver_needs_reset(driver));
    assert_int_equal(driver->queues[QUEUE].used->index, 0);
    /* One request in the ring many times over: as many as the device keeps in flight and the ring holds. */
    driver_start(driver, FEATURES, 1);
    head = submit(bench, READ, 0, pattern(bench, 0, 512), 512);
    for (unsigned i = 1; i < VIRTQ_SIZE_MAX + DRIVER_QUEUE_SIZE; i++) {
        driver_offer(driver, QUEUE, head);
        driver_kick(driver, QUEUE);
    }
    for (unsigned i = 0; i < 2000 && driver_advance(driver); i++)
        ;
    assert_false(driver_advance(driver));
    assert_int_equal(driver->queues[QUEUE].used->index, VIRTQ_SIZE_MAX + DRIVER_QUEUE_SIZE);
    assert_false(driver_needs_reset(driver));
    /* And more than that. */
    for (unsigned i = 0; i < VIRTQ_SIZE_MAX + DRIVER_QUEUE_SIZE + 1; i++) {
        driver_offer(driver, QUEUE, head);
        driver_kick(driver, QUEUE);
    }
    for (unsigned i = 0; i < 2000 && driver_advance(driver); i++)
        ;
    assert_true(driver_needs_reset(driver));
    free_device(bench);
}

/* Each answer comes by the queue that the request came by, in the order of all of them. */
static void test_several_queues(void **state)
{
    struct bench *bench = *state;
    struct driver *driver = &bench->driver;
    uint32_t length;
    uint16_t head;
    assert_true(driver_offered(driver) >> 12 & 1);
    driver_start(driver, FEATURES | 1ull << 12, 3);
    uint64_t ones = pattern(bench, 1, 512), room = pattern(bench, 0, 512);
    uint16_t write = submit_to(bench, 2, WRITE, 5, ones, 512), read = submit_to(bench, 1, READ, 5, room, 512);
    assert_int_equal(bench->blk->in_flight, 2);
    while (bench->blk->in_flight)
        assert_true(driver_advance(driver));
    assert_false(driver_used(driver, 0, &head, &length));
    assert_true(driver_used(driver, 2, &head, &length));
    assert_int_equal(head, write);
    assert_true(driver_used(driver, 1, &head, &length));
    assert_int_equal(head, read);
    assert_int_equal(length, 513);
    assert_memory_equal(driver_ram(driver, room), driver_ram(driver, ones), 512);
    bench->blk->requests[7].queue = 77; /* a file that lies */
    virtio_blk_class.restored(bench->blk);
    assert_true(bench->blk->requests[7].queue < 3);
    free_device(bench);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_config),
        TEST(test_write_and_read),
        TEST(test_scattered),
        TEST(test_bounds),
        TEST(test_get_id),
        TEST(test_flush_and_write_through),
        TEST(test_discard_and_write_zeroes),
        TEST(test_bad_ranges),
        TEST(test_unknown_request),
        cmocka_unit_test_setup_teardown(test_read_only, set_up_read_only, tear_down),
        cmocka_unit_test_setup_teardown(test_several_queues, set_up_several_queues, tear_down),
        TEST(test_host_errors),
        TEST(test_announcements),
        TEST(test_time),
        TEST(test_several_in_flight),
        TEST(test_reset_in_flight),
        TEST(test_queue_disabled_in_flight),
        TEST(test_restored_in_flight),
        TEST(test_restored_is_distrusted),
        TEST(test_malformed_requests),
        TEST(test_changed_in_flight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
