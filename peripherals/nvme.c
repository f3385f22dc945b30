/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An NVM Express controller (NVM Express 1.4): registers, queues, and when commands are done.
 *
 * A doorbell has commands fetched. When one is done is a function of it and of those before; all of its effects happen
 * at that moment, as with virtio_blk.c, and until then its data is in guest memory alone. */
#include "peripherals/nvme.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "peripherals/nvme_internal.h"

/* --- state ----------------------------------------------------------------------------------------- */

static const struct field submission_list[] = {
    FIELD(struct nvme_submission, base), FIELD(struct nvme_submission, size),       FIELD(struct nvme_submission, head),
    FIELD(struct nvme_submission, tail), FIELD(struct nvme_submission, completion), FIELDS_END,
};
static const struct fields submission_fields = {"nvme_submission", sizeof(struct nvme_submission), submission_list};

static const struct field completion_list[] = {
    FIELD(struct nvme_completion, base),   FIELD(struct nvme_completion, size),
    FIELD(struct nvme_completion, head),   FIELD(struct nvme_completion, tail),
    FIELD(struct nvme_completion, vector), FIELD(struct nvme_completion, phase),
    FIELD(struct nvme_completion, interrupts), FIELDS_END,
};
static const struct fields completion_fields = {"nvme_completion", sizeof(struct nvme_completion), completion_list};

static const struct field request_list[] = {
    FIELD(struct nvme_request, due_ns),
    FIELD(struct nvme_request, queue),
    FIELD_BYTES(struct nvme_request, command),
    FIELDS_END,
};
static const struct fields request_fields = {"nvme_request", sizeof(struct nvme_request), request_list};

static const struct field nvme_list[] = {
    FIELD_HOST(struct nvme, drive),
    FIELD_STRUCT(struct nvme, function, &pci_function_fields),
    FIELD_STRUCT(struct nvme, msix, &pci_msix_fields),
    FIELD_HOST(struct nvme, bus),
    FIELD_HOST(struct nvme, clock),
    FIELD(struct nvme, masked),
    FIELD(struct nvme, configuration),
    FIELD(struct nvme, status),
    FIELD(struct nvme, admin_sizes),
    FIELD(struct nvme, admin_submission),
    FIELD(struct nvme, admin_completion),
    FIELD_STRUCT_ARRAY(struct nvme, submissions, &submission_fields),
    FIELD_STRUCT_ARRAY(struct nvme, completions, &completion_fields),
    FIELD_STRUCT_ARRAY(struct nvme, requests, &request_fields),
    FIELD(struct nvme, request_count),
    FIELD(struct nvme, idle_at_ns),
    FIELD_STRUCT(struct nvme, due, &event_fields),
    FIELD_ARRAY(struct nvme, event_commands),
    FIELD(struct nvme, event_command_count),
    FIELD(struct nvme, event_waiting),
    FIELD(struct nvme, events_masked),
    FIELD_ARRAY(struct nvme, features),
    FIELD(struct nvme, reads),
    FIELD(struct nvme, writes),
    FIELD(struct nvme, blocks_read),
    FIELD(struct nvme, blocks_written),
    FIELD(struct nvme, errors),
    FIELD(struct nvme, master),
    FIELDS_END,
};
static const struct fields nvme_fields = {"nvme", sizeof(struct nvme), nvme_list};

/* --- tables ---------------------------------------------------------------------------------------- */

#define BAR_REGISTERS 0u
#define BAR_MSIX      4u
#define BAR_BYTES     0x4000u
#define DOORBELLS     0x1000u

/* CAP (3.1.1): queues in one piece; ready within 10 s; the NVM command set; pages of 4 to 64 KiB. */
#define CAPABILITIES                                                                                      \
    ((NVME_QUEUE_SIZE_MAX - 1) | 1ull << 16 | 20ull << 24 | 1ull << 37 |                                  \
     (uint64_t)(NVME_PAGE_BITS_MAX - NVME_PAGE_BITS_MIN) << 52)

