/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The journal of fids. Records come from snapshots and logs too, and are hostile. */
#include <stdlib.h>
#include "hostcall/share/fids.h"
#include "machine/contract/error.h"

enum record { RECORD_FID = 1, RECORD_DROP, RECORD_MOVE, RECORD_CLEAR };

#define RECORD_FID_BYTES (1 + 4 + 4 + 1 + 4 + 8 + 8 + 8 + 2)

void journal_put_fid(struct wire_writer *to, const struct fid *fid)
{
    const char *path = fid->path ? fid->path : "";
    wire_put(to, 1, RECORD_FID);
    wire_put(to, 4, fid->number);
    wire_put(to, 4, fid->user);
    wire_put(to, 1, fid->path ? fid->kind : FID_VALUE); /* what cannot be found again is stale */
    wire_put(to, 4, fid->flags);
    wire_put(to, 8, fid->identity.inode);
    wire_put(to, 8, fid->identity.device);
    wire_put(to, 8, fid->identity.born_ns);
    wire_put_text(to, path, strlen(path));
}

void journal_put_drop(struct wire_writer *to, uint32_t number)
{
    wire_put(to, 1, RECORD_DROP);
    wire_put(to, 4, number);
}

void journal_put_move(struct wire_writer *to, const char *from, const char *path)
{
    wire_put(to, 1, RECORD_MOVE);
    wire_put_text(to, from, strlen(from));
    wire_put_text(to, path, strlen(path));
}

void journal_put_clear(struct wire_writer *to)
{
    wire_put(to, 1, RECORD_CLEAR);
}

/* --- reading --- */

static bool get_path(struct wire_reader *from, char path[SHARE_PATH_MAX])
{
    size_t length = wire_get(from, 2);
    const uint8_t *bytes = length < SHARE_PATH_MAX ? wire_take(from, length) : NULL;
    if (!bytes || memchr(bytes, 0, length))
        return false;
    memcpy(path, bytes, length);
    path[length] = 0;
    return true;
}

static bool apply_fid(struct fids *fids, struct wire_reader *from)
{
    char path[SHARE_PATH_MAX];
    uint32_t number = (uint32_t)wire_get(from, 4), user = (uint32_t)wire_get(from, 4);
    uint64_t kind = wire_get(from, 1);
    uint32_t flags = (uint32_t)wire_get(from, 4);
    struct share_identity identity = {0};
    identity.inode = wire_get(from, 8);
    identity.device = wire_get(from, 8);
    identity.born_ns = wire_get(from, 8);
    if (kind > FID_VALUE || !get_path(from, path))
        return false;
    if (!fids)
        return true;
    fids_drop(fids, number);
    struct fid *fid = fids_add(fids, number, user, path, &identity, -1);
    if (fid) {
        fid->kind = (enum fid_kind)kind;
        fid->flags = flags;
    }
    return true;
}

static bool apply_move(struct fids *fids, struct wire_reader *from)
{
    char old[SHARE_PATH_MAX], new[SHARE_PATH_MAX];
    if (!get_path(from, old) || !get_path(from, new))
        return false;
    if (fids)
        fids_move(fids, old, new);
    return true;
}

bool journal_apply(struct fids *fids, const uint8_t *records, size_t length)
{
    struct wire_reader from = {records, length ? records + length : records, false};
    while (from.at < from.end) {
        bool good = true;
        uint32_t number;
        switch (wire_get(&from, 1)) {
        case RECORD_FID: good = apply_fid(fids, &from); break;
        case RECORD_MOVE: good = apply_move(fids, &from); break;
        case RECORD_DROP:
            number = (uint32_t)wire_get(&from, 4);
            if (fids && !from.bad)
                fids_drop(fids, number);
            break;
        case RECORD_CLEAR:
            if (fids)
                fids_clear(fids);
            break;
        default: good = false;
        }
        if (!good || from.bad)
            return false;
    }
    return true;
}

bool journal_valid(const uint8_t *records, size_t length)
{
    return journal_apply(NULL, records, length);
}

/* --- making it shorter --- */

struct sorted {
    struct fid **fids;
    size_t count, bytes;
};

static void gather(void *context, struct fid *fid)
{
    struct sorted *sorted = context;
    sorted->fids[sorted->count++] = fid;
    sorted->bytes += RECORD_FID_BYTES + (fid->path ? strlen(fid->path) : 0);
}

static int by_number(const void *a, const void *b)
{
    const struct fid *const *x = a, *const *y = b;
    return (*x)->number < (*y)->number ? -1 : (*x)->number > (*y)->number;
}

uint8_t *journal_compact(const uint8_t *journal, size_t length, size_t *new_length)
{
    struct fids *fids = host_alloc(1, sizeof *fids);
    journal_apply(fids, journal, length);
    struct sorted sorted = {.fids = host_alloc(fids->count + 1, sizeof *sorted.fids)};
    fids_each(fids, gather, &sorted);
    qsort(sorted.fids, sorted.count, sizeof *sorted.fids, by_number);
    uint8_t *compact = host_alloc(sorted.bytes + 1, 1);
    struct wire_writer to = {compact, compact + sorted.bytes, false};
    for (size_t i = 0; i < sorted.count; i++)
        journal_put_fid(&to, sorted.fids[i]);
    *new_length = sorted.bytes;
    free(sorted.fids);
    fids_clear(fids);
    free(fids);
    return compact;
}
