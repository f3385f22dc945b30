/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Commands that know Linux. They read guest memory, and nothing runs in the guest for them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "debugger/view/backtrace.h"
#include "debugger/command/command.h"
#include "debugger/view/kernel.h"
#include "debugger/view/kernel_calls.h"
#include "debugger/view/kernel_views.h"
#include "debugger/view/source.h"

#define TASK "((struct task_struct *)0x%" PRIx64 ")"
#define FRAMES_MAX 128u

/* --- tasks ----------------------------------------------------------------------------------------- */

char kernel_state_letter(struct session *session, uint64_t task)
{
    static const char letters[] = "RSDTtXZPI"; /* in the order of the bits: include/linux/sched.h */
    uint64_t state = 0, exit_state = 0, report;
    if (!kernel_number(session, &state, TASK "->__state", task))
        kernel_number(session, &state, TASK "->state", task); /* before 5.14 */
    kernel_number(session, &exit_state, TASK "->exit_state", task);
    if ((state & 0x402) == 0x402)
        return 'I';
    report = (state | exit_state) & 0x7f;
    for (unsigned bit = 0; bit < 7; bit++)
        if (report >> bit & 1)
            return letters[bit + 1];
    return 'R';
}

static bool show_task(struct session *session, uint64_t task, void *context)
{
    uint64_t tgid = 0, parent = 0, cpu = 0, has_memory = 0;
    unsigned running = 0;
    char comm[17], name[24];
    kernel_comm(session, task, comm);
    kernel_number(session, &tgid, TASK "->tgid", task);
    kernel_number(session, &parent, TASK "->real_parent->tgid", task);
    if (!kernel_number(session, &cpu, TASK "->thread_info.cpu", task))
        kernel_number(session, &cpu, TASK "->cpu", task);
    kernel_number(session, &has_memory, TASK "->mm", task);
    bool runs = kernel_is_running(session, task, &running);
    snprintf(name, sizeof name, has_memory ? "%s" : "[%s]", comm);
    say(session, "%c %7" PRIu64 " %7" PRIu64 " %7" PRIu64 "  %c  %3" PRIu64 "  ", runs ? '*' : ' ',
        kernel_pid(session, task), tgid, parent, kernel_state_letter(session, task), cpu);
    say_in(session, runs ? PAINT_STRONG : PAINT_NONE, "%-18s", name);
    say(session, "  0x%" PRIx64 "\n", task);
    return true;
}

static bool run_ps(struct session *session, const char *arguments, struct error *error)
{
    bool threads = !strcmp(arguments, "threads");
    if (!threads && !words_end(arguments, error))
        return false;
    if (!kernel_find(session, error))
        return false;
    say(session, "      PID    TGID  PARENT  ST CPU  COMMAND             TASK\n");
    return kernel_each_task(session, threads, show_task, NULL, error);
}

bool kernel_backtrace(struct session *session, uint64_t pid, struct error *error)
{
    uint64_t task, pc, sp, fp;
    unsigned cpu;
    char comm[17];
    struct frame frames[FRAMES_MAX];
    if (!kernel_task_of(session, pid, &task, error))
        return false;
    kernel_comm(session, task, comm);
    say(session, "PID %" PRIu64 " (%s), state %c\n", pid, comm, kernel_state_letter(session, task));
    struct space space = session_space(session);
    if (kernel_is_running(session, task, &cpu)) {
        unsigned selected = session->cpu;
        session->cpu = cpu;
        space = session_space(session);
        backtrace_print(session, frames, backtrace_of_cpu(session, &space, frames, FRAMES_MAX));
        session->cpu = selected;
        return true;
    }
    space.other_user = kernel_user_table(session, task, &space.user_table);
    if (!kernel_number(session, &pc, TASK "->thread.cpu_context.pc", task) ||
        !kernel_number(session, &sp, TASK "->thread.cpu_context.sp", task) ||
        !kernel_number(session, &fp, TASK "->thread.cpu_context.fp", task))
        return error_set(error, "where process %" PRIu64 " stands cannot be read", pid);
    struct frame top = {.pc = pc, .sp = sp, .x = {[29] = fp}, .known = 1u << 29};
    unsigned count = backtrace_from(session, &space, &top, frames, FRAMES_MAX);
    uint64_t regs[34], stack;
    /* The registers with which it came from EL0 are at the top of its stack: struct pt_regs. */
    if (space.other_user && kernel_number(session, &stack, TASK "->stack", task)) {
        uint64_t place = 0, bytes = 0;
        if (!kernel_number(session, &bytes, "sizeof(struct pt_regs)"))
            bytes = 336;
        for (uint64_t size = 16384; size <= 65536 && !place; size *= 2) /* THREAD_SIZE */
            if (space_read(&space, stack + size - bytes, regs, sizeof regs) == sizeof regs && !(regs[33] & 0x1f) &&
                regs[32] && !(regs[32] >> 48))
                place = stack + size - bytes;
        if (place && count < FRAMES_MAX) {
            top = (struct frame){.pc = regs[32], .sp = regs[31], .known = 0x7fffffff};
            memcpy(top.x, regs, sizeof top.x);
            count += backtrace_from(session, &space, &top, frames + count, FRAMES_MAX - count);
        }
    }
    backtrace_print(session, frames, count);
    return true;
}

/* --- modules --------------------------------------------------------------------------------------- */

