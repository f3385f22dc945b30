/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The state of a machine, taken: its structures as their lists have them. */
#include <stdio.h>
#include "snapshot/config.h"
#include "snapshot/codec.h"
#include "snapshot/state.h"

/* What was appended to the bytes since `from` is a piece. */
static void end_piece(struct state_image *image, const char *name, size_t from)
{
    struct state_piece piece = {.offset = from, .length = image->bytes.length - from};
    snprintf(piece.name, sizeof piece.name, "%s", name);
    bytes_put(&image->pieces, &piece, sizeof piece);
}

static void put_structure(struct state_image *image, const char *name, const struct fields *fields, const void *object)
{
    size_t from = image->bytes.length;
    if (image->described)
        codec_put(&image->bytes, fields, object);
    else
        codec_put_values(&image->bytes, fields, object);
    end_piece(image, name, from);
}

static void put_cpus(struct state_image *image, const struct machine *machine)
{
    char name[STATE_NAME_BYTES];
    for (unsigned i = 0; i < machine->cpu_count; i++) {
        snprintf(name, sizeof name, "cpu%u", i);
        put_structure(image, name, &cpu_fields, machine->cpus[i]);
        snprintf(name, sizeof name, "cpu%u.events", i);
        put_structure(image, name, &cpu_event_fields, machine->cpus[i]);
    }
}

static void put_devices(struct state_image *image, const struct machine *machine)
{
    char name[STATE_NAME_BYTES];
    for (unsigned i = 0; i < machine->device_count; i++) {
        const struct device *device = &machine->devices[i];
        snprintf(name, sizeof name, "device.%s", device->name);
        if (device->class->state)
            put_structure(image, name, device->class->state, device->instance);
    }
}

static bool put_input(void *context, const char *name, const void *bytes, size_t length)
{
    bytes_put_name(context, name);
    bytes_put_u64(context, length);
    bytes_put(context, bytes, length);
    return true;
}

static void put_rest(struct state_image *image, const struct machine *machine)
{
    put_structure(image, SECTION_CLOCK, &clock_fields, &machine->clock);
    put_structure(image, SECTION_LOOP, &run_loop_fields, &machine->loop);
    put_structure(image, SECTION_MACHINE, &machine_fields, machine);
    size_t from = image->bytes.length;
    if (!inputs_past(machine->inputs)) /* else what waits is not this moment's */
        inputs_each_queued(machine->inputs, put_input, &image->bytes);
    end_piece(image, SECTION_INPUTS, from);
    if (!image->described)
        return;
    from = image->bytes.length;
    config_put(&image->bytes, machine->options);
    end_piece(image, SECTION_OPTIONS, from);
}

void state_take(struct state_image *image, const struct machine *machine, bool described)
{
    image->described = described;
    image->bytes.length = image->pieces.length = 0;
    put_cpus(image, machine);
    put_devices(image, machine);
    put_rest(image, machine);
}

void state_free(struct state_image *image)
{
    bytes_free(&image->bytes);
    bytes_free(&image->pieces);
}
