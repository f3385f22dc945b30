/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Extended attributes: a fid of their own to read one (or the list of names), or to set one, which happens as it ends.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/xattr.h>
#include "hostcall/share/server.h"
#include "machine/contract/error.h"

/* Takes what is the server's own out of a list of names. */
static size_t filter(char *names, size_t length)
{
    size_t kept = 0;
    for (size_t at = 0, bytes; at < length; at += bytes) {
        bytes = strnlen(names + at, length - at - 1) + 1;
        if (owner_hidden(names + at))
            continue;
        memmove(names + kept, names + at, bytes);
        kept += bytes;
    }
    return kept;
}

/* The value, or with a name of "" the list of names. Returns its length or -errno. */
static ssize_t get(int fd, const char *name, uint8_t *value)
{
    ssize_t length;
    if (owner_hidden(name))
        return -ENODATA;
    if (*name)
        length = getxattr(host_name(fd).text, name, value, XATTR_SIZE_MAX);
    else
        length = listxattr(host_name(fd).text, (char *)value, XATTR_LIST_MAX);
    if (length < 0)
        return -errno;
    return *name ? length : (ssize_t)filter((char *)value, (size_t)length);
}

/* numbers: fid, new fid. */
int serve_xattrwalk(struct request *request)
{
    struct server *server = request->server;
    struct fid *fid = request_fid(request, 0);
    uint32_t number = (uint32_t)request->numbers[1];
    if (!fid || fid->kind == FID_VALUE)
        return EBADF;
    if (number == NO_FID || fids_find(&server->fids, number))
        return EINVAL;
    int fd = fid_descriptor(server, fid);
    if (fd < 0)
        return -fd;
    uint8_t *value = host_alloc(XATTR_SIZE_MAX, 1);
    ssize_t length = get(fd, request->texts[0], value);
    struct fid *new =
        length < 0 ? NULL : fids_add(&server->fids, number, fid->user, fid->path ? fid->path : "", &fid->identity, -1);
    if (!new) {
        free(value);
        return length < 0 ? (int)-length : ENFILE;
    }
    new->kind = FID_VALUE;
    new->value = (struct fid_value){.bytes = host_realloc(value, (size_t)length + 1, 1), .length = (uint64_t)length};
    note_fid(request, new);
    wire_put(&request->reply, 8, (uint64_t)length);
    return 0;
}

/* numbers: fid, size, flags. */
int serve_xattrcreate(struct request *request)
{
    struct fid *fid = request_fid(request, 0);
    const char *name = request->texts[0];
    if (!fid)
        return EBADF;
    if (fid->kind != FID_NODE)
        return EINVAL;
    if (request->numbers[1] > XATTR_SIZE_MAX)
        return ENOSPC;
    if (!*name || strlen(name) > XATTR_NAME_MAX)
        return ERANGE;
    if (owner_hidden(name))
        return EPERM;
    int fd = fid_descriptor(request->server, fid); /* which value_set() uses */
    if (fd < 0)
        return -fd;
    fid->kind = FID_VALUE;
    fid->value = (struct fid_value){
        .bytes = host_alloc(request->numbers[1] + 1, 1),
        .room = request->numbers[1],
        .name = strdup(name),
        .flags = (int)request->numbers[2] & (XATTR_CREATE | XATTR_REPLACE),
    };
    note_fid(request, fid);
    return 0;
}

int value_set(struct server *server, struct fid *fid)
{
    const struct fid_value *value = &fid->value;
    struct host_name name = host_name(fid->fd);
    if (fid->fd < 0)
        return ESTALE;
    if (value->length != value->room)
        return EINVAL; /* it announced more */
    /* Linux asks for a removal by a value of nothing. */
    if (value->length == 0 && value->flags != XATTR_CREATE)
        return removexattr(name.text, value->name) ? errno : 0;
    return setxattr(name.text, value->name, value->bytes, value->length, value->flags) ? errno : 0;
}