enum configuration { CONFIGURATION_ENABLE = 1, CONFIGURATION_SHUTDOWN = 3 << 14, CONFIGURATION_KEPT = 0x00fffff1 };
enum status { STATUS_READY = 1, STATUS_FATAL = 2, STATUS_SHUT_DOWN = 2 << 2 };

/* --- interrupts ------------------------------------------------------------------------------------ */

static bool has_unread(const struct nvme_completion *queue)
{
    return queue->size && queue->interrupts && queue->head != queue->tail;
}

/* 7.5.1: the pin is asserted while a completion waits whose vector is not masked. */
static void drive_pin(struct nvme *nvme)
{
    bool asserted = false;
    for (unsigned i = 0; i < NVME_QUEUES && !pci_msix_enabled(&nvme->msix); i++) {
        const struct nvme_completion *queue = &nvme->completions[i];
        asserted = asserted || (has_unread(queue) && !(nvme->masked >> (queue->vector & 31) & 1));
    }
    pci_set_intx(&nvme->function, asserted);
}

/* --- completions ----------------------------------------------------------------------------------- */

static void fail(struct nvme *nvme)
{
    nvme->status |= STATUS_FATAL;
}

static bool working(const struct nvme *nvme)
{
    return (nvme->status & (STATUS_READY | STATUS_FATAL)) == STATUS_READY && nvme->master;
}

static bool is_full(const struct nvme_completion *queue)
{
    return (queue->tail + 1) % queue->size == queue->head;
}

bool nvme_can_complete(const struct nvme *nvme, uint32_t number)
{
    const struct nvme_submission *from = &nvme->submissions[number];
    const struct nvme_completion *queue = &nvme->completions[from->completion];
    return from->size && queue->size && !is_full(queue);
}

/* 4.6. A queue without room loses it: who has a choice waits for room. */
void nvme_complete(struct nvme *nvme, uint32_t number, uint16_t id, unsigned status, uint32_t result)
{
    const struct nvme_submission *from = &nvme->submissions[number];
    struct nvme_completion *queue = &nvme->completions[from->completion];
    if (!nvme_can_complete(nvme, number))
        return;
    const uint32_t entry[4] = {result, 0, from->head | number << 16, id | queue->phase << 16 | status << 17};
    if (status != NVME_OK)
        nvme->errors++;
    if (!bus_dma_write(nvme->bus, queue->base + queue->tail * sizeof entry, entry, sizeof entry)) {
        fail(nvme);
        return;
    }
    queue->tail = (queue->tail + 1) % queue->size;
    queue->phase ^= queue->tail == 0;
    if (queue->interrupts && pci_msix_enabled(&nvme->msix))
        pci_msix_notify(&nvme->msix, queue->vector);
    drive_pin(nvme);
}

/* --- commands -------------------------------------------------------------------------------------- */

static void take_out(struct nvme *nvme, unsigned index)
{
    memmove(&nvme->requests[index], &nvme->requests[index + 1],
            (--nvme->request_count - index) * sizeof nvme->requests[0]);
    memset(&nvme->requests[nvme->request_count], 0, sizeof nvme->requests[0]);
}

static struct nvme_command command_of(const struct nvme_request *request)
{
    struct nvme_command command;
    static_assert(sizeof command == NVME_COMMAND_BYTES, "a command is kept as it lies in memory");
    memcpy(&command, request->command, sizeof command);
    return command;
}

bool nvme_abort(struct nvme *nvme, uint32_t queue, uint16_t id)
{
    for (unsigned i = 0; nvme_can_complete(nvme, queue) && i < nvme->request_count; i++)
        if (nvme->requests[i].queue == queue && command_of(&nvme->requests[i]).id == id) {
            take_out(nvme, i);
            nvme_complete(nvme, queue, id, NVME_ABORTED, 0);
            return true;
        }
    return false;
}

