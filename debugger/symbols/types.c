/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Types that are made of others or that the language has, and what is asked of any. */
#include "debugger/symbols/types.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMBERS_MAX 100000u /* that are looked at for one name: structures may be said to contain themselves */
#define DEPTH_MAX 64u /* of aliases and nested members: what comes from outside may go in circles */

/* --- the language's own ---------------------------------------------------------------------------- */

#define INTEGER(name_, size_, signed_) {.kind = TYPE_INT, .name = name_, .size = size_, .is_signed = signed_}
static const struct type builtins[] = {
    {.kind = TYPE_INT, .name = "char", .size = 1, .is_char = true},
    INTEGER("signed char", 1, true),
    INTEGER("unsigned char", 1, false),
    INTEGER("short", 2, true),
    INTEGER("unsigned short", 2, false),
    INTEGER("int", 4, true),
    INTEGER("unsigned int", 4, false),
    INTEGER("long", 8, true),
    INTEGER("unsigned long", 8, false),
    INTEGER("long long", 8, true),
    INTEGER("unsigned long long", 8, false),
    INTEGER("s8", 1, true),
    INTEGER("u8", 1, false),
    INTEGER("s16", 2, true),
    INTEGER("u16", 2, false),
    INTEGER("s32", 4, true),
    INTEGER("u32", 4, false),
    INTEGER("s64", 8, true),
    INTEGER("u64", 8, false),
    INTEGER("int8_t", 1, true),
    INTEGER("uint8_t", 1, false),
    INTEGER("int16_t", 2, true),
    INTEGER("uint16_t", 2, false),
    INTEGER("int32_t", 4, true),
    INTEGER("uint32_t", 4, false),
    INTEGER("int64_t", 8, true),
    INTEGER("uint64_t", 8, false),
    INTEGER("size_t", 8, false),
    INTEGER("ssize_t", 8, true),
    INTEGER("uintptr_t", 8, false),
    {.kind = TYPE_INT, .name = "bool", .size = 1, .is_bool = true},
    {.kind = TYPE_FLOAT, .name = "float", .size = 4},
    {.kind = TYPE_FLOAT, .name = "double", .size = 8},
    {.kind = TYPE_VOID, .name = "void"},
};

/* "long unsigned int" is "unsigned long": the words are counted, and put in order. */
static bool canonical(const char *name, char *to, size_t capacity)
{
    unsigned longs = 0, shorts = 0, chars = 0, ints = 0, unsigneds = 0, signeds = 0, others = 0;
    char copy[64];
    if (strlen(name) >= sizeof copy)
        return false;
    strcpy(copy, name);
    char *rest = copy, *word;
    while ((word = strsep(&rest, " ")))
        if (*word) {
            longs += !strcmp(word, "long");
            shorts += !strcmp(word, "short");
            chars += !strcmp(word, "char");
            ints += !strcmp(word, "int");
            unsigneds += !strcmp(word, "unsigned");
            signeds += !strcmp(word, "signed");
            others += strcmp(word, "long") && strcmp(word, "short") && strcmp(word, "char") && strcmp(word, "int") &&
                      strcmp(word, "unsigned") && strcmp(word, "signed");
        }
    if (others || longs > 2 || shorts > 1 || chars > 1 || ints > 1 || unsigneds + signeds > 1)
        return false;
    const char *base = chars ? "char" : shorts ? "short" : longs == 2 ? "long long" : longs ? "long" : "int";
    const char *sign = unsigneds ? "unsigned " : signeds && chars ? "signed " : "";
    return (size_t)snprintf(to, capacity, "%s%s", sign, base) < capacity;
}

const struct type *type_builtin(const char *name)
{
    char text[64];
    for (unsigned pass = 0; pass < 2; pass++) {
        for (unsigned i = 0; i < sizeof builtins / sizeof *builtins; i++)
            if (!strcmp(builtins[i].name, name))
                return &builtins[i];
        if (pass == 0 && !canonical(name, text, sizeof text))
            return NULL;
        name = text;
    }
    return NULL;
}

