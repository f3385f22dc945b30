/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Field lists: each structure that is part of the machine's state describes its fields once. Snapshot,
 * diff, state hash and the debugger's print and set all walk the same list; nothing else is state. */
#ifndef ARMATURE_FIELDS_H
#define ARMATURE_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct fields;

enum field_kind {
    FIELD_KIND_END,
    FIELD_KIND_UINT,   /* an unsigned integer or bool of 1, 2, 4 or 8 bytes, `count` of them */
    FIELD_KIND_BYTES,  /* opaque bytes (FIFOs, vector registers): `size` bytes, `count` times */
    FIELD_KIND_STRUCT, /* a structure with a list of its own, `count` of them */
    FIELD_KIND_BUFFER, /* a pointer to `*length` bytes owned by the structure; may be NULL when 0 */
    FIELD_KIND_HOST,   /* a host pointer or derived value: named so that the list is complete, never saved */
};

struct field {
    const char *name;
    enum field_kind kind;
    uint32_t offset, size, count;
    uint32_t length_offset;      /* BUFFER: offset of the size_t that holds the length in bytes */
    const struct fields *fields; /* STRUCT */
    bool boolean;                /* UINT: only 0 and 1 are values of it */
};

/** The description of one structure: its name in a snapshot, its size, its fields up to FIELDS_END. */
struct fields {
    const char *name;
    size_t size;
    const struct field *list;
};

#define FIELD_SIZEOF(type, member) sizeof(((type *)0)->member)

#define FIELD_IS_BOOL(type, member) __builtin_types_compatible_p(__typeof__(((type *)0)->member), bool)

/* One member, an integer or bool. */
#define FIELD(type, member)                                                                                  \
    {#member, FIELD_KIND_UINT, offsetof(type, member), FIELD_SIZEOF(type, member), 1, 0, NULL,               \
     FIELD_IS_BOOL(type, member)}
/* An array of integers or bools. */
#define FIELD_ARRAY(type, member)                                                                            \
    {#member,                                                                                                \
     FIELD_KIND_UINT,                                                                                        \
     offsetof(type, member),                                                                                 \
     FIELD_SIZEOF(type, member[0]),                                                                          \
     FIELD_SIZEOF(type, member) / FIELD_SIZEOF(type, member[0]),                                             \
     0,                                                                                                      \
     NULL,                                                                                                   \
     FIELD_IS_BOOL(type, member[0])}
#define FIELD_BYTES(type, member)                                                                            \
    {#member, FIELD_KIND_BYTES, offsetof(type, member), FIELD_SIZEOF(type, member), 1, 0, NULL}
#define FIELD_STRUCT(type, member, sub)                                                                      \
    {#member, FIELD_KIND_STRUCT, offsetof(type, member), FIELD_SIZEOF(type, member), 1, 0, (sub)}
#define FIELD_STRUCT_ARRAY(type, member, sub)                                                                \
    {#member,                                                                                                \
     FIELD_KIND_STRUCT,                                                                                      \
     offsetof(type, member),                                                                                 \
     FIELD_SIZEOF(type, member[0]),                                                                          \
     FIELD_SIZEOF(type, member) / FIELD_SIZEOF(type, member[0]),                                             \
     0,                                                                                                      \
     (sub)}
#define FIELD_BUFFER(type, member, length)                                                                   \
    {#member, FIELD_KIND_BUFFER, offsetof(type, member), sizeof(void *), 1, offsetof(type, length), NULL}
#define FIELD_HOST(type, member)                                                                             \
    {#member, FIELD_KIND_HOST, offsetof(type, member), FIELD_SIZEOF(type, member), 1, 0, NULL}
#define FIELDS_END                                                                                           \
    {                                                                                                        \
        NULL, FIELD_KIND_END, 0, 0, 0, 0, NULL                                                               \
    }

/** Folds all saved fields of `object` into `hash` (start with FIELDS_HASH_SEED) and returns the new hash.
 *  Equal states give equal hashes in every build and on every host. */
uint64_t fields_hash(const struct fields *fields, const void *object, uint64_t hash);
#define FIELDS_HASH_SEED 0xcbf29ce484222325ull

/** Copies what is saved of `from` over `to`. No field may be a buffer. */
void fields_copy(const struct fields *fields, void *to, const void *from);

/** Whether two objects are equal in what is saved of them. No field may be a buffer. */
bool fields_equal(const struct fields *fields, const void *a, const void *b);

/** Prints a line for each number that is not the same in two objects: `indent`, its name, and its values in hexadecimal
 *  (opaque bytes as numbers of 16 bytes). No field may be a buffer. */
void fields_print_difference(FILE *to, const char *indent, const struct fields *fields, const void *a, const void *b);

/** Folds `length` bytes into `hash`. */
uint64_t hash_bytes(const void *bytes, size_t length, uint64_t hash);

#endif
