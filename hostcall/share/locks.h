/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Locks of byte ranges. Processes of the guest agree among each other in the guest's kernel; towards the host's
 * processes all of them are one, which holds a file's locks by one open description. */
#ifndef ARMATURE_SHARE_LOCKS_H
#define ARMATURE_SHARE_LOCKS_H

#include <fcntl.h>
#include "hostcall/share/host.h"

struct lock {
    uint32_t fid, process;
    short type;           /* F_RDLCK or F_WRLCK */
    uint64_t first, last; /* bytes; `last` included, INT64_MAX is the end of any file */
};

struct locked_file {
    struct locked_file *next;
    struct share_identity identity;
    int fd;
    struct lock *locks;
    unsigned count;
};

#define LOCKS_MAX 65536u

struct locks {
    struct locked_file *files;
    unsigned count; /* of all locks */
};

/** Locks or unlocks (`type` F_UNLCK) a range of the file of `fd`: 0 or -errno; -EAGAIN: someone on the host has it. */
int locks_set(struct locks *locks, int fd, const struct share_identity *identity, const struct lock *wanted);

/** Who would be in the way: as fcntl() tells, F_UNLCK for nobody. */
int locks_test(struct locks *locks, int fd, const struct share_identity *identity, const struct lock *wanted,
               struct flock *found);

/** Gives up all locks that were taken by a fid. */
void locks_drop(struct locks *locks, const struct share_identity *identity, uint32_t fid);
void locks_clear(struct locks *locks);

#endif
