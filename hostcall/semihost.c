/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Semihosting's calls, in a table by their numbers. */
#include "hostcall/semihost.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "hostcall/call.h"
#include "isa/arm64/mmu.h"

#define FILES_MAX  256u
#define PATH_BYTES 1024u

/* Handles of the console are always the same, and open for ever, so that a replay, which opens no files, knows them. */
enum { HANDLE_CONSOLE_IN = 0x201, HANDLE_CONSOLE_OUT };

enum file_kind { FILE_CLOSED, FILE_HOST, FILE_CONSOLE_IN, FILE_CONSOLE_OUT, FILE_FEATURES };

struct file {
    enum file_kind kind;
    int fd;          /* HOST */
    uint64_t offset; /* FEATURES */
};

struct semihost {
    struct door *door;
    struct semihost_config config;
    char *command_line;
    int folder; /* of O_PATH; -1: a replay, or nobody said which it is */
    struct file files[FILES_MAX]; /* handle h is files[h - 1] */
    struct file console_in, console_out;
    uint64_t error; /* SYS_ERRNO: that of the last call that failed */
};

struct request;

/* What a call is. */
struct semihost_row {
    uint8_t number;
    const char *name;
    int64_t (*serve)(struct request *request);
    struct call_arg fields[5]; /* of its parameter's block; none: it has no block */
};

/* A call under way. */
struct request {
    struct semihost *semihost;
    struct cpu *cpu;
    uint64_t parameter;  /* x1 */
    uint64_t fields[4];  /* of the block that it points to */
    const struct semihost_row *row;
    const char *texts[4];      /* of fields that are texts: what a policy looked at, or put in their place */
    char own[2][PATH_BYTES];   /* the first of these */
    unsigned own_count;
    int64_t result;
};

/* What SYS_EXT says (3.2 and 4.2): magic, and EXT_EXIT_EXTENDED and EXT_STDOUT_STDERR. */
static const uint8_t features[] = {0x53, 0x48, 0x46, 0x42, 0x03};

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

static bool read_guest(struct cpu *cpu, uint64_t address, void *to, uint64_t length)
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

/* Bytes that the answer brings to the guest. */
static bool write_guest(struct request *request, uint64_t address, const void *from, uint64_t length)
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

/* The text in field `at`, whose length is in the field that its row says. */
static bool read_text(struct request *request, unsigned at, char text[PATH_BYTES])
{
    if (request->texts[at])
        return snprintf(text, PATH_BYTES, "%s", request->texts[at]) < (int)PATH_BYTES;
    uint64_t length = request->fields[request->row->fields[at].of - 1];
    if (length >= PATH_BYTES || !read_guest(request->cpu, request->fields[at], text, length))
        return false;
    text[length] = 0;
    return strlen(text) == length;
}

/* --- files ----------------------------------------------------------------------------------------- */

static int64_t failed(struct request *request, int error)
{
    request->semihost->error = (uint64_t)error;
    return -1;
}

static struct file *file_of(struct request *request)
{
    uint64_t handle = request->fields[0];
    if (handle == HANDLE_CONSOLE_IN || handle == HANDLE_CONSOLE_OUT)
        return handle == HANDLE_CONSOLE_IN ? &request->semihost->console_in : &request->semihost->console_out;
    if (handle == 0 || handle > FILES_MAX)
        return NULL;
    struct file *file = &request->semihost->files[handle - 1];
    return file->kind == FILE_CLOSED ? NULL : file;
}

/* The folder is the root of all names, links and "..", so that none leads out. */
static int open_in_folder(const struct semihost *semihost, const char *path, int flags, mode_t mode)
{
    const struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC),
        .mode = flags & O_CREAT ? mode : 0,
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    };
    long fd;
    do
        fd = syscall(SYS_openat2, semihost->folder, path, &how, sizeof how);
    while (fd < 0 && errno == EAGAIN);
    return fd < 0 ? -errno : (int)fd;
}

/* The directory of a path, in which `*name` is something: a descriptor or -errno. */
static int directory_of(const struct semihost *semihost, char *path, const char **name)
{
    char *slash = strrchr(path, '/');
    *name = slash ? slash + 1 : path;
    if (!**name || !strcmp(*name, ".") || !strcmp(*name, ".."))
        return -EINVAL;
    if (slash)
        *slash = 0;
    return open_in_folder(semihost, slash && *path ? path : "/", O_PATH | O_DIRECTORY, 0);
}

