/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sums over the parts of a machine's state. */
#include "snapshot/state_sums.h"
#include <stdio.h>
#include "machine/ram_hash.h"

static void slice_of(const struct machine *machine, uint64_t number, uint64_t *first, uint64_t *end)
{
    uint64_t pages = machine->bus.ram.size_bytes / PAGE_SIZE_BYTES, slice = number % STATE_SUM_SLICES;
    *first = pages * slice / STATE_SUM_SLICES * PAGE_SIZE_BYTES;
    *end = pages * (slice + 1) / STATE_SUM_SLICES * PAGE_SIZE_BYTES;
}

static uint32_t folded(uint64_t hash)
{
    return (uint32_t)(hash ^ hash >> 32);
}

unsigned state_sums(const struct machine *machine, uint64_t number, uint32_t sums[STATE_SUMS_MAX])
{
    unsigned count = 0;
    uint64_t first, end;
    for (unsigned i = 0; i < machine->cpu_count; i++)
        sums[count++] = folded(fields_hash(&cpu_fields, machine->cpus[i], FIELDS_HASH_SEED));
    for (unsigned i = 0; i < machine->device_count; i++) {
        const struct device *device = &machine->devices[i];
        sums[count++] =
            device->class->state ? folded(fields_hash(device->class->state, device->instance, FIELDS_HASH_SEED)) : 0;
    }
    slice_of(machine, number, &first, &end);
    sums[count++] = folded(ram_hash(&machine->bus.ram, first, end, FIELDS_HASH_SEED));
    return count;
}

void state_sum_name(const struct machine *machine, uint64_t number, unsigned index, char name[80])
{
    uint64_t first, end;
    if (index < machine->cpu_count) {
        snprintf(name, 80, "CPU %u", index);
    } else if (index - machine->cpu_count < machine->device_count) {
        snprintf(name, 80, "device %s", machine->devices[index - machine->cpu_count].name);
    } else {
        slice_of(machine, number, &first, &end);
        snprintf(name, 80, "memory from 0x%llx to 0x%llx", (unsigned long long)(machine->bus.ram.base + first),
                 (unsigned long long)(machine->bus.ram.base + end));
    }
}

uint64_t state_hash_halted(struct machine *machine)
{
    for (unsigned i = 0; i < machine->cpu_count; i++)
        machine->cpus[i]->limit = machine->cpus[i]->icount;
    return machine_hash(machine);
}
