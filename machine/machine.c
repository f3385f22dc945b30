/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The machine: made of its parts, started, reset, brought to its end. */
#include "machine/machine.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "isa/arm64/tlb.h"
#include "machine/actions.h"
#include "machine/board.h"
#include "machine/boot.h"
#include "machine/contract/display.h"
#include "machine/page.h"
#include "machine/dtb.h"
#include "machine/file.h"
#include "machine/marks.h"
#include "machine/ram_hash.h"
#include "machine/run_parallel.h"
#include "machine/seed.h"
#include "machine/serial.h"

/* How long a kernel that panicked may go on printing what it knows. */
#define PANIC_PRINT_NS NS_PER_S
#define PANIC_LINE_NS  10000000ull /* for the rest of its last line */

/* --- its state ------------------------------------------------------------------------------------- */

static const struct field machine_list[] = {
    FIELD_HOST(struct machine, options),
    FIELD_HOST(struct machine, bus),
    FIELD_HOST(struct machine, clock),
    FIELD_HOST(struct machine, inputs),
    FIELD_HOST(struct machine, cpus),
    FIELD_HOST(struct machine, cpu_count),
    FIELD_HOST(struct machine, engine_ops),
    FIELD_HOST(struct machine, engine),
    FIELD_HOST(struct machine, devices),
    FIELD_HOST(struct machine, device_count),
    FIELD_HOST(struct machine, virtio_slots_used),
    FIELD_HOST(struct machine, boot_paths),
    FIELD_HOST(struct machine, pci),
    FIELD_HOST(struct machine, its),
    FIELD_HOST(struct machine, disks),
    FIELD_HOST(struct machine, policy),
    FIELD_HOST(struct machine, fw_cfg),
    FIELD(struct machine, uart.panic.begin_matched),
    FIELD(struct machine, uart.panic.end_matched),
    FIELD(struct machine, uart.panic.begun),
    FIELD(struct machine, uart.panic.ended),
    FIELD_HOST(struct machine, uart),
    FIELD(struct machine, console.panic.begin_matched),
    FIELD(struct machine, console.panic.end_matched),
    FIELD(struct machine, console.panic.begun),
    FIELD(struct machine, console.panic.ended),
    FIELD_HOST(struct machine, console),
    FIELD_HOST(struct machine, break_source),
    FIELD_HOST(struct machine, power_source),
    FIELD_HOST(struct machine, net_links),
    FIELD_HOST(struct machine, net_count),
    FIELD_HOST(struct machine, vsock_reset),
    FIELD_HOST(struct machine, screen),
    FIELD_HOST(struct machine, clipboard),
    FIELD_HOST(struct machine, sound),
    FIELD_HOST(struct machine, timed_actions),
    FIELD_HOST(struct machine, psci),
    FIELD_HOST(struct machine, loop),
    FIELD_STRUCT(struct machine, panic_end, &event_fields),
    FIELD_HOST(struct machine, timeout),
    FIELD_HOST(struct machine, hashes_printed),
    FIELD_HOST(struct machine, stop_insns),
    FIELD_HOST(struct machine, saving),
    FIELD_HOST(struct machine, debugger),
    FIELD_HOST(struct machine, moving),
    FIELD_HOST(struct machine, restored),
    FIELD_HOST(struct machine, left),
    FIELD_HOST(struct machine, stop),
    FIELD_HOST(struct machine, exit_status),
    FIELD(struct machine, resets),
    FIELDS_END,
};
const struct fields machine_fields = {"machine", sizeof(struct machine), machine_list};

void machine_restored(struct machine *machine)
{
    panic_watch_restored(&machine->uart.panic);
    panic_watch_restored(&machine->console.panic);
    clock_restore(&machine->clock, &machine->panic_end);
    run_loop_restored(&machine->loop);
    machine->restored = true;
}

/* --- how it ends ----------------------------------------------------------------------------------- */

void machine_stop_for(struct machine *machine, enum machine_stop reason)
{
    machine->stop = reason;
    run_loop_stop(&machine->loop);
}

static void on_system_off(void *machine, struct cpu *cpu)
{
    machine_stop_for(machine, MACHINE_POWER_OFF);
}

static void on_system_reset(void *machine, struct cpu *cpu)
{
    machine_stop_for(machine, MACHINE_RESET);
}

