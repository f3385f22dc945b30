/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A machine into a file: its structures as their lists have them, its memory and disks by pages. */
#include <stdio.h>
#include "snapshot/parts.h"

static void put_structure(struct format_writer *file, const char *name, const struct fields *fields, const void *object)
{
    struct bytes bytes = {0};
    codec_put(&bytes, fields, object);
    format_section(file, name, &bytes);
    bytes_free(&bytes);
}

static void put_cpus(struct format_writer *file, const struct machine *machine)
{
    char name[FORMAT_NAME_BYTES];
    for (unsigned i = 0; i < machine->cpu_count; i++) {
        snprintf(name, sizeof name, "cpu%u", i);
        put_structure(file, name, &cpu_fields, machine->cpus[i]);
        snprintf(name, sizeof name, "cpu%u.events", i);
        put_structure(file, name, &cpu_event_fields, machine->cpus[i]);
    }
}

static void put_devices(struct format_writer *file, const struct machine *machine)
{
    char name[FORMAT_NAME_BYTES];
    for (unsigned i = 0; i < machine->device_count; i++) {
        const struct device *device = &machine->devices[i];
        snprintf(name, sizeof name, "device.%s", device->name);
        if (device->class->state)
            put_structure(file, name, device->class->state, device->instance);
    }
}

static bool put_input(void *context, const char *name, const void *bytes, size_t length)
{
    bytes_put_name(context, name);
    bytes_put_u64(context, length);
    bytes_put(context, bytes, length);
    return true;
}

static void put_rest(struct format_writer *file, const struct machine *machine)
{
    struct bytes bytes = {0};
    put_structure(file, SECTION_CLOCK, &clock_fields, &machine->clock);
    put_structure(file, SECTION_LOOP, &run_loop_fields, &machine->loop);
    put_structure(file, SECTION_MACHINE, &machine_fields, machine);
    inputs_each_queued(machine->inputs, put_input, &bytes);
    format_section(file, SECTION_INPUTS, &bytes);
    bytes.length = 0;
    config_put(&bytes, machine->options);
    format_section(file, SECTION_OPTIONS, &bytes);
    bytes_free(&bytes);
}

static void store_ram(struct store_writer *store, const struct ram *ram, struct bytes *index)
{
    store_index_begin(store, false);
    for (uint64_t page = 0; page < ram->size_bytes / PAGE_SIZE_BYTES; page++)
        store_put(store, page, ram->host + page * PAGE_SIZE_BYTES);
    store_index_end(store, index);
}

/* --- media ----------------------------------------------------------------------------------------- */

/* The media of the machine, their indexes waiting for the stored pages to be written. */
struct medium_part {
    const struct device *device;
    struct medium_identity identity;
    struct bytes index;
};

static bool store_medium(struct store_writer *store, struct medium_part *part, struct error *error)
{
    const struct medium_ops *ops = part->device->class->medium;
    const uint8_t *content;
    if (!ops->identify(part->device->instance, &part->identity, error))
        return false;
    store_index_begin(store, true);
    for (uint64_t page = 0; (content = ops->next_page(part->device->instance, &page)); page++)
        store_put(store, page, content);
    store_index_end(store, &part->index);
    return true;
}

static void put_medium(struct format_writer *file, const struct medium_part *part)
{
    char name[FORMAT_NAME_BYTES];
    snprintf(name, sizeof name, "base.%s", part->device->name);
    put_structure(file, name, &medium_identity_fields, &part->identity);
    snprintf(name, sizeof name, "medium.%s", part->device->name);
    format_section(file, name, &part->index);
}

/* --- the whole ------------------------------------------------------------------------------------- */

/* Stored pages come first in the file, and everything else behind them. */
static bool put_all(struct format_writer *file, struct store_writer *store, const struct machine *machine,
                    struct error *error)
{
    struct medium_part media[MACHINE_DEVICES_MAX] = {{NULL}};
    struct bytes ram = {0};
    unsigned count = 0;
    bool good = true;
    store_ram(store, &machine->bus.ram, &ram);
    for (unsigned i = 0; i < machine->device_count && good; i++)
        if (machine->devices[i].class->medium) {
            media[count].device = &machine->devices[i];
            good = store_medium(store, &media[count++], error);
        }
    if (good) {
        store_finish(store);
        format_section(file, SECTION_RAM, &ram);
        put_cpus(file, machine);
        put_devices(file, machine);
        put_rest(file, machine);
    }
    for (unsigned i = 0; i < count; i++) {
        if (good)
            put_medium(file, &media[i]);
        bytes_free(&media[i].index);
    }
    bytes_free(&ram);
    return good;
}

bool snapshot_save(struct machine *machine, const char *path, const struct snapshot_options *options, struct error *error)
{
    struct format_writer *file = format_create(path, error);
    if (!file)
        return false;
    struct store_writer *store = store_create(file, options->compress);
    bool good = put_all(file, store, machine, error);
    store_free(store);
    if (good)
        return format_finish(file, error);
    format_abandon(file);
    return false;
}
