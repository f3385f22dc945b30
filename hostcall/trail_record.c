/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Recording a program's run. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <limits.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <linux/futex.h>
#include <time.h>
#include <unistd.h>
#include "hostcall/guard.h"
#include "hostcall/linux.h"
#include "hostcall/trail_state.h"
#include "machine/file.h"

#define FLUSH_NS     50000000ull
#define WINDOW_BYTES 4096u /* what is kept of memory of which a row does not say how much is written */
#define FILES_MAX    2u

/* What the program is made of. */
static struct log_file files[FILES_MAX];
static unsigned file_count;

uint64_t trail_host_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* --- entries ----------------------------------------------------------------------------------------- */

void trail_put_at(uint64_t insns, enum trail_source source, uint64_t value, const void *bytes, size_t length)
{
    log_put(process.trail->writer, &(struct log_entry){.kind = LOG_INPUT,
                                               .at = {.insns = insns, .ns = process.clock.now_ns},
                                               .number = source,
                                               .value = value,
                                               .bytes = bytes,
                                               .length = length});
}

void trail_put(enum trail_source source, uint64_t value, const void *bytes, size_t length)
{
    trail_put_at(trail_stamp(thread_self), source, value, bytes, length);
}

static void flush_in_time(struct trail *trail)
{
    if (process.clock.now_ns - trail->flushed_ns < FLUSH_NS)
        return;
    trail->flushed_ns = process.clock.now_ns;
    log_flush(trail->writer);
}

/* Up to `bytes` bytes of the guest's memory, as far as it is there. */
static void put_memory(uint64_t address, uint64_t bytes)
{
    static uint8_t piece[TRAIL_PIECE_BYTES];
    address &= ~0ull >> 8;
    while (bytes && address < USER_SPACE_BYTES) {
        uint64_t part = TRAIL_PIECE_BYTES - address % TRAIL_PIECE_BYTES;
        part = part < bytes ? part : bytes;
        while (part && !guard_copy(piece, (const void *)address, part)) { /* its end may not be there */
            const uint64_t page = PAGE_SIZE_BYTES - address % PAGE_SIZE_BYTES;
            if (part <= page)
                return;
            part = page;
            bytes = part;
        }
        trail_put(TRAIL_MEMORY, address, piece, part);
        address += part;
        bytes -= part;
    }
}

void trail_wrote(uint64_t address, const void *bytes, size_t count)
{
    if (trail_records() && thread_self->in_call)
        put_memory(address, count);
}

/* --- what a call wrote ------------------------------------------------------------------------------- */

static void put_vectors(const struct thread *thread, uint64_t address, uint64_t count, uint64_t bytes)
{
    for (uint64_t i = 0; i < count && i < IOV_MAX && bytes; i++) {
        struct iovec vector;
        if (!guest_read(thread, &vector, address + i * sizeof vector, sizeof vector))
            return;
        const uint64_t part = vector.iov_len < bytes ? vector.iov_len : bytes;
        put_memory((uint64_t)vector.iov_base, part);
        bytes -= part;
    }
}

static void put_message(const struct thread *thread, uint64_t address, uint64_t bytes)
{
    struct msghdr message;
    put_memory(address, sizeof message);
    if (!guest_read(thread, &message, address, sizeof message))
        return;
    if (message.msg_name)
        put_memory((uint64_t)message.msg_name, message.msg_namelen);
    if (message.msg_control)
        put_memory((uint64_t)message.msg_control, message.msg_controllen);
    put_vectors(thread, (uint64_t)message.msg_iov, message.msg_iovlen, bytes);
}

static void put_messages(const struct thread *thread, uint64_t address, int64_t count)
{
    for (int64_t i = 0; i < count; i++, address += sizeof(struct mmsghdr)) {
        struct mmsghdr message;
        if (!guest_read(thread, &message, address, sizeof message))
            return;
        put_message(thread, address, message.msg_len);
        put_memory(address, sizeof message);
    }
}

