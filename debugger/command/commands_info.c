/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What `info` shows. */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "debugger/command/command.h"
#include "debugger/view/devices.h"
#include "debugger/view/expression.h"
#include "debugger/command/info.h"
#include "debugger/view/kernel.h"
#include "debugger/session/stopping.h"

/* --- registers ------------------------------------------------------------------------------------- */

void info_show_register(void *context, const char *name)
{
    struct session *session = context;
    uint8_t bytes[16] = {0};
    unsigned size;
    uint64_t number;
    if (!register_read(session_cpu(session), name, bytes, &size))
        return;
    memcpy(&number, bytes, sizeof number);
    say_in(session, PAINT_SYMBOL, "%-18s", name);
    if (size == 16) {
        uint64_t high;
        memcpy(&high, bytes + 8, sizeof high);
        say(session, " 0x%016" PRIx64 "%016" PRIx64 "\n", high, number);
        return;
    }
    say(session, " 0x%016" PRIx64, number);
    char text[200];
    session_symbolize(session, number, text, sizeof text);
    if (*text &&
        (name[0] == 'x' || !strcmp(name, "pc") || !strcmp(name, "sp") || strstr(name, "ELR") || strstr(name, "VBAR")))
        say(session, "  <%s>", text);
    if (!strcmp(name, "cpsr")) {
        const struct cpu *cpu = session_cpu(session);
        say(session, "  EL%u%c %c%c%c%c %c%c%c%c", cpu->pstate.el, cpu->pstate.spsel ? 'h' : 't',
            cpu->nzcv.n ? 'N' : 'n', cpu->nzcv.z ? 'Z' : 'z', cpu->nzcv.c ? 'C' : 'c', cpu->nzcv.v ? 'V' : 'v',
            cpu->pstate.daif & 8 ? 'D' : 'd', cpu->pstate.daif & 4 ? 'A' : 'a', cpu->pstate.daif & 2 ? 'I' : 'i',
            cpu->pstate.daif & 1 ? 'F' : 'f');
    }
    say(session, "\n");
}

static bool info_registers(struct session *session, const char *arguments, struct error *error)
{
    static const char *const groups[] = {"general", "vector", "system"};
    uint8_t bytes[16];
    unsigned size;
    if (!*arguments) {
        register_each("general", info_show_register, session);
        return true;
    }
    if (!strcmp(arguments, "all")) {
        register_each(NULL, info_show_register, session);
        return true;
    }
    for (unsigned i = 0; i < 3; i++)
        if (!strcmp(arguments, groups[i])) {
            register_each(groups[i], info_show_register, session);
            return true;
        }
    char word[64];
    while (words_cut(&arguments, word, sizeof word)) {
        const char *name = word + (*word == '$');
        if (!register_read(session_cpu(session), name, bytes, &size))
            return error_set(error, "no register or group '%s'; the groups are general, vector, system and all", name);
        info_show_register(session, name);
    }
    return true;
}

/* --- devices --------------------------------------------------------------------------------------- */

static bool info_devices(struct session *session, const char *arguments, struct error *error)
{
    const struct machine *machine = session->machine;
    if (!words_end(arguments, error))
        return false;
    for (unsigned i = 0; i < machine->device_count; i++)
        say(session, "%-16s %s\n", machine->devices[i].name, machine->devices[i].class->name);
    say(session, "windows:\n");
    for (unsigned i = 0; i < machine->bus.window_count; i++) {
        const struct mmio_window *window = &machine->bus.windows[i];
        say(session, "  0x%09" PRIx64 " - 0x%09" PRIx64 "  %s\n", window->base, window->base + window->size_bytes - 1,
            window->name);
    }
    say(session, "  0x%09" PRIx64 " - 0x%09" PRIx64 "  RAM\n", machine->bus.ram.base,
        machine->bus.ram.base + machine->bus.ram.size_bytes - 1);
    return true;
}

static bool info_device(struct session *session, const char *arguments, struct error *error)
{
    return devices_show(session, arguments, error);
}

