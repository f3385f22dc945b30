/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The NVMe controller: registers, queues, PRP and SGL, every command and its errors, events, both kinds of
 * interrupts. */
#include "tests/unit/device_bench.h"
#include "peripherals/nvme.h"
#include <stdlib.h>

#define RAM      0x40000000ull
#define RAM_SIZE 0x200000ull
#define ASQ      (RAM + 0x1000)
#define ACQ      (RAM + 0x2000)
#define ISQ      (RAM + 0x3000)
#define ICQ      (RAM + 0x4000)
#define DATA     (RAM + 0x10000)
#define LISTS    (RAM + 0x8000)
#define SIZE     16u
#define SECTORS  8192ull

enum { CC = 0x14, CSTS = 0x1c, AQA = 0x24, DOORBELLS = 0x1000 };

static struct bus bus;
static struct clock ticks;
static struct pci_host *host;
static struct nvme *nvme;
static struct disk *disk;
static struct probe_wire pins[PCI_PINS];
static unsigned messages;
static uint32_t tails[2], heads[2], phases[2];

struct command {
    uint8_t opcode, flags;
    uint16_t id;
    uint32_t nsid;
    uint64_t unused, metadata, prp1, prp2;
    uint32_t dword10, dword11, dword12, dword13, dword14, dword15;
};

static void on_message(void *context, uint32_t requester, uint64_t address, uint32_t data)
{
    messages++;
}

static uint64_t get(uint64_t offset, unsigned size)
{
    uint64_t value;
    assert_true(pci_bar_access(&nvme->function, 0, offset, size, &value, false));
    return value;
}

static void set(uint64_t offset, unsigned size, uint64_t value)
{
    assert_true(pci_bar_access(&nvme->function, 0, offset, size, &value, true));
}

static void *ram(uint64_t address)
{
    return bus.ram.host + (address - RAM);
}

static void config(unsigned offset, unsigned size, uint64_t value)
{
    pci_ecam_mmio.write(host, 0x8000 + offset, size, value);
}

static void enable(void)
{
    set(AQA, 4, (SIZE - 1) << 16 | (SIZE - 1));
    set(0x28, 8, ASQ);
    set(0x30, 8, ACQ);
    set(CC, 4, 0x00460001);
    assert_int_equal(get(CSTS, 4), 1);
    memset(tails, 0, sizeof tails);
    memset(heads, 0, sizeof heads);
    phases[0] = phases[1] = 1;
}

static int set_up(void **state)
{
    struct pci_host_config how = {.message = on_message};
    memset(pins, 0, sizeof pins);
    messages = 0;
    for (unsigned i = 0; i < PCI_PINS; i++)
        how.pins[i] = probe_line(&pins[i]);
    assert_true(bus_init(&bus, RAM, RAM_SIZE, NULL));
    clock_init(&ticks);
    host = pci_host_create(&how);
    disk = disk_memory_create(SECTORS * 512, *state != NULL);
    nvme = nvme_create(&bus, &ticks, disk, "disk7");
    assert_true(pci_host_add(host, &nvme->function, &(unsigned){0}));
    nvme_class.reset(nvme);
    config(4, 2, 6);
    enable();
    return 0;
}

static int set_up_read_only(void **state)
{
    *state = &bus;
    return set_up(state);
}

static int tear_down(void **state)
{
    nvme_class.free(nvme);
    pci_host_class.free(host);
    clock_free(&ticks);
    bus_free(&bus);
    return 0;
}

static void pass(void)
{
    uint64_t next;
    while ((next = clock_next_ns(&ticks)) != CLOCK_NEVER) {
        ticks.now_ns = next > ticks.now_ns ? next : ticks.now_ns;
        clock_fire_due(&ticks);
    }
}

static void submit(unsigned queue, struct command command)
{
    memcpy(ram((queue ? ISQ : ASQ) + 64 * tails[queue]), &command, sizeof command);
    tails[queue] = (tails[queue] + 1) % SIZE;
    set(DOORBELLS + 8 * queue, 4, tails[queue]);
}

