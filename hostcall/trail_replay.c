/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Replaying a program's run. What the log says is checked where it is used: it may be a stranger's. */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>
#include "hostcall/guard.h"
#include "hostcall/linux.h"
#include "hostcall/trail_state.h"

/* --- entries ----------------------------------------------------------------------------------------- */

void trail_read_next(struct trail *trail)
{
    trail->state = log_next(trail->reader, &trail->next, &trail->error);
}

_Noreturn void trail_give_up(const char *format, ...)
{
    va_list arguments;
    fflush(NULL);
    fprintf(stderr, "armature: --replay: ");
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    _exit(HOST_FAILURE_STATUS);
}

/* The log is over, or says why it ends here. */
void trail_check_over(const struct trail *trail)
{
    if (trail->state == LOG_DAMAGED)
        trail_give_up("%s", trail->error.text);
    if (trail->state == LOG_OVER)
        trail_give_up("the log ends here, as its recording did");
    if (trail->next.number == TRAIL_STOP)
        trail_give_up("the log ends here: %.*s", (int)(trail->next.length < 200 ? trail->next.length : 200),
                      (const char *)trail->next.bytes);
}

_Noreturn void trail_differ(const struct thread *thread, const char *what)
{
    trail_give_up("the run differs from the recorded one at instruction %llu: %s",
                  (unsigned long long)trail_stamp(thread), what);
}

bool trail_next_is(const struct trail *trail, enum trail_source source)
{
    return trail->state == LOG_ENTRY && trail->next.number == source;
}

/* --- calls ------------------------------------------------------------------------------------------- */

static void take_memory(struct thread *thread, struct trail *trail)
{
    const uint64_t address = trail->next.value, bytes = trail->next.length;
    if (bytes > USER_SPACE_BYTES || address > USER_SPACE_BYTES - bytes)
        trail_differ(thread, "memory that is none");
    guard_copy((void *)address, trail->next.bytes, bytes); /* where it may not be written the host could not, either */
    trail_read_next(trail);
}

/* What a call wrote to standard output, from the guest's memory. */
static void show(const struct thread *thread, unsigned to, uint64_t number, const uint64_t *args, int64_t result)
{
    const int fd = to == 2 ? STDERR_FILENO : STDOUT_FILENO;
    struct iovec one = {(void *)args[1], (uint64_t)result};
    const uint64_t count = number == CALL_WRITE ? 1 : args[2] < IOV_MAX ? args[2] : IOV_MAX;
    for (uint64_t i = 0; i < count && result > 0; i++) {
        if (number != CALL_WRITE && !guest_read(thread, &one, args[1] + i * sizeof one, sizeof one))
            return;
        uint8_t piece[4096];
        for (uint64_t done = 0; done < one.iov_len && result > 0;) {
            uint64_t part = one.iov_len - done < sizeof piece ? one.iov_len - done : sizeof piece;
            part = part < (uint64_t)result ? part : (uint64_t)result;
            if (!guest_read(thread, piece, (uint64_t)one.iov_base + done, part) ||
                write(fd, piece, part) != (ssize_t)part)
                return;
            done += part;
            result -= (int64_t)part;
        }
    }
}

static bool is_of(const struct trail *trail, uint64_t number)
{
    uint32_t told;
    if (!trail_next_is(trail, TRAIL_RESULT) || trail->next.length != sizeof told)
        return false;
    memcpy(&told, trail->next.bytes, sizeof told);
    return told == (uint32_t)number;
}

/* A file's place is taken by memory, which the log then fills. */
static int64_t map(struct thread *thread, const uint64_t *args)
{
    uint64_t own[CALL_MAX_ARGS];
    memcpy(own, args, sizeof own);
    if (!(args[3] & MAP_ANONYMOUS)) {
        own[2] |= PROT_READ | PROT_WRITE;
        own[3] = (args[3] & ~(uint64_t)MAP_TYPE) | MAP_PRIVATE | MAP_ANONYMOUS;
        own[4] = (uint64_t)-1;
        own[5] = 0;
    }
    return call_do(&thread->call, CALL_MMAP, own, process.program);
}

static int64_t make_own_call(struct thread *thread, uint64_t number, const uint64_t *args)
{
    return number == CALL_MMAP ? map(thread, args) : call_do(&thread->call, number, args, process.program);
}

