/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The administrator's commands (NVM Express 1.4, chapter 5). */
#include <stdio.h>
#include <string.h>
#include "peripherals/nvme_internal.h"

enum opcode {
    OPCODE_DELETE_SUBMISSION = 0x00,
    OPCODE_CREATE_SUBMISSION = 0x01,
    OPCODE_GET_LOG = 0x02,
    OPCODE_DELETE_COMPLETION = 0x04,
    OPCODE_CREATE_COMPLETION = 0x05,
    OPCODE_IDENTIFY = 0x06,
    OPCODE_ABORT = 0x08,
    OPCODE_SET_FEATURES = 0x09,
    OPCODE_GET_FEATURES = 0x0a,
    OPCODE_EVENT_REQUEST = 0x0c,
};

#define IDENTIFY_BYTES   4096u
#define ABORTS_MAX       3u /* at a time, less one: each is done at once */
#define TEMPERATURE_K    310u
#define TEMPERATURE_HIGH 343u

static void put(uint8_t *page, unsigned at, uint64_t value, unsigned bytes)
{
    memcpy(page + at, &value, bytes);
}

static void put_text(uint8_t *page, unsigned at, unsigned room, const char *text, size_t length)
{
    memset(page + at, ' ', room);
    memcpy(page + at, text, length < room ? length : room);
}

/* --- queues ---------------------------------------------------------------------------------------- */

static unsigned create_completion(struct nvme *nvme, const struct nvme_command *command)
{
    uint32_t id = command->dword10 & 0xffff, size = (command->dword10 >> 16) + 1, vector = command->dword11 >> 16;
    uint64_t base;
    memcpy(&base, command->data, sizeof base);
    if (id == 0 || id >= NVME_QUEUES || nvme->completions[id].size)
        return NVME_INVALID_QUEUE;
    if (size < 2 || size > NVME_QUEUE_SIZE_MAX)
        return NVME_INVALID_QUEUE_SIZE;
    if (vector >= (pci_msix_enabled(&nvme->msix) ? nvme->msix.vector_count : 1))
        return NVME_INVALID_VECTOR;
    if (!(command->dword11 & 1) || base % 4096 || (nvme->configuration >> 20 & 15) != 4)
        return NVME_INVALID_FIELD;
    nvme->completions[id] = (struct nvme_completion){
        .base = base, .size = size, .vector = vector, .phase = true, .interrupts = command->dword11 & 2};
    return NVME_OK;
}

static unsigned create_submission(struct nvme *nvme, const struct nvme_command *command)
{
    uint32_t id = command->dword10 & 0xffff, size = (command->dword10 >> 16) + 1, to = command->dword11 >> 16;
    uint64_t base;
    memcpy(&base, command->data, sizeof base);
    if (to == 0 || to >= NVME_QUEUES || !nvme->completions[to].size)
        return NVME_INVALID_COMPLETION_QUEUE;
    if (id == 0 || id >= NVME_QUEUES || nvme->submissions[id].size)
        return NVME_INVALID_QUEUE;
    if (size < 2 || size > NVME_QUEUE_SIZE_MAX)
        return NVME_INVALID_QUEUE_SIZE;
    if (!(command->dword11 & 1) || base % 4096 || (nvme->configuration >> 16 & 15) != 6)
        return NVME_INVALID_FIELD;
    nvme->submissions[id] = (struct nvme_submission){.base = base, .size = size, .completion = to};
    return NVME_OK;
}

static unsigned delete_submission(struct nvme *nvme, const struct nvme_command *command)
{
    uint32_t id = command->dword10 & 0xffff;
    if (id == 0 || id >= NVME_QUEUES || !nvme->submissions[id].size)
        return NVME_INVALID_QUEUE;
    nvme_abort_all(nvme, id);
    nvme->submissions[id] = (struct nvme_submission){0};
    return NVME_OK;
}

