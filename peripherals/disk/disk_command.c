/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `armature disk`: images made, looked at, checked, copied. */
#include "peripherals/disk/disk_command.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "peripherals/disk/disk_copy.h"
#include "peripherals/disk/disk_open.h"
#include "peripherals/disk/qcow2.h"

/* --- words ----------------------------------------------------------------------------------------- */

/* What stands before the names; each command takes some of it. */
struct words {
    enum disk_format format;
    const char *backing;
    uint64_t cluster_bytes;
    enum qcow2_compression compression;
    unsigned version;
    bool compress, repair, shrink, lazy;
    const char *names[3];
    int count;
};

enum word {
    WORD_FORMAT = 1 << 0,
    WORD_BACKING = 1 << 1,
    WORD_CLUSTER = 1 << 2,
    WORD_COMPRESSION = 1 << 3,
    WORD_COMPRESS = 1 << 4,
    WORD_REPAIR = 1 << 5,
    WORD_SHRINK = 1 << 6,
    WORD_VERSION = 1 << 7,
    WORD_LAZY = 1 << 8,
};

static const struct {
    const char *name;
    enum word word;
    bool value;
} word_table[] = {
    {"--format", WORD_FORMAT, true},        {"--backing", WORD_BACKING, true},
    {"--cluster-size", WORD_CLUSTER, true}, {"--compression", WORD_COMPRESSION, true},
    {"--compress", WORD_COMPRESS, false},   {"--repair", WORD_REPAIR, false},
    {"--shrink", WORD_SHRINK, false},       {"--version", WORD_VERSION, true},
    {"--lazy-refcounts", WORD_LAZY, false},
};

static bool take_value(struct words *words, enum word word, const char *value, struct error *error)
{
    switch (word) {
    case WORD_FORMAT:
        words->format = !strcmp(value, "raw") ? DISK_FORMAT_RAW : !strcmp(value, "qcow2") ? DISK_FORMAT_QCOW2
                                                                                           : DISK_FORMAT_FIND;
        return words->format || error_set(error, "--format expects raw or qcow2 (not '%s')", value);
    case WORD_CLUSTER:
        return (disk_size_parse(value, &words->cluster_bytes) && words->cluster_bytes >= 512 &&
                words->cluster_bytes <= 2u << 20 && !(words->cluster_bytes & (words->cluster_bytes - 1))) ||
               error_set(error, "--cluster-size expects a power of two from 512 to 2M (not '%s')", value);
    case WORD_COMPRESSION:
        words->compression = !strcmp(value, "zstd") ? QCOW2_ZSTD : QCOW2_ZLIB;
        return words->compression || !strcmp(value, "zlib") ||
               error_set(error, "--compression expects zlib or zstd (not '%s')", value);
    case WORD_VERSION:
        words->version = value[0] == '2' ? 2 : 3;
        return !strcmp(value, "2") || !strcmp(value, "3") ||
               error_set(error, "--version expects 2 or 3 (not '%s')", value);
    case WORD_BACKING: words->backing = value; break;
    case WORD_COMPRESS: words->compress = true; break;
    case WORD_REPAIR: words->repair = true; break;
    case WORD_SHRINK: words->shrink = true; break;
    case WORD_LAZY: words->lazy = true; break;
    }
    return true;
}

static bool take_words(struct words *words, int argc, char *const argv[], unsigned allowed, int least, int most,
                       struct error *error)
{
    *words = (struct words){.cluster_bytes = 65536, .version = 3};
    for (int i = 0; i < argc; i++) {
        unsigned w = 0;
        if (strncmp(argv[i], "--", 2)) {
            if (words->count == most)
                return error_set(error, "'%s' is too much; armature disk --help tells more", argv[i]);
            words->names[words->count++] = argv[i];
            continue;
        }
        while (w < sizeof word_table / sizeof *word_table && strcmp(argv[i], word_table[w].name))
            w++;
        if (w == sizeof word_table / sizeof *word_table || !(word_table[w].word & allowed))
            return error_set(error, "'%s' means nothing here; armature disk --help tells more", argv[i]);
        const char *value = word_table[w].value ? argv[++i] : NULL;
        if (word_table[w].value && i == argc)
            return error_set(error, "%s expects a value behind it", word_table[w].name);
        if (!take_value(words, word_table[w].word, value, error))
            return false;
    }
    return words->count >= least || error_set(error, "the name of a file is missing; armature disk --help tells more");
}

