/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The console device, with one port and with several, and the entropy device. */
#include <stdio.h>
#include <stdlib.h>
#include "tests/unit/virtio_driver.h"
#include "machine/inputs.h"
#include "peripherals/virtio/virtio_console.h"
#include "peripherals/virtio/virtio_rng.h"

enum { RX = 0, TX = 1, CONTROL_RX = 2, CONTROL_TX = 3, PORT1_RX = 4, PORT1_TX = 5 };

#define FEATURE_MULTIPORT (1ull << 1)

struct bench {
    struct driver driver;
    struct inputs *inputs;
    struct virtio_console *console;
    char output[2][64]; /* what each port sent */
};

static void sink(void *context, const void *bytes, size_t length)
{
    strncat(context, bytes, length);
}

static struct bench *make(unsigned ports)
{
    static struct bench bench;
    struct error error;

    memset(&bench, 0, sizeof bench);
    driver_init(&bench.driver);
    bench.inputs = inputs_create(&error);
    assert_non_null(bench.inputs);
    bench.console = virtio_console_create(&bench.driver.bus, bench.inputs, "console0",
                                          (struct virtio_console_sink){sink, bench.output[0]});
    if (ports > 1)
        assert_int_equal(virtio_console_add_port(bench.console, "agent",
                                                 (struct virtio_console_sink){sink, bench.output[1]}),
                         1);
    driver_attach(&bench.driver, &bench.console->virtio);
    virtio_console_class.reset(bench.console);
    return &bench;
}

static int set_up(void **state)
{
    *state = make(1);
    return 0;
}

static int set_up_ports(void **state)
{
    *state = make(2);
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    driver_free(&bench->driver);
    virtio_console_class.free(bench->console);
    inputs_free(bench->inputs);
    return 0;
}

static void say(struct bench *bench, unsigned queue, const char *text)
{
    struct driver_buffer buffer = {driver_alloc(&bench->driver, strlen(text)), strlen(text), false};
    uint16_t head;
    uint32_t used;
    memcpy(driver_ram(&bench->driver, buffer.address), text, strlen(text));
    driver_add(&bench->driver, queue, &buffer, 1);
    driver_kick(&bench->driver, queue);
    assert_true(driver_used(&bench->driver, queue, &head, &used));
}

static uint64_t offer_buffer(struct bench *bench, unsigned queue, uint32_t length)
{
    struct driver_buffer buffer = {driver_alloc(&bench->driver, length), length, true};
    driver_add(&bench->driver, queue, &buffer, 1);
    driver_kick(&bench->driver, queue);
    return buffer.address;
}

static void type(struct bench *bench, unsigned port, const char *text)
{
    assert_true(input_post(bench->inputs, virtio_console_source(bench->console, port), text, strlen(text)));
    inputs_deliver(bench->inputs, (struct input_stamp){0, 0});
}

static void expect_input(struct bench *bench, unsigned queue, uint64_t address, const char *text)
{
    uint16_t head;
    uint32_t used;
    assert_true(driver_used(&bench->driver, queue, &head, &used));
    assert_int_equal(used, strlen(text));
    assert_memory_equal(driver_ram(&bench->driver, address), text, used);
}

static void test_output(void **state)
{
    struct bench *bench = *state;
    driver_start(&bench->driver, 0, 2);
    assert_int_equal(driver_read(&bench->driver, MMIO_DEVICE_ID), 3);
    assert_false(driver_offered(&bench->driver) & FEATURE_MULTIPORT);
    say(bench, TX, "hello, ");
    say(bench, TX, "world");
    assert_string_equal(bench->output[0], "hello, world");
}

static void test_emergency_write(void **state)
{
    struct bench *bench = *state;
    driver_write(&bench->driver, MMIO_CONFIG + 4, '?');
    driver_write(&bench->driver, MMIO_CONFIG + 8, '!'); /* no driver, no queues */
    assert_string_equal(bench->output[0], "!");
}

