/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The block device (virtio 1.2, section 5.2).
 *
 * When a request ends is a function of the request and of those before it, so that runs are deterministic.
 * All of its effects, on the disk and on guest RAM, happen at that moment: between its submission and its end
 * nothing of it is anywhere but in guest RAM, and a snapshot needs to know its descriptor only. What the host
 * does meanwhile (reading ahead, flushing) has no effect but that the end comes sooner to the user. */
#include "peripherals/virtio/virtio_blk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* --- state --- */

static const struct field request_list[] = {
    FIELD(struct virtio_blk_request, due_ns),
    FIELD(struct virtio_blk_request, head),
    FIELD(struct virtio_blk_request, queue),
    FIELDS_END,
};
static const struct fields request_fields = {"virtio_blk_request", sizeof(struct virtio_blk_request),
                                             request_list};

static const struct field virtio_blk_list[] = {
    FIELD_HOST(struct virtio_blk, drive),
    FIELD_STRUCT(struct virtio_blk, virtio, &virtio_device_fields),
    FIELD_HOST(struct virtio_blk, clock),
    FIELD_STRUCT(struct virtio_blk, completion, &event_fields),
    FIELD(struct virtio_blk, config.writeback),
    FIELD_HOST(struct virtio_blk, config),
    FIELD_STRUCT_ARRAY(struct virtio_blk, requests, &request_fields),
    FIELD(struct virtio_blk, first),
    FIELD(struct virtio_blk, in_flight),
    FIELD(struct virtio_blk, idle_at_ns),
    FIELDS_END,
};
static const struct fields virtio_blk_fields = {"virtio-blk", sizeof(struct virtio_blk), virtio_blk_list};

/* --- tables --- */

#define FEATURE_SEG_MAX      (1ull << 2)
#define FEATURE_READ_ONLY    (1ull << 5)
#define FEATURE_BLK_SIZE     (1ull << 6)
#define FEATURE_FLUSH        (1ull << 9)
#define FEATURE_TOPOLOGY     (1ull << 10)
#define FEATURE_CONFIG_WCE   (1ull << 11)
#define FEATURE_MQ           (1ull << 12)
#define FEATURE_DISCARD      (1ull << 13)
#define FEATURE_WRITE_ZEROES (1ull << 14)

enum request_type {
    REQUEST_READ = 0,
    REQUEST_WRITE = 1,
    REQUEST_FLUSH = 4,
    REQUEST_GET_ID = 8,
    REQUEST_DISCARD = 11,
    REQUEST_WRITE_ZEROES = 13,
};

enum request_status { STATUS_OK = 0, STATUS_IO_ERROR = 1, STATUS_UNSUPPORTED = 2 };

struct request_header {
    uint32_t type, reserved;
    uint64_t sector;
};

/* A piece of a discard or write-zeroes request. */
struct request_range {
    uint64_t sector;
    uint32_t sectors, flags;
};
#define RANGE_UNMAP 1u

#define RANGES_MAX        256u
#define RANGE_SECTORS_MAX (1u << 22) /* 2 GiB */

/* --- carrying out --- */

static enum request_status do_read(struct virtio_blk *blk, const struct virtq_chain *chain, uint64_t sector,
                                   uint32_t *written)
{
    struct iovec iov[VIRTQ_SIZE_MAX];
    uint64_t length = chain->writable_bytes - 1;
    int count;

    if (!disk_drive_has(&blk->drive, sector, length))
        return STATUS_IO_ERROR;
    count = virtq_iovec(blk->virtio.bus, chain, VIRTQ_WRITABLE, 0, length, iov);
    struct disk *disk = blk->drive.disk;
    if (count < 0 || !disk_drive_did(&blk->drive, disk->ops->read(disk, sector * DISK_SECTOR_BYTES, iov, count)))
        return STATUS_IO_ERROR;
    *written = length;
    return STATUS_OK;
}

static enum request_status do_flush(struct virtio_blk *blk)
{
    return disk_drive_did(&blk->drive, blk->drive.disk->ops->flush(blk->drive.disk)) ? STATUS_OK : STATUS_IO_ERROR;
}

/* 5.2.6.2: without VIRTIO_BLK_F_FLUSH, or with writeback switched off, a write ends on stable storage. */
static bool writes_through(const struct virtio_blk *blk)
{
    return !virtio_has(&blk->virtio, FEATURE_FLUSH) || !blk->config.writeback;
}

