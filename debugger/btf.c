/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BTF, the kernel's own description of its types (Documentation/bpf/btf.rst). It lies in guest memory, so it may say
 * anything: numbers of types, offsets of strings and counts are all checked before they are followed. */
#include <stdlib.h>
#include <string.h>
#include "debugger/types.h"

#define BTF_MAGIC 0xeb9fu

struct header {
    uint16_t magic;
    uint8_t version, flags;
    uint32_t header_bytes, types_at, types_bytes, strings_at, strings_bytes;
};

/* One type; what follows it depends on the kind. */
struct entry {
    uint32_t name, info, size_or_type;
};

enum btf_kind {
    BTF_INT = 1, BTF_PTR, BTF_ARRAY, BTF_STRUCT, BTF_UNION, BTF_ENUM, BTF_FWD, BTF_TYPEDEF, BTF_VOLATILE, BTF_CONST,
    BTF_RESTRICT, BTF_FUNC, BTF_FUNC_PROTO, BTF_VAR, BTF_DATASEC, BTF_FLOAT, BTF_DECL_TAG, BTF_TYPE_TAG, BTF_ENUM64,
    BTF_KINDS
};

struct named {
    const char *name;
    uint32_t type;
    struct named *next;
};

struct types {
    uint8_t *bytes; /* a copy of the blob, a NUL behind it */
    const char *strings;
    uint32_t strings_bytes;
    struct type *list; /* by number; 0 is void */
    uint32_t *variables; /* by number: the type of a variable; 0: it is none */
    uint32_t count;
    struct member *members;
    struct enumerator *enumerators;
    size_t member_count, enumerator_count;
    struct named *names, **hash;
    uint32_t hash_size;
};

/* --- reading --------------------------------------------------------------------------------------- */

static unsigned kind_of(const struct entry *entry)
{
    return entry->info >> 24 & 31;
}

static uint32_t length_of(const struct entry *entry)
{
    return entry->info & 0xffff;
}

/* Bytes behind an entry that belong to it; false: a kind that is not known. */
static bool bytes_behind(const struct entry *entry, size_t *bytes)
{
    static const uint8_t fixed[BTF_KINDS] = {[BTF_INT] = 4, [BTF_ARRAY] = 12, [BTF_VAR] = 4, [BTF_DECL_TAG] = 4};
    static const uint8_t each[BTF_KINDS] = {[BTF_STRUCT] = 12, [BTF_UNION] = 12, [BTF_ENUM] = 8, [BTF_FUNC_PROTO] = 8,
                                            [BTF_DATASEC] = 12, [BTF_ENUM64] = 12};
    unsigned kind = kind_of(entry);
    if (kind == 0 || kind >= BTF_KINDS)
        return false;
    *bytes = fixed[kind] + (size_t)each[kind] * length_of(entry);
    return true;
}

static const char *string_at(const struct types *types, uint32_t offset)
{
    return offset < types->strings_bytes ? types->strings + offset : "";
}

/* A type by its number; what is out of range is void. */
static const struct type *type_at(const struct types *types, uint32_t number)
{
    return &types->list[number < types->count ? number : 0];
}

/* Counts what has to be kept; false: the blob does not hold together. */
static bool count_all(struct types *types, const uint8_t *at, size_t length)
{
    types->count = 1;
    while (length >= sizeof(struct entry)) {
        struct entry entry;
        size_t behind;
        memcpy(&entry, at, sizeof entry);
        if (!bytes_behind(&entry, &behind) || behind > length - sizeof entry)
            return false;
        unsigned kind = kind_of(&entry);
        if (kind == BTF_STRUCT || kind == BTF_UNION)
            types->member_count += length_of(&entry);
        if (kind == BTF_ENUM || kind == BTF_ENUM64)
            types->enumerator_count += length_of(&entry);
        at += sizeof entry + behind;
        length -= sizeof entry + behind;
        types->count++;
    }
    return length == 0;
}

static void read_members(struct types *types, struct type *type, const struct entry *entry, const uint8_t *data,
                         size_t *used)
{
    bool has_bits = entry->info >> 31;
    type->members = &types->members[*used];
    type->count = length_of(entry);
    for (uint32_t i = 0; i < type->count; i++, data += 12) {
        uint32_t words[3];
        memcpy(words, data, sizeof words);
        types->members[(*used)++] = (struct member){
            .name = string_at(types, words[0]),
            .type = type_at(types, words[1]),
            .bit_offset = has_bits ? words[2] & 0xffffff : words[2],
            .bits = has_bits ? words[2] >> 24 : 0,
        };
    }
}