/* The next completion: its status, with "do not retry" away; -1: there is none. */
static int reap(unsigned queue, uint16_t *id, uint32_t *result)
{
    uint32_t *entry = ram((queue ? ICQ : ACQ) + 16 * heads[queue]);
    if ((entry[3] >> 16 & 1) != phases[queue])
        return -1;
    *id = (uint16_t)entry[3];
    *result = entry[0];
    heads[queue] = (heads[queue] + 1) % SIZE;
    phases[queue] ^= heads[queue] == 0;
    set(DOORBELLS + 8 * queue + 4, 4, heads[queue]);
    return entry[3] >> 17 & 0x3fff;
}

static uint32_t result;

static int run(unsigned queue, struct command command)
{
    static uint16_t next;
    uint16_t id;
    command.id = ++next;
    submit(queue, command);
    pass();
    int status = reap(queue, &id, &result);
    if (status >= 0)
        assert_int_equal(id, command.id);
    return status;
}

static void make_queues(void)
{
    assert_int_equal(
        run(0, (struct command){.opcode = 5, .prp1 = ICQ, .dword10 = (SIZE - 1) << 16 | 1, .dword11 = 3}), 0);
    assert_int_equal(
        run(0, (struct command){.opcode = 1, .prp1 = ISQ, .dword10 = (SIZE - 1) << 16 | 1, .dword11 = 1 << 16 | 1}), 0);
}

static int io(uint8_t opcode, uint64_t block, uint32_t count, uint64_t prp1, uint64_t prp2)
{
    return run(1, (struct command){.opcode = opcode, .nsid = 1, .prp1 = prp1, .prp2 = prp2, .dword10 = (uint32_t)block,
                                   .dword11 = (uint32_t)(block >> 32), .dword12 = count - 1});
}

static void registers(void **state)
{
    assert_int_equal(get(0, 4) & 0xffff, NVME_QUEUE_SIZE_MAX - 1);
    assert_int_equal(get(8, 4), 0x00010400);
    assert_int_equal(get(0x28, 8), ASQ);
    set(0x28, 8, 0); /* not while it is enabled */
    assert_int_equal(get(0x28, 8), ASQ);
    set(0x0c, 4, 5);
    set(0x10, 4, 1);
    assert_int_equal(get(0x0c, 4), 4);
    set(CC, 4, 0x0046c001); /* shut down */
    assert_int_equal(get(CSTS, 4), 9);
    set(CC, 4, 0x00460000);
    assert_int_equal(get(CSTS, 4), 0);
    static const uint32_t bad[] = {0x004600f1 & ~0x70u, 0x00460011, 0x00460801, 0x00460381 | 0x400};
    set(AQA, 4, 0);
    set(CC, 4, 1); /* queues of one entry */
    assert_int_equal(get(CSTS, 4), 2);
    set(CC, 4, 0);
    set(AQA, 4, 0x000f000f);
    for (unsigned i = 1; i < sizeof bad / sizeof *bad; i++) {
        set(CC, 4, bad[i]);
        assert_int_equal(get(CSTS, 4), 2);
        set(CC, 4, 0);
    }
}

static void identify(void **state)
{
    uint8_t *page = ram(DATA);
    assert_int_equal(run(0, (struct command){.opcode = 6, .prp1 = DATA, .dword10 = 1}), 0);
    assert_memory_equal(page + 4, "disk7               ", 20);
    assert_int_equal(page[77], 7);
    assert_int_equal(run(0, (struct command){.opcode = 6, .nsid = 1, .prp1 = DATA}), 0);
    assert_int_equal(*(uint64_t *)page, SECTORS);
    assert_int_equal(page[128 + 2], 9);
    assert_int_equal(run(0, (struct command){.opcode = 6, .prp1 = DATA, .dword10 = 2}), 0);
    assert_int_equal(*(uint64_t *)page, 1);
    assert_int_equal(run(0, (struct command){.opcode = 6, .nsid = 1, .prp1 = DATA, .dword10 = 3}), 0);
    assert_int_equal(run(0, (struct command){.opcode = 6, .nsid = 2, .prp1 = DATA}), 0x0b);
    assert_int_equal(run(0, (struct command){.opcode = 6, .nsid = 1, .prp1 = DATA, .dword10 = 0x55}), 0x02);
    assert_int_equal(run(0, (struct command){.opcode = 6, .prp1 = DATA + 2, .dword10 = 1}), 0x13);
    assert_int_equal(run(0, (struct command){.opcode = 6, .prp1 = RAM + RAM_SIZE, .dword10 = 1}), 0x04);
    assert_int_equal(run(0, (struct command){.opcode = 6, .flags = 0x40, .prp1 = DATA, .dword10 = 1}), 0x02);
    assert_int_equal(run(0, (struct command){.opcode = 0x7f}), 0x01);
}