static enum request_status do_write(struct virtio_blk *blk, const struct virtq_chain *chain, uint64_t sector)
{
    struct iovec iov[VIRTQ_SIZE_MAX];
    uint64_t length = chain->readable_bytes - sizeof(struct request_header);
    int count;

    if (blk->drive.disk->read_only || !disk_drive_has(&blk->drive, sector, length))
        return STATUS_IO_ERROR;
    count = virtq_iovec(blk->virtio.bus, chain, VIRTQ_READABLE, sizeof(struct request_header), length, iov);
    struct disk *disk = blk->drive.disk;
    if (count < 0 || !disk_drive_did(&blk->drive, disk->ops->write(disk, sector * DISK_SECTOR_BYTES, iov, count)))
        return STATUS_IO_ERROR;
    return writes_through(blk) ? do_flush(blk) : STATUS_OK;
}

static enum request_status do_get_id(struct virtio_blk *blk, const struct virtq_chain *chain,
                                     uint32_t *written)
{
    uint64_t room = chain->writable_bytes - 1;
    if (room > VIRTIO_BLK_ID_BYTES)
        room = VIRTIO_BLK_ID_BYTES;
    *written = virtq_write(blk->virtio.bus, chain, 0, blk->drive.name, room);
    return STATUS_OK;
}

/* 5.2.6.2: all ranges are checked before any is touched. */
static enum request_status read_ranges(struct virtio_blk *blk, const struct virtq_chain *chain,
                                       enum request_type type, struct request_range *ranges, unsigned *count)
{
    uint64_t length = chain->readable_bytes - sizeof(struct request_header);
    uint32_t flags = type == REQUEST_WRITE_ZEROES ? RANGE_UNMAP : 0;

    if (blk->drive.disk->read_only || length == 0 || length % sizeof *ranges ||
        length / sizeof *ranges > RANGES_MAX)
        return STATUS_IO_ERROR;
    *count = length / sizeof *ranges;
    virtq_read(blk->virtio.bus, chain, sizeof(struct request_header), ranges, length);
    for (unsigned i = 0; i < *count; i++) {
        if (ranges[i].flags & ~flags)
            return STATUS_UNSUPPORTED;
        if (ranges[i].sectors > RANGE_SECTORS_MAX ||
            !disk_drive_has(&blk->drive, ranges[i].sector, ranges[i].sectors * DISK_SECTOR_BYTES))
            return STATUS_IO_ERROR;
    }
    return STATUS_OK;
}

static enum request_status do_ranges(struct virtio_blk *blk, const struct virtq_chain *chain,
                                     enum request_type type)
{
    struct request_range ranges[RANGES_MAX];
    unsigned count;
    enum request_status status = read_ranges(blk, chain, type, ranges, &count);

    for (unsigned i = 0; status == STATUS_OK && i < count; i++) {
        uint64_t offset = ranges[i].sector * DISK_SECTOR_BYTES,
                 length = ranges[i].sectors * DISK_SECTOR_BYTES;
        int result = 0;
        if (length == 0)
            continue;
        if (type == REQUEST_DISCARD)
            result = blk->drive.disk->ops->discard(blk->drive.disk, offset, length);
        else
            result = blk->drive.disk->ops->write_zeroes(blk->drive.disk, offset, length, ranges[i].flags & RANGE_UNMAP);
        if (!disk_drive_did(&blk->drive, result))
            status = STATUS_IO_ERROR;
    }
    if (status == STATUS_OK && type == REQUEST_WRITE_ZEROES && writes_through(blk))
        status = do_flush(blk);
    return status;
}

/* Carries out a request; `*written` becomes how many bytes of its data were written to RAM, from its start.
 */
static enum request_status carry_out(struct virtio_blk *blk, const struct virtq_chain *chain,
                                     uint32_t *written)
{
    struct request_header header;

    virtq_read(blk->virtio.bus, chain, 0, &header, sizeof header);
    switch (header.type) {
    case REQUEST_READ: return do_read(blk, chain, header.sector, written);
    case REQUEST_WRITE: return do_write(blk, chain, header.sector);
    case REQUEST_GET_ID: return do_get_id(blk, chain, written);
    case REQUEST_FLUSH:
        if (virtio_has(&blk->virtio, FEATURE_FLUSH))
            return do_flush(blk);
        break;
    case REQUEST_DISCARD:
        if (virtio_has(&blk->virtio, FEATURE_DISCARD))
            return do_ranges(blk, chain, header.type);
        break;
    case REQUEST_WRITE_ZEROES:
        if (virtio_has(&blk->virtio, FEATURE_WRITE_ZEROES))
            return do_ranges(blk, chain, header.type);
        break;
    }
    return STATUS_UNSUPPORTED;
}

