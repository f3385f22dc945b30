/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzz target: PCI Express with a virtio device, the translation service and LPIs, all in a small RAM, under accesses
 * of any width. After it each device must come through a restore of its own state unchanged.
 *
 * An input is actions: a byte that says which window and width, an offset, a value; some set up what a good driver
 * does. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "peripherals/gicv3_its.h"
#include "peripherals/virtio/virtio_pci.h"
#include "peripherals/virtio/virtio_rng.h"
#include "tests/fuzz/feed.h"

#define RAM_BASE  0x40000000ull
#define RAM_BYTES 0x40000ull

enum { CPUS = 2, WINDOWS = 6 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    struct bus bus;
    struct gicv3 *gic;
    struct gicv3_its *its;
    struct pci_host *host;
    struct virtio_rng *rng;
    struct virtio_pci *pci;
    unsigned wires[CPUS][2];
} world;

static const struct {
    uint64_t base, size_bytes;
} windows[WINDOWS] = {
    {0x4010000000, 0x10000}, {0x10000000, 0x1000}, {0x8000000000, 0x4000},
    {0x08080000, 0x20000},   {0x080a0000, 0x100},  {RAM_BASE, RAM_BYTES},
};

static void cpu_wire(void *receiver, unsigned number, bool level)
{
    world.wires[number / 2][number % 2] = level;
}

static void on_message(void *context, uint32_t requester, uint64_t address, uint32_t data)
{
    if (address & 1 << 6)
        gicv3_its_message(world.its, requester, data);
    else
        bus_dma_write(&world.bus, address, &data, sizeof data);
}

static void set(uint64_t address, unsigned size, uint64_t value)
{
    bus_mmio_write(&world.bus, address, size, value);
}

/* The service as a driver sets it up: tables and queue in RAM, one event of one device. */
static void set_up_service(void)
{
    const uint64_t commands[] = {0x08 | 8ull << 32, 4, 1ull << 63 | (RAM_BASE + 0x5000), 0, 0x09, 0, 1ull << 63, 0,
                                 0x0a | 8ull << 32, 8192ull << 32, 0, 0};
    for (unsigned i = 0; i < CPUS; i++) {
        set(0x080a0000 + 0x20000 * i + 0x70, 8, RAM_BASE + 0x10000 + 13);
        set(0x080a0000 + 0x20000 * i + 0x78, 8, RAM_BASE + 0x20000 + 0x10000 * i);
        set(0x080a0000 + 0x20000 * i, 4, 1);
    }
    memcpy(world.bus.ram.host + 0x4000, commands, sizeof commands);
    set(0x08080100, 8, 1ull << 63 | (RAM_BASE + 0x6000));
    set(0x08080108, 8, 1ull << 63 | (RAM_BASE + 0x7000));
    set(0x08080080, 8, 1ull << 63 | (RAM_BASE + 0x4000));
    set(0x08080000, 4, 1);
    set(0x08080088, 8, sizeof commands);
}

static void set_up_device(void)
{
    const uint64_t at = 0x4010008000, bar = 0x8000000000;
    set(at + 0x14, 4, 0x10000000);
    set(at + 0x20, 8, bar);
    set(at + 4, 2, 6);
    set(bar + 0x14, 1, 0);
    set(bar + 0x14, 1, 3);
    set(bar + 0x08, 4, 1);
    set(bar + 0x0c, 4, 1);
    set(bar + 0x14, 1, 11);
    set(bar + 0x20, 8, RAM_BASE);
    set(bar + 0x28, 8, RAM_BASE + 0x1000);
    set(bar + 0x30, 8, RAM_BASE + 0x2000);
    set(bar + 0x1c, 2, 1);
    set(bar + 0x14, 1, 15);
}

