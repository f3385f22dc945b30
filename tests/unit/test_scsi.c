/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SCSI disks and CD drives: commands, sense, mode pages; the virtio device that brings them: requests, task management,
 * events. */
#include <stdlib.h>
#include "tests/unit/virtio_driver.h"
#include "machine/contract/endian.h"
#include "peripherals/virtio/virtio_scsi.h"

#define SECTORS 4096ull

static struct scsi_disk *unit;
static uint8_t in[0x20000], out[0x20000];
static uint32_t sense; /* key, code, qualifier of the last command */
static uint64_t done;
static bool overrun;

static void start(bool is_cd, bool read_only)
{
    unit = scsi_disk_create(disk_memory_create(SECTORS * 512, read_only), is_cd, "disk3");
    unit->attention = 0;
}

static int set_up_disk(void **state)
{
    start(false, false);
    return 0;
}

static int set_up_read_only(void **state)
{
    start(false, true);
    return 0;
}

static int set_up_cd(void **state)
{
    start(true, true);
    return 0;
}

static int tear_down(void **state)
{
    scsi_disk_class.free(unit);
    return 0;
}

/* A command with data in two pieces each way; returns its sense. */
static uint32_t run(const uint8_t *cdb, unsigned length, uint64_t in_bytes, uint64_t out_bytes)
{
    struct iovec to[2] = {{in, in_bytes / 2}, {in + in_bytes / 2, in_bytes - in_bytes / 2}},
                 from[2] = {{out, out_bytes / 2}, {out + out_bytes / 2, out_bytes - out_bytes / 2}};
    struct scsi_request request = {
        .in = to, .out = from, .in_count = 2, .out_count = 2, .in_bytes = in_bytes, .out_bytes = out_bytes};
    memcpy(request.cdb, cdb, length);
    memset(in, 0xee, sizeof in);
    scsi_disk_do(unit, &request);
    sense = (uint32_t)request.sense[2] << 16 | request.sense[12] << 8 | request.sense[13];
    assert_int_equal(request.status, sense ? SCSI_CHECK_CONDITION : SCSI_GOOD);
    done = request.done;
    overrun = request.overrun;
    return sense;
}
#define RUN(in_bytes, out_bytes, ...) \
    run((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}), in_bytes, out_bytes)

enum {
    GOOD = 0, OPCODE = 0x052000, RANGE = 0x052100, FIELD = 0x052400, LENGTH = 0x051a00, PARAMETER = 0x052600,
    PROTECTED = 0x072700, POWER_ON = 0x062900, NO_MEDIUM = 0x023a02, CHANGED = 0x062800, LOCKED = 0x055302,
    MISCOMPARE = 0x0e1d00,
};

static void inquiry(void **state)
{
    assert_int_equal(RUN(255, 0, 0x12, 0, 0, 0, 255, 0), GOOD);
    assert_int_equal(done, 96);
    assert_memory_equal(in + 8, "ARMATUREDISK            1.0 ", 28);
    assert_int_equal(RUN(255, 0, 0x12, 0, 0, 0, 5, 0), GOOD);
    assert_int_equal(done, 5);
    assert_int_equal(RUN(4, 0, 0x12, 0, 0, 0, 36, 0), GOOD);
    assert_true(overrun); /* less room than it allows */
    assert_int_equal(RUN(255, 0, 0x12, 1, 0, 0, 255, 0), GOOD);
    static const uint8_t pages[] = {0, 0, 0, 6, 0, 0x80, 0x83, 0xb0, 0xb1, 0xb2};
    assert_memory_equal(in, pages, sizeof pages);
    for (unsigned i = 4; i < sizeof pages; i++) {
        assert_int_equal(RUN(255, 0, 0x12, 1, pages[i], 0, 255, 0), GOOD);
        assert_int_equal(in[1], pages[i]);
        assert_int_equal(done, 4u + in[3]);
    }
    assert_int_equal(RUN(255, 0, 0x12, 1, 0x80, 0, 255, 0), GOOD);
    assert_memory_equal(in + 4, "disk3", 5);
    assert_int_equal(RUN(255, 0, 0x12, 1, 0x55, 0, 255, 0), FIELD);
    assert_int_equal(RUN(255, 0, 0x12, 0, 0x80, 0, 255, 0), FIELD);
    assert_int_equal(RUN(64, 0, 0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0), GOOD);
    assert_int_equal(get_be32(in), 8);
    assert_int_equal(RUN(0, 0, 0xff), OPCODE);
}