/* --- images ---------------------------------------------------------------------------------------- */

static struct disk *open_named(const char *name, bool read_only, struct disk_option *option, struct error *error)
{
    if (!disk_option_parse(name, option, "a disk", error))
        return NULL;
    option->read_only |= read_only;
    return disk_open(option, error);
}

/* A qcow2 image for what works on its tables. `backed`: with what is behind it. */
static struct disk *open_tables(const char *name, struct qcow2_open how, bool backed, struct error *error)
{
    struct disk_option option;
    struct disk *container;
    if (!disk_option_parse(name, &option, "a disk", error))
        return NULL;
    if (backed) {
        option.read_only = how.read_only;
        option.format = DISK_FORMAT_QCOW2;
        return disk_open(&option, error);
    }
    container = disk_container_open(option.path, how.read_only, error);
    return container ? qcow2_open(container, option.path, NULL, &how, error) : NULL;
}

/* The format of the image of that name, by what was said or as disk_open() finds it. */
static bool format_of(const char *name, struct disk_option *option, struct error *error)
{
    uint8_t beginning[4] = {0};
    if (!disk_option_parse(name, option, "a disk", error))
        return false;
    if (option->format != DISK_FORMAT_FIND || option->layout != DISK_LAYOUT_PLAIN)
        return true;
    struct disk *container = disk_container_open(option->path, true, error);
    if (!container)
        return false;
    struct iovec piece = {beginning, container->size_bytes < 4 ? container->size_bytes : 4};
    bool good =
        container->ops->read(container, 0, &piece, 1) == 0 || error_set(error, "%s: cannot be read", option->path);
    disk_free(container);
    return good && disk_find_format(option->path, beginning, &option->format, error);
}

static bool make_raw(const char *path, uint64_t size_bytes, struct error *error)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return error_set(error, errno == EEXIST ? "%s: there is such a file already; it is left as it is"
                                                : "%s: cannot be made: %s", path, strerror(errno));
    bool good =
        ftruncate(fd, (off_t)size_bytes) == 0 || error_set(error, "%s: cannot be made: %s", path, strerror(errno));
    close(fd);
    if (!good)
        unlink(path);
    return good;
}

static bool make_image(const char *path, enum disk_format format, const struct qcow2_create *wanted,
                       struct error *error)
{
    return format == DISK_FORMAT_QCOW2 ? qcow2_create(path, wanted, error) : make_raw(path, wanted->size_bytes, error);
}

/* What a name says when nothing else does. */
static enum disk_format format_by_name(const char *path, enum disk_format said)
{
    size_t length = strlen(path);
    if (said != DISK_FORMAT_FIND)
        return said;
    return length > 6 && !strcmp(path + length - 6, ".qcow2") ? DISK_FORMAT_QCOW2 : DISK_FORMAT_RAW;
}

static struct qcow2_create wanted_of(const struct words *words, uint64_t size_bytes)
{
    struct qcow2_create wanted = qcow2_create_defaults(size_bytes);
    wanted.cluster_bytes = (unsigned)words->cluster_bytes;
    wanted.compression = words->compression;
    wanted.version = words->version;
    wanted.lazy_refcounts = words->lazy;
    return wanted;
}

/* --- create ---------------------------------------------------------------------------------------- */

static bool take_size(const char *text, uint64_t *bytes, struct error *error)
{
    return (disk_size_parse(text, bytes) && *bytes % DISK_SECTOR_BYTES == 0) ||
           error_set(error, "a size is expected, such as 512M, 20G or 1T, of whole 512-byte sectors (not '%s')", text);
}

