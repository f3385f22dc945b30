/* SPDX-License-Identifier: GPL-3.0-or-later */
/* User-mode networking: a small guest made of frames asks for an address, talks to the host and is talked to.
 * All of it stays on the host's loopback device. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "tests/unit/unit.h"
#include "machine/inputs.h"
#include "peripherals/net/slirp.h"

#define FRAMES_MAX 64

static const uint8_t guest_mac[6] = {2, 0, 0, 0, 0, 0x15}, broadcast_mac[6] = {255, 255, 255, 255, 255, 255};
#define GUEST_ADDRESS  "\x0a\0\2\x0f"
#define ROUTER_ADDRESS "\x0a\0\2\2"

struct bench {
    struct clock clock;
    struct inputs *inputs;
    struct net_backend *backend;
    unsigned source;
    uint8_t router_mac[6];
    unsigned count; /* frames that came, oldest first; those before `seen` have been looked at */
    unsigned seen;
    struct {
        size_t length;
        uint8_t bytes[NET_FRAME_MAX_BYTES];
    } frames[FRAMES_MAX];
};

static void on_frame(void *device, const void *bytes, size_t length)
{
    struct bench *bench = device;
    assert_true(bench->count < FRAMES_MAX && length <= NET_FRAME_MAX_BYTES);
    bench->frames[bench->count].length = length;
    memcpy(bench->frames[bench->count++].bytes, bytes, length);
}

static int set_up(void **state)
{
    static struct bench bench;
    struct error error = {""};

    memset(&bench, 0, sizeof bench);
    clock_init(&bench.clock);
    bench.inputs = inputs_create(&error);
    bench.backend = net_slirp_open(&bench.clock, false, &error);
    if (!bench.backend)
        fail_msg("%s", error.text);
    bench.source = input_register(
        bench.inputs, &(struct input_source){.name = "net0.rx", .deliver = on_frame, .device = &bench});
    bench.backend->ops->attach(bench.backend, bench.inputs, bench.source);
    *state = &bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    net_backend_free(bench->backend);
    inputs_free(bench->inputs);
    clock_free(&bench->clock);
    return 0;
}

/* --- frames --- */

