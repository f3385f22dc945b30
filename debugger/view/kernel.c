/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finding the guest's kernel and its tasks. The kernel is where a symbol table of a kernel's is found; the table says
 * at which virtual address, under KASLR too. */
#include "debugger/view/kernel.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "debugger/symbols/kallsyms.h"
#include "debugger/view/dwarf.h"
#include "debugger/view/kernel_data.h"

#define LIST_MAX     100000u
#define KERNEL_LOWEST 0xffff000000000000ull

/* --- expressions ----------------------------------------------------------------------------------- */

/* What the kernel's names mean, whatever programs the user has loaded besides. */
static bool evaluate(struct session *session, const char *text, struct value *value)
{
    struct types *types = session->types;
    bool names = session->kernel_names;
    session->types = session->kernel->types;
    session->kernel_names = true;
    bool good = expression_evaluate(session, text, value, NULL);
    session->types = types;
    session->kernel_names = names;
    return good;
}

static bool evaluate_format(struct session *session, struct value *value, const char *format, va_list arguments)
{
    char text[512];
    int length = vsnprintf(text, sizeof text, format, arguments);
    return length > 0 && (size_t)length < sizeof text && evaluate(session, text, value);
}

bool kernel_number(struct session *session, uint64_t *number, const char *format, ...)
{
    struct value value;
    va_list arguments;
    va_start(arguments, format);
    bool good = evaluate_format(session, &value, format, arguments);
    va_end(arguments);
    return good && value_number(session, &value, number, NULL);
}

bool kernel_place(struct session *session, uint64_t *address, const char *format, ...)
{
    struct value value;
    va_list arguments;
    va_start(arguments, format);
    bool good = evaluate_format(session, &value, format, arguments);
    va_end(arguments);
    if (!good || !value.in_memory)
        return false;
    *address = value.address;
    return true;
}

const struct symbol *kernel_symbol(const struct session *session, const char *name)
{
    return symbols_find_above(session->symbols, name, KERNEL_LOWEST);
}

