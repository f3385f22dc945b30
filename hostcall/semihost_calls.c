/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Semihosting's calls, in a table by their numbers, and those that need no file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "hostcall/semihost_internal.h"
#include "isa/arm64/mmu.h"

/* --- the guest's memory ---------------------------------------------------------------------------- */

/* Where in RAM the byte at a virtual address is, and how many follow it within its page. False: nowhere. */
static bool locate(struct cpu *cpu, uint64_t address, bool write, uint64_t *physical, uint64_t *left)
{
    unsigned external;
    uint64_t par = mmu_address_translate(cpu, address, cpu->pstate.el, write, cpu->pstate.pan, &external);
    *left = PAGE_SIZE_BYTES - address % PAGE_SIZE_BYTES;
    *physical = (par & 0x0000fffffffff000) | address % PAGE_SIZE_BYTES;
    return !(par & 1) && external == FAULT_NONE && ram_at(&cpu->bus->ram, *physical, *left);
}

bool semihost_read(struct cpu *cpu, uint64_t address, void *to, uint64_t length)
{
    for (uint64_t done = 0, physical, left; done < length; done += left) {
        if (!locate(cpu, address + done, false, &physical, &left))
            return false;
        if (left > length - done)
            left = length - done;
        bus_dma_read(cpu->bus, physical, (uint8_t *)to + done, left);
    }
    return true;
}

bool semihost_write(struct semihost_request *request, uint64_t address, const void *from, uint64_t length)
{
    for (uint64_t done = 0, physical, left; done < length; done += left) {
        if (!locate(request->cpu, address + done, true, &physical, &left))
            return false;
        if (left > length - done)
            left = length - done;
        if (!door_memory(request->semihost->door, physical, (const uint8_t *)from + done, left))
            return false;
    }
    return true;
}

bool semihost_text(struct semihost_request *request, unsigned at, char text[SEMIHOST_PATH_BYTES])
{
    if (request->texts[at])
        return snprintf(text, SEMIHOST_PATH_BYTES, "%s", request->texts[at]) < (int)SEMIHOST_PATH_BYTES;
    uint64_t length = request->fields[request->row->fields[at].of - 1];
    if (length >= SEMIHOST_PATH_BYTES || !semihost_read(request->cpu, request->fields[at], text, length))
        return false;
    text[length] = 0;
    return strlen(text) == length;
}

int64_t semihost_failed(struct semihost_request *request, int error)
{
    semihost_note_error(request->semihost, (uint32_t)error);
    return -1;
}

/* --- the calls -------------------------------------------------------------------------------------- */

/* fields: a status that another call gave. */
static int64_t sys_iserror(struct semihost_request *request)
{
    return (int64_t)request->fields[0] < 0;
}

/* Time is the machine's, so that runs can be repeated; with --clock paced it goes with the host's. */
static int64_t sys_clock(struct semihost_request *request)
{
    return (int64_t)(clock_now_ns(request->cpu->clock) / 10000000);
}

static int64_t sys_time(struct semihost_request *request)
{
    return (int64_t)(request->semihost->config.start_s + clock_now_ns(request->cpu->clock) / NS_PER_S);
}

static int64_t sys_elapsed(struct semihost_request *request)
{
    uint64_t now_ns = clock_now_ns(request->cpu->clock);
    return semihost_write(request, request->parameter, &now_ns, sizeof now_ns) ? 0 : semihost_failed(request, EFAULT);
}

static int64_t sys_tickfreq(struct semihost_request *request)
{
    return NS_PER_S;
}

/* No command is run on the host. */
static int64_t sys_system(struct semihost_request *request)
{
    return semihost_failed(request, EPERM);
}

static int64_t sys_errno(struct semihost_request *request)
{
    return (int64_t)request->semihost->now_error;
}

/* fields: address, room; which then has the length. */
static int64_t sys_get_cmdline(struct semihost_request *request)
{
    const char *text = request->semihost->command_line;
    uint64_t length = strlen(text);
    if (request->fields[1] < length + 1)
        return semihost_failed(request, E2BIG);
    return semihost_write(request, request->fields[0], text, length + 1) &&
                   semihost_write(request, request->parameter + 8, &length, sizeof length)
               ? 0
               : semihost_failed(request, EFAULT);
}

/* fields: where four words go: heap's base and limit, stack's base and limit. */
static int64_t sys_heapinfo(struct semihost_request *request)
{
    const struct semihost_config *config = &request->semihost->config;
    uint64_t middle = config->heap_base + (config->heap_limit - config->heap_base) / 4 * 3 / 16 * 16;
    const uint64_t block[4] = {config->heap_base, middle, config->heap_limit, middle};
    return semihost_write(request, request->fields[0], block, sizeof block) ? 0 : semihost_failed(request, EFAULT);
}

