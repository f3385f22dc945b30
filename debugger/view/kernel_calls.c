/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A call begins with the exception that SVC takes, and is over when its task is back at EL0: then its line is told.
 * What the call reads is read when it begins, as an execve() leaves nothing of it; what it writes when it is over.
 * The table of calls is that of `armature exec`. */
#include "debugger/view/kernel_calls.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "debugger/view/kernel.h"
#include "debugger/view/kernel_structures.h"
#include "debugger/session/stopping.h"
#include "machine/contract/call_text.h"

#define VECTOR_SYNC 0u
#define EC_SVC64    0x15u
#define MODE_EL0    0u /* of SPSR */
#define COMM_BYTES  16u

struct known_call {
    const char *name;
    struct call_arg args[CALL_MAX_ARGS];
};

#define PLAIN(number, name, flags, ...)        [number] = {#name, {__VA_ARGS__}},
#define OWN(number, name, handler, flags, ...) [number] = {#name, {__VA_ARGS__}},
#define ABSENT(number, name, ...)              [number] = {#name, {__VA_ARGS__}},
#define OTHER(number, name, ...)               [number] = {#name, {__VA_ARGS__}},
/* What structures hold is told by kernel_structures.c. */
enum { LAYOUT_stat, LAYOUT_epoll_event };
static const struct known_call known_calls[] = {
#include "machine/contract/linux_calls.def"
};
#define KNOWN_CALLS (sizeof known_calls / sizeof *known_calls)

static const struct known_call unknown_call = {
    NULL, {{ARG_BITS, 0, 0}, {ARG_BITS, 0, 0}, {ARG_BITS, 0, 0}, {ARG_BITS, 0, 0}, {ARG_BITS, 0, 0}, {ARG_BITS, 0, 0}}};

/* Some come back elsewhere, or not at all. */
enum { CALL_EXIT = 93, CALL_EXIT_GROUP = 94, CALL_RT_SIGRETURN = 139, CALL_EXECVE = 221, CALL_EXECVEAT = 281 };

struct task_names {
    uint64_t task, pid, tgid;
    char comm[COMM_BYTES + 1];
};

/* A call that has not come back. */
struct pending {
    struct task_names who; /* as it was called then */
    uint64_t number, args[CALL_MAX_ARGS];
    uint64_t back;  /* where it comes back to */
    uint64_t insns; /* of all CPUs, when it began */
    char *before[CALL_MAX_ARGS]; /* the arguments' texts */
    struct pending *next;
};

static struct tracing {
    bool on;
    struct calls_wanted wanted;
    FILE *file; /* NULL: where commands write */
    uint64_t pid_offset, tgid_offset, comm_offset; /* in struct task_struct */
    struct pending *pending;
} tracing;

/* --- tasks ----------------------------------------------------------------------------------------- */

static bool read_guest(void *context, void *to, uint64_t address, uint64_t bytes)
{
    return space_read(context, address, to, bytes) == bytes;
}

static bool task_of_cpu(struct session *session, const struct cpu *cpu, struct space *space, struct task_names *who)
{
    struct value current;
    uint32_t pid, tgid;
    if (!kernel_current(session, cpu->index, &current, NULL))
        return false;
    *who = (struct task_names){.task = current.number};
    if (!space_read_u32(space, who->task + tracing.pid_offset, &pid) ||
        !space_read_u32(space, who->task + tracing.tgid_offset, &tgid) ||
        !kernel_string(session, who->task + tracing.comm_offset, who->comm, sizeof who->comm))
        return false;
    who->pid = pid;
    who->tgid = tgid;
    return true;
}

static bool is_wanted(const struct task_names *who)
{
    const struct calls_wanted *wanted = &tracing.wanted;
    return (!wanted->pid || wanted->pid == who->tgid || wanted->pid == who->pid) &&
           (!*wanted->name || !strcmp(wanted->name, who->comm));
}

/* --- calls under way ------------------------------------------------------------------------------- */

