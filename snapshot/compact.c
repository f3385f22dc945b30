/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One file out of a snapshot and its parents. Its children know it as the same one: it keeps its identity. */
#include "snapshot/compact.h"
#include <stdio.h>
#include "snapshot/space.h"

static bool is_pages(const char *name)
{
    return !strcmp(name, SECTION_RAM) || !strncmp(name, "medium.", 7);
}

/* Sections that the new file makes for itself, or has no more. */
static bool is_remade(const char *name)
{
    static const char *const names[] = {"hashes", "chunks", SECTION_PARENT, SECTION_IDENTITY};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(name, names[i]))
            return true;
    return is_pages(name);
}

struct pages {
    char name[FORMAT_NAME_BYTES];
    struct bytes index;
};

static bool store_space(struct snapshot *snapshot, struct store_writer *store, struct pages *pages, struct error *error)
{
    const bool ram = !strcmp(pages->name, SECTION_RAM);
    struct space *space = host_alloc(1, sizeof *space);
    bool good = space_open(space, snapshot, pages->name,
                           ram ? snapshot->recorded.memory_bytes / PAGE_SIZE_BYTES : MEDIUM_PAGES_MAX, error);
    store_index_begin(store, !ram);
    for (uint64_t page = 0; good && (page = space_next(space, page)) < space->pages; page++) {
        uint64_t stored;
        const struct space_level *level = space_find(space, page, &stored);
        const uint8_t *content = space_content(level, stored);
        if (content)
            store_put(store, page, content);
        else
            good = error_set(error, "snapshot %s: a compressed part is damaged", level->snapshot->file.path);
        store_settle(store);
    }
    store_index_end(store, &pages->index);
    free(space);
    return good;
}

static bool copy_sections(struct snapshot *snapshot, struct format_writer *file, struct error *error)
{
    for (uint32_t i = 0; i < snapshot->file.header.section_count; i++) {
        const struct format_section *section = &snapshot->file.sections[i];
        struct reader reader;
        if (is_remade(section->name))
            continue;
        if (!format_read(&snapshot->file, section, &reader, error))
            return false;
        format_section(file, section->name, &(struct bytes){(uint8_t *)(uintptr_t)reader.at, reader.left, reader.left});
    }
    return true;
}

static void put_identity(struct snapshot *snapshot, struct format_writer *file)
{
    struct bytes bytes = {0};
    bytes_put_u64(&bytes, snapshot_identity(snapshot));
    format_section(file, SECTION_IDENTITY, &bytes);
    bytes_free(&bytes);
}

static bool write_all(struct snapshot *snapshot, struct format_writer *file, struct store_writer *store, struct error *error)
{
    struct pages *pages = host_alloc(snapshot->file.header.section_count, sizeof *pages);
    unsigned count = 0;
    bool good = true;
    for (uint32_t i = 0; i < snapshot->file.header.section_count && good; i++)
        if (is_pages(snapshot->file.sections[i].name)) {
            snprintf(pages[count].name, sizeof pages[count].name, "%s", snapshot->file.sections[i].name);
            good = store_space(snapshot, store, &pages[count++], error);
        }
    if (good)
        store_finish(store);
    for (unsigned i = 0; i < count; i++) {
        if (good)
            format_section(file, pages[i].name, &pages[i].index);
        bytes_free(&pages[i].index);
    }
    free(pages);
    if (!good || !copy_sections(snapshot, file, error))
        return false;
    put_identity(snapshot, file);
    return true;
}

bool snapshot_compact(const char *from, const char *to, bool compress, struct error *error)
{
    struct snapshot *snapshot = snapshot_open(from, error);
    struct format_writer *file = snapshot ? format_create(to, error) : NULL;
    bool good = false;
    if (file) {
        struct store_writer *store = store_create(file, compress);
        uint64_t identity;
        good = write_all(snapshot, file, store, error);
        store_free(store);
        if (good)
            good = format_finish(file, &identity, error);
        else
            format_abandon(file);
    }
    snapshot_close(snapshot);
    return good;
}
