/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fids and what is done with an open one: walk, open, read, write, list, lock. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "hostcall/share/server.h"

/* --- fids --- */

struct fid *request_fid(struct request *request, unsigned index)
{
    return fids_find(&request->server->fids, (uint32_t)request->numbers[index]);
}

void note_fid(struct request *request, const struct fid *fid)
{
    journal_put_fid(&request->records, fid);
}

int server_child(struct server *server, int directory, const char *name)
{
    int fd = host_child(directory, name);
    if (fd != -EMFILE)
        return fd;
    /* The directory's own descriptor may be among those that are given up. */
    int again = host_again(directory);
    fids_shed(&server->fids);
    if (again < 0)
        return -EMFILE;
    fd = host_child(again, name);
    close(again);
    return fd;
}

int server_reopen(struct server *server, int fd, int flags)
{
    return host_reopen(fd, flags);
}

/* Finds the fid's file again. */
static int find_again(struct server *server, const struct fid *fid)
{
    struct share_identity identity;
    if (!fid->path)
        return -ESTALE;
    int fd = host_at(server->root, fid->path);
    if (fd == -EMFILE) {
        fids_shed(&server->fids);
        fd = host_at(server->root, fid->path);
    }
    if (fd < 0)
        return fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM ? fd : -ESTALE;
    if (!host_stat(fd, NULL, &identity) && share_identity_same(&identity, &fid->identity))
        return fd;
    close(fd);
    return -ESTALE;
}

int fid_descriptor(struct server *server, struct fid *fid)
{
    if (fid->fd >= 0)
        return fid->fd;
    if (fid->kind == FID_VALUE)
        return -ESTALE;
    int fd = find_again(server, fid);
    if (fd >= 0 && fid->kind == FID_OPEN) {
        int opened = host_reopen(fd, (int)fid->flags & ~O_TRUNC);
        close(fd);
        fd = opened;
        fid->position = 0;
    }
    return fid->fd = fd < 0 ? -1 : fd, fd;
}

int fid_opened(struct server *server, struct fid *fid)
{
    if (!fid || fid->kind != FID_OPEN)
        return -EBADF;
    return fid_descriptor(server, fid);
}

int fid_end(struct request *request, struct fid *fid)
{
    struct server *server = request->server;
    int result = fid->kind == FID_VALUE && fid->value.name ? value_set(server, fid) : 0;
    if (fid->kind == FID_OPEN)
        locks_drop(&server->locks, &fid->identity, fid->number);
    journal_put_drop(&request->records, fid->number);
    fids_drop(&server->fids, fid->number);
    return result;
}

int serve_clunk(struct request *request)
{
    struct fid *fid = request_fid(request, 0);
    return fid ? fid_end(request, fid) : EBADF;
}

/* --- walking --- */

