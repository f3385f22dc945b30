/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzz target: one virtio device behind its registers, with hostile rings in a small RAM. Whatever happens,
 * backends see only host memory that is guest RAM, time goes on, and a restore of the device's own state
 * changes nothing.
 *
 * An input is a byte that chooses the device, then actions, each a byte that says what and as many bytes as
 * that takes; where the input ends, zeros follow. Actions that set things up as a good driver does, and that
 * make descriptors that are nearly right, lead behind the first checks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "machine/inputs.h"
#include "peripherals/virtio/virtio_9p.h"
#include "peripherals/virtio/virtio_balloon.h"
#include "peripherals/virtio/virtio_blk.h"
#include "peripherals/virtio/virtio_console.h"
#include "peripherals/virtio/virtio_gpu.h"
#include "peripherals/virtio/virtio_input.h"
#include "peripherals/virtio/virtio_mmio.h"
#include "peripherals/virtio/virtio_net.h"
#include "peripherals/virtio/virtio_rng.h"
#include "peripherals/virtio/virtio_scsi.h"
#include "peripherals/virtio/virtio_snd.h"
#include "peripherals/sound/wav.h"
#include "peripherals/virtio/virtio_vsock.h"
#include "tests/fuzz/feed.h"

#define RAM_BASE   0x40000000ull
#define RAM_BYTES  0x10000ull
#define SLOT       0x0a000000ull
#define QUEUE_SIZE 8
#define SECTORS    32
#define EVENTS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
    struct bus bus;
    struct clock clock;
    struct inputs *inputs;
    struct virtio_mmio *slot;
    const struct device_class *class;
    void *device;
    unsigned first_source, source_count;
    bool wire;
};

/* --- backends that watch what they are given --- */

static struct world world;

static void check_in_ram(const void *bytes, size_t length)
{
    const uint8_t *from = bytes, *ram = world.bus.ram.host;
    check(from >= ram && length <= RAM_BYTES && from + length <= ram + RAM_BYTES,
          "host memory outside of guest RAM");
}

static void sink(void *context, const void *bytes, size_t length)
{
    if (length > 1) /* one byte: an emergency write, from a register */
        check_in_ram(bytes, length);
}

struct watched_disk {
    struct disk disk;
    struct disk *inner;
};

static void check_transfer(struct disk *disk, uint64_t offset, const struct iovec *iov, int count)
{
    uint64_t length = 0;
    for (int i = 0; i < count; i++) {
        check_in_ram(iov[i].iov_base, iov[i].iov_len);
        length += iov[i].iov_len;
    }
    check(offset <= disk->size_bytes && length <= disk->size_bytes - offset, "beyond the end of the disk");
    check(length % DISK_SECTOR_BYTES == 0 && offset % DISK_SECTOR_BYTES == 0, "not in whole sectors");
}

static int watched_read(struct disk *disk, uint64_t offset, const struct iovec *iov, int count)
{
    struct disk *inner = ((struct watched_disk *)disk)->inner;
    check_transfer(disk, offset, iov, count);
    return inner->ops->read(inner, offset, iov, count);
}

static int watched_write(struct disk *disk, uint64_t offset, const struct iovec *iov, int count)
{
    struct disk *inner = ((struct watched_disk *)disk)->inner;
    check_transfer(disk, offset, iov, count);
    return inner->ops->write(inner, offset, iov, count);
}

static int watched_flush(struct disk *disk)
{
    return 0;
}

static int watched_zero(struct disk *disk, uint64_t offset, uint64_t length, bool unmap)
{
    struct disk *inner = ((struct watched_disk *)disk)->inner;
    check(length > 0, "a range of nothing");
    check_transfer(disk, offset, &(struct iovec){NULL, 0}, 0);
    check(length <= disk->size_bytes - offset, "beyond the end of the disk");
    return inner->ops->write_zeroes(inner, offset, length, unmap);
}

static int watched_discard(struct disk *disk, uint64_t offset, uint64_t length)
{
    return watched_zero(disk, offset, length, true);
}

static void watched_free(struct disk *disk)
{
    disk_free(((struct watched_disk *)disk)->inner);
    free(disk);
}

