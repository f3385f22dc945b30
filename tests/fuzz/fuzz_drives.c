/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzz target: block devices other than virtio's own. The first byte of an input chooses: an NVMe controller in a small
 * RAM, with commands and lists that are nearly right, or commands to a SCSI disk or a CD drive. No memory but the
 * guest's is touched, nothing is read or written beyond the medium's end, and a restore of the state changes nothing.
 * */
#include <stdlib.h>
#include <string.h>
#include "peripherals/nvme.h"
#include "peripherals/scsi/scsi_disk.h"
#include "tests/fuzz/feed.h"

#define RAM_BASE  0x40000000ull
#define RAM_BYTES 0x20000ull
#define SECTORS   64ull

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    struct bus bus;
    struct clock clock;
    struct pci_host *host;
    struct nvme *nvme;
    uint32_t tails[3];
} world;

static void on_message(void *context, uint32_t requester, uint64_t address, uint32_t data)
{
}

static void access_bar(uint64_t offset, unsigned size, uint64_t value, bool write)
{
    pci_bar_access(&world.nvme->function, 0, offset, size, &value, write);
}

static void pass(void)
{
    for (unsigned i = 0; i < 64; i++) {
        uint64_t next = clock_next_ns(&world.clock);
        if (next == CLOCK_NEVER)
            break;
        if (next > world.clock.now_ns)
            world.clock.now_ns = next;
        clock_fire_due(&world.clock);
        check(clock_next_ns(&world.clock) > world.clock.now_ns, "an event is due for ever");
    }
}

/* Queues of 16 entries: submissions in pages 0 to 2, completions in pages 4 to 6. */
static void put_command(unsigned queue, const uint32_t command[16])
{
    uint32_t *tail = &world.tails[queue];
    bus_dma_write(&world.bus, RAM_BASE + queue * 0x1000 + *tail * 64, command, 64);
    *tail = (*tail + 1) % 16;
    access_bar(0x1000 + 8 * queue, 4, *tail, true);
}

static void enable(void)
{
    access_bar(0x24, 4, 0x000f000f, true);
    access_bar(0x28, 8, RAM_BASE, true);
    access_bar(0x30, 8, RAM_BASE + 0x4000, true);
    access_bar(0x14, 4, 0x00460001, true);
    memset(world.tails, 0, sizeof world.tails);
    for (unsigned i = 1; i < 3; i++) {
        put_command(0, (uint32_t[16]){5, 0, 0, 0, 0, 0, (uint32_t)RAM_BASE + 0x4000 + i * 0x1000, 0, 0, 0,
                                      15u << 16 | i, 3});
        put_command(0, (uint32_t[16]){1, 0, 0, 0, 0, 0, (uint32_t)RAM_BASE + i * 0x1000, 0, 0, 0, 15u << 16 | i,
                                      i << 16 | 1});
    }
    pass();
}

/* An address in RAM, most times on a page. */
static uint64_t place(struct feed *feed)
{
    uint64_t what = take(feed, 2);
    return RAM_BASE + (what & 1 ? what * 2 : what << 8 & 0x1f000);
}

static void command(struct feed *feed)
{
    static const uint8_t io[] = {0, 1, 2, 2, 5, 8, 9, 0x7f}, admin[] = {0, 1, 2, 4, 5, 6, 8, 9, 10, 12};
    unsigned what = (unsigned)take(feed, 1), queue = what % 3;
    uint32_t command[16] = {0};
    uint64_t prps[2] = {place(feed), place(feed)};
    command[0] = queue ? io[what / 4 % sizeof io] : admin[what / 4 % sizeof admin];
    command[0] |= (uint32_t)take(feed, 1) << 16 | (what & 0x80 ? 0x4000u : 0);
    command[1] = take(feed, 1) % 16 ? 1 : (uint32_t)take(feed, 4);
    memcpy(&command[6], prps, sizeof prps);
    if (what & 0x80) { /* an SGL descriptor */
        command[8] = (uint32_t)take(feed, 2);
        command[9] = (uint32_t)(take(feed, 1) % 5) << 28;
    }
    command[10] = (uint32_t)take(feed, 1) | (queue ? 0 : (uint32_t)take(feed, 1) << 16);
    command[11] = queue ? (uint32_t)take(feed, 1) % 8 / 7 : (uint32_t)take(feed, 2) << 16 | 3;
    command[12] = (uint32_t)take(feed, 1);
    if (command[0] % 256 == 9 && queue)
        command[10] %= 8, command[11] = 4;
    put_command(queue, command);
}

/* Entries of a list of either kind. */
static void make_list(struct feed *feed)
{
    uint64_t at = place(feed) & ~15ull;
    for (unsigned i = (unsigned)take(feed, 1) % 8; i > 0; i--, at += 16) {
        uint64_t entry[2] = {place(feed), take(feed, 1) & 1 ? place(feed) : take(feed, 2) | take(feed, 1) % 5 << 60};
        bus_dma_write(&world.bus, at, entry, sizeof entry);
    }
}

