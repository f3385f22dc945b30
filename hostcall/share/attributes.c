/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Attributes: qids, getattr, setattr, statfs, and owners that are kept in an extended attribute. */
#include <errno.h>
#include <fcntl.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "hostcall/share/server.h"

/* --- owners that are kept --- */

#define OWNER_NAME  "user.armature.owner"
#define OWNER_BYTES 20u

bool owner_hidden(const char *name)
{
    return !strcmp(name, OWNER_NAME);
}

bool owner_get(int fd, struct owner *owner)
{
    uint8_t bytes[OWNER_BYTES];
    if (getxattr(host_name(fd).text, OWNER_NAME, bytes, sizeof bytes) != sizeof bytes)
        return false;
    struct wire_reader from = {bytes, bytes + sizeof bytes, false};
    owner->user = (uint32_t)wire_get(&from, 4);
    owner->group = (uint32_t)wire_get(&from, 4);
    owner->mode = (uint32_t)wire_get(&from, 4);
    owner->rdev = wire_get(&from, 8);
    return true;
}

int owner_set(int fd, const struct owner *owner)
{
    uint8_t bytes[OWNER_BYTES];
    struct wire_writer to = {bytes, bytes + sizeof bytes, false};
    wire_put(&to, 4, owner->user);
    wire_put(&to, 4, owner->group);
    wire_put(&to, 4, owner->mode);
    wire_put(&to, 8, owner->rdev);
    return setxattr(host_name(fd).text, OWNER_NAME, bytes, sizeof bytes, 0) ? -errno : 0;
}

/* --- as the guest sees them --- */

int guest_stat(struct server *server, int fd, struct statx *attributes, struct share_identity *identity)
{
    struct owner owner;
    int result = host_stat(fd, attributes, identity);
    if (result || !server->config.mapped || !(S_ISREG(attributes->stx_mode) || S_ISDIR(attributes->stx_mode)) ||
        !owner_get(fd, &owner))
        return result;
    uint32_t type = S_ISDIR(attributes->stx_mode) ? S_IFDIR : owner.mode & S_IFMT;
    if (type == S_IFDIR && !S_ISDIR(attributes->stx_mode))
        type = S_IFREG;
    attributes->stx_uid = owner.user;
    attributes->stx_gid = owner.group;
    attributes->stx_mode = (uint16_t)(type | (owner.mode & 07777));
    attributes->stx_rdev_major = (uint32_t)(owner.rdev >> 32);
    attributes->stx_rdev_minor = (uint32_t)owner.rdev;
    return 0;
}

/* A number that no other file has: the host's, with which of its file systems in front. */
static uint64_t file_number(struct server *server, const struct share_identity *identity)
{
    unsigned index = 0;
    while (index < server->device_count && server->devices[index] != identity->device)
        index++;
    if (index == server->device_count && index < sizeof server->devices / sizeof server->devices[0])
        server->devices[server->device_count++] = identity->device;
    return identity->inode ^ (uint64_t)index << 56;
}

void put_qid(struct request *request, const struct statx *attributes, const struct share_identity *identity)
{
    uint8_t type = S_ISDIR(attributes->stx_mode) ? 0x80 : S_ISLNK(attributes->stx_mode) ? 0x02 : 0;
    wire_put(&request->reply, 1, type);
    wire_put(&request->reply, 4, (uint64_t)attributes->stx_mtime.tv_sec ^ attributes->stx_size << 8);
    wire_put(&request->reply, 8, file_number(request->server, identity));
}

#define GETATTR_BASIC 0x7ffull
#define GETATTR_BORN  0x800ull

static void put_time(struct request *request, struct statx_timestamp time)
{
    wire_put(&request->reply, 8, (uint64_t)time.tv_sec);
    wire_put(&request->reply, 8, time.tv_nsec);
}

