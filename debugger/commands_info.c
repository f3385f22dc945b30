/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What `info` shows. */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "debugger/command.h"
#include "debugger/devices.h"
#include "debugger/expression.h"
#include "debugger/kernel.h"
#include "debugger/source.h"
#include "debugger/stopping.h"
#include "isa/arm64/exception.h"
#include "isa/arm64/mmu.h"
#include "isa/arm64/timer.h"

/* --- registers ------------------------------------------------------------------------------------- */

static void show_register(void *context, const char *name)
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
        register_each("general", show_register, session);
        return true;
    }
    if (!strcmp(arguments, "all")) {
        register_each(NULL, show_register, session);
        return true;
    }
    for (unsigned i = 0; i < 3; i++)
        if (!strcmp(arguments, groups[i])) {
            register_each(groups[i], show_register, session);
            return true;
        }
    char word[64];
    while (command_word(&arguments, word, sizeof word)) {
        const char *name = word + (*word == '$');
        if (!register_read(session_cpu(session), name, bytes, &size))
            return error_set(error, "no register or group '%s'; the groups are general, vector, system and all", name);
        show_register(session, name);
    }
    return true;
}

/* --- devices --------------------------------------------------------------------------------------- */

static bool info_devices(struct session *session, const char *arguments, struct error *error)
{
    const struct machine *machine = session->machine;
    if (!command_end(arguments, error))
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

/* --- translation ----------------------------------------------------------------------------------- */

static void say_flags(struct session *session, uint32_t flags)
{
    say(session, "EL1 %s%s%s  EL0 %s%s%s  attributes 0x%02x%s%s", flags & MAY_READ_EL1 ? "r" : "-",
        flags & MAY_WRITE_EL1 ? "w" : "-", flags & MAY_EXECUTE_EL1 ? "x" : "-", flags & MAY_READ_EL0 ? "r" : "-",
        flags & MAY_WRITE_EL0 ? "w" : "-", flags & MAY_EXECUTE_EL0 ? "x" : "-", flags >> ATTRIBUTES_SHIFT,
        flags & IS_DEVICE ? " device" : "", flags & CLEAN_PAGE ? " clean" : "");
}

/* The tables that the walk went through, told again: each level's index and descriptor. */
static void tell_steps(struct session *session, const struct cpu *cpu, uint64_t va)
{
    static const uint8_t granules[2][4] = {{12, 16, 14, 12}, {12, 14, 12, 16}};
    bool upper = va >> 55 & 1;
    uint64_t tcr = cpu->sys.TCR_EL1;
    unsigned offset = upper ? tcr >> 16 & 63 : tcr & 63,
             granule = granules[upper][upper ? tcr >> 30 & 3 : tcr >> 14 & 3];
    if (offset < 16 || offset > 39) {
        say(session, "TCR_EL1 gives that half no addresses\n");
        return;
    }
    unsigned stride = granule - 3, input_bits = 64 - offset, level = 4 - (input_bits - granule + stride - 1) / stride;
    unsigned low_bit = granule + (3 - level) * stride;
    uint64_t table =
        (upper ? cpu->sys.TTBR1_EL1 : cpu->sys.TTBR0_EL1) & 0xfffffffffffeull & ~0ull << (input_bits - low_bit + 3);
    say(session, "TTBR%u_EL1: table at 0x%" PRIx64 ", %u bits of address, pages of %u KiB\n", upper, table, input_bits,
        1u << (granule - 10));
    for (unsigned bits = input_bits - low_bit; level <= 3; level++, bits = stride, low_bit -= stride) {
        uint64_t index = va >> low_bit & ((1ull << bits) - 1), descriptor;
        const uint8_t *host = ram_at(&cpu->bus->ram, table + index * 8, 8);
        if (!host) {
            say(session, "level %u: the table at 0x%" PRIx64 " is no RAM\n", level, table);
            return;
        }
        memcpy(&descriptor, host, sizeof descriptor);
        bool valid = descriptor & 1, leaf = level == 3 || !(descriptor & 2);
        say(session, "level %u: 0x%" PRIx64 "[%" PRIu64 "] = 0x%016" PRIx64 "  %s\n", level, table, index, descriptor,
            !valid ? "invalid" : leaf ? level == 3 ? "page" : "block" : "table");
        if (!valid || leaf)
            return;
        table = descriptor & 0xffffffffffffull & ~0ull << granule;
    }
}

static bool info_translate(struct session *session, const char *arguments, struct error *error)
{
    uint64_t va;
    struct translation found;
    struct cpu *cpu = session_cpu(session);
    if (!*arguments)
        return error_set(error, "info translate expects an address");
    if (!expression_location(session, arguments, &va, error))
        return false;
    if (!(cpu->sys.SCTLR_EL1 & 1))
        say(session, "the MMU is off\n");
    else
        tell_steps(session, cpu, va);
    unsigned status = mmu_walk(cpu, va, false, &found);
    if (status != FAULT_NONE) {
        static const char *const words[] = {"address size fault", "translation fault", "access flag fault",
                                            "permission fault",   "external abort",    "external abort on a walk"};
        say(session, "0x%" PRIx64 " -> %s, level %u\n", va, words[status >> 2 < 6 ? status >> 2 : 5], status & 3);
        return true;
    }
    say(session, "0x%" PRIx64 " -> 0x%" PRIx64 "  %s, ", va, found.physical,
        ram_at(&cpu->bus->ram, found.physical, 1) ? "RAM" : "device or nothing");
    say_flags(session, found.flags);
    say(session, found.global ? ", global\n" : ", of ASID %u\n",
        (unsigned)((cpu->sys.TCR_EL1 >> 22 & 1 ? cpu->sys.TTBR1_EL1 : cpu->sys.TTBR0_EL1) >> 48));
    return true;
}

static bool info_mmu(struct session *session, const char *arguments, struct error *error)
{
    static const char *const registers[] = {"SCTLR_EL1", "TCR_EL1", "TTBR0_EL1", "TTBR1_EL1", "MAIR_EL1"};
    const struct cpu *cpu = session_cpu(session);
    if (!command_end(arguments, error))
        return false;
    for (unsigned i = 0; i < 5; i++)
        show_register(session, registers[i]);
    uint64_t sctlr = cpu->sys.SCTLR_EL1, tcr = cpu->sys.TCR_EL1;
    say(session, "MMU %s, data cache %s, instruction cache %s, alignment checked: %s\n", sctlr & 1 ? "on" : "off",
        sctlr >> 2 & 1 ? "on" : "off", sctlr >> 12 & 1 ? "on" : "off", sctlr >> 1 & 1 ? "yes" : "no");
    say(session,
        "lower half: %u bits%s; upper half: %u bits%s; ASIDs of %u bits; hardware access flag: %s, dirty state: %s\n",
        64 - (unsigned)(tcr & 63), tcr >> 7 & 1 ? " (off)" : "", 64 - (unsigned)(tcr >> 16 & 63),
        tcr >> 23 & 1 ? " (off)" : "", tcr >> 36 & 1 ? 16 : 8, tcr >> 39 & 1 ? "yes" : "no",
        tcr >> 40 & 1 ? "yes" : "no");
    return true;
}

/* A run of pages that are mapped alike. */
struct run_of_pages {
    uint64_t va, physical, bytes;
    uint32_t flags;
};

static void tell_run(struct session *session, const struct run_of_pages *run)
{
    if (!run->bytes)
        return;
    say(session, "0x%016" PRIx64 " - 0x%016" PRIx64 "  0x%010" PRIx64 "  ", run->va, run->va + run->bytes - 1,
        run->physical);
    say_flags(session, run->flags);
    say(session, "\n");
}

static void list_mappings(struct session *session, uint64_t from, uint64_t to, unsigned most)
{
    struct cpu *cpu = session_cpu(session);
    struct run_of_pages run = {0};
    struct translation found;
    const uint32_t mask = 0x3f | IS_DEVICE | 0xff000000u;
    unsigned told = 0;
    for (uint64_t va = from; va < to && told < most;) {
        unsigned status = mmu_walk(cpu, va, false, &found);
        uint64_t bytes = PAGE_SIZE_BYTES;
        if (status != FAULT_NONE) {
            /* A fault at a level says that all of what an entry there maps is not there. */
            unsigned granule = 12;
            bytes = 1ull << (granule + 9 * (3 - (status & 3)));
            if ((status & ~3u) != FAULT_TRANSLATION)
                bytes = PAGE_SIZE_BYTES;
            bytes -= va & (bytes - 1);
        } else {
            bytes = (1ull << found.size_bits) - (va & ((1ull << found.size_bits) - 1));
        }
        bool joins = status == FAULT_NONE && run.bytes && run.va + run.bytes == va &&
                     run.physical + run.bytes == found.physical && (run.flags & mask) == (found.flags & mask);
        if (joins) {
            run.bytes += bytes;
        } else {
            told += run.bytes != 0;
            tell_run(session, &run);
            run = (struct run_of_pages){va, found.physical, status == FAULT_NONE ? bytes : 0, found.flags};
        }
        if (va + bytes < va)
            break;
        va += bytes;
    }
    tell_run(session, &run);
}

static bool info_mappings(struct session *session, const char *arguments, struct error *error)
{
    const struct cpu *cpu = session_cpu(session);
    uint64_t from = 0, to = 0;
    char word[256];
    if (!(cpu->sys.SCTLR_EL1 & 1)) {
        say(session, "the MMU is off: every address is its own\n");
        return true;
    }
    if (command_word(&arguments, word, sizeof word)) {
        if (!expression_number(session, word, &from, error) ||
            !expression_number(session, *arguments ? arguments : "-1", &to, error))
            return false;
        list_mappings(session, from & ~(PAGE_SIZE_BYTES - 1), to, 10000);
        return true;
    }
    uint64_t tcr = cpu->sys.TCR_EL1;
    if (!(tcr >> 7 & 1))
        list_mappings(session, 0, 1ull << (64 - (tcr & 63)), 2000);
    if (!(tcr >> 23 & 1))
        list_mappings(session, ~0ull << (64 - (tcr >> 16 & 63)), ~0ull, 2000);
    return true;
}

/* --- interrupts, timers, the rest ------------------------------------------------------------------ */

static const struct device *device_of_class(struct session *session, const char *class)
{
    for (unsigned i = 0; i < session->machine->device_count; i++)
        if (!strcmp(session->machine->devices[i].class->name, class))
            return &session->machine->devices[i];
    return NULL;
}

/* Register `name` of a bank, its `index`th; 0 where there is none. */
static uint64_t bank_read(const struct device *device, const char *name, unsigned index)
{
    const struct reg_bank *bank = device->class->regs;
    for (unsigned i = 0; bank && i < bank->count; i++) {
        const struct reg *reg = &bank->list[i];
        if (!reg->name || strcmp(reg->name, name) || index >= (reg->count ? reg->count : 1) || reg->read_acts)
            continue;
        if (reg->read)
            return reg->read(device->instance, index);
        uint64_t value = 0;
        if (reg->field_offset != REG_NO_FIELD)
            memcpy(&value, (const uint8_t *)device->instance + reg->field_offset + (size_t)index * reg->size,
                   reg->size);
        return value;
    }
    return 0;
}

static bool info_irq(struct session *session, const char *arguments, struct error *error)
{
    const struct device *gic3 = device_of_class(session, "gicv3"),
                        *gic = gic3 ? gic3 : device_of_class(session, "gicv2");
    if (!command_end(arguments, error))
        return false;
    for (unsigned i = 0; i < session->machine->cpu_count; i++) {
        const struct cpu *cpu = session->machine->cpus[i];
        say(session, "CPU %u: IRQ %s%s, FIQ %s%s, SError %s%s\n", i, cpu->irq_pending ? "pending" : "-",
            cpu->pstate.daif & 2 ? " (masked)" : "", cpu->fiq_pending ? "pending" : "-",
            cpu->pstate.daif & 1 ? " (masked)" : "", cpu->serror_pending ? "pending" : "-",
            cpu->pstate.daif & 4 ? " (masked)" : "");
    }
    if (!gic)
        return true;
    say(session, "shared interrupts that are enabled, pending or active:\n");
    for (unsigned id = 32; id < 1020; id++) {
        unsigned word = id / 32, bit = id % 32;
        bool enabled = bank_read(gic, "GICD_ISENABLER", word) >> bit & 1,
             pending = bank_read(gic, "GICD_ISPENDR", word) >> bit & 1,
             active = bank_read(gic, "GICD_ISACTIVER", word) >> bit & 1;
        if (enabled || pending || active)
            say(session, "  %4u (SPI %u)%s%s%s\n", id, id - 32, enabled ? " enabled" : "", pending ? " pending" : "",
                active ? " active" : "");
    }
    return true;
}

static void say_ns(struct session *session, uint64_t ns)
{
    say(session, "%llu.%09llu s", ns / NS_PER_S, ns % NS_PER_S);
}

static bool info_timers(struct session *session, const char *arguments, struct error *error)
{
    static const char *const registers[] = {"CNTVCT_EL0",   "CNTV_CTL_EL0",  "CNTV_CVAL_EL0",
                                            "CNTP_CTL_EL0", "CNTP_CVAL_EL0", "CNTKCTL_EL1"};
    if (!command_end(arguments, error))
        return false;
    for (unsigned i = 0; i < sizeof registers / sizeof *registers; i++)
        show_register(session, registers[i]);
    const struct clock *clock = &session->machine->clock;
    say(session, "events of the machine, at virtual time (now ");
    say_ns(session, clock->now_ns);
    say(session, "):\n");
    for (unsigned i = 1; i <= clock->heap_count; i++) {
        say(session, "  ");
        say_ns(session, clock->heap[i].when_ns);
        say(session, "  in %" PRIu64 " us\n",
            (clock->heap[i].when_ns > clock->now_ns ? clock->heap[i].when_ns - clock->now_ns : 0) / 1000);
    }
    return true;
}

static bool info_time(struct session *session, const char *arguments, struct error *error)
{
    const struct machine *machine = session->machine;
    if (!command_end(arguments, error))
        return false;
    say(session, "virtual time ");
    say_ns(session, machine->clock.now_ns);
    say(session, ", %" PRIu64 " instructions\n", run_loop_insns(&machine->loop));
    for (unsigned i = 0; machine->cpu_count > 1 && i < machine->cpu_count; i++)
        say(session, "  CPU %u: %" PRIu64 "\n", i, machine->cpus[i]->icount);
    say(session, "rate: %u/256 ns an instruction; resets: %" PRIu64 "\n", machine->cpus[0]->ns_per_insn_q8,
        machine->resets);
    return true;
}

static bool show_queued(void *context, const char *name, const void *bytes, size_t length)
{
    say(context, "  %-16s %zu bytes wait\n", name, length);
    return true;
}

static bool info_inputs(struct session *session, const char *arguments, struct error *error)
{
    if (!command_end(arguments, error))
        return false;
    say(session, "inputs that the guest has not taken yet:\n");
    inputs_each_queued(session->machine->inputs, show_queued, session);
    return true;
}

static bool info_jit(struct session *session, const char *arguments, struct error *error)
{
    const struct machine *machine = session->machine;
    if (!command_end(arguments, error))
        return false;
    say(session, "engine %s\n", machine->engine_ops->name);
    if (!machine->engine_ops->describe)
        return error_set(error, "this engine translates nothing");
    machine->engine_ops->describe(machine->engine, session->out);
    return true;
}

static bool info_breakpoints(struct session *session, const char *arguments, struct error *error)
{
    static const char *const kinds[] = {"breakpoint", "watchpoint", "catchpoint"};
    bool any = false;
    if (!command_end(arguments, error))
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
    session_find_kernel(session, NULL);
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
    {"locals", "", COMPLETES_NOTHING, source_info_locals, "Local variables of the frame."},
    {"args", "", COMPLETES_NOTHING, source_info_args, "Parameters of the frame's function."},
    {"frame", "", COMPLETES_NOTHING, source_info_frame, "The frame, and the registers that are known in it."},
    {"line", "[LOCATION]", COMPLETES_EXPRESSION, source_info_line, "The line of the source that an address is of."},
    {"devices", "", COMPLETES_NOTHING, info_devices, "The devices, and where they are."},
    {"device", "NAME", COMPLETES_DEVICE, info_device, "A device: its registers and fields. Its name alone does, too."},
    {"translate", "ADDRESS", COMPLETES_EXPRESSION, info_translate, "Each step of the page walk for an address."},
    {"mmu", "", COMPLETES_NOTHING, info_mmu, "The registers that rule translation."},
    {"mappings", "[FROM [TO]]", COMPLETES_EXPRESSION, info_mappings, "What is mapped, in runs of pages."},
    {"irq", "", COMPLETES_NOTHING, info_irq, "Interrupts: CPUs' inputs, and the controller's."},
    {"timers", "", COMPLETES_NOTHING, info_timers, "The timers of the CPU, and what the machine waits for."},
    {"time", "", COMPLETES_NOTHING, info_time, "Virtual time and instructions."},
    {"jit", "", COMPLETES_NOTHING, info_jit, "What was translated."},
    {"inputs", "", COMPLETES_NOTHING, info_inputs, "What came from the host and waits."},
    {"symbol", "ADDRESS", COMPLETES_EXPRESSION, info_symbol, "The symbol that an address belongs to."},
    {0},
};
