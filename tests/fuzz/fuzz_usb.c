/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzz target: the xHCI controller in a small RAM, with rings and contexts that are nearly right, and keys. A restore
 * of the state changes nothing, and one from a file that says anything does no harm. */
#include <stdlib.h>
#include <string.h>
#include "machine/inputs.h"
#include "peripherals/usb/xhci.h"
#include "tests/fuzz/feed.h"

#define RAM_BASE  0x40000000ull
#define RAM_BYTES 0x10000ull

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    struct bus bus;
    struct inputs *inputs;
    struct pci_host *host;
    struct xhci *xhci;
    uint32_t at[3]; /* of the rings in pages 1 (commands), 6 (control), 7 (reports) */
} world;

static void on_message(void *context, uint32_t requester, uint64_t address, uint32_t data)
{
}

static void set(uint64_t offset, unsigned size, uint64_t value)
{
    pci_bar_access(&world.xhci->function, 0, offset, size, &value, true);
}

static void put(unsigned ring, uint64_t parameter, uint32_t status, uint32_t control)
{
    static const uint64_t pages[] = {0x1000, 0x6000, 0x7000};
    struct {
        uint64_t parameter;
        uint32_t status, control;
    } trb = {parameter, status, control};
    bus_dma_write(&world.bus, RAM_BASE + pages[ring] + world.at[ring] % 64 * 16, &trb, sizeof trb);
    world.at[ring]++;
}

static void start(void)
{
    const uint64_t segment[2] = {RAM_BASE + 0x2000, 32}, context = RAM_BASE + 0x4400;
    memset(world.at, 0, sizeof world.at);
    bus_dma_write(&world.bus, RAM_BASE + 0x3000, segment, sizeof segment);
    bus_dma_write(&world.bus, RAM_BASE + 0x4008, &context, sizeof context);
    set(0x40, 4, 2);
    set(0x78, 4, 8);
    set(0x70, 8, RAM_BASE + 0x4000);
    set(0x58, 8, RAM_BASE + 0x1001);
    set(0x1028, 4, 1);
    set(0x1038, 8, RAM_BASE + 0x2000);
    set(0x1030, 8, RAM_BASE + 0x3000);
    set(0x1020, 4, 2);
    set(0x40, 4, 5);
}

static void events_read(void)
{
    set(0x1038, 8, RAM_BASE + 0x2000 + 16 * (world.xhci->event_index % 32) + 8);
}

static void make_device(void)
{
    uint32_t words[48] = {0, 3 | 8};
    words[8] = 1u << 27;
    words[9] = 1 << 16;
    words[17] = 4 << 3 | 64 << 16;
    words[18] = (uint32_t)RAM_BASE + 0x6001;
    words[33] = 7 << 3 | 8 << 16;
    words[34] = (uint32_t)RAM_BASE + 0x7001;
    bus_dma_write(&world.bus, RAM_BASE + 0x5000, words, sizeof words);
    set(0x440, 4, 1 << 4 | 1 << 9);
    put(0, 0, 0, 9 << 10 | 1);
    put(0, RAM_BASE + 0x5000, 0, 1 << 24 | 11 << 10 | 1);
    set(0x2000, 4, 0);
    words[1] = 1 | 8;
    bus_dma_write(&world.bus, RAM_BASE + 0x5000, words, sizeof words);
    put(0, RAM_BASE + 0x5000, 0, 1 << 24 | 12 << 10 | 1);
    set(0x2000, 4, 0);
    put(1, 0x0001000900, 8, 2 << 10 | 1 << 6 | 1); /* SET_CONFIGURATION */
    put(1, 0, 0, 4 << 10 | 1);
    set(0x2004, 4, 1);
    events_read();
}

static void control(struct feed *feed)
{
    static const uint16_t requests[] = {0x0680, 0x0681, 0x0900, 0x0921, 0x01a1, 0x0880, 0x0a21, 0x0b21, 0x0102, 0x0302};
    uint64_t setup = requests[take(feed, 1) % 10] | take(feed, 1) << 16 | take(feed, 1) % 48 << 24 |
                     take(feed, 1) << 32 | take(feed, 2) % 512 << 48;
    put(1, setup, 8, 2 << 10 | 1 << 6 | 1);
    if (setup >> 48)
        put(1, RAM_BASE + 0x8000 + take(feed, 2), (uint32_t)take(feed, 2) % 512, 3 << 10 | 1 << 5 | 1 << 2 | 1);
    put(1, 0, 0, 4 << 10 | 1 << 5 | 1);
    set(0x2004, 4, 1);
}