/* --- points and symbols ---------------------------------------------------------------------------- */

static bool info_breakpoints(struct session *session, const char *arguments, struct error *error)
{
    static const char *const kinds[] = {"breakpoint", "watchpoint", "catchpoint"};
    bool any = false;
    if (!words_end(arguments, error))
        return false;
    for (const struct point *point = stopping_first(session); point; point = point->next) {
        if (!point->number)
            continue;
        any = true;
        say(session, "%-3u %s%s%s ", point->number, kinds[point->kind], point->temporary ? " (once)" : "",
            point->enabled ? "" : " (disabled)");
        if (point->kind != POINT_CATCH)
            say_address(session, point->address);
        say(session, " %s", point->what ? point->what : "");
        if (point->kind == POINT_WATCH)
            say(session, ", %" PRIu64 " bytes, %s%s", point->bytes, point->watch_kinds & 1 ? "r" : "",
                point->watch_kinds & 2 ? "w" : "");
        if (point->user)
            say(session, ", only in process %" PRIu64, point->user_pid);
        if (point->condition)
            say(session, ", if %s", point->condition);
        say(session, ", %" PRIu64 " hits\n", point->hits);
        if (point->commands)
            say(session, "    %s\n", point->commands);
    }
    if (!any)
        say(session, "no breakpoints\n");
    return true;
}

static bool info_symbol(struct session *session, const char *arguments, struct error *error)
{
    uint64_t address;
    char text[256];
    kernel_find(session, NULL);
    if (!*arguments || !expression_location(session, arguments, &address, error))
        return *arguments ? false : error_set(error, "info symbol expects an address");
    session_symbolize(session, address, text, sizeof text);
    if (!*text)
        return error_set(error, "no symbol is near 0x%" PRIx64, address);
    say(session, "0x%" PRIx64 " is %s\n", address, text);
    return true;
}

const struct command commands_info[] = {
    {"registers", "[GROUP|NAME...]", COMPLETES_EXPRESSION, info_registers,
     "Registers of the CPU: general, vector, system, all, or by name.", "r"},
    {"breakpoints", "", COMPLETES_NOTHING, info_breakpoints, "Breakpoints, watchpoints and catchpoints.",
     "b watchpoints"},
    {"locals", "", COMPLETES_NOTHING, info_locals, "Local variables of the frame."},
    {"args", "", COMPLETES_NOTHING, info_args, "Parameters of the frame's function."},
    {"frame", "", COMPLETES_NOTHING, info_frame, "The frame, and the registers that are known in it."},
    {"line", "[LOCATION]", COMPLETES_EXPRESSION, info_line, "The line of the source that an address is of."},
    {"devices", "", COMPLETES_NOTHING, info_devices, "The devices, and where they are."},
    {"device", "NAME", COMPLETES_DEVICE, info_device, "A device: its registers and fields. Its name alone does, too."},
    {"translate", "ADDRESS", COMPLETES_EXPRESSION, info_translate, "Each step of the page walk for an address."},
    {"mmu", "", COMPLETES_NOTHING, info_mmu, "The registers that rule translation."},
    {"mappings", "[FROM [TO]]", COMPLETES_EXPRESSION, info_mappings, "What is mapped, in runs of pages."},
    {"irq", "", COMPLETES_NOTHING, info_irq, "Interrupts: CPUs' inputs, and the controller's."},
    {"timers", "", COMPLETES_NOTHING, info_timers, "The timers of the CPU, and what the machine waits for."},
    {"time", "", COMPLETES_NOTHING, info_time, "Virtual time and instructions."},
    {"jit", "", COMPLETES_NOTHING, info_jit, "What was translated."},
    {"inputs", "", COMPLETES_NOTHING, info_inputs, "Where inputs come from, and how much waits for the guest."},
    {"memory", "", COMPLETES_NOTHING, info_memory, "RAM, and how much of it there is on the host."},
    {"symbol", "ADDRESS", COMPLETES_EXPRESSION, info_symbol, "The symbol that an address belongs to."},
    {0},
};
