/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The network device: frames both ways through a loopback backend, merged buffers, checksums, the control
 * queue. */
#include <stdlib.h>
#include "tests/unit/virtio_driver.h"
#include "machine/inputs.h"
#include "peripherals/virtio/virtio_net.h"

enum { RX, TX, CONTROL };

#define FEATURE_CSUM       (1ull << 0)
#define FEATURE_GUEST_CSUM (1ull << 1)
#define FEATURE_MRG_RXBUF  (1ull << 15)
#define FEATURE_CTRL       ((1ull << 17) | (1ull << 18) | (1ull << 20) | (1ull << 23))
#define FEATURE_GUEST_TSO4 (1ull << 7)
#define FEATURE_HOST_TSO4  (1ull << 11)
#define FEATURE_ANNOUNCE   (1ull << 21)
#define FEATURE_MQ         (1ull << 22)
#define HEADER_BYTES       12

/* Gives back every frame, with source and destination address swapped. */
struct loopback {
    struct net_backend backend;
    struct inputs *inputs;
    unsigned source, sent;
    size_t last_length;
    uint8_t last[NET_BIG_MAX_BYTES];
    bool silent, freed;
};

static void loopback_send(struct net_backend *backend, const void *frame, size_t length)
{
    struct loopback *loopback = (struct loopback *)backend;
    uint8_t answer[NET_BIG_MAX_BYTES];

    assert_true(length >= NET_FRAME_MIN_BYTES &&
                length <= (backend->takes_big ? NET_BIG_MAX_BYTES : NET_FRAME_MAX_BYTES));
    loopback->sent++;
    loopback->last_length = length;
    memcpy(loopback->last, frame, length);
    memcpy(answer, frame, length);
    for (unsigned i = 0; i < 6; i++) {
        answer[i] = loopback->last[6 + i];
        answer[6 + i] = loopback->last[i];
    }
    if (!loopback->silent)
        assert_true(input_post(loopback->inputs, loopback->source, answer, length));
}

static void loopback_attach(struct net_backend *backend, struct inputs *inputs, unsigned source)
{
    struct loopback *loopback = (struct loopback *)backend;
    loopback->inputs = inputs;
    loopback->source = source;
}

static void loopback_free(struct net_backend *backend)
{
    ((struct loopback *)backend)->freed = true;
}

static const struct net_backend_ops loopback_ops = {loopback_send, loopback_attach, loopback_free};

struct bench {
    struct driver driver;
    struct loopback loopback;
    struct inputs *inputs;
    struct virtio_net *net;
    uint8_t mac[6];
};

static int set_up(void **state)
{
    static struct bench bench;
    struct error error;

    memset(&bench, 0, sizeof bench);
    driver_init(&bench.driver);
    bench.inputs = inputs_create(&error);
    assert_non_null(bench.inputs);
    bench.loopback.backend = (struct net_backend){&loopback_ops, true};
    bench.net = virtio_net_create(&bench.driver.bus, bench.inputs, &bench.loopback.backend, "net0", 42);
    driver_attach(&bench.driver, &bench.net->virtio);
    virtio_net_class.reset(bench.net);
    for (unsigned i = 0; i < 6; i++) {
        uint64_t byte;
        assert_true(bus_mmio_read(&bench.driver.bus, DRIVER_SLOT + MMIO_CONFIG + i, 1, &byte));
        bench.mac[i] = byte;
    }
    *state = &bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    driver_free(&bench->driver);
    virtio_net_class.free(bench->net);
    inputs_free(bench->inputs);
    return bench->loopback.freed ? 0 : -1;
}

static void deliver(struct bench *bench)
{
    inputs_deliver(bench->inputs, (struct input_stamp){0, 0});
}

/* Sends a frame of `length` bytes from our address to `last_byte` and on, its bytes counting up from 14. */
static uint64_t make_frame(struct bench *bench, size_t length)
{
    uint64_t address = driver_alloc(&bench->driver, HEADER_BYTES + length);
    uint8_t *frame = (uint8_t *)driver_ram(&bench->driver, address) + HEADER_BYTES;

    memset(frame - HEADER_BYTES, 0, HEADER_BYTES);
    memset(frame, 0x22, 6);
    memcpy(frame + 6, bench->mac, 6);
    for (size_t i = 12; i < length; i++)
        frame[i] = i;
    return address;
}

