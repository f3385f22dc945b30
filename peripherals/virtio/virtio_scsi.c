/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The SCSI host device (virtio 1.2, section 5.6).
 *
 * As in virtio_blk.c, a request ends when it and those before it say, and all of its effects happen then. What a
 * command does is in peripherals/scsi. */
#include "peripherals/virtio/virtio_scsi.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* --- state --- */

static const struct field request_list[] = {
    FIELD(struct virtio_scsi_request, due_ns),
    FIELD(struct virtio_scsi_request, head),
    FIELD(struct virtio_scsi_request, queue),
    FIELDS_END,
};
static const struct fields request_fields = {"virtio_scsi_request", sizeof(struct virtio_scsi_request), request_list};

static const struct field virtio_scsi_list[] = {
    FIELD_STRUCT(struct virtio_scsi, virtio, &virtio_device_fields),
    FIELD_HOST(struct virtio_scsi, clock),
    FIELD(struct virtio_scsi, config.sense_size),
    FIELD(struct virtio_scsi, config.cdb_size),
    FIELD_HOST(struct virtio_scsi, config),
    FIELD_HOST(struct virtio_scsi, targets),
    FIELD_HOST(struct virtio_scsi, target_count),
    FIELD_STRUCT(struct virtio_scsi, completion, &event_fields),
    FIELD_STRUCT_ARRAY(struct virtio_scsi, requests, &request_fields),
    FIELD(struct virtio_scsi, first),
    FIELD(struct virtio_scsi, in_flight),
    FIELD(struct virtio_scsi, idle_at_ns),
    FIELD(struct virtio_scsi, subscribed),
    FIELD(struct virtio_scsi, changed),
    FIELD(struct virtio_scsi, events_missed),
    FIELDS_END,
};
static const struct fields virtio_scsi_fields = {"virtio-scsi", sizeof(struct virtio_scsi), virtio_scsi_list};

/* --- tables --- */

enum { QUEUE_CONTROL, QUEUE_EVENT, QUEUE_REQUEST };

#define FEATURE_CHANGE   (1ull << 2)
#define CDB_BYTES        SCSI_CDB_BYTES /* at first; the driver may choose others */
#define SENSE_BYTES      96u
#define CHOSEN_BYTES_MAX 256u
#define LUN_BYTES        8u

/* 5.6.6.1 */
enum response {
    RESPONSE_OK = 0,
    RESPONSE_OVERRUN = 1,
    RESPONSE_ABORTED = 2,
    RESPONSE_BAD_TARGET = 3,
    RESPONSE_RESET = 4,
    RESPONSE_FAILURE = 9,
    RESPONSE_FUNCTION_SUCCEEDED = 10,
    RESPONSE_FUNCTION_REJECTED = 11,
    RESPONSE_INCORRECT_LUN = 12,
    RESPONSE_FUNCTION_COMPLETE = 0,
};

struct command_header {
    uint8_t lun[LUN_BYTES];
    uint64_t id;
    uint8_t attribute, priority, crn;
} __attribute__((packed));

struct command_answer {
    uint32_t sense_length, residual;
    uint16_t qualifier;
    uint8_t status, response;
};

static unsigned request_bytes(const struct virtio_scsi *scsi)
{
    return (unsigned)sizeof(struct command_header) + scsi->config.cdb_size;
}

static unsigned answer_bytes(const struct virtio_scsi *scsi)
{
    return (unsigned)sizeof(struct command_answer) + scsi->config.sense_size;
}

/* 5.6.6.1: byte 0 is 1, then the target, then the unit with 0x40 above it. NULL: there is no such target, or (`*unit`)
 * another unit of one that there is. */
static struct scsi_disk *find_target(const struct virtio_scsi *scsi, const uint8_t lun[LUN_BYTES], unsigned *number,
                                     bool *unit)
{
    *number = lun[1];
    *unit = (lun[2] & 0x3f) == 0 && lun[3] == 0;
    return lun[0] == 1 && lun[1] < scsi->target_count ? scsi->targets[lun[1]] : NULL;
}