static void test_input(void **state)
{
    struct bench *bench = *state;
    uint64_t first, second;

    type(bench, 0, "early "); /* waits for a driver, and for its buffers */
    driver_start(&bench->driver, 0, 2);
    inputs_deliver(bench->inputs, (struct input_stamp){0, 0});
    first = offer_buffer(bench, RX, 4);
    second = offer_buffer(bench, RX, 16);
    type(bench, 0, "bird");
    expect_input(bench, RX, first, "earl");
    expect_input(bench, RX, second, "y ");
    assert_true(bench->driver.wire);
    first = offer_buffer(bench, RX, 16);
    inputs_deliver(bench->inputs, (struct input_stamp){0, 0});
    expect_input(bench, RX, first, "bird");
}

static void test_input_changes_nothing_while_it_waits(void **state)
{
    struct bench *bench = *state;
    driver_start(&bench->driver, VIRTIO_F_EVENT_IDX, 2);
    uint64_t hash = hash_bytes(bench->driver.bus.ram.host, DRIVER_RAM_BYTES, FIELDS_HASH_SEED);
    type(bench, 0, "x");
    assert_true(hash == hash_bytes(bench->driver.bus.ram.host, DRIVER_RAM_BYTES, FIELDS_HASH_SEED));
}

static void test_hostile_receive_queue(void **state)
{
    struct bench *bench = *state;
    driver_start(&bench->driver, 0, 2);
    driver_offer(&bench->driver, RX, 999);
    type(bench, 0, "x");
    assert_true(driver_needs_reset(&bench->driver));
    type(bench, 0, "y"); /* and waits for a driver that does better */
    driver_start(&bench->driver, 0, 2);
    uint64_t in = offer_buffer(bench, RX, 4);
    inputs_deliver(bench->inputs, (struct input_stamp){0, 0});
    expect_input(bench, RX, in, "y");
}

/* --- several ports --- */

struct control {
    uint32_t id;
    uint16_t event, value;
};

static void tell(struct bench *bench, uint32_t id, uint16_t event, uint16_t value)
{
    struct control message = {id, event, value};
    struct driver_buffer buffer = {driver_alloc(&bench->driver, 8), 8, false};
    memcpy(driver_ram(&bench->driver, buffer.address), &message, 8);
    driver_add(&bench->driver, CONTROL_TX, &buffer, 1);
    driver_kick(&bench->driver, CONTROL_TX);
}

static void expect_control(struct bench *bench, uint32_t id, uint16_t event, uint16_t value, const char *name)
{
    uint64_t address = offer_buffer(bench, CONTROL_RX, 64);
    struct control message = {id, event, value};
    uint16_t head;
    uint32_t used;
    assert_true(driver_used(&bench->driver, CONTROL_RX, &head, &used));
    assert_int_equal(used, 8 + strlen(name));
    assert_memory_equal(driver_ram(&bench->driver, address), &message, 8);
    assert_memory_equal((char *)driver_ram(&bench->driver, address) + 8, name, strlen(name));
}

static void test_control(void **state)
{
    struct bench *bench = *state;

    assert_true(driver_offered(&bench->driver) & FEATURE_MULTIPORT);
    assert_int_equal(driver_read(&bench->driver, MMIO_CONFIG + 4), 2);
    driver_start(&bench->driver, FEATURE_MULTIPORT, 6);
    tell(bench, 0, 0, 1); /* the driver is ready */
    expect_control(bench, 0, 1, 1, "");
    expect_control(bench, 1, 1, 1, "");
    tell(bench, 0, 3, 1); /* port 0 is: it is a console, and open */
    expect_control(bench, 0, 4, 1, "");
    expect_control(bench, 0, 6, 1, "");
    tell(bench, 1, 3, 1);
    expect_control(bench, 1, 7, 0, "agent");
    expect_control(bench, 1, 6, 1, "");

    say(bench, PORT1_TX, "to the agent");
    say(bench, TX, "to the console");
    assert_string_equal(bench->output[1], "to the agent");
    assert_string_equal(bench->output[0], "to the console");

    uint64_t in = offer_buffer(bench, PORT1_RX, 16);
    type(bench, 1, "to port 1");
    assert_int_equal(bench->driver.queues[PORT1_RX].used->index, 0); /* the guest has not opened it */
    tell(bench, 1, 6, 1);
    inputs_deliver(bench->inputs, (struct input_stamp){0, 0});
    expect_input(bench, PORT1_RX, in, "to port 1");
}