void nvme_abort_all(struct nvme *nvme, uint32_t queue)
{
    for (unsigned i = 0; i < nvme->request_count;) {
        if (nvme->requests[i].queue != queue) {
            i++;
            continue;
        }
        uint16_t id = command_of(&nvme->requests[i]).id;
        take_out(nvme, i);
        nvme_complete(nvme, queue, id, NVME_ABORTED_QUEUE, 0);
    }
}

static void carry_out(struct nvme *nvme, uint32_t queue, const struct nvme_command *command)
{
    uint32_t result = 0;
    unsigned status = queue ? nvme_io(nvme, command) : nvme_admin(nvme, command, &result);
    if (status != NVME_NO_ANSWER)
        nvme_complete(nvme, queue, command->id, status, result);
}

static uint64_t service_ns(const struct nvme *nvme, uint32_t queue, const struct nvme_command *command)
{
    uint64_t bytes = ((command->dword12 & 0xffff) + 1) * DISK_SECTOR_BYTES;
    if (queue == 0)
        return 0;
    switch (command->opcode) {
    case 0: return disk_drive_takes_ns(&nvme->drive, 0, DISK_FLUSH_NS);
    case 1:
    case 2:
    case 5: return disk_drive_takes_ns(&nvme->drive, bytes, bytes * 1000 / DISK_BYTES_PER_1000_NS);
    default: return disk_drive_takes_ns(&nvme->drive, 0, 0);
    }
}

/* Work that the host may begin. */
static void announce(struct nvme *nvme, const struct nvme_command *command)
{
    struct disk *disk = nvme->drive.disk;
    uint64_t first = command->dword10 | (uint64_t)command->dword11 << 32,
             length = ((command->dword12 & 0xffff) + 1) * DISK_SECTOR_BYTES;
    if (command->opcode == 2 && disk->ops->expect_read && disk_drive_has(&nvme->drive, first, length))
        disk->ops->expect_read(disk, first * DISK_SECTOR_BYTES, length);
    if (command->opcode == 0 && disk->ops->expect_flush)
        disk->ops->expect_flush(disk);
}

static void fetch(struct nvme *nvme, uint32_t number)
{
    struct nvme_submission *queue = &nvme->submissions[number];
    while (working(nvme) && queue->size && queue->head != queue->tail && nvme->request_count < NVME_REQUESTS_MAX) {
        struct nvme_request *request = &nvme->requests[nvme->request_count];
        uint64_t now = clock_now_ns(nvme->clock);
        if (!bus_dma_read(nvme->bus, queue->base + (uint64_t)queue->head * NVME_COMMAND_BYTES, request->command,
                          NVME_COMMAND_BYTES)) {
            fail(nvme);
            return;
        }
        queue->head = (queue->head + 1) % queue->size;
        struct nvme_command command = command_of(request);
        uint64_t start = nvme->idle_at_ns > now ? nvme->idle_at_ns : now;
        nvme->idle_at_ns = start + service_ns(nvme, number, &command);
        request->due_ns = nvme->idle_at_ns + DISK_LATENCY_NS;
        request->queue = number;
        nvme->request_count++;
        if (number)
            announce(nvme, &command);
    }
}

/* The first request that only time keeps waiting. */
static uint64_t next_due_ns(const struct nvme *nvme)
{
    uint64_t now = clock_now_ns(nvme->clock);
    for (unsigned i = 0; i < nvme->request_count; i++)
        if (nvme->requests[i].due_ns > now)
            return nvme->requests[i].due_ns;
    return CLOCK_NEVER;
}

