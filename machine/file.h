/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading whole files from the host. */
#ifndef ARMATURE_FILE_H
#define ARMATURE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include "machine/contract/error.h"

/** The bytes of a file, and its name for messages. */
struct file {
    const char *name;
    uint8_t *bytes; /* malloc'd; NULL when empty */
    size_t length;
};

/** Reads the file at `path`, called `what` in messages ("kernel"). Fails where it cannot be read, is a
 *  directory, or is larger than `limit_bytes`; then `way_out` ends the message ("give more --memory"). */
bool file_read(struct file *file, const char *what, const char *path, size_t limit_bytes, const char *way_out,
               struct error *error);
void file_free(struct file *file);

/** The size of the file at `path` and a hash of its content, which is not kept. */
bool file_hash(const char *what, const char *path, uint64_t *size_bytes, uint64_t *hash, struct error *error);

/** Writes `length` bytes to `path`, made or emptied. */
bool file_write(const char *what, const char *path, const void *bytes, size_t length, struct error *error);

#endif