static const struct disk_ops watched_ops = {
    .read = watched_read,
    .write = watched_write,
    .flush = watched_flush,
    .discard = watched_discard,
    .write_zeroes = watched_zero,
    .free = watched_free,
};

static struct net_backend net_end;

static void echo_frame(struct net_backend *backend, const void *frame, size_t length)
{
    check(length >= NET_FRAME_MIN_BYTES && length <= NET_FRAME_MAX_BYTES,
          "a frame of a length that no cable carries");
    input_post(world.inputs, world.first_source, frame, length);
}

static void echo_attach(struct net_backend *backend, struct inputs *inputs, unsigned source)
{
    world.first_source = source;
}

static void echo_free(struct net_backend *backend)
{
}

static const struct net_backend_ops echo_ops = {echo_frame, echo_attach, echo_free};

/* --- the world --- */

static void wire_set(void *receiver, unsigned number, bool level)
{
    world.wire = level;
}

/* Its pictures go to a display of their own. */
static struct virtio_device *make_gpu(void)
{
    static struct display *display;
    struct error error;
    if (!display)
        display = display_create(&error);
    check(display, "no host memory");
    struct virtio_gpu *gpu = virtio_gpu_create(&world.bus, world.inputs, display, 640, 480);
    world.class = &virtio_gpu_class;
    world.device = gpu;
    world.first_source = gpu->size_source;
    world.source_count = 1;
    return &gpu->virtio;
}

static struct virtio_device *make_input(enum virtio_input_kind kind)
{
    struct virtio_input *input = virtio_input_create(&world.bus, world.inputs, kind, "fuzz.events");
    world.class = &virtio_input_class;
    world.device = input;
    world.first_source = input->source;
    world.source_count = 1;
    return &input->virtio;
}

/* A disk and a CD drive, which live as long as the process and are reset with it. */
static struct virtio_device *make_scsi(void)
{
    static struct scsi_disk *disks[2];
    for (unsigned i = 0; i < 2; i++)
        if (!disks[i])
            disks[i] = scsi_disk_create(disk_memory_create(SECTORS * DISK_SECTOR_BYTES, i == 1), i == 1, "fuzz");
    struct virtio_scsi *scsi = virtio_scsi_create(&world.bus, &world.clock, 2);
    for (unsigned i = 0; i < 2; i++) {
        scsi_disk_class.reset(disks[i]);
        virtio_scsi_add(scsi, disks[i]);
    }
    world.class = &virtio_scsi_class;
    world.device = scsi;
    return &scsi->virtio;
}

/* Every packet of the guest's comes back to it. */
static void echo_packet(struct vsock_backend *backend, const struct vsock_header *header, const void *payload)
{
    uint8_t bytes[VSOCK_PACKET_MAX_BYTES];
    check(header->length <= VSOCK_PAYLOAD_MAX_BYTES, "a packet longer than any");
    memcpy(bytes, header, sizeof *header);
    memcpy(bytes + sizeof *header, payload, header->length);
    input_post(world.inputs, world.first_source, bytes, sizeof *header + header->length);
}

static void echo_packet_attach(struct vsock_backend *backend, struct inputs *inputs, unsigned source)
{
    world.first_source = source;
}

static void echo_packet_free(struct vsock_backend *backend)
{
}

static struct virtio_device *make_vsock(void)
{
    static const struct vsock_backend_ops ops = {echo_packet, echo_packet_attach, echo_packet_free};
    static struct vsock_backend end = {&ops};
    struct virtio_vsock *vsock = virtio_vsock_create(&world.bus, world.inputs, &end, "vsock0", 3);
    world.class = &virtio_vsock_class;
    world.device = vsock;
    world.source_count = 2;
    return &vsock->virtio;
}

static void hear(void *host, const struct sound_frame *frames, size_t count)
{
    check(count <= 256 * PCM_FRAMES_OF_ONE, "more frames than can come at once");
}

/* A microphone that gives a bit less than is wanted. */
static void give_frames(void *host, size_t count)
{
    static const struct sound_frame frames[64] = {{1, 2}};
    input_post(world.inputs, world.first_source, frames, (count < 64 ? count : 64) / 2 * sizeof *frames);
}

