/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A state, given to a machine of the same parts.
 *
 * All structures are filled before any is told: what a device drives its wires to is then what the controller already
 * has of them. What the telling changes all the same (a CPU's limit, the order of events) is put right by filling
 * again. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "snapshot/codec.h"
#include "snapshot/state.h"

static bool wrong(const struct state_source *source, const char *what, struct error *error)
{
    return error_set(error, "snapshot %s: %s", source->path, what);
}

/* --- structures ------------------------------------------------------------------------------------ */

bool state_get(const struct state_source *source, const char *name, const struct fields *fields, void *object,
               struct error *error)
{
    struct reader reader;
    char what[400];
    if (!source->find(source->context, name, &reader, error))
        return false;
    if (!source->described) {
        codec_take_values(&reader, fields, object);
        return true;
    }
    snprintf(what, sizeof what, "snapshot %.300s: section '%s'", source->path, name);
    return codec_get(&reader, fields, object, what, error);
}

static bool get_cpu(const struct state_source *source, struct machine *machine, unsigned number, struct error *error)
{
    char name[STATE_NAME_BYTES];
    const struct features features = machine->cpus[number]->features;
    snprintf(name, sizeof name, "cpu%u", number);
    return state_get(source, name, &cpu_fields, machine->cpus[number], error) &&
           (cpu_state_sane(machine->cpus[number], number, &features) ||
            error_set(error, "snapshot %s: section '%s' is the state of no processor that this could be", source->path,
                      name));
}

static bool get_events(const struct state_source *source, struct machine *machine, unsigned number, struct error *error)
{
    char name[STATE_NAME_BYTES];
    snprintf(name, sizeof name, "cpu%u.events", number);
    return state_get(source, name, &cpu_event_fields, machine->cpus[number], error);
}

bool state_is_older(const struct state_source *source, const struct device *device)
{
    char name[STATE_NAME_BYTES];
    snprintf(name, sizeof name, "device.%s", device->name);
    for (const char *const *later = section_history; *later; later++)
        if (!strcmp(*later, name))
            return source->lacks && source->lacks(source->context, name);
    return false;
}

static bool get_device(const struct state_source *source, const struct device *device, struct error *error)
{
    char name[STATE_NAME_BYTES];
    snprintf(name, sizeof name, "device.%s", device->name);
    return !device->class->state || state_is_older(source, device) ||
           state_get(source, name, device->class->state, device->instance, error);
}

static bool fill(const struct state_source *source, struct machine *machine, struct error *error)
{
    bool good = state_get(source, SECTION_CLOCK, &clock_fields, &machine->clock, error);
    for (unsigned i = 0; i < machine->cpu_count && good; i++)
        good = get_cpu(source, machine, i, error);
    for (unsigned i = 0; i < machine->device_count && good; i++)
        good = get_device(source, &machine->devices[i], error);
    return good && state_get(source, SECTION_MACHINE, &machine_fields, machine, error);
}

static void tell(struct machine *machine)
{
    for (unsigned i = 0; i < machine->device_count; i++)
        if (machine->devices[i].class->restored)
            machine->devices[i].class->restored(machine->devices[i].instance);
    for (unsigned i = 0; i < machine->cpu_count; i++)
        cpu_restored(machine->cpus[i]);
}

static bool fill_again(const struct state_source *source, struct machine *machine, struct error *error)
{
    bool good = true;
    for (unsigned i = 0; i < machine->cpu_count && good; i++) {
        good = get_cpu(source, machine, i, error) && get_events(source, machine, i, error);
        if (good)
            cpu_events_restored(machine->cpus[i]);
    }
    good = good && state_get(source, SECTION_LOOP, &run_loop_fields, &machine->loop, error) &&
           state_get(source, SECTION_CLOCK, &clock_fields, &machine->clock, error);
    if (good)
        machine_restored(machine);
    return good;
}

/* --- inputs ---------------------------------------------------------------------------------------- */

static bool get_inputs(const struct state_source *source, struct machine *machine, struct error *error)
{
    struct reader reader;
    if (!source->find(source->context, SECTION_INPUTS, &reader, error))
        return false;
    while (reader.left) {
        char name[READER_NAME_BYTES];
        unsigned number;
        reader_name(&reader, name);
        size_t length = (size_t)reader_number(&reader, 8);
        const uint8_t *bytes = reader_take(&reader, length);
        if (!bytes)
            return wrong(source, "its inputs are damaged", error);
        /* Decisions of the clock take effect at once, and are never found waiting. */
        if (!strcmp(name, "clock") || !inputs_find(machine->inputs, name, &number))
            return error_set(error, "snapshot %s: has inputs for '%s', which its machine has not", source->path, name);
        if (!input_post(machine->inputs, number, bytes, length))
            return wrong(source, "has more inputs than can wait", error);
    }
    return true;
}

/* --- entry points ---------------------------------------------------------------------------------- */

bool state_give(const struct state_source *source, struct machine *machine, struct error *error)
{
    if (!fill(source, machine, error))
        return false;
    tell(machine);
    return fill_again(source, machine, error) &&
           (inputs_past(machine->inputs) || get_inputs(source, machine, error));
}

/* Pieces are asked for in the order in which they were taken, most of the time. */
struct image_reader {
    const struct state_image *image;
    size_t next;
};

static bool find_in_image(void *context, const char *name, struct reader *reader, struct error *error)
{
    struct image_reader *from = context;
    const size_t count = state_piece_count(from->image);
    for (size_t i = 0; i < count; i++) {
        const struct state_piece *piece = state_piece(from->image, (from->next + i) % count);
        if (strcmp(piece->name, name))
            continue;
        from->next = (from->next + i + 1) % count;
        *reader = (struct reader){from->image->bytes.at + piece->offset, piece->length, false};
        return true;
    }
    return error_set(error, "there is no '%s'", name);
}

void state_give_back(const struct state_image *image, struct machine *machine)
{
    struct image_reader from = {image, 0};
    const struct state_source source = {find_in_image, &from, "", image->described};
    struct error error;
    if (!inputs_past(machine->inputs)) /* else they come by what was kept of them */
        inputs_clear(machine->inputs);
    bool given = state_give(&source, machine, &error);
    assert(given);
}