static void send(struct bench *bench, uint64_t address, size_t length)
{
    struct driver_buffer buffer = {address, HEADER_BYTES + length, false};
    uint16_t head, used_head;
    uint32_t used;

    head = driver_add(&bench->driver, TX, &buffer, 1);
    driver_kick(&bench->driver, TX);
    assert_true(driver_used(&bench->driver, TX, &used_head, &used));
    assert_int_equal(used_head, head);
    assert_int_equal(used, 0);
}

static uint64_t offer_buffer(struct bench *bench, uint32_t length)
{
    struct driver_buffer buffer = {driver_alloc(&bench->driver, length), length, true};
    memset(driver_ram(&bench->driver, buffer.address), 0xee, length);
    driver_add(&bench->driver, RX, &buffer, 1);
    return buffer.address;
}

static void test_identity(void **state)
{
    struct bench *bench = *state;
    struct virtio_net *other =
        virtio_net_create(&bench->driver.bus, bench->inputs, &bench->loopback.backend, "net1", 42);

    assert_int_equal(driver_read(&bench->driver, MMIO_DEVICE_ID), 1);
    assert_int_equal(bench->mac[0] & 3, 2); /* locally administered, one station */
    assert_memory_not_equal(other->config.mac, bench->mac, 6);
    virtio_net_class.free(other);
    other = virtio_net_create(&bench->driver.bus, bench->inputs, &bench->loopback.backend, "net0", 43);
    assert_memory_not_equal(other->config.mac, bench->mac, 6);
    virtio_net_class.free(other);
    other = virtio_net_create(&bench->driver.bus, bench->inputs, &bench->loopback.backend, "net0", 42);
    assert_memory_equal(other->config.mac, bench->mac, 6);
    assert_int_equal(driver_read(&bench->driver, MMIO_CONFIG + 4) >> 16, 1); /* link up */
    assert_int_equal(driver_read(&bench->driver, MMIO_CONFIG + 8) >> 16, NET_MTU_BYTES);
    virtio_net_class.free(other);
}

static void test_there_and_back(void **state)
{
    struct bench *bench = *state;
    uint16_t head;
    uint32_t used;

    driver_start(&bench->driver, 0, 2);
    uint64_t frame = make_frame(bench, 100), in = offer_buffer(bench, 2048);
    send(bench, frame, 100);
    assert_int_equal(bench->loopback.last_length, 100);
    assert_memory_equal(bench->loopback.last, (uint8_t *)driver_ram(&bench->driver, frame) + HEADER_BYTES,
                        100);
    assert_false(driver_used(&bench->driver, RX, &head, &used)); /* by the door only */
    deliver(bench);
    assert_true(driver_used(&bench->driver, RX, &head, &used));
    assert_int_equal(used, HEADER_BYTES + 100);
    uint8_t *got = driver_ram(&bench->driver, in);
    assert_memory_equal(got, "\0\0\0\0\0\0\0\0\0\0\1\0", HEADER_BYTES);
    assert_memory_equal(got + HEADER_BYTES, bench->mac, 6);
    assert_memory_equal(got + HEADER_BYTES + 12, bench->loopback.last + 12, 88);
    assert_int_equal(got[HEADER_BYTES + 100], 0xee);
    assert_true(bench->driver.wire);
}

static void test_frames_that_no_cable_carries(void **state)
{
    struct bench *bench = *state;

    driver_start(&bench->driver, 0, 2);
    uint64_t frame = make_frame(bench, 4000);
    send(bench, frame, 0);
    send(bench, frame, 13);
    send(bench, frame, NET_FRAME_MAX_BYTES + 1);
    send(bench, frame, 4000);
    assert_int_equal(bench->loopback.sent, 0);
    send(bench, frame, NET_FRAME_MAX_BYTES);
    assert_int_equal(bench->loopback.sent, 1);
    assert_false(driver_needs_reset(&bench->driver));
}

static void test_waits_for_buffers(void **state)
{
    struct bench *bench = *state;
    uint16_t head;
    uint32_t used;

    driver_start(&bench->driver, 0, 2);
    send(bench, make_frame(bench, 60), 60);
    deliver(bench);
    assert_int_equal(bench->net->dropped, 0);
    assert_true(inputs_queued(bench->inputs));
    offer_buffer(bench, 1600);
    deliver(bench);
    assert_true(driver_used(&bench->driver, RX, &head, &used));
    /* No driver: lost. */
    send(bench, make_frame(bench, 60), 60);
    driver_write(&bench->driver, MMIO_STATUS, 0);
    deliver(bench);
    assert_int_equal(bench->net->dropped, 1);
    assert_false(inputs_queued(bench->inputs));
}