/* Whether a call is made here too: it is about memory or the program itself, and did not fail. */
static bool is_own(const struct trail *trail, const struct call *call, uint64_t number)
{
    if (!call || !(call->flags & CALL_LOCAL))
        return false;
    return number == CALL_SIGRETURN || !is_of(trail, number) || trail->next.value <= (uint64_t)-4096;
}

int64_t trail_call_replayed(struct thread *thread, uint64_t number, const uint64_t *args)
{
    struct trail *trail = process.trail;
    struct call_context *context = &thread->call;
    const struct call *call = number < linux_calls.count ? &linux_calls.calls[number] : NULL;
    const bool own = is_own(trail, call, number);
    int64_t made = 0;
    unsigned to = 0;
    context->call = call && call->name ? call : NULL;
    context->final = false;
    thread->begun = NULL;
    if (own) {
        made = make_own_call(thread, number, args);
        if (thread->ends) /* a thread, or a child of vfork() */
            return made;
    }
    for (;;) { /* of what it wrote, some may be before others' turns */
        trail_replay_turns(thread);
        if (!trail_next_is(trail, TRAIL_MEMORY))
            break;
        take_memory(thread, trail);
    }
    if (trail_next_is(trail, TRAIL_SHOWN)) {
        to = (unsigned)trail->next.value;
        trail_read_next(trail);
    }
    trail_check_over(trail);
    if (!is_of(trail, number))
        trail_differ(thread, context->call ? context->call->name : "a call that is not known");
    if (trail->next.at.insns != trail_stamp(thread))
        trail_differ(thread, "a call at another instruction");
    const int64_t result = (int64_t)trail->next.value;
    process.clock.now_ns = trail->next.at.ns;
    trail_read_next(trail);
    if (own && made != result && (number == CALL_MMAP || number == CALL_BRK || number == CALL_MREMAP))
        trail_differ(thread, "memory lies elsewhere");
    if (own && number == CALL_MMAP && !(args[3] & MAP_ANONYMOUS))
        space_protect(&process.space, (uint64_t)result, args[1], (int)args[2]);
    trail_note_result(thread, number, result);
    if (to)
        show(thread, to, number, args, result);
    context->call = call && call->name ? call : NULL;
    if (context->trace && !own)
        call_print(context, number, args, result);
    return result;
}

bool trail_became(struct thread *thread)
{
    struct trail *trail = process.trail;
    char name[CALL_PATH_BYTES];
    if (!trail_next_is(trail, TRAIL_BECOME)) /* it failed before: the log has why */
        return false;
    const bool guest = trail->next.value;
    trail_read_next(trail);
    if (is_of(trail, CALL_EXECVE) || is_of(trail, CALL_EXECVEAT))
        return false;
    if (thread->vforked) {
        thread->ends = true;
        return true;
    }
    if (!guest)
        trail_give_up("the log ends here: it became a program of the host's");
    if (!trail_next_name(name, sizeof name))
        trail_give_up("the log ends here, and the next one's name would be too long");
    const struct process_options *options = process.options;
    char **all = calloc(options->own_option_count + 3, sizeof *all);
    if (!all)
        trail_give_up("no memory on the host");
    memcpy(all, options->own_options, options->own_option_count * sizeof *all);
    all[options->own_option_count] = (char *)"--replay";
    all[options->own_option_count + 1] = name;
    fflush(NULL);
    execv(process.self, all);
    trail_give_up("%s: %s", process.self, strerror(errno));
}

/* --- turns and signals ------------------------------------------------------------------------------- */

/* Takes up a signal that is due here. */
static void take_signal(struct thread *thread, struct trail *trail)
{
    if (trail->next.length != sizeof thread->arrived)
        trail_differ(thread, "a signal that is none");
    memcpy(&thread->arrived, trail->next.bytes, sizeof thread->arrived);
    if (thread->arrived.si_signo < 1 || thread->arrived.si_signo > (int)GUEST_SIGNALS)
        trail_differ(thread, "a signal that is none");
    trail_read_next(trail);
    thread->interrupted = 1;
}

/* Whether the next entry is one of `source`, of here. */
static bool comes_here(const struct thread *thread, const struct trail *trail, enum trail_source source)
{
    return trail_next_is(trail, source) && trail->next.at.insns == trail_stamp(thread);
}

