/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sockets between guest and host: connections both ways, credit, their ends, and a guest that breaks the rules. The
 * device carries what the backend says. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "machine/inputs.h"
#include "peripherals/virtio/virtio_vsock.h"
#include "tests/unit/virtio_driver.h"

#define CID 3

static char folder[] = "/tmp/armature-vsock-XXXXXX", path[64];

/* What came for the guest, by the backend alone. */
struct bench {
    struct inputs *inputs;
    struct vsock_backend *backend;
    unsigned count;
    struct vsock_header header; /* the last one */
    uint8_t payload[VSOCK_PAYLOAD_MAX_BYTES];
    size_t data_bytes; /* of all data packets */
};

static void on_packet(void *device, const void *bytes, size_t length)
{
    struct bench *bench = device;
    memcpy(&bench->header, bytes, sizeof bench->header);
    memcpy(bench->payload, (const uint8_t *)bytes + sizeof bench->header, length - sizeof bench->header);
    assert_int_equal(bench->header.length, length - sizeof bench->header);
    assert_int_equal(bench->header.source_cid, 2);
    assert_int_equal(bench->header.destination_cid, CID);
    if (bench->header.operation == VSOCK_DATA)
        bench->data_bytes += bench->header.length;
    bench->count++;
}

static int set_up(void **state)
{
    static struct bench bench;
    struct error error;
    memset(&bench, 0, sizeof bench);
    bench.inputs = inputs_create(&error);
    bench.backend = vsock_unix_open(path, CID, &error);
    assert_non_null(bench.backend);
    bench.backend->ops->attach(
        bench.backend, bench.inputs,
        input_register(bench.inputs, &(struct input_source){.name = "rx", .deliver = on_packet, .device = &bench}));
    *state = &bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    bench->backend->ops->free(bench->backend);
    inputs_free(bench->inputs);
    return access(path, F_OK) == 0; /* it cleans up behind itself */
}

static void serve(struct bench *bench)
{
    for (unsigned i = 0; i < 5; i++) {
        inputs_poll(bench->inputs, 1000000);
        inputs_deliver(bench->inputs, (struct input_stamp){0});
    }
}

static void send_packet(struct bench *bench, uint32_t from, uint32_t to, enum vsock_operation operation, uint32_t flags,
                        uint32_t buffer, uint32_t forwarded, const void *payload, uint32_t length)
{
    const struct vsock_header header = {CID, 2, from, to, length, VSOCK_TYPE_STREAM, (uint16_t)operation, flags, buffer,
                                        forwarded};
    bench->backend->ops->send(bench->backend, &header, payload);
    serve(bench);
}

static int listen_at(unsigned port)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s_%u", path, port);
    unlink(address.sun_path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 4), 0);
    return fd;
}