static const struct known_call *call_of(const struct pending *call)
{
    return call->number < KNOWN_CALLS && known_calls[call->number].name ? &known_calls[call->number] : &unknown_call;
}

static void forget(struct pending **at)
{
    struct pending *call = *at;
    *at = call->next;
    for (unsigned i = 0; i < CALL_MAX_ARGS; i++)
        free(call->before[i]);
    free(call);
}

static struct pending **find_pending(uint64_t task)
{
    struct pending **at = &tracing.pending;
    while (*at && (*at)->who.task != task)
        at = &(*at)->next;
    return at;
}

static void begin_line(struct session *session, struct call_text *line, const struct task_names *who, unsigned cpu)
{
    const struct cpu *of = session->machine->cpus[cpu];
    const uint64_t now_ns = cpu_ns_at(of, of->icount);
    call_text_add(line, "%5llu.%06llu ", now_ns / NS_PER_S, now_ns % NS_PER_S / 1000);
    if (session->machine->cpu_count > 1)
        call_text_add(line, "CPU%u ", cpu);
    call_text_add(line, "%5" PRIu64 " %-15s ", who->pid, who->comm);
}

static void add_arg(struct call_text *line, const struct pending *call, unsigned index, bool over, int64_t result)
{
    if (!kernel_structure(line, call->number, call->args, index, over, result))
        call_text_arg(line, call_of(call)->args, call->args, index, over, result);
}

/* The call and its arguments; those that it wrote are read now, if it is `over`. */
static void add_call(struct call_text *line, const struct pending *call, bool over, int64_t result)
{
    const struct known_call *known = call_of(call);
    if (known->name)
        call_text_add(line, "%s(", known->name);
    else
        call_text_add(line, "call_%" PRIu64 "(", call->number);
    for (unsigned i = 0; i < CALL_MAX_ARGS && known->args[i].kind != ARG_NONE; i++) {
        call_text_add(line, i ? ", " : "");
        /* What it reads may have been on a page that came with the call. */
        const bool unread = !strncmp(call->before[i], "0x", 2) && call_text_is_read(&known->args[i]);
        const bool written =
            call_text_is_written(&known->args[i]) || kernel_structure_is_written(call->number, i);
        if (over && (written || unread))
            add_arg(line, call, i, true, result);
        else
            call_text_add(line, "%s", call->before[i]);
    }
    call_text_add(line, ")");
}

static void put_line(struct session *session, const struct call_text *line)
{
    fprintf(tracing.file ? tracing.file : session->out, "%s\n", line->text);
}

static void call_begins(struct session *session, struct cpu *cpu)
{
    struct space space = session_space_of(session, cpu->index);
    struct task_names who;
    if (!task_of_cpu(session, cpu, &space, &who))
        return;
    struct pending **earlier = find_pending(who.task);
    if (*earlier) /* of a task that is gone, or of a future that was gone back from */
        forget(earlier);
    const bool leads_elsewhere = cpu->x[8] == CALL_EXECVE || cpu->x[8] == CALL_EXECVEAT; /* maybe to a wanted name */
    if (!is_wanted(&who) && !(leads_elsewhere && *tracing.wanted.name))
        return;
    struct pending *call = host_alloc(1, sizeof *call);
    *call = (struct pending){.who = who,
                             .number = (uint32_t)cpu->x[8],
                             .back = cpu->sys.ELR_EL1,
                             .insns = run_loop_insns(&session->machine->loop),
                             .next = tracing.pending};
    memcpy(call->args, cpu->x, sizeof call->args);
    tracing.pending = call;
    const struct known_call *known = call_of(call);
    for (unsigned i = 0; i < CALL_MAX_ARGS && known->args[i].kind != ARG_NONE; i++) {
        struct call_text text = {.read = read_guest, .context = &space};
        add_arg(&text, call, i, false, 0);
        call->before[i] = strdup(text.text);
    }
    if (call->number != CALL_EXIT && call->number != CALL_EXIT_GROUP)
        return;
    struct call_text line = {.read = read_guest, .context = &space};
    begin_line(session, &line, &who, cpu->index);
    add_call(&line, call, false, 0);
    call_text_add(&line, " = ?");
    put_line(session, &line);
    forget(&tracing.pending);
}

