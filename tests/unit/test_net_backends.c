/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The other ends of a cable: two sockets joined, a peer that misbehaves, a descriptor that carries frames, a dump. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "machine/inputs.h"
#include "peripherals/net/dump.h"
#include "peripherals/net/socket.h"
#include "peripherals/net/switch.h"
#include "peripherals/net/tap.h"
#include "tests/unit/unit.h"

struct end {
    struct inputs *inputs;
    struct net_backend *backend;
    unsigned count;
    size_t length;
    uint8_t bytes[NET_BIG_MAX_BYTES + 2];
};

static char folder[] = "/tmp/armature-net-XXXXXX", place[64];

static void on_frame(void *device, const void *bytes, size_t length)
{
    struct end *end = device;
    end->count++;
    end->length = length;
    memcpy(end->bytes, bytes, length);
}

static void attach(struct end *end, struct net_backend *backend)
{
    struct error error;
    memset(end, 0, sizeof *end);
    end->inputs = inputs_create(&error);
    end->backend = backend;
    backend->ops->attach(backend, end->inputs,
                         input_register(end->inputs, &(struct input_source){
                                                         .name = "net0.rx", .deliver = on_frame, .device = end}));
}

static void detach(struct end *end)
{
    net_backend_free(end->backend);
    inputs_free(end->inputs);
}

/* Serves both until `end` has that many frames; 5 s at most. */
static void await(struct end *one, struct end *two, const struct end *end, unsigned count)
{
    for (unsigned i = 0; i < 500 && end->count < count; i++) {
        inputs_poll(one->inputs, 5000000);
        inputs_deliver(one->inputs, (struct input_stamp){0});
        if (!two)
            continue;
        inputs_poll(two->inputs, 5000000);
        inputs_deliver(two->inputs, (struct input_stamp){0});
    }
    assert_int_equal(end->count, count);
}

static void test_joined(void **state)
{
    static struct end one, two;
    struct error error = {""};
    uint8_t frame[NET_FRAME_MAX_BYTES];

    assert_null(net_socket_open(place, false, &error)); /* nobody listens */
    assert_non_null(strstr(error.text, "listens there first"));
    attach(&one, net_socket_open(place, true, &error));
    assert_null(net_socket_open(place, true, &error)); /* somebody does, already */
    assert_non_null(strstr(error.text, "choose another place"));
    one.backend->ops->send(one.backend, "nobody hears this", 17);
    attach(&two, net_socket_open(place, false, &error));
    inputs_poll(one.inputs, 5000000);
    inputs_poll(two.inputs, 5000000);
    assert_true(inputs_busy(one.inputs) && inputs_busy(two.inputs));
    for (unsigned i = 0; i < 300; i++) {
        memset(frame, (int)i, sizeof frame);
        two.backend->ops->send(two.backend, frame, 14 + i * 5);
    }
    await(&one, &two, &one, 300);
    assert_int_equal(one.length, 14 + 299 * 5);
    assert_memory_equal(one.bytes, frame, 14 + 299 * 5);
    one.backend->ops->send(one.backend, frame, sizeof frame);
    await(&one, &two, &two, 1);
    assert_memory_equal(two.bytes, frame, sizeof frame);
    /* The one that listens goes; it comes again, and is found. */
    detach(&one);
    for (unsigned i = 0; i < 10; i++)
        inputs_poll(two.inputs, 1000000);
    assert_false(inputs_busy(two.inputs));
    attach(&one, net_socket_open(place, true, &error));
    for (unsigned i = 0; i < 500 && !(inputs_busy(one.inputs) && inputs_busy(two.inputs)); i++) {
        inputs_poll(two.inputs, 5000000);
        inputs_poll(one.inputs, 5000000);
    }
    for (unsigned i = 0; i < 3; i++)
        inputs_poll(two.inputs, 1000000);
    two.backend->ops->send(two.backend, frame, 60);
    await(&one, &two, &one, 1);
    detach(&one);
    detach(&two);
}