static void deaf(void *host)
{
}

static struct virtio_device *make_snd(void)
{
    static const struct sound_host_ops ops = {.play = hear, .want = give_frames, .free = deaf};
    struct virtio_snd *snd = virtio_snd_create(&world.bus, &world.clock, world.inputs);
    sound_port_attach(&snd->port, &ops, NULL);
    world.class = &virtio_snd_class;
    world.device = snd;
    world.first_source = snd->port.frames_source;
    world.source_count = 2;
    return &snd->virtio;
}

/* A folder's server that sends each request back. Records are bytes that are 1. */
static void attach_echo(struct share_server *server, struct inputs *inputs, unsigned source)
{
    world.first_source = source;
}

static void echo_message(struct share_server *server, const uint8_t *request, size_t length, size_t room)
{
    static uint8_t answer[4 + 64 + SHARE_MESSAGE_MAX];
    check(length >= 7 && length <= SHARE_MESSAGE_MAX && room >= 7, "no request");
    uint32_t records = request[4] % 65;
    size_t reply = length < room ? length : room;
    memcpy(answer, &records, 4);
    memset(answer + 4, 1, records);
    memcpy(answer + 4 + records, request, reply);
    input_post(world.inputs, world.first_source, answer, 4 + records + reply);
}

static void forget(struct share_server *server)
{
}

static void take_records(struct share_server *server, const uint8_t *records, size_t length)
{
    for (size_t i = 0; i < length; i++)
        check(records[i] == 1, "other records than were given");
}

static uint8_t *keep_half(const uint8_t *journal, size_t length, size_t *new_length)
{
    uint8_t *kept = malloc(length / 2 + 1);
    check(kept != NULL, "no host memory");
    memcpy(kept, journal, *new_length = length / 2);
    return kept;
}

static bool are_records(const uint8_t *records, size_t length)
{
    size_t good = 0;
    while (good < length && records[good] == 1)
        good++;
    return good == length;
}

static struct virtio_device *make_share(void)
{
    static const struct share_server_ops ops = {attach_echo, echo_message, forget, take_records, take_records, forget};
    static struct share_server server = {&ops, keep_half, are_records};
    struct virtio_9p *share = virtio_9p_create(&world.bus, world.inputs, &server, "share0", "fuzz");
    world.class = &virtio_9p_class;
    world.device = share;
    world.source_count = 1;
    return &share->virtio;
}

static struct virtio_device *make_device(uint8_t choice)
{
    if (choice >= 0xb4 && choice < 0xb8)
        return make_share();
    if (choice >= 0xa0 && choice < 0xa7)
        return make_snd();
    if (choice >= 0xc0 && choice < 0xc8)
        return make_scsi();
    if (choice >= 0xfe)
        return make_input(choice & 1 ? VIRTIO_INPUT_TABLET : VIRTIO_INPUT_KEYBOARD);
    if (choice >= 0xd0 && choice < 0xf0)
        return make_gpu();
    if (choice >= 0xc8 && choice < 0xd0)
        return make_vsock();
    switch (choice >= 0xf0 ? 6 : choice % 6) {
    case 0:
    case 1: {
        struct watched_disk *disk = calloc(1, sizeof *disk);
        disk->inner = disk_memory_create(SECTORS * DISK_SECTOR_BYTES, false);
        disk->disk = (struct disk){&watched_ops, SECTORS * DISK_SECTOR_BYTES, choice % 6 == 1};
        struct virtio_blk *blk = virtio_blk_create(&world.bus, &world.clock, &disk->disk, "fuzz");
        world.class = &virtio_blk_class;
        world.device = blk;
        return &blk->virtio;
    }
    case 2: {
        net_end = (struct net_backend){&echo_ops, true};
        struct virtio_net *net = virtio_net_create(&world.bus, world.inputs, &net_end, "net0", 1);
        if (choice & 0x40)
            virtio_net_add_pairs(net, 2);
        world.class = &virtio_net_class;
        world.device = net;
        world.source_count = 1;
        return &net->virtio;
    }
    case 3: {
        struct virtio_rng *rng = virtio_rng_create(&world.bus, 1);
        world.class = &virtio_rng_class;
        world.device = rng;
        return &rng->virtio;
    }
    case 6: {
        struct virtio_balloon *balloon = virtio_balloon_create(&world.bus);
        world.class = &virtio_balloon_class;
        world.device = balloon;
        return &balloon->virtio;
    }
    default: {
        struct virtio_console_sink to = {sink, NULL};
        struct virtio_console *console = virtio_console_create(&world.bus, world.inputs, "console0", to);
        world.source_count = 1;
        if (choice % 6 == 5) {
            virtio_console_add_port(console, "one", to);
            world.source_count = 2;
        }
        world.class = &virtio_console_class;
        world.device = console;
        return &console->virtio;
    }
    }
}