void trail_before_run(struct thread *thread)
{
    struct trail *trail = process.trail;
    if (!process.replays)
        return;
    for (;;) {
        trail_replay_turns(thread);
        if (!comes_here(thread, trail, TRAIL_TIME))
            break;
        process.clock.now_ns = trail->next.at.ns;
        trail_read_next(trail);
    }
    trail_check_over(trail);
    const bool signal = comes_here(thread, trail, TRAIL_SIGNAL) && !trail->next.value;
    if (!signal && trail->next.at.insns <= trail_stamp(thread))
        trail_differ(thread, "what came here did not");
    if (trail->next.at.insns - trail_stamp(thread) > TRAIL_TIME_INSNS) /* so what spins comes to an end */
        trail_differ(thread, "for longer than in any recording nothing comes");
}

bool trail_signal_replayed(struct thread *thread, bool in_call)
{
    struct trail *trail = process.trail;
    if (!comes_here(thread, trail, TRAIL_SIGNAL) || trail->next.value != in_call)
        return false;
    take_signal(thread, trail);
    return true;
}

void trail_end_replayed(uint64_t status)
{
    struct trail *trail = process.trail;
    if (trail_next_is(trail, TRAIL_END) && trail->next.value == status)
        return;
    trail_check_over(trail);
    trail_give_up("the run ends with %llu, the recorded one did not", (unsigned long long)status);
}

/* --- the beginning ----------------------------------------------------------------------------------- */

static const char *option(const struct log_header *header, const char *name)
{
    for (unsigned i = 0; i < header->option_count; i++)
        if (!strcmp(header->options[i].name, name))
            return header->options[i].value;
    return NULL;
}

/* The log's beginning. */
static bool open_trail(struct trail *trail, const char *path, struct process_options *options, struct error *error)
{
    trail->path = trail_whole_name(path);
    trail->reader = log_open(path, error);
    if (!trail->reader)
        return false;
    const struct log_header *header = log_reader_header(trail->reader);
    const char *root = option(header, "root"), *cpu = option(header, "cpu"), *program = option(header, "program");
    if (strcmp(header->program, "exec") || !root || !cpu || !program)
        return error_set(error, "--replay %s: is no log of a program; armature run --replay takes those of machines",
                         path);
    if (cpu[0] < '0' || cpu[0] > '0' + CPU_MAX || cpu[1])
        return error_set(error, "--replay %s: names a processor that there is not", path);
    trail_read_next(trail);
    if (!trail_next_is(trail, TRAIL_START) || trail->next.length != sizeof trail->start)
        return error_set(error, "--replay %s: has no beginning", path);
    memcpy(&trail->start, trail->next.bytes, sizeof trail->start);
    trail->sp = trail->next.value;
    process.clock.now_ns = trail->next.at.ns;
    if (trail->start.stack_lowest % PAGE_SIZE_BYTES || trail->start.stack_lowest >= PROCESS_STACK_TOP ||
        trail->start.stack_lowest < PROCESS_STACK_TOP - PROCESS_MAX_STACK_BYTES ||
        trail->sp < trail->start.stack_lowest || trail->sp >= PROCESS_STACK_TOP)
        return error_set(error, "--replay %s: begins with a stack that is none", path);
    options->root = *root ? root : NULL;
    options->cpu = (enum cpu_model)(cpu[0] - '0');
    options->program = program;
    return true;
}

bool trail_open(const char *path, struct process_options *options, struct error *error)
{
    struct trail *trail = host_alloc(1, sizeof *trail);
    if (!open_trail(trail, path, options, error)) {
        if (trail->reader)
            log_reader_free(trail->reader);
        free(trail->path);
        free(trail);
        return false;
    }
    process.trail = trail;
    process.replays = true;
    return true;
}

const struct trail_start *trail_start(void)
{
    return &process.trail->start;
}

uint64_t trail_fill_stack(void)
{
    struct trail *trail = process.trail;
    uint64_t at = trail->sp;
    trail_read_next(trail);
    while (trail_next_is(trail, TRAIL_MEMORY) && trail->next.value == at) {
        if (trail->next.length > PROCESS_STACK_TOP - at)
            break;
        memcpy((void *)at, trail->next.bytes, trail->next.length);
        at += trail->next.length;
        trail_read_next(trail);
    }
    return trail->sp;
}