static bool show_module(struct session *session, uint64_t module, void *context)
{
    uint64_t address, size = 0, references = 0, part;
    char name[64];
    if (!kernel_place(session, &address, "((struct module *)0x%" PRIx64 ")->name", module) ||
        !kernel_string(session, address, name, sizeof name))
        return true;
    if (kernel_number(session, &size, "((struct module *)0x%" PRIx64 ")->core_layout.size", module)) {
        if (kernel_number(session, &part, "((struct module *)0x%" PRIx64 ")->init_layout.size", module))
            size += part;
    } else { /* since 6.4 */
        for (unsigned i = 0;
             i < 7 && kernel_number(session, &part, "((struct module *)0x%" PRIx64 ")->mem[%u].size", module, i); i++)
            size += part;
    }
    kernel_number(session, &references, "((struct module *)0x%" PRIx64 ")->refcnt.counter", module);
    say(session, "%-24s %8" PRIu64 "  %" PRIu64 "\n", name, size, references ? references - 1 : 0);
    return true;
}

static bool run_lsmod(struct session *session, const char *arguments, struct error *error)
{
    uint64_t offset;
    if (!words_end(arguments, error) || !kernel_find(session, error))
        return false;
    const struct symbol *modules = kernel_symbol(session, "modules");
    if (!modules || !kernel_offset(session, "module", "list", &offset))
        return error_set(error, "this kernel has no modules, or no BTF");
    say(session, "%-24s %8s  %s\n", "Module", "Size", "Used by");
    return kernel_each_linked(session, modules->address, offset, show_module, NULL) ||
           error_set(error, "the list of modules cannot be read");
}

static bool run_dmesg(struct session *session, const char *arguments, struct error *error)
{
    return words_end(arguments, error) && kernel_find(session, error) && kernel_show_log(session, error);
}

/* --- processes ------------------------------------------------------------------------------------- */

static bool task_of_argument(struct session *session, const char *arguments, const char *what, uint64_t *task,
                             struct error *error)
{
    uint64_t pid;
    if (!*arguments) {
        struct value current;
        if (!kernel_current(session, session->cpu, &current, error))
            return false;
        *task = current.number;
        return true;
    }
    if (words_number(arguments, &pid))
        return kernel_task_of(session, pid, task, error);
    return error_set(error, "%s expects the number of a process", what);
}

static bool run_files(struct session *session, const char *arguments, struct error *error)
{
    uint64_t task;
    return task_of_argument(session, arguments, "files", &task, error) && kernel_show_files(session, task, error);
}

static bool run_maps(struct session *session, const char *arguments, struct error *error)
{
    uint64_t task;
    return task_of_argument(session, arguments, "maps", &task, error) && kernel_show_maps(session, task, error);
}

static bool run_mounts(struct session *session, const char *arguments, struct error *error)
{
    uint64_t task;
    return task_of_argument(session, arguments, "mounts", &task, error) && kernel_show_mounts(session, task, error);
}

/* --- interrupts ------------------------------------------------------------------------------------ */

/* What /proc/interrupts shows: the descriptors of the kernel's interrupts, in a radix tree or a maple tree, by number.
 */
static bool run_irqs(struct session *session, const char *arguments, struct error *error)
{
    return words_end(arguments, error) && kernel_find(session, error) && kernel_show_irqs(session, error);
}

/* --- calls ----------------------------------------------------------------------------------------- */

/* syscalls [on|off] [PID|NAME|all] [FILE]. Without on or off the guest runs, and they are traced meanwhile. */
static bool run_syscalls(struct session *session, const char *arguments, struct error *error)
{
    char word[256] = "", path[1024] = "";
    struct calls_wanted wanted = {0};
    bool stays = false, given = words_cut(&arguments, word, sizeof word);
    if (given && !strcmp(word, "off"))
        return words_end(arguments, error) && calls_untrace(session, error);
    if (given && !strcmp(word, "on")) {
        stays = true;
        given = words_cut(&arguments, word, sizeof word);
    }
    if (given && strcmp(word, "all") && !words_number(word, &wanted.pid) &&
        snprintf(wanted.name, sizeof wanted.name, "%s", word) >= (int)sizeof wanted.name)
        return error_set(error, "the kernel has 15 bytes for the name of a command; '%.40s' has more", word);
    const bool to_file = words_cut(&arguments, path, sizeof path);
    uint64_t task;
    if (!words_end(arguments, error) || (wanted.pid && !kernel_task_of(session, wanted.pid, &task, error)))
        return false;
    if (session->ended || (session->running && !stays))
        return error_set(error, session->ended ? "the machine has ended" : "the guest runs; stop it first");
    if (!calls_trace(session, &wanted, to_file ? path : NULL, error))
        return false;
    if (stays)
        return true;
    session_resume(session, 0);
    source_tell_stop(session);
    return calls_untrace(session, error);
}

const struct command commands_kernel[] = {
    {"ps", "[threads]", COMPLETES_NOTHING, run_ps, "List tasks: state, CPU, command. '*': a CPU runs it now."},
    {"dmesg", "", COMPLETES_NOTHING, run_dmesg, "The kernel's log, of a guest that hangs or is dead, too."},
    {"lsmod", "", COMPLETES_NOTHING, run_lsmod, "The kernel's modules."},
    {"mounts", "[PID]", COMPLETES_NOTHING, run_mounts, "What is mounted, as a process sees it."},
    {"files", "[PID]", COMPLETES_NOTHING, run_files, "The open files of a process."},
    {"maps", "[PID]", COMPLETES_NOTHING, run_maps, "What is mapped in a process."},
    {"irqs", "", COMPLETES_NOTHING, run_irqs, "The kernel's interrupts and how often they came."},
    {"syscalls", "[on|off] [PID|NAME|all] [FILE]", COMPLETES_NOTHING, run_syscalls,
     "Trace the calls that programs make of the kernel, with arguments and results: while the guest runs on by this "
     "command; with on, until 'syscalls off'. NAME: of the command, which may be one that is not started yet.",
     "strace"},
    {0},
};