static void build(uint8_t choice)
{
    struct error error;
    memset(&world, 0, sizeof world);
    clock_init(&world.clock);
    world.inputs = inputs_create(&error);
    check(world.inputs && bus_init(&world.bus, RAM_BASE, RAM_BYTES, &error), "no host memory");
    world.slot = virtio_mmio_create(make_device(choice), (struct irq_line){wire_set, NULL, 0});
    bus_add_window(&world.bus, "virtio", SLOT, VIRTIO_MMIO_SLOT_BYTES, &virtio_mmio_ops, world.slot);
    world.class->reset(world.device);
    virtio_mmio_class.reset(world.slot);
}

static void take_down(void)
{
    world.class->free(world.device);
    virtio_mmio_class.free(world.slot);
    inputs_free(world.inputs);
    bus_free(&world.bus);
    clock_free(&world.clock);
}

/* --- actions --- */

static void write_register(unsigned reg, uint32_t value)
{
    bus_mmio_write(&world.bus, SLOT + reg, 4, value);
}

/* Queue n has its rings in page n of RAM: descriptors at 0, available ring at 0x400, used ring at 0x800. */
static uint64_t queue_page(unsigned queue)
{
    return RAM_BASE + queue * 0x1000;
}

static void start(struct feed *feed)
{
    uint64_t features = world.slot->virtio->offered & ~take(feed, 4);
    write_register(0x70, 0);
    write_register(0x70, 3);
    for (unsigned word = 0; word < 2; word++) {
        write_register(0x24, word);
        write_register(0x20, (uint32_t)(features >> 32 * word));
    }
    write_register(0x70, 11);
    for (unsigned queue = 0; queue < world.slot->virtio->queue_count; queue++) {
        write_register(0x30, queue);
        write_register(0x38, QUEUE_SIZE);
        write_register(0x80, queue_page(queue));
        write_register(0x90, queue_page(queue) + 0x400);
        write_register(0xa0, queue_page(queue) + 0x800);
        write_register(0x44, 1);
    }
    write_register(0x70, 15);
}

/* A descriptor that is nearly right: address in RAM, short length, sensible flags and next. */
static void make_descriptor(struct feed *feed)
{
    unsigned queue = take(feed, 1) % 8, index = take(feed, 1) % QUEUE_SIZE;
    struct {
        uint64_t address;
        uint32_t length;
        uint16_t flags, next;
    } descriptor = {RAM_BASE + take(feed, 2), take(feed, 1) * (1 + take(feed, 1) % 8), take(feed, 1) % 8, 0};
    descriptor.next = take(feed, 1) % (QUEUE_SIZE + 1);
    if (take(feed, 1) % 2) /* in an indirect table */
        bus_dma_write(&world.bus, RAM_BASE + 0xc000 + 16 * index, &descriptor, sizeof descriptor);
    else
        bus_dma_write(&world.bus, queue_page(queue) + 16 * index, &descriptor, sizeof descriptor);
}

/* Chains header, data and status as a block request has them, makes them available and notifies. The first
 * eight bytes also make a console's control message, and what follows the header a range to discard. */