/* --- carrying out --- */

static void answer(struct virtio_scsi *scsi, unsigned queue, const struct virtq_chain *chain,
                   struct command_answer *answer, const uint8_t *sense, uint64_t data)
{
    virtq_write(scsi->virtio.bus, chain, 0, answer, sizeof *answer);
    virtq_write(scsi->virtio.bus, chain, sizeof *answer, sense, answer->sense_length);
    uint64_t written = data ? answer_bytes(scsi) + data : sizeof *answer + answer->sense_length;
    virtio_put(&scsi->virtio, queue, chain->head, (uint32_t)written);
}

/* What is there for a unit that there is not: inquiry says so (SPC-4, 6.4.2), all else is refused. */
static void do_without_unit(struct scsi_request *request)
{
    static const uint8_t sense[SCSI_SENSE_BYTES] = {0x70, [2] = 5, [7] = SCSI_SENSE_BYTES - 8, [12] = 0x25};
    uint64_t room = request->cdb[3] << 8 | request->cdb[4];
    if (request->cdb[0] == 0x12 && room && request->in_count && request->in[0].iov_len >= 36 && room >= 36) {
        memset(request->in[0].iov_base, 0, 36);
        *(uint8_t *)request->in[0].iov_base = 0x7f;
        request->done = 36;
        return;
    }
    request->status = SCSI_CHECK_CONDITION;
    memcpy(request->sense, sense, sizeof sense);
}

static void do_command(struct virtio_scsi *scsi, unsigned queue, const struct virtq_chain *chain,
                       const struct command_header *header)
{
    struct iovec in[VIRTQ_SIZE_MAX], out[VIRTQ_SIZE_MAX];
    struct scsi_request request = {.in = in, .out = out,
                                   .in_bytes = chain->writable_bytes - answer_bytes(scsi),
                                   .out_bytes = chain->readable_bytes - request_bytes(scsi)};
    struct command_answer told = {0};
    unsigned number;
    bool unit;
    struct scsi_disk *disk = find_target(scsi, header->lun, &number, &unit);
    if (!disk) {
        told.response = RESPONSE_BAD_TARGET;
        answer(scsi, queue, chain, &told, request.sense, 0);
        return;
    }
    virtq_read(scsi->virtio.bus, chain, sizeof *header, request.cdb,
               scsi->config.cdb_size < SCSI_CDB_BYTES ? scsi->config.cdb_size : SCSI_CDB_BYTES);
    request.in_count = virtq_iovec(scsi->virtio.bus, chain, VIRTQ_WRITABLE, answer_bytes(scsi), request.in_bytes, in);
    request.out_count =
        virtq_iovec(scsi->virtio.bus, chain, VIRTQ_READABLE, request_bytes(scsi), request.out_bytes, out);
    bool was_open = disk->open;
    if (unit)
        scsi_disk_do(disk, &request);
    else
        do_without_unit(&request);
    if (disk->open != was_open)
        scsi->changed |= scsi->subscribed & 1u << number;
    uint64_t room = request.in_bytes ? request.in_bytes : request.out_bytes;
    told.response = request.overrun ? RESPONSE_OVERRUN : RESPONSE_OK;
    told.status = (uint8_t)request.status;
    told.residual = (uint32_t)(room - request.done);
    if (request.status == SCSI_CHECK_CONDITION)
        told.sense_length = SCSI_SENSE_BYTES < scsi->config.sense_size ? SCSI_SENSE_BYTES : scsi->config.sense_size;
    answer(scsi, queue, chain, &told, request.sense, request.in_bytes ? request.done : 0);
}

/* 5.6.6.1: the parts that every request has. */
static bool well_formed(const struct virtio_scsi *scsi, const struct virtq_chain *chain)
{
    return chain->readable_bytes >= request_bytes(scsi) && chain->writable_bytes >= answer_bytes(scsi);
}

/* The driver owns the descriptors and may have changed them; what they say now is what counts. False: they are none any
 * more. */
