/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What changes directories: make, link, rename, remove. And the targets of symbolic links, which only the guest
 * follows. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include "hostcall/share/server.h"

/* The directory of fid argument `index`, in which `name` is to be something; -errno. */
static int directory_of(struct request *request, unsigned index, const char *name)
{
    struct fid *fid = request_fid(request, index);
    if (!fid)
        return -EBADF;
    int result = name_wrong(name);
    return result ? -result : fid_descriptor(request->server, fid);
}

/* What `make` made, or failed to make (-errno), gets its owner, and is told. */
static int finish(struct request *request, int directory, int make, uint32_t group, uint32_t mode, uint64_t rdev)
{
    const char *name = request->texts[0];
    int fd = make ? make : server_child(request->server, directory, name);
    if (fd < 0)
        return -fd;
    int result = made(request, fd, request_fid(request, 0)->user, group, mode, rdev);
    close(fd);
    if (result)
        unlinkat(directory, name, S_ISDIR(mode) ? AT_REMOVEDIR : 0);
    return result;
}

/* A file that stands for what only the guest knows: a device, a pipe, a link. Its content is `text`. */
static int make_stand_in(const struct server *server, int directory, const char *name, const char *text)
{
    int fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    size_t length = strlen(text);
    int result = length && write(fd, text, length) != (ssize_t)length ? -EIO : 0;
    close(fd);
    if (result)
        unlinkat(directory, name, 0);
    return result;
}

/* numbers: directory, mode, group. */
int serve_mkdir(struct request *request)
{
    const uint64_t *n = request->numbers;
    int directory = directory_of(request, 0, request->texts[0]);
    if (directory < 0)
        return -directory;
    mode_t mask = umask(0); /* the guest's was taken off */
    int make = mkdirat(directory, request->texts[0], host_mode(request->server, (uint32_t)n[1], true)) ? -errno : 0;
    umask(mask);
    return finish(request, directory, make, (uint32_t)n[2], S_IFDIR | (n[1] & 07777), 0);
}

/* numbers: directory, mode, major, minor, group. A device's node is never made on the host. */
int serve_mknod(struct request *request)
{
    const uint64_t *n = request->numbers;
    uint32_t mode = (uint32_t)n[1];
    int directory = directory_of(request, 0, request->texts[0]), make;
    if (directory < 0)
        return -directory;
    if (!(mode & S_IFMT))
        mode |= S_IFREG;
    if (S_ISDIR(mode) || S_ISLNK(mode))
        return EINVAL;
    if (request->server->config.mapped && !S_ISREG(mode)) {
        make = make_stand_in(request->server, directory, request->texts[0], "");
    } else if (S_ISREG(mode) || S_ISFIFO(mode) || S_ISSOCK(mode)) {
        mode_t mask = umask(0);
        make = mknodat(directory, request->texts[0], (mode & S_IFMT) | host_mode(request->server, mode, false), 0)
                   ? -errno
                   : 0;
        umask(mask);
    } else {
        return EPERM;
    }
    return finish(request, directory, make, (uint32_t)n[4], mode & (S_IFMT | 07777), n[2] << 32 | (uint32_t)n[3]);
}

/* numbers: directory, group. */
int serve_symlink(struct request *request)
{
    const char *name = request->texts[0], *target = request->texts[1];
    int directory = directory_of(request, 0, name), make;
    if (directory < 0)
        return -directory;
    if (request->server->config.mapped)
        make = *target ? make_stand_in(request->server, directory, name, target) : -ENOENT;
    else
        make = symlinkat(target, directory, name) ? -errno : 0;
    return finish(request, directory, make, (uint32_t)request->numbers[1], S_IFLNK | 0777, 0);
}

static ssize_t read_stand_in(int fd, char *target, size_t room)
{
    int opened = host_reopen(fd, O_RDONLY);
    if (opened < 0)
        return opened;
    ssize_t length = pread(opened, target, room, 0);
    close(opened);
    return length < 0 ? -errno : length;
}

int serve_readlink(struct request *request)
{
    char target[SHARE_PATH_MAX];
    struct fid *fid = request_fid(request, 0);
    struct statx host, guest;
    if (!fid)
        return EBADF;
    int fd = fid_descriptor(request->server, fid);
    int result = fd < 0 ? fd : host_stat(fd, &host, NULL);
    if (!result)
        result = guest_stat(request->server, fd, &guest, NULL);
    if (result < 0)
        return -result;
    if (!S_ISLNK(guest.stx_mode))
        return EINVAL;
    ssize_t length = S_ISLNK(host.stx_mode) ? readlinkat(fd, "", target, sizeof target)
                                            : read_stand_in(fd, target, sizeof target);
    if (length < 0)
        return S_ISLNK(host.stx_mode) ? errno : (int)-length;
    wire_put_text(&request->reply, target, (size_t)length);
    return 0;
}