/* Output and ends are the guest's doing alone: they happen before anybody is asked, in a replay too. */
static int64_t done_before(struct semihost_request *request)
{
    return 0;
}

/* --- table ----------------------------------------------------------------------------------------- */

#define V       {.kind = ARG_BITS}
#define TEXT(n) {.kind = ARG_STRING, .of = (n)} /* so long as field n - 1 says */

static const struct semihost_row calls[] = {
    {0x01, "SYS_OPEN", semihost_open, {TEXT(3), V, V}},
    {0x02, "SYS_CLOSE", semihost_close, {V}},
    {0x03, "SYS_WRITEC", done_before, {}},
    {0x04, "SYS_WRITE0", done_before, {}},
    {0x05, "SYS_WRITE", semihost_write_file, {V, V, V}},
    {0x06, "SYS_READ", semihost_read_file, {V, V, V}},
    {0x07, "SYS_READC", semihost_readc, {}},
    {0x08, "SYS_ISERROR", sys_iserror, {V}},
    {0x09, "SYS_ISTTY", semihost_istty, {V}},
    {0x0a, "SYS_SEEK", semihost_seek, {V, V}},
    {0x0c, "SYS_FLEN", semihost_flen, {V}},
    {0x0d, "SYS_TMPNAM", semihost_tmpnam, {V, V, V}},
    {0x0e, "SYS_REMOVE", semihost_remove, {TEXT(2), V}},
    {0x0f, "SYS_RENAME", semihost_rename, {TEXT(2), V, TEXT(4), V}},
    {0x10, "SYS_CLOCK", sys_clock, {}},
    {0x11, "SYS_TIME", sys_time, {}},
    {0x12, "SYS_SYSTEM", sys_system, {TEXT(2), V}},
    {0x13, "SYS_ERRNO", sys_errno, {}},
    {0x15, "SYS_GET_CMDLINE", sys_get_cmdline, {V, V}},
    {0x16, "SYS_HEAPINFO", sys_heapinfo, {V}},
    {0x18, "SYS_EXIT", done_before, {V, V}},
    {0x20, "SYS_EXIT_EXTENDED", done_before, {V, V}},
    {0x30, "SYS_ELAPSED", sys_elapsed, {}},
    {0x31, "SYS_TICKFREQ", sys_tickfreq, {}},
};

enum { SYS_WRITEC = 0x03, SYS_WRITE0 = 0x04, SYS_WRITE = 0x05, SYS_EXIT = 0x18, SYS_EXIT_EXTENDED = 0x20 };
#define APPLICATION_EXIT 0x20026 /* ADP_Stopped_ApplicationExit */

static const struct semihost_row *find_call(uint32_t number)
{
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        if (calls[i].number == number)
            return &calls[i];
    return NULL;
}

static unsigned field_count(const struct semihost_row *row)
{
    unsigned count = 0;
    while (row->fields[count].kind != ARG_NONE)
        count++;
    return count;
}

/* --- policy ---------------------------------------------------------------------------------------- */

static const char *row_of(const void *context, unsigned index, unsigned *arguments)
{
    if (index >= sizeof calls / sizeof calls[0])
        return NULL;
    *arguments = field_count(&calls[index]);
    return calls[index].name;
}

static const char *fetch_text(void *context, unsigned index)
{
    struct semihost_request *request = context;
    if (request->row->fields[index].kind != ARG_STRING)
        return NULL;
    char *text = request->own[request->own_count++];
    if (!semihost_text(request, index, text))
        return request->own_count--, NULL;
    return request->texts[index] = text;
}

static struct policy_verdict judge(struct semihost_request *request)
{
    struct policy_subject subject = {.table = POLICY_SEMIHOSTING,
                                     .name = request->row->name,
                                     .count = field_count(request->row),
                                     .fetch = fetch_text,
                                     .context = request};
    memcpy(subject.numbers, request->fields, sizeof request->fields);
    const struct policy_verdict verdict = policy_judge(request->semihost->config.policy, &subject);
    memcpy(request->fields, subject.numbers, sizeof request->fields);
    memcpy(request->texts, subject.texts, sizeof request->texts);
    return verdict;
}

/* --- what is done in a replay too ------------------------------------------------------------------- */

static void print(const struct semihost *semihost, const void *bytes, size_t length)
{
    semihost->config.transmit(semihost->config.transmit_context, bytes, length);
}

