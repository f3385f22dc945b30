/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Several disks as one: in turn (a stripe), or each with all of it (a mirror). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "peripherals/disk/disk_open.h"

struct several {
    struct disk disk;
    struct disk *parts[DISK_PARTS_MAX]; /* of a mirror, NULL: left out */
    char *names[DISK_PARTS_MAX];        /* of a mirror */
    unsigned count;
};

static struct several *make(struct disk **parts, unsigned count, const struct disk_ops *ops)
{
    struct several *several = host_alloc(1, sizeof *several);
    several->count = count;
    several->disk = (struct disk){.ops = ops, .size_bytes = UINT64_MAX};
    for (unsigned i = 0; i < count; i++) {
        several->parts[i] = parts[i];
        if (!parts[i])
            continue;
        several->disk.read_only |= parts[i]->read_only;
        if (parts[i]->size_bytes < several->disk.size_bytes)
            several->disk.size_bytes = parts[i]->size_bytes;
    }
    return several;
}

static void several_free(struct disk *disk)
{
    struct several *several = (struct several *)disk;
    for (unsigned i = 0; i < several->count; i++) {
        disk_free(several->parts[i]);
        free(several->names[i]);
    }
    free(several);
}

static int several_flush(struct disk *disk)
{
    struct several *several = (struct several *)disk;
    int result = 0;
    for (unsigned i = 0; i < several->count; i++) {
        int one = several->parts[i] ? several->parts[i]->ops->flush(several->parts[i]) : 0;
        result = result ? result : one;
    }
    return result;
}

static void several_expect_flush(struct disk *disk)
{
    struct several *several = (struct several *)disk;
    for (unsigned i = 0; i < several->count; i++)
        if (several->parts[i] && several->parts[i]->ops->expect_flush)
            several->parts[i]->ops->expect_flush(several->parts[i]);
}

/* By which it is known again: what each part is known by, mixed. */
static bool several_identify(struct disk *disk, struct medium_identity *identity, struct error *error)
{
    struct several *several = (struct several *)disk;
    *identity = (struct medium_identity){.size_bytes = disk->size_bytes, .head_hash = FIELDS_HASH_SEED};
    for (unsigned i = 0; i < several->count; i++) {
        struct medium_identity one = {0};
        if (several->parts[i] && !several->parts[i]->ops->identify(several->parts[i], &one, error))
            return false;
        identity->head_hash = hash_bytes(&one.head_hash, sizeof one.head_hash, identity->head_hash);
        if (one.modified_ns > identity->modified_ns)
            identity->modified_ns = one.modified_ns;
    }
    return true;
}

/* --- a stripe --- */

/* What is done with a range of one part: a row of the vector, or none. */
typedef int part_operation(struct disk *part, uint64_t offset, uint64_t length, const struct iovec *iov, int count,
                           bool flag);

/* Cuts a request into what lies on each part in a row. */
static int each_stripe(struct disk *disk, uint64_t offset, uint64_t length, const struct iovec *iov, int count,
                       bool flag, part_operation *operation)
{
    struct several *several = (struct several *)disk;
    struct iovec *pieces = malloc((size_t)(count + 1) * sizeof *pieces);
    size_t skip = 0;
    int result = pieces ? 0 : ENOMEM;
    while (length > 0 && !result) {
        uint64_t stripe = offset / DISK_STRIPE_BYTES, within = offset % DISK_STRIPE_BYTES;
        uint64_t left = DISK_STRIPE_BYTES - within < length ? DISK_STRIPE_BYTES - within : length;
        int used = 0;
        for (uint64_t wanted = count ? left : 0; wanted > 0;) {
            size_t piece = iov->iov_len - skip < wanted ? iov->iov_len - skip : wanted;
            pieces[used++] = (struct iovec){(uint8_t *)iov->iov_base + skip, piece};
            wanted -= piece;
            skip += piece;
            if (skip == iov->iov_len) {
                iov++;
                skip = 0;
            }
        }
        result = operation(several->parts[stripe % several->count],
                           stripe / several->count * DISK_STRIPE_BYTES + within, left, pieces, used, flag);
        offset += left;
        length -= left;
    }
    free(pieces);
    return result;
}

