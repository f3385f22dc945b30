/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copies disks. */
#include "peripherals/disk/disk_copy.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "peripherals/disk/qcow2.h"

#define COPY_BYTES (2u << 20) /* at a time: a multiple of every cluster size */
#define SPARSE_BYTES 4096u    /* zeroes of as many bytes are left out */

/* --- how far it is --- */

void disk_progress(void *what, unsigned permille)
{
    static unsigned last = 1001;
    if (!isatty(STDERR_FILENO) || permille == last)
        return;
    last = permille;
    fprintf(stderr, "\r%s: %3u.%u %%", (const char *)what, permille / 10, permille % 10);
    fflush(stderr);
}

void disk_progress_end(const char *what)
{
    disk_progress((void *)what, 1000);
    if (isatty(STDERR_FILENO))
        fputc('\n', stderr);
}

static bool all_zero(const uint8_t *bytes, size_t length)
{
    return length == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0);
}

/* --- copying --- */

/* Writes what is in `bytes`, or zeroes it, in pieces of `piece` bytes that are all zero or not. */
static int put_pieces(struct disk *to, uint64_t offset, const uint8_t *bytes, size_t length, size_t piece, bool fresh,
                      bool compress)
{
    int result = 0;
    while (length > 0 && !result) {
        size_t now = piece < length ? piece : length;
        bool zero = all_zero(bytes, now);
        while (now < length && all_zero(bytes + now, piece < length - now ? piece : length - now) == zero)
            now += piece < length - now ? piece : length - now;
        struct iovec iov = {(void *)bytes, now};
        if (!zero)
            result = compress ? qcow2_write_compressed(to, offset, bytes, now) : to->ops->write(to, offset, &iov, 1);
        else if (!fresh)
            result = to->ops->write_zeroes(to, offset, now, true);
        offset += now;
        bytes += now;
        length -= now;
    }
    return result;
}

static bool copied(int reading, int writing, const char *name, struct error *error)
{
    if (reading)
        return error_set(error, "%s: cannot be read: %s", name, strerror(reading));
    return !writing || error_set(error, "%s: the copy cannot be written: %s", name, strerror(writing));
}

bool disk_copy(struct disk *from, struct disk *to, bool fresh, unsigned cluster_bytes, bool compress, const char *name,
               struct error *error)
{
    uint8_t *bytes = host_alloc(1, COPY_BYTES);
    int reading = 0, writing = 0;
    for (uint64_t offset = 0; offset < from->size_bytes && !reading && !writing;) {
        uint64_t next = fresh && from->ops->next_data ? from->ops->next_data(from, offset) : offset;
        offset = next - next % COPY_BYTES > offset ? next - next % COPY_BYTES : offset;
        size_t length = from->size_bytes - offset < COPY_BYTES ? from->size_bytes - offset : COPY_BYTES;
        if (next == from->size_bytes)
            break;
        reading = from->ops->read(from, offset, &(struct iovec){bytes, length}, 1);
        if (!reading)
            writing = put_pieces(to, offset, bytes, length, compress ? cluster_bytes : SPARSE_BYTES, fresh, compress);
        offset += length;
        disk_progress((void *)name, (unsigned)((double)offset / (double)from->size_bytes * 1000));
    }
    if (!reading && !writing)
        writing = to->ops->flush(to);
    free(bytes);
    disk_progress_end(name);
    return copied(reading, writing, name, error);
}

bool disk_commit(struct disk *overlay, struct disk *base, const char *name, struct error *error)
{
    uint8_t *bytes = host_alloc(1, COPY_BYTES);
    int reading = 0, writing = 0;
    for (uint64_t offset = 0, run; offset < overlay->size_bytes && !reading && !writing; offset += run) {
        bool holds;
        reading = qcow2_holds(overlay, offset, &run, &holds);
        if (run > COPY_BYTES)
            run = COPY_BYTES;
        if (reading || !holds)
            continue;
        reading = overlay->ops->read(overlay, offset, &(struct iovec){bytes, run}, 1);
        if (!reading)
            writing = put_pieces(base, offset, bytes, run, SPARSE_BYTES, false, false);
        disk_progress((void *)name, (unsigned)((double)offset / (double)overlay->size_bytes * 1000));
    }
    if (!reading && !writing)
        writing = base->ops->flush(base);
    free(bytes);
    disk_progress_end(name);
    return copied(reading, writing, name, error);
}