int serve_getattr(struct request *request)
{
    struct server *server = request->server;
    struct fid *fid = request_fid(request, 0);
    struct share_identity identity;
    struct statx a;
    if (!fid)
        return EBADF;
    int fd = fid_descriptor(server, fid);
    int result = fd < 0 ? fd : guest_stat(server, fd, &a, &identity);
    if (result < 0)
        return -result;
    bool born = a.stx_mask & STATX_BTIME;
    wire_put(&request->reply, 8, GETATTR_BASIC | (born ? GETATTR_BORN : 0));
    put_qid(request, &a, &identity);
    wire_put(&request->reply, 4, a.stx_mode);
    wire_put(&request->reply, 4, a.stx_uid);
    wire_put(&request->reply, 4, a.stx_gid);
    wire_put(&request->reply, 8, a.stx_nlink);
    /* As Linux encodes it in 32 bits. */
    wire_put(&request->reply, 8, (a.stx_rdev_minor & 0xff) | a.stx_rdev_major << 8 | (a.stx_rdev_minor & ~0xffu) << 12);
    wire_put(&request->reply, 8, a.stx_size);
    wire_put(&request->reply, 8, a.stx_blksize);
    wire_put(&request->reply, 8, a.stx_blocks);
    put_time(request, a.stx_atime);
    put_time(request, a.stx_mtime);
    put_time(request, a.stx_ctime);
    put_time(request, born ? a.stx_btime : (struct statx_timestamp){0});
    wire_put(&request->reply, 8, 0); /* gen */
    wire_put(&request->reply, 8, 0); /* data_version */
    return 0;
}

/* --- setting --- */

enum setattr_bit {
    SET_MODE = 1,
    SET_USER = 2,
    SET_GROUP = 4,
    SET_SIZE = 8,
    SET_ATIME = 0x10,
    SET_MTIME = 0x20,
    SET_ATIME_TO = 0x80,
    SET_MTIME_TO = 0x100,
};

/* numbers: fid, valid, mode, user, group, size, atime seconds and nanoseconds, mtime's. */
enum { N_VALID = 1, N_MODE, N_USER, N_GROUP, N_SIZE, N_ATIME, N_MTIME = N_ATIME + 2 };

mode_t host_mode(const struct server *server, uint32_t mode, bool directory)
{
    if (!server->config.mapped)
        return mode & 07777;
    return (mode & 0777) | (directory ? 0700 : 0600); /* whoever runs the program can use it in any case */
}

static int set_kept(struct server *server, int fd, const struct statx *a, const uint64_t *n)
{
    struct owner owner = {a->stx_uid, a->stx_gid, a->stx_mode, (uint64_t)a->stx_rdev_major << 32 | a->stx_rdev_minor};
    if (n[N_VALID] & SET_USER)
        owner.user = (uint32_t)n[N_USER];
    if (n[N_VALID] & SET_GROUP)
        owner.group = (uint32_t)n[N_GROUP];
    if (n[N_VALID] & SET_MODE)
        owner.mode = (a->stx_mode & S_IFMT) | (n[N_MODE] & 07777);
    int result = owner_set(fd, &owner);
    if (!result && n[N_VALID] & SET_MODE &&
        chmod(host_name(fd).text, host_mode(server, (uint32_t)n[N_MODE], S_ISDIR(a->stx_mode))))
        return -errno;
    return result;
}

