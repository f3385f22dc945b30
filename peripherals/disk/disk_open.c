/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opens images: which format, what stands behind them, overlays, several as one. */
#include "peripherals/disk/disk_open.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "peripherals/disk/qcow2.h"

/* --- formats --- */

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);
    return length >= end_length && !strcmp(text + length - end_length, end);
}

/* A guest that owns a raw disk can write the beginning of a qcow2 image into it, which names any file of the host as
 * what is behind it. So the beginning alone says nothing: name and beginning have to agree, or the user says which it
 * is. */
bool disk_find_format(const char *path, const uint8_t beginning[4], enum disk_format *format, struct error *error)
{
    static const uint8_t magic[4] = {'Q', 'F', 'I', 0xfb};
    bool named = ends_with(path, ".qcow2"), begins = !memcmp(beginning, magic, sizeof magic);
    if (begins && !named)
        return error_set(error,
                         "%s: it begins like a qcow2 image, which a guest may have written into a raw one; say which "
                         "with ,format=qcow2 or ,format=raw",
                         path);
    if (named && !begins)
        return error_set(error, "%s: the name is a qcow2 image's, the content is not; if it is a raw one, say so with "
                         ",format=raw", path);
    *format = named ? DISK_FORMAT_QCOW2 : DISK_FORMAT_RAW;
    return true;
}

static bool settle_format(const char *path, struct disk *container, enum disk_format *format, struct error *error)
{
    uint8_t beginning[4] = {0};
    struct iovec piece = {beginning, container->size_bytes < 4 ? container->size_bytes : 4};
    if (*format != DISK_FORMAT_FIND)
        return true;
    if (container->ops->read(container, 0, &piece, 1) != 0)
        return error_set(error, "%s: cannot be read", path);
    return disk_find_format(path, beginning, format, error);
}

/* --- one image and what is behind it --- */

char *disk_backing_path(const char *path, const char *backing)
{
    const char *slash = strrchr(path, '/'), *colon = strchr(backing, ':');
    char *result;
    if (colon && !memchr(backing, '/', (size_t)(colon - backing)))
        return NULL; /* another kind of place: "nbd:", "json:" */
    int length = *backing == '/' || !slash ? asprintf(&result, "%s", backing)
                                           : asprintf(&result, "%.*s/%s", (int)(slash - path), path, backing);
    return length < 0 ? NULL : result;
}

struct how {
    enum disk_format format;
    bool read_only;
    const char *snapshot; /* NULL: none */
    unsigned depth;
};

static struct disk *open_image(const char *path, struct how how, struct error *error);

static bool backing_format(const char *path, const struct qcow2_about *about, enum disk_format *format,
                           struct error *error)
{
    if (!strcmp(about->backing_format, "raw"))
        *format = DISK_FORMAT_RAW;
    else if (!strcmp(about->backing_format, "qcow2"))
        *format = DISK_FORMAT_QCOW2;
    else if (!about->backing_format[0])
        *format = DISK_FORMAT_FIND;
    else
        return error_set(error, "%s: the format '%s' of its backing file is not supported", path,
                         about->backing_format);
    return true;
}

static bool open_backing(const char *path, const struct qcow2_about *about, unsigned depth, struct disk **backing,
                         struct error *error)
{
    struct how how = {.read_only = true, .depth = depth + 1};
    *backing = NULL;
    if (!about->backing[0])
        return true;
    if (depth == DISK_CHAIN_MAX)
        return error_set(error, "%s: more than %u images behind each other, or they go in a circle", path,
                         DISK_CHAIN_MAX);
    char *name = disk_backing_path(path, about->backing);
    if (!name)
        return error_set(error, "%s: its backing file '%s' is not on this host's disks, which is not supported", path,
                         about->backing);
    if (backing_format(path, about, &how.format, error))
        *backing = open_image(name, how, error);
    free(name);
    return *backing != NULL;
}

static struct disk *open_qcow2(struct disk *container, const char *path, const struct how *how, struct error *error)
{
    struct qcow2_about about;
    struct disk *backing;
    if (!qcow2_look(container, path, &about, error) || !open_backing(path, &about, how->depth, &backing, error)) {
        disk_free(container);
        return NULL;
    }
    struct qcow2_open open = {.read_only = how->read_only, .snapshot = how->snapshot};
    return qcow2_open(container, path, backing, &open, error);
}

static struct disk *open_image(const char *path, struct how how, struct error *error)
{
    struct disk *container = disk_container_open(path, how.read_only, error);
    if (!container)
        return NULL;
    if (!settle_format(path, container, &how.format, error)) {
        disk_free(container);
        return NULL;
    }
    if (how.format == DISK_FORMAT_QCOW2)
        return open_qcow2(container, path, &how, error);
    disk_free(container);
    if (how.snapshot) {
        error_set(error, "%s: a raw image has no snapshots", path);
        return NULL;
    }
    return disk_raw_open(path, how.read_only, error);
}

