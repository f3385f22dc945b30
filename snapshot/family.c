/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who comes from whom. */
#include "snapshot/family.h"
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "snapshot/parts.h"

uint64_t snapshot_identity(const struct snapshot *snapshot)
{
    struct reader reader;
    if (format_has(&snapshot->file, SECTION_IDENTITY) && format_find(&snapshot->file, SECTION_IDENTITY, &reader, NULL))
        return reader_number(&reader, 8);
    return snapshot->file.header.table_checksum;
}

/* --- up -------------------------------------------------------------------------------------------- */

/* Where the parent of a file is. False: it has none, or (`*good` false) what it says of it is damaged. */
static bool parent_of(const struct format_file *file, char path[PATH_MAX], uint64_t *identity, bool *good,
                      struct error *error)
{
    struct reader reader;
    char copy[PATH_MAX];
    *good = true;
    if (!format_has(file, SECTION_PARENT))
        return false;
    *good = format_find(file, SECTION_PARENT, &reader, error);
    if (!*good)
        return false;
    *identity = reader_number(&reader, 8);
    const char *name = (const char *)reader.at;
    *good = !reader.failed && reader.left > 1 && !name[reader.left - 1] && memchr(name, 0, reader.left - 1) == NULL &&
            reader.left + strlen(file->path) < PATH_MAX - 2;
    if (!*good)
        return error_set(error, "snapshot %s: what it says of its parent is damaged", file->path);
    snprintf(copy, sizeof copy, "%s", file->path);
    if (*name == '/')
        snprintf(path, PATH_MAX, "%s", name);
    else
        snprintf(path, PATH_MAX, "%.2000s/%.2000s", dirname(copy), name);
    return true;
}

static bool same_machine(const struct run_options *a, const struct run_options *b)
{
    return a->memory_bytes == b->memory_bytes && a->cpus == b->cpus && a->disk_count == b->disk_count;
}

bool family_open(struct snapshot *snapshot, unsigned depth, struct error *error)
{
    char path[PATH_MAX];
    uint64_t identity;
    bool good;
    if (!parent_of(&snapshot->file, path, &identity, &good, error))
        return good;
    if (depth >= FAMILY_DEPTH_MAX)
        return error_set(error, "snapshot %s: has more than %u parents, one behind the other; compact one of them",
                         snapshot->file.path, FAMILY_DEPTH_MAX);
    struct error why;
    char *own = strdup(path);
    struct snapshot *parent = own ? snapshot_open_at(own, depth + 1, &why) : NULL;
    if (!parent) {
        free(own);
        return error_set(error, "its parent cannot be opened: %s", own ? why.text : "no memory");
    }
    parent->path = own;
    snapshot->parent = parent;
    if (snapshot_identity(parent) != identity)
        return error_set(error, "snapshot %s: is no longer the one that %s was made from", path, snapshot->file.path);
    return same_machine(&parent->recorded, &snapshot->recorded) ||
           error_set(error, "snapshot %s: is of another machine than its child %s", path, snapshot->file.path);
}

static bool same_file(const char *a, const char *b)
{
    struct stat of_a, of_b;
    return !stat(a, &of_a) && !stat(b, &of_b) && of_a.st_dev == of_b.st_dev && of_a.st_ino == of_b.st_ino;
}

bool family_may_write(const char *path, const char *parent, struct error *error)
{
    struct snapshot *snapshot = snapshot_open(parent, error);
    if (!snapshot)
        return false;
    bool may = true;
    for (const struct snapshot *each = snapshot; each && may; each = each->parent)
        may = !same_file(path, each->file.path) ||
              error_set(error, "snapshot %s: cannot take the place of one that it would need itself; give another name",
                        path);
    snapshot_close(snapshot);
    return may;
}

/* --- down ------------------------------------------------------------------------------------------ */

struct member {
    char *path, *parent; /* parent NULL: it has none */
    bool printed;
};

struct members {
    struct member *of;
    unsigned count;
};

/* A file of the folder, if it is a snapshot. */
static void add_member(struct members *members, const char *path)
{
    struct format_file file;
    struct stat status;
    char parent[PATH_MAX];
    uint64_t identity;
    bool good;
    if (stat(path, &status) || !S_ISREG(status.st_mode) || !format_open(&file, path, NULL))
        return;
    bool has = parent_of(&file, parent, &identity, &good, NULL);
    format_close(&file);
    members->of = host_realloc(members->of, members->count + 1, sizeof *members->of);
    members->of[members->count++] = (struct member){strdup(path), has ? strdup(parent) : NULL, false};
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct member *)a)->path, ((const struct member *)b)->path);
}

static bool find_members(struct members *members, const char *folder, struct error *error)
{
    DIR *dir = opendir(folder);
    char path[PATH_MAX];
    if (!dir)
        return error_set(error, "folder %s: %s", folder, strerror(errno));
    for (struct dirent *entry; (entry = readdir(dir));) {
        const char *slash = folder[strlen(folder) - 1] == '/' ? "" : "/";
        if (!strcmp(folder, "."))
            snprintf(path, sizeof path, "%s", entry->d_name);
        else if (snprintf(path, sizeof path, "%s%s%s", folder, slash, entry->d_name) >= (int)sizeof path)
            continue;
        add_member(members, path);
    }
    closedir(dir);
    if (members->count)
        qsort(members->of, members->count, sizeof *members->of, by_path);
    return true;
}

static void free_members(struct members *members)
{
    for (unsigned i = 0; i < members->count; i++) {
        free(members->of[i].path);
        free(members->of[i].parent);
    }
    free(members->of);
}

static void print_member(FILE *to, struct members *members, struct member *member, unsigned depth)
{
    if (member->printed)
        return;
    member->printed = true;
    fprintf(to, "%*s%s\n", (int)depth * 4, "", member->path);
    for (unsigned i = 0; i < members->count; i++)
        if (members->of[i].parent && same_file(members->of[i].parent, member->path))
            print_member(to, members, &members->of[i], depth + 1);
}

static bool parent_is_here(const struct members *members, const struct member *member)
{
    for (unsigned i = 0; member->parent && i < members->count; i++)
        if (same_file(members->of[i].path, member->parent))
            return true;
    return false;
}

bool family_print(FILE *to, const char *path, struct error *error)
{
    struct members members = {0};
    struct stat status;
    char copy[PATH_MAX];
    if (stat(path, &status) || strlen(path) >= sizeof copy)
        return error_set(error, "snapshot %s: %s", path, strerror(errno));
    strcpy(copy, path);
    bool good = find_members(&members, S_ISDIR(status.st_mode) ? path : dirname(copy), error);
    for (unsigned i = 0; good && i < members.count; i++) {
        if (parent_is_here(&members, &members.of[i]))
            continue;
        if (members.of[i].parent)
            fprintf(to, "%s%s\n", members.of[i].parent, access(members.of[i].parent, F_OK) ? " (missing)" : "");
        print_member(to, &members, &members.of[i], members.of[i].parent ? 1 : 0);
    }
    free_members(&members);
    return good;
}

bool family_unneeded(const char *path, struct error *error)
{
    struct members members = {0};
    char copy[PATH_MAX];
    if (strlen(path) >= sizeof copy)
        return error_set(error, "snapshot %s: the name is too long", path);
    strcpy(copy, path);
    bool good = find_members(&members, dirname(copy), error);
    for (unsigned i = 0; good && i < members.count; i++)
        if (members.of[i].parent && same_file(members.of[i].parent, path))
            good = error_set(error, "snapshot %s: %s needs it; compact that first", path, members.of[i].path);
    free_members(&members);
    return good;
}
