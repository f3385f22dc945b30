/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The xHCI controller as a driver uses it: reset, ports, commands, control transfers, reports, and their errors. */
#include <stdlib.h>
#include "tests/unit/device_bench.h"
#include "machine/inputs.h"
#include "peripherals/usb/xhci.h"

#define RAM      0x40000000ull
#define COMMANDS (RAM + 0x1000)
#define EVENTS   (RAM + 0x2000)
#define SEGMENTS (RAM + 0x3000)
#define CONTEXTS (RAM + 0x4000) /* the array, then slot 1's */
#define INPUT    (RAM + 0x5000)
#define CONTROL  (RAM + 0x6000) /* rings */
#define REPORTS  (RAM + 0x7000)
#define DATA     (RAM + 0x8000)
#define EVENTS_COUNT 32u

static struct bus bus;
static struct inputs *inputs;
static struct pci_host *host;
static struct xhci *xhci;
static struct probe_wire pins[PCI_PINS];
static uint32_t command_at, control_at, report_at, event_at, event_cycle;

struct trb {
    uint64_t parameter;
    uint32_t status, control;
};

static uint64_t get(uint64_t offset, unsigned size)
{
    uint64_t value;
    assert_true(pci_bar_access(&xhci->function, 0, offset, size, &value, false));
    return value;
}

static void set(uint64_t offset, unsigned size, uint64_t value)
{
    assert_true(pci_bar_access(&xhci->function, 0, offset, size, &value, true));
}

static void *ram(uint64_t address)
{
    return bus.ram.host + (address - RAM);
}

static void start(void)
{
    struct {
        uint64_t base;
        uint32_t size, unused;
    } segment = {EVENTS, EVENTS_COUNT, 0};
    memcpy(ram(SEGMENTS), &segment, sizeof segment);
    set(0x78, 4, 8);
    set(0x70, 8, CONTEXTS);
    set(0x58, 4, (uint32_t)COMMANDS | 1); /* in halves, as drivers do */
    set(0x5c, 4, 0);
    set(0x1028, 4, 1);
    set(0x1038, 8, EVENTS);
    set(0x1030, 8, SEGMENTS);
    set(0x1020, 4, 2);
    set(0x40, 4, 5);
    command_at = control_at = report_at = event_at = 0;
    event_cycle = 1;
}

static int set_up(void **state)
{
    struct error error;
    struct pci_host_config how = {.message = NULL};
    memset(pins, 0, sizeof pins);
    for (unsigned i = 0; i < PCI_PINS; i++)
        how.pins[i] = probe_line(&pins[i]);
    assert_true(bus_init(&bus, RAM, 0x10000, NULL));
    inputs = inputs_create(&error);
    host = pci_host_create(&how);
    xhci = xhci_create(&bus, inputs);
    assert_true(pci_host_add(host, &xhci->function, &(unsigned){0}));
    xhci_class.reset(xhci);
    pci_ecam_mmio.write(host, 0x8004, 2, 6);
    start();
    return 0;
}

static int tear_down(void **state)
{
    xhci_class.free(xhci);
    pci_host_class.free(host);
    inputs_free(inputs);
    bus_free(&bus);
    return 0;
}

/* The next event; its type, 0: there is none. */
static unsigned event(struct trb *trb)
{
    memcpy(trb, ram(EVENTS + 16 * event_at), sizeof *trb);
    if ((trb->control & 1) != event_cycle)
        return 0;
    event_at = (event_at + 1) % EVENTS_COUNT;
    event_cycle ^= event_at == 0;
    set(0x1038, 8, EVENTS + 16 * event_at + 8);
    return trb->control >> 10 & 63;
}

/* Puts a block onto a ring of 255; the cycle bit stays 1 as none of these tests goes round. */
static void put(uint64_t ring, uint32_t *at, uint64_t parameter, uint32_t status, uint32_t control)
{
    struct trb trb = {parameter, status, control | 1};
    memcpy(ram(ring + 16 * (*at)++), &trb, sizeof trb);
}

static struct trb done;

/* Runs a command; returns its completion code. */
static unsigned command(unsigned type, uint64_t parameter, uint32_t bits)
{
    put(COMMANDS, &command_at, parameter, 0, type << 10 | bits);
    set(0x2000, 4, 0);
    assert_int_equal(event(&done), 33);
    assert_int_equal(done.parameter, COMMANDS + 16 * (command_at - 1));
    return done.status >> 24;
}

static void drain(void)
{
    while (event(&done))
        continue;
}

