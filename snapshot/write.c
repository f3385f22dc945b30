/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writing the file of a snapshot. It has no name until it is whole, where the host's file system can do that. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "machine/contract/fields.h"
#include "snapshot/format.h"

struct format_writer {
    int fd, failure; /* errno of the first that went wrong */
    char path[PATH_MAX], folder[PATH_MAX], beside[PATH_MAX];
    bool named; /* it stands under the name `beside` */
    struct format_header header;
    struct bytes table;
    uint64_t end; /* where the next section goes */
};

static bool cannot(const struct format_writer *writer, int reason, struct error *error)
{
    const char *way_out = reason == ENOSPC || reason == EDQUOT ? "; make room, or give another place" : "";
    return error_set(error, "snapshot %s: cannot be written: %s%s", writer->path, strerror(reason), way_out);
}

static bool open_beside(struct format_writer *writer)
{
    writer->fd = open(writer->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
    if (writer->fd >= 0)
        return true;
    if (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT)
        return false;
    writer->fd = open(writer->beside, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    writer->named = writer->fd >= 0;
    return writer->named;
}

struct format_writer *format_create(const char *path, struct error *error)
{
    struct format_writer *writer = host_alloc(1, sizeof *writer);
    char copy[PATH_MAX];
    struct stat status;
    if (strlen(path) + 32 >= sizeof writer->path) {
        free(writer);
        error_set(error, "snapshot %s: the name is too long", path);
        return NULL;
    }
    strcpy(writer->path, path);
    strcpy(copy, path);
    strcpy(writer->folder, dirname(copy));
    snprintf(writer->beside, sizeof writer->beside, "%s.part-%d", writer->path, (int)getpid());
    bool special = stat(path, &status) == 0 && !S_ISREG(status.st_mode);
    if (special)
        error_set(error, "snapshot %s: is there, and is no file that could be replaced", path);
    else if (!open_beside(writer))
        cannot(writer, errno, error);
    else
        return writer;
    free(writer);
    return NULL;
}

void format_write_at(struct format_writer *writer, uint64_t offset, const void *from, size_t length)
{
    const uint8_t *at = from;
    while (length > 0 && !writer->failure) {
        ssize_t done = pwrite(writer->fd, at, length, (off_t)offset);
        if (done < 0 && errno != EINTR)
            writer->failure = errno;
        if (done <= 0)
            continue;
        at += done;
        offset += (uint64_t)done;
        length -= (size_t)done;
    }
}

bool format_read_back(const struct format_writer *writer, uint64_t offset, void *to, size_t length)
{
    return !writer->failure && pread(writer->fd, to, length, (off_t)offset) == (ssize_t)length;
}

void format_stored(struct format_writer *writer, uint64_t pages, uint64_t bytes, bool compressed)
{
    writer->header.stored_pages = pages;
    writer->header.stored_bytes = bytes;
    writer->header.flags = compressed ? FORMAT_COMPRESSED : 0;
    writer->end = PAGE_SIZE_BYTES + (bytes + PAGE_SIZE_BYTES - 1) / PAGE_SIZE_BYTES * PAGE_SIZE_BYTES;
}

void format_section(struct format_writer *writer, const char *name, const struct bytes *bytes)
{
    struct format_section section = {
        .offset = writer->end,
        .length = bytes->length,
        .checksum = hash_bytes(bytes->at, bytes->length, FIELDS_HASH_SEED),
    };
    snprintf(section.name, sizeof section.name, "%s", name);
    format_write_at(writer, writer->end, bytes->at, bytes->length);
    writer->end += (bytes->length + 7) / 8 * 8;
    bytes_put(&writer->table, &section, sizeof section);
}

static void write_header(struct format_writer *writer)
{
    struct format_header *header = &writer->header;
    memcpy(header->magic, FORMAT_MAGIC, sizeof header->magic);
    header->version = FORMAT_VERSION;
    header->table_offset = writer->end;
    header->section_count = (uint32_t)(writer->table.length / sizeof(struct format_section));
    header->table_checksum = hash_bytes(writer->table.at, writer->table.length, FIELDS_HASH_SEED);
    header->file_bytes = writer->end + writer->table.length;
    header->checksum = hash_bytes(header, offsetof(struct format_header, checksum), FIELDS_HASH_SEED);
    format_write_at(writer, writer->end, writer->table.at, writer->table.length);
    format_write_at(writer, 0, header, sizeof *header);
}

/* Gives a file without a name one that nobody else has, so that it can be renamed over an old file. */
static bool give_name(struct format_writer *writer)
{
    char self[64];
    if (writer->named)
        return true;
    snprintf(self, sizeof self, "/proc/self/fd/%d", writer->fd);
    unlink(writer->beside); /* of a process of the same number that was killed here */
    writer->named = linkat(AT_FDCWD, self, AT_FDCWD, writer->beside, AT_SYMLINK_FOLLOW) == 0;
    return writer->named;
}

static void sync_folder(const struct format_writer *writer)
{
    int fd = open(writer->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

bool format_finish(struct format_writer *writer, uint64_t *identity, struct error *error)
{
    write_header(writer);
    *identity = writer->header.table_checksum;
    if (!writer->failure && fsync(writer->fd) != 0)
        writer->failure = errno;
    if (!writer->failure && (!give_name(writer) || rename(writer->beside, writer->path) != 0))
        writer->failure = errno;
    bool good = !writer->failure;
    if (good) {
        writer->named = false;
        sync_folder(writer);
    } else {
        cannot(writer, writer->failure, error);
    }
    format_abandon(writer);
    return good;
}

void format_abandon(struct format_writer *writer)
{
    close(writer->fd);
    if (writer->named)
        unlink(writer->beside);
    bytes_free(&writer->table);
    free(writer);
}