static void test_merged_buffers(void **state)
{
    struct bench *bench = *state;
    uint64_t in[4];
    uint8_t got[1014];
    uint16_t head;
    uint32_t used;
    size_t at = 0;

    driver_start(&bench->driver, FEATURE_MRG_RXBUF, 2);
    for (unsigned i = 0; i < 4; i++)
        in[i] = offer_buffer(bench, 300);
    send(bench, make_frame(bench, 1002), 1002);
    deliver(bench);
    assert_int_equal(((uint8_t *)driver_ram(&bench->driver, in[0]))[10], 4); /* num_buffers */
    for (unsigned i = 0; i < 4; i++) {
        assert_true(driver_used(&bench->driver, RX, &head, &used));
        assert_int_equal(used, i < 3 ? 300 : 114);
        memcpy(got + at, driver_ram(&bench->driver, in[i]), used);
        at += used;
    }
    assert_int_equal(at, sizeof got);
    assert_memory_equal(got + HEADER_BYTES + 12, bench->loopback.last + 12, 990);
}

static void test_no_room_is_no_loss_of_buffers(void **state)
{
    struct bench *bench = *state;
    uint16_t head;
    uint32_t used;

    /* Merged, and not enough of them: the frame is lost, the buffers stay. */
    driver_start(&bench->driver, FEATURE_MRG_RXBUF, 2);
    offer_buffer(bench, 300);
    offer_buffer(bench, 300);
    send(bench, make_frame(bench, 1000), 1000);
    deliver(bench);
    assert_int_equal(bench->net->dropped, 1);
    assert_false(driver_used(&bench->driver, RX, &head, &used));
    send(bench, make_frame(bench, 400), 400);
    deliver(bench);
    assert_true(driver_used(&bench->driver, RX, &head, &used));
    assert_int_equal(head, 0);
    assert_true(driver_used(&bench->driver, RX, &head, &used));
    /* Not merged: one buffer must do. */
    driver_start(&bench->driver, 0, 2);
    offer_buffer(bench, 300);
    offer_buffer(bench, 2000);
    send(bench, make_frame(bench, 1000), 1000);
    deliver(bench);
    assert_int_equal(bench->net->dropped, 2);
    assert_false(driver_used(&bench->driver, RX, &head, &used));
    assert_false(driver_needs_reset(&bench->driver));
}

static void test_buffer_without_room_for_the_header(void **state)
{
    struct bench *bench = *state;

    driver_start(&bench->driver, 0, 2);
    offer_buffer(bench, HEADER_BYTES - 1);
    send(bench, make_frame(bench, 60), 60);
    deliver(bench);
    assert_true(driver_needs_reset(&bench->driver));
}