static void queues(void **state)
{
    struct command completion = {.opcode = 5, .prp1 = ICQ, .dword10 = (SIZE - 1) << 16 | 1, .dword11 = 3},
                   submission = {.opcode = 1, .prp1 = ISQ, .dword10 = (SIZE - 1) << 16 | 1, .dword11 = 1 << 16 | 1},
                   bad;
    assert_int_equal(run(0, submission), 0x100); /* its completion queue is not there */
    bad = completion, bad.dword10 = (SIZE - 1) << 16;
    assert_int_equal(run(0, bad), 0x101);
    bad.dword10 = (SIZE - 1) << 16 | NVME_QUEUES;
    assert_int_equal(run(0, bad), 0x101);
    bad.dword10 = 1;
    assert_int_equal(run(0, bad), 0x102);
    bad.dword10 = 0xffff0001;
    assert_int_equal(run(0, bad), 0x102);
    bad = completion, bad.dword11 = 5 << 16 | 3; /* without MSI-X there is one vector */
    assert_int_equal(run(0, bad), 0x108);
    bad = completion, bad.prp1 += 4;
    assert_int_equal(run(0, bad), 0x02);
    make_queues();
    assert_int_equal(run(0, completion), 0x101); /* there already */
    assert_int_equal(run(0, submission), 0x101);
    assert_int_equal(run(0, (struct command){.opcode = 4, .dword10 = 1}), 0x10c); /* in use */
    assert_int_equal(run(0, (struct command){.opcode = 0, .dword10 = 1}), 0);
    assert_int_equal(run(0, (struct command){.opcode = 4, .dword10 = 1}), 0);
    assert_int_equal(run(0, (struct command){.opcode = 0, .dword10 = 1}), 0x101);
}

/* 40 blocks over pages by PRPs: one entry, two, a list, a list that goes on in another page. */
static void prps(void **state)
{
    make_queues();
    uint8_t *data = ram(DATA);
    for (unsigned i = 0; i < 0x100000; i++)
        data[i] = (uint8_t)(i * 7 + i / 512);
    assert_int_equal(io(1, 8, 8, DATA, 0), 0);
    assert_int_equal(io(1, 16, 16, DATA + 4096, DATA + 8192), 0);
    uint64_t *list = ram(LISTS);
    for (unsigned i = 0; i < 8; i++)
        list[i] = DATA + (i + 4) * 4096ull;
    assert_int_equal(io(1, 32, 40, DATA + 3 * 4096, LISTS), 0);
    memset(data, 0, 0x100000);
    assert_int_equal(io(2, 8, 64, DATA + 512, LISTS), 0); /* begins within a page, so ends within one */
    for (unsigned i = 0; i < 4096 - 512; i++)
        assert_int_equal(data[512 + i], (uint8_t)(i * 7 + i / 512));
    /* A list of 8 KiB pages' worth of entries: the last entry of its page leads on. */
    uint64_t *end = ram(LISTS + 4096 - 16), *more = ram(LISTS + 0x1000);
    end[0] = DATA;
    end[1] = LISTS + 0x1000;
    more[0] = DATA + 8192;
    assert_int_equal(io(2, 8, 32, DATA + 4096, LISTS + 4096 - 16), 0x04); /* which holds one only */
    more[1] = DATA + 0x3000;
    assert_int_equal(io(2, 8, 32, DATA + 4096, LISTS + 4096 - 16), 0);
    assert_int_equal(data[0], (uint8_t)(4096 * 7 + 8));
    more[0] = DATA + 8192 + 8;
    assert_int_equal(io(2, 8, 32, DATA + 4096, LISTS + 4096 - 16), 0x13);
    assert_int_equal(io(2, 8, 16, DATA, DATA + 4), 0x13);
    assert_int_equal(io(2, 8, 16, DATA, RAM + RAM_SIZE), 0x04);
    end[1] = LISTS + 4096 - 8; /* itself */
    assert_int_equal(io(2, 8, 32, DATA + 4096, LISTS + 4096 - 16), 0x13);
}

struct sgl {
    uint64_t address;
    uint32_t length, type;
};