static int part_read(struct disk *part, uint64_t offset, uint64_t length, const struct iovec *iov, int count, bool flag)
{
    return part->ops->read(part, offset, iov, count);
}

static int part_write(struct disk *part, uint64_t offset, uint64_t length, const struct iovec *iov, int count,
                      bool flag)
{
    return part->ops->write(part, offset, iov, count);
}

static int part_discard(struct disk *part, uint64_t offset, uint64_t length, const struct iovec *iov, int count,
                        bool flag)
{
    return part->ops->discard(part, offset, length);
}

static int part_zero(struct disk *part, uint64_t offset, uint64_t length, const struct iovec *iov, int count,
                     bool unmap)
{
    return part->ops->write_zeroes(part, offset, length, unmap);
}

static uint64_t total(const struct iovec *iov, int count)
{
    uint64_t length = 0;
    for (int i = 0; i < count; i++)
        length += iov[i].iov_len;
    return length;
}

static int stripe_read(struct disk *disk, uint64_t offset, const struct iovec *iov, int count)
{
    return each_stripe(disk, offset, total(iov, count), iov, count, false, part_read);
}

static int stripe_write(struct disk *disk, uint64_t offset, const struct iovec *iov, int count)
{
    return each_stripe(disk, offset, total(iov, count), iov, count, false, part_write);
}

static int stripe_discard(struct disk *disk, uint64_t offset, uint64_t length)
{
    return each_stripe(disk, offset, length, NULL, 0, false, part_discard);
}

static int stripe_write_zeroes(struct disk *disk, uint64_t offset, uint64_t length, bool unmap)
{
    return each_stripe(disk, offset, length, NULL, 0, unmap, part_zero);
}

static const struct disk_ops stripe_ops = {
    .read = stripe_read,
    .write = stripe_write,
    .flush = several_flush,
    .discard = stripe_discard,
    .write_zeroes = stripe_write_zeroes,
    .expect_flush = several_expect_flush,
    .identify = several_identify,
    .free = several_free,
};

struct disk *disk_stripe_create(struct disk **parts, unsigned count, struct error *error)
{
    struct several *several = make(parts, count, &stripe_ops);
    several->disk.size_bytes = several->disk.size_bytes / DISK_STRIPE_BYTES * DISK_STRIPE_BYTES * count;
    if (several->disk.size_bytes)
        return &several->disk;
    error_set(error, "stripe: each image must have at least %u bytes", DISK_STRIPE_BYTES);
    several_free(&several->disk);
    return NULL;
}

/* --- a mirror --- */

static char *lost_name(const char *good)
{
    char *name;
    return asprintf(&name, "%s.mirror-lost", good) < 0 ? NULL : name;
}

bool disk_mirror_lost(const char *good, const char *name)
{
    char *path = lost_name(good), line[4096];
    FILE *file = path ? fopen(path, "re") : NULL;
    bool lost = false;
    while (file && !lost && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        lost = !strcmp(line, name);
    }
    if (file)
        fclose(file);
    free(path);
    return lost;
}

/* Beside each part that goes on, as the lost one may not be written. */
static void write_down(const struct several *several, unsigned lost)
{
    for (unsigned i = 0; i < several->count; i++) {
        if (!several->parts[i] || disk_mirror_lost(several->names[i], several->names[lost]))
            continue;
        char *path = lost_name(several->names[i]);
        FILE *file = path ? fopen(path, "ae") : NULL;
        bool written = file && fprintf(file, "%s\n", several->names[lost]) > 0;
        if (file)
            written = fclose(file) == 0 && written;
        if (!written)
            fprintf(stderr, "armature: mirror: %s cannot be written; do not use %s again without copying\n",
                    path ? path : several->names[i], several->names[lost]);
        free(path);
    }
}

