/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading the file of a snapshot: nothing that it says is taken for true before it was checked. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "machine/contract/fields.h"
#include "snapshot/format.h"

static bool wrong(const struct format_file *file, const char *what, struct error *error)
{
    return error_set(error, "snapshot %s: %s", file->path, what);
}

/* Whether [offset, offset + length) lies within the file. */
static bool within(const struct format_file *file, uint64_t offset, uint64_t length)
{
    return offset <= file->header.file_bytes && length <= file->header.file_bytes - offset;
}

static bool check_header(const struct format_file *file, uint64_t size, struct error *error)
{
    const struct format_header *header = &file->header;
    if (memcmp(header->magic, FORMAT_MAGIC, sizeof header->magic))
        return wrong(file, "is no snapshot (it does not begin like one)", error);
    if (header->version != FORMAT_VERSION)
        return error_set(error, "snapshot %s: has version %u of the format; this program knows %u", file->path,
                         header->version, FORMAT_VERSION);
    if (header->checksum != hash_bytes(header, offsetof(struct format_header, checksum), FIELDS_HASH_SEED))
        return wrong(file, "its header is damaged", error);
    if (header->file_bytes != size)
        return error_set(error, "snapshot %s: has %llu bytes, should have %llu; it was cut short or added to",
                         file->path, (unsigned long long)size, (unsigned long long)header->file_bytes);
    const bool raw = !(header->flags & FORMAT_COMPRESSED);
    if (header->flags & ~FORMAT_COMPRESSED || header->section_count > FORMAT_SECTIONS_MAX ||
        !within(file, header->table_offset, header->section_count * sizeof(struct format_section)) ||
        !within(file, PAGE_SIZE_BYTES, header->stored_bytes) || header->stored_pages > size / sizeof(uint64_t) ||
        (raw && header->stored_bytes != header->stored_pages * PAGE_SIZE_BYTES))
        return wrong(file, "its header contradicts itself", error);
    return true;
}

static bool check_table(struct format_file *file, struct error *error)
{
    size_t length = file->header.section_count * sizeof *file->sections;
    file->sections = host_alloc(file->header.section_count, sizeof *file->sections);
    memcpy(file->sections, file->mapping + file->header.table_offset, length);
    if (hash_bytes(file->sections, length, FIELDS_HASH_SEED) != file->header.table_checksum)
        return wrong(file, "the table of its sections is damaged", error);
    for (uint32_t i = 0; i < file->header.section_count; i++) {
        const struct format_section *section = &file->sections[i];
        if (!memchr(section->name, 0, sizeof section->name) || section->offset % 8 ||
            !within(file, section->offset, section->length))
            return wrong(file, "the table of its sections contradicts itself", error);
    }
    return true;
}

static bool map(struct format_file *file, struct error *error)
{
    struct stat status;
    if (fstat(file->fd, &status) != 0)
        return wrong(file, strerror(errno), error);
    if (!S_ISREG(status.st_mode))
        return wrong(file, "is no file", error);
    if ((uint64_t)status.st_size < sizeof file->header)
        return wrong(file, "is no snapshot (it is too short)", error);
    ssize_t got = pread(file->fd, &file->header, sizeof file->header, 0);
    if (got != (ssize_t)sizeof file->header)
        return wrong(file, got < 0 ? strerror(errno) : "was cut short", error);
    if (!check_header(file, (uint64_t)status.st_size, error))
        return false;
    void *at = mmap(NULL, file->header.file_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file->fd, 0);
    if (at == MAP_FAILED)
        return wrong(file, strerror(errno), error);
    file->mapping = at;
    return check_table(file, error);
}

bool format_open(struct format_file *file, const char *path, struct error *error)
{
    *file = (struct format_file){.path = path};
    file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file->fd < 0)
        return error_set(error, "snapshot %s: %s", path, strerror(errno));
    if (map(file, error))
        return true;
    format_close(file);
    return false;
}

void format_close(struct format_file *file)
{
    if (file->mapping)
        munmap(file->mapping, file->header.file_bytes);
    if (file->fd >= 0)
        close(file->fd);
    free(file->sections);
    *file = (struct format_file){.fd = -1};
}

static const struct format_section *find(const struct format_file *file, const char *name)
{
    for (uint32_t i = 0; i < file->header.section_count; i++)
        if (!strcmp(file->sections[i].name, name))
            return &file->sections[i];
    return NULL;
}

bool format_has(const struct format_file *file, const char *name)
{
    return find(file, name) != NULL;
}

bool format_read(const struct format_file *file, const struct format_section *section, struct reader *reader,
                 struct error *error)
{
    *reader = (struct reader){file->mapping + section->offset, section->length, false};
    if (hash_bytes(reader->at, reader->left, FIELDS_HASH_SEED) != section->checksum)
        return error_set(error, "snapshot %s: section '%s' is damaged", file->path, section->name);
    return true;
}

bool format_locate(const struct format_file *file, const char *name, struct reader *reader, struct error *error)
{
    const struct format_section *section = find(file, name);
    if (!section)
        return error_set(error, "snapshot %s: has no section '%s'", file->path, name);
    *reader = (struct reader){file->mapping + section->offset, section->length, false};
    return true;
}

bool format_find(const struct format_file *file, const char *name, struct reader *reader, struct error *error)
{
    return format_locate(file, name, reader, error) && format_read(file, find(file, name), reader, error);
}