/* What is written by each length of command is read by each. */
static void transfers(void **state)
{
    for (unsigned i = 0; i < 4096; i++)
        out[i] = (uint8_t)(i * 3 + i / 256);
    assert_int_equal(RUN(0, 1024, 0x0a, 0, 0, 16, 2, 0), GOOD);
    assert_int_equal(RUN(0, 1024, 0x2a, 0, 0, 0, 0, 18, 0, 0, 2, 0), GOOD);
    assert_int_equal(RUN(0, 1024, 0xaa, 0, 0, 0, 0, 20, 0, 0, 0, 2, 0, 0), GOOD);
    assert_int_equal(RUN(0, 1024, 0x8a, 8, 0, 0, 0, 0, 0, 0, 0, 22, 0, 0, 0, 2, 0, 0), GOOD);
    assert_int_equal(RUN(1024, 0, 0x08, 0, 0, 22, 2, 0), GOOD);
    assert_memory_equal(in, out, 1024);
    assert_int_equal(RUN(1024, 0, 0x28, 0, 0, 0, 0, 20, 0, 0, 2, 0), GOOD);
    assert_memory_equal(in, out, 1024);
    assert_int_equal(RUN(1024, 0, 0xa8, 0, 0, 0, 0, 18, 0, 0, 0, 2, 0, 0), GOOD);
    assert_memory_equal(in, out, 1024);
    assert_int_equal(RUN(1024, 0, 0x88, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 2, 0, 0), GOOD);
    assert_memory_equal(in, out, 1024);
    assert_int_equal(done, 1024);
    assert_int_equal(RUN(256 * 512, 0, 0x08, 0, 0, 0, 0, 0), GOOD); /* 0 blocks are 256 */
    assert_int_equal(done, 256 * 512);
    assert_int_equal(RUN(1024, 0, 0x28, 0, 0, 0, 0, 0, 0, 0, 0, 0), GOOD); /* here they are none */
    assert_int_equal(done, 0);
    assert_int_equal(RUN(1023, 0, 0x28, 0, 0, 0, 0, 0, 0, 0, 2, 0), GOOD);
    assert_true(overrun);
    assert_int_equal(RUN(1024, 0, 0x28, 0, 0, 0, 0x0f, 0xff, 0, 0, 2, 0), RANGE);
    assert_int_equal(RUN(1024, 0, 0x88, 0, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 2, 0, 0), RANGE);
    assert_int_equal(RUN(32, 0, 0x25), GOOD);
    assert_int_equal(get_be32(in), SECTORS - 1);
    assert_int_equal(RUN(32, 0, 0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32), GOOD);
    assert_int_equal(get_be64(in), SECTORS - 1);
    assert_int_equal(RUN(32, 0, 0x9e, 0x12), FIELD);
    assert_int_equal(RUN(0, 1024, 0x2f, 2, 0, 0, 0, 16, 0, 0, 2, 0), GOOD);
    out[0] ^= 1;
    assert_int_equal(RUN(0, 1024, 0x2f, 2, 0, 0, 0, 16, 0, 0, 2, 0), MISCOMPARE);
    assert_int_equal(RUN(0, 0, 0x2f, 0, 0, 0, 0, 16, 0, 0, 2, 0), GOOD);
    assert_int_equal(RUN(0, 0, 0x35), GOOD);
}