/* 5.2.6: a header to read, and a byte to write for the status, are in every request. */
static bool well_formed(const struct virtq_chain *chain)
{
    return chain->readable_bytes >= sizeof(struct request_header) && chain->writable_bytes >= 1;
}

static void complete(struct virtio_blk *blk, unsigned queue, uint16_t head)
{
    struct virtq_chain chain;
    uint32_t written = 0;

    /* The driver owns the descriptors and may have changed them; what they say now is what counts. */
    if (!virtqueue_walk(&blk->virtio.queues[queue], head, &chain) || !well_formed(&chain)) {
        virtio_break(&blk->virtio);
        return;
    }
    uint8_t status = carry_out(blk, &chain, &written);
    virtq_write(blk->virtio.bus, &chain, chain.writable_bytes - 1, &status, 1);
    /* 2.7.8.2: the length covers only what is written without a gap. */
    virtio_put(&blk->virtio, queue, head, written == chain.writable_bytes - 1 ? written + 1 : written);
}

/* --- taking requests --- */

static uint64_t service_ns(struct virtio_blk *blk, const struct request_header *header,
                           const struct virtq_chain *chain)
{
    switch (header->type) {
    case REQUEST_READ: return chain->writable_bytes * 1000 / DISK_BYTES_PER_1000_NS;
    case REQUEST_WRITE: return chain->readable_bytes * 1000 / DISK_BYTES_PER_1000_NS;
    case REQUEST_FLUSH: return DISK_FLUSH_NS;
    default: return 0;
    }
}

static void announce(struct virtio_blk *blk, const struct request_header *header,
                     const struct virtq_chain *chain)
{
    const struct disk_ops *ops = blk->drive.disk->ops;
    uint64_t length = chain->writable_bytes - 1;

    if (header->type == REQUEST_READ && ops->expect_read && disk_drive_has(&blk->drive, header->sector, length))
        ops->expect_read(blk->drive.disk, header->sector * DISK_SECTOR_BYTES, length);
    if (header->type == REQUEST_FLUSH && ops->expect_flush)
        ops->expect_flush(blk->drive.disk);
}

static void schedule(struct virtio_blk *blk)
{
    if (blk->in_flight)
        clock_schedule(blk->clock, &blk->completion, blk->requests[blk->first].due_ns);
    else
        clock_cancel(blk->clock, &blk->completion);
}

static void take_requests(struct virtio_blk *blk, unsigned queue)
{
    struct virtq_chain chain;

    while (blk->in_flight < VIRTQ_SIZE_MAX && virtio_pop(&blk->virtio, queue, &chain)) {
        uint64_t now = clock_now_ns(blk->clock);
        struct request_header header;
        if (!well_formed(&chain)) {
            virtio_break(&blk->virtio);
            break;
        }
        virtq_read(blk->virtio.bus, &chain, 0, &header, sizeof header);
        if (blk->idle_at_ns < now)
            blk->idle_at_ns = now;
        uint64_t bytes = chain.readable_bytes + chain.writable_bytes - sizeof header - 1;
        blk->idle_at_ns += disk_drive_takes_ns(&blk->drive, bytes, service_ns(blk, &header, &chain));
        blk->requests[(blk->first + blk->in_flight++) % VIRTQ_SIZE_MAX] = (struct virtio_blk_request){
            .due_ns = blk->idle_at_ns + DISK_LATENCY_NS,
            .head = chain.head,
            .queue = (uint16_t)queue,
        };
        announce(blk, &header, &chain);
    }
    schedule(blk);
}

static void blk_notify(void *device, unsigned queue)
{
    take_requests(device, queue);
}

static void completion_due(void *owner)
{
    struct virtio_blk *blk = owner;
    uint64_t now = clock_now_ns(blk->clock);

    while (blk->in_flight && blk->requests[blk->first].due_ns <= now) {
        struct virtio_blk_request request = blk->requests[blk->first];
        blk->first = (blk->first + 1) % VIRTQ_SIZE_MAX;
        blk->in_flight--;
        /* A queue that was disabled, or a device that waits for its reset, answers nothing. */
        if (virtio_running(&blk->virtio) && blk->virtio.queues[request.queue].ready)
            complete(blk, request.queue, request.head);
    }
    for (unsigned queue = 0; queue < blk->virtio.queue_count; queue++)
        virtio_signal(&blk->virtio, queue);
    for (unsigned queue = 0; queue < blk->virtio.queue_count; queue++)
        take_requests(blk, queue);
}