static void make_gpu_request(struct feed *feed)
{
    static const uint8_t types[] = {1, 1, 2, 3, 3, 4, 5, 5, 6, 7, 10, 0, 11}; /* of 5.7.6.7, the low byte */
    /* Where in each, after the header, small numbers make sense: identifiers, formats, sizes, offsets, counts. */
    unsigned type = types[take(feed, 1) % sizeof types], cursor = take(feed, 1) % 4 == 0;
    uint64_t page = queue_page(cursor), body = RAM_BASE + 0xd000;
    struct {
        uint64_t address;
        uint32_t length;
        uint16_t flags, next;
    } chain[2] = {{body, 24 + 128, 1, 1}, {RAM_BASE + 0xe000, 1200, 2, 0}};
    uint32_t words[38] = {cursor ? 0x300 + type % 2 : 0x100 + type, take(feed, 1) % 2};
    uint16_t index = 0, head = 0;
    for (unsigned i = 6; i < 38; i++)
        words[i] = (uint32_t)take(feed, 1) % (i < 12 ? 80 : 256);
    if (type == 6) /* a list in RAM */
        for (unsigned i = 8; i + 4 <= 38; i += 4) {
            words[i] = (uint32_t)RAM_BASE + words[i] * 64;
            words[i + 1] = take(feed, 1) % 8 == 0;
        }
    bus_dma_write(&world.bus, body, words, sizeof words);
    bus_dma_write(&world.bus, page, chain, sizeof chain);
    bus_dma_read(&world.bus, page + 0x402, &index, 2);
    bus_dma_write(&world.bus, page + 0x404 + 2 * (index % QUEUE_SIZE), &head, 2);
    index++;
    bus_dma_write(&world.bus, page + 0x402, &index, 2);
    write_register(0x50, cursor);
}

/* A command with a place for its answer and one for data, or, on the control queue, task management. */
static void make_scsi_request(struct feed *feed)
{
    static const uint8_t opcodes[] = {0, 3, 8, 0x0a, 0x12, 0x1a, 0x1b, 0x28, 0x2a, 0x42, 0x43, 0x4a, 0x93, 0xa0};
    unsigned what = (unsigned)take(feed, 1), queue = what % 4 == 0 ? 0 : 2 + what % 2;
    uint64_t page = queue_page(queue), body = RAM_BASE + 0xd000;
    struct {
        uint64_t address;
        uint32_t length;
        uint16_t flags, next;
    } chain[3] = {{body, queue ? 19 + 32 : 24, 1, 1}, {RAM_BASE + 0xe000, 108, 3, 2}, {RAM_BASE + 0xe100, 512, 2, 0}};
    uint8_t request[64] = {0};
    uint8_t *lun = request + (queue ? 0 : 8);
    if (what & 0x40) { /* the data goes to the device */
        chain[0].next = 2;
        chain[2].flags = 1;
        chain[2].next = 1;
        chain[1].flags = 2;
    }
    if (!queue) {
        request[0] = (uint8_t)(take(feed, 1) % 4);
        request[4] = (uint8_t)(take(feed, 1) % 9);
        lun = request + (request[0] ? 4 : 8);
    }
    lun[0] = 1;
    lun[1] = (uint8_t)(take(feed, 1) % 3);
    lun[2] = 0x40;
    lun[3] = take(feed, 1) % 16 == 0;
    if (queue) {
        request[8] = (uint8_t)(take(feed, 1) % 4);
        request[19] = opcodes[take(feed, 1) % sizeof opcodes];
        for (unsigned i = 0; i < 10; i++)
            request[20 + i] = (uint8_t)(take(feed, 1) & 0x1f);
    }
    uint16_t index = 0, head = 0;
    bus_dma_write(&world.bus, body, request, sizeof request);
    bus_dma_write(&world.bus, page, chain, sizeof chain);
    bus_dma_read(&world.bus, page + 0x402, &index, 2);
    bus_dma_write(&world.bus, page + 0x404 + 2 * (index % QUEUE_SIZE), &head, 2);
    index++;
    bus_dma_write(&world.bus, page + 0x402, &index, 2);
    write_register(0x50, queue);
}