/* Of a device or pipe nobody here reads or writes. */
static int open_regular(const struct semihost *semihost, const char *path, int flags)
{
    struct stat status;
    int fd = open_in_folder(semihost, path, flags | O_NONBLOCK | O_NOCTTY, 0666);
    if (fd < 0)
        return fd;
    if (!fstat(fd, &status) && S_ISREG(status.st_mode))
        return fd;
    close(fd);
    return -EISDIR;
}

static int64_t new_handle(struct request *request, enum file_kind kind, int fd)
{
    struct semihost *semihost = request->semihost;
    for (unsigned i = 0; i < FILES_MAX; i++)
        if (semihost->files[i].kind == FILE_CLOSED) {
            semihost->files[i] = (struct file){kind, fd, 0};
            return i + 1;
        }
    if (fd >= 0)
        close(fd);
    return failed(request, EMFILE);
}

/* fields: name, mode, length of the name. */
static int64_t sys_open(struct request *request)
{
    /* fopen()'s r, r+, w, w+, a, a+, each also with b. */
    static const int modes[] = {O_RDONLY, O_RDWR, O_WRONLY | O_CREAT | O_TRUNC, O_RDWR | O_CREAT | O_TRUNC,
                                O_WRONLY | O_CREAT | O_APPEND, O_RDWR | O_CREAT | O_APPEND};
    char path[PATH_BYTES];
    uint64_t mode = request->fields[1];
    if (mode > 11 || !read_text(request, 0, path))
        return failed(request, EINVAL);
    if (!strcmp(path, ":tt"))
        return mode < 4 ? HANDLE_CONSOLE_IN : HANDLE_CONSOLE_OUT;
    if (!strcmp(path, ":semihosting-features"))
        return mode < 2 ? new_handle(request, FILE_FEATURES, -1) : failed(request, EACCES);
    int fd = open_regular(request->semihost, path, modes[mode / 2]);
    return fd < 0 ? failed(request, -fd) : new_handle(request, FILE_HOST, fd);
}

static int64_t sys_close(struct request *request)
{
    struct file *file = file_of(request);
    if (!file)
        return failed(request, EBADF);
    int result = file->kind == FILE_HOST && close(file->fd) ? errno : 0;
    if (file->kind == FILE_HOST || file->kind == FILE_FEATURES)
        file->kind = FILE_CLOSED;
    return result ? failed(request, result) : 0;
}

/* fields: handle, address, length. The result is how many bytes were not written. */
static int64_t sys_write(struct request *request)
{
    struct file *file = file_of(request);
    uint64_t length = request->fields[2], done = 0;
    uint8_t piece[4096];
    if (!file || (file->kind != FILE_HOST && file->kind != FILE_CONSOLE_OUT)) {
        failed(request, EBADF);
        return (int64_t)length;
    }
    while (done < length) {
        uint64_t bytes = length - done < sizeof piece ? length - done : sizeof piece;
        if (!read_guest(request->cpu, request->fields[1] + done, piece, bytes)) {
            failed(request, EFAULT);
            break;
        }
        ssize_t put = file->kind == FILE_HOST ? write(file->fd, piece, bytes) : (ssize_t)bytes;
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            failed(request, put ? errno : EIO);
            break;
        }
        done += (uint64_t)put; /* the console had it already, see act() */
    }
    return (int64_t)(length - done);
}

static ssize_t read_features(struct file *file, uint8_t *to, uint64_t length)
{
    uint64_t left = sizeof features - (file->offset < sizeof features ? file->offset : sizeof features);
    if (length > left)
        length = left;
    memcpy(to, features + file->offset, length);
    file->offset += length;
    return (ssize_t)length;
}

static ssize_t read_console(const struct semihost *semihost, uint8_t *to, uint64_t length)
{
    ssize_t got = 0;
    if (semihost->config.reads_stdin)
        do
            got = read(STDIN_FILENO, to, length);
        while (got < 0 && errno == EINTR);
    return got;
}

/* fields: handle, address, length. The result is how many bytes were not read; all: the end of the file. */
static int64_t sys_read(struct request *request)
{
    struct file *file = file_of(request);
    uint64_t length = request->fields[2];
    /* More than an answer holds is asked for again. */
    uint64_t wanted = length < DOOR_MEMORY_MAX ? length : DOOR_MEMORY_MAX;
    ssize_t got = -1;
    uint8_t *bytes = host_alloc(wanted + 1, 1);
    errno = EBADF;
    if (file && file->kind == FILE_HOST)
        got = read(file->fd, bytes, wanted);
    else if (file && file->kind == FILE_CONSOLE_IN)
        got = read_console(request->semihost, bytes, wanted);
    else if (file && file->kind == FILE_FEATURES)
        got = read_features(file, bytes, wanted);
    if (got < 0)
        failed(request, errno);
    else if (!write_guest(request, request->fields[1], bytes, (uint64_t)got))
        got = failed(request, EFAULT);
    free(bytes);
    return (int64_t)(length - (got < 0 ? 0 : (uint64_t)got));
}