static uint16_t checksum(const uint8_t *bytes, size_t length, uint32_t sum)
{
    for (size_t i = 0; i < length; i++)
        sum += i % 2 ? bytes[i] : bytes[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return ~sum;
}

static void put16(uint8_t *at, unsigned value)
{
    at[0] = value >> 8;
    at[1] = value;
}

static unsigned get16(const uint8_t *at)
{
    return at[0] << 8 | at[1];
}

/* Sends an IPv4 packet from the guest; the payload's own checksum at `checksum_at` is filled in (0: has
 * none). */
static void send_ip(struct bench *bench, const uint8_t *to_mac, const char *from, const char *to,
                    uint8_t protocol, const uint8_t *payload, size_t length, size_t checksum_at)
{
    uint8_t frame[NET_FRAME_MAX_BYTES] = {0}, *ip = frame + 14, *data = ip + 20;

    memcpy(frame, to_mac, 6);
    memcpy(frame + 6, guest_mac, 6);
    put16(frame + 12, 0x0800);
    ip[0] = 0x45;
    put16(ip + 2, 20 + length);
    ip[8] = 64;
    ip[9] = protocol;
    memcpy(ip + 12, from, 4);
    memcpy(ip + 16, to, 4);
    put16(ip + 10, checksum(ip, 20, 0));
    memcpy(data, payload, length);
    if (checksum_at) {
        uint16_t pseudo = ~checksum(ip + 12, 8, 0);
        put16(data + checksum_at, checksum(data, length, pseudo + protocol + length));
    }
    bench->backend->ops->send(bench->backend, frame, 34 + length);
}

/* Waits up to 5 s of host time for a frame that `fits`; NULL: none came. */
static const uint8_t *await(struct bench *bench, bool (*fits)(const uint8_t *frame, size_t length))
{
    for (unsigned round = 0; round < 500; round++) {
        inputs_deliver(bench->inputs, (struct input_stamp){0, 0});
        for (; bench->seen < bench->count; bench->seen++)
            if (fits(bench->frames[bench->seen].bytes, bench->frames[bench->seen].length))
                return bench->frames[bench->seen++].bytes;
        bench->clock.now_ns += 10000000;
        inputs_poll(bench->inputs, 10000000);
    }
    return NULL;
}

static bool is_arp(const uint8_t *frame, size_t length)
{
    return get16(frame + 12) == 0x0806;
}

static bool is_udp(const uint8_t *frame, size_t length)
{
    return get16(frame + 12) == 0x0800 && frame[23] == 17;
}

static bool is_tcp(const uint8_t *frame, size_t length)
{
    return get16(frame + 12) == 0x0800 && frame[23] == 6;
}

/* Answers the router's question who 10.0.2.15 is, or asks it who it is. */
static void send_arp(struct bench *bench, uint16_t operation, const uint8_t *to)
{
    uint8_t frame[60] = {0};
    memcpy(frame, to, 6);
    memcpy(frame + 6, guest_mac, 6);
    memcpy(frame + 12, "\x08\x06\0\1\x08\0\6\4", 8);
    put16(frame + 20, operation);
    memcpy(frame + 22, guest_mac, 6);
    memcpy(frame + 28, GUEST_ADDRESS, 4);
    memcpy(frame + 32, to, 6);
    memcpy(frame + 38, ROUTER_ADDRESS, 4);
    bench->backend->ops->send(bench->backend, frame, sizeof frame);
}

static void find_router(struct bench *bench)
{
    const uint8_t *frame;
    send_arp(bench, 1, broadcast_mac);
    frame = await(bench, is_arp);
    assert_non_null(frame);
    assert_int_equal(get16(frame + 20), 2);
    assert_memory_equal(frame + 28, ROUTER_ADDRESS, 4);
    memcpy(bench->router_mac, frame + 22, 6);
}

/* --- tests --- */

static void test_dhcp(void **state)
{
    struct bench *bench = *state;
    uint8_t discover[8 + 300] = {0};
    uint8_t *bootp = discover + 8;
    const uint8_t *frame;

    put16(discover, 68);
    put16(discover + 2, 67);
    put16(discover + 4, sizeof discover);
    memcpy(bootp, "\1\1\6\0\xaa\xbb\xcc\xdd", 8);
    memcpy(bootp + 28, guest_mac, 6);
    memcpy(bootp + 236, "\x63\x82\x53\x63\x35\1\1\xff", 8);
    send_ip(bench, broadcast_mac, "\0\0\0\0", "\xff\xff\xff\xff", 17, discover, sizeof discover, 6);
    frame = await(bench, is_udp);
    assert_non_null(frame);
    const uint8_t *offer = frame + 14 + 20 + 8;
    assert_memory_equal(offer + 4, "\xaa\xbb\xcc\xdd", 4);
    assert_memory_equal(offer + 16, GUEST_ADDRESS, 4);
    assert_memory_equal(offer + 236, "\x63\x82\x53\x63\x35\1\2", 7); /* DHCPOFFER */
    /* Nobody outside is asked for that. */
    inputs_poll(bench->inputs, 0);
    assert_false(inputs_busy(bench->inputs));
}

static int bound_socket(int type, struct sockaddr_in *address)
{
    socklen_t length = sizeof *address;
    int fd = socket(AF_INET, type, 0);
    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)address, sizeof *address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)address, &length), 0);
    return fd;
}