static unsigned delete_completion(struct nvme *nvme, const struct nvme_command *command)
{
    uint32_t id = command->dword10 & 0xffff;
    if (id == 0 || id >= NVME_QUEUES || !nvme->completions[id].size)
        return NVME_INVALID_QUEUE;
    for (unsigned i = 1; i < NVME_QUEUES; i++)
        if (nvme->submissions[i].size && nvme->submissions[i].completion == id)
            return NVME_INVALID_QUEUE_DELETION;
    nvme->completions[id] = (struct nvme_completion){0};
    return NVME_OK;
}

/* --- identify (5.15) ------------------------------------------------------------------------------- */

static void identify_controller(const struct nvme *nvme, uint8_t *page)
{
    static const char model[] = "Armature NVMe disk", firmware[] = "1.0";
    put(page, 0, 0x1b36, 2);
    put(page, 2, 0x1af4, 2);
    put_text(page, 4, 20, nvme->drive.name, strnlen(nvme->drive.name, sizeof nvme->drive.name));
    put_text(page, 24, 40, model, sizeof model - 1);
    put_text(page, 64, 8, firmware, sizeof firmware - 1);
    page[72] = 6;                                         /* RAB */
    page[77] = NVME_TRANSFER_BITS - NVME_PAGE_BITS_MIN;   /* MDTS */
    put(page, 78, 0, 2);                                  /* CNTLID */
    put(page, 80, 0x00010400, 4);                         /* VER */
    page[111] = 1;                                        /* CNTRLTYPE: I/O */
    page[258] = ABORTS_MAX;                               /* ACL */
    page[259] = NVME_EVENTS_MAX - 1;                      /* AERL */
    page[260] = 1 << 1 | 1;                               /* FRMW: one slot, read-only */
    page[261] = 1 << 2 | 1 << 1;                          /* LPA: commands' effects, long offsets */
    page[262] = 0;                                        /* ELPE: one entry */
    put(page, 266, TEMPERATURE_HIGH, 2);                  /* WCTEMP */
    put(page, 268, TEMPERATURE_HIGH + 10, 2);             /* CCTEMP */
    page[512] = 0x66;                                     /* SQES */
    page[513] = 0x44;                                     /* CQES */
    put(page, 516, 1, 4);                                 /* NN */
    put(page, 520, 1 << 0 | 1 << 2 | 1 << 3, 2);          /* ONCS: compare, dataset management, write zeroes */
    page[525] = 1 | 3 << 1;                               /* VWC: there is one; flush takes all namespaces */
    put(page, 536, 1, 4);                                 /* SGLS: any alignment */
    snprintf((char *)page + 768, 256, "nqn.2026-01.net.armature:nvme:%.*s", DISK_DRIVE_NAME_BYTES, nvme->drive.name);
    put(page, 2048, 100, 2); /* a power state of one watt */
}

void nvme_put_eui64(const struct nvme *nvme, uint8_t *to)
{
    uint64_t hash = hash_bytes(nvme->drive.name, sizeof nvme->drive.name, FIELDS_HASH_SEED);
    const uint8_t id[8] = {0x52, 0x54, 0, 'a', 'r', 'm', (uint8_t)(hash >> 8), (uint8_t)hash};
    memcpy(to, id, sizeof id);
}

static void identify_namespace(const struct nvme *nvme, uint8_t *page)
{
    uint64_t blocks = nvme->drive.disk->size_bytes / DISK_SECTOR_BYTES;
    for (unsigned at = 0; at < 24; at += 8) /* size, capacity, use */
        put(page, at, blocks, 8);
    page[24] = 1 << 4;                         /* NSFEAT: the sizes below are meant */
    page[33] = 1 << 3;                         /* DLFEAT: write zeroes may deallocate */
    put(page, 64, 7, 2);                       /* NPWG, NPWA, NPDG, NPDA: 8 blocks */
    put(page, 66, 7, 2);
    put(page, 68, 7, 2);
    put(page, 70, 7, 2);
    page[99] = nvme->drive.disk->read_only; /* NSATTR: write protected */
    nvme_put_eui64(nvme, page + 120);
    page[128 + 2] = 9; /* LBA format 0: blocks of 512 bytes */
}