/* --- operations --- */

static void blk_reset_by_driver(void *device)
{
    struct virtio_blk *blk = device;
    memset(blk->requests, 0, sizeof blk->requests);
    blk->first = blk->in_flight = 0;
    blk->idle_at_ns = 0;
    blk->config.writeback = 1;
    clock_cancel(blk->clock, &blk->completion);
}

static void blk_config_write(void *device, unsigned offset, unsigned size, uint64_t value)
{
    struct virtio_blk *blk = device;
    if (offset == offsetof(struct virtio_blk_config, writeback) && size == 1 &&
        virtio_has(&blk->virtio, FEATURE_CONFIG_WCE))
        blk->config.writeback = value & 1;
}

static const struct virtio_device_ops blk_ops = {
    .id = VIRTIO_ID_BLOCK,
    .reset = blk_reset_by_driver,
    .notify = blk_notify,
    .config_write = blk_config_write,
};

static void blk_reset(void *device)
{
    virtio_device_reset(&((struct virtio_blk *)device)->virtio);
}

static void blk_restored(void *device)
{
    struct virtio_blk *blk = device;
    blk->first %= VIRTQ_SIZE_MAX;
    if (blk->in_flight > VIRTQ_SIZE_MAX)
        blk->in_flight = VIRTQ_SIZE_MAX;
    blk->config.writeback &= 1;
    for (unsigned i = 0; i < VIRTQ_SIZE_MAX; i++)
        blk->requests[i].queue %= blk->virtio.queue_count;
    virtio_device_restored(&blk->virtio);
    /* The event as it was, which keeps its order among others, if it is what the requests say. */
    if (blk->completion.when_ns == (blk->in_flight ? blk->requests[blk->first].due_ns : CLOCK_NEVER))
        clock_restore(blk->clock, &blk->completion);
    else
        schedule(blk);
}

static void blk_free(void *device)
{
    struct virtio_blk *blk = device;
    clock_cancel(blk->clock, &blk->completion);
    disk_free(blk->drive.disk);
    free(blk);
}

const struct device_class virtio_blk_class = {
    .name = "virtio-blk",
    .state = &virtio_blk_fields,
    .reset = blk_reset,
    .restored = blk_restored,
    .medium = &disk_drive_medium,
    .free = blk_free,
};

struct virtio_blk *virtio_blk_create(struct bus *bus, struct clock *clock, struct disk *disk, const char *id)
{
    struct virtio_blk *blk = calloc(1, sizeof *blk);
    if (!blk)
        abort();
    blk->clock = clock;
    disk_drive_init(&blk->drive, disk, id);
    event_init(&blk->completion, completion_due, blk);
    blk->config = (struct virtio_blk_config){
        .capacity = disk->size_bytes / DISK_SECTOR_BYTES,
        .seg_max = VIRTQ_SIZE_MAX - 2, /* header and status take one each */
        .blk_size = DISK_SECTOR_BYTES,
        .topology = {.physical_block_exp = 3, .min_io_size = 8, .opt_io_size = 0},
        .writeback = 1,
        .num_queues = 1,
        .max_discard_sectors = RANGE_SECTORS_MAX,
        .max_discard_seg = RANGES_MAX,
        .discard_sector_alignment = 8,
        .max_write_zeroes_sectors = RANGE_SECTORS_MAX,
        .max_write_zeroes_seg = RANGES_MAX,
        .write_zeroes_may_unmap = 1,
    };
    virtio_device_init(&blk->virtio, &blk_ops, blk, bus,
                       FEATURE_SEG_MAX | FEATURE_BLK_SIZE | FEATURE_FLUSH | FEATURE_TOPOLOGY |
                           FEATURE_CONFIG_WCE |
                           (disk->read_only ? FEATURE_READ_ONLY : FEATURE_DISCARD | FEATURE_WRITE_ZEROES));
    blk->virtio.config = (const uint8_t *)&blk->config;
    blk->virtio.config_bytes = sizeof blk->config;
    virtio_add_queue(&blk->virtio, VIRTQ_SIZE_MAX);
    return blk;
}

void virtio_blk_add_queues(struct virtio_blk *blk, unsigned count)
{
    assert(!blk->virtio.transport_ops && count >= 1);
    while (blk->virtio.queue_count < count)
        virtio_add_queue(&blk->virtio, VIRTQ_SIZE_MAX);
    blk->config.num_queues = (uint16_t)count;
    if (count > 1)
        blk->virtio.offered |= FEATURE_MQ;
}