void machine_exit(void *context, uint8_t status)
{
    struct machine *machine = context;
    machine->exit_status = status;
    machine_stop_for(machine, MACHINE_EXIT);
}

static void on_timeout(void *machine)
{
    machine_stop_for(machine, MACHINE_TIMEOUT);
}

static void on_panic_end(void *machine)
{
    machine_stop_for(machine, MACHINE_PANIC);
}

void machine_panicked(struct machine *machine, bool recovers)
{
    if (!recovers)
        screen_state(&machine->screen, "the guest's kernel panicked");
    if (!inputs_past(machine->inputs))
        fprintf(stderr, "armature: the guest's kernel panicked%s\n", recovers ? ", and one for that case goes on" : "");
    if (machine->options->exit_on_panic && !recovers)
        clock_schedule(&machine->clock, &machine->panic_end, clock_now_ns(&machine->clock) + PANIC_PRINT_NS);
}

/* Looks for a panic in what the guest prints, and lets it print some more. */
static void watch_panic(struct machine_line *line, const void *bytes, size_t length)
{
    struct machine *machine = line->machine;
    if (!machine->options->exit_on_panic || !panic_watch(&line->panic, bytes, length))
        return;
    uint64_t now_ns = clock_now_ns(&machine->clock);
    clock_schedule(&machine->clock, &machine->panic_end, now_ns + (line->panic.ended ? PANIC_LINE_NS : PANIC_PRINT_NS));
}

void machine_transmit(void *context, const void *bytes, size_t length)
{
    struct machine_line *line = context;
    if (line->serial && !inputs_past(line->machine->inputs))
        serial_transmit(line->serial, bytes, length);
    save_watch_output(line->machine, bytes, length);
    if (line->machine->debugger.output)
        line->machine->debugger.output(line->machine->debugger.output_context, bytes, length);
    watch_panic(line, bytes, length);
}

void machine_quit(struct machine *machine)
{
    machine->left = true;
    machine_stop_for(machine, MACHINE_POWER_OFF);
}

static void on_quit_key(void *machine)
{
    machine_quit(machine);
}

static void on_break_key(void *context)
{
    struct machine *machine = context;
    input_post(machine->inputs, machine->break_source, NULL, 0);
}

static void on_power_key(void *context)
{
    struct machine *machine = context;
    input_post(machine->inputs, machine->power_source, NULL, 0);
}

/* --- making it ------------------------------------------------------------------------------------- */

void machine_add_device(struct machine *machine, const struct device_class *class, const char *name,
                        void *instance)
{
    if (!instance || machine->device_count == MACHINE_DEVICES_MAX)
        abort(); /* out of memory at start, or a board larger than its list */
    machine->devices[machine->device_count++] = (struct device){class, name, instance};
}

static void seed_cpus(struct machine *machine)
{
    uint64_t stream = machine->options->seed;
    for (unsigned i = 0; i < machine->cpu_count; i++)
        cpu_seed_rng(machine->cpus[i], seed_next(&stream));
}

static bool make_cpus(struct machine *machine, struct error *error)
{
    for (unsigned i = 0; i < machine->options->cpus; i++) {
        struct cpu *cpu = aligned_alloc(64, (sizeof *cpu + 63) / 64 * 64);
        if (!cpu)
            return error_set(error, "no memory on the host for CPU %u; free some or give fewer --cpus", i);
        memset(cpu, 0, sizeof *cpu);
        if (!cpu_init(cpu, i, machine->options->cpu, &machine->bus, &machine->clock, error)) {
            free(cpu);
            return false;
        }
        machine->cpus[machine->cpu_count++] = cpu;
        if (machine->options->el2 && !cpu_add_el2(cpu, error))
            return false;
        cpu->smccc = psci_call;
        cpu->smccc_context = &machine->psci;
    }
    for (unsigned i = 0; i < machine->cpu_count; i++) {
        machine->cpus[i]->peers = machine->cpus;
        machine->cpus[i]->peer_count = machine->cpu_count;
    }
    seed_cpus(machine);
    machine->psci = (struct psci){
        .cpus = machine->cpus,
        .cpu_count = machine->cpu_count,
        .ram = &machine->bus.ram,
        .system_off = on_system_off,
        .system_reset = on_system_reset,
        .context = machine,
    };
    return true;
}

