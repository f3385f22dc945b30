/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading whole files from the host. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "machine/contract/fields.h"
#include "machine/file.h"

#define TOO_LARGE "%s %s: larger than the %zu bytes there is room for; %s"

static bool read_all(int fd, struct file *file, const char *what, size_t limit_bytes, const char *way_out,
                     size_t expected, struct error *error)
{
    size_t capacity = expected + 1; /* one more, to see the end without growing */
    uint8_t *bytes = malloc(capacity);
    size_t length = 0;
    while (bytes) {
        ssize_t got = read(fd, bytes + length, capacity - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            free(bytes);
            return error_set(error, "%s %s: cannot be read: %s", what, file->name, strerror(errno));
        }
        length += (size_t)got;
        if (length > limit_bytes) {
            free(bytes);
            return error_set(error, TOO_LARGE, what, file->name, limit_bytes, way_out);
        }
        if (got == 0) {
            file->bytes = bytes;
            file->length = length;
            return true;
        }
        if (length == capacity) {
            uint8_t *larger = realloc(bytes, capacity *= 2);
            if (!larger)
                free(bytes);
            bytes = larger;
        }
    }
    return error_set(error, "%s %s: no memory on the host to read it; free some", what, file->name);
}

bool file_read(struct file *file, const char *what, const char *path, size_t limit_bytes, const char *way_out,
               struct error *error)
{
    struct stat status;
    *file = (struct file){.name = path};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set(error, "%s %s: %s; give the path of a file that can be read", what, path,
                         strerror(errno));
    bool done;
    if (fstat(fd, &status) < 0)
        done = error_set(error, "%s %s: %s", what, path, strerror(errno));
    else if (S_ISDIR(status.st_mode))
        done = error_set(error, "%s %s: is a directory; give the path of a file", what, path);
    else if (S_ISREG(status.st_mode) && (uint64_t)status.st_size > limit_bytes)
        done = error_set(error, TOO_LARGE, what, path, limit_bytes, way_out);
    else
        done = read_all(fd, file, what, limit_bytes, way_out,
                        S_ISREG(status.st_mode) ? (size_t)status.st_size : 1 << 16, error);
    close(fd);
    return done;
}

bool file_hash(const char *what, const char *path, uint64_t *size_bytes, uint64_t *hash, struct error *error)
{
    static uint8_t piece[1 << 16];
    size_t used = 0;
    ssize_t got = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set(error, "%s %s: %s; give the path of a file that can be read", what, path, strerror(errno));
    *size_bytes = 0;
    *hash = FIELDS_HASH_SEED;
    do {
        got = read(fd, piece + used, sizeof piece - used);
        if (got < 0 && errno == EINTR)
            continue;
        used += got > 0 ? (size_t)got : 0;
        if (used < sizeof piece && got > 0)
            continue; /* pieces are whole, however the host cuts them */
        *hash = hash_bytes(piece, used, *hash);
        *size_bytes += used;
        used = 0;
    } while (got > 0 || (got < 0 && errno == EINTR));
    if (got < 0)
        error_set(error, "%s %s: cannot be read: %s", what, path, strerror(errno));
    close(fd);
    return got == 0;
}

void file_free(struct file *file)
{
    free(file->bytes);
    file->bytes = NULL;
    file->length = 0;
}

bool file_write(const char *what, const char *path, const void *bytes, size_t length, struct error *error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return error_set(error, "%s %s: cannot be made: %s", what, path, strerror(errno));
    const uint8_t *from = bytes;
    size_t written = 0;
    while (written < length) {
        ssize_t put = write(fd, from + written, length - written);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            break;
        written += (size_t)put;
    }
    int failure = errno;
    bool closed = close(fd) == 0;
    if (written < length || !closed) {
        if (closed)
            errno = failure;
        error_set(error, "%s %s: cannot be written: %s", what, path, strerror(errno));
        unlink(path);
        return false;
    }
    return true;
}