const struct type *type_integer(unsigned bytes, bool is_signed)
{
    static const char *const names[2][9] = {{[1] = "u8", [2] = "u16", [4] = "u32", [8] = "unsigned long"},
                                            {[1] = "s8", [2] = "s16", [4] = "s32", [8] = "long"}};
    const char *name = bytes <= 8 ? names[is_signed][bytes] : NULL;
    return name ? type_builtin(name) : NULL;
}

/* --- made of others -------------------------------------------------------------------------------- */

struct made {
    struct type type;
    struct made *next;
};

static const struct type *make(const struct type *wanted)
{
    static struct made *all;
    for (struct made *made = all; made; made = made->next)
        if (made->type.kind == wanted->kind && made->type.target == wanted->target && made->type.count == wanted->count)
            return &made->type;
    struct made *made = host_alloc(1, sizeof *made);
    *made = (struct made){*wanted, all};
    all = made;
    return &made->type;
}

const struct type *type_pointer_to(const struct type *target)
{
    return make(&(struct type){.kind = TYPE_POINTER, .size = 8, .target = target});
}

const struct type *type_array_of(const struct type *target, uint32_t count)
{
    return make(&(struct type){.kind = TYPE_ARRAY, .size = target->size * count, .target = target, .count = count});
}

/* --- questions ------------------------------------------------------------------------------------- */

const struct type *type_strip(const struct type *type)
{
    for (unsigned depth = 0; type->kind == TYPE_ALIAS && depth < DEPTH_MAX; depth++)
        type = type->target;
    return type->kind == TYPE_ALIAS ? type_builtin("void") : type;
}

static const struct member *find_member(const struct type *type, const char *name, uint64_t *offset_bits,
                                        unsigned depth, unsigned *left)
{
    type = type_strip(type);
    if (depth > DEPTH_MAX || (type->kind != TYPE_STRUCT && type->kind != TYPE_UNION))
        return NULL;
    for (uint32_t i = 0; i < type->count; i++) {
        const struct member *member = &type->members[i];
        uint64_t inner;
        if (!*left)
            return NULL;
        --*left;
        if (*member->name) {
            if (strcmp(member->name, name))
                continue;
            *offset_bits = member->bit_offset;
            return member;
        }
        const struct member *found = find_member(member->type, name, &inner, depth + 1, left);
        if (found) {
            *offset_bits = member->bit_offset + inner;
            return found;
        }
    }
    return NULL;
}

const struct member *type_member(const struct type *type, const char *name, uint64_t *offset_bits)
{
    unsigned left = MEMBERS_MAX;
    return find_member(type, name, offset_bits, 0, &left);
}

static void name_into(const struct type *type, char *text, size_t capacity, unsigned depth)
{
    static const char *const words[] = {[TYPE_STRUCT] = "struct ", [TYPE_UNION] = "union ", [TYPE_ENUM] = "enum "};
    size_t used;
    if (depth > DEPTH_MAX) {
        snprintf(text, capacity, "...");
        return;
    }
    switch (type->kind) {
    case TYPE_POINTER:
        name_into(type->target, text, capacity, depth + 1);
        used = strlen(text);
        snprintf(text + used, capacity - used, type->target->kind == TYPE_POINTER ? "*" : " *");
        return;
    case TYPE_ARRAY:
        name_into(type->target, text, capacity, depth + 1);
        used = strlen(text);
        snprintf(text + used, capacity - used, "[%u]", type->count);
        return;
    case TYPE_FUNCTION: snprintf(text, capacity, "function"); return;
    case TYPE_ALIAS:
        if (type->is_typedef) {
            snprintf(text, capacity, "%s", type->name);
            return;
        }
        snprintf(text, capacity, "%s ", type->name);
        used = strlen(text);
        name_into(type->target, text + used, capacity - used, depth + 1);
        return;
    case TYPE_STRUCT:
    case TYPE_UNION:
    case TYPE_ENUM: snprintf(text, capacity, "%s%s", words[type->kind], type->name ? type->name : "{...}"); return;
    case TYPE_FORWARD: snprintf(text, capacity, "struct %s", type->name ? type->name : "{...}"); return;
    default: snprintf(text, capacity, "%s", type->name ? type->name : "void");
    }
}

void type_name(const struct type *type, char *text, size_t capacity)
{
    name_into(type, text, capacity, 0);
}