static void test_datagrams_and_busy(void **state)
{
    struct bench *bench = *state;
    struct sockaddr_in address;
    int server = bound_socket(SOCK_DGRAM, &address);
    uint8_t datagram[8 + 4] = {0};
    const uint8_t *frame;

    find_router(bench);
    inputs_poll(bench->inputs, 0);
    assert_false(inputs_busy(bench->inputs));
    put16(datagram, 5000);
    put16(datagram + 2, ntohs(address.sin_port));
    put16(datagram + 4, sizeof datagram);
    memcpy(datagram + 8, "ping", 4);
    send_ip(bench, bench->router_mac, GUEST_ADDRESS, ROUTER_ADDRESS, 17, datagram, sizeof datagram, 6);
    assert_true(inputs_busy(bench->inputs));
    inputs_poll(bench->inputs, 0);
    assert_true(inputs_busy(bench->inputs)); /* until it is answered */

    char text[8] = {0};
    struct sockaddr_in from;
    socklen_t from_length = sizeof from;
    assert_true(poll(&(struct pollfd){.fd = server, .events = POLLIN}, 1, 5000) == 1);
    assert_int_equal(recvfrom(server, text, sizeof text, 0, (struct sockaddr *)&from, &from_length), 4);
    assert_string_equal(text, "ping");
    assert_int_equal(sendto(server, "pong!", 5, 0, (struct sockaddr *)&from, from_length), 5);
    frame = await(bench, is_udp);
    assert_non_null(frame);
    assert_int_equal(get16(frame + 34 + 2), 5000);
    assert_memory_equal(frame + 42, "pong!", 5);
    inputs_poll(bench->inputs, 0);
    assert_false(inputs_busy(bench->inputs));

    /* One that is never answered is waited for, but not for ever. */
    send_ip(bench, bench->router_mac, GUEST_ADDRESS, ROUTER_ADDRESS, 17, datagram, sizeof datagram, 6);
    inputs_poll(bench->inputs, 0);
    bench->clock.now_ns += 4 * NS_PER_S;
    assert_true(inputs_busy(bench->inputs));
    bench->clock.now_ns += 2 * NS_PER_S;
    assert_false(inputs_busy(bench->inputs));
    close(server);
}

static void send_tcp(struct bench *bench, unsigned from, unsigned to, uint32_t sequence, uint32_t acknowledge,
                     uint8_t flags, const char *text)
{
    uint8_t segment[20 + 32] = {0};
    put16(segment, from);
    put16(segment + 2, to);
    put16(segment + 4, sequence >> 16);
    put16(segment + 6, sequence);
    put16(segment + 8, acknowledge >> 16);
    put16(segment + 10, acknowledge);
    segment[12] = 5 << 4;
    segment[13] = flags;
    put16(segment + 14, 0x4000);
    memcpy(segment + 20, text, strlen(text));
    send_ip(bench, bench->router_mac, GUEST_ADDRESS, ROUTER_ADDRESS, 6, segment, 20 + strlen(text), 16);
}

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

static uint32_t sequence_of(const uint8_t *frame)
{
    return (uint32_t)get16(frame + 38) << 16 | get16(frame + 40);
}

static bool is_tcp_data(const uint8_t *frame, size_t length)
{
    return is_tcp(frame, length) && get16(frame + 16) > 40 && !(frame[47] & SYN);
}

static bool is_syn(const uint8_t *frame, size_t length)
{
    return is_tcp(frame, length) && (frame[47] & SYN);
}

static void test_connection(void **state)
{
    struct bench *bench = *state;
    struct sockaddr_in address;
    int server = bound_socket(SOCK_STREAM, &address), client;
    const uint8_t *frame;
    char text[8] = {0};

    assert_int_equal(listen(server, 1), 0);
    find_router(bench);
    send_tcp(bench, 4000, ntohs(address.sin_port), 1000, 0, SYN, "");
    assert_true(inputs_busy(bench->inputs));
    frame = await(bench, is_syn);
    assert_non_null(frame);
    assert_int_equal(frame[47] & (SYN | ACK | RST), SYN | ACK);
    uint32_t sequence = sequence_of(frame) + 1;
    send_tcp(bench, 4000, ntohs(address.sin_port), 1001, sequence, ACK | PSH, "hello");
    client = accept(server, NULL, NULL);
    assert_true(client >= 0);
    for (unsigned i = 0; i < 100 && recv(client, text, sizeof text, MSG_DONTWAIT) != 5; i++)
        inputs_poll(bench->inputs, 10000000);
    assert_string_equal(text, "hello");
    bench->clock.now_ns += 60 * NS_PER_S;
    inputs_poll(bench->inputs, 0);
    assert_true(inputs_busy(bench->inputs)); /* as long as it is open */
    assert_int_equal(send(client, "world", 5, 0), 5);
    frame = await(bench, is_tcp_data);
    assert_non_null(frame);
    assert_memory_equal(frame + 14 + 20 + 4 * (frame[46] >> 4), "world", 5);
    send_tcp(bench, 4000, ntohs(address.sin_port), 1006, sequence + 5, RST | ACK, "");
    close(client);
    inputs_poll(bench->inputs, 0);
    assert_false(inputs_busy(bench->inputs));
    close(server);
}