/* A peer sends what is no frame, half a frame, lengths that none has. */
static void test_hostile_peer(void **state)
{
    static struct end end;
    struct error error = {""};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    uint8_t byte;

    attach(&end, net_socket_open(place, true, &error));
    strcpy(address.sun_path, place + 5);
    for (unsigned round = 0; round < 3; round++) {
        int peer = socket(AF_UNIX, SOCK_STREAM, 0);
        static const struct {
            uint8_t bytes[24];
            size_t length;
        } sent[] = {{{0, 0, 0, 14, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0, 0, 0, 14, 1, 2}, 24},
                    {{0xff, 0xff, 0xff, 0xff}, 4},
                    {{0, 0, 0, 3, 1, 2, 3, 0, 0, 0, 0, 0, 0}, 13}};
        assert_int_equal(connect(peer, (struct sockaddr *)&address, sizeof address), 0);
        assert_int_equal(write(peer, sent[round].bytes, sent[round].length), sent[round].length);
        for (unsigned i = 0; i < 5; i++)
            inputs_poll(end.inputs, 5000000);
        inputs_deliver(end.inputs, (struct input_stamp){0});
        assert_int_equal(end.count, 1); /* the one whole frame of the first round */
        assert_int_equal(inputs_busy(end.inputs), round != 1);
        if (round == 1)
            assert_int_equal(read(peer, &byte, 1), 0); /* it was cut off */
        close(peer);
        for (unsigned i = 0; i < 5; i++)
            inputs_poll(end.inputs, 5000000);
        assert_false(inputs_busy(end.inputs));
    }
    detach(&end);
}

static void test_places(void **state)
{
    static const char *const bad[] = {"unix:", "tcp:", "tcp:1", "tcp:127.0.0.1:", "udp:1:2", "tcp:no.such.host.:x"};
    struct error error;
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_null(net_socket_open(bad[i], true, &error));
        assert_null(strchr(error.text, '\n'));
    }
}

static void test_descriptor(void **state)
{
    static struct end end;
    int pair[2];
    uint8_t frame[2000] = {1}, got[2000];

    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair), 0);
    attach(&end, net_tap_on(pair[0]));
    assert_true(inputs_busy(end.inputs));
    end.backend->ops->send(end.backend, frame, 60);
    assert_int_equal(read(pair[1], got, sizeof got), 60);
    assert_int_equal(write(pair[1], frame, 2000), 2000); /* longer than any */
    assert_int_equal(write(pair[1], frame, 13), 13);     /* and shorter */
    assert_int_equal(write(pair[1], frame, 61), 61);
    await(&end, NULL, &end, 1);
    assert_int_equal(end.length, 61);
    detach(&end);
    close(pair[1]);
}

static void test_dump(void **state)
{
    struct clock clock;
    struct error error;
    char path[64];
    uint32_t words[64] = {0};

    clock_init(&clock);
    snprintf(path, sizeof path, "%s/dump.pcap", folder);
    struct net_dump *dump = net_dump_open(path, &clock, &error);
    clock.now_ns = 3 * NS_PER_S + 7;
    net_dump_frame(dump, "abcdefghijklmnopqrst", 20);
    net_dump_close(dump);
    FILE *file = fopen(path, "r");
    assert_int_equal(fread(words, 1, sizeof words, file), 24 + 16 + 20);
    fclose(file);
    assert_int_equal(words[0], 0xa1b23c4d);
    assert_int_equal(words[5], 1);
    assert_int_equal(words[6], 3);
    assert_int_equal(words[7], 7);
    assert_int_equal(words[8], 20);
    assert_memory_equal(words + 10, "abcdefghijklmnopqrst", 20);
    unlink(path);
    assert_null(net_dump_open("/nowhere/at/all", &clock, &error));
    assert_non_null(strstr(error.text, "dump="));
    /* A full disk is said once. */
    dump = net_dump_open("/dev/null", &clock, &error);
    net_dump_close(dump);
    assert_null(net_dump_open("/dev/full", &clock, &error));
    clock_free(&clock);
}