bool kernel_string(struct session *session, uint64_t address, char *to, size_t capacity)
{
    struct space space = session_space(session);
    if (!space_read_string(&space, address, to, capacity))
        return false;
    for (char *at = to; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            *at = '?';
    return true;
}

bool kernel_offset(struct session *session, const char *structure, const char *member, uint64_t *offset)
{
    const struct type *type = types_find(session->kernel->types, TYPE_STRUCT, structure);
    uint64_t bits;
    if (!type || !type_member(type, member, &bits))
        return false;
    *offset = bits / 8;
    return true;
}

/* --- finding --------------------------------------------------------------------------------------- */

static bool take_symbol(void *context, uint64_t address, char letter, const char *name)
{
    symbols_add(context, address, 0, letter, name, NULL);
    return true;
}

/* Where in RAM the vectors are, which are the kernel's code: its read-only data is behind that, wherever the kernel was
 * loaded. 0: they are not in RAM. */
static size_t place_of_vectors(struct session *session)
{
    const struct ram *ram = &session->machine->bus.ram;
    struct space space = session_space(session);
    uint64_t physical;
    if (!space_translate(&space, session_cpu(session)->sys.VBAR_EL1, &physical) || !ram_at(ram, physical, 4))
        return 0;
    return physical - ram->base;
}

static bool find_image(struct session *session, size_t *near, struct error *error)
{
    const struct ram *ram = &session->machine->bus.ram;
    struct symbols *symbols = symbols_create();
    *near = place_of_vectors(session);
    if (!kallsyms_read(ram->host, ram->size_bytes, near, take_symbol, symbols, error)) {
        symbols_free(symbols);
        return false;
    }
    symbols_keep_loaded(symbols, session->symbols);
    symbols_sort(symbols);
    symbols_free(session->symbols);
    session->symbols = symbols;
    return true;
}

static void find_places(struct session *session, size_t near)
{
    struct kernel *kernel = session->kernel;
    const struct symbol *text = kernel_symbol(session, "_text");
    const struct cpu *cpu = session_cpu(session);
    const uint64_t table_mask = 0x0000fffffffff000ull;
    for (size_t i = 0; !text && i < symbols_count(session->symbols); i++)
        if (symbols_at(session->symbols, i)->address >= KERNEL_LOWEST)
            text = symbols_at(session->symbols, i);
    kernel->text = text ? text->address : 0;
    /* At EL0 the table of the upper half may be KPTI's, which maps entries alone; the kernel's own is two pages behind.
     */
    session->kernel_table = (cpu->sys.TTBR1_EL1 & table_mask) + (cpu->pstate.el ? 0 : 2 * PAGE_SIZE_BYTES);
    struct space space = session_space(session);
    const struct symbol *known = kernel_symbol(session, "vfs_read");
    uint64_t physical, at = known ? known->address : kernel->text;
    if (space_translate(&space, at, &physical))
        kernel->physical = physical - (at - kernel->text);
}

static uint64_t host_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

bool kernel_find(struct session *session, struct error *error)
{
    struct kernel *kernel = session->kernel;
    uint64_t now = run_loop_insns(&session->machine->loop), began_ns = host_ns();
    if (kernel->found)
        return true;
    if (kernel->searched && kernel->searched_at == now)
        return error_set(error, "no Linux kernel is in guest memory (yet)");
    kernel->searched = true;
    kernel->searched_at = now;
    size_t near;
    if (!find_image(session, &near, error))
        return false;
    kernel->found = true;
    find_places(session, near);
    if (kernel_find_types(session, near))
        kernel_find_variables(session);
    kernel->search_ns = host_ns() - began_ns;
    kernel_refresh_modules(session);
    return true;
}

void kernel_attach(struct session *session)
{
    session->kernel = host_alloc(1, sizeof *session->kernel);
}

void kernel_detach(struct session *session)
{
    dwarf_forget();
    free(session->kernel);
}

void kernel_stood(struct session *session)
{
    if (session->kernel->found)
        kernel_refresh_modules(session);
}

void kernel_forget(struct session *session)
{
    struct symbols *loaded = symbols_create();
    session->types = types_part(session->types, session->kernel->types);
    types_free(session->kernel->types);
    *session->kernel = (struct kernel){.searched = false};
    session->kernel_table = 0;
    symbols_keep_loaded(loaded, session->symbols);
    symbols_sort(loaded);
    symbols_free(session->symbols);
    session->symbols = loaded;
}

/* --- tasks ----------------------------------------------------------------------------------------- */

bool kernel_each_linked(struct session *session, uint64_t head, uint64_t offset,
                        bool (*each)(struct session *session, uint64_t object, void *context), void *context)
{
    struct space space = session_space(session);
    uint64_t at;
    if (!space_read_u64(&space, head, &at))
        return false;
    for (unsigned i = 0; at != head && i < LIST_MAX; i++) {
        uint64_t next;
        if (!space_read_u64(&space, at, &next))
            return false;
        if (!each(session, at - offset, context))
            return true;
        at = next;
    }
    return true;
}

bool kernel_current(struct session *session, unsigned cpu, struct value *value, struct error *error)
{
    const struct cpu *of = session->machine->cpus[cpu];
    uint64_t task = 0;
    if (!kernel_find(session, error))
        return false;
    const struct type *type = types_find(session->kernel->types, TYPE_STRUCT, "task_struct");
    if (!type)
        return error_set(error, "the kernel has no BTF, so its structures are not known");
    struct space space = session_space_of(session, cpu);
    const struct symbol *entry = kernel_symbol(session, "__entry_task");
    bool known = of->pstate.el == 1 && of->sp_banked[0] >> 55 & 1;
    if (known && of->pstate.spsel)
        task = of->sp_banked[0]; /* SP_EL0 is `current` while the kernel runs */
    else
        known = entry && space_read_u64(&space, entry->address + of->sys.TPIDR_EL1, &task) && task; /* per CPU */
    if (!known) {
        const struct symbol *init = kernel_symbol(session, "init_task");
        if (!init)
            return error_set(error, "which task CPU %u runs cannot be told", cpu);
        task = init->address;
    }
    *value = (struct value){.type = type_pointer_to(type), .number = task};
    return true;
}

struct each_thread {
    bool (*each)(struct session *session, uint64_t task, void *context);
    void *context;
    bool goes_on;
};

static bool on_thread(struct session *session, uint64_t task, void *context)
{
    struct each_thread *threads = context;
    return threads->goes_on = threads->each(session, task, threads->context);
}

/* Threads of a process hang on its signal structure (since 6.7 there alone). */
static bool on_process(struct session *session, uint64_t task, void *context)
{
    struct each_thread *threads = context;
    uint64_t offset, head;
    if (!kernel_offset(session, "task_struct", "thread_node", &offset) ||
        !kernel_place(session, &head, "((struct task_struct *)0x%llx)->signal->thread_head", (unsigned long long)task))
        return on_thread(session, task, context);
    kernel_each_linked(session, head, offset, on_thread, context);
    return threads->goes_on;
}

bool kernel_each_task(struct session *session, bool threads,
                      bool (*each)(struct session *session, uint64_t task, void *context), void *context,
                      struct error *error)
{
    uint64_t offset, head;
    if (!kernel_find(session, error))
        return false;
    const struct symbol *init = kernel_symbol(session, "init_task");
    if (!init || !kernel_offset(session, "task_struct", "tasks", &offset))
        return error_set(error, "the kernel has no BTF, so its tasks cannot be listed");
    head = init->address + offset;
    struct each_thread all = {each, context, true};
    return kernel_each_linked(session, head, offset, threads ? on_process : each, threads ? &all : context) ||
           error_set(error, "the list of tasks cannot be read");
}

uint64_t kernel_pid(struct session *session, uint64_t task)
{
    uint64_t pid = 0;
    kernel_number(session, &pid, "((struct task_struct *)0x%llx)->pid", (unsigned long long)task);
    return pid;
}

void kernel_comm(struct session *session, uint64_t task, char text[17])
{
    uint64_t address;
    if (!kernel_place(session, &address, "((struct task_struct *)0x%llx)->comm", (unsigned long long)task) ||
        !kernel_string(session, address, text, 17))
        strcpy(text, "?");
}

struct wanted {
    uint64_t pid, task;
    bool found;
};

static bool look_for_pid(struct session *session, uint64_t task, void *context)
{
    struct wanted *wanted = context;
    if (kernel_pid(session, task) != wanted->pid)
        return true;
    wanted->task = task;
    wanted->found = true;
    return false;
}

bool kernel_task_of(struct session *session, uint64_t pid, uint64_t *task, struct error *error)
{
    struct wanted wanted = {.pid = pid};
    if (!kernel_each_task(session, true, look_for_pid, &wanted, error))
        return false;
    *task = wanted.task;
    return wanted.found || error_set(error, "there is no process %llu", (unsigned long long)pid);
}

bool kernel_user_table(struct session *session, uint64_t task, uint64_t *table)
{
    uint64_t pgd, physical;
    struct space space = session_space(session);
    if (!kernel_number(session, &pgd, "((struct task_struct *)0x%llx)->mm->pgd", (unsigned long long)task) || !pgd ||
        !space_translate(&space, pgd, &physical))
        return false;
    *table = physical;
    return true;
}

bool kernel_is_running(struct session *session, uint64_t task, unsigned *cpu)
{
    struct value current;
    for (unsigned i = 0; i < session->machine->cpu_count; i++)
        if (session->machine->cpus[i]->wait != WAIT_POWERED_OFF && kernel_current(session, i, &current, NULL) &&
            current.number == task) {
            *cpu = i;
            return true;
        }
    return false;
}

struct named_task {
    const char *name;
    uint64_t task;
    bool found;
};

static bool look_for_name(struct session *session, uint64_t task, void *context)
{
    struct named_task *wanted = context;
    char comm[17];
    kernel_comm(session, task, comm);
    if (strcmp(comm, wanted->name))
        return true;
    wanted->task = task;
    wanted->found = true;
    return false;
}

bool kernel_task_named(struct session *session, const char *name, uint64_t *task, struct error *error)
{
    struct named_task wanted = {.name = name};
    if (!kernel_each_task(session, false, look_for_name, &wanted, error))
        return false;
    *task = wanted.task;
    return wanted.found || error_set(error, "there is no process '%s'", name);
}
