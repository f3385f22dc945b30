/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `armature snapshot`: what a file holds, whether it is whole, and what is different in two. */
#include <inttypes.h>
#include <stdio.h>
#include "snapshot/compare.h"

/* --- info ------------------------------------------------------------------------------------------ */

struct wanted {
    const char *name;
    uint64_t number;
};

static bool look_for(void *context, const struct codec_value *value)
{
    struct wanted *wanted = context;
    if (!value->opaque && !strcmp(value->name, wanted->name))
        memcpy(&wanted->number, value->at, value->size <= 8 ? value->size : 8);
    return true;
}

/* A number of a structure; 0 where it is not there. */
static uint64_t number_of(struct snapshot *snapshot, const char *section, const char *name)
{
    struct wanted wanted = {name, 0};
    struct reader reader;
    if (format_find(&snapshot->file, section, &reader, NULL))
        codec_each(&reader, look_for, &wanted);
    return wanted.number;
}

static void print_machine(struct snapshot *snapshot)
{
    struct reader reader;
    const char *name, *value;
    printf("  machine:");
    for (bool good = format_find(&snapshot->file, SECTION_OPTIONS, &reader, NULL);
         good && config_next(&reader, &name, &value);)
        printf(strpbrk(value, " ") || !*value ? " %s '%s'" : " %s %s", name, value);
    uint64_t now_ns = number_of(snapshot, SECTION_CLOCK, "now_ns");
    printf("\n  guest time: %" PRIu64 ".%09" PRIu64 " s\n", (uint64_t)(now_ns / NS_PER_S), (uint64_t)(now_ns % NS_PER_S));
    for (unsigned i = 0; i < snapshot->recorded.cpus; i++) {
        char section[FORMAT_NAME_BYTES];
        snprintf(section, sizeof section, "cpu%u", i);
        printf("  %s: %" PRIu64 " instructions, PC %016" PRIx64 "\n", section, number_of(snapshot, section, "icount"),
               number_of(snapshot, section, "pc"));
    }
}

/* How many pages of a space are in the file, and how. */
static bool print_pages(struct snapshot *snapshot, const char *section, uint64_t pages, struct error *error)
{
    struct store_index index;
    struct reader reader;
    uint64_t in_extents = 0;
    if (!format_find(&snapshot->file, section, &reader, error) ||
        !store_index_read(&snapshot->store, &reader, pages, &index, section, error))
        return false;
    for (uint64_t i = 0; i < index.extent_count; i++)
        in_extents += index.extents[i].count;
    printf("  %s: %" PRIu64 " pages in %" PRIu64 " extents, %" PRIu64 " equal to others", section, in_extents,
           index.extent_count, index.copy_count);
    printf(index.zero_count ? ", %" PRIu64 " zeroed\n" : "\n", index.zero_count);
    return true;
}

static bool info(struct snapshot *snapshot, struct error *error)
{
    const struct format_header *header = &snapshot->file.header;
    printf("%s: version %u, %" PRIu64 " bytes, %" PRIu64 " pages stored in %" PRIu64 " bytes%s\n", snapshot->file.path,
           header->version, header->file_bytes, header->stored_pages, header->stored_bytes,
           header->flags & FORMAT_COMPRESSED ? ", compressed" : "");
    print_machine(snapshot);
    if (!print_pages(snapshot, SECTION_RAM, snapshot->recorded.memory_bytes / PAGE_SIZE_BYTES, error))
        return false;
    for (uint32_t i = 0; i < header->section_count; i++)
        if (!strncmp(snapshot->file.sections[i].name, "medium.", 7) &&
            !print_pages(snapshot, snapshot->file.sections[i].name, MEDIUM_PAGES_MAX, error))
            return false;
    printf("  sections:");
    for (uint32_t i = 0; i < header->section_count; i++)
        printf(" %s (%" PRIu64 ")", snapshot->file.sections[i].name, snapshot->file.sections[i].length);
    printf("\n");
    return true;
}

/* --- verify ---------------------------------------------------------------------------------------- */

static bool verify_structure(struct snapshot *snapshot, const struct format_section *section, struct reader *reader,
                             struct error *error)
{
    struct wanted nothing = {"", 0};
    return !section_is_structure(section->name) || codec_each(reader, look_for, &nothing) ||
           error_set(error, "snapshot %s: section '%s' is no structure", snapshot->file.path, section->name);
}

static bool verify(struct snapshot *snapshot, struct error *error)
{
    const struct format_header *header = &snapshot->file.header;
    for (uint32_t i = 0; i < header->section_count; i++) {
        const struct format_section *section = &snapshot->file.sections[i];
        struct reader reader;
        if (!format_read(&snapshot->file, section, &reader, error) || !verify_structure(snapshot, section, &reader, error))
            return false;
    }
    for (uint64_t stored = 0; stored < header->stored_pages; stored++) {
        const uint8_t *page = store_page(&snapshot->store, stored);
        if (!page)
            return error_set(error, "snapshot %s: the compressed part with stored page %" PRIu64 " is damaged",
                             snapshot->file.path, stored);
        if (store_page_hash(page) != store_hash(&snapshot->store, stored))
            return error_set(error, "snapshot %s: stored page %" PRIu64 " is damaged", snapshot->file.path, stored);
    }
    printf("%s: good: %u sections, %" PRIu64 " pages\n", snapshot->file.path, header->section_count, header->stored_pages);
    return true;
}

/* --- the command ----------------------------------------------------------------------------------- */

static int each_file(int argc, char *const argv[], bool (*act)(struct snapshot *snapshot, struct error *error),
                     struct error *error)
{
    for (int i = 0; i < argc; i++) {
        struct snapshot *snapshot = snapshot_open(argv[i], error);
        bool good = snapshot && act(snapshot, error);
        snapshot_close(snapshot);
        if (!good)
            return EXIT_STATUS_HOST;
    }
    return EXIT_STATUS_POWER_OFF;
}

static int diff(char *const argv[], struct error *error)
{
    uint64_t differences = 0;
    struct snapshot *a = snapshot_open(argv[0], error), *b = a ? snapshot_open(argv[1], error) : NULL;
    bool good = a && b && snapshot_compare(stdout, a, b, &differences, error);
    snapshot_close(a);
    snapshot_close(b);
    if (good && differences)
        error_set(error, "%s and %s are not the same", argv[0], argv[1]);
    return good && !differences ? EXIT_STATUS_POWER_OFF : EXIT_STATUS_HOST;
}

void snapshot_command_help(FILE *to)
{
    fputs("usage: armature snapshot info FILE...      what they hold\n"
          "       armature snapshot verify FILE...    whether all of it is as it was written\n"
          "       armature snapshot diff A B          what is different: registers, devices, memory, disks\n"
          "\n"
          "Status 1 where one cannot be read or is damaged, and where two are not the same.\n",
          to);
}

int snapshot_command(int argc, char *const argv[], struct error *error)
{
    if (argc >= 2 && !strcmp(argv[0], "info"))
        return each_file(argc - 1, argv + 1, info, error);
    if (argc >= 2 && !strcmp(argv[0], "verify"))
        return each_file(argc - 1, argv + 1, verify, error);
    if (argc == 3 && !strcmp(argv[0], "diff"))
        return diff(argv + 1, error);
    error_set(error, "snapshot expects info FILE..., verify FILE... or diff A B; armature snapshot --help tells more");
    return EXIT_STATUS_USAGE;
}