/* What arrives at a port by now. */
static unsigned come(struct end *end, struct clock *clock, uint64_t now_ns)
{
    end->count = 0;
    clock->now_ns = now_ns;
    clock_fire_due(clock);
    inputs_deliver(end->inputs, (struct input_stamp){0});
    return end->count;
}

/* The switch: frames arrive a latency after they were sent, at all ports of a network or where the address was seen;
 * those of others see nothing. */
static void test_switch(void **state)
{
    static struct end ends[4];
    static const uint8_t from_0[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1},
                         to_0[60] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
    struct clock clocks[4];
    struct error error = {""};
    struct net_switch *net_switch = net_switch_create(1000);
    for (unsigned i = 0; i < 4; i++) {
        clock_init(&clocks[i]);
        attach(&ends[i], net_switch_port(net_switch, i == 3 ? "other" : "lan", &clocks[i], &error));
    }
    clocks[0].now_ns = 500;
    ends[0].backend->ops->send(ends[0].backend, from_0, 60);
    assert_int_equal(clock_next_ns(&clocks[1]), CLOCK_NEVER); /* nothing is led anywhere by itself */
    net_switch_exchange(net_switch);
    assert_int_equal(clock_next_ns(&clocks[1]), 1500);
    assert_int_equal(clock_next_ns(&clocks[3]), CLOCK_NEVER);
    assert_int_equal(come(&ends[1], &clocks[1], 1499), 0);
    assert_int_equal(come(&ends[1], &clocks[1], 1500), 1);
    assert_memory_equal(ends[1].bytes, from_0, 60);
    assert_int_equal(come(&ends[2], &clocks[2], 2000), 1);
    assert_int_equal(come(&ends[0], &clocks[0], 2000), 0);
    /* To an address that was seen; two that come together are in the order in which they were sent. */
    ends[1].backend->ops->send(ends[1].backend, to_0, 60);
    clocks[2].now_ns = 1600;
    ends[2].backend->ops->send(ends[2].backend, to_0, 50);
    net_switch_exchange(net_switch);
    assert_int_equal(come(&ends[2], &clocks[2], 9000), 0);
    assert_int_equal(come(&ends[0], &clocks[0], 9000), 2);
    assert_int_equal(ends[0].length, 50);
    /* More than a port holds is lost. */
    for (unsigned i = 0; i < NET_SWITCH_QUEUE_BYTES / 60 + 9; i++)
        ends[1].backend->ops->send(ends[1].backend, to_0, 60);
    net_switch_exchange(net_switch);
    assert_int_equal(come(&ends[0], &clocks[0], 90000), NET_SWITCH_QUEUE_BYTES / 60);
    /* A port that goes takes what was for it along. */
    ends[1].backend->ops->send(ends[1].backend, to_0, 60);
    detach(&ends[0]);
    net_switch_exchange(net_switch);
    for (unsigned i = 1; i < 4; i++)
        detach(&ends[i]);
    struct net_backend *more[NET_SWITCH_PORTS_MAX] = {NULL};
    for (unsigned i = 4; i < NET_SWITCH_PORTS_MAX; i++)
        assert_non_null(more[i] = net_switch_port(net_switch, "lan", &clocks[0], &error));
    assert_null(net_switch_port(net_switch, "lan", &clocks[0], &error));
    assert_non_null(strstr(error.text, "64 ports"));
    for (unsigned i = 4; i < NET_SWITCH_PORTS_MAX; i++)
        more[i]->ops->free(more[i]);
    net_switch_free(net_switch);
    for (unsigned i = 0; i < 4; i++)
        clock_free(&clocks[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_joined),     cmocka_unit_test(test_hostile_peer), cmocka_unit_test(test_places),
        cmocka_unit_test(test_descriptor), cmocka_unit_test(test_dump),
        cmocka_unit_test(test_switch),
    };
    if (!mkdtemp(folder))
        return 1;
    snprintf(place, sizeof place, "unix:%s/cable", folder);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return failed;
}