static uint16_t sum_of(const uint8_t *bytes, size_t length)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < length; i++)
        sum += i % 2 ? bytes[i] : bytes[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

static void test_checksum_sent(void **state)
{
    struct bench *bench = *state;

    driver_start(&bench->driver, FEATURE_CSUM, 2);
    bench->loopback.silent = true;
    for (size_t length = 60; length < 64; length++) { /* odd and even */
        uint64_t address = make_frame(bench, length);
        uint8_t *header = driver_ram(&bench->driver, address);
        header[0] = 1;                         /* NEEDS_CSUM */
        memcpy(header + 6, "\x22\0\x10\0", 4); /* start at 34, field 16 further */
        header[HEADER_BYTES + 50] = 0x12;      /* the pseudo-header's sum */
        header[HEADER_BYTES + 51] = 0x34;
        send(bench, address, length);
        uint8_t *sent = bench->loopback.last;
        uint16_t sum = (uint16_t)(sent[50] << 8 | sent[51]);
        memcpy(sent + 50, "\x12\x34", 2);
        assert_int_equal(sum, (uint16_t)~sum_of(sent + 34, length - 34));
    }
    /* A sum of zero is sent as its other form: to UDP, zero means that there is none. */
    uint64_t zero = make_frame(bench, 60);
    uint8_t *bytes = driver_ram(&bench->driver, zero);
    bytes[0] = 1;
    memcpy(bytes + 6, "\x22\0\x10\0", 4);
    memset(bytes + HEADER_BYTES + 34, 0, 26);
    memset(bytes + HEADER_BYTES + 50, 0xff, 2);
    send(bench, zero, 60);
    assert_memory_equal(bench->loopback.last + 50, "\xff\xff", 2);
    /* A checksum that would lie outside of the frame is none. */
    uint64_t address = make_frame(bench, 60);
    uint8_t *header = driver_ram(&bench->driver, address);
    header[0] = 1;
    memcpy(header + 6, "\x22\0\x19\0", 4);
    send(bench, address, 60);
    assert_memory_equal(bench->loopback.last, header + HEADER_BYTES, 60);
    memcpy(header + 6, "\xff\xff\xff\xff", 4);
    send(bench, address, 60);
    assert_memory_equal(bench->loopback.last, header + HEADER_BYTES, 60);
}

static void test_checksum_received(void **state)
{
    struct bench *bench = *state;

    driver_start(&bench->driver, FEATURE_GUEST_CSUM, 2);
    uint64_t in = offer_buffer(bench, 2000);
    send(bench, make_frame(bench, 60), 60);
    deliver(bench);
    assert_int_equal(*(uint8_t *)driver_ram(&bench->driver, in), 2); /* DATA_VALID */
}

/* --- control queue --- */

static uint8_t command(struct bench *bench, const void *bytes, size_t length)
{
    uint64_t data = driver_alloc(&bench->driver, length), status = driver_alloc(&bench->driver, 1);
    struct driver_buffer buffers[] = {{data, length, false}, {status, 1, true}};
    uint16_t head;
    uint32_t used;

    memcpy(driver_ram(&bench->driver, data), bytes, length);
    *(uint8_t *)driver_ram(&bench->driver, status) = 0xee;
    driver_add(&bench->driver, CONTROL, buffers, 2);
    driver_kick(&bench->driver, CONTROL);
    assert_true(driver_used(&bench->driver, CONTROL, &head, &used));
    assert_int_equal(used, 1);
    return *(uint8_t *)driver_ram(&bench->driver, status);
}

/* Whether a frame to `destination` reaches the guest. */
static bool reaches(struct bench *bench, const char *destination)
{
    uint8_t frame[60] = {0};
    uint16_t head;
    uint32_t used;
    memcpy(frame, destination, 6);
    if (bench->driver.queues[RX].available->index == bench->driver.queues[RX].used->index)
        offer_buffer(bench, 100);
    assert_true(input_post(bench->inputs, bench->loopback.source, frame, sizeof frame));
    deliver(bench);
    return driver_used(&bench->driver, RX, &head, &used);
}

static void test_filter(void **state)
{
    struct bench *bench = *state;
    const char *own = (const char *)bench->mac, *other = "\x02\1\1\1\1\1", *group = "\x01\1\1\1\1\1",
               *all = "\xff\xff\xff\xff\xff\xff";

    driver_start(&bench->driver, FEATURE_CTRL, 3);
    assert_true(reaches(bench, own) && reaches(bench, all) && !reaches(bench, other) &&
                !reaches(bench, group));
    assert_int_equal(command(bench, "\0\0\1", 3), 0); /* promiscuous */
    assert_true(reaches(bench, other) && reaches(bench, group));
    assert_int_equal(command(bench, "\0\0\0", 3), 0);
    assert_int_equal(command(bench, "\0\1\1", 3), 0); /* all multicast */
    assert_true(reaches(bench, group) && !reaches(bench, other));
    assert_int_equal(command(bench, "\0\1\0", 3), 0);
    assert_int_equal(command(bench, "\0\2\1", 3), 0); /* all unicast */
    assert_true(reaches(bench, other) && !reaches(bench, group));
    assert_int_equal(command(bench, "\0\2\0", 3), 0);
    assert_int_equal(command(bench, "\0\5\1", 3), 0); /* no broadcast */
    assert_true(!reaches(bench, all));
    /* Tables: one unicast, one multicast address. */
    assert_int_equal(command(bench, "\1\0\1\0\0\0\x02\1\1\1\1\1\1\0\0\0\x01\1\1\1\1\1", 22), 0);
    assert_true(reaches(bench, other) && reaches(bench, group) && !reaches(bench, "\x02\2\2\2\2\2"));
    /* A new address. */
    assert_int_equal(command(bench, "\1\1\x02\2\2\2\2\2", 8), 0);
    assert_true(reaches(bench, "\x02\2\2\2\2\2") && !reaches(bench, own));
    assert_int_equal(driver_read(&bench->driver, MMIO_CONFIG), 0x02020202);
    /* A reset undoes it all. */
    driver_start(&bench->driver, FEATURE_CTRL, 3);
    assert_true(reaches(bench, own) && reaches(bench, all) && !reaches(bench, other) &&
                !reaches(bench, group));
}

static void test_bad_commands(void **state)
{
    struct bench *bench = *state;
    static const struct {
        const char *bytes;
        size_t length;
    } bad[] = {
        {"\0", 1},                                  /* cut short */
        {"\0\0", 2},                                /* no value */
        {"\0\0\2", 3},                              /* neither on nor off */
        {"\0\6\1", 3},                              /* no such mode */
        {"\1\1\2\2\2", 5},                          /* half an address */
        {"\1\1\x01\2\2\2\2\2", 8},                  /* a group address is no station's */
        {"\1\0\2\0\0\0\x02\1\1\1\1\1", 12},         /* more addresses than there are */
        {"\1\0\xff\xff\xff\xff\x02\1\1\1\1\1", 12}, /* far more */
        {"\1\0\0\0\0\0", 6},                        /* only one table */
        {"\1\2", 2},
        {"\4\0\1", 3},
        {"\xff\xff\xff", 3},
    };
    uint8_t many[2 + 4 + 40 * 6 + 4] = {1, 0, 40};

    driver_start(&bench->driver, FEATURE_CTRL, 3);
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(command(bench, bad[i].bytes, bad[i].length), 1);
    /* More addresses than the table holds: all get through. */
    assert_false(reaches(bench, "\x02\1\1\1\1\1"));
    many[2] = 32;
    assert_int_equal(command(bench, many, 2 + 4 + 32 * 6 + 4), 0);
    assert_false(reaches(bench, "\x02\1\1\1\1\1"));
    many[2] = 40;
    assert_int_equal(command(bench, many, sizeof many), 0);
    assert_true(reaches(bench, "\x02\1\1\1\1\1"));
    /* Not negotiated. */
    driver_start(&bench->driver, 1ull << 17, 3);
    assert_int_equal(command(bench, "\0\0\1", 3), 1);
    assert_int_equal(command(bench, "\1\1\x02\2\2\2\2\2", 8), 1);
    assert_false(driver_needs_reset(&bench->driver));
    /* Nowhere for the answer. */
    struct driver_buffer buffer = {driver_alloc(&bench->driver, 3), 3, false};
    driver_add(&bench->driver, CONTROL, &buffer, 1);
    driver_kick(&bench->driver, CONTROL);
    assert_true(driver_needs_reset(&bench->driver));
}

/* A TCP packet over IPv4 of `bytes` bytes counting up, behind a header that asks for segments of `size`. */
static uint64_t make_big(struct bench *bench, unsigned bytes, unsigned size)
{
    static const uint8_t head[54] = {
        0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 2,    2,    2,    2,    2, 2, 8, 0, /* Ethernet */
        0x45, 0,    0,    0,    0x12, 0xff, 0x40, 0,    64,   6,    0, 0,       /* IPv4 */
        10,   0,    2,    15,   10,   0,    2,    2,    0x12, 0x34, 0, 80,      /* addresses, ports */
        0xff, 0xff, 0xff, 0,    0,    0,    0,    9,    0x50, 0x99, 8, 0, 0, 0, /* sequence; CWR, ACK, PSH, FIN */
    };
    uint64_t address = driver_alloc(&bench->driver, HEADER_BYTES + sizeof head + bytes);
    uint8_t *header = driver_ram(&bench->driver, address), *frame = header + HEADER_BYTES;
    memset(header, 0, HEADER_BYTES);
    header[0] = 1;
    header[1] = 0x81; /* TCPv4 and ECN */
    header[4] = (uint8_t)size;
    header[5] = (uint8_t)(size >> 8);
    header[6] = 34;
    header[8] = 16;
    memcpy(frame, head, sizeof head);
    frame[16] = (uint8_t)((40 + bytes) >> 8);
    frame[17] = (uint8_t)(40 + bytes);
    for (unsigned i = 0; i < bytes; i++)
        frame[sizeof head + i] = (uint8_t)(i * 7 + i / 256);
    return address;
}

static void check_sums(const uint8_t *frame, size_t length)
{
    assert_int_equal(sum_of(frame + 14, 20), 0xffff);
    uint8_t pseudo[12] = {0};
    memcpy(pseudo, frame + 26, 8);
    pseudo[9] = 6;
    pseudo[10] = (uint8_t)((length - 34) >> 8);
    pseudo[11] = (uint8_t)(length - 34);
    uint32_t sum = (uint32_t)sum_of(pseudo, 12) + sum_of(frame + 34, length - 34);
    assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);
}

