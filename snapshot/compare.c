/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is different in two snapshots: values by their names, pages by their addresses. */
#include "snapshot/compare.h"
#include <inttypes.h>
#include "machine/board.h"
#include "snapshot/space.h"

/* --- structures ------------------------------------------------------------------------------------ */

/* All values of a structure, each with a copy of its name. */
struct values {
    struct bytes rows; /* of struct codec_value, `name` being the offset in `names` */
    struct bytes names;
};

static bool collect(void *context, const struct codec_value *value)
{
    struct values *values = context;
    struct codec_value row = *value;
    row.name = (const char *)(uintptr_t)values->names.length;
    bytes_put(&values->names, value->name, strlen(value->name) + 1);
    bytes_put(&values->rows, &row, sizeof row);
    return true;
}

static size_t count_of(const struct values *values)
{
    return values->rows.length / sizeof(struct codec_value);
}

static struct codec_value value_at(const struct values *values, size_t number)
{
    struct codec_value value = ((const struct codec_value *)values->rows.at)[number];
    value.name = (const char *)values->names.at + (uintptr_t)value.name;
    return value;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct codec_value *)a)->name, ((const struct codec_value *)b)->name);
}

/* All of them by their names, so that a file with very many takes no longer than it must. The caller frees it. */
static struct codec_value *sort_values(const struct values *values)
{
    struct codec_value *sorted = host_alloc(count_of(values), sizeof *sorted);
    for (size_t i = 0; i < count_of(values); i++)
        sorted[i] = value_at(values, i);
    qsort(sorted, count_of(values), sizeof *sorted, by_name);
    return sorted;
}

static void print_value(FILE *to, const struct codec_value *value)
{
    const size_t shown = value->opaque && value->size > 16 ? 16 : value->size;
    for (size_t i = 0; i < shown; i++)
        fprintf(to, "%02x", value->at[value->opaque ? i : shown - 1 - i]);
    fputs(shown < value->size ? "..." : "", to);
}

static uint64_t compare_values(FILE *to, const char *section, const struct values *a, const struct values *b)
{
    uint64_t differences = 0;
    struct codec_value *sorted = sort_values(b);
    for (size_t i = 0; i < count_of(a); i++) {
        const struct codec_value mine = value_at(a, i);
        const struct codec_value *found = bsearch(&mine, sorted, count_of(b), sizeof *sorted, by_name);
        if (found && mine.size == found->size && !memcmp(mine.at, found->at, mine.size))
            continue;
        fprintf(to, "%s: %s  ", section, mine.name);
        print_value(to, &mine);
        fputs("  ", to);
        if (found)
            print_value(to, found);
        fputs(found ? "\n" : "(has no such field)\n", to);
        differences++;
    }
    free(sorted);
    return differences;
}

static bool compare_structures(FILE *to, struct snapshot *a, struct snapshot *b, const char *section,
                               uint64_t *differences, struct error *error)
{
    struct values of_a = {{NULL}}, of_b = {{NULL}};
    struct reader in_a, in_b;
    bool good = format_find(&a->file, section, &in_a, error) && format_find(&b->file, section, &in_b, error);
    if (good) {
        good = codec_each(&in_a, collect, &of_a) && codec_each(&in_b, collect, &of_b);
        if (good)
            *differences += compare_values(to, section, &of_a, &of_b);
        else
            error_set(error, "section '%s' of one of the snapshots is damaged", section);
    }
    bytes_free(&of_a.rows);
    bytes_free(&of_a.names);
    bytes_free(&of_b.rows);
    bytes_free(&of_b.names);
    return good;
}

/* --- pages ----------------------------------------------------------------------------------------- */

/* 1: the same, 0: not, -1: one of them is damaged. `none_is_zero`: pages that nobody names are zeroes. */
static int same_page(const struct space *a, const struct space *b, uint64_t page, bool none_is_zero)
{
    uint64_t in_a = STORE_NONE, in_b = STORE_NONE;
    const struct space_level *of_a = space_find(a, page, &in_a), *of_b = space_find(b, page, &in_b);
    if (in_a == STORE_NONE && in_b == STORE_NONE && (none_is_zero || !of_a == !of_b))
        return 1;
    if (!none_is_zero && (!of_a || !of_b))
        return 0;
    if (in_a != STORE_NONE && in_a == in_b && of_a->snapshot == of_b->snapshot)
        return 1;
    const uint8_t *content_a = space_content(of_a, in_a), *content_b = space_content(of_b, in_b);
    return content_a && content_b ? !memcmp(content_a, content_b, PAGE_SIZE_BYTES) : -1;
}