static bool look_again(struct virtio_scsi *scsi, const struct virtio_scsi_request *request, struct virtq_chain *chain,
                       struct command_header *header)
{
    if (!virtqueue_walk(&scsi->virtio.queues[request->queue], request->head, chain) || !well_formed(scsi, chain))
        return false;
    virtq_read(scsi->virtio.bus, chain, 0, header, sizeof *header);
    return true;
}

/* --- events --- */

static void send_events(struct virtio_scsi *scsi)
{
    enum { EVENT_NONE, EVENT_ASYNC_NOTIFY = 2, MISSED = 1u << 31, MEDIA_CHANGE = 16 };
    struct virtq_chain chain;
    while ((scsi->changed || scsi->events_missed) && virtio_pop(&scsi->virtio, QUEUE_EVENT, &chain)) {
        struct {
            uint32_t event;
            uint8_t lun[LUN_BYTES];
            uint32_t reason;
        } event = {scsi->events_missed ? MISSED : EVENT_NONE, {0}, 0};
        if (scsi->changed) {
            unsigned target = (unsigned)__builtin_ctz(scsi->changed);
            scsi->changed &= scsi->changed - 1;
            event.event |= EVENT_ASYNC_NOTIFY;
            event.lun[0] = 1;
            event.lun[1] = (uint8_t)target;
            event.reason = MEDIA_CHANGE;
        }
        scsi->events_missed = false;
        uint32_t written = (uint32_t)virtq_write(scsi->virtio.bus, &chain, 0, &event, sizeof event);
        virtio_put(&scsi->virtio, QUEUE_EVENT, chain.head, written);
    }
    /* 5.6.6.3: what there is no buffer for is lost, and the next event says so. */
    scsi->events_missed = scsi->events_missed || scsi->changed;
    scsi->changed = 0;
    virtio_signal(&scsi->virtio, QUEUE_EVENT);
}

/* --- taking requests --- */

static void schedule(struct virtio_scsi *scsi)
{
    if (scsi->in_flight)
        clock_schedule(scsi->clock, &scsi->completion, scsi->requests[scsi->first].due_ns);
    else
        clock_cancel(scsi->clock, &scsi->completion);
}

static void take_requests(struct virtio_scsi *scsi, unsigned queue)
{
    struct virtq_chain chain;
    while (scsi->in_flight < VIRTQ_SIZE_MAX && virtio_pop(&scsi->virtio, queue, &chain)) {
        uint64_t now = clock_now_ns(scsi->clock);
        struct command_header header;
        uint8_t cdb[SCSI_CDB_BYTES] = {0};
        unsigned number;
        bool unit;
        if (!well_formed(scsi, &chain)) {
            virtio_break(&scsi->virtio);
            break;
        }
        virtq_read(scsi->virtio.bus, &chain, 0, &header, sizeof header);
        virtq_read(scsi->virtio.bus, &chain, sizeof header, cdb,
                   scsi->config.cdb_size < sizeof cdb ? scsi->config.cdb_size : sizeof cdb);
        struct scsi_disk *disk = find_target(scsi, header.lun, &number, &unit);
        if (scsi->idle_at_ns < now)
            scsi->idle_at_ns = now;
        if (disk && unit) {
            scsi->idle_at_ns += scsi_disk_service_ns(disk, cdb);
            scsi_disk_announce(disk, cdb);
        }
        scsi->requests[(scsi->first + scsi->in_flight++) % VIRTQ_SIZE_MAX] = (struct virtio_scsi_request){
            .due_ns = scsi->idle_at_ns + DISK_LATENCY_NS,
            .head = chain.head,
            .queue = (uint16_t)queue,
        };
    }
    schedule(scsi);
}

static void complete(struct virtio_scsi *scsi, const struct virtio_scsi_request *request)
{
    struct virtq_chain chain;
    struct command_header header;
    if (look_again(scsi, request, &chain, &header))
        do_command(scsi, request->queue, &chain, &header);
    else
        virtio_break(&scsi->virtio);
}