/* What the driver wants cut up is cut up, whole, with sums and numbers of its own. */
static void test_segments(void **state)
{
    struct bench *bench = *state;
    static uint8_t frame[NET_BIG_MAX_BYTES];

    driver_start(&bench->driver, FEATURE_CSUM | FEATURE_HOST_TSO4, 2);
    bench->loopback.silent = true;
    uint64_t big = make_big(bench, 5000, 1448);
    send(bench, big, 54 + 5000);
    assert_int_equal(bench->loopback.sent, 4);
    const uint8_t *last = bench->loopback.last;
    assert_int_equal(bench->loopback.last_length, 54 + 5000 - 3 * 1448);
    assert_memory_equal(last + 18, "\x13\x02", 2);         /* the packet's number, three further */
    assert_memory_equal(last + 38, "\0\0\x0f\xf8", 4);     /* the sequence number, across its end */
    assert_int_equal(last[47], 0x19);                     /* FIN and PSH come last, CWR came first */
    assert_memory_equal(last + 54, (uint8_t *)driver_ram(&bench->driver, big) + HEADER_BYTES + 54 + 3 * 1448,
                        5000 - 3 * 1448);
    check_sums(last, bench->loopback.last_length);
    /* Sizes and packets that are none. */
    static const struct {
        unsigned at, value;
    } bad[] = {{4, 40}, {1, 4}, {1, 3}, {HEADER_BYTES + 23, 17}, {HEADER_BYTES + 46, 0x40}, {HEADER_BYTES + 20, 0x20}};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint64_t address = make_big(bench, 3000, 1448);
        uint8_t *at = driver_ram(&bench->driver, address);
        at[bad[i].at] = (uint8_t)bad[i].value;
        at[5] = bad[i].at == 4 ? 0 : at[5];
        send(bench, address, 54 + 3000);
    }
    assert_int_equal(bench->loopback.sent, 4);
    send(bench, make_big(bench, 3000, 1448), 54 + 2000); /* it says that it is longer */
    assert_int_equal(bench->loopback.sent, 4);
    /* A backend that takes it as it is gets it so. */
    bench->loopback.backend.takes_big = true;
    send(bench, make_big(bench, 65495, 1448), 54 + 65495);
    assert_int_equal(bench->loopback.sent, 5);
    assert_int_equal(bench->loopback.last_length, 54 + 65495);
    memcpy(frame, bench->loopback.last, 54 + 65495);
    uint32_t sum = 10 * 256 + 0 + 2 * 256 + 15 + 10 * 256 + 0 + 2 * 256 + 2 + 6 + 20 + 65495;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    sum += sum_of(frame + 34, 20 + 65495);
    assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);
    /* Not negotiated: lost. */
    driver_start(&bench->driver, FEATURE_CSUM, 2);
    send(bench, make_big(bench, 3000, 1448), 54 + 3000);
    assert_int_equal(bench->loopback.sent, 5);
    assert_false(driver_needs_reset(&bench->driver));
}

