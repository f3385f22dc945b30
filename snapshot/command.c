/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `armature snapshot`: what a file holds, whether it is whole, what is different in two, and families of them. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>
#include "snapshot/compact.h"
#include "snapshot/compare.h"
#include "snapshot/config.h"
#include "snapshot/export.h"
#include "snapshot/family.h"

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
    printf("\n  guest time: %" PRIu64 ".%09" PRIu64 " s\n", (uint64_t)(now_ns / NS_PER_S),
           (uint64_t)(now_ns % NS_PER_S));
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
    if (snapshot->parent)
        printf("  holds what changed since: %s\n", snapshot->parent->file.path);
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
        if (!format_read(&snapshot->file, section, &reader, error) ||
            !verify_structure(snapshot, section, &reader, error))
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
    printf("%s: good: %u sections, %" PRIu64 " pages\n", snapshot->file.path, header->section_count,
           header->stored_pages);
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

/* In place, or as another file. It stays as compressed as it was. */
static int compact(int argc, char *const argv[], struct error *error)
{
    struct snapshot *snapshot = snapshot_open(argv[0], error);
    if (!snapshot)
        return EXIT_STATUS_HOST;
    bool compressed = snapshot->file.header.flags & FORMAT_COMPRESSED;
    snapshot_close(snapshot);
    return snapshot_compact(argv[0], argv[argc - 1], compressed, error) ? EXIT_STATUS_POWER_OFF : EXIT_STATUS_HOST;
}

static int tree(int argc, char *const argv[], struct error *error)
{
    for (int i = 0; i < argc; i++)
        if (!family_print(stdout, argv[i], error))
            return EXIT_STATUS_HOST;
    return EXIT_STATUS_POWER_OFF;
}

static int delete(int argc, char *const argv[], struct error *error)
{
    for (int i = 0; i < argc; i++) {
        struct snapshot *snapshot = snapshot_open_alone(argv[i], error); /* so that nothing else is deleted */
        if (!snapshot)
            return EXIT_STATUS_HOST;
        snapshot_close(snapshot);
        if (!family_unneeded(argv[i], error))
            return EXIT_STATUS_HOST;
        if (unlink(argv[i]) != 0) {
            error_set(error, "snapshot %s: cannot be deleted: %s", argv[i], strerror(errno));
            return EXIT_STATUS_HOST;
        }
    }
    return EXIT_STATUS_POWER_OFF;
}

static int info_of_each(int argc, char *const argv[], struct error *error)
{
    return each_file(argc, argv, info, error);
}

static int verify_each(int argc, char *const argv[], struct error *error)
{
    return each_file(argc, argv, verify, error);
}

static int diff_two(int argc, char *const argv[], struct error *error)
{
    return diff(argv, error);
}

static const struct engine_ops *maker; /* of the machines that commands need */

static int export_to(int argc, char *const argv[], struct error *error)
{
    return snapshot_export(argv[0], argv[1], maker, error) ? EXIT_STATUS_POWER_OFF : EXIT_STATUS_HOST;
}

static const struct {
    const char *word, *arguments, *help;
    int least, most;
    int (*run)(int argc, char *const argv[], struct error *error);
} commands[] = {
    {"info", "FILE...", "what they hold", 1, INT_MAX, info_of_each},
    {"verify", "FILE...", "whether all of it is as it was written", 1, INT_MAX, verify_each},
    {"diff", "A B", "what is different: registers, devices, memory, disks", 2, 2, diff_two},
    {"tree", "FOLDER...", "which of a folder's snapshots come from which", 1, INT_MAX, tree},
    {"compact", "FILE [OUT]", "all that it and its parents hold, in one file: itself, or OUT", 1, 2, compact},
    {"export", "FILE OUT", "the same, compressed, with its disks' images: needs no other file", 2, 2, export_to},
    {"delete", "FILE...", "deletes it, if none in its folder needs it", 1, INT_MAX, delete},
};
#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

void snapshot_command_help(FILE *to)
{
    for (unsigned i = 0; i < COMMAND_COUNT; i++)
        fprintf(to, "%s armature snapshot %s %-*s  %s\n", i ? "      " : "usage:", commands[i].word,
                18 - (int)strlen(commands[i].word), commands[i].arguments, commands[i].help);
    fputs("\nStatus 1 where one cannot be read or is damaged, and where two are not the same.\n", to);
}

int snapshot_command(int argc, char *const argv[], const struct engine_ops *engine, struct error *error)
{
    maker = engine;
    for (unsigned i = 0; argc && i < COMMAND_COUNT; i++) {
        if (strcmp(argv[0], commands[i].word))
            continue;
        if (argc - 1 >= commands[i].least && argc - 1 <= commands[i].most)
            return commands[i].run(argc - 1, argv + 1, error);
        error_set(error, "snapshot %s expects %s; armature snapshot --help tells more", commands[i].word,
                  commands[i].arguments);
        return EXIT_STATUS_USAGE;
    }
    error_set(error, "snapshot expects info, verify, diff, tree, compact, export or delete and files; armature "
                     "snapshot --help tells more");
    return EXIT_STATUS_USAGE;
}
