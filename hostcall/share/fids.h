/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the guest has of a shared folder: its fids, and their records in the journal.
 *
 *     1 number[4] user[4] kind[1] flags[4] inode[8] device[8] born[8] path[s]    a fid, new or otherwise than before
 *     2 number[4]                                                                it is no more
 *     3 from[s] to[s]                                                            what was at and below one path is at
 * another 4                                                                          there are none
 */
#ifndef ARMATURE_SHARE_FIDS_H
#define ARMATURE_SHARE_FIDS_H

#include "hostcall/share/host.h"
#include "hostcall/share/wire.h"

#define SHARE_PATH_MAX 4096u
/** How many fids there may be, and how many bytes all of their paths may have. */
#define SHARE_FIDS_MAX       (1u << 17)
#define SHARE_PATH_BYTES_MAX (32u << 20)

enum fid_kind {
    FID_NODE,  /* it names a file */
    FID_OPEN,  /* it is an open file or directory */
    FID_VALUE, /* it is an extended attribute's value, or the list of their names. After a restore: stale */
};

/** The value of an extended attribute that is read, or gathered to be set when the fid ends. */
struct fid_value {
    uint8_t *bytes;
    uint64_t length, room; /* `room`: how many the guest announced */
    char *name;            /* NULL: it is read */
    int flags;
};

struct fid {
    struct fid *next;
    uint32_t number, user, flags; /* `flags`: it is opened by them */
    enum fid_kind kind;
    struct share_identity identity;
    char *path; /* beneath the folder; "" is the folder. NULL: it is not known any more */
    int fd;     /* of O_PATH, or FID_OPEN: for use; -1: none now */
    uint64_t position; /* of a directory: where its descriptor is */
    struct fid_value value;
};

#define FID_BUCKETS 4096u

struct fids {
    struct fid *buckets[FID_BUCKETS];
    unsigned count;
    uint64_t path_bytes;
};

struct fid *fids_find(const struct fids *fids, uint32_t number);

/** A new fid, which takes over `fd`. NULL: there are too many. The number must be free. */
struct fid *fids_add(struct fids *fids, uint32_t number, uint32_t user, const char *path,
                     const struct share_identity *identity, int fd);
void fids_drop(struct fids *fids, uint32_t number);
void fids_clear(struct fids *fids);

/** What was at `from` and below is at `to`. */
void fids_move(struct fids *fids, const char *from, const char *to);

/** Closes the descriptors of all that only name files; host_at() finds these again. */
void fids_shed(struct fids *fids);

/** Calls `each` for all. */
void fids_each(struct fids *fids, void (*each)(void *context, struct fid *fid), void *context);

/* --- the journal --- */

void journal_put_fid(struct wire_writer *to, const struct fid *fid);
void journal_put_drop(struct wire_writer *to, uint32_t number);
void journal_put_move(struct wire_writer *to, const char *from, const char *path);
void journal_put_clear(struct wire_writer *to);

/** Does what records say to `fids`. False: they are none; what they said before the first that is none was done. */
bool journal_apply(struct fids *fids, const uint8_t *records, size_t length);

/** As machine/contract/share.h has them. */
bool journal_valid(const uint8_t *records, size_t length);
uint8_t *journal_compact(const uint8_t *journal, size_t length, size_t *new_length);

#endif