static int connect_host(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    strcpy(address.sun_path, path);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void test_from_guest(void **state)
{
    struct bench *bench = *state;
    char text[16] = "";
    int listener = listen_at(80), fd;

    send_packet(bench, 1000, 81, VSOCK_REQUEST, 0, 65536, 0, "", 0);
    assert_int_equal(bench->header.operation, VSOCK_RESET); /* nobody listens */
    assert_false(inputs_busy(bench->inputs));
    send_packet(bench, 1000, 80, VSOCK_REQUEST, 0, 65536, 0, "", 0);
    assert_int_equal(bench->header.operation, VSOCK_RESPONSE);
    assert_int_equal(bench->header.source_port, 80);
    assert_int_equal(bench->header.destination_port, 1000);
    assert_true(bench->header.buffer_bytes >= 65536 && inputs_busy(bench->inputs));
    fd = accept(listener, NULL, NULL);
    send_packet(bench, 1000, 80, VSOCK_DATA, 0, 65536, 0, "hello", 5);
    assert_int_equal(read(fd, text, sizeof text), 5);
    assert_string_equal(text, "hello");
    assert_int_equal(write(fd, "world", 5), 5);
    serve(bench);
    assert_int_equal(bench->header.operation, VSOCK_DATA);
    assert_memory_equal(bench->payload, "world", 5);
    assert_int_equal(bench->header.forwarded_bytes, 5);
    send_packet(bench, 1000, 80, VSOCK_CREDIT_REQUEST, 0, 65536, 5, "", 0);
    assert_int_equal(bench->header.operation, VSOCK_CREDIT_UPDATE);
    /* The guest ends its half, the host hears that and ends its own. */
    send_packet(bench, 1000, 80, VSOCK_SHUTDOWN, VSOCK_SHUTDOWN_SEND, 65536, 5, "", 0);
    assert_int_equal(read(fd, text, sizeof text), 0);
    close(fd);
    serve(bench);
    assert_int_equal(bench->header.operation, VSOCK_SHUTDOWN);
    assert_false(inputs_busy(bench->inputs));
    send_packet(bench, 1000, 80, VSOCK_DATA, 0, 65536, 5, "x", 1);
    assert_int_equal(bench->header.operation, VSOCK_RESET); /* it is gone */
    unsigned count = bench->count;
    send_packet(bench, 1000, 80, VSOCK_RESET, 0, 0, 0, "", 0);
    assert_int_equal(bench->count, count); /* which is not answered in turn */
    close(listener);
}

static void test_from_host(void **state)
{
    struct bench *bench = *state;
    char text[32] = "";
    int fd = connect_host();

    assert_int_equal(write(fd, "CONN", 4), 4);
    serve(bench);
    assert_int_equal(bench->count, 0);
    assert_int_equal(write(fd, "ECT 52\nearly", 12), 12);
    serve(bench);
    assert_int_equal(bench->header.operation, VSOCK_REQUEST);
    assert_int_equal(bench->header.destination_port, 52);
    uint32_t port = bench->header.source_port;
    send_packet(bench, 52, port, VSOCK_RESPONSE, 0, 4000, 0, "", 0);
    assert_int_equal(read(fd, text, sizeof text), snprintf(NULL, 0, "OK %u\n", port));
    assert_memory_equal(text, "OK ", 3);
    assert_int_equal(bench->data_bytes, 5); /* what was said before the answer came */
    /* No more than the guest has room for, until it says that it took some. */
    char many[10000] = "";
    assert_int_equal(write(fd, many, sizeof many), sizeof many);
    serve(bench);
    assert_int_equal(bench->data_bytes, 4000);
    send_packet(bench, 52, port, VSOCK_CREDIT_UPDATE, 0, 4000, 1500, "", 0);
    assert_int_equal(bench->data_bytes, 5500);
    send_packet(bench, 52, port, VSOCK_CREDIT_UPDATE, 0, 4000, 5500, "", 0);
    send_packet(bench, 52, port, VSOCK_CREDIT_UPDATE, 0, 4000, 9500, "", 0);
    assert_int_equal(bench->data_bytes, 10005);
    send_packet(bench, 52, port, VSOCK_RESET, 0, 0, 0, "", 0);
    assert_int_equal(read(fd, text, sizeof text), 0);
    close(fd);
    /* A guest that refuses, and lines that are none. */
    static const char *const bad[] = {"CONNECT\n", "CONNECT x\n", "HELLO 5\n", "CONNECT 5 6\n",
                                      "CONNECT 00000000000000000000000000000000000000005\n"};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        unsigned count = bench->count;
        fd = connect_host();
        assert_int_equal(write(fd, bad[i], strlen(bad[i])), strlen(bad[i]));
        serve(bench);
        assert_int_equal(bench->count, count);
        assert_true(read(fd, text, sizeof text) <= 0);
        close(fd);
    }
    serve(bench);
    assert_false(inputs_busy(bench->inputs));
}

/* A guest that sends more than there is room for, on connections that are not there, of types that are none. */
static void test_hostile_guest(void **state)
{
    struct bench *bench = *state;
    static uint8_t payload[VSOCK_PAYLOAD_MAX_BYTES];
    int listener = listen_at(80);
    const struct vsock_header odd = {CID, 2, 1, 80, 0, 9, VSOCK_REQUEST, 0, 0, 0};

    bench->backend->ops->send(bench->backend, &odd, payload);
    serve(bench);
    assert_int_equal(bench->header.operation, VSOCK_RESET);
    for (unsigned operation = 0; operation < 12; operation++)
        send_packet(bench, 7, 8, (enum vsock_operation)operation, 3, 0, 0, payload, 100);
    assert_false(inputs_busy(bench->inputs));
    send_packet(bench, 1, 80, VSOCK_REQUEST, 0, 0, 0, "", 0);
    assert_int_equal(bench->header.operation, VSOCK_RESPONSE);
    for (unsigned i = 0; i < 40 && inputs_busy(bench->inputs); i++) /* nobody reads it */
        send_packet(bench, 1, 80, VSOCK_DATA, 0, 0, 0, payload, sizeof payload);
    assert_int_equal(bench->header.operation, VSOCK_RESET);
    assert_false(inputs_busy(bench->inputs));
    send_packet(bench, 1, 80, VSOCK_REQUEST, 0, 0, 0, "", 0);
    send_packet(bench, 1, 80, (enum vsock_operation)99, 0, 0, 0, "", 0);
    assert_int_equal(bench->header.operation, VSOCK_RESET);
    close(listener);
}