static void completion_due(void *owner)
{
    struct virtio_scsi *scsi = owner;
    uint64_t now = clock_now_ns(scsi->clock);
    while (scsi->in_flight && scsi->requests[scsi->first].due_ns <= now) {
        struct virtio_scsi_request request = scsi->requests[scsi->first];
        scsi->first = (scsi->first + 1) % VIRTQ_SIZE_MAX;
        scsi->in_flight--;
        if (virtio_running(&scsi->virtio) && scsi->virtio.queues[request.queue].ready)
            complete(scsi, &request);
    }
    for (unsigned queue = QUEUE_REQUEST; queue < scsi->virtio.queue_count; queue++)
        virtio_signal(&scsi->virtio, queue);
    if (scsi->changed)
        send_events(scsi);
    for (unsigned queue = QUEUE_REQUEST; queue < scsi->virtio.queue_count; queue++)
        take_requests(scsi, queue);
}

/* --- task management (5.6.6.2) --- */

enum function {
    FUNCTION_ABORT_TASK,
    FUNCTION_ABORT_TASK_SET,
    FUNCTION_CLEAR_ACA,
    FUNCTION_CLEAR_TASK_SET,
    FUNCTION_NEXUS_RESET,
    FUNCTION_UNIT_RESET,
    FUNCTION_QUERY_TASK,
    FUNCTION_QUERY_TASK_SET,
};

/* Answers the requests of a unit that have not begun (all of them, or the one called `*id`). Returns how many there
 * are; `leave`: they are only counted. */
static unsigned end_requests(struct virtio_scsi *scsi, const uint8_t lun[LUN_BYTES], const uint64_t *id, bool leave,
                             enum response response)
{
    static const uint8_t no_sense[1];
    unsigned found = 0, kept = 0;
    for (unsigned i = 0; i < scsi->in_flight; i++) {
        struct virtio_scsi_request request = scsi->requests[(scsi->first + i) % VIRTQ_SIZE_MAX];
        struct virtq_chain chain;
        struct command_header header;
        bool meant = look_again(scsi, &request, &chain, &header) && !memcmp(header.lun, lun, LUN_BYTES) &&
                     (!id || header.id == *id);
        found += meant;
        if (meant && !leave) {
            struct command_answer told = {.response = (uint8_t)response};
            answer(scsi, request.queue, &chain, &told, no_sense, 0);
            virtio_signal(&scsi->virtio, request.queue);
        } else {
            scsi->requests[(scsi->first + kept++) % VIRTQ_SIZE_MAX] = request;
        }
    }
    scsi->in_flight = kept;
    schedule(scsi);
    return found;
}

static enum response manage(struct virtio_scsi *scsi, uint32_t function, const uint8_t lun[LUN_BYTES], uint64_t id)
{
    unsigned number;
    bool unit;
    struct scsi_disk *disk = find_target(scsi, lun, &number, &unit);
    if (!disk)
        return RESPONSE_BAD_TARGET;
    if (!unit && function != FUNCTION_NEXUS_RESET)
        return RESPONSE_INCORRECT_LUN;
    switch (function) {
    case FUNCTION_ABORT_TASK: end_requests(scsi, lun, &id, false, RESPONSE_ABORTED); return RESPONSE_FUNCTION_COMPLETE;
    case FUNCTION_ABORT_TASK_SET:
    case FUNCTION_CLEAR_TASK_SET:
        end_requests(scsi, lun, NULL, false, RESPONSE_ABORTED);
        return RESPONSE_FUNCTION_COMPLETE;
    case FUNCTION_NEXUS_RESET:
    case FUNCTION_UNIT_RESET:
        end_requests(scsi, lun, NULL, false, RESPONSE_RESET);
        scsi_disk_reset(disk);
        return RESPONSE_FUNCTION_COMPLETE;
    case FUNCTION_QUERY_TASK:
    case FUNCTION_QUERY_TASK_SET:
        return end_requests(scsi, lun, function == FUNCTION_QUERY_TASK ? &id : NULL, true, RESPONSE_OK)
                   ? RESPONSE_FUNCTION_SUCCEEDED
                   : RESPONSE_FUNCTION_COMPLETE;
    case FUNCTION_CLEAR_ACA: /* there never is one */
    default: return RESPONSE_FUNCTION_REJECTED;
    }
}