/* --- overlays in a file --- */

/* A name for `base` that holds in the folder of `overlay`. */
static bool name_from(const char *overlay, const char *base, char name[PATH_MAX], struct error *error)
{
    const char *slash = strrchr(overlay, '/');
    size_t folder = slash ? (size_t)(slash - overlay + 1) : 0;
    if (!strncmp(overlay, base, folder) && !strchr(base + folder, '/') && !strchr(base + folder, ':')) {
        snprintf(name, PATH_MAX, "%s", base + folder);
        return true;
    }
    return realpath(base, name) || error_set(error, "%s: cannot be found", base);
}

static bool make_overlay(const struct disk_option *option, struct error *error)
{
    char name[PATH_MAX];
    enum disk_format format = option->format;
    struct disk *container = disk_container_open(option->path, true, error);
    bool good = container && settle_format(option->path, container, &format, error);
    disk_free(container);
    struct disk *base =
        good ? open_image(option->path, (struct how){.format = format, .read_only = true}, error) : NULL;
    if (!base)
        return false;
    struct qcow2_create wanted = qcow2_create_defaults(base->size_bytes);
    disk_free(base);
    wanted.backing = name;
    wanted.backing_format = format == DISK_FORMAT_QCOW2 ? "qcow2" : "raw";
    return name_from(option->overlay_path, option->path, name, error) &&
           qcow2_create(option->overlay_path, &wanted, error);
}

static bool same_file(const char *a, const char *b)
{
    struct stat left, right;
    return stat(a, &left) == 0 && stat(b, &right) == 0 && left.st_dev == right.st_dev && left.st_ino == right.st_ino;
}

static bool is_overlay_of(const char *overlay, const char *base, struct error *error)
{
    struct qcow2_about about;
    struct disk *container = disk_container_open(overlay, true, error);
    bool good = container && qcow2_look(container, overlay, &about, error);
    disk_free(container);
    if (!good)
        return false;
    char *behind = disk_backing_path(overlay, about.backing);
    if (!behind || !about.backing[0] || !same_file(behind, base))
        good = error_set(error, "%s: it is there, but no overlay of %s; name another file, or give it as --disk %s",
                         overlay, base, overlay);
    free(behind);
    return good;
}

static struct disk *open_overlay(const struct disk_option *option, struct error *error)
{
    const char *path = option->overlay_path;
    struct how how = {.format = DISK_FORMAT_QCOW2, .read_only = option->read_only || option->overlay};
    bool there = how.read_only || access(path, F_OK) == 0;
    bool good = there ? is_overlay_of(path, option->path, error) : make_overlay(option, error);
    return good ? open_image(path, how, error) : NULL;
}

/* --- several as one --- */

static struct disk *open_several(const struct disk_option *option, struct error *error)
{
    char *copy = strdup(option->path), *rest = copy, *names[DISK_PARTS_MAX];
    struct disk *parts[DISK_PARTS_MAX] = {NULL}, *disk = NULL;
    struct how how = {.format = option->format, .read_only = option->read_only || option->overlay};
    unsigned count = 0, open = 0;
    bool mirror = option->layout == DISK_LAYOUT_MIRROR, good = copy != NULL;
    while (rest && count < DISK_PARTS_MAX)
        names[count++] = strsep(&rest, "+");
    if (rest)
        good = error_set(error, "%s: more than %d images", option->path, DISK_PARTS_MAX);
    for (unsigned i = 0; i < count && good; i++) {
        struct error failure = {""};
        bool lost = false;
        for (unsigned j = 0; j < count && mirror; j++)
            lost = lost || (j != i && disk_mirror_lost(names[j], names[i]));
        if (lost)
            error_set(&failure, "%s: the mirror went on without it earlier", names[i]);
        else
            parts[i] = open_image(names[i], how, &failure);
        open += parts[i] != NULL;
        if (!parts[i] && mirror)
            fprintf(stderr, "armature: mirror: %s; it is left out\n", failure.text);
        good = parts[i] || mirror || error_set(error, "%s", failure.text);
    }
    if (good && open == 0)
        good = error_set(error, "mirror: none of %s can be used", option->path);
    if (good)
        disk = mirror ? disk_mirror_create(parts, (const char *const *)names, count, error)
                      : disk_stripe_create(parts, count, error);
    for (unsigned i = 0; i < count && !good; i++)
        disk_free(parts[i]);
    free(copy);
    return disk;
}

struct disk *disk_open(const struct disk_option *option, struct error *error)
{
    if (option->layout != DISK_LAYOUT_PLAIN)
        return open_several(option, error);
    if (option->overlay_path[0])
        return open_overlay(option, error);
    return open_image(option->path,
                      (struct how){.format = option->format,
                                   .read_only = option->read_only || option->overlay,
                                   .snapshot = option->snapshot[0] ? option->snapshot : NULL},
                      error);
}
