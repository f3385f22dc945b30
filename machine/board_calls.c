/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Calls of the guest that the host serves: semihosting, hypercalls; and what a policy says of them. */
#include "machine/board_parts.h"
#include <stdio.h>
#include <string.h>
#include "hostcall/hyper/hyper.h"
#include "hostcall/policy.h"
#include "hostcall/semihost.h"

static void free_policy(void *policy)
{
    policy_free(policy);
}

/* --- calls that the host serves --------------------------------------------------------------------- */

/* Where the board has no serial line that leads anywhere, the program's own output. */
static void call_transmit(void *context, const void *bytes, size_t length)
{
    struct machine *machine = context;
    machine_transmit(&machine->uart, bytes, length);
    if (machine->uart.serial || inputs_past(machine->inputs))
        return;
    fwrite(bytes, 1, length, stdout);
    fflush(stdout);
}

static bool build_semihosting(struct machine *machine, struct door *door, struct error *error)
{
    const struct run_options *options = machine->options;
    const struct ram *ram = &machine->bus.ram;
    const char *kernel = options->kernel ? options->kernel : "", *slash = strrchr(kernel, '/');
    char command_line[4096];
    snprintf(command_line, sizeof command_line, "%s%s%s", slash ? slash + 1 : kernel, *options->append ? " " : "",
             options->append);
    struct semihost *semihost = semihost_create(door,
                                                &(struct semihost_config){
                                                    .folder = options->semihosting,
                                                    .command_line = command_line,
                                                    .start_s = run_options_rtc_s(options),
                                                    .reads_stdin = options->serial.kind == SERIAL_NONE,
                                                    .heap_base = ram->base + ram->size_bytes / 2,
                                                    .heap_limit = ram->base + ram->size_bytes,
                                                    .transmit = call_transmit,
                                                    .transmit_context = machine,
                                                    .exit = machine_exit,
                                                    .exit_context = machine,
                                                    .policy = machine->policy,
                                                },
                                                error);
    if (!semihost)
        return false;
    machine_add_device(machine, &semihost_class, "semihosting", semihost);
    for (unsigned i = 0; i < machine->cpu_count; i++) {
        machine->cpus[i]->semihost = semihost_call;
        machine->cpus[i]->semihost_context = semihost;
    }
    return true;
}

static bool build_hypercalls(struct machine *machine, struct door *door, struct error *error)
{
    struct hyper *hyper = hyper_create(door,
                                       &(struct hyper_config){
                                           .path = machine->options->hostcall,
                                           .transmit = call_transmit,
                                           .transmit_context = machine,
                                           .policy = machine->policy,
                                       },
                                       error);
    if (!hyper)
        return false;
    machine_add_device(machine, &hyper_class, "hypercalls", hyper);
    machine->psci.vendor = hyper_call;
    machine->psci.vendor_context = hyper;
    return true;
}

/* It comes before all that it judges. */
bool board_build_policy(struct machine *machine, const struct board_row *row, struct error *error)
{
    static const struct device_class policy_class = {.name = "policy", .free = free_policy};
    if (!machine->options->policy)
        return true;
    machine->policy = policy_read(machine->options->policy, error);
    if (machine->policy)
        machine_add_device(machine, &policy_class, row->name, machine->policy);
    return machine->policy;
}

bool board_build_calls(struct machine *machine, const struct board_row *row, struct error *error)
{
    if (!machine->options->semihosting && !machine->options->hostcall)
        return true;
    struct door *door = door_create(&machine->bus, machine->inputs, machine->cpus, machine->cpu_count,
                                    !tape_replays(machine->options->tape));
    machine_add_device(machine, &door_class, row->name, door);
    return (!machine->options->hostcall || build_hypercalls(machine, door, error)) &&
           (!machine->options->semihosting || build_semihosting(machine, door, error));
}
