/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PCI Express and its virtio transport: configuration space of any width, BARs, capabilities, INTx, MSI-X, a queue. */
#include "tests/unit/device_bench.h"
#include "peripherals/virtio/virtio_pci.h"
#include "peripherals/virtio/virtio_rng.h"

#define RAM      0x40000000ull
#define ECAM     0x4010000000ull
#define MEMORY32 0x10000000ull
#define MEMORY64 0x8000000000ull
#define BAR1     (MEMORY32 + 0x1000)
#define BAR4     (MEMORY64 + 0x4000)
#define SLOT(n)  (ECAM + 0x8000 * (n))

static struct bus bus;
static struct pci_host *host;
static struct virtio_rng *rng;
static struct virtio_pci *pci;
static struct probe_wire pins[PCI_PINS];
static struct {
    uint32_t requester, data;
    uint64_t address;
    unsigned count;
} sent;

static void on_message(void *context, uint32_t requester, uint64_t address, uint32_t data)
{
    sent.requester = requester;
    sent.address = address;
    sent.data = data;
    sent.count++;
}

static uint64_t get(uint64_t address, unsigned size)
{
    uint64_t value;
    assert_true(bus_mmio_read(&bus, address, size, &value));
    return value;
}

static void set(uint64_t address, unsigned size, uint64_t value)
{
    assert_true(bus_mmio_write(&bus, address, size, value));
}