static int64_t sys_readc(struct request *request)
{
    uint8_t byte;
    return read_console(request->semihost, &byte, 1) == 1 ? byte : -1;
}

/* fields: a status that another call gave. */
static int64_t sys_iserror(struct request *request)
{
    return (int64_t)request->fields[0] < 0;
}

static int64_t sys_istty(struct request *request)
{
    const struct file *file = file_of(request);
    if (!file)
        return failed(request, EBADF);
    return file->kind == FILE_CONSOLE_IN || file->kind == FILE_CONSOLE_OUT;
}

/* fields: handle, offset from the beginning. */
static int64_t sys_seek(struct request *request)
{
    struct file *file = file_of(request);
    if (!file || (file->kind != FILE_HOST && file->kind != FILE_FEATURES))
        return failed(request, EBADF);
    file->offset = request->fields[1];
    if (file->kind == FILE_FEATURES)
        return file->offset <= sizeof features ? 0 : failed(request, EINVAL);
    return lseek(file->fd, (off_t)request->fields[1], SEEK_SET) < 0 ? failed(request, errno) : 0;
}

static int64_t sys_flen(struct request *request)
{
    const struct file *file = file_of(request);
    struct stat status;
    if (!file || (file->kind != FILE_HOST && file->kind != FILE_FEATURES))
        return failed(request, EBADF);
    if (file->kind == FILE_FEATURES)
        return sizeof features;
    return fstat(file->fd, &status) ? failed(request, errno) : status.st_size;
}

/* fields: address, number of the name from 0 to 255, room. */
static int64_t sys_tmpnam(struct request *request)
{
    char name[24];
    int length = snprintf(name, sizeof name, "semihost-%llu.tmp", (unsigned long long)request->fields[1] & 0xff) + 1;
    if (request->fields[1] > 255 || request->fields[2] < (uint64_t)length)
        return failed(request, EINVAL);
    return write_guest(request, request->fields[0], name, (uint64_t)length) ? 0 : failed(request, EFAULT);
}

/* fields: name, length. */
static int64_t sys_remove(struct request *request)
{
    char path[PATH_BYTES];
    const char *name;
    if (!read_text(request, 0, path))
        return failed(request, EINVAL);
    int directory = directory_of(request->semihost, path, &name);
    if (directory < 0)
        return failed(request, -directory);
    int error = unlinkat(directory, name, 0) ? errno : 0;
    close(directory);
    return error ? failed(request, error) : 0;
}

/* fields: old name, length, new name, length. */
static int64_t sys_rename(struct request *request)
{
    char path[2][PATH_BYTES];
    const char *name[2];
    if (!read_text(request, 0, path[0]) || !read_text(request, 2, path[1]))
        return failed(request, EINVAL);
    int from = directory_of(request->semihost, path[0], &name[0]);
    int to = directory_of(request->semihost, path[1], &name[1]);
    int error = from < 0 ? -from : to < 0 ? -to : renameat(from, name[0], to, name[1]) ? errno : 0;
    if (from >= 0)
        close(from);
    if (to >= 0)
        close(to);
    return error ? failed(request, error) : 0;
}

/* --- the rest -------------------------------------------------------------------------------------- */

/* Time is the machine's, so that runs can be repeated; with --clock paced it goes with the host's. */
static int64_t sys_clock(struct request *request)
{
    return (int64_t)(clock_now_ns(request->cpu->clock) / 10000000);
}

static int64_t sys_time(struct request *request)
{
    return (int64_t)(request->semihost->config.start_s + clock_now_ns(request->cpu->clock) / NS_PER_S);
}

static int64_t sys_elapsed(struct request *request)
{
    uint64_t now_ns = clock_now_ns(request->cpu->clock);
    return write_guest(request, request->parameter, &now_ns, sizeof now_ns) ? 0 : failed(request, EFAULT);
}

static int64_t sys_tickfreq(struct request *request)
{
    return NS_PER_S;
}

/* No command is run on the host. */
static int64_t sys_system(struct request *request)
{
    return failed(request, EPERM);
}

static int64_t sys_errno(struct request *request)
{
    return (int64_t)request->semihost->error;
}