static bool create(int argc, char *const argv[], struct error *error)
{
    struct words words;
    struct disk_option base = {.format = DISK_FORMAT_FIND};
    uint64_t size = 0;
    unsigned allowed = WORD_FORMAT | WORD_BACKING | WORD_CLUSTER | WORD_COMPRESSION | WORD_VERSION | WORD_LAZY;
    if (!take_words(&words, argc, argv, allowed, 1, 2, error) ||
        (words.count == 2 && !take_size(words.names[1], &size, error)))
        return false;
    enum disk_format format = format_by_name(words.names[0], words.format);
    if (format != DISK_FORMAT_QCOW2 && (words.backing || words.lazy))
        return error_set(error, "only a qcow2 image has something behind it, or lazy counts; give --format qcow2");
    if (words.version == 2 && (words.compression == QCOW2_ZSTD || words.lazy))
        return error_set(error, "version 2 has neither zstd nor lazy counts");
    struct qcow2_create wanted = wanted_of(&words, size);
    char *seen = NULL;
    if (words.backing) {
        /* A name in an image is seen from the image's folder. */
        if (!disk_option_parse(words.backing, &base, "--backing", error))
            return false;
        char inside[sizeof base.path];
        strcpy(inside, base.path);
        seen = disk_backing_path(words.names[0], inside);
        if (seen && strlen(seen) < sizeof base.path)
            strcpy(base.path, seen);
        free(seen);
        char again[sizeof base.path + 16];
        snprintf(again, sizeof again, "%s%s", base.path, base.format == DISK_FORMAT_QCOW2 ? ",format=qcow2"
                                                         : base.format == DISK_FORMAT_RAW ? ",format=raw" : "");
        struct disk_option whole;
        struct disk *disk = format_of(again, &whole, error) ? open_named(again, true, &base, error) : NULL;
        if (!disk)
            return false;
        wanted.size_bytes = size ? size : disk->size_bytes;
        disk_free(disk);
        wanted.backing = inside;
        wanted.backing_format = whole.format == DISK_FORMAT_QCOW2 ? "qcow2" : "raw";
        return make_image(words.names[0], format, &wanted, error);
    }
    if (!size)
        return error_set(error, "a size is missing, such as 20G");
    return make_image(words.names[0], format, &wanted, error);
}

/* --- info ------------------------------------------------------------------------------------------ */

static void print_snapshot(void *context, const struct qcow2_snapshot_about *about)
{
    char when[64];
    time_t seconds = (time_t)about->seconds;
    struct tm parts;
    gmtime_r(&seconds, &parts);
    strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S UTC", &parts);
    printf("  snapshot %s: '%s', %s, %" PRIu64 " bytes\n", about->id, about->name, when, about->size_bytes);
}

static bool info_qcow2(const char *path, struct error *error)
{
    struct qcow2_about about;
    struct disk *container = disk_container_open(path, true, error);
    if (!container || !qcow2_look(container, path, &about, error)) {
        disk_free(container);
        return false;
    }
    printf("  version %u, clusters of %u bytes, counts of %u bits, %s%s%s%s%s\n", about.version, about.cluster_bytes,
           about.refcount_bits, about.compression == QCOW2_ZSTD ? "zstd" : "zlib",
           about.lazy_refcounts ? ", lazy counts" : "", about.dirty ? ", not closed" : "",
           about.corrupt ? ", marked as damaged" : "", about.bitmaps ? ", with bitmaps" : "");
    if (about.backing[0])
        printf("  behind it: %s (%s)\n", about.backing,
               about.backing_format[0] ? about.backing_format : "format not said");
    struct disk *disk = qcow2_open(container, path, NULL, &(struct qcow2_open){.read_only = true}, error);
    bool good = disk && qcow2_each_snapshot(disk, print_snapshot, NULL, error);
    disk_free(disk);
    return good;
}

static bool info(int argc, char *const argv[], struct error *error)
{
    struct words words;
    struct disk_option option;
    struct stat status;
    if (!take_words(&words, argc, argv, 0, 1, 1, error) || !format_of(words.names[0], &option, error))
        return false;
    struct disk *disk = open_named(words.names[0], true, &option, error);
    if (!disk)
        return false;
    if (option.format == DISK_FORMAT_FIND && !format_of(words.names[0], &option, error))
        option.format = DISK_FORMAT_RAW;
    printf("%s: %s, %" PRIu64 " bytes", option.path, option.format == DISK_FORMAT_QCOW2 ? "qcow2" : "raw",
           disk->size_bytes);
    disk_free(disk);
    if (stat(option.path, &status) == 0)
        printf(", %" PRIu64 " bytes on the host", (uint64_t)status.st_blocks * 512);
    printf("\n");
    return option.format != DISK_FORMAT_QCOW2 || option.layout != DISK_LAYOUT_PLAIN || info_qcow2(option.path, error);
}

