/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The file of a snapshot.
 *
 *     page 0           struct format_header, and zeroes
 *     page 1 ...       stored pages of RAM and disks (store.h), as they are or in compressed chunks
 *     behind them      sections, in no order that matters
 *     then             the table of the sections: struct format_section for each
 *
 * Whatever says something about the file has a checksum (hash_bytes); each stored page has a hash in the section
 * "hashes". Numbers are little-endian. The file is written beside its name and takes it when all of it is on the disk.
 */
#ifndef ARMATURE_FORMAT_H
#define ARMATURE_FORMAT_H

#include "machine/contract/bus.h"
#include "snapshot/bytes.h"

#define FORMAT_MAGIC        "ARMASNAP"
#define FORMAT_VERSION      1u
#define FORMAT_COMPRESSED   1u /* flag: stored pages are in chunks */
#define FORMAT_SECTIONS_MAX 4096u
#define FORMAT_NAME_BYTES   40

struct format_header {
    char magic[8];
    uint32_t version, flags;
    uint64_t file_bytes;
    uint64_t stored_pages, stored_bytes; /* how many, and the room they take from page 1 on */
    uint64_t table_offset;
    uint32_t section_count, reserved;
    uint64_t table_checksum;
    uint64_t checksum; /* of all that stands before it */
};

struct format_section {
    char name[FORMAT_NAME_BYTES]; /* padded with zeroes */
    uint64_t offset, length, checksum;
};

/* --- writing --- */

struct format_writer;

/** Begins a file that will be `path`. NULL: `error` says why not. */
struct format_writer *format_create(const char *path, struct error *error);

/** Writes at a place in the file. Failures are kept, and told by format_finish(). */
void format_write_at(struct format_writer *writer, uint64_t offset, const void *from, size_t length);

/** Reads what was written. False: it cannot be. */
bool format_read_back(const struct format_writer *writer, uint64_t offset, void *to, size_t length);

/** Appends a section, behind the stored pages, whose room must be known: format_stored() comes before the first. */
void format_stored(struct format_writer *writer, uint64_t pages, uint64_t bytes, bool compressed);
void format_section(struct format_writer *writer, const char *name, const struct bytes *bytes);

/** Ends the file, brings it to the disk and gives it its name; `*identity` becomes its table's checksum. False: there
 * is no new file, and an old one is as it was. The writer is gone either way. */
bool format_finish(struct format_writer *writer, uint64_t *identity, struct error *error);
void format_abandon(struct format_writer *writer);

/* --- reading --- */

struct format_file {
    const char *path;
    int fd;
    struct format_header header;
    struct format_section *sections;
    uint8_t *mapping; /* of all of the file, copy on write */
};

/** Opens a file and checks header and table: all offsets are within the file. */
bool format_open(struct format_file *file, const char *path, struct error *error);
void format_close(struct format_file *file);

/** A section by its name, its checksum being right. False: it is not there or damaged, and `error` says so. */
bool format_find(const struct format_file *file, const char *name, struct reader *reader, struct error *error);
/** As format_find(), whether its checksum is right or not. */
bool format_locate(const struct format_file *file, const char *name, struct reader *reader, struct error *error);
bool format_has(const struct format_file *file, const char *name);
bool format_read(const struct format_file *file, const struct format_section *section, struct reader *reader,
                 struct error *error);

#endif
