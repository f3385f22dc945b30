/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What hostile ends of cables say: a guest to the sockets that its vsock leads to, a host program there, a peer of a
 * network made of a stream, and machines at a switch. Whatever it is, what reaches the guest is a packet or a
 * frame, and nothing hangs.
 *
 * An input is a byte that chooses, then packets or pieces of the stream, each behind a byte that says how long. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "machine/inputs.h"
#include "peripherals/net/socket.h"
#include "peripherals/net/switch.h"
#include "peripherals/virtio/vsock.h"
#include "tests/fuzz/feed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_packet(void *device, const void *bytes, size_t length)
{
    struct vsock_header header;
    check(length >= sizeof header, "no packet");
    memcpy(&header, bytes, sizeof header);
    check(header.length == length - sizeof header && header.source_cid == 2 && header.destination_cid == 3 &&
              header.operation >= VSOCK_REQUEST && header.operation <= VSOCK_CREDIT_REQUEST,
          "a packet that is none");
}

static void on_frame(void *device, const void *bytes, size_t length)
{
    check(length >= NET_FRAME_MIN_BYTES && length <= NET_BIG_MAX_BYTES + 2, "a frame that is none");
}

static void serve(struct inputs *inputs)
{
    inputs_poll(inputs, 0);
    inputs_deliver(inputs, (struct input_stamp){0});
}

static int reach(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    check(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0, "nobody listens");
    return fd;
}

/* The next piece of the input, of up to 255 bytes. */
static size_t piece(struct feed *feed, uint8_t bytes[256])
{
    size_t length = take(feed, 1);
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)take(feed, 1);
    return length;
}

static void say(int fd, const uint8_t *bytes, size_t length)
{
    check(send(fd, bytes, length, MSG_NOSIGNAL) <= (ssize_t)length, "more than there was");
}

static void run_vsock(struct feed *feed, struct inputs *inputs, const char *path)
{
    struct error error;
    struct vsock_backend *backend = vsock_unix_open(path, 3, &error);
    check(backend, error.text);
    backend->ops->attach(backend, inputs, input_register(inputs, &(struct input_source){"rx", .deliver = on_packet}));
    int host = reach(path);
    while (feed->at < feed->end) {
        uint8_t bytes[256];
        unsigned kind = (unsigned)take(feed, 1);
        size_t length = piece(feed, bytes);
        struct vsock_header header = {3, 2, kind >> 4 & 1, (uint32_t)take(feed, 1), (uint32_t)length,
                                      VSOCK_TYPE_STREAM, kind & 15, (uint32_t)take(feed, 1), (uint32_t)take(feed, 2),
                                      (uint32_t)take(feed, 2)};
        if (kind & 0x40) /* an answer to what the host asked for */
            header.destination_port = (1u << 30) + (kind >> 4 & 3);
        if (kind & 0x80)
            say(host, bytes, length);
        else
            backend->ops->send(backend, &header, bytes);
        serve(inputs);
    }
    close(host);
    serve(inputs);
    backend->ops->free(backend);
}

static void run_cable(struct feed *feed, struct inputs *inputs, const char *path)
{
    struct error error;
    char place[80];
    snprintf(place, sizeof place, "unix:%s", path);
    struct net_backend *backend = net_socket_open(place, true, &error);
    check(backend, error.text);
    backend->ops->attach(backend, inputs, input_register(inputs, &(struct input_source){"rx", .deliver = on_frame}));
    int peer = reach(path);
    serve(inputs);
    while (feed->at < feed->end) {
        uint8_t bytes[256];
        say(peer, bytes, piece(feed, bytes));
        serve(inputs);
        backend->ops->send(backend, "fourteen bytes", 14);
    }
    close(peer);
    serve(inputs);
    net_backend_free(backend);
}

#define PORTS 3u

/* Ports of two networks, whose machines send whatever; time goes on for each as it likes, within a latency. */
static void run_switch(struct feed *feed, struct inputs *inputs)
{
    struct error error;
    struct clock clocks[PORTS];
    struct net_backend *ports[PORTS];
    struct net_switch *net_switch = net_switch_create(1000);
    for (unsigned i = 0; i < PORTS; i++) {
        clock_init(&clocks[i]);
        ports[i] = net_switch_port(net_switch, i ? "one" : "two", &clocks[i], &error);
        check(ports[i], error.text);
        ports[i]->ops->attach(ports[i], inputs,
                              input_register(inputs, &(struct input_source){"rx", .deliver = on_frame}));
    }
    for (uint64_t gate_ns = 0; feed->at < feed->end; gate_ns += 1000) {
        uint8_t bytes[256] = {0};
        unsigned port = (unsigned)take(feed, 1) % PORTS;
        size_t length = piece(feed, bytes);
        clocks[port].now_ns = gate_ns + take(feed, 1);
        ports[port]->ops->send(ports[port], bytes, length < NET_FRAME_MIN_BYTES ? NET_FRAME_MIN_BYTES : length);
        net_switch_exchange(net_switch);
        for (unsigned i = 0; i < PORTS; i++) {
            check(clock_next_ns(&clocks[i]) >= gate_ns, "a frame that arrives in the past");
            clocks[i].now_ns = gate_ns + 1000;
            clock_fire_due(&clocks[i]);
        }
        inputs_deliver(inputs, (struct input_stamp){0});
    }
    for (unsigned i = 0; i < PORTS; i++) {
        net_backend_free(ports[i]);
        clock_free(&clocks[i]);
    }
    net_switch_free(net_switch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct feed feed = {data, data + size};
    struct error error;
    char path[64];
    struct inputs *inputs = inputs_create(&error);
    check(inputs, error.text);
    snprintf(path, sizeof path, "/tmp/armature-fuzz-%d", (int)getpid());
    unlink(path);
    unsigned kind = (unsigned)take(&feed, 1);
    if (kind & 1)
        run_vsock(&feed, inputs, path);
    else if (kind & 2)
        run_switch(&feed, inputs);
    else
        run_cable(&feed, inputs, path);
    inputs_free(inputs);
    return 0;
}
