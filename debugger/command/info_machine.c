/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `info` about the machine: interrupts, timers, time, inputs, memory, the engine. */
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "debugger/command/command.h"
#include "debugger/command/info.h"
#include "isa/arm64/timer.h"

static const struct mmio_window *find_window(struct session *session, const char *name)
{
    const struct bus *bus = &session->machine->bus;
    for (unsigned i = 0; i < bus->window_count; i++)
        if (!strcmp(bus->windows[i].name, name))
            return &bus->windows[i];
    return NULL;
}

/* Registers of the interrupt controller whose reading changes nothing (GICv3's architecture, IHI 0069, chapter 12). */
static uint32_t gic_read(const struct mmio_window *window, uint64_t offset)
{
    uint64_t value = 0;
    return window->ops->read(window->device, offset, 4, &value) ? (uint32_t)value : 0;
}

enum { ISENABLER = 0x100, ISPENDR = 0x200, ISACTIVER = 0x300 };
#define REDISTRIBUTOR_BYTES 0x20000u
#define PRIVATE_FRAME       0x10000u /* of SGIs and PPIs, in a redistributor */

/* 32 interrupts from `first` on, whose registers lie at `at` and so on. */
static void show_interrupts(struct session *session, const struct mmio_window *window, uint64_t at, unsigned first)
{
    const uint32_t enabled = gic_read(window, at + ISENABLER), pending = gic_read(window, at + ISPENDR),
                   active = gic_read(window, at + ISACTIVER);
    for (unsigned bit = 0; bit < 32; bit++) {
        if (!((enabled | pending | active) >> bit & 1))
            continue;
        char what[24];
        unsigned id = first + bit;
        if (id < 16)
            snprintf(what, sizeof what, "SGI %u", id);
        else
            snprintf(what, sizeof what, id < 32 ? "PPI %u" : "SPI %u", id < 32 ? id - 16 : id - 32);
        say(session, "  %4u (%s)%s%s%s\n", id, what, enabled >> bit & 1 ? " enabled" : "",
            pending >> bit & 1 ? " pending" : "", active >> bit & 1 ? " active" : "");
    }
}

/* A GICv2's distributor shows private interrupts of the CPU that asks (IHI 0048, 4.1.4). */
static void show_private(struct session *session, const struct mmio_window *distributor, unsigned cpu)
{
    struct bus *bus = &session->machine->bus;
    const unsigned requester = bus->requester;
    bus->requester = cpu;
    show_interrupts(session, distributor, 0, 0);
    bus->requester = requester;
}

bool info_irq(struct session *session, const char *arguments, struct error *error)
{
    const struct mmio_window *shared = find_window(session, "gic-distributor"),
                             *own = find_window(session, "gic-redistributors");
    if (!words_end(arguments, error))
        return false;
    for (unsigned i = 0; i < session->machine->cpu_count; i++) {
        const struct cpu *cpu = session->machine->cpus[i];
        say(session, "CPU %u: IRQ %s%s, FIQ %s%s, SError %s%s\n", i, cpu->irq_pending ? "pending" : "-",
            cpu->pstate.daif & 2 ? " (masked)" : "", cpu->fiq_pending ? "pending" : "-",
            cpu->pstate.daif & 1 ? " (masked)" : "", cpu->serror_pending ? "pending" : "-",
            cpu->pstate.daif & 4 ? " (masked)" : "");
        if (own)
            show_interrupts(session, own, i * REDISTRIBUTOR_BYTES + PRIVATE_FRAME, 0);
        else if (shared)
            show_private(session, shared, i);
    }
    if (!shared)
        return true;
    say(session, "shared interrupts that are enabled, pending or active:\n");
    for (unsigned word = 1; word < 32; word++)
        show_interrupts(session, shared, 4 * word, 32 * word);
    return true;
}

static void say_ns(struct session *session, uint64_t ns)
{
    say(session, "%llu.%09llu s", ns / NS_PER_S, ns % NS_PER_S);
}

/* Whose event it is: a device's or a CPU's own, or else the machine's. */
static const char *owner_name(const struct session *session, const struct event *event)
{
    const struct machine *machine = session->machine;
    static char text[32];
    for (unsigned i = 0; i < machine->device_count; i++)
        if (event->owner == machine->devices[i].instance)
            return machine->devices[i].name;
    for (unsigned i = 0; i < machine->cpu_count; i++) {
        const uintptr_t from = (uintptr_t)machine->cpus[i], at = (uintptr_t)event;
        if (at < from || at - from >= sizeof *machine->cpus[i])
            continue;
        snprintf(text, sizeof text, "CPU %u", i);
        return text;
    }
    return "";
}