/* Does what is due, fetches what there is room for, and makes an appointment for the rest. */
static void run(struct nvme *nvme)
{
    for (unsigned i = 0; working(nvme) && i < nvme->request_count;) {
        struct nvme_request *request = &nvme->requests[i];
        if (request->due_ns > clock_now_ns(nvme->clock))
            break;
        if (!nvme_can_complete(nvme, request->queue)) {
            i++;
            continue;
        }
        uint32_t queue = request->queue;
        struct nvme_command command = command_of(request);
        take_out(nvme, i);
        carry_out(nvme, queue, &command);
        i = 0; /* it may have aborted others */
    }
    if (working(nvme))
        nvme_send_event(nvme);
    for (uint32_t queue = 0; queue < NVME_QUEUES; queue++)
        fetch(nvme, queue);
    clock_schedule(nvme->clock, &nvme->due, working(nvme) ? next_due_ns(nvme) : CLOCK_NEVER);
}

static void due_now(void *owner)
{
    run(owner);
}

/* --- registers ------------------------------------------------------------------------------------- */

static void forget_all(struct nvme *nvme)
{
    memset(nvme->submissions, 0, sizeof nvme->submissions);
    memset(nvme->completions, 0, sizeof nvme->completions);
    memset(nvme->requests, 0, sizeof nvme->requests);
    memset(nvme->event_commands, 0, sizeof nvme->event_commands);
    nvme->request_count = nvme->event_command_count = nvme->event_waiting = nvme->events_masked = 0;
    nvme->idle_at_ns = 0;
    nvme->status = nvme->masked = 0;
    nvme_default_features(nvme);
    clock_cancel(nvme->clock, &nvme->due);
    drive_pin(nvme);
}

/* 7.6.1. What a controller cannot work with makes it fail, and it never becomes ready. */
static void enable(struct nvme *nvme)
{
    uint32_t submissions = (nvme->admin_sizes & 0xfff) + 1, completions = (nvme->admin_sizes >> 16 & 0xfff) + 1,
             page = NVME_PAGE_BITS_MIN + (nvme->configuration >> 7 & 15);
    if (submissions < 2 || completions < 2 || page > NVME_PAGE_BITS_MAX || nvme->configuration & 0x3870) {
        fail(nvme);
        return;
    }
    nvme->submissions[0] = (struct nvme_submission){.base = nvme->admin_submission, .size = submissions};
    nvme->completions[0] = (struct nvme_completion){
        .base = nvme->admin_completion, .size = completions, .phase = true, .interrupts = true};
    nvme->status |= STATUS_READY;
}

static void configuration_write(void *device, unsigned index, uint64_t value)
{
    struct nvme *nvme = device;
    uint32_t before = nvme->configuration, now = (uint32_t)value & CONFIGURATION_KEPT;
    nvme->configuration = now;
    if (before & ~now & CONFIGURATION_ENABLE)
        forget_all(nvme);
    else if (now & ~before & CONFIGURATION_ENABLE)
        enable(nvme);
    if (now & CONFIGURATION_SHUTDOWN && !(before & CONFIGURATION_SHUTDOWN)) {
        disk_drive_did(&nvme->drive, nvme->drive.disk->ops->flush(nvme->drive.disk));
        nvme->status |= STATUS_SHUT_DOWN;
    } else if (!(now & CONFIGURATION_SHUTDOWN)) {
        nvme->status &= ~(uint32_t)STATUS_SHUT_DOWN;
    }
}

static void mask_write(void *device, unsigned clears, uint64_t value)
{
    struct nvme *nvme = device;
    nvme->masked = clears ? nvme->masked & ~(uint32_t)value : nvme->masked | (uint32_t)value;
    drive_pin(nvme);
}

static uint64_t mask_read(void *device, unsigned index)
{
    return ((struct nvme *)device)->masked;
}

/* While it is enabled these do not change. */
static void admin_sizes_write(void *device, unsigned index, uint64_t value)
{
    struct nvme *nvme = device;
    if (!(nvme->configuration & CONFIGURATION_ENABLE))
        nvme->admin_sizes = (uint32_t)value & 0x0fff0fff;
}