/* --- check ----------------------------------------------------------------------------------------- */

static bool check(int argc, char *const argv[], struct error *error)
{
    struct words words;
    struct disk_option option;
    struct qcow2_findings found;
    if (!take_words(&words, argc, argv, WORD_REPAIR, 1, 1, error) || !format_of(words.names[0], &option, error))
        return false;
    if (option.format != DISK_FORMAT_QCOW2) {
        struct disk *raw = open_named(words.names[0], true, &option, error);
        if (raw)
            printf("%s: raw, of which nothing can be wrong\n", option.path);
        disk_free(raw);
        return raw != NULL;
    }
    struct disk *disk =
        open_tables(words.names[0], (struct qcow2_open){.read_only = !words.repair, .repair = true}, false, error);
    bool good = disk && qcow2_check(disk, words.repair, &found, disk_progress, (void *)words.names[0], error);
    disk_free(disk);
    if (!good)
        return false;
    disk_progress_end(words.names[0]);
    printf("%s: %" PRIu64 " of %" PRIu64 " clusters, %" PRIu64 " compressed; %" PRIu64 " errors, %" PRIu64
           " clusters leaked%s\n",
           option.path, found.data_clusters, found.clusters, found.compressed_clusters, found.errors, found.leaks,
           words.repair && (found.errors || found.leaks) ? ", repaired" : "");
    return found.errors_left == 0 ||
           error_set(error, "%s: %s%s%s", option.path, found.first, found.errors > 1 ? ", and more" : "",
                     words.repair ? "; not all of it can be repaired"
                                  : "; armature disk check --repair puts that right");
}

/* --- convert --------------------------------------------------------------------------------------- */

static bool convert(int argc, char *const argv[], struct error *error)
{
    struct words words;
    struct disk_option option;
    unsigned allowed = WORD_FORMAT | WORD_CLUSTER | WORD_COMPRESSION | WORD_COMPRESS | WORD_VERSION | WORD_LAZY;
    if (!take_words(&words, argc, argv, allowed, 2, 2, error))
        return false;
    const char *target = words.names[1];
    enum disk_format format = format_by_name(target, words.format);
    if (format != DISK_FORMAT_QCOW2 && words.compress)
        return error_set(error, "only a qcow2 image can be compressed; give --format qcow2");
    struct disk *from = open_named(words.names[0], true, &option, error), *to = NULL;
    if (!from)
        return false;
    struct qcow2_create wanted = wanted_of(&words, from->size_bytes);
    bool made = make_image(target, format, &wanted, error);
    struct disk *container = made && format == DISK_FORMAT_QCOW2 ? disk_container_open(target, false, error) : NULL;
    if (container)
        to = qcow2_open(container, target, NULL, &(struct qcow2_open){.read_only = false}, error);
    else if (made && format != DISK_FORMAT_QCOW2)
        to = disk_raw_open(target, false, error);
    bool good = to && disk_copy(from, to, true, wanted.cluster_bytes, words.compress, option.path, error);
    disk_free(to);
    disk_free(from);
    if (made && !good)
        unlink(target);
    return good;
}

/* --- resize ---------------------------------------------------------------------------------------- */

static bool resize_raw(const char *path, uint64_t size_bytes, struct error *error)
{
    return truncate(path, (off_t)size_bytes) == 0 ||
           error_set(error, "%s: cannot get that size: %s", path, strerror(errno));
}

static bool resize(int argc, char *const argv[], struct error *error)
{
    struct words words;
    struct disk_option option;
    uint64_t size;
    if (!take_words(&words, argc, argv, WORD_SHRINK, 2, 2, error) || !take_size(words.names[1], &size, error) ||
        !format_of(words.names[0], &option, error))
        return false;
    struct disk *disk = option.format == DISK_FORMAT_QCOW2
                            ? open_tables(words.names[0], (struct qcow2_open){0}, true, error)
                            : open_named(words.names[0], false, &option, error);
    if (!disk)
        return false;
    bool good =
        size >= disk->size_bytes || words.shrink ||
        error_set(error,
                  "%s: it has %" PRIu64 " bytes, and what is behind a smaller size would be lost; give --shrink "
                  "if that is wanted",
                  option.path, disk->size_bytes);
    if (good)
        good =
            option.format == DISK_FORMAT_QCOW2 ? qcow2_resize(disk, size, error) : resize_raw(option.path, size, error);
    disk_free(disk);
    return good;
}

