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
    bool whole; /* all that a disk holds, over this */
    struct medium_identity base;
};

/* Whether it is the base of a disk that has another one now. */
static bool is_new_base(const char *name, const struct pages *pages, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (pages[i].whole && !strncmp(name, "base.", 5) && !strcmp(name + 5, pages[i].name + strlen("medium.")))
            return true;
    return false;
}

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

static bool copy_sections(struct snapshot *snapshot, struct format_writer *file, const struct pages *pages,
                          unsigned count, struct error *error)
{
    for (uint32_t i = 0; i < snapshot->file.header.section_count; i++) {
        const struct format_section *section = &snapshot->file.sections[i];
        struct reader reader;
        if (is_remade(section->name) || is_new_base(section->name, pages, count))
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

/* A space out of the file, or a whole disk, whose base is then nothing. */
static bool store_pages(struct snapshot *snapshot, struct store_writer *store, struct pages *pages,
                        const struct compact_media *media, struct error *error)
{
    if (!media || !strcmp(pages->name, SECTION_RAM))
        return store_space(snapshot, store, pages, error);
    store_index_begin(store, false);
    if (!media->store(media->context, pages->name + strlen("medium."), store, &pages->base, &pages->whole, error))
        return false;
    if (!pages->whole)
        return store_space(snapshot, store, pages, error);
    store_index_end(store, &pages->index);
    return true;
}

static void put_pages(struct format_writer *file, const struct pages *pages)
{
    char name[FORMAT_NAME_BYTES + 8];
    struct bytes base = {0};
    format_section(file, pages->name, &pages->index);
    if (!pages->whole)
        return;
    snprintf(name, sizeof name, "base.%s", pages->name + strlen("medium."));
    codec_put(&base, &medium_identity_fields, &pages->base);
    format_section(file, name, &base);
    bytes_free(&base);
}

static bool write_all(struct snapshot *snapshot, struct format_writer *file, struct store_writer *store,
                      const struct compact_media *media, struct error *error)
{
    struct pages *pages = host_alloc(snapshot->file.header.section_count, sizeof *pages);
    unsigned count = 0;
    bool good = true;
    for (uint32_t i = 0; i < snapshot->file.header.section_count && good; i++)
        if (is_pages(snapshot->file.sections[i].name)) {
            snprintf(pages[count].name, sizeof pages[count].name, "%s", snapshot->file.sections[i].name);
            good = store_pages(snapshot, store, &pages[count++], media, error);
        }
    if (good)
        store_finish(store);
    for (unsigned i = 0; i < count; i++) {
        if (good)
            put_pages(file, &pages[i]);
        bytes_free(&pages[i].index);
    }
    good = good && copy_sections(snapshot, file, pages, count, error);
    free(pages);
    if (good && !media)
        put_identity(snapshot, file); /* its children go on from it */
    return good;
}

bool snapshot_rewrite(struct snapshot *snapshot, const char *to, bool compress, const struct compact_media *media,
                      struct error *error)
{
    struct format_writer *file = format_create(to, error);
    if (!file)
        return false;
    struct store_writer *store = store_create(file, compress);
    uint64_t identity;
    bool good = write_all(snapshot, file, store, media, error);
    store_free(store);
    if (good)
        return format_finish(file, &identity, error);
    format_abandon(file);
    return false;
}

bool snapshot_compact(const char *from, const char *to, bool compress, struct error *error)
{
    struct snapshot *snapshot = snapshot_open(from, error);
    bool good = snapshot && snapshot_rewrite(snapshot, to, compress, NULL, error);
    snapshot_close(snapshot);
    return good;
}