static int sgl_io(uint8_t opcode, struct sgl first, uint32_t count)
{
    struct command command = {.opcode = opcode, .flags = 0x40, .nsid = 1, .dword12 = count - 1};
    memcpy(&command.prp1, &first, sizeof first);
    return run(1, command);
}

static void sgls(void **state)
{
    enum { DATA_BLOCK = 0, BUCKET = 0x10u << 24, SEGMENT = 0x20u << 24, LAST = 0x30u << 24 };
    make_queues();
    struct sgl *list = ram(LISTS), *more = ram(LISTS + 0x100);
    memset(ram(DATA), 0x5a, 1024);
    assert_int_equal(sgl_io(1, (struct sgl){DATA, 1024, DATA_BLOCK}, 2), 0);
    list[0] = (struct sgl){DATA + 0x1000, 100, DATA_BLOCK};
    list[1] = (struct sgl){LISTS + 0x100, 32, LAST};
    more[0] = (struct sgl){DATA + 0x2000, 24, DATA_BLOCK};
    more[1] = (struct sgl){DATA + 0x3001, 900, DATA_BLOCK};
    assert_int_equal(sgl_io(2, (struct sgl){LISTS, 32, SEGMENT}, 2), 0);
    assert_int_equal(*(uint8_t *)ram(DATA + 0x1000 + 99), 0x5a);
    assert_int_equal(*(uint8_t *)ram(DATA + 0x1000 + 100), 0);
    assert_int_equal(*(uint8_t *)ram(DATA + 0x3001 + 899), 0x5a);
    assert_int_equal(sgl_io(2, (struct sgl){DATA, 1023, DATA_BLOCK}, 2), 0x0f);
    assert_int_equal(sgl_io(2, (struct sgl){DATA, 1024, BUCKET}, 2), 0x11);
    assert_int_equal(sgl_io(2, (struct sgl){LISTS, 33, LAST}, 2), 0x0d);
    assert_int_equal(sgl_io(2, (struct sgl){LISTS, 32, LAST}, 2), 0x0d); /* the last leads on */
    list[1] = (struct sgl){LISTS, 32, SEGMENT}; /* for ever */
    list[0].length = 0;
    assert_int_equal(sgl_io(2, (struct sgl){LISTS, 32, SEGMENT}, 2), 0x0d);
    assert_int_equal(sgl_io(2, (struct sgl){RAM + RAM_SIZE - 8, 1024, DATA_BLOCK}, 2), 0x04);
}

static void commands(void **state)
{
    make_queues();
    uint8_t *data = ram(DATA);
    memset(data, 0x11, 512);
    assert_int_equal(io(1, 3, 1, DATA, 0), 0);
    assert_int_equal(io(5, 3, 1, DATA, 0), 0);
    data[511] = 0;
    assert_int_equal(io(5, 3, 1, DATA, 0), 0x285);
    assert_int_equal(io(0, 0, 1, 0, 0), 0);
    assert_int_equal(io(8, 3, 1, 0, 0), 0);
    assert_int_equal(io(2, 3, 1, DATA, 0), 0);
    assert_int_equal(data[0], 0);
    assert_int_equal(io(2, SECTORS, 1, DATA, 0), 0x80);
    assert_int_equal(io(2, SECTORS - 1, 2, DATA, 0), 0x80);
    assert_int_equal(io(2, ~0ull, 1, DATA, 0), 0x80);
    assert_int_equal(io(2, 0, 1025, DATA, 0), 0x02); /* more than it says it transfers */
    assert_int_equal(io(0x7f, 0, 1, DATA, 0), 0x01);
    assert_int_equal(run(1, (struct command){.opcode = 2, .nsid = 2, .prp1 = DATA}), 0x0b);
    assert_int_equal(run(1, (struct command){.opcode = 2, .flags = 1, .nsid = 1, .prp1 = DATA}), 0x02);
    memset(data, 0x11, 512);
    assert_int_equal(io(1, 5, 1, DATA, 0), 0);
    memset(data, 0, 32);
    *(uint32_t *)(data + 4) = 1;
    *(uint64_t *)(data + 8) = 5;
    *(uint32_t *)(data + 20) = 9;
    *(uint64_t *)(data + 24) = SECTORS - 8;
    struct command trim = {.opcode = 9, .nsid = 1, .prp1 = DATA, .dword10 = 1, .dword11 = 4};
    assert_int_equal(run(1, trim), 0x80); /* the second is outside: nothing is done */
    assert_int_equal(io(2, 5, 1, DATA + 4096, 0), 0);
    assert_int_equal(data[4096], 0x11);
    trim.dword10 = 0;
    assert_int_equal(run(1, trim), 0);
    assert_int_equal(io(2, 5, 1, DATA + 4096, 0), 0);
    assert_int_equal(data[4096], 0);
}

