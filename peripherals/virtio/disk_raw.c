/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A disk in a raw image file or a host block device.
 *
 * Reads and writes go through the host's page cache, at the moment the guest sees their end. Flushes are what
 * takes long: a helper thread starts them when they are announced, and counts of writes tell whether one that
 * has ended covers what must be covered:  written 7, synced 7: nothing to wait for;  written 8, syncing since
 * 8: wait for it; written 9, syncing since 8: wait, then sync again. */
#include "peripherals/virtio/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- state --- */

struct disk_raw {
    struct disk disk;
    int fd;
    pthread_t syncer;
    bool syncer_runs;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed;
    uint64_t written;  /* changes so far */
    uint64_t wanted;   /* the helper shall sync up to this many changes */
    uint64_t synced;   /* changes known to be on stable storage */
    uint64_t attempts; /* syncs that have ended, well or not */
    int sync_errno;    /* of one that failed, until a flush has reported it: the host says it once only */
    bool stop;
};

/* --- reading and writing --- */

enum transfer { TRANSFER_READ, TRANSFER_WRITE };

/* All of a vector, however short the pieces are that the host hands out. */
static int transfer_all(int fd, enum transfer transfer, uint64_t offset, const struct iovec *iov, int count)
{
    size_t skip = 0;

    while (count > 0) {
        ssize_t done;
        if (skip == 0) {
            done =
                transfer == TRANSFER_READ ? preadv(fd, iov, count, offset) : pwritev(fd, iov, count, offset);
        } else {
            void *base = (uint8_t *)iov->iov_base + skip;
            size_t length = iov->iov_len - skip;
            done = transfer == TRANSFER_READ ? pread(fd, base, length, offset)
                                             : pwrite(fd, base, length, offset);
        }
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return errno;
        if (done == 0) /* the file was cut short behind our back, or takes no more */
            return transfer == TRANSFER_READ ? EIO : ENOSPC;
        offset += done;
        skip += done;
        while (count > 0 && skip >= iov->iov_len) {
            skip -= iov->iov_len;
            iov++;
            count--;
        }
    }
    return 0;
}

static void count_change(struct disk_raw *raw)
{
    pthread_mutex_lock(&raw->lock);
    raw->written++;
    pthread_mutex_unlock(&raw->lock);
}

static int raw_read(struct disk *disk, uint64_t offset, const struct iovec *iov, int count)
{
    return transfer_all(((struct disk_raw *)disk)->fd, TRANSFER_READ, offset, iov, count);
}

static int raw_write(struct disk *disk, uint64_t offset, const struct iovec *iov, int count)
{
    struct disk_raw *raw = (struct disk_raw *)disk;
    int result = transfer_all(raw->fd, TRANSFER_WRITE, offset, iov, count);
    count_change(raw);
    return result;
}

/* --- giving up and zeroing ranges --- */

static int range_operation(struct disk_raw *raw, int mode, uint64_t offset, uint64_t length)
{
    int result;
    do
        result = fallocate(raw->fd, mode | FALLOC_FL_KEEP_SIZE, offset, length) ? errno : 0;
    while (result == EINTR);
    count_change(raw);
    return result;
}

static bool not_supported(int result)
{
    return result == EOPNOTSUPP || result == ENOSYS || result == ENODEV || result == EINVAL;
}

static int raw_discard(struct disk *disk, uint64_t offset, uint64_t length)
{
    int result = range_operation((struct disk_raw *)disk, FALLOC_FL_PUNCH_HOLE, offset, length);
    return not_supported(result) ? 0 : result;
}

static int raw_write_zeroes(struct disk *disk, uint64_t offset, uint64_t length, bool unmap)
{
    static const uint8_t zeroes[65536];
    struct disk_raw *raw = (struct disk_raw *)disk;
    int result = EOPNOTSUPP;

    if (unmap)
        result = range_operation(raw, FALLOC_FL_PUNCH_HOLE, offset, length);
    if (not_supported(result))
        result = range_operation(raw, FALLOC_FL_ZERO_RANGE, offset, length);
    if (!not_supported(result))
        return result;
    result = 0;
    while (length > 0 && result == 0) {
        struct iovec piece = {(void *)zeroes, length < sizeof zeroes ? length : sizeof zeroes};
        result = raw_write(disk, offset, &piece, 1);
        offset += piece.iov_len;
        length -= piece.iov_len;
    }
    return result;
}

/* --- flushing --- */

