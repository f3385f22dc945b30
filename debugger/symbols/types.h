/* SPDX-License-Identifier: GPL-3.0-or-later */
/* C types as the debugger knows them, whether they come from BTF, from DWARF or from the language itself. */
#ifndef ARMATURE_DEBUGGER_TYPES_H
#define ARMATURE_DEBUGGER_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "machine/contract/error.h"

enum type_kind {
    TYPE_VOID,
    TYPE_INT, /* and bool and char */
    TYPE_FLOAT,
    TYPE_POINTER,
    TYPE_ARRAY,
    TYPE_STRUCT,
    TYPE_UNION,
    TYPE_ENUM,
    TYPE_FUNCTION,
    TYPE_ALIAS, /* typedef, const, volatile, restrict: `target` is what it means */
    TYPE_FORWARD, /* a structure that is only declared */
};

struct type;

struct member {
    const char *name; /* "" where it has none */
    const struct type *type;
    uint64_t bit_offset;
    uint32_t bits; /* of a bit field; 0: none */
};

struct enumerator {
    const char *name;
    int64_t value;
};

struct type {
    enum type_kind kind;
    const char *name; /* NULL: none */
    uint64_t size;    /* bytes; of arrays too */
    const struct type *target; /* pointer, array, alias */
    uint32_t count;            /* of an array; of members or enumerators */
    bool is_signed, is_char, is_bool, is_typedef;
    union {
        const struct member *members;
        const struct enumerator *enumerators;
    };
};

/* A set of types, such as all of a kernel's. */
struct types;

/** The types in a BTF blob of `length` bytes, which may be anything and is not needed afterwards. NULL: it is no BTF,
 *  or damaged. */
struct types *types_from_btf(const void *bytes, size_t length, struct error *error);
/** One set of both: what `first` does not know is looked for in `then`. Either may be NULL. */
struct types *types_join(struct types *first, struct types *then);
/** Takes `part`, one that was joined, or NULL, out of the set again. Returns what is left; NULL: nothing. */
struct types *types_part(struct types *types, struct types *part);
/** Frees a set and those joined behind it. */
void types_free(struct types *types);
/** How many there are. */
unsigned types_count(const struct types *types);

/** The type of that name: a structure, union or enum where `kind` says so, else (TYPE_ALIAS) a typedef or plain type.
 *  `types` may be NULL. NULL: there is none. */
const struct type *types_find(const struct types *types, enum type_kind kind, const char *name);

/** The type of the variable `name`, which only some have in BTF. NULL: not known. */
const struct type *types_of_variable(const struct types *types, const char *name);

/** Whoever completes names: told of each name of a kind that begins with `prefix`, until it returns false. */
void types_each(const struct types *types, const char *prefix, bool (*each)(void *context, const char *name),
                void *context);

/** An integer of the language: "unsigned long", "u8", "char" ... in any usual order of words. NULL: it is none. */
const struct type *type_builtin(const char *name);
/** The integer type of that many bytes, 1 to 8. */
const struct type *type_integer(unsigned bytes, bool is_signed);

/** A type made of another: owned by a pool that lives as long as the program; equal ones are one. */
const struct type *type_pointer_to(const struct type *target);
const struct type *type_array_of(const struct type *target, uint32_t count);

/** Without typedefs and qualifiers. */
const struct type *type_strip(const struct type *type);

/** The member `name` of a structure, looked for in members without a name as well. `*offset_bits` is from its
 * beginning. */
const struct member *type_member(const struct type *type, const char *name, uint64_t *offset_bits);

/** Writes the C name of a type: "struct file *". */
void type_name(const struct type *type, char *text, size_t capacity);

#endif