/* Frames that follow each other are joined for a driver that takes them so, and cut up again for another. */
static void test_joined(void **state)
{
    struct bench *bench = *state;
    static struct net_post post;
    uint64_t in[3];
    uint16_t head;
    uint32_t used;

    net_post_init(&post, bench->inputs, bench->loopback.source);
    for (unsigned whole = 0; whole < 2; whole++) {
        driver_start(&bench->driver, FEATURE_CTRL | FEATURE_GUEST_CSUM | (whole ? FEATURE_GUEST_TSO4 : 0), 3);
        assert_int_equal(command(bench, "\0\0\1", 3), 0); /* promiscuous */
        for (unsigned i = 0; i < 3; i++)
            in[i] = offer_buffer(bench, 5000);
        const uint8_t *big = (uint8_t *)driver_ram(&bench->driver, make_big(bench, 2500, 1000)) + HEADER_BYTES;
        for (unsigned i = 0; i < 3; i++) {
            unsigned bytes = i < 2 ? 1000 : 500;
            uint8_t frame[54 + 1000];
            memcpy(frame, big, 54);
            frame[16] = (uint8_t)((40 + bytes) >> 8);
            frame[17] = (uint8_t)(40 + bytes);
            frame[47] = i == 2 ? 0x18 : 0x10;
            uint32_t sequence = 0xffffff00u + i * 1000;
            for (unsigned b = 0; b < 4; b++)
                frame[38 + b] = (uint8_t)(sequence >> (24 - 8 * b));
            memcpy(frame + 54, big + 54 + i * 1000, bytes);
            net_post_frame(&post, frame, 54 + bytes);
        }
        deliver(bench);
        uint8_t *got = driver_ram(&bench->driver, in[0]);
        assert_true(driver_used(&bench->driver, RX, &head, &used));
        if (whole) {
            assert_int_equal(used, HEADER_BYTES + 54 + 2500);
            assert_memory_equal(got, "\1\1\x36\0\xe8\3\x22\0\x10\0\1\0", HEADER_BYTES);
            assert_memory_equal(got + HEADER_BYTES + 54, big + 54, 2500);
            assert_int_equal(got[HEADER_BYTES + 47], 0x18);
            net_finish_checksum(got + HEADER_BYTES, 54 + 2500, 34, 16);
            check_sums(got + HEADER_BYTES, 54 + 2500);
        } else {
            assert_int_equal(used, HEADER_BYTES + 54 + 1000);
            check_sums(got + HEADER_BYTES, 54 + 1000);
            assert_true(driver_used(&bench->driver, RX, &head, &used) && driver_used(&bench->driver, RX, &head, &used));
            got = driver_ram(&bench->driver, in[2]);
            assert_int_equal(used, HEADER_BYTES + 54 + 500);
            assert_memory_equal(got + HEADER_BYTES + 54, big + 54 + 2000, 500);
            check_sums(got + HEADER_BYTES, 54 + 500);
        }
        assert_false(driver_used(&bench->driver, RX, &head, &used));
    }
    /* What is not of the same connection, or not the next, or has other flags, is not joined to it. */
    for (unsigned odd = 0; odd < 5; odd++) {
        static const uint8_t where[] = {35, 41, 47, 31, 15}; /* port, sequence, flags, address, class */
        uint8_t frame[2][54 + 100];
        const uint8_t *big = (uint8_t *)driver_ram(&bench->driver, make_big(bench, 100, 1000)) + HEADER_BYTES;
        for (unsigned i = 0; i < 2; i++) {
            memcpy(frame[i], big, sizeof frame[i]);
            frame[i][47] = 0x10;
            frame[i][41] = (uint8_t)(100 * i);
        }
        frame[1][where[odd]] += 2;
        offer_buffer(bench, 5000);
        offer_buffer(bench, 5000);
        net_post_frame(&post, frame[0], sizeof frame[0]);
        net_post_frame(&post, frame[1], sizeof frame[1]);
        net_post_flush(&post);
        deliver(bench);
        for (unsigned i = 0; i < 2; i++) {
            assert_true(driver_used(&bench->driver, RX, &head, &used));
            assert_int_equal(used, HEADER_BYTES + sizeof frame[0]);
        }
    }
}

