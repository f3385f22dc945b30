/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of the server among each other. */
#ifndef ARMATURE_SHARE_SERVER_H
#define ARMATURE_SHARE_SERVER_H

#include "hostcall/share/fids.h"
#include "hostcall/share/locks.h"
#include "hostcall/share/share.h"

#define WALK_MAX  16u /* names in a walk: the protocol's MAXWELEM */
#define NO_FID    UINT32_MAX
#define NUMBERS   10u
#define QID_BYTES 13u

struct server {
    struct share_server share;
    struct share_config config;
    struct inputs *inputs;
    unsigned source;
    int root;          /* of O_PATH; -1: nobody serves, or the folder is not there */
    uint64_t devices[255]; /* the host's file systems met so far, by which a file's number begins; the root's first */
    unsigned device_count;
    uint32_t message_max; /* as agreed by the guest */
    struct fids fids;
    struct locks locks;
    uint8_t answer[4 + SHARE_RECORDS_MAX + SHARE_MESSAGE_MAX];
};

/** A request under way: its arguments in the order of the message, and where the answer goes. */
struct request {
    struct server *server;
    uint64_t numbers[NUMBERS];
    const char *texts[WALK_MAX]; /* end with a NUL */
    unsigned text_count;
    const uint8_t *data;
    size_t data_bytes;
    struct wire_writer reply;   /* behind its head */
    struct wire_writer records;
    char room[2 * SHARE_PATH_MAX + WALK_MAX * 257]; /* the texts */
};

/* Each does what its message says, and returns 0, or an errno for the guest. */
typedef int serve_message(struct request *request);
serve_message serve_version, serve_auth, serve_attach, serve_flush, serve_walk, serve_clunk, serve_remove;
serve_message serve_open, serve_create, serve_read, serve_write, serve_readdir, serve_fsync;
serve_message serve_getattr, serve_setattr, serve_statfs;
serve_message serve_symlink, serve_readlink, serve_mknod, serve_mkdir, serve_link, serve_rename, serve_renameat,
    serve_unlinkat;
serve_message serve_xattrwalk, serve_xattrcreate, serve_lock, serve_getlock;

/* --- files --- */

/** The fid with argument `index` for its number. NULL: there is none. */
struct fid *request_fid(struct request *request, unsigned index);

/** A descriptor of the fid's file, which stays the fid's; -errno: -ESTALE where it is not there any more. */
int fid_descriptor(struct server *server, struct fid *fid);

/** The same, where the fid must be open. */
int fid_opened(struct server *server, struct fid *fid);

/** As host_child() and host_reopen(), with fids' descriptors given up where there are too many. */
int server_child(struct server *server, int directory, const char *name);
int server_reopen(struct server *server, int fd, int flags);

/** Whether a text can be the name of something in a directory; 0 or an errno. */
int name_wrong(const char *name);

/** The path of `name` in the directory `path`; 0 or an errno. */
int path_of_child(const char *path, const char *name, char child[SHARE_PATH_MAX]);

/** Notes a fid's state in the journal. */
void note_fid(struct request *request, const struct fid *fid);

/** Gives up a fid: 0, or why the value that it was to set could not be set. */
int fid_end(struct request *request, struct fid *fid);

/** The value of an extended attribute is set, the fid that gathered it ending. */
int value_set(struct server *server, struct fid *fid);

/* --- attributes --- */

void put_qid(struct request *request, const struct statx *attributes, const struct share_identity *identity);

/** Attributes as the guest sees them. */
int guest_stat(struct server *server, int fd, struct statx *attributes, struct share_identity *identity);

/** What is new gets its owner, and is told by its qid. `mode` with the file's type; `rdev` of a device. */
int made(struct request *request, int fd, uint32_t user, uint32_t group, uint32_t mode, uint64_t rdev);

/** The mode with which the host's file is made. */
mode_t host_mode(const struct server *server, uint32_t mode, bool directory);

/* --- ownership kept in an extended attribute --- */

struct owner {
    uint32_t user, group, mode; /* `mode`: all of st_mode */
    uint64_t rdev;              /* major << 32 | minor */
};

/** False: nothing is kept for it. */
bool owner_get(int fd, struct owner *owner);
int owner_set(int fd, const struct owner *owner);
bool owner_hidden(const char *name);

#endif