static void zeroes_and_unmap(void **state)
{
    memset(out, 0x77, 512);
    assert_int_equal(RUN(0, 512, 0x93, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0), GOOD);
    assert_int_equal(RUN(2048, 0, 0x28, 0, 0, 0, 0, 4, 0, 0, 4, 0), GOOD);
    assert_int_equal(in[2047], 0x77);
    assert_int_equal(RUN(0, 0, 0x93, 9, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0), GOOD); /* zeroes without data */
    assert_int_equal(RUN(1024, 0, 0x28, 0, 0, 0, 0, 4, 0, 0, 2, 0), GOOD);
    assert_int_equal(in[511], 0);
    assert_int_equal(in[512], 0x77);
    memset(out, 0, 64);
    put_be16(out + 2, 32);
    put_be64(out + 8, 5);
    put_be32(out + 16, 1);
    put_be64(out + 24, SECTORS);
    put_be32(out + 32, 1);
    assert_int_equal(RUN(0, 40, 0x42, 0, 0, 0, 0, 0, 0, 0, 40, 0), RANGE); /* and nothing is done */
    assert_int_equal(RUN(512, 0, 0x28, 0, 0, 0, 0, 5, 0, 0, 1, 0), GOOD);
    assert_int_equal(in[0], 0x77);
    put_be16(out + 2, 16);
    assert_int_equal(RUN(0, 40, 0x42, 0, 0, 0, 0, 0, 0, 0, 40, 0), GOOD);
    assert_int_equal(RUN(512, 0, 0x28, 0, 0, 0, 0, 5, 0, 0, 1, 0), GOOD);
    assert_int_equal(in[0], 0);
    put_be16(out + 2, 0xfff0);
    assert_int_equal(RUN(0, 40, 0x42, 0, 0, 0, 0, 0, 0, 0, 40, 0), LENGTH);
    assert_int_equal(RUN(0, 7, 0x42, 0, 0, 0, 0, 0, 0, 0, 40, 0), LENGTH);
}

static void mode_pages(void **state)
{
    assert_int_equal(RUN(255, 0, 0x1a, 0, 0x3f, 0, 255, 0), GOOD);
    assert_int_equal(done, in[0] + 1u);
    assert_int_equal(in[3], 8); /* a block descriptor */
    assert_int_equal(get_be32(in + 8), 512);
    assert_int_equal(RUN(255, 0, 0x1a, 8, 8, 0, 255, 0), GOOD);
    assert_int_equal(in[4 + 2] & 4, 4); /* it has a write cache */
    assert_int_equal(RUN(255, 0, 0x5a, 8, 0x48, 0, 0, 0, 0, 0, 255, 0), GOOD);
    assert_int_equal(in[8 + 2], 4); /* which may be changed */
    assert_int_equal(RUN(255, 0, 0x1a, 0, 0xc8, 0, 255, 0), 0x053900);
    assert_int_equal(RUN(255, 0, 0x1a, 0, 0x11, 0, 255, 0), FIELD);
    memset(out, 0, 64);
    out[4] = 8;
    out[5] = 18;
    assert_int_equal(RUN(0, 24, 0x15, 0x10, 0, 0, 24, 0), GOOD);
    assert_false(unit->write_cache);
    out[7] = 1; /* which may not */
    assert_int_equal(RUN(0, 24, 0x15, 0x10, 0, 0, 24, 0), PARAMETER);
    assert_int_equal(RUN(0, 20, 0x15, 0x10, 0, 0, 24, 0), LENGTH);
    assert_int_equal(RUN(0, 24, 0x15, 0x11, 0, 0, 24, 0), FIELD);
}

static void attention(void **state)
{
    scsi_disk_reset(unit);
    assert_int_equal(RUN(96, 0, 0x12, 0, 0, 0, 96, 0), GOOD); /* not told here */
    assert_int_equal(RUN(0, 0, 0), POWER_ON);
    assert_int_equal(RUN(0, 0, 0), GOOD);
    scsi_disk_reset(unit);
    assert_int_equal(RUN(18, 0, 3, 0, 0, 0, 18, 0), GOOD);
    assert_int_equal(in[2], 6);
    assert_int_equal(RUN(0, 0, 0), GOOD);
}

static void read_only(void **state)
{
    assert_int_equal(RUN(0, 512, 0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0), PROTECTED);
    assert_int_equal(RUN(0, 512, 0x93, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0), PROTECTED);
    assert_int_equal(RUN(0, 24, 0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0), PROTECTED);
    assert_int_equal(RUN(255, 0, 0x1a, 0, 0x3f, 0, 255, 0), GOOD);
    assert_int_equal(in[2] & 0x80, 0x80);
}