/* fields: address, room; which then has the length. */
static int64_t sys_get_cmdline(struct request *request)
{
    const char *text = request->semihost->command_line;
    uint64_t length = strlen(text);
    if (request->fields[1] < length + 1)
        return failed(request, E2BIG);
    return write_guest(request, request->fields[0], text, length + 1) &&
                   write_guest(request, request->parameter + 8, &length, sizeof length)
               ? 0
               : failed(request, EFAULT);
}

/* fields: where four words go: heap's base and limit, stack's base and limit. */
static int64_t sys_heapinfo(struct request *request)
{
    const struct semihost_config *config = &request->semihost->config;
    uint64_t middle = config->heap_base + (config->heap_limit - config->heap_base) / 4 * 3 / 16 * 16;
    const uint64_t block[4] = {config->heap_base, middle, config->heap_limit, middle};
    return write_guest(request, request->fields[0], block, sizeof block) ? 0 : failed(request, EFAULT);
}

/* Output and ends are the guest's doing alone: they happen before anybody is asked, in a replay too. */
static int64_t done_before(struct request *request)
{
    return 0;
}

/* --- table ----------------------------------------------------------------------------------------- */

#define V       {.kind = ARG_BITS}
#define TEXT(n) {.kind = ARG_STRING, .of = (n)} /* so long as field n - 1 says */

static const struct semihost_row calls[] = {
    {0x01, "SYS_OPEN", sys_open, {TEXT(3), V, V}},
    {0x02, "SYS_CLOSE", sys_close, {V}},
    {0x03, "SYS_WRITEC", done_before, {}},
    {0x04, "SYS_WRITE0", done_before, {}},
    {0x05, "SYS_WRITE", sys_write, {V, V, V}},
    {0x06, "SYS_READ", sys_read, {V, V, V}},
    {0x07, "SYS_READC", sys_readc, {}},
    {0x08, "SYS_ISERROR", sys_iserror, {V}},
    {0x09, "SYS_ISTTY", sys_istty, {V}},
    {0x0a, "SYS_SEEK", sys_seek, {V, V}},
    {0x0c, "SYS_FLEN", sys_flen, {V}},
    {0x0d, "SYS_TMPNAM", sys_tmpnam, {V, V, V}},
    {0x0e, "SYS_REMOVE", sys_remove, {TEXT(2), V}},
    {0x0f, "SYS_RENAME", sys_rename, {TEXT(2), V, TEXT(4), V}},
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
    struct request *request = context;
    if (request->row->fields[index].kind != ARG_STRING)
        return NULL;
    char *text = request->own[request->own_count++];
    if (!read_text(request, index, text))
        return request->own_count--, NULL;
    return request->texts[index] = text;
}

static struct policy_verdict judge(struct request *request)
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

static void print_guest(struct request *request, uint64_t address, uint64_t length, bool to_nul)
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
static bool act(struct request *request, uint32_t number)
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
    struct request request = {.semihost = semihost, .cpu = cpu, .parameter = cpu->x[1]};
    uint32_t number = (uint32_t)cpu->x[0];
    struct policy_verdict verdict = {POLICY_GO, 0, 0};
    request.row = find_call(number);
    const unsigned count = request.row ? field_count(request.row) : 0;
    const bool readable = request.row && (!count || read_guest(cpu, request.parameter, request.fields, 8ull * count));
    if (readable && semihost->config.policy)
        verdict = judge(&request);
    if (readable && verdict.kind == POLICY_GO && act(&request, number))
        return;
    door_begin(semihost->door, cpu);
    if (!door_serves(semihost->door))
        return;
    int64_t result;
    if (!readable)
        result = failed(&request, request.row ? EFAULT : ENOSYS);
    else if (verdict.kind == POLICY_GO)
        result = request.row->serve(&request);
    else
        result = verdict.kind == POLICY_DENY ? failed(&request, verdict.error) : (int64_t)verdict.value;
    door_answer(semihost->door, (const uint64_t *)&result, 1);
}

static void close_all(void *context)
{
    struct semihost *semihost = context;
    for (unsigned i = 0; i < FILES_MAX; i++) {
        if (semihost->files[i].kind == FILE_HOST)
            close(semihost->files[i].fd);
        semihost->files[i].kind = FILE_CLOSED;
    }
}

void semihost_free(void *context)
{
    struct semihost *semihost = context;
    close_all(semihost);
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
        .console_in = {.kind = FILE_CONSOLE_IN},
        .console_out = {.kind = FILE_CONSOLE_OUT},
        .command_line = strdup(config->command_line),
    };
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

const struct device_class semihost_class = {.name = "semihosting", .reset = close_all, .free = semihost_free};