bool info_timers(struct session *session, const char *arguments, struct error *error)
{
    static const char *const registers[] = {"CNTVCT_EL0",   "CNTV_CTL_EL0",  "CNTV_CVAL_EL0",
                                            "CNTP_CTL_EL0", "CNTP_CVAL_EL0", "CNTKCTL_EL1"};
    if (!words_end(arguments, error))
        return false;
    const unsigned selected = session->cpu;
    for (session->cpu = 0; session->cpu < session->machine->cpu_count; session->cpu++) {
        if (session->machine->cpu_count > 1)
            say(session, "CPU %u:\n", session->cpu);
        for (unsigned i = 0; i < sizeof registers / sizeof *registers; i++)
            info_show_register(session, registers[i]);
    }
    session->cpu = selected;
    const struct clock *clock = &session->machine->clock;
    say(session, "events of the machine, at virtual time (now ");
    say_ns(session, clock->now_ns);
    say(session, "):\n");
    for (unsigned i = 1; i <= clock->heap_count; i++) {
        say(session, "  ");
        say_ns(session, clock->heap[i].when_ns);
        say(session, "  in %" PRIu64 " us  %s\n",
            (clock->heap[i].when_ns > clock->now_ns ? clock->heap[i].when_ns - clock->now_ns : 0) / 1000,
            owner_name(session, clock->heap[i].event));
    }
    return true;
}

bool info_time(struct session *session, const char *arguments, struct error *error)
{
    const struct machine *machine = session->machine;
    if (!words_end(arguments, error))
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

struct waiting {
    const char *name;
    size_t bytes;
};

static bool count_queued(void *context, const char *name, const void *bytes, size_t length)
{
    struct waiting *waiting = context;
    if (!strcmp(name, waiting->name))
        waiting->bytes += length;
    return true;
}

bool info_inputs(struct session *session, const char *arguments, struct error *error)
{
    struct inputs *inputs = session->machine->inputs;
    if (!words_end(arguments, error))
        return false;
    say(session, "sources of inputs, and what the guest has not taken yet:\n");
    for (unsigned i = 0; i < inputs_source_count(inputs); i++) {
        struct waiting waiting = {.name = inputs_source(inputs, i)->name};
        inputs_each_queued(inputs, count_queued, &waiting);
        say(session, "  %-20s %zu bytes\n", waiting.name, waiting.bytes);
    }
    return true;
}

/* Pages of a range of the guest's RAM for which the host has memory. */
static uint64_t resident_pages(const struct ram *ram)
{
    enum { PART = 65536 };
    static unsigned char in[PART];
    const uint64_t host_page = (uint64_t)sysconf(_SC_PAGESIZE), part_bytes = PART * host_page;
    uint64_t count = 0;
    for (uint64_t at = 0; at < ram->size_bytes; at += part_bytes) {
        const uint64_t left = ram->size_bytes - at, bytes = left < part_bytes ? left : part_bytes;
        if (mincore(ram->host + at, bytes, in) != 0)
            break;
        for (uint64_t i = 0; i < bytes / host_page; i++)
            count += in[i] & 1;
    }
    return count * host_page / PAGE_SIZE_BYTES;
}

bool info_memory(struct session *session, const char *arguments, struct error *error)
{
    const struct ram *ram = &session->machine->bus.ram;
    const uint64_t pages = ram->size_bytes / PAGE_SIZE_BYTES;
    uint64_t code = 0, watched = 0;
    if (!words_end(arguments, error))
        return false;
    for (uint64_t i = 0; i < pages; i++) {
        code += ram->page_flags[i] & PAGE_HAS_CODE ? 1 : 0;
        watched += ram->page_flags[i] & (PAGE_WATCHED | PAGE_READ_WATCHED) ? 1 : 0;
    }
    say(session, "RAM   0x%" PRIx64 " - 0x%" PRIx64 ", %" PRIu64 " MiB; the host holds %" PRIu64 " MiB of it\n",
        ram->base, ram->base + ram->size_bytes - 1, ram->size_bytes >> 20,
        (uint64_t)(resident_pages(ram) * PAGE_SIZE_BYTES) >> 20);
    if (ram->rom_bytes)
        say(session, "ROM   0x%" PRIx64 " - 0x%" PRIx64 "%s\n", ram->rom_base, ram->rom_base + ram->rom_bytes - 1,
            ram->rom_readable ? "" : ", not readable now");
    say(session, "pages with code that an engine knows: %" PRIu64 "; with watchpoints: %" PRIu64 "\n", code, watched);
    return true;
}

bool info_jit(struct session *session, const char *arguments, struct error *error)
{
    const struct machine *machine = session->machine;
    if (!words_end(arguments, error))
        return false;
    say(session, "engine %s\n", machine->engine_ops->name);
    if (!machine->engine_ops->describe)
        return error_set(error, "this engine translates nothing");
    machine->engine_ops->describe(machine->engine, session->out);
    return true;
}
