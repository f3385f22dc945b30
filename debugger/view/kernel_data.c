/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How the kernel's variables are found without their names. A function that uses one is known by name; its code forms
 * the addresses of all variables that it uses, by ADRP and what follows. Which of them is the one is judged by what
 * lies there: a list that closes, a ring whose sizes make sense. init_task is found by its name "swapper" and its list.
 */
#include "debugger/view/kernel_data.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define KERNEL_BYTES    (64u << 20)
#define FUNCTION_BYTES  16384u
#define BTF_HEADER      24u
#define BTF_MAX         (64u << 20)

/* --- types ----------------------------------------------------------------------------------------- */

bool kernel_find_types(struct session *session, size_t near)
{
    static const uint8_t magic[8] = {0x9f, 0xeb, 1, 0, BTF_HEADER, 0, 0, 0};
    const struct ram *ram = &session->machine->bus.ram;
    size_t from = near > KERNEL_BYTES ? near - KERNEL_BYTES : 0;
    size_t to = near + KERNEL_BYTES < ram->size_bytes ? near + KERNEL_BYTES : ram->size_bytes;
    for (size_t at = from; at + BTF_HEADER <= to; at += 4) {
        uint32_t header[6];
        if (ram->host[at] != magic[0] || memcmp(ram->host + at, magic, sizeof magic))
            continue;
        memcpy(header, ram->host + at, sizeof header);
        uint64_t types = BTF_HEADER + (uint64_t)header[2] + header[3],
                 strings = BTF_HEADER + (uint64_t)header[4] + header[5];
        uint64_t bytes = types > strings ? types : strings;
        if (bytes > BTF_MAX || bytes > ram->size_bytes - at)
            continue;
        struct types *found = session->kernel->types = types_from_btf(ram->host + at, bytes, NULL);
        session->types = types_join(session->types, found);
        if (found)
            return true;
    }
    return false;
}

/* --- what code refers to --------------------------------------------------------------------------- */

typedef bool judge(struct session *session, uint64_t address);

/* Tells `fits` each address that the function forms; returns the first that fits, or 0. */
static uint64_t referred_by(struct session *session, const char *function, judge *fits)
{
    const struct symbol *symbol = kernel_symbol(session, function);
    uint64_t start, end, pages[32] = {0};
    struct space space = session_space(session);
    if (!symbol || !session_function(session, symbol->address, &start, &end))
        return 0;
    if (end - start > FUNCTION_BYTES)
        end = start + FUNCTION_BYTES;
    for (uint64_t pc = start; pc < end; pc += 4) {
        uint32_t word;
        if (!space_read_u32(&space, pc, &word))
            break;
        unsigned rd = word & 31, rn = word >> 5 & 31;
        uint64_t address = 0;
        if ((word & 0x9f000000) == 0x90000000) { /* adrp */
            int64_t pages_away = (int64_t)((uint64_t)(word >> 5 & 0x7ffff) << 2 | (word >> 29 & 3)) << 43 >> 43;
            pages[rd] = (pc & ~0xfffull) + ((uint64_t)pages_away << 12);
            address = pages[rd];
        } else if ((word & 0xffc00000) == 0x91000000 && pages[rn]) { /* add x, x, #imm */
            address = pages[rn] + (word >> 10 & 0xfff);
            /* What was formed is the address of a structure, maybe, whose member is used: it stays known. */
            pages[rd] = address;
        } else if ((word & 0xffc00000) == 0xf9400000 && pages[rn]) { /* ldr x, [x, #imm] */
            address = pages[rn] + (word >> 10 & 0xfff) * 8ull;
        } else if ((word & 0xfc000000) == 0x94000000) { /* a call leaves only what is saved */
            memset(pages, 0, 19 * sizeof *pages);
        }
        if (address && fits(session, address))
            return address;
    }
    return 0;
}

/* --- judges ---------------------------------------------------------------------------------------- */

static bool is_list(struct session *session, uint64_t address)
{
    uint64_t next, prev, back;
    struct space space = session_space(session);
    return space_read_u64(&space, address, &next) && space_read_u64(&space, address + 8, &prev) &&
           next >> 48 == 0xffff && prev >> 48 == 0xffff && space_read_u64(&space, next + 8, &back) && back == address &&
           space_read_u64(&space, prev, &back) && back == address;
}