/* Queries and subscriptions of notifications: a change of medium is the only one. */
static void subscribe(struct virtio_scsi *scsi, const struct virtq_chain *chain, bool subscribes)
{
    enum { MEDIA_CHANGE = 16 };
    struct {
        uint32_t type;
        uint8_t lun[LUN_BYTES];
        uint32_t wanted;
    } request;
    struct {
        uint32_t actual;
        uint8_t response;
    } __attribute__((packed)) told = {0, RESPONSE_FAILURE};
    unsigned number;
    bool unit;
    if (virtq_read(scsi->virtio.bus, chain, 0, &request, sizeof request) == sizeof request) {
        const struct scsi_disk *disk = find_target(scsi, request.lun, &number, &unit);
        told.response = disk ? unit ? RESPONSE_OK : RESPONSE_INCORRECT_LUN : RESPONSE_BAD_TARGET;
        if (disk && unit && disk->is_cd)
            told.actual = request.wanted & MEDIA_CHANGE;
        if (disk && unit && subscribes)
            scsi->subscribed = (scsi->subscribed & ~(1u << number)) | (uint32_t)(told.actual != 0) << number;
    }
    size_t written = virtq_write(scsi->virtio.bus, chain, 0, &told, sizeof told);
    virtio_put(&scsi->virtio, QUEUE_CONTROL, chain->head, (uint32_t)written);
}

static void take_control(struct virtio_scsi *scsi)
{
    enum { MANAGE, QUERY, SUBSCRIBE };
    struct virtq_chain chain;
    while (virtio_pop(&scsi->virtio, QUEUE_CONTROL, &chain)) {
        struct {
            uint32_t type, function;
            uint8_t lun[LUN_BYTES];
            uint64_t id;
        } request = {.type = ~0u};
        size_t length = virtq_read(scsi->virtio.bus, &chain, 0, &request, sizeof request);
        if (length >= 4 && (request.type == QUERY || request.type == SUBSCRIBE)) {
            subscribe(scsi, &chain, request.type == SUBSCRIBE);
            continue;
        }
        uint8_t response = RESPONSE_FAILURE;
        if (length == sizeof request && request.type == MANAGE)
            response = (uint8_t)manage(scsi, request.function, request.lun, request.id);
        size_t written = virtq_write(scsi->virtio.bus, &chain, 0, &response, 1);
        virtio_put(&scsi->virtio, QUEUE_CONTROL, chain.head, (uint32_t)written);
    }
    virtio_signal(&scsi->virtio, QUEUE_CONTROL);
}

/* --- operations --- */

static void scsi_notify(void *device, unsigned queue)
{
    struct virtio_scsi *scsi = device;
    if (queue == QUEUE_CONTROL)
        take_control(scsi);
    else if (queue == QUEUE_EVENT)
        send_events(scsi);
    else
        take_requests(scsi, queue);
}

/* 5.6.4: the driver chooses how long commands and sense are. */
static void scsi_config_write(void *device, unsigned offset, unsigned size, uint64_t value)
{
    struct virtio_scsi *scsi = device;
    if (size != 4 || value == 0 || value > CHOSEN_BYTES_MAX || scsi->virtio.status & VIRTIO_STATUS_DRIVER_OK)
        return;
    if (offset == offsetof(struct virtio_scsi_config, sense_size))
        scsi->config.sense_size = (uint32_t)value;
    else if (offset == offsetof(struct virtio_scsi_config, cdb_size))
        scsi->config.cdb_size = (uint32_t)value;
}

