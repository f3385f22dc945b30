/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The host's files, by descriptors and names of one component. */
#include "hostcall/share/host.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static int open_beneath(int directory, const char *path, uint64_t flags)
{
    const struct open_how how = {
        .flags = flags | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS,
    };
    long fd;
    do
        fd = syscall(SYS_openat2, directory, path, &how, sizeof how);
    while (fd < 0 && errno == EAGAIN); /* a rename in between */
    return fd < 0 ? -errno : (int)fd;
}

int host_at(int root, const char *path)
{
    return open_beneath(root, *path ? path : ".", O_PATH | O_NOFOLLOW);
}

int host_child(int directory, const char *name)
{
    return open_beneath(directory, name, O_PATH | O_NOFOLLOW);
}

struct host_name host_name(int fd)
{
    struct host_name name;
    snprintf(name.text, sizeof name.text, "/proc/self/fd/%d", fd);
    return name;
}

int host_again(int fd)
{
    int again = open(host_name(fd).text, O_PATH | O_CLOEXEC);
    return again < 0 ? -errno : again;
}

int host_reopen(int fd, int flags)
{
    struct statx attributes;
    int result = host_stat(fd, &attributes, NULL);
    if (result)
        return result;
    if (S_ISLNK(attributes.stx_mode))
        return -ELOOP;
    if (!S_ISREG(attributes.stx_mode) && !S_ISDIR(attributes.stx_mode))
        return -ENXIO; /* a device, pipe or socket of the host's is none of the guest's */
    int opened =
        open(host_name(fd).text, (flags & ~(O_CREAT | O_EXCL | O_NOFOLLOW)) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    return opened < 0 ? -errno : opened;
}

int host_stat(int fd, struct statx *attributes, struct share_identity *identity)
{
    struct statx own, *to = attributes ? attributes : &own;
    if (statx(fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, STATX_BASIC_STATS | STATX_BTIME, to))
        return -errno;
    if (identity)
        *identity = (struct share_identity){
            .inode = to->stx_ino,
            .device = makedev(to->stx_dev_major, to->stx_dev_minor),
            .born_ns = to->stx_mask & STATX_BTIME
                           ? (uint64_t)to->stx_btime.tv_sec * 1000000000ull + to->stx_btime.tv_nsec
                           : 0,
        };
    return 0;
}