static bool is_module_list(struct session *session, uint64_t address)
{
    uint64_t offset, name_at, first;
    char name[56];
    struct space space = session_space(session);
    if (!is_list(session, address) || !kernel_offset(session, "module", "list", &offset) ||
        !kernel_offset(session, "module", "name", &name_at) || !space_read_u64(&space, address, &first))
        return false;
    if (first == address)
        return true; /* no modules are loaded */
    if (!space_read_string(&space, first - offset + name_at, name, sizeof name) || strlen(name) < 2)
        return false;
    for (const char *at = name; *at; at++)
        if (!(*at == '_' || (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9')))
            return false;
    return true;
}

static bool is_printk_ring(struct session *session, uint64_t address)
{
    uint64_t ring, count, data;
    struct space space = session_space(session);
    return space_read_u64(&space, address, &ring) && ring >> 48 == 0xffff && !(ring & 7) &&
           kernel_number(session, &count, "((struct printk_ringbuffer *)0x%" PRIx64 ")->desc_ring.count_bits", ring) &&
           count >= 4 && count <= 22 &&
           kernel_number(session, &data, "((struct printk_ringbuffer *)0x%" PRIx64 ")->text_data_ring.size_bits",
                         ring) &&
           data >= 10 && data <= 30 &&
           kernel_number(session, &data, "((struct printk_ringbuffer *)0x%" PRIx64 ")->text_data_ring.data", ring) &&
           data >> 48 == 0xffff;
}

static bool is_irq_tree(struct session *session, uint64_t address)
{
    uint64_t head, shift;
    return kernel_number(session, &head, "((struct xarray *)0x%" PRIx64 ")->xa_head", address) && (head & 3) == 2 &&
           head >> 48 == 0xffff && kernel_number(session, &shift, "((struct xa_node *)0x%llx)->shift", head & ~3ull) &&
           shift % 6 == 0 && shift <= 12;
}

/* The per-CPU variable from which exceptions of EL0 take the task; any other that holds pointers to tasks of that CPU
 * does. */
static bool is_entry_task(struct session *session, uint64_t address)
{
    uint64_t task, pid;
    struct space space = session_space(session);
    for (unsigned i = 0; i < session->machine->cpu_count; i++) {
        const struct cpu *cpu = session->machine->cpus[i];
        if (cpu->wait == WAIT_POWERED_OFF)
            continue;
        if (!space_read_u64(&space, address + cpu->sys.TPIDR_EL1, &task) || task >> 48 != 0xffff || task & 15 ||
            !kernel_number(session, &pid, "((struct task_struct *)0x%" PRIx64 ")->pid", task) || pid > 1u << 22)
            return false;
    }
    return true;
}

/* --- init_task ------------------------------------------------------------------------------------- */

static uint64_t find_init_task(struct session *session)
{
    const struct ram *ram = &session->machine->bus.ram;
    const struct kernel *kernel = session->kernel;
    uint64_t comm, tasks, pid;
    if (!kernel->physical || !kernel_offset(session, "task_struct", "comm", &comm) ||
        !kernel_offset(session, "task_struct", "tasks", &tasks) || !kernel_offset(session, "task_struct", "pid", &pid))
        return 0;
    uint64_t from = kernel->physical - ram->base,
             to = from + KERNEL_BYTES < ram->size_bytes ? from + KERNEL_BYTES : ram->size_bytes;
    while (from < to) {
        const uint8_t *found = memmem(ram->host + from, to - from, "swapper", 7);
        if (!found)
            return 0;
        uint64_t at = (uint64_t)(found - ram->host);
        from = at + 7;
        if (at < comm || at - comm + 16384 > ram->size_bytes)
            continue;
        uint64_t task = kernel->text + (ram->base + at - comm - kernel->physical);
        uint32_t number;
        memcpy(&number, ram->host + at - comm + pid, sizeof number);
        if (!(task & 15) && number == 0 && is_list(session, task + tasks))
            return task;
    }
    return 0;
}

/* --- entry point ----------------------------------------------------------------------------------- */

void kernel_find_variables(struct session *session)
{
    static const struct {
        const char *name;
        const char *functions[5];
        judge *fits;
    } wanted[] = {
        {"modules",
         {"print_modules", "m_start", "find_module_all", "module_kallsyms_lookup_name", "search_module_extables"},
         is_module_list},
        {"prb",
         {"vprintk_store", "devkmsg_read", "kmsg_dump_get_line", "prb_read_valid", "syslog_print"},
         is_printk_ring},
        {"irq_desc_tree",
         {"irq_to_desc", "irq_get_next_irq", "alloc_descs", "free_desc", "__irq_alloc_descs"},
         is_irq_tree},
        {"__entry_task",
         {"el0t_64_sync", "el0t_64_irq", "__switch_to", "entry_task_switch", "el0t_64_error"},
         is_entry_task},
    };
    bool added = false;
    uint64_t address;
    if (!kernel_symbol(session, "init_task") && (address = find_init_task(session))) {
        symbols_add(session->symbols, address, 0, 'D', "init_task", NULL);
        added = true;
    }
    for (unsigned i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        if (kernel_symbol(session, wanted[i].name))
            continue;
        address = 0;
        for (unsigned n = 0; n < 5 && !address; n++)
            address = referred_by(session, wanted[i].functions[n], wanted[i].fits);
        if (address) {
            symbols_add(session->symbols, address, 0, 'D', wanted[i].name, NULL);
            added = true;
        }
    }
    if (added)
        symbols_sort(session->symbols);
}