static uint32_t link_status(struct bench *bench)
{
    return driver_read(&bench->driver, MMIO_CONFIG + 4) >> 16;
}

static void test_link(void **state)
{
    struct bench *bench = *state;
    const char *own = (const char *)bench->mac;

    driver_start(&bench->driver, FEATURE_CTRL | FEATURE_ANNOUNCE, 3);
    assert_true(reaches(bench, own));
    assert_true(input_post(bench->inputs, bench->net->link_source, "\0", 1));
    driver_write(&bench->driver, MMIO_INTERRUPT_ACK, 3);
    deliver(bench);
    assert_int_equal(driver_read(&bench->driver, MMIO_INTERRUPT_STATUS), 2); /* the configuration changed */
    assert_int_equal(link_status(bench), 0);
    assert_false(reaches(bench, own));
    send(bench, make_frame(bench, 60), 60);
    assert_int_equal(bench->loopback.sent, 0);
    assert_true(input_post(bench->inputs, bench->net->link_source, "\1", 1));
    deliver(bench);
    assert_int_equal(link_status(bench), 3); /* up, and the guest is to announce itself */
    assert_int_equal(command(bench, "\3\0", 2), 0);
    assert_int_equal(link_status(bench), 1);
    assert_true(reaches(bench, own));
    send(bench, make_frame(bench, 60), 60);
    assert_int_equal(bench->loopback.sent, 1);
}

static void test_vlans_and_offloads(void **state)
{
    struct bench *bench = *state;
    uint8_t frame[64] = {0};
    uint16_t head;
    uint32_t used;

    driver_start(&bench->driver, FEATURE_CTRL | (1ull << 19) | (1ull << 2) | FEATURE_GUEST_CSUM, 3);
    memcpy(frame, bench->mac, 6);
    memcpy(frame + 12, "\x81\0\xa1\x23", 4);
    uint64_t in = offer_buffer(bench, 2000);
    for (unsigned on = 0; on < 2; on++) {
        assert_true(input_post(bench->inputs, bench->loopback.source, frame, sizeof frame));
        deliver(bench);
        assert_int_equal(driver_used(&bench->driver, RX, &head, &used), on);
        if (on)
            assert_int_equal(*(uint8_t *)driver_ram(&bench->driver, in), 0);
        assert_int_equal(command(bench, "\2\0\x23\1", 4), 0);
        assert_int_equal(command(bench, "\5\0\0\0\0\0\0\0\0\0", 10), 0); /* no offloads any more */
    }
    assert_int_equal(command(bench, "\2\1\x23\1", 4), 0);
    assert_int_equal(command(bench, "\2\0\0\x10", 4), 1);                    /* 4096 is no VLAN */
    assert_int_equal(command(bench, "\2\2\x23\1", 4), 1);
    assert_int_equal(command(bench, "\5\0\x80\0\0\0\0\0\0\0", 10), 1); /* TSO was not negotiated */
    assert_true(input_post(bench->inputs, bench->loopback.source, frame, sizeof frame));
    deliver(bench);
    assert_false(driver_used(&bench->driver, RX, &head, &used));
}