/* A page with flags is about to be written: who watches it is told, and the engine forgets what it made of it. */
static void on_flagged_write(void *context, uint64_t page_address)
{
    struct machine *machine = context;
    struct ram *ram = &machine->bus.ram;
    if (ram->page_flags[(page_address - ram->base) / PAGE_SIZE_BYTES] & PAGE_CLEAN)
        ram_page_changes(ram, page_address);
    if (machine->loop.parallel)
        run_parallel_page_written(&machine->loop, page_address);
    else
        machine->engine_ops->page_written(machine->engine, page_address);
}

void machine_watch_ram(struct machine *machine, struct page_watch *watch)
{
    ram_watch(&machine->bus.ram, watch);
    machine_drop_write_tags(machine);
}

void machine_collect_scripts(struct machine *machine)
{
    serial_collect(machine->uart.serial);
    serial_collect(machine->console.serial);
}

void machine_drop_write_tags(struct machine *machine)
{
    for (unsigned i = 0; i < machine->cpu_count; i++)
        tlb_drop_all_write_tags(machine->cpus[i]);
}

/* What of the ROM was readable, or what it held, is not so any more. */
static void on_rom_changed(void *context)
{
    struct machine *machine = context;
    const struct ram *ram = &machine->bus.ram;
    if (machine->loop.parallel) {
        run_parallel_rom_changed(&machine->loop);
        return;
    }
    for (unsigned i = 0; i < machine->cpu_count; i++)
        tlb_flush_inline(machine->cpus[i]);
    for (uint64_t at = ram->rom_base; at < ram->rom_base + ram->rom_bytes; at += PAGE_SIZE_BYTES)
        if (ram->page_flags[ram_page(ram, at)] & PAGE_HAS_CODE)
            machine->engine_ops->page_written(machine->engine, at);
}

static bool make_engine(struct machine *machine, struct error *error)
{
    machine->engine = machine->engine_ops->create(&machine->bus, machine->cpu_count, error);
    if (!machine->engine)
        return false;
    machine->bus.on_flagged_write = on_flagged_write;
    machine->bus.on_flagged_write_context = machine;
    machine->bus.on_rom_changed = on_rom_changed;
    machine->bus.on_rom_changed_context = machine;
    machine->loop.cpus = machine->cpus;
    machine->loop.cpu_count = machine->cpu_count;
    machine->loop.clock = &machine->clock;
    machine->loop.inputs = machine->inputs;
    machine->loop.engine_ops = machine->engine_ops;
    machine->loop.engine = machine->engine;
    machine->loop.tape = machine->options->tape;
    machine->loop.limit.percent = machine->options->cpu_limit;
    run_loop_init(&machine->loop, machine->options->clock == CLOCK_CHOICE_PACED);
    if (machine->options->display.kind != DISPLAY_ABSENT)
        machine->loop.script_quiet_insns = RUN_SCREEN_INSNS;
    marks_init(machine);
    return !machine->options->parallel || run_parallel_init(&machine->loop, error);
}

static bool open_line(struct machine_line *line, const char *name, const struct serial_option *option,
                      struct error *error)
{
    if (option->kind == SERIAL_NONE || option->kind == SERIAL_NULL)
        return true;
    line->serial = serial_open(name, option, error);
    return line->serial != NULL;
}

static bool build(struct machine *machine, struct error *error)
{
    const struct run_options *options = machine->options;
    machine->inputs = inputs_create(error);
    return machine->inputs &&
           bus_init_with_rom(&machine->bus, BOARD_FLASH_BASE, BOARD_FLASH_BANK_BYTES, BOARD_RAM_BASE,
                             options->memory_bytes, error) &&
           make_cpus(machine, error) && make_engine(machine, error) && board_build(machine, error) &&
           open_line(&machine->uart, "serial", &options->serial, error) &&
           (!options->serial_input || serial_input_from(machine->uart.serial, options->serial_input, error)) &&
           (!options->serial_log || serial_log_to(machine->uart.serial, options->serial_log, error)) &&
           open_line(&machine->console, "console", &options->console, error);
}

static void add_view(struct machine *machine, unsigned number, const char *name, struct display *display,
                     struct page *page)
{
    struct machine_screen *screen = &machine->screen;
    if (!display)
        return;
    screen->views[number] = (struct machine_view){name, display, page};
    if (!screen->views[screen->viewed].name)
        screen->viewed = number;
}