static unsigned identify(struct nvme *nvme, const struct nvme_command *command)
{
    enum { NAMESPACE, CONTROLLER, ACTIVE, DESCRIPTORS };
    uint8_t page[IDENTIFY_BYTES] = {0};
    bool ours = command->nsid == NVME_NAMESPACE;
    switch (command->dword10 & 0xff) {
    case NAMESPACE:
        if (!ours && command->nsid != NVME_ALL_NAMESPACES)
            return NVME_INVALID_NAMESPACE;
        identify_namespace(nvme, page);
        break;
    case CONTROLLER: identify_controller(nvme, page); break;
    case ACTIVE:
        if (command->nsid >= 0xfffffffe)
            return NVME_INVALID_NAMESPACE;
        put(page, 0, command->nsid < NVME_NAMESPACE ? NVME_NAMESPACE : 0, 4);
        break;
    case DESCRIPTORS:
        if (!ours)
            return NVME_INVALID_NAMESPACE;
        page[0] = 1; /* an EUI-64 */
        page[1] = 8;
        nvme_put_eui64(nvme, page + 4);
        break;
    default: return NVME_INVALID_FIELD;
    }
    return nvme_send(nvme, command, page, sizeof page);
}

/* --- logs (5.14) ----------------------------------------------------------------------------------- */

static uint64_t thousands_of_blocks(uint64_t blocks)
{
    return (blocks + 999) / 1000;
}

static void log_health(const struct nvme *nvme, uint8_t *page)
{
    put(page, 1, TEMPERATURE_K, 2);
    page[3] = 100; /* per cent of spare blocks; 4: where they are few */
    page[4] = 10;
    put(page, 32, thousands_of_blocks(nvme->blocks_read), 8);
    put(page, 48, thousands_of_blocks(nvme->blocks_written), 8);
    put(page, 64, nvme->reads, 8);
    put(page, 80, nvme->writes, 8);
    put(page, 112, 1, 8); /* power cycles */
    put(page, 176, nvme->errors, 8);
}

static void log_effects(uint8_t *page)
{
    static const uint8_t admin[] = {OPCODE_DELETE_SUBMISSION, OPCODE_CREATE_SUBMISSION, OPCODE_GET_LOG,
                                    OPCODE_DELETE_COMPLETION, OPCODE_CREATE_COMPLETION, OPCODE_IDENTIFY, OPCODE_ABORT,
                                    OPCODE_SET_FEATURES, OPCODE_GET_FEATURES, OPCODE_EVENT_REQUEST},
                         io[] = {0, 1, 2, 5, 8, 9};
    for (unsigned i = 0; i < sizeof admin; i++)
        put(page, admin[i] * 4u, 1, 4);
    for (unsigned i = 0; i < sizeof io; i++) /* which of them change what blocks hold */
        put(page, 1024 + io[i] * 4u, io[i] == 1 || io[i] >= 8 ? 3 : 1, 4);
}

static unsigned get_log(struct nvme *nvme, const struct nvme_command *command)
{
    enum { ERRORS = 1, HEALTH, FIRMWARE, EFFECTS = 5 };
    uint8_t page[4096] = {0};
    unsigned number = command->dword10 & 0xff;
    uint64_t length = ((command->dword10 >> 16 | (uint64_t)(command->dword11 & 0xffff) << 16) + 1) * 4,
             offset = command->dword12 | (uint64_t)command->dword13 << 32, size = number == EFFECTS ? 4096 : 512;
    switch (number) {
    case ERRORS:
        size = 64;
        put(page, 0, nvme->errors, 8);
        break;
    case HEALTH: log_health(nvme, page); break;
    case FIRMWARE:
        page[0] = 1;
        put_text(page, 8, 8, "1.0", 3);
        break;
    case EFFECTS: log_effects(page); break;
    default: return NVME_INVALID_LOG;
    }
    if (offset % 4 || offset > size)
        return NVME_INVALID_FIELD;
    if (length > sizeof page - offset) /* zeroes stand behind the end */
        length = sizeof page - offset;
    enum nvme_status status = nvme_send(nvme, command, page + offset, (uint32_t)length);
    /* 5.2: reading the log lets the next event of its kind through, unless that is to be kept. */
    if (status == NVME_OK && !(command->dword10 & 1u << 15))
        nvme->events_masked &= ~(number == ERRORS ? 1u : number == HEALTH ? 2u : 0);
    return status;
}