/* A request to a stream, or a message for it, that are nearly right. */
static void make_snd_request(struct feed *feed)
{
    static const uint16_t codes[] = {0x101, 0x102, 0x103, 0x104, 0x105, 0x100, 1, 2, 0x200};
    unsigned what = (unsigned)take(feed, 1), queue = what % 4, stream = what >> 2 & 1;
    uint64_t page = queue_page(queue), body = RAM_BASE + 0xd000;
    struct {
        uint64_t address;
        uint32_t length;
        uint16_t flags, next;
    } chain[3] = {{body, queue ? 4 : 24, 1, 1}, {body + 64, (uint32_t)take(feed, 1) * 4, queue == 3 ? 3 : 1, 2},
                  {body + 0x800, queue ? 8 : 200, 2, 0}};
    uint32_t words[6] = {codes[take(feed, 1) % (sizeof codes / sizeof codes[0])], stream, 0x1000, 0x100, 0, 0};
    uint16_t index = 0, head = 0;
    if (queue == 0)
        chain[0].next = 2;
    else
        words[0] = queue == 2 ? 0 : 1;
    words[4] = what & 0x80 ? VIRTIO_SND_PCM_F_EVT_XRUNS : 0;
    words[5] = (1 + (what >> 3 & 1)) | (uint32_t)take(feed, 1) % 22 << 8 | (uint32_t)take(feed, 1) % 14 << 16;
    if (words[0] >= 0x200 || words[0] == 1 || words[0] == 0x100) {
        words[2] = (uint32_t)take(feed, 1) % 4;
        words[3] = 24 + 8 * (words[0] == 0x100);
    }
    bus_dma_write(&world.bus, body, words, sizeof words);
    bus_dma_write(&world.bus, page, chain, sizeof chain);
    bus_dma_read(&world.bus, page + 0x402, &index, 2);
    bus_dma_write(&world.bus, page + 0x404 + 2 * (index % QUEUE_SIZE), &head, 2);
    index++;
    bus_dma_write(&world.bus, page + 0x402, &index, 2);
    write_register(0x50, queue);
}

/* A file, in place of a device. */
static void parse_wav(struct feed *feed)
{
    static const uint8_t start[] = "RIFF\0\0\0\0WAVEfmt \x10\0\0\0\1\0\2\0\x80\xbb\0\0\0\0\0\0\4\0\x10\0data\x40\0\0\0";
    uint8_t bytes[128] = {0};
    struct error error = {""};
    size_t count, length = (size_t)take(feed, 1) % sizeof bytes;
    memcpy(bytes, start, sizeof start - 1);
    for (unsigned changes = (unsigned)take(feed, 1) % 4; changes; changes--) {
        unsigned at = (unsigned)take(feed, 1) % sizeof bytes;
        bytes[at] = (uint8_t)take(feed, 1);
    }
    struct sound_frame *frames = wav_parse(bytes, length, "fuzz", &count, &error);
    check(frames || *error.text, "a file that is none, and nothing is said");
    check(!frames || count <= length * PCM_FRAMES_OF_ONE, "more frames than the file has");
    free(frames);
}

static void make_request(struct feed *feed)
{
    if (world.class == &virtio_snd_class) {
        make_snd_request(feed);
        return;
    }
    if (world.class == &virtio_scsi_class) {
        make_scsi_request(feed);
        return;
    }
    if (world.class == &virtio_gpu_class) {
        make_gpu_request(feed);
        return;
    }
    unsigned queue = take(feed, 1) % (world.class == &virtio_9p_class ? 1 : 8), data = take(feed, 1);
    uint64_t page = queue_page(queue), header = RAM_BASE + 0xd000;
    bool range = data & 0x20;
    struct {
        uint64_t address;
        uint32_t length;
        uint16_t flags, next;
    } chain[3] = {{header, 16, 1, 1},
                  {range ? header + 16 : RAM_BASE + 0xe000 + (take(feed, 1) << 4),
                   range ? 16 : (data % 8 + 1) * 256, data & 0x80 ? 3 : 1, 2},
                  {header + 64, 1 + take(feed, 1) % 64, data & 0x40 ? 0 : 2, 0}};
    uint64_t words[4];
    uint16_t index = 0, head = 0;

    words[0] = take(feed, 1) | take(feed, 1) % 16 << 32 | take(feed, 1) % 4 << 48;
    words[1] = take(feed, 1);
    words[2] = take(feed, 1);
    words[3] = take(feed, 1) | take(feed, 1) % 4 << 32;
    bus_dma_write(&world.bus, header, words, sizeof words);
    bus_dma_write(&world.bus, page, chain, sizeof chain);
    bus_dma_read(&world.bus, page + 0x402, &index, 2);
    bus_dma_write(&world.bus, page + 0x404 + 2 * (index % QUEUE_SIZE), &head, 2);
    index++;
    bus_dma_write(&world.bus, page + 0x402, &index, 2);
    write_register(0x50, queue);
}