static void add_views(struct machine *machine)
{
    struct page *serial = serial_page(machine->uart.serial), *console = serial_page(machine->console.serial);
    add_view(machine, 0, "screen", machine->screen.display, NULL);
    add_view(machine, 1, "serial", serial ? page_display(serial) : NULL, serial);
    add_view(machine, 2, "console", console ? page_display(console) : NULL, console);
}

struct machine *machine_create(const struct run_options *options, const struct engine_ops *engine_ops,
                               struct error *error)
{
    struct machine *machine = calloc(1, sizeof *machine);
    if (!machine) {
        error_set(error, "no memory on the host for the machine; free some");
        return NULL;
    }
    machine->options = options;
    machine->engine_ops = engine_ops;
    machine->uart.machine = machine->console.machine = machine;
    clock_init(&machine->clock);
    event_init(&machine->panic_end, on_panic_end, machine);
    event_init(&machine->timeout, on_timeout, machine);
    if (!build(machine, error)) {
        machine_free(machine);
        return NULL;
    }
    add_views(machine);
    return machine;
}

void machine_free(struct machine *machine)
{
    if (!machine)
        return;
    actions_cancel(machine);
    serial_close(machine->uart.serial);
    serial_close(machine->console.serial);
    for (unsigned i = machine->device_count; i-- > 0;)
        if (machine->devices[i].class->free)
            machine->devices[i].class->free(machine->devices[i].instance);
    if (machine->engine)
        machine->engine_ops->free(machine->engine);
    run_parallel_free(&machine->loop);
    for (unsigned i = 0; i < machine->cpu_count; i++) {
        cpu_free(machine->cpus[i]);
        free(machine->cpus[i]);
    }
    inputs_free(machine->inputs);
    display_free(machine->screen.display);
    bus_free(&machine->bus);
    clock_free(&machine->clock);
    free(machine);
}

/* --- running it ------------------------------------------------------------------------------------ */

void machine_reset(struct machine *machine)
{
    ram_clear(&machine->bus.ram);
    machine->engine_ops->flush(machine->engine);
    for (unsigned i = 0; i < machine->device_count; i++)
        if (machine->devices[i].class->reset)
            machine->devices[i].class->reset(machine->devices[i].instance);
    for (unsigned i = 0; i < machine->cpu_count; i++) {
        cpu_reset(machine->cpus[i]);
        machine->cpus[i]->wait = WAIT_POWERED_OFF;
    }
}

/* Starts the first CPU as the boot protocol says: x0 the device tree, x1 to x3 zero, EL1, MMU off. */
static bool start(struct machine *machine, struct error *error)
{
    struct boot_start start;
    machine_reset(machine);
    if (!boot_load(machine, &start, error))
        return false;
    struct cpu *cpu = machine->cpus[0];
    cpu->pc = start.entry;
    cpu->x[0] = start.dtb;
    cpu->wait = WAIT_NONE;
    machine->stop = MACHINE_RUNNING;
    return true;
}

static bool attach_line(struct machine_line *line, struct error *error)
{
    struct machine *machine = line->machine;
    const struct machine_debugger *debugger = &machine->debugger;
    const struct terminal_actions actions = {on_quit_key, on_break_key, on_power_key, machine,
                                             debugger->key, debugger->context, debugger->prompt};
    bool scripted = machine->options->clock == CLOCK_CHOICE_VIRTUAL;
    if (line->serial && tape_replays(machine->options->tape)) {
        serial_attach_output(line->serial, machine->inputs);
        return true;
    }
    return !line->serial ||
           serial_attach(line->serial, machine->inputs, line->source, scripted, &actions, error);
}

/* --timeout. A machine that goes on is given no event more than it had, as that would show in the order of others. */
static void schedule_timeout(struct machine *machine)
{
    uint64_t timeout_ns = machine->options->timeout_ns;
    if (!timeout_ns)
        return;
    if (!machine->restored) {
        clock_schedule(&machine->clock, &machine->timeout, timeout_ns);
        return;
    }
    machine->timeout.when_ns = clock_now_ns(&machine->clock) + timeout_ns;
    machine->timeout.order = UINT64_MAX;
    clock_restore(&machine->clock, &machine->timeout);
}