static void admin_submission_write(void *device, unsigned index, uint64_t value)
{
    struct nvme *nvme = device;
    if (!(nvme->configuration & CONFIGURATION_ENABLE))
        nvme->admin_submission = value & ~0xfffull;
}

static void admin_completion_write(void *device, unsigned index, uint64_t value)
{
    struct nvme *nvme = device;
    if (!(nvme->configuration & CONFIGURATION_ENABLE))
        nvme->admin_completion = value & ~0xfffull;
}

#define FIELD_ROW(member) .field_offset = REG_FIELD(struct nvme, member)
#define HOOKED            .field_offset = REG_NO_FIELD

static const struct reg registers[] = {
    {0x00, "CAP", 8, HOOKED, .reset = CAPABILITIES},
    {0x08, "VS", 4, HOOKED, .reset = 0x00010400},
    /* The first sets bits, the second clears them. */
    {0x0c, "INTMS", 4, 2, HOOKED, .read = mask_read, .write = mask_write},
    {0x14, "CC", 4, FIELD_ROW(configuration), .write = configuration_write},
    {0x1c, "CSTS", 4, FIELD_ROW(status)},
    {0x24, "AQA", 4, FIELD_ROW(admin_sizes), .write = admin_sizes_write},
    {0x28, "ASQ", 8, FIELD_ROW(admin_submission), .write = admin_submission_write},
    {0x30, "ACQ", 8, FIELD_ROW(admin_completion), .write = admin_completion_write},
};
static const struct reg_bank bank = {registers, sizeof registers / sizeof registers[0], 4 | 8};

/* 3.1.16: a doorbell of a queue that there is not, or a place outside of it, is an error that is told. */
static void doorbell_write(struct nvme *nvme, uint64_t index, uint64_t value)
{
    enum { EVENT_ERROR = 0, NO_SUCH_DOORBELL = 0, NO_SUCH_VALUE = 1, LOG_ERRORS = 1 };
    uint64_t number = index / 2;
    uint32_t size = 0;
    if (!(nvme->status & STATUS_READY))
        return;
    if (number < NVME_QUEUES)
        size = index % 2 ? nvme->completions[number].size : nvme->submissions[number].size;
    if (value >= size) {
        nvme_event(nvme, EVENT_ERROR, size ? NO_SUCH_VALUE : NO_SUCH_DOORBELL, LOG_ERRORS);
        return;
    }
    if (index % 2) {
        nvme->completions[number].head = (uint32_t)value;
        drive_pin(nvme);
    } else {
        nvme->submissions[number].tail = (uint32_t)value;
    }
    run(nvme);
}

static bool nvme_read(void *device, uint64_t offset, unsigned size, uint64_t *value)
{
    *value = 0;
    return offset >= DOORBELLS || regs_read(&bank, device, offset, size, value);
}

static bool nvme_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    if (offset < DOORBELLS)
        return regs_write(&bank, device, offset, size, value);
    if (size == 4)
        doorbell_write(device, (offset - DOORBELLS) / 4, value);
    return true;
}

static const struct mmio_ops nvme_mmio = {nvme_read, nvme_write};

/* --- the device ------------------------------------------------------------------------------------ */

static void config_written(struct pci_function *function, unsigned offset, unsigned size)
{
    struct nvme *nvme = function->device;
    bool master = pci_command_has(function, PCI_COMMAND_MASTER), other = master != nvme->master;
    nvme->master = master;
    pci_msix_config_written(&nvme->msix);
    drive_pin(nvme);
    if (other)
        run(nvme);
}

static const struct pci_function_ops function_ops = {.config_written = config_written};

static void nvme_reset(void *device)
{
    struct nvme *nvme = device;
    regs_reset(&bank, nvme);
    pci_msix_reset(&nvme->msix);
    forget_all(nvme);
    nvme->reads = nvme->writes = nvme->blocks_read = nvme->blocks_written = nvme->errors = 0;
    nvme->master = false;
    pci_function_reset(&nvme->function);
}