static void *sync_loop(void *argument)
{
    struct disk_raw *raw = argument;

    pthread_mutex_lock(&raw->lock);
    while (!raw->stop) {
        if (raw->wanted <= raw->synced) {
            pthread_cond_wait(&raw->changed, &raw->lock);
            continue;
        }
        uint64_t covered = raw->written;
        pthread_mutex_unlock(&raw->lock);
        int result = fdatasync(raw->fd) ? errno : 0;
        pthread_mutex_lock(&raw->lock);
        raw->attempts++;
        if (result == 0) {
            raw->synced = covered;
        } else {
            raw->sync_errno = result;
            raw->wanted = raw->synced; /* not again unless asked */
        }
        pthread_cond_broadcast(&raw->changed);
    }
    pthread_mutex_unlock(&raw->lock);
    return NULL;
}

/* With the lock held. False: no helper thread is to be had. */
static bool ask_for_sync(struct disk_raw *raw)
{
    if (!raw->syncer_runs && pthread_create(&raw->syncer, NULL, sync_loop, raw) != 0)
        return false;
    raw->syncer_runs = true;
    raw->wanted = raw->written;
    pthread_cond_broadcast(&raw->changed);
    return true;
}

static void raw_expect_flush(struct disk *disk)
{
    struct disk_raw *raw = (struct disk_raw *)disk;
    pthread_mutex_lock(&raw->lock);
    if (raw->synced < raw->written)
        ask_for_sync(raw);
    pthread_mutex_unlock(&raw->lock);
}

static int raw_flush(struct disk *disk)
{
    struct disk_raw *raw = (struct disk_raw *)disk;
    int result;

    pthread_mutex_lock(&raw->lock);
    while (raw->synced < raw->written && !raw->sync_errno) {
        uint64_t attempts = raw->attempts;
        if (ask_for_sync(raw)) {
            while (raw->attempts == attempts)
                pthread_cond_wait(&raw->changed, &raw->lock);
        } else if (fdatasync(raw->fd) == 0) {
            raw->synced = raw->written;
        } else {
            raw->sync_errno = errno;
        }
    }
    result = raw->sync_errno;
    raw->sync_errno = 0;
    pthread_mutex_unlock(&raw->lock);
    return result;
}

static void raw_expect_read(struct disk *disk, uint64_t offset, uint64_t length)
{
    posix_fadvise(((struct disk_raw *)disk)->fd, offset, length, POSIX_FADV_WILLNEED);
}

static uint64_t raw_next_data(struct disk *disk, uint64_t offset)
{
    off_t next = lseek(((struct disk_raw *)disk)->fd, (off_t)offset, SEEK_DATA);
    if (next >= 0)
        return (uint64_t)next / DISK_SECTOR_BYTES * DISK_SECTOR_BYTES;
    return errno == ENXIO ? disk->size_bytes : offset;
}

static bool raw_identify(struct disk *disk, struct medium_identity *identity, struct error *error)
{
    struct disk_raw *raw = (struct disk_raw *)disk;
    uint8_t *head = host_alloc(1, MEDIUM_HEAD_BYTES);
    size_t length = disk->size_bytes < MEDIUM_HEAD_BYTES ? disk->size_bytes : MEDIUM_HEAD_BYTES;
    struct iovec piece = {head, length};
    struct stat status;
    int failure = disk->read_only ? 0 : raw_flush(disk);

    if (!failure)
        failure = transfer_all(raw->fd, TRANSFER_READ, 0, &piece, 1);
    if (!failure && fstat(raw->fd, &status) != 0)
        failure = errno;
    if (!failure)
        *identity = (struct medium_identity){
            .size_bytes = disk->size_bytes,
            .head_hash = hash_bytes(head, length, FIELDS_HASH_SEED),
            .modified_ns = (uint64_t)status.st_mtim.tv_sec * 1000000000 + (uint64_t)status.st_mtim.tv_nsec,
        };
    free(head);
    return !failure || error_set(error, "disk image: cannot be looked at: %s", strerror(failure));
}

static void raw_free(struct disk *disk)
{
    struct disk_raw *raw = (struct disk_raw *)disk;

    if (raw->syncer_runs) {
        pthread_mutex_lock(&raw->lock);
        raw->stop = true;
        pthread_cond_broadcast(&raw->changed);
        pthread_mutex_unlock(&raw->lock);
        pthread_join(raw->syncer, NULL);
    }
    close(raw->fd); /* and with it goes the lock */
    pthread_cond_destroy(&raw->changed);
    pthread_mutex_destroy(&raw->lock);
    free(raw);
}