static void read_enumerators(struct types *types, struct type *type, const struct entry *entry, const uint8_t *data,
                             size_t *used)
{
    bool wide = kind_of(entry) == BTF_ENUM64;
    type->is_signed = entry->info >> 31;
    type->enumerators = &types->enumerators[*used];
    type->count = length_of(entry);
    for (uint32_t i = 0; i < type->count; i++, data += wide ? 12 : 8) {
        uint32_t words[3] = {0};
        memcpy(words, data, wide ? 12 : 8);
        int64_t value = wide              ? (int64_t)((uint64_t)words[2] << 32 | words[1])
                        : type->is_signed ? (int64_t)(int32_t)words[1]
                                          : (int64_t)words[1];
        types->enumerators[(*used)++] = (struct enumerator){string_at(types, words[0]), value};
    }
}

static void read_integer(struct type *type, const struct entry *entry, const uint8_t *data)
{
    uint32_t word;
    memcpy(&word, data, sizeof word);
    type->kind = TYPE_INT;
    type->size = entry->size_or_type <= 16 ? entry->size_or_type : 16;
    type->is_signed = word >> 24 & 1;
    type->is_char = type->size == 1 && type->name && strstr(type->name, "char");
    type->is_bool = word >> 24 & 4;
}

static void read_one(struct types *types, uint32_t number, const struct entry *entry, const uint8_t *data,
                     size_t *members_used, size_t *enumerators_used)
{
    static const char *const qualifiers[BTF_KINDS] = {[BTF_VOLATILE] = "volatile", [BTF_CONST] = "const",
                                                      [BTF_RESTRICT] = "restrict", [BTF_TYPE_TAG] = ""};
    struct type *type = &types->list[number];
    const char *name = string_at(types, entry->name);
    *type = (struct type){.kind = TYPE_VOID, .name = *name ? name : NULL};
    switch (kind_of(entry)) {
    case BTF_INT: read_integer(type, entry, data); break;
    case BTF_FLOAT:
        type->kind = TYPE_FLOAT;
        type->size = entry->size_or_type <= 16 ? entry->size_or_type : 16;
        break;
    case BTF_PTR:
        type->kind = TYPE_POINTER;
        type->size = 8;
        type->target = type_at(types, entry->size_or_type);
        break;
    case BTF_ARRAY: {
        uint32_t words[3];
        memcpy(words, data, sizeof words);
        type->kind = TYPE_ARRAY;
        type->target = type_at(types, words[0]);
        type->count = words[2];
        break;
    }
    case BTF_STRUCT:
    case BTF_UNION:
        type->kind = kind_of(entry) == BTF_STRUCT ? TYPE_STRUCT : TYPE_UNION;
        type->size = entry->size_or_type;
        read_members(types, type, entry, data, members_used);
        break;
    case BTF_ENUM:
    case BTF_ENUM64:
        type->kind = TYPE_ENUM;
        type->size = entry->size_or_type <= 8 ? entry->size_or_type : 8;
        read_enumerators(types, type, entry, data, enumerators_used);
        break;
    case BTF_FWD: type->kind = TYPE_FORWARD; break;
    case BTF_FUNC:
    case BTF_FUNC_PROTO: type->kind = TYPE_FUNCTION; break;
    case BTF_VAR: types->variables[number] = entry->size_or_type; break;
    case BTF_TYPEDEF: type->is_typedef = true; /* fall through */
    case BTF_VOLATILE:
    case BTF_CONST:
    case BTF_RESTRICT:
    case BTF_TYPE_TAG:
        type->kind = TYPE_ALIAS;
        if (!type->is_typedef)
            type->name = qualifiers[kind_of(entry)];
        type->target = type_at(types, entry->size_or_type);
        break;
    default: break;
    }
}

/* Sizes of aliases and arrays follow from what they are made of, which may come later, or in a circle. */
static uint64_t size_of(struct types *types, struct type *type, unsigned depth)
{
    if (depth > 32)
        return 0;
    if (type->kind == TYPE_ALIAS)
        return size_of(types, (struct type *)type->target, depth + 1);
    if (type->kind == TYPE_ARRAY)
        return size_of(types, (struct type *)type->target, depth + 1) * type->count;
    return type->size;
}

static void read_all(struct types *types, const uint8_t *at)
{
    size_t members_used = 0, enumerators_used = 0;
    types->list[0] = (struct type){.kind = TYPE_VOID, .name = "void"};
    for (uint32_t number = 1; number < types->count; number++) {
        struct entry entry;
        size_t behind = 0;
        memcpy(&entry, at, sizeof entry);
        bytes_behind(&entry, &behind);
        read_one(types, number, &entry, at + sizeof entry, &members_used, &enumerators_used);
        at += sizeof entry + behind;
    }
    for (uint32_t number = 1; number < types->count; number++)
        if (types->list[number].kind == TYPE_ALIAS || types->list[number].kind == TYPE_ARRAY)
            types->list[number].size = size_of(types, &types->list[number], 0);
}

/* --- names ----------------------------------------------------------------------------------------- */