static void put_input(uint32_t add, unsigned port)
{
    uint32_t *words = ram(INPUT);
    memset(words, 0, 0x500);
    words[1] = add;
    words[8] = 1u << 27 | 3u << 20;
    words[9] = port << 16;
    words[8 + 8 + 1] = 4 << 3 | 64u << 16;
    memcpy(&words[8 + 8 + 2], &(uint64_t){CONTROL | 1}, 8);
    words[8 + 24 + 1] = 7 << 3 | 8u << 16; /* endpoint 1 to the host */
    memcpy(&words[8 + 24 + 2], &(uint64_t){REPORTS | 1}, 8);
}

/* A device that can be talked to, in slot 1. */
static void address(unsigned port)
{
    set(0x430 + 16 * port, 4, 1 << 4 | 1 << 9);
    drain();
    memcpy(ram(CONTEXTS + 8), &(uint64_t){CONTEXTS + 0x400}, 8);
    assert_int_equal(command(9, 0, 0), 1);
    assert_int_equal(done.control >> 24, 1);
    put_input(3, port);
    assert_int_equal(command(11, INPUT, 1 << 24), 1);
}

/* A control transfer; returns the completion code of its last stage. */
static unsigned control(uint8_t type, uint8_t request, uint16_t value, uint16_t index, uint16_t length)
{
    uint64_t setup = type | request << 8 | (uint64_t)value << 16 | (uint64_t)index << 32 | (uint64_t)length << 48;
    put(CONTROL, &control_at, setup, 8,
        2 << 10 | 1 << 6 | (length ? (type & 0x80 ? 3u : 2u) << 16 : 0));
    if (length)
        put(CONTROL, &control_at, DATA, length, 3 << 10 | (type & 0x80 ? 1u << 16 : 0));
    put(CONTROL, &control_at, 0, 0, 4 << 10 | 1 << 5 | (type & 0x80 ? 0 : 1u << 16));
    set(0x2004, 4, 1);
    assert_int_equal(event(&done), 32);
    assert_int_equal(done.control >> 16 & 31, 1);
    return done.status >> 24;
}

static void configure(unsigned port)
{
    address(port);
    put_input(1 | 1 << 3, port);
    assert_int_equal(command(12, INPUT, 1 << 24), 1);
    assert_int_equal(control(0, 9, 1, 0, 0), 1);
}

static void send(unsigned device, const struct input_event_record *events, size_t count)
{
    input_post(inputs, xhci->devices[device].source, events, count * sizeof *events);
    inputs_deliver(inputs, (struct input_stamp){0, 0});
}

static void registers(void **state)
{
    assert_int_equal(get(0, 4), 0x01000040);
    assert_int_equal(get(4, 4), 8 | 1 << 8 | 8u << 24);
    assert_int_equal(get(0x44, 4) & 1, 0);
    set(0x40, 4, 0);
    assert_int_equal(get(0x44, 4) & 1, 1);
    set(0x40, 4, 2);
    assert_int_equal(get(0x40, 4), 0);
    assert_int_equal(get(0x70, 8), 0);
    assert_int_equal(get(0x3000, 1), 2); /* the protocols */
    assert_int_equal(get(0x3008, 4), 0x401);
    assert_int_equal(get(0x3018, 4), 0x405);
    set(0x1028, 4, 0xffff);
    assert_int_equal(get(0x1028, 4), 16);
}

static void ports(void **state)
{
    struct trb trb;
    assert_int_equal(event(&trb), 34); /* two devices are there */
    assert_int_equal(trb.parameter >> 24, 1);
    assert_int_equal(event(&trb), 34);
    assert_int_equal(trb.parameter >> 24, 2);
    assert_int_equal(event(&trb), 0);
    assert_int_equal(get(0x440, 4) & 0x2ffff, 0x20ee1 & ~0u); /* connected, powered, polling, high speed, changed */
    set(0x440, 4, 1 << 17 | 1 << 9);
    assert_int_equal(get(0x440, 4) >> 17 & 1, 0);
    set(0x440, 4, 1 << 4 | 1 << 9);
    assert_int_equal(get(0x440, 4) & 0x2001ff, 0x200003); /* enabled, and the reset is over */
    assert_int_equal(event(&trb), 34);
    set(0x440, 4, 2);
    assert_int_equal(get(0x440, 4) & 2, 0);
    assert_int_equal(get(0x460, 4) & 1, 0); /* nothing at the third */
}

