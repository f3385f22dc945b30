/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A small machine with something of everything - some memory, a disk under an overlay, input that waits - whose saved
 * state fuzz targets change. */
#ifndef ARMATURE_FUZZ_SMALL_MACHINE_H
#define ARMATURE_FUZZ_SMALL_MACHINE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "interp/interp.h"
#include "machine/machine.h"

#define RUN_INSNS 200u

static struct run_options options;
static struct error error;
static char image[64]; /* of the disk; the target removes it */

/* `name` makes the image's name this target's own. */
static struct machine *make_small_machine(const char *name)
{
    snprintf(image, sizeof image, "/tmp/armature-fuzz-%s-%d.img", name, (int)getpid());
    FILE *disk = fopen(image, "wb");
    if (!disk || ftruncate(fileno(disk), 1 << 20) != 0)
        abort();
    fclose(disk);
    run_options_default(&options);
    options.memory_bytes = 16ull << 20;
    options.cpus = 2;
    options.clock = CLOCK_CHOICE_VIRTUAL;
    options.serial.kind = SERIAL_NONE;
    options.disk_count = 1;
    options.disks[0].overlay = true;
    strcpy(options.disks[0].path, image);
    struct machine *machine = machine_create(&options, &interp_engine, &error);
    if (!machine)
        abort();
    machine_reset(machine);
    machine->cpus[0]->pc = machine->bus.ram.base;
    input_post(machine->inputs, machine->uart.source, "waiting", 7);
    return machine;
}

/* What was taken of a changed state must run, whatever it does. */
static void run_a_little(struct machine *machine)
{
    for (unsigned i = 0; i < machine->cpu_count; i++) {
        struct cpu *cpu = machine->cpus[i];
        cpu->limit = cpu->icount + RUN_INSNS;
        if (cpu->wait == WAIT_NONE && cpu->limit > cpu->icount)
            machine->engine_ops->run(machine->engine, cpu);
    }
}

#endif