static int set_owner(struct server *server, int fd, const uint64_t *n)
{
    struct statx a;
    if (!(n[N_VALID] & (SET_MODE | SET_USER | SET_GROUP)))
        return 0;
    if (server->config.mapped) {
        int result = guest_stat(server, fd, &a, NULL);
        return result ? result : set_kept(server, fd, &a, n);
    }
    uid_t user = n[N_VALID] & SET_USER ? (uid_t)n[N_USER] : (uid_t)-1;
    gid_t group = n[N_VALID] & SET_GROUP ? (gid_t)n[N_GROUP] : (gid_t)-1;
    if (n[N_VALID] & (SET_USER | SET_GROUP) && fchownat(fd, "", user, group, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
        return -errno;
    if (n[N_VALID] & SET_MODE && chmod(host_name(fd).text, n[N_MODE] & 07777))
        return -errno;
    return 0;
}

static int set_size(const struct fid *fid, int fd, uint64_t size)
{
    struct statx a;
    int result = host_stat(fd, &a, NULL);
    if (result)
        return result;
    if (!S_ISREG(a.stx_mode))
        return S_ISDIR(a.stx_mode) ? -EISDIR : -EINVAL;
    if (size > INT64_MAX)
        return -EINVAL;
    bool writable = fid->kind == FID_OPEN && (fid->flags & O_ACCMODE) != O_RDONLY;
    return (writable ? ftruncate(fd, (off_t)size) : truncate(host_name(fd).text, (off_t)size)) ? -errno : 0;
}

static struct timespec new_time(const uint64_t *n, unsigned set, unsigned set_to, unsigned at)
{
    if (!(n[N_VALID] & set))
        return (struct timespec){0, UTIME_OMIT};
    if (!(n[N_VALID] & set_to))
        return (struct timespec){0, UTIME_NOW};
    return (struct timespec){(time_t)n[at], n[at + 1] < 1000000000 ? (long)n[at + 1] : 0};
}

int serve_setattr(struct request *request)
{
    struct server *server = request->server;
    const uint64_t *n = request->numbers;
    struct fid *fid = request_fid(request, 0);
    if (!fid)
        return EBADF;
    int fd = fid_descriptor(server, fid);
    if (fd < 0)
        return -fd;
    int result = set_owner(server, fd, n);
    if (!result && n[N_VALID] & SET_SIZE)
        result = set_size(fid, fd, n[N_SIZE]);
    if (!result && n[N_VALID] & (SET_ATIME | SET_MTIME)) {
        const struct timespec times[2] = {new_time(n, SET_ATIME, SET_ATIME_TO, N_ATIME),
                                          new_time(n, SET_MTIME, SET_MTIME_TO, N_MTIME)};
        if (utimensat(AT_FDCWD, host_name(fd).text, times, 0))
            result = -errno;
    }
    return -result;
}

/* The host's file exists; a mode of 0: it did before, and stays whose it is. */
int made(struct request *request, int fd, uint32_t user, uint32_t group, uint32_t mode, uint64_t rdev)
{
    struct server *server = request->server;
    struct share_identity identity;
    struct statx a;
    int result = 0;
    if (user == NO_FID)
        user = geteuid();
    if (mode && server->config.mapped) {
        result = owner_set(fd, &(struct owner){user, group, mode, rdev});
    } else if (mode && geteuid() == 0) {
        if (fchownat(fd, "", user, group, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) ||
            (mode & (S_ISUID | S_ISGID) && !S_ISLNK(mode) && chmod(host_name(fd).text, mode & 07777)))
            result = -errno;
    }
    if (!result)
        result = guest_stat(server, fd, &a, &identity);
    if (!result)
        put_qid(request, &a, &identity);
    return -result;
}

/* --- the file system --- */

#define V9FS_MAGIC 0x01021997u

int serve_statfs(struct request *request)
{
    struct fid *fid = request_fid(request, 0);
    struct statfs s;
    if (!fid)
        return EBADF;
    int fd = fid_descriptor(request->server, fid);
    if (fd < 0)
        return -fd;
    if (fstatfs(fd, &s))
        return errno;
    uint64_t id = 0;
    memcpy(&id, &s.f_fsid, sizeof s.f_fsid < sizeof id ? sizeof s.f_fsid : sizeof id);
    wire_put(&request->reply, 4, V9FS_MAGIC);
    wire_put(&request->reply, 4, (uint64_t)s.f_bsize);
    wire_put(&request->reply, 8, s.f_blocks);
    wire_put(&request->reply, 8, s.f_bfree);
    wire_put(&request->reply, 8, s.f_bavail);
    wire_put(&request->reply, 8, s.f_files);
    wire_put(&request->reply, 8, s.f_ffree);
    wire_put(&request->reply, 8, id);
    wire_put(&request->reply, 4, (uint64_t)s.f_namelen);
    return 0;
}