static void act(struct feed *feed)
{
    unsigned action = (unsigned)take(feed, 1), size = 1u << (action >> 3 & 3), window = action & 7;
    if (window == 6) {
        if (action & 0x80)
            set_up_service();
        else
            set_up_device();
    } else if (window == 7) {
        enum icc_reg reg = (enum icc_reg)(take(feed, 1) % ICC_REG_COUNT);
        if (action & 0x80)
            gicv3_icc.write(world.gic, action >> 5 & 1, reg, take(feed, 4));
        else
            gicv3_icc.read(world.gic, action >> 5 & 1, reg);
    } else {
        uint64_t offset = take(feed, 3) % windows[window].size_bytes & -(uint64_t)size, value;
        if (action & 0x40 && window == 0)
            offset = 0x8000 | (offset & 0xff & -(uint64_t)size); /* the device */
        uint64_t address = windows[window].base + offset;
        if (window == 5)
            bus_dma_write(&world.bus, address, (value = take(feed, size), &value), size);
        else if (action & 0x80) {
            bus_mmio_read(&world.bus, address, size, &value);
            check(size == 8 || value >> 8 * size == 0, "a value wider than the access");
        } else {
            set(address, size, take(feed, size));
        }
    }
}

static void build(void)
{
    struct gicv3_cpu_config cpus[CPUS];
    struct pci_host_config config = {.message = on_message, .memory32_base = 0x10000000, .memory64_base = 0x8000000000};
    memset(&world, 0, sizeof world);
    check(bus_init(&world.bus, RAM_BASE, RAM_BYTES, NULL), "no RAM");
    for (unsigned i = 0; i < CPUS; i++)
        cpus[i] = (struct gicv3_cpu_config){i, {cpu_wire, NULL, 2 * i}, {cpu_wire, NULL, 2 * i + 1}};
    world.gic = gicv3_create(&(struct gicv3_config){cpus, CPUS, 32, &world.bus, true});
    world.its = gicv3_its_create(world.gic, &world.bus);
    for (unsigned i = 0; i < PCI_PINS; i++)
        config.pins[i] = gicv3_spi(world.gic, 3 + i);
    world.host = pci_host_create(&config);
    world.rng = virtio_rng_create(&world.bus, 1);
    world.pci = virtio_pci_create(&world.rng->virtio);
    pci_host_add(world.host, &world.pci->function, &(unsigned){0});
    bus_add_window(&world.bus, "ecam", 0x4010000000, PCI_ECAM_BUS_BYTES, &pci_ecam_mmio, world.host);
    bus_add_window(&world.bus, "memory32", 0x10000000, 0x10000, &pci_memory32_mmio, world.host);
    bus_add_window(&world.bus, "memory64", 0x8000000000, 0x10000, &pci_memory64_mmio, world.host);
    bus_add_window(&world.bus, "its", 0x08080000, GICV3_ITS_WINDOW_BYTES, &gicv3_its_mmio, world.its);
    bus_add_window(&world.bus, "redistributors", 0x080a0000, CPUS * GICV3_REDIST_WINDOW_BYTES, &gicv3_redist_mmio,
                   world.gic);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct feed feed = {data, data + size};
    build();
    const struct {
        const struct device_class *class;
        void *device;
    } devices[] = {{&gicv3_class, world.gic},
                   {&gicv3_its_class, world.its},
                   {&pci_host_class, world.host},
                   {&virtio_rng_class, world.rng},
                   {&virtio_pci_class, world.pci}};
    for (unsigned i = 0; i < 5; i++)
        devices[i].class->reset(devices[i].device);
    gicv3_dist_mmio.write(world.gic, 0, 4, 3);
    while (feed.at < feed.end)
        act(&feed);
    for (unsigned i = 0; i < 5; i++) {
        uint64_t before = fields_hash(devices[i].class->state, devices[i].device, FIELDS_HASH_SEED);
        devices[i].class->restored(devices[i].device);
        uint64_t after = fields_hash(devices[i].class->state, devices[i].device, FIELDS_HASH_SEED);
        check(before == after, "a restore changed the state");
    }
    for (unsigned i = 5; i-- > 0;)
        devices[i].class->free(devices[i].device);
    bus_free(&world.bus);
    return 0;
}
