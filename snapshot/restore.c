/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A file, and its parents, into a machine that was made of what the file says. */
#include <stdio.h>
#include "machine/marks.h"
#include "snapshot/config.h"
#include "snapshot/space.h"

#define MAPPED_MAX     20000u /* parts of memory that are mapped one by one: the host has a limit of 65530 mappings */
#define REPEATS_COPIED 16u    /* copies of one page in a row that are no longer mapped but copied */

static bool wrong(const struct snapshot *snapshot, const char *what, struct error *error)
{
    return error_set(error, "snapshot %s: %s", snapshot->file.path, what);
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

/* --- which pages --------------------------------------------------------------------------------- */

/* Pages of a space that were given already: by the snapshot itself, so that a parent does not. */
struct seen {
    uint64_t *bits;
};

static bool seen_new(struct seen *seen, uint64_t page)
{
    uint64_t *word = &seen->bits[page / 64], bit = 1ull << page % 64;
    bool fresh = !(*word & bit);
    *word |= bit;
    return fresh;
}

/* How many pages from `*page` on, before `end`, are new; those that are not are passed first. */
static uint64_t seen_run(struct seen *seen, uint64_t *page, uint64_t end)
{
    uint64_t count = 0;
    while (*page < end && !seen_new(seen, *page))
        ++*page;
    if (*page < end)
        for (count = 1; *page + count < end && seen_new(seen, *page + count); count++)
            ;
    return count;
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

struct filling {
    struct ram *ram;
    struct seen seen;
    unsigned mapped; /* parts that were mapped so far */
};

/* Pages that lie together in the file come to lie so in memory. They are mapped even where there is just one: to touch
 * a page in the middle of nothing would cost the host a large page. */
static bool fill_run(struct snapshot *snapshot, struct filling *filling, uint64_t page, uint64_t stored, uint64_t count,
                     struct error *error)
{
    struct ram *ram = filling->ram;
    if (!snapshot->store.buffer && filling->mapped++ < MAPPED_MAX)
        return ram_map_file(ram, page * PAGE_SIZE_BYTES, count * PAGE_SIZE_BYTES, snapshot->file.fd,
                            store_offset(stored)) ||
               wrong(snapshot, "the host cannot map it into the guest's memory", error);
    for (uint64_t i = 0; i < count; i++)
        if (!copy_page(snapshot, ram->host + (page + i) * PAGE_SIZE_BYTES, stored + i, error))
            return false;
    return true;
}

static bool fill_extent(struct snapshot *snapshot, struct filling *filling, const struct store_extent *extent,
                        struct error *error)
{
    const uint64_t end = extent->page + extent->count;
    uint64_t page = extent->page;
    for (uint64_t count; (count = seen_run(&filling->seen, &page, end)); page += count)
        if (!fill_run(snapshot, filling, page, extent->stored + (page - extent->page), count, error))
            return false;
    return true;
}

static int by_stored(const void *a, const void *b)
{
    const struct store_copy *x = a, *y = b;
    return x->stored < y->stored ? -1 : x->stored > y->stored;
}

/* How many copies of one page lie one behind the other. */
static uint64_t repeats(const struct store_copy *copies, uint64_t limit)
{
    uint64_t count = 1;
    while (count < limit && copies[count].stored == copies[0].stored && copies[count].page == copies[0].page + count)
        count++;
    return count;
}

/* Many of one page are copied: a mapping for each would cost more. */
static bool fill_repeats(struct snapshot *snapshot, struct filling *filling, const struct store_copy *copies,
                         uint64_t count, struct error *error)
{
    for (uint64_t i = 0; i < count; i++) {
        const uint64_t page = copies[i].page, stored = copies[i].stored;
        if (!seen_new(&filling->seen, page))
            continue;
        if (!(count < REPEATS_COPIED ? fill_run(snapshot, filling, page, stored, 1, error)
                                     : copy_page(snapshot, filling->ram->host + page * PAGE_SIZE_BYTES, stored, error)))
            return false;
    }
    return true;
}

/* Copies, in the order of what is copied: each compressed part is unpacked once. */
static bool fill_copies(struct snapshot *snapshot, struct filling *filling, const struct store_index *index,
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
    for (uint64_t i = 0, count; i < index->copy_count && good; i += count) {
        count = repeats(copies + i, index->copy_count - i);
        good = fill_repeats(snapshot, filling, copies + i, count, error);
    }
    free(sorted);
    return good;
}

/* Copies come before extents, as a copy may stand in what is a hole of an extent. */
static bool fill_level(const struct space_level *level, struct filling *filling, struct error *error)
{
    const struct store_index *index = &level->index;
    for (uint64_t i = 0; i < index->zero_count; i++)
        seen_new(&filling->seen, index->zeroes[i]);
    if (!fill_copies(level->snapshot, filling, index, error))
        return false;
    for (uint64_t i = 0; i < index->extent_count; i++)
        if (!fill_extent(level->snapshot, filling, &index->extents[i], error))
            return false;
    return true;
}

static bool get_ram(struct snapshot *snapshot, struct machine *machine, struct error *error)
{
    struct space space;
    struct filling filling = {.ram = &machine->bus.ram};
    const uint64_t pages = filling.ram->size_bytes / PAGE_SIZE_BYTES;
    bool good = space_open(&space, snapshot, SECTION_RAM, pages, error);
    filling.seen.bits = host_alloc(pages / 64 + 1, sizeof(uint64_t));
    for (unsigned i = 0; i < space.count && good; i++)
        good = fill_level(&space.levels[i], &filling, error);
    free(filling.seen.bits);
    return good;
}

/* --- media ----------------------------------------------------------------------------------------- */

bool snapshot_check_base(const char *path, const struct device *device, const struct medium_identity *saved,
                         struct error *error)
{
    struct medium_identity now;
    if (!device->class->medium->identify(device->instance, &now, error))
        return false;
    if (now.size_bytes != saved->size_bytes)
        return error_set(error,
                         "snapshot %s: %s had an image of %llu bytes, and now has one of %llu; give the right one by "
                         "--disk",
                         path, device->name, (unsigned long long)saved->size_bytes, (unsigned long long)now.size_bytes);
    if (now.head_hash != saved->head_hash || now.modified_ns != saved->modified_ns)
        return error_set(error,
                         "snapshot %s: the image of %s was changed since; give an unchanged copy (cp -p) by --disk",
                         path, device->name);
    return true;
}

/* A page of a disk: where it lies in the file, copy on write; a page of its own where it is compressed, or equal to
 * another. */
static bool put_page(const struct device *device, const struct space_level *level, uint64_t page, uint64_t stored,
                     struct error *error)
{
    struct snapshot *snapshot = level->snapshot;
    const struct medium_ops *ops = device->class->medium;
    uint8_t *content = NULL;
    bool own = stored != STORE_NONE && (snapshot->store.buffer || space_is_copy(level, page));
    if (own && !(content = malloc(PAGE_SIZE_BYTES)))
        return wrong(snapshot, "the host has no memory for its disks", error);
    if (own && !copy_page(snapshot, content, stored, error)) {
        free(content);
        return false;
    }
    if (!own && stored != STORE_NONE)
        content = snapshot->file.mapping + store_offset(stored);
    if (ops->put_page(device->instance, page, content, own))
        return true;
    if (own)
        free(content);
    return error_set(error, "snapshot %s: the host has no memory for the pages of %s", snapshot->file.path,
                     device->name);
}

static bool get_medium(struct snapshot *snapshot, const struct state_source *source, const struct device *device,
                       struct error *error)
{
    struct medium_identity saved = {0};
    struct space space;
    char name[FORMAT_NAME_BYTES];
    snprintf(name, sizeof name, "base.%s", device->name);
    if (!state_get(source, name, &medium_identity_fields, &saved, error) ||
        !snapshot_check_base(snapshot->file.path, device, &saved, error))
        return false;
    snprintf(name, sizeof name, "medium.%s", device->name);
    if (!space_open(&space, snapshot, name, medium_pages(&saved), error))
        return false;
    for (uint64_t page = 0; (page = space_next(&space, page)) < space.pages; page++) {
        uint64_t stored;
        const struct space_level *level = space_find(&space, page, &stored);
        if (!put_page(device, level, page, stored, error))
            return false;
    }
    return true;
}

static bool find_section(void *context, const char *name, struct reader *reader, struct error *error)
{
    const struct snapshot *snapshot = context;
    return format_find(&snapshot->file, name, reader, error);
}

static bool lacks_section(void *context, const char *name)
{
    const struct snapshot *snapshot = context;
    return !format_has(&snapshot->file, name);
}

/* --- entry points ---------------------------------------------------------------------------------- */

bool snapshot_restore(struct snapshot *snapshot, struct machine *machine, struct error *error)
{
    const struct state_source source = {find_section, snapshot, snapshot->file.path, true, lacks_section};
    machine_reset(machine);
    if (!check_sections(snapshot, machine, error) || !get_ram(snapshot, machine, error))
        return false;
    for (unsigned i = 0; i < machine->device_count; i++)
        if (machine->devices[i].class->medium && !state_is_older(&source, &machine->devices[i]) &&
            !get_medium(snapshot, &source, &machine->devices[i], error))
            return false;
    if (!state_give(&source, machine, error))
        return false;
    if (machine->options->fresh_identity)
        machine_reidentify(machine);
    return true;
}

/* What was written to disks since they were opened. */
static bool forget_media(struct machine *machine)
{
    for (unsigned i = 0; i < machine->device_count; i++) {
        const struct device *device = &machine->devices[i];
        const struct medium_ops *medium = device->class->medium;
        uint64_t page = 0, pages;
        if (!medium || !medium->watches(device->instance, &pages))
            continue;
        for (; medium->next_page(device->instance, &page); page++)
            if (!medium->revert_page(device->instance, page, NULL))
                return false;
    }
    return true;
}

bool snapshot_restore_over(struct snapshot *snapshot, struct machine *machine, struct error *error)
{
    inputs_clear(machine->inputs);
    if (!forget_media(machine))
        return wrong(snapshot, "the host cannot give back what the disks' images hold", error);
    if (!snapshot_restore(snapshot, machine, error))
        return false;
    machine->stop = MACHINE_RUNNING;
    marks_begin(machine);
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

struct snapshot *snapshot_open_alone(const char *path, struct error *error)
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

struct snapshot *snapshot_open_at(const char *path, unsigned depth, struct error *error)
{
    struct snapshot *snapshot = snapshot_open_alone(path, error);
    if (!snapshot || family_open(snapshot, depth, error))
        return snapshot;
    snapshot_close(snapshot);
    return NULL;
}

struct snapshot *snapshot_open(const char *path, struct error *error)
{
    return snapshot_open_at(path, 0, error);
}

void snapshot_close(struct snapshot *snapshot)
{
    while (snapshot) {
        struct snapshot *parent = snapshot->parent;
        store_close(&snapshot->store);
        format_close(&snapshot->file);
        free(snapshot->path);
        free(snapshot);
        snapshot = parent;
    }
}