/* True: that was all. */
static bool put_special(const struct thread *thread, uint64_t number, const uint64_t *args, int64_t result)
{
    switch (number) {
    case CALL_READV:
    case CALL_PREADV:
    case CALL_PREADV2:
    case CALL_PROCESS_VM_READV: put_vectors(thread, args[1], args[2], (uint64_t)result); return true;
    case CALL_RECVMSG: put_message(thread, args[1], (uint64_t)result); return true;
    case CALL_RECVMMSG: put_messages(thread, args[1], result); return false;
    case CALL_MSGRCV: put_memory(args[1], 8 + (uint64_t)result); return true;
    case CALL_FUTEX:
        if ((args[1] & FUTEX_CMD_MASK) == FUTEX_WAKE_OP)
            put_memory(args[4], sizeof(uint32_t));
        return true;
    case CALL_MINCORE: put_memory(args[2], (args[1] + PAGE_SIZE_BYTES - 1) / PAGE_SIZE_BYTES); return true;
    default: return false;
    }
}

/* What the row says; where it says of an address no more than that it is one, a window that has whatever it was. */
static void put_written(const struct thread *thread, const struct call *call, const uint64_t *args, int64_t result)
{
    struct call_context context = thread->call;
    context.call = call;
    for (unsigned i = 0; i < call_arg_count(call); i++) {
        const struct call_arg *arg = &call->args[i];
        uint64_t bytes = 0;
        if (arg->kind == ARG_LAYOUT_OUT)
            bytes = linux_layouts[arg->of].guest_bytes;
        else if (arg->kind == ARG_ADDRESS)
            bytes = result >= 0 ? WINDOW_BYTES : 0;
        else if ((arg->kind != ARG_OUT && arg->kind != ARG_IN_OUT) || !call_arg_bytes(&context, i, args, &bytes))
            continue;
        if (call_text_is_written(arg)) /* a result counts them */
            bytes = result < 0 ? 0 : (uint64_t)result < bytes ? (uint64_t)result : bytes;
        if (!bytes && arg->kind == ARG_IN_OUT && result >= 0)
            bytes = WINDOW_BYTES; /* sets of select() */
        if (args[i])
            put_memory(args[i], bytes);
    }
}

/* --- memory that a file or others fill --------------------------------------------------------------- */

static void put_mapped(const uint64_t *args, uint64_t at)
{
    static uint8_t piece[TRAIL_PIECE_BYTES];
    uint64_t done = 0;
    for (ssize_t got = 1; done < args[1] && got > 0; done += (uint64_t)got) {
        const size_t part = args[1] - done < sizeof piece ? args[1] - done : sizeof piece;
        got = pread((int)args[4], piece, part, (off_t)(args[5] + done));
        if (got > 0)
            trail_put(TRAIL_MEMORY, at + done, piece, (size_t)got);
    }
}

static bool is_shared(const uint64_t *args)
{
    return (args[3] & MAP_TYPE) != MAP_PRIVATE && !(args[3] & MAP_ANONYMOUS) && args[2] & PROT_WRITE;
}

static bool shares_memory(void)
{
    struct area area;
    for (uint64_t at = 0; space_area_from(&process.space, at, &area); at = area.end)
        if (area.shared && area.prot & PROT_WRITE)
            return true;
    return false;
}

/* Why a call cannot be recorded, or NULL. */
static const char *unrecordable(uint64_t number, const uint64_t *args)
{
    if (number == CALL_CLONE && !(args[0] & CLONE_VM) && shares_memory())
        return "it shares memory with another process";
    if (number == CALL_MMAP && is_shared(args))
        return "it has memory that is a file's, which others may write";
    return number == CALL_SHMAT ? "it has memory that others may write" : NULL;
}

/* --- a call ------------------------------------------------------------------------------------------ */

/* 1 or 2: a descriptor is what was standard output or error at the start; else 0. */
static unsigned shown(const struct trail *trail, int fd)
{
    struct stat about;
    if (fstat(fd, &about))
        return 0;
    for (unsigned i = 0; i < 2; i++)
        if (about.st_dev == trail->shown[i].st_dev && about.st_ino == trail->shown[i].st_ino)
            return i + 1;
    return 0;
}

/* Where a call writes to; -1: it does not. */
static int output(uint64_t number, const uint64_t *args)
{
    switch (number) {
    case CALL_WRITE:
    case CALL_WRITEV:
    case CALL_SENDFILE: return (int)args[0];
    case CALL_SPLICE:
    case CALL_COPY_FILE_RANGE: return (int)args[2];
    default: return -1;
    }
}