static void read_only(void **state)
{
    make_queues();
    assert_int_equal(run(0, (struct command){.opcode = 6, .nsid = 1, .prp1 = DATA}), 0);
    assert_int_equal(((uint8_t *)ram(DATA))[99], 1);
    assert_int_equal(io(1, 0, 1, DATA, 0), 0x20);
    assert_int_equal(io(8, 0, 1, DATA, 0), 0x20);
    assert_int_equal(io(9, 0, 1, DATA, 0), 0x20);
    assert_int_equal(io(2, 0, 1, DATA, 0), 0);
}

static void features_and_logs(void **state)
{
    assert_int_equal(run(0, (struct command){.opcode = 9, .dword10 = 7, .dword11 = 0x00030003}), 0);
    assert_int_equal(result, 15 << 16 | 15);
    assert_int_equal(run(0, (struct command){.opcode = 10, .dword10 = 6}), 0);
    assert_int_equal(result, 1);
    assert_int_equal(run(0, (struct command){.opcode = 9, .dword10 = 6}), 0);
    assert_int_equal(run(0, (struct command){.opcode = 10, .dword10 = 6}), 0);
    assert_int_equal(result, 0);
    assert_int_equal(run(0, (struct command){.opcode = 10, .dword10 = 0x106}), 0); /* at first */
    assert_int_equal(result, 1);
    assert_int_equal(run(0, (struct command){.opcode = 9, .dword10 = 1u << 31 | 6}), 0x10d);
    assert_int_equal(run(0, (struct command){.opcode = 9, .dword10 = 3}), 0x02);
    assert_int_equal(run(0, (struct command){.opcode = 9, .dword10 = 0x80}), 0x02);
    assert_int_equal(run(0, (struct command){.opcode = 2, .prp1 = DATA, .dword10 = 127 << 16 | 2}), 0);
    uint16_t kelvin;
    memcpy(&kelvin, (const uint8_t *)ram(DATA) + 1, sizeof kelvin);
    assert_int_equal(kelvin, 310);
    assert_int_equal(run(0, (struct command){.opcode = 2, .prp1 = DATA, .dword10 = 127 << 16 | 0x77}), 0x109);
    assert_int_equal(
        run(0, (struct command){.opcode = 2, .prp1 = DATA, .dword10 = 127 << 16 | 2, .dword12 = 513}), 0x02);
}

static void events(void **state)
{
    uint16_t id;
    for (uint16_t i = 0; i < NVME_EVENTS_MAX; i++)
        submit(0, (struct command){.opcode = 12, .id = (uint16_t)(0x100 + i)});
    pass();
    assert_int_equal(reap(0, &id, &result), -1); /* they wait */
    assert_int_equal(run(0, (struct command){.opcode = 12}), 0x105);
    set(DOORBELLS + 8 * 9, 4, 0); /* of a queue that there is not */
    assert_int_equal(reap(0, &id, &result), 0);
    assert_int_equal(result, 0x00010000);
    assert_in_range(id, 0x100, 0x103);
    set(DOORBELLS, 4, SIZE); /* outside of one that there is; it is told once, until the log is read */
    assert_int_equal(reap(0, &id, &result), -1);
    assert_int_equal(run(0, (struct command){.opcode = 2, .prp1 = DATA, .dword10 = 15 << 16 | 1}), 0);
    set(DOORBELLS, 4, SIZE);
    assert_int_equal(reap(0, &id, &result), 0);
    assert_int_equal(result, 0x00010100);
    struct command abort = {.opcode = 8, .id = 0x200, .dword10 = (0x100u + (id != 0x100 ? 0 : 1)) << 16};
    submit(0, abort);
    pass();
    assert_int_equal(reap(0, &id, &result), 7); /* the event request, then the abort */
    assert_int_equal(reap(0, &id, &result), 0);
    assert_int_equal(result, 0);
}

