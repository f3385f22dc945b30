/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Locks: one open description a file for all of the guest, and a list of who has what. */
#include "hostcall/share/locks.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include "machine/contract/error.h"

static struct locked_file *find(const struct locks *locks, const struct share_identity *identity)
{
    struct locked_file *file = locks->files;
    while (file && !share_identity_same(&file->identity, identity))
        file = file->next;
    return file;
}

/* As much access as there is: a lock needs the same as what it guards. */
static int open_for_locks(int fd)
{
    int opened = host_reopen(fd, O_RDWR);
    if (opened < 0)
        opened = host_reopen(fd, O_RDONLY);
    return opened < 0 ? host_reopen(fd, O_WRONLY) : opened;
}

static struct locked_file *make(struct locks *locks, int fd, const struct share_identity *identity, int *wrong)
{
    struct locked_file *file = find(locks, identity);
    if (file)
        return file;
    *wrong = open_for_locks(fd);
    if (*wrong < 0)
        return NULL;
    file = host_alloc(1, sizeof *file);
    *file = (struct locked_file){.next = locks->files, .identity = *identity, .fd = *wrong};
    return locks->files = file;
}

/* Without locks it need not be open. */
static void tidy(struct locks *locks, struct locked_file *file)
{
    if (file->count)
        return;
    struct locked_file **place = &locks->files;
    while (*place != file)
        place = &(*place)->next;
    *place = file->next;
    close(file->fd);
    free(file->locks);
    free(file);
}

static void add(struct locks *locks, struct locked_file *file, const struct lock *lock)
{
    file->locks = host_realloc(file->locks, file->count + 1, sizeof *file->locks);
    file->locks[file->count++] = *lock;
    locks->count++;
}

static void remove_at(struct locks *locks, struct locked_file *file, unsigned index)
{
    file->locks[index] = file->locks[--file->count];
    locks->count--;
}

/* Takes a range from all that a process has. */
static void cut(struct locks *locks, struct locked_file *file, uint32_t process, uint64_t first, uint64_t last)
{
    for (unsigned i = 0; i < file->count;) {
        struct lock lock = file->locks[i];
        if (lock.process != process || lock.last < first || lock.first > last) {
            i++;
            continue;
        }
        remove_at(locks, file, i);
        struct lock before = lock, after = lock;
        before.last = first - 1;
        after.first = last + 1;
        if (lock.first < first)
            add(locks, file, &before);
        if (lock.last > last)
            add(locks, file, &after);
    }
}

static int set_host(int fd, short type, uint64_t first, uint64_t last)
{
    struct flock lock = {
        .l_type = type,
        .l_whence = SEEK_SET,
        .l_start = (off_t)first,
        .l_len = last == INT64_MAX ? 0 : (off_t)(last - first + 1),
    };
    int result;
    do
        result = fcntl(fd, F_OFD_SETLK, &lock);
    while (result && errno == EINTR);
    return result ? -errno : 0;
}

/* What all processes together want at `at`, and up to where that is so. */
static short wanted_at(const struct locked_file *file, uint64_t at, uint64_t *last)
{
    short type = F_UNLCK;
    for (unsigned i = 0; i < file->count; i++) {
        const struct lock *lock = &file->locks[i];
        if (lock->first > at && lock->first - 1 < *last)
            *last = lock->first - 1;
        if (lock->first > at || lock->last < at)
            continue;
        if (lock->last < *last)
            *last = lock->last;
        if (type != F_WRLCK)
            type = lock->type;
    }
    return type;
}

/* Has the host's lock be what is still wanted of a range. */
static void settle(const struct locked_file *file, uint64_t first, uint64_t last)
{
    for (uint64_t at = first, end; at <= last && at >= first; at = end + 1) {
        end = last;
        short type = wanted_at(file, at, &end);
        set_host(file->fd, type, at, end);
        if (end == UINT64_MAX)
            break;
    }
}

int locks_set(struct locks *locks, int fd, const struct share_identity *identity, const struct lock *wanted)
{
    int wrong = 0;
    struct locked_file *file;
    if (wanted->type == F_UNLCK) {
        file = find(locks, identity);
        if (file) {
            cut(locks, file, wanted->process, wanted->first, wanted->last);
            settle(file, wanted->first, wanted->last);
            tidy(locks, file);
        }
        return 0;
    }
    if (locks->count >= LOCKS_MAX)
        return -ENOLCK;
    file = make(locks, fd, identity, &wrong);
    if (!file)
        return wrong;
    wrong = set_host(file->fd, wanted->type, wanted->first, wanted->last);
    if (!wrong) {
        cut(locks, file, wanted->process, wanted->first, wanted->last);
        add(locks, file, wanted);
    }
    tidy(locks, file);
    return wrong == -EACCES ? -EAGAIN : wrong;
}

int locks_test(struct locks *locks, int fd, const struct share_identity *identity, const struct lock *wanted,
               struct flock *found)
{
    int wrong = 0;
    struct locked_file *file = make(locks, fd, identity, &wrong);
    if (!file)
        return wrong;
    *found = (struct flock){
        .l_type = wanted->type,
        .l_whence = SEEK_SET,
        .l_start = (off_t)wanted->first,
        .l_len = wanted->last == INT64_MAX ? 0 : (off_t)(wanted->last - wanted->first + 1),
    };
    wrong = fcntl(file->fd, F_OFD_GETLK, found) ? -errno : 0;
    tidy(locks, file);
    return wrong;
}

void locks_drop(struct locks *locks, const struct share_identity *identity, uint32_t fid)
{
    struct locked_file *file = find(locks, identity);
    if (!file)
        return;
    bool any = false;
    for (unsigned i = 0; i < file->count;)
        if (file->locks[i].fid == fid) {
            remove_at(locks, file, i);
            any = true;
        } else {
            i++;
        }
    if (any)
        settle(file, 0, INT64_MAX);
    tidy(locks, file);
}

void locks_clear(struct locks *locks)
{
    while (locks->files) {
        locks->count -= locks->files->count;
        locks->files->count = 0;
        tidy(locks, locks->files);
    }
}