/* --- features (5.21) ------------------------------------------------------------------------------- */

enum feature {
    FEATURE_ARBITRATION = 1,
    FEATURE_POWER = 2,
    FEATURE_TEMPERATURE = 4,
    FEATURE_ERROR_RECOVERY = 5,
    FEATURE_WRITE_CACHE = 6,
    FEATURE_QUEUES = 7,
    FEATURE_COALESCING = 8,
    FEATURE_VECTOR = 9,
    FEATURE_ATOMICITY = 10,
    FEATURE_EVENTS = 11,
};

/* What is kept of a feature, and what it is at first. No bits: there is no such feature. */
static const struct {
    uint32_t bits, first;
} features[16] = {
    [FEATURE_ARBITRATION] = {0xffffff07, 0x7},  [FEATURE_POWER] = {0x1f, 0},
    [FEATURE_TEMPERATURE] = {0xffff, TEMPERATURE_HIGH}, [FEATURE_ERROR_RECOVERY] = {0xffff, 0},
    [FEATURE_WRITE_CACHE] = {1, 1},             [FEATURE_COALESCING] = {0xffff, 0},
    [FEATURE_ATOMICITY] = {1, 0},               [FEATURE_EVENTS] = {0xffff, 0},
};

void nvme_default_features(struct nvme *nvme)
{
    for (unsigned i = 0; i < 16; i++)
        nvme->features[i] = features[i].first;
}

#define QUEUE_COUNTS ((NVME_QUEUES - 2) << 16 | (NVME_QUEUES - 2)) /* less one, and without the administrator's */

static unsigned get_features(struct nvme *nvme, const struct nvme_command *command, uint32_t *result)
{
    enum { CURRENT, DEFAULT, SAVED, CAPABILITIES };
    unsigned number = command->dword10 & 0xff, select = command->dword10 >> 8 & 7;
    bool computed = number == FEATURE_QUEUES || number == FEATURE_VECTOR;
    if (number >= 16 || (!features[number].bits && !computed) || select > CAPABILITIES)
        return NVME_INVALID_FIELD;
    if (select == CAPABILITIES)
        *result = 4; /* it may be changed, and is not saved */
    else if (number == FEATURE_QUEUES)
        *result = QUEUE_COUNTS;
    else if (number == FEATURE_VECTOR)
        *result = command->dword11 & 0xffff;
    else if (number == FEATURE_TEMPERATURE && command->dword11 >> 16 & 0x3f)
        *result = 0; /* there is but the composite temperature, and no lower threshold */
    else
        *result = select == CURRENT ? nvme->features[number] : features[number].first;
    return NVME_OK;
}

static unsigned set_features(struct nvme *nvme, const struct nvme_command *command, uint32_t *result)
{
    unsigned number = command->dword10 & 0xff;
    if (command->dword10 >> 31)
        return NVME_NOT_SAVEABLE;
    switch (number) {
    case FEATURE_QUEUES: /* 65535 is no number; what there is does not depend on what is wanted */
        if ((command->dword11 & 0xffff) == 0xffff || command->dword11 >> 16 == 0xffff)
            return NVME_INVALID_FIELD;
        *result = QUEUE_COUNTS;
        return NVME_OK;
    case FEATURE_VECTOR: return (command->dword11 & 0xffff) < NVME_QUEUES ? NVME_OK : NVME_INVALID_FIELD;
    case FEATURE_POWER:
        if (command->dword11 & 0x1f)
            return NVME_INVALID_FIELD;
        return NVME_OK;
    case FEATURE_TEMPERATURE:
        if (command->dword11 >> 16 & 0x3f)
            return NVME_OK;
    }
    if (number >= 16 || !features[number].bits)
        return NVME_INVALID_FIELD;
    nvme->features[number] = command->dword11 & features[number].bits;
    return NVME_OK;
}