static void cd(void **state)
{
    assert_int_equal(RUN(96, 0, 0x12, 0, 0, 0, 96, 0), GOOD);
    assert_int_equal(get_be16(in), 0x0580);
    assert_int_equal(RUN(8, 0, 0x25), GOOD);
    assert_int_equal(get_be32(in), SECTORS / 4 - 1);
    assert_int_equal(get_be32(in + 4), 2048);
    assert_int_equal(RUN(4096, 0, 0x28, 0, 0, 0, 0x03, 0xfe, 0, 0, 2, 0), GOOD);
    assert_int_equal(RUN(4096, 0, 0x28, 0, 0, 0, 0x03, 0xff, 0, 0, 2, 0), RANGE);
    assert_int_equal(RUN(0, 512, 0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0), OPCODE);
    assert_int_equal(RUN(64, 0, 0x43, 0, 0, 0, 0, 0, 0, 0, 64, 0), GOOD); /* one track, and the end */
    assert_int_equal(done, 20);
    assert_int_equal(get_be32(in + 16), SECTORS / 4);
    assert_int_equal(RUN(64, 0, 0x43, 2, 0, 0, 0, 0, 0xaa, 0, 64, 0), GOOD);
    assert_int_equal(get_be32(in + 8), (1024 + 150) / 75 << 8 | (1024 + 150) % 75);
    assert_int_equal(RUN(64, 0, 0x43, 0, 2, 0, 0, 0, 0, 0, 64, 0), GOOD);
    assert_int_equal(done, 48);
    assert_int_equal(RUN(64, 0, 0x43, 0, 5, 0, 0, 0, 0, 0, 64, 0), FIELD);
    assert_int_equal(RUN(128, 0, 0x46, 0, 0, 0, 0, 0, 0, 0, 128, 0), GOOD);
    assert_int_equal(get_be16(in + 6), 8); /* a CD */
    assert_int_equal(RUN(34, 0, 0x51, 0, 0, 0, 0, 0, 0, 0, 34, 0), GOOD);
    assert_int_equal(RUN(36, 0, 0x52, 1, 0, 0, 0, 1, 0, 0, 36, 0), GOOD);
    assert_int_equal(RUN(2048, 0, 0xbe, 0, 0, 0, 0, 1, 0, 0, 1, 0x10, 0, 0), GOOD);
    assert_int_equal(done, 2048);
    assert_int_equal(RUN(2352, 0, 0xbe, 0, 0, 0, 0, 1, 0, 0, 1, 0xf8, 0, 0), FIELD);
}

static void tray(void **state)
{
    assert_int_equal(RUN(0, 0, 0x1e, 0, 0, 0, 1, 0), GOOD);
    assert_int_equal(RUN(0, 0, 0x1b, 0, 0, 0, 2, 0), LOCKED);
    assert_int_equal(RUN(0, 0, 0x1e, 0, 0, 0, 0, 0), GOOD);
    assert_int_equal(RUN(0, 0, 0x1b, 0, 0, 0, 2, 0), GOOD);
    assert_int_equal(RUN(0, 0, 0), NO_MEDIUM);
    assert_int_equal(RUN(2048, 0, 0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0), NO_MEDIUM);
    assert_int_equal(RUN(64, 0, 0x43, 0, 0, 0, 0, 0, 0, 0, 64, 0), NO_MEDIUM);
    assert_int_equal(RUN(8, 0, 0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8, 0), GOOD);
    assert_int_equal(in[4], 3); /* it was taken out: told once */
    assert_int_equal(in[5], 1);
    assert_int_equal(RUN(8, 0, 0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8, 0), GOOD);
    assert_int_equal(in[4], 0);
    assert_int_equal(RUN(8, 0, 0x4a, 0, 0, 0, 0x10, 0, 0, 0, 8, 0), FIELD);
    assert_int_equal(RUN(0, 0, 0x1b, 0, 0, 0, 3, 0), GOOD);
    assert_int_equal(RUN(0, 0, 0), CHANGED);
    assert_int_equal(RUN(0, 0, 0), GOOD);
}

/* --- virtio ---------------------------------------------------------------------------------------- */

static struct driver driver;
static struct virtio_scsi *scsi;
enum { CONTROL, EVENT, REQUEST };

static int set_up_virtio(void **state)
{
    driver_init(&driver);
    start(true, true);
    scsi = virtio_scsi_create(&driver.bus, &driver.clock, 1);
    virtio_scsi_add(scsi, unit);
    driver_attach(&driver, &scsi->virtio);
    virtio_scsi_class.reset(scsi);
    driver_start(&driver, VIRTIO_F_VERSION_1 | 4, 3);
    unit->attention = 0;
    return 0;
}

