/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The host's files as a shared folder may touch them. Everything goes by descriptors: of the folder, and from there a
 * name at a time, never through a symbolic link. What a descriptor is of cannot change, so what was looked at is what
 * is opened: only regular files and directories are. */
#ifndef ARMATURE_SHARE_HOST_H
#define ARMATURE_SHARE_HOST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/** By what a file is known again: no other has had the same. */
struct share_identity {
    uint64_t inode, device, born_ns;
};

/** All of these return a descriptor or 0, or -errno. */

/** The file at `path` beneath `root` ("" is `root` itself), by a descriptor that only names it (O_PATH). */
int host_at(int root, const char *path);

/** The file `name` in a directory, the same way. `name` has no '/' and is not "..". */
int host_child(int directory, const char *name);

/** Another descriptor that only names the file of `fd`. */
int host_again(int fd);

/** Opens the file of `fd` for use, if it is a regular file or directory. */
int host_reopen(int fd, int flags);

/** Its attributes and identity; either may be NULL. */
int host_stat(int fd, struct statx *attributes, struct share_identity *identity);

/** The name by which calls without a form for such descriptors reach the file of `fd`. */
struct host_name {
    char text[32];
};
struct host_name host_name(int fd);

static inline bool share_identity_same(const struct share_identity *a, const struct share_identity *b)
{
    return a->inode == b->inode && a->device == b->device && a->born_ns == b->born_ns;
}

#endif