static void commands(void **state)
{
    drain();
    assert_int_equal(command(23, 0, 0), 1);
    assert_int_equal(command(63, 0, 0), 5);
    assert_int_equal(command(11, INPUT, 1 << 24), 11); /* no such slot */
    assert_int_equal(command(10, 0, 200u << 24), 11);
    address(1);
    assert_int_equal(((uint32_t *)ram(CONTEXTS + 0x400))[3], 2u << 27 | 1); /* addressed, as 1 */
    assert_int_equal(command(11, INPUT, 1 << 24), 19);
    assert_int_equal(command(14, 0, 1 << 24 | 1 << 16), 19); /* it has not halted */
    assert_int_equal(command(15, 0, 1 << 24 | 3 << 16), 12);
    assert_int_equal(command(15, 0, 1 << 24 | 1 << 16), 1);
    assert_int_equal(((uint32_t *)ram(CONTEXTS + 0x420))[0] & 7, 3);
    assert_int_equal(command(16, CONTROL | 1, 1 << 24 | 1 << 16), 1);
    assert_int_equal(command(17, 0, 1 << 24), 1);
    assert_int_equal(command(17, 0, 1 << 24), 19);
    assert_int_equal(command(10, 0, 1 << 24), 1);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(command(9, 0, 0), 1);
    assert_int_equal(command(9, 0, 0), 9);
    put_input(3, 3);
    assert_int_equal(command(11, INPUT, 2 << 24), 4); /* nobody is at that port */
    put_input(1, 1);
    assert_int_equal(command(11, INPUT, 2 << 24), 17);
}

static void control_transfers(void **state)
{
    uint8_t *data = ram(DATA);
    address(1);
    assert_int_equal(control(0x80, 6, 1 << 8, 0, 18), 1);
    assert_int_equal(data[0], 18);
    assert_int_equal(data[1], 1);
    assert_int_equal(control(0x80, 6, 2 << 8, 0, 34), 1);
    assert_int_equal(data[2], 34);
    assert_int_equal(control(0x81, 6, 0x22 << 8, 0, 65), 1);
    assert_int_equal(data[0], 0x05);
    assert_int_equal(data[64], 0xc0);
    assert_int_equal(control(0x80, 6, 3 << 8 | 1, 0x409, 18), 1);
    assert_int_equal(data[2], 'A');
    assert_int_equal(control(0, 9, 1, 0, 0), 1);
    assert_int_equal(control(0x80, 8, 0, 0, 1), 1);
    assert_int_equal(data[0], 1);
    data[0] = 2;
    assert_int_equal(control(0x21, 9, 0x200, 0, 1), 1); /* lights */
    assert_int_equal(xhci->devices[0].leds, 2);
    /* 18 bytes, asked for 64. */
    put(CONTROL, &control_at, 0x06 << 8 | 0x80 | 1ull << 24 | 64ull << 48, 8, 2 << 10 | 1 << 6);
    put(CONTROL, &control_at, DATA, 64, 3 << 10 | 1 << 16 | 1 << 2);
    put(CONTROL, &control_at, 0, 0, 4 << 10 | 1 << 5);
    set(0x2004, 4, 1);
    assert_int_equal(event(&done), 32);
    assert_int_equal(done.status, 13u << 24 | 46);
    assert_int_equal(event(&done), 32);
    assert_int_equal(done.status >> 24, 1);
    assert_int_equal(control(0x80, 6, 15 << 8, 0, 5), 6); /* STALL */
    assert_int_equal(((uint32_t *)ram(CONTEXTS + 0x420))[0] & 7, 2);
    assert_int_equal(command(14, 0, 1 << 24 | 1 << 16), 1);
    control_at = 0;
    memset(ram(CONTROL), 0, 0x1000);
    assert_int_equal(command(16, CONTROL | 1, 1 << 24 | 1 << 16), 1);
    assert_int_equal(control(0, 9, 7, 0, 0), 6);
}

static void keys(void **state)
{
    static const struct input_event_record a_down[] = {{EVENT_KEY, 42, 1}, {EVENT_KEY, 30, 1}, {0, 0, 0}},
                                           a_up[] = {{EVENT_KEY, 30, 0}, {EVENT_KEY, 42, 0}, {0, 0, 0}};
    static const uint8_t pressed[8] = {2, 0, 4}, released[8] = {0};
    configure(1);
    put(REPORTS, &report_at, DATA, 8, 1 << 10 | 1 << 5);
    set(0x2004, 4, 3);
    assert_int_equal(event(&done), 0); /* it waits */
    send(0, a_down, 3);
    assert_int_equal(event(&done), 32);
    assert_int_equal(done.status, 1u << 24);
    assert_memory_equal(ram(DATA), pressed, 8);
    send(0, a_up, 3); /* for which there is no transfer yet */
    assert_int_equal(event(&done), 0);
    put(REPORTS, &report_at, DATA, 16, 1 << 10 | 1 << 5);
    set(0x2004, 4, 3);
    assert_int_equal(event(&done), 32);
    assert_int_equal(done.status, 13u << 24 | 8); /* shorter than the room */
    assert_memory_equal(ram(DATA), released, 8);
    /* Stopped, what waits does not go on until the doorbell. */
    put(REPORTS, &report_at, DATA, 8, 1 << 10 | 1 << 5);
    set(0x2004, 4, 3);
    assert_int_equal(command(15, 0, 1 << 24 | 3 << 16), 1);
    send(0, a_down, 3);
    assert_int_equal(event(&done), 0);
    set(0x2004, 4, 3);
    assert_int_equal(event(&done), 32);
}

