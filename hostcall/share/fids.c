/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fids in a hash by their number. */
#include "hostcall/share/fids.h"
#include <stdlib.h>
#include <unistd.h>
#include "machine/contract/error.h"

static struct fid **place_of(const struct fids *fids, uint32_t number)
{
    struct fid **place = (struct fid **)&fids->buckets[number % FID_BUCKETS];
    while (*place && (*place)->number != number)
        place = &(*place)->next;
    return place;
}

struct fid *fids_find(const struct fids *fids, uint32_t number)
{
    return *place_of(fids, number);
}

static void set_path(struct fids *fids, struct fid *fid, const char *path)
{
    if (fid->path)
        fids->path_bytes -= strlen(fid->path) + 1;
    free(fid->path);
    fid->path = path ? strdup(path) : NULL;
    if (fid->path)
        fids->path_bytes += strlen(fid->path) + 1;
}

struct fid *fids_add(struct fids *fids, uint32_t number, uint32_t user, const char *path,
                     const struct share_identity *identity, int fd)
{
    struct fid **place = place_of(fids, number), *fid;
    if (*place || fids->count >= SHARE_FIDS_MAX || fids->path_bytes >= SHARE_PATH_BYTES_MAX)
        return NULL;
    fid = host_alloc(1, sizeof *fid);
    *fid = (struct fid){.next = *place, .number = number, .user = user, .identity = *identity, .fd = fd};
    set_path(fids, fid, path);
    *place = fid;
    fids->count++;
    return fid;
}

void fids_drop(struct fids *fids, uint32_t number)
{
    struct fid **place = place_of(fids, number), *fid = *place;
    if (!fid)
        return;
    *place = fid->next;
    set_path(fids, fid, NULL);
    if (fid->fd >= 0)
        close(fid->fd);
    free(fid->value.bytes);
    free(fid->value.name);
    free(fid);
    fids->count--;
}

void fids_each(struct fids *fids, void (*each)(void *context, struct fid *fid), void *context)
{
    for (unsigned i = 0; i < FID_BUCKETS; i++)
        for (struct fid *fid = fids->buckets[i], *next; fid; fid = next) {
            next = fid->next;
            each(context, fid);
        }
}

static void drop_each(void *fids, struct fid *fid)
{
    fids_drop(fids, fid->number);
}

void fids_clear(struct fids *fids)
{
    fids_each(fids, drop_each, fids);
}

static void shed_each(void *context, struct fid *fid)
{
    if (fid->kind == FID_NODE && fid->fd >= 0 && fid->path) {
        close(fid->fd);
        fid->fd = -1;
    }
}

void fids_shed(struct fids *fids)
{
    fids_each(fids, shed_each, NULL);
}

struct move {
    struct fids *fids;
    const char *from, *to;
};

static void move_each(void *context, struct fid *fid)
{
    const struct move *move = context;
    size_t length = strlen(move->from);
    char path[2 * SHARE_PATH_MAX];
    if (!fid->path || strncmp(fid->path, move->from, length) || (fid->path[length] && fid->path[length] != '/'))
        return;
    const char *rest = fid->path + length;
    if (strlen(move->to) + strlen(rest) >= SHARE_PATH_MAX) {
        set_path(move->fids, fid, NULL);
        return;
    }
    strcat(strcpy(path, move->to), rest);
    set_path(move->fids, fid, path);
}

void fids_move(struct fids *fids, const char *from, const char *to)
{
    struct move move = {fids, from, to};
    if (*from)
        fids_each(fids, move_each, &move);
}