static void scsi_reset_by_driver(void *device)
{
    struct virtio_scsi *scsi = device;
    memset(scsi->requests, 0, sizeof scsi->requests);
    scsi->first = scsi->in_flight = 0;
    scsi->idle_at_ns = 0;
    scsi->subscribed = scsi->changed = 0;
    scsi->events_missed = false;
    scsi->config.sense_size = SENSE_BYTES;
    scsi->config.cdb_size = CDB_BYTES;
    for (unsigned i = 0; i < scsi->target_count; i++)
        scsi_disk_reset(scsi->targets[i]);
    clock_cancel(scsi->clock, &scsi->completion);
}

static const struct virtio_device_ops scsi_ops = {
    .id = VIRTIO_ID_SCSI,
    .reset = scsi_reset_by_driver,
    .notify = scsi_notify,
    .config_write = scsi_config_write,
};

static void scsi_reset(void *device)
{
    virtio_device_reset(&((struct virtio_scsi *)device)->virtio);
}

static uint32_t chosen(uint32_t bytes, uint32_t otherwise)
{
    return bytes && bytes <= CHOSEN_BYTES_MAX ? bytes : otherwise;
}

static void scsi_restored(void *device)
{
    struct virtio_scsi *scsi = device;
    const uint32_t all = (1u << scsi->target_count) - 1;
    scsi->first %= VIRTQ_SIZE_MAX;
    if (scsi->in_flight > VIRTQ_SIZE_MAX)
        scsi->in_flight = VIRTQ_SIZE_MAX;
    scsi->config.sense_size = chosen(scsi->config.sense_size, SENSE_BYTES);
    scsi->config.cdb_size = chosen(scsi->config.cdb_size, CDB_BYTES);
    scsi->subscribed &= all;
    scsi->changed &= all;
    for (unsigned i = 0; i < VIRTQ_SIZE_MAX; i++)
        scsi->requests[i].queue %= scsi->virtio.queue_count;
    virtio_device_restored(&scsi->virtio);
    if (scsi->completion.when_ns == (scsi->in_flight ? scsi->requests[scsi->first].due_ns : CLOCK_NEVER))
        clock_restore(scsi->clock, &scsi->completion);
    else
        schedule(scsi);
}

static void scsi_free(void *device)
{
    struct virtio_scsi *scsi = device;
    clock_cancel(scsi->clock, &scsi->completion);
    free(scsi);
}

const struct device_class virtio_scsi_class = {
    .name = "virtio-scsi",
    .state = &virtio_scsi_fields,
    .reset = scsi_reset,
    .restored = scsi_restored,
    .free = scsi_free,
};

struct virtio_scsi *virtio_scsi_create(struct bus *bus, struct clock *clock, unsigned request_queues)
{
    struct virtio_scsi *scsi = host_alloc(1, sizeof *scsi);
    assert(request_queues && request_queues <= VIRTIO_SCSI_QUEUES_MAX);
    scsi->clock = clock;
    event_init(&scsi->completion, completion_due, scsi);
    scsi->config = (struct virtio_scsi_config){
        .num_queues = request_queues,
        .seg_max = VIRTQ_SIZE_MAX - 2, /* what comes before the data takes one each */
        .max_sectors = SCSI_TRANSFER_MAX / 512,
        .cmd_per_lun = 128,
        .event_info_size = 16,
        .sense_size = SENSE_BYTES,
        .cdb_size = CDB_BYTES,
    };
    virtio_device_init(&scsi->virtio, &scsi_ops, scsi, bus, FEATURE_CHANGE);
    scsi->virtio.config = (const uint8_t *)&scsi->config;
    scsi->virtio.config_bytes = sizeof scsi->config;
    virtio_add_queue(&scsi->virtio, 16);
    virtio_add_queue(&scsi->virtio, 16);
    for (unsigned i = 0; i < request_queues; i++)
        virtio_add_queue(&scsi->virtio, VIRTQ_SIZE_MAX);
    return scsi;
}

unsigned virtio_scsi_add(struct virtio_scsi *scsi, struct scsi_disk *disk)
{
    assert(scsi->target_count < VIRTIO_SCSI_TARGETS_MAX);
    scsi->targets[scsi->target_count] = disk;
    scsi->config.max_target = (uint16_t)scsi->target_count;
    return scsi->target_count++;
}