static void pointer(void **state)
{
    static const struct input_event_record move[] = {{EVENT_ABSOLUTE, 0, 0x1234}, {EVENT_ABSOLUTE, 1, 0x7fff}, {0}},
                                           click[] = {{EVENT_KEY, BUTTON_RIGHT, 1}, {0, 0, 0}},
                                           wheel[] = {{EVENT_RELATIVE, RELATIVE_WHEEL, (uint32_t)-1}, {0, 0, 0}};
    static const uint8_t moved[6] = {0, 0x34, 0x12, 0xff, 0x7f, 0}, turned[6] = {2, 0x34, 0x12, 0xff, 0x7f, 0xff};
    configure(2);
    send(1, move, 3);
    send(1, click, 2);
    send(1, wheel, 2);
    for (unsigned i = 0; i < 3; i++)
        put(REPORTS, &report_at, DATA + 16 * i, 6, 1 << 10 | 1 << 5);
    set(0x2004, 4, 3);
    assert_memory_equal(ram(DATA), moved, 6);
    assert_memory_equal(ram(DATA + 32), turned, 6);
}

static void interrupts(void **state)
{
    assert_true(pins[1].level); /* of the ports */
    set(0x1020, 4, 3);
    assert_false(pins[1].level);
    drain();
    put(COMMANDS, &command_at, 0, 0, 23 << 10);
    set(0x2000, 4, 0);
    assert_true(pins[1].level);
    assert_int_equal(get(0x1020, 4), 3);
}

/* A ring that nobody reads fills up, and what has no room waits. */
static void full_event_ring(void **state)
{
    for (unsigned i = 0; i < EVENTS_COUNT + 8; i++)
        put(COMMANDS, &command_at, 0, 0, 23 << 10);
    set(0x2000, 4, 0);
    unsigned seen = 0;
    while (event(&done))
        seen += (done.control >> 10 & 63) == 33;
    assert_int_equal(seen, EVENTS_COUNT + 8);
}

static void nonsense(void **state)
{
    struct trb link = {RAM + 0x9000, 0, 6 << 10 | 1};
    drain();
    memcpy(ram(RAM + 0x9000), &link, sizeof link); /* a link to itself */
    put(COMMANDS, &command_at, RAM + 0x9000, 0, 6 << 10);
    set(0x2000, 4, 0);
    assert_int_equal(event(&done), 0);
    set(0x2000 + 4 * 200, 4, 1); /* no such doorbells */
    set(0x2004, 4, 77);
    set(0x40, 4, 2);
    start();
    set(0x58, 8, 0x7000000000001ull); /* outside of RAM: it stops, and says so */
    set(0x2000, 4, 0);
    assert_int_equal(get(0x44, 4) & 5, 5);
}

static void restored(void **state)
{
    configure(1);
    put(REPORTS, &report_at, DATA, 8, 1 << 10 | 1 << 5);
    set(0x2004, 4, 3);
    uint64_t before = fields_hash(xhci_class.state, xhci, FIELDS_HASH_SEED);
    xhci_class.restored(xhci);
    assert_int_equal(fields_hash(xhci_class.state, xhci, FIELDS_HASH_SEED), before);
    xhci->slots[1].data_bytes = xhci->slots[1].data_done = 0x80000000; /* as a file may say */
    xhci->slots[1].port = 255;
    xhci->devices[0].first = xhci->devices[0].count = 0x80000001;
    xhci->segments = 0x10000;
    xhci_class.restored(xhci);
    set(0x2004, 4, 1);
    assert_true(xhci->slots[1].data_bytes <= USB_CONTROL_BYTES_MAX && xhci->devices[0].count <= USB_HID_REPORTS_MAX);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(registers), TEST(ports),      TEST(commands),        TEST(control_transfers), TEST(keys),
        TEST(pointer),   TEST(interrupts), TEST(full_event_ring), TEST(nonsense),          TEST(restored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