static uint32_t hash_name(const struct types *types, const char *name)
{
    uint32_t hash = 2166136261u;
    for (; *name; name++)
        hash = (hash ^ (uint8_t)*name) * 16777619u;
    return hash & (types->hash_size - 1);
}

static void name_all(struct types *types)
{
    for (uint32_t number = types->count; number-- > 1;) {
        const struct type *type = &types->list[number];
        bool qualifier = type->kind == TYPE_ALIAS && !type->is_typedef;
        if (!type->name || qualifier || type->kind == TYPE_FUNCTION)
            continue;
        struct named **bucket = &types->hash[hash_name(types, type->name)];
        types->names[number] = (struct named){type->name, number, *bucket};
        *bucket = &types->names[number];
    }
}

const struct type *types_find(const struct types *types, enum type_kind kind, const char *name)
{
    if (!types)
        return NULL;
    for (const struct named *named = types->hash[hash_name(types, name)]; named; named = named->next) {
        const struct type *type = &types->list[named->type];
        bool plain = type->kind == TYPE_INT || type->kind == TYPE_FLOAT || type->kind == TYPE_ALIAS;
        if (!types->variables[named->type] && (kind == TYPE_ALIAS ? plain : type->kind == kind) &&
            !strcmp(named->name, name))
            return type;
    }
    return NULL;
}

const struct type *types_of_variable(const struct types *types, const char *name)
{
    if (!types)
        return NULL;
    for (const struct named *named = types->hash[hash_name(types, name)]; named; named = named->next)
        if (types->variables[named->type] && !strcmp(named->name, name))
            return type_at(types, types->variables[named->type]);
    return NULL;
}

void types_each(const struct types *types, const char *prefix, bool (*each)(void *context, const char *name),
                void *context)
{
    size_t length = strlen(prefix);
    for (uint32_t number = 1; types && number < types->count; number++) {
        const struct type *type = &types->list[number];
        if ((type->kind == TYPE_STRUCT || type->kind == TYPE_UNION || type->kind == TYPE_ENUM || type->is_typedef) &&
            type->name && !strncmp(type->name, prefix, length) && !each(context, type->name))
            return;
    }
}

/* --- entry points ---------------------------------------------------------------------------------- */

static bool check_header(const struct header *header, size_t length)
{
    return header->magic == BTF_MAGIC && header->version == 1 && header->header_bytes >= sizeof *header &&
           header->header_bytes <= length && header->types_at <= length - header->header_bytes &&
           header->types_bytes <= length - header->header_bytes - header->types_at &&
           header->strings_at <= length - header->header_bytes &&
           header->strings_bytes <= length - header->header_bytes - header->strings_at && header->types_at % 4 == 0;
}

struct types *types_from_btf(const void *bytes, size_t length, struct error *error)
{
    struct header header;
    if (length < sizeof header || (memcpy(&header, bytes, sizeof header), !check_header(&header, length))) {
        error_set(error, "that is no BTF");
        return NULL;
    }
    struct types *types = calloc(1, sizeof *types);
    if (types)
        types->bytes = malloc(length + 1);
    if (!types || !types->bytes) {
        free(types);
        error_set(error, "no memory for the kernel's types");
        return NULL;
    }
    memcpy(types->bytes, bytes, length);
    const uint8_t *at = types->bytes + header.header_bytes + header.types_at;
    types->strings = (const char *)types->bytes + header.header_bytes + header.strings_at;
    types->strings_bytes = header.strings_bytes;
    types->bytes[length] = 0;
    if (types->strings_bytes)
        types->bytes[header.header_bytes + header.strings_at + header.strings_bytes - 1] = 0;
    if (!count_all(types, at, header.types_bytes)) {
        types_free(types);
        error_set(error, "the BTF is damaged");
        return NULL;
    }
    for (types->hash_size = 64; types->hash_size < types->count; types->hash_size *= 2)
        continue;
    types->list = calloc(types->count, sizeof *types->list);
    types->variables = calloc(types->count, sizeof *types->variables);
    types->names = calloc(types->count, sizeof *types->names);
    types->members = calloc(types->member_count + 1, sizeof *types->members);
    types->enumerators = calloc(types->enumerator_count + 1, sizeof *types->enumerators);
    types->hash = calloc(types->hash_size, sizeof *types->hash);
    if (!types->list || !types->variables || !types->names || !types->members || !types->enumerators || !types->hash) {
        types_free(types);
        error_set(error, "no memory for the kernel's types");
        return NULL;
    }
    read_all(types, at);
    name_all(types);
    return types;
}

void types_free(struct types *types)
{
    if (!types)
        return;
    free(types->bytes);
    free(types->list);
    free(types->variables);
    free(types->names);
    free(types->members);
    free(types->enumerators);
    free(types->hash);
    free(types);
}

unsigned types_count(const struct types *types)
{
    return types ? types->count : 0;
}