/* --- commit ---------------------------------------------------------------------------------------- */

static bool commit(int argc, char *const argv[], struct error *error)
{
    struct words words;
    struct disk_option option;
    struct qcow2_about about;
    if (!take_words(&words, argc, argv, 0, 1, 1, error) || !format_of(words.names[0], &option, error))
        return false;
    if (option.format != DISK_FORMAT_QCOW2)
        return error_set(error, "%s: a raw image has nothing behind it", option.path);
    struct disk *container = disk_container_open(option.path, true, error);
    bool good = container && qcow2_look(container, option.path, &about, error);
    disk_free(container);
    if (!good)
        return false;
    char *behind = about.backing[0] ? disk_backing_path(option.path, about.backing) : NULL;
    if (!behind)
        return error_set(error, "%s: nothing is behind it, or no file", option.path);
    struct disk_option base_option = {.format = !strcmp(about.backing_format, "qcow2") ? DISK_FORMAT_QCOW2
                                                : !strcmp(about.backing_format, "raw") ? DISK_FORMAT_RAW
                                                                                       : DISK_FORMAT_FIND};
    snprintf(base_option.path, sizeof base_option.path, "%s", behind);
    free(behind);
    struct disk *base = disk_open(&base_option, error);
    struct disk *overlay = base ? open_tables(words.names[0], (struct qcow2_open){0}, false, error) : NULL;
    good = overlay && (overlay->size_bytes <= base->size_bytes ||
                       error_set(error, "%s: it is larger than %s; armature disk resize makes that as large",
                                 option.path, base_option.path));
    good = good && disk_commit(overlay, base, option.path, error);
    int result = good ? qcow2_make_empty(overlay) : 0;
    if (result)
        good = error_set(error, "%s: cannot be written: %s", option.path, strerror(result));
    disk_free(overlay);
    disk_free(base);
    return good;
}

/* --- the command ----------------------------------------------------------------------------------- */

void disk_command_help(FILE *to)
{
    fputs("usage: armature disk create [--format raw|qcow2] [--backing FILE[,format=F]] [--cluster-size N]\n"
          "                            [--compression zlib|zstd] [--version 2|3] [--lazy-refcounts] FILE [SIZE]\n"
          "       armature disk info FILE\n"
          "       armature disk check [--repair] FILE\n"
          "       armature disk convert [--format raw|qcow2] [--compress] [--compression zlib|zstd]\n"
          "                             [--cluster-size N] [--version 2|3] FROM TO\n"
          "       armature disk resize [--shrink] FILE SIZE\n"
          "       armature disk commit FILE       writes what an overlay holds to the image behind it\n"
          "\n"
          "A FILE is a disk as --disk takes it: behind it may stand ,format=raw or ,format=qcow2, and for FROM\n"
          ",snapshot=NAME. The format of a new one is told by --format, or by a name that ends in .qcow2.\n"
          "A SIZE is a number with K, M, G or T behind it. Status 1 where something is wrong, and where an\n"
          "image has errors.\n",
          to);
}

enum disk_command_end disk_command(int argc, char *const argv[], struct error *error)
{
    static const struct {
        const char *name;
        bool (*act)(int argc, char *const argv[], struct error *error);
    } commands[] = {{"create", create}, {"info", info},     {"check", check},
                    {"convert", convert}, {"resize", resize}, {"commit", commit}};
    for (unsigned i = 0; argc > 0 && i < sizeof commands / sizeof *commands; i++)
        if (!strcmp(argv[0], commands[i].name)) {
            if (argc == 1) {
                error_set(error, "disk %s expects the name of a file; armature disk --help tells more", argv[0]);
                return DISK_COMMAND_USAGE;
            }
            return commands[i].act(argc - 1, argv + 1, error) ? DISK_COMMAND_DONE : DISK_COMMAND_FAILED;
        }
    error_set(error, "disk expects create, info, check, convert, resize or commit; armature disk --help tells more");
    return DISK_COMMAND_USAGE;
}