bool machine_resume(struct machine *machine, struct error *error)
{
    for (;;) {
        if (machine->stop == MACHINE_RUNNING)
            run_loop_run(&machine->loop);
        else
            machine->loop.halted = false; /* it was halted at the very instruction that stopped it */
        if (machine->loop.wrong)
            return error_set(error, "the engines do not agree; what they did stands above");
        if (machine->loop.halted || (machine->stop != MACHINE_RUNNING && machine->stop != MACHINE_RESET))
            return true;
        if (machine->stop == MACHINE_RUNNING)
            continue;
        const struct run_options *options = machine->options;
        if (!options->kernel && !options->firmware)
            return true; /* it came from elsewhere, and has nothing to start from here */
        if (options->no_reboot || machine->uart.panic.begun || machine->console.panic.begun)
            return true; /* the kernel resets by itself after a panic (panic=) */
        machine->resets++;
        if (!start(machine, error))
            return false;
    }
}

static int status_of(const struct machine *machine)
{
    switch (machine->stop) {
    case MACHINE_RUNNING:
    case MACHINE_HALTED:
    case MACHINE_MOVED:
    case MACHINE_POWER_OFF: return EXIT_STATUS_POWER_OFF;
    case MACHINE_PANIC: return EXIT_STATUS_PANIC;
    case MACHINE_TIMEOUT: return EXIT_STATUS_TIMEOUT;
    case MACHINE_EXIT: return MACHINE_EXIT_BASE | machine->exit_status;
    case MACHINE_RESET:
        return machine->uart.panic.begun || machine->console.panic.begun ? EXIT_STATUS_PANIC : EXIT_STATUS_RESET;
    }
    return EXIT_STATUS_POWER_OFF;
}

/* Runs the guest to its end. */
static int run_to_end(struct machine *machine, struct error *error)
{
    const struct machine_debugger *debugger = &machine->debugger;
    bool goes_on = !debugger->at_start || debugger->halted(debugger->context);
    while (goes_on) {
        if (!machine_resume(machine, error))
            return EXIT_STATUS_HOST;
        goes_on = machine->loop.halted;
        if (debugger->halted)
            goes_on = debugger->halted(debugger->context);
    }
    return status_of(machine);
}

int machine_run(struct machine *machine, struct error *error)
{
    if ((!machine->restored && !start(machine, error)) || !attach_line(&machine->uart, error) ||
        !attach_line(&machine->console, error))
        return EXIT_STATUS_HOST;
    if (machine->restored && machine->options->vsock.cid && !tape_replays(machine->options->tape))
        input_post(machine->inputs, machine->vsock_reset, NULL, 0); /* what its sockets led to is not here */
    schedule_timeout(machine);
    actions_schedule(machine);
    marks_begin(machine);
    int status = run_to_end(machine, error);
    if (status != EXIT_STATUS_HOST && machine->options->screenshot &&
        !display_screenshot_last(&machine->screen, machine->options->screenshot, error))
        return EXIT_STATUS_HOST;
    return status == EXIT_STATUS_HOST ? status : marks_end(machine, status, error);
}

bool machine_dump_dtb(struct machine *machine, struct error *error)
{
    size_t bytes;
    void *dtb = dtb_make(machine, NULL, &bytes, error);
    bool written = dtb && file_write("device tree", machine->options->dump_dtb, dtb, bytes, error);
    free(dtb);
    return written;
}

void machine_reidentify(struct machine *machine)
{
    seed_cpus(machine);
    for (unsigned i = 0; i < machine->device_count; i++)
        if (machine->devices[i].class->reidentify)
            machine->devices[i].class->reidentify(machine->devices[i].instance, machine->options->seed);
}

/* --- its hash -------------------------------------------------------------------------------------- */

uint64_t machine_hash(const struct machine *machine)
{
    uint64_t hash = FIELDS_HASH_SEED;
    for (unsigned i = 0; i < machine->cpu_count; i++)
        hash = fields_hash(&cpu_fields, machine->cpus[i], hash);
    for (unsigned i = 0; i < machine->device_count; i++)
        if (machine->devices[i].class->state)
            hash = fields_hash(machine->devices[i].class->state, machine->devices[i].instance, hash);
    hash = hash_bytes(&machine->loop.now_ns, sizeof machine->loop.now_ns, hash);
    return ram_hash(&machine->bus.ram, 0, machine->bus.ram.size_bytes, hash);
}