static uint16_t free_port(int type)
{
    struct sockaddr_in address;
    close(bound_socket(type, &address));
    return ntohs(address.sin_port);
}

static void test_forward(void **state)
{
    struct bench *bench = *state;
    struct error error = {""};
    uint16_t port = free_port(SOCK_STREAM);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const uint8_t *frame;

    if (!net_slirp_forward(bench->backend, false, INADDR_LOOPBACK, port, 22, &error))
        fail_msg("%s", error.text);
    inputs_poll(bench->inputs, 0);
    assert_false(inputs_busy(bench->inputs)); /* listening is not waiting */
    /* A second listener on that port. */
    assert_false(net_slirp_forward(bench->backend, false, INADDR_LOOPBACK, port, 23, &error));
    assert_non_null(strstr(error.text, "choose another host port"));
    assert_null(strchr(error.text, '\n'));

    int client = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_true(connect(client, (struct sockaddr *)&address, sizeof address) == 0 || errno == EINPROGRESS);
    frame = await(bench, is_arp); /* who is 10.0.2.15? */
    assert_non_null(frame);
    memcpy(bench->router_mac, frame + 22, 6);
    send_arp(bench, 2, bench->router_mac);
    frame = await(bench, is_syn);
    assert_non_null(frame);
    assert_memory_equal(frame + 30, GUEST_ADDRESS, 4);
    assert_int_equal(get16(frame + 36), 22);
    close(client);
}

static void test_forward_datagrams(void **state)
{
    struct bench *bench = *state;
    struct error error = {""};
    uint16_t port = free_port(SOCK_DGRAM);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const uint8_t *frame;

    if (!net_slirp_forward(bench->backend, true, INADDR_LOOPBACK, port, 53, &error))
        fail_msg("%s", error.text);
    find_router(bench);
    int client = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(sendto(client, "abc", 3, 0, (struct sockaddr *)&address, sizeof address), 3);
    frame = await(bench, is_udp);
    assert_non_null(frame);
    assert_int_equal(get16(frame + 36), 53);
    assert_memory_equal(frame + 42, "abc", 3);
    inputs_poll(bench->inputs, 0);
    assert_false(inputs_busy(bench->inputs)); /* the guest waits for nothing */
    close(client);
}

static void test_garbage(void **state)
{
    struct bench *bench = *state;
    uint8_t frame[NET_FRAME_MAX_BYTES];
    uint32_t random = 1;

    for (unsigned round = 0; round < 5000; round++) {
        size_t length = 1 + round % sizeof frame;
        for (size_t i = 0; i < length; i++)
            frame[i] = (random = random * 1664525 + 1013904223) >> 24;
        if (length > 33 && round % 2) { /* near enough to IPv4 to be looked at */
            put16(frame + 12, 0x0800);
            frame[14] = 0x45;
            frame[23] = round % 4 == 1 ? 17 : 1;
            memcpy(frame + 30, ROUTER_ADDRESS, 4);
        }
        bench->backend->ops->send(bench->backend, frame, length);
    }
    find_router(bench); /* it still works */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_dhcp),    TEST(test_datagrams_and_busy), TEST(test_connection),
        TEST(test_forward), TEST(test_forward_datagrams),  TEST(test_garbage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