static void print_guest(struct semihost_request *request, uint64_t address, uint64_t length, bool to_nul)
{
    for (uint64_t done = 0, physical, left; done < length; done += left) {
        if (!locate(request->cpu, address + done, false, &physical, &left))
            return;
        if (left > length - done)
            left = length - done;
        const uint8_t *bytes = ram_at(&request->cpu->bus->ram, physical, left);
        const uint8_t *end = to_nul ? memchr(bytes, 0, left) : NULL;
        print(request->semihost, bytes, end ? (size_t)(end - bytes) : left);
        if (end)
            return;
    }
}

/* True: the guest's program is at its end. */
static bool act(struct semihost_request *request, uint32_t number)
{
    switch (number) {
    case SYS_WRITEC: print_guest(request, request->parameter, 1, false); break;
    case SYS_WRITE0: print_guest(request, request->parameter, 1u << 20, true); break;
    case SYS_WRITE:
        if (request->fields[0] == HANDLE_CONSOLE_OUT)
            print_guest(request, request->fields[1], request->fields[2], false);
        break;
    case SYS_EXIT:
    case SYS_EXIT_EXTENDED:
        request->semihost->config.exit(request->semihost->config.exit_context,
                                       request->fields[0] == APPLICATION_EXIT ? (uint8_t)request->fields[1] : 1);
        return true;
    }
    return false;
}

/* --- entry points ---------------------------------------------------------------------------------- */

void semihost_call(void *context, struct cpu *cpu)
{
    struct semihost *semihost = context;
    struct semihost_request request = {.semihost = semihost, .cpu = cpu, .parameter = cpu->x[1]};
    uint32_t number = (uint32_t)cpu->x[0];
    struct policy_verdict verdict = {POLICY_GO, 0, 0};
    request.row = find_call(number);
    const unsigned count = request.row ? field_count(request.row) : 0;
    const bool readable =
        request.row && (!count || semihost_read(cpu, request.parameter, request.fields, 8ull * count));
    if (readable && semihost->config.policy)
        verdict = judge(&request);
    if (readable && verdict.kind == POLICY_GO && act(&request, number))
        return;
    door_begin(semihost->door, cpu);
    if (!door_serves(semihost->door))
        return;
    int64_t result;
    if (!readable)
        result = semihost_failed(&request, request.row ? EFAULT : ENOSYS);
    else if (verdict.kind == POLICY_GO)
        result = request.row->serve(&request);
    else
        result = verdict.kind == POLICY_DENY ? semihost_failed(&request, verdict.error) : (int64_t)verdict.value;
    door_answer(semihost->door, (const uint64_t *)&result, 1);
}

/* --- the device ------------------------------------------------------------------------------------- */

static const struct field semihost_list[] = {
    FIELD_HOST(struct semihost, door),
    FIELD_HOST(struct semihost, config),
    FIELD_HOST(struct semihost, command_line),
    FIELD_HOST(struct semihost, folder),
    FIELD_STRUCT_ARRAY(struct semihost, files, &semihost_file_fields),
    FIELD(struct semihost, error),
    FIELD_HOST(struct semihost, now),
    FIELD_HOST(struct semihost, descriptors),
    FIELD_HOST(struct semihost, now_error),
    FIELD_HOST(struct semihost, calls_before),
    FIELDS_END,
};
static const struct fields semihost_fields = {"semihosting", sizeof(struct semihost), semihost_list};

static void semihost_reset(void *context)
{
    struct semihost *semihost = context;
    memset(semihost->files, 0, sizeof semihost->files);
    semihost->error = 0;
    semihost_files_restored(semihost);
}

void semihost_free(void *context)
{
    struct semihost *semihost = context;
    semihost_close_all(semihost);
    if (semihost->folder >= 0)
        close(semihost->folder);
    free(semihost->command_line);
    free(semihost);
}

struct semihost *semihost_create(struct door *door, const struct semihost_config *config, struct error *error)
{
    struct semihost *semihost = host_alloc(1, sizeof *semihost);
    *semihost = (struct semihost){
        .door = door,
        .config = *config,
        .folder = -1,
        .command_line = strdup(config->command_line),
    };
    memset(semihost->descriptors, -1, sizeof semihost->descriptors);
    door->noted = semihost_noted;
    door->note_context = semihost;
    if (!policy_check(config->policy, POLICY_SEMIHOSTING, row_of, NULL, error)) {
        semihost_free(semihost);
        return NULL;
    }
    if (!door_serves(door) || !*config->folder)
        return semihost;
    semihost->folder = open(config->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (semihost->folder >= 0)
        return semihost;
    error_set(error, "semihosting: %s: %s; --semihosting expects a directory of the host", config->folder,
              strerror(errno));
    semihost_free(semihost);
    return NULL;
}

const struct device_class semihost_class = {
    .name = "semihosting",
    .state = &semihost_fields,
    .reset = semihost_reset,
    .restored = semihost_files_restored,
    .free = semihost_free,
};