/* Saved state comes from a file. */
static void distrust(struct nvme *nvme)
{
    for (unsigned i = 0; i < NVME_QUEUES; i++) {
        struct nvme_submission *from = &nvme->submissions[i];
        struct nvme_completion *to = &nvme->completions[i];
        if (from->size < 2 || from->size > (i ? NVME_QUEUE_SIZE_MAX : 4096u) || from->completion >= NVME_QUEUES)
            *from = (struct nvme_submission){0};
        if (to->size < 2 || to->size > (i ? NVME_QUEUE_SIZE_MAX : 4096u))
            *to = (struct nvme_completion){0};
        from->head = from->size ? from->head % from->size : 0;
        from->tail = from->size ? from->tail % from->size : 0;
        to->head = to->size ? to->head % to->size : 0;
        to->tail = to->size ? to->tail % to->size : 0;
    }
    if (nvme->request_count > NVME_REQUESTS_MAX)
        nvme->request_count = 0;
    if (nvme->event_command_count > NVME_EVENTS_MAX)
        nvme->event_command_count = 0;
    for (unsigned i = 0; i < NVME_REQUESTS_MAX; i++)
        nvme->requests[i].queue %= NVME_QUEUES;
    nvme->configuration &= CONFIGURATION_KEPT;
    if ((nvme->configuration >> 7 & 15) > NVME_PAGE_BITS_MAX - NVME_PAGE_BITS_MIN && nvme->status & STATUS_READY)
        fail(nvme);
}

static void nvme_restored(void *device)
{
    struct nvme *nvme = device;
    distrust(nvme);
    pci_msix_restored(&nvme->msix);
    pci_function_restored(&nvme->function);
    nvme->master = pci_command_has(&nvme->function, PCI_COMMAND_MASTER);
    drive_pin(nvme);
    /* The event as it was, which keeps its order among others, if it is what the requests say. */
    uint64_t due_ns = working(nvme) ? next_due_ns(nvme) : CLOCK_NEVER;
    bool waits = nvme->due.when_ns <= clock_now_ns(nvme->clock); /* it fires right now */
    if (nvme->due.when_ns == due_ns || waits)
        clock_restore(nvme->clock, &nvme->due);
    else
        clock_schedule(nvme->clock, &nvme->due, due_ns);
}

static void nvme_free(void *device)
{
    struct nvme *nvme = device;
    clock_cancel(nvme->clock, &nvme->due);
    disk_free(nvme->drive.disk);
    free(nvme);
}

const struct device_class nvme_class = {
    .name = "nvme",
    .state = &nvme_fields,
    .regs = &bank,
    .reset = nvme_reset,
    .restored = nvme_restored,
    .medium = &disk_drive_medium,
    .free = nvme_free,
};

struct nvme *nvme_create(struct bus *bus, struct clock *clock, struct disk *disk, const char *name)
{
    struct nvme *nvme = host_alloc(1, sizeof *nvme);
    const struct pci_identity identity = {
        .vendor = 0x1b36,
        .device = 0x0010, /* QEMU's, which firmware and kernels know */
        .subsystem_vendor = 0x1af4,
        .subsystem = 0x1100,
        .class_code = 0x010802,
        .revision = 2,
        .interrupts = true,
    };
    disk_drive_init(&nvme->drive, disk, name);
    nvme->bus = bus;
    nvme->clock = clock;
    event_init(&nvme->due, due_now, nvme);
    pci_function_init(&nvme->function, &identity, &function_ops, nvme);
    pci_add_bar(&nvme->function, BAR_REGISTERS, &(struct pci_bar){BAR_BYTES, true, &nvme_mmio, nvme});
    pci_msix_init(&nvme->msix, &nvme->function, BAR_MSIX, NVME_QUEUES);
    pci_add_express(&nvme->function);
    return nvme;
}