/* What is sent on a pair is answered there. */
static void test_pairs(void **state)
{
    struct bench *bench = *state;
    struct virtio_net *net;
    struct error error;
    uint16_t head;
    uint32_t used;

    driver_free(&bench->driver);
    virtio_net_class.free(bench->net);
    inputs_free(bench->inputs);
    driver_init(&bench->driver);
    bench->inputs = inputs_create(&error);
    assert_non_null(bench->inputs);
    net = bench->net = virtio_net_create(&bench->driver.bus, bench->inputs, &bench->loopback.backend, "net0", 42);
    virtio_net_add_pairs(net, 1);
    virtio_net_set_mac(net, (const uint8_t *)"\x02\2\2\2\2\2");
    driver_attach(&bench->driver, &net->virtio);
    virtio_net_class.reset(net);
    assert_int_equal(driver_read(&bench->driver, MMIO_CONFIG + 8) & 0xffff, 2);
    driver_start(&bench->driver, FEATURE_CTRL | FEATURE_MQ, 5);
    for (unsigned pairs = 0; pairs < 4; pairs++) {
        uint8_t set[4] = {4, 0, (uint8_t)pairs, 0};
        uint64_t data = driver_alloc(&bench->driver, 4), status = driver_alloc(&bench->driver, 1);
        struct driver_buffer buffers[] = {{data, 4, false}, {status, 1, true}};
        memcpy(driver_ram(&bench->driver, data), set, 4);
        driver_add(&bench->driver, 4, buffers, 2);
        driver_kick(&bench->driver, 4);
        assert_true(driver_used(&bench->driver, 4, &head, &used));
        assert_int_equal(*(uint8_t *)driver_ram(&bench->driver, status), pairs < 1 || pairs > 2);
    }
    for (unsigned pair = 0; pair < 2; pair++) {
        uint64_t in = driver_alloc(&bench->driver, 2000), out = make_big(bench, 100, 1000);
        for (unsigned queue = 0; queue < 4; queue += 2)
            driver_add(&bench->driver, queue, &(struct driver_buffer){in, 2000, true}, 1);
        memset(driver_ram(&bench->driver, out), 0, HEADER_BYTES);
        driver_add(&bench->driver, 2 * pair + 1, &(struct driver_buffer){out, HEADER_BYTES + 154, false}, 1);
        driver_kick(&bench->driver, 2 * pair + 1);
        deliver(bench);
        assert_true(driver_used(&bench->driver, 2 * pair, &head, &used));
        assert_false(driver_used(&bench->driver, 2 - 2 * pair, &head, &used));
    }
    net->pairs = 99;
    virtio_net_class.restored(net);
    assert_int_equal(net->pairs, 1);
}

static void test_restored_is_distrusted(void **state)
{
    struct bench *bench = *state;

    driver_start(&bench->driver, FEATURE_CTRL, 3);
    bench->net->unicast.count = bench->net->multicast.count = 0xffffffff;
    virtio_net_class.restored(bench->net);
    assert_false(reaches(bench, "\x02\1\1\1\1\1"));
    assert_false(reaches(bench, "\x01\1\1\1\1\1"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_identity),
        TEST(test_there_and_back),
        TEST(test_frames_that_no_cable_carries),
        TEST(test_waits_for_buffers),
        TEST(test_merged_buffers),
        TEST(test_no_room_is_no_loss_of_buffers),
        TEST(test_buffer_without_room_for_the_header),
        TEST(test_checksum_sent),
        TEST(test_checksum_received),
        TEST(test_filter),
        TEST(test_bad_commands),
        TEST(test_segments),
        TEST(test_joined),
        TEST(test_link),
        TEST(test_vlans_and_offloads),
        TEST(test_pairs),
        TEST(test_restored_is_distrusted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