/* numbers: directory, fid. */
int serve_link(struct request *request)
{
    const char *name = request->texts[0];
    struct fid *fid = request_fid(request, 1);
    int directory = directory_of(request, 0, name);
    if (directory < 0 || !fid)
        return directory < 0 ? -directory : EBADF;
    int fd = fid_descriptor(request->server, fid);
    if (fd < 0)
        return -fd;
    return linkat(AT_FDCWD, host_name(fd).text, directory, name, AT_SYMLINK_FOLLOW) ? errno : 0;
}

/* --- renaming and removing --- */

static int rename_in(struct request *request, int from, const char *from_path, int to, const char *to_path,
                     const char *from_name, const char *to_name)
{
    if (renameat(from, from_name, to, to_name))
        return errno;
    if (strcmp(from_path, to_path)) {
        fids_move(&request->server->fids, from_path, to_path);
        journal_put_move(&request->records, from_path, to_path);
    }
    return 0;
}

/* numbers: old directory, new directory. */
int serve_renameat(struct request *request)
{
    char from_path[SHARE_PATH_MAX], to_path[SHARE_PATH_MAX];
    const char *from_name = request->texts[0], *to_name = request->texts[1];
    int from = directory_of(request, 0, from_name), to = directory_of(request, 1, to_name);
    if (from < 0 || to < 0)
        return from < 0 ? -from : -to;
    const char *from_in = request_fid(request, 0)->path, *to_in = request_fid(request, 1)->path;
    if (!from_in || !to_in)
        return ESTALE;
    int result = path_of_child(from_in, from_name, from_path);
    if (!result)
        result = path_of_child(to_in, to_name, to_path);
    return result ? result : rename_in(request, from, from_path, to, to_path, from_name, to_name);
}

/* The directory in which the fid's file is, and its name there, if that is still so. Returns a descriptor or -errno. */
static int parent_of(struct server *server, const struct fid *fid, const char **name)
{
    char parent[SHARE_PATH_MAX];
    struct share_identity identity;
    if (!fid->path || !*fid->path)
        return fid->path ? -EBUSY : -ESTALE;
    const char *slash = strrchr(fid->path, '/');
    *name = slash ? slash + 1 : fid->path;
    size_t length = slash ? (size_t)(slash - fid->path) : 0;
    memcpy(parent, fid->path, length);
    parent[length] = 0;
    int directory = host_at(server->root, parent);
    int fd = directory < 0 ? directory : host_child(directory, *name);
    bool same = fd >= 0 && !host_stat(fd, NULL, &identity) && share_identity_same(&identity, &fid->identity);
    if (fd >= 0)
        close(fd);
    if (same)
        return directory;
    if (directory >= 0)
        close(directory);
    return -ESTALE;
}

/* numbers: fid, new directory. */
int serve_rename(struct request *request)
{
    char from_path[SHARE_PATH_MAX], from_name[256], to_path[SHARE_PATH_MAX];
    const char *name = NULL;
    struct fid *fid = request_fid(request, 0);
    int to = directory_of(request, 1, request->texts[0]);
    if (!fid || to < 0)
        return fid ? -to : EBADF;
    const char *to_in = request_fid(request, 1)->path;
    int result = to_in ? path_of_child(to_in, request->texts[0], to_path) : ESTALE;
    int from = result ? -result : parent_of(request->server, fid, &name);
    if (from < 0)
        return -from;
    strcpy(from_path, fid->path);
    snprintf(from_name, sizeof from_name, "%s", name);
    result = rename_in(request, from, from_path, to, to_path, from_name, request->texts[0]);
    close(from);
    return result;
}

/* numbers: directory, flags. */
int serve_unlinkat(struct request *request)
{
    int directory = directory_of(request, 0, request->texts[0]);
    if (directory < 0)
        return -directory;
    return unlinkat(directory, request->texts[0], request->numbers[1] & AT_REMOVEDIR) ? errno : 0;
}

/* The fid ends in any case. */
int serve_remove(struct request *request)
{
    struct server *server = request->server;
    const char *name = NULL;
    struct statx a;
    struct fid *fid = request_fid(request, 0);
    if (!fid)
        return EBADF;
    int fd = fid_descriptor(server, fid), result = fd < 0 ? fd : host_stat(fd, &a, NULL);
    int directory = result < 0 ? result : parent_of(server, fid, &name);
    if (directory >= 0) {
        result = unlinkat(directory, name, S_ISDIR(a.stx_mode) ? AT_REMOVEDIR : 0) ? errno : 0;
        close(directory);
    } else {
        result = -directory;
    }
    fid_end(request, fid);
    return result;
}
