/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a machine comes from. */
#include "snapshot/lineage.h"
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t bitmap_bytes(const struct lineage_space *space)
{
    return (space->watch.page_count + 63) / 64 * sizeof *space->before;
}

/* From now on changes are looked at. */
static void begin_spaces(struct lineage *lineage)
{
    struct watched_space all[WATCHED_MAX];
    const unsigned count = watched_spaces(lineage->machine, all);
    for (unsigned i = 0; i < count; i++) {
        struct lineage_space *space = &lineage->spaces[lineage->space_count];
        if (!all[i].list)
            continue;
        space->of = all[i];
        watched_begin(lineage->machine, &space->of, &space->watch, NULL, NULL);
        space->before = host_alloc(bitmap_bytes(space) + 8, 1);
        lineage->space_count++;
    }
}

/* Nothing has changed since now. */
static void arm(struct lineage *lineage)
{
    if (!lineage->space_count) {
        begin_spaces(lineage);
        return;
    }
    for (unsigned i = 0; i < lineage->space_count; i++)
        watched_again(lineage->machine, &lineage->spaces[i].of, &lineage->spaces[i].watch);
}

static void set_path(char to[PATH_MAX], const char *path)
{
    if (!realpath(path, to))
        snprintf(to, PATH_MAX, "%s", path);
}

void lineage_init(struct lineage *lineage, struct machine *machine)
{
    *lineage = (struct lineage){.machine = machine, .kept = machine->options->incremental};
}

void lineage_free(struct lineage *lineage)
{
    for (unsigned i = 0; i < lineage->space_count; i++) {
        watched_end(&lineage->spaces[i].of, &lineage->spaces[i].watch);
        free(lineage->spaces[i].before);
    }
}

void lineage_restored(struct lineage *lineage, const char *path, uint64_t identity)
{
    if (!lineage->kept)
        return;
    set_path(lineage->path, path);
    lineage->identity = identity;
    lineage->known = true;
    arm(lineage);
}

/* How a child names its parent: those that lie together may be moved together. */
static const char *name_for(const struct lineage *lineage, const char *child)
{
    char copy[PATH_MAX], folder[PATH_MAX];
    snprintf(copy, sizeof copy, "%s", child);
    set_path(folder, dirname(copy));
    size_t length = strlen(folder);
    const char *last = strrchr(lineage->path, '/');
    bool together = last && (size_t)(last - lineage->path) == length && !strncmp(lineage->path, folder, length);
    return together ? last + 1 : lineage->path;
}

bool lineage_parent(const struct lineage *lineage, const char *child, struct bytes *parent,
                    const uint64_t **ram_changed)
{
    if (!lineage->known)
        return false;
    const char *name = name_for(lineage, child);
    parent->length = 0;
    bytes_put_u64(parent, lineage->identity);
    bytes_put(parent, name, strlen(name) + 1);
    *ram_changed = lineage->spaces[0].before;
    return true;
}

const struct page_watch *lineage_changes(const struct lineage *lineage, const struct device *device)
{
    for (unsigned i = 1; i < lineage->space_count; i++)
        if (lineage->spaces[i].of.device == device)
            return &lineage->spaces[i].watch;
    return NULL;
}

void lineage_begin(struct lineage *lineage, const char *path)
{
    lineage->written = false;
    if (!lineage->kept)
        return;
    snprintf(lineage->next_path, sizeof lineage->next_path, "%s", path);
    for (unsigned i = 0; i < lineage->space_count; i++)
        memcpy(lineage->spaces[i].before, lineage->spaces[i].watch.changed, bitmap_bytes(&lineage->spaces[i]));
    arm(lineage);
}

void lineage_written(struct lineage *lineage, bool good, uint64_t identity)
{
    lineage->written = good;
    lineage->next_identity = identity;
}

void lineage_settle(struct lineage *lineage)
{
    if (lineage->written && lineage->kept) {
        set_path(lineage->path, lineage->next_path);
        lineage->identity = lineage->next_identity;
        lineage->known = true;
    }
    /* What had changed since the old parent still has. */
    for (unsigned i = 0; i < lineage->space_count && !lineage->written; i++)
        for (size_t word = 0; word < bitmap_bytes(&lineage->spaces[i]) / sizeof(uint64_t); word++)
            lineage->spaces[i].watch.changed[word] |= lineage->spaces[i].before[word];
}