static void print_run(FILE *to, const char *what, uint64_t base, uint64_t first, uint64_t count)
{
    if (count)
        fprintf(to, "%s: 0x%" PRIx64 ", %" PRIu64 " page%s\n", what, (uint64_t)(base + first * PAGE_SIZE_BYTES), count,
                count == 1 ? "" : "s");
}

/* Only pages that one of the two names can differ: how many there are is bounded by the files. */
static bool compare_spaces(FILE *to, const struct space *a, const struct space *b, const char *section, uint64_t base,
                           uint64_t *differences, struct error *error)
{
    const bool ram = !strcmp(section, SECTION_RAM);
    uint64_t first = 0, count = 0;
    for (uint64_t page = 0;; page++) {
        const uint64_t next_a = page < a->pages ? space_next(a, page) : a->pages;
        const uint64_t next_b = page < b->pages ? space_next(b, page) : b->pages;
        const bool in_a = next_a < a->pages, in_b = next_b < b->pages;
        if (!in_a && !in_b)
            break;
        page = !in_b || (in_a && next_a < next_b) ? next_a : next_b;
        int same = same_page(a, b, page, ram);
        if (same < 0)
            return error_set(error, "a compressed part of one of the snapshots is damaged");
        if (same)
            continue;
        if (count && page != first + count) {
            print_run(to, section, base, first, count);
            count = 0;
        }
        if (!count++)
            first = page;
        ++*differences;
    }
    print_run(to, section, base, first, count);
    return true;
}

static bool compare_pages(FILE *to, struct snapshot *a, struct snapshot *b, const char *section, uint64_t base,
                          uint64_t pages, uint64_t *differences, struct error *error)
{
    struct space *of_a = host_alloc(2, sizeof *of_a), *of_b = of_a + 1;
    bool good = space_open(of_a, a, section, pages, error) && space_open(of_b, b, section, pages, error) &&
                compare_spaces(to, of_a, of_b, section, base, differences, error);
    free(of_a);
    return good;
}

/* --- the whole ------------------------------------------------------------------------------------- */

bool section_is_structure(const char *name)
{
    static const char *const words[] = {SECTION_CLOCK, SECTION_LOOP, SECTION_MACHINE};
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(name, words[i]))
            return true;
    return !strncmp(name, "cpu", 3) || !strncmp(name, "device.", 7) || !strncmp(name, "base.", 5);
}

static bool compare_section(FILE *to, struct snapshot *a, struct snapshot *b, const struct format_section *section,
                            uint64_t *differences, struct error *error)
{
    const char *name = section->name;
    if (!strcmp(name, SECTION_PARENT) || !strcmp(name, SECTION_IDENTITY))
        return true; /* how it is kept, not what it holds */
    if (!format_has(&b->file, name)) {
        fprintf(to, "%s: only in %s\n", name, a->file.path);
        ++*differences;
        return true;
    }
    if (section_is_structure(name))
        return compare_structures(to, a, b, name, differences, error);
    if (!strcmp(name, SECTION_RAM))
        return compare_pages(to, a, b, name, BOARD_RAM_BASE, a->recorded.memory_bytes / PAGE_SIZE_BYTES, differences,
                             error);
    if (!strncmp(name, "medium.", 7))
        return compare_pages(to, a, b, name, 0, MEDIUM_PAGES_MAX, differences, error);
    struct reader in_a, in_b;
    if (!format_find(&a->file, name, &in_a, error) || !format_find(&b->file, name, &in_b, error))
        return false;
    bool same = in_a.left == in_b.left && !memcmp(in_a.at, in_b.at, in_a.left);
    if (!same && strcmp(name, "hashes") && strcmp(name, "chunks")) {
        fprintf(to, "%s: not the same\n", name);
        ++*differences;
    }
    return true;
}

bool snapshot_compare(FILE *to, struct snapshot *a, struct snapshot *b, uint64_t *differences, struct error *error)
{
    *differences = 0;
    if (a->recorded.memory_bytes != b->recorded.memory_bytes || a->recorded.cpus != b->recorded.cpus)
        return error_set(error, "%.200s and %.200s are of different machines (memory or processors)", a->file.path,
                         b->file.path);
    for (uint32_t i = 0; i < a->file.header.section_count; i++)
        if (!compare_section(to, a, b, &a->file.sections[i], differences, error))
            return false;
    for (uint32_t i = 0; i < b->file.header.section_count; i++)
        if (!format_has(&a->file, b->file.sections[i].name) && strcmp(b->file.sections[i].name, SECTION_PARENT) &&
            strcmp(b->file.sections[i].name, SECTION_IDENTITY)) {
            fprintf(to, "%s: only in %s\n", b->file.sections[i].name, b->file.path);
            ++*differences;
        }
    return true;
}