static void act(struct feed *feed)
{
    unsigned action = (unsigned)take(feed, 1), size = 1u << (action >> 4 & 3);
    uint64_t offset = take(feed, 2) % 0x2000 & -(uint64_t)size, value;
    switch (action % 8) {
    case 0:
    case 1:
    case 2: command(feed); break;
    case 3: make_list(feed); break;
    case 4: pass(); break;
    case 5: /* the completions are read */
        for (unsigned i = 0; i < 3; i++)
            access_bar(0x1004 + 8 * i, 4, world.nvme->completions[i].tail, true);
        break;
    case 6: access_bar(action & 0x80 ? offset % 64 : offset, size, take(feed, size), true); break;
    default:
        if (action & 0x80)
            enable();
        else if (action & 0x40)
            pci_ecam_mmio.write(world.host, 0x8000 + (offset & 0xff), size, take(feed, size));
        else
            pci_bar_access(&world.nvme->function, 0, offset, size, &value, false);
    }
}

static void fuzz_nvme(struct feed *feed)
{
    memset(&world, 0, sizeof world);
    clock_init(&world.clock);
    check(bus_init(&world.bus, RAM_BASE, RAM_BYTES, NULL), "no RAM");
    world.host = pci_host_create(&(struct pci_host_config){.message = on_message});
    world.nvme = nvme_create(&world.bus, &world.clock, disk_memory_create(SECTORS * 512, false), "fuzz");
    pci_host_add(world.host, &world.nvme->function, &(unsigned){0});
    nvme_class.reset(world.nvme);
    pci_ecam_mmio.write(world.host, 0x8004, 2, 6);
    enable();
    while (feed->at < feed->end)
        act(feed);
    uint64_t before = fields_hash(nvme_class.state, world.nvme, FIELDS_HASH_SEED);
    nvme_class.restored(world.nvme);
    check(before == fields_hash(nvme_class.state, world.nvme, FIELDS_HASH_SEED), "a restore changed the state");
    if (take(feed, 1) % 2 == 0) /* a file that says anything */
        for (unsigned i = 0; i < NVME_QUEUES; i++) {
            world.nvme->submissions[i].head = world.nvme->submissions[i].completion = 0x7fffffff + i;
            world.nvme->completions[i].size ^= 0xfff;
        }
    world.nvme->request_count += 100;
    nvme_class.restored(world.nvme);
    pass();
    nvme_class.free(world.nvme);
    pci_host_class.free(world.host);
    clock_free(&world.clock);
    bus_free(&world.bus);
}

static void fuzz_scsi(struct feed *feed, bool is_cd)
{
    static const uint8_t opcodes[] = {0x00, 0x03, 0x08, 0x0a, 0x12, 0x15, 0x1a, 0x1b, 0x1e, 0x25, 0x28, 0x2a,
                                      0x2f, 0x35, 0x41, 0x42, 0x43, 0x46, 0x4a, 0x51, 0x52, 0x55, 0x5a, 0x88,
                                      0x8a, 0x8f, 0x91, 0x93, 0x9e, 0xa0, 0xa8, 0xaa, 0xaf, 0xbb, 0xbd, 0xbe};
    struct scsi_disk *disk = scsi_disk_create(disk_memory_create(SECTORS * 512, is_cd), is_cd, "fuzz");
    while (feed->at < feed->end) {
        unsigned what = (unsigned)take(feed, 1);
        uint64_t in_bytes = take(feed, 1) * 16, out_bytes = take(feed, 1) * 16;
        uint8_t *memory = calloc(1, in_bytes + out_bytes + 1); /* exactly as large, for the sanitizer */
        check(memory != NULL, "no memory");
        struct iovec in[2] = {{memory, in_bytes / 3}, {memory + in_bytes / 3, in_bytes - in_bytes / 3}},
                     out[2] = {{memory + in_bytes, out_bytes / 3},
                               {memory + in_bytes + out_bytes / 3, out_bytes - out_bytes / 3}};
        struct scsi_request request = {
            .in = in, .out = out, .in_count = 2, .out_count = 2, .in_bytes = in_bytes, .out_bytes = out_bytes};
        for (uint64_t i = 0; i < out_bytes && i < 40; i++)
            memory[in_bytes + i] = (uint8_t)take(feed, 1);
        request.cdb[0] = what & 0x80 ? (uint8_t)take(feed, 1) : opcodes[what % sizeof opcodes];
        for (unsigned i = 1; i < 16; i++)
            request.cdb[i] = (uint8_t)take(feed, 1) & (what & 0x40 ? 0xff : 0x3f);
        scsi_disk_do(disk, &request);
        check(request.done <= in_bytes || request.done <= out_bytes, "more done than there was room for");
        check((request.status == SCSI_GOOD) == (request.sense[0] == 0), "sense and status do not agree");
        scsi_disk_service_ns(disk, request.cdb);
        scsi_disk_announce(disk, request.cdb);
        free(memory);
    }
    uint64_t before = fields_hash(scsi_disk_class.state, disk, FIELDS_HASH_SEED);
    scsi_disk_class.restored(disk);
    check(before == fields_hash(scsi_disk_class.state, disk, FIELDS_HASH_SEED), "a restore changed the state");
    scsi_disk_class.free(disk);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct feed feed = {data, data + size};
    unsigned choice = (unsigned)take(&feed, 1);
    if (choice % 3)
        fuzz_scsi(&feed, choice % 3 == 2);
    else
        fuzz_nvme(&feed);
    return 0;
}