static void test_control_in_the_order_of_drivers(void **state)
{
    struct bench *bench = *state;

    /* Buffers first, then the message that is answered. */
    driver_start(&bench->driver, FEATURE_MULTIPORT, 6);
    offer_buffer(bench, CONTROL_RX, 64);
    offer_buffer(bench, CONTROL_RX, 64);
    tell(bench, 0, 0, 1);
    assert_int_equal(bench->driver.queues[CONTROL_RX].used->index, 2);
    /* A reset closes the ports. */
    tell(bench, 1, 6, 1);
    driver_start(&bench->driver, FEATURE_MULTIPORT, 6);
    offer_buffer(bench, PORT1_RX, 16);
    type(bench, 1, "x");
    assert_int_equal(bench->driver.queues[PORT1_RX].used->index, 0);
    tell(bench, 1, 6, 1);
    tell(bench, 1, 6, 0);
    inputs_deliver(bench->inputs, (struct input_stamp){0, 0});
    assert_int_equal(bench->driver.queues[PORT1_RX].used->index, 0);
}

static void test_script_waits_for_a_listener(void **state)
{
    struct bench *bench = *state;
    unsigned source = virtio_console_source(bench->console, 0);

    input_script(bench->inputs, source);
    assert_true(input_post(bench->inputs, source, "ls\n", 3));
    assert_false(inputs_deliver_line(bench->inputs, (struct input_stamp){0, 0}));
    driver_start(&bench->driver, 0, 2);
    assert_false(inputs_deliver_line(bench->inputs, (struct input_stamp){0, 0}));
    uint64_t in = offer_buffer(bench, RX, 16);
    assert_true(inputs_deliver_line(bench->inputs, (struct input_stamp){0, 0}));
    expect_input(bench, RX, in, "ls\n");
}

static void test_restored_is_distrusted(void **state)
{
    struct bench *bench = *state;
    struct virtio_console *console = bench->console;

    driver_start(&bench->driver, FEATURE_MULTIPORT, 6);
    console->control_first = console->control_count = 0xffffffff;
    for (unsigned i = 0; i < VIRTIO_CONSOLE_CONTROL_MAX; i++)
        console->control[i] = (struct virtio_console_control){0xffffffff, 7, 0};
    virtio_console_class.restored(console);
    assert_int_equal(console->control_count, 0);
    console->control_count = 2;
    virtio_console_class.restored(console);
    for (unsigned i = 0; i < 3; i++)
        offer_buffer(bench, CONTROL_RX, 64);
    assert_int_equal(bench->driver.queues[CONTROL_RX].used->index, 2);
    console->virtio.queues[0].device_area = 1;
    virtio_console_class.restored(console);
    assert_true(driver_needs_reset(&bench->driver));
}

static void test_hostile_control(void **state)
{
    struct bench *bench = *state;
    struct driver_buffer cut_short = {DRIVER_RAM_BASE, 7, false};

    driver_start(&bench->driver, FEATURE_MULTIPORT, 6);
    for (unsigned i = 0; i < 100; i++) {
        tell(bench, 0, 0, 1);
        tell(bench, i, 3, 1);
        tell(bench, 0xffffffff - i, 6, i);
        tell(bench, 0, i, 0xffff);
    }
    driver_add(&bench->driver, CONTROL_TX, &cut_short, 1);
    driver_kick(&bench->driver, CONTROL_TX);
    assert_int_equal(bench->driver.queues[CONTROL_TX].used->index, 401);
    for (unsigned i = 0; i < 40; i++)
        offer_buffer(bench, CONTROL_RX, 3);
    assert_int_equal(bench->driver.queues[CONTROL_RX].used->index, VIRTIO_CONSOLE_CONTROL_MAX);
}

/* --- entropy --- */