static void offer(struct feed *feed)
{
    unsigned queue = take(feed, 1) % 8;
    uint16_t head = take(feed, 1), index = 0;
    bus_dma_read(&world.bus, queue_page(queue) + 0x402, &index, 2);
    bus_dma_write(&world.bus, queue_page(queue) + 0x404 + 2 * (index % QUEUE_SIZE), &head, 2);
    index += 1 + take(feed, 1) % 4;
    bus_dma_write(&world.bus, queue_page(queue) + 0x402, &index, 2);
    write_register(0x50, queue);
}

static void poke(struct feed *feed)
{
    uint64_t address = RAM_BASE + take(feed, 2);
    unsigned length = take(feed, 1) % 32;
    for (unsigned i = 0; i < length; i++) {
        uint8_t byte = take(feed, 1);
        bus_dma_write(&world.bus, address + i, &byte, 1);
    }
}

static void access_register(struct feed *feed, bool write)
{
    unsigned size = 1 << take(feed, 1) % 4;
    uint64_t address = SLOT + take(feed, 2) % VIRTIO_MMIO_SLOT_BYTES / size * size, value;
    if (write)
        bus_mmio_write(&world.bus, address, size, take(feed, size));
    else
        bus_mmio_read(&world.bus, address, size, &value);
}

static void pass_time(void)
{
    for (unsigned i = 0; i < EVENTS_MAX; i++) {
        uint64_t next = clock_next_ns(&world.clock);
        if (next == CLOCK_NEVER)
            break;
        if (next > world.clock.now_ns)
            world.clock.now_ns = next;
        clock_fire_due(&world.clock);
        check(clock_next_ns(&world.clock) > world.clock.now_ns, "an event is due for ever");
    }
}

static void post(struct feed *feed)
{
    uint8_t bytes[256];
    unsigned source = take(feed, 1), length = 1 + take(feed, 1);
    for (unsigned i = 0; i < length && i < 64; i++)
        bytes[i] = take(feed, 1);
    if (world.source_count)
        input_post(world.inputs, world.first_source + source % world.source_count, bytes,
                   length < 64 ? length : 64);
    inputs_deliver(world.inputs, (struct input_stamp){world.clock.now_ns, 0});
}

static void check_restore(void)
{
    uint64_t device = fields_hash(world.class->state, world.device, FIELDS_HASH_SEED);
    uint64_t slot = fields_hash(virtio_mmio_class.state, world.slot, FIELDS_HASH_SEED),
             due = clock_next_ns(&world.clock);
    world.class->restored(world.device);
    virtio_mmio_class.restored(world.slot);
    check(device == fields_hash(world.class->state, world.device, FIELDS_HASH_SEED),
          "a restore changes the device");
    check(slot == fields_hash(virtio_mmio_class.state, world.slot, FIELDS_HASH_SEED),
          "a restore changes the slot");
    check(due == clock_next_ns(&world.clock), "a restore changes what is due");
    check(world.wire == (world.slot->interrupt_status != 0), "the wire is not what the status says");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct feed feed = {data, data + size};

    if (size && data[0] == 0xa7) {
        take(&feed, 1);
        parse_wav(&feed);
        return 0;
    }
    build(take(&feed, 1));
    while (feed.at < feed.end) {
        switch (take(&feed, 1) % 12) {
        case 0: start(&feed); break;
        case 1: access_register(&feed, false); break;
        case 2: access_register(&feed, true); break;
        case 3: poke(&feed); break;
        case 4:
        case 5: make_descriptor(&feed); break;
        case 6: offer(&feed); break;
        case 7: write_register(0x50, take(&feed, 1) % 9); break;
        case 8:
        case 9: make_request(&feed); break;
        case 10: pass_time(); break;
        case 11: post(&feed); break;
        }
    }
    check_restore();
    pass_time();
    take_down();
    return 0;
}