/* Whether a call is answered without the host, and the answer. */
static bool answered(uint64_t number, const uint64_t *args, bool shows, int64_t *result)
{
    if (number == CALL_IO_SETUP) /* its requests write to memory at any time */
        *result = -ENOSYS;
    else if (shows && number != CALL_WRITE && number != CALL_WRITEV) /* so it writes what it has in memory */
        *result = -EINVAL;
    else
        return false;
    return true;
}

/* Whether others are to run meanwhile. */
static bool may_wait(uint64_t number, const uint64_t *args)
{
    const unsigned operation = args[1] & FUTEX_CMD_MASK;
    if (number == CALL_FUTEX)
        return operation == FUTEX_WAIT || operation == FUTEX_WAIT_BITSET;
    return number < linux_calls.count && !(linux_calls.calls[number].flags & CALL_LOCAL);
}

void trail_note_result(struct thread *thread, uint64_t number, int64_t result)
{
    if (number == CALL_SET_TID_ADDRESS)
        thread->tid = (uint32_t)result;
    if (thread->begun)
        thread->begun->tid = (uint32_t)result;
}

int64_t trail_call(struct thread *thread, uint64_t number, const uint64_t *args)
{
    if (process.replays)
        return trail_call_replayed(thread, number, args);
    const char *why = unrecordable(number, args);
    if (why) {
        trail_stop(why);
        return call_do(&thread->call, number, args, process.program);
    }
    struct trail *trail = process.trail;
    const int fd = output(number, args);
    const unsigned to = fd < 0 ? 0 : shown(trail, fd);
    const uint32_t told = (uint32_t)number;
    int64_t result;
    thread->in_call = true;
    thread->lets_others = may_wait(number, args);
    thread->begun = NULL;
    const bool given = answered(number, args, to, &result);
    if (!given)
        result = call_do(&thread->call, number, args, process.program);
    thread->in_call = thread->lets_others = false;
    if (process.trail != trail || thread->ends)
        return result; /* a child; or its end, which is no result */
    const struct call *call = given ? NULL : thread->call.call;
    process.clock.now_ns = trail_host_ns();
    if (number == CALL_MMAP && result >= 0 && !(args[3] & MAP_ANONYMOUS))
        put_mapped(args, (uint64_t)result);
    else if (call && !(call->flags & CALL_LOCAL) && !(result >= 0 && put_special(thread, number, args, result)))
        put_written(thread, call, args, result);
    trail_note_result(thread, number, result);
    if (to && result > 0)
        trail_put(TRAIL_SHOWN, to, NULL, 0);
    trail_put(TRAIL_RESULT, (uint64_t)result, &told, sizeof told);
    flush_in_time(trail);
    return result;
}

/* --- turns and signals ------------------------------------------------------------------------------- */

uint64_t trail_limit(const struct thread *thread)
{
    const struct trail *trail = process.trail;
    uint64_t limit = trail->state == LOG_ENTRY ? trail->next.at.insns : UINT64_MAX;
    if (!process.replays)
        limit = trail->time_at < trail_turn_end() ? trail->time_at : trail_turn_end();
    const uint64_t own = limit - (trail_stamp(thread) - thread->cpu->icount);
    return limit == UINT64_MAX ? limit : own;
}

void trail_after_run(struct thread *thread)
{
    struct trail *trail = process.trail;
    if (process.replays || trail_stamp(thread) < trail->time_at)
        return;
    trail->time_at = trail_stamp(thread) + TRAIL_TIME_INSNS;
    process.clock.now_ns = trail_host_ns();
    trail_put(TRAIL_TIME, 0, NULL, 0);
    flush_in_time(trail);
}

bool trail_signal(struct thread *thread, bool in_call)
{
    if (process.replays)
        return trail_signal_replayed(thread, in_call);
    if (!__atomic_load_n(&thread->interrupted, __ATOMIC_SEQ_CST))
        return false;
    trail_put(TRAIL_SIGNAL, in_call, &thread->arrived, sizeof thread->arrived);
    return true;
}

/* --- life -------------------------------------------------------------------------------------------- */

char *trail_whole_name(const char *path)
{
    char *whole = realpath(path, NULL); /* a descriptor's, of a file that has no name any more, has none */
    return whole ? whole : strdup(path);
}