static int set_up(void **state)
{
    struct pci_host_config config = {
        .message = on_message, .memory32_base = MEMORY32, .memory64_base = MEMORY64};
    memset(&sent, 0, sizeof sent);
    memset(pins, 0, sizeof pins);
    for (unsigned i = 0; i < PCI_PINS; i++)
        config.pins[i] = probe_line(&pins[i]);
    assert_true(bus_init(&bus, RAM, 0x10000, NULL));
    host = pci_host_create(&config);
    rng = virtio_rng_create(&bus, 1);
    pci = virtio_pci_create(&rng->virtio);
    unsigned slot;
    assert_true(pci_host_add(host, &pci->function, &slot));
    assert_int_equal(slot, 1);
    bus_add_window(&bus, "ecam", ECAM, 256 * PCI_ECAM_BUS_BYTES, &pci_ecam_mmio, host);
    bus_add_window(&bus, "memory32", MEMORY32, 0x100000, &pci_memory32_mmio, host);
    bus_add_window(&bus, "memory64", MEMORY64, 0x100000, &pci_memory64_mmio, host);
    pci_host_class.reset(host);
    virtio_rng_class.reset(rng);
    virtio_pci_class.reset(pci);
    set(SLOT(1) + 0x14, 4, BAR1);
    set(SLOT(1) + 0x20, 4, (uint32_t)BAR4);
    set(SLOT(1) + 0x24, 4, BAR4 >> 32);
    set(SLOT(1) + 4, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    return 0;
}

static int tear_down(void **state)
{
    virtio_pci_class.free(pci);
    virtio_rng_class.free(rng);
    pci_host_class.free(host);
    bus_free(&bus);
    return 0;
}

/* The offset of a capability; for a virtio one also its type. 0: there is none. */
static unsigned find(unsigned id, unsigned type)
{
    for (unsigned at = (unsigned)get(SLOT(1) + 0x34, 1); at; at = (unsigned)get(SLOT(1) + at + 1, 1))
        if (get(SLOT(1) + at, 1) == id && (id != 9 || get(SLOT(1) + at + 3, 1) == type))
            return at;
    return 0;
}

static void configuration_space(void **state)
{
    assert_int_equal(get(SLOT(0), 4), 0x00081b36);
    assert_int_equal(get(SLOT(1), 8), 0x0010000610441af4);
    assert_int_equal(get(SLOT(1) + 2, 2), 0x1044);
    assert_int_equal(get(SLOT(1) + 3, 1), 0x10);
    assert_int_equal(get(SLOT(2), 4), 0xffffffff);            /* nobody there */
    assert_int_equal(get(SLOT(1) + 0x1000, 2), 0xffff);       /* another function */
    assert_int_equal(get(ECAM + PCI_ECAM_BUS_BYTES, 4), 0xffffffff); /* another bus */
    assert_int_equal(get(SLOT(1) + 0x100, 4), 0);             /* no extended capabilities */
    set(SLOT(1), 8, ~0ull);
    assert_int_equal(get(SLOT(1), 8), 0x0010040610441af4);    /* memory, master, no INTx: nothing else */
    set(SLOT(1) + 0x3c, 1, 0x5a);
    assert_int_equal(get(SLOT(1) + 0x3c, 2), 0x015a);
}

static void sizes_of_bars(void **state)
{
    set(SLOT(1) + 4, 2, 0);
    for (unsigned at = 0x10; at < 0x28; at += 4)
        set(SLOT(1) + at, 4, 0xffffffff);
    assert_int_equal(get(SLOT(1) + 0x10, 4), 0);
    assert_int_equal(get(SLOT(1) + 0x14, 4), 0xfffff000);
    assert_int_equal(get(SLOT(1) + 0x20, 8), 0xffffffffffffc004);
    assert_int_equal(get(BAR4 + 0x12, 2), 0xffff); /* memory is off */
}

static void capabilities(void **state)
{
    assert_int_not_equal(find(0x10, 0), 0);
    for (unsigned type = 1; type <= 5; type++)
        if (type != 4) /* this device has no configuration of its own */
            assert_int_not_equal(find(9, type), 0);
    assert_int_equal(find(9, 4), 0);
    assert_int_equal(get(SLOT(1) + find(0x11, 0) + 2, 2), 1); /* two vectors */
    assert_int_equal(get(SLOT(1) + find(0x11, 0) + 4, 4), 1); /* behind BAR 1 */
}

static void access_by_configuration(void **state)
{
    unsigned at = find(9, 5);
    set(SLOT(1) + at + 4, 1, 4);
    set(SLOT(1) + at + 8, 4, 0x12);
    set(SLOT(1) + at + 12, 4, 2);
    assert_int_equal(get(SLOT(1) + at + 16, 2), 1); /* the number of queues */
    set(SLOT(1) + at + 8, 4, 0x14);
    set(SLOT(1) + at + 12, 4, 1);
    set(SLOT(1) + at + 16, 1, 3);
    assert_int_equal(get(BAR4 + 0x14, 1), 3);
    set(SLOT(1) + at + 12, 4, 3); /* no width */
    set(SLOT(1) + at + 8, 4, 0xfffffffe);
    set(SLOT(1) + at + 16, 4, 0);
    set(SLOT(1) + at + 4, 1, 77); /* no BAR */
    set(SLOT(1) + at + 12, 4, 4);
    (void)get(SLOT(1) + at + 16, 4);
    assert_int_equal(get(BAR4 + 0x14, 1), 3);
}

/* Starts the device as a driver does, its queue in the first pages of RAM, a buffer of 64 bytes offered. */
static void start(void)
{
    set(BAR4 + 0x14, 1, 0);
    set(BAR4 + 0x14, 1, 3);
    set(BAR4 + 0x08, 4, 1);
    set(BAR4 + 0x0c, 4, 1); /* VIRTIO_F_VERSION_1 */
    set(BAR4 + 0x14, 1, 11);
    assert_int_equal(get(BAR4 + 0x14, 1), 11);
    set(BAR4 + 0x16, 2, 0);
    set(BAR4 + 0x18, 2, 8);
    set(BAR4 + 0x20, 8, RAM);
    set(BAR4 + 0x28, 8, RAM + 0x1000);
    set(BAR4 + 0x30, 8, RAM + 0x2000);
    set(BAR4 + 0x1c, 2, 1);
    set(BAR4 + 0x14, 1, 15);
}

static void offer(uint16_t index)
{
    struct {
        uint64_t address;
        uint32_t length;
        uint16_t flags, next;
    } descriptor = {RAM + 0x3000, 64, 2, 0};
    uint16_t available[3] = {0, index, 0};
    memcpy(bus.ram.host, &descriptor, sizeof descriptor);
    memcpy(bus.ram.host + 0x1000, available, sizeof available);
    set(BAR4 + 0x3000, 2, 0);
}

static unsigned used(void)
{
    uint16_t index;
    memcpy(&index, bus.ram.host + 0x2002, sizeof index);
    return index;
}

static void by_intx(void **state)
{
    start();
    offer(1);
    assert_int_equal(used(), 1);
    assert_true(pins[1].level);
    assert_int_equal(get(SLOT(1) + 6, 2), 0x18);
    set(SLOT(1) + 4, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_NO_INTX);
    assert_false(pins[1].level);
    set(SLOT(1) + 4, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    assert_true(pins[1].level);
    assert_int_equal(get(BAR4 + 0x1000, 1), 1);
    assert_int_equal(get(BAR4 + 0x1000, 1), 0);
    assert_false(pins[1].level);
    assert_int_equal(sent.count, 0);
}

static void by_msix(void **state)
{
    unsigned at = find(0x11, 0);
    set(SLOT(1) + at + 2, 2, 0x8000);
    set(BAR1, 8, 0x08090040);
    set(BAR1 + 8, 4, 77);
    start();
    set(BAR4 + 0x1a, 2, 2); /* no such vector */
    assert_int_equal(get(BAR4 + 0x1a, 2), 0xffff);
    set(BAR4 + 0x1a, 2, 0);
    assert_int_equal(get(BAR4 + 0x1a, 2), 0);
    offer(1);
    assert_int_equal(sent.count, 0); /* masked: pending */
    assert_int_equal(get(BAR1 + 0x800, 8), 1);
    set(SLOT(1) + at + 2, 2, 0xc000); /* all masked */
    set(BAR1 + 12, 4, 0);
    assert_int_equal(sent.count, 0);
    set(SLOT(1) + at + 2, 2, 0x8000);
    assert_int_equal(sent.count, 1);
    assert_int_equal(sent.requester, 8);
    assert_int_equal(sent.address, 0x08090040);
    assert_int_equal(sent.data, 77);
    assert_int_equal(get(BAR1 + 0x800, 8), 0);
    offer(2);
    assert_int_equal(sent.count, 2);
    assert_false(pins[1].level);
    assert_int_equal(get(BAR4 + 0x1000, 1), 0);
}

static void no_master_no_access(void **state)
{
    start();
    set(SLOT(1) + 4, 2, PCI_COMMAND_MEMORY);
    offer(1);
    assert_int_equal(used(), 0);
    set(SLOT(1) + 4, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    assert_int_equal(used(), 1);
}

static void saved_state(void **state)
{
    start();
    offer(1);
    uint64_t before = fields_hash(virtio_pci_class.state, pci, FIELDS_HASH_SEED);
    virtio_pci_class.restored(pci);
    assert_int_equal(before, fields_hash(virtio_pci_class.state, pci, FIELDS_HASH_SEED));
    assert_true(pins[1].level);
    memset(pci->function.config, 0xff, sizeof pci->function.config); /* a file that lies */
    pci->config_vector = 9;
    virtio_pci_class.restored(pci);
    assert_int_equal(get(SLOT(1), 4), 0x10441af4);
    assert_int_equal(pci->config_vector, 0xffff);
    virtio_pci_class.reset(pci);
    assert_int_equal(get(SLOT(1) + 4, 2), 0);
    assert_false(pins[1].level);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(configuration_space, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sizes_of_bars, set_up, tear_down),
        cmocka_unit_test_setup_teardown(capabilities, set_up, tear_down),
        cmocka_unit_test_setup_teardown(access_by_configuration, set_up, tear_down),
        cmocka_unit_test_setup_teardown(by_intx, set_up, tear_down),
        cmocka_unit_test_setup_teardown(by_msix, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_master_no_access, set_up, tear_down),
        cmocka_unit_test_setup_teardown(saved_state, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
