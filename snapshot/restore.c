/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A file into a machine that was made of what the file says.
 *
 * All structures are filled before any is told: what a device drives its wires to is then what the controller already has
 * of them. What the telling changes all the same (a CPU's limit, the order of events) is put right by filling again. */
#include <stdio.h>
#include "snapshot/parts.h"

#define MAPPED_MAX 20000u /* parts of memory that are mapped one by one: the host has a limit of 65530 mappings */

static bool wrong(const struct snapshot *snapshot, const char *what, struct error *error)
{
    return error_set(error, "snapshot %s: %s", snapshot->file.path, what);
}

/* --- structures ------------------------------------------------------------------------------------ */

static bool get_structure(struct snapshot *snapshot, const char *name, const struct fields *fields, void *object,
                          struct error *error)
{
    struct reader reader;
    char what[400];
    snprintf(what, sizeof what, "snapshot %.300s: section '%s'", snapshot->file.path, name);
    return format_find(&snapshot->file, name, &reader, error) && codec_get(&reader, fields, object, what, error);
}

static bool get_cpu(struct snapshot *snapshot, struct machine *machine, unsigned number, struct error *error)
{
    char name[FORMAT_NAME_BYTES];
    snprintf(name, sizeof name, "cpu%u", number);
    return get_structure(snapshot, name, &cpu_fields, machine->cpus[number], error) &&
           (cpu_state_sane(machine->cpus[number], number, machine->options->cpu) ||
            error_set(error, "snapshot %s: section '%s' is the state of no processor that this could be", snapshot->file.path,
                      name));
}

static bool get_events(struct snapshot *snapshot, struct machine *machine, unsigned number, struct error *error)
{
    char name[FORMAT_NAME_BYTES];
    snprintf(name, sizeof name, "cpu%u.events", number);
    return get_structure(snapshot, name, &cpu_event_fields, machine->cpus[number], error);
}

/* Whether the file was written before there was such a section. */
static bool came_later(const struct snapshot *snapshot, const char *name)
{
    for (const char *const *later = section_history; *later; later++)
        if (!strcmp(*later, name))
            return !format_has(&snapshot->file, name);
    return false;
}

static bool get_device(struct snapshot *snapshot, const struct device *device, struct error *error)
{
    char name[FORMAT_NAME_BYTES];
    snprintf(name, sizeof name, "device.%s", device->name);
    return !device->class->state || came_later(snapshot, name) || get_structure(snapshot, name, device->class->state, device->instance, error);
}

/* Whether the file has devices and processors that the machine lacks. */
static bool check_sections(struct snapshot *snapshot, const struct machine *machine, struct error *error)
{
    for (uint32_t i = 0; i < snapshot->file.header.section_count; i++) {
        const char *name = snapshot->file.sections[i].name;
        bool found = strncmp(name, "device.", 7);
        for (unsigned d = 0; d < machine->device_count && !found; d++)
            found = !strcmp(machine->devices[d].name, name + 7);
        if (!found)
            return error_set(error, "snapshot %s: has a '%s', which its machine has not", snapshot->file.path, name);
    }
    return true;
}

static bool fill(struct snapshot *snapshot, struct machine *machine, struct error *error)
{
    bool good = get_structure(snapshot, SECTION_CLOCK, &clock_fields, &machine->clock, error);
    for (unsigned i = 0; i < machine->cpu_count && good; i++)
        good = get_cpu(snapshot, machine, i, error);
    for (unsigned i = 0; i < machine->device_count && good; i++)
        good = get_device(snapshot, &machine->devices[i], error);
    return good && get_structure(snapshot, SECTION_MACHINE, &machine_fields, machine, error);
}

static void tell(struct machine *machine)
{
    for (unsigned i = 0; i < machine->device_count; i++)
        if (machine->devices[i].class->restored)
            machine->devices[i].class->restored(machine->devices[i].instance);
    for (unsigned i = 0; i < machine->cpu_count; i++)
        cpu_restored(machine->cpus[i]);
}

static bool fill_again(struct snapshot *snapshot, struct machine *machine, struct error *error)
{
    bool good = true;
    for (unsigned i = 0; i < machine->cpu_count && good; i++) {
        good = get_cpu(snapshot, machine, i, error) && get_events(snapshot, machine, i, error);
        if (good)
            cpu_events_restored(machine->cpus[i]);
    }
    good = good && get_structure(snapshot, SECTION_LOOP, &run_loop_fields, &machine->loop, error) &&
           get_structure(snapshot, SECTION_CLOCK, &clock_fields, &machine->clock, error);
    if (good)
        machine_restored(machine);
    return good;
}

/* --- inputs ---------------------------------------------------------------------------------------- */

static bool get_inputs(struct snapshot *snapshot, struct machine *machine, struct error *error)
{
    struct reader reader;
    if (!format_find(&snapshot->file, SECTION_INPUTS, &reader, error))
        return false;
    while (reader.left) {
        char name[READER_NAME_BYTES];
        unsigned source;
        reader_name(&reader, name);
        size_t length = (size_t)reader_number(&reader, 8);
        const uint8_t *bytes = reader_take(&reader, length);
        if (!bytes)
            return wrong(snapshot, "its inputs are damaged", error);
        /* Decisions of the clock take effect at once, and are never found waiting. */
        if (!strcmp(name, "clock") || !inputs_find(machine->inputs, name, &source))
            return error_set(error, "snapshot %s: has inputs for '%s', which its machine has not", snapshot->file.path, name);
        if (!input_post(machine->inputs, source, bytes, length))
            return wrong(snapshot, "has more inputs than can wait", error);
    }
    return true;
}

/* --- memory ---------------------------------------------------------------------------------------- */

static bool copy_page(struct snapshot *snapshot, uint8_t *to, uint64_t stored, struct error *error)
{
    const uint8_t *from = store_page(&snapshot->store, stored);
    if (!from)
        return wrong(snapshot, "a compressed part is damaged", error);
    memcpy(to, from, PAGE_SIZE_BYTES);
    return true;
}

/* Pages that lie together in the file come to lie so in memory. They are mapped even where there is just one: to touch a
 * page in the middle of nothing would cost the host a large page. */
static bool get_extent(struct snapshot *snapshot, struct ram *ram, const struct store_extent *extent, unsigned *mapped,
                       struct error *error)
{
    if (!snapshot->store.buffer && (*mapped)++ < MAPPED_MAX)
        return ram_map_file(ram, extent->page * PAGE_SIZE_BYTES, extent->count * PAGE_SIZE_BYTES, snapshot->file.fd,
                            store_offset(extent->stored)) ||
               wrong(snapshot, "the host cannot map it into the guest's memory", error);
    for (uint64_t i = 0; i < extent->count; i++)
        if (!copy_page(snapshot, ram->host + (extent->page + i) * PAGE_SIZE_BYTES, extent->stored + i, error))
            return false;
    return true;
}

static int by_stored(const void *a, const void *b)
{
    const struct store_copy *x = a, *y = b;
    return x->stored < y->stored ? -1 : x->stored > y->stored;
}

/* Copies, in the order of what is copied: each compressed part is unpacked once. */
static bool get_copies(struct snapshot *snapshot, struct ram *ram, const struct store_index *index, unsigned *mapped,
                       struct error *error)
{
    size_t size = sizeof *index->copies;
    struct store_copy *sorted = NULL;
    if (snapshot->store.buffer && index->copy_count) {
        sorted = malloc(index->copy_count * size);
        if (!sorted)
            return wrong(snapshot, "the host has no memory to unpack it", error);
        qsort(memcpy(sorted, index->copies, index->copy_count * size), index->copy_count, size, by_stored);
    }
    const struct store_copy *copies = sorted ? sorted : index->copies;
    bool good = true;
    for (uint64_t i = 0; i < index->copy_count && good; i++)
        good = get_extent(snapshot, ram, &(struct store_extent){copies[i].page, copies[i].stored, 1}, mapped, error);
    free(sorted);
    return good;
}

static bool get_ram(struct snapshot *snapshot, struct machine *machine, struct error *error)
{
    struct ram *ram = &machine->bus.ram;
    struct store_index index;
    struct reader reader;
    if (!format_find(&snapshot->file, SECTION_RAM, &reader, error) ||
        !store_index_read(&snapshot->store, &reader, ram->size_bytes / PAGE_SIZE_BYTES, &index, "memory", error))
        return false;
    unsigned mapped = 0;
    for (uint64_t i = 0; i < index.extent_count; i++)
        if (!get_extent(snapshot, ram, &index.extents[i], &mapped, error))
            return false;
    return get_copies(snapshot, ram, &index, &mapped, error);
}

/* --- media ----------------------------------------------------------------------------------------- */

static bool check_base(struct snapshot *snapshot, const struct device *device, const struct medium_identity *saved,
                       struct error *error)
{
    struct medium_identity now;
    if (!device->class->medium->identify(device->instance, &now, error))
        return false;
    if (now.size_bytes != saved->size_bytes)
        return error_set(error, "snapshot %s: %s had an image of %llu bytes, and now has one of %llu; give the right one by "
                         "--disk", snapshot->file.path, device->name, (unsigned long long)saved->size_bytes,
                         (unsigned long long)now.size_bytes);
    if (now.head_hash != saved->head_hash || now.modified_ns != saved->modified_ns)
        return error_set(error, "snapshot %s: the image of %s was changed since; give an unchanged copy (cp -p) by --disk",
                         snapshot->file.path, device->name);
    return true;
}

/* A page of a disk: where it lies in the file, copy on write; a page of its own where several are equal, or compressed. */
static bool put_page(struct snapshot *snapshot, const struct device *device, uint64_t page, uint64_t stored, bool own,
                     struct error *error)
{
    const struct medium_ops *ops = device->class->medium;
    uint8_t *content = own || snapshot->store.buffer ? malloc(PAGE_SIZE_BYTES) : NULL;
    if (!content && (own || snapshot->store.buffer))
        return wrong(snapshot, "the host has no memory for its disks", error);
    if (content && !copy_page(snapshot, content, stored, error)) {
        free(content);
        return false;
    }
    uint8_t *mapped = snapshot->file.mapping + (content ? 0 : store_offset(stored));
    if (ops->put_page(device->instance, page, content ? content : mapped, content != NULL))
        return true;
    free(content);
    return error_set(error, "snapshot %s: the pages of %s contradict each other", snapshot->file.path, device->name);
}

static bool put_pages(struct snapshot *snapshot, const struct device *device, const struct store_index *index,
                      struct error *error)
{
    const struct medium_ops *ops = device->class->medium;
    for (uint64_t i = 0; i < index->extent_count; i++)
        for (uint64_t n = 0; n < index->extents[i].count; n++)
            if (!put_page(snapshot, device, index->extents[i].page + n, index->extents[i].stored + n, false, error))
                return false;
    for (uint64_t i = 0; i < index->copy_count; i++)
        if (!put_page(snapshot, device, index->copies[i].page, index->copies[i].stored, true, error))
            return false;
    for (uint64_t i = 0; i < index->zero_count; i++)
        if (!ops->put_page(device->instance, index->zeroes[i], NULL, false))
            return error_set(error, "snapshot %s: the pages of %s contradict each other", snapshot->file.path, device->name);
    return true;
}

static bool get_medium(struct snapshot *snapshot, const struct device *device, struct error *error)
{
    struct medium_identity saved = {0};
    struct store_index index;
    struct reader reader;
    char name[FORMAT_NAME_BYTES];
    snprintf(name, sizeof name, "base.%s", device->name);
    if (!get_structure(snapshot, name, &medium_identity_fields, &saved, error) ||
        !check_base(snapshot, device, &saved, error))
        return false;
    snprintf(name, sizeof name, "medium.%s", device->name);
    return format_find(&snapshot->file, name, &reader, error) &&
           store_index_read(&snapshot->store, &reader, medium_pages(&saved), &index, device->name, error) &&
           put_pages(snapshot, device, &index, error);
}

/* --- entry points ---------------------------------------------------------------------------------- */

bool snapshot_restore(struct snapshot *snapshot, struct machine *machine, struct error *error)
{
    machine_reset(machine);
    if (!check_sections(snapshot, machine, error) || !get_ram(snapshot, machine, error))
        return false;
    for (unsigned i = 0; i < machine->device_count; i++)
        if (machine->devices[i].class->medium && !get_medium(snapshot, &machine->devices[i], error))
            return false;
    if (!fill(snapshot, machine, error))
        return false;
    tell(machine);
    if (!fill_again(snapshot, machine, error) || !get_inputs(snapshot, machine, error))
        return false;
    if (machine->options->fresh_identity)
        machine_reidentify(machine);
    return true;
}

static bool read_options(struct snapshot *snapshot, struct error *error)
{
    struct reader reader;
    struct error why = {""};
    if (!format_find(&snapshot->file, SECTION_OPTIONS, &reader, error))
        return false;
    run_options_default(&snapshot->recorded);
    return config_get(&reader, &snapshot->recorded, &why) ||
           error_set(error, "snapshot %.200s: section '%s': %.250s", snapshot->file.path, SECTION_OPTIONS, why.text);
}

struct snapshot *snapshot_open(const char *path, struct error *error)
{
    struct snapshot *snapshot = host_alloc(1, sizeof *snapshot);
    if (!format_open(&snapshot->file, path, error)) {
        free(snapshot);
        return NULL;
    }
    if (store_open(&snapshot->store, &snapshot->file, error) && read_options(snapshot, error))
        return snapshot;
    snapshot_close(snapshot);
    return NULL;
}

void snapshot_close(struct snapshot *snapshot)
{
    if (!snapshot)
        return;
    store_close(&snapshot->store);
    format_close(&snapshot->file);
    free(snapshot);
}