static const struct disk_ops raw_ops = {
    .read = raw_read,
    .write = raw_write,
    .flush = raw_flush,
    .discard = raw_discard,
    .write_zeroes = raw_write_zeroes,
    .expect_read = raw_expect_read,
    .expect_flush = raw_expect_flush,
    .next_data = raw_next_data,
    .identify = raw_identify,
    .free = raw_free,
};

/* --- opening --- */

static bool open_checked(const char *path, bool read_only, int *fd, struct error *error)
{
    /* O_NONBLOCK: a FIFO must not hold us up before we can see that it is one. */
    *fd = open(path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK);
    if (*fd >= 0)
        return true;
    switch (errno) {
    case ENOENT:
        return error_set(error, "%s: no such disk image; make one with: truncate -s 4G %s", path, path);
    case EISDIR: return error_set(error, "%s: a directory, where a disk image was expected", path);
    case EACCES:
    case EPERM:
    case EROFS:
        if (!read_only && access(path, R_OK) == 0)
            return error_set(error, "%s: disk image is not writable; make it so, or attach it with ,ro",
                             path);
        return error_set(error, "%s: no permission to read this disk image", path);
    default: return error_set(error, "%s: cannot open disk image: %s", path, strerror(errno));
    }
}

/* What a file is to be: all of it a disk's content, or a container of a format. */
enum content { CONTENT_SECTORS, CONTENT_FORMAT };

static bool measure(const char *path, int fd, enum content content, uint64_t *size, struct error *error)
{
    struct stat status;

    if (fstat(fd, &status) != 0)
        return error_set(error, "%s: cannot examine disk image: %s", path, strerror(errno));
    if (S_ISDIR(status.st_mode))
        return error_set(error, "%s: a directory, where a disk image was expected", path);
    if (S_ISREG(status.st_mode))
        *size = status.st_size;
    else if (!S_ISBLK(status.st_mode))
        return error_set(error, "%s: neither a file nor a block device, so it cannot be a disk", path);
    else if (ioctl(fd, BLKGETSIZE64, size) != 0)
        return error_set(error, "%s: cannot find out the size of the block device: %s", path,
                         strerror(errno));
    if (*size == 0)
        return error_set(error, "%s: disk image is empty; give it a size with: truncate -s 4G %s", path,
                         path);
    if (*size % DISK_SECTOR_BYTES && content == CONTENT_SECTORS)
        return error_set(
            error,
            "%s: %llu bytes is not a whole number of 512-byte sectors; this is no raw disk image, or it "
            "was cut short",
            path, (unsigned long long)*size);
    return true;
}

/* Locks of the open file description: they hold between two disks of one process too, and end with the
 * process. */
static bool lock_image(const char *path, int fd, bool read_only, struct error *error)
{
    struct flock lock = {.l_type = read_only ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET};

    if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
        return true;
    if (errno == EAGAIN || errno == EACCES)
        return error_set(
            error,
            "%s: disk image is in use by another running machine; stop that one, use a copy, or attach "
            "it with ,ro in both",
            path);
    return error_set(error, "%s: cannot lock disk image: %s", path, strerror(errno));
}

static struct disk *open_content(const char *path, enum content content, bool read_only, struct error *error)
{
    uint64_t size = 0;
    int fd;

    if (!open_checked(path, read_only, &fd, error))
        return NULL;
    struct disk_raw *raw = NULL;
    if (measure(path, fd, content, &size, error) && lock_image(path, fd, read_only, error)) {
        raw = calloc(1, sizeof *raw);
        if (!raw)
            error_set(error, "%s: not enough host memory to open the disk image", path);
    }
    if (!raw) {
        close(fd);
        return NULL;
    }
    raw->disk = (struct disk){.ops = &raw_ops, .size_bytes = size, .read_only = read_only};
    raw->fd = fd;
    pthread_mutex_init(&raw->lock, NULL);
    pthread_cond_init(&raw->changed, NULL);
    return &raw->disk;
}

struct disk *disk_raw_open(const char *path, bool read_only, struct error *error)
{
    return open_content(path, CONTENT_SECTORS, read_only, error);
}

struct disk *disk_container_open(const char *path, bool read_only, struct error *error)
{
    return open_content(path, CONTENT_FORMAT, read_only, error);
}