static void call_is_over(struct session *session, struct cpu *cpu)
{
    struct space space = session_space_of(session, cpu->index);
    struct task_names who;
    struct value current;
    if (!tracing.pending || !kernel_current(session, cpu->index, &current, NULL))
        return;
    struct pending **at = find_pending(current.number), *call = *at;
    if (!call || !task_of_cpu(session, cpu, &space, &who))
        return;
    const bool elsewhere = call->number == CALL_EXECVE || call->number == CALL_EXECVEAT ||
                           call->number == CALL_RT_SIGRETURN;
    struct call_text line = {.read = read_guest, .context = &space};
    begin_line(session, &line, &who, cpu->index);
    if (elsewhere || cpu->pc == call->back) {
        add_call(&line, call, true, (int64_t)cpu->x[0]);
        call_text_result(&line, (int64_t)cpu->x[0]);
    } else {
        add_call(&line, call, false, 0);
        call_text_add(&line, cpu->pc == call->back - 4 ? " = ? (it is made again)" : " = ? (a signal's handler runs)");
    }
    if (call->insns <= run_loop_insns(&session->machine->loop) && (is_wanted(&who) || is_wanted(&call->who)))
        put_line(session, &line);
    forget(at);
}

/* --- hooks ----------------------------------------------------------------------------------------- */

static void on_excepted(struct session *session, struct cpu *cpu, unsigned vector)
{
    if (vector == VECTOR_SYNC && cpu->sys.ESR_EL1 >> 26 == EC_SVC64 && (cpu->sys.SPSR_EL1 & 0xf) == MODE_EL0)
        call_begins(session, cpu);
}

static void on_returned(struct session *session, struct cpu *cpu)
{
    if (cpu->pstate.el == 0)
        call_is_over(session, cpu);
}

static struct stopping_tracer tracer = {.excepted = on_excepted, .returned = on_returned};

/* --- entry points ---------------------------------------------------------------------------------- */

bool calls_trace(struct session *session, const struct calls_wanted *wanted, const char *path, struct error *error)
{
    FILE *file = NULL;
    if (tracing.on)
        return error_set(error, "calls are traced already; 'syscalls off' ends that");
    if (!kernel_find(session, error))
        return false;
    if (!kernel_offset(session, "task_struct", "pid", &tracing.pid_offset) ||
        !kernel_offset(session, "task_struct", "tgid", &tracing.tgid_offset) ||
        !kernel_offset(session, "task_struct", "comm", &tracing.comm_offset))
        return error_set(error, "the kernel has no BTF, so whose calls they are cannot be told");
    if (path && !(file = fopen(path, "we")))
        return error_set(error, "%s cannot be written: %s", path, strerror(errno));
    tracing.on = true;
    tracing.wanted = *wanted;
    tracing.file = file;
    stopping_trace(session, &tracer);
    return true;
}

bool calls_untrace(struct session *session, struct error *error)
{
    if (!tracing.on)
        return error_set(error, "no calls are traced");
    stopping_untrace(session, &tracer);
    tracing.on = false;
    while (tracing.pending) {
        struct call_text line = {.length = 0};
        begin_line(session, &line, &tracing.pending->who, 0);
        add_call(&line, tracing.pending, false, 0);
        call_text_add(&line, " = ? (not over yet)");
        if (is_wanted(&tracing.pending->who))
            put_line(session, &line);
        forget(&tracing.pending);
    }
    FILE *file = tracing.file;
    tracing.file = NULL;
    return !file || fclose(file) == 0 || error_set(error, "the file of calls could not be written to its end");
}

bool calls_traced(void)
{
    return tracing.on;
}