bool trail_next_name(char *name, size_t room)
{
    const char *path = process.trail->path, *dot = strrchr(path, '.');
    char *end = NULL;
    const unsigned long part = dot && dot[1] >= '0' && dot[1] <= '9' ? strtoul(dot + 1, &end, 10) : 0;
    const bool numbered = end && !*end;
    return snprintf(name, room, "%.*s.%lu", numbered ? (int)(dot - path) : (int)strlen(path), path, part + 1) <
           (int)room;
}

void trail_become(bool guest)
{
    trail_put(TRAIL_BECOME, guest, NULL, 0);
    log_flush(process.trail->writer);
}

void trail_forget(void)
{
    if (process.trail && !process.replays)
        close(process.trail->fd); /* what waits to be written is the parent's to write */
    process.trail = NULL;
    process.clock.live_ns = process_host_ns;
}

void trail_stop(const char *why)
{
    fprintf(stderr, "armature: --record: %s; what follows is not in the log\n", why);
    trail_put(TRAIL_STOP, 0, why, strlen(why));
    log_flush(process.trail->writer);
    trail_forget();
    signals_restore();
    trail_turns_over();
    trail_locks_over();
}

void trail_end(uint64_t status)
{
    if (trail_replays()) {
        trail_end_replayed(status);
    } else if (process.trail) {
        trail_put(TRAIL_END, status, NULL, 0);
        log_flush(process.trail->writer); /* which says it where it cannot */
    }
}

int trail_descriptor(void)
{
    return trail_records() ? process.trail->fd : -1;
}

bool trail_file(const char *what, const char *path, struct error *error)
{
    struct log_file file = {what, 0, 0};
    if (!process.options->record && !process.replays)
        return true;
    if (!file_hash(what, path, &file.size_bytes, &file.hash, error))
        return false;
    if (!process.replays) {
        files[file_count++] = file;
        return true;
    }
    struct trail *trail = process.trail;
    const struct log_header *header = log_reader_header(trail->reader);
    const struct log_file *was = trail->file_count < header->file_count ? &header->files[trail->file_count++] : NULL;
    return (was && !strcmp(was->what, what) && was->size_bytes == file.size_bytes && was->hash == file.hash) ||
           error_set(error, "--replay: %s is not what it was when it was recorded", path);
}

/* Out of the way of a guest that closes or counts descriptors. */
static int move_away(int fd)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < 64)
        return fd;
    const rlim_t top = limit.rlim_cur < 1u << 16 ? limit.rlim_cur : 1u << 16;
    const int moved = fcntl(fd, F_DUPFD_CLOEXEC, (int)top - 16);
    if (moved < 0)
        return fd;
    close(fd);
    return moved;
}

bool trail_create(const char *path, const struct trail_start *start, struct error *error)
{
    static const char *sources[TRAIL_SOURCES] = {"start", "memory", "result", "signal", "time",
                                                 "shown", "become", "stop",   "end",    "turn"};
    char cpu[16];
    snprintf(cpu, sizeof cpu, "%d", process.options->cpu);
    struct log_option options[] = {{"root", paths_root()}, {"cpu", cpu}, {"program", process.program_host}};
    struct trail *trail = host_alloc(1, sizeof *trail);
    trail->writer = log_create(path,
                               &(struct log_header){.program = "exec",
                                                    .options = options,
                                                    .option_count = sizeof options / sizeof *options,
                                                    .files = files,
                                                    .file_count = file_count,
                                                    .sources = sources,
                                                    .source_count = TRAIL_SOURCES},
                               error);
    if (!trail->writer) {
        free(trail);
        return false;
    }
    trail->path = trail_whole_name(path);
    trail->fd = log_move(trail->writer, move_away);
    for (int i = 0; i < 2; i++)
        fstat(i + 1, &trail->shown[i]);
    process.trail = trail;
    process.clock.live_ns = NULL;
    process.clock.now_ns = trail_host_ns();
    trail->flushed_ns = process.clock.now_ns;
    trail->time_at = TRAIL_TIME_INSNS;
    const uint64_t sp = thread_self->cpu->x[REG_SP];
    trail_put(TRAIL_START, sp, start, sizeof *start);
    put_memory(sp, PROCESS_STACK_TOP - sp);
    log_flush(trail->writer);
    return true;
}
