/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BTF, the kernel's own description of its types (Documentation/bpf/btf.rst). It lies in guest memory, so it may say
 * anything: numbers of types, offsets of strings and counts are all checked before they are followed. */
#include <stdlib.h>
#include <string.h>
#include "debugger/symbols/types_set.h"

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

#define VOID_PLACE     0u
#define FUNCTION_PLACE 1u /* most types are functions', and one of these is like the other */
#define FIRST_PLACE    2u

/* A blob that is being read. */
struct btf {
    struct types *set;
    const char *strings;
    uint32_t strings_bytes;
    struct type *list;   /* void, all that are functions, then each other one */
    uint32_t *places;    /* in it, by number */
    uint32_t *variables; /* by number: the type of a variable; 0: it is none */
    uint32_t count, kept;
    struct member *members;
    struct enumerator *enumerators;
    size_t member_count, enumerator_count;
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

static const char *string_at(const struct btf *btf, uint32_t offset)
{
    return offset < btf->strings_bytes ? btf->strings + offset : "";
}

/* A type by its number; what is out of range is void. */
static const struct type *type_at(const struct btf *btf, uint32_t number)
{
    return &btf->list[number < btf->count ? btf->places[number] : VOID_PLACE];
}

/* Counts what has to be kept, and gives each type its place; false: the blob does not hold together. */
static bool count_all(struct btf *btf, const uint8_t *at, size_t length)
{
    btf->count = 1;
    btf->kept = FIRST_PLACE;
    while (length >= sizeof(struct entry)) {
        struct entry entry;
        size_t behind;
        memcpy(&entry, at, sizeof entry);
        if (!bytes_behind(&entry, &behind) || behind > length - sizeof entry)
            return false;
        unsigned kind = kind_of(&entry);
        if (kind == BTF_STRUCT || kind == BTF_UNION)
            btf->member_count += length_of(&entry);
        if (kind == BTF_ENUM || kind == BTF_ENUM64)
            btf->enumerator_count += length_of(&entry);
        at += sizeof entry + behind;
        length -= sizeof entry + behind;
        btf->places[btf->count++] = kind == BTF_FUNC || kind == BTF_FUNC_PROTO ? FUNCTION_PLACE : btf->kept++;
    }
    return length == 0;
}

static void read_members(struct btf *btf, struct type *type, const struct entry *entry, const uint8_t *data,
                         size_t *used)
{
    bool has_bits = entry->info >> 31;
    type->members = &btf->members[*used];
    type->count = length_of(entry);
    for (uint32_t i = 0; i < type->count; i++, data += 12) {
        uint32_t words[3];
        memcpy(words, data, sizeof words);
        btf->members[(*used)++] = (struct member){
            .name = string_at(btf, words[0]),
            .type = type_at(btf, words[1]),
            .bit_offset = has_bits ? words[2] & 0xffffff : words[2],
            .bits = has_bits ? words[2] >> 24 : 0,
        };
    }
}

static void read_enumerators(struct btf *btf, struct type *type, const struct entry *entry, const uint8_t *data,
                             size_t *used)
{
    bool wide = kind_of(entry) == BTF_ENUM64;
    type->is_signed = entry->info >> 31;
    type->enumerators = &btf->enumerators[*used];
    type->count = length_of(entry);
    for (uint32_t i = 0; i < type->count; i++, data += wide ? 12 : 8) {
        uint32_t words[3] = {0};
        memcpy(words, data, wide ? 12 : 8);
        int64_t value = wide              ? (int64_t)((uint64_t)words[2] << 32 | words[1])
                        : type->is_signed ? (int64_t)(int32_t)words[1]
                                          : (int64_t)words[1];
        btf->enumerators[(*used)++] = (struct enumerator){string_at(btf, words[0]), value};
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

static void read_one(struct btf *btf, uint32_t number, const struct entry *entry, const uint8_t *data,
                     size_t *members_used, size_t *enumerators_used)
{
    static const char *const qualifiers[BTF_KINDS] = {[BTF_VOLATILE] = "volatile", [BTF_CONST] = "const",
                                                      [BTF_RESTRICT] = "restrict", [BTF_TYPE_TAG] = ""};
    struct type *type = &btf->list[btf->places[number]];
    const char *name = string_at(btf, entry->name);
    if (btf->places[number] == FUNCTION_PLACE)
        return;
    _Static_assert(TYPE_VOID == 0, "the list is zeroed");
    type->name = *name ? name : NULL;
    switch (kind_of(entry)) {
    case BTF_INT: read_integer(type, entry, data); break;
    case BTF_FLOAT:
        type->kind = TYPE_FLOAT;
        type->size = entry->size_or_type <= 16 ? entry->size_or_type : 16;
        break;
    case BTF_PTR:
        type->kind = TYPE_POINTER;
        type->size = 8;
        type->target = type_at(btf, entry->size_or_type);
        break;
    case BTF_ARRAY: {
        uint32_t words[3];
        memcpy(words, data, sizeof words);
        type->kind = TYPE_ARRAY;
        type->target = type_at(btf, words[0]);
        type->count = words[2];
        break;
    }
    case BTF_STRUCT:
    case BTF_UNION:
        type->kind = kind_of(entry) == BTF_STRUCT ? TYPE_STRUCT : TYPE_UNION;
        type->size = entry->size_or_type;
        read_members(btf, type, entry, data, members_used);
        break;
    case BTF_ENUM:
    case BTF_ENUM64:
        type->kind = TYPE_ENUM;
        type->size = entry->size_or_type <= 8 ? entry->size_or_type : 8;
        read_enumerators(btf, type, entry, data, enumerators_used);
        break;
    case BTF_FWD: type->kind = TYPE_FORWARD; break;
    case BTF_VAR: btf->variables[number] = entry->size_or_type; break;
    case BTF_TYPEDEF: type->is_typedef = true; /* fall through */
    case BTF_VOLATILE:
    case BTF_CONST:
    case BTF_RESTRICT:
    case BTF_TYPE_TAG:
        type->kind = TYPE_ALIAS;
        if (!type->is_typedef)
            type->name = qualifiers[kind_of(entry)];
        type->target = type_at(btf, entry->size_or_type);
        break;
    default: break;
    }
}

static void read_all(struct btf *btf, const uint8_t *at)
{
    size_t members_used = 0, enumerators_used = 0;
    btf->list[VOID_PLACE] = (struct type){.kind = TYPE_VOID, .name = "void"};
    btf->list[FUNCTION_PLACE] = (struct type){.kind = TYPE_FUNCTION};
    for (uint32_t number = 1; number < btf->count; number++) {
        struct entry entry;
        size_t behind = 0;
        memcpy(&entry, at, sizeof entry);
        bytes_behind(&entry, &behind);
        read_one(btf, number, &entry, at + sizeof entry, &members_used, &enumerators_used);
        at += sizeof entry + behind;
    }
    for (struct type *type = btf->list; type < btf->list + btf->kept; type++)
        if (type->kind == TYPE_ALIAS || type->kind == TYPE_ARRAY)
            type->size = types_size_of(type);
}

/* --- names ----------------------------------------------------------------------------------------- */

static bool name_all(const struct btf *btf)
{
    bool good = true;
    for (uint32_t number = 1; good && number < btf->count; number++) {
        const struct type *type = type_at(btf, number);
        bool qualifier = type->kind == TYPE_ALIAS && !type->is_typedef;
        if (!type->name || qualifier)
            continue;
        good = btf->variables[number] ? types_put_variable(btf->set, type->name, type_at(btf, btf->variables[number]))
                                      : types_put(btf->set, type->name, type);
    }
    return good;
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

/* Room for all at once. */
static bool make_room(struct btf *btf)
{
    types_expect(btf->set, btf->strings_bytes + btf->kept * sizeof *btf->list +
                               btf->member_count * sizeof *btf->members +
                               btf->enumerator_count * sizeof *btf->enumerators);
    btf->list = types_room(btf->set, btf->kept, sizeof *btf->list);
    btf->variables = calloc(btf->count, sizeof *btf->variables);
    btf->members = types_room(btf->set, btf->member_count, sizeof *btf->members);
    btf->enumerators = types_room(btf->set, btf->enumerator_count, sizeof *btf->enumerators);
    char *strings = types_room(btf->set, btf->strings_bytes + 1ul, 1); /* a NUL behind them */
    if (strings)
        memcpy(strings, btf->strings, btf->strings_bytes);
    btf->strings = strings;
    return btf->list && btf->variables && btf->members && btf->enumerators && strings;
}

struct types *types_from_btf(const void *bytes, size_t length, struct error *error)
{
    struct header header;
    struct btf btf = {.set = NULL};
    if (length < sizeof header || (memcpy(&header, bytes, sizeof header), !check_header(&header, length))) {
        error_set(error, "that is no BTF");
        return NULL;
    }
    const uint8_t *at = (const uint8_t *)bytes + header.header_bytes + header.types_at;
    btf.strings = (const char *)bytes + header.header_bytes + header.strings_at;
    btf.strings_bytes = header.strings_bytes;
    btf.set = types_create();
    btf.places = calloc(header.types_bytes / sizeof(struct entry) + 1, sizeof *btf.places);
    bool good = btf.set && btf.places, whole = good && count_all(&btf, at, header.types_bytes);
    if (whole) {
        good = make_room(&btf);
        if (good) {
            read_all(&btf, at);
            good = name_all(&btf);
        }
    }
    free(btf.places);
    free(btf.variables);
    if (good && whole)
        return btf.set;
    types_free(btf.set);
    error_set(error, good ? "the BTF is damaged" : "no memory for the kernel's types");
    return NULL;
}
