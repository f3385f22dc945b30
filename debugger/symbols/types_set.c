/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sets of types: names in a hash, and the memory of what a reader made. */
#include "debugger/symbols/types_set.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ROOM_BYTES    65536u
#define LARGE_BYTES   (2u << 20) /* a large page of the host's */
#define HASH_SMALLEST 64u
#define DEPTH_MAX     32u

struct named {
    const char *name;
    const struct type *type;
    struct named *next; /* in its bucket, in the order in which they came */
    bool variable;
};

struct room {
    struct room *next;
    size_t used, bytes;
    size_t mapped_bytes; /* 0: it is of malloc() */
    _Alignas(16) uint8_t content[];
};

struct types {
    struct room *rooms;
    struct named **hash; /* each bucket's first */
    struct named **last; /* and last */
    uint32_t hash_size, named_count, count;
    struct types *next; /* looked into where this one knows nothing */
    void (*complete)(void *context, const struct type *type);
    void (*free_context)(void *context);
    void *context;
};

/* --- filling --------------------------------------------------------------------------------------- */

struct types *types_create(void)
{
    struct types *types = calloc(1, sizeof *types);
    if (!types)
        return NULL;
    types->hash_size = HASH_SMALLEST;
    types->hash = calloc(types->hash_size, sizeof *types->hash);
    types->last = calloc(types->hash_size, sizeof *types->last);
    if (types->hash && types->last)
        return types;
    types_free(types);
    return NULL;
}

/* A large one is taken from the host in large pages, where it has them: it is all written at once. */
static struct room *room_create(size_t bytes)
{
    size_t whole = sizeof(struct room) + bytes;
    if (bytes < LARGE_BYTES / 2) {
        struct room *room = calloc(1, whole);
        if (room)
            room->bytes = bytes;
        return room;
    }
    whole = (whole + LARGE_BYTES - 1) & ~(size_t)(LARGE_BYTES - 1);
    struct room *room = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED)
        return NULL;
    madvise(room, whole, MADV_HUGEPAGE);
    room->bytes = whole - sizeof *room;
    room->mapped_bytes = whole;
    return room;
}

static void room_free(struct room *room)
{
    if (room->mapped_bytes)
        munmap(room, room->mapped_bytes);
    else
        free(room);
}

static bool add_room(struct types *types, size_t bytes)
{
    struct room *room = room_create(bytes);
    if (!room)
        return false;
    room->next = types->rooms;
    types->rooms = room;
    return true;
}

void types_expect(struct types *types, size_t bytes)
{
    add_room(types, bytes + ROOM_BYTES); /* else there is less at once */
}

void *types_room(struct types *types, size_t count, size_t bytes)
{
    if (bytes && count > (SIZE_MAX >> 1) / bytes)
        return NULL;
    size_t wanted = (count * bytes + 15) & ~(size_t)15;
    if (!types->rooms || types->rooms->bytes - types->rooms->used < wanted) {
        if (!add_room(types, wanted > ROOM_BYTES ? wanted : ROOM_BYTES))
            return NULL;
    }
    void *at = types->rooms->content + types->rooms->used;
    types->rooms->used += wanted;
    return at;
}

static uint32_t hash_name(const struct types *types, const char *name)
{
    uint32_t hash = 2166136261u;
    for (; *name; name++)
        hash = (hash ^ (uint8_t)*name) * 16777619u;
    return hash & (types->hash_size - 1);
}

static void hang_in(struct types *types, struct named *named)
{
    uint32_t bucket = hash_name(types, named->name);
    named->next = NULL;
    if (types->last[bucket])
        types->last[bucket]->next = named;
    else
        types->hash[bucket] = named;
    types->last[bucket] = named;
}

/* Twice as many buckets; without memory for them it goes on with those that there are. */
static void grow(struct types *types)
{
    uint32_t old_size = types->hash_size;
    struct named **old = types->hash, **hash = calloc(old_size * 2ul, sizeof *hash),
                 **last = calloc(old_size * 2ul, sizeof *last);
    if (!hash || !last) {
        free(hash);
        free(last);
        return;
    }
    free(types->last);
    types->hash = hash;
    types->last = last;
    types->hash_size = old_size * 2;
    for (uint32_t i = 0; i < old_size; i++)
        for (struct named *named = old[i], *next; named; named = next) {
            next = named->next;
            hang_in(types, named);
        }
    free(old);
}