static int tear_down_virtio(void **state)
{
    virtio_scsi_class.free(scsi);
    scsi_disk_class.free(unit);
    driver_free(&driver);
    return 0;
}

static uint64_t reply;

/* Offers a request of that target and unit, with room for 2048 bytes; returns its head. */
static uint16_t request(uint8_t target, uint8_t lun, uint64_t id, const uint8_t *cdb, unsigned length)
{
    uint64_t header = driver_alloc(&driver, 64);
    reply = driver_alloc(&driver, 12 + 96 + 2048);
    uint8_t *at = driver_ram(&driver, header);
    memset(at, 0, 64);
    at[0] = 1, at[1] = target, at[2] = 0x40, at[3] = lun;
    memcpy(at + 8, &id, 8);
    memcpy(at + 19, cdb, length);
    struct driver_buffer buffers[] = {{header, 19 + 32, false}, {reply, 12 + 96, true}, {reply + 108, 2048, true}};
    memset(driver_ram(&driver, reply), 0xee, 108 + 2048);
    uint16_t head = driver_add(&driver, REQUEST, buffers, 3);
    driver_kick(&driver, REQUEST);
    return head;
}

static uint8_t *answered(void)
{
    uint16_t head;
    uint32_t length;
    while (!driver_used(&driver, REQUEST, &head, &length))
        assert_true(driver_advance(&driver));
    return driver_ram(&driver, reply);
}

static uint8_t manage(uint32_t function, uint8_t target, uint8_t lun, uint64_t id)
{
    uint64_t at = driver_alloc(&driver, 64);
    uint32_t *words = driver_ram(&driver, at);
    uint8_t unit_bytes[8] = {1, target, 0x40, lun};
    words[0] = 0;
    words[1] = function;
    memcpy(words + 2, unit_bytes, 8);
    memcpy(words + 4, &id, 8);
    struct driver_buffer buffers[] = {{at, 24, false}, {at + 32, 1, true}};
    uint16_t head;
    uint32_t length;
    driver_add(&driver, CONTROL, buffers, 2);
    driver_kick(&driver, CONTROL);
    assert_true(driver_used(&driver, CONTROL, &head, &length));
    return *(uint8_t *)driver_ram(&driver, at + 32);
}

static void requests(void **state)
{
    static const uint8_t inquire[] = {0x12, 0, 0, 0, 96, 0}, ready[] = {0}, read[] = {0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0};
    request(0, 0, 1, inquire, sizeof inquire);
    uint8_t *told = answered();
    assert_int_equal(told[11], 0);
    assert_int_equal(*(uint32_t *)(told + 4), 2048 - 96);
    assert_memory_equal(told + 108 + 8, "ARMATURE", 8);
    request(5, 0, 1, inquire, sizeof inquire);
    assert_int_equal(answered()[11], 3); /* no such target */
    request(0, 3, 1, inquire, sizeof inquire);
    told = answered();
    assert_int_equal(told[11], 0);
    assert_int_equal(told[108], 0x7f); /* no such unit */
    request(0, 3, 1, ready, sizeof ready);
    told = answered();
    assert_int_equal(told[10], 2);
    assert_int_equal(told[12 + 12], 0x25);
    request(0, 0, 1, read, sizeof read);
    told = answered();
    assert_int_equal(told[10], 0);
    assert_int_equal(*(uint32_t *)(told + 4), 0);
    assert_int_equal(told[108 + 2047], 0);
}