/* --- events (5.2) ---------------------------------------------------------------------------------- */

void nvme_send_event(struct nvme *nvme)
{
    if (!nvme->event_waiting || !nvme->event_command_count || !nvme_can_complete(nvme, 0))
        return;
    uint32_t event = nvme->event_waiting;
    nvme->event_waiting = 0;
    nvme->events_masked |= 1u << (event & 7);
    nvme_complete(nvme, 0, nvme->event_commands[--nvme->event_command_count], NVME_OK, event & 0x7fffffff);
}

void nvme_event(struct nvme *nvme, unsigned type, unsigned information, unsigned page)
{
    if (nvme->events_masked & 1u << type || nvme->event_waiting)
        return;
    nvme->event_waiting = 1u << 31 | type | information << 8 | page << 16; /* so that it is not 0 */
    nvme_send_event(nvme);
}

static unsigned event_request(struct nvme *nvme, const struct nvme_command *command)
{
    if (nvme->event_command_count == NVME_EVENTS_MAX)
        return NVME_TOO_MANY_EVENTS;
    nvme->event_commands[nvme->event_command_count++] = command->id;
    nvme_send_event(nvme);
    return NVME_NO_ANSWER;
}

/* 5.1: bit 0 of the result is clear where the command was aborted. */
static unsigned abort_command(struct nvme *nvme, const struct nvme_command *command, uint32_t *result)
{
    uint32_t queue = command->dword10 & 0xffff;
    uint16_t id = (uint16_t)(command->dword10 >> 16);
    *result = 1;
    if (queue >= NVME_QUEUES || !nvme->submissions[queue].size)
        return NVME_INVALID_FIELD;
    if (nvme_abort(nvme, queue, id))
        *result = 0;
    for (unsigned i = 0; queue == 0 && *result && i < nvme->event_command_count; i++)
        if (nvme->event_commands[i] == id) {
            nvme->event_commands[i] = nvme->event_commands[--nvme->event_command_count];
            nvme_complete(nvme, 0, id, NVME_ABORTED, 0);
            *result = 0;
        }
    return NVME_OK;
}

unsigned nvme_admin(struct nvme *nvme, const struct nvme_command *command, uint32_t *result)
{
    unsigned status;
    if (command->flags & 0xc3) /* fused, or with an SGL */
        return NVME_INVALID_FIELD | NVME_NO_RETRY;
    switch (command->opcode) {
    case OPCODE_DELETE_SUBMISSION: status = delete_submission(nvme, command); break;
    case OPCODE_CREATE_SUBMISSION: status = create_submission(nvme, command); break;
    case OPCODE_GET_LOG: status = get_log(nvme, command); break;
    case OPCODE_DELETE_COMPLETION: status = delete_completion(nvme, command); break;
    case OPCODE_CREATE_COMPLETION: status = create_completion(nvme, command); break;
    case OPCODE_IDENTIFY: status = identify(nvme, command); break;
    case OPCODE_ABORT: status = abort_command(nvme, command, result); break;
    case OPCODE_SET_FEATURES: status = set_features(nvme, command, result); break;
    case OPCODE_GET_FEATURES: status = get_features(nvme, command, result); break;
    case OPCODE_EVENT_REQUEST: return event_request(nvme, command);
    default: status = NVME_INVALID_OPCODE;
    }
    return status == NVME_OK ? NVME_OK : status | NVME_NO_RETRY;
}