static void draw(uint64_t seed, uint8_t *bytes, uint32_t length)
{
    static struct driver driver;
    struct virtio_rng *rng;
    uint16_t head;
    uint32_t used;

    driver_init(&driver);
    rng = virtio_rng_create(&driver.bus, seed);
    driver_attach(&driver, &rng->virtio);
    virtio_rng_class.reset(rng);
    driver_start(&driver, 0, 1);
    assert_int_equal(driver_read(&driver, MMIO_DEVICE_ID), 4);
    uint64_t address = driver_alloc(&driver, length);
    struct driver_buffer buffers[] = {{address, 3, true}, {address + 3, length - 3, true}};
    driver_add(&driver, 0, buffers, 2);
    driver_kick(&driver, 0);
    assert_true(driver_used(&driver, 0, &head, &used));
    assert_int_equal(used, length);
    memcpy(bytes, driver_ram(&driver, address), length);
    driver_free(&driver);
    virtio_rng_class.free(rng);
}

static void test_entropy(void **state)
{
    uint8_t first[1000], again[1000], other[1000];
    unsigned count[256] = {0};

    draw(1, first, sizeof first);
    draw(1, again, sizeof again);
    draw(2, other, sizeof other);
    assert_memory_equal(first, again, sizeof first);
    assert_memory_not_equal(first, other, sizeof first);
    for (unsigned i = 0; i < sizeof first; i++)
        count[first[i]]++;
    for (unsigned i = 0; i < 256; i++)
        assert_true(count[i] < 20);
}

static uint32_t draw_more(struct driver *driver, uint64_t *address, uint32_t length)
{
    uint16_t head;
    uint32_t used;
    *address = driver_alloc(driver, length);
    struct driver_buffer buffer = {*address, length, true};
    driver_add(driver, 0, &buffer, 1);
    driver_kick(driver, 0);
    assert_true(driver_used(driver, 0, &head, &used));
    return used;
}

static void test_entropy_state(void **state)
{
    static struct driver driver;
    struct virtio_rng *rng;
    uint64_t first, second, again;

    driver_init(&driver);
    rng = virtio_rng_create(&driver.bus, 7);
    driver_attach(&driver, &rng->virtio);
    driver_start(&driver, 0, 1);
    assert_int_equal(draw_more(&driver, &first, 100000), VIRTIO_RNG_REQUEST_MAX_BYTES); /* a limit */
    assert_int_equal(draw_more(&driver, &second, 64), 64);
    assert_memory_not_equal(driver_ram(&driver, first), driver_ram(&driver, second), 64);
    /* A driver's reset goes on; one of the machine begins again. */
    uint8_t kept[64];
    memcpy(kept, driver_ram(&driver, first), sizeof kept);
    driver_start(&driver, 0, 1);
    draw_more(&driver, &again, 64);
    assert_memory_not_equal(driver_ram(&driver, again), kept, 64);
    virtio_rng_class.reset(rng);
    assert_int_equal(driver_read(&driver, MMIO_STATUS), 0);
    driver_start(&driver, 0, 1);
    draw_more(&driver, &again, 64);
    assert_memory_equal(driver_ram(&driver, again), kept, 64);
    rng->virtio.queues[0].size = 3;
    virtio_rng_class.restored(rng);
    assert_true(driver_needs_reset(&driver));
    driver_free(&driver);
    virtio_rng_class.free(rng);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_output),
        TEST(test_emergency_write),
        TEST(test_input),
        TEST(test_input_changes_nothing_while_it_waits),
        TEST(test_hostile_receive_queue),
        cmocka_unit_test_setup_teardown(test_control, set_up_ports, tear_down),
        cmocka_unit_test_setup_teardown(test_control_in_the_order_of_drivers, set_up_ports, tear_down),
        TEST(test_script_waits_for_a_listener),
        cmocka_unit_test_setup_teardown(test_restored_is_distrusted, set_up_ports, tear_down),
        cmocka_unit_test_setup_teardown(test_hostile_control, set_up_ports, tear_down),
        cmocka_unit_test(test_entropy_state),
        cmocka_unit_test(test_entropy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