/* --- the device ------------------------------------------------------------------------------------ */

static void test_device(void **state)
{
    static struct driver driver;
    struct error error;
    struct inputs *inputs = inputs_create(&error);
    struct virtio_vsock *vsock;
    uint16_t head;
    uint32_t used;

    driver_init(&driver);
    vsock = virtio_vsock_create(&driver.bus, inputs, vsock_unix_open("", CID, &error), "vsock0", CID);
    driver_attach(&driver, &vsock->virtio);
    virtio_vsock_class.reset(vsock);
    assert_int_equal(driver_read(&driver, MMIO_DEVICE_ID), 19);
    assert_int_equal(driver_read(&driver, MMIO_CONFIG), CID);
    driver_start(&driver, 0, 3);
    unsigned rx;
    assert_true(inputs_find(inputs, "vsock0.rx", &rx));
    /* A packet longer than a buffer is given as two. */
    uint8_t packet[sizeof(struct vsock_header) + 100];
    struct vsock_header header = {2, CID, 5, 6, 100, VSOCK_TYPE_STREAM, VSOCK_DATA, 0, 1, 2};
    memcpy(packet, &header, sizeof header);
    for (unsigned i = 0; i < 100; i++)
        packet[sizeof header + i] = (uint8_t)i;
    input_post(inputs, rx, packet, sizeof packet);
    inputs_deliver(inputs, (struct input_stamp){0});
    assert_true(inputs_queued(inputs)); /* it waits for room */
    uint64_t in[3];
    for (unsigned i = 0; i < 2; i++) {
        in[i] = driver_alloc(&driver, 44 + 60);
        driver_add(&driver, 0, &(struct driver_buffer){in[i], 44 + 60, true}, 1);
    }
    inputs_deliver(inputs, (struct input_stamp){0});
    for (unsigned i = 0; i < 2; i++) {
        const struct vsock_header *got = driver_ram(&driver, in[i]);
        assert_true(driver_used(&driver, 0, &head, &used));
        assert_int_equal(used, 44 + (i ? 40 : 60));
        assert_int_equal(got->length, i ? 40 : 60);
        assert_memory_equal(got + 1, packet + 44 + i * 60, got->length);
    }
    /* Where that does not suffice, a stream without a part of it is none. */
    in[2] = driver_alloc(&driver, 44 + 60);
    driver_add(&driver, 0, &(struct driver_buffer){in[2], 44 + 60, true}, 1);
    input_post(inputs, rx, packet, sizeof packet);
    inputs_deliver(inputs, (struct input_stamp){0});
    assert_true(driver_used(&driver, 0, &head, &used));
    assert_int_equal(used, 44);
    assert_int_equal(((const struct vsock_header *)driver_ram(&driver, in[2]))->operation, VSOCK_RESET);
    /* The event that connections are gone. */
    uint64_t event = driver_alloc(&driver, 4);
    *(uint32_t *)driver_ram(&driver, event) = 99;
    driver_add(&driver, 2, &(struct driver_buffer){event, 4, true}, 1);
    input_post(inputs, vsock->reset_source, NULL, 0);
    inputs_deliver(inputs, (struct input_stamp){0});
    assert_true(driver_used(&driver, 2, &head, &used));
    assert_int_equal(*(uint32_t *)driver_ram(&driver, event), 0);
    /* Packets that say that they are longer than they are, or come from others, go nowhere and do no harm. */
    uint64_t out = driver_alloc(&driver, sizeof packet);
    for (unsigned odd = 0; odd < 3; odd++) {
        header = (struct vsock_header){odd ? CID : 9, 2, 1, 1, odd == 1 ? 101 : odd ? 0xffffffff : 0, 1, 5, 0, 0, 0};
        memcpy(driver_ram(&driver, out), &header, sizeof header);
        driver_add(&driver, 1, &(struct driver_buffer){out, sizeof packet, false}, 1);
        driver_kick(&driver, 1);
        assert_true(driver_used(&driver, 1, &head, &used));
    }
    assert_false(driver_needs_reset(&driver));
    driver_free(&driver);
    virtio_vsock_class.free(vsock);
    inputs_free(inputs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_from_guest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_from_host, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hostile_guest, set_up, tear_down),
        cmocka_unit_test(test_device),
    };
    char command[96];
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/vm", folder);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command) ? 1 : failed;
}