/* Requests wait for their time; one may be aborted, a queue deleted, and room in the completion queue waited for. */
static void requests_in_flight(void **state)
{
    uint16_t id;
    make_queues();
    struct command command = {.opcode = 2, .nsid = 1, .prp1 = DATA};
    for (uint16_t i = 0; i < 4; i++) {
        command.id = (uint16_t)(10 + i);
        submit(1, command);
    }
    assert_int_equal(reap(1, &id, &result), -1);
    assert_true(clock_next_ns(&ticks) > ticks.now_ns);
    submit(0, (struct command){.opcode = 8, .id = 1, .dword10 = 12 << 16 | 1});
    pass();
    uint16_t expected[] = {10, 11, 12, 13};
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(reap(1, &id, &result), 0);
        assert_int_equal(id, expected[i]);
    }
    assert_int_equal(reap(0, &id, &result), 0); /* it came too late */
    assert_int_equal(result, 1);
    /* Fifteen fill the completion queue while nobody reads it. */
    for (uint16_t i = 0; i < SIZE - 1; i++) {
        command.id = i;
        submit(1, command);
    }
    pass();
    command.id = 99;
    submit(1, command);
    pass();
    for (uint16_t i = 0; i < SIZE - 1; i++) {
        assert_int_equal(reap(1, &id, &result), 0);
        assert_int_equal(id, i);
        pass();
    }
    assert_int_equal(reap(1, &id, &result), 0);
    assert_int_equal(id, 99);
}

static void interrupts(void **state)
{
    uint16_t id;
    assert_false(pins[1].level);
    submit(0, (struct command){.opcode = 10, .dword10 = 6});
    pass();
    assert_true(pins[1].level); /* slot 1, pin 1 */
    set(0x0c, 4, 1);
    assert_false(pins[1].level);
    set(0x10, 4, 1);
    assert_true(pins[1].level);
    assert_int_equal(reap(0, &id, &result), 0);
    assert_false(pins[1].level);
    unsigned at = nvme->msix.capability;
    config(at + 2, 2, 0x8000);
    uint64_t value = RAM + 0x100;
    pci_bar_access(&nvme->function, 4, 0, 8, &value, true);
    value = 0;
    pci_bar_access(&nvme->function, 4, 8, 8, &value, true);
    submit(0, (struct command){.opcode = 10, .dword10 = 6});
    pass();
    assert_false(pins[1].level);
    assert_int_equal(messages, 1);
}

static void without_the_bus(void **state)
{
    config(4, 2, 2); /* no bus master */
    assert_int_equal(run(0, (struct command){.opcode = 10, .dword10 = 6}), -1);
    config(4, 2, 6);
    pass();
    uint16_t id;
    assert_int_equal(reap(0, &id, &result), 0);
    /* A queue outside of RAM makes it fail. */
    set(CC, 4, 0x00460000);
    set(0x28, 8, RAM + RAM_SIZE);
    set(CC, 4, 0x00460001);
    set(DOORBELLS, 4, 1);
    assert_int_equal(get(CSTS, 4), 3);
}

/* A copy of the state, taken in the midst, goes on like the original. */
static void restored(void **state)
{
    make_queues();
    struct command command = {.opcode = 2, .nsid = 1, .prp1 = DATA, .id = 5};
    submit(1, command);
    uint64_t before = fields_hash(nvme_class.state, nvme, FIELDS_HASH_SEED);
    nvme_class.restored(nvme);
    assert_int_equal(fields_hash(nvme_class.state, nvme, FIELDS_HASH_SEED), before);
    nvme->submissions[1].head = 12345; /* as a file may say */
    nvme->completions[1].size = 1u << 31;
    nvme->request_count = 77777;
    nvme->event_command_count = 99;
    nvme_class.restored(nvme);
    pass();
    assert_true(nvme->submissions[1].head < SIZE);
    assert_int_equal(nvme->completions[1].size, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(registers), TEST(identify), TEST(queues), TEST(prps), TEST(sgls), TEST(commands),
        cmocka_unit_test_setup_teardown(read_only, set_up_read_only, tear_down),
        TEST(features_and_logs), TEST(events), TEST(requests_in_flight), TEST(interrupts), TEST(without_the_bus),
        TEST(restored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