/* What limits a drive makes a command take longer. */
static void limits(void **state)
{
    static const uint8_t read[] = {0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0}, flush[] = {0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    struct clock *clock = &driver.clock;
    unit->drive.bytes_per_s = 1 << 20;
    uint64_t start = clock_now_ns(clock);
    request(0, 0, 1, read, sizeof read);
    assert_int_equal(clock_next_ns(clock) - start, 1953125 + DISK_LATENCY_NS); /* 2048 bytes: 1/512 of a second */
    answered();
    unit->drive.per_s = 100;
    start = clock_now_ns(clock);
    request(0, 0, 2, read, sizeof read);
    request(0, 0, 3, flush, sizeof flush);
    assert_int_equal(clock_next_ns(clock) - start, 10000000 + DISK_LATENCY_NS);
    driver_advance(&driver);
    assert_int_equal(clock_next_ns(clock) - start, 20000000 + DISK_LATENCY_NS);
}

static void management(void **state)
{
    static const uint8_t read[] = {0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0};
    uint16_t head;
    uint32_t length;
    request(0, 0, 7, read, sizeof read);
    assert_int_equal(manage(6, 0, 0, 7), 10); /* it is there */
    assert_int_equal(manage(6, 0, 0, 8), 0);
    assert_int_equal(manage(0, 0, 0, 7), 0);
    assert_true(driver_used(&driver, REQUEST, &head, &length));
    assert_int_equal(((uint8_t *)driver_ram(&driver, reply))[11], 2); /* aborted */
    request(0, 0, 9, read, sizeof read);
    assert_int_equal(manage(5, 0, 0, 0), 0);
    assert_true(driver_used(&driver, REQUEST, &head, &length));
    assert_int_equal(((uint8_t *)driver_ram(&driver, reply))[11], 4); /* reset */
    assert_int_equal(unit->attention, POWER_ON);
    assert_int_equal(manage(5, 9, 0, 0), 3);
    assert_int_equal(manage(5, 0, 1, 0), 12);
    assert_int_equal(manage(2, 0, 0, 0), 11);
    assert_int_equal(manage(99, 0, 0, 0), 11);
}

static void events(void **state)
{
    static const uint8_t eject[] = {0x1b, 0, 0, 0, 2, 0}, load[] = {0x1b, 0, 0, 0, 3, 0};
    uint64_t at = driver_alloc(&driver, 64), event = driver_alloc(&driver, 16);
    uint32_t *words = driver_ram(&driver, at);
    uint8_t lun[8] = {1, 0, 0x40, 0};
    words[0] = 2; /* subscribe */
    memcpy(words + 1, lun, 8);
    words[3] = 0xff;
    struct driver_buffer control[] = {{at, 16, false}, {at + 32, 5, true}}, room = {event, 16, true};
    uint16_t head;
    uint32_t length;
    driver_add(&driver, CONTROL, control, 2);
    driver_kick(&driver, CONTROL);
    assert_true(driver_used(&driver, CONTROL, &head, &length));
    assert_int_equal(*(uint32_t *)driver_ram(&driver, at + 32), 16); /* changes of the medium */
    request(0, 0, 1, eject, sizeof eject); /* for which there is no room: lost */
    answered();
    driver_add(&driver, EVENT, &room, 1);
    driver_kick(&driver, EVENT);
    assert_true(driver_used(&driver, EVENT, &head, &length));
    assert_int_equal(*(uint32_t *)driver_ram(&driver, event), 1u << 31);
    driver_add(&driver, EVENT, &room, 1);
    driver_kick(&driver, EVENT);
    request(0, 0, 1, load, sizeof load);
    answered();
    assert_true(driver_used(&driver, EVENT, &head, &length));
    assert_int_equal(*(uint32_t *)driver_ram(&driver, event), 2);
    assert_int_equal(((uint32_t *)driver_ram(&driver, event))[3], 16);
}

static void what_breaks_it(void **state)
{
    uint64_t header = driver_alloc(&driver, 64);
    struct driver_buffer buffers[] = {{header, 19 + 31, false}, {header, 64, true}};
    driver_add(&driver, REQUEST, buffers, 2);
    driver_kick(&driver, REQUEST);
    assert_true(driver_needs_reset(&driver));
}

int main(void)
{
#define TEST(name, kind) cmocka_unit_test_setup_teardown(name, set_up_##kind, tear_down)
#define VIRTIO(name)     cmocka_unit_test_setup_teardown(name, set_up_virtio, tear_down_virtio)
    const struct CMUnitTest tests[] = {
        TEST(inquiry, disk),   TEST(transfers, disk),      TEST(zeroes_and_unmap, disk), TEST(mode_pages, disk),
        TEST(attention, disk), TEST(read_only, read_only), TEST(cd, cd),                 TEST(tray, cd),
        VIRTIO(requests),      VIRTIO(limits),        VIRTIO(management),
        VIRTIO(events),        VIRTIO(what_breaks_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