static unsigned parts_left(const struct several *several)
{
    unsigned left = 0;
    for (unsigned i = 0; i < several->count; i++)
        left += several->parts[i] != NULL;
    return left;
}

/* A part has failed. The last one stays: its errors are the guest's. */
static int lose(struct several *several, unsigned part, int reason)
{
    if (parts_left(several) == 1)
        return reason;
    fprintf(stderr,
            "armature: mirror: %s failed (%s); it goes on without it. When that is put right, copy a good half over "
            "it, and remove the .mirror-lost file beside that\n",
            several->names[part], strerror(reason));
    disk_free(several->parts[part]);
    several->parts[part] = NULL;
    if (!several->disk.read_only)
        write_down(several, part);
    return 0;
}

static int mirror_read(struct disk *disk, uint64_t offset, const struct iovec *iov, int count)
{
    struct several *several = (struct several *)disk;
    for (unsigned i = 0; i < several->count; i++) {
        if (!several->parts[i])
            continue;
        int result = several->parts[i]->ops->read(several->parts[i], offset, iov, count);
        if (result == 0)
            return 0;
        result = lose(several, i, result);
        if (result)
            return result;
    }
    return EIO;
}

static int each_part(struct disk *disk, uint64_t offset, uint64_t length, const struct iovec *iov, int count, bool flag,
                     part_operation *operation)
{
    struct several *several = (struct several *)disk;
    int results[DISK_PARTS_MAX] = {0}, result = 0;
    unsigned good = 0;
    for (unsigned i = 0; i < several->count; i++)
        if (several->parts[i]) {
            results[i] = operation(several->parts[i], offset, length, iov, count, flag);
            good += results[i] == 0;
        }
    /* Where all fail alike (a full host disk), none is worse than the others. */
    for (unsigned i = 0; i < several->count; i++)
        if (results[i])
            result = good ? lose(several, i, results[i]) : results[i];
    return result;
}

static int mirror_write(struct disk *disk, uint64_t offset, const struct iovec *iov, int count)
{
    return each_part(disk, offset, 0, iov, count, false, part_write);
}

static int mirror_discard(struct disk *disk, uint64_t offset, uint64_t length)
{
    /* What a discarded range reads as is each part's own affair, but a mirror's parts have to agree. */
    return each_part(disk, offset, length, NULL, 0, true, part_zero);
}

static int mirror_write_zeroes(struct disk *disk, uint64_t offset, uint64_t length, bool unmap)
{
    return each_part(disk, offset, length, NULL, 0, unmap, part_zero);
}

static int part_flush(struct disk *part, uint64_t offset, uint64_t length, const struct iovec *iov, int count,
                      bool flag)
{
    return part->ops->flush(part);
}

static int mirror_flush(struct disk *disk)
{
    return each_part(disk, 0, 0, NULL, 0, false, part_flush);
}

static const struct disk_ops mirror_ops = {
    .read = mirror_read,
    .write = mirror_write,
    .flush = mirror_flush,
    .discard = mirror_discard,
    .write_zeroes = mirror_write_zeroes,
    .expect_flush = several_expect_flush,
    .identify = several_identify,
    .free = several_free,
};

struct disk *disk_mirror_create(struct disk **parts, const char *const *names, unsigned count, struct error *error)
{
    struct several *several = make(parts, count, &mirror_ops);
    bool same = true;
    for (unsigned i = 0; i < count; i++) {
        several->names[i] = strdup(names[i]);
        if (!several->names[i])
            abort();
        same = same && (!parts[i] || parts[i]->size_bytes == several->disk.size_bytes);
    }
    if (!same) {
        error_set(error, "mirror: the images are not all of the same size");
        several_free(&several->disk);
        return NULL;
    }
    for (unsigned i = 0; i < count && !several->disk.read_only; i++)
        if (!parts[i])
            write_down(several, i);
    return &several->disk;
}