static bool put(struct types *types, const char *name, const struct type *type, bool variable)
{
    struct named *named = types_room(types, 1, sizeof *named);
    if (!named)
        return false;
    if (types->named_count++ == types->hash_size)
        grow(types);
    *named = (struct named){.name = name, .type = type, .variable = variable};
    hang_in(types, named);
    types->count += !variable;
    return true;
}

bool types_put(struct types *types, const char *name, const struct type *type)
{
    return put(types, name, type, false);
}

bool types_put_variable(struct types *types, const char *name, const struct type *type)
{
    return put(types, name, type, true);
}

void types_completed_by(struct types *types, void (*complete)(void *context, const struct type *type), void *context,
                        void (*free_context)(void *context))
{
    types->complete = complete;
    types->context = context;
    types->free_context = free_context;
}

static uint64_t size_of(const struct type *type, unsigned depth)
{
    if (depth > DEPTH_MAX || !type)
        return 0;
    if (type->kind == TYPE_ALIAS)
        return size_of(type->target, depth + 1);
    if (type->kind == TYPE_ARRAY)
        return size_of(type->target, depth + 1) * type->count;
    return type->size;
}

uint64_t types_size_of(const struct type *type)
{
    return size_of(type, 0);
}

/* --- asking ---------------------------------------------------------------------------------------- */

static const struct type *completed(const struct types *types, const struct type *type)
{
    if (types->complete)
        types->complete(types->context, type);
    return type;
}

const struct type *types_find(const struct types *types, enum type_kind kind, const char *name)
{
    for (; types; types = types->next)
        for (const struct named *named = types->hash[hash_name(types, name)]; named; named = named->next) {
            enum type_kind found = named->type->kind;
            bool plain = found == TYPE_INT || found == TYPE_FLOAT || found == TYPE_ALIAS;
            if (!named->variable && (kind == TYPE_ALIAS ? plain : found == kind) && !strcmp(named->name, name))
                return completed(types, named->type);
        }
    return NULL;
}

const struct type *types_of_variable(const struct types *types, const char *name)
{
    for (; types; types = types->next)
        for (const struct named *named = types->hash[hash_name(types, name)]; named; named = named->next)
            if (named->variable && !strcmp(named->name, name))
                return completed(types, named->type);
    return NULL;
}

void types_each(const struct types *types, const char *prefix, bool (*each)(void *context, const char *name),
                void *context)
{
    size_t length = strlen(prefix);
    for (; types; types = types->next)
        for (uint32_t bucket = 0; bucket < types->hash_size; bucket++)
            for (const struct named *named = types->hash[bucket]; named; named = named->next) {
                const struct type *type = named->type;
                if (!named->variable &&
                    (type->kind == TYPE_STRUCT || type->kind == TYPE_UNION || type->kind == TYPE_ENUM ||
                     type->is_typedef) &&
                    !strncmp(named->name, prefix, length) && !each(context, named->name))
                    return;
            }
}

unsigned types_count(const struct types *types)
{
    unsigned count = 0;
    for (; types; types = types->next)
        count += types->count;
    return count;
}

/* --- several --------------------------------------------------------------------------------------- */

struct types *types_join(struct types *first, struct types *then)
{
    struct types *last = first;
    while (last && last->next)
        last = last->next;
    if (!last)
        return then;
    last->next = then;
    return first;
}

struct types *types_part(struct types *types, struct types *part)
{
    struct types **link = &types;
    while (*link && *link != part)
        link = &(*link)->next;
    if (*link) {
        *link = part->next;
        part->next = NULL;
    }
    return types;
}

void types_free(struct types *types)
{
    while (types) {
        struct types *next = types->next;
        if (types->free_context)
            types->free_context(types->context);
        while (types->rooms) {
            struct room *room = types->rooms;
            types->rooms = room->next;
            room_free(room);
        }
        free(types->hash);
        free(types->last);
        free(types);
        types = next;
    }
}