static void keys(struct feed *feed)
{
    struct input_event_record events[3] = {{(uint16_t)(take(feed, 1) % 4)}, {EVENT_KEY}};
    events[0].code = (uint16_t)take(feed, 2);
    events[0].value = (uint32_t)take(feed, 2);
    events[1].code = (uint16_t)(take(feed, 1) % 128);
    events[1].value = (uint32_t)take(feed, 1) % 2;
    unsigned device = (unsigned)take(feed, 1) % 2;
    input_post(world.inputs, world.xhci->devices[device].source, events, sizeof events - take(feed, 1) % 9);
    inputs_deliver(world.inputs, (struct input_stamp){0, 0});
}

static void act(struct feed *feed)
{
    unsigned action = (unsigned)take(feed, 1), size = 1u << (action >> 4 & 3), ring;
    uint64_t offset = take(feed, 2) % 0x4000 & -(uint64_t)size, value;
    switch (action % 10) {
    case 0: control(feed); break;
    case 1: keys(feed); break;
    case 2: /* a command that is nearly right */
        put(0, RAM_BASE + 0x5000 + (action & 0x80 ? take(feed, 2) : 0), 0,
            (uint32_t)(9 + take(feed, 1) % 16) << 10 | (uint32_t)(take(feed, 1) % 4) << 24 |
                (uint32_t)(take(feed, 1) % 5) << 16 | (uint32_t)(take(feed, 1) % 2) << 9 | 1);
        set(0x2000, 4, 0);
        break;
    case 3: /* a block of any kind */
        ring = (unsigned)take(feed, 1) % 3;
        put(ring, RAM_BASE + take(feed, 2), (uint32_t)take(feed, 3),
            (uint32_t)take(feed, 1) % 32 << 10 | (uint32_t)take(feed, 1) | 1);
        set(ring ? 0x2004 : 0x2000, 4, ring == 0 ? 0 : 2 * ring - 1);
        break;
    case 4:
        put(2, RAM_BASE + 0x8000 + take(feed, 1), (uint32_t)take(feed, 1) % 16,
            1 << 10 | (uint32_t)take(feed, 1) % 64 | 1);
        set(0x2004, 4, 3);
        break;
    case 5: events_read(); break;
    case 6: set(offset, size, take(feed, size)); break;
    case 7: set(0x40 + offset % 0x90, size, take(feed, size)); break;
    case 8:
        value = take(feed, 4);
        bus_dma_write(&world.bus, RAM_BASE + take(feed, 2), &value, 4);
        break;
    default:
        if (action & 0x80) {
            start();
            make_device();
        } else if (action & 0x40) {
            pci_ecam_mmio.write(world.host, 0x8000 + (offset & 0xff), size, take(feed, size));
        } else {
            pci_bar_access(&world.xhci->function, 0, offset, size, &value, false);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct feed feed = {data, data + size};
    struct error error;
    memset(&world, 0, sizeof world);
    check(bus_init(&world.bus, RAM_BASE, RAM_BYTES, NULL), "no RAM");
    world.inputs = inputs_create(&error);
    check(world.inputs != NULL, "no host memory");
    world.host = pci_host_create(&(struct pci_host_config){.message = on_message});
    world.xhci = xhci_create(&world.bus, world.inputs);
    pci_host_add(world.host, &world.xhci->function, &(unsigned){0});
    xhci_class.reset(world.xhci);
    pci_ecam_mmio.write(world.host, 0x8004, 2, 6);
    start();
    make_device();
    while (feed.at < feed.end)
        act(&feed);
    uint64_t before = fields_hash(xhci_class.state, world.xhci, FIELDS_HASH_SEED);
    xhci_class.restored(world.xhci);
    check(before == fields_hash(xhci_class.state, world.xhci, FIELDS_HASH_SEED), "a restore changed the state");
    world.xhci->slots[1].port ^= 0x81;
    world.xhci->slots[1].data_done += 0x12345;
    world.xhci->devices[0].first += 1000;
    world.xhci->event_index += 0x10000000;
    xhci_class.restored(world.xhci);
    set(0x2004, 4, 1);
    set(0x2004, 4, 3);
    xhci_class.free(world.xhci);
    pci_host_class.free(world.host);
    inputs_free(world.inputs);
    bus_free(&world.bus);
    return 0;
}