int name_wrong(const char *name)
{
    if (!*name || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
        return EINVAL;
    return strlen(name) > 255 ? ENAMETOOLONG : 0;
}

int path_of_child(const char *path, const char *name, char child[SHARE_PATH_MAX])
{
    size_t length = strlen(path), more = strlen(name);
    if (length + more + 2 > SHARE_PATH_MAX)
        return ENAMETOOLONG;
    memcpy(child, path, length);
    if (length)
        child[length++] = '/';
    memcpy(child + length, name, more + 1);
    return 0;
}

/* One step from the file of `fd` at `path`, which becomes that of the next. Returns its descriptor or -errno. */
static int step(struct server *server, int fd, char path[SHARE_PATH_MAX], const char *name)
{
    if (!strcmp(name, "..")) { /* by the path, so that it never leads out; from the folder to itself */
        char *slash = strrchr(path, '/');
        *(slash ? slash : path) = 0;
        return host_at(server->root, path);
    }
    char child[SHARE_PATH_MAX];
    if (name_wrong(name))
        return -ENOENT;
    int result = path_of_child(path, name, child);
    if (result)
        return -result;
    int next = server_child(server, fd, name);
    if (next >= 0)
        strcpy(path, child);
    return next;
}

/* Walks as far as it goes, and puts a qid for each step. Returns the descriptor at the end of the whole walk, or
 * -errno;
 * `*steps` becomes how many there were. */
static int walk(struct request *request, int fd, char path[SHARE_PATH_MAX], struct share_identity *identity,
                unsigned *steps)
{
    struct server *server = request->server;
    struct statx attributes;
    int at = host_again(fd);
    for (*steps = 0; at >= 0 && *steps < request->text_count; ++*steps) {
        int next = step(server, at, path, request->texts[*steps]);
        int result = next < 0 ? next : guest_stat(server, next, &attributes, identity);
        close(at);
        if (result < 0 && next >= 0)
            close(next);
        if (result < 0)
            return result;
        put_qid(request, &attributes, identity);
        at = next;
    }
    return at;
}

int serve_walk(struct request *request)
{
    struct server *server = request->server;
    struct fid *fid = request_fid(request, 0);
    uint32_t number = (uint32_t)request->numbers[1];
    char path[SHARE_PATH_MAX];
    unsigned steps;
    if (!fid || fid->kind == FID_VALUE)
        return EBADF;
    if (number == NO_FID || (number != fid->number && fids_find(&server->fids, number)))
        return EINVAL;
    if (!fid->path || (number == fid->number && fid->kind == FID_OPEN))
        return fid->path ? EINVAL : ESTALE;
    struct share_identity identity = fid->identity;
    uint32_t user = fid->user;
    uint8_t *count_at = request->reply.at;
    wire_put(&request->reply, 2, 0);
    int fd = fid_descriptor(server, fid);
    if (fd < 0)
        return -fd;
    int end = walk(request, fd, strcpy(path, fid->path), &identity, &steps);
    if (end < 0 && (steps == 0 || end == -EMFILE))
        return -end;
    if (request->reply.bad) {
        if (end >= 0)
            close(end);
        return ENOBUFS;
    }
    uint16_t count = (uint16_t)steps;
    memcpy(count_at, &count, sizeof count);
    if (end < 0)
        return 0; /* what was walked is told; there is no new fid */
    if (number == fid->number)
        fids_drop(&server->fids, number);
    fid = fids_add(&server->fids, number, user, path, &identity, end);
    if (!fid) {
        close(end);
        return ENFILE;
    }
    note_fid(request, fid);
    return 0;
}

/* --- opening --- */

#define OPEN_FLAGS (O_ACCMODE | O_TRUNC | O_APPEND | O_SYNC)

static void become_open(struct request *request, struct fid *fid, int opened, uint32_t flags)
{
    if (fid->fd >= 0)
        close(fid->fd);
    fid->fd = opened;
    fid->kind = FID_OPEN;
    fid->flags = flags & ~(uint32_t)O_TRUNC;
    fid->position = 0;
    note_fid(request, fid);
}

/* O_DIRECT and the like are the guest's own affair: here all goes through the host's cache. The numbers are Linux's on
 * either side. */
int serve_open(struct request *request)
{
    struct server *server = request->server;
    struct fid *fid = request_fid(request, 0);
    uint32_t flags = (uint32_t)request->numbers[1] & OPEN_FLAGS;
    struct share_identity identity;
    struct statx attributes;
    if (!fid)
        return EBADF;
    if (fid->kind != FID_NODE || (flags & O_ACCMODE) == O_ACCMODE)
        return EINVAL;
    if (server->config.read_only && ((flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC))
        return EROFS;
    int fd = fid_descriptor(server, fid);
    int result = fd < 0 ? fd : guest_stat(server, fd, &attributes, &identity);
    if (result < 0)
        return -result;
    if (!S_ISREG(attributes.stx_mode) && !S_ISDIR(attributes.stx_mode))
        return S_ISLNK(attributes.stx_mode) ? ELOOP : ENXIO;
    if (request->numbers[1] & O_DIRECTORY && !S_ISDIR(attributes.stx_mode))
        return ENOTDIR;
    int opened = server_reopen(server, fd, (int)flags);
    if (opened == -EMFILE) {
        int kept = host_again(fd);
        fids_shed(&server->fids);
        opened = kept < 0 ? -EMFILE : server_reopen(server, kept, (int)flags);
        if (kept >= 0)
            close(kept);
    }
    if (opened < 0)
        return -opened;
    become_open(request, fid, opened, flags);
    put_qid(request, &attributes, &identity);
    wire_put(&request->reply, 4, 0); /* iounit: what fits into a message */
    return 0;
}

/* Makes a file, or opens what came to be there meanwhile. Returns a descriptor or -errno. */
static int create(struct request *request, int fd, uint32_t flags, bool *new)
{
    struct server *server = request->server;
    const char *name = request->texts[0];
    mode_t mask = umask(0); /* the guest's was taken off */
    int opened = openat(fd, name, (int)(flags & OPEN_FLAGS) | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY,
                        host_mode(server, (uint32_t)request->numbers[2], false));
    int result = opened < 0 ? -errno : opened;
    umask(mask);
    *new = result >= 0;
    if (result != -EEXIST || flags & O_EXCL)
        return result;
    int child = server_child(server, fd, name);
    if (child < 0)
        return child;
    opened = host_reopen(child, (int)(flags & OPEN_FLAGS));
    close(child);
    return opened;
}

int serve_create(struct request *request)
{
    struct server *server = request->server;
    struct fid *fid = request_fid(request, 0);
    uint32_t flags = (uint32_t)request->numbers[1];
    char path[SHARE_PATH_MAX];
    struct share_identity identity;
    bool new;
    if (!fid)
        return EBADF;
    if (fid->kind != FID_NODE || (flags & O_ACCMODE) == O_ACCMODE)
        return EINVAL;
    int result = name_wrong(request->texts[0]);
    if (!result)
        result = fid->path ? path_of_child(fid->path, request->texts[0], path) : ESTALE;
    int fd = result ? -result : fid_descriptor(server, fid);
    int opened = fd < 0 ? fd : create(request, fd, flags, &new);
    if (opened < 0)
        return -opened;
    result = made(request, opened, new ? fid->user : NO_FID, (uint32_t)request->numbers[3],
                  new ? S_IFREG | ((uint32_t)request->numbers[2] & 07777) : 0, 0);
    if (!result)
        result = -host_stat(opened, NULL, &identity);
    if (result) {
        if (new)
            unlinkat(fd, request->texts[0], 0);
        close(opened);
        return result;
    }
    uint32_t user = fid->user, number = fid->number;
    fids_drop(&server->fids, number);
    fid = fids_add(&server->fids, number, user, path, &identity, -1);
    if (!fid) {
        close(opened);
        journal_put_drop(&request->records, number);
        return ENFILE;
    }
    become_open(request, fid, opened, flags & OPEN_FLAGS);
    wire_put(&request->reply, 4, 0);
    return 0;
}

/* --- content --- */

static size_t room_left(const struct request *request)
{
    return (size_t)(request->reply.end - request->reply.at);
}

static int read_value(struct request *request, const struct fid *fid, uint64_t offset, uint64_t count)
{
    if (fid->value.name || !fid->value.bytes)
        return fid->value.name ? EBADF : ESTALE;
    if (offset > fid->value.length)
        offset = fid->value.length;
    if (count > fid->value.length - offset)
        count = fid->value.length - offset;
    wire_put(&request->reply, 4, count);
    wire_put_bytes(&request->reply, fid->value.bytes + offset, count);
    return 0;
}

int serve_read(struct request *request)
{
    struct fid *fid = request_fid(request, 0);
    uint64_t offset = request->numbers[1], count = request->numbers[2];
    if (room_left(request) < 4)
        return ENOBUFS;
    if (count > room_left(request) - 4)
        count = room_left(request) - 4;
    if (fid && fid->kind == FID_VALUE)
        return read_value(request, fid, offset, count);
    int fd = fid_opened(request->server, fid);
    if (fd < 0)
        return -fd;
    ssize_t got;
    do
        got = pread(fd, request->reply.at + 4, count, (off_t)offset);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return errno;
    wire_put(&request->reply, 4, (uint64_t)got);
    wire_room(&request->reply, (size_t)got);
    return 0;
}

static int write_value(struct request *request, struct fid *fid, uint64_t offset)
{
    struct fid_value *value = &fid->value;
    if (!value->name)
        return value->bytes ? EBADF : ESTALE;
    if (offset != value->length || request->data_bytes > value->room - value->length)
        return ENOSPC;
    memcpy(value->bytes + offset, request->data, request->data_bytes);
    value->length += request->data_bytes;
    wire_put(&request->reply, 4, request->data_bytes);
    return 0;
}

int serve_write(struct request *request)
{
    struct fid *fid = request_fid(request, 0);
    uint64_t offset = request->numbers[1], done = 0;
    if (fid && fid->kind == FID_VALUE)
        return write_value(request, fid, offset);
    if (request->server->config.read_only)
        return EROFS;
    int fd = fid_opened(request->server, fid);
    if (fd < 0)
        return -fd;
    while (done < request->data_bytes) {
        ssize_t put = pwrite(fd, request->data + done, request->data_bytes - done, (off_t)(offset + done));
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0 && done == 0)
            return errno;
        if (put <= 0)
            break; /* what was written counts */
        done += (uint64_t)put;
    }
    wire_put(&request->reply, 4, done);
    return 0;
}

int serve_fsync(struct request *request)
{
    int fd = fid_opened(request->server, request_fid(request, 0));
    if (fd < 0)
        return -fd;
    return (request->numbers[1] ? fdatasync(fd) : fsync(fd)) ? errno : 0;
}

/* --- listing --- */

#define ENTRY_BYTES   (QID_BYTES + 8 + 1 + 2) /* and the name */
#define ENTRY_LONGEST (ENTRY_BYTES + 255)

/* Puts one entry: what is known of it without looking at it. False: it does not fit. */
static bool put_entry(struct request *request, const struct dirent64 *entry, const struct fid *fid)
{
    size_t length = strlen(entry->d_name);
    if (room_left(request) < ENTRY_BYTES + length)
        return false;
    struct statx attributes = {.stx_mode = (uint16_t)DTTOIF(entry->d_type)};
    struct share_identity identity = fid->identity;
    /* What lies above the folder is none of the guest's. */
    if (*fid->path || strcmp(entry->d_name, ".."))
        identity.inode = entry->d_ino;
    put_qid(request, &attributes, &identity);
    wire_put(&request->reply, 8, (uint64_t)entry->d_off);
    wire_put(&request->reply, 1, entry->d_type);
    wire_put_text(&request->reply, entry->d_name, length);
    return true;
}

/* Puts what the host lists at once. Returns how many entries there were, -1: enough, or -errno. */
static int put_some(struct request *request, struct fid *fid, int fd)
{
    char buffer[32768] __attribute__((aligned(8)));
    /* An entry here is at most a sixth longer than the host's, so that what is read fits. */
    size_t room = room_left(request) / 7 * 6;
    if (room > sizeof buffer)
        room = sizeof buffer;
    if (room < ENTRY_LONGEST)
        room = ENTRY_LONGEST;
    long got = syscall(SYS_getdents64, fd, buffer, room);
    if (got < 0)
        return -errno;
    int count = 0;
    for (long at = 0; at < got; count++) {
        const struct dirent64 *entry = (const void *)(buffer + at);
        if (!put_entry(request, entry, fid)) {
            fid->position = UINT64_MAX; /* further than what was told */
            return -1;
        }
        fid->position = (uint64_t)entry->d_off;
        at += entry->d_reclen;
    }
    return count;
}

int serve_readdir(struct request *request)
{
    struct fid *fid = request_fid(request, 0);
    uint64_t offset = request->numbers[1], count = request->numbers[2];
    int fd = fid_opened(request->server, fid);
    if (fd < 0)
        return -fd;
    if (!fid->path)
        return ESTALE;
    if (offset != fid->position) {
        if (lseek(fd, (off_t)offset, SEEK_SET) < 0)
            return errno;
        fid->position = offset;
    }
    uint8_t *count_at = request->reply.at;
    wire_put(&request->reply, 4, 0);
    if (room_left(request) > count)
        request->reply.end = request->reply.at + count;
    const uint8_t *first = request->reply.at;
    int some;
    do
        some = put_some(request, fid, fd);
    while (some > 0 && room_left(request) >= 2 * ENTRY_LONGEST);
    uint32_t length = (uint32_t)(request->reply.at - first);
    if (some < -1 && !length)
        return -some;
    if (some == -1 && !length)
        return EINVAL; /* no room for a single one */
    memcpy(count_at, &length, sizeof length);
    return 0;
}

/* --- locks --- */

enum lock_type { GUEST_READ, GUEST_WRITE, GUEST_UNLOCK };
enum lock_status { GUEST_LOCKED, GUEST_BLOCKED, GUEST_ERROR };

static const short host_types[] = {[GUEST_READ] = F_RDLCK, [GUEST_WRITE] = F_WRLCK, [GUEST_UNLOCK] = F_UNLCK};

/* The range and type of a request: arguments from `first` on are type, start, length and process. */
static bool lock_of(const struct fid *fid, uint64_t type, uint64_t start, uint64_t length, uint64_t process,
                    struct lock *lock)
{
    if (type > GUEST_UNLOCK || start > INT64_MAX || length > INT64_MAX)
        return false;
    *lock = (struct lock){fid->number, (uint32_t)process, host_types[type], start, start + length - 1};
    if (length == 0 || lock->last > INT64_MAX)
        lock->last = INT64_MAX;
    return true;
}

/* numbers: fid, type, flags, start, length, process. Where it would have to wait, the guest asks again. */
int serve_lock(struct request *request)
{
    const uint64_t *n = request->numbers;
    struct server *server = request->server;
    struct fid *fid = request_fid(request, 0);
    struct lock lock;
    int fd = fid_opened(server, fid);
    if (fd < 0)
        return -fd;
    if (!lock_of(fid, n[1], n[3], n[4], n[5], &lock))
        return EINVAL;
    int result = locks_set(&server->locks, fd, &fid->identity, &lock);
    wire_put(&request->reply, 1, !result ? GUEST_LOCKED : result == -EAGAIN ? GUEST_BLOCKED : GUEST_ERROR);
    return 0;
}

/* numbers: fid, type, start, length, process. Linux's client does not say what it would lock for, and sends the type of
 * an unlock. */
int serve_getlock(struct request *request)
{
    const uint64_t *n = request->numbers;
    struct server *server = request->server;
    struct fid *fid = request_fid(request, 0);
    struct lock lock;
    struct flock found;
    int fd = fid_opened(server, fid);
    if (fd < 0)
        return -fd;
    if (!lock_of(fid, n[1] == GUEST_UNLOCK ? GUEST_WRITE : n[1], n[2], n[3], n[4], &lock))
        return EINVAL;
    int result = locks_test(&server->locks, fd, &fid->identity, &lock, &found);
    if (result)
        return -result;
    bool any = found.l_type != F_UNLCK;
    wire_put(&request->reply, 1, !any ? GUEST_UNLOCK : found.l_type == F_RDLCK ? GUEST_READ : GUEST_WRITE);
    wire_put(&request->reply, 8, any ? (uint64_t)found.l_start : n[2]);
    wire_put(&request->reply, 8, any ? (uint64_t)found.l_len : n[3]);
    wire_put(&request->reply, 4, any && found.l_pid > 0 ? (uint64_t)found.l_pid : n[4]);
    wire_put_text(&request->reply, request->texts[0], strlen(request->texts[0]));
    return 0;
}
